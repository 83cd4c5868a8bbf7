/* Models that are damaged, hostile or beyond us: each is refused with its reason, and no bytes make
 * the reader crash (run this under a sanitizer). */
#include "forest/tables.h"

#include "forest/model_wire.h"

#include "onnx.pb-c.h"

#include <stdlib.h>

static Onnx__NodeProto *classifier(Onnx__ModelProto *model)
{
    return model->graph->node[0];
}

static Onnx__AttributeProto *attribute(Onnx__ModelProto *model, const char *name)
{
    Onnx__NodeProto *node = classifier(model);
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (strcmp(node->attribute[i]->name, name) == 0) {
            return node->attribute[i];
        }
    }
    fail_msg("no attribute %s", name);
    return NULL;
}

/* Replaces a string that protobuf-c allocated. */
static void replace(char **place, const char *text)
{
    free(*place);
    *place = strdup(text);
}

static void replace_bytes(ProtobufCBinaryData *place, const char *text, size_t size)
{
    free(place->data);
    place->data = malloc(size + 1);
    assert_non_null(place->data);
    memcpy(place->data, text, size);
    place->len = size;
}

static Onnx__TensorShapeProto *input_shape(Onnx__ModelProto *model)
{
    return model->graph->input[0]->type->tensor_type->shape;
}

/* Gives the classifier one more attribute of `count` values, all `value`. */
static void add_attribute(Onnx__ModelProto *model, const char *name, int type, size_t count,
                          float value)
{
    Onnx__NodeProto *node = classifier(model);
    Onnx__AttributeProto *a = malloc(sizeof *a);
    assert_non_null(a);
    onnx__attribute_proto__init(a);
    a->name = strdup(name);
    a->has_type = true;
    a->type = (Onnx__AttributeProto__AttributeType)type;
    if (type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS) {
        a->n_floats = count;
        a->floats = calloc(count, sizeof *a->floats);
    } else {
        a->n_ints = count;
        a->ints = calloc(count, sizeof *a->ints);
    }
    for (size_t i = 0; i < count; i++) {
        if (a->floats) {
            a->floats[i] = value;
        } else {
            a->ints[i] = (int64_t)value;
        }
    }
    node->attribute = realloc(node->attribute, (node->n_attribute + 1) * sizeof(a));
    assert_non_null(node->attribute);
    node->attribute[node->n_attribute++] = a;
}

/* Puts an operator with one input and output into the graph. */
static void add_operator(Onnx__ModelProto *model, const char *op, const char *from, const char *to)
{
    Onnx__GraphProto *graph = model->graph;
    Onnx__NodeProto *node = malloc(sizeof *node);
    assert_non_null(node);
    onnx__node_proto__init(node);
    node->op_type = strdup(op);
    node->domain = strdup(strcmp(op, "TreeEnsembleClassifier") == 0 ? "ai.onnx.ml" : "");
    node->n_input = node->n_output = 1;
    node->input = malloc(sizeof *node->input);
    node->output = malloc(sizeof *node->output);
    assert_true(node->input && node->output);
    node->input[0] = strdup(from);
    node->output[0] = strdup(to);
    graph->node = realloc(graph->node, (graph->n_node + 1) * sizeof(node));
    assert_non_null(graph->node);
    graph->node[graph->n_node++] = node;
}

/* ---- the list ---- */

enum { INTS = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS };
enum { FLOATS = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS };

#define INT_AT(name, index, value) attribute(m, name)->ints[index] = (value)
#define FLOAT_AT(name, index, value) attribute(m, name)->floats[index] = (value)
#define MODE_AT(index, text) \
    replace_bytes(&attribute(m, "nodes_modes")->strings[index], text, strlen(text))

#define POST(text) replace_bytes(&attribute(m, "post_transform")->s, text, strlen(text))

