/* Training: the fleet's history of failures, or any table, through the forest; see pipeline.h.
 * Reads a history CSV, writes an ONNX model. The history needs no engine. */
#include "pipeline/learning.h"

#include "base/dates.h"
#include "base/fs.h"
#include "pipeline/dictionary.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct history {
    float *x; /* [rows][MODEL_INPUT_COUNT] */
    int *y;
    size_t *vehicle; /* [rows]: number of the vin */
    struct dictionary vehicles;
    size_t rows, room;
};

/* ---- reading ---- */

static int take_rows(void *context, const struct batch *batch, struct error *err)
{
    struct history *h = context;
    (void)err;
    if (h->rows + batch->rows > h->room) {
        h->room = (h->rows + batch->rows) * 2;
        h->x = xrealloc(h->x, h->room, MODEL_INPUT_COUNT * sizeof *h->x);
        h->y = xrealloc(h->y, h->room, sizeof *h->y);
        h->vehicle = xrealloc(h->vehicle, h->room, sizeof *h->vehicle);
    }
    for (size_t r = 0; r < batch->rows; r++, h->rows++) {
        for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) { /* columns: vin, inputs, type_panne */
            h->x[h->rows * MODEL_INPUT_COUNT + i] =
                batch->null[1 + i][r] ? NAN : (float)batch->values[1 + i].real[r];
        }
        h->y[h->rows] = (int)batch->values[1 + MODEL_INPUT_COUNT].whole[r];
        h->vehicle[h->rows] = dictionary_number(
            &h->vehicles, batch->null[0][r] ? (struct bytes){"", 0} : batch->values[0].text[r]);
    }
    return 0;
}

static int pass_over_reject(void *context, const struct reject *reject, struct error *err)
{
    (void)context, (void)reject, (void)err; /* counted; the report tells */
    return 0;
}

static int pass_over_file(void *context, const struct input_file *file, struct error *err)
{
    (void)context, (void)file, (void)err;
    return 0;
}

/* The history of the newest bronze. */
static int find_history(const char *data, struct arena *arena, const char **path, struct error *err)
{
    int32_t *dates;
    size_t count;
    if (published_dates_under(data, "bronze", arena, &dates, &count, err) != 0) {
        return -1;
    }
    while (count > 0) {
        char date[DATE_TEXT_SIZE];
        *path = arena_printf(arena, "%s/bronze/run_date=%s/csv/data_historique_pannes.csv", data,
                             date_format(dates[--count], date));
        if (fs_exists(*path)) {
            return 0;
        }
    }
    *path = arena_printf(arena, "%s/bronze/csv/data_historique_pannes.csv", data);
    if (fs_exists(*path)) {
        return 0;
    }
    return error_set(
        err,
        "%s : pas d'historique de pannes ; donnez-en un avec --history, ou simulez une "
        "flotte avec « autostream generate »",
        "%s: no history of failures; give one with --history, or simulate a fleet with "
        "\"autostream generate\"",
        data);
}

static int read_history(const char *path, struct arena *arena, struct history *history,
                        uint64_t *refused, struct error *err)
{
    const struct ingest_sink sink = {history, take_rows, pass_over_reject, pass_over_file};
    struct ingest_counts counts = {0};
    const char *slash = strrchr(path, '/');
    const char *folder = !slash          ? "."
                         : slash == path ? "/"
                                         : arena_copy(arena, path, (size_t)(slash - path));
    if (!fs_exists(path)) {
        return error_set(err,
                         "%s : ce fichier n'existe pas ; donnez un historique CSV avec --history",
                         "%s: no such file; give a history CSV with --history", path);
    }
    if (bronze_history(folder, slash ? slash + 1 : path, &sink, &counts, err) != 0) {
        return -1;
    }
    *refused = counts.quarantined;
    size_t failures = 0;
    for (size_t r = 0; r < history->rows; r++) {
        failures += history->y[r] != FAILURE_OK;
    }
    if (failures == 0 || failures == history->rows) {
        return error_set(
            err,
            "%s : %zu relevés dont %zu suivis d'une panne ; il en faut avec et sans "
            "panne (colonne type_panne)",
            "%s: %zu readings, %zu of them followed by a failure; both kinds are needed "
            "(column type_panne)",
            path, history->rows, failures);
    }
    return 0;
}

/* ---- the rule of thumb ---- */

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Median km since service at which a part failed; NAN when it never did. */
static double median_lifetime(const struct forest_data *seen, int failure, float *scratch)
{
    size_t count = 0;
    for (size_t r = 0; r < seen->rows; r++) {
        float km = seen->x[r * seen->features + INPUT_km_depuis_revis];
        if (seen->y[r] == failure && !isnan(km)) {
            scratch[count++] = km;
        }
    }
    if (count == 0) {
        return NAN;
    }
    qsort(scratch, count, sizeof *scratch, compare_floats);
    return ((double)scratch[(count - 1) / 2] + (double)scratch[count / 2]) / 2;
}

