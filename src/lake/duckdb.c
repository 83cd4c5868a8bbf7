/* The lake on DuckDB, embedded through its C API: only this file and duckdb_rows.c include
 * duckdb.h; see lake.h.
 *
 * An in-memory database; nothing is read or written but the paths that the callers name and the
 * scratch folder. Two connections: one runs statements and feeds tables, the other streams results,
 * so that a function of rows can write while it reads. */
#include "lake/lake.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/parallel.h"
#include "lake/csv.h"
#include "lake/duckdb_rows.h"
#include "lake/engine.h"
#include "lake/sql.h"

#include <assert.h>
#include <duckdb.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FED_TABLES = 16, SORTED_TABLES = 4, PILES = 2 };

/* Rows of a row group of Parquet, fifteen vectors. Tables are sorted by vehicle, so that one
 * vehicle lies in one group, which is what a reader unpacks of it: with 30,720 rows that takes half
 * the processor time of the engine's 122,880; with fewer the footer costs more than the rows. */
#define ROW_GROUP_ROWS "30720"

struct feed { /* one table that is being fed */
    const struct table *table;
    duckdb_appender appender;
    duckdb_data_chunk chunk;
};

struct sorted { /* one table whose rows stand in an order */
    const char *table, *order;
    struct rows *rows; /* kept here, the engine has a view of them; NULL: it keeps them itself */
};

struct pile { /* a table whose rows are kept here as they come; the engine has a view of them */
    const struct table *table;
    struct rows *rows;
};

struct duck {
    struct lake lake; /* first: what the calls of lake.h hand over */
    duckdb_database database;
    duckdb_connection work;   /* statements and appenders */
    duckdb_connection reader; /* streamed results */
    unsigned threads;         /* that the engine works with; 0: all cores */
    struct feed feeds[FED_TABLES];
    size_t feed_count;
    struct sorted sorted[SORTED_TABLES];
    size_t sorted_count;
    struct pile piles[PILES];
    size_t pile_count;
    bool poured;   /* a pile grew too large, and went to the engine */
    size_t memory; /* the engine's limit in bytes, half of which is for what is kept here; 0: not
                      asked yet */
    bool halved;   /* the engine has the other half alone */
    struct arena names;  /* of the sorted tables */
    struct arena opened; /* the names of the user's file that was opened last */
    const char *opened_name, *opened_path;
};

static struct duck *duck_of(struct lake *lake)
{
    return (struct duck *)(void *)lake;
}

/* ---- errors and texts ---- */

/* DuckDB's message as one of our sentences: its first line, or ours where we know the mend. */
static int engine_error(struct error *err, const char *what, const char *message)
{
    if (!message) {
        message = "?";
    }
    if (strstr(message, "No space left on device")) {
        return error_set(err,
                         "%s : plus de place sur le disque ; libérez-en et relancez la commande",
                         "%s: no space left on the disk; free some and repeat the command", what);
    }
    if (strstr(message, "max_temp_directory_size")) { /* by itself: what is free on its disk */
        return error_set(err,
                         "%s : plus de place sur le disque pour ce qui dépasse la mémoire ; "
                         "libérez-en, ou donnez plus de mémoire avec --memory",
                         "%s: no space left on the disk for what does not fit into memory; free "
                         "some, or give more memory with --memory",
                         what);
    }
    if (strncmp(message, "Out of Memory", 13) == 0 || strstr(message, "failed to allocate data") ||
        strstr(message, "could not allocate block")) {
        return error_set(err,
                         "%s : la limite de mémoire est atteinte ; donnez-en plus avec --memory",
                         "%s: the memory limit is reached; give more with --memory", what);
    }
    if (strstr(message, "Failed to create directory")) { /* the scratch folder: the only one */
        return error_set(err,
                         "%s : ce qui dépasse la mémoire ne peut être écrit (%.*s) ; rendez ce "
                         "dossier possible, ou donnez plus de mémoire avec --memory",
                         "%s: what does not fit into memory cannot be written (%.*s); make this "
                         "folder possible, or give more memory with --memory",
                         what, (int)strcspn(message, "\n"), message);
    }
    return error_set(err, "%s : %.*s", "%s: %.*s", what, (int)strcspn(message, "\n"), message);
}

/* 'text' as an SQL literal, owned by the arena. */
static const char *literal(struct arena *arena, const char *text)
{
    char *out = arena_alloc(arena, 2 * strlen(text) + 3, 1);
    char *end = out;
    *end++ = '\'';
    for (const char *p = text; *p; p++) {
        if (*p == '\'') {
            *end++ = '\'';
        }
        *end++ = *p;
    }
    *end = '\'';
    return out;
}

/* A path in which nothing is a pattern: *, ? and [ stand in brackets. Owned by the arena. */
static const char *without_patterns(struct arena *arena, const char *path)
{
    char *out = arena_alloc(arena, 3 * strlen(path) + 1, 1);
    char *end = out;
    for (const char *p = path; *p; p++) {
        bool special = *p == '*' || *p == '?' || *p == '[';
        if (special) {
            *end++ = '[';
        }
        *end++ = *p;
        if (special) {
            *end++ = ']';
        }
    }
    return out;
}

/* Runs one statement, and sleeps where duckdb_query() would keep asking for work while other
 * threads have the last of it, which takes a twelfth of a large run's processor time. */
static int run_patiently(duckdb_connection connection, const char *what, const char *sql,
                         struct error *err)
{
    static const struct timespec nap = {.tv_nsec = 50000};
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    duckdb_result result = {0};
    duckdb_pending_state state;
    int status = -1;
    if (duckdb_prepare(connection, sql, &statement) != DuckDBSuccess) {
        engine_error(err, what, duckdb_prepare_error(statement));
        goto done;
    }
    if (duckdb_pending_prepared(statement, &pending) != DuckDBSuccess) {
        engine_error(err, what, duckdb_pending_error(pending));
        goto done;
    }
    while (!duckdb_pending_execution_is_finished(state = duckdb_pending_execute_task(pending))) {
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
            (void)nanosleep(&nap, NULL);
        }
    }
    if (state == DUCKDB_PENDING_ERROR) { /* the result would only tell that there is none */
        engine_error(err, what, duckdb_pending_error(pending));
        goto done;
    }
    if (duckdb_execute_pending(pending, &result) != DuckDBSuccess) {
        engine_error(err, what, duckdb_result_error(&result));
        goto done;
    }
    status = 0;
done:
    duckdb_destroy_result(&result);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    return status;
}

/* Runs one statement; `what` names it in the error. */
static int run(struct duck *lake, const char *what, const char *sql, struct error *err)
{
    duckdb_result result;
    int status = 0;
    if (lake->threads != 1) {
        return run_patiently(lake->work, what, sql, err);
    }
    if (duckdb_query(lake->work, sql, &result) != DuckDBSuccess) {
        status = engine_error(err, what, duckdb_result_error(&result));
    }
    duckdb_destroy_result(&result);
    return status;
}

/* ---- open and close ---- */

static int configure(duckdb_config config, const struct lake_options *options, struct error *err)
{
    char threads[16];
    (void)snprintf(threads, sizeof threads, "%u", options->threads);
    const struct {
        const char *name, *value;
    } settings[] = {
        /* Nothing may be fetched, and nothing written outside the scratch folder. */
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"allow_persistent_secrets", "false"},
        {"home_directory", options->scratch ? options->scratch : "/nonexistent"},
        {"temp_directory", options->scratch ? options->scratch : ""},
        {"threads", options->threads > 0 ? threads : NULL},
        {"memory_limit", options->memory},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (settings[i].value &&
            duckdb_set_config(config, settings[i].name, settings[i].value) != DuckDBSuccess) {
            return error_usage(err, "%s : « %s » n'est pas une valeur possible",
                               "%s: \"%s\" is not a possible value", settings[i].name,
                               settings[i].value);
        }
    }
    return 0;
}

static void duck_close(struct lake *base)
{
    struct duck *lake = duck_of(base);
    for (size_t i = 0; i < lake->feed_count; i++) {
        duckdb_destroy_data_chunk(&lake->feeds[i].chunk);
        duckdb_appender_destroy(&lake->feeds[i].appender);
    }
    duckdb_disconnect(&lake->reader);
    duckdb_disconnect(&lake->work);
    duckdb_close(&lake->database);
    for (size_t i = 0; i < lake->sorted_count; i++) {
        rows_close(lake->sorted[i].rows);
    }
    for (size_t i = 0; i < lake->pile_count; i++) {
        rows_close(lake->piles[i].rows);
    }
    arena_release(&lake->opened);
    arena_release(&lake->names);
    free(lake);
}

