/* Passes over the keys of a node, see keys.h. Memory only. */
#include "forest/keys.h"

#include "forest/simd.h"

#include <stdbool.h>
#include <string.h>

#if defined(SIMD_AVX2)
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

#if defined(SIMD_AVX2)
/* PACKED(mask): the places of the mask's bits, one a byte, the lowest first. */
#define BIT(mask, i) ((uint64_t)(mask) >> (i)&1)
#define PUSH(mask, i, places) ((places) << 8 * BIT(mask, i) | (i)*BIT(mask, i))
#define PACKED_4(mask, i, places) \
    PUSH(mask, i, PUSH(mask, (i) + 1, PUSH(mask, (i) + 2, PUSH(mask, (i) + 3, places))))
#define PACKED(mask) PACKED_4(mask, 0, PACKED_4(mask, 4, UINT64_C(0)))
#define PACKED_ROW(mask)                                                                          \
    PACKED(mask), PACKED((mask) + 1), PACKED((mask) + 2), PACKED((mask) + 3), PACKED((mask) + 4), \
        PACKED((mask) + 5), PACKED((mask) + 6), PACKED((mask) + 7)
#define PACKED_ROWS(mask) \
    PACKED_ROW(mask), PACKED_ROW((mask) + 8), PACKED_ROW((mask) + 16), PACKED_ROW((mask) + 24)

/* AVX2 has no instruction that packs a vector: its lanes are permuted, by this table. */
static const uint64_t packed[256] = {
    PACKED_ROWS(0),   PACKED_ROWS(32),  PACKED_ROWS(64),  PACKED_ROWS(96),
    PACKED_ROWS(128), PACKED_ROWS(160), PACKED_ROWS(192), PACKED_ROWS(224),
};

/* The packed places of a mask of eight, as numbers of 16 bits. */
SIMD_AVX2 static inline __m128i packed_places(unsigned mask)
{
    return _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)&packed[mask]));
}

/* Flags first: rows of a word do not wait for one another. */
SIMD_AVX2 static void mark_avx2(const uint32_t *numbers, size_t count, uint8_t *flags,
                                uint32_t *marks)
{
    size_t first = numbers[0] / 32, last = numbers[count - 1] / 32;
    for (size_t i = 0; i < count; i++) {
        flags[numbers[i]] = 0x80;
    }
    for (size_t w = first; w <= last; w++) {
        __m256i flag = _mm256_loadu_si256((const __m256i *)(flags + 32 * w));
        marks[w - first] = (uint32_t)_mm256_movemask_epi8(flag);
        _mm256_storeu_si256((__m256i *)(flags + 32 * w), _mm256_setzero_si256());
    }
}

SIMD_AVX2 static void pick_avx2(const uint16_t *bins, const uint32_t *marks, size_t words,
                                uint16_t *keys)
{
    __m128i bytes = _mm_set1_epi16(0x0202), second = _mm_set1_epi16(0x0100);
    for (size_t w = 0; w < words; w++) {
        for (int part = 0; part < 4; part++) { /* place p of 16 bits is bytes 2 p and 2 p + 1 */
            unsigned mask = marks[w] >> 8 * part & 0xff;
            __m128i key = _mm_loadu_si128((const __m128i *)(bins + 32 * w + 8 * part));
            __m128i order = _mm_add_epi16(_mm_mullo_epi16(packed_places(mask), bytes), second);
            _mm_storeu_si128((__m128i *)keys, _mm_shuffle_epi8(key, order));
            keys += __builtin_popcount(mask);
        }
    }
}

