/* UTF-8 texts and numbers made ready for people; see words.h. Reads and writes memory only. */
#include "cli/words.h"

#include "base/numbers.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6" /* U+2026 */
#define DASH "\xe2\x80\x93"     /* U+2013 */
#define NOT_UTF8 UINT32_MAX

struct range {
    uint32_t first, last;
};

/* Marks that stand on the character before them. */
static const struct range combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};

/* East Asian wide characters and pictures. */
static const struct range wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                    {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                    {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};

/* Would move the cursor, change the direction of the text or not be seen at all. */
static const struct range unsafe[] = {{0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad},
                                      {0x061c, 0x061c}, {0x200b, 0x200f}, {0x2028, 0x202e},
                                      {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff}};

static bool is_in(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

#define IS_IN(code, ranges) is_in((code), (ranges), sizeof(ranges) / sizeof *(ranges))

/* Size of the sequence at `text` and its code point; 0 at the end. A byte that starts no valid
 * sequence is one of size 1 with code NOT_UTF8. */
static size_t decode(const char *text, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80) {
        *code = p[0];
        return p[0] == 0 ? 0 : 1;
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t value = p[0] & (0x7fU >> size);
    *code = NOT_UTF8;
    if (p[0] < 0xc2 || p[0] > 0xf4) {
        return 1;
    }
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 1;
        }
        value = value << 6 | (p[i] & 0x3fU);
    }
    if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 1;
    }
    *code = value;
    return size;
}

static size_t code_width(uint32_t code)
{
    if (code != NOT_UTF8 && IS_IN(code, combining)) {
        return 0;
    }
    return code != NOT_UTF8 && IS_IN(code, wide) ? 2 : 1;
}

/* Bytes of the longest beginning of `text` that fits into `width` columns. */
static size_t fitting(const char *text, size_t width)
{
    size_t used = 0;
    size_t taken = 0;
    uint32_t code;
    for (size_t size; (size = decode(text + taken, &code)) > 0; taken += size) {
        used += code_width(code);
        if (used > width) {
            break;
        }
    }
    return taken;
}

size_t words_width(const char *text)
{
    size_t width = 0;
    uint32_t code;
    for (size_t size; (size = decode(text, &code)) > 0; text += size) {
        width += code_width(code);
    }
    return width;
}

const char *words_clean(struct arena *arena, const char *text)
{
    enum { LONGEST_ESCAPE = 10 }; /* "\\u{10ffff}" */
    char *out = ARENA_NEW(arena, char, strlen(text) * LONGEST_ESCAPE + 1);
    char *end = out;
    uint32_t code;
    for (size_t size; (size = decode(text, &code)) > 0; text += size) {
        bool byte = code == NOT_UTF8;
        int written = (int)size;
        if (byte || (code < 0x80 && IS_IN(code, unsafe))) {
            written = snprintf(end, LONGEST_ESCAPE + 1, "\\x%02x", (unsigned char)*text);
        } else if (IS_IN(code, unsafe)) {
            written = snprintf(end, LONGEST_ESCAPE + 1, "\\u{%04x}", (unsigned)code);
        } else {
            memcpy(end, text, size);
        }
        end += written;
    }
    *end = '\0';
    return out;
}

const char *words_cut(struct arena *arena, const char *text, size_t width)
{
    assert(width >= 1);
    if (words_width(text) <= width) {
        return text;
    }
    size_t kept = fitting(text, width - 1);
    return arena_printf(arena, "%.*s%s", (int)kept, text, ELLIPSIS);
}

/* Is the space at `p` one at which a line may end? Not when ":", "%", "»" ... follow alone. */
static bool may_break_at(const char *p)
{
    if (*p != ' ') {
        return false;
    }
    bool punctuation = strchr(":;!?%=", p[1]) != NULL || strncmp(p + 1, "»", strlen("»")) == 0;
    return p[1] != '\0' && !punctuation;
}

bool words_wrap(const char **rest, size_t width, struct bytes *line)
{
    const char *text = *rest;
    text += strspn(text, " ");
    if (*text == '\0') {
        return false;
    }
    const char *newline = strchr(text, '\n');
    size_t whole = newline != NULL ? (size_t)(newline - text) : strlen(text);
    size_t fits = width == 0 ? whole : fitting(text, width);
    if (fits >= whole) {
        *line = (struct bytes){text, whole};
        *rest = text + whole + (newline != NULL);
        return true;
    }
    size_t cut = fits;
    while (cut > 0 && !may_break_at(text + cut)) {
        cut--;
    }
    if (cut == 0) { /* one word wider than the line: cut it, and go on */
        uint32_t code;
        cut = fits > 0 ? fits : decode(text, &code);
    }
    *line = (struct bytes){text, cut};
    *rest = text + cut;
    return true;
}

const char *words_whole(struct arena *arena, enum lang lang, uint64_t value)
{
    return number_whole(arena, lang, value);
}

const char *words_real(struct arena *arena, enum lang lang, double value, int decimals)
{
    return number_real(arena, lang, value, decimals);
}

const char *words_percent(struct arena *arena, enum lang lang, double share, int decimals)
{
    if (!isfinite(share)) {
        return DASH;
    }
    return arena_printf(arena, "%s%s%%", words_real(arena, lang, share * 100, decimals),
                        lang == LANG_FR ? NARROW_SPACE : "");
}
