/* Pages embedded from a small folder (tests/serve/web): what is found by which path, with which
 * type and forms. */
#include "tests.h"

#include "serve/pages.h"

#include <string.h>

static const struct asset *asset_of(const char *path)
{
    for (size_t i = 0; i < asset_count; i++) {
        if (strcmp(assets[i].path, path) == 0) {
            return &assets[i];
        }
    }
    fail_msg("no %s", path);
    return NULL;
}

static void assert_form(const struct asset *asset, enum coding form, const char *text, size_t size)
{
    if (text == NULL) {
        assert_null(asset->begin[form]);
        return;
    }
    assert_int_equal(asset->end[form] - asset->begin[form], size);
    assert_memory_equal(asset->begin[form], text, size);
}

#define FORM(asset, form, text) assert_form(asset, form, text, sizeof(text) - 1)

static void test_files_are_embedded_byte_by_byte_with_their_forms(void **state)
{
    (void)state;
    const struct asset *index = asset_of("/index.html");
    FORM(index, CODING_PLAIN, "<!doctype html><title>fixture</title>\n");
    FORM(index, CODING_GZIP, "as gzip");
    FORM(index, CODING_BROTLI, "as brotli");
    const struct asset *script = asset_of("/assets/app-1a2b.js");
    FORM(script, CODING_GZIP, "as gzip");
    assert_form(script, CODING_BROTLI, NULL, 0);
    FORM(asset_of("/assets/logo.png"), CODING_PLAIN, "\211PNG\0\1");
    assert_int_equal(asset_count, 4); /* forms are no files of their own */
    assert_int_equal(strlen(index->etag), 32);
    assert_string_not_equal(index->etag, script->etag);
}

static void test_types_follow_the_names(void **state)
{
    (void)state;
    assert_string_equal(asset_of("/index.html")->mime, "text/html; charset=utf-8");
    assert_string_equal(asset_of("/assets/app-1a2b.js")->mime, "text/javascript; charset=utf-8");
    assert_string_equal(asset_of("/assets/app-3c4d.css")->mime, "text/css; charset=utf-8");
    assert_string_equal(asset_of("/assets/logo.png")->mime, "image/png");
}

static void test_pages_show_the_index_and_nothing_else_is_there(void **state)
{
    (void)state;
    struct pages pages;
    static const char *const index[] = {"/",       "/analyses",       "/donnees",   "/qualite",
                                        "/modele", "/vehicule/VIN-1", "/index.html"};
    static const char *const nothing[] = {"",
                                          "/vehicule/",
                                          "/vehicule",
                                          "/analyses/",
                                          "/assets/",
                                          "/assets",
                                          "/a",
                                          "/index.html.gz",
                                          "//",
                                          "/assets/../index.html",
                                          "/assets/app-1a2b.js.gz",
                                          "/api/v1/runs"};
    pages_init(&pages, false);
    for (size_t i = 0; i < sizeof index / sizeof *index; i++) {
        assert_ptr_equal(pages_find(&pages, index[i]), pages.index);
    }
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        assert_null(pages_find(&pages, nothing[i]));
    }
    assert_non_null(pages_find(&pages, "/assets/app-1a2b.js"));
    assert_ptr_not_equal(pages_find(&pages, "/assets/app-1a2b.js"), pages.index);
    pages_release(&pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_embedded_byte_by_byte_with_their_forms),
        cmocka_unit_test(test_types_follow_the_names),
        cmocka_unit_test(test_pages_show_the_index_and_nothing_else_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
