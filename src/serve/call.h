/* One call of the API: what was asked, of which run, and where the answer goes. What HTTP is, the
 * functions that answer do not know. */
#ifndef SERVE_CALL_H
#define SERVE_CALL_H

#include "serve/problem.h"
#include "serve/store.h"
#include "serve/target.h"
#include "serve/view.h"

enum trend { TREND_DAY, TREND_WEEK, TREND_MONTH, TREND_COUNT };

struct call {
    struct arena *arena; /* of this call */
    struct view *view;
    struct loaded_run *run; /* of routes that need one */
    const char *vin;        /* what stands for {vin} in the path, or NULL */
    struct selection selection;
    struct sort_order sort;
    size_t page, size; /* from 1 */
    enum trend by;
    const char *reason; /* code, or NULL: all */
    struct export_query export;
    struct body *out;
    struct problem *problem;
};

/* Each answers one route: appends JSON to call->out, or returns -1 with a problem. */
int api_runs(struct call *call);
int api_catalog(struct call *call);
int api_summary(struct call *call);
int api_vehicles(struct call *call);
int api_vehicle(struct call *call);
int api_analytics(struct call *call);
int api_trends(struct call *call);
int api_quality(struct call *call);
int api_quarantine(struct call *call);
int api_model(struct call *call);
int api_openapi(struct call *call);

/* The problem of files that are not there as they were when the run was loaded. Returns -1. */
int api_unreadable(struct call *call);

/* Appends a date as the engine tells it ("2026-11-23"), NULL as null, under a name; likewise a
 * number. */
void api_put_date_text(struct call *call, const char *name, const char *cell);
void api_put_number_text(struct call *call, const char *name, const char *cell);

#endif
