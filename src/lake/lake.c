/* The calls of lake.h, handed to the session's engine, and what all engines share; see engine.h. */
#include "lake/lake.h"

#include "base/dates.h"
#include "lake/engine.h"
#include "lake/sql.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int lake_open(struct lake **out, const struct lake_options *options, struct error *err)
{
    return options->engine == LAKE_SPARK ? spark_open(out, options, err)
                                         : duck_open(out, options, err);
}

void lake_close(struct lake *lake)
{
    if (lake) {
        lake->engine->close(lake);
    }
}

struct lake *lake_beside(struct lake *lake)
{
    return lake->engine->beside ? lake->engine->beside(lake) : NULL;
}

int lake_use_threads(struct lake *lake, unsigned threads, struct error *err)
{
    return lake->engine->use_threads ? lake->engine->use_threads(lake, threads, err) : 0;
}

void lake_keep_no_order(struct lake *lake)
{
    if (lake->engine->keep_no_order) {
        lake->engine->keep_no_order(lake);
    }
}

void lake_plan_simply(struct lake *lake)
{
    if (lake->engine->plan_simply) {
        lake->engine->plan_simply(lake);
    }
}

int lake_constant_date(struct lake *lake, const char *name, int32_t date, struct error *err)
{
    return lake->engine->constant_date(lake, name, date, err);
}

int lake_constant_real(struct lake *lake, const char *name, double value, struct error *err)
{
    return lake->engine->constant_real(lake, name, value, err);
}

int lake_create(struct lake *lake, const struct table *table, struct error *err)
{
    return lake->engine->create(lake, table, err);
}

int lake_create_distinct(struct lake *lake, const struct table *table,
                         const struct lake_distinct *distinct, struct error *err)
{
    return lake->engine->create_distinct ? lake->engine->create_distinct(lake, table, distinct, err)
                                         : lake->engine->create(lake, table, err);
}

int lake_append(struct lake *lake, const struct batch *batch, struct error *err)
{
    return lake->engine->append(lake, batch, err);
}

int lake_flush(struct lake *lake, struct error *err)
{
    return lake->engine->flush(lake, err);
}

int lake_define(struct lake *lake, const char *name, const char *file, enum lake_definition kind,
                struct error *err)
{
    return lake->engine->define(lake, name, sql_text(file), kind, err);
}

int lake_define_distinct(struct lake *lake, const struct table *table, const char *from,
                         const struct lake_distinct *distinct, struct error *err)
{
    return lake->engine->define_distinct(lake, table, from, distinct, err);
}

/* The sums as a SELECT, for an engine that has to group. */
static const char *select_sums(const struct lake_sums *sums, struct arena *arena)
{
    char *list = arena_strdup(arena, "");
    for (size_t m = 0; m < sums->measure_count; m++) {
        const char *x = sums->measures[m].name;
        const char *value = sums->measures[m].type == COLUMN_REAL
                                ? arena_printf(arena, "CAST(%s AS DECIMAL(18, 12))", x)
                                : x;
        list = arena_printf(arena, "%s, count(%s) AS n_%s, sum(%s) AS s_%s", list, x, x, value, x);
    }
    return arena_printf(arena, "SELECT %s, %s, count(*) AS messages%s FROM %s GROUP BY %s, %s",
                        sums->key, sums->day, list, sums->from, sums->key, sums->day);
}

int lake_sum(struct lake *lake, const struct lake_sums *sums, struct error *err)
{
    struct arena arena = {0};
    int status = lake->engine->sum ? lake->engine->sum(lake, sums, err) : 1;
    if (status == 1) {
        status = lake->engine->define(lake, sums->name, select_sums(sums, &arena), LAKE_TABLE, err);
    }
    arena_release(&arena);
    return status;
}

int lake_words(struct lake *lake, const char *name, const char *word_column,
               const char *const *words, size_t count, struct error *err)
{
    return lake->engine->words(lake, name, word_column, words, count, err);
}

int lake_open_parquet(struct lake *lake, const char *name, const struct table *table,
                      const char *folder, const char *pattern, struct error *err)
{
    return lake->engine->open_parquet(lake, name, table, folder, pattern, err);
}

int lake_open_file(struct lake *lake, const char *name, const char *path, struct error *err)
{
    assert(lake->engine->open_file);
    return lake->engine->open_file(lake, name, path, err);
}

int lake_drop(struct lake *lake, const char *name, struct error *err)
{
    assert(lake->engine->drop);
    return lake->engine->drop(lake, name, err);
}

