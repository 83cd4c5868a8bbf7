/* Hostile clients: malformed requests by the thousand, and clients that take their time. The server
 * answers or closes, lives, and serves the others meanwhile.
 *
 * usage: hostile_test PROOF [COUNT [SEED]]
 *   malformed   COUNT requests (10,000 when not given), the same for the same SEED (1), a thousand
 *               at a time; waits until the server has closed every connection
 *   slow        COUNT clients (400) that send heads and bodies a byte at a time, send nothing, or
 *               read nothing; goes on until the server has closed every one (about 70 s)
 *   beside      the same for a few moments: whether the others are served
 *   planted     with faults planted by the library AUTOSTREAM_PRELOAD (proofs/preload.c): the
 * server dies of a byte, and never shuts a connection; both proofs must find it */
#include "tests.h"

#include "e2e/e2e.h"
#include "serve/client.h"

#include "base/rng.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
    size_t count;
    uint64_t seed;
} wanted;

/* ---- malformed requests ---- */

struct text {
    char *data;
    size_t size, room;
};

static void put(struct text *out, const char *bytes, size_t size)
{
    size = size < out->room - out->size ? size : out->room - out->size;
    memcpy(out->data + out->size, bytes, size);
    out->size += size;
}

static void say(struct text *out, const char *words)
{
    put(out, words, strlen(words));
}

static void put_noise(struct text *out, struct rng *rng, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char byte = (char)rng_below(rng, 256);
        put(out, &byte, 1);
    }
}

#define PICK(rng, list) (list)[rng_below((rng), sizeof(list) / sizeof *(list))]

/* A request as it should be. */
static void put_good(struct text *out, struct rng *rng)
{
    static const char *const targets[] = {
        "/",
        "/healthz",
        "/metrics",
        "/api/v1/runs",
        "/api/v1/summary?statut=CRITIQUE,ALERTE",
        "/api/v1/vehicles?sort=-prob_panne&size=10&page=2&q=75%31",
        "/api/v1/vehicles/VIN-751000",
        "/api/v1/vehicles.csv?panne=1,4&lang=en",
        "/api/v1/trends?by=week&run=2026-11-23",
        "/api/v1/quarantine?page=1",
        "/api/v1/openapi.json"};
    static const char *const headers[] = {
        "",
        "Accept: text/html\r\n",
        "Accept-Encoding: gzip;q=0.5, br\r\n",
        "If-None-Match: \"abc\", W/\"def\"\r\n",
        "Accept-Language: fr-FR,en;q=0.8\r\n",
        "Authorization: Bearer abcdefghijklmnopqrstuvwx\r\nCookie: a=b; autostream=c\r\n"};
    say(out, "GET ");
    say(out, PICK(rng, targets));
    say(out, " HTTP/1.1\r\nHost: localhost\r\n");
    say(out, PICK(rng, headers));
    say(out, "\r\n");
}

/* One to eight bytes of it are changed, left out or put in. */
static void put_mutated(struct text *out, struct rng *rng)
{
    static const char bytes[] = "\0\r\n\t %:/?&=;,\"\\\xff\x80";
    put_good(out, rng);
    for (uint64_t n = 1 + rng_below(rng, 8); n > 0; n--) {
        size_t at = rng_below(rng, out->size);
        char byte =
            rng_below(rng, 2) ? bytes[rng_below(rng, sizeof bytes - 1)] : (char)rng_below(rng, 256);
        size_t rest = out->size - at - 1;
        switch (rng_below(rng, 3)) {
        case 0:
            out->data[at] = byte;
            break;
        case 1:
            memmove(out->data + at, out->data + at + 1, rest);
            out->size--;
            break;
        default:
            memmove(out->data + at + 1, out->data + at, rest);
            out->data[at] = byte;
            break;
        }
    }
}

