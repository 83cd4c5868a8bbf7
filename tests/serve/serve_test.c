/* `autostream serve` from outside: every route, every wrong request, what happens when the files
 * under it change, and who may ask. */
#include "tests.h"

#include "e2e/e2e.h"
#include "serve/client.h"

#include "base/fs.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GOLD "gold/parquet/run_date=" E2E_DATE
#define NEXT_DATE "2026-11-24"

static const char token[] = "a-token-of-the-tests-0123456789";

/* ---- asking again until ---- */

/* Asks until the answer holds `text`, at most twenty seconds. */
static void wait_for(struct served *served, const char *target, const char *text)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
    const char *last = "";
    for (int i = 0; i < 200; i++) {
        last = served_get(served, target, NULL).body;
        if (strstr(last, text) != NULL) {
            return;
        }
        (void)nanosleep(&moment, NULL);
    }
    fail_msg("%s never held %s: %s", target, text, last);
}

static json_t *parsed(const char *text)
{
    json_error_t problem;
    json_t *root = json_loads(text, 0, &problem);
    if (root == NULL) {
        fail_msg("%s in: %s", problem.text, text);
    }
    return root;
}

/* ---- answers as the OpenAPI document says ---- */

static const json_t *resolve(const json_t *document, const json_t *schema)
{
    static const char prefix[] = "#/components/schemas/";
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    if (ref == NULL) {
        return schema;
    }
    assert_int_equal(strncmp(ref, prefix, sizeof prefix - 1), 0);
    const json_t *found =
        json_object_get(json_object_get(json_object_get(document, "components"), "schemas"),
                        ref + sizeof prefix - 1);
    if (found == NULL) {
        fail_msg("no schema %s", ref);
    }
    return found;
}

static bool is_type(const json_t *value, const char *type)
{
    return (strcmp(type, "object") == 0 && json_is_object(value)) ||
           (strcmp(type, "array") == 0 && json_is_array(value)) ||
           (strcmp(type, "string") == 0 && json_is_string(value)) ||
           (strcmp(type, "integer") == 0 && json_is_integer(value)) ||
           (strcmp(type, "number") == 0 && json_is_number(value)) ||
           (strcmp(type, "boolean") == 0 && json_is_boolean(value)) ||
           (strcmp(type, "null") == 0 && json_is_null(value));
}

static bool has_type(const json_t *value, const json_t *types)
{
    bool found = types == NULL;
    if (json_is_string(types)) {
        return is_type(value, json_string_value(types));
    }
    for (size_t i = 0; i < json_array_size(types); i++) {
        found = found || is_type(value, json_string_value(json_array_get(types, i)));
    }
    return found;
}

static bool among(const json_t *value, const json_t *list)
{
    bool found = list == NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        found = found || json_equal(value, json_array_get(list, i));
    }
    return found;
}

/* The part of JSON Schema that our document uses. */
static void assert_fits(const json_t *document, const json_t *schema, const json_t *value,
                        const char *where)
{
    schema = resolve(document, schema);
    const json_t *one_of = json_object_get(schema, "oneOf");
    if (one_of != NULL) { /* X or null */
        if (!json_is_null(value)) {
            assert_fits(document, json_array_get(one_of, 0), value, where);
        }
        return;
    }
    if (!has_type(value, json_object_get(schema, "type")) ||
        !among(value, json_object_get(schema, "enum"))) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        fail_msg("%s is %s", where, text);
    }
    const json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (json_object_get(value, name) == NULL) {
            fail_msg("%s has no %s", where, name);
        }
    }
    const char *name;
    json_t *property;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(schema, "properties"), name, property)
    {
        const json_t *member = json_object_get(value, name);
        if (member != NULL) {
            assert_fits(document, property, member, name);
        }
    }
    const json_t *items = json_object_get(schema, "items");
    for (size_t i = 0; items != NULL && i < json_array_size(value); i++) {
        assert_fits(document, items, json_array_get(value, i), where);
    }
}

/* The answers of all routes with a schema fit it; gives how many there are. */
static size_t check_routes(struct e2e *e, struct served *served, const json_t *document)
{
    size_t checked = 0;
    const char *path;
    json_t *item;
    json_object_foreach(json_object_get(document, "paths"), path, item)
    {
        const json_t *content = json_object_get(
            json_object_get(json_object_get(json_object_get(item, "get"), "responses"), "200"),
            "content");
        const json_t *schema =
            json_object_get(json_object_get(content, "application/json"), "schema");
        const char *hole = strchr(path, '{');
        const char *target =
            hole != NULL ? arena_printf(&e->arena, "%.*sVIN-751000", (int)(hole - path), path)
                         : path;
        if (schema != NULL) {
            json_t *answer = parsed(served_json(served, target));
            assert_fits(document, schema, answer, target);
            json_decref(answer);
            checked++;
        }
    }
    return checked;
}

