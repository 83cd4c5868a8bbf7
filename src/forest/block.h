/* A subtree of few rows, for this room only: each of its rows has a lane of a vector, and a node is
 * a set of lanes. Splitting a node moves nothing, and a feature's bins are looked up once for all
 * nodes of the subtree.
 *
 * For nodes without missing values whose classes weigh what their rows weigh, and without a least
 * weight: a cut then always exists unless the feature is constant. */
#ifndef FOREST_BLOCK_H
#define FOREST_BLOCK_H

#include "forest/cut.h"
#include "forest/keys.h"

enum {
    BLOCK_ROWS = 16,    /* the lanes of cut_lanes.h */
    BLOCK_WEIGHT = 255, /* of the subtree: its square fits a lane of 16 bits */
};

struct block;

/* Where rows are looked up. */
struct block_source {
    const uint16_t *bins; /* [features][rows] */
    size_t features, rows;
};

/* What a cut does to a node. */
struct block_halves {
    uint32_t left;        /* the lanes that go left */
    uint32_t left_weight; /* their weight */
    uint16_t above;       /* the lowest key on the right */
};

/* Memory for subtrees of one table. The caller frees with block_free(). */
struct block *block_new(size_t features);

/* Frees a block; NULL is accepted. */
void block_free(struct block *block);

/* Puts 1..BLOCK_ROWS rows that weigh at most BLOCK_WEIGHT into lanes, class by class as `runs`
 * says; returns the set of all of them. `source` must outlast the subtree. */
uint32_t block_open(struct block *block, struct block_source source, struct keys_rows rows,
                    const struct run *runs, size_t run_count);

/* True when all rows of these lanes (at least one) have one class. */
bool block_is_pure(const struct block *block, uint32_t lanes);

/* Fills runs[classes] with the classes of these lanes; returns how many there are. `end` counts
 * the rows of these lanes alone. */
size_t block_runs(const struct block *block, uint32_t lanes, struct run *runs);

/* Makes the node of these lanes the one that block_cut() cuts. */
void block_enter(struct block *block, uint32_t lanes);

/* The score of the node's best cut by `feature`, and its key, as cut_best() finds them; negative:
 * the feature is constant there. */
double block_cut(struct block *block, uint32_t feature, uint16_t *key);

/* Parts the node's lanes by `feature`: keys up to `key` go left. */
void block_part(const struct block *block, uint32_t feature, uint16_t key,
                struct block_halves *halves);

#endif
