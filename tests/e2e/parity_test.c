/* What `autostream parity --with` calls the same, and what not: on two lakes that differ in one
 * thing. That both engines make the same is tests/spark/parity_test.c. */
#include "e2e/e2e.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

#define CSV "gold/reporting_final.csv"

/* A second lake, the same as the test's. */
static const char *copy_of(struct e2e *e)
{
    struct program_result copied;
    const char *copy = arena_printf(&e->arena, "%s/other", e->folder);
    const char *const argv[] = {"cp", "-r", e->data, copy, NULL};
    run_program(&e->arena, &copied, argv, NULL);
    assert_int_equal(copied.status, 0);
    return copy;
}

/* The report of comparing with `other`, which must (not) be the same. */
static const char *compare(struct e2e *e, const char *other, bool same)
{
    struct program_result result = e2e_run(e, "--json", "parity", "--with", other, NULL);
    if (result.status != (same ? 0 : 1)) {
        fail_msg("exit status %d: %s%s", result.status, result.out, result.err);
    }
    return result.out;
}

static void test_a_lake_is_the_same_as_its_copy(void **state)
{
    struct e2e *e = *state;
    const char *other = copy_of(e);
    assert_int_equal(e2e_number(e, compare(e, other, true), "differing"), 0);
    assert_non_null(strstr(e2e_works(e, "--lang", "fr", "parity", "--with", other, NULL), "Égal"));
    e2e_assert_untouched(e);
}

/* Text of gold's CSV up to and behind the first vehicle's mean temperature. */
struct first_number {
    const char *text, *cell;
    int before, size;
};

static struct first_number find_number(struct e2e *e)
{
    struct first_number n = {.text = e2e_text(e, CSV)};
    n.cell = strchr(strchr(n.text, '\n'), ',') + 1;
    n.before = (int)(n.cell - n.text);
    n.size = (int)strcspn(n.cell, ",");
    assert_non_null(memchr(n.cell, '.', (size_t)n.size));
    return n;
}

static void write_other(struct e2e *e, const char *other, const char *text)
{
    struct error err;
    const char *path = arena_printf(&e->arena, "%s/" CSV, other);
    assert_int_equal(fs_write(path, text, strlen(text), &err), 0);
}

static void test_numbers_within_1e_9_are_the_same_and_others_are_not(void **state)
{
    struct e2e *e = *state;
    const char *other = copy_of(e);
    struct first_number n = find_number(e);
    double value = strtod(n.cell, NULL);
    static const struct {
        double more; /* for each unit of the number */
        bool same;
    } cases[] = {{0, true}, {0.9e-9, true}, {-0.9e-9, true}, {1.1e-9, false}, {-0.01, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_other(e, other,
                    arena_printf(&e->arena, "%.*s%.17g%s", n.before, n.text,
                                 value * (1 + cases[i].more), n.cell + n.size));
        (void)compare(e, other, cases[i].same);
    }
    write_other(e, other, arena_printf(&e->arena, "%.*sx%s", n.before, n.text, n.cell + n.size));
    (void)compare(e, other, false);
}

static void test_a_missing_value_is_not_the_same_as_a_number(void **state)
{
    struct e2e *e = *state;
    const char *other = copy_of(e);
    struct first_number n = find_number(e);
    write_other(e, other, arena_printf(&e->arena, "%.*s%s", n.before, n.text, n.cell + n.size));
    const char *report = compare(e, other, false);
    assert_int_equal(e2e_number(e, report, "differing"), 1);
    struct program_result told = e2e_run(e, "--lang", "en", "parity", "--with", other, NULL);
    assert_non_null(strstr(told.out, CSV ": rows that differ: 1, the first:"));
    assert_non_null(strstr(told.err, "1 tables or counts differ"));
}

static void test_the_order_and_the_number_of_rows_count(void **state)
{
    struct e2e *e = *state;
    const char *other = copy_of(e);
    const char *text = e2e_text(e, CSV);
    const char *one = strchr(text, '\n') + 1;
    const char *two = strchr(one, '\n') + 1;
    const char *three = strchr(two, '\n') + 1;
    write_other(e, other,
                arena_printf(&e->arena, "%.*s%.*s%.*s%s", (int)(one - text), text,
                             (int)(three - two), two, (int)(two - one), one, three));
    (void)compare(e, other, false);
    write_other(e, other, arena_printf(&e->arena, "%.*s%s", (int)(one - text), text, two));
    (void)compare(e, other, false);
}

static void test_a_column_or_a_file_that_is_missing_is_told(void **state)
{
    struct e2e *e = *state;
    const char *other = copy_of(e);
    const char *text = e2e_text(e, CSV);
    write_other(e, other, arena_printf(&e->arena, "x%s", text));
    assert_non_null(strstr(compare(e, other, false), "\"columns_differ\": true"));
    struct error err;
    assert_int_equal(fs_remove_tree(arena_printf(&e->arena, "%s/" CSV, other), &err), 0);
    assert_non_null(strstr(compare(e, other, false), "\"missing\": true"));
}

static void test_two_lakes_without_results_are_no_match(void **state)
{
    struct e2e *e = *state;
    e2e_fails(e, 1, "no results for", "parity", "--with", e->folder, "--run-date", "2020-01-01",
              NULL);
    e2e_fails(e, 1, "no raw data", "parity", "--run-date", "2020-01-01", NULL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, e2e_setup, e2e_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_lake_is_the_same_as_its_copy),
        TEST(test_numbers_within_1e_9_are_the_same_and_others_are_not),
        TEST(test_a_missing_value_is_not_the_same_as_a_number),
        TEST(test_the_order_and_the_number_of_rows_count),
        TEST(test_a_column_or_a_file_that_is_missing_is_told),
        TEST(test_two_lakes_without_results_are_no_match),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
