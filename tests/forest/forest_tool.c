/* Trains and predicts from simple CSV, so that the oracles (Python) can call the forest.
 *
 *   forest_tool train DATA.csv MODEL.onnx TREES SEED THREADS LABEL,LABEL,...
 *   forest_tool predict MODEL.onnx DATA.csv THREADS
 *   forest_tool copy MODEL.onnx OUT.onnx
 *   forest_tool explain MODEL.onnx DATA.csv THREADS [BACKGROUND.csv]
 *
 * DATA.csv: a header, numbers (nan is missing), no quotes; for train the last column is the label.
 * predict writes one row a row: label, then the probabilities. explain writes base[classes], then
 * one row a row: phi[classes][features]; the rows of BACKGROUND are counted at the nodes of a model
 * that does not tell. Seconds go to standard error. */
#include "base/fs.h"
#include "forest/explain.h"
#include "forest/forest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FILE = INT32_MAX };

static char nan_text[] = "nan";

struct csv {
    char **header; /* [columns] */
    char **cells;  /* [rows][columns] */
    size_t rows, columns;
};

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int read_csv(const char *path, struct arena *arena, struct csv *csv, struct error *err)
{
    struct bytes raw;
    if (fs_read(path, MAX_FILE, arena, &raw, err) != 0) {
        return -1;
    }
    char *text = arena_copy(arena, raw.data, raw.size), *line;
    size_t lines = 0, used = 0;
    csv->columns = 1;
    for (size_t i = 0; i < raw.size; i++) {
        lines += text[i] == '\n';
        csv->columns += lines == 0 && text[i] == ',';
    }
    char **cells = ARENA_NEW(arena, char *, (lines + 1) * csv->columns);
    while ((line = strsep(&text, "\n")) && *line) {
        for (size_t c = 0; c < csv->columns; c++) {
            char *cell = strsep(&line, ",");
            cells[used++] = cell ? cell : nan_text;
        }
    }
    csv->header = cells;
    csv->cells = cells + csv->columns;
    csv->rows = used / csv->columns - 1;
    return 0;
}

/* X[rows][features] from the first `features` columns. */
static float *numbers(const struct csv *csv, size_t features, struct arena *arena)
{
    float *x = ARENA_NEW(arena, float, csv->rows *features);
    for (size_t row = 0; row < csv->rows; row++) {
        for (size_t f = 0; f < features; f++) {
            x[row * features + f] = strtof(csv->cells[row * csv->columns + f], NULL);
        }
    }
    return x;
}

static int split_labels(char *list, struct arena *arena, struct forest_card *card)
{
    int count = 1;
    for (const char *p = list; *p; p++) {
        count += *p == ',';
    }
    card->class_labels = ARENA_NEW(arena, const char *, (size_t)count);
    card->labels_are_numbers = true;
    for (int c = 0; c < count; c++) {
        card->class_labels[c] = strsep(&list, ",");
        card->labels_are_numbers &=
            card->class_labels[c][strspn(card->class_labels[c], "-0123456789")] == '\0';
    }
    return count;
}

static int label_index(const struct forest_card *card, int classes, const char *label)
{
    for (int c = 0; c < classes; c++) {
        if (strcmp(card->class_labels[c], label) == 0) {
            return c;
        }
    }
    return -1;
}

static int train(char **args, struct arena *arena, struct error *err)
{
    struct csv csv;
    if (read_csv(args[0], arena, &csv, err) != 0) {
        return -1;
    }
    struct forest_card card = {.feature_names = (const char **)csv.header};
    struct forest_data data = {.rows = csv.rows, .features = csv.columns - 1};
    struct forest_options options = {.trees = (unsigned)strtoul(args[2], NULL, 10),
                                     .seed = strtoull(args[3], NULL, 10),
                                     .threads = (unsigned)strtoul(args[4], NULL, 10)};
    data.classes = split_labels(args[5], arena, &card);
    data.x = numbers(&csv, data.features, arena);
    int *y = ARENA_NEW(arena, int, csv.rows);
    for (size_t row = 0; row < csv.rows; row++) {
        y[row] = label_index(&card, data.classes, csv.cells[(row + 1) * csv.columns - 1]);
    }
    data.y = y;
    struct forest *forest = NULL;
    struct bytes model;
    double start = now_seconds(), worked = processor_seconds();
    int result = forest_train(&data, &options, NULL, &forest, err);
    if (result == 0) {
        (void)fprintf(stderr, "train: %.3f s, %zu nodes, %.3f s of processor time\n",
                      now_seconds() - start, forest_nodes(forest), processor_seconds() - worked);
        result = forest_encode(forest, &card, arena, &model, err);
    }
    if (result == 0) {
        result = fs_write(args[1], model.data, model.size, err);
    }
    forest_free(forest);
    return result;
}

