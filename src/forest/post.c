/* From the sums of a row's votes to its probabilities, as ONNX's post_transform says. Memory only.
 */
#include "forest/impl.h"

void forest_post_row(const struct forest *forest, double *prob)
{
    size_t classes = (size_t)forest->classes;
    double total = 0;
    double largest = -INFINITY;
    switch (forest->post) {
    case POST_NONE:
        break;
    case POST_LOGISTIC:
        for (size_t c = 0; c < classes; c++) {
            prob[c] = 1 / (1 + exp(-prob[c]));
        }
        break;
    case POST_SOFTMAX:
        for (size_t c = 0; c < classes; c++) {
            largest = fmax(largest, prob[c]);
        }
        for (size_t c = 0; c < classes; c++) {
            prob[c] = exp(prob[c] - largest);
            total += prob[c];
        }
        for (size_t c = 0; c < classes; c++) {
            prob[c] /= total;
        }
        break;
    }
    if (forest->complement) {
        prob[0] = 1.0 - prob[1];
    }
}
