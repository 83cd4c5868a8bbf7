/* The best cut, in one of four ways that agree on what is best:
 *
 * - small nodes: every row is a candidate, 16 of them side by side in vector lanes, and every row
 * is compared with all of them. Quadratic, but nothing is sorted and nothing branches;
 * - few keys: every row is compared with all of them in the same way;
 * - large nodes: a histogram of few buckets finds the neighbourhood of the best cut, and the rows
 * of the buckets on both of its sides are then cut exactly (CLOUDS: Alsabti et al. 1998);
 * - missing values, very many classes and heavy weights: the rows are sorted and scanned.
 *
 * Reads keys and weights, writes nothing but its scratch memory. Weights are whole numbers, so sums
 * are exact in any order. Vectors are the compiler's, so that every machine gets the same result;
 * x86-64 has versions for AVX-512 and AVX2. */
#include "forest/cut.h"

#include "base/arena.h"
#include "forest/cut_lanes.h"
#include "forest/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL_ROWS = 192,     /* up to here: all rows against all rows */
    SMALL_WEIGHT = 65535, /* class weights fit a lane */
    TINY_WEIGHT = 255,    /* their squares, too */
    MAX_BUCKETS = 1024,
    RADIX = 256,
    INSERTION_ROWS = 24,
    EXACT_WEIGHT = 1 << 26, /* sums of squares are exact as doubles */
    EIGHT = 8,              /* keys to a vector that every x86-64 has */
    QUARTERS = 4,
};

typedef uint16_t eight_u16 __attribute__((vector_size(2 * EIGHT)));

/* Keys as buckets: (key - low) >> shift. */
struct coarse {
    uint16_t low;
    int shift;
    size_t buckets;
};

struct item {
    uint16_t key;
    uint16_t run;
    uint32_t weight;
};

struct cut_scratch {
    const struct keys_passes *passes;
    struct item *items, *spare; /* [item_room] */
    size_t item_room;
    uint32_t *places; /* [place_room] */
    size_t place_room;
    uint32_t *left;    /* [classes]: a run's weight left of the cut */
    uint32_t *base;    /* [classes]: the same, left of all items */
    uint32_t *missing; /* [classes]: a run's weight without a value */
    size_t histogram_room;
    uint32_t *histogram; /* [runs][buckets] */
    double left_squares[MAX_BUCKETS], right_squares[MAX_BUCKETS], left_weight[MAX_BUCKETS];
    double score[MAX_BUCKETS];
};

struct cut_scratch *cut_scratch_new(size_t classes)
{
    struct cut_scratch *s = xcalloc(1, sizeof *s);
    s->passes = keys_passes(0);
    s->left = xcalloc(classes, sizeof *s->left);
    s->base = xcalloc(classes, sizeof *s->base);
    s->missing = xcalloc(classes, sizeof *s->missing);
    return s;
}

void cut_scratch_free(struct cut_scratch *scratch)
{
    if (scratch) {
        free(scratch->items);
        free(scratch->spare);
        free(scratch->places);
        free(scratch->left);
        free(scratch->base);
        free(scratch->missing);
        free(scratch->histogram);
        free(scratch);
    }
}

static double factor_of(const struct cut_node *node, const struct run *run)
{
    return node->factors ? node->factors[run->label] : 1;
}

static double total_weight(const struct cut_node *node)
{
    double total = 0;
    for (size_t r = 0; r < node->run_count; r++) {
        total += factor_of(node, &node->runs[r]) * node->runs[r].weight;
    }
    return total;
}

/* ---- small nodes: all rows against all rows ---- */

/* What a score is made of: sums over the classes of squared weights on the left and on the right,
 * and what both sides weigh. */
struct sums {
    part_f32 left_squares, right_squares, left, right;
};

/* Takes the scores of the cuts at eight of the candidates into account, where both sides weigh
 * enough; `lefts` are the weights on the left. */
