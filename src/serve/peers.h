/* Who is connected, and for how long we have waited for what they ask: a client that sends its
 * request a byte at a time would else hold its connection for ever. */
#ifndef SERVE_PEERS_H
#define SERVE_PEERS_H

#include <pthread.h>

struct peer;

struct peers {
    pthread_mutex_t lock;
    struct peer *first;
};

/* An empty list; the end of one from which all are gone. */
void peers_init(struct peers *peers);
void peers_release(struct peers *peers);

/* A connection on `socket` begins: we wait for its first request. */
struct peer *peers_add(struct peers *peers, int socket, double now);

/* It ends; the socket is still open. NULL is fine. */
void peers_remove(struct peers *peers, struct peer *peer);

/* A request is there, to its last byte; and: the request is done, we wait for the next. */
void peer_asked(struct peer *peer);
void peer_waits(struct peer *peer, double now);

/* Shuts connections whose request we have waited for since before `since` (seconds, monotonic). */
void peers_shut_slow(struct peers *peers, double since);

#endif
