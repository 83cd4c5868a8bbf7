/* Rows of the engine on DuckDB for C: streamed chunk by chunk, as text, as blocks of numbers,
 * through C functions and back, and C functions in SQL. Reads tables of the engine's, writes what
 * functions of rows give into others. */
#include "lake/duckdb_inner.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- chunks as batches ---- */

static void copy_nulls(bool *null, const uint64_t *valid, size_t count)
{
    for (size_t r = 0; r < count; r++) { /* no mask: none is NULL */
        null[r] = valid && !(valid[r / 64] >> r % 64 & 1);
    }
}

static void view_texts(struct bytes *out, const bool *null, duckdb_string_t *texts, size_t count)
{
    for (size_t r = 0; r < count; r++) {
        out[r] = null[r] ? (struct bytes){0}
                         : (struct bytes){duckdb_string_t_data(&texts[r]),
                                          duckdb_string_t_length(texts[r])};
    }
}

struct batch duck_batch_of(duckdb_data_chunk chunk, const struct batch *room)
{
    struct batch batch = *room;
    batch.rows = duckdb_data_chunk_get_size(chunk);
    for (size_t c = 0; c < batch.table->column_count; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
        void *data = duckdb_vector_get_data(vector);
        copy_nulls(batch.null[c], duckdb_vector_get_validity(vector), batch.rows);
        switch (batch.table->columns[c].type) {
        case COLUMN_REAL:
            batch.values[c].real = data;
            break;
        case COLUMN_WHOLE:
        case COLUMN_TIMESTAMP:
            batch.values[c].whole = data;
            break;
        case COLUMN_DATE:
            for (size_t r = 0; r < batch.rows; r++) {
                batch.values[c].whole[r] = ((const int32_t *)data)[r];
            }
            break;
        case COLUMN_TEXT:
        case COLUMN_BLOB:
            view_texts(batch.values[c].text, batch.null[c], data, batch.rows);
            break;
        }
    }
    return batch;
}

/* ---- results to C ---- */

int duck_stream(struct duck *lake, const char *what, const char *sql, struct bound bound,
                int (*take)(void *context, duckdb_data_chunk *chunk, struct error *err),
                void *context, struct error *err)
{
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    duckdb_result result = {0};
    int status = -1;
    if (duckdb_prepare(lake->reader, sql, &statement) != DuckDBSuccess) {
        duck_error(err, what, duckdb_prepare_error(statement));
        goto done;
    }
    for (size_t i = 0; i < bound.count; i++) {
        if (duckdb_bind_varchar(statement, i + 1, bound.texts[i]) != DuckDBSuccess) {
            duck_error(err, what, "a value cannot be bound");
            goto done;
        }
    }
    if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess) {
        duck_error(err, what, duckdb_pending_error(pending));
        goto done;
    }
    if (duckdb_execute_pending(pending, &result) != DuckDBSuccess) {
        duck_error(err, what, duckdb_result_error(&result));
        goto done;
    }
    status = 0;
    for (duckdb_data_chunk chunk; status == 0 && (chunk = duckdb_fetch_chunk(result));) {
        status = take(context, &chunk, err);
        duckdb_destroy_data_chunk(&chunk);
    }
    if (status == 0 && duckdb_result_error(&result)) {
        status = duck_error(err, what, duckdb_result_error(&result));
    }
done:
    duckdb_destroy_result(&result);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    return status;
}

/* ---- rows as text ---- */

struct each_row {
    int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err);
    void *context;
};

static int rows_of_chunk(void *context, duckdb_data_chunk *taken, struct error *err)
{
    duckdb_data_chunk chunk = *taken;
    const struct each_row *each = context;
    size_t count = duckdb_data_chunk_get_column_count(chunk);
    size_t rows = duckdb_data_chunk_get_size(chunk);
    struct arena arena = {0};
    struct bytes *cells = ARENA_NEW(&arena, struct bytes, count);
    int status = 0;
    for (size_t r = 0; status == 0 && r < rows; r++) {
        for (size_t c = 0; c < count; c++) {
            duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
            uint64_t *valid = duckdb_vector_get_validity(vector);
            cells[c] = (struct bytes){0};
            if (!valid || duckdb_validity_row_is_valid(valid, r)) {
                duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(vector) + r;
                cells[c] =
                    (struct bytes){duckdb_string_t_data(text), duckdb_string_t_length(*text)};
            }
        }
        status = each->row(each->context, cells, count, err);
    }
    arena_release(&arena);
    return status;
}

