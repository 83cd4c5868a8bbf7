/* Cuts of nodes whose rows are lanes of a vector, see block.h. As in cut.c's small nodes every row
 * is a candidate and is compared with all of them, but without a branch between classes, which
 * nodes of two to sixteen rows mispredict. Lanes that are no rows of the node are candidates, too:
 * a cut at their key does what one at a lower key of a row does, or leaves a side empty. Memory
 * only. */
#include "forest/block.h"

#include "base/arena.h"
#include "forest/cut_lanes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A row of the node. */
struct live_row {
    uint16_t lane, weight;
    uint16_t same;   /* all bits: the row before has the same class; else 0 */
    uint16_t shared; /* two times its weight times its class's in the node, modulo 2^16 */
};

/* Whose keys of a feature are known. */
struct opened {
    uint32_t subtree, lanes;
};

struct block {
    struct block_source source;
    uint32_t numbers[LANES];
    uint16_t weights[LANES];
    uint32_t labels[LANES];
    uint16_t *keys;        /* [features][lanes]: what was looked up last, */
    struct opened *opened; /* [features]: for whom */
    uint32_t subtree;      /* its number, from 1 */
    struct live_row live[LANES];
    int live_count;
    uint32_t lanes;           /* of the node */
    uint32_t sources[LANES];  /* the rows of its lanes; other lanes repeat the first of them, whose
                                 bins are at hand then */
    uint16_t weight, squares; /* of the node: sums of its rows' weights, and of squared classes' */
};

struct block *block_new(size_t features)
{
    struct block *block = xcalloc(1, sizeof *block);
    block->keys = xcalloc(features, LANES * sizeof *block->keys);
    block->opened = xcalloc(features, sizeof *block->opened);
    return block;
}

void block_free(struct block *block)
{
    if (block) {
        free(block->keys);
        free(block->opened);
        free(block);
    }
}

uint32_t block_open(struct block *block, struct block_source source, struct keys_rows rows,
                    const struct run *runs, size_t run_count)
{
    uint32_t count = runs[run_count - 1].end, i = 0;
    assert(count > 0 && count <= LANES);
    for (size_t r = 0; r < run_count; r++) {
        for (; i < runs[r].end; i++) {
            block->numbers[i] = rows.numbers[i];
            block->weights[i] = (uint16_t)rows.weights[i];
            block->labels[i] = runs[r].label;
        }
    }
    block->source = source;
    if (++block->subtree == 0) { /* numbers start again: nothing has been opened */
        memset(block->opened, 0, source.features * sizeof *block->opened);
        block->subtree = 1;
    }
    return (1U << count) - 1;
}

/* ---- the node ---- */

/* Takes the lowest lane out of a set. */
static inline int next_lane(uint32_t *lanes)
{
    int lane = __builtin_ctz(*lanes);
    *lanes &= *lanes - 1;
    return lane;
}

bool block_is_pure(const struct block *block, uint32_t lanes)
{
    return block->labels[__builtin_ctz(lanes)] == block->labels[31 - __builtin_clz(lanes)];
}

size_t block_runs(const struct block *block, uint32_t lanes, struct run *runs)
{
    struct run run = {.label = block->labels[__builtin_ctz(lanes)]};
    size_t count = 0;
    while (lanes != 0) {
        int lane = next_lane(&lanes);
        if (block->labels[lane] != run.label) {
            runs[count++] = run;
            run = (struct run){block->labels[lane], run.end, 0};
        }
        run.end++;
        run.weight += block->weights[lane];
    }
    runs[count++] = run;
    return count;
}

void block_enter(struct block *block, uint32_t lanes)
{
    struct live_row *live = block->live;
    uint32_t label = UINT32_MAX, weight = 0, squares = 0, sum = 0;
    int count = 0;
    block->lanes = lanes;
    for (int i = 0, first = __builtin_ctz(lanes); i < LANES; i++) {
        block->sources[i] = block->numbers[lanes >> i & 1 ? i : first];
    }
    while (lanes != 0) { /* `shared`: the weight of the class so far */
        int lane = next_lane(&lanes);
        uint16_t same = block->labels[lane] == label ? UINT16_MAX : 0, own = block->weights[lane];
        label = block->labels[lane];
        sum = (sum & same) + own;
        live[count++] = (struct live_row){(uint16_t)lane, own, same, (uint16_t)sum};
        weight += own;
    }
    for (int i = count; i-- > 0;) {
        bool last = i + 1 == count || live[i + 1].same == 0; /* of its class */
        sum = last ? live[i].shared : sum;
        live[i].shared = (uint16_t)(2 * live[i].weight * sum);
        squares += live[i].weight * sum;
    }
    block->live_count = count;
    block->weight = (uint16_t)weight;
    block->squares = (uint16_t)squares;
}

