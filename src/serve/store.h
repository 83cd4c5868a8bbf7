/* The fleet of one run in memory: gold's reporting_final as compact columns, and the answers that
 * the pages ask of it: filters, search, sort, pages, figures, charts, exports.
 *
 * A store is read only after store_load(): any number of threads may ask at the same time. Nothing
 * here knows HTTP. Values come out as gold has them, to the last bit; NULL is null. Time for a
 * million vehicles: a few milliseconds for any page. */
#ifndef SERVE_STORE_H
#define SERVE_STORE_H

#include "base/arena.h"
#include "base/columns.h"
#include "base/error.h"
#include "fleet/reasons.h"
#include "serve/body.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_options {
    unsigned threads;   /* 0: all available cores */
    const char *memory; /* the engine's limit while it reads, "200MB"; NULL: a small one of ours */
};

/* Reads the gold of `run_date` below the data root. The engine is closed again and its memory given
 * back before this returns. A missing or broken file, another schema, an unknown word, a NaN, a
 * vehicle without vin, statut, type_panne_predit or prob_panne, vins that are not sorted or not
 * single are errors that name the file and the value. *out is for store_free(), NULL after a
 * failure. */
int store_load(struct store **out, const char *data, int32_t run_date,
               const struct store_options *options, struct error *err);

/* Frees it; NULL is fine. */
void store_free(struct store *store);

/* Its run date (days since 1970), how many vehicles it has, how much memory it holds. */
int32_t store_run_date(const struct store *store);
size_t store_vehicles(const struct store *store);
size_t store_bytes(const struct store *store);

/* ---- what is asked ---- */

enum { LIST_AT_MOST = 64, SEARCH_AT_MOST = 256, PAGE_SIZE_AT_MOST = 500 };

/* Which vehicles: AND between the members, OR within a list. Zeroed: all vehicles. */
struct selection {
    const char *q;                     /* part of vin or modele, in any case; NULL: any */
    const char *modeles[LIST_AT_MOST]; /* "": vehicles without a model */
    size_t modele_count;               /* 0: any */
    int64_t annees[LIST_AT_MOST];
    size_t annee_count; /* 0: any */
    unsigned statuts;   /* bits 1u << STATUT_*; 0: any */
    unsigned pannes;    /* bits 1u << failure number; 0: any */
    double prob_min;    /* prob_panne >= this */
    bool sans_revision; /* only those without a service date */
    unsigned given;     /* which parameters were set: for selection_set() */
};

/* True when no parameter was given. */
bool selection_is_empty(const struct selection *selection);

/* Sets what one parameter of the query string says (name and value decoded; texts are copied into
 * the arena). Gives 1 when it is a parameter of a selection, 0 when it is another's, -1 with an
 * error that names the value and lists what is allowed (a parameter given twice is one, too).
 *   q=TEXT modele=A,B statut=CRITIQUE,ALERTE panne=1,3 prob_min=0.3 niveau=urgent|surveiller
 *   sans_revision=1 annee=2019,2020
 * `\,` is a comma within a model's name. q= is no filter; modele= asks for vehicles without one. A
 * model or a year that the fleet does not have is no error: it selects nothing. */
int selection_set(struct selection *selection, const char *name, const char *value,
                  struct arena *arena, struct error *err);

/* The names that selection_set() takes, for the list of allowed parameters; ends with NULL. */
extern const char *const selection_parameters[];

/* In which order. Zeroed: most urgent first (statut, then prob_panne, then vin). */
struct sort_order {
    size_t key;      /* 0: urgence; else 1 + a column's place in reporting_final */
    bool descending; /* of urgence: least urgent first */
};

/* Reads "urgence", "prob_panne", "-prob_panne"; an error lists the keys. statut and niveau_alerte
 * sort by urgency, not by their letters. NULLs come last either way, ties by vin. */
int sort_parse(const char *text, struct sort_order *out, struct error *err);

/* "-prob_panne"; owned by the arena. */
const char *sort_text(struct sort_order order, struct arena *arena);

/* True for the columns of reporting_final that sort_parse() takes (all but raisons). */
bool column_is_sortable(size_t column);

/* ---- one vehicle ---- */

#define NO_ROW SIZE_MAX

/* The row of a vin (exact bytes), or NO_ROW. Rows are 0..vehicles-1, in vin order. */
size_t store_find(const struct store *store, const char *vin, size_t size);

/* Its vin; lives as long as the store. */
struct bytes store_vin(const struct store *store, size_t row);

