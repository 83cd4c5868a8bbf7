/* Probabilities of rows: votes of the trees, summed in double, tree by tree. Reads a forest and X,
 * writes P. Blocks of rows are the tasks, so that a row's sum never depends on the threads.
 *
 * Three roads with the same bits. The plain one follows a row at a time through the forest as it is
 * stored. The others let several walks go on at once, so that the fetches of one hide behind the
 * others, and have no branch that depends on the data: a walk that has arrived stands still, and
 * those that have not are gathered anew every few steps. One goes node by node (layout.c) on any
 * machine; one takes eight of them a step, where AVX2 or AVX-512 and the number of columns allow
 * (lines.c). On 2 million nodes (160,000 x 9, 100 trees, shared with other work) a second of one
 * core makes 57,000 rows on the plain road, 320,000 to 380,000 node by node and 1,100,000 by lines
 * with AVX-512 (AMD Zen 4); 300,000 to 360,000 node by node and 700,000 to 800,000 by lines with
 * AVX2 (Zen 3). AVX-512 gathers node by node were a third slower than scalar walks; several trees a
 * pass over the rows no faster; sorting rows by where 31 nodes on top of the tree send them, so
 * that neighbours share the rest, no faster either. */
#include "forest/forest.h"

#include "base/arena.h"
#include "base/parallel.h"
#include "forest/impl.h"
#include "forest/layout.h"

#include <stdlib.h>
#include <string.h>

/* Large blocks, so that a tree that was fetched into the cache serves many rows, but not so large
 * that the block itself leaves it: by lines, 2,048 rows gave 0.8 of the speed of 8,192, and 40,960
 * that of 20,480. Smaller ones when there are too few rows to keep all threads busy, or when a
 * block would take more than BLOCK_KEYS. */
enum {
    MIN_BLOCK_ROWS = 64,
    MAX_BLOCK_ROWS = 20480,
    BLOCKS_PER_THREAD = 2,
    BLOCK_KEYS = 1 << 20 /* 8 MiB */
};

enum {
    CHUNK = LINE_WALKS, /* walks of one tree at a time: their keys stay in the first caches */
    LATER_STEPS = 4,    /* before those that have not arrived are gathered */
    FEW_WALKS = 4,      /* go on one by one */
    FEW_ROWS = 8,       /* these go one by one, through many trees at once */
    LAYOUT_PAYS = 3,    /* nodes are laid out in the time that the fast road saves on a walk */
    FETCH_ROWS = 256,   /* fewer leave most of a large tree untouched */
    CACHE_LINE = 64,
};

struct prediction {
    const struct forest *forest;
    const struct forest_layout *layout; /* NULL: the plain road */
    const float *x;
    size_t rows, block_rows;
    double *prob;
};

static void add_votes(const struct forest *forest, const struct forest_node *leaf, double *prob)
{
    for (uint32_t v = leaf->left; v < leaf->right; v++) {
        prob[forest->votes[v].label] += (double)forest->votes[v].weight;
    }
}

/* ---- the plain road ---- */

static void add_plain(const struct forest *forest, const float *x, size_t rows, double *prob)
{
    for (size_t tree = 0; tree < forest->trees; tree++) { /* outside: a tree stays in the cache */
        for (size_t row = 0; row < rows; row++) {
            add_votes(forest, forest_leaf(forest, tree, x + row * forest->features),
                      prob + row * (size_t)forest->classes);
        }
    }
}

/* ---- node by node ---- */

/* One walk: of row `item` through the tree at hand, or of the row at hand through tree `item`. */
struct walk {
    uint32_t item;
    uint32_t at; /* node */
};

/* What walks go through. `by_tree`, a constant where functions are inlined, says what items are:
 * trees of the one row, or rows in the one tree. So is `narrow`: offset_bits is
 * OFFSET_BITS_NARROW. */
