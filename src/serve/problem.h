/* What went wrong with a request, as RFC 9457 tells it: application/problem+json. */
#ifndef SERVE_PROBLEM_H
#define SERVE_PROBLEM_H

#include "base/error.h"
#include "serve/body.h"

struct problem {
    unsigned status;       /* HTTP; 0: nothing went wrong */
    const char *type;      /* last part of the type's URI, "no-gold"; static */
    const char *parameter; /* the one at fault, or NULL */
    struct error err;      /* the detail, in both languages */
};

/* Fills a problem; both formats take the same arguments in the same order. Returns -1. */
int problem_set(struct problem *problem, unsigned status, const char *type, const char *fr,
                const char *en, ...) __attribute__((format(printf, 4, 6), format(printf, 5, 6)));

/* The same about one parameter of the query: status 400; the detail is the error's. */
int problem_of_parameter(struct problem *problem, const char *parameter, const struct error *err);

/* The document, in one language; `instance` is the path that was asked for. */
void problem_write(const struct problem *problem, enum lang lang, const char *instance,
                   struct body *out);

#endif
