/* The passes over keys: every version that this processor can run does what plain loops do. */
#include "tests.h"

#include "base/arena.h"
#include "base/rng.h"
#include "forest/keys.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 700, ROUNDS = 400 };

/* A node's arrays: exactly as much behind the last row as keys.h promises. */
struct node {
    uint16_t *keys;
    uint32_t *numbers, *weights;
    size_t rows;
};

static struct node node_new(struct rng *rng, size_t rows, uint32_t gap)
{
    struct node node = {.rows = rows};
    node.keys = xcalloc(rows + KEYS_PADDING, sizeof *node.keys);
    node.numbers = xcalloc(rows + KEYS_PADDING, sizeof *node.numbers);
    node.weights = xcalloc(rows + KEYS_PADDING, sizeof *node.weights);
    uint32_t number = (uint32_t)rng_below(rng, 100);
    uint64_t kinds = rng_below(rng, 2) ? 5 : UINT16_MAX + 1;
    for (size_t i = 0; i < rows + KEYS_PADDING; i++) {
        node.keys[i] = (uint16_t)(i < rows ? UINT16_MAX - rng_below(rng, kinds) : UINT16_MAX);
        node.weights[i] = (uint32_t)rng_below(rng, 1000);
        node.numbers[i] = number;
        number += 1 + (uint32_t)rng_below(rng, gap);
    }
    return node;
}

static void node_free(struct node *node)
{
    free(node->keys);
    free(node->numbers);
    free(node->weights);
}

/* Lengths around the vectors' first, then any. */
static size_t some_rows(struct rng *rng, int round)
{
    return round < 80 ? (size_t)round : (size_t)rng_below(rng, ROWS);
}

static void test_every_version_picks_the_marked_bins_in_order(void **state)
{
    const struct keys_passes *passes;
    (void)state;
    for (size_t v = 0; (passes = keys_passes(v)) != NULL; v++) {
        struct rng rng;
        rng_init(&rng, 1, v);
        for (int round = 0; round < ROUNDS; round++) {
            size_t rows = some_rows(&rng, round) + 1;
            struct node node = node_new(&rng, rows, 1 + (uint32_t)rng_below(&rng, 40));
            uint32_t first = node.numbers[0] / 32, last = node.numbers[rows - 1] / 32;
            size_t words = last - first + 1, all = 32 * ((size_t)last + 1);
            uint16_t *bins = xcalloc(all, sizeof *bins);
            uint16_t *keys = xcalloc(rows + KEYS_PADDING, sizeof *keys);
            uint32_t *marks = xcalloc(words, sizeof *marks);
            uint8_t *flags = xcalloc(node.numbers[rows - 1] + KEYS_PADDING, sizeof *flags);
            for (size_t i = 0; i < all; i++) {
                bins[i] = (uint16_t)rng_next(&rng);
            }
            memset(marks, 0xff, words * sizeof *marks);
            passes->mark(node.numbers, rows, flags, marks);
            passes->pick(bins + 32 * (size_t)first, marks, words, keys);
            for (size_t i = 0; i < rows; i++) {
                assert_int_equal(keys[i], bins[node.numbers[i]]);
            }
            size_t marked = 0;
            for (size_t w = 0; w < words; w++) {
                marked += (size_t)__builtin_popcount(marks[w]);
            }
            assert_int_equal(marked, rows);
            for (size_t i = 0; i < node.numbers[rows - 1] + KEYS_PADDING; i++) {
                assert_int_equal(flags[i], 0);
            }
            free(bins);
            free(keys);
            free(marks);
            free(flags);
            node_free(&node);
        }
    }
}

static void test_every_version_collects_the_places_of_a_range_of_keys(void **state)
{
    const struct keys_passes *passes;
    (void)state;
    for (size_t v = 0; (passes = keys_passes(v)) != NULL; v++) {
        struct rng rng;
        rng_init(&rng, 2, v);
        for (int round = 0; round < ROUNDS; round++) {
            struct node node = node_new(&rng, some_rows(&rng, round), 1);
            uint16_t low = (uint16_t)(UINT16_MAX - rng_below(&rng, round % 2 ? 8 : UINT16_MAX));
            uint16_t width = (uint16_t)rng_below(&rng, (uint64_t)UINT16_MAX - low + 1);
            uint32_t *places = xcalloc(node.rows + KEYS_PADDING, sizeof *places);
            size_t count = passes->collect(node.keys, node.rows, low, width, places), found = 0;
            for (size_t i = 0; i < node.rows; i++) {
                if (node.keys[i] >= low && node.keys[i] <= low + width) {
                    assert_true(found < count);
                    assert_int_equal(places[found++], i);
                }
            }
            assert_int_equal(found, count);
            free(places);
            node_free(&node);
        }
    }
}

