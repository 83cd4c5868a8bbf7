/* The stages from bronze to gold, training and scoring.
 *
 * Nothing here prints or reads a clock's date: the run date is an argument, reports are structs and
 * only cli turns them into words. All outputs are staged and published as one (base/publish.h). */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "fleet/fleet.h"
#include "forest/evaluate.h"
#include "ingest/ingest.h"
#include "published/published.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- run, silver, gold (run.c) ---- */

enum {
    STAGE_SILVER = 1, /* bronze -> silver */
    STAGE_GOLD = 2,   /* silver -> gold */
};

struct run_options {
    unsigned stages;        /* STAGE_... joined by | */
    const char *model_path; /* NULL: models/model_pannes.onnx under the root */
    const char *bronze;     /* address of the raw data ("hdfs://HOST:PORT/lake/bronze"), for Spark;
                               NULL: bronze/ under the root */
    const char *map_path;   /* NULL: telemetry is in our own words (see docs/mapping.md) */
    double reject_limit;    /* share of telemetry records in quarantine above which a run fails */
    bool calibrated;        /* gold's probabilities by the model's calibration, not raw votes */
    bool has_since;         /* gold over the silver of the run dates from `since` on, too */
    int32_t since;
    bool full; /* read all raw files, also those that an earlier run took in */
};

struct run_report {
    struct ingest_counts telemetry; /* of all files of the date, whenever they were read */
    uint64_t taken_before;          /* of those files, read by earlier runs of the date */
    uint64_t duplicates;
    uint64_t conflicts; /* same vin and instant, other values: both kept */
    uint64_t imputed[TELEMETRY_FEATURE_COUNT];
    uint64_t silver_rows;
    uint64_t services, services_quarantined;
    uint64_t vehicles, vehicles_quarantined, vehicles_conflicting;
    uint64_t without_service;  /* orphans: in telemetry, not in maintenance */
    uint64_t without_register; /* orphans: in telemetry, not in the register */
    uint64_t gold_rows;
    uint64_t incomplete; /* gold rows with a feature that is missing everywhere */
    uint64_t by_statut[STATUT_COUNT];
    bool foreign_model; /* the model names no features: taken in contract order */
    double seconds_ingest, seconds_silver, seconds_gold, seconds_publish, seconds;
};

/* Runs the stages for one run date and publishes their outputs. Above the reject limit only the
 * quarantine is published, gold stays as it was, and the call fails. The report is filled as far as
 * the work went, also on failure. */
int pipeline_run(const struct session *session, const struct run_options *options,
                 struct run_report *report, struct error *err);

/* ---- train (train.c, train_table.c, learning.c) ---- */

enum train_check {
    TRAIN_HOLDOUT,    /* a fifth is held out, a forest grown on the rest is tested on it */
    TRAIN_FOLDS,      /* each fifth in turn */
    TRAIN_OUT_OF_BAG, /* no further forest: each row by the trees that have not seen it */
};

enum train_split {
    TRAIN_STRATIFIED, /* each class spread evenly */
    TRAIN_GROUPED,    /* no vehicle (group) on both sides */
    TRAIN_BY_DATE,    /* learned from the earlier, tested on the later */
};

struct train_options {
    const char *history;    /* CSV; NULL: the newest bronze's data_historique_pannes.csv */
    const char *table;      /* any CSV or Parquet table instead; wants label and model_path */
    const char *label;      /* column of the classes */
    const char *drop;       /* columns to leave out, joined by ','; or NULL */
    const char *group;      /* column: rows of one value stay together; or NULL */
    const char *date;       /* column: test on the latest; or NULL */
    const char *quiet;      /* label that stands for "nothing happens"; NULL: the first of two */
    const char *model_path; /* NULL: models/model_pannes.onnx under the root */
    enum train_check check;
    struct forest_costs costs; /* both 0: a missed failure costs ten needless visits */
    unsigned trees;            /* 0: 100; this and the next as in struct forest_options */
    unsigned max_depth, min_leaf, max_features;
    bool balanced, extra_trees;
    uint64_t seed;
};

