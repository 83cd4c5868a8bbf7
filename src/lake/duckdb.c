/* The lake on DuckDB, embedded through its C API: session, tables, files that are opened; results
 * leave by duckdb_read.c and duckdb_write.c; see lake.h.
 *
 * An in-memory database; nothing is read or written but the paths that the callers name and the
 * scratch folder. Two connections: one runs statements and feeds tables, the other streams results,
 * so that a function of rows can write while it reads. */
#include "lake/duckdb_inner.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/parallel.h"
#include "lake/duckdb_rows.h"
#include "lake/sql.h"

#include <assert.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- errors and texts ---- */

int duck_error(struct error *err, const char *what, const char *message)
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
        return scratch_is_full(what, err);
    }
    if (strncmp(message, "Out of Memory", 13) == 0 || strstr(message, "failed to allocate data") ||
        strstr(message, "could not allocate block")) {
        return memory_is_full(what, err);
    }
    if (strstr(message, "Failed to create directory")) { /* the scratch folder: the only one */
        return scratch_is_closed(what, message, err);
    }
    return error_set(err, "%s : %.*s", "%s: %.*s", what, (int)strcspn(message, "\n"), message);
}

const char *duck_literal(struct arena *arena, const char *text)
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

int duck_run_patiently(duckdb_connection connection, const char *what, const char *sql,
                       struct error *err)
{
    static const struct timespec nap = {.tv_nsec = 50000};
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    duckdb_result result = {0};
    duckdb_pending_state state;
    int status = -1;
    if (duckdb_prepare(connection, sql, &statement) != DuckDBSuccess) {
        duck_error(err, what, duckdb_prepare_error(statement));
        goto done;
    }
    if (duckdb_pending_prepared(statement, &pending) != DuckDBSuccess) {
        duck_error(err, what, duckdb_pending_error(pending));
        goto done;
    }
    while (!duckdb_pending_execution_is_finished(state = duckdb_pending_execute_task(pending))) {
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
            (void)nanosleep(&nap, NULL);
        }
    }
    if (state == DUCKDB_PENDING_ERROR) { /* the result would only tell that there is none */
        duck_error(err, what, duckdb_pending_error(pending));
        goto done;
    }
    if (duckdb_execute_pending(pending, &result) != DuckDBSuccess) {
        duck_error(err, what, duckdb_result_error(&result));
        goto done;
    }
    status = 0;
done:
    duckdb_destroy_result(&result);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    return status;
}

int duck_run(struct duck *lake, const char *what, const char *sql, struct error *err)
{
    duckdb_result result;
    int status = 0;
    if (lake->threads != 1) {
        return duck_run_patiently(lake->work, what, sql, err);
    }
    if (duckdb_query(lake->work, sql, &result) != DuckDBSuccess) {
        status = duck_error(err, what, duckdb_result_error(&result));
    }
    duckdb_destroy_result(&result);
    return status;
}

/* ---- open and close ---- */

/* An engine of one thread believes in two more that somebody else runs, and nobody does: for one or
 * two it begins each GROUP BY with a table of 2 MB, which has to be zeroed, for three with an
 * eighth of that. A run of a small fleet has nine, and takes a fortieth less. */
enum { THREADS_OF_ONE = 3 };

