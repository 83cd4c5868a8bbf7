/* The card of a model that was learned: what it was learned from, how good it is, what its inputs
 * usually are, as metadata of the ONNX file; see docs/model.md. Writes one file. */
#include "pipeline/learning.h"

#include "base/dates.h"
#include "base/publish.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_PROFILE_ROWS = 20000, /* tell a column's quantiles well enough */
    MOST_FEATURES = 1000,      /* told one by one */
    DIGITS = 9,
};

/* ---- JSON; a document that cannot be made ends the process: no memory ---- */

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        out_of_memory();
    }
}

static void add(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        out_of_memory();
    }
}

/* NaN is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *whole(size_t value)
{
    return json_integer((json_int_t)value);
}

/* What is no UTF-8 is null. */
static json_t *text(const char *value)
{
    json_t *string = json_string(value);
    return string ? string : json_null();
}

/* The document as one line owned by the arena; it is given back. */
static const char *line_of(json_t *document, struct arena *arena)
{
    char *dumped = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    if (!dumped) {
        out_of_memory();
    }
    const char *line = arena_strdup(arena, dumped);
    free(dumped);
    json_decref(document);
    return line;
}

/* ---- measures ---- */

static json_t *plain_scores(const struct forest_metrics *m)
{
    json_t *object = json_object();
    put(object, "rows", whole(m->rows));
    for (int s = 0; s < FOREST_SCORE_COUNT; s++) {
        put(object, forest_score_names[s], number(m->score[s]));
    }
    return object;
}

/* An evaluation with what lies behind it: how rows were split, and the intervals, [low, high]. */
static json_t *checked_scores(const struct train_report *report)
{
    static const char *const splits[] = {"stratified", "grouped", "by_date"};
    const struct forest_metrics *m = &report->checked;
    json_t *object = plain_scores(m);
    json_t *intervals = json_object();
    for (int s = 0; s < FOREST_SCORE_COUNT; s++) {
        json_t *array = json_array();
        add(array, number(m->interval[s].low));
        add(array, number(m->interval[s].high));
        put(intervals, forest_score_names[s], array);
    }
    put(object, "split", text(splits[report->split]));
    put(object, "replicates", whole(m->replicates));
    put(object, "intervals", intervals);
    return object;
}

static json_t *rival_scores(const struct train_rival *rival)
{
    json_t *object = plain_scores(&rival->metrics);
    put(object, "cost", number(rival->cost));
    return object;
}

/* Rows of each class. */
static json_t *label_rows_json(const struct forest_data *data)
{
    size_t *count = xcalloc((size_t)data->classes, sizeof *count);
    json_t *array = json_array();
    for (size_t r = 0; r < data->rows; r++) {
        count[data->y[r]]++;
    }
    for (int c = 0; c < data->classes; c++) {
        add(array, whole(count[c]));
    }
    free(count);
    return array;
}

static json_t *classes_json(const struct train_report *report)
{
    json_t *array = json_array();
    for (int c = 0; c < report->classes; c++) {
        const struct forest_class_scores *each = &report->checked.each[c];
        json_t *object = json_object();
        put(object, "label", text(report->class_labels[c]));
        put(object, "rows", whole(each->actual));
        put(object, "precision", number(each->precision));
        put(object, "recall", number(each->recall));
        put(object, "f1", number(each->f1));
        add(array, object);
    }
    return array;
}

static json_t *confusion_json(const struct forest_metrics *m)
{
    json_t *rows = json_array();
    for (int t = 0; t < m->classes; t++) {
        json_t *row = json_array();
        for (int p = 0; p < m->classes; p++) {
            add(row, whole(m->confusion[t * m->classes + p]));
        }
        add(rows, row);
    }
    return rows;
}

static json_t *calibrations_json(const struct train_report *report)
{
    json_t *object = json_object();
    for (int k = 0; k <= FOREST_ISOTONIC; k++) {
        json_t *one = json_object();
        put(one, "log_loss", number(report->log_loss[k]));
        put(one, "calibration_error", number(report->calibration_error[k]));
        put(object, forest_calibration_names[k], one);
    }
    return object;
}

static json_t *costs_json(const struct train_report *report)
{
    json_t *object = json_object();
    put(object, "missed", number(report->costs.missed));
    put(object, "visit", number(report->costs.alarm));
    put(object, "threshold", number(report->threshold));
    put(object, "at_threshold", number(report->cost_at_threshold));
    put(object, "by_class", number(report->cost_by_class));
    put(object, "never", number(report->cost_never));
    put(object, "always", number(report->cost_always));
    return object;
}

static json_t *importance_json(const struct train_report *report)
{
    json_t *array = json_array();
    for (size_t f = 0; f < report->feature_count && f < MOST_FEATURES; f++) {
        json_t *object = json_object();
        put(object, "feature", text(report->features[f].name));
        put(object, "gini", number(report->features[f].gini));
        put(object, "permutation", number(report->features[f].permutation));
        add(array, object);
    }
    return array;
}

