/* GET vehicles/{vin}: all that is known about one vehicle. Figures come from memory, reasons from
 * the model that made them, the past from gold's files. */
#include "serve/call.h"

#include <stdlib.h>
#include <string.h>

/* Places of columns in reporting_final. */
static size_t column_of(const char *name)
{
    const struct table *table = fleet_table(TABLE_REPORTING);
    size_t column = 0;
    while (column < table->column_count && strcmp(table->columns[column].name, name) != 0) {
        column++;
    }
    return column;
}

/* ---- measures and reasons ---- */

struct explanation {
    bool known;
    double base;
    struct reason reasons[MODEL_INPUT_COUNT]; /* strongest first */
};

static void put_range(struct body *out, struct usual_range usual)
{
    body_put_real(out, "low", usual.low);
    body_put_real(out, "high", usual.high);
}

static void put_measures(struct call *call, const double x[MODEL_INPUT_COUNT],
                         const struct explanation *why)
{
    struct body *out = call->out;
    const struct loaded_run *run = call->run;
    double points[MODEL_INPUT_COUNT];
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        points[i] = NAN;
    }
    for (size_t i = 0; why->known && i < MODEL_INPUT_COUNT; i++) {
        points[why->reasons[i].input] = why->reasons[i].points;
    }
    body_key(out, "measures");
    body_open(out, '[');
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        body_open(out, '{');
        body_put_string(out, "column", model_input_gold_columns[i]);
        body_put_real(out, "value", x[i]);
        put_range(out, run->usual_known ? run->usual[i] : (struct usual_range){NAN, NAN});
        body_put_string(out, "usual_of", run->usual_of_fleet ? "fleet" : "training");
        body_put_real(out, "contribution", points[i]);
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_reasons(struct call *call, const struct explanation *why, int predicted)
{
    struct body *out = call->out;
    size_t told = why->known ? reasons_worth_telling(why->reasons) : 0;
    body_put_real(out, "base", why->known ? why->base : (double)NAN);
    body_key(out, "reasons");
    body_open(out, '[');
    for (size_t i = 0; i < told; i++) {
        const struct reason *reason = &why->reasons[i];
        struct text sentence;
        for (int lang = 0; lang < LANG_COUNT; lang++) {
            sentence.in[lang] = reason_sentence(reason, predicted, (enum lang)lang, call->arena);
        }
        body_open(out, '{');
        body_put_string(out, "column", model_input_gold_columns[reason->input]);
        body_put_real(out, "value", reason->value);
        put_range(out, reason->usual);
        body_put_real(out, "points", reason->points);
        body_put_words(out, "sentence", &sentence);
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_prediction(struct call *call, size_t row)
{
    struct body *out = call->out;
    const struct store *store = call->run->store;
    double x[MODEL_INPUT_COUNT];
    struct explanation why = {0};
    struct error err;
    int predicted = (int)store_panne(store, row);
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        x[i] = store_number(store, row, column_of(model_input_gold_columns[i]));
    }
    why.known = call->run->explains && explainer_ask(&call->run->explainer, x, predicted,
                                                     why.reasons, &why.base, &err) == 0;
    put_measures(call, x, &why);
    put_reasons(call, &why, predicted);
    body_key(out, "probabilities");
    body_open(out, '[');
    for (int f = 0; f < FAILURE_COUNT; f++) {
        body_open(out, '{');
        body_put_whole(out, "panne", f);
        body_put_real(out, "p",
                      store_number(store, row, column_of(arena_printf(call->arena, "p_%d", f))));
        body_close(out, '}');
    }
    body_close(out, ']');
    body_put_words(out, "advice",
                   predicted != FAILURE_OK ? &failure_kinds[predicted].advice : NULL);
    body_put_words(out, "when", &statut_kinds[store_statut(store, row)].when);
}

/* ---- the past; rows come latest first ---- */

static void put_services(struct call *call, const struct lake_rows *rows)
{
    struct body *out = call->out;
    body_key(out, "services");
    body_open(out, '[');
    for (size_t r = 0; r < rows->rows; r++) {
        const char **cells = &rows->cells[r * rows->columns];
        body_open(out, '{');
        api_put_date_text(call, "date", cells[0]);
        body_put_string(out, "type", cells[1]);
        api_put_number_text(call, "km", cells[2]);
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_days(struct call *call, const struct lake_rows *rows)
{
    const struct table *table =
        fleet_table(TABLE_VEHICULE_JOUR); /* after vin: as the SELECT has them */
    struct body *out = call->out;
    body_key(out, "days");
    body_open(out, '[');
    for (size_t r = rows->rows; r > 0; r--) {
        const char **cells = &rows->cells[(r - 1) * rows->columns];
        body_open(out, '{');
        api_put_date_text(call, "event_date", cells[0]);
        for (size_t c = 1; c < rows->columns; c++) {
            api_put_number_text(call, table->columns[1 + c].name, cells[c]);
        }
        body_close(out, '}');
    }
    body_close(out, ']');
}

/* This run as its row in memory tells it, when the files of the past cannot be read. */
static void put_this_run(struct call *call, size_t row)
{
    struct body *out = call->out;
    const struct store *store = call->run->store;
    body_open(out, '{');
    body_put_date(out, "run_date", call->run->record.run_date);
    body_put_string(out, "statut", statut_kinds[store_statut(store, row)].name);
    body_put_whole(out, "type_panne_predit", store_panne(store, row));
    body_put_real(out, "prob_panne", store_number(store, row, column_of("prob_panne")));
    body_put_real(out, "sante", store_number(store, row, column_of("sante")));
    body_put_real(out, "km_avant_panne", store_number(store, row, column_of("km_avant_panne")));
    body_close(out, '}');
}

static void put_runs(struct call *call, const struct lake_rows *rows, size_t row)
{
    static const char *const numbers[] = {"type_panne_predit", "prob_panne", "sante",
                                          "km_avant_panne"};
    struct body *out = call->out;
    body_key(out, "runs");
    body_open(out, '[');
    for (size_t r = rows->rows; r > 0; r--) {
        const char **cells = &rows->cells[(r - 1) * rows->columns];
        body_open(out, '{');
        api_put_date_text(call, "run_date", cells[0]);
        body_put_string(out, "statut", cells[1]);
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            api_put_number_text(call, numbers[n], cells[2 + n]);
        }
        body_close(out, '}');
    }
    if (rows->rows == 0) {
        put_this_run(call, row);
    }
    body_close(out, ']');
}

/* What lies in files; files that are gone or changing leave it out, and `warning` says so. */
static void put_past(struct call *call, size_t row)
{
    struct loaded_run *run = call->run;
    struct lake_rows services;
    struct lake_rows days;
    struct lake_rows runs = {0};
    struct error err;
    char date[DATE_TEXT_SIZE];
    const char *const asked[] = {call->vin, date_format(run->record.run_date, date)};
    bool whole = loaded_ask(run, TABLE_HISTORIQUE_ENTRETIEN, "serve/entretiens.sql", asked, 1,
                            call->arena, &services, &err) == 0;
    whole = loaded_ask(run, TABLE_VEHICULE_JOUR, "serve/jours.sql", asked, 1, call->arena, &days,
                       &err) == 0 &&
            whole;
    if (run->passe_opened && loaded_ask(run, TABLE_REPORTING, "serve/passe_vehicule.sql", asked, 2,
                                        call->arena, &runs, &err) != 0) {
        whole = false;
    }
    put_services(call, &services);
    put_days(call, &days);
    put_runs(call, &runs, row);
    if (!whole) {
        body_put_words(call->out, "warning",
                       &(struct text)TEXT("le passé de ce véhicule ne peut pas être lu en entier",
                                          "the past of this vehicle cannot be read whole"));
    }
}

int api_vehicle(struct call *call)
{
    struct body *out = call->out;
    const struct store *store = call->run->store;
    size_t row = store_find(store, call->vin, strlen(call->vin));
    if (row == NO_ROW) {
        char date[DATE_TEXT_SIZE];
        return problem_set(call->problem, 404, "no-such-vehicle",
                           "%s n'est pas parmi les %zu véhicules évalués le %s ; cherchez-le avec "
                           "/api/v1/vehicles?q=",
                           "%s is not among the %zu vehicles rated on %s; search it by "
                           "/api/v1/vehicles?q=",
                           call->vin, store_vehicles(store),
                           date_format(call->run->record.run_date, date));
    }
    struct vehicle_place place = store_place(store, &call->selection, call->sort, row);
    body_open(out, '{');
    body_put_date(out, "run_date", call->run->record.run_date);
    body_key(out, "vehicle");
    store_vehicle(store, row, call->run->usual_known ? call->run->usual : NULL, place.position,
                  out);
    put_prediction(call, row);
    put_past(call, row);
    store_place_members(store, &place, out);
    body_close(out, '}');
    return 0;
}
