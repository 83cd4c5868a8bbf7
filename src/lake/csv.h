/* Cells of CSV, written as DuckDB's COPY writes them, byte for byte, in a quarter of its time. For
 * this room only. NULL is an empty cell, which these functions are not called for.
 *
 * Each writes at `out` and returns the end of what it wrote; the caller has made room. */
#ifndef LAKE_CSV_H
#define LAKE_CSV_H

#include <stddef.h>
#include <stdint.h>

enum { CSV_CELL_SIZE = 40 }; /* the longest cell that is no text */

/* The fewest digits that read back as the same number, of several such the closest: "0.5", "12.0",
 * "1e+16", "1.5e-07"; also "nan", "inf", "-inf". */
char *csv_real(char *out, double value);

/* Decimal digits, with '-' below zero. */
char *csv_whole(char *out, int64_t value);

struct csv_day { /* the day that was written last: rows of a day come together */
    int32_t date;
    char text[10];
};

static const struct csv_day csv_no_day = {.date = INT32_MIN};

/* "YYYY-MM-DD"; days since 1970-01-01, of the years 1..9999. */
char *csv_date(char *out, int32_t date, struct csv_day *last);

/* "YYYY-MM-DD HH:MM:SS[.f]", the fraction without zeros at its end; microseconds since 1970. */
char *csv_timestamp(char *out, int64_t micros, struct csv_day *last);

/* In quotes where it must be; at most 2 * size + 2 bytes. */
char *csv_text(char *out, const char *text, size_t size);

#endif
