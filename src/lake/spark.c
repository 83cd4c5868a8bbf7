/* The lake on Apache Spark: statements go to one spark-sql process (spark_shell.h); see lake.h.
 *
 * A table is a cached view, so that it is computed once. What C feeds row by row goes through an
 * embedded DuckDB into Parquet files of the scratch folder, which executors read: on a cluster the
 * data folder must be one that all machines see. Results are written there by the executors, a part
 * each when they are large, and moved to where they are wanted. A function of rows, and the reading
 * of raw files, is this same program run by the executors between two pipes (TRANSFORM): only
 * numbers and base64 cross them. */
#include "lake/engine.h"
#include "lake/spark_shell.h"
#include "lake/sql.h"

#include "base/base64.h"
#include "base/dates.h"
#include "base/fs.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FED_TABLES = 16,
    CELLS_AT_MOST = 64,    /* of a row that comes to C */
    CHUNK_BYTES = 3 << 20, /* of a raw file in one row; a multiple of 3, as base64 likes it */
};

struct fed_table { /* a table that rows are added to */
    const struct table *table;
    bool fed;            /* C gave it rows */
    bool stale;          /* the view does not show everything */
    const char *read_as; /* the cached view whose lines `kind` are rows of it, or NULL */
    size_t kind;
};

struct spark {
    struct lake lake; /* first: what the calls of lake.h hand over */
    struct spark_shell *shell;
    struct lake *feeds; /* DuckDB: tables on their way to Spark, and CSV files */
    struct arena arena; /* of the session */
    const char *scratch;
    struct fed_table tables[FED_TABLES];
    size_t table_count;
    unsigned serial;                    /* for names in the scratch folder */
    bool program_sent;                  /* executors have this program */
    const char *written, *written_from; /* the Parquet that was written last, and of what */
    const char *days;      /* folder of the table that was written a file a day, or NULL */
    const char *days_from; /* that table */
};

static struct spark *spark_of(struct lake *lake)
{
    return (struct spark *)(void *)lake;
}

/* ---- texts ---- */

/* 'text' as an SQL literal in which nothing but letters, digits and harmless signs stands for
 * itself; owned by the arena. Bytes beyond ASCII are left alone. */
static const char *literal(struct arena *arena, const char *text)
{
    enum { ESCAPE = sizeof "\\u0000" - 1 };
    char *out = arena_alloc(arena, strlen(text) + 1, ESCAPE);
    char *end = out;
    *end++ = '\'';
    for (const char *p = text; *p; p++) {
        bool plain = (unsigned char)*p >= 0x80 || (*p >= '0' && *p <= '9') ||
                     ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') || strchr("/._-=: ", *p);
        if (plain) {
            *end++ = *p;
        } else {
            end += snprintf(end, ESCAPE + 1, "\\u%04x", (unsigned)(unsigned char)*p);
        }
    }
    *end = '\'';
    return out;
}

/* A word for the shell that runs the worker, in single quotes; owned by the arena. */
static const char *shell_word(struct arena *arena, const char *text)
{
    char *out = arena_alloc(arena, strlen(text) + 1, 4);
    char *end = out;
    *end++ = '\'';
    for (const char *p = text; *p; p++) {
        if (*p == '\'') {
            end = stpcpy(end, "'\\''");
        } else {
            *end++ = *p;
        }
    }
    *end = '\'';
    return out;
}

static const char *type_name(enum column_type type)
{
    static const char *const names[] = {
        [COLUMN_TEXT] = "STRING",
        [COLUMN_BLOB] = "BINARY",
        [COLUMN_WHOLE] = "BIGINT",
        [COLUMN_REAL] = "DOUBLE",
        [COLUMN_TIMESTAMP] = "TIMESTAMP_NTZ",
        [COLUMN_DATE] = "DATE",
    };
    return names[type];
}

/* The value of a worker's cell (NULL, base64 or a number) as SQL. */
static const char *read_cell(struct arena *arena, enum column_type type, const char *cell)
{
    switch (type) {
    case COLUMN_TEXT:
        return arena_printf(arena, "CAST(unbase64(%s) AS STRING)", cell);
    case COLUMN_BLOB:
        return arena_printf(arena, "unbase64(%s)", cell);
    case COLUMN_TIMESTAMP:
        return arena_printf(arena, "CAST(timestamp_micros(CAST(%s AS BIGINT)) AS TIMESTAMP_NTZ)",
                            cell);
    case COLUMN_DATE:
        return arena_printf(arena, "date_from_unix_date(CAST(%s AS INT))", cell);
    case COLUMN_WHOLE:
    case COLUMN_REAL:
        break;
    }
    return arena_printf(arena, "CAST(%s AS %s)", cell, type_name(type));
}

/* "NAME TYPE, ..." of a table's columns. */
static const char *schema_of(struct arena *arena, const struct table *table)
{
    char *list = arena_strdup(arena, "");
    for (size_t c = 0; c < table->column_count; c++) {
        list = arena_printf(arena, "%s%s%s %s", list, c > 0 ? ", " : "", table->columns[c].name,
                            type_name(table->columns[c].type));
    }
    return list;
}

/* "a, b" as "a NULLS LAST, b NULLS LAST": DuckDB's order, which Spark's is not. */
static const char *nulls_last(struct arena *arena, const char *order)
{
    char *list = arena_strdup(arena, "");
    while (*order) {
        size_t size = strcspn(order, ",");
        list =
            arena_printf(arena, "%s%s%.*s NULLS LAST", list, *list ? ", " : "", (int)size, order);
        order += size + (order[size] == ',');
    }
    return list;
}

