/* Growing one tree, for this room only: the sorted table that all trees share, a worker's scratch
 * memory, and the tree as it comes out. */
#ifndef FOREST_GROW_H
#define FOREST_GROW_H

#include "base/rng.h"
#include "forest/impl.h"

struct entry {
    float value;
    uint32_t row;
};

/* All values of all features, sorted once: entries[features][rows], ascending, NaN last, equal
 * values by row. */
struct sorted_table {
    struct entry *entries;
    size_t rows, features;
};

/* Sorts the table; the caller frees with sorted_table_release(). */
void sorted_table_init(struct sorted_table *table, const struct forest_data *data,
                       unsigned threads);

/* Frees the entries; a zeroed table is accepted. */
void sorted_table_release(struct sorted_table *table);

/* One grown tree; node and vote numbers count from 0. */
struct grown_tree {
    struct forest_node *nodes;
    struct forest_vote *votes;
    size_t node_count, node_room;
    size_t vote_count, vote_room;
};

/* Frees nodes and votes; a zeroed tree is accepted. */
void grown_tree_release(struct grown_tree *tree);

struct grow_scratch;

/* Memory for one worker; sizes follow the table. The caller frees with grow_scratch_free(). */
struct grow_scratch *grow_scratch_new(const struct sorted_table *table, int classes);

/* Frees a worker's memory; NULL is accepted. */
void grow_scratch_free(struct grow_scratch *scratch);

/* Draws a bootstrap sample (as many rows as there are, with replacement) and grows a tree on it to
 * purity; `trees` scales the leaf weights. `tree` is zeroed by the caller. */
void grow_tree(struct grow_scratch *scratch, const struct sorted_table *table,
               const struct forest_data *data, unsigned trees, struct rng *rng,
               struct grown_tree *tree);

/* True when the last tree was grown on this row (once or more). */
bool grow_in_bag(const struct grow_scratch *scratch, size_t row);

#endif
