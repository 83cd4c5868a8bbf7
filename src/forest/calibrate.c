/* Calibration: from what a forest says to how often it is right. Fits a temperature or one rising
 * curve a class to out-of-bag predictions, applies it, and puts it into one line of text. */
#include "forest/evaluate.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More rows than these change a fit by nothing that a test could see. */
enum { MOST_CELLS = 1 << 20, MOST_CURVE_ROWS = 200000 };

static const double LEAST_SHARPNESS = 0.05, MOST_SHARPNESS = 20;
static const double floors[] = {1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2};

const char *const forest_calibration_names[] = {"none", "temperature", "isotonic"};

static bool is_predicted(const double *prob, size_t classes)
{
    for (size_t c = 0; c < classes; c++) {
        if (prob[c] != 0) {
            return true;
        }
    }
    return false;
}

/* ---- temperature ---- */

/* What a temperature is fitted to: every stride-th row that was predicted. */
struct sample {
    size_t classes, rows;
    int *y;
    double *prob; /* [rows][classes] */
    double *log;  /* [rows][classes]: of max(prob, floor), minus the row's largest */
};

static void sample_init(struct sample *s, const struct forest_predicted *p, size_t most)
{
    size_t stride = p->rows / (most > 0 ? most : 1) + 1;
    *s = (struct sample){.classes = (size_t)p->classes};
    s->y = xcalloc(p->rows / stride + 1, sizeof *s->y);
    s->prob = xcalloc((p->rows / stride + 1) * s->classes, sizeof *s->prob);
    s->log = xcalloc((p->rows / stride + 1) * s->classes, sizeof *s->log);
    for (size_t row = 0; row < p->rows; row += stride) {
        const double *prob = p->prob + row * s->classes;
        if (is_predicted(prob, s->classes)) {
            memcpy(s->prob + s->rows * s->classes, prob, s->classes * sizeof *prob);
            s->y[s->rows++] = p->y[row];
        }
    }
}

static void sample_release(struct sample *s)
{
    free(s->y);
    free(s->prob);
    free(s->log);
}

static void take_logs(const double *prob, size_t classes, double least, double *out)
{
    double largest = -INFINITY;
    for (size_t c = 0; c < classes; c++) {
        out[c] = log(fmax(prob[c], least));
        largest = fmax(largest, out[c]);
    }
    for (size_t c = 0; c < classes; c++) {
        out[c] -= largest;
    }
}

/* The log-loss at a sharpness (1 / temperature), and its first and second derivative. */
static double loss_at(const struct sample *s, double sharpness, double *slope, double *bend)
{
    double loss = 0;
    *slope = *bend = 0;
    for (size_t row = 0; row < s->rows; row++) {
        const double *l = s->log + row * s->classes;
        double sum = 0, mean = 0, square = 0;
        for (size_t c = 0; c < s->classes; c++) {
            double weight = exp(sharpness * l[c]);
            sum += weight;
            mean += weight * l[c];
            square += weight * l[c] * l[c];
        }
        mean /= sum;
        loss += log(sum) - sharpness * l[s->y[row]];
        *slope += mean - l[s->y[row]];
        *bend += square / sum - mean * mean;
    }
    return loss;
}

/* The loss is convex: Newton's steps, halving where they leave the bracket. */
static double best_sharpness(const struct sample *s, double *loss)
{
    enum { STEPS = 30 };
    double low = LEAST_SHARPNESS, high = MOST_SHARPNESS, at = 1, slope, bend;
    for (int i = 0; i < STEPS; i++) {
        *loss = loss_at(s, at, &slope, &bend);
        if (slope > 0) {
            high = at;
        } else {
            low = at;
        }
        double next = bend > 0 ? at - slope / bend : high;
        if (!(next > low && next < high)) {
            next = (low + high) / 2;
        }
        if (fabs(next - at) <= 1e-7 * at) {
            break;
        }
        at = next;
    }
    return at;
}

static void fit_temperature(const struct forest_predicted *p, struct forest_calibration *out)
{
    struct sample s;
    double least = INFINITY;
    sample_init(&s, p, MOST_CELLS / (size_t)p->classes);
    for (size_t f = 0; s.rows > 0 && f < sizeof floors / sizeof *floors; f++) {
        double loss;
        for (size_t row = 0; row < s.rows; row++) {
            take_logs(s.prob + row * s.classes, s.classes, floors[f], s.log + row * s.classes);
        }
        double sharpness = best_sharpness(&s, &loss);
        if (loss < least) {
            least = loss;
            out->kind = FOREST_TEMPERATURE;
            out->temperature = 1 / sharpness;
            out->floor = floors[f];
        }
    }
    sample_release(&s);
}

/* ---- isotonic ---- */

struct outcome {
    double prob, hit;
};

static int compare_outcomes(const void *a, const void *b)
{
    const struct outcome *x = a;
    const struct outcome *y = b;
    return (x->prob > y->prob) - (x->prob < y->prob);
}

