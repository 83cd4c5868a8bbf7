/* From the bytes of an ONNX TreeEnsembleClassifier to plain lists of numbers. Reads attributes that
 * may be hostile, writes a struct ensemble; what the numbers mean is the business of model_trees.c.
 *
 * Each attribute is walked twice, to count and to take its values, so that a list costs what it
 * holds: four bytes a number, one a mode. Lists come packed or not, as protocol buffers allow. */
#include "forest/model_io.h"

#include <inttypes.h>
#include <string.h>

/* Of AttributeProto and NodeProto in onnx.proto. */
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_S = 4, ATTRIBUTE_FLOATS = 7, ATTRIBUTE_INTS = 8 };
enum { ATTRIBUTE_STRINGS = 9, ATTRIBUTE_TYPE = 20, ATTRIBUTE_REFERENCE = 21, NODE_ATTRIBUTE = 5 };
enum attribute_type { STRING = 3, FLOATS = 6, INTS = 7, STRINGS = 8 };

enum slot {
    TREE_IDS,
    NODE_IDS,
    FEATURES,
    VALUES,
    MODES,
    TRUE_IDS,
    FALSE_IDS,
    MISSING,
    HIT_RATES,
    CLASS_TREES,
    CLASS_NODES,
    CLASS_IDS,
    CLASS_WEIGHTS,
    LABEL_INTS,
    LABEL_STRINGS,
    POST_TRANSFORM,
    BASE_VALUES,
    SLOT_COUNT
};

static const struct {
    const char *name;
    enum attribute_type type;
} KNOWN[SLOT_COUNT] = {
    [TREE_IDS] = {"nodes_treeids", INTS},
    [NODE_IDS] = {"nodes_nodeids", INTS},
    [FEATURES] = {"nodes_featureids", INTS},
    [VALUES] = {"nodes_values", FLOATS},
    [MODES] = {"nodes_modes", STRINGS},
    [TRUE_IDS] = {"nodes_truenodeids", INTS},
    [FALSE_IDS] = {"nodes_falsenodeids", INTS},
    [MISSING] = {"nodes_missing_value_tracks_true", INTS},
    [HIT_RATES] = {"nodes_hitrates", FLOATS},
    [CLASS_TREES] = {"class_treeids", INTS},
    [CLASS_NODES] = {"class_nodeids", INTS},
    [CLASS_IDS] = {"class_ids", INTS},
    [CLASS_WEIGHTS] = {"class_weights", FLOATS},
    [LABEL_INTS] = {"classlabels_int64s", INTS},
    [LABEL_STRINGS] = {"classlabels_strings", STRINGS},
    [POST_TRANSFORM] = {"post_transform", STRING},
    [BASE_VALUES] = {"base_values", FLOATS},
};

struct attribute {
    struct wire body; /* the whole attribute */
    struct wire name, s;
    uint64_t type;
    bool by_reference;
    size_t ints, floats, strings;
};

struct reading {
    const char *name; /* of the file, for messages */
    struct arena *scratch, *arena;
    struct attribute a[SLOT_COUNT]; /* without values where the node has no such attribute */
    bool there[SLOT_COUNT];
    struct ensemble *out;
    struct error *err;
};

int model_damaged(const char *name, struct error *err, const char *fr, const char *en)
{
    return error_set(err, "%s : modèle abîmé, %s%.0s : exportez-le ou apprenez-le de nouveau",
                     "%s: damaged model,%.0s %s: export or train it again", name, fr, en);
}

static int damaged(const struct reading *r, const char *fr, const char *en)
{
    return model_damaged(r->name, r->err, fr, en);
}

static int not_readable(const struct reading *r)
{
    return damaged(r, "un attribut n'est pas lisible", "an attribute cannot be read");
}

/* ---- one attribute ---- */

/* Numbers in a packed list: each ends with a byte below 128. */
static size_t count_varints(struct wire packed)
{
    size_t count = 0;
    for (const uint8_t *p = packed.at; p < packed.end; p++) {
        count += !(*p & 0x80);
    }
    return count;
}

