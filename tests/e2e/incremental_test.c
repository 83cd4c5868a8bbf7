/* Runs that read only what is new: whatever happens to bronze between them, the results have the
 * bytes of a run that reads everything. And gold over several run dates, against one run over all
 * their messages. */
#include "tests.h"

#include "base/fs.h"
#include "base/rng.h"
#include "e2e/e2e.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_JSON "runs/run_date=" E2E_DATE "/run.json"
#define INPUTS "runs/run_date=" E2E_DATE "/inputs.parquet"
#define TAKEN "runs/run_date=" E2E_DATE "/taken.parquet"

/* Everything that a run publishes but run.json and taken.parquet, which tell how it came about. */
static const char *results(struct e2e *e)
{
    return e2e_hashes(e, "silver", "gold", "quality", "quarantine", INPUTS, NULL);
}

static void must(struct e2e *e, const char *const argv[])
{
    struct program_result result;
    run_program(&e->arena, &result, argv, NULL);
    if (result.status != 0) {
        fail_msg("%s: %s", argv[0], result.err);
    }
}

/* The results of a run over a copy of bronze in a lake of its own, which reads everything. */
static const char *results_of_a_full_run(struct e2e *e)
{
    const char *own = e->data;
    const char *copy = arena_printf(&e->arena, "%s/full", e->folder);
    temp_folder_remove(copy);
    must(e, (const char *const[]){"cp", "-r", own, copy, NULL});
    e->data = copy;
    e2e_works(e, "run", "--full", "--max-rejects", "100%", NULL);
    const char *hashes = results(e);
    e->data = own;
    return hashes;
}

/* Runs, compares with a full run and verifies; how many files were not read again. */
static uint64_t run_and_compare(struct e2e *e)
{
    const char *report = e2e_works(e, "--json", "run", "--max-rejects", "100%", NULL);
    assert_string_equal(results(e), results_of_a_full_run(e));
    e2e_works(e, "verify", "--strict", NULL);
    return e2e_number(e, report, "telemetry.taken_before");
}

/* Every file was written long ago, each at an instant of its own: none is too fresh to be told from
 * a later one of the same tick. */
struct clock {
    time_t now;
};

static void age(struct e2e *e, struct clock *clock, const char *name)
{
    const char *path = e2e_path(e, arena_printf(&e->arena, E2E_BRONZE "/json/%s", name));
    const struct timespec at = {.tv_sec = ++clock->now, .tv_nsec = 7};
    assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){at, at}, 0), 0);
}

static void put(struct e2e *e, struct clock *clock, const char *name, const char *text)
{
    e2e_bronze(e, arena_printf(&e->arena, "json/%s", name), text);
    age(e, clock, name);
}

static char **names_of(struct e2e *e, size_t *count)
{
    char **names;
    struct error err;
    assert_int_equal(fs_list(e2e_path(e, E2E_BRONZE "/json"), &e->arena, &names, count, &err), 0);
    return names;
}

/* A lake whose files are all old, run once. */
static struct clock begin(struct e2e *e)
{
    struct clock clock = {1700000000};
    size_t count;
    char **names = names_of(e, &count);
    for (size_t i = 0; i < count; i++) {
        age(e, &clock, names[i]);
    }
    assert_int_equal(run_and_compare(e), 0); /* a copied lake: other inodes */
    return clock;
}

/* A message of one of the fleet's vehicles `days` before the run date. */
static const char *message(struct e2e *e, struct rng *rng, unsigned days)
{
    return arena_printf(&e->arena,
                        "{\"vin\": \"VIN-%u\", \"timestamp\": \"2026-11-%02uT%02u:%02u:00\", "
                        "\"temp_moteur\": %u.25, \"km_actuel\": %u.5, \"voltage_batterie\": 13}\n",
                        751000 + (unsigned)rng_below(rng, E2E_VEHICLES), 23 - days,
                        (unsigned)rng_below(rng, 12), (unsigned)rng_below(rng, 60),
                        80 + (unsigned)rng_below(rng, 40), 60000 + (unsigned)rng_below(rng, 1000));
}

