/* What is served at one moment: the runs that there are, and the ones that are loaded. A view does
 * not change; when a run lands, another view takes its place, and this one goes when the last
 * request that holds it is done. */
#ifndef SERVE_VIEW_H
#define SERVE_VIEW_H

#include "lake/lake.h"
#include "published/model.h"
#include "serve/cache.h"
#include "serve/runs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* One run, ready to be asked. */
struct loaded_run {
    atomic_uint refs;
    struct arena arena;
    struct session session;
    struct run_record record; /* files and json are copies of its own */
    uint64_t fingerprint;     /* of its files, as they were loaded */
    struct store *store;
    pthread_mutex_t lake_lock; /* an engine belongs to one thread at a time */
    struct lake *lake;         /* details that stay on disk */
    bool opened[TABLE_COUNT];  /* tables that the lake has open; others are not there */
    struct explainer explainer;
    bool dated; /* there was telemetry */
    int32_t last_event_date;
    bool passe_opened; /* earlier runs of a vehicle */
    bool explains;     /* the model that made the results is still there */
    bool usual_known, usual_of_fleet;
    struct usual_range usual[MODEL_INPUT_COUNT];
};

/* Runs are counted: one more holder, one less (NULL is fine); the last one frees it. */
struct loaded_run *loaded_keep(struct loaded_run *run);
void loaded_drop(struct loaded_run *run);

/* Loads a run. A file that is not as run.json tells is an error. */
int loaded_open(struct loaded_run **out, const char *data, const struct run_record *record,
                struct error *err);

/* True while the files that stay on disk are those that were loaded. */
bool loaded_is_whole(const struct loaded_run *run);

/* The rows of a SELECT file of sql/serve/ with these values, texts owned by the arena. A table of
 * it that is not there gives no rows. Files that have changed are an error. */
int loaded_ask(struct loaded_run *run, enum table_id table, const char *file,
               const char *const *values, size_t value_count, struct arena *arena,
               struct lake_rows *rows, struct error *err);

struct view {
    atomic_uint refs;
    struct arena arena;
    const char *data;
    struct run_record *runs; /* newest first */
    size_t run_count;
    struct loaded_run *latest; /* NULL: there is no gold */
    bool warned;               /* the files on disk are not what is served */
    struct error warning;
    struct cache *cache;
    pthread_mutex_t other_lock;
    struct loaded_run *other; /* the earlier run that was asked for last, or NULL */
};

/* A view without runs; the caller fills it before anyone else sees it. */
struct view *view_new(const char *data);

/* Views are counted: one more holder, one less (NULL is fine); the last one frees it. */
struct view *view_keep(struct view *view);
void view_drop(struct view *view);

/* The run of that date, kept for the caller, when it is loaded; else NULL. */
struct loaded_run *view_loaded(struct view *view, int32_t run_date);

/* The same, loading it when need be: slow. A date without a run is an error. */
int view_load(struct view *view, int32_t run_date, struct loaded_run **out, struct error *err);

/* The record of that date, or NULL. */
const struct run_record *view_find(const struct view *view, int32_t run_date);

#endif
