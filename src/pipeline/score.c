/* Scoring: the fleet's features through the model; see stages.h. */
#include "pipeline/stages.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

enum prediction_column { /* behind vin */
                         PREDICTED,
                         PROB_PANNE,
                         STATUT_CODE,
                         SANTE,
                         NIVEAU_CODE,
                         KM_AVANT_PANNE,
                         P_FIRST,
                         PREDICTION_COLUMNS = P_FIRST + FAILURE_COUNT
};

static const struct column prediction_columns[] = {
    {"vin", COLUMN_TEXT},
    {"type_panne_predit", COLUMN_WHOLE},
    {"prob_panne", COLUMN_REAL},
    {"statut_code", COLUMN_WHOLE},
    {"sante", COLUMN_WHOLE},
    {"niveau_code", COLUMN_WHOLE},
    {"km_avant_panne", COLUMN_REAL},
    {"p_0", COLUMN_REAL},
    {"p_1", COLUMN_REAL},
    {"p_2", COLUMN_REAL},
    {"p_3", COLUMN_REAL},
    {"p_4", COLUMN_REAL},
    {"p_5", COLUMN_REAL},
    {"raisons", COLUMN_TEXT},
};
static const struct table predictions = {"predictions", prediction_columns,
                                         sizeof prediction_columns / sizeof *prediction_columns};
_Static_assert(sizeof prediction_columns / sizeof *prediction_columns == 2 + PREDICTION_COLUMNS,
               "one column a class in predictions");

_Static_assert((int)SCORING_RESULTS == (int)PREDICTION_COLUMNS, "one number a column");

/* One vehicle: class probabilities of the model into a row of `predictions`. */
static void predict_row(const struct scoring *s, const double *x, const double *class_prob,
                        double *y)
{
    double prob[FAILURE_COUNT] = {0};
    int classes = forest_classes(s->model->forest);
    for (int c = 0; c < classes; c++) {
        prob[s->model->failure_of[c]] = round_vote(class_prob[c]);
    }
    int predicted = 0;
    for (int f = 0; f < FAILURE_COUNT; f++) {
        predicted = prob[f] > prob[predicted] ? f : predicted;
        y[P_FIRST + f] = prob[f];
    }
    double prob_panne = fleet_prob_panne(predicted, prob);
    y[PREDICTED] = predicted;
    y[PROB_PANNE] = prob_panne;
    y[STATUT_CODE] = fleet_statut(predicted, prob_panne);
    y[SANTE] = fleet_sante(prob_panne);
    y[NIVEAU_CODE] = fleet_niveau(prob_panne);
    y[KM_AVANT_PANNE] = fleet_km_avant_panne(predicted, prob_panne, s->km_median[predicted],
                                             x[INPUT_km_depuis_revis]);
}

int scoring_block(void *context, const double *x, size_t rows, double *y, struct error *err)
{
    struct scoring *s = context;
    int classes = forest_classes(s->model->forest);
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
            s->x[r * MODEL_INPUT_COUNT + i] =
                (float)x[r * MODEL_INPUT_COUNT + s->model->input_of[i]];
        }
    }
    forest_predict(s->model->forest, s->x, rows, s->threads, s->prob);
    forest_calibration_apply(&s->model->calibration, s->prob, rows);
    for (size_t r = 0; r < rows; r++) {
        predict_row(s, &x[r * MODEL_INPUT_COUNT], &s->prob[r * (size_t)classes],
                    &y[r * PREDICTION_COLUMNS]);
        s->predicted[r] = (int)y[r * PREDICTION_COLUMNS + PREDICTED];
    }
    return fleet_reasons_fill(&s->reasons, x, s->x, s->predicted, rows, err);
}

static struct bytes reasons_of_row(void *context, size_t row)
{
    const struct scoring *s = context;
    return s->reasons.cells[row];
}

