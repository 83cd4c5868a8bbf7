/* Loads the fleet of one run as the server does and measures what it costs: time and memory of the
 * load, then the time of each kind of question, asked with other pages and values every time.
 *
 * usage: store_tool DATA RUN_DATE ask WHAT [NAME=VALUE...]   prints the answer: page (sort=, page=,
 *                                                            size=, selection), summary, analytics
 *        store_tool DATA RUN_DATE export [NAME=VALUE...]     prints the CSV
 *        store_tool DATA RUN_DATE time [RUNS [SEED]]         one line of JSON a kind of question
 *        store_tool DATA RUN_DATE make VEHICLES              writes the gold of a made-up fleet */
#include "base/dates.h"
#include "base/rng.h"
#include "serve/gold.h"
#include "serve/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A line of /proc/self/status in kB. */
static long status_kb(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kb = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kb = strtol(line + strlen(name) + 1, NULL, 10);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return kb;
}

static void die(const struct error *err)
{
    (void)fprintf(stderr, "%s\n", err->text[LANG_EN]);
    exit(1);
}

/* ---- one answer ---- */

struct question {
    struct vehicles_query page;
    struct export_query export;
};

static void read_question(struct question *question, char *const *args, int count,
                          struct arena *arena)
{
    struct error err;
    for (int i = 0; i < count; i++) {
        char *name = args[i];
        char *value = strchr(name, '=');
        if (!value) {
            (void)fprintf(stderr, "%s: not NAME=VALUE\n", name);
            exit(2);
        }
        *value++ = '\0';
        int taken = selection_set(&question->page.selection, name, value, arena, &err);
        if (taken == 0) {
            taken = export_set(&question->export, name, value, &err);
        }
        if (taken == 0 && strcmp(name, "sort") == 0) {
            taken = sort_parse(value, &question->page.sort, &err) == 0 ? 1 : -1;
        } else if (taken == 0 && strcmp(name, "page") == 0) {
            question->page.page = strtoull(value, NULL, 10);
        } else if (taken == 0 && strcmp(name, "size") == 0) {
            question->page.size = strtoull(value, NULL, 10);
        }
        if (taken < 0) {
            die(&err);
        }
    }
    question->export.selection = question->page.selection;
    question->export.sort = question->page.sort;
}

static void answer(const struct store *store, const char *what, const struct question *question,
                   struct body *out)
{
    static const struct summary_facts none = {.messages = -1};
    if (strcmp(what, "summary") == 0) {
        store_summary(store, &question->page.selection, &none, out);
    } else if (strcmp(what, "analytics") == 0) {
        store_analytics(store, &question->page.selection, out);
    } else {
        store_page(store, &question->page, out);
    }
}

static void print_export(const struct store *store, const struct question *question)
{
    struct body out = {0};
    struct export *export = export_open(store, &question->export);
    while (export_next(export, 64 * 1024, &out)) {
        (void)fwrite(out.data, 1, out.size, stdout);
        out.size = 0;
    }
    export_close(export);
    body_release(&out);
}

/* ---- times ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

struct timing {
    const struct store *store;
    struct rng rng;
    size_t runs;
    double *took, *cpu; /* [runs] seconds */
};

static void random_sort(struct timing *timing, struct sort_order *order)
{
    do {
        order->key = rng_below(&timing->rng, 31);
    } while (order->key > 0 && !column_is_sortable(order->key - 1));
    order->descending = rng_below(&timing->rng, 2) == 1;
}

/* A page anywhere in what is left of `total`. */
static void random_page(struct timing *timing, size_t total, struct vehicles_query *query)
{
    query->page = 1 + rng_below(&timing->rng, (total / query->size + 1));
}

/* Every filter with some chance, so that selections of all sizes come. */
static void random_selection(struct timing *timing, struct selection *selection)
{
    if (rng_below(&timing->rng, 2) == 0) {
        selection->statuts = 1 + (unsigned)rng_below(&timing->rng, (1 << STATUT_COUNT) - 1);
    }
    if (rng_below(&timing->rng, 4) == 0) {
        selection->pannes = 1 + (unsigned)rng_below(&timing->rng, (1 << FAILURE_COUNT) - 1);
    }
    if (rng_below(&timing->rng, 2) == 0) {
        selection->prob_min = (double)rng_below(&timing->rng, 100) / 100;
    }
    if (rng_below(&timing->rng, 3) == 0) {
        selection->modele_count = 1;
        selection->modeles[0] = modele_names[rng_below(&timing->rng, MODELE_COUNT)];
    }
    if (rng_below(&timing->rng, 4) == 0) {
        selection->annee_count = 1;
        selection->annees[0] = 2018 + (int64_t)rng_below(&timing->rng, 7);
    }
    selection->sans_revision = rng_below(&timing->rng, 8) == 0;
}

/* Parts of vins and models: common, rare, absent; in small letters. */
static void random_search(struct timing *timing, char text[32])
{
    static const char *const words[] = {"vin-", "master", "e", "zzz"};
    if (rng_below(&timing->rng, 3) == 0) {
        (void)snprintf(text, 32, "%s", words[rng_below(&timing->rng, 4)]);
    } else {
        (void)snprintf(text, 32, "%u", (unsigned)rng_below(&timing->rng, 1000000));
    }
}

