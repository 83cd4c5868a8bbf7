/* Digits, decimal marks and groups of thousands; see numbers.h. */
#include "base/numbers.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DASH "\xe2\x80\x93" /* U+2013 */

/* Writes digits with a separator between groups of three. */
static const char *group(struct arena *arena, const char *digits, size_t count, const char *comma)
{
    char *out = ARENA_NEW(arena, char, count *(1 + strlen(comma)) + 1);
    char *end = out;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            memcpy(end, comma, strlen(comma));
            end += strlen(comma);
        }
        *end++ = digits[i];
    }
    return out;
}

const char *number_whole(struct arena *arena, enum lang lang, uint64_t value)
{
    char digits[32];
    int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    return group(arena, digits, (size_t)count, lang == LANG_FR ? NARROW_SPACE : ",");
}

const char *number_real(struct arena *arena, enum lang lang, double value, int decimals)
{
    assert(decimals >= 0 && decimals <= 15);
    char digits[352]; /* the largest double has 309 digits before the point */
    if (!isfinite(value)) {
        return DASH;
    }
    (void)snprintf(digits, sizeof digits, "%.*f", decimals, fabs(value));
    size_t whole = strspn(digits, "0123456789");
    bool negative = value < 0 && strspn(digits, "0.") < strlen(digits);
    return arena_printf(arena, "%s%s%s%s", negative ? "-" : "",
                        group(arena, digits, whole, lang == LANG_FR ? NARROW_SPACE : ","),
                        decimals == 0     ? ""
                        : lang == LANG_FR ? ","
                                          : ".",
                        decimals == 0 ? "" : digits + whole + 1);
}
