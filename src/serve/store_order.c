/* Rows in an order, without a sorted copy of the table: a page is found by counting keys into
 * buckets and looking closer only into the buckets where the page begins and ends (as quickselect
 * does, many ways at once); all rows are sorted by the digits of their keys (radix sort). Both keep
 * equal keys in the order of rows, which is that of the vins. Memory only. */
#include "serve/store_data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKET_BITS = 12,
    BUCKETS = 1 << BUCKET_BITS,
    NULL_BUCKET = BUCKETS,
    FEW = 1024, /* so many are sorted by comparing */
    DIGIT_BITS = 16,
    DIGITS = 1 << DIGIT_BITS,
};

/* ---- keys ---- */

/* An order's keys: 0 .. range, PACKED_NULL for NULL. */
struct keys {
    const struct store *store;
    struct sort_order order;
    uint64_t range;
};

/* How many keys a column of numbers needs, less one. */
static uint64_t column_range(const struct packed *packed)
{
    return packed->nulls < packed->rows ? packed->high - packed->low : 0;
}

static struct keys keys_of(const struct store *store, struct sort_order order)
{
    struct keys keys = {.store = store, .order = order};
    if (order.key == 0) {
        /* A probability's bits are less than 2^62 apart, so that four times as many fit. */
        keys.range = STATUT_COUNT * (column_range(&store->columns[REPORTING_PROB_PANNE]) + 1) - 1;
    } else if (order.key - 1 == REPORTING_VIN) {
        keys.range = store->rows;
    } else {
        keys.range = column_range(&store->columns[order.key - 1]);
    }
    return keys;
}

/* Keys of most urgent first: calm ones behind, then less probable ones. */
static void urgency_keys(const struct store *store, size_t first, size_t count, uint64_t *out)
{
    const struct packed *prob = &store->columns[REPORTING_PROB_PANNE];
    double statuts[ROWS_A_BLOCK];
    uint64_t each = column_range(prob) + 1;
    packed_values(&store->columns[REPORTING_STATUT], first, count, statuts);
    packed_keys(prob, first, count, out);
    for (size_t i = 0; i < count; i++) {
        uint64_t calm = STATUT_COUNT - 1 - (uint64_t)statuts[i];
        out[i] = calm * each + (prob->high - out[i]);
    }
}

/* The keys of up to ROWS_A_BLOCK rows, ascending in the order asked for. */
static void find_keys(const struct keys *keys, size_t first, size_t count, uint64_t *out)
{
    uint64_t low = 0;
    if (keys->order.key == 0) {
        urgency_keys(keys->store, first, count, out);
    } else if (keys->order.key - 1 == REPORTING_VIN) {
        for (size_t i = 0; i < count; i++) {
            out[i] = first + i;
        }
    } else {
        const struct packed *packed = &keys->store->columns[keys->order.key - 1];
        low = packed->low;
        packed_keys(packed, first, count, out);
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t key = keys->order.descending ? keys->range - (out[i] - low) : out[i] - low;
        out[i] = out[i] == PACKED_NULL ? PACKED_NULL : key;
    }
}

static uint64_t find_key(const struct keys *keys, size_t row)
{
    uint64_t key;
    find_keys(keys, row, 1, &key);
    return key;
}

/* ---- a page ---- */

struct keyed {
    uint64_t key;
    uint32_t row;
};

/* Rows in ascending order on their way to a page: of a set of bits or, when `list` is not NULL, of
 * a list. Their keys that are not NULL lie in low .. low + range. */
struct source {
    const struct keys *keys;
    const uint64_t *bits;
    const struct keyed *list;
    size_t list_count;
    uint64_t low, range;
};

static size_t source_blocks(const struct source *source)
{
    size_t rows = source->list ? source->list_count : source->keys->store->rows;
    return (rows + ROWS_A_BLOCK - 1) / ROWS_A_BLOCK;
}

/* The rows of one block with their keys; how many. */
static size_t source_rows(const struct source *source, size_t block, struct keyed out[ROWS_A_BLOCK])
{
    uint32_t rows[ROWS_A_BLOCK];
    uint64_t keys[ROWS_A_BLOCK];
    size_t first = block * ROWS_A_BLOCK;
    size_t all = source->list ? source->list_count : source->keys->store->rows;
    size_t left = all - first < ROWS_A_BLOCK ? all - first : ROWS_A_BLOCK;
    if (source->list) {
        memcpy(out, source->list + first, left * sizeof *out);
        return left;
    }
    size_t count = bits_rows(source->bits, all, block, rows);
    if (count > 0) { /* the keys of the whole block, then those that are wanted */
        find_keys(source->keys, first, left, keys);
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct keyed){keys[rows[i] - first], rows[i]};
    }
    return count;
}

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a;
    const struct keyed *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

