/* Training and prediction: what a tree may split on, purity, threads, missing values, out of bag.
 */
#include "forest/tables.h"

#include "forest/impl.h"

#include <float.h>

/* Trains on a table given cell by cell. */
static struct forest *train_on(const float *x, const int *y, size_t rows, size_t features,
                               int classes)
{
    struct forest_data data = {
        .x = x, .y = y, .rows = rows, .features = features, .classes = classes};
    return train_or_fail(&data, 50, 1);
}

static void test_split_ignores_constant_feature(void **state)
{
    (void)state;
    /* Features 0, 2 and 3 are constant (2: all missing): only feature 1 can be split. */
    float x[8][4];
    int y[8];
    for (int i = 0; i < 8; i++) {
        float row[4] = {5, (float)i, NAN, -0.0F};
        memcpy(x[i], row, sizeof row);
        x[i][3] = i % 2 ? 0.0F : -0.0F; /* equal, whatever the sign */
        y[i] = i >= 4;
    }
    struct forest *forest = train_on(x[0], y, 8, 4, 2);
    size_t branches = 0;
    for (size_t i = 0; i < forest->node_count; i++) {
        if (forest->nodes[i].feature != FOREST_LEAF) {
            assert_int_equal(forest->nodes[i].feature, 1);
            branches++;
        }
    }
    assert_true(branches > 0);
    forest_free(forest);
}

static void test_trees_grow_until_leaves_are_pure(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 300, 4, 3);
    struct forest *forest = train_or_fail(&data, 20, 2);
    for (size_t i = 0; i < forest->node_count; i++) {
        const struct forest_node *node = &forest->nodes[i];
        if (node->feature == FOREST_LEAF) { /* no two rows are equal, so no leaf is mixed */
            assert_int_equal(node->right - node->left, 1);
            assert_true(forest->votes[node->left].weight == (float)(1.0 / 20));
        }
    }
    forest_free(forest);
    arena_release(&arena);
}

static void test_every_row_of_a_bag_gets_its_own_label_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 500, 4, 3);
    struct forest *forest = train_or_fail(&data, 100, 0);
    double *prob = predict_table(forest, &data, 0, &arena);
    for (size_t row = 0; row < data.rows; row++) {
        /* about 63 of 100 trees saw the row, and answer rightly */
        assert_true(prob[row * 3 + (size_t)data.y[row]] > 0.4);
    }
    forest_free(forest);
    arena_release(&arena);
}

static void test_same_seed_gives_the_same_bytes_for_any_number_of_threads(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 400, 9, 6);
    struct bytes first = {0};
    static const unsigned threads[] = {1, 2, 5};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        struct forest *forest = train_or_fail(&data, 30, threads[i]);
        struct bytes bytes = encode_or_fail(forest, &arena);
        first = i == 0 ? bytes : first;
        assert_int_equal(bytes.size, first.size);
        assert_memory_equal(bytes.data, first.data, first.size);
        forest_free(forest);
    }
    arena_release(&arena);
}

static void test_another_seed_gives_another_forest(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err;
    struct forest_data data = make_table(&arena, 200, 4, 3);
    struct forest_options options = {.trees = 10, .seed = 8};
    struct forest *one = train_or_fail(&data, 10, 1), *other;
    assert_int_equal(forest_train(&data, &options, NULL, &other, &err), 0);
    struct bytes a = encode_or_fail(one, &arena), b = encode_or_fail(other, &arena);
    assert_true(a.size != b.size || memcmp(a.data, b.data, a.size) != 0);
    forest_free(one);
    forest_free(other);
    arena_release(&arena);
}

static void test_predictions_do_not_depend_on_the_threads(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 3000, 5, 4);
    struct forest *forest = train_or_fail(&data, 15, 2);
    double *one = predict_table(forest, &data, 1, &arena);
    double *five = predict_table(forest, &data, 5, &arena);
    assert_memory_equal(one, five, data.rows * 4 * sizeof *one);
    forest_free(forest);
    arena_release(&arena);
}

static void test_predicting_no_rows_writes_nothing(void **state)
{
    (void)state;
    const float x[] = {0, 1};
    const int y[] = {0, 1};
    double untouched = 0.25;
    struct forest *forest = train_on(x, y, 2, 1, 2);
    forest_predict(forest, x, 0, 2, &untouched);
    assert_true(untouched == 0.25);
    forest_free(forest);
}

