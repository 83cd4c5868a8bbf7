/* Texts and numbers for people: width, cutting, wrapping, escaping, both number formats. */
#include "tests.h"

#include "cli/words.h"

#include <math.h>
#include <string.h>

static struct arena arena;

static void test_width_counts_characters_and_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(words_width(""), 0);
    assert_int_equal(words_width("Pièce à tête"), 12);
    assert_int_equal(words_width("e\xcc\x81"), 1); /* combining acute accent */
    assert_int_equal(words_width("12\xe2\x80\xaf"
                                 "250"),
                     6);                              /* narrow no-break space */
    assert_int_equal(words_width("\xe8\xbb\x8a"), 2); /* wide */
    assert_int_equal(words_width("a\xff\xc3"), 3);    /* not UTF-8: a column a byte */
}

static void test_cutting_keeps_whole_characters_and_shows_that_it_cut(void **state)
{
    (void)state;
    assert_string_equal(words_cut(&arena, "été", 3), "été");
    assert_string_equal(words_cut(&arena, "étés", 3), "ét…");
    assert_string_equal(words_cut(&arena, "ab", 1), "…");
    assert_string_equal(words_cut(&arena, "\xe8\xbb\x8a\xe8\xbb\x8a", 3), "\xe8\xbb\x8a…");
}

static void test_what_would_upset_a_terminal_is_escaped(void **state)
{
    (void)state;
    assert_string_equal(words_clean(&arena, "VIN-751007é"), "VIN-751007é");
    assert_string_equal(words_clean(&arena, "\033[2J\n\x7f"), "\\x1b[2J\\x0a\\x7f");
    assert_string_equal(words_clean(&arena, "\xc2\x9b"), "\\u{009b}");
    assert_string_equal(words_clean(&arena, "a\xe2\x80\xae"), "a\\u{202e}");
    assert_string_equal(words_clean(&arena, "\xf3\xa0\x80\x81"), "\\u{e0001}");
    assert_string_equal(words_clean(&arena, "\xff\xed\xa0\x80\xc0\x80\xe2\x80"),
                        "\\xff\\xed\\xa0\\x80\\xc0\\x80\\xe2\\x80");
}

static void assert_wraps(const char *text, size_t width, const char *const lines[])
{
    struct bytes line;
    size_t i = 0;
    for (; words_wrap(&text, width, &line); i++) {
        assert_non_null(lines[i]);
        assert_string_equal(arena_copy(&arena, line.data, line.size), lines[i]);
    }
    assert_null(lines[i]);
}

static void test_lines_break_at_spaces_but_not_before_french_punctuation(void **state)
{
    (void)state;
    const char *const lines[] = {"Rien à", "faire : au", "revoir", NULL};
    assert_wraps("Rien à faire : au revoir", 10, lines);
    const char *const whole[] = {"un deux trois", NULL};
    assert_wraps("un deux trois", 0, whole);
    assert_wraps("un deux trois", 13, whole);
    const char *const none[] = {NULL};
    assert_wraps("", 10, none);
    assert_wraps("   ", 10, none);
}

static void test_a_word_wider_than_the_line_is_cut(void **state)
{
    (void)state;
    const char *const four[] = {"abcd", "efgh", "ij", "kl", NULL};
    assert_wraps("abcdefghij kl", 4, four);
    const char *const wide[] = {"\xe8\xbb\x8a", "\xe8\xbb\x8a", NULL};
    assert_wraps("\xe8\xbb\x8a\xe8\xbb\x8a", 1, wide); /* wider than the line itself: goes on */
}

static void test_whole_numbers_are_grouped_by_language(void **state)
{
    (void)state;
    assert_string_equal(words_whole(&arena, LANG_EN, 0), "0");
    assert_string_equal(words_whole(&arena, LANG_EN, 999), "999");
    assert_string_equal(words_whole(&arena, LANG_EN, 12250), "12,250");
    assert_string_equal(words_whole(&arena, LANG_FR, 1234567), "1\xe2\x80\xaf"
                                                               "234\xe2\x80\xaf"
                                                               "567");
    assert_string_equal(words_whole(&arena, LANG_EN, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void test_real_numbers_take_the_decimal_mark_of_the_language(void **state)
{
    (void)state;
    assert_string_equal(words_real(&arena, LANG_FR, 0.25, 2), "0,25");
    assert_string_equal(words_real(&arena, LANG_EN, -1234.5, 1), "-1,234.5");
    assert_string_equal(words_real(&arena, LANG_EN, 12249.6, 0), "12,250");
    assert_string_equal(words_real(&arena, LANG_EN, -0.001, 2), "0.00");
    assert_string_equal(words_real(&arena, LANG_EN, NAN, 2), "–");
    assert_string_equal(words_real(&arena, LANG_EN, -INFINITY, 2), "–");
    assert_int_equal(strlen(words_real(&arena, LANG_EN, 1e308, 0)), 309 + 102);
}

static void test_percentages_follow_the_language(void **state)
{
    (void)state;
    assert_string_equal(words_percent(&arena, LANG_EN, 0.875, 1), "87.5%");
    assert_string_equal(words_percent(&arena, LANG_FR, 0.875, 1), "87,5\xe2\x80\xaf%");
    assert_string_equal(words_percent(&arena, LANG_FR, NAN, 1), "–");
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width_counts_characters_and_not_bytes),
        cmocka_unit_test(test_cutting_keeps_whole_characters_and_shows_that_it_cut),
        cmocka_unit_test(test_what_would_upset_a_terminal_is_escaped),
        cmocka_unit_test(test_lines_break_at_spaces_but_not_before_french_punctuation),
        cmocka_unit_test(test_a_word_wider_than_the_line_is_cut),
        cmocka_unit_test(test_whole_numbers_are_grouped_by_language),
        cmocka_unit_test(test_real_numbers_take_the_decimal_mark_of_the_language),
        cmocka_unit_test(test_percentages_follow_the_language),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
