/* Measures, intervals and costs against values worked out by hand; folds. */
#include "tests.h"

#include "forest/evaluate.h"

#include <math.h>
#include <string.h>

static void assert_close(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-12);
}

static void evaluate(const int *y, const double *prob, size_t rows, int classes,
                     const struct forest_evaluation *options, struct arena *arena,
                     struct forest_metrics *out)
{
    const struct forest_predicted predicted = {y, prob, rows, classes};
    forest_evaluate(&predicted, options, arena, out);
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
    const struct forest_evaluation options = {.has_quiet = true, .quiet = 0};
    struct arena arena = {0};
    struct forest_metrics m;
    evaluate(y, prob[0], 5, 3, &options, &arena, &m);
    static const size_t confusion[9] = {2, 1, 0, 0, 1, 1, 0, 0, 0};
    assert_int_equal(m.rows, 5);
    assert_int_equal(m.classes, 3);
    assert_int_equal(m.replicates, 0);
    assert_memory_equal(m.confusion, confusion, sizeof confusion);
    static const struct forest_class_scores each[3] = {
        {.actual = 3, .predicted = 2, .hit = 2, .precision = 1, .recall = 2.0 / 3, .f1 = 0.8},
        {.actual = 2, .predicted = 2, .hit = 1, .precision = 0.5, .recall = 0.5, .f1 = 0.5},
        {.actual = 0, .predicted = 1},
    };
    for (int c = 0; c < 3; c++) {
        assert_int_equal(m.each[c].actual, each[c].actual);
        assert_int_equal(m.each[c].predicted, each[c].predicted);
        assert_int_equal(m.each[c].hit, each[c].hit);
        assert_close(m.each[c].precision, each[c].precision);
        assert_close(m.each[c].recall, each[c].recall);
        assert_close(m.each[c].f1, each[c].f1);
        assert_true(isnan(m.each[c].f1_interval.low));
    }
    assert_close(m.accuracy, 3.0 / 5);
    assert_close(m.macro_f1, 0.65); /* class 2 is absent and does not count */
    assert_close(m.log_loss, -(log(0.5) + log(0.8) + log(0.2) + log(1) + log(0.2)) / 5);
    /* class 0: .8 .5 .2 against .3 0: one of six pairs is wrong; class 1: 1 .2 against .7 .5 .1:
     * two of six */
    assert_close(m.auc, (5.0 / 6 + 4.0 / 6) / 2);
    /* class 0 ranks 1 2 4 of 5; class 1 ranks 1 and 4 */
    assert_close(m.average_precision, ((1 + 1 + 0.75) / 3 + (1 + 0.5) / 2) / 2);
    /* an event is class 1 (or 2): ranked by 1 - P(0): 1 .7 against .8 .5 .2 */
    assert_close(m.event_auc, 5.0 / 6);
    assert_close(m.event_average_precision, (1 + 2.0 / 3) / 2);
    assert_close(m.brier, (0.5 + 0.06 + 1.14 + 0 + 0.98) / 5);
    /* confidences .5 (right) and .5 (wrong) share a bin; .8 right, .7 wrong, 1 right */
    assert_close(m.calibration_error, (0 + 0.2 + 0.7 + 0) / 5);
    assert_true(isnan(m.interval[FOREST_SCORE_auc].low));
    arena_release(&arena);
}