SIMD_BODY void score_part(const struct cut_node *node, const lanes_u16 *lefts,
                          const struct sums *sums, const lanes_u16 *candidates, int part,
                          struct best_lanes *best)
{
    struct best_lanes here;
    part_i32 left;
    widen(lefts, part, &left);
    widen(candidates, part, &here.key);
    part_i32 right = (int32_t)node->weight - left;
    part_f32 value = sums->left_squares / sums->left + sums->right_squares / sums->right;
    here.score = (part_i32)value & /* x / 0 is masked out */
                 (left >= (int32_t)node->min_weight) & (right >= (int32_t)node->min_weight);
    keep_better(best, &here);
}

/* The weight of a run's rows with key <= candidate, for `halves` times 16 candidates. */
#define ADD_RUN(sum)                                                          \
    for (; i < run->end; i++) {                                               \
        uint16_t weight = (uint16_t)node->weights[i];                         \
        for (int half = 0; half < halves; half++) {                           \
            (sum)[half] += (lanes_u16)(keys[i] <= candidates[half]) & weight; \
        }                                                                     \
    }

/* Nodes so light that squares of class weights fit 16 bits. */
SIMD_BODY void small_tiny(const struct cut_node *node, const uint16_t *keys,
                          const lanes_u16 *candidates, int halves, struct best_lanes *best)
{
    lanes_u16 left[2] = {0}, squares[2] = {0}, rests[2] = {0};
    size_t i = 0;
    for (size_t r = 0; r < node->run_count; r++) {
        const struct run *run = &node->runs[r];
        lanes_u16 sum[2] = {0};
        ADD_RUN(sum)
        for (int half = 0; half < halves; half++) {
            lanes_u16 rest = (uint16_t)run->weight - sum[half];
            left[half] += sum[half];
            squares[half] += sum[half] * sum[half];
            rests[half] += rest * rest;
        }
    }
    for (int half = 0; half < halves; half++) {
        lanes_u16 right = (uint16_t)node->weight - left[half];
        for (int part = 0; part < 2; part++) {
            struct sums sums;
            widen_real(&squares[half], part, &sums.left_squares);
            widen_real(&rests[half], part, &sums.right_squares);
            widen_real(&left[half], part, &sums.left);
            widen_real(&right, part, &sums.right);
            score_part(node, &left[half], &sums, &candidates[half], part, best);
        }
    }
}

/* Nodes whose class weights fit 16 bits. */
SIMD_BODY void small_heavier(const struct cut_node *node, const uint16_t *keys,
                             const lanes_u16 *candidates, int halves, struct best_lanes *best)
{
    float total = (float)total_weight(node);
    lanes_u16 left[2] = {0};
    struct sums sums[2][2] = {0};
    size_t i = 0;
    for (size_t r = 0; r < node->run_count; r++) {
        const struct run *run = &node->runs[r];
        float factor = (float)factor_of(node, run), all = (float)run->weight * factor;
        lanes_u16 sum[2] = {0};
        ADD_RUN(sum)
        for (int half = 0; half < halves; half++) {
            left[half] += sum[half];
            for (int part = 0; part < 2; part++) {
                part_f32 there;
                widen_real(&sum[half], part, &there);
                there *= factor;
                sums[half][part].left_squares += there * there;
                sums[half][part].right_squares += (all - there) * (all - there);
                sums[half][part].left += there;
            }
        }
    }
    for (int half = 0; half < halves; half++) {
        for (int part = 0; part < 2; part++) {
            sums[half][part].right = total - sums[half][part].left;
            score_part(node, &left[half], &sums[half][part], &candidates[half], part, best);
        }
    }
}

