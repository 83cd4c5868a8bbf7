/* GET runs, catalog: which runs there are, and what the names in the data mean. */
#include "serve/call.h"

#include <string.h>

static void put_statuts(struct body *out, const uint64_t by_statut[STATUT_COUNT])
{
    body_key(out, "by_statut");
    body_open(out, '{');
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        body_put_whole(out, statut_kinds[s].name, (int64_t)by_statut[s]);
    }
    body_close(out, '}');
}

int api_runs(struct call *call)
{
    struct body *out = call->out;
    const struct view *view = call->view;
    body_open(out, '{');
    body_key(out, "runs");
    body_open(out, '[');
    for (size_t r = 0; r < view->run_count; r++) {
        const struct run_record *run = &view->runs[r];
        body_open(out, '{');
        body_put_date(out, "run_date", run->run_date);
        body_put_string(out, "gold_sha256", run->gold_sha256);
        body_put_whole(out, "vehicles", (int64_t)run->gold_rows);
        put_statuts(out, run->by_statut);
        body_close(out, '}');
    }
    body_close(out, ']');
    body_put_date(out, "latest", view->latest->record.run_date);
    body_key(out, "warning");
    if (view->warned) {
        body_words(out, &(struct text)TEXT("Les fichiers publiés ne sont pas complets : ce qui est "
                                           "montré est le dernier état sûr",
                                           "The published files are not whole: what is shown is "
                                           "the last good state"));
    } else {
        body_null(out);
    }
    body_close(out, '}');
    return 0;
}

/* ---- catalog ---- */

static const char *type_name(enum column_type type)
{
    static const char *const names[] = {
        [COLUMN_TEXT] = "text", [COLUMN_BLOB] = "blob",           [COLUMN_WHOLE] = "whole",
        [COLUMN_REAL] = "real", [COLUMN_TIMESTAMP] = "timestamp", [COLUMN_DATE] = "date",
    };
    return names[type];
}

/* The column of gold that shows a measure; NULL: none does. */
static const char *gold_column(const char *measure)
{
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        if (strcmp(model_input_names[i], measure) == 0) {
            return model_input_gold_columns[i];
        }
    }
    return NULL;
}

/* The measure that a column of gold shows; NULL: none. */
static const struct feature *measure_of(const char *column)
{
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        if (strcmp(model_input_gold_columns[i], column) == 0) {
            return feature_find(model_input_names[i]);
        }
    }
    return feature_find(column);
}

static void put_measure(struct body *out, const struct feature *feature)
{
    body_open(out, '{');
    body_put_string(out, "name", feature->name);
    body_put_string(out, "column", gold_column(feature->name));
    body_put_words(out, "label", &feature->label);
    body_put_words(out, "unit", &feature->unit);
    body_put_whole(out, "decimals", feature->decimals);
    body_put_real(out, "low", feature->low);
    body_put_real(out, "high", feature->high);
    body_close(out, '}');
}

static void put_measures(struct body *out)
{
    body_key(out, "measures");
    body_open(out, '[');
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        put_measure(out, &telemetry_features[i]);
    }
    put_measure(out, reason_feature(INPUT_km_depuis_revis));
    body_close(out, ']');
}

