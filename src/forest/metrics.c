/* How good predictions are: confusion matrix and what follows from it, log-loss, ranking, Brier,
 * calibration error, each with an interval. Reads y and P, writes a struct forest_metrics.
 *
 * All measures are sums over weighted rows. A resample (bootstrap) is a set of weights, so every
 * sum is kept for all resamples at once: column 0 has weight 1 for every row and gives the value
 * itself, columns 1.. give the interval. */
#include "forest/evaluate.h"

#include "base/parallel.h"
#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST_PROB = 1e-6;
static const double TAIL = 0.025; /* on either side of an interval */

enum { BINS = FOREST_CALIBRATION_BINS, LEAST_REPLICATES = 20 };

static const size_t MOST_WEIGHTS = (size_t)1 << 28; /* bytes for the resamples */

const char *const forest_score_names[FOREST_SCORE_COUNT] = {
#define X(name) #name,
    FOREST_SCORES(X)
#undef X
};

struct evaluation {
    const int *y;
    const double *prob;
    size_t classes;
    const struct forest_evaluation *options;
    uint32_t *row;  /* [rows]: those that have a prediction */
    int *predicted; /* [rows] */
    size_t rows;
    size_t width;    /* 1 + resamples */
    uint8_t *weight; /* [rows][width] */
    /* sums; [width] each */
    double *count, *loss, *brier, *gap;  /* gap[BINS]: right - confidence */
    uint32_t *hit, *actual, *predicteds; /* [classes][width] */
    size_t curves;                       /* classes to rank by, and the event behind them */
    double *auc, *precision;             /* [curves][width] */
};

/* ---- which rows, and how often ---- */

/* The first largest of prob[classes], -1 when all are zero: nobody predicted this row. */
static int predicted_class(const double *prob, size_t classes)
{
    size_t best = 0;
    bool any = prob[0] != 0;
    for (size_t c = 1; c < classes; c++) {
        any = any || prob[c] != 0;
        best = prob[c] > prob[best] ? c : best;
    }
    return any ? (int)best : -1;
}

static void find_rows(struct evaluation *e, size_t rows)
{
    e->row = xcalloc(rows, sizeof *e->row);
    e->predicted = xcalloc(rows, sizeof *e->predicted);
    for (size_t row = 0; row < rows; row++) {
        assert(e->y[row] >= 0 && (size_t)e->y[row] < e->classes);
        int predicted = predicted_class(e->prob + row * e->classes, e->classes);
        if (predicted >= 0) {
            e->predicted[e->rows] = predicted;
            e->row[e->rows++] = (uint32_t)row;
        }
    }
}

static void add_once(uint8_t *weight)
{
    *weight = (uint8_t)(*weight + (*weight < UINT8_MAX));
}

/* One resample: as many draws, with replacement, as there are rows (or groups). */
static void draw_resample(void *context, size_t index, unsigned worker)
{
    struct evaluation *e = context;
    const struct forest_evaluation *o = e->options;
    uint8_t *weight = e->weight + 1 + index;
    struct rng rng;
    (void)worker;
    rng_init(&rng, o->seed, index);
    if (!o->group) {
        for (size_t i = 0; i < e->rows; i++) {
            add_once(&weight[rng_below(&rng, e->rows) * e->width]);
        }
        return;
    }
    uint8_t *times = xcalloc(o->groups, sizeof *times);
    for (size_t i = 0; i < o->groups; i++) {
        add_once(&times[rng_below(&rng, o->groups)]);
    }
    for (size_t i = 0; i < e->rows; i++) {
        weight[i * e->width] = times[o->group[e->row[i]]];
    }
    free(times);
}

static void draw_resamples(struct evaluation *e)
{
    size_t replicates = 0;
    if (e->options->intervals && e->rows > 1) {
        replicates = MOST_WEIGHTS / e->rows;
        replicates = replicates > FOREST_BOOTSTRAP_REPLICATES ? FOREST_BOOTSTRAP_REPLICATES
                     : replicates < LEAST_REPLICATES          ? LEAST_REPLICATES
                                                              : replicates;
    }
    e->width = 1 + replicates;
    e->weight = xcalloc(e->rows, e->width);
    for (size_t i = 0; i < e->rows; i++) {
        e->weight[i * e->width] = 1;
    }
    parallel_for(e->options->threads, replicates, draw_resample, e);
}

/* ---- sums over rows ---- */

static void add_whole(uint32_t *sum, const uint8_t *weight, size_t width)
{
    for (size_t r = 0; r < width; r++) {
        sum[r] += weight[r];
    }
}

