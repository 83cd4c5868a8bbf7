/* Rows in an order, without a sorted copy of the table. A page is found by counting keys into
 * buckets and looking closer only into the buckets where the page begins and ends (quickselect with
 * many ways at once); every look is one scan of a packed column. All rows are sorted by the digits
 * of their keys (radix sort). Both keep equal keys in the order of rows, which is that of the vins.
 * Memory only. */
#include "serve/store_data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORD = 64,
    COARSE_BUCKETS = 4096, /* of a range that has no bucket for each key: they stay in the cache */
    FEW = 4096,            /* so many rows are sorted by comparing */
    DIGIT_BITS = 16,
    DIGITS = 1 << DIGIT_BITS,
};

static const struct packed *column_of(const struct store *store, struct sort_order order)
{
    assert(order.key - 1 != REPORTING_VIN);
    return order.key == 0 ? &store->urgence : &store->columns[order.key - 1];
}

static bool is_by_vin(struct sort_order order)
{
    return order.key == REPORTING_VIN + 1;
}

/* A key that ascends in the order asked for; NULL last. */
static uint64_t ordered(const struct packed *packed, bool descending, uint64_t key)
{
    if (key == PACKED_NULL) {
        return PACKED_NULL;
    }
    return descending ? packed->high - key : key - packed->low;
}

/* ---- by vin: rows as they are ---- */

/* The rows at places offset .. offset + count - 1 of the set, ascending. */
static void slice_rows(const struct store *store, const uint64_t *bits, size_t offset, size_t count,
                       uint32_t *out)
{
    uint32_t rows[ROWS_A_BLOCK];
    size_t passed = 0;
    for (size_t b = 0; passed < offset + count; b++) {
        size_t found = bits_rows(bits, store->rows, b, rows);
        for (size_t i = 0; i < found; i++, passed++) {
            if (passed >= offset && passed - offset < count) {
                out[passed - offset] = rows[i];
            }
        }
    }
}

static void reverse(uint32_t *rows, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        uint32_t row = rows[i];
        rows[i] = rows[count - 1 - i];
        rows[count - 1 - i] = row;
    }
}

/* ---- a page: scans ---- */

struct paging {
    const struct store *store;
    const uint64_t *bits;
    const struct packed *packed;
    bool descending;
};

/* One block of rows and their buckets. */
struct scan {
    uint16_t buckets[ROWS_A_BLOCK];
    size_t first, count;
};

static bool scan_block(const struct paging *paging, const struct key_window *window, size_t block,
                       struct scan *scan)
{
    scan->first = block * ROWS_A_BLOCK;
    if (scan->first >= paging->store->rows) {
        return false;
    }
    size_t left = paging->store->rows - scan->first;
    scan->count = left < ROWS_A_BLOCK ? left : ROWS_A_BLOCK;
    packed_buckets(paging->packed, scan->first, scan->count, window, scan->buckets);
    return true;
}

/* The bits of the rows first .. first + WORD - 1 (`left` of them are there). */
static uint64_t selected(const struct paging *paging, size_t first, size_t left)
{
    uint64_t all = left < WORD ? (UINT64_C(1) << left) - 1 : UINT64_MAX;
    return paging->bits ? paging->bits[first / WORD] & all : all;
}

/* counts[bucket] of the set's rows. */
static void count_buckets(const struct paging *paging, const struct key_window *window,
                          uint32_t *counts)
{
    struct scan scan;
    for (size_t block = 0; scan_block(paging, window, block, &scan); block++) {
        for (size_t i = 0; i < scan.count; i += WORD) {
            size_t left = scan.count - i;
            uint64_t word = selected(paging, scan.first + i, left);
            if (word == UINT64_MAX) {
                for (size_t j = 0; j < WORD; j++) {
                    counts[scan.buckets[i + j]]++;
                }
            } else {
                for (; word != 0; word &= word - 1) {
                    counts[scan.buckets[i + (size_t)__builtin_ctzll(word)]]++;
                }
            }
        }
    }
}