/* A cell of a WHOLE, REAL or DATE column (its place in reporting_final; a date as days since 1970),
 * NAN: NULL. statut: enum statut. */
double store_number(const struct store *store, size_t row, size_t column);

/* The vehicle's statut, and its type_panne_predit. */
enum statut store_statut(const struct store *store, size_t row);
enum failure store_panne(const struct store *store, size_t row);

/* Its reasons, strongest first, with what is usual (`usual` as in vehicles_query); how many. */
size_t store_reasons(const struct store *store, size_t row, const struct usual_range *usual,
                     struct reason reasons[REASONS_AT_MOST]);

/* VEHICLE of the API as one JSON object; rank 0: no such member. */
void store_vehicle(const struct store *store, size_t row, const struct usual_range *usual,
                   size_t rank, struct body *out);

struct vehicle_place {
    size_t total;          /* vehicles in the selection */
    size_t position;       /* 1-based; 0: the vehicle is not in the selection */
    size_t previous, next; /* rows; NO_ROW: there is none */
};

/* Where the vehicle of a row stands in a selection in this order, and what stands beside it. */
struct vehicle_place store_place(const struct store *store, const struct selection *selection,
                                 struct sort_order order, size_t row);

/* The members "previous", "next", "position" (null: not in the selection) and "total" of the API.
 */
void store_place_members(const struct store *store, const struct vehicle_place *place,
                         struct body *out);

/* ---- bodies of the API: each appends one JSON object ---- */

struct vehicles_query {
    struct selection selection;
    struct sort_order sort;
    size_t page, size;               /* from 1; 0 means 1 and 50. A page behind the last is empty */
    const struct usual_range *usual; /* [MODEL_INPUT_COUNT] of the model's card; NULL: not known */
};

/* GET /vehicles */
void store_page(const struct store *store, const struct vehicles_query *query, struct body *out);

/* The figures of a fleet or a selection. */
struct fleet_kpi {
    uint64_t vehicles;
    uint64_t by_statut[STATUT_COUNT];
    uint64_t interventions;      /* a failure is predicted */
    uint64_t a_surveiller;       /* prob_panne >= fleet_thresholds.surveillance */
    uint64_t sans_date_revision; /* no service date */
};

/* The whole fleet's, counted at load. */
const struct fleet_kpi *store_fleet_kpi(const struct store *store);

/* The same of any published run without a store, by a small query over its gold (tens of
 * milliseconds for a million vehicles: keep the answer). */
int fleet_kpi_read(struct fleet_kpi *out, const char *data, int32_t run_date, struct error *err);

/* The members of KPI in an object that the caller opened. */
void fleet_kpi_members(const struct fleet_kpi *kpi, struct body *out);

struct run_kpi {
    int32_t run_date;
    struct fleet_kpi kpi;
};

/* What the summary tells beside the store. */
struct summary_facts {
    bool dated;                    /* last_event_date is known */
    int32_t last_event_date;       /* of the telemetry */
    int64_t messages;              /* telemetry rows of the run; -1: not known */
    const struct run_kpi *history; /* earlier runs and this one, oldest first */
    size_t history_count;
};

/* GET /summary. by_model is of the whole fleet. */
void store_summary(const struct store *store, const struct selection *selection,
                   const struct summary_facts *facts, struct body *out);

/* GET /analytics, of the selection. */
void store_analytics(const struct store *store, const struct selection *selection,
                     struct body *out);

/* ---- exports ---- */

enum export_format {
    EXPORT_CSV,      /* RFC 4180: ',', '.', CRLF, UTF-8 without a mark */
    EXPORT_EXCEL_FR, /* ';', decimal comma, UTF-8 with its mark */
};

struct export_query {
    struct selection selection;
    struct sort_order sort;
    enum export_format format;
    size_t columns[LIST_AT_MOST]; /* places in reporting_final */
    size_t column_count;          /* 0: all */
};

/* Sets what `columns=a,b` or `format=csv|excel-fr` says; gives as selection_set() does. */
int export_set(struct export_query *query, const char *name, const char *value, struct error *err);

struct export;

/* Begins an export; the store must outlive it. An export is used by one thread. Free it with
 * export_close(). */
struct export *export_open(const struct store *store, const struct export_query *query);

/* Appends the next rows (the first time the header before them) until `out` holds at least `enough`
 * bytes or all is said; false when there was nothing left to append. A cell of text that begins
 * with = + - @ tab or CR gets an apostrophe before it, so that no spreadsheet runs it. */
bool export_next(struct export *export, size_t enough, struct body *out);

/* NULL is fine. */
void export_close(struct export *export);

#endif
