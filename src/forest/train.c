/* Training a random forest (Breiman 2001). Reads X and y, writes a forest and, when asked for, the
 * out-of-bag probabilities. One tree is one task with its own stream of random numbers, so that the
 * number of threads changes nothing but the time. */
#include "forest/forest.h"

#include "base/parallel.h"
#include "forest/training.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_TREES = 100,
    OOB_BLOCK_ROWS = 256,
    /* Weights as whole numbers: their bootstrap samples stay below 2^31, ten standard deviations
     * (at most sqrt(MAX_WEIGHT * MAX_WEIGHT_SUM) each) above the mean. */
    MAX_WEIGHT_SUM = 1 << 29,
    MAX_WEIGHT = 1 << 25,
};

static int check_labels(const struct forest_data *data, struct error *err)
{
    for (size_t row = 0; row < data->rows; row++) {
        if (data->y[row] < 0 || data->y[row] >= data->classes) {
            return error_set(err,
                             "ligne %zu : la classe %d n'est pas entre 0 et %d : corrigez "
                             "l'historique",
                             "row %zu: class %d is not within 0..%d: mend the training data", row,
                             data->y[row], data->classes - 1);
        }
    }
    return 0;
}

static int check_weights(const struct forest_data *data, struct error *err)
{
    double sum = data->weight ? 0 : 1;
    for (size_t row = 0; data->weight && row < data->rows; row++) {
        if (!isfinite(data->weight[row]) || data->weight[row] < 0) {
            return error_set(err,
                             "ligne %zu : %g n'est pas un poids : il faut un nombre fini, positif "
                             "ou nul",
                             "row %zu: %g is not a weight: it must be finite and not negative", row,
                             (double)data->weight[row]);
        }
        sum += (double)data->weight[row];
    }
    if (sum <= 0) {
        return error_set(err, "tous les poids sont nuls : donnez un poids à une ligne au moins",
                         "all weights are zero: give at least one row a weight");
    }
    return 0;
}

static int check_data(const struct forest_data *data, unsigned trees, struct error *err)
{
    if (data->rows == 0) {
        return error_set(err, "aucune ligne pour l'apprentissage : donnez un historique non vide",
                         "no rows to learn from: give training data that is not empty");
    }
    if (data->rows > INT32_MAX) {
        return error_set(err, "%zu lignes, c'est trop : au plus %" PRId32,
                         "%zu rows are too many: at most %" PRId32, data->rows, INT32_MAX);
    }
    if (data->features == 0 || data->features > FOREST_MAX_FEATURES) {
        return error_set(err, "%zu variables : il en faut entre 1 et %d",
                         "%zu features: there must be 1 to %d", data->features,
                         FOREST_MAX_FEATURES);
    }
    if (data->classes < 2 || data->classes > FOREST_MAX_CLASSES) {
        return error_set(err, "%d classe(s) : il en faut entre 2 et %d pour apprendre",
                         "%d class(es): there must be 2 to %d to learn from", data->classes,
                         FOREST_MAX_CLASSES);
    }
    if (trees > FOREST_MAX_TREES) {
        return error_set(err, "%u arbres, c'est trop : au plus %d",
                         "%u trees are too many: at most %d", trees, FOREST_MAX_TREES);
    }
    return check_labels(data, err) == 0 ? check_weights(data, err) : -1;
}

/* ---- weights ---- */

/* Whole numbers for the rows' weights: as they are when they are whole and small, else scaled. */
static void make_weights(struct forest_training *job)
{
    const struct forest_data *data = job->data;
    double sum = 0, largest = 0;
    bool whole = true;
    for (size_t row = 0; row < data->rows; row++) {
        double weight = (double)data->weight[row];
        sum += weight;
        largest = fmax(largest, weight);
        whole &= weight == floor(weight);
    }
    double scale = fmin(MAX_WEIGHT_SUM / sum, MAX_WEIGHT / largest);
    if (whole && scale >= 1) {
        scale = 1;
    }
    job->weights = xcalloc(data->rows, sizeof *job->weights);
    for (size_t i = 0; i < data->rows; i++) {
        double weight = (double)data->weight[i];
        job->weights[i] = weight > 0 ? (uint32_t)fmax(1, round(weight * scale)) : 0;
    }
    job->plan.weights = job->weights;
    job->plan.weight_unit = 1 / scale;
    job->plan.min_weight = (uint32_t)fmin(fmax(1, ceil(job->plan.min_weight * scale)), INT32_MAX);
}

