/* Parquet files hold what was put in: read back by DuckDB, which was fed the same rows, and by what
 * their footers say. */
#include "tests.h"

#include "base/fs.h"
#include "base/rng.h"
#include "lake/lake.h"
#include "lake/parquet.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct column columns[] = {
    {"id", COLUMN_WHOLE},        /* one after another */
    {"few_texts", COLUMN_TEXT},  /* a dictionary */
    {"many_texts", COLUMN_TEXT}, /* none of them twice */
    {"raw", COLUMN_BLOB},         {"few_reals", COLUMN_REAL},    {"many_reals", COLUMN_REAL},
    {"wild_reals", COLUMN_REAL}, /* of every kind */
    {"few_wholes", COLUMN_WHOLE}, {"wild_wholes", COLUMN_WHOLE}, {"same_whole", COLUMN_WHOLE},
    {"few_days", COLUMN_DATE},    {"many_days", COLUMN_DATE},    {"instants", COLUMN_TIMESTAMP},
    {"no_texts", COLUMN_TEXT}, /* all NULL */
    {"no_reals", COLUMN_REAL},    {"no_wholes", COLUMN_WHOLE},   {"no_days", COLUMN_DATE},
};
enum { COLUMNS = sizeof columns / sizeof *columns, FIRST_EMPTY = 13 };
static const struct table things = {"things", columns, COLUMNS};

struct fixture {
    struct arena arena;
    char *folder;
    struct lake *lake;
};

static int open_lake(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    const char *tmp = getenv("TMPDIR");
    const struct lake_options options = {.threads = 2};
    f->folder = arena_printf(&f->arena, "%s/parquet-XXXXXX", tmp ? tmp : "/tmp");
    *state = f;
    return mkdtemp(f->folder) && lake_open(&f->lake, &options, &err) == 0 ? 0 : -1;
}

static int close_lake(void **state)
{
    struct fixture *f = *state;
    struct error err;
    lake_close(f->lake);
    int status = fs_remove_tree(f->folder, &err);
    arena_release(&f->arena);
    free(f);
    return status;
}

static const char *under(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->folder, name);
}

/* ---- rows ---- */

