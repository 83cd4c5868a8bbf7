/* Table functions over rows in memory; see duckdb_rows.h.
 *
 * A scan takes one vector after another off a list of rows and copies the columns that are asked
 * for. Texts are not copied: long ones are pointed to where they lie. */
#include "lake/duckdb_rows.h"

#include "base/parallel.h"

#include <stdatomic.h>
#include <stdlib.h>

struct function { /* what one of the two functions is about */
    const struct rows *rows;
    const unsigned *threads;
};

struct scan {
    const struct rows *rows;
    struct rows_part part;
    atomic_size_t next;
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
    const struct rows *rows = function->rows;
    struct rows_part *part = xcalloc(1, sizeof *part);
    *part = (struct rows_part){rows->order, rows->order ? rows->count : rows->added};
    if (duckdb_bind_get_parameter_count(info) == 1) {
        duckdb_value date = duckdb_bind_get_parameter(info, 0);
        *part = rows_of_date(rows, duckdb_get_date(date).days);
        duckdb_destroy_value(&date);
    }
    for (size_t c = 0; c < rows->column_count; c++) {
        duckdb_logical_type type = duckdb_create_logical_type(types[rows->columns[c].type]);
        duckdb_bind_add_result_column(info, rows->columns[c].name, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_bind_set_cardinality(info, part->count, true);
    duckdb_bind_set_bind_data(info, part, free);
}

static void init(duckdb_init_info info)
{
    const struct function *function = duckdb_init_get_extra_info(info);
    const struct rows_part *part = duckdb_init_get_bind_data(info);
    struct scan *scan = xcalloc(1, sizeof *scan);
    scan->rows = function->rows;
    scan->part = *part;
    scan->column_count = duckdb_init_get_column_count(info);
    for (size_t i = 0; i < scan->column_count && i < BATCH_COLUMNS; i++) {
        scan->columns[i] = duckdb_init_get_column_index(info, i);
    }
    duckdb_init_set_max_threads(info, parallel_threads(*function->threads));
    duckdb_init_set_init_data(info, scan, free);
}

static duckdb_string_t string_of(struct bytes text)
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

/* Column c of rows start, start + 1, ... of the list. Called with a constant type, so that the
 * compiler makes one loop of each. */
static inline __attribute__((always_inline)) void copy_typed(const struct scan *scan, size_t c,
                                                             size_t start, size_t count,
                                                             duckdb_vector vector,
                                                             enum column_type type)
{
    const struct rows_column *column = &scan->rows->columns[c];
    const uint32_t *order = scan->part.order;
    void *data = duckdb_vector_get_data(vector);
    uint64_t *valid = NULL;
    for (size_t r = 0; r < count; r++) {
        size_t number = order ? order[start + r] : start + r;
        const unsigned char *row = rows_at(scan->rows, (uint32_t)number);
        if (rows_null(row, c)) {
            if (!valid) {
                duckdb_vector_ensure_validity_writable(vector);
                valid = duckdb_vector_get_validity(vector);
            }
            duckdb_validity_set_row_invalid(valid, r);
        } else if (type == COLUMN_TEXT) {
            ((duckdb_string_t *)data)[r] = string_of(rows_text(row, column));
        } else if (type == COLUMN_REAL) {
            ((double *)data)[r] = rows_real(row, column);
        } else if (type == COLUMN_DATE) {
            ((int32_t *)data)[r] = (int32_t)rows_whole(row, column);
        } else {
            ((int64_t *)data)[r] = rows_whole(row, column);
        }
    }
}

static void copy_column(const struct scan *scan, size_t c, size_t start, size_t count,
                        duckdb_vector vector)
{
    switch (scan->rows->columns[c].type) {
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        copy_typed(scan, c, start, count, vector, COLUMN_TEXT);
        break;
    case COLUMN_REAL:
        copy_typed(scan, c, start, count, vector, COLUMN_REAL);
        break;
    case COLUMN_DATE:
        copy_typed(scan, c, start, count, vector, COLUMN_DATE);
        break;
    case COLUMN_WHOLE:
    case COLUMN_TIMESTAMP:
        copy_typed(scan, c, start, count, vector, COLUMN_WHOLE);
        break;
    }
}

static void next_rows(duckdb_function_info info, duckdb_data_chunk out)
{
    struct scan *scan = duckdb_function_get_init_data(info);
    size_t size = duckdb_vector_size();
    size_t start = atomic_fetch_add(&scan->next, size);
    size_t left = start < scan->part.count ? scan->part.count - start : 0;
    size_t count = left < size ? left : size;
    for (size_t i = 0; count > 0 && i < scan->column_count; i++) {
        if (scan->columns[i] < scan->rows->column_count) { /* else only the count is asked for */
            copy_column(scan, scan->columns[i], start, count, duckdb_data_chunk_get_vector(out, i));
        }
    }
    duckdb_data_chunk_set_size(out, count);
}

static int add_function(duckdb_connection connection, const struct rows *rows,
                        const unsigned *threads, const char *name, bool of_date)
{
    struct function *kept = xcalloc(1, sizeof *kept);
    duckdb_table_function function = duckdb_create_table_function();
    *kept = (struct function){rows, threads};
    duckdb_table_function_set_name(function, name);
    if (of_date) {
        duckdb_logical_type date = duckdb_create_logical_type(DUCKDB_TYPE_DATE);
        duckdb_table_function_add_parameter(function, date);
        duckdb_destroy_logical_type(&date);
    }
    duckdb_table_function_set_extra_info(function, kept, free);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, init);
    duckdb_table_function_set_function(function, next_rows);
    duckdb_table_function_supports_projection_pushdown(function, true);
    int status = duckdb_register_table_function(connection, function) == DuckDBSuccess ? 0 : -1;
    duckdb_destroy_table_function(&function);
    return status;
}

int duckdb_rows_register(duckdb_connection connection, const struct rows *rows,
                         const unsigned *threads)
{
    static const unsigned one = 1;
    struct arena arena = {0};
    int status = -1;
    if (add_function(connection, rows, threads, arena_printf(&arena, "%s_rows", rows->name),
                     false) == 0) {
        status = add_function(connection, rows, &one,
                              arena_printf(&arena, "%s_of_date", rows->name), true);
    }
    arena_release(&arena);
    return status;
}
