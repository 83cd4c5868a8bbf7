/* Headers that choose the form of an answer, and the cache that keeps answers. */
#include "tests.h"

#include "serve/answer.h"
#include "serve/cache.h"

#include <stdio.h>
#include <string.h>

static void test_accept_encoding_is_read_as_rfc_9110_says(void **state)
{
    (void)state;
    static const struct {
        const char *header, *coding;
        bool accepted;
    } cases[] = {
        {"gzip, deflate, br", "br", true},
        {"gzip, deflate, br", "gzip", true},
        {"GZIP", "gzip", true},
        {"gzip;q=0", "gzip", false},
        {"gzip;q=0.0, br", "gzip", false},
        {"gzip; q=0.5", "gzip", true},
        {"*", "gzip", true},
        {"*;q=0", "gzip", false},
        {"*;q=0, gzip", "gzip", true},
        {"gzip;q=0, *", "gzip", false},
        {"br", "gzip", false},
        {"xgzip", "gzip", false},
        {"gzipx", "gzip", false},
        {"identity", "gzip", false},
        {"", "gzip", false},
        {",,;,", "gzip", false},
        {NULL, "gzip", false},
        {"gzip;q=", "gzip", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (accepts_coding(cases[i].header, cases[i].coding) != cases[i].accepted) {
            fail_msg("Accept-Encoding: %s, %s", cases[i].header, cases[i].coding);
        }
    }
}

static void test_if_none_match_is_read_as_rfc_9110_says(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool named;
    } cases[] = {
        {"\"abc\"", true},
        {"W/\"abc\"", true},
        {"\"x\", \"abc\"", true},
        {"\"x\",W/\"abc\",", true},
        {"*", true},
        {"\"abcd\"", false},
        {"abc", false},
        {"\"ab\"", false},
        {"", false},
        {NULL, false},
        {", ,", false},
        {"\"abc-gz\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (names_etag(cases[i].header, "\"abc\"") != cases[i].named) {
            fail_msg("If-None-Match: %s", cases[i].header);
        }
    }
}

static struct answer *answer_of(size_t size)
{
    const struct answer_options options = {.mime = "text/plain"};
    struct body body = {0};
    memset(body_reserve(&body, size), 'x', size);
    body.size = size;
    return answer_new(&body, &options);
}

static void test_the_cache_gives_back_what_it_was_given(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    struct answer *one = answer_of(10);
    struct answer *two = answer_of(20);
    cache_add(cache, "a\0b", 3, one);
    cache_add(cache, "a\0c", 3, two);
    cache_add(cache, "a\0b", 3, two); /* is there already */
    struct answer *found = cache_find(cache, "a\0b", 3);
    assert_ptr_equal(found, one);
    answer_drop(found);
    found = cache_find(cache, "a\0c", 3);
    assert_ptr_equal(found, two);
    answer_drop(found);
    assert_null(cache_find(cache, "a", 1));
    answer_drop(one);
    answer_drop(two);
    cache_free(cache);
}

static void test_the_cache_forgets_what_was_asked_longest_ago(void **state)
{
    (void)state;
    enum { MEGABYTE = 1 << 20, MANY = 40 };
    struct cache *cache = cache_new();
    char key[16];
    for (int i = 0; i < MANY; i++) {
        struct answer *answer = answer_of(MEGABYTE);
        cache_add(cache, key, (size_t)snprintf(key, sizeof key, "%d", i), answer);
        answer_drop(answer);
        answer_drop(cache_find(cache, "0", 1)); /* the first one stays in use */
    }
    struct answer *kept = cache_find(cache, "0", 1);
    assert_non_null(kept);
    answer_drop(kept);
    assert_null(cache_find(cache, "1", 1));
    kept = cache_find(cache, "39", 2);
    assert_non_null(kept);
    answer_drop(kept);
    cache_free(cache);
}

static void test_an_answer_too_large_for_the_cache_is_passed_over(void **state)
{
    (void)state;
    struct cache *cache = cache_new();
    struct answer *large = answer_of(8 << 20);
    cache_add(cache, "large", 5, large);
    assert_null(cache_find(cache, "large", 5));
    answer_drop(large);
    cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_encoding_is_read_as_rfc_9110_says),
        cmocka_unit_test(test_if_none_match_is_read_as_rfc_9110_says),
        cmocka_unit_test(test_the_cache_gives_back_what_it_was_given),
        cmocka_unit_test(test_the_cache_forgets_what_was_asked_longest_ago),
        cmocka_unit_test(test_an_answer_too_large_for_the_cache_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
