/* SHA-256 (nettle), so that every recorded hash can be checked with `sha256sum`. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/error.h"

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

enum { HASH_TEXT_SIZE = 65 }; /* 64 hexadecimal digits and the NUL */

struct hash {
    struct sha256_ctx state;
};

/* Makes the state ready for a text. */
void hash_init(struct hash *hash);

/* Goes on with `size` more bytes of it. */
void hash_update(struct hash *hash, const void *bytes, size_t size);

/* Writes the digest in lower-case hexadecimal and makes the state ready for a new text. */
void hash_finish(struct hash *hash, char out[HASH_TEXT_SIZE]);

/* The hash and the size in bytes of a whole file; -1 when it cannot be read. */
int hash_file(const char *path, char out[HASH_TEXT_SIZE], uint64_t *bytes, struct error *err);

#endif
