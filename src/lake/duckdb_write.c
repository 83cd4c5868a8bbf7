/* Results of the engine on DuckDB as files: Parquet by the engine, CSV by threads of ours. Reads
 * tables of the engine's and rows that are kept in memory (rows.h), writes the files it is told. */
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

static int write_kept(struct csv_file *file, const struct distinct *distinct, struct error *err)
{
    int status = 0;
    for (size_t p = 0; status == 0 && p < distinct->piece_count; p++) {
        struct piece piece;
        if (distinct_piece(distinct, p, NULL, &piece, err) != 0) {
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

/* The rows that an output writes all of, in its order, when they are kept here; else NULL. */
static const struct distinct *kept_rows(const struct duck *lake, const struct lake_output *output)
{
    const char *from = output->from ? output->from : output->table->name;
    return output->where_column ? NULL : duck_distinct_of(lake, from, output->order);
}

/* The engine's own writer takes four times the processor time: it makes a text of every cell, then
 * looks at each for what needs quotes. */
static int write_csv(const struct place *place, const struct lake_output *output, const char *path,
                     struct error *err)
{
    struct arena arena = {0};
    struct csv_file *file = ARENA_NEW(&arena, struct csv_file, 1);
    char *head = arena_strdup(&arena, "");
    int status = -1;
    const struct distinct *distinct = kept_rows(place->lake, output);
    *file = (struct csv_file){.path = path, .threads = place->threads};
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
        status = write_kept(file, distinct, err);
    } else if (duck_stream(place->lake, path,
                           select_output(place->lake, output,
                                         duck_cast_columns(output->table, output->except, &arena),
                                         &arena),
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
               ? write_csv(place, output, file->path, err)
               : copy_to(place, output, file->format, file->path, err);
}

/* Files that several threads write at the same time, each the next one. */
struct writing {
    struct duck *lake;
    const struct lake_file *files;
    duckdb_connection *connections; /* [threads] */
    pthread_mutex_t lock;           /* around what follows */
    bool failed;
    struct error *err; /* of the first failure */
};

static void write_next(void *context, size_t index, unsigned worker)
{
    struct writing *writing = context;
    struct error err;
    struct place place = {.lake = writing->lake, .threads = 1};
    pthread_mutex_lock(&writing->lock);
    bool failed = writing->failed;
    pthread_mutex_unlock(&writing->lock);
    if (failed) {
        return;
    }
    if (!writing->connections[worker] &&
        duckdb_connect(writing->lake->database, &writing->connections[worker]) != DuckDBSuccess) {
        out_of_memory();
    }
    place.connection = writing->connections[worker];
    if (write_at(&place, &writing->files[index], &err) != 0) {
        pthread_mutex_lock(&writing->lock);
        if (!writing->failed) {
            writing->failed = true;
            *writing->err = err;
        }
        pthread_mutex_unlock(&writing->lock);
    }
}

/* Files of rows that are kept here need nothing of the session but to read them. */
static int write_together(struct duck *lake, const struct lake_file *files, size_t count,
                          struct error *err)
{
    unsigned threads = parallel_threads(lake->threads);
    struct writing writing = {.lake = lake,
                              .files = files,
                              .connections = xcalloc(threads, sizeof *writing.connections),
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .err = err};
    parallel_for(threads, count, write_next, &writing);
    for (unsigned t = 0; t < threads; t++) {
        duckdb_disconnect(&writing.connections[t]);
    }
    free(writing.connections);
    return writing.failed ? -1 : 0;
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
