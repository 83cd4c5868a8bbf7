/* A tree as cache lines, and the walks through them. Reads a forest and converted rows, moves walks
 * from line to line.
 *
 * Where a row has at most 16 columns, one register of AVX-512 holds it, and a step is: fetch the
 * line, pick the values that its seven keys ask for out of the register, compare all seven at once,
 * look up to which of the eight lines below these bits lead. That is nine instructions and one
 * fetch for three levels; node by node it is seven and two fetches for one (predict.c). Measured on
 * lines in the second cache: 0.29 ns a level against 1.0 ns; 16 walks at once a quarter faster
 * than 8.
 *
 * A leaf that stands higher in its line than the exits takes all exits below it. Each distinct leaf
 * of a forest (grown to purity: one a class) has a line of its own, whose exits all lead to itself:
 * a row that has arrived stays there. */
#include "forest/lines.h"

#include "base/arena.h"
#include "forest/impl.h"
#include "forest/layout.h"
#include "forest/simd.h"

#include <stdlib.h>

_Static_assert(sizeof(struct layout_line) == 1 << LINE_SHIFT, "lines are named by their shift");

/* ---- making them ---- */

enum { LINE_LEVELS = 3, COLUMN_BITS = 4 };

/* For each node of a tree the level that it has in its line, 0 on top: level[nodes of the tree],
 * zeroed. Nodes stand in preorder, so a parent is seen before its children. */
static void find_levels(const struct forest *forest, size_t tree, uint8_t *level)
{
    const struct forest_node *nodes = forest->nodes;
    size_t root = forest->roots[tree], end = forest_tree_end(forest, tree);
    for (size_t n = root; n < end; n++) {
        if (nodes[n].feature != FOREST_LEAF) {
            uint8_t below = (uint8_t)((level[n - root] + 1) % LINE_LEVELS);
            level[nodes[n].left - root] = level[nodes[n].right - root] = below;
        }
    }
}

size_t lines_count(const struct forest *forest, size_t tree)
{
    size_t root = forest->roots[tree], nodes = forest_tree_end(forest, tree) - root, count = 0;
    uint8_t *level = xcalloc(nodes, 1);
    find_levels(forest, tree, level);
    for (size_t n = 0; n < nodes; n++) {
        count += level[n] == 0 && forest->nodes[root + n].feature != FOREST_LEAF;
    }
    free(level);
    return count;
}

struct placing {
    const struct lines_source *source;
    size_t root;
    const uint32_t *line; /* [nodes of the tree]: where a node's line begins */
};

/* Puts what stands below `node` into slot `slot` of a line (0 is the top, then level by level; the
 * exits follow the keys). */
static void place_slot(const struct placing *p, struct layout_line *to, unsigned slot,
                       uint32_t node)
{
    const struct forest *forest = p->source->forest;
    const struct forest_node *from = &forest->nodes[node];
    bool leaf = from->feature == FOREST_LEAF;
    if (slot >= LINE_KEYS) {
        to->next[slot - LINE_KEYS] = leaf ? p->source->leaf[node] : p->line[node - p->root];
        return;
    }
    uint32_t column = 0;
    to->key[slot] = line_key(KEY_HIGHEST); /* nothing is greater: left */
    if (!leaf) {
        bool left = forest->missing_left && forest->missing_left[node];
        column = p->source->column_of[left * forest->features + (size_t)from->feature];
        to->key[slot] = line_key(layout_key(from->threshold));
    }
    to->columns |= column << (slot * COLUMN_BITS);
    place_slot(p, to, 2 * slot + 1, leaf ? node : from->left);
    place_slot(p, to, 2 * slot + 2, leaf ? node : from->right);
}

uint32_t lines_place(const struct lines_source *source, size_t tree, struct layout_line *to,
                     uint32_t first)
{
    const struct forest *forest = source->forest;
    size_t root = forest->roots[tree], nodes = forest_tree_end(forest, tree) - root;
    if (forest->nodes[root].feature == FOREST_LEAF) {
        return source->leaf[root];
    }
    uint8_t *level = xcalloc(nodes, 1);
    uint32_t *line = xcalloc(nodes, sizeof *line), used = 0;
    find_levels(forest, tree, level);
    for (size_t n = 0; n < nodes; n++) { /* in preorder, so that a walk goes forward */
        line[n] = first + (used << LINE_SHIFT);
        used += level[n] == 0 && forest->nodes[root + n].feature != FOREST_LEAF;
    }
    const struct placing p = {.source = source, .root = root, .line = line};
    for (size_t n = 0; n < nodes; n++) {
        if (level[n] == 0 && forest->nodes[root + n].feature != FOREST_LEAF) {
            place_slot(&p, to++, 0, (uint32_t)(root + n));
        }
    }
    free(level);
    free(line);
    return first;
}

