/* Training and prediction: what a tree may split on, purity, threads, missing values, out of bag.
 */
#include "forest/tables.h"

#include "forest/bins.h"
#include "forest/evaluate.h"
#include "forest/impl.h"
#include "support/run.h"

#include <float.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

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

static void test_rows_of_small_classes_between_large_ones_get_their_own_label_back(void **state)
{
    (void)state;
    enum { ROWS = 20000, FEATURES = 4, CLASSES = 64, TREES = 4 };
    struct arena arena = {0};
    struct rng rng;
    float *x = ARENA_NEW(&arena, float, ROWS *FEATURES);
    int *y = ARENA_NEW(&arena, int, ROWS);
    uint32_t *counts = ARENA_NEW(&arena, uint32_t, ROWS);
    rng_init(&rng, 5, 0);
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t f = 0; f < FEATURES; f++) {
            x[row * FEATURES + f] = (float)rng_uniform(&rng);
        }
        y[row] = (int)rng_below(&rng, CLASSES);
        if (y[row] % 4 > 0 && row % 50 > 0) { /* a few rows, or as many as a quarter of the rest */
            y[row] -= y[row] % 4;
        }
    }
    struct forest_data data = {
        .x = x, .y = y, .rows = ROWS, .features = FEATURES, .classes = CLASSES};
    struct forest *forest = train_or_fail(&data, TREES, 2);
    for (size_t tree = 0; tree < TREES; tree++) {
        forest_bootstrap_counts(7, tree, ROWS, counts);
        for (size_t row = 0; row < ROWS; row++) {
            const struct forest_node *leaf = forest_leaf(forest, tree, x + row * FEATURES);
            if (counts[row] > 0) {
                assert_int_equal(leaf->right - leaf->left, 1);
                assert_int_equal(forest->votes[leaf->left].label, y[row]);
            }
        }
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
    const double *again = predict_table(forest, &data, 0, &arena);
    forest_evaluate(&(struct forest_predicted){data.y, again, data.rows, 3}, NULL, &arena, &seen);
    forest_evaluate(&(struct forest_predicted){data.y, oob, data.rows, 3}, NULL, &arena, &unseen);
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

/* Trains with options that must be accepted. */
static struct forest *train_with(const struct forest_data *data, struct forest_options options)
{
    struct forest *forest = NULL;
    struct error err;
    assert_int_equal(forest_train(data, &options, NULL, &forest, &err), 0);
    return forest;
}

static void test_missing_values_learn_to_go_left(void **state)
{
    (void)state;
    /* Low values and missing ones are class 0: sent right, each tree needs two splits. */
    float x[90];
    int y[90];
    for (int i = 0; i < 90; i++) {
        x[i] = i % 3 == 0 ? NAN : (float)(i % 3 == 1 ? i : 1000 + i);
        y[i] = i % 3 == 2;
    }
    struct forest_data data = {.x = x, .y = y, .rows = 90, .features = 1, .classes = 2};
    struct forest *forest = train_with(&data, (struct forest_options){.trees = 20, .max_depth = 1});
    const float rows[] = {NAN, 5, 2000};
    double prob[3][2];
    assert_non_null(forest->missing_left);
    forest_predict(forest, rows, 3, 1, prob[0]);
    assert_true(prob[0][0] > 0.999 && prob[1][0] > 0.999 && prob[2][1] > 0.999);
    forest_free(forest);
}

static void test_missing_values_that_training_never_saw_go_right(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 200, 1, 3); /* one feature: nothing is missing */
    struct forest *forest = train_or_fail(&data, 5, 1);
    assert_null(forest->missing_left);
    forest_free(forest);
    arena_release(&arena);
}