/* ---- what may happen between two runs ---- */

struct story {
    struct e2e *e;
    struct clock clock;
    struct rng rng;
    unsigned serial;
    bool again; /* something happened to a file that was read: all must be read again */
    uint64_t added;
};

static const char *new_name(struct story *s, const char *end)
{
    return arena_printf(&s->e->arena, "story_%u.%s", s->serial++, end);
}

static void add(struct story *s, const char *end, const char *text)
{
    put(s->e, &s->clock, new_name(s, end), text);
    s->added++;
}

/* One of the files there are. */
static const char *some_name(struct story *s)
{
    size_t count;
    char **names = names_of(s->e, &count);
    return names[rng_below(&s->rng, count)];
}

static const char *text_of(struct story *s, const char *name)
{
    return e2e_text(s->e, arena_printf(&s->e->arena, E2E_BRONZE "/json/%s", name));
}

static void messages_come(struct story *s)
{
    for (uint64_t i = 0, count = 1 + rng_below(&s->rng, 3); i < count; i++) {
        add(s, "json", message(s->e, &s->rng, 0));
    }
}

static void late_messages_come(struct story *s)
{
    const char *text = message(s->e, &s->rng, 1 + (unsigned)rng_below(&s->rng, 4));
    add(s, "ndjson", arena_printf(&s->e->arena, "%s%s", text, message(s->e, &s->rng, 2)));
}

static void a_duplicate_comes(struct story *s)
{
    add(s, "ndjson", text_of(s, some_name(s)));
}

static void a_bad_message_comes(struct story *s)
{
    add(s, "json", "{\"vin\": \"VIN-751001\", \"timestamp\": \"then\", \"temp_moteur\": \"x\"}");
}

static void a_file_grows(struct story *s)
{
    const char *name = some_name(s);
    const char *text = text_of(s, name);
    put(s->e, &s->clock, name,
        arena_printf(&s->e->arena, "%s\n%s", text, message(s->e, &s->rng, 0)));
    s->again = true;
}

static void a_file_vanishes(struct story *s)
{
    e2e_remove(s->e, arena_printf(&s->e->arena, E2E_BRONZE "/json/%s", some_name(s)));
    s->again = true;
}

/* By another one of the same size. */
static void a_file_is_replaced(struct story *s)
{
    const char *name = some_name(s);
    char *text = arena_strdup(&s->e->arena, text_of(s, name));
    char *digit = strstr(text, "VIN-7510");
    if (digit) {
        digit[9] = digit[9] == '3' ? '4' : '3';
    }
    e2e_remove(s->e, arena_printf(&s->e->arena, E2E_BRONZE "/json/%s", name));
    put(s->e, &s->clock, name, text);
    s->again = true;
}

static void nothing_happens(struct story *s)
{
    (void)s;
}

/* Whenever the signal comes, the next run is right. In the foreground timeout waits for the killed
 * run to be gone, with its lock; else it kills itself along. */
static void a_run_is_killed(struct story *s)
{
    struct e2e *e = s->e;
    struct program_result result;
    const char *seconds = arena_printf(&e->arena, "0.%02u", 2 + (unsigned)rng_below(&s->rng, 40));
    run_program(&e->arena, &result,
                (const char *const[]){"timeout", "--foreground", "-s", "KILL", seconds,
                                      getenv("AUTOSTREAM_BIN"), "--data", e->data, "--run-date",
                                      E2E_DATE, "-q", "run", "--max-rejects", "100%", NULL},
                NULL);
}

