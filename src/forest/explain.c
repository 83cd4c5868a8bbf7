/* Exact TreeSHAP; see explain.h. Reads a forest with its counts and X, writes phi and base.
 *
 * One leaf with the unique features 1..d on its path is a game of its own: with z the share of
 * training rows that go the leaf's way at all splits on a feature, and o = 1 where the row does so
 * (else 0), a coalition S is worth  vote * product of o over S * product of z over the others. Its
 * multilinear extension (Owen, "Multilinear Extensions of Games", 1972) gives the Shapley value
 *
 *   phi_i = vote * (o_i - z_i) * integral over t in 0..1 of product over j != i of
 *                                                            (z_j (1 - t) + o_j t)
 *
 * which is Algorithm 2 of Lundberg et al. (2018) without its EXTEND and UNWIND. The integrand is a
 * polynomial of degree d - 1: Gauss-Legendre's rule with d/2 points is exact, and its terms are all
 * positive, so that nothing cancels. Of a leaf's features those that the row misses (o = 0) all get
 * the same share, as Yang (2021) noted.
 *
 * A leaf's shares depend on the row through the bits o alone. So a block of rows walks through a
 * tree together: every row carries a mask, a split clears one bit, and at a leaf the shares are
 * worked out once a mask (the idea of Fast TreeSHAP v2, without its tables of all masks).
 *
 * Memory: a worker keeps the path (depth * points), and the masks of one block a level. Of two
 * children the smaller goes first and the larger takes over its parent's masks, so that there are
 * no more than log2(nodes) levels, however deep the tree is. */
#include "forest/explain.h"

#include "forest/impl.h"

#include "base/arena.h"
#include "base/parallel.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMO_SLOTS = 12,     /* paths with more features are worked out row by row */
    DENSE_FEATURES = 16, /* up to here a leaf's shares are added as whole rows of phi */
    BLOCK_ROWS = 1024,
    BLOCK_CELLS = 1 << 17, /* doubles of phi in a block, at most */
    WAVE_BLOCKS = 8,       /* blocks that are worked on at a time ... */
    TREE_GROUPS = 8,       /* ... each in groups of trees: sums are formed group by group */
    MASK_BITS = 32,
};

#define NONE UINT32_MAX

/* ---- what is worked out before the rows come ---- */

struct shape {
    uint32_t *size;        /* [nodes]: of the subtree */
    uint64_t *votes_below; /* [nodes]: bit c % 64 of the classes that a leaf below votes for */
    size_t depth;          /* edges of the longest path of all trees */
    size_t slots;          /* different features on a path, at most */
    size_t nodes;          /* of the largest tree */
    size_t points;         /* of the quadrature */
    double *t;             /* [points]: in 0..1 */
    double *weight;        /* [points] */
};

/* Gauss-Legendre on 0..1: Newton's method on the Legendre polynomial of degree `points`, from
 * Chebyshev's guess (Press et al., Numerical Recipes, gauleg). */
static void quadrature(size_t points, double *t, double *weight)
{
    const double pi = 3.14159265358979323846;
    double n = (double)points;
    for (size_t i = 0; i < points; i++) {
        double x = cos(pi * ((double)i + 0.75) / (n + 0.5));
        double slope = 1;
        for (int step = 0; step < 100; step++) {
            double p = 1;
            double before = 0;
            for (size_t k = 1; k <= points; k++) {
                double next = ((2 * (double)k - 1) * x * p - ((double)k - 1) * before) / (double)k;
                before = p;
                p = next;
            }
            slope = n * (x * p - before) / (x * x - 1);
            double moved = p / slope;
            x -= moved;
            if (fabs(moved) < 1e-15) {
                break;
            }
        }
        t[i] = (1 - x) / 2;
        weight[i] = 1 / ((1 - x * x) * slope * slope);
    }
}

/* The share of training rows that go from a branch to its left child. */
static double share_left(const struct forest *forest, const struct forest_node *node)
{
    double left = (double)forest->cover[node->left];
    double both = left + (double)forest->cover[node->right];
    return both > 0 ? left / both : 0.5;
}

/* Adds a tree's votes to base[classes], each by the share of training rows that reach it, and
 * measures the tree. reach[nodes] and depth[nodes] are scratch memory, from the tree's root on. */