static int duck_use_threads(struct lake *base, unsigned threads, struct error *err)
{
    char sql[40];
    duck_of(base)->threads = threads;
    (void)snprintf(sql, sizeof sql, "SET threads = %u", parallel_threads(threads));
    return run(duck_of(base), "threads", sql, err);
}

/* ---- constants ---- */

static int duck_constant_date(struct lake *base, const char *name, int32_t date, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    char text[DATE_TEXT_SIZE];
    int status = run(
        lake, name,
        arena_printf(&arena, "CREATE MACRO %s() AS DATE '%s'", name, date_format(date, text)), err);
    arena_release(&arena);
    return status;
}

static int duck_constant_real(struct lake *base, const char *name, double value, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    int status =
        run(lake, name,
            arena_printf(&arena, "CREATE MACRO %s() AS CAST(%.17e AS DOUBLE)", name, value), err);
    arena_release(&arena);
    return status;
}

/* ---- tables ---- */

static const struct {
    const char *sql;
    duckdb_type type;
} engine_types[] = {
    [COLUMN_TEXT] = {"VARCHAR", DUCKDB_TYPE_VARCHAR},
    [COLUMN_BLOB] = {"BLOB", DUCKDB_TYPE_BLOB},
    [COLUMN_WHOLE] = {"BIGINT", DUCKDB_TYPE_BIGINT},
    [COLUMN_REAL] = {"DOUBLE", DUCKDB_TYPE_DOUBLE},
    [COLUMN_TIMESTAMP] = {"TIMESTAMP", DUCKDB_TYPE_TIMESTAMP},
    [COLUMN_DATE] = {"DATE", DUCKDB_TYPE_DATE},
};

enum { BYTES_UNASKED = 16 << 20 }; /* so few are no matter */

static int set_memory(struct duck *lake, size_t limit, struct error *err)
{
    struct arena arena = {0};
    int status =
        run(lake, "memory_limit", arena_printf(&arena, "SET memory_limit = '%zuB'", limit), err);
    arena_release(&arena);
    return status;
}

/* Asks the engine for its limit, once. */
static int ask_memory(struct duck *lake, struct error *err)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    char text[32] = "", unit[8] = "";
    double number = 0;
    duckdb_result result;
    if (lake->memory > 0) {
        return 0;
    }
    if (duckdb_query(lake->work, "SELECT current_setting('memory_limit')", &result) ==
        DuckDBSuccess) {
        char *cell = duckdb_value_varchar(&result, 0, 0); /* "1.8 GiB" */
        (void)snprintf(text, sizeof text, "%s", cell ? cell : "");
        duckdb_free(cell);
    }
    duckdb_destroy_result(&result);
    if (sscanf(text, "%lf %7s", &number, unit) != 2) {
        return error_set(err, "limite de mémoire illisible : %s", "unreadable memory limit: %s",
                         text);
    }
    for (size_t u = 0; u < sizeof units / sizeof *units && strcmp(unit, units[u]) != 0; u++) {
        number *= 1024;
    }
    lake->memory = (size_t)number;
    return 0;
}

/* Bytes that are kept here. */
static size_t kept_bytes(const struct duck *lake)
{
    size_t bytes = 0;
    for (size_t i = 0; i < lake->pile_count; i++) {
        bytes += rows_bytes(lake->piles[i].rows);
    }
    for (size_t i = 0; i < lake->sorted_count; i++) {
        bytes += lake->sorted[i].rows ? rows_bytes(lake->sorted[i].rows) : 0;
    }
    return bytes;
}

/* Whether all that is kept here, together with `rows` that are not in the lists yet (or NULL), has
 * room in its half of the memory. Not when the engine cannot do with the other half. */
static bool has_room(struct duck *lake, const struct rows *rows)
{
    struct error unwilling;
    size_t bytes = kept_bytes(lake) + (rows ? rows_bytes(rows) : 0);
    if (bytes <= BYTES_UNASKED) {
        return true;
    }
    if (ask_memory(lake, &unwilling) != 0 ||
        (!lake->halved && set_memory(lake, lake->memory / 2, &unwilling) != 0)) {
        return false;
    }
    lake->halved = true;
    return bytes <= lake->memory / 2;
}

/* Gives the engine all of its memory again that is not in use here. */
static int give_back_memory(struct duck *lake, struct error *err)
{
    bool halved = lake->halved;
    size_t kept = kept_bytes(lake);
    lake->halved = false;
    return halved ? set_memory(lake, lake->memory - kept, err) : 0;
}

/* Makes `name` a view of rows that are kept here. */
static int show_rows(struct duck *lake, const char *name, const struct rows *rows,
                     struct error *err)
{
    struct arena arena = {0};
    int status =
        duckdb_rows_register(lake->work, rows, &lake->threads) == 0
            ? run(lake, name,
                  arena_printf(&arena, "CREATE VIEW %s AS SELECT * FROM %s_rows()", name, name),
                  err)
            : engine_error(err, name, NULL);
    arena_release(&arena);
    return status;
}

static int duck_create(struct lake *base, const struct table *table, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    char *sql = arena_printf(&arena, "CREATE TABLE %s (", table->name);
    for (size_t c = 0; c < table->column_count; c++) {
        sql = arena_printf(&arena, "%s%s%s %s", sql, c > 0 ? ", " : "", table->columns[c].name,
                           engine_types[table->columns[c].type].sql);
    }
    int status = run(lake, table->name, arena_printf(&arena, "%s)", sql), err);
    arena_release(&arena);
    return status;
}

/* Feeding the engine takes as long as reading JSON: it measures every column, and keeps rows so
 * that they can be changed. */
static int duck_create_pile(struct lake *base, const struct table *table, struct error *err)
{
    struct duck *lake = duck_of(base);
    assert(lake->pile_count < PILES);
    struct pile *pile = &lake->piles[lake->pile_count++];
    *pile = (struct pile){table, rows_open(table, NULL, NULL)};
    return show_rows(lake, table->name, pile->rows, err);
}

/* The feed of a table, opened at its first batch. */
static struct feed *feed_of(struct duck *lake, const struct table *table, struct error *err)
{
    for (size_t i = 0; i < lake->feed_count; i++) {
        if (lake->feeds[i].table == table) {
            return &lake->feeds[i];
        }
    }
    assert(lake->feed_count < FED_TABLES);
    struct feed *feed = &lake->feeds[lake->feed_count];
    *feed = (struct feed){.table = table};
    if (duckdb_appender_create(lake->work, NULL, table->name, &feed->appender) != DuckDBSuccess) {
        engine_error(err, table->name, duckdb_appender_error(feed->appender));
        duckdb_appender_destroy(&feed->appender);
        return NULL;
    }
    duckdb_logical_type types[BATCH_COLUMNS];
    for (size_t c = 0; c < table->column_count; c++) {
        types[c] = duckdb_create_logical_type(engine_types[table->columns[c].type].type);
    }
    feed->chunk = duckdb_create_data_chunk(types, table->column_count);
    for (size_t c = 0; c < table->column_count; c++) {
        duckdb_destroy_logical_type(&types[c]);
    }
    lake->feed_count++;
    return feed;
}

static void copy_column(duckdb_vector vector, const struct batch *batch, size_t c)
{
    enum column_type type = batch->table->columns[c].type;
    void *data = duckdb_vector_get_data(vector);
    const bool *null = batch->null[c];
    duckdb_vector_ensure_validity_writable(vector);
    uint64_t *valid = duckdb_vector_get_validity(vector);
    for (size_t r = 0; r < batch->rows; r++) {
        duckdb_validity_set_row_validity(valid, r, !null[r]);
        if (null[r]) {
            continue;
        }
        switch (type) {
        case COLUMN_TEXT:
        case COLUMN_BLOB:
            duckdb_vector_assign_string_element_len(vector, r, batch->values[c].text[r].data,
                                                    batch->values[c].text[r].size);
            break;
        case COLUMN_REAL:
            ((double *)data)[r] = batch->values[c].real[r];
            break;
        case COLUMN_WHOLE:
        case COLUMN_TIMESTAMP:
            ((int64_t *)data)[r] = batch->values[c].whole[r];
            break;
        case COLUMN_DATE:
            ((int32_t *)data)[r] = (int32_t)batch->values[c].whole[r];
            break;
        }
    }
}

static int feed_engine(struct duck *lake, const struct batch *batch, struct error *err)
{
    struct feed *feed = feed_of(lake, batch->table, err);
    if (!feed) {
        return -1;
    }
    assert(batch->rows <= duckdb_vector_size());
    duckdb_data_chunk_reset(feed->chunk);
    for (size_t c = 0; c < batch->table->column_count; c++) {
        copy_column(duckdb_data_chunk_get_vector(feed->chunk, c), batch, c);
    }
    duckdb_data_chunk_set_size(feed->chunk, batch->rows);
    if (duckdb_append_data_chunk(feed->appender, feed->chunk) != DuckDBSuccess) {
        return engine_error(err, batch->table->name, duckdb_appender_error(feed->appender));
    }
    return 0;
}

