/* SHA-256 of memory and of files; see hash.h. */
#include "base/hash.h"

#include "base/arena.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void hash_init(struct hash *hash)
{
    sha256_init(&hash->state);
}

void hash_update(struct hash *hash, const void *bytes, size_t size)
{
    sha256_update(&hash->state, size, bytes);
}

void hash_finish(struct hash *hash, char out[HASH_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&hash->state, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[HASH_TEXT_SIZE - 1] = '\0';
}

int hash_file(const char *path, char out[HASH_TEXT_SIZE], uint64_t *bytes, struct error *err)
{
    enum { BLOCK = 256 * 1024 };
    struct hash hash;
    unsigned char *block = NULL;
    uint64_t total = 0;
    int status = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        goto failed;
    }
    block = xcalloc(BLOCK, 1);
    hash_init(&hash);
    for (;;) {
        ssize_t got = read(fd, block, BLOCK);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            goto failed;
        }
        if (got == 0) {
            break;
        }
        hash_update(&hash, block, (size_t)got);
        total += (uint64_t)got;
    }
    hash_finish(&hash, out);
    *bytes = total;
    status = 0;
    goto done;
failed:
    fs_read_error(path, err);
done:
    free(block);
    if (fd >= 0) {
        close(fd);
    }
    return status;
}
