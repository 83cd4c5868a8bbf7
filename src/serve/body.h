/* The text of an answer while it grows: bytes, JSON. Memory only.
 *
 * A zeroed `struct body` is empty and ready. Memory that runs out ends the process (base/arena.h).
 * JSON is written in order; commas are put where they belong, so that a caller says only
 *     body_open(b, '{'); body_key(b, "vin"); body_string(b, vin); body_close(b, '}');
 * A body is used by one thread. */
#ifndef SERVE_BODY_H
#define SERVE_BODY_H

#include "base/dates.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body {
    char *data; /* not NUL-terminated */
    size_t size, room;
};

/* Frees the memory; the body is empty again. */
void body_release(struct body *body);

/* Room for `more` bytes behind the end; the caller writes there and adds to `size`. */
char *body_reserve(struct body *body, size_t more);

/* True when all of the bytes are UTF-8 (RFC 3629). */
bool utf8_is_valid(const void *bytes, size_t size);

/* ---- bytes as they are ---- */

/* Appends bytes, a text, what printf() would print. */
void body_bytes(struct body *body, const void *bytes, size_t size);
void body_text(struct body *body, const char *text);
void body_printf(struct body *body, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(1, 2)));

/* The shortest decimal text that reads back as the same double; NaN and infinities add nothing.
 * `point` is '.' or ','. */
void body_decimal(struct body *body, double value, char point);

/* ---- JSON ---- */

/* Opens an object ('{') or an array ('['), as the next value where it stands. */
void body_open(struct body *body, char bracket);
/* Closes it: '}' or ']'. */
void body_close(struct body *body, char bracket);

/* The name of the next value in an object; a name needs no escape. */
void body_key(struct body *body, const char *name);

/* The next value. */
void body_null(struct body *body);
void body_bool(struct body *body, bool value);
void body_whole(struct body *body, int64_t value);

/* The shortest number that reads back the same; NaN and infinities are null. */
void body_real(struct body *body, double value);

/* A text, escaped (NULL: null). Bytes that are not UTF-8 become U+FFFD. */
void body_string(struct body *body, const char *text);
void body_string_bytes(struct body *body, const void *bytes, size_t size);

/* "YYYY-MM-DD" of days since 1970-01-01. */
void body_date(struct body *body, int32_t date);

/* {"fr": ..., "en": ...}; null when neither is there. */
void body_words(struct body *body, const struct text *text);

/* Key and value in one. */
void body_put_null(struct body *body, const char *name);
void body_put_bool(struct body *body, const char *name, bool value);
void body_put_whole(struct body *body, const char *name, int64_t value);
void body_put_real(struct body *body, const char *name, double value);
void body_put_string(struct body *body, const char *name, const char *text);
void body_put_date(struct body *body, const char *name, int32_t date);
void body_put_words(struct body *body, const char *name, const struct text *text);

#endif
