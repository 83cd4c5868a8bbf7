/* What the stages of one run share: the engine session, the publication, the report. Internal to
 * the pipeline; pipeline.h is what others see. */
#ifndef PIPELINE_STAGES_H
#define PIPELINE_STAGES_H

#include "base/publish.h"
#include "lake/lake.h"
#include "pipeline/pipeline.h"
#include "published/model.h"

#include <math.h>

struct stage {
    const struct session *session;
    const struct run_options *options;
    struct run_report *report;
    struct lake *lake;
    struct publication *publication;
    struct arena *arena; /* of the whole run */
};

/* Tells the listener, if there is one, what goes on. */
void stage_tell(const struct session *session, const struct text *what, uint64_t done,
                uint64_t total);

/* Writes a table to the place that tables.def gives it (D is the run date). */
int stage_write(struct stage *stage, const struct lake_output *output, enum lake_format format,
                const char *relative, struct error *err);

/* The path of a table for the run date, relative to the root. */
const char *stage_path(struct stage *stage, enum table_id table);

/* ---- bronze.c: raw files into telemetry_messages, maintenance, vehicules, piece_lifetime,
 * records (quarantine) and inputs ---- */

/* Finds the bronze folder of the run date, relative to the root, owned by the arena; an error lists
 * the dates that there are. */
int bronze_find(const char *data, int32_t run_date, struct arena *arena, const char **folder,
                struct error *err);

int bronze_load(struct stage *stage, struct error *err);

/* Records of the history that have a usable label go to `sink`, in the file's order; `path` is
 * relative to `root`. */
int bronze_history(const char *root, const char *path, const struct ingest_sink *sink,
                   struct ingest_counts *counts, struct error *err);

/* ---- bronze_parquet.c: telemetry that comes as Parquet ---- */

int bronze_parquet(struct stage *stage, const char *folder, const struct record_spec *spec,
                   const struct ingest_sink *sink, struct ingest_counts *counts, struct error *err);

/* ---- silver.c ---- */

/* From what bronze_load() left in the engine to silver's files, with quality report. */
int silver_build(struct stage *stage, struct error *err);

/* The quarantine file alone. */
int silver_write_quarantine(struct stage *stage, struct error *err);

/* Silver of the run date as it was published, for gold alone. */
int silver_open(struct stage *stage, struct error *err);

/* ---- score.c ---- */

/* Six decimals are what sums of float32 votes carry; equal votes then are equal, and the first
 * wins. */
static inline double round_vote(double prob)
{
    return round(prob * 1e6) / 1e6;
}

/* Fills the table `predictions` from `features`. */
int score_features(struct stage *stage, const struct fleet_model *model, struct error *err);

/* ---- gold.c ---- */

int gold_build(struct stage *stage, const struct fleet_model *model, struct error *err);

/* ---- quality.c ---- */

/* Writes quality/LEVEL_quality_D.csv for the engine's table `from`; issues as the report has them.
 */
int quality_write(struct stage *stage, const struct table *table, const char *level,
                  const char *schema_issues, struct error *err);

/* ---- lineage.c ---- */

/* Writes runs/run_date=D/run.json over everything that was staged; `model` NULL when gold was not
 * made. `refused`: the run stops at its rejects, only the quarantine is published. */
int lineage_write(struct stage *stage, const struct fleet_model *model, bool refused,
                  struct error *err);

#endif
