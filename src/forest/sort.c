/* The table sorted by every feature, once for all trees: LSD radix sort of 32-bit keys, three
 * passes of 11 bits (Knuth, TAOCP 3, 5.2.5). Reads X, writes entries. */
#include "forest/grow.h"

#include "base/arena.h"
#include "base/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RADIX_BITS = 11, RADIX = 1 << RADIX_BITS };

struct sorting {
    struct sorted_table *table;
    const struct forest_data *data;
};

/* A whole number that orders like the float; every NaN is last, -0 stands before +0. */
static uint32_t sort_key(float value)
{
    uint32_t bits;
    if (isnan(value)) {
        return UINT32_MAX;
    }
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000U ? ~bits : bits | 0x80000000U;
}

/* One stable pass over 11 bits of the key. */
static void radix_pass(const struct entry *from, struct entry *to, size_t rows, int shift)
{
    size_t place[RADIX] = {0};
    for (size_t i = 0; i < rows; i++) {
        place[(sort_key(from[i].value) >> shift) & (RADIX - 1)]++;
    }
    size_t next = 0;
    for (size_t digit = 0; digit < RADIX; digit++) {
        size_t count = place[digit];
        place[digit] = next;
        next += count;
    }
    for (size_t i = 0; i < rows; i++) {
        to[place[(sort_key(from[i].value) >> shift) & (RADIX - 1)]++] = from[i];
    }
}

static void sort_feature(void *context, size_t feature, unsigned worker)
{
    (void)worker;
    const struct sorting *job = context;
    const struct forest_data *data = job->data;
    size_t rows = data->rows;
    struct entry *entries = job->table->entries + feature * rows;
    struct entry *other = xcalloc(rows, sizeof *other);
    for (size_t row = 0; row < rows; row++) { /* three passes: the result ends in `entries` */
        other[row] = (struct entry){data->x[row * data->features + feature], (uint32_t)row};
    }
    radix_pass(other, entries, rows, 0);
    radix_pass(entries, other, rows, RADIX_BITS);
    radix_pass(other, entries, rows, 2 * RADIX_BITS);
    free(other);
}

void sorted_table_init(struct sorted_table *table, const struct forest_data *data, unsigned threads)
{
    *table = (struct sorted_table){
        .entries = xcalloc(data->rows, data->features * sizeof *table->entries),
        .rows = data->rows,
        .features = data->features,
    };
    struct sorting job = {.table = table, .data = data};
    parallel_for(threads, data->features, sort_feature, &job);
}

void sorted_table_release(struct sorted_table *table)
{
    free(table->entries);
    *table = (struct sorted_table){0};
}
