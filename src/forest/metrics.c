/* How good predictions are: confusion matrix and what follows from it, and the log-loss. Reads y
 * and P, writes a struct forest_metrics. */
#include "forest/forest.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

static const double LEAST_PROB = 1e-6;

/* The first largest of prob[classes], -1 when all are zero: nobody predicted this row. */
static int predicted_class(const double *prob, int classes)
{
    int best = 0;
    bool any = prob[0] != 0;
    for (int c = 1; c < classes; c++) {
        any = any || prob[c] != 0;
        if (prob[c] > prob[best]) {
            best = c;
        }
    }
    return any ? best : -1;
}

static double ratio(size_t part, size_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0.0;
}

/* Precision, recall and F1 per class, accuracy and macro-F1 from the confusion matrix. */
static void derive(struct forest_metrics *m)
{
    size_t classes = (size_t)m->classes;
    size_t right = 0, present = 0;
    double f1_sum = 0;
    for (size_t c = 0; c < classes; c++) {
        size_t hit = m->confusion[c * classes + c], actual = 0, predicted = 0;
        for (size_t other = 0; other < classes; other++) {
            actual += m->confusion[c * classes + other];
            predicted += m->confusion[other * classes + c];
        }
        m->precision[c] = ratio(hit, predicted);
        m->recall[c] = ratio(hit, actual);
        m->f1[c] = ratio(2 * hit, actual + predicted);
        right += hit;
        if (actual > 0) {
            present++;
            f1_sum += m->f1[c];
        }
    }
    m->accuracy = ratio(right, m->rows);
    m->macro_f1 = present > 0 ? f1_sum / (double)present : 0.0;
}

void forest_evaluate(const int *y, const double *prob, size_t rows, int classes,
                     struct arena *arena, struct forest_metrics *out)
{
    assert(classes > 0);
    size_t width = (size_t)classes;
    double loss = 0;
    *out = (struct forest_metrics){
        .classes = classes,
        .confusion = ARENA_NEW(arena, size_t, width * width),
        .precision = ARENA_NEW(arena, double, width),
        .recall = ARENA_NEW(arena, double, width),
        .f1 = ARENA_NEW(arena, double, width),
    };
    for (size_t row = 0; row < rows; row++) {
        assert(y[row] >= 0 && y[row] < classes);
        int predicted = predicted_class(prob + row * width, classes);
        if (predicted < 0) {
            continue;
        }
        out->rows++;
        out->confusion[(size_t)y[row] * width + (size_t)predicted]++;
        loss -= log(fmin(fmax(prob[row * width + (size_t)y[row]], LEAST_PROB), 1.0));
    }
    out->log_loss = out->rows > 0 ? loss / (double)out->rows : 0.0;
    derive(out);
}