/* name, how to spoil the model `m`, what the English sentence then says */
#define SPOILED(X)                                                                                 \
    X(no_graph, onnx__graph_proto__free_unpacked(m->graph, NULL); m->graph = NULL, "no ONNX")      \
    X(no_classifier, replace(&classifier(m)->op_type, "Relu"), "0 TreeEnsembleClassifier")         \
    X(other_domain, replace(&classifier(m)->domain, "com.example"), "0 TreeEnsembleClassifier")    \
    X(newer_operator, replace(&classifier(m)->op_type, "TreeEnsemble"), "TreeEnsemble is not")     \
    X(two_classifiers, add_operator(m, "TreeEnsembleClassifier", "X", "y"),                        \
      "2 TreeEnsembleClassifier")                                                                  \
    X(scaled_probabilities, add_operator(m, "Mul", "output_probability", "y"), "operator Mul")     \
    X(changed_labels, add_operator(m, "LabelEncoder", "output_label", "y"),                        \
      "operator LabelEncoder")                                                                     \
    X(behind_identity, add_operator(m, "Identity", "output_probability", "y");                     \
      add_operator(m, "Neg", "y", "z"), "operator Neg")                                            \
    X(scaled_input, add_operator(m, "Scaler", "raw", "X"), "operator Scaler")                      \
    X(input_in_a_ring, add_operator(m, "Identity", "X", "X"), "operator Identity")                 \
    X(outputs_in_a_ring, add_operator(m, "Identity", "output_label", "output_label"),              \
      "operator Identity")                                                                         \
    X(input_from_nowhere, replace(&classifier(m)->input[0], "Y"), "no ONNX")                       \
    X(double_input, m->graph->input[0]->type->tensor_type->elem_type = 11, "not float32")          \
    X(unknown_width, input_shape(m)->dim[1]->value_case = 0, "how many inputs")                    \
    X(flat_input, protobuf_c_message_free_unpacked(&input_shape(m)->dim[1]->base, NULL);           \
      input_shape(m)->n_dim = 1, "how many inputs")                                                \
    X(no_width, input_shape(m)->dim[1]->dim_value = 0, "0 inputs")                                 \
    X(huge_width, input_shape(m)->dim[1]->dim_value = INT64_MAX, "inputs: there must")             \
    X(narrow_input, input_shape(m)->dim[1]->dim_value = 1;                                         \
      INT_AT("nodes_featureids", 0, 1), "feature that does not exist")                             \
    X(newer_opset, m->opset_import[0]->version = 6, "version 6 of ai.onnx.ml")                     \
    X(newer_format, replace(&m->metadata_props[0]->value, "2"), "format 2")                        \
    X(cut_metadata, replace(&m->metadata_props[0]->key, "x"), "cut short")                         \
    X(name_beyond_the_inputs, replace(&m->metadata_props[0]->key, "autostream.feature.2"),         \
      "cut short")                                                                                 \
    X(latin_property, replace(&m->metadata_props[0]->value, "\xe9"), "no ONNX")                    \
    X(unknown_attribute, replace(&attribute(m, "nodes_values")->name, "nodes_values_as_tensor"),   \
      "nodes_values_as_tensor")                                                                    \
    X(repeated_attribute, add_attribute(m, "class_ids", INTS, 4, 0), "repeated")                   \
    X(attribute_of_another_type, add_attribute(m, "nodes_hitrates", INTS, 6, 0), "another type")   \
    X(attribute_by_reference, attribute(m, "class_ids")->ref_attr_name = strdup("a"),              \
      "another type")                                                                              \
    X(no_nodes, attribute(m, "nodes_treeids")->n_ints = 0, "no trees")                             \
    X(no_votes, attribute(m, "class_treeids")->n_ints = 0, "no trees")                             \
    X(short_thresholds, attribute(m, "nodes_values")->n_floats--, "differ in length")              \
    X(short_modes, free(attribute(m, "nodes_modes")->strings[5].data);                             \
      attribute(m, "nodes_modes")->n_strings--, "differ in length")                                \
    X(short_weights, attribute(m, "class_weights")->n_floats--, "differ in length")                \
    X(short_missing, add_attribute(m, "nodes_missing_value_tracks_true", INTS, 5, 0),              \
      "differ in length")                                                                          \
    X(base_values_that_are_too_much, add_attribute(m, "base_values", FLOATS, 3, 0.5F), "sum to")   \
    X(one_base_value_for_three_classes, add_attribute(m, "base_values", FLOATS, 1, 0.5F),          \
      "1 base values for 3")                                                                       \
    X(base_value_is_no_number, add_attribute(m, "base_values", FLOATS, 3, NAN), "base value")      \
    X(base_values_of_both_signs, add_attribute(m, "base_values", FLOATS, 3, 1);                    \
      attribute(m, "base_values")->floats[0] = -2, "sum to")                                       \
    X(probit, POST("PROBIT"), "post_transform PROBIT")                                             \
    X(softmax_zero, POST("SOFTMAX_ZERO"), "post_transform SOFTMAX_ZERO")                           \
    X(empty_transform, POST(""), "post_transform ?")                                               \
    X(endless_weight_under_softmax, POST("SOFTMAX");                                               \
      FLOAT_AT("class_weights", 0, INFINITY), "vote is not a number")                              \
    X(no_labels, attribute(m, "classlabels_int64s")->n_ints = 0, "list of labels")                 \
    X(one_label, attribute(m, "classlabels_int64s")->n_ints = 1, "1 class(es)")                    \
    X(two_labels, attribute(m, "classlabels_int64s")->n_ints = 2, "class that does not exist")     \
    X(other_comparison, MODE_AT(0, "BRANCH_EQ"), "other means")                                    \
    X(empty_mode, MODE_AT(0, ""), "other means")                                                   \
    X(threshold_is_no_number, FLOAT_AT("nodes_values", 0, NAN), "threshold")                       \
    X(less_than_all_floats, MODE_AT(0, "BRANCH_LT");                                               \
      FLOAT_AT("nodes_values", 0, -INFINITY), "threshold")                                         \
    X(at_least_no_float, MODE_AT(0, "BRANCH_GTE");                                                 \
      FLOAT_AT("nodes_values", 0, -INFINITY), "threshold")                                         \
    X(huge_id, INT_AT("nodes_nodeids", 0, INT64_MAX), "too large")                                 \
    X(low_id, INT_AT("nodes_treeids", 0, INT64_MIN), "too large")                                  \
    X(huge_feature, INT_AT("nodes_featureids", 0, INT64_MAX), "too large")                         \
    X(huge_true_child, INT_AT("nodes_truenodeids", 0, INT64_MAX), "too large")                     \
    X(huge_false_child, INT_AT("nodes_falsenodeids", 0, INT64_MAX), "too large")                   \
    X(huge_missing, add_attribute(m, "nodes_missing_value_tracks_true", INTS, 6, 0);               \
      INT_AT("nodes_missing_value_tracks_true", 0, INT64_MAX), "too large")                        \
    X(huge_vote_tree, INT_AT("class_treeids", 0, INT64_MAX), "too large")                          \
    X(huge_vote_node, INT_AT("class_nodeids", 0, INT64_MAX), "too large")                          \
    X(huge_class, INT_AT("class_ids", 0, INT64_MAX), "too large")                                  \
    X(feature_below, INT_AT("nodes_featureids", 0, -1), "feature that does not exist")             \
    X(feature_beyond, INT_AT("nodes_featureids", 0, 2), "feature that does not exist")             \
    X(feature_far_beyond, INT_AT("nodes_featureids", 0, INT32_MIN), "feature that does not exist") \
    X(child_below, INT_AT("nodes_truenodeids", 0, -1), "does not exist")                           \
    X(child_beyond, INT_AT("nodes_falsenodeids", 0, 3), "does not exist")                          \
    X(child_far_beyond, INT_AT("nodes_falsenodeids", 0, INT32_MAX), "does not exist")              \
    X(child_is_parent, INT_AT("nodes_truenodeids", 0, 0), "two paths")                             \
    X(one_child_twice, INT_AT("nodes_truenodeids", 0, 2), "two paths")                             \
    X(cycle, MODE_AT(1, "BRANCH_LEQ"); INT_AT("nodes_truenodeids", 1, 0);                          \
      INT_AT("class_nodeids", 0, 2), "two paths")                                                  \
    X(repeated_node, INT_AT("nodes_nodeids", 2, 1), "repeated")                                    \
    X(scattered_tree, INT_AT("nodes_treeids", 5, 0), "scattered")                                  \
    X(root_is_a_leaf, MODE_AT(0, "LEAF"); INT_AT("class_nodeids", 0, 0);                           \
      INT_AT("class_nodeids", 1, 0), "cannot be reached")                                          \
    X(root_comes_second, INT_AT("nodes_nodeids", 0, 1); INT_AT("nodes_nodeids", 1, 0);             \
      INT_AT("class_nodeids", 0, 0), "two paths")                                                  \
    X(leaf_without_vote, INT_AT("class_nodeids", 0, 2), "no vote")                                 \
    X(vote_in_no_node, INT_AT("class_nodeids", 0, 9), "not in a leaf")                             \
    X(vote_in_no_tree, INT_AT("class_treeids", 0, -4), "not in a leaf")                            \
    X(vote_in_a_branch, INT_AT("class_nodeids", 0, 0), "not in a leaf")                            \
    X(class_below, INT_AT("class_ids", 0, -1), "class that does not exist")                        \
    X(class_beyond, INT_AT("class_ids", 0, 3), "class that does not exist")                        \
    X(negative_weight, FLOAT_AT("class_weights", 0, -0.5F), "not a probability")                   \
    X(weight_is_no_number, FLOAT_AT("class_weights", 0, NAN), "not a number")                      \
    X(endless_weight, FLOAT_AT("class_weights", 0, INFINITY), "not a number")                      \
    X(too_much_weight, FLOAT_AT("class_weights", 0, 1.5F), "sum to")                               \
    X(too_little_weight, FLOAT_AT("class_weights", 0, 0.1F), "sum to")

