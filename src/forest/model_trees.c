/* From the attributes of an ONNX TreeEnsembleClassifier to a forest. Reads arrays that may be
 * hostile, writes a forest whose every number was checked, so that prediction checks nothing.
 *
 * In the file a node is named by (tree id, node id), both of any value and in any order inside a
 * tree; votes name their node. The first node of a tree is its root, as runtimes have it. Whatever
 * would make our probabilities differ from the file's meaning is refused with its reason. */
#include "forest/model_io.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far the sum of a row's probabilities may lie from 1 (float weights leave less than 1e-6). */
static const double SUM_TOLERANCE = 1e-3;

/* The attributes that we know; NULL where the node has none. */
struct attributes {
    const Onnx__AttributeProto *tree_ids, *node_ids, *features, *values, *modes, *true_ids,
        *false_ids, *missing, *hit_rates;
    const Onnx__AttributeProto *class_trees, *class_nodes, *class_ids, *class_weights;
    const Onnx__AttributeProto *label_ints, *label_strings, *post_transform, *base_values;
};

enum { INTS = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS };
enum { FLOATS = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS };
enum { STRINGS = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS };
enum { STRING = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING };

struct known_attribute {
    const char *name;
    int type;
    size_t offset; /* in struct attributes */
};

static const struct known_attribute KNOWN[] = {
    {"nodes_treeids", INTS, offsetof(struct attributes, tree_ids)},
    {"nodes_nodeids", INTS, offsetof(struct attributes, node_ids)},
    {"nodes_featureids", INTS, offsetof(struct attributes, features)},
    {"nodes_values", FLOATS, offsetof(struct attributes, values)},
    {"nodes_modes", STRINGS, offsetof(struct attributes, modes)},
    {"nodes_truenodeids", INTS, offsetof(struct attributes, true_ids)},
    {"nodes_falsenodeids", INTS, offsetof(struct attributes, false_ids)},
    {"nodes_missing_value_tracks_true", INTS, offsetof(struct attributes, missing)},
    {"nodes_hitrates", FLOATS, offsetof(struct attributes, hit_rates)}, /* changes no result */
    {"class_treeids", INTS, offsetof(struct attributes, class_trees)},
    {"class_nodeids", INTS, offsetof(struct attributes, class_nodes)},
    {"class_ids", INTS, offsetof(struct attributes, class_ids)},
    {"class_weights", FLOATS, offsetof(struct attributes, class_weights)},
    {"classlabels_int64s", INTS, offsetof(struct attributes, label_ints)},
    {"classlabels_strings", STRINGS, offsetof(struct attributes, label_strings)},
    {"post_transform", STRING, offsetof(struct attributes, post_transform)},
    {"base_values", FLOATS, offsetof(struct attributes, base_values)},
};

/* One tree in the file: nodes [begin, end). */
struct run {
    int64_t id;
    uint32_t begin, end;
    uint32_t order; /* first, second ... tree */
    bool counted;   /* node ids count up by one */
};

struct keyed_node {
    int64_t id;
    uint32_t index;
};

/* A node still to be placed. */
struct pending {
    uint32_t index;  /* in the file */
    uint32_t parent; /* in the forest */
    bool is_right;
};

/* Everything while one classifier is read; all memory is the scratch arena's, except the forest. */
struct reading {
    const char *name;
    struct arena *scratch;
    struct attributes a;
    size_t nodes, votes, features;
    int classes;
    bool complement;
    struct run *runs; /* runs[trees], by id */
    size_t trees;
    struct keyed_node *keyed; /* keyed[nodes]: by id in each run that is not counted, or NULL */
    bool *is_leaf;            /* is_leaf[nodes] */
    float *thresholds;        /* thresholds[nodes], for <= */
    uint32_t *first_vote;     /* first_vote[nodes + 1] */
    uint32_t *vote_order;     /* vote_order[votes]: votes, node by node, else as in the file */
    bool *seen;               /* seen[nodes] */
    struct pending *stack;    /* stack[nodes + 1] */
    double least, most;       /* bounds of the sum of a row's weights */
    struct forest *forest;
    struct error *err;
};

/* ---- attributes ---- */

static int damaged(struct reading *r, const char *fr, const char *en)
{
    return error_set(r->err, "%s : modèle abîmé, %s%.0s : exportez-le ou apprenez-le de nouveau",
                     "%s: damaged model,%.0s %s: export or train it again", r->name, fr, en);
}