static int each_bound(struct duck *lake, const char *sql, struct bound bound, struct each_row *each,
                      struct error *err)
{
    struct arena arena = {0};
    /* One type for all: every engine type casts to text. */
    int status = duck_stream(
        lake, "query", arena_printf(&arena, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (%s)", sql),
        bound, rows_of_chunk, each, err);
    arena_release(&arena);
    return status;
}

int duck_each(struct lake *base, const char *sql,
              int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err),
              void *context, struct error *err)
{
    struct each_row each = {row, context};
    return each_bound(duck_of(base), sql, (struct bound){0}, &each, err);
}

int duck_ask(struct lake *base, const char *sql, const char *const *values, size_t value_count,
             int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err),
             void *context, struct error *err)
{
    struct each_row each = {row, context};
    return each_bound(duck_of(base), sql, (struct bound){values, value_count}, &each, err);
}

/* ---- rows through C functions ---- */

struct each_block {
    size_t column_count, skip; /* columns of numbers, behind `skip` others */
    double *x;                 /* [vector size][column_count] */
    int (*block)(void *context, const double *x, size_t rows, struct error *err);
    void *context;
    bool refused; /* block() failed, with its own error */
};

/* The numbers of a chunk, row by row, NULL as NaN. */
static void numbers_of_chunk(duckdb_data_chunk chunk, size_t skip, size_t column_count, double *x)
{
    size_t rows = duckdb_data_chunk_get_size(chunk);
    for (size_t c = 0; c < column_count; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, skip + c);
        const double *data = duckdb_vector_get_data(vector);
        uint64_t *valid = duckdb_vector_get_validity(vector);
        for (size_t r = 0; r < rows; r++) {
            bool null = valid && !duckdb_validity_row_is_valid(valid, r);
            x[r * column_count + c] = null ? NAN : data[r];
        }
    }
}

static int block_of_chunk(void *context, duckdb_data_chunk *taken, struct error *err)
{
    duckdb_data_chunk chunk = *taken;
    struct each_block *each = context;
    numbers_of_chunk(chunk, each->skip, each->column_count, each->x);
    each->refused =
        each->block(each->context, each->x, duckdb_data_chunk_get_size(chunk), err) != 0;
    return each->refused ? -1 : 0;
}

/* "name" as a quoted identifier (a user's own table may have any). */
static const char *quoted(struct arena *arena, const char *name)
{
    char *out = arena_alloc(arena, 2 * strlen(name) + 3, 1);
    char *end = out;
    *end++ = '"';
    for (const char *p = name; *p; p++) {
        if (*p == '"') {
            *end++ = '"';
        }
        *end++ = *p;
    }
    *end = '"';
    return out;
}

/* SELECT [key,] numbers of the columns FROM from [ORDER BY order]. */
static const char *select_numbers(struct arena *arena, const char *from, const char *key,
                                  const char *const *columns, size_t count, const char *order)
{
    char *list = key ? arena_printf(arena, "%s, ", key) : arena_strdup(arena, "");
    for (size_t c = 0; c < count; c++) {
        list = arena_printf(arena, "%s%sCAST(%s AS DOUBLE)", list, c > 0 ? ", " : "",
                            quoted(arena, columns[c]));
    }
    return arena_printf(arena, "SELECT %s FROM %s%s%s", list, from, order ? " ORDER BY " : "",
                        order ? order : "");
}

/* What people know a table by: the file that it was opened from, or its name. */
static const char *known_as(const struct duck *lake, const char *name)
{
    bool opened = lake->opened_name && strcmp(lake->opened_name, name) == 0;
    return opened ? lake->opened_path : name;
}

/* After the engine failed to read the columns as numbers: names the first cell that is none, or
 * says what else was wrong. (A stream that breaks off in the middle does not know why.) */
