/* A list of connections; see peers.h. */
#include "serve/peers.h"

#include "base/arena.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

struct peer {
    struct peer *next, *previous;
    int socket;
    _Atomic double waiting_since; /* 0: a request is being answered */
};

void peers_init(struct peers *peers)
{
    *peers = (struct peers){.first = NULL};
    (void)pthread_mutex_init(&peers->lock, NULL);
}

void peers_release(struct peers *peers)
{
    (void)pthread_mutex_destroy(&peers->lock);
}

struct peer *peers_add(struct peers *peers, int socket, double now)
{
    struct peer *peer = xcalloc(1, sizeof *peer);
    peer->socket = socket;
    atomic_init(&peer->waiting_since, now);
    (void)pthread_mutex_lock(&peers->lock);
    peer->next = peers->first;
    if (peer->next != NULL) {
        peer->next->previous = peer;
    }
    peers->first = peer;
    (void)pthread_mutex_unlock(&peers->lock);
    return peer;
}

void peers_remove(struct peers *peers, struct peer *peer)
{
    if (peer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&peers->lock);
    *(peer->previous != NULL ? &peer->previous->next : &peers->first) = peer->next;
    if (peer->next != NULL) {
        peer->next->previous = peer->previous;
    }
    (void)pthread_mutex_unlock(&peers->lock);
    free(peer);
}

void peer_asked(struct peer *peer)
{
    if (peer != NULL) {
        atomic_store(&peer->waiting_since, 0);
    }
}

void peer_waits(struct peer *peer, double now)
{
    if (peer != NULL) {
        atomic_store(&peer->waiting_since, now);
    }
}

void peers_shut_slow(struct peers *peers, double since)
{
    /* Under the lock no peer is removed, so that no socket of theirs is closed and taken anew. */
    (void)pthread_mutex_lock(&peers->lock);
    for (struct peer *peer = peers->first; peer != NULL; peer = peer->next) {
        double waiting = atomic_load(&peer->waiting_since);
        if (waiting > 0 && waiting < since) {
            (void)shutdown(peer->socket, SHUT_RDWR);
        }
    }
    (void)pthread_mutex_unlock(&peers->lock);
}
