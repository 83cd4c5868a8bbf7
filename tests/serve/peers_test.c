/* Slow clients: whoever lets us wait for a request is shut out, whoever is being answered is not.
 */
#include "tests.h"

#include "serve/peers.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static void open_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

/* True when the other end has been shut. */
static bool is_shut(const int ends[2])
{
    char byte;
    return recv(ends[1], &byte, 1, 0) == 0;
}

static void test_only_those_who_let_us_wait_are_shut(void **state)
{
    (void)state;
    struct peers peers;
    int slow[2], new[2], asked[2], idle[2];
    open_pair(slow);
    open_pair(new);
    open_pair(asked);
    open_pair(idle);
    peers_init(&peers);
    struct peer *a = peers_add(&peers, slow[0], 100);
    struct peer *b = peers_add(&peers, new[0], 150);
    struct peer *c = peers_add(&peers, asked[0], 100);
    struct peer *d = peers_add(&peers, idle[0], 90);
    peer_asked(c);
    peer_asked(d);
    peer_waits(d, 110); /* answered; the next request does not come */
    peers_shut_slow(&peers, 120);
    assert_true(is_shut(slow));
    assert_false(is_shut(new));
    assert_false(is_shut(asked));
    assert_true(is_shut(idle));
    peers_remove(&peers, b); /* in the middle, at the ends, alone */
    peers_remove(&peers, d);
    peers_remove(&peers, a);
    peers_shut_slow(&peers, 1000);
    assert_false(is_shut(asked));
    assert_false(is_shut(new));
    peers_remove(&peers, c);
    peers_remove(&peers, NULL);
    peer_asked(NULL);
    peer_waits(NULL, 1);
    peers_release(&peers);
    for (int i = 0; i < 2; i++) {
        (void)close(slow[i]);
        (void)close(new[i]);
        (void)close(asked[i]);
        (void)close(idle[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_those_who_let_us_wait_are_shut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