static void measure_tree(const struct forest *forest, uint32_t root, uint32_t end,
                         struct shape *shape, double *reach, uint32_t *depth, double *base)
{
    reach[root] = 1;
    depth[root] = 0;
    for (uint32_t i = root; i < end; i++) { /* parents stand in front of their children */
        const struct forest_node *node = &forest->nodes[i];
        if (node->feature == FOREST_LEAF) {
            for (uint32_t v = node->left; v < node->right; v++) {
                base[forest->votes[v].label] += reach[i] * (double)forest->votes[v].weight;
            }
            continue;
        }
        assert(node->left > i && node->right > i);
        double left = share_left(forest, node);
        reach[node->left] = reach[i] * left;
        reach[node->right] = reach[i] * (1 - left);
        depth[node->left] = depth[node->right] = depth[i] + 1;
        shape->depth = depth[i] + 1 > shape->depth ? depth[i] + 1 : shape->depth;
    }
    for (uint32_t i = end; i-- > root;) {
        const struct forest_node *node = &forest->nodes[i];
        shape->size[i] = 1;
        if (node->feature == FOREST_LEAF) {
            for (uint32_t v = node->left; v < node->right; v++) {
                shape->votes_below[i] |= UINT64_C(1) << (forest->votes[v].label % 64);
            }
        } else {
            shape->size[i] += shape->size[node->left] + shape->size[node->right];
            shape->votes_below[i] =
                shape->votes_below[node->left] | shape->votes_below[node->right];
        }
    }
    shape->nodes = end - root > shape->nodes ? end - root : shape->nodes;
}

static int check_cover(const struct forest *forest, struct error *err)
{
    if (!forest->cover) {
        return error_set(err,
                         "le modèle ne dit pas combien de lignes sont passées par chaque nœud, et "
                         "ne peut donc pas être expliqué ; entraînez-en un avec autostream train",
                         "the model does not tell how many rows came by each node and therefore "
                         "cannot be explained; train one with autostream train");
    }
    for (size_t i = 0; i < forest->node_count; i++) {
        if (!(forest->cover[i] >= 0 && forest->cover[i] <= 1e30F)) {
            return error_set(err,
                             "le modèle compte %g lignes au nœud %zu : ce n'est pas un nombre de "
                             "lignes ; entraînez-en un avec autostream train",
                             "the model counts %g rows at node %zu, which is no number of rows; "
                             "train one with autostream train",
                             (double)forest->cover[i], i);
        }
    }
    return 0;
}

static void fill_quadrature(struct shape *shape, struct arena *arena)
{
    shape->points = shape->slots > 1 ? (shape->slots + 1) / 2 : 1;
    shape->t = ARENA_NEW(arena, double, shape->points);
    shape->weight = ARENA_NEW(arena, double, shape->points);
    quadrature(shape->points, shape->t, shape->weight);
}

/* Everything that does not depend on rows; base[classes] as forest_explain() gives it. */
static int measure(const struct forest *forest, struct shape *shape, double *base,
                   struct arena *arena, struct error *err)
{
    if (check_cover(forest, err) != 0) {
        return -1;
    }
    struct arena scratch = {0};
    double *reach = ARENA_NEW(&scratch, double, forest->node_count);
    uint32_t *depth = ARENA_NEW(&scratch, uint32_t, forest->node_count);
    shape->size = ARENA_NEW(arena, uint32_t, forest->node_count);
    shape->votes_below = ARENA_NEW(arena, uint64_t, forest->node_count);
    for (int c = 0; c < forest->classes; c++) {
        base[c] = forest->base ? forest->base[c] : 0;
    }
    for (size_t tree = 0; tree < forest->trees; tree++) {
        size_t end = tree + 1 < forest->trees ? forest->roots[tree + 1] : forest->node_count;
        measure_tree(forest, forest->roots[tree], (uint32_t)end, shape, reach, depth, base);
    }
    arena_release(&scratch);
    if (forest->complement) {
        base[0] = forest->post == POST_NONE ? 1 - base[1] : -base[1];
    }
    shape->slots = shape->depth < forest->features ? shape->depth : forest->features;
    if (shape->slots > FOREST_EXPLAIN_FEATURES) {
        return error_set(err,
                         "un chemin du modèle peut passer par %zu variables différentes : au plus "
                         "%d peuvent être expliquées ; limitez la profondeur des arbres",
                         "a path of the model may ask for %zu different features: at most %d can "
                         "be explained; limit the depth of the trees",
                         shape->slots, (int)FOREST_EXPLAIN_FEATURES);
    }
    fill_quadrature(shape, arena);
    return 0;
}

