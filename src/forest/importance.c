/* Which features matter: how much impurity their splits take away, and how much worse predictions
 * get when their values are shuffled. Reads a forest and X, y; writes one number a feature. */
#include "forest/evaluate.h"

#include "base/parallel.h"
#include "base/rng.h"
#include "forest/impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Trees are summed in so many parts, whatever the threads, so that sums never differ. */
enum { PARTS = 16 };

/* ---- Gini: class weights of every node, children before parents ---- */

struct share { /* how much of a node is of a class */
    int label;
    double weight;
};

struct shares { /* of one node: a run of the list, by rising class */
    size_t first;
    double weight, squares; /* sums of weight and of weight^2 */
};

struct gini_scratch {
    const struct forest *forest;
    struct share *list, *merged;
    size_t used, room;
    struct shares *stack; /* nodes whose parent is still to come */
    size_t depth, stack_room;
    double *tree; /* [features] */
    /* without covers: the training rows, leaf by leaf */
    const struct forest_data *data;
    uint32_t *leaf;  /* [rows] */
    size_t *first;   /* [nodes of the tree + 1] */
    size_t *by_leaf; /* [rows] */
};

struct gini {
    const struct forest *forest;
    const struct forest_data *data;
    double *sums; /* [PARTS][features] */
};

static void reserve(struct gini_scratch *s, size_t more)
{
    if (s->used + more > s->room) {
        s->room = (s->used + more) * 2;
        s->list = xrealloc(s->list, s->room, sizeof *s->list);
        s->merged = xrealloc(s->merged, s->room, sizeof *s->merged);
    }
    if (s->depth == s->stack_room) {
        s->stack_room = s->stack_room * 2 + 64;
        s->stack = xrealloc(s->stack, s->stack_room, sizeof *s->stack);
    }
}

/* Adds to the run that begins at `first`, keeping it by rising class. */
static void add_share(struct gini_scratch *s, size_t first, int label, double weight)
{
    size_t at = s->used;
    while (at > first && s->list[at - 1].label > label) {
        at--;
    }
    if (at > first && s->list[at - 1].label == label) {
        s->list[at - 1].weight += weight;
        return;
    }
    reserve(s, 1);
    memmove(s->list + at + 1, s->list + at, (s->used - at) * sizeof *s->list);
    s->list[at] = (struct share){label, weight};
    s->used++;
}

static void push(struct gini_scratch *s, size_t first)
{
    struct shares node = {.first = first};
    for (size_t i = first; i < s->used; i++) {
        node.weight += s->list[i].weight;
        node.squares += s->list[i].weight * s->list[i].weight;
    }
    reserve(s, 0);
    s->stack[s->depth++] = node;
}

/* A leaf's classes from its votes, which are probabilities / trees. */
static void push_votes(struct gini_scratch *s, const struct forest_node *leaf, double cover)
{
    const struct forest *forest = s->forest;
    double scale = cover * (double)forest->trees;
    size_t first = s->used;
    for (uint32_t v = leaf->left; v < leaf->right; v++) {
        double weight = (double)forest->votes[v].weight * scale;
        add_share(s, first, forest->votes[v].label, weight);
        if (forest->complement) {
            add_share(s, first, 0, cover - weight);
        }
    }
    push(s, first);
}

/* A leaf's classes from the rows that fall into it. */
static void push_rows(struct gini_scratch *s, size_t leaf)
{
    size_t first = s->used;
    for (size_t i = s->first[leaf]; i < s->first[leaf + 1]; i++) {
        add_share(s, first, s->data->y[s->by_leaf[i]], 1);
    }
    push(s, first);
}

/* Weight times Gini impurity. */
static double impurity(const struct shares *node)
{
    return node->weight > 0 ? node->weight - node->squares / node->weight : 0;
}

/* The two topmost runs become their parent's: the left child was pushed last. */
static double join_children(struct gini_scratch *s)
{
    struct shares left = s->stack[--s->depth];
    struct shares right = s->stack[--s->depth];
    size_t a = right.first, b = left.first, count = 0;
    while (a < left.first || b < s->used) {
        bool from_left = a == left.first || (b < s->used && s->list[b].label < s->list[a].label);
        struct share next = from_left ? s->list[b++] : s->list[a++];
        if (!from_left && b < s->used && s->list[b].label == next.label) {
            next.weight += s->list[b++].weight;
        }
        s->merged[count++] = next;
    }
    memcpy(s->list + right.first, s->merged, count * sizeof *s->list);
    s->used = right.first + count;
    push(s, right.first);
    return impurity(&s->stack[s->depth - 1]) - impurity(&left) - impurity(&right);
}

