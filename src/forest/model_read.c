/* Reading a model file: ours, and scikit-learn's forests as skl2onnx writes them. Reads bytes that
 * may be hostile, writes a forest and its card.
 *
 * The graph may hold Cast and Identity around its one TreeEnsembleClassifier, and ZipMap behind it;
 * any other operator on that path would change what goes in or comes out, and is refused. */
#include "forest/forest.h"

#include "forest/model_io.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_NESTING = 32,      /* protobuf-c recurses; real models nest 6 deep */
    MAX_OPERATORS = 10000, /* in a graph; skl2onnx writes a few per tree at most */
    MAX_EDGES = 20000,
    MAX_ML_OPSET = 5,         /* the last one whose TreeEnsembleClassifier we know */
    FIELD_CONFIGURATION = 26, /* ModelProto since IR 11: where to run, not what */
    MEMORY_FACTOR = 64,       /* unpacked size over file size; real files take about 20 */
    MEMORY_BASE = 1 << 20,
};

/* ---- before protobuf-c: how deeply messages nest ---- */

struct wire {
    const uint8_t *at, *end;
};

/* Reads a varint of at most `most` bytes; false when there is none. */
static bool read_varint(struct wire *wire, unsigned most, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < most && wire->at < wire->end; i++) {
        uint8_t byte = *wire->at++;
        *value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            return true;
        }
    }
    return false;
}

/* Passes over a field's value; for a length-delimited one `body` gets its bytes. */
static bool skip_value(struct wire *wire, unsigned wire_type, struct wire *body)
{
    uint64_t size = 0;
    switch (wire_type) {
    case 0:
        return read_varint(wire, 10, &size);
    case 1:
        size = 8;
        break;
    case 2:
        if (!read_varint(wire, 5, &size)) {
            return false;
        }
        break;
    case 5:
        size = 4;
        break;
    default:
        return false; /* groups: never in ONNX */
    }
    if (size > (uint64_t)(wire->end - wire->at)) {
        return false;
    }
    *body = (struct wire){wire->at, wire->at + size};
    wire->at += size;
    return true;
}

