/* Explanations: against Shapley values by enumeration, sums, forms of trees, refusals. */
#include "forest/tables.h"

#include "forest/explain.h"
#include "forest/impl.h"

#include "base/arena.h"

#include <stdlib.h>

/* ---- Shapley values, the slow way ---- */

/* What tree node `at` votes for class `label` when only the features in `known` are known. */
static double worth_of(const struct forest *forest, uint32_t at, const float *x, unsigned known,
                       int label)
{
    const struct forest_node *node = &forest->nodes[at];
    if (node->feature == FOREST_LEAF) {
        double sum = 0;
        for (uint32_t v = node->left; v < node->right; v++) {
            sum += forest->votes[v].label == label ? (double)forest->votes[v].weight : 0;
        }
        return sum;
    }
    float value = x[node->feature];
    if (known >> node->feature & 1) {
        bool left = isnan(value) ? forest->missing_left && forest->missing_left[at]
                                 : value <= node->threshold;
        return worth_of(forest, left ? node->left : node->right, x, known, label);
    }
    double left = (double)forest->cover[node->left];
    double both = left + (double)forest->cover[node->right];
    double share = both > 0 ? left / both : 0.5;
    return share * worth_of(forest, node->left, x, known, label) +
           (1 - share) * worth_of(forest, node->right, x, known, label);
}

static double factorial(unsigned n)
{
    return n < 2 ? 1 : n * factorial(n - 1);
}

/* phi[features] of class `label` by the definition: over all subsets of the features. */
static double enumerate(const struct forest *forest, const float *x, int label, double *phi)
{
    unsigned features = (unsigned)forest->features;
    double *worth = calloc((size_t)1 << features, sizeof *worth);
    for (unsigned known = 0; known < 1U << features; known++) {
        worth[known] = forest->base ? forest->base[label] : 0;
        for (size_t tree = 0; tree < forest->trees; tree++) {
            worth[known] += worth_of(forest, forest->roots[tree], x, known, label);
        }
    }
    for (unsigned f = 0; f < features; f++) {
        phi[f] = 0;
        for (unsigned known = 0; known < 1U << features; known++) {
            unsigned size = (unsigned)__builtin_popcount(known);
            if (!(known >> f & 1)) {
                phi[f] += factorial(size) * factorial(features - size - 1) / factorial(features) *
                          (worth[known | 1U << f] - worth[known]);
            }
        }
    }
    double base = worth[0];
    free(worth);
    return base;
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance)) {
        fail_msg("%.17g and %.17g differ by %g", a, b, a - b);
    }
}

/* All classes of all rows; owned by the arena. */
static double *explain_or_fail(const struct forest *forest, const float *x, size_t rows,
                               unsigned threads, double *base, struct arena *arena)
{
    struct error err;
    double *phi = ARENA_NEW(arena, double, rows *(size_t)forest->classes * forest->features);
    if (forest_explain(forest, x, rows, NULL, threads, phi, base, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return phi;
}

static void assert_as_enumerated(const struct forest *forest, const float *x, size_t rows,
                                 struct arena *arena)
{
    size_t classes = (size_t)forest->classes;
    double *base = ARENA_NEW(arena, double, classes);
    double *wanted = ARENA_NEW(arena, double, forest->features);
    double *phi = explain_or_fail(forest, x, rows, 2, base, arena);
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = forest->complement; c < classes; c++) {
            assert_near(base[c], enumerate(forest, &x[r * forest->features], (int)c, wanted),
                        1e-12);
            for (size_t f = 0; f < forest->features; f++) {
                assert_near(phi[(r * classes + c) * forest->features + f], wanted[f], 1e-12);
            }
        }
    }
}

/* base + shares = probability, for every row and class. */
static void assert_adds_up(const struct forest *forest, const float *x, size_t rows,
                           double tolerance, struct arena *arena)
{
    size_t classes = (size_t)forest->classes;
    double *base = ARENA_NEW(arena, double, classes);
    double *prob = ARENA_NEW(arena, double, rows *classes);
    double *phi = explain_or_fail(forest, x, rows, 2, base, arena);
    forest_predict(forest, x, rows, 2, prob);
    for (size_t i = 0; i < rows * classes; i++) {
        double sum = base[i % classes];
        for (size_t f = 0; f < forest->features; f++) {
            sum += phi[i * forest->features + f];
        }
        assert_near(sum, prob[i], tolerance);
    }
}