static void test_every_route_answers_as_the_openapi_document_says(void **state)
{
    struct e2e *e = *state;
    struct served served;
    served_start(&served, &e->arena, e->data, NULL);
    json_t *document = parsed(served_json(&served, "/api/v1/openapi.json"));
    assert_string_equal(json_string_value(json_object_get(document, "openapi")), "3.1.0");
    assert_int_equal(check_routes(e, &served, document), 12);
    json_decref(document);
    struct reply metrics = served_get(&served, "/metrics", NULL);
    assert_int_equal(metrics.status, 200);
    assert_non_null(strstr(metrics.body, "autostream_http_requests_total{route=\"/api/v1/runs\","
                                         "status=\"2xx\"} 1\n"));
    assert_non_null(strstr(metrics.body, "autostream_run_info{run_date=\"" E2E_DATE "\""));
    served_stop(&served);
}

static void test_figures_are_golds_own(void **state)
{
    struct e2e *e = *state;
    struct served served;
    served_start(&served, &e->arena, e->data, NULL);
    const char *summary = served_json(&served, "/api/v1/summary?statut=CRITIQUE,ALERTE");
    assert_int_equal(e2e_number(e, summary, "fleet.vehicles"), E2E_VEHICLES);
    assert_int_equal(e2e_number(e, summary, "selection.vehicles"),
                     e2e_count(e, E2E_REPORTING, "statut IN ('CRITIQUE', 'ALERTE')"));
    const char *first = e2e_ask(e, E2E_REPORTING,
                                "SELECT vin FROM t WHERE statut = 'CRITIQUE' ORDER BY prob_panne "
                                "DESC, vin LIMIT 1");
    json_t *page = parsed(served_json(&served, "/api/v1/vehicles?size=1"));
    const json_t *row = json_array_get(json_object_get(page, "rows"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "vin")), first);
    json_decref(page);
    const char *vehicle =
        served_json(&served, arena_printf(&e->arena, "/api/v1/vehicles/%s", first));
    assert_string_equal(e2e_member(e, vehicle, "vehicle.statut"), "CRITIQUE");
    assert_int_equal(e2e_number(e, vehicle, "position"), 1);
    json_t *all = parsed(vehicle);
    double sum = json_number_value(json_object_get(all, "base"));
    size_t i;
    json_t *measure;
    json_array_foreach(json_object_get(all, "measures"), i, measure)
    {
        sum += json_number_value(json_object_get(measure, "contribution"));
    }
    assert_true(fabs(sum - json_number_value(json_object_get(json_object_get(all, "vehicle"),
                                                             "prob_panne"))) < 1e-6);
    assert_int_equal(json_array_size(json_object_get(all, "days")), 2);
    assert_int_equal(json_array_size(json_object_get(all, "runs")), 1);
    json_decref(all);
    struct reply csv = served_get(&served, "/api/v1/vehicles.csv?columns=vin,statut", NULL);
    assert_int_equal(csv.status, 200);
    assert_string_equal(reply_header(&served, &csv, "Content-Disposition"),
                        "attachment; filename=\"vehicules_" E2E_DATE ".csv\"");
    assert_non_null(strstr(csv.body, arena_printf(&e->arena, "%s,CRITIQUE", first)));
    served_stop(&served);
}

/* ---- wrong requests ---- */

