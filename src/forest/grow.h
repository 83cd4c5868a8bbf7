/* Growing one tree, for this room only: what all trees share, a worker's scratch memory, and the
 * tree as it comes out. */
#ifndef FOREST_GROW_H
#define FOREST_GROW_H

#include "forest/bins.h"
#include "forest/impl.h"

/* What all trees of a forest share. */
struct grow_plan {
    const struct bin_table *table;
    const uint32_t *weights; /* [source_rows], or NULL: 1; a bootstrap sample of them must fit in
                                31 bits */
    const double *factors;   /* [classes], or NULL: 1 */
    double weight_unit;      /* what a weight of 1 stands for in the caller's measure */
    uint32_t min_weight;     /* on each side of a split, at least 1; without factors */
    unsigned trees;          /* scales the leaf weights */
    unsigned max_depth;      /* 0: none */
    unsigned max_features;   /* candidates for a split, 1..features */
    bool extra_trees;        /* random thresholds */
    uint64_t seed;
};

/* One grown tree; node and vote numbers count from 0. */
struct grown_tree {
    struct forest_node *nodes;
    struct forest_vote *votes;
    float *cover;       /* [node_count] */
    bool *missing_left; /* [node_count] */
    size_t node_count, node_room;
    size_t vote_count, vote_room;
};

/* Frees what the tree owns; a zeroed tree is accepted. */
void grown_tree_release(struct grown_tree *tree);

struct grow_scratch;

/* Memory for one worker; sizes follow the table. The caller frees with grow_scratch_free(). */
struct grow_scratch *grow_scratch_new(const struct grow_plan *plan);

/* Frees a worker's memory; NULL is accepted. */
void grow_scratch_free(struct grow_scratch *scratch);

/* Draws tree `index`'s bootstrap sample (see forest_bootstrap_counts()) and grows the tree on it.
 * `tree` is zeroed by the caller. */
void grow_tree(struct grow_scratch *scratch, unsigned index, struct grown_tree *tree);

/* The bootstrap counts of the last tree that was grown: counts[rows] in the caller's order. */
const uint32_t *grow_counts(const struct grow_scratch *scratch);

#endif
