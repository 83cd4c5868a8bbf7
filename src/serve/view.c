/* Loading runs and keeping them as long as they are asked; see view.h. */
#include "serve/view.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"
#include "lake/sql.h"

#include <stdlib.h>
#include <string.h>

/* ---- one run ---- */

struct loaded_run *loaded_keep(struct loaded_run *run)
{
    atomic_fetch_add(&run->refs, 1);
    return run;
}

void loaded_drop(struct loaded_run *run)
{
    if (run == NULL || atomic_fetch_sub(&run->refs, 1) > 1) {
        return;
    }
    explainer_close(&run->explainer);
    lake_close(run->lake);
    store_free(run->store);
    (void)pthread_mutex_destroy(&run->lake_lock);
    arena_release(&run->arena);
    free(run);
}

bool loaded_is_whole(const struct loaded_run *run)
{
    return run_fingerprint(run->session.data, &run->record) == run->fingerprint;
}

int loaded_ask(struct loaded_run *run, enum table_id table, const char *file,
               const char *const *values, size_t value_count, struct arena *arena,
               struct lake_rows *rows, struct error *err)
{
    *rows = (struct lake_rows){0};
    if (!run->opened[table]) {
        return 0;
    }
    (void)pthread_mutex_lock(&run->lake_lock);
    int status = lake_ask(run->lake, sql_text(file), values, value_count, arena, rows, err);
    (void)pthread_mutex_unlock(&run->lake_lock);
    if (status == 0 && !loaded_is_whole(run)) {
        status = error_set(err, "les fichiers de ce traitement ont changé",
                           "the files of this run have changed");
    }
    return status;
}

/* What of the record outlives the view that it was read for. */
static void copy_record(struct loaded_run *run, const struct run_record *record)
{
    struct run_file *files = ARENA_NEW(&run->arena, struct run_file, record->file_count);
    run->record = *record;
    run->record.json = arena_copy(&run->arena, record->json, record->json_size);
    for (size_t f = 0; f < record->file_count; f++) {
        files[f] = record->files[f];
        files[f].path = arena_strdup(&run->arena, record->files[f].path);
    }
    run->record.files = files;
}

/* The tables that answer what is not kept in memory. */
static int open_tables(struct loaded_run *run, struct error *err)
{
    static const enum table_id tables[] = {TABLE_REPORTING,          TABLE_HISTORIQUE_ENTRETIEN,
                                           TABLE_VEHICULE_JOUR,      TABLE_PANNES_PAR_JOUR,
                                           TABLE_PANNES_PAR_SEMAINE, TABLE_PANNES_PAR_MOIS,
                                           TABLE_QUARANTAINE,        TABLE_ORPHELINS};
    const struct lake_options options = {.threads = 1, .memory = run->session.memory};
    if (lake_open(&run->lake, &options, err) != 0) {
        return -1;
    }
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        const struct table_fact *fact = &fleet_tables[tables[t]];
        const char *path = layout_path(&run->arena, fact->path, run->record.run_date, 0);
        if (!fs_exists(arena_printf(&run->arena, "%s/%s", run->session.data, path))) {
            continue; /* made by an earlier version, or tidied away: told as empty */
        }
        if (lake_open_parquet(run->lake, fact->table.name, fleet_table(tables[t]),
                              run->session.data, path, err) != 0) {
            return -1;
        }
        run->opened[tables[t]] = true;
    }
    return 0;
}

/* Earlier runs of a vehicle, and the last day of the telemetry. Neither is worth failing for. */
static void open_past(struct loaded_run *run)
{
    static const struct column columns[] = {
        {"vin", COLUMN_TEXT},           {"run_date", COLUMN_DATE},
        {"statut", COLUMN_TEXT},        {"type_panne_predit", COLUMN_WHOLE},
        {"prob_panne", COLUMN_REAL},    {"sante", COLUMN_WHOLE},
        {"km_avant_panne", COLUMN_REAL}};
    static const struct table past = {"passe", columns, sizeof columns / sizeof *columns};
    struct lake_rows rows;
    struct error err;
    run->passe_opened =
        lake_open_parquet(run->lake, past.name, &past, run->session.data,
                          "gold/parquet/run_date=*/reporting_final.parquet", &err) == 0;
    run->dated = loaded_ask(run, TABLE_PANNES_PAR_JOUR, "serve/dernier_jour.sql", NULL, 0,
                            &run->arena, &rows, &err) == 0 &&
                 rows.rows == 1 && rows.cells[0] != NULL &&
                 date_parse(rows.cells[0], strlen(rows.cells[0]), &run->last_event_date);
}

