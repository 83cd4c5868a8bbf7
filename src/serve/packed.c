/* Numbers in little memory; see packed.h. Memory only. */
#include "serve/packed.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NULL_8 = UINT8_MAX,
    NULL_16 = UINT16_MAX,
    DISTINCT_AT_MOST = BUCKETS_AT_MOST, /* so that each has a bucket of its own */
    SLOTS = 1 << 17,                    /* at most half full */
    DECIMALS_AT_MOST = 6,               /* gold rounds to six */
};

static const uint32_t NULL_32 = UINT32_MAX;
static const double EXACT_BELOW = 9007199254740992.0; /* 2^53 */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Bits that sort as doubles do. */
static uint64_t real_key(double value)
{
    uint64_t bits = bits_of(value);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* ---- dictionary ---- */

/* The different values seen, by open addressing: slots hold 1 + the place in `values`. */
struct distinct {
    uint32_t *slots; /* [SLOTS] */
    double *values;  /* [DISTINCT_AT_MOST], in order of appearance */
    size_t count;
};

/* The slot of a value: its own, or the free one where it would stand. */
static uint32_t *slot_of(const struct distinct *seen, double value)
{
    uint64_t hash = bits_of(value) * UINT64_C(0x9e3779b97f4a7c15);
    size_t place = (size_t)(hash >> 47); /* 17 bits */
    while (seen->slots[place] != 0 && seen->values[seen->slots[place] - 1] != value) {
        place = (place + 1) % SLOTS;
    }
    return &seen->slots[place];
}

/* Finds the different values; false when there are too many for a dictionary. */
static bool find_distinct(struct distinct *seen, const double *values, size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        if (isnan(values[r])) {
            continue;
        }
        uint32_t *slot = slot_of(seen, values[r]);
        if (*slot == 0) {
            if (seen->count == DISTINCT_AT_MOST) {
                return false;
            }
            seen->values[seen->count++] = values[r] + 0.0; /* -0 is 0 */
            *slot = (uint32_t)seen->count;
        }
    }
    return true;
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the dictionary; the slots then hold 1 + the code. */
static void sort_distinct(struct distinct *seen)
{
    qsort(seen->values, seen->count, sizeof *seen->values, compare_reals);
    memset(seen->slots, 0, SLOTS * sizeof *seen->slots);
    for (size_t i = 0; i < seen->count; i++) {
        *slot_of(seen, seen->values[i]) = (uint32_t)i + 1;
    }
}

static bool pack_by_dictionary(struct packed *packed, const double *values, size_t rows)
{
    struct distinct seen = {.slots = xcalloc(SLOTS, sizeof *seen.slots),
                            .values = xcalloc(DISTINCT_AT_MOST, sizeof *seen.values)};
    bool fits = find_distinct(&seen, values, rows);
    if (fits) {
        sort_distinct(&seen);
        packed->kind = seen.count <= NULL_8 ? PACKED_8 : PACKED_16;
        if (packed->kind == PACKED_8) {
            packed->data.codes8 = xcalloc(rows, sizeof *packed->data.codes8);
        } else {
            packed->data.codes16 = xcalloc(rows, sizeof *packed->data.codes16);
        }
        for (size_t r = 0; r < rows; r++) {
            uint32_t code = isnan(values[r]) ? NULL_16 : *slot_of(&seen, values[r]) - 1;
            if (packed->kind == PACKED_8) {
                packed->data.codes8[r] = (uint8_t)code; /* NULL_16 becomes NULL_8 */
            } else {
                packed->data.codes16[r] = (uint16_t)code;
            }
        }
        packed->distinct = seen.count;
        packed->dictionary = xcalloc(seen.count, sizeof *packed->dictionary);
        memcpy(packed->dictionary, seen.values, seen.count * sizeof *seen.values);
        packed->high = seen.count - 1;
    }
    free(seen.slots);
    free(seen.values);
    return fits;
}

/* ---- multiples of a power of ten ---- */

/* The fewest decimals with which all values are whole multiples; false when there is no such. */
static bool find_scale(const double *values, size_t rows, double *scale, double *low, double *high)
{
    int decimals = 0;
    *scale = 1;
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t r = 0; r < rows; r++) {
        double value = values[r];
        while (!isnan(value) && (fabs(value * *scale) >= EXACT_BELOW ||
                                 nearbyint(value * *scale) / *scale != value)) {
            if (++decimals > DECIMALS_AT_MOST) {
                return false;
            }
            *scale *= 10;
        }
        if (!isnan(value)) {
            *low = fmin(*low, value);
            *high = fmax(*high, value);
        }
    }
    return true;
}

