/* Passes over the keys of a node, see keys.h. Memory only. */
#include "forest/keys.h"

#include "forest/simd.h"

#include <string.h>

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
    uint16_t least = UINT16_MAX; /* of key - `key` - 1 modulo 2^16: lower keys come out large */
    rows = (rows + KEYS_PADDING - 1) / KEYS_PADDING * KEYS_PADDING; /* whole vectors */
    for (size_t i = 0; i < rows; i++) {
        uint16_t above = (uint16_t)(keys[i] - key - 1);
        least = above < least ? above : least;
    }
    return (uint16_t)(least + key + 1);
}

SIMD_VERSIONS(, void, , keys_range,
              (const uint16_t *keys, size_t rows, uint16_t *low, uint16_t *high),
              (keys, rows, low, high))
SIMD_VERSIONS(, uint16_t, return, keys_above, (const uint16_t *keys, size_t rows, uint16_t key),
              (keys, rows, key))

static void mark_plain(const uint32_t *numbers, size_t count, uint8_t *flags, uint32_t *marks)
{
    uint32_t first = numbers[0] / 32;
    (void)flags;
    memset(marks, 0, (numbers[count - 1] / 32 - first + 1) * sizeof *marks);
    for (size_t i = 0; i < count; i++) {
        marks[numbers[i] / 32 - first] |= 1U << (numbers[i] % 32);
    }
}

static void pick_plain(const uint16_t *bins, const uint32_t *marks, size_t words, uint16_t *keys)
{
    for (size_t w = 0; w < words; w++) {
        for (uint32_t marked = marks[w]; marked != 0; marked &= marked - 1) {
            *keys++ = bins[32 * w + (size_t)__builtin_ctz(marked)];
        }
    }
}

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

static size_t part_plain(struct keys_cut cut, const uint16_t *keys, struct keys_rows from,
                         size_t count, struct keys_rows left, struct keys_rows right,
                         uint32_t *left_weight)
{
    size_t lefts = 0, rights = 0;
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = from.numbers[i], weight = from.weights[i];
        bool goes_left = (uint16_t)(keys[i] + cut.offset) <= cut.limit;
        left.numbers[lefts] = right.numbers[rights] = number;
        left.weights[lefts] = right.weights[rights] = weight;
        lefts += goes_left;
        rights += !goes_left;
        sum += goes_left ? weight : 0;
    }
    *left_weight = sum;
    return lefts;
}

#if defined(SIMD_AVX512)
#define SIMD_VBMI2 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt")))

/* Flags first: rows of a word do not wait for one another. */
SIMD_VBMI2 static void mark_vbmi2(const uint32_t *numbers, size_t count, uint8_t *flags,
                                  uint32_t *marks)
{
    size_t first = numbers[0] / 32, last = numbers[count - 1] / 32;
    for (size_t i = 0; i < count; i++) {
        flags[numbers[i]] = 1;
    }
    for (size_t w = first; w <= last; w++) {
        __m256i flag = _mm256_loadu_si256((const __m256i *)(flags + 32 * w));
        marks[w - first] = _mm256_test_epi8_mask(flag, flag);
        _mm256_storeu_si256((__m256i *)(flags + 32 * w), _mm256_setzero_si256());
    }
}

SIMD_VBMI2 static void pick_vbmi2(const uint16_t *bins, const uint32_t *marks, size_t words,
                                  uint16_t *keys)
{
    for (size_t w = 0; w < words; w++) {
        __m512i key = _mm512_loadu_si512(bins + 32 * w);
        _mm512_storeu_si512(keys, _mm512_maskz_compress_epi16(marks[w], key));
        keys += __builtin_popcount(marks[w]);
    }
}

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
                                      struct keys_rows from, size_t count, struct keys_rows left,
                                      struct keys_rows right, uint32_t *left_weight)
{
    size_t lefts = 0, rights = 0;
    __m256i offset = _mm256_set1_epi16((short)cut.offset);
    __m256i limit = _mm256_set1_epi16((short)cut.limit);
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 all = (__mmask16)(count - i < 16 ? (1U << (count - i)) - 1 : 0xffffU);
        __m256i key = _mm256_maskz_loadu_epi16(all, keys + i);
        __m512i number = _mm512_maskz_loadu_epi32(all, from.numbers + i);
        __m512i weight = _mm512_maskz_loadu_epi32(all, from.weights + i);
        __mmask16 goes_left =
            _mm256_mask_cmple_epu16_mask(all, _mm256_add_epi16(key, offset), limit);
        __mmask16 goes_right = (__mmask16)(all & ~goes_left);
        unsigned here = (unsigned)__builtin_popcount(goes_left);
        /* `left` may reach `from`: no more than `here` may be written */
        __mmask16 written = (__mmask16)((1U << here) - 1);
        _mm512_mask_storeu_epi32(left.numbers + lefts, written,
                                 _mm512_maskz_compress_epi32(goes_left, number));
        _mm512_mask_storeu_epi32(left.weights + lefts, written,
                                 _mm512_maskz_compress_epi32(goes_left, weight));
        _mm512_storeu_si512(right.numbers + rights,
                            _mm512_maskz_compress_epi32(goes_right, number));
        _mm512_storeu_si512(right.weights + rights,
                            _mm512_maskz_compress_epi32(goes_right, weight));
        sum = _mm512_add_epi32(sum, _mm512_maskz_mov_epi32(goes_left, weight));
        lefts += here;
        rights += (unsigned)__builtin_popcount(goes_right);
    }
    *left_weight = (uint32_t)_mm512_reduce_add_epi32(sum);
    return lefts;
}
#endif

bool keys_can_pick(void)
{
#if defined(SIMD_AVX512)
    return SIMD_HAS_AVX512 && __builtin_cpu_supports("avx512vbmi2");
#else
    return false;
#endif
}

void keys_mark(const uint32_t *numbers, size_t count, uint8_t *flags, uint32_t *marks)
{
#if defined(SIMD_AVX512)
    if (keys_can_pick()) {
        mark_vbmi2(numbers, count, flags, marks);
        return;
    }
#endif
    mark_plain(numbers, count, flags, marks);
}

void keys_pick(const uint16_t *bins, const uint32_t *marks, size_t words, uint16_t *keys)
{
#if defined(SIMD_AVX512)
    if (keys_can_pick()) {
        pick_vbmi2(bins, marks, words, keys);
        return;
    }
#endif
    pick_plain(bins, marks, words, keys);
}

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

size_t keys_part(struct keys_cut cut, const uint16_t *keys, struct keys_rows from, size_t count,
                 struct keys_rows left, struct keys_rows right, uint32_t *left_weight)
{
#if defined(SIMD_AVX512)
    if (SIMD_HAS_AVX512) {
        return part_avx512(cut, keys, from, count, left, right, left_weight);
    }
#endif
    return part_plain(cut, keys, from, count, left, right, left_weight);
}