static void test_missing_values_in_other_nodes_go_to_the_heavier_side(void **state)
{
    (void)state;
    /* Feature 0 parts the classes 3 to 1; feature 1 is missing from rows of class 2 only. */
    float x[400][2];
    int y[400];
    for (int i = 0; i < 400; i++) {
        y[i] = i % 4 == 3 ? 1 : i < 200 ? 0 : 2;
        x[i][0] = y[i] == 2 ? 10.0F : 0.0F;
        x[i][1] = y[i] == 2 ? NAN : (float)(y[i] == 1);
    }
    struct forest_data data = {.x = x[0], .y = y, .rows = 400, .features = 2, .classes = 3};
    struct forest *forest = train_with(&data, (struct forest_options){.trees = 30});
    size_t checked = 0;
    for (size_t i = 0; i < forest->node_count; i++) {
        const struct forest_node *node = &forest->nodes[i];
        if (node->feature == 1 && isfinite(node->threshold) && forest->missing_left) {
            bool all_known = i > 0 && forest->nodes[i - 1].feature == 0; /* left child */
            bool heavier = forest->cover[node->left] >= forest->cover[node->right];
            assert_true(!all_known || forest->missing_left[i] == heavier);
            checked += all_known;
        }
    }
    assert_true(checked > 0);
    forest_free(forest);
}

static unsigned depth_of(const struct forest *forest, uint32_t place)
{
    const struct forest_node *node = &forest->nodes[place];
    if (node->feature == FOREST_LEAF) {
        return 0;
    }
    unsigned left = depth_of(forest, node->left), right = depth_of(forest, node->right);
    return 1 + (left > right ? left : right);
}

static void test_no_tree_is_deeper_than_max_depth(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 2000, 5, 4);
    for (unsigned limit = 1; limit < 5; limit++) {
        struct forest *forest =
            train_with(&data, (struct forest_options){.trees = 5, .max_depth = limit});
        for (size_t t = 0; t < forest->trees; t++) {
            assert_int_equal(depth_of(forest, forest->roots[t]), limit);
        }
        forest_free(forest);
    }
    arena_release(&arena);
}

static void test_every_leaf_has_min_leaf_rows(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const size_t rows[] = {150, 3000}; /* small nodes, and histograms */
    for (size_t i = 0; i < 2; i++) {
        for (int extra = 0; extra < 2; extra++) {
            struct forest_data data = make_table(&arena, rows[i], 4, 3);
            struct forest *forest = train_with(
                &data, (struct forest_options){.trees = 5, .min_leaf = 20, .extra_trees = extra});
            for (size_t n = 0; n < forest->node_count; n++) {
                assert_true(forest->cover[n] >= 20);
            }
            assert_true(forest->node_count > 5);
            forest_free(forest);
        }
    }
    arena_release(&arena);
}

static void test_a_leaf_larger_than_any_sample_is_all_there_is(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const unsigned least[] = {151, INT32_MAX, UINT32_MAX};
    struct forest_data data = make_table(&arena, 150, 4, 3);
    for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
        struct forest *forest =
            train_with(&data, (struct forest_options){.trees = 5, .min_leaf = least[i]});
        assert_int_equal(forest->node_count, 5);
        forest_free(forest);
    }
    arena_release(&arena);
}

static void test_covers_are_the_rows_that_came_by(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 700, 4, 3);
    struct forest *forest = train_or_fail(&data, 3, 1);
    uint32_t *counts = ARENA_NEW(&arena, uint32_t, data.rows);
    for (size_t t = 0; t < 3; t++) {
        float *cover = ARENA_NEW(&arena, float, forest->node_count);
        forest_bootstrap_counts(7, t, data.rows, counts);
        for (size_t row = 0; row < data.rows; row++) {
            const float *x = data.x + row * data.features;
            uint32_t at = forest->roots[t];
            cover[at] += (float)counts[row];
            while (forest->nodes[at].feature != FOREST_LEAF) {
                const struct forest_node *node = &forest->nodes[at];
                float value = x[node->feature];
                bool left = value <= node->threshold ||
                            (isnan(value) && forest->missing_left && forest->missing_left[at]);
                at = left ? node->left : node->right;
                cover[at] += (float)counts[row];
            }
        }
        size_t end = t + 1 < forest->trees ? forest->roots[t + 1] : forest->node_count;
        for (size_t n = forest->roots[t]; n < end; n++) {
            assert_true(cover[n] == forest->cover[n]);
        }
    }
    forest_free(forest);
    arena_release(&arena);
}