/* A trained forest whose nodes have counted the rows that it was trained on. */
static struct forest *counted_forest(const struct forest_data *data, unsigned trees)
{
    struct forest *forest = train_or_fail(data, trees, 2);
    free(forest->cover);
    forest->cover = NULL;
    forest_add_cover(forest, data->x, data->rows);
    return forest;
}

/* ---- tests ---- */

static void test_shares_are_the_shapley_values_that_enumeration_gives(void **state)
{
    (void)state;
    static const struct {
        size_t rows, features;
        int classes;
    } cases[] = {{60, 3, 3}, {150, 8, 4}, {40, 1, 2}, {100, 5, 2}, {3, 2, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct forest_data data =
            make_table(&arena, cases[i].rows, cases[i].features, cases[i].classes);
        struct forest *forest = counted_forest(&data, 6);
        assert_as_enumerated(forest, data.x, data.rows < 20 ? data.rows : 20, &arena);
        forest_free(forest);
        arena_release(&arena);
    }
}

static void test_missing_values_go_the_way_that_the_node_says(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 80, 4, 3);
    struct forest *forest = train_or_fail(&data, 5, 1);
    free(forest->missing_left);
    forest->missing_left = xcalloc(forest->node_count, sizeof *forest->missing_left);
    for (size_t i = 0; i < forest->node_count; i++) {
        forest->missing_left[i] = i % 3 == 0;
    }
    free(forest->cover);
    forest->cover = NULL;
    forest_add_cover(forest, data.x, data.rows);
    assert_as_enumerated(forest, data.x, 28, &arena); /* every seventh has a missing value */
    assert_adds_up(forest, data.x, data.rows, 1e-12, &arena);
    forest_free(forest);
    arena_release(&arena);
}

static void test_nodes_that_no_row_reached_split_evenly_and_sums_stay_exact(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 200, 5, 3);
    struct forest *forest = train_or_fail(&data, 8, 1);
    free(forest->cover);
    forest->cover = NULL;
    forest_add_cover(forest, data.x, 3);
    assert_as_enumerated(forest, data.x, 15, &arena);
    assert_adds_up(forest, data.x, data.rows, 1e-12, &arena);
    memset(forest->cover, 0, forest->node_count * sizeof *forest->cover);
    assert_as_enumerated(forest, data.x, 5, &arena);
    forest_free(forest);
    arena_release(&arena);
}

static void test_base_and_shares_add_up_to_the_probability_of_big_forests(void **state)
{
    (void)state;
    static const struct {
        size_t rows, features;
        int classes;
        double tolerance;
    } cases[] = {{3000, 9, 6, 1e-12}, {400, 60, 3, 1e-12}, {1500, 17, 2, 1e-12}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        struct forest_data data =
            make_table(&arena, cases[i].rows, cases[i].features, cases[i].classes);
        struct forest *forest = counted_forest(&data, 50);
        assert_adds_up(forest, data.x, data.rows, cases[i].tolerance, &arena);
        forest_free(forest);
        arena_release(&arena);
    }
}

static void test_one_class_a_row_gives_the_same_shares_as_all_classes(void **state)
{
    (void)state;
    static const int classes[] = {2, 6};
    for (size_t i = 0; i < 2; i++) {
        struct arena arena = {0};
        struct error err;
        enum { ROWS = 1700, FEATURES = 9 };
        struct forest_data data = make_table(&arena, ROWS, FEATURES, classes[i]);
        struct forest *forest = counted_forest(&data, 20);
        double base[6];
        double again[6];
        double *all = explain_or_fail(forest, data.x, ROWS, 2, base, &arena);
        double *one = ARENA_NEW(&arena, double, ROWS *FEATURES);
        assert_int_equal(forest_explain(forest, data.x, ROWS, data.y, 2, one, again, &err), 0);
        assert_memory_equal(base, again, (size_t)classes[i] * sizeof *base);
        for (size_t r = 0; r < ROWS; r++) {
            size_t c = (size_t)data.y[r];
            for (size_t f = 0; f < FEATURES; f++) {
                assert_near(one[r * FEATURES + f], all[(r * (size_t)classes[i] + c) * FEATURES + f],
                            1e-14);
            }
        }
        forest_free(forest);
        arena_release(&arena);
    }
}

