/* A forest as cache lines of three levels each: the form that predicts fastest where a row's values
 * fit into one vector register. See lines.c for how and why. For this room only. */
#ifndef FOREST_LINES_H
#define FOREST_LINES_H

#include "forest/forest.h"

enum {
    LINE_KEYS = 7,     /* a complete tree of three levels */
    LINE_EXITS = 8,    /* below it */
    LINE_COLUMNS = 16, /* of a converted row, at most */
    LINE_SHIFT = 6,    /* a line is 64 bytes */
};

/* Lines are named by where they begin, in bytes from the first one of the forest. A row goes right
 * of a key when its value in that key's column is greater. */
struct layout_line {
    uint32_t key[LINE_KEYS];   /* level by level, see line_key(); key[0] of a leaf's: its payload */
    uint32_t columns;          /* 4 bits a key, those of key[0] lowest */
    uint32_t next[LINE_EXITS]; /* from left to right */
};

/* A key (layout_key) as lines and the rows that walk them have it: to be compared as signed, which
 * takes the fewer instructions. */
static inline uint32_t line_key(uint32_t key)
{
    return key ^ UINT32_C(0x80000000);
}

/* What trees are made lines from; the caller owns all memory. */
struct lines_source {
    const struct forest *forest;
    const uint32_t *column_of; /* [2][features]: of a feature by whether missing values go left */
    const uint32_t *leaf;      /* [node_count]: the line of each leaf */
};

/* May rows of so many columns be walked by lines, on this machine? */
bool lines_fit(size_t columns);

/* Lines that the branches of tree `tree` take. */
size_t lines_count(const struct forest *forest, size_t tree);

/* Fills these, of which the first stands `first` bytes behind the forest's first one; returns the
 * line of the root. */
uint32_t lines_place(const struct lines_source *source, size_t tree, struct layout_line *to,
                     uint32_t first);

/* Makes line `at` a leaf's. */
void lines_place_leaf(struct layout_line *lines, uint32_t at, uint32_t payload);

enum {
    LINE_LANES = 16,  /* walks at once */
    LINE_WALKS = 256, /* at most in one call */
};

/* What walks go through. The values of walk i begin at keys[i * stride]: rows in one tree, or, with
 * a stride of 0, one row in several trees. Behind the last one's there is room for LINE_LANES rows
 * and LINE_COLUMNS. */
struct line_walks {
    const struct layout_line *lines;
    uint32_t leaf_bytes; /* of the first lines, which are leaves */
    const uint32_t *keys;
    size_t stride;
};

/* Walks from the lines at[count] (at most LINE_WALKS; the array has room for LINE_LANES more) to
 * their leaves' lines, which take the place of the first. `steps`, of up to three levels each, go
 * by before walks that have arrived are looked for. Only where lines_fit(). */
void lines_walk(const struct line_walks *w, uint32_t *at, size_t count, uint32_t steps);

#endif
