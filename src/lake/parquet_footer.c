/* Thrift structures of Parquet; see parquet_footer.h.
 *
 * Types are said as DuckDB's COPY says them, so that readers see the same columns whoever wrote the
 * file. */
#include "lake/parquet_footer.h"

#include <string.h>

/* ---- Thrift's compact protocol ---- */

enum thrift_type {
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_BYTES = 8,
    THRIFT_LIST = 9,
    THRIFT_STRUCT = 12,
};

struct thrift { /* one structure in the making */
    struct buffer *out;
    int last; /* field */
};

static void put_byte(struct buffer *out, int byte)
{
    unsigned char value = (unsigned char)byte;
    buffer_put(out, &value, 1);
}

/* Fields come in the order of their numbers, which differ by less than 16. */
static void put_field(struct thrift *t, int field, enum thrift_type type)
{
    put_byte(t->out, (field - t->last) << 4 | (int)type);
    t->last = field;
}

static void put_i32(struct thrift *t, int field, int64_t value)
{
    put_field(t, field, THRIFT_I32);
    put_zigzag(t->out, value);
}

static void put_i64(struct thrift *t, int field, uint64_t value)
{
    put_field(t, field, THRIFT_I64);
    put_zigzag(t->out, (int64_t)value);
}

static void put_bool(struct thrift *t, int field, bool value)
{
    put_field(t, field, value ? THRIFT_TRUE : THRIFT_FALSE);
}

static void put_counted(struct buffer *out, const char *data, size_t size)
{
    put_varint(out, size);
    buffer_put(out, data, size);
}

static void put_text(struct thrift *t, int field, const char *text)
{
    put_field(t, field, THRIFT_BYTES);
    put_counted(t->out, text, strlen(text));
}

static void put_list(struct thrift *t, int field, enum thrift_type type, size_t count)
{
    put_field(t, field, THRIFT_LIST);
    put_byte(t->out, (int)((count < 15 ? count : 15) << 4) | (int)type);
    if (count >= 15) {
        put_varint(t->out, count);
    }
}

static struct thrift put_struct(struct thrift *t, int field)
{
    put_field(t, field, THRIFT_STRUCT);
    return (struct thrift){.out = t->out};
}

/* Ends a structure, which may be an element of a list. */
static void put_end(struct thrift *t)
{
    put_byte(t->out, 0);
}

/* ---- pages ---- */

void put_page_header(struct buffer *out, const struct page *page)
{
    struct thrift header = {.out = out};
    put_i32(&header, 1, page->is_dictionary ? 2 : 0);
    put_i32(&header, 2, (int64_t)page->plain_bytes);
    put_i32(&header, 3, (int64_t)page->bytes);
    struct thrift inner = put_struct(&header, page->is_dictionary ? 7 : 5);
    put_i32(&inner, 1, (int64_t)page->values);
    put_i32(&inner, 2, page->encoding);
    if (!page->is_dictionary) {
        put_i32(&inner, 3, PARQUET_RLE); /* of definition levels */
        put_i32(&inner, 4, PARQUET_RLE); /* of repetition levels, which there are none of */
    }
    put_end(&inner);
    put_end(&header);
}

/* ---- columns ---- */

struct type {
    int physical, converted; /* converted -1: nothing more to say */
};

static const struct type types[] = {
    [COLUMN_TEXT] = {6, 0},  [COLUMN_BLOB] = {6, -1},      [COLUMN_WHOLE] = {2, 18},
    [COLUMN_REAL] = {5, -1}, [COLUMN_TIMESTAMP] = {2, 10}, [COLUMN_DATE] = {1, 6},
};

static void put_column(struct buffer *out, const struct column *column)
{
    const struct type *type = &types[column->type];
    struct thrift element = {.out = out};
    put_i32(&element, 1, type->physical);
    put_i32(&element, 3, 1); /* OPTIONAL: there may be NULLs */
    put_text(&element, 4, column->name);
    if (type->converted >= 0) {
        put_i32(&element, 6, type->converted);
    }
    if (column->type == COLUMN_TIMESTAMP) { /* the converted type alone would say UTC */
        struct thrift logical = put_struct(&element, 10);
        struct thrift timestamp = put_struct(&logical, 8);
        put_bool(&timestamp, 1, false); /* adjusted to UTC */
        struct thrift unit = put_struct(&timestamp, 2);
        struct thrift micros = put_struct(&unit, 2);
        put_end(&micros);
        put_end(&unit);
        put_end(&timestamp);
        put_end(&logical);
    }
    put_end(&element);
}

