/* Probabilities of rows: votes of the trees, summed in double, tree by tree. Reads a forest and X,
 * writes P. Blocks of rows are the tasks, so that a row's sum never depends on the threads. */
#include "forest/forest.h"

#include "base/parallel.h"
#include "forest/impl.h"

#include <string.h>

enum { BLOCK_ROWS = 256 };

struct prediction {
    const struct forest *forest;
    const float *x;
    size_t rows;
    double *prob;
};

static void add_votes(const struct forest *forest, const struct forest_node *leaf, double *prob)
{
    for (uint32_t v = leaf->left; v < leaf->right; v++) {
        prob[forest->votes[v].label] += (double)forest->votes[v].weight;
    }
}

static void predict_block(void *context, size_t block, unsigned worker)
{
    (void)worker;
    const struct prediction *job = context;
    const struct forest *forest = job->forest;
    size_t classes = (size_t)forest->classes;
    size_t first = block * BLOCK_ROWS;
    size_t rows = job->rows - first < BLOCK_ROWS ? job->rows - first : BLOCK_ROWS;
    const float *x = job->x + first * forest->features;
    double *prob = job->prob + first * classes;
    memset(prob, 0, rows * classes * sizeof *prob);
    for (size_t tree = 0; tree < forest->trees; tree++) { /* outside: a tree stays in the cache */
        for (size_t row = 0; row < rows; row++) {
            add_votes(forest, forest_leaf(forest, tree, x + row * forest->features),
                      prob + row * classes);
        }
    }
    for (size_t row = 0; forest->complement && row < rows; row++) {
        prob[2 * row] = 1.0 - prob[2 * row + 1];
    }
}

void forest_predict(const struct forest *forest, const float *x, size_t rows, unsigned threads,
                    double *prob)
{
    struct prediction job = {.forest = forest, .x = x, .rows = rows, .prob = prob};
    size_t blocks = rows / BLOCK_ROWS + (rows % BLOCK_ROWS != 0);
    parallel_for(threads, blocks, predict_block, &job);
}
