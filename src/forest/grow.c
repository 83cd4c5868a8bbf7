/* Growing one classification tree (CART: Breiman et al. 1984; random feature choice: Breiman 2001;
 * details as in scikit-learn's RandomForestClassifier). Reads the binned table, writes nodes, votes
 * and covers.
 *
 * A node is a list of row numbers, class by class; a split parts it in place and in order. When a
 * node has become much smaller than the table it looks its bins up in, its rows are copied to a
 * table of their own, so that a subtree works in the cache (Anghel et al., "Breadth-first,
 * Depth-next Training of Random Forests", 2019). Nodes of few rows, and all below them, grow in the
 * lanes of a vector (block.h). A node's random numbers follow from its place in the tree alone. */
#include "forest/grow.h"

#include "base/arena.h"
#include "base/rng.h"
#include "forest/block.h"
#include "forest/cut.h"
#include "forest/keys.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHRINK = 4, /* a view is made for a node with 1/SHRINK of the rows of the last one; 16 made
                   training a sixth slower on 66 features */
    CACHED_BYTES = 1 << 19, /* a smaller table is in the second-level cache anyway */
    MAX_VIEWS = 9,          /* nodes below stay in the last one */
    DENSE_ROWS = 64,        /* runs with fewer rows are looked up one by one */
    VIEW_FEATURES = 10,     /* copying all features pays for up to 10 times the candidates */
};

/* Where a node's row numbers point: the whole table, or the copy of some of its rows. */
struct view {
    const uint16_t *bins; /* [features][rows] */
    size_t rows;
    uint16_t *own_bins; /* what bins points at in a copy; kept for the next one */
    size_t room;        /* its rows */
};

/* A node still to be made. Its runs stand on top of the stack of runs when its turn comes. */
struct pending {
    size_t begin, end; /* row numbers */
    uint64_t key;      /* of its random numbers */
    size_t run_count;
    size_t constants; /* features known to be constant */
    uint32_t weight;
    uint32_t parent;
    unsigned depth;
    unsigned view;
    bool is_right;
};

/* Rows of a node, one behind the other, whose bins are looked up in one way. */
struct pick {
    uint32_t begin, end; /* counted from the node's first one */
    bool dense;          /* marked in the words [first_word, last_word] */
    uint32_t first_word, last_word;
};

struct grow_scratch {
    const struct grow_plan *plan;
    const struct keys_passes *passes;
    uint32_t *counts;       /* [source_rows]: bootstrap, caller's order */
    struct keys_rows rows;  /* [rows + padding]: of all nodes; weights are bootstrap times weight */
    struct keys_rows spare; /* the same */
    uint16_t *keys;         /* the same: a candidate's bins */
    uint16_t *best_keys;    /* the same: the best candidate's */
    uint32_t *order;        /* [features]: a permutation, the identity between nodes */
    uint32_t *swaps;        /* [features]: what was exchanged */
    uint32_t *constants;    /* [features]: a stack of features that are constant here */
    bool *is_constant;      /* [features] */
    uint32_t *marks;        /* [rows]: bits of the rows to be picked; or NULL */
    uint8_t *flags;         /* [rows + padding]: all 0 */
    struct pick *picks;     /* [classes + 1] */
    size_t pick_count;
    size_t constant_count;
    struct view views[MAX_VIEWS];
    struct cut_scratch *cut;
    struct block *block; /* NULL: this forest's nodes are none for blocks */
    struct run *runs;    /* a stack */
    size_t run_count, run_room;
    struct run *halves; /* [2][classes]: runs of the children at work */
    struct pending *stack;
    size_t stack_count, stack_room;
};

struct split {
    struct cut cut;
    uint32_t feature;
    uint16_t above;   /* lowest bin above the cut; BIN_MISSING: all that is known goes left */
    float threshold;  /* of extra trees only */
    bool has_missing; /* rows of the node lack the feature */
};

/* True when all nodes are what block.h asks for, but for their size. */
static bool fits_blocks(const struct grow_plan *plan)
{
    bool fits = !plan->factors && !plan->extra_trees && plan->min_weight == 1;
    for (size_t f = 0; f < plan->table->feature_count; f++) {
        fits &= !plan->table->features[f].missing;
    }
    return fits;
}

