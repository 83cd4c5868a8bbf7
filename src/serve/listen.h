/* A socket to listen on. */
#ifndef SERVE_LISTEN_H
#define SERVE_LISTEN_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct listener {
    int socket;        /* -1: none */
    uint16_t port;     /* as bound */
    bool loopback;     /* only this machine can reach it */
    char address[128]; /* "127.0.0.1", "[::1]": as it stands in a URL */
};

/* Opens a socket at a numeric address or "localhost" (NULL: 127.0.0.1). A port that is taken is an
 * error that names a free one; with `or_next` that one is used. */
int listener_open(struct listener *out, const char *address, uint16_t port, bool or_next,
                  struct error *err);

#endif
