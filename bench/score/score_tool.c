/* Predicts on demand and says how long it took: the benchmark's hold on our forest, so that it can
 * take turns with the others in one run.
 *
 *   score_tool MODEL.onnx X.f32 ROWS THREADS P.f64
 *
 * X.f32: X[ROWS][features], floats as they lie in memory. P.f64 gets P[ROWS][classes], doubles. For
 * each line on standard input one on standard output: for "all", seconds by the clock and of the
 * processors to predict all rows; for "one", the median of seconds to predict one row, 1000 times.
 */
#include "base/fs.h"
#include "forest/forest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FILE = INT32_MAX, SINGLE_ROWS = 1000 };

struct score {
    struct forest *forest;
    const float *x;
    size_t rows;
    unsigned threads;
    double *prob;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median_of_one(const struct score *s)
{
    double took[SINGLE_ROWS];
    for (size_t i = 0; i < SINGLE_ROWS; i++) {
        size_t row = i * 7919 % s->rows;
        double start = seconds(CLOCK_MONOTONIC);
        forest_predict(s->forest, s->x + row * forest_features(s->forest), 1, s->threads, s->prob);
        took[i] = seconds(CLOCK_MONOTONIC) - start;
    }
    qsort(took, SINGLE_ROWS, sizeof *took, compare);
    return took[SINGLE_ROWS / 2];
}

static void predict_all(const struct score *s)
{
    double start = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    forest_predict(s->forest, s->x, s->rows, s->threads, s->prob);
    (void)printf("%.9f %.9f\n", seconds(CLOCK_MONOTONIC) - start,
                 seconds(CLOCK_PROCESS_CPUTIME_ID) - used);
}

static int serve(char **args, struct arena *arena, struct error *err)
{
    struct bytes model, x, prob;
    struct forest_card card;
    struct score s = {.rows = strtoul(args[2], NULL, 10),
                      .threads = (unsigned)strtoul(args[3], NULL, 10)};
    char line[16];
    if (fs_read(args[0], MAX_FILE, arena, &model, err) != 0 ||
        fs_read(args[1], MAX_FILE, arena, &x, err) != 0 ||
        forest_decode(model.data, model.size, args[0], arena, &s.forest, &card, err) != 0) {
        return -1;
    }
    if (x.size != s.rows * forest_features(s.forest) * sizeof(float)) {
        forest_free(s.forest);
        return error_set(err, "mauvaise taille", "X.f32 has not the size of ROWS rows");
    }
    s.x = (const float *)(const void *)x.data;
    s.prob = ARENA_NEW(arena, double, s.rows *(size_t)forest_classes(s.forest));
    forest_compile(s.forest, s.threads);
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "one\n") == 0) {
            (void)printf("%.9f\n", median_of_one(&s));
        } else {
            predict_all(&s);
        }
        (void)fflush(stdout);
    }
    predict_all(&s); /* median_of_one() wrote over the first row */
    prob = (struct bytes){(const char *)s.prob,
                          s.rows * (size_t)forest_classes(s.forest) * sizeof(double)};
    forest_free(s.forest);
    return fs_write(args[4], prob.data, prob.size, err);
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct error err = {0};
    int status = argc == 6 ? serve(argv + 1, &arena, &err)
                           : error_usage(&err, "voir l'en-tête", "see the head of score_tool.c");
    if (status != 0) {
        (void)fprintf(stderr, "score_tool: %s\n", err.text[LANG_EN]);
    }
    arena_release(&arena);
    return status != 0;
}