/* The bits of those of up to WORD buckets that lie in from .. to. */
static uint64_t inside(const uint16_t *buckets, size_t count, uint32_t from, uint32_t to)
{
    uint64_t word = 0;
    unsigned any = 0;
    for (size_t i = 0; i < count; i++) { /* most have none, and this is quick */
        any |= buckets[i] - from <= to - from;
    }
    for (size_t i = 0; any && i < count; i++) {
        word |= (uint64_t)(buckets[i] - from <= to - from) << i;
    }
    return word;
}

struct keyed {
    uint64_t key; /* ascending in the order asked for */
    uint32_t row;
};

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a;
    const struct keyed *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

/* What a page takes from the rows of some buckets: `taken` rows from place `offset` on. */
struct part {
    uint32_t from, to; /* buckets, from <= to */
    size_t rows;       /* in them */
    size_t offset, taken;
};

/* Few rows: sorts them. */
static void slice_few(const struct paging *paging, const struct key_window *window,
                      const struct part *part, uint32_t *out)
{
    struct scan scan;
    struct keyed *list = xcalloc(part->rows, sizeof *list);
    size_t found = 0;
    for (size_t block = 0; found < part->rows && scan_block(paging, window, block, &scan);
         block++) {
        for (size_t i = 0; i < scan.count; i += WORD) {
            size_t left = scan.count - i < WORD ? scan.count - i : WORD;
            uint64_t word = selected(paging, scan.first + i, left);
            word &= word != 0 ? inside(scan.buckets + i, left, part->from, part->to) : 0;
            for (; word != 0; word &= word - 1) {
                size_t row = scan.first + i + (size_t)__builtin_ctzll(word);
                uint64_t key = packed_key(paging->packed, row);
                list[found++] =
                    (struct keyed){ordered(paging->packed, paging->descending, key), (uint32_t)row};
            }
        }
    }
    assert(found == part->rows);
    qsort(list, found, sizeof *list, compare_keyed);
    for (size_t i = 0; i < part->taken; i++) {
        out[i] = list[part->offset + i].row;
    }
    free(list);
}

/* Many rows with the same key: they stand in the order of rows. */
static void slice_equal(const struct paging *paging, const struct key_window *window,
                        const struct part *part, uint32_t *out)
{
    struct scan scan;
    size_t passed = 0;
    size_t end = part->offset + part->taken;
    for (size_t block = 0; passed < end && scan_block(paging, window, block, &scan); block++) {
        for (size_t i = 0; i < scan.count; i += WORD) {
            size_t left = scan.count - i < WORD ? scan.count - i : WORD;
            uint64_t word = selected(paging, scan.first + i, left);
            word &= word != 0 ? inside(scan.buckets + i, left, part->from, part->to) : 0;
            for (; word != 0; word &= word - 1, passed++) {
                if (passed >= part->offset && passed < end) {
                    out[passed - part->offset] =
                        (uint32_t)(scan.first + i + (size_t)__builtin_ctzll(word));
                }
            }
        }
    }
}

/* ---- a page: which buckets ---- */

static void slice(const struct paging *paging, const struct key_window *window, size_t offset,
                  size_t count, uint32_t *out);

/* The buckets of keys low .. high: one a key when there are not too many. */
static struct key_window window_of(uint64_t low, uint64_t high, bool nulls)
{
    struct key_window window = {.low = low, .nulls = nulls};
    uint64_t range = high - low;
    while (range >= BUCKETS_AT_MOST && range >> window.shift >= COARSE_BUCKETS) {
        window.shift++;
    }
    window.buckets = (uint32_t)(range >> window.shift) + 1;
    return window;
}

/* The bucket at a place in the order asked for; NULL's is the last. */
static uint32_t bucket_at(const struct paging *paging, const struct key_window *window,
                          uint32_t place)
{
    if (place >= window->buckets) {
        return BUCKET_NULL;
    }
    return paging->descending ? window->buckets - 1 - place : place;
}

static void slice_part(const struct paging *paging, const struct key_window *window,
                       const struct part *part, uint32_t *out)
{
    if (part->taken == 0) {
        return;
    }
    if (part->rows <= FEW) {
        slice_few(paging, window, part, out);
    } else if (window->shift == 0 || part->from == BUCKET_NULL) {
        slice_equal(paging, window, part, out);
    } else { /* look closer */
        uint64_t low = window->low + ((uint64_t)part->from << window->shift);
        uint64_t high = low + ((UINT64_C(1) << window->shift) - 1);
        high = high > paging->packed->high ? paging->packed->high : high;
        struct key_window closer = window_of(low, high, false);
        slice(paging, &closer, part->offset, part->taken, out);
    }
}

