/* What scoring any table needs on both of its roads, from files and from a stream: the model, and
 * the lines that are written. Internal to the pipeline. */
#ifndef PIPELINE_SCORED_H
#define PIPELINE_SCORED_H

#include "pipeline/stages.h"

#include <stdio.h>

struct number_text; /* see scored.c */

struct scored {
    struct forest *forest;
    struct forest_card card;
    struct forest_calibration calibration; /* zeroed: none */
    const char *model_path;
    unsigned threads;
    size_t features, classes;
    const char *const *inputs; /* [features]: the columns' names; NULL: none known */
    FILE *out;
    const char *out_name;
    enum score_format format;
    const char **labels; /* [classes]: as they are written */
    bool headed;         /* the header is written, or there shall be none */
    uint64_t rows;
    double *prob; /* [prob_rows][classes] */
    size_t prob_rows;
    struct number_text *known; /* texts of numbers, to be met again */
};

/* Reads the model; everything but the forest is owned by the arena. The caller sets `out`. */
int scored_init(struct scored *s, const struct session *session,
                const struct score_options *options, struct arena *arena, struct error *err);

/* Frees what the arena does not own; a zeroed one is fine. */
void scored_release(struct scored *s);

/* Writes the header, if that was not done. */
void scored_header(struct scored *s);

/* Predicts x[rows][features] and writes a line a row. */
int scored_rows(struct scored *s, const float *x, size_t rows, struct error *err);

/* prob[rows][classes] of x[rows][features], calibrated when that was asked for. */
void scored_predict(const struct scored *s, const float *x, size_t rows, double *prob);

/* Writes a line a row of prob[rows][classes]. */
int scored_write(struct scored *s, const double *prob, size_t rows, struct error *err);

/* The error of an output that fails, by errno. */
int scored_output_error(const struct scored *s, struct error *err);

enum { SCORED_NUMBER_SIZE = 32 };

/* `value` as the shortest decimal that reads back as the same double, with a NUL: at most
 * SCORED_NUMBER_SIZE bytes. */
void scored_number(double value, char *text);

/* ---- score_stream.c ---- */

/* Scores rows of text as they arrive on a file descriptor, and writes before it waits for more. */
int score_stream(struct scored *s, int fd, bool no_header, struct error *err);

#endif
