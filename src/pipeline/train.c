/* Training: the history of failures through the forest, evaluated honestly; see pipeline.h.
 * Reads a history CSV, writes an ONNX model. No engine is needed. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/publish.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FOLDS = 5 }; /* one of them is held out */

struct history {
    float *x; /* [rows][MODEL_INPUT_COUNT] */
    int *y;
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
    }
    for (size_t r = 0; r < batch->rows; r++, h->rows++) {
        for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) { /* columns: vin, inputs, type_panne */
            h->x[h->rows * MODEL_INPUT_COUNT + i] =
                batch->null[1 + i][r] ? NAN : (float)batch->values[1 + i].real[r];
        }
        h->y[h->rows] = (int)batch->values[1 + MODEL_INPUT_COUNT].whole[r];
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
    if (run_dates_under(data, "bronze", arena, &dates, &count, err) != 0) {
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

/* ---- evaluation ---- */

static void tell_trees(void *context, size_t done, size_t total)
{
    static const struct text growing = TEXT("Entraînement", "Training");
    stage_tell(context, &growing, done, total);
}

static struct forest_options forest_options_of(const struct session *session,
                                               const struct train_options *options)
{
    return (struct forest_options){.trees = options->trees,
                                   .seed = options->seed,
                                   .threads = session->threads,
                                   .progress = tell_trees,
                                   .progress_context = (void *)session};
}

/* Grows a forest on four fifths and measures it on the fifth that it has not seen. */
static int evaluate_holdout(const struct session *session, const struct train_options *options,
                            const struct forest_data *all, struct arena *arena,
                            struct forest_metrics *metrics, struct error *err)
{
    unsigned *fold = ARENA_NEW(arena, unsigned, all->rows);
    float *x = ARENA_NEW(arena, float, all->rows * all->features);
    int *y = ARENA_NEW(arena, int, all->rows);
    size_t part[2] = {0}; /* rows to train on, in front; rows held out, behind */
    forest_stratified_folds(all->y, all->rows, all->classes, FOLDS, options->seed, fold);
    for (int held_out = 0; held_out < 2; held_out++) {
        for (size_t r = 0; r < all->rows; r++) {
            if ((fold[r] == 0) == held_out) {
                size_t place = part[0] + part[1];
                memcpy(&x[place * all->features], &all->x[r * all->features],
                       all->features * sizeof *x);
                y[place] = all->y[r];
                part[held_out]++;
            }
        }
    }
    struct forest_data train = {x, y, part[0], all->features, all->classes, NULL};
    struct forest_options forest_options = forest_options_of(session, options);
    struct forest *forest;
    if (forest_train(&train, &forest_options, NULL, &forest, err) != 0) {
        return -1;
    }
    double *prob = ARENA_NEW(arena, double, part[1] * (size_t)all->classes);
    forest_predict(forest, &x[part[0] * all->features], part[1], session->threads, prob);
    forest_evaluate(&y[part[0]], prob, part[1], all->classes, arena, metrics);
    forest_free(forest);
    return 0;
}

/* ---- the model's card ---- */

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Value at `share` of a sorted list. */
static double quantile(const float *sorted, size_t count, double share)
{
    return (double)sorted[(size_t)(share * (double)(count - 1) + 0.5)];
}

/* The habitual range of each input: quantiles over the readings without failure, and how many
 * values are missing over all, as JSON. */
static const char *profile(const struct forest_data *data, struct arena *arena)
{
    char *text = arena_strdup(arena, "{");
    float *sorted = ARENA_NEW(arena, float, data->rows);
    for (size_t i = 0; i < data->features; i++) {
        size_t count = 0;
        size_t missing = 0;
        for (size_t r = 0; r < data->rows; r++) {
            float value = data->x[r * data->features + i];
            missing += isnan(value) != 0;
            if (data->y[r] == FAILURE_OK && !isnan(value)) {
                sorted[count++] = value;
            }
        }
        text = arena_printf(arena, "%s%s\"%s\":{\"n\":%zu,\"missing\":%zu", text, i > 0 ? "," : "",
                            model_input_names[i], count, missing);
        if (count > 0) {
            qsort(sorted, count, sizeof *sorted, compare_floats);
            text = arena_printf(arena, "%s,\"p05\":%.9g,\"p50\":%.9g,\"p95\":%.9g", text,
                                quantile(sorted, count, 0.05), quantile(sorted, count, 0.5),
                                quantile(sorted, count, 0.95));
        }
        text = arena_printf(arena, "%s}", text);
    }
    return arena_printf(arena, "%s}", text);
}

static const char *metrics_text(const struct forest_metrics *m, struct arena *arena)
{
    return arena_printf(arena,
                        "{\"rows\":%zu,\"accuracy\":%.6f,\"macro_f1\":%.6f,\"log_loss\":%.6f}",
                        m->rows, m->accuracy, m->macro_f1, m->log_loss);
}

static int write_model(const struct session *session, const struct train_options *options,
                       const struct forest_data *data, const struct forest *forest,
                       const struct train_report *report, struct arena *arena, struct error *err)
{
    const char *class_names[FAILURE_COUNT];
    const char *class_labels[FAILURE_COUNT];
    const char *feature_names[MODEL_INPUT_COUNT];
    char date[DATE_TEXT_SIZE];
    for (size_t f = 0; f < FAILURE_COUNT; f++) {
        class_names[f] = failure_kinds[f].name;
        class_labels[f] = arena_printf(arena, "%zu", f);
    }
    memcpy(feature_names, model_input_names, sizeof feature_names);
    struct forest_property properties[] = {
        {"autostream.trained_on", date_format(session->run_date, date)},
        {"autostream.seed", arena_printf(arena, "%llu", (unsigned long long)options->seed)},
        {"autostream.rows", arena_printf(arena, "%zu", data->rows)},
        {"autostream.holdout", metrics_text(&report->holdout, arena)},
        {"autostream.oob", metrics_text(&report->oob, arena)},
        {"autostream.profile", profile(data, arena)},
    };
    const struct forest_card card = {.feature_names = feature_names,
                                     .class_names = class_names,
                                     .class_labels = class_labels,
                                     .labels_are_numbers = true,
                                     .properties = properties,
                                     .property_count = sizeof properties / sizeof *properties};
    struct bytes file;
    if (forest_encode(forest, &card, arena, &file, err) != 0) {
        return -1;
    }
    return publish_file(report->model_path, file.data, file.size, err);
}

int pipeline_train(const struct session *session, const struct train_options *options,
                   struct arena *arena, struct train_report *report, struct error *err)
{
    struct history history = {0};
    struct forest *forest = NULL;
    struct timespec start, end;
    int status = -1;
    clock_gettime(CLOCK_MONOTONIC, &start);
    *report = (struct train_report){.history = options->history};
    report->model_path = options->model_path
                             ? arena_strdup(arena, options->model_path)
                             : arena_printf(arena, "%s/models/model_pannes.onnx", session->data);
    if ((!options->history && find_history(session->data, arena, &report->history, err) != 0) ||
        read_history(report->history, arena, &history, &report->refused, err) != 0) {
        goto done;
    }
    const struct forest_data data = {history.x, history.y, history.rows, MODEL_INPUT_COUNT,
                                     FAILURE_COUNT, NULL};
    struct forest_options forest_options = forest_options_of(session, options);
    double *oob = ARENA_NEW(arena, double, history.rows *FAILURE_COUNT);
    if (evaluate_holdout(session, options, &data, arena, &report->holdout, err) != 0 ||
        forest_train(&data, &forest_options, oob, &forest, err) != 0) {
        goto done;
    }
    forest_evaluate(data.y, oob, data.rows, data.classes, arena, &report->oob);
    report->rows = data.rows;
    report->trees = forest_trees(forest);
    report->nodes = forest_nodes(forest);
    if (write_model(session, options, &data, forest, report, arena, err) != 0) {
        goto done;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    report->seconds =
        (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
    status = 0;
done:
    forest_free(forest);
    free(history.x);
    free(history.y);
    return status;
}
