/* What the stages of one run share: the engine session, the publication, the report. Internal to
 * the pipeline; pipeline.h is what others see. */
#ifndef PIPELINE_STAGES_H
#define PIPELINE_STAGES_H

#include "base/publish.h"
#include "lake/lake.h"
#include "pipeline/pipeline.h"
#include "published/model.h"

#include <jansson.h>
#include <math.h>

struct taken_input {
    const char *path, *sha256;
};

/* What an earlier run of the same date left, see taken.c. */
struct taken {
    char rules_sha256[HASH_TEXT_SIZE];
    json_t *record;             /* run.json as it is */
    bool goes_on;               /* this run reads new telemetry only; the rest is as follows */
    bool same;                  /* all that silver is made from is what it was: silver stays */
    struct ingest_takens files; /* that need not be read again */
    struct taken_input *tables; /* the other inputs of the earlier run */
    size_t table_count;
    struct ingest_counts counts; /* of those */
};

struct stage {
    const struct session *session;
    const struct run_options *options;
    struct run_report *report;
    struct lake *lake;
    struct publication *publication;
    struct arena *arena; /* of the whole run */
    struct taken taken;
    const char *raw; /* the folder with bronze/ in it: the root, or where bronze_fetch() put it */
    struct remote *remote;              /* raw data of another file system, or NULL */
    struct beside *beside;              /* NULL: what would be done beside is done at once */
    char inputs_sha256[HASH_TEXT_SIZE]; /* for run.json, once what is done beside is settled */
    json_t *history; /* for run.json: the earlier silver that gold was made from; NULL: none */
};

/* Tells the listener, if there is one, what goes on. */
void stage_tell(const struct session *session, const struct text *what, uint64_t done,
                uint64_t total);

/* A file for lake_write_files() at ROOT/relative, staged. */
struct lake_file stage_file(struct stage *stage, const struct lake_output *output,
                            enum lake_format format, const char *relative);

/* Writes a table to the place that tables.def gives it (D is the run date), beside; what the output
 * names must live as long as the run. */
int stage_write(struct stage *stage, const struct lake_output *output, enum lake_format format,
                const char *relative, struct error *err);

/* The path of a table for the run date, relative to the root. */
const char *stage_path(struct stage *stage, enum table_id table);

/* ---- beside.c: what a run does beside its stages, when there is a thread for it ---- */

/* From now on there is a second thread, if the engine and the session let there be one. */
void beside_open(struct stage *stage);

/* Does work(lake, what) now or later, on the stage's session or one beside it; `what` lives as long
 * as the run. After a failure, which may be an earlier one's, nothing more is begun. */
int beside_do(struct stage *stage, int (*work)(struct lake *lake, void *what, struct error *err),
              void *what, struct error *err);

/* Waits until all is done, or says what failed. */
int beside_settle(struct stage *stage, struct error *err);

/* Lets go of what is not done; after beside_settle() there is nothing. */
void beside_close(struct stage *stage);

/* ---- bronze.c: raw files into telemetry_messages, maintenance, vehicules, piece_lifetime,
 * records (quarantine) and inputs ---- */

/* Finds the bronze folder of the run date, relative to the root, owned by the arena; an error lists
 * the dates that there are. */
int bronze_find(const char *data, int32_t run_date, struct arena *arena, const char **folder,
                struct error *err);

/* Reads the raw files of the run date into the engine's tables; fills the report's counts, and
 * stage->raw, the root that the files were read below. */
int bronze_load(struct stage *stage, struct error *err);

/* ---- bronze_remote.c: raw data that lies on another file system ---- */

struct remote {
    const char *json;   /* address of the folder of telemetry */
    const char **names; /* of the files in it, sorted; empty ones are not seen */
    size_t count, room;
};

/* Lists the raw data at stage->options->bronze and copies what this program reads itself (services,
 * register, lifetimes, history, Parquet telemetry) into stage->raw. */
int bronze_fetch(struct stage *stage, struct error *err);

/* What a telemetry message must look like on a run date: vin, timestamp, event_ts, the measures,
 * event_date. */
enum { TELEMETRY_FIELDS = 3 + TELEMETRY_FEATURE_COUNT + 1 };
struct telemetry_spec {
    struct record_field fields[TELEMETRY_FIELDS];
    struct record_spec spec;
};

/* Fills it; the spec points into it, so that it must stay where it is. */
void telemetry_spec_init(struct telemetry_spec *telemetry, int32_t run_date);

/* What the workers that read raw files print, by its number in their lines (see lake_transform()).
 */
enum worker_table { WORKER_MESSAGES, WORKER_REJECTS, WORKER_INPUTS, WORKER_COUNTS, WORKER_TABLES };
extern const struct table worker_counts; /* what TEXT, field WHOLE, value WHOLE */

/* Where a row of `worker_counts` belongs: counts->NAME, or counts->NAME[field]; NULL: nowhere. */
uint64_t *worker_count(struct ingest_counts *counts, const char *name, size_t field);

/* Records of the history that have a usable label go to `sink`, in the file's order; `path` is
 * relative to `root`. */