struct walks {
    const struct forest_layout *layout;
    const uint64_t *keys; /* of the rows, [rows / LANES][columns][LANES]; the one row's */
    const struct layout_tree *trees; /* the one tree, or trees[item] */
    uint32_t *payload;               /* of the leaf where `item` arrived; [items] */
};

#define INLINE static inline __attribute__((always_inline))

/* The step that all time goes into. (With the comparison's carry added by an instruction of x86-64
 * that compilers do not find here it was 5 to 15 % faster: not worth assembly, now that lines are
 * faster still where that would matter.) */
INLINE uint32_t next_node(uint64_t node, const uint64_t *keys, unsigned bits)
{
    uint32_t low = (uint32_t)node;
    uint32_t pair = low >> bits;
    uint32_t right = keys[low & ((UINT32_C(1) << bits) - 1)] > node;
    return 2 * pair + right;
}

INLINE unsigned bits_of(const struct walks *w, bool narrow)
{
    return narrow ? (unsigned)OFFSET_BITS_NARROW : w->layout->offset_bits;
}

/* Where the values of row `row` begin; they are LANES apart. */
INLINE const uint64_t *keys_of(const struct forest_layout *layout, const uint64_t *keys, size_t row)
{
    return keys + row / LANES * LANES * layout->columns + row % LANES;
}

INLINE const uint64_t *keys_of_item(const struct walks *w, uint32_t item, bool by_tree)
{
    return by_tree ? w->keys : keys_of(w->layout, w->keys, item);
}

/* The first steps of the rows that begin at `first`, LANES at once: all from the root, their values
 * side by side. */
INLINE void start_rows(const struct walks *w, size_t first, uint32_t steps, struct walk *walk,
                       bool narrow)
{
    unsigned bits = bits_of(w, narrow);
    const uint64_t *nodes = w->trees->nodes, *keys = w->keys + first * w->layout->columns;
    uint32_t at[LANES] = {0};
    for (uint32_t step = 0; step < steps; step++) {
#pragma GCC unroll 8
        for (int lane = 0; lane < LANES; lane++) {
            at[lane] = next_node(nodes[at[lane]], keys + lane, bits);
        }
    }
    for (uint32_t lane = 0; lane < LANES; lane++) {
        walk[first + lane] = (struct walk){(uint32_t)first + lane, at[lane]};
    }
}

/* `steps` steps of LANES walks, wherever they are. */
INLINE void advance(const struct walks *w, struct walk *walk, uint32_t steps, bool by_tree,
                    bool narrow)
{
    unsigned bits = bits_of(w, narrow);
    const uint64_t *nodes[LANES], *keys[LANES];
    uint32_t at[LANES];
    for (int lane = 0; lane < LANES; lane++) {
        at[lane] = walk[lane].at;
        nodes[lane] = w->trees[by_tree ? walk[lane].item : 0].nodes;
        keys[lane] = keys_of_item(w, walk[lane].item, by_tree);
    }
    for (uint32_t step = 0; step < steps; step++) {
#pragma GCC unroll 8
        for (int lane = 0; lane < LANES; lane++) {
            const uint64_t *from = nodes[by_tree ? lane : 0];
            at[lane] = next_node(from[at[lane]], keys[by_tree ? 0 : lane], bits);
        }
    }
    for (int lane = 0; lane < LANES; lane++) {
        walk[lane].at = at[lane];
    }
}

/* Takes the payload where each walk stands, and keeps the walks that have not arrived. */
INLINE size_t keep_going(const struct walks *w, struct walk *walk, size_t count, bool by_tree,
                         bool narrow)
{
    uint32_t mask = (UINT32_C(1) << bits_of(w, narrow)) - 1;
    uint32_t constant = (uint32_t)(w->layout->columns - CONSTANT_COLUMNS) * LANES;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct walk one = walk[i];
        uint64_t node = w->trees[by_tree ? one.item : 0].nodes[one.at];
        w->payload[one.item] = (uint32_t)(node >> 32);
        walk[kept] = one;
        kept += ((uint32_t)node & mask) < constant;
    }
    return kept;
}

