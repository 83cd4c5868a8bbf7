/* Records from a table of a SQLite file (the vehicle register); see ingest.h. Reads only. */
#include "ingest/ingest.h"

#include "base/fs.h"

#include <sqlite3.h>
#include <string.h>

/* SELECT "field", ... FROM "table", owned by the arena. */
static const char *select_fields(struct arena *arena, const struct record_spec *spec)
{
    char *list = arena_strdup(arena, "");
    for (size_t f = 0; f < spec->field_count; f++) {
        list =
            arena_printf(arena, "%s%s\"%s\"", list, f > 0 ? ", " : "", spec->fields[f].column.name);
    }
    return arena_printf(arena, "SELECT %s FROM \"%s\"", list, spec->table->name);
}

/* "field, field", for people; owned by the arena. */
static const char *field_names(struct arena *arena, const struct record_spec *spec)
{
    char *list = arena_strdup(arena, "");
    for (size_t f = 0; f < spec->field_count; f++) {
        list = arena_printf(arena, "%s%s%s", list, f > 0 ? ", " : "", spec->fields[f].column.name);
    }
    return list;
}

static struct raw_value value_of(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
        return (struct raw_value){.kind = RAW_NUMBER,
                                  .number = sqlite3_column_double(statement, column)};
    case SQLITE_NULL:
        return (struct raw_value){.kind = RAW_NULL};
    case SQLITE_BLOB: /* no field of ours is one */
        return (struct raw_value){.kind = RAW_NESTED};
    default: {
        const char *text = (const char *)sqlite3_column_text(statement, column);
        return (struct raw_value){
            .kind = RAW_TEXT,
            .text = {text ? text : "", (size_t)sqlite3_column_bytes(statement, column)}};
    }
    }
}

struct row {
    sqlite3_stmt *statement;
    size_t count;
    struct arena arena; /* of its text */
};

/* The row as a person would read it in the quarantine: its values, separated by '|'. */
static struct bytes row_text(void *context)
{
    struct row *row = context;
    arena_clear(&row->arena);
    char *text = arena_strdup(&row->arena, "");
    for (size_t f = 0; f < row->count; f++) {
        const char *value = (const char *)sqlite3_column_text(row->statement, (int)f);
        text = arena_printf(&row->arena, "%s%s%s", text, f > 0 ? "|" : "", value ? value : "");
    }
    return (struct bytes){text, strlen(text)};
}

static int read_rows(sqlite3 *db, const char *file, const char *source, struct collector *collector,
                     struct error *err)
{
    const struct record_spec *spec = collector->spec;
    struct arena arena = {0};
    sqlite3_stmt *statement = NULL;
    int status = -1;
    int step;
    if (sqlite3_prepare_v2(db, select_fields(&arena, spec), -1, &statement, NULL) != SQLITE_OK) {
        error_set(err, "%s : base illisible (%s) ; il faut une base SQLite avec la table %s (%s)",
                  "%s: no readable database (%s); it takes a SQLite database with the table %s "
                  "(%s)",
                  file, sqlite3_errmsg(db), spec->table->name, field_names(&arena, spec));
        goto done;
    }
    struct raw_value *values = ARENA_NEW(&arena, struct raw_value, spec->field_count);
    struct row row = {.statement = statement, .count = spec->field_count};
    int64_t number = 0;
    status = 0;
    while (status == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        for (size_t f = 0; f < spec->field_count; f++) {
            values[f] = value_of(statement, (int)f);
        }
        struct record_origin origin = {
            .source = source, .position = number++, .make_raw = row_text, .context = &row};
        status = collector_add(collector, values, &origin, err);
    }
    arena_release(&row.arena);
    if (status == 0 && step != SQLITE_DONE) {
        status = error_set(err, "%s : lecture interrompue (%s) ; vérifiez la base SQLite",
                           "%s: reading stopped (%s); check the SQLite database", file,
                           sqlite3_errmsg(db));
    }
done:
    sqlite3_finalize(statement);
    arena_release(&arena);
    return status;
}

/* Opens for reading only. A database that was cut off would else give rows of NULLs, and a column
 * that is missing its own name as a text. */
static int open_database(const char *file, sqlite3 **db, struct error *err)
{
    sqlite3_stmt *check = NULL;
    const char *answer = NULL;
    int status = -1;
    if (sqlite3_open_v2(file, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        error_set(err, "%s : ouverture impossible (%s) ; il faut une base SQLite",
                  "%s: cannot be opened (%s); it takes a SQLite database", file,
                  *db ? sqlite3_errmsg(*db) : "?");
        goto done;
    }
    if (sqlite3_db_config(*db, SQLITE_DBCONFIG_DQS_DML, 0, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(*db, "PRAGMA quick_check(1)", -1, &check, NULL) == SQLITE_OK &&
        sqlite3_step(check) == SQLITE_ROW) {
        answer = (const char *)sqlite3_column_text(check, 0);
    }
    if (!answer || strcmp(answer, "ok") != 0) {
        error_set(err, "%s : base SQLite endommagée ou autre fichier (%s) ; copiez-la de nouveau",
                  "%s: damaged SQLite database, or another file (%s); copy it again", file,
                  answer ? answer : sqlite3_errmsg(*db));
        goto done;
    }
    status = 0;
done:
    sqlite3_finalize(check);
    return status;
}

int ingest_sqlite(const char *root, const char *path, const struct ingest_options *options,
                  const struct ingest_sink *sink, struct ingest_counts *counts, struct error *err)
{
    struct arena arena = {0};
    struct collector collector = {0};
    struct input_file input = {.source = path};
    sqlite3 *db = NULL;
    const char *file = arena_printf(&arena, "%s/%s", root, path);
    int status = -1;
    collector_init(&collector, options->spec, sink, NULL);
    if (hash_file(file, input.sha256, &input.bytes, err) != 0) {
        goto done;
    }
    if (open_database(file, &db, err) != 0 || read_rows(db, file, path, &collector, err) != 0) {
        goto done;
    }
    input.records = collector.counts.records;
    if (collector_file(&collector, &input, err) != 0 || collector_flush(&collector, err) != 0) {
        goto done;
    }
    status = 0;
done:
    ingest_counts_add(counts, &collector.counts);
    sqlite3_close(db);
    collector_release(&collector);
    arena_release(&arena);
    return status;
}
