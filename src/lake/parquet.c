/* Parquet files; see parquet.h. Pages and footer are made in memory, a row group at a time, and
 * written one after another: a file is never read or written elsewhere than at its end. */
#include "lake/parquet.h"

#include "lake/parquet_column.h"

#include "base/arena.h"
#include "base/parallel.h"

#include <assert.h>
#include <stdlib.h>

static const char MAGIC[] = {'P', 'A', 'R', '1'};

enum {
    WORTH_THREADS = 4096, /* rows of a row group that several threads encode */
    MOST_TEXT = 1 << 26,  /* bytes of texts of a row group, but for the last row's */
};

struct parquet {
    const struct table *table;
    struct sink sink;
    unsigned threads;
    struct parquet_column columns[BATCH_COLUMNS];
    struct parquet_encoder *encoders; /* [threads] */
    size_t rows, text_bytes;          /* of the row group in the making */
    uint64_t all_rows;                /* of the file */
    struct buffer groups;             /* of the footer */
    size_t group_count;
    struct arena memory;
};

struct parquet *parquet_open(const char *path, const struct table *table, unsigned threads,
                             struct error *err)
{
    struct parquet *file = xcalloc(1, sizeof *file);
    assert(table->column_count <= BATCH_COLUMNS);
    file->table = table;
    file->threads = parallel_threads(threads);
    file->encoders = xcalloc(file->threads, sizeof *file->encoders);
    for (size_t c = 0; c < table->column_count; c++) {
        file->columns[c].type = table->columns[c].type;
    }
    if (sink_open(&file->sink, arena_strdup(&file->memory, path), err) != 0 ||
        sink_put(&file->sink, MAGIC, sizeof MAGIC, err) != 0) {
        parquet_abandon(file);
        return NULL;
    }
    return file;
}

static void encode(void *context, size_t column, unsigned worker)
{
    struct parquet *file = context;
    parquet_column_encode(&file->columns[column], &file->encoders[worker]);
}

/* Ends the row group that was added to. */
static int put_group(struct parquet *file, struct error *err)
{
    size_t count = file->table->column_count;
    struct chunk chunks[BATCH_COLUMNS];
    uint64_t start = file->sink.bytes;
    parallel_for(file->rows < WORTH_THREADS ? 1 : file->threads, count, encode, file);
    for (size_t c = 0; c < count; c++) {
        chunks[c] = file->columns[c].chunk;
        if (sink_put(&file->sink, file->columns[c].pages.data, file->columns[c].pages.size, err) !=
            0) {
            return -1;
        }
    }
    put_row_group(&file->groups, file->table, chunks, file->rows, start);
    for (size_t c = 0; c < count; c++) {
        parquet_column_clear(&file->columns[c]);
    }
    file->group_count++;
    file->all_rows += file->rows;
    file->rows = file->text_bytes = 0;
    return 0;
}

static size_t count_text(const struct batch *batch, size_t first, size_t count)
{
    size_t bytes = 0;
    for (size_t c = 0; c < batch->table->column_count; c++) {
        enum column_type type = batch->table->columns[c].type;
        for (size_t r = first; (type == COLUMN_TEXT || type == COLUMN_BLOB) && r < first + count;
             r++) {
            bytes += batch->null[c][r] ? 0 : batch->values[c].text[r].size;
        }
    }
    return bytes;
}

/* How many rows of the batch from `first` on belong to the row group, which is full with the row
 * whose texts are too many. Counts their texts. */
static size_t rows_to_add(struct parquet *file, const struct batch *batch, size_t first)
{
    size_t room = PARQUET_ROWS - file->rows;
    size_t most = batch->rows - first < room ? batch->rows - first : room, count = 0;
    size_t bytes = count_text(batch, first, most);
    if (file->text_bytes + bytes < MOST_TEXT) {
        file->text_bytes += bytes;
        return most;
    }
    while (count < most && file->text_bytes < MOST_TEXT) {
        file->text_bytes += count_text(batch, first + count++, 1);
    }
    return count;
}

int parquet_add(struct parquet *file, const struct batch *batch, struct error *err)
{
    assert(batch->table->column_count == file->table->column_count);
    for (size_t done = 0, count; done < batch->rows; done += count) {
        count = rows_to_add(file, batch, done);
        for (size_t c = 0; c < file->table->column_count; c++) {
            parquet_column_add(&file->columns[c], batch, c, done, count);
        }
        file->rows += count;
        bool full = file->rows == PARQUET_ROWS || file->text_bytes >= MOST_TEXT;
        if (full && put_group(file, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int put_end(struct parquet *file, struct error *err)
{
    struct buffer footer = {0};
    if (file->rows > 0 && put_group(file, err) != 0) {
        return -1;
    }
    put_footer(&footer, file->table, file->all_rows, &file->groups, file->group_count);
    put_u32(&footer, (uint32_t)footer.size);
    buffer_put(&footer, MAGIC, sizeof MAGIC);
    int status = sink_put(&file->sink, footer.data, footer.size, err);
    buffer_release(&footer);
    return status;
}

int parquet_close(struct parquet *file, struct written *written, struct error *err)
{
    struct error why;
    int status = put_end(file, err);
    if (sink_close(&file->sink, written, &why) != 0 && status == 0) {
        *err = why;
        status = -1;
    }
    file->sink.fd = -1;
    parquet_abandon(file);
    return status;
}

void parquet_abandon(struct parquet *file)
{
    if (!file) {
        return;
    }
    if (file->sink.fd >= 0) {
        struct error unheard;
        (void)sink_close(&file->sink, NULL, &unheard);
    }
    for (size_t c = 0; c < file->table->column_count; c++) {
        parquet_column_release(&file->columns[c]);
    }
    for (unsigned t = 0; t < file->threads; t++) {
        parquet_encoder_release(&file->encoders[t]);
    }
    free(file->encoders);
    buffer_release(&file->groups);
    arena_release(&file->memory);
    free(file);
}