struct buckets {
    uint64_t low;
    unsigned shift;
    size_t counts[BUCKETS + 1]; /* the last one: NULL */
};

static size_t bucket_of(const struct buckets *buckets, uint64_t key)
{
    return key == PACKED_NULL ? NULL_BUCKET : (size_t)((key - buckets->low) >> buckets->shift);
}

static void count_buckets(const struct source *source, struct buckets *buckets)
{
    struct keyed rows[ROWS_A_BLOCK];
    *buckets = (struct buckets){.low = source->low};
    while (source->range >> buckets->shift >= BUCKETS) {
        buckets->shift++;
    }
    for (size_t b = 0; b < source_blocks(source); b++) {
        size_t count = source_rows(source, b, rows);
        for (size_t i = 0; i < count; i++) {
            buckets->counts[bucket_of(buckets, rows[i].key)]++;
        }
    }
}

/* Every bucket holds one key only: each row's place is its bucket's start and those before it. */
static void place_exactly(const struct source *source, struct buckets *buckets, size_t offset,
                          size_t count, uint32_t *out)
{
    struct keyed rows[ROWS_A_BLOCK];
    size_t start = 0;
    for (size_t b = 0; b <= NULL_BUCKET; b++) {
        size_t here = buckets->counts[b];
        buckets->counts[b] = start;
        start += here;
    }
    for (size_t b = 0; b < source_blocks(source); b++) {
        size_t found = source_rows(source, b, rows);
        for (size_t i = 0; i < found; i++) {
            size_t place = buckets->counts[bucket_of(buckets, rows[i].key)]++;
            if (place >= offset && place - offset < count) {
                out[place - offset] = rows[i].row;
            }
        }
    }
}

static void slice(const struct source *source, size_t offset, size_t count, uint32_t *out);

/* The rows of some buckets, and which of them, in order, belong to the page. */
struct part {
    size_t from, to; /* buckets */
    struct keyed *list;
    size_t count;         /* of the list */
    size_t offset, taken; /* of the list in order; `taken` rows */
};

static void gather(const struct source *source, const struct buckets *buckets, struct part parts[3])
{
    struct keyed rows[ROWS_A_BLOCK];
    for (size_t b = 0; b < source_blocks(source); b++) {
        size_t found = source_rows(source, b, rows);
        for (size_t i = 0; i < found; i++) {
            size_t bucket = bucket_of(buckets, rows[i].key);
            if (bucket < parts[0].from || bucket > parts[2].to) {
                continue;
            }
            struct part *part = bucket <= parts[0].to    ? &parts[0]
                                : bucket < parts[2].from ? &parts[1]
                                                         : &parts[2];
            part->list[part->count++] = rows[i];
        }
    }
}

/* Writes what the page takes of a part; returns the end. */
static uint32_t *slice_part(const struct source *source, const struct part *part, uint32_t *out)
{
    struct source inner = {.keys = source->keys, .list = part->list, .list_count = part->count};
    uint64_t high = 0;
    inner.low = PACKED_NULL;
    for (size_t i = 0; i < part->count; i++) {
        uint64_t key = part->list[i].key;
        inner.low = key < inner.low ? key : inner.low;
        high = key != PACKED_NULL && key > high ? key : high;
    }
    if (part->count > FEW && inner.low < high) {
        inner.range = high - inner.low;
        slice(&inner, part->offset, part->taken, out);
        return out + part->taken;
    }
    if (part->count <= FEW) { /* else they are all the same, and in the order of rows */
        qsort(part->list, part->count, sizeof *part->list, compare_keyed);
    }
    for (size_t i = 0; i < part->taken; i++) {
        *out++ = part->list[part->offset + i].row;
    }
    return out;
}

/* Splits the page into where its first bucket ends, where its last begins, and what lies between.
 * A bucket at an end may hold far more rows than the page; its keys are 1 / BUCKETS of the range.
 */
static void slice_buckets(const struct source *source, const struct buckets *buckets, size_t offset,
                          size_t count, uint32_t *out)
{
    struct part parts[3] = {0};
    size_t start = 0;
    size_t first = 0;
    while (start + buckets->counts[first] <= offset) {
        start += buckets->counts[first++];
    }
    size_t ahead = start + buckets->counts[first] - offset; /* rows of the page that may be in it */
    size_t last = first;
    size_t last_start = start;
    while (last_start + buckets->counts[last] < offset + count) {
        last_start += buckets->counts[last++];
    }
    parts[0] = (struct part){.from = first, .to = first, .offset = offset - start};
    parts[0].taken = ahead < count ? ahead : count;
    parts[2] = (struct part){.from = last, .to = last};
    if (last > first) {
        parts[1].taken = last_start - (start + buckets->counts[first]);
        parts[2].taken = count - parts[0].taken - parts[1].taken;
    }
    for (size_t p = 0; p < 3; p++) {
        size_t room = p == 1                    ? parts[1].taken
                      : p == 2 && last == first ? 0
                                                : buckets->counts[parts[p].from];
        parts[p].list = xcalloc(room, sizeof *parts[p].list);
    }
    gather(source, buckets, parts);
    for (size_t p = 0; p < 3; p++) {
        out = slice_part(source, &parts[p], out);
        free(parts[p].list);
    }
}

