/* What learning from the fleet's history and from any table share: the table as numbers, its
 * evaluation, the forest and its card. Internal to the pipeline. */
#ifndef PIPELINE_LEARNING_H
#define PIPELINE_LEARNING_H

#include "pipeline/stages.h"

/* Rows to learn from; all memory is the reader's. */
struct learning_table {
    struct forest_data data;
    const char **feature_names; /* [features] */
    const char **class_labels;  /* [classes]: as in the data */
    const char **class_names;   /* [classes]: for people, or NULL */
    bool labels_are_numbers;
    int quiet;           /* the class that stands for "nothing happens"; -1: none */
    const size_t *group; /* [rows] 0..groups-1: these stay together; or NULL */
    size_t groups;
    const double *when; /* [rows]: the later are tested; or NULL */
    /* A rule of thumb that may learn from `seen` and fills prob[rows][classes] for x; or NULL. */
    void (*rival)(const struct forest_data *seen, const float *x, size_t rows, double *prob);
    const struct forest_elsewhere *elsewhere; /* where trees grow; NULL: here */
};

/* ---- learning.c ---- */

/* Evaluates, grows the forest on all rows, fills the report; the forest is for forest_free(). */
int learning_run(const struct session *session, const struct train_options *options,
                 const struct learning_table *table, struct arena *arena,
                 struct train_report *report, struct forest **forest, struct error *err);

/* ---- train_spark.c ---- */

/* An engine whose workers grow trees, behind `elsewhere`. */
struct tree_workers {
    struct forest_elsewhere elsewhere;
    struct publication publication; /* only its scratch folder and the lake's lock */
    struct lake *lake;
    struct arena arena;
    unsigned forests; /* that were grown */
    unsigned trees;   /* fed as pieces */
};

/* Starts the engine for forests of `trees` trees; tree_workers_close() follows, also after a
 * failure. */
int tree_workers_open(struct tree_workers *workers, const struct session *session, unsigned trees,
                      struct error *err);
void tree_workers_close(struct tree_workers *workers);

/* ---- train_card.c ---- */

/* Writes the forest with its card to report->model_path. */
int learning_write(const struct session *session, const struct train_options *options,
                   const struct learning_table *table, const struct forest *forest,
                   const struct train_report *report, struct arena *arena, struct error *err);

/* ---- train_table.c ---- */

/* A table that is not the fleet's history, in memory. */
struct any_table {
    struct learning_table learning;
    float *x;
    int *y;
    size_t *group;
    double *when;
    uint64_t refused; /* rows without label, group or date */
};

/* Reads options->table; the caller releases it, also after an error. */
int any_table_read(const struct session *session, const struct train_options *options,
                   struct arena *arena, struct any_table *out, struct error *err);
void any_table_release(struct any_table *table);

#endif
