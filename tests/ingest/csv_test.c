/* CSV files with a header: what is read, what is refused, what is an error. */
#include "harness.h"

static const struct column service_columns[] = {{"vin", COLUMN_TEXT},
                                                {"date_last_revis", COLUMN_DATE},
                                                {"type", COLUMN_TEXT},
                                                {"km_derniere_revis", COLUMN_WHOLE}};
static const struct table service_table = {"maintenance", service_columns, 4};
static const struct record_field service_fields[] = {
    {{"vin", COLUMN_TEXT}, true, 0, 0, -1, false, 0},
    {{"date_last_revis", COLUMN_DATE}, false, 10957, 20781, -1, false, 0},
    {{"type", COLUMN_TEXT}, false, 0, 0, -1, false, 0},
    {{"km_derniere_revis", COLUMN_WHOLE}, false, 0, 5e6, -1, false, 0},
};
static const struct record_spec service_spec = {&service_table, service_fields, 4};

#define HEAD "vin,date_last_revis,type,km_derniere_revis\n"

/* Reads a CSV file of this content; rows and rejects joined by '\n'. */
static void expect_csv(struct harness *h, const char *text, const char *rows, const char *rejects)
{
    print_message("%s\n", text);
    h->options.spec = &service_spec;
    put(h, "a.csv", text);
    assert_int_equal(read_again(h, "a.csv"), 0);
    char *got = arena_strdup(&h->arena, "");
    for (size_t i = 0; i < h->line_count; i++) {
        got = arena_printf(&h->arena, "%s%s%s", got, i > 0 ? "\n" : "", h->lines[i]);
    }
    assert_string_equal(got, rows);
    got = arena_strdup(&h->arena, "");
    for (size_t i = 0; i < h->reject_count; i++) {
        got = arena_printf(&h->arena, "%s%s%s", got, i > 0 ? "\n" : "", h->rejects[i] + 6);
    }
    assert_string_equal(got, rejects);
}

static void test_rows_are_read_as_RFC_4180_has_them(void **state)
{
    struct harness *h = *state;
    expect_csv(h, HEAD "A,2026-01-31,Freins,120\nB,,,\n", "A|20484|Freins|120\nB|-|-|-", "");
    expect_csv(h, HEAD "A,2026-01-31,Freins,120", "A|20484|Freins|120", "");
    expect_csv(h, "\xef\xbb\xbfvin,date_last_revis,type,km_derniere_revis\r\nA,,,1\r\nB,,,2\r\n",
               "A|-|-|1\nB|-|-|2", "");
    expect_csv(h, "x,km_derniere_revis,type,y,vin,date_last_revis\n0,5,,1,A,\n", "A|-|-|5", "");
    expect_csv(h, HEAD "\"A,\"\"1\"\"\nB\",\"\",\"Fr\",\"7\"\r\n", "A,\"1\"\nB|-|Fr|7", "");
    expect_csv(h, "\"vin\",\"date_last_revis\",\"type\",\"km_derniere_revis\"\nA,,,\"\"\n",
               "A|-|-|-", "");
    expect_csv(h, HEAD, "", "");
}

static void test_numbers_in_CSV_are_strict_decimal_texts(void **state)
{
    struct harness *h = *state;
    expect_csv(h, HEAD "A,,,1e3\nB,,,+7\nC,,,007\nD,,,1.5\nE,,,2.\nF,,,.5\n",
               "A|-|-|1000\nB|-|-|7\nC|-|-|7\nD|-|-|2\nE|-|-|2\nF|-|-|1", "");
    static const char *const bad[] = {"nan",  "NaN", "inf", "Infinity", "0x10", "1,5", "1 000",
                                      " 1",   "1 ",  "1e",  "--1",      ".",    "e5",  "vrai",
                                      "NULL", "1_0", "+",   "1.2.3",    "٣"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect_csv(h, arena_printf(&h->arena, HEAD "A,,,\"%s\"\n", bad[i]), "",
                   "43 not_a_number:km_derniere_revis");
    }
}

static void test_rows_may_have_any_number_of_columns_and_blanks_to_be_trimmed(void **state)
{
    static const char json[] =
        "{\"format\":\"csv\",\"trim\":true,\"trailing_delimiter\":true,\"fields\":{\"vin\":\"v\","
        "\"date_last_revis\":\"d\",\"type\":\"t\",\"km_derniere_revis\":\"k\"}}";
    struct harness *h = *state;
    char *more = arena_alloc(&h->arena, 201, 1);
    memset(more, ',', 200);
    const char *path = arena_printf(&h->arena, "%s/map.json", h->root);
    assert_int_equal(fs_write(path, json, sizeof json - 1, &h->err), 0);
    struct ingest_map *map = ingest_map_read(path, &service_spec, &h->err);
    assert_non_null(map);
    h->options.map = map;
    expect_csv(
        h, arena_printf(&h->arena, "v, d\t,\tt ,k%s\nA,, \t\"Pneus\"\t ,\t7 \t%s\n", more, more),
        "A|-|Pneus|7", "");
    expect_csv(h, "v,d,t,k\nA,,,1,\nB,,,2,x\nC,,,3,", "A|-|-|1\nC|-|-|3", "15 row_shape");
    expect_csv(h, "v,d,t,k\nA,,,\t", "A|-|-|-", "");
    ingest_map_free(map);
}