int lake_columns(struct lake *lake, const char *name, struct arena *arena, struct column **columns,
                 size_t *count, struct error *err)
{
    return lake->engine->columns(lake, name, arena, columns, count, err);
}

int lake_write(struct lake *lake, const struct lake_output *output, enum lake_format format,
               const char *path, struct error *err)
{
    const struct lake_file file = {*output, format, path, NULL};
    return lake->engine->write(lake, &file, 1, err);
}

int lake_write_files(struct lake *lake, const struct lake_file *files, size_t count,
                     struct error *err)
{
    return lake->engine->write(lake, files, count, err);
}

int lake_each(struct lake *lake, const char *sql,
              int (*row)(void *context, const struct bytes *cells, size_t count, struct error *err),
              void *context, struct error *err)
{
    return lake->engine->each(lake, sql, row, context, err);
}

int lake_each_block(struct lake *lake, const char *from, const char *const *columns,
                    size_t column_count, const char *order,
                    int (*block)(void *context, const double *x, size_t rows, struct error *err),
                    void *context, struct error *err)
{
    return lake->engine->each_block(lake, from, columns, column_count, order, block, context, err);
}

int lake_map(struct lake *lake, const char *from, const struct lake_function *function,
             struct error *err)
{
    return lake->engine->map(lake, from, function, err);
}

int lake_scalar(struct lake *lake, const struct lake_scalar *scalar, struct error *err)
{
    assert(lake->engine->scalar);
    return lake->engine->scalar(lake, scalar, err);
}

bool lake_has_workers(const struct lake *lake)
{
    return lake->engine->transform != NULL;
}

int lake_transform(struct lake *lake, const struct lake_transform *transform, struct error *err)
{
    assert(lake->engine->transform);
    return lake->engine->transform(lake, transform, err);
}

int lake_list_files(struct lake *lake, const char *address, const char *pattern,
                    int (*row)(void *context, const struct bytes *cells, size_t count,
                               struct error *err),
                    void *context, struct error *err)
{
    assert(lake->engine->list_files);
    return lake->engine->list_files(lake, address, pattern, row, context, err);
}

int lake_fetch(struct lake *lake, const char *address, const char *pattern, const char *to,
               struct error *err)
{
    assert(lake->engine->fetch);
    return lake->engine->fetch(lake, address, pattern, to, err);
}

static const struct column piece_columns[] = {{"number", COLUMN_WHOLE}, {"bytes", COLUMN_BLOB}};
const struct table lake_pieces = {"pieces", piece_columns, 2};

int lake_spread(struct lake *lake, const struct lake_spread *spread,
                int (*take)(void *context, struct bytes piece, struct error *err), void *context,
                struct error *err)
{
    assert(lake->engine->spread);
    return lake->engine->spread(lake, spread, take, context, err);
}

/* ---- small results ---- */

struct row_list {
    struct arena *arena;
    const char **cells;
    size_t used, room, columns;
};

static int keep_row(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct row_list *list = context;
    (void)err;
    list->columns = count;
    if (list->used + count > list->room) {
        list->room = (list->room + count) * 2;
        list->cells = xrealloc((void *)list->cells, list->room, sizeof *list->cells);
    }
    for (size_t c = 0; c < count; c++) {
        list->cells[list->used++] =
            cells[c].data ? arena_copy(list->arena, cells[c].data, cells[c].size) : NULL;
    }
    return 0;
}

/* The rows that were kept, in the arena. */
static void take_rows(struct row_list *list, struct lake_rows *out)
{
    out->cells = ARENA_NEW(list->arena, const char *, list->used);
    if (list->used > 0) {
        memcpy((void *)out->cells, (const void *)list->cells, list->used * sizeof *list->cells);
    }
    out->rows = out->columns > 0 ? list->used / out->columns : 0;
}

int lake_query(struct lake *lake, const char *sql, struct arena *arena, struct lake_rows *out,
               struct error *err)
{
    struct row_list list = {.arena = arena};
    *out = (struct lake_rows){0};
    int status = lake_each(lake, sql, keep_row, &list, err);
    if (status == 0) {
        out->columns = list.columns;
        take_rows(&list, out);
    }
    free((void *)list.cells);
    return status;
}