static int configure(duckdb_config config, const struct lake_options *options, struct error *err)
{
    char threads[16];
    bool one = options->threads == 1;
    (void)snprintf(threads, sizeof threads, "%u", one ? THREADS_OF_ONE : options->threads);
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
        /* Nothing outlives the session: packing tables as they are committed, again with every
         * statement that adds to one, is for nothing. */
        {"checkpoint_threshold", "1TB"},
        {"threads", options->threads > 0 ? threads : NULL},
        {"external_threads", one ? threads : NULL},
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

static void close_feed(struct feed *feed)
{
    duckdb_destroy_data_chunk(&feed->chunk);
    duckdb_appender_destroy(&feed->appender);
    duckdb_disconnect(&feed->own);
}

static void duck_close(struct lake *base)
{
    struct duck *lake = duck_of(base);
    for (size_t i = 0; i < lake->feed_count; i++) {
        close_feed(&lake->feeds[i]);
    }
    duckdb_disconnect(&lake->reader);
    duckdb_disconnect(&lake->work);
    duckdb_close(&lake->database);
    for (size_t i = 0; i < lake->kept_count; i++) {
        distinct_close(lake->kept[i].distinct);
    }
    arena_release(&lake->opened);
    arena_release(&lake->names);
    free(lake);
}

static const struct lake_engine duck_engine;

/* A session that does not own the database, and has no rows that are kept here but through their
 * views. */
static struct lake *duck_beside(struct lake *base)
{
    struct duck *lake = duck_of(base);
    struct duck *beside = xcalloc(1, sizeof *beside);
    beside->lake.engine = &duck_engine;
    beside->threads = lake->threads;
    beside->flush_threads = lake->flush_threads;
    if (duckdb_connect(lake->database, &beside->work) != DuckDBSuccess ||
        duckdb_connect(lake->database, &beside->reader) != DuckDBSuccess) {
        out_of_memory();
    }
    return &beside->lake;
}

static int duck_use_threads(struct lake *base, unsigned threads, struct error *err)
{
    struct duck *lake = duck_of(base);
    char sql[40];
    if (duck_run(lake, "external_threads", "SET external_threads = 1", err) != 0) {
        return -1;
    }
    lake->threads = threads;
    (void)snprintf(sql, sizeof sql, "SET threads = %u", parallel_threads(threads));
    return duck_run(lake, "threads", sql, err);
}

static void duck_keep_no_order(struct lake *base)
{
    struct error unknown; /* by a DuckDB that does not have it */
    if (parallel_threads(duck_of(base)->threads) > 1) {
        (void)duck_run(duck_of(base), "preserve_insertion_order",
                       "SET preserve_insertion_order = false", &unknown);
    }
}

/* Passes over a plan that look for a cheaper one with the same result; some fifty statements of a
 * small run take a twentieth less without them. What stays pushes filters and columns into files,
 * and rewrites expressions. A DuckDB that has not all of these goes on with its own. */
static void duck_plan_simply(struct lake *base)
{
    struct error unknown;
    (void)duck_run(duck_of(base), "disabled_optimizers",
                   "SET disabled_optimizers = 'build_side_probe_side,common_aggregate,"
                   "common_subexpressions,compressed_materialization,cte_filter_pusher,"
                   "cte_inlining,deliminator,duplicate_groups,empty_result_pullup,filter_pullup,"
                   "in_clause,join_filter_pushdown,join_order,late_materialization,"
                   "limit_pushdown,regex_range,reorder_filter,sampling_pushdown,"
                   "statistics_propagation,sum_rewriter,top_n,unnest_rewriter'",
                   &unknown);
}

/* ---- constants ---- */

static int duck_constant_date(struct lake *base, const char *name, int32_t date, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    char text[DATE_TEXT_SIZE];
    int status = duck_run(
        lake, name,
        arena_printf(&arena, "CREATE MACRO %s() AS DATE '%s'", name, date_format(date, text)), err);
    arena_release(&arena);
    return status;
}

static int duck_constant_real(struct lake *base, const char *name, double value, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    int status = duck_run(
        lake, name, arena_printf(&arena, "CREATE MACRO %s() AS CAST(%.17e AS DOUBLE)", name, value),
        err);
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

enum {
    BYTES_UNASKED = 16 << 20, /* so few are no matter */
    PIECE_MEMORY = 128 << 20, /* of a thread that reads rows back from disk, about */
};

static int set_memory(struct duck *lake, size_t limit, struct error *err)
{
    struct arena arena = {0};
    int status = duck_run(lake, "memory_limit",
                          arena_printf(&arena, "SET memory_limit = '%zuB'", limit), err);
    arena_release(&arena);
    return status;
}

/* Asks the engine for its limit, once. */
static int ask_memory(struct duck *lake, struct error *err)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    enum { UNITS = sizeof units / sizeof *units };
    char text[32] = "", *unit = text;
    duckdb_result result;
    size_t u = 0;
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
    double number = strtod(text, &unit);
    unit += strspn(unit, " ");
    for (; u < UNITS && strcmp(unit, units[u]) != 0; u++) {
        number *= 1024;
    }
    if (u == UNITS || !(number > 0)) {
        return error_set(err, "limite de mémoire illisible : %s", "unreadable memory limit: %s",
                         text);
    }
    lake->memory = (size_t)number;
    return 0;
}

/* Bytes that are kept here. */
static size_t kept_bytes(const struct duck *lake)
{
    size_t bytes = 0;
    for (size_t i = 0; i < lake->kept_count; i++) {
        bytes += rows_bytes(lake->kept[i].distinct->rows);
    }
    return bytes;
}

/* Whether all that is kept here has room in its half of the memory. Not when the engine cannot do
 * with the other half. */
static bool has_room(struct duck *lake)
{
    struct error unwilling;
    size_t bytes = kept_bytes(lake);
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

/* Gives the engine its memory again when rows went to disk, but for what reading them back takes.
 */
static int give_back_memory(struct duck *lake, struct error *err)
{
    size_t pieces = parallel_threads(lake->threads) * PIECE_MEMORY;
    size_t kept = kept_bytes(lake) + pieces;
    if (!lake->halved || kept > lake->memory / 2) {
        return 0;
    }
    lake->halved = false;
    return set_memory(lake, lake->memory - kept, err);
}

/* Adds a batch to rows that are kept here, after moving them to disk when there is no room. */
static int keep(struct duck *lake, struct distinct *distinct, const struct batch *batch,
                struct error *err)
{
    if (!has_room(lake) && rows_bytes(distinct->rows) > BYTES_UNASKED &&
        distinct_spill(distinct, lake->threads, err) != 0) {
        return -1;
    }
    return distinct_add(distinct, batch, lake->threads, err);
}

static int end_keeping(struct duck *lake, struct distinct *distinct, struct error *err)
{
    if (distinct_end(distinct, lake->threads, err) != 0) {
        return -1;
    }
    return distinct->run_count > 0 ? give_back_memory(lake, err) : 0;
}

/* New rows that are kept here, closed with the session. */
static struct kept *add_kept(struct duck *lake, const struct table *table,
                             const struct lake_distinct *distinct)
{
    assert(lake->kept_count < KEPT_TABLES);
    struct kept *kept = &lake->kept[lake->kept_count++];
    *kept = (struct kept){
        arena_strdup(&lake->names, table->name), table, *table,
        distinct_open(table, distinct->key, distinct->least, distinct->day, lake->scratch)};
    return kept;
}

/* Makes `name` a view of rows that are kept here, with the columns of `table`. */
static int show_rows(struct duck *lake, const char *name, const struct table *table,
                     const struct distinct *distinct, struct error *err)
{
    struct arena arena = {0};
    int status =
        duck_run(lake, name,
                 arena_printf(&arena, "CREATE VIEW %s AS SELECT %s FROM %s_rows()", name,
                              duck_name_columns(table, NULL, &arena), distinct->table.name),
                 err);
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
    int status = duck_run(lake, table->name, arena_printf(&arena, "%s)", sql), err);
    arena_release(&arena);
    return status;
}

/* Feeding the engine takes as long as reading JSON: it measures every column, and keeps rows so
 * that they can be changed; and its sort, which moves whole rows, five times as long as ours. */
static int duck_create_distinct(struct lake *base, const struct table *table,
                                const struct lake_distinct *distinct, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct kept *kept = add_kept(lake, table, distinct);
    if (duckdb_rows_register(lake->work, kept->distinct, &lake->threads) != 0) {
        return duck_error(err, table->name, "Out of Memory");
    }
    return show_rows(lake, table->name, table, kept->distinct, err);
}

/* The feed of a batch's table, opened with its first one. A full batch is the first of a large
 * table, as a rule. */
static struct feed *feed_of(struct duck *lake, const struct batch *batch, struct error *err)
{
    const struct table *table = batch->table;
    for (size_t i = 0; i < lake->feed_count; i++) {
        if (lake->feeds[i].table == table) {
            return &lake->feeds[i];
        }
    }
    assert(lake->feed_count < FED_TABLES);
    struct feed *feed = &lake->feeds[lake->feed_count];
    *feed = (struct feed){.table = table};
    if (batch->rows == BATCH_ROWS && parallel_threads(lake->flush_threads) > 1 &&
        duckdb_connect(lake->database, &feed->own) != DuckDBSuccess) {
        out_of_memory();
    }
    if (duckdb_appender_create(feed->own ? feed->own : lake->work, NULL, table->name,
                               &feed->appender) != DuckDBSuccess) {
        duck_error(err, table->name, duckdb_appender_error(feed->appender));
        close_feed(feed);
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

/* Texts stay where they are: the appender copies the chunk before the call returns. */
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
            ((duckdb_string_t *)data)[r] = scan_string(batch->values[c].text[r]);
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
    struct feed *feed = feed_of(lake, batch, err);
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
        return duck_error(err, batch->table->name, duckdb_appender_error(feed->appender));
    }
    return 0;
}

static int duck_append(struct lake *base, const struct batch *batch, struct error *err)
{
    struct duck *lake = duck_of(base);
    for (size_t i = 0; i < lake->kept_count; i++) {
        if (lake->kept[i].fed == batch->table) {
            return keep(lake, lake->kept[i].distinct, batch, err);
        }
    }
    return feed_engine(lake, batch, err);
}

/* What is fed is flushed, and what is kept here sorted, by several threads: each takes as long as
 * some ten thousand small files to read. */
struct flushing {
    struct duck *lake;
    int statuses[FED_TABLES + KEPT_TABLES];
    struct error errors[FED_TABLES + KEPT_TABLES];
};

static void flush_one(void *context, size_t index, unsigned worker)
{
    struct flushing *f = context;
    struct duck *lake = f->lake;
    (void)worker;
    if (index >= lake->kept_count) {
        struct feed *feed = &lake->feeds[index - lake->kept_count];
        if (duckdb_appender_close(feed->appender) != DuckDBSuccess) {
            f->statuses[index] = duck_error(&f->errors[index], feed->table->name,
                                            duckdb_appender_error(feed->appender));
        }
        close_feed(feed);
        return;
    }
    struct distinct *distinct = lake->kept[index].distinct;
    if (distinct->rows->added > 0 || distinct->run_count > 0) {
        f->statuses[index] = end_keeping(lake, distinct, &f->errors[index]);
    }
}

static int duck_flush(struct lake *base, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct flushing flushing = {.lake = lake};
    size_t count = lake->kept_count + lake->feed_count;
    bool large = false;
    for (size_t i = 0; i < lake->feed_count; i++) {
        large = large || lake->feeds[i].own;
    }
    parallel_for(large ? lake->flush_threads : 1, count, flush_one, &flushing);
    lake->feed_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (flushing.statuses[i] != 0) {
            *err = flushing.errors[i];
            return -1;
        }
    }
    return 0;
}

static int duck_define(struct lake *base, const char *name, const char *select,
                       enum lake_definition kind, struct error *err)
{
    struct arena arena = {0};
    const char *sql = arena_printf(&arena, "CREATE %s %s AS %s",
                                   kind == LAKE_TABLE ? "TABLE" : "VIEW", name, select);
    int status = duck_run(duck_of(base), name, sql, err);
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
                              duck_literal(&arena, words[i]));
    }
    int status =
        duck_run(lake, name,
                 arena_printf(&arena, "CREATE VIEW %s AS SELECT * FROM (VALUES %s) t(code, %s)",
                              name, values, word_column),
                 err);
    arena_release(&arena);
    return status;
}