/* ---- a block of rows on its way through a tree ---- */

struct job {
    const struct forest *forest;
    const struct shape *shape;
    const float *x;
    const size_t *order;        /* [rows]: rows, sorted by target; NULL: as they come */
    const int *target;          /* [rows], or NULL */
    size_t classes;             /* of phi: 1 with a target */
    size_t block_rows;          /* at most */
    size_t levels, words;       /* of the masks */
    const struct block *blocks; /* the blocks of this wave */
    double *partial;            /* [WAVE_BLOCKS][TREE_GROUPS][classes][block_rows][features] */
    struct walk *walks;         /* one a worker */
};

struct block {
    size_t first, rows; /* in the order */
    int target;         /* class of all its rows, or -1: all classes */
};

/* One edge of the path from the root. A feature has one slot however often it comes; the edges on
 * it are chained, and each holds what all of them together mean. */
struct step {
    uint32_t slot;
    uint32_t before; /* the edge before it on the same feature, or NONE */
    double share;    /* z */
};

/* A child that waits for its turn. */
struct pending {
    uint32_t parent, node;
    size_t path;        /* edges above it */
    size_t from, level; /* its parent's masks, and where its own go */
};

struct walk {
    const struct job *job;
    const struct block *block;
    double *phi; /* [classes][block_rows][features] of this block and group of trees */

    struct step *steps; /* [depth] */
    double *factor;     /* [depth][2][points]: z (1 - t) + o t for o = 0 and 1 */
    double *without;    /* [depth][2][points]: (o - z) / factor */
    size_t path;        /* edges */

    uint32_t *slot_step;    /* [slots]: the last edge on the slot's feature */
    uint32_t *slot_feature; /* [slots] */
    uint32_t *feature_slot; /* [features]: NONE where the path does not ask for it */
    size_t slots;

    float *columns;  /* [features][block_rows] */
    uint32_t *masks; /* [levels][words][block_rows]: bit s is set where the row goes the path's way
                        at every edge of slot s */
    struct pending *pending; /* [depth + 1] */

    uint32_t *memo;   /* [1 << MEMO_SLOTS]: 1 + index in `seen`, or 0 */
    uint32_t *seen;   /* [block_rows]: masks of this leaf */
    double *shares;   /* [block_rows][features or slots]: of a leaf that votes 1 */
    uint32_t *answer; /* [block_rows]: which of the shares is the row's */
    double *product;  /* [points] */
};

static void walk_open(struct walk *walk, const struct job *job)
{
    const struct shape *shape = job->shape;
    size_t features = job->forest->features;
    size_t depth = shape->depth + 1;
    size_t width = features <= DENSE_FEATURES ? features : shape->slots;
    walk->job = job;
    walk->steps = xcalloc(depth, sizeof *walk->steps);
    walk->factor = xcalloc(2 * depth * shape->points, sizeof *walk->factor);
    walk->without = xcalloc(2 * depth * shape->points, sizeof *walk->without);
    walk->slot_step = xcalloc(shape->slots + 1, sizeof *walk->slot_step);
    walk->slot_feature = xcalloc(shape->slots + 1, sizeof *walk->slot_feature);
    walk->feature_slot = xcalloc(features, sizeof *walk->feature_slot);
    walk->columns = xcalloc(features * job->block_rows, sizeof *walk->columns);
    walk->masks = xcalloc(job->levels * job->words * job->block_rows, sizeof *walk->masks);
    walk->pending = xcalloc(depth + 1, sizeof *walk->pending);
    walk->memo = xcalloc((size_t)1 << MEMO_SLOTS, sizeof *walk->memo);
    walk->seen = xcalloc(job->block_rows, sizeof *walk->seen);
    walk->shares = xcalloc(job->block_rows * (width + 1), sizeof *walk->shares);
    walk->answer = xcalloc(job->block_rows, sizeof *walk->answer);
    walk->product = xcalloc(shape->points, sizeof *walk->product);
    for (size_t f = 0; f < features; f++) {
        walk->feature_slot[f] = NONE;
    }
}

