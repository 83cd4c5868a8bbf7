/* What moved each vehicle's prediction: from the forest's shares to reasons; see model.h. Reads
 * the engine's tables only to count rows for a model that does not. */
#include "published/model.h"

#include "forest/explain.h"

#include <stdlib.h>
#include <string.h>

/* Rows in the contract's order as the model takes them. */
static void to_model(const struct fleet_model *model, const double *x, size_t rows, float *model_x)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
            model_x[r * MODEL_INPUT_COUNT + i] =
                (float)x[r * MODEL_INPUT_COUNT + model->input_of[i]];
        }
    }
}

struct counting {
    const struct fleet_model *model;
    float *x; /* one block */
};

static int count_block(void *context, const double *x, size_t rows, struct error *err)
{
    const struct counting *counting = context;
    (void)err;
    to_model(counting->model, x, rows, counting->x);
    forest_add_cover(counting->model->forest, counting->x, rows);
    return 0;
}

int fleet_reasons_open(struct fleet_reasons *reasons, struct lake *lake, const char *from,
                       const struct fleet_model *model, unsigned threads, struct arena *arena,
                       struct error *err)
{
    *reasons = (struct fleet_reasons){.model = model,
                                      .threads = threads,
                                      .possible = forest_explains_probabilities(model->forest)};
    reasons->target = ARENA_NEW(arena, int, LAKE_MAP_ROWS);
    reasons->phi = ARENA_NEW(arena, double, LAKE_MAP_ROWS *MODEL_INPUT_COUNT);
    reasons->cells = ARENA_NEW(arena, struct bytes, LAKE_MAP_ROWS);
    if (!reasons->possible || forest_has_cover(model->forest)) {
        return 0;
    }
    struct counting counting = {model, ARENA_NEW(arena, float, BATCH_ROWS *MODEL_INPUT_COUNT)};
    return lake_each_block(lake, from, model_input_gold_columns, MODEL_INPUT_COUNT, NULL,
                           count_block, &counting, err);
}

void fleet_reasons_close(struct fleet_reasons *reasons)
{
    arena_release(&reasons->texts);
}

/* The model's class for a failure, or -1: the model does not know it. */
static int class_of(const struct fleet_model *model, int failure)
{
    for (int c = 0; c < forest_classes(model->forest); c++) {
        if (model->failure_of[c] == failure) {
            return c;
        }
    }
    return -1;
}

/* One vehicle's shares as reasons, strongest first. */
static void sort_reasons(const struct fleet_model *model, const double *x, const double *phi,
                         struct reason out[MODEL_INPUT_COUNT])
{
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        size_t input = model->input_of[i];
        out[i] = (struct reason){.input = (enum model_input)input,
                                 .value = x[input],
                                 .points = phi[i],
                                 .usual = {NAN, NAN}};
    }
    reasons_sort(out);
}

int fleet_reasons_fill(struct fleet_reasons *reasons, const double *x, const float *model_x,
                       const int *predicted, size_t rows, struct error *err)
{
    const struct fleet_model *model = reasons->model;
    double base[FAILURE_COUNT];
    memset(reasons->cells, 0, rows * sizeof *reasons->cells);
    if (!reasons->possible) {
        return 0;
    }
    for (size_t r = 0; r < rows; r++) {
        int class = class_of(model, predicted[r]);
        reasons->target[r] = class < 0 ? 0 : class;
    }
    if (forest_explain(model->forest, model_x, rows, reasons->target, reasons->threads,
                       reasons->phi, base, err) != 0) {
        return -1;
    }
    arena_clear(&reasons->texts);
    for (size_t r = 0; r < rows; r++) {
        struct reason sorted[MODEL_INPUT_COUNT];
        sort_reasons(model, &x[r * MODEL_INPUT_COUNT], &reasons->phi[r * MODEL_INPUT_COUNT],
                     sorted);
        size_t told = reasons_worth_telling(sorted);
        if (told > 0 && class_of(model, predicted[r]) >= 0) {
            const char *cell = reasons_cell(sorted, told, &reasons->texts);
            reasons->cells[r] = (struct bytes){cell, strlen(cell)};
        }
    }
    return 0;
}

int fleet_reasons_of(struct fleet_reasons *reasons, const double x[MODEL_INPUT_COUNT],
                     int predicted, struct reason out[MODEL_INPUT_COUNT], double *base,
                     struct error *err)
{
    const struct fleet_model *model = reasons->model;
    float model_x[MODEL_INPUT_COUNT];
    double phi[MODEL_INPUT_COUNT];
    double bases[FAILURE_COUNT];
    int class = class_of(model, predicted);
    if (!reasons->possible) {
        return error_set(err,
                         "%s : ce modèle additionne des scores, pas des probabilités : ce que "
                         "chaque mesure y apporte ne se compte pas en points ; entraînez une forêt "
                         "avec « autostream train »",
                         "%s: this model adds up scores, not probabilities: what a measure brings "
                         "is not counted in points; train a forest with \"autostream train\"",
                         model->path);
    }
    if (class < 0) {
        return error_set(err, "%s : ce modèle ne connaît pas la panne %d de gold ; refaites gold",
                         "%s: this model does not know failure %d of gold; make gold again",
                         model->path, predicted);
    }
    to_model(model, x, 1, model_x);
    if (forest_explain(model->forest, model_x, 1, &class, reasons->threads, phi, bases, err) != 0) {
        return -1;
    }
    *base = bases[class];
    sort_reasons(model, x, phi, out);
    return 0;
}