static int run(struct spark *spark, const char *what, const char *sql, struct error *err)
{
    return spark_shell_run(spark->shell, what, sql, NULL, NULL, err);
}

/* ---- open and close ---- */

static void spark_close(struct lake *base)
{
    struct spark *spark = spark_of(base);
    spark_shell_close(spark->shell);
    lake_close(spark->feeds);
    arena_release(&spark->arena);
    free(spark);
}

static int spark_constant_date(struct lake *base, const char *name, int32_t date, struct error *err)
{
    struct arena arena = {0};
    char text[DATE_TEXT_SIZE];
    int status =
        run(spark_of(base), name,
            arena_printf(&arena, "CREATE TEMPORARY FUNCTION %s() RETURNS DATE RETURN DATE '%s';",
                         name, date_format(date, text)),
            err);
    arena_release(&arena);
    return status;
}

static int spark_constant_real(struct lake *base, const char *name, double value, struct error *err)
{
    struct arena arena = {0};
    int status =
        run(spark_of(base), name,
            arena_printf(&arena, "CREATE TEMPORARY FUNCTION %s() RETURNS DOUBLE RETURN %.17e;",
                         name, value),
            err);
    arena_release(&arena);
    return status;
}

/* ---- tables ---- */

static int spark_create(struct lake *base, const struct table *table, struct error *err)
{
    struct spark *spark = spark_of(base);
    assert(spark->table_count < FED_TABLES);
    spark->tables[spark->table_count++] = (struct fed_table){.table = table, .stale = true};
    return lake_create(spark->feeds, table, err);
}

static struct fed_table *find_table(struct spark *spark, const struct table *table)
{
    for (size_t i = 0; i < spark->table_count; i++) {
        if (spark->tables[i].table == table) {
            return &spark->tables[i];
        }
    }
    return NULL;
}

static int spark_append(struct lake *base, const struct batch *batch, struct error *err)
{
    struct spark *spark = spark_of(base);
    struct fed_table *fed = find_table(spark, batch->table);
    assert(fed);
    fed->fed = true;
    fed->stale = true;
    return lake_append(spark->feeds, batch, err);
}

/* Statements that show what C fed and what executors read under the table's name. */
static int show_table(struct spark *spark, struct fed_table *fed, struct arena *arena, char **sql,
                      struct error *err)
{
    const struct table *table = fed->table;
    const char *parts = "";
    if (fed->fed || !fed->read_as) {
        const char *file =
            arena_printf(arena, "%s/fed-%u.parquet", spark->scratch, ++spark->serial);
        const struct lake_output output = {.table = table, .order = table->columns[0].name};
        if (lake_write(spark->feeds, &output, LAKE_PARQUET, file, err) != 0) {
            return -1;
        }
        *sql = arena_printf(arena,
                            "%sCREATE OR REPLACE TEMPORARY VIEW fed_%s (%s) USING parquet "
                            "OPTIONS (path %s);\n",
                            *sql, table->name, schema_of(arena, table),
                            literal(arena, arena_printf(arena, "file:%s", file)));
        parts = arena_printf(arena, "SELECT * FROM fed_%s", table->name);
    }
    if (fed->read_as) {
        char *list = arena_strdup(arena, "");
        for (size_t c = 0; c < table->column_count; c++) {
            const char *cell = arena_printf(arena, "c%zu", c + 1);
            list = arena_printf(arena, "%s%s%s AS %s", list, c > 0 ? ", " : "",
                                read_cell(arena, table->columns[c].type, cell),
                                table->columns[c].name);
        }
        parts = arena_printf(arena, "%s%sSELECT %s FROM %s WHERE c0 = '%zu'", parts,
                             *parts ? " UNION ALL " : "", list, fed->read_as, fed->kind);
    }
    *sql = arena_printf(arena, "%sCREATE OR REPLACE TEMPORARY VIEW %s AS %s;\n", *sql, table->name,
                        parts);
    fed->stale = false;
    return 0;
}

static int spark_flush(struct lake *base, struct error *err)
{
    struct spark *spark = spark_of(base);
    struct arena arena = {0};
    char *sql = arena_strdup(&arena, "");
    int status = lake_flush(spark->feeds, err);
    for (size_t i = 0; i < spark->table_count && status == 0; i++) {
        if (spark->tables[i].stale) {
            status = show_table(spark, &spark->tables[i], &arena, &sql, err);
        }
    }
    if (status == 0 && *sql) {
        status = run(spark, "bronze", sql, err);
    }
    arena_release(&arena);
    return status;
}

static int spark_define(struct lake *base, const char *name, const char *select,
                        enum lake_definition kind, struct error *err)
{
    struct arena arena = {0};
    int status = run(spark_of(base), name,
                     arena_printf(&arena, "%s %s AS %s;",
                                  kind == LAKE_TABLE ? "CACHE LAZY TABLE" : "CREATE TEMPORARY VIEW",
                                  name, select),
                     err);
    arena_release(&arena);
    return status;
}

static int spark_define_distinct(struct lake *base, const struct table *table, const char *from,
                                 const struct lake_distinct *distinct, struct error *err)
{
    struct arena arena = {0};
    char *columns = arena_strdup(&arena, "");
    /* Of columns that follow from the key the least value is the only one. */
    for (size_t c = 0; c < table->column_count; c++) {
        const char *column = table->columns[c].name;
        columns =
            arena_printf(&arena, "%s%smin(%s) AS %s", columns, c > 0 ? ", " : "", column, column);
    }
    int status = run(spark_of(base), table->name,
                     arena_printf(&arena, "CACHE LAZY TABLE %s AS SELECT %s FROM %s GROUP BY %s;",
                                  table->name, columns, from, distinct->key),
                     err);
    arena_release(&arena);
    return status;
}