struct block { /* neighbours with one mean */
    double low, high, sum, rows;
};

/* Pool adjacent violators (Ayer et al. 1955): blocks[count] in place; returns how many are left.
 * Outcomes of equal probability are one block from the start. */
static size_t pool(const struct outcome *outcomes, size_t count, struct block *blocks)
{
    size_t used = 0;
    for (size_t i = 0; i < count;) {
        struct block next = {outcomes[i].prob, outcomes[i].prob, 0, 0};
        for (; i < count && outcomes[i].prob == next.low; i++) {
            next.sum += outcomes[i].hit;
            next.rows++;
        }
        while (used > 0 && blocks[used - 1].sum * next.rows >= next.sum * blocks[used - 1].rows) {
            used--;
            next.low = blocks[used].low;
            next.sum += blocks[used].sum;
            next.rows += blocks[used].rows;
        }
        blocks[used++] = next;
    }
    return used;
}

static void curve_of_blocks(const struct block *blocks, size_t count, struct arena *arena,
                            struct forest_curve *curve)
{
    curve->x = ARENA_NEW(arena, double, 2 * count);
    curve->y = ARENA_NEW(arena, double, 2 * count);
    curve->count = 0;
    for (size_t b = 0; b < count; b++) {
        double mean = blocks[b].sum / blocks[b].rows;
        curve->x[curve->count] = blocks[b].low;
        curve->y[curve->count++] = mean;
        if (blocks[b].high > blocks[b].low) {
            curve->x[curve->count] = blocks[b].high;
            curve->y[curve->count++] = mean;
        }
    }
}

static void fit_isotonic(const struct forest_predicted *p, struct arena *arena,
                         struct forest_calibration *out)
{
    size_t classes = (size_t)p->classes;
    size_t stride = p->rows / MOST_CURVE_ROWS + 1;
    struct outcome *outcomes = xcalloc(p->rows / stride + 1, sizeof *outcomes);
    struct block *blocks = xcalloc(p->rows / stride + 1, sizeof *blocks);
    struct forest_curve *curves = ARENA_NEW(arena, struct forest_curve, classes);
    size_t count = 0;
    for (size_t c = 0; c < classes; c++) {
        count = 0;
        for (size_t row = 0; row < p->rows; row += stride) {
            const double *prob = p->prob + row * classes;
            if (is_predicted(prob, classes)) {
                outcomes[count++] = (struct outcome){prob[c], (size_t)p->y[row] == c ? 1.0 : 0.0};
            }
        }
        qsort(outcomes, count, sizeof *outcomes, compare_outcomes);
        curve_of_blocks(blocks, pool(outcomes, count, blocks), arena, &curves[c]);
    }
    if (count > 0) {
        out->kind = FOREST_ISOTONIC;
        out->curves = curves;
    }
    free(outcomes);
    free(blocks);
}

void forest_calibration_fit(enum forest_calibration_kind kind,
                            const struct forest_predicted *predicted, struct arena *arena,
                            struct forest_calibration *out)
{
    *out = (struct forest_calibration){.kind = FOREST_UNCALIBRATED, .classes = predicted->classes};
    if (kind == FOREST_TEMPERATURE) {
        fit_temperature(predicted, out);
    } else if (kind == FOREST_ISOTONIC) {
        fit_isotonic(predicted, arena, out);
    }
}

/* ---- applying ---- */

static double curve_at(const struct forest_curve *curve, double x)
{
    size_t low = 0, high = curve->count; /* x[low] <= x < x[high] */
    if (!(x > curve->x[0])) {
        return curve->y[0];
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (curve->x[middle] <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if (high == curve->count) {
        return curve->y[low];
    }
    double share = (x - curve->x[low]) / (curve->x[high] - curve->x[low]);
    return curve->y[low] + share * (curve->y[high] - curve->y[low]);
}

/* Where every curve says "never", all classes are equally likely. */
static void normalise(double *prob, size_t classes)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        sum += prob[c];
    }
    for (size_t c = 0; c < classes; c++) {
        prob[c] = sum > 0 ? prob[c] / sum : 1 / (double)classes;
    }
}

void forest_calibration_apply(const struct forest_calibration *calibration, double *prob,
                              size_t rows)
{
    size_t classes = (size_t)calibration->classes;
    if (calibration->kind == FOREST_UNCALIBRATED) {
        return;
    }
    for (size_t row = 0; row < rows; row++, prob += classes) {
        if (!is_predicted(prob, classes)) {
            continue;
        }
        if (calibration->kind == FOREST_TEMPERATURE) {
            take_logs(prob, classes, calibration->floor, prob);
        }
        for (size_t c = 0; c < classes; c++) {
            prob[c] = calibration->kind == FOREST_TEMPERATURE
                          ? exp(prob[c] / calibration->temperature)
                          : curve_at(&calibration->curves[c], prob[c]);
        }
        normalise(prob, classes);
    }
}