static void explain_unread(struct duck *lake, const char *from, const char *const *columns,
                           size_t count, struct error *err)
{
    struct arena arena = {0};
    struct error why;
    bool explained = false;
    for (size_t c = 0; c < count && !explained; c++) {
        struct lake_rows found;
        const char *sql =
            arena_printf(&arena,
                         "SELECT number, cell FROM (SELECT row_number() OVER () AS number, CAST(%s "
                         "AS VARCHAR) AS cell FROM %s) AS cells WHERE cell IS NOT NULL AND "
                         "TRY_CAST(cell AS DOUBLE) IS NULL ORDER BY number LIMIT 1",
                         quoted(&arena, columns[c]), from);
        if (lake_query(&lake->lake, sql, &arena, &found, &why) != 0) {
            explained = true;
            error_set(err, "%s : lecture interrompue (%s) ; vérifiez que la table est entière",
                      "%s: reading stopped (%s); check that the table is whole",
                      known_as(lake, from), why.text[LANG_EN]);
        } else if (found.rows == 1) {
            explained = true;
            error_set(err,
                      "%s : ligne de données %s, colonne « %s » : « %.80s » n'est pas un nombre ; "
                      "corrigez la cellule ou videz-la",
                      "%s: data row %s, column \"%s\": \"%.80s\" is not a number; mend the cell or "
                      "empty it",
                      known_as(lake, from), found.cells[0], columns[c], found.cells[1]);
        }
    }
    arena_release(&arena);
}

int duck_each_block(struct lake *base, const char *from, const char *const *columns,
                    size_t column_count, const char *order,
                    int (*block)(void *context, const double *x, size_t rows, struct error *err),
                    void *context, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    struct each_block each = {.column_count = column_count, .block = block, .context = context};
    each.x = ARENA_NEW(&arena, double, duckdb_vector_size() * column_count);
    int status = duck_stream(lake, known_as(lake, from),
                             select_numbers(&arena, from, NULL, columns, column_count, order),
                             (struct bound){0}, block_of_chunk, &each, err);
    if (status != 0 && !each.refused) {
        explain_unread(lake, from, columns, column_count, err);
    }
    arena_release(&arena);
    return status;
}

struct mapping {
    struct duck *lake;
    const struct lake_function *function;
    size_t rows;        /* that were gathered */
    double *x, *y;      /* [LAKE_MAP_ROWS][inputs], [LAKE_MAP_ROWS][results] */
    struct bytes *keys; /* [LAKE_MAP_ROWS] */
    struct arena texts; /* of the keys */
    struct batch batch;
};

/* One row's key, numbers and text into the batch. */
static void put_mapped(struct mapping *m, size_t row, size_t results)
{
    const struct lake_function *f = m->function;
    struct batch *batch = &m->batch;
    size_t r = batch->rows++;
    batch->values[0].text[r] = m->keys[row];
    for (size_t c = 1; c <= results; c++) {
        double value = m->y[row * results + c - 1];
        batch->null[c][r] = isnan(value);
        if (isnan(value)) {
            continue;
        }
        if (f->result->columns[c].type == COLUMN_WHOLE) {
            batch->values[c].whole[r] = (int64_t)value;
        } else {
            batch->values[c].real[r] = value;
        }
    }
    if (f->text) {
        batch->values[results + 1].text[r] = f->text(f->context, row);
        batch->null[results + 1][r] = !batch->values[results + 1].text[r].data;
    }
}

/* Applies the function to the rows gathered and appends what it gives. */
static int map_gathered(struct mapping *m, struct error *err)
{
    const struct lake_function *f = m->function;
    size_t results = f->result->column_count - 1 - (f->text != NULL);
    if (m->rows > 0 && f->apply(f->context, m->x, m->rows, m->y, err) != 0) {
        return -1;
    }
    for (size_t row = 0; row < m->rows; row++) {
        put_mapped(m, row, results);
        if (m->batch.rows == BATCH_ROWS || row + 1 == m->rows) {
            if (lake_append(&m->lake->lake, &m->batch, err) != 0) {
                return -1;
            }
            m->batch.rows = 0;
        }
    }
    m->rows = 0;
    arena_clear(&m->texts);
    return 0;
}

