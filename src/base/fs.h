/* The few file operations that every room needs, each with its error in words. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "base/arena.h"
#include "base/columns.h"
#include "base/error.h"

#include <stdbool.h>

/* The sentences for a path that could not be read or written, with what errno says; return -1. */
int fs_read_error(const char *path, struct error *err);
int fs_write_error(const char *path, struct error *err);

/* True when something is there under `path` (any type). */
bool fs_exists(const char *path);

/* True when `path` is a folder (links followed). */
bool fs_is_folder(const char *path);

/* Makes a folder and its parents (mode 0777 less umask); done when they are there already. */
int fs_make_folders(const char *path, struct error *err);

/* The whole of a file, NUL-terminated, owned by the arena; a file above `limit` bytes is an error.
 */
int fs_read(const char *path, size_t limit, struct arena *arena, struct bytes *out,
            struct error *err);

/* Writes all of these bytes to an open file, however many calls it takes; -1: errno says why. */
int fs_put(int fd, const void *bytes, size_t size);

/* Writes a new file with these bytes; syncs are for publish.h. An existing file is replaced in
 * place: callers that need all or nothing write under a staging name first. */
int fs_write(const char *path, const void *bytes, size_t size, struct error *err);

/* Removes a file or a whole folder; links are removed, not followed. Nothing there is no error. */
int fs_remove_tree(const char *path, struct error *err);

/* Names in a folder, sorted by byte order, without "." and "..", owned by the arena; an absent
 * folder gives none. */
int fs_list(const char *path, struct arena *arena, char ***names, size_t *count, struct error *err);

#endif
