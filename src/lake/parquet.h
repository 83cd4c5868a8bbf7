/* Parquet files, written here rather than by the engine: a quarter of its COPY's processor time.
 * For this room only.
 *
 * A file is fed batch by batch and cut in row groups of PARQUET_ROWS rows, whatever the batches
 * are; a group ends before that where its texts take 64 MB. Each column of a group is encoded by
 * what is in it: as a dictionary with numbers where few values repeat, whole numbers and instants
 * by their differences else; what zstd makes smaller is compressed. Types, names and statistics
 * stand in the footer as DuckDB's COPY writes them. The same rows give the same bytes, for any
 * number of threads. */
#ifndef LAKE_PARQUET_H
#define LAKE_PARQUET_H

#include "base/columns.h"
#include "base/error.h"
#include "base/sink.h"

/* Rows of a row group, fifteen batches (fewer where texts are very long). Tables are sorted by
 * vehicle, so that one vehicle lies in one group, which is what a reader unpacks of it: with 30,720
 * rows that takes half the processor time of the engine's 122,880; with fewer the footer costs more
 * than the rows. */
enum { PARQUET_ROWS = 15 * BATCH_ROWS };

struct parquet;

/* A new file at `path` (what is there is replaced) with the columns of `table`, which lives until
 * it is closed; `threads` encode columns at the same time (0: all cores). NULL: err says why. */
struct parquet *parquet_open(const char *path, const struct table *table, unsigned threads,
                             struct error *err);

/* Adds the rows of a batch with these columns; texts are copied. NaN is written as it is. */
int parquet_add(struct parquet *file, const struct batch *batch, struct error *err);

/* Writes what is left and the footer, closes the file and frees it, also where that fails;
 * `written` (or NULL) tells what it holds. */
int parquet_close(struct parquet *file, struct written *written, struct error *err);

/* Lets go of a file that will not be whole; NULL is fine. */
void parquet_abandon(struct parquet *file);

#endif
