/* Numbers for texts: 0 for the first that is met, and so on. Internal to the pipeline. */
#ifndef PIPELINE_DICTIONARY_H
#define PIPELINE_DICTIONARY_H

#include "base/arena.h"
#include "base/columns.h"

#include <stdint.h>

/* A zeroed one is ready to use. */
struct dictionary {
    const char **texts; /* [count]; owned by the arena */
    size_t count;
    size_t *slots; /* [slot_count]: number + 1, or 0 */
    size_t slot_count;
    struct arena arena;
};

/* The number of a text, a new one when it was not met before. */
size_t dictionary_number(struct dictionary *dictionary, struct bytes text);

/* Frees everything; a zeroed one is fine. */
void dictionary_release(struct dictionary *dictionary);

#endif