struct grow_scratch *grow_scratch_new(const struct grow_plan *plan)
{
    struct grow_scratch *s = xcalloc(1, sizeof *s);
    const struct bin_table *table = plan->table;
    size_t padded = table->rows + KEYS_PADDING, features = table->feature_count;
    s->plan = plan;
    s->passes = keys_passes(0);
    s->counts = xcalloc(table->source_rows, sizeof *s->counts);
    s->rows.numbers = xcalloc(padded, sizeof *s->rows.numbers);
    s->rows.weights = xcalloc(padded, sizeof *s->rows.weights);
    s->spare.numbers = xcalloc(padded, sizeof *s->spare.numbers);
    s->spare.weights = xcalloc(padded, sizeof *s->spare.weights);
    s->keys = xcalloc(padded, sizeof *s->keys);
    s->best_keys = xcalloc(padded, sizeof *s->best_keys);
    s->order = xcalloc(features, sizeof *s->order);
    s->swaps = xcalloc(features, sizeof *s->swaps);
    s->constants = xcalloc(features, sizeof *s->constants);
    s->is_constant = xcalloc(features, sizeof *s->is_constant);
    s->marks = s->passes->span > 0 ? xcalloc(table->rows / 32 + 1, sizeof *s->marks) : NULL;
    s->flags = xcalloc(padded, sizeof *s->flags);
    s->picks = xcalloc(table->classes + 1, sizeof *s->picks);
    s->cut = cut_scratch_new(table->classes);
    s->block = fits_blocks(plan) ? block_new(features) : NULL;
    s->halves = xcalloc(table->classes, 2 * sizeof *s->halves);
    s->views[0] = (struct view){.bins = table->bins, .rows = table->rows};
    for (size_t f = 0; f < features; f++) {
        const struct bin_feature *feature = &table->features[f];
        s->order[f] = (uint32_t)f;
        s->is_constant[f] = feature->count + feature->missing == 1; /* one value: never looked up */
    }
    return s;
}

void grow_scratch_free(struct grow_scratch *scratch)
{
    if (scratch) {
        for (int v = 0; v < MAX_VIEWS; v++) {
            free(scratch->views[v].own_bins);
        }
        cut_scratch_free(scratch->cut);
        block_free(scratch->block);
        free(scratch->counts);
        free(scratch->rows.numbers);
        free(scratch->rows.weights);
        free(scratch->spare.numbers);
        free(scratch->spare.weights);
        free(scratch->keys);
        free(scratch->best_keys);
        free(scratch->order);
        free(scratch->swaps);
        free(scratch->constants);
        free(scratch->is_constant);
        free(scratch->marks);
        free(scratch->flags);
        free(scratch->picks);
        free(scratch->runs);
        free(scratch->halves);
        free(scratch->stack);
        free(scratch);
    }
}

const uint32_t *grow_counts(const struct grow_scratch *scratch)
{
    return scratch->counts;
}

void grown_tree_release(struct grown_tree *tree)
{
    free(tree->nodes);
    free(tree->votes);
    free(tree->cover);
    free(tree->missing_left);
    *tree = (struct grown_tree){0};
}

/* ---- the sample ---- */

void forest_bootstrap_counts(uint64_t seed, size_t tree, size_t rows, uint32_t *counts)
{
    struct rng rng;
    rng_init(&rng, seed, tree);
    memset(counts, 0, rows * sizeof *counts);
    for (size_t draw = 0; draw < rows; draw++) {
        counts[rng_below(&rng, rows)]++;
    }
}

static void push_run(struct grow_scratch *s, struct run run)
{
    if (s->run_count == s->run_room) {
        s->run_room = s->run_room ? 2 * s->run_room : 64;
        s->runs = xrealloc(s->runs, s->run_room, sizeof *s->runs);
    }
    s->runs[s->run_count++] = run;
}

