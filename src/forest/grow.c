/* Growing one classification tree to purity (CART: Breiman et al. 1984; random feature choice:
 * Breiman 2001; details as in scikit-learn's RandomForestClassifier). Reads the sorted table and
 * the labels, writes nodes and votes.
 *
 * Every feature keeps the rows of a node as one segment, ascending: a split moves each segment's
 * rows stably into left and right part, so nothing is sorted twice (SPRINT: Shafer et al. 1996). */
#include "forest/grow.h"

#include "base/arena.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sample {
    uint32_t weight; /* times drawn; 0: out of bag */
    uint32_t label;
};

/* A node still to be made: rows [begin, end) of every segment. */
struct pending {
    size_t begin, end;
    uint32_t parent;
    uint32_t valid_feature; /* its segment surely holds the node's rows */
    bool is_right;
};

struct grow_scratch {
    size_t rows, features, classes;
    struct entry *entries;    /* entries[features][rows], drawn rows only */
    struct entry *spare;      /* spare[rows] */
    struct sample *samples;   /* samples[rows] */
    unsigned char *goes_left; /* goes_left[rows] */
    uint32_t *feature_order;  /* feature_order[features]: a permutation */
    uint64_t *node_counts;    /* node_counts[classes] */
    uint64_t *left_counts;    /* left_counts[classes] */
    uint64_t node_weight;     /* sum of node_counts */
    struct pending *stack;
    size_t stack_room;
};

struct split {
    double score;  /* sum over both sides of (sum of squared counts) / weight: larger is purer */
    size_t middle; /* first position of the right part */
    uint32_t feature;
    float threshold;
};

struct grow_scratch *grow_scratch_new(const struct sorted_table *table, int classes)
{
    struct grow_scratch *s = xcalloc(1, sizeof *s);
    s->rows = table->rows;
    s->features = table->features;
    s->classes = (size_t)classes;
    s->entries = xcalloc(s->rows, s->features * sizeof *s->entries);
    s->spare = xcalloc(s->rows, sizeof *s->spare);
    s->samples = xcalloc(s->rows, sizeof *s->samples);
    s->goes_left = xcalloc(s->rows, sizeof *s->goes_left);
    s->feature_order = xcalloc(s->features, sizeof *s->feature_order);
    s->node_counts = xcalloc(s->classes, sizeof *s->node_counts);
    s->left_counts = xcalloc(s->classes, sizeof *s->left_counts);
    return s;
}

void grow_scratch_free(struct grow_scratch *scratch)
{
    if (scratch) {
        free(scratch->entries);
        free(scratch->spare);
        free(scratch->samples);
        free(scratch->goes_left);
        free(scratch->feature_order);
        free(scratch->node_counts);
        free(scratch->left_counts);
        free(scratch->stack);
        free(scratch);
    }
}

bool grow_in_bag(const struct grow_scratch *scratch, size_t row)
{
    return scratch->samples[row].weight > 0;
}

void grown_tree_release(struct grown_tree *tree)
{
    free(tree->nodes);
    free(tree->votes);
    *tree = (struct grown_tree){0};
}

/* ---- the sample ---- */

/* Draws rows with replacement and fills the segments; returns the number of different rows. */
static size_t draw_sample(struct grow_scratch *s, const struct sorted_table *table, const int *y,
                          struct rng *rng)
{
    for (size_t row = 0; row < s->rows; row++) {
        s->samples[row] = (struct sample){.label = (uint32_t)y[row]};
    }
    for (size_t draw = 0; draw < s->rows; draw++) {
        s->samples[rng_below(rng, s->rows)].weight++;
    }
    size_t drawn = 0;
    for (size_t feature = 0; feature < s->features; feature++) {
        const struct entry *all = table->entries + feature * s->rows;
        struct entry *segment = s->entries + feature * s->rows;
        drawn = 0;
        for (size_t i = 0; i < s->rows; i++) {
            segment[drawn] = all[i];
            drawn += s->samples[all[i].row].weight > 0;
        }
        s->feature_order[feature] = (uint32_t)feature;
    }
    return drawn;
}