static void tell_a_story(struct e2e *e, uint64_t seed, unsigned chapters)
{
    static void (*const events[])(struct story *) = {
        messages_come,   late_messages_come, a_duplicate_comes, a_bad_message_comes, a_file_grows,
        a_file_vanishes, a_file_is_replaced, nothing_happens,   a_run_is_killed};
    struct story s = {.e = e, .clock = begin(e)};
    rng_init(&s.rng, seed, 0);
    for (unsigned c = 0; c < chapters; c++) {
        size_t before;
        bool killed = false;
        s.again = false;
        s.added = 0;
        (void)names_of(e, &before);
        for (uint64_t i = 0, count = 1 + rng_below(&s.rng, 2); i < count; i++) {
            size_t which = rng_below(&s.rng, sizeof events / sizeof *events);
            killed |= events[which] == a_run_is_killed;
            print_message("seed %llu, chapter %u: event %zu\n", (unsigned long long)seed, c, which);
            events[which](&s);
        }
        uint64_t kept = run_and_compare(e);
        if (!killed) { /* else the killed run may have published */
            assert_int_equal(kept, s.again ? 0 : before);
        }
    }
}

static void test_what_runs_add_up_to_is_what_one_run_makes(void **state)
{
    tell_a_story(*state, 1, 8);
}

static void test_and_in_another_order(void **state)
{
    tell_a_story(*state, 2, 8);
}

static void test_and_in_a_third(void **state)
{
    tell_a_story(*state, 3, 8);
}

/* ---- each reason to read everything again ---- */

static uint64_t kept_by(struct e2e *e, const char *option, const char *value)
{
    const char *report = e2e_works(e, "--json", "run", option, value, NULL);
    return e2e_number(e, report, "telemetry.taken_before");
}

static void test_nothing_new_is_nothing_read(void **state)
{
    struct e2e *e = *state;
    begin(e);
    struct stat csv, kept;
    const char *path = e2e_path(e, "silver/telemetry/telemetry_clean.csv");
    assert_int_equal(stat(path, &csv), 0);
    const char *before = results(e);
    assert_int_equal(kept_by(e, NULL, NULL), 40);
    assert_string_equal(results(e), before);
    assert_int_equal(stat(path, &kept), 0);
    assert_int_equal(csv.st_ino, kept.st_ino); /* nor written */
    const char *record = e2e_text(e, RUN_JSON);
    assert_int_equal(e2e_number(e, record, "taken.read"), 0);
    assert_int_equal(e2e_number(e, record, "silver.inputs.files"), 40); /* of the date */
    assert_int_equal(e2e_count(e, TAKEN, "mtime > 0 AND inode > 0 AND bytes > 0"), 40);
    assert_int_equal(kept_by(e, "--full", NULL), 0);
    assert_string_equal(results(e), before);
}

static void test_nothing_new_leaves_silver_as_it_is(void **state)
{
    static const char *const silver[] = {"silver/telemetry/telemetry_clean.csv",
                                         "silver/maintenance_parquet/run_date=" E2E_DATE
                                         "/data.parquet",
                                         E2E_RECORDS,
                                         INPUTS,
                                         TAKEN,
                                         "quality/silver_quality_" E2E_DATE ".csv"};
    enum { FILES = sizeof silver / sizeof *silver };
    struct e2e *e = *state;
    struct stat before[FILES], after;
    begin(e);
    const char *whole = results(e);
    for (size_t i = 0; i < FILES; i++) {
        assert_int_equal(stat(e2e_path(e, silver[i]), &before[i]), 0);
    }
    assert_int_equal(run_and_compare(e), 40);
    for (size_t i = 0; i < FILES; i++) {
        assert_int_equal(stat(e2e_path(e, silver[i]), &after), 0);
        assert_int_equal(before[i].st_ino, after.st_ino);
    }
    for (size_t i = 0; i < FILES; i++) {
        e2e_remove(e, silver[i]);
        kept_by(e, NULL, NULL);
        assert_string_equal(results(e), whole);
    }
}