/* Parts rows[before..rows) in place, to the left by `before` / 2, as the second run of a node. */
static void check_part(const struct keys_passes *passes, struct node *node, size_t before,
                       struct keys_cut cut)
{
    size_t count = node->rows - before, to = before / 2, lefts = 0, rights = 0;
    struct keys_rows spare = {xcalloc(count + KEYS_PADDING, sizeof(uint32_t)),
                              xcalloc(count + KEYS_PADDING, sizeof(uint32_t))};
    size_t bytes = (node->rows + KEYS_PADDING) * sizeof(uint32_t);
    uint32_t *numbers = xcalloc(1, bytes), *weights = xcalloc(1, bytes), sum = 0, left_weight;
    memcpy(numbers, node->numbers, bytes);
    memcpy(weights, node->weights, bytes);
    struct keys_rows from = {node->numbers + before, node->weights + before};
    struct keys_rows left = {node->numbers + to, node->weights + to};
    size_t there = passes->part(cut, node->keys + before, from, count, left, spare, &left_weight);
    for (size_t i = before; i < node->rows; i++) {
        if ((uint16_t)(node->keys[i] + cut.offset) <= cut.limit) {
            assert_int_equal(left.numbers[lefts], numbers[i]);
            assert_int_equal(left.weights[lefts++], weights[i]);
            sum += weights[i];
        } else {
            assert_int_equal(spare.numbers[rights], numbers[i]);
            assert_int_equal(spare.weights[rights++], weights[i]);
        }
    }
    assert_int_equal(there, lefts);
    assert_int_equal(left_weight, sum);
    for (size_t i = 0; i < node->rows + KEYS_PADDING; i++) { /* what is outside stays */
        if (i < to || i >= node->rows) {
            assert_int_equal(node->numbers[i], numbers[i]);
            assert_int_equal(node->weights[i], weights[i]);
        }
    }
    free(spare.numbers);
    free(spare.weights);
    free(numbers);
    free(weights);
}

static void test_every_version_parts_rows_in_order_and_leaves_others_alone(void **state)
{
    const struct keys_passes *passes;
    (void)state;
    for (size_t v = 0; (passes = keys_passes(v)) != NULL; v++) {
        struct rng rng;
        rng_init(&rng, 3, v);
        for (int round = 0; round < ROUNDS; round++) {
            struct node node = node_new(&rng, some_rows(&rng, round), 3);
            size_t before = round % 3 ? (size_t)rng_below(&rng, node.rows + 1) : 0;
            struct keys_cut cut = {(uint16_t)rng_below(&rng, 2), 0};
            cut.limit = (uint16_t)(UINT16_MAX - rng_below(&rng, round % 2 ? 6 : UINT16_MAX));
            check_part(passes, &node, before, cut);
            node_free(&node);
        }
    }
}

static void test_range_and_next_key_are_those_of_plain_loops(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 4, 0);
    for (int round = 1; round < ROUNDS; round++) {
        struct node node = node_new(&rng, some_rows(&rng, round) + 1, 1);
        uint16_t low, high, least = UINT16_MAX, most = 0, above = UINT16_MAX;
        uint16_t key = node.keys[rng_below(&rng, node.rows)];
        key = key < UINT16_MAX ? key : UINT16_MAX - 1; /* never asked for: nothing can be above */
        keys_range(node.keys, node.rows, &low, &high);
        for (size_t i = 0; i < node.rows; i++) {
            least = node.keys[i] < least ? node.keys[i] : least;
            most = node.keys[i] > most ? node.keys[i] : most;
            above = node.keys[i] > key && node.keys[i] < above ? node.keys[i] : above;
        }
        assert_int_equal(low, least);
        assert_int_equal(high, most);
        assert_int_equal(keys_above(node.keys, node.rows, key), above);
        node_free(&node);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_version_picks_the_marked_bins_in_order),
        cmocka_unit_test(test_every_version_collects_the_places_of_a_range_of_keys),
        cmocka_unit_test(test_every_version_parts_rows_in_order_and_leaves_others_alone),
        cmocka_unit_test(test_range_and_next_key_are_those_of_plain_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
