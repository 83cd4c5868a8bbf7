/* A selection as CSV, in blocks; see store.h. Memory only. */
#include "serve/store_data.h"

#include "base/dates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct export
{
    const struct store *store;
    enum export_format format;
    size_t columns[LIST_AT_MOST];
    size_t column_count;
    uint32_t *rows; /* all of the selection, in order */
    size_t row_count, next;
    bool begun;
    struct body cell; /* scratch */
};

struct export *export_open(const struct store *store, const struct export_query *query)
{
    struct export *export = xcalloc(1, sizeof *export);
    uint64_t *bits = store_filter(store, &query->selection);
    export->store = store;
    export->format = query->format;
    export->column_count = query->column_count;
    memcpy(export->columns, query->columns, sizeof export->columns);
    for (size_t c = 0; query->column_count == 0 && c < REPORTING_COLUMNS; c++) {
        export->columns[export->column_count++] = c;
    }
    export->row_count = bits_count(bits, store->rows);
    export->rows = xcalloc(export->row_count, sizeof *export->rows);
    store_sort(store, bits, query->sort, export->rows);
    free(bits);
    return export;
}

void export_close(struct export *export)
{
    if (export) {
        body_release(&export->cell);
        free(export->rows);
        free(export);
    }
}

/* ---- cells ---- */

/* Spreadsheets take such a text for a formula, and some run it. */
static bool is_formula(struct bytes text)
{
    return memchr("=+-@\t\r", text.data[0], 6) != NULL;
}

static void put_text(const struct export *export, struct bytes text, struct body *out)
{
    if (text.size == 0) { /* not NULL */
        body_text(out, "\"\"");
        return;
    }
    char separator = export->format == EXPORT_EXCEL_FR ? ';' : ',';
    bool quoted = memchr(text.data, separator, text.size) || memchr(text.data, '"', text.size) ||
                  memchr(text.data, '\n', text.size) || memchr(text.data, '\r', text.size);
    if (quoted) {
        body_text(out, "\"");
    }
    if (is_formula(text)) {
        body_text(out, "'");
    }
    while (quoted && text.size > 0) {
        const char *quote = memchr(text.data, '"', text.size);
        size_t size = quote ? (size_t)(quote - text.data) + 1 : text.size;
        body_bytes(out, text.data, size);
        if (quote) {
            body_text(out, "\"");
        }
        text.data += size;
        text.size -= size;
    }
    body_bytes(out, text.data, text.size);
    if (quoted) {
        body_text(out, "\"");
    }
}

static void put_number(const struct export *export, enum column_type type, double value,
                       struct body *out)
{
    char date[DATE_TEXT_SIZE];
    if (isnan(value)) {
        return;
    }
    if (type == COLUMN_DATE) {
        body_text(out, date_format((int32_t)value, date));
    } else {
        body_decimal(out, value, export->format == EXPORT_EXCEL_FR ? ',' : '.');
    }
}

static void put_cell(struct export *export, size_t row, size_t column, struct body *out)
{
    const struct store *store = export->store;
    enum column_type type = fleet_table(TABLE_REPORTING)->columns[column].type;
    if (column == REPORTING_VIN) {
        put_text(export, store_vin(store, row), out);
    } else if (column == REPORTING_RAISONS) {
        export->cell.size = 0;
        if (store_reasons_cell(store, row, &export->cell)) {
            put_text(export, (struct bytes){export->cell.data, export->cell.size}, out);
        }
    } else if (type == COLUMN_TEXT) {
        const char *word = store_word(store, row, column);
        if (word) {
            put_text(export, (struct bytes){word, strlen(word)}, out);
        }
    } else {
        put_number(export, type, store_number(store, row, column), out);
    }
}

/* ---- rows ---- */

static void put_header(const struct export *export, struct body *out)
{
    const char *separator = export->format == EXPORT_EXCEL_FR ? ";" : ",";
    if (export->format == EXPORT_EXCEL_FR) {
        body_text(out, "\xef\xbb\xbf");
    }
    for (size_t i = 0; i < export->column_count; i++) {
        body_text(out, i > 0 ? separator : "");
        body_text(out, fleet_table(TABLE_REPORTING)->columns[export->columns[i]].name);
    }
    body_text(out, "\r\n");
}

bool export_next(struct export *export, size_t enough, struct body *out)
{
    const char *separator = export->format == EXPORT_EXCEL_FR ? ";" : ",";
    if (export->begun && export->next == export->row_count) {
        return false;
    }
    if (!export->begun) {
        put_header(export, out);
        export->begun = true;
    }
    while (export->next < export->row_count && out->size < enough) {
        size_t row = export->rows[export->next++];
        size_t start = out->size;
        for (size_t i = 0; i < export->column_count; i++) {
            body_text(out, i > 0 ? separator : "");
            put_cell(export, row, export->columns[i], out);
        }
        if (out->size == start) { /* one column, NULL: not an empty line, which readers skip */
            body_text(out, "\"\"");
        }
        body_text(out, "\r\n");
    }
    return true;
}