static void test_nothing_new_but_a_table_makes_silver_anew(void **state)
{
    struct e2e *e = *state;
    begin(e);
    e2e_register(e, "UPDATE vehicules SET annee = 2001 WHERE vin = 'VIN-751003'");
    assert_int_equal(run_and_compare(e), 40);
    e2e_bronze(e, "csv/maintenance.csv",
               "vin,date_last_revis,type,km_derniere_revis\nVIN-751003,2026-01-02,Pneus,1000\n"
               "VIN-751004,2026-13-02,Pneus,1000\n");
    assert_int_equal(run_and_compare(e), 40);
    e2e_remove(e, E2E_BRONZE "/csv/piece_lifetime.csv");
    assert_int_equal(run_and_compare(e), 40);
}

static void test_a_late_message_writes_its_day_and_leaves_the_others(void **state)
{
    struct e2e *e = *state;
    struct clock clock = begin(e);
    struct stat before, after;
    const char *today = e2e_path(e, "silver/telemetry_parquet/run_date=" E2E_DATE
                                    "/event_date=" E2E_DATE "/data.parquet");
    assert_int_equal(stat(today, &before), 0);
    put(e, &clock, "late.json",
        "{\"vin\": \"VIN-751003\", \"timestamp\": \"2026-11-19T23:59:00-01:00\"}");
    assert_int_equal(run_and_compare(e), 40);
    assert_int_equal(stat(today, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(e2e_count(e,
                               "silver/telemetry_parquet/run_date=" E2E_DATE
                               "/event_date=2026-11-20/data.parquet",
                               "vin = 'VIN-751003'"),
                     1);
}

static void test_other_rules_read_everything(void **state)
{
    struct e2e *e = *state;
    begin(e);
    const char *map = arena_printf(&e->arena, "%s/map.json", e->folder);
    static const char text[] = "{\"format\": \"json\", \"fields\": {\"vin\": \"vin\", "
                               "\"timestamp\": \"timestamp\", \"km_actuel\": \"km_actuel\"}}";
    write_file(&e->arena, e->folder, "map.json", text, sizeof text - 1);
    assert_int_equal(kept_by(e, "--map", map), 0);
    assert_int_equal(kept_by(e, "--map", map), 40);
    assert_int_equal(kept_by(e, NULL, NULL), 0);
}

static void test_results_that_are_not_as_recorded_are_made_anew(void **state)
{
    static const char *const spoiled[] = {"silver/telemetry_parquet/run_date=" E2E_DATE
                                          "/event_date=" E2E_DATE "/data.parquet",
                                          E2E_RECORDS, INPUTS, TAKEN};
    struct e2e *e = *state;
    begin(e);
    const char *whole = results(e);
    for (size_t i = 0; i < sizeof spoiled / sizeof *spoiled; i++) {
        assert_int_equal(truncate(e2e_path(e, spoiled[i]), 100), 0);
        assert_int_equal(kept_by(e, NULL, NULL), 0);
        assert_string_equal(results(e), whole);
        e2e_remove(e, spoiled[i]);
        assert_int_equal(kept_by(e, NULL, NULL), 0);
        assert_string_equal(results(e), whole);
    }
}

static void test_a_refused_run_is_followed_by_one_that_reads_everything(void **state)
{
    struct e2e *e = *state;
    struct clock clock = begin(e);
    for (int i = 0; i < 6; i++) {
        put(e, &clock, arena_printf(&e->arena, "bad_%d.json", i), "[1");
    }
    struct program_result refused = e2e_run(e, "run", NULL);
    assert_int_equal(refused.status, 1);
    assert_int_equal(e2e_count(e, E2E_RECORDS, "reasons = 'broken_json'"), 6);
    for (int i = 0; i < 6; i++) {
        e2e_remove(e, arena_printf(&e->arena, E2E_BRONZE "/json/bad_%d.json", i));
    }
    assert_int_equal(run_and_compare(e), 0);
    assert_int_equal(e2e_count(e, E2E_RECORDS, "true"), 0);
}

/* Rewritten within the tick of the clock in which it was read: its time may be the same then. */
static void test_a_file_as_fresh_as_its_run_is_read_again(void **state)
{
    struct e2e *e = *state;
    begin(e);
    const struct timespec ahead = {.tv_sec = 4000000000};
    const char *path = e2e_path(e, E2E_BRONZE "/json/msg_1.json");
    assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){ahead, ahead}, 0), 0);
    assert_int_equal(kept_by(e, NULL, NULL), 0);
    assert_int_equal(e2e_count(e, TAKEN, "mtime = 0"), 1);
    assert_int_equal(run_and_compare(e), 0);
}

