/* The bytes of one file, decompressed while they are read and hashed as they lie on disk, and a
 * window that slides over them. Memory is bounded: by the window's limit and the decompressor's
 * own window. */
#ifndef INGEST_STREAM_H
#define INGEST_STREAM_H

#include "base/columns.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

enum stream_end {
    STREAM_OPEN,       /* there is more */
    STREAM_WHOLE,      /* the end was reached */
    STREAM_UNREADABLE, /* the disk fails, or it is no file */
    STREAM_BROKEN,     /* the compressed data is damaged or cut off */
};

/* A zeroed one can be opened; decompressors are kept from file to file. */
struct stream {
    int fd;
    enum compression compression;
    struct stat info; /* as the file was when it was opened */
    struct hash hash;
    uint64_t disk_bytes;
    bool disk_end;        /* the file was read to its end, the hash is complete */
    bool between_members; /* the last gzip member or zstd frame ended */
    char *disk;           /* compressed bytes waiting: [disk_start, disk_used) */
    size_t disk_start, disk_used;
    z_stream gzip;
    bool gzip_ready;
    ZSTD_DCtx *zstd;
};

/* Opens `name` in the folder `folder_fd` (AT_FDCWD: the current one). False when it cannot be
 * opened or is no regular file; errno is then set (0: no regular file). */
bool stream_open(struct stream *stream, int folder_fd, const char *name,
                 enum compression compression);

/* Closes; the hash of the whole file goes to `sha256`, "" when it could not be read to its end.
 * NULL: nobody wants it, so what was not read yet stays unread. */
void stream_close(struct stream *stream, char sha256[HASH_TEXT_SIZE]);

/* Frees what is kept from file to file. */
void stream_release(struct stream *stream);

enum { WINDOW_ZEROS = 64 };

/* The part of the stream that is in memory: data[start, used), and WINDOW_ZEROS zeros behind it,
 * so that readers may look at some bytes at once wherever they are. */
struct window {
    char *data;
    size_t start, used, room;
    int64_t offset; /* of data[start] in the uncompressed file */
    enum stream_end end;
};

/* Makes the window ready for a new stream, and steps over a byte order mark. */
void window_begin(struct window *window, struct stream *stream, size_t limit);

/* Reads on until the window is full, growing it (to about `limit` bytes) when it is. False when
 * nothing was added: the end is reached, or the limit. */
bool window_fill(struct window *window, struct stream *stream, size_t limit);

/* Steps over `size` bytes. */
void window_skip(struct window *window, size_t size);

/* What is in the window. */
static inline struct bytes window_bytes(const struct window *window)
{
    return (struct bytes){.data = window->data + window->start,
                          .size = window->used - window->start};
}

/* Frees it; zeroed again. */
void window_release(struct window *window);

#endif
