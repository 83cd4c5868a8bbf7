/* Results of the engine on DuckDB as files: Parquet by the engine, CSV by threads of ours. Reads
 * tables of the engine's and rows that are kept in memory (rows.h), writes the files it is told. */
#include "lake/duckdb_inner.h"

#include "base/dates.h"
#include "base/parallel.h"
#include "lake/duckdb_csv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rows of a row group of Parquet, fifteen vectors. Tables are sorted by vehicle, so that one
 * vehicle lies in one group, which is what a reader unpacks of it: with 30,720 rows that takes half
 * the processor time of the engine's 122,880; with fewer the footer costs more than the rows. */
#define ROW_GROUP_ROWS "30720"

/* Rows of an output, in its order. */
static const char *select_output(struct duck *lake, const struct lake_output *output,
                                 const char *columns, struct arena *arena)
{
    const char *from = output->from ? output->from : output->table->name;
    const struct distinct *distinct = duck_distinct_of(lake, from, output->order);
    const char *where = "";
    char date[DATE_TEXT_SIZE];
    if (output->where_column) {
        date_format(output->where_date, date);
        if (distinct && distinct->day && strcmp(distinct->day, output->where_column) == 0) {
            return arena_printf(arena, "SELECT %s FROM %s_of_date(DATE '%s')", columns,
                                distinct->table.name, date);
        }
        where = arena_printf(arena, " WHERE %s = DATE '%s'", output->where_column, date);
    }
    return arena_printf(arena, "SELECT %s FROM %s%s ORDER BY %s", columns, from, where,
                        output->order);
}

/* Where an output is made: by one of several threads, or by the session's own. */
struct place {
    struct duck *lake;
    duckdb_connection connection;
    unsigned threads; /* that may work on it */
};

/* Row groups of Parquet begin where chunks of the engine end, which differ with its threads: a sort
 * fills them, and so does a scan of a day of rows that are kept here. CSV by the engine has none.
 */
static int copy_to(const struct place *place, const struct lake_output *output,
                   enum lake_format format, const char *path, struct error *err)
{
    struct arena arena = {0};
    const char *options = format == LAKE_CSV
                              ? "FORMAT csv, HEADER true"
                              : "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE " ROW_GROUP_ROWS;
    const char *rows = select_output(
        place->lake, output, duck_name_columns(output->table, output->except, &arena), &arena);
    const char *sql = arena_printf(&arena, "COPY (%s) TO %s (%s, USE_TMP_FILE false)", rows,
                                   duck_literal(&arena, path), options);
    int status = place->connection == place->lake->work
                     ? duck_run(place->lake, path, sql, err)
                     : duck_run_patiently(place->connection, path, sql, err);
    arena_release(&arena);
    return status;
}

/* The rows that an output writes all of, in its order, when they are kept here; else NULL. */
static const struct distinct *kept_rows(const struct duck *lake, const struct lake_output *output)
{
    const char *from = output->from ? output->from : output->table->name;
    return output->where_column ? NULL : duck_distinct_of(lake, from, output->order);
}

static void help_csv(void *context, size_t index, unsigned worker)
{
    (void)index;
    (void)worker;
    duck_csv_help(context);
}

static int write_csv(const struct place *place, const struct lake_file *file, struct error *err)
{
    const struct lake_output *output = &file->output;
    const struct distinct *distinct = kept_rows(place->lake, output);
    struct arena arena = {0};
    struct duck_csv *csv = NULL;
    int status;
    if (distinct) {
        status = duck_csv_begin(&csv, distinct, file, err);
        if (status == 0) {
            unsigned threads = parallel_threads(place->threads);
            parallel_for(threads, threads, help_csv, csv);
        }
        return duck_csv_end(csv, status, err);
    }
    status = duck_csv_stream(place->lake,
                             select_output(place->lake, output,
                                           duck_cast_columns(output->table, output->except, &arena),
                                           &arena),
                             file, place->threads, err);
    arena_release(&arena);
    return status;
}

/* Whether rows are kept here just as an output writes them. */
static bool is_kept(const struct duck *lake, const struct lake_output *output)
{
    const char *from = output->from ? output->from : output->table->name;
    const struct distinct *distinct = duck_distinct_of(lake, from, output->order);
    return distinct && (!output->where_column ||
                        (distinct->day && strcmp(distinct->day, output->where_column) == 0));
}