static void push(struct grow_scratch *s, struct pending node, const struct run *runs)
{
    if (s->stack_count == s->stack_room) {
        s->stack_room = s->stack_room ? 2 * s->stack_room : 64;
        s->stack = xrealloc(s->stack, s->stack_room, sizeof *s->stack);
    }
    s->stack[s->stack_count++] = node;
    for (size_t r = 0; r < node.run_count; r++) {
        push_run(s, runs[r]);
    }
}

/* True when all rows that were drawn weigh nothing. */
static bool is_weightless(const struct grow_scratch *s)
{
    bool empty = s->plan->weights != NULL;
    for (size_t row = 0; empty && row < s->plan->table->source_rows; row++) {
        empty = s->counts[row] == 0 || s->plan->weights[row] == 0;
    }
    return empty;
}

/* The weight of a row of the binned table in the sample, or, `once`, in the table. */
static uint32_t drawn_weight(const struct grow_scratch *s, uint32_t i, bool once)
{
    const struct bin_table *table = s->plan->table;
    uint32_t sum = 0;
    for (uint32_t place = table->row_begin[i]; place < table->row_begin[i + 1]; place++) {
        uint32_t row = table->row[place], times = once ? 1 : s->counts[row];
        sum += times * (s->plan->weights ? s->plan->weights[row] : 1);
    }
    return sum;
}

/* Draws the bootstrap sample and makes it the root; a sample that weighs nothing is replaced by all
 * rows. */
static void push_root(struct grow_scratch *s, unsigned index)
{
    const struct grow_plan *plan = s->plan;
    const struct bin_table *table = plan->table;
    struct run *runs = s->halves;
    struct rng rng;
    struct pending root = {0};
    forest_bootstrap_counts(plan->seed, index, table->source_rows, s->counts);
    bool empty = is_weightless(s);
    for (size_t c = 0; c < table->classes; c++) {
        uint32_t weight = 0, begin = (uint32_t)root.end;
        for (uint32_t i = table->class_begin[c]; i < table->class_begin[c + 1]; i++) {
            uint32_t drawn = drawn_weight(s, i, empty);
            s->rows.numbers[root.end] = i;
            s->rows.weights[root.end] = drawn;
            root.end += drawn > 0;
            weight += drawn;
        }
        if (root.end > begin) {
            runs[root.run_count++] = (struct run){(uint32_t)c, (uint32_t)root.end, weight};
            root.weight += weight;
        }
    }
    rng_init(&rng, ~plan->seed, index); /* another stream than the sample's */
    root.key = rng_next(&rng);
    push(s, root, runs);
}

/* ---- the cache ---- */

static bool wants_view(const struct grow_scratch *s, const struct pending *node)
{
    size_t rows = s->views[node->view].rows, features = s->plan->table->feature_count;
    return rows * features * sizeof(uint16_t) > CACHED_BYTES &&
           node->end - node->begin <= rows / SHRINK && node->view + 1 < MAX_VIEWS &&
           features <= (size_t)VIEW_FEATURES * s->plan->max_features;
}

/* ---- the best split ---- */

/* A threshold t with low <= t < high as floats. */
static float threshold_between(float low, float high)
{
    float middle = (float)((double)low / 2 + (double)high / 2);
    return middle < high ? middle : low; /* also where infinities made a NaN */
}

/* Marks rows that are picked together. */
static struct pick mark_rows(struct grow_scratch *s, const uint32_t *numbers, uint32_t begin,
                             uint32_t end)
{
    uint32_t first = numbers[begin] / 32, last = numbers[end - 1] / 32;
    s->passes->mark(numbers + begin, end - begin, s->flags, s->marks + first);
    return (struct pick){begin, end, true, first, last};
}

/* Decides for each run of a node how its bins are looked up: one by one, or, where the run has many
 * of the rows that lie between its first and its last one, by packing vectors of all of them. */
