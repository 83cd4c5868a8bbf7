/* The second half of the check: what stands in the published tables against tables.def and the
 * counts of run.json, and the list of inputs against bronze; see verify.h. */
#include "pipeline/verify.h"

#include "base/fs.h"
#include "lake/layout.h"

#include <stdio.h>
#include <string.h>

/* ---- schema ---- */

static bool has_section(const struct verification *v, const char *section)
{
    return json_object_get(v->run->json, section) != NULL;
}

/* Opens a table under its own name; one with other columns is a fault. Tables of no rows on no day
 * have no file. */
static void open_table(struct verification *v, struct lake *lake, enum table_id id)
{
    struct error what;
    const struct table *table = fleet_table(id);
    const char *path = id == TABLE_TELEMETRY
                           ? "silver/telemetry_parquet/run_date=D/event_date=*/data.parquet"
                           : fleet_tables[id].path;
    if (lake_open_parquet(lake, table->name, table, v->session->data,
                          layout_path(v->arena, path, v->run->date, 0), &what) != 0) {
        v->files_whole = false;
        verify_fault(v, &what);
    }
}

/* The CSV beside a table has its columns. */
static void check_csv(struct verification *v, struct lake *lake, enum table_id id,
                      const char *pattern)
{
    static const char view[] = "csv_beside";
    struct error what;
    struct column *columns;
    size_t count;
    const struct table *table = fleet_table(id);
    const char *path = layout_path(v->arena, pattern, v->run->date, 0);
    const char *full = arena_printf(v->arena, "%s/%s", v->session->data, path);
    bool same = lake_open_file(lake, view, full, &what) == 0 &&
                lake_columns(lake, view, v->arena, &columns, &count, &what) == 0 &&
                lake_drop(lake, view, &what) == 0 && count == table->column_count;
    for (size_t c = 0; same && c < count; c++) {
        same = strcmp(columns[c].name, table->columns[c].name) == 0;
    }
    if (!same) {
        error_set(
            &what,
            "%s : ses colonnes ne sont pas celles de cette version ; autostream --run-date "
            "%s run --full",
            "%s: its columns are not those of this version; autostream --run-date %s run --full",
            path, v->run->day);
        verify_fault(v, &what);
    }
}

static void check_schemas(struct verification *v, struct lake *lake)
{
    static const struct {
        enum table_id table;
        const char *path;
    } csvs[] = {
        {TABLE_TELEMETRY, "silver/telemetry/telemetry_clean.csv"},
        {TABLE_REPORTING, "gold/reporting_final.csv"},
        {TABLE_PANNES_PAR_JOUR, "gold/aggregations/pannes_par_jour_D.csv"},
        {TABLE_PANNES_PAR_SEMAINE, "gold/aggregations/pannes_par_semaine_D.csv"},
        {TABLE_PANNES_PAR_MOIS, "gold/aggregations/pannes_par_mois_D.csv"},
    };
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        const struct table_fact *fact = &fleet_tables[t];
        if (*fact->path && strcmp(fact->level, "bronze") != 0 &&
            has_section(v, lineage_section(fact->path)) &&
            !(t == TABLE_TELEMETRY &&
              json_integer_value(verify_member(v, "silver.telemetry.rows")) == 0)) {
            open_table(v, lake, (enum table_id)t);
        }
    }
    for (size_t c = 0; c < sizeof csvs / sizeof *csvs; c++) {
        if (has_section(v, lineage_section(csvs[c].path))) {
            check_csv(v, lake, csvs[c].table, csvs[c].path);
        }
    }
}

/* ---- counts ---- */

