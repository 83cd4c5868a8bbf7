/* The server: libmicrohttpd's threads call handle() for every request, which finds a ready answer
 * or makes one; see serve.h.
 *
 * A request passes the guard, then goes to the pages, or by the table of routes to the API. Cached
 * answers and answers from memory are given at once; what reads files goes to the jobs, and its
 * connection sleeps meanwhile, so that no one waits for another's slow question. */
#include "serve/serve.h"

#include "base/fs.h"
#include "base/parallel.h"
#include "base/publish.h"
#include "serve/answer.h"
#include "serve/events.h"
#include "serve/first.h"
#include "serve/guard.h"
#include "serve/jobs.h"
#include "serve/listen.h"
#include "serve/metrics.h"
#include "serve/pages.h"
#include "serve/peers.h"
#include "serve/routes.h"
#include "serve/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS = 4096, /* all together, as far as files may be open */
    CONNECTIONS_EACH_OUTSIDE = 128,
    FILES_KEPT = 64,          /* for everything but connections */
    IDLE_SECONDS = 30,        /* before a silent connection is closed */
    MEMORY_EACH = 32 * 1024,  /* for a request's head: what is larger is refused */
    BODY_AT_MOST = 64 * 1024, /* passed over; nothing that we answer has one */
    PEM_AT_MOST = 1 << 20,
    EXPORT_BLOCK = 64 * 1024,
    TOKEN_AT_LEAST = 16,
    REQUEST_SECONDS = 60, /* that a request may take to come, with what it has of a body */
    CLOSE_SECONDS = 3,    /* that answers which were begun may take at the end */
};

struct server {
    struct arena arena;
    struct serve_options options;
    struct listener listener;
    struct guard guard;
    struct metrics metrics;
    struct pages pages;
    struct events events;
    struct watch watch;
    struct jobs jobs;
    struct peers peers;
    struct MHD_Daemon *daemon;
    char address[192];
    atomic_long active; /* requests that were begun and are no event streams */
    bool ready;         /* mutexes are made */
};

struct request {
    struct job job; /* first: it is cast back */
    struct server *server;
    struct MHD_Connection *connection;
    double began;
    bool read; /* the head was */
    size_t body;
    bool active;
    size_t metric; /* what it is counted as */
    unsigned status;
    enum lang lang;
    struct target target;
    const struct route *route;
    const char *vin;
    struct view *view;
    struct loaded_run *run;
    int32_t run_date;
    struct answer *answer; /* made by a job */
    struct arena arena;
    size_t raw_size;
    char raw[]; /* the target as it came; target points into it */
};

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char *header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* ---- sending ---- */

static enum MHD_Result send_answer(struct request *request, struct answer *answer)
{
    return answer_send(answer, request->connection, &request->status);
}

static struct answer *problem_answer(const struct request *request, const struct problem *problem)
{
    struct body body = {0};
    struct answer_options options = {
        .status = problem->status, .mime = "application/problem+json", .life = LIFE_NONE};
    switch (problem->status) {
    case MHD_HTTP_METHOD_NOT_ALLOWED:
        options.header = MHD_HTTP_HEADER_ALLOW;
        options.value = "GET, HEAD";
        break;
    case MHD_HTTP_UNAUTHORIZED:
        options.header = MHD_HTTP_HEADER_WWW_AUTHENTICATE;
        options.value = "Bearer";
        break;
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        options.header = MHD_HTTP_HEADER_RETRY_AFTER;
        options.value = "1";
        break;
    case MHD_HTTP_CONTENT_TOO_LARGE:
        options.header = MHD_HTTP_HEADER_CONNECTION;
        options.value = "close";
        break;
    default:
        break;
    }
    problem_write(problem, request->lang, request->target.path != NULL ? request->target.path : "",
                  &body);
    return answer_new(&body, &options);
}