/* Factors that make all classes weigh the same, and all rows together what they weigh: the sum of
 * weights / (classes present * weight of the class). */
static void balance_classes(struct forest_training *job)
{
    const struct bin_table *table = &job->table;
    double sum = 0;
    size_t present = 0;
    job->factors = xcalloc(table->classes, sizeof *job->factors);
    for (size_t row = 0; row < table->source_rows; row++) {
        job->factors[job->data->y[row]] += job->weights ? job->weights[row] : 1;
    }
    for (size_t c = 0; c < table->classes; c++) {
        sum += job->factors[c];
        present += job->factors[c] > 0;
    }
    for (size_t c = 0; c < table->classes; c++) {
        if (job->factors[c] > 0) {
            job->factors[c] = sum / ((double)present * job->factors[c]);
        }
    }
    job->plan.factors = job->factors;
}

/* ---- trees ---- */

static void tell_progress(struct forest_training *job)
{
    if (job->options->progress) {
        pthread_mutex_lock(&job->progress_lock);
        job->options->progress(job->options->progress_context, ++job->done, job->plan.trees);
        pthread_mutex_unlock(&job->progress_lock);
    }
}

/* Remembers the rows that a tree drew. */
static void note_bag(struct forest_training *job, size_t index, const uint32_t *counts)
{
    for (size_t row = 0; row < job->data->rows; row++) {
        if (counts[row] > 0) {
            job->in_bag[index * job->bag_bytes + row / 8] |= (uint8_t)(1U << (row % 8));
        }
    }
}

static void train_tree(void *context, size_t index, unsigned worker)
{
    struct forest_training *job = context;
    if (!job->scratch[worker]) {
        job->scratch[worker] = grow_scratch_new(&job->plan);
    }
    struct grow_scratch *scratch = job->scratch[worker];
    grow_tree(scratch, (unsigned)index, &job->grown[index]);
    if (job->in_bag) {
        note_bag(job, index, grow_counts(scratch));
    }
    tell_progress(job);
}

/* ---- from trees to a forest ---- */

/* Where the trees of a forest come from, and where their nodes and votes go. */
struct joining {
    struct forest *forest;
    struct grown_tree *grown;
    uint32_t *first_vote; /* [trees] */
};

/* Copies one tree to its place, shifting its node and vote numbers; the tree is released. */
static void place_tree(void *context, size_t index, unsigned worker)
{
    const struct joining *job = context;
    struct forest *forest = job->forest;
    struct grown_tree *tree = &job->grown[index];
    uint32_t first_node = forest->roots[index], first_vote = job->first_vote[index];
    struct forest_node *to = forest->nodes + first_node;
    (void)worker;
    for (size_t i = 0; i < tree->node_count; i++) {
        uint32_t shift = tree->nodes[i].feature == FOREST_LEAF ? first_vote : first_node;
        to[i] = tree->nodes[i];
        to[i].left += shift;
        to[i].right += shift;
    }
    memcpy(forest->votes + first_vote, tree->votes, tree->vote_count * sizeof *tree->votes);
    memcpy(forest->cover + first_node, tree->cover, tree->node_count * sizeof *tree->cover);
    memcpy(forest->missing_left + first_node, tree->missing_left,
           tree->node_count * sizeof *tree->missing_left);
    grown_tree_release(tree);
}

