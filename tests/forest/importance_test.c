/* Importance of features: worked out by hand on a stump, and on tables where it is known. */
#include "forest/tables.h"

#include "forest/evaluate.h"
#include "forest/impl.h"
#include "forest/layout.h"

#include <math.h>

static void assert_close(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-6);
}

/* A tree of three classes over three features: x1 <= 0.5 ? A : (x0 <= 0.5 ? B : C), with votes
 * A: half 0, half 1; B: 1; C: 2. */
static struct forest_node nodes[] = {{0.5F, 1, 1, 2},
                                     {0, FOREST_LEAF, 0, 2},
                                     {0.5F, 0, 3, 4},
                                     {0, FOREST_LEAF, 2, 3},
                                     {0, FOREST_LEAF, 3, 4}};
static struct forest_vote votes[] = {{0, 0.5F}, {1, 0.5F}, {1, 1}, {2, 1}};
static uint32_t roots[] = {0};
static float cover[] = {8, 4, 4, 2, 2};
static struct forest stump = {.features = 3,
                              .classes = 3,
                              .trees = 1,
                              .node_count = 5,
                              .vote_count = 4,
                              .roots = roots,
                              .nodes = nodes,
                              .votes = votes,
                              .cover = cover};

static const float x[8][3] = {{0, 0, 7}, {0, 0, 7}, {1, 0, 7}, {1, 0, 7},
                              {0, 1, 7}, {0, 1, 7}, {1, 1, 7}, {1, 1, 7}};
static const int y[8] = {0, 1, 0, 1, 1, 1, 2, 2};
static const struct forest_data data = {x[0], y, 8, 3, 3, NULL};

/* Root: 8 rows, classes 2 4 2: Gini .625, so 5; A: 2 2: 2; right: 2 2: 2. x1 takes 1 away. Then B
 * and C are pure: x0 takes 2 away. */
static void test_gini_importance_agrees_with_a_calculation_by_hand(void **state)
{
    (void)state;
    double importance[3];
    assert_true(forest_gini_importance(&stump, NULL, 1, importance));
    assert_close(importance[0], 2.0 / 3);
    assert_close(importance[1], 1.0 / 3);
    assert_close(importance[2], 0);
}

static void test_gini_importance_without_covers_is_weighed_by_the_rows(void **state)
{
    (void)state;
    struct forest bare = stump;
    double importance[3];
    bare.cover = NULL;
    assert_true(forest_gini_importance(&bare, &data, 1, importance));
    assert_close(importance[0], 2.0 / 3);
    assert_close(importance[1], 1.0 / 3);
    assert_false(forest_gini_importance(&bare, NULL, 1, importance));
}

static void test_gini_importance_of_sums_that_are_no_probabilities_is_refused(void **state)
{
    (void)state;
    struct forest boosted = stump;
    double importance[3] = {1, 1, 1};
    boosted.post = POST_SOFTMAX;
    assert_false(forest_gini_importance(&boosted, &data, 1, importance));
    assert_close(importance[0], 0);
}

static void test_gini_importance_does_not_depend_on_the_threads(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data table = make_table(&arena, 500, 5, 2);
    struct forest *forest = train_or_fail(&table, 40, 1);
    double one[5], three[5], sum = 0;
    assert_true(forest_gini_importance(forest, &table, 1, one));
    assert_true(forest_gini_importance(forest, &table, 3, three));
    assert_memory_equal(one, three, sizeof one);
    for (int f = 0; f < 5; f++) {
        sum += one[f];
        assert_true(one[f] > 0);
    }
    assert_close(sum, 1);
    assert_true(one[0] > one[3] && one[1] > one[3]); /* the label is made of these two */
    forest_free(forest);
    arena_release(&arena);
}

/* In every order of the rows, one without a split on it changes nothing; the error of the rows as
 * they are is 4 rows of A: .5 each. */
