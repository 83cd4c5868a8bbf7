/* Counts, means and histograms of a fleet or a selection as JSON; see store.h. Every vehicle of the
 * selection stands in exactly one bar of each picture; a mean is over the vehicles that have a
 * value, summed in vin order. Memory only. */
#include "serve/store_data.h"

#include <math.h>
#include <stdlib.h>

enum { BINS = 20 };

static const double RISK_HIGH = 100;
static const double MILLIONTHS = 1e6; /* gold's probabilities have six decimals */

/* ---- walking over a selection ---- */

/* The columns that figures are made of, of up to ROWS_A_BLOCK rows. */
enum figure { F_DATE, F_STATUT, F_PANNE, F_PROB, F_MODELE, F_SCORE, F_KM, F_KM_REVIS, FIGURES };

static const size_t figure_columns[FIGURES] = {
    [F_STATUT] = REPORTING_STATUT,   [F_PANNE] = REPORTING_TYPE_PANNE_PREDIT,
    [F_PROB] = REPORTING_PROB_PANNE, [F_DATE] = REPORTING_DATE_LAST_REVIS,
    [F_MODELE] = REPORTING_MODELE,   [F_SCORE] = REPORTING_SCORE_RISQUE,
    [F_KM] = REPORTING_KM_ACTUEL,    [F_KM_REVIS] = REPORTING_KM_DEPUIS_REVIS,
};

struct block {
    double x[FIGURES][ROWS_A_BLOCK]; /* of the rows of the block, selected or not */
    size_t at[ROWS_A_BLOCK];         /* which of them are selected */
    size_t count;
};

/* Reads the columns `from` to `to` of block `number`. */
static void read_block(const struct store *store, const uint64_t *bits, size_t number,
                       enum figure from, enum figure to, struct block *block)
{
    uint32_t rows[ROWS_A_BLOCK];
    size_t first = number * ROWS_A_BLOCK;
    size_t left = store->rows - first < ROWS_A_BLOCK ? store->rows - first : ROWS_A_BLOCK;
    block->count = bits_rows(bits, store->rows, number, rows);
    for (size_t i = 0; i < block->count; i++) {
        block->at[i] = rows[i] - first;
    }
    for (enum figure f = from; block->count > 0 && f <= to; f++) {
        packed_values(&store->columns[figure_columns[f]], first, left, block->x[f]);
    }
}

static size_t block_count(const struct store *store)
{
    return (store->rows + ROWS_A_BLOCK - 1) / ROWS_A_BLOCK;
}

/* ---- the figures of a fleet ---- */

void store_count(const struct store *store, const uint64_t *bits, struct fleet_kpi *out)
{
    struct block *block = xcalloc(1, sizeof *block);
    *out = (struct fleet_kpi){0};
    for (size_t b = 0; b < block_count(store); b++) {
        read_block(store, bits, b, F_DATE, F_PROB, block);
        out->vehicles += block->count;
        for (size_t i = 0; i < block->count; i++) {
            size_t at = block->at[i];
            out->by_statut[(size_t)block->x[F_STATUT][at]]++;
            out->interventions += block->x[F_PANNE][at] != FAILURE_OK;
            out->a_surveiller += block->x[F_PROB][at] >= fleet_thresholds.surveillance;
            out->sans_date_revision += isnan(block->x[F_DATE][at]) ? 1 : 0;
        }
    }
    free(block);
}

static void put_by_statut(const uint64_t by_statut[STATUT_COUNT], struct body *out)
{
    body_key(out, "by_statut");
    body_open(out, '{');
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        body_put_whole(out, statut_kinds[s].name, (int64_t)by_statut[s]);
    }
    body_close(out, '}');
}

void fleet_kpi_members(const struct fleet_kpi *kpi, struct body *out)
{
    double sound = (double)(kpi->vehicles - kpi->interventions);
    body_put_whole(out, "vehicles", (int64_t)kpi->vehicles);
    put_by_statut(kpi->by_statut, out);
    body_put_whole(out, "critiques", (int64_t)kpi->by_statut[STATUT_CRITIQUE]);
    body_put_whole(out, "interventions", (int64_t)kpi->interventions);
    body_put_whole(out, "a_surveiller", (int64_t)kpi->a_surveiller);
    body_put_real(out, "sante_pct", /* 0 vehicles: not a number, null */
                  kpi->vehicles > 0 ? 100 * sound / (double)kpi->vehicles : NAN);
    body_put_whole(out, "sans_date_revision", (int64_t)kpi->sans_date_revision);
}

static void put_kpi(const char *name, const struct fleet_kpi *kpi, struct body *out)
{
    body_key(out, name);
    body_open(out, '{');
    fleet_kpi_members(kpi, out);
    body_close(out, '}');
}

/* ---- what the charts show ---- */

/* Sum and number of the values that are there. */
struct mean {
    double sum;
    uint64_t count;
};

static void mean_add(struct mean *mean, double value)
{
    if (!isnan(value)) {
        mean->sum += value;
        mean->count++;
    }
}

