/* Assets by their path; see pages.h. No path reaches the file system: what is not in the table is
 * not there. */
#include "serve/pages.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

static const char index_path[] = "/index.html";
static const char fingerprinted[] = "/assets/"; /* files with their hash in the name */

static const char without_pages[] =
    "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\"><title>AutoStream</title>"
    "<h1>AutoStream</h1><p>Ce programme a été construit sans ses pages. Construisez-les, puis le "
    "programme : <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build &amp;&amp; cd .. "
    "&amp;&amp; "
    "script/build</code>. L'API répond : <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>."
    "<p lang=\"en\">This program was built without its pages. Build them, then the program: "
    "<code>cd web &amp;&amp; npm ci &amp;&amp; npm run build &amp;&amp; cd .. &amp;&amp; "
    "script/build</code>. The API answers: <a "
    "href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.\n";

static struct bytes between(const char *begin, const char *end)
{
    return (struct bytes){begin, begin == NULL ? 0 : (size_t)(end - begin)};
}

void pages_init(struct pages *pages, bool apart)
{
    struct answer_options page = {.mime = "text/html; charset=utf-8"};
    if (apart) {
        page.header = "Cross-Origin-Opener-Policy";
        page.value = "same-origin";
    }
    struct answer_options no_page = page;
    no_page.status = MHD_HTTP_NOT_FOUND;
    no_page.life = LIFE_NONE;
    struct body missing = {0};
    pages->document = page;
    pages->answers = xcalloc(asset_count, sizeof(struct answer *));
    for (size_t i = 0; i < asset_count; i++) {
        const struct asset *asset = &assets[i];
        bool forever = strncmp(asset->path, fingerprinted, sizeof fingerprinted - 1) == 0;
        bool index = strcmp(asset->path, index_path) == 0;
        const struct answer_options options = {.mime = asset->mime,
                                               .life = forever ? LIFE_FOREVER : LIFE_CHECKED};
        const struct bytes forms[CODING_COUNT] = {between(asset->begin[0], asset->end[0]),
                                                  between(asset->begin[1], asset->end[1]),
                                                  between(asset->begin[2], asset->end[2])};
        pages->answers[i] = answer_static(forms, asset->etag, index ? &page : &options);
        if (index) {
            pages->index = answer_keep(pages->answers[i]);
            pages->index_text = forms[CODING_PLAIN];
            body_bytes(&missing, forms[CODING_PLAIN].data, forms[CODING_PLAIN].size);
        }
    }
    if (pages->index == NULL) {
        struct body body = {0};
        body_text(&body, without_pages);
        pages->index = answer_new(&body, &page);
        body_text(&missing, without_pages);
    }
    pages->missing = answer_new(&missing, &no_page);
}

void pages_release(struct pages *pages)
{
    for (size_t i = 0; pages->answers != NULL && i < asset_count; i++) {
        answer_drop(pages->answers[i]);
    }
    free(pages->answers);
    answer_drop(pages->index);
    answer_drop(pages->missing);
    *pages = (struct pages){0};
}

/* A page's own path: the index shows it. */
static bool is_page(const char *path)
{
    static const char *const names[] = {"/", "/analyses", "/donnees", "/qualite", "/modele"};
    static const char vehicle[] = "/vehicule/";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(path, names[i]) == 0) {
            return true;
        }
    }
    return strncmp(path, vehicle, sizeof vehicle - 1) == 0 && path[sizeof vehicle - 1] != '\0';
}

struct answer *pages_find(const struct pages *pages, const char *path)
{
    if (is_page(path)) {
        return pages->index;
    }
    for (size_t i = 0; i < asset_count; i++) {
        if (strcmp(assets[i].path, path) == 0) {
            return pages->answers[i];
        }
    }
    return NULL;
}