/* First walk: what kind of attribute it is, and how much it holds. */
static int measure(const struct reading *r, struct wire body, struct attribute *a)
{
    struct wire_field f;
    *a = (struct attribute){.body = body};
    while (wire_next(&body, &f)) {
        if (f.number == ATTRIBUTE_INTS) {
            body.bad = body.bad || (f.body.at < f.body.end && f.body.end[-1] & 0x80); /* cut */
            a->ints += f.type == WIRE_VARINT ? 1 : count_varints(f.body);
        } else if (f.number == ATTRIBUTE_FLOATS) {
            a->floats += (size_t)(f.body.end - f.body.at) / sizeof(float);
        } else if (wire_is_field(&body, &f, ATTRIBUTE_STRINGS, WIRE_BYTES)) {
            a->strings++;
        } else if (wire_is_field(&body, &f, ATTRIBUTE_NAME, WIRE_BYTES)) {
            a->name = f.body;
        } else if (wire_is_field(&body, &f, ATTRIBUTE_S, WIRE_BYTES)) {
            a->s = f.body;
        } else if (wire_is_field(&body, &f, ATTRIBUTE_TYPE, WIRE_VARINT)) {
            a->type = f.value;
        } else if (wire_is_field(&body, &f, ATTRIBUTE_REFERENCE, WIRE_BYTES)) {
            a->by_reference = a->by_reference || f.body.at < f.body.end;
        }
    }
    return body.bad ? not_readable(r) : 0;
}

static int place_attribute(struct reading *r, struct wire body)
{
    struct attribute a;
    if (measure(r, body, &a) != 0) {
        return -1;
    }
    for (int slot = 0; slot < SLOT_COUNT; slot++) {
        if (!wire_is(a.name, KNOWN[slot].name)) {
            continue;
        }
        if (r->there[slot]) {
            return damaged(r, "un attribut est répété", "an attribute is repeated");
        }
        if (a.type != (uint64_t)KNOWN[slot].type || a.by_reference) {
            return damaged(r, "un attribut a un autre type", "an attribute has another type");
        }
        r->there[slot] = true;
        r->a[slot] = a;
        return 0;
    }
    const char *name = wire_text(a.name, r->scratch);
    return error_set(r->err,
                     "%s : l'attribut « %s » n'est pas pris en charge : exportez le modèle avec "
                     "des entrées float32",
                     "%s: attribute '%s' is not supported: export the model with float32 inputs",
                     r->name, name ? name : "?");
}

/* The next number of a list of INTS, which may be packed; false behind the last, or when it is bad.
 * `packed` starts empty. */
static inline bool next_int(struct wire *body, struct wire *packed, int64_t *value)
{
    struct wire_field f;
    uint64_t raw;
    while (packed->at == packed->end) {
        if (packed->bad || !wire_next(body, &f)) {
            return false;
        }
        if (f.number == ATTRIBUTE_INTS && f.type == WIRE_VARINT) {
            *value = (int64_t)f.value;
            return true;
        }
        if (wire_is_field(body, &f, ATTRIBUTE_INTS, WIRE_BYTES)) {
            *packed = f.body;
        }
    }
    if (*packed->at < 0x80) { /* most of them */
        *value = *packed->at++;
        return true;
    }
    bool read = wire_varint(packed, &raw);
    *value = (int64_t)raw;
    return read;
}

/* The numbers of an attribute; NULL list where it is absent or empty. */
static int read_ints(const struct reading *r, enum slot slot, int32_t **out)
{
    const struct attribute *a = &r->a[slot];
    struct wire body = a->body, packed = {0};
    int64_t value;
    size_t count = 0;
    *out = a->ints ? ARENA_NEW(r->scratch, int32_t, a->ints) : NULL;
    while (count < a->ints && next_int(&body, &packed, &value)) {
        if (value < INT32_MIN || value > INT32_MAX) {
            return damaged(r, "un numéro est trop grand", "a number is too large");
        }
        (*out)[count++] = (int32_t)value;
    }
    return count == a->ints ? 0 : not_readable(r);
}