static bool pack_by_scale(struct packed *packed, const double *values, size_t rows)
{
    double scale, low, high;
    if (!find_scale(values, rows, &scale, &low, &high)) {
        return false;
    }
    double base = nearbyint(low * scale);
    if (nearbyint(high * scale) - base >= NULL_32 || fabs(base) >= EXACT_BELOW) {
        return false;
    }
    uint32_t *codes = xcalloc(rows, sizeof *codes);
    for (size_t r = 0; r < rows; r++) {
        codes[r] = isnan(values[r]) ? NULL_32 : (uint32_t)(nearbyint(values[r] * scale) - base);
        if (!isnan(values[r]) && (base + codes[r]) / scale != values[r]) {
            free(codes);
            return false;
        }
    }
    packed->kind = PACKED_32;
    packed->data.codes32 = codes;
    packed->base = base;
    packed->scale = scale;
    packed->high = (uint64_t)(nearbyint(high * scale) - base);
    return true;
}

/* Sorts `order`, places in `keys`, by the keys; stable. LSD radix sort. */
static void sort_by_keys(const uint64_t *keys, uint32_t *order, size_t count)
{
    enum { DIGITS = 1 << 16 };
    uint32_t *other = xcalloc(count, sizeof *other);
    size_t *starts = xcalloc(DIGITS + 1, sizeof *starts);
    for (unsigned shift = 0; shift < 64; shift += 16) {
        memset(starts, 0, (DIGITS + 1) * sizeof *starts);
        for (size_t i = 0; i < count; i++) {
            starts[(keys[i] >> shift & (DIGITS - 1)) + 1]++;
        }
        for (size_t d = 0; d < DIGITS; d++) {
            starts[d + 1] += starts[d];
        }
        for (size_t i = 0; i < count; i++) {
            other[starts[keys[order[i]] >> shift & (DIGITS - 1)]++] = order[i];
        }
        memcpy(order, other, count * sizeof *order);
    }
    free(other);
    free(starts);
}

static void keep_reals(struct packed *packed, const double *values, size_t rows)
{
    uint64_t *keys = xcalloc(rows, sizeof *keys);
    uint32_t *order = xcalloc(rows, sizeof *order);
    packed->kind = PACKED_REAL;
    packed->data.real = xcalloc(rows, sizeof *packed->data.real);
    packed->ranks = xcalloc(rows, sizeof *packed->ranks);
    for (size_t r = 0; r < rows; r++) {
        packed->data.real[r] = values[r] + 0.0;
        keys[r] = isnan(values[r]) ? PACKED_NULL : real_key(values[r] + 0.0);
        order[r] = (uint32_t)r;
    }
    sort_by_keys(keys, order, rows);
    uint32_t rank = 0;
    for (size_t i = 0; i < rows; i++) {
        rank += i > 0 && keys[order[i]] != keys[order[i - 1]];
        packed->ranks[order[i]] = keys[order[i]] == PACKED_NULL ? NULL_32 : rank;
        packed->high = keys[order[i]] == PACKED_NULL ? packed->high : rank;
    }
    free(keys);
    free(order);
}

void packed_make(struct packed *packed, const double *values, size_t rows)
{
    *packed = (struct packed){.rows = rows};
    for (size_t r = 0; r < rows; r++) {
        packed->nulls += isnan(values[r]) ? 1 : 0;
    }
    if (packed->nulls < rows && !pack_by_dictionary(packed, values, rows) &&
        !pack_by_scale(packed, values, rows)) {
        keep_reals(packed, values, rows);
    }
}

void packed_release(struct packed *packed)
{
    free(packed->data.real); /* whatever it holds */
    free(packed->ranks);
    free(packed->dictionary);
    *packed = (struct packed){0};
}

size_t packed_bytes(const struct packed *packed)
{
    static const size_t sizes[] = {[PACKED_NOTHING] = 0,
                                   [PACKED_8] = 1,
                                   [PACKED_16] = 2,
                                   [PACKED_32] = 4,
                                   [PACKED_REAL] = sizeof(double) + sizeof(uint32_t)};
    return sizes[packed->kind] * packed->rows + packed->distinct * sizeof(double);
}

/* ---- reading ---- */

double packed_value(const struct packed *packed, size_t row)
{
    double value;
    packed_values(packed, row, 1, &value);
    return value;
}

void packed_values(const struct packed *packed, size_t first, size_t count, double *out)
{
    /* Copies: `out` cannot be these, but the compiler does not know. */
    const double *dictionary = packed->dictionary;
    const double base = packed->base;
    const double scale = packed->scale;
    switch (packed->kind) {
    case PACKED_NOTHING:
        for (size_t i = 0; i < count; i++) {
            out[i] = NAN;
        }
        break;
    case PACKED_8: {
        const uint8_t *codes = packed->data.codes8 + first;
        for (size_t i = 0; i < count; i++) {
            out[i] = codes[i] == NULL_8 ? NAN : dictionary[codes[i]];
        }
        break;
    }
    case PACKED_16: {
        const uint16_t *codes = packed->data.codes16 + first;
        for (size_t i = 0; i < count; i++) {
            out[i] = codes[i] == NULL_16 ? NAN : dictionary[codes[i]];
        }
        break;
    }
    case PACKED_32: {
        const uint32_t *codes = packed->data.codes32 + first;
        for (size_t i = 0; i < count; i++) {
            double value = (base + codes[i]) / scale;
            out[i] = codes[i] == NULL_32 ? NAN : value;
        }
        break;
    }
    case PACKED_REAL:
        memcpy(out, packed->data.real + first, count * sizeof *out);
        break;
    }
}