static int spark_words(struct lake *base, const char *name, const char *word_column,
                       const char *const *words, size_t count, struct error *err)
{
    struct arena arena = {0};
    char *values = arena_strdup(&arena, "");
    for (size_t i = 0; i < count; i++) {
        values = arena_printf(&arena, "%s%s(%zuL, %s)", values, i > 0 ? ", " : "", i,
                              literal(&arena, words[i]));
    }
    int status = run(
        spark_of(base), name,
        arena_printf(&arena, "CREATE TEMPORARY VIEW %s AS SELECT * FROM VALUES %s AS t(code, %s);",
                     name, values, word_column),
        err);
    arena_release(&arena);
    return status;
}

/* The absolute form of a path, owned by the arena. */
static int absolute(const char *path, struct arena *arena, const char **out, struct error *err)
{
    char *full = realpath(path, NULL);
    if (!full) {
        return fs_read_error(path, err);
    }
    *out = arena_strdup(arena, full);
    free(full);
    return 0;
}

static int spark_open_parquet(struct lake *base, const char *name, const struct table *table,
                              const char *folder, const char *pattern, struct error *err)
{
    struct spark *spark = spark_of(base);
    struct arena arena = {0};
    const char *full = NULL;
    int status = -1;
    /* DuckDB says at once, and in words, what is missing or has other columns. */
    if (lake_open_parquet(spark->feeds, name, table, folder, pattern, err) != 0 ||
        absolute(folder, &arena, &full, err) != 0) {
        goto done;
    }
    const char *star = strchr(pattern, '*');
    const char *last = pattern;
    for (const char *p = pattern; star && p < star; p++) { /* folders above it are no columns */
        last = *p == '/' ? p : last;
    }
    const char *options = arena_printf(
        &arena, "path %s", literal(&arena, arena_printf(&arena, "file:%s/%s", full, pattern)));
    if (star) {
        /* A pattern is the one place where '*' stands for itself. */
        options = arena_printf(&arena, "path '%s', basePath %s",
                               arena_printf(&arena, "file:%s/%s", full, pattern),
                               literal(&arena, arena_printf(&arena, "file:%s/%.*s", full,
                                                            (int)(last - pattern), pattern)));
    }
    status = run(spark, name,
                 arena_printf(&arena, "CREATE TEMPORARY VIEW %s (%s) USING parquet OPTIONS (%s);",
                              name, schema_of(&arena, table), options),
                 err);
done:
    arena_release(&arena);
    return status;
}

/* ---- results to C ---- */

static enum column_type type_of(const char *name)
{
    static const struct {
        const char *begins;
        enum column_type type;
    } types[] = {{"bigint", COLUMN_WHOLE},        {"int", COLUMN_WHOLE},
                 {"smallint", COLUMN_WHOLE},      {"tinyint", COLUMN_WHOLE},
                 {"double", COLUMN_REAL},         {"float", COLUMN_REAL},
                 {"decimal", COLUMN_REAL},        {"date", COLUMN_DATE},
                 {"timestamp", COLUMN_TIMESTAMP}, {"binary", COLUMN_BLOB}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strncmp(name, types[i].begins, strlen(types[i].begins)) == 0) {
            return types[i].type;
        }
    }
    return COLUMN_TEXT;
}

struct column_list {
    struct arena *arena;
    struct column *columns;
    size_t count;
};

/* "name   <tab>type   <tab>comment" of DESCRIBE. */
static int take_column(void *context, bool marked, const char *text, struct error *err)
{
    struct column_list *list = context;
    const char *tab = strchr(text, '\t');
    (void)err;
    if (marked || !tab || list->count == CELLS_AT_MOST) {
        return 0;
    }
    size_t size = (size_t)(tab - text);
    while (size > 0 && text[size - 1] == ' ') {
        size--;
    }
    list->columns[list->count++] =
        (struct column){.name = arena_copy(list->arena, text, size), .type = type_of(tab + 1)};
    return 0;
}

static int spark_columns(struct lake *base, const char *name, struct arena *arena,
                         struct column **columns, size_t *count, struct error *err)
{
    struct column_list list = {.arena = arena,
                               .columns = ARENA_NEW(arena, struct column, CELLS_AT_MOST)};
    int status = spark_shell_run(spark_of(base)->shell, name,
                                 arena_printf(arena, "DESCRIBE QUERY SELECT * FROM %s;", name),
                                 take_column, &list, err);
    *columns = list.columns;
    *count = list.count;
    return status;
}

struct each_row {
    int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err);
    void *context;
    struct arena arena; /* of the row at hand */
};

static int take_row(void *context, bool marked, const char *text, struct error *err)
{
    struct each_row *each = context;
    struct bytes cells[CELLS_AT_MOST];
    size_t count = 0;
    if (!marked) {
        return 0;
    }
    char *copy = arena_strdup(&each->arena, text);
    for (bool more = true; more;) {
        size_t size = strcspn(copy, " ");
        char *next = copy + size;
        bool null = size == 1 && *copy == '-';
        size_t used = 0;
        bool good = null || base64_read(copy, size, copy, &used);
        assert(good && count < CELLS_AT_MOST);
        more = *next == ' ';
        copy[used] = '\0';
        cells[count++] = null ? (struct bytes){0} : (struct bytes){copy, used};
        copy = next + 1;
    }
    int status = each->row(each->context, cells, count, err);
    arena_clear(&each->arena);
    return status;
}

