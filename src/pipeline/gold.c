/* Gold: the scored fleet, its history and the aggregations; see stages.h.
 * Reads silver's tables in the engine, writes gold/ and gold's quality report. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "lake/layout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What gold writes, in the order of run.json. */
static const struct {
    enum table_id table;
    const char *order;
    const char *csv; /* beside the Parquet file, or NULL */
} outputs[] = {
    {TABLE_REPORTING, "vin", "gold/reporting_final.csv"},
    {TABLE_HISTORIQUE_ENTRETIEN, "vin, rang", NULL},
    {TABLE_VEHICULE_JOUR, "vin, event_date", NULL},
    {TABLE_ORPHELINS, "vin", NULL},
    {TABLE_PANNES_PAR_JOUR, "event_date", "gold/aggregations/pannes_par_jour_D.csv"},
    {TABLE_PANNES_PAR_SEMAINE, "week_start", "gold/aggregations/pannes_par_semaine_D.csv"},
    {TABLE_PANNES_PAR_MOIS, "month_start", "gold/aggregations/pannes_par_mois_D.csv"},
};
enum { OUTPUTS = sizeof outputs / sizeof *outputs };

/* A table to be made. */
struct definition {
    const char *name, *file;
    enum lake_definition kind;
    bool beside; /* made beside, as nothing is made from it */
};

/* The same with its files, if gold writes it: Parquet, and CSV or no path. */
struct making {
    const struct definition *definition;
    struct lake_file files[2];
};

/* The files of all outputs, owned by the arena. */
static struct making *stage_files(struct stage *stage)
{
    struct making *makings = ARENA_NEW(stage->arena, struct making, OUTPUTS);
    for (size_t i = 0; i < OUTPUTS; i++) {
        const struct lake_output output = {.table = fleet_table(outputs[i].table),
                                           .order = outputs[i].order};
        const char *path = stage_path(stage, outputs[i].table);
        makings[i].files[0] = stage_file(stage, &output, LAKE_PARQUET, path);
        if (outputs[i].csv) {
            path = layout_path(stage->arena, outputs[i].csv, stage->session->run_date, 0);
            makings[i].files[1] = stage_file(stage, &output, LAKE_CSV, path);
        }
    }
    return makings;
}

static int define(struct lake *lake, const struct definition *definition, struct error *err)
{
    return lake_define(lake, definition->name, definition->file, definition->kind, err);
}

/* Makes the table if that is not done, and writes it. */
static int write_one(struct lake *lake, void *what, struct error *err)
{
    const struct making *making = what;
    if (making->definition->beside && define(lake, making->definition, err) != 0) {
        return -1;
    }
    return lake_write_files(lake, making->files, making->files[1].path ? 2 : 1, err);
}

/* Makes the tables, and begins to write each that gold writes as soon as it is there. */
static int define_all(struct stage *stage, struct making *makings,
                      const struct definition *definitions, size_t count, struct error *err)
{
    for (size_t d = 0; d < count; d++) {
        const struct definition *definition = &definitions[d];
        if (!definition->beside && define(stage->lake, definition, err) != 0) {
            return -1;
        }
        for (size_t i = 0; i < OUTPUTS; i++) {
            if (strcmp(makings[i].files[0].output.table->name, definition->name) == 0) {
                makings[i].definition = definition;
                if (beside_do(stage, write_one, &makings[i], err) != 0) {
                    return -1;
                }
            }
        }
    }
    return 0;
}

static int define_words(struct lake *lake, struct error *err)
{
    const char *statuts[STATUT_COUNT];
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        statuts[s] = statut_kinds[s].name;
    }
    return lake_words(lake, "statuts", "statut", statuts, STATUT_COUNT, err) == 0
               ? lake_words(lake, "niveaux", "niveau", niveau_names, NIVEAU_COUNT, err)
               : -1;
}

/* Telemetry is read once: every mean comes from these sums of a vehicle's day. No measure that is
 * let through (features.def) has more than six digits before its point. */
static int sum_days(struct lake *lake, struct error *err)
{
    struct column measures[TELEMETRY_FEATURE_COUNT];
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        measures[i] = (struct column){telemetry_features[i].name, telemetry_features[i].type};
    }
    const struct lake_sums sums = {.name = "sommes_jour",
                                   .from = fleet_table(TABLE_TELEMETRY)->name,
                                   .key = "vin",
                                   .day = "event_date",
                                   .measures = measures,
                                   .measure_count = TELEMETRY_FEATURE_COUNT};
    return lake_sum(lake, &sums, err);
}

/* Vehicles that send but cannot be scored, and how urgent the others are: those of reporting_final,
 * which names their codes and joins four tables whenever it is asked; all in one query without a
 * GROUP BY, which would begin with a hash table of megabytes. */
static int count_vehicles(struct stage *stage, struct error *err)
{
    struct run_report *report = stage->report;
    struct lake_counted counts[3 + STATUT_COUNT] = {
        {"SELECT count(*) FROM predictions", &report->gold_rows},
        {"SELECT CAST(sum(sans_entretien) AS BIGINT) FROM orphelins", &report->without_service},
        {"SELECT CAST(sum(sans_registre) AS BIGINT) FROM orphelins", &report->without_register},
    };
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        counts[3 + s] = (struct lake_counted){
            arena_printf(stage->arena, "SELECT count(*) FROM predictions WHERE statut_code = %zu",
                         s),
            &report->by_statut[s]};
    }
    return lake_counts(stage->lake, counts, sizeof counts / sizeof *counts, err);
}