static json_t *reliability_json(const struct train_report *report)
{
    json_t *array = json_array();
    for (size_t b = 0; b < FOREST_RELIABILITY_BINS; b++) {
        const struct forest_reliability *bin = &report->reliability[b];
        json_t *object = json_object();
        put(object, "from", number(bin->from));
        put(object, "to", number(bin->to));
        put(object, "rows", whole(bin->rows));
        put(object, "predicted", number(bin->predicted));
        put(object, "observed", number(bin->observed));
        add(array, object);
    }
    return array;
}

/* ---- what the inputs usually are ---- */

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

static json_t *profile_of(const struct learning_table *table, size_t feature, float *sorted)
{
    const struct forest_data *data = &table->data;
    size_t stride = data->rows / MOST_PROFILE_ROWS + 1;
    size_t usual = 0, missing = 0, count = 0;
    for (size_t r = 0; r < data->rows; r++) {
        float value = data->x[r * data->features + feature];
        missing += isnan(value) != 0;
        if ((table->quiet < 0 || data->y[r] == table->quiet) && !isnan(value)) {
            if (usual++ % stride == 0) {
                sorted[count++] = value;
            }
        }
    }
    json_t *object = json_object();
    put(object, "n", whole(usual));
    put(object, "missing", whole(missing));
    if (count > 0) {
        qsort(sorted, count, sizeof *sorted, compare_floats);
        put(object, "p05", number(quantile(sorted, count, 0.05)));
        put(object, "p50", number(quantile(sorted, count, 0.5)));
        put(object, "p95", number(quantile(sorted, count, 0.95)));
    }
    return object;
}

/* The habitual range of each input: quantiles over the rows where nothing happened (all rows when
 * no class stands for that), and how many values are missing over all. */
static json_t *profile_json(const struct learning_table *table)
{
    json_t *object = json_object();
    float *sorted = xcalloc(table->data.rows, sizeof *sorted);
    for (size_t f = 0; f < table->data.features && f < MOST_FEATURES; f++) {
        put(object, table->feature_names[f], profile_of(table, f, sorted));
    }
    free(sorted);
    return object;
}

/* ---- the whole ---- */

/* The file's name alone: the folder it lay in is nobody's business, and changes no byte. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int learning_write(const struct session *session, const struct train_options *options,
                   const struct learning_table *table, const struct forest *forest,
                   const struct train_report *report, struct arena *arena, struct error *err)
{
    enum { MOST = 20 };
    static const char *const keys[] = {"autostream.holdout", "autostream.folds", "autostream.oob"};
    static const char *const rivals[RIVAL_COUNT] = {"autostream.majority",
                                                    "autostream.service_interval"};
    struct forest_property properties[MOST];
    size_t count = 0;
    char date[DATE_TEXT_SIZE];
#define PROPERTY(name, value) \
    properties[count++] = (struct forest_property){"autostream." name, (value)}
    PROPERTY("trained_on", date_format(session->run_date, date));
    PROPERTY("seed", arena_printf(arena, "%llu", (unsigned long long)options->seed));
    PROPERTY("source", base_name(report->source));
    PROPERTY("rows", arena_printf(arena, "%zu", table->data.rows));
    PROPERTY("label_rows", line_of(label_rows_json(&table->data), arena));
    properties[count++] =
        (struct forest_property){keys[report->check], line_of(checked_scores(report), arena)};
    if (report->has_oob && report->check != TRAIN_OUT_OF_BAG) {
        PROPERTY("oob", line_of(plain_scores(&report->oob), arena));
    }
    for (int k = 0; k < RIVAL_COUNT; k++) {
        if (report->rivals[k].known) {
            properties[count++] = (struct forest_property){
                rivals[k], line_of(rival_scores(&report->rivals[k]), arena)};
        }
    }
    if (report->checked.confusion) {
        PROPERTY("classes", line_of(classes_json(report), arena));
        PROPERTY("confusion", line_of(confusion_json(&report->checked), arena));
    }
    PROPERTY("reliability", line_of(reliability_json(report), arena));
    if (report->has_oob) {
        PROPERTY("calibration", forest_calibration_encode(&report->calibration, arena));
        PROPERTY("calibrations", line_of(calibrations_json(report), arena));
    }
    if (table->quiet >= 0) {
        PROPERTY("quiet", table->class_labels[table->quiet]);
        PROPERTY("costs", line_of(costs_json(report), arena));
    }
    PROPERTY("importance", line_of(importance_json(report), arena));
    PROPERTY("profile", line_of(profile_json(table), arena));
#undef PROPERTY
    const struct forest_card card = {.feature_names = table->feature_names,
                                     .class_names = table->class_names,
                                     .class_labels = table->class_labels,
                                     .labels_are_numbers = table->labels_are_numbers,
                                     .properties = properties,
                                     .property_count = count};
    struct bytes file;
    if (forest_encode(forest, &card, arena, &file, err) != 0) {
        return -1;
    }
    return publish_file(report->model_path, file.data, file.size, err);
}