uint64_t packed_key(const struct packed *packed, size_t row)
{
    uint64_t key;
    packed_keys(packed, row, 1, &key);
    return key;
}

void packed_keys(const struct packed *packed, size_t first, size_t count, uint64_t *out)
{
    const uint32_t *codes;
    switch (packed->kind) {
    case PACKED_NOTHING:
        for (size_t i = 0; i < count; i++) {
            out[i] = PACKED_NULL;
        }
        break;
    case PACKED_8:
        for (size_t i = 0; i < count; i++) {
            uint8_t code = packed->data.codes8[first + i];
            out[i] = code == NULL_8 ? PACKED_NULL : code;
        }
        break;
    case PACKED_16:
        for (size_t i = 0; i < count; i++) {
            uint16_t code = packed->data.codes16[first + i];
            out[i] = code == NULL_16 ? PACKED_NULL : code;
        }
        break;
    case PACKED_32:
    case PACKED_REAL:
        codes = packed->kind == PACKED_32 ? packed->data.codes32 : packed->ranks;
        for (size_t i = 0; i < count; i++) {
            out[i] = codes[first + i] == NULL_32 ? PACKED_NULL : codes[first + i];
        }
        break;
    }
}

void packed_buckets(const struct packed *packed, size_t first, size_t count,
                    const struct key_window *window, uint16_t *out)
{
    const uint16_t of_null = window->nulls ? BUCKET_NULL : BUCKET_OUTSIDE;
    const uint32_t buckets = window->buckets;
    const unsigned shift = window->shift;
    const uint32_t low = (uint32_t)window->low;
    const uint32_t *codes;
    switch (packed->kind) {
    case PACKED_NOTHING:
        for (size_t i = 0; i < count; i++) {
            out[i] = of_null;
        }
        break;
    case PACKED_8:
        for (size_t i = 0; i < count; i++) {
            uint8_t code = packed->data.codes8[first + i];
            uint32_t bucket = (code - low) >> shift; /* below low: huge */
            out[i] = code == NULL_8     ? of_null
                     : bucket < buckets ? (uint16_t)bucket
                                        : BUCKET_OUTSIDE;
        }
        break;
    case PACKED_16:
        for (size_t i = 0; i < count; i++) {
            uint16_t code = packed->data.codes16[first + i];
            uint32_t bucket = (code - low) >> shift;
            out[i] = code == NULL_16    ? of_null
                     : bucket < buckets ? (uint16_t)bucket
                                        : BUCKET_OUTSIDE;
        }
        break;
    case PACKED_32:
    case PACKED_REAL:
        codes = packed->kind == PACKED_32 ? packed->data.codes32 : packed->ranks;
        for (size_t i = 0; i < count; i++) {
            uint32_t code = codes[first + i];
            uint32_t bucket = (code - low) >> shift;
            bool inside = code >= low && bucket < buckets;
            out[i] = code == NULL_32 ? of_null : inside ? (uint16_t)bucket : BUCKET_OUTSIDE;
        }
        break;
    }
}

/* ---- filtering ---- */

/* The word of bits of 64 rows (or fewer, at the end) that are wanted. */
static uint64_t wanted_bits(const struct packed *packed, const uint8_t *codes, size_t first,
                            size_t count, bool (*wanted)(const void *context, double value),
                            const void *context)
{
    uint64_t word = 0;
    double values[64];
    switch (packed->kind) {
    case PACKED_8:
        for (size_t i = 0; i < count; i++) {
            word |= (uint64_t)codes[packed->data.codes8[first + i]] << i;
        }
        break;
    case PACKED_16:
        for (size_t i = 0; i < count; i++) {
            word |= (uint64_t)codes[packed->data.codes16[first + i]] << i;
        }
        break;
    default:
        packed_values(packed, first, count, values);
        for (size_t i = 0; i < count; i++) {
            word |= (uint64_t)wanted(context, values[i]) << i;
        }
    }
    return word;
}

void packed_keep(const struct packed *packed, uint64_t *bits,
                 bool (*wanted)(const void *context, double value), const void *context)
{
    uint8_t *codes = xcalloc(UINT16_MAX + 1, sizeof *codes); /* wanted, by code */
    for (size_t code = 0; code < packed->distinct; code++) {
        codes[code] = wanted(context, packed->dictionary[code]);
    }
    codes[packed->kind == PACKED_8 ? NULL_8 : NULL_16] = wanted(context, NAN);
    for (size_t first = 0; first < packed->rows; first += 64) {
        size_t count = packed->rows - first < 64 ? packed->rows - first : 64;
        if (bits[first / 64] != 0) {
            bits[first / 64] &= wanted_bits(packed, codes, first, count, wanted, context);
        }
    }
    free(codes);
}