/* Candidates are the rows' own keys, or all keys there may be when those are fewer vectors. */
SIMD_BODY void small_any(const struct cut_node *node, const uint16_t *keys, uint16_t low,
                         uint16_t high, struct cut *best)
{
    struct best_lanes lanes = {0};
    uint16_t all[2 * LANES];
    const uint16_t *tried = keys;
    size_t count = node->rows, span = (size_t)(high - low) + 1;
    if ((count > LANES && span <= LANES) || (count > 2 * LANES && span <= 2 * LANES)) {
        count = span;
        for (size_t i = 0; i < 2 * LANES; i++) { /* behind `high`: all is left, which is no cut */
            all[i] = (uint16_t)(low + i);
        }
        tried = all;
    }
    bool tiny = node->weight <= TINY_WEIGHT && !node->factors;
    for (size_t first = 0; first < count; first += 2 * LANES) {
        lanes_u16 candidates[2];
        memcpy(candidates, tried + first, sizeof candidates);
        if (tiny && count <= LANES) { /* most nodes of a tree */
            small_tiny(node, keys, candidates, 1, &lanes);
        } else if (tiny) {
            small_tiny(node, keys, candidates, 2, &lanes);
        } else if (count <= LANES) {
            small_heavier(node, keys, candidates, 1, &lanes);
        } else {
            small_heavier(node, keys, candidates, 2, &lanes);
        }
    }
    fold_best(&lanes);
    int32_t bits = lanes.score[0];
    float score;
    memcpy(&score, &bits, sizeof score);
    if (bits > 0) {
        *best = (struct cut){.score = (double)score, .key = (uint16_t)lanes.key[0]};
    }
}

SIMD_VERSIONS(static, void, , small,
              (const struct cut_node *node, const uint16_t *keys, uint16_t low, uint16_t high,
               struct cut *best),
              (node, keys, low, high, best))

/* ---- few keys: all rows against all keys ---- */

/* scores[16]: of the cuts behind `low` and the 15 keys above it, not a number where a side is
 * empty; lefts[16]: what is on their left. Sums of squares fit 32 bits, as the node's weight fits
 * 16. */
SIMD_BODY void few_keys_any(const struct cut_node *node, const uint16_t *keys, uint16_t low,
                            double *restrict scores, uint16_t *restrict lefts)
{
    lanes_u16 candidates, left = {0};
    part_u32 left_squares[PARTS] = {{0}, {0}}, right_squares[PARTS] = {{0}, {0}};
    uint16_t all[LANES];
    size_t i = 0;
    for (int lane = 0; lane < LANES; lane++) {
        all[lane] = (uint16_t)(low + lane);
    }
    memcpy(&candidates, all, sizeof candidates);
    for (size_t r = 0; r < node->run_count; r++) {
        const struct run *run = &node->runs[r];
        lanes_u16 sum = {0}, odd = {0};
        for (; i + 1 < run->end; i += 2) { /* two sums: rows in turn do not wait for one another */
            sum += (lanes_u16)(keys[i] <= candidates) & (uint16_t)node->weights[i];
            odd += (lanes_u16)(keys[i + 1] <= candidates) & (uint16_t)node->weights[i + 1];
        }
        for (; i < run->end; i++) {
            sum += (lanes_u16)(keys[i] <= candidates) & (uint16_t)node->weights[i];
        }
        sum += odd;
        left += sum;
        for (int part = 0; part < PARTS; part++) {
            part_i32 wide;
            widen(&sum, part, &wide);
            part_u32 here = (part_u32)wide, rest = run->weight - here;
            left_squares[part] += here * here;
            right_squares[part] += rest * rest;
        }
    }
    uint32_t squares[2][LANES];
    memcpy(squares[0], left_squares, sizeof left_squares);
    memcpy(squares[1], right_squares, sizeof right_squares);
    memcpy(lefts, &left, sizeof left);
    for (int lane = 0; lane < LANES; lane++) {
        scores[lane] = squares[0][lane] / (double)lefts[lane] +
                       squares[1][lane] / (double)(node->weight - lefts[lane]);
    }
}

SIMD_VERSIONS(static, void, , few_keys,
              (const struct cut_node *node, const uint16_t *keys, uint16_t low,
               double *restrict scores, uint16_t *restrict lefts),
              (node, keys, low, scores, lefts))

static void cut_few(const struct cut_node *node, const uint16_t *keys, uint16_t low,
                    struct cut *best)
{
    double scores[LANES];
    uint16_t lefts[LANES];
    few_keys(node, keys, low, scores, lefts);
    for (int lane = 0; lane < LANES; lane++) {
        uint32_t left = lefts[lane];
        if (scores[lane] > best->score && left >= node->min_weight &&
            node->weight - left >= node->min_weight) {
            *best = (struct cut){.score = scores[lane], .key = (uint16_t)(low + lane)};
        }
    }
}

/* ---- large nodes: buckets ---- */