static int spark_each(struct lake *base, const char *sql,
                      int (*row)(void *context, const struct bytes *cells, size_t count,
                                 struct error *err),
                      void *context, struct error *err)
{
    struct arena arena = {0};
    struct each_row each = {.row = row, .context = context};
    /* Any columns as texts, by way of JSON: to ask for their names first would cost as much again.
     */
    const char *select = arena_printf(
        &arena,
        "SELECT concat(" SPARK_MARK_SQL ", array_join(transform(map_values(from_json("
        "to_json(struct(*), map('ignoreNullFields', 'false')), 'MAP<STRING, STRING>')), "
        "x -> coalesce(base64(CAST(x AS BINARY)), '-')), ' ')) FROM (%s);",
        sql);
    int status = spark_shell_run(spark_of(base)->shell, "query", select, take_row, &each, err);
    arena_release(&each.arena);
    arena_release(&arena);
    return status;
}

struct each_block {
    int (*block)(void *context, const double *x, size_t rows, struct error *err);
    void *context;
    double *x; /* [BATCH_ROWS][columns] */
    size_t rows;
};

static int gather_row(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct each_block *each = context;
    for (size_t c = 0; c < count; c++) {
        each->x[each->rows * count + c] = cells[c].data ? strtod(cells[c].data, NULL) : NAN;
    }
    if (++each->rows < BATCH_ROWS) {
        return 0;
    }
    each->rows = 0;
    return each->block(each->context, each->x, BATCH_ROWS, err);
}

static int spark_each_block(struct lake *base, const char *from, const char *const *columns,
                            size_t column_count, const char *order,
                            int (*block)(void *context, const double *x, size_t rows,
                                         struct error *err),
                            void *context, struct error *err)
{
    struct arena arena = {0};
    struct each_block each = {.block = block, .context = context};
    each.x = ARENA_NEW(&arena, double, BATCH_ROWS *column_count);
    char *list = arena_strdup(&arena, "");
    for (size_t c = 0; c < column_count; c++) {
        list = arena_printf(&arena, "%s%sCAST(%s AS DOUBLE)", list, c > 0 ? ", " : "", columns[c]);
    }
    const char *sql =
        arena_printf(&arena, "SELECT %s FROM %s%s%s", list, from, order ? " ORDER BY " : "",
                     order ? nulls_last(&arena, order) : "");
    int status = spark_each(base, sql, gather_row, &each, err);
    if (status == 0 && each.rows > 0) {
        status = block(context, each.x, each.rows, err);
    }
    arena_release(&arena);
    return status;
}

/* ---- results to files ---- */

/* The columns of an output by name, in its types. */
static const char *select_typed(struct arena *arena, const struct lake_output *output)
{
    char *list = arena_strdup(arena, "");
    for (size_t c = 0; c < output->table->column_count; c++) {
        const struct column *column = &output->table->columns[c];
        if (!output->except || strcmp(column->name, output->except) != 0) {
            list = arena_printf(arena, "%s%sCAST(%s AS %s) AS %s", list, *list ? ", " : "",
                                column->name, type_name(column->type), column->name);
        }
    }
    return list;
}

/* Moves the part files in `folder` to `path`: one becomes that file, several a folder of parts,
 * numbered as Spark numbers them, which is the order of their rows. */
