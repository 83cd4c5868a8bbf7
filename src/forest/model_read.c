/* Reading a model file: ours, scikit-learn's forests as skl2onnx writes them, and the boosted trees
 * of LightGBM and XGBoost as onnxmltools writes them. Reads bytes that may be hostile, writes a
 * forest and its card.
 *
 * The graph may hold Cast and Identity around its one TreeEnsembleClassifier, and ZipMap and a
 * multiplication by 1 behind it; any other operator on that path would change what goes in or comes
 * out, and is refused. */
#include "forest/forest.h"

#include "forest/model_io.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_OPERATORS = 10000, /* in a graph; skl2onnx writes a few per tree at most */
    MAX_EDGES = 20000,
    MAX_STEPS = 16,   /* operators before the classifier */
    MAX_VALUES = 34,  /* values behind it */
    MAX_ML_OPSET = 5, /* the last one whose TreeEnsembleClassifier we know */
};

/* Field numbers of onnx.proto. */
enum {
    MODEL_PRODUCER = 2,
    MODEL_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSETS = 8,
    MODEL_PROPERTIES = 14
};
enum { MODEL_TRAINING = 20, MODEL_FUNCTIONS = 25, MODEL_CONFIGURATION = 26 };
enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_SPARSE = 15 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_OP = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_I = 3 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIMENSION = 1, DIMENSION_VALUE = 1 };
enum { INITIALIZER_DIMS = 1, INITIALIZER_TYPE = 2, INITIALIZER_FLOATS = 4 };
enum { INITIALIZER_NAME = 8, INITIALIZER_RAW = 9 };
enum { PROPERTY_KEY = 1, PROPERTY_VALUE = 2, OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum element_type { FLOAT = 1, INT32 = 6, INT64 = 7, DOUBLE = 11 };

struct property {
    const char *key, *value; /* owned by the card's arena */
};

/* An operator of the graph; all names are bytes of the file. */
struct operator_node {
    struct wire body; /* the whole node */
    struct wire op, domain;
    struct wire *inputs, *outputs;
    size_t input_count, output_count;
};

struct source {
    const char *name;      /* of the file, for messages */
    struct arena *scratch; /* until the file is read */
    struct arena *arena;   /* the card's */
    struct wire graph, producer, version;
    struct property *properties;
    size_t property_count;
    struct operator_node *nodes;
    size_t node_count;
    struct error *err;
};

static int not_a_model(const struct source *s)
{
    return error_set(s->err,
                     "%s : ce n'est pas un modèle ONNX, ou il est tronqué : apprenez-le de nouveau",
                     "%s: this is no ONNX model, or it was cut short: train it again", s->name);
}

/* ---- the model around the graph ---- */

static int check_opset(const struct source *s, struct wire opset)
{
    struct wire domain;
    uint64_t version;
    int domains = wire_find(opset, OPSET_DOMAIN, &domain);
    int versions = wire_find_number(opset, OPSET_VERSION, &version);
    if (domains < 0 || domains > 1 || versions < 0 || versions > 1) {
        return not_a_model(s);
    }
    if (wire_is(domain, ML_DOMAIN) && (version < 1 || version > MAX_ML_OPSET)) {
        return error_set(s->err,
                         "%s : version %" PRId64 " de %s inconnue : exportez le modèle en "
                         "version 3",
                         "%s: version %" PRId64 " of %s is unknown: export the model as "
                         "version 3",
                         s->name, (int64_t)version, ML_DOMAIN);
    }
    return 0;
}

static int add_property(struct source *s, struct wire body, struct property *property)
{
    struct wire key, value;
    int keys = wire_find(body, PROPERTY_KEY, &key);
    int values = wire_find(body, PROPERTY_VALUE, &value);
    if (keys < 0 || keys > 1 || values < 0 || values > 1) {
        return not_a_model(s);
    }
    property->key = wire_text(key, s->arena);
    property->value = wire_text(value, s->arena);
    return property->key && property->value ? 0 : not_a_model(s);
}

/* How many fields of that number a message has. */
static size_t count_fields(struct wire message, uint32_t number)
{
    struct wire_field f;
    size_t count = 0;
    while (wire_next(&message, &f)) {
        count += f.number == number;
    }
    return count;
}

/* One walk over the model: its fields are all known, and there is one graph. */
static int read_model(struct source *s, struct wire model)
{
    struct wire_field f;
    size_t graphs = 0;
    s->properties = ARENA_NEW(s->scratch, struct property, count_fields(model, MODEL_PROPERTIES));
    while (wire_next(&model, &f)) {
        if (wire_is_field(&model, &f, MODEL_GRAPH, WIRE_BYTES)) {
            s->graph = f.body;
            graphs++;
        } else if (wire_is_field(&model, &f, MODEL_PRODUCER, WIRE_BYTES)) {
            s->producer = f.body;
        } else if (wire_is_field(&model, &f, MODEL_VERSION, WIRE_BYTES)) {
            s->version = f.body;
        } else if (wire_is_field(&model, &f, MODEL_OPSETS, WIRE_BYTES)) {
            if (check_opset(s, f.body) != 0) {
                return -1;
            }
        } else if (wire_is_field(&model, &f, MODEL_PROPERTIES, WIRE_BYTES)) {
            if (add_property(s, f.body, &s->properties[s->property_count++]) != 0) {
                return -1;
            }
        } else if (f.number == MODEL_FUNCTIONS || f.number == MODEL_TRAINING) {
            return error_set(
                s->err, "%s : le modèle a ses propres fonctions, ce n'est pas pris en charge",
                "%s: the model has functions of its own, which is not supported", s->name);
        } else if (f.number > MODEL_OPSETS && f.number != MODEL_CONFIGURATION) {
            return not_a_model(s); /* configuration: where to run, not what */
        }
    }
    return model.bad || graphs != 1 ? not_a_model(s) : 0;
}

/* ---- operators ---- */

static int read_node(struct source *s, struct wire body, struct operator_node *node)
{
    struct wire_field f;
    *node = (struct operator_node){.body = body};
    node->inputs = ARENA_NEW(s->scratch, struct wire, count_fields(body, NODE_INPUT));
    node->outputs = ARENA_NEW(s->scratch, struct wire, count_fields(body, NODE_OUTPUT));
    while (wire_next(&body, &f)) {
        if (wire_is_field(&body, &f, NODE_INPUT, WIRE_BYTES)) {
            node->inputs[node->input_count++] = f.body;
        } else if (wire_is_field(&body, &f, NODE_OUTPUT, WIRE_BYTES)) {
            node->outputs[node->output_count++] = f.body;
        } else if (wire_is_field(&body, &f, NODE_OP, WIRE_BYTES)) {
            node->op = f.body;
        } else if (wire_is_field(&body, &f, NODE_DOMAIN, WIRE_BYTES)) {
            node->domain = f.body;
        }
    }
    return body.bad ? not_a_model(s) : 0;
}

static int read_nodes(struct source *s)
{
    struct wire graph = s->graph;
    struct wire_field f;
    size_t count = count_fields(graph, GRAPH_NODE), edges = 0;
    bool sparse = false;
    s->nodes = ARENA_NEW(s->scratch, struct operator_node, count < MAX_OPERATORS ? count : 0);
    while (count < MAX_OPERATORS && edges < MAX_EDGES && wire_next(&graph, &f)) {
        sparse = sparse || f.number == GRAPH_SPARSE;
        if (wire_is_field(&graph, &f, GRAPH_NODE, WIRE_BYTES)) {
            struct operator_node *node = &s->nodes[s->node_count++];
            if (read_node(s, f.body, node) != 0) {
                return -1;
            }
            edges += node->input_count + node->output_count;
        }
    }
    if (count >= MAX_OPERATORS || edges >= MAX_EDGES) {
        return error_set(s->err, "%s : %zu opérateurs, c'est trop pour une forêt",
                         "%s: %zu operators are too many for a forest", s->name, count);
    }
    return graph.bad || sparse ? not_a_model(s) : 0;
}

static bool is_op(const struct operator_node *node, const char *domain, const char *op)
{
    return wire_is(node->op, op) && wire_is(node->domain, domain);
}

static int find_classifier(const struct source *s, const struct operator_node **out)
{
    size_t found = 0, newer = 0;
    for (size_t i = 0; i < s->node_count; i++) {
        newer += is_op(&s->nodes[i], ML_DOMAIN, "TreeEnsemble");
        if (is_op(&s->nodes[i], ML_DOMAIN, "TreeEnsembleClassifier")) {
            *out = &s->nodes[i];
            found++;
        }
    }
    if (found == 0 && newer > 0) {
        return error_set(s->err,
                         "%s : l'opérateur TreeEnsemble n'est pas pris en charge : exportez le "
                         "modèle avec target_opset={'': 15, 'ai.onnx.ml': 3}",
                         "%s: operator TreeEnsemble is not supported: export the model with "
                         "target_opset={'': 15, 'ai.onnx.ml': 3}",
                         s->name);
    }
    if (found != 1) {
        return error_set(s->err,
                         "%s : %zu TreeEnsembleClassifier dans le modèle, il en faut un : "
                         "exportez un classifieur à base d'arbres",
                         "%s: %zu TreeEnsembleClassifier in the model, there must be one: export "
                         "a classifier made of trees",
                         s->name, found);
    }
    if ((*out)->input_count != 1 || (*out)->output_count < 1 || (*out)->output_count > 2) {
        return not_a_model(s);
    }
    return 0;
}

static int refuse_operator(const struct source *s, const struct operator_node *node)
{
    const char *op = wire_text(node->op, s->scratch);
    return error_set(s->err,
                     "%s : l'opérateur %s autour de la forêt n'est pas pris en charge : exportez "
                     "la forêt seule (zipmap=False)",
                     "%s: operator %s around the forest is not supported: export the forest alone "
                     "(zipmap=False)",
                     s->name, op ? op : "?");
}

/* True when the operator is a Cast to float. */
static bool casts_to_float(const struct operator_node *node)
{
    struct wire body = node->body, name;
    struct wire_field f;
    uint64_t to;
    while (is_op(node, "", "Cast") && wire_next(&body, &f)) {
        if (f.number == NODE_ATTRIBUTE && wire_find(f.body, ATTRIBUTE_NAME, &name) == 1 &&
            wire_is(name, "to")) {
            return wire_find_number(f.body, ATTRIBUTE_I, &to) == 1 && to == FLOAT;
        }
    }
    return false;
}

static const struct operator_node *producer_of(const struct source *s, struct wire value)
{
    for (size_t i = 0; i < s->node_count; i++) {
        for (size_t o = 0; o < s->nodes[i].output_count; o++) {
            if (wire_same(s->nodes[i].outputs[o], value)) {
                return &s->nodes[i];
            }
        }
    }
    return NULL;
}

/* The graph's field `number` (an input or an initializer) whose name, in its field `name_field`, is
 * `name`; false when there is none. */
static bool find_named(const struct source *s, uint32_t number, uint32_t name_field,
                       struct wire name, struct wire *out)
{
    struct wire graph = s->graph, found;
    struct wire_field f;
    while (wire_next(&graph, &f)) {
        if (f.number == number && f.type == WIRE_BYTES &&
            wire_find(f.body, name_field, &found) == 1 && wire_same(found, name)) {
            *out = f.body;
            return true;
        }
    }
    return false;
}

/* ---- before the classifier ---- */

/* Walks from the classifier up to a graph input, through Cast to float and Identity. */
static int find_input(const struct source *s, const struct operator_node *classifier,
                      struct wire *input, bool *cast)
{
    struct wire value = classifier->inputs[0], constant;
    const struct operator_node *node = producer_of(s, value);
    *cast = false;
    for (size_t steps = 0; node; steps++) {
        bool to_float = casts_to_float(node);
        if (node->input_count != 1 || !(to_float || is_op(node, "", "Identity")) ||
            steps > MAX_STEPS) {
            return refuse_operator(s, node);
        }
        *cast = *cast || to_float;
        value = node->inputs[0];
        node = producer_of(s, value);
    }
    if (find_named(s, GRAPH_INITIALIZER, INITIALIZER_NAME, value, &constant) ||
        !find_named(s, GRAPH_INPUT, VALUE_NAME, value, input)) {
        return not_a_model(s);
    }
    return 0;
}

/* The second and last dimension of a tensor's shape, when it is a number. */
static bool find_width(struct wire tensor, int64_t *width)
{
    struct wire shape, dimension = {0};
    struct wire_field f;
    uint64_t value;
    size_t dimensions = 0;
    if (wire_find(tensor, TENSOR_SHAPE, &shape) != 1) {
        return false;
    }
    while (wire_next(&shape, &f)) {
        if (wire_is_field(&shape, &f, SHAPE_DIMENSION, WIRE_BYTES)) {
            dimension = f.body;
            dimensions++;
        }
    }
    bool known = wire_find_number(dimension, DIMENSION_VALUE, &value) == 1;
    *width = (int64_t)value;
    return !shape.bad && dimensions == 2 && known;
}

/* The width of the input, which must be float numbers, at least behind a Cast. */
static int count_features(const struct source *s, struct wire input, bool cast, size_t *features)
{
    struct wire type, tensor = {0};
    uint64_t element = 0;
    int64_t width;
    bool is_tensor = wire_find(input, VALUE_TYPE, &type) == 1 &&
                     wire_find(type, TYPE_TENSOR, &tensor) == 1 &&
                     wire_find_number(tensor, TENSOR_ELEMENT, &element) == 1;
    bool number = element == DOUBLE || element == INT64 || element == INT32;
    if (!is_tensor || (element != FLOAT && !(cast && number))) {
        return error_set(s->err,
                         "%s : l'entrée n'est pas en float32 : exportez le modèle avec "
                         "FloatTensorType",
                         "%s: the input is not float32: export the model with FloatTensorType",
                         s->name);
    }
    if (!find_width(tensor, &width)) {
        return error_set(s->err,
                         "%s : le modèle ne dit pas combien il a d'entrées : exportez-le avec "
                         "FloatTensorType([None, nombre])",
                         "%s: the model does not say how many inputs it has: export it with "
                         "FloatTensorType([None, number])",
                         s->name);
    }
    if (width < 1 || width > FOREST_MAX_FEATURES) {
        return error_set(s->err, "%s : %" PRId64 " entrées : il en faut entre 1 et %d",
                         "%s: %" PRId64 " inputs: there must be 1 to %d", s->name, width,
                         FOREST_MAX_FEATURES);
    }
    *features = (size_t)width;
    return 0;
}

/* ---- behind it ---- */

/* True when `name` is a constant: the one float 1. */
static bool is_one(const struct source *s, struct wire name)
{
    struct wire constant, value;
    uint64_t type;
    float number;
    if (!find_named(s, GRAPH_INITIALIZER, INITIALIZER_NAME, name, &constant) ||
        wire_find_number(constant, INITIALIZER_TYPE, &type) != 1 || type != FLOAT) {
        return false;
    }
    if (wire_find(constant, INITIALIZER_FLOATS, &value) != 1 &&
        wire_find(constant, INITIALIZER_RAW, &value) != 1) {
        return false;
    }
    if (value.end - value.at != sizeof number) {
        return false;
    }
    memcpy(&number, value.at, sizeof number);
    return number == 1;
}

/* True when what the operator makes of `value` is the same numbers: onnxmltools multiplies by 1. */
static bool keeps_value(const struct source *s, const struct operator_node *node, struct wire value)
{
    if (node->output_count != 1) {
        return false;
    }
    if (is_op(node, "", "Mul") && node->input_count == 2) {
        bool first = wire_same(node->inputs[0], value);
        return is_one(s, node->inputs[first ? 1 : 0]);
    }
    return is_op(node, "", "Identity") || is_op(node, "", "Cast") ||
           is_op(node, ML_DOMAIN, "ZipMap");
}

/* Follows label and probabilities to the graph's outputs: nothing on the way may change them. */
static int check_outputs(const struct source *s, const struct operator_node *classifier)
{
    struct wire values[MAX_VALUES];
    size_t count = classifier->output_count;
    memcpy(values, classifier->outputs, count * sizeof *values);
    for (size_t v = 0; v < count; v++) {
        for (size_t i = 0; i < s->node_count; i++) {
            const struct operator_node *node = &s->nodes[i];
            bool reads = false;
            for (size_t n = 0; n < node->input_count && !wire_is(values[v], ""); n++) {
                reads = reads || wire_same(node->inputs[n], values[v]);
            }
            if (!reads) {
                continue;
            }
            if (!keeps_value(s, node, values[v]) || count == MAX_VALUES) {
                return refuse_operator(s, node);
            }
            values[count++] = node->outputs[0];
        }
    }
    return 0;
}

/* ---- the card ---- */

/* The index in a key such as "autostream.feature.12"; -1 when it is another key. */
static long key_index(const char *key, const char *prefix, size_t count)
{
    size_t length = strlen(prefix);
    if (strncmp(key, prefix, length) != 0 || key[length] < '0' || key[length] > '9') {
        return -1;
    }
    char *end;
    unsigned long index = strtoul(key + length, &end, 10);
    return *end == '\0' && index < count ? (long)index : -1;
}

/* All names of one kind, or none. */
static int read_names(const struct source *s, const char *prefix, size_t count, const char ***out)
{
    const char **names = ARENA_NEW(s->arena, const char *, count);
    size_t found = 0;
    for (size_t i = 0; i < s->property_count; i++) {
        const struct property *property = &s->properties[i];
        if (strncmp(property->key, prefix, strlen(prefix)) != 0) {
            continue;
        }
        long index = key_index(property->key, prefix, count);
        if (index < 0 || names[index]) {
            return not_a_model(s);
        }
        names[index] = property->value;
        found++;
    }
    if (found != 0 && found != count) {
        return not_a_model(s);
    }
    *out = found > 0 ? names : NULL;
    return 0;
}

/* A text that is for people only: an unreadable one is none. */
static const char *text_or_none(const struct source *s, struct wire bytes)
{
    const char *text = wire_text(bytes, s->arena);
    return text ? text : "";
}

static int read_properties(const struct source *s, struct forest_card *card)
{
    const char *format = NULL;
    card->producer = text_or_none(s, s->producer);
    card->producer_version = text_or_none(s, s->version);
    card->properties = ARENA_NEW(s->arena, struct forest_property, s->property_count);
    for (size_t i = 0; i < s->property_count; i++) {
        const char *key = s->properties[i].key, *value = s->properties[i].value;
        if (strcmp(key, KEY_FORMAT) == 0) {
            format = value;
        } else if (strncmp(key, KEY_FEATURE, sizeof KEY_FEATURE - 1) != 0 &&
                   strncmp(key, KEY_CLASS, sizeof KEY_CLASS - 1) != 0) {
            card->properties[card->property_count++] = (struct forest_property){key, value};
        }
    }
    if (!format) { /* another program's file has none; one of ours was cut */
        return wire_is(s->producer, PRODUCER) ? not_a_model(s) : 0;
    }
    if (strcmp(format, FORMAT_VERSION) != 0) {
        return error_set(s->err,
                         "%s : modèle au format %s, ce programme lit le format %s : prenez une "
                         "version plus récente",
                         "%s: model of format %s, this program reads format %s: take a newer "
                         "version",
                         s->name, format, FORMAT_VERSION);
    }
    return 0;
}

/* ---- the whole ---- */

static int decode(struct source *s, struct wire model, struct forest **out,
                  struct forest_card *card)
{
    const struct operator_node *classifier = NULL;
    struct wire input;
    struct ensemble ensemble;
    size_t features = 0;
    bool cast;
    if (read_model(s, model) != 0 || read_nodes(s) != 0 || read_properties(s, card) != 0 ||
        find_classifier(s, &classifier) != 0 || find_input(s, classifier, &input, &cast) != 0 ||
        count_features(s, input, cast, &features) != 0 || check_outputs(s, classifier) != 0 ||
        read_names(s, KEY_FEATURE, features, &card->feature_names) != 0 ||
        model_read_ensemble(classifier->body, s->name, s->scratch, s->arena, &ensemble, s->err) !=
            0 ||
        read_names(s, KEY_CLASS, ensemble.classes, &card->class_names) != 0) {
        return -1;
    }
    card->class_labels = ensemble.labels;
    card->labels_are_numbers = ensemble.labels_are_numbers;
    return model_build_forest(&ensemble, features, s->name, s->scratch, out, s->err);
}

int forest_decode(const void *bytes, size_t size, const char *name, struct arena *arena,
                  struct forest **out, struct forest_card *card, struct error *err)
{
    struct arena scratch = {0};
    struct wire model = {.at = bytes, .end = (const uint8_t *)bytes + size};
    struct source source = {.name = name, .scratch = &scratch, .arena = arena, .err = err};
    *out = NULL;
    *card = (struct forest_card){0};
    int result = size > INT32_MAX ? not_a_model(&source) : decode(&source, model, out, card);
    arena_release(&scratch);
    return result;
}
