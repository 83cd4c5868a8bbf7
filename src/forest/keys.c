/* Passes over the keys of a node, see keys.h. Memory only. */
#include "forest/keys.h"

#include "forest/simd.h"

#if defined(SIMD_AVX512)
#include <immintrin.h>
#endif

SIMD_BODY void keys_range_any(const uint16_t *keys, size_t rows, uint16_t *low, uint16_t *high)
{
    uint16_t smallest = UINT16_MAX, largest = 0;
    for (size_t i = 0; i < rows; i++) {
        smallest = keys[i] < smallest ? keys[i] : smallest;
        largest = keys[i] > largest ? keys[i] : largest;
    }
    *low = smallest;
    *high = largest;
}

SIMD_BODY uint16_t keys_above_any(const uint16_t *keys, size_t rows, uint16_t key)
{
    uint16_t above = UINT16_MAX;
    for (size_t i = 0; i < rows; i++) {
        uint16_t here = keys[i] > key ? keys[i] : UINT16_MAX;
        above = here < above ? here : above;
    }
    return above;
}

SIMD_VERSIONS(, void, , keys_range,
              (const uint16_t *keys, size_t rows, uint16_t *low, uint16_t *high),
              (keys, rows, low, high))
SIMD_VERSIONS(, uint16_t, return, keys_above, (const uint16_t *keys, size_t rows, uint16_t key),
              (keys, rows, key))

static size_t collect_plain(const uint16_t *keys, size_t rows, uint16_t low, uint16_t width,
                            uint32_t *places)
{
    size_t count = 0;
    for (size_t i = 0; i < rows; i++) { /* written always, counted if: no branch to mispredict */
        places[count] = (uint32_t)i;
        count += (uint16_t)(keys[i] - low) <= width;
    }
    return count;
}

static size_t part_plain(struct keys_cut cut, const uint16_t *keys, const uint32_t *weights,
                         const uint32_t *from, size_t rows, uint32_t *left, uint32_t *right,
                         uint32_t *left_weight)
{
    size_t count = 0, others = 0;
    uint32_t weight = 0;
    for (size_t i = 0; i < rows; i++) {
        uint32_t number = from[i];
        bool goes_left = (uint16_t)(keys[i] + cut.offset) <= cut.limit;
        left[count] = number;
        right[others] = number;
        count += goes_left;
        others += !goes_left;
        weight += goes_left ? weights[i] : 0;
    }
    *left_weight = weight;
    return count;
}

#if defined(SIMD_AVX512)
SIMD_AVX512 static size_t collect_avx512(const uint16_t *keys, size_t rows, uint16_t low,
                                         uint16_t width, uint32_t *places)
{
    size_t count = 0;
    __m512i base = _mm512_set1_epi16((short)low), most = _mm512_set1_epi16((short)width);
    for (size_t i = 0; i < rows; i += 32) {
        __m512i key = _mm512_sub_epi16(_mm512_loadu_si512(keys + i), base);
        __mmask32 found = _mm512_cmple_epu16_mask(key, most);
        if (rows - i < 32) {
            found &= (1U << (rows - i)) - 1;
        }
        for (; found != 0; found &= found - 1) {
            places[count++] = (uint32_t)(i + (size_t)__builtin_ctz(found));
        }
    }
    return count;
}

SIMD_AVX512 static size_t part_avx512(struct keys_cut cut, const uint16_t *keys,
                                      const uint32_t *weights, const uint32_t *from, size_t rows,
                                      uint32_t *left, uint32_t *right, uint32_t *left_weight)
{
    size_t count = 0, others = 0;
    __m256i offset = _mm256_set1_epi16((short)cut.offset);
    __m256i limit = _mm256_set1_epi16((short)cut.limit);
    __m512i weight = _mm512_setzero_si512();
    for (size_t i = 0; i < rows; i += 16) {
        __mmask16 all = rows - i < 16 ? (__mmask16)((1U << (rows - i)) - 1) : 0xffff;
        __m256i key = _mm256_maskz_loadu_epi16(all, keys + i);
        __m512i number = _mm512_maskz_loadu_epi32(all, from + i);
        __mmask16 goes_left =
            _mm256_mask_cmple_epu16_mask(all, _mm256_add_epi16(key, offset), limit);
        unsigned here = (unsigned)__builtin_popcount(goes_left);
        /* left + count may reach from + i: no more than `here` may be written */
        _mm512_mask_storeu_epi32(left + count, (__mmask16)((1U << here) - 1),
                                 _mm512_maskz_compress_epi32(goes_left, number));
        _mm512_storeu_si512(right + others,
                            _mm512_maskz_compress_epi32((__mmask16)(all & ~goes_left), number));
        weight = _mm512_add_epi32(weight, _mm512_maskz_loadu_epi32(goes_left, weights + i));
        count += here;
        others += (unsigned)__builtin_popcount(all) - here;
    }
    *left_weight = (uint32_t)_mm512_reduce_add_epi32(weight);
    return count;
}
#endif

size_t keys_collect(const uint16_t *keys, size_t rows, uint16_t low, uint16_t width,
                    uint32_t *places)
{
#if defined(SIMD_AVX512)
    if (SIMD_HAS_AVX512) {
        return collect_avx512(keys, rows, low, width, places);
    }
#endif
    return collect_plain(keys, rows, low, width, places);
}

size_t keys_part(struct keys_cut cut, const uint16_t *keys, const uint32_t *weights,
                 const uint32_t *from, size_t rows, uint32_t *left, uint32_t *right,
                 uint32_t *left_weight)
{
#if defined(SIMD_AVX512)
    if (SIMD_HAS_AVX512) {
        return part_avx512(cut, keys, weights, from, rows, left, right, left_weight);
    }
#endif
    return part_plain(cut, keys, weights, from, rows, left, right, left_weight);
}