#define DEFINE_SPOIL(name, change, says)          \
    static void spoil_##name(Onnx__ModelProto *m) \
    {                                             \
        change;                                   \
    }
SPOILED(DEFINE_SPOIL)

struct spoiled {
    const char *name;
    void (*spoil)(Onnx__ModelProto *model);
    const char *says;
};

#define LIST_SPOIL(name, change, says) {#name, spoil_##name, says},
static const struct spoiled CASES[] = {SPOILED(LIST_SPOIL)};

/* Changes a model through the schema's own functions. */
static struct bytes change(struct bytes bytes, void (*how)(Onnx__ModelProto *model),
                           struct arena *arena)
{
    Onnx__ModelProto *model =
        onnx__model_proto__unpack(NULL, bytes.size, (const uint8_t *)bytes.data);
    assert_non_null(model);
    how(model);
    uint8_t *out = arena_alloc(arena, onnx__model_proto__get_packed_size(model), 1);
    struct bytes changed = {(const char *)out, onnx__model_proto__pack(model, out)};
    onnx__model_proto__free_unpacked(model, NULL);
    return changed;
}

/* The optional counts at the nodes go, so that cases can put in their own. */
static void without_counts(Onnx__ModelProto *model)
{
    Onnx__NodeProto *node = classifier(model);
    Onnx__AttributeProto *counts = attribute(model, "nodes_hitrates");
    size_t place = 0;
    while (node->attribute[place] != counts) {
        place++;
    }
    node->attribute[place] = node->attribute[--node->n_attribute];
    onnx__attribute_proto__free_unpacked(counts, NULL);
}

