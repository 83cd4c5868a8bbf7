/* The quick reader of messages against the general one: what the quick one takes, the general one
 * takes with the same values and without a reason; and it takes what it is made for. */
#include "tests.h"

#include "base/arena.h"
#include "base/rng.h"
#include "ingest/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1024, LONG_NAME = 40 };

/* Names of all lengths about those that the quick reader guesses, and some that it must not guess;
 * slot 2 has none. */
static const char *const names[] = {
    "vin",
    "timestamp",
    NULL,
    "a",
    "abcde",
    "abcdef",
    "temp_moteur",
    "abcdefghijklm",
    "abcdefghijklmn",
    "pression_injection",
    "abcdefghijklmnopqrstu",
    "abcdefghijklmnopqrstuv",
    "a\"b",
    "a\\b",
    "\xc3\xa9t\xc3\xa9",
    "",
};
enum { NAMES = sizeof names / sizeof *names };

struct fixture {
    struct json_names names;
    struct raw_value quick[BATCH_COLUMNS], general[BATCH_COLUMNS];
    struct reasons reasons;
};

static void init(struct fixture *f)
{
    *f = (struct fixture){.names.count = NAMES};
    for (size_t i = 0; i < NAMES; i++) {
        if (names[i]) {
            json_names_put(&f->names, i, names[i], names[i]);
        }
    }
}

static void check_same(const struct fixture *f)
{
    for (size_t i = 0; i < f->names.count; i++) {
        const struct raw_value *quick = &f->quick[i], *general = &f->general[i];
        assert_int_equal(quick->kind, general->kind);
        if (quick->kind == RAW_NUMBER) {
            assert_memory_equal(&quick->number, &general->number, sizeof quick->number);
        } else if (quick->kind == RAW_TEXT) {
            assert_ptr_equal(quick->text.data, general->text.data);
            assert_int_equal(quick->text.size, general->text.size);
        }
    }
}

/* Reads the text by both, in memory that ends behind the zeros; true when the quick one took it. */
static bool read_both(struct fixture *f, const char *bytes, size_t size)
{
    char *text = xcalloc(size + JSON_SLACK, 1), *scratch = xcalloc(size + 1, 1);
    memcpy(text, bytes, size);
    const char *end = text + size, *after = NULL;
    const char *quick = json_read_quick(text, end, &f->names, f->quick);
    if (quick) {
        struct json_text json = {.start = text, .end = end, .scratch = scratch};
        assert_in_range((uintptr_t)quick, (uintptr_t)text + 1, (uintptr_t)end);
        assert_null(memchr(text, '\n', (size_t)(quick - text)));
        f->reasons = (struct reasons){0};
        enum json_status status = json_read(&json, &f->names, f->general, &f->reasons, &after);
        assert_int_equal(status, JSON_OK);
        assert_int_equal(f->reasons.size, 0);
        assert_ptr_equal(after, quick);
        check_same(f);
    }
    free(scratch);
    free(text);
    return quick != NULL;
}

static bool takes(struct fixture *f, const char *text)
{
    return read_both(f, text, strlen(text));
}

static void test_a_plain_message_is_taken_and_no_beginning_of_it(void **state)
{
    static const char text[] =
        "{\"vin\": \"VIN-000001\", \"timestamp\": \"2026-11-23T12:00:00\", \"temp_moteur\": 86.242,"
        " \"abcde\": -99, \"pression_injection\": null, \"a\": true, \"abcdef\" : false , "
        "\"unknown\": \"x\", \"other\": 1e5, \"abcdefghijklmnopqrstuv\":0.5}";
    struct fixture f;
    (void)state;
    init(&f);
    assert_true(takes(&f, text));
    assert_int_equal(f.quick[0].text.size, 10);
    assert_true(f.quick[0].plain);
    assert_true(f.quick[6].number == 86.242 && f.quick[4].number == -99);
    assert_int_equal(f.quick[2].kind, RAW_MISSING);
    for (size_t size = 0; size < sizeof text - 1; size++) {
        assert_false(read_both(&f, text, size));
    }
}

