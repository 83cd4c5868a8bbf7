/* Prediction: each road gives the bits of the plain walk, for any forest, number of rows and of
 * threads; many callers may share a forest. */
#include "tables.h"

#include "base/parallel.h"
#include "forest/impl.h"
#include "forest/layout.h"

#include <stdatomic.h>
#include <stdlib.h>

/* What a random forest shall be like. */
struct shape {
    size_t features, trees;
    int classes;
    size_t splits; /* a tree */
    bool chain;    /* every right child is a leaf: as deep as can be */
    bool missing_left;
    bool mixed;    /* leaves with no, one or several votes */
    bool distinct; /* then for different classes */
};

static float random_value(struct rng *rng)
{
    static const float special[] = {0.0F, -0.0F, INFINITY, -INFINITY, 1e-40F, -1e-40F, 3.4e38F};
    if (rng_below(rng, 10) == 0) {
        return special[rng_below(rng, sizeof special / sizeof *special)];
    }
    return (float)rng_below(rng, 40) / 4 - 5; /* few, so that values and thresholds are equal */
}

static void add_leaf(struct forest *forest, const struct shape *shape, struct rng *rng,
                     struct forest_node *node)
{
    size_t votes = shape->mixed ? rng_below(rng, 4) : 1;
    uint64_t classes = (uint64_t)shape->classes, first = rng_below(rng, classes);
    node->feature = FOREST_LEAF;
    node->left = (uint32_t)forest->vote_count;
    for (size_t v = 0; v < votes; v++) {
        uint64_t label = shape->distinct ? (first + v) % classes : rng_below(rng, classes);
        float weight = shape->mixed ? (float)rng_uniform(rng) - 0.3F : 0.01F;
        weight = shape->mixed && rng_below(rng, 2) ? (rng_below(rng, 2) ? 0.0F : -0.0F) : weight;
        forest->votes[forest->vote_count++] = (struct forest_vote){(int32_t)label, weight};
    }
    node->right = (uint32_t)forest->vote_count;
}

/* Grows a subtree with `splits` splits, in preorder; returns its root. */
static uint32_t add_subtree(struct forest *forest, const struct shape *shape, struct rng *rng,
                            size_t splits)
{
    uint32_t at = (uint32_t)forest->node_count++;
    struct forest_node *node = &forest->nodes[at];
    if (shape->missing_left) {
        forest->missing_left[at] = rng_below(rng, 2);
    }
    if (splits == 0) {
        add_leaf(forest, shape, rng, node);
        return at;
    }
    size_t left = shape->chain ? splits - 1 : rng_below(rng, splits);
    node->feature = (int32_t)rng_below(rng, shape->features);
    node->threshold = shape->chain ? 100 : random_value(rng);
    node->left = add_subtree(forest, shape, rng, left);
    node->right = add_subtree(forest, shape, rng, splits - 1 - left);
    return at;
}

static struct forest *random_forest(const struct shape *shape, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed, 0);
    size_t nodes = shape->trees * (2 * shape->splits + 1);
    struct forest *forest = xcalloc(1, sizeof *forest);
    forest->features = shape->features;
    forest->classes = shape->classes;
    forest->trees = shape->trees;
    forest->roots = xcalloc(shape->trees, sizeof *forest->roots);
    forest->nodes = xcalloc(nodes, sizeof *forest->nodes);
    forest->votes = xcalloc(nodes * 3, sizeof *forest->votes);
    forest->missing_left = shape->missing_left ? xcalloc(nodes, sizeof(bool)) : NULL;
    for (size_t t = 0; t < shape->trees; t++) {
        forest->roots[t] = add_subtree(forest, shape, &rng, shape->splits);
    }
    return forest;
}

static float *random_rows(const struct shape *shape, size_t rows, uint64_t seed,
                          struct arena *arena)
{
    struct rng rng;
    rng_init(&rng, seed, 1);
    float *x = ARENA_NEW(arena, float, rows * shape->features);
    for (size_t i = 0; i < rows * shape->features; i++) {
        x[i] = rng_below(&rng, 8) == 0 ? NAN : random_value(&rng);
    }
    return x;
}

