/* Silver: clean, typed telemetry, service records, register and part lifetimes; see stages.h.
 *
 * Reads what bronze_load() left in the engine; writes silver/, the quarantine, the list of inputs
 * and silver's quality report. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"

#include <stdlib.h>
#include <string.h>

/* Key first, then every measure: conflicting messages of one instant have one order too. Of the
 * texts of an instant the first stays. */
const struct lake_distinct silver_distinct = {
    .key = "vin, event_ts, temp_moteur, vitesse, km_actuel, pression_huile, regime_moteur, "
           "voltage_batterie, temps_0_100, conso_essence, pression_injection",
    .least = "timestamp",
    .day = "event_date"};
static const char CLEAN_CSV[] = "silver/telemetry/telemetry_clean.csv";
static const struct text WRITING = TEXT("Écriture de silver", "Writing silver");

struct table silver_telemetry(const struct stage *stage)
{
    struct table table = *fleet_table(TABLE_TELEMETRY);
    if (stage->options->has_since) {
        table.name = "telemetry_run";
    }
    return table;
}

/* ---- telemetry, one file a day ---- */

/* Files of earlier runs for days that this run does not have must go. */
static int drop_other_days(struct stage *stage, const char *folder, const int32_t *days,
                           size_t day_count, struct error *err)
{
    char **names;
    size_t count;
    const char *full = arena_printf(stage->arena, "%s/%s", stage->session->data, folder);
    if (fs_list(full, stage->arena, &names, &count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        bool kept = false;
        for (size_t d = 0; d < day_count && !kept; d++) {
            char day[DATE_TEXT_SIZE];
            kept = strncmp(names[i], "event_date=", 11) == 0 &&
                   strcmp(names[i] + 11, date_format(days[d], day)) == 0;
        }
        if (!kept && strncmp(names[i], "event_date=", 11) == 0) {
            publish_drop(stage->publication,
                         arena_printf(stage->arena, "%s/%s/data.parquet", folder, names[i]));
        }
    }
    return 0;
}

/* The CSV file and one Parquet file a day, at the same time; those of the earlier run stay where
 * nothing came in. */
static int write_telemetry(struct stage *stage, struct error *err)
{
    int32_t *days, *changed = NULL; /* those of telemetry; those that new messages fall on */
    size_t day_count, changed_count = 0;
    const struct table_fact *fact = &fleet_tables[TABLE_TELEMETRY];
    const struct table telemetry = silver_telemetry(stage);
    size_t count = 0;
    stage_tell(stage->session, &WRITING, 0, 0);
    if (taken_nothing_new(stage)) {
        taken_days(stage, &days, &day_count);
    } else if (lake_days(stage->lake, telemetry.name, "event_date", stage->arena, &days, &day_count,
                         err) != 0 ||
               (stage->taken.goes_on &&
                lake_days(stage->lake, "telemetry_jours", "event_date", stage->arena, &changed,
                          &changed_count, err) != 0)) {
        return -1;
    }
    struct lake_file *files = ARENA_NEW(stage->arena, struct lake_file, day_count + 1);
    if (!taken_nothing_new(stage) || !taken_keep(stage, CLEAN_CSV)) {
        const struct lake_output all = {.table = &telemetry, .order = silver_distinct.key};
        files[count++] = stage_file(stage, &all, LAKE_CSV, CLEAN_CSV);
    }
    for (size_t i = 0, c = 0; i < day_count; i++) {
        const struct lake_output output = {.table = &telemetry,
                                           .order = silver_distinct.key,
                                           .except = "event_date",
                                           .where_column = "event_date",
                                           .where_date = days[i]};
        const char *path = layout_path(stage->arena, fact->path, stage->session->run_date, days[i]);
        if (c < changed_count && changed[c] == days[i]) {
            c++;
        } else if (stage->taken.goes_on && taken_keep(stage, path)) {
            continue;
        }
        files[count++] = stage_file(stage, &output, LAKE_PARQUET, path);
    }
    if (lake_write_files(stage->lake, files, count, err) != 0) {
        return -1;
    }
    return drop_other_days(stage,
                           layout_path(stage->arena, "silver/telemetry_parquet/run_date=D",
                                       stage->session->run_date, 0),
                           days, day_count, err);
}

/* ---- counts ---- */

/* What is known of the tables. */
static int count_tables(struct stage *stage, struct error *err)
{
    struct run_report *report = stage->report;
    const char *telemetry = silver_telemetry(stage).name;
    const char *repeated =
        lake_repeated(stage->lake, telemetry, "vin, event_ts", stage->arena, err);
    if (!repeated) {
        return -1;
    }
    const struct lake_counted counts[] = {
        {lake_size(stage->lake, telemetry, stage->arena), &report->silver_rows},
        {repeated, &report->conflicts},
        {"SELECT count(*) FROM (SELECT vin FROM vehicules GROUP BY vin HAVING count(*) > 1 AND "
         "(min(modele) <> max(modele) OR min(annee) <> max(annee) OR "
         "count(modele) NOT IN (0, count(*)) OR count(annee) NOT IN (0, count(*)))) AS several",
         &report->vehicles_conflicting},
    };
    return lake_counts(stage->lake, counts, sizeof counts / sizeof *counts, err);
}

static int count_rows(struct stage *stage, struct error *err)
{
    struct run_report *report = stage->report;
    if (stage->taken.same) {
        taken_counts(stage);
    } else if (count_tables(stage, err) != 0) {
        return -1;
    }
    report->duplicates = report->telemetry.accepted - report->silver_rows;
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        bool imputed = !isnan(telemetry_features[i].missing);
        report->imputed[i] = imputed ? report->telemetry.missing[3 + i] : 0;
    }
    return 0;
}