/* Puts a table of the engine's in the place of a pile. */
static int pour_out(struct duck *lake, struct pile *pile, struct error *err)
{
    struct arena arena = {0};
    struct batch batch = {0};
    const struct table *table = pile->table;
    struct rows *rows = pile->rows;
    *pile = lake->piles[--lake->pile_count];
    lake->poured = true;
    batch_init(&batch, table, &arena);
    int status = give_back_memory(lake, err);
    if (status == 0) {
        status = run(lake, table->name, arena_printf(&arena, "DROP VIEW %s", table->name), err);
    }
    if (status == 0) {
        status = duck_create(&lake->lake, table, err);
    }
    for (size_t done = 0; status == 0 && done < rows->added; done += batch.rows) {
        rows_read(rows, done, &batch);
        status = feed_engine(lake, &batch, err);
    }
    rows_close(rows);
    arena_release(&arena);
    return status;
}

static int duck_append(struct lake *base, const struct batch *batch, struct error *err)
{
    struct duck *lake = duck_of(base);
    for (size_t i = 0; i < lake->pile_count; i++) {
        struct pile *pile = &lake->piles[i];
        if (pile->table != batch->table) {
            continue;
        }
        if (has_room(lake, NULL) && rows_add(pile->rows, batch)) {
            return 0;
        }
        if (pour_out(lake, pile, err) != 0) {
            return -1;
        }
    }
    return feed_engine(lake, batch, err);
}

static int duck_flush(struct lake *base, struct error *err)
{
    struct duck *lake = duck_of(base);
    int status = 0;
    for (size_t i = 0; i < lake->feed_count; i++) {
        struct feed *feed = &lake->feeds[i];
        if (status == 0 && duckdb_appender_close(feed->appender) != DuckDBSuccess) {
            status = engine_error(err, feed->table->name, duckdb_appender_error(feed->appender));
        }
        duckdb_destroy_data_chunk(&feed->chunk);
        duckdb_appender_destroy(&feed->appender);
    }
    lake->feed_count = 0;
    return status;
}

static int duck_define(struct lake *base, const char *name, const char *file,
                       enum lake_definition kind, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    int status = run(lake, name,
                     arena_printf(&arena, "CREATE %s %s AS %s",
                                  kind == LAKE_TABLE ? "TABLE" : "VIEW", name, sql_text(file)),
                     err);
    if (status != 0 && strstr(err->text[LANG_EN], ".parquet")) { /* opened, but not readable */
        const struct error why = *err;
        error_set(err, "%s ; produisez ce fichier de nouveau : autostream run",
                  "%s; make this file again: autostream run", why.text[LANG_EN]);
    }
    arena_release(&arena);
    return status;
}

static int duck_words(struct lake *base, const char *name, const char *word_column,
                      const char *const *words, size_t count, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    char *values = arena_strdup(&arena, "");
    for (size_t i = 0; i < count; i++) {
        values = arena_printf(&arena, "%s%s(%zu, %s)", values, i > 0 ? ", " : "", i,
                              literal(&arena, words[i]));
    }
    int status = run(lake, name,
                     arena_printf(&arena, "CREATE VIEW %s AS SELECT * FROM (VALUES %s) t(code, %s)",
                                  name, values, word_column),
                     err);
    arena_release(&arena);
    return status;
}

/* Checks that `name` has just the columns of `table`, in order; `source` stands in the message. */
static int check_columns(struct duck *lake, const char *name, const struct table *table,
                         const char *source, struct error *err)
{
    struct arena arena = {0};
    struct column *columns;
    size_t count;
    int status = lake_columns(&lake->lake, name, &arena, &columns, &count, err);
    for (size_t c = 0; status == 0 && (c < count || c < table->column_count); c++) {
        if (c < count && c < table->column_count &&
            strcmp(columns[c].name, table->columns[c].name) == 0 &&
            columns[c].type == table->columns[c].type) {
            continue;
        }
        const char *found = c < count ? columns[c].name : "-";
        const char *wanted = c < table->column_count ? table->columns[c].name : "-";
        const char *type = c < table->column_count ? engine_types[table->columns[c].type].sql : "";
        status = error_set(err,
                           "%s : colonne %zu « %s » au lieu de « %s » (%s) ; produisez la table à "
                           "nouveau avec cette version",
                           "%s: column %zu is \"%s\" instead of \"%s\" (%s); make the table again "
                           "with this version",
                           source, c + 1, found, wanted, type);
    }
    arena_release(&arena);
    return status;
}

/* Why files could not be opened as `table`: the first column that they lack, if that is it. */
static void explain_missing(struct duck *lake, const struct table *table, const char *reader,
                            const char *path, struct arena *arena, struct error *err)
{
    struct error other;
    struct column *columns;
    size_t count;
    if (lake_columns(&lake->lake, reader, arena, &columns, &count, &other) != 0) {
        return;
    }
    for (size_t c = 0; c < table->column_count; c++) {
        bool found = false;
        for (size_t i = 0; i < count && !found; i++) {
            found = strcmp(columns[i].name, table->columns[c].name) == 0;
        }
        if (!found) {
            (void)error_set(err,
                            "%s : la colonne « %s » manque ; produisez la table à nouveau avec "
                            "cette version",
                            "%s: column \"%s\" is missing; make the table again with this version",
                            path, table->columns[c].name);
            return;
        }
    }
}

/* Which files make up a table, as the argument of read_parquet(): those that the pattern names, or
 * the parts in folders of that name, or of several days both. Owned by the arena. */
static int files_of(struct duck *lake, const char *folder, const char *pattern, struct arena *arena,
                    const char **out, struct error *err)
{
    const char *safe = without_patterns(arena, folder);
    const char *slash = strrchr(pattern, '/');
    const char *last = slash ? slash + 1 : pattern;
    /* A last part without a pattern may name a folder, one with a pattern may not. */
    const char *file =
        arena_printf(arena, "%s/%.*s[%c]%s", safe, (int)(last - pattern), pattern, *last, last + 1);
    const char *parts = arena_printf(arena, "%s/%s/part-*.parquet", safe, pattern);
    uint64_t files = 0, part_files = 0;
    bool one = !strchr(pattern, '*');
    assert(*last && *last != '*');
    *out = literal(arena, arena_printf(arena, "%s/%s", safe, pattern));
    if (one && !fs_is_folder(arena_printf(arena, "%s/%s", folder, pattern))) {
        return 0;
    }
    const char *const count = "SELECT count(*) FROM glob(%s)";
    if (lake_count(&lake->lake, arena_printf(arena, count, literal(arena, parts)), &part_files,
                   err) != 0 ||
        lake_count(&lake->lake, arena_printf(arena, count, literal(arena, file)), &files, err) !=
            0) {
        return -1;
    }
    if (files > 0 && part_files > 0) {
        *out = arena_printf(arena, "[%s, %s]", literal(arena, file), literal(arena, parts));
    } else if (part_files > 0 || one) {
        *out = literal(arena, parts);
    } /* else as it was: the engine says that there is none */
    return 0;
}

