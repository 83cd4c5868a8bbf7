/* From a forest as it is trained or read to the form that predicts fastest. Reads a forest, writes
 * a layout beside it; forest_predict() gives the same bits from either.
 *
 * There are two forms: lines of eight nodes each (lines.c), where the machine and the columns
 * allow, else nodes. What makes these fast, on 2 million of them, is fewer bytes, pages and
 * instructions, and no branches:
 * - 8 bytes a node instead of 16: thresholds and values are compared as integers, children stand
 *   side by side so that one number names both, a leaf needs no separate table. A step is some
 *   eight instructions (see predict.c).
 * - Nodes that are visited together share a cache line: four pairs of siblings, filled from the top
 *   with the heaviest subtree first (the clustering of Alstrup et al., "Efficient Tree Layout in a
 *   Multilevel Memory Hierarchy", 2002, made greedy).
 * - A missing value is a column's lowest or highest key: nodes need no word about it. A feature
 * that is sent left by some nodes and right by others takes two columns. */
#include "forest/layout.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "forest/impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    HUGE_PAGE_BYTES = 2 << 20,
    LINE_BYTES = 64,
    LINE_NODES = LINE_BYTES / (int)sizeof(uint64_t),
    FEW_LEAF_LINES = 1 << 10, /* a tree */
};

struct builder {
    const struct forest *forest;
    struct forest_layout *layout;
    uint32_t *column_of; /* [2][features]: of a feature by whether missing values go left */
    uint32_t *payload;   /* [node_count], of leaves */
    uint32_t *leaf_line; /* [node_count], of leaves: in their tree */
    bool no_zeros;       /* votes of 0 are left out */
    size_t *first;       /* [trees + 1]: where a tree's nodes begin; whole lines */
};

static bool goes_left(const struct forest *forest, size_t node)
{
    return forest->missing_left && forest->missing_left[node];
}

/* ---- columns ---- */

static void find_columns(struct builder *b)
{
    const struct forest *forest = b->forest;
    struct forest_layout *layout = b->layout;
    size_t features = forest->features;
    for (size_t n = 0; n < forest->node_count; n++) {
        if (forest->nodes[n].feature != FOREST_LEAF) {
            b->column_of[goes_left(forest, n) * features + (size_t)forest->nodes[n].feature] = 1;
        }
    }
    layout->column = xcalloc(2 * features, sizeof *layout->column);
    for (size_t i = 0; i < 2 * features; i++) {
        if (b->column_of[i]) {
            b->column_of[i] = (uint32_t)layout->columns;
            layout->column[layout->columns++] = (struct layout_column){
                .feature = (uint32_t)(i % features),
                .missing = i < features ? KEY_HIGHEST : KEY_LOWEST,
            };
        }
    }
    layout->columns += CONSTANT_COLUMNS;
}

/* ---- leaves ---- */

/* Distinct votes, found by an open hash table that is at most half full. */
struct vote_set {
    struct forest_vote *votes; /* [used] */
    uint32_t *slots;           /* [room]: number of a vote + 1; 0: free */
    size_t used, room;         /* room: a power of two */
};

enum { VOTE_ROOM_AT_LEAST = 64, ROW_CLASSES_AT_MOST = 32 };

/* The slot of a vote, or the free one where it belongs. Weights are compared as bits. */
static uint32_t *vote_slot(const struct vote_set *set, const struct forest_vote *vote)
{
    uint64_t bits;
    _Static_assert(sizeof bits == sizeof *vote, "a vote has no padding");
    memcpy(&bits, vote, sizeof bits);
    uint64_t hash = bits * UINT64_C(0x9e3779b97f4a7c15); /* Knuth's multiplicative hashing */
    size_t s = (size_t)(hash >> 32) & (set->room - 1);
    while (set->slots[s] && memcmp(&set->votes[set->slots[s] - 1], vote, sizeof *vote) != 0) {
        s = (s + 1) & (set->room - 1);
    }
    return &set->slots[s];
}

