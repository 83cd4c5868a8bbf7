/* What lines_walk.c leaves to each instruction set: the parts of a walk in which the time goes. For
 * the walks' own files only. */
#ifndef FOREST_LINES_WALK_H
#define FOREST_LINES_WALK_H

#include "forest/lines.h"

/* Walks that go on: where, and whose. */
struct going {
    uint32_t at[LINE_WALKS + LINE_LANES], item[LINE_WALKS + LINE_LANES];
    size_t count;
};

struct line_steps {
    /* The first step of rows whose values stand side by side: the same root for all. at[count] has
     * room for whole LINE_LANES. */
    void (*leave_root)(const struct layout_line *root, const uint32_t *by_column, uint32_t *at,
                       size_t count);

    /* `steps` steps of at[count], a multiple of LINE_LANES; `item` NULL: walk i is item i. */
    void (*advance)(const struct line_walks *w, uint32_t *at, const uint32_t *item, size_t count,
                    uint32_t steps);

    /* Keeps in `to` those of at[count] that have not arrived. They may be to->at, with their items.
     */
    void (*keep_going)(struct going *to, const struct line_walks *w, const uint32_t *at,
                       const uint32_t *item, size_t count);
};

#if defined(__x86_64__) && defined(__GNUC__)
extern const struct line_steps line_steps_avx2, line_steps_avx512;
#endif

#endif
