/* Errors as values: what went wrong, with which value, and how to mend it, in both languages.
 *
 * A function that can fail returns 0 or -1 and fills the `struct error` its caller owns. The two
 * sentences stand side by side where the error is raised, so that there is no catalogue to keep in
 * step and the compiler checks both against the same arguments. Only cli reports to people. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/text.h"

enum error_status {
    ERROR_FAILED = 1, /* the work failed: exit status 1 */
    ERROR_USAGE = 2,  /* the command line is wrong: exit status 2 */
};

struct error {
    enum error_status status;
    char text[LANG_COUNT][1024]; /* UTF-8, one line, without control characters */
};

/* Fills `err` with one sentence per language; both formats take the same arguments in the same
 * order. Control characters in the result (a VIN may hold anything) are written as \xNN, a text
 * that does not fit is cut between characters. Returns -1, so that callers can `return` it. */
int error_set(struct error *err, const char *fr, const char *en, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));

/* The same for a wrong command line (exit status 2). */
int error_usage(struct error *err, const char *fr, const char *en, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));

/* Ends the process with exit status 1 and one sentence: there is no memory left. Outputs are
 * staged, so that an end at any point leaves the last good state. */
_Noreturn void out_of_memory(void);

#endif
