/* A file that is written once, from its beginning to its end, and hashed on the way: what is at
 * hand need not be read back. */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include "base/error.h"
#include "base/hash.h"

#include <stddef.h>
#include <stdint.h>

struct written {                 /* what a file holds */
    char sha256[HASH_TEXT_SIZE]; /* "": not known */
    uint64_t bytes;
};

struct sink {
    const char *path; /* for messages */
    int fd;
    uint64_t bytes, sent; /* put; of them handed to the disk */
    struct hash hash;
};

/* Makes or empties the file; `path` lives until sink_close(). */
int sink_open(struct sink *sink, const char *path, struct error *err);

/* Writes these bytes behind the others. */
int sink_put(struct sink *sink, const void *bytes, size_t size, struct error *err);

/* Closes the file, which sink_open() opened, after a failure too; `written` (or NULL) tells what it
 * holds when nothing failed. Nothing is synced. */
int sink_close(struct sink *sink, struct written *written, struct error *err);

#endif
