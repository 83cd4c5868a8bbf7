/* Simulated telemetry as Parquet files, written by engines of one thread each, so that several
 * files are written at a time and each has the same bytes whatever the threads; see pipeline.h. */
#include "pipeline/pipeline.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "lake/lake.h"

#include <stdlib.h>

struct parquet_writer {
    struct lake **lakes; /* [threads]: an engine with the rows of the file at hand, or NULL */
    const struct table **table; /* [threads]: theirs */
    unsigned threads;
};

struct parquet_writer *parquet_writer_open(unsigned threads)
{
    struct parquet_writer *writer = xcalloc(1, sizeof *writer);
    writer->threads = parallel_threads(threads);
    writer->lakes = xcalloc(writer->threads, sizeof(struct lake *));
    writer->table = xcalloc(writer->threads, sizeof(const struct table *));
    return writer;
}

void parquet_writer_close(struct parquet_writer *writer)
{
    for (unsigned i = 0; writer && i < writer->threads; i++) {
        lake_close(writer->lakes[i]);
    }
    if (writer) {
        free((void *)writer->lakes);
        free((void *)writer->table);
    }
    free(writer);
}

int parquet_writer_rows(void *context, unsigned worker, const struct batch *batch,
                        struct error *err)
{
    struct parquet_writer *writer = context;
    struct lake **lake = &writer->lakes[worker];
    const struct lake_options options = {.threads = 1};
    if (!*lake &&
        (lake_open(lake, &options, err) != 0 || lake_create(*lake, batch->table, err) != 0)) {
        return -1;
    }
    writer->table[worker] = batch->table;
    return lake_append(*lake, batch, err);
}

int parquet_writer_file(void *context, unsigned worker, const char *path, struct error *err)
{
    struct parquet_writer *writer = context;
    struct lake *lake = writer->lakes[worker];
    const struct lake_output output = {.table = writer->table[worker], .order = "rowid"};
    int status = 0;
    if (lake) {
        status =
            lake_flush(lake, err) == 0 ? lake_write(lake, &output, LAKE_PARQUET, path, err) : -1;
    }
    lake_close(lake);
    writer->lakes[worker] = NULL;
    return status;
}