static void check_number(struct verification *v, const char *name, uint64_t found)
{
    struct error what;
    const json_t *wanted = verify_member(v, name);
    if (json_is_integer(wanted) && json_integer_value(wanted) >= 0 &&
        (uint64_t)json_integer_value(wanted) == found) {
        return;
    }
    error_set(&what,
              "run.json du %s : %s y est %lld, les tables donnent %llu ; autostream --run-date %s "
              "run --full",
              "run.json of %s: %s is %lld there, the tables give %llu; autostream --run-date %s "
              "run --full",
              v->run->day, name, (long long)json_integer_value(wanted), (unsigned long long)found,
              v->run->day);
    verify_fault(v, &what);
}

#define OF_TELEMETRY(column) \
    "regexp_matches(" column ", '^bronze/(run_date=[0-9-]+/)?(json|parquet)(/|$)')"

/* What run.json counts, counted again. */
static int check_counts(struct verification *v, struct lake *lake, struct error *err)
{
    static const struct {
        const char *section, *member, *sql;
    } counts[] = {
        {"silver", "silver.telemetry.rows", "SELECT count(*) FROM telemetry"},
        {"silver", "silver.maintenance.rows", "SELECT count(*) FROM maintenance"},
        {"silver", "silver.vehicules.rows", "SELECT count(*) FROM vehicules"},
        {"silver", "silver.telemetry.records",
         "SELECT CAST(sum(records) AS BIGINT) FROM inputs WHERE " OF_TELEMETRY("path")},
        {"silver", "silver.telemetry.quarantined",
         "SELECT count(*) FROM records WHERE " OF_TELEMETRY("source")},
        {"refused", "refused.quarantined",
         "SELECT count(*) FROM records WHERE " OF_TELEMETRY("source")},
        {"taken", "silver.inputs.files",
         "SELECT count(*) FROM taken WHERE (path, bytes) IN (SELECT (path, bytes) FROM inputs)"},
        {"gold", "gold.rows", "SELECT count(*) FROM reporting_final"},
        {"gold", "gold.orphans.without_service",
         "SELECT CAST(sum(sans_entretien) AS BIGINT) FROM orphelins"},
        {"gold", "gold.orphans.without_register",
         "SELECT CAST(sum(sans_registre) AS BIGINT) FROM orphelins"},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t found;
        bool replaced = /* the quarantine is of a later run, which was refused */
            has_section(v, "refused") &&
            strcmp(counts[i].member, "silver.telemetry.quarantined") == 0;
        bool empty = strstr(counts[i].sql, "FROM telemetry") &&
                     json_integer_value(verify_member(v, counts[i].member)) == 0;
        if (!has_section(v, counts[i].section) || replaced || empty) {
            continue;
        }
        if (lake_count(lake, counts[i].sql, &found, err) != 0) {
            return -1;
        }
        check_number(v, counts[i].member, found);
    }
    return 0;
}

/* Nothing vanishes: every record that was read is a row, quarantined, or a duplicate. */
static void check_sum(struct verification *v)
{
    static const char *const parts[] = {"silver.telemetry.rows", "silver.telemetry.quarantined",
                                        "silver.telemetry.duplicates"};
    struct error what;
    long long records = json_integer_value(verify_member(v, "silver.telemetry.records"));
    long long sum = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        sum += json_integer_value(verify_member(v, parts[i]));
    }
    if (sum != records) {
        error_set(&what,
                  "run.json du %s : %lld messages lus, mais %lld en silver, en quarantaine ou en "
                  "double ; autostream --run-date %s run --full",
                  "run.json of %s: %lld records read, but %lld in silver, quarantined or "
                  "duplicates; autostream --run-date %s run --full",
                  v->run->day, records, sum, v->run->day);
        verify_fault(v, &what);
    }
}

static int check_statuts(struct verification *v, struct lake *lake, struct error *err)
{
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        uint64_t found;
        const char *name = statut_kinds[s].name;
        if (lake_count(lake,
                       arena_printf(v->arena,
                                    "SELECT count(*) FROM reporting_final WHERE statut = '%s'",
                                    name),
                       &found, err) != 0) {
            return -1;
        }
        check_number(v, arena_printf(v->arena, "gold.statut.%s", name), found);
    }
    return 0;
}

