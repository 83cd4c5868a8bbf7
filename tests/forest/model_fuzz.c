/* Fuzz target of the model reader: any bytes are refused with a sentence, or make a forest that
 * predicts and that, written and read again, predicts the same. */
#include "fuzz.h"

#include "forest/forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 4 };

/* P[ROWS][classes] for rows that go left, right and missing, by the first forest's features. */
static double *predict(const struct forest *forest, struct arena *arena)
{
    static const float values[ROWS] = {0, -INFINITY, INFINITY, NAN};
    size_t features = forest_features(forest);
    float *x = ARENA_NEW(arena, float, features *ROWS);
    double *prob = ARENA_NEW(arena, double, (size_t)forest_classes(forest) * ROWS);
    for (size_t i = 0; i < features * ROWS; i++) {
        x[i] = values[i / features];
    }
    forest_predict(forest, x, ROWS, 1, prob);
    return prob;
}

static void check_forest(const struct forest *forest, struct forest_card *card, struct arena *arena)
{
    size_t count = (size_t)forest_classes(forest) * ROWS;
    double *prob = predict(forest, arena);
    struct forest *back = NULL;
    struct forest_card read;
    struct error err;
    struct bytes again;
    for (size_t i = 0; i < count; i++) {
        if (!(prob[i] >= -0.01 && prob[i] <= 1.01)) {
            abort();
        }
    }
    card->property_count = 0; /* a foreign file may use our reserved keys */
    if (forest_encode(forest, card, arena, &again, &err) != 0 ||
        forest_decode(again.data, again.size, "again", arena, &back, &read, &err) != 0 ||
        memcmp(prob, predict(back, arena), count * sizeof *prob) != 0) {
        abort();
    }
    forest_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct forest *forest = NULL;
    struct forest_card card;
    struct error err = {0};
    if (forest_decode(bytes, size, "fuzz", &arena, &forest, &card, &err) == 0) {
        check_forest(forest, &card, &arena);
    } else if (forest || !err.text[LANG_FR][0] || !err.text[LANG_EN][0]) {
        abort();
    }
    forest_free(forest);
    arena_release(&arena);
    return 0;
}