/* Sums over the classes and scores, for a cut behind each bucket; a score is not a number where one
 * side is empty. s->base has what is left of all buckets. */
SIMD_BODY void scan_any(struct cut_scratch *s, const struct cut_node *node, size_t buckets)
{
    double total = total_weight(node);
    memset(s->left_squares, 0, buckets * sizeof(double));
    memset(s->right_squares, 0, buckets * sizeof(double));
    memset(s->left_weight, 0, buckets * sizeof(double));
    for (size_t r = 0; r < node->run_count; r++) {
        uint32_t *restrict counts = s->histogram + r * buckets;
        double factor = factor_of(node, &node->runs[r]), all = node->runs[r].weight * factor;
        uint32_t sum = s->base[r];
        for (size_t b = 0; b < buckets; b++) {
            sum += counts[b];
            counts[b] = sum;
        }
        for (size_t b = 0; b < buckets; b++) {
            double there = (double)(int32_t)counts[b] * factor;
            s->left_squares[b] += there * there;
            s->right_squares[b] += (all - there) * (all - there);
            s->left_weight[b] += there;
        }
    }
    for (size_t b = 0; b < buckets; b++) {
        double left = s->left_weight[b];
        s->score[b] = s->left_squares[b] / left + s->right_squares[b] / (total - left);
    }
}

SIMD_VERSIONS(static, void, , scan,
              (struct cut_scratch * s, const struct cut_node *node, size_t buckets),
              (s, node, buckets))

/* ---- any node: sorted items ---- */

static void sort_items(struct cut_scratch *s, size_t count)
{
    struct item *items = s->items, *spare = s->spare;
    if (count <= INSERTION_ROWS) {
        for (size_t i = 1; i < count; i++) {
            struct item item = items[i];
            size_t place = i;
            for (; place > 0 && items[place - 1].key > item.key; place--) {
                items[place] = items[place - 1];
            }
            items[place] = item;
        }
        return;
    }
    for (int shift = 0; shift < 16; shift += 8) { /* LSD radix sort; two passes end in `items` */
        size_t place[RADIX] = {0}, next = 0;
        for (size_t i = 0; i < count; i++) {
            place[(items[i].key >> shift) & (RADIX - 1)]++;
        }
        for (size_t digit = 0; digit < RADIX; digit++) {
            size_t here = place[digit];
            place[digit] = next;
            next += here;
        }
        for (size_t i = 0; i < count; i++) {
            spare[place[(items[i].key >> shift) & (RADIX - 1)]++] = items[i];
        }
        items = s->spare;
        spare = s->items;
        s->items = items;
        s->spare = spare;
    }
}

/* Tries a cut behind every item that differs from the next one. `s->left` holds what is left of
 * all items, and is changed; a strictly better cut replaces `best`. */
static void scan_items(struct cut_scratch *s, const struct cut_node *node, size_t count,
                       bool missing_left, struct cut *best)
{
    double left_squares = 0, right_squares = 0, left_weight = 0, total = total_weight(node);
    uint32_t left = 0;
    for (size_t r = 0; r < node->run_count; r++) {
        double factor = factor_of(node, &node->runs[r]);
        double here = factor * s->left[r], rest = factor * (node->runs[r].weight - s->left[r]);
        left_squares += here * here;
        right_squares += rest * rest;
        left_weight += here;
        left += s->left[r];
    }
    for (size_t i = 0; i < count; i++) {
        struct item item = s->items[i];
        double factor = factor_of(node, &node->runs[item.run]);
        double weight = factor * item.weight, here = factor * s->left[item.run];
        double rest = factor * node->runs[item.run].weight - here;
        left_squares += weight * (2 * here + weight);
        right_squares -= weight * (2 * rest - weight);
        s->left[item.run] += item.weight;
        left_weight += weight;
        left += item.weight;
        bool last = i + 1 == count;
        if ((!last && s->items[i + 1].key == item.key) || left < node->min_weight ||
            node->weight - left < node->min_weight) {
            continue;
        }
        double score = left_squares / left_weight + right_squares / (total - left_weight);
        if (score > best->score) {
            *best = (struct cut){score, item.key, missing_left};
        }
    }
}