static void test_bootstrap_counts_leave_out_what_out_of_bag_counts(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 300, 3, 3);
    struct forest_options options = {.trees = 2, .seed = 11, .threads = 2};
    double *oob = ARENA_NEW(&arena, double, data.rows * 3);
    uint32_t *counts = ARENA_NEW(&arena, uint32_t, 2 * data.rows);
    struct forest *forest;
    struct error err;
    size_t drawn = 0;
    assert_int_equal(forest_train(&data, &options, oob, &forest, &err), 0);
    forest_bootstrap_counts(11, 0, data.rows, counts);
    forest_bootstrap_counts(11, 1, data.rows, counts + data.rows);
    for (size_t row = 0; row < data.rows; row++) {
        bool has_voters = oob[row * 3] + oob[row * 3 + 1] + oob[row * 3 + 2] > 0.5;
        assert_int_equal(has_voters, counts[row] == 0 || counts[data.rows + row] == 0);
        drawn += counts[row];
    }
    assert_int_equal(drawn, data.rows);
    forest_free(forest);
    arena_release(&arena);
}

static void test_max_features_of_all_finds_the_best_feature_at_once(void **state)
{
    (void)state;
    /* Only feature 7 tells the class; with all features as candidates every root uses it. */
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 500, 8, 3);
    int *y = ARENA_NEW(&arena, int, data.rows);
    for (size_t row = 0; row < data.rows; row++) {
        y[row] = data.x[row * 8 + 7] > 0.5F;
    }
    data.y = y;
    struct forest *forest = train_with(&data, (struct forest_options){.max_features = 8});
    assert_int_equal(forest->node_count, 3 * forest->trees);
    forest_free(forest);
    forest = train_with(&data, (struct forest_options){.max_features = 1000, .trees = 2});
    assert_int_equal(forest->nodes[0].feature, 7);
    forest_free(forest);
    forest = train_with(&data, (struct forest_options){.max_features = 1});
    assert_true(forest->node_count > 5 * forest->trees);
    forest_free(forest);
    arena_release(&arena);
}

/* P(class 1) of one leaf that holds everything, many trees. */
static double share_of_class_1(struct forest_data data, bool balanced)
{
    double prob[2];
    struct forest *forest =
        train_with(&data, (struct forest_options){.trees = 400, .balanced = balanced});
    forest_predict(forest, data.x, 1, 1, prob);
    forest_free(forest);
    return prob[1];
}

static void test_weights_count_as_rows(void **state)
{
    (void)state;
    const float x[200] = {0};
    float weight[200];
    int y[200];
    for (int i = 0; i < 200; i++) {
        y[i] = i % 2;
        weight[i] = i % 2 ? 3 : 1;
    }
    struct forest_data data = {
        .x = x, .y = y, .rows = 200, .features = 1, .classes = 2, .weight = weight};
    assert_true(fabs(share_of_class_1(data, false) - 0.75) < 0.01);
    assert_true(fabs(share_of_class_1(data, true) - 0.5) < 0.01);
    for (int i = 0; i < 200; i++) {
        weight[i] *= 1e-20F; /* only ratios matter, fractions and all */
    }
    assert_true(fabs(share_of_class_1(data, false) - 0.75) < 0.01);
}

