/* How many rows came by each node, counted anew for forests that do not tell. Reads a forest and X,
 * fills forest->cover. */
#include "forest/explain.h"

#include "forest/impl.h"

#include "base/arena.h"

bool forest_has_cover(const struct forest *forest)
{
    return forest->cover != NULL;
}

bool forest_explains_probabilities(const struct forest *forest)
{
    return forest->post == POST_NONE;
}

/* The node behind `at`, a branch, for the row x[features]. */
static uint32_t next_node(const struct forest *forest, uint32_t at, const float *x)
{
    const struct forest_node *node = &forest->nodes[at];
    float value = x[node->feature];
    bool left = value <= node->threshold ||
                (forest->missing_left && isnan(value) && forest->missing_left[at]);
    return left ? node->left : node->right;
}

void forest_add_cover(struct forest *forest, const float *x, size_t rows)
{
    if (!forest->cover) {
        forest->cover = xcalloc(forest->node_count, sizeof *forest->cover);
    }
    for (size_t tree = 0; tree < forest->trees; tree++) {
        for (size_t row = 0; row < rows; row++) {
            const float *values = x + row * forest->features;
            uint32_t at = forest->roots[tree];
            while (forest->nodes[at].feature != FOREST_LEAF) {
                forest->cover[at]++; /* a float counts to 16,777,216 and stays there */
                at = next_node(forest, at, values);
            }
            forest->cover[at]++;
        }
    }
}