/* Room for `count` items; what was in there is lost. */
static void need_items(struct cut_scratch *s, size_t count)
{
    if (s->item_room < count) {
        free(s->items);
        free(s->spare);
        s->item_room = count;
        s->items = xcalloc(count, sizeof *s->items);
        s->spare = xcalloc(count, sizeof *s->spare);
    }
}

/* Puts the places of the rows with keys in [low, high] into s->places; returns their number. */
static size_t collect(struct cut_scratch *s, const struct cut_node *node, const uint16_t *keys,
                      uint16_t low, uint16_t high)
{
    if (s->place_room < node->rows + KEYS_PADDING) {
        s->place_room = node->rows + KEYS_PADDING;
        s->places = xrealloc(s->places, s->place_room, sizeof *s->places);
    }
    return s->passes->collect(keys, node->rows, low, (uint16_t)(high - low), s->places);
}

/* Sorts the collected rows and scans them; s->base has what is left of them. */
static void cut_sorted(struct cut_scratch *s, const struct cut_node *node, const uint16_t *keys,
                       size_t count, struct cut *best)
{
    size_t r = 0;
    need_items(s, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t place = s->places[i];
        while (place >= node->runs[r].end) {
            r++;
        }
        s->items[i] = (struct item){keys[place], (uint16_t)r, node->weights[place]};
    }
    sort_items(s, count);
    memcpy(s->left, s->base, node->run_count * sizeof *s->left);
    scan_items(s, node, count, false, best);
}

/* A feature that some rows lack: they go to the side that scores better. */
static void cut_with_missing(struct cut_scratch *s, const struct cut_node *node,
                             const uint16_t *keys, struct cut *best)
{
    size_t count = 0, i = 0;
    need_items(s, node->rows + 1);
    memset(s->missing, 0, node->run_count * sizeof *s->missing);
    for (size_t r = 0; r < node->run_count; r++) {
        for (; i < node->runs[r].end; i++) {
            bool missing = keys[i] == BIN_MISSING;
            s->items[count] = (struct item){keys[i], (uint16_t)r, node->weights[i]};
            count += !missing;
            s->missing[r] += missing ? node->weights[i] : 0;
        }
    }
    sort_items(s, count);
    memset(s->left, 0, node->run_count * sizeof *s->left);
    scan_items(s, node, count, false, best); /* also the cut known | missing */
    memcpy(s->left, s->missing, node->run_count * sizeof *s->left);
    scan_items(s, node, count, true, best);
}

/* ---- large nodes ---- */

/* counts[buckets]: what a run's rows weigh, bucket by bucket. Eight keys at once become buckets;
 * four sums side by side, so that rows of one bucket do not wait for one another: 0.8 ticks of
 * a 2.6 GHz clock a row where two sums, key by key, took 1.1, and 1.1 where most rows share a
 * bucket and they took 2.0. */
static void fill_long_run(const struct coarse *coarse, const uint16_t *restrict keys,
                          const uint32_t *restrict weights, size_t rows, uint32_t *restrict counts)
{
    uint32_t sums[QUARTERS][MAX_BUCKETS + 16]; /* not 4,096 bytes apart: loads of one would seem to
                                                  wait for stores to another */
    size_t buckets = coarse->buckets, i = 0;
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first key is the lowest");
    for (int q = 0; q < QUARTERS; q++) {
        memset(sums[q], 0, buckets * sizeof **sums);
    }
    for (; i + EIGHT <= rows; i += EIGHT) {
        const uint32_t *weight = weights + i;
        uint64_t bucket[2]; /* four each, the first one lowest: fewer instructions than loads */
        eight_u16 key;
        memcpy(&key, keys + i, sizeof key);
        key = (key - coarse->low) >> coarse->shift;
        memcpy(bucket, &key, sizeof bucket);
        for (int q = 0; q < QUARTERS; q++) {
            sums[q][bucket[0] >> 16 * q & UINT16_MAX] += weight[q];
        }
        for (int q = 0; q < QUARTERS; q++) {
            sums[q][bucket[1] >> 16 * q & UINT16_MAX] += weight[QUARTERS + q];
        }
    }
    for (; i < rows; i++) {
        sums[0][(uint16_t)(keys[i] - coarse->low) >> coarse->shift] += weights[i];
    }
    for (size_t b = 0; b < buckets; b++) {
        counts[b] = sums[0][b] + sums[1][b] + sums[2][b] + sums[3][b];
    }
}

