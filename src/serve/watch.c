/* From what lies on disk to the view that is served; see watch.h.
 *
 * A run is served when the files that its run.json names are as it says. While a run is being
 * published, or when files were deleted or copied halfway, the last good state stays; when that
 * lasts for more than one look, the view says so. */
#include "serve/watch.h"

#include "base/dates.h"
#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOOK_SECONDS = 1,
    PING_SECONDS = 15,
    KPI_AT_MOST = 60, /* runs whose figures are shown over time */
    KPI_SECONDS = 1,  /* spent on them in one look */
    PATIENCE = 2,     /* looks before an unwhole lake is told of */
};

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void say(const struct watch *watch, const struct error *what)
{
    if (watch->tell != NULL) {
        watch->tell(watch->context, what);
    }
}

struct view *watch_view(struct watch *watch)
{
    (void)pthread_mutex_lock(&watch->view_lock);
    struct view *view = view_keep(watch->view);
    (void)pthread_mutex_unlock(&watch->view_lock);
    return view;
}

/* ---- making a view ---- */

/* The run of the old view again, when it is this one and its files did not change. */
static struct loaded_run *as_it_was(const struct view *old, const struct run_record *record)
{
    struct loaded_run *run = old != NULL ? old->latest : NULL;
    bool same = run != NULL && run->record.run_date == record->run_date &&
                strcmp(run->record.gold_sha256, record->gold_sha256) == 0 && loaded_is_whole(run);
    return same ? loaded_keep(run) : NULL;
}

static void remove_first(struct view *view)
{
    view->run_count--;
    memmove(view->runs, view->runs + 1, view->run_count * sizeof *view->runs);
}

/* Puts a run that is still in memory first, whatever the disk says of its date. */
static void keep_last_good(struct view *view, const struct view *old)
{
    struct run_record *runs = ARENA_NEW(&view->arena, struct run_record, view->run_count + 1);
    size_t count = 0;
    view->latest = loaded_keep(old->latest);
    runs[count++] = old->latest->record;
    for (size_t r = 0; r < view->run_count; r++) {
        if (view->runs[r].run_date < old->latest->record.run_date) {
            runs[count++] = view->runs[r];
        }
    }
    view->runs = runs;
    view->run_count = count;
}

/* Loads the newest run that is whole. The first thing that was wrong is left in view->warning. */
static void load_newest(struct watch *watch, struct view *view, const struct view *old)
{
    struct error err;
    while (view->latest == NULL && view->run_count > 0) {
        const struct run_record *newest = &view->runs[0];
        view->latest = as_it_was(old, newest);
        if (view->latest != NULL) {
            return;
        }
        if (loaded_open(&view->latest, view->data, newest, &err) == 0) {
            atomic_fetch_add(&watch->metrics->runs_loaded, 1);
            return;
        }
        atomic_fetch_add(&watch->metrics->load_failures, 1);
        if (!view->warned) {
            view->warned = true;
            view->warning = err;
        }
        if (old != NULL && old->latest != NULL &&
            old->latest->record.run_date >= newest->run_date) {
            break;
        }
        remove_first(view);
    }
    if (view->latest == NULL && old != NULL && old->latest != NULL) {
        if (!view->warned) {
            view->warned = true;
            (void)error_set(
                &view->warning,
                "%s : plus aucun résultat publié ; ce qui est montré est le dernier "
                "état lu",
                "%s: nothing is published any more; what is shown is the last state read",
                view->data);
        }
        keep_last_good(view, old);
    }
}

/* The figures of each run, from the old view where the run is the same. */
static void read_figures(struct watch *watch, struct view *view, const struct view *old)
{
    double until = seconds_now() + KPI_SECONDS;
    struct error err;
    watch->again = false;
    for (size_t r = 0; r < view->run_count && r < KPI_AT_MOST; r++) {
        struct run_record *run = &view->runs[r];
        const struct run_record *known = old != NULL ? view_find(old, run->run_date) : NULL;
        if (r == 0 && view->latest != NULL) {
            run->kpi = *store_fleet_kpi(view->latest->store);
            run->kpi_known = true;
        } else if (known != NULL && known->kpi_known &&
                   strcmp(known->gold_sha256, run->gold_sha256) == 0) {
            run->kpi = known->kpi;
            run->kpi_known = true;
        } else if (seconds_now() > until) {
            watch->again = true; /* the next look goes on */
        } else {
            run->kpi_known = run_is_whole(view->data, run, false, &err) &&
                             fleet_kpi_read(&run->kpi, view->data, run->run_date, &err) == 0;
        }
    }
}

/* ---- putting it in place ---- */

static void tell_pages(struct watch *watch, const struct view *view)
{
    char text[256] = "";
    char date[DATE_TEXT_SIZE];
    if (view->latest != NULL) {
        (void)snprintf(
            text, sizeof text, "event: run\ndata: {\"run_date\":\"%s\",\"gold_sha256\":\"%s\"}\n\n",
            date_format(view->latest->record.run_date, date), view->latest->record.gold_sha256);
    }
    events_tell(watch->events, text);
}

