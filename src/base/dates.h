/* Dates and instants of the proleptic Gregorian calendar, in UTC.
 *
 * A date is a count of days since 1970-01-01, an instant a count of microseconds since then.
 * Nothing here reads a clock or a time zone. */
#ifndef BASE_DATES_H
#define BASE_DATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DATE_TEXT_SIZE = 16,      /* "YYYY-MM-DD" and its NUL, with room for the years of int32 */
    TIMESTAMP_TEXT_SIZE = 40, /* "YYYY-MM-DDTHH:MM:SS.ffffffZ" likewise */
};

#define MICROS_PER_SECOND INT64_C(1000000)
#define MICROS_PER_DAY (INT64_C(86400) * MICROS_PER_SECOND)

/* Day number of a calendar date; month and day may be out of range and are not checked. */
int32_t date_from_civil(int year, int month, int day);

/* The reverse of date_from_civil(). */
void date_to_civil(int32_t date, int *year, int *month, int *day);

/* Reads exactly "YYYY-MM-DD" (years 0001..9999); false when the text is anything else or names a
 * day that does not exist. */
bool date_parse(const char *text, size_t size, int32_t *date);

/* Writes "YYYY-MM-DD"; returns `out`. */
const char *date_format(int32_t date, char out[DATE_TEXT_SIZE]);

/* Reads an ISO 8601 instant: "YYYY-MM-DD", 'T' or one blank, "HH:MM[:SS[.f...]]" (seconds up to
 * 60, read as the next minute's 0; digits after the sixth are dropped), then nothing (UTC), "Z" or
 * an offset "+HH", "+HHMM", "+HH:MM" (the result is in UTC). A date alone is its midnight. False
 * when the text is anything else. */
bool timestamp_parse(const char *text, size_t size, int64_t *micros);

/* Writes "YYYY-MM-DDTHH:MM:SS[.ffffff]"; returns `out`. */
const char *timestamp_format(int64_t micros, char out[TIMESTAMP_TEXT_SIZE]);

/* The date on which an instant lies (floor, also before 1970). */
int32_t timestamp_date(int64_t micros);

#endif
