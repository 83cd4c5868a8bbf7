/* Any table as something to learn from: finds label, group and date among the columns of a CSV or
 * Parquet file, takes the others as numbers; see learning.h.
 *
 * An empty cell is a missing value (NaN). Infinities are values. A row without label, group or date
 * is left out and counted. The columns' names come from the file, so the SELECTs are made here and
 * not in sql/: names are quoted, values are not part of them. */
#include "pipeline/learning.h"

#include "base/dates.h"
#include "pipeline/dictionary.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_LABELS = 10000,
    SHOWN = 12, /* names in a message */
};

static const char view[] = "training";

/* Where a role's column stands in a row of read_roles(). */
enum role { ROLE_LABEL, ROLE_GROUP, ROLE_DATE, ROLE_COUNT };

struct table_reader {
    const struct train_options *options;
    struct arena *arena;
    struct any_table *out;
    struct lake *lake;
    struct column *columns;
    size_t column_count;
    const char *roles[ROLE_COUNT]; /* column names, or NULL */
    bool label_is_real;
    struct dictionary labels, groups;
    size_t rows, room; /* of the file; y[row] is -1 where it is left out */
    size_t read, kept; /* while numbers are read */
};

/* ---- names ---- */

/* "name" as a quoted identifier, owned by the arena. */
static const char *quoted(struct arena *arena, const char *name)
{
    char *out = arena_alloc(arena, 2 * strlen(name) + 3, 1);
    char *end = out;
    *end++ = '"';
    for (const char *p = name; *p; p++) {
        if (*p == '"') {
            *end++ = '"';
        }
        *end++ = *p;
    }
    *end = '"';
    return out;
}

/* The first names of a list, for messages. */
static const char *joined(struct arena *arena, const char *const *names, size_t count)
{
    const char *text = "";
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        text = arena_printf(arena, "%s%s%s", text, i > 0 ? ", " : "", names[i]);
    }
    return count > SHOWN ? arena_printf(arena, "%s, ... (%zu)", text, count) : text;
}

static const struct column *find_column(const struct table_reader *r, const char *name,
                                        size_t length)
{
    for (size_t c = 0; c < r->column_count; c++) {
        if (strlen(r->columns[c].name) == length && memcmp(r->columns[c].name, name, length) == 0) {
            return &r->columns[c];
        }
    }
    return NULL;
}

static int no_column(struct table_reader *r, const char *option, const char *name, size_t length,
                     struct error *err)
{
    const char **names = ARENA_NEW(r->arena, const char *, r->column_count);
    for (size_t c = 0; c < r->column_count; c++) {
        names[c] = r->columns[c].name;
    }
    return error_set(err, "--%s %.*s : %s n'a pas de colonne de ce nom ; ses colonnes : %s",
                     "--%s %.*s: %s has no column of that name; its columns: %s", option,
                     (int)length, name, r->options->table,
                     joined(r->arena, names, r->column_count));
}

/* ---- columns that have one name ---- */

/* 'path' as an SQL text in which nothing is a pattern. */
static const char *path_literal(struct arena *arena, const char *path)
{
    char *out = arena_alloc(arena, 3 * strlen(path) + 3, 1);
    char *end = out;
    *end++ = '\'';
    for (const char *p = path; *p; p++) {
        bool pattern = *p == '*' || *p == '?' || *p == '[';
        if (pattern) {
            *end++ = '[';
        }
        if (*p == '\'') {
            *end++ = '\'';
        }
        *end++ = *p;
        if (pattern) {
            *end++ = ']';
        }
    }
    *end = '\'';
    return out;
}