static enum MHD_Result send_problem(struct request *request, const struct problem *problem)
{
    struct answer *answer = problem_answer(request, problem);
    enum MHD_Result result = send_answer(request, answer);
    answer_drop(answer);
    return result;
}

/* ---- what a call needs ---- */

static int no_gold(const struct request *request, struct problem *problem)
{
    if (request->view->warned) {
        return problem_set(problem, MHD_HTTP_SERVICE_UNAVAILABLE, "files-changing",
                           "les résultats publiés ne sont pas complets ; refaites-les avec "
                           "« autostream run »",
                           "the published results are not whole; make them again with \"autostream "
                           "run\"");
    }
    return problem_set(
        problem, MHD_HTTP_NOT_FOUND, "no-gold",
        "pas encore de résultats ; pour essayer sur une flotte simulée : autostream "
        "demo ; sur vos données : autostream run",
        "no results yet; to try on a simulated fleet: autostream demo; on your data: "
        "autostream run");
}

static int no_such_run(const struct request *request, struct problem *problem)
{
    enum { SHOWN = 10 };
    char date[DATE_TEXT_SIZE];
    char list[SHOWN * (DATE_TEXT_SIZE + 2) + 8] = "";
    size_t size = 0;
    for (size_t r = 0; r < request->view->run_count && r < SHOWN; r++) {
        size += (size_t)snprintf(list + size, sizeof list - size, "%s%s", r > 0 ? ", " : "",
                                 date_format(request->view->runs[r].run_date, date));
    }
    (void)problem_set(problem, MHD_HTTP_NOT_FOUND, "no-such-run",
                      "pas de résultats du %s ; dates présentes : %s%s",
                      "no results of %s; dates there are: %s%s",
                      date_format(request->run_date, date), list,
                      request->view->run_count > SHOWN ? ", ..." : "");
    problem->parameter = "run";
    return -1;
}

/* Finds out which run is asked for. */
static int find_run(struct request *request, struct problem *problem)
{
    bool given;
    request->view = watch_view(&request->server->watch);
    if (!route_run_date(request->route, &request->target, &given, &request->run_date, problem)) {
        return -1;
    }
    if (request->route->needs == NEEDS_NOTHING) {
        return 0;
    }
    if (request->view->latest == NULL) {
        return no_gold(request, problem);
    }
    if (!given) {
        request->run_date = request->view->latest->record.run_date;
    } else if (view_find(request->view, request->run_date) == NULL) {
        return no_such_run(request, problem);
    }
    if (request->route->needs == NEEDS_RUN) {
        request->run = view_loaded(request->view, request->run_date);
    }
    return 0;
}

/* Reads the parameters and asks; the run is loaded. */
static int call_route(struct request *request, struct call *call, struct body *out,
                      struct problem *problem)
{
    *call = (struct call){.arena = &request->arena,
                          .view = request->view,
                          .run = request->run,
                          .vin = request->vin,
                          .out = out,
                          .problem = problem};
    if (route_read(request->route, &request->target, call) != 0) {
        return -1;
    }
    return request->route->answer != NULL ? request->route->answer(call) : 0;
}

/* The answer that was remembered, or NULL. */
static struct answer *find_answer(struct request *request)
{
    struct bytes key = route_key(request->route, request->vin, &request->target, request->run_date,
                                 &request->arena);
    return cache_find(request->view->cache, key.data, key.size);
}

/* The answer of a route of documents, which is remembered when it is one. */
static struct answer *make_answer(struct request *request)
{
    struct body body = {0};
    struct problem problem = {0};
    struct call call;
    if (call_route(request, &call, &body, &problem) != 0) {
        body_release(&body);
        return problem_answer(request, &problem);
    }
    const struct answer_options options = {.mime = request->route->mime};
    struct answer *answer = answer_new(&body, &options);
    struct bytes key = route_key(request->route, request->vin, &request->target, request->run_date,
                                 &request->arena);
    cache_add(request->view->cache, key.data, key.size, answer);
    return answer;
}

