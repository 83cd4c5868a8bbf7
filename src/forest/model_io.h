/* What reading and writing model files share, for this room only: the names in the file, and a tree
 * ensemble as the file lists it. */
#ifndef FOREST_MODEL_IO_H
#define FOREST_MODEL_IO_H

#include "forest/impl.h"
#include "forest/model_wire.h"

/* metadata_props of ours. Names are one property each ("autostream.feature.0"), so that no text
 * needs escaping; the format comes last, so that a file that was cut has none. */
#define KEY_FEATURE "autostream.feature."
#define KEY_CLASS "autostream.class."
#define KEY_FORMAT "autostream.format"
#define FORMAT_VERSION "1"
#define PRODUCER "autostream"
#define ML_DOMAIN "ai.onnx.ml"

/* How a node compares: goes to its true child where x MODE value. */
enum model_mode { MODE_LEAF, MODE_LEQ, MODE_LT, MODE_GTE, MODE_GT };

/* A TreeEnsembleClassifier as the file lists it: of nothing but the lengths and the labels is
 * known that they make sense. All memory is the arena's that it was read into. */
struct ensemble {
    size_t nodes, votes;
    int32_t *tree_ids, *node_ids; /* [nodes] */
    uint8_t *modes;               /* [nodes], enum model_mode */
    int32_t *features;            /* [nodes] */
    float *values;                /* [nodes] */
    int32_t *true_ids, *false_ids;
    int32_t *missing;      /* [nodes]: not 0 where NaN goes to the true child; or NULL */
    float *hit_rates;      /* [nodes], or NULL */
    int32_t *vote_trees;   /* [votes] */
    int32_t *vote_nodes;   /* [votes] */
    int32_t *vote_classes; /* [votes] */
    float *vote_weights;   /* [votes] */
    size_t classes;        /* 2..FOREST_MAX_CLASSES */
    const char **labels;   /* [classes], UTF-8, owned by the card's arena */
    bool labels_are_numbers;
    float *base; /* [base_count] */
    size_t base_count;
    enum forest_post post;
};

/* "NAME: damaged model, ...": `fr` and `en` say what is wrong. Returns -1. */
int model_damaged(const char *name, struct error *err, const char *fr, const char *en);

/* Reads the attributes of a TreeEnsembleClassifier (a NodeProto) into `scratch`, its labels into
 * `arena`. `name` is only for messages. */
int model_read_ensemble(struct wire node, const char *name, struct arena *scratch,
                        struct arena *arena, struct ensemble *out, struct error *err);

/* Builds a forest over `features` inputs from an ensemble. Whatever could change a result is
 * refused. The vote lists are used up. The caller frees the forest. */
int model_build_forest(const struct ensemble *ensemble, size_t features, const char *name,
                       struct arena *scratch, struct forest **out, struct error *err);

#endif