enum train_rival_kind {
    RIVAL_MAJORITY,         /* always the most frequent class ("always OK") */
    RIVAL_SERVICE_INTERVAL, /* the part whose median lifetime is exceeded the most since service */
    RIVAL_COUNT
};

/* A rule of thumb, judged on the same rows as the model. */
struct train_rival {
    bool known;
    struct forest_metrics metrics;
    double cost; /* per row; NAN: no quiet class */
};

struct train_feature {
    const char *name;
    double gini;        /* share of all decrease of impurity, of the forest that was written */
    double permutation; /* growth of the squared error when shuffled in unseen rows */
};

struct train_report {
    const char *source;     /* the file read; texts are owned by the arena given */
    const char *model_path; /* the file written */
    uint64_t rows;
    uint64_t refused; /* rows that could not be used */
    size_t trees, nodes;
    bool fleet; /* the classes are failures.def's */
    int classes;
    const char **class_labels; /* [classes] */
    int quiet;                 /* class, or -1: there is none */
    enum train_check check;
    enum train_split split;
    struct forest_metrics checked; /* with intervals: rows that the judged trees have not seen */
    struct forest_reliability reliability[FOREST_RELIABILITY_BINS]; /* of those rows */
    bool has_oob;
    struct forest_metrics oob; /* out of bag, of the forest that was written */
    struct train_rival rivals[RIVAL_COUNT];
    struct forest_calibration calibration; /* stored in the model: the best on unseen rows */
    double log_loss[FOREST_ISOTONIC + 1];  /* of each kind on those; NAN: not tried */
    double calibration_error[FOREST_ISOTONIC + 1];
    struct forest_costs costs;
    double threshold;                        /* stored in the model; NAN: no quiet class */
    double cost_at_threshold, cost_by_class; /* per unseen row */
    double cost_never, cost_always;          /* of visiting none, and all */
    struct train_feature *features;          /* most important first */
    size_t feature_count;
    size_t constant; /* features that never change: of no use */
    double seconds;
};

/* Learns from the fleet's history or any table, judges the forest on rows that it has not seen, and
 * writes the model with all that in its card (docs/model.md). */
int pipeline_train(const struct session *session, const struct train_options *options,
                   struct arena *arena, struct train_report *report, struct error *err);

/* ---- score (score_table.c) ---- */

enum score_format { SCORE_CSV, SCORE_TSV };

struct score_options {
    const char *model_path;
    const char *table_path;   /* CSV or Parquet; NULL: rows of text on standard input */
    const char *out_path;     /* NULL: standard output */
    enum score_format format; /* of the text on standard input and of the result */
    bool no_header;           /* of both: the columns are the model's, in its order */
    bool calibrated;          /* probabilities by the model's calibration, not raw votes */
};

/* Scores every row of a table, in order: column `prediction` (the training label) and one column
 * p_<label> a class. The table has the model's feature names as columns (a model without names
 * takes the contract's); others are passed over. NULL and empty cells are missing values. Standard
 * input is read in bounded memory, and what was read is written before more is waited for. `rows`
 * is how many were written, also after a failure. */
int pipeline_score(const struct session *session, const struct score_options *options,
                   uint64_t *rows, struct error *err);

/* ---- verify (verify.c) ---- */

struct verify_options {
    bool all;    /* the runs of all dates, else session->run_date's */
    bool strict; /* notes count as faults */
};

struct verify_finding {
    int32_t run_date;
    bool fault;       /* else a note: the results stand, but something beside them has moved on */
    struct text text; /* what is wrong, and how to mend it; owned by the arena */
};

struct verify_report {
    uint64_t runs;   /* that were checked */
    uint64_t files;  /* published files */
    uint64_t inputs; /* raw files that are there as they were read */
    uint64_t bytes;  /* hashed */
    struct verify_finding *findings;
    size_t finding_count;
    uint64_t fault_count;
};

/* Holds what is published against run.json: hashes and sizes of all files, no file that no run
 * made, columns, row counts, records read = silver + quarantined + duplicates, and the chain from
 * gold over model and silver to bronze. Changes nothing, and is not disturbed by runs meanwhile.
 * Fails only when it cannot tell; what is wrong is in the report. */
