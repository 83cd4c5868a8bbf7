/* Encodings of Parquet, as bytes in a buffer that grows. For parquet*.c only.
 *
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/ */
#ifndef LAKE_PARQUET_ENCODE_H
#define LAKE_PARQUET_ENCODE_H

#include <stddef.h>
#include <stdint.h>

struct buffer { /* zeroed: empty */
    unsigned char *data;
    size_t size, room;
};

/* Room for `needed` more bytes; returns where they go. */
unsigned char *buffer_reserve(struct buffer *buffer, size_t needed);

void buffer_put(struct buffer *buffer, const void *bytes, size_t size);
void buffer_release(struct buffer *buffer);

/* Four bytes, least first. */
void put_u32(struct buffer *buffer, uint32_t value);

/* ULEB128; with the sign in the lowest bit. */
void put_varint(struct buffer *buffer, uint64_t value);
void put_zigzag(struct buffer *buffer, int64_t value);

/* How many bits a number takes. */
unsigned width_of(uint64_t value);

/* RLE: runs of eight and more equal values once, others packed to `width` bits (1..32). */
void put_runs(struct buffer *buffer, const uint32_t *values, size_t count, unsigned width);

/* DELTA_BINARY_PACKED of 64-bit numbers: differences from the least of each block. */
void put_deltas(struct buffer *buffer, const uint64_t *values, size_t count);

#endif
