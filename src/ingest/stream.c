/* Reads files, plain, gzip (RFC 1952, several members) or zstd (several frames); see stream.h. */
#include "ingest/stream.h"

#include "base/arena.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SLACK: what a reader may want to see behind a record of exactly the limit. */
enum { DISK_ROOM = 128 * 1024, WINDOW_ROOM = 256 * 1024, SLACK = 64 };

bool stream_open(struct stream *stream, int folder_fd, const char *name,
                 enum compression compression)
{
    /* O_NONBLOCK: a pipe among the files must not hold us up. */
    stream->fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (stream->fd < 0) {
        return false;
    }
    if (fstat(stream->fd, &stream->info) != 0 || !S_ISREG(stream->info.st_mode)) {
        close(stream->fd);
        errno = 0;
        return false;
    }
    stream->compression = compression;
    hash_init(&stream->hash);
    stream->disk_bytes = 0;
    stream->disk_end = false;
    stream->between_members = false;
    stream->disk_start = stream->disk_used = 0;
    if (compression == COMPRESSION_GZIP) {
        if (!stream->gzip_ready && inflateInit2(&stream->gzip, 15 + 16) != Z_OK) {
            out_of_memory();
        }
        stream->gzip_ready = true;
        inflateReset(&stream->gzip);
    } else if (compression == COMPRESSION_ZSTD) {
        if (!stream->zstd && !(stream->zstd = ZSTD_createDCtx())) {
            out_of_memory();
        }
        ZSTD_DCtx_reset(stream->zstd, ZSTD_reset_session_only);
    }
    if (compression != COMPRESSION_NONE && !stream->disk) {
        stream->disk = xcalloc(DISK_ROOM, 1);
    }
    return true;
}

/* Bytes as they lie on disk: how many, 0 at the end, -1 when the disk fails. Fewer than asked,
 * behind all that the file had when it was opened, are its end as well: a read less for each small
 * file. */
static ssize_t read_disk(struct stream *stream, char *out, size_t room)
{
    ssize_t got;
    do {
        got = read(stream->fd, out, room < SSIZE_MAX ? room : SSIZE_MAX);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        hash_update(&stream->hash, out, (size_t)got);
        stream->disk_bytes += (uint64_t)got;
    }
    stream->disk_end = got == 0 || (got > 0 && (size_t)got < room &&
                                    stream->disk_bytes >= (uint64_t)stream->info.st_size);
    return got;
}

void stream_close(struct stream *stream, char sha256[HASH_TEXT_SIZE])
{
    char rest[4096]; /* behind a break */
    while (sha256 && !stream->disk_end && read_disk(stream, rest, sizeof rest) > 0) {
    }
    if (sha256) {
        sha256[0] = '\0';
    }
    if (sha256 && stream->disk_end) {
        hash_finish(&stream->hash, sha256);
    }
    close(stream->fd);
    stream->fd = -1;
}

void stream_release(struct stream *stream)
{
    free(stream->disk);
    if (stream->gzip_ready) {
        inflateEnd(&stream->gzip);
    }
    ZSTD_freeDCtx(stream->zstd);
    *stream = (struct stream){.fd = -1};
}

/* ---- decompression: one step takes waiting bytes and makes new ones; false when damaged ---- */

static bool step_gzip(struct stream *stream, char *out, size_t room, size_t *made)
{
    z_stream *gzip = &stream->gzip;
    size_t waiting = stream->disk_used - stream->disk_start;
    if (stream->between_members) {
        inflateReset(gzip);
        stream->between_members = false;
    }
    gzip->next_in = (Bytef *)stream->disk + stream->disk_start;
    gzip->avail_in = (uInt)waiting;
    gzip->next_out = (Bytef *)out;
    gzip->avail_out = room < UINT_MAX ? (uInt)room : UINT_MAX;
    uInt asked = gzip->avail_out;
    int status = inflate(gzip, Z_NO_FLUSH);
    stream->disk_start += waiting - gzip->avail_in;
    *made = asked - gzip->avail_out;
    stream->between_members = status == Z_STREAM_END;
    return status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR;
}

static bool step_zstd(struct stream *stream, char *out, size_t room, size_t *made)
{
    ZSTD_inBuffer in = {stream->disk + stream->disk_start, stream->disk_used - stream->disk_start,
                        0};
    ZSTD_outBuffer to = {out, room, 0};
    size_t left = ZSTD_decompressStream(stream->zstd, &to, &in);
    stream->disk_start += in.pos;
    *made = to.pos;
    stream->between_members = left == 0;
    return !ZSTD_isError(left);
}

/* Some decompressed bytes, or the reason why there are none. */
static enum stream_end read_compressed(struct stream *stream, char *out, size_t room, size_t *made)
{
    *made = 0;
    for (;;) {
        if (stream->disk_start == stream->disk_used && !stream->disk_end) {
            ssize_t got = read_disk(stream, stream->disk, DISK_ROOM);
            if (got < 0) {
                return STREAM_UNREADABLE;
            }
            stream->disk_start = 0;
            stream->disk_used = (size_t)got;
        }
        bool exhausted = stream->disk_start == stream->disk_used;
        if (exhausted && stream->between_members) {
            return STREAM_WHOLE;
        }
        bool sound = stream->compression == COMPRESSION_GZIP ? step_gzip(stream, out, room, made)
                                                             : step_zstd(stream, out, room, made);
        if (!sound || (exhausted && *made == 0 && !stream->between_members)) {
            return STREAM_BROKEN;
        }
        if (*made > 0) {
            return STREAM_OPEN;
        }
    }
}

static enum stream_end read_some(struct stream *stream, char *out, size_t room, size_t *made)
{
    if (stream->compression != COMPRESSION_NONE) {
        return read_compressed(stream, out, room, made);
    }
    ssize_t got = read_disk(stream, out, room);
    *made = got > 0 ? (size_t)got : 0;
    return got < 0 ? STREAM_UNREADABLE : stream->disk_end ? STREAM_WHOLE : STREAM_OPEN;
}

/* ---- the window ---- */

bool window_fill(struct window *window, struct stream *stream, size_t limit)
{
    if (window->end != STREAM_OPEN) {
        return false;
    }
    if (window->start > 0) {
        memmove(window->data, window->data + window->start, window->used - window->start);
        window->used -= window->start;
        window->start = 0;
    }
    if (window->used == window->room) {
        if (window->room >= limit + SLACK) {
            return false;
        }
        window->room = window->room ? window->room * 2 : WINDOW_ROOM;
        if (window->room > limit + SLACK) {
            window->room = limit + SLACK;
        }
        window->data = xrealloc(window->data, window->room + WINDOW_ZEROS, 1);
    }
    while (window->end == STREAM_OPEN && window->used < window->room) {
        size_t made;
        window->end =
            read_some(stream, window->data + window->used, window->room - window->used, &made);
        window->used += made;
    }
    memset(window->data + window->used, 0, WINDOW_ZEROS);
    return true; /* something was read, or the end was seen */
}

void window_begin(struct window *window, struct stream *stream, size_t limit)
{
    window->start = window->used = 0;
    window->offset = 0;
    window->end = STREAM_OPEN;
    window_fill(window, stream, limit);
    if (window->used >= 3 && memcmp(window->data, "\xef\xbb\xbf", 3) == 0) {
        window_skip(window, 3);
    }
}

void window_skip(struct window *window, size_t size)
{
    assert(size <= window->used - window->start);
    window->start += size;
    window->offset += (int64_t)size;
}

void window_release(struct window *window)
{
    free(window->data);
    *window = (struct window){0};
}