static int duck_open_parquet(struct lake *base, const char *name, const struct table *table,
                             const char *folder, const char *pattern, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    const char *path = arena_printf(&arena, "%s/%s", folder, pattern);
    const char *files = NULL;
    if (files_of(lake, folder, pattern, &arena, &files, err) != 0) {
        arena_release(&arena);
        return -1;
    }
    const char *reader = arena_printf(
        &arena, "read_parquet(%s, hive_partitioning = true, hive_types_autocast = false)", files);
    char *columns = arena_strdup(&arena, "");
    for (size_t c = 0; c < table->column_count; c++) {
        columns = arena_printf(&arena, "%s%sCAST(%s AS %s) AS %s", columns, c > 0 ? ", " : "",
                               table->columns[c].name, engine_types[table->columns[c].type].sql,
                               table->columns[c].name);
    }
    const char *sql =
        arena_printf(&arena, "CREATE VIEW %s AS SELECT %s FROM %s", name, columns, reader);
    struct error why;
    int status = run(lake, name, sql, &why);
    if (status != 0) {
        error_set(err, "%s : illisible (%s) ; produisez-le de nouveau : autostream run",
                  "%s: cannot be read (%s); make it again: autostream run", path,
                  why.text[LANG_EN] + strlen(name) + 2); /* behind "NAME: " */
        explain_missing(lake, table, reader, path, &arena, err);
    }
    arena_release(&arena);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

/* The separator of a CSV file by its first line; the engine's guess depends on the rows, so that a
 * row with too few cells could change it. A compressed file has commas. */
static char separator_of(const char *path, FILE *file)
{
    char line[64 * 1024];
    if (ends_with(path, ".gz") || ends_with(path, ".zst") || !fgets(line, sizeof line, file)) {
        return ',';
    }
    static const char others[] = ";\t|";
    for (const char *separator = others; *separator && !strchr(line, ','); separator++) {
        if (strchr(line, *separator)) {
            return *separator;
        }
    }
    return ',';
}

static int duck_open_file(struct lake *base, const char *name, const char *path, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    const char *safe = literal(&arena, without_patterns(&arena, path));
    const char *reader;
    int status = -1;
    FILE *probe = fopen(path, "re");
    if (!probe) {
        error_set(err, "%s : lecture impossible (%s) ; donnez un fichier CSV ou Parquet",
                  "%s: cannot be read (%s); give a CSV or Parquet file", path, strerror(errno));
        goto done;
    }
    if (fs_is_folder(path)) { /* as Spark writes tables: part files, in the order of their names */
        reader = arena_printf(
            &arena, "read_parquet(%s, hive_partitioning = false)",
            literal(&arena, arena_printf(&arena, "%s/*.parquet", without_patterns(&arena, path))));
    } else if (ends_with(path, ".parquet")) {
        reader = arena_printf(&arena, "read_parquet(%s, hive_partitioning = false)", safe);
    } else if (ends_with(path, ".csv") || ends_with(path, ".csv.gz") ||
               ends_with(path, ".csv.zst") || ends_with(path, ".tsv")) {
        reader = arena_printf(&arena,
                              "read_csv(%s, header = true, all_varchar = true, delim = '%c', "
                              "quote = '\"', escape = '\"', comment = '', skip = 0, "
                              "hive_partitioning = false)",
                              safe, separator_of(path, probe));
    } else {
        error_usage(err, "%s : table d'un genre inconnu ; donnez un fichier .csv ou .parquet",
                    "%s: a table of unknown kind; give a .csv or .parquet file", path);
        goto done;
    }
    struct error why;
    status = run(lake, name, arena_printf(&arena, "CREATE VIEW %s AS FROM %s", name, reader), &why);
    if (status != 0) {
        error_set(err,
                  "%s : ce n'est pas une table lisible (%s) ; donnez un fichier CSV ou Parquet",
                  "%s: this is no readable table (%s); give a CSV or Parquet file", path,
                  why.text[LANG_EN] + strlen(name) + 2); /* behind "NAME: " */
        goto done;
    }
    arena_clear(&lake->opened);
    lake->opened_name = arena_strdup(&lake->opened, name);
    lake->opened_path = arena_strdup(&lake->opened, path);
done:
    if (probe) {
        (void)fclose(probe);
    }
    arena_release(&arena);
    return status;
}

static int duck_drop(struct lake *base, const char *name, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    int status = run(lake, name, arena_printf(&arena, "DROP VIEW %s", name), err);
    arena_release(&arena);
    return status;
}

static enum column_type type_of(duckdb_type type)
{
    switch (type) {
    case DUCKDB_TYPE_BLOB:
        return COLUMN_BLOB;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
        return COLUMN_WHOLE;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UBIGINT:
        return COLUMN_REAL;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return COLUMN_TIMESTAMP;
    case DUCKDB_TYPE_DATE:
        return COLUMN_DATE;
    default:
        return COLUMN_TEXT;
    }
}

/* The columns of a table as the catalog has them, without a statement: a fifth of a millisecond
 * less for each table that a run writes. False: it is no table. */
static bool table_columns(struct duck *lake, const char *name, struct arena *arena,
                          struct column **columns, size_t *count)
{
    duckdb_table_description table = NULL;
    bool found = duckdb_table_description_create(lake->work, NULL, name, &table) == DuckDBSuccess;
    *count = found ? duckdb_table_description_get_column_count(table) : 0;
    *columns = ARENA_NEW(arena, struct column, *count);
    for (size_t c = 0; c < *count; c++) {
        char *column = duckdb_table_description_get_column_name(table, c);
        duckdb_logical_type type = duckdb_table_description_get_column_type(table, c);
        (*columns)[c] =
            (struct column){arena_strdup(arena, column), type_of(duckdb_get_type_id(type))};
        duckdb_destroy_logical_type(&type);
        duckdb_free(column);
    }
    duckdb_table_description_destroy(&table);
    return found;
}

static int duck_columns(struct lake *base, const char *name, struct arena *arena,
                        struct column **columns, size_t *count, struct error *err)
{
    struct duck *lake = duck_of(base);
    duckdb_prepared_statement statement = NULL;
    int status = -1;
    if (table_columns(lake, name, arena, columns, count)) {
        return 0;
    }
    if (duckdb_prepare(lake->work, arena_printf(arena, "SELECT * FROM %s", name), &statement) !=
        DuckDBSuccess) {
        engine_error(err, name, duckdb_prepare_error(statement));
        goto done;
    }
    *count = duckdb_prepared_statement_column_count(statement);
    *columns = ARENA_NEW(arena, struct column, *count);
    for (size_t c = 0; c < *count; c++) {
        const char *column = duckdb_prepared_statement_column_name(statement, c);
        (*columns)[c] = (struct column){
            .name = arena_strdup(arena, column),
            .type = type_of(duckdb_prepared_statement_column_type(statement, c)),
        };
        duckdb_free((void *)column);
    }
    status = 0;
done:
    duckdb_destroy_prepare(&statement);
    return status;
}

/* ---- results to C ---- */

/* The values of $1, $2, ... of a statement. */
struct bound {
    const char *const *texts;
    size_t count;
};

/* Streams a query on the reading connection; calls `take` for each chunk until the end or its
 * failure. It may keep the chunk, and sets it to NULL then. */
static int stream(struct duck *lake, const char *what, const char *sql, struct bound bound,
                  int (*take)(void *context, duckdb_data_chunk *chunk, struct error *err),
                  void *context, struct error *err)
{
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    duckdb_result result = {0};
    int status = -1;
    if (duckdb_prepare(lake->reader, sql, &statement) != DuckDBSuccess) {
        engine_error(err, what, duckdb_prepare_error(statement));
        goto done;
    }
    for (size_t i = 0; i < bound.count; i++) {
        if (duckdb_bind_varchar(statement, i + 1, bound.texts[i]) != DuckDBSuccess) {
            engine_error(err, what, "a value cannot be bound");
            goto done;
        }
    }
    if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess) {
        engine_error(err, what, duckdb_pending_error(pending));
        goto done;
    }
    if (duckdb_execute_pending(pending, &result) != DuckDBSuccess) {
        engine_error(err, what, duckdb_result_error(&result));
        goto done;
    }
    status = 0;
    for (duckdb_data_chunk chunk; status == 0 && (chunk = duckdb_fetch_chunk(result));) {
        status = take(context, &chunk, err);
        duckdb_destroy_data_chunk(&chunk);
    }
    if (status == 0 && duckdb_result_error(&result)) {
        status = engine_error(err, what, duckdb_result_error(&result));
    }
done:
    duckdb_destroy_result(&result);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    return status;
}

/* ---- tables in an order, without repetitions ---- */

/* The table whose rows stand in an order that begins with these columns, or NULL. */
static const struct sorted *sorted_of(const struct duck *lake, const char *table,
                                      const char *columns)
{
    size_t length = strlen(columns);
    for (size_t i = 0; i < lake->sorted_count; i++) {
        const struct sorted *sorted = &lake->sorted[i];
        if (strcmp(sorted->table, table) == 0) {
            return strncmp(sorted->order, columns, length) == 0 &&
                           strchr(",", sorted->order[length])
                       ? sorted
                       : NULL;
        }
    }
    return NULL;
}

static void add_sorted(struct duck *lake, const char *name, const char *key, struct rows *rows)
{
    assert(lake->sorted_count < SORTED_TABLES);
    lake->sorted[lake->sorted_count++] =
        (struct sorted){arena_strdup(&lake->names, name), arena_strdup(&lake->names, key), rows};
}

/* A SELECT list of the columns of `table`, with their types; owned by the arena. */
static const char *cast_columns(const struct table *table, const char *except, struct arena *arena)
{
    char *list = arena_strdup(arena, "");
    for (size_t c = 0; c < table->column_count; c++) {
        const struct column *column = &table->columns[c];
        if (!except || strcmp(except, column->name) != 0) {
            list = arena_printf(arena, "%s%sCAST(%s AS %s) AS %s", list, *list ? ", " : "",
                                column->name, engine_types[column->type].sql, column->name);
        }
    }
    return list;
}

struct gathering {
    struct duck *lake;
    struct rows *rows;
    struct batch batch;
};

