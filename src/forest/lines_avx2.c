/* Steps through lines with AVX2, see lines_walk.c. A row lies in one register where it has at most
 * eight columns, else in two: each of the line's columns is looked up in both, and the sign of the
 * column, which says in which half it is, picks one. 8 walks at once were a seventh slower than 16;
 * first all masks of 16 walks, then all their exits, a sixth slower. */
#include "forest/lines_walk.h"

#include "forest/simd.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { HALF = 8 }; /* values of a register */

/* ---- the root ---- */

/* Which of 8 rows, whose values stand side by side, are greater than a key of the root. */
SIMD_AVX2 SIMD_BODY __m256i greater(const struct layout_line *root, int key,
                                    const uint32_t *by_column)
{
    const uint32_t *values = by_column + (size_t)(root->columns >> (4 * key) & 15) * LINE_WALKS;
    return _mm256_cmpgt_epi32(_mm256_loadu_si256((const void *)values),
                              _mm256_set1_epi32((int)root->key[key]));
}

SIMD_AVX2 SIMD_BODY __m256i either(__m256i which, __m256i right, __m256i left)
{
    return _mm256_blendv_epi8(left, right, which);
}

/* The keys of the root's three levels are 0; 1, 5; 2, 4, 6, 7 (see struct line_shapes). */
SIMD_AVX2 static void leave_root(const struct layout_line *root, const uint32_t *by_column,
                                 uint32_t *at, size_t count)
{
    const __m256i below = _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(root->next + 1)));
    for (size_t i = 0; i < count; i += HALF) {
        const uint32_t *rows = by_column + i;
        __m256i first = greater(root, 0, rows);
        __m256i second = either(first, greater(root, 5, rows), greater(root, 1, rows));
        __m256i third =
            either(first, either(second, greater(root, 7, rows), greater(root, 6, rows)),
                   either(second, greater(root, 4, rows), greater(root, 2, rows)));
        __m256i exit = _mm256_and_si256(third, _mm256_set1_epi32(1));
        exit = _mm256_or_si256(exit, _mm256_and_si256(second, _mm256_set1_epi32(2)));
        exit = _mm256_or_si256(exit, _mm256_and_si256(first, _mm256_set1_epi32(4)));
        _mm256_storeu_si256((void *)(at + i), _mm256_permutevar8x32_epi32(below, exit));
    }
}

/* ---- all other lines ---- */

/* Into a register: as an operand in memory of what picks columns out of it, it would take twice the
 * time (AMD Zen 3: 2 cycles instead of 1). */
SIMD_AVX2 SIMD_BODY __m256i load(const uint32_t *values)
{
    __m256i loaded = _mm256_load_si256((const void *)values);
    __asm__("" : "+x"(loaded));
    return loaded;
}

/* One step of a walk. */
SIMD_AVX2 SIMD_BODY uint32_t next_line(const struct layout_line *lines, const uint8_t *exit,
                                       uint32_t at, const uint32_t *row, size_t stride)
{
    const struct layout_line *line = lines + at;
    __m256i column = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)line->column));
    __m256i value = _mm256_permutevar8x32_epi32(load(row), column);
    if (stride > HALF) {
        __m256i high = _mm256_permutevar8x32_epi32(load(row + HALF), column);
        value = _mm256_castps_si256(_mm256_blendv_ps(
            _mm256_castsi256_ps(value), _mm256_castsi256_ps(high), _mm256_castsi256_ps(column)));
    }
    __m256i key = _mm256_load_si256((const void *)line->key);
    __m256 right = _mm256_castsi256_ps(_mm256_cmpgt_epi32(value, key));
    const uint8_t *exit_of = exit + line->answers;
    return line->next[exit_of[(uint32_t)_mm256_movemask_ps(right)]];
}

/* See struct line_steps; `one_row` and `stride` are constants where this is inlined. Rows are
 * loaded for each step: there are not registers enough to keep them. */
SIMD_AVX2 SIMD_BODY void advance_any(const struct line_walks *w, uint32_t *at_of,
                                     const uint32_t *item, size_t count, uint32_t steps,
                                     bool one_row, size_t stride)
{
    for (size_t i = 0; i < count; i += LINE_LANES) {
        uint32_t *at = at_of + i;
        for (uint32_t step = 0; step < steps; step++) {
#pragma GCC unroll 16
            for (size_t lane = 0; lane < LINE_LANES; lane++) {
                size_t whose = item ? item[i + lane] : i + lane;
                at[lane] = next_line(w->lines[one_row ? whose : 0], w->exit, at[lane],
                                     w->keys + (one_row ? 0 : whose * stride), stride);
            }
        }
    }
}

SIMD_AVX2 SIMD_BODY void advance_of(const struct line_walks *w, uint32_t *at, const uint32_t *item,
                                    size_t count, uint32_t steps, size_t stride)
{
    if (!w->by_column) {
        advance_any(w, at, item, count, steps, true, stride);
    } else if (item) {
        advance_any(w, at, item, count, steps, false, stride);
    } else {
        advance_any(w, at, NULL, count, steps, false, stride);
    }
}

SIMD_AVX2 static void advance(const struct line_walks *w, uint32_t *at, const uint32_t *item,
                              size_t count, uint32_t steps)
{
    if (w->stride > HALF) {
        advance_of(w, at, item, count, steps, LINE_COLUMNS);
    } else {
        advance_of(w, at, item, count, steps, HALF);
    }
}

SIMD_AVX2 static void keep_going(struct going *to, const struct line_walks *w, const uint32_t *at,
                                 const uint32_t *item, size_t count)
{
    const __m256i last_leaf = _mm256_set1_epi32((int)w->leaf_lines - 1);
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    size_t kept = 0;
    for (size_t i = 0; i < count; i += HALF) {
        __m256i here = _mm256_loadu_si256((const void *)(at + i));
        __m256i whose = item ? _mm256_loadu_si256((const void *)(item + i))
                             : _mm256_add_epi32(lanes, _mm256_set1_epi32((int)i));
        __m256 going = _mm256_castsi256_ps(_mm256_cmpgt_epi32(here, last_leaf));
        uint32_t which = (uint32_t)_mm256_movemask_ps(going);
        which &= count - i < HALF ? (1U << (count - i)) - 1 : UINT8_MAX;
        __m256i from = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)w->bits[which]));
        _mm256_storeu_si256((void *)(to->at + kept), _mm256_permutevar8x32_epi32(here, from));
        _mm256_storeu_si256((void *)(to->item + kept), _mm256_permutevar8x32_epi32(whose, from));
        kept += (size_t)__builtin_popcount(which);
    }
    to->count = kept;
}

const struct line_steps line_steps_avx2 = {leave_root, advance, keep_going};
#endif
