/* Looks every second whether a run landed, loads it in the background and puts it in place of the
 * one that is served. */
#ifndef SERVE_WATCH_H
#define SERVE_WATCH_H

#include "serve/events.h"
#include "serve/view.h"

#include <pthread.h>

struct watch {
    const char *data;
    struct events *events;
    struct metrics *metrics;
    void (*tell)(void *context, const struct error *what); /* NULL: nobody listens */
    void (*tick)(void *context);                           /* called every second, or NULL */
    void *tick_context;
    void *context;

    pthread_mutex_t view_lock;
    struct view *view; /* what is served now */

    struct arena seen_arena;
    struct run_record *seen; /* the runs that the last look found, whole or not */
    size_t seen_count;
    uint64_t fingerprint; /* of the lake then */
    unsigned failures;    /* looks in a row at a lake that is not whole */
    bool again;           /* there is more to read, whatever the fingerprint says */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending, started;
    pthread_t thread;
};

/* Looks for the first time, and loads; an empty lake is fine. */
int watch_init(struct watch *watch, const char *data, struct error *err);

/* Starts looking; -1: the system has no thread left. */
int watch_start(struct watch *watch);

/* What is served now, kept for the caller. */
struct view *watch_view(struct watch *watch);

/* Stops looking. */
void watch_end(struct watch *watch);

/* Frees; ended. */
void watch_release(struct watch *watch);

#endif
