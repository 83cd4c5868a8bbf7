/* From values to ranks: each feature is sorted once, by an LSD radix sort of 32-bit keys in three
 * passes of 11 bits (Knuth, TAOCP 3, 5.2.5). Reads X and y, writes bins. */
#include "forest/bins.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "forest/keys.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    RADIX_BITS = 11,
    RADIX = 1 << RADIX_BITS,
    DIGITS = 3,
    MAX_GROUP = 8,      /* features read together: X is row by row */
    LEAST_GROUPS = 4,   /* a thread: none waits for long */
    AHEAD = 16,         /* rows that are fetched before they are read */
    HASHED_ROWS = 4096, /* their hashes stay in the first-level cache */
    MANY_ALIKE = 8,     /* rows are merged when at least 1/MANY_ALIKE of them vanish */
};

struct entry {
    uint32_t key; /* orders like the value, see sort_key() */
    uint32_t row; /* in the binned table */
};

struct binning {
    struct bin_table *table;
    const struct forest_data *data;
    size_t group;           /* features a task */
    struct entry **scratch; /* [rows] a worker: twice, and keys for the group */
};

/* A whole number that orders like the float; every NaN is last, both zeros are one. */
static uint32_t sort_key(float value)
{
    uint32_t bits;
    if (isnan(value)) {
        return UINT32_MAX;
    }
    value += 0.0F; /* -0 becomes +0 */
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000U ? ~bits : bits | 0x80000000U;
}