static void test_rows_of_weight_zero_are_not_there(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 600, 3, 3);
    float *weight = ARENA_NEW(&arena, float, data.rows);
    for (size_t row = 0; row < data.rows; row++) {
        weight[row] = data.y[row] != 2;
    }
    data.weight = weight;
    struct forest *forest = train_or_fail(&data, 10, 2);
    double *prob = predict_table(forest, &data, 1, &arena);
    for (size_t row = 0; row < data.rows; row++) {
        assert_true(prob[row * 3 + 2] == 0);
    }
    forest_free(forest);
    arena_release(&arena);
}

static void test_equal_weights_change_nothing(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 3000, 4, 3);
    float *weight = ARENA_NEW(&arena, float, data.rows);
    struct forest *plain = train_or_fail(&data, 4, 1);
    struct bytes expected = encode_or_fail(plain, &arena);
    for (size_t row = 0; row < data.rows; row++) {
        weight[row] = 1;
    }
    data.weight = weight;
    struct forest *weighted = train_or_fail(&data, 4, 1);
    struct bytes bytes = encode_or_fail(weighted, &arena);
    assert_int_equal(bytes.size, expected.size);
    assert_memory_equal(bytes.data, expected.data, expected.size);
    forest_free(plain);
    forest_free(weighted);
    arena_release(&arena);
}

static void test_a_sample_that_weighs_nothing_is_replaced_by_all_rows(void **state)
{
    (void)state;
    /* One row in a hundred weighs anything: a third of the samples miss it. */
    float x[100], weight[100] = {0};
    int y[100];
    for (int i = 0; i < 100; i++) {
        x[i] = (float)i;
        y[i] = i % 2;
    }
    weight[3] = 1;
    struct forest_data data = {
        .x = x, .y = y, .rows = 100, .features = 1, .classes = 2, .weight = weight};
    assert_true(fabs(share_of_class_1(data, false) - 1) < 1e-6);
}

static void test_balanced_classes_raise_the_rare_one(void **state)
{
    (void)state;
    const float x[100] = {0};
    int y[100];
    for (int i = 0; i < 100; i++) {
        y[i] = i % 10 == 0;
    }
    struct forest_data data = {.x = x, .y = y, .rows = 100, .features = 1, .classes = 2};
    assert_true(fabs(share_of_class_1(data, false) - 0.1) < 0.02);
    assert_true(fabs(share_of_class_1(data, true) - 0.5) < 0.05);
}

static void test_balanced_trees_grow_in_small_and_large_nodes(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 3000, 4, 3);
    struct forest *forest =
        train_with(&data, (struct forest_options){.trees = 20, .balanced = true});
    double *prob = predict_table(forest, &data, 0, &arena);
    for (size_t row = 0; row < data.rows; row++) {
        assert_true(prob[row * 3 + (size_t)data.y[row]] > 0.3);
    }
    forest_free(forest);
    arena_release(&arena);
}

static void test_extra_trees_draw_thresholds_and_fit_the_rows(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_metrics metrics;
    struct forest_data data = make_table(&arena, 2000, 4, 3);
    struct forest_options options = {.trees = 50, .extra_trees = true};
    double *oob = ARENA_NEW(&arena, double, data.rows * 3);
    struct forest *forest, *usual = train_or_fail(&data, 50, 1);
    struct error err;
    assert_int_equal(forest_train(&data, &options, oob, &forest, &err), 0);
    assert_true(forest->node_count > usual->node_count);
    forest_evaluate(&(struct forest_predicted){data.y, oob, data.rows, 3}, NULL, &arena, &metrics);
    assert_true(metrics.accuracy > 0.7);
    forest_free(forest);
    forest_free(usual);
    arena_release(&arena);
}

