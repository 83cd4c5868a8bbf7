/* Writing the model file: one ONNX graph with one TreeEnsembleClassifier, in the form that skl2onnx
 * gives to scikit-learn's forests, and names and properties as metadata. Where missing values go
 * and how many training rows came by stand in the attributes that ONNX has for them, base values
 * and transform too, each only when the forest has any. Reads a forest and its card, writes bytes:
 * fields in the order of their numbers, so the same forest gives the same file. */
#include "forest/forest.h"

#include "forest/model_io.h"
#include "forest/model_text.h"

#include "onnx.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { IR_VERSION = 8, OPSET = 15, ML_OPSET = 1, MAX_ATTRIBUTES = 17 };

static const char DOC[] =
    "Trees as one TreeEnsembleClassifier. The properties autostream.* name its "
    "inputs and classes and tell what it was trained on.";

/* The attributes under construction; all memory is the arena's. */
struct writer {
    struct arena *arena;
    Onnx__AttributeProto attributes[MAX_ATTRIBUTES];
    Onnx__AttributeProto *pointers[MAX_ATTRIBUTES];
    size_t count;
};

static char *text(const char *constant)
{
    return (char *)constant; /* protobuf-c wants char *, and only reads it */
}

static ProtobufCBinaryData bytes_of(const char *string)
{
    return (ProtobufCBinaryData){strlen(string), (uint8_t *)text(string)};
}

static Onnx__AttributeProto *add_attribute(struct writer *w, const char *name,
                                           Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *attribute = &w->attributes[w->count];
    onnx__attribute_proto__init(attribute);
    attribute->name = text(name);
    attribute->has_type = true;
    attribute->type = type;
    w->pointers[w->count++] = attribute;
    return attribute;
}