static bool same_run(const struct view *a, const struct view *b)
{
    if (a == NULL || a->latest == NULL || b->latest == NULL) {
        return a != NULL && a->latest == b->latest;
    }
    return a->latest->record.run_date == b->latest->record.run_date &&
           strcmp(a->latest->record.gold_sha256, b->latest->record.gold_sha256) == 0;
}

static void replace(struct watch *watch, struct view *view)
{
    (void)pthread_mutex_lock(&watch->view_lock);
    struct view *old = watch->view;
    watch->view = view;
    (void)pthread_mutex_unlock(&watch->view_lock);
    if (!same_run(old, view)) {
        tell_pages(watch, view);
        if (old != NULL && view->latest != NULL) {
            struct error news;
            char date[DATE_TEXT_SIZE];
            (void)error_set(&news, "nouveaux résultats : %s, %zu véhicules",
                            "new results: %s, %zu vehicles",
                            date_format(view->latest->record.run_date, date),
                            store_vehicles(view->latest->store));
            say(watch, &news);
        }
    }
    bool warned_before = old != NULL && old->warned;
    if (view->warned && !warned_before) {
        say(watch, &view->warning);
    }
    view_drop(old);
}

/* Keeps what there is to compare with at the next look. */
static void remember(struct watch *watch)
{
    struct error err;
    arena_clear(&watch->seen_arena);
    if (runs_read(watch->data, &watch->seen_arena, &watch->seen, &watch->seen_count, &err) != 0) {
        watch->seen_count = 0;
    }
    watch->fingerprint = runs_fingerprint(watch->data, watch->seen, watch->seen_count);
}

static bool something_changed(const struct watch *watch)
{
    return runs_fingerprint(watch->data, watch->seen, watch->seen_count) != watch->fingerprint;
}

/* One look: a new view when something is new. `first`: whatever is wrong is told at once. */
static int look(struct watch *watch, bool first, struct error *err)
{
    struct view *old = watch->view;
    struct view *view = view_new(watch->data);
    uint64_t before = runs_fingerprint(watch->data, NULL, 0);
    if (runs_read(watch->data, &view->arena, &view->runs, &view->run_count, err) != 0) {
        if (first || old == NULL) {
            view_drop(view);
            return -1;
        }
        view->run_count = 0;
        view->warned = true;
        view->warning = *err;
    }
    remember(watch);
    load_newest(watch, view, old);
    watch->failures = view->warned ? watch->failures + 1 : 0;
    bool changing = before != runs_fingerprint(watch->data, NULL, 0);
    if (view->warned && !first && (watch->failures < PATIENCE || changing)) {
        view_drop(view); /* perhaps it is just being published */
        watch->again = true;
        return 0;
    }
    read_figures(watch, view, old);
    replace(watch, view);
    return 0;
}

int watch_init(struct watch *watch, const char *data, struct error *err)
{
    watch->data = data;
    (void)pthread_mutex_init(&watch->view_lock, NULL);
    (void)pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&watch->wake, &clock);
    (void)pthread_condattr_destroy(&clock);
    return look(watch, true, err);
}

/* ---- the thread ---- */

/* Waits a second; false: the end. */
static bool wait_a_second(struct watch *watch)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_SECONDS;
    (void)pthread_mutex_lock(&watch->lock);
    while (!watch->ending && pthread_cond_timedwait(&watch->wake, &watch->lock, &until) == 0) {
    }
    bool go_on = !watch->ending;
    (void)pthread_mutex_unlock(&watch->lock);
    return go_on;
}

static void *watch_thread(void *context)
{
    struct watch *watch = context;
    unsigned rounds = 0;
    struct error err; /* what is wrong is in the view */
    while (wait_a_second(watch)) {
        if (watch->again || something_changed(watch)) {
            (void)look(watch, false, &err);
        }
        if (watch->tick != NULL) {
            watch->tick(watch->tick_context);
        }
        if (++rounds % (PING_SECONDS / LOOK_SECONDS) == 0) {
            events_ping(watch->events);
        }
    }
    return NULL;
}

int watch_start(struct watch *watch)
{
    watch->started = pthread_create(&watch->thread, NULL, watch_thread, watch) == 0;
    return watch->started ? 0 : -1;
}

void watch_end(struct watch *watch)
{
    if (watch->started) {
        (void)pthread_mutex_lock(&watch->lock);
        watch->ending = true;
        (void)pthread_cond_signal(&watch->wake);
        (void)pthread_mutex_unlock(&watch->lock);
        (void)pthread_join(watch->thread, NULL);
        watch->started = false;
    }
}

void watch_release(struct watch *watch)
{
    view_drop(watch->view);
    arena_release(&watch->seen_arena);
    (void)pthread_cond_destroy(&watch->wake);
    (void)pthread_mutex_destroy(&watch->lock);
    (void)pthread_mutex_destroy(&watch->view_lock);
}
