/* Walks through lines. Reads lines and converted rows, moves walks from line to line.
 *
 * Where a row has at most 16 columns, one register of AVX-512 holds it, and a step is: fetch the
 * line, pick the values that its eight keys ask for out of the register, compare all eight at once,
 * look up to which exit of its shape these bits lead. That is twelve instructions and one fetch;
 * node by node it is seven and two fetches for one branch (predict.c). 16 walks at once were a
 * quarter faster than 8; 24 and 32 no faster, two steps of a walk in a row a sixth slower. Through
 * the root, the one line that all rows meet, 16 rows go at once, a key at a time. */
#include "forest/lines.h"

#include "forest/simd.h"

#include <stdlib.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { LATER_STEPS = 1 }; /* before those that have not arrived are gathered */

bool lines_fit(size_t columns)
{
    return columns <= LINE_COLUMNS && SIMD_HAS_AVX512;
}

/* ---- the root ---- */

/* Which of 16 rows, whose values stand side by side, are greater than a key of the root. */
SIMD_AVX512 static inline __mmask16 greater(const struct layout_line *root, int key,
                                            const uint32_t *by_column)
{
    return _mm512_cmpgt_epi32_mask(
        _mm512_loadu_si512(by_column + (size_t)(root->columns >> (4 * key) & 15) * LINE_WALKS),
        _mm512_set1_epi32((int)root->key[key]));
}

static inline __mmask16 either(__mmask16 which, __mmask16 right, __mmask16 left)
{
    return (__mmask16)((which & right) | (~which & left));
}

/* The keys of the root's three levels are 0; 1, 5; 2, 4, 6, 7 (see struct line_shapes). */
SIMD_AVX512 static void leave_root(const struct layout_line *root, const uint32_t *by_column,
                                   uint32_t *at, size_t count)
{
    const __m512i below = _mm512_castsi256_si512(
        _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(root->next + 1))));
    for (size_t i = 0; i < count; i += LINE_LANES) {
        const uint32_t *rows = by_column + i;
        __mmask16 first = greater(root, 0, rows);
        __mmask16 second = either(first, greater(root, 5, rows), greater(root, 1, rows));
        __mmask16 third =
            either(first, either(second, greater(root, 7, rows), greater(root, 6, rows)),
                   either(second, greater(root, 4, rows), greater(root, 2, rows)));
        __m512i exit = _mm512_maskz_set1_epi32(third, 1);
        exit = _mm512_mask_or_epi32(exit, second, exit, _mm512_set1_epi32(2));
        exit = _mm512_mask_or_epi32(exit, first, exit, _mm512_set1_epi32(4));
        _mm512_storeu_si512(at + i, _mm512_permutexvar_epi32(exit, below));
    }
}

/* ---- all other lines ---- */

/* Walks that go on: where, and whose. */
struct going {
    uint32_t at[LINE_WALKS + LINE_LANES], item[LINE_WALKS + LINE_LANES];
    size_t count;
};

#define INLINE static inline __attribute__((always_inline))

