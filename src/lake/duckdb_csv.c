/* CSV files of the engine on DuckDB; see duckdb_csv.h. The engine's own writer takes four times the
 * processor time: it makes a text of every cell, then looks at each for what needs quotes. */
#include "lake/duckdb_csv.h"

#include "base/parallel.h"
#include "lake/csv.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 48, CHUNKS = 32, AHEAD = 8, PUT_BYTES = 1 << 17 };

struct lines {
    char *data;
    size_t size, room;
};

struct layout {
    enum column_type types[COLUMNS];
    size_t columns[COLUMNS]; /* of rows that are kept here */
    size_t count;
};

/* ---- the file ---- */

/* Makes the file with the line of names; `distinct` as in duck_csv_begin(), or NULL. The sink is
 * for sink_close(), unless it has no descriptor. */
static int begin_file(struct sink *sink, struct layout *layout, const struct lake_file *file,
                      const struct distinct *distinct, struct error *err)
{
    const struct lake_output *output = &file->output;
    struct arena arena = {0};
    char *head = arena_strdup(&arena, "");
    for (size_t c = 0; c < output->table->column_count; c++) {
        const struct column *column = &output->table->columns[c];
        if (output->except && strcmp(output->except, column->name) == 0) {
            continue;
        }
        assert(layout->count < COLUMNS);
        head = arena_printf(&arena, "%s%s%s", head, *head ? "," : "", column->name);
        layout->columns[layout->count] = distinct ? rows_find(distinct->rows, column->name) : c;
        layout->types[layout->count++] = column->type;
    }
    head = arena_printf(&arena, "%s\n", head);
    int status =
        sink_open(sink, file->path, err) == 0 ? sink_put(sink, head, strlen(head), err) : -1;
    arena_release(&arena);
    return status;
}

/* Closes it; `status` and err as they are when something has failed before. */
static int end_file(struct sink *sink, const struct lake_file *file, int status, struct error *err)
{
    struct error why;
    if (sink->fd >= 0 && sink_close(sink, file->written, &why) != 0 && status == 0) {
        *err = why;
        status = -1;
    }
    return status;
}

/* ---- cells ---- */

