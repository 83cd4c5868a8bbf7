/* The option parser: values at their limits, what is refused and how it says so. */
#include "tests.h"

#include "cli/options.h"

#include "base/dates.h"

#include <string.h>

struct values {
    bool json;
    const char *data, *memory;
    uint64_t count;
    double rate;
    int32_t date;
    int engine;
};

static const struct option_spec specs[] = {
    {.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct values, json)},
    {.name = "data",
     .letter = 'd',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct values, data),
     .fallback = "data"},
    {.name = "memory", .kind = OPTION_SIZE, .offset = offsetof(struct values, memory)},
    {.name = "count",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, count),
     .low = 1,
     .high = 50,
     .fallback = "7"},
    {.name = "rate", .kind = OPTION_RATE, .offset = offsetof(struct values, rate)},
    {.name = "date", .kind = OPTION_DATE, .offset = offsetof(struct values, date)},
    {.name = "engine",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct values, engine),
     .choices = "duckdb|spark"},
};
static const struct option_table table = OPTION_TABLE(specs);

enum { ARGUMENTS_AT_MOST = 12 };

/* Parses words ended by NULL behind a program name. */
static int parse(const char *const words[], bool stop, struct values *values, int *next,
                 struct error *err)
{
    static char texts[ARGUMENTS_AT_MOST][64];
    static char program[] = "autostream";
    char *argv[ARGUMENTS_AT_MOST + 2] = {program};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++) {
        assert_true(argc <= ARGUMENTS_AT_MOST && strlen(words[argc - 1]) < sizeof texts[0]);
        argv[argc] = memcpy(texts[argc - 1], words[argc - 1], strlen(words[argc - 1]) + 1);
    }
    *values = (struct values){0};
    options_default(&table, values);
    return options_parse(&table, 1, stop, argc, argv, values, next, err);
}

static int parse_one(const char *word, struct values *values, struct error *err)
{
    int next;
    const char *const words[] = {word, NULL};
    return parse(words, false, values, &next, err);
}

static void test_defaults_stand_where_nothing_is_given(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    int next;
    const char *const words[] = {NULL};
    assert_int_equal(parse(words, true, &values, &next, &err), 0);
    assert_string_equal(values.data, "data");
    assert_int_equal(values.count, 7);
    assert_false(values.json);
    assert_int_equal(next, 1);
}

static void test_options_stop_at_the_command_when_asked(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    int next;
    const char *const words[] = {"--json", "-d", "lake", "run", "--count", "3", NULL};
    assert_int_equal(parse(words, true, &values, &next, &err), 0);
    assert_int_equal(next, 4);
    assert_true(values.json);
    assert_string_equal(values.data, "lake");
    assert_int_equal(values.count, 7);
}

static void test_options_may_stand_behind_operands_otherwise(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    int next;
    const char *const words[] = {"VIN-1", "--count=3", NULL};
    assert_int_equal(parse(words, false, &values, &next, &err), 0);
    assert_int_equal(values.count, 3);
    assert_int_equal(next, 2); /* the operand was moved to the end */
}

static void test_the_last_of_equal_options_wins(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    int next;
    const char *const words[] = {"--count", "3", "--count", "4", NULL};
    assert_int_equal(parse(words, false, &values, &next, &err), 0);
    assert_int_equal(values.count, 4);
}

static void test_values_at_their_limits_are_read(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    assert_int_equal(parse_one("--count=1", &values, &err), 0);
    assert_int_equal(values.count, 1);
    assert_int_equal(parse_one("--count=50", &values, &err), 0);
    assert_int_equal(values.count, 50);
    assert_int_equal(parse_one("--rate=0", &values, &err), 0);
    assert_true(values.rate == 0);
    assert_int_equal(parse_one("--rate=100%", &values, &err), 0);
    assert_true(values.rate == 1);
    assert_int_equal(parse_one("--rate=.5", &values, &err), 0);
    assert_true(values.rate == 0.5);
    assert_int_equal(parse_one("--date=2026-11-23", &values, &err), 0);
    assert_int_equal(values.date, date_from_civil(2026, 11, 23));
    assert_int_equal(parse_one("--engine=spark", &values, &err), 0);
    assert_int_equal(values.engine, 1);
    assert_int_equal(parse_one("--memory=1.5GiB", &values, &err), 0);
    assert_string_equal(values.memory, "1.5GiB");
}