int pipeline_verify(const struct session *session, const struct verify_options *options,
                    struct arena *arena, struct verify_report *report, struct error *err);

/* ---- parity (parity.c) ---- */

#define PARITY_TOLERANCE 1e-9 /* of numbers, relative to those above 1 */

struct parity_table {
    const char *path; /* relative to the lake; of a table with a folder a day, that above these */
    bool missing;     /* a file that one lake has and the other has not */
    bool columns_differ; /* in name, order or type: rows are not compared then */
    uint64_t rows_a, rows_b;
    uint64_t differing;            /* rows at the same place that are not the same */
    const char *first_a, *first_b; /* the first of these as JSON, or NULL */
};

struct parity_count {
    struct text name;
    uint64_t a, b;
};

enum { PARITY_COUNTS = 9 };

struct parity_report {
    struct parity_table *tables;
    size_t table_count;
    struct parity_count counts[PARITY_COUNTS]; /* of the runs, when both ran here */
    size_t count_count;
    size_t differing; /* tables and counts that are not the same */
};

/* True when there is no difference. */
static inline bool parity_same(const struct parity_table *table)
{
    return !table->missing && table->rows_a == table->rows_b && table->differing == 0;
}

/* Compares everything that was published for the run date in two lakes: rows in their order, keys,
 * texts and NULLs identical, numbers within PARITY_TOLERANCE. Differences are in the report (texts
 * owned by the arena), not errors; two lakes without any rows are one. */
int pipeline_compare(const struct session *session, const char *a, const char *b,
                     struct arena *arena, struct parity_report *report, struct error *err);

/* Runs both engines on the lake's bronze in a scratch folder and compares what they made. The lake
 * stays as it is. */
int pipeline_parity(const struct session *session, const struct run_options *options,
                    struct arena *arena, struct parity_report *report, struct error *err);

/* ---- what Spark's executors run of this program (worker.c) ---- */

/* Reads raw files from lines "NAME<tab>CHUNK" on standard input (base64; a file's chunks follow one
 * another) as a run does, and prints rows, rejects, files and counts (see lake_transform()). Works
 * in the current folder. `folder` is what stands before the names in reports. */
int pipeline_worker_records(const char *folder, int32_t run_date, const char *map_path,
                            struct error *err);

/* Reads lines "KEY<tab>INPUT<tab>..." in gold's order of inputs ("-": NULL) and prints the columns
 * of `predictions`: KEY, numbers, the reasons as base64. `lifetimes`: the parts' km, by failure,
 * joined by ','. */
int pipeline_worker_score(const char *model_path, bool calibrated, const char *lifetimes,
                          struct error *err);

/* Pieces of work: reads lines "NUMBER<tab>BYTES" (base64) and prints one such line for each (see
 * lake_spread()). Growing: the tree of that number, of the task file of forest_task_write(). */
int pipeline_worker_grow(const char *task_path, struct error *err);

/* Any rows: float X[rows][features], in the model's order, become double P[rows][classes]. */
int pipeline_worker_rows(const char *model_path, bool calibrated, struct error *err);

/* ---- simulated bronze (simulate.c) ---- */

/* Puts `folder`'s content in place as bronze of the run date: called with a function that fills an
 * empty folder. Bronze without the mark _SIMULATED is never replaced. */
int pipeline_simulate(const struct session *session,
                      int (*fill)(void *context, const char *folder, struct error *err),
                      void *context, struct error *err);

/* Writes tables as Parquet files, for as many threads at once as parallel_threads(threads) says
 * (simulate_parquet.c). Close with parquet_writer_close(), which accepts NULL. */
struct parquet_writer;
struct parquet_writer *parquet_writer_open(unsigned threads);
void parquet_writer_close(struct parquet_writer *writer);

/* Takes rows for the next file of this thread, `worker` below the number of threads; all of one
 * table. `context` is the writer. The batch is copied. */
int parquet_writer_rows(void *context, unsigned worker, const struct batch *batch,
                        struct error *err);

/* Writes the rows that this thread has given since its last file, in their order; none: no file. */
int parquet_writer_file(void *context, unsigned worker, const char *path, struct error *err);

#endif