/* The forest is x0 <= t twice over: 2 trees of 3 nodes, 3 classes. Small enough to name ids. */
static struct bytes small_model(struct arena *arena)
{
    const float x[] = {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1};
    const int y[] = {0, 2, 0, 2, 0, 2};
    struct forest_data data = {.x = x, .y = y, .rows = 6, .features = 2, .classes = 3};
    struct forest *forest = train_or_fail(&data, 2, 1);
    assert_int_equal(forest_nodes(forest), 6);
    struct bytes bytes = change(encode_or_fail(forest, arena), without_counts, arena);
    forest_free(forest);
    return bytes;
}

static void test_every_spoiled_model_is_refused_with_its_reason(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct bytes good = small_model(&arena);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct bytes bad = change(good, CASES[i].spoil, &arena);
        struct forest *forest = NULL;
        struct forest_card card;
        struct error err = {0};
        int result = forest_decode(bad.data, bad.size, "m.onnx", &arena, &forest, &card, &err);
        if (result != -1 || !strstr(err.text[LANG_EN], CASES[i].says)) {
            fail_msg("%s: %d, %s", CASES[i].name, result, err.text[LANG_EN]);
        }
        assert_null(forest);
        assert_non_null(strstr(err.text[LANG_EN], "m.onnx"));
        assert_non_null(strstr(err.text[LANG_FR], "m.onnx"));
    }
    arena_release(&arena);
}

