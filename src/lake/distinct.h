/* The rows of one table in order and without repetitions, however many. For this room only.
 *
 * They lie in memory (rows.h) as long as there is room, else in runs on disk: a run is what was in
 * memory once, sorted by day, within a day by the key. Runs are not merged: a piece, which is all
 * rows of some values of the key's first column, is read out of all runs when it is asked for, and
 * sorted in memory like any other rows. Its place in a run is found by marks, one every few KB. */
#ifndef LAKE_DISTINCT_H
#define LAKE_DISTINCT_H

#include "lake/rows.h"

#include "base/error.h"

struct run;

struct distinct {
    struct table table;
    const char *key, *least, *day, *scratch;
    struct rows *rows; /* in memory: all of them, or those that no run has yet */
    struct run *runs;
    size_t run_count;
    size_t piece_count;
    struct bytes *bounds;    /* [piece_count - 1] where pieces begin, of runs: the first is open */
    struct counted *counted; /* [piece_count] */
    int32_t *days;           /* [day_count] that there are rows of, in order */
    size_t day_count;
    struct arena memory;
};

/* No rows yet of `table`; `key`, `least`, `day` as in rows_open(), the key's first column a text.
 * `scratch`: the folder for runs, made when it is needed; NULL: there are none. */
struct distinct *distinct_open(const struct table *table, const char *key, const char *least,
                               const char *day, const char *scratch);

/* NULL is fine. */
void distinct_close(struct distinct *distinct);

/* Copies the rows of a batch, or writes a run first where memory's list of rows is full. */
int distinct_add(struct distinct *distinct, const struct batch *batch, unsigned threads,
                 struct error *err);

/* Moves what is in memory to a run. */
int distinct_spill(struct distinct *distinct, unsigned threads, struct error *err);

/* Ends adding; what follows is for afterwards. A second time is fine. */
int distinct_end(struct distinct *distinct, unsigned threads, struct error *err);

/* Whether distinct_end() was called. */
bool distinct_ended(const struct distinct *distinct);

/* How many values of the first `columns` of the key stand in several rows. */
int distinct_count(struct distinct *distinct, size_t columns, unsigned threads, uint64_t *repeated,
                   struct error *err);

/* About how many rows there are. */
size_t distinct_estimate(const struct distinct *distinct);

/* What is said where memory ends, here and of the engine: it is full and there is no scratch
 * folder; the folder's disk is full; it cannot be written, as the first line of `why` says. -1. */
int memory_is_full(const char *what, struct error *err);
int scratch_is_full(const char *what, struct error *err);
int scratch_is_closed(const char *what, const char *why, struct error *err);

struct piece { /* some of the rows, in order */
    const struct rows *rows;
    struct rows_part part;
    struct rows *own; /* or NULL */
};

/* The pieces that all rows, or those of one day (NULL: all) come in, one after another. */
size_t distinct_pieces(const struct distinct *distinct, const int32_t *day);

/* Opens a piece, for piece_close(). Several threads may do so at a time. */
int distinct_piece(const struct distinct *distinct, size_t number, const int32_t *day,
                   struct piece *out, struct error *err);

void piece_close(struct piece *piece);

/* How many rows there are, and of nulls[BATCH_COLUMNS] the NULLs of each column, where that is
 * known: rows on disk must have been read once; else false. */
bool distinct_nulls(const struct distinct *distinct, uint64_t *rows, uint64_t *nulls);

#endif
