/* What the two output streams can show: terminal or not, colours, width, and the progress bar. */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include "base/arena.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct term {
    FILE *stream;
    bool terminal;  /* a terminal that can move its cursor */
    bool colour;    /* terminal, and neither NO_COLOR nor TERM=dumb forbids it */
    unsigned width; /* columns; 0: no limit (a file or a pipe) */
};

enum style {
    STYLE_NONE,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_RED,
    STYLE_YELLOW,
    STYLE_CYAN,
    STYLE_GREEN,
    STYLE_COUNT
};

/* Asks the stream and the environment (NO_COLOR, TERM, COLUMNS) what is possible. */
void term_init(struct term *term, FILE *stream);

/* The escape sequences around a styled text; "" where there is no colour. */
const char *term_on(const struct term *term, enum style style);
const char *term_off(const struct term *term, enum style style);

/* One line on standard error that tells how far a long work is; redrawn at most ten times a second,
 * erased at the end. Work that ends within the first tenth of a second shows nothing. */
struct progress_bar {
    const struct term *term;
    enum lang lang;
    bool enabled;
    bool visible;
    double started; /* seconds, monotonic */
    double drawn;
    struct arena scratch;
};

/* Starts the clock; `enabled` false, or a stream that is no terminal, makes the bar silent. */
void progress_init(struct progress_bar *bar, const struct term *term, enum lang lang, bool enabled);

/* `stage` goes on, `done` of `total` (0: not known). Fits struct progress of pipeline.h; `context`
 * is the bar. */
void progress_tell(void *context, const struct text *stage, uint64_t done, uint64_t total);

/* Erases the line if there is one. */
void progress_clear(struct progress_bar *bar);

/* Erases and frees; may be repeated. */
void progress_release(struct progress_bar *bar);

#endif
