/* Base64 (RFC 4648, with padding): bytes as text that passes any pipe. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Room for the text of `size` bytes and its NUL. */
#define BASE64_ROOM(size) (((size) + 2) / 3 * 4 + 1)

/* Writes the text of `size` bytes with a NUL; returns its length. */
size_t base64_write(const void *bytes, size_t size, char *text);

/* Reads text[size] into `bytes` (which may be the text's own place; size / 4 * 3 bytes are enough).
 * False when it is no base64. */
bool base64_read(const char *text, size_t size, void *bytes, size_t *bytes_size);

#endif
