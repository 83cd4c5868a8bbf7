/* Do both engines make the same of the same bronze? Runs each in a scratch folder over the lake's
 * bronze, and compares everything that they publish: rows in their order, keys, NULLs, numbers; see
 * pipeline.h. Writes nothing into the lake. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct comparing {
    const struct session *session;
    const char *a, *b; /* the two lakes */
    struct arena *arena;
    struct parity_report *report;
    size_t room;
    struct lake *lake;
};

/* ---- two files ---- */

/* SQL that is true where column `name` of rows a and b is not the same. */
static const char *differs(struct arena *arena, const struct column *column)
{
    const char *name = column->name;
    if (column->type == COLUMN_REAL) {
        return arena_printf(arena,
                            "((a.\"%1$s\" IS NULL) <> (b.\"%1$s\" IS NULL) OR "
                            "abs(a.\"%1$s\" - b.\"%1$s\") > %2$g * greatest(1, abs(a.\"%1$s\")))",
                            name, PARITY_TOLERANCE);
    }
    if (column->type == COLUMN_TEXT) { /* of a CSV file it may be a number */
        return arena_printf(arena,
                            "(a.\"%1$s\" IS DISTINCT FROM b.\"%1$s\" AND NOT coalesce("
                            "abs(TRY_CAST(a.\"%1$s\" AS DOUBLE) - TRY_CAST(b.\"%1$s\" AS DOUBLE)) "
                            "<= %2$g * greatest(1, abs(TRY_CAST(a.\"%1$s\" AS DOUBLE))), false))",
                            name, PARITY_TOLERANCE);
    }
    return arena_printf(arena, "(a.\"%1$s\" IS DISTINCT FROM b.\"%1$s\")", name);
}

/* SQL that is true for two rows that differ, or NULL when the files' columns do. */
static const char *rows_differ(struct comparing *c, struct parity_table *table, struct error *err)
{
    struct column *columns, *others;
    size_t count, other_count;
    if (lake_columns(c->lake, "a", c->arena, &columns, &count, err) != 0 ||
        lake_columns(c->lake, "b", c->arena, &others, &other_count, err) != 0) {
        return NULL;
    }
    char *unequal = arena_strdup(c->arena, "false");
    bool same = count == other_count;
    for (size_t i = 0; i < count && same; i++) {
        same = strcmp(columns[i].name, others[i].name) == 0 && columns[i].type == others[i].type;
        unequal = arena_printf(c->arena, "%s OR %s", unequal, differs(c->arena, &columns[i]));
    }
    if (!same) {
        table->differing++;
        table->columns_differ = true;
    }
    return unequal;
}

/* Counts the rows that differ, place by place, and keeps the first pair. */
static int compare_rows(struct comparing *c, struct parity_table *table, const char *unequal,
                        struct error *err)
{
    static const char numbered[] = "(SELECT row_number() OVER () AS row_, * FROM %s)";
    const char *a = arena_printf(c->arena, numbered, "a");
    const char *b = arena_printf(c->arena, numbered, "b");
    const char *joined = arena_printf(c->arena,
                                      "FROM %s AS a JOIN %s AS b ON a.row_ = b.row_ "
                                      "WHERE %s",
                                      a, b, unequal);
    uint64_t differing = 0;
    struct lake_rows first;
    if (lake_count(c->lake, arena_printf(c->arena, "SELECT count(*) %s", joined), &differing,
                   err) != 0) {
        return -1;
    }
    table->differing += differing;
    if (differing == 0 || table->first_a) {
        return 0;
    }
    if (lake_query(c->lake,
                   arena_printf(c->arena,
                                "SELECT to_json(a), to_json(b) %s ORDER BY a.row_ LIMIT 1", joined),
                   c->arena, &first, err) != 0) {
        return -1;
    }
    table->first_a = first.cells[0];
    table->first_b = first.cells[1];
    return 0;
}