/* ---- jobs ---- */

static int load_run(struct request *request, struct problem *problem)
{
    struct error err;
    if (request->route->needs == NEEDS_RUN && request->run == NULL &&
        view_load(request->view, request->run_date, &request->run, &err) != 0) {
        if (request->server->options.tell != NULL) {
            request->server->options.tell(request->server->options.context, &err);
        }
        return problem_set(problem, MHD_HTTP_SERVICE_UNAVAILABLE, "run-unreadable",
                           "les résultats de cette date ne peuvent pas être lus ; le terminal du "
                           "serveur dit pourquoi",
                           "the results of this date cannot be read; the server's terminal says "
                           "why");
    }
    return 0;
}

static void run_job(struct job *job)
{
    struct request *request = (struct request *)job;
    struct problem problem = {0};
    if (load_run(request, &problem) != 0) {
        request->answer = problem_answer(request, &problem);
    } else if (request->route->kind == ROUTE_ANSWER) {
        /* When many wait for the same, the first job has made it for all. */
        request->answer = find_answer(request);
        if (request->answer == NULL) {
            request->answer = make_answer(request);
        }
    } /* an export goes on in the thread of its connection */
    MHD_resume_connection(request->connection);
}

static enum MHD_Result start_job(struct request *request)
{
    request->job.run = run_job;
    /* Asleep before another thread can wake it. */
    MHD_suspend_connection(request->connection);
    if (jobs_add(&request->server->jobs, &request->job)) {
        return MHD_YES;
    }
    struct problem problem;
    (void)problem_set(&problem, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                      "trop de demandes à la fois ; réessayez dans un instant",
                      "too many requests at once; try again in a moment");
    request->answer = problem_answer(request, &problem);
    MHD_resume_connection(request->connection);
    return MHD_YES;
}

/* ---- exports ---- */

struct download {
    struct loaded_run *run;
    struct export *export;
    struct body body;
    size_t told;
};

static ssize_t read_download(void *context, uint64_t position, char *out, size_t room)
{
    struct download *download = context;
    (void)position;
    if (download->told == download->body.size) {
        download->told = download->body.size = 0;
        if (!export_next(download->export, EXPORT_BLOCK, &download->body)) {
            return MHD_CONTENT_READER_END_OF_STREAM;
        }
    }
    size_t size = download->body.size - download->told;
    size = size < room ? size : room;
    memcpy(out, download->body.data + download->told, size);
    download->told += size;
    return (ssize_t)size;
}

static void end_download(void *context)
{
    struct download *download = context;
    export_close(download->export);
    body_release(&download->body);
    loaded_drop(download->run);
    free(download);
}

static enum MHD_Result send_export(struct request *request)
{
    struct problem problem = {0};
    struct call call;
    char date[DATE_TEXT_SIZE];
    char name[80];
    if (call_route(request, &call, NULL, &problem) != 0) {
        return send_problem(request, &problem);
    }
    call.export.selection = call.selection;
    call.export.sort = call.sort;
    struct download *download = xcalloc(1, sizeof *download);
    download->run = loaded_keep(request->run);
    download->export = export_open(request->run->store, &call.export);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, EXPORT_BLOCK, read_download, download, end_download);
    if (response == NULL) {
        out_of_memory();
    }
    (void)snprintf(name, sizeof name, "attachment; filename=\"vehicules_%s.csv\"",
                   date_format(request->run->record.run_date, date));
    answer_add_headers(response);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, request->route->mime);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, name);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    request->status = MHD_HTTP_OK;
    enum MHD_Result result = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- how things are ---- */