static void test_wrong_requests_get_a_clear_answer(void **state)
{
    struct e2e *e = *state;
    struct served served;
    static const struct {
        const char *target;
        int status;
        const char *says;
    } cases[] = {
        {"/api/v1/vehicles/VIN-1", 404, "VIN-1 is not among the 20 vehicles"},
        {"/api/v1/vehicles/..%2f..%2fetc%2fpasswd", 404, "is not among"},
        {"/api/v1/vehicles/%27%20OR%201=1--", 404, "is not among"},
        {"/api/v1/vehicles?page=-1", 400, "\"parameter\":\"page\""},
        {"/api/v1/vehicles?page=abc", 400, "page=abc: give a whole number"},
        {"/api/v1/vehicles?sort=colour", 400, "\"parameter\":\"sort\""},
        {"/api/v1/vehicles?size=100000", 400, "from 1 to 500"},
        {"/api/v1/vehicles?colour=red", 400, "unknown parameter: colour; there are lang, run, q"},
        {"/api/v1/vehicles?q=%ff", 400, "the address is not UTF-8"},
        {"/api/v1/vehicles?q=%zz", 400, "without two hexadecimal digits"},
        {"/api/v1/vehicles?q=%00", 400, "or %00"},
        {"/api/v1/summary?run=yesterday", 400, "this is no date"},
        {"/api/v1/summary?run=2020-01-01", 404, "dates there are: " E2E_DATE},
        {"/api/v1/summary?lang=de", 400, "one of fr or en"},
        {"/api/v1/runs?run=" E2E_DATE, 400, "unknown parameter: run"},
        {"/api/v1/nothing", 404, "there is nothing here"},
        {"/etc/passwd", 404, "there is nothing here"},
        {"/../../etc/passwd", 404, "there is nothing here"},
        {"/assets/../../../etc/passwd", 404, "there is nothing here"},
        {"/assets/%2e%2e/%2e%2e/etc/passwd", 404, "there is nothing here"},
        {"//etc/passwd", 404, "there is nothing here"},
    };
    served_start(&served, &e->arena, e->data, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        served_refuses(&served, cases[i].target, cases[i].status, cases[i].says);
    }
    char wide[10 * 1024 + 1];
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    served_refuses(&served, arena_printf(&e->arena, "/api/v1/vehicles?q=%s", wide), 414,
                   "more than 8192 bytes");
    const char *many = "/api/v1/vehicles?";
    for (int i = 0; i < 100; i++) {
        many = arena_printf(&e->arena, "%sq=%d&", many, i);
    }
    served_refuses(&served, many, 400, "more than 32 parameters");
    struct reply page = served_get(&served, "/nothing", "Accept: text/html,*/*;q=0.8\r\n");
    assert_int_equal(page.status, 404); /* and the page itself says so, in words */
    assert_non_null(strstr(page.body, "<!doctype html>"));
    assert_true(served_lives(&served));
    assert_int_equal(served_get(&served, "/healthz", NULL).status, 200);
    served_stop(&served);
}

static void test_problems_speak_the_readers_language_and_tell_nothing_internal(void **state)
{
    struct e2e *e = *state;
    struct served served;
    served_start(&served, &e->arena, e->data, NULL);
    struct reply french = served_get(&served, "/api/v1/nothing", NULL);
    assert_non_null(strstr(french.body, "\"title\":\"Introuvable\""));
    assert_string_equal(e2e_member(e, french.body, "type"), "/problems/no-such-path");
    assert_string_equal(e2e_member(e, french.body, "instance"), "/api/v1/nothing");
    struct reply english =
        served_get(&served, "/api/v1/nothing?lang=en", "Accept-Language: fr\r\n");
    assert_non_null(strstr(english.body, "\"title\":\"Not found\""));
    e2e_remove(e, "gold/aggregations");
    struct reply hidden = served_get(&served, "/api/v1/trends", NULL);
    assert_int_equal(hidden.status, 503);
    assert_null(strstr(hidden.body, e->data));
    assert_null(strstr(hidden.body, "parquet"));
    served_stop(&served);
}

static void test_a_refused_file_whose_name_is_not_utf8_is_shown(void **state)
{
    struct e2e *e = *state;
    struct served served;
    e2e_bronze(e, "json/caf\xe9\\\n.json", "[1");
    e2e_works(e, "run", "--max-rejects", "100%", NULL);
    served_start(&served, &e->arena, e->data, NULL);
    const char *body = served_json(&served, "/api/v1/quarantine");
    assert_non_null(strstr(body, "json/caf\\\\xe9\\\\x5c\\n.json\""));
    served_stop(&served);
}

