/* What the system knows about vehicles: measures, failures, tables, thresholds, advice.
 *
 * Every fact of the field stands once, in features.def, failures.def, tables.def, profiles.def or
 * status.c; this header is how the other rooms ask for it. */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "base/columns.h"
#include "base/text.h"
#include "fleet/failures.def"
#include "fleet/features.def"
#include "fleet/profiles.def"
#include "fleet/refusals.def"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- measures ---- */

struct feature {
    const char *name;
    enum column_type type; /* COLUMN_WHOLE or COLUMN_REAL */
    double low, high;      /* what is physically possible, inclusive */
    double missing;        /* what silver puts where there is no value; NAN: stays NULL */
    struct text unit;
    int decimals; /* how many people see */
    struct text label;
};

enum telemetry_feature {
#define X(name, ...) TELEMETRY_##name,
    TELEMETRY_FEATURES(X)
#undef X
        TELEMETRY_FEATURE_COUNT
};

enum model_input {
#define X(name, gold) INPUT_##name,
    MODEL_INPUTS(X)
#undef X
        MODEL_INPUT_COUNT
};

extern const struct feature telemetry_features[TELEMETRY_FEATURE_COUNT];

/* The model's inputs: name in the history and in the model, column in gold. */
extern const char *const model_input_names[MODEL_INPUT_COUNT];
extern const char *const model_input_gold_columns[MODEL_INPUT_COUNT];

/* The feature of that name (telemetry or derived), or NULL. */
const struct feature *feature_find(const char *name);

/* ---- failures and urgency ---- */

enum failure {
#define X(id, number, ...) FAILURE_##id = number,
    FAILURES(X)
#undef X
        FAILURE_COUNT
};

enum statut {
#define X(id, ...) STATUT_##id,
    STATUTS(X)
#undef X
        STATUT_COUNT
};

enum niveau {
#define X(id, name) NIVEAU_##id,
    NIVEAUX(X)
#undef X
        NIVEAU_COUNT
};

struct failure_kind {
    const char *name;   /* in the data */
    int share_of_50;    /* in a simulated fleet */
    int history_of_240; /* in a simulated history */
    struct text label;  /* for people */
    struct text advice; /* the first thing to do */
};

struct statut_kind {
    const char *name;  /* in the data */
    struct text label; /* for people */
    struct text when;  /* how soon to act */
};

extern const struct failure_kind failure_kinds[FAILURE_COUNT];
extern const struct statut_kind statut_kinds[STATUT_COUNT];
extern const char *const niveau_names[NIVEAU_COUNT];

/* Probability that matters for a vehicle: P(predicted class) when a failure is predicted, else the
 * largest of the failures' probabilities; rounded to 6 decimals.
 * prob[FAILURE_COUNT]: class probabilities 0..1, not NaN. */
double fleet_prob_panne(int predicted, const double prob[FAILURE_COUNT]);

/* Urgency of a prediction; prob_panne as fleet_prob_panne() gives it. */
enum statut fleet_statut(int predicted, double prob_panne);

/* Quick-filter level by probability alone. */
enum niveau fleet_niveau(double prob_panne);

/* Health 0..100: floor of the exact decimal value of (1 - prob_panne) * 100. */
int fleet_sante(double prob_panne);

/* Km before the predicted failure, rounded up to 250; 30000 when none is predicted; NAN when the
 * part has no lifetime (km_median NAN) or km_depuis_revis is NAN. km_median in km. */
double fleet_km_avant_panne(int predicted, double prob_panne, double km_median,
                            double km_depuis_revis);

/* The thresholds that the above go by, for those who draw them. */
struct fleet_thresholds {
    double critique, alerte;                /* of a statut, when a failure is predicted */
    double urgent, attention, surveillance; /* of a niveau */
};
extern const struct fleet_thresholds fleet_thresholds;

/* ---- why records are refused (refusals.def) ---- */

enum refusal {
#define X(code, ...) REFUSAL_##code,
    REFUSALS(X)
#undef X
        REFUSAL_COUNT
};

struct refusal_kind {
    const char *code;
    bool of_field; /* ":FIELD" follows */
    struct text label;
};

extern const struct refusal_kind refusal_kinds[REFUSAL_COUNT];

/* The kind of a code, with or without ":FIELD"; NULL when it is none. */
const struct refusal_kind *refusal_find(const char *code);

/* ---- what the simulation draws (profiles.def) ---- */

struct profile_range {
    double low, high; /* inclusive; in the measure's unit */
    bool whole;       /* drawn as a whole number */
};

/* The range of every input of the model for vehicles on their way to each kind of failure. */
extern const struct profile_range profile_ranges[FAILURE_COUNT][MODEL_INPUT_COUNT];

enum simulation_number {
#define X(id, value) SIMULATION_##id = value,
    SIMULATION_NUMBERS(X)
#undef X
};

enum modele {
#define X(id, name) MODELE_##id,
    MODELES(X)
#undef X
        MODELE_COUNT
};

enum service {
#define X(id, name) SERVICE_##id,
    SERVICES(X)
#undef X
        SERVICE_COUNT
};

extern const char *const modele_names[MODELE_COUNT];
extern const char *const service_names[SERVICE_COUNT];

enum wear_number {
#define X(id, value) WEAR_##id = value,
    WEAR_NUMBERS(X)
#undef X
};

enum cycle {
#define X(id, ...) CYCLE_##id,
    CYCLES(X)
#undef X
        CYCLE_COUNT
};

/* How a simulated vehicle is driven; bounds are inclusive, hours those of the day (UTC). */
struct driving {
    const char *name;
    int km_low, km_high; /* km a day */
    int vitesse_low, vitesse_high;
    int from_hour, to_hour;
    bool sunday; /* at work on Sundays, too */
};

extern const struct driving cycles[CYCLE_COUNT];

/* What midsummer adds to a measure, midwinter takes off; in its unit, mostly 0. */
extern const double season_amplitudes[TELEMETRY_FEATURE_COUNT];

/* The service that a vehicle with this failure had last; SERVICE_COUNT when it may be any. */
enum service fleet_failure_service(enum failure failure);

/* ---- tables (tables.def) ---- */

/* One column of a published or internal table, for the schema check and the catalogue. */
struct column_fact {
    struct column column;
    struct text label; /* what it holds, with unit */
};

struct table_fact {
    struct table table;
    const char *level; /* bronze, silver, gold, quality, quarantine, runs */
    const char *path;  /* relative to the data root, D and E for dates; "" if internal */
    struct text grain; /* one row is ... */
    const struct column_fact *facts; /* table.column_count of them */
};

enum table_id {
#define TABLE(id, ...) TABLE_##id,
#define COLUMN(...)
#define END(id)
#include "fleet/tables.def"
#undef TABLE
#undef COLUMN
#undef END
    TABLE_COUNT
};

extern const struct table_fact fleet_tables[TABLE_COUNT];

/* The columns of a table of tables.def, as the engine and the readers take them. */
const struct table *fleet_table(enum table_id id);

#endif
