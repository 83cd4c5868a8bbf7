/* Vehicles as JSON: one, a page of them, a vehicle's place; see store.h. Memory only. */
#include "serve/store_data.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { PAGE_SIZE_USUAL = 50 };

/* ---- one vehicle ---- */

static void put_reasons(const struct store *store, size_t row, const struct usual_range *usual,
                        struct body *out)
{
    struct reason reasons[REASONS_AT_MOST];
    size_t count = store_reasons(store, row, usual, reasons);
    body_key(out, "raisons");
    body_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        body_open(out, '{');
        body_put_string(out, "column", model_input_gold_columns[reasons[i].input]);
        body_put_real(out, "value", reasons[i].value);
        body_put_real(out, "points", reasons[i].points);
        body_put_real(out, "low", reasons[i].usual.low);
        body_put_real(out, "high", reasons[i].usual.high);
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_cell(const struct store *store, size_t row, size_t c, struct body *out)
{
    const struct column *column = &fleet_table(TABLE_REPORTING)->columns[c];
    body_key(out, column->name);
    if (column->type == COLUMN_TEXT) {
        body_string(out, store_word(store, row, c));
        return;
    }
    double value = store_number(store, row, c);
    if (isnan(value)) {
        body_null(out);
    } else if (column->type == COLUMN_DATE) {
        body_date(out, (int32_t)value);
    } else if (column->type == COLUMN_WHOLE) {
        body_whole(out, (int64_t)value);
    } else {
        body_real(out, value);
    }
}

void store_vehicle(const struct store *store, size_t row, const struct usual_range *usual,
                   size_t rank, struct body *out)
{
    struct bytes vin = store_vin(store, row);
    body_open(out, '{');
    if (rank > 0) {
        body_put_whole(out, "rank", (int64_t)rank);
    }
    body_key(out, "vin");
    body_string_bytes(out, vin.data, vin.size);
    for (size_t c = 0; c < REPORTING_COLUMNS; c++) {
        if (c == REPORTING_RAISONS) {
            put_reasons(store, row, usual, out);
        } else if (c != REPORTING_VIN) {
            put_cell(store, row, c, out);
        }
    }
    body_close(out, '}');
}

/* The vin of a row, or null when there is none. */
static void put_vin(const struct store *store, const char *name, size_t row, struct body *out)
{
    body_key(out, name);
    if (row == NO_ROW) {
        body_null(out);
    } else {
        struct bytes vin = store_vin(store, row);
        body_string_bytes(out, vin.data, vin.size);
    }
}

void store_place_members(const struct store *store, const struct vehicle_place *place,
                         struct body *out)
{
    put_vin(store, "previous", place->previous, out);
    put_vin(store, "next", place->next, out);
    body_key(out, "position");
    if (place->position > 0) {
        body_whole(out, (int64_t)place->position);
    } else {
        body_null(out);
    }
    body_put_whole(out, "total", (int64_t)place->total);
}

/* ---- a page ---- */

void store_page(const struct store *store, const struct vehicles_query *query, struct body *out)
{
    size_t size = query->size > 0 ? query->size : PAGE_SIZE_USUAL;
    size_t page = query->page > 0 ? query->page : 1;
    uint32_t rows[PAGE_SIZE_AT_MOST];
    struct arena arena = {0};
    size_t offset;
    assert(size <= PAGE_SIZE_AT_MOST);
    if (__builtin_mul_overflow(page - 1, size, &offset)) {
        offset = SIZE_MAX;
    }
    uint64_t *bits =
        selection_is_empty(&query->selection) ? NULL : store_filter(store, &query->selection);
    size_t total = bits_count(bits, store->rows);
    size_t count = store_slice(store, bits, query->sort, offset, size, rows);
    body_open(out, '{');
    body_put_date(out, "run_date", store->run_date);
    body_put_whole(out, "total", (int64_t)total);
    body_put_whole(out, "fleet_total", (int64_t)store->rows);
    body_put_whole(out, "page", (int64_t)page);
    body_put_whole(out, "size", (int64_t)size);
    body_put_whole(out, "pages", (int64_t)((total + size - 1) / size));
    body_put_string(out, "sort", sort_text(query->sort, &arena));
    body_key(out, "rows");
    body_open(out, '[');
    for (size_t i = 0; i < count; i++) {
        store_vehicle(store, rows[i], query->usual, offset + i + 1, out);
    }
    body_close(out, ']');
    body_close(out, '}');
    arena_release(&arena);
    free(bits);
}
