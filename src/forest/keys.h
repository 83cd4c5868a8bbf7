/* What is done with the keys (bins of one feature) of a node's rows, for this room only. */
#ifndef FOREST_KEYS_H
#define FOREST_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The arrays of a node are readable, and spare ones writable, that far behind the last row. */
enum { KEYS_PADDING = 32 };

/* The smallest and the largest key. */
void keys_range(const uint16_t *keys, size_t rows, uint16_t *low, uint16_t *high);

/* The smallest key above `key`; UINT16_MAX if there is none. */
uint16_t keys_above(const uint16_t *keys, size_t rows, uint16_t key);

/* Writes the places of the keys in [low, low + width] to places[rows + padding], ascending; returns
 * their number. */
size_t keys_collect(const uint16_t *keys, size_t rows, uint16_t low, uint16_t width,
                    uint32_t *places);

/* What goes left: keys that, with `offset` added (modulo 2^16), are at most `limit`. */
struct keys_cut {
    uint16_t offset, limit;
};

/* Parts row numbers in order: from[rows] whose key goes left are written to left[], the others to
 * right[] (padded); returns the number on the left, and the sum of their weights. `left` may be
 * `from`, or any place before it. */
size_t keys_part(struct keys_cut cut, const uint16_t *keys, const uint32_t *weights,
                 const uint32_t *from, size_t rows, uint32_t *left, uint32_t *right,
                 uint32_t *left_weight);

#endif