/* ---- unusual, and right ---- */

static void odd_ids(Onnx__ModelProto *m)
{
    static const int64_t ids[3] = {700, INT32_MIN, INT32_MAX};
    for (int i = 0; i < 6; i++) {
        INT_AT("nodes_treeids", i, i < 3 ? 9 : -9);
        INT_AT("nodes_nodeids", i, ids[i % 3]);
        if (i % 3 == 0) {
            INT_AT("nodes_truenodeids", i, ids[1]);
            INT_AT("nodes_falsenodeids", i, ids[2]);
        }
    }
    for (size_t v = 0; v < 4; v++) {
        INT_AT("class_treeids", v, v < 2 ? 9 : -9);
        INT_AT("class_nodeids", v, ids[1 + v % 2]);
    }
}

static void strict_comparison(Onnx__ModelProto *m)
{
    for (int i = 0; i < 6; i += 3) {
        MODE_AT(i, "BRANCH_LT");
        FLOAT_AT("nodes_values", i, 1.0F); /* x < 1 */
    }
}

/* x > t, with the children exchanged, and x >= the float just above t. */
static void exchanged_children(Onnx__ModelProto *m)
{
    for (int i = 0; i < 6; i += 3) {
        MODE_AT(i, i == 0 ? "BRANCH_GT" : "BRANCH_GTE");
        if (i > 0) {
            FLOAT_AT("nodes_values", i, nextafterf(attribute(m, "nodes_values")->floats[i], 1));
        }
        INT_AT("nodes_truenodeids", i, 2);
        INT_AT("nodes_falsenodeids", i, 1);
    }
    add_attribute(m, "nodes_missing_value_tracks_true", INTS, 6, 1);
}

static void unknown_counts(Onnx__ModelProto *m)
{
    add_attribute(m, "nodes_hitrates", FLOATS, 3, NAN); /* no result hangs on them */
}

static void divided_votes(Onnx__ModelProto *m)
{
    /* Vote 0 in two parts, the second at the end: repeated votes add up. */
    static const char *const ints[] = {"class_ids", "class_nodeids", "class_treeids"};
    for (int i = 0; i < 3; i++) {
        Onnx__AttributeProto *a = attribute(m, ints[i]);
        a->ints = realloc(a->ints, 5 * sizeof *a->ints);
        assert_non_null(a->ints);
        a->ints[a->n_ints++] = a->ints[0];
    }
    Onnx__AttributeProto *a = attribute(m, "class_weights");
    a->floats = realloc(a->floats, 5 * sizeof *a->floats);
    assert_non_null(a->floats);
    a->floats[0] = a->floats[a->n_floats++] = 0.25F;
}

static void harmless_company(Onnx__ModelProto *m)
{
    add_operator(m, "Identity", "raw", "X");
    replace(&m->graph->input[0]->name, "raw");
    add_operator(m, "Identity", "output_probability", "y");
    add_operator(m, "Shape", "raw", "shape");
    add_attribute(m, "nodes_missing_value_tracks_true", INTS, 6, 0);
    add_attribute(m, "nodes_hitrates", FLOATS, 6, 1);
    add_attribute(m, "base_values", FLOATS, 3, 0);
}

static void test_unusual_models_keep_their_meaning(void **state)
{
    (void)state;
    static void (*const changes[])(Onnx__ModelProto *) = {
        odd_ids,        strict_comparison, exchanged_children,
        unknown_counts, divided_votes,     harmless_company};
    const float x[3][2] = {{0, 0}, {1, 1}, {NAN, NAN}};
    struct arena arena = {0};
    struct bytes good = small_model(&arena);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct bytes bytes = change(good, changes[i], &arena);
        struct forest *forest;
        struct forest_card card;
        struct error err = {0};
        double prob[3][3];
        if (forest_decode(bytes.data, bytes.size, "m", &arena, &forest, &card, &err) != 0) {
            fail_msg("%zu: %s", i, err.text[LANG_EN]);
        }
        forest_predict(forest, x[0], 3, 1, prob[0]);
        assert_true(prob[0][0] == 1 && prob[0][2] == 0);
        assert_true(prob[1][2] == 1 && prob[2][2] == 1);
        forest_free(forest);
    }
    arena_release(&arena);
}

