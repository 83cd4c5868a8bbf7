/* Rows of distinct.h as tables of DuckDB: scanned where they lie. For duckdb*.c only. */
#ifndef LAKE_DUCKDB_ROWS_H
#define LAKE_DUCKDB_ROWS_H

#include "lake/distinct.h"

#include <duckdb.h>

/* Makes the table function NAME_rows(), of all rows of the window in any order, for *threads
 * threads (0: all cores). Before distinct_end() there are none; distinct and *threads live as long
 * as the function may be called. -1: the name is taken. */
int duckdb_rows_register(duckdb_connection connection, const struct distinct *distinct,
                         const unsigned *threads);

#endif