static void add_real(double *sum, double value, const uint8_t *weight, size_t width)
{
    for (size_t r = 0; r < width; r++) {
        sum[r] += value * weight[r];
    }
}

static double squared_error(const double *prob, size_t classes, size_t actual)
{
    double sum = 0;
    for (size_t c = classes == 2 ? 1 : 0; c < classes; c++) {
        double error = prob[c] - (c == actual ? 1.0 : 0.0);
        sum += error * error;
    }
    return sum;
}

static void add_row(struct evaluation *e, size_t i)
{
    const double *prob = e->prob + e->row[i] * e->classes;
    const uint8_t *weight = e->weight + i * e->width;
    size_t actual = (size_t)e->y[e->row[i]];
    size_t predicted = (size_t)e->predicted[i];
    size_t width = e->width;
    double confidence = fmin(prob[predicted], 1);
    size_t bin = confidence < 1 ? (size_t)(confidence * BINS) : BINS - 1;
    add_real(e->count, 1, weight, width);
    add_real(e->loss, -log(fmin(fmax(prob[actual], LEAST_PROB), 1)), weight, width);
    add_real(e->brier, squared_error(prob, e->classes, actual), weight, width);
    add_real(e->gap + bin * width, (actual == predicted) - confidence, weight, width);
    add_whole(e->actual + actual * width, weight, width);
    add_whole(e->predicteds + predicted * width, weight, width);
    if (actual == predicted) {
        add_whole(e->hit + actual * width, weight, width);
    }
}

/* ---- ranking ---- */

struct ranked {
    double score;
    size_t place; /* in e->row */
    bool positive;
};

/* Highest score first. */
static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

static struct ranked *rank_rows(const struct evaluation *e, size_t curve)
{
    struct ranked *ranked = xcalloc(e->rows, sizeof *ranked);
    bool event = e->options->has_quiet && curve == e->curves - 1;
    size_t class_index = event ? (size_t)e->options->quiet : e->classes == 2 ? 1 : curve;
    for (size_t i = 0; i < e->rows; i++) {
        double prob = e->prob[e->row[i] * e->classes + class_index];
        bool is_class = (size_t)e->y[e->row[i]] == class_index;
        ranked[i] = (struct ranked){event ? -prob : prob, i, is_class != event};
    }
    qsort(ranked, e->rows, sizeof *ranked, compare_ranked);
    return ranked;
}

/* Area under the ROC curve and average precision of one class against the rest: down the ranking,
 * rows of equal score together. */
static void sum_curve(void *context, size_t curve, unsigned worker)
{
    struct evaluation *e = context;
    size_t width = e->width;
    double *auc = e->auc + curve * width;
    double *precision = e->precision + curve * width;
    double *sums = xcalloc(4 * width, sizeof *sums);
    double *tied[2] = {sums, sums + width}; /* weights of negative, positive rows of equal score */
    double *above[2] = {sums + 2 * width, sums + 3 * width}; /* and of all down to those */
    struct ranked *ranked = rank_rows(e, curve);
    (void)worker;
    bool any[2] = {false};
    for (size_t i = 0; i < e->rows; i++) {
        any[ranked[i].positive] = true;
        add_real(tied[ranked[i].positive], 1, e->weight + ranked[i].place * width, width);
        if (i + 1 < e->rows && ranked[i + 1].score == ranked[i].score) {
            continue;
        }
        for (size_t r = 0; any[0] && r < width; r++) {
            auc[r] += tied[0][r] * (above[1][r] + tied[1][r] / 2);
            above[0][r] += tied[0][r];
            tied[0][r] = 0;
        }
        for (size_t r = 0; any[1] && r < width; r++) {
            above[1][r] += tied[1][r];
            double all = above[0][r] + above[1][r];
            precision[r] += all > 0 ? tied[1][r] * above[1][r] / all : 0;
            tied[1][r] = 0;
        }
        any[0] = any[1] = false;
    }
    for (size_t r = 0; r < width; r++) {
        bool both = above[0][r] > 0 && above[1][r] > 0;
        auc[r] = both ? auc[r] / (above[0][r] * above[1][r]) : NAN;
        precision[r] = both ? precision[r] / above[1][r] : NAN;
    }
    free(ranked);
    free(sums);
}

/* ---- from sums to measures ---- */

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

