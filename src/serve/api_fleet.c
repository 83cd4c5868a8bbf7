/* GET summary, vehicles, analytics, trends: the fleet of one run, from memory but for the trends.
 */
#include "serve/call.h"

#include <stdlib.h>

enum { HISTORY_AT_MOST = 60 };

int api_unreadable(struct call *call)
{
    return problem_set(call->problem, 503, "files-changing",
                       "les fichiers de ce traitement manquent ou sont en train de changer ; "
                       "réessayez dans un instant",
                       "the files of this run are missing or just changing; try again in a moment");
}

void api_put_date_text(struct call *call, const char *name, const char *cell)
{
    body_put_string(call->out, name, cell);
}

void api_put_number_text(struct call *call, const char *name, const char *cell)
{
    body_put_real(call->out, name, cell != NULL ? strtod(cell, NULL) : (double)NAN);
}

/* ---- summary ---- */

int api_summary(struct call *call)
{
    const struct view *view = call->view;
    const struct loaded_run *run = call->run;
    struct run_kpi history[HISTORY_AT_MOST];
    size_t count = 0;
    /* Runs stand newest first: those up to this one, as many as there is room for. */
    for (size_t r = 0; r < view->run_count && count < HISTORY_AT_MOST; r++) {
        const struct run_record *record = &view->runs[r];
        if (record->run_date < run->record.run_date && record->kpi_known) {
            history[HISTORY_AT_MOST - 1 - ++count] =
                (struct run_kpi){record->run_date, record->kpi};
        }
        if (count == HISTORY_AT_MOST - 1) {
            break;
        }
    }
    history[HISTORY_AT_MOST - 1] =
        (struct run_kpi){run->record.run_date, *store_fleet_kpi(run->store)};
    const struct summary_facts facts = {.dated = run->dated,
                                        .last_event_date = run->last_event_date,
                                        .messages = (int64_t)run->record.silver_rows,
                                        .history = &history[HISTORY_AT_MOST - 1 - count],
                                        .history_count = count + 1};
    store_summary(run->store, &call->selection, &facts, call->out);
    return 0;
}

/* ---- vehicles, analytics ---- */

int api_vehicles(struct call *call)
{
    const struct vehicles_query query = {.selection = call->selection,
                                         .sort = call->sort,
                                         .page = call->page,
                                         .size = call->size,
                                         .usual = call->run->usual_known ? call->run->usual : NULL};
    store_page(call->run->store, &query, call->out);
    return 0;
}

int api_analytics(struct call *call)
{
    store_analytics(call->run->store, &call->selection, call->out);
    return 0;
}

/* ---- trends ---- */

int api_trends(struct call *call)
{
    static const struct {
        const char *name, *file;
        enum table_id table;
    } kinds[TREND_COUNT] = {
        [TREND_DAY] = {"day", "serve/tendance_jour.sql", TABLE_PANNES_PAR_JOUR},
        [TREND_WEEK] = {"week", "serve/tendance_semaine.sql", TABLE_PANNES_PAR_SEMAINE},
        [TREND_MONTH] = {"month", "serve/tendance_mois.sql", TABLE_PANNES_PAR_MOIS},
    };
    static const char *const numbers[] = {"vehicules_actifs",   "pannes_predites",
                                          "vehicules_a_risque", "prob_panne_moy",
                                          "temp_moy",           "voltage_moy"};
    struct lake_rows rows;
    struct error err;
    struct body *out = call->out;
    if (loaded_ask(call->run, kinds[call->by].table, kinds[call->by].file, NULL, 0, call->arena,
                   &rows, &err) != 0) {
        return api_unreadable(call);
    }
    body_open(out, '{');
    body_put_date(out, "run_date", call->run->record.run_date);
    body_put_string(out, "by", kinds[call->by].name);
    body_key(out, "rows");
    body_open(out, '[');
    for (size_t r = 0; r < rows.rows; r++) {
        const char **cells = &rows.cells[r * rows.columns];
        body_open(out, '{');
        api_put_date_text(call, "date", cells[0]);
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            api_put_number_text(call, numbers[n], cells[1 + n]);
        }
        body_close(out, '}');
    }
    body_close(out, ']');
    body_close(out, '}');
    return 0;
}
