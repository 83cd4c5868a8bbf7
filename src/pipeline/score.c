/* Scoring: the fleet's features through the model; see stages.h. */
#include "pipeline/stages.h"

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

struct scoring {
    struct stage *stage;
    const struct fleet_model *model;
    double km_median[FAILURE_COUNT]; /* of the part; NAN: no lifetime known */
    float *x;                        /* one block, in the model's order */
    double *prob;                    /* one block, by class of the model */
    int *predicted;                  /* one block, by failure */
    struct fleet_reasons reasons;
};

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

static int predict_block(void *context, const double *x, size_t rows, double *y, struct error *err)
{
    struct scoring *s = context;
    int classes = forest_classes(s->model->forest);
    for (size_t r = 0; r < rows; r++) {
        bool complete = true;
        for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
            s->x[r * MODEL_INPUT_COUNT + i] =
                (float)x[r * MODEL_INPUT_COUNT + s->model->input_of[i]];
            complete = complete && !isnan(x[r * MODEL_INPUT_COUNT + i]);
        }
        s->stage->report->incomplete += !complete;
    }
    forest_predict(s->model->forest, s->x, rows, s->stage->session->threads, s->prob);
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

static int read_lifetimes(struct scoring *s, struct error *err)
{
    struct lake_rows rows;
    for (int f = 0; f < FAILURE_COUNT; f++) {
        s->km_median[f] = NAN;
    }
    if (lake_query(s->stage->lake, "SELECT piece, km_median FROM piece_lifetime ORDER BY piece",
                   s->stage->arena, &rows, err) != 0) {
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

int score_features(struct stage *stage, const struct fleet_model *model, struct error *err)
{
    struct scoring s = {.stage = stage, .model = model};
    const struct lake_function function = {.key = "vin",
                                           .inputs = model_input_gold_columns,
                                           .input_count = MODEL_INPUT_COUNT,
                                           .result = &predictions,
                                           .apply = predict_block,
                                           .context = &s,
                                           .text = reasons_of_row};
    if (read_lifetimes(&s, err) != 0 ||
        fleet_reasons_open(&s.reasons, stage->lake, "features", model, stage->session->threads,
                           stage->arena, err) != 0) {
        return -1;
    }
    s.x = ARENA_NEW(stage->arena, float, BATCH_ROWS *MODEL_INPUT_COUNT);
    s.prob = ARENA_NEW(stage->arena, double, BATCH_ROWS *FAILURE_COUNT);
    s.predicted = ARENA_NEW(stage->arena, int, BATCH_ROWS);
    int status = lake_map(stage->lake, "features", &function, err);
    fleet_reasons_close(&s.reasons);
    return status;
}