/* What the record parser saw of wrong types, for the quality report:
 * "km_actuel:fraction!=expected:whole number (3), ..."; "" when all was as expected. */
static const char *schema_issues(struct stage *stage)
{
    const struct ingest_counts *counts = &stage->report->telemetry;
    const struct table *messages = fleet_table(TABLE_MESSAGES);
    char *issues = arena_strdup(stage->arena, "");
    for (size_t c = 0; c < messages->column_count; c++) {
        const char *name = messages->columns[c].name;
        if (counts->not_a_number[c] > 0) {
            issues = arena_printf(stage->arena, "%s%s%s:other!=expected:number (%llu)", issues,
                                  *issues ? ", " : "", name,
                                  (unsigned long long)counts->not_a_number[c]);
        }
        if (counts->rounded[c] > 0) {
            issues =
                arena_printf(stage->arena, "%s%s%s:fraction!=expected:whole number (%llu)", issues,
                             *issues ? ", " : "", name, (unsigned long long)counts->rounded[c]);
        }
    }
    return issues;
}

/* ---- the stage ---- */

/* The table that holds what this run read together with what it goes on from. */
static const char *whole_of(const struct stage *stage, const struct table *table)
{
    return stage->taken.goes_on ? arena_printf(stage->arena, "%s_ensemble", table->name) : NULL;
}

int silver_write_quarantine(struct stage *stage, struct error *err)
{
    const struct table *records = fleet_table(TABLE_QUARANTAINE);
    const struct lake_output output = {.table = records,
                                       .from = whole_of(stage, records),
                                       .order = "source, position, reasons, raw"};
    return stage_write(stage, &output, LAKE_PARQUET, stage_path(stage, TABLE_QUARANTAINE), err);
}

