/* What was published, read back for people: which runs there are, the ranked fleet, why a vehicle
 * is rated as it is, quality and quarantine, what a model is. Reads gold, quality, quarantine, runs
 * and models; writes nothing. Both cli and serve read by it. */
#ifndef PUBLISHED_PUBLISHED_H
#define PUBLISHED_PUBLISHED_H

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "fleet/fleet.h"
#include "fleet/reasons.h"
#include "forest/forest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Told about long work: `stage` is what goes on, done of total (total 0: not known). Called by one
 * thread at a time. */
struct progress {
    void (*tell)(void *context, const struct text *stage, uint64_t done, uint64_t total);
    void *context; /* tell may be NULL: nobody listens */
};

/* What every stage needs to know. */
struct session {
    const char *data;         /* root of the lake */
    int32_t run_date;         /* D, days since 1970-01-01 */
    unsigned threads;         /* 0: all available cores */
    const char *memory;       /* limit for the engine ("2GB"), or NULL */
    bool spark;               /* the stages, training and scoring run on Spark, else here */
    const char *spark_master; /* NULL: local[*] */
    struct progress progress;
};

/* ---- runs and the ranked fleet (report.c) ---- */

struct ranked_vehicle {
    const char *vin, *modele; /* modele NULL when unknown */
    enum statut statut;
    int type_panne_predit; /* 0..FAILURE_COUNT-1 */
    double prob_panne;     /* 0..1 */
    int sante;
    double km_avant_panne;                /* NAN: not known */
    double km_depuis_revis, score_risque; /* NAN: not known */
    const char *raisons;                  /* fleet/reasons.h reads it; NULL: none */
};

/* The run dates that have a folder under `level` ("bronze", "gold/parquet"), oldest first. */
int published_dates_under(const char *data, const char *level, struct arena *arena, int32_t **dates,
                          size_t *count, struct error *err);

/* The run dates that have gold, oldest first; owned by the arena. */
int published_run_dates(const char *data, struct arena *arena, int32_t **dates, size_t *count,
                        struct error *err);

/* The vehicles of one run date, most urgent first (statut, then probability, then vin), at most
 * `limit` (0: all); `total` is the size of the fleet. Owned by the arena. */
int published_top(const struct session *session, size_t limit, struct arena *arena,
                  struct ranked_vehicle **rows, size_t *count, size_t *total, struct error *err);

/* ---- explain (explain.c) ---- */

struct vehicle_service {
    const char *date, *type; /* NULL: not known; date YYYY-MM-DD */
    double km;               /* NAN: not known */
};

struct vehicle_explanation {
    struct ranked_vehicle vehicle;
    double annee;      /* NAN: not known */
    double base, prob; /* of the predicted class, before and after its measures are known */
    struct reason reasons[MODEL_INPUT_COUNT]; /* strongest first; their points sum to prob - base */
    size_t told;                              /* of these are worth a sentence */
    bool against_fleet;     /* the model does not tell what it was trained on: base is the mean of
                               this fleet */
    bool usual_of_fleet;    /* the usual ranges are this fleet's, not the training data's */
    const char *model_path; /* of the model that made the results */
    struct vehicle_service *services; /* latest first */
    size_t service_count;
};

/* Why a vehicle of the published gold is rated as it is. The model is the one that run.json names
 * by its hash: `model_path`, or the path of run.json, or models/model_pannes.onnx under the root;
 * one with another hash is refused. A vehicle that is not there is an error that names near ones.
 * Owned by the arena. */
int published_explain(const struct session *session, const char *vin, const char *model_path,
                      struct arena *arena, struct vehicle_explanation *out, struct error *err);

struct quality_column {
    const char *name;
    uint64_t nulls;
    double null_pct;
};

struct quality_report { /* one of quality/{silver,gold}_quality_D.csv */
    uint64_t rows;
    const char *missing_columns, *schema_issues; /* "" when there are none */
    struct quality_column *columns;
    size_t column_count;
};

struct quarantine_reason {
    const char *reason; /* code, see ingest.h */
    uint64_t records;
    const char *source; /* one example: file */
    int64_t position;   /* and place in it */
};

struct orphan { /* sends but cannot be scored */
    const char *vin;
    bool no_service, not_registered;
};

struct quality_summary {
    struct orphan *orphans; /* the first by vin */
    size_t orphan_count, orphans_total;
    struct quality_report silver, gold;
    struct quarantine_reason *reasons; /* most frequent first */
    size_t reason_count;
    uint64_t quarantined; /* records; one can have several reasons */
};

/* Reads the quality reports, the orphans and the quarantine's reasons of the session's run date;
 * texts are owned by the arena. A run that was not made is an error. */
int published_quality(const struct session *session, struct arena *arena,
                      struct quality_summary *out, struct error *err);

/* ---- what a model is (model_card.c) ---- */

struct model_facts {
    const char *path; /* the file read; texts are owned by the arena given */
    char sha256[HASH_TEXT_SIZE];
    uint64_t bytes;
    bool boosted; /* gradient boosting, else a random forest */
    size_t trees, nodes, features, classes;
    struct forest_card card;
};

/* Reads the model at `model_path` (NULL: models/model_pannes.onnx under the root) and tells what it
 * is; any model that can be read, also one that is not for this fleet. */
int published_model(const struct session *session, const char *model_path, struct arena *arena,
                    struct model_facts *out, struct error *err);

#endif
