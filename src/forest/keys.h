/* What is done with the keys (bins of one feature) of a node's rows, for this room only. */
#ifndef FOREST_KEYS_H
#define FOREST_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* The arrays of a node are readable, and spare ones writable, that far behind the last row. */
enum { KEYS_PADDING = 32 };

/* The smallest and the largest key. */
void keys_range(const uint16_t *keys, size_t rows, uint16_t *low, uint16_t *high);

/* The smallest key above `key`; UINT16_MAX if there is none. The padding holds UINT16_MAX. */
uint16_t keys_above(const uint16_t *keys, size_t rows, uint16_t key);

/* What goes left: keys that, with `offset` added (modulo 2^16), are at most `limit`. */
struct keys_cut {
    uint16_t offset, limit;
};

/* A node's rows: numbers, and their weights. */
struct keys_rows {
    uint32_t *numbers, *weights;
};

/* The passes that the compiler makes no vectors of, in a version for a kind of processor. */
struct keys_passes {
    /* pick() pays where at least one row in `span` is picked; 0: never. */
    unsigned span;

    /* Sets the bits of the rows numbers[count] (ascending, at least one) in marks, whose first word
     * is the one of rows numbers[0] / 32 * 32 and so on; other bits up to the last row's word are
     * cleared. flags[last row + padding] are scratch memory that is 0 before and after. */
    void (*mark)(const uint32_t *numbers, size_t count, uint8_t *flags, uint32_t *marks);

    /* Copies those of bins[32 * words] whose bit is set in marks[words] to keys[their number +
     * padding], in order. */
    void (*pick)(const uint16_t *bins, const uint32_t *marks, size_t words, uint16_t *keys);

    /* Writes the places of the keys in [low, low + width] to places[rows + padding], ascending;
     * returns their number. */
    size_t (*collect)(const uint16_t *keys, size_t rows, uint16_t low, uint16_t width,
                      uint32_t *places);

    /* Parts `count` rows in order: those whose key goes left are written to `left`, the others to
     * `right` (padded); returns the number on the left, and the sum of their weights. `left` may be
     * `from`, or any place before it. */
    size_t (*part)(struct keys_cut cut, const uint16_t *keys, struct keys_rows from, size_t count,
                   struct keys_rows left, struct keys_rows right, uint32_t *left_weight);
};

/* The versions that this processor can run, the fastest first; NULL behind the last one. All do the
 * same. */
const struct keys_passes *keys_passes(size_t version);

#endif
