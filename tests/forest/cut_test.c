/* The best cut of a node, in all the ways it is found: few rows, few keys, many of both, and rows
 * in lanes (block.h). Each is compared with plain loops over all cuts, whose sums are whole
 * numbers. */
#include "tests.h"

#include "base/arena.h"
#include "base/rng.h"
#include "forest/block.h"
#include "forest/cut.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_ROWS = 3000, CLASSES = 6, ROUNDS = 300, FEATURES = 3 };

/* A node, and the bins of a few features for its rows: bins[features][rows] and padding. */
struct sample {
    size_t rows, run_count;
    uint32_t weight;
    struct run runs[CLASSES];
    uint32_t numbers[MOST_ROWS + KEYS_PADDING], weights[MOST_ROWS + KEYS_PADDING];
    uint16_t bins[FEATURES * MOST_ROWS + KEYS_PADDING];
};

static void make_sample(struct sample *sample, struct rng *rng, size_t rows, uint32_t heaviest)
{
    *sample = (struct sample){.rows = rows};
    for (size_t i = 0; i < rows; i++) {
        sample->numbers[i] = (uint32_t)i;
        sample->weights[i] = 1 + (uint32_t)rng_below(rng, heaviest);
        sample->weight += sample->weights[i];
    }
    for (uint32_t label = 0, begin = 0; begin < rows; label++) {
        struct run *run = &sample->runs[sample->run_count++];
        uint32_t left = (uint32_t)rows - begin;
        *run = (struct run){.label = label, .end = begin + 1 + (uint32_t)rng_below(rng, left)};
        run->end = label + 1 == CLASSES ? (uint32_t)rows : run->end;
        for (; begin < run->end; begin++) {
            run->weight += sample->weights[begin];
        }
    }
    for (size_t f = 0; f < FEATURES; f++) {
        static const uint64_t kinds[] = {1, 2, 5, 16, 17, 40, 1000, 60000};
        uint64_t low = rng_below(rng, 5000), span = kinds[rng_below(rng, 8)];
        for (size_t i = 0; i < rows; i++) {
            sample->bins[f * rows + i] = (uint16_t)(low + rng_below(rng, span));
        }
    }
}

static void assert_near(double a, double b, double most)
{
    assert_true(fabs(a - b) <= most);
}

/* The score of the cut at `key` among the rows whose bit is set in `lanes` (all, if it is 0);
 * negative: there is none. */
static double plain_score(const struct sample *sample, const uint16_t *keys, uint16_t key,
                          uint32_t lanes)
{
    double squares[2] = {0}, weight[2] = {0};
    size_t i = 0;
    for (size_t r = 0; r < sample->run_count; r++) {
        double sum[2] = {0};
        for (; i < sample->runs[r].end; i++) {
            sum[keys[i] > key] += lanes == 0 || lanes >> i & 1 ? sample->weights[i] : 0;
        }
        for (int side = 0; side < 2; side++) {
            squares[side] += sum[side] * sum[side];
            weight[side] += sum[side];
        }
    }
    bool is_cut = weight[0] > 0 && weight[1] > 0;
    return is_cut ? squares[0] / weight[0] + squares[1] / weight[1] : -1;
}

/* The best score among the cuts at the keys of the rows in `lanes`. */
static double plain_best(const struct sample *sample, const uint16_t *keys, uint32_t lanes)
{
    double best = -1;
    for (size_t i = 0; i < sample->rows; i++) {
        double score =
            lanes == 0 || lanes >> i & 1 ? plain_score(sample, keys, keys[i], lanes) : -1;
        best = score > best ? score : best;
    }
    return best;
}

/* keys[rows + padding] of one feature, as cut_best() wants them. */
static void take_keys(const struct sample *sample, size_t feature, uint16_t *keys)
{
    for (size_t i = 0; i < sample->rows + KEYS_PADDING; i++) {
        keys[i] = i < sample->rows ? sample->bins[feature * sample->rows + i] : UINT16_MAX;
    }
}

static struct cut best_of(struct cut_scratch *scratch, const struct sample *sample,
                          const uint16_t *keys)
{
    struct cut_node node = {.rows = sample->rows,
                            .weights = sample->weights,
                            .runs = sample->runs,
                            .run_count = sample->run_count,
                            .weight = sample->weight,
                            .min_weight = 1};
    uint16_t low, high;
    keys_range(keys, sample->rows, &low, &high);
    return low < high ? cut_best(scratch, &node, keys, low, high) : (struct cut){.score = -1};
}

static void test_a_cut_scores_what_plain_sums_say_and_few_keys_find_the_best(void **state)
{
    static struct sample sample;
    static uint16_t keys[MOST_ROWS + KEYS_PADDING];
    struct cut_scratch *scratch = cut_scratch_new(CLASSES);
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, 0);
    for (int round = 0; round < ROUNDS; round++) {
        size_t most = round % 3 == 0 ? 192 : MOST_ROWS;
        make_sample(&sample, &rng, 2 + rng_below(&rng, most - 1), round % 2 ? 3 : 40);
        for (size_t f = 0; f < FEATURES; f++) {
            uint16_t low, high;
            take_keys(&sample, f, keys);
            keys_range(keys, sample.rows, &low, &high);
            struct cut cut = best_of(scratch, &sample, keys);
            assert_near(cut.score, cut.score < 0 ? -1 : plain_score(&sample, keys, cut.key, 0),
                        1e-6 * (double)sample.weight);
            if (sample.rows <= 192 || high - low < 32) { /* no buckets: the best of all */
                assert_near(cut.score, plain_best(&sample, keys, 0), 1e-6 * (double)sample.weight);
            }
        }
    }
    cut_scratch_free(scratch);
}

