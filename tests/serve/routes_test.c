/* The table of routes: which path is whose, how parameters are checked, which language is meant. */
#include "tests.h"

#include "serve/routes.h"

#include <string.h>

static struct target taken_apart(struct arena *arena, const char *text)
{
    struct target target;
    assert_int_equal(target_parse(&target, arena_strdup(arena, text)), TARGET_FINE);
    return target;
}

/* The problem with a target, in English; "" when there is none. */
static const char *complaint(struct arena *arena, const char *text, struct call *call,
                             const char **parameter)
{
    struct target target = taken_apart(arena, text);
    struct problem *problem = ARENA_NEW(arena, struct problem, 1);
    const char *vin;
    const struct route *route = route_find(target.path, &vin);
    assert_non_null(route);
    *call = (struct call){.arena = arena, .problem = problem};
    int status = route_read(route, &target, call);
    *parameter = problem->parameter;
    assert_int_equal(problem->status, status == 0 ? 0 : 400);
    return problem->err.text[LANG_EN];
}

static void test_paths_lead_to_their_routes(void **state)
{
    (void)state;
    const char *vin;
    assert_string_equal(route_find("/api/v1/vehicles", &vin)->path, "/api/v1/vehicles");
    assert_null(vin);
    assert_string_equal(route_find("/api/v1/vehicles.csv", &vin)->path, "/api/v1/vehicles.csv");
    assert_string_equal(route_find("/api/v1/vehicles/A/B", &vin)->path, "/api/v1/vehicles/{vin}");
    assert_string_equal(vin, "A/B");
    static const char *const nowhere[] = {"/api/v1/vehicles/", "/api/v1/",    "/api/v1", "/", "",
                                          "/api/v2/runs",      "/API/v1/runs"};
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        assert_null(route_find(nowhere[i], &vin));
    }
}

