/* The tables of facts that the .def files expand to; see fleet.h. */
#include "fleet/fleet.h"

#include <string.h>

const struct feature telemetry_features[TELEMETRY_FEATURE_COUNT] = {
#define X(name, type, low, high, missing, unit_fr, unit_en, decimals, fr, en) \
    {#name, COLUMN_##type, low, high, missing, TEXT(unit_fr, unit_en), decimals, TEXT(fr, en)},
    TELEMETRY_FEATURES(X)};

static const struct feature derived_features[] = {DERIVED_FEATURES(X)};
#undef X

const char *const model_input_names[MODEL_INPUT_COUNT] = {
#define X(name, gold) #name,
    MODEL_INPUTS(X)
#undef X
};

const char *const model_input_gold_columns[MODEL_INPUT_COUNT] = {
#define X(name, gold) #gold,
    MODEL_INPUTS(X)
#undef X
};

const struct failure_kind failure_kinds[FAILURE_COUNT] = {
#define X(id, number, name, share, history, fr, en, advice_fr, advice_en) \
    [number] = {name, share, history, TEXT(fr, en), TEXT(advice_fr, advice_en)},
    FAILURES(X)
#undef X
};

const struct statut_kind statut_kinds[STATUT_COUNT] = {
#define X(id, name, fr, en, when_fr, when_en) {name, TEXT(fr, en), TEXT(when_fr, when_en)},
    STATUTS(X)
#undef X
};

const char *const niveau_names[NIVEAU_COUNT] = {
#define X(id, name) name,
    NIVEAUX(X)
#undef X
};

const struct profile_range profile_ranges[FAILURE_COUNT][MODEL_INPUT_COUNT] = {
#define X(failure, measure, low, high, type) \
    [FAILURE_##failure][INPUT_##measure] = {low, high, COLUMN_##type == COLUMN_WHOLE},
    PROFILES(X)
#undef X
};

const char *const modele_names[MODELE_COUNT] = {
#define X(id, name) name,
    MODELES(X)
#undef X
};

const char *const service_names[SERVICE_COUNT] = {
#define X(id, name) name,
    SERVICES(X)
#undef X
};

const struct driving cycles[CYCLE_COUNT] = {
#define X(id, name, ...) {name, __VA_ARGS__},
    CYCLES(X)
#undef X
};

const double season_amplitudes[TELEMETRY_FEATURE_COUNT] = {
#define X(measure, amplitude) [TELEMETRY_##measure] = (amplitude),
    SEASONS(X)
#undef X
};

enum service fleet_failure_service(enum failure failure)
{
    switch (failure) {
#define X(failed, service) \
    case FAILURE_##failed: \
        return SERVICE_##service;
        FAILURE_SERVICES(X)
#undef X
    default:
        return SERVICE_COUNT;
    }
}

const struct feature *feature_find(const char *name)
{
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        if (strcmp(telemetry_features[i].name, name) == 0) {
            return &telemetry_features[i];
        }
    }
    for (size_t i = 0; i < sizeof derived_features / sizeof *derived_features; i++) {
        if (strcmp(derived_features[i].name, name) == 0) {
            return &derived_features[i];
        }
    }
    return NULL;
}

/* One array of facts and one of plain columns per table of tables.def. */
#define TABLE(id, name, level, path, fr, en) static const struct column_fact facts_##id[] = {
#define COLUMN(id, name, type, fr, en) {{name, COLUMN_##type}, TEXT(fr, en)},
#define END(id) \
    }           \
    ;
#include "fleet/tables.def"
#undef TABLE
#undef COLUMN
#undef END

#define TABLE(id, name, level, path, fr, en) static const struct column columns_##id[] = {
#define COLUMN(id, name, type, fr, en) {name, COLUMN_##type},
#define END(id) \
    }           \
    ;
#include "fleet/tables.def"
#undef TABLE
#undef COLUMN
#undef END

const struct table_fact fleet_tables[TABLE_COUNT] = {
#define TABLE(id, name, level, path, fr, en)                                          \
    [TABLE_##id] = {{name, columns_##id, sizeof columns_##id / sizeof *columns_##id}, \
                    level,                                                            \
                    path,                                                             \
                    TEXT(fr, en),                                                     \
                    facts_##id},
#define COLUMN(...)
#define END(id)
#include "fleet/tables.def"
#undef TABLE
#undef COLUMN
#undef END
};

const struct table *fleet_table(enum table_id id)
{
    return &fleet_tables[id].table;
}

const struct refusal_kind refusal_kinds[REFUSAL_COUNT] = {
#define X(code, of_field, fr, en) [REFUSAL_##code] = {#code, of_field, TEXT(fr, en)},
    REFUSALS(X)
#undef X
};

const struct refusal_kind *refusal_find(const char *code)
{
    for (size_t i = 0; i < REFUSAL_COUNT; i++) {
        size_t size = strlen(refusal_kinds[i].code);
        if (strncmp(code, refusal_kinds[i].code, size) == 0 &&
            (code[size] == '\0' || (refusal_kinds[i].of_field && code[size] == ':'))) {
            return &refusal_kinds[i];
        }
    }
    return NULL;
}