static void write_health(const struct view *view, struct body *out)
{
    body_open(out, '{');
    body_put_string(out, "status", view->warned ? "degraded" : "ok");
    if (view->latest != NULL) {
        body_put_date(out, "run_date", view->latest->record.run_date);
    } else {
        body_put_null(out, "run_date");
    }
    if (view->warned) {
        body_put_words(out, "warning",
                       &(struct text)TEXT("les fichiers publiés ne sont pas tels que run.json les "
                                          "dit ; le dernier état sûr est montré",
                                          "the published files are not as run.json tells; the last "
                                          "good state is shown"));
    }
    body_close(out, '}');
}

static enum MHD_Result send_state(struct request *request)
{
    struct body body = {0};
    const struct answer_options options = {.mime = request->route->mime, .life = LIFE_NONE};
    struct problem problem = {0};
    struct call call;
    if (call_route(request, &call, NULL, &problem) != 0) {
        return send_problem(request, &problem);
    }
    if (request->route->kind == ROUTE_HEALTH) {
        write_health(request->view, &body);
    } else {
        metrics_write(&request->server->metrics, request->view, &body);
    }
    struct answer *answer = answer_new(&body, &options);
    enum MHD_Result result = send_answer(request, answer);
    answer_drop(answer);
    return result;
}

/* ---- requests ---- */

static enum MHD_Result send_cached(struct request *request, bool *sent)
{
    struct answer *answer = find_answer(request);
    enum MHD_Result result = MHD_YES;
    *sent = answer != NULL;
    if (answer != NULL) {
        atomic_fetch_add(&request->server->metrics.cache_hits, 1);
        result = send_answer(request, answer);
        answer_drop(answer);
    }
    return result;
}

static enum MHD_Result send_document(struct request *request)
{
    bool sent;
    enum MHD_Result result = send_cached(request, &sent);
    if (sent) {
        return result;
    }
    atomic_fetch_add(&request->server->metrics.cache_misses, 1);
    if (request->route->slow || (request->route->needs == NEEDS_RUN && request->run == NULL)) {
        return start_job(request);
    }
    struct answer *answer = make_answer(request);
    result = send_answer(request, answer);
    answer_drop(answer);
    return result;
}

static enum MHD_Result send_route(struct request *request)
{
    struct problem problem = {0};
    struct call call;
    if (find_run(request, &problem) != 0) {
        return send_problem(request, &problem);
    }
    switch (request->route->kind) {
    case ROUTE_ANSWER:
        return send_document(request);
    case ROUTE_EXPORT:
        return request->run != NULL ? send_export(request) : start_job(request);
    case ROUTE_EVENTS:
        if (call_route(request, &call, NULL, &problem) != 0) {
            return send_problem(request, &problem);
        }
        request->active = false; /* it may last for days */
        atomic_fetch_sub(&request->server->active, 1);
        request->status = MHD_HTTP_OK;
        return events_send(&request->server->events, request->connection);
    case ROUTE_HEALTH:
    case ROUTE_METRICS:
        return send_state(request);
    }
    return MHD_NO;
}

/* A file of the pages; the index with the first answers inside. */
static enum MHD_Result send_page(struct request *request, struct answer *page)
{
    struct server *server = request->server;
    struct answer *first = NULL;
    if (page == server->pages.index) {
        request->view = watch_view(&server->watch);
        first = first_page(&server->pages, &request->target, request->view);
    }
    enum MHD_Result result = send_answer(request, first != NULL ? first : page);
    answer_drop(first);
    return result;
}

/* A link with ?token= logs a browser in: a cookie, and the same page without the token. */
static enum MHD_Result log_in(struct request *request, const char *token)
{
    struct server *server = request->server;
    char cookie[512];
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)snprintf(cookie, sizeof cookie,
                   GUARD_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000%s", token,
                   server->options.cert_path != NULL ? "; Secure" : "");
    answer_add_headers(response);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, "/");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    request->status = MHD_HTTP_SEE_OTHER;
    enum MHD_Result result = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return result;
}

static const char *given_token(const struct target *target)
{
    for (size_t i = 0; i < target->count; i++) {
        if (strcmp(target->parameters[i].name, "token") == 0) {
            return target->parameters[i].value;
        }
    }
    return NULL;
}