static void test_shuffling_what_no_split_reads_changes_nothing(void **state)
{
    (void)state;
    const struct forest_permutation options = {.repeats = 50, .seed = 1, .threads = 1};
    double importance[3];
    forest_permutation_importance(&stump, &data, &options, importance);
    assert_true(importance[2] == 0);
    /* x0 only matters in the four rows on the right: half of them then is wrong, by 2 */
    assert_true(fabs(importance[0] - 0.5) < 0.1);
    assert_true(importance[1] > 0);
}

static void test_permutation_importance_does_not_depend_on_the_threads(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data table = make_table(&arena, 400, 5, 3);
    struct forest *forest = train_or_fail(&table, 20, 1);
    double importance[3][5];
    for (unsigned i = 0; i < 3; i++) {
        const struct forest_permutation options = {.seed = i / 2, .threads = 1 + 2 * (i % 2)};
        forest_permutation_importance(forest, &table, &options, importance[i]);
    }
    assert_memory_equal(importance[0], importance[1], sizeof importance[0]);
    assert_memory_not_equal(importance[0], importance[2], sizeof importance[0]);
    forest_free(forest);
    arena_release(&arena);
}

/* Two trees that contradict one another; on each row only the right one may vote. */
static void test_only_trees_that_may_vote_on_a_row_are_asked(void **state)
{
    (void)state;
    struct forest_node two[] = {{0.5F, 0, 1, 2}, {0, FOREST_LEAF, 0, 1}, {0, FOREST_LEAF, 1, 2},
                                {0.5F, 0, 4, 5}, {0, FOREST_LEAF, 1, 2}, {0, FOREST_LEAF, 0, 1}};
    struct forest_vote either[] = {{1, 0}, {1, 0.5F}};
    uint32_t both[] = {0, 3};
    struct forest forest = {.features = 1,
                            .classes = 2,
                            .complement = true,
                            .trees = 2,
                            .node_count = 6,
                            .vote_count = 2,
                            .roots = both,
                            .nodes = two,
                            .votes = either};
    static const float values[] = {0, 1, 0, 1};
    static const int first[] = {0, 1, 0, 1};
    const struct forest_data table = {values, first, 4, 1, 2, NULL};
    static const uint8_t only_first[] = {0x0f, 0x00}, only_second[] = {0x00, 0x0f};
    struct forest_permutation options = {.repeats = 20, .may_vote = only_first};
    double importance;
    forest_permutation_importance(&forest, &table, &options, &importance);
    assert_true(importance > 0.2); /* it was always right */
    options.may_vote = only_second;
    forest_permutation_importance(&forest, &table, &options, &importance);
    assert_true(importance < -0.2); /* it was always wrong */
    options.may_vote = NULL;
    forest_permutation_importance(&forest, &table, &options, &importance);
    assert_close(importance, 0); /* always one half */
    layout_free(atomic_load(&forest.layout));
}

static void test_without_rows_nothing_is_important(void **state)
{
    (void)state;
    const struct forest_data none = {x[0], y, 0, 3, 3, NULL};
    const struct forest_permutation options = {.repeats = 1};
    double importance[3] = {1, 1, 1};
    forest_permutation_importance(&stump, &none, &options, importance);
    assert_close(importance[0] + importance[1] + importance[2], 0);
}

static int release(void **state)
{
    (void)state;
    layout_free(atomic_load(&stump.layout)); /* what predicting made */
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gini_importance_agrees_with_a_calculation_by_hand),
        cmocka_unit_test(test_gini_importance_without_covers_is_weighed_by_the_rows),
        cmocka_unit_test(test_gini_importance_of_sums_that_are_no_probabilities_is_refused),
        cmocka_unit_test(test_gini_importance_does_not_depend_on_the_threads),
        cmocka_unit_test(test_shuffling_what_no_split_reads_changes_nothing),
        cmocka_unit_test(test_permutation_importance_does_not_depend_on_the_threads),
        cmocka_unit_test(test_only_trees_that_may_vote_on_a_row_are_asked),
        cmocka_unit_test(test_without_rows_nothing_is_important),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
