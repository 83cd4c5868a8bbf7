/* Parameters of a query string to selections, orders and exports; see store.h. Memory only. */
#include "serve/store_data.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum parameter { Q, MODELE, STATUT, PANNE, PROB_MIN, NIVEAU, SANS_REVISION, ANNEE, PARAMETERS };

const char *const selection_parameters[] = {
    [Q] = "q",
    [MODELE] = "modele",
    [STATUT] = "statut",
    [PANNE] = "panne",
    [PROB_MIN] = "prob_min",
    [NIVEAU] = "niveau",
    [SANS_REVISION] = "sans_revision",
    [ANNEE] = "annee",
    [PARAMETERS] = NULL,
};

bool selection_is_empty(const struct selection *selection)
{
    bool searches = selection->q && selection->q[0] != '\0';
    return !searches && selection->modele_count == 0 && selection->statuts == 0 &&
           selection->pannes == 0 && !(selection->prob_min > 0) && !selection->sans_revision &&
           selection->annee_count == 0;
}

/* ---- errors ---- */

static int refuse(const char *name, const char *value, const char *allowed, struct error *err)
{
    return error_usage(err, "%s : « %.80s » n'est pas possible ; possible : %s",
                       "%s: \"%.80s\" is not possible; possible: %s", name, value, allowed);
}

static int refuse_length(const char *name, size_t most, struct error *err)
{
    return error_usage(err, "%s : au plus %zu sont possibles", "%s: at most %zu are possible", name,
                       most);
}

static int refuse_repetition(const char *name, struct error *err)
{
    return error_usage(err, "%s : donné deux fois ; donnez une liste, avec des virgules",
                       "%s: given twice; give a list, with commas", name);
}

/* "CRITIQUE, ALERTE, SURVEILLANCE, OK"; owned by the arena. */
static const char *statut_names(struct arena *arena)
{
    const char *list = "";
    for (size_t s = STATUT_COUNT; s-- > 0;) {
        list = arena_printf(arena, "%s%s%s", list, list[0] ? ", " : "", statut_kinds[s].name);
    }
    return list;
}

static const char *column_names(bool sortable, struct arena *arena)
{
    const char *list = sortable ? "urgence" : "";
    for (size_t c = 0; c < REPORTING_COLUMNS; c++) {
        if (!sortable || column_is_sortable(c)) {
            list = arena_printf(arena, "%s%s%s", list, list[0] ? ", " : "",
                                fleet_table(TABLE_REPORTING)->columns[c].name);
        }
    }
    return list;
}

/* ---- values ---- */

/* A whole number from digits alone (and a sign): the whole text, or false. */
static bool read_whole(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    bool starts = (text[0] >= '0' && text[0] <= '9') || text[0] == '-';
    return starts && end != text && *end == '\0' && errno == 0;
}

/* A number 0..1 written with digits and a point. */
static bool read_prob(const char *text, double *out)
{
    char *end;
    if (text[0] == '\0' || strspn(text, "0123456789.") != strlen(text)) {
        return false;
    }
    *out = strtod(text, &end);
    return *end == '\0' && *out >= 0 && *out <= 1;
}

/* The next element of a comma list, with `\,` as a comma and `\\` as a backslash; owned by the
 * arena. Moves *list behind it; NULL at the end. */
static char *next_element(const char **list, struct arena *arena)
{
    const char *text = *list;
    if (!text) {
        return NULL;
    }
    char *element = arena_alloc(arena, strlen(text) + 1, 1);
    size_t size = 0;
    while (*text != '\0' && *text != ',') {
        text += text[0] == '\\' && (text[1] == ',' || text[1] == '\\');
        element[size++] = *text++;
    }
    *list = *text == ',' ? text + 1 : NULL;
    return element;
}

static int set_q(struct selection *selection, const char *value, struct arena *arena,
                 struct error *err)
{
    if (strlen(value) > SEARCH_AT_MOST) {
        return error_usage(err, "q : au plus %d octets sont cherchés",
                           "q: at most %d bytes are searched for", SEARCH_AT_MOST);
    }
    selection->q = value[0] != '\0' ? arena_strdup(arena, value) : NULL;
    return 1;
}

static int set_modeles(struct selection *selection, const char *value, struct arena *arena,
                       struct error *err)
{
    const char *name;
    while ((name = next_element(&value, arena)) != NULL) {
        if (selection->modele_count == LIST_AT_MOST) {
            return refuse_length("modele", LIST_AT_MOST, err);
        }
        selection->modeles[selection->modele_count++] = name;
    }
    return 1;
}

static int set_annees(struct selection *selection, const char *value, struct arena *arena,
                      struct error *err)
{
    const char *year;
    while ((year = next_element(&value, arena)) != NULL) {
        if (selection->annee_count == LIST_AT_MOST) {
            return refuse_length("annee", LIST_AT_MOST, err);
        }
        if (!read_whole(year, &selection->annees[selection->annee_count++])) {
            return refuse("annee", year, "2019,2020", err);
        }
    }
    return 1;
}

