/* C functions in SQL: a model is called from a SELECT and gives just what forest_predict() gives,
 * whatever the number of threads; NULL, text and failures go where they should. */
#include "tests.h"

#include "base/rng.h"
#include "forest/forest.h"
#include "lake/lake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 3, CLASSES = 4, ROWS = 10000 };

static const struct column columns[] = {
    {"id", COLUMN_WHOLE}, {"a", COLUMN_REAL}, {"b", COLUMN_WHOLE}, {"c", COLUMN_REAL}};
static const struct table samples = {"samples", columns, sizeof columns / sizeof *columns};

struct fixture {
    struct arena arena;
    struct forest *forest;
    float x[ROWS][FEATURES];
    double prob[ROWS][CLASSES];
};

/* Every ninth a and every eleventh c is missing; b is whole. */
static int make_forest(void **state)
{
    struct fixture *f = *state = calloc(1, sizeof *f);
    struct forest_options options = {.trees = 12, .threads = 1};
    int *y = ARENA_NEW(&f->arena, int, ROWS);
    struct error err;
    struct rng rng;
    rng_init(&rng, 11, 0);
    for (size_t r = 0; r < ROWS; r++) {
        f->x[r][0] = r % 9 == 0 ? NAN : (float)rng_uniform(&rng);
        f->x[r][1] = (float)rng_below(&rng, 50);
        f->x[r][2] = r % 11 == 0 ? NAN : (float)rng_uniform(&rng);
        y[r] = (int)(f->x[r][1] / 13);
    }
    const struct forest_data data = {
        .x = &f->x[0][0], .y = y, .rows = 2000, .features = FEATURES, .classes = CLASSES};
    if (forest_train(&data, &options, NULL, &f->forest, &err) != 0) {
        return -1;
    }
    forest_predict(f->forest, &f->x[0][0], ROWS, 1, &f->prob[0][0]);
    return 0;
}

static int release(void **state)
{
    struct fixture *f = *state;
    forest_free(f->forest);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static int predict(void *context, const double *x, size_t rows, double *y, struct error *err)
{
    float *values = xcalloc(rows * FEATURES, sizeof *values);
    (void)err;
    for (size_t i = 0; i < rows * FEATURES; i++) {
        values[i] = (float)x[i];
    }
    forest_predict(context, values, rows, 1, y);
    free(values);
    return 0;
}

static int half_or_fail(void *context, const double *x, size_t rows, double *y, struct error *err)
{
    (void)context;
    for (size_t r = 0; r < rows; r++) {
        y[r] = x[r] / 2;
        if (x[r] == 13) {
            return error_set(err, "13 porte malheur", "13 brings bad luck");
        }
    }
    return 0;
}

static void feed(struct lake *lake, const struct fixture *f)
{
    struct arena arena = {0};
    struct batch batch;
    struct error err;
    assert_int_equal(lake_create(lake, &samples, &err), 0);
    batch_init(&batch, &samples, &arena);
    for (size_t row = 0; row < ROWS; row++) {
        size_t r = batch.rows++;
        batch.values[0].whole[r] = (int64_t)row;
        batch.values[1].real[r] = (double)f->x[row][0];
        batch.values[2].whole[r] = (int64_t)f->x[row][1];
        batch.values[3].real[r] = (double)f->x[row][2];
        batch.null[1][r] = isnan(f->x[row][0]);
        batch.null[3][r] = isnan(f->x[row][2]);
        if (batch.rows == BATCH_ROWS || row + 1 == ROWS) {
            assert_int_equal(lake_append(lake, &batch, &err), 0);
            batch.rows = 0;
        }
    }
    assert_int_equal(lake_flush(lake, &err), 0);
    arena_release(&arena);
}

static void test_sql_calls_the_model(void **state)
{
    struct fixture *f = *state;
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        struct lake *lake = NULL;
        struct lake_rows rows;
        struct error err;
        const struct lake_options options = {.threads = threads};
        const struct lake_scalar scalar = {"failure_prob", FEATURES, CLASSES, predict, f->forest};
        assert_int_equal(lake_open(&lake, &options, &err), 0);
        feed(lake, f);
        assert_int_equal(lake_scalar(lake, &scalar, &err), 0);
        assert_int_equal(lake_query(lake,
                                    "SELECT p[1], p[2], p[3], p[4], len(p) FROM (SELECT id, "
                                    "failure_prob(a, b, c) AS p FROM samples) ORDER BY id",
                                    &f->arena, &rows, &err),
                         0);
        assert_int_equal(rows.rows, ROWS);
        for (size_t r = 0; r < ROWS; r++) {
            for (size_t c = 0; c < CLASSES; c++) {
                assert_true(strtod(rows.cells[r * 5 + c], NULL) == f->prob[r][c]);
            }
            assert_string_equal(rows.cells[r * 5 + 4], "4");
        }
        lake_close(lake);
    }
}

static void test_missing_wrong_and_failing_values(void **state)
{
    struct fixture *f = *state;
    struct lake *lake = NULL;
    struct lake_rows rows;
    struct error err;
    const struct lake_options options = {.threads = 1};
    const struct lake_scalar half = {"half", 1, 1, half_or_fail, NULL};
    assert_int_equal(lake_open(&lake, &options, &err), 0);
    assert_int_equal(lake_scalar(lake, &half, &err), 0);
    assert_int_equal(lake_query(lake, "SELECT half(5)[1], half(NULL)[1], half(NULL) IS NULL",
                                &f->arena, &rows, &err),
                     0);
    assert_string_equal(rows.cells[0], "2.5");
    assert_null(rows.cells[1]);
    assert_string_equal(rows.cells[2], "false");
    assert_int_equal(lake_query(lake, "SELECT half(13)", &f->arena, &rows, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "13 brings bad luck"));
    assert_int_equal(lake_query(lake, "SELECT half(1, 2)", &f->arena, &rows, &err), -1);
    assert_int_equal(lake_query(lake, "SELECT half('five')", &f->arena, &rows, &err), -1);
    lake_close(lake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sql_calls_the_model),
        cmocka_unit_test(test_missing_wrong_and_failing_values),
    };
    return cmocka_run_group_tests(tests, make_forest, release);
}
