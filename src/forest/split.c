/* Folds: which rows train and which test. Memory only. */
#include "forest/evaluate.h"

#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* Fisher-Yates. */
static void shuffle(size_t *items, size_t count, struct rng *rng)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)rng_below(rng, i);
        size_t kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}

void forest_stratified_folds(const int *y, size_t rows, int classes, unsigned folds, uint64_t seed,
                             unsigned *fold)
{
    assert(classes > 0 && folds > 0);
    size_t *first =
        xcalloc((size_t)classes + 1, sizeof *first); /* rows of class c: from first[c] */
    size_t *sorted = xcalloc(rows, sizeof *sorted);  /* rows, class by class */
    for (size_t row = 0; row < rows; row++) {
        assert(y[row] >= 0 && y[row] < classes);
        first[y[row] + 1]++;
    }
    for (int c = 0; c < classes; c++) {
        first[c + 1] += first[c];
    }
    for (size_t row = 0; row < rows; row++) {
        sorted[first[y[row]]++] = row; /* afterwards first[c] is the end of class c */
    }
    /* Dealt like cards, each class going on where the last one stopped: folds differ by at most
     * one row, in every class and in all. */
    size_t begin = 0;
    for (int c = 0; c < classes; c++) {
        struct rng rng;
        rng_init(&rng, seed, (uint64_t)c);
        shuffle(sorted + begin, first[c] - begin, &rng);
        for (size_t i = begin; i < first[c]; i++) {
            fold[sorted[i]] = (unsigned)(i % folds);
        }
        begin = first[c];
    }
    free(sorted);
    free(first);
}

/* ---- whole groups ---- */

struct dealing {
    const int *y;
    size_t classes, rows;
    unsigned folds;
    size_t *total; /* [classes] rows of each class */
    size_t *dealt; /* [folds][classes] of them in each fold */
    size_t *size;  /* [folds] rows */
};

/* The fold that is poorest in what the group's rows bring: the least growth of the sum, over folds
 * and classes, of squared shares of the class, and of the squared share of all rows. */
static unsigned poorest_fold(const struct dealing *d, const size_t *rows, size_t count)
{
    unsigned best = 0;
    double least = INFINITY;
    for (unsigned f = d->folds; f-- > 0;) { /* of equals the last, so that fold 0, the hold-out, is
                                             never the one with the largest group */
        double share = (double)d->rows;
        double growth = (double)d->size[f] * (double)count / (share * share);
        for (size_t i = 0; i < count; i++) {
            size_t c = (size_t)d->y[rows[i]];
            double total = (double)d->total[c];
            growth += (double)d->dealt[f * d->classes + c] / (total * total);
        }
        if (growth < least) {
            least = growth;
            best = f;
        }
    }
    return best;
}

/* Rows group by group: group g's are rows[first[g]] .. rows[first[g + 1]]. */
static void sort_by_group(const size_t *group, size_t count, size_t groups, size_t *first,
                          size_t *rows)
{
    for (size_t row = 0; row < count; row++) {
        assert(group[row] < groups);
        first[group[row] + 1]++;
    }
    for (size_t g = 0; g < groups; g++) {
        first[g + 1] += first[g];
    }
    for (size_t row = count; row-- > 0;) {
        rows[--first[group[row] + 1]] = row; /* ends become beginnings, one place too far right */
    }
    for (size_t g = 0; g < groups; g++) {
        first[g] = first[g + 1];
    }
    first[groups] = count;
}

struct group_size {
    size_t group, rows, place;
};

/* Largest first, equals in the order drawn. */
static int compare_sizes(const void *a, const void *b)
{
    const struct group_size *x = a;
    const struct group_size *y = b;
    if (x->rows != y->rows) {
        return x->rows < y->rows ? 1 : -1;
    }
    return x->place < y->place ? -1 : 1;
}

static struct group_size *order_groups(const size_t *first, size_t groups, uint64_t seed)
{
    struct group_size *order = xcalloc(groups, sizeof *order);
    size_t *drawn = xcalloc(groups, sizeof *drawn);
    struct rng rng;
    rng_init(&rng, seed, 0);
    for (size_t g = 0; g < groups; g++) {
        drawn[g] = g;
    }
    shuffle(drawn, groups, &rng);
    for (size_t i = 0; i < groups; i++) {
        size_t g = drawn[i];
        order[i] = (struct group_size){g, first[g + 1] - first[g], i};
    }
    qsort(order, groups, sizeof *order, compare_sizes);
    free(drawn);
    return order;
}

void forest_group_folds(const struct forest_data *data, const size_t *group, size_t groups,
                        unsigned folds, uint64_t seed, unsigned *fold)
{
    struct dealing d = {data->y, (size_t)data->classes, data->rows, folds, NULL, NULL, NULL};
    assert(data->classes > 0 && folds > 0 && groups > 0);
    if (groups < folds) {
        d.folds = (unsigned)groups; /* the first folds have one each */
    }
    size_t *first = xcalloc(groups + 1, sizeof *first);
    size_t *rows = xcalloc(data->rows, sizeof *rows);
    sort_by_group(group, data->rows, groups, first, rows);
    struct group_size *order = order_groups(first, groups, seed);
    d.total = xcalloc(d.classes, sizeof *d.total);
    d.dealt = xcalloc(folds * d.classes, sizeof *d.dealt);
    d.size = xcalloc(folds, sizeof *d.size);
    for (size_t row = 0; row < data->rows; row++) {
        d.total[data->y[row]]++;
    }
    for (size_t i = 0; i < groups; i++) {
        const size_t *members = rows + first[order[i].group];
        unsigned chosen = poorest_fold(&d, members, order[i].rows);
        for (size_t m = 0; m < order[i].rows; m++) {
            fold[members[m]] = chosen;
            d.dealt[chosen * d.classes + (size_t)data->y[members[m]]]++;
        }
        d.size[chosen] += order[i].rows;
    }
    free(first);
    free(rows);
    free(order);
    free(d.total);
    free(d.dealt);
    free(d.size);
}

/* ---- earlier and later ---- */

static int compare_moments(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

bool forest_later_fold(const double *when, size_t rows, unsigned folds, unsigned *fold)
{
    assert(folds > 1);
    double *sorted = xcalloc(rows, sizeof *sorted);
    for (size_t row = 0; row < rows; row++) {
        sorted[row] = when[row];
    }
    qsort(sorted, rows, sizeof *sorted, compare_moments);
    size_t cut = rows - (rows + folds - 1) / folds;
    while (cut < rows && sorted[cut] == sorted[0]) {
        cut++; /* the first moment stays on the earlier side */
    }
    bool both = cut < rows;
    for (size_t row = 0; both && row < rows; row++) {
        fold[row] = when[row] < sorted[cut];
    }
    free(sorted);
    return both;
}