static void put_bad_target(struct text *out, struct rng *rng)
{
    static const char *const parts[] = {"%",
                                        "%zz",
                                        "%00",
                                        "%ff",
                                        "%c0%af",
                                        "../",
                                        "//",
                                        "\\",
                                        "?",
                                        "&",
                                        "=",
                                        "#",
                                        "%2e%2e%2f",
                                        "vin[]=1",
                                        "sort=",
                                        "page=-1",
                                        "size=99999999999999999999",
                                        "run=0000-00-00",
                                        ";",
                                        "'--"};
    say(out, "GET /api/v1/vehicles");
    for (uint64_t n = 1 + rng_below(rng, 200); n > 0; n--) {
        say(out, PICK(rng, parts));
    }
    say(out, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

static void put_bad_head(struct text *out, struct rng *rng)
{
    static const char *const starts[] = {"GET",
                                         "GET /",
                                         "GET / HTTP/9.9",
                                         "get / HTTP/1.1",
                                         "GET / HTTP/1.1 x",
                                         " GET / HTTP/1.1",
                                         "GET  /  HTTP/1.1",
                                         "POST / HTTP/1.0",
                                         "PRI * HTTP/2.0",
                                         "CONNECT a:1 HTTP/1.1",
                                         "GET http://x/ HTTP/1.1",
                                         "\x16\x03\x01\x02\x01\x01\xfc"};
    static const char *const lines[] = {"Host localhost",
                                        "Host: localhost",
                                        "Host: a\r\nHost: b",
                                        " folded",
                                        ": none",
                                        "A : b",
                                        "A\tB: c",
                                        "Host:",
                                        "Content-Length: -1",
                                        "Content-Length: 1e9",
                                        "Content-Length: 5\r\nContent-Length: 6",
                                        "Transfer-Encoding: chunked",
                                        "Transfer-Encoding: x, chunked",
                                        "Connection: upgrade\r\nUpgrade: h2c",
                                        "Expect: 100-continue",
                                        "Range: bytes=-1--9",
                                        "Cookie: ===;;;=",
                                        "A: \x01\x7f\xff"};
    static const char *const ends[] = {"\r\n", "\n", "\r", "\r\r\n", "\0\r\n"};
    say(out, PICK(rng, starts));
    say(out, PICK(rng, ends));
    for (uint64_t n = rng_below(rng, 8); n > 0; n--) {
        say(out, PICK(rng, lines));
        say(out, PICK(rng, ends));
    }
    say(out, PICK(rng, ends));
}

/* Heads and lines that are larger than any should be, and as many as fit. */
static void put_large(struct text *out, struct rng *rng)
{
    say(out, "GET /");
    for (uint64_t n = rng_below(rng, 2) ? rng_below(rng, 20000) : 0; n > 0; n--) {
        say(out, "a");
    }
    say(out, " HTTP/1.1\r\nHost: localhost\r\n");
    for (uint64_t n = rng_below(rng, 4000); n > 0; n--) {
        say(out, rng_below(rng, 50) ? "A: b\r\n" : "Cookie: a=b; c=d\r\n");
    }
    say(out, "\r\n");
}

static void put_bad_body(struct text *out, struct rng *rng)
{
    static const char *const sizes[] = {
        "5\r\nhello\r\n0\r\n\r\n", "zz\r\n",          "-1\r\n",          "\r\n",
        "ffffffffffffffffff\r\n",  "5;x=\"\r\nhello", "0\r\nA b\r\n\r\n"};
    say(out, rng_below(rng, 2) ? "GET" : "POST");
    say(out, " /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n");
    if (rng_below(rng, 2)) {
        say(out, "Transfer-Encoding: chunked\r\n\r\n");
        say(out, PICK(rng, sizes));
    } else {
        say(out, "Content-Length: 70000\r\n\r\n");
        put_noise(out, rng, rng_below(rng, 70000));
    }
}

static void put_malformed(struct text *out, struct rng *rng)
{
    out->size = 0;
    switch (rng_below(rng, 8)) {
    case 0:
        put_noise(out, rng, 1 + rng_below(rng, 400));
        break;
    case 1:
        put_good(out, rng); /* cut off */
        out->size = 1 + rng_below(rng, out->size - 1);
        break;
    case 2:
        put_bad_target(out, rng);
        break;
    case 3:
        put_bad_head(out, rng);
        break;
    case 4:
        put_large(out, rng);
        break;
    case 5:
        put_bad_body(out, rng);
        break;
    case 6:
        put_good(out, rng); /* and noise behind it */
        put_noise(out, rng, 1 + rng_below(rng, 100));
        break;
    default:
        put_mutated(out, rng);
        break;
    }
}

enum { BATCH = 1000, PATIENCE_SECONDS = 300, FIRST_LINE = 16 };

/* A connection that sent its request, and the first bytes of what came back. */
struct asked {
    int socket; /* -1: closed */
    char line[FIRST_LINE + 1];
    size_t size;
};

static void ask(struct served *served, const struct text *request, bool half_close,
                struct asked *asked)
{
    *asked = (struct asked){.socket = served_try(served)};
    for (size_t sent = 0; asked->socket >= 0 && sent < request->size;) {
        ssize_t more =
            send(asked->socket, request->data + sent, request->size - sent, MSG_NOSIGNAL);
        if (more < 0) {
            break; /* closed: it had seen enough */
        }
        sent += (size_t)more;
    }
    if (half_close) {
        (void)shutdown(asked->socket, SHUT_WR);
    }
}

static void receive(struct asked *asked)
{
    char bytes[16384];
    ssize_t more = recv(asked->socket, bytes, sizeof bytes, 0);
    if (more <= 0) {
        (void)close(asked->socket);
        asked->socket = -1;
        return;
    }
    size_t room = FIRST_LINE - asked->size;
    size_t size = (size_t)more < room ? (size_t)more : room;
    memcpy(asked->line + asked->size, bytes, size);
    asked->size += size;
}

/* Reads until the server has closed them all; how many it has not, after more time than it can
 * need.
 */
static size_t receive_all(struct asked asked[], size_t count)
{
    struct pollfd wait[BATCH];
    size_t open = count;
    for (int round = 0; open > 0 && round < PATIENCE_SECONDS * 10; round++) {
        for (size_t i = 0; i < count; i++) { /* poll() passes over those at -1 */
            wait[i] = (struct pollfd){.fd = asked[i].socket, .events = POLLIN};
        }
        const struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
        (void)nanosleep(&moment, NULL);
        (void)poll(wait, count, 0);
        open = 0;
        for (size_t i = 0; i < count; i++) {
            if (wait[i].fd >= 0 && wait[i].revents != 0) {
                receive(&asked[i]);
            }
            open += asked[i].socket >= 0;
        }
    }
    return open;
}

struct tally {
    size_t closed, refused, others;
};

/* NULL, or what is wrong with the answers. */
static const char *judge(struct e2e *e, const struct asked asked[], size_t first, size_t count,
                         struct tally *tally)
{
    for (size_t i = 0; i < count; i++) {
        bool http = strncmp(asked[i].line, "HTTP/1.", 7) == 0;
        long status = http ? strtol(asked[i].line + 8, NULL, 10) : 0;
        if ((!http && asked[i].size > 0) ||
            (status >= 500 && status != 501 && status != 505)) { /* the method, the version */
            return arena_printf(&e->arena, "request %zu is answered \"%s\"", first + i,
                                asked[i].line);
        }
        tally->closed += status == 0;
        tally->refused += status >= 400;
        tally->others += status > 0 && status < 400;
    }
    return NULL;
}

/* NULL, or what is wrong. */
static const char *send_malformed(struct e2e *e, struct served *served)
{
    enum { ROOM = 80000 };
    struct text request = {.data = arena_alloc(&e->arena, ROOM, 1), .room = ROOM};
    struct asked *asked = ARENA_NEW(&e->arena, struct asked, BATCH);
    struct tally tally = {0};
    struct rng rng;
    size_t count = wanted.count != 0 ? wanted.count : 10000;
    rng_init(&rng, wanted.seed, 0);
    for (size_t first = 0; first < count; first += BATCH) {
        size_t size = count - first < BATCH ? count - first : BATCH;
        for (size_t i = 0; i < size; i++) {
            put_malformed(&request, &rng);
            if (!served_lives(served)) {
                return arena_printf(&e->arena, "the server died of request %zu or one before: %s",
                                    first + i, served_notes(served));
            }
            ask(served, &request, rng_below(&rng, 2) == 1, &asked[i]);
        }
        size_t open = receive_all(asked, size);
        const char *wrong = judge(e, asked, first, size, &tally);
        if (wrong != NULL || open > 0) {
            return wrong != NULL ? wrong
                                 : arena_printf(&e->arena, "%zu neither answered nor closed", open);
        }
    }
    if (!served_lives(served)) {
        return arena_printf(&e->arena, "the server died: %s", served_notes(served));
    }
    print_message(
        "%zu malformed requests: %zu closed, %zu refused, %zu answered as what they still "
        "were\n",
        count, tally.closed, tally.refused, tally.others);
    return served_get(served, "/healthz", NULL).status == 200 ? NULL : "/healthz does not answer";
}

static void test_malformed_requests_are_answered_or_closed(void **state)
{
    struct e2e *e = *state;
    struct served served;
    served_start(&served, &e->arena, e->data, NULL);
    const char *wrong = send_malformed(e, &served);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    served_stop(&served);
}

/* ---- slow clients ---- */

enum slow { SLOW_HEAD, SLOW_BODY, SLOW_SILENT, SLOW_READER, SLOW_COUNT };

static void never_wait(int s)
{
    assert_int_equal(fcntl(s, F_SETFL, fcntl(s, F_GETFL) | O_NONBLOCK), 0);
}

static int slow_client(struct served *served, enum slow kind)
{
    static const char head[] = "GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    static const char body[] =
        "GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n";
    static const char question[] = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int s = served_connect(served);
    never_wait(s);
    if (kind == SLOW_HEAD) {
        (void)send(s, head, sizeof head - 1, MSG_NOSIGNAL);
    } else if (kind == SLOW_BODY) {
        (void)send(s, body, sizeof body - 1, MSG_NOSIGNAL);
    } else if (kind == SLOW_READER) { /* more answers than the sockets hold, and reads none */
        for (int i = 0; i < 1000; i++) {
            (void)send(s, question, sizeof question - 1, MSG_NOSIGNAL);
        }
    }
    return s;
}

static bool was_closed(int s)
{
    struct pollfd ask = {.fd = s, .events = POLLRDHUP};
    return poll(&ask, 1, 0) > 0;
}

/* Slow clients beside others, for `rounds` of a second or until all were closed; all must be when
 * `all`. NULL, or what is wrong. */
static const char *send_slowly(struct e2e *e, struct served *served, size_t rounds, bool all)
{
    const struct timespec second = {.tv_sec = 1};
    size_t count = wanted.count != 0 ? wanted.count : 400;
    int *clients = ARENA_NEW(&e->arena, int, count);
    size_t open = count;
    size_t round = 0;
    size_t left[SLOW_COUNT] = {0};
    for (size_t i = 0; i < count; i++) {
        clients[i] = slow_client(served, (enum slow)(i % SLOW_COUNT));
    }
    for (; open > 0 && round < rounds; round++) {
        (void)nanosleep(&second, NULL);
        memset(left, 0, sizeof left);
        open = 0;
        for (size_t i = 0; i < count; i++) {
            enum slow kind = (enum slow)(i % SLOW_COUNT);
            if (clients[i] < 0) {
                continue;
            }
            if (was_closed(clients[i])) {
                (void)close(clients[i]);
                clients[i] = -1;
                continue;
            }
            if (kind == SLOW_HEAD || kind == SLOW_BODY) {
                (void)send(clients[i], "a", 1, MSG_NOSIGNAL);
            }
            left[kind]++;
            open++;
        }
        if (served_get(served, "/api/v1/summary", NULL).status != 200) {
            return "somebody else was not served";
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (clients[i] >= 0) {
            (void)close(clients[i]);
        }
    }
    print_message("%zu slow clients: after %zu rounds of a second %zu were open\n", count, round,
                  open);
    return !all || open == 0
               ? NULL
               : arena_printf(&e->arena,
                              "never closed: %zu slow heads, %zu slow bodies, %zu silent, %zu that "
                              "do not read",
                              left[SLOW_HEAD], left[SLOW_BODY], left[SLOW_SILENT],
                              left[SLOW_READER]);
}

static void slow_clients(struct e2e *e, size_t rounds, bool all)
{
    struct served served;
    served_start(&served, &e->arena, e->data, NULL);
    const char *wrong = send_slowly(e, &served, rounds, all);
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
    served_stop(&served);
}

static void test_slow_clients_are_closed(void **state)
{
    slow_clients(*state, PATIENCE_SECONDS, true);
}

static void test_others_are_served_beside_slow_clients(void **state)
{
    slow_clients(*state, 5, false);
}

/* ---- planted faults ---- */

static struct served start_planted(struct e2e *e, const char *plant)
{
    struct served served;
    assert_int_equal(setenv("LD_PRELOAD", getenv("AUTOSTREAM_PRELOAD"), 1), 0);
    assert_int_equal(setenv("PROOFS_PLANT", plant, 1), 0);
    served_start(&served, &e->arena, e->data, NULL);
    assert_int_equal(unsetenv("LD_PRELOAD"), 0);
    return served;
}

static void test_a_server_that_dies_of_a_byte_is_found(void **state)
{
    struct e2e *e = *state;
    struct served served = start_planted(e, "die-of-a-byte");
    const char *wrong = send_malformed(e, &served);
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, "the server died"));
    (void)unlink(served.notes);
}

static void test_a_server_that_shuts_nobody_is_found(void **state)
{
    struct e2e *e = *state;
    struct served served = start_planted(e, "no-shutdown");
    const char *wrong = send_slowly(e, &served, 100, true);
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, "never closed"));
    served_stop(&served);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, e2e_setup, e2e_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest malformed[] = {TEST(test_malformed_requests_are_answered_or_closed)};
    const struct CMUnitTest slow[] = {TEST(test_slow_clients_are_closed)};
    const struct CMUnitTest beside[] = {TEST(test_others_are_served_beside_slow_clients)};
    const struct CMUnitTest planted[] = {TEST(test_a_server_that_dies_of_a_byte_is_found),
                                         TEST(test_a_server_that_shuts_nobody_is_found)};
    const char *proof = argc > 1 ? argv[1] : "";
    wanted.count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    wanted.seed = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
#define RUN(name)                                                                \
    if (strcmp(proof, #name) == 0) {                                             \
        return cmocka_run_group_tests(name, e2e_make_origin, e2e_remove_origin); \
    }
    RUN(malformed)
    RUN(slow)
    RUN(beside)
    RUN(planted)
#undef RUN
    (void)fprintf(stderr, "no such proof: %s\n", proof);
    return 2;
}
