/* Calibration: what is fitted, applied, written and read back; texts that are no calibration. */
#include "tests.h"

#include "forest/evaluate.h"

#include <math.h>
#include <string.h>

static void assert_close(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-9);
}

/* Eight rows of two classes; P(1) and how often class 1 came: .2: 0 of 2, .4: 2 of 2, .6: 1 of 2,
 * .8: 2 of 2. */
static const int y[] = {0, 0, 1, 1, 0, 1, 1, 1};
static const double prob[8][2] = {{0.8, 0.2}, {0.8, 0.2}, {0.6, 0.4}, {0.6, 0.4},
                                  {0.4, 0.6}, {0.4, 0.6}, {0.2, 0.8}, {0.2, 0.8}};
static const struct forest_predicted rows = {y, prob[0], 8, 2};

static void test_isotonic_pools_what_falls(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_calibration calibration;
    forest_calibration_fit(FOREST_ISOTONIC, &rows, &arena, &calibration);
    assert_int_equal(calibration.kind, FOREST_ISOTONIC);
    const struct forest_curve *curve = &calibration.curves[1];
    static const double x[] = {0.2, 0.4, 0.6, 0.8}, means[] = {0, 0.75, 0.75, 1};
    assert_int_equal(curve->count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_close(curve->x[i], x[i]);
        assert_close(curve->y[i], means[i]);
    }
    double applied[4][2] = {{0.7, 0.3}, {0.5, 0.5}, {0.99, 0.01}, {0, 0}};
    forest_calibration_apply(&calibration, applied[0], 4);
    assert_close(applied[0][1], 0.375); /* half way from 0 to .75; P(0) is the mirror image */
    assert_close(applied[1][1], 0.75);
    assert_close(applied[2][1], 0);
    assert_close(applied[3][0] + applied[3][1], 0); /* nobody predicted it: stays so */
    arena_release(&arena);
}

static void test_where_every_curve_says_never_all_classes_are_equally_likely(void **state)
{
    (void)state;
    double at[] = {0.5}, zero[] = {0};
    struct forest_curve curves[] = {{at, zero, 1}, {at, zero, 1}};
    const struct forest_calibration calibration = {
        .kind = FOREST_ISOTONIC, .classes = 2, .curves = curves};
    double applied[] = {0.3, 0.7};
    forest_calibration_apply(&calibration, applied, 1);
    assert_close(applied[0], 0.5);
    assert_close(applied[1], 0.5);
}

/* Three quarters right at 95 %: too sure. */
static void test_temperature_makes_the_too_sure_less_sure(void **state)
{
    (void)state;
    static const int labels[] = {1, 1, 1, 0};
    static const double sure[4][2] = {{0.05, 0.95}, {0.05, 0.95}, {0.05, 0.95}, {0.05, 0.95}};
    const struct forest_predicted predicted = {labels, sure[0], 4, 2};
    struct arena arena = {0};
    struct forest_calibration calibration;
    forest_calibration_fit(FOREST_TEMPERATURE, &predicted, &arena, &calibration);
    assert_int_equal(calibration.kind, FOREST_TEMPERATURE);
    assert_true(calibration.temperature > 1);
    double applied[] = {0.05, 0.95};
    forest_calibration_apply(&calibration, applied, 1);
    assert_true(fabs(applied[1] - 0.75) < 1e-6);
    arena_release(&arena);
}

static void test_temperature_of_one_changes_nothing_above_the_floor(void **state)
{
    (void)state;
    const struct forest_calibration calibration = {
        .kind = FOREST_TEMPERATURE, .classes = 3, .temperature = 1, .floor = 0.01};
    double applied[] = {0.2, 0.5, 0.3};
    forest_calibration_apply(&calibration, applied, 1);
    assert_close(applied[0], 0.2);
    assert_close(applied[1], 0.5);
}

static void test_without_rows_nothing_is_fitted(void **state)
{
    (void)state;
    static const double nobody[2][2] = {{0, 0}, {0, 0}};
    const struct forest_predicted none = {y, nobody[0], 0, 2}, empty = {y, nobody[0], 2, 2};
    struct arena arena = {0};
    struct forest_calibration calibration;
    double applied[] = {0.3, 0.7};
    for (int kind = FOREST_UNCALIBRATED; kind <= FOREST_ISOTONIC; kind++) {
        enum forest_calibration_kind asked = (enum forest_calibration_kind)kind;
        forest_calibration_fit(asked, &none, &arena, &calibration);
        assert_int_equal(calibration.kind, FOREST_UNCALIBRATED);
        forest_calibration_fit(asked, &empty, &arena, &calibration);
        assert_int_equal(calibration.kind, FOREST_UNCALIBRATED);
    }
    forest_calibration_apply(&calibration, applied, 1);
    assert_close(applied[1], 0.7);
    arena_release(&arena);
}

