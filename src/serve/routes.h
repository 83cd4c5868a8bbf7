/* The table of routes: the dispatcher, the check of parameters and the OpenAPI document come from
 * it. */
#ifndef SERVE_ROUTES_H
#define SERVE_ROUTES_H

#include "serve/call.h"

enum takes { /* parameters besides lang, which every route takes */
             TAKES_RUN = 1,
             TAKES_SELECTION = 2,
             TAKES_SORT = 4,
             TAKES_PAGE = 8,
             TAKES_BY = 16,
             TAKES_REASON = 32,
             TAKES_EXPORT = 64,
};

enum route_kind {
    ROUTE_ANSWER,  /* a document, the same as long as the view is */
    ROUTE_EXPORT,  /* rows, streamed */
    ROUTE_EVENTS,  /* server-sent events */
    ROUTE_HEALTH,  /* how things are just now */
    ROUTE_METRICS, /* likewise, for Prometheus */
};

enum route_needs {
    NEEDS_NOTHING,
    NEEDS_GOLD, /* some run */
    NEEDS_RUN,  /* the one that is asked for, loaded */
};

struct route {
    const char *path; /* "/api/v1/vehicles/{vin}" */
    enum route_kind kind;
    enum route_needs needs;
    unsigned takes;
    bool slow; /* reads files: not for the threads that serve everybody */
    int (*answer)(struct call *call);
    const char *summary; /* for the OpenAPI document, in English as all of it */
    const char *schema;  /* of the answer, in schemas.json; or NULL */
    const char *mime;
};

extern const struct route routes[];
extern const size_t route_count;

struct parameter_fact {
    const char *name;
    unsigned takes;          /* the group that it belongs to; 0: every route */
    const char *schema;      /* JSON */
    const char *description; /* English */
};

extern const struct parameter_fact parameter_facts[];
extern const size_t parameter_fact_count;

/* The route of a path, with what stands for {vin} (it points into `path`); NULL: none. */
const struct route *route_find(const char *path, const char **vin);

/* The language that lang= asks for, else the one of Accept-Language, else French. A wrong value
 * counts as none: route_read() refuses it. */
enum lang route_lang(const struct target *target, const char *accept_language);

/* The run date that run= asks for. False with a problem when it is none; *given tells. */
bool route_run_date(const struct route *route, const struct target *target, bool *given,
                    int32_t *run_date, struct problem *problem);

/* Reads the parameters into the call, checking each. */
int route_read(const struct route *route, const struct target *target, struct call *call);

/* Route, run date and parameters in one order, as a key of the cache: equal ones ask the same.
 * Owned by the arena. */
struct bytes route_key(const struct route *route, const char *vin, const struct target *target,
                       int32_t run_date, struct arena *arena);

#endif