/* The definition: one row, one tree after the other. */
static void reference(const struct forest *forest, const float *x, size_t rows, double *prob)
{
    size_t classes = (size_t)forest->classes;
    for (size_t row = 0; row < rows; row++) {
        for (size_t c = 0; c < classes; c++) {
            prob[row * classes + c] = forest->base ? forest->base[c] : 0;
        }
        for (size_t tree = 0; tree < forest->trees; tree++) {
            const struct forest_node *leaf = forest_leaf(forest, tree, x + row * forest->features);
            for (uint32_t v = leaf->left; v < leaf->right; v++) {
                prob[row * classes + (size_t)forest->votes[v].label] +=
                    (double)forest->votes[v].weight;
            }
        }
    }
}

/* The same bits before and after the forest is compiled, for one thread and for three. */
static void assert_same_bits(const struct forest *forest, const struct shape *shape, size_t rows)
{
    struct arena arena = {0};
    size_t count = rows * (size_t)shape->classes;
    const float *x = random_rows(shape, rows, rows, &arena);
    double *expected = ARENA_NEW(&arena, double, count);
    double *found = ARENA_NEW(&arena, double, count);
    reference(forest, x, rows, expected);
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        forest_predict(forest, x, rows, threads, found);
        assert_memory_equal(found, expected, count * sizeof *found);
    }
    arena_release(&arena);
}

static bool can_walk_lines(size_t columns)
{
    return lines_fit(LINES_AVX2, columns) || lines_fit(LINES_AVX512, columns);
}

/* As on a machine without the instructions that better roads want. False: this one lacks those of
 * this road. */
static bool take_road(struct forest *forest, enum layout_form form)
{
    layout_free(atomic_load(&forest->layout));
    forest->layout = layout_new(forest, form, 2);
    bool lines = forest->layout->lines != NULL;
    assert_true(lines == (forest->layout->nodes == NULL));
    assert_true(!lines || (int)form == LAYOUT_LINES + (int)forest->layout->road);
    return lines == (form != LAYOUT_NODES);
}

/* On each road that lines have, and on that of nodes. */
static void assert_each_road_keeps_bits(struct forest *forest, const struct shape *shape,
                                        size_t rows)
{
    for (int form = LAYOUT_NODES; form < LAYOUT_LINES + LINE_ROADS; form++) {
        if (take_road(forest, (enum layout_form)form)) {
            assert_same_bits(forest, shape, rows);
        }
    }
}

static void assert_shape_keeps_bits(const struct shape *shape)
{
    static const size_t rows[] = {1, 2, 7, 8, 15, 17, 63, 65, 511, 513, 1000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct forest *forest = random_forest(shape, i);
        assert_same_bits(forest, shape, rows[i]);
        forest_compile(forest, 2);
        assert_same_bits(forest, shape, rows[i]);
        assert_each_road_keeps_bits(forest, shape, rows[i]);
        forest_free(forest);
    }
}

static void test_small_and_large_forests_keep_their_bits(void **state)
{
    (void)state;
    for (size_t features = 1; features <= 70; features += 23) {
        for (int classes = 2; classes <= 30; classes += 14) {
            assert_shape_keeps_bits(&(struct shape){
                .features = features, .trees = 20, .classes = classes, .splits = 300});
            assert_shape_keeps_bits(&(struct shape){.features = features,
                                                    .trees = 7,
                                                    .classes = classes,
                                                    .splits = features,
                                                    .mixed = true});
        }
    }
}

static void test_rows_of_up_to_16_columns_are_walked_by_lines(void **state)
{
    (void)state;
    for (size_t features = 15; features <= 17; features++) {
        struct shape shape = {.features = features, .trees = 3, .classes = 3, .splits = 900};
        struct forest *forest = random_forest(&shape, 7);
        forest_compile(forest, 1);
        assert_int_equal(forest->layout->lines != NULL, can_walk_lines(features));
        assert_int_equal(forest->layout->nodes != NULL, !forest->layout->lines);
        assert_same_bits(forest, &shape, 700);
        forest_free(forest);
    }
}

