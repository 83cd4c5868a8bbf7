/* Files written through one large buffer that is used again and again, every write checked.
 * Internal to the generator. */
#ifndef GENERATOR_OUTPUT_H
#define GENERATOR_OUTPUT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* An open folder; files are opened relative to it, which saves walking its path every time. */
struct folder {
    int fd; /* -1: not open */
    char *path;
};

/* Opens a folder that is there. */
int folder_open(struct folder *folder, const char *path, struct error *err);

/* Makes the folder `name` inside `parent` (an error when it is there: bronze is written into an
 * empty folder) and opens it. */
int folder_make(struct folder *folder, const char *parent, const char *name, struct error *err);
void folder_close(struct folder *folder);

struct output {
    const struct folder *folder;
    char name[64];
    bool open;
    int fd;
    size_t used;
    char buffer[256 * 1024];
};

/* Starts a new file `name` in `folder`; a file of that name is an error. */
int output_open(struct output *output, const struct folder *folder, const char *name,
                struct error *err);

/* Room for `size` bytes (at most sizeof output->buffer) behind what was written; NULL when the
 * disk refuses what must be written out first. */
char *output_room(struct output *output, size_t size, struct error *err);

/* Tells how far the room was used. */
void output_took(struct output *output, const char *end);

/* Appends bytes of any number. */
int output_bytes(struct output *output, const char *bytes, size_t size, struct error *err);

/* Writes what is left and closes. */
int output_close(struct output *output, struct error *err);

/* Closes without writing, after an error; nothing open is no error. */
void output_abandon(struct output *output);

/* The sentence for a file that cannot be written, with errno's or `reason`'s why. Returns -1. */
int output_error(const char *folder, const char *name, const char *reason, struct error *err);

#endif
