/* Probabilities of rows: votes of the trees, summed in double, tree by tree. Reads a forest and X,
 * writes P. Blocks of rows are the tasks, so that a row's sum never depends on the threads. */
#include "forest/forest.h"

#include "base/parallel.h"
#include "forest/impl.h"

#include <math.h>
#include <string.h>

/* Large blocks, so that a tree that was fetched into the cache serves many rows; smaller ones when
 * there are too few rows to keep all threads busy. */
enum { MIN_BLOCK_ROWS = 64, MAX_BLOCK_ROWS = 4096, BLOCKS_PER_THREAD = 4 };

struct prediction {
    const struct forest *forest;
    const float *x;
    size_t rows, block_rows;
    double *prob;
};

static void add_votes(const struct forest *forest, const struct forest_node *leaf, double *prob)
{
    for (uint32_t v = leaf->left; v < leaf->right; v++) {
        prob[forest->votes[v].label] += (double)forest->votes[v].weight;
    }
}

/* From the sums of a row's votes to its probabilities. */
static void finish_row(const struct forest *forest, double *prob)
{
    size_t classes = (size_t)forest->classes;
    double total = 0;
    double largest = -INFINITY;
    switch (forest->post) {
    case POST_NONE:
        break;
    case POST_LOGISTIC:
        for (size_t c = 0; c < classes; c++) {
            prob[c] = 1 / (1 + exp(-prob[c]));
        }
        break;
    case POST_SOFTMAX:
        for (size_t c = 0; c < classes; c++) {
            largest = fmax(largest, prob[c]);
        }
        for (size_t c = 0; c < classes; c++) {
            prob[c] = exp(prob[c] - largest);
            total += prob[c];
        }
        for (size_t c = 0; c < classes; c++) {
            prob[c] /= total;
        }
        break;
    }
    if (forest->complement) {
        prob[0] = 1.0 - prob[1];
    }
}

static void predict_block(void *context, size_t block, unsigned worker)
{
    (void)worker;
    const struct prediction *job = context;
    const struct forest *forest = job->forest;
    size_t classes = (size_t)forest->classes;
    size_t first = block * job->block_rows;
    size_t left = job->rows - first;
    size_t rows = left < job->block_rows ? left : job->block_rows;
    const float *x = job->x + first * forest->features;
    double *prob = job->prob + first * classes;
    for (size_t row = 0; row < rows; row++) {
        for (size_t c = 0; c < classes; c++) {
            prob[row * classes + c] = forest->base ? forest->base[c] : 0;
        }
    }
    for (size_t tree = 0; tree < forest->trees; tree++) { /* outside: a tree stays in the cache */
        for (size_t row = 0; row < rows; row++) {
            add_votes(forest, forest_leaf(forest, tree, x + row * forest->features),
                      prob + row * classes);
        }
    }
    for (size_t row = 0; row < rows; row++) {
        finish_row(forest, prob + row * classes);
    }
}

void forest_predict(const struct forest *forest, const float *x, size_t rows, unsigned threads,
                    double *prob)
{
    struct prediction job = {.forest = forest, .x = x, .rows = rows, .prob = prob};
    threads = parallel_threads(threads);
    job.block_rows = rows / BLOCKS_PER_THREAD / threads;
    if (job.block_rows < MIN_BLOCK_ROWS) {
        job.block_rows = MIN_BLOCK_ROWS;
    } else if (job.block_rows > MAX_BLOCK_ROWS) {
        job.block_rows = MAX_BLOCK_ROWS;
    }
    size_t blocks = rows / job.block_rows + (rows % job.block_rows != 0);
    parallel_for(threads, blocks, predict_block, &job);
}