static void test_bad_rows_are_refused_with_every_reason_and_the_next_is_read(void **state)
{
    struct harness *h = *state;
    expect_csv(h, HEAD ",2026-02-30,,x\nB,,,\n", "B|-|-|-",
               "43 missing:vin|unreadable:date_last_revis|not_a_number:km_derniere_revis");
    expect_csv(h, HEAD "A,1999-12-31,,-5\nB,,,\n", "B|-|-|-",
               "43 impossible:date_last_revis|impossible:km_derniere_revis");
    expect_csv(h, HEAD "A,,\nB,,,\n", "B|-|-|-", "43 row_shape");
    expect_csv(h, HEAD "A,,,,\nB,,,\n", "B|-|-|-", "43 row_shape");
    expect_csv(h, HEAD "\nB,,,\n", "B|-|-|-", "43 row_shape");
    expect_csv(h, HEAD "A\"x,,,\nB,,,\n", "B|-|-|-", "43 row_shape");
    expect_csv(h, HEAD "\"A\"x,,,\nB,,,\n", "B|-|-|-", "43 row_shape");
    expect_csv(h, HEAD "\"A,,,\nB,,,\nC,,,\n", "B|-|-|-\nC|-|-|-", "43 row_shape");
    expect_csv(h, HEAD "A,,,\nB,,\"x", "A|-|-|-", "48 row_shape");
    expect_csv(h, HEAD "\xff,,,\nB,,,\n", "B|-|-|-", "43 bad_utf8:vin");
}

static void test_a_long_row_is_refused_and_the_next_is_read(void **state)
{
    struct harness *h = *state;
    char *filler = arena_alloc(&h->arena, 400001, 1);
    memset(filler, 'x', 400000);
    h->options.record_limit = 60;
    expect_csv(h, arena_printf(&h->arena, HEAD "A,,%.62s,\nB,,,\n", filler), "B|-|-|-",
               "43 too_long"); /* it has room all the same */
    expect_csv(h, arena_printf(&h->arena, HEAD "A,,%s,\nB,,,\n", filler), "B|-|-|-", "43 too_long");
    expect_csv(h, arena_printf(&h->arena, HEAD "A,,\"%s\",\nB,,,\n", filler), "B|-|-|-",
               "43 too_long");
    expect_csv(h, arena_printf(&h->arena, HEAD "A,,\"\n%s\",\nB,,,\n", filler), "B|-|-|-",
               "43 row_shape\n48 too_long");
}

static void test_a_missing_or_doubled_column_is_an_error_that_names_it(void **state)
{
    struct harness *h = *state;
    h->options.spec = &service_spec;
    static const struct {
        const char *text, *named;
    } cases[] = {
        {"vin,date_last_revis,km_derniere_revis\nA,,\n", "type"},
        {"vin;date_last_revis;type;km_derniere_revis\n", "vin"},
        {"vin,vin,date_last_revis,type,km_derniere_revis\n", "twice"},
        {"", "empty"},
        {"\xef\xbb\xbf", "empty"},
        {"\"vin,date_last_revis,type,km_derniere_revis\n", "quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(h, "a.csv", cases[i].text);
        assert_int_equal(read_again(h, "a.csv"), -1);
        assert_non_null(strstr(h->err.text[LANG_EN], "in/a.csv"));
        assert_non_null(strstr(h->err.text[LANG_EN], cases[i].named));
    }
    assert_int_equal(fs_remove_tree(in_path(h, "a.csv"), &h->err), 0);
    assert_int_equal(read_again(h, "a.csv"), -1);
    assert_non_null(strstr(h->err.text[LANG_EN], "no file"));
    assert_int_equal(mkdir(in_path(h, "a.csv"), 0777), 0);
    assert_int_equal(read_again(h, "a.csv"), -1);
    assert_non_null(strstr(h->err.text[LANG_EN], "no file"));
    assert_int_equal(rmdir(in_path(h, "a.csv")), 0);
    assert_int_equal(mkfifo(in_path(h, "a.csv"), 0666), 0);
    assert_int_equal(read_again(h, "a.csv"), -1);
    assert_non_null(strstr(h->err.text[LANG_EN], "(not a file)"));
    assert_int_equal(unlink(in_path(h, "a.csv")), 0);
    assert_int_equal(symlink("nowhere", in_path(h, "a.csv")), 0);
    assert_int_equal(read_again(h, "a.csv"), -1);
    assert_non_null(strstr(h->err.text[LANG_EN], "No such file"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_rows_are_read_as_RFC_4180_has_them),
        CASE(test_numbers_in_CSV_are_strict_decimal_texts),
        CASE(test_rows_may_have_any_number_of_columns_and_blanks_to_be_trimmed),
        CASE(test_bad_rows_are_refused_with_every_reason_and_the_next_is_read),
        CASE(test_a_long_row_is_refused_and_the_next_is_read),
        CASE(test_a_missing_or_doubled_column_is_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