static void test_bytes_that_are_no_http_leave_the_server_up(void **state)
{
    struct e2e *e = *state;
    struct served served;
    static const char *const junk[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
        "GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\xff\xfe\xfd / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    };
    served_start(&served, &e->arena, e->data, NULL);
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        int s = served_connect(&served);
        assert_true(send(s, junk[i], strlen(junk[i]), MSG_NOSIGNAL) > 0);
        (void)shutdown(s, SHUT_WR);
        char answer[1024];
        ssize_t size = recv(s, answer, sizeof answer - 1, 0);
        if (size > 0) {
            answer[size] = '\0';
            assert_null(strstr(answer, "HTTP/1.1 200"));
        }
        (void)close(s);
    }
    char *wide = arena_alloc(&e->arena, 100000, 1);
    memset(wide, 'a', 99999);
    struct reply large = served_get(&served, "/", arena_printf(&e->arena, "X-Wide: %s\r\n", wide));
    assert_true(large.status == 431 || large.status == 413 || large.status == 0);
    assert_true(served_lives(&served));
    assert_int_equal(served_get(&served, "/healthz", NULL).status, 200);
    served_stop(&served);
}

/* ---- HTTP ---- */

static struct reply ask(struct e2e *e, struct served *served, const char *method, const char *more)
{
    const char *text = arena_printf(&e->arena,
                                    "%s /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nConnection: "
                                    "close\r\n%s",
                                    method, more);
    return served_send(served, text, strlen(text));
}

static void test_only_get_and_head_are_allowed_and_none_has_a_body(void **state)
{
    struct e2e *e = *state;
    struct served served;
    static const char *const methods[] = {"POST",  "PUT",   "DELETE", "OPTIONS",
                                          "PATCH", "TRACE", "X"};
    served_start(&served, &e->arena, e->data, NULL);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct reply reply = ask(e, &served, methods[i], "\r\n");
        assert_int_equal(reply.status, 405);
        assert_string_equal(reply_header(&served, &reply, "Allow"), "GET, HEAD");
    }
    struct reply head = ask(e, &served, "HEAD", "\r\n");
    struct reply get = ask(e, &served, "GET", "\r\n");
    assert_int_equal(head.status, 200);
    assert_int_equal(head.size, 0);
    assert_string_equal(reply_header(&served, &head, "Content-Length"),
                        reply_header(&served, &get, "Content-Length"));
    assert_int_equal(ask(e, &served, "GET", "Content-Length: 3\r\n\r\nabc").status, 413);
    assert_int_equal(ask(e, &served, "POST", "Content-Length: 3\r\n\r\nabc").status, 405);
    served_stop(&served);
}

static void test_answers_are_compressed_and_not_sent_twice(void **state)
{
    struct e2e *e = *state;
    struct served served;
    served_start(&served, &e->arena, e->data, NULL);
    struct reply plain = served_get(&served, "/api/v1/vehicles", NULL);
    struct reply packed = served_get(&served, "/api/v1/vehicles", "Accept-Encoding: gzip, br\r\n");
    assert_null(reply_header(&served, &plain, "Content-Encoding"));
    assert_string_equal(reply_header(&served, &plain, "Vary"), "Accept-Encoding");
    assert_string_equal(reply_header(&served, &plain, "Cache-Control"), "no-cache");
    assert_string_equal(reply_header(&served, &packed, "Content-Encoding"), "gzip");
    assert_true(packed.size < plain.size / 2);
    assert_memory_equal(packed.body, "\x1f\x8b", 2);
    const char *etag = reply_header(&served, &plain, "ETag");
    assert_string_not_equal(etag, reply_header(&served, &packed, "ETag"));
    struct reply again = served_get(&served, "/api/v1/vehicles",
                                    arena_printf(&e->arena, "If-None-Match: %s\r\n", etag));
    assert_int_equal(again.status, 304);
    assert_int_equal(again.size, 0);
    assert_string_equal(reply_header(&served, &again, "ETag"), etag);
    struct reply other = served_get(&served, "/api/v1/vehicles?page=1",
                                    arena_printf(&e->arena, "If-None-Match: %s\r\n", etag));
    assert_int_equal(other.status, 304); /* the same bytes by another address */
    assert_int_equal(served_get(&served, "/api/v1/vehicles", "If-None-Match: \"abc\"\r\n").status,
                     200);
    served_stop(&served);
}

