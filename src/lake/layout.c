/* Dates into path patterns; see layout.h. */
#include "lake/layout.h"

#include "base/dates.h"

#include <stdbool.h>
#include <string.h>

const char *layout_path(struct arena *arena, const char *pattern, int32_t run_date,
                        int32_t event_date)
{
    char run[DATE_TEXT_SIZE];
    char event[DATE_TEXT_SIZE];
    date_format(run_date, run);
    date_format(event_date, event);
    char *path = arena_alloc(arena, strlen(pattern) * DATE_TEXT_SIZE + 1, 1);
    char *end = path;
    for (const char *p = pattern; *p; p++) {
        bool place = p > pattern && (p[-1] == '=' || p[-1] == '_') &&
                     (p[1] == '/' || p[1] == '.' || p[1] == '\0');
        const char *date = place && *p == 'D' ? run : place && *p == 'E' ? event : NULL;
        if (date) {
            end = stpcpy(end, date);
        } else {
            *end++ = *p;
        }
    }
    return path;
}
