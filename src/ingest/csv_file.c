/* Reads CSV files: RFC 4180 with a header, any delimiter; see ingest.h for what the rows become.
 *
 * A quote inside an unquoted field, text behind a closing quote, a quote that never closes and a
 * wrong number of fields (a blank line has one) make a bad row, which ends at its first line feed:
 * one missing quote cannot swallow the rows that follow. */
#include "ingest/reader.h"

#include <stdlib.h>
#include <string.h>

/* The fields of one row, and what the header says about them. */
struct csv_row {
    struct bytes *fields;
    size_t count, room;
    size_t columns; /* in the header */
    int *slot_of;   /* per column; -1: passed over */
};

void csv_row_free(struct csv_row *row)
{
    if (row) {
        free(row->fields);
        free(row->slot_of);
        free(row);
    }
}

/* ---- one row ---- */

enum row_status { ROW_OK, ROW_BROKEN, ROW_MORE };

/* The row that is being read. */
struct row_text {
    const char *p, *end;
    bool final; /* nothing comes behind `end` */
    char delimiter;
    bool trim;
    char *scratch; /* where quoted fields with doubled quotes are put together */
};

static void add_field(struct csv_row *row, struct bytes field)
{
    if (row->count == row->room) {
        row->room = row->room ? row->room * 2 : 64;
        row->fields = xrealloc(row->fields, row->room, sizeof *row->fields);
    }
    row->fields[row->count++] = field;
}

static void skip_blanks(struct row_text *text)
{
    while (text->trim && text->p < text->end && (*text->p == ' ' || *text->p == '\t')) {
        text->p++;
    }
}

/* Reads a quoted field, from its opening quote. */
static enum row_status read_quoted(struct row_text *text, struct bytes *field)
{
    char *out = text->scratch;
    field->data = out;
    text->p++;
    for (;;) {
        const char *quote = memchr(text->p, '"', (size_t)(text->end - text->p));
        if (!quote || (quote + 1 == text->end && !text->final)) {
            return text->final ? ROW_BROKEN : ROW_MORE;
        }
        memcpy(out, text->p, (size_t)(quote - text->p));
        out += quote - text->p;
        text->p = quote + 1;
        if (text->p == text->end || *text->p != '"') {
            break;
        }
        *out++ = '"';
        text->p++;
    }
    field->size = (size_t)(out - field->data);
    text->scratch = out;
    return ROW_OK;
}