/* Walks all `count` items (at most CHUNK) to their leaves. */
INLINE void walk_all(const struct walks *w, size_t count, uint32_t steps, bool by_tree, bool narrow)
{
    struct walk walk[CHUNK + LANES];
    for (size_t first = 0; first < count && !by_tree; first += LANES) {
        start_rows(w, first, steps, walk, narrow);
    }
    for (size_t i = 0; i < count && by_tree; i++) {
        walk[i] = (struct walk){.item = (uint32_t)i};
    }
    if (!by_tree) {
        count = keep_going(w, walk, count, by_tree, narrow);
        steps = LATER_STEPS;
    }
    while (count > FEW_WALKS) {
        size_t filled = count;
        for (; filled % LANES != 0; filled++) {
            walk[filled] = walk[count - 1]; /* twice the same walk does no harm */
        }
        for (size_t first = 0; first < filled; first += LANES) {
            advance(w, walk + first, steps, by_tree, narrow);
        }
        count = keep_going(w, walk, count, by_tree, narrow);
        steps = LATER_STEPS;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t item = walk[i].item, at = walk[i].at;
        const uint64_t *nodes = w->trees[by_tree ? item : 0].nodes;
        const uint64_t *keys = keys_of_item(w, item, by_tree);
        for (uint32_t from = UINT32_MAX; from != at;) {
            from = at;
            at = next_node(nodes[from], keys, bits_of(w, narrow));
        }
        w->payload[item] = (uint32_t)(nodes[at] >> 32);
    }
}

/* The walks of rows through one tree, and of one row through trees. */
static void walk_rows(const struct walks *w, size_t count)
{
    if (w->layout->offset_bits == OFFSET_BITS_NARROW) {
        walk_all(w, count, w->trees->first_steps, false, true);
    } else {
        walk_all(w, count, w->trees->first_steps, false, false);
    }
}

static void walk_trees(const struct walks *w, size_t count)
{
    walk_all(w, count, w->trees->first_steps, true, false);
}

/* ---- both fast roads ---- */

/* Rows as keys. */
struct converted {
    const struct forest_layout *layout;
    size_t rows;
    uint64_t *wide;      /* for nodes: [rows / LANES][columns][LANES], see layout.h */
    uint32_t *narrow;    /* for lines: [rows][stride] */
    uint32_t *by_column; /* the same values: [rows / CHUNK][columns][CHUNK] */
    size_t stride;
};

static uint32_t key_of(const struct layout_column *column, const float *x)
{
    float value = x[column->feature];
    return isnan(value) ? column->missing : layout_key(value);
}

static void convert_row(struct converted *to, size_t row, const float *x)
{
    const struct layout_column *column = to->layout->column;
    size_t columns = to->layout->columns - CONSTANT_COLUMNS;
    if (!to->layout->lines) {
        uint64_t *keys = (uint64_t *)(uintptr_t)keys_of(to->layout, to->wide, row);
        for (size_t c = 0; c < columns; c++) {
            keys[c * LANES] = (uint64_t)key_of(&column[c], x) << 32;
        }
        keys[(columns + 1) * LANES] = UINT64_MAX;
        return;
    }
    uint32_t *by_column = to->by_column + row / CHUNK * CHUNK * columns + row % CHUNK;
    for (size_t c = 0; c < columns; c++) {
        uint32_t key = line_key(key_of(&column[c], x));
        to->narrow[row * to->stride + c] = by_column[c * CHUNK] = key;
    }
}

/* Zeros, aligned to a cache line. */
static uint32_t *new_narrow(size_t count)
{
    size_t bytes = (count * sizeof(uint32_t) / CACHE_LINE + 1) * CACHE_LINE;
    uint32_t *made = aligned_alloc(CACHE_LINE, bytes);
    if (!made) {
        out_of_memory();
    }
    return memset(made, 0, bytes);
}

