/* A forest in the form that predicts fastest; made once a forest, see layout.c for how and why. For
 * this room only. */
#ifndef FOREST_LAYOUT_H
#define FOREST_LAYOUT_H

#include "forest/forest.h"
#include "forest/lines.h"

/* One column of a converted row: a feature, with missing values as one of the two ends. */
struct layout_column {
    uint32_t feature;
    uint32_t missing; /* KEY_LOWEST: goes left, KEY_HIGHEST: goes right */
};

#define KEY_LOWEST 0U
#define KEY_HIGHEST UINT32_MAX

/* Set in the payload of a leaf that has not just one vote: the rest is its row of `several`, or,
 * when there is none, its node in the forest. */
#define PAYLOAD_SEVERAL (UINT32_C(1) << 31)

struct layout_vote { /* of a leaf with one vote; equal ones are shared */
    double weight;
    int32_t label;
};

struct layout_tree {
    const uint64_t *nodes; /* aligned to a cache line; the root is the first */
    size_t node_count;
    uint32_t first_steps; /* after so many, walks that arrived are worth looking for */
    uint32_t root;        /* by lines: the root's */
    size_t line_count;    /* of its branches */
};

/* A node is 64 bits: key (32, on top), pair, column * LANES (offset_bits). Nodes 2 * pair and
 * 2 * pair + 1 are its children; a row goes to 2 * pair + (row[column] > node), where a row's
 * values are keys shifted to the top, so that the bits below a node's key do not count.
 *
 * The last two columns are constants: 0 and more than any node. A leaf asks one of them for the
 * way to itself, so that a row that has arrived stays there, and its key is its payload. */
struct forest_layout {
    unsigned offset_bits;         /* OFFSET_BITS_NARROW wherever all fits with that */
    size_t columns;               /* of a converted row, the two constants among them */
    struct layout_column *column; /* [columns - 2] */
    struct layout_tree *trees;    /* [trees] */
    struct layout_vote *votes;    /* [vote_count], by payload */
    size_t vote_count;            /* distinct ones */
    float *several; /* [rows][classes]: what such leaves add; -0, which changes no sum, where they
                       do not vote. NULL: a leaf votes twice for a class, or too many classes */
    double *sums;   /* [trees + 1]: of so many votes. NULL: votes cannot just be counted */
    void *memory;   /* of nodes or lines */
    size_t mapped_bytes; /* 0: memory is malloc's */
    /* One of these, or none: the forest has too many columns or nodes for either. */
    uint64_t *nodes;
    struct layout_line **lines; /* [trees + LINE_LANES]: of each tree; then the last one's */
    enum line_road road;        /* how lines are walked */
    uint32_t leaf_lines;        /* that each tree begins with */
    struct line_shapes *shapes;
};

enum {
    LANES = 8,               /* rows whose values stand side by side: [rows / 8][columns][8] */
    OFFSET_BITS_NARROW = 16, /* shifts and masks are then no instructions of their own */
    CONSTANT_COLUMNS = 2,
    COUNTED_VOTES = 8, /* distinct ones, at most, where votes are counted */
};

/* Floats as integers of the same order; -0 is 0. Not for NaN. */
static inline uint32_t layout_key(float value)
{
    union {
        float value;
        uint32_t bits;
    } as = {.value = value + 0.0F}; /* -0 + 0 is +0 */
    return as.bits ^ ((uint32_t)((int32_t)as.bits >> 31) | UINT32_C(0x80000000));
}

/* What this machine walks fastest, the nodes that any machine can walk, or, where the machine can,
 * lines for one road. */
enum layout_form { LAYOUT_BEST, LAYOUT_NODES, LAYOUT_LINES };

/* A forest's layout; of LAYOUT_LINES + road, or else of nodes. Never NULL; for layout_free(). */
struct forest_layout *layout_new(const struct forest *forest, enum layout_form form,
                                 unsigned threads);

/* NULL is accepted. */
void layout_free(struct forest_layout *layout);

#endif