static void test_what_is_not_written_plainly_is_left_to_the_general_reader(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "[]",
        "{}",
        "{ }",
        "1",
        "\"a\"",
        "null",
        "{",
        "{{",
        "{\"vin\"",
        "{\"vin\":",
        "{\"vin\":}",
        "{\"vin\" \"a\"}",
        "{\"vin\":\"a\",}",
        "{,\"vin\":\"a\"}",
        "{vin:1}",
        "{\"vin\":\"a\"]",
        "{\"vin\":\"a\" \"a\":1}",
        "{\"vin\":\"a\\n\"}",
        "{\"vin\":\"\xc3\xa9\"}",
        "{\"vin\":\"a\nb\"}",
        "{\"vin\":\"a\x01\"}",
        "{\"v\\u0069n\":\"a\"}",
        "{\"vin\":[]}",
        "{\"vin\":{}}",
        "{\"x\":[1]}",
        "{\"vin\":1,\"vin\":2}",
        "{\"vin\":null,\"vin\":2}",
        "{\n\"vin\":1}",
        "{\"vin\":\t1}",
        "{\"vin\":1\r}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1.2.3}",
        "{\"a\":1e}",
        "{\"a\":-01.5}",
        "{\"a\":0x1}",
        "{\"a\":1-2}",
        "{\"a\":nul}",
        "{\"a\":nullx}",
        "{\"a\":tru}",
        "{\"a\":fals}",
        "{\"a\":NaN}",
        "{\"a\":truefalse}",
        "{\"a\":1 2}",
        "{'a':1}",
    };
    struct fixture f;
    (void)state;
    init(&f);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(takes(&f, texts[i]));
    }
    assert_true(takes(&f, "  { \"vin\" : \"a\" , \"x\" : 1 } behind it"));
    assert_true(takes(&f, "{\"x\":1,\"x\":2}")); /* nobody looks for it */
}

static void test_names_are_found_in_any_order_and_of_any_length(void **state)
{
    struct fixture f;
    char text[ROOM];
    (void)state;
    init(&f);
    for (size_t i = 0; i < NAMES; i++) {
        for (size_t k = 0; k < NAMES; k++) {
            if (!names[i] || !names[k] || i == k || strpbrk(names[i], "\"\\\xc3") ||
                strpbrk(names[k], "\"\\\xc3")) {
                continue;
            }
            snprintf(text, sizeof text, "{\"%s\":1,\"%s\":2}", names[i], names[k]);
            assert_true(takes(&f, text));
            assert_true(f.quick[i].number == 1 && f.quick[k].number == 2);
        }
    }
    for (size_t size = 0; size < LONG_NAME; size++) { /* the same name but for one letter */
        struct fixture one = {.names.count = 1};
        char name[LONG_NAME] = {0};
        memset(name, 'x', size);
        json_names_put(&one.names, 0, name, name);
        for (size_t i = 0; i <= size; i++) {
            snprintf(text, sizeof text, "{\"%s\":1}", name);
            text[2 + i] = i < size ? 'y' : text[2 + i];
            assert_true(takes(&one, text));
            assert_int_equal(one.quick[0].kind, i < size ? RAW_MISSING : RAW_NUMBER);
        }
    }
}

static void test_no_names_and_no_first_name_are_no_trouble(void **state)
{
    struct fixture none = {0}, second = {.names.count = 2};
    (void)state;
    assert_true(takes(&none, "{\"vin\":1}"));
    json_names_put(&second.names, 1, "vin", "vin");
    assert_true(takes(&second, "{\"a\":1,\"vin\":2,\"b\":3}"));
    assert_true(second.quick[1].number == 2);
}

