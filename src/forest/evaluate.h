/* How good a forest is, said honestly: splits, measures with intervals, calibration, costs,
 * importance. Matrices only, as in forest.h.
 *
 * y[rows] holds class indices, P[rows][classes] probabilities in double. One class may stand for
 * "nothing happens" (`quiet`); any other class then is an event, with probability 1 - P(quiet). */
#ifndef FOREST_EVALUATE_H
#define FOREST_EVALUATE_H

#include "forest/forest.h"

#include <stdbool.h>

/* What a forest said about rows whose class is known; the caller owns all memory. Rows that are all
 * zero were not predicted and are left out everywhere. */
struct forest_predicted {
    const int *y;       /* y[rows], 0..classes-1 */
    const double *prob; /* P[rows][classes] */
    size_t rows;
    int classes; /* at least 2 */
};

/* ---- measures (metrics.c) ---- */

enum {
    FOREST_CONFUSION_CLASSES = 256, /* with more classes no confusion matrix is kept */
    FOREST_BOOTSTRAP_REPLICATES = 200,
    FOREST_CALIBRATION_BINS = 15,
};

/* The measures: name here and in files. */
#define FOREST_SCORES(X)                                                                     \
    X(accuracy)                                                                              \
    X(macro_f1)          /* mean F1 of the classes present in y */                           \
    X(log_loss)          /* natural logarithm, probabilities clipped to 1e-6..1 */           \
    X(auc)               /* area under the ROC curve, ties count half: two classes: of class \
                            1; else the mean, one class against the rest, of the classes     \
                            that have both */                                                \
    X(average_precision) /* sum of precision x step of recall; of the same classes */        \
    X(event_auc)         /* both for events against `quiet`; NaN without a quiet class */    \
    X(event_average_precision)                                                               \
    X(brier)             /* squared error: two classes: of P(1), 0..1; else of all classes   \
                            together, 0..2 */                                                \
    X(calibration_error) /* expected calibration error of the largest probability: |accuracy \
                            - confidence|, by 15 bins of equal width, weighted by rows */

enum forest_score {
#define X(name) FOREST_SCORE_##name,
    FOREST_SCORES(X)
#undef X
        FOREST_SCORE_COUNT
};

extern const char *const forest_score_names[FOREST_SCORE_COUNT];

struct forest_interval {
    double low, high; /* NaN: not known */
};

/* Precision, recall and F1 of one class. */
struct forest_class_scores {
    size_t actual;    /* rows of this class */
    size_t predicted; /* rows predicted to be */
    size_t hit;       /* both */
    double precision; /* 0 where nothing was predicted */
    double recall;    /* 0 where the class is absent */
    double f1;
    struct forest_interval precision_interval, recall_interval, f1_interval;
};

struct forest_metrics {
    size_t rows;
    int classes;
    unsigned replicates;              /* behind the intervals; 0: there are none (all NaN) */
    size_t *confusion;                /* [true][predicted], or NULL: too many classes */
    struct forest_class_scores *each; /* [classes]; both are owned by the arena given */
    union {
        struct {
#define X(name) double name;
            FOREST_SCORES(X)
#undef X
        };
        double score[FOREST_SCORE_COUNT]; /* all 0 without rows; NaN: not defined for these */
    };
    struct forest_interval interval[FOREST_SCORE_COUNT];
};

struct forest_evaluation {
    bool has_quiet;
    int quiet;           /* the class that stands for "nothing happens" */
    bool intervals;      /* ask for 95 % percentile intervals (Efron 1979) of 200 resamples; fewer,
                            at least 20, above a million rows */
    uint64_t seed;       /* of the resamples */
    unsigned threads;    /* 0: all available cores; changes nothing but the time */
    const size_t *group; /* group[rows], 0..groups-1: whole groups are resampled; NULL: rows */
    size_t groups;
};

/* Measures predictions; the predicted class is the first largest. `options` NULL: no intervals, no
 * quiet class. */
void forest_evaluate(const struct forest_predicted *predicted,
                     const struct forest_evaluation *options, struct arena *arena,
                     struct forest_metrics *out);

/* One bin of a reliability diagram: the rows whose largest probability lies in [from, to) ([from,
 * to] for the last), the mean of it and the share that was predicted right; both NaN without rows.
 */
struct forest_reliability {
    double from, to;
    size_t rows;
    double predicted, observed;
};

enum { FOREST_RELIABILITY_BINS = 10 };

/* A reliability diagram (DeGroot, Fienberg 1983), in bins of equal width. Rows that nobody
 * predicted (all zero) are left out. */
void forest_reliability(const struct forest_predicted *predicted,
                        struct forest_reliability out[FOREST_RELIABILITY_BINS]);