static struct converted convert(const struct forest *forest, const struct forest_layout *layout,
                                const float *x, size_t rows)
{
    size_t columns = layout->columns - CONSTANT_COLUMNS;
    struct converted to = {.layout = layout, .rows = rows};
    if (layout->lines) {
        size_t chunks = (rows + CHUNK - 1) / CHUNK;
        to.stride = lines_stride(layout->road, columns);
        to.narrow = new_narrow((rows + LINE_LANES) * to.stride + LINE_COLUMNS);
        to.by_column = xcalloc(chunks * CHUNK * columns + 1, sizeof *to.by_column);
    } else {
        to.wide = xcalloc((rows + LANES - 1) / LANES * LANES * layout->columns, sizeof *to.wide);
    }
    for (size_t row = 0; row < rows; row++) {
        convert_row(&to, row, x + row * forest->features);
    }
    return to;
}

/* payload[count] of the rows from `first` on, in tree `tree`; where votes are counted these are the
 * numbers of votes. */
static void find_leaves(const struct converted *c, size_t tree, size_t first, size_t count,
                        uint32_t *payload)
{
    const struct forest_layout *layout = c->layout;
    const struct layout_tree *t = &layout->trees[tree];
    if (!layout->lines) {
        const struct walks w = {layout, c->wide + first * layout->columns, t, payload};
        walk_rows(&w, count);
        return;
    }
    const struct layout_line *lines = layout->lines[tree];
    const struct line_walks w = {
        .road = layout->road,
        .lines = &lines,
        .exit = layout->shapes->exit,
        .bits = layout->shapes->bits,
        .leaf_lines = layout->leaf_lines,
        .keys = c->narrow + first * c->stride,
        .stride = c->stride,
        .by_column = c->by_column + first * (layout->columns - CONSTANT_COLUMNS),
    };
    for (size_t i = 0; i < count; i++) {
        payload[i] = t->root;
    }
    lines_walk(&w, payload, count, t->first_steps);
    for (size_t i = 0; i < count && !layout->sums; i++) {
        payload[i] = lines[payload[i]].key[0];
    }
}

/* payload[count] of row `row`, in the trees from `first` on. */
static void find_leaves_of_row(const struct converted *c, size_t row, size_t first, size_t count,
                               uint32_t *payload)
{
    const struct forest_layout *layout = c->layout;
    const struct layout_tree *trees = &layout->trees[first];
    if (!layout->lines) {
        const struct walks w = {layout, keys_of(layout, c->wide, row), trees, payload};
        walk_trees(&w, count);
        return;
    }
    const struct line_walks w = {
        .road = layout->road,
        .lines = (const struct layout_line *const *)layout->lines + first,
        .exit = layout->shapes->exit,
        .bits = layout->shapes->bits,
        .leaf_lines = layout->leaf_lines,
        .keys = c->narrow + row * c->stride,
        .stride = c->stride,
    };
    for (size_t i = 0; i < count; i++) {
        payload[i] = trees[i].root;
    }
    lines_walk(&w, payload, count, trees->first_steps);
    for (size_t i = 0; i < count && !layout->sums; i++) {
        payload[i] = layout->lines[first + i][payload[i]].key[0];
    }
}

/* Adds the votes of a leaf. Those of several classes as a row of all of them: trees of depth 8 (six
 * classes) then take 60 % of the time that a walk through their votes takes. */
static inline void add_payload(const struct forest *forest, const struct forest_layout *layout,
                               uint32_t payload, double *prob)
{
    size_t number = payload & ~PAYLOAD_SEVERAL, classes = (size_t)forest->classes;
    if (number == payload) {
        prob[layout->votes[number].label] += layout->votes[number].weight;
    } else if (layout->several) {
        const float *weight = layout->several + number * classes;
        for (size_t c = 0; c < classes; c++) {
            prob[c] += (double)weight[c];
        }
    } else {
        add_votes(forest, &forest->nodes[number], prob);
    }
}