static int refuse_target(enum target_fault fault, struct problem *problem)
{
    switch (fault) {
    case TARGET_TOO_LONG:
        return problem_set(problem, MHD_HTTP_URI_TOO_LONG, "too-long",
                           "l'adresse a plus de %d octets", "the address has more than %d bytes",
                           TARGET_AT_MOST);
    case TARGET_BROKEN_ESCAPE:
        return problem_set(problem, MHD_HTTP_BAD_REQUEST, "broken-escape",
                           "l'adresse contient un « %% » sans deux chiffres hexadécimaux, ou %%00",
                           "the address holds a '%%' without two hexadecimal digits, or %%00");
    case TARGET_NOT_UTF8:
        return problem_set(problem, MHD_HTTP_BAD_REQUEST, "not-utf8",
                           "l'adresse n'est pas en UTF-8", "the address is not UTF-8");
    case TARGET_TOO_MANY:
        return problem_set(problem, MHD_HTTP_BAD_REQUEST, "too-many-parameters",
                           "l'adresse a plus de %d paramètres",
                           "the address has more than %d parameters", PARAMETERS_AT_MOST);
    case TARGET_FINE:
        break;
    }
    return 0;
}

/* Whoever may not ask learns nothing else. */
static int check_request(struct request *request, const char *method, struct problem *problem)
{
    const struct guard *guard = &request->server->guard;
    enum target_fault fault = target_parse(&request->target, request->raw);
    request->lang = route_lang(fault == TARGET_FINE ? &request->target : NULL,
                               header(request, MHD_HTTP_HEADER_ACCEPT_LANGUAGE));
    if (!guard_host(guard, header(request, MHD_HTTP_HEADER_HOST))) {
        return problem_set(problem, MHD_HTTP_MISDIRECTED_REQUEST, "unknown-host",
                           "ce serveur ne répond pas à ce nom ; son exploitant l'ajoute par --host",
                           "this server does not answer to that name; who runs it adds it by "
                           "--host");
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return problem_set(problem, MHD_HTTP_METHOD_NOT_ALLOWED, "method-not-allowed",
                           "seules GET et HEAD sont permises", "only GET and HEAD are allowed");
    }
    if (request->body > 0) {
        return problem_set(problem, MHD_HTTP_CONTENT_TOO_LARGE, "body",
                           "cette demande ne doit pas avoir de corps",
                           "this request must not have a body");
    }
    return refuse_target(fault, problem);
}

static bool is_open_to_all(const struct route *route)
{
    return route != NULL && route->kind == ROUTE_HEALTH;
}

/* A person with a browser, not a program that asks the API. */
static bool wants_page(struct request *request)
{
    static const char api[] = "/api/";
    const char *accept = header(request, MHD_HTTP_HEADER_ACCEPT);
    return accept != NULL && strstr(accept, "text/html") != NULL &&
           strncmp(request->target.path, api, sizeof api - 1) != 0;
}