static void test_every_answer_forbids_what_pages_do_not_need(void **state)
{
    struct e2e *e = *state;
    struct served served;
    static const char *const targets[] = {"/",        "/api/v1/runs", "/healthz",
                                          "/metrics", "/nothing",     "/api/v1/vehicles.csv"};
    served_start(&served, &e->arena, e->data, NULL);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct reply reply = served_get(&served, targets[i], NULL);
        const char *policy = reply_header(&served, &reply, "Content-Security-Policy");
        assert_non_null(policy);
        assert_non_null(strstr(policy, "default-src 'self'"));
        assert_non_null(strstr(policy, "frame-ancestors 'none'"));
        assert_non_null(strstr(policy, "script-src 'self';"));
        assert_null(strstr(policy, "unsafe-eval"));
        assert_string_equal(reply_header(&served, &reply, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(reply_header(&served, &reply, "Referrer-Policy"), "no-referrer");
        assert_null(reply_header(&served, &reply, "Access-Control-Allow-Origin"));
    }
    served_stop(&served);
}

/* ---- who may ask ---- */

static void test_other_names_are_turned_away(void **state)
{
    struct e2e *e = *state;
    struct served served;
    static const char evil[] = "GET /api/v1/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: "
                               "close\r\n\r\n";
    static const char ours[] = "GET /api/v1/runs HTTP/1.1\r\nHost: flotte.example\r\nConnection: "
                               "close\r\n\r\n";
    served_start(&served, &e->arena, e->data, "--host", "flotte.example", NULL);
    assert_int_equal(served_send(&served, evil, sizeof evil - 1).status, 421);
    assert_int_equal(served_send(&served, ours, sizeof ours - 1).status, 200);
    served_stop(&served);
}

static void test_a_token_is_asked_for_when_there_is_one(void **state)
{
    struct e2e *e = *state;
    struct served served;
    const char *path = write_file(&e->arena, e->folder, "token", token, strlen(token));
    served_start(&served, &e->arena, e->data, "--listen", "0.0.0.0", "--token-file", path, NULL);
    static const char *const closed[] = {
        "/", "/api/v1/runs", "/metrics", "/api/v1/events", "/api/v1/vehicles.csv", "/nothing"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        served_refuses(&served, closed[i], 401, "give the server's token");
    }
    assert_int_equal(served_get(&served, "/healthz", NULL).status, 200); /* tells nothing */
    const char *bearer = arena_printf(&e->arena, "Authorization: Bearer %s\r\n", token);
    assert_int_equal(served_get(&served, "/api/v1/runs", bearer).status, 200);
    assert_int_equal(served_get(&served, "/api/v1/runs", "Authorization: Bearer wrong\r\n").status,
                     401);
    struct reply login = served_get(&served, arena_printf(&e->arena, "/?token=%s", token), NULL);
    assert_int_equal(login.status, 303);
    assert_string_equal(reply_header(&served, &login, "Location"), "/");
    const char *cookie = reply_header(&served, &login, "Set-Cookie");
    assert_non_null(strstr(cookie, "HttpOnly; SameSite=Strict"));
    const char *sent =
        arena_printf(&e->arena, "Cookie: %.*s\r\n", (int)strcspn(cookie, ";"), cookie);
    assert_int_equal(served_get(&served, "/api/v1/runs", sent).status, 200);
    struct reply page = served_get(&served, "/", sent);
    assert_string_equal(reply_header(&served, &page, "Cross-Origin-Opener-Policy"), "same-origin");
    assert_int_equal(served_get(&served, "/?token=wrong", NULL).status, 401);
    served_stop(&served);
}

static void test_serving_others_without_a_token_is_refused(void **state)
{
    struct e2e *e = *state;
    e2e_fails(e, 2, "so a token is needed", "serve", "--port", "0", "--listen", "0.0.0.0", NULL);
    const char *path = write_file(&e->arena, e->folder, "token", "short", 5);
    e2e_fails(e, 2, "the token must have 16 to 200 letters", "serve", "--port", "0", "--token-file",
              path, NULL);
    e2e_fails(e, 2, "this is no address", "serve", "--listen", "nowhere.example", NULL);
    e2e_fails(e, 2, "--tls-cert and --tls-key go together", "serve", "--port", "0", "--tls-cert",
              path, NULL);
    e2e_fails(e, 1, "does not start with this certificate", "serve", "--port", "0", "--tls-cert",
              path, "--tls-key", path, NULL);
}

static void test_a_taken_port_is_told_with_a_free_one(void **state)
{
    struct e2e *e = *state;
    struct served served;
    served_start(&served, &e->arena, e->data, NULL);
    const char *port = arena_printf(&e->arena, "%u", served.port);
    e2e_fails(e, 1, "is free: autostream serve --port ", "serve", "--port", port, NULL);
    served_stop(&served);
}

static void test_a_folder_that_cannot_be_read_is_told(void **state)
{
    struct e2e *e = *state;
    assert_int_equal(chmod(e->data, 0700), 0);
    e2e_fails_as_nobody(e, 1, e->data, "serve", "--port", "0", NULL);
}

/* ---- the lake changes ---- */

static void test_without_gold_the_command_to_type_is_told_until_there_is_some(void **state)
{
    struct e2e *e = *state;
    struct served served;
    struct e2e empty = {.data = arena_printf(&e->arena, "%s/new", e->folder)};
    served_start(&served, &e->arena, empty.data, NULL);
    served_refuses(&served, "/api/v1/summary", 404, "autostream demo");
    served_refuses(&served, "/api/v1/runs", 404, "/problems/no-gold");
    (void)served_json(&served, "/api/v1/catalog");
    int events = served_connect(&served);
    static const char request[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_true(send(events, request, sizeof request - 1, 0) > 0);
    const char *const copy[] = {"cp", "-r", e->data, empty.data, NULL};
    struct program_result result;
    run_program(&e->arena, &result, copy, NULL);
    assert_int_equal(result.status, 0);
    assert_true(served_waits_for(events, "event: run\ndata: {\"run_date\":\"" E2E_DATE "\""));
    (void)close(events);
    assert_int_equal(e2e_number(e, served_json(&served, "/api/v1/summary"), "fleet.vehicles"),
                     E2E_VEHICLES);
    served_stop(&served);
}

/* A run of the next day, on the same bronze. */
static void run_next_day(struct e2e *e)
{
    const char *const copy[] = {"cp", "-r", e2e_path(e, E2E_BRONZE),
                                e2e_path(e, "bronze/run_date=" NEXT_DATE), NULL};
    struct program_result result;
    run_program(&e->arena, &result, copy, NULL);
    assert_int_equal(result.status, 0);
    (void)assert_cli_works(&e->arena, "--data", e->data, "--run-date", NEXT_DATE, "--quiet", "run",
                           NULL);
}

static void test_a_new_run_is_noticed_and_the_old_one_can_still_be_asked(void **state)
{
    struct e2e *e = *state;
    struct served served;
    static const char request[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    served_start(&served, &e->arena, e->data, NULL);
    int events = served_connect(&served);
    assert_true(send(events, request, sizeof request - 1, 0) > 0);
    assert_true(served_waits_for(events, "\"run_date\":\"" E2E_DATE "\""));
    run_next_day(e);
    assert_true(served_waits_for(events, "\"run_date\":\"" NEXT_DATE "\""));
    (void)close(events);
    const char *summary = served_json(&served, "/api/v1/summary");
    assert_string_equal(e2e_member(e, summary, "run_date"), NEXT_DATE);
    json_t *document = parsed(summary);
    assert_int_equal(json_array_size(json_object_get(document, "history")), 2);
    json_decref(document);
    assert_string_equal(
        e2e_member(e, served_json(&served, "/api/v1/summary?run=" E2E_DATE), "run_date"), E2E_DATE);
    document = parsed(served_json(&served, "/api/v1/vehicles/VIN-751000"));
    assert_int_equal(json_array_size(json_object_get(document, "runs")), 2);
    json_decref(document);
    document = parsed(served_json(&served, "/api/v1/vehicles/VIN-751000?run=" E2E_DATE));
    assert_int_equal(json_array_size(json_object_get(document, "runs")), 1);
    json_decref(document);
    served_stop(&served);
}

/* The answers inside a page, parsed; NULL: it has none. */
static json_t *answers_in(struct e2e *e, struct served *served, const char *target)
{
    static const char open[] = "<script type=\"application/json\" id=\"answers\">";
    struct reply page = served_get(served, target, NULL);
    assert_int_equal(page.status, 200);
    const char *text = strstr(page.body, open);
    if (text == NULL) {
        return NULL;
    }
    text += sizeof open - 1;
    const char *end = strchr(text, '<'); /* nothing inside may look like markup */
    assert_int_equal(strncmp(end, "</script>", strlen("</script>")), 0);
    return parsed(arena_printf(&e->arena, "%.*s", (int)(end - text), text));
}

static void assert_answer(struct served *served, const json_t *answers, const char *path)
{
    const char *target = arena_printf(served->arena, "/api/v1/%s", path);
    json_t *asked = parsed(served_json(served, target));
    if (!json_equal(json_object_get(answers, path), asked)) {
        fail_msg("the page has another answer to %s", path);
    }
    json_decref(asked);
}

static void test_a_page_comes_with_the_answers_that_it_would_ask_for(void **state)
{
    struct e2e *e = *state;
    struct served served;
    e2e_register(e, "UPDATE vehicules SET modele = '</script><!--<b>' WHERE vin = 'VIN-751000'");
    (void)e2e_works(e, "run", NULL);
    served_start(&served, &e->arena, e->data, NULL);
    json_t *answers = answers_in(e, &served, "/?lang=en");
    if (answers == NULL) {
        served_stop(&served);
        skip(); /* built without its pages */
    }
    assert_int_equal(json_object_size(answers), 4);
    assert_answer(&served, answers, "runs");
    assert_answer(&served, answers, "catalog");
    assert_answer(&served, answers, "summary");
    assert_answer(&served, answers, "vehicles?statut=CRITIQUE%2CALERTE%2CSURVEILLANCE&size=12");
    json_decref(answers);
    static const struct {
        const char *target;
        size_t answers;
    } pages[] = {{"/donnees", 4}, {"/analyses?theme=clair", 4},      {"/?run=" E2E_DATE, 3},
                 {"/qualite", 3}, {"/vehicule/VIN-751000?q=751", 3}, {"/donnees?size=10", 3}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        answers = answers_in(e, &served, pages[i].target);
        if (json_object_size(answers) != pages[i].answers) {
            fail_msg("%s has %zu answers", pages[i].target, json_object_size(answers));
        }
        json_decref(answers);
    }
    const struct reply before = served_get(&served, "/", NULL);
    const char *etag = reply_header(&served, &before, "ETag");
    const char *known = arena_printf(&e->arena, "If-None-Match: %s\r\n", etag);
    assert_int_equal(served_get(&served, "/", known).status, 304);
    run_next_day(e);
    wait_for(&served, "/", "\"latest\":\"" NEXT_DATE "\"");
    assert_int_equal(served_get(&served, "/", known).status, 200);
    served_stop(&served);
}

static void test_deleted_gold_leaves_the_last_good_state(void **state)
{
    struct e2e *e = *state;
    struct served served;
    served_start(&served, &e->arena, e->data, NULL);
    e2e_remove(e, "gold");
    wait_for(&served, "/healthz", "\"status\":\"degraded\"");
    assert_int_equal(e2e_number(e, served_json(&served, "/api/v1/vehicles"), "total"),
                     E2E_VEHICLES);
    assert_non_null(strstr(served_json(&served, "/api/v1/runs"), "\"warning\":{"));
    assert_non_null(strstr(served_get(&served, "/metrics", NULL).body, "autostream_degraded 1\n"));
    const char *vehicle = served_json(&served, "/api/v1/vehicles/VIN-751000");
    assert_non_null(strstr(vehicle, "\"warning\":{"));
    served_refuses(&served, "/api/v1/trends", 503, "missing or just changing");
    (void)assert_cli_works(&e->arena, "--data", e->data, "--run-date", E2E_DATE, "--quiet", "run",
                           NULL);
    wait_for(&served, "/healthz", "\"status\":\"ok\"");
    assert_null(strstr(served_json(&served, "/api/v1/vehicles/VIN-751000"), "\"warning\":{"));
    served_stop(&served);
}

static void test_half_copied_gold_is_not_served(void **state)
{
    struct e2e *e = *state;
    struct served served;
    struct stat info;
    const char *path = e2e_path(e, GOLD "/reporting_final.parquet");
    served_start(&served, &e->arena, e->data, NULL);
    const char *before = served_get(&served, "/api/v1/vehicles", NULL).body;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size / 2), 0);
    wait_for(&served, "/healthz", "\"status\":\"degraded\"");
    assert_string_equal(served_get(&served, "/api/v1/vehicles", NULL).body, before);
    served_stop(&served);
    /* A server that starts on it has nothing good to show, and says so. */
    served_start(&served, &e->arena, e->data, NULL);
    served_refuses(&served, "/api/v1/vehicles", 503, "not whole; make them again");
    assert_true(served_lives(&served));
    served_stop(&served);
}

static void test_a_changed_byte_is_found_when_a_run_is_loaded(void **state)
{
    struct e2e *e = *state;
    struct served served;
    char byte = 0;
    FILE *file = fopen(e2e_path(e, GOLD "/reporting_final.parquet"), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 200, SEEK_SET), 0);
    assert_int_equal(fread(&byte, 1, 1, file), 1);
    byte ^= 1;
    assert_int_equal(fseek(file, 200, SEEK_SET), 0);
    assert_int_equal(fwrite(&byte, 1, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    served_start(&served, &e->arena, e->data, NULL);
    served_refuses(&served, "/api/v1/vehicles", 503, "not whole");
    served_stop(&served);
}

static void test_a_model_that_is_gone_leaves_golds_own_reasons(void **state)
{
    struct e2e *e = *state;
    struct served served;
    /* run.json names a model that is nowhere. */
    const char *record = "runs/run_date=" E2E_DATE "/run.json";
    char *text = e2e_text(e, record);
    char *sha256 = strstr(strstr(text, "\"model\""), "\"sha256\": \"");
    memset(sha256 + strlen("\"sha256\": \""), '0', 64);
    (void)write_file(&e->arena, e->data, record, text, strlen(text));
    e2e_remove(e, "models/model_pannes.onnx");
    served_start(&served, &e->arena, e->data, NULL);
    json_t *vehicle = parsed(served_json(&served, "/api/v1/vehicles/VIN-751000"));
    const json_t *measure = json_array_get(json_object_get(vehicle, "measures"), 0);
    assert_true(json_is_null(json_object_get(measure, "contribution")));
    assert_int_equal(json_array_size(json_object_get(vehicle, "reasons")), 0);
    assert_true(json_is_array(json_object_get(json_object_get(vehicle, "vehicle"), "raisons")));
    json_decref(vehicle);
    served_refuses(&served, "/api/v1/model", 404, "autostream train");
    served_stop(&served);
}

/* ---- many, and the end ---- */

static void test_a_thousand_connections_are_served_at_once(void **state)
{
    enum { MANY = 1000 };
    struct e2e *e = *state;
    struct served served;
    int *connections = ARENA_NEW(&e->arena, int, MANY);
    static const char request[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    served_start(&served, &e->arena, e->data, NULL);
    size_t open = 0;
    for (; open < MANY; open++) {
        connections[open] = served_connect(&served);
        assert_true(send(connections[open], request, sizeof request - 1, 0) > 0);
    }
    for (size_t i = 0; i < open; i++) {
        assert_true(served_waits_for(connections[i], "event: run\n"));
    }
    (void)served_json(&served, "/api/v1/runs");
    for (size_t i = 0; i < open; i++) {
        (void)close(connections[i]);
    }
    served_stop(&served);
}

static void test_the_end_does_not_wait_for_pages_that_listen(void **state)
{
    struct e2e *e = *state;
    struct served served;
    static const char request[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    served_start(&served, &e->arena, e->data, NULL);
    int events = served_connect(&served);
    assert_true(send(events, request, sizeof request - 1, 0) > 0);
    assert_true(served_waits_for(events, "event: run\n"));
    int idle = served_connect(&served);
    served_stop(&served); /* asserts a clean end */
    (void)close(events);
    (void)close(idle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, e2e_setup, e2e_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_route_answers_as_the_openapi_document_says),
        TEST(test_figures_are_golds_own),
        TEST(test_wrong_requests_get_a_clear_answer),
        TEST(test_problems_speak_the_readers_language_and_tell_nothing_internal),
        TEST(test_a_refused_file_whose_name_is_not_utf8_is_shown),
        TEST(test_bytes_that_are_no_http_leave_the_server_up),
        TEST(test_only_get_and_head_are_allowed_and_none_has_a_body),
        TEST(test_answers_are_compressed_and_not_sent_twice),
        TEST(test_every_answer_forbids_what_pages_do_not_need),
        TEST(test_other_names_are_turned_away),
        TEST(test_a_token_is_asked_for_when_there_is_one),
        TEST(test_serving_others_without_a_token_is_refused),
        TEST(test_a_taken_port_is_told_with_a_free_one),
        TEST(test_a_folder_that_cannot_be_read_is_told),
        TEST(test_without_gold_the_command_to_type_is_told_until_there_is_some),
        TEST(test_a_new_run_is_noticed_and_the_old_one_can_still_be_asked),
        TEST(test_a_page_comes_with_the_answers_that_it_would_ask_for),
        TEST(test_deleted_gold_leaves_the_last_good_state),
        TEST(test_half_copied_gold_is_not_served),
        TEST(test_a_changed_byte_is_found_when_a_run_is_loaded),
        TEST(test_a_model_that_is_gone_leaves_golds_own_reasons),
        TEST(test_a_thousand_connections_are_served_at_once),
        TEST(test_the_end_does_not_wait_for_pages_that_listen),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
