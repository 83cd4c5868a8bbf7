/* A forest in the making, for this room only: what train.c and grower.c share. */
#ifndef FOREST_TRAINING_H
#define FOREST_TRAINING_H

#include "forest/grow.h"

#include <pthread.h>

struct forest_training {
    const struct forest_data *data;
    const struct forest_options *options;
    struct grow_plan plan;
    struct bin_table table;
    uint32_t *weights;
    double *factors;
    struct grow_scratch **scratch; /* one a worker, made when first needed */
    unsigned workers;
    struct grown_tree *grown; /* grown[trees] */
    uint8_t *in_bag;          /* bits [trees][bag_bytes], or NULL */
    size_t bag_bytes;
    double *oob;
    const struct forest *forest;
    pthread_mutex_t progress_lock;
    size_t done;
};

/* Checks table and options and makes room for the trees; the caller keeps both, and calls
 * training_release(), but not after a failure. */
int training_init(struct forest_training *job, const struct forest_data *data,
                  const struct forest_options *options, struct error *err);

/* Makes the table that trees grow on. */
void training_prepare(struct forest_training *job);

/* Frees all but the forest. */
void training_release(struct forest_training *job);

/* A tree from the bytes of forest_grower_tree(); `tree` is for grown_tree_release(). Refused: bytes
 * that are no tree for `data`, or number `trees` and above. */
int tree_decode(const void *bytes, size_t size, const struct forest_data *data, size_t trees,
                size_t *index, struct grown_tree *tree, struct error *err);

#endif
