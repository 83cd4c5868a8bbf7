/* Random forests over plain matrices: train, predict, store; evaluate.h says how good they are. No
 * word about vehicles.
 *
 * X[rows][features] is row-major float; NaN is a missing value, which each split sends to one side
 * (right, unless training found the left better). y[rows] holds class indices 0..classes-1.
 * Probabilities are double, P[rows][classes]. */
#ifndef FOREST_FOREST_H
#define FOREST_FOREST_H

#include "base/arena.h"
#include "base/columns.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct forest;

/* A training or test table; the caller owns all memory. */
struct forest_data {
    const float *x; /* X[rows][features] */
    const int *y;   /* y[rows], 0..classes-1 */
    size_t rows;
    size_t features;
    int classes;
    const float *weight; /* [rows]: how many rows a row counts for, finite and not negative; NULL: 1
                            each */
};

struct forest_options;
struct forest_training; /* a forest whose trees are on their way */

/* Makes all trees grow in other processes, which hold a forest_grower each: hands what
 * forest_grower_tree() gives for each tree, in any order, to forest_take_tree(). */
struct forest_elsewhere {
    int (*grow)(void *context, const struct forest_data *data, const struct forest_options *options,
                struct forest_training *out, struct error *err);
    void *context;
};

struct forest_options {
    unsigned trees;     /* 0: 100 */
    unsigned max_depth; /* splits from the root to a leaf; 0: as many as it takes */
    unsigned min_leaf;  /* rows of the sample on each side of a split, as often as they were drawn
                           and times their weights; 0: 1 */
    unsigned max_features; /* features tried for a split; 0: the square root of all */
    bool balanced;         /* every class weighs the same as a whole, as scikit-learn's class_weight
                              "balanced" */
    bool extra_trees;      /* random thresholds (Geurts 2006); rows are still bootstrapped */
    uint64_t seed;         /* same seed, same forest, for any number of threads */
    unsigned threads;      /* 0: all available cores */
    void (*progress)(void *context, size_t done, size_t total); /* may be NULL; called by any
                                                                   thread, one at a time */
    void *progress_context;
    const struct forest_elsewhere
        *elsewhere; /* NULL: trees grow here. For tables without weights */
};

/* Grows a forest (Breiman 2001): bootstrap rows per tree, the best of a few random features per
 * split by Gini impurity, thresholds half way between neighbouring values of the node, grown to
 * purity unless the options say otherwise. Of a feature with more than 65,535 different values,
 * neighbours share a bin, within which no threshold lies. Where a feature is missing from rows of a
 * node, they go to the side that scores better; where it is missing from other rows only, to the
 * heavier side. Infinities are values. A feature that is constant, or wholly missing, is not used.
 *
 * Weights multiply the bootstrap counts; they are whole numbers inside, and others are rounded to a
 * 2^29th of their sum (or 2^25th of the largest). When `oob` is not NULL it receives the out-of-bag
 * probabilities [rows][classes] (a row that no tree left out: all zero). Refused: no rows, no
 * features, fewer than two classes, labels out of range, weights that are no weights. The caller
 * frees with forest_free(). */
int forest_train(const struct forest_data *data, const struct forest_options *options, double *oob,
                 struct forest **out, struct error *err);

/* Takes one tree that grew elsewhere. Bytes that are no tree of this forest are refused. */
int forest_take_tree(struct forest_training *training, const void *bytes, size_t size,
                     struct error *err);

/* ---- in the other process (grower.c); both sides are the same build of this program ---- */

/* Writes a table without weights, and the options that grow its trees, to a file. */
int forest_task_write(const char *path, const struct forest_data *data,
                      const struct forest_options *options, struct error *err);

struct forest_grower;

/* Reads such a file and makes ready to grow trees of it, by one thread. *out is for
 * forest_grower_close(), also after a failure. */
int forest_grower_open(const char *path, struct forest_grower **out, struct error *err);

/* Grows tree `index`, the same as forest_train() would; *out is owned by the arena. */
int forest_grower_tree(struct forest_grower *grower, size_t index, struct arena *arena,
                       struct bytes *out, struct error *err);

/* Frees a grower; NULL is accepted. */
void forest_grower_close(struct forest_grower *grower);

/* How often tree `tree` of a forest trained with `seed` on `rows` rows drew each row: counts[rows].
 * Rows with 0 are out of its bag. */
void forest_bootstrap_counts(uint64_t seed, size_t tree, size_t rows, uint32_t *counts);

/* Frees a forest; NULL is accepted. */
void forest_free(struct forest *forest);

/* Columns of X. */
size_t forest_features(const struct forest *forest);

/* Columns of P. */
int forest_classes(const struct forest *forest);

/* Trees. */
size_t forest_trees(const struct forest *forest);

/* Nodes of all trees, leaves among them. */
size_t forest_nodes(const struct forest *forest);

/* True when votes are scores that a softmax or a logistic function turns into probabilities
 * (boosted trees, read from a file), false when they are probabilities already. */
bool forest_is_boosted(const struct forest *forest);

/* prob[rows][classes] of x[rows][features]: the leaf weights (floats, as in the model file) summed
 * in double in tree order; the same for any number of threads (0: all available cores). Several
 * threads may call it for one forest. Up to 64 rows are done by the calling thread alone. */
void forest_predict(const struct forest *forest, const float *x, size_t rows, unsigned threads,
                    double *prob);

/* Makes the forest ready to predict fast, which forest_predict() otherwise does on its own when it
 * has seen enough rows for that to pay: 11 bytes a node, 70 ms a million nodes. For those to whom
 * the first row's time matters. Thread-safe, like forest_predict(). */
void forest_compile(const struct forest *forest, unsigned threads);

/* ---- the model file: ONNX (model_io.c) ---- */

struct forest_property {
    const char *key;
    const char *value;
};

/* What stands in the file beside the trees; texts are UTF-8. */
struct forest_card {
    const char **feature_names; /* [features], or NULL when the file has none */
    const char **class_names;   /* [classes]: for people, or NULL when the file has none */
    const char **class_labels;  /* [classes]: the training labels as text ("0", "1", "setosa"); to
                                   be written NULL means 0, 1, ... */
    bool labels_are_numbers;    /* all labels are whole numbers (classlabels_int64s) */
    struct forest_property *properties; /* metadata_props that are none of the above */
    size_t property_count;
    const char *producer, *producer_version; /* who wrote the file that was read, "" when it does
                                                not tell; to be written, ours stand there */
};

/* Writes the forest as one ONNX TreeEnsembleClassifier (deterministic bytes) into memory owned by
 * the arena: input X, outputs output_label and output_probability. Refused: texts that are not
 * UTF-8, labels that are no whole numbers though labels_are_numbers, keys of ours
 * ("autostream.feature.", "autostream.class.", "autostream.format"), 2 GiB and more. */
int forest_encode(const struct forest *forest, const struct forest_card *card, struct arena *arena,
                  struct bytes *out, struct error *err);

/* Reads a classifier of trees from ONNX bytes: ours, skl2onnx's forests, boosted trees of LightGBM
 * and XGBoost as onnxmltools writes them (docs/model.md). `name` is only for messages. A file that
 * cannot be honoured exactly is refused with the reason. The card is owned by the arena. */
int forest_decode(const void *bytes, size_t size, const char *name, struct arena *arena,
                  struct forest **out, struct forest_card *card, struct error *err);

#endif