/* ---- the cut ---- */

static void open_feature(struct block *block, uint32_t feature)
{
    const uint16_t *bins = block->source.bins + feature * block->source.rows;
    const uint32_t *n = block->sources;
    /* all at once: stores of one key each would have to reach the cache before a vector is read */
    lanes_u16 keys = {bins[n[0]],  bins[n[1]],  bins[n[2]],  bins[n[3]], bins[n[4]],  bins[n[5]],
                      bins[n[6]],  bins[n[7]],  bins[n[8]],  bins[n[9]], bins[n[10]], bins[n[11]],
                      bins[n[12]], bins[n[13]], bins[n[14]], bins[n[15]]};
    memcpy(block->keys + (size_t)feature * LANES, &keys, sizeof keys);
    block->opened[feature] = (struct opened){block->subtree, block->lanes};
}

SIMD_BODY void cut_any(const struct block *block, const uint16_t *keys, int32_t *score,
                       int32_t *key)
{
    lanes_u16 candidates, left = {0}, twice = {0}, squares = {0}, shared = {0};
    memcpy(&candidates, keys, sizeof candidates);
    for (int i = 0; i < block->live_count; i++) {
        const struct live_row *row = &block->live[i];
        lanes_u16 there = (lanes_u16)(keys[row->lane] <= candidates);
        shared += there & row->shared;
        there &= row->weight;
        twice &= row->same;
        squares += there * (twice + there); /* (a + b)^2 is a^2 + b (2 a + b) */
        twice += there + there;
        left += there;
    }
    /* (all - left)^2 is all^2 - 2 all left + left^2 */
    lanes_u16 rests = block->squares - shared + squares, right = block->weight - left;
    struct best_lanes best[PARTS];
    for (int part = 0; part < PARTS; part++) {
        part_f32 left_squares, right_squares, left_weight, right_weight;
        widen_real(&squares, part, &left_squares);
        widen_real(&rests, part, &right_squares);
        widen_real(&left, part, &left_weight);
        widen_real(&right, part, &right_weight);
        part_f32 value = left_squares / left_weight + right_squares / right_weight;
        best[part].score = (part_i32)value & (left_weight > 0) & (right_weight > 0);
        widen(&candidates, part, &best[part].key);
    }
    keep_better(&best[0], &best[1]);
    fold_best(&best[0]);
    *score = best[0].score[0];
    *key = best[0].key[0];
}

SIMD_VERSIONS(static, void, , cut,
              (const struct block *block, const uint16_t *keys, int32_t *score, int32_t *key),
              (block, keys, score, key))

double block_cut(struct block *block, uint32_t feature, uint16_t *key)
{
    const struct opened *opened = &block->opened[feature];
    int32_t bits, found;
    float score;
    if (opened->subtree != block->subtree || (block->lanes & ~opened->lanes) != 0) {
        open_feature(block, feature);
    }
    cut(block, block->keys + (size_t)feature * LANES, &bits, &found);
    memcpy(&score, &bits, sizeof score);
    *key = (uint16_t)found;
    return bits > 0 ? (double)score : -1;
}

void block_part(const struct block *block, uint32_t feature, uint16_t key,
                struct block_halves *halves)
{
    const uint16_t *keys = block->keys + (size_t)feature * LANES;
    uint32_t left = 0, left_weight = 0;
    uint16_t above = UINT16_MAX;
    for (int i = 0; i < block->live_count; i++) {
        const struct live_row *row = &block->live[i];
        uint16_t own = keys[row->lane];
        uint32_t goes_left = own <= key;
        left |= goes_left << row->lane;
        left_weight += goes_left * row->weight;
        own |= (uint16_t)-goes_left;
        above = own < above ? own : above;
    }
    halves->left = left;
    halves->left_weight = left_weight;
    halves->above = above;
}
