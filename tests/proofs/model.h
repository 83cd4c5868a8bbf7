/* A file system in memory that knows what is on the disk for certain and what is not yet.
 *
 * It starts from a folder whose content is on the disk, follows the trace of a program (trace.h),
 * and tells at any point what a loss of power may leave. What counts as certain is the least that
 * POSIX promises: a file's bytes after its fsync, a name after the fsync of the folder that holds
 * it (for a rename: the folder it went to). A rename happens whole or not at all. */
#ifndef TESTS_PROOFS_MODEL_H
#define TESTS_PROOFS_MODEL_H

#include "base/arena.h"
#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>

struct model;

enum loss {
    LOSS_NONE,     /* everything reached the disk: what a kill leaves */
    LOSS_ALL,      /* only what is certain */
    LOSS_OF_BYTES, /* all names, only certain bytes: a journal of names ran ahead */
    LOSS_OF_SOME,  /* what is certain, and of the rest whatever the random numbers say */
    LOSS_COUNT
};

/* Reads the folder. Freed with the arena. */
struct model *model_open(struct arena *arena, const char *folder);

/* The number of entries of a trace. */
size_t model_load(struct model *model, const char *trace);

/* Follows the next entry of the trace. */
void model_step(struct model *model);

/* Writes into the new folder `path` what `loss` leaves now (path NULL: nothing is written); gives a
 * text that is the same for the same content, owned by the arena. `rng` for LOSS_OF_SOME. */
const char *model_write(struct model *model, enum loss loss, struct rng *rng, const char *path,
                        struct arena *arena);

#endif
