/* The training table as ranks, for this room only: 16 bits a value, made once and shared by all
 * trees.
 *
 * Rows stand class by class (a tree's nodes keep that order, so that a class is a run of rows). A
 * feature with at most BIN_MAX distinct values keeps them all: a bin is one value, and splits are
 * exact. With more, neighbouring values share a bin, about rows / BIN_MAX of them.
 *
 * Rows of one class that are alike in every bin become one row, when there are many such rows: its
 * weight in a tree is the sum of theirs. Logs and counters are like that (of kdd99's 494,021 rows
 * 145,586 differ). */
#ifndef FOREST_BINS_H
#define FOREST_BINS_H

#include "forest/forest.h"

#include <stdbool.h>

enum {
    BIN_MAX = 65535,     /* bins of a feature: 0..BIN_MAX - 1 */
    BIN_MISSING = 65535, /* NaN */
};

/* The smallest and the largest value of a bin. */
struct bin {
    float low, high;
};

/* What a feature's bins stand for. */
struct bin_feature {
    struct bin *bins; /* [count], ascending */
    uint32_t count;
    bool missing; /* some row has no value */
};

struct bin_table {
    uint16_t *bins; /* [features][rows] and KEYS_PADDING more to be read; rows class by class */
    struct bin_feature *features; /* [feature_count] */
    size_t rows, feature_count;
    size_t source_rows; /* of the caller's table */
    size_t classes;
    uint32_t *row;         /* [source_rows]: places in the caller's table: */
    uint32_t *row_begin;   /* [rows + 1]: row i here is row[row_begin[i]..row_begin[i + 1]) there */
    uint32_t *class_begin; /* [classes + 1]: class c is rows class_begin[c]..class_begin[c + 1] */
};

/* Sorts and ranks the table; `data` must be valid. The caller frees with bin_table_release(). */
void bin_table_init(struct bin_table *table, const struct forest_data *data, unsigned threads);

/* Frees what the table owns; a zeroed table is accepted. */
void bin_table_release(struct bin_table *table);

#endif
