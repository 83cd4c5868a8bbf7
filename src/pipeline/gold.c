/* Gold: the scored fleet, its history and the aggregations; see stages.h.
 * Reads silver's tables in the engine, writes gold/ and gold's quality report. */
#include "pipeline/stages.h"

#include "lake/layout.h"

#include <stdlib.h>
#include <string.h>

struct definition {
    const char *name, *file;
    enum lake_definition kind;
};

static int define_all(struct lake *lake, const struct definition *definitions, size_t count,
                      struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (lake_define(lake, definitions[i].name, definitions[i].file, definitions[i].kind, err) !=
            0) {
            return -1;
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

/* Vehicles that send but cannot be scored, and how urgent the others are. */
static int count_vehicles(struct stage *stage, struct error *err)
{
    struct run_report *report = stage->report;
    const struct lake_counted counts[] = {
        {"SELECT count(*) FROM reporting_final", &report->gold_rows},
        {"SELECT CAST(sum(sans_entretien) AS BIGINT) FROM orphelins", &report->without_service},
        {"SELECT CAST(sum(sans_registre) AS BIGINT) FROM orphelins", &report->without_register},
    };
    if (lake_counts(stage->lake, counts, sizeof counts / sizeof *counts, err) != 0) {
        return -1;
    }
    struct lake_rows rows;
    if (lake_query(stage->lake,
                   "SELECT statut_code, count(*) FROM predictions GROUP BY statut_code",
                   stage->arena, &rows, err) != 0) {
        return -1;
    }
    for (size_t r = 0; r < rows.rows; r++) {
        report->by_statut[strtoul(rows.cells[2 * r], NULL, 10)] =
            strtoull(rows.cells[2 * r + 1], NULL, 10);
    }
    return 0;
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

static int write_tables(struct stage *stage, struct error *err)
{
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
    static const struct text writing = TEXT("Écriture de gold", "Writing gold");
    const size_t count = sizeof outputs / sizeof *outputs;
    for (size_t i = 0; i < count; i++) {
        const struct lake_output output = {.table = fleet_table(outputs[i].table),
                                           .order = outputs[i].order};
        stage_tell(stage->session, &writing, i, count);
        if (stage_write(stage, &output, LAKE_PARQUET, stage_path(stage, outputs[i].table), err) !=
            0) {
            return -1;
        }
        if (outputs[i].csv &&
            stage_write(stage, &output, LAKE_CSV,
                        layout_path(stage->arena, outputs[i].csv, stage->session->run_date, 0),
                        err) != 0) {
            return -1;
        }
    }
    return 0;
}

int gold_build(struct stage *stage, const struct fleet_model *model, struct error *err)
{
    static const struct text joining = TEXT("Jointures", "Joining");
    static const struct text scoring = TEXT("Prédictions", "Predicting");
    static const struct definition before[] = {
        {"sommes_jour", "gold/sommes_jour.sql", LAKE_TABLE},
        {"mesures", "gold/mesures.sql", LAKE_TABLE},
        {"entretien", "gold/entretien.sql", LAKE_TABLE},
        {"registre", "gold/registre.sql", LAKE_VIEW},
        {"features", "gold/features.sql", LAKE_TABLE},
        {"orphelins", "gold/orphelins.sql", LAKE_TABLE},
    };
    static const struct definition after[] = {
        {"reporting_final", "gold/reporting_final.sql", LAKE_TABLE},
        {"vehicule_jour", "gold/vehicule_jour.sql", LAKE_VIEW},
        {"jours_scores", "gold/jours_scores.sql", LAKE_VIEW},
        {"pannes_par_jour", "gold/pannes_par_jour.sql", LAKE_TABLE},
        {"pannes_par_semaine", "gold/pannes_par_semaine.sql", LAKE_TABLE},
        {"pannes_par_mois", "gold/pannes_par_mois.sql", LAKE_TABLE},
    };
    struct lake *lake = stage->lake;
    stage_tell(stage->session, &joining, 0, 0);
    if (define_words(lake, err) != 0 ||
        define_all(lake, before, sizeof before / sizeof *before, err) != 0) {
        return -1;
    }
    stage_tell(stage->session, &scoring, 0, 0);
    stage->report->foreign_model = model->foreign;
    if (score_features(stage, model, err) != 0 ||
        define_all(lake, after, sizeof after / sizeof *after, err) != 0 ||
        count_vehicles(stage, err) != 0 || refuse_empty(stage->report, err) != 0 ||
        write_tables(stage, err) != 0) {
        return -1;
    }
    return quality_write(stage, fleet_table(TABLE_REPORTING), "gold", "", err);
}