/* Mean over the curves of the classes, of those that are defined. */
static double mean_curve(const struct evaluation *e, const double *values, size_t r)
{
    size_t curves = e->curves - e->options->has_quiet;
    double sum = 0;
    size_t count = 0;
    for (size_t c = 0; c < curves; c++) {
        if (!isnan(values[c * e->width + r])) {
            sum += values[c * e->width + r];
            count++;
        }
    }
    return count > 0 ? sum / (double)count : NAN;
}

/* All measures of resample r. */
static void derive(const struct evaluation *e, size_t r, double score[FOREST_SCORE_COUNT])
{
    double n = e->count[r];
    double right = 0, f1_sum = 0, present = 0, gap = 0;
    for (size_t c = 0; c < e->classes; c++) {
        double actual = e->actual[c * e->width + r];
        right += e->hit[c * e->width + r];
        if (actual > 0) {
            present++;
            f1_sum += 2.0 * e->hit[c * e->width + r] / (actual + e->predicteds[c * e->width + r]);
        }
    }
    for (size_t bin = 0; bin < BINS; bin++) {
        gap += fabs(e->gap[bin * e->width + r]);
    }
    score[FOREST_SCORE_accuracy] = ratio(right, n);
    score[FOREST_SCORE_macro_f1] = ratio(f1_sum, present);
    score[FOREST_SCORE_log_loss] = ratio(e->loss[r], n);
    score[FOREST_SCORE_auc] = mean_curve(e, e->auc, r);
    score[FOREST_SCORE_average_precision] = mean_curve(e, e->precision, r);
    bool event = e->options->has_quiet;
    score[FOREST_SCORE_event_auc] = event ? e->auc[(e->curves - 1) * e->width + r] : NAN;
    score[FOREST_SCORE_event_average_precision] =
        event ? e->precision[(e->curves - 1) * e->width + r] : NAN;
    score[FOREST_SCORE_brier] = ratio(e->brier[r], n);
    score[FOREST_SCORE_calibration_error] = ratio(gap, n);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Value at `share` of sorted[count], linear between neighbours. */
static double percentile(const double *sorted, size_t count, double share)
{
    double place = share * (double)(count - 1);
    size_t below = (size_t)place;
    double above = sorted[below + (below + 1 < count)];
    return sorted[below] + (place - (double)below) * (above - sorted[below]);
}

/* The interval of values[count], NaN left out; the values are sorted on the way. */
static struct forest_interval interval_of(double *values, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i])) {
            values[kept++] = values[i];
        }
    }
    if (kept == 0) {
        return (struct forest_interval){NAN, NAN};
    }
    qsort(values, kept, sizeof *values, compare_doubles);
    return (struct forest_interval){percentile(values, kept, TAIL),
                                    percentile(values, kept, 1 - TAIL)};
}

static void fill_scores(const struct evaluation *e, struct forest_metrics *out)
{
    size_t replicates = e->width - 1;
    double *values = xcalloc(replicates * FOREST_SCORE_COUNT, sizeof *values);
    double score[FOREST_SCORE_COUNT];
    derive(e, 0, out->score);
    for (size_t r = 0; r < replicates; r++) {
        derive(e, r + 1, score);
        for (size_t s = 0; s < FOREST_SCORE_COUNT; s++) {
            values[s * replicates + r] = score[s];
        }
    }
    for (size_t s = 0; s < FOREST_SCORE_COUNT; s++) {
        out->interval[s] = interval_of(values + s * replicates, replicates);
    }
    free(values);
}

/* Of resamples that lack the class nothing is told. */
static void fill_class(const struct evaluation *e, size_t c, double *values,
                       struct forest_class_scores *out)
{
    size_t width = e->width;
    const uint32_t *hit = e->hit + c * width;
    const uint32_t *actual = e->actual + c * width;
    const uint32_t *predicted = e->predicteds + c * width;
    double *precision = values, *recall = values + width, *f1 = values + 2 * width;
    for (size_t r = 0; r < width; r++) {
        bool absent = r > 0 && actual[r] == 0;
        precision[r] = absent ? NAN : ratio(hit[r], predicted[r]);
        recall[r] = absent ? NAN : ratio(hit[r], actual[r]);
        f1[r] = absent ? NAN : ratio(2.0 * hit[r], (double)actual[r] + predicted[r]);
    }
    *out = (struct forest_class_scores){.actual = actual[0],
                                        .predicted = predicted[0],
                                        .hit = hit[0],
                                        .precision = precision[0],
                                        .recall = recall[0],
                                        .f1 = f1[0]};
    out->precision_interval = interval_of(precision + 1, width - 1);
    out->recall_interval = interval_of(recall + 1, width - 1);
    out->f1_interval = interval_of(f1 + 1, width - 1);
}

