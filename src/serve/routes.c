/* Routes and their parameters; see routes.h. */
#include "serve/routes.h"

#include "base/dates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define JSON_TYPE "application/json"
#define V1 "/api/v1/"

const struct route routes[] = {
    {V1 "runs", ROUTE_ANSWER, NEEDS_GOLD, 0, false, api_runs, "The runs that have gold", "Runs",
     JSON_TYPE},
    {V1 "catalog", ROUTE_ANSWER, NEEDS_NOTHING, 0, false, api_catalog,
     "What the names in the data mean, with units, thresholds and labels", "Catalog", JSON_TYPE},
    {V1 "summary", ROUTE_ANSWER, NEEDS_RUN, TAKES_RUN | TAKES_SELECTION, false, api_summary,
     "The fleet in numbers, beside it the selection, and the same over runs", "Summary", JSON_TYPE},
    {V1 "vehicles", ROUTE_ANSWER, NEEDS_RUN, TAKES_RUN | TAKES_SELECTION | TAKES_SORT | TAKES_PAGE,
     false, api_vehicles, "One page of the selected vehicles, most urgent first", "Vehicles",
     JSON_TYPE},
    {V1 "vehicles.csv", ROUTE_EXPORT, NEEDS_RUN,
     TAKES_RUN | TAKES_SELECTION | TAKES_SORT | TAKES_EXPORT, false, NULL,
     "All selected vehicles as CSV", NULL, "text/csv; charset=utf-8"},
    {V1 "vehicles/{vin}", ROUTE_ANSWER, NEEDS_RUN, TAKES_RUN | TAKES_SELECTION | TAKES_SORT, true,
     api_vehicle, "All about one vehicle; the selection gives the previous and the next", "Vehicle",
     JSON_TYPE},
    {V1 "analytics", ROUTE_ANSWER, NEEDS_RUN, TAKES_RUN | TAKES_SELECTION, false, api_analytics,
     "What the charts show of the selection", "Analytics", JSON_TYPE},
    {V1 "trends", ROUTE_ANSWER, NEEDS_RUN, TAKES_RUN | TAKES_BY, true, api_trends,
     "The telemetry by day, week or month", "Trends", JSON_TYPE},
    {V1 "quality", ROUTE_ANSWER, NEEDS_RUN, TAKES_RUN, true, api_quality,
     "Quality of the data, quarantine by reason, orphans, lineage of the run", "Quality",
     JSON_TYPE},
    {V1 "quarantine", ROUTE_ANSWER, NEEDS_RUN, TAKES_RUN | TAKES_REASON | TAKES_PAGE, true,
     api_quarantine, "Refused records as they came", "Quarantine", JSON_TYPE},
    {V1 "model", ROUTE_ANSWER, NEEDS_RUN, TAKES_RUN, true, api_model,
     "The card of the model: what it learned from, what it is worth", "Model", JSON_TYPE},
    {V1 "openapi.json", ROUTE_ANSWER, NEEDS_NOTHING, 0, false, api_openapi, "This document", NULL,
     JSON_TYPE},
    {V1 "events", ROUTE_EVENTS, NEEDS_NOTHING, 0, false, NULL,
     "Server-sent events: `run` with {run_date, gold_sha256} at once and whenever gold is "
     "published",
     NULL, "text/event-stream"},
    {"/healthz", ROUTE_HEALTH, NEEDS_NOTHING, 0, false, NULL,
     "ok, or degraded: the files on disk are not what is served", "Health", JSON_TYPE},
    {"/metrics", ROUTE_METRICS, NEEDS_NOTHING, 0, false, NULL, "Figures for Prometheus", NULL,
     "text/plain; version=0.0.4; charset=utf-8"},
};
const size_t route_count = sizeof routes / sizeof *routes;