static struct bytes text_of(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

static double wild_real(struct rng *rng)
{
    static const double wild[] = {
        NAN, INFINITY, -INFINITY, 0.0, -0.0, 5e-324, -1.7976931348623157e308};
    size_t i = (size_t)rng_below(rng, 20);
    return i < sizeof wild / sizeof *wild ? wild[i] : (double)rng_below(rng, 1 << 20) / 7;
}

static int64_t wild_whole(struct rng *rng)
{
    uint64_t high = rng_below(rng, UINT64_C(1) << 32);
    switch (rng_below(rng, 4)) {
    case 0:
        return INT64_MIN;
    case 1:
        return INT64_MAX;
    case 2:
        return (int64_t)(high << 32 | rng_below(rng, UINT64_C(1) << 32));
    default:
        return (int64_t)high;
    }
}

/* Row r of the batch is row `id` of all; a fifth of its cells are NULL where `nulls`. */
static void fill_row(struct batch *batch, size_t r, int64_t id, bool nulls, struct rng *rng,
                     struct arena *arena)
{
    static const char *const few[] = {"",       "a",    "it's \"quoted\", \n",
                                      "é 漢字", "NULL", "longer than twelve bytes"};
    char *many = arena_printf(arena, "%llu\xc3\xa9 text %lld",
                              (unsigned long long)rng_below(rng, 1000), (long long)id);
    for (size_t c = 0; c < COLUMNS; c++) {
        batch->null[c][r] = c >= FIRST_EMPTY || (nulls && c > 0 && rng_below(rng, 5) == 0);
        if (columns[c].type == COLUMN_TEXT) {
            batch->values[c].text[r] = (struct bytes){0};
        }
    }
    batch->values[0].whole[r] = id;
    batch->values[1].text[r] = text_of(few[rng_below(rng, 6)]);
    batch->values[2].text[r] = text_of(many);
    batch->values[3].text[r] = (struct bytes){"\0\xff\n'", (size_t)rng_below(rng, 5)};
    batch->values[4].real[r] = (double)rng_below(rng, 3000) / 1000;
    batch->values[5].real[r] = (double)rng_below(rng, UINT64_C(1) << 40) / 1000;
    batch->values[6].real[r] = wild_real(rng);
    batch->values[7].whole[r] = (int64_t)rng_below(rng, 300) - 100;
    batch->values[8].whole[r] = wild_whole(rng);
    batch->values[9].whole[r] = -7;
    batch->values[10].whole[r] = id / 1000 - 20;
    batch->values[11].whole[r] = (int64_t)rng_below(rng, 4000000) - 700000;
    batch->values[12].whole[r] = id * 7777777 + (int64_t)rng_below(rng, 1000);
}

/* The same rows whenever called with the same count and nulls, in batches of `batch_rows`, to a
 * file (NULL: to the engine). */
static void feed(struct fixture *f, struct parquet *file, size_t count, bool nulls,
                 size_t batch_rows)
{
    struct arena arena = {0}, texts = {0};
    struct batch batch;
    struct rng rng;
    struct error err;
    rng_init(&rng, 3, count);
    batch_init(&batch, &things, &arena);
    for (size_t i = 0; i < count; i++) {
        fill_row(&batch, batch.rows++, (int64_t)i, nulls, &rng, &texts);
        if (batch.rows == batch_rows || i + 1 == count) {
            assert_int_equal(
                file ? parquet_add(file, &batch, &err) : lake_append(f->lake, &batch, &err), 0);
            batch.rows = 0;
            arena_clear(&texts); /* none is kept */
        }
    }
    arena_release(&arena);
    arena_release(&texts);
}

static const char *write_things(struct fixture *f, size_t count, bool nulls, size_t batch_rows,
                                unsigned threads)
{
    struct error err;
    const char *path = under(f, "things.parquet");
    struct parquet *file = parquet_open(path, &things, threads, &err);
    assert_non_null(file);
    feed(f, file, count, nulls, batch_rows);
    assert_int_equal(parquet_close(file, NULL, &err), 0);
    return path;
}

static uint64_t count_of(struct fixture *f, const char *sql)
{
    struct error err;
    uint64_t count = UINT64_MAX;
    if (lake_count(f->lake, sql, &count, &err) != 0) {
        fail_msg("%s: %s", sql, err.text[LANG_EN]);
    }
    return count;
}

static const char *cell(struct fixture *f, const char *sql)
{
    struct lake_rows rows;
    struct error err;
    if (lake_query(f->lake, sql, &f->arena, &rows, &err) != 0) {
        fail_msg("%s: %s", sql, err.text[LANG_EN]);
    }
    assert_int_equal(rows.rows, 1);
    return rows.cells[0] ? rows.cells[0] : "NULL";
}

/* ---- values ---- */

static void assert_same_rows(struct fixture *f, const char *path, size_t count)
{
    const char *back = arena_printf(&f->arena, "SELECT * FROM read_parquet('%s')", path);
    assert_int_equal(count_of(f, arena_printf(&f->arena, "SELECT count(*) FROM (%s)", back)),
                     count);
    assert_int_equal(
        count_of(f,
                 arena_printf(&f->arena, "SELECT count(*) FROM (%s EXCEPT ALL FROM things)", back)),
        0);
    assert_int_equal(
        count_of(f,
                 arena_printf(&f->arena, "SELECT count(*) FROM (FROM things EXCEPT ALL %s)", back)),
        0);
    assert_int_equal(count_of(f, arena_printf(&f->arena,
                                              "SELECT count(*) FROM read_parquet('%s', "
                                              "file_row_number = true) WHERE id <> file_row_number",
                                              path)),
                     0);
    assert_int_equal(
        count_of(f, arena_printf(&f->arena,
                                 "SELECT count(*) FROM (%s) WHERE wild_reals::VARCHAR = '-0.0'",
                                 back)),
        count_of(f, "SELECT count(*) FROM things WHERE wild_reals::VARCHAR = '-0.0'"));
}

static void test_what_was_written_is_read_back(void **state)
{
    const struct lake_options options = {.threads = 2};
    static const size_t counts[] = {0,
                                    1,
                                    2,
                                    9,
                                    1000,
                                    PARQUET_ROWS - 1,
                                    PARQUET_ROWS,
                                    PARQUET_ROWS + 1,
                                    2 * PARQUET_ROWS + 12345};
    struct fixture *f = *state;
    struct error err;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int nulls = 0; nulls < 2; nulls++) {
            lake_close(f->lake);
            assert_int_equal(lake_open(&f->lake, &options, &err), 0);
            assert_int_equal(lake_create(f->lake, &things, &err), 0);
            feed(f, NULL, counts[i], nulls, BATCH_ROWS);
            assert_int_equal(lake_flush(f->lake, &err), 0);
            assert_same_rows(f, write_things(f, counts[i], nulls, BATCH_ROWS, 2), counts[i]);
            assert_int_equal(count_of(f, "SELECT count(*) FROM things"), counts[i]);
        }
    }
}

