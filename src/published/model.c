/* A model file made fit for the fleet: do its inputs and classes speak of ours? See stages.h. */
#include "published/model.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL_LIMIT = 1 << 30 };

int model_read(const char *path, struct arena *arena, struct forest **forest,
               struct forest_card *card, char sha256[HASH_TEXT_SIZE], struct error *err)
{
    struct bytes file;
    struct hash hash;
    if (!fs_exists(path)) {
        return error_set(err, "%s : pas de modèle ; entraînez-en un d'abord : autostream train",
                         "%s: no model; train first: autostream train", path);
    }
    if (fs_read(path, MODEL_LIMIT, arena, &file, err) != 0) {
        return -1;
    }
    hash_init(&hash);
    hash_update(&hash, file.data, file.size);
    hash_finish(&hash, sha256);
    return forest_decode(file.data, file.size, path, arena, forest, card, err);
}

int model_calibration(const char *path, const struct forest_card *card, int classes,
                      struct arena *arena, struct forest_calibration *out, struct error *err)
{
    for (size_t i = 0; i < card->property_count; i++) {
        if (strcmp(card->properties[i].key, "autostream.calibration") == 0) {
            return forest_calibration_decode(card->properties[i].value, classes, path, arena, out,
                                             err);
        }
    }
    return error_set(err,
                     "%s : le modèle ne contient pas de calibration ; entraînez-le de nouveau "
                     "(autostream train), ou retirez --calibrated",
                     "%s: the model has no calibration; train it again (autostream train), or "
                     "leave --calibrated out",
                     path);
}

static int other_features(struct error *err, const char *path, const char *name)
{
    return error_set(
        err,
        "%s : le modèle attend la mesure « %s », que la flotte n'a pas ; entraînez un "
        "modèle sur l'historique de la flotte : autostream train",
        "%s: the model wants the measure \"%s\", which the fleet does not have; train a "
        "model on the fleet's history: autostream train",
        path, name);
}

/* Which of our inputs feeds each of the model's. */
static int match_inputs(struct fleet_model *model, struct error *err)
{
    size_t count = forest_features(model->forest);
    if (count != MODEL_INPUT_COUNT) {
        return error_set(
            err,
            "%s : le modèle attend %zu mesures, la flotte en a %d ; entraînez un modèle "
            "sur l'historique de la flotte : autostream train",
            "%s: the model wants %zu measures, the fleet has %d; train a model on the "
            "fleet's history: autostream train",
            model->path, count, (int)MODEL_INPUT_COUNT);
    }
    model->foreign = !model->card.feature_names;
    bool taken[MODEL_INPUT_COUNT] = {false};
    for (size_t i = 0; i < count; i++) {
        size_t input = i;
        if (!model->foreign) {
            const char *name = model->card.feature_names[i];
            for (input = 0; input < count && strcmp(model_input_names[input], name) != 0;) {
                input++;
            }
            if (input == count || taken[input]) {
                return other_features(err, model->path, name);
            }
        }
        taken[input] = true;
        model->input_of[i] = input;
    }
    return 0;
}

/* Which failure each class is: by its label, a class number of failures.def. */
static int match_classes(struct fleet_model *model, struct error *err)
{
    int count = forest_classes(model->forest);
    bool taken[FAILURE_COUNT] = {false};
    for (int c = 0; c < count; c++) {
        const char *label = model->card.class_labels[c];
        char *end;
        long failure = strtol(label, &end, 10);
        if (end == label || *end || failure < 0 || failure >= FAILURE_COUNT || taken[failure]) {
            return error_set(
                err,
                "%s : la classe « %s » n'est pas une panne connue (0..%d) ; entraînez un "
                "modèle sur l'historique de la flotte : autostream train",
                "%s: class \"%s\" is no failure that is known (0..%d); train a model on "
                "the fleet's history: autostream train",
                model->path, label, FAILURE_COUNT - 1);
        }
        taken[failure] = true;
        model->failure_of[c] = (int)failure;
    }
    return 0;
}

int fleet_model_open(const char *path, struct arena *arena, struct fleet_model *model,
                     struct error *err)
{
    *model = (struct fleet_model){.path = path};
    if (model_read(path, arena, &model->forest, &model->card, model->sha256, err) != 0) {
        return -1;
    }
    if (match_inputs(model, err) != 0 || match_classes(model, err) != 0) {
        fleet_model_close(model);
        return -1;
    }
    return 0;
}

void fleet_model_close(struct fleet_model *model)
{
    forest_free(model->forest);
    model->forest = NULL;
}
