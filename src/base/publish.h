/* Publishing many files as one: either all of them take their places or none.
 *
 * Files are written under ROOT/.staging/ID and hashed, then synced together with a journal that
 * names every one with its hash. The commit is the journal's own name, ROOT/.staging/journal; then
 * the files are renamed into place, their folders synced, the journal deleted. A process that dies
 * before the journal has its name leaves the last good state; one that dies after it is finished by
 * the next command (publish_recover()). What is staged may be a folder of part files
 * (part-00000.parquet, ...) in the place of one file: each part is a file of the publication, and a
 * file gives way to parts, or parts to a file or to fewer parts. One process at a time publishes
 * under a root: ROOT/.lock is held meanwhile, and falls with its holder. */
#ifndef BASE_PUBLISH_H
#define BASE_PUBLISH_H

#include "base/arena.h"
#include "base/error.h"
#include "base/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct published_file {
    const char *path;              /* relative to the root */
    const struct written *written; /* what its writer says of it; NULL: nobody is asked */
    char sha256[HASH_TEXT_SIZE];
    uint64_t bytes;
    bool hashed; /* sha256 and bytes are known */
    bool kept;   /* in place already, see publish_keep() */
};

struct publication {
    const char *root;
    const char *staging; /* ROOT/.staging/ID */
    struct arena arena;
    struct published_file *files; /* files to put in place, in the order of staging */
    size_t file_count, file_room;
    const char **drops; /* files to remove, relative to the root */
    size_t drop_count, drop_room;
    int lock; /* open descriptor, or 0 before begin and after end */
};

/* Starts a publication: makes the root, takes the lock (another holder is an error that names it),
 * finishes an interrupted publication, removes what dead ones left. `publication` is zeroed. */
int publish_begin(struct publication *publication, const char *root, struct error *err);

/* The path under which to write the file, or the folder of part files, that shall be ROOT/relative;
 * nothing need be made above it. Owned by the publication. `relative` has no newline and no '~'.
 * `written` (or NULL) is where the file's writer, whatever its thread, may say before
 * publish_hash() what it holds, so that nobody has to read it. */
const char *publish_stage(struct publication *publication, const char *relative,
                          struct written **written);

/* ROOT/relative is one of the files of this publication and stays as an earlier one left it, with
 * this hash and size. */
void publish_keep(struct publication *publication, const char *relative, const char *sha256,
                  uint64_t bytes);

/* ROOT/relative, a file or part files, shall be gone after the commit (no error if it is not
 * there). */
void publish_drop(struct publication *publication, const char *relative);

/* Hashes the files staged so far, on so many threads (0: all cores) where that is worth it:
 * files[].sha256 and .bytes are known afterwards, and a folder of
 * part files stands there as these. */
int publish_hash(struct publication *publication, unsigned threads, struct error *err);

/* Puts everything in place; a small file that is there already with the same bytes stays, and only
 * what differs is synced and moved. On failure nothing has changed, or the next command finishes
 * it. */
int publish_commit(struct publication *publication, struct error *err);

/* Ends a publication: removes what is staged and was not committed, lets the lock go, frees. A
 * zeroed or ended publication is fine. */
void publish_end(struct publication *publication);

/* Finishes an interrupted publication under `root`, if there is one. Every command calls it before
 * it reads the lake. */
int publish_recover(const char *root, struct error *err);

/* Writes one file whole: beside its place, synced, renamed. For single files outside a publication.
 */
int publish_file(const char *path, const void *bytes, size_t size, struct error *err);

#endif
