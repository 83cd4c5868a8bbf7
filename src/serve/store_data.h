/* What a store is made of, and how it is filled column by column: for the store's own files and its
 * tests. See store.h for what it answers. */
#ifndef SERVE_STORE_DATA_H
#define SERVE_STORE_DATA_H

#include "serve/packed.h"
#include "serve/store.h"

/* Places of the columns in reporting_final that the store knows by meaning; store_new() checks them
 * against fleet/tables.def. */
enum {
    REPORTING_VIN = 0,
    REPORTING_KM_ACTUEL = 2,
    REPORTING_DATE_LAST_REVIS = 9,
    REPORTING_TYPE = 10,
    REPORTING_MODELE = 13,
    REPORTING_ANNEE = 14,
    REPORTING_SCORE_RISQUE = 16,
    REPORTING_STATUT = 17,
    REPORTING_KM_DEPUIS_REVIS = 18,
    REPORTING_TYPE_PANNE_PREDIT = 19,
    REPORTING_PROB_PANNE = 20,
    REPORTING_NIVEAU_ALERTE = 22,
    REPORTING_RAISONS = 30,
    REPORTING_COLUMNS = 31,
};

/* The texts of a column; its numbers are places in this list. */
struct words {
    const char *const *texts; /* ascending by bytes, or by urgency */
    size_t count;
};

struct store {
    int32_t run_date;
    size_t rows;
    struct packed columns[REPORTING_COLUMNS]; /* all but vin and raisons; texts by their place */
    struct packed urgence; /* places in the order of most urgent first; equal ones share it */
    struct words words[REPORTING_COLUMNS]; /* of the columns of text but vin and raisons */
    char *vins;                            /* one behind the other, each with a NUL */
    size_t vins_size;
    uint32_t *vin_at;                     /* [rows + 1] */
    char *folded;                         /* `vins` in capitals; `vins` itself when they are */
    uint16_t (*reasons)[REASONS_AT_MOST]; /* packed: store_reasons.c */
    uint32_t *odd_rows; /* ascending: rows whose cell of raisons is kept as text */
    const char **odd_texts;
    size_t odd_count;
    size_t measure_columns[MODEL_INPUT_COUNT]; /* of the model's inputs */
    struct fleet_kpi kpi;
    struct figures *figures; /* of the whole fleet; store_figures.c */
    struct arena arena;      /* texts */
};

/* ---- filling; each row's place is its number, in vin order ---- */

/* A store without vehicles; for store_free(). */
struct store *store_new(int32_t run_date);

/* Adds the vin of the next row; an error when it is not behind the last one, or has a NUL. */
int store_add_vin(struct store *store, struct bytes vin, struct error *err);

/* Sets a column of numbers or dates: values[rows], NaN: NULL. Errors: an infinity, a fraction or
 * more than 2^53 in a WHOLE column, a failure or probability that cannot be. May be called for
 * several columns at the same time. */
int store_set_numbers(struct store *store, size_t column, const double *values, struct error *err);

/* A column of texts on its way in. */
struct text_column;
struct text_column *text_column_new(void);

/* The next row's text; data NULL: NULL. */
void text_column_add(struct text_column *texts, struct bytes text);

/* Makes it a column of the store and frees it. statut and niveau_alerte know their words only. */
int store_set_texts(struct store *store, size_t column, struct text_column *texts,
                    struct error *err);
void text_column_free(struct text_column *texts); /* NULL is fine */

/* The cell of raisons of a row, in ascending order of rows, after all numbers are set. */
void store_set_reasons(struct store *store, size_t row, struct bytes cell);

/* Checks that nothing is missing, counts the fleet. */
int store_finish(struct store *store, struct error *err);

/* ---- reading ---- */

/* What a column of text says in a row; NULL: NULL. Not vin, not raisons. */
const char *store_word(const struct store *store, size_t row, size_t column);

/* The cell of raisons as gold has it, appended; false: NULL, nothing appended. */
bool store_reasons_cell(const struct store *store, size_t row, struct body *out);

/* Copies size bytes in capitals: ASCII and the letters of Latin-1 (UTF-8), as many bytes. */
void store_fold(char *out, const char *bytes, size_t size);

/* Fills `urgence` from statut and prob_panne. */
void store_rank_urgency(struct store *store);

/* ---- sets of rows; `bits` NULL: all rows ---- */

enum { ROWS_A_BLOCK = 1024 };

/* The rows of a selection as bits, (rows + 63) / 64 words; free() it. */
uint64_t *store_filter(const struct store *store, const struct selection *selection);

/* How many rows of the first `rows` are in the set. */
size_t bits_count(const uint64_t *bits, size_t rows);

/* Writes the rows of block `block` (rows ROWS_A_BLOCK * block ...) that are in the set; how many.
 */
size_t bits_rows(const uint64_t *bits, size_t rows, size_t block, uint32_t out[ROWS_A_BLOCK]);

/* The rows at places offset .. offset + count - 1 of the set in this order; how many there are. */
size_t store_slice(const struct store *store, const uint64_t *bits, struct sort_order order,
                   size_t offset, size_t count, uint32_t *out);

/* All rows of the set in this order: out[bits_count()]. */
void store_sort(const struct store *store, const uint64_t *bits, struct sort_order order,
                uint32_t *out);

/* Counts the whole fleet into `kpi` and `figures`. */
void store_count_fleet(struct store *store);
void store_free_figures(struct store *store);

/* The figures of a set of rows. */
void store_count(const struct store *store, const uint64_t *bits, struct fleet_kpi *out);

#endif
