/* Fuzz target of what a request can say: any bytes as a target, its parameters as every route reads
 * them, and as the headers that we read ourselves. Whatever is refused is refused with a reason. */
#include "fuzz.h"

#include "serve/answer.h"
#include "serve/guard.h"
#include "serve/routes.h"

#include <stdlib.h>
#include <string.h>

static void read_parameters(const struct route *route, const struct target *target)
{
    struct arena arena = {0};
    struct body body = {0};
    struct problem problem = {0};
    struct call call = {.arena = &arena, .problem = &problem};
    bool given;
    int32_t date;
    if (!route_run_date(route, target, &given, &date, &problem) ||
        route_read(route, target, &call) != 0) {
        if (problem.status != 400 || problem.parameter == NULL || !problem.err.text[LANG_FR][0]) {
            abort();
        }
        problem_write(&problem, LANG_EN, target->path, &body);
        if (!utf8_is_valid(body.data, body.size)) {
            abort();
        }
    }
    (void)route_key(route, NULL, target, 0, &arena);
    body_release(&body);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct target target;
    struct guard guard;
    char *text = malloc(size + 1);
    char *copy = malloc(size + 1);
    if (text == NULL || copy == NULL) {
        abort();
    }
    memcpy(text, bytes, size);
    text[size] = '\0';
    memcpy(copy, text, size + 1);
    guard_init(&guard, "a.example,b.example", "0123456789abcdef");
    (void)guard_host(&guard, text);
    (void)guard_request(&guard, text, text);
    (void)accepts_coding(text, "gzip");
    (void)names_etag(text, "\"abc\"");
    if (target_parse(&target, copy) == TARGET_FINE) {
        const char *vin;
        (void)route_find(target.path, &vin);
        (void)route_lang(&target, text);
        for (size_t r = 0; r < route_count; r++) {
            read_parameters(&routes[r], &target);
        }
    }
    free(copy);
    free(text);
    return 0;
}