/* "By service interval": a vehicle fails of the part whose median lifetime it has exceeded the
 * most, counted from the last service; one that has exceeded none is well. Says 1 or 0. */
static void service_interval(const struct forest_data *seen, const float *x, size_t rows,
                             double *prob)
{
    double lifetime[FAILURE_COUNT];
    float *scratch = xcalloc(seen->rows, sizeof *scratch);
    for (int f = 0; f < FAILURE_COUNT; f++) {
        lifetime[f] = median_lifetime(seen, f, scratch);
    }
    for (size_t r = 0; r < rows; r++) {
        double km = (double)x[r * seen->features + INPUT_km_depuis_revis];
        double most = 1;
        int failure = FAILURE_OK;
        for (int f = 0; f < FAILURE_COUNT; f++) {
            if (f != FAILURE_OK && lifetime[f] > 0 && km / lifetime[f] >= most) {
                most = km / lifetime[f];
                failure = f;
            }
        }
        prob[r * FAILURE_COUNT + (size_t)failure] = 1;
    }
    free(scratch);
}

/* ---- the whole ---- */

static struct learning_table fleet_table_of(const struct history *history, struct arena *arena)
{
    struct learning_table table = {
        .data = {.x = history->x,
                 .y = history->y,
                 .rows = history->rows,
                 .features = MODEL_INPUT_COUNT,
                 .classes = FAILURE_COUNT},
        .feature_names = ARENA_NEW(arena, const char *, MODEL_INPUT_COUNT),
        .class_labels = ARENA_NEW(arena, const char *, FAILURE_COUNT),
        .class_names = ARENA_NEW(arena, const char *, FAILURE_COUNT),
        .labels_are_numbers = true,
        .quiet = FAILURE_OK,
        .rival = service_interval,
    };
    memcpy((void *)table.feature_names, (const void *)model_input_names, sizeof model_input_names);
    for (size_t f = 0; f < FAILURE_COUNT; f++) {
        table.class_names[f] = failure_kinds[f].name;
        table.class_labels[f] = arena_printf(arena, "%zu", f);
    }
    /* Readings of one vehicle are alike: they stay together where there are several. */
    if (history->vehicles.count > 1 && history->vehicles.count < history->rows) {
        table.group = history->vehicle;
        table.groups = history->vehicles.count;
    }
    return table;
}

/* Evaluates, trains, writes: what follows once the rows are there. The rows are read here and the
 * forest is judged here, whoever grows its trees. */
static int learn(const struct session *session, const struct train_options *options,
                 const struct learning_table *table, struct arena *arena,
                 struct train_report *report, struct error *err)
{
    struct forest *forest = NULL;
    struct tree_workers workers = {0};
    struct learning_table grown = *table;
    int status = 0;
    if (session->spark) {
        status = tree_workers_open(&workers, session, options->trees, err);
        grown.elsewhere = &workers.elsewhere;
    }
    if (status == 0) {
        status = learning_run(session, options, &grown, arena, report, &forest, err);
    }
    if (status == 0) {
        status = learning_write(session, options, table, forest, report, arena, err);
    }
    tree_workers_close(&workers);
    forest_free(forest);
    return status;
}

static int train_on_history(const struct session *session, const struct train_options *options,
                            struct arena *arena, struct train_report *report, struct error *err)
{
    struct history history = {0};
    int status = -1;
    report->source = options->history;
    report->fleet = true;
    if ((options->history || find_history(session->data, arena, &report->source, err) == 0) &&
        read_history(report->source, arena, &history, &report->refused, err) == 0) {
        const struct learning_table table = fleet_table_of(&history, arena);
        status = learn(session, options, &table, arena, report, err);
    }
    free(history.x);
    free(history.y);
    free(history.vehicle);
    dictionary_release(&history.vehicles);
    return status;
}

static int train_on_table(const struct session *session, const struct train_options *options,
                          struct arena *arena, struct train_report *report, struct error *err)
{
    struct any_table table = {0};
    int status = -1;
    report->source = options->table;
    if (any_table_read(session, options, arena, &table, err) == 0) {
        report->refused = table.refused;
        status = learn(session, options, &table.learning, arena, report, err);
    }
    any_table_release(&table);
    return status;
}

int pipeline_train(const struct session *session, const struct train_options *options,
                   struct arena *arena, struct train_report *report, struct error *err)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    *report = (struct train_report){0};
    report->model_path = options->model_path
                             ? arena_strdup(arena, options->model_path)
                             : arena_printf(arena, "%s/models/model_pannes.onnx", session->data);
    int status = options->table ? train_on_table(session, options, arena, report, err)
                                : train_on_history(session, options, arena, report, err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    report->seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
    return status;
}
