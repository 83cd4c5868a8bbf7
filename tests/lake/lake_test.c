/* The engine seam: what goes in comes out, wrong shapes are refused, bytes do not depend on threads
 * or the order of feeding. */
#include "tests.h"

#include "base/fs.h"
#include "base/hash.h"
#include "lake/lake.h"
#include "lake/layout.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"name", COLUMN_TEXT}, {"n", COLUMN_WHOLE},      {"x", COLUMN_REAL},
    {"day", COLUMN_DATE},  {"ts", COLUMN_TIMESTAMP}, {"raw", COLUMN_BLOB},
};
static const struct table things = {"things", columns, sizeof columns / sizeof *columns};

struct fixture {
    struct arena arena;
    char *folder;
    struct lake *lake;
    struct lake *beside; /* of a thread */
    const char *path;    /* that it writes to */
};

static int open_lake(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    const char *tmp = getenv("TMPDIR");
    const struct lake_options options = {.threads = 2};
    f->folder = arena_printf(&f->arena, "%s/it's [a] lake*-XXXXXX", tmp ? tmp : "/tmp");
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

/* Feeds rows first..last-1, each with a NULL somewhere every fifth row; from the back if `reverse`.
 */
static void feed(struct lake *lake, int64_t first, int64_t last, bool reverse)
{
    struct arena arena = {0};
    struct batch batch;
    struct error err;
    batch_init(&batch, &things, &arena);
    for (int64_t i = first; i < last; i++) {
        int64_t id = reverse ? last - 1 - (i - first) : i;
        size_t r = batch.rows++;
        for (size_t c = 0; c < things.column_count; c++) {
            batch.null[c][r] = c > 1 && id % 5 == 0;
        }
        char *name = arena_printf(&arena, "thing é'\n\"%lld", (long long)(id % 1000));
        batch.values[0].text[r] = (struct bytes){name, strlen(name)};
        batch.values[1].whole[r] = id;
        batch.values[2].real[r] = (double)id / 3;
        batch.values[3].whole[r] = id % 3;
        batch.values[4].whole[r] = id * 1000003;
        batch.values[5].text[r] = (struct bytes){"\0\xff", 2};
        if (batch.rows == BATCH_ROWS || i + 1 == last) {
            assert_int_equal(lake_append(lake, &batch, &err), 0);
            batch.rows = 0;
        }
    }
    assert_int_equal(lake_flush(lake, &err), 0);
    arena_release(&arena);
}

/* Little memory: the rows go to disk, and the engine never has them as a table of its own. */
static void test_distinct_rows_are_there_wherever_they_lie(void **state)
{
    struct fixture *f = *state;
    const struct lake_distinct distinct = {.key = "name, n", .least = "raw"};
    for (int small = 0; small < 2; small++) {
        const struct lake_options options = {
            .threads = 2, .memory = small ? "40MB" : NULL, .scratch = under(f, "scratch")};
        struct lake *lake = NULL;
        struct error err;
        uint64_t rows, sum, reals, names, tables;
        const struct lake_counted counts[] = {
            {"SELECT count(*) FROM things", &rows},
            {"SELECT CAST(sum(n) AS BIGINT) FROM things", &sum},
            {"SELECT count(x) FROM things", &reals},
            {"SELECT count(DISTINCT name) FROM things WHERE raw = '\\x00\\xFF'::BLOB", &names},
            {"SELECT count(*) FROM duckdb_tables() WHERE table_name = 'things'", &tables}};
        assert_int_equal(lake_open(&lake, &options, &err), 0);
        assert_int_equal(lake_create_distinct(lake, &things, &distinct, &err), 0);
        feed(lake, 0, 600000, false);
        assert_int_equal(fs_exists(under(f, "scratch")), small);
        assert_int_equal(lake_counts(lake, counts, sizeof counts / sizeof *counts, &err), 0);
        assert_int_equal(rows, 600000);
        assert_int_equal(sum, UINT64_C(599999) * 300000);
        assert_int_equal(reals, 480000);
        assert_int_equal(names, 800);
        assert_int_equal(tables, 0);
        /* counted again, now that every row was seen once */
        assert_non_null(lake_repeated(lake, "things", "name, n", &f->arena, &err));
        rows = sum = 0;
        assert_int_equal(lake_counts(lake, counts, sizeof counts / sizeof *counts, &err), 0);
        assert_int_equal(rows, 600000);
        assert_int_equal(sum, UINT64_C(599999) * 300000);
        lake_close(lake);
    }
}

static void test_rows_that_were_fed_come_back(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct lake_rows rows;
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 5000, false);
    assert_int_equal(lake_query(f->lake, "SELECT * FROM things WHERE n IN (4, 5) ORDER BY n",
                                &f->arena, &rows, &err),
                     0);
    assert_int_equal(rows.rows, 2);
    assert_int_equal(rows.columns, 6);
    assert_string_equal(rows.cells[0], "thing é'\n\"4");
    assert_string_equal(rows.cells[1], "4");
    assert_string_equal(rows.cells[3], "1970-01-02");
    assert_string_equal(rows.cells[4], "1970-01-01 00:00:04.000012");
    assert_string_equal(rows.cells[5], "\\x00\\xFF");
    assert_null(rows.cells[6 + 2]);
    uint64_t count;
    assert_int_equal(lake_count(f->lake, "SELECT count(*) FROM things", &count, &err), 0);
    assert_int_equal(count, 5000);
}