static void vote_set_grow(struct vote_set *set)
{
    set->room = set->room ? set->room * 2 : VOTE_ROOM_AT_LEAST;
    set->votes = xrealloc(set->votes, set->room, sizeof *set->votes);
    free(set->slots);
    set->slots = xcalloc(set->room, sizeof *set->slots);
    for (size_t i = 0; i < set->used; i++) {
        *vote_slot(set, &set->votes[i]) = (uint32_t)i + 1;
    }
}

/* Can no sum ever be -0? Then a vote of 0 changes none, and is left out: skl2onnx writes one for
 * each class that a leaf does not know. */
static bool zeros_do_nothing(const struct forest *forest)
{
    for (int c = 0; forest->base && c < forest->classes; c++) {
        if (forest->base[c] == 0 && signbit(forest->base[c])) {
            return false;
        }
    }
    return true;
}

/* The only vote of a leaf that counts; NULL: there are none or several. */
static const struct forest_vote *only_vote(const struct builder *b, const struct forest_node *leaf)
{
    const struct forest_vote *votes = b->forest->votes, *only = NULL;
    if (leaf->right - leaf->left == 1) {
        return &votes[leaf->left];
    }
    for (uint32_t v = leaf->left; v < leaf->right; v++) {
        if (votes[v].weight != 0 || !b->no_zeros) {
            if (only) {
                return NULL;
            }
            only = &votes[v];
        }
    }
    return only;
}

/* May leaves with several votes become rows of all classes? Not if one of them votes twice for the
 * same class: the sums would be rounded otherwise. Counts them. */
static bool fit_in_rows(const struct builder *b, size_t *count)
{
    const struct forest *forest = b->forest;
    size_t *voter = xcalloc((size_t)forest->classes, sizeof *voter); /* node + 1 */
    bool fit = forest->classes <= ROW_CLASSES_AT_MOST;
    for (size_t n = 0; fit && n < forest->node_count; n++) {
        const struct forest_node *leaf = &forest->nodes[n];
        if (leaf->feature != FOREST_LEAF || only_vote(b, leaf)) {
            continue;
        }
        for (uint32_t v = leaf->left; v < leaf->right; v++) {
            size_t *last = &voter[forest->votes[v].label];
            fit = fit && *last != n + 1;
            *last = n + 1;
        }
        ++*count;
    }
    free(voter);
    return fit;
}

/* The payload of leaf `node`, which has not just one vote; `used` rows are taken. */
static uint32_t several_payload(struct builder *b, size_t node, size_t *used)
{
    float *row = b->layout->several;
    if (!row) {
        return PAYLOAD_SEVERAL | (uint32_t)node;
    }
    size_t classes = (size_t)b->forest->classes;
    row += *used * classes;
    for (size_t c = 0; c < classes; c++) {
        row[c] = -0.0F;
    }
    const struct forest_node *leaf = &b->forest->nodes[node];
    for (uint32_t v = leaf->left; v < leaf->right; v++) {
        row[b->forest->votes[v].label] = b->forest->votes[v].weight;
    }
    return PAYLOAD_SEVERAL | (uint32_t)(*used)++;
}

/* Where every leaf has one vote and all weigh the same, a class's sum depends on nothing but their
 * number: each rounding is that of the sum before it. */
static double *sums_of_votes(const struct builder *b, bool several)
{
    const struct layout_vote *votes = b->layout->votes;
    if (several || b->layout->vote_count > COUNTED_VOTES || b->forest->base) {
        return NULL;
    }
    for (size_t i = 1; i < b->layout->vote_count; i++) {
        if (votes[i].weight != votes[0].weight) {
            return NULL;
        }
    }
    double *sums = xcalloc(b->forest->trees + 1, sizeof *sums);
    for (size_t i = 1; i <= b->forest->trees; i++) {
        sums[i] = sums[i - 1] + votes[0].weight;
    }
    return sums;
}

