/* Stratified folds: which rows train and which test. Memory only. */
#include "forest/forest.h"

#include "base/rng.h"

#include <assert.h>
#include <stdlib.h>

/* Fisher-Yates. */
static void shuffle(size_t *items, size_t count, struct rng *rng)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)rng_below(rng, i);
        size_t kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}

void forest_stratified_folds(const int *y, size_t rows, int classes, unsigned folds, uint64_t seed,
                             unsigned *fold)
{
    assert(classes > 0 && folds > 0);
    size_t *first =
        xcalloc((size_t)classes + 1, sizeof *first); /* rows of class c: from first[c] */
    size_t *sorted = xcalloc(rows, sizeof *sorted);  /* rows, class by class */
    for (size_t row = 0; row < rows; row++) {
        assert(y[row] >= 0 && y[row] < classes);
        first[y[row] + 1]++;
    }
    for (int c = 0; c < classes; c++) {
        first[c + 1] += first[c];
    }
    for (size_t row = 0; row < rows; row++) {
        sorted[first[y[row]]++] = row; /* afterwards first[c] is the end of class c */
    }
    /* Dealt like cards, each class going on where the last one stopped: folds differ by at most
     * one row, in every class and in all. */
    size_t begin = 0;
    for (int c = 0; c < classes; c++) {
        struct rng rng;
        rng_init(&rng, seed, (uint64_t)c);
        shuffle(sorted + begin, first[c] - begin, &rng);
        for (size_t i = begin; i < first[c]; i++) {
            fold[sorted[i]] = (unsigned)(i % folds);
        }
        begin = first[c];
    }
    free(sorted);
    free(first);
}
