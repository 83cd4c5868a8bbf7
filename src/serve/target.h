/* The target of a request, "/path?name=value&...", taken apart. Hostile input: nothing here trusts
 * it. Memory only. */
#ifndef SERVE_TARGET_H
#define SERVE_TARGET_H

#include <stddef.h>

enum {
    TARGET_AT_MOST = 8192, /* bytes */
    PARAMETERS_AT_MOST = 32,
};

struct parameter {
    const char *name, *value; /* decoded UTF-8 without NUL; no '=' gives an empty value */
};

struct target {
    const char *path; /* decoded */
    struct parameter parameters[PARAMETERS_AT_MOST];
    size_t count;
};

enum target_fault {
    TARGET_FINE,
    TARGET_TOO_LONG,
    TARGET_BROKEN_ESCAPE, /* % without two hexadecimal digits, or %00 */
    TARGET_NOT_UTF8,
    TARGET_TOO_MANY, /* parameters */
};

/* Takes `text` apart, decoding in place: `out` points into it. In the query '+' is a blank, and
 * empty parts ("&&") are passed over. A '#' and what follows it are left out. */
enum target_fault target_parse(struct target *out, char *text);

#endif