/* Class counts of a node, from one of its segments; true when only one class is there. */
static bool count_classes(struct grow_scratch *s, const struct pending *node)
{
    const struct entry *segment = s->entries + node->valid_feature * s->rows;
    memset(s->node_counts, 0, s->classes * sizeof *s->node_counts);
    s->node_weight = 0;
    for (size_t i = node->begin; i < node->end; i++) {
        struct sample sample = s->samples[segment[i].row];
        s->node_counts[sample.label] += sample.weight;
        s->node_weight += sample.weight;
    }
    return s->node_counts[s->samples[segment[node->begin].row].label] == s->node_weight;
}

/* ---- the best split ---- */

/* A threshold t with low <= t < high as floats; high NaN: everything known goes left. */
static float threshold_between(float low, float high)
{
    if (isnan(high)) {
        return INFINITY;
    }
    float middle = (float)((double)low / 2 + (double)high / 2);
    return middle < high ? middle : low; /* also where infinities made a NaN */
}

/* True when the segment holds no two different values; NaN counts as one value. */
static bool is_constant(const struct entry *segment, size_t begin, size_t end)
{
    float first = segment[begin].value, last = segment[end - 1].value;
    return isnan(first) || first >= last;
}

/* Tries every cut of one feature's segment; a strictly better one replaces `best`. Squares are
 * whole numbers (rows < 2^31), so the score is the same on every machine. */
static void scan_feature(struct grow_scratch *s, const struct pending *node, uint32_t feature,
                         struct split *best)
{
    const struct entry *segment = s->entries + feature * s->rows;
    uint64_t left_weight = 0, left_squares = 0, right_squares = 0;
    memset(s->left_counts, 0, s->classes * sizeof *s->left_counts);
    for (size_t c = 0; c < s->classes; c++) {
        right_squares += s->node_counts[c] * s->node_counts[c];
    }
    for (size_t i = node->begin; i + 1 < node->end; i++) {
        struct sample sample = s->samples[segment[i].row];
        uint64_t left = s->left_counts[sample.label];
        uint64_t right = s->node_counts[sample.label] - left;
        uint64_t weight = sample.weight;
        left_squares += weight * (2 * left + weight);
        right_squares -= weight * (2 * right - weight);
        s->left_counts[sample.label] = left + weight;
        left_weight += weight;
        float low = segment[i].value, high = segment[i + 1].value;
        if (low >= high) {
            continue; /* equal values stay together */
        }
        if (isnan(low)) {
            break; /* the rest is missing */
        }
        double score = (double)left_squares / (double)left_weight +
                       (double)right_squares / (double)(s->node_weight - left_weight);
        if (score > best->score) {
            *best = (struct split){score, i + 1, feature, threshold_between(low, high)};
        }
    }
}

/* Draws features without replacement: sqrt(features) of them, and then until one that is not
 * constant here was seen (as scikit-learn does). False when all are constant. */
static bool find_split(struct grow_scratch *s, const struct pending *node, struct rng *rng,
                       struct split *best)
{
    size_t wanted = (size_t)sqrt((double)s->features);
    bool found = false;
    *best = (struct split){.score = -1};
    for (size_t drawn = 0; drawn < s->features && (drawn < wanted || !found); drawn++) {
        size_t pick = drawn + (size_t)rng_below(rng, s->features - drawn);
        uint32_t feature = s->feature_order[pick];
        s->feature_order[pick] = s->feature_order[drawn];
        s->feature_order[drawn] = feature;
        if (!is_constant(s->entries + feature * s->rows, node->begin, node->end)) {
            found = true;
            scan_feature(s, node, feature, best);
        }
    }
    assert(!found || (best->middle > node->begin && best->middle < node->end));
    return found;
}

/* ---- the partition ---- */

static bool is_pure(const struct grow_scratch *s, const struct entry *segment, size_t begin,
                    size_t end)
{
    uint32_t label = s->samples[segment[begin].row].label;
    for (size_t i = begin + 1; i < end; i++) {
        if (s->samples[segment[i].row].label != label) {
            return false;
        }
    }
    return true;
}