static void walk_close(struct walk *walk)
{
    free(walk->steps);
    free(walk->factor);
    free(walk->without);
    free(walk->slot_step);
    free(walk->slot_feature);
    free(walk->feature_slot);
    free(walk->columns);
    free(walk->masks);
    free(walk->pending);
    free(walk->memo);
    free(walk->seen);
    free(walk->shares);
    free(walk->answer);
    free(walk->product);
}

/* ---- the path ---- */

/* Goes back up to `path` edges. */
static void leave(struct walk *walk, size_t path)
{
    while (walk->path > path) {
        const struct step *step = &walk->steps[--walk->path];
        walk->slot_step[step->slot] = step->before;
        if (step->before == NONE) {
            walk->slots--; /* slots are given and taken back in turn */
            walk->feature_slot[walk->slot_feature[step->slot]] = NONE;
        }
    }
}

/* Goes down one edge on `feature` that `share` of the rows took. */
static uint32_t enter(struct walk *walk, uint32_t feature, double share)
{
    const struct shape *shape = walk->job->shape;
    size_t at = walk->path++;
    struct step *step = &walk->steps[at];
    uint32_t slot = walk->feature_slot[feature];
    if (slot == NONE) {
        slot = (uint32_t)walk->slots++;
        walk->feature_slot[feature] = slot;
        walk->slot_feature[slot] = feature;
        *step = (struct step){slot, NONE, share};
    } else {
        uint32_t before = walk->slot_step[slot];
        *step = (struct step){slot, before, walk->steps[before].share * share};
    }
    walk->slot_step[slot] = (uint32_t)at;
    double z = step->share;
    double *factor = &walk->factor[2 * at * shape->points];
    double *without = &walk->without[2 * at * shape->points];
    for (size_t q = 0; q < shape->points; q++) {
        double t = shape->t[q];
        double met = z * (1 - t) + t;
        factor[q] = z * (1 - t);
        without[q] = -1 / (1 - t); /* also where z = 0 */
        factor[shape->points + q] = met;
        without[shape->points + q] = (1 - z) / met;
    }
    return slot;
}

/* The masks of a child: its parent's, without the bit of `slot` where a row goes the other way. */
static void pass(struct walk *walk, const struct pending *next, uint32_t slot)
{
    const struct job *job = walk->job;
    const struct forest *forest = job->forest;
    const struct forest_node *parent = &forest->nodes[next->parent];
    size_t rows = walk->block->rows;
    size_t stride = job->words * job->block_rows;
    const uint32_t *from = &walk->masks[next->from * stride];
    uint32_t *to = &walk->masks[next->level * stride];
    if (next->from != next->level) {
        for (size_t w = 0; w < job->words; w++) {
            memcpy(&to[w * job->block_rows], &from[w * job->block_rows], rows * sizeof *to);
        }
    }
    to += slot / MASK_BITS * job->block_rows;
    const float *column = &walk->columns[(size_t)parent->feature * job->block_rows];
    float threshold = parent->threshold;
    uint32_t others = ~(UINT32_C(1) << slot % MASK_BITS);
    uint32_t when_left = next->node == parent->left ? ~UINT32_C(0) : others;
    uint32_t when_right = next->node == parent->left ? others : ~UINT32_C(0);
    if (forest->missing_left && forest->missing_left[next->parent]) {
        for (size_t r = 0; r < rows; r++) {
            to[r] &= column[r] > threshold ? when_right : when_left;
        }
    } else {
        for (size_t r = 0; r < rows; r++) {
            to[r] &= column[r] <= threshold ? when_left : when_right;
        }
    }
}

/* ---- a leaf ---- */

/* The shares of a leaf that votes 1 for a row with this mask (words `stride` apart): out[slot], or
 * out[feature] when `dense`, where features that are not on the path are left alone. Without a
 * branch on the mask: its bits are as good as random. */
static inline __attribute__((always_inline)) void solve_points(struct walk *walk,
                                                               const uint32_t *mask, size_t stride,
                                                               bool dense, size_t points,
                                                               double *product, double *out)
{
    const double *weight = walk->job->shape->weight;
    for (size_t q = 0; q < points; q++) {
        product[q] = weight[q];
    }
    for (size_t s = 0; s < walk->slots; s++) {
        size_t met = mask[s / MASK_BITS * stride] >> s % MASK_BITS & 1;
        const double *factor = &walk->factor[(2 * walk->slot_step[s] + met) * points];
        for (size_t q = 0; q < points; q++) {
            product[q] *= factor[q];
        }
    }
    for (size_t s = 0; s < walk->slots; s++) {
        size_t met = mask[s / MASK_BITS * stride] >> s % MASK_BITS & 1;
        const double *without = &walk->without[(2 * walk->slot_step[s] + met) * points];
        double share = 0;
        for (size_t q = 0; q < points; q++) {
            share += product[q] * without[q];
        }
        out[dense ? walk->slot_feature[s] : s] = share;
    }
}

