/* One column of a row group of Parquet, from values to pages. For parquet*.c only. */
#ifndef LAKE_PARQUET_COLUMN_H
#define LAKE_PARQUET_COLUMN_H

#include "lake/parquet_footer.h"

#include <zstd.h>

struct text_slot {
    uint32_t hash, number; /* number + 1; 0: free */
};

struct texts_seen {      /* the texts of a row group, each once, numbered as they came */
    struct buffer plain; /* each behind its length, as pages hold them */
    size_t *starts;      /* [PARQUET_ROWS] of them in `plain` */
    size_t count;
    struct text_slot *slots; /* hash table */
    size_t slot_count;
    size_t all_bytes; /* of all values, as PLAIN would write them */
};

struct parquet_column { /* zeroed but for the type: no rows */
    enum column_type type;
    size_t rows, count;     /* with NULLs; without */
    size_t room;            /* for rows */
    bool *null;             /* [rows] */
    uint64_t *words;        /* [count] the bits of numbers; NULL for texts */
    uint32_t *text_numbers; /* [count]; NULL for numbers */
    struct texts_seen texts;
    unsigned untried; /* row groups that no dictionary of numbers is tried for */
    struct buffer pages;
    struct chunk chunk;                        /* what is in `pages` */
    unsigned char bounds[2][sizeof(uint64_t)]; /* of numbers */
};

/* What encoding takes, besides; of one thread. Zeroed: ready. */
struct parquet_encoder {
    ZSTD_CCtx *zstd;
    uint16_t *slots;   /* hash table of numbers */
    uint64_t *entries; /* the dictionary of numbers */
    uint32_t *numbers; /* [PARQUET_ROWS] of values in a dictionary */
    uint32_t *levels;  /* [PARQUET_ROWS] 0: NULL */
    struct buffer page, packed;
};

/* Adds `count` rows of column `c` of a batch, from row `first` on; there is room for them. */
void parquet_column_add(struct parquet_column *column, const struct batch *batch, size_t c,
                        size_t first, size_t count);

/* Makes pages and chunk of the rows. */
void parquet_column_encode(struct parquet_column *column, struct parquet_encoder *encoder);

/* No rows, for the next row group. */
void parquet_column_clear(struct parquet_column *column);

void parquet_column_release(struct parquet_column *column);
void parquet_encoder_release(struct parquet_encoder *encoder);

#endif