static int map_chunk(void *context, duckdb_data_chunk *taken, struct error *err)
{
    duckdb_data_chunk chunk = *taken;
    struct mapping *m = context;
    size_t rows = duckdb_data_chunk_get_size(chunk);
    if (m->rows + rows > LAKE_MAP_ROWS && map_gathered(m, err) != 0) {
        return -1;
    }
    numbers_of_chunk(chunk, 1, m->function->input_count, &m->x[m->rows * m->function->input_count]);
    duckdb_string_t *keys = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    for (size_t r = 0; r < rows; r++) {
        size_t size = duckdb_string_t_length(keys[r]);
        m->keys[m->rows++] =
            (struct bytes){arena_copy(&m->texts, duckdb_string_t_data(&keys[r]), size), size};
    }
    return 0;
}

int duck_map(struct lake *base, const char *from, const struct lake_function *function,
             struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    struct mapping m = {.lake = lake, .function = function};
    int status = -1;
    assert(duckdb_vector_size() <= BATCH_ROWS);
    assert((function->text != NULL) ==
           (function->result->columns[function->result->column_count - 1].type == COLUMN_TEXT));
    m.x = ARENA_NEW(&arena, double, LAKE_MAP_ROWS * function->input_count);
    m.y = ARENA_NEW(&arena, double, LAKE_MAP_ROWS * function->result->column_count);
    m.keys = ARENA_NEW(&arena, struct bytes, LAKE_MAP_ROWS);
    batch_init(&m.batch, function->result, &arena);
    if (lake_create(&lake->lake, function->result, err) != 0 ||
        duck_stream(lake, function->result->name,
                    select_numbers(&arena, from, function->key, function->inputs,
                                   function->input_count, NULL),
                    (struct bound){0}, map_chunk, &m, err) != 0 ||
        map_gathered(&m, err) != 0) {
        goto done;
    }
    status = lake_flush(&lake->lake, err);
done:
    arena_release(&m.texts);
    arena_release(&arena);
    return status;
}

/* ---- C functions in SQL ---- */

/* The engine's numbers as x[rows][inputs], row by row; y as its list of numbers a row. */
static void apply_scalar(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct lake_scalar *scalar = duckdb_scalar_function_get_extra_info(info);
    size_t rows = duckdb_data_chunk_get_size(input);
    size_t count = rows * scalar->results;
    double *x = xcalloc(rows * scalar->inputs, sizeof *x);
    double *y = xcalloc(count, sizeof *y);
    struct error err;
    numbers_of_chunk(input, 0, scalar->inputs, x);
    if (scalar->apply(scalar->context, x, rows, y, &err) != 0) {
        duckdb_scalar_function_set_error(info, err.text[LANG_EN]);
        goto done;
    }
    if (duckdb_list_vector_reserve(output, count) != DuckDBSuccess ||
        duckdb_list_vector_set_size(output, count) != DuckDBSuccess) {
        out_of_memory();
    }
    duckdb_list_entry *entries = duckdb_vector_get_data(output);
    duckdb_vector items = duckdb_list_vector_get_child(output);
    double *values = duckdb_vector_get_data(items);
    duckdb_vector_ensure_validity_writable(items);
    uint64_t *valid = duckdb_vector_get_validity(items);
    for (size_t r = 0; r < rows; r++) {
        entries[r] = (duckdb_list_entry){.offset = r * scalar->results, .length = scalar->results};
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = y[i];
        duckdb_validity_set_row_validity(valid, i, !isnan(y[i]));
    }
done:
    free(x);
    free(y);
}

int duck_scalar(struct lake *base, const struct lake_scalar *scalar, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct lake_scalar *kept = xcalloc(1, sizeof *kept);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    duckdb_logical_type list = duckdb_create_list_type(number);
    int status = 0;
    *kept = *scalar;
    duckdb_scalar_function_set_name(function, scalar->name);
    for (size_t i = 0; i < scalar->inputs; i++) {
        duckdb_scalar_function_add_parameter(function, number);
    }
    duckdb_scalar_function_set_return_type(function, list);
    duckdb_scalar_function_set_special_handling(function); /* a NULL does not make all NULL */
    duckdb_scalar_function_set_extra_info(function, kept, free);
    duckdb_scalar_function_set_function(function, apply_scalar);
    if (duckdb_register_scalar_function(lake->work, function) != DuckDBSuccess) {
        status = error_set(err, "%s : ce nom de fonction SQL est déjà pris ou impossible",
                           "%s: this name of an SQL function is taken or impossible", scalar->name);
    }
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_scalar_function(&function);
    return status;
}
