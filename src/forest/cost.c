/* From probabilities to decisions: from which probability of an event on acting is cheapest. Memory
 * only. */
#include "forest/evaluate.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* P(event) of a row, NaN when nobody predicted it; *alarm: the predicted class is an event. */
static double event_prob(const double *prob, size_t classes, size_t quiet, bool *alarm)
{
    size_t best = 0;
    bool any = prob[0] != 0;
    for (size_t c = 1; c < classes; c++) {
        any = any || prob[c] != 0;
        best = prob[c] > prob[best] ? c : best;
    }
    *alarm = best != quiet;
    return any ? 1 - prob[quiet] : NAN;
}

double forest_cost(const struct forest_predicted *predicted, int quiet,
                   const struct forest_costs *costs, double threshold)
{
    size_t classes = (size_t)predicted->classes;
    size_t rows = 0, missed = 0, needless = 0;
    for (size_t row = 0; row < predicted->rows; row++) {
        bool alarm;
        double prob = event_prob(predicted->prob + row * classes, classes, (size_t)quiet, &alarm);
        if (isnan(prob)) {
            continue;
        }
        bool act = isnan(threshold) ? alarm : prob >= threshold;
        bool event = predicted->y[row] != quiet;
        rows++;
        missed += event && !act;
        needless += act && !event;
    }
    double sum = costs->missed * (double)missed + costs->alarm * (double)needless;
    return rows > 0 ? sum / (double)rows : 0;
}

struct chance {
    double prob;
    bool event;
};

/* Likeliest first. */
static int compare_chances(const void *a, const void *b)
{
    const struct chance *x = a;
    const struct chance *y = b;
    return (x->prob < y->prob) - (x->prob > y->prob);
}

/* A threshold in (low, high]: the ideal one when it lies there. */
static double between(double low, double high, double ideal)
{
    return ideal > low && ideal <= high ? ideal : low + (high - low) / 2;
}

double forest_cost_threshold(const struct forest_predicted *predicted, int quiet,
                             const struct forest_costs *costs)
{
    size_t classes = (size_t)predicted->classes;
    double ideal = costs->alarm / (costs->alarm + costs->missed);
    struct chance *chances = xcalloc(predicted->rows, sizeof *chances);
    size_t count = 0, events = 0;
    ideal = isnan(ideal) ? 0.5 : ideal;
    for (size_t row = 0; row < predicted->rows; row++) {
        bool alarm;
        double prob = event_prob(predicted->prob + row * classes, classes, (size_t)quiet, &alarm);
        if (!isnan(prob)) {
            chances[count++] = (struct chance){prob, predicted->y[row] != quiet};
            events += predicted->y[row] != quiet;
        }
    }
    qsort(chances, count, sizeof *chances, compare_chances);
    double best = ideal, least = INFINITY;
    size_t acted = 0, caught = 0; /* rows at or above the threshold, events among them */
    while (count > 0) {
        double high = acted > 0 ? chances[acted - 1].prob : chances[0].prob < 1 ? 1 : 2;
        double low = acted < count ? chances[acted].prob : 0;
        double at = between(low, high, ideal);
        double cost =
            costs->missed * (double)(events - caught) + costs->alarm * (double)(acted - caught);
        if (cost < least || (cost == least && fabs(at - ideal) < fabs(best - ideal))) {
            least = cost;
            best = at;
        }
        if (acted == count) {
            break;
        }
        do {
            caught += chances[acted++].event;
        } while (acted < count && chances[acted].prob == chances[acted - 1].prob);
    }
    free(chances);
    return best;
}
