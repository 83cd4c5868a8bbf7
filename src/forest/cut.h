/* The best cut of one feature in one node, for this room only.
 *
 * A node's rows stand class by class: a run is one class's rows, and its weight is the sum of
 * theirs. keys[rows] are the feature's bins, behind
 * them 32 (KEYS_PADDING) times UINT16_MAX. A cut at key k sends rows with bin <= k left. Its
 * score is the sum over both sides of (sum of squared class weights) / (weight of the side): the
 * larger, the smaller the Gini impurity of the children (Breiman et al. 1984). */
#ifndef FOREST_CUT_H
#define FOREST_CUT_H

#include "forest/bins.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run {
    uint32_t label;
    uint32_t end;    /* behind the run's last row, counted from the node's first one */
    uint32_t weight; /* sum over the rows; all weights of a table together fit in 31 bits */
};

struct cut_node {
    size_t rows;
    const uint32_t *weights; /* [rows]: at least 1 */
    const struct run *runs;  /* [run_count] */
    size_t run_count;
    const double *factors; /* [classes]: what a class's weight counts times, or NULL for 1 */
    uint32_t weight;       /* sum over the runs */
    uint32_t min_weight;   /* both sides must have as much; at least 1 */
};

struct cut {
    double score;      /* larger is better; negative: no cut */
    uint16_t key;      /* rows with bin <= key go left */
    bool missing_left; /* and rows with BIN_MISSING too */
};

struct cut_scratch;

/* Memory for nodes of up to `classes` classes. The caller frees with cut_scratch_free(). */
struct cut_scratch *cut_scratch_new(size_t classes);

/* Frees a worker's memory; NULL is accepted. */
void cut_scratch_free(struct cut_scratch *scratch);

/* The best cut; of equal ones the lowest. [low, high] is what keys_range() says, low < high. */
struct cut cut_best(struct cut_scratch *scratch, const struct cut_node *node, const uint16_t *keys,
                    uint16_t low, uint16_t high);

/* The score of the cut at `key`, missing values on the better side. */
struct cut cut_at(struct cut_scratch *scratch, const struct cut_node *node, const uint16_t *keys,
                  uint16_t key);

#endif
