/* Cells of CSV: known ones, and a whole file beside the engine's own writer, byte for byte. */
#include "tests.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/rng.h"
#include "lake/csv.h"
#include "lake/lake.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one cell ---- */

static const struct {
    double value;
    const char *text;
} reals[] = {
    {0, "0.0"},
    {-0.0, "-0.0"},
    {1, "1.0"},
    {-12.5, "-12.5"},
    {86.242, "86.242"},
    {0.0001, "0.0001"},
    {0.00012345, "0.00012345"},
    {0.00001, "1e-05"},
    {1.5e-7, "1.5e-07"},
    {100, "100.0"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1.0 / 3, "0.3333333333333333"},
    {2.0 / 3, "0.6666666666666666"},
    {99999.95, "99999.95"},
    {123456789012345.6, "123456789012345.6"},
    {999999999999999.9, "999999999999999.9"},
    {1e15, "1000000000000000.0"},
    {9007199254740991, "9007199254740991.0"},
    {9007199254740992, "9007199254740992.0"},
    {9999999999999998, "9999999999999998.0"},
    {1e16, "1e+16"},
    {1.2345678901234568e+17, "1.2345678901234568e+17"},
    {0x1p-20, "9.5367431640625e-07"},
    {0x1p81, "2.4178516392292583e+24"}, /* where the engine's own says twice as much */
    {7.120236347223045e-307, "7.120236347223045e-307"}, /* a power of two */
    {DBL_MAX, "1.7976931348623157e+308"},
    {DBL_MIN, "2.2250738585072014e-308"},
    {4.9406564584124654e-324, "5e-324"},
    {INFINITY, "inf"},
    {-INFINITY, "-inf"},
    {NAN, "nan"},
};

static void test_reals_have_the_fewest_digits_that_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        char text[CSV_CELL_SIZE + 1];
        *csv_real(text, reals[i].value) = '\0';
        assert_string_equal(text, reals[i].text);
    }
}

static void test_any_real_reads_back(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, 0);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = rng_next(&rng);
        double value;
        char text[CSV_CELL_SIZE + 1];
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            *csv_real(text, value) = '\0';
            assert_true(strtod(text, NULL) == value);
        }
    }
}

/* What the fewest digits are is known of these: the zeros at the end of three decimals are not. */
static void test_thousandths_are_written_without_zeros_at_their_end(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 2, 0);
    for (uint64_t i = 1; i < 300000; i++) {
        uint64_t number = i < 100000 ? i : rng_below(&rng, UINT64_C(2) << rng_below(&rng, 41));
        char text[CSV_CELL_SIZE + 1], expected[CSV_CELL_SIZE + 1];
        if (number == 0) {
            continue;
        }
        int size = snprintf(expected, sizeof expected, "-%llu.%03llu",
                            (unsigned long long)number / 1000, (unsigned long long)number % 1000);
        while (expected[size - 1] == '0' && expected[size - 2] != '.') {
            expected[--size] = '\0';
        }
        *csv_real(text, -((double)number / 1000)) = '\0';
        assert_string_equal(text, expected);
    }
}

static void test_whole_numbers_dates_and_instants(void **state)
{
    static const struct {
        int64_t value;
        const char *whole, *timestamp;
    } cases[] = {
        {0, "0", "1970-01-01 00:00:00"},
        {-1, "-1", "1969-12-31 23:59:59.999999"},
        {1500000, "1500000", "1970-01-01 00:00:01.5"},
        {86399000010, "86399000010", "1970-01-01 23:59:59.00001"},
    };
    char text[CSV_CELL_SIZE + 1];
    struct csv_day last = csv_no_day;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        *csv_whole(text, cases[i].value) = '\0';
        assert_string_equal(text, cases[i].whole);
        *csv_timestamp(text, cases[i].value, &last) = '\0';
        assert_string_equal(text, cases[i].timestamp);
    }
    *csv_whole(text, INT64_MIN) = '\0';
    assert_string_equal(text, "-9223372036854775808");
    *csv_whole(text, INT64_MAX) = '\0';
    assert_string_equal(text, "9223372036854775807");
    *csv_date(text, date_from_civil(1, 1, 1), &last) = '\0';
    assert_string_equal(text, "0001-01-01");
    *csv_date(text, date_from_civil(9999, 12, 31), &last) = '\0';
    assert_string_equal(text, "9999-12-31");
}