static void solve(struct walk *walk, const uint32_t *mask, size_t stride, bool dense, double *out)
{
    double few[6];
    switch (walk->job->shape->points) { /* numbers that the compiler can unroll */
    case 1:
        solve_points(walk, mask, stride, dense, 1, few, out);
        break;
    case 2:
        solve_points(walk, mask, stride, dense, 2, few, out);
        break;
    case 3:
        solve_points(walk, mask, stride, dense, 3, few, out);
        break;
    case 4:
        solve_points(walk, mask, stride, dense, 4, few, out);
        break;
    case 5:
        solve_points(walk, mask, stride, dense, 5, few, out);
        break;
    case 6:
        solve_points(walk, mask, stride, dense, 6, few, out);
        break;
    default:
        solve_points(walk, mask, stride, dense, walk->job->shape->points, walk->product, out);
    }
}

/* Works the shares of a leaf out for every row of the block: row r's are at answer[r] * width. */
static void solve_rows(struct walk *walk, size_t level, bool dense, size_t width)
{
    const struct job *job = walk->job;
    size_t rows = walk->block->rows;
    const uint32_t *masks = &walk->masks[level * job->words * job->block_rows];
    if (walk->slots > MEMO_SLOTS) {
        for (size_t r = 0; r < rows; r++) {
            memset(&walk->shares[r * width], 0, width * sizeof *walk->shares);
            solve(walk, &masks[r], job->block_rows, dense, &walk->shares[r * width]);
            walk->answer[r] = (uint32_t)r;
        }
        return;
    }
    uint32_t known = 0;
    uint32_t on_path = (UINT32_C(1) << walk->slots) - 1;
    for (size_t r = 0; r < rows; r++) {
        uint32_t mask = masks[r] & on_path;
        if (walk->memo[mask] == 0) {
            memset(&walk->shares[known * width], 0, width * sizeof *walk->shares);
            solve(walk, &mask, 0, dense, &walk->shares[known * width]);
            walk->seen[known++] = mask;
            walk->memo[mask] = known;
        }
        walk->answer[r] = walk->memo[mask] - 1;
    }
    for (uint32_t i = 0; i < known; i++) {
        walk->memo[walk->seen[i]] = 0;
    }
}

/* phi[rows][width] += weight * shares, whole rows of `width` features. */
static inline __attribute__((always_inline)) void add_dense(const struct walk *walk, double weight,
                                                            size_t width, double *phi)
{
    size_t rows = walk->block->rows;
    for (size_t r = 0; r < rows; r++, phi += width) {
        const double *shares = &walk->shares[walk->answer[r] * width];
        for (size_t f = 0; f < width; f++) {
            phi[f] += weight * shares[f];
        }
    }
}

static void add_vote(struct walk *walk, const struct forest_vote *vote, bool dense, size_t width)
{
    const struct job *job = walk->job;
    size_t features = job->forest->features;
    double weight = (double)vote->weight;
    size_t class = job->target ? 0 : (size_t)vote->label;
    double *phi = walk->phi + class * job->block_rows * features;
    if (dense && width == 9) { /* unrolled */
        add_dense(walk, weight, 9, phi);
        return;
    }
    if (dense) {
        add_dense(walk, weight, width, phi);
        return;
    }
    for (size_t r = 0; r < walk->block->rows; r++, phi += features) {
        const double *shares = &walk->shares[walk->answer[r] * width];
        for (size_t s = 0; s < walk->slots; s++) {
            phi[walk->slot_feature[s]] += weight * shares[s];
        }
    }
}

