/* Writing CSV, for duckdb*.c only. */
#ifndef LAKE_DUCKDB_CSV_H
#define LAKE_DUCKDB_CSV_H

#include "lake/duckdb_inner.h"

/* A file of the engine's rows in the making: chunks of them are made text by several threads. */
struct duck_csv_stream;

/* Makes the file, which lives until duck_csv_close(), for which *out is, after a failure too. */
int duck_csv_open(struct duck_csv_stream **out, const struct lake_file *file, unsigned threads,
                  struct error *err);

/* Takes a chunk of file->output. */
int duck_csv_put(struct duck_csv_stream *stream, duckdb_data_chunk *chunk, struct error *err);

/* Ends the file and frees it; NULL is fine. `status` and err: -1 and why, when something has failed
 * before. */
int duck_csv_close(struct duck_csv_stream *stream, int status, struct error *err);

/* A file of rows that are kept here, made by any number of threads, each of which takes a piece of
 * them after another: pieces are made text side by side and written one after another. */
struct duck_csv;

/* Makes the file for the rows of `distinct` that file->output is about, all or a day, in their
 * order; both live until duck_csv_end(), for which *out is, after a failure too. */
int duck_csv_begin(struct duck_csv **out, const struct distinct *distinct,
                   const struct lake_file *file, struct error *err);

/* Takes part until there is nothing left to take; failures are kept for the end. */
void duck_csv_help(struct duck_csv *csv);

/* Ends the file when all who took part have returned. `status` and err: -1 and why, when something
 * else has failed before. */
int duck_csv_end(struct duck_csv *csv, int status, struct error *err);

#endif