enum kind {
    FIRST_PAGE,
    ANY_SORT,
    ANY_FILTER,
    ANY_SEARCH,
    LARGE_PAGE,
    PLACE,
    SUMMARY,
    ANALYTICS,
    KINDS
};
static const char *const kind_names[KINDS] = {
    [FIRST_PAGE] = "first page, most urgent first",
    [ANY_SORT] = "any page of any sort",
    [ANY_FILTER] = "any page of any sort and filters",
    [ANY_SEARCH] = "any page of any sort and search",
    [LARGE_PAGE] = "500 vehicles of any sort",
    [PLACE] = "place of a vehicle in any sort and filters",
    [SUMMARY] = "summary of a selection",
    [ANALYTICS] = "analytics of a selection",
};

static void ask_once(struct timing *timing, enum kind kind, size_t run, struct body *out)
{
    char text[32];
    struct question question = {.page = {.page = 1, .size = kind == LARGE_PAGE ? 500 : 50}};
    struct vehicles_query *query = &question.page;
    size_t vehicles = store_vehicles(timing->store);
    if (kind != FIRST_PAGE) {
        random_sort(timing, &query->sort);
    }
    if (kind == ANY_SEARCH) {
        random_search(timing, text);
        query->selection.q = text;
    } else if (kind >= PLACE || kind == ANY_FILTER) {
        random_selection(timing, &query->selection);
    }
    if (kind == ANY_SORT || kind == LARGE_PAGE) {
        random_page(timing, vehicles, query);
    } else if (kind == ANY_FILTER || kind == ANY_SEARCH) { /* mostly an existing page */
        random_page(timing, vehicles / (1 + rng_below(&timing->rng, 30)), query);
    }
    size_t row = vehicles > 0 ? rng_below(&timing->rng, vehicles) : 0;
    out->size = 0;
    double start = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    if (kind == PLACE) {
        struct vehicle_place place =
            store_place(timing->store, &query->selection, query->sort, row);
        store_place_members(timing->store, &place, out);
    } else {
        answer(timing->store,
               kind == SUMMARY     ? "summary"
               : kind == ANALYTICS ? "analytics"
                                   : "page",
               &question, out);
    }
    timing->cpu[run] = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    timing->took[run] = seconds(CLOCK_MONOTONIC) - start;
}

static void time_kind(struct timing *timing, enum kind kind)
{
    struct body out = {0};
    for (size_t run = 0; run < timing->runs; run++) {
        ask_once(timing, kind, run, &out);
    }
    qsort(timing->took, timing->runs, sizeof *timing->took, compare_doubles);
    qsort(timing->cpu, timing->runs, sizeof *timing->cpu, compare_doubles);
    size_t middle = timing->runs / 2;
    size_t late = timing->runs * 99 / 100;
    printf("{\"question\": \"%s\", \"runs\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"max_ms\": %.2f, \"cpu_p50_ms\": %.2f, \"cpu_p99_ms\": %.2f}\n",
           kind_names[kind], timing->runs, 1e3 * timing->took[middle], 1e3 * timing->took[late],
           1e3 * timing->took[timing->runs - 1], 1e3 * timing->cpu[middle],
           1e3 * timing->cpu[late]);
    body_release(&out);
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct error err;
    struct store *store;
    int32_t run_date;
    if (argc < 4 || !date_parse(argv[2], strlen(argv[2]), &run_date)) {
        (void)fputs("usage: store_tool DATA RUN_DATE ask|export|time|make ...\n", stderr);
        return 2;
    }
    if (strcmp(argv[3], "make") == 0 && argc == 5) {
        if (gold_write(argv[1], run_date, strtoull(argv[4], NULL, 10), NULL, &err) != 0) {
            die(&err);
        }
        return 0;
    }
    double wall = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (store_load(&store, argv[1], run_date, &(struct store_options){0}, &err) != 0) {
        die(&err);
    }
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    struct question question = {0};
    struct body out = {0};
    if (strcmp(argv[3], "ask") == 0 && argc >= 5) {
        read_question(&question, argv + 5, argc - 5, &arena);
        answer(store, argv[4], &question, &out);
        (void)fwrite(out.data, 1, out.size, stdout);
    } else if (strcmp(argv[3], "export") == 0) {
        read_question(&question, argv + 4, argc - 4, &arena);
        print_export(store, &question);
    } else {
        struct timing timing = {.store = store, .runs = 1000};
        if (argc > 4) {
            timing.runs = strtoull(argv[4], NULL, 10);
        }
        rng_init(&timing.rng, argc > 5 ? strtoull(argv[5], NULL, 10) : 42, 0);
        timing.took = ARENA_NEW(&arena, double, timing.runs + 1);
        timing.cpu = ARENA_NEW(&arena, double, timing.runs + 1);
        printf("{\"vehicles\": %zu, \"load_s\": %.3f, \"load_cpu_s\": %.3f, \"store_mb\": %.1f, "
               "\"rss_mb\": %.1f, \"anon_mb\": %.1f, \"peak_mb\": %.1f}\n",
               store_vehicles(store), wall, cpu, (double)store_bytes(store) / 1e6,
               (double)status_kb("VmRSS") / 1e3, (double)status_kb("RssAnon") / 1e3,
               (double)status_kb("VmHWM") / 1e3);
        for (int kind = 0; kind < KINDS && timing.runs > 0; kind++) {
            time_kind(&timing, (enum kind)kind);
        }
        printf("{\"after_rss_mb\": %.1f, \"after_peak_mb\": %.1f}\n",
               (double)status_kb("VmRSS") / 1e3, (double)status_kb("VmHWM") / 1e3);
    }
    body_release(&out);
    store_free(store);
    arena_release(&arena);
    return 0;
}
