/* Why a forest answers what it answers: each feature's share in a row's probability.
 *
 * The shares are Shapley values of the path-dependent game of Lundberg et al., "Consistent
 * Individualized Feature Attribution for Tree Ensembles" (2018), exact up to rounding: where a
 * feature is not known, a row goes down both branches in proportion to the rows that did so in
 * training (`cover`). Of trees whose votes are summed and then transformed (boosted ones) the sums
 * are explained, not the probabilities. */
#ifndef FOREST_EXPLAIN_H
#define FOREST_EXPLAIN_H

#include "forest/forest.h"

#include <stdbool.h>

/* Whether it is known how many rows came by each node. */
bool forest_has_cover(const struct forest *forest);

/* Whether the shares are shares of probabilities; else of sums before a transformation. */
bool forest_explains_probabilities(const struct forest *forest);

/* For a forest that does not tell: counts the rows of x[rows][features] at each node, on top of
 * what was counted before. The order of rows and the number of calls change nothing. Explanations
 * then are relative to these rows. Below a node that none of them reached both branches count the
 * same; shares still add up. */
void forest_add_cover(struct forest *forest, const float *x, size_t rows);

enum { FOREST_EXPLAIN_FEATURES = 2048 };

/* phi[r][c][f]: by how much feature f moves row r's probability of class c; base[c]: the
 * probability before anything is known. For every row, base[c] + the sum of phi[r][c][...] is what
 * forest_predict() gives (within 1e-9). x[rows][features], NaN is missing.
 *
 * `target` NULL: all classes, phi[rows][classes][features]. Else only class target[r] of each row:
 * phi[rows][features], which is several times faster. `threads` 0: all available cores; the shares
 * are the same for any number, and do not depend on the other rows.
 *
 * Refused: a forest without counts, counts that are no counts, and trees where one path asks for
 * more than FOREST_EXPLAIN_FEATURES different features. */
int forest_explain(const struct forest *forest, const float *x, size_t rows, const int *target,
                   unsigned threads, double *phi, double *base, struct error *err);

#endif