const struct parameter_fact parameter_facts[] = {
    {"lang", 0, "{\"enum\":[\"fr\",\"en\"]}", "Language of problems; else Accept-Language, French"},
    {"run", TAKES_RUN, "{\"type\":\"string\",\"format\":\"date\"}",
     "Run date; without it the newest run that has gold"},
    {"q", TAKES_SELECTION, "{\"type\":\"string\",\"maxLength\":256}",
     "Part of the vin or the model, in any case"},
    {"modele", TAKES_SELECTION, "{\"type\":\"string\"}",
     "Models, joined by commas (\\, is a comma in a name)"},
    {"statut", TAKES_SELECTION, "{\"type\":\"string\"}",
     "Any of OK, SURVEILLANCE, ALERTE, CRITIQUE, joined by commas"},
    {"panne", TAKES_SELECTION, "{\"type\":\"string\",\"pattern\":\"^[0-5](,[0-5])*$\"}",
     "Predicted failures by number, joined by commas"},
    {"prob_min", TAKES_SELECTION, "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}",
     "prob_panne is at least this"},
    {"niveau", TAKES_SELECTION, "{\"enum\":[\"urgent\",\"surveiller\"]}",
     "Quick filter: prob_panne >= 0.7, or >= 0.3"},
    {"sans_revision", TAKES_SELECTION, "{\"enum\":[\"1\"]}", "Only those without a service date"},
    {"annee", TAKES_SELECTION, "{\"type\":\"string\"}", "Model years, joined by commas"},
    {"sort", TAKES_SORT, "{\"type\":\"string\",\"default\":\"urgence\"}",
     "urgence (most urgent first) or a sortable column of the catalog; '-' before it: descending. "
     "NULLs come last, ties go by vin"},
    {"page", TAKES_PAGE, "{\"type\":\"integer\",\"minimum\":1,\"default\":1}", "Page, from 1"},
    {"size", TAKES_PAGE, "{\"type\":\"integer\",\"minimum\":1,\"maximum\":500,\"default\":50}",
     "Rows of a page"},
    {"by", TAKES_BY, "{\"enum\":[\"day\",\"week\",\"month\"],\"default\":\"day\"}",
     "What one row is"},
    {"reason", TAKES_REASON, "{\"type\":\"string\"}", "Only records refused for this reason"},
    {"columns", TAKES_EXPORT, "{\"type\":\"string\"}",
     "Columns of reporting_final, joined by commas; without it all"},
    {"format", TAKES_EXPORT, "{\"enum\":[\"csv\",\"excel-fr\"],\"default\":\"csv\"}",
     "csv, or what a French Excel wants: ';', decimal comma, UTF-8 mark"},
};
const size_t parameter_fact_count = sizeof parameter_facts / sizeof *parameter_facts;

/* ---- finding ---- */

const struct route *route_find(const char *path, const char **vin)
{
    *vin = NULL;
    for (size_t r = 0; r < route_count; r++) {
        const char *hole = strchr(routes[r].path, '{');
        if (hole == NULL) {
            if (strcmp(routes[r].path, path) == 0) {
                return &routes[r];
            }
        } else if (strncmp(routes[r].path, path, (size_t)(hole - routes[r].path)) == 0 &&
                   path[hole - routes[r].path] != '\0') {
            *vin = path + (hole - routes[r].path);
            return &routes[r];
        }
    }
    return NULL;
}

static const char *value_of(const struct target *target, const char *name)
{
    for (size_t i = 0; i < target->count; i++) {
        if (strcmp(target->parameters[i].name, name) == 0) {
            return target->parameters[i].value;
        }
    }
    return NULL;
}

enum lang route_lang(const struct target *target, const char *accept_language)
{
    const char *lang = target == NULL ? NULL : value_of(target, "lang");
    if (lang != NULL && (strcmp(lang, "fr") == 0 || strcmp(lang, "en") == 0)) {
        return *lang == 'f' ? LANG_FR : LANG_EN;
    }
    /* The first of ours in the header; browsers list them by preference. */
    for (const char *p = accept_language; p != NULL && *p != '\0'; p += strcspn(p, ",")) {
        p += strspn(p, " \t,");
        if ((strncmp(p, "fr", 2) == 0 || strncmp(p, "en", 2) == 0) && strcspn(p, "-,; \t") == 2) {
            return *p == 'f' ? LANG_FR : LANG_EN;
        }
    }
    return LANG_FR;
}

bool route_run_date(const struct route *route, const struct target *target, bool *given,
                    int32_t *run_date, struct problem *problem)
{
    const char *text = (route->takes & TAKES_RUN) != 0 ? value_of(target, "run") : NULL;
    *given = text != NULL;
    if (text == NULL || date_parse(text, strlen(text), run_date)) {
        return true;
    }
    (void)problem_set(problem, 400, "bad-parameter", "run=%s : ce n'est pas une date AAAA-MM-JJ",
                      "run=%s: this is no date YYYY-MM-DD", text);
    problem->parameter = "run";
    return false;
}

/* ---- reading parameters ---- */

static int read_whole(const char *name, const char *text, size_t most, size_t *out,
                      struct error *err)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < 1 || value > most) {
        return error_set(err, "%s=%s : donnez un nombre entier de 1 à %zu",
                         "%s=%s: give a whole number from 1 to %zu", name, text, most);
    }
    *out = (size_t)value;
    return 0;
}

static int read_by(const char *text, enum trend *out, struct error *err)
{
    static const char *const names[TREND_COUNT] = {"day", "week", "month"};
    for (int t = 0; t < TREND_COUNT; t++) {
        if (strcmp(text, names[t]) == 0) {
            *out = (enum trend)t;
            return 0;
        }
    }
    return error_set(err, "by=%s : au choix day, week ou month", "by=%s: one of day, week or month",
                     text);
}