/* Adds what a file that both lakes have, or one, holds to `table`. */
static int compare_file(struct comparing *c, struct parity_table *table, const char *relative,
                        struct error *err)
{
    const char *a = arena_printf(c->arena, "%s/%s", c->a, relative);
    const char *b = arena_printf(c->arena, "%s/%s", c->b, relative);
    uint64_t rows_a = 0, rows_b = 0;
    if (!fs_exists(a) || !fs_exists(b)) {
        table->missing = table->missing || fs_exists(a) || fs_exists(b);
        return 0;
    }
    if (lake_open_file(c->lake, "a", a, err) != 0 || lake_open_file(c->lake, "b", b, err) != 0 ||
        lake_count(c->lake, "SELECT count(*) FROM a", &rows_a, err) != 0 ||
        lake_count(c->lake, "SELECT count(*) FROM b", &rows_b, err) != 0) {
        return -1;
    }
    table->rows_a += rows_a;
    table->rows_b += rows_b;
    const char *unequal = rows_differ(c, table, err);
    if (!unequal || (!table->columns_differ && compare_rows(c, table, unequal, err) != 0) ||
        lake_drop(c->lake, "a", err) != 0) {
        return -1;
    }
    return lake_drop(c->lake, "b", err);
}

/* ---- tables ---- */

static struct parity_table *add_table(struct comparing *c, const char *path)
{
    struct parity_report *report = c->report;
    if (report->table_count == c->room) {
        struct parity_table *more = ARENA_NEW(c->arena, struct parity_table, c->room * 2 + 32);
        if (report->table_count > 0) {
            memcpy(more, report->tables, report->table_count * sizeof *more);
        }
        report->tables = more;
        c->room = c->room * 2 + 32;
    }
    report->tables[report->table_count] = (struct parity_table){.path = path};
    return &report->tables[report->table_count++];
}

/* A table of one file. */
static int compare_one(struct comparing *c, const char *pattern, struct error *err)
{
    const char *path = layout_path(c->arena, pattern, c->session->run_date, 0);
    return compare_file(c, add_table(c, path), path, err);
}

