/* Server-sent events: pages that wait for the next run. A connection without news is suspended, so
 * that thousands of them cost nothing. */
#ifndef SERVE_EVENTS_H
#define SERVE_EVENTS_H

#include "serve/metrics.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct stream;

struct events {
    pthread_mutex_t lock;
    struct stream *streams;
    uint64_t news; /* counts what events_tell() was told */
    char text[256];
    bool ending;
    struct metrics *metrics;
};

/* Nobody listens yet; `metrics` must outlive it. */
void events_init(struct events *events, struct metrics *metrics);

/* What a page that connects is told at once, and those that wait now: an event of the stream
 * format, or "" (nothing yet). */
void events_tell(struct events *events, const char *text);

/* Sends a comment to all, so that nobody between takes the connection for dead, and we notice who
 * is gone. */
void events_ping(struct events *events);

/* Answers a request by a stream of events. */
enum MHD_Result events_send(struct events *events, struct MHD_Connection *connection);

/* Ends all streams; new ones end at once. To be called before the server stops. */
void events_end(struct events *events);

/* Frees; no stream is left. */
void events_release(struct events *events);

#endif
