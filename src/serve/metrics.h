/* Figures about the server, counted without locks and told as Prometheus reads them. */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include "serve/body.h"
#include "serve/view.h"

#include <stdatomic.h>

enum {
    METRIC_ROUTES = 32, /* those of routes.h, and the ones below */
    METRIC_STATUSES = 6,
    METRIC_BUCKETS = 10,
};

/* What a request was for: a place in routes[], or one of these behind them. */
enum { METRIC_PAGES = METRIC_ROUTES - 2, METRIC_OTHERS = METRIC_ROUTES - 1 };

struct metrics {
    atomic_ullong requests[METRIC_ROUTES][METRIC_STATUSES]; /* by hundreds of the status */
    atomic_ullong buckets[METRIC_BUCKETS + 1];              /* not yet summed up */
    atomic_ullong microseconds;
    atomic_ullong cache_hits, cache_misses;
    atomic_ullong runs_loaded, load_failures;
    atomic_llong connections, streams;
};

/* Counts an answered request: its route's number, its HTTP status, how long it took. */
void metrics_count(struct metrics *metrics, size_t route, unsigned status, double seconds);

/* The text for Prometheus (exposition format 0.0.4). */
void metrics_write(struct metrics *metrics, const struct view *view, struct body *out);

#endif