static int set_statuts(struct selection *selection, const char *value, struct arena *arena,
                       struct error *err)
{
    const char *name;
    while ((name = next_element(&value, arena)) != NULL) {
        size_t s = 0;
        while (s < STATUT_COUNT && strcmp(statut_kinds[s].name, name) != 0) {
            s++;
        }
        if (s == STATUT_COUNT) {
            return refuse("statut", name, statut_names(arena), err);
        }
        selection->statuts |= 1U << s;
    }
    return 1;
}

static int set_pannes(struct selection *selection, const char *value, struct arena *arena,
                      struct error *err)
{
    const char *number;
    int64_t panne;
    while ((number = next_element(&value, arena)) != NULL) {
        if (!read_whole(number, &panne) || panne < 0 || panne >= FAILURE_COUNT) {
            return refuse("panne", number, arena_printf(arena, "0..%d", FAILURE_COUNT - 1), err);
        }
        selection->pannes |= 1U << panne;
    }
    return 1;
}

/* Both prob_min and niveau ask for a probability: the higher one counts. */
static int set_prob(struct selection *selection, double prob)
{
    selection->prob_min = fmax(selection->prob_min, prob);
    return 1;
}

int selection_set(struct selection *selection, const char *name, const char *value,
                  struct arena *arena, struct error *err)
{
    double prob;
    int which = 0;
    while (which < PARAMETERS && strcmp(selection_parameters[which], name) != 0) {
        which++;
    }
    if (which < PARAMETERS && (selection->given >> which & 1) != 0) {
        return refuse_repetition(name, err);
    }
    selection->given |= which < PARAMETERS ? 1U << which : 0;
    switch (which) {
    case Q:
        return set_q(selection, value, arena, err);
    case MODELE:
        return set_modeles(selection, value, arena, err);
    case STATUT:
        return set_statuts(selection, value, arena, err);
    case PANNE:
        return set_pannes(selection, value, arena, err);
    case PROB_MIN:
        return read_prob(value, &prob) ? set_prob(selection, prob)
                                       : refuse(name, value, "0..1 (0.3)", err);
    case NIVEAU:
        if (strcmp(value, "urgent") == 0) {
            return set_prob(selection, fleet_thresholds.urgent);
        }
        return strcmp(value, "surveiller") == 0 ? set_prob(selection, fleet_thresholds.surveillance)
                                                : refuse(name, value, "urgent, surveiller", err);
    case SANS_REVISION:
        selection->sans_revision = true;
        return strcmp(value, "1") == 0 ? 1 : refuse(name, value, "1", err);
    case ANNEE:
        return set_annees(selection, value, arena, err);
    default:
        return 0;
    }
}

/* ---- orders ---- */

bool column_is_sortable(size_t column)
{
    return column < REPORTING_COLUMNS && column != REPORTING_RAISONS;
}

/* The place of a column of reporting_final, or REPORTING_COLUMNS. */
static size_t column_named(const char *name)
{
    size_t column = 0;
    while (column < REPORTING_COLUMNS &&
           strcmp(fleet_table(TABLE_REPORTING)->columns[column].name, name) != 0) {
        column++;
    }
    return column;
}

int sort_parse(const char *text, struct sort_order *out, struct error *err)
{
    struct arena arena = {0};
    int status = 0;
    *out = (struct sort_order){.descending = text[0] == '-'};
    const char *name = text + out->descending;
    if (strcmp(name, "urgence") != 0) {
        size_t column = column_named(name);
        out->key = column + 1;
        if (!column_is_sortable(column)) {
            status = refuse("sort", text, column_names(true, &arena), err);
        }
    }
    arena_release(&arena);
    return status;
}

const char *sort_text(struct sort_order order, struct arena *arena)
{
    const char *name =
        order.key == 0 ? "urgence" : fleet_table(TABLE_REPORTING)->columns[order.key - 1].name;
    return arena_printf(arena, "%s%s", order.descending ? "-" : "", name);
}

/* ---- exports ---- */

static int set_columns(struct export_query *query, const char *value, struct arena *arena,
                       struct error *err)
{
    const char *name;
    if (query->column_count > 0) {
        return refuse_repetition("columns", err);
    }
    while ((name = next_element(&value, arena)) != NULL) {
        size_t column = column_named(name);
        if (column == REPORTING_COLUMNS) {
            return refuse("columns", name, column_names(false, arena), err);
        }
        if (query->column_count == LIST_AT_MOST) {
            return refuse_length("columns", LIST_AT_MOST, err);
        }
        query->columns[query->column_count++] = column;
    }
    return 1;
}

int export_set(struct export_query *query, const char *name, const char *value, struct error *err)
{
    struct arena arena = {0};
    int status = 0;
    if (strcmp(name, "columns") == 0) {
        status = set_columns(query, value, &arena, err);
    } else if (strcmp(name, "format") == 0) {
        query->format = strcmp(value, "excel-fr") == 0 ? EXPORT_EXCEL_FR : EXPORT_CSV;
        bool known = query->format == EXPORT_EXCEL_FR || strcmp(value, "csv") == 0;
        status = known ? 1 : refuse("format", value, "csv, excel-fr", err);
    }
    arena_release(&arena);
    return status;
}
