/* Sums of sorted rows, in memory or on disk, are those that the engine finds by grouping, to the
 * last digit. */
#include "tests.h"

#include "base/fs.h"
#include "base/rng.h"
#include "lake/lake.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {{"vin", COLUMN_TEXT}, {"ts", COLUMN_TIMESTAMP},
                                        {"x", COLUMN_REAL},   {"n", COLUMN_WHOLE},
                                        {"day", COLUMN_DATE}, {"said", COLUMN_TEXT}};
enum { VIN, TS, X, N, DAY, SAID, COLUMNS };
static const struct table kept = {"kept", columns, COLUMNS};
static const struct table plain = {"plain", columns, COLUMNS};
static const struct lake_distinct distinct = {
    .key = "vin, ts, x, n", .least = "said", .day = "day"};

/* Whatever can be summed: halves of the last digit, both signs, the largest, long fractions. */
static double some_real(struct rng *rng)
{
    static const double special[] = {
        0.0,     5e-13,  -5e-13, 1.5e-12,           -2.5e-12,
        4.9e-13, 1e-300, 0.1,    999999.9999999999, -999999.9999999999};
    uint64_t pick = rng_below(rng, 14);
    double sign = rng_below(rng, 2) ? 1 : -1;
    if (pick < sizeof special / sizeof *special) {
        return special[pick];
    }
    return sign * (double)rng_below(rng, 1000000) / (pick % 2 ? 100.0 : 7.0);
}

/* The same rows into both tables; no two are alike. `largest` is the X of the last one. */
static void feed(struct lake *lake, int64_t rows, double largest)
{
    struct arena arena = {0};
    struct batch batch = {0};
    struct rng rng;
    struct error err;
    rng_init(&rng, 3, 0);
    batch_init(&batch, &kept, &arena);
    for (int64_t i = 0; i < rows; i++) {
        size_t r = batch.rows++;
        char *vin = arena_printf(&arena, "VIN-%05llu", (unsigned long long)rng_below(&rng, 3000));
        batch.values[VIN].text[r] = (struct bytes){vin, strlen(vin)};
        batch.values[SAID].text[r] = (struct bytes){i % 2 ? "a" : "b", 1};
        batch.values[DAY].whole[r] = (int64_t)rng_below(&rng, 4) - 1;
        batch.values[TS].whole[r] = batch.values[DAY].whole[r] * INT64_C(86400000000) + i;
        batch.values[X].real[r] = i + 1 == rows ? largest : some_real(&rng);
        batch.values[N].whole[r] = (int64_t)rng_below(&rng, 10000000) - 5000000;
        for (size_t c = 0; c < COLUMNS; c++) {
            batch.null[c][r] = i + 1 < rows && (c == X || c == N) && rng_below(&rng, 3) == 0;
        }
        if (batch.rows == BATCH_ROWS || i + 1 == rows) {
            batch.table = &kept;
            assert_int_equal(lake_append(lake, &batch, &err), 0);
            batch.table = &plain;
            assert_int_equal(lake_append(lake, &batch, &err), 0);
            batch.rows = 0;
        }
    }
    assert_int_equal(lake_flush(lake, &err), 0);
    arena_release(&arena);
}

static const struct column measures[] = {{"x", COLUMN_REAL}, {"n", COLUMN_WHOLE}};

static struct lake_sums sums_of(const char *name, const char *from)
{
    return (struct lake_sums){name, from, "vin", "day", measures, 2};
}

static struct lake *open_tables(const char *folder, const char *memory, unsigned threads)
{
    const struct lake_options options = {.threads = threads, .memory = memory, .scratch = folder};
    struct lake *lake = NULL;
    struct error err;
    assert_int_equal(lake_open(&lake, &options, &err), 0);
    assert_int_equal(lake_create_distinct(lake, &kept, &distinct, &err), 0);
    assert_int_equal(lake_create(lake, &plain, &err), 0);
    return lake;
}

/* Sums of both tables, and how many rows only one of them has. */
static void assert_same_sums(const char *folder, const char *memory, unsigned threads, int64_t rows)
{
    struct lake *lake = open_tables(folder, memory, threads);
    const struct lake_sums ours = sums_of("ours", "kept"), theirs = sums_of("theirs", "plain");
    struct error err;
    uint64_t groups, messages, none, more, less;
    const struct lake_counted counts[] = {
        {"SELECT count(*) FROM ours", &groups},
        {"SELECT CAST(sum(messages) AS BIGINT) FROM ours", &messages},
        {"SELECT count_if(s_x IS NULL AND n_x = 0) FROM ours", &none},
        {"SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)", &more},
        {"SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours)", &less}};
    feed(lake, rows, 1);
    assert_int_equal(fs_exists(folder), memory != NULL);
    lake_keep_no_order(lake);
    assert_int_equal(lake_sum(lake, &ours, &err), 0);
    assert_int_equal(lake_sum(lake, &theirs, &err), 0);
    assert_int_equal(lake_counts(lake, counts, sizeof counts / sizeof *counts, &err), 0);
    assert_int_equal(messages, rows);
    assert_int_equal(more, 0);
    assert_int_equal(less, 0);
    assert_true(groups > (rows < 10000 ? 1000 : 11000) && groups <= 12000 &&
                (rows > 10000 || none));
    lake_close(lake);
}

static char *scratch_name(struct arena *arena, const char **parent)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = arena_printf(arena, "%s/sums-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    *parent = folder;
    return arena_printf(arena, "%s/scratch", folder);
}

static void test_sums_of_rows_in_order_are_those_of_groups(void **state)
{
    struct arena arena = {0};
    struct error err;
    const char *parent, *folder = scratch_name(&arena, &parent);
    (void)state;
    for (unsigned threads = 1; threads <= 3; threads++) {
        assert_same_sums(folder, NULL, threads, 3000);
    }
    assert_same_sums(folder, NULL, 2, 400000);
    assert_same_sums(folder, "60MB", 2, 600000);
    assert_int_equal(fs_remove_tree(parent, &err), 0);
    arena_release(&arena);
}

static void test_a_value_that_cannot_be_summed_is_told(void **state)
{
    struct error err;
    const char *const tables[] = {"kept", "plain"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct lake *lake = open_tables(NULL, NULL, 2);
        const struct lake_sums sums = sums_of("sums", tables[i]);
        feed(lake, 5000, -1e6);
        assert_int_equal(lake_sum(lake, &sums, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], "sums"));
        lake_close(lake);
    }
}

static void test_of_no_rows_there_are_no_sums(void **state)
{
    struct lake *lake = open_tables(NULL, NULL, 1);
    const struct lake_sums sums = sums_of("sums", "kept");
    struct error err;
    uint64_t groups = 1;
    (void)state;
    assert_int_equal(lake_flush(lake, &err), 0);
    assert_int_equal(lake_sum(lake, &sums, &err), 0);
    assert_int_equal(lake_count(lake, "SELECT count(*) FROM sums", &groups, &err), 0);
    assert_int_equal(groups, 0);
    lake_close(lake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_of_rows_in_order_are_those_of_groups),
        cmocka_unit_test(test_a_value_that_cannot_be_summed_is_told),
        cmocka_unit_test(test_of_no_rows_there_are_no_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
