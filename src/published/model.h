/* A model file made fit for the fleet, and what its trees say about one vehicle. For pipeline,
 * which scores with it, and for those who explain. */
#ifndef PUBLISHED_MODEL_H
#define PUBLISHED_MODEL_H

#include "base/columns.h"
#include "forest/evaluate.h"
#include "lake/lake.h"
#include "published/published.h"

/* ---- model.c: a model file made fit for the fleet ---- */

struct fleet_model {
    struct forest *forest;
    struct forest_card card;
    char sha256[HASH_TEXT_SIZE];
    const char *path;
    bool foreign;                          /* no feature names: taken in contract order */
    size_t input_of[MODEL_INPUT_COUNT];    /* which contract input feeds model feature i */
    int failure_of[FAILURE_COUNT];         /* which failure is model class c */
    struct forest_calibration calibration; /* applied to the votes; zeroed: none */
};

/* Reads a model and checks that it speaks of our inputs and failures. The forest is for
 * fleet_model_close(), texts are owned by the arena. */
int fleet_model_open(const char *path, struct arena *arena, struct fleet_model *model,
                     struct error *err);
void fleet_model_close(struct fleet_model *model);

/* The calibration that a model's card holds, owned by the arena; a card without one is an error. */
int model_calibration(const char *path, const struct forest_card *card, int classes,
                      struct arena *arena, struct forest_calibration *out, struct error *err);

/* Reads any model: no word about vehicles is asked for. */
int model_read(const char *path, struct arena *arena, struct forest **forest,
               struct forest_card *card, char sha256[HASH_TEXT_SIZE], struct error *err);

/* ---- reasons.c: what moved a prediction ---- */

/* Works reasons out for blocks of the fleet. */
struct fleet_reasons {
    const struct fleet_model *model;
    unsigned threads;
    bool possible;       /* else every cell is NULL: the model's shares are no probabilities */
    int *target;         /* [LAKE_MAP_ROWS]: class of the model that is explained */
    double *phi;         /* [LAKE_MAP_ROWS][MODEL_INPUT_COUNT], by input of the model */
    struct bytes *cells; /* [LAKE_MAP_ROWS] */
    struct arena texts;  /* of the cells */
};

/* Makes ready to explain rows of the engine's table `from`. A model that does not tell how many
 * rows came by its nodes counts those of `from`: it is then explained against this fleet. */
int fleet_reasons_open(struct fleet_reasons *reasons, struct lake *lake, const char *from,
                       const struct fleet_model *model, unsigned threads, struct arena *arena,
                       struct error *err);
void fleet_reasons_close(struct fleet_reasons *reasons);

/* Fills reasons->cells for x[rows][MODEL_INPUT_COUNT] in the contract's order, and as the model
 * takes it; predicted[rows]: failures. */
int fleet_reasons_fill(struct fleet_reasons *reasons, const double *x, const float *model_x,
                       const int *predicted, size_t rows, struct error *err);

/* All contributions to a failure's probability for one vehicle, strongest first; base: the
 * probability before anything is known. */
int fleet_reasons_of(struct fleet_reasons *reasons, const double x[MODEL_INPUT_COUNT],
                     int predicted, struct reason out[MODEL_INPUT_COUNT], double *base,
                     struct error *err);

/* ---- explain.c: why one vehicle is rated as it is ---- */

/* The model that made the results of a run, ready to explain any of its vehicles. */
struct explainer {
    struct fleet_model model;
    struct fleet_reasons reasons;
    struct usual_range usual[MODEL_INPUT_COUNT];
    bool against_fleet;  /* the model does not tell what it was trained on: base is the mean of this
                            fleet */
    bool usual_of_fleet; /* the usual ranges are this fleet's, not the training data's */
};

/* Finds the model that run.json of the session's run date names by its hash: at `model_path`, or
 * (NULL) at the path of run.json or models/model_pannes.onnx under the root; one with another hash
 * is refused. The engine has the table reporting_final open. Texts are owned by the arena. Zeroed
 * or open, an explainer is for explainer_close(). */
int explainer_open(struct explainer *explainer, const struct session *session, struct lake *lake,
                   const char *model_path, struct arena *arena, struct error *err);
void explainer_close(struct explainer *explainer);

/* All contributions to the probability of `predicted` for one vehicle's measures in the contract's
 * order (NAN: not measured), strongest first, with the usual ranges; *base: the probability before
 * anything is known. Several threads may ask at once. */
int explainer_ask(struct explainer *explainer, const double x[MODEL_INPUT_COUNT], int predicted,
                  struct reason out[MODEL_INPUT_COUNT], double *base, struct error *err);

/* What is usual among the vehicles that are predicted sound, when there are enough: 5 and 95 % of
 * reporting_final. *found tells. */
int published_usual(struct lake *lake, struct arena *arena,
                    struct usual_range usual[MODEL_INPUT_COUNT], bool *found, struct error *err);

#endif