/* An empty gold would put an empty fleet in the place of the last good one. */
static int refuse_empty(const struct run_report *report, struct error *err)
{
    if (report->gold_rows > 0) {
        return 0;
    }
    return error_set(
        err,
        "aucun véhicule de la télémétrie n'a à la fois un entretien et une ligne du "
        "registre (%llu sans entretien, %llu absents du registre) ; rien n'est publié, "
        "vérifiez maintenance.csv et flotte.db",
        "no vehicle of the telemetry has both a service record and a register row "
        "(%llu without service record, %llu not in the register); nothing is "
        "published, check maintenance.csv and flotte.db",
        (unsigned long long)report->without_service, (unsigned long long)report->without_register);
}

/* The run dates before this one that gold shall be made from as well go to stage->history; *rows:
 * is there anything in them? */
static int list_history(struct stage *stage, bool *rows, struct error *err)
{
    int32_t *dates;
    size_t count;
    *rows = false;
    stage->history = json_array();
    if (published_dates_under(stage->session->data, "silver/telemetry_parquet", stage->arena,
                              &dates, &count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        char date[DATE_TEXT_SIZE];
        json_t *record;
        if (dates[i] < stage->options->since || dates[i] >= stage->session->run_date) {
            continue;
        }
        if (lineage_read(stage, dates[i], &record, err) != 0) {
            return -1;
        }
        json_t *silver = json_object_get(record, "silver");
        const char *sha256 = json_string_value(json_object_get(silver, "sha256"));
        json_t *entry = json_pack("{s:s, s:s*}", "run_date", date_format(dates[i], date),
                                  "silver_sha256", sha256);
        json_array_append_new(stage->history, entry);
        *rows |=
            json_integer_value(json_object_get(json_object_get(silver, "telemetry"), "rows")) > 0;
        json_decref(record);
        if (!sha256) {
            return error_set(err,
                             "%s : silver du %s n'a pas de run.json ; produisez-le de nouveau : "
                             "autostream --run-date %s silver --full",
                             "%s: the silver of %s has no run.json; make it again: autostream "
                             "--run-date %s silver --full",
                             stage->session->data, date, date);
        }
    }
    return 0;
}

/* The table telemetry, from the silver of several run dates. */
static int join_history(struct stage *stage, struct error *err)
{
    struct column columns[BATCH_COLUMNS];
    struct table past = *fleet_table(TABLE_TELEMETRY);
    bool rows;
    assert(past.column_count < BATCH_COLUMNS);
    memcpy(columns, past.columns, past.column_count * sizeof *columns);
    columns[past.column_count++] = (struct column){"run_date", COLUMN_DATE};
    past.columns = columns;
    past.name = "telemetry_passee";
    if (list_history(stage, &rows, err) != 0 ||
        lake_constant_date(stage->lake, "since", stage->options->since, err) != 0) {
        return -1;
    }
    int status = rows ? lake_open_parquet(
                            stage->lake, past.name, &past, stage->session->data,
                            "silver/telemetry_parquet/run_date=*/event_date=*/data.parquet", err)
                      : lake_create(stage->lake, &past, err);
    return status == 0 ? lake_define(stage->lake, fleet_table(TABLE_TELEMETRY)->name,
                                     "gold/telemetry_periode.sql", LAKE_TABLE, err)
                       : -1;
}

int gold_build(struct stage *stage, const struct fleet_model *model, struct error *err)
{
    static const struct text joining = TEXT("Jointures", "Joining");
    static const struct text scoring = TEXT("Prédictions", "Predicting");
    static const struct text writing = TEXT("Écriture de gold", "Writing gold");
    static const struct definition before[] = {
        {"mesures", "gold/mesures.sql", LAKE_TABLE, false},
        {"vehicule_jour", "gold/vehicule_jour.sql", LAKE_VIEW, false},
        {"entretien", "gold/entretien.sql", LAKE_TABLE, false},
        {"registre", "gold/registre.sql", LAKE_VIEW, false},
        {"features", "gold/features.sql", LAKE_TABLE, false},
        {"sommes_periode", "gold/sommes_periode.sql", LAKE_TABLE, false},
        {"orphelins", "gold/orphelins.sql", LAKE_TABLE, true},
    };
    static const struct definition after[] = {
        {"pannes_par_jour", "gold/pannes_par_jour.sql", LAKE_TABLE, true},
        {"pannes_par_semaine", "gold/pannes_par_semaine.sql", LAKE_TABLE, true},
        {"pannes_par_mois", "gold/pannes_par_mois.sql", LAKE_TABLE, true},
        {"reporting_final", "gold/reporting_final.sql", LAKE_VIEW, false},
    };
    struct lake *lake = stage->lake;
    struct making *makings = stage_files(stage);
    stage_tell(stage->session, &joining, 0, 0);
    lake_keep_no_order(lake); /* results are sorted when they are written */
    if ((stage->options->has_since && join_history(stage, err) != 0) ||
        define_words(lake, err) != 0 || sum_days(lake, err) != 0 ||
        define_all(stage, makings, before, sizeof before / sizeof *before, err) != 0) {
        return -1;
    }
    stage_tell(stage->session, &scoring, 0, 0);
    stage->report->foreign_model = model->foreign;
    if (score_features(stage, model, err) != 0) {
        return -1;
    }
    stage_tell(stage->session, &writing, 0, 0);
    if (define_all(stage, makings, after, sizeof after / sizeof *after, err) != 0 ||
        quality_write(stage, *fleet_table(TABLE_REPORTING), "gold", "", err) != 0 ||
        beside_settle(stage, err) != 0 || count_vehicles(stage, err) != 0) {
        return -1;
    }
    return refuse_empty(stage->report, err);
}
