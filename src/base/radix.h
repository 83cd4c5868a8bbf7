/* Sorting by numbers, without comparing. */
#ifndef BASE_RADIX_H
#define BASE_RADIX_H

#include <stddef.h>
#include <stdint.h>

struct coded { /* something that is sorted by its code */
    uint64_t code;
    uint32_t item;
};

/* Sorts by bits 0 .. bits - 1 of the codes, those alike in the order they had; the result stands in
 * `all` or in `spare`, which has room for as many. */
struct coded *radix_sort(struct coded *all, struct coded *spare, size_t count, int bits);

#endif