static void test_shares_depend_neither_on_threads_nor_on_the_other_rows(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err;
    enum { ROWS = 2500, FEATURES = 9 };
    struct forest_data data = make_table(&arena, ROWS, FEATURES, 6);
    struct forest *forest = counted_forest(&data, 12);
    double base[6];
    double *one = ARENA_NEW(&arena, double, ROWS *FEATURES);
    double *five = ARENA_NEW(&arena, double, ROWS *FEATURES);
    assert_int_equal(forest_explain(forest, data.x, ROWS, data.y, 1, one, base, &err), 0);
    assert_int_equal(forest_explain(forest, data.x, ROWS, data.y, 5, five, base, &err), 0);
    assert_memory_equal(one, five, ROWS * FEATURES * sizeof *one);
    double alone[FEATURES];
    for (size_t r = 0; r < ROWS; r += 397) {
        assert_int_equal(
            forest_explain(forest, &data.x[r * FEATURES], 1, &data.y[r], 2, alone, base, &err), 0);
        assert_memory_equal(alone, &one[r * FEATURES], sizeof alone);
    }
    forest_free(forest);
    arena_release(&arena);
}

/* One tree that is a chain: node i asks for feature i % features at threshold i, and its left child
 * is a leaf that votes for class i % 2. */
static struct forest *chain(size_t depth, size_t features)
{
    struct forest *forest = xcalloc(1, sizeof *forest);
    *forest = (struct forest){.features = features,
                              .classes = 2,
                              .trees = 1,
                              .node_count = 2 * depth + 1,
                              .vote_count = depth + 1};
    forest->roots = xcalloc(1, sizeof *forest->roots);
    forest->nodes = xcalloc(forest->node_count, sizeof *forest->nodes);
    forest->votes = xcalloc(forest->vote_count, sizeof *forest->votes);
    forest->cover = xcalloc(forest->node_count, sizeof *forest->cover);
    for (uint32_t i = 0; i <= depth; i++) {
        uint32_t at = 2 * i;
        forest->votes[i] = (struct forest_vote){(int32_t)(i % 2), 1};
        forest->cover[at] = (float)(2 * (depth - i) + 1);
        if (i == depth) {
            forest->nodes[at] = (struct forest_node){0, FOREST_LEAF, i, i + 1};
            break;
        }
        forest->nodes[at] = (struct forest_node){(float)i, (int32_t)(i % features), at + 1, at + 2};
        forest->nodes[at + 1] = (struct forest_node){0, FOREST_LEAF, i, i + 1};
        forest->cover[at + 1] = 2;
    }
    return forest;
}

static void test_deep_trees_and_long_paths_add_up(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{100000, 3}, {700, 40}, {90, 90}, {300, 300}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct arena arena = {0};
        size_t features = shapes[i][1];
        enum { ROWS = 9 };
        struct forest *forest = chain(shapes[i][0], features);
        float *x = ARENA_NEW(&arena, float, ROWS *features);
        for (size_t r = 0; r < ROWS; r++) { /* leaves at the beginning, the middle and the end */
            for (size_t f = 0; f < features; f++) {
                x[r * features + f] = (float)(shapes[i][0] * r) / 7 - (float)(f % 5);
            }
        }
        assert_adds_up(forest, x, ROWS, 1e-9, &arena);
        forest_free(forest);
        arena_release(&arena);
    }
}

static void test_a_path_with_too_many_features_is_refused(void **state)
{
    (void)state;
    struct forest *forest = chain(FOREST_EXPLAIN_FEATURES + 1, FOREST_EXPLAIN_FEATURES + 1);
    struct error err;
    double base[2];
    assert_int_equal(forest_explain(forest, NULL, 0, NULL, 1, NULL, base, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "2049 different features: at most 2048"));
    forest_free(forest);
}

static void test_a_tree_of_one_leaf_leaves_everything_in_the_base(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest *forest = chain(0, 4);
    const float x[8] = {1, 2, 3, NAN, 5, 6, 7, 8};
    double base[2];
    double *phi = explain_or_fail(forest, x, 2, 2, base, &arena);
    assert_true(base[0] == 1 && base[1] == 0);
    for (size_t i = 0; i < 16; i++) {
        assert_true(phi[i] == 0);
    }
    forest_free(forest);
    arena_release(&arena);
}