static void fill_classes(const struct evaluation *e, struct arena *arena,
                         struct forest_metrics *out)
{
    double *values = xcalloc(3 * e->width, sizeof *values);
    out->each = ARENA_NEW(arena, struct forest_class_scores, e->classes);
    for (size_t c = 0; c < e->classes; c++) {
        fill_class(e, c, values, &out->each[c]);
    }
    free(values);
    if (e->classes <= FOREST_CONFUSION_CLASSES) {
        out->confusion = ARENA_NEW(arena, size_t, e->classes * e->classes);
        for (size_t i = 0; i < e->rows; i++) {
            out->confusion[(size_t)e->y[e->row[i]] * e->classes + (size_t)e->predicted[i]]++;
        }
    }
}

/* ---- the whole ---- */

static void sum_all(struct evaluation *e)
{
    e->count = xcalloc(e->width, sizeof *e->count);
    e->loss = xcalloc(e->width, sizeof *e->loss);
    e->brier = xcalloc(e->width, sizeof *e->brier);
    e->gap = xcalloc(BINS * e->width, sizeof *e->gap);
    e->hit = xcalloc(e->classes * e->width, sizeof *e->hit);
    e->actual = xcalloc(e->classes * e->width, sizeof *e->actual);
    e->predicteds = xcalloc(e->classes * e->width, sizeof *e->predicteds);
    e->curves = (e->classes == 2 ? 1 : e->classes) + e->options->has_quiet;
    e->auc = xcalloc(e->curves * e->width, sizeof *e->auc);
    e->precision = xcalloc(e->curves * e->width, sizeof *e->precision);
    for (size_t i = 0; i < e->rows; i++) {
        add_row(e, i);
    }
    parallel_for(e->options->threads, e->curves, sum_curve, e);
}

static void release(struct evaluation *e)
{
    free(e->row);
    free(e->predicted);
    free(e->weight);
    free(e->count);
    free(e->loss);
    free(e->brier);
    free(e->gap);
    free(e->hit);
    free(e->actual);
    free(e->predicteds);
    free(e->auc);
    free(e->precision);
}

void forest_reliability(const struct forest_predicted *predicted,
                        struct forest_reliability out[FOREST_RELIABILITY_BINS])
{
    size_t right[FOREST_RELIABILITY_BINS] = {0};
    size_t classes = (size_t)predicted->classes;
    for (size_t b = 0; b < FOREST_RELIABILITY_BINS; b++) {
        out[b] = (struct forest_reliability){.from = (double)b / FOREST_RELIABILITY_BINS,
                                             .to = (double)(b + 1) / FOREST_RELIABILITY_BINS};
    }
    for (size_t r = 0; r < predicted->rows; r++) {
        const double *prob = predicted->prob + r * classes;
        int class = predicted_class(prob, classes);
        if (class < 0) {
            continue;
        }
        double confidence = fmin(prob[class], 1);
        size_t b = confidence < 1 ? (size_t)(confidence * FOREST_RELIABILITY_BINS)
                                  : FOREST_RELIABILITY_BINS - 1;
        out[b].rows++;
        out[b].predicted += confidence;
        right[b] += class == predicted->y[r];
    }
    for (size_t b = 0; b < FOREST_RELIABILITY_BINS; b++) {
        double rows = (double)out[b].rows;
        out[b].predicted = rows > 0 ? out[b].predicted / rows : NAN;
        out[b].observed = rows > 0 ? (double)right[b] / rows : NAN;
    }
}

void forest_evaluate(const struct forest_predicted *predicted,
                     const struct forest_evaluation *options, struct arena *arena,
                     struct forest_metrics *out)
{
    static const struct forest_evaluation plain = {.threads = 1};
    struct evaluation e = {.y = predicted->y,
                           .prob = predicted->prob,
                           .classes = (size_t)predicted->classes,
                           .options = options ? options : &plain};
    assert(predicted->classes > 1 && predicted->rows <= UINT32_MAX);
    assert(!e.options->has_quiet || (size_t)e.options->quiet < e.classes);
    *out = (struct forest_metrics){.classes = predicted->classes};
    find_rows(&e, predicted->rows);
    draw_resamples(&e);
    sum_all(&e);
    out->rows = e.rows;
    out->replicates = (unsigned)(e.width - 1);
    fill_scores(&e, out);
    fill_classes(&e, arena, out);
    if (e.rows == 0) {
        memset(out->score, 0, sizeof out->score);
    }
    release(&e);
}