static const char *written_hash(struct fixture *f, unsigned threads, bool reverse,
                                enum lake_format format)
{
    struct lake *lake = NULL;
    struct error err;
    uint64_t bytes;
    const struct lake_options options = {.threads = threads};
    const struct lake_output output = {.table = &things, .order = "name, n"};
    const char *path = under(f, "written");
    char *hash = arena_alloc(&f->arena, HASH_TEXT_SIZE, 1);
    assert_int_equal(lake_open(&lake, &options, &err), 0);
    assert_int_equal(lake_create(lake, &things, &err), 0);
    feed(lake, 0, 300000, reverse);
    assert_int_equal(lake_write(lake, &output, format, path, &err), 0);
    assert_int_equal(hash_file(path, hash, &bytes, &err), 0);
    lake_close(lake);
    return hash;
}

static void test_bytes_depend_neither_on_threads_nor_on_the_order_of_feeding(void **state)
{
    struct fixture *f = *state;
    for (enum lake_format format = LAKE_CSV; format <= LAKE_PARQUET; format++) {
        const char *once = written_hash(f, 1, false, format);
        assert_string_equal(once, written_hash(f, 2, true, format));
        assert_string_equal(once, written_hash(f, 4, false, format));
    }
}

/* What gold/entretien.sql reads and makes; `rang` numbers the services of a vehicle. */
static const struct column entretien_columns[] = {{"vin", COLUMN_TEXT},
                                                  {"date_last_revis", COLUMN_DATE},
                                                  {"type", COLUMN_TEXT},
                                                  {"km_derniere_revis", COLUMN_WHOLE},
                                                  {"rang", COLUMN_WHOLE}};
static const struct table maintenance = {"maintenance", entretien_columns, 4};
static const struct table entretien = {"entretien", entretien_columns, 5};

/* How a table comes by its order: when it is written; kept in it by the lake; on disk, for want of
 * memory. */
enum order { WHEN_WRITTEN, KEPT, ON_DISK };

