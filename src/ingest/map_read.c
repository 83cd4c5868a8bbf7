/* Reads a map (docs/mapping.md): a JSON file that says which columns of other people's files are
 * which of our fields, in which units and formats; see ingest.h.
 *
 * Everything in it must be understood: an unknown key, a wrong type or an unknown unit is an error
 * that names the key, so that a slip of the pen does not turn into missing values. */
#include "ingest/map.h"

#include "base/fs.h"
#include "ingest/date_format.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAP_FILE_LIMIT = 1024 * 1024 };

/* The map that is being read. */
struct maker {
    const char *path; /* for errors */
    struct ingest_map *map;
    struct error *err;
};

/* ---- units: value * scale + offset is in the unit of the contract ---- */

struct unit {
    const char *name;
    double scale, offset;
};

static const struct unit units[] = {
    {"kPa", 0.01, 0},                /* to bar */
    {"psi", 0.0689475729316836, 0},  /* to bar */
    {"MPa", 10, 0},                  /* to bar */
    {"hPa", 0.001, 0},               /* to bar */
    {"Pa", 0.00001, 0},              /* to bar */
    {"°F", 5.0 / 9.0, -160.0 / 9.0}, /* to °C */
    {"K", 1, -273.15},               /* to °C */
    {"mph", 1.609344, 0},            /* to km/h */
    {"m/s", 3.6, 0},                 /* to km/h */
    {"mi", 1.609344, 0},             /* to km */
    {"m", 0.001, 0},                 /* to km */
    {"mV", 0.001, 0},                /* to V */
    {"ms", 0.001, 0},                /* to s */
    {"rps", 60, 0},                  /* to 1/min */
    {"L/km", 100, 0},                /* to L/100 km */
};

static const struct unit clocks[] = {
    {"us", 1, 0},    {"ms", 1e3, 0},  {"s", 1e6, 0},
    {"min", 6e7, 0}, {"h", 3.6e9, 0}, {"d", 8.64e10, 0},
};

static const struct unit *find_unit(const struct unit *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

/* ---- keys and types ---- */

static int wrong(const struct maker *maker, const char *where, const char *key, const char *fr,
                 const char *en)
{
    const char *dot = *where && *key ? "." : "";
    return error_set(maker->err, "%s : « %s%s%s » %s%.0s (voir docs/mapping.fr.md)",
                     "%s: \"%s%s%s\" %.0s%s (see docs/mapping.md)", maker->path, where, dot, key,
                     fr, en);
}

/* The text under a key, NULL when there is none; -1 when it is something else. */
static int get_text(const struct maker *maker, const char *where, const json_t *object,
                    const char *key, const char **out)
{
    const json_t *value = json_object_get(object, key);
    *out = value ? json_string_value(value) : NULL;
    if (value && !*out) {
        return wrong(maker, where, key, "doit être un texte", "must be a text");
    }
    return 0;
}

static int get_bool(const struct maker *maker, const char *where, const json_t *object,
                    const char *key, bool *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_is_true(value);
    if (value && !json_is_boolean(value)) {
        return wrong(maker, where, key, "doit être true ou false", "must be true or false");
    }
    return 0;
}

static int get_number(const struct maker *maker, const char *where, const json_t *object,
                      const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);
    if (value && !json_is_number(value)) {
        return wrong(maker, where, key, "doit être un nombre", "must be a number");
    }
    *out = value ? json_number_value(value) : *out;
    return 0;
}

/* One character other than a quote, a line end or what numbers are made of. */
static int get_sign(const struct maker *maker, const json_t *object, const char *key, char *out)
{
    const char *text;
    if (get_text(maker, "", object, key, &text) != 0) {
        return -1;
    }
    if (text && (strlen(text) != 1 || strchr("\"\r\n+-0123456789eE", text[0]))) {
        return wrong(maker, "", key, "doit être un seul signe, comme « ; »",
                     "must be one character, such as \";\"");
    }
    *out = text ? text[0] : *out;
    return 0;
}

static int check_keys(const struct maker *maker, const char *where, json_t *object,
                      const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0) {
            i++;
        }
        if (!known[i]) {
            return wrong(maker, where, key, "est une clé inconnue ; corrigez-la ou ôtez-la",
                         "is an unknown key; correct it or take it out");
        }
    }
    return 0;
}

/* ---- one field ---- */

/* The slot of a column's name, made when it is new. */
static size_t slot_of(struct ingest_map *map, const char *column, const char *field)
{
    struct json_names *slots = &map->slots;
    for (size_t i = 0; i < slots->count; i++) {
        if (strcmp(slots->names[i], column) == 0) {
            return i;
        }
    }
    assert(slots->count < BATCH_COLUMNS); /* at most one a field */
    size_t slot = slots->count++;
    json_names_put(slots, slot, arena_strdup(&map->arena, column), field);
    return slot;
}

