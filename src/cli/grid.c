/* Lays tables out: measures, drops what does not fit, wraps the notes; see grid.h. Writes to the
 * terminal it was given. */
#include "cli/grid.h"

#include "cli/words.h"

#include <assert.h>
#include <string.h>

enum { GAP = 2, NOTE_AT_LEAST = 30, NOTE_INDENT = 4 };

struct layout {
    size_t widths[GRID_COLUMNS];
    bool shown[GRID_COLUMNS];
    size_t last;       /* last column shown */
    size_t used;       /* width of the columns shown, with gaps */
    size_t note_width; /* of a column at the side; 0: no limit */
    bool beneath;      /* notes go under their row */
};

static const struct grid_cell *cell_at(const struct grid *grid, size_t row, size_t column)
{
    return &grid->cells[row * grid->column_count + column];
}

static void measure(const struct grid *grid, struct layout *layout)
{
    for (size_t c = 0; c < grid->column_count; c++) {
        size_t width = words_width(grid->columns[c].title);
        for (size_t r = 0; r < grid->rows; r++) {
            size_t needed = words_width(cell_at(grid, r, c)->text);
            width = needed > width ? needed : width;
        }
        size_t at_most = grid->columns[c].at_most;
        layout->widths[c] = at_most > 0 && width > at_most ? at_most : width;
        layout->shown[c] = true;
    }
}

static void add_up(const struct grid *grid, struct layout *layout)
{
    layout->used = 0;
    for (size_t c = 0; c < grid->column_count; c++) {
        if (layout->shown[c]) {
            layout->used += layout->widths[c] + (layout->used > 0 ? GAP : 0);
            layout->last = c;
        }
    }
}

/* Leaves out the column that may go first; false when none may. */
static bool drop_one(const struct grid *grid, struct layout *layout)
{
    size_t first = grid->column_count;
    for (size_t c = 0; c < grid->column_count; c++) {
        int drop = grid->columns[c].drop;
        if (layout->shown[c] && drop > 0 &&
            (first == grid->column_count || drop < grid->columns[first].drop)) {
            first = c;
        }
    }
    if (first == grid->column_count) {
        return false;
    }
    layout->shown[first] = false;
    return true;
}

static void fit(const struct grid *grid, size_t width, struct layout *layout)
{
    measure(grid, layout);
    add_up(grid, layout);
    if (width == 0) {
        return;
    }
    while (layout->used > width && drop_one(grid, layout)) {
        add_up(grid, layout);
    }
    layout->beneath = layout->used + GAP + NOTE_AT_LEAST > width;
    layout->note_width = layout->beneath ? (width > 2 * NOTE_INDENT ? width - NOTE_INDENT : width)
                                         : width - layout->used - GAP;
}

static void pad(FILE *stream, size_t count)
{
    (void)fprintf(stream, "%*s", (int)count, "");
}

/* One text in its column; nothing is padded behind the last one of a line. */
static void print_cell(const struct term *term, const struct grid_cell *cell, size_t width,
                       bool right, bool last)
{
    size_t missing = width - words_width(cell->text);
    pad(term->stream, right ? missing : 0);
    (void)fprintf(term->stream, "%s%s%s", term_on(term, cell->style), cell->text,
                  term_off(term, cell->style));
    pad(term->stream, right || last ? 0 : missing);
}

/* `row` SIZE_MAX: the titles. */
static void print_row(const struct grid *grid, const struct layout *layout, size_t row,
                      bool note_follows, const struct term *term, struct arena *arena)
{
    for (size_t c = 0; c < grid->column_count; c++) {
        if (!layout->shown[c]) {
            continue;
        }
        struct grid_cell cell = {grid->columns[c].title, STYLE_BOLD};
        if (row != SIZE_MAX) {
            cell = *cell_at(grid, row, c);
        }
        cell.text = words_cut(arena, cell.text, layout->widths[c] > 0 ? layout->widths[c] : 1);
        print_cell(term, &cell, layout->widths[c], grid->columns[c].right,
                   c == layout->last && !note_follows);
        pad(term->stream, c == layout->last ? 0 : GAP);
    }
}

static void print_note(const struct layout *layout, const char *note, const struct term *term)
{
    struct bytes line;
    bool first = true;
    while (words_wrap(&note, layout->note_width, &line)) {
        if (!first || layout->beneath) {
            (void)fputc('\n', term->stream);
        }
        size_t indent = layout->beneath ? NOTE_INDENT : first ? GAP : layout->used + GAP;
        pad(term->stream, indent);
        (void)fprintf(term->stream, "%.*s", (int)line.size, line.data);
        first = false;
    }
}

void grid_print(const struct grid *grid, const struct term *term, struct arena *arena)
{
    assert(grid->column_count > 0 && grid->column_count <= GRID_COLUMNS);
    struct layout layout = {.used = 0};
    fit(grid, term->width, &layout);

    bool beside = grid->notes != NULL && !layout.beneath;
    print_row(grid, &layout, SIZE_MAX, beside, term, arena);
    if (beside) {
        pad(term->stream, GAP);
        (void)fprintf(term->stream, "%s%s%s", term_on(term, STYLE_BOLD), grid->note_title,
                      term_off(term, STYLE_BOLD));
    }
    (void)fputc('\n', term->stream);
    for (size_t r = 0; r < grid->rows; r++) {
        const char *note = grid->notes != NULL ? grid->notes[r] : NULL;
        print_row(grid, &layout, r, beside && note != NULL, term, arena);
        if (note != NULL) {
            print_note(&layout, note, term);
        }
        (void)fputc('\n', term->stream);
    }
}
