/* Metrics against values worked out by hand, and stratified folds. */
#include "tests.h"

#include "forest/forest.h"

#include <math.h>
#include <string.h>

static void assert_close(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-12);
}

static void test_metrics_agree_with_a_calculation_by_hand(void **state)
{
    (void)state;
    /* confusion: class 0: 2 right, 1 as class 1; class 1: 1 right, 1 as class 2; class 2 absent */
    const int y[] = {0, 0, 0, 1, 1};
    const double prob[5][3] = {
        {0.5, 0.5, 0}, /* a tie: the first wins */
        {0.8, 0.1, 0.1}, {0.2, 0.7, 0.1}, {0, 1, 0}, {0.3, 0.2, 0.5},
    };
    struct arena arena = {0};
    struct forest_metrics m;
    forest_evaluate(y, prob[0], 5, 3, &arena, &m);
    static const size_t confusion[9] = {2, 1, 0, 0, 1, 1, 0, 0, 0};
    assert_int_equal(m.rows, 5);
    assert_int_equal(m.classes, 3);
    assert_memory_equal(m.confusion, confusion, sizeof confusion);
    assert_close(m.accuracy, 3.0 / 5);
    assert_close(m.precision[0], 1);
    assert_close(m.precision[1], 0.5);
    assert_close(m.precision[2], 0);
    assert_close(m.recall[0], 2.0 / 3);
    assert_close(m.recall[1], 0.5);
    assert_close(m.recall[2], 0);
    assert_close(m.f1[0], 0.8);
    assert_close(m.f1[1], 0.5);
    assert_close(m.f1[2], 0);
    assert_close(m.macro_f1, 0.65); /* class 2 is absent and does not count */
    assert_close(m.log_loss, -(log(0.5) + log(0.8) + log(0.2) + log(1) + log(0.2)) / 5);
    arena_release(&arena);
}

static void test_sure_and_wrong_costs_what_the_clip_says(void **state)
{
    (void)state;
    const int y[] = {0};
    const double prob[] = {0, 1};
    struct arena arena = {0};
    struct forest_metrics m;
    forest_evaluate(y, prob, 1, 2, &arena, &m);
    assert_close(m.log_loss, -log(1e-6));
    assert_close(m.accuracy, 0);
    arena_release(&arena);
}

static void test_rows_without_probabilities_are_left_out(void **state)
{
    (void)state;
    const int y[] = {0, 1, 0};
    const double prob[3][2] = {{0, 0}, {0, 1}, {1, 0}};
    struct arena arena = {0};
    struct forest_metrics m;
    forest_evaluate(y, prob[0], 3, 2, &arena, &m);
    assert_int_equal(m.rows, 2);
    assert_close(m.accuracy, 1);
    assert_close(m.log_loss, 0);
    forest_evaluate(y, prob[0], 1, 2, &arena, &m); /* nothing left */
    assert_int_equal(m.rows, 0);
    assert_close(m.accuracy, 0);
    assert_close(m.macro_f1, 0);
    assert_close(m.log_loss, 0);
    arena_release(&arena);
}

enum { ROWS = 240, CLASSES = 6, FOLDS = 5 };

/* The reference's mix: 163, 15, 15, 17, 15, 15. */
static void fill_labels(int y[ROWS])
{
    static const int counts[CLASSES] = {163, 15, 15, 17, 15, 15};
    int row = 0;
    for (int c = 0; c < CLASSES; c++) {
        for (int i = 0; i < counts[c]; i++) {
            y[row++] = c;
        }
    }
}

static void test_folds_spread_every_class_evenly(void **state)
{
    (void)state;
    int y[ROWS], counts[CLASSES][FOLDS] = {{0}}, total[FOLDS] = {0};
    unsigned fold[ROWS];
    fill_labels(y);
    forest_stratified_folds(y, ROWS, CLASSES, FOLDS, 1, fold);
    for (int row = 0; row < ROWS; row++) {
        assert_in_range(fold[row], 0, FOLDS - 1);
        counts[y[row]][fold[row]]++;
        total[fold[row]]++;
    }
    for (int f = 0; f < FOLDS; f++) {
        assert_int_equal(total[f], ROWS / FOLDS);
        assert_in_range(counts[0][f], 32, 33);
        assert_in_range(counts[3][f], 3, 4);
        assert_int_equal(counts[1][f], 3);
    }
}

static void test_folds_follow_the_seed_and_nothing_else(void **state)
{
    (void)state;
    int y[ROWS];
    unsigned first[ROWS], again[ROWS], other[ROWS];
    fill_labels(y);
    forest_stratified_folds(y, ROWS, CLASSES, FOLDS, 1, first);
    forest_stratified_folds(y, ROWS, CLASSES, FOLDS, 1, again);
    forest_stratified_folds(y, ROWS, CLASSES, FOLDS, 2, other);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

static void test_folds_of_few_rows_and_of_none_are_possible(void **state)
{
    (void)state;
    const int y[] = {1, 1};
    unsigned fold[2] = {9, 9};
    forest_stratified_folds(y, 0, 2, 5, 1, fold);
    assert_int_equal(fold[0], 9);
    forest_stratified_folds(y, 2, 2, 5, 1, fold);
    assert_true(fold[0] < 5 && fold[1] < 5 && fold[0] != fold[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_agree_with_a_calculation_by_hand),
        cmocka_unit_test(test_sure_and_wrong_costs_what_the_clip_says),
        cmocka_unit_test(test_rows_without_probabilities_are_left_out),
        cmocka_unit_test(test_folds_spread_every_class_evenly),
        cmocka_unit_test(test_folds_follow_the_seed_and_nothing_else),
        cmocka_unit_test(test_folds_of_few_rows_and_of_none_are_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