static void print_predictions(const struct forest_card *card, const double *prob, size_t rows,
                              size_t classes)
{
    for (size_t row = 0; row < rows; row++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++) {
            best = prob[row * classes + c] > prob[row * classes + best] ? c : best;
        }
        (void)printf("%s", card->class_labels[best]);
        for (size_t c = 0; c < classes; c++) {
            (void)printf(",%.17g", prob[row * classes + c]);
        }
        (void)printf("\n");
    }
}

static int predict(char **args, struct arena *arena, struct error *err)
{
    struct bytes model;
    struct csv csv;
    struct forest *forest = NULL;
    struct forest_card card;
    if (fs_read(args[0], MAX_FILE, arena, &model, err) != 0 ||
        forest_decode(model.data, model.size, args[0], arena, &forest, &card, err) != 0) {
        return -1;
    }
    int result = read_csv(args[1], arena, &csv, err);
    if (result == 0 && csv.columns < forest_features(forest)) {
        result = error_set(err, "il manque des colonnes", "columns are missing");
    }
    if (result == 0) {
        size_t classes = (size_t)forest_classes(forest);
        float *x = numbers(&csv, forest_features(forest), arena);
        double *prob = ARENA_NEW(arena, double, csv.rows *classes);
        double start = now_seconds();
        forest_predict(forest, x, csv.rows, (unsigned)strtoul(args[2], NULL, 10), prob);
        (void)fprintf(stderr, "predict: %.3f s\n", now_seconds() - start);
        print_predictions(&card, prob, csv.rows, classes);
    }
    forest_free(forest);
    return result;
}

/* Reads a model and writes it again. */
static int copy(char **args, struct arena *arena, struct error *err)
{
    struct bytes model;
    struct forest *forest = NULL;
    struct forest_card card;
    if (fs_read(args[0], MAX_FILE, arena, &model, err) != 0) {
        return -1;
    }
    double start = now_seconds();
    int result = forest_decode(model.data, model.size, args[0], arena, &forest, &card, err);
    double decoded = now_seconds();
    if (result == 0) {
        result = forest_encode(forest, &card, arena, &model, err);
        (void)fprintf(stderr, "decode: %.4f s, encode: %.4f s\n", decoded - start,
                      now_seconds() - decoded);
    }
    if (result == 0) {
        result = fs_write(args[1], model.data, model.size, err);
    }
    forest_free(forest);
    return result;
}

static void print_numbers(const double *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)printf("%s%.17g", i > 0 ? "," : "", numbers[i]);
    }
    (void)printf("\n");
}

static int explain(char **args, const char *background, struct arena *arena, struct error *err)
{
    struct bytes model;
    struct csv csv;
    struct csv seen;
    struct forest *forest = NULL;
    struct forest_card card;
    if (fs_read(args[0], MAX_FILE, arena, &model, err) != 0 ||
        forest_decode(model.data, model.size, args[0], arena, &forest, &card, err) != 0) {
        return -1;
    }
    int result = read_csv(args[1], arena, &csv, err);
    if (result == 0 && background) {
        result = read_csv(background, arena, &seen, err);
    }
    if (result == 0 && (csv.columns < forest_features(forest) ||
                        (background && seen.columns < forest_features(forest)))) {
        result = error_set(err, "il manque des colonnes", "columns are missing");
    }
    if (result == 0) {
        size_t classes = (size_t)forest_classes(forest);
        size_t width = classes * forest_features(forest);
        if (background) {
            forest_add_cover(forest, numbers(&seen, forest_features(forest), arena), seen.rows);
        }
        float *x = numbers(&csv, forest_features(forest), arena);
        double *phi = ARENA_NEW(arena, double, csv.rows *width);
        double *base = ARENA_NEW(arena, double, classes);
        double start = now_seconds();
        result = forest_explain(forest, x, csv.rows, NULL, (unsigned)strtoul(args[2], NULL, 10),
                                phi, base, err);
        if (result == 0) {
            (void)fprintf(stderr, "explain: %.4f s\n", now_seconds() - start);
            print_numbers(base, classes);
        }
        for (size_t row = 0; result == 0 && row < csv.rows; row++) {
            print_numbers(&phi[row * width], width);
        }
    }
    forest_free(forest);
    return result;
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct error err = {0};
    int result;
    if (argc == 8 && strcmp(argv[1], "train") == 0) {
        result = train(argv + 2, &arena, &err);
    } else if (argc == 5 && strcmp(argv[1], "predict") == 0) {
        result = predict(argv + 2, &arena, &err);
    } else if (argc == 4 && strcmp(argv[1], "copy") == 0) {
        result = copy(argv + 2, &arena, &err);
    } else if ((argc == 5 || argc == 6) && strcmp(argv[1], "explain") == 0) {
        result = explain(argv + 2, argv[5], &arena, &err);
    } else {
        result =
            error_usage(&err, "voir l'en-tête de forest_tool.c", "see the head of forest_tool.c");
    }
    if (result != 0) {
        (void)fprintf(stderr, "forest_tool: %s\n", err.text[LANG_EN]);
    }
    arena_release(&arena);
    return result != 0 || fflush(stdout) != 0 ? 1 : 0;
}