/* ---- as text: "none C", "temperature C T FLOOR", "isotonic C N X Y X Y ... N X Y ..." ---- */

const char *forest_calibration_encode(const struct forest_calibration *calibration,
                                      struct arena *arena)
{
    enum { NUMBER = 26 };
    size_t points = 2;
    for (int c = 0; calibration->curves && c < calibration->classes; c++) {
        points += 1 + calibration->curves[c].count;
    }
    size_t room = 64 + 2 * points * NUMBER;
    char *text = ARENA_NEW(arena, char, room);
    size_t used = (size_t)snprintf(text, room, "%s %d", forest_calibration_names[calibration->kind],
                                   calibration->classes);
    if (calibration->kind == FOREST_TEMPERATURE) {
        used += (size_t)snprintf(text + used, room - used, " %.17g %.17g", calibration->temperature,
                                 calibration->floor);
    }
    for (int c = 0; calibration->kind == FOREST_ISOTONIC && c < calibration->classes; c++) {
        const struct forest_curve *curve = &calibration->curves[c];
        used += (size_t)snprintf(text + used, room - used, " %zu", curve->count);
        for (size_t i = 0; i < curve->count; i++) {
            used += (size_t)snprintf(text + used, room - used, " %.17g %.17g", curve->x[i],
                                     curve->y[i]);
        }
    }
    assert(used < room);
    return text;
}

/* The next number behind one space; false when there is none. */
static bool read_number(const char **text, double *out)
{
    char *end;
    if (**text != ' ' || (*text)[1] < '0' || (*text)[1] > '9') {
        return false;
    }
    *out = strtod(*text + 1, &end);
    *text = end;
    return isfinite(*out);
}

static bool read_whole(const char **text, size_t *out)
{
    double value;
    if (!read_number(text, &value) || value > INT32_MAX || value != floor(value)) {
        return false;
    }
    *out = (size_t)value;
    return true;
}

static bool read_curve(const char **text, struct arena *arena, struct forest_curve *curve)
{
    if (!read_whole(text, &curve->count) || curve->count == 0 ||
        curve->count > strlen(*text) / 4) { /* " X Y" each, at least */
        return false;
    }
    curve->x = ARENA_NEW(arena, double, curve->count);
    curve->y = ARENA_NEW(arena, double, curve->count);
    for (size_t i = 0; i < curve->count; i++) {
        if (!read_number(text, &curve->x[i]) || !read_number(text, &curve->y[i]) ||
            curve->y[i] > 1 ||
            (i > 0 && (curve->x[i] <= curve->x[i - 1] || curve->y[i] < curve->y[i - 1]))) {
            return false;
        }
    }
    return true;
}

static bool read_kind(const char **text, enum forest_calibration_kind *kind)
{
    for (int k = FOREST_UNCALIBRATED; k <= FOREST_ISOTONIC; k++) {
        size_t size = strlen(forest_calibration_names[k]);
        if (strncmp(*text, forest_calibration_names[k], size) == 0 && (*text)[size] == ' ') {
            *text += size;
            *kind = (enum forest_calibration_kind)k;
            return true;
        }
    }
    return false;
}

static bool read_calibration(const char *text, int classes, struct arena *arena,
                             struct forest_calibration *out)
{
    size_t count;
    if (!read_kind(&text, &out->kind) || !read_whole(&text, &count) || count != (size_t)classes) {
        return false;
    }
    if (out->kind == FOREST_TEMPERATURE &&
        (!read_number(&text, &out->temperature) || !read_number(&text, &out->floor) ||
         !(out->temperature >= 1e-3) || out->temperature > 1e3 || !(out->floor >= 1e-12) ||
         out->floor > 1)) {
        return false;
    }
    if (out->kind == FOREST_ISOTONIC) {
        if (count > strlen(text) / 6) { /* " 1 X Y" each, at least */
            return false;
        }
        out->curves = ARENA_NEW(arena, struct forest_curve, count);
        for (size_t c = 0; c < count; c++) {
            if (!read_curve(&text, arena, &out->curves[c])) {
                return false;
            }
        }
    }
    return *text == '\0';
}

int forest_calibration_decode(const char *text, int classes, const char *name, struct arena *arena,
                              struct forest_calibration *out, struct error *err)
{
    *out = (struct forest_calibration){.classes = classes};
    if (!read_calibration(text, classes, arena, out)) {
        *out = (struct forest_calibration){.classes = classes};
        return error_set(
            err,
            "%s : la calibration que le modèle contient est illisible (« %.40s ») ; "
            "entraînez-le de nouveau, ou retirez --calibrated",
            "%s: the calibration inside the model cannot be read (\"%.40s\"); train it "
            "again, or leave --calibrated out",
            name, text);
    }
    return 0;
}