static int write_small_tables(struct stage *stage, struct error *err)
{
    static const struct {
        enum table_id table;
        const char *order;
        bool joined; /* see whole_of() */
    } small[] = {
        {TABLE_ENTRETIENS, "vin, date_last_revis, km_derniere_revis, type", false},
        {TABLE_VEHICULES, "vin, modele, annee", false},
        {TABLE_PIECES, "piece, km_median, km_min, km_max", false},
        {TABLE_ENTREES, "path, sha256", true},
        {TABLE_PRISES, "path, inode", true},
    };
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        const struct table *table = fleet_table(small[i].table);
        if (small[i].table == TABLE_PRISES && lake_has_workers(stage->lake)) {
            continue; /* workers do not tell how files look here: the next run reads all */
        }
        const struct lake_output output = {.table = table,
                                           .from = small[i].joined ? whole_of(stage, table) : NULL,
                                           .order = small[i].order};
        if (stage_write(stage, &output, LAKE_PARQUET, stage_path(stage, small[i].table), err) !=
            0) {
            return -1;
        }
    }
    return silver_write_quarantine(stage, err);
}

/* Makes the table telemetry, or of a run that goes on from an earlier one the days that new
 * messages fall on: the others are read where they lie, once when they are few, or each SELECT
 * would unpack them anew. Few messages that are all clean already are kept as new ones are, whose
 * sums and counts take no statement. */
static int clean(struct stage *stage, struct error *err)
{
    struct table made = silver_telemetry(stage);
    const char *name = made.name;
    bool few = stage->report->telemetry.records < LAKE_ROWS_A_THREAD;
    if (few && taken_nothing_new(stage)) {
        return lake_define_distinct(stage->lake, &made, "telemetry_publiee", &silver_distinct, err);
    }
    made.name = stage->taken.goes_on ? "telemetry_jours" : name;
    if (taken_nothing_new(stage)) {
        if (lake_create(stage->lake, &made, err) != 0) {
            return -1;
        }
    } else if ((stage->taken.goes_on &&
                lake_define(stage->lake, "telemetry_messages", "silver/telemetry_messages.sql",
                            LAKE_VIEW, err) != 0) ||
               lake_define_distinct(stage->lake, &made, "telemetry_messages", &silver_distinct,
                                    err) != 0) {
        return -1;
    }
    return stage->taken.goes_on ? lake_define(stage->lake, name, "silver/telemetry_ensemble.sql",
                                              few ? LAKE_TABLE : LAKE_VIEW, err)
                                : 0;
}

int silver_build(struct stage *stage, struct error *err)
{
    static const struct text building = TEXT("Nettoyage", "Cleaning");
    const struct table telemetry = silver_telemetry(stage);
    stage_tell(stage->session, &building, 0, 0);
    /* Rows that lie on disk are counted while they are written. */
    if (clean(stage, err) != 0 || write_telemetry(stage, err) != 0 ||
        write_small_tables(stage, err) != 0 || count_rows(stage, err) != 0) {
        return -1;
    }
    return quality_write(stage, telemetry, "silver", schema_issues(stage), err);
}

int silver_open(struct stage *stage, struct error *err)
{
    static const struct {
        enum table_id table;
        const char *pattern;
    } tables[] = {
        {TABLE_TELEMETRY, "silver/telemetry_parquet/run_date=D/event_date=*/data.parquet"},
        {TABLE_ENTRETIENS, NULL},
        {TABLE_VEHICULES, NULL},
        {TABLE_PIECES, NULL},
    };
    const char *data = stage->session->data;
    char date[DATE_TEXT_SIZE];
    if (!fs_is_folder(arena_printf(stage->arena, "%s/silver/telemetry_parquet/run_date=%s", data,
                                   date_format(stage->session->run_date, date)))) {
        return error_set(err,
                         "%s : pas de silver pour le %s ; faites-le avec « autostream silver "
                         "--run-date %s »",
                         "%s: no silver for %s; make it with \"autostream silver --run-date %s\"",
                         data, date, date);
    }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const struct table *table = fleet_table(tables[i].table);
        const char *name =
            tables[i].table == TABLE_TELEMETRY ? silver_telemetry(stage).name : table->name;
        const char *pattern =
            tables[i].pattern ? tables[i].pattern : fleet_tables[tables[i].table].path;
        if (lake_open_parquet(stage->lake, name, table, data,
                              layout_path(stage->arena, pattern, stage->session->run_date, 0),
                              err) != 0) {
            return -1;
        }
    }
    return 0;
}