/* ---- files that are not like others ---- */

/* A byte that is not UTF-8, and a backslash, are told as \xNN: the first file's own name is what
 * the second one's would be reported as otherwise. */
static void test_names_that_are_not_utf8_lose_nothing(void **state)
{
    struct e2e *e = *state;
    struct clock clock = begin(e);
    struct rng rng;
    rng_init(&rng, 4, 0);
    put(e, &clock, "\\xff.json", message(e, &rng, 1));
    assert_int_equal(run_and_compare(e), 40);
    put(e, &clock, "\xff.json", message(e, &rng, 2));
    put(e, &clock, "\xc3(\n.json", "[1");
    assert_int_equal(run_and_compare(e), 41);
    assert_int_equal(run_and_compare(e), 43);
    assert_int_equal(e2e_number(e, e2e_text(e, RUN_JSON), "silver.telemetry.rows"), 42);
    static const char *const names[] = {"/\\x5cxff.json", "/\\xff.json", "/\\xc3(\n.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(
            e2e_count(e, INPUTS, arena_printf(&e->arena, "ends_with(path, '%s')", names[i])), 1);
    }
    assert_int_equal(e2e_quarantined(e, names[2], "broken_json"), 1);
    e2e_works(e, "quality", NULL);
    assert_int_equal(unlink(e2e_path(e, E2E_BRONZE "/json/\xff.json")), 0);
    assert_int_equal(run_and_compare(e), 0);
}

/* The engine opens files by names that are UTF-8 alone. */
static void test_a_parquet_file_whose_name_is_not_utf8_is_quarantined(void **state)
{
    struct e2e *e = *state;
    begin(e);
    const char *silver =
        "silver/telemetry_parquet/run_date=" E2E_DATE "/event_date=" E2E_DATE "/data.parquet";
    const char *folder = e2e_path(e, E2E_BRONZE "/parquet");
    assert_int_equal(mkdir(folder, 0777), 0);
    must(e, (const char *const[]){"cp", e2e_path(e, silver),
                                  arena_printf(&e->arena, "%s/\xe9t\xe9.parquet", folder), NULL});
    assert_int_equal(run_and_compare(e), 40);
    assert_int_equal(e2e_quarantined(e, "/\\xe9t\\xe9.parquet", "unreadable_file"), 1);
}

/* Another program writes lines to a file until it is stopped; what a run saw of it is whole lines
 * and perhaps one that was cut, and the next run has them all. */
static void test_a_file_that_grows_while_it_is_read_loses_nothing(void **state)
{
    struct e2e *e = *state;
    (void)begin(e);
    const char *path = e2e_path(e, E2E_BRONZE "/json/growing.ndjson");
    const char *line = arena_printf(&e->arena, "%s\n", e2e_message(e, "VIN-751004"));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
        for (const char *p = line;; p = p[1] ? p + 1 : line) { /* byte by byte */
            if (write(fd, p, 1) != 1) {
                _exit(1);
            }
        }
    }
    struct program_result during = e2e_run(e, "run", "--max-rejects", "100%", NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(during.status, 0);
    struct stat grown;
    assert_int_equal(stat(path, &grown), 0);
    uint64_t lines = (uint64_t)grown.st_size / strlen(line);
    uint64_t rest = (uint64_t)grown.st_size % strlen(line) != 0;
    (void)run_and_compare(e);
    assert_int_equal(e2e_number(e, e2e_text(e, RUN_JSON), "silver.telemetry.records"),
                     40 + lines + rest);
}