static int take_parts(struct arena *arena, const char *folder, const char *path, struct error *err)
{
    char **names;
    size_t count, parts = 0;
    if (fs_list(folder, arena, &names, &count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (strncmp(names[i], "part-", 5) == 0) {
            names[parts++] = names[i];
        }
    }
    if (parts == 0) {
        return error_set(err,
                         "%s : Spark n'y a rien écrit ; ce dossier doit être le même pour toutes "
                         "ses machines",
                         "%s: Spark has written nothing there; this folder must be the same for "
                         "all its machines",
                         folder);
    }
    if (parts > 1 && fs_make_folders(path, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < parts; i++) {
        const char *to = parts == 1 ? path : arena_printf(arena, "%s/part-%05zu.parquet", path, i);
        if (rename(arena_printf(arena, "%s/%s", folder, names[i]), to) != 0) {
            return fs_write_error(to, err);
        }
    }
    return 0;
}

/* Runs a statement that writes sorted rows: ranges of the order go to as many executors as there
 * are parts of spark.sql.adaptive.advisoryPartitionSizeInBytes (64 MB) in them, one if they are
 * small. */
static int write_sorted(struct spark *spark, const char *what, const char *sql, struct arena *arena,
                        struct error *err)
{
    return run(spark, what,
               arena_printf(arena,
                            "SET spark.sql.adaptive.coalescePartitions.parallelismFirst=false;\n"
                            "%s;\n"
                            "RESET spark.sql.adaptive.coalescePartitions.parallelismFirst;",
                            sql),
               err);
}

/* All days of a table at once, a folder event_date=E each; `output` names the column. */
static int write_days(struct spark *spark, const struct lake_output *output, const char *from,
                      struct arena *arena, struct error *err)
{
    const char *folder = arena_printf(&spark->arena, "%s/days-%u", spark->scratch, ++spark->serial);
    const char *day = output->where_column;
    const char *sql =
        arena_printf(arena,
                     "CREATE TABLE days_%u USING parquet PARTITIONED BY (%s) LOCATION %s AS "
                     "SELECT %s, %s FROM %s ORDER BY %s, %s",
                     spark->serial, day, literal(arena, arena_printf(arena, "file:%s", folder)),
                     select_typed(arena, output), day, from, day, nulls_last(arena, output->order));
    if (write_sorted(spark, from, sql, arena, err) != 0) {
        return -1;
    }
    spark->days = folder;
    spark->days_from = arena_strdup(&spark->arena, from);
    return 0;
}

/* A CSV file is written by DuckDB, so that the text of each value is the same whichever engine
 * computed it: from the Parquet file of the same table if that was written just now, else from
 * parts that Spark hands over. */
static int write_csv(struct spark *spark, const struct lake_output *output, const char *from,
                     const char *path, struct arena *arena, struct error *err)
{
    unsigned serial = ++spark->serial;
    const char *name = arena_printf(arena, "csv_%u", serial);
    const char *folder = arena_printf(arena, "%s/csv-%u", spark->scratch, serial);
    const struct lake_output local = {
        .table = output->table, .from = name, .order = output->order, .except = output->except};
    assert(!output->where_column);
    if (spark->written && strcmp(spark->written_from, from) == 0) {
        const char *slash = strrchr(spark->written, '/');
        const char *beside = arena_copy(arena, spark->written, (size_t)(slash - spark->written));
        return lake_open_parquet(spark->feeds, name, output->table, beside, slash + 1, err) == 0
                   ? lake_write(spark->feeds, &local, LAKE_CSV, path, err)
                   : -1;
    }
    if (run(spark, from,
            arena_printf(arena, "INSERT OVERWRITE DIRECTORY %s USING parquet SELECT %s FROM %s;",
                         literal(arena, arena_printf(arena, "file:%s", folder)),
                         select_typed(arena, output), from),
            err) != 0 ||
        lake_open_parquet(spark->feeds, name, output->table, folder, "part-*", err) != 0 ||
        lake_write(spark->feeds, &local, LAKE_CSV, path, err) != 0) {
        return -1;
    }
    return fs_remove_tree(folder, err);
}

/* One day of a table whose days are written all at once when the first is asked for. */
static int write_day(struct spark *spark, const struct lake_output *output, const char *from,
                     const char *path, struct arena *arena, struct error *err)
{
    char date[DATE_TEXT_SIZE];
    if ((!spark->days || strcmp(spark->days_from, from) != 0) &&
        write_days(spark, output, from, arena, err) != 0) {
        return -1;
    }
    return take_parts(arena,
                      arena_printf(arena, "%s/%s=%s", spark->days, output->where_column,
                                   date_format(output->where_date, date)),
                      path, err);
}

/* A whole table as Parquet, sorted. */
static int write_parquet(struct spark *spark, const struct lake_output *output, const char *from,
                         const char *path, struct arena *arena, struct error *err)
{
    const char *folder = arena_printf(arena, "%s/out-%u", spark->scratch, ++spark->serial);
    const char *sql = arena_printf(
        arena, "INSERT OVERWRITE DIRECTORY %s USING parquet SELECT %s FROM %s ORDER BY %s",
        literal(arena, arena_printf(arena, "file:%s", folder)), select_typed(arena, output), from,
        nulls_last(arena, output->order));
    if (write_sorted(spark, path, sql, arena, err) != 0 ||
        take_parts(arena, folder, path, err) != 0) {
        return -1;
    }
    spark->written = arena_strdup(&spark->arena, path);
    spark->written_from = arena_strdup(&spark->arena, from);
    return fs_remove_tree(folder, err);
}

static int write_file(struct spark *spark, const struct lake_output *output,
                      enum lake_format format, const char *path, struct error *err)
{
    struct arena arena = {0};
    const char *from = output->from ? output->from : output->table->name;
    const struct fed_table *fed = find_table(spark, output->table);
    int status;
    if (fed && !fed->read_as && strcmp(from, output->table->name) == 0) { /* it never left */
        status = lake_write(spark->feeds, output, format, path, err);
    } else if (format == LAKE_CSV) {
        status = write_csv(spark, output, from, path, &arena, err);
    } else if (output->where_column) {
        status = write_day(spark, output, from, path, &arena, err);
    } else {
        status = write_parquet(spark, output, from, path, &arena, err);
    }
    arena_release(&arena);
    return status;
}

static int spark_write(struct lake *base, const struct lake_file *files, size_t count,
                       struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (write_file(spark_of(base), &files[i].output, files[i].format, files[i].path, err) !=
            0) {
            return -1;
        }
    }
    return 0;
}

/* ---- this program on executors ---- */

/* Statements that hand files to the executors: this program once, and those of a worker. */
static int send_files(struct spark *spark, const char *const *files, struct arena *arena,
                      const char **program, char **sql, struct error *err)
{
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size < 0) {
        return fs_read_error("/proc/self/exe", err);
    }
    self[size] = '\0';
    *program = arena_strdup(arena, strrchr(self, '/') + 1);
    if (!spark->program_sent) {
        spark->program_sent = true;
        *sql = arena_printf(arena, "%sADD FILE %s;\n", *sql, literal(arena, self));
    }
    for (; files && *files; files++) {
        const char *full = NULL;
        if (absolute(*files, arena, &full, err) != 0) {
            return -1;
        }
        *sql = arena_printf(arena, "%sADD FILE %s;\n", *sql, literal(arena, full));
    }
    return 0;
}

/* The TRANSFORM of `inputs` (an SQL list) by a worker into `columns` cells named c0, c1, ... A
 * worker finds the files in the last folder of its PATH, where Spark puts them. */