static void test_what_is_written_reads_back_to_the_last_bit(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err;
    for (int kind = FOREST_UNCALIBRATED; kind <= FOREST_ISOTONIC; kind++) {
        struct forest_calibration made, read;
        forest_calibration_fit((enum forest_calibration_kind)kind, &rows, &arena, &made);
        const char *text = forest_calibration_encode(&made, &arena);
        assert_int_equal(forest_calibration_decode(text, 2, "m.onnx", &arena, &read, &err), 0);
        assert_int_equal(read.kind, kind);
        assert_string_equal(forest_calibration_encode(&read, &arena), text);
        double first[8][2], again[8][2];
        memcpy(first, prob, sizeof prob);
        memcpy(again, prob, sizeof prob);
        forest_calibration_apply(&made, first[0], 8);
        forest_calibration_apply(&read, again[0], 8);
        assert_memory_equal(first, again, sizeof first);
    }
    arena_release(&arena);
}

static void test_texts_that_are_no_calibration_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "none",
        "none 3",
        "none 2 ",
        "none 2 1",
        "None 2",
        "temperature 2",
        "temperature 2 1",
        "temperature 2 1 0",
        "temperature 2 0 0.001",
        "temperature 2 -1 0.001",
        "temperature 2 nan 0.001",
        "temperature 2 inf 0.001",
        "temperature 2 1e999 0.001",
        "temperature 2 1 2",
        "temperature 2 1 0.001 7",
        "temperature 2  1 0.001",
        "isotonic 2",
        "isotonic 2 1 0 0",
        "isotonic 2 0 0",
        "isotonic 2 1 0.5 0.5 1 0.5",
        "isotonic 2 1 0.5 0.5 1 0.5 1.5",
        "isotonic 2 1 0.5 0.5 2 0.5 0.5 0.5 0.6",
        "isotonic 2 1 0.5 0.5 2 0.4 0.5 0.5 0.4",
        "isotonic 2 1 0.5 0.5 2147483647 0.5 0.5",
        "isotonic 2 1.5 0.5 0.5 1 0.5 0.5",
        "isotonic 2 99999999999999999999 0.5 0.5",
        "isotonic 2 1 0.5 0.5 1 0.5 0.5 x",
        "isotonic 2147483647 1 0 0",
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct forest_calibration read;
        struct error err;
        if (forest_calibration_decode(texts[i], 2, "m.onnx", &arena, &read, &err) == 0) {
            fail_msg("taken for a calibration: %s", texts[i]);
        }
        assert_int_equal(read.kind, FOREST_UNCALIBRATED);
        assert_non_null(strstr(err.text[LANG_EN], "m.onnx: the calibration"));
    }
    arena_release(&arena);
}

/* Damaged anywhere: refused, or another calibration that keeps probabilities what they are. */
static void test_a_damaged_text_never_gives_anything_but_probabilities(void **state)
{
    (void)state;
    static const char bytes[] = " -0129.eE+x";
    struct arena arena = {0};
    for (int kind = FOREST_TEMPERATURE; kind <= FOREST_ISOTONIC; kind++) {
        struct forest_calibration made, read;
        struct error err;
        forest_calibration_fit((enum forest_calibration_kind)kind, &rows, &arena, &made);
        char *text = arena_strdup(&arena, forest_calibration_encode(&made, &arena));
        for (size_t i = 0; text[i] != '\0'; i++) {
            for (size_t b = 0; b < sizeof bytes; b++) { /* also its end */
                char kept = text[i];
                text[i] = bytes[b];
                if (forest_calibration_decode(text, 2, "m", &arena, &read, &err) == 0) {
                    double applied[] = {0.3, 0.7};
                    forest_calibration_apply(&read, applied, 1);
                    assert_true(applied[0] >= 0 && applied[1] >= 0);
                    assert_true(fabs(applied[0] + applied[1] - 1) < 1e-9);
                }
                text[i] = kept;
            }
        }
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isotonic_pools_what_falls),
        cmocka_unit_test(test_where_every_curve_says_never_all_classes_are_equally_likely),
        cmocka_unit_test(test_temperature_makes_the_too_sure_less_sure),
        cmocka_unit_test(test_temperature_of_one_changes_nothing_above_the_floor),
        cmocka_unit_test(test_without_rows_nothing_is_fitted),
        cmocka_unit_test(test_what_is_written_reads_back_to_the_last_bit),
        cmocka_unit_test(test_texts_that_are_no_calibration_are_refused),
        cmocka_unit_test(test_a_damaged_text_never_gives_anything_but_probabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