void lines_place_leaf(struct layout_line *lines, uint32_t at, uint32_t payload)
{
    struct layout_line *line = &lines[at >> LINE_SHIFT];
    line->key[0] = payload;
    for (int exit = 0; exit < LINE_EXITS; exit++) {
        line->next[exit] = at;
    }
}

/* ---- walking ---- */

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { LATER_STEPS = 1 }; /* before those that have not arrived are gathered */

bool lines_fit(size_t columns)
{
    return columns <= LINE_COLUMNS && SIMD_HAS_AVX512;
}

/* Where the comparisons of a line lead: bit k says "right of key k", bit 7 does not count. */
#define EXIT_1(b) ((b)&1)
#define EXIT_2(b) (2 * EXIT_1(b) + ((b) >> (1 + EXIT_1(b)) & 1))
#define EXIT_3(b) (2 * EXIT_2(b) + ((b) >> (3 + EXIT_2(b)) & 1))
#define EXITS_4(b) EXIT_3(b), EXIT_3((b) + 1), EXIT_3((b) + 2), EXIT_3((b) + 3)
#define EXITS_16(b) EXITS_4(b), EXITS_4((b) + 4), EXITS_4((b) + 8), EXITS_4((b) + 12)
#define EXITS_64(b) EXITS_16(b), EXITS_16((b) + 16), EXITS_16((b) + 32), EXITS_16((b) + 48)

static const uint8_t exit_of[256] = {EXITS_64(0), EXITS_64(64), EXITS_64(128), EXITS_64(192)};

/* Walks that go on: where, and whose. */
struct going {
    uint32_t at[LINE_WALKS + LINE_LANES], item[LINE_WALKS + LINE_LANES];
    size_t count;
};

/* `steps` steps of at[count], a multiple of LINE_LANES; `item` NULL: walk i is item i. */
SIMD_AVX512 static inline __attribute__((always_inline)) void advance(const struct line_walks *w,
                                                                      uint32_t *at_of,
                                                                      const uint32_t *item,
                                                                      size_t count, uint32_t steps)
{
    const __m256i shifts = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    const char *first = (const char *)w->lines;
    for (size_t i = 0; i < count; i += LINE_LANES) {
        uint32_t *at = at_of + i;
        __m512i row[LINE_LANES];
#pragma GCC unroll 16
        for (size_t lane = 0; lane < LINE_LANES; lane++) {
            row[lane] =
                _mm512_loadu_si512(w->keys + (item ? item[i + lane] : i + lane) * w->stride);
        }
        for (uint32_t step = 0; step < steps; step++) {
#pragma GCC unroll 16
            for (int lane = 0; lane < LINE_LANES; lane++) {
                const struct layout_line *line = (const void *)(first + at[lane]);
                __m256i column = /* the low 4 bits of each */
                    _mm256_srlv_epi32(_mm256_set1_epi32((int)line->columns), shifts);
                __m256i value = _mm512_castsi512_si256(
                    _mm512_permutexvar_epi32(_mm512_castsi256_si512(column), row[lane]));
                __m256i key = _mm256_load_si256((const __m256i *)(const void *)line);
                __m256 right = _mm256_castsi256_ps(_mm256_cmpgt_epi32(value, key));
                at[lane] = line->next[exit_of[_mm256_movemask_ps(right)]];
            }
        }
    }
}

/* Keeps in `to` those of at[count] that have not arrived. They may be to->at, with their items. */
SIMD_AVX512 static void keep_going(struct going *to, const struct line_walks *w, const uint32_t *at,
                                   const uint32_t *item, size_t count)
{
    const __m512i leaves = _mm512_set1_epi32((int)w->leaf_bytes);
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

SIMD_AVX512 void lines_walk(const struct line_walks *w, uint32_t *at, size_t count, uint32_t steps)
{
    struct going going;
    advance(w, at, NULL, fill_lanes(at, NULL, count), steps);
    for (keep_going(&going, w, at, NULL, count); going.count > 0;) {
        size_t filled = fill_lanes(going.at, going.item, going.count);
        advance(w, going.at, going.item, filled, LATER_STEPS);
        for (size_t i = 0; i < going.count; i++) {
            at[going.item[i]] = going.at[i];
        }
        keep_going(&going, w, going.at, going.item, going.count);
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