/* Trees from a lone leaf to many lines; rows that fill no block, lane or chunk. */
static void test_each_road_takes_any_number_of_columns(void **state)
{
    (void)state;
    static const size_t splits[] = {0, 1, 5, 17, 400};
    static const size_t rows[] = {1, 9, 255, 257, 300};
    for (size_t features = 1; features <= 16; features++) {
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
            struct shape shape = {
                .features = features, .trees = 19, .classes = 3, .splits = splits[i]};
            shape.missing_left = features <= 8; /* twice as many columns */
            struct forest *forest = random_forest(&shape, features);
            assert_true(!can_walk_lines(features) || take_road(forest, LAYOUT_LINES + LINES_AVX2));
            assert_each_road_keeps_bits(forest, &shape, rows[i]);
            forest_free(forest);
        }
    }
}

static void test_trees_of_many_distinct_leaves_are_walked_by_nodes(void **state)
{
    (void)state;
    for (size_t splits = 500; splits <= 5000; splits *= 10) {
        const struct shape shape = {.features = 2,
                                    .trees = 2,
                                    .classes = 5,
                                    .splits = splits,
                                    .mixed = true,
                                    .distinct = true};
        struct forest *forest = random_forest(&shape, 2);
        forest_compile(forest, 2);
        assert_int_equal(forest->layout->lines != NULL, splits == 500 && can_walk_lines(2));
        assert_same_bits(forest, &shape, 300);
        forest_free(forest);
    }
}

static void test_whatever_covers_say_the_bits_are_kept(void **state)
{
    (void)state;
    static const float covers[][4] = {
        {0}, {NAN, 1, NAN, 3}, {-1, 2, -3, 4}, {INFINITY, 1, 0, -INFINITY}, {5, 1e30F, 2, 3}};
    const struct shape shape = {.features = 4, .trees = 5, .classes = 3, .splits = 700};
    for (size_t i = 0; i < sizeof covers / sizeof *covers; i++) {
        struct forest *forest = random_forest(&shape, 5);
        forest->cover = xcalloc(forest->node_count, sizeof *forest->cover);
        for (size_t n = 0; n < forest->node_count; n++) {
            forest->cover[n] = covers[i][n % 4];
        }
        forest_compile(forest, 2);
        assert_same_bits(forest, &shape, 300);
        forest_free(forest);
    }
}

static void test_a_tree_of_more_lines_than_numbers_is_walked_by_nodes(void **state)
{
    (void)state;
    const struct shape shape = {.features = 3, .trees = 1, .classes = 3, .splits = 600000};
    struct forest *forest = random_forest(&shape, 4);
    forest_compile(forest, 1);
    assert_null(forest->layout->lines);
    assert_same_bits(forest, &shape, 100);
    forest_free(forest);
}

static void test_missing_values_go_where_each_node_sends_them(void **state)
{
    (void)state;
    assert_shape_keeps_bits(&(struct shape){.features = 5,
                                            .trees = 30,
                                            .classes = 3,
                                            .splits = 200,
                                            .missing_left = true,
                                            .mixed = true});
}

static void test_leaves_of_several_classes_keep_their_bits(void **state)
{
    (void)state;
    for (int classes = 3; classes <= 35; classes += 16) {
        struct shape shape = {.features = 4, .trees = 30, .classes = classes, .splits = 40};
        shape.mixed = shape.distinct = true;
        assert_shape_keeps_bits(&shape);
        struct forest *forest = random_forest(&shape, 1);
        forest_compile(forest, 1);
        assert_int_equal(forest->layout->several != NULL, classes <= 32);
        forest->base = xcalloc((size_t)classes, sizeof *forest->base);
        forest->base[classes - 1] = -0.0;
        assert_same_bits(forest, &shape, 50);
        forest_free(forest);
    }
}

/* More trees than a counter of votes holds. */
static void test_votes_that_weigh_the_same_are_counted(void **state)
{
    (void)state;
    for (int classes = 1; classes <= COUNTED_VOTES + 1; classes++) {
        const struct shape shape = {.features = 3, .trees = 600, .classes = classes, .splits = 4};
        assert_shape_keeps_bits(&shape);
        struct forest *forest = random_forest(&shape, 1);
        forest_compile(forest, 1);
        assert_int_equal(forest->layout->sums != NULL, classes <= COUNTED_VOTES);
        forest_free(forest);
        forest = random_forest(&shape, 1);
        forest->votes[7].weight *= 2;
        forest_compile(forest, 1);
        assert_null(forest->layout->sums);
        assert_same_bits(forest, &shape, 50);
        forest_free(forest);
    }
}