static int read_lifetimes(struct stage *stage, struct scoring *s, struct error *err)
{
    struct lake_rows rows;
    for (int f = 0; f < FAILURE_COUNT; f++) {
        s->km_median[f] = NAN;
    }
    if (lake_query(stage->lake, "SELECT piece, km_median FROM piece_lifetime ORDER BY piece",
                   stage->arena, &rows, err) != 0) {
        return -1;
    }
    for (size_t r = 0; r < rows.rows; r++) {
        for (int f = 0; f < FAILURE_COUNT; f++) {
            if (strcmp(rows.cells[2 * r], failure_kinds[f].name) == 0 && rows.cells[2 * r + 1]) {
                s->km_median[f] = strtod(rows.cells[2 * r + 1], NULL);
            }
        }
    }
    return 0;
}

/* Vehicles that lack a measure in all their messages. */
static int count_incomplete(struct stage *stage, struct error *err)
{
    char *lacks = arena_strdup(stage->arena, "");
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        lacks = arena_printf(stage->arena, "%s%s%s IS NULL", lacks, i > 0 ? " OR " : "",
                             model_input_gold_columns[i]);
    }
    return lake_count(stage->lake,
                      arena_printf(stage->arena, "SELECT count(*) FROM features WHERE %s", lacks),
                      &stage->report->incomplete, err);
}

void scoring_init(struct scoring *s, const struct fleet_model *model, unsigned threads,
                  struct arena *arena)
{
    *s = (struct scoring){.model = model, .threads = threads};
    s->x = ARENA_NEW(arena, float, LAKE_MAP_ROWS *MODEL_INPUT_COUNT);
    s->prob = ARENA_NEW(arena, double, LAKE_MAP_ROWS *FAILURE_COUNT);
    s->predicted = ARENA_NEW(arena, int, LAKE_MAP_ROWS);
}

/* What the workers need to do what scoring_block() does here: the model, which may have learned
 * from `features` how many rows came by its nodes, and the lifetimes of parts. */
static int plan_workers(struct stage *stage, const struct scoring *s,
                        struct lake_function *function, struct error *err)
{
    enum { WORDS = 8 };
    const char **worker = ARENA_NEW(stage->arena, const char *, WORDS);
    const char **files = ARENA_NEW(stage->arena, const char *, 2);
    char *lifetimes = arena_strdup(stage->arena, "");
    struct bytes bytes;
    for (int f = 0; f < FAILURE_COUNT; f++) {
        lifetimes =
            arena_printf(stage->arena, "%s%s%.17g", lifetimes, f > 0 ? "," : "", s->km_median[f]);
    }
    size_t count = 0;
    worker[count++] = "worker";
    worker[count++] = "score";
    worker[count++] = "--model";
    worker[count++] = "model.onnx";
    worker[count++] = "--lifetimes";
    worker[count++] = lifetimes;
    if (stage->options->calibrated) {
        worker[count++] = "--calibrated";
    }
    files[0] = arena_printf(stage->arena, "%s/scratch/model.onnx", stage->publication->staging);
    function->worker = worker;
    function->worker_files = files;
    if (s->reasons.possible) {
        if (forest_encode(s->model->forest, &s->model->card, stage->arena, &bytes, err) != 0) {
            return -1;
        }
    } else if (fs_read(s->model->path, INT32_MAX, stage->arena, &bytes, err) != 0) {
        return -1;
    }
    return fs_write(files[0], bytes.data, bytes.size, err);
}

int score_features(struct stage *stage, const struct fleet_model *model, struct error *err)
{
    struct scoring s;
    struct lake_function function = {.key = "vin",
                                     .inputs = model_input_gold_columns,
                                     .input_count = MODEL_INPUT_COUNT,
                                     .result = &predictions,
                                     .apply = scoring_block,
                                     .context = &s,
                                     .text = reasons_of_row};
    scoring_init(&s, model, stage->session->threads, stage->arena);
    if (read_lifetimes(stage, &s, err) != 0 || count_incomplete(stage, err) != 0 ||
        fleet_reasons_open(&s.reasons, stage->lake, "features", model, stage->session->threads,
                           stage->arena, err) != 0) {
        return -1;
    }
    int status = -1;
    if (!lake_has_workers(stage->lake) || plan_workers(stage, &s, &function, err) == 0) {
        status = lake_map(stage->lake, "features", &function, err);
    }
    fleet_reasons_close(&s.reasons);
    return status;
}
