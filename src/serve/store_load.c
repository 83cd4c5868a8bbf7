/* From gold's Parquet to a store, a few columns at a time, so that little memory is needed beside
 * the packed columns; see store.h. Reads gold only. */
#include "serve/store_data.h"

#include "base/dates.h"
#include "base/parallel.h"
#include "lake/lake.h"
#include "lake/layout.h"
#include "lake/sql.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { COLUMNS_AT_ONCE = 4, TEXT_COLUMNS = 4 };

/* The engine's working memory while columns are read: row groups of a few columns. */
static const char *const MEMORY = "128MB";

struct loading {
    struct store *store;
    struct lake *lake;
    unsigned threads;
};

/* ---- the file ---- */

/* Which file it is: another one has another of these. */
static int identify(const char *path, struct stat *out, struct error *err)
{
    if (stat(path, out) != 0) {
        return error_set(err, "%s : lecture impossible (%s) ; faites-le avec « autostream run »",
                         "%s: cannot be read (%s); make it with \"autostream run\"", path,
                         strerror(errno));
    }
    return 0;
}

static bool is_the_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static const char *gold_path(struct arena *arena, int32_t run_date)
{
    return layout_path(arena, fleet_tables[TABLE_REPORTING].path, run_date, 0);
}

static int open_gold(struct lake **lake, const char *data, int32_t run_date,
                     const struct store_options *options, struct error *err)
{
    struct arena arena = {0};
    const struct table *table = fleet_table(TABLE_REPORTING);
    const struct lake_options lake_options = {.threads = options->threads,
                                              .memory = options->memory ? options->memory : MEMORY};
    int status = -1;
    if (lake_open(lake, &lake_options, err) == 0) {
        status =
            lake_open_parquet(*lake, table->name, table, data, gold_path(&arena, run_date), err);
    }
    arena_release(&arena);
    return status;
}

/* ---- texts ---- */

static const size_t text_columns[TEXT_COLUMNS] = {REPORTING_TYPE, REPORTING_MODELE,
                                                  REPORTING_STATUT, REPORTING_NIVEAU_ALERTE};

struct texts_loading {
    struct store *store;
    struct text_column *texts[TEXT_COLUMNS];
};

static int take_texts(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct texts_loading *loading = context;
    (void)count;
    for (size_t t = 0; t < TEXT_COLUMNS; t++) {
        text_column_add(loading->texts[t], cells[1 + t]);
    }
    return store_add_vin(loading->store, cells[0], err);
}

static int load_texts(struct loading *loading, struct error *err)
{
    struct texts_loading texts = {.store = loading->store};
    for (size_t t = 0; t < TEXT_COLUMNS; t++) {
        texts.texts[t] = text_column_new();
    }
    int status =
        lake_each(loading->lake, sql_text("serve/flotte_textes.sql"), take_texts, &texts, err);
    for (size_t t = 0; t < TEXT_COLUMNS; t++) {
        if (status == 0) {
            status = store_set_texts(loading->store, text_columns[t], texts.texts[t], err);
        } else {
            text_column_free(texts.texts[t]);
        }
    }
    return status;
}

/* ---- numbers ---- */

/* A few columns on their way: the blocks of rows turned into columns. */
struct numbers_loading {
    struct store *store;
    size_t columns[COLUMNS_AT_ONCE];
    size_t count;
    double *values[COLUMNS_AT_ONCE]; /* [rows] */
    size_t rows;
    struct error errors[COLUMNS_AT_ONCE];
    int status[COLUMNS_AT_ONCE];
};

static int refuse_change(struct error *err)
{
    return error_set(err, "la table a changé pendant la lecture",
                     "the table changed while it was read");
}

static int take_numbers(void *context, const double *x, size_t rows, struct error *err)
{
    struct numbers_loading *numbers = context;
    if (rows > numbers->store->rows - numbers->rows) {
        return refuse_change(err);
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < numbers->count; c++) {
            numbers->values[c][numbers->rows + r] = x[r * numbers->count + c];
        }
    }
    numbers->rows += rows;
    return 0;
}

static void pack_numbers(void *context, size_t index, unsigned worker)
{
    struct numbers_loading *numbers = context;
    (void)worker;
    numbers->status[index] = store_set_numbers(numbers->store, numbers->columns[index],
                                               numbers->values[index], &numbers->errors[index]);
}

static int load_some(struct loading *loading, struct numbers_loading *numbers, struct error *err)
{
    const char *names[COLUMNS_AT_ONCE];
    numbers->store = loading->store;
    for (size_t c = 0; c < numbers->count; c++) {
        names[c] = numbers->columns[c] == REPORTING_DATE_LAST_REVIS
                       ? "date_last_revis_jour"
                       : fleet_table(TABLE_REPORTING)->columns[numbers->columns[c]].name;
        numbers->values[c] = xcalloc(loading->store->rows, sizeof *numbers->values[c]);
    }
    int status = lake_each_block(loading->lake, "flotte", names, numbers->count, NULL, take_numbers,
                                 numbers, err);
    if (status == 0 && numbers->rows != loading->store->rows) {
        status = refuse_change(err);
    }
    if (status == 0) {
        parallel_for(loading->threads, numbers->count, pack_numbers, numbers);
    }
    for (size_t c = 0; c < numbers->count; c++) {
        free(numbers->values[c]);
        if (status == 0 && numbers->status[c] != 0) {
            *err = numbers->errors[c];
            status = -1;
        }
    }
    return status;
}