static int join_trees(struct forest_training *job, struct forest **out, struct error *err)
{
    size_t nodes = 0, votes = 0;
    for (unsigned t = 0; t < job->plan.trees; t++) {
        nodes += job->grown[t].node_count;
        votes += job->grown[t].vote_count;
    }
    if (nodes > UINT32_MAX || votes > UINT32_MAX) {
        return error_set(err, "la forêt a %zu nœuds, c'est trop : demandez moins d'arbres",
                         "the forest has %zu nodes, too many: ask for fewer trees", nodes);
    }
    struct forest *forest = xcalloc(1, sizeof *forest);
    forest->features = job->data->features;
    forest->classes = job->data->classes;
    forest->complement = job->data->classes == 2;
    forest->trees = job->plan.trees;
    forest->roots = xcalloc(job->plan.trees, sizeof *forest->roots);
    forest->nodes = xcalloc(nodes, sizeof *forest->nodes);
    forest->votes = xcalloc(votes, sizeof *forest->votes);
    forest->cover = xcalloc(nodes, sizeof *forest->cover);
    forest->missing_left = xcalloc(nodes, sizeof *forest->missing_left);
    uint32_t *first_vote = xcalloc(job->plan.trees, sizeof *first_vote);
    for (unsigned t = 0; t < job->plan.trees; t++) {
        forest->roots[t] = (uint32_t)forest->node_count;
        first_vote[t] = (uint32_t)forest->vote_count;
        forest->node_count += job->grown[t].node_count;
        forest->vote_count += job->grown[t].vote_count;
    }
    parallel_for(job->workers, job->plan.trees, place_tree,
                 &(struct joining){forest, job->grown, first_vote});
    free(first_vote);
    if (!memchr(forest->missing_left, true, nodes * sizeof *forest->missing_left)) {
        free(forest->missing_left);
        forest->missing_left = NULL;
    }
    *out = forest;
    return 0;
}

/* ---- out of bag ---- */

/* prob[classes]: the mean over the trees that did not see the row. */
static void oob_row(const struct forest_training *job, size_t row, double *prob)
{
    const struct forest *forest = job->forest;
    const float *x = job->data->x + row * job->data->features;
    size_t classes = (size_t)forest->classes, voters = 0;
    memset(prob, 0, classes * sizeof *prob);
    for (size_t tree = 0; tree < forest->trees; tree++) {
        if (job->in_bag[tree * job->bag_bytes + row / 8] >> (row % 8) & 1) {
            continue;
        }
        const struct forest_node *leaf = forest_leaf(forest, tree, x);
        for (uint32_t v = leaf->left; v < leaf->right; v++) {
            prob[forest->votes[v].label] += (double)forest->votes[v].weight;
        }
        voters++;
    }
    if (voters == 0) {
        return;
    }
    /* A pure leaf's vote is 1/trees as a float: dividing by that float leaves no trace of it. */
    double whole = (double)voters * (double)(float)(1.0 / (double)forest->trees);
    for (size_t c = 0; c < classes; c++) {
        prob[c] /= whole;
    }
    if (forest->complement) {
        prob[0] = 1.0 - prob[1];
    }
}

static void oob_block(void *context, size_t block, unsigned worker)
{
    (void)worker;
    const struct forest_training *job = context;
    size_t first = block * OOB_BLOCK_ROWS;
    size_t end = first + OOB_BLOCK_ROWS;
    for (size_t row = first; row < end && row < job->data->rows; row++) {
        oob_row(job, row, job->oob + row * (size_t)job->data->classes);
    }
}

/* ---- begin and end ---- */

/* As a weight, which is compared as a signed number; no sample weighs more than INT32_MAX. */
static uint32_t least_weight(unsigned min_leaf)
{
    return min_leaf == 0 ? 1 : min_leaf < INT32_MAX ? min_leaf : INT32_MAX;
}

/* Features to try for a split. */
static unsigned candidates(unsigned wanted, size_t features)
{
    if (wanted == 0) {
        wanted = (unsigned)sqrt((double)features);
    }
    return wanted < features ? wanted : (unsigned)features;
}

