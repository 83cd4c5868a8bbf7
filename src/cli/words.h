/* Texts and numbers as people read them: display width, cutting, wrapping, escaping, and the
 * number formats of both languages. Memory only; no locale is ever set. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "base/arena.h"
#include "base/columns.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns that a UTF-8 text takes on a terminal: combining marks 0, wide East Asian signs 2. */
size_t words_width(const char *text);

/* A copy that is safe on a terminal, owned by the arena: control characters, invisible and
 * direction-changing characters and bytes that are not UTF-8 are written as \xNN or \u{NNNN}. */
const char *words_clean(struct arena *arena, const char *text);

/* The text itself when it fits into `width` columns, else its beginning and an ellipsis; owned by
 * the arena or the caller. `width` is at least 1. */
const char *words_cut(struct arena *arena, const char *text, size_t width);

/* The next line of at most `width` columns (at least one word; a word wider than that is cut) from
 * *rest, which moves on; false when nothing is left. Breaks at spaces, never before the double
 * punctuation that French puts a space in front of. `width` 0: no limit. The line points into
 * *rest. */
bool words_wrap(const char **rest, size_t width, struct bytes *line);

/* 12250 as "12 250" (narrow no-break space) or "12,250"; owned by the arena. */
const char *words_whole(struct arena *arena, enum lang lang, uint64_t value);

/* 0.25 as "0,25" or "0.25" with `decimals` decimals, thousands grouped; NaN and infinities give a
 * dash. Owned by the arena. */
const char *words_real(struct arena *arena, enum lang lang, double value, int decimals);

/* A share 0..1 as "87,5 %" or "87.5%"; NaN gives a dash. Owned by the arena. */
const char *words_percent(struct arena *arena, enum lang lang, double share, int decimals);

#endif
