/* Runs the examples of a document and compares what they print with what the document shows.
 *
 * An example is a block of Markdown fenced by ```console. In it a line "$ COMMAND" is given to bash
 * (a command that ends with a backslash goes on in the next line); the lines up to the next command
 * are what it prints, standard output and standard error together, as on a terminal. All commands
 * of a document go to one bash that starts in an empty folder, so `cd` and `export` last.
 *
 * A command must succeed, unless the next one is "echo $?". The output must be equal, but:
 *   a line "..."    stands for any number of lines, also none
 *   a duration      where both lines have a number with two decimals before " s" (0.13 s or
 *                   0,13 s), all their numbers with two decimals may differ
 *   blanks          at the end of a line count nowhere
 * Blocks with another fence (```sh) are not run. */
#ifndef TESTS_DOCS_CONSOLE_H
#define TESTS_DOCS_CONSOLE_H

#include "base/arena.h"

#include <stddef.h>

/* Runs the commands of a document's text with the folder `bin` first on PATH. Returns NULL when
 * everything is as shown, else what differs, in the manner of diff, with `name` and line; owned by
 * the arena. *commands counts what was run. */
const char *console_check(struct arena *arena, const char *name, const char *text, const char *bin,
                          size_t *commands);

/* Would the printed line pass for the shown one? */
int console_same_line(const char *shown, const char *printed);

#endif