/* Too many classes for rows of all of them, few distinct votes, one leaf with two. */
static void test_leaves_of_several_votes_are_not_counted(void **state)
{
    (void)state;
    const struct shape shape = {.features = 3, .trees = 20, .classes = 35, .splits = 40};
    struct forest *forest = random_forest(&shape, 1);
    size_t leaf = 0;
    for (size_t v = 0; v < forest->vote_count; v++) {
        forest->votes[v].label %= 3;
    }
    while (forest->nodes[leaf].feature != FOREST_LEAF) {
        leaf++;
    }
    forest->nodes[leaf].right++;
    forest_compile(forest, 1);
    assert_null(forest->layout->sums);
    assert_same_bits(forest, &shape, 50);
    forest_free(forest);
}

static void test_trees_of_one_node_keep_their_bits(void **state)
{
    (void)state;
    assert_shape_keeps_bits(&(struct shape){.features = 2, .trees = 600, .classes = 2});
    assert_shape_keeps_bits(
        &(struct shape){.features = 2, .trees = 3, .classes = 4, .mixed = true});
}

static void test_a_degenerate_deep_tree_keeps_its_bits(void **state)
{
    (void)state;
    const struct shape shape = {
        .features = 3, .trees = 2, .classes = 2, .splits = 3000, .chain = true};
    assert_shape_keeps_bits(&shape);
}

static void test_more_than_65535_features_and_thresholds_keep_their_bits(void **state)
{
    (void)state;
    const struct shape wide = {.features = 70000, .trees = 9, .classes = 3, .splits = 8000};
    const struct shape large = {.features = 1, .trees = 1, .classes = 3, .splits = 200000};
    const struct shape *shapes[] = {&wide, &large};
    for (size_t i = 0; i < 2; i++) {
        struct forest *forest = random_forest(shapes[i], 3);
        for (uint32_t n = 0; i == 1 && n < forest->node_count; n++) {
            forest->nodes[n].threshold *= 1 + (float)n * 1e-6F;
        }
        assert_same_bits(forest, shapes[i], 30);
        forest_compile(forest, 1);
        assert_int_equal(forest->layout->lines != NULL, i == 1 && can_walk_lines(1));
        assert_same_bits(forest, shapes[i], 30);
        assert_each_road_keeps_bits(forest, shapes[i], 30);
        forest_free(forest);
    }
}

static void test_a_forest_too_large_for_a_layout_keeps_its_bits(void **state)
{
    (void)state;
    const struct shape shape = {.features = 90000, .trees = 1, .classes = 2, .splits = 80000};
    struct forest *forest = random_forest(&shape, 3);
    forest_compile(forest, 1);
    assert_null(forest->layout->nodes);
    assert_same_bits(forest, &shape, 20);
    forest_free(forest);
}

static void test_base_and_complement_are_kept(void **state)
{
    (void)state;
    const struct shape shape = {.features = 3, .trees = 40, .classes = 2, .splits = 60};
    struct forest *forest = random_forest(&shape, 9);
    forest->base = xcalloc(2, sizeof *forest->base);
    forest->base[0] = -0.0;
    forest->base[1] = 0.125;
    assert_same_bits(forest, &shape, 300);
    forest_compile(forest, 1);
    assert_same_bits(forest, &shape, 300);
    forest->complement = true;
    struct arena arena = {0};
    double prob[2 * 9];
    forest_predict(forest, random_rows(&shape, 9, 1, &arena), 9, 1, prob);
    for (size_t row = 0; row < 9; row++) {
        assert_true(prob[2 * row] == 1 - prob[2 * row + 1]);
    }
    arena_release(&arena);
    forest_free(forest);
}

