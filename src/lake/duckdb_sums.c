/* Counts and sums of sorted rows as a table function; see duckdb_rows.h, and lake_sum() in lake.h.
 *
 * Rows of one text and day stand together, so that one group at a time is open, and no piece holds
 * half of one. */
#include "lake/duckdb_rows.h"

#include "base/parallel.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { KEYS = 3, AHEAD = 8 }; /* columns before those of the measures */

struct summing { /* what one function is about */
    const struct distinct *distinct;
    const unsigned *threads;
    struct arena names;
    const char *key, *day;
    struct column measures[BATCH_COLUMNS];
    size_t measure_count;
};

struct group {
    bool beyond; /* has a value that is no such decimal */
    struct bytes text;
    int32_t day;
    int64_t rows;
    int64_t counts[BATCH_COLUMNS];
    __int128 sums[BATCH_COLUMNS]; /* of decimals in units of 1e-12 */
};

struct scan { /* shared by its threads */
    struct scanned_pieces pieces;
    size_t key, day, measures[BATCH_COLUMNS]; /* columns of the rows */
};

/* ---- one group ---- */

/* The closest decimal of twelve digits behind the point, halves away from zero, as the engine casts
 * it; values of a million and more are none. */
static int64_t decimal_of(double value, bool *beyond)
{
    if (!(fabs(value) < 1e6)) {
        *beyond = true;
        return 0;
    }
    double scaled = value * 1e12;
    int64_t whole = (int64_t)scaled;
    double rest = scaled - (double)whole; /* exact */
    return whole + (rest >= 0.5) - (rest <= -0.5);
}

static void add_row(const struct summing *summing, const struct scan *scan, const struct rows *rows,
                    const unsigned char *row, struct group *group)
{
    group->rows++;
    for (size_t m = 0; m < summing->measure_count; m++) {
        const struct rows_column *column = &rows->columns[scan->measures[m]];
        if (!rows_null(row, scan->measures[m])) {
            group->counts[m]++;
            group->sums[m] += column->type == COLUMN_REAL
                                  ? decimal_of(rows_real(row, column), &group->beyond)
                                  : rows_whole(row, column);
        }
    }
}

/* The group that begins at a row; returns where the next one does. */
static size_t next_group(const struct summing *summing, const struct scan *scan,
                         const struct piece *piece, size_t at, struct group *group)
{
    const struct rows *rows = piece->rows;
    const uint32_t *order = piece->part.order;
    const struct rows_column *key = &rows->columns[scan->key], *day = &rows->columns[scan->day];
    const unsigned char *row = rows_at(rows, order[at]);
    uint32_t text = rows_text_number(row, key);
    *group = (struct group){.text = key->texts.all[text], .day = (int32_t)rows_whole(row, day)};
    do {
        if (at + AHEAD < piece->part.count) { /* they lie anywhere */
            __builtin_prefetch(rows_at(rows, order[at + AHEAD]));
        }
        add_row(summing, scan, rows, row, group);
        if (++at == piece->part.count) {
            break;
        }
        row = rows_at(rows, order[at]);
    } while (rows_text_number(row, key) == text && rows_whole(row, day) == group->day);
    return at;
}

/* ---- the table function ---- */

static void add_column(duckdb_bind_info info, const char *name, duckdb_logical_type type)
{
    duckdb_bind_add_result_column(info, name, type);
    duckdb_destroy_logical_type(&type);
}