static void test_two_classes_mirror_each_other(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 200, 4, 2);
    struct forest *forest = counted_forest(&data, 10);
    double base[2];
    double *phi = explain_or_fail(forest, data.x, data.rows, 2, base, &arena);
    assert_near(base[0] + base[1], 1, 1e-6);
    for (size_t r = 0; r < data.rows; r++) {
        for (size_t f = 0; f < 4; f++) {
            assert_near(phi[r * 8 + f], -phi[r * 8 + 4 + f], 1e-6);
        }
    }
    assert_adds_up(forest, data.x, data.rows, 1e-12, &arena);
    forest_free(forest);
    arena_release(&arena);
}

static void test_boosted_trees_are_explained_before_their_transformation(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 100, 4, 3);
    struct forest *forest = counted_forest(&data, 10);
    assert_true(forest_explains_probabilities(forest));
    forest->base = xcalloc(3, sizeof *forest->base);
    forest->base[1] = 0.25;
    assert_adds_up(forest, data.x, data.rows, 1e-12, &arena);
    double base[3];
    double *phi = explain_or_fail(forest, data.x, data.rows, 2, base, &arena);
    forest->post = POST_SOFTMAX;
    assert_false(forest_explains_probabilities(forest));
    double *sums = explain_or_fail(forest, data.x, data.rows, 2, base, &arena);
    assert_memory_equal(phi, sums, data.rows * 12 * sizeof *phi);
    forest_free(forest);
    arena_release(&arena);
}

static void test_forests_without_counts_or_with_wrong_ones_are_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 30, 3, 3);
    struct forest *forest = train_or_fail(&data, 3, 1);
    struct error err;
    double base[3];
    double phi[27];
    free(forest->cover);
    forest->cover = NULL;
    assert_false(forest_has_cover(forest));
    assert_int_equal(forest_explain(forest, data.x, 3, NULL, 1, phi, base, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "does not tell how many rows"));
    forest_add_cover(forest, data.x, data.rows);
    assert_true(forest_has_cover(forest));
    forest->cover[1] = NAN;
    assert_int_equal(forest_explain(forest, data.x, 3, NULL, 1, phi, base, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "at node 1"));
    forest->cover[1] = -1;
    assert_int_equal(forest_explain(forest, data.x, 3, NULL, 1, phi, base, &err), -1);
    forest_free(forest);
    arena_release(&arena);
}

static void test_counting_in_parts_counts_the_same(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 90, 3, 3);
    struct forest *whole = counted_forest(&data, 4);
    struct forest *parts = train_or_fail(&data, 4, 1);
    free(parts->cover);
    parts->cover = NULL;
    forest_add_cover(parts, data.x + 50 * 3, 40);
    forest_add_cover(parts, data.x, 50);
    assert_memory_equal(whole->cover, parts->cover, whole->node_count * sizeof *whole->cover);
    assert_true(whole->cover[0] == 90);
    forest_free(whole);
    forest_free(parts);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares_are_the_shapley_values_that_enumeration_gives),
        cmocka_unit_test(test_missing_values_go_the_way_that_the_node_says),
        cmocka_unit_test(test_nodes_that_no_row_reached_split_evenly_and_sums_stay_exact),
        cmocka_unit_test(test_base_and_shares_add_up_to_the_probability_of_big_forests),
        cmocka_unit_test(test_one_class_a_row_gives_the_same_shares_as_all_classes),
        cmocka_unit_test(test_shares_depend_neither_on_threads_nor_on_the_other_rows),
        cmocka_unit_test(test_deep_trees_and_long_paths_add_up),
        cmocka_unit_test(test_a_path_with_too_many_features_is_refused),
        cmocka_unit_test(test_a_tree_of_one_leaf_leaves_everything_in_the_base),
        cmocka_unit_test(test_two_classes_mirror_each_other),
        cmocka_unit_test(test_boosted_trees_are_explained_before_their_transformation),
        cmocka_unit_test(test_forests_without_counts_or_with_wrong_ones_are_refused),
        cmocka_unit_test(test_counting_in_parts_counts_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
