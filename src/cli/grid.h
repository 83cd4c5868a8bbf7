/* Tables of text that adapt to the width of the terminal. */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include "base/arena.h"
#include "cli/term.h"

#include <stdbool.h>
#include <stddef.h>

struct grid_column {
    const char *title;
    bool right;     /* aligned to the right: numbers */
    int drop;       /* left out on narrow terminals, the lowest first; 0: never */
    size_t at_most; /* columns; wider cells are cut with an ellipsis; 0: no limit */
};

struct grid_cell {
    const char *text; /* safe for a terminal (see words_clean()) */
    enum style style;
};

struct grid {
    const struct grid_column *columns;
    size_t column_count;     /* at most GRID_COLUMNS */
    struct grid_cell *cells; /* [rows][column_count] */
    size_t rows;
    const char *note_title;
    const char *
        *notes; /* [rows]: a free text a row, wrapped in a last column, or under the row where
                   that column would be too narrow; NULL entry: none. NULL: no notes */
};

enum { GRID_COLUMNS = 16 };

/* Prints title line and rows; scratch memory comes from the arena. */
void grid_print(const struct grid *grid, const struct term *term, struct arena *arena);

#endif
