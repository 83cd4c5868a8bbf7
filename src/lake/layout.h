/* Where everything lies under the data root (the contract's paths); memory only. All results are
 * owned by the arena. */
#ifndef LAKE_LAYOUT_H
#define LAKE_LAYOUT_H

#include "base/arena.h"

#include <stdint.h>

/* `pattern` with every D replaced by the run date and E by the event date, when they stand where a
 * table path of tables.def has them: behind '=' or '_'. Relative to the data root. */
const char *layout_path(struct arena *arena, const char *pattern, int32_t run_date,
                        int32_t event_date);

#endif
