/* Cuts side by side in the lanes of vectors, for cut.c and block.c alone. A vector has 32 bytes, as
 * AVX2 has them: GCC takes wider ones apart through memory. 16 candidates are lanes of 16 bits, and
 * are scored in two parts of 32 bits.
 *
 * A function that is built for several processors takes vectors by address, as their passing by
 * value depends on the processor. */
#ifndef FOREST_CUT_LANES_H
#define FOREST_CUT_LANES_H

#include "forest/simd.h"

#include <stdint.h>
#include <string.h>

enum { LANES = 16, PARTS = 2, PART = LANES / PARTS };

typedef uint16_t lanes_u16 __attribute__((vector_size(2 * LANES)));
typedef uint16_t part_u16 __attribute__((vector_size(2 * PART)));
typedef int32_t part_i32 __attribute__((vector_size(4 * PART)));
typedef uint32_t part_u32 __attribute__((vector_size(4 * PART)));
typedef float part_f32 __attribute__((vector_size(4 * PART)));

/* Eight of 16 lanes, wider. */
SIMD_BODY void widen(const lanes_u16 *lanes, int part, part_i32 *wide)
{
    part_u16 narrow;
    memcpy(&narrow, (const char *)lanes + part * (int)sizeof narrow, sizeof narrow);
    *wide = __builtin_convertvector(narrow, part_i32);
}

SIMD_BODY void widen_real(const lanes_u16 *lanes, int part, part_f32 *wide)
{
    part_i32 whole;
    widen(lanes, part, &whole);
    *wide = __builtin_convertvector(whole, part_f32);
}

/* The best of the cuts seen so far, lane by lane; of equal ones the lowest key. */
struct best_lanes {
    part_i32 score; /* bits of a float that is not negative: they order as it does; 0: none */
    part_i32 key;
};

SIMD_BODY void keep_better(struct best_lanes *best, const struct best_lanes *other)
{
    part_i32 better =
        (other->score > best->score) | ((other->score == best->score) & (other->key < best->key));
    best->score = (other->score & better) | (best->score & ~better);
    best->key = (other->key & better) | (best->key & ~better);
}

/* Keeps the better one of each lane and its neighbour at a distance of 4, 2 or 1. Shuffles, not a
 * loop over the lanes: the compiler makes branches of that, and equal scores mispredict them. */
#define KEEP_BETTER_NEIGHBOUR(best, ...)                                        \
    {                                                                           \
        const struct best_lanes neighbour = {                                   \
            __builtin_shufflevector((best)->score, (best)->score, __VA_ARGS__), \
            __builtin_shufflevector((best)->key, (best)->key, __VA_ARGS__)};    \
        keep_better(best, &neighbour);                                          \
    }

/* Makes the best lane's score (as bits) and key those of lane 0. */
SIMD_BODY void fold_best(struct best_lanes *best)
{
    KEEP_BETTER_NEIGHBOUR(best, 4, 5, 6, 7, 0, 1, 2, 3)
    KEEP_BETTER_NEIGHBOUR(best, 2, 3, 0, 1, 6, 7, 4, 5)
    KEEP_BETTER_NEIGHBOUR(best, 1, 0, 3, 2, 5, 4, 7, 6)
}

#endif
