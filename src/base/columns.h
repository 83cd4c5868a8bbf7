/* Tables as columns: what a column is (name, type), and a batch of rows on its way from a reader to
 * the engine. Domain-free; the tables of the lake are listed in fleet/tables.def. */
#ifndef BASE_COLUMNS_H
#define BASE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_type {
    COLUMN_TEXT,      /* UTF-8 */
    COLUMN_BLOB,      /* bytes */
    COLUMN_WHOLE,     /* int64 */
    COLUMN_REAL,      /* double; NaN is not stored, NULL is */
    COLUMN_TIMESTAMP, /* microseconds since 1970-01-01T00:00Z (int64) */
    COLUMN_DATE,      /* days since 1970-01-01 (int64 in a batch) */
};

/* TEXT and BLOB have values of their own length, the others numbers. */
static inline bool column_is_text(enum column_type type)
{
    return type == COLUMN_TEXT || type == COLUMN_BLOB;
}

struct column {
    const char *name;
    enum column_type type;
};

struct table {
    const char *name;
    const struct column *columns;
    size_t column_count;
};

enum {
    BATCH_ROWS = 2048,  /* one DuckDB vector */
    BATCH_COLUMNS = 32, /* rows.h has a bit for each */
};

struct bytes {
    const char *data;
    size_t size;
};

/* Up to BATCH_ROWS rows of one table. Texts point into memory that the filler owns and keeps until
 * the batch was taken. A row's value is NULL where `null[column][row]` is set. */
struct batch {
    const struct table *table;
    size_t rows;
    bool *null[BATCH_COLUMNS]; /* [column][BATCH_ROWS] */
    union {
        int64_t *whole; /* WHOLE, TIMESTAMP, DATE */
        double *real;
        struct bytes *text;  /* TEXT, BLOB */
    } values[BATCH_COLUMNS]; /* [column][BATCH_ROWS] */
};

struct arena;

/* Gives `batch` room for BATCH_ROWS rows of `table`, owned by the arena. */
void batch_init(struct batch *batch, const struct table *table, struct arena *arena);

#endif