static void test_reliability_sorts_rows_by_their_largest_probability(void **state)
{
    (void)state;
    const int y[] = {0, 0, 0, 1, 1, 0};
    const double prob[6][3] = {
        {0.5, 0.5, 0}, {0.8, 0.1, 0.1}, {0.2, 0.7, 0.1},
        {0, 1, 0},     {0.3, 0.2, 0.5}, {0, 0, 0}, /* nobody predicted the last */
    };
    const struct forest_predicted predicted = {y, prob[0], 6, 3};
    static const struct forest_reliability expected[FOREST_RELIABILITY_BINS] = {
        [5] = {.rows = 2, .predicted = 0.5, .observed = 0.5},
        [7] = {.rows = 1, .predicted = 0.7, .observed = 0},
        [8] = {.rows = 1, .predicted = 0.8, .observed = 1},
        [9] = {.rows = 1, .predicted = 1, .observed = 1},
    };
    struct forest_reliability bins[FOREST_RELIABILITY_BINS];
    forest_reliability(&predicted, bins);
    for (size_t b = 0; b < FOREST_RELIABILITY_BINS; b++) {
        assert_close(bins[b].from, (double)b / 10);
        assert_close(bins[b].to, (double)(b + 1) / 10);
        assert_int_equal(bins[b].rows, expected[b].rows);
        if (bins[b].rows > 0) {
            assert_close(bins[b].predicted, expected[b].predicted);
            assert_close(bins[b].observed, expected[b].observed);
        } else {
            assert_true(isnan(bins[b].predicted) && isnan(bins[b].observed));
        }
    }
}

static void test_of_two_classes_the_second_is_ranked_and_ties_count_half(void **state)
{
    (void)state;
    const int y[] = {0, 1, 0, 1};
    const double prob[4][2] = {{0.6, 0.4}, {0.6, 0.4}, {0.9, 0.1}, {0.2, 0.8}};
    struct arena arena = {0};
    struct forest_metrics m;
    evaluate(y, prob[0], 4, 2, NULL, &arena, &m);
    assert_close(m.auc, 3.5 / 4);
    assert_close(m.average_precision, 0.5 * 1 + 0.5 * 2 / 3);
    assert_close(m.brier, (0.16 + 0.36 + 0.01 + 0.04) / 4);
    assert_true(isnan(m.event_auc));
    arena_release(&arena);
}

static void test_ranking_of_one_class_alone_is_not_defined(void **state)
{
    (void)state;
    const int y[] = {1, 1};
    const double prob[2][2] = {{0.6, 0.4}, {0.2, 0.8}};
    struct arena arena = {0};
    struct forest_metrics m;
    evaluate(y, prob[0], 2, 2, NULL, &arena, &m);
    assert_true(isnan(m.auc));
    assert_true(isnan(m.average_precision));
    assert_close(m.accuracy, 0.5);
    arena_release(&arena);
}

static void test_sure_and_wrong_costs_what_the_clip_says(void **state)
{
    (void)state;
    const int y[] = {0};
    const double prob[] = {0, 1};
    struct arena arena = {0};
    struct forest_metrics m;
    evaluate(y, prob, 1, 2, NULL, &arena, &m);
    assert_close(m.log_loss, -log(1e-6));
    assert_close(m.accuracy, 0);
    arena_release(&arena);
}

static void test_rows_without_probabilities_are_left_out(void **state)
{
    (void)state;
    const int y[] = {0, 1, 0};
    const double prob[3][2] = {{0, 0}, {0, 1}, {1, 0}};
    const struct forest_evaluation options = {.intervals = true, .has_quiet = true};
    struct arena arena = {0};
    struct forest_metrics m;
    evaluate(y, prob[0], 3, 2, &options, &arena, &m);
    assert_int_equal(m.rows, 2);
    assert_close(m.accuracy, 1);
    assert_close(m.log_loss, 0);
    evaluate(y, prob[0], 1, 2, &options, &arena, &m); /* nothing left */
    assert_int_equal(m.rows, 0);
    for (int s = 0; s < FOREST_SCORE_COUNT; s++) {
        assert_close(m.score[s], 0);
        assert_true(isnan(m.interval[s].low) && isnan(m.interval[s].high));
    }
    arena_release(&arena);
}