/* The engine's column as one of a batch; texts stay the chunk's. */
static void read_column(duckdb_vector vector, struct batch *batch, size_t c)
{
    const void *data = duckdb_vector_get_data(vector);
    const uint64_t *valid = duckdb_vector_get_validity(vector);
    enum column_type type = batch->table->columns[c].type;
    for (size_t r = 0; r < batch->rows; r++) {
        batch->null[c][r] = valid && !(valid[r / 64] >> (r % 64) & 1);
        if (batch->null[c][r]) {
            continue;
        }
        if (type == COLUMN_TEXT || type == COLUMN_BLOB) {
            duckdb_string_t *text = (duckdb_string_t *)data + r;
            batch->values[c].text[r] =
                (struct bytes){duckdb_string_t_data(text), duckdb_string_t_length(*text)};
        } else if (type == COLUMN_DATE) {
            batch->values[c].whole[r] = ((const int32_t *)data)[r];
        } else if (type == COLUMN_REAL) {
            batch->values[c].real[r] = ((const double *)data)[r];
        } else {
            batch->values[c].whole[r] = ((const int64_t *)data)[r];
        }
    }
}

static int gather_chunk(void *context, duckdb_data_chunk *chunk, struct error *err)
{
    struct gathering *g = context;
    (void)err;
    g->batch.rows = duckdb_data_chunk_get_size(*chunk);
    for (size_t c = 0; c < g->batch.table->column_count; c++) {
        read_column(duckdb_data_chunk_get_vector(*chunk, c), &g->batch, c);
    }
    return has_room(g->lake, g->rows) && rows_add(g->rows, &g->batch) ? 0 : -1;
}

/* Rows that memory has room for are kept and sorted here, which takes a fifth of the engine's time:
 * its sort moves whole rows, and its storage measures every column. NULL, when there is no room or
 * the engine fails to give them: it is asked in another way then, and says why. */
static struct rows *gather_rows(struct duck *lake, const struct table *table, const char *file,
                                const char *key, const char *least)
{
    struct arena arena = {0};
    struct error unsaid;
    struct gathering g = {.lake = lake, .rows = rows_open(table, key, least)};
    const char *sql = arena_printf(&arena, "SELECT %s FROM (%s)", cast_columns(table, NULL, &arena),
                                   sql_text(file));
    batch_init(&g.batch, table, &arena);
    if (stream(lake, table->name, sql, (struct bound){0}, gather_chunk, &g, &unsaid) == 0) {
        rows_sort(g.rows);
    } else {
        rows_close(g.rows);
        g.rows = NULL;
    }
    arena_release(&arena);
    return g.rows;
}

/* The engine keeps rows of a table in the order of their insertion, and so does a filter.
 * Repetitions are neighbours in that order, the least first: finding and deleting them takes a
 * twentieth of the sort, where grouping by all columns took as long as the sort. */
static int sort_in_engine(struct duck *lake, const char *name, const char *file, const char *key,
                          const char *least, struct error *err)
{
    struct arena arena = {0};
    int status = run(lake, name,
                     arena_printf(&arena, "CREATE TABLE %s AS SELECT * FROM (%s) ORDER BY %s, %s",
                                  name, sql_text(file), key, least),
                     err);
    if (status == 0) {
        status = run(lake, name,
                     arena_printf(&arena,
                                  "DELETE FROM %s WHERE rowid IN (SELECT row FROM (SELECT rowid AS "
                                  "row, %s AS again FROM %s) WHERE again)",
                                  name, lake_alike(key, &arena), name),
                     err);
    }
    if (status == 0) {
        add_sorted(lake, name, key, NULL);
    }
    arena_release(&arena);
    return status;
}

/* The engine gets all rows that are kept as they came, and all memory: it can spill them. */
static int leave_to_engine(struct duck *lake, struct error *err)
{
    while (lake->pile_count > 0) {
        if (pour_out(lake, &lake->piles[0], err) != 0) {
            return -1;
        }
    }
    return duck_flush(&lake->lake, err) == 0 ? give_back_memory(lake, err) : -1;
}

static int duck_define_distinct(struct lake *base, const struct table *table, const char *file,
                                const char *key, const char *least, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct rows *rows = lake->poured ? NULL : gather_rows(lake, table, file, key, least);
    if (!rows) {
        return leave_to_engine(lake, err) == 0
                   ? sort_in_engine(lake, table->name, file, key, least, err)
                   : -1;
    }
    add_sorted(lake, table->name, key, rows);
    return show_rows(lake, table->name, rows, err);
}

static const char *duck_repeated(struct lake *base, const char *table, const char *columns,
                                 struct arena *arena)
{
    const struct sorted *sorted = sorted_of(duck_of(base), table, columns);
    if (!sorted) {
        return NULL;
    }
    if (sorted->rows) {
        size_t count = 1;
        for (const char *p = columns; (p = strchr(p, ',')); p++) {
            count++;
        }
        return arena_printf(arena, "SELECT %zu", rows_repeated(sorted->rows, count));
    }
    return arena_printf(arena,
                        "SELECT count(*) FROM (SELECT again, lag(again, 1, false) OVER () AS "
                        "before FROM (SELECT %s AS again FROM %s)) WHERE again AND NOT before",
                        lake_alike(columns, arena), table);
}

/* ---- results to files ---- */

/* Rows of an output, in its order. `again`: what orders rows that stand in order already. */
static const char *select_output(struct duck *lake, const struct lake_output *output,
                                 const char *columns, const char *again, struct arena *arena)
{
    const char *from = output->from ? output->from : output->table->name;
    const struct sorted *sorted = sorted_of(lake, from, output->order);
    const char *where = "";
    char date[DATE_TEXT_SIZE];
    if (output->where_column) {
        date_format(output->where_date, date);
        if (sorted && sorted->rows) { /* duck_write() has split them */
            return arena_printf(arena, "SELECT %s FROM %s_of_date(DATE '%s')", columns, from, date);
        }
        where = arena_printf(arena, " WHERE %s = DATE '%s'", output->where_column, date);
    }
    const char *order =
        sorted && !sorted->rows ? again : arena_printf(arena, " ORDER BY %s", output->order);
    return arena_printf(arena, "SELECT %s FROM %s%s%s", columns, from, where, order);
}

/* Where an output is made: by one of several threads, or by the session's own. */
struct place {
    struct duck *lake;
    duckdb_connection connection;
    unsigned threads; /* that may work on it */
};

/* Row groups of Parquet begin where chunks of the engine end, which differ with its threads: a
 * sort, here by a number that is sorted already, fills them, and so does a scan of rows that are
 * kept here. CSV by the engine has no groups. */
static int copy_to(const struct place *place, const struct lake_output *output,
                   enum lake_format format, const char *path, struct error *err)
{
    struct arena arena = {0};
    const char *columns =
        output->except ? arena_printf(&arena, "* EXCLUDE (%s)", output->except) : "*";
    const char *options = format == LAKE_CSV
                              ? "FORMAT csv, HEADER true"
                              : "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE " ROW_GROUP_ROWS;
    const char *rows = select_output(place->lake, output, columns,
                                     format == LAKE_PARQUET ? " ORDER BY rowid" : "", &arena);
    const char *sql = arena_printf(&arena, "COPY (%s) TO %s (%s, USE_TMP_FILE false)", rows,
                                   literal(&arena, path), options);
    int status = place->connection == place->lake->work
                     ? run(place->lake, path, sql, err)
                     : run_patiently(place->connection, path, sql, err);
    arena_release(&arena);
    return status;
}

/* A CSV file in the making: pieces of rows are made text by several threads, and written in their
 * order. A piece is a chunk of the engine's, or a vector's worth of rows that are kept here. */
enum { CSV_PIECES = 32, CSV_COLUMNS = 48 };

struct csv_text {
    char *data;
    size_t size, room;
};

struct csv_file {
    const char *path;
    int fd;
    unsigned threads;
    enum column_type types[CSV_COLUMNS];
    size_t column_count;
    struct csv_text texts[CSV_PIECES];
    duckdb_data_chunk chunks[CSV_PIECES];
    size_t count; /* of chunks that wait */
    const struct rows *rows;
    size_t columns[CSV_COLUMNS]; /* of the rows */
    size_t first;                /* row of the first piece */
};