/* Services of vehicles in no order, written for one day by `vin, rang`. */
static const char *services_hash(struct fixture *f, unsigned threads, enum order order,
                                 enum lake_format format)
{
    const struct lake_output output = {.table = &entretien,
                                       .order = "vin, rang",
                                       .where_column = "date_last_revis",
                                       .where_date = 1};
    const struct lake_distinct distinct = {output.order, "type", "date_last_revis"};
    const struct lake_options options = {.threads = threads,
                                         .memory = order == ON_DISK ? "50MB" : NULL,
                                         .scratch = under(f, "scratch")};
    struct lake *lake = NULL;
    struct error err;
    struct batch batch;
    struct arena arena = {0};
    const char *path = under(f, "services");
    char *hash = arena_alloc(&f->arena, HASH_TEXT_SIZE, 1);
    uint64_t bytes;
    assert_int_equal(lake_open(&lake, &options, &err), 0);
    assert_int_equal(lake_create(lake, &maintenance, &err), 0);
    batch_init(&batch, &maintenance, &arena);
    for (int64_t i = 0; i < 400000; i++) {
        size_t r = batch.rows++;
        char *vin = arena_printf(&arena, "VIN-%lld", (long long)(i * 7919 % 100003));
        batch.values[0].text[r] = (struct bytes){vin, strlen(vin)};
        batch.values[1].whole[r] = i % 3;
        batch.values[2].text[r] = (struct bytes){"Freins", 6};
        batch.values[3].whole[r] = i;
        for (size_t c = 0; c < 4; c++) {
            batch.null[c][r] = false;
        }
        if (batch.rows == BATCH_ROWS || i + 1 == 400000) {
            assert_int_equal(lake_append(lake, &batch, &err), 0);
            batch.rows = 0;
        }
    }
    assert_int_equal(lake_flush(lake, &err), 0);
    if (order == WHEN_WRITTEN) {
        assert_int_equal(lake_define(lake, "entretien", "gold/entretien.sql", LAKE_TABLE, &err), 0);
    } else {
        assert_int_equal(lake_define(lake, "services", "gold/entretien.sql", LAKE_VIEW, &err), 0);
        assert_int_equal(lake_define_distinct(lake, &entretien, "services", &distinct, &err), 0);
    }
    assert_int_equal(lake_write(lake, &output, format, path, &err), 0);
    assert_int_equal(hash_file(path, hash, &bytes, &err), 0);
    assert_true(bytes > 100000);
    uint64_t tables;
    assert_int_equal(lake_count(lake,
                                "SELECT count(*) FROM duckdb_tables() WHERE table_name = "
                                "'entretien'",
                                &tables, &err),
                     0);
    assert_int_equal(tables, order == WHEN_WRITTEN); /* the engine has it as a table of its own */
    lake_close(lake);
    arena_release(&arena);
    return hash;
}

static void test_a_table_kept_in_order_is_written_as_one_that_is_sorted_then(void **state)
{
    struct fixture *f = *state;
    for (enum lake_format format = LAKE_CSV; format <= LAKE_PARQUET; format++) {
        const char *once = services_hash(f, 1, WHEN_WRITTEN, format);
        for (unsigned threads = 1; threads <= 4; threads++) {
            assert_string_equal(once, services_hash(f, threads, KEPT, format));
        }
        assert_string_equal(once, services_hash(f, 2, ON_DISK, format));
    }
}

/* 5,000 times: three services alike, two that differ, two alike without a date, one. */
static void feed_services_with_repetitions(struct lake *lake, struct arena *arena)
{
    static const struct {
        const char *vin;
        int64_t day, km;
    } services[] = {{"A", 1, 5}, {"B", 1, 5}, {"C", -1, 5}, {"A", 1, 5},
                    {"B", 2, 5}, {"D", 1, 5}, {"C", -1, 5}, {"A", 1, 5}};
    struct batch batch;
    struct error err;
    assert_int_equal(lake_create(lake, &maintenance, &err), 0);
    batch_init(&batch, &maintenance, arena);
    for (size_t i = 0; i < 40000; i++) {
        size_t r = batch.rows++, s = i % 8;
        char *vin = arena_printf(arena, "%s-%zu", services[s].vin, i / 8);
        batch.values[0].text[r] = (struct bytes){vin, strlen(vin)};
        batch.values[1].whole[r] = services[s].day;
        batch.values[2].text[r] = (struct bytes){"Freins", 6};
        batch.values[3].whole[r] = services[s].km;
        for (size_t c = 0; c < 4; c++) {
            batch.null[c][r] = c == 1 && services[s].day < 0;
        }
        if (batch.rows == BATCH_ROWS || i + 1 == 40000) {
            assert_int_equal(lake_append(lake, &batch, &err), 0);
            batch.rows = 0;
        }
    }
    assert_int_equal(lake_flush(lake, &err), 0);
}