/* ---- packed lists ---- */

struct growing {
    uint8_t bytes[4096];
    size_t size;
};

static void put_varint(struct growing *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        out->bytes[out->size++] = (uint8_t)(value | 0x80);
    }
    out->bytes[out->size++] = (uint8_t)value;
}

static void put_message(struct growing *out, uint32_t number, const uint8_t *bytes, size_t size)
{
    assert_true(out->size + size + 20 < sizeof out->bytes);
    put_varint(out, (uint64_t)number << 3 | WIRE_BYTES);
    put_varint(out, size);
    if (size > 0) {
        memcpy(out->bytes + out->size, bytes, size);
    }
    out->size += size;
}

/* Copies a message (0: model, 1: graph, 2: node, 3: attribute) with the numbers of all attributes
 * packed, as other writers of ONNX do. */
static void pack_lists(struct wire message, int level, struct growing *out)
{
    static const uint32_t inner[] = {7, 1, 5};
    enum { FLOATS_FIELD = 7, INTS_FIELD = 8 };
    struct growing floats = {.size = 0}, ints = {.size = 0};
    struct wire_field f;
    while (wire_next(&message, &f)) {
        if (level < 3 && f.number == inner[level]) {
            struct growing *part = calloc(1, sizeof *part);
            assert_non_null(part);
            pack_lists(f.body, level + 1, part);
            put_message(out, f.number, part->bytes, part->size);
            free(part);
        } else if (level == 3 && f.number == FLOATS_FIELD) {
            memcpy(floats.bytes + floats.size, f.body.at, sizeof(float));
            floats.size += sizeof(float);
        } else if (level == 3 && f.number == INTS_FIELD) {
            put_varint(&ints, f.value);
        } else if (f.type == WIRE_BYTES) {
            put_message(out, f.number, f.body.at, (size_t)(f.body.end - f.body.at));
        } else {
            put_varint(out, (uint64_t)f.number << 3 | WIRE_VARINT);
            put_varint(out, f.value);
        }
    }
    assert_false(message.bad);
    if (floats.size > 0) {
        put_message(out, FLOATS_FIELD, floats.bytes, floats.size);
    }
    if (ints.size > 0) {
        put_message(out, INTS_FIELD, ints.bytes, ints.size);
    }
}