static char *put_cell(char *out, enum column_type type, const void *data, size_t r,
                      struct csv_day *last)
{
    switch (type) {
    case COLUMN_REAL:
        return csv_real(out, ((const double *)data)[r]);
    case COLUMN_WHOLE:
        return csv_whole(out, ((const int64_t *)data)[r]);
    case COLUMN_TIMESTAMP:
        return csv_timestamp(out, ((const int64_t *)data)[r], last);
    case COLUMN_DATE:
        return csv_date(out, ((const int32_t *)data)[r], last);
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        break;
    }
    duckdb_string_t *text = (duckdb_string_t *)data + r;
    return csv_text(out, duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

/* Makes room for `needed` more bytes; returns where they go. */
static char *text_room(struct lines *text, size_t needed)
{
    if (!text->data || text->room - text->size < needed) {
        text->room = 2 * (text->room + needed);
        text->data = xrealloc(text->data, text->room, 1);
    }
    return text->data + text->size;
}

/* ---- rows that are kept here ---- */

static char *put_kept_cell(char *out, const unsigned char *row, const struct rows_column *column,
                           struct csv_day *last)
{
    int64_t whole;
    int32_t date;
    double real;
    switch (column->type) {
    case COLUMN_REAL:
        real = rows_real(row, column);
        return put_cell(out, column->type, &real, 0, last);
    case COLUMN_DATE:
        date = (int32_t)rows_whole(row, column);
        return put_cell(out, column->type, &date, 0, last);
    case COLUMN_WHOLE:
    case COLUMN_TIMESTAMP:
        whole = rows_whole(row, column);
        return put_cell(out, column->type, &whole, 0, last);
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        break;
    }
    struct bytes text = rows_text(row, column);
    return csv_text(out, text.data, text.size);
}

/* Rows `start`, ... `end` - 1 of a piece as lines of text, behind what is there. */
static void put_rows(const struct layout *layout, const struct piece *piece, size_t start,
                     size_t end, struct csv_day *last, struct lines *text)
{
    const struct rows *rows = piece->rows;
    const uint32_t *order = piece->part.order;
    for (size_t i = start; i < end; i++) {
        const unsigned char *row = rows_at(rows, order[i]);
        if (i + AHEAD < end) { /* they lie anywhere */
            __builtin_prefetch(rows_at(rows, order[i + AHEAD]));
        }
        size_t needed = layout->count * (CSV_CELL_SIZE + 1);
        for (size_t c = 0; c < layout->count; c++) {
            if (layout->types[c] == COLUMN_TEXT && !rows_null(row, layout->columns[c])) {
                needed += 2 * rows_text(row, &rows->columns[layout->columns[c]]).size;
            }
        }
        char *out = text_room(text, needed);
        for (size_t c = 0; c < layout->count; c++) {
            if (!rows_null(row, layout->columns[c])) {
                out = put_kept_cell(out, row, &rows->columns[layout->columns[c]], last);
            }
            *out++ = c + 1 < layout->count ? ',' : '\n';
        }
        text->size = (size_t)(out - text->data);
    }
}

struct duck_csv {
    const struct lake_file *file;
    const struct distinct *distinct;
    const int32_t *day; /* NULL: all */
    struct layout layout;
    struct sink sink;     /* of the thread whose piece has its turn */
    pthread_mutex_t lock; /* around what follows */
    pthread_cond_t turned;
    size_t next, turn; /* the piece to be taken, the piece to be written */
    bool failed;
    struct error why; /* of the first failure */
};

int duck_csv_begin(struct duck_csv **out, const struct distinct *distinct,
                   const struct lake_file *file, struct error *err)
{
    struct duck_csv *csv = xcalloc(1, sizeof *csv);
    *csv = (struct duck_csv){.file = file,
                             .distinct = distinct,
                             .day = file->output.where_column ? &file->output.where_date : NULL,
                             .lock = PTHREAD_MUTEX_INITIALIZER,
                             .turned = PTHREAD_COND_INITIALIZER};
    *out = csv;
    return begin_file(&csv->sink, &csv->layout, file, distinct, err);
}

static bool take_piece(struct duck_csv *csv, size_t *piece)
{
    pthread_mutex_lock(&csv->lock);
    bool taken = !csv->failed && csv->next < distinct_pieces(csv->distinct, csv->day);
    if (taken) {
        *piece = csv->next++;
    }
    pthread_mutex_unlock(&csv->lock);
    return taken;
}

/* Whether it is the piece's turn to be written, after waiting for it if so wished; not when the
 * file has failed. */
static bool has_turn(struct duck_csv *csv, size_t piece, bool wait)
{
    pthread_mutex_lock(&csv->lock);
    while (wait && csv->turn != piece && !csv->failed) {
        pthread_cond_wait(&csv->turned, &csv->lock);
    }
    bool turn = csv->turn == piece && !csv->failed;
    pthread_mutex_unlock(&csv->lock);
    return turn;
}

/* Ends the turn of a piece, or the file: `why` is NULL when all went well. */
static void end_turn(struct duck_csv *csv, const struct error *why)
{
    pthread_mutex_lock(&csv->lock);
    csv->turn++;
    if (why && !csv->failed) {
        csv->failed = true;
        csv->why = *why;
    }
    pthread_cond_broadcast(&csv->turned);
    pthread_mutex_unlock(&csv->lock);
}

/* Writes the text in its turn, and empties it; before its turn it does nothing unless it is the
 * piece's last. */
static int put_text(struct duck_csv *csv, size_t piece, bool last, struct lines *text,
                    struct error *err)
{
    if (!has_turn(csv, piece, last)) {
        return 0; /* another thread has told why, when it will never have it */
    }
    int status = sink_put(&csv->sink, text->data, text->size, err);
    text->size = 0;
    return status;
}

/* What is made text in the piece's turn is written while it is in the cache. */
static int write_piece(struct duck_csv *csv, size_t number, struct lines *text, struct error *err)
{
    struct piece piece;
    struct csv_day last = csv_no_day;
    int status = distinct_piece(csv->distinct, number, csv->day, &piece, err);
    size_t count = status == 0 ? piece.part.count : 0;
    text->size = 0;
    for (size_t start = 0; start < count && status == 0; start += BATCH_ROWS) {
        size_t end = count - start < BATCH_ROWS ? count : start + BATCH_ROWS;
        put_rows(&csv->layout, &piece, start, end, &last, text);
        if (end == count || text->size >= PUT_BYTES) {
            status = put_text(csv, number, end == count, text, err);
        }
    }
    piece_close(&piece);
    return status;
}

void duck_csv_help(struct duck_csv *csv)
{
    struct lines text = {0};
    size_t piece;
    while (take_piece(csv, &piece)) {
        struct error why;
        int status = write_piece(csv, piece, &text, &why);
        if (status == 0) {
            (void)has_turn(csv, piece, true); /* of a piece without rows, too */
        }
        end_turn(csv, status == 0 ? NULL : &why);
    }
    free(text.data);
}

int duck_csv_end(struct duck_csv *csv, int status, struct error *err)
{
    if (status == 0 && csv->failed) {
        *err = csv->why;
        status = -1;
    }
    status = end_file(&csv->sink, csv->file, status, err);
    pthread_cond_destroy(&csv->turned);
    pthread_mutex_destroy(&csv->lock);
    free(csv);
    return status;
}

/* ---- rows of the engine ---- */

struct duck_csv_stream { /* chunks are written in their order */
    const struct lake_file *file;
    struct sink sink;
    struct layout layout;
    unsigned threads;
    struct lines texts[CHUNKS];
    duckdb_data_chunk chunks[CHUNKS];
    size_t count; /* of chunks that wait */
};

struct csv_cells { /* of one column of a chunk */
    const void *data;
    const uint64_t *valid; /* NULL: all are */
};

static bool has_value(const struct csv_cells *cells, size_t r)
{
    return !cells->valid || (cells->valid[r / 64] >> (r % 64) & 1);
}

/* What a row may take, at most. */
static size_t row_size(const struct layout *layout, const struct csv_cells *cells, size_t r)
{
    size_t size = layout->count * (CSV_CELL_SIZE + 1);
    for (size_t c = 0; c < layout->count; c++) {
        if (layout->types[c] == COLUMN_TEXT && has_value(&cells[c], r)) {
            size += 2 * (size_t)duckdb_string_t_length(((duckdb_string_t *)cells[c].data)[r]);
        }
    }
    return size;
}

/* A chunk as lines of text. */
static void put_chunk(void *context, size_t index, unsigned worker)
{
    struct duck_csv_stream *stream = context;
    const struct layout *layout = &stream->layout;
    struct lines *text = &stream->texts[index];
    duckdb_data_chunk chunk = stream->chunks[index];
    struct csv_day last = csv_no_day;
    struct csv_cells cells[COLUMNS];
    (void)worker;
    for (size_t c = 0; c < layout->count; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
        cells[c].data = duckdb_vector_get_data(vector);
        cells[c].valid = duckdb_vector_get_validity(vector);
    }
    text->size = 0;
    for (size_t r = 0; r < duckdb_data_chunk_get_size(chunk); r++) {
        char *out = text_room(text, row_size(layout, cells, r));
        for (size_t c = 0; c < layout->count; c++) {
            if (has_value(&cells[c], r)) {
                out = put_cell(out, layout->types[c], cells[c].data, r, &last);
            }
            *out++ = c + 1 < layout->count ? ',' : '\n';
        }
        text->size = (size_t)(out - text->data);
    }
}

/* Writes the chunks that wait. */
static int write_chunks(struct duck_csv_stream *stream, struct error *err)
{
    int status = 0;
    parallel_for(stream->threads, stream->count, put_chunk, stream);
    for (size_t i = 0; i < stream->count; i++) {
        if (status == 0) {
            status = sink_put(&stream->sink, stream->texts[i].data, stream->texts[i].size, err);
        }
        duckdb_destroy_data_chunk(&stream->chunks[i]);
    }
    stream->count = 0;
    return status;
}

int duck_csv_open(struct duck_csv_stream **out, const struct lake_file *file, unsigned threads,
                  struct error *err)
{
    struct duck_csv_stream *stream = xcalloc(1, sizeof *stream);
    stream->file = file;
    stream->threads = threads;
    *out = stream;
    return begin_file(&stream->sink, &stream->layout, file, NULL, err);
}

int duck_csv_put(struct duck_csv_stream *stream, duckdb_data_chunk *chunk, struct error *err)
{
    stream->chunks[stream->count++] = *chunk;
    *chunk = NULL;
    return stream->count < CHUNKS ? 0 : write_chunks(stream, err);
}

int duck_csv_close(struct duck_csv_stream *stream, int status, struct error *err)
{
    if (!stream) {
        return status;
    }
    if (status == 0) {
        status = write_chunks(stream, err);
    }
    status = end_file(&stream->sink, stream->file, status, err);
    for (size_t i = 0; i < CHUNKS; i++) {
        duckdb_destroy_data_chunk(&stream->chunks[i]);
        free(stream->texts[i].data);
    }
    free(stream);
    return status;
}
