/* Checks and writes UTF-8; see utf8.h. The table of valid forms is the Unicode standard's 3-7. */
#include "ingest/utf8.h"

#include <stdint.h>
#include <string.h>

static bool follows(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

size_t utf8_length(const char *text, const char *end)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = (size_t)(end - text);
    if (left == 0) {
        return 0;
    }
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        return left >= 2 && follows(p[1], 0x80, 0xbf) ? 2 : 0;
    }
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        unsigned char low = p[0] == 0xe0 ? 0xa0 : 0x80;
        unsigned char high = p[0] == 0xed ? 0x9f : 0xbf;
        return left >= 3 && follows(p[1], low, high) && follows(p[2], 0x80, 0xbf) ? 3 : 0;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        unsigned char low = p[0] == 0xf0 ? 0x90 : 0x80;
        unsigned char high = p[0] == 0xf4 ? 0x8f : 0xbf;
        return left >= 4 && follows(p[1], low, high) && follows(p[2], 0x80, 0xbf) &&
                       follows(p[3], 0x80, 0xbf)
                   ? 4
                   : 0;
    }
    return 0;
}

/* True when the eight bytes at `p` are all ASCII. */
static bool all_ascii(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return (word & UINT64_C(0x8080808080808080)) == 0;
}

bool utf8_valid(const char *text, size_t size)
{
    const char *end = text + size;
    while (text < end) {
        if (end - text >= 8 && all_ascii(text)) {
            text += 8;
            continue;
        }
        size_t length = utf8_length(text, end);
        if (length == 0) {
            return false;
        }
        text += length;
    }
    return true;
}

size_t utf8_write(unsigned code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | (code >> 6));
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | (code >> 12));
        out[1] = (char)(0x80 | ((code >> 6) & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | (code >> 18));
    out[1] = (char)(0x80 | ((code >> 12) & 63));
    out[2] = (char)(0x80 | ((code >> 6) & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}
