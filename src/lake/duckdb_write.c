/* Results of the engine on DuckDB as files: which road each takes. Reads tables of the
 * engine's and rows that are kept in memory (rows.h), writes the files it is told. */
#include "lake/duckdb_inner.h"

#include "base/dates.h"
#include "base/parallel.h"
#include "lake/duckdb_csv.h"

#include <pthread.h>
#include <string.h>

static const char *source_of(const struct lake_output *output)
{
    return output->from ? output->from : output->table->name;
}

const struct distinct *duck_kept_output(const struct duck *lake, const struct lake_output *output)
{
    const struct distinct *distinct = duck_distinct_of(lake, source_of(output), output->order);
    bool by_day = output->where_column && distinct && distinct->day &&
                  strcmp(distinct->day, output->where_column) == 0;
    return output->where_column && !by_day ? NULL : distinct;
}

const char *duck_select_output(const struct lake_output *output, const char *columns,
                               struct arena *arena)
{
    const char *where = "";
    char date[DATE_TEXT_SIZE];
    if (output->where_column) {
        where = arena_printf(arena, " WHERE %s = DATE '%s'", output->where_column,
                             date_format(output->where_date, date));
    }
    return arena_printf(arena, "SELECT %s FROM %s%s ORDER BY %s", columns, source_of(output), where,
                        output->order);
}

/* ---- CSV by the engine itself ---- */

static int copy_csv(struct duck *lake, const struct lake_output *output, const char *path,
                    struct error *err)
{
    struct arena arena = {0};
    const char *rows = duck_select_output(
        output, duck_name_columns(output->table, output->except, &arena), &arena);
    const char *sql =
        arena_printf(&arena, "COPY (%s) TO %s (FORMAT csv, HEADER true, USE_TMP_FILE false)", rows,
                     duck_literal(&arena, path));
    int status = duck_run(lake, path, sql, err);
    arena_release(&arena);
    return status;
}

/* ---- rows that are kept here ---- */

static void help_csv(void *context, size_t index, unsigned worker)
{
    (void)index;
    (void)worker;
    duck_csv_help(context);
}

static int write_kept_parquet(const struct lake_file *file, const struct distinct *distinct,
                              unsigned threads, struct error *err)
{
    struct duck_parquet *parquet = NULL;
    int status = duck_parquet_open(&parquet, file, threads, err);
    if (status == 0) {
        status = duck_parquet_put_kept(parquet, distinct, err);
    }
    return duck_parquet_close(parquet, status, err);
}

/* By the threads that take part. */
static int write_kept_csv(const struct lake_file *file, const struct distinct *distinct,
                          unsigned threads, struct error *err)
{
    struct duck_csv *csv = NULL;
    int status = duck_csv_begin(&csv, distinct, file, err);
    if (status == 0) {
        parallel_for(threads, parallel_threads(threads), help_csv, csv);
    }
    return duck_csv_end(csv, status, err);
}

/* ---- rows as the engine gives them ---- */

struct streamed { /* files of one output; NULL: there is none of this format */
    struct duck_parquet *parquet;
    struct duck_csv_stream *csv;
};

static int put_chunk(void *context, duckdb_data_chunk *chunk, struct error *err)
{
    struct streamed *to = context;
    int status = to->parquet ? duck_parquet_put(to->parquet, *chunk, err) : 0;
    return status == 0 && to->csv ? duck_csv_put(to->csv, chunk, err) : status;
}

/* Both files of an output, or the one that there is. */
static int stream_files(struct duck *lake, const struct lake_file *parquet,
                        const struct lake_file *csv, unsigned threads, struct error *err)
{
    const struct lake_file *any = parquet ? parquet : csv;
    struct arena arena = {0};
    struct streamed to = {0};
    const char *columns = duck_cast_columns(any->output.table, any->output.except, &arena);
    const char *sql = duck_select_output(&any->output, columns, &arena);
    int status = parquet ? duck_parquet_open(&to.parquet, parquet, threads, err) : 0;
    if (status == 0 && csv) {
        status = duck_csv_open(&to.csv, csv, threads, err);
    }
    if (status == 0) {
        status = duck_stream(lake, any->path, sql, (struct bound){0}, put_chunk, &to, err);
    }
    status = duck_csv_close(to.csv, status, err);
    status = duck_parquet_close(to.parquet, status, err);
    arena_release(&arena);
    return status;
}

/* ---- files ---- */

/* CSV of blobs: what they are as texts is the engine's own. */
static bool is_by_engine(const struct lake_file *file)
{
    bool blobs = false;
    for (size_t c = 0; c < file->output.table->column_count; c++) {
        blobs |= file->output.table->columns[c].type == COLUMN_BLOB;
    }
    return blobs && file->format == LAKE_CSV;
}

/* By so many threads. */
static int write_file(struct duck *lake, const struct lake_file *file, unsigned threads,
                      struct error *err)
{
    const struct distinct *distinct = duck_kept_output(lake, &file->output);
    bool parquet = file->format == LAKE_PARQUET;
    if (is_by_engine(file)) {
        return copy_csv(lake, &file->output, file->path, err);
    }
    if (!distinct) {
        return stream_files(lake, parquet ? file : NULL, parquet ? NULL : file, threads, err);
    }
    return (parquet ? write_kept_parquet : write_kept_csv)(file, distinct, threads, err);
}

/* Whether these are two files of the same rows, which can be asked for once. */
static bool is_pair(struct duck *lake, const struct lake_file *parquet, const struct lake_file *csv)
{
    const struct lake_output *one = &parquet->output, *other = &csv->output;
    return parquet->format == LAKE_PARQUET && csv->format == LAKE_CSV && !is_by_engine(csv) &&
           one->table == other->table && one->from == other->from && one->order == other->order &&
           one->except == other->except && !one->where_column && !other->where_column &&
           !duck_kept_output(lake, one);
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
    pthread_mutex_t lock; /* around what follows */
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
    (void)worker;
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
    if (write_file(writing->lake, task->file, 1, &err) != 0) {
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
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .err = err};
    for (size_t i = 0; i < count && !writing.failed; i++) {
        const struct distinct *distinct = duck_kept_output(lake, &files[i].output);
        struct error why;
        if (files[i].format == LAKE_CSV) {
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
    arena_release(&arena);
    return status;
}

int duck_write(struct lake *base, const struct lake_file *files, size_t count, struct error *err)
{
    struct duck *lake = duck_of(base);
    bool together = count > 1 && parallel_threads(lake->threads) > 1;
    for (size_t i = 0; i < count; i++) {
        const char *from = source_of(&files[i].output);
        if (duck_check_columns(lake, from, files[i].output.table, from, err) != 0) {
            return -1;
        }
        together = together && !is_by_engine(&files[i]) && duck_kept_output(lake, &files[i].output);
    }
    if (together) {
        return write_together(lake, files, count, err);
    }
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        if (i + 1 < count && is_pair(lake, &files[i], &files[i + 1])) {
            status = stream_files(lake, &files[i], &files[i + 1], lake->threads, err);
            i++;
        } else {
            status = write_file(lake, &files[i], lake->threads, err);
        }
    }
    return status;
}