/* Around the best bucket all cuts are tried, so that none in its neighbourhood is better. */
static void test_no_neighbour_of_a_large_nodes_cut_is_better(void **state)
{
    static struct sample sample;
    static uint16_t keys[MOST_ROWS + KEYS_PADDING];
    struct cut_scratch *scratch = cut_scratch_new(CLASSES);
    struct rng rng;
    (void)state;
    rng_init(&rng, 2, 0);
    for (int round = 0; round < ROUNDS; round++) {
        make_sample(&sample, &rng, 200 + rng_below(&rng, MOST_ROWS - 199), 3);
        for (size_t f = 0; f < FEATURES; f++) {
            take_keys(&sample, f, keys);
            struct cut cut = best_of(scratch, &sample, keys);
            if (cut.score < 0) {
                continue;
            }
            uint16_t above = keys_above(keys, sample.rows, cut.key), below = 0;
            for (size_t i = 0; i < sample.rows; i++) {
                below = keys[i] < cut.key && keys[i] > below ? keys[i] : below;
            }
            assert_true(plain_score(&sample, keys, above, 0) <= cut.score * (1 + 1e-12));
            assert_true(plain_score(&sample, keys, below, 0) <= cut.score * (1 + 1e-12));
        }
    }
    cut_scratch_free(scratch);
}

static void test_rows_in_lanes_are_cut_like_rows_in_a_list(void **state)
{
    static struct sample sample;
    uint16_t keys[BLOCK_ROWS + KEYS_PADDING];
    struct cut_scratch *scratch = cut_scratch_new(CLASSES);
    struct block *block = block_new(FEATURES);
    struct rng rng;
    (void)state;
    rng_init(&rng, 3, 0);
    for (int round = 0; round < 4 * ROUNDS; round++) {
        make_sample(&sample, &rng, 1 + rng_below(&rng, BLOCK_ROWS), BLOCK_WEIGHT / BLOCK_ROWS);
        struct block_source source = {sample.bins, FEATURES, sample.rows};
        struct keys_rows rows = {sample.numbers, sample.weights};
        uint32_t all = block_open(block, source, rows, sample.runs, sample.run_count);
        assert_int_equal(all, (1U << sample.rows) - 1);
        block_enter(block, all);
        for (uint32_t f = 0; f < FEATURES; f++) {
            uint16_t key;
            take_keys(&sample, f, keys);
            struct cut cut = best_of(scratch, &sample, keys);
            double score = block_cut(block, f, &key);
            assert_true(score == cut.score); /* to the bit */
            if (score >= 0) {
                assert_int_equal(key, cut.key);
            }
        }
    }
    cut_scratch_free(scratch);
    block_free(block);
}

static void test_parts_of_a_block_are_nodes_like_any(void **state)
{
    static struct sample sample;
    struct block *block = block_new(FEATURES);
    struct rng rng;
    (void)state;
    rng_init(&rng, 4, 0);
    for (int round = 0; round < 4 * ROUNDS; round++) {
        make_sample(&sample, &rng, 2 + rng_below(&rng, BLOCK_ROWS - 1), BLOCK_WEIGHT / BLOCK_ROWS);
        struct block_source source = {sample.bins, FEATURES, sample.rows};
        struct keys_rows rows = {sample.numbers, sample.weights};
        uint32_t lanes = block_open(block, source, rows, sample.runs, sample.run_count);
        lanes &= (uint32_t)rng_next(&rng) | 1U << rng_below(&rng, sample.rows);
        lanes = lanes ? lanes : 1;
        struct run runs[CLASSES];
        size_t run_count = block_runs(block, lanes, runs);
        assert_int_equal(block_is_pure(block, lanes), run_count == 1);
        assert_int_equal(runs[run_count - 1].end, __builtin_popcount(lanes));
        block_enter(block, lanes);
        for (uint32_t f = 0; f < FEATURES; f++) {
            const uint16_t *keys = sample.bins + f * sample.rows;
            struct block_halves halves;
            uint32_t left = 0, weight = 0;
            uint16_t key, above = UINT16_MAX;
            double score = block_cut(block, f, &key);
            assert_near(score, plain_best(&sample, keys, lanes), 1e-4);
            if (score < 0) {
                continue;
            }
            block_part(block, f, key, &halves);
            for (size_t i = 0; i < sample.rows; i++) {
                bool is_left = keys[i] <= key;
                if (lanes >> i & 1) {
                    left |= (uint32_t)is_left << i;
                    weight += is_left ? sample.weights[i] : 0;
                    above = !is_left && keys[i] < above ? keys[i] : above;
                }
            }
            assert_int_equal(halves.left, left);
            assert_int_equal(halves.left_weight, weight);
            assert_int_equal(halves.above, above);
        }
    }
    block_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cut_scores_what_plain_sums_say_and_few_keys_find_the_best),
        cmocka_unit_test(test_no_neighbour_of_a_large_nodes_cut_is_better),
        cmocka_unit_test(test_rows_in_lanes_are_cut_like_rows_in_a_list),
        cmocka_unit_test(test_parts_of_a_block_are_nodes_like_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