static void plan_picks(struct grow_scratch *s, const struct pending *node, const struct run *runs)
{
    const uint32_t *numbers = s->rows.numbers + node->begin;
    uint32_t rows = (uint32_t)(node->end - node->begin), begin = 0;
    struct pick *last = s->picks, *last_dense = NULL;
    *last = (struct pick){0, 0, false, 0, 0};
    for (size_t r = 0; r < node->run_count && s->marks && rows >= DENSE_ROWS; r++) {
        uint32_t end = runs[r].end, span = numbers[end - 1] - numbers[begin] + 1;
        bool dense = end - begin >= DENSE_ROWS && (end - begin) * s->passes->span >= span;
        if (!dense && !last->dense) {
            last->end = end;
        } else if (!dense) {
            *++last = (struct pick){begin, end, false, 0, 0};
        } else if (last_dense && last_dense->last_word == numbers[begin] / 32) {
            last = last_dense; /* one word for both: all up to here is picked together */
            *last = mark_rows(s, numbers, last->begin, end);
        } else {
            last_dense = ++last;
            *last = mark_rows(s, numbers, begin, end);
        }
        begin = end;
    }
    if (begin == 0) {
        last->end = rows;
    }
    s->pick_count = (size_t)(last - s->picks) + 1;
}

/* The bins of a feature for the node's rows, in keys[rows + padding]. */
static void look_up(const struct grow_scratch *s, const struct pending *node, size_t feature,
                    uint16_t *restrict keys)
{
    const struct view *view = &s->views[node->view];
    const uint16_t *bins = view->bins + feature * view->rows;
    const uint32_t *numbers = s->rows.numbers + node->begin;
    for (size_t p = 0; p < s->pick_count; p++) {
        const struct pick *pick = &s->picks[p];
        if (pick->dense) {
            s->passes->pick(bins + 32 * (size_t)pick->first_word, s->marks + pick->first_word,
                            pick->last_word - pick->first_word + 1, keys + pick->begin);
            continue;
        }
        for (size_t i = pick->begin; i < pick->end; i++) {
            keys[i] = bins[numbers[i]];
        }
    }
}

/* Copies a node's rows to a table of their own; its row numbers become 0, 1, ... */
static void make_view(struct grow_scratch *s, struct pending *node, const struct run *runs)
{
    struct view *to = &s->views[node->view + 1];
    size_t rows = node->end - node->begin, features = s->plan->table->feature_count;
    uint32_t *numbers = s->rows.numbers + node->begin;
    if (to->room < rows) {
        to->room = rows;
        to->own_bins = xrealloc(to->own_bins, rows * features + KEYS_PADDING, sizeof *to->own_bins);
    }
    to->bins = to->own_bins;
    to->rows = rows;
    plan_picks(s, node, runs);
    for (size_t f = 0; f < features; f++) {
        if (!s->is_constant[f]) { /* nor will the subtree ask for those */
            look_up(s, node, f, to->own_bins + f * rows);
        }
    }
    node->view++;
    for (size_t i = 0; i < rows; i++) {
        numbers[i] = (uint32_t)i;
    }
}

/* The same in s->keys, padded for cut.h. */
static void load_keys(struct grow_scratch *s, const struct pending *node, uint32_t feature)
{
    size_t rows = node->end - node->begin;
    look_up(s, node, feature, s->keys);
    for (size_t i = 0; i < KEYS_PADDING; i++) {
        s->keys[rows + i] = UINT16_MAX;
    }
}

/* A uniform threshold in [lowest, highest) of the node's known values (Geurts et al., "Extremely
 * randomized trees", 2006), and its score. With one known value only: known left, missing right. */
static struct cut random_cut(struct grow_scratch *s, const struct cut_node *node, uint32_t feature,
                             struct rng *rng, float *threshold)
{
    const struct bin *bins = s->plan->table->features[feature].bins;
    uint16_t low = UINT16_MAX, high = 0;
    for (size_t i = 0; i < node->rows; i++) {
        uint16_t key = s->keys[i];
        low = key < low ? key : low;
        high = key != BIN_MISSING && key > high ? key : high;
    }
    double from = fmax((double)bins[low].high, -(double)FLT_MAX);
    double to = fmin((double)bins[high].low, (double)FLT_MAX), part = rng_uniform(rng);
    if (low == high) {
        *threshold = INFINITY;
        return cut_at(s->cut, node, s->keys, high);
    }
    float drawn = (float)(from + part * (to - from));
    *threshold = drawn < bins[high].low ? drawn : bins[low].high;
    uint16_t key = low, end = high; /* the last bin that is wholly left: low is, high is not */
    while (end - key > 1) {
        uint16_t middle = (uint16_t)((key + end) / 2);
        if (bins[middle].high <= *threshold) {
            key = middle;
        } else {
            end = middle;
        }
    }
    if (*threshold >= bins[key + 1].low) { /* inside a bin of several values: to its left end */
        *threshold = threshold_between(bins[key].high, bins[key + 1].low);
    }
    return cut_at(s->cut, node, s->keys, key);
}

