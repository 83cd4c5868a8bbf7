/* The engine behind the lake: tables defined by SELECTs, fed from C, written to files.
 *
 * Stages speak to this header, not to an engine: a stage feeds tables, defines others by the SELECT
 * files of sql/, lets C functions see rows (the model), and writes results. Two engines stand
 * behind the same calls: DuckDB, embedded, and Spark, driven through one spark-sql process
 * (spark.c). Names of tables and columns come from our own lists (fleet/tables.def) and never from
 * data; data reaches SQL in batches or as files.
 *
 * A session belongs to one thread, except lake_append(), which any thread may call, one at a time.
 */
#ifndef LAKE_LAKE_H
#define LAKE_LAKE_H

#include "base/arena.h"
#include "base/columns.h"
#include "base/error.h"
#include "base/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lake;

enum lake_engine_kind { LAKE_DUCKDB, LAKE_SPARK };

struct lake_options {
    enum lake_engine_kind engine;
    const char *spark_master; /* LAKE_SPARK: "local[*]", "spark://HOST:PORT", ...; NULL: local[*] */
    const char *scratch;      /* folder for what does not fit in memory; NULL: none is spilled */
    unsigned threads;         /* 0: all available cores */
    unsigned flush_threads;   /* that lake_flush() works with; 0: as many as the engine */
    const char *memory;       /* limit, "2GB"; NULL: the engine's default */
};

/* Opens an empty session; *out is for lake_close(), also after a failure. */
int lake_open(struct lake **out, const struct lake_options *options, struct error *err);

/* Closes a session and everything in it; NULL is fine. */
void lake_close(struct lake *lake);

/* A second session on the same tables, for another thread: it reads and writes to files what this
 * one has made, which goes on meanwhile. Closed before this one. NULL: the engine has none. */
struct lake *lake_beside(struct lake *lake);

/* From now on the engine itself works with so many threads (0: all available cores). Spark has its
 * own machines and passes over it. */
int lake_use_threads(struct lake *lake, unsigned threads, struct error *err);

/* From now on rows of kept tables stand in any order, so that several threads can make one: of a
 * million rows that takes half the time. DuckDB only. */
void lake_keep_no_order(struct lake *lake);

/* From now on all tables are small: the engine takes its first plan of each statement, as looking
 * for a better one takes longer than it would save. DuckDB only. */
void lake_plan_simply(struct lake *lake);

/* Tables of fewer rows keep no second thread of an engine at work: DuckDB scans row groups of so
 * many rows, each by one thread. */
enum { LAKE_ROWS_A_THREAD = 122880 };

/* ---- constants: functions without arguments, for the rules in sql/ ---- */

/* Makes NAME() known to all statements of the session: a DATE, a DOUBLE. */
int lake_constant_date(struct lake *lake, const char *name, int32_t date, struct error *err);
int lake_constant_real(struct lake *lake, const char *name, double value, struct error *err);

/* ---- tables ---- */

/* An empty table, to be fed with lake_append(). */
int lake_create(struct lake *lake, const struct table *table, struct error *err);

/* What rows of a table are the same, and how they are read. */
struct lake_distinct {
    const char *key; /* "vin, event_ts": of rows alike in all of these columns one stays (NULLs are
                        alike; the first is a text and never NULL). Others follow from the key, */
    const char *least; /* but for this one: the least stays */
    const char *day; /* a DATE column, never NULL: files of single days will be written; or NULL */
};

/* The same for rows of which distinct ones are wanted, and which may be many. After lake_flush()
 * nothing more is appended; whether repetitions are there then depends on the engine. */
int lake_create_distinct(struct lake *lake, const struct table *table,
                         const struct lake_distinct *distinct, struct error *err);

/* Adds a batch's rows to the table that it names. */
int lake_append(struct lake *lake, const struct batch *batch, struct error *err);

/* Ends feeding: appended rows can be read after this. */
int lake_flush(struct lake *lake, struct error *err);

enum lake_definition {
    LAKE_VIEW,  /* computed where it is used */
    LAKE_TABLE, /* computed now and kept */
};

/* `name` shall be what the SELECT file sql/FILE says (embedded in the program). */
int lake_define(struct lake *lake, const char *name, const char *file, enum lake_definition kind,
                struct error *err);

/* The same as a kept table of the rows of `from`, which has the columns of `table`, without
 * repetitions. What lake_create_distinct() made as `from` is best, and gone then. Where the engine
 * keeps an order rows stand in that of the key: writing them in it, or some of them, sorts nothing
 * then. */
int lake_define_distinct(struct lake *lake, const struct table *table, const char *from,
                         const struct lake_distinct *distinct, struct error *err);

/* Counts and sums of numbers, a row for each value of `key` on each day that it has rows of. */
struct lake_sums {
    const char *name, *from;
    const char *key, *day;         /* columns of `from`: a TEXT and a DATE, never NULL */
    const struct column *measures; /* columns of `from`: REAL, below a million each way, or WHOLE */
    size_t measure_count;
};