int training_init(struct forest_training *job, const struct forest_data *data,
                  const struct forest_options *options, struct error *err)
{
    unsigned trees = options->trees ? options->trees : DEFAULT_TREES;
    unsigned threads = parallel_threads(options->threads);
    if (check_data(data, trees, err) != 0) {
        return -1;
    }
    *job = (struct forest_training){
        .data = data,
        .options = options,
        .plan = {.weight_unit = 1,
                 .min_weight = least_weight(options->min_leaf),
                 .trees = trees,
                 .max_depth = options->max_depth,
                 .max_features = candidates(options->max_features, data->features),
                 .extra_trees = options->extra_trees,
                 .seed = options->seed},
        .workers = threads < trees ? threads : trees,
        .bag_bytes = data->rows / 8 + 1,
        .progress_lock = PTHREAD_MUTEX_INITIALIZER,
    };
    job->plan.table = &job->table;
    job->scratch = xcalloc(job->workers, sizeof(struct grow_scratch *));
    job->grown = xcalloc(trees, sizeof *job->grown);
    return 0;
}

void training_prepare(struct forest_training *job)
{
    bin_table_init(&job->table, job->data, parallel_threads(job->options->threads));
    if (job->data->weight) {
        make_weights(job);
    }
    if (job->options->balanced) {
        balance_classes(job);
    }
}

void training_release(struct forest_training *job)
{
    for (unsigned w = 0; job->scratch && w < job->workers; w++) {
        grow_scratch_free(job->scratch[w]);
    }
    for (unsigned t = 0; job->grown && t < job->plan.trees; t++) {
        grown_tree_release(&job->grown[t]);
    }
    free(job->scratch);
    free(job->grown);
    free(job->in_bag);
    free(job->weights);
    free(job->factors);
    bin_table_release(&job->table);
    pthread_mutex_destroy(&job->progress_lock);
}

/* ---- trees that grow elsewhere ---- */

int forest_take_tree(struct forest_training *job, const void *bytes, size_t size, struct error *err)
{
    size_t index;
    struct grown_tree tree = {0};
    if (tree_decode(bytes, size, job->data, job->plan.trees, &index, &tree, err) != 0) {
        return -1;
    }
    grown_tree_release(&job->grown[index]);
    job->grown[index] = tree;
    tell_progress(job);
    return 0;
}

/* Which rows a tree drew, from the seed alone. */
static void draw_bag(void *context, size_t index, unsigned worker)
{
    struct forest_training *job = context;
    uint32_t *counts = xcalloc(job->data->rows, sizeof *counts);
    (void)worker;
    forest_bootstrap_counts(job->plan.seed, index, job->data->rows, counts);
    note_bag(job, index, counts);
    free(counts);
}

static int train_elsewhere(struct forest_training *job, struct error *err)
{
    const struct forest_elsewhere *elsewhere = job->options->elsewhere;
    if (elsewhere->grow(elsewhere->context, job->data, job->options, job, err) != 0) {
        return -1;
    }
    for (unsigned t = 0; t < job->plan.trees; t++) {
        if (job->grown[t].node_count == 0) {
            return error_set(err, "l'arbre %u n'est pas revenu ; relancez la commande",
                             "tree %u did not come back; repeat the command", t);
        }
    }
    if (job->in_bag) {
        parallel_for(job->workers, job->plan.trees, draw_bag, job);
    }
    return 0;
}

/* ---- the whole ---- */

int forest_train(const struct forest_data *data, const struct forest_options *options, double *oob,
                 struct forest **out, struct error *err)
{
    struct forest_training job;
    int status = 0;
    *out = NULL;
    if (training_init(&job, data, options, err) != 0) {
        return -1;
    }
    job.oob = oob;
    job.in_bag = oob ? xcalloc(job.plan.trees, job.bag_bytes) : NULL;
    if (options->elsewhere) {
        status = train_elsewhere(&job, err);
    } else {
        training_prepare(&job);
        parallel_for(job.workers, job.plan.trees, train_tree, &job);
    }
    if (status == 0 && (status = join_trees(&job, out, err)) == 0 && oob) {
        job.forest = *out;
        parallel_for(job.workers, data->rows / OOB_BLOCK_ROWS + 1, oob_block, &job);
    }
    training_release(&job);
    return status;
}
