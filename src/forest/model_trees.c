/* From the lists of an ONNX TreeEnsembleClassifier to a forest. Reads numbers that may be hostile,
 * writes a forest whose every number was checked, so that prediction checks nothing.
 *
 * In the file a node is named by (tree id, node id), both of any value and in any order inside a
 * tree; votes name their node. The first node of a tree is its root, as runtimes have it. Whatever
 * would make our probabilities differ from the file's meaning is refused with its reason. What the
 * operator's description leaves open is taken as onnxruntime 1.32 does it (see docs/model.md). */
#include "forest/model_io.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far the sum of a row's probabilities may lie from 1 (float weights leave less than 1e-6). */
static const double SUM_TOLERANCE = 1e-3;

/* How far, in parts of it, a node's count may lie from the sum of its children's (floats). */
static const double COVER_TOLERANCE = 1e-3;

/* One tree in the file: nodes [begin, end). */
struct run {
    int32_t id;
    uint32_t begin, end;
    uint32_t order; /* first, second ... tree */
    bool counted;   /* node ids count up by one */
};

struct keyed_node {
    int32_t id;
    uint32_t index;
};

/* A node still to be placed. */
struct pending {
    uint32_t index;  /* in the file */
    uint32_t parent; /* in the forest */
    bool is_right;
};

/* Everything while one forest is built; all memory is the scratch arena's, except the forest. */
struct building {
    const char *name;
    struct arena *scratch;
    const struct ensemble *e;
    struct run *runs; /* runs[trees], by id */
    size_t trees;
    struct keyed_node *keyed; /* keyed[nodes]: by id in each run that is not counted, or NULL */
    uint32_t *first_vote;     /* first_vote[nodes + 2] */
    uint32_t *vote_order;     /* vote_order[votes]: votes, node by node, else as in the file */
    bool *seen;               /* seen[nodes] */
    struct pending *stack;    /* stack[nodes of the largest tree + 1] */
    double least, most;       /* bounds of the sum of a row's weights */
    struct forest *forest;
    struct error *err;
};

static int damaged(const struct building *b, const char *fr, const char *en)
{
    return model_damaged(b->name, b->err, fr, en);
}

/* ---- trees: runs of equal tree ids ---- */