/* ---- inputs ---- */

struct bronze_check {
    struct verification *v;
    struct hash combined;
    uint64_t gone, changed;
    char example[512]; /* of a changed file */
};

/* One row of the list of inputs: path, bytes, sha256. Bronze may go on: it is compared while it is
 * there. */
static int check_input(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct bronze_check *check = context;
    struct arena arena = {0};
    struct error ignored;
    char found[HASH_TEXT_SIZE];
    uint64_t bytes;
    (void)count, (void)err;
    const char *path = arena_copy(&arena, cells[0].data, cells[0].size);
    const char *sha256 = arena_copy(&arena, cells[2].data, cells[2].size);
    lineage_combine(&check->combined, path, sha256);
    const char *full =
        arena_printf(&arena, "%s/%s", check->v->session->data, ingest_source_path(path, &arena));
    if (!fs_exists(full)) {
        check->gone++;
    } else if (hash_file(full, found, &bytes, &ignored) != 0 || strcmp(found, sha256) != 0) {
        if (check->changed++ == 0) {
            (void)snprintf(check->example, sizeof check->example, "%s", path);
        }
    } else {
        check->v->report->inputs++;
        check->v->report->bytes += bytes;
    }
    arena_release(&arena);
    return 0;
}

static void tell_bronze(struct verification *v, const struct bronze_check *check)
{
    struct error what;
    if (check->changed > 0) {
        error_set(&what,
                  "%s (et %llu autres fichiers) : la donnée brute n'est plus celle qui a été "
                  "traitée le %s ; pour la traiter : autostream --run-date %s run --full",
                  "%s (and %llu other files): the raw data are no longer those of the run of %s; "
                  "to process them: autostream --run-date %s run --full",
                  check->example, (unsigned long long)(check->changed - 1), v->run->day,
                  v->run->day);
        verify_note(v, &what);
    }
    if (check->gone > 0) {
        error_set(&what,
                  "données brutes du %s : %llu fichiers n'y sont plus et ne peuvent être comparés "
                  "; les résultats restent justes",
                  "raw data of %s: %llu files are no longer there and cannot be compared; the "
                  "results stand",
                  v->run->day, (unsigned long long)check->gone);
        verify_note(v, &what);
    }
}

static int check_inputs(struct verification *v, struct lake *lake, struct error *err)
{
    struct error what;
    struct bronze_check check = {.v = v};
    char found[HASH_TEXT_SIZE];
    hash_init(&check.combined);
    if (lake_each(lake, "SELECT path, bytes, sha256 FROM inputs ORDER BY path, sha256", check_input,
                  &check, err) != 0) {
        return -1;
    }
    hash_finish(&check.combined, found);
    const char *sha256 = json_string_value(verify_member(v, "silver.inputs_sha256"));
    if (!sha256 || strcmp(sha256, found) != 0) {
        error_set(&what,
                  "run.json du %s : l'empreinte des fichiers lus n'est pas celle de leur liste ; "
                  "autostream --run-date %s run --full",
                  "run.json of %s: the hash of the files that were read is not that of their list; "
                  "autostream --run-date %s run --full",
                  v->run->day, v->run->day);
        verify_fault(v, &what);
    }
    tell_bronze(v, &check);
    return 0;
}

int verify_tables(struct verification *v, struct error *err)
{
    struct lake *lake = NULL;
    struct lake_options options = {.threads = v->session->threads, .memory = v->session->memory};
    int status = lake_open(&lake, &options, err);
    if (status == 0) {
        check_schemas(v, lake);
    }
    if (status == 0 && v->files_whole) {
        status = check_counts(v, lake, err);
        if (status == 0 && has_section(v, "silver")) {
            check_sum(v);
            status = check_inputs(v, lake, err);
        }
        if (status == 0 && has_section(v, "gold")) {
            status = check_statuts(v, lake, err);
        }
    }
    lake_close(lake);
    return status;
}