/* Rows at places offset .. offset + count - 1 of those of the set that lie in the window; they are
 * there, and count > 0. */
static void slice(const struct paging *paging, const struct key_window *window, size_t offset,
                  size_t count, uint32_t *out)
{
    uint32_t *counts = xcalloc(BUCKET_OUTSIDE + 1, sizeof *counts);
    count_buckets(paging, window, counts);
    uint32_t first = 0;
    size_t start = 0; /* rows before the bucket `first` */
    while (start + counts[bucket_at(paging, window, first)] <= offset) {
        start += counts[bucket_at(paging, window, first++)];
    }
    uint32_t last = first;
    size_t last_start = start;
    while (last_start + counts[bucket_at(paging, window, last)] < offset + count) {
        last_start += counts[bucket_at(paging, window, last++)];
    }
    /* Where the page begins, what lies between, where it ends. */
    struct part parts[3] = {{.offset = offset - start}};
    for (int p = 0; p < 3; p += 2) {
        parts[p].from = parts[p].to = bucket_at(paging, window, p == 0 ? first : last);
        parts[p].rows = counts[parts[p].from];
    }
    size_t ahead = parts[0].rows - parts[0].offset;
    parts[0].taken = ahead < count ? ahead : count;
    if (last > first) {
        parts[2].taken = offset + count - last_start;
        parts[1].taken = parts[1].rows = count - parts[0].taken - parts[2].taken;
    }
    if (parts[1].rows > 0) { /* no NULLs: they come last */
        uint32_t a = bucket_at(paging, window, first + 1);
        uint32_t b = bucket_at(paging, window, last - 1);
        parts[1].from = a < b ? a : b;
        parts[1].to = a < b ? b : a;
    }
    free(counts);
    for (int p = 0; p < 3; p++) {
        slice_part(paging, window, &parts[p], out);
        out += parts[p].taken;
    }
}

size_t store_slice(const struct store *store, const uint64_t *bits, struct sort_order order,
                   size_t offset, size_t count, uint32_t *out)
{
    size_t total = bits_count(bits, store->rows);
    if (offset >= total || count == 0) {
        return 0;
    }
    count = total - offset < count ? total - offset : count;
    assert(count <= FEW);
    if (is_by_vin(order)) {
        slice_rows(store, bits, order.descending ? total - offset - count : offset, count, out);
        if (order.descending) {
            reverse(out, count);
        }
        return count;
    }
    const struct paging paging = {.store = store,
                                  .bits = bits,
                                  .packed = column_of(store, order),
                                  .descending = order.descending};
    struct key_window window = window_of(paging.packed->low, paging.packed->high, true);
    slice(&paging, &window, offset, count, out);
    return count;
}

/* ---- all rows ---- */

/* The digit of a key; NULLs have the largest in every pass. */
static size_t digit_of(uint64_t key, unsigned shift)
{
    return key == PACKED_NULL ? DIGITS : (size_t)(key >> shift & (DIGITS - 1));
}

/* Sorts rows by a column, stable. */
static void sort_rows(const struct packed *packed, bool descending, uint32_t *rows, size_t count)
{
    uint32_t *other = xcalloc(count, sizeof *other);
    size_t *starts = xcalloc(DIGITS + 2, sizeof *starts);
    for (unsigned shift = 0; shift < 64 && (packed->high - packed->low) >> shift > 0;
         shift += DIGIT_BITS) {
        memset(starts, 0, (DIGITS + 2) * sizeof *starts);
        for (size_t i = 0; i < count; i++) {
            uint64_t key = ordered(packed, descending, packed_key(packed, rows[i]));
            starts[digit_of(key, shift) + 1]++;
        }
        for (size_t d = 0; d <= DIGITS; d++) {
            starts[d + 1] += starts[d];
        }
        for (size_t i = 0; i < count; i++) {
            uint64_t key = ordered(packed, descending, packed_key(packed, rows[i]));
            other[starts[digit_of(key, shift)]++] = rows[i];
        }
        memcpy(rows, other, count * sizeof *rows);
    }
    free(other);
    free(starts);
}

