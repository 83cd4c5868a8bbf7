/* A tree as cache lines. Reads a forest, writes lines.
 *
 * A line holds eight branches that hang together, and a walk goes from line to line: what counts is
 * how many lines a row meets. Trees grown to purity are lopsided, so a line takes the heaviest
 * branches below its top, whatever their shape, instead of whole levels: 160,000 x 9, 18.1 branches
 * a row and tree, lie in 6.3 lines of three levels, but in 5.0 lines of eight heavy branches; in
 * 4.4 where the rows that came by each node are known.
 *
 * Which exit a row takes follows from the eight answers and from the line's shape, by a table. Of
 * the 1,430 shapes that there are a forest uses the 64 that carry most (16 KB of tables): 2 % more
 * lines a row than with all of them. Lines by dynamic programming (Gil and Itai, "How to pack
 * trees", 1999) instead of heaviest first were as many within these shapes. A branch that its
 * line's shape has no key for waits for another line; a leaf that stands higher than the exits
 * takes all exits below it.
 *
 * Each distinct leaf of a tree (grown to purity: one a class) has a line of its own, whose exits
 * all lead to itself: a row that has arrived stays there. */
#include "forest/lines.h"

#include "base/arena.h"
#include "forest/impl.h"
#include "forest/layout.h"

#include <stdlib.h>

_Static_assert(sizeof(struct layout_line) == 1 << LINE_SHIFT, "a line is a cache line");

enum {
    CODE_BITS = LINE_KEYS + LINE_EXITS,
    ROOT_CODE = 0x1e264,    /* 1111000 100 1 100 100, see struct line_shapes */
    ALL_SHAPES = 1430,      /* of trees of eight branches: the eighth Catalan number */
    SAMPLE_NODES = 1 << 16, /* whole trees that tell the shapes */
};

/* One tree of the forest, and what each of its nodes is worth having in a line. */
struct subject {
    const struct forest *forest;
    size_t root;
    double *weight; /* [nodes of the tree]: rows that came by, where known, else nodes below */
};

static bool is_leaf(const struct subject *s, uint32_t node)
{
    return s->forest->nodes[node].feature == FOREST_LEAF;
}

static double weight_of(const struct subject *s, uint32_t node)
{
    return s->weight[node - s->root];
}

static struct subject subject_new(const struct forest *forest, size_t tree)
{
    struct subject s = {.forest = forest, .root = forest->roots[tree]};
    size_t count = forest_tree_end(forest, tree) - s.root;
    s.weight = xcalloc(count, sizeof *s.weight);
    for (size_t i = count; i-- > 0;) { /* children stand behind their parents */
        const struct forest_node *node = &forest->nodes[s.root + i];
        if (forest->cover) {
            s.weight[i] = (double)forest->cover[s.root + i];
        } else if (node->feature == FOREST_LEAF) {
            s.weight[i] = 1;
        } else {
            s.weight[i] = 1 + s.weight[node->left - s.root] + s.weight[node->right - s.root];
        }
    }
    return s;
}

/* ---- the heaviest branches ---- */

/* Branches below a node that would fill a line best. */
struct choice {
    uint32_t node[LINE_KEYS];
    int8_t below[LINE_KEYS][2]; /* which of them is to the left and right; -1: none */
    int count;
    double weight;
    uint32_t exit[LINE_EXITS]; /* branches that found no room */
    int exits;
};

/* Takes the heaviest branch that hangs below those taken, until there are enough. */
static struct choice choose(const struct subject *s, uint32_t top)
{
    struct {
        uint32_t node;
        int parent, side;
    } open[LINE_EXITS] = {{.node = top, .parent = -1}};
    struct choice c = {.exits = 0};
    int opened = 1;
    while (opened > 0 && c.count < LINE_KEYS) {
        int best = 0;
        for (int i = 1; i < opened; i++) {
            best = weight_of(s, open[i].node) > weight_of(s, open[best].node) ? i : best;
        }
        int taken = c.count++;
        uint32_t node = open[best].node;
        if (open[best].parent >= 0) {
            c.below[open[best].parent][open[best].side] = (int8_t)taken;
        }
        c.node[taken] = node;
        c.weight += weight_of(s, node);
        c.below[taken][0] = c.below[taken][1] = -1;
        open[best] = open[--opened];
        for (int side = 0; side < 2; side++) {
            uint32_t child = side ? s->forest->nodes[node].right : s->forest->nodes[node].left;
            if (!is_leaf(s, child)) {
                open[opened].node = child;
                open[opened].parent = taken;
                open[opened++].side = side;
            }
        }
    }
    for (; c.exits < opened; c.exits++) {
        c.exit[c.exits] = open[c.exits].node;
    }
    return c;
}

static uint32_t code_below(const struct choice *c, int at, uint32_t code)
{
    if (at < 0) {
        return code << 1;
    }
    code = code_below(c, c->below[at][0], code << 1 | 1);
    return code_below(c, c->below[at][1], code);
}

/* ---- shapes ---- */

