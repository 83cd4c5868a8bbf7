/* A column of numbers in little memory, that can be sorted by: as codes of a sorted dictionary, as
 * whole multiples of a power of ten, or, when neither gives every value back to the last bit, as
 * they are. Domain-free; NULL is NaN outside. */
#ifndef SERVE_PACKED_H
#define SERVE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packing {
    PACKED_NOTHING, /* every value is NULL */
    PACKED_8,       /* codes of `dictionary` */
    PACKED_16,
    PACKED_32,   /* value = (base + code) / scale */
    PACKED_REAL, /* as they are, with their ranks to sort by */
};

/* The key of NULL: behind all others. */
#define PACKED_NULL UINT64_MAX

struct packed {
    enum packing kind;
    size_t rows, nulls;
    union {
        uint8_t *codes8;
        uint16_t *codes16;
        uint32_t *codes32;
        double *real;
    } data;
    uint32_t *ranks;    /* of PACKED_REAL: [rows], equal values have the same */
    double *dictionary; /* [distinct], ascending */
    size_t distinct;
    double base, scale;
    uint64_t low, high; /* smallest and largest key of a value; 0 when there is none */
};

/* Packs values[rows] (NaN: NULL; finite otherwise; -0 becomes 0). */
void packed_make(struct packed *packed, const double *values, size_t rows);

/* Frees it; zeroed again. */
void packed_release(struct packed *packed);

/* Memory that it holds. */
size_t packed_bytes(const struct packed *packed);

/* The value of a row, those of out[count] rows; NaN for NULL. */
double packed_value(const struct packed *packed, size_t row);
void packed_values(const struct packed *packed, size_t first, size_t count, double *out);

/* A number that sorts as the value does; PACKED_NULL for NULL. */
uint64_t packed_key(const struct packed *packed, size_t row);
void packed_keys(const struct packed *packed, size_t first, size_t count, uint64_t *out);

/* Neighbouring keys, in equal buckets of 2^shift keys. */
struct key_window {
    uint64_t low; /* the first key */
    unsigned shift;
    uint32_t buckets;
    bool nulls; /* NULLs belong to it, too */
};

enum { BUCKETS_AT_MOST = 65000, BUCKET_NULL = 65534, BUCKET_OUTSIDE = 65535 };

/* The bucket of each row's key. */
void packed_buckets(const struct packed *packed, size_t first, size_t count,
                    const struct key_window *window, uint16_t *out);

/* Clears the bits (of 64 rows a word) of the rows whose value (NAN: NULL) is not wanted. */
void packed_keep(const struct packed *packed, uint64_t *bits,
                 bool (*wanted)(const void *context, double value), const void *context);

#endif