/* Gives each leaf its payload: a forest grown to purity has one distinct vote a class. */
static void find_votes(struct builder *b)
{
    const struct forest *forest = b->forest;
    struct vote_set set = {0};
    size_t rows = 0, rows_used = 0;
    bool several = false;
    b->no_zeros = zeros_do_nothing(forest);
    if (fit_in_rows(b, &rows)) {
        b->layout->several = xcalloc(rows + 1, (size_t)forest->classes * sizeof(float));
    }
    for (size_t n = 0; n < forest->node_count; n++) {
        const struct forest_node *leaf = &forest->nodes[n];
        if (leaf->feature != FOREST_LEAF) {
            continue;
        }
        const struct forest_vote *vote = only_vote(b, leaf);
        if (!vote) {
            several = true;
            b->payload[n] = several_payload(b, n, &rows_used);
            continue;
        }
        if (set.used * 2 >= set.room) {
            vote_set_grow(&set);
        }
        uint32_t *slot = vote_slot(&set, vote);
        if (!*slot) {
            set.votes[set.used++] = *vote;
            *slot = (uint32_t)set.used;
        }
        b->payload[n] = *slot - 1;
    }
    b->layout->votes = xcalloc(set.used, sizeof *b->layout->votes);
    for (size_t i = 0; i < set.used; i++) {
        b->layout->votes[i] = (struct layout_vote){(double)set.votes[i].weight, set.votes[i].label};
    }
    b->layout->vote_count = set.used;
    b->layout->sums = sums_of_votes(b, several);
    free(set.votes);
    free(set.slots);
}

/* ---- the places of nodes ---- */

/* Subtrees of one tree that wait for a place. */
struct waiting {
    uint32_t node; /* whose children want a place */
    uint32_t at;   /* where the node itself stands */
};

struct placing {
    const struct forest *forest;
    uint32_t root;
    uint32_t *weight; /* [nodes of the tree]: nodes below, itself included */
    uint64_t *to;
    size_t used; /* places taken */
    struct waiting *stack;
    size_t stacked;
};

static bool is_leaf(const struct placing *p, uint32_t node)
{
    return p->forest->nodes[node].feature == FOREST_LEAF;
}

static void put(struct builder *b, struct placing *p, uint32_t node, uint32_t at, uint32_t child)
{
    const struct forest_node *from = &b->forest->nodes[node];
    const struct forest_layout *layout = b->layout;
    uint64_t key, column, pair;
    if (from->feature == FOREST_LEAF) {
        key = b->payload[node];
        column = layout->columns - CONSTANT_COLUMNS + at % 2;
        pair = at / 2;
    } else {
        key = layout_key(from->threshold);
        column =
            b->column_of[goes_left(b->forest, node) * b->forest->features + (size_t)from->feature];
        pair = child / 2;
    }
    p->to[at] = key << 32 | pair << layout->offset_bits | column * LANES;
}

/* Fills what is left of the cache line at hand with the heaviest pairs below one node; the nodes
 * whose children found no room wait on the stack, the heaviest on top. */
static void fill_line(struct builder *b, struct placing *p, struct waiting root)
{
    struct waiting open[LINE_NODES + 1] = {root};
    size_t opened = 1;
    do {
        size_t best = 0;
        for (size_t i = 1; i < opened; i++) {
            best =
                p->weight[open[i].node - p->root] > p->weight[open[best].node - p->root] ? i : best;
        }
        struct waiting take = open[best];
        open[best] = open[--opened];
        const struct forest_node *node = &p->forest->nodes[take.node];
        uint32_t child = (uint32_t)p->used;
        p->used += 2;
        put(b, p, take.node, take.at, child);
        for (uint32_t side = 0; side < 2; side++) {
            uint32_t below = side ? node->right : node->left;
            if (is_leaf(p, below)) {
                put(b, p, below, child + side, 0);
            } else {
                open[opened++] = (struct waiting){below, child + side};
            }
        }
    } while (opened > 0 && p->used % LINE_NODES != 0);
    while (opened > 0) { /* lightest first */
        size_t least = 0;
        for (size_t i = 1; i < opened; i++) {
            least = p->weight[open[i].node - p->root] < p->weight[open[least].node - p->root]
                        ? i
                        : least;
        }
        p->stack[p->stacked++] = open[least];
        open[least] = open[--opened];
    }
}