/* Reads a tree into the cache, front to back, which memory does at full speed: left to the walks,
 * which come by in no order, it was half of the time. (Asked for by prefetch instructions instead,
 * hardly anything came.) */
static void fetch_tree(const struct forest_layout *layout, const struct layout_tree *tree)
{
    const char *at = (const char *)tree->nodes;
    size_t bytes = tree->node_count * sizeof *tree->nodes;
    if (layout->lines) {
        at = (const char *)(layout->lines[tree - layout->trees] + layout->leaf_lines);
        bytes = tree->line_count << LINE_SHIFT;
    }
    for (const char *end = at + bytes; at < end; at += CACHE_LINE) {
        (void)*(const volatile char *)at;
    }
}

/* Votes so far: sums in `prob`, or, where votes can be counted, their numbers. */
struct tally {
    const struct forest *forest;
    const struct forest_layout *layout;
    double *prob;    /* [rows][classes] */
    uint64_t *votes; /* [rows]: 8 bits a vote of the layout; NULL: sums */
    uint32_t *total; /* [rows][COUNTED_VOTES]: those that were moved out of `votes` */
};

enum { VOTE_BITS = 8, MOST_VOTES = (1 << VOTE_BITS) - 1 };

static void add_payloads(const struct tally *t, const uint32_t *payload, size_t first, size_t count)
{
    size_t classes = (size_t)t->forest->classes;
    for (size_t i = 0; i < count; i++) {
        if (t->votes) {
            t->votes[first + i] += UINT64_C(1) << (payload[i] * VOTE_BITS);
        } else {
            add_payload(t->forest, t->layout, payload[i], t->prob + (first + i) * classes);
        }
    }
}

static void empty_votes(const struct tally *t, size_t rows)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t v = 0; v < COUNTED_VOTES; v++) {
            t->total[row * COUNTED_VOTES + v] += t->votes[row] >> (v * VOTE_BITS) & MOST_VOTES;
        }
        t->votes[row] = 0;
    }
}

static void sum_votes(const struct tally *t, size_t rows)
{
    size_t classes = (size_t)t->forest->classes;
    for (size_t v = 0; v < t->layout->vote_count; v++) {
        double *prob = t->prob + t->layout->votes[v].label;
        for (size_t row = 0; row < rows; row++) {
            prob[row * classes] = t->layout->sums[t->total[row * COUNTED_VOTES + v]];
        }
    }
}

/* A tree at a time over all rows. */
static void add_rows(const struct forest *forest, const struct converted *c, double *prob)
{
    uint32_t payload[CHUNK + LINE_LANES];
    struct tally tally = {.forest = forest, .layout = c->layout, .prob = prob};
    if (c->layout->sums) {
        tally.votes = xcalloc(c->rows, sizeof *tally.votes);
        tally.total = xcalloc(c->rows * COUNTED_VOTES, sizeof *tally.total);
    }
    for (size_t tree = 0; tree < forest->trees; tree++) {
        if (c->rows >= FETCH_ROWS) {
            fetch_tree(c->layout, &c->layout->trees[tree]);
        }
        for (size_t first = 0; first < c->rows; first += CHUNK) {
            size_t count = c->rows - first < CHUNK ? c->rows - first : CHUNK;
            find_leaves(c, tree, first, count, payload);
            add_payloads(&tally, payload, first, count);
        }
        if (tally.votes && (tree % MOST_VOTES == MOST_VOTES - 1 || tree + 1 == forest->trees)) {
            empty_votes(&tally, c->rows);
        }
    }
    if (tally.votes) {
        sum_votes(&tally, c->rows);
    }
    free(tally.votes);
    free(tally.total);
}

/* A row through many trees at once, added in the order of the trees. */
static void add_row(const struct forest *forest, const struct converted *c, size_t row,
                    double *prob)
{
    uint32_t payload[CHUNK + LINE_LANES];
    for (size_t first = 0; first < forest->trees; first += CHUNK) {
        size_t count = forest->trees - first < CHUNK ? forest->trees - first : CHUNK;
        find_leaves_of_row(c, row, first, count, payload);
        for (size_t tree = 0; tree < count; tree++) {
            add_payload(forest, c->layout, payload[tree], prob);
        }
    }
}