static void test_values_that_mean_nothing_are_wrong_usage_and_named(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "--count=0",
        "--count=51",
        "--count=",
        "--count=-1",
        "--count=+1",
        "--count= 1",
        "--count=1 ",
        "--count=1e1",
        "--count=0x10",
        "--count=1.0",
        "--count=99999999999999999999999",
        "--count=douze",
        "--rate=1.01",
        "--rate=101%",
        "--rate=-0.1",
        "--rate=nan",
        "--rate=inf",
        "--rate=",
        "--rate=%",
        "--rate=0,05",
        "--rate=1e-2",
        "--rate=.",
        "--rate=5%%",
        "--date=2026-13-01",
        "--date=2026-02-29",
        "--date=hier",
        "--date=",
        "--date=2026-11-23T00",
        "--engine=duck",
        "--engine=",
        "--engine=duckdb|",
        "--engine=Spark",
        "--memory=2",
        "--memory=GB",
        "--memory=0GB",
        "--memory=-2GB",
        "--memory=2 GB",
        "--memory=2GBx",
        "--memory=80%",
        "--data=",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct values values;
        struct error err = {.status = ERROR_FAILED};
        char name[16] = "";
        assert_int_equal(parse_one(bad[i], &values, &err), -1);
        assert_int_equal(err.status, ERROR_USAGE);
        (void)strncat(name, bad[i], strcspn(bad[i], "="));
        assert_non_null(strstr(err.text[LANG_EN], name));
        assert_non_null(strstr(err.text[LANG_FR], name));
    }
}

static void test_a_date_that_does_not_exist_is_told_with_an_example(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    assert_int_equal(parse_one("--date=2026-13-01", &values, &err), -1);
    assert_string_equal(
        err.text[LANG_EN],
        "--date 2026-13-01: there is no such date; write YYYY-MM-DD, for example 2026-11-23");
}

static void test_an_unknown_option_brings_the_closest_name(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *says;
    } cases[] = {
        {"--jsno", "unknown option: --jsno; did you mean --json?"},
        {"--cuont=3", "unknown option: --cuont; did you mean --count?"},
        {"--zebra", "unknown option: --zebra"},
        {"-x", "unknown option: -x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct values values;
        struct error err;
        assert_int_equal(parse_one(cases[i].typed, &values, &err), -1);
        assert_string_equal(err.text[LANG_EN], cases[i].says);
    }
}

static void test_a_very_long_unknown_option_is_refused_without_a_guess(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    const char *name = "--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_int_equal(parse_one(name, &values, &err), -1);
    assert_null(strstr(err.text[LANG_EN], "did you mean"));
}

static void test_a_missing_value_and_a_value_too_many_are_told(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    assert_int_equal(parse_one("--count", &values, &err), -1);
    assert_string_equal(err.text[LANG_EN], "--count: the value is missing");
    assert_int_equal(parse_one("-d", &values, &err), -1);
    assert_string_equal(err.text[LANG_EN], "--data: the value is missing");
    assert_int_equal(parse_one("--json=3", &values, &err), -1);
    assert_string_equal(err.text[LANG_EN], "--json takes no value");
}

static void test_control_characters_of_a_value_do_not_reach_the_terminal(void **state)
{
    (void)state;
    struct values values;
    struct error err;
    assert_int_equal(parse_one("--count=\033[2J", &values, &err), -1);
    assert_null(strchr(err.text[LANG_EN], '\033'));
    assert_non_null(strstr(err.text[LANG_EN], "\\x1b[2J"));
}

static void test_the_closest_word_is_near_or_there_is_none(void **state)
{
    (void)state;
    static const char *const words[] = {"generate", "train", "run", "top", "quality"};
    size_t count = sizeof words / sizeof *words;
    assert_string_equal(closest_word("trian", words, count), "train");
    assert_string_equal(closest_word("qualty", words, count), "quality");
    assert_string_equal(closest_word("gen", words, count), "generate");
    assert_string_equal(closest_word("runn", words, count), "run");
    assert_null(closest_word("fly", words, count));
    assert_null(closest_word("", words, count));
    assert_null(closest_word("r", words, count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_stand_where_nothing_is_given),
        cmocka_unit_test(test_options_stop_at_the_command_when_asked),
        cmocka_unit_test(test_options_may_stand_behind_operands_otherwise),
        cmocka_unit_test(test_the_last_of_equal_options_wins),
        cmocka_unit_test(test_values_at_their_limits_are_read),
        cmocka_unit_test(test_values_that_mean_nothing_are_wrong_usage_and_named),
        cmocka_unit_test(test_a_date_that_does_not_exist_is_told_with_an_example),
        cmocka_unit_test(test_an_unknown_option_brings_the_closest_name),
        cmocka_unit_test(test_a_very_long_unknown_option_is_refused_without_a_guess),
        cmocka_unit_test(test_a_missing_value_and_a_value_too_many_are_told),
        cmocka_unit_test(test_control_characters_of_a_value_do_not_reach_the_terminal),
        cmocka_unit_test(test_the_closest_word_is_near_or_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
