/* Rows of rows.h as tables of DuckDB, without a copy: scanned where they lie. For duckdb*.c only.
 */
#ifndef LAKE_DUCKDB_ROWS_H
#define LAKE_DUCKDB_ROWS_H

#include "lake/rows.h"

#include <duckdb.h>

/* Makes the table functions NAME_rows(), of all rows in any order, for *threads threads (0: all
 * cores), and NAME_of_date(DATE), of the rows that rows_split() put to a date, in order. Both show
 * what there is when a statement begins; rows and *threads live as long as it may be called. -1:
 * the name is taken. */
int duckdb_rows_register(duckdb_connection connection, const struct rows *rows,
                         const unsigned *threads);

#endif