static void test_of_rows_alike_in_the_key_the_least_stays(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct lake_rows rows;
    uint64_t kept, all;
    feed_services_with_repetitions(f->lake, &f->arena);
    const struct lake_distinct distinct = {.key = "vin, date_last_revis, type, km_derniere_revis",
                                           .least = "rang"};
    assert_int_equal(lake_define(f->lake, "services", "gold/entretien.sql", LAKE_VIEW, &err), 0);
    assert_int_equal(lake_define_distinct(f->lake, &entretien, "services", &distinct, &err), 0);
    assert_int_equal(
        lake_query(f->lake,
                   "SELECT left(vin, 1), count(*), min(rang), max(rang) FROM entretien "
                   "GROUP BY 1 ORDER BY 1",
                   &f->arena, &rows, &err),
        0);
    static const char *const expected[] = {"A", "5000", "1", "1", "B", "10000", "1", "2",
                                           "C", "5000", "1", "1", "D", "5000",  "1", "1"};
    assert_int_equal(rows.rows, 4);
    for (size_t i = 0; i < 16; i++) {
        assert_string_equal(rows.cells[i], expected[i]);
    }
    const struct lake_counted counts[] = {
        {lake_repeated(f->lake, "entretien", "vin", &f->arena, &err), &kept},
        {lake_repeated(f->lake, "maintenance", "vin", &f->arena, &err), &all}};
    assert_int_equal(lake_counts(f->lake, counts, 2, &err), 0);
    assert_int_equal(kept, 5000);
    assert_int_equal(all, 15000);
}

static void test_written_parquet_opens_with_its_columns(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct lake_output output = {
        .table = &things, .order = "n", .except = "day", .where_column = "day", .where_date = 1};
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 100, false);
    assert_int_equal(fs_make_folders(under(f, "day=1970-01-02"), &err), 0);
    assert_int_equal(
        lake_write(f->lake, &output, LAKE_PARQUET, under(f, "day=1970-01-02/data.parquet"), &err),
        0);
    assert_int_equal(
        lake_open_parquet(f->lake, "back", &things, f->folder, "day=*/data.parquet", &err), 0);
    struct lake_rows rows;
    assert_int_equal(lake_query(f->lake, "SELECT count(*), min(day), max(day) FROM back", &f->arena,
                                &rows, &err),
                     0);
    assert_string_equal(rows.cells[0], "27"); /* 33 of 100, less the 6 whose day is NULL */
    assert_string_equal(rows.cells[1], "1970-01-02");
    assert_string_equal(rows.cells[2], "1970-01-02");
}

/* Writes the rows of `day` to PATH below the folder. */
static void write_day(struct fixture *f, int32_t day, const char *path)
{
    struct error err;
    const struct lake_output output = {
        .table = &things, .order = "n", .except = "day", .where_column = "day", .where_date = day};
    const char *full = under(f, path);
    assert_int_equal(
        fs_make_folders(arena_copy(&f->arena, full, (size_t)(strrchr(full, '/') - full)), &err), 0);
    assert_int_equal(lake_write(f->lake, &output, LAKE_PARQUET, full, &err), 0);
}

/* Opens what the pattern names and gives count, number of days and sum of n. */
static const char *read_back(struct fixture *f, const char *pattern)
{
    struct error err;
    struct lake_rows rows;
    if (lake_open_parquet(f->lake, "back", &things, f->folder, pattern, &err) != 0) {
        fail_msg("%s: %s", pattern, err.text[LANG_EN]);
    }
    if (lake_query(f->lake, "SELECT count(*), count(DISTINCT day), min(day), sum(n) FROM back",
                   &f->arena, &rows, &err) != 0) {
        fail_msg("%s: %s", pattern, err.text[LANG_EN]);
    }
    assert_int_equal(lake_drop(f->lake, "back", &err), 0);
    return arena_printf(&f->arena, "%s %s %s %s", rows.cells[0], rows.cells[1], rows.cells[2],
                        rows.cells[3]);
}