void store_sort(const struct store *store, const uint64_t *bits, struct sort_order order,
                uint32_t *out)
{
    uint32_t rows[ROWS_A_BLOCK];
    size_t total = 0;
    for (size_t b = 0; b * ROWS_A_BLOCK < store->rows; b++) {
        size_t found = bits_rows(bits, store->rows, b, rows);
        memcpy(out + total, rows, found * sizeof *out);
        total += found;
    }
    if (!is_by_vin(order)) {
        sort_rows(column_of(store, order), order.descending, out, total);
    } else if (order.descending) {
        reverse(out, total);
    }
}

void store_rank_urgency(struct store *store)
{
    const struct packed *statut = &store->columns[REPORTING_STATUT];
    const struct packed *prob = &store->columns[REPORTING_PROB_PANNE];
    uint32_t *rows = xcalloc(store->rows, sizeof *rows);
    double *places = xcalloc(store->rows, sizeof *places);
    for (size_t r = 0; r < store->rows; r++) {
        rows[r] = (uint32_t)r;
    }
    sort_rows(prob, true, rows, store->rows); /* then by statut, which keeps this order */
    sort_rows(statut, true, rows, store->rows);
    double place = 0;
    for (size_t i = 0; i < store->rows; i++) {
        if (i > 0 && (packed_key(statut, rows[i]) != packed_key(statut, rows[i - 1]) ||
                      packed_key(prob, rows[i]) != packed_key(prob, rows[i - 1]))) {
            place++;
        }
        places[rows[i]] = place;
    }
    packed_make(&store->urgence, places, store->rows);
    free(places);
    free(rows);
}

/* ---- one vehicle's place ---- */

/* How many rows of the set stand before this row. */
static size_t rank_of(const struct store *store, const uint64_t *bits, struct sort_order order,
                      size_t row)
{
    uint32_t rows[ROWS_A_BLOCK];
    uint64_t keys[ROWS_A_BLOCK];
    const struct packed *packed = column_of(store, order);
    uint64_t mine = ordered(packed, order.descending, packed_key(packed, row));
    size_t rank = 0;
    for (size_t b = 0; b * ROWS_A_BLOCK < store->rows; b++) {
        size_t first = b * ROWS_A_BLOCK;
        size_t left = store->rows - first < ROWS_A_BLOCK ? store->rows - first : ROWS_A_BLOCK;
        size_t found = bits_rows(bits, store->rows, b, rows);
        if (found > 0) {
            packed_keys(packed, first, left, keys);
        }
        for (size_t i = 0; i < found; i++) {
            uint64_t key = ordered(packed, order.descending, keys[rows[i] - first]);
            rank += key < mine || (key == mine && rows[i] < row);
        }
    }
    return rank;
}

/* The same by vin: the rows before or behind it. */
static size_t rank_by_vin(const struct store *store, const uint64_t *bits, bool descending,
                          size_t row)
{
    size_t before = bits_count(bits, row / WORD * WORD);
    for (size_t r = row / WORD * WORD; r < row; r++) {
        before += bits[r / WORD] >> r % WORD & 1;
    }
    return descending ? bits_count(bits, store->rows) - before - 1 : before;
}

struct vehicle_place store_place(const struct store *store, const struct selection *selection,
                                 struct sort_order order, size_t row)
{
    struct vehicle_place place = {.previous = NO_ROW, .next = NO_ROW};
    uint64_t *bits = store_filter(store, selection);
    place.total = bits_count(bits, store->rows);
    if ((bits[row / WORD] >> row % WORD & 1) != 0) {
        uint32_t near[3]; /* the rows before, at and behind */
        size_t rank = is_by_vin(order) ? rank_by_vin(store, bits, order.descending, row)
                                       : rank_of(store, bits, order, row);
        size_t from = rank > 0 ? rank - 1 : 0;
        size_t found = store_slice(store, bits, order, from, 3, near);
        place.position = rank + 1;
        place.previous = rank > 0 ? near[0] : NO_ROW;
        place.next = rank - from + 1 < found ? near[rank - from + 1] : NO_ROW;
        assert(near[rank - from] == row);
    }
    free(bits);
    return place;
}
