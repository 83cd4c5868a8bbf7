/* Scoring: the fleet's features through the model, and any table through any model; see stages.h
 * and pipeline.h. */
#include "pipeline/stages.h"

#include "base/fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Six decimals are what sums of float32 votes carry; equal votes then are equal, and the first
 * wins. */
static double round_vote(double prob)
{
    return round(prob * 1e6) / 1e6;
}

/* ---- the fleet ---- */

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

/* ---- any table ---- */

struct table_scoring {
    struct forest *forest;
    struct forest_card card;
    unsigned threads;
    size_t features, classes;
    float *x;
    double *prob;
    FILE *out;
    const char *out_name;
    bool headed; /* the header is written */
    uint64_t rows;
};

/* A CSV field: quoted where it must be. */
static void write_field(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (const char *p = text; *p; p++) {
        if (*p == '"') {
            (void)fputc('"', out);
        }
        (void)fputc(*p, out);
    }
    (void)fputc('"', out);
}

static int output_error(struct error *err, const char *name)
{
    return error_set(
        err, "%s : écriture impossible (%s) ; vérifiez les droits et la place sur le disque",
        "%s: cannot be written (%s); check the permissions and the space on the disk", name,
        strerror(errno));
}

/* The shortest decimal that reads back as the same double. */
static void write_number(FILE *out, double value)
{
    char text[32];
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    (void)fputs(text, out);
}

/* Names the columns, once the first rows could be read: a table that cannot be leaves no output. */
static void write_header(struct table_scoring *s)
{
    if (s->headed) {
        return;
    }
    s->headed = true;
    (void)fputs("prediction", s->out);
    for (size_t c = 0; c < s->classes; c++) {
        struct arena arena = {0};
        (void)fputc(',', s->out);
        write_field(s->out, arena_printf(&arena, "p_%s", s->card.class_labels[c]));
        arena_release(&arena);
    }
    (void)fputc('\n', s->out);
}

static int score_block(void *context, const double *x, size_t rows, struct error *err)
{
    struct table_scoring *s = context;
    for (size_t i = 0; i < rows * s->features; i++) {
        s->x[i] = (float)x[i];
    }
    forest_predict(s->forest, s->x, rows, s->threads, s->prob);
    write_header(s);
    for (size_t r = 0; r < rows; r++) {
        const double *prob = &s->prob[r * s->classes];
        size_t best = 0;
        for (size_t c = 1; c < s->classes; c++) {
            best = round_vote(prob[c]) > round_vote(prob[best]) ? c : best;
        }
        write_field(s->out, s->card.class_labels[best]);
        for (size_t c = 0; c < s->classes; c++) {
            (void)fputc(',', s->out);
            write_number(s->out, fmin(prob[c], 1)); /* float32 votes may sum to 1 + 1e-8 */
        }
        (void)fputc('\n', s->out);
    }
    s->rows += rows;
    return ferror(s->out) ? output_error(err, s->out_name) : 0;
}

/* The names by which the table's columns are found. */
static const char *const *input_columns(const struct table_scoring *s, const char *model_path,
                                        struct error *err)
{
    if (s->card.feature_names) {
        return s->card.feature_names;
    }
    if (s->features == MODEL_INPUT_COUNT) {
        return model_input_names;
    }
    error_set(err, "%s : le modèle ne nomme pas ses %zu mesures ; donnez un modèle qui les nomme",
              "%s: the model does not name its %zu features; give a model that does", model_path,
              s->features);
    return NULL;
}

static int check_inputs(struct lake *lake, const char *table_path, const char *const *inputs,
                        size_t count, struct arena *arena, struct error *err)
{
    struct column *columns;
    size_t column_count;
    if (lake_columns(lake, "scored", arena, &columns, &column_count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t c = 0; c < column_count && !found; c++) {
            found = strcmp(columns[c].name, inputs[i]) == 0;
        }
        if (!found) {
            return error_set(err, "%s : la colonne « %s » manque ; le modèle en a besoin",
                             "%s: column \"%s\" is missing; the model needs it", table_path,
                             inputs[i]);
        }
    }
    return 0;
}

static int score_all(struct table_scoring *s, struct lake *lake, const char *model_path,
                     const char *table_path, struct arena *arena, struct error *err)
{
    const char *const *inputs = input_columns(s, model_path, err);
    if (!inputs || lake_open_file(lake, "scored", table_path, err) != 0 ||
        check_inputs(lake, table_path, inputs, s->features, arena, err) != 0) {
        return -1;
    }
    if (lake_each_block(lake, "scored", inputs, s->features, NULL, score_block, s, err) != 0) {
        return -1;
    }
    write_header(s); /* a table without rows */
    return 0;
}

int pipeline_score(const struct session *session, const char *model_path, const char *table_path,
                   const char *out_path, uint64_t *rows, struct error *err)
{
    struct arena arena = {0};
    struct table_scoring s = {.threads = session->threads, .out = stdout, .out_name = "stdout"};
    struct lake *lake = NULL;
    struct lake_options options = {.threads = session->threads, .memory = session->memory};
    char sha256[HASH_TEXT_SIZE];
    const char *beside = NULL;
    int status = -1;
    if (model_read(model_path, &arena, &s.forest, &s.card, sha256, err) != 0) {
        goto done;
    }
    s.features = forest_features(s.forest);
    s.classes = (size_t)forest_classes(s.forest);
    s.x = ARENA_NEW(&arena, float, BATCH_ROWS *s.features);
    s.prob = ARENA_NEW(&arena, double, BATCH_ROWS *s.classes);
    if (out_path) {
        beside = arena_printf(&arena, "%s.tmp-%ld", out_path, (long)getpid());
        s.out_name = out_path;
        s.out = fopen(beside, "we");
        if (!s.out) {
            output_error(err, out_path);
            goto done;
        }
    }
    if (lake_open(&lake, &options, err) != 0 ||
        score_all(&s, lake, model_path, table_path, &arena, err) != 0) {
        goto done;
    }
    if (fflush(s.out) != 0 || (beside && fsync(fileno(s.out)) != 0)) {
        output_error(err, s.out_name);
        goto done;
    }
    if (beside && rename(beside, out_path) != 0) {
        output_error(err, out_path);
        goto done;
    }
    *rows = s.rows;
    status = 0;
done:
    if (beside && s.out) {
        (void)fclose(s.out);
        if (status != 0) {
            (void)remove(beside);
        }
    }
    lake_close(lake);
    forest_free(s.forest);
    arena_release(&arena);
    return status;
}