static int place_attribute(struct reading *r, const Onnx__AttributeProto *attribute)
{
    const char *name = attribute->name ? attribute->name : "";
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (strcmp(name, KNOWN[i].name) != 0) {
            continue;
        }
        const Onnx__AttributeProto **place =
            (const Onnx__AttributeProto **)(void *)((char *)&r->a + KNOWN[i].offset);
        if (*place) {
            return damaged(r, "un attribut est répété", "an attribute is repeated");
        }
        if (!attribute->has_type || (int)attribute->type != KNOWN[i].type ||
            (attribute->ref_attr_name && *attribute->ref_attr_name)) {
            return damaged(r, "un attribut a un autre type", "an attribute has another type");
        }
        *place = attribute;
        return 0;
    }
    return error_set(r->err,
                     "%s : l'attribut « %s » n'est pas pris en charge : exportez le modèle avec "
                     "des entrées float32",
                     "%s: attribute '%s' is not supported: export the model with float32 inputs",
                     r->name, model_text_is_utf8(name) ? name : "?");
}

static size_t int_count(const Onnx__AttributeProto *a)
{
    return a ? a->n_ints : 0;
}

static size_t float_count(const Onnx__AttributeProto *a)
{
    return a ? a->n_floats : 0;
}

static size_t string_count(const Onnx__AttributeProto *a)
{
    return a ? a->n_strings : 0;
}

static int check_lengths(struct reading *r)
{
    const struct attributes *a = &r->a;
    size_t n = int_count(a->tree_ids), votes = int_count(a->class_trees);
    if (n == 0 || votes == 0) {
        return damaged(r, "il n'a pas d'arbre", "it has no trees");
    }
    if (int_count(a->node_ids) != n || int_count(a->features) != n || float_count(a->values) != n ||
        string_count(a->modes) != n || int_count(a->true_ids) != n ||
        int_count(a->false_ids) != n ||
        (int_count(a->missing) != n && int_count(a->missing) != 0) ||
        int_count(a->class_nodes) != votes || int_count(a->class_ids) != votes ||
        float_count(a->class_weights) != votes) {
        return damaged(r, "ses listes n'ont pas la même longueur", "its lists differ in length");
    }
    if (n > UINT32_MAX / 2 || votes > UINT32_MAX / 2) {
        return damaged(r, "il est trop grand", "it is too large");
    }
    r->nodes = n;
    r->votes = votes;
    return 0;
}

