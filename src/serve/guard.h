/* Who may ask: the name that a request calls us by, and the token. Memory only. */
#ifndef SERVE_GUARD_H
#define SERVE_GUARD_H

#include "base/hash.h"

#include <stdbool.h>

struct guard {
    const char *hosts; /* names besides localhost, joined by ','; or NULL */
    bool wants_token;
    char token[HASH_TEXT_SIZE]; /* its hash, so that equal lengths are compared */
};

/* The token is hashed, not kept; NULL: none is wanted. */
void guard_init(struct guard *guard, const char *hosts, const char *token);

/* True when a Host header names us: localhost, an address, or one of the hosts, whatever the port.
 * A page of another name cannot reach us through a browser, also when its name is made to point
 * here (DNS rebinding). */
bool guard_host(const struct guard *guard, const char *host);

/* True when `token` is the one; takes the same time wherever they differ. */
bool guard_token(const struct guard *guard, const char *token);

/* True when a request may pass: no token is wanted, or Authorization "Bearer TOKEN" or the cookie
 * has it. The headers may be NULL. */
bool guard_request(const struct guard *guard, const char *authorization, const char *cookies);

#define GUARD_COOKIE "autostream"

#endif
