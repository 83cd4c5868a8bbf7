/* Rows kept in memory: their order, what counts as a repetition, their days. */
#include "tests.h"

#include "base/rng.h"
#include "lake/rows.h"

#include <stdlib.h>

static const struct column columns[] = {
    {"vin", COLUMN_TEXT}, {"ts", COLUMN_TIMESTAMP}, {"x", COLUMN_REAL},
    {"n", COLUMN_WHOLE},  {"day", COLUMN_DATE},     {"said", COLUMN_TEXT},
};
static const struct table messages = {"messages", columns, sizeof columns / sizeof *columns};
static const char KEY[] = "vin, ts, x, n";

enum { ROWS = 3 * ROWS_A_BLOCK + 5, KEY_COLUMNS = 4, DAY = 4, SAID = 5 };

/* Rows of few values, so that all of them meet: NULLs, both zeros, texts that begin alike.
 * `spread`: how far instants lie apart. */
static struct rows *sorted_rows(uint64_t seed, int64_t spread, unsigned threads,
                                struct arena *arena)
{
    static const char *const vins[] = {"VIN-1", "VIN-10", "VIN", "A vehicle with a long name"};
    static const double reals[] = {-2.5, -0.0, 0.0, 1e300};
    struct rows *rows = rows_open(&messages, KEY, "said", "day");
    struct rng rng;
    struct batch batch = {0};
    rng_init(&rng, seed, 0);
    batch_init(&batch, &messages, arena);
    for (size_t i = 0; i < ROWS; i++) {
        size_t r = batch.rows++;
        const char *vin = vins[rng_below(&rng, 4)];
        const char *said = rng_below(&rng, 2) ? "b" : "a";
        int64_t day = (int64_t)rng_below(&rng, 3) - 1;
        batch.values[0].text[r] = (struct bytes){vin, strlen(vin)};
        batch.values[1].whole[r] = ((int64_t)rng_below(&rng, 9) - 4) * spread;
        batch.values[2].real[r] = reals[rng_below(&rng, 4)];
        batch.values[3].whole[r] = (int64_t)rng_below(&rng, 40) - 20;
        batch.values[DAY].whole[r] = batch.values[1].whole[r] < 0 ? -7 : day;
        batch.values[SAID].text[r] = (struct bytes){said, 1};
        for (size_t c = 0; c < messages.column_count; c++) {
            batch.null[c][r] = (c == 2 || c == 3) && rng_below(&rng, 4) == 0;
        }
        if (batch.rows == BATCH_ROWS || i + 1 == ROWS) {
            assert_true(rows_add(rows, &batch));
            batch.rows = 0;
        }
    }
    rows_sort(rows, threads);
    return rows;
}

/* A cell's place among others, told plainly. */
static int compare(const struct rows *rows, size_t c, const unsigned char *a,
                   const unsigned char *b)
{
    const struct rows_column *column = &rows->columns[c];
    if (rows_null(a, c) || rows_null(b, c)) {
        return rows_null(a, c) - rows_null(b, c);
    }
    if (column->type == COLUMN_TEXT) {
        return strcmp(rows_text(a, column).data, rows_text(b, column).data);
    }
    if (column->type == COLUMN_REAL) {
        double x = rows_real(a, column), y = rows_real(b, column);
        return (x > y) - (x < y);
    }
    int64_t x = rows_whole(a, column), y = rows_whole(b, column);
    return (x > y) - (x < y);
}

static int compare_keys(const struct rows *rows, const unsigned char *a, const unsigned char *b)
{
    int order = 0;
    for (size_t c = 0; c < KEY_COLUMNS && order == 0; c++) {
        order = compare(rows, c, a, b);
    }
    return order;
}

static void test_rows_stand_in_order_and_once(void **state)
{
    static const int64_t spreads[] = {1, INT64_C(1) << 40, INT64_C(1) << 60};
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct arena arena = {0};
        struct rows *rows = sorted_rows(seed, spreads[seed], 1 + (unsigned)seed, &arena);
        assert_true(rows->count > 1000 && rows->count < ROWS / 5);
        for (size_t i = 1; i < rows->count; i++) {
            assert_true(compare_keys(rows, rows_at(rows, rows->order[i - 1]),
                                     rows_at(rows, rows->order[i])) < 0);
        }
        rows_close(rows);
        arena_release(&arena);
    }
}

static void test_of_rows_alike_the_one_with_the_least_text_is_there(void **state)
{
    struct arena arena = {0};
    struct rows *rows = sorted_rows(7, 1, 2, &arena);
    (void)state;
    for (uint32_t row = 0; row < ROWS; row++) { /* by halves */
        size_t low = 0, high = rows->count;
        while (high - low > 1) {
            size_t middle = (low + high) / 2;
            bool behind =
                compare_keys(rows, rows_at(rows, rows->order[middle]), rows_at(rows, row)) > 0;
            *(behind ? &high : &low) = middle;
        }
        const unsigned char *kept = rows_at(rows, rows->order[low]);
        assert_int_equal(compare_keys(rows, kept, rows_at(rows, row)), 0);
        assert_true(compare(rows, SAID, kept, rows_at(rows, row)) <= 0);
    }
    rows_close(rows);
    arena_release(&arena);
}

static void test_values_in_several_rows_are_counted_once(void **state)
{
    struct arena arena = {0};
    struct rows *rows = sorted_rows(1, 1, 2, &arena);
    (void)state;
    static const size_t expected[] = {[1] = 4, [2] = 4 * 9, [KEY_COLUMNS] = 0};
    for (size_t key = 1; key <= KEY_COLUMNS; key += key) {
        size_t repeated = 0;
        for (size_t p = 0; p < rows->piece_count; p++) {
            repeated += rows_repeated(rows, rows_piece(rows, p), key);
        }
        assert_int_equal(repeated, expected[key]);
    }
    rows_close(rows);
    arena_release(&arena);
}

static void test_days_have_their_rows_in_order(void **state)
{
    struct arena arena = {0};
    struct rows *rows = sorted_rows(2, 1, 2, &arena);
    size_t count = 0;
    (void)state;
    for (int32_t day = -9; day < 4; day++) {
        struct rows_part part = rows_of_day(rows, day);
        assert_int_equal(part.count > 0, day == -7 || (day >= -1 && day <= 1));
        for (size_t i = 0; i < part.count; i++) {
            const unsigned char *row = rows_at(rows, part.order[i]);
            assert_int_equal(rows_whole(row, &rows->columns[DAY]), day);
            assert_true(i == 0 || compare_keys(rows, rows_at(rows, part.order[i - 1]), row) < 0);
        }
        count += part.count;
    }
    assert_int_equal(count, rows->count);
    rows_close(rows);
    arena_release(&arena);
}

static void test_no_rows_are_no_trouble(void **state)
{
    struct rows *rows = rows_open(&messages, KEY, "said", "day");
    (void)state;
    rows_sort(rows, 2);
    assert_int_equal(rows->count, 0);
    assert_int_equal(rows->piece_count, 0);
    assert_int_equal(rows_of_day(rows, 0).count, 0);
    assert_int_equal(rows_find(rows, "n"), 3);
    assert_int_equal(rows_find(rows, "nothing"), messages.column_count);
    rows_close(rows);
    rows_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_stand_in_order_and_once),
        cmocka_unit_test(test_of_rows_alike_the_one_with_the_least_text_is_there),
        cmocka_unit_test(test_values_in_several_rows_are_counted_once),
        cmocka_unit_test(test_days_have_their_rows_in_order),
        cmocka_unit_test(test_no_rows_are_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
