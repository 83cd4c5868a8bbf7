/* The checker of documents can fail: planted documents, right and wrong. */
#include "tests.h"

#include "docs/console.h"

#include <string.h>

static struct arena arena;

static const char *check(const char *text)
{
    size_t commands = 0;
    return console_check(&arena, "planted.md", text, "/nowhere", &commands);
}

static void assert_complains(const char *text, const char *says)
{
    const char *complaint = check(text);
    assert_non_null(complaint);
    if (strstr(complaint, says) == NULL) {
        fail_msg("\"%s\" is not in: %s", says, complaint);
    }
}

static void test_right_document_passes(void **state)
{
    (void)state;
    assert_null(check("# Title\n\n```console\n$ echo one; echo two >&2\none\ntwo\n```\n"));
}

static void test_wrong_output_is_shown_with_document_and_line(void **state)
{
    (void)state;
    const char *text = "# Title\n\n```console\n$ printf 'one\\ntwo\\n'\none\n2\n```\n";
    assert_complains(text, "planted.md:4: $ printf");
    assert_complains(text, "planted.md:6:\n- shown:   2\n+ printed: two\n");
}

static void test_missing_and_surplus_lines_are_wrong(void **state)
{
    (void)state;
    assert_complains("```console\n$ echo one\n```\n", "- shown:   (no more lines)\n+ printed: one");
    assert_complains("```console\n$ true\none\n```\n", "- shown:   one\n+ printed: (no more");
}

static void test_failing_command_is_wrong_unless_its_status_is_asked(void **state)
{
    (void)state;
    assert_complains("```console\n$ false\n```\n", "failed with exit status 1");
    assert_null(check("```console\n$ (exit 3)\n$ echo $?\n3\n```\n"));
    assert_complains("```console\n$ (exit 3)\n$ echo $?\n2\n```\n", "+ printed: 3");
}

static void test_command_that_ends_the_shell_is_wrong(void **state)
{
    (void)state;
    assert_complains("```console\n$ exit 0\n$ echo one\none\n```\n", "the shell ended here");
    assert_complains("```console\n$ echo 'open\n```\n", "the shell ended here");
}

static void test_dots_stand_for_any_lines(void **state)
{
    (void)state;
    assert_null(check("```console\n$ seq 9\n1\n...\n5\n...\n9\n```\n"));
    assert_null(check("```console\n$ seq 2\n1\n...\n2\n```\n"));
    assert_complains("```console\n$ seq 9\n1\n...\n5\n...\n8\n```\n", "(no more lines)");
    assert_complains("```console\n$ seq 9\n...\n5\n4\n...\n```\n", "- shown:   4");
}

static void test_durations_may_differ_and_nothing_else(void **state)
{
    (void)state;
    assert_true(console_same_line("Time 0.13 s (silver 0.01)", "Time 12.40 s (silver 9.99)"));
    assert_true(console_same_line("Temps 0,13 s (or 0,01)", "Temps 0,40 s (or 0,02)"));
    assert_false(console_same_line("Time 0.13 s, 50 rows", "Time 0.13 s, 51 rows"));
    assert_false(console_same_line("F1 0.98", "F1 0.97"));
    assert_false(console_same_line("0.10 silver", "0.20 silver"));
}

static void test_folder_and_variables_last_from_one_command_to_the_next(void **state)
{
    (void)state;
    assert_null(check("```console\n$ mkdir a && cd a && export B=c\n```\n\n"
                      "```console\n$ basename \"$PWD\"; echo $B\na\nc\n```\n"));
}

static void test_command_may_go_on_in_the_next_line(void **state)
{
    (void)state;
    assert_null(check("```console\n$ echo one \\\n    two\none two\n```\n"));
}

static void test_other_blocks_are_not_run(void **state)
{
    (void)state;
    assert_null(check("```sh\n$ false\n```\n\n```\n$ false\n```\n\n$ false\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_document_passes),
        cmocka_unit_test(test_wrong_output_is_shown_with_document_and_line),
        cmocka_unit_test(test_missing_and_surplus_lines_are_wrong),
        cmocka_unit_test(test_failing_command_is_wrong_unless_its_status_is_asked),
        cmocka_unit_test(test_command_that_ends_the_shell_is_wrong),
        cmocka_unit_test(test_dots_stand_for_any_lines),
        cmocka_unit_test(test_durations_may_differ_and_nothing_else),
        cmocka_unit_test(test_folder_and_variables_last_from_one_command_to_the_next),
        cmocka_unit_test(test_command_may_go_on_in_the_next_line),
        cmocka_unit_test(test_other_blocks_are_not_run),
    };
    int failed = cmocka_run_group_tests_name("docs/console", tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