static enum MHD_Result answer_request(struct request *request, const char *method)
{
    struct server *server = request->server;
    struct problem problem = {0};
    if (check_request(request, method, &problem) != 0) {
        return send_problem(request, &problem);
    }
    struct answer *page = pages_find(&server->pages, request->target.path);
    request->route = page == NULL ? route_find(request->target.path, &request->vin) : NULL;
    request->metric = page != NULL             ? METRIC_PAGES
                      : request->route != NULL ? (size_t)(request->route - routes)
                                               : METRIC_OTHERS;
    const char *token = page != NULL ? given_token(&request->target) : NULL;
    if (token != NULL && guard_token(&server->guard, token)) {
        return log_in(request, token);
    }
    if (!is_open_to_all(request->route) &&
        !guard_request(&server->guard, header(request, MHD_HTTP_HEADER_AUTHORIZATION),
                       header(request, MHD_HTTP_HEADER_COOKIE))) {
        (void)problem_set(&problem, MHD_HTTP_UNAUTHORIZED, "token",
                          "donnez le jeton du serveur : en-tête Authorization: Bearer JETON, ou "
                          "ouvrez une fois /?token=JETON",
                          "give the server's token: header Authorization: Bearer TOKEN, or open "
                          "/?token=TOKEN once");
        return send_problem(request, &problem);
    }
    if (page != NULL) {
        return send_page(request, page);
    }
    if (request->route == NULL && wants_page(request)) {
        return send_answer(request, server->pages.missing);
    }
    if (request->route == NULL) {
        (void)problem_set(&problem, MHD_HTTP_NOT_FOUND, "no-such-path",
                          "il n'y a rien ici ; les adresses de l'API : /api/v1/openapi.json",
                          "there is nothing here; the API's addresses: /api/v1/openapi.json");
        return send_problem(request, &problem);
    }
    return send_route(request);
}

/* ---- libmicrohttpd's calls ---- */

/* A request begins: its target as it came, before the library takes it apart. */
static void *begin_request(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct server *server = context;
    size_t size = strnlen(uri, TARGET_AT_MOST + 1);
    struct request *request = xcalloc(1, sizeof *request + size + 1);
    request->server = server;
    request->connection = connection;
    request->began = seconds_now();
    request->metric = METRIC_OTHERS;
    request->active = true;
    request->raw_size = size;
    memcpy(request->raw, uri, size);
    atomic_fetch_add(&server->active, 1);
    return request;
}

static struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request_context)
{
    struct request *request = *request_context;
    (void)context, (void)url, (void)version, (void)upload;
    if (request == NULL) {
        return MHD_NO;
    }
    if (!request->read) { /* the head alone; an answer now would close the connection */
        request->read = true;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        request->body += *upload_size;
        *upload_size = 0;
        return request->body <= BODY_AT_MOST ? MHD_YES : MHD_NO;
    }
    peer_asked(peer_of(connection)); /* not before: a body can come as slowly as a head */
    if (request->answer != NULL) {   /* a job made it */
        return send_answer(request, request->answer);
    }
    if (request->run != NULL) { /* a job loaded it */
        return send_export(request);
    }
    return answer_request(request, method);
}

static void end_request(void *context, struct MHD_Connection *connection, void **request_context,
                        enum MHD_RequestTerminationCode why)
{
    struct server *server = context;
    struct request *request = *request_context;
    (void)why;
    if (request == NULL) {
        return;
    }
    peer_waits(peer_of(connection), seconds_now());
    if (request->status != 0) {
        metrics_count(&server->metrics, request->metric, request->status,
                      seconds_now() - request->began);
    }
    if (request->active) {
        atomic_fetch_sub(&server->active, 1);
    }
    answer_drop(request->answer);
    loaded_drop(request->run);
    view_drop(request->view);
    arena_release(&request->arena);
    free(request);
    *request_context = NULL;
}

/* A connection begins or ends. */
static void count_connection(void *context, struct MHD_Connection *connection,
                             void **socket_context, enum MHD_ConnectionNotificationCode what)
{
    struct server *server = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        atomic_fetch_add(&server->metrics.connections, 1);
        *socket_context =
            info != NULL ? peers_add(&server->peers, info->connect_fd, seconds_now()) : NULL;
    } else {
        atomic_fetch_sub(&server->metrics.connections, 1);
        peers_remove(&server->peers, *socket_context);
        *socket_context = NULL;
    }
}

static void shut_slow(void *context)
{
    struct server *server = context;
    peers_shut_slow(&server->peers, seconds_now() - REQUEST_SECONDS);
}

/* ---- starting and ending ---- */