static void test_extra_trees_take_values_that_are_infinite_or_few(void **state)
{
    (void)state;
    float x[60][2];
    int y[60];
    for (int i = 0; i < 60; i++) {
        x[i][0] = i % 3 == 0 ? -INFINITY : i % 3 == 1 ? 0 : INFINITY;
        x[i][1] = i % 2 ? NAN : 1;
        y[i] = i % 3 + 3 * (i % 2);
    }
    struct forest_data data = {.x = x[0], .y = y, .rows = 60, .features = 2, .classes = 6};
    struct forest *forest =
        train_with(&data, (struct forest_options){.trees = 20, .extra_trees = true});
    double prob[60][6];
    forest_predict(forest, x[0], 60, 1, prob[0]);
    for (int i = 0; i < 60; i++) {
        assert_true(prob[i][y[i]] > 0.99);
    }
    forest_free(forest);
}

static void test_more_values_than_bins_are_cut_between_bins(void **state)
{
    (void)state;
    enum { ROWS = 200000 };
    struct arena arena = {0};
    float *x = ARENA_NEW(&arena, float, ROWS);
    int *y = ARENA_NEW(&arena, int, ROWS);
    for (int i = 0; i < ROWS; i++) { /* all values differ, in no order */
        x[i] = (float)((i * 77773LL) % ROWS);
        y[i] = x[i] >= 123456;
    }
    struct forest_data data = {.x = x, .y = y, .rows = ROWS, .features = 1, .classes = 2};
    struct forest *forest = train_or_fail(&data, 2, 2);
    for (size_t t = 0; t < forest->trees; t++) {
        float threshold = forest->nodes[forest->roots[t]].threshold;
        assert_true(fabsf(threshold - 123455.5F) <= 8); /* the width of a few bins */
    }
    forest_free(forest);
    arena_release(&arena);
}

static void test_ten_thousand_classes_are_told_apart(void **state)
{
    (void)state;
    enum { CLASSES = 10000 };
    struct arena arena = {0};
    float *x = ARENA_NEW(&arena, float, CLASSES);
    int *y = ARENA_NEW(&arena, int, CLASSES);
    for (int i = 0; i < CLASSES; i++) { /* each label has one member */
        x[i] = (float)(i ^ 0x155);
        y[i] = i;
    }
    struct forest_data data = {.x = x, .y = y, .rows = CLASSES, .features = 1, .classes = CLASSES};
    struct forest *forest = train_or_fail(&data, 4, 2);
    assert_true(forest->vote_count > 4 * CLASSES / 2);
    forest_free(forest);
    arena_release(&arena);
}

static void test_same_bytes_for_wide_tall_and_missing_tables(void **state)
{
    (void)state;
    static const struct {
        size_t rows, features;
        int classes;
    } tables[] = {{60, 300, 2}, {30000, 3, 4}, {2000, 20, 30}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct arena arena = {0};
        struct forest_data data =
            make_table(&arena, tables[i].rows, tables[i].features, tables[i].classes);
        struct bytes first = {0};
        static const unsigned threads[] = {1, 2, 5};
        for (size_t t = 0; t < 3; t++) {
            struct forest *forest = train_or_fail(&data, 3, threads[t]);
            struct bytes bytes = encode_or_fail(forest, &arena);
            first = t == 0 ? bytes : first;
            assert_int_equal(bytes.size, first.size);
            assert_memory_equal(bytes.data, first.data, first.size);
            forest_free(forest);
        }
        arena_release(&arena);
    }
}

/* The largest resident memory so far, in bytes. */
static size_t peak_memory(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (size_t)usage.ru_maxrss * 1024;
}

static void test_memory_is_a_small_multiple_of_the_binned_table(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 300000, 20, 3);
    struct forest_options options = {.trees = 2, .threads = 2, .min_leaf = 1000};
    size_t before = peak_memory(), binned = data.rows * data.features * sizeof(uint16_t);
    struct forest *forest = train_with(&data, options);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)before; /* sanitizers keep what was freed */
    assert_true(binned > 0);
#else
    assert_true(peak_memory() - before < 5 * binned);
#endif
    forest_free(forest);
    arena_release(&arena);
}