static const char *transform(struct arena *arena, const char *inputs, const char *program,
                             const char *const *worker, size_t columns, const char *from)
{
    static const char format[] = "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' "
                                 "LINES TERMINATED BY '\\n' NULL DEFINED AS '-'";
    char *command = arena_printf(arena, "cd \"${PATH##*:}\" && ./%s", shell_word(arena, program));
    char *cells = arena_strdup(arena, "");
    for (; *worker; worker++) {
        command = arena_printf(arena, "%s %s", command, shell_word(arena, *worker));
    }
    /* One that fails must leave nothing unread: else Spark tells of its closed pipe, not of why. */
    command = arena_printf(arena, "%s || { s=$?; cat >/dev/null; exit $s; }", command);
    for (size_t c = 0; c < columns; c++) {
        cells = arena_printf(arena, "%s%sc%zu STRING", cells, c > 0 ? ", " : "", c);
    }
    return arena_printf(arena, "SELECT TRANSFORM(%s) %s USING %s AS (%s) %s FROM %s", inputs,
                        format, literal(arena, command), cells, format, from);
}

static int spark_map(struct lake *base, const char *from, const struct lake_function *function,
                     struct error *err)
{
    struct spark *spark = spark_of(base);
    struct arena arena = {0};
    const struct table *result = function->result;
    const char *program = NULL;
    char *sql = arena_strdup(&arena, "");
    char *inputs = arena_printf(&arena, "base64(CAST(%s AS BINARY))", function->key);
    char *cells = arena_strdup(&arena, "");
    assert(function->worker);
    int status = send_files(spark, function->worker_files, &arena, &program, &sql, err);
    for (size_t i = 0; i < function->input_count; i++) {
        inputs = arena_printf(&arena, "%s, CAST(%s AS DOUBLE)", inputs, function->inputs[i]);
    }
    for (size_t c = 0; c < result->column_count; c++) {
        const char *cell = arena_printf(&arena, "c%zu", c);
        cells =
            arena_printf(&arena, "%s%s%s AS %s", cells, c > 0 ? ", " : "",
                         read_cell(&arena, result->columns[c].type, cell), result->columns[c].name);
    }
    if (status == 0) {
        sql = arena_printf(
            &arena, "%sCACHE LAZY TABLE %s AS SELECT %s FROM (%s);", sql, result->name, cells,
            transform(&arena, inputs, program, function->worker, result->column_count, from));
        status = run(spark, result->name, sql, err);
    }
    arena_release(&arena);
    return status;
}

/* Whole files as rows (name, chunk), each file's chunks in order. */
static const char *chunks_of(struct arena *arena, const char *view)
{
    return arena_printf(arena,
                        "(SELECT base64(CAST(substring_index(path, '/', -1) AS BINARY)) AS name, "
                        "base64(substring(content, CAST(chunk AS INT), %d)) AS chunk FROM %s "
                        "LATERAL VIEW explode(sequence(1L, greatest(length, 1L), %dL)) AS chunk)",
                        (int)CHUNK_BYTES, view, (int)CHUNK_BYTES);
}

/* A pattern of names that end in one of the suffixes, in any case: {*.[jJ][sS]...,...}. */
static const char *pattern_of(struct arena *arena, const char *const *suffixes)
{
    char *pattern = arena_strdup(arena, "{");
    for (size_t i = 0; suffixes[i]; i++) {
        pattern = arena_printf(arena, "%s%s*", pattern, i > 0 ? "," : "");
        for (const char *p = suffixes[i]; *p; p++) {
            pattern = *p >= 'a' && *p <= 'z'
                          ? arena_printf(arena, "%s[%c%c]", pattern, *p, *p - 'a' + 'A')
                          : arena_printf(arena, "%s%c", pattern, *p);
        }
    }
    return arena_printf(arena, "%s}", pattern);
}

/* SQL: the path of a file without its file system, "/lake/bronze/x" of
 * "hdfs://host:1/lake/bronze/x" or "file:/lake/bronze/x". */
#define PATH_ALONE "regexp_extract(path, '(?s)^[^:]+:(//[^/]*)?(/.*)$', 2)"

/* A folder as Spark names it, and its path without the file system; owned by the arena. */
static int locate(const char *folder, struct arena *arena, const char **address, const char **path,
                  struct error *err)
{
    const char *authority = strstr(folder, "://");
    if (authority) {
        const char *slash = strchr(authority + 3, '/');
        *address = folder;
        *path = slash ? slash : "";
        return 0;
    }
    if (absolute(folder, arena, path, err) != 0) {
        return -1;
    }
    *address = arena_printf(arena, "file:%s", *path);
    return 0;
}

static int spark_transform(struct lake *base, const struct lake_transform *t, struct error *err)
{
    struct spark *spark = spark_of(base);
    struct arena arena = {0};
    const char *program = NULL;
    const char *address = NULL, *path = NULL;
    unsigned serial = ++spark->serial;
    const char *files = arena_printf(&arena, "files_%u", serial);
    const char *read = arena_printf(&spark->arena, "read_%u", serial);
    char *sql = arena_strdup(&arena, "");
    size_t columns = 0;
    int status = -1;
    if (locate(t->folder, &arena, &address, &path, err) != 0 ||
        send_files(spark, t->worker_files, &arena, &program, &sql, err) != 0) {
        goto done;
    }
    for (size_t i = 0; i < t->table_count; i++) {
        struct fed_table *fed = find_table(spark, t->tables[i]);
        assert(fed && !fed->read_as);
        fed->read_as = read;
        fed->kind = i;
        fed->stale = true;
        columns = t->tables[i]->column_count > columns ? t->tables[i]->column_count : columns;
    }
    sql = arena_printf(&arena,
                       "%sCREATE TEMPORARY VIEW %s_all USING binaryFile "
                       "OPTIONS (path %s, recursiveFileLookup 'true', pathGlobFilter %s);\n"
                       "CREATE TEMPORARY VIEW %s AS SELECT path, length, content FROM %s_all "
                       "WHERE " PATH_ALONE " = concat(%s, substring_index(path, '/', -1));\n"
                       "CACHE LAZY TABLE %s AS %s;",
                       sql, files, literal(&arena, address),
                       literal(&arena, pattern_of(&arena, t->suffixes)), files, files,
                       literal(&arena, arena_printf(&arena, "%s/", path)), read,
                       transform(&arena, "name, chunk", program, t->worker, columns + 1,
                                 chunks_of(&arena, files)));
    status = run(spark, t->folder, sql, err);
done:
    arena_release(&arena);
    return status;
}