static void test_wrong_parameters_are_named_with_what_is_allowed(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct call call;
    static const struct {
        const char *target, *parameter, *says;
    } cases[] = {
        {"/api/v1/runs?page=1", "page", "unknown parameter: page; there are lang"},
        {"/api/v1/vehicles?pgae=1", "pgae", "there are lang, run, q, modele"},
        {"/api/v1/vehicles?page=-1", "page", "page=-1: give a whole number from 1 to"},
        {"/api/v1/vehicles?page=0", "page", "page=0"},
        {"/api/v1/vehicles?page=1.5", "page", "page=1.5"},
        {"/api/v1/vehicles?page=", "page", "page="},
        {"/api/v1/vehicles?page=99999999999999999999", "page", "from 1 to 1000000000"},
        {"/api/v1/vehicles?size=501", "size", "from 1 to 500"},
        {"/api/v1/vehicles?sort=colour", "sort", "colour"},
        {"/api/v1/vehicles?statut=ROUGE", "statut", "ROUGE"},
        {"/api/v1/vehicles?prob_min=2", "prob_min", "2"},
        {"/api/v1/vehicles?page=1&page=2", "page", "given twice"},
        {"/api/v1/vehicles?lang=de", "lang", "one of fr or en"},
        {"/api/v1/vehicles.csv?format=pdf", "format", "pdf"},
        {"/api/v1/vehicles.csv?columns=vin,colour", "columns", "colour"},
        {"/api/v1/trends?by=year", "by", "one of day, week or month"},
        {"/api/v1/quarantine?reason=bad_luck", "reason", "impossible"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *parameter;
        const char *says = complaint(&arena, cases[i].target, &call, &parameter);
        if (parameter == NULL || strcmp(parameter, cases[i].parameter) != 0 ||
            strstr(says, cases[i].says) == NULL) {
            fail_msg("%s: %s: %s", cases[i].target, parameter, says);
        }
    }
    arena_release(&arena);
}

static void test_right_parameters_are_read(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct call call;
    const char *parameter;
    assert_string_equal(complaint(&arena,
                                  "/api/v1/vehicles?page=3&size=20&statut=CRITIQUE&sort=-km_actuel"
                                  "&q=751&lang=en&run=2026-11-23",
                                  &call, &parameter),
                        "");
    assert_int_equal(call.page, 3);
    assert_int_equal(call.size, 20);
    assert_int_equal(call.selection.statuts, 1u << STATUT_CRITIQUE);
    assert_string_equal(call.selection.q, "751");
    assert_true(call.sort.descending);
    assert_string_equal(complaint(&arena, "/api/v1/vehicles", &call, &parameter), "");
    assert_int_equal(call.page, 1);
    assert_int_equal(call.size, 50);
    assert_string_equal(complaint(&arena, "/api/v1/trends?by=month", &call, &parameter), "");
    assert_int_equal(call.by, TREND_MONTH);
    assert_string_equal(
        complaint(&arena, "/api/v1/quarantine?reason=impossible:vitesse", &call, &parameter), "");
    assert_string_equal(call.reason, "impossible:vitesse");
    arena_release(&arena);
}

static void test_a_run_date_is_a_date(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct problem problem = {0};
    const char *vin;
    bool given;
    int32_t date = 0;
    const struct route *route = route_find("/api/v1/summary", &vin);
    struct target target = taken_apart(&arena, "/?run=1970-01-03");
    assert_true(route_run_date(route, &target, &given, &date, &problem));
    assert_true(given);
    assert_int_equal(date, 2);
    target = taken_apart(&arena, "/?run=2026-02-30");
    assert_false(route_run_date(route, &target, &given, &date, &problem));
    assert_int_equal(problem.status, 400);
    assert_string_equal(problem.parameter, "run");
    target = taken_apart(&arena, "/");
    assert_true(route_run_date(route, &target, &given, &date, &problem));
    assert_false(given);
    arena_release(&arena);
}

static void test_the_language_is_the_readers(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const struct {
        const char *target, *header;
        enum lang lang;
    } cases[] = {
        {"/", NULL, LANG_FR},
        {"/", "en", LANG_EN},
        {"/", "en-GB,en;q=0.9,fr;q=0.8", LANG_EN},
        {"/", "de, fr-CA, en", LANG_FR},
        {"/", "english", LANG_FR},
        {"/", "de", LANG_FR},
        {"/?lang=fr", "en", LANG_FR},
        {"/?lang=en", "fr", LANG_EN},
        {"/?lang=de", "en", LANG_EN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct target target = taken_apart(&arena, cases[i].target);
        assert_int_equal(route_lang(&target, cases[i].header), cases[i].lang);
    }
    assert_int_equal(route_lang(NULL, "en"), LANG_EN);
    arena_release(&arena);
}

static void test_the_key_of_the_cache_knows_no_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *vin;
    const struct route *route = route_find("/api/v1/vehicles", &vin);
    struct target one = taken_apart(&arena, "/?a=b&c=d");
    struct target two = taken_apart(&arena, "/?c=d&a=b");
    struct target three = taken_apart(&arena, "/?a=bc=d");
    struct bytes a = route_key(route, NULL, &one, 7, &arena);
    struct bytes b = route_key(route, NULL, &two, 7, &arena);
    struct bytes c = route_key(route, NULL, &three, 7, &arena);
    struct bytes d = route_key(route, NULL, &one, 8, &arena);
    struct bytes e = route_key(route, "v", &one, 7, &arena);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_false(a.size == c.size && memcmp(a.data, c.data, a.size) == 0);
    assert_false(a.size == d.size && memcmp(a.data, d.data, a.size) == 0);
    assert_false(a.size == e.size);
    arena_release(&arena);
}

static void test_every_parameter_of_a_selection_is_described(void **state)
{
    (void)state;
    size_t described = 0;
    size_t taken = 0;
    for (size_t i = 0; i < parameter_fact_count; i++) {
        described += parameter_facts[i].takes == TAKES_SELECTION;
    }
    for (; selection_parameters[taken] != NULL; taken++) {
        bool found = false;
        for (size_t i = 0; i < parameter_fact_count; i++) {
            found = found || strcmp(parameter_facts[i].name, selection_parameters[taken]) == 0;
        }
        assert_true(found);
    }
    assert_int_equal(taken, described);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_lead_to_their_routes),
        cmocka_unit_test(test_wrong_parameters_are_named_with_what_is_allowed),
        cmocka_unit_test(test_right_parameters_are_read),
        cmocka_unit_test(test_a_run_date_is_a_date),
        cmocka_unit_test(test_the_language_is_the_readers),
        cmocka_unit_test(test_the_key_of_the_cache_knows_no_order),
        cmocka_unit_test(test_every_parameter_of_a_selection_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