/* make_table()'s rows, each `times` times and far apart. */
static struct forest_data make_repeated(struct arena *arena, size_t rows, size_t times)
{
    struct forest_data data = make_table(arena, rows, 3, 3);
    float *x = ARENA_NEW(arena, float, rows *times * 3);
    int *y = ARENA_NEW(arena, int, rows *times);
    for (size_t i = 0; i < rows * times; i++) {
        memcpy(x + i * 3, data.x + i % rows * 3, 3 * sizeof *x);
        y[i] = data.y[i % rows];
    }
    data.x = x;
    data.y = y;
    data.rows = rows * times;
    return data;
}

static void test_rows_that_are_alike_are_binned_once(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_repeated(&arena, 1000, 3);
    struct bin_table table;
    bin_table_init(&table, &data, 2);
    assert_int_equal(table.rows, 1000);
    assert_int_equal(table.source_rows, 3000);
    assert_int_equal(table.class_begin[3], 1000);
    for (size_t c = 0; c < 3; c++) {
        for (uint32_t i = table.class_begin[c]; i < table.class_begin[c + 1]; i++) {
            assert_int_equal(table.row_begin[i + 1] - table.row_begin[i], 3);
            for (uint32_t k = table.row_begin[i]; k < table.row_begin[i + 1]; k++) {
                assert_int_equal(data.y[table.row[k]], c);
                for (size_t f = 0; f < 3; f++) {
                    float value = data.x[table.row[k] * 3 + f];
                    uint16_t bin = table.bins[f * table.rows + i];
                    if (isnan(value)) {
                        assert_int_equal(bin, BIN_MISSING);
                    } else {
                        assert_true(table.features[f].bins[bin].low == value);
                    }
                }
            }
        }
    }
    bin_table_release(&table);
    data.rows = 1010; /* ten of them are alike: not worth a change */
    bin_table_init(&table, &data, 2);
    assert_int_equal(table.rows, 1010);
    bin_table_release(&table);
    arena_release(&arena);
}

static void test_rows_that_are_alike_weigh_as_often_as_they_are_drawn(void **state)
{
    (void)state;
    enum { ROWS = 3000, TREES = 5 };
    struct arena arena = {0};
    struct forest_data data = make_repeated(&arena, 1000, 3);
    uint32_t *counts = ARENA_NEW(&arena, uint32_t, ROWS);
    float *weight = ARENA_NEW(&arena, float, ROWS);
    for (size_t row = 0; row < ROWS; row++) {
        weight[row] = (float)(row % 3); /* another one for each copy of a row */
    }
    for (int weighted = 0; weighted < 2; weighted++) {
        data.weight = weighted ? weight : NULL;
        struct forest *forest = train_or_fail(&data, TREES, 2);
        for (size_t tree = 0; tree < TREES; tree++) {
            double sum = 0;
            forest_bootstrap_counts(7, tree, ROWS, counts);
            for (size_t row = 0; row < ROWS; row++) {
                double drawn = counts[row] * (weighted ? (double)weight[row] : 1);
                const struct forest_node *leaf = forest_leaf(forest, tree, data.x + row * 3);
                sum += drawn;
                if (drawn > 0) {
                    assert_int_equal(forest->votes[leaf->left].label, data.y[row]);
                }
            }
            assert_true((double)forest->cover[forest->roots[tree]] == sum);
        }
        forest_free(forest);
    }
    arena_release(&arena);
}

static void test_weights_that_are_no_weights_are_refused(void **state)
{
    (void)state;
    const float x[] = {1, 2}, bad[][2] = {{1, -1}, {NAN, 1}, {1, INFINITY}, {0, 0}};
    const char *says[] = {"row 1: -1", "row 0: nan", "row 1: inf", "all weights are zero"};
    const int y[] = {0, 1};
    for (size_t i = 0; i < 4; i++) {
        struct forest_data data = {
            .x = x, .y = y, .rows = 2, .features = 1, .classes = 2, .weight = bad[i]};
        struct forest_options options = {0};
        struct forest *forest;
        struct error err = {0};
        assert_int_equal(forest_train(&data, &options, NULL, &forest, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], says[i]));
    }
}