/* Rows at places offset .. offset + count - 1 of the source in order; they are there, count > 0. */
static void slice(const struct source *source, size_t offset, size_t count, uint32_t *out)
{
    struct buckets *buckets = xcalloc(1, sizeof *buckets);
    count_buckets(source, buckets);
    if (buckets->shift == 0) {
        place_exactly(source, buckets, offset, count, out);
    } else {
        slice_buckets(source, buckets, offset, count, out);
    }
    free(buckets);
}

size_t store_slice(const struct store *store, const uint64_t *bits, struct sort_order order,
                   size_t offset, size_t count, uint32_t *out)
{
    struct keys keys = keys_of(store, order);
    struct source source = {.keys = &keys, .bits = bits, .range = keys.range};
    size_t total = bits_count(bits, store->rows);
    if (offset >= total) {
        return 0;
    }
    count = total - offset < count ? total - offset : count;
    assert(count <= FEW);
    if (count > 0) {
        slice(&source, offset, count, out);
    }
    return count;
}

/* ---- all rows ---- */

/* The digit of a key; NULLs have the largest in every pass. */
static size_t digit_of(uint64_t key, unsigned shift)
{
    return key == PACKED_NULL ? DIGITS : (size_t)(key >> shift & (DIGITS - 1));
}

void store_sort(const struct store *store, const uint64_t *bits, struct sort_order order,
                uint32_t *out)
{
    struct keys keys = keys_of(store, order);
    size_t total = 0;
    for (size_t b = 0; b * ROWS_A_BLOCK < store->rows; b++) {
        uint32_t rows[ROWS_A_BLOCK];
        size_t found = bits_rows(bits, store->rows, b, rows);
        memcpy(out + total, rows, found * sizeof *out);
        total += found;
    }
    uint32_t *other = xcalloc(total, sizeof *other);
    size_t *starts = xcalloc(DIGITS + 2, sizeof *starts);
    for (unsigned shift = 0; shift < 64 && (shift == 0 || keys.range >> shift > 0);
         shift += DIGIT_BITS) {
        memset(starts, 0, (DIGITS + 2) * sizeof *starts);
        for (size_t i = 0; i < total; i++) {
            starts[digit_of(find_key(&keys, out[i]), shift) + 1]++;
        }
        for (size_t d = 0; d <= DIGITS; d++) {
            starts[d + 1] += starts[d];
        }
        for (size_t i = 0; i < total; i++) {
            other[starts[digit_of(find_key(&keys, out[i]), shift)]++] = out[i];
        }
        memcpy(out, other, total * sizeof *out);
    }
    free(other);
    free(starts);
}

/* ---- one vehicle's place ---- */

struct vehicle_place store_place(const struct store *store, const struct selection *selection,
                                 struct sort_order order, size_t row)
{
    struct keys keys = keys_of(store, order);
    struct vehicle_place place = {.previous = NO_ROW, .next = NO_ROW};
    uint64_t *bits = store_filter(store, selection);
    struct source source = {.keys = &keys, .bits = bits};
    const struct keyed mine = {find_key(&keys, row), (uint32_t)row};
    struct keyed before = {0};
    struct keyed behind = {0};
    struct keyed rows[ROWS_A_BLOCK];
    size_t rank = 0;
    place.total = bits_count(bits, store->rows);
    bool selected = (bits[row / 64] >> row % 64 & 1) != 0;
    for (size_t b = 0; selected && b < source_blocks(&source); b++) {
        size_t count = source_rows(&source, b, rows);
        for (size_t i = 0; i < count; i++) {
            int order_of = compare_keyed(&rows[i], &mine);
            rank += order_of < 0;
            if (order_of < 0 &&
                (place.previous == NO_ROW || compare_keyed(&rows[i], &before) > 0)) {
                before = rows[i];
                place.previous = before.row;
            } else if (order_of > 0 &&
                       (place.next == NO_ROW || compare_keyed(&rows[i], &behind) < 0)) {
                behind = rows[i];
                place.next = behind.row;
            }
        }
    }
    place.position = selected ? rank + 1 : 0;
    free(bits);
    return place;
}