/* As DuckDB's COPY says them. */
static void test_columns_are_said_as_the_engine_says_them(void **state)
{
    static const char *const expected[COLUMNS] = {
        [0] = "id INT64 INT_64 OPTIONAL BIGINT",
        [1] = "few_texts BYTE_ARRAY UTF8 OPTIONAL VARCHAR",
        [3] = "raw BYTE_ARRAY OPTIONAL BLOB",
        [4] = "few_reals DOUBLE OPTIONAL DOUBLE",
        [10] = "few_days INT32 DATE OPTIONAL DATE",
        [12] = "instants INT64 TIMESTAMP_MICROS TimestampType(isAdjustedToUTC=0, "
               "unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds(), NANOS=<null>)) OPTIONAL "
               "TIMESTAMP",
    };
    struct fixture *f = *state;
    const char *path = write_things(f, 5, true, BATCH_ROWS, 1);
    for (size_t c = 0; c < COLUMNS; c++) {
        const char *said =
            cell(f, arena_printf(&f->arena,
                                 "SELECT concat_ws(' ', name, type, converted_type, logical_type, "
                                 "repetition_type, duckdb_type) FROM parquet_schema('%s') "
                                 "WHERE column_id = %zu",
                                 path, c + 1));
        if (expected[c]) {
            assert_string_equal(said, expected[c]);
        }
    }
}

static void test_rows_are_cut_in_groups_of_one_size(void **state)
{
    struct fixture *f = *state;
    const char *path = write_things(f, 2 * PARQUET_ROWS + 7, true, 1000, 1);
    assert_string_equal(
        cell(f,
             arena_printf(&f->arena,
                          "SELECT string_agg(DISTINCT row_group_id || ':' || row_group_num_rows, ' "
                          "' ORDER BY "
                          "row_group_id || ':' || row_group_num_rows) FROM parquet_metadata('%s')",
                          path)),
        "0:30720 1:30720 2:7");
    path = write_things(f, 0, true, BATCH_ROWS, 1);
    assert_string_equal(
        cell(f, arena_printf(&f->arena, "SELECT num_row_groups FROM parquet_file_metadata('%s')",
                             path)),
        "0");
}

static void test_bytes_depend_neither_on_threads_nor_on_batches(void **state)
{
    enum { COUNT = PARQUET_ROWS + 5000, LIMIT = 1 << 26 };
    struct fixture *f = *state;
    struct error err;
    struct bytes first, other;
    assert_int_equal(
        fs_read(write_things(f, COUNT, true, BATCH_ROWS, 1), LIMIT, &f->arena, &first, &err), 0);
    for (unsigned threads = 1; threads <= 4; threads++) {
        const char *path = write_things(f, COUNT, true, 777 * threads % BATCH_ROWS, threads);
        assert_int_equal(fs_read(path, LIMIT, &f->arena, &other, &err), 0);
        assert_int_equal(other.size, first.size);
        assert_memory_equal(other.data, first.data, first.size);
    }
}

static void test_few_values_are_a_dictionary(void **state)
{
    struct fixture *f = *state;
    const char *path = write_things(f, PARQUET_ROWS, false, BATCH_ROWS, 1);
    const char *names = "SELECT string_agg(path_in_schema, ' ' ORDER BY column_id) FROM "
                        "parquet_metadata('%s') WHERE %s";
    assert_string_equal(
        cell(f, arena_printf(&f->arena, names, path, "encodings LIKE '%DICTIONARY%'")),
        "few_texts raw few_reals few_wholes same_whole few_days");
    assert_string_equal(cell(f, arena_printf(&f->arena, names, path, "encodings LIKE '%DELTA%'")),
                        "id wild_wholes instants");
    assert_string_equal(
        cell(f, arena_printf(&f->arena, names, path, "stats_distinct_count = 3000")), "few_reals");
    assert_true(
        count_of(
            f, arena_printf(&f->arena,
                            "SELECT sum(total_compressed_size)::BIGINT FROM parquet_metadata('%s') "
                            "WHERE path_in_schema IN ('id', 'same_whole', 'few_days')",
                            path)) < 3000);
}