static int read_clock(const struct maker *maker, const char *name, const json_t *object,
                      const char *unit, struct map_field *field)
{
    const char *start;
    const struct unit *clock = find_unit(clocks, sizeof clocks / sizeof *clocks, unit);
    if (!clock) {
        return wrong(maker, name, "unit", "doit être us, ms, s, min, h ou d",
                     "must be us, ms, s, min, h or d");
    }
    if (get_text(maker, name, object, "start", &start) != 0) {
        return -1;
    }
    if (start && !timestamp_parse(start, strlen(start), &field->start)) {
        return wrong(maker, name, "start", "doit être un instant, comme 2026-11-23T08:00:00Z",
                     "must be an instant, such as 2026-11-23T08:00:00Z");
    }
    field->rule = MAP_CLOCK;
    field->scale = clock->scale;
    return 0;
}

static int read_time_rule(const struct maker *maker, const char *name, const json_t *object,
                          struct map_field *field)
{
    const char *unit, *format;
    if (get_text(maker, name, object, "unit", &unit) != 0 ||
        get_text(maker, name, object, "format", &format) != 0) {
        return -1;
    }
    if (unit && format) {
        return wrong(maker, name, "format", "et « unit » s'excluent",
                     "and \"unit\" exclude one another");
    }
    if (unit) {
        return read_clock(maker, name, object, unit, field);
    }
    if (json_object_get(object, "start")) {
        return wrong(maker, name, "start", "demande aussi « unit »", "wants \"unit\" as well");
    }
    if (format && !date_format_valid(format)) {
        return wrong(maker, name, "format",
                     "doit contenir %Y ou %y, et seulement %Y %y %m %d %H %M %S %f %z %%",
                     "must hold %Y or %y, and only %Y %y %m %d %H %M %S %f %z %%");
    }
    if (format) {
        field->rule = MAP_DATE_FORMAT;
        field->format = arena_strdup(&maker->map->arena, format);
    }
    return 0;
}

static int read_number_rule(const struct maker *maker, const char *name, const json_t *object,
                            struct map_field *field)
{
    const char *unit;
    if (get_text(maker, name, object, "unit", &unit) != 0 ||
        get_number(maker, name, object, "scale", &field->scale) != 0 ||
        get_number(maker, name, object, "offset", &field->offset) != 0) {
        return -1;
    }
    if (!unit) {
        return 0;
    }
    const struct unit *known = find_unit(units, sizeof units / sizeof *units, unit);
    if (!known || json_object_get(object, "scale") || json_object_get(object, "offset")) {
        return wrong(maker, name, "unit",
                     "est inconnue, ou s'ajoute à scale ou offset ; donnez scale et offset seuls",
                     "is unknown, or stands beside scale or offset; give scale and offset alone");
    }
    field->scale = known->scale;
    field->offset = known->offset;
    return 0;
}

/* A field that comes from a column. */
static int read_column(const struct maker *maker, const char *name, size_t number, json_t *object,
                       const char *column)
{
    static const char *const number_keys[] = {"column", "unit", "scale", "offset", NULL};
    static const char *const time_keys[] = {"column", "unit", "start", "format", NULL};
    static const char *const plain_keys[] = {"column", NULL};
    struct map_field *field = &maker->map->fields[number];
    enum column_type type = maker->map->spec->fields[number].column.type;
    bool is_number = type == COLUMN_WHOLE || type == COLUMN_REAL;
    bool is_time = type == COLUMN_TIMESTAMP || type == COLUMN_DATE;
    for (size_t i = 0; i < maker->map->spec->field_count; i++) { /* the text of an instant */
        is_time |= maker->map->spec->fields[i].derived_from == (int)number;
    }
    const char *const *keys = is_number ? number_keys : is_time ? time_keys : plain_keys;
    *field = (struct map_field){.rule = MAP_VALUE, .scale = 1};
    if (*column == '\0') {
        return wrong(maker, name, "column", "est vide", "is empty");
    }
    field->slot = slot_of(maker->map, column, name);
    if (!object) {
        return 0;
    }
    if (check_keys(maker, name, object, keys) != 0) {
        return -1;
    }
    return is_number ? read_number_rule(maker, name, object, field)
                     : read_time_rule(maker, name, object, field);
}

/* A field that is the same for a whole file. */
static int read_fixed(const struct maker *maker, const char *name, size_t number, json_t *object)
{
    static const char *const keys[] = {"constant", "file_name", NULL};
    struct map_field *field = &maker->map->fields[number];
    const char *constant;
    bool file_name;
    if (check_keys(maker, name, object, keys) != 0 ||
        get_text(maker, name, object, "constant", &constant) != 0 ||
        get_bool(maker, name, object, "file_name", &file_name) != 0) {
        return -1;
    }
    enum column_type type = maker->map->spec->fields[number].column.type;
    if (file_name == (constant != NULL) || type == COLUMN_WHOLE || type == COLUMN_REAL) {
        return wrong(maker, name, "",
                     "doit avoir « column », ou si c'est un texte « constant » ou "
                     "« file_name »: true",
                     "must have \"column\", or, if it is a text, \"constant\" or "
                     "\"file_name\": true");
    }
    field->rule = file_name ? MAP_FILE_NAME : MAP_CONSTANT;
    if (constant) {
        field->constant.data = arena_strdup(&maker->map->arena, constant);
        field->constant.size = strlen(constant);
    }
    return 0;
}