/* Moves rows that go left before those that go right, keeping the order on both sides. */
static void partition_segment(struct grow_scratch *s, struct entry *segment, size_t begin,
                              size_t end)
{
    size_t left = begin, right = 0;
    for (size_t i = begin; i < end; i++) { /* both written, one counts: no branch to mispredict */
        struct entry entry = segment[i];
        size_t goes_left = s->goes_left[entry.row];
        segment[left] = entry;
        s->spare[right] = entry;
        left += goes_left;
        right += 1 - goes_left;
    }
    memcpy(segment + left, s->spare, right * sizeof *segment);
}

/* Divides all segments of a node as its split says. Nothing to do when both children become
 * leaves: the split feature's own segment is in order already. */
static void partition(struct grow_scratch *s, const struct pending *node, const struct split *split)
{
    const struct entry *chosen = s->entries + split->feature * s->rows;
    if (is_pure(s, chosen, node->begin, split->middle) &&
        is_pure(s, chosen, split->middle, node->end)) {
        return;
    }
    for (size_t i = node->begin; i < node->end; i++) {
        s->goes_left[chosen[i].row] = i < split->middle;
    }
    for (size_t feature = 0; feature < s->features; feature++) {
        if (feature != split->feature) {
            partition_segment(s, s->entries + feature * s->rows, node->begin, node->end);
        }
    }
}

/* ---- the tree ---- */

static struct forest_node *append_node(struct grown_tree *tree)
{
    if (tree->node_count == tree->node_room) {
        tree->node_room = tree->node_room ? 2 * tree->node_room : 64;
        tree->nodes = xrealloc(tree->nodes, tree->node_room, sizeof *tree->nodes);
    }
    return &tree->nodes[tree->node_count++];
}

static void append_vote(struct grown_tree *tree, size_t label, float weight)
{
    if (tree->vote_count == tree->vote_room) {
        tree->vote_room = tree->vote_room ? 2 * tree->vote_room : 64;
        tree->votes = xrealloc(tree->votes, tree->vote_room, sizeof *tree->votes);
    }
    tree->votes[tree->vote_count++] = (struct forest_vote){(int32_t)label, weight};
}

/* Makes `node` a leaf with the current class counts. */
static void make_leaf(const struct grow_scratch *s, unsigned trees, struct grown_tree *tree,
                      struct forest_node *node)
{
    *node = (struct forest_node){.feature = FOREST_LEAF, .left = (uint32_t)tree->vote_count};
    bool complement = s->classes == 2; /* one vote, for class 1, also when it is 0 */
    for (size_t c = complement ? 1 : 0; c < s->classes; c++) {
        if (s->node_counts[c] > 0 || complement) {
            double prob = (double)s->node_counts[c] / (double)s->node_weight;
            append_vote(tree, c, (float)(prob / (double)trees));
        }
    }
    node->right = (uint32_t)tree->vote_count;
}

static void push(struct grow_scratch *s, size_t depth, struct pending node)
{
    if (depth == s->stack_room) {
        s->stack_room = s->stack_room ? 2 * s->stack_room : 64;
        s->stack = xrealloc(s->stack, s->stack_room, sizeof *s->stack);
    }
    s->stack[depth] = node;
}

void grow_tree(struct grow_scratch *scratch, const struct sorted_table *table,
               const struct forest_data *data, unsigned trees, struct rng *rng,
               struct grown_tree *tree)
{
    struct grow_scratch *s = scratch;
    size_t depth = 0;
    push(s, depth++, (struct pending){.end = draw_sample(s, table, data->y, rng)});
    while (depth > 0) { /* left before right: preorder */
        struct pending pending = s->stack[--depth];
        uint32_t number = (uint32_t)tree->node_count;
        struct forest_node *node = append_node(tree);
        if (number > 0 && pending.is_right) {
            tree->nodes[pending.parent].right = number;
        }
        struct split split;
        if (count_classes(s, &pending) || !find_split(s, &pending, rng, &split)) {
            make_leaf(s, trees, tree, node);
            continue;
        }
        *node = (struct forest_node){
            .threshold = split.threshold, .feature = (int32_t)split.feature, .left = number + 1};
        partition(s, &pending, &split);
        push(s, depth++, (struct pending){split.middle, pending.end, number, split.feature, true});
        push(s, depth++,
             (struct pending){pending.begin, split.middle, number, split.feature, false});
    }
}
