/* Turns the values of a file's columns into the fields of a record; see map.h.
 *
 * What cannot be turned (text where a number stands, an unreadable date) is passed on as it is, so
 * that record_check() names the reason. Missing stays missing. */
#include "ingest/map.h"

#include "ingest/date_format.h"
#include "ingest/number.h"

#include <math.h>
#include <string.h>

void map_init_identity(struct ingest_map *map, const struct record_spec *spec, bool csv)
{
    *map = (struct ingest_map){
        .spec = spec, .identity = true, .csv = csv, .delimiter = ',', .decimal = '.'};
    map->slots.count = spec->field_count;
    for (size_t i = 0; i < spec->field_count; i++) {
        if (spec->fields[i].derived_from >= 0) {
            continue;
        }
        json_names_put(&map->slots, i, spec->fields[i].column.name, spec->fields[i].column.name);
        map->fields[i] = (struct map_field){.rule = MAP_VALUE, .slot = i, .scale = 1};
    }
}

/* A CSV text as a number, where it is one. */
static struct raw_value number_of(const struct ingest_map *map, struct raw_value value)
{
    double number;
    if (map->csv && value.kind == RAW_TEXT) {
        const char *end = value.text.data + value.text.size;
        if (number_read(value.text.data, end, NUMBER_PLAIN, map->decimal, &number) == end) {
            return (struct raw_value){.kind = RAW_NUMBER, .number = number};
        }
    }
    return value;
}

static struct raw_value instant_text(int64_t micros, char *out)
{
    timestamp_format(micros, out);
    return (struct raw_value){.kind = RAW_TEXT, .text = {out, strlen(out)}};
}

/* An instant on a clock that counts from `start`; beyond the calendar it stays at its end, which is
 * impossible enough for any field. */
static struct raw_value read_clock(const struct ingest_map *map, const struct map_field *field,
                                   struct raw_value value, char *out)
{
    const double first = (double)date_from_civil(1, 1, 1) * (double)MICROS_PER_DAY;
    const double last = (double)date_from_civil(9999, 12, 31) * (double)MICROS_PER_DAY;
    value = number_of(map, value);
    if (value.kind != RAW_NUMBER) {
        return value;
    }
    double micros = round(value.number * field->scale);
    double instant = (double)field->start + micros;
    if (!(instant >= first && instant <= last)) {
        return instant_text((int64_t)(instant < first ? first : last), out);
    }
    return instant_text(field->start + (int64_t)micros, out);
}

static struct raw_value read_date(const struct map_field *field, enum column_type type,
                                  struct raw_value value, char *out)
{
    int64_t micros;
    if (value.kind != RAW_TEXT ||
        !date_format_read(field->format, value.text.data, value.text.size, &micros)) {
        return value;
    }
    if (type != COLUMN_DATE) {
        return instant_text(micros, out);
    }
    date_format(timestamp_date(micros), out);
    return (struct raw_value){.kind = RAW_TEXT, .text = {out, strlen(out)}};
}

static struct raw_value read_value(const struct ingest_map *map, size_t i, struct raw_value value)
{
    const struct map_field *field = &map->fields[i];
    enum column_type type = map->spec->fields[i].column.type;
    if (type != COLUMN_WHOLE && type != COLUMN_REAL) {
        return value;
    }
    value = number_of(map, value);
    if (field->scale != 1 || field->offset != 0) {
        value.number = value.number * field->scale + field->offset;
    }
    return value;
}

void map_values(const struct ingest_map *map, const struct raw_value *slots, struct bytes stem,
                struct map_scratch *scratch, struct raw_value *values)
{
    for (size_t i = 0; i < map->spec->field_count; i++) {
        const struct map_field *field = &map->fields[i];
        char *out = scratch->instants[i];
        struct raw_value value = {.kind = RAW_MISSING};
        switch (field->rule) {
        case MAP_NOTHING:
            break;
        case MAP_VALUE:
            value = read_value(map, i, slots[field->slot]);
            break;
        case MAP_CONSTANT:
            value = (struct raw_value){.kind = RAW_TEXT, .text = field->constant};
            break;
        case MAP_FILE_NAME:
            value = (struct raw_value){.kind = RAW_TEXT, .text = stem};
            break;
        case MAP_CLOCK:
            value = read_clock(map, field, slots[field->slot], out);
            break;
        case MAP_DATE_FORMAT:
            value = read_date(field, map->spec->fields[i].column.type, slots[field->slot], out);
            break;
        }
        values[i] = value;
    }
}
