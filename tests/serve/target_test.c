/* Request targets: what comes out of them, and what is refused. */
#include "tests.h"

#include "serve/target.h"

#include <stdio.h>
#include <string.h>

/* "PATH|NAME=VALUE|..." of a target, or its fault. */
static const char *parsed(const char *text)
{
    static const char *const faults[] = {
        [TARGET_TOO_LONG] = "too long",
        [TARGET_BROKEN_ESCAPE] = "broken escape",
        [TARGET_NOT_UTF8] = "not UTF-8",
        [TARGET_TOO_MANY] = "too many",
    };
    static char copy[2 * TARGET_AT_MOST];
    static char out[4 * TARGET_AT_MOST];
    struct target target;
    size_t size = 0;
    assert_true(strlen(text) < sizeof copy);
    memcpy(copy, text, strlen(text) + 1);
    enum target_fault fault = target_parse(&target, copy);
    if (fault != TARGET_FINE) {
        return faults[fault];
    }
    size += (size_t)snprintf(out, sizeof out, "%s", target.path);
    for (size_t i = 0; i < target.count; i++) {
        size += (size_t)snprintf(out + size, sizeof out - size, "|%s=%s", target.parameters[i].name,
                                 target.parameters[i].value);
    }
    return out;
}

static void test_targets_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"/", "/"},
        {"", ""},
        {"/a?", "/a"},
        {"/a?b", "/a|b="},
        {"/a?b=", "/a|b="},
        {"/a?=c", "/a|=c"},
        {"/a?b=c&d=e", "/a|b=c|d=e"},
        {"/a?&&b=c&", "/a|b=c"},
        {"/a?b=c=d", "/a|b=c=d"},
        {"/a?b=c+d%20e%2Bf", "/a|b=c d e+f"},
        {"/a+b", "/a+b"},
        {"/a%2Fb%3Fc", "/a/b?c"},
        {"/%C3%A9?%c3%a9=%E2%82%AC", "/é|é=€"},
        {"/a?b=c#d&e=f", "/a|b=c"},
        {"/a#b?c=d", "/a"},
        {"/a?b=%26%3D%25", "/a|b=&=%"},
        {"/../../etc/passwd", "/../../etc/passwd"}, /* a name like any other, that nothing has */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(parsed(cases[i].text), cases[i].expected);
    }
}

static void test_broken_targets_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"/%", "broken escape"},         {"/%4", "broken escape"},   {"/a?b=%zz", "broken escape"},
        {"/a?b=%00", "broken escape"},   {"/%00", "broken escape"},  {"/a?b%=c", "broken escape"},
        {"/a?b=%ff", "not UTF-8"},       {"/a?%c3=b", "not UTF-8"},  {"/%c0%af", "not UTF-8"},
        {"/a?b=%ed%a0%80", "not UTF-8"}, {"/a?b=\xff", "not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(parsed(cases[i].text), cases[i].expected);
    }
}

static void test_long_targets_and_many_parameters_are_refused(void **state)
{
    (void)state;
    char text[TARGET_AT_MOST + 2];
    memset(text, 'a', sizeof text);
    text[0] = '/';
    text[TARGET_AT_MOST + 1] = '\0';
    assert_string_equal(parsed(text), "too long");
    text[TARGET_AT_MOST] = '\0';
    assert_string_equal(parsed(text), text);
    size_t size = (size_t)snprintf(text, sizeof text, "/?");
    for (int i = 0; i < PARAMETERS_AT_MOST; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "a=%d&", i);
    }
    assert_string_not_equal(parsed(text), "too many");
    (void)snprintf(text + size, sizeof text - size, "b");
    assert_string_equal(parsed(text), "too many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets_are_taken_apart),
        cmocka_unit_test(test_broken_targets_are_refused),
        cmocka_unit_test(test_long_targets_and_many_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