/* About the depth at which a third of the rows have arrived: measured on trees grown to purity, 1.2
 * times that of a balanced tree. */
static uint32_t first_steps(size_t nodes)
{
    return (uint32_t)(1.2 * log2((double)(nodes + 1) / 2));
}

static void place_tree(void *context, size_t tree, unsigned worker)
{
    (void)worker;
    struct builder *b = context;
    const struct forest *forest = b->forest;
    uint32_t root = forest->roots[tree];
    size_t count = forest_tree_end(forest, tree) - root;
    struct placing p = {.forest = forest, .root = root, .to = b->layout->nodes + b->first[tree]};
    p.weight = xcalloc(count, sizeof *p.weight);
    p.stack = xcalloc(count / 2 + 1, sizeof *p.stack);
    for (size_t i = count; i-- > 0;) { /* children stand behind their parents */
        const struct forest_node *node = &forest->nodes[root + i];
        p.weight[i] = node->feature == FOREST_LEAF
                          ? 1
                          : 1 + p.weight[node->left - root] + p.weight[node->right - root];
    }
    p.used = 2; /* the root has no sibling */
    if (is_leaf(&p, root)) {
        put(b, &p, root, 0, 0);
    } else {
        p.stack[p.stacked++] = (struct waiting){root, 0};
    }
    while (p.stacked > 0) {
        fill_line(b, &p, p.stack[--p.stacked]);
    }
    b->layout->trees[tree].nodes = p.to;
    b->layout->trees[tree].node_count = p.used;
    b->layout->trees[tree].first_steps = first_steps(count);
    free(p.weight);
    free(p.stack);
}

/* Zeroed memory for nodes or lines, in pages as large as the machine gives: with pages of 4 KiB the
 * walks through a forest of 16 MB miss the TLB so often that prediction takes up to twice the time.
 * Not malloc's: it hands out memory again whose pages are small already. */
