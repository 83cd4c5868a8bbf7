/* Telemetry in Parquet files: rows leave the engine as text with their kind, and pass the same
 * check as JSON messages; see stages.h. */
#include "pipeline/stages.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct rows_in {
    struct collector *collector;
    const char *source;
    const enum raw_kind *kinds; /* [fields]: what the file's column gives; RAW_MISSING: none */
    struct raw_value *values;   /* [fields] */
    struct arena scratch;
    int64_t row;
};

static struct raw_value cell_value(enum raw_kind kind, struct bytes cell)
{
    if (kind == RAW_MISSING || !cell.data) {
        return (struct raw_value){.kind = kind == RAW_MISSING ? RAW_MISSING : RAW_NULL};
    }
    if (kind == RAW_NUMBER) {
        char text[64] = {0};
        memcpy(text, cell.data, cell.size < sizeof text ? cell.size : sizeof text - 1);
        return (struct raw_value){.kind = RAW_NUMBER, .number = strtod(text, NULL)};
    }
    return (struct raw_value){.kind = kind, .text = cell};
}

/* Cells: first the fields that the file has, in their order, then the whole row as JSON. */
static int take_row(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct rows_in *in = context;
    size_t cell = 0;
    for (size_t f = 0; f < in->collector->spec->field_count; f++) {
        in->values[f] = in->kinds[f] == RAW_MISSING ? (struct raw_value){.kind = RAW_MISSING}
                                                    : cell_value(in->kinds[f], cells[cell++]);
    }
    struct record_origin origin = {
        .source = in->source, .position = in->row++, .raw = cells[count - 1]};
    return collector_add(in->collector, in->values, &origin, err);
}

static enum raw_kind kind_of(enum column_type type)
{
    switch (type) {
    case COLUMN_WHOLE:
    case COLUMN_REAL:
        return RAW_NUMBER;
    case COLUMN_BLOB:
        return RAW_NESTED;
    case COLUMN_TEXT:
    case COLUMN_TIMESTAMP:
    case COLUMN_DATE:
        break;
    }
    return RAW_TEXT;
}

/* Which fields the file has, and the SELECT that reads them. */
static int plan(struct stage *stage, struct lake *lake, const struct record_spec *spec,
                enum raw_kind *kinds, const char **sql, struct error *err)
{
    struct column *columns;
    size_t count;
    if (lake_columns(lake, "telemetry_parquet", stage->arena, &columns, &count, err) != 0) {
        return -1;
    }
    char *list = arena_strdup(stage->arena, "");
    for (size_t f = 0; f < spec->field_count; f++) {
        const char *name = spec->fields[f].column.name;
        kinds[f] = RAW_MISSING;
        for (size_t c = 0; c < count && spec->fields[f].derived_from < 0; c++) {
            if (strcmp(columns[c].name, name) == 0) {
                kinds[f] = kind_of(columns[c].type);
                list = arena_printf(stage->arena, "%s\"%s\", ", list, name);
            }
        }
    }
    *sql = arena_printf(stage->arena, "SELECT %sto_json(t) FROM telemetry_parquet AS t", list);
    return 0;
}

static int read_file(struct stage *stage, struct lake *lake, const char *source, const char *path,
                     struct collector *collector, struct error *err)
{
    struct input_file file = {.source = source};
    struct rows_in in = {.collector = collector, .source = source};
    const char *sql;
    uint64_t before = collector->counts.records;
    enum raw_kind *kinds = ARENA_NEW(stage->arena, enum raw_kind, collector->spec->field_count);
    in.kinds = kinds;
    in.values = ARENA_NEW(stage->arena, struct raw_value, collector->spec->field_count);
    struct error unreadable;
    struct stat info;
    if (stat(path, &info) == 0) {
        ingest_mark(&info, &file);
    }
    if (hash_file(path, file.sha256, &file.bytes, &unreadable) != 0 ||
        lake_open_file(lake, "telemetry_parquet", path, &unreadable) != 0) {
        struct record_origin origin = {.source = source};
        file.records = 1;
        return collector_refuse(collector, "unreadable_file", &origin, err) == 0
                   ? collector_file(collector, &file, err)
                   : -1;
    }
    if (plan(stage, lake, collector->spec, kinds, &sql, err) != 0 ||
        lake_each(lake, sql, take_row, &in, err) != 0 ||
        lake_drop(lake, "telemetry_parquet", err) != 0) {
        return -1;
    }
    file.records = collector->counts.records - before;
    return collector_file(collector, &file, err);
}

int bronze_parquet(struct stage *stage, const char *folder, const struct record_spec *spec,
                   const struct ingest_takens *takens, const struct ingest_sink *sink,
                   struct ingest_counts *counts, struct error *err)
{
    struct collector collector = {0};
    /* A session of its own: whichever engine the run has, DuckDB reads people's files. */
    const struct lake_options options = {.threads = stage->session->threads,
                                         .memory = stage->session->memory};
    struct lake *lake = NULL;
    char **names;
    size_t count;
    const char *data = stage->raw;
    int status = -1;
    collector_init(&collector, spec, sink, NULL);
    if (lake_open(&lake, &options, err) != 0 ||
        fs_list(arena_printf(stage->arena, "%s/%s", data, folder), stage->arena, &names, &count,
                err) != 0) {
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        const char *end = strrchr(names[i], '.');
        if (names[i][0] == '.' || names[i][0] == '_' || !end || strcmp(end, ".parquet") != 0) {
            collector.counts.ignored++;
            continue;
        }
        const char *source = ingest_source(folder, names[i], stage->arena);
        const char *path = arena_printf(stage->arena, "%s/%s/%s", data, folder, names[i]);
        if (ingest_was_taken(takens, source)) {
            continue;
        }
        if (read_file(stage, lake, source, path, &collector, err) != 0) {
            goto done;
        }
    }
    status = collector_flush(&collector, err);
done:
    ingest_counts_add(counts, &collector.counts);
    collector_release(&collector);
    lake_close(lake);
    return status;
}