/* A table with a folder a day, `day` being its place in the path. */
static int compare_days(struct comparing *c, const char *path, const char *day, struct error *err)
{
    const char *folder = arena_copy(c->arena, path, (size_t)(day - path));
    struct parity_table *table =
        add_table(c, layout_path(c->arena, folder, c->session->run_date, 0));
    folder = table->path;
    const char *const lakes[] = {c->a, c->b};
    for (size_t l = 0; l < 2; l++) {
        char **days;
        size_t count;
        if (fs_list(arena_printf(c->arena, "%s/%s", lakes[l], folder), c->arena, &days, &count,
                    err) != 0) {
            return -1;
        }
        for (size_t d = 0; d < count; d++) {
            const char *file = arena_printf(c->arena, "%s%s/data.parquet", folder, days[d]);
            bool seen = l > 0 && fs_exists(arena_printf(c->arena, "%s/%s", lakes[0], file));
            if (!seen && compare_file(c, table, file, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* A table that a run publishes, and not just how files looked to it: only one engine writes that.
 */
static bool is_result(size_t table)
{
    return *fleet_tables[table].path && strcmp(fleet_tables[table].level, "bronze") != 0 &&
           table != TABLE_PRISES;
}

/* Every result of a run, by tables.def; and its copies as CSV. */
static int compare_tables(struct comparing *c, struct error *err)
{
    static const char *const copies[] = {
        "silver/telemetry/telemetry_clean.csv",
        "gold/reporting_final.csv",
        "gold/aggregations/pannes_par_jour_D.csv",
        "gold/aggregations/pannes_par_semaine_D.csv",
        "gold/aggregations/pannes_par_mois_D.csv",
        "quality/silver_quality_D.csv",
        "quality/gold_quality_D.csv",
    };
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const char *path = fleet_tables[i].path;
        const char *day = strstr(path, "event_date=E");
        if (is_result(i) &&
            (day ? compare_days(c, path, day, err) : compare_one(c, path, err)) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        if (compare_one(c, copies[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

int pipeline_compare(const struct session *session, const char *a, const char *b,
                     struct arena *arena, struct parity_report *report, struct error *err)
{
    struct comparing c = {.session = session, .a = a, .b = b, .arena = arena, .report = report};
    const struct lake_options options = {.threads = 1, .memory = session->memory}; /* keeps rows in
                                                                                      order */
    uint64_t rows = 0;
    *report = (struct parity_report){0};
    int status = lake_open(&c.lake, &options, err);
    if (status == 0) {
        status = compare_tables(&c, err);
    }
    lake_close(c.lake);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct parity_table *t = &report->tables[i];
        report->differing += !parity_same(t);
        rows += t->rows_a + t->rows_b;
    }
    if (status == 0 && rows == 0) {
        char date[DATE_TEXT_SIZE];
        date_format(session->run_date, date);
        status = error_set(err, "%s et %s : aucun résultat pour le %s ; rien à comparer",
                           "%s and %s: no results for %s; nothing to compare", a, b, date);
    }
    return status;
}

/* ---- two runs ---- */

/* A lake of its own over the same bronze, run by one engine. */
static int run_engine(const struct session *session, const char *data, bool spark,
                      const struct run_options *options, struct arena *arena,
                      struct run_report *report, struct error *err)
{
    struct session own = *session;
    const char *link = arena_printf(arena, "%s/bronze", data);
    char *bronze = realpath(arena_printf(arena, "%s/bronze", session->data), NULL);
    int status = -1;
    own.data = data;
    own.spark = spark;
    if (!bronze) {
        fs_read_error(session->data, err);
    } else if (fs_make_folders(data, err) == 0) {
        status = symlink(bronze, link) == 0 ? pipeline_run(&own, options, report, err)
                                            : fs_write_error(link, err);
    }
    free(bronze);
    return status;
}

static void compare_counts(struct parity_report *report, const struct run_report *a,
                           const struct run_report *b)
{
    const struct parity_count counts[PARITY_COUNTS] = {
        {TEXT("fichiers lus", "files read"), a->telemetry.files, b->telemetry.files},
        {TEXT("messages lus", "records read"), a->telemetry.records, b->telemetry.records},
        {TEXT("en quarantaine", "quarantined"), a->telemetry.quarantined, b->telemetry.quarantined},
        {TEXT("doubles", "duplicates"), a->duplicates, b->duplicates},
        {TEXT("contradictions", "conflicts"), a->conflicts, b->conflicts},
        {TEXT("lignes silver", "silver rows"), a->silver_rows, b->silver_rows},
        {TEXT("lignes gold", "gold rows"), a->gold_rows, b->gold_rows},
        {TEXT("sans entretien", "without service"), a->without_service, b->without_service},
        {TEXT("hors registre", "without register"), a->without_register, b->without_register},
    };
    memcpy(report->counts, counts, sizeof counts);
    report->count_count = PARITY_COUNTS;
    for (size_t i = 0; i < PARITY_COUNTS; i++) {
        report->differing += counts[i].a != counts[i].b;
    }
}

int pipeline_parity(const struct session *session, const struct run_options *run,
                    struct arena *arena, struct parity_report *report, struct error *err)
{
    struct publication publication = {0}; /* only its scratch folder and the lake's lock */
    struct run_options options = *run;
    struct run_report of_a, of_b;
    const char *found;
    int status = -1;
    *report = (struct parity_report){0};
    options.stages = STAGE_SILVER | STAGE_GOLD;
    if (!options.model_path) {
        options.model_path = arena_printf(arena, "%s/models/model_pannes.onnx", session->data);
    }
    if (bronze_find(session->data, session->run_date, arena, &found, err) != 0 ||
        publish_begin(&publication, session->data, err) != 0) {
        return -1;
    }
    const char *a = arena_printf(arena, "%s/duckdb", publication.staging);
    const char *b = arena_printf(arena, "%s/spark", publication.staging);
    if (run_engine(session, a, false, &options, arena, &of_a, err) == 0 &&
        run_engine(session, b, true, &options, arena, &of_b, err) == 0) {
        status = pipeline_compare(session, a, b, arena, report, err);
    }
    if (status == 0) {
        compare_counts(report, &of_a, &of_b);
    }
    publish_end(&publication);
    return status;
}