static void put_mean(const char *name, const struct mean *mean, struct body *out)
{
    body_put_real(out, name, mean->count > 0 ? mean->sum / (double)mean->count : NAN);
}

struct model_figures {
    uint64_t cells[FAILURE_COUNT][STATUT_COUNT];
    uint64_t vehicles; /* this and the next two: sums of cells */
    uint64_t by_statut[STATUT_COUNT];
    uint64_t by_panne[FAILURE_COUNT];
    struct mean score, prob;
};

struct figures {
    struct model_figures *models; /* [modele_count + 1]; the last one: without a model */
    size_t modele_count;
    uint64_t total;
    struct mean km[STATUT_COUNT], km_revis[STATUT_COUNT];
    uint64_t statuts[STATUT_COUNT]; /* the sums of the models' */
    uint64_t pannes[FAILURE_COUNT][STATUT_COUNT];
    uint64_t risk[BINS], risk_missing;
    uint64_t prob[BINS], prob_of_ok[BINS];
};

/* A small whole number; to 32 bits with a sign a processor converts in one step, to size_t not. */
static size_t as_index(double value)
{
    return (size_t)(int32_t)value;
}

/* The bin of low inclusive to high exclusive, the last one closed; what lies outside counts at the
 * end that it is beyond. */
static size_t bin_of(double share)
{
    double bin = share * BINS;
    return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : as_index(bin);
}

/* In millionths, which are whole: 0.15 is in the bin that begins there. */
static size_t prob_bin(double prob)
{
    size_t bin = as_index(prob * MILLIONTHS + 0.5) / ((size_t)MILLIONTHS / BINS);
    return bin < BINS ? bin : BINS - 1;
}

static void add_vehicle(struct figures *figures, const struct block *block, size_t at)
{
    double modele = block->x[F_MODELE][at];
    size_t statut = as_index(block->x[F_STATUT][at]);
    size_t panne = as_index(block->x[F_PANNE][at]);
    double prob = block->x[F_PROB][at];
    double score = block->x[F_SCORE][at];
    struct model_figures *model =
        &figures->models[isnan(modele) ? figures->modele_count : as_index(modele)];
    model->cells[panne][statut]++;
    mean_add(&model->score, score);
    mean_add(&model->prob, prob);
    mean_add(&figures->km[statut], block->x[F_KM][at]);
    mean_add(&figures->km_revis[statut], block->x[F_KM_REVIS][at]);
    if (isnan(score)) {
        figures->risk_missing++;
    } else {
        figures->risk[bin_of(score / RISK_HIGH)]++;
    }
    size_t bin = prob_bin(prob);
    figures->prob[bin]++;
    figures->prob_of_ok[bin] += panne == FAILURE_OK;
}

/* The sums over the cells of the models. */
static void add_up(struct figures *figures)
{
    for (size_t m = 0; m <= figures->modele_count; m++) {
        struct model_figures *model = &figures->models[m];
        for (size_t p = 0; p < FAILURE_COUNT; p++) {
            for (size_t s = 0; s < STATUT_COUNT; s++) {
                uint64_t cell = model->cells[p][s];
                model->vehicles += cell;
                model->by_statut[s] += cell;
                model->by_panne[p] += cell;
                figures->statuts[s] += cell;
                figures->pannes[p][s] += cell;
                figures->total += cell;
            }
        }
    }
}

static struct figures *find_figures(const struct store *store, const uint64_t *bits)
{
    struct block *block = xcalloc(1, sizeof *block);
    struct figures *out = xcalloc(1, sizeof *out);
    out->modele_count = store->words[REPORTING_MODELE].count;
    out->models = xcalloc(out->modele_count + 1, sizeof *out->models);
    for (size_t b = 0; b < block_count(store); b++) {
        read_block(store, bits, b, F_STATUT, F_KM_REVIS, block);
        for (size_t i = 0; i < block->count; i++) {
            add_vehicle(out, block, block->at[i]);
        }
    }
    free(block);
    add_up(out);
    return out;
}

static void figures_free(struct figures *figures)
{
    if (figures) {
        free(figures->models);
        free(figures);
    }
}

void store_count_fleet(struct store *store)
{
    store_count(store, NULL, &store->kpi);
    store->figures = find_figures(store, NULL);
}

void store_free_figures(struct store *store)
{
    figures_free(store->figures);
}

/* The name of the model at a place of figures.models; NULL: without a model. */
static const char *model_name(const struct store *store, const struct figures *figures, size_t m)
{
    return m < figures->modele_count ? store->words[REPORTING_MODELE].texts[m] : NULL;
}

/* ---- the summary ---- */

static void put_models(const struct store *store, struct body *out)
{
    const struct figures *figures = store->figures;
    body_key(out, "by_model");
    body_open(out, '[');
    for (size_t m = 0; m <= figures->modele_count; m++) {
        if (figures->models[m].vehicles > 0) {
            body_open(out, '{');
            body_put_string(out, "modele", model_name(store, figures, m));
            body_put_whole(out, "vehicles", (int64_t)figures->models[m].vehicles);
            put_by_statut(figures->models[m].by_statut, out);
            body_close(out, '}');
        }
    }
    body_close(out, ']');
}

