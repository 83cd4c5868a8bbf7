/* Rows of distinct.h as tables of DuckDB: scanned where they lie. For duckdb*.c only. */
#ifndef LAKE_DUCKDB_ROWS_H
#define LAKE_DUCKDB_ROWS_H

#include "lake/distinct.h"
#include "lake/lake.h"

#include <duckdb.h>
#include <stdatomic.h>

/* Makes the table function NAME_rows(), of all rows in any order, for *threads threads (0: all
 * cores). Before distinct_end() there are none; distinct and *threads live as long as the function
 * may be called. -1: the name is taken. */
int duckdb_rows_register(duckdb_connection connection, const struct distinct *distinct,
                         const unsigned *threads);

/* Makes the table function NAME_sums(), NAME that of `sums`, of what lake_sum() says: the rows of
 * distinct, whose order begins with sums->key, and whose day is sums->day. As above; `sums` is
 * copied. */
int duckdb_sums_register(duckdb_connection connection, const struct distinct *distinct,
                         const struct lake_sums *sums, const unsigned *threads);

/* ---- what the scans of these functions share ---- */

struct scanned_pieces { /* given to the threads, one after another */
    const struct distinct *distinct;
    atomic_size_t next;
};

struct scanned_place { /* of one thread */
    struct piece piece;
    size_t at; /* row */
};

/* Gives a thread its place, the data of its init. */
void scan_init_thread(duckdb_init_info info);

/* Sees to it that the thread has a piece with rows left; false: there is none, or it cannot be
 * read. */
bool scan_next_piece(duckdb_function_info info, struct scanned_pieces *pieces,
                     struct scanned_place *place);

/* A text as the engine has it: a long one is pointed to. */
duckdb_string_t scan_string(struct bytes text);

#endif
