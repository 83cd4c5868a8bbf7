/* Measures, calibrates and weighs from simple CSV, so that the oracle (Python) can call evaluate.h.
 *
 *   evaluate_tool metrics P.csv QUIET SEED   one measure a line: name, value, low, high; then one
 *                                            class a line: precision, recall, f1
 *   evaluate_tool calibrate KIND FIT.csv P.csv   first line: the calibration; then P, calibrated
 *   evaluate_tool cost P.csv QUIET MISSED ALARM  threshold, cost at it
 *   evaluate_tool importance DATA.csv TREES      one feature a line: Gini, permutation (hold-out)
 *
 * No headers, numbers only; the last column is the class (from 0), the others P or X. QUIET -1: no
 * quiet class. */
#include "base/fs.h"
#include "forest/evaluate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct numbers {
    double *value; /* [rows][columns] */
    int *y;        /* the last column */
    size_t rows, columns;
    int classes; /* largest y + 1 */
};

static int read_numbers(const char *path, struct arena *arena, struct numbers *out,
                        struct error *err)
{
    struct bytes file;
    if (fs_read(path, INT32_MAX, arena, &file, err) != 0) {
        return -1;
    }
    size_t commas = 0;
    *out = (struct numbers){.rows = 0};
    for (size_t i = 0; i < file.size; i++) {
        out->rows += file.data[i] == '\n';
        commas += file.data[i] == ',';
    }
    out->columns = commas / out->rows;
    out->value = ARENA_NEW(arena, double, out->rows * out->columns);
    out->y = ARENA_NEW(arena, int, out->rows);
    const char *at = file.data;
    char *end;
    for (size_t row = 0; row < out->rows; row++) {
        for (size_t c = 0; c < out->columns; c++, at = end + 1) {
            out->value[row * out->columns + c] = strtod(at, &end);
        }
        out->y[row] = (int)strtol(at, &end, 10);
        at = end + 1;
        out->classes = out->y[row] >= out->classes ? out->y[row] + 1 : out->classes;
    }
    return 0;
}

static struct forest_predicted predicted_of(const struct numbers *n)
{
    return (struct forest_predicted){n->y, n->value, n->rows, (int)n->columns};
}

static int metrics(char **args, struct arena *arena, struct error *err)
{
    struct numbers n;
    struct forest_metrics m;
    struct forest_evaluation options = {.intervals = true};
    if (read_numbers(args[0], arena, &n, err) != 0) {
        return -1;
    }
    options.quiet = (int)strtol(args[1], NULL, 10);
    options.has_quiet = options.quiet >= 0;
    options.seed = strtoull(args[2], NULL, 10);
    struct forest_predicted predicted = predicted_of(&n);
    forest_evaluate(&predicted, &options, arena, &m);
    for (int s = 0; s < FOREST_SCORE_COUNT; s++) {
        (void)printf("%s,%.17g,%.17g,%.17g\n", forest_score_names[s], m.score[s], m.interval[s].low,
                     m.interval[s].high);
    }
    for (int c = 0; c < m.classes; c++) {
        (void)printf("%d,%.17g,%.17g,%.17g\n", c, m.each[c].precision, m.each[c].recall,
                     m.each[c].f1);
    }
    return 0;
}

static int calibrate(char **args, struct arena *arena, struct error *err)
{
    struct numbers fit, apply;
    struct forest_calibration made, read;
    if (read_numbers(args[1], arena, &fit, err) != 0 ||
        read_numbers(args[2], arena, &apply, err) != 0) {
        return -1;
    }
    bool isotonic = strcmp(args[0], "isotonic") == 0;
    struct forest_predicted predicted = predicted_of(&fit);
    forest_calibration_fit(isotonic ? FOREST_ISOTONIC : FOREST_TEMPERATURE, &predicted, arena,
                           &made);
    const char *text = forest_calibration_encode(&made, arena);
    if (forest_calibration_decode(text, made.classes, "-", arena, &read, err) != 0) {
        return -1;
    }
    forest_calibration_apply(&read, apply.value, apply.rows);
    (void)printf("%s\n", text);
    for (size_t i = 0; i < apply.rows * apply.columns; i++) {
        (void)printf("%.17g%c", apply.value[i], (i + 1) % apply.columns ? ',' : '\n');
    }
    return 0;
}

static int cost(char **args, struct arena *arena, struct error *err)
{
    struct numbers n;
    if (read_numbers(args[0], arena, &n, err) != 0) {
        return -1;
    }
    int quiet = (int)strtol(args[1], NULL, 10);
    const struct forest_costs costs = {strtod(args[2], NULL), strtod(args[3], NULL)};
    struct forest_predicted predicted = predicted_of(&n);
    double threshold = forest_cost_threshold(&predicted, quiet, &costs);
    (void)printf("%.17g,%.17g\n", threshold, forest_cost(&predicted, quiet, &costs, threshold));
    return 0;
}

/* Trains on the first four fifths, shuffles in the last one. */
static int importance(char **args, struct arena *arena, struct error *err)
{
    struct numbers n;
    if (read_numbers(args[0], arena, &n, err) != 0) {
        return -1;
    }
    float *x = ARENA_NEW(arena, float, n.rows *n.columns);
    for (size_t i = 0; i < n.rows * n.columns; i++) {
        x[i] = (float)n.value[i];
    }
    size_t train = n.rows / 5 * 4;
    const struct forest_data seen = {x, n.y, train, n.columns, n.classes, NULL};
    const struct forest_data held = {
        x + train * n.columns, n.y + train, n.rows - train, n.columns, n.classes, NULL};
    const struct forest_options options = {.trees = (unsigned)strtoul(args[1], NULL, 10),
                                           .seed = 1};
    const struct forest_permutation how = {.seed = 1, .most_walks = (size_t)1 << 30};
    double *gini = ARENA_NEW(arena, double, n.columns);
    double *shuffled = ARENA_NEW(arena, double, n.columns);
    struct forest *forest;
    if (forest_train(&seen, &options, NULL, &forest, err) != 0) {
        return -1;
    }
    forest_gini_importance(forest, &seen, 0, gini);
    forest_permutation_importance(forest, &held, &how, shuffled);
    for (size_t f = 0; f < n.columns; f++) {
        (void)printf("%.17g,%.17g\n", gini[f], shuffled[f]);
    }
    forest_free(forest);
    return 0;
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct error err = {0};
    int result;
    if (argc == 5 && strcmp(argv[1], "metrics") == 0) {
        result = metrics(argv + 2, &arena, &err);
    } else if (argc == 5 && strcmp(argv[1], "calibrate") == 0) {
        result = calibrate(argv + 2, &arena, &err);
    } else if (argc == 6 && strcmp(argv[1], "cost") == 0) {
        result = cost(argv + 2, &arena, &err);
    } else if (argc == 4 && strcmp(argv[1], "importance") == 0) {
        result = importance(argv + 2, &arena, &err);
    } else {
        result = error_usage(&err, "voir l'en-tête de evaluate_tool.c",
                             "see the head of evaluate_tool.c");
    }
    if (result != 0) {
        (void)fprintf(stderr, "evaluate_tool: %s\n", err.text[LANG_EN]);
    }
    arena_release(&arena);
    return result != 0 || fflush(stdout) != 0 ? 1 : 0;
}