static void add_fast(const struct forest *forest, const struct forest_layout *layout,
                     const float *x, size_t rows, double *prob)
{
    struct converted c = convert(forest, layout, x, rows);
    if (rows < FEW_ROWS) {
        for (size_t row = 0; row < rows; row++) {
            add_row(forest, &c, row, prob + row * (size_t)forest->classes);
        }
    } else {
        add_rows(forest, &c, prob);
    }
    free(c.wide);
    free(c.narrow);
    free(c.by_column);
}

/* ---- the whole ---- */

static void predict_block(void *context, size_t block, unsigned worker)
{
    (void)worker;
    const struct prediction *job = context;
    const struct forest *forest = job->forest;
    size_t classes = (size_t)forest->classes;
    size_t first = block * job->block_rows;
    size_t left = job->rows - first;
    size_t rows = left < job->block_rows ? left : job->block_rows;
    const float *x = job->x + first * forest->features;
    double *prob = job->prob + first * classes;
    for (size_t row = 0; row < rows; row++) {
        for (size_t c = 0; c < classes; c++) {
            prob[row * classes + c] = forest->base ? forest->base[c] : 0;
        }
    }
    if (job->layout) {
        add_fast(forest, job->layout, x, rows, prob);
    } else {
        add_plain(forest, x, rows, prob);
    }
    for (size_t row = 0; row < rows; row++) {
        forest_post_row(forest, prob + row * classes);
    }
}

/* The layout hangs on a forest that is otherwise constant: making it changes no result. */
static struct forest *mutable_forest(const struct forest *forest)
{
    return (struct forest *)(uintptr_t)forest;
}

void forest_compile(const struct forest *forest, unsigned threads)
{
    struct forest_layout *none = NULL;
    if (atomic_load(&forest->layout)) {
        return;
    }
    struct forest_layout *mine = layout_new(forest, LAYOUT_BEST, parallel_threads(threads));
    if (!atomic_compare_exchange_strong(&mutable_forest(forest)->layout, &none, mine)) {
        layout_free(mine); /* another thread was first */
    }
}

/* The layout, made when so many rows were predicted without that it would have paid. NULL: not yet,
 * or the forest does not fit into one. */
static const struct forest_layout *layout_for(const struct forest *forest, size_t rows,
                                              unsigned threads)
{
    if (!atomic_load(&forest->layout)) {
        size_t before = atomic_fetch_add(&mutable_forest(forest)->rows_predicted, rows);
        if ((before + rows) * forest->trees < forest->node_count / LAYOUT_PAYS) {
            return NULL;
        }
        forest_compile(forest, threads);
    }
    const struct forest_layout *layout = atomic_load(&forest->layout);
    return layout->nodes || layout->lines ? layout : NULL;
}

void forest_predict(const struct forest *forest, const float *x, size_t rows, unsigned threads,
                    double *prob)
{
    threads = rows > MIN_BLOCK_ROWS ? parallel_threads(threads) : 1;
    struct prediction job = {.forest = forest,
                             .layout = layout_for(forest, rows, threads),
                             .x = x,
                             .rows = rows,
                             .prob = prob};
    size_t most = job.layout ? BLOCK_KEYS / job.layout->columns : MAX_BLOCK_ROWS;
    most = most < MAX_BLOCK_ROWS ? most : MAX_BLOCK_ROWS;
    job.block_rows = rows / BLOCKS_PER_THREAD / threads;
    job.block_rows = job.block_rows < most ? job.block_rows : most;
    job.block_rows = job.block_rows > MIN_BLOCK_ROWS ? job.block_rows : MIN_BLOCK_ROWS;
    size_t blocks = rows / job.block_rows + (rows % job.block_rows != 0);
    parallel_for(threads, blocks, predict_block, &job);
}