static void add_leaf(struct walk *walk, const struct forest_node *leaf, size_t level)
{
    const struct forest *forest = walk->job->forest;
    bool dense = forest->features <= DENSE_FEATURES;
    size_t width = dense ? forest->features : walk->slots;
    bool solved = false;
    for (uint32_t v = leaf->left; v < leaf->right; v++) {
        const struct forest_vote *vote = &forest->votes[v];
        if (walk->block->target < 0 || vote->label == walk->block->target) {
            if (!solved) {
                solve_rows(walk, level, dense, width);
                solved = true;
            }
            add_vote(walk, vote, dense, width);
        }
    }
}

/* ---- a tree ---- */

static bool matters(const struct walk *walk, uint32_t node)
{
    int target = walk->block->target;
    return target < 0 || (walk->job->shape->votes_below[node] >> target % 64 & 1);
}

static void walk_tree(struct walk *walk, uint32_t root)
{
    const struct job *job = walk->job;
    const struct forest *forest = job->forest;
    const struct shape *shape = job->shape;
    size_t waiting = 0;
    uint32_t at = root;
    size_t level = 0;
    memset(walk->masks, 0xff, job->words * job->block_rows * sizeof *walk->masks);
    for (;;) {
        const struct forest_node *node = &forest->nodes[at];
        if (node->feature == FOREST_LEAF) {
            add_leaf(walk, node, level);
        } else {
            bool left_is_small = shape->size[node->left] <= shape->size[node->right];
            uint32_t small = left_is_small ? node->left : node->right;
            uint32_t large = left_is_small ? node->right : node->left;
            if (matters(walk, large)) {
                walk->pending[waiting++] = (struct pending){at, large, walk->path, level, level};
            }
            if (matters(walk, small)) {
                walk->pending[waiting++] =
                    (struct pending){at, small, walk->path, level, level + 1};
            }
        }
        if (waiting == 0) {
            break;
        }
        const struct pending *next = &walk->pending[--waiting];
        const struct forest_node *parent = &forest->nodes[next->parent];
        double left = share_left(forest, parent);
        leave(walk, next->path);
        uint32_t slot =
            enter(walk, (uint32_t)parent->feature, next->node == parent->left ? left : 1 - left);
        pass(walk, next, slot);
        at = next->node;
        level = next->level;
    }
    leave(walk, 0);
}

/* ---- blocks and groups of trees ---- */

static size_t row_at(const struct job *job, size_t place)
{
    return job->order ? job->order[place] : place;
}

/* Of one block of the wave one group of trees, into its own partial sums. */
static void explain_group(void *context, size_t index, unsigned worker)
{
    const struct job *job = context;
    const struct forest *forest = job->forest;
    size_t group = index % TREE_GROUPS;
    size_t cells = job->block_rows * job->classes * forest->features;
    struct walk *walk = &job->walks[worker];
    if (!walk->job) {
        walk_open(walk, job);
    }
    walk->block = &job->blocks[index / TREE_GROUPS];
    walk->phi = &job->partial[index * cells];
    memset(walk->phi, 0, cells * sizeof *walk->phi);
    for (size_t r = 0; r < walk->block->rows; r++) {
        const float *row = &job->x[row_at(job, walk->block->first + r) * forest->features];
        for (size_t f = 0; f < forest->features; f++) {
            walk->columns[f * job->block_rows + r] = row[f];
        }
    }
    size_t first = forest->trees * group / TREE_GROUPS;
    size_t end = forest->trees * (group + 1) / TREE_GROUPS;
    for (size_t tree = first; tree < end; tree++) {
        walk_tree(walk, forest->roots[tree]);
    }
}

/* The sums over all groups of a block, in order, into phi's rows. */
static void collect_block(const struct job *job, const struct block *block, const double *partial,
                          double *phi)
{
    size_t features = job->forest->features;
    for (size_t r = 0; r < block->rows; r++) {
        for (size_t c = 0; c < job->classes; c++) {
            double *out = &phi[(row_at(job, block->first + r) * job->classes + c) * features];
            memset(out, 0, features * sizeof *out);
            for (size_t group = 0; group < TREE_GROUPS; group++) {
                size_t at = (group * job->classes + c) * job->block_rows + r;
                for (size_t f = 0; f < features; f++) {
                    out[f] += partial[at * features + f];
                }
            }
        }
    }
}

/* Two classes with one vote: what speaks for the one speaks against the other. */
static void fill_complement(const struct job *job, const int *target, size_t rows, double *phi)
{
    size_t features = job->forest->features;
    for (size_t r = 0; r < rows; r++) {
        double *row = &phi[r * job->classes * features];
        for (size_t f = 0; f < features; f++) {
            if (!target) {
                row[f] = -row[features + f];
            } else if (target[r] == 0) {
                row[f] = -row[f];
            }
        }
    }
}