static int read_field(const struct maker *maker, size_t number, json_t *value)
{
    const char *name = maker->map->spec->fields[number].column.name;
    if (json_is_string(value)) {
        return read_column(maker, name, number, NULL, json_string_value(value));
    }
    if (!json_is_object(value)) {
        return wrong(maker, name, "", "doit être un nom de colonne ou un objet",
                     "must be a column's name or an object");
    }
    const char *column;
    if (get_text(maker, name, value, "column", &column) != 0) {
        return -1;
    }
    return column ? read_column(maker, name, number, value, column)
                  : read_fixed(maker, name, number, value);
}

/* ---- the file ---- */

static int read_fields(const struct maker *maker, json_t *fields)
{
    const struct record_spec *spec = maker->map->spec;
    const char *known[BATCH_COLUMNS + 1] = {0};
    size_t count = 0;
    if (!json_is_object(fields)) {
        return wrong(maker, "", "fields", "manque, ou n'est pas un objet",
                     "is missing, or is no object");
    }
    for (size_t i = 0; i < spec->field_count; i++) {
        if (spec->fields[i].derived_from < 0) {
            known[count++] = spec->fields[i].column.name;
        }
    }
    if (check_keys(maker, "fields", fields, known) != 0) {
        return -1;
    }
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct record_field *field = &spec->fields[i];
        json_t *value =
            field->derived_from < 0 ? json_object_get(fields, field->column.name) : NULL;
        if (value && read_field(maker, i, value) != 0) {
            return -1;
        }
        if (!value && field->required && field->derived_from < 0) {
            return wrong(maker, "fields", field->column.name, "manque, et il le faut",
                         "is missing, and it is required");
        }
    }
    return 0;
}

static int read_format(const struct maker *maker, const json_t *root)
{
    struct ingest_map *map = maker->map;
    const char *format;
    if (get_text(maker, "", root, "format", &format) != 0) {
        return -1;
    }
    if (!format || (strcmp(format, "csv") != 0 && strcmp(format, "json") != 0)) {
        return wrong(maker, "", "format", "doit être « csv » ou « json »",
                     "must be \"csv\" or \"json\"");
    }
    map->csv = strcmp(format, "csv") == 0;
    static const char *const csv_only[] = {"delimiter", "decimal", "trim", "trailing_delimiter"};
    for (size_t i = 0; !map->csv && i < sizeof csv_only / sizeof *csv_only; i++) {
        if (json_object_get(root, csv_only[i])) {
            return wrong(maker, "", csv_only[i], "n'a de sens qu'avec le format csv",
                         "only makes sense with the format csv");
        }
    }
    if (get_sign(maker, root, "delimiter", &map->delimiter) != 0 ||
        get_sign(maker, root, "decimal", &map->decimal) != 0 ||
        get_bool(maker, "", root, "trim", &map->trim) != 0 ||
        get_bool(maker, "", root, "trailing_delimiter", &map->trailing_delimiter) != 0) {
        return -1;
    }
    if (map->csv && map->delimiter == map->decimal) {
        return wrong(maker, "", "decimal", "ne peut pas être aussi le séparateur (delimiter)",
                     "cannot be the delimiter as well");
    }
    return 0;
}

static int read_root(const struct maker *maker, json_t *root)
{
    static const char *const keys[] = {
        "format", "delimiter", "decimal", "trim", "trailing_delimiter", "fields", "comment", NULL};
    const char *comment;
    if (!json_is_object(root)) {
        return wrong(maker, "", "", "doit être un objet JSON", "must be a JSON object");
    }
    if (check_keys(maker, "", root, keys) != 0 ||
        get_text(maker, "", root, "comment", &comment) != 0 || read_format(maker, root) != 0) {
        return -1;
    }
    return read_fields(maker, json_object_get(root, "fields"));
}

struct ingest_map *ingest_map_read(const char *path, const struct record_spec *spec,
                                   struct error *err)
{
    struct arena arena = {0};
    struct bytes text;
    json_error_t problem;
    json_t *root = NULL;
    struct ingest_map *map = xcalloc(1, sizeof *map);
    struct maker maker = {.path = path, .map = map, .err = err};
    int status = -1;
    *map = (struct ingest_map){.spec = spec, .delimiter = ',', .decimal = '.'};
    if (fs_read(path, MAP_FILE_LIMIT, &arena, &text, err) != 0) {
        goto done;
    }
    root = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &problem);
    if (!root) {
        error_set(err, "%s : ligne %d : pas du JSON (%s)", "%s: line %d: not JSON (%s)", path,
                  problem.line, problem.text);
        goto done;
    }
    status = read_root(&maker, root);
done:
    json_decref(root);
    arena_release(&arena);
    if (status != 0) {
        ingest_map_free(map);
        map = NULL;
    }
    return map;
}

void ingest_map_free(struct ingest_map *map)
{
    if (map) {
        arena_release(&map->arena);
        free(map);
    }
}