int duck_check_columns(struct duck *lake, const char *name, const struct table *table,
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

/* Is there a file, no folder, of this pattern? By the C library: the engine plans 0.4 ms to ask the
 * same. */
static bool is_any(const char *pattern)
{
    glob_t found = {0};
    bool any = false;
    if (glob(pattern, GLOB_NOSORT | GLOB_NOESCAPE, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !any; i++) {
            any = !fs_is_folder(found.gl_pathv[i]);
        }
    }
    globfree(&found);
    return any;
}

/* Which files make up a table, as the argument of read_parquet(): those that the pattern names, or
 * the parts in folders of that name, or of several days both. Owned by the arena. */
static const char *files_of(const char *folder, const char *pattern, struct arena *arena)
{
    const char *safe = without_patterns(arena, folder);
    const char *slash = strrchr(pattern, '/');
    const char *last = slash ? slash + 1 : pattern;
    /* A last part without a pattern may name a folder, one with a pattern may not. */
    const char *file =
        arena_printf(arena, "%s/%.*s[%c]%s", safe, (int)(last - pattern), pattern, *last, last + 1);
    const char *parts = arena_printf(arena, "%s/%s/part-*.parquet", safe, pattern);
    bool one = !strchr(pattern, '*');
    assert(*last && *last != '*');
    const char *out = duck_literal(arena, arena_printf(arena, "%s/%s", safe, pattern));
    if (one && !fs_is_folder(arena_printf(arena, "%s/%s", folder, pattern))) {
        return out;
    }
    bool files = is_any(file), part_files = is_any(parts);
    if (files && part_files) {
        out =
            arena_printf(arena, "[%s, %s]", duck_literal(arena, file), duck_literal(arena, parts));
    } else if (part_files || one) {
        out = duck_literal(arena, parts);
    } /* else as it was: the engine says that there is none */
    return out;
}

static int duck_open_parquet(struct lake *base, const char *name, const struct table *table,
                             const char *folder, const char *pattern, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct arena arena = {0};
    const char *path = arena_printf(&arena, "%s/%s", folder, pattern);
    const char *files = files_of(folder, pattern, &arena);
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
    int status = duck_run(lake, name, sql, &why);
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
    const char *safe = duck_literal(&arena, without_patterns(&arena, path));
    const char *reader;
    int status = -1;
    FILE *probe = fopen(path, "re");
    if (!probe) {
        error_set(err, "%s : lecture impossible (%s) ; donnez un fichier CSV ou Parquet",
                  "%s: cannot be read (%s); give a CSV or Parquet file", path, strerror(errno));
        goto done;
    }
    if (fs_is_folder(path)) { /* as Spark writes tables: part files, in the order of their names */
        reader = arena_printf(&arena, "read_parquet(%s, hive_partitioning = false)",
                              duck_literal(&arena, arena_printf(&arena, "%s/*.parquet",
                                                                without_patterns(&arena, path))));
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
    status =
        duck_run(lake, name, arena_printf(&arena, "CREATE VIEW %s AS FROM %s", name, reader), &why);
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
    int status = duck_run(lake, name, arena_printf(&arena, "DROP VIEW %s", name), err);
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

/* The columns of a table as the catalog has them, or of rows that are kept here, without a
 * statement: a fifth of a millisecond less for each table that a run writes. False: it is no table.
 */
static bool table_columns(struct duck *lake, const char *name, struct arena *arena,
                          struct column **columns, size_t *count)
{
    duckdb_table_description table = NULL;
    for (size_t i = 0; i < lake->kept_count; i++) {
        if (strcmp(lake->kept[i].name, name) == 0) {
            const struct table *shown = &lake->kept[i].shown;
            *columns = ARENA_NEW(arena, struct column, shown->column_count);
            memcpy(*columns, shown->columns, shown->column_count * sizeof **columns);
            *count = shown->column_count;
            return true;
        }
    }
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
        duck_error(err, name, duckdb_prepare_error(statement));
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

/* ---- tables in an order, without repetitions ---- */

struct distinct *duck_distinct_of(const struct duck *lake, const char *table, const char *columns)
{
    size_t length = strlen(columns);
    for (size_t i = 0; i < lake->kept_count; i++) {
        struct distinct *distinct = lake->kept[i].distinct;
        if (strcmp(lake->kept[i].name, table) == 0 && distinct_ended(distinct)) {
            bool first = strncmp(distinct->key, columns, length) == 0;
            bool whole = length == 0 || strchr(",", distinct->key[length]);
            return first && whole ? distinct : NULL;
        }
    }
    return NULL;
}

const char *duck_name_columns(const struct table *table, const char *except, struct arena *arena)
{
    char *list = arena_strdup(arena, "");
    for (size_t c = 0; c < table->column_count; c++) {
        if (!except || strcmp(except, table->columns[c].name) != 0) {
            list = arena_printf(arena, "%s%s%s", list, *list ? ", " : "", table->columns[c].name);
        }
    }
    return list;
}

const char *duck_cast_columns(const struct table *table, const char *except, struct arena *arena)
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
    struct distinct *distinct;
    struct batch room;
};

static int gather_chunk(void *context, duckdb_data_chunk *chunk, struct error *err)
{
    struct gathering *g = context;
    const struct batch batch = duck_batch_of(*chunk, &g->room);
    return keep(g->lake, g->distinct, &batch, err);
}

static int gather_rows(struct duck *lake, const struct table *table, const char *from,
                       struct distinct *distinct, struct error *err)
{
    struct arena arena = {0};
    struct gathering g = {.lake = lake, .distinct = distinct};
    const char *sql =
        arena_printf(&arena, "SELECT %s FROM %s", duck_cast_columns(table, NULL, &arena), from);
    batch_init(&g.room, table, &arena);
    int status = duck_stream(lake, table->name, sql, (struct bound){0}, gather_chunk, &g, err);
    arena_release(&arena);
    return status;
}

static int duck_define_distinct(struct lake *base, const struct table *table, const char *from,
                                const struct lake_distinct *wanted, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct distinct *distinct = duck_distinct_of(lake, from, wanted->key);
    if (distinct) { /* as it was made; it goes by the new name from now on */
        for (size_t i = 0; i < lake->kept_count; i++) {
            if (lake->kept[i].distinct == distinct) {
                lake->kept[i].name = arena_strdup(&lake->names, table->name);
                lake->kept[i].shown = *table;
            }
        }
        return show_rows(lake, table->name, table, distinct, err);
    }
    distinct = add_kept(lake, table, wanted)->distinct;
    if (duckdb_rows_register(lake->work, distinct, &lake->threads) != 0) {
        return duck_error(err, table->name, "Out of Memory");
    }
    return gather_rows(lake, table, from, distinct, err) == 0 &&
                   end_keeping(lake, distinct, err) == 0
               ? show_rows(lake, table->name, table, distinct, err)
               : -1;
}

/* Rows of one text and day stand together: a group is done when the next one begins, and grouping
 * by the engine, of 21 aggregates, takes three times as long. */
static int duck_sum(struct lake *base, const struct lake_sums *sums, struct error *err)
{
    struct duck *lake = duck_of(base);
    const struct distinct *distinct = duck_distinct_of(lake, sums->from, sums->key);
    struct arena arena = {0};
    if (!distinct || !distinct->day || strcmp(distinct->day, sums->day) != 0) {
        return 1;
    }
    if (duckdb_sums_register(lake->work, distinct, sums, &lake->threads) != 0) {
        return duck_error(err, sums->name, "Out of Memory");
    }
    int status = duck_define(base, sums->name, arena_printf(&arena, "FROM %s_sums()", sums->name),
                             LAKE_TABLE, err);
    arena_release(&arena);
    return status;
}

static int duck_repeated(struct lake *base, const char *table, const char *columns,
                         uint64_t *repeated, struct error *err)
{
    struct duck *lake = duck_of(base);
    struct distinct *distinct = duck_distinct_of(lake, table, columns);
    size_t count = 1;
    for (const char *p = columns; (p = strchr(p, ',')); p++) {
        count++;
    }
    return distinct ? distinct_count(distinct, count, lake->threads, repeated, err) : 1;
}

static int duck_nulls(struct lake *base, const struct table *table, uint64_t *rows, uint64_t *nulls)
{
    const struct distinct *distinct = duck_distinct_of(duck_of(base), table->name, "");
    uint64_t counts[BATCH_COLUMNS];
    if (!distinct || !distinct_nulls(distinct, rows, counts)) {
        return 1;
    }
    for (size_t c = 0; c < table->column_count; c++) {
        size_t column = rows_find(distinct->rows, table->columns[c].name);
        assert(column < distinct->rows->column_count);
        nulls[c] = counts[column];
    }
    return 0;
}

static int duck_days(struct lake *base, const char *table, const char *column, struct arena *arena,
                     int32_t **days, size_t *count, struct error *err)
{
    const struct distinct *distinct = duck_distinct_of(duck_of(base), table, "");
    (void)err;
    if (!distinct || !distinct->day || strcmp(distinct->day, column) != 0) {
        return 1;
    }
    *count = distinct->day_count;
    *days = ARENA_NEW(arena, int32_t, *count);
    for (size_t d = 0; d < *count; d++) {
        (*days)[d] = distinct->days[d];
    }
    return 0;
}

/* ---- the engine ---- */

static const struct lake_engine duck_engine = {
    .close = duck_close,
    .constant_date = duck_constant_date,
    .constant_real = duck_constant_real,
    .create = duck_create,
    .create_distinct = duck_create_distinct,
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
    .beside = duck_beside,
    .use_threads = duck_use_threads,
    .plan_simply = duck_plan_simply,
    .keep_no_order = duck_keep_no_order,
    .sum = duck_sum,
    .repeated = duck_repeated,
    .nulls = duck_nulls,
    .days = duck_days,
};

int duck_open(struct lake **out, const struct lake_options *options, struct error *err)
{
    duckdb_config config = NULL;
    char *message = NULL;
    int status = -1;
    struct duck *lake = xcalloc(1, sizeof *lake);
    lake->lake.engine = &duck_engine;
    lake->threads = options->threads;
    lake->flush_threads = options->flush_threads ? options->flush_threads : options->threads;
    lake->scratch = options->scratch ? arena_strdup(&lake->names, options->scratch) : NULL;
    *out = &lake->lake;
    if (duckdb_create_config(&config) != DuckDBSuccess) {
        out_of_memory();
    }
    if (configure(config, options, err) != 0) {
        goto done;
    }
    if (duckdb_open_ext(NULL, &lake->database, config, &message) != DuckDBSuccess) {
        duck_error(err, "DuckDB", message);
        goto done;
    }
    if (duckdb_connect(lake->database, &lake->work) != DuckDBSuccess ||
        duckdb_connect(lake->database, &lake->reader) != DuckDBSuccess) {
        out_of_memory();
    }
    status = duck_run(lake, "prelude", sql_text("duckdb/prelude.sql"), err);
done:
    duckdb_free(message);
    duckdb_destroy_config(&config);
    return status;
}
