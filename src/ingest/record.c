/* The one check that every record passes, whatever file it came from; see ingest.h.
 *
 * Reads raw values, writes a row of a batch or the reasons why not. NULL and NaN: missing values
 * become NULL, NaN never passes. */
#include "ingest/ingest.h"

#include "base/dates.h"
#include "ingest/utf8.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* True when the list has the code already; codes stand between bars. */
static bool has_reason(const struct reasons *reasons, const char *code, size_t size)
{
    const char *p = reasons->text;
    while ((p = strstr(p, code)) != NULL) {
        bool begins = p == reasons->text || p[-1] == '|';
        if (begins && (p[size] == '\0' || p[size] == '|')) {
            return true;
        }
        p += size;
    }
    return false;
}

void reasons_add(struct reasons *reasons, const char *code, const char *column)
{
    char text[256];
    size_t code_size = strlen(code);
    size_t column_size = column ? strnlen(column, sizeof text - 64) : 0;
    assert(code_size < 60);
    memcpy(text, code, code_size);
    size_t size = code_size;
    if (column) {
        text[size++] = ':';
        memcpy(text + size, column, column_size);
        size += column_size;
    }
    text[size] = '\0';
    if (size + 2 > sizeof reasons->text - reasons->size || has_reason(reasons, text, size)) {
        return;
    }
    if (reasons->size > 0) {
        reasons->text[reasons->size++] = '|';
    }
    memcpy(reasons->text + reasons->size, text, size + 1);
    reasons->size += size;
}

/* ---- one value ---- */

/* The row that is being written. */
struct row {
    struct batch *batch;
    size_t number;
    struct ingest_counts *counts;
    struct reasons *reasons;
    bool missing[BATCH_COLUMNS], rounded[BATCH_COLUMNS]; /* counted when the row is accepted */
    bool counted;                                        /* one of them is set */
};

static bool is_blank(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != ' ' && !(text.data[i] >= '\t' && text.data[i] <= '\r')) {
            return false;
        }
    }
    return true;
}

/* A missing value: the default, NULL, or a reason when it is required. */
static void put_missing(struct row *row, const struct record_field *field, size_t column)
{
    row->batch->null[column][row->number] = !field->defaulted;
    row->missing[column] = row->counted = true;
    if (field->defaulted && field->column.type == COLUMN_REAL) {
        row->batch->values[column].real[row->number] = field->missing;
    } else if (field->defaulted) {
        row->batch->values[column].whole[row->number] = (int64_t)field->missing;
    }
    if (field->required) {
        reasons_add(row->reasons, "missing", field->column.name);
    }
}

static void put_number(struct row *row, const struct record_field *field, size_t column,
                       const struct raw_value *value)
{
    if (value->kind != RAW_NUMBER) {
        reasons_add(row->reasons, "not_a_number", field->column.name);
        row->counts->not_a_number[column]++;
        return;
    }
    double number = value->number + 0.0; /* -0.0 becomes 0 */
    if (!(number >= field->low && number <= field->high)) {
        reasons_add(row->reasons, "impossible", field->column.name);
        return;
    }
    if (field->column.type == COLUMN_REAL) {
        row->batch->values[column].real[row->number] = number;
        return;
    }
    assert(field->low >= -0x1p53 && field->high <= 0x1p53); /* whole doubles are exact there */
    int64_t whole = (int64_t)number;
    if ((double)whole != number) { /* seldom, and round() is a call */
        whole = (int64_t)round(number);
        row->rounded[column] = row->counted = true;
    }
    row->batch->values[column].whole[row->number] = whole;
}

static void put_text(struct row *row, const struct record_field *field, size_t column,
                     const struct raw_value *value)
{
    const char *name = field->column.name;
    if (value->kind != RAW_TEXT) {
        reasons_add(row->reasons, "not_a_text", name);
        return;
    }
    if (value->text.size > RECORD_TEXT_LIMIT) {
        reasons_add(row->reasons, "too_long", name);
    }
    if (!value->plain && memchr(value->text.data, '\0', value->text.size)) {
        reasons_add(row->reasons, "unreadable", name); /* it would end a C text early */
    }
    if (!value->plain && !utf8_valid(value->text.data, value->text.size) &&
        !has_reason(row->reasons, "bad_utf8", 8)) { /* the JSON reader has said it */
        reasons_add(row->reasons, "bad_utf8", name);
    }
    row->batch->values[column].text[row->number] = value->text;
}

/* `name`: the field that the text stands in. */
static void put_time(struct row *row, const struct record_field *field, size_t column,
                     const struct raw_value *value, const char *name)
{
    int64_t time = 0;
    int32_t date = 0;
    bool readable = value->kind == RAW_TEXT;
    if (readable && field->column.type == COLUMN_DATE) {
        readable = date_parse(value->text.data, value->text.size, &date);
        time = date;
    } else if (readable) {
        readable = timestamp_parse(value->text.data, value->text.size, &time);
    }
    if (!readable) {
        reasons_add(row->reasons, "unreadable", name);
    } else if (!((double)time >= field->low && (double)time <= field->high)) {
        reasons_add(row->reasons, "impossible", name);
    }
    row->batch->values[column].whole[row->number] = time;
}

/* The day of an instant that stands in the row already. */
static void put_day(struct row *row, size_t column, size_t instant)
{
    row->batch->null[column][row->number] = row->batch->null[instant][row->number];
    row->batch->values[column].whole[row->number] =
        timestamp_date(row->batch->values[instant].whole[row->number]);
}

/* ---- one record ---- */

static void put_value(struct row *row, const struct record_spec *spec, size_t column,
                      const struct raw_value *values)
{
    const struct record_field *field = &spec->fields[column];
    bool derived = field->derived_from >= 0;
    const struct raw_value *value = &values[derived ? (size_t)field->derived_from : column];
    enum column_type type = field->column.type;
    bool number = type == COLUMN_WHOLE || type == COLUMN_REAL;
    if (derived && spec->fields[field->derived_from].column.type == COLUMN_TIMESTAMP) {
        put_day(row, column, (size_t)field->derived_from);
        return;
    }
    row->batch->null[column][row->number] = false;
    if (value->kind == RAW_MISSING || value->kind == RAW_NULL ||
        (!number && value->kind == RAW_TEXT && is_blank(value->text))) {
        if (derived) { /* the field it is derived from says that it is missing */
            row->batch->null[column][row->number] = true;
            row->missing[column] = row->counted = true;
            return;
        }
        put_missing(row, field, column);
    } else if (number) {
        put_number(row, field, column, value);
    } else if (type == COLUMN_TEXT || type == COLUMN_BLOB) {
        put_text(row, field, column, value);
    } else if (!derived || value->kind == RAW_TEXT) { /* else: not_a_text was said */
        put_time(row, field, column, value,
                 derived ? spec->fields[field->derived_from].column.name : field->column.name);
    }
}

bool record_check(const struct record_spec *spec, const struct raw_value *values,
                  struct batch *batch, struct ingest_counts *counts, struct reasons *reasons)
{
    assert(spec->field_count <= BATCH_COLUMNS && batch->rows < BATCH_ROWS);
    struct row row = {.batch = batch, .number = batch->rows, .counts = counts, .reasons = reasons};
    for (size_t i = 0; i < spec->field_count; i++) {
        put_value(&row, spec, i, values);
    }
    if (reasons->size > 0) {
        return false;
    }
    for (size_t i = 0; row.counted && i < spec->field_count; i++) {
        counts->missing[i] += row.missing[i];
        counts->rounded[i] += row.rounded[i];
    }
    batch->rows++;
    return true;
}