static void test_texts_are_quoted_where_they_must_be(void **state)
{
    static const char *const cases[][2] = {
        {"VIN-1", "VIN-1"},
        {"", "\"\""},
        {"a,b", "\"a,b\""},
        {"a\"b", "\"a\"\"b\""},
        {"a\nb", "\"a\nb\""},
        {"\r", "\"\r\""},
        {" a ", " a "},
        {"'a'", "'a'"},
        {"#a", "\"#a\""},
        {"é;\t|", "é;\t|"},
        {"\"", "\"\"\"\""},
        {"NULL", "NULL"},
        {"2026-11-23", "2026-11-23"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        *csv_text(text, cases[i][0], strlen(cases[i][0])) = '\0';
        assert_string_equal(text, cases[i][1]);
    }
}

/* ---- a file ---- */

/* A table with a column of bytes is written by the engine, one without by us. */
static const struct column columns[] = {
    {"day", COLUMN_DATE},     {"x", COLUMN_REAL},    {"y", COLUMN_REAL},   {"n", COLUMN_WHOLE},
    {"ts", COLUMN_TIMESTAMP}, {"name", COLUMN_TEXT}, {"id", COLUMN_WHOLE}, {"raw", COLUMN_BLOB},
};
static const struct table by_engine = {"things", columns, 8};
static const struct table by_us = {"nobytes", columns, 7};

enum { ROWS = 150000 };

/* Any text of up to six characters, those that matter more often. */
static struct bytes some_text(struct rng *rng, struct arena *arena)
{
    static const char characters[] = "\",\n\r#'; \tabcdefghijklmnop\x01\x7f";
    size_t size = rng_below(rng, 7);
    char *text = arena_alloc(arena, size + 1, 1);
    for (size_t i = 0; i < size; i++) {
        text[i] = characters[rng_below(rng, sizeof characters - 1)];
    }
    return (struct bytes){text, size};
}

/* The same rows whatever the table. */
static void feed(struct lake *lake, const struct table *table, struct arena *arena)
{
    struct rng rng;
    struct batch batch;
    struct error err;
    rng_init(&rng, 2, 0);
    batch_init(&batch, table, arena);
    for (int64_t i = 0; i < ROWS; i++) {
        size_t r = batch.rows++;
        double scale = pow(10, (double)rng_below(&rng, 12));
        for (size_t c = 0; c < by_us.column_count; c++) {
            batch.null[c][r] = c != 6 && rng_below(&rng, 10) == 0;
        }
        batch.values[0].whole[r] = (int64_t)rng_below(&rng, 50000);
        batch.values[1].real[r] = round(rng_uniform(&rng) * 1e6) / scale;
        batch.values[2].real[r] = (rng_uniform(&rng) - 0.5) * scale;
        batch.values[3].whole[r] = (int64_t)rng_next(&rng) >> rng_below(&rng, 64);
        batch.values[4].whole[r] = (int64_t)rng_below(&rng, UINT64_C(1) << 51) - (INT64_C(1) << 50);
        batch.values[5].text[r] = some_text(&rng, arena);
        batch.values[6].whole[r] = i;
        if (table == &by_engine) {
            batch.null[7][r] = true;
        }
        if (batch.rows == BATCH_ROWS || i + 1 == ROWS) {
            assert_int_equal(lake_append(lake, &batch, &err), 0);
            batch.rows = 0;
        }
    }
    assert_int_equal(lake_flush(lake, &err), 0);
}

static void test_a_file_is_as_the_engine_writes_it(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error err;
    const char *tmp = getenv("TMPDIR");
    char *folder = arena_printf(&arena, "%s/csv-XXXXXX", tmp ? tmp : "/tmp");
    const struct lake_output theirs = {.table = &by_engine, .order = "id", .except = "raw"};
    const struct lake_output ours = {.table = &by_us, .order = "id"};
    char expected[HASH_TEXT_SIZE], found[HASH_TEXT_SIZE];
    uint64_t bytes;
    assert_non_null(mkdtemp(folder));
    const char *path = arena_printf(&arena, "%s/engine.csv", folder);
    const char *our_path = arena_printf(&arena, "%s/ours.csv", folder);
    for (unsigned threads = 1; threads <= 3; threads++) {
        const struct lake_options options = {.threads = threads};
        struct lake *lake = NULL;
        assert_int_equal(lake_open(&lake, &options, &err), 0);
        assert_int_equal(lake_create(lake, &by_engine, &err), 0);
        feed(lake, &by_engine, &arena);
        assert_int_equal(lake_create(lake, &by_us, &err), 0);
        feed(lake, &by_us, &arena);
        assert_int_equal(lake_write(lake, &theirs, LAKE_CSV, path, &err), 0);
        assert_int_equal(hash_file(path, expected, &bytes, &err), 0);
        assert_true(bytes > 50 * ROWS);
        assert_int_equal(lake_write(lake, &ours, LAKE_CSV, our_path, &err), 0);
        assert_int_equal(hash_file(our_path, found, &bytes, &err), 0);
        assert_string_equal(found, expected);
        lake_close(lake);
    }
    assert_int_equal(fs_remove_tree(folder, &err), 0);
    arena_release(&arena);
}

static void test_a_file_that_cannot_be_written_is_named(void **state)
{
    const struct lake_options options = {.threads = 1};
    const struct lake_output output = {.table = &by_us, .order = "id"};
    struct lake *lake = NULL;
    struct error err;
    (void)state;
    assert_int_equal(lake_open(&lake, &options, &err), 0);
    assert_int_equal(lake_create(lake, &by_us, &err), 0);
    assert_int_equal(lake_write(lake, &output, LAKE_CSV, "/nonexistent/file.csv", &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "/nonexistent/file.csv"));
    assert_int_equal(lake_write(lake, &output, LAKE_CSV, "/dev/full", &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "/dev/full"));
    lake_close(lake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reals_have_the_fewest_digits_that_read_back),
        cmocka_unit_test(test_any_real_reads_back),
        cmocka_unit_test(test_thousandths_are_written_without_zeros_at_their_end),
        cmocka_unit_test(test_whole_numbers_dates_and_instants),
        cmocka_unit_test(test_texts_are_quoted_where_they_must_be),
        cmocka_unit_test(test_a_file_is_as_the_engine_writes_it),
        cmocka_unit_test(test_a_file_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