static void test_a_folder_of_parts_reads_as_the_file_in_whose_place_it_is(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct lake_rows rows;
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 100, false);
    write_day(f, 1, "files/day=1970-01-02/data.parquet");
    write_day(f, 2, "files/day=1970-01-03/data.parquet");
    write_day(f, 1, "mixed/day=1970-01-02/data.parquet");
    write_day(f, 2, "mixed/day=1970-01-03/data.parquet/part-00000.parquet");
    write_day(f, 1, "parts/day=1970-01-02/data.parquet/part-00000.parquet");
    write_day(f, 2, "parts/day=1970-01-03/data.parquet/part-00000.parquet");
    write_day(f, 2, "parts/day=1970-01-03/data.parquet/_temporary.parquet"); /* nobody's */
    const char *files = read_back(f, "files/day=*/data.parquet");
    assert_string_equal(read_back(f, "mixed/day=*/data.parquet"), files);
    assert_string_equal(read_back(f, "parts/day=*/data.parquet"), files);
    assert_string_equal(read_back(f, "parts/day=1970-01-02/data.parquet"),
                        read_back(f, "files/day=1970-01-02/data.parquet"));
    /* parts in the order of their names */
    write_day(f, 1, "parts/day=1970-01-03/data.parquet/part-00001.parquet");
    assert_int_equal(
        lake_open_file(f->lake, "two", under(f, "parts/day=1970-01-03/data.parquet"), &err), 0);
    assert_int_equal(fs_make_folders(under(f, "day=1970-01-09/data.parquet"), &err), 0);
    assert_int_equal(
        lake_open_parquet(f->lake, "none", &things, f->folder, "day=1970-01-09/data.parquet", &err),
        -1);
    assert_non_null(strstr(err.text[LANG_EN], "data.parquet: cannot be read"));
    assert_int_equal(lake_query(f->lake, "SELECT count(*) FROM two", &f->arena, &rows, &err), 0);
    assert_true(strtoul(rows.cells[0], NULL, 10) > 27);
}

static void test_a_table_of_an_older_version_is_told_by_the_column_that_it_lacks(void **state)
{
    struct fixture *f = *state;
    struct error err;
    static const struct column newer_columns[] = {
        {"name", COLUMN_TEXT}, {"n", COLUMN_WHOLE}, {"why", COLUMN_TEXT}};
    static const struct table newer = {"things", newer_columns, 3};
    const struct lake_output output = {.table = &things, .order = "n"};
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 10, false);
    assert_int_equal(lake_write(f->lake, &output, LAKE_PARQUET, under(f, "old.parquet"), &err), 0);
    assert_int_equal(lake_open_parquet(f->lake, "back", &newer, f->folder, "old.parquet", &err),
                     -1);
    assert_non_null(strstr(err.text[LANG_EN], "old.parquet: column \"why\" is missing; make the "
                                              "table again with this version"));
}

static void test_a_table_of_another_shape_is_not_written(void **state)
{
    struct fixture *f = *state;
    struct error err;
    static const struct column other_columns[] = {{"name", COLUMN_TEXT}, {"n", COLUMN_REAL}};
    static const struct table other = {"things", other_columns, 2};
    const struct lake_output output = {.table = &things, .order = "n"};
    assert_int_equal(lake_create(f->lake, &other, &err), 0);
    assert_int_equal(lake_write(f->lake, &output, LAKE_CSV, under(f, "out.csv"), &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "column 2 is \"n\""));
    assert_false(fs_exists(under(f, "out.csv")));
}

static int sum_block(void *context, const double *x, size_t rows, struct error *err)
{
    double *sum = context;
    (void)err;
    for (size_t r = 0; r < rows; r++) {
        sum[0] += x[2 * r];
        sum[1] += isnan(x[2 * r + 1]);
    }
    return 0;
}

static void test_a_users_csv_is_read_as_numbers_in_order(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const char text[] = "a b,c\n1.5,2\n2.5,\n-1e3,7\n";
    const char *inputs[] = {"a b", "c"};
    double sum[2] = {0};
    assert_int_equal(fs_write(under(f, "t[1].csv"), text, sizeof text - 1, &err), 0);
    assert_int_equal(lake_open_file(f->lake, "user", under(f, "t[1].csv"), &err), 0);
    assert_int_equal(lake_each_block(f->lake, "user", inputs, 2, NULL, sum_block, sum, &err), 0);
    assert_true(sum[0] == -996);
    assert_true(sum[1] == 1);
}