static void bind(duckdb_bind_info info)
{
    const struct summing *summing = duckdb_bind_get_extra_info(info);
    struct arena arena = {0};
    add_column(info, summing->key, duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
    add_column(info, summing->day, duckdb_create_logical_type(DUCKDB_TYPE_DATE));
    add_column(info, "messages", duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
    for (size_t m = 0; m < summing->measure_count; m++) {
        const struct column *measure = &summing->measures[m];
        add_column(info, arena_printf(&arena, "n_%s", measure->name),
                   duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
        add_column(info, arena_printf(&arena, "s_%s", measure->name),
                   measure->type == COLUMN_REAL ? duckdb_create_decimal_type(38, 12)
                                                : duckdb_create_logical_type(DUCKDB_TYPE_HUGEINT));
    }
    arena_release(&arena);
}

static void init(duckdb_init_info info)
{
    const struct summing *summing = duckdb_init_get_extra_info(info);
    const struct rows *rows = summing->distinct->rows;
    struct scan *scan = xcalloc(1, sizeof *scan);
    scan->pieces.distinct = summing->distinct;
    scan->key = rows_find(rows, summing->key);
    scan->day = rows_find(rows, summing->day);
    assert(scan->key == rows->key[0]);
    for (size_t m = 0; m < summing->measure_count; m++) {
        scan->measures[m] = rows_find(rows, summing->measures[m].name);
        assert(scan->measures[m] < rows->column_count);
    }
    duckdb_init_set_max_threads(info, parallel_threads(*summing->threads));
    duckdb_init_set_init_data(info, scan, free);
}

static void put_sum(duckdb_vector vector, duckdb_hugeint *data, size_t r, const struct group *group,
                    size_t m)
{
    if (group->counts[m] == 0) {
        duckdb_vector_ensure_validity_writable(vector);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), r);
        return;
    }
    data[r] = (duckdb_hugeint){(uint64_t)group->sums[m], (int64_t)(group->sums[m] >> 64)};
}

static void put_group(const struct summing *summing, const struct piece *piece,
                      const duckdb_vector *vectors, void *const *data, size_t r,
                      const struct group *group)
{
    if (piece->own) { /* the next piece may come before the vector goes */
        duckdb_vector_assign_string_element_len(vectors[0], r, group->text.data, group->text.size);
    } else {
        ((duckdb_string_t *)data[0])[r] = scan_string(group->text);
    }
    ((int32_t *)data[1])[r] = group->day;
    ((int64_t *)data[2])[r] = group->rows;
    for (size_t m = 0; m < summing->measure_count; m++) {
        ((int64_t *)data[KEYS + 2 * m])[r] = group->counts[m];
        put_sum(vectors[KEYS + 2 * m + 1], data[KEYS + 2 * m + 1], r, group, m);
    }
}

static void next_groups(duckdb_function_info info, duckdb_data_chunk out)
{
    const struct summing *summing = duckdb_function_get_extra_info(info);
    struct scan *scan = duckdb_function_get_init_data(info);
    struct scanned_place *place = duckdb_function_get_local_init_data(info);
    duckdb_vector vectors[KEYS + 2 * BATCH_COLUMNS];
    void *data[KEYS + 2 * BATCH_COLUMNS];
    size_t size = duckdb_vector_size(), filled = 0;
    for (size_t c = 0; c < KEYS + 2 * summing->measure_count; c++) {
        vectors[c] = duckdb_data_chunk_get_vector(out, c);
        data[c] = duckdb_vector_get_data(vectors[c]);
    }
    while (filled < size && scan_next_piece(info, &scan->pieces, place)) {
        struct group group;
        place->at = next_group(summing, scan, &place->piece, place->at, &group);
        if (group.beyond) {
            duckdb_function_set_error(info, "a value of a million or more cannot be summed");
            return;
        }
        put_group(summing, &place->piece, vectors, data, filled++, &group);
    }
    duckdb_data_chunk_set_size(out, filled);
}

static void forget(void *data)
{
    struct summing *summing = data;
    arena_release(&summing->names);
    free(summing);
}

int duckdb_sums_register(duckdb_connection connection, const struct distinct *distinct,
                         const struct lake_sums *sums, const unsigned *threads)
{
    struct summing *summing = xcalloc(1, sizeof *summing);
    duckdb_table_function function = duckdb_create_table_function();
    *summing = (struct summing){
        .distinct = distinct, .threads = threads, .measure_count = sums->measure_count};
    summing->key = arena_strdup(&summing->names, sums->key);
    summing->day = arena_strdup(&summing->names, sums->day);
    assert(sums->measure_count <= BATCH_COLUMNS);
    for (size_t m = 0; m < sums->measure_count; m++) {
        summing->measures[m] = (struct column){
            arena_strdup(&summing->names, sums->measures[m].name), sums->measures[m].type};
    }
    duckdb_table_function_set_name(function, arena_printf(&summing->names, "%s_sums", sums->name));
    duckdb_table_function_set_extra_info(function, summing, forget);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, init);
    duckdb_table_function_set_local_init(function, scan_init_thread);
    duckdb_table_function_set_function(function, next_groups);
    int status = duckdb_register_table_function(connection, function) == DuckDBSuccess ? 0 : -1;
    duckdb_destroy_table_function(&function);
    return status;
}
