/* Encodings of Parquet; see parquet_encode.h. */
#include "lake/parquet_encode.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

/* Numbers stand in files as they stand in memory, here and where columns are put together. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "Parquet's numbers begin with the least");

enum {
    PACKED = 32,                 /* values that are packed at a time */
    RUN = 8,                     /* packed runs are of so many values or multiples of it */
    BLOCK = 128,                 /* differences with a least one of their own */
    MINIBLOCKS = BLOCK / PACKED, /* of a block, each with a width of its own */
};

/* ---- bytes ---- */

unsigned char *buffer_reserve(struct buffer *buffer, size_t needed)
{
    if (buffer->room - buffer->size < needed) {
        buffer->room =
            2 * buffer->room > buffer->size + needed ? 2 * buffer->room : buffer->size + needed;
        buffer->data = xrealloc(buffer->data, buffer->room, 1);
    }
    return buffer->data + buffer->size;
}

void buffer_put(struct buffer *buffer, const void *bytes, size_t size)
{
    if (size > 0) {
        memcpy(buffer_reserve(buffer, size), bytes, size);
        buffer->size += size;
    }
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

/* The lowest `count` bytes of a number. */
static unsigned char *store(unsigned char *out, uint64_t value, unsigned count)
{
    memcpy(out, &value, count);
    return out + count;
}

void put_u32(struct buffer *buffer, uint32_t value)
{
    store(buffer_reserve(buffer, sizeof value), value, sizeof value);
    buffer->size += sizeof value;
}

void put_varint(struct buffer *buffer, uint64_t value)
{
    unsigned char bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) {
        bytes[size++] = (unsigned char)(value | 0x80);
    }
    bytes[size++] = (unsigned char)value;
    buffer_put(buffer, bytes, size);
}

void put_zigzag(struct buffer *buffer, int64_t value)
{
    put_varint(buffer, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

unsigned width_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* ---- bits ---- */

/* At most PACKED values, a multiple of RUN, to `width` bits each, least bit first. */
static unsigned char *pack(unsigned char *out, const uint64_t *values, size_t count, unsigned width)
{
    uint64_t bits = 0;
    unsigned used = 0; /* of `bits` */
    for (size_t i = 0; i < count; i++) {
        bits |= values[i] << used;
        used += width;
        if (used >= 64) {
            used -= 64;
            out = store(out, bits, sizeof bits);
            bits = used > 0 ? values[i] >> (width - used) : 0;
        }
    }
    return store(out, bits, used / 8);
}

/* How many values from `start` on are alike. */
static size_t alike(const uint32_t *values, size_t start, size_t count)
{
    size_t end = start + 1;
    while (end < count && values[end] == values[start]) {
        end++;
    }
    return end - start;
}

/* Packs values start .. end - 1; the last values of all are followed by zeros. */
static void put_packed(struct buffer *buffer, const uint32_t *values, size_t start, size_t end,
                       unsigned width)
{
    size_t groups = (end - start + RUN - 1) / RUN;
    put_varint(buffer, groups << 1 | 1);
    unsigned char *out = buffer_reserve(buffer, groups * width);
    for (size_t i = start; i < end; i += PACKED) {
        size_t count = end - i < PACKED ? end - i : PACKED;
        uint64_t wide[PACKED] = {0};
        for (size_t v = 0; v < count; v++) {
            wide[v] = values[i + v];
        }
        out = pack(out, wide, (count + RUN - 1) / RUN * RUN, width);
    }
    buffer->size += groups * width;
}

void put_runs(struct buffer *buffer, const uint32_t *values, size_t count, unsigned width)
{
    for (size_t i = 0; i < count;) {
        size_t start = i, run = 0;
        while (i < count && (run = alike(values, i, count)) < RUN) {
            i += RUN; /* whatever follows: packed values come in eights */
        }
        if (i > start) {
            put_packed(buffer, values, start, i < count ? i : count, width);
        }
        if (i < count) {
            put_varint(buffer, run << 1);
            store(buffer_reserve(buffer, (width + 7) / 8), values[i], (width + 7) / 8);
            buffer->size += (width + 7) / 8;
            i += run;
        }
    }
}

/* ---- differences ---- */

/* A block of `count` differences; those behind them are never read and count as the least. */
static void put_block(struct buffer *buffer, uint64_t *deltas, size_t count)
{
    int64_t least = (int64_t)deltas[0];
    for (size_t i = 1; i < count; i++) {
        least = (int64_t)deltas[i] < least ? (int64_t)deltas[i] : least;
    }
    put_zigzag(buffer, least);
    unsigned char *widths = buffer_reserve(buffer, MINIBLOCKS + BLOCK * sizeof *deltas);
    unsigned char *out = widths + MINIBLOCKS;
    for (size_t m = 0; m < MINIBLOCKS; m++) {
        uint64_t all = 0;
        for (size_t i = m * PACKED; i < (m + 1) * PACKED; i++) {
            deltas[i] = i < count ? deltas[i] - (uint64_t)least : 0;
            all |= deltas[i];
        }
        widths[m] = (unsigned char)width_of(all);
        out = pack(out, deltas + m * PACKED, PACKED, widths[m]);
    }
    buffer->size += (size_t)(out - widths);
}

void put_deltas(struct buffer *buffer, const uint64_t *values, size_t count)
{
    put_varint(buffer, BLOCK);
    put_varint(buffer, MINIBLOCKS);
    put_varint(buffer, count);
    put_zigzag(buffer, count > 0 ? (int64_t)values[0] : 0);
    for (size_t i = 1; i < count; i += BLOCK) {
        uint64_t deltas[BLOCK];
        size_t block = count - i < BLOCK ? count - i : BLOCK;
        for (size_t d = 0; d < block; d++) { /* beyond 64 bits they wrap, and so do readers */
            deltas[d] = values[i + d] - values[i + d - 1];
        }
        put_block(buffer, deltas, block);
    }
}