/* The model and what is usual. That the model is gone is no error: the reasons of gold remain. */
static void open_explainer(struct loaded_run *run)
{
    struct error err;
    run->explains =
        explainer_open(&run->explainer, &run->session, run->lake, NULL, &run->arena, &err) == 0;
    if (run->explains) {
        memcpy(run->usual, run->explainer.usual, sizeof run->usual);
        run->usual_of_fleet = run->explainer.usual_of_fleet;
        run->usual_known = true;
    } else {
        run->usual_of_fleet = true;
        for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
            run->usual[i] = (struct usual_range){NAN, NAN};
        }
        bool found = false;
        run->usual_known =
            published_usual(run->lake, &run->arena, run->usual, &found, &err) == 0 && found;
    }
}

int loaded_open(struct loaded_run **out, const char *data, const struct run_record *record,
                struct error *err)
{
    struct loaded_run *run = xcalloc(1, sizeof *run);
    atomic_init(&run->refs, 1);
    (void)pthread_mutex_init(&run->lake_lock, NULL);
    run->session = (struct session){.data = arena_strdup(&run->arena, data),
                                    .run_date = record->run_date,
                                    .threads = 1,
                                    .memory = "128MB"};
    copy_record(run, record);
    run->fingerprint = run_fingerprint(data, &run->record);
    *out = NULL;
    if (!run_is_whole(data, record, true, err) ||
        store_load(&run->store, data, record->run_date, &(struct store_options){0}, err) != 0 ||
        open_tables(run, err) != 0) {
        loaded_drop(run);
        return -1;
    }
    open_past(run);
    open_explainer(run);
    if (!loaded_is_whole(run)) { /* published anew meanwhile: what was read may be a mixture */
        loaded_drop(run);
        return error_set(err, "les fichiers ont changé pendant la lecture",
                         "the files changed while they were read");
    }
    *out = run;
    return 0;
}

/* ---- the view ---- */

struct view *view_new(const char *data)
{
    struct view *view = xcalloc(1, sizeof *view);
    atomic_init(&view->refs, 1);
    (void)pthread_mutex_init(&view->other_lock, NULL);
    view->data = arena_strdup(&view->arena, data);
    view->cache = cache_new();
    return view;
}

struct view *view_keep(struct view *view)
{
    atomic_fetch_add(&view->refs, 1);
    return view;
}

void view_drop(struct view *view)
{
    if (view == NULL || atomic_fetch_sub(&view->refs, 1) > 1) {
        return;
    }
    cache_free(view->cache);
    loaded_drop(view->latest);
    loaded_drop(view->other);
    (void)pthread_mutex_destroy(&view->other_lock);
    arena_release(&view->arena);
    free(view);
}

const struct run_record *view_find(const struct view *view, int32_t run_date)
{
    for (size_t r = 0; r < view->run_count; r++) {
        if (view->runs[r].run_date == run_date) {
            return &view->runs[r];
        }
    }
    return NULL;
}

struct loaded_run *view_loaded(struct view *view, int32_t run_date)
{
    struct loaded_run *found = NULL;
    if (view->latest != NULL && view->latest->record.run_date == run_date) {
        return loaded_keep(view->latest);
    }
    /* Held for as long as another thread loads a run: then this one is not ready either. */
    if (pthread_mutex_trylock(&view->other_lock) == 0) {
        if (view->other != NULL && view->other->record.run_date == run_date) {
            found = loaded_keep(view->other);
        }
        (void)pthread_mutex_unlock(&view->other_lock);
    }
    return found;
}

int view_load(struct view *view, int32_t run_date, struct loaded_run **out, struct error *err)
{
    const struct run_record *record = view_find(view, run_date);
    int status = 0;
    *out = NULL;
    if (view->latest != NULL && view->latest->record.run_date == run_date) {
        *out = loaded_keep(view->latest);
        return 0;
    }
    if (record == NULL) {
        char date[DATE_TEXT_SIZE];
        return error_set(err, "pas de traitement du %s", "no run of %s",
                         date_format(run_date, date));
    }
    (void)pthread_mutex_lock(&view->other_lock);
    if (view->other == NULL || view->other->record.run_date != run_date) {
        loaded_drop(view->other); /* first: memory for one earlier run is enough */
        view->other = NULL;
        status = loaded_open(&view->other, view->data, record, err);
    }
    if (status == 0) {
        *out = loaded_keep(view->other);
    }
    (void)pthread_mutex_unlock(&view->other_lock);
    return status;
}