/* ---- trees that grow in other processes ---- */

enum damage { WHOLE, LAST_MISSING, CUT_SHORT, CHILD_OUTSIDE, LABEL_OUTSIDE, NUMBER_OUTSIDE };

/* The other process, here: the trees in reverse order, and damaged. */
static int grow_reversed(void *context, const struct forest_data *data,
                         const struct forest_options *options, struct forest_training *out,
                         struct error *err)
{
    enum damage damage = *(enum damage *)context;
    struct arena arena = {0};
    struct forest_grower *grower;
    char path[] = "/tmp/autostream-grow-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(forest_task_write(path, data, options, err), 0);
    assert_int_equal(forest_grower_open(path, &grower, err), 0);
    assert_int_equal(unlink(path), 0);
    int status = 0;
    for (unsigned t = options->trees; t-- > 0 && status == 0;) {
        struct bytes bytes;
        assert_int_equal(forest_grower_tree(grower, t, &arena, &bytes, err), 0);
        char *copy = arena_copy(&arena, bytes.data, bytes.size);
        uint64_t head[3]; /* number, nodes, votes */
        memcpy(head, copy, sizeof head);
        struct forest_node node;
        char *nodes = copy + sizeof head;
        memcpy(&node, nodes, sizeof node);
        node.right = damage == CHILD_OUTSIDE ? (uint32_t)head[1] : node.right;
        memcpy(nodes, &node, sizeof node);
        if (damage == LABEL_OUTSIDE) {
            memcpy(nodes + head[1] * sizeof node, &data->classes, sizeof data->classes);
        }
        head[0] = damage == NUMBER_OUTSIDE ? options->trees : head[0];
        memcpy(copy, head, sizeof head);
        if (damage != LAST_MISSING || t > 0) {
            status = forest_take_tree(out, copy, bytes.size - (damage == CUT_SHORT), err);
        }
    }
    struct error beyond;
    struct bytes none;
    assert_int_equal(forest_grower_tree(grower, options->trees, &arena, &none, &beyond), -1);
    forest_grower_close(grower);
    arena_release(&arena);
    return status;
}

static void test_trees_grown_elsewhere_make_the_same_forest(void **state)
{
    (void)state;
    enum { ROWS = 400, TREES = 12 };
    struct arena arena = {0};
    enum damage damage = WHOLE;
    const struct forest_elsewhere elsewhere = {grow_reversed, &damage};
    static const struct forest_options plans[] = {{.max_depth = 0},
                                                  {.max_depth = 4, .min_leaf = 3},
                                                  {.max_features = 5, .balanced = true},
                                                  {.extra_trees = true}};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        int classes = i == 0 ? 2 : 4; /* two are a special case of the file */
        struct forest_data data = make_table(&arena, ROWS, 5, classes);
        struct forest_options options = plans[i];
        struct forest *here, *there;
        struct error err;
        double *oob = ARENA_NEW(&arena, double, ROWS * 4);
        double *oob_there = ARENA_NEW(&arena, double, ROWS * 4);
        options.trees = TREES;
        options.seed = 7;
        assert_int_equal(forest_train(&data, &options, oob, &here, &err), 0);
        options.elsewhere = &elsewhere;
        assert_int_equal(forest_train(&data, &options, oob_there, &there, &err), 0);
        struct bytes a = encode_or_fail(here, &arena), b = encode_or_fail(there, &arena);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
        assert_memory_equal(oob, oob_there, ROWS * 4 * sizeof *oob);
        forest_free(here);
        forest_free(there);
    }
    arena_release(&arena);
}