/* The same for a run too short to add up more than one sum. */
static void fill_short_run(const struct coarse *coarse, const uint16_t *restrict keys,
                           const uint32_t *restrict weights, size_t rows, uint32_t *restrict counts)
{
    memset(counts, 0, coarse->buckets * sizeof *counts);
    for (size_t i = 0; i < rows; i++) {
        counts[(uint16_t)(keys[i] - coarse->low) >> coarse->shift] += weights[i];
    }
}

static void need_histogram(struct cut_scratch *s, size_t size)
{
    if (s->histogram_room < size) {
        s->histogram_room = size;
        s->histogram = xrealloc(s->histogram, size, sizeof *s->histogram);
    }
}

static void fill_histogram(struct cut_scratch *s, const struct cut_node *node, const uint16_t *keys,
                           const struct coarse *coarse)
{
    size_t begin = 0;
    need_histogram(s, node->run_count * coarse->buckets);
    for (size_t r = 0; r < node->run_count; r++) {
        uint32_t *counts = s->histogram + r * coarse->buckets;
        size_t rows = node->runs[r].end - begin;
        if (rows >= coarse->buckets) {
            fill_long_run(coarse, keys + begin, node->weights + begin, rows, counts);
        } else {
            fill_short_run(coarse, keys + begin, node->weights + begin, rows, counts);
        }
        begin = node->runs[r].end;
    }
}

/* The bucket to cut behind; buckets if there is none. */
static size_t best_bucket(const struct cut_scratch *s, const struct cut_node *node, size_t buckets,
                          double *best)
{
    double total = total_weight(node), lightest = node->min_weight;
    size_t found = buckets;
    for (size_t b = 0; b + 1 < buckets; b++) {
        if (!(s->score[b] > *best) || s->left_weight[b] >= total) {
            continue;
        }
        if (node->min_weight > 1) { /* counts without factors */
            uint32_t count = 0;
            for (size_t r = 0; r < node->run_count; r++) {
                count += s->histogram[r * buckets + b];
            }
            if (count < lightest || node->weight - count < lightest) {
                continue;
            }
        }
        *best = s->score[b];
        found = b;
    }
    return found;
}

/* True when some row's key is in bucket b > 0. */
static bool is_filled(const struct cut_scratch *s, size_t b)
{
    return s->left_weight[b] > s->left_weight[b - 1];
}

/* Few enough that the histogram costs less than the rows. */
static size_t bucket_limit(size_t rows)
{
    return rows < 512 ? 32 : rows < 2048 ? 64 : rows < 32768 ? 256 : MAX_BUCKETS;
}

/* The best cut behind keys in [low, high]; s->base has what is left of them. Where the rows there
 * are many for the keys they are counted, not sorted: their sums are whole numbers, so that both
 * ways get the same scores. */
static void cut_exactly(struct cut_scratch *s, const struct cut_node *node, const uint16_t *keys,
                        uint16_t low, uint16_t high, struct cut *best)
{
    size_t count = collect(s, node, keys, low, high), span = (size_t)(high - low) + 1, r = 0;
    if (node->factors || node->weight > EXACT_WEIGHT || span > MAX_BUCKETS ||
        span * (node->run_count + 10) > 32 * count) {
        cut_sorted(s, node, keys, count, best);
        return;
    }
    need_histogram(s, node->run_count * span);
    memset(s->histogram, 0, node->run_count * span * sizeof *s->histogram);
    for (size_t i = 0; i < count; i++) {
        uint32_t place = s->places[i];
        while (place >= node->runs[r].end) {
            r++;
        }
        s->histogram[r * span + (size_t)(keys[place] - low)] += node->weights[place];
    }
    double score = -1;
    scan(s, node, span);
    size_t cut = best_bucket(s, node, span, &score);
    if (cut < span) {
        *best = (struct cut){.score = score, .key = (uint16_t)(low + cut)};
    }
}