static int64_t *add_ints(struct writer *w, const char *name, size_t count)
{
    Onnx__AttributeProto *a = add_attribute(w, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    a->n_ints = count;
    a->ints = ARENA_NEW(w->arena, int64_t, count);
    return a->ints;
}

static float *add_floats(struct writer *w, const char *name, size_t count)
{
    Onnx__AttributeProto *a = add_attribute(w, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
    a->n_floats = count;
    a->floats = ARENA_NEW(w->arena, float, count);
    return a->floats;
}

static ProtobufCBinaryData *add_strings(struct writer *w, const char *name, size_t count)
{
    Onnx__AttributeProto *a =
        add_attribute(w, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
    a->n_strings = count;
    a->strings = ARENA_NEW(w->arena, ProtobufCBinaryData, count);
    return a->strings;
}

/* ---- the trees ---- */

static void add_nodes(struct writer *w, const struct forest *forest)
{
    size_t n = forest->node_count;
    int64_t *false_ids = add_ints(w, "nodes_falsenodeids", n);
    int64_t *features = add_ints(w, "nodes_featureids", n);
    ProtobufCBinaryData *modes = add_strings(w, "nodes_modes", n);
    int64_t *node_ids = add_ints(w, "nodes_nodeids", n);
    int64_t *tree_ids = add_ints(w, "nodes_treeids", n);
    int64_t *true_ids = add_ints(w, "nodes_truenodeids", n);
    float *values = add_floats(w, "nodes_values", n);
    int64_t *missing =
        forest->missing_left ? add_ints(w, "nodes_missing_value_tracks_true", n) : NULL;
    for (size_t tree = 0; tree < forest->trees; tree++) {
        uint32_t root = forest->roots[tree];
        size_t end = tree + 1 < forest->trees ? forest->roots[tree + 1] : n;
        for (size_t i = root; i < end; i++) {
            const struct forest_node *node = &forest->nodes[i];
            bool leaf = node->feature == FOREST_LEAF;
            tree_ids[i] = (int64_t)tree;
            node_ids[i] = (int64_t)(i - root);
            features[i] = leaf ? 0 : node->feature;
            true_ids[i] = leaf ? 0 : (int64_t)(node->left - root);
            false_ids[i] = leaf ? 0 : (int64_t)(node->right - root);
            values[i] = leaf ? 0 : node->threshold;
            modes[i] = bytes_of(leaf ? "LEAF" : "BRANCH_LEQ");
            if (missing) {
                missing[i] = !leaf && forest->missing_left[i];
            }
        }
    }
    if (forest->cover) {
        memcpy(add_floats(w, "nodes_hitrates", n), forest->cover, n * sizeof *forest->cover);
    }
}

/* What happens to the sums behind the trees. Two classes: the one base value is that of class 1. */
static void add_transform(struct writer *w, const struct forest *forest)
{
    static const char *const names[] = {
        [POST_NONE] = "NONE", [POST_SOFTMAX] = "SOFTMAX", [POST_LOGISTIC] = "LOGISTIC"};
    size_t first = forest->complement ? 1 : 0, classes = (size_t)forest->classes;
    if (forest->base) {
        float *base = add_floats(w, "base_values", classes - first);
        for (size_t c = first; c < classes; c++) {
            base[c - first] = (float)forest->base[c];
        }
    }
    Onnx__AttributeProto *post =
        add_attribute(w, "post_transform", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    post->has_s = true;
    post->s = bytes_of(names[forest->post]);
}

/* Two classes: the only class id is 0 and the weight is that of class 1, as runtimes expect. */
static void add_votes(struct writer *w, const struct forest *forest)
{
    size_t n = forest->vote_count;
    int64_t *class_ids = add_ints(w, "class_ids", n);
    int64_t *node_ids = add_ints(w, "class_nodeids", n);
    int64_t *tree_ids = add_ints(w, "class_treeids", n);
    float *weights = add_floats(w, "class_weights", n);
    size_t to = 0;
    for (size_t tree = 0; tree < forest->trees; tree++) {
        uint32_t root = forest->roots[tree];
        size_t end = tree + 1 < forest->trees ? forest->roots[tree + 1] : forest->node_count;
        for (size_t i = root; i < end; i++) {
            const struct forest_node *node = &forest->nodes[i];
            for (uint32_t v = node->left; node->feature == FOREST_LEAF && v < node->right; v++) {
                class_ids[to] = forest->complement ? 0 : forest->votes[v].label;
                node_ids[to] = (int64_t)(i - root);
                tree_ids[to] = (int64_t)tree;
                weights[to] = forest->votes[v].weight;
                to++;
            }
        }
    }
}

/* ---- the card ---- */

static int check_text(const char *value, const char *what_fr, const char *what_en,
                      struct error *err)
{
    if (!model_text_is_utf8(value)) {
        return error_set(err, "%s n'est pas en UTF-8 : convertissez le fichier d'entrée%.0s",
                         "%.0s%s is not UTF-8: convert the input file", what_fr, what_en);
    }
    return 0;
}

static int check_texts(const char *const *texts, size_t count, const char *what_fr,
                       const char *what_en, struct error *err)
{
    for (size_t i = 0; texts && i < count; i++) {
        if (check_text(texts[i], what_fr, what_en, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check_properties(const struct forest_card *card, struct error *err)
{
    for (size_t i = 0; i < card->property_count; i++) {
        const char *key = card->properties[i].key;
        if (check_text(key, "une clé de propriété", "a property's key", err) != 0 ||
            check_text(card->properties[i].value, "une propriété", "a property", err) != 0) {
            return -1;
        }
        if (strncmp(key, KEY_FEATURE, sizeof KEY_FEATURE - 1) == 0 ||
            strncmp(key, KEY_CLASS, sizeof KEY_CLASS - 1) == 0 || strcmp(key, KEY_FORMAT) == 0) {
            return error_set(err, "la propriété « %s » est réservée : prenez un autre nom",
                             "property '%s' is reserved: take another name", key);
        }
    }
    return 0;
}

static int check_card(const struct forest *forest, const struct forest_card *card,
                      struct error *err)
{
    size_t classes = (size_t)forest->classes;
    if (check_texts(card->feature_names, forest->features, "un nom de variable", "a feature name",
                    err) != 0 ||
        check_texts(card->class_names, classes, "un nom de classe", "a class name", err) != 0 ||
        check_texts(card->class_labels, classes, "une étiquette", "a label", err) != 0) {
        return -1;
    }
    return check_properties(card, err);
}

static int add_number_labels(struct writer *w, const struct forest_card *card, size_t classes,
                             struct error *err)
{
    int64_t *labels = add_ints(w, "classlabels_int64s", classes);
    for (size_t c = 0; c < classes; c++) {
        char *end;
        errno = 0;
        labels[c] = strtoll(card->class_labels[c], &end, 10);
        if (errno != 0 || end == card->class_labels[c] || *end != '\0') {
            return error_set(err, "l'étiquette « %s » n'est pas un nombre entier",
                             "label '%s' is not a whole number", card->class_labels[c]);
        }
    }
    return 0;
}

/* The training labels; a card without any gets the class numbers. */
static int add_labels(struct writer *w, const struct forest_card *card, size_t classes,
                      struct error *err)
{
    if (!card->class_labels) {
        int64_t *labels = add_ints(w, "classlabels_int64s", classes);
        for (size_t c = 0; c < classes; c++) {
            labels[c] = (int64_t)c;
        }
        return 0;
    }
    if (card->labels_are_numbers) {
        return add_number_labels(w, card, classes, err);
    }
    ProtobufCBinaryData *labels = add_strings(w, "classlabels_strings", classes);
    for (size_t c = 0; c < classes; c++) {
        labels[c] = bytes_of(card->class_labels[c]);
    }
    return 0;
}

static void set_property(struct arena *arena, Onnx__ModelProto *model, const char *key,
                         const char *value)
{
    Onnx__StringStringEntryProto *entry = ARENA_NEW(arena, Onnx__StringStringEntryProto, 1);
    onnx__string_string_entry_proto__init(entry);
    entry->key = text(key);
    entry->value = text(value);
    model->metadata_props[model->n_metadata_props++] = entry;
}

static void set_properties(struct arena *arena, Onnx__ModelProto *model,
                           const struct forest *forest, const struct forest_card *card)
{
    size_t most = forest->features + (size_t)forest->classes + card->property_count + 1;
    model->metadata_props = ARENA_NEW(arena, Onnx__StringStringEntryProto *, most);
    for (size_t i = 0; card->feature_names && i < forest->features; i++) {
        set_property(arena, model, arena_printf(arena, KEY_FEATURE "%zu", i),
                     card->feature_names[i]);
    }
    for (size_t c = 0; card->class_names && c < (size_t)forest->classes; c++) {
        set_property(arena, model, arena_printf(arena, KEY_CLASS "%zu", c), card->class_names[c]);
    }
    for (size_t i = 0; i < card->property_count; i++) {
        set_property(arena, model, card->properties[i].key, card->properties[i].value);
    }
    set_property(arena, model, KEY_FORMAT, FORMAT_VERSION);
}

/* ---- the graph ---- */

/* An input or output: tensor of `type`, [rows] or (width > 0) [rows][width], rows unknown. */
static Onnx__ValueInfoProto **make_value(struct arena *arena, Onnx__ValueInfoProto **place,
                                         const char *name, Onnx__TensorProto__DataType type,
                                         size_t width)
{
    Onnx__ValueInfoProto *info = ARENA_NEW(arena, Onnx__ValueInfoProto, 1);
    Onnx__TypeProto *kind = ARENA_NEW(arena, Onnx__TypeProto, 1);
    Onnx__TypeProto__Tensor *tensor = ARENA_NEW(arena, Onnx__TypeProto__Tensor, 1);
    Onnx__TensorShapeProto *shape = ARENA_NEW(arena, Onnx__TensorShapeProto, 1);
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(kind);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    shape->n_dim = width > 0 ? 2 : 1;
    shape->dim = ARENA_NEW(arena, Onnx__TensorShapeProto__Dimension *, shape->n_dim);
    for (size_t i = 0; i < shape->n_dim; i++) {
        shape->dim[i] = ARENA_NEW(arena, Onnx__TensorShapeProto__Dimension, 1);
        onnx__tensor_shape_proto__dimension__init(shape->dim[i]);
    }
    if (width > 0) {
        shape->dim[1]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        shape->dim[1]->dim_value = (int64_t)width;
    }
    tensor->has_elem_type = true;
    tensor->elem_type = (int32_t)type;
    tensor->shape = shape;
    kind->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    kind->tensor_type = tensor;
    info->name = text(name);
    info->type = kind;
    *place = info;
    return place;
}

static int pack(const Onnx__ModelProto *model, struct arena *arena, struct bytes *out,
                struct error *err)
{
    size_t size = onnx__model_proto__get_packed_size(model);
    if (size > INT32_MAX) {
        return error_set(err,
                         "le modèle ferait %zu octets, un fichier ONNX en tient au plus %" PRId32
                         " : demandez moins d'arbres",
                         "the model would take %zu bytes, an ONNX file holds at most %" PRId32
                         ": ask for fewer trees",
                         size, INT32_MAX);
    }
    uint8_t *packed = ARENA_NEW(arena, uint8_t, size);
    size_t written = onnx__model_proto__pack(model, packed);
    *out = (struct bytes){(const char *)packed, written};
    return 0;
}

/* Puts node, inputs, outputs and properties together; `w` holds the attributes. */
static int write_model(struct writer *w, const struct forest *forest,
                       const struct forest_card *card, struct arena *arena, struct bytes *out,
                       struct error *err)
{
    bool strings = card->class_labels && !card->labels_are_numbers;
    char *names[] = {text("X"), text("output_label"), text("output_probability")};
    Onnx__NodeProto node = ONNX__NODE_PROTO__INIT, *nodes[] = {&node};
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    Onnx__OperatorSetIdProto ml = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto standard = ml, *opsets[] = {&ml, &standard};
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__ValueInfoProto *input, *outputs[2];

    node.n_input = 1, node.input = names;
    node.n_output = 2, node.output = names + 1;
    node.name = text("forest"), node.op_type = text("TreeEnsembleClassifier");
    node.domain = text(ML_DOMAIN);
    node.n_attribute = w->count, node.attribute = w->pointers;
    graph.name = text("forest");
    graph.n_node = 1, graph.node = nodes;
    graph.n_input = 1;
    graph.input = make_value(w->arena, &input, names[0], ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                             forest->features);
    graph.n_output = 2, graph.output = outputs;
    make_value(
        w->arena, &outputs[0], names[1],
        strings ? ONNX__TENSOR_PROTO__DATA_TYPE__STRING : ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 0);
    make_value(w->arena, &outputs[1], names[2], ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
               (size_t)forest->classes);
    ml.domain = text(ML_DOMAIN), ml.has_version = true, ml.version = ML_OPSET;
    standard.domain = text(""), standard.has_version = true, standard.version = OPSET;
    model.has_ir_version = true, model.ir_version = IR_VERSION;
    model.producer_name = text(PRODUCER);
    model.producer_version = text(AUTOSTREAM_VERSION);
    model.doc_string = text(DOC);
    model.graph = &graph;
    model.n_opset_import = 2, model.opset_import = opsets;
    set_properties(w->arena, &model, forest, card);
    return pack(&model, arena, out, err);
}

int forest_encode(const struct forest *forest, const struct forest_card *card, struct arena *arena,
                  struct bytes *out, struct error *err)
{
    struct arena scratch = {0};
    struct writer writer = {.arena = &scratch};
    int result = check_card(forest, card, err);
    if (result == 0) {
        add_votes(&writer, forest);
        result = add_labels(&writer, card, (size_t)forest->classes, err);
    }
    if (result == 0) {
        add_nodes(&writer, forest);
        add_transform(&writer, forest);
        result = write_model(&writer, forest, card, arena, out, err);
    }
    arena_release(&scratch);
    return result;
}