static int read_floats(const struct reading *r, enum slot slot, float **out)
{
    const struct attribute *a = &r->a[slot];
    struct wire body = a->body;
    struct wire_field f;
    size_t count = 0;
    *out = a->floats ? ARENA_NEW(r->scratch, float, a->floats) : NULL;
    while (wire_next(&body, &f)) {
        size_t size = (size_t)(f.body.end - f.body.at);
        if (f.number != ATTRIBUTE_FLOATS || size == 0) {
            continue;
        }
        if ((f.type != WIRE_BYTES && f.type != WIRE_32) || size % sizeof(float) != 0) {
            return not_readable(r);
        }
        memcpy(*out + count, f.body.at, size); /* little-endian, as the machines that we know */
        count += size / sizeof(float);
    }
    return count == a->floats ? 0 : not_readable(r);
}

static int read_modes(const struct reading *r, uint8_t **out)
{
    static const struct {
        const char *name;
        enum model_mode mode;
    } modes[] = {{"LEAF", MODE_LEAF},
                 {"BRANCH_LEQ", MODE_LEQ},
                 {"BRANCH_LT", MODE_LT},
                 {"BRANCH_GTE", MODE_GTE},
                 {"BRANCH_GT", MODE_GT}};
    enum { KNOWN_MODES = sizeof modes / sizeof *modes };
    struct wire body = r->a[MODES].body;
    struct wire_field f;
    size_t count = 0;
    *out = ARENA_NEW(r->scratch, uint8_t, r->a[MODES].strings);
    while (wire_next(&body, &f)) {
        if (f.number != ATTRIBUTE_STRINGS) {
            continue;
        }
        size_t m = 0;
        while (m < KNOWN_MODES && !wire_is(f.body, modes[m].name)) {
            m++;
        }
        if (m == KNOWN_MODES) {
            return error_set(r->err,
                             "%s : un nœud compare autrement que par <=, <, >= ou > : ce modèle "
                             "n'est pas pris en charge",
                             "%s: a node compares by other means than <=, <, >= or >: this model "
                             "is not supported",
                             r->name);
        }
        (*out)[count++] = (uint8_t)modes[m].mode;
    }
    return 0;
}

/* ---- the whole node ---- */

static int check_lengths(struct reading *r)
{
    const struct attribute *a = r->a;
    size_t n = a[TREE_IDS].ints, votes = a[CLASS_TREES].ints;
    if (n == 0 || votes == 0) {
        return damaged(r, "il n'a pas d'arbre", "it has no trees");
    }
    if (a[NODE_IDS].ints != n || a[FEATURES].ints != n || a[VALUES].floats != n ||
        a[MODES].strings != n || a[TRUE_IDS].ints != n || a[FALSE_IDS].ints != n ||
        (a[MISSING].ints != n && a[MISSING].ints != 0) || a[CLASS_NODES].ints != votes ||
        a[CLASS_IDS].ints != votes || a[CLASS_WEIGHTS].floats != votes) {
        return damaged(r, "ses listes n'ont pas la même longueur", "its lists differ in length");
    }
    if (n > UINT32_MAX / 2 || votes > UINT32_MAX / 2) {
        return damaged(r, "il est trop grand", "it is too large");
    }
    r->out->nodes = n;
    r->out->votes = votes;
    return 0;
}

static int read_number_labels(const struct reading *r)
{
    struct wire body = r->a[LABEL_INTS].body, packed = {0};
    int64_t value;
    size_t count = 0;
    while (count < r->out->classes && next_int(&body, &packed, &value)) {
        r->out->labels[count++] = arena_printf(r->arena, "%" PRId64, value);
    }
    return count == r->out->classes ? 0 : not_readable(r);
}

static int read_text_labels(const struct reading *r)
{
    struct wire body = r->a[LABEL_STRINGS].body;
    struct wire_field f;
    size_t count = 0;
    while (wire_next(&body, &f)) {
        if (f.number != ATTRIBUTE_STRINGS) {
            continue;
        }
        const char *label = wire_text(f.body, r->arena);
        if (!label) {
            return damaged(r, "une étiquette n'est pas un texte UTF-8",
                           "a label is not UTF-8 text");
        }
        r->out->labels[count++] = label;
    }
    return 0;
}