/* Links to one message: a name costs no more than an entry of its folder. */
static void test_a_hundred_thousand_files_are_read_once(void **state)
{
    enum { LINKS = 50000 };
    struct e2e *e = *state;
    struct clock clock = begin(e);
    for (char c = 'a'; c <= 'b'; c++) { /* a file has 65,000 names at most */
        const char *name = arena_printf(&e->arena, "%c.json", c);
        put(e, &clock, name, e2e_message(e, "VIN-751004"));
        const char *path = e2e_path(e, arena_printf(&e->arena, E2E_BRONZE "/json/%s", name));
        for (int i = 1; i < LINKS; i++) {
            char *other = arena_printf(&e->arena, "%.*s_%d.json", (int)strlen(path) - 5, path, i);
            assert_int_equal(link(path, other), 0);
        }
    }
    const char *report = e2e_works(e, "--json", "run", NULL);
    assert_int_equal(e2e_number(e, report, "telemetry.taken_before"), 40);
    assert_int_equal(e2e_number(e, report, "telemetry.duplicates"), 2 * LINKS - 1);
    assert_int_equal(kept_by(e, NULL, NULL), 2 * LINKS + 40);
}

/* ---- gold over several dates ---- */

/* Bronze of a date with messages of this and earlier days, and the registers of E2E_DATE. */
static void make_date(struct e2e *e, const char *date, const char *seed)
{
    const char *bronze = e2e_path(e, arena_printf(&e->arena, "bronze/run_date=%s", date));
    e2e_works(e, "generate", "--run-date", date, "--vehicles", "20", "--days", "3", "--seed", seed,
              NULL);
    for (const char *const *part = (const char *const[]){"csv", "sql", NULL}; *part; part++) {
        const char *to = arena_printf(&e->arena, "%s/%s", bronze, *part);
        const char *from = e2e_path(e, arena_printf(&e->arena, E2E_BRONZE "/%s", *part));
        temp_folder_remove(to);
        must(e, (const char *const[]){"cp", "-r", from, to, NULL});
    }
}

/* A date's messages go to bronze of E2E_DATE too, under other names. */
static void copy_messages(struct e2e *e, const char *date)
{
    const char *folder = arena_printf(&e->arena, "bronze/run_date=%s/json", date);
    char **names;
    size_t count;
    struct error err;
    assert_int_equal(fs_list(e2e_path(e, folder), &e->arena, &names, &count, &err), 0);
    assert_true(count >= 60);
    for (size_t i = 0; i < count; i++) {
        e2e_bronze(e, arena_printf(&e->arena, "json/%s_%s", date, names[i]),
                   e2e_text(e, arena_printf(&e->arena, "%s/%s", folder, names[i])));
    }
}

static const char *gold_of(struct e2e *e)
{
    return e2e_hashes(e, "gold", "quality/gold_quality_" E2E_DATE ".csv",
                      "quality/orphelins_" E2E_DATE ".parquet", NULL);
}

static void test_gold_since_a_date_is_gold_over_all_its_messages(void **state)
{
    struct e2e *e = *state;
    make_date(e, "2026-11-20", "1"); /* too early */
    make_date(e, "2026-11-21", "2");
    make_date(e, "2026-11-22", "3"); /* its days overlap with those of the day before */
    /* one message under two dates */
    e2e_bronze(e, "json/twice.json", e2e_text(e, "bronze/run_date=2026-11-21/json/msg_1.json"));
    for (const char *const *date =
             (const char *const[]){"2026-11-20", "2026-11-21", "2026-11-22", E2E_DATE, NULL};
         *date; date++) {
        e2e_works(e, "run", "--run-date", *date, NULL);
    }
    const char *alone = gold_of(e);
    const char *own = e->data;
    const char *all = arena_printf(&e->arena, "%s/all", e->folder);
    must(e, (const char *const[]){"cp", "-r", own, all, NULL});

    e2e_works(e, "gold", "--since", "2026-11-21", NULL);
    const char *stepwise = gold_of(e);
    assert_string_not_equal(stepwise, alone);
    const char *record = e2e_text(e, RUN_JSON);
    assert_string_equal(e2e_member(e, record, "gold.since"), "2026-11-21");
    e2e_works(e, "verify", "--strict", NULL);
    e2e_works(e, "run", "--since", "2026-11-21", NULL);
    assert_string_equal(gold_of(e), stepwise);
    assert_int_equal(e2e_count(e, "silver/telemetry/telemetry_clean.csv", "true"), 41);

    e->data = all;
    copy_messages(e, "2026-11-21");
    copy_messages(e, "2026-11-22");
    e2e_works(e, "run", "--full", NULL);
    const char *at_once = gold_of(e);
    e->data = own;
    assert_string_equal(stepwise, at_once);

    e2e_works(e, "run", NULL); /* and back to the date alone */
    assert_string_equal(gold_of(e), alone);
    assert_false(e2e_has_member(e2e_text(e, RUN_JSON), "since"));
}