/* `name` shall be the kept table `sums` asks for, with the columns key, day, messages (rows), and
 * for each measure X n_X (rows that have one) and s_X (the sum; NULL without any). Sums are whole,
 * or decimals of twelve digits behind the point, so that they are the same in any order of the
 * rows, and sums of sums too. What lake_define_distinct() made as `from` is best, where the day
 * follows from the second column of its key. */
int lake_sum(struct lake *lake, const struct lake_sums *sums, struct error *err);

/* `name` shall be a small constant table: `count` numbered words, columns (code, word_column). */
int lake_words(struct lake *lake, const char *name, const char *word_column,
               const char *const *words, size_t count, struct error *err);

/* `name` shall be the rows of Parquet files with the columns of `table` (a folder level NAME=VALUE
 * gives column NAME): FOLDER/PATTERN, where only the pattern may hold '*'; what it names may also
 * be a folder of part files, as lake_write() leaves one. No file, or one with other columns, is an
 * error. */
int lake_open_parquet(struct lake *lake, const char *name, const struct table *table,
                      const char *folder, const char *pattern, struct error *err);

/* `name` shall be the rows of a user's CSV or Parquet file (by its ending), in order, or of a
 * folder of Parquet files, in the order of their names. CSV columns are text; empty is NULL; the
 * separator is the header's (',', else ';', tab or '|'). */
int lake_open_file(struct lake *lake, const char *name, const char *path, struct error *err);

/* Forgets a view. */
int lake_drop(struct lake *lake, const char *name, struct error *err);

/* The column names of a table or view and their types; owned by the arena. */
int lake_columns(struct lake *lake, const char *name, struct arena *arena, struct column **columns,
                 size_t *count, struct error *err);

/* ---- results ---- */

enum lake_format { LAKE_CSV, LAKE_PARQUET };

/* What goes to a file. */
struct lake_output {
    const struct table *table;
    const char *from;         /* table or view; NULL: table->name */
    const char *order;        /* column list; must determine the order fully */
    const char *except;       /* a column that is left out, or NULL */
    const char *where_column; /* keep the rows with this column = where_date; NULL: all */
    int32_t where_date;
};

/* Writes a table or view with the columns of `output->table` (checked) to a file, sorted by `order`
 * (NULLs last). An engine with workers writes a large table as Parquet to a folder in the place of
 * the file, a part each: PATH/part-00000.parquet, ... in this order. */
int lake_write(struct lake *lake, const struct lake_output *output, enum lake_format format,
               const char *path, struct error *err);

/* A file to be written. */
struct lake_file {
    struct lake_output output;
    enum lake_format format;
    const char *path;
    struct written *written; /* says what it holds where that is known without reading it, as of
                                what DuckDB's rows are written to; or NULL */
};

/* The same for several files, which an engine may write at the same time. */
int lake_write_files(struct lake *lake, const struct lake_file *files, size_t count,
                     struct error *err);

/* Calls `row` for every row of a query, cells as text (data NULL: SQL NULL). Returning -1 stops. */
int lake_each(struct lake *lake, const char *sql,
              int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err),
              void *context, struct error *err);

struct lake_rows {
    const char **cells;   /* [rows][columns]; NULL: SQL NULL */
    size_t rows, columns; /* columns 0 when there are no rows */
};

/* All rows of a small query as text, owned by the arena. */
int lake_query(struct lake *lake, const char *sql, struct arena *arena, struct lake_rows *out,
               struct error *err);

/* The same with values from outside: $1, $2, ... in `sql` are bound to `values[value_count]`, texts
 * that are never read as SQL. */
int lake_ask(struct lake *lake, const char *sql, const char *const *values, size_t value_count,
             struct arena *arena, struct lake_rows *out, struct error *err);

/* One whole number, from a query of one row and column; NULL reads 0. */
int lake_count(struct lake *lake, const char *sql, uint64_t *out, struct error *err);

/* A number to be counted, by a query as for lake_count(). */
struct lake_counted {
    const char *sql;
    uint64_t *out;
};

/* Several at once, which costs an engine less than one by one. */
int lake_counts(struct lake *lake, const struct lake_counted *counts, size_t count,
                struct error *err);

/* A query for lake_counts(): how many rows a table has. Owned by the arena. */
const char *lake_size(struct lake *lake, const char *table, struct arena *arena);

/* A query for lake_counts(): how many values of `columns` ("vin, event_ts") stand in several rows
 * of a table. Owned by the arena; NULL: err says why. */
const char *lake_repeated(struct lake *lake, const char *table, const char *columns,
                          struct arena *arena, struct error *err);

/* How many rows a table has, and nulls[table->column_count] how many of them are NULL in each
 * column. */
int lake_nulls(struct lake *lake, const struct table *table, uint64_t *rows, uint64_t *nulls,
               struct error *err);

/* The days of a table's DATE column, in order, owned by the arena. */
int lake_days(struct lake *lake, const char *table, const char *column, struct arena *arena,
              int32_t **days, size_t *count, struct error *err);

