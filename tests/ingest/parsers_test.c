/* The small parsers: dates in other people's formats, numbers, UTF-8. */
#include "tests.h"

#include "base/dates.h"
#include "base/rng.h"
#include "ingest/date_format.h"
#include "ingest/number.h"
#include "ingest/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_dates_are_read_by_their_format(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text, *utc;
    } cases[] = {
        {"%d/%m/%Y %H:%M:%S", "23/11/2026 12:36:02", "2026-11-23T12:36:02"},
        {"%d.%m.%y", "1.2.69", "2069-02-01T00:00:00"},
        {"%d.%m.%y", "1.2.70", "1970-02-01T00:00:00"},
        {"%Y%m%dT%H%M%S%z", "20261123T003000+0100", "2026-11-22T23:30:00"},
        {"%Y-%m-%d %H:%M:%S.%f%z", "2026-11-23 23:30:00.123456789-01:30",
         "2026-11-24T01:00:00.123456"},
        {"%Y", "2026", "2026-01-01T00:00:00"},
        {"%m/%d/%Y%z", "02/29/2024Z", "2024-02-29T00:00:00"},
        {"%Y%%", "2026%", "2026-01-01T00:00:00"},
        {"%Y %S.%f%z", "2026 30.5Z", "2026-01-01T00:00:30.500000"},
        {"%Y %S.%f%z", "2026 30.5+01:00", "2025-12-31T23:00:30.500000"},
        {"%Y%z %m", "2026+01 05", "2026-04-30T23:00:00"},
        {"%Y%zT%m", "2026+01T05", "2026-04-30T23:00:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t micros;
        char text[TIMESTAMP_TEXT_SIZE];
        assert_true(date_format_valid(cases[i].format));
        assert_true(
            date_format_read(cases[i].format, cases[i].text, strlen(cases[i].text), &micros));
        assert_string_equal(timestamp_format(micros, text), cases[i].utc);
    }
}

static void test_texts_that_do_not_match_their_format_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text;
    } cases[] = {
        {"%d/%m/%Y", ""},
        {"%d/%m/%Y", "23/11/26"},
        {"%d/%m/%Y", "23/11/2026 "},
        {"%d/%m/%Y", " 23/11/2026"},
        {"%d/%m/%Y", "23-11-2026"},
        {"%d/%m/%Y", "30/02/2026"},
        {"%d/%m/%Y", "29/02/2026"},
        {"%d/%m/%Y", "00/01/2026"},
        {"%d/%m/%Y", "01/13/2026"},
        {"%d/%m/%Y", "01/00/2026"},
        {"%d/%m/%Y", "01/01/0000"},
        {"%Y %H", "2026 24"},
        {"%Y %M", "2026 60"},
        {"%Y %S", "2026 61"},
        {"%Y.%f", "2026."},
        {"%Y.%f", "2026.1234567890"},
        {"%Y%z", "2026"},
        {"%Y%z", "2026+1"},
        {"%Y%z", "2026+24"},
        {"%Y%z", "2026+01:"},
        {"%Y%z", "2026+01:60"},
        {"%Y%%", "2026"},
        {"%Y%%", "2026x"},
        {"%Y-", "2026"},
        {"%y", "x"},
        {"%Y %H", "2026 x"},
        {"%Y %M", "2026 x"},
        {"%Y %S", "2026 x"},
        {"%Y%z", "2026x"},
        {"%d/%m/%Y", "32/01/2026"},
        {"%d/%m/%Y", "31/04/2026"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t micros;
        assert_false(
            date_format_read(cases[i].format, cases[i].text, strlen(cases[i].text), &micros));
    }
    assert_false(date_format_valid("%d/%m"));
    assert_false(date_format_valid("%Y %"));
    assert_false(date_format_valid("%Y %b"));
}

