/* Trains on a table that it makes itself, for bench/forest/growth.py: ten million rows need no
 * file.
 *
 *   growth_tool ROWS FEATURES TREES SEED THREADS
 *
 * The table is that of bench/forest/tables.py, overlapping(): six Gaussian clouds, class 0 with 70
 * % of the rows, the others apart from it in three features each; every value is another one.
 * Prints: processor seconds of training, nodes, bytes of memory that training needed beyond the
 * table, and bytes of the binned table. */
#include "base/arena.h"
#include "base/rng.h"
#include "forest/forest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { CLASSES = 6, MARKS = 3 };

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static size_t peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

/* One draw of the standard normal distribution (Box and Muller 1958). */
static double draw_normal(struct rng *rng)
{
    double radius = sqrt(-2 * log(1 - rng_uniform(rng)));
    return radius * cos(2 * acos(-1) * rng_uniform(rng));
}

/* centres[CLASSES][features]; class 0 stands at 0. */
static double *make_centres(size_t features, struct rng *rng)
{
    double *centres = xcalloc(features, CLASSES * sizeof *centres);
    for (size_t c = 1; c < CLASSES; c++) {
        for (int mark = 0; mark < MARKS; mark++) {
            double side = rng_below(rng, 2) ? 1 : -1;
            centres[c * features + rng_below(rng, features)] = side * (1.2 + rng_uniform(rng));
        }
    }
    return centres;
}

static void make_table(size_t rows, size_t features, float *x, int *y)
{
    struct rng rng;
    rng_init(&rng, 0, 0);
    double *centres = make_centres(features, &rng);
    for (size_t row = 0; row < rows; row++) {
        y[row] = rng_uniform(&rng) < 0.7 ? 0 : 1 + (int)rng_below(&rng, CLASSES - 1);
        for (size_t f = 0; f < features; f++) {
            double centre = centres[(size_t)y[row] * features + f];
            x[row * features + f] = (float)(centre + 0.9 * draw_normal(&rng));
        }
    }
    free(centres);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        (void)fprintf(stderr, "usage: growth_tool ROWS FEATURES TREES SEED THREADS\n");
        return 2;
    }
    size_t rows = strtoul(argv[1], NULL, 10), features = strtoul(argv[2], NULL, 10);
    struct forest_options options = {.trees = (unsigned)strtoul(argv[3], NULL, 10),
                                     .seed = strtoull(argv[4], NULL, 10),
                                     .threads = (unsigned)strtoul(argv[5], NULL, 10)};
    float *x = xcalloc(rows, features * sizeof *x);
    int *y = xcalloc(rows, sizeof *y);
    make_table(rows, features, x, y);
    struct forest_data data = {
        .x = x, .y = y, .rows = rows, .features = features, .classes = CLASSES};
    struct forest *forest = NULL;
    struct error err;
    size_t before = peak_bytes();
    double start = processor_seconds();
    int result = forest_train(&data, &options, NULL, &forest, &err);
    if (result == 0) {
        printf("%.3f %zu %zu %zu\n", processor_seconds() - start, forest_nodes(forest),
               peak_bytes() - before, rows * features * sizeof(uint16_t));
    } else {
        (void)fprintf(stderr, "growth_tool: %s\n", err.text[LANG_EN]);
    }
    forest_free(forest);
    free(x);
    free(y);
    return result == 0 ? 0 : 1;
}