static void test_text_where_a_number_should_be_is_named(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const char text[] = "a,b\n1,2\nmany,3\n";
    const char *inputs[] = {"a", "b"};
    double sum[2] = {0};
    assert_int_equal(fs_write(under(f, "t.csv"), text, sizeof text - 1, &err), 0);
    assert_int_equal(lake_open_file(f->lake, "user", under(f, "t.csv"), &err), 0);
    assert_int_equal(lake_each_block(f->lake, "user", inputs, 2, NULL, sum_block, sum, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "many"));
}

static void test_files_of_other_kinds_are_refused(void **state)
{
    struct fixture *f = *state;
    struct error err;
    assert_int_equal(lake_open_file(f->lake, "a", under(f, "absent.csv"), &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "absent.csv"));
    assert_int_equal(lake_open_file(f->lake, "a", f->folder, &err), -1);
    assert_int_equal(fs_write(under(f, "t.xls"), "x", 1, &err), 0);
    assert_int_equal(lake_open_file(f->lake, "a", under(f, "t.xls"), &err), -1);
    assert_int_equal(err.status, ERROR_USAGE);
    assert_int_equal(fs_write(under(f, "t.parquet"), "no parquet", 10, &err), 0);
    assert_int_equal(lake_open_file(f->lake, "a", under(f, "t.parquet"), &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "t.parquet"));
}

static int half_and_missing(void *context, const double *x, size_t rows, double *y,
                            struct error *err)
{
    (void)context;
    (void)err;
    for (size_t r = 0; r < rows; r++) {
        y[2 * r] = floor(x[r] / 2);
        y[2 * r + 1] = x[r] > 10 ? NAN : x[r];
    }
    return 0;
}

static void test_a_function_of_rows_makes_a_table(void **state)
{
    struct fixture *f = *state;
    struct error err;
    static const struct column result_columns[] = {
        {"name", COLUMN_TEXT}, {"half", COLUMN_WHOLE}, {"small", COLUMN_REAL}};
    static const struct table result = {"halves", result_columns, 3};
    const char *inputs[] = {"n"};
    const struct lake_function function = {"name", inputs, 1,    &result, half_and_missing,
                                           NULL,   NULL,   NULL, NULL};
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 10000, false);
    assert_int_equal(lake_map(f->lake, "things", &function, &err), 0);
    struct lake_rows rows;
    assert_int_equal(lake_query(f->lake,
                                "SELECT count(*), sum(half), count(small), max(small) FROM halves",
                                &f->arena, &rows, &err),
                     0);
    assert_string_equal(rows.cells[0], "10000");
    assert_string_equal(rows.cells[1], "24995000");
    assert_string_equal(rows.cells[2], "11");
    assert_string_equal(rows.cells[3], "10.0");
}

static struct bytes even_or_missing(void *context, size_t row)
{
    (void)context;
    return row % 2 == 0 ? (struct bytes){"even|é", strlen("even|é")} : (struct bytes){0};
}

static void test_a_function_of_rows_may_give_a_text_as_well(void **state)
{
    struct fixture *f = *state;
    struct error err;
    static const struct column result_columns[] = {{"name", COLUMN_TEXT},
                                                   {"half", COLUMN_WHOLE},
                                                   {"small", COLUMN_REAL},
                                                   {"word", COLUMN_TEXT}};
    static const struct table result = {"words", result_columns, 4};
    const char *inputs[] = {"n"};
    const struct lake_function function = {"name", inputs,          1,    &result, half_and_missing,
                                           NULL,   even_or_missing, NULL, NULL};
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 5000, false);
    assert_int_equal(lake_map(f->lake, "things", &function, &err), 0);
    struct lake_rows rows;
    assert_int_equal(lake_query(f->lake,
                                "SELECT count(*), sum(half), count(small), count(word), "
                                "min(word), max(word) FROM words",
                                &f->arena, &rows, &err),
                     0);
    assert_string_equal(rows.cells[0], "5000");
    assert_string_equal(rows.cells[1], "6247500");
    assert_string_equal(rows.cells[2], "11");
    assert_string_equal(rows.cells[3], "2500");
    assert_string_equal(rows.cells[4], "even|é");
    assert_string_equal(rows.cells[5], "even|é");
}