static void test_equal_rows_with_different_labels_share_a_leaf(void **state)
{
    (void)state;
    const float x[40] = {0};
    int y[40];
    for (int i = 0; i < 40; i++) {
        y[i] = i % 4 == 0 ? 2 : 0;
    }
    struct forest *forest = train_on(x, y, 40, 1, 3);
    double prob[3];
    forest_predict(forest, x, 1, 1, prob);
    assert_int_equal(forest_nodes(forest), 50); /* each tree is one leaf */
    assert_true(fabs(prob[0] - 0.75) < 0.05 && prob[1] == 0 && fabs(prob[2] - 0.25) < 0.05);
    assert_true(fabs(prob[0] + prob[2] - 1) < 1e-6);
    forest_free(forest);
}

static void test_a_single_class_is_predicted_surely(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4};
    const int several[] = {2, 2, 2, 2}, two[] = {0, 0, 0, 0};
    double prob[3];
    struct forest *forest = train_on(x, several, 4, 1, 3);
    forest_predict(forest, x, 1, 1, prob);
    assert_true(prob[0] == 0 && prob[1] == 0 && fabs(prob[2] - 1) < 1e-6);
    forest_free(forest);
    forest = train_on(x, two, 4, 1, 2);
    forest_predict(forest, x, 1, 1, prob);
    assert_true(prob[0] == 1 && prob[1] == 0);
    forest_free(forest);
}

static void test_one_row_is_enough(void **state)
{
    (void)state;
    const float x[] = {1, NAN};
    const int y[] = {1};
    double prob[2];
    struct forest *forest = train_on(x, y, 1, 2, 2);
    forest_predict(forest, x, 1, 1, prob);
    assert_true(fabs(prob[1] - 1) < 1e-6);
    forest_free(forest);
}

static void test_missing_values_go_right(void **state)
{
    (void)state;
    /* Class 1 is exactly where the value is missing: the threshold takes in all that is known. */
    const float x[] = {1, NAN, 2, NAN, 3, NAN, INFINITY, NAN};
    const int y[] = {0, 1, 0, 1, 0, 1, 0, 1};
    const float rows[] = {NAN, -INFINITY, FLT_MAX, INFINITY};
    double prob[4][2];
    struct forest *forest = train_on(x, y, 8, 1, 2);
    forest_predict(forest, rows, 4, 1, prob[0]);
    assert_true(prob[0][1] > 0.9);
    assert_true(prob[1][0] > 0.9 && prob[2][0] > 0.9 && prob[3][0] > 0.9);
    forest_free(forest);
}

static void test_infinite_values_are_values(void **state)
{
    (void)state;
    const float x[] = {-INFINITY, INFINITY, -INFINITY, INFINITY, -INFINITY, INFINITY};
    const int y[] = {0, 1, 0, 1, 0, 1};
    double prob[2][2];
    struct forest *forest = train_on(x, y, 6, 1, 2);
    forest_predict(forest, x, 2, 1, prob[0]);
    assert_true(prob[0][0] > 0.9 && prob[1][1] > 0.9);
    forest_free(forest);
}

static void test_neighbouring_floats_are_told_apart(void **state)
{
    (void)state;
    /* Between two neighbours, and where the midpoint overflows, the threshold is the lower one. */
    static const float lows[] = {1.0F, 16777216.0F, -1.0F, 0.0F, FLT_MAX};
    for (size_t i = 0; i < sizeof lows / sizeof *lows; i++) {
        float low = lows[i], high = nextafterf(low, INFINITY);
        const float x[] = {low, high, low, high, low, high};
        const int y[] = {0, 1, 0, 1, 0, 1};
        double prob[2][2];
        struct forest *forest = train_on(x, y, 6, 1, 2);
        forest_predict(forest, x, 2, 1, prob[0]);
        assert_true(prob[0][0] > 0.9 && prob[1][1] > 0.9);
        forest_free(forest);
    }
}

static void test_thresholds_lie_in_the_middle(void **state)
{
    (void)state;
    const float x[] = {1, 3, 1, 3, 1, 3, 1, 3, 1, 3};
    const int y[] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
    struct forest *forest = train_on(x, y, 10, 1, 2);
    for (size_t i = 0; i < forest->node_count; i++) {
        if (forest->nodes[i].feature != FOREST_LEAF) {
            assert_true(forest->nodes[i].threshold == 2);
        }
    }
    forest_free(forest);
}

