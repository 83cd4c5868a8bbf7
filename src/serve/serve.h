/* The server: dashboards and a JSON API over HTTP, from what a lake has published. It reads gold,
 * quality, quarantine, runs and models, locks nothing, and notices by itself when a run lands.
 *
 * It listens on 127.0.0.1 unless told; on any address that others can reach it wants a token. */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct server;

struct serve_options {
    const char *data;   /* root of the lake; need not hold gold yet */
    const char *listen; /* address or "localhost"; NULL: 127.0.0.1 */
    uint16_t port;      /* 0: any that is free */
    bool or_next;       /* when the port is taken, the next free one */
    const char *hosts;  /* names besides localhost that requests may call us by, joined by ','; NULL
                           none. Addresses are always taken */
    const char *token;  /* what requests must know; NULL: nothing (loopback only) */
    const char *cert_path, *key_path; /* PEM files for TLS, or NULLs */
    unsigned per_client;              /* connections of one address; 0: the default */
    unsigned threads;                 /* 0: all available cores */
    void (*tell)(void *context, const struct error *what); /* told of trouble and of new runs, by
                                                              another thread; NULL: nobody */
    void *context;
};

/* Starts serving, in threads of its own. A data folder that cannot be read, a port that is taken
 * and an address that needs a token are errors. *out is for serve_close(), NULL after a failure. */
int serve_open(struct server **out, const struct serve_options *options, struct error *err);

/* "http://127.0.0.1:8501/"; lives as long as the server. */
const char *serve_address(const struct server *server);

/* Answers what was begun, then ends all threads and frees; NULL is fine. */
void serve_close(struct server *server);

#endif