/* Rows sorted by target, in their own order within one; count[classes + 1] gets where each class
 * starts. */
static size_t *sort_by_target(const int *target, size_t rows, size_t classes, size_t *start,
                              struct arena *arena)
{
    size_t *order = ARENA_NEW(arena, size_t, rows);
    size_t *place = ARENA_NEW(arena, size_t, classes + 1);
    for (size_t r = 0; r < rows; r++) {
        assert(target[r] >= 0 && (size_t)target[r] < classes);
        place[target[r] + 1]++;
    }
    for (size_t c = 0; c < classes; c++) {
        place[c + 1] += place[c];
        start[c + 1] = place[c + 1];
    }
    for (size_t r = 0; r < rows; r++) {
        order[place[target[r]]++] = r;
    }
    return order;
}

/* Cuts the rows into blocks of one target each; gives how many. */
static size_t cut_blocks(const struct job *job, const size_t *start, size_t parts, bool complement,
                         struct block *blocks)
{
    size_t count = 0;
    for (size_t part = 0; part < parts; part++) {
        int target = job->target ? (int)part : -1;
        for (size_t first = start[part]; first < start[part + 1]; first += job->block_rows) {
            size_t left = start[part + 1] - first;
            blocks[count++] = (struct block){first, left < job->block_rows ? left : job->block_rows,
                                             complement && target == 0 ? 1 : target};
        }
    }
    return count;
}

static void explain_rows(struct job *job, size_t rows, unsigned threads, double *phi)
{
    struct arena arena = {0};
    const struct forest *forest = job->forest;
    size_t parts = job->target ? (size_t)forest->classes : 1;
    size_t *start = ARENA_NEW(&arena, size_t, parts + 1);
    start[parts] = rows;
    if (job->target) {
        job->order = sort_by_target(job->target, rows, parts, start, &arena);
    }
    size_t stride = job->classes * forest->features;
    job->block_rows = BLOCK_CELLS / stride;
    job->block_rows = job->block_rows > BLOCK_ROWS ? BLOCK_ROWS : job->block_rows;
    job->block_rows = job->block_rows > rows ? rows : job->block_rows;
    job->block_rows = job->block_rows < 1 ? 1 : job->block_rows;
    job->words = job->shape->slots / MASK_BITS + 1;
    for (size_t nodes = job->shape->nodes; nodes > 0; nodes /= 2) {
        job->levels++;
    }
    struct block *blocks = ARENA_NEW(&arena, struct block, rows / job->block_rows + parts);
    size_t count = cut_blocks(job, start, parts, forest->complement, blocks);
    threads = parallel_threads(threads);
    job->walks = ARENA_NEW(&arena, struct walk, threads);
    size_t cells = job->block_rows * stride;
    size_t wave = count < WAVE_BLOCKS ? count : WAVE_BLOCKS;
    job->partial = xcalloc(wave * TREE_GROUPS * cells, sizeof *job->partial);
    for (size_t done = 0; done < count; done += wave) {
        size_t now = count - done < wave ? count - done : wave;
        job->blocks = blocks + done;
        parallel_for(threads, now * TREE_GROUPS, explain_group, job);
        for (size_t b = 0; b < now; b++) {
            collect_block(job, &job->blocks[b], &job->partial[b * TREE_GROUPS * cells], phi);
        }
    }
    for (unsigned t = 0; t < threads; t++) {
        walk_close(&job->walks[t]);
    }
    free(job->partial);
    arena_release(&arena);
}

int forest_explain(const struct forest *forest, const float *x, size_t rows, const int *target,
                   unsigned threads, double *phi, double *base, struct error *err)
{
    struct arena arena = {0};
    struct shape shape = {0};
    struct job job = {.forest = forest,
                      .shape = &shape,
                      .x = x,
                      .target = target,
                      .classes = target ? 1 : (size_t)forest->classes};
    int status = measure(forest, &shape, base, &arena, err);
    if (status == 0 && rows > 0) {
        explain_rows(&job, rows, threads, phi);
        if (forest->complement) {
            fill_complement(&job, target, rows, phi);
        }
    }
    arena_release(&arena);
    return status;
}
