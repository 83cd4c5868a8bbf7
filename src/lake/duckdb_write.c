/* Results of the engine on DuckDB as files: which road each takes, and CSV. Reads tables of the
 * engine's and rows that are kept in memory (rows.h), writes the files it is told. */
#include "lake/duckdb_inner.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/parallel.h"
#include "lake/csv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* ---- CSV ---- */

/* CSV by the engine itself. */
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

/* A CSV file in the making: pieces of rows are made text by several threads, and written in their
 * order. A piece is a chunk of the engine's, or a vector's worth of rows that are kept here. */
enum { CSV_PIECES = 32, CSV_COLUMNS = 48, AHEAD = 8 };

struct csv_text {
    char *data;
    size_t size, room;
};

struct csv_file {
    const char *path;
    int fd;
    unsigned threads;
    enum column_type types[CSV_COLUMNS];
    size_t column_count;
    struct csv_text texts[CSV_PIECES];
    duckdb_data_chunk chunks[CSV_PIECES];
    size_t count;                /* of chunks that wait */
    const struct piece *kept;    /* rows that are kept here */
    size_t columns[CSV_COLUMNS]; /* of them */
    size_t first;                /* row of the first piece */
};

static char *put_cell(char *out, enum column_type type, const void *data, size_t r)
{
    switch (type) {
    case COLUMN_REAL:
        return csv_real(out, ((const double *)data)[r]);
    case COLUMN_WHOLE:
        return csv_whole(out, ((const int64_t *)data)[r]);
    case COLUMN_TIMESTAMP:
        return csv_timestamp(out, ((const int64_t *)data)[r]);
    case COLUMN_DATE:
        return csv_date(out, ((const int32_t *)data)[r]);
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        break;
    }
    duckdb_string_t *text = (duckdb_string_t *)data + r;
    return csv_text(out, duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

struct csv_cells { /* of one column of a chunk */
    const void *data;
    const uint64_t *valid; /* NULL: all are */
};

static bool has_value(const struct csv_cells *cells, size_t r)
{
    return !cells->valid || (cells->valid[r / 64] >> (r % 64) & 1);
}

/* What a row may take, at most. */
static size_t row_size(const struct csv_file *file, const struct csv_cells *cells, size_t r)
{
    size_t size = file->column_count * (CSV_CELL_SIZE + 1);
    for (size_t c = 0; c < file->column_count; c++) {
        if (file->types[c] == COLUMN_TEXT && has_value(&cells[c], r)) {
            size += 2 * (size_t)duckdb_string_t_length(((duckdb_string_t *)cells[c].data)[r]);
        }
    }
    return size;
}

/* Makes room for `needed` more bytes; returns where they go. */
static char *text_room(struct csv_text *text, size_t needed)
{
    if (text->room - text->size < needed) {
        text->room = 2 * (text->room + needed);
        text->data = xrealloc(text->data, text->room, 1);
    }
    return text->data + text->size;
}

/* A chunk as lines of text. */
static void put_chunk(void *context, size_t index, unsigned worker)
{
    struct csv_file *file = context;
    struct csv_text *text = &file->texts[index];
    duckdb_data_chunk chunk = file->chunks[index];
    struct csv_cells cells[CSV_COLUMNS];
    (void)worker;
    for (size_t c = 0; c < file->column_count; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
        cells[c].data = duckdb_vector_get_data(vector);
        cells[c].valid = duckdb_vector_get_validity(vector);
    }
    text->size = 0;
    for (size_t r = 0; r < duckdb_data_chunk_get_size(chunk); r++) {
        char *out = text_room(text, row_size(file, cells, r));
        for (size_t c = 0; c < file->column_count; c++) {
            if (has_value(&cells[c], r)) {
                out = put_cell(out, file->types[c], cells[c].data, r);
            }
            *out++ = c + 1 < file->column_count ? ',' : '\n';
        }
        text->size = (size_t)(out - text->data);
    }
}

static char *put_kept_cell(char *out, const unsigned char *row, const struct rows_column *column)
{
    int64_t whole;
    int32_t date;
    double real;
    switch (column->type) {
    case COLUMN_REAL:
        real = rows_real(row, column);
        return put_cell(out, column->type, &real, 0);
    case COLUMN_DATE:
        date = (int32_t)rows_whole(row, column);
        return put_cell(out, column->type, &date, 0);
    case COLUMN_WHOLE:
    case COLUMN_TIMESTAMP:
        whole = rows_whole(row, column);
        return put_cell(out, column->type, &whole, 0);
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        break;
    }
    struct bytes text = rows_text(row, column);
    return csv_text(out, text.data, text.size);
}

/* The same of rows that are kept here. */
static void put_kept(void *context, size_t index, unsigned worker)
{
    struct csv_file *file = context;
    struct csv_text *text = &file->texts[index];
    const struct rows *rows = file->kept->rows;
    const struct rows_part *part = &file->kept->part;
    size_t start = file->first + index * BATCH_ROWS;
    size_t end = part->count - start < BATCH_ROWS ? part->count : start + BATCH_ROWS;
    (void)worker;
    text->size = 0;
    for (size_t i = start; i < end; i++) {
        const unsigned char *row = rows_at(rows, part->order[i]);
        if (i + AHEAD < end) { /* they lie anywhere */
            __builtin_prefetch(rows_at(rows, part->order[i + AHEAD]));
        }
        size_t needed = file->column_count * (CSV_CELL_SIZE + 1);
        for (size_t c = 0; c < file->column_count; c++) {
            if (file->types[c] == COLUMN_TEXT && !rows_null(row, file->columns[c])) {
                needed += 2 * rows_text(row, &rows->columns[file->columns[c]]).size;
            }
        }
        char *out = text_room(text, needed);
        for (size_t c = 0; c < file->column_count; c++) {
            if (!rows_null(row, file->columns[c])) {
                out = put_kept_cell(out, row, &rows->columns[file->columns[c]]);
            }
            *out++ = c + 1 < file->column_count ? ',' : '\n';
        }
        text->size = (size_t)(out - text->data);
    }
}

static int write_all(const struct csv_file *file, const char *data, size_t size, struct error *err)
{
    return fs_put(file->fd, data, size) == 0 ? 0 : fs_write_error(file->path, err);
}

/* Makes `count` pieces text, and writes them. */
static int write_pieces(struct csv_file *file, size_t count,
                        void (*put)(void *context, size_t index, unsigned worker),
                        struct error *err)
{
    parallel_for(file->threads, count, put, file);
    for (size_t i = 0; i < count; i++) {
        if (write_all(file, file->texts[i].data, file->texts[i].size, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Writes the chunks that wait. */
static int write_chunks(struct csv_file *file, struct error *err)
{
    int status = write_pieces(file, file->count, put_chunk, err);
    for (size_t i = 0; i < file->count; i++) {
        duckdb_destroy_data_chunk(&file->chunks[i]);
    }
    file->count = 0;
    return status;
}

static int write_kept(struct csv_file *file, const struct distinct *distinct, const int32_t *day,
                      struct error *err)
{
    int status = 0;
    for (size_t p = 0; status == 0 && p < distinct_pieces(distinct, day); p++) {
        struct piece piece;
        if (distinct_piece(distinct, p, day, &piece, err) != 0) {
            return -1;
        }
        size_t pieces = (piece.part.count + BATCH_ROWS - 1) / BATCH_ROWS;
        file->kept = &piece;
        for (size_t done = 0; status == 0 && done < pieces; done += CSV_PIECES) {
            size_t left = pieces - done;
            file->first = done * BATCH_ROWS;
            status = write_pieces(file, left < CSV_PIECES ? left : CSV_PIECES, put_kept, err);
        }
        piece_close(&piece);
    }
    return status;
}

static int keep_chunk(void *context, duckdb_data_chunk *chunk, struct error *err)
{
    struct csv_file *file = context;
    file->chunks[file->count++] = *chunk;
    *chunk = NULL;
    return file->count < CSV_PIECES ? 0 : write_chunks(file, err);
}

/* The engine's own writer takes four times the processor time: it makes a text of every cell, then
 * looks at each for what needs quotes. */
static int write_csv(struct duck *lake, const struct lake_output *output, const char *path,
                     unsigned threads, struct error *err)
{
    struct arena arena = {0};
    struct csv_file *file = ARENA_NEW(&arena, struct csv_file, 1);
    char *head = arena_strdup(&arena, "");
    int status = -1;
    const struct distinct *distinct = duck_kept_output(lake, output);
    *file = (struct csv_file){.path = path, .threads = threads};
    for (size_t c = 0; c < output->table->column_count; c++) {
        const struct column *column = &output->table->columns[c];
        if (output->except && strcmp(output->except, column->name) == 0) {
            continue;
        }
        assert(file->column_count < CSV_COLUMNS);
        head = arena_printf(&arena, "%s%s%s", head, *head ? "," : "", column->name);
        file->columns[file->column_count] = distinct ? rows_find(distinct->rows, column->name) : c;
        file->types[file->column_count++] = column->type;
    }
    head = arena_printf(&arena, "%s\n", head);
    file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->fd < 0) {
        fs_write_error(path, err);
        goto done;
    }
    if (write_all(file, head, strlen(head), err) != 0) {
        goto done;
    }
    if (distinct) {
        status = write_kept(file, distinct, output->where_column ? &output->where_date : NULL, err);
    } else if (duck_stream(
                   lake, path,
                   duck_select_output(
                       output, duck_cast_columns(output->table, output->except, &arena), &arena),
                   (struct bound){0}, keep_chunk, file, err) == 0) {
        status = write_chunks(file, err);
    }
done:
    for (size_t i = 0; i < CSV_PIECES; i++) {
        duckdb_destroy_data_chunk(&file->chunks[i]);
        free(file->texts[i].data);
    }
    if (file->fd >= 0 && close(file->fd) != 0 && status == 0) {
        status = fs_write_error(path, err);
    }
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
    const struct lake_output *output = &file->output;
    if (file->format == LAKE_PARQUET) {
        return duck_write_parquet(lake, output, file->path, threads, err);
    }
    return is_by_engine(file) ? copy_csv(lake, output, file->path, err)
                              : write_csv(lake, output, file->path, threads, err);
}

/* Files that several threads write at the same time, each the next one. */
struct writing {
    struct duck *lake;
    const struct lake_file *files;
    pthread_mutex_t lock; /* around what follows */
    bool failed;
    struct error *err; /* of the first failure */
};

static void write_next(void *context, size_t index, unsigned worker)
{
    struct writing *writing = context;
    struct error err;
    (void)worker;
    pthread_mutex_lock(&writing->lock);
    bool failed = writing->failed;
    pthread_mutex_unlock(&writing->lock);
    if (!failed && write_file(writing->lake, &writing->files[index], 1, &err) != 0) {
        pthread_mutex_lock(&writing->lock);
        if (!writing->failed) {
            writing->failed = true;
            *writing->err = err;
        }
        pthread_mutex_unlock(&writing->lock);
    }
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
    if (together) { /* rows that are kept here need nothing of the session, one thread's */
        struct writing writing = {
            .lake = lake, .files = files, .lock = PTHREAD_MUTEX_INITIALIZER, .err = err};
        parallel_for(lake->threads, count, write_next, &writing);
        return writing.failed ? -1 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (write_file(lake, &files[i], lake->threads, err) != 0) {
            return -1;
        }
    }
    return 0;
}
