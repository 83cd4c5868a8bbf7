/* Parquet files of the engine on DuckDB: rows from where they lie into a file of parquet.h. */
#include "lake/duckdb_inner.h"

#include "lake/parquet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct duck_parquet {
    const struct lake_file *to;
    struct parquet *parquet;
    struct table table; /* what it holds */
    struct batch batch;
    const unsigned char *rows[BATCH_ROWS]; /* that are kept here and go into the batch */
    struct arena memory;
};

/* The columns of an output but the one that is left out. */
static struct table columns_of(const struct lake_output *output, struct arena *arena)
{
    struct table table = {output->table->name, NULL, 0};
    struct column *columns = ARENA_NEW(arena, struct column, output->table->column_count);
    for (size_t c = 0; c < output->table->column_count; c++) {
        const struct column *column = &output->table->columns[c];
        if (!output->except || strcmp(output->except, column->name) != 0) {
            columns[table.column_count++] = *column;
        }
    }
    table.columns = columns;
    return table;
}

int duck_parquet_open(struct duck_parquet **out, const struct lake_file *to, unsigned threads,
                      struct error *err)
{
    struct duck_parquet *file = xcalloc(1, sizeof *file);
    file->to = to;
    file->table = columns_of(&to->output, &file->memory);
    batch_init(&file->batch, &file->table, &file->memory);
    file->parquet = parquet_open(to->path, &file->table, threads, err);
    *out = file;
    return file->parquet ? 0 : -1;
}

int duck_parquet_put(struct duck_parquet *file, duckdb_data_chunk chunk, struct error *err)
{
    const struct batch batch = duck_batch_of(chunk, &file->batch);
    return parquet_add(file->parquet, &batch, err);
}

int duck_parquet_close(struct duck_parquet *file, int status, struct error *err)
{
    if (!file) {
        return status;
    }
    if (status == 0) {
        status = parquet_close(file->parquet, file->to->written, err);
    } else {
        parquet_abandon(file->parquet);
    }
    arena_release(&file->memory);
    free(file);
    return status;
}

/* ---- rows that are kept here ---- */

/* A column of `count` rows. Called with a constant type, so that the compiler makes one loop of
 * each. */
static inline __attribute__((always_inline)) void
copy_typed(struct batch *batch, size_t c, const struct rows_column *column, size_t number,
           const unsigned char *const *rows, enum column_type type)
{
    for (size_t r = 0; r < batch->rows; r++) { /* NULL or not, the cell is there */
        batch->null[c][r] = rows_null(rows[r], number);
        if (type == COLUMN_TEXT) {
            batch->values[c].text[r] =
                batch->null[c][r] ? (struct bytes){0} : rows_text(rows[r], column);
        } else if (type == COLUMN_REAL) {
            batch->values[c].real[r] = rows_real(rows[r], column);
        } else {
            batch->values[c].whole[r] = rows_whole(rows[r], column);
        }
    }
}

static void copy_column(struct batch *batch, size_t c, const struct rows_column *column,
                        size_t number, const unsigned char *const *rows)
{
    switch (column->type) {
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        copy_typed(batch, c, column, number, rows, COLUMN_TEXT);
        break;
    case COLUMN_REAL:
        copy_typed(batch, c, column, number, rows, COLUMN_REAL);
        break;
    case COLUMN_WHOLE:
    case COLUMN_TIMESTAMP:
    case COLUMN_DATE:
        copy_typed(batch, c, column, number, rows, COLUMN_WHOLE);
        break;
    }
}

static int put_piece(struct duck_parquet *file, const struct piece *piece, struct error *err)
{
    const unsigned char **rows = file->rows;
    struct batch *batch = &file->batch;
    size_t columns[BATCH_COLUMNS];
    for (size_t c = 0; c < file->table.column_count; c++) {
        columns[c] = rows_find(piece->rows, file->table.columns[c].name);
    }
    for (size_t done = 0; done < piece->part.count; done += batch->rows) {
        size_t left = piece->part.count - done;
        batch->rows = left < BATCH_ROWS ? left : BATCH_ROWS;
        for (size_t r = 0; r < batch->rows; r++) { /* they lie anywhere */
            rows[r] = rows_at(piece->rows, piece->part.order[done + r]);
            __builtin_prefetch(rows[r]);
            __builtin_prefetch(rows[r] + 64);
        }
        for (size_t c = 0; c < file->table.column_count; c++) {
            copy_column(batch, c, &piece->rows->columns[columns[c]], columns[c], rows);
        }
        if (parquet_add(file->parquet, batch, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int duck_parquet_put_kept(struct duck_parquet *file, const struct distinct *distinct,
                          struct error *err)
{
    const struct lake_output *output = &file->to->output;
    const int32_t *day = output->where_column ? &output->where_date : NULL;
    int status = 0;
    for (size_t p = 0; status == 0 && p < distinct_pieces(distinct, day); p++) {
        struct piece piece;
        if (distinct_piece(distinct, p, day, &piece, err) != 0) {
            return -1;
        }
        status = put_piece(file, &piece, err);
        piece_close(&piece);
    }
    return status;
}
