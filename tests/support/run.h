/* Runs a program and keeps what it said; temporary folders: the ground of all command-line tests.
 */
#ifndef TESTS_SUPPORT_RUN_H
#define TESTS_SUPPORT_RUN_H

#include "base/arena.h"

#include <stddef.h>

struct program_options {
    const char *const *env; /* "NAME=value" or "NAME" (removed), ended by NULL; on top of ours.
                               NULL: ours */
    const char *cwd;        /* NULL: ours */
    const char *stdin_text; /* NULL: nothing to read */
    size_t stdin_size;      /* 0: strlen(stdin_text) */
};

struct program_result {
    int status; /* exit status; 128 + N when signal N ended it */
    char *out;  /* standard output, NUL-terminated, owned by the arena */
    size_t out_size;
    char *err; /* standard error, likewise */
    size_t err_size;
    long peak_kib; /* most memory that it held */
};

/* Runs argv[0] (found in PATH; argv ends with NULL) and waits for it. AUTOSTREAM_DATA,
 * AUTOSTREAM_LANG, NO_COLOR and COLUMNS are taken out of the environment and LC_ALL is C, so that
 * tests do not depend on who runs them. A program that cannot be started fails the test. */
void run_program(struct arena *arena, struct program_result *out, const char *const argv[],
                 const struct program_options *options);

/* The same for the program under test, $AUTOSTREAM_BIN, with arguments that end with NULL. */
void run_autostream(struct arena *arena, struct program_result *out,
                    const struct program_options *options, ...) __attribute__((sentinel));

/* Runs the program under test with the arguments (ended by NULL) and asserts its exit status and
 * that standard error holds `says`; what it said is printed when that is not so. */
void assert_cli_fails(int status, const char *says, ...) __attribute__((sentinel));

/* Runs it and asserts exit status 0; gives its standard output, owned by the arena. */
char *assert_cli_works(struct arena *arena, ...) __attribute__((sentinel));

/* A new empty folder below $TMPDIR or /tmp; the path is owned by the arena. */
char *temp_folder(struct arena *arena);

/* Removes such a folder with all that is in it. */
void temp_folder_remove(const char *path);

/* Writes a file (parents are made) below `folder`; gives its path, owned by the arena. */
char *write_file(struct arena *arena, const char *folder, const char *name, const void *bytes,
                 size_t size);

#endif
