/* What the documentation shows is what the program does: the examples of every document, its links,
 * the data catalogue, the pictures. */
#include "tests.h"

#include "docs/console.h"
#include "support/run.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS_AT_MOST = 64, DOCUMENT_BYTES_AT_MOST = 1 << 22 };

static struct arena arena;

static const char *source(void)
{
    const char *path = getenv("AUTOSTREAM_SOURCE");
    return path != NULL ? path : ".";
}

static const char *read_text(const char *name)
{
    struct bytes text;
    struct error err;
    const char *path = arena_printf(&arena, "%s/%s", source(), name);
    if (fs_read(path, DOCUMENT_BYTES_AT_MOST, &arena, &text, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return text.data;
}

/* The folder of the program under test. */
static const char *bin(void)
{
    const char *program = getenv("AUTOSTREAM_BIN");
    assert_non_null(program);
    char *folder = arena_strdup(&arena, program);
    *strrchr(folder, '/') = '\0';
    return folder;
}

static void examples_print_what_is_shown(void **state)
{
    const char *name = *state;
    size_t commands = 0;
    const char *complaint = console_check(&arena, name, read_text(name), bin(), &commands);
    if (complaint != NULL) {
        fail_msg("%s\n%s", name, complaint);
    }
    print_message("%s: %zu commands print what it shows\n", name, commands);
}

/* The target of the next relative link "](TARGET)", without its #fragment; NULL: no more. */
static const char *next_link(const char **text)
{
    while ((*text = strstr(*text, "](")) != NULL) {
        *text += 2;
        size_t length = strcspn(*text, ")#\n");
        const char *target = arena_copy(&arena, *text, length);
        if (length > 0 && strstr(target, "://") == NULL) {
            return target;
        }
    }
    return NULL;
}

static void links_lead_somewhere(void **state)
{
    const char *name = *state;
    const char *text = read_text(name);
    const char *folder = strchr(name, '/') != NULL ? "docs/" : "";
    for (const char *link; (link = next_link(&text)) != NULL;) {
        if (!fs_exists(arena_printf(&arena, "%s/%s%s", source(), folder, link))) {
            fail_msg("%s links to %s, which is not there", name, link);
        }
    }
}

static void assert_is_catalogue(const char *name, const char *lang)
{
    const char *printed = assert_cli_works(&arena, "--lang", lang, "catalog", NULL);
    if (strcmp(printed, read_text(name)) != 0) {
        fail_msg("%s is not what the program prints; to write it anew, in the source folder:\n"
                 "  build/autostream --lang %s catalog > %s",
                 name, lang, name);
    }
}

static void test_data_catalogue_is_what_the_program_prints(void **state)
{
    (void)state;
    assert_is_catalogue("docs/data_catalog.md", "en");
    assert_is_catalogue("docs/data_catalog.fr.md", "fr");
}

static void test_pictures_show_what_the_program_prints(void **state)
{
    (void)state;
    char *folder = temp_folder(&arena);
    const char *const env[] = {arena_printf(&arena, "AUTOSTREAM=%s", getenv("AUTOSTREAM_BIN")),
                               NULL};
    const char *const argv[] = {arena_printf(&arena, "%s/script/picture", source()), folder, NULL};
    const struct program_options options = {.env = env};
    struct program_result result;
    run_program(&arena, &result, argv, &options);
    if (result.status != 0) {
        fail_msg("script/picture: exit status %d: %s", result.status, result.err);
    }
    static const char *const names[] = {"top.en.svg", "top.fr.svg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bytes drawn;
        struct error err;
        const char *path = arena_printf(&arena, "%s/%s", folder, names[i]);
        assert_int_equal(fs_read(path, DOCUMENT_BYTES_AT_MOST, &arena, &drawn, &err), 0);
        if (strcmp(drawn.data, read_text(arena_printf(&arena, "docs/images/%s", names[i]))) != 0) {
            fail_msg("docs/images/%s does not show what the program prints; script/picture draws "
                     "it anew",
                     names[i]);
        }
    }
    temp_folder_remove(folder);
}

/* README, and every document in docs/; names are owned by the arena. */
static size_t find_documents(char *names[])
{
    static const char *const always[] = {"README.md", "README.fr.md", "CONTRIBUTING.md"};
    size_t count = 0;
    for (; count < sizeof always / sizeof *always; count++) {
        names[count] = arena_strdup(&arena, always[count]);
    }
    char **found;
    size_t found_count;
    struct error err;
    if (fs_list(arena_printf(&arena, "%s/docs", source()), &arena, &found, &found_count, &err) !=
        0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    for (size_t i = 0; i < found_count && count < DOCUMENTS_AT_MOST; i++) {
        size_t length = strlen(found[i]);
        if (length > 3 && strcmp(found[i] + length - 3, ".md") == 0) {
            names[count++] = arena_printf(&arena, "docs/%s", found[i]);
        }
    }
    return count;
}

int main(void)
{
    char *names[DOCUMENTS_AT_MOST];
    size_t documents = find_documents(names);
    struct CMUnitTest tests[2 * DOCUMENTS_AT_MOST + 2] = {
        cmocka_unit_test(test_data_catalogue_is_what_the_program_prints),
        cmocka_unit_test(test_pictures_show_what_the_program_prints)};
    size_t count = 2;
    for (size_t i = 0; i < documents; i++) {
        tests[count++] = (struct CMUnitTest){
            .name = arena_printf(&arena, "test_examples_of_%s_print_what_it_shows", names[i]),
            .test_func = examples_print_what_is_shown,
            .initial_state = names[i]};
        tests[count++] = (struct CMUnitTest){
            .name = arena_printf(&arena, "test_links_of_%s_lead_somewhere", names[i]),
            .test_func = links_lead_somewhere,
            .initial_state = names[i]};
    }
    int failed = _cmocka_run_group_tests("docs", tests, count, NULL, NULL);
    arena_release(&arena);
    return failed;
}
