/* Who may ask: names that we answer to, tokens, addresses to listen on. */
#include "tests.h"

#include "serve/guard.h"
#include "serve/listen.h"

#include <string.h>
#include <unistd.h>

static const char token[] = "0123456789abcdef-TOKEN";

static void test_only_our_names_are_answered(void **state)
{
    (void)state;
    struct guard guard;
    static const struct {
        const char *host;
        bool ours;
    } cases[] = {
        {"localhost", true},
        {"localhost:8501", true},
        {"LOCALHOST:1", true},
        {"127.0.0.1:8501", true},
        {"[::1]:8501", true},
        {"[::1]", true},
        {"192.168.1.20:80", true},
        {"flotte.example", true},
        {"Atelier.example:443", true},
        {"evil.example", false},
        {"flotte.example.evil", false},
        {"example", false},
        {"localhost.evil", false},
        {"127.0.0.1.evil.example", false},
        {"", false},
        {"localhost:80evil", false},
        {"localhost:80:90", false},
        {"[::1", false},
        {"[::1]evil", false},
        {"[localhost]", false},
        {":8501", false},
        {"1.2.3", false},
        {NULL, false},
    };
    guard_init(&guard, "flotte.example,atelier.example", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (guard_host(&guard, cases[i].host) != cases[i].ours) {
            fail_msg("Host: %s", cases[i].host ? cases[i].host : "(none)");
        }
    }
}

static void test_a_token_passes_by_header_or_cookie(void **state)
{
    (void)state;
    struct guard guard;
    static const struct {
        const char *authorization, *cookies;
        bool passes;
    } cases[] = {
        {"Bearer 0123456789abcdef-TOKEN", NULL, true},
        {"bearer 0123456789abcdef-TOKEN", NULL, true},
        {NULL, "autostream=0123456789abcdef-TOKEN", true},
        {NULL, "a=b; autostream=0123456789abcdef-TOKEN; c=d", true},
        {NULL, "autostream=wrong; autostream=0123456789abcdef-TOKEN", true},
        {NULL, NULL, false},
        {"", "", false},
        {"Bearer ", NULL, false},
        {"Bearer 0123456789abcdef-TOKE", NULL, false},
        {"Bearer 0123456789abcdef-TOKENN", NULL, false},
        {"Basic 0123456789abcdef-TOKEN", NULL, false},
        {"0123456789abcdef-TOKEN", NULL, false},
        {NULL, "other=0123456789abcdef-TOKEN", false},
        {NULL, "autostream=", false},
        {NULL, "autostream", false},
        {NULL, "xautostream=0123456789abcdef-TOKEN", false},
    };
    guard_init(&guard, NULL, token);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (guard_request(&guard, cases[i].authorization, cases[i].cookies) != cases[i].passes) {
            fail_msg("%s, %s", cases[i].authorization, cases[i].cookies);
        }
    }
    char wide[2000]; /* longer than any token: no more than refused */
    memset(wide, 'x', sizeof wide);
    memcpy(wide, "autostream=", 11);
    wide[sizeof wide - 1] = '\0';
    assert_false(guard_request(&guard, NULL, wide));
}

static void test_without_a_token_everybody_passes_and_no_token_is_right(void **state)
{
    (void)state;
    struct guard guard;
    guard_init(&guard, NULL, NULL);
    assert_true(guard_request(&guard, NULL, NULL));
    assert_false(guard_token(&guard, ""));
}

static void test_listening_tells_where(void **state)
{
    (void)state;
    struct listener first;
    struct listener second;
    struct error err;
    assert_int_equal(listener_open(&first, NULL, 0, false, &err), 0);
    assert_string_equal(first.address, "127.0.0.1");
    assert_true(first.loopback);
    assert_true(first.port > 0);
    assert_int_equal(listener_open(&second, "localhost", first.port, false, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "is taken"));
    assert_non_null(strstr(err.text[LANG_EN], "is free: autostream serve --port "));
    assert_int_equal(listener_open(&second, "127.0.0.1", first.port, true, &err), 0);
    assert_true(second.port > first.port);
    (void)close(second.socket);
    (void)close(first.socket);
    assert_int_equal(listener_open(&first, "0.0.0.0", 0, false, &err), 0);
    assert_false(first.loopback);
    (void)close(first.socket);
}

static void test_what_is_no_address_of_ours_is_refused(void **state)
{
    (void)state;
    struct listener listener;
    struct error err;
    assert_int_equal(listener_open(&listener, "example.com", 0, false, &err), -1);
    assert_int_equal(err.status, ERROR_USAGE);
    assert_int_equal(listener_open(&listener, "203.0.113.1", 0, false, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "203.0.113.1, port 0: cannot listen"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_our_names_are_answered),
        cmocka_unit_test(test_a_token_passes_by_header_or_cookie),
        cmocka_unit_test(test_without_a_token_everybody_passes_and_no_token_is_right),
        cmocka_unit_test(test_listening_tells_where),
        cmocka_unit_test(test_what_is_no_address_of_ours_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
