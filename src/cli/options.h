/* Reads options by tables: what an option is called, takes and means stands once, and drives the
 * parser, its messages and --help. Knows getopt_long(), no command. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {                /* and the type of the value that it fills */
                   OPTION_FLAG,   /* bool; takes no value */
                   OPTION_TEXT,   /* const char *, not empty */
                   OPTION_WHOLE,  /* uint64_t in [low, high] */
                   OPTION_RATE,   /* double 0..1, written 0.05 or 5% */
                   OPTION_DATE,   /* int32_t, written YYYY-MM-DD */
                   OPTION_CHOICE, /* int, index into choices */
                   OPTION_SIZE,   /* const char *, a memory size such as 2GB */
};

struct option_spec {
    const char *name; /* without the two dashes */
    char letter;      /* its short form, or 0 */
    enum option_kind kind;
    size_t offset;        /* of the value in the caller's struct */
    struct text value;    /* what the value is called in the help; a choice shows its choices */
    struct text help;     /* one sentence, no full stop */
    const char *fallback; /* the default as the user would write it, or NULL: the value stays 0 */
    uint64_t low, high;   /* OPTION_WHOLE, inclusive */
    const char *choices;  /* OPTION_CHOICE: words joined by '|' */
};

struct option_table {
    const struct option_spec *specs;
    size_t count;
};

#define OPTION_TABLE(specs)                      \
    {                                            \
        (specs), sizeof(specs) / sizeof *(specs) \
    }

/* Puts the defaults of a table into `values`. */
void options_default(const struct option_table *table, void *values);

/* Reads argv[1..argc) into `values` by the options of all `tables`. At the first operand it stops
 * when `stop_at_operand`, else options and operands may be mixed (argv is put in order). *next is
 * the index of the first operand (argc: there is none), after a failure that of the argument at
 * fault. Uses getopt's globals: one call at a time.
 */
int options_parse(const struct option_table *tables, size_t table_count, bool stop_at_operand,
                  int argc, char **argv, void *values, int *next, struct error *err);

/* The value of one option from its text, as options_parse() does it. */
int option_read(const struct option_spec *spec, const char *text, void *values, struct error *err);

/* The one of `words` that was probably meant, or NULL
 * when none is near: at most two letters inserted, left out, changed or swapped, or a beginning. */
const char *closest_word(const char *typed, const char *const words[], size_t count);

#endif
