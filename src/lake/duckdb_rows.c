/* Table functions over sorted rows; see duckdb_rows.h.
 *
 * A thread of a scan takes one piece after another off the list, and shows it vector by vector: the
 * columns that are asked for are copied. Texts of rows that stay in memory are not: long ones are
 * pointed to where they lie. */
#include "lake/duckdb_rows.h"

#include "base/parallel.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct function { /* what a function is about */
    const struct distinct *distinct;
    const unsigned *threads;
};

struct scan { /* shared by its threads */
    struct scanned_pieces pieces;
    size_t columns[BATCH_COLUMNS], column_count; /* that are asked for */
};

static const duckdb_type types[] = {
    [COLUMN_TEXT] = DUCKDB_TYPE_VARCHAR,        [COLUMN_BLOB] = DUCKDB_TYPE_BLOB,
    [COLUMN_WHOLE] = DUCKDB_TYPE_BIGINT,        [COLUMN_REAL] = DUCKDB_TYPE_DOUBLE,
    [COLUMN_TIMESTAMP] = DUCKDB_TYPE_TIMESTAMP, [COLUMN_DATE] = DUCKDB_TYPE_DATE,
};

static void bind(duckdb_bind_info info)
{
    const struct function *function = duckdb_bind_get_extra_info(info);
    const struct distinct *distinct = function->distinct;
    for (size_t c = 0; c < distinct->table.column_count; c++) {
        const struct column *column = &distinct->table.columns[c];
        duckdb_logical_type type = duckdb_create_logical_type(types[column->type]);
        duckdb_bind_add_result_column(info, column->name, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_bind_set_cardinality(info, distinct_estimate(distinct), false);
}

static void init(duckdb_init_info info)
{
    const struct function *function = duckdb_init_get_extra_info(info);
    struct scan *scan = xcalloc(1, sizeof *scan);
    const struct distinct *distinct = function->distinct;
    scan->pieces.distinct = distinct;
    for (size_t i = 0; i < duckdb_init_get_column_count(info); i++) {
        size_t column = duckdb_init_get_column_index(info, i);
        if (column < distinct->table.column_count) { /* else it stands for none */
            assert(i == scan->column_count && i < BATCH_COLUMNS);
            scan->columns[scan->column_count++] = column;
        }
    }
    duckdb_init_set_max_threads(info, parallel_threads(*function->threads));
    duckdb_init_set_init_data(info, scan, free);
}

static void leave(void *data)
{
    struct scanned_place *place = data;
    piece_close(&place->piece);
    free(place);
}

void scan_init_thread(duckdb_init_info info)
{
    duckdb_init_set_init_data(info, xcalloc(1, sizeof(struct scanned_place)), leave);
}

bool scan_next_piece(duckdb_function_info info, struct scanned_pieces *pieces,
                     struct scanned_place *place)
{
    while (place->at == place->piece.part.count) {
        size_t number = atomic_fetch_add(&pieces->next, 1);
        struct error err;
        piece_close(&place->piece);
        *place = (struct scanned_place){0};
        if (number >= pieces->distinct->piece_count) {
            return false;
        }
        if (distinct_piece(pieces->distinct, number, NULL, &place->piece, &err) != 0) {
            duckdb_function_set_error(info, err.text[LANG_EN]);
            return false;
        }
    }
    return true;
}

duckdb_string_t scan_string(struct bytes text)
{
    duckdb_string_t string = {0};
    string.value.inlined.length = (uint32_t)text.size;
    if (text.size <= sizeof string.value.inlined.inlined) {
        memcpy(string.value.inlined.inlined, text.data, text.size);
    } else {
        memcpy(string.value.pointer.prefix, text.data, sizeof string.value.pointer.prefix);
        string.value.pointer.ptr = (char *)text.data;
    }
    return string;
}

/* Column c of `count` rows as cells `start`, ... of a vector. Called with a constant type, so that
 * the compiler makes one loop of each. */
static inline __attribute__((always_inline)) void copy_typed(const struct piece *piece, size_t c,
                                                             const unsigned char *const *rows,
                                                             size_t count, duckdb_vector vector,
                                                             size_t start, enum column_type type)
{
    const struct rows_column *column = &piece->rows->columns[c];
    void *data = duckdb_vector_get_data(vector);
    uint64_t *valid = NULL;
    for (size_t r = start; r < start + count; r++) {
        const unsigned char *row = rows[r - start];
        if (rows_null(row, c)) {
            if (!valid) {
                duckdb_vector_ensure_validity_writable(vector);
                valid = duckdb_vector_get_validity(vector);
            }
            duckdb_validity_set_row_invalid(valid, r);
        } else if (type == COLUMN_TEXT) {
            struct bytes text = rows_text(row, column);
            if (piece->own) { /* the next piece may come before the vector goes */
                duckdb_vector_assign_string_element_len(vector, r, text.data, text.size);
            } else {
                ((duckdb_string_t *)data)[r] = scan_string(text);
            }
        } else if (type == COLUMN_REAL) {
            ((double *)data)[r] = rows_real(row, column);
        } else if (type == COLUMN_DATE) {
            ((int32_t *)data)[r] = (int32_t)rows_whole(row, column);
        } else {
            ((int64_t *)data)[r] = rows_whole(row, column);
        }
    }
}

static void copy_column(const struct piece *piece, size_t c, const unsigned char *const *rows,
                        size_t count, duckdb_vector vector, size_t start)
{
    switch (piece->rows->columns[c].type) {
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        copy_typed(piece, c, rows, count, vector, start, COLUMN_TEXT);
        break;
    case COLUMN_REAL:
        copy_typed(piece, c, rows, count, vector, start, COLUMN_REAL);
        break;
    case COLUMN_DATE:
        copy_typed(piece, c, rows, count, vector, start, COLUMN_DATE);
        break;
    case COLUMN_WHOLE:
    case COLUMN_TIMESTAMP:
        copy_typed(piece, c, rows, count, vector, start, COLUMN_WHOLE);
        break;
    }
}

/* A vector is filled up where a piece ends. */
static void next_rows(duckdb_function_info info, duckdb_data_chunk out)
{
    enum { ROWS = 2048 }; /* the engine's vectors have no more */
    const unsigned char *rows[ROWS];
    struct scan *scan = duckdb_function_get_init_data(info);
    struct scanned_place *place = duckdb_function_get_local_init_data(info);
    size_t size = duckdb_vector_size(), filled = 0;
    while (filled < size && scan_next_piece(info, &scan->pieces, place)) {
        const struct piece *piece = &place->piece;
        size_t left = piece->part.count - place->at;
        size_t count = left < size - filled ? left : size - filled;
        for (size_t r = 0; r < count; r++) { /* they lie anywhere */
            rows[r] = rows_at(piece->rows, piece->part.order[place->at + r]);
            __builtin_prefetch(rows[r]);
        }
        for (size_t i = 0; i < scan->column_count; i++) {
            copy_column(piece, scan->columns[i], rows, count, duckdb_data_chunk_get_vector(out, i),
                        filled);
        }
        place->at += count;
        filled += count;
    }
    duckdb_data_chunk_set_size(out, filled);
}

int duckdb_rows_register(duckdb_connection connection, const struct distinct *distinct,
                         const unsigned *threads)
{
    struct function *kept = xcalloc(1, sizeof *kept);
    struct arena arena = {0};
    duckdb_table_function function = duckdb_create_table_function();
    *kept = (struct function){distinct, threads};
    duckdb_table_function_set_name(function, arena_printf(&arena, "%s_rows", distinct->table.name));
    duckdb_table_function_set_extra_info(function, kept, free);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, init);
    duckdb_table_function_set_local_init(function, scan_init_thread);
    duckdb_table_function_set_function(function, next_rows);
    duckdb_table_function_supports_projection_pushdown(function, true);
    int status = duckdb_register_table_function(connection, function) == DuckDBSuccess ? 0 : -1;
    duckdb_destroy_table_function(&function);
    arena_release(&arena);
    return status;
}