static bool bytes_equal(ProtobufCBinaryData bytes, const char *text)
{
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

/* What runtimes do to the sums behind the trees: we do nothing, so there must be nothing. */
static int check_transforms(struct reading *r)
{
    const struct attributes *a = &r->a;
    if (a->post_transform && !(a->post_transform->has_s && a->post_transform->s.len > 0 &&
                               bytes_equal(a->post_transform->s, "NONE"))) {
        return error_set(r->err,
                         "%s : le modèle transforme ses scores (post_transform) : seules les "
                         "forêts aléatoires sont prises en charge",
                         "%s: the model transforms its scores (post_transform): only random "
                         "forests are supported",
                         r->name);
    }
    for (size_t i = 0; i < float_count(a->base_values); i++) {
        if (a->base_values->floats[i] != 0 || r->classes == 2) {
            return error_set(r->err,
                             "%s : le modèle a des valeurs de base (base_values) : seules les "
                             "forêts aléatoires sont prises en charge",
                             "%s: the model has base values: only random forests are supported",
                             r->name);
        }
    }
    for (size_t i = 0; i < int_count(a->missing); i++) {
        if (a->missing->ints[i] != 0) {
            return error_set(r->err,
                             "%s : le modèle envoie des valeurs manquantes à gauche "
                             "(missing_value_tracks_true), ce n'est pas pris en charge",
                             "%s: the model sends missing values left "
                             "(missing_value_tracks_true), which is not supported",
                             r->name);
        }
    }
    return 0;
}

static int read_string_labels(struct reading *r, struct arena *arena, const char **labels)
{
    for (int c = 0; c < r->classes; c++) {
        ProtobufCBinaryData raw = r->a.label_strings->strings[c];
        const char *label = arena_copy(arena, raw.len ? (const void *)raw.data : "", raw.len);
        if (strlen(label) != raw.len || !model_text_is_utf8(label)) {
            return damaged(r, "une étiquette n'est pas un texte UTF-8",
                           "a label is not UTF-8 text");
        }
        labels[c] = label;
    }
    return 0;
}

static int read_labels(struct reading *r, struct arena *arena, struct forest_card *card)
{
    size_t ints = int_count(r->a.label_ints), strings = string_count(r->a.label_strings);
    size_t classes = ints + strings;
    if ((ints > 0) == (strings > 0)) {
        return damaged(r, "il lui faut une liste d'étiquettes, et une seule",
                       "it needs one list of labels, and only one");
    }
    if (classes < 2 || classes > FOREST_MAX_CLASSES) {
        return error_set(r->err, "%s : %zu classe(s) : il en faut entre 2 et %d",
                         "%s: %zu class(es): there must be 2 to %d", r->name, classes,
                         FOREST_MAX_CLASSES);
    }
    r->classes = (int)classes;
    r->complement = classes == 2;
    card->labels_are_numbers = ints > 0;
    card->class_labels = ARENA_NEW(arena, const char *, classes);
    for (size_t c = 0; c < ints; c++) {
        card->class_labels[c] = arena_printf(arena, "%" PRId64, r->a.label_ints->ints[c]);
    }
    return strings > 0 ? read_string_labels(r, arena, card->class_labels) : 0;
}

/* ---- nodes ---- */

/* The mode and threshold of one node. BRANCH_LT is x <= the float just below. */
static int read_node(struct reading *r, size_t i)
{
    ProtobufCBinaryData mode = r->a.modes->strings[i];
    float value = r->a.values->floats[i];
    if (mode.len > 0 && bytes_equal(mode, "LEAF")) {
        r->is_leaf[i] = true;
        return 0;
    }
    bool less = mode.len > 0 && bytes_equal(mode, "BRANCH_LT");
    if (!less && !(mode.len > 0 && bytes_equal(mode, "BRANCH_LEQ"))) {
        return error_set(r->err,
                         "%s : un nœud compare autrement que par <= ou < : ce modèle n'est pas "
                         "pris en charge",
                         "%s: a node compares by other means than <= or <: this model is not "
                         "supported",
                         r->name);
    }
    if (isnan(value) || (less && value == -INFINITY)) {
        return damaged(r, "un seuil n'est pas un nombre", "a threshold is not a number");
    }
    if (r->a.features->ints[i] < 0 || (uint64_t)r->a.features->ints[i] >= r->features) {
        return damaged(r, "un nœud lit une variable qui n'existe pas",
                       "a node reads a feature that does not exist");
    }
    r->thresholds[i] = less ? nextafterf(value, -INFINITY) : value;
    return 0;
}

static int read_nodes(struct reading *r)
{
    r->is_leaf = ARENA_NEW(r->scratch, bool, r->nodes);
    r->thresholds = ARENA_NEW(r->scratch, float, r->nodes);
    for (size_t i = 0; i < r->nodes; i++) {
        if (read_node(r, i) != 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- trees: runs of equal tree ids ---- */

static int compare_ids(int64_t a, int64_t b)
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
static int index_run(struct reading *r, struct run *run)
{
    const int64_t *ids = r->a.node_ids->ints;
    run->counted = true;
    for (uint32_t i = run->begin + 1; i < run->end && run->counted; i++) {
        run->counted = ids[i - 1] < INT64_MAX && ids[i] == ids[i - 1] + 1;
    }
    if (run->counted) {
        return 0;
    }
    if (!r->keyed) {
        r->keyed = ARENA_NEW(r->scratch, struct keyed_node, r->nodes);
    }
    for (uint32_t i = run->begin; i < run->end; i++) {
        r->keyed[i] = (struct keyed_node){ids[i], i};
    }
    qsort(r->keyed + run->begin, run->end - run->begin, sizeof *r->keyed, compare_nodes);
    for (uint32_t i = run->begin + 1; i < run->end; i++) {
        if (r->keyed[i].id == r->keyed[i - 1].id) {
            return damaged(r, "un numéro de nœud est répété", "a node id is repeated");
        }
    }
    return 0;
}

static int find_runs(struct reading *r)
{
    const int64_t *ids = r->a.tree_ids->ints;
    for (size_t i = 0; i < r->nodes; i++) {
        r->trees += i == 0 || ids[i] != ids[i - 1];
    }
    if (r->trees > FOREST_MAX_TREES) {
        return damaged(r, "il a trop d'arbres", "it has too many trees");
    }
    r->runs = ARENA_NEW(r->scratch, struct run, r->trees);
    size_t tree = 0;
    for (size_t i = 0; i < r->nodes; i++) {
        if (i == 0 || ids[i] != ids[i - 1]) {
            r->runs[tree] = (struct run){ids[i], (uint32_t)i, 0, (uint32_t)tree, false};
            tree++;
        }
        r->runs[tree - 1].end = (uint32_t)(i + 1);
    }
    for (tree = 0; tree < r->trees; tree++) {
        if (index_run(r, &r->runs[tree]) != 0) {
            return -1;
        }
    }
    qsort(r->runs, r->trees, sizeof *r->runs, compare_runs);
    for (tree = 1; tree < r->trees; tree++) {
        if (r->runs[tree].id == r->runs[tree - 1].id) {
            return damaged(r, "les nœuds d'un arbre sont dispersés",
                           "the nodes of a tree are scattered");
        }
    }
    return 0;
}

/* The index of node `id` of a run; false when there is none. */
static bool find_node(const struct reading *r, const struct run *run, int64_t id, uint32_t *index)
{
    if (run->counted) {
        uint64_t offset = (uint64_t)id - (uint64_t)r->a.node_ids->ints[run->begin];
        *index = run->begin + (uint32_t)offset;
        return offset < run->end - run->begin;
    }
    struct keyed_node key = {.id = id};
    const struct keyed_node *found = bsearch(&key, r->keyed + run->begin, run->end - run->begin,
                                             sizeof *r->keyed, compare_nodes);
    *index = found ? found->index : 0;
    return found != NULL;
}

/* ---- votes ---- */

/* The leaf that vote `v` belongs to; `run` remembers the last vote's tree. */
static int find_leaf(struct reading *r, size_t v, const struct run **run, uint32_t *index)
{
    struct run key = {.id = r->a.class_trees->ints[v]};
    if (!*run || (*run)->id != key.id) {
        *run = bsearch(&key, r->runs, r->trees, sizeof *r->runs, compare_runs);
    }
    if (!*run || !find_node(r, *run, r->a.class_nodes->ints[v], index) || !r->is_leaf[*index]) {
        return damaged(r, "un vote n'est pas dans une feuille", "a vote is not in a leaf");
    }
    return 0;
}

static int check_vote(struct reading *r, size_t v)
{
    int64_t label = r->a.class_ids->ints[v];
    float weight = r->a.class_weights->floats[v];
    if (label < 0 || label >= r->classes) {
        return damaged(r, "un vote est pour une classe qui n'existe pas",
                       "a vote is for a class that does not exist");
    }
    if (r->complement && label != 0) { /* runtimes disagree on what that means */
        return error_set(r->err,
                         "%s : deux classes dont les votes ne sont pas sous le numéro 0 : "
                         "exportez le modèle avec skl2onnx",
                         "%s: two classes whose votes are not under id 0: export the model with "
                         "skl2onnx",
                         r->name);
    }
    if (!(weight >= 0 && weight <= 2)) {
        return damaged(r, "un vote n'est pas une probabilité", "a vote is not a probability");
    }
    return 0;
}

/* Sorts the votes by leaf (counting sort, stable), so that each leaf's votes stand together. */
static int read_votes(struct reading *r)
{
    uint32_t *leaf = ARENA_NEW(r->scratch, uint32_t, r->votes);
    const struct run *run = NULL;
    r->first_vote = ARENA_NEW(r->scratch, uint32_t, r->nodes + 2);
    r->vote_order = ARENA_NEW(r->scratch, uint32_t, r->votes);
    uint32_t *next = r->first_vote + 1; /* becomes first_vote while votes are placed */
    for (size_t v = 0; v < r->votes; v++) {
        if (check_vote(r, v) != 0 || find_leaf(r, v, &run, &leaf[v]) != 0) {
            return -1;
        }
        next[leaf[v] + 1]++;
    }
    for (size_t i = 0; i < r->nodes; i++) {
        next[i + 1] += next[i];
    }
    for (size_t v = 0; v < r->votes; v++) {
        r->vote_order[next[leaf[v]]++] = (uint32_t)v;
    }
    return 0;
}

/* ---- placing ---- */

/* Appends leaf `index` and its votes; returns the sum of its weights, -1 when it has none. */
static double place_leaf(struct reading *r, uint32_t index)
{
    struct forest *forest = r->forest;
    struct forest_node *node = &forest->nodes[forest->node_count++];
    double sum = 0;
    *node = (struct forest_node){.feature = FOREST_LEAF, .left = (uint32_t)forest->vote_count};
    for (uint32_t i = r->first_vote[index]; i < r->first_vote[index + 1]; i++) {
        uint32_t v = r->vote_order[i];
        float weight = r->a.class_weights->floats[v];
        int32_t label = r->complement ? 1 : (int32_t)r->a.class_ids->ints[v];
        forest->votes[forest->vote_count++] = (struct forest_vote){label, weight};
        sum += (double)weight;
    }
    node->right = (uint32_t)forest->vote_count;
    return node->right > node->left ? sum : -1;
}

/* Appends an inner node, and its children to the stack. */
static int place_branch(struct reading *r, const struct run *run, uint32_t index, size_t *depth)
{
    uint32_t number = (uint32_t)r->forest->node_count++, left, right;
    if (!find_node(r, run, r->a.true_ids->ints[index], &left) ||
        !find_node(r, run, r->a.false_ids->ints[index], &right)) {
        return damaged(r, "un nœud mène à un nœud qui n'existe pas",
                       "a node leads to one that does not exist");
    }
    if (r->seen[left] || r->seen[right] || left == right) {
        return damaged(r, "deux chemins mènent au même nœud", "two paths lead to one node");
    }
    r->seen[left] = r->seen[right] = true;
    r->forest->nodes[number] = (struct forest_node){
        .threshold = r->thresholds[index],
        .feature = (int32_t)r->a.features->ints[index],
        .left = number + 1,
    };
    r->stack[(*depth)++] = (struct pending){right, number, true};
    r->stack[(*depth)++] = (struct pending){left, number, false};
    return 0;
}

/* Places one tree in preorder. Each node is reached once, so there are no cycles, and all are
 * reached, so the root was the first. */
static int place_tree(struct reading *r, const struct run *run)
{
    struct forest *forest = r->forest;
    uint32_t root = (uint32_t)forest->node_count;
    double least = INFINITY, most = 0;
    size_t depth = 0;
    forest->roots[run->order] = root;
    r->seen[run->begin] = true;
    r->stack[depth++] = (struct pending){run->begin, root, false};
    while (depth > 0) {
        struct pending pending = r->stack[--depth];
        if (pending.is_right) {
            forest->nodes[pending.parent].right = (uint32_t)forest->node_count;
        }
        if (!r->is_leaf[pending.index]) {
            if (place_branch(r, run, pending.index, &depth) != 0) {
                return -1;
            }
            continue;
        }
        double sum = place_leaf(r, pending.index);
        if (sum < 0) {
            return damaged(r, "une feuille n'a pas de vote", "a leaf has no vote");
        }
        least = fmin(least, sum);
        most = fmax(most, sum);
    }
    if (forest->node_count - root != run->end - run->begin) {
        return damaged(r, "des nœuds ne sont pas atteints depuis la racine",
                       "nodes cannot be reached from the root");
    }
    r->least += least;
    r->most += most;
    return 0;
}

static int place_trees(struct reading *r)
{
    struct forest *forest = r->forest = xcalloc(1, sizeof *forest);
    const struct run **in_order = ARENA_NEW(r->scratch, const struct run *, r->trees);
    forest->features = r->features;
    forest->classes = r->classes;
    forest->complement = r->complement;
    forest->trees = r->trees;
    forest->roots = xcalloc(r->trees, sizeof *forest->roots);
    forest->nodes = xcalloc(r->nodes, sizeof *forest->nodes);
    forest->votes = xcalloc(r->votes, sizeof *forest->votes);
    r->seen = ARENA_NEW(r->scratch, bool, r->nodes);
    r->stack = ARENA_NEW(r->scratch, struct pending, r->nodes + 1);
    for (size_t tree = 0; tree < r->trees; tree++) {
        in_order[r->runs[tree].order] = &r->runs[tree];
    }
    for (size_t tree = 0; tree < r->trees; tree++) {
        if (place_tree(r, in_order[tree]) != 0) {
            return -1;
        }
    }
    assert(forest->node_count == r->nodes && forest->vote_count == r->votes);
    if (r->most > 1 + SUM_TOLERANCE || (!r->complement && r->least < 1 - SUM_TOLERANCE)) {
        return error_set(r->err,
                         "%s : les votes d'une ligne font entre %g et %g au lieu de 1 : seules "
                         "les forêts aléatoires sont prises en charge",
                         "%s: a row's votes sum to %g..%g instead of 1: only random forests are "
                         "supported",
                         r->name, r->least, r->most);
    }
    return 0;
}

int model_read_trees(const Onnx__NodeProto *node, size_t features, const char *name,
                     struct arena *arena, struct forest **out, struct forest_card *card,
                     struct error *err)
{
    struct arena scratch = {0};
    struct reading r = {.name = name, .scratch = &scratch, .features = features, .err = err};
    int result = 0;
    for (size_t i = 0; i < node->n_attribute && result == 0; i++) {
        result = place_attribute(&r, node->attribute[i]);
    }
    if (result != 0 || check_lengths(&r) != 0 || read_labels(&r, arena, card) != 0 ||
        check_transforms(&r) != 0 || read_nodes(&r) != 0 || find_runs(&r) != 0 ||
        read_votes(&r) != 0 || place_trees(&r) != 0) {
        forest_free(r.forest);
        r.forest = NULL;
        result = -1;
    }
    arena_release(&scratch);
    *out = r.forest;
    return result;
}