/* From here on, and in the subtree, the feature is constant. */
static void remember_constant(struct grow_scratch *s, uint32_t feature)
{
    s->constants[s->constant_count++] = feature;
    s->is_constant[feature] = true;
}

/* Only the first `count` of these features are still constant. */
static void forget_constants(struct grow_scratch *s, size_t count)
{
    while (s->constant_count > count) {
        s->is_constant[s->constants[--s->constant_count]] = false;
    }
}

/* Tries one feature; true when it is not constant in this node. */
static bool try_feature(struct grow_scratch *s, const struct pending *pending,
                        const struct cut_node *node, uint32_t feature, struct rng *rng,
                        struct split *best)
{
    uint16_t low, high;
    float threshold = 0;
    struct cut cut;
    load_keys(s, pending, feature);
    keys_range(s->keys, node->rows, &low, &high);
    if (low == high) {
        remember_constant(s, feature);
        return false;
    }
    if (s->plan->extra_trees) {
        cut = random_cut(s, node, feature, rng, &threshold);
    } else {
        cut = cut_best(s->cut, node, s->keys, low, high);
    }
    if (cut.score > best->cut.score) {
        uint16_t *keys = s->best_keys;
        *best = (struct split){cut, feature, 0, threshold, high == BIN_MISSING};
        s->best_keys = s->keys;
        s->keys = keys;
    }
    return true;
}

/* Features that were drawn for a node, without replacement. */
struct drawing {
    size_t drawn;
    bool found; /* one of them is not constant there */
};

/* Draws the next feature that may be tried: among max_features, and then until one that is not
 * constant in the node was seen (as scikit-learn does). False: that was all. */
static bool draw_feature(struct grow_scratch *s, struct rng *rng, struct drawing *drawing,
                         uint32_t *feature)
{
    size_t features = s->plan->table->feature_count;
    while (drawing->drawn < features &&
           (drawing->drawn < s->plan->max_features || !drawing->found)) {
        uint32_t pick = (uint32_t)(drawing->drawn + rng_below(rng, features - drawing->drawn));
        *feature = s->order[pick];
        s->order[pick] = s->order[drawing->drawn];
        s->order[drawing->drawn] = *feature;
        s->swaps[drawing->drawn++] = pick;
        if (!s->is_constant[*feature]) {
            return true;
        }
    }
    return false;
}

/* Back to the identity, so that no node depends on another one. */
static void put_back(struct grow_scratch *s, struct drawing *drawing)
{
    while (drawing->drawn > 0) {
        uint32_t pick = s->swaps[--drawing->drawn], feature = s->order[pick];
        s->order[pick] = s->order[drawing->drawn];
        s->order[drawing->drawn] = feature;
    }
}

/* Finds the best of the drawn features' cuts. False when there is no split. */
static bool find_split(struct grow_scratch *s, const struct pending *pending,
                       const struct cut_node *node, struct rng *rng, struct split *best)
{
    struct drawing drawing = {0};
    uint32_t feature;
    *best = (struct split){.cut = {.score = -1}};
    while (draw_feature(s, rng, &drawing, &feature)) {
        drawing.found |= try_feature(s, pending, node, feature, rng, best);
        if (!node->factors && best->cut.score >= (double)node->weight) {
            break; /* both sides are pure: nothing is better */
        }
    }
    put_back(s, &drawing);
    if (best->cut.score < 0) {
        return false;
    }
    best->above = keys_above(s->best_keys, node->rows, best->cut.key);
    return true;
}

