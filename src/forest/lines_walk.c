/* Walks through lines. Reads lines and converted rows, moves walks from line to line.
 *
 * Where a row has at most 16 columns, one register of AVX-512 holds it, or two of AVX2, and a step
 * is: fetch the line, pick the values that its eight keys ask for out of the register, compare all
 * eight at once, look up to which exit of its shape these bits lead. That is twelve instructions
 * and one fetch with AVX-512, 16 with AVX2; node by node it is seven and two fetches for one branch
 * (predict.c). Several walks go at once, so that one does not wait for another's fetches. Through
 * the root, the one line that all rows meet, as many rows go at once as there are lanes, a key at a
 * time. */
#include "forest/lines_walk.h"

#include "forest/simd.h"

#include <stdlib.h>

#if defined(__x86_64__) && defined(__GNUC__)

enum { LATER_STEPS = 1 }; /* before those that have not arrived are gathered */

bool lines_fit(enum line_road road, size_t columns)
{
    return columns <= LINE_COLUMNS && (road == LINES_AVX512 ? SIMD_HAS_AVX512 : SIMD_HAS_AVX2);
}

/* With AVX2 whole registers, so that a row begins where a line of the cache or its half does. */
size_t lines_stride(enum line_road road, size_t columns)
{
    if (road == LINES_AVX512) {
        return columns;
    }
    return columns > LINE_COLUMNS / 2 ? LINE_COLUMNS : LINE_COLUMNS / 2;
}

/* Fills the last lanes: twice the same walk does no harm. */
static size_t fill_lanes(uint32_t *at, uint32_t *item, size_t count)
{
    for (; count % LINE_LANES != 0; count++) {
        at[count] = at[count - 1];
        if (item) {
            item[count] = item[count - 1];
        }
    }
    return count;
}

static void walk_all(const struct line_walks *w, const struct line_steps *does, uint32_t *at,
                     size_t count, uint32_t steps)
{
    struct going going;
    does->advance(w, at, NULL, fill_lanes(at, NULL, count), steps);
    for (does->keep_going(&going, w, at, NULL, count); going.count > 0;) {
        size_t filled = fill_lanes(going.at, going.item, going.count);
        does->advance(w, going.at, going.item, filled, LATER_STEPS);
        for (size_t i = 0; i < going.count; i++) {
            at[going.item[i]] = going.at[i];
        }
        does->keep_going(&going, w, going.at, going.item, going.count);
    }
}

void lines_walk(const struct line_walks *w, uint32_t *at, size_t count, uint32_t steps)
{
    const struct line_steps *does = w->road == LINES_AVX512 ? &line_steps_avx512 : &line_steps_avx2;
    if (!w->by_column) {
        walk_all(w, does, at, count, steps);
    } else if (at[0] >= w->leaf_lines) {
        does->leave_root(&w->lines[0][at[0]], w->by_column, at, count);
        walk_all(w, does, at, count, steps - 1);
    }
}

#else
bool lines_fit(enum line_road road, size_t columns)
{
    (void)road, (void)columns;
    return false;
}

size_t lines_stride(enum line_road road, size_t columns)
{
    (void)road;
    return columns;
}

void lines_walk(const struct line_walks *w, uint32_t *at, size_t count, uint32_t steps)
{
    (void)w, (void)at, (void)count, (void)steps;
    abort(); /* a bug: nothing fits */
}
#endif
