/* Why a vehicle is rated as it is: the measures that moved the probability of the predicted class
 * most, as a cell of gold and as sentences. Where the contributions come from, the forest knows. */
#ifndef FLEET_REASONS_H
#define FLEET_REASONS_H

#include "base/arena.h"
#include "base/text.h"
#include "fleet/fleet.h"

enum { REASONS_AT_MOST = 3 };

/* What is usual for a measure: 5 to 95 % of sound vehicles. NAN: not known. */
struct usual_range {
    double low, high;
};

/* One measure's part in a prediction. */
struct reason {
    enum model_input input;
    double value;  /* in the measure's unit; NAN: not measured */
    double points; /* by how much it moves the probability of the predicted class: -1..1 */
    struct usual_range usual; /* NAN, NAN when not known */
};

/* The feature behind an input of the model: label, unit, decimals. */
const struct feature *reason_feature(enum model_input input);

/* Sorts the contributions of all inputs, strongest (by size, whatever the sign) first; equal ones
 * in the model's order. */
void reasons_sort(struct reason reasons[MODEL_INPUT_COUNT]);

/* How many of the sorted ones are worth telling: at most REASONS_AT_MOST, and none that rounds to
 * no point (1 point = 1 % of probability). */
size_t reasons_worth_telling(const struct reason reasons[MODEL_INPUT_COUNT]);

/* The cell of gold: "pression_huile=2.1:+0.31|temp_moyenne=118.2:+0.22", column of gold = value (as
 * many decimals as people see at most; nothing when not measured) : contribution. Owned by the
 * arena; "" without reasons. */
const char *reasons_cell(const struct reason *reasons, size_t count, struct arena *arena);

/* Reads a cell back; gives how many reasons there are (0: NULL, empty or not such a cell). Usual
 * ranges are not known. */
size_t reasons_read(const char *cell, struct reason reasons[REASONS_AT_MOST]);

/* "2,1 bar", "not measured". Owned by the arena. */
const char *reason_value(const struct reason *reason, enum lang lang, struct arena *arena);

/* "Oil pressure 2.1 bar, usual 3.0-5.0: +31 points for Engine"; `predicted` is a class of
 * failures.def, the points are those for it. Owned by the arena. */
const char *reason_sentence(const struct reason *reason, int predicted, enum lang lang,
                            struct arena *arena);

#endif
