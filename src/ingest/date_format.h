/* Dates and instants in other people's formats. */
#ifndef INGEST_DATE_FORMAT_H
#define INGEST_DATE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads `text` by a format like strptime's: %Y (4 digits), %y (2 digits: 1970..2069), %m %d %H %M
 * %S (1 or 2 digits), %f (fraction of a second, 1 to 9 digits), %z (Z, +HH, +HHMM, +HH:MM), %%;
 * every other character stands for itself. The whole text must match and the day exist. Without %z
 * the instant is in UTC; parts that the format leaves out are 0 (month and day: 1). */
bool date_format_read(const char *format, const char *text, size_t size, int64_t *micros);

/* True when a format has a year and only the conversions above. */
bool date_format_valid(const char *format);

#endif
