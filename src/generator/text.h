/* Appending to a text in a buffer: each function writes at `to` and returns the end. The caller
 * has made sure of the room. Internal to the generator, for its hot loops. */
#ifndef GENERATOR_TEXT_H
#define GENERATOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NUMBER_ROOM = 24 }; /* no number here is longer */

static inline char *put_bytes(char *to, const char *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return to + size;
}

static inline char *put_text(char *to, const char *text)
{
    return put_bytes(to, text, strlen(text));
}

/* A number in decimal digits. */
static inline char *put_whole(char *to, uint64_t number)
{
    char digits[NUMBER_ROOM];
    char *first = digits + sizeof digits;
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put_bytes(to, first, (size_t)(digits + sizeof digits - first));
}

/* Two digits, for clocks and calendars; number < 100. */
static inline char *put_pair(char *to, unsigned number)
{
    to[0] = (char)('0' + number / 10);
    to[1] = (char)('0' + number % 10);
    return to + 2;
}

/* Thousandths as a number: "97.266", "3.5", "12.0"; without a point when `whole`. */
static inline char *put_milli(char *to, int64_t milli, bool whole)
{
    if (milli < 0) {
        *to++ = '-';
        milli = -milli;
    }
    to = put_whole(to, (uint64_t)milli / 1000);
    if (whole) {
        return to;
    }
    unsigned rest = (unsigned)(milli % 1000);
    *to++ = '.';
    *to++ = (char)('0' + rest / 100);
    if (rest % 100 != 0) {
        *to++ = (char)('0' + rest / 10 % 10);
    }
    if (rest % 10 != 0) {
        *to++ = (char)('0' + rest % 10);
    }
    return to;
}

#endif