int lake_ask(struct lake *lake, const char *sql, const char *const *values, size_t value_count,
             struct arena *arena, struct lake_rows *out, struct error *err)
{
    struct row_list list = {.arena = arena};
    assert(lake->engine->ask);
    *out = (struct lake_rows){0};
    int status = lake->engine->ask(lake, sql, values, value_count, keep_row, &list, err);
    if (status == 0) {
        out->columns = list.columns;
        take_rows(&list, out);
    }
    free((void *)list.cells);
    return status;
}

int lake_count(struct lake *lake, const char *sql, uint64_t *out, struct error *err)
{
    struct arena arena = {0};
    struct lake_rows rows;
    int status = lake_query(lake, sql, &arena, &rows, err);
    if (status == 0) {
        assert(rows.rows == 1 && rows.columns == 1);
        *out = rows.cells[0] ? strtoull(rows.cells[0], NULL, 10) : 0;
    }
    arena_release(&arena);
    return status;
}

int lake_counts(struct lake *lake, const struct lake_counted *counts, size_t count,
                struct error *err)
{
    struct arena arena = {0};
    struct lake_rows rows;
    char *sql = arena_strdup(&arena, "SELECT");
    for (size_t i = 0; i < count; i++) {
        sql = arena_printf(&arena, "%s%s (%s) AS n%zu", sql, i > 0 ? "," : "", counts[i].sql, i);
    }
    int status = lake_query(lake, sql, &arena, &rows, err);
    for (size_t i = 0; i < count && status == 0; i++) {
        assert(rows.rows == 1 && rows.columns == count);
        *counts[i].out = rows.cells[i] ? strtoull(rows.cells[i], NULL, 10) : 0;
    }
    arena_release(&arena);
    return status;
}

const char *lake_size(struct lake *lake, const char *table, struct arena *arena)
{
    const struct table none = {.name = table};
    uint64_t rows;
    if (lake->engine->nulls && lake->engine->nulls(lake, &none, &rows, NULL) == 0) {
        return arena_printf(arena, "SELECT %llu", (unsigned long long)rows);
    }
    return arena_printf(arena, "SELECT count(*) FROM %s", table);
}

const char *lake_repeated(struct lake *lake, const char *table, const char *columns,
                          struct arena *arena, struct error *err)
{
    uint64_t repeated;
    int status =
        lake->engine->repeated ? lake->engine->repeated(lake, table, columns, &repeated, err) : 1;
    if (status <= 0) {
        return status == 0 ? arena_printf(arena, "SELECT %llu", (unsigned long long)repeated)
                           : NULL;
    }
    return arena_printf(arena,
                        "SELECT count(*) FROM (SELECT %s FROM %s GROUP BY %s HAVING count(*) > 1)",
                        columns, table, columns);
}

int lake_nulls(struct lake *lake, const struct table *table, uint64_t *rows, uint64_t *nulls,
               struct error *err)
{
    struct arena arena = {0};
    struct lake_rows result;
    char *sql = arena_strdup(&arena, "SELECT count(*)");
    int status = lake->engine->nulls ? lake->engine->nulls(lake, table, rows, nulls) : 1;
    if (status == 1) {
        for (size_t c = 0; c < table->column_count; c++) {
            sql = arena_printf(&arena, "%s, count(%s)", sql, table->columns[c].name);
        }
        sql = arena_printf(&arena, "%s FROM %s", sql, table->name);
        status = lake_query(lake, sql, &arena, &result, err);
        for (size_t c = 0; status == 0 && c <= table->column_count; c++) {
            uint64_t count = strtoull(result.cells[c], NULL, 10);
            *(c == 0 ? rows : &nulls[c - 1]) = c == 0 ? count : *rows - count;
        }
    }
    arena_release(&arena);
    return status;
}

int lake_days(struct lake *lake, const char *table, const char *column, struct arena *arena,
              int32_t **days, size_t *count, struct error *err)
{
    struct lake_rows rows;
    int status =
        lake->engine->days ? lake->engine->days(lake, table, column, arena, days, count, err) : 1;
    if (status <= 0) {
        return status;
    }
    const char *sql =
        arena_printf(arena, "SELECT DISTINCT %s FROM %s ORDER BY %s", column, table, column);
    if (lake_query(lake, sql, arena, &rows, err) != 0) {
        return -1;
    }
    *days = ARENA_NEW(arena, int32_t, rows.rows);
    *count = rows.rows;
    for (size_t i = 0; i < rows.rows; i++) {
        if (!date_parse(rows.cells[i], strlen(rows.cells[i]), &(*days)[i])) {
            return error_set(err, "jour illisible : %s", "unreadable day: %s", rows.cells[i]);
        }
    }
    return 0;
}
