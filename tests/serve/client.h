/* A server of the program under test, and a client that sends it any bytes: for end-to-end tests.
 */
#ifndef TESTS_SERVE_CLIENT_H
#define TESTS_SERVE_CLIENT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct served {
    struct arena *arena;
    pid_t pid; /* 0: it has ended */
    uint16_t port;
    const char *address;
    const char *notes; /* file that its standard error goes to */
};

/* Starts `autostream --json --data DATA serve --port 0` and the arguments (ended by NULL), waits
 * for its address. */
void served_start(struct served *served, struct arena *arena, const char *data, ...)
    __attribute__((sentinel));

/* Tells it to end (SIGTERM), waits, and asserts exit status 0. */
void served_stop(struct served *served);

/* True while the process lives. */
bool served_lives(struct served *served);

/* What it said on standard error so far. */
const char *served_notes(struct served *served);

struct reply {
    int status;       /* 0: the connection was closed without an answer */
    const char *head; /* status line and headers, NUL-terminated */
    const char *body; /* NUL-terminated, chunks joined */
    size_t size;
};

/* Sends bytes as they are on a new connection and reads one answer. */
struct reply served_send(struct served *served, const void *bytes, size_t size);

/* GET target, with more header lines ("Name: value\r\n...", or NULL). */
struct reply served_get(struct served *served, const char *target, const char *headers);

/* The value of a header, or NULL; owned by the arena. */
const char *reply_header(struct served *served, const struct reply *reply, const char *name);

/* GET that asserts status 200 and JSON; gives the body. */
const char *served_json(struct served *served, const char *target);

/* GET that asserts a problem of this status whose text holds `says`. */
void served_refuses(struct served *served, const char *target, int status, const char *says);

/* A connection that stays open; for close(). served_try() gives -1 when there is no server. */
int served_try(struct served *served);
int served_connect(struct served *served);

/* Reads from a connection until `text` was seen, at most ten seconds; false: it was not. */
bool served_waits_for(int connection, const char *text);

#endif