static void test_damaged_trees_from_elsewhere_are_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 100, 3, 3);
    for (enum damage damage = LAST_MISSING; damage <= NUMBER_OUTSIDE; damage++) {
        const struct forest_elsewhere elsewhere = {grow_reversed, &damage};
        const struct forest_options options = {.trees = 3, .elsewhere = &elsewhere};
        struct forest *forest;
        struct error err;
        assert_int_equal(forest_train(&data, &options, NULL, &forest, &err), -1);
        assert_null(forest);
        assert_non_null(strstr(err.text[LANG_EN], damage == LAST_MISSING
                                                      ? "tree 0 did not come back"
                                                      : "a tree came back damaged"));
    }
    arena_release(&arena);
}

static void test_a_file_that_is_no_training_task_is_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    char *folder = temp_folder(&arena);
    static const char text[] = "ASGROW1, but then nothing of what should follow";
    const char *const paths[] = {write_file(&arena, folder, "empty", "", 0),
                                 write_file(&arena, folder, "text", text, sizeof text),
                                 "/nowhere/at/all"};
    static const char *const says[] = {"no training task", "no training task", "/nowhere/at/all"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct forest_grower *grower;
        struct error err;
        assert_int_equal(forest_grower_open(paths[i], &grower, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], says[i]));
        forest_grower_close(grower);
    }
    temp_folder_remove(folder);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_ignores_constant_feature),
        cmocka_unit_test(test_trees_grow_until_leaves_are_pure),
        cmocka_unit_test(test_every_row_of_a_bag_gets_its_own_label_back),
        cmocka_unit_test(test_rows_of_small_classes_between_large_ones_get_their_own_label_back),
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
        cmocka_unit_test(test_missing_values_learn_to_go_left),
        cmocka_unit_test(test_missing_values_that_training_never_saw_go_right),
        cmocka_unit_test(test_missing_values_in_other_nodes_go_to_the_heavier_side),
        cmocka_unit_test(test_no_tree_is_deeper_than_max_depth),
        cmocka_unit_test(test_every_leaf_has_min_leaf_rows),
        cmocka_unit_test(test_a_leaf_larger_than_any_sample_is_all_there_is),
        cmocka_unit_test(test_covers_are_the_rows_that_came_by),
        cmocka_unit_test(test_bootstrap_counts_leave_out_what_out_of_bag_counts),
        cmocka_unit_test(test_max_features_of_all_finds_the_best_feature_at_once),
        cmocka_unit_test(test_weights_count_as_rows),
        cmocka_unit_test(test_rows_of_weight_zero_are_not_there),
        cmocka_unit_test(test_equal_weights_change_nothing),
        cmocka_unit_test(test_a_sample_that_weighs_nothing_is_replaced_by_all_rows),
        cmocka_unit_test(test_balanced_classes_raise_the_rare_one),
        cmocka_unit_test(test_balanced_trees_grow_in_small_and_large_nodes),
        cmocka_unit_test(test_extra_trees_draw_thresholds_and_fit_the_rows),
        cmocka_unit_test(test_extra_trees_take_values_that_are_infinite_or_few),
        cmocka_unit_test(test_more_values_than_bins_are_cut_between_bins),
        cmocka_unit_test(test_ten_thousand_classes_are_told_apart),
        cmocka_unit_test(test_same_bytes_for_wide_tall_and_missing_tables),
        cmocka_unit_test(test_memory_is_a_small_multiple_of_the_binned_table),
        cmocka_unit_test(test_rows_that_are_alike_are_binned_once),
        cmocka_unit_test(test_rows_that_are_alike_weigh_as_often_as_they_are_drawn),
        cmocka_unit_test(test_weights_that_are_no_weights_are_refused),
        cmocka_unit_test(test_trees_grown_elsewhere_make_the_same_forest),
        cmocka_unit_test(test_damaged_trees_from_elsewhere_are_refused),
        cmocka_unit_test(test_a_file_that_is_no_training_task_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