static int refuse_block(void *context, const double *x, size_t rows, struct error *err)
{
    (void)context;
    (void)x;
    (void)rows;
    return error_set(err, "assez", "enough");
}

static void test_values_are_bound_and_never_read_as_sql(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct lake_rows rows;
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 10, false);
    const char *const hostile[] = {"x' OR 1=1 --", "3"};
    assert_int_equal(lake_ask(f->lake, "SELECT $1 AS text, n FROM things WHERE n = CAST($2 AS INT)",
                              hostile, 2, &f->arena, &rows, &err),
                     0);
    assert_int_equal(rows.rows, 1);
    assert_string_equal(rows.cells[0], hostile[0]);
    assert_string_equal(rows.cells[1], "3");
    assert_int_equal(lake_ask(f->lake, "SELECT n FROM things WHERE CAST(n AS VARCHAR) = $1",
                              hostile, 1, &f->arena, &rows, &err),
                     0);
    assert_int_equal(rows.rows, 0);
}

static void test_the_callers_error_ends_a_stream(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const char *inputs[] = {"n"};
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 10, false);
    assert_int_equal(lake_each_block(f->lake, "things", inputs, 1, "n", refuse_block, NULL, &err),
                     -1);
    assert_string_equal(err.text[LANG_EN], "enough");
}

static void test_a_full_disk_is_one_clear_sentence(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const struct lake_output output = {.table = &things, .order = "n"};
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 10000, false);
    assert_int_equal(lake_write(f->lake, &output, LAKE_CSV, "/dev/full", &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "no space left"));
    assert_non_null(strstr(err.text[LANG_FR], "plus de place"));
}

static void *write_twenty(void *context)
{
    struct fixture *f = context;
    const struct lake_output output = {.table = &things, .order = "n"};
    struct error err;
    bool written = true;
    for (int i = 0; i < 20 && written; i++) {
        written = lake_write(f->beside, &output, LAKE_PARQUET, f->path, &err) == 0;
    }
    return written ? f : NULL;
}

static void test_a_session_beside_writes_while_this_one_goes_on(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const struct lake_output output = {.table = &things, .order = "n"};
    const char *other = under(f, "other.parquet");
    char hashes[2][HASH_TEXT_SIZE];
    uint64_t bytes, count;
    pthread_t thread;
    void *written;
    f->path = under(f, "beside.parquet");
    assert_int_equal(lake_create(f->lake, &things, &err), 0);
    feed(f->lake, 0, 1000, false);
    assert_non_null(f->beside = lake_beside(f->lake));
    assert_int_equal(pthread_create(&thread, NULL, write_twenty, f), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(lake_write(f->lake, &output, LAKE_PARQUET, other, &err), 0);
        assert_int_equal(lake_count(f->lake, "SELECT count(*) FROM things", &count, &err), 0);
        assert_int_equal(count, 1000);
    }
    assert_int_equal(pthread_join(thread, &written), 0);
    lake_close(f->beside);
    assert_ptr_equal(written, f);
    assert_int_equal(hash_file(f->path, hashes[0], &bytes, &err), 0);
    assert_int_equal(hash_file(other, hashes[1], &bytes, &err), 0);
    assert_string_equal(hashes[0], hashes[1]);
}