static void test_so_many_classes_that_no_matrix_is_kept_are_still_measured(void **state)
{
    (void)state;
    enum { MANY = FOREST_CONFUSION_CLASSES + 1 };
    static int y[MANY];
    struct arena arena = {0};
    struct forest_metrics m;
    double *prob = ARENA_NEW(&arena, double, (size_t)MANY *MANY);
    for (int c = 0; c < MANY; c++) {
        y[c] = c;
        prob[c * MANY + (c < 10 ? c : 0)] = 1;
    }
    evaluate(y, prob, MANY, MANY, NULL, &arena, &m);
    assert_null(m.confusion);
    assert_close(m.accuracy, 10.0 / MANY);
    assert_int_equal(m.each[0].predicted, MANY - 9);
    arena_release(&arena);
}

/* ---- intervals ---- */

enum { SAMPLE = 400 };

/* Every fifth prediction of two classes is wrong. */
static void fill_sample(int y[SAMPLE], double prob[SAMPLE][2])
{
    for (int row = 0; row < SAMPLE; row++) {
        y[row] = row % 2;
        int said = row % 5 == 0 ? 1 - y[row] : y[row];
        prob[row][said] = 0.75;
        prob[row][1 - said] = 0.25;
    }
}

static void test_an_interval_is_as_wide_as_chance_makes_it(void **state)
{
    (void)state;
    static int y[SAMPLE];
    static double prob[SAMPLE][2];
    const struct forest_evaluation options = {.intervals = true, .seed = 1, .has_quiet = true};
    struct arena arena = {0};
    struct forest_metrics m;
    fill_sample(y, prob);
    evaluate(y, prob[0], SAMPLE, 2, &options, &arena, &m);
    assert_int_equal(m.replicates, FOREST_BOOTSTRAP_REPLICATES);
    assert_close(m.accuracy, 0.8);
    /* binomial: 0.8 +- 1.96 * 0.02 */
    assert_true(fabs(m.interval[FOREST_SCORE_accuracy].low - 0.761) < 0.012);
    assert_true(fabs(m.interval[FOREST_SCORE_accuracy].high - 0.839) < 0.012);
    for (int s = 0; s < FOREST_SCORE_COUNT; s++) {
        assert_true(m.interval[s].low < m.score[s] && m.score[s] < m.interval[s].high);
    }
    assert_true(m.each[1].recall_interval.low < 0.8 && m.each[1].recall_interval.high > 0.8);
    arena_release(&arena);
}

static void test_intervals_follow_the_seed_and_not_the_threads(void **state)
{
    (void)state;
    static int y[SAMPLE];
    static double prob[SAMPLE][2];
    struct arena arena = {0};
    struct forest_metrics m[3];
    fill_sample(y, prob);
    for (unsigned i = 0; i < 3; i++) {
        const struct forest_evaluation options = {
            .intervals = true, .seed = i / 2, .threads = 1 + 2 * (i % 2)};
        evaluate(y, prob[0], SAMPLE, 2, &options, &arena, &m[i]);
    }
    assert_memory_equal(m[0].interval, m[1].interval, sizeof m[0].interval);
    assert_memory_not_equal(m[0].interval, m[2].interval, sizeof m[0].interval);
    arena_release(&arena);
}

/* Rows of one vehicle are much alike: 20 groups tell less than 400 rows. */
static void test_intervals_of_whole_groups_are_wider(void **state)
{
    (void)state;
    static int y[SAMPLE];
    static double prob[SAMPLE][2];
    static size_t group[SAMPLE];
    struct forest_evaluation options = {.intervals = true, .group = group, .groups = 20};
    struct arena arena = {0};
    struct forest_metrics whole, rows;
    for (int row = 0; row < SAMPLE; row++) {
        group[row] = (size_t)(row % 20);
        prob[row][group[row] % 5 == 0] = 1;
    }
    evaluate(y, prob[0], SAMPLE, 2, &options, &arena, &whole);
    options.group = NULL;
    evaluate(y, prob[0], SAMPLE, 2, &options, &arena, &rows);
    const struct forest_interval *wide = &whole.interval[FOREST_SCORE_accuracy];
    const struct forest_interval *narrow = &rows.interval[FOREST_SCORE_accuracy];
    assert_close(whole.accuracy, rows.accuracy);
    assert_true(wide->high - wide->low > 3 * (narrow->high - narrow->low));
    arena_release(&arena);
}