/* Reads the part of a shape that begins with bit *bit of its code; what stands there, as in
 * line_shape.below. */
static uint8_t read_code(struct line_shape *shape, uint32_t code, int *bit, uint8_t *keys,
                         uint8_t *exits)
{
    if (!(code >> --*bit & 1)) {
        return (uint8_t)(LINE_KEYS + (*exits)++);
    }
    uint8_t key = (*keys)++;
    shape->below[key][0] = read_code(shape, code, bit, keys, exits);
    shape->below[key][1] = read_code(shape, code, bit, keys, exits);
    return key;
}

static void add_shape(struct line_shapes *shapes, uint32_t code)
{
    struct line_shape *shape = &shapes->shape[shapes->count];
    uint8_t *exit = shapes->exit + shapes->count * LINE_ANSWERS;
    uint8_t keys = 0, exits = 0;
    int bit = CODE_BITS;
    (void)read_code(shape, code, &bit, &keys, &exits);
    for (unsigned answers = 0; answers < LINE_ANSWERS; answers++) {
        unsigned at = 0;
        while (at < LINE_KEYS) {
            at = shape->below[at][answers >> at & 1];
        }
        exit[answers] = (uint8_t)(at - LINE_KEYS);
    }
    shapes->code[shapes->count++] = code;
}

/* Shapes that occur, and what they would carry. */
struct tally {
    double *carried; /* [1 << CODE_BITS] by code; 0: does not occur */
    uint32_t codes[ALL_SHAPES];
    size_t count;
};

/* Adds what the full lines of a tree would carry, were every shape allowed. */
static void count_shapes(const struct subject *s, size_t nodes, struct tally *tally)
{
    uint32_t *stack = xcalloc(nodes, sizeof *stack);
    size_t stacked = 0;
    if (!is_leaf(s, (uint32_t)s->root)) {
        stack[stacked++] = (uint32_t)s->root;
    }
    while (stacked > 0) {
        struct choice c = choose(s, stack[--stacked]);
        for (int i = 0; i < c.exits; i++) {
            stack[stacked++] = c.exit[i];
        }
        if (c.count == LINE_KEYS && c.weight > 0) {
            uint32_t code = code_below(&c, 0, 0);
            if (tally->carried[code] <= 0) {
                tally->codes[tally->count++] = code;
            }
            tally->carried[code] += c.weight / s->weight[0];
        }
    }
    free(stack);
}

static void find_bits(line_bits *bits)
{
    for (unsigned number = 0; number < 1 << LINE_BITS; number++) {
        size_t found = 0;
        for (unsigned bit = 0; bit < LINE_BITS; bit++) {
            if (number >> bit & 1) {
                bits[number][found++] = (uint8_t)bit;
            }
        }
    }
}

void lines_find_shapes(const struct forest *forest, struct line_shapes *shapes)
{
    struct tally tally = {.count = 0};
    tally.carried = xcalloc((size_t)1 << CODE_BITS, sizeof *tally.carried);
    for (size_t tree = 0, seen = 0; tree < forest->trees && seen < SAMPLE_NODES; tree++) {
        struct subject s = subject_new(forest, tree);
        size_t nodes = forest_tree_end(forest, tree) - s.root;
        count_shapes(&s, nodes, &tally);
        seen += nodes;
        free(s.weight);
    }
    find_bits(shapes->bits);
    shapes->count = 0;
    add_shape(shapes, ROOT_CODE);
    tally.carried[ROOT_CODE] = 0;
    while (shapes->count < LINE_SHAPES) {
        uint32_t best = 0; /* no shape has this code; of equal ones the smallest */
        for (size_t i = 0; i < tally.count; i++) {
            uint32_t code = tally.codes[i];
            double more = tally.carried[code] - tally.carried[best];
            best = more > 0 || (more == 0 && code < best) ? code : best;
        }
        if (tally.carried[best] <= 0) {
            break;
        }
        add_shape(shapes, best);
        tally.carried[best] = 0;
    }
    free(tally.carried);
}

/* What a line of this shape would carry with `node` at `at`. */
static double carried_by(const struct subject *s, const struct line_shape *shape, unsigned at,
                         uint32_t node)
{
    if (at >= LINE_KEYS || is_leaf(s, node)) {
        return 0;
    }
    return weight_of(s, node) +
           carried_by(s, shape, shape->below[at][0], s->forest->nodes[node].left) +
           carried_by(s, shape, shape->below[at][1], s->forest->nodes[node].right);
}

/* The number of the shape that carries most with `top` as its top. */
static unsigned best_shape(const struct subject *s, const struct line_shapes *shapes, uint32_t top)
{
    const struct choice c = choose(s, top);
    if (c.count == LINE_KEYS) {
        uint32_t code = code_below(&c, 0, 0);
        for (unsigned i = 0; i < shapes->count; i++) {
            if (shapes->code[i] == code) {
                return i;
            }
        }
    }
    unsigned best = 0;
    double most = 0;
    for (unsigned i = 0; i < shapes->count && most < c.weight; i++) {
        double carried = carried_by(s, &shapes->shape[i], 0, top);
        if (carried > most) {
            most = carried;
            best = i;
        }
    }
    return best;
}