/* Writes sorted what does not fit into 100 MB; `scratch` takes what is spilled. */
static int write_beyond_memory(struct fixture *f, const char *scratch, struct error *err)
{
    const struct lake_options options = {.threads = 2, .memory = "100MB", .scratch = scratch};
    const struct lake_output output = {.table = &things, .order = "name, n"};
    struct arena arena = {0};
    struct batch batch;
    struct lake *lake = NULL;
    int status = lake_open(&lake, &options, err);
    batch_init(&batch, &things, &arena);
    status = status == 0 ? lake_create(lake, &things, err) : -1;
    for (int64_t i = 0; status == 0 && i < 500 * (int64_t)BATCH_ROWS; i++) {
        size_t r = batch.rows++;
        batch.values[0].text[r] = batch.values[5].text[r] =
            (struct bytes){"a name that is long enough", 26};
        batch.values[2].real[r] = (double)i / 7;
        batch.values[1].whole[r] = i * 31 % 1000003;
        batch.values[4].whole[r] = i;
        if (batch.rows == BATCH_ROWS) {
            status = lake_append(lake, &batch, err);
            batch.rows = 0;
        }
    }
    status = status == 0 ? lake_flush(lake, err) : -1;
    status = status == 0 ? lake_write(lake, &output, LAKE_CSV, under(f, "large"), err) : -1;
    lake_close(lake);
    arena_release(&arena);
    return status;
}

static void test_what_does_not_fit_into_memory_goes_to_scratch_and_goes_away(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const char *scratch = under(f, "scratch");
    if (write_beyond_memory(f, scratch, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    assert_false(fs_exists(scratch));
}

static void test_scratch_that_cannot_be_written_is_told(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const char *file = under(f, "file");
    assert_int_equal(fs_write(file, "", 0, &err), 0);
    assert_int_equal(write_beyond_memory(f, arena_printf(&f->arena, "%s/scratch", file), &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "what does not fit into memory cannot be written"));
    assert_non_null(strstr(err.text[LANG_EN], file));
    assert_non_null(strstr(err.text[LANG_FR], "ce qui dépasse la mémoire ne peut être écrit"));
    assert_null(strchr(err.text[LANG_EN], '\n'));
    assert_int_equal(err.status, ERROR_FAILED);
    assert_int_equal(write_beyond_memory(f, NULL, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "give more with --memory"));
}

static void test_a_wrong_memory_limit_is_wrong_usage(void **state)
{
    (void)state;
    struct error err;
    struct lake *lake = NULL;
    const struct lake_options options = {.memory = "lots"};
    assert_int_equal(lake_open(&lake, &options, &err), -1);
    assert_int_equal(err.status, ERROR_USAGE);
    assert_non_null(strstr(err.text[LANG_EN], "lots"));
    lake_close(lake);
}

static void test_paths_take_their_dates(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(layout_path(&f->arena, "a/run_date=D/event_date=E/Data_D.csv", 0, 1),
                        "a/run_date=1970-01-01/event_date=1970-01-02/Data_1970-01-01.csv");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lake, close_lake)
    const struct CMUnitTest tests[] = {
        TEST(test_rows_that_were_fed_come_back),
        TEST(test_distinct_rows_are_there_wherever_they_lie),
        TEST(test_bytes_depend_neither_on_threads_nor_on_the_order_of_feeding),
        TEST(test_a_table_kept_in_order_is_written_as_one_that_is_sorted_then),
        TEST(test_of_rows_alike_in_the_key_the_least_stays),
        TEST(test_written_parquet_opens_with_its_columns),
        TEST(test_a_folder_of_parts_reads_as_the_file_in_whose_place_it_is),
        TEST(test_a_table_of_an_older_version_is_told_by_the_column_that_it_lacks),
        TEST(test_a_table_of_another_shape_is_not_written),
        TEST(test_a_users_csv_is_read_as_numbers_in_order),
        TEST(test_text_where_a_number_should_be_is_named),
        TEST(test_files_of_other_kinds_are_refused),
        TEST(test_a_function_of_rows_makes_a_table),
        TEST(test_a_function_of_rows_may_give_a_text_as_well),
        TEST(test_values_are_bound_and_never_read_as_sql),
        TEST(test_the_callers_error_ends_a_stream),
        TEST(test_a_full_disk_is_one_clear_sentence),
        TEST(test_a_session_beside_writes_while_this_one_goes_on),
        TEST(test_what_does_not_fit_into_memory_goes_to_scratch_and_goes_away),
        TEST(test_scratch_that_cannot_be_written_is_told),
        TEST(test_a_wrong_memory_limit_is_wrong_usage),
        TEST(test_paths_take_their_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