int bronze_history(const char *root, const char *path, const struct ingest_sink *sink,
                   struct ingest_counts *counts, struct error *err);

/* ---- taken.c: what an earlier run of the date took in ---- */

/* Fills stage->taken: shall this run go on from what is published, and with which files? `folder`
 * is bronze's, `spec` what telemetry must look like. When it goes on, the engine has the earlier
 * results as telemetry_publiee, records_publies, inputs_publies and taken_publies. */
int taken_open(struct stage *stage, const char *folder, const struct record_spec *spec,
               struct error *err);

/* Whether this run has read no telemetry, as all of it was read by the run that it goes on from. */
bool taken_nothing_new(const struct stage *stage);

/* Sets stage->taken.same, when all is read; `inputs` has the files that were read, in the columns
 * of the table of that name. */
void taken_compare(struct stage *stage, const struct batch *inputs);

/* Fills the report's counts of the earlier silver, which is the same. */
void taken_counts(struct stage *stage);

/* Frees what stage->taken holds; zeroed is fine. */
void taken_release(struct stage *stage);

/* The days of the earlier silver's telemetry, in order, owned by the run's arena. */
void taken_days(struct stage *stage, int32_t **days, size_t *count);

/* A file of the earlier run stays as it is, and is one of this run's; false: there is none, or it
 * is another by now. */
bool taken_keep(struct stage *stage, const char *path);

/* The same for a file that this run would write, if it is silver's and silver is the same. */
bool taken_stays(struct stage *stage, const char *path);

/* The section "taken" of run.json, for the next run; takes `files` over. */
json_t *taken_section(struct stage *stage, const char *silver_sha256, const char *combined,
                      json_t *files);

/* ---- bronze_parquet.c: telemetry that comes as Parquet ---- */

/* Passes over the files of `takens` (NULL: none). */
int bronze_parquet(struct stage *stage, const char *folder, const struct record_spec *spec,
                   const struct ingest_takens *takens, const struct ingest_sink *sink,
                   struct ingest_counts *counts, struct error *err);

/* ---- silver.c ---- */

/* From what bronze_load() left in the engine to silver's files, with quality report. */
int silver_build(struct stage *stage, struct error *err);

/* The quarantine file alone. */
int silver_write_quarantine(struct stage *stage, struct error *err);

/* The run date's telemetry as the engine has it: under another name when gold is made from that of
 * several dates. */
struct table silver_telemetry(const struct stage *stage);

/* Which messages are one, and how silver's files are ordered and cut. */
extern const struct lake_distinct silver_distinct;

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

/* ---- score.c again: one block of vehicles ---- */

/* Predicts for blocks of vehicles, in the columns of `predictions` behind vin. */
struct scoring {
    const struct fleet_model *model;
    unsigned threads;
    double km_median[FAILURE_COUNT]; /* of the part; NAN: no lifetime known */
    float *x;                        /* one block, in the model's order */
    double *prob;                    /* one block, by class of the model */
    int *predicted;                  /* one block, by failure */
    struct fleet_reasons reasons;
};

enum { SCORING_RESULTS = 6 + FAILURE_COUNT }; /* numbers a vehicle */

/* Makes room for blocks of LAKE_MAP_ROWS, owned by the arena. */
void scoring_init(struct scoring *scoring, const struct fleet_model *model, unsigned threads,
                  struct arena *arena);

/* y[rows][SCORING_RESULTS] of x[rows][MODEL_INPUT_COUNT], in gold's order of inputs; the reasons
 * are in scoring->reasons.cells afterwards. The context is a struct scoring. */
int scoring_block(void *context, const double *x, size_t rows, double *y, struct error *err);

/* ---- gold.c ---- */

/* Makes and writes the gold tables and gold's quality report from silver's tables in the engine,
 * scored by the model. */
int gold_build(struct stage *stage, const struct fleet_model *model, struct error *err);

/* ---- quality.c ---- */

/* Writes quality/LEVEL_quality_D.csv for the engine's table, beside; issues as the report has them,
 * which live as long as the run. */
int quality_write(struct stage *stage, struct table table, const char *level,
                  const char *schema_issues, struct error *err);

/* ---- lineage.c ---- */

/* One more file of a combined hash; the files come sorted as their list is. */
void lineage_combine(struct hash *hash, const char *path, const char *sha256);

/* Combines the hashes of all inputs, beside, into stage->inputs_sha256. */
int lineage_inputs(struct stage *stage, struct error *err);

/* The section of run.json that names a published file: "silver", "taken", "gold" or "quarantine".
 */
const char *lineage_section(const char *path);

/* The run.json of a run date, or an empty object when there is none that can be read; the caller
 * lets it go. */
int lineage_read(struct stage *stage, int32_t run_date, json_t **record, struct error *err);

/* Writes runs/run_date=D/run.json over everything that was staged; `model` NULL when gold was not
 * made. `refused`: the run stops at its rejects, only the quarantine is published. */
int lineage_write(struct stage *stage, const struct fleet_model *model, bool refused,
                  struct error *err);

#endif
