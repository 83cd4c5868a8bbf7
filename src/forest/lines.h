/* A forest as cache lines of eight keys each: the form that predicts fastest where a row's values
 * fit into vector registers. See lines.c and lines_walk.c for how and why. For this room only.
 */
#ifndef FOREST_LINES_H
#define FOREST_LINES_H

#include "forest/forest.h"

enum {
    LINE_KEYS = 8,                 /* branches of a tree that hang together */
    LINE_EXITS = LINE_KEYS + 1,    /* below them, from left to right */
    LINE_COLUMNS = 16,             /* of a converted row, at most */
    LINE_SHIFT = 6,                /* a line is 64 bytes */
    LINE_ANSWERS = 1 << LINE_KEYS, /* which keys a row is greater than: a bit a key */
    LINE_SHAPES = 64,              /* at most in a forest */
    LINE_NUMBERS = 1 << 16,        /* lines of a tree, at most */
};

/* Lines are numbered from the first one of their tree. A row goes right of a key when its value in
 * that key's column is greater. */
struct layout_line {
    uint32_t key[LINE_KEYS];  /* a parent before what is below it, see
                                 line_key(); key[0] of a leaf's line: its payload */
    uint32_t columns;         /* 4 bits a key, those of key[0] lowest */
    int8_t column[LINE_KEYS]; /* the same, see line_column() */
    uint16_t next[LINE_EXITS];
    uint16_t answers; /* of its shape: LINE_ANSWERS times the shape's number */
};

/* A key (layout_key) as lines and the rows that walk them have it: to be compared as signed, which
 * takes the fewer instructions. */
static inline uint32_t line_key(uint32_t key)
{
    return key ^ UINT32_C(0x80000000);
}

/* A column as AVX2 has it: its place in one half of the row, and as the sign in which. */
static inline int8_t line_column(uint32_t column)
{
    return (int8_t)(column < LINE_COLUMNS / 2 ? (int)column : (int)column - LINE_COLUMNS / 2 - 128);
}

/* How the keys of a line can hang together: what is to the left and right of each, a key, or
 * LINE_KEYS plus the number of an exit. */
struct line_shape {
    uint8_t below[LINE_KEYS][2];
};

/* The places of the bits that are set in a number of eight bits, lowest first; then zeros. */
enum { LINE_BITS = 8 };
typedef uint8_t line_bits[LINE_BITS];

/* The shapes that a forest's lines have. The first is that of roots: three whole levels, and one
 * key below the leftmost, which roots leave idle. */
struct line_shapes {
    size_t count;
    struct line_shape shape[LINE_SHAPES];
    uint32_t code[LINE_SHAPES];               /* a bit a key (1) and exit (0), in preorder */
    uint8_t exit[LINE_SHAPES * LINE_ANSWERS]; /* by line.answers + answers */
    line_bits bits[1 << LINE_BITS];           /* the same for all forests */
};

enum { ROOT_IDLE = 3 }; /* the key that roots leave idle; its exits are 0 and 1 */

/* What trees are made lines from; the caller owns all memory. */
struct lines_source {
    const struct forest *forest;
    const uint32_t *column_of; /* [2][features]: of a feature by whether missing values go left */
    const uint32_t *leaf;      /* [node_count]: the line of each leaf, from its tree's first */
    size_t leaf_lines;         /* that each tree begins with */
    const struct line_shapes *shapes;
};

/* One tree's lines but those of its leaves. */
struct lines_tree {
    struct layout_line *lines; /* [count]; for free() */
    size_t count;
    uint32_t root;        /* line; a leaf's when the tree is nothing else */
    uint32_t first_steps; /* after so many, walks that arrived are worth looking for */
};

/* How lines are walked: the instructions that a machine may have, the better ones last. */
enum line_road { LINES_AVX2, LINES_AVX512, LINE_ROADS };

/* May rows of so many columns be walked by lines on that road, on this machine? */
bool lines_fit(enum line_road road, size_t columns);

/* From one row of so many columns to the next. */
size_t lines_stride(enum line_road road, size_t columns);

/* Finds the shapes that suit a forest. */
void lines_find_shapes(const struct forest *forest, struct line_shapes *shapes);

/* Makes the lines of tree `tree`. Of those beyond LINE_NUMBERS, numbers are wrong. */
struct lines_tree lines_pack(const struct lines_source *source, size_t tree);

/* Makes line number `at` a leaf's. */
void lines_place_leaf(struct layout_line *line, uint32_t at, uint32_t payload);

enum {
    LINE_LANES = 16,  /* walks at once */
    LINE_WALKS = 512, /* at most in one call; with 256 the last ones, few, waited for one another:
                         1.05 of the time */
};

/* What walks go through: rows through one tree, or one row through several. */
struct line_walks {
    enum line_road road;
    const struct layout_line *const *lines; /* the tree's; or [walks]: those of each one's tree */
    const uint8_t *exit;                    /* of the shapes */
    const line_bits *bits;                  /* of the shapes */
    uint32_t leaf_lines;
    const uint32_t *keys; /* aligned to a line; values of row i begin at keys[i * stride]; behind
                             the last one's there is room for LINE_LANES rows and LINE_COLUMNS */
    size_t stride;        /* lines_stride() */
    const uint32_t *by_column; /* [columns][LINE_WALKS]: the same values; NULL: of one row */
};

/* Walks from the lines at[count] (at most LINE_WALKS; the array has room for LINE_LANES more),
 * roots all of them, to their leaves' lines, which take the place of the first. `steps` go by
 * before walks that have arrived are looked for. Only where lines_fit(). */
void lines_walk(const struct line_walks *w, uint32_t *at, size_t count, uint32_t steps);

#endif