/* ---- files of other file systems ---- */

/* A statement that makes the view `name` of files below an address, and the SQL of their paths
 * below it. */
static char *view_files(struct arena *arena, const char *name, const char *address,
                        const char *pattern, const char **relative)
{
    struct error none;
    const char *same, *path;
    int status = locate(address, arena, &same, &path, &none);
    assert(status == 0 && strstr(address, "://"));
    *relative = arena_printf(arena, "substring(" PATH_ALONE ", %zu)", strlen(path) + 2);
    return arena_printf(arena,
                        "CREATE TEMPORARY VIEW %s USING binaryFile "
                        "OPTIONS (path %s, recursiveFileLookup 'true');\n",
                        name, literal(arena, arena_printf(arena, "%s/%s", same, pattern)));
}

static int spark_list_files(struct lake *base, const char *address, const char *pattern,
                            int (*row)(void *context, const struct bytes *cells, size_t count,
                                       struct error *err),
                            void *context, struct error *err)
{
    struct spark *spark = spark_of(base);
    struct arena arena = {0};
    const char *relative;
    const char *name = arena_printf(&arena, "listed_%u", ++spark->serial);
    const char *view = view_files(&arena, name, address, pattern, &relative);
    int status = run(spark, address, view, err);
    if (status == 0) {
        status = spark_each(
            base,
            arena_printf(&arena, "SELECT %s AS path, length FROM %s ORDER BY 1", relative, name),
            row, context, err);
    }
    arena_release(&arena);
    return status;
}

struct fetching {
    const char *to;
    struct arena arena; /* of the chunk at hand */
    FILE *file;
    char *path; /* of the file that is open */
};

static int close_fetched(struct fetching *f, struct error *err)
{
    int status = f->file && fclose(f->file) != 0 ? fs_write_error(f->path, err) : 0;
    f->file = NULL;
    free(f->path);
    f->path = NULL;
    return status;
}

/* One chunk of a file (path, base64): the files, and the chunks of each, come in order. */
static int take_chunk(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct fetching *f = context;
    struct arena *arena = &f->arena;
    const char *relative = arena_copy(arena, cells[0].data, cells[0].size);
    const char *path = arena_printf(arena, "%s/%s", f->to, relative);
    size_t size = cells[1].size;
    char *bytes = arena_copy(arena, cells[1].data, size);
    int status = 0;
    assert(count == 2);
    if (strstr(relative, "..") || !base64_read(bytes, size, bytes, &size)) {
        return error_set(err, "%.300s : ce fichier ne peut pas être copié ici ; renommez-le",
                         "%.300s: this file cannot be copied here; rename it", relative);
    }
    if (!f->path || strcmp(f->path, path) != 0) {
        const char *folder = arena_copy(arena, path, (size_t)(strrchr(path, '/') - path));
        status = close_fetched(f, err);
        if (status == 0 && (status = fs_make_folders(folder, err)) == 0) {
            f->file = fopen(path, "we");
            f->path = strdup(path);
            status = f->file && f->path ? 0 : fs_write_error(path, err);
        }
    }
    if (status == 0 && fwrite(bytes, 1, size, f->file) != size) {
        status = fs_write_error(path, err);
    }
    arena_clear(arena);
    return status;
}

static int spark_fetch(struct lake *base, const char *address, const char *pattern, const char *to,
                       struct error *err)
{
    static const struct column columns[] = {
        {"path", COLUMN_TEXT}, {"chunk", COLUMN_WHOLE}, {"bytes", COLUMN_TEXT}};
    struct spark *spark = spark_of(base);
    struct arena arena = {0};
    struct fetching fetching = {.to = to};
    struct error ignored;
    const char *relative;
    const struct table table = {arena_printf(&arena, "fetched_%u", ++spark->serial), columns, 3};
    const char *folder = arena_printf(&arena, "%s/%s", spark->scratch, table.name);
    const char *view = arena_printf(&arena, "%s_all", table.name);
    char *sql = view_files(&arena, view, address, pattern, &relative);
    sql = arena_printf(&arena,
                       "%sINSERT OVERWRITE DIRECTORY %s USING parquet SELECT %s AS path, chunk, "
                       "base64(substring(content, CAST(chunk AS INT), %d)) AS bytes FROM %s "
                       "LATERAL VIEW explode(sequence(1L, greatest(length, 1L), %dL)) AS chunk;",
                       sql, literal(&arena, arena_printf(&arena, "file:%s", folder)), relative,
                       (int)CHUNK_BYTES, view, (int)CHUNK_BYTES);
    int status = -1;
    if (run(spark, address, sql, err) == 0 &&
        lake_open_parquet(spark->feeds, table.name, &table, folder, "part-*", err) == 0 &&
        lake_each(
            spark->feeds,
            arena_printf(&arena, "SELECT path, bytes FROM %s ORDER BY path, chunk", table.name),
            take_chunk, &fetching, err) == 0 &&
        close_fetched(&fetching, err) == 0) {
        status = fs_remove_tree(folder, err);
    }
    (void)close_fetched(&fetching, &ignored);
    arena_release(&fetching.arena);
    arena_release(&arena);
    return status;
}