static void test_packed_lists_are_read_like_single_numbers(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct bytes good = small_model(&arena);
    const uint8_t *start = (const uint8_t *)good.data;
    struct growing packed = {.size = 0};
    struct forest *forest = NULL;
    struct forest_card card;
    struct error err = {0};
    pack_lists((struct wire){.at = start, .end = start + good.size}, 0, &packed);
    assert_true(packed.size < good.size);
    if (forest_decode(packed.bytes, packed.size, "m", &arena, &forest, &card, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    struct bytes again = encode_or_fail(forest, &arena);
    assert_int_equal(again.size, good.size);
    assert_memory_equal(again.data, good.data, good.size);
    forest_free(forest);
    for (size_t size = 0; size < packed.size; size++) {
        forest = NULL;
        assert_int_equal(forest_decode(packed.bytes, size, "m", &arena, &forest, &card, &err), -1);
    }
    arena_release(&arena);
}

/* ---- boosted trees ---- */

static void tracked_missing(Onnx__ModelProto *m)
{
    add_attribute(m, "nodes_missing_value_tracks_true", INTS, 6, 1);
}

static void exchanged_missing(Onnx__ModelProto *m)
{
    exchanged_children(m);
    for (int i = 0; i < 6; i++) {
        INT_AT("nodes_missing_value_tracks_true", i, 0);
    }
}

static void softmax_with_base(Onnx__ModelProto *m)
{
    POST("SOFTMAX");
    FLOAT_AT("class_weights", 0, -3);
    add_attribute(m, "base_values", FLOATS, 3, 0);
    attribute(m, "base_values")->floats[1] = 2;
}

static void logistic_a_class(Onnx__ModelProto *m)
{
    POST("LOGISTIC");
}

/* Decodes the small model under a change, writes it again and reads that: both forests must predict
 * `expected` for {0, 0}, {1, 1} and a missing row. */
static void check_change(void (*how)(Onnx__ModelProto *), const double expected[3][3])
{
    const float x[3][2] = {{0, 0}, {1, 1}, {NAN, NAN}};
    struct arena arena = {0};
    struct bytes bytes = change(small_model(&arena), how, &arena);
    for (int round = 0; round < 2; round++) {
        struct forest *forest;
        struct forest_card card;
        struct error err = {0};
        double prob[3][3];
        if (forest_decode(bytes.data, bytes.size, "m", &arena, &forest, &card, &err) != 0) {
            fail_msg("%s", err.text[LANG_EN]);
        }
        forest_predict(forest, x[0], 3, 1, prob[0]);
        for (int i = 0; i < 9; i++) {
            assert_true(fabs(prob[i / 3][i % 3] - expected[i / 3][i % 3]) < 1e-12);
        }
        bytes = encode_or_fail(forest, &arena);
        forest_free(forest);
    }
    arena_release(&arena);
}

static void test_missing_values_follow_the_true_child_where_they_are_tracked(void **state)
{
    (void)state;
    const double left[3][3] = {{1, 0, 0}, {0, 0, 1}, {1, 0, 0}};
    check_change(tracked_missing, left);
}

static void test_missing_values_follow_the_false_child_of_a_greater_than(void **state)
{
    (void)state;
    const double left[3][3] = {{1, 0, 0}, {0, 0, 1}, {1, 0, 0}};
    check_change(exchanged_missing, left);
}

static void test_softmax_goes_over_all_classes_and_base_values(void **state)
{
    (void)state;
    double s0 = exp(-2.5), s1 = exp(2), total0 = s0 + s1 + 1, s2 = exp(1), total2 = 1 + s1 + s2;
    const double expected[3][3] = {{s0 / total0, s1 / total0, 1 / total0},
                                   {1 / total2, s1 / total2, s2 / total2},
                                   {1 / total2, s1 / total2, s2 / total2}};
    check_change(softmax_with_base, expected);
}

static void test_logistic_of_several_classes_goes_class_by_class(void **state)
{
    (void)state;
    double one = 1 / (1 + exp(-1.0));
    const double expected[3][3] = {{one, 0.5, 0.5}, {0.5, 0.5, one}, {0.5, 0.5, one}};
    check_change(logistic_a_class, expected);
}

/* ---- any bytes ---- */

/* Decodes a copy of exactly `size` bytes, so that a sanitizer sees any step beyond; a forest that
 * comes out must predict probabilities. */
static bool survive(const char *bytes, size_t size)
{
    struct arena arena = {0};
    struct forest *forest = NULL;
    struct forest_card card;
    struct error err = {0};
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    int result = forest_decode(copy, size, "m", &arena, &forest, &card, &err);
    free(copy);
    if (result == 0) {
        float *x = ARENA_NEW(&arena, float, forest_features(forest));
        double *prob = ARENA_NEW(&arena, double, (size_t)forest_classes(forest)), sum = 0;
        forest_predict(forest, x, 1, 1, prob);
        for (int c = 0; c < forest_classes(forest); c++) {
            sum += prob[c];
        }
        assert_true(sum >= 0 && sum <= forest_classes(forest)); /* logistic: class by class */
    } else {
        assert_null(forest);
        assert_true(err.text[LANG_EN][0] != '\0' && err.text[LANG_FR][0] != '\0');
    }
    forest_free(forest);
    arena_release(&arena);
    return result == 0;
}

static void test_no_truncated_model_is_taken_for_whole(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 30, 3, 3);
    struct forest *forest = train_or_fail(&data, 3, 1);
    struct bytes bytes = encode_or_fail(forest, &arena);
    assert_true(survive(bytes.data, bytes.size));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_false(survive(bytes.data, size));
    }
    forest_free(forest);
    arena_release(&arena);
}