static int compare_ids(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

static int compare_runs(const void *a, const void *b)
{
    return compare_ids(((const struct run *)a)->id, ((const struct run *)b)->id);
}

static int compare_nodes(const void *a, const void *b)
{
    return compare_ids(((const struct keyed_node *)a)->id, ((const struct keyed_node *)b)->id);
}

/* Makes the node ids of a run searchable, and sees to it that each is there once. */
static int index_run(struct building *b, struct run *run)
{
    const int32_t *ids = b->e->node_ids;
    run->counted = true;
    for (uint32_t i = run->begin + 1; i < run->end && run->counted; i++) {
        run->counted = (int64_t)ids[i] == (int64_t)ids[i - 1] + 1;
    }
    if (run->counted) {
        return 0;
    }
    if (!b->keyed) {
        b->keyed = ARENA_NEW(b->scratch, struct keyed_node, b->e->nodes);
    }
    for (uint32_t i = run->begin; i < run->end; i++) {
        b->keyed[i] = (struct keyed_node){ids[i], i};
    }
    qsort(b->keyed + run->begin, run->end - run->begin, sizeof *b->keyed, compare_nodes);
    for (uint32_t i = run->begin + 1; i < run->end; i++) {
        if (b->keyed[i].id == b->keyed[i - 1].id) {
            return damaged(b, "un numéro de nœud est répété", "a node id is repeated");
        }
    }
    return 0;
}

static int find_runs(struct building *b)
{
    const int32_t *ids = b->e->tree_ids;
    for (size_t i = 0; i < b->e->nodes; i++) {
        b->trees += i == 0 || ids[i] != ids[i - 1];
    }
    if (b->trees > FOREST_MAX_TREES) {
        return damaged(b, "il a trop d'arbres", "it has too many trees");
    }
    b->runs = ARENA_NEW(b->scratch, struct run, b->trees);
    size_t tree = 0;
    for (size_t i = 0; i < b->e->nodes; i++) {
        if (i == 0 || ids[i] != ids[i - 1]) {
            b->runs[tree] = (struct run){ids[i], (uint32_t)i, 0, (uint32_t)tree, false};
            tree++;
        }
        b->runs[tree - 1].end = (uint32_t)(i + 1);
    }
    for (tree = 0; tree < b->trees; tree++) {
        if (index_run(b, &b->runs[tree]) != 0) {
            return -1;
        }
    }
    qsort(b->runs, b->trees, sizeof *b->runs, compare_runs);
    for (tree = 1; tree < b->trees; tree++) {
        if (b->runs[tree].id == b->runs[tree - 1].id) {
            return damaged(b, "les nœuds d'un arbre sont dispersés",
                           "the nodes of a tree are scattered");
        }
    }
    return 0;
}

/* The index of node `id` of a run; false when there is none. */
static bool find_node(const struct building *b, const struct run *run, int32_t id, uint32_t *index)
{
    if (run->counted) {
        int64_t offset = (int64_t)id - b->e->node_ids[run->begin];
        *index = run->begin + (uint32_t)offset;
        return offset >= 0 && offset < run->end - run->begin;
    }
    struct keyed_node key = {.id = id};
    const struct keyed_node *found = bsearch(&key, b->keyed + run->begin, run->end - run->begin,
                                             sizeof *b->keyed, compare_nodes);
    *index = found ? found->index : 0;
    return found != NULL;
}

/* ---- votes ---- */

/* The leaf that vote `v` belongs to; `run` remembers the last vote's tree. */
static int find_leaf(const struct building *b, size_t v, const struct run **run, uint32_t *index)
{
    struct run key = {.id = b->e->vote_trees[v]};
    if (!*run || (*run)->id != key.id) {
        *run = bsearch(&key, b->runs, b->trees, sizeof *b->runs, compare_runs);
    }
    if (!*run || !find_node(b, *run, b->e->vote_nodes[v], index) ||
        b->e->modes[*index] != MODE_LEAF) {
        return damaged(b, "un vote n'est pas dans une feuille", "a vote is not in a leaf");
    }
    return 0;
}

static int check_vote(const struct building *b, size_t v)
{
    int32_t label = b->e->vote_classes[v];
    float weight = b->e->vote_weights[v];
    if (label < 0 || (size_t)label >= b->e->classes) {
        return damaged(b, "un vote est pour une classe qui n'existe pas",
                       "a vote is for a class that does not exist");
    }
    if (b->e->classes == 2 && label != 0) { /* runtimes disagree on what that means */
        return error_set(b->err,
                         "%s : deux classes dont les votes ne sont pas sous le numéro 0 : "
                         "exportez le modèle avec skl2onnx ou onnxmltools",
                         "%s: two classes whose votes are not under id 0: export the model with "
                         "skl2onnx or onnxmltools",
                         b->name);
    }
    if (!isfinite(weight)) {
        return damaged(b, "un vote n'est pas un nombre", "a vote is not a number");
    }
    if (b->e->post == POST_NONE && !(weight >= 0 && weight <= 2)) {
        return error_set(b->err,
                         "%s : un vote de %g n'est pas une probabilité, et le modèle n'en fait pas "
                         "une (post_transform) : exportez-le avec SOFTMAX ou LOGISTIC",
                         "%s: a vote of %g is not a probability, and the model does not make it "
                         "one (post_transform): export it with SOFTMAX or LOGISTIC",
                         b->name, (double)weight);
    }
    return 0;
}

/* Sorts the votes by leaf (counting sort, stable), so that each leaf's votes stand together. The
 * list of the votes' nodes becomes that of their leaves, the list of their trees their order. */
static int sort_votes(struct building *b)
{
    const struct ensemble *e = b->e;
    uint32_t *leaf = (uint32_t *)e->vote_nodes;
    const struct run *run = NULL;
    b->first_vote = ARENA_NEW(b->scratch, uint32_t, e->nodes + 2);
    uint32_t *next = b->first_vote + 1; /* becomes first_vote while votes are placed */
    for (size_t v = 0; v < e->votes; v++) {
        uint32_t index;
        if (check_vote(b, v) != 0 || find_leaf(b, v, &run, &index) != 0) {
            return -1;
        }
        leaf[v] = index;
        next[index + 1]++;
    }
    for (size_t i = 0; i < e->nodes; i++) {
        next[i + 1] += next[i];
    }
    b->vote_order = (uint32_t *)e->vote_trees;
    for (size_t v = 0; v < e->votes; v++) {
        b->vote_order[next[leaf[v]]++] = (uint32_t)v;
    }
    return 0;
}

/* ---- placing ---- */

/* Appends leaf `index` and its votes; returns the sum of its weights, NAN when it has none. */
static double place_leaf(struct building *b, uint32_t index)
{
    struct forest *forest = b->forest;
    struct forest_node *node = &forest->nodes[forest->node_count++];
    double sum = 0;
    *node = (struct forest_node){.feature = FOREST_LEAF, .left = (uint32_t)forest->vote_count};
    for (uint32_t i = b->first_vote[index]; i < b->first_vote[index + 1]; i++) {
        uint32_t v = b->vote_order[i];
        float weight = b->e->vote_weights[v];
        int32_t label = forest->complement ? 1 : b->e->vote_classes[v];
        forest->votes[forest->vote_count++] = (struct forest_vote){label, weight};
        sum += (double)weight;
    }
    node->right = (uint32_t)forest->vote_count;
    return node->right > node->left ? sum : (double)NAN;
}

/* What a branch compares with, for <=: x < t is x <= the float just below, and x > t, x >= t are
 * those with the children exchanged. */
static int read_branch(const struct building *b, uint32_t index, struct forest_node *node,
                       bool *exchanged)
{
    enum model_mode mode = b->e->modes[index];
    float value = b->e->values[index];
    bool below = mode == MODE_LT || mode == MODE_GTE;
    int32_t feature = b->e->features[index];
    if (isnan(value) || (below && value == -INFINITY)) {
        return damaged(b, "un seuil n'est pas un nombre", "a threshold is not a number");
    }
    if (feature < 0 || (size_t)feature >= b->forest->features) {
        return damaged(b, "un nœud lit une variable qui n'existe pas",
                       "a node reads a feature that does not exist");
    }
    node->threshold = below ? nextafterf(value, -INFINITY) : value;
    node->feature = feature;
    *exchanged = mode == MODE_GTE || mode == MODE_GT;
    return 0;
}

/* Appends an inner node, and its children to the stack. */
static int place_branch(struct building *b, const struct run *run, uint32_t index, size_t *depth)
{
    const struct ensemble *e = b->e;
    uint32_t number = (uint32_t)b->forest->node_count++, left, right;
    struct forest_node *node = &b->forest->nodes[number];
    bool exchanged = false;
    if (read_branch(b, index, node, &exchanged) != 0) {
        return -1;
    }
    if (!find_node(b, run, exchanged ? e->false_ids[index] : e->true_ids[index], &left) ||
        !find_node(b, run, exchanged ? e->true_ids[index] : e->false_ids[index], &right)) {
        return damaged(b, "un nœud mène à un nœud qui n'existe pas",
                       "a node leads to one that does not exist");
    }
    if (b->seen[left] || b->seen[right] || left == right) {
        return damaged(b, "deux chemins mènent au même nœud", "two paths lead to one node");
    }
    b->seen[left] = b->seen[right] = true;
    node->left = number + 1;
    if (b->forest->missing_left) {
        b->forest->missing_left[number] = exchanged != (e->missing && e->missing[index] != 0);
    }
    b->stack[(*depth)++] = (struct pending){right, number, true};
    b->stack[(*depth)++] = (struct pending){left, number, false};
    return 0;
}

/* Places one tree in preorder. Each node is reached once, so there are no cycles, and all are
 * reached, so the root was the first. */
static int place_tree(struct building *b, const struct run *run)
{
    struct forest *forest = b->forest;
    uint32_t root = (uint32_t)forest->node_count;
    double least = INFINITY, most = -INFINITY;
    size_t depth = 0;
    forest->roots[run->order] = root;
    b->seen[run->begin] = true;
    b->stack[depth++] = (struct pending){run->begin, root, false};
    while (depth > 0) {
        struct pending pending = b->stack[--depth];
        if (pending.is_right) {
            forest->nodes[pending.parent].right = (uint32_t)forest->node_count;
        }
        if (forest->cover) {
            forest->cover[forest->node_count] = b->e->hit_rates[pending.index];
        }
        if (b->e->modes[pending.index] != MODE_LEAF) {
            if (place_branch(b, run, pending.index, &depth) != 0) {
                return -1;
            }
            continue;
        }
        double sum = place_leaf(b, pending.index);
        if (isnan(sum)) {
            return damaged(b, "une feuille n'a pas de vote", "a leaf has no vote");
        }
        least = fmin(least, sum);
        most = fmax(most, sum);
    }
    if (forest->node_count - root != run->end - run->begin) {
        return damaged(b, "des nœuds ne sont pas atteints depuis la racine",
                       "nodes cannot be reached from the root");
    }
    b->least += least;
    b->most += most;
    return 0;
}

static int place_trees(struct building *b)
{
    struct forest *forest = b->forest;
    const struct run **in_order = ARENA_NEW(b->scratch, const struct run *, b->trees);
    uint32_t largest = 0;
    for (size_t tree = 0; tree < b->trees; tree++) {
        uint32_t nodes = b->runs[tree].end - b->runs[tree].begin;
        largest = nodes > largest ? nodes : largest;
        in_order[b->runs[tree].order] = &b->runs[tree];
    }
    b->seen = ARENA_NEW(b->scratch, bool, b->e->nodes);
    b->stack = ARENA_NEW(b->scratch, struct pending, (size_t)largest + 1);
    for (size_t tree = 0; tree < b->trees; tree++) {
        if (place_tree(b, in_order[tree]) != 0) {
            return -1;
        }
    }
    assert(forest->node_count == b->e->nodes && forest->vote_count == b->e->votes);
    return 0;
}

/* ---- the whole forest ---- */

/* True when a node may send missing values to the left: one tracks them to its true child, or sends
 * them to the false child of an exchanged pair. */
static bool missing_may_go_left(const struct ensemble *e)
{
    for (size_t i = 0; i < e->nodes; i++) {
        if (e->modes[i] == MODE_GTE || e->modes[i] == MODE_GT ||
            (e->modes[i] != MODE_LEAF && e->missing && e->missing[i] != 0)) {
            return true;
        }
    }
    return false;
}

/* Room for everything that the ensemble can hold. */
static struct forest *make_forest(const struct building *b, size_t features)
{
    const struct ensemble *e = b->e;
    struct forest *forest = xcalloc(1, sizeof *forest);
    forest->features = features;
    forest->classes = (int)e->classes;
    forest->complement = e->classes == 2;
    forest->post = e->post;
    forest->trees = b->trees;
    forest->roots = xcalloc(b->trees, sizeof *forest->roots);
    forest->nodes = xcalloc(e->nodes, sizeof *forest->nodes);
    forest->votes = xcalloc(e->votes, sizeof *forest->votes);
    if (missing_may_go_left(e)) {
        forest->missing_left = xcalloc(e->nodes, sizeof *forest->missing_left);
    }
    if (e->hit_rates) {
        forest->cover = xcalloc(e->nodes, sizeof *forest->cover);
    }
    return forest;
}

/* Where sums start: one value for class 1 of two, or one for each class. */
static int set_base(struct building *b)
{
    const struct ensemble *e = b->e;
    bool all_zero = true;
    for (size_t i = 0; i < e->base_count; i++) {
        if (!isfinite(e->base[i])) {
            return damaged(b, "une valeur de base n'est pas un nombre",
                           "a base value is not a number");
        }
        all_zero = all_zero && e->base[i] == 0;
    }
    if (e->base_count != 0 && e->base_count != (e->classes == 2 ? 1 : e->classes)) {
        return error_set(b->err,
                         "%s : %zu valeurs de base (base_values) pour %zu classes : ce modèle "
                         "n'est pas pris en charge",
                         "%s: %zu base values for %zu classes: this model is not supported",
                         b->name, e->base_count, e->classes);
    }
    if (all_zero) {
        return 0;
    }
    b->forest->base = xcalloc(e->classes, sizeof *b->forest->base);
    for (size_t i = 0; i < e->base_count; i++) {
        b->forest->base[e->classes == 2 ? 1 : i] = (double)e->base[i];
    }
    return 0;
}

/* Where sums are taken as they are, they must be probabilities; a softmax of two classes with votes
 * for one is none in onnxruntime. */
static int check_sums(struct building *b)
{
    const struct forest *forest = b->forest;
    double base = 0, least_base = 0;
    for (int c = 0; forest->base && c < forest->classes; c++) {
        base += forest->base[c];
        least_base = fmin(least_base, forest->base[c]);
    }
    if (forest->post == POST_SOFTMAX && forest->complement) {
        return error_set(b->err,
                         "%s : SOFTMAX sur deux classes dont une seule a des votes : exportez le "
                         "modèle avec LOGISTIC",
                         "%s: SOFTMAX over two classes of which only one has votes: export the "
                         "model with LOGISTIC",
                         b->name);
    }
    double least = b->least + base, most = b->most + base;
    if (forest->post == POST_NONE &&
        (most > 1 + SUM_TOLERANCE || least < (forest->complement ? 0 : 1) - SUM_TOLERANCE ||
         (!forest->complement && least_base < 0))) {
        return error_set(b->err,
                         "%s : les votes d'une ligne font entre %g et %g au lieu de 1 : il "
                         "faudrait SOFTMAX ou LOGISTIC pour en faire des probabilités",
                         "%s: a row's votes sum to %g..%g instead of 1: SOFTMAX or LOGISTIC would "
                         "be needed to make probabilities of them",
                         b->name, least, most);
    }
    return 0;
}

/* Drops counts that are none: every node's is the sum of its children's (skl2onnx writes 1 for
 * all). */
static void check_cover(struct forest *forest)
{
    bool good = forest->cover != NULL;
    for (size_t i = 0; good && i < forest->node_count; i++) {
        const struct forest_node *node = &forest->nodes[i];
        double cover = (double)forest->cover[i], sum = cover;
        if (node->feature != FOREST_LEAF) {
            sum = (double)forest->cover[node->left] + (double)forest->cover[node->right];
        }
        good = isfinite(cover) && cover >= 0 && fabs(cover - sum) <= COVER_TOLERANCE * cover;
    }
    if (!good) {
        free(forest->cover);
        forest->cover = NULL;
    }
}

int model_build_forest(const struct ensemble *ensemble, size_t features, const char *name,
                       struct arena *scratch, struct forest **out, struct error *err)
{
    struct building b = {.name = name, .scratch = scratch, .e = ensemble, .err = err};
    *out = NULL;
    if (find_runs(&b) != 0 || sort_votes(&b) != 0) {
        return -1;
    }
    b.forest = make_forest(&b, features);
    if (set_base(&b) != 0 || place_trees(&b) != 0 || check_sums(&b) != 0) {
        forest_free(b.forest);
        return -1;
    }
    check_cover(b.forest);
    *out = b.forest;
    return 0;
}