static void put_history(const struct summary_facts *facts, struct body *out)
{
    body_key(out, "history");
    body_open(out, '[');
    for (size_t i = 0; i < facts->history_count; i++) {
        body_open(out, '{');
        body_put_date(out, "run_date", facts->history[i].run_date);
        fleet_kpi_members(&facts->history[i].kpi, out);
        body_close(out, '}');
    }
    body_close(out, ']');
}

void store_summary(const struct store *store, const struct selection *selection,
                   const struct summary_facts *facts, struct body *out)
{
    struct fleet_kpi selected;
    body_open(out, '{');
    body_put_date(out, "run_date", store->run_date);
    if (facts->dated) {
        body_put_date(out, "last_event_date", facts->last_event_date);
    } else {
        body_put_null(out, "last_event_date");
    }
    if (facts->messages >= 0) {
        body_put_whole(out, "messages", facts->messages);
    } else {
        body_put_null(out, "messages");
    }
    put_kpi("fleet", &store->kpi, out);
    if (selection_is_empty(selection)) {
        body_put_null(out, "selection");
    } else {
        uint64_t *bits = store_filter(store, selection);
        store_count(store, bits, &selected);
        free(bits);
        put_kpi("selection", &selected, out);
    }
    put_history(facts, out);
    put_models(store, out);
    body_close(out, '}');
}

/* ---- the charts ---- */

static void put_risk_by_model(const struct store *store, const struct figures *figures,
                              struct body *out)
{
    body_key(out, "risk_by_model");
    body_open(out, '[');
    for (size_t m = 0; m <= figures->modele_count; m++) {
        const struct model_figures *model = &figures->models[m];
        if (model->vehicles == 0) {
            continue;
        }
        body_open(out, '{');
        body_put_string(out, "modele", model_name(store, figures, m));
        body_put_whole(out, "vehicles", (int64_t)model->vehicles);
        body_put_whole(out, "scored", (int64_t)model->score.count);
        put_mean("score_risque_moy", &model->score, out);
        put_mean("prob_panne_moy", &model->prob, out);
        put_by_statut(model->by_statut, out);
        body_key(out, "by_panne");
        body_open(out, '[');
        for (size_t p = 0; p < FAILURE_COUNT; p++) {
            body_whole(out, (int64_t)model->by_panne[p]);
        }
        body_close(out, ']');
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_statuts_and_failures(const struct figures *figures, struct body *out)
{
    body_key(out, "by_statut");
    body_open(out, '[');
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        body_open(out, '{');
        body_put_string(out, "statut", statut_kinds[s].name);
        body_put_whole(out, "vehicles", (int64_t)figures->statuts[s]);
        put_mean("km_actuel_moy", &figures->km[s], out);
        put_mean("km_depuis_revis_moy", &figures->km_revis[s], out);
        body_close(out, '}');
    }
    body_close(out, ']');
    body_key(out, "failures");
    body_open(out, '[');
    for (size_t p = FAILURE_OK + 1; p < FAILURE_COUNT; p++) {
        uint64_t vehicles = 0;
        for (size_t s = 0; s < STATUT_COUNT; s++) {
            vehicles += figures->pannes[p][s];
        }
        body_open(out, '{');
        body_put_whole(out, "panne", (int64_t)p);
        body_put_whole(out, "vehicles", (int64_t)vehicles);
        put_by_statut(figures->pannes[p], out);
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_bins(const char *name, const uint64_t bins[BINS], struct body *out)
{
    body_key(out, name);
    body_open(out, '[');
    for (size_t i = 0; i < BINS; i++) {
        body_whole(out, (int64_t)bins[i]);
    }
    body_close(out, ']');
}

static void open_histogram(const char *name, double high, struct body *out)
{
    body_key(out, name);
    body_open(out, '{');
    body_put_real(out, "from", 0);
    body_put_real(out, "to", high);
    body_put_real(out, "width", high / BINS);
}

void store_analytics(const struct store *store, const struct selection *selection, struct body *out)
{
    struct figures *found = NULL;
    if (!selection_is_empty(selection)) {
        uint64_t *bits = store_filter(store, selection);
        found = find_figures(store, bits);
        free(bits);
    }
    const struct figures *figures = found ? found : store->figures;
    body_open(out, '{');
    body_put_date(out, "run_date", store->run_date);
    body_put_whole(out, "total", (int64_t)figures->total);
    put_risk_by_model(store, figures, out);
    put_statuts_and_failures(figures, out);
    open_histogram("risk_histogram", RISK_HIGH, out);
    put_bins("counts", figures->risk, out);
    body_put_whole(out, "missing", (int64_t)figures->risk_missing);
    body_close(out, '}');
    open_histogram("prob_histogram", 1, out);
    put_bins("counts", figures->prob, out);
    put_bins("of_ok", figures->prob_of_ok, out);
    body_close(out, '}');
    body_close(out, '}');
    figures_free(found);
}