static int load_numbers(struct loading *loading, struct error *err)
{
    struct numbers_loading *numbers = xcalloc(1, sizeof *numbers);
    int status = lake_define(loading->lake, "flotte", "serve/flotte.sql", LAKE_VIEW, err);
    for (size_t c = 0; status == 0 && c < REPORTING_COLUMNS; c++) {
        if (fleet_table(TABLE_REPORTING)->columns[c].type != COLUMN_TEXT) {
            numbers->columns[numbers->count++] = c;
        }
        if (numbers->count == COLUMNS_AT_ONCE ||
            (c + 1 == REPORTING_COLUMNS && numbers->count > 0)) {
            status = load_some(loading, numbers, err);
            *numbers = (struct numbers_loading){0};
        }
    }
    free(numbers);
    return status;
}

/* ---- reasons ---- */

struct reasons_loading {
    struct store *store;
    size_t row;
};

static int take_reasons(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct reasons_loading *loading = context;
    (void)count;
    if (loading->row == loading->store->rows) {
        return refuse_change(err);
    }
    store_set_reasons(loading->store, loading->row++, cells[0]);
    return 0;
}

static int load_reasons(struct loading *loading, struct error *err)
{
    struct reasons_loading reasons = {.store = loading->store};
    int status =
        lake_each(loading->lake, sql_text("serve/flotte_raisons.sql"), take_reasons, &reasons, err);
    if (status == 0 && reasons.row != loading->store->rows) {
        status = refuse_change(err);
    }
    return status;
}

/* ---- all together ---- */

/* The same error with the file before it, and how to mend. */
static int name_file(const char *path, struct error *err)
{
    const struct error why = *err;
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        if (strstr(why.text[lang], path)) {
            return -1;
        }
    }
    return error_set(err, "%s : %.700s%.0s ; produisez-le de nouveau : autostream run",
                     "%s: %.0s%.700s; make it again: autostream run", path, why.text[LANG_FR],
                     why.text[LANG_EN]);
}

int store_load(struct store **out, const char *data, int32_t run_date,
               const struct store_options *options, struct error *err)
{
    struct arena arena = {0};
    struct loading loading = {.store = store_new(run_date), .threads = options->threads};
    const char *path = arena_printf(&arena, "%s/%s", data, gold_path(&arena, run_date));
    struct stat before, after;
    int status = identify(path, &before, err);
    if (status == 0) {
        bool loaded = open_gold(&loading.lake, data, run_date, options, err) == 0 &&
                      load_texts(&loading, err) == 0 && load_numbers(&loading, err) == 0 &&
                      load_reasons(&loading, err) == 0 && store_finish(loading.store, err) == 0;
        status = loaded ? identify(path, &after, err) : name_file(path, err);
    }
    if (status == 0 && !is_the_same(&before, &after)) {
        status = error_set(err, "%s : a changé pendant la lecture ; réessayez",
                           "%s: changed while it was read; try again", path);
    }
    lake_close(loading.lake);
    (void)malloc_trim(0); /* what the engine held goes back to the system */
    if (status != 0) {
        store_free(loading.store);
        loading.store = NULL;
    }
    *out = loading.store;
    arena_release(&arena);
    return status;
}

/* ---- a run's figures alone ---- */

int fleet_kpi_read(struct fleet_kpi *out, const char *data, int32_t run_date, struct error *err)
{
    struct arena arena = {0};
    struct lake *lake = NULL;
    struct lake_rows rows;
    const struct store_options options = {.threads = 1};
    *out = (struct fleet_kpi){0};
    int status = open_gold(&lake, data, run_date, &options, err);
    if (status == 0) {
        status = lake_constant_real(lake, "prob_a_surveiller", fleet_thresholds.surveillance, err);
    }
    if (status == 0) {
        status = lake_query(lake, sql_text("serve/chiffres.sql"), &arena, &rows, err);
    }
    for (size_t r = 0; status == 0 && r < rows.rows; r++) {
        const char **cells = &rows.cells[r * rows.columns];
        size_t statut = 0;
        while (statut < STATUT_COUNT &&
               (!cells[0] || strcmp(statut_kinds[statut].name, cells[0]) != 0)) {
            statut++;
        }
        if (statut == STATUT_COUNT) {
            status = error_set(err, "le statut « %.80s » est inconnu", "unknown statut \"%.80s\"",
                               cells[0] ? cells[0] : "");
            break;
        }
        uint64_t vehicles = strtoull(cells[1], NULL, 10);
        out->vehicles += vehicles;
        out->by_statut[statut] = vehicles;
        out->interventions += strtoull(cells[2], NULL, 10);
        out->a_surveiller += strtoull(cells[3], NULL, 10);
        out->sans_date_revision += strtoull(cells[4], NULL, 10);
    }
    if (status != 0) {
        (void)name_file(gold_path(&arena, run_date), err);
    }
    lake_close(lake);
    arena_release(&arena);
    return status;
}
