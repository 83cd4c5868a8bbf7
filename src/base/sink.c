/* Files that are hashed while they are written; see sink.h. */
#include "base/sink.h"

#include "base/fs.h"

#include <fcntl.h>
#include <unistd.h>

enum { SENT_BYTES = 32 << 20, LAST_BYTES = 1 << 20 };

/* Hands what was put to the disk, when it is so much, without waiting for it: of 1.5 GB that are
 * synced in the end half a second is left to wait for otherwise. Where it cannot be done nothing is
 * lost. */
static void send_on(struct sink *sink, uint64_t least)
{
#ifdef SYNC_FILE_RANGE_WRITE
    if (sink->bytes - sink->sent >= least) {
        (void)sync_file_range(sink->fd, (off_t)sink->sent, (off_t)(sink->bytes - sink->sent),
                              SYNC_FILE_RANGE_WRITE);
        sink->sent = sink->bytes;
    }
#else
    (void)sink;
    (void)least;
#endif
}

int sink_open(struct sink *sink, const char *path, struct error *err)
{
    *sink = (struct sink){.path = path,
                          .fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
    hash_init(&sink->hash);
    return sink->fd < 0 ? fs_write_error(path, err) : 0;
}

int sink_put(struct sink *sink, const void *bytes, size_t size, struct error *err)
{
    hash_update(&sink->hash, bytes, size);
    if (fs_put(sink->fd, bytes, size) != 0) {
        return fs_write_error(sink->path, err);
    }
    sink->bytes += size;
    send_on(sink, SENT_BYTES);
    return 0;
}

int sink_close(struct sink *sink, struct written *written, struct error *err)
{
    send_on(sink, LAST_BYTES);
    if (close(sink->fd) != 0) {
        return fs_write_error(sink->path, err);
    }
    if (written) {
        hash_finish(&sink->hash, written->sha256);
        written->bytes = sink->bytes;
    }
    return 0;
}
