/* The threads of the server's core, without results and so without the engine: cache, jobs and
 * slow clients used by many threads at once, and a whole server that many clients ask and leave
 * while it ends. What counts most here is what ThreadSanitizer says of it. */
#include "tests.h"

#include "serve/answer.h"
#include "serve/cache.h"
#include "serve/jobs.h"
#include "serve/peers.h"
#include "serve/serve.h"
#include "support/run.h"

#include "base/parallel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 4, TURNS = 2000 };

/* ---- the parts ---- */

struct shared {
    struct cache *cache;
    struct peers peers;
    atomic_size_t wrong;
};

static struct answer *answer_of(size_t key)
{
    struct body body = {0};
    const struct answer_options options = {.mime = "text/plain"};
    body_printf(&body, "answer %zu", key);
    return answer_new(&body, &options);
}

static void use_cache(void *context, size_t index, unsigned worker)
{
    struct shared *shared = context;
    char key[32];
    (void)worker;
    (void)snprintf(key, sizeof key, "key %zu", index % 50);
    struct answer *answer = cache_find(shared->cache, key, strlen(key));
    if (answer == NULL) {
        answer = answer_of(index % 50);
        cache_add(shared->cache, key, strlen(key), answer);
    }
    struct answer *again = cache_find(shared->cache, key, strlen(key));
    atomic_fetch_add(&shared->wrong, again == NULL);
    answer_drop(again);
    answer_drop(answer);
}

static void test_a_cache_is_used_by_many_threads(void **state)
{
    (void)state;
    struct shared shared = {.cache = cache_new()};
    parallel_for(THREADS, TURNS, use_cache, &shared);
    assert_int_equal(atomic_load(&shared.wrong), 0);
    cache_free(shared.cache);
}

static void come_and_go(void *context, size_t index, unsigned worker)
{
    struct shared *shared = context;
    (void)worker;
    struct peer *peer = peers_add(&shared->peers, -1, (double)index);
    peer_asked(peer);
    peers_shut_slow(&shared->peers, (double)TURNS);
    peer_waits(peer, (double)index + 1);
    peers_remove(&shared->peers, peer);
}

static void test_clients_come_and_go_while_slow_ones_are_shut(void **state)
{
    (void)state;
    struct shared shared = {0};
    peers_init(&shared.peers);
    parallel_for(THREADS, TURNS, come_and_go, &shared);
    assert_null(shared.peers.first);
    peers_release(&shared.peers);
}

struct counted {
    struct job job; /* first: it is cast back */
    atomic_size_t *done;
};

struct handing {
    struct jobs jobs;
    struct counted *all;
    atomic_size_t done, refused;
};

static void count(struct job *job)
{
    atomic_fetch_add(((struct counted *)job)->done, 1);
}

static void hand_over(void *context, size_t index, unsigned worker)
{
    struct handing *handing = context;
    (void)worker;
    handing->all[index] = (struct counted){.job = {.run = count}, .done = &handing->done};
    if (!jobs_add(&handing->jobs, &handing->all[index].job)) {
        atomic_fetch_add(&handing->refused, 1);
    }
}

static void test_every_job_that_was_taken_is_done_once(void **state)
{
    (void)state;
    struct handing *handing = calloc(1, sizeof *handing);
    handing->all = calloc(TURNS, sizeof *handing->all);
    assert_int_equal(jobs_start(&handing->jobs), 0);
    parallel_for(THREADS, TURNS, hand_over, handing);
    jobs_end(&handing->jobs);
    assert_int_equal(atomic_load(&handing->done) + atomic_load(&handing->refused), TURNS);
    free(handing->all);
    free(handing);
}

/* ---- the whole ---- */

struct clients {
    uint16_t port;
    atomic_size_t answered, wrong;
};

static int connect_to(uint16_t port)
{
    const struct timeval patience = {.tv_sec = 60};
    const struct sockaddr_in where = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s >= 0);
    assert_int_equal(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(s, (const struct sockaddr *)&where, sizeof where), 0);
    return s;
}

/* One request on a connection of its own, read to its end; some leave at once. */
static void visit(void *context, size_t index, unsigned worker)
{
    static const struct {
        const char *target;
        int status; /* 0: leaves without reading */
    } visits[] = {{"/healthz", 200},
                  {"/metrics", 200},
                  {"/api/v1/openapi.json", 200},
                  {"/api/v1/runs", 404},
                  {"/api/v1/vehicles", 404},
                  {"/nothing", 404},
                  {"/api/v1/events", 0},
                  {"/metrics", 0}};
    struct clients *clients = context;
    char text[4096];
    char first[16] = "";
    size_t size = 0;
    ssize_t more;
    (void)worker;
    size_t v = index % (sizeof visits / sizeof *visits);
    int s = connect_to(clients->port);
    int wanted = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                          visits[v].target);
    (void)send(s, text, (size_t)wanted, MSG_NOSIGNAL);
    while (visits[v].status != 0 && (more = recv(s, text, sizeof text, 0)) > 0) {
        for (ssize_t i = 0; i < more && size < sizeof first - 1; i++) {
            first[size++] = text[i];
        }
    }
    (void)close(s);
    if (visits[v].status != 0) {
        long status = size > 9 ? strtol(first + 9, NULL, 10) : 0;
        atomic_fetch_add(&clients->answered, 1);
        atomic_fetch_add(&clients->wrong, status != visits[v].status);
    }
}

static void test_a_server_is_asked_left_and_ended_by_many(void **state)
{
    (void)state;
    enum { VISITS = 400 };
    struct arena arena = {0};
    struct server *server;
    struct error err;
    char *folder = temp_folder(&arena);
    const struct serve_options options = {.data = folder, .threads = THREADS};
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(serve_open(&server, &options, &err), 0);
    const char *port = strrchr(serve_address(server), ':');
    assert_non_null(port);
    struct clients clients = {.port = (uint16_t)strtoul(port + 1, NULL, 10)};
    int stays = connect_to(clients.port); /* and one that waits for events at the end */
    static const char events[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_true(send(stays, events, sizeof events - 1, MSG_NOSIGNAL) > 0);
    parallel_for(THREADS, VISITS, visit, &clients);
    serve_close(server);
    assert_int_equal(atomic_load(&clients.answered), VISITS / 8 * 6);
    assert_int_equal(atomic_load(&clients.wrong), 0);
    (void)close(stays);
    temp_folder_remove(folder);
    arena_release(&arena);
}

/* ---- a planted race ---- */

static void *race(void *context)
{
    ++*(size_t *)context; /* shared, without a lock */
    return NULL;
}

static int plant(void)
{
    pthread_t threads[2];
    size_t sum = 0;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, &sum), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    return sum > 2;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cache_is_used_by_many_threads),
        cmocka_unit_test(test_clients_come_and_go_while_slow_ones_are_shut),
        cmocka_unit_test(test_every_job_that_was_taken_is_done_once),
        cmocka_unit_test(test_a_server_is_asked_left_and_ended_by_many),
    };
    if (argc > 1 && strcmp(argv[1], "planted") == 0) {
        return plant(); /* for ThreadSanitizer, which must end it with an error */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