/* A random decimal text with up to `digits` digits. */
static void write_number(struct rng *rng, char *out, size_t room)
{
    size_t digits = 1 + (size_t)rng_below(rng, 25);
    size_t point = (size_t)rng_below(rng, digits + 3);
    size_t used = 0;
    if (rng_below(rng, 2)) {
        out[used++] = '-';
    }
    for (size_t i = 0; i < digits; i++) {
        out[used++] = (char)('1' + (char)rng_below(rng, 9));
        if (i == point && i + 1 < digits) {
            out[used++] = '.';
        }
    }
    out[used] = '\0';
    if (rng_below(rng, 2)) {
        snprintf(out + used, room - used, "e%d", (int)rng_below(rng, 700) - 350);
    }
}

static void test_numbers_are_the_nearest_doubles_as_strtod_has_them(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3, 0);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        double number;
        write_number(&rng, text, sizeof text);
        const char *end = text + strlen(text);
        assert_ptr_equal(number_read(text, end, NUMBER_JSON, '.', &number), end);
        double want = strtod(text, NULL);
        assert_memory_equal(&number, &want, sizeof want);
    }
}

static void test_exponents_and_digits_may_be_many_and_the_rest_is_left(void **state)
{
    (void)state;
    char many[201] = {0};
    memset(many, '1', 200);
    const struct {
        const char *text;
        enum number_style style;
        int used; /* -1: no number begins there */
        double number;
    } cases[] = {
        {"", NUMBER_PLAIN, -1, 0},
        {"-", NUMBER_PLAIN, -1, 0},
        {"+1", NUMBER_JSON, -1, 0},
        {"+1", NUMBER_PLAIN, 2, 1},
        {"1e", NUMBER_PLAIN, -1, 0},
        {"1e+", NUMBER_PLAIN, -1, 0},
        {"1e+5", NUMBER_JSON, 4, 1e5},
        {"1E-5x", NUMBER_JSON, 4, 1e-5},
        {"1e99999999999999999999", NUMBER_JSON, 22, HUGE_VAL},
        {"1e-99999999999999999999", NUMBER_JSON, 23, 0},
        {many, NUMBER_JSON, 200, strtod(many, NULL)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        const char *end = text + strlen(text);
        const char *after = cases[i].used < 0 ? NULL : text + cases[i].used;
        double number = 0;
        print_message("%s\n", text);
        assert_ptr_equal(number_read(text, end, cases[i].style, '.', &number), after);
        assert_ptr_equal(number_read(text, end, cases[i].style, '.', NULL), after);
        assert_true(number == cases[i].number);
    }
}

static void test_a_decimal_comma_is_read_as_a_point(void **state)
{
    (void)state;
    double number;
    const char *text = "1234,5678901234567890";
    assert_non_null(number_read(text, text + strlen(text), NUMBER_PLAIN, ',', &number));
    assert_true(number == 1234.5678901234567890);
}

static void test_every_code_point_is_written_and_recognised_and_no_surrogate_is(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 0x110000; code++) {
        char bytes[4];
        size_t size = utf8_write(code, bytes);
        bool surrogate = code >= 0xd800 && code < 0xe000;
        assert_int_equal(utf8_length(bytes, bytes + size), surrogate ? 0 : size);
        assert_int_equal(utf8_length(bytes, bytes + size - 1), 0); /* cut */
    }
    char beyond[4];
    assert_int_equal(utf8_length(beyond, beyond + utf8_write(0x110000, beyond)), 0);
    assert_true(utf8_valid("12345678\xc3\xa9", 10));
    assert_false(utf8_valid("12345678\xc3", 9));
    assert_false(utf8_valid("1234567\xff", 8));
    assert_false(utf8_valid("\xe2\x82x", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates_are_read_by_their_format),
        cmocka_unit_test(test_texts_that_do_not_match_their_format_are_refused),
        cmocka_unit_test(test_numbers_are_the_nearest_doubles_as_strtod_has_them),
        cmocka_unit_test(test_exponents_and_digits_may_be_many_and_the_rest_is_left),
        cmocka_unit_test(test_a_decimal_comma_is_read_as_a_point),
        cmocka_unit_test(test_every_code_point_is_written_and_recognised_and_no_surrogate_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
