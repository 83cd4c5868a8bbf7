/* Answers in the page; see first.h. They stand in an element that the page keeps for them, as JSON
 * that no browser runs: {"PATH below /api/v1/": answer, ...}. The script takes an answer from there
 * when the path is the one that it wants, and asks for it otherwise: what this file lists may be
 * wrong, then it is only slow. The browser tests check that it is not. */
#include "serve/first.h"

#include "base/arena.h"
#include "serve/routes.h"

#include <stdio.h>
#include <string.h>

static const char place[] = "<script type=\"application/json\" id=\"answers\">";

static const char *const of_every_page[] = {"runs", "catalog", "summary", NULL};

/* What a page asks for besides, when its address has no parameters; all of it comes from memory. */
struct asking {
    const char *page, *paths[2]; /* ended by NULL */
};

static const struct asking of_page[] = {
    {"/", {"vehicles?statut=CRITIQUE%2CALERTE%2CSURVEILLANCE&size=12"}},
    {"/analyses", {"analytics"}},
    {"/donnees", {"vehicles?page=1&size=50"}},
};
static const struct asking of_others = {"", {NULL}};

static const struct asking *asking_of(const struct target *target)
{
    const struct asking *found = &of_others;
    for (size_t p = 0; p < sizeof of_page / sizeof *of_page; p++) {
        if (strcmp(of_page[p].page, target->path) == 0) {
            found = &of_page[p];
        }
    }
    for (size_t i = 0; i < target->count; i++) {
        const char *name = target->parameters[i].name;
        if (strcmp(name, "lang") != 0 && strcmp(name, "theme") != 0) {
            found = &of_others; /* the page asks for something else */
        }
    }
    return found;
}

/* Appends the path and its answer, or nothing when there is none. */
static void put_answer(const char *path, struct view *view, struct arena *arena, struct body *json)
{
    struct target target;
    struct problem problem = {0};
    struct body answer = {0};
    const char *vin;
    struct call call = {
        .arena = arena, .view = view, .run = view->latest, .out = &answer, .problem = &problem};
    const struct route *route =
        target_parse(&target, arena_printf(arena, "/api/v1/%s", path)) == TARGET_FINE
            ? route_find(target.path, &vin)
            : NULL;
    if (route != NULL && route_read(route, &target, &call) == 0 && route->answer(&call) == 0) {
        body_key(json, path);
        body_bytes(json, answer.data, answer.size);
    }
    body_release(&answer);
}

/* '<' could end the script that holds the text; JSON has it in strings only. */
static void put_unclosed(struct body *html, const struct body *json)
{
    for (size_t done = 0; done < json->size;) {
        const char *from = json->data + done;
        const char *next = memchr(from, '<', json->size - done);
        size_t size = next == NULL ? json->size - done : (size_t)(next - from);
        body_bytes(html, from, size);
        done += size;
        if (next != NULL) {
            body_text(html, "\\u003c");
            done++;
        }
    }
}

static void put_answers(const char *const *paths, struct view *view, struct arena *arena,
                        struct body *json)
{
    for (; *paths != NULL; paths++) {
        put_answer(*paths, view, arena, json);
    }
}

static struct answer *make_page(const struct pages *pages, const struct asking *asking,
                                struct view *view)
{
    struct bytes index = pages->index_text;
    const char *found = memmem(index.data, index.size, place, sizeof place - 1);
    if (found == NULL) {
        return NULL;
    }
    size_t before = (size_t)(found - index.data) + sizeof place - 1;
    struct arena arena = {0};
    struct body json = {0};
    struct body html = {0};
    body_open(&json, '{');
    put_answers(of_every_page, view, &arena, &json);
    put_answers(asking->paths, view, &arena, &json);
    body_close(&json, '}');
    body_bytes(&html, index.data, before);
    put_unclosed(&html, &json);
    body_bytes(&html, index.data + before, index.size - before);
    body_release(&json);
    arena_release(&arena);
    return answer_new(&html, &pages->document);
}

struct answer *first_page(const struct pages *pages, const struct target *target, struct view *view)
{
    char key[64];
    if (view->latest == NULL || pages->index_text.data == NULL) {
        return NULL;
    }
    const struct asking *asking = asking_of(target);
    size_t size = (size_t)snprintf(key, sizeof key, "page %s", asking->page);
    struct answer *page = cache_find(view->cache, key, size);
    if (page == NULL) {
        page = make_page(pages, asking, view);
        if (page != NULL) {
            cache_add(view->cache, key, size, page);
        }
    }
    return page;
}