/* ---- the partition ---- */

static struct keys_rows rows_at(struct keys_rows rows, size_t place)
{
    return (struct keys_rows){rows.numbers + place, rows.weights + place};
}

/* Moves row numbers that go left before those that go right, keeping the order on both sides, and
 * fills the children's runs. Returns the number of rows on the left. */
static size_t partition(struct grow_scratch *s, struct pending *node, const struct run *runs,
                        const struct cut *cut, struct pending child[2])
{
    struct keys_rows rows = rows_at(s->rows, node->begin);
    struct run *halves[2] = {s->halves, s->halves + s->plan->table->classes};
    struct keys_cut keys_cut = {.offset = cut->missing_left, .limit = cut->key};
    size_t count[2] = {0}, i = 0;
    keys_cut.limit += keys_cut.offset; /* BIN_MISSING + 1 is 0, the lowest key */
    for (size_t r = 0; r < node->run_count; r++) {
        size_t before[2] = {count[0], count[1]}, here = runs[r].end - i;
        uint32_t weight[2];
        count[0] +=
            s->passes->part(keys_cut, s->best_keys + i, rows_at(rows, i), here,
                            rows_at(rows, count[0]), rows_at(s->spare, count[1]), &weight[0]);
        i += here;
        count[1] = i - count[0];
        weight[1] = runs[r].weight - weight[0];
        for (int side = 0; side < 2; side++) {
            if (count[side] > before[side]) {
                halves[side][child[side].run_count++] =
                    (struct run){runs[r].label, (uint32_t)count[side], weight[side]};
                child[side].weight += weight[side];
            }
        }
    }
    rows = rows_at(rows, count[0]);
    memcpy(rows.numbers, s->spare.numbers, count[1] * sizeof *rows.numbers);
    memcpy(rows.weights, s->spare.weights, count[1] * sizeof *rows.weights);
    return count[0];
}

/* ---- the tree ---- */

static uint32_t append_node(struct grown_tree *tree, const struct forest_node *node, float cover,
                            bool missing_left)
{
    if (tree->node_count == tree->node_room) {
        tree->node_room = tree->node_room ? 2 * tree->node_room : 64;
        tree->nodes = xrealloc(tree->nodes, tree->node_room, sizeof *tree->nodes);
        tree->cover = xrealloc(tree->cover, tree->node_room, sizeof *tree->cover);
        tree->missing_left =
            xrealloc(tree->missing_left, tree->node_room, sizeof *tree->missing_left);
    }
    tree->nodes[tree->node_count] = *node;
    tree->cover[tree->node_count] = cover;
    tree->missing_left[tree->node_count] = missing_left;
    return (uint32_t)tree->node_count++;
}

static void append_vote(struct grown_tree *tree, size_t label, float weight)
{
    if (tree->vote_count == tree->vote_room) {
        tree->vote_room = tree->vote_room ? 2 * tree->vote_room : 64;
        tree->votes = xrealloc(tree->votes, tree->vote_room, sizeof *tree->votes);
    }
    tree->votes[tree->vote_count++] = (struct forest_vote){(int32_t)label, weight};
}

static double run_weight(const struct grow_plan *plan, const struct run *run)
{
    return (plan->factors ? plan->factors[run->label] : 1) * run->weight;
}

/* Appends a leaf with the class weights of these runs. */
static void append_leaf(const struct grow_plan *plan, struct grown_tree *tree,
                        const struct run *runs, size_t run_count, float cover)
{
    struct forest_node leaf = {.feature = FOREST_LEAF, .left = (uint32_t)tree->vote_count};
    double total = 0;
    for (size_t r = 0; r < run_count; r++) {
        total += run_weight(plan, &runs[r]);
    }
    if (plan->table->classes == 2) { /* one vote, for class 1, also when it is 0 */
        const struct run *last = &runs[run_count - 1];
        double prob = last->label == 1 ? run_weight(plan, last) / total : 0;
        append_vote(tree, 1, (float)(prob / (double)plan->trees));
    } else {
        for (size_t r = 0; r < run_count; r++) {
            double prob = run_weight(plan, &runs[r]) / total;
            append_vote(tree, runs[r].label, (float)(prob / (double)plan->trees));
        }
    }
    leaf.right = (uint32_t)tree->vote_count;
    append_node(tree, &leaf, cover, false);
}

