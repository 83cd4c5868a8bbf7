/* What a forest is in memory, for this room only: trained and read forests have the same form.
 *
 * Nodes of a tree stand in preorder, one tree behind the other. A row goes left where
 * x[feature] <= threshold, so NaN goes right, unless the node sends missing values left. A leaf
 * points at its votes: class and weight as they stand in the model file (a forest's: probability /
 * trees, float), absent classes left out.
 *
 * Two classes are a special case of the file format that we keep as it is: each leaf has one vote,
 * for class 1, and P(0) = 1 - P(1) (`complement`).
 *
 * Boosted trees have the same form: their votes are summed on top of `base`, and the sums become
 * probabilities by `post`. */
#ifndef FOREST_IMPL_H
#define FOREST_IMPL_H

#include "forest/forest.h"

#include <math.h>
#include <stdatomic.h>
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

/* From sums of votes to probabilities, as ONNX's post_transform says. */
enum forest_post {
    POST_NONE,     /* the sums are probabilities */
    POST_SOFTMAX,  /* exp(s) / sum of exp(s) over the classes */
    POST_LOGISTIC, /* 1 / (1 + exp(-s)), class by class; before `complement` */
};

struct forest {
    size_t features;
    int classes;
    bool complement;
    size_t trees, node_count, vote_count;
    uint32_t *roots;           /* roots[trees] */
    struct forest_node *nodes; /* nodes[node_count] */
    struct forest_vote *votes; /* votes[vote_count] */
    bool *missing_left;        /* [node_count], or NULL: NaN goes right everywhere */
    float *cover; /* [node_count]: weight of the training rows that came by, or NULL when
                     the file does not tell */
    double *base; /* [classes], or NULL: sums start at 0 */
    enum forest_post post;

    /* What predict.c adds, by and by, without a change to any of the above. */
    struct forest_layout *_Atomic layout; /* NULL: not made yet */
    atomic_size_t rows_predicted;         /* without a layout */
};

/* From the sums of a row's votes (base included) to its probabilities, in place: prob[classes] has
 * room for all classes, with `complement` only prob[1] is read. */
void forest_post_row(const struct forest *forest, double *prob);

/* Behind the last node of tree `tree`. */
static inline size_t forest_tree_end(const struct forest *forest, size_t tree)
{
    return tree + 1 < forest->trees ? forest->roots[tree + 1] : forest->node_count;
}

/* The leaf of tree `tree` that the row x[features] falls into. */
static inline const struct forest_node *forest_leaf(const struct forest *forest, size_t tree,
                                                    const float *x)
{
    const struct forest_node *node = &forest->nodes[forest->roots[tree]];
    while (node->feature != FOREST_LEAF) {
        float value = x[node->feature];
        bool left = value <= node->threshold || (forest->missing_left && isnan(value) &&
                                                 forest->missing_left[node - forest->nodes]);
        node = &forest->nodes[left ? node->left : node->right];
    }
    return node;
}

#endif