static float key_value(uint32_t key)
{
    uint32_t bits = key & 0x80000000U ? key & 0x7fffffffU : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Sorts `from` stably by key; returns where the result is, `from` or `to`. A digit that all keys
 * share needs no pass. */
static struct entry *radix_sort(struct entry *from, struct entry *to, size_t rows)
{
    uint32_t place[DIGITS][RADIX] = {0}; /* in the first-level cache */
    for (size_t i = 0; i < rows; i++) {
        for (int d = 0; d < DIGITS; d++) {
            place[d][(from[i].key >> (d * RADIX_BITS)) & (RADIX - 1)]++;
        }
    }
    for (int d = 0; d < DIGITS; d++) {
        int shift = d * RADIX_BITS;
        uint32_t next = 0;
        if (place[d][(from[0].key >> shift) & (RADIX - 1)] == rows) {
            continue;
        }
        for (size_t digit = 0; digit < RADIX; digit++) {
            uint32_t count = place[d][digit];
            place[d][digit] = next;
            next += count;
        }
        for (size_t i = 0; i < rows; i++) {
            to[place[d][(from[i].key >> shift) & (RADIX - 1)]++] = from[i];
        }
        struct entry *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* Cuts the sorted known values into bins. A bin is closed between different values only, when it
 * has its share of the values that are left, or at once when there are bins enough for all. */
static void make_bins(const struct entry *sorted, size_t known, struct bin_feature *feature,
                      uint16_t *bins)
{
    size_t distinct = 0;
    for (size_t i = 0; i < known; i++) {
        distinct += i == 0 || sorted[i].key != sorted[i - 1].key;
    }
    bool exact = distinct <= BIN_MAX;
    size_t room = exact ? distinct : BIN_MAX, begin = 0;
    feature->bins = xcalloc(room, sizeof *feature->bins);
    while (begin < known) {
        size_t share = exact ? 1 : (known - begin - 1) / (room - feature->count) + 1;
        size_t end = begin + share;
        while (end < known && sorted[end].key == sorted[end - 1].key) {
            end++;
        }
        assert(feature->count < room);
        for (size_t i = begin; i < end; i++) {
            bins[sorted[i].row] = (uint16_t)feature->count;
        }
        feature->bins[feature->count++] =
            (struct bin){key_value(sorted[begin].key), key_value(sorted[end - 1].key)};
        begin = end;
    }
}

/* Ranks one feature; `one` and `other` are scratch memory, keys[rows] its sort keys. */
static void bin_feature(struct bin_table *table, size_t index, const uint32_t *keys,
                        struct entry *one, struct entry *other)
{
    size_t rows = table->rows, known;
    for (size_t i = 0; i < rows; i++) {
        one[i] = (struct entry){keys[i], (uint32_t)i};
    }
    const struct entry *sorted = radix_sort(one, other, rows);
    uint16_t *bins = table->bins + index * rows;
    for (known = rows; known > 0 && sorted[known - 1].key == UINT32_MAX; known--) {
        bins[sorted[known - 1].row] = BIN_MISSING;
    }
    table->features[index].missing = known < rows;
    make_bins(sorted, known, &table->features[index], bins);
}

static void bin_group(void *context, size_t index, unsigned worker)
{
    const struct binning *job = context;
    const struct forest_data *data = job->data;
    struct bin_table *table = job->table;
    size_t rows = data->rows, first = index * job->group, left = data->features - first;
    size_t count = left < job->group ? left : job->group;
    if (!job->scratch[worker]) {
        job->scratch[worker] =
            xcalloc(rows, 2 * sizeof(struct entry) + job->group * sizeof(uint32_t));
    }
    struct entry *one = job->scratch[worker], *other = one + rows;
    uint32_t *keys = (uint32_t *)(other + rows);
    for (size_t i = 0; i < rows; i++) {
        const float *x = data->x + (size_t)table->row[i] * data->features + first;
        size_t ahead = i + AHEAD < rows ? i + AHEAD : i;
        __builtin_prefetch(data->x + (size_t)table->row[ahead] * data->features + first);
        for (size_t f = 0; f < count; f++) {
            keys[f * rows + i] = sort_key(x[f]);
        }
    }
    for (size_t f = 0; f < count; f++) {
        bin_feature(table, first + f, keys + f * rows, one, other);
    }
}

/* Puts the rows class by class, in each class in the caller's order. */
static void order_by_class(struct bin_table *table, const int *y)
{
    uint32_t *begin = table->class_begin;
    for (size_t row = 0; row < table->rows; row++) {
        begin[y[row] + 1]++;
    }
    for (size_t c = 0; c < table->classes; c++) {
        begin[c + 1] += begin[c];
    }
    for (size_t row = 0; row < table->rows; row++) {
        table->row[begin[y[row]]++] = (uint32_t)row; /* afterwards begin[c] is the end of c */
    }
    memmove(begin + 1, begin, table->classes * sizeof *begin);
    begin[0] = 0;
}

/* ---- rows that are alike ---- */

struct hashing {
    const struct bin_table *table;
    uint64_t *hashes; /* [rows] */
};

/* The hashes of a block of rows, over all their bins. */
static void hash_block(void *context, size_t block, unsigned worker)
{
    const struct hashing *job = context;
    size_t rows = job->table->rows, begin = block * HASHED_ROWS;
    size_t end = begin + HASHED_ROWS < rows ? begin + HASHED_ROWS : rows;
    (void)worker;
    for (size_t f = 0; f < job->table->feature_count; f++) {
        const uint16_t *bins = job->table->bins + f * rows;
        for (size_t i = begin; i < end; i++) {
            job->hashes[i] = (job->hashes[i] + bins[i] + 1) * UINT64_C(0x9e3779b97f4a7c15);
        }
    }
}

/* first[rows]: the first row of the same class that has the same hash. Returns how many rows are
 * not their own first one. */
static size_t find_same_hash(const struct bin_table *table, unsigned threads, uint32_t *first)
{
    size_t rows = table->rows, alike = 0;
    uint64_t *hashes = xcalloc(rows, sizeof *hashes);
    struct entry *one = xcalloc(rows, 2 * sizeof *one), *other = one + rows;
    parallel_for(threads, (rows - 1) / HASHED_ROWS + 1, hash_block,
                 &(struct hashing){table, hashes});
    for (size_t c = 0; c < table->classes; c++) {
        size_t begin = table->class_begin[c], count = table->class_begin[c + 1] - begin;
        for (size_t i = 0; i < count; i++) {
            one[i] = (struct entry){(uint32_t)(hashes[begin + i] >> 32), (uint32_t)(begin + i)};
        }
        const struct entry *sorted = count > 1 ? radix_sort(one, other, count) : one;
        for (size_t i = 0; i < count; i++) { /* the sort is stable: the first row comes first */
            bool same = i > 0 && sorted[i].key == sorted[i - 1].key;
            first[sorted[i].row] = same ? first[sorted[i - 1].row] : sorted[i].row;
            alike += same;
        }
    }
    free(hashes);
    free(one);
    return alike;
}

/* Makes rows that differ from their first one first rows themselves; returns how many do not. */
static size_t check_first(const struct bin_table *table, uint32_t *first)
{
    size_t rows = table->rows, alike = 0;
    for (size_t f = 0; f < table->feature_count; f++) {
        const uint16_t *bins = table->bins + f * rows;
        for (size_t i = 0; i < rows; i++) {
            first[i] = bins[i] == bins[first[i]] ? first[i] : (uint32_t)i;
        }
    }
    for (size_t i = 0; i < rows; i++) {
        alike += first[i] != i;
    }
    return alike;
}

/* Keeps the rows that are their own first row. old[kept] and merged[rows] are filled: from new
 * numbers to old ones and back. Returns their number. */
static size_t number_rows(struct bin_table *table, const uint32_t *first, uint32_t *old,
                          uint32_t *merged)
{
    size_t kept = 0, i = 0;
    for (size_t c = 0; c < table->classes; c++) {
        for (; i < table->class_begin[c + 1]; i++) {
            merged[i] = first[i] == i ? (uint32_t)kept : merged[first[i]];
            old[kept] = (uint32_t)i;
            kept += first[i] == i;
        }
        table->class_begin[c + 1] = (uint32_t)kept;
    }
    return kept;
}

static void merge_rows(struct bin_table *table, const uint32_t *first)
{
    size_t rows = table->rows;
    uint32_t *begin = table->row_begin, *row = xcalloc(rows, sizeof *row);
    uint32_t *old = xcalloc(rows + 1, 2 * sizeof *old), *merged = old + rows + 1;
    size_t kept = number_rows(table, first, old, merged);
    for (size_t f = 0; f < table->feature_count; f++) { /* forward: nothing unread is written to */
        for (size_t k = 0; k < kept; k++) {
            table->bins[f * kept + k] = table->bins[f * rows + old[k]];
        }
    }
    memset(begin, 0, (rows + 1) * sizeof *begin);
    for (size_t i = 0; i < rows; i++) {
        begin[merged[i] + 1]++;
    }
    for (size_t k = 0; k < kept; k++) {
        begin[k + 1] += begin[k];
    }
    for (size_t i = 0; i < rows; i++) {
        row[begin[merged[i]]++] = table->row[i]; /* afterwards begin[k] is the end of k */
    }
    memmove(begin + 1, begin, kept * sizeof *begin);
    begin[0] = 0;
    free(table->row);
    free(old);
    table->row = row;
    table->rows = kept;
}

/* One row for rows of a class that are alike in every bin, if that makes the table much shorter. */
static void merge_alike(struct bin_table *table, unsigned threads)
{
    uint32_t *first = xcalloc(table->rows, sizeof *first);
    size_t many = table->rows / MANY_ALIKE;
    if (find_same_hash(table, threads, first) > many && check_first(table, first) > many) {
        merge_rows(table, first);
    }
    free(first);
}

void bin_table_init(struct bin_table *table, const struct forest_data *data, unsigned threads)
{
    threads = parallel_threads(threads);
    *table = (struct bin_table){
        .bins = xcalloc(data->rows * data->features + KEYS_PADDING, sizeof *table->bins),
        .features = xcalloc(data->features, sizeof *table->features),
        .rows = data->rows,
        .source_rows = data->rows,
        .feature_count = data->features,
        .classes = (size_t)data->classes,
        .row = xcalloc(data->rows, sizeof *table->row),
        .row_begin = xcalloc(data->rows + 1, sizeof *table->row_begin),
        .class_begin = xcalloc((size_t)data->classes + 1, sizeof *table->class_begin),
    };
    struct binning job = {
        .table = table, .data = data, .scratch = xcalloc(threads, sizeof(struct entry *))};
    job.group = data->features / LEAST_GROUPS / threads;
    job.group = job.group < 1 ? 1 : job.group > MAX_GROUP ? MAX_GROUP : job.group;
    order_by_class(table, data->y);
    parallel_for(threads, (data->features - 1) / job.group + 1, bin_group, &job);
    for (unsigned w = 0; w < threads; w++) {
        free(job.scratch[w]);
    }
    free(job.scratch);
    for (size_t i = 0; i <= data->rows; i++) {
        table->row_begin[i] = (uint32_t)i;
    }
    merge_alike(table, threads);
}

void bin_table_release(struct bin_table *table)
{
    for (size_t f = 0; table->features && f < table->feature_count; f++) {
        free(table->features[f].bins);
    }
    free(table->bins);
    free(table->features);
    free(table->row);
    free(table->row_begin);
    free(table->class_begin);
    *table = (struct bin_table){0};
}