/* ---- costs ---- */

static const int cost_y[] = {0, 0, 0, 1, 2, 0};
static const double cost_prob[6][3] = {{0.9, 0.1, 0},   {0.6, 0.4, 0}, {0.3, 0.7, 0},
                                       {0.55, 0.45, 0}, {0.1, 0, 0.9}, {0, 0, 0}};
static const struct forest_predicted cost_rows = {cost_y, cost_prob[0], 6, 3};

static void test_the_predicted_class_is_the_default_decision(void **state)
{
    (void)state;
    const struct forest_costs costs = {.missed = 10, .alarm = 1};
    /* acts on the third (needless) and the fifth; misses the fourth; nobody predicted the last */
    assert_close(forest_cost(&cost_rows, 0, &costs, NAN), (10 + 1) / 5.0);
    assert_close(forest_cost(&cost_rows, 0, &costs, 2), 20 / 5.0);
    assert_close(forest_cost(&cost_rows, 0, &costs, 0), 3 / 5.0);
}

static void test_the_threshold_is_where_costs_are_least(void **state)
{
    (void)state;
    const struct forest_costs dear_miss = {.missed = 10, .alarm = 1};
    const struct forest_costs dear_visit = {.missed = 1, .alarm = 10};
    double threshold = forest_cost_threshold(&cost_rows, 0, &dear_miss);
    assert_close(threshold, 0.425); /* between .4 (nothing) and .45 (an event) */
    assert_close(forest_cost(&cost_rows, 0, &dear_miss, threshold), 1 / 5.0);
    threshold = forest_cost_threshold(&cost_rows, 0, &dear_visit);
    assert_close(threshold, 0.8); /* between .7 (nothing) and .9 (an event) */
    assert_close(forest_cost(&cost_rows, 0, &dear_visit, threshold), 1 / 5.0);
}

static void test_costs_that_decide_alone_do(void **state)
{
    (void)state;
    const struct forest_costs no_miss = {.missed = 0, .alarm = 1};
    const struct forest_costs no_alarm = {.missed = 1, .alarm = 0};
    const struct forest_costs nothing = {0};
    const struct forest_predicted none = {cost_y, cost_prob[0], 0, 3};
    double never = forest_cost_threshold(&cost_rows, 0, &no_miss);
    double always = forest_cost_threshold(&cost_rows, 0, &no_alarm);
    assert_true(never > 0.9);
    assert_close(forest_cost(&cost_rows, 0, &no_miss, never), 0);
    assert_true(always <= 0.45);
    assert_close(forest_cost(&cost_rows, 0, &no_alarm, always), 0);
    assert_true(forest_cost_threshold(&cost_rows, 0, &nothing) > 0);
    assert_close(forest_cost_threshold(&none, 0, &no_miss), 1); /* what theory says */
    assert_close(forest_cost(&none, 0, &no_miss, 0.5), 0);
}

/* ---- folds ---- */

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

enum { GROUPS = 30, GROUP_ROWS = 8 };

static void test_no_group_is_on_both_sides_and_folds_are_even(void **state)
{
    (void)state;
    int y[ROWS], total[FOLDS] = {0}, failures[FOLDS] = {0};
    size_t group[ROWS];
    unsigned fold[ROWS], again[ROWS];
    const struct forest_data data = {.y = y, .rows = ROWS, .classes = 2};
    for (size_t row = 0; row < ROWS; row++) {
        group[row] = row % GROUPS;
        y[row] = group[row] < 10; /* ten groups fail */
    }
    forest_group_folds(&data, group, GROUPS, FOLDS, 3, fold);
    for (size_t row = 0; row < ROWS; row++) {
        assert_int_equal(fold[row], fold[row % GROUPS]);
        total[fold[row]]++;
        failures[fold[row]] += y[row];
    }
    for (int f = 0; f < FOLDS; f++) {
        assert_int_equal(total[f], ROWS / FOLDS);
        assert_int_equal(failures[f], 2 * GROUP_ROWS);
    }
    forest_group_folds(&data, group, GROUPS, FOLDS, 3, again);
    assert_memory_equal(fold, again, sizeof fold);
    forest_group_folds(&data, group, GROUPS, FOLDS, 4, again);
    assert_memory_not_equal(fold, again, sizeof fold);
}