static char *put_cell(char *out, enum column_type type, const void *data, size_t r)
{
    switch (type) {
    case COLUMN_REAL:
        return csv_real(out, ((const double *)data)[r]);
    case COLUMN_WHOLE:
        return csv_whole(out, ((const int64_t *)data)[r]);
    case COLUMN_TIMESTAMP:
        return csv_timestamp(out, ((const int64_t *)data)[r]);
    case COLUMN_DATE:
        return csv_date(out, ((const int32_t *)data)[r]);
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        break;
    }
    duckdb_string_t *text = (duckdb_string_t *)data + r;
    return csv_text(out, duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

struct csv_cells { /* of one column of a chunk */
    const void *data;
    const uint64_t *valid; /* NULL: all are */
};

static bool has_value(const struct csv_cells *cells, size_t r)
{
    return !cells->valid || (cells->valid[r / 64] >> (r % 64) & 1);
}

/* What a row may take, at most. */
static size_t row_size(const struct csv_file *file, const struct csv_cells *cells, size_t r)
{
    size_t size = file->column_count * (CSV_CELL_SIZE + 1);
    for (size_t c = 0; c < file->column_count; c++) {
        if (file->types[c] == COLUMN_TEXT && has_value(&cells[c], r)) {
            size += 2 * (size_t)duckdb_string_t_length(((duckdb_string_t *)cells[c].data)[r]);
        }
    }
    return size;
}

/* Makes room for `needed` more bytes; returns where they go. */
static char *text_room(struct csv_text *text, size_t needed)
{
    if (text->room - text->size < needed) {
        text->room = 2 * (text->room + needed);
        text->data = xrealloc(text->data, text->room, 1);
    }
    return text->data + text->size;
}

/* A chunk as lines of text. */
static void put_chunk(void *context, size_t index, unsigned worker)
{
    struct csv_file *file = context;
    struct csv_text *text = &file->texts[index];
    duckdb_data_chunk chunk = file->chunks[index];
    struct csv_cells cells[CSV_COLUMNS];
    (void)worker;
    for (size_t c = 0; c < file->column_count; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
        cells[c].data = duckdb_vector_get_data(vector);
        cells[c].valid = duckdb_vector_get_validity(vector);
    }
    text->size = 0;
    for (size_t r = 0; r < duckdb_data_chunk_get_size(chunk); r++) {
        char *out = text_room(text, row_size(file, cells, r));
        for (size_t c = 0; c < file->column_count; c++) {
            if (has_value(&cells[c], r)) {
                out = put_cell(out, file->types[c], cells[c].data, r);
            }
            *out++ = c + 1 < file->column_count ? ',' : '\n';
        }
        text->size = (size_t)(out - text->data);
    }
}

static char *put_kept_cell(char *out, const unsigned char *row, const struct rows_column *column)
{
    int64_t whole;
    int32_t date;
    double real;
    switch (column->type) {
    case COLUMN_REAL:
        real = rows_real(row, column);
        return put_cell(out, column->type, &real, 0);
    case COLUMN_DATE:
        date = (int32_t)rows_whole(row, column);
        return put_cell(out, column->type, &date, 0);
    case COLUMN_WHOLE:
    case COLUMN_TIMESTAMP:
        whole = rows_whole(row, column);
        return put_cell(out, column->type, &whole, 0);
    case COLUMN_TEXT:
    case COLUMN_BLOB:
        break;
    }
    struct bytes text = rows_text(row, column);
    return csv_text(out, text.data, text.size);
}

/* The same of rows that are kept here. */
static void put_kept(void *context, size_t index, unsigned worker)
{
    struct csv_file *file = context;
    struct csv_text *text = &file->texts[index];
    const struct rows *rows = file->rows;
    size_t start = file->first + index * BATCH_ROWS;
    size_t end = rows->count - start < BATCH_ROWS ? rows->count : start + BATCH_ROWS;
    (void)worker;
    text->size = 0;
    for (size_t i = start; i < end; i++) {
        const unsigned char *row = rows_at(rows, rows->order[i]);
        size_t needed = file->column_count * (CSV_CELL_SIZE + 1);
        for (size_t c = 0; c < file->column_count; c++) {
            if (file->types[c] == COLUMN_TEXT && !rows_null(row, file->columns[c])) {
                needed += 2 * rows_text(row, &rows->columns[file->columns[c]]).size;
            }
        }
        char *out = text_room(text, needed);
        for (size_t c = 0; c < file->column_count; c++) {
            if (!rows_null(row, file->columns[c])) {
                out = put_kept_cell(out, row, &rows->columns[file->columns[c]]);
            }
            *out++ = c + 1 < file->column_count ? ',' : '\n';
        }
        text->size = (size_t)(out - text->data);
    }
}

static int write_all(const struct csv_file *file, const char *data, size_t size, struct error *err)
{
    while (size > 0) {
        ssize_t done = write(file->fd, data, size);
        if (done < 0 && errno != EINTR) {
            return fs_write_error(file->path, err);
        }
        data += done < 0 ? 0 : done;
        size -= done < 0 ? 0 : (size_t)done;
    }
    return 0;
}

/* Makes `count` pieces text, and writes them. */
static int write_pieces(struct csv_file *file, size_t count,
                        void (*put)(void *context, size_t index, unsigned worker),
                        struct error *err)
{
    parallel_for(file->threads, count, put, file);
    for (size_t i = 0; i < count; i++) {
        if (write_all(file, file->texts[i].data, file->texts[i].size, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Writes the chunks that wait. */
static int write_chunks(struct csv_file *file, struct error *err)
{
    int status = write_pieces(file, file->count, put_chunk, err);
    for (size_t i = 0; i < file->count; i++) {
        duckdb_destroy_data_chunk(&file->chunks[i]);
    }
    file->count = 0;
    return status;
}

static int write_kept(struct csv_file *file, struct error *err)
{
    size_t pieces = (file->rows->count + BATCH_ROWS - 1) / BATCH_ROWS;
    int status = 0;
    for (size_t done = 0; status == 0 && done < pieces; done += CSV_PIECES) {
        size_t left = pieces - done;
        file->first = done * BATCH_ROWS;
        status = write_pieces(file, left < CSV_PIECES ? left : CSV_PIECES, put_kept, err);
    }
    return status;
}

static int keep_chunk(void *context, duckdb_data_chunk *chunk, struct error *err)
{
    struct csv_file *file = context;
    file->chunks[file->count++] = *chunk;
    *chunk = NULL;
    return file->count < CSV_PIECES ? 0 : write_chunks(file, err);
}

/* The rows that an output writes all of, in its order, when they are kept here; else NULL. */
static const struct rows *kept_rows(const struct duck *lake, const struct lake_output *output)
{
    const char *from = output->from ? output->from : output->table->name;
    const struct sorted *sorted = sorted_of(lake, from, output->order);
    return sorted && !output->where_column ? sorted->rows : NULL;
}

/* The engine's own writer takes four times the processor time: it makes a text of every cell, then
 * looks at each for what needs quotes. */
static int write_csv(const struct place *place, const struct lake_output *output, const char *path,
                     struct error *err)
{
    struct arena arena = {0};
    struct csv_file *file = ARENA_NEW(&arena, struct csv_file, 1);
    char *head = arena_strdup(&arena, "");
    int status = -1;
    *file = (struct csv_file){
        .path = path, .threads = place->threads, .rows = kept_rows(place->lake, output)};
    for (size_t c = 0; c < output->table->column_count; c++) {
        const struct column *column = &output->table->columns[c];
        if (output->except && strcmp(output->except, column->name) == 0) {
            continue;
        }
        assert(file->column_count < CSV_COLUMNS);
        head = arena_printf(&arena, "%s%s%s", head, *head ? "," : "", column->name);
        file->columns[file->column_count] = file->rows ? rows_find(file->rows, column->name) : c;
        file->types[file->column_count++] = column->type;
    }
    head = arena_printf(&arena, "%s\n", head);
    file->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file->fd < 0) {
        fs_write_error(path, err);
        goto done;
    }
    if (write_all(file, head, strlen(head), err) != 0) {
        goto done;
    }
    if (file->rows) {
        status = write_kept(file, err);
    } else if (stream(place->lake, path,
                      select_output(place->lake, output,
                                    cast_columns(output->table, output->except, &arena), "",
                                    &arena),
                      (struct bound){0}, keep_chunk, file, err) == 0) {
        status = write_chunks(file, err);
    }
done:
    for (size_t i = 0; i < CSV_PIECES; i++) {
        duckdb_destroy_data_chunk(&file->chunks[i]);
        free(file->texts[i].data);
    }
    if (file->fd >= 0 && close(file->fd) != 0 && status == 0) {
        status = fs_write_error(path, err);
    }
    arena_release(&arena);
    return status;
}

static int write_at(const struct place *place, const struct lake_file *file, struct error *err)
{
    const struct lake_output *output = &file->output;
    bool blobs = false; /* their texts are the engine's own */
    for (size_t c = 0; c < output->table->column_count; c++) {
        blobs |= output->table->columns[c].type == COLUMN_BLOB;
    }
    return file->format == LAKE_CSV && !blobs
               ? write_csv(place, output, file->path, err)
               : copy_to(place, output, file->format, file->path, err);
}

/* Files that several threads write at the same time, each the next one. */
struct writing {
    struct duck *lake;
    const struct lake_file *files;
    duckdb_connection *connections; /* [threads] */
    pthread_mutex_t lock;           /* around what follows */
    bool failed;
    struct error *err; /* of the first failure */
};

static void write_next(void *context, size_t index, unsigned worker)
{
    struct writing *writing = context;
    struct error err;
    struct place place = {.lake = writing->lake, .threads = 1};
    pthread_mutex_lock(&writing->lock);
    bool failed = writing->failed;
    pthread_mutex_unlock(&writing->lock);
    if (failed) {
        return;
    }
    if (!writing->connections[worker] &&
        duckdb_connect(writing->lake->database, &writing->connections[worker]) != DuckDBSuccess) {
        out_of_memory();
    }
    place.connection = writing->connections[worker];
    if (write_at(&place, &writing->files[index], &err) != 0) {
        pthread_mutex_lock(&writing->lock);
        if (!writing->failed) {
            writing->failed = true;
            *writing->err = err;
        }
        pthread_mutex_unlock(&writing->lock);
    }
}

/* Files of rows that are kept here need nothing of the session but to read them. */
static int write_together(struct duck *lake, const struct lake_file *files, size_t count,
                          struct error *err)
{
    unsigned threads = parallel_threads(lake->threads);
    struct writing writing = {.lake = lake,
                              .files = files,
                              .connections = xcalloc(threads, sizeof *writing.connections),
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .err = err};
    parallel_for(threads, count, write_next, &writing);
    for (unsigned t = 0; t < threads; t++) {
        duckdb_disconnect(&writing.connections[t]);
    }
    free(writing.connections);
    return writing.failed ? -1 : 0;
}

static int duck_write(struct lake *base, const struct lake_file *files, size_t count,
                      struct error *err)
{
    struct duck *lake = duck_of(base);
    const struct place own = {lake, lake->work, lake->threads};
    bool kept = count > 1 && parallel_threads(lake->threads) > 1;
    for (size_t i = 0; i < count; i++) {
        const struct lake_output *output = &files[i].output;
        const char *from = output->from ? output->from : output->table->name;
        const struct sorted *sorted = sorted_of(lake, from, output->order);
        bool here = sorted && sorted->rows;
        if (check_columns(lake, from, output->table, from, err) != 0) {
            return -1;
        }
        if (here && output->where_column) {
            rows_split(sorted->rows, rows_find(sorted->rows, output->where_column));
        }
        kept = kept && here;
    }
    if (kept) {
        return write_together(lake, files, count, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (write_at(&own, &files[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- rows as text ---- */

struct each_row {
    int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err);
    void *context;
};

static int rows_of_chunk(void *context, duckdb_data_chunk *taken, struct error *err)
{
    duckdb_data_chunk chunk = *taken;
    const struct each_row *each = context;
    size_t count = duckdb_data_chunk_get_column_count(chunk);
    size_t rows = duckdb_data_chunk_get_size(chunk);
    struct arena arena = {0};
    struct bytes *cells = ARENA_NEW(&arena, struct bytes, count);
    int status = 0;
    for (size_t r = 0; status == 0 && r < rows; r++) {
        for (size_t c = 0; c < count; c++) {
            duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, c);
            uint64_t *valid = duckdb_vector_get_validity(vector);
            cells[c] = (struct bytes){0};
            if (!valid || duckdb_validity_row_is_valid(valid, r)) {
                duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(vector) + r;
                cells[c] =
                    (struct bytes){duckdb_string_t_data(text), duckdb_string_t_length(*text)};
            }
        }
        status = each->row(each->context, cells, count, err);
    }
    arena_release(&arena);
    return status;
}

static int each_bound(struct duck *lake, const char *sql, struct bound bound, struct each_row *each,
                      struct error *err)
{
    struct arena arena = {0};
    /* One type for all: every engine type casts to text. */
    int status = stream(lake, "query",
                        arena_printf(&arena, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (%s)", sql),
                        bound, rows_of_chunk, each, err);
    arena_release(&arena);
    return status;
}

static int duck_each(struct lake *base, const char *sql,
                     int (*row)(void *context, const struct bytes *cells, size_t count,
                                struct error *err),
                     void *context, struct error *err)
{
    struct each_row each = {row, context};
    return each_bound(duck_of(base), sql, (struct bound){0}, &each, err);
}

static int
duck_ask(struct lake *base, const char *sql, const char *const *values, size_t value_count,
         int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err),
         void *context, struct error *err)
{
    struct each_row each = {row, context};
    return each_bound(duck_of(base), sql, (struct bound){values, value_count}, &each, err);
}

/* ---- rows through C functions ---- */

struct each_block {
    size_t column_count, skip; /* columns of numbers, behind `skip` others */
    double *x;                 /* [vector size][column_count] */
    int (*block)(void *context, const double *x, size_t rows, struct error *err);
    void *context;
    bool refused; /* block() failed, with its own error */
};

/* The numbers of a chunk, row by row, NULL as NaN. */
static void numbers_of_chunk(duckdb_data_chunk chunk, size_t skip, size_t column_count, double *x)
{
    size_t rows = duckdb_data_chunk_get_size(chunk);
    for (size_t c = 0; c < column_count; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, skip + c);
        const double *data = duckdb_vector_get_data(vector);
        uint64_t *valid = duckdb_vector_get_validity(vector);
        for (size_t r = 0; r < rows; r++) {
            bool null = valid && !duckdb_validity_row_is_valid(valid, r);
            x[r * column_count + c] = null ? NAN : data[r];
        }
    }
}

static int block_of_chunk(void *context, duckdb_data_chunk *taken, struct error *err)
{
    duckdb_data_chunk chunk = *taken;
    struct each_block *each = context;
    numbers_of_chunk(chunk, each->skip, each->column_count, each->x);
    each->refused =
        each->block(each->context, each->x, duckdb_data_chunk_get_size(chunk), err) != 0;
    return each->refused ? -1 : 0;
}

/* "name" as a quoted identifier (a user's own table may have any). */
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

/* SELECT [key,] numbers of the columns FROM from [ORDER BY order]. */
static const char *select_numbers(struct arena *arena, const char *from, const char *key,
                                  const char *const *columns, size_t count, const char *order)
{
    char *list = key ? arena_printf(arena, "%s, ", key) : arena_strdup(arena, "");
    for (size_t c = 0; c < count; c++) {
        list = arena_printf(arena, "%s%sCAST(%s AS DOUBLE)", list, c > 0 ? ", " : "",
                            quoted(arena, columns[c]));
    }
    return arena_printf(arena, "SELECT %s FROM %s%s%s", list, from, order ? " ORDER BY " : "",
                        order ? order : "");
}

/* What people know a table by: the file that it was opened from, or its name. */
static const char *known_as(const struct duck *lake, const char *name)
{
    bool opened = lake->opened_name && strcmp(lake->opened_name, name) == 0;
    return opened ? lake->opened_path : name;
}

/* After the engine failed to read the columns as numbers: names the first cell that is none, or
 * says what else was wrong. (A stream that breaks off in the middle does not know why.) */
static void explain_unread(struct duck *lake, const char *from, const char *const *columns,
                           size_t count, struct error *err)
{
    struct arena arena = {0};
    struct error why;
    bool explained = false;
    for (size_t c = 0; c < count && !explained; c++) {
        struct lake_rows found;
        const char *sql =
            arena_printf(&arena,
                         "SELECT number, cell FROM (SELECT row_number() OVER () AS number, CAST(%s "
                         "AS VARCHAR) AS cell FROM %s) AS cells WHERE cell IS NOT NULL AND "
                         "TRY_CAST(cell AS DOUBLE) IS NULL ORDER BY number LIMIT 1",
                         quoted(&arena, columns[c]), from);
        if (lake_query(&lake->lake, sql, &arena, &found, &why) != 0) {
            explained = true;
            error_set(err, "%s : lecture interrompue (%s) ; vérifiez que la table est entière",
                      "%s: reading stopped (%s); check that the table is whole",
                      known_as(lake, from), why.text[LANG_EN]);
        } else if (found.rows == 1) {
            explained = true;
            error_set(err,
                      "%s : ligne de données %s, colonne « %s » : « %.80s » n'est pas un nombre ; "
                      "corrigez la cellule ou videz-la",
                      "%s: data row %s, column \"%s\": \"%.80s\" is not a number; mend the cell or "
                      "empty it",
                      known_as(lake, from), found.cells[0], columns[c], found.cells[1]);
        }
    }
    arena_release(&arena);
}

static int duck_each_block(struct lake *base, const char *from, const char *const *columns,
                           size_t column_count, const char *order,
                           int (*block)(void *context, const double *x, size_t rows,
                                        struct error *err),
                           void *context, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    struct each_block each = {.column_count = column_count, .block = block, .context = context};
    each.x = ARENA_NEW(&arena, double, duckdb_vector_size() * column_count);
    int status = stream(lake, known_as(lake, from),
                        select_numbers(&arena, from, NULL, columns, column_count, order),
                        (struct bound){0}, block_of_chunk, &each, err);
    if (status != 0 && !each.refused) {
        explain_unread(lake, from, columns, column_count, err);
    }
    arena_release(&arena);
    return status;
}

struct mapping {
    struct duck *lake;
    const struct lake_function *function;
    size_t rows;        /* that were gathered */
    double *x, *y;      /* [LAKE_MAP_ROWS][inputs], [LAKE_MAP_ROWS][results] */
    struct bytes *keys; /* [LAKE_MAP_ROWS] */
    struct arena texts; /* of the keys */
    struct batch batch;
};

/* One row's key, numbers and text into the batch. */
static void put_mapped(struct mapping *m, size_t row, size_t results)
{
    const struct lake_function *f = m->function;
    struct batch *batch = &m->batch;
    size_t r = batch->rows++;
    batch->values[0].text[r] = m->keys[row];
    for (size_t c = 1; c <= results; c++) {
        double value = m->y[row * results + c - 1];
        batch->null[c][r] = isnan(value);
        if (isnan(value)) {
            continue;
        }
        if (f->result->columns[c].type == COLUMN_WHOLE) {
            batch->values[c].whole[r] = (int64_t)value;
        } else {
            batch->values[c].real[r] = value;
        }
    }
    if (f->text) {
        batch->values[results + 1].text[r] = f->text(f->context, row);
        batch->null[results + 1][r] = !batch->values[results + 1].text[r].data;
    }
}

/* Applies the function to the rows gathered and appends what it gives. */
static int map_gathered(struct mapping *m, struct error *err)
{
    const struct lake_function *f = m->function;
    size_t results = f->result->column_count - 1 - (f->text != NULL);
    if (m->rows > 0 && f->apply(f->context, m->x, m->rows, m->y, err) != 0) {
        return -1;
    }
    for (size_t row = 0; row < m->rows; row++) {
        put_mapped(m, row, results);
        if (m->batch.rows == BATCH_ROWS || row + 1 == m->rows) {
            if (lake_append(&m->lake->lake, &m->batch, err) != 0) {
                return -1;
            }
            m->batch.rows = 0;
        }
    }
    m->rows = 0;
    arena_clear(&m->texts);
    return 0;
}

static int map_chunk(void *context, duckdb_data_chunk *taken, struct error *err)
{
    duckdb_data_chunk chunk = *taken;
    struct mapping *m = context;
    size_t rows = duckdb_data_chunk_get_size(chunk);
    if (m->rows + rows > LAKE_MAP_ROWS && map_gathered(m, err) != 0) {
        return -1;
    }
    numbers_of_chunk(chunk, 1, m->function->input_count, &m->x[m->rows * m->function->input_count]);
    duckdb_string_t *keys = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    for (size_t r = 0; r < rows; r++) {
        size_t size = duckdb_string_t_length(keys[r]);
        m->keys[m->rows++] =
            (struct bytes){arena_copy(&m->texts, duckdb_string_t_data(&keys[r]), size), size};
    }
    return 0;
}

static int duck_map(struct lake *base, const char *from, const struct lake_function *function,
                    struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    struct mapping m = {.lake = lake, .function = function};
    int status = -1;
    assert(duckdb_vector_size() <= BATCH_ROWS);
    assert((function->text != NULL) ==
           (function->result->columns[function->result->column_count - 1].type == COLUMN_TEXT));
    m.x = ARENA_NEW(&arena, double, LAKE_MAP_ROWS * function->input_count);
    m.y = ARENA_NEW(&arena, double, LAKE_MAP_ROWS * function->result->column_count);
    m.keys = ARENA_NEW(&arena, struct bytes, LAKE_MAP_ROWS);
    batch_init(&m.batch, function->result, &arena);
    if (lake_create(&lake->lake, function->result, err) != 0 ||
        stream(lake, function->result->name,
               select_numbers(&arena, from, function->key, function->inputs, function->input_count,
                              NULL),
               (struct bound){0}, map_chunk, &m, err) != 0 ||
        map_gathered(&m, err) != 0) {
        goto done;
    }
    status = lake_flush(&lake->lake, err);
done:
    arena_release(&m.texts);
    arena_release(&arena);
    return status;
}

/* ---- C functions in SQL ---- */

/* The engine's numbers as x[rows][inputs], row by row; y as its list of numbers a row. */
static void apply_scalar(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    const struct lake_scalar *scalar = duckdb_scalar_function_get_extra_info(info);
    size_t rows = duckdb_data_chunk_get_size(input);
    size_t count = rows * scalar->results;
    double *x = xcalloc(rows * scalar->inputs, sizeof *x);
    double *y = xcalloc(count, sizeof *y);
    struct error err;
    numbers_of_chunk(input, 0, scalar->inputs, x);
    if (scalar->apply(scalar->context, x, rows, y, &err) != 0) {
        duckdb_scalar_function_set_error(info, err.text[LANG_EN]);
        goto done;
    }
    if (duckdb_list_vector_reserve(output, count) != DuckDBSuccess ||
        duckdb_list_vector_set_size(output, count) != DuckDBSuccess) {
        out_of_memory();
    }
    duckdb_list_entry *entries = duckdb_vector_get_data(output);
    duckdb_vector items = duckdb_list_vector_get_child(output);
    double *values = duckdb_vector_get_data(items);
    duckdb_vector_ensure_validity_writable(items);
    uint64_t *valid = duckdb_vector_get_validity(items);
    for (size_t r = 0; r < rows; r++) {
        entries[r] = (duckdb_list_entry){.offset = r * scalar->results, .length = scalar->results};
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = y[i];
        duckdb_validity_set_row_validity(valid, i, !isnan(y[i]));
    }
done:
    free(x);
    free(y);
}

static int duck_scalar(struct lake *base, const struct lake_scalar *scalar, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct lake_scalar *kept = xcalloc(1, sizeof *kept);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    duckdb_logical_type list = duckdb_create_list_type(number);
    int status = 0;
    *kept = *scalar;
    duckdb_scalar_function_set_name(function, scalar->name);
    for (size_t i = 0; i < scalar->inputs; i++) {
        duckdb_scalar_function_add_parameter(function, number);
    }
    duckdb_scalar_function_set_return_type(function, list);
    duckdb_scalar_function_set_special_handling(function); /* a NULL does not make all NULL */
    duckdb_scalar_function_set_extra_info(function, kept, free);
    duckdb_scalar_function_set_function(function, apply_scalar);
    if (duckdb_register_scalar_function(lake->work, function) != DuckDBSuccess) {
        status = error_set(err, "%s : ce nom de fonction SQL est déjà pris ou impossible",
                           "%s: this name of an SQL function is taken or impossible", scalar->name);
    }
    duckdb_destroy_logical_type(&list);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_scalar_function(&function);
    return status;
}

/* ---- the engine ---- */

static const struct lake_engine duck_engine = {
    .close = duck_close,
    .constant_date = duck_constant_date,
    .constant_real = duck_constant_real,
    .create = duck_create,
    .create_pile = duck_create_pile,
    .append = duck_append,
    .flush = duck_flush,
    .define = duck_define,
    .define_distinct = duck_define_distinct,
    .words = duck_words,
    .open_parquet = duck_open_parquet,
    .open_file = duck_open_file,
    .drop = duck_drop,
    .columns = duck_columns,
    .write = duck_write,
    .each = duck_each,
    .ask = duck_ask,
    .each_block = duck_each_block,
    .map = duck_map,
    .scalar = duck_scalar,
    .use_threads = duck_use_threads,
    .repeated = duck_repeated,
};

int duck_open(struct lake **out, const struct lake_options *options, struct error *err)
{
    duckdb_config config = NULL;
    char *message = NULL;
    int status = -1;
    struct duck *lake = xcalloc(1, sizeof *lake);
    lake->lake.engine = &duck_engine;
    lake->threads = options->threads;
    *out = &lake->lake;
    if (duckdb_create_config(&config) != DuckDBSuccess) {
        out_of_memory();
    }
    if (configure(config, options, err) != 0) {
        goto done;
    }
    if (duckdb_open_ext(NULL, &lake->database, config, &message) != DuckDBSuccess) {
        engine_error(err, "DuckDB", message);
        goto done;
    }
    if (duckdb_connect(lake->database, &lake->work) != DuckDBSuccess ||
        duckdb_connect(lake->database, &lake->reader) != DuckDBSuccess) {
        out_of_memory();
    }
    status = run(lake, "prelude", sql_text("duckdb/prelude.sql"), err);
done:
    duckdb_free(message);
    duckdb_destroy_config(&config);
    return status;
}