/* As many open files as we may have; gives how many connections that allows. */
static unsigned raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return CONNECTIONS / 8;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    rlim_t room = limit.rlim_cur > 2 * FILES_KEPT ? limit.rlim_cur - FILES_KEPT : FILES_KEPT;
    return room < CONNECTIONS ? (unsigned)room : CONNECTIONS;
}

static int check_options(const struct server *server, struct error *err)
{
    const struct serve_options *o = &server->options;
    if (!server->listener.loopback && o->token == NULL) {
        return error_usage(err,
                           "--listen %s : d'autres machines y accèdent, il faut donc un jeton ; "
                           "mettez-le dans un fichier et donnez --token-file FICHIER, ou dans la "
                           "variable AUTOSTREAM_TOKEN",
                           "--listen %s: other machines can reach it, so a token is needed; put it "
                           "into a file and give --token-file FILE, or into the variable "
                           "AUTOSTREAM_TOKEN",
                           o->listen);
    }
    if (o->token != NULL && (strlen(o->token) < TOKEN_AT_LEAST || strlen(o->token) > 200 ||
                             o->token[strspn(o->token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                                       "qrstuvwxyz0123456789._~+/-")] != '\0')) {
        return error_usage(
            err,
            "le jeton doit avoir de %d à 200 lettres, chiffres ou signes . _ ~ + / - "
            "; par exemple : openssl rand -hex 32",
            "the token must have %d to 200 letters, digits or signs . _ ~ + / -; for "
            "example: openssl rand -hex 32",
            TOKEN_AT_LEAST);
    }
    if ((o->cert_path == NULL) != (o->key_path == NULL)) {
        return error_usage(err, "--tls-cert et --tls-key vont ensemble",
                           "--tls-cert and --tls-key go together");
    }
    if (o->cert_path != NULL && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
        return error_usage(err, "--tls-cert : cette version de libmicrohttpd ne connaît pas TLS",
                           "--tls-cert: this libmicrohttpd does not know TLS");
    }
    return 0;
}

static int check_data(const char *data, struct error *err)
{
    struct arena arena = {0};
    char **names;
    size_t count;
    int status = fs_exists(data) ? fs_list(data, &arena, &names, &count, err) : 0;
    arena_release(&arena);
    return status;
}

/* Starts the daemon with all its options. */
static int start_daemon(struct server *server, struct error *err)
{
    enum { MOST = 16 };
    struct bytes cert = {0};
    struct bytes key = {0};
    const struct serve_options *o = &server->options;
    unsigned connections = raise_limits();
    unsigned each = o->per_client != 0          ? o->per_client
                    : server->listener.loopback ? connections
                                                : CONNECTIONS_EACH_OUTSIDE;
    unsigned threads = parallel_threads(o->threads);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem items[MOST];
    size_t count = 0;
    threads = threads < connections / 4 ? threads : 1; /* each gets its share of the connections */
#define ITEM(option, number, pointer) \
    items[count++] = (struct MHD_OptionItem){(option), (intptr_t)(number), (pointer)}
    ITEM(MHD_OPTION_CONNECTION_LIMIT, connections, NULL);
    ITEM(MHD_OPTION_PER_IP_CONNECTION_LIMIT, each, NULL);
    ITEM(MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, NULL);
    ITEM(MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_EACH, NULL);
    ITEM(MHD_OPTION_LISTEN_SOCKET, server->listener.socket, NULL);
    ITEM(MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)end_request, server);
    ITEM(MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)count_connection, server);
    ITEM(MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)begin_request, server);
    if (threads > 1) {
        ITEM(MHD_OPTION_THREAD_POOL_SIZE, threads, NULL);
    }
    if (o->cert_path != NULL) {
        if (fs_read(o->cert_path, PEM_AT_MOST, &server->arena, &cert, err) != 0 ||
            fs_read(o->key_path, PEM_AT_MOST, &server->arena, &key, err) != 0) {
            return -1;
        }
        flags |= MHD_USE_TLS;
        ITEM(MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert.data);
        ITEM(MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key.data);
    }
    ITEM(MHD_OPTION_END, 0, NULL);