static void *get_memory(struct forest_layout *layout, size_t bytes)
{
    if (bytes < HUGE_PAGE_BYTES) {
        layout->memory = aligned_alloc(LINE_BYTES, bytes + LINE_BYTES);
        if (!layout->memory) {
            out_of_memory();
        }
        return memset(layout->memory, 0, bytes + LINE_BYTES);
    }
    layout->mapped_bytes = (bytes / HUGE_PAGE_BYTES + 2) * HUGE_PAGE_BYTES;
    layout->memory = mmap(NULL, layout->mapped_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (layout->memory == MAP_FAILED) {
        out_of_memory();
    }
    (void)madvise(layout->memory, layout->mapped_bytes, MADV_HUGEPAGE); /* a wish */
    uintptr_t begin = (uintptr_t)layout->memory + HUGE_PAGE_BYTES - 1;
    return (void *)(begin / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES);
}

/* ---- lines ---- */

/* Numbers the distinct leaves of each tree; returns the most that one has. Where votes are counted
 * a leaf's number is its vote's. */
static size_t find_leaf_lines(struct builder *b)
{
    const struct forest *forest = b->forest;
    size_t several = forest->node_count, votes = b->layout->vote_count, most = 0;
    struct {
        size_t tree; /* + 1: the last one that has it */
        uint32_t line;
    } *seen = xcalloc(votes + several, sizeof *seen);
    for (size_t t = 0; t < forest->trees; t++) {
        uint32_t used = 0;
        for (size_t n = forest->roots[t]; n < forest_tree_end(forest, t); n++) {
            if (forest->nodes[n].feature != FOREST_LEAF) {
                continue;
            }
            size_t number = b->payload[n] & ~PAYLOAD_SEVERAL;
            number += b->payload[n] & PAYLOAD_SEVERAL ? votes : 0;
            if (seen[number].tree != t + 1) {
                seen[number].tree = t + 1;
                seen[number].line = b->layout->sums ? (uint32_t)number : used++;
            }
            b->leaf_line[n] = seen[number].line;
        }
        most = used > most ? used : most;
    }
    free(seen);
    return b->layout->sums ? votes : most;
}

struct lines_job {
    struct builder *builder;
    struct lines_source source;
    struct lines_tree *made; /* [trees] */
};

static void pack_tree(void *context, size_t tree, unsigned worker)
{
    (void)worker;
    const struct lines_job *job = context;
    job->made[tree] = lines_pack(&job->source, tree);
}

/* Moves a tree's lines to where they stay. */
static void place_lines(void *context, size_t tree, unsigned worker)
{
    (void)worker;
    const struct lines_job *job = context;
    const struct builder *b = job->builder;
    const struct lines_tree *made = &job->made[tree];
    struct layout_line *to = b->layout->lines[tree];
    for (size_t n = b->forest->roots[tree]; n < forest_tree_end(b->forest, tree); n++) {
        if (b->forest->nodes[n].feature == FOREST_LEAF) {
            lines_place_leaf(&to[b->leaf_line[n]], b->leaf_line[n], b->payload[n]);
        }
    }
    if (made->count > 0) {
        memcpy(to + job->source.leaf_lines, made->lines, made->count * sizeof *to);
    }
    b->layout->trees[tree].root = made->root;
    b->layout->trees[tree].line_count = made->count;
    b->layout->trees[tree].first_steps = made->first_steps;
}

/* Is there room for the numbers, and for the leaves? A walk's last fetch is its leaf's line. Where
 * trees have many distinct leaves these leave no room in the cache: with 10,000 a tree, lines took
 * 1.35 of the time that nodes take; with as many as branches' lines, or with 800 a tree, as long;
 * with fewer, less (down to 0.55). */
static bool lines_pay(const struct lines_job *job)
{
    size_t trees = job->source.forest->trees, leaves = job->source.leaf_lines, branches = 0;
    for (size_t t = 0; t < trees; t++) {
        branches += job->made[t].count;
        if (leaves + job->made[t].count > LINE_NUMBERS) {
            return false;
        }
    }
    return leaves <= FEW_LEAF_LINES || leaves * trees <= branches;
}

static void keep_lines(struct lines_job *job, unsigned threads)
{
    struct forest_layout *layout = job->builder->layout;
    size_t trees = job->source.forest->trees, count = 0;
    for (size_t t = 0; t < trees; t++) {
        count += job->source.leaf_lines + job->made[t].count;
    }
    struct layout_line *at = get_memory(layout, count << LINE_SHIFT);
    layout->lines = xcalloc(trees + LINE_LANES, sizeof *layout->lines);
    for (size_t t = 0; t < trees; t++) {
        layout->lines[t] = at;
        at += job->source.leaf_lines + job->made[t].count;
    }
    for (size_t t = trees; t < trees + LINE_LANES; t++) {
        layout->lines[t] = layout->lines[trees - 1];
    }
    layout->leaf_lines = (uint32_t)job->source.leaf_lines;
    parallel_for(threads, trees, place_lines, job);
}

/* Finds the best road for lines that the form allows; false: there is none. */
static bool find_road(struct forest_layout *layout, enum layout_form form)
{
    for (int road = LINE_ROADS - 1; road >= 0; road--) {
        layout->road = (enum line_road)road;
        if ((form == LAYOUT_BEST || (int)form == LAYOUT_LINES + road) &&
            lines_fit(layout->road, layout->columns - CONSTANT_COLUMNS)) {
            return true;
        }
    }
    return false;
}

/* Makes lines where they fit; false: they do not. */
static bool make_lines(struct builder *b, enum layout_form form, unsigned threads)
{
    const struct forest *forest = b->forest;
    struct forest_layout *layout = b->layout;
    if (!find_road(layout, form)) {
        return false;
    }
    b->leaf_line = xcalloc(forest->node_count, sizeof *b->leaf_line);
    layout->shapes = xcalloc(1, sizeof *layout->shapes);
    struct lines_job job = {
        .builder = b,
        .source = {forest, b->column_of, b->leaf_line, find_leaf_lines(b), layout->shapes},
        .made = xcalloc(forest->trees, sizeof *job.made),
    };
    lines_find_shapes(forest, layout->shapes);
    parallel_for(threads, forest->trees, pack_tree, &job);
    bool pay = lines_pay(&job);
    if (pay) {
        keep_lines(&job, threads);
    }
    for (size_t t = 0; t < forest->trees; t++) {
        free(job.made[t].lines);
    }
    free(job.made);
    return pay;
}

/* ---- the whole ---- */

/* Finds the number of bits for columns, such that every tree's pairs fit into the others. */
static bool find_offset_bits(const struct builder *b)
{
    uint64_t pairs = 0, offsets = b->layout->columns * LANES;
    for (size_t t = 0; t < b->forest->trees; t++) {
        uint64_t these = (b->first[t + 1] - b->first[t]) / 2;
        pairs = these > pairs ? these : pairs;
    }
    unsigned bits = OFFSET_BITS_NARROW;
    if (offsets > UINT64_C(1) << bits || pairs > UINT64_C(1) << bits) {
        for (bits = 0; offsets > UINT64_C(1) << bits;) {
            bits++;
        }
    }
    b->layout->offset_bits = bits;
    return bits < 32 && pairs <= UINT64_C(1) << (32 - bits);
}

static void make_nodes(struct builder *b, unsigned threads)
{
    const struct forest *forest = b->forest;
    b->first[0] = 0;
    for (size_t t = 0; t < forest->trees; t++) {
        size_t nodes = forest_tree_end(forest, t) - forest->roots[t] + 1; /* the root is alone */
        b->first[t + 1] = b->first[t] + (nodes + LINE_NODES - 1) / LINE_NODES * LINE_NODES;
    }
    if (find_offset_bits(b)) {
        size_t bytes = b->first[forest->trees] * sizeof *b->layout->nodes;
        b->layout->nodes = get_memory(b->layout, bytes);
        parallel_for(threads, forest->trees, place_tree, b);
    }
}

struct forest_layout *layout_new(const struct forest *forest, enum layout_form form,
                                 unsigned threads)
{
    struct forest_layout *layout = xcalloc(1, sizeof *layout);
    struct builder b = {.forest = forest, .layout = layout};
    if (forest->node_count >= PAYLOAD_SEVERAL) {
        return layout;
    }
    b.column_of = xcalloc(2 * forest->features, sizeof *b.column_of);
    b.first = xcalloc(forest->trees + 1, sizeof *b.first);
    b.payload = xcalloc(forest->node_count, sizeof *b.payload);
    layout->trees = xcalloc(forest->trees, sizeof *layout->trees);
    find_columns(&b);
    find_votes(&b);
    if (!make_lines(&b, form, threads)) {
        make_nodes(&b, threads);
    }
    free(b.leaf_line);
    free(b.payload);
    free(b.column_of);
    free(b.first);
    return layout;
}

void layout_free(struct forest_layout *layout)
{
    if (layout) {
        free(layout->column);
        free(layout->trees);
        free(layout->votes);
        free(layout->several);
        free(layout->sums);
        free(layout->lines);
        free(layout->shapes);
        if (layout->mapped_bytes) {
            (void)munmap(layout->memory, layout->mapped_bytes);
        } else {
            free(layout->memory);
        }
        free(layout);
    }
}