static void test_flipped_bits_never_crash_the_reader(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct bytes bytes = small_model(&arena);
    char *copy = arena_copy(&arena, bytes.data, bytes.size);
    size_t refused = 0;
    for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
        refused += !survive(copy, bytes.size);
        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(refused > bytes.size); /* most bits matter */
    arena_release(&arena);
}

static void test_bytes_that_are_written_over_never_crash_the_reader(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct bytes bytes = small_model(&arena);
    char *copy = arena_copy(&arena, bytes.data, bytes.size);
    struct rng rng;
    rng_init(&rng, 1, 0);
    for (int round = 0; round < 20000; round++) {
        for (uint64_t changes = 1 + rng_below(&rng, 6); changes > 0; changes--) {
            copy[rng_below(&rng, bytes.size)] = (char)rng_below(&rng, 256);
        }
        (void)survive(copy, bytes.size);
        memcpy(copy, bytes.data, bytes.size);
    }
    arena_release(&arena);
}

static void test_trailing_garbage_is_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct bytes bytes = small_model(&arena);
    static const char *const tails[] = {"garbage\n", "\n", "\xf8\x3f", "\x92\x3f\x01", "PK\3\4"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        size_t more = strlen(tails[i]);
        char *longer = arena_alloc(&arena, bytes.size + more, 1);
        memcpy(longer, bytes.data, bytes.size);
        memcpy(longer + bytes.size, tails[i], more);
        assert_false(survive(longer, bytes.size + more));
    }
    char *twice = arena_alloc(&arena, 2, bytes.size);
    memcpy(twice, bytes.data, bytes.size);
    memcpy(twice + bytes.size, bytes.data, bytes.size);
    assert_false(survive(twice, 2 * bytes.size));
    arena_release(&arena);
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    /* ModelProto.graph (7) > node (1) > attribute (5) > g (6) > node ...: lengths from inside out.
     */
    enum { SIZE = 1 << 20 };
    static const char tags[] = {0x0a, 0x2a, 0x32};
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    size_t start = SIZE;
    for (int level = 0; start > 16; level++) {
        size_t length = SIZE - start;
        char header[8];
        size_t used = 0;
        header[used++] = start > 32 ? tags[2 - level % 3] : 0x3a;
        for (; length >= 0x80; length >>= 7) {
            header[used++] = (char)((length & 0x7f) | 0x80);
        }
        header[used++] = (char)length;
        start -= used;
        memcpy(bytes + start, header, used);
    }
    assert_false(survive(bytes + start, SIZE - start));
    free(bytes);
}

static void test_a_small_file_does_not_get_endless_memory(void **state)
{
    (void)state;
    /* A graph of a million empty nodes: 2 bytes each in the file, over 100 in memory. */
    enum { NODES = 1000000, SIZE = 2 * NODES };
    char *bytes = calloc(SIZE + 5, 1);
    assert_non_null(bytes);
    static const unsigned char header[] = {0x3a, 0x80, 0x89, 0x7a}; /* graph, 2000000 */
    memcpy(bytes, header, sizeof header);
    for (int i = 0; i < NODES; i++) {
        bytes[sizeof header + 2 * (size_t)i] = 0x0a;
    }
    assert_false(survive(bytes, sizeof header + SIZE));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_spoiled_model_is_refused_with_its_reason),
        cmocka_unit_test(test_unusual_models_keep_their_meaning),
        cmocka_unit_test(test_packed_lists_are_read_like_single_numbers),
        cmocka_unit_test(test_missing_values_follow_the_true_child_where_they_are_tracked),
        cmocka_unit_test(test_missing_values_follow_the_false_child_of_a_greater_than),
        cmocka_unit_test(test_softmax_goes_over_all_classes_and_base_values),
        cmocka_unit_test(test_logistic_of_several_classes_goes_class_by_class),
        cmocka_unit_test(test_no_truncated_model_is_taken_for_whole),
        cmocka_unit_test(test_flipped_bits_never_crash_the_reader),
        cmocka_unit_test(test_bytes_that_are_written_over_never_crash_the_reader),
        cmocka_unit_test(test_trailing_garbage_is_refused),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_a_small_file_does_not_get_endless_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