static int read_labels(const struct reading *r)
{
    size_t ints = r->a[LABEL_INTS].ints, strings = r->a[LABEL_STRINGS].strings;
    struct ensemble *e = r->out;
    if ((ints > 0) == (strings > 0)) {
        return damaged(r, "il lui faut une liste d'étiquettes, et une seule",
                       "it needs one list of labels, and only one");
    }
    e->classes = ints + strings;
    if (e->classes < 2 || e->classes > FOREST_MAX_CLASSES) {
        return error_set(r->err, "%s : %zu classe(s) : il en faut entre 2 et %d",
                         "%s: %zu class(es): there must be 2 to %d", r->name, e->classes,
                         FOREST_MAX_CLASSES);
    }
    e->labels = ARENA_NEW(r->arena, const char *, e->classes);
    e->labels_are_numbers = ints > 0;
    return ints > 0 ? read_number_labels(r) : read_text_labels(r);
}

static int read_post_transform(const struct reading *r)
{
    struct wire s = r->a[POST_TRANSFORM].s;
    struct ensemble *e = r->out;
    if (!r->there[POST_TRANSFORM] || wire_is(s, "NONE")) {
        e->post = POST_NONE;
    } else if (wire_is(s, "SOFTMAX")) {
        e->post = POST_SOFTMAX;
    } else if (wire_is(s, "LOGISTIC")) {
        e->post = POST_LOGISTIC;
    } else {
        const char *post = wire_text(s, r->scratch);
        return error_set(r->err,
                         "%s : post_transform %s n'est pas pris en charge, seulement NONE, "
                         "SOFTMAX et LOGISTIC",
                         "%s: post_transform %s is not supported, only NONE, SOFTMAX and LOGISTIC",
                         r->name, post && *post ? post : "?");
    }
    return 0;
}

int model_read_ensemble(struct wire node, const char *name, struct arena *scratch,
                        struct arena *arena, struct ensemble *out, struct error *err)
{
    struct reading r = {.name = name, .scratch = scratch, .arena = arena, .out = out, .err = err};
    struct wire_field f;
    *out = (struct ensemble){0};
    while (wire_next(&node, &f)) {
        if (wire_is_field(&node, &f, NODE_ATTRIBUTE, WIRE_BYTES) &&
            place_attribute(&r, f.body) != 0) {
            return -1;
        }
    }
    if (node.bad) {
        return not_readable(&r);
    }
    if (check_lengths(&r) != 0 || read_labels(&r) != 0 || read_post_transform(&r) != 0 ||
        read_ints(&r, TREE_IDS, &out->tree_ids) != 0 ||
        read_ints(&r, NODE_IDS, &out->node_ids) != 0 || read_modes(&r, &out->modes) != 0 ||
        read_ints(&r, FEATURES, &out->features) != 0 ||
        read_floats(&r, VALUES, &out->values) != 0 ||
        read_ints(&r, TRUE_IDS, &out->true_ids) != 0 ||
        read_ints(&r, FALSE_IDS, &out->false_ids) != 0 ||
        read_ints(&r, MISSING, &out->missing) != 0 ||
        read_ints(&r, CLASS_TREES, &out->vote_trees) != 0 ||
        read_ints(&r, CLASS_NODES, &out->vote_nodes) != 0 ||
        read_ints(&r, CLASS_IDS, &out->vote_classes) != 0 ||
        read_floats(&r, CLASS_WEIGHTS, &out->vote_weights) != 0 ||
        read_floats(&r, BASE_VALUES, &out->base) != 0) {
        return -1;
    }
    out->base_count = r.a[BASE_VALUES].floats;
    /* of any other length they say nothing about the nodes, and no result hangs on them */
    return r.a[HIT_RATES].floats == out->nodes ? read_floats(&r, HIT_RATES, &out->hit_rates) : 0;
}