static void test_softmax_and_logistic_are_the_same_on_both_roads(void **state)
{
    (void)state;
    const struct shape shape = {
        .features = 4, .trees = 25, .classes = 5, .splits = 30, .mixed = true};
    struct arena arena = {0};
    const float *x = random_rows(&shape, 100, 5, &arena);
    for (enum forest_post post = POST_SOFTMAX; post <= POST_LOGISTIC; post++) {
        struct forest *forest = random_forest(&shape, 4);
        double plain[500], fast[500];
        forest->post = post;
        forest_predict(forest, x, 1, 1, plain);
        assert_null(forest->layout);
        forest_compile(forest, 1);
        forest_predict(forest, x, 1, 1, fast);
        assert_memory_equal(plain, fast, 5 * sizeof *plain);
        forest_free(forest);
    }
    arena_release(&arena);
}

static void test_a_forest_is_compiled_when_that_pays(void **state)
{
    (void)state;
    const struct shape shape = {.features = 3, .trees = 2, .classes = 2, .splits = 500};
    struct forest *forest = random_forest(&shape, 1);
    assert_same_bits(forest, &shape, 1);
    assert_null(forest->layout);
    assert_same_bits(forest, &shape, 1000);
    assert_non_null(forest->layout);
    forest_free(forest);
}

struct sharing {
    const struct forest *forest;
    const float *x;
    const double *expected;
    size_t rows, classes;
    atomic_int wrong;
};

static void predict_and_compare(void *context, size_t index, unsigned worker)
{
    struct sharing *s = context;
    struct arena arena = {0};
    (void)worker;
    size_t rows = index % 3 == 0 ? 1 : s->rows - index;
    double *prob = ARENA_NEW(&arena, double, rows * s->classes);
    forest_predict(s->forest, s->x, rows, 1 + (unsigned)index % 2, prob);
    if (memcmp(prob, s->expected, rows * s->classes * sizeof *prob) != 0) {
        atomic_fetch_add(&s->wrong, 1);
    }
    arena_release(&arena);
}

static void test_many_callers_share_a_forest(void **state)
{
    (void)state;
    const struct shape shape = {.features = 6, .trees = 30, .classes = 3, .splits = 400};
    struct arena arena = {0};
    struct forest *forest = random_forest(&shape, 8);
    struct sharing s = {.forest = forest, .rows = 300, .classes = 3};
    s.x = random_rows(&shape, s.rows, 2, &arena);
    double *expected = ARENA_NEW(&arena, double, s.rows * 3);
    reference(forest, s.x, s.rows, expected);
    s.expected = expected;
    parallel_for(8, 64, predict_and_compare, &s);
    assert_int_equal(atomic_load(&s.wrong), 0);
    arena_release(&arena);
    forest_free(forest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_and_large_forests_keep_their_bits),
        cmocka_unit_test(test_rows_of_up_to_16_columns_are_walked_by_lines),
        cmocka_unit_test(test_each_road_takes_any_number_of_columns),
        cmocka_unit_test(test_trees_of_many_distinct_leaves_are_walked_by_nodes),
        cmocka_unit_test(test_whatever_covers_say_the_bits_are_kept),
        cmocka_unit_test(test_a_tree_of_more_lines_than_numbers_is_walked_by_nodes),
        cmocka_unit_test(test_missing_values_go_where_each_node_sends_them),
        cmocka_unit_test(test_leaves_of_several_classes_keep_their_bits),
        cmocka_unit_test(test_votes_that_weigh_the_same_are_counted),
        cmocka_unit_test(test_leaves_of_several_votes_are_not_counted),
        cmocka_unit_test(test_trees_of_one_node_keep_their_bits),
        cmocka_unit_test(test_a_degenerate_deep_tree_keeps_its_bits),
        cmocka_unit_test(test_more_than_65535_features_and_thresholds_keep_their_bits),
        cmocka_unit_test(test_a_forest_too_large_for_a_layout_keeps_its_bits),
        cmocka_unit_test(test_base_and_complement_are_kept),
        cmocka_unit_test(test_softmax_and_logistic_are_the_same_on_both_roads),
        cmocka_unit_test(test_a_forest_is_compiled_when_that_pays),
        cmocka_unit_test(test_many_callers_share_a_forest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