/* ---- packing ---- */

enum { LINE_DEPTHS = 64 };
#define FIRST_SHARE 0.4

struct waiting {
    uint32_t node; /* the top of a line to be made */
    uint32_t line; /* whose exit `exit` leads there */
    uint32_t exit;
    uint32_t depth; /* lines above */
};

struct packing {
    const struct lines_source *source;
    struct subject subject;
    const struct line_shape *shape; /* of the line at hand */
    struct layout_line *lines;      /* [count], room for one a branch */
    size_t count;
    struct waiting *stack;
    size_t stacked;
    double *arriving; /* [LINE_DEPTHS]: weight of lines by depth; deeper ones with the last */
};

/* Puts what stands below `node` at `at` of the last line. */
static void place(struct packing *p, uint32_t depth, unsigned at, uint32_t node)
{
    const struct forest *forest = p->source->forest;
    const struct forest_node *from = &forest->nodes[node];
    struct layout_line *to = &p->lines[p->count - 1];
    bool leaf = from->feature == FOREST_LEAF;
    if (at >= LINE_KEYS) {
        unsigned exit = at - LINE_KEYS;
        if (leaf) {
            to->next[exit] = (uint16_t)p->source->leaf[node];
        } else {
            p->stack[p->stacked++] =
                (struct waiting){node, (uint32_t)(p->count - 1), exit, depth + 1};
        }
        return;
    }
    const uint8_t *below = p->shape->below[at];
    if (leaf || (p->count == 1 && at == ROOT_IDLE)) {
        to->key[at] = line_key(KEY_HIGHEST); /* nothing is greater: left */
        place(p, depth, below[0], node);
        if (leaf) {
            place(p, depth, below[1], node);
        }
        return;
    }
    bool left = forest->missing_left && forest->missing_left[node];
    uint32_t column = p->source->column_of[left * forest->features + (size_t)from->feature];
    to->columns |= column << (4 * at);
    to->column[at] = line_column(column);
    to->key[at] = line_key(layout_key(from->threshold));
    place(p, depth, below[0], from->left);
    place(p, depth, below[1], from->right);
}

/* Makes the line of a branch that waited. */
static void pack_line(struct packing *p, struct waiting w)
{
    const struct line_shapes *shapes = p->source->shapes;
    size_t number = p->source->leaf_lines + p->count++;
    unsigned shape = p->count == 1 ? 0 : best_shape(&p->subject, shapes, w.node);
    p->shape = &shapes->shape[shape];
    p->lines[p->count - 1].answers = (uint16_t)(shape * LINE_ANSWERS);
    p->lines[w.line].next[w.exit] = (uint16_t)number;
    p->arriving[w.depth < LINE_DEPTHS ? w.depth : LINE_DEPTHS - 1] +=
        weight_of(&p->subject, w.node);
    place(p, w.depth, 0, w.node);
}

/* Steps that more than FIRST_SHARE of the weight takes, the root's at least. With 0.4 walks
 * make 4.5 steps below the root where 4.3 lead on; with 0.2, 5.0, which took 1.04 of the time with
 * AVX2. With AVX-512 0.2 and 0.5 were as fast, 0.9 a tenth slower. */
static uint32_t first_steps(const struct packing *p)
{
    uint32_t steps = 1;
    while (steps < LINE_DEPTHS && p->arriving[steps] > FIRST_SHARE * p->arriving[0]) {
        steps++;
    }
    return steps;
}

struct lines_tree lines_pack(const struct lines_source *source, size_t tree)
{
    const struct forest *forest = source->forest;
    uint32_t root = forest->roots[tree];
    size_t nodes = forest_tree_end(forest, tree) - root;
    if (forest->nodes[root].feature == FOREST_LEAF) {
        return (struct lines_tree){.root = source->leaf[root]};
    }
    double arriving[LINE_DEPTHS] = {0};
    struct packing p = {
        .source = source, .subject = subject_new(forest, tree), .arriving = arriving};
    p.lines = xcalloc(nodes / 2, sizeof *p.lines);
    p.stack = xcalloc(nodes / 2, sizeof *p.stack);
    p.stack[p.stacked++] = (struct waiting){.node = root};
    while (p.stacked > 0) {
        pack_line(&p, p.stack[--p.stacked]);
    }
    p.lines->next[1] = p.lines->next[0]; /* the root's idle key leads to either */
    struct lines_tree made = {
        .lines = xrealloc(p.lines, p.count, sizeof *p.lines),
        .count = p.count,
        .root = (uint32_t)source->leaf_lines,
        .first_steps = first_steps(&p),
    };
    free(p.subject.weight);
    free(p.stack);
    return made;
}

void lines_place_leaf(struct layout_line *line, uint32_t at, uint32_t payload)
{
    line->key[0] = payload;
    for (int exit = 0; exit < LINE_EXITS; exit++) {
        line->next[exit] = (uint16_t)at;
    }
}