static enum row_status read_unquoted(struct row_text *text, struct bytes *field)
{
    const char *start = text->p;
    while (text->p < text->end && *text->p != text->delimiter && *text->p != '\n') {
        if (*text->p++ == '"') {
            return ROW_BROKEN;
        }
    }
    const char *end = text->p;
    bool at_line_end = text->p == text->end || *text->p == '\n';
    if (at_line_end && end > start && end[-1] == '\r') {
        end--;
    }
    while (text->trim && end > start && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    *field = (struct bytes){start, (size_t)(end - start)};
    return ROW_OK;
}

/* Reads one row; text->p is then behind its line feed. */
static enum row_status read_row(struct row_text *text, struct csv_row *row)
{
    row->count = 0;
    for (;;) {
        struct bytes field;
        skip_blanks(text);
        bool quoted = text->p < text->end && *text->p == '"';
        enum row_status status = quoted ? read_quoted(text, &field) : read_unquoted(text, &field);
        if (status != ROW_OK) {
            return status;
        }
        if (quoted) {
            skip_blanks(text);
            text->p += text->end - text->p >= 2 && memcmp(text->p, "\r\n", 2) == 0;
        }
        add_field(row, field);
        if (text->p == text->end) {
            return text->final ? ROW_OK : ROW_MORE;
        }
        char c = *text->p++;
        if (c == '\n') {
            return ROW_OK;
        }
        if (c != text->delimiter) { /* text behind a closing quote */
            return !text->final && text->p == text->end ? ROW_MORE : ROW_BROKEN;
        }
    }
}

/* ---- the file ---- */

/* Reads the row that begins the window, as far as it goes; `size` is how many bytes it takes. */
static enum row_status next_row(struct reader *reader, size_t *size)
{
    for (;;) {
        struct bytes all = window_bytes(&reader->window);
        struct row_text text = {.p = all.data,
                                .end = all.data + all.size,
                                .final = reader->window.end != STREAM_OPEN,
                                .delimiter = reader->map->delimiter,
                                .trim = reader->map->trim,
                                .scratch = reader_scratch(reader, all.size)};
        enum row_status status = read_row(&text, reader->row);
        *size = (size_t)(text.p - all.data);
        if (status != ROW_MORE || all.size > reader->limit || !reader_fill(reader)) {
            return status;
        }
    }
}

/* Refuses the row that begins the window up to its first line feed. */
static int refuse_line(struct reader *reader, struct error *err)
{
    for (;;) {
        struct bytes text = window_bytes(&reader->window);
        const char *line_end = memchr(text.data, '\n', text.size);
        size_t size = line_end ? (size_t)(line_end - text.data) : text.size;
        if (size > reader->limit) {
            return reader_refuse_long_line(reader, "too_long", err);
        }
        if (line_end || !reader_fill(reader)) {
            int status = reader_refuse(reader, "row_shape", size, err);
            window_skip(&reader->window, size + (line_end != NULL));
            return status;
        }
    }
}

static int no_such_column(const struct reader *reader, const char *column, bool twice,
                          struct error *err)
{
    if (twice) {
        return error_set(err,
                         "%s : la colonne « %s » figure deux fois dans la première ligne ; "
                         "renommez-en une",
                         "%s: column \"%s\" stands twice in the first line; rename one of them",
                         reader->path, column);
    }
    if (reader->header_required) { /* a table of ours: there is no map for it */
        return error_set(
            err,
            "%s : pas de colonne « %s » dans la première ligne (séparateur « %c ») ; "
            "ajoutez-la ou corrigez son nom",
            "%s: no column \"%s\" in the first line (separator \"%c\"); add it or mend "
            "its name",
            reader->path, column, reader->map->delimiter);
    }
    return error_set(err,
                     "%s : pas de colonne « %s » dans la première ligne (séparateur « %c ») ; "
                     "ajoutez-la, ou corrigez son nom dans la correspondance (--map)",
                     "%s: no column \"%s\" in the first line (separator \"%c\"); add it, or mend "
                     "its name in the map (--map)",
                     reader->path, column, reader->map->delimiter);
}

/* Finds the columns that are wanted in the header, which is in reader->row. */
static int find_columns(struct reader *reader, struct error *err)
{
    struct csv_row *row = reader->row;
    const struct json_names *slots = &reader->map->slots;
    row->columns = row->count;
    free(row->slot_of);
    row->slot_of = xcalloc(row->columns, sizeof *row->slot_of);
    for (size_t c = 0; c < row->columns; c++) {
        row->slot_of[c] = -1;
    }
    for (size_t i = 0; i < slots->count; i++) {
        size_t found = 0;
        for (size_t c = 0; slots->names[i] && c < row->columns; c++) {
            if (row->fields[c].size == slots->sizes[i] &&
                memcmp(row->fields[c].data, slots->names[i], slots->sizes[i]) == 0) {
                row->slot_of[c] = (int)i;
                found++;
            }
        }
        if (slots->names[i] && found != 1) {
            return no_such_column(reader, slots->names[i], found > 1, err);
        }
    }
    return 0;
}

/* Takes the row in reader->row, the first `size` bytes of the window. */
static int take_row(struct reader *reader, size_t size, struct error *err)
{
    struct csv_row *row = reader->row;
    const struct json_names *slots = &reader->map->slots;
    size_t count = row->count;
    if (reader->map->trailing_delimiter && count == row->columns + 1 &&
        row->fields[count - 1].size == 0) {
        count--;
    }
    if (count != row->columns) {
        return reader_refuse(reader, "row_shape", size, err);
    }
    for (size_t i = 0; i < slots->count; i++) {
        reader->slots[i].kind = RAW_MISSING;
    }
    for (size_t c = 0; c < count; c++) {
        int slot = row->slot_of[c];
        if (slot >= 0) {
            struct bytes field = row->fields[c];
            enum raw_kind kind = field.size > 0 ? RAW_TEXT : RAW_NULL;
            reader->slots[slot] = (struct raw_value){.kind = kind, .text = field};
        }
    }
    return reader_add(reader, size, err);
}

static int read_header(struct reader *reader, struct error *err)
{
    size_t size;
    bool empty = window_bytes(&reader->window).size == 0;
    if (empty && reader->header_required) {
        return error_set(err, "%s : fichier vide ; la première ligne doit nommer les colonnes",
                         "%s: empty file; its first line must name the columns", reader->path);
    }
    if (empty) {
        return reader_refuse(reader, "row_shape", 0, err);
    }
    if (next_row(reader, &size) != ROW_OK) {
        return error_set(err,
                         "%s : la première ligne, qui nomme les colonnes, est illisible ; "
                         "vérifiez ses guillemets",
                         "%s: the first line, which names the columns, cannot be read; check its "
                         "quotes",
                         reader->path);
    }
    if (find_columns(reader, err) != 0) {
        return -1;
    }
    window_skip(&reader->window, size);
    return 0;
}

/* True when the window holds at least one byte more. */
static bool more_bytes(struct reader *reader)
{
    while (window_bytes(&reader->window).size == 0) {
        if (!reader_fill(reader)) {
            return false;
        }
    }
    return true;
}

int read_csv_rows(struct reader *reader, struct error *err)
{
    if (!reader->row) {
        reader->row = xcalloc(1, sizeof *reader->row);
    }
    bool cut = !more_bytes(reader) && reader->window.end != STREAM_WHOLE;
    if (!cut && read_header(reader, err) != 0) {
        return -1;
    }
    while (more_bytes(reader)) {
        size_t size;
        enum row_status status = next_row(reader, &size);
        bool whole = reader->window.end == STREAM_WHOLE;
        size_t left = window_bytes(&reader->window).size;
        if (status != ROW_MORE && !whole && reader->window.end != STREAM_OPEN && size == left &&
            reader->window.data[reader->window.used - 1] != '\n') {
            break; /* the stream broke off inside this row */
        }
        if (status != ROW_OK || size > reader->limit) {
            if (refuse_line(reader, err) != 0) {
                return -1;
            }
            continue;
        }
        if (take_row(reader, size, err) != 0) {
            return -1;
        }
        window_skip(&reader->window, size);
    }
    return reader->window.end == STREAM_WHOLE ? 0 : reader_refuse_break(reader, err);
}