static void test_two_groups_are_one_fold_each_and_the_smaller_is_held_out(void **state)
{
    (void)state;
    const int y[] = {0, 1, 0, 1, 0};
    const size_t group[] = {1, 1, 0, 1, 0};
    unsigned fold[5];
    const struct forest_data data = {.y = y, .rows = 5, .classes = 2};
    forest_group_folds(&data, group, 2, FOLDS, 1, fold);
    static const unsigned expected[] = {1, 1, 0, 1, 0};
    assert_memory_equal(fold, expected, sizeof fold);
}

static void test_a_split_by_date_tests_on_the_later_fifth(void **state)
{
    (void)state;
    const double when[] = {5, 1, 2, 10, 3, 4, 9, 8, 7, 6};
    unsigned fold[10];
    assert_true(forest_later_fold(when, 10, FOLDS, fold));
    for (int row = 0; row < 10; row++) {
        assert_int_equal(fold[row], when[row] < 9);
    }
}

static void test_rows_of_one_date_stay_together(void **state)
{
    (void)state;
    const double two[] = {1, 2, 2, 2, 2}, late[] = {1, 1, 1, 1, 2}, one[] = {3, 3, 3};
    unsigned fold[5];
    static const unsigned earlier[] = {1, 0, 0, 0, 0}, later[] = {1, 1, 1, 1, 0};
    assert_true(forest_later_fold(two, 5, FOLDS, fold));
    assert_memory_equal(fold, earlier, sizeof fold);
    assert_true(forest_later_fold(late, 5, FOLDS, fold));
    assert_memory_equal(fold, later, sizeof fold);
    assert_false(forest_later_fold(one, 3, FOLDS, fold));
    assert_false(forest_later_fold(one, 0, FOLDS, fold));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_agree_with_a_calculation_by_hand),
        cmocka_unit_test(test_reliability_sorts_rows_by_their_largest_probability),
        cmocka_unit_test(test_of_two_classes_the_second_is_ranked_and_ties_count_half),
        cmocka_unit_test(test_ranking_of_one_class_alone_is_not_defined),
        cmocka_unit_test(test_sure_and_wrong_costs_what_the_clip_says),
        cmocka_unit_test(test_rows_without_probabilities_are_left_out),
        cmocka_unit_test(test_so_many_classes_that_no_matrix_is_kept_are_still_measured),
        cmocka_unit_test(test_an_interval_is_as_wide_as_chance_makes_it),
        cmocka_unit_test(test_intervals_follow_the_seed_and_not_the_threads),
        cmocka_unit_test(test_intervals_of_whole_groups_are_wider),
        cmocka_unit_test(test_the_predicted_class_is_the_default_decision),
        cmocka_unit_test(test_the_threshold_is_where_costs_are_least),
        cmocka_unit_test(test_costs_that_decide_alone_do),
        cmocka_unit_test(test_folds_spread_every_class_evenly),
        cmocka_unit_test(test_folds_follow_the_seed_and_nothing_else),
        cmocka_unit_test(test_folds_of_few_rows_and_of_none_are_possible),
        cmocka_unit_test(test_no_group_is_on_both_sides_and_folds_are_even),
        cmocka_unit_test(test_two_groups_are_one_fold_each_and_the_smaller_is_held_out),
        cmocka_unit_test(test_a_split_by_date_tests_on_the_later_fifth),
        cmocka_unit_test(test_rows_of_one_date_stay_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