static void put_statistics(struct thrift *t, int field, const struct chunk *chunk)
{
    struct thrift statistics = put_struct(t, field);
    put_i64(&statistics, 3, chunk->nulls);
    if (chunk->distinct > 0) {
        put_i64(&statistics, 4, chunk->distinct);
    }
    if (chunk->bounded) {
        put_field(&statistics, 5, THRIFT_BYTES);
        put_counted(t->out, chunk->most.data, chunk->most.size);
        put_field(&statistics, 6, THRIFT_BYTES);
        put_counted(t->out, chunk->least.data, chunk->least.size);
        put_bool(&statistics, 7, true); /* exact */
        put_bool(&statistics, 8, true);
    }
    put_end(&statistics);
}

static void put_chunk(struct buffer *out, const struct column *column, const struct chunk *chunk,
                      uint64_t offset)
{
    struct thrift element = {.out = out};
    put_i64(&element, 2, 0); /* where this is said again: nowhere */
    struct thrift data = put_struct(&element, 3);
    put_i32(&data, 1, types[column->type].physical);
    put_list(&data, 2, THRIFT_I32, 2);
    put_zigzag(out, chunk->encoding);
    put_zigzag(out, PARQUET_RLE);
    put_list(&data, 3, THRIFT_BYTES, 1);
    put_counted(out, column->name, strlen(column->name));
    put_i32(&data, 4, chunk->codec);
    put_i64(&data, 5, chunk->rows);
    put_i64(&data, 6, chunk->plain_bytes);
    put_i64(&data, 7, chunk->bytes);
    put_i64(&data, 9, offset + chunk->dictionary_bytes);
    if (chunk->dictionary_bytes > 0) {
        put_i64(&data, 11, offset);
    }
    put_statistics(&data, 12, chunk);
    put_end(&data);
    put_end(&element);
}

/* ---- the footer ---- */

void put_row_group(struct buffer *out, const struct table *table, const struct chunk *chunks,
                   size_t rows, uint64_t offset)
{
    struct thrift group = {.out = out};
    uint64_t plain_bytes = 0, bytes = 0;
    put_list(&group, 1, THRIFT_STRUCT, table->column_count);
    for (size_t c = 0; c < table->column_count; c++) {
        put_chunk(out, &table->columns[c], &chunks[c], offset + bytes);
        plain_bytes += chunks[c].plain_bytes;
        bytes += chunks[c].bytes;
    }
    put_i64(&group, 2, plain_bytes);
    put_i64(&group, 3, rows);
    put_i64(&group, 5, offset);
    put_i64(&group, 6, bytes);
    put_end(&group);
}

void put_footer(struct buffer *out, const struct table *table, uint64_t rows,
                const struct buffer *groups, size_t group_count)
{
    struct thrift file = {.out = out};
    put_i32(&file, 1, 1); /* version */
    put_list(&file, 2, THRIFT_STRUCT, table->column_count + 1);
    struct thrift root = {.out = out};
    put_i32(&root, 3, 0); /* REQUIRED */
    put_text(&root, 4, "schema");
    put_i32(&root, 5, (int64_t)table->column_count);
    put_end(&root);
    for (size_t c = 0; c < table->column_count; c++) {
        put_column(out, &table->columns[c]);
    }
    put_i64(&file, 3, rows);
    put_list(&file, 4, THRIFT_STRUCT, group_count);
    buffer_put(out, groups->data, groups->size);
    put_text(&file, 6, "AutoStream version " AUTOSTREAM_VERSION);
    put_list(&file, 7, THRIFT_STRUCT, table->column_count);
    for (size_t c = 0; c < table->column_count; c++) { /* bounds are in the order of the type */
        struct thrift order = {.out = out};
        struct thrift by_type = put_struct(&order, 1);
        put_end(&by_type);
        put_end(&order);
    }
    put_end(&file);
}