SIMD_AVX2 static size_t collect_avx2(const uint16_t *keys, size_t rows, uint16_t low,
                                     uint16_t width, uint32_t *places)
{
    size_t count = 0;
    __m256i base = _mm256_set1_epi16((short)low), most = _mm256_set1_epi16((short)width);
    for (size_t i = 0; i < rows; i += 32) {
        __m256i key[2];
        for (int half = 0; half < 2; half++) {
            key[half] =
                _mm256_sub_epi16(_mm256_loadu_si256((const __m256i *)(keys + i + 16 * half)), base);
            key[half] = _mm256_cmpeq_epi16(_mm256_min_epu16(key[half], most), key[half]);
        }
        __m256i bytes = _mm256_packs_epi16(key[0], key[1]); /* of each half: eight, and eight */
        bytes = _mm256_permute4x64_epi64(bytes, _MM_SHUFFLE(3, 1, 2, 0));
        uint32_t found = (uint32_t)_mm256_movemask_epi8(bytes);
        if (rows - i < 32) {
            found &= (1U << (rows - i)) - 1;
        }
        for (; found != 0; found &= found - 1) {
            places[count++] = (uint32_t)(i + (size_t)__builtin_ctz(found));
        }
    }
    return count;
}

/* Packs the lanes of numbers and weights. */
SIMD_AVX2 static inline void store_packed(struct keys_rows to, size_t place, unsigned mask,
                                          __m256i number, __m256i weight)
{
    __m256i order = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)&packed[mask]));
    _mm256_storeu_si256((__m256i *)(to.numbers + place),
                        _mm256_permutevar8x32_epi32(number, order));
    _mm256_storeu_si256((__m256i *)(to.weights + place),
                        _mm256_permutevar8x32_epi32(weight, order));
}

SIMD_AVX2 static size_t part_avx2(struct keys_cut cut, const uint16_t *keys, struct keys_rows from,
                                  size_t count, struct keys_rows left, struct keys_rows right,
                                  uint32_t *left_weight)
{
    size_t lefts = 0, i = 0;
    __m128i offset = _mm_set1_epi16((short)cut.offset), limit = _mm_set1_epi16((short)cut.limit);
    __m256i sum = _mm256_setzero_si256();
    for (; i + 8 <= count; i += 8) { /* what is too much behind `left` has been read already */
        __m128i key = _mm_add_epi16(_mm_loadu_si128((const __m128i *)(keys + i)), offset);
        __m128i is_left = _mm_cmpeq_epi16(_mm_min_epu16(key, limit), key);
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(is_left, is_left)) & 0xff;
        __m256i number = _mm256_loadu_si256((const __m256i *)(from.numbers + i));
        __m256i weight = _mm256_loadu_si256((const __m256i *)(from.weights + i));
        sum = _mm256_add_epi32(sum, _mm256_and_si256(weight, _mm256_cvtepi16_epi32(is_left)));
        store_packed(left, lefts, mask, number, weight);
        store_packed(right, i - lefts, mask ^ 0xff, number, weight);
        lefts += (unsigned)__builtin_popcount(mask);
    }
    uint32_t sums[8], rest;
    _mm256_storeu_si256((__m256i *)sums, sum);
    struct keys_rows last = {from.numbers + i, from.weights + i};
    struct keys_rows left_end = {left.numbers + lefts, left.weights + lefts};
    struct keys_rows right_end = {right.numbers + (i - lefts), right.weights + (i - lefts)};
    lefts += part_plain(cut, keys + i, last, count - i, left_end, right_end, &rest);
    *left_weight =
        rest + sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
    return lefts;
}

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

const struct keys_passes *keys_passes(size_t version)
{
    const struct keys_passes *all[4];
    size_t count = 0;
#if defined(SIMD_AVX2)
    static const struct keys_passes vbmi2 = {8, mark_vbmi2, pick_vbmi2, collect_avx512,
                                             part_avx512};
    static const struct keys_passes avx512 = {4, mark_avx2, pick_avx2, collect_avx512, part_avx512};
    static const struct keys_passes avx2 = {4, mark_avx2, pick_avx2, collect_avx2, part_avx2};
    if (SIMD_HAS_AVX512 && __builtin_cpu_supports("avx512vbmi2")) {
        all[count++] = &vbmi2;
    }
    if (SIMD_HAS_AVX512) {
        all[count++] = &avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        all[count++] = &avx2;
    }
#endif
    static const struct keys_passes plain = {0, mark_plain, pick_plain, collect_plain, part_plain};
    all[count++] = &plain;
    return version < count ? all[version] : NULL;
}
