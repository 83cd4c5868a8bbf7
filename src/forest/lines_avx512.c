/* Steps through lines with AVX-512, see lines_walk.c. 16 walks at once were a quarter faster than
 * 8; 24 and 32 no faster, two steps of a walk in a row a sixth slower. */
#include "forest/lines_walk.h"

#include "forest/simd.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

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

/* One step of a walk. */
SIMD_AVX512 SIMD_BODY uint32_t next_line(const struct layout_line *lines, const uint8_t *exit,
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

/* See struct line_steps; `one_row` is a constant where this is inlined. */
SIMD_AVX512 SIMD_BODY void advance_any(const struct line_walks *w, uint32_t *at_of,
                                       const uint32_t *item, size_t count, uint32_t steps,
                                       bool one_row)
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

SIMD_AVX512 static void advance(const struct line_walks *w, uint32_t *at, const uint32_t *item,
                                size_t count, uint32_t steps)
{
    if (!w->by_column) {
        advance_any(w, at, item, count, steps, true);
    } else if (item) {
        advance_any(w, at, item, count, steps, false);
    } else {
        advance_any(w, at, NULL, count, steps, false);
    }
}

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

const struct line_steps line_steps_avx512 = {leave_root, advance, keep_going};
#endif
