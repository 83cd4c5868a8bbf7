/* Decimal numbers as texts, read exactly (to the nearest double). */
#ifndef INGEST_NUMBER_H
#define INGEST_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum number_style {
    NUMBER_JSON,  /* RFC 8259: no '+' in front, no leading zeros, digits around the point */
    NUMBER_PLAIN, /* CSV: also "+1", "007", ".5", "5."; no words (nan, inf), no blanks, no hex */
};

/* Reads the longest number that begins at `p`; returns what follows it, NULL when none begins
 * there. `number` (may be NULL: only check) can become infinite, never NaN. `point` is the decimal
 * sign. */
const char *number_read(const char *p, const char *end, enum number_style style, char point,
                        double *number);

#endif