/* ---- splits (split.c): fold[rows] 0..folds-1; a hold-out of 1/folds is fold 0 ---- */

/* Every class is spread evenly: folds differ by at most one row, in every class and in all. */
void forest_stratified_folds(const int *y, size_t rows, int classes, unsigned folds, uint64_t seed,
                             unsigned *fold);

/* No group (group[rows] 0..groups-1) is on both sides; classes are spread as evenly as that allows
 * (greedy, largest groups first). Only y of the data is read. With fewer groups than folds the
 * first folds have one group each. */
void forest_group_folds(const struct forest_data *data, const size_t *group, size_t groups,
                        unsigned folds, uint64_t seed, unsigned *fold);

/* Fold 0 is the later 1/folds of the rows, fold 1 all that came before; rows of one moment stay
 * together. when[rows] has no NaN. False when all are of one moment. */
bool forest_later_fold(const double *when, size_t rows, unsigned folds, unsigned *fold);

/* ---- calibration (calibrate.c) ---- */

enum forest_calibration_kind {
    FOREST_UNCALIBRATED,
    FOREST_TEMPERATURE, /* P ~ max(P, floor)^(1/temperature) (Guo et al. 2017) */
    FOREST_ISOTONIC,    /* one class against the rest, renormalised (Zadrozny and Elkan 2002) */
};

extern const char *const forest_calibration_names[];

/* A rising function, linear between its points and constant outside. */
struct forest_curve {
    double *x, *y; /* [count]: x rises, y does not fall; 0..1 */
    size_t count;  /* at least 1 */
};

struct forest_calibration {
    enum forest_calibration_kind kind;
    int classes;
    double temperature, floor;
    struct forest_curve *curves; /* [classes], owned by the arena given */
};

/* Fits to predictions (out-of-bag, so that no tree has seen its row). Deterministic. Without any
 * row: uncalibrated. */
void forest_calibration_fit(enum forest_calibration_kind kind,
                            const struct forest_predicted *predicted, struct arena *arena,
                            struct forest_calibration *out);

/* Turns P[rows][classes] into calibrated probabilities, in place; rows that are all zero stay. */
void forest_calibration_apply(const struct forest_calibration *calibration, double *prob,
                              size_t rows);

/* As one line of text, for the model file; owned by the arena. */
const char *forest_calibration_encode(const struct forest_calibration *calibration,
                                      struct arena *arena);

/* Reads it back. Refused: anything that encode would not write for that many classes. `name` is the
 * file, for messages. */
int forest_calibration_decode(const char *text, int classes, const char *name, struct arena *arena,
                              struct forest_calibration *out, struct error *err);

/* ---- costs (cost.c) ---- */

/* What decisions cost, in any unit; a right one costs nothing. */
struct forest_costs {
    double missed; /* an event, and nothing was done; >= 0 */
    double alarm;  /* something was done, and there was no event; >= 0 */
};

/* The probability of an event from which on it is cheapest to act, over these rows: between two
 * observed probabilities, and of equally cheap ones the nearest to alarm / (alarm + missed), which
 * is right for perfect probabilities (Elkan 2001). Above 1: never. */
double forest_cost_threshold(const struct forest_predicted *predicted, int quiet,
                             const struct forest_costs *costs);

/* Cost per row when one acts from `threshold` on; NaN: when the predicted class is an event. 0
 * without rows. */
double forest_cost(const struct forest_predicted *predicted, int quiet,
                   const struct forest_costs *costs, double threshold);

/* ---- importance (importance.c) ---- */

/* Mean decrease of Gini impurity (Breiman 2001; normalised as scikit-learn does), importance
 * [features], sum 1 (all 0: no split anywhere). Weights are the forest's covers; one without covers
 * is weighed by the rows of `data`. False: not a forest of class probabilities. */
bool forest_gini_importance(const struct forest *forest, const struct forest_data *data,
                            unsigned threads, double *importance);

struct forest_permutation {
    unsigned repeats; /* shufflings a feature; 0: 5 */
    uint64_t seed;
    unsigned threads;        /* 0: all available cores */
    size_t most_walks;       /* rows beyond what this many walks through a tree allow are left out,
                                evenly; 0: 10 million */
    const uint8_t *may_vote; /* bits [trees][rows / 8 + 1]: tree was not grown on the row, so that
                                training rows can be judged out of bag; NULL: all trees vote */
};

/* Permutation importance (Breiman 2001): by how much the squared error (Brier) of the rows grows
 * when a feature's values are shuffled among them; importance[features], below 0: by chance. Rows
 * that the forest was not grown on, or `may_vote`. */
void forest_permutation_importance(const struct forest *forest, const struct forest_data *data,
                                   const struct forest_permutation *options, double *importance);

#endif