/* Sum of weights in the caller's measure. */
static float cover_of(const struct grow_plan *plan, const struct run *runs, size_t run_count)
{
    double cover = 0;
    for (size_t r = 0; r < run_count; r++) {
        cover += run_weight(plan, &runs[r]);
    }
    return (float)(cover * plan->weight_unit);
}

/* While a tree grows, a split's `left` holds the bins on both sides of its cut; the left child
 * itself is always the next node. */
static uint32_t sides_of(const struct split *split)
{
    return (uint32_t)split->cut.key << 16 | split->above;
}

/* Sets `left`, and the threshold half way between the values beside the cut that are there in the
 * node. All nodes at once, because values are looked up all over the table: the processor then
 * waits for many at a time. */
static void finish_splits(const struct grow_plan *plan, struct grown_tree *tree)
{
    for (size_t i = 0; i < tree->node_count; i++) {
        struct forest_node *node = &tree->nodes[i];
        if (node->feature == FOREST_LEAF) {
            continue;
        }
        const struct bin *bins = plan->table->features[node->feature].bins;
        uint32_t below = node->left >> 16, above = node->left & UINT16_MAX;
        node->left = (uint32_t)i + 1;
        if (!plan->extra_trees) {
            node->threshold = above == BIN_MISSING
                                  ? INFINITY
                                  : threshold_between(bins[below].high, bins[above].low);
        }
    }
}

/* Takes the next node off the stack; its runs stay valid until something is pushed. */
static struct pending pop(struct grow_scratch *s, const struct run **runs)
{
    struct pending node = s->stack[--s->stack_count];
    s->run_count -= node.run_count;
    *runs = s->runs + s->run_count;
    forget_constants(s, node.constants);
    return node;
}

/* ---- subtrees of few rows: most nodes of a tree ---- */

/* A node of the subtree in s->block. */
struct lane_node {
    uint32_t lanes, weight;
    uint64_t key; /* of its random numbers */
    unsigned depth;
};

static bool wants_block(const struct grow_scratch *s, const struct pending *node)
{
    return s->block && node->run_count > 1 && node->end - node->begin <= BLOCK_ROWS &&
           node->weight <= BLOCK_WEIGHT;
}

/* find_split() in a block. */
static bool find_block_split(struct grow_scratch *s, const struct lane_node *node, struct rng *rng,
                             struct split *best)
{
    struct drawing drawing = {0};
    uint32_t feature;
    *best = (struct split){.cut = {.score = -1}};
    rng_init(rng, node->key, 0);
    block_enter(s->block, node->lanes);
    while (draw_feature(s, rng, &drawing, &feature)) {
        uint16_t key;
        double score = block_cut(s->block, feature, &key);
        if (score < 0) {
            remember_constant(s, feature);
            continue;
        }
        drawing.found = true;
        if (score > best->cut.score) {
            best->cut.score = score;
            best->cut.key = key;
            best->feature = feature;
        }
        if (best->cut.score >= (double)node->weight) {
            break; /* both sides are pure: nothing is better */
        }
    }
    put_back(s, &drawing);
    return best->cut.score >= 0;
}