/* True when the message is well formed and nests at most `depth` deep (so deep recurses this). */
static bool check_nesting(const ProtobufCMessageDescriptor *type, struct wire wire, unsigned depth)
{
    while (wire.at < wire.end) {
        uint64_t tag;
        struct wire body = {0};
        if (!read_varint(&wire, 5, &tag) || tag > UINT32_MAX ||
            !skip_value(&wire, (unsigned)(tag & 7), &body)) {
            return false;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        if ((tag & 7) != 2 || depth == 0 || !check_nesting(field->descriptor, body, depth - 1)) {
            return false;
        }
    }
    return true;
}

/* ---- protobuf-c with a limit on its memory ---- */

/* What stands before each block that protobuf-c gets; as long as malloc's alignment. */
union block {
    size_t cost;
    max_align_t align;
};

/* Bytes that may still be allocated: a small hostile file must not ask for gigabytes. */
struct budget {
    size_t left;
};

static void *budget_alloc(void *context, size_t size)
{
    struct budget *budget = context;
    size_t cost = size < SIZE_MAX - 64 ? size + 64 : SIZE_MAX;
    if (cost > budget->left) {
        return NULL;
    }
    union block *block = malloc(sizeof *block + size);
    if (!block) {
        return NULL;
    }
    budget->left -= cost;
    block->cost = cost;
    return block + 1;
}

static void budget_free(void *context, void *place)
{
    struct budget *budget = context;
    if (place) {
        union block *block = (union block *)place - 1;
        budget->left += block->cost;
        free(block);
    }
}

/* The message, allocated by `allocator`; NULL when the bytes are no ONNX model. */
static Onnx__ModelProto *unpack(const void *bytes, size_t size, ProtobufCAllocator *allocator)
{
    struct wire wire = {bytes, (const uint8_t *)bytes + size};
    if (size == 0 || size > INT32_MAX ||
        !check_nesting(&onnx__model_proto__descriptor, wire, MAX_NESTING)) {
        return NULL;
    }
    return onnx__model_proto__unpack(allocator, size, bytes);
}

/* ---- the graph ---- */

struct source {
    const char *name; /* of the file, for messages */
    const Onnx__ModelProto *model;
    const Onnx__GraphProto *graph;
    struct error *err;
};

static const char *text(const char *maybe)
{
    return maybe ? maybe : "";
}

static const char *shown(const char *maybe)
{
    return maybe && model_text_is_utf8(maybe) ? maybe : "?";
}

static int not_a_model(const struct source *s)
{
    return error_set(s->err,
                     "%s : ce n'est pas un modèle ONNX, ou il est tronqué : apprenez-le de nouveau",
                     "%s: this is no ONNX model, or it was cut short: train it again", s->name);
}

static int check_opsets(const struct source *s)
{
    for (size_t i = 0; i < s->model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *opset = s->model->opset_import[i];
        if (strcmp(text(opset->domain), ML_DOMAIN) == 0 &&
            (opset->version < 1 || opset->version > MAX_ML_OPSET)) {
            return error_set(s->err,
                             "%s : version %" PRId64 " de %s inconnue : exportez le modèle en "
                             "version 3",
                             "%s: version %" PRId64 " of %s is unknown: export the model as "
                             "version 3",
                             s->name, opset->version, ML_DOMAIN);
        }
    }
    return 0;
}

static int check_model(const struct source *s)
{
    const Onnx__ModelProto *model = s->model;
    const ProtobufCMessageUnknownField *unknown = model->base.unknown_fields;
    for (unsigned i = 0; i < model->base.n_unknown_fields; i++) {
        if (unknown[i].tag != FIELD_CONFIGURATION) {
            return not_a_model(s);
        }
    }
    if (!model->graph) {
        return not_a_model(s);
    }
    if (model->n_functions > 0 || model->n_training_info > 0) {
        return error_set(s->err,
                         "%s : le modèle a ses propres fonctions, ce n'est pas pris en charge",
                         "%s: the model has functions of its own, which is not supported", s->name);
    }
    size_t edges = 0;
    for (size_t i = 0; i < model->graph->n_node; i++) {
        edges += model->graph->node[i]->n_input + model->graph->node[i]->n_output;
    }
    if (model->graph->n_node > MAX_OPERATORS || edges > MAX_EDGES) {
        return error_set(s->err, "%s : %zu opérateurs, c'est trop pour une forêt",
                         "%s: %zu operators are too many for a forest", s->name,
                         model->graph->n_node);
    }
    return check_opsets(s);
}

static bool is_op(const Onnx__NodeProto *node, const char *domain, const char *op)
{
    return strcmp(text(node->op_type), op) == 0 && strcmp(text(node->domain), domain) == 0;
}

static int find_classifier(const struct source *s, const Onnx__NodeProto **out)
{
    size_t found = 0, newer = 0;
    for (size_t i = 0; i < s->graph->n_node; i++) {
        const Onnx__NodeProto *node = s->graph->node[i];
        newer += is_op(node, ML_DOMAIN, "TreeEnsemble");
        if (is_op(node, ML_DOMAIN, "TreeEnsembleClassifier")) {
            *out = node;
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
                         "exportez une forêt aléatoire",
                         "%s: %zu TreeEnsembleClassifier in the model, there must be one: export "
                         "a random forest",
                         s->name, found);
    }
    if ((*out)->n_input != 1 || (*out)->n_output < 1 || (*out)->n_output > 2) {
        return not_a_model(s);
    }
    return 0;
}

/* What a Cast makes; UNDEFINED for every other operator. */
static int64_t cast_target(const Onnx__NodeProto *node)
{
    for (size_t i = 0; is_op(node, "", "Cast") && i < node->n_attribute; i++) {
        if (strcmp(text(node->attribute[i]->name), "to") == 0) {
            return node->attribute[i]->i;
        }
    }
    return ONNX__TENSOR_PROTO__DATA_TYPE__UNDEFINED;
}

static int refuse_operator(const struct source *s, const Onnx__NodeProto *node)
{
    return error_set(s->err,
                     "%s : l'opérateur %s autour de la forêt n'est pas pris en charge : exportez "
                     "la forêt seule (zipmap=False)",
                     "%s: operator %s around the forest is not supported: export the forest alone "
                     "(zipmap=False)",
                     s->name, shown(node->op_type));
}

static const Onnx__NodeProto *producer_of(const struct source *s, const char *value)
{
    for (size_t i = 0; i < s->graph->n_node; i++) {
        const Onnx__NodeProto *node = s->graph->node[i];
        for (size_t o = 0; o < node->n_output; o++) {
            if (strcmp(node->output[o], value) == 0) {
                return node;
            }
        }
    }
    return NULL;
}

/* Walks from the classifier up to a graph input, through Cast to float and Identity. */
static int find_input(const struct source *s, const Onnx__NodeProto *classifier,
                      const Onnx__ValueInfoProto **out, bool *cast)
{
    const char *value = classifier->input[0];
    const Onnx__NodeProto *node = producer_of(s, value);
    *cast = false;
    for (size_t steps = 0; node; steps++) {
        bool to_float = cast_target(node) == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
        if (node->n_input != 1 || !(to_float || is_op(node, "", "Identity")) || steps > 16) {
            return refuse_operator(s, node);
        }
        *cast = *cast || to_float;
        value = node->input[0];
        node = producer_of(s, value);
    }
    for (size_t i = 0; i < s->graph->n_initializer; i++) {
        if (strcmp(text(s->graph->initializer[i]->name), value) == 0) {
            return not_a_model(s);
        }
    }
    for (size_t i = 0; i < s->graph->n_input; i++) {
        if (strcmp(text(s->graph->input[i]->name), value) == 0) {
            *out = s->graph->input[i];
            return 0;
        }
    }
    return not_a_model(s);
}

/* The width of the input, which must be float numbers, at least behind a Cast. */
static int count_features(const struct source *s, const Onnx__ValueInfoProto *input, bool cast,
                          size_t *features)
{
    const Onnx__TypeProto *type = input->type;
    const Onnx__TypeProto__Tensor *tensor =
        type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? type->tensor_type : NULL;
    int32_t element = tensor ? tensor->elem_type : 0;
    bool number = element == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ||
                  element == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 ||
                  element == ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
    if (element != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && !(cast && number)) {
        return error_set(s->err,
                         "%s : l'entrée n'est pas en float32 : exportez le modèle avec "
                         "FloatTensorType",
                         "%s: the input is not float32: export the model with FloatTensorType",
                         s->name);
    }
    const Onnx__TensorShapeProto *shape = tensor->shape;
    if (!shape || shape->n_dim != 2 ||
        shape->dim[1]->value_case != ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
        return error_set(s->err,
                         "%s : le modèle ne dit pas combien il a d'entrées : exportez-le avec "
                         "FloatTensorType([None, nombre])",
                         "%s: the model does not say how many inputs it has: export it with "
                         "FloatTensorType([None, number])",
                         s->name);
    }
    int64_t width = shape->dim[1]->dim_value;
    if (width < 1 || width > FOREST_MAX_FEATURES) {
        return error_set(s->err, "%s : %" PRId64 " entrées : il en faut entre 1 et %d",
                         "%s: %" PRId64 " inputs: there must be 1 to %d", s->name, width,
                         FOREST_MAX_FEATURES);
    }
    *features = (size_t)width;
    return 0;
}

/* Follows label and probabilities to the graph's outputs: nothing on the way may change them. */
static int check_outputs(const struct source *s, const Onnx__NodeProto *classifier)
{
    const char *values[34] = {classifier->output[0]};
    size_t count = classifier->n_output;
    if (count == 2) {
        values[1] = classifier->output[1];
    }
    for (size_t v = 0; v < count; v++) {
        for (size_t i = 0; i < s->graph->n_node; i++) {
            const Onnx__NodeProto *node = s->graph->node[i];
            bool reads = false;
            for (size_t n = 0; n < node->n_input && *values[v]; n++) {
                reads = reads || strcmp(node->input[n], values[v]) == 0;
            }
            if (!reads) {
                continue;
            }
            if (!(is_op(node, "", "Identity") || is_op(node, "", "Cast") ||
                  is_op(node, ML_DOMAIN, "ZipMap")) ||
                node->n_output != 1 || count == sizeof values / sizeof *values) {
                return refuse_operator(s, node);
            }
            values[count++] = node->output[0];
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
static int read_names(const struct source *s, const char *prefix, size_t count, struct arena *arena,
                      const char ***out)
{
    const char **names = ARENA_NEW(arena, const char *, count);
    size_t found = 0;
    for (size_t i = 0; i < s->model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *entry = s->model->metadata_props[i];
        if (strncmp(text(entry->key), prefix, strlen(prefix)) != 0) {
            continue;
        }
        long index = key_index(entry->key, prefix, count);
        if (index < 0 || names[index]) {
            return not_a_model(s);
        }
        names[index] = arena_strdup(arena, text(entry->value));
        found++;
    }
    if (found != 0 && found != count) {
        return not_a_model(s);
    }
    *out = found > 0 ? names : NULL;
    return 0;
}

static int read_properties(const struct source *s, struct arena *arena, struct forest_card *card)
{
    const char *format = NULL;
    card->properties = ARENA_NEW(arena, struct forest_property, s->model->n_metadata_props);
    for (size_t i = 0; i < s->model->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *entry = s->model->metadata_props[i];
        const char *key = text(entry->key), *value = text(entry->value);
        if (!model_text_is_utf8(key) || !model_text_is_utf8(value)) {
            return not_a_model(s);
        }
        if (strcmp(key, KEY_FORMAT) == 0) {
            format = value;
        } else if (strncmp(key, KEY_FEATURE, sizeof KEY_FEATURE - 1) != 0 &&
                   strncmp(key, KEY_CLASS, sizeof KEY_CLASS - 1) != 0) {
            card->properties[card->property_count++] =
                (struct forest_property){arena_strdup(arena, key), arena_strdup(arena, value)};
        }
    }
    if (!format) { /* another program's file has none; one of ours was cut */
        return strcmp(text(s->model->producer_name), PRODUCER) == 0 ? not_a_model(s) : 0;
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

static int decode(const struct source *s, struct arena *arena, struct forest **out,
                  struct forest_card *card)
{
    const Onnx__NodeProto *classifier = NULL;
    const Onnx__ValueInfoProto *input = NULL;
    size_t features = 0;
    bool cast;
    if (read_properties(s, arena, card) != 0 || find_classifier(s, &classifier) != 0 ||
        find_input(s, classifier, &input, &cast) != 0 ||
        count_features(s, input, cast, &features) != 0 || check_outputs(s, classifier) != 0 ||
        read_names(s, KEY_FEATURE, features, arena, &card->feature_names) != 0 ||
        model_read_trees(classifier, features, s->name, arena, out, card, s->err) != 0) {
        return -1;
    }
    return read_names(s, KEY_CLASS, (size_t)(*out)->classes, arena, &card->class_names);
}

int forest_decode(const void *bytes, size_t size, const char *name, struct arena *arena,
                  struct forest **out, struct forest_card *card, struct error *err)
{
    struct budget budget = {MEMORY_BASE + MEMORY_FACTOR * size};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
    Onnx__ModelProto *model = unpack(bytes, size, &allocator);
    struct source source = {.name = name, .model = model, .err = err};
    int result;
    *out = NULL;
    *card = (struct forest_card){0};
    if (!model) {
        result = not_a_model(&source);
    } else {
        source.graph = model->graph;
        result = check_model(&source);
    }
    if (result == 0 && decode(&source, arena, out, card) != 0) {
        forest_free(*out);
        *out = NULL;
        result = -1;
    }
    if (model) {
        onnx__model_proto__free_unpacked(model, &allocator);
    }
    return result;
}