/* ---- statistics ---- */

static const struct column bound_columns[] = {
    {"w", COLUMN_WHOLE},  {"x", COLUMN_REAL},    {"zero", COLUMN_REAL},
    {"nan", COLUMN_REAL}, {"d", COLUMN_DATE},    {"ts", COLUMN_TIMESTAMP},
    {"s", COLUMN_TEXT},   {"long", COLUMN_TEXT}, {"none", COLUMN_WHOLE}};
static const struct table bounds = {"bounds", bound_columns,
                                    sizeof bound_columns / sizeof *bound_columns};

/* Three rows and one of NULLs, which comes second. */
static const char *write_bounds(struct fixture *f)
{
    static const int64_t wholes[] = {-5, 0, 3, -9000000000};
    static const double reals[] = {1.5, 0, -INFINITY, 2};
    static const char *const texts[] = {"b", "", "", "a\xc3\xa9"};
    struct batch batch;
    struct error err;
    char *longest = arena_alloc(&f->arena, 2000, 1);
    memset(longest, 'x', 2000);
    batch_init(&batch, &bounds, &f->arena);
    for (batch.rows = 0; batch.rows < 4; batch.rows++) {
        size_t r = batch.rows;
        for (size_t c = 0; c < bounds.column_count; c++) {
            batch.null[c][r] = r == 1 || c == 8;
        }
        batch.values[0].whole[r] = wholes[r];
        batch.values[1].real[r] = reals[r];
        batch.values[2].real[r] = r == 0 ? 0.0 : -0.0;
        batch.values[3].real[r] = r == 0 ? NAN : 1;
        batch.values[4].whole[r] = (int64_t)r - 1;
        batch.values[5].whole[r] = wholes[r];
        batch.values[6].text[r] = text_of(texts[r]);
        batch.values[7].text[r] = (struct bytes){longest, r * 600};
    }
    struct parquet *file = parquet_open(under(f, "bounds.parquet"), &bounds, 1, &err);
    assert_non_null(file);
    assert_int_equal(parquet_add(file, &batch, &err), 0);
    assert_int_equal(parquet_close(file, NULL, &err), 0);
    return under(f, "bounds.parquet");
}

static void test_statistics_bound_the_values(void **state)
{
    static const char *const expected[] = {"w -9000000000 3 1",
                                           "x - 2.0 1",
                                           "zero -0.0 0.0 1",
                                           "nan - - 1",
                                           "d 1969-12-31 1970-01-03 1",
                                           "ts 1969-12-31 21:30:00 1970-01-01 00:00:00.000003 1",
                                           "s  b 1",
                                           "long - - 1",
                                           "none - - 4"};
    struct fixture *f = *state;
    const char *path = write_bounds(f);
    for (size_t c = 0; c < bounds.column_count; c++) {
        assert_string_equal(
            cell(
                f,
                arena_printf(
                    &f->arena,
                    "SELECT concat_ws(' ', path_in_schema, coalesce(stats_min_value, '-'), "
                    "coalesce(stats_max_value, '-'), stats_null_count) FROM parquet_metadata('%s') "
                    "WHERE column_id = %zu",
                    path, c)),
            expected[c]);
    }
}

/* A reader that passes over groups by their statistics finds what is there. */
static void test_groups_that_are_passed_over_hold_nothing_wanted(void **state)
{
    struct fixture *f = *state;
    const char *path = write_things(f, 3 * PARQUET_ROWS, true, BATCH_ROWS, 1);
    const char *count = "SELECT count(*) FROM read_parquet('%s') WHERE %s";
    assert_int_equal(count_of(f, arena_printf(&f->arena, count, path, "id = 31000")), 1);
    assert_int_equal(count_of(f, arena_printf(&f->arena, count, path, "id < 30721")), 30721);
    assert_true(count_of(f, arena_printf(&f->arena, count, path, "isnan(wild_reals)")) > 1000);
    assert_true(count_of(f, arena_printf(&f->arena, count, path, "wild_reals > 'inf'::DOUBLE")) >
                1000);
    assert_true(count_of(f, arena_printf(&f->arena, count, path, "few_texts = 'é 漢字'")) > 1000);
    assert_int_equal(count_of(f, arena_printf(&f->arena, count, path, "no_texts IS NOT NULL")), 0);
}

/* ---- long texts ---- */

