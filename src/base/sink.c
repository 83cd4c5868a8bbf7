/* Files that are hashed while they are written; see sink.h. */
#include "base/sink.h"

#include "base/fs.h"

#include <fcntl.h>
#include <unistd.h>

/* So many bytes are handed to the disk at a time, without waiting for it: of 1.5 GB that are synced
 * in the end half a second is left to wait for otherwise. */
enum { SENT_BYTES = 32 << 20 };

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
#ifdef SYNC_FILE_RANGE_WRITE
    if (sink->bytes - sink->sent >= SENT_BYTES) { /* where it cannot be done nothing is lost */
        (void)sync_file_range(sink->fd, (off_t)sink->sent, (off_t)(sink->bytes - sink->sent),
                              SYNC_FILE_RANGE_WRITE);
        sink->sent = sink->bytes;
    }
#endif
    return 0;
}

int sink_close(struct sink *sink, struct written *written, struct error *err)
{
    if (close(sink->fd) != 0) {
        return fs_write_error(sink->path, err);
    }
    if (written) {
        hash_finish(&sink->hash, written->sha256);
        written->bytes = sink->bytes;
    }
    return 0;
}