static void test_texts_end_at_their_quote_and_at_nothing_else(void **state)
{
    enum { LONGEST = 40 };
    struct fixture f;
    (void)state;
    init(&f);
    for (size_t size = 0; size <= LONGEST; size++) {
        char text[ROOM], inner[LONGEST + 1] = {0};
        memset(inner, '~', size);
        snprintf(text, sizeof text, "{\"vin\":\"%s\",\"a\":1}", inner);
        assert_true(takes(&f, text));
        assert_int_equal(f.quick[0].text.size, size);
        for (size_t at = 0; at < size; at++) {
            for (int c = 1; c < 256; c++) {
                bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
                text[8 + at] = (char)c;
                assert_int_equal(takes(&f, text), plain);
            }
            text[8 + at] = '~';
        }
    }
}

/* A number as `whole` digits, a point and `fraction` digits; sometimes with an exponent. */
static void write_number(struct rng *rng, char *out, size_t whole, size_t fraction)
{
    size_t used = 0;
    if (rng_below(rng, 3) == 0) {
        out[used++] = '-';
    }
    for (size_t i = 0; i < whole; i++) {
        out[used++] = (char)('0' + (char)rng_below(rng, 10));
    }
    for (size_t i = 0; i <= fraction && fraction > 0; i++) {
        out[used++] = i == 0 ? '.' : (char)('0' + (char)rng_below(rng, 10));
    }
    snprintf(out + used, 16, "%s", rng_below(rng, 8) ? "" : rng_below(rng, 2) ? "e3" : "E-05");
}

static void test_numbers_are_those_of_the_general_reader_to_the_bit(void **state)
{
    struct fixture f;
    struct rng rng;
    size_t taken = 0;
    (void)state;
    init(&f);
    rng_init(&rng, 5, 0);
    for (size_t round = 0; round < 200000; round++) {
        char text[ROOM], number[64];
        write_number(&rng, number, round % 11, round / 11 % 9);
        snprintf(text, sizeof text, "{\"a\":%s%s}", number, round % 2 ? "" : " ");
        bool good = takes(&f, text);
        const char *digits = number + (*number == '-');
        bool grammar = round % 11 > 0 && (round % 11 == 1 || *digits != '0');
        assert_int_equal(good, grammar); /* all that are numbers, however long */
        assert_true(!good || f.quick[3].number == strtod(number, NULL));
        taken += good;
    }
    assert_true(taken > 100000);
}

/* Changes some bytes of a message; most of the results are broken somewhere. */
static void test_damaged_messages_are_never_taken_otherwise_than_by_the_general_reader(void **state)
{
    static const char signs[] = "{}[]:,\"\\ \n\t\r019.-+eEntfulsx\x00\x01\x7f\xc3\xa9\xff";
    struct fixture f;
    struct rng rng;
    size_t taken = 0;
    (void)state;
    init(&f);
    rng_init(&rng, 6, 0);
    for (int round = 0; round < 300000; round++) {
        char text[] = "{\"vin\": \"VIN-1\", \"timestamp\":\"2026-11-23T12:00:00\", \"a\": 8.25, "
                      "\"temp_moteur\":-12345.5,\"abcdef\":null, \"n\":false,\"abcde\":12e1}";
        size_t changes = rng_below(&rng, 4);
        for (size_t i = 0; i < changes; i++) {
            text[rng_below(&rng, sizeof text - 1)] = signs[rng_below(&rng, sizeof signs - 1)];
        }
        taken += read_both(&f, text, sizeof text - 1 - (rng_below(&rng, 4) == 0));
    }
    assert_true(taken > 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_message_is_taken_and_no_beginning_of_it),
        cmocka_unit_test(test_what_is_not_written_plainly_is_left_to_the_general_reader),
        cmocka_unit_test(test_names_are_found_in_any_order_and_of_any_length),
        cmocka_unit_test(test_no_names_and_no_first_name_are_no_trouble),
        cmocka_unit_test(test_texts_end_at_their_quote_and_at_nothing_else),
        cmocka_unit_test(test_numbers_are_those_of_the_general_reader_to_the_bit),
        cmocka_unit_test(
            test_damaged_messages_are_never_taken_otherwise_than_by_the_general_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