static int write_at(const struct place *place, const struct lake_file *file, struct error *err)
{
    const struct lake_output *output = &file->output;
    bool blobs = false; /* their texts are the engine's own */
    for (size_t c = 0; c < output->table->column_count; c++) {
        blobs |= output->table->columns[c].type == COLUMN_BLOB;
    }
    if (file->format == LAKE_PARQUET && is_kept(place->lake, output)) {
        return duck_write_parquet(place->lake, output, file->path, place->threads, err);
    }
    return file->format == LAKE_CSV && !blobs
               ? write_csv(place, file, err)
               : copy_to(place, output, file->format, file->path, err);
}

/* A file to be written, or a CSV file to take part in. */
struct task {
    const struct lake_file *file;
    struct duck_csv *csv;
};

/* What several threads do at the same time, each the next task. */
struct writing {
    struct duck *lake;
    struct task *tasks;
    size_t task_count;
    duckdb_connection *connections; /* [threads] */
    pthread_mutex_t lock;           /* around what follows */
    bool failed;
    struct error *err; /* of the first failure */
};

static void fail(struct writing *writing, const struct error *why)
{
    pthread_mutex_lock(&writing->lock);
    if (!writing->failed) {
        writing->failed = true;
        *writing->err = *why;
    }
    pthread_mutex_unlock(&writing->lock);
}

static void do_task(void *context, size_t index, unsigned worker)
{
    struct writing *writing = context;
    const struct task *task = &writing->tasks[index];
    struct error err;
    struct place place = {.lake = writing->lake, .threads = 1};
    pthread_mutex_lock(&writing->lock);
    bool failed = writing->failed;
    pthread_mutex_unlock(&writing->lock);
    if (failed) {
        return;
    }
    if (task->csv) {
        duck_csv_help(task->csv);
        return;
    }
    if (!writing->connections[worker] &&
        duckdb_connect(writing->lake->database, &writing->connections[worker]) != DuckDBSuccess) {
        out_of_memory();
    }
    place.connection = writing->connections[worker];
    if (write_at(&place, task->file, &err) != 0) {
        fail(writing, &err);
    }
}

/* Files of rows that are kept here need nothing of the session but to read them. Of CSV, which
 * takes longest, one thread begins; the others come when all else is written. */
static int write_together(struct duck *lake, const struct lake_file *files, size_t count,
                          struct error *err)
{
    const unsigned threads = parallel_threads(lake->threads);
    struct arena arena = {0};
    struct duck_csv **csvs = ARENA_NEW(&arena, struct duck_csv *, count);
    struct writing writing = {.lake = lake,
                              .tasks = ARENA_NEW(&arena, struct task, count * threads),
                              .connections = ARENA_NEW(&arena, duckdb_connection, threads),
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .err = err};
    for (size_t i = 0; i < count && !writing.failed; i++) {
        const struct distinct *distinct = kept_rows(lake, &files[i].output);
        struct error why;
        if (files[i].format == LAKE_CSV && distinct) {
            if (duck_csv_begin(&csvs[i], distinct, &files[i], &why) != 0) {
                fail(&writing, &why);
            }
            writing.tasks[writing.task_count++] = (struct task){.csv = csvs[i]};
        }
    }
    for (unsigned turn = 0; turn < threads; turn++) {
        for (size_t i = 0; i < count; i++) {
            if (csvs[i] ? turn > 0 : turn == 0) {
                writing.tasks[writing.task_count++] = (struct task){&files[i], csvs[i]};
            }
        }
    }
    parallel_for(threads, writing.task_count, do_task, &writing);
    int status = writing.failed ? -1 : 0;
    for (size_t i = 0; i < count; i++) {
        status = csvs[i] ? duck_csv_end(csvs[i], status, err) : status;
    }
    for (unsigned t = 0; t < threads; t++) {
        duckdb_disconnect(&writing.connections[t]);
    }
    arena_release(&arena);
    return status;
}

int duck_write(struct lake *base, const struct lake_file *files, size_t count, struct error *err)
{
    struct duck *lake = duck_of(base);
    const struct place own = {lake, lake->work, lake->threads};
    bool kept = count > 1 && parallel_threads(lake->threads) > 1;
    for (size_t i = 0; i < count; i++) {
        const struct lake_output *output = &files[i].output;
        const char *from = output->from ? output->from : output->table->name;
        if (duck_check_columns(lake, from, output->table, from, err) != 0) {
            return -1;
        }
        kept = kept && duck_distinct_of(lake, from, output->order);
    }
    if (kept) {
        return write_together(lake, files, count, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (write_at(&own, &files[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}