static void test_out_of_bag_is_honest(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 1000, 4, 3);
    struct forest_options options = {.seed = 7, .threads = 3};
    double *oob = ARENA_NEW(&arena, double, data.rows * 3);
    struct forest *forest;
    struct forest_metrics seen, unseen;
    struct error err;
    assert_int_equal(forest_train(&data, &options, oob, &forest, &err), 0);
    assert_int_equal(forest_trees(forest), 100);
    for (size_t row = 0; row < data.rows; row++) {
        assert_true(fabs(oob[row * 3] + oob[row * 3 + 1] + oob[row * 3 + 2] - 1) < 1e-6);
    }
    forest_evaluate(data.y, predict_table(forest, &data, 0, &arena), data.rows, 3, &arena, &seen);
    forest_evaluate(data.y, oob, data.rows, 3, &arena, &unseen);
    /* a tenth of the labels is random, a seventh of the rows half blind: about 80 % can be known */
    assert_true(seen.accuracy > 0.99);
    assert_true(unseen.accuracy > 0.7 && unseen.accuracy < 0.95);
    forest_free(forest);
    arena_release(&arena);
}

static void test_a_row_in_every_bag_has_no_out_of_bag_probability(void **state)
{
    (void)state;
    const float x[] = {1};
    const int y[] = {1};
    struct forest_data data = {.x = x, .y = y, .rows = 1, .features = 1, .classes = 2};
    struct forest_options options = {.trees = 3};
    double oob[2] = {9, 9};
    struct forest *forest;
    struct error err;
    assert_int_equal(forest_train(&data, &options, oob, &forest, &err), 0);
    assert_true(oob[0] == 0 && oob[1] == 0);
    forest_free(forest);
}

static void test_tables_that_teach_nothing_are_refused(void **state)
{
    (void)state;
    const float x[] = {1, 2};
    const int y[] = {0, 1}, low[] = {0, -1}, high[] = {0, 2};
    struct {
        struct forest_data data;
        unsigned trees;
        const char *says;
    } cases[] = {
        {{.x = x, .y = y, .rows = 0, .features = 1, .classes = 2}, 1, "no rows"},
        {{.x = x, .y = y, .rows = 2, .features = 0, .classes = 2}, 1, "0 features"},
        {{.x = x, .y = y, .rows = 2, .features = 1, .classes = 1}, 1, "1 class"},
        {{.x = x, .y = y, .rows = 2, .features = 1, .classes = 2}, 2000000, "2000000 trees"},
        {{.x = x, .y = low, .rows = 2, .features = 1, .classes = 2}, 1, "row 1: class -1"},
        {{.x = x, .y = high, .rows = 2, .features = 1, .classes = 2}, 1, "row 1: class 2"},
        {{.x = x, .y = y, .rows = SIZE_MAX, .features = 1, .classes = 2}, 1, "too many"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct forest_options options = {.trees = cases[i].trees};
        struct forest *forest = (struct forest *)&options;
        struct error err = {0};
        assert_int_equal(forest_train(&cases[i].data, &options, NULL, &forest, &err), -1);
        assert_null(forest);
        assert_non_null(strstr(err.text[LANG_EN], cases[i].says));
        assert_true(err.text[LANG_FR][0] != '\0');
    }
}

static void count_progress(void *context, size_t done, size_t total)
{
    size_t *last = context;
    assert_int_equal(total, 40);
    assert_int_equal(done, *last + 1); /* one at a time, in order */
    *last = done;
}

static void test_progress_is_told_once_a_tree(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 100, 3, 3);
    size_t last = 0;
    struct forest_options options = {
        .trees = 40, .threads = 4, .progress = count_progress, .progress_context = &last};
    struct forest *forest;
    struct error err;
    assert_int_equal(forest_train(&data, &options, NULL, &forest, &err), 0);
    assert_int_equal(last, 40);
    forest_free(forest);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_ignores_constant_feature),
        cmocka_unit_test(test_trees_grow_until_leaves_are_pure),
        cmocka_unit_test(test_every_row_of_a_bag_gets_its_own_label_back),
        cmocka_unit_test(test_same_seed_gives_the_same_bytes_for_any_number_of_threads),
        cmocka_unit_test(test_another_seed_gives_another_forest),
        cmocka_unit_test(test_predictions_do_not_depend_on_the_threads),
        cmocka_unit_test(test_predicting_no_rows_writes_nothing),
        cmocka_unit_test(test_equal_rows_with_different_labels_share_a_leaf),
        cmocka_unit_test(test_a_single_class_is_predicted_surely),
        cmocka_unit_test(test_one_row_is_enough),
        cmocka_unit_test(test_missing_values_go_right),
        cmocka_unit_test(test_infinite_values_are_values),
        cmocka_unit_test(test_neighbouring_floats_are_told_apart),
        cmocka_unit_test(test_thresholds_lie_in_the_middle),
        cmocka_unit_test(test_out_of_bag_is_honest),
        cmocka_unit_test(test_a_row_in_every_bag_has_no_out_of_bag_probability),
        cmocka_unit_test(test_tables_that_teach_nothing_are_refused),
        cmocka_unit_test(test_progress_is_told_once_a_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
