/* What the files of the engine on DuckDB share: its session, statements and streams. For duckdb*.c
 * only, the only files that include duckdb.h. */
#ifndef LAKE_DUCKDB_INNER_H
#define LAKE_DUCKDB_INNER_H

#include "lake/distinct.h"
#include "lake/engine.h"

#include <duckdb.h>

enum { FED_TABLES = 16, KEPT_TABLES = 4 };

struct feed { /* one table that is being fed */
    const struct table *table;
    duckdb_connection own; /* of a large table, so that several are flushed at a time; or NULL */
    duckdb_appender appender;
    duckdb_data_chunk chunk;
};

struct kept { /* one table whose rows are kept here; the engine has a view of them */
    const char *name;
    const struct table *fed; /* what its batches name */
    struct table shown;      /* the columns of the view */
    struct distinct *distinct;
};

struct duck {
    struct lake lake; /* first: what the calls of lake.h hand over */
    duckdb_database database;
    duckdb_connection work;   /* statements and appenders */
    duckdb_connection reader; /* streamed results */
    unsigned threads;         /* that the engine works with; 0: all cores */
    unsigned flush_threads;   /* of ours; 0: all cores */
    struct feed feeds[FED_TABLES];
    size_t feed_count;
    struct kept kept[KEPT_TABLES];
    size_t kept_count;
    const char *scratch; /* folder, or NULL */
    size_t memory; /* the engine's limit in bytes, half of which is for what is kept here; 0: not
                      asked yet */
    bool halved;   /* the engine has the other half alone */
    struct arena names;  /* of the tables that are kept here, the scratch folder */
    struct arena opened; /* the names of the user's file that was opened last */
    const char *opened_name, *opened_path;
};

static inline struct duck *duck_of(struct lake *lake)
{
    return (struct duck *)(void *)lake;
}

/* DuckDB's message (NULL: none) as one of our sentences about `what`: its first line, or ours where
 * we know the mend. Returns -1. */
int duck_error(struct error *err, const char *what, const char *message);

/* 'text' as an SQL literal, owned by the arena. */
const char *duck_literal(struct arena *arena, const char *text);

/* Runs statements of the session without values; `what` stands in the message of an error. */
int duck_run(struct duck *lake, const char *what, const char *sql, struct error *err);

/* Runs one statement on any connection, and sleeps where duckdb_query() would keep asking for work
 * while other threads have the last of it, which takes a twelfth of a large run's processor time.
 */
int duck_run_patiently(duckdb_connection connection, const char *what, const char *sql,
                       struct error *err);

/* Values for $1, $2, ... of a statement, as texts. */
struct bound {
    const char *const *texts;
    size_t count;
};

/* Streams a query on the reading connection; calls `take` for each chunk until the end or its
 * failure. It may keep the chunk, and sets it to NULL then. */
int duck_stream(struct duck *lake, const char *what, const char *sql, struct bound bound,
                int (*take)(void *context, duckdb_data_chunk *chunk, struct error *err),
                void *context, struct error *err);

/* The rows of a chunk as a batch of room->table, for as long as both live: numbers of eight bytes
 * and texts stay where they are, what else there is goes to `room`. */
struct batch duck_batch_of(duckdb_data_chunk chunk, const struct batch *room);

/* Checks that `name` has just the columns of `table`, in order; `source` stands in the message. */
int duck_check_columns(struct duck *lake, const char *name, const struct table *table,
                       const char *source, struct error *err);

/* "NAME, ..." of the columns of `table` but `except` (or NULL); owned by the arena. */
const char *duck_name_columns(const struct table *table, const char *except, struct arena *arena);

/* A SELECT list of the columns of `table` but `except` (or NULL), with their types; owned by the
 * arena. */
const char *duck_cast_columns(const struct table *table, const char *except, struct arena *arena);

/* The rows of a table that stand in an order that begins with these columns, or NULL. */
struct distinct *duck_distinct_of(const struct duck *lake, const char *table, const char *columns);

/* The rows that an output writes, all of them or those of its day, when they are kept here in its
 * order; else NULL. */
const struct distinct *duck_kept_output(const struct duck *lake, const struct lake_output *output);

/* A SELECT of these columns of an output's rows, in its order; owned by the arena. */
const char *duck_select_output(const struct lake_output *output, const char *columns,
                               struct arena *arena);

/* A Parquet file in the making, whose columns so many threads encode. */
struct duck_parquet;

/* Makes the file `to`, which lives until duck_parquet_close(), for which *out is, after a failure
 * too. */
int duck_parquet_open(struct duck_parquet **out, const struct lake_file *to, unsigned threads,
                      struct error *err);

/* Adds the rows of a chunk of to->output. */
int duck_parquet_put(struct duck_parquet *file, duckdb_data_chunk chunk, struct error *err);

/* Adds all rows of to->output, which are kept here. */
int duck_parquet_put_kept(struct duck_parquet *file, const struct distinct *distinct,
                          struct error *err);

/* Ends the file and frees it; NULL is fine. `status` and err: -1 and why, when something has failed
 * before. */
int duck_parquet_close(struct duck_parquet *file, int status, struct error *err);

/* Calls of struct lake_engine that stand in files of their own: duckdb_write.c, duckdb_read.c. */
int duck_write(struct lake *base, const struct lake_file *files, size_t count, struct error *err);
int duck_each(struct lake *base, const char *sql,
              int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err),
              void *context, struct error *err);
int duck_ask(struct lake *base, const char *sql, const char *const *values, size_t value_count,
             int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err),
             void *context, struct error *err);
int duck_each_block(struct lake *base, const char *from, const char *const *columns,
                    size_t column_count, const char *order,
                    int (*block)(void *context, const double *x, size_t rows, struct error *err),
                    void *context, struct error *err);
int duck_map(struct lake *base, const char *from, const struct lake_function *function,
             struct error *err);
int duck_scalar(struct lake *base, const struct lake_scalar *scalar, struct error *err);

#endif