static struct coarse coarsen(size_t rows, uint16_t low, uint16_t high)
{
    struct coarse coarse = {.low = low};
    size_t most = bucket_limit(rows), width = (size_t)(high - low);
    while (width >> coarse.shift >= most) {
        coarse.shift++;
    }
    coarse.buckets = (width >> coarse.shift) + 1;
    return coarse;
}

static void cut_large(struct cut_scratch *s, const struct cut_node *node, const uint16_t *keys,
                      uint16_t low, uint16_t high, struct cut *best)
{
    const struct coarse coarse = coarsen(node->rows, low, high);
    size_t buckets = coarse.buckets;
    memset(s->base, 0, node->run_count * sizeof *s->base);
    if (node->run_count * buckets > 8 * node->rows) { /* too many classes */
        cut_sorted(s, node, keys, collect(s, node, keys, low, high), best);
        return;
    }
    double score = -1;
    fill_histogram(s, node, keys, &coarse);
    scan(s, node, buckets);
    size_t cut = best_bucket(s, node, buckets, &score);
    if (coarse.shift == 0) {
        if (cut < buckets) {
            *best = (struct cut){.score = score, .key = (uint16_t)(low + cut)};
        }
        return;
    }
    /* The exact cut lies in the bucket before or behind the best one, empty ones left out. */
    size_t first = cut < buckets ? cut : 0, last = cut < buckets ? cut + 1 : buckets - 1;
    while (last + 1 < buckets && !is_filled(s, last)) {
        last++;
    }
    for (size_t r = 0; r < node->run_count; r++) {
        s->base[r] = first > 0 ? s->histogram[r * buckets + first - 1] : 0;
    }
    size_t end = ((last + 1) << coarse.shift) - 1;
    cut_exactly(s, node, keys, (uint16_t)(low + (first << coarse.shift)),
                (uint16_t)(low + end < high ? low + end : high), best);
}

/* ---- the entry ---- */

struct cut cut_best(struct cut_scratch *scratch, const struct cut_node *node, const uint16_t *keys,
                    uint16_t low, uint16_t high)
{
    struct cut best = {.score = -1};
    assert(low < high && node->min_weight > 0);
    if (high == BIN_MISSING) {
        cut_with_missing(scratch, node, keys, &best);
    } else if (node->rows <= SMALL_ROWS && node->weight <= SMALL_WEIGHT) {
        small(node, keys, low, high, &best);
    } else if (high - low < LANES && node->weight <= SMALL_WEIGHT && !node->factors) {
        cut_few(node, keys, low, &best);
    } else {
        cut_large(scratch, node, keys, low, high, &best);
    }
    return best;
}

struct cut cut_at(struct cut_scratch *scratch, const struct cut_node *node, const uint16_t *keys,
                  uint16_t key)
{
    struct cut_scratch *s = scratch;
    struct cut best = {.score = -1};
    size_t i = 0;
    for (size_t r = 0; r < node->run_count; r++) {
        s->base[r] = s->missing[r] = 0;
        for (; i < node->runs[r].end; i++) {
            s->base[r] += keys[i] <= key ? node->weights[i] : 0;
            s->missing[r] += keys[i] == BIN_MISSING ? node->weights[i] : 0;
        }
    }
    for (int side = 0; side < 2; side++) {
        double left_squares = 0, right_squares = 0, left_weight = 0, right_weight = 0;
        uint32_t left = 0;
        for (size_t r = 0; r < node->run_count; r++) {
            double factor = factor_of(node, &node->runs[r]);
            uint32_t count = s->base[r] + (side ? s->missing[r] : 0);
            double here = factor * count, rest = factor * (node->runs[r].weight - count);
            left += count;
            left_squares += here * here;
            right_squares += rest * rest;
            left_weight += here;
            right_weight += rest;
        }
        if (left >= node->min_weight && node->weight - left >= node->min_weight) {
            double score = left_squares / left_weight + right_squares / right_weight;
            if (score > best.score) {
                best = (struct cut){score, key, side == 1};
            }
        }
    }
    return best;
}
