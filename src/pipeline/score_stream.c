/* Scores rows of CSV or TSV text that arrive on a file descriptor, in order, in bounded memory, and
 * writes what it has before it waits for more: for pipes, and for Spark's TRANSFORM.
 *
 * CSV is RFC 4180; the separator is the header's (',', else ';', tab or '|'). TSV has no quotes. In
 * both an empty cell, \N and nan are missing values. What is no number, or a row with too few or
 * too many cells, ends the work with its number; the rows before it are written. */
#include "pipeline/scored.h"

#include "ingest/number.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    TEXT_ROOM = 1 << 20,
    TEXT_LIMIT = 1 << 26, /* of one row: wide tables have long ones */
    STREAM_ROWS = 16384,  /* at once, see predict.c; fewer when rows are wide */
    STREAM_NUMBERS = 1 << 22,
};

static const char stream_name[] = "stdin";

struct cell {
    const char *data;
    size_t size;
};

struct text_stream {
    struct scored *scored;
    int fd;
    bool ended;
    char *text; /* [start, used): not read yet */
    size_t start, used, room;
    char separator;
    bool quotes;
    struct cell *cells; /* of the row at hand */
    size_t cell_count, cell_room;
    size_t columns;    /* of every row; 0: not known yet */
    size_t *column_of; /* [features]: where each feature stands */
    uint64_t row;      /* number of the row at hand, from 1, without the header */
    float *x;          /* [room][features], of rows that are not scored yet */
    size_t waiting, x_room;
};

/* ---- bytes ---- */

/* Reads on; -1 only on failure. At the end `ended` is set. */
static int read_more(struct text_stream *t, struct error *err)
{
    if (t->start > 0) {
        memmove(t->text, t->text + t->start, t->used - t->start);
        t->used -= t->start;
        t->start = 0;
    }
    if (t->used == t->room) {
        if (t->room >= TEXT_LIMIT) {
            return error_set(err, "%s : la ligne %llu dépasse %d Mo ; vérifiez ses guillemets",
                             "%s: row %llu is longer than %d MB; check its quotes", stream_name,
                             (unsigned long long)t->row + 1, TEXT_LIMIT >> 20);
        }
        t->room = t->room ? t->room * 2 : TEXT_ROOM;
        t->text = xrealloc(t->text, t->room, 1);
    }
    ssize_t got;
    do {
        got = read(t->fd, t->text + t->used, t->room - t->used);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return error_set(err, "%s : lecture impossible (%s)", "%s: cannot be read (%s)",
                         stream_name, strerror(errno));
    }
    t->ended = got == 0;
    t->used += (size_t)got;
    return 0;
}

/* Would reading have to wait? */
static bool nothing_waits(const struct text_stream *t)
{
    struct pollfd one = {.fd = t->fd, .events = POLLIN};
    return poll(&one, 1, 0) == 0;
}

/* ---- one row ---- */

enum row_found { ROW_WHOLE, ROW_PARTIAL, ROW_DAMAGED };

static void add_cell(struct text_stream *t, const char *data, size_t size)
{
    if (t->cell_count == t->cell_room) {
        t->cell_room = t->cell_room ? t->cell_room * 2 : 64;
        t->cells = xrealloc(t->cells, t->cell_room, sizeof *t->cells);
    }
    t->cells[t->cell_count++] = (struct cell){data, size};
}

/* Finds the end of a quoted cell that begins at `p`, behind its closing quote; NULL: not there. */
static char *quoted_end(char *p, const char *end, bool final)
{
    for (p++; (p = memchr(p, '"', (size_t)(end - p))) != NULL; p += 2) {
        if (p + 1 == end) {
            return final ? p + 1 : NULL;
        }
        if (p[1] != '"') {
            return p + 1;
        }
    }
    return NULL;
}

/* Takes the quotes off a cell, in place: [p, end) with both quotes. Only for a row that is whole.
 */
static void unquote(struct cell *cell)
{
    char *out = (char *)(uintptr_t)cell->data + 1;
    const char *p = cell->data + 1, *end = cell->data + cell->size - 1;
    cell->data = out;
    while (p < end) {
        p += *p == '"'; /* the first of two */
        *out++ = *p++;
    }
    cell->size = (size_t)(out - cell->data);
}