static void test_verify_tells_of_earlier_silver_that_has_moved_on(void **state)
{
    struct e2e *e = *state;
    make_date(e, "2026-11-22", "3");
    e2e_works(e, "run", "--run-date", "2026-11-22", NULL);
    e2e_works(e, "run", "--since", "2026-11-22", NULL);
    e2e_works(e, "verify", "--strict", NULL);
    e2e_remove(e, "bronze/run_date=2026-11-22/json/msg_1.json");
    e2e_works(e, "run", "--run-date", "2026-11-22", NULL);
    const char *report = e2e_works(e, "verify", NULL);
    assert_non_null(strstr(report, "the silver of 2026-11-22 is no longer the one it was made from"
                                   "; autostream --run-date 2026-11-23 gold --since 2026-11-22"));
}

static void test_since_wants_a_date_before_the_run_and_records(void **state)
{
    struct e2e *e = *state;
    e2e_fails(e, 2, "--since 2026-11-24: after the run date, 2026-11-23", "gold", "--since",
              "2026-11-24", NULL);
    make_date(e, "2026-11-22", "3");
    e2e_works(e, "run", "--run-date", "2026-11-22", NULL);
    e->outcomes = e2e_outcomes(e);
    e2e_remove(e, "runs/run_date=2026-11-22/run.json");
    e2e_fails(e, 1, "the silver of 2026-11-22 has no run.json", "gold", "--since", "2026-11-22",
              NULL);
}

/* No earlier date: gold of the date alone. */
static void test_since_the_run_date_is_the_date_alone(void **state)
{
    struct e2e *e = *state;
    const char *alone = gold_of(e);
    e2e_works(e, "gold", "--since", E2E_DATE, NULL);
    assert_string_equal(gold_of(e), alone);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, e2e_setup, e2e_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_new_is_nothing_read),
        TEST(test_nothing_new_leaves_silver_as_it_is),
        TEST(test_nothing_new_but_a_table_makes_silver_anew),
        TEST(test_a_late_message_writes_its_day_and_leaves_the_others),
        TEST(test_other_rules_read_everything),
        TEST(test_results_that_are_not_as_recorded_are_made_anew),
        TEST(test_a_refused_run_is_followed_by_one_that_reads_everything),
        TEST(test_a_file_as_fresh_as_its_run_is_read_again),
        TEST(test_names_that_are_not_utf8_lose_nothing),
        TEST(test_a_parquet_file_whose_name_is_not_utf8_is_quarantined),
        TEST(test_a_file_that_grows_while_it_is_read_loses_nothing),
        TEST(test_a_hundred_thousand_files_are_read_once),
        TEST(test_what_runs_add_up_to_is_what_one_run_makes),
        TEST(test_and_in_another_order),
        TEST(test_and_in_a_third),
        TEST(test_gold_since_a_date_is_gold_over_all_its_messages),
        TEST(test_verify_tells_of_earlier_silver_that_has_moved_on),
        TEST(test_since_wants_a_date_before_the_run_and_records),
        TEST(test_since_the_run_date_is_the_date_alone),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