/* A code of refusals.def, alone or with the field that it is about. */
static int read_reason(const char *text, struct call *call, struct error *err)
{
    const char *list = "";
    if (refusal_find(text) != NULL) {
        call->reason = text;
        return 0;
    }
    for (size_t i = 0; i < REFUSAL_COUNT; i++) {
        list = arena_printf(call->arena, "%s%s%s", list, i > 0 ? ", " : "", refusal_kinds[i].code);
    }
    return error_set(err, "reason=%s : raison inconnue ; il y a %s",
                     "reason=%s: unknown reason; there are %s", text, list);
}

static int read_lang(const char *text, struct error *err)
{
    return strcmp(text, "fr") == 0 || strcmp(text, "en") == 0
               ? 0
               : error_set(err, "lang=%s : au choix fr ou en", "lang=%s: one of fr or en", text);
}

enum { PAGES_AT_MOST = 1000000000 };

/* One known parameter; -1 with an error. */
static int read_value(const struct parameter_fact *fact, const char *value, struct call *call,
                      struct error *err)
{
    const char *name = fact->name;
    switch (fact->takes) {
    case TAKES_SELECTION:
        return selection_set(&call->selection, name, value, call->arena, err) == 1 ? 0 : -1;
    case TAKES_EXPORT:
        return export_set(&call->export, name, value, err) == 1 ? 0 : -1;
    case TAKES_SORT:
        return sort_parse(value, &call->sort, err);
    case TAKES_PAGE:
        return *name == 'p' ? read_whole(name, value, PAGES_AT_MOST, &call->page, err)
                            : read_whole(name, value, PAGE_SIZE_AT_MOST, &call->size, err);
    case TAKES_BY:
        return read_by(value, &call->by, err);
    case TAKES_REASON:
        return read_reason(value, call, err);
    case TAKES_RUN:
        return 0; /* read by route_run_date() */
    default:
        return read_lang(value, err);
    }
}

static int unknown_parameter(const struct route *route, const char *name, struct call *call)
{
    const char *list = "";
    for (size_t i = 0; i < parameter_fact_count; i++) {
        const struct parameter_fact *fact = &parameter_facts[i];
        if (fact->takes == 0 || (route->takes & fact->takes) != 0) {
            list = arena_printf(call->arena, "%s%s%s", list, *list != '\0' ? ", " : "", fact->name);
        }
    }
    struct error err;
    (void)error_set(&err, "paramètre inconnu : %s ; il y a %s",
                    "unknown parameter: %s; there are %s", name, list);
    return problem_of_parameter(call->problem, arena_strdup(call->arena, name), &err);
}

int route_read(const struct route *route, const struct target *target, struct call *call)
{
    call->page = 1;
    call->size = 50;
    for (size_t i = 0; i < target->count; i++) {
        const struct parameter *given = &target->parameters[i];
        const struct parameter_fact *fact = NULL;
        struct error err = {0};
        for (size_t f = 0; f < parameter_fact_count && fact == NULL; f++) {
            bool taken =
                parameter_facts[f].takes == 0 || (route->takes & parameter_facts[f].takes) != 0;
            if (taken && strcmp(parameter_facts[f].name, given->name) == 0) {
                fact = &parameter_facts[f];
            }
        }
        if (fact == NULL) {
            return unknown_parameter(route, given->name, call);
        }
        for (size_t other = 0; other < i; other++) {
            if (strcmp(target->parameters[other].name, given->name) == 0) {
                (void)error_set(&err,
                                "%s est donné deux fois ; joignez les valeurs par des virgules",
                                "%s is given twice; join values by commas", given->name);
                return problem_of_parameter(call->problem, fact->name, &err);
            }
        }
        if (read_value(fact, given->value, call, &err) != 0) {
            return problem_of_parameter(call->problem, fact->name, &err);
        }
    }
    return 0;
}

/* ---- the key ---- */

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *x = a;
    const struct parameter *y = b;
    int names = strcmp(x->name, y->name);
    return names != 0 ? names : strcmp(x->value, y->value);
}

struct bytes route_key(const struct route *route, const char *vin, const struct target *target,
                       int32_t run_date, struct arena *arena)
{
    struct parameter sorted[PARAMETERS_AT_MOST];
    size_t count = target->count;
    size_t room = sizeof route + sizeof run_date + (vin != NULL ? strlen(vin) : 0) + 1;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = target->parameters[i];
        room += strlen(sorted[i].name) + strlen(sorted[i].value) + 2;
    }
    qsort(sorted, count, sizeof *sorted, compare_parameters);
    char *key = arena_alloc(arena, room, 1);
    char *end = mempcpy(key, &route, sizeof route);
    end = mempcpy(end, &run_date, sizeof run_date);
    end = stpcpy(end, vin != NULL ? vin : "") + 1; /* texts hold no NUL: it ends them */
    for (size_t i = 0; i < count; i++) {
        end = stpcpy(end, sorted[i].name) + 1;
        end = stpcpy(end, sorted[i].value) + 1;
    }
    return (struct bytes){key, (size_t)(end - key)};
}