/* Grows a subtree in preorder; it is at most BLOCK_ROWS - 1 splits deep. */
static void grow_in_block(struct grow_scratch *s, const struct lane_node *node,
                          struct grown_tree *tree)
{
    const struct grow_plan *plan = s->plan;
    size_t constants = s->constant_count;
    float cover = (float)(node->weight * plan->weight_unit);
    struct split split;
    struct rng rng;
    if (block_is_pure(s->block, node->lanes) ||
        (plan->max_depth > 0 && node->depth >= plan->max_depth) ||
        !find_block_split(s, node, &rng, &split)) {
        size_t run_count = block_runs(s->block, node->lanes, s->halves);
        append_leaf(plan, tree, s->halves, run_count, cover);
        forget_constants(s, constants);
        return;
    }
    struct block_halves halves;
    block_part(s->block, split.feature, split.cut.key, &halves);
    split.above = halves.above;
    uint32_t number = append_node(
        tree, &(struct forest_node){.feature = (int32_t)split.feature, .left = sides_of(&split)},
        cover, false);
    struct lane_node left = {halves.left, halves.left_weight, rng_next(&rng), node->depth + 1};
    struct lane_node right = {node->lanes & ~halves.left, node->weight - halves.left_weight,
                              rng_next(&rng), node->depth + 1};
    grow_in_block(s, &left, tree);
    tree->nodes[number].right = (uint32_t)tree->node_count;
    grow_in_block(s, &right, tree);
    forget_constants(s, constants);
}

/* Grows the subtree of a node that wants a block. */
static void grow_block(struct grow_scratch *s, const struct pending *node, const struct run *runs,
                       struct grown_tree *tree)
{
    const struct view *view = &s->views[node->view];
    struct block_source source = {view->bins, s->plan->table->feature_count, view->rows};
    struct lane_node top = {.weight = node->weight, .key = node->key, .depth = node->depth};
    top.lanes = block_open(s->block, source, rows_at(s->rows, node->begin), runs, node->run_count);
    grow_in_block(s, &top, tree);
}

/* Finds the split of a node, when it may and can be split. */
static bool split_node(struct grow_scratch *s, struct pending *pending, const struct run *runs,
                       struct rng *rng, struct split *split)
{
    const struct grow_plan *plan = s->plan;
    if (pending->run_count == 1 || (plan->max_depth > 0 && pending->depth >= plan->max_depth)) {
        return false;
    }
    if (wants_view(s, pending)) {
        make_view(s, pending, runs);
    }
    struct cut_node node = {
        .rows = pending->end - pending->begin,
        .weights = s->rows.weights + pending->begin,
        .runs = runs,
        .run_count = pending->run_count,
        .factors = plan->factors,
        .weight = pending->weight,
        .min_weight = plan->min_weight,
    };
    rng_init(rng, pending->key, 0);
    plan_picks(s, pending, runs);
    return find_split(s, pending, &node, rng, split);
}

void grow_tree(struct grow_scratch *scratch, unsigned index, struct grown_tree *tree)
{
    struct grow_scratch *s = scratch;
    push_root(s, index);
    while (s->stack_count > 0) { /* left before right: preorder */
        const struct run *runs;
        struct pending node = pop(s, &runs);
        struct split split;
        struct rng rng;
        float cover = cover_of(s->plan, runs, node.run_count);
        if (node.is_right) {
            tree->nodes[node.parent].right = (uint32_t)tree->node_count;
        }
        if (wants_block(s, &node)) {
            grow_block(s, &node, runs, tree);
            continue;
        }
        if (!split_node(s, &node, runs, &rng, &split)) {
            append_leaf(s->plan, tree, runs, node.run_count, cover);
            continue;
        }
        uint32_t number = append_node(tree,
                                      &(struct forest_node){.threshold = split.threshold,
                                                            .feature = (int32_t)split.feature,
                                                            .left = sides_of(&split)},
                                      cover, split.cut.missing_left);
        struct pending child[2] = {{.begin = node.begin,
                                    .key = rng_next(&rng),
                                    .constants = s->constant_count,
                                    .parent = number,
                                    .depth = node.depth + 1,
                                    .view = node.view}};
        child[1] = child[0];
        child[1].key = rng_next(&rng);
        child[1].is_right = true;
        size_t left = partition(s, &node, runs, &split.cut, child);
        assert(left > 0 && left < node.end - node.begin);
        if (s->plan->table->features[split.feature].missing && !split.has_missing) {
            tree->missing_left[number] = child[0].weight >= child[1].weight; /* nothing to learn */
        }
        child[0].end = child[1].begin = node.begin + left;
        child[1].end = node.end;
        push(s, child[1], s->halves + s->plan->table->classes);
        push(s, child[0], s->halves);
    }
    finish_splits(s->plan, tree);
}