/* Splits the row that begins at t->start into cells, and steps over it when it is whole. */
static enum row_found split_row(struct text_stream *t)
{
    char *p = t->text + t->start, *end = t->text + t->used;
    bool last = false;
    t->cell_count = 0;
    while (!last) {
        char *first = p;
        bool quoted = t->quotes && p < end && *p == '"';
        if (quoted && !(p = quoted_end(p, end, t->ended))) {
            return t->ended ? ROW_DAMAGED : ROW_PARTIAL;
        }
        char *behind = p; /* of the quotes */
        while (p < end && *p != t->separator && *p != '\n') {
            p++;
        }
        if (p == end && !t->ended) {
            return ROW_PARTIAL;
        }
        last = p == end || *p == '\n';
        char *cell_end = last && p > first && p[-1] == '\r' ? p - 1 : p;
        if (quoted && behind != cell_end) {
            return ROW_DAMAGED; /* text behind a closing quote */
        }
        add_cell(t, first, (size_t)(cell_end - first));
        p += p < end;
    }
    t->start = (size_t)(p - t->text);
    for (size_t c = 0; t->quotes && c < t->cell_count; c++) {
        if (t->cells[c].size > 0 && *t->cells[c].data == '"') {
            unquote(&t->cells[c]);
        }
    }
    return ROW_WHOLE;
}

static bool is_blank(const struct text_stream *t)
{
    return t->cell_count == 1 && t->cells[0].size == 0 && t->columns > 1;
}

/* ---- the header ---- */

/* The separator of a CSV header: the first of these that stands outside quotes. */
static char header_separator(const struct text_stream *t)
{
    static const char separators[] = ",;\t|";
    size_t best = strlen(separators);
    bool quoted = false;
    for (size_t i = t->start; i < t->used && t->text[i] != '\n'; i++) {
        const char *found = t->text[i] ? strchr(separators, t->text[i]) : NULL;
        quoted ^= t->text[i] == '"';
        if (found && !quoted && (size_t)(found - separators) < best) {
            best = (size_t)(found - separators);
        }
    }
    return best < strlen(separators) ? separators[best] : ',';
}

/* Finds the model's features in the header, which is the row at hand. */
static int find_columns(struct text_stream *t, struct error *err)
{
    const struct scored *s = t->scored;
    for (size_t i = 0; i < s->features; i++) {
        size_t found = 0, size = strlen(s->inputs[i]);
        for (size_t c = 0; c < t->cell_count; c++) {
            if (t->cells[c].size == size && memcmp(t->cells[c].data, s->inputs[i], size) == 0) {
                t->column_of[i] = c;
                found++;
            }
        }
        if (found == 0) {
            return error_set(err, "%s : la colonne « %s » manque ; le modèle en a besoin",
                             "%s: column \"%s\" is missing; the model needs it", stream_name,
                             s->inputs[i]);
        }
        if (found > 1) {
            return error_set(err,
                             "%s : la colonne « %s » figure deux fois dans la première ligne ; "
                             "renommez-en une",
                             "%s: column \"%s\" stands twice in the first line; rename one of them",
                             stream_name, s->inputs[i]);
        }
    }
    t->columns = t->cell_count;
    return 0;
}

static int read_header(struct text_stream *t, struct error *err)
{
    if (!t->scored->inputs) {
        return error_set(err,
                         "%s : le modèle ne nomme pas ses %zu mesures ; donnez les colonnes dans "
                         "l'ordre du modèle avec --no-header",
                         "%s: the model does not name its %zu features; give the columns in the "
                         "model's order with --no-header",
                         t->scored->model_path, t->scored->features);
    }
    while (!t->ended && !memchr(t->text + t->start, '\n', t->used - t->start)) {
        if (read_more(t, err) != 0) {
            return -1;
        }
    }
    if (t->used >= 3 && memcmp(t->text, "\xef\xbb\xbf", 3) == 0) {
        t->start = 3; /* a byte order mark */
    }
    if (t->used == t->start) {
        return error_usage(err,
                           "%s est vide : quelle table ? Ajoutez --table FICHIER, ou donnez des "
                           "lignes CSV dont la première nomme les colonnes",
                           "%s is empty: which table? Add --table FILE, or send CSV rows of which "
                           "the first names the columns",
                           stream_name);
    }
    t->separator = t->quotes ? header_separator(t) : '\t';
    for (;;) {
        enum row_found found = split_row(t);
        if (found == ROW_WHOLE) {
            return find_columns(t, err);
        }
        if (found == ROW_DAMAGED) {
            return error_set(err,
                             "%s : la première ligne, qui nomme les colonnes, est illisible ; "
                             "vérifiez ses guillemets",
                             "%s: the first line, which names the columns, cannot be read; check "
                             "its quotes",
                             stream_name);
        }
        if (read_more(t, err) != 0) {
            return -1;
        }
    }
}

/* ---- numbers ---- */

static bool is_word(const char *p, size_t size, const char *word)
{
    return size == strlen(word) && strncasecmp(p, word, size) == 0;
}

