/* Numbers as people write them in each language. Memory only; no locale is ever set. */
#ifndef BASE_NUMBERS_H
#define BASE_NUMBERS_H

#include "base/arena.h"
#include "base/text.h"

#include <stdint.h>

#define NARROW_SPACE "\xe2\x80\xaf" /* U+202F: French groups of thousands, before "%" */

/* 12250 as "12 250" (narrow no-break space) or "12,250"; owned by the arena. */
const char *number_whole(struct arena *arena, enum lang lang, uint64_t value);

/* 0.25 as "0,25" or "0.25" with `decimals` decimals (0..15), thousands grouped; NaN and infinities
 * give a dash. Owned by the arena. */
const char *number_real(struct arena *arena, enum lang lang, double value, int decimals);

#endif
