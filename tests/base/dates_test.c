/* Calendar arithmetic and the readers of dates and instants, with their malformed inputs. */
#include "tests.h"

#include "base/dates.h"
#include "base/rng.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void test_every_day_of_four_centuries_converts_and_comes_back(void **state)
{
    (void)state;
    int32_t first = date_from_civil(1800, 1, 1);
    int32_t last = date_from_civil(2200, 12, 31);
    for (int32_t date = first; date <= last; date++) {
        char text[DATE_TEXT_SIZE];
        int32_t back;
        assert_true(date_parse(date_format(date, text), 10, &back));
        assert_int_equal(back, date);
    }
    assert_int_equal(date_from_civil(1970, 1, 1), 0);
    assert_int_equal(date_from_civil(2026, 11, 23), 20780);
}

static void test_dates_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00",
                                      "2026-04-31", "0000-01-01", "2026/01/01", "2026-1-01",
                                      "2026-01-1",  "+026-01-01", "",           "2026-01-01 "};
    int32_t date;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(date_parse(bad[i], strlen(bad[i]), &date));
    }
    assert_true(date_parse("2024-02-29", 10, &date));
}

static void test_instants_are_read_in_utc(void **state)
{
    (void)state;
    static const struct {
        const char *text, *utc;
    } cases[] = {
        {"2026-11-23T12:36:02.281132", "2026-11-23T12:36:02.281132"},
        {"2026-11-23 12:36", "2026-11-23T12:36:00"},
        {"2026-11-23", "2026-11-23T00:00:00"},
        {"2026-11-23T12:36:02Z", "2026-11-23T12:36:02"},
        {"2026-11-23T00:30:00+01:00", "2026-11-22T23:30:00"},
        {"2026-11-23T23:30:00-0130", "2026-11-24T01:00:00"},
        {"2026-11-23T23:30:00+02", "2026-11-23T21:30:00"},
        {"2026-11-23T12:36:02.5", "2026-11-23T12:36:02.500000"},
        {"2026-11-23T12:36:02,1234569Z", "2026-11-23T12:36:02.123456"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00"},
        {"1969-12-31T23:59:59.999999", "1969-12-31T23:59:59.999999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t micros;
        char text[TIMESTAMP_TEXT_SIZE];
        assert_true(timestamp_parse(cases[i].text, strlen(cases[i].text), &micros));
        assert_string_equal(timestamp_format(micros, text), cases[i].utc);
    }
}

static void test_malformed_instants_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "hier",
        "2026-11-23T",
        "2026-11-23T12",
        "2026-11-23T12:",
        "2026-11-23T12:3",
        "2026-11-23T24:00:00",
        "2026-11-23T12:60:00",
        "2026-11-23T12:00:61",
        "2026-11-23T12:00:0",
        "2026-11-23T12:00:00.",
        "2026-11-23T12:00:00+",
        "2026-11-23T12:00:00+1",
        "2026-11-23T12:00:00+01:",
        "2026-11-23T12:00:00+01:0",
        "2026-11-23T12:00:00+24:00",
        "2026-11-23T12:00:00ZZ",
        "2026-11-23T12:00:00 Z",
        "2026-11-23X12:00:00",
        "1764000000",
        "23/11/2026 12:00",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t micros;
        assert_false(timestamp_parse(bad[i], strlen(bad[i]), &micros));
    }
}

static void test_the_date_of_an_instant_before_1970_is_the_day_it_lies_in(void **state)
{
    (void)state;
    assert_int_equal(timestamp_date(-1), -1);
    assert_int_equal(timestamp_date(0), 0);
    assert_int_equal(timestamp_date(-MICROS_PER_DAY), -1);
}

/* A 'Z' more, and it is the general reader's. */
static void test_instants_of_the_usual_form_are_read_as_the_same_in_longer_form(void **state)
{
    static const char signs[] = "0123456789-:T tZ./\xff\x80\x00";
    size_t good = 0;
    struct rng rng;
    (void)state;
    rng_init(&rng, 4, 0);
    for (int round = 0; round < 400000; round++) {
        char text[64];
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)rng_below(&rng, 9999),
                 (int)rng_below(&rng, 14), (int)rng_below(&rng, 33), (int)rng_below(&rng, 25),
                 (int)rng_below(&rng, 61), (int)rng_below(&rng, 62));
        if (round % 2) {
            text[rng_below(&rng, 19)] = signs[rng_below(&rng, sizeof signs - 1)];
        }
        int64_t usual = 0, longer = 0;
        bool read = timestamp_parse(text, 19, &usual);
        if (text[16] != ':') { /* "12:00+05" */
            continue;
        }
        assert_int_equal(read, timestamp_parse(text, 20, &longer));
        assert_int_equal(usual, longer);
        good += read;
    }
    assert_true(good > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day_of_four_centuries_converts_and_comes_back),
        cmocka_unit_test(test_dates_that_do_not_exist_are_refused),
        cmocka_unit_test(test_instants_are_read_in_utc),
        cmocka_unit_test(test_malformed_instants_are_refused),
        cmocka_unit_test(test_instants_of_the_usual_form_are_read_as_the_same_in_longer_form),
        cmocka_unit_test(test_the_date_of_an_instant_before_1970_is_the_day_it_lies_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
