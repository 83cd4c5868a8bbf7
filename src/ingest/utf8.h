/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef INGEST_UTF8_H
#define INGEST_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The size of the character that begins at `p` (1..4), or 0 when the bytes before `end` are none.
 */
size_t utf8_length(const char *p, const char *end);

/* True when all bytes form characters; an empty text is valid. */
bool utf8_valid(const char *text, size_t size);

/* Writes a code point (a scalar value); returns the number of bytes, 1..4. */
size_t utf8_write(unsigned code, char *out);

#endif