static void put_kinds(struct body *out)
{
    body_key(out, "statuts");
    body_open(out, '[');
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        body_open(out, '{');
        body_put_string(out, "name", statut_kinds[s].name);
        body_put_words(out, "label", &statut_kinds[s].label);
        body_put_words(out, "when", &statut_kinds[s].when);
        body_close(out, '}');
    }
    body_close(out, ']');
    body_key(out, "failures");
    body_open(out, '[');
    for (size_t f = 0; f < FAILURE_COUNT; f++) {
        body_open(out, '{');
        body_put_whole(out, "number", (int64_t)f);
        body_put_string(out, "name", failure_kinds[f].name);
        body_put_words(out, "label", &failure_kinds[f].label);
        body_put_words(out, "advice", &failure_kinds[f].advice);
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_thresholds(struct body *out)
{
    const struct fleet_thresholds *t = &fleet_thresholds;
    const double from[NIVEAU_COUNT] = {0, t->surveillance, t->attention, t->urgent};
    body_key(out, "niveaux");
    body_open(out, '[');
    for (size_t n = 0; n < NIVEAU_COUNT; n++) {
        body_open(out, '{');
        body_put_string(out, "name", niveau_names[n]);
        body_put_real(out, "prob_min", from[n]);
        body_close(out, '}');
    }
    body_close(out, ']');
    body_key(out, "thresholds");
    body_open(out, '{');
    body_put_real(out, "critique", t->critique);
    body_put_real(out, "alerte", t->alerte);
    body_put_real(out, "urgent", t->urgent);
    body_put_real(out, "attention", t->attention);
    body_put_real(out, "surveillance", t->surveillance);
    body_close(out, '}');
}

static void put_refusals(struct body *out)
{
    body_key(out, "reasons_of_refusal");
    body_open(out, '[');
    for (size_t i = 0; i < REFUSAL_COUNT; i++) {
        body_open(out, '{');
        body_put_string(out, "code", refusal_kinds[i].code);
        body_put_bool(out, "of_field", refusal_kinds[i].of_field);
        body_put_words(out, "label", &refusal_kinds[i].label);
        body_close(out, '}');
    }
    body_close(out, ']');
}

/* How many decimals people want to see: the measure's, or what is usual for its kind. */
static void put_decimals(struct body *out, const struct column *column,
                         const struct feature *feature)
{
    bool share = strncmp(column->name, "p_", 2) == 0 || strcmp(column->name, "prob_panne") == 0;
    bool km = strncmp(column->name, "km_", 3) == 0;
    if (feature != NULL) {
        body_put_whole(out, "decimals", feature->decimals);
    } else if (column->type == COLUMN_WHOLE || (column->type == COLUMN_REAL && km)) {
        body_put_whole(out, "decimals", 0);
    } else if (column->type == COLUMN_REAL) {
        body_put_whole(out, "decimals", share ? 2 : 1);
    } else {
        body_put_null(out, "decimals");
    }
}

static void put_columns(struct body *out)
{
    const struct table_fact *table = &fleet_tables[TABLE_REPORTING];
    body_key(out, "columns");
    body_open(out, '[');
    for (size_t c = 0; c < table->table.column_count; c++) {
        const struct column_fact *fact = &table->facts[c];
        const struct feature *feature = measure_of(fact->column.name);
        bool own_label = fact->label.in[LANG_FR] != NULL;
        body_open(out, '{');
        body_put_string(out, "name", fact->column.name);
        body_put_string(out, "type", type_name(fact->column.type));
        body_put_words(out, "label", own_label ? &fact->label : feature ? &feature->label : NULL);
        body_put_words(out, "unit", feature != NULL ? &feature->unit : NULL);
        put_decimals(out, &fact->column, feature);
        body_put_bool(out, "sortable", column_is_sortable(c));
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_table(struct body *out, const struct table_fact *table)
{
    body_open(out, '{');
    body_put_string(out, "name", table->table.name);
    body_put_string(out, "level", table->level);
    body_put_string(out, "path", table->path);
    body_put_words(out, "grain", &table->grain);
    body_key(out, "columns");
    body_open(out, '[');
    for (size_t c = 0; c < table->table.column_count; c++) {
        const struct column_fact *fact = &table->facts[c];
        const struct feature *feature = feature_find(fact->column.name);
        bool own_label = fact->label.in[LANG_FR] != NULL;
        body_open(out, '{');
        body_put_string(out, "name", fact->column.name);
        body_put_string(out, "type", type_name(fact->column.type));
        body_put_words(out, "label", own_label ? &fact->label : feature ? &feature->label : NULL);
        body_close(out, '}');
    }
    body_close(out, ']');
    body_close(out, '}');
}

int api_catalog(struct call *call)
{
    struct body *out = call->out;
    body_open(out, '{');
    put_measures(out);
    put_kinds(out);
    put_thresholds(out);
    put_refusals(out);
    put_columns(out);
    body_key(out, "tables");
    body_open(out, '[');
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        put_table(out, &fleet_tables[t]);
    }
    body_close(out, ']');
    body_close(out, '}');
    return 0;
}
