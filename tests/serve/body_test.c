/* Answers' text: JSON that another reader understands, numbers that read back the same. */
#include "tests.h"

#include "base/rng.h"
#include "serve/body.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a body holds, as text; the body is released. */
static char *finish(struct body *body)
{
    body_bytes(body, "", 1);
    char *text = body->data;
    *body = (struct body){0};
    return text;
}

static void assert_text(struct body *body, const char *expected)
{
    char *text = finish(body);
    assert_string_equal(text, expected);
    free(text);
}

static void test_commas_stand_between_values(void **state)
{
    (void)state;
    struct body body = {0};
    body_open(&body, '{');
    body_put_string(&body, "vin", "V1");
    body_key(&body, "counts");
    body_open(&body, '[');
    body_whole(&body, -3);
    body_whole(&body, INT64_MIN);
    body_open(&body, '{');
    body_close(&body, '}');
    body_close(&body, ']');
    body_put_null(&body, "empty");
    body_put_bool(&body, "yes", true);
    body_put_date(&body, "date", 0);
    body_put_words(&body, "label", &(struct text)TEXT("Freins", "Brakes"));
    body_close(&body, '}');
    assert_text(&body, "{\"vin\":\"V1\",\"counts\":[-3,-9223372036854775808,{}],\"empty\":null,"
                       "\"yes\":true,\"date\":\"1970-01-01\","
                       "\"label\":{\"fr\":\"Freins\",\"en\":\"Brakes\"}}");
}

static void test_strings_are_escaped_and_broken_bytes_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "\"\""},
        {"a\"b\\c\n\t\x01\x1f", "\"a\\\"b\\\\c\\n\\t\\u0001\\u001f\""},
        {"\x7f", "\"\\u007f\""},
        {"é€\xf0\x9f\x9a\x97", "\"é€\xf0\x9f\x9a\x97\""},
        {"a\xff"
         "b",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xc3", "\"\xef\xbf\xbd\""},
        {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* overlong */
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* surrogate */
        {NULL, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct body body = {0};
        body_string(&body, cases[i].text);
        assert_text(&body, cases[i].expected);
    }
}

static void test_numbers_are_the_shortest(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *expected;
    } cases[] = {
        {0, "0"},
        {-0.5, "-0.5"},
        {0.1, "0.1"},
        {0.96, "0.96"},
        {1e6, "1000000"},
        {123456.789, "123456.789"},
        {1e-7, "1e-07"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {1e22, "1e+22"},
        {NAN, "null"},
        {-INFINITY, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct body body = {0};
        body_real(&body, cases[i].value);
        assert_text(&body, cases[i].expected);
    }
}

static void test_numbers_read_back_the_same(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7, 0);
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = rng_next(&rng);
        double value;
        if (i % 2 == 0) {
            memcpy(&value, &bits, sizeof value);
        } else {
            value = (double)(int64_t)(bits >> 30) / 1e6 * (i % 4 == 1 ? 1 : -1);
        }
        if (!isfinite(value)) {
            continue;
        }
        struct body body = {0};
        body_real(&body, value);
        char *text = finish(&body);
        assert_true(strtod(text, NULL) == value);
        free(text);
    }
}

static void test_long_texts_grow_the_body(void **state)
{
    (void)state;
    struct body body = {0};
    char *wide = malloc(5001);
    assert_non_null(wide);
    memset(wide, 'x', 5000);
    wide[5000] = '\0';
    for (int i = 0; i < 100; i++) {
        body_printf(&body, "%s%d", wide, i % 10);
    }
    assert_int_equal(body.size, 100 * 5001);
    assert_memory_equal(body.data + 99 * 5001, wide, 5000);
    assert_int_equal(body.data[body.size - 1], '9');
    body_decimal(&body, 2.5, ',');
    assert_memory_equal(body.data + body.size - 3, "2,5", 3);
    body_release(&body);
    assert_int_equal(body.size, 0);
    free(wide);
}

static void test_numbers_are_as_short_as_printf_can_make_them(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 9, 0);
    for (size_t i = 0; i < 100000; i++) {
        struct body body = {0};
        char shortest[40];
        double value = (double)(int64_t)rng_next(&rng) / pow(2, (double)(20 + rng_below(&rng, 52)));
        value = i % 3 == 0 ? (double)rng_below(&rng, 1000000) / 1e4 / 3 + 60 : value;
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(shortest, sizeof shortest, "%.*g", digits, value);
            if (strtod(shortest, NULL) == value) {
                break;
            }
        }
        body_decimal(&body, value, '.');
        if (!strchr(shortest, 'e')) {
            assert_text(&body, shortest);
        }
        body_release(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas_stand_between_values),
        cmocka_unit_test(test_strings_are_escaped_and_broken_bytes_replaced),
        cmocka_unit_test(test_numbers_are_the_shortest),
        cmocka_unit_test(test_numbers_read_back_the_same),
        cmocka_unit_test(test_long_texts_grow_the_body),
        cmocka_unit_test(test_numbers_are_as_short_as_printf_can_make_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