/* Sorts the rows by the leaf of this tree that they fall into. */
static void sort_by_leaf(struct gini_scratch *s, size_t tree, size_t root, size_t nodes)
{
    size_t rows = s->data->rows;
    s->first = xrealloc(s->first, nodes + 1, sizeof *s->first);
    memset(s->first, 0, (nodes + 1) * sizeof *s->first);
    for (size_t row = 0; row < rows; row++) {
        const struct forest_node *leaf =
            forest_leaf(s->forest, tree, s->data->x + row * s->data->features);
        s->leaf[row] = (uint32_t)((size_t)(leaf - s->forest->nodes) - root);
        s->first[s->leaf[row]]++;
    }
    for (size_t n = 0; n < nodes; n++) {
        s->first[n + 1] += s->first[n];
    }
    for (size_t row = rows; row-- > 0;) {
        s->by_leaf[--s->first[s->leaf[row]]] = row;
    }
}

/* One tree's decreases, as shares of their sum, onto `sum`. */
static void add_tree(struct gini_scratch *s, size_t tree, double *sum)
{
    const struct forest *forest = s->forest;
    size_t root = forest->roots[tree];
    size_t end = tree + 1 < forest->trees ? forest->roots[tree + 1] : forest->node_count;
    double total = 0;
    s->used = s->depth = 0;
    memset(s->tree, 0, forest->features * sizeof *s->tree);
    if (!forest->cover) {
        sort_by_leaf(s, tree, root, end - root);
    }
    for (size_t n = end; n-- > root;) { /* preorder backwards: right child, left child, parent */
        const struct forest_node *node = &forest->nodes[n];
        if (node->feature != FOREST_LEAF) {
            assert(node->left == n + 1 && s->depth >= 2);
            double decrease = join_children(s);
            s->tree[node->feature] += decrease;
            total += decrease;
        } else if (forest->cover) {
            push_votes(s, node, (double)forest->cover[n]);
        } else {
            push_rows(s, n - root);
        }
    }
    for (size_t f = 0; total > 0 && f < forest->features; f++) {
        sum[f] += s->tree[f] / total;
    }
}

static void add_part(void *context, size_t part, unsigned worker)
{
    const struct gini *job = context;
    const struct forest *forest = job->forest;
    struct gini_scratch s = {.forest = forest, .data = job->data};
    (void)worker;
    s.tree = xcalloc(forest->features, sizeof *s.tree);
    if (!forest->cover) {
        s.leaf = xcalloc(s.data->rows, sizeof *s.leaf);
        s.by_leaf = xcalloc(s.data->rows, sizeof *s.by_leaf);
    }
    for (size_t tree = part; tree < forest->trees; tree += PARTS) {
        add_tree(&s, tree, job->sums + part * forest->features);
    }
    free(s.list);
    free(s.merged);
    free(s.stack);
    free(s.tree);
    free(s.leaf);
    free(s.first);
    free(s.by_leaf);
}

bool forest_gini_importance(const struct forest *forest, const struct forest_data *data,
                            unsigned threads, double *importance)
{
    struct gini job = {forest, data, NULL};
    size_t features = forest->features;
    double total = 0;
    memset(importance, 0, features * sizeof *importance);
    if (forest->post != POST_NONE || forest->base || (!forest->cover && !data)) {
        return false;
    }
    assert(forest->cover || data->features == features);
    job.sums = xcalloc(PARTS * features, sizeof *job.sums);
    parallel_for(threads, PARTS, add_part, &job);
    for (size_t i = 0; i < PARTS * features; i++) {
        importance[i % features] += job.sums[i];
        total += job.sums[i];
    }
    for (size_t f = 0; total > 0 && f < features; f++) {
        importance[f] /= total;
    }
    free(job.sums);
    return true;
}

/* ---- permutation ---- */

enum { DEFAULT_REPEATS = 5, LEAST_ROWS = 30, DEFAULT_WALKS = 10000000 };

struct permutation {
    const struct forest *forest;
    const struct forest_data *data;
    const struct forest_permutation *options;
    unsigned repeats;
    size_t *row; /* [rows] of the data that are looked at */
    size_t rows;
    double error;   /* of the rows as they are */
    bool *used;     /* [features]: some node splits on it */
    double *growth; /* [features] */
};

/* A worker's memory: the rows that are looked at, one behind the other, and what is said of them.
 */
struct trial {
    float *x;       /* [rows][features] */
    double *prob;   /* [rows][classes] */
    size_t *voters; /* [rows]: trees that may vote */
};

static void trial_init(struct trial *trial, const struct permutation *job)
{
    size_t features = job->data->features;
    trial->x = xcalloc(job->rows, features * sizeof *trial->x);
    trial->prob = xcalloc(job->rows, (size_t)job->forest->classes * sizeof *trial->prob);
    trial->voters = xcalloc(job->rows, sizeof *trial->voters);
    for (size_t i = 0; i < job->rows; i++) {
        memcpy(trial->x + i * features, job->data->x + job->row[i] * features,
               features * sizeof *trial->x);
    }
}

static void trial_release(struct trial *trial)
{
    free(trial->x);
    free(trial->prob);
    free(trial->voters);
}