#undef ITEM
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, server, MHD_OPTION_ARRAY, items,
                                      MHD_OPTION_END);
    if (server->daemon == NULL) {
        return o->cert_path != NULL
                   ? error_set(err,
                               "%s, %s : le serveur ne démarre pas avec ce certificat et cette clé "
                               "(fichiers PEM ?)",
                               "%s, %s: the server does not start with this certificate and key "
                               "(PEM files?)",
                               o->cert_path, o->key_path)
                   : error_set(err, "le serveur ne démarre pas (%s)",
                               "the server does not start (%s)", strerror(errno));
    }
    server->listener.socket = -1; /* the daemon's from now on */
    return 0;
}

static void name_address(struct server *server)
{
    bool tls = server->options.cert_path != NULL;
    const char *host = server->listener.address;
    if (strcmp(host, "0.0.0.0") == 0) { /* all addresses: here one of them */
        host = "127.0.0.1";
    } else if (strcmp(host, "[::]") == 0) {
        host = "[::1]";
    }
    (void)snprintf(server->address, sizeof server->address, "http%s://%s:%u/", tls ? "s" : "", host,
                   server->listener.port);
}

int serve_open(struct server **out, const struct serve_options *options, struct error *err)
{
    struct server *server = xcalloc(1, sizeof *server);
    *out = NULL;
    server->options = *options;
    server->listener.socket = -1;
    server->watch.tell = options->tell;
    server->watch.context = options->context;
    server->watch.events = &server->events;
    server->watch.metrics = &server->metrics;
    server->watch.tick = shut_slow;
    server->watch.tick_context = server;
    guard_init(&server->guard, options->hosts, options->token);
    if (check_data(options->data, err) != 0 ||
        listener_open(&server->listener, options->listen, options->port, options->or_next, err) !=
            0 ||
        check_options(server, err) != 0) {
        goto failed;
    }
    /* Who opens us from the same site could look into our process. Without a token that is a
     * program of this machine, which may ask us itself. */
    pages_init(&server->pages, options->token != NULL);
    events_init(&server->events, &server->metrics);
    peers_init(&server->peers);
    server->ready = true;
    if (watch_init(&server->watch, options->data, err) != 0) {
        goto failed;
    }
    if (jobs_start(&server->jobs) != 0 || watch_start(&server->watch) != 0) {
        (void)error_set(err, "pas assez de fils d'exécution pour servir (%s)",
                        "not enough threads to serve (%s)", strerror(errno));
        goto failed;
    }
    if (start_daemon(server, err) != 0) {
        goto failed;
    }
    name_address(server);
    *out = server;
    return 0;
failed:
    serve_close(server);
    return -1;
}

const char *serve_address(const struct server *server)
{
    return server->address;
}

/* Gives answers that were begun a moment to end. */
static void wait_for_requests(const struct server *server)
{
    const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    double until = seconds_now() + CLOSE_SECONDS;
    while (atomic_load(&server->active) > 0 && seconds_now() < until) {
        (void)nanosleep(&moment, NULL);
    }
}

void serve_close(struct server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->daemon != NULL) {
        MHD_socket socket = MHD_quiesce_daemon(server->daemon); /* nobody new */
        if (socket != MHD_INVALID_SOCKET) {
            (void)close(socket);
        }
        wait_for_requests(server);
    }
    watch_end(&server->watch);
    jobs_end(&server->jobs); /* every sleeping request is awake after this */
    if (server->ready) {
        events_end(&server->events);
    }
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    if (server->ready) {
        events_release(&server->events);
        peers_release(&server->peers);
        watch_release(&server->watch);
    }
    if (server->listener.socket >= 0) {
        (void)close(server->listener.socket);
    }
    pages_release(&server->pages);
    arena_release(&server->arena);
    free(server);
}
