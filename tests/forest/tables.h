/* Small tables for the forest's tests: made from a seed, owned by an arena. */
#ifndef TESTS_FOREST_TABLES_H
#define TESTS_FOREST_TABLES_H

#include "tests.h"

#include "base/rng.h"
#include "forest/forest.h"

#include <math.h>
#include <string.h>

/* Rows whose class follows from the first two features, with every tenth label wrong and every
 * seventh value of feature 1 missing. */
static inline struct forest_data make_table(struct arena *arena, size_t rows, size_t features,
                                            int classes)
{
    struct rng rng;
    float *x = ARENA_NEW(arena, float, rows *features);
    int *y = ARENA_NEW(arena, int, rows);
    rng_init(&rng, 42, 0);
    for (size_t row = 0; row < rows; row++) {
        for (size_t f = 0; f < features; f++) {
            x[row * features + f] = (float)rng_uniform(&rng);
        }
        double mark = (double)x[row * features] + (double)x[row * features + (features > 1)];
        y[row] = (int)(mark / 2 * classes);
        if (row % 10 == 9) {
            y[row] = (int)rng_below(&rng, (uint64_t)classes);
        }
        if (row % 7 == 6 && features > 1) {
            x[row * features + 1] = NAN;
        }
    }
    return (struct forest_data){
        .x = x, .y = y, .rows = rows, .features = features, .classes = classes};
}

/* A forest that must train. */
static inline struct forest *train_or_fail(const struct forest_data *data, unsigned trees,
                                           unsigned threads)
{
    struct forest_options options = {.trees = trees, .seed = 7, .threads = threads};
    struct forest *forest = NULL;
    struct error err;
    assert_int_equal(forest_train(data, &options, NULL, &forest, &err), 0);
    return forest;
}

/* The bytes of a forest under a plain card. */
static inline struct bytes encode_or_fail(const struct forest *forest, struct arena *arena)
{
    struct forest_card card = {0};
    struct bytes bytes;
    struct error err;
    assert_int_equal(forest_encode(forest, &card, arena, &bytes, &err), 0);
    return bytes;
}

/* P[rows][classes] of a table. */
static inline double *predict_table(const struct forest *forest, const struct forest_data *data,
                                    unsigned threads, struct arena *arena)
{
    double *prob = ARENA_NEW(arena, double, data->rows *(size_t)forest_classes(forest));
    forest_predict(forest, data->x, data->rows, threads, prob);
    return prob;
}

#endif
