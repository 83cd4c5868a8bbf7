/* What a forest is in memory, for this room only: trained and read forests have the same form.
 *
 * Nodes of a tree stand in preorder, one tree behind the other. A row goes left where
 * x[feature] <= threshold, so NaN goes right. A leaf points at its votes: class and weight as they
 * stand in the model file (probability / trees, float), absent classes left out.
 *
 * Two classes are a special case of the file format that we keep as it is: each leaf has one vote,
 * for class 1, and P(0) = 1 - P(1) (`complement`). */
#ifndef FOREST_IMPL_H
#define FOREST_IMPL_H

#include "forest/forest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FOREST_LEAF = -1,             /* node.feature of a leaf */
    FOREST_MAX_FEATURES = 100000, /* more is a damaged file, not a table */
    FOREST_MAX_CLASSES = 10000,
    FOREST_MAX_TREES = 1000000,
};

struct forest_node {
    float threshold; /* finite or infinite, never NaN; 0 in a leaf */
    int32_t feature; /* FOREST_LEAF in a leaf */
    uint32_t left;   /* node; in a leaf: its first vote */
    uint32_t right;  /* node; in a leaf: behind its last vote */
};

struct forest_vote {
    int32_t label;
    float weight;
};

struct forest {
    size_t features;
    int classes;
    bool complement;
    size_t trees, node_count, vote_count;
    uint32_t *roots;           /* roots[trees] */
    struct forest_node *nodes; /* nodes[node_count] */
    struct forest_vote *votes; /* votes[vote_count] */
};

/* The leaf of tree `tree` that the row x[features] falls into. */
static inline const struct forest_node *forest_leaf(const struct forest *forest, size_t tree,
                                                    const float *x)
{
    const struct forest_node *node = &forest->nodes[forest->roots[tree]];
    while (node->feature != FOREST_LEAF) {
        node = &forest->nodes[x[node->feature] <= node->threshold ? node->left : node->right];
    }
    return node;
}

#endif