/* What a cell means as a number, blanks around it aside; false: nothing. */
static bool read_cell(const struct cell *cell, double *value)
{
    const char *p = cell->data, *end = p + cell->size;
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    if (p < end && number_read(p, end, NUMBER_PLAIN, '.', value) == end) {
        return true;
    }
    size_t size = (size_t)(end - p);
    *value = NAN;
    if (size == 0 || is_word(p, size, "nan") || (size == 2 && memcmp(p, "\\N", 2) == 0)) {
        return true;
    }
    size_t sign = *p == '-' || *p == '+';
    *value = *p == '-' ? -INFINITY : INFINITY;
    return is_word(p + sign, size - sign, "inf") || is_word(p + sign, size - sign, "infinity");
}

static int no_number(const struct text_stream *t, size_t feature, struct error *err)
{
    const struct cell *cell = &t->cells[t->column_of[feature]];
    char column[32];
    (void)snprintf(column, sizeof column, "%zu", t->column_of[feature] + 1);
    const char *const *names = t->scored->inputs;
    return error_set(err,
                     "%s : ligne de données %llu, colonne « %s » : « %.*s » n'est pas un nombre ; "
                     "corrigez la cellule ou videz-la",
                     "%s: data row %llu, column \"%s\": \"%.*s\" is not a number; mend the cell or "
                     "empty it",
                     stream_name, (unsigned long long)t->row, names ? names[feature] : column,
                     cell->size < 80 ? (int)cell->size : 80, cell->data);
}

/* The row at hand joins those that wait to be scored. */
static int take_row(struct text_stream *t, struct error *err)
{
    size_t features = t->scored->features;
    float *x = t->x + t->waiting * features;
    if (t->cell_count != t->columns) {
        return error_set(err,
                         "%s : ligne de données %llu : %zu cellules au lieu de %zu ; vérifiez les "
                         "séparateurs et les guillemets",
                         "%s: data row %llu: %zu cells instead of %zu; check the separators and "
                         "the quotes",
                         stream_name, (unsigned long long)t->row, t->cell_count, t->columns);
    }
    for (size_t i = 0; i < features; i++) {
        double value;
        if (!read_cell(&t->cells[t->column_of[i]], &value)) {
            return no_number(t, i, err);
        }
        x[i] = (float)value;
    }
    t->waiting++;
    return 0;
}

/* ---- the whole ---- */

/* Scores and writes the rows that wait. */
static int score_waiting(struct text_stream *t, struct error *err)
{
    size_t rows = t->waiting;
    t->waiting = 0;
    if (rows > 0 && scored_rows(t->scored, t->x, rows, err) != 0) {
        return -1;
    }
    return fflush(t->scored->out) != 0 ? scored_output_error(t->scored, err) : 0;
}

/* Takes all rows that are whole in memory. */
static int take_rows(struct text_stream *t, struct error *err)
{
    while (t->start < t->used) {
        enum row_found found = split_row(t);
        if (found == ROW_PARTIAL) {
            return 0;
        }
        t->row++;
        if (found == ROW_DAMAGED) {
            return error_set(err,
                             "%s : ligne de données %llu : guillemets mal placés ; corrigez-la",
                             "%s: data row %llu: misplaced quotes; mend it", stream_name,
                             (unsigned long long)t->row);
        }
        if (is_blank(t)) {
            t->row--;
            continue;
        }
        if (take_row(t, err) != 0 || (t->waiting == t->x_room && score_waiting(t, err) != 0)) {
            return -1;
        }
    }
    return 0;
}

static int score_rows(struct text_stream *t, struct error *err)
{
    for (;;) {
        if (take_rows(t, err) != 0) {
            struct error later; /* the rows before the bad one are good */
            (void)score_waiting(t, &later);
            return -1;
        }
        if (t->ended) {
            return score_waiting(t, err);
        }
        if ((nothing_waits(t) && score_waiting(t, err) != 0) || read_more(t, err) != 0) {
            return -1;
        }
    }
}

int score_stream(struct scored *s, int fd, bool no_header, struct error *err)
{
    struct text_stream t = {.scored = s, .fd = fd, .quotes = s->format == SCORE_CSV};
    size_t room = STREAM_NUMBERS / s->features;
    t.x_room = room > STREAM_ROWS ? STREAM_ROWS : room > 0 ? room : 1;
    t.x = xcalloc(t.x_room * s->features, sizeof *t.x);
    t.column_of = xcalloc(s->features, sizeof *t.column_of);
    t.separator = s->format == SCORE_TSV ? '\t' : ',';
    t.columns = s->features;
    for (size_t i = 0; i < s->features; i++) {
        t.column_of[i] = i;
    }
    int status = read_more(&t, err);
    if (status == 0 && !no_header) {
        status = read_header(&t, err);
    }
    if (status == 0 && (status = score_rows(&t, err)) == 0) {
        scored_header(s); /* no rows */
    }
    free(t.text);
    free(t.cells);
    free(t.x);
    free(t.column_of);
    return status;
}