/* ---- pieces of work ---- */

struct taking {
    int (*take)(void *context, struct bytes piece, struct error *err);
    void *context;
    struct arena arena; /* of the piece at hand */
};

static int take_piece(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct taking *t = context;
    size_t size = cells[0].size;
    char *bytes = arena_alloc(&t->arena, size + 1, 1);
    assert(count == 1);
    if (!base64_read(cells[0].data, size, memcpy(bytes, cells[0].data, size), &size)) {
        return error_set(err, "Spark a rendu un morceau illisible ; relancez la commande",
                         "Spark gave back an unreadable piece; repeat the command");
    }
    int status = t->take(t->context, (struct bytes){bytes, size}, err);
    arena_clear(&t->arena);
    return status;
}

/* How many tasks Spark runs at once by default: one a core of its machines. */
static int count_cores(struct spark *spark, unsigned *cores, struct error *err)
{
    uint64_t count;
    int status =
        lake_count(&spark->lake,
                   "SELECT count(*) FROM (SELECT DISTINCT spark_partition_id() FROM range(100000))",
                   &count, err);
    *cores = status == 0 && count > 0 ? (unsigned)count : 1;
    return status;
}

static int spark_spread(struct lake *base, const struct lake_spread *spread,
                        int (*take)(void *context, struct bytes piece, struct error *err),
                        void *context, struct error *err)
{
    static const struct column columns[] = {{"number", COLUMN_WHOLE}, {"piece", COLUMN_TEXT}};
    struct spark *spark = spark_of(base);
    struct arena arena = {0};
    struct taking taking = {.take = take, .context = context};
    const char *program = NULL;
    char *sql = arena_strdup(&arena, "");
    unsigned serial = ++spark->serial;
    unsigned processes = spread->processes;
    const struct table table = {arena_printf(&arena, "spread_%u", serial), columns, 2};
    const char *folder = arena_printf(&arena, "%s/%s", spark->scratch, table.name);
    int status = -1;
    if ((processes == 0 && count_cores(spark, &processes, err) != 0) ||
        send_files(spark, spread->worker_files, &arena, &program, &sql, err) != 0) {
        goto done;
    }
    const char *rows = arena_printf(
        &arena, "(SELECT /*+ REPARTITION(%u) */ number, base64(bytes) AS bytes FROM %s)", processes,
        lake_pieces.name);
    sql = arena_printf(&arena,
                       "%sINSERT OVERWRITE DIRECTORY %s USING parquet "
                       "SELECT CAST(c0 AS BIGINT) AS number, c1 AS piece FROM (%s);",
                       sql, literal(&arena, arena_printf(&arena, "file:%s", folder)),
                       transform(&arena, "number, bytes", program, spread->worker, 2, rows));
    if (run(spark, table.name, sql, err) == 0 &&
        lake_open_parquet(spark->feeds, table.name, &table, folder, "part-*", err) == 0 &&
        lake_each(spark->feeds,
                  arena_printf(&arena, "SELECT piece FROM %s ORDER BY number", table.name),
                  take_piece, &taking, err) == 0) {
        status = fs_remove_tree(folder, err);
    }
done:
    arena_release(&taking.arena);
    arena_release(&arena);
    return status;
}

/* ---- the engine ---- */

static const struct lake_engine spark_engine = {
    .close = spark_close,
    .constant_date = spark_constant_date,
    .constant_real = spark_constant_real,
    .create = spark_create,
    .append = spark_append,
    .flush = spark_flush,
    .define = spark_define,
    .define_distinct = spark_define_distinct,
    .words = spark_words,
    .open_parquet = spark_open_parquet,
    .columns = spark_columns,
    .write = spark_write,
    .each = spark_each,
    .each_block = spark_each_block,
    .map = spark_map,
    .transform = spark_transform,
    .list_files = spark_list_files,
    .fetch = spark_fetch,
    .spread = spark_spread,
};

/* Spark reads paths as patterns and as addresses: what means something there cannot be meant. */
static int check_folder(const char *folder, struct error *err)
{
    size_t plain = strcspn(folder, "*?[]{}\\,:#%'\"\n\t");
    if (!folder[plain]) {
        return 0;
    }
    return error_set(err,
                     "%s : Spark ne prend pas le signe « %c » pour un nom ; renommez le dossier",
                     "%s: Spark does not take the sign \"%c\" for a part of a name; rename the "
                     "folder",
                     folder, folder[plain]);
}

int spark_open(struct lake **out, const struct lake_options *options, struct error *err)
{
    struct spark *spark = xcalloc(1, sizeof *spark);
    spark->lake.engine = &spark_engine;
    *out = &spark->lake;
    assert(options->scratch);
    const struct lake_options feeds = {
        .scratch = options->scratch, .threads = options->threads, .memory = options->memory};
    struct spark_shell_options shell = {.memory = options->memory, .master = options->spark_master};
    if (fs_make_folders(options->scratch, err) != 0 ||
        absolute(options->scratch, &spark->arena, &spark->scratch, err) != 0 ||
        check_folder(spark->scratch, err) != 0 || lake_open(&spark->feeds, &feeds, err) != 0) {
        return -1;
    }
    shell.scratch = spark->scratch;
    if (!shell.master) {
        shell.master = options->threads > 0
                           ? arena_printf(&spark->arena, "local[%u]", options->threads)
                           : "local[*]";
    }
    if (spark_shell_open(&spark->shell, &shell, err) != 0) {
        return -1;
    }
    return run(spark, "prelude", arena_printf(&spark->arena, "%s;", sql_text("spark/prelude.sql")),
               err);
}
