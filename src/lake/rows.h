/* Rows of one table in memory, sorted by a key and without repetitions. For this room only.
 *
 * A row lies in one piece: a word of bits that says which columns are NULL, then numbers of eight
 * bytes, dates and the numbers of texts of four. Texts are kept once a column. Rows stay where they
 * were added; their order is a list of their numbers, so that sorting moves 16 bytes a row. */
#ifndef LAKE_ROWS_H
#define LAKE_ROWS_H

#include "base/arena.h"
#include "base/columns.h"

#include <string.h>

enum {
    ROWS_A_BLOCK = 1 << 16, /* 6 MB of telemetry */
    ROWS_A_PIECE = 1 << 17, /* at least */
    ROWS_PIECES = 1 << 8,   /* at most */
};

struct texts { /* the texts of one column, numbered as they came */
    struct bytes *all;
    uint32_t count, room, last;
    uint64_t *slots; /* hash table: 32 bits of the hash above number + 1, or 0 */
    size_t slot_count;
    uint32_t *ranks; /* in the order of bytes; of the key's first column alone */
    struct arena memory;
    size_t bytes;
};

struct rows_column {
    const char *name;
    enum column_type type;
    size_t offset; /* in a row */
    struct texts texts;
};

struct rows {
    const char *name;
    struct rows_column columns[BATCH_COLUMNS];
    size_t column_count, row_size;
    size_t key[BATCH_COLUMNS], key_count, least; /* columns */
    size_t day;             /* the column that rows are listed by, too; column_count: none */
    unsigned char **blocks; /* of ROWS_A_BLOCK rows each */
    size_t block_count, block_room;
    size_t added;
    uint32_t *order; /* [count] rows in the order of the key; NULL before rows_sort() */
    bool *near;      /* [count]: has its code in common with the row before, as rows do that are
                        alike in the first two columns of the key */
    size_t count;
    uint64_t nulls[BATCH_COLUMNS];               /* of them, by column */
    size_t piece_ends[ROWS_PIECES], piece_count; /* of `order` */
    uint32_t *by_day; /* [count] rows by day, within a day in the order of the key */
    size_t *day_ends; /* [day_count] where the rows of first_day, ... end in by_day */
    int32_t first_day;
    size_t day_count;
    struct arena memory; /* of names */
};

/* No rows yet of `table`; `key` and `least` as in lake_define_distinct(). `day`: a DATE column
 * without NULLs by which the rows are wanted, too, or NULL. */
struct rows *rows_open(const struct table *table, const char *key, const char *least,
                       const char *day);

/* NULL is fine. */
void rows_close(struct rows *rows);

/* Copies the rows of a batch; false, with nothing copied, when there would be too many for a list
 * of 32-bit numbers. */
bool rows_add(struct rows *rows, const struct batch *batch);

/* Bytes that these rows take, together with what sorting them will. */
size_t rows_bytes(const struct rows *rows);

/* Ends adding: sorts, and leaves out repetitions. */
void rows_sort(struct rows *rows, unsigned threads);

struct rows_part { /* a list of rows */
    const uint32_t *order;
    size_t count;
};

/* The sorted rows in pieces, one after another: rows alike in the key's first column are in one. */
struct rows_part rows_piece(const struct rows *rows, size_t piece);

/* The rows of a day, in the order of the key. */
struct rows_part rows_of_day(const struct rows *rows, int32_t day);

/* How many values of the first `columns` of the key stand in several rows of a piece. */
size_t rows_repeated(const struct rows *rows, struct rows_part piece, size_t columns);

/* A hash of a text, for tables in memory. */
uint32_t rows_hash_text(struct bytes text);

/* The order of bytes: less than, equal to or greater than 0. */
int rows_compare_texts(struct bytes one, struct bytes other);

/* The column's number, or column_count. */
size_t rows_find(const struct rows *rows, const char *column);

/* ---- rows on their way to a file and back ---- */

/* Bytes of a row with its texts. */
size_t rows_packed_size(const struct rows *rows, const unsigned char *row);

/* Writes a row with its texts; returns how many bytes these are. */
size_t rows_pack(const struct rows *rows, const unsigned char *row, unsigned char *out);

/* The bytes of a packed row of such a table, and its text in the key's first column, which is there
 * and points into it. */
size_t rows_packed_first(const struct rows *rows, const unsigned char *packed, struct bytes *first);

/* Adds a packed row. */
void rows_unpack(struct rows *rows, const unsigned char *packed);

/* ---- what a row holds ---- */

static inline const unsigned char *rows_at(const struct rows *rows, uint32_t row)
{
    return rows->blocks[row / ROWS_A_BLOCK] + row % ROWS_A_BLOCK * rows->row_size;
}

static inline bool rows_null(const unsigned char *row, size_t column)
{
    uint32_t nulls;
    memcpy(&nulls, row, sizeof nulls);
    return nulls >> column & 1;
}

static inline double rows_real(const unsigned char *row, const struct rows_column *column)
{
    double value;
    memcpy(&value, row + column->offset, sizeof value);
    return value;
}

/* WHOLE, TIMESTAMP, DATE. */
static inline int64_t rows_whole(const unsigned char *row, const struct rows_column *column)
{
    int64_t value;
    int32_t date;
    if (column->type == COLUMN_DATE) {
        memcpy(&date, row + column->offset, sizeof date);
        return date;
    }
    memcpy(&value, row + column->offset, sizeof value);
    return value;
}

static inline uint32_t rows_text_number(const unsigned char *row, const struct rows_column *column)
{
    uint32_t number;
    memcpy(&number, row + column->offset, sizeof number);
    return number;
}

/* Lives as long as the rows. */
static inline struct bytes rows_text(const unsigned char *row, const struct rows_column *column)
{
    return column->texts.all[rows_text_number(row, column)];
}

#endif