/* Calls `block` for blocks of rows of `columns` of `from`, as numbers: X[rows][column_count]
 * row-major, NULL as NaN; text is converted, and what is no number is an error that names it.
 * `order` as in lake_output, or NULL for the table's own order. */
int lake_each_block(struct lake *lake, const char *from, const char *const *columns,
                    size_t column_count, const char *order,
                    int (*block)(void *context, const double *x, size_t rows, struct error *err),
                    void *context, struct error *err);

/* Rows that a function of rows sees at a time, at most: enough to keep threads at work, and to be
 * worth what it does once a call. */
enum { LAKE_MAP_ROWS = 4 * BATCH_ROWS };

/* A function of rows: `out` columns from `in` columns, as numbers (NaN: NULL both ways), and one
 * text when the last column of the result is TEXT. */
struct lake_function {
    const char *key;           /* column that is passed through and determines the row */
    const char *const *inputs; /* [input_count] columns of the source */
    size_t input_count;
    const struct table *result; /* first column the key, then the results (WHOLE or REAL), and a
                                   last one that may be TEXT */
    int (*apply)(void *context, const double *x, size_t rows, double *y, struct error *err);
    void *context;
    struct bytes (*text)(void *context, size_t row); /* of the rows that `apply` saw last; data
                                                        NULL: NULL. Kept by the function until the
                                                        next call. NULL: no TEXT column */
    const char *const
        *worker; /* the arguments with which this program does the same to rows of
                    text on its standard input (pipeline_worker_score() of pipeline.h), NULL-ended;
                    engines with workers run it there instead of `apply` */
    const char *const *worker_files; /* files that the worker finds beside itself, NULL-ended */
};

/* Makes the table `function->result` by applying the function to every row of `from`:
 * x[rows][input_count], y[rows][result columns - 1], the TEXT column left out. */
int lake_map(struct lake *lake, const char *from, const struct lake_function *function,
             struct error *err);

/* ---- work on executors ---- */

/* Whether the engine runs this program on other machines: then raw files are read there. */
bool lake_has_workers(const struct lake *lake);

/* Whole files for this program on the engine's workers. */
struct lake_transform {
    const char *folder; /* or its address, as in lake_list_files() */
    const char *const
        *suffixes; /* lower case; files that end so in any case are read, NULL-ended */
    const char *const *worker, *const *worker_files; /* as in lake_function */
    const struct table *const *tables; /* tables that were created already are added to */
    size_t table_count;
};

/* Makes tables by running this program over whole files on the engine's workers. It gets lines
 * "NAME<tab>CHUNK" (base64; a file's chunks follow one another, the name stands at each) and prints
 * lines "T<tab>CELL<tab>...", T the index of a table in `tables`: texts and blobs as base64,
 * numbers and instants as decimal numbers, "-" for NULL. */
int lake_transform(struct lake *lake, const struct lake_transform *transform, struct error *err);

/* Files of any file system that the engine's machines know (s3a://, hdfs://): `address` is a
 * folder's, `pattern` what is looked at below it, folders with all that is in them; '*', '{a,b}'
 * and the like are the file system's. Names that begin with '.' or '_' are passed over. Calls `row`
 * with (path below the address, size in bytes). Nothing there is an error that holds
 * LAKE_NOTHING_THERE. */
int lake_list_files(struct lake *lake, const char *address, const char *pattern,
                    int (*row)(void *context, const struct bytes *cells, size_t count,
                               struct error *err),
                    void *context, struct error *err);

/* Copies such files into the folder `to`, under their paths below the address. */
int lake_fetch(struct lake *lake, const char *address, const char *pattern, const char *to,
               struct error *err);

#define LAKE_NOTHING_THERE "PATH_NOT_FOUND"

/* Work cut in pieces: a table with the columns (number WHOLE, bytes BLOB). */
extern const struct table lake_pieces;

/* Runs this program on the engine's workers over the rows of `lake_pieces`, which C has fed. It
 * gets lines "NUMBER<tab>BYTES" (base64) and prints one such line for each. */
struct lake_spread {
    const char *const *worker, *const *worker_files; /* as in lake_function */
    unsigned processes;                              /* at work over all pieces; 0: one a core */
};

/* Gives what was printed to `take`, in the order of the numbers; the bytes may be changed, and are
 * gone afterwards. */
int lake_spread(struct lake *lake, const struct lake_spread *spread,
                int (*take)(void *context, struct bytes piece, struct error *err), void *context,
                struct error *err);

/* A C function for use in SQL: NAME(x_1, ..., x_inputs) of numbers gives a list of numbers,
 * DOUBLE[results]. NULL comes in as NaN, and NaN goes out as NULL. */
struct lake_scalar {
    const char *name;
    size_t inputs, results;
    /* y[rows][results] of x[rows][inputs]; called by several threads at once. */
    int (*apply)(void *context, const double *x, size_t rows, double *y, struct error *err);
    void *context; /* lives until lake_close() */
};

/* Makes the function known to all statements of the session. */
int lake_scalar(struct lake *lake, const struct lake_scalar *scalar, struct error *err);

#endif
