/* How a file's own columns become the fields of a record: the inside of struct ingest_map. */
#ifndef INGEST_MAP_H
#define INGEST_MAP_H

#include "base/arena.h"
#include "base/dates.h"
#include "ingest/ingest.h"
#include "ingest/json.h"

/* What is done to the value of a column. */
enum map_rule {
    MAP_NOTHING,     /* no column: the field is missing, or derived */
    MAP_VALUE,       /* taken as it is; numbers: value * scale + offset */
    MAP_CONSTANT,    /* the same for every record */
    MAP_FILE_NAME,   /* the file's name without its suffixes */
    MAP_CLOCK,       /* a number of time units since `start` */
    MAP_DATE_FORMAT, /* a date or instant written as `format` says */
};

struct map_field {
    enum map_rule rule;
    size_t slot;
    double scale, offset; /* MAP_CLOCK: scale is µs a unit */
    int64_t start;        /* µs since 1970 */
    const char *format;
    struct bytes constant;
};

/* Immutable once made; shared by all threads. */
struct ingest_map {
    const struct record_spec *spec;
    struct arena arena;
    bool identity; /* slot i is field i, taken as it is */
    bool csv;
    char delimiter, decimal; /* of CSV files */
    bool trim;               /* blanks around the fields of a CSV row are not part of them */
    bool trailing_delimiter; /* a CSV row may end with a delimiter and nothing behind it */
    struct json_names slots; /* the columns that are read; the same list serves CSV */
    struct map_field fields[BATCH_COLUMNS];
};

/* Room for the texts that map_values() makes. */
struct map_scratch {
    char instants[BATCH_COLUMNS][TIMESTAMP_TEXT_SIZE];
};

/* The map of files in our own words. */
void map_init_identity(struct ingest_map *map, const struct record_spec *spec, bool csv);

/* The fields' values from the slots' (which may be the same array when map->identity). `stem` is
 * the file's name without suffixes. Texts lie where the slots' lie, in the map or in `scratch`. */
void map_values(const struct ingest_map *map, const struct raw_value *slots, struct bytes stem,
                struct map_scratch *scratch, struct raw_value *values);

#endif