/* The votes of one tree on the rows that it may judge. */
static void vote(const struct permutation *job, size_t tree, struct trial *trial)
{
    const struct forest *forest = job->forest;
    const uint8_t *may_vote = job->options->may_vote + tree * (job->data->rows / 8 + 1);
    for (size_t i = 0; i < job->rows; i++) {
        size_t row = job->row[i];
        if (!(may_vote[row / 8] >> (row % 8) & 1)) {
            continue;
        }
        const struct forest_node *leaf =
            forest_leaf(forest, tree, trial->x + i * job->data->features);
        double *prob = trial->prob + i * (size_t)forest->classes;
        for (uint32_t v = leaf->left; v < leaf->right; v++) {
            prob[forest->votes[v].label] += (double)forest->votes[v].weight;
        }
        trial->voters[i]++;
    }
}

/* Fills prob and voters. */
static void predict_trial(const struct permutation *job, struct trial *trial)
{
    const struct forest *forest = job->forest;
    if (!job->options->may_vote) {
        forest_predict(forest, trial->x, job->rows, 1, trial->prob);
        for (size_t i = 0; i < job->rows; i++) {
            trial->voters[i] = forest->trees;
        }
        return;
    }
    memset(trial->prob, 0, job->rows * (size_t)forest->classes * sizeof *trial->prob);
    memset(trial->voters, 0, job->rows * sizeof *trial->voters);
    for (size_t tree = 0; tree < forest->trees; tree++) {
        vote(job, tree, trial);
    }
}

/* The mean squared error of the rows as they stand in the trial; one that no tree judges has none.
 */
static double mean_error(const struct permutation *job, struct trial *trial)
{
    const struct forest *forest = job->forest;
    size_t classes = (size_t)forest->classes;
    double sum = 0;
    predict_trial(job, trial);
    for (size_t i = 0; i < job->rows; i++) {
        double scale = (double)forest->trees / (double)trial->voters[i];
        const double *prob = trial->prob + i * classes;
        for (size_t c = forest->complement ? 1 : 0; trial->voters[i] > 0 && c < classes; c++) {
            double miss = prob[c] * scale - ((size_t)job->data->y[job->row[i]] == c ? 1.0 : 0.0);
            sum += miss * miss;
        }
    }
    return sum / (double)job->rows;
}

static void shuffle_feature(void *context, size_t feature, unsigned worker)
{
    struct permutation *job = context;
    size_t features = job->data->features;
    struct trial trial;
    struct rng rng;
    double sum = 0;
    (void)worker;
    if (!job->used[feature]) {
        return;
    }
    trial_init(&trial, job);
    rng_init(&rng, job->options->seed, feature);
    for (unsigned r = 0; r < job->repeats; r++) {
        for (size_t i = job->rows; i > 1; i--) { /* Fisher-Yates */
            size_t j = (size_t)rng_below(&rng, i);
            float kept = trial.x[(i - 1) * features + feature];
            trial.x[(i - 1) * features + feature] = trial.x[j * features + feature];
            trial.x[j * features + feature] = kept;
        }
        sum += mean_error(job, &trial);
    }
    job->growth[feature] = sum / job->repeats - job->error;
    trial_release(&trial);
}

/* Chooses the rows: all, or evenly as many as the budget allows. */
static void choose_rows(struct permutation *job)
{
    size_t walks = job->options->most_walks ? job->options->most_walks : DEFAULT_WALKS;
    size_t a_row = job->repeats * job->forest->trees, features = 0;
    for (size_t n = 0; n < job->forest->node_count; n++) {
        if (job->forest->nodes[n].feature != FOREST_LEAF) {
            job->used[job->forest->nodes[n].feature] = true;
        }
    }
    for (size_t f = 0; f < job->data->features; f++) {
        features += job->used[f];
    }
    size_t most = walks / a_row / (features > 0 ? features : 1);
    most = most < LEAST_ROWS ? LEAST_ROWS : most;
    job->rows = job->data->rows < most ? job->data->rows : most;
    for (size_t i = 0; i < job->rows; i++) {
        job->row[i] = (size_t)((double)i * (double)job->data->rows / (double)job->rows);
    }
}

void forest_permutation_importance(const struct forest *forest, const struct forest_data *data,
                                   const struct forest_permutation *options, double *importance)
{
    struct permutation job = {.forest = forest, .data = data, .options = options};
    size_t features = data->features;
    assert(forest->features == features && forest->classes == data->classes);
    assert(forest->post == POST_NONE && !forest->base);
    memset(importance, 0, features * sizeof *importance);
    if (data->rows == 0) {
        return;
    }
    job.repeats = options->repeats ? options->repeats : DEFAULT_REPEATS;
    job.row = xcalloc(data->rows, sizeof *job.row);
    job.used = xcalloc(features, sizeof *job.used);
    job.growth = importance;
    choose_rows(&job);
    struct trial as_they_are;
    trial_init(&as_they_are, &job);
    job.error = mean_error(&job, &as_they_are);
    trial_release(&as_they_are);
    parallel_for(options->threads, features, shuffle_feature, &job);
    free(job.row);
    free(job.used);
}