/* True when some column looks like one that the engine renamed: "a_1" beside "a". */
static bool perhaps_renamed(const struct table_reader *r)
{
    for (size_t c = 0; c < r->column_count; c++) {
        const char *name = r->columns[c].name;
        const char *mark = strrchr(name, '_');
        size_t stem = mark ? (size_t)(mark - name) : 0;
        if (!mark || mark[1] == '\0' || mark[1 + strspn(mark + 1, "0123456789")] != '\0') {
            continue;
        }
        for (size_t other = 0; other < c; other++) {
            if (strlen(r->columns[other].name) == stem &&
                strncasecmp(r->columns[other].name, name, stem) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The engine renames a second column of the same name (capitals make no difference to it), so that
 * the header has to be read as it is. A Parquet file has no header to look at. */
static int check_duplicates(struct table_reader *r, struct error *err)
{
    const char *path = r->options->table;
    size_t length = strlen(path);
    struct lake_rows header;
    if ((length > 8 && strcmp(path + length - 8, ".parquet") == 0) || !perhaps_renamed(r)) {
        return 0;
    }
    const char *sql = arena_printf(r->arena,
                                   "SELECT * FROM read_csv(%s, header = false, all_varchar = true, "
                                   "hive_partitioning = false) LIMIT 1",
                                   path_literal(r->arena, path));
    if (lake_query(r->lake, sql, r->arena, &header, err) != 0) {
        return -1;
    }
    for (size_t c = 0; header.rows > 0 && c < header.columns; c++) {
        for (size_t other = 0; header.cells[c] && other < c; other++) {
            if (header.cells[other] && strcasecmp(header.cells[c], header.cells[other]) == 0) {
                return error_set(err,
                                 "%s : les colonnes %zu et %zu s'appellent toutes deux « %s » ; "
                                 "renommez-en une",
                                 "%s: columns %zu and %zu are both called \"%s\"; rename one of "
                                 "them",
                                 path, other + 1, c + 1, header.cells[c]);
            }
        }
    }
    return 0;
}

/* ---- who is what ---- */

static int find_roles(struct table_reader *r, struct error *err)
{
    static const char *const options[ROLE_COUNT] = {"label", "group", "date"};
    r->roles[ROLE_LABEL] = r->options->label;
    r->roles[ROLE_GROUP] = r->options->group;
    r->roles[ROLE_DATE] = r->options->date;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        const char *name = r->roles[i];
        const struct column *column = name ? find_column(r, name, strlen(name)) : NULL;
        if (name && !column) {
            return no_column(r, options[i], name, strlen(name), err);
        }
        if (i > 0 && name && strcmp(name, r->roles[ROLE_LABEL]) == 0) {
            return error_usage(err, "--%s %s : c'est déjà la colonne des classes (--label)",
                               "--%s %s: this is the column of the classes already (--label)",
                               options[i], name);
        }
        if (i == ROLE_LABEL) {
            r->label_is_real = column->type == COLUMN_REAL;
        }
    }
    return 0;
}

/* Marks the columns of --drop. */
static int find_dropped(struct table_reader *r, bool *dropped, struct error *err)
{
    const char *next = r->options->drop ? r->options->drop : "";
    while (*next) {
        size_t length = strcspn(next, ",");
        const struct column *column = find_column(r, next, length);
        if (!column) {
            return no_column(r, "drop", next, length, err);
        }
        if (strcmp(column->name, r->roles[ROLE_LABEL]) == 0) {
            return error_usage(err, "--drop %s : c'est la colonne des classes (--label)",
                               "--drop %s: this is the column of the classes (--label)",
                               column->name);
        }
        dropped[column - r->columns] = true;
        next += length + (next[length] == ',');
    }
    return 0;
}

/* A column that the file itself says is no number. */
static int check_type(const struct table_reader *r, const struct column *column, struct error *err)
{
    if (column->type == COLUMN_DATE || column->type == COLUMN_TIMESTAMP) {
        return error_set(
            err,
            "%s : la colonne « %s » contient des dates ; testez sur les dernières avec "
            "--date %s, ou laissez-la de côté avec --drop %s",
            "%s: column \"%s\" holds dates; test on the latest with --date %s, or "
            "leave it out with --drop %s",
            r->options->table, column->name, column->name, column->name);
    }
    return 0;
}

/* What is neither label, group nor date and was not dropped is a feature. */
static int find_features(struct table_reader *r, struct error *err)
{
    struct learning_table *t = &r->out->learning;
    bool *dropped = ARENA_NEW(r->arena, bool, r->column_count);
    if (find_dropped(r, dropped, err) != 0) {
        return -1;
    }
    t->feature_names = ARENA_NEW(r->arena, const char *, r->column_count);
    for (size_t c = 0; c < r->column_count; c++) {
        bool taken = dropped[c];
        for (size_t i = 0; i < ROLE_COUNT; i++) {
            taken = taken || (r->roles[i] && strcmp(r->roles[i], r->columns[c].name) == 0);
        }
        if (!taken) {
            if (check_type(r, &r->columns[c], err) != 0) {
                return -1;
            }
            t->feature_names[t->data.features++] = r->columns[c].name;
        }
    }
    if (t->data.features == 0) {
        return error_set(err, "%s : il ne reste aucune colonne dont apprendre",
                         "%s: no column is left to learn from", r->options->table);
    }
    return 0;
}

/* ---- labels, groups, dates ---- */

/* A date, an instant, or any number that grows with time. */
static bool read_moment(struct bytes cell, double *out)
{
    char text[64];
    int64_t micros;
    char *end;
    if (timestamp_parse(cell.data, cell.size, &micros)) {
        *out = (double)micros / (double)MICROS_PER_DAY;
        return true;
    }
    if (cell.size == 0 || cell.size >= sizeof text) {
        return false;
    }
    memcpy(text, cell.data, cell.size);
    text[cell.size] = '\0';
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

/* The class of a label: its number in the dictionary; -1 and an error when there are too many. */
static int label_number(struct table_reader *r, struct bytes cell, struct error *err)
{
    if (r->label_is_real && cell.size > 2 && memcmp(cell.data + cell.size - 2, ".0", 2) == 0) {
        cell.size -= 2;
    }
    size_t number = dictionary_number(&r->labels, cell);
    if (number >= MOST_LABELS) {
        return error_set(err,
                         "%s : la colonne « %s » a plus de %d valeurs différentes ; il faut une "
                         "colonne de classes, pas une mesure",
                         "%s: column \"%s\" has more than %d different values; there must be a "
                         "column of classes, not a measure",
                         r->options->table, r->options->label, (int)MOST_LABELS);
    }
    return (int)number;
}

static int take_roles(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct table_reader *r = context;
    struct any_table *out = r->out;
    struct bytes cell[ROLE_COUNT] = {{0}};
    bool missing = false;
    for (size_t i = 0, used = 0; i < ROLE_COUNT; i++) {
        if (r->roles[i]) {
            assert(used < count);
            cell[i] = cells[used++];
            missing = missing || !cell[i].data || cell[i].size == 0;
        }
    }
    if (r->rows == r->room) {
        r->room = r->room * 2 + BATCH_ROWS;
        out->y = xrealloc(out->y, r->room, sizeof *out->y);
        out->group = xrealloc(out->group, r->room, sizeof *out->group);
        out->when = xrealloc(out->when, r->room, sizeof *out->when);
    }
    out->y[r->rows] = missing ? -1 : label_number(r, cell[ROLE_LABEL], err);
    if (!missing && out->y[r->rows] < 0) {
        return -1;
    }
    out->group[r->rows] =
        missing || !r->roles[ROLE_GROUP] ? 0 : dictionary_number(&r->groups, cell[ROLE_GROUP]);
    out->when[r->rows] = 0;
    if (!missing && r->roles[ROLE_DATE] && !read_moment(cell[ROLE_DATE], &out->when[r->rows])) {
        return error_set(err,
                         "%s, ligne %zu : « %.*s » dans la colonne « %s » n'est ni une date "
                         "(AAAA-MM-JJ) ni un nombre",
                         "%s, row %zu: \"%.*s\" in column \"%s\" is neither a date (YYYY-MM-DD) "
                         "nor a number",
                         r->options->table, r->rows + 1, (int)cell[ROLE_DATE].size,
                         cell[ROLE_DATE].data, r->roles[ROLE_DATE]);
    }
    out->refused += missing;
    r->rows++;
    return 0;
}

static int read_roles(struct table_reader *r, struct error *err)
{
    const char *list = "";
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (r->roles[i]) {
            list = arena_printf(r->arena, "%s%s%s AS role%zu", list, *list ? ", " : "",
                                quoted(r->arena, r->roles[i]), i);
        }
    }
    return lake_each(r->lake, arena_printf(r->arena, "SELECT %s FROM %s", list, view), take_roles,
                     r, err);
}

/* ---- classes in order ---- */

/* "0", "-7", "42": a whole number as one writes it. */
static bool is_whole(const char *text)
{
    const char *digits = text + (*text == '-');
    size_t count = strspn(digits, "0123456789");
    return count > 0 && count <= 18 && digits[count] == '\0' &&
           (*digits != '0' || (count == 1 && digits == text));
}

static int compare_whole(const void *a, const void *b)
{
    long long x = strtoll(*(const char *const *)a, NULL, 10);
    long long y = strtoll(*(const char *const *)b, NULL, 10);
    return (x > y) - (x < y);
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whole numbers ascend as numbers, other labels as bytes; y follows. */
static void sort_labels(struct table_reader *r)
{
    struct learning_table *t = &r->out->learning;
    size_t count = r->labels.count;
    const char **sorted = ARENA_NEW(r->arena, const char *, count);
    int *place = ARENA_NEW(r->arena, int, count);
    t->labels_are_numbers = true;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = arena_strdup(r->arena, r->labels.texts[i]);
        t->labels_are_numbers = t->labels_are_numbers && is_whole(sorted[i]);
    }
    qsort((void *)sorted, count, sizeof *sorted,
          t->labels_are_numbers ? compare_whole : compare_text);
    for (size_t i = 0; i < count; i++) {
        struct bytes text = {sorted[i], strlen(sorted[i])};
        place[dictionary_number(&r->labels, text)] = (int)i;
    }
    for (size_t row = 0; row < r->rows; row++) {
        r->out->y[row] = r->out->y[row] < 0 ? -1 : place[r->out->y[row]];
    }
    t->class_labels = sorted;
    t->data.classes = (int)count;
}

/* The class that stands for "nothing happens". */
static int find_quiet(struct table_reader *r, struct error *err)
{
    struct learning_table *t = &r->out->learning;
    size_t count = (size_t)t->data.classes;
    t->quiet = count == 2 ? 0 : -1;
    for (size_t i = 0; r->options->quiet && i < count; i++) {
        if (strcmp(t->class_labels[i], r->options->quiet) == 0) {
            t->quiet = (int)i;
            return 0;
        }
    }
    return !r->options->quiet ? 0
                              : error_set(err,
                                          "--ok %s : la colonne « %s » ne contient pas cette "
                                          "valeur ; elle contient : %s",
                                          "--ok %s: column \"%s\" does not have this value; it "
                                          "has: %s",
                                          r->options->quiet, r->options->label,
                                          joined(r->arena, t->class_labels, count));
}

static int check_classes(struct table_reader *r, struct error *err)
{
    const struct train_options *o = r->options;
    size_t kept = r->rows - r->out->refused;
    if (kept == 0) {
        return error_set(err, "%s : aucune ligne n'a d'étiquette dans la colonne « %s »",
                         "%s: no row has a label in column \"%s\"", o->table, o->label);
    }
    if (r->labels.count < 2) {
        return error_set(err,
                         "%s : la colonne « %s » n'a qu'une valeur, « %s » (%zu ligne(s)) ; il en "
                         "faut deux au moins pour apprendre à les distinguer",
                         "%s: column \"%s\" has one value only, \"%s\" (%zu row(s)); there must be "
                         "two at least to learn to tell them apart",
                         o->table, o->label, r->labels.texts[0], kept);
    }
    return 0;
}

/* ---- numbers ---- */

static int take_numbers(void *context, const double *x, size_t rows, struct error *err)
{
    struct table_reader *r = context;
    struct any_table *out = r->out;
    size_t features = out->learning.data.features;
    if (r->read + rows > r->rows) {
        return error_set(err, "%s : le fichier a changé pendant la lecture ; recommencez",
                         "%s: the file changed while it was read; try again", r->options->table);
    }
    for (size_t row = 0; row < rows; row++, r->read++) {
        if (out->y[r->read] < 0) {
            continue;
        }
        for (size_t f = 0; f < features; f++) {
            out->x[r->kept * features + f] = (float)x[row * features + f];
        }
        out->y[r->kept] = out->y[r->read]; /* what is left moves up */
        out->group[r->kept] = out->group[r->read];
        out->when[r->kept] = out->when[r->read];
        r->kept++;
    }
    return 0;
}

static bool is_truth(const char *text)
{
    return strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0;
}

/* Why a column is no number: of `count` values, `numbers` are; `value` is one that is not. */
static int text_column(const struct table_reader *r, const char *name, const char *value,
                       const char *count, const char *numbers, const char *all, struct error *err)
{
    const char *path = r->options->table;
    int64_t micros;
    if (timestamp_parse(value, strlen(value), &micros)) {
        return error_set(err,
                         "%s : la colonne « %s » contient des dates (« %s ») ; testez sur les "
                         "dernières avec --date %s, ou laissez-la de côté avec --drop %s",
                         "%s: column \"%s\" holds dates (\"%s\"); test on the latest with --date "
                         "%s, or leave it out with --drop %s",
                         path, name, value, name, all);
    }
    if (is_truth(value)) {
        return error_set(
            err,
            "%s : la colonne « %s » contient « %s » ; écrivez 1 et 0, ou laissez-la de "
            "côté avec --drop %s",
            "%s: column \"%s\" holds \"%s\"; write 1 and 0, or leave it out with "
            "--drop %s",
            path, name, value, all);
    }
    if (strcmp(numbers, "0") == 0) {
        return error_set(err,
                         "%s : la colonne « %s » contient du texte (« %s ») ; la forêt apprend de "
                         "nombres : laissez-la de côté avec --drop %s",
                         "%s: column \"%s\" holds text (\"%s\"); the forest learns from numbers: "
                         "leave it out with --drop %s",
                         path, name, value, all);
    }
    return error_set(
        err,
        "%s : colonne « %s » : « %s » n'est pas un nombre (%s valeurs sur %s en sont) ; "
        "corrigez ou videz ces cellules, ou laissez la colonne de côté avec --drop %s",
        "%s: column \"%s\": \"%s\" is no number (%s of %s values are); mend or empty "
        "these cells, or leave the column out with --drop %s",
        path, name, value, numbers, count, all);
}

/* The engine met what is no number: which column, and how to mend it. `err` is kept when every
 * column is one after all. */
static int explain_text(struct table_reader *r, struct error *err)
{
    enum { CELLS = 3 };
    const struct learning_table *t = &r->out->learning;
    const char *list = "";
    const char *all = "";
    struct lake_rows found;
    struct error unused;
    size_t first = SIZE_MAX;
    for (size_t f = 0; f < t->data.features; f++) {
        const char *name = quoted(r->arena, t->feature_names[f]);
        list = arena_printf(r->arena,
                            "%s%s count(%s) AS a%zu, count(TRY_CAST(%s AS DOUBLE)) AS b%zu, "
                            "min(CAST(%s AS VARCHAR)) FILTER (TRY_CAST(%s AS DOUBLE) IS NULL) AS "
                            "c%zu",
                            list, f > 0 ? "," : "", name, f, name, f, name, name, f);
    }
    if (lake_query(r->lake, arena_printf(r->arena, "SELECT %s FROM %s", list, view), r->arena,
                   &found, &unused) != 0) {
        return -1;
    }
    for (size_t f = 0; f < t->data.features; f++) {
        if (found.cells[CELLS * f + 2]) {
            all = arena_printf(r->arena, "%s%s%s", all, *all ? "," : "", t->feature_names[f]);
            first = first < f ? first : f;
        }
    }
    return first == SIZE_MAX
               ? -1
               : text_column(r, t->feature_names[first], found.cells[CELLS * first + 2],
                             found.cells[CELLS * first], found.cells[CELLS * first + 1], all, err);
}

static int read_numbers(struct table_reader *r, struct error *err)
{
    struct any_table *out = r->out;
    struct learning_table *t = &out->learning;
    size_t kept = r->rows - out->refused;
    out->x = xcalloc(kept, t->data.features * sizeof *out->x);
    if (lake_each_block(r->lake, view, t->feature_names, t->data.features, NULL, take_numbers, r,
                        err) != 0) {
        return explain_text(r, err);
    }
    assert(r->kept == kept);
    t->data.x = out->x;
    t->data.y = out->y;
    t->data.rows = kept;
    t->group = r->roles[ROLE_GROUP] ? out->group : NULL;
    t->groups = r->groups.count;
    t->when = r->roles[ROLE_DATE] ? out->when : NULL;
    return 0;
}

/* ---- the whole ---- */

int any_table_read(const struct session *session, const struct train_options *options,
                   struct arena *arena, struct any_table *out, struct error *err)
{
    static const struct text reading = TEXT("Lecture", "Reading");
    const struct lake_options engine = {.threads = session->threads, .memory = session->memory};
    struct table_reader r = {.options = options, .arena = arena, .out = out};
    int status = -1;
    assert(options->label);
    stage_tell(session, &reading, 0, 0);
    if (lake_open(&r.lake, &engine, err) != 0 ||
        lake_open_file(r.lake, view, options->table, err) != 0 ||
        lake_columns(r.lake, view, arena, &r.columns, &r.column_count, err) != 0 ||
        check_duplicates(&r, err) != 0 || find_roles(&r, err) != 0 || find_features(&r, err) != 0 ||
        read_roles(&r, err) != 0 || check_classes(&r, err) != 0) {
        goto done;
    }
    sort_labels(&r);
    if (find_quiet(&r, err) != 0 || read_numbers(&r, err) != 0) {
        goto done;
    }
    status = 0;
done:
    dictionary_release(&r.labels);
    dictionary_release(&r.groups);
    lake_close(r.lake);
    return status;
}

void any_table_release(struct any_table *table)
{
    free(table->x);
    free(table->y);
    free(table->group);
    free(table->when);
    *table = (struct any_table){0};
}