/* One step of a walk. */
SIMD_AVX512 INLINE uint32_t next_line(const struct layout_line *lines, const uint8_t *exit,
                                      uint32_t at, __m512i row)
{
    const struct layout_line *line = lines + at;
    __m256i column = _mm256_srlv_epi32(_mm256_set1_epi32((int)line->columns),
                                       _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
    __m256i value =
        _mm512_castsi512_si256(_mm512_permutexvar_epi32(_mm512_castsi256_si512(column), row));
    __m256i key = _mm256_load_si256((const void *)line->key);
    __m256 right = _mm256_castsi256_ps(_mm256_cmpgt_epi32(value, key));
    return line->next[exit[line->answers + (uint32_t)_mm256_movemask_ps(right)]];
}

/* `steps` steps of at_of[count], a multiple of LINE_LANES; `item` NULL: walk i is item i. `one_row`
 * is a constant where this is inlined. */
SIMD_AVX512 INLINE void advance(const struct line_walks *w, uint32_t *at_of, const uint32_t *item,
                                size_t count, uint32_t steps, bool one_row)
{
    for (size_t i = 0; i < count; i += LINE_LANES) {
        uint32_t *at = at_of + i;
        __m512i row[LINE_LANES];
#pragma GCC unroll 16
        for (size_t lane = 0; lane < LINE_LANES; lane++) {
            row[lane] = _mm512_loadu_si512(
                w->keys + (one_row ? 0 : (item ? item[i + lane] : i + lane) * w->stride));
        }
        for (uint32_t step = 0; step < steps; step++) {
#pragma GCC unroll 16
            for (size_t lane = 0; lane < LINE_LANES; lane++) {
                size_t tree = !one_row ? 0 : item ? item[i + lane] : i + lane;
                at[lane] = next_line(w->lines[tree], w->exit, at[lane], row[lane]);
            }
        }
    }
}

/* Keeps in `to` those of at[count] that have not arrived. They may be to->at, with their items. */
SIMD_AVX512 static void keep_going(struct going *to, const struct line_walks *w, const uint32_t *at,
                                   const uint32_t *item, size_t count)
{
    const __m512i leaves = _mm512_set1_epi32((int)w->leaf_lines);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t kept = 0;
    for (size_t i = 0; i < count; i += LINE_LANES) {
        __mmask16 here = (__mmask16)(count - i < LINE_LANES ? (1U << (count - i)) - 1 : UINT16_MAX);
        __m512i a = _mm512_loadu_si512(at + i);
        __m512i whose = item ? _mm512_loadu_si512(item + i)
                             : _mm512_add_epi32(lanes, _mm512_set1_epi32((int)i));
        __mmask16 going = _mm512_mask_cmpge_epu32_mask(here, a, leaves);
        _mm512_storeu_si512(to->at + kept, _mm512_maskz_compress_epi32(going, a));
        _mm512_storeu_si512(to->item + kept, _mm512_maskz_compress_epi32(going, whose));
        kept += (size_t)__builtin_popcount(going);
    }
    to->count = kept;
}

/* Fills the last lanes: twice the same walk does no harm. */
static size_t fill_lanes(uint32_t *at, uint32_t *item, size_t count)
{
    for (; count % LINE_LANES != 0; count++) {
        at[count] = at[count - 1];
        if (item) {
            item[count] = item[count - 1];
        }
    }
    return count;
}

SIMD_AVX512 INLINE void walk_all(const struct line_walks *w, uint32_t *at, size_t count,
                                 uint32_t steps, bool one_row)
{
    struct going going;
    advance(w, at, NULL, fill_lanes(at, NULL, count), steps, one_row);
    for (keep_going(&going, w, at, NULL, count); going.count > 0;) {
        size_t filled = fill_lanes(going.at, going.item, going.count);
        advance(w, going.at, going.item, filled, LATER_STEPS, one_row);
        for (size_t i = 0; i < going.count; i++) {
            at[going.item[i]] = going.at[i];
        }
        keep_going(&going, w, going.at, going.item, going.count);
    }
}

SIMD_AVX512 void lines_walk(const struct line_walks *w, uint32_t *at, size_t count, uint32_t steps)
{
    if (!w->by_column) {
        walk_all(w, at, count, steps, true);
    } else if (at[0] >= w->leaf_lines) {
        leave_root(&w->lines[0][at[0]], w->by_column, at, count);
        walk_all(w, at, count, steps - 1, false);
    }
}

#else
bool lines_fit(size_t columns)
{
    (void)columns;
    return false;
}

void lines_walk(const struct line_walks *w, uint32_t *at, size_t count, uint32_t steps)
{
    (void)w, (void)at, (void)count, (void)steps;
    abort(); /* a bug: nothing fits */
}
#endif