static void test_long_texts_end_a_row_group(void **state)
{
    static const struct column long_columns[] = {{"id", COLUMN_WHOLE}, {"s", COLUMN_TEXT}};
    static const struct table longs = {"longs", long_columns, 2};
    enum { COUNT = 150, SIZE = 1 << 20 };
    struct fixture *f = *state;
    struct batch batch;
    struct error err;
    char *texts = arena_alloc(&f->arena, COUNT + 1, SIZE);
    memset(texts, 'x', (size_t)(COUNT + 1) * SIZE);
    batch_init(&batch, &longs, &f->arena);
    for (batch.rows = 0; batch.rows < COUNT; batch.rows++) {
        size_t r = batch.rows;
        memcpy(texts + r * SIZE, &(char){(char)('a' + r % 26)}, 1);
        batch.values[0].whole[r] = (int64_t)r;
        batch.values[1].text[r] = (struct bytes){texts + r * SIZE, SIZE - r};
        batch.null[1][r] = r % 10 == 0;
    }
    struct parquet *file = parquet_open(under(f, "long.parquet"), &longs, 1, &err);
    assert_non_null(file);
    assert_int_equal(parquet_add(file, &batch, &err), 0);
    assert_int_equal(parquet_close(file, NULL, &err), 0);
    assert_int_equal(
        count_of(
            f, arena_printf(
                   &f->arena,
                   "SELECT count(*) FROM read_parquet('%s') WHERE CASE WHEN id %% 10 = 0 THEN s IS "
                   "NULL ELSE s = chr((97 + id %% 26)::INTEGER) || repeat('x', 1048575 - id) END",
                   under(f, "long.parquet"))),
        COUNT);
    assert_string_equal(
        cell(f, arena_printf(&f->arena,
                             "SELECT string_agg(row_group_num_rows, ' ' ORDER BY row_group_id) "
                             "FROM parquet_metadata('%s') WHERE column_id = 0",
                             under(f, "long.parquet"))),
        "73 72 5");
}

/* ---- files that cannot be written ---- */

static void test_a_file_that_cannot_be_opened_is_told(void **state)
{
    struct fixture *f = *state;
    struct error err;
    assert_null(parquet_open(under(f, "nowhere/t.parquet"), &things, 1, &err));
    assert_non_null(
        strstr(err.text[LANG_EN], "nowhere/t.parquet: cannot be written (No such file"));
    assert_null(parquet_open("/dev/full", &things, 1, &err));
    assert_non_null(strstr(err.text[LANG_EN], "/dev/full: cannot be written (No space left"));
    parquet_abandon(NULL);
}

/* The disk is full somewhere in the file: in the rows, or in the footer. */
static void test_a_disk_that_is_full_is_told(void **state)
{
    struct fixture *f = *state;
    const char *path = under(f, "cut.parquet");
    struct rlimit old, small;
    struct error err;
    struct arena texts = {0};
    struct batch batch;
    struct rng rng;
    int failed = 0;
    rng_init(&rng, 1, 1);
    batch_init(&batch, &things, &f->arena);
    for (batch.rows = 0; batch.rows < BATCH_ROWS; batch.rows++) {
        fill_row(&batch, batch.rows, (int64_t)batch.rows, false, &rng, &texts);
    }
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    for (rlim_t limit = 100; limit < 200000; limit = limit * 3 / 2) {
        small = (struct rlimit){limit, old.rlim_max};
        struct parquet *file = parquet_open(path, &things, 1, &err);
        assert_non_null(file);
        assert_int_equal(parquet_add(file, &batch, &err), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        int status = parquet_close(file, NULL, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        if (status != 0) {
            assert_non_null(
                strstr(err.text[LANG_EN], "cut.parquet: cannot be written (File too large)"));
            failed++;
        }
    }
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_true(failed > 10);
    arena_release(&texts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lake, close_lake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_written_is_read_back),
        TEST(test_columns_are_said_as_the_engine_says_them),
        TEST(test_rows_are_cut_in_groups_of_one_size),
        TEST(test_bytes_depend_neither_on_threads_nor_on_batches),
        TEST(test_few_values_are_a_dictionary),
        TEST(test_statistics_bound_the_values),
        TEST(test_groups_that_are_passed_over_hold_nothing_wanted),
        TEST(test_long_texts_end_a_row_group),
        TEST(test_a_file_that_cannot_be_opened_is_told),
        TEST(test_a_disk_that_is_full_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
