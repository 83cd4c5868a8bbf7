/* Growing text and JSON; see body.h. */
#include "serve/body.h"

#include "base/arena.h"
#include "base/error.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void body_release(struct body *body)
{
    free(body->data);
    *body = (struct body){0};
}

char *body_reserve(struct body *body, size_t more)
{
    if (more > body->room - body->size) {
        size_t room = body->room < 512 ? 512 : body->room;
        if (more > SIZE_MAX / 4 || body->size > SIZE_MAX / 4) {
            out_of_memory();
        }
        while (room - body->size < more) {
            room *= 2;
        }
        body->data = xrealloc(body->data, room, 1);
        body->room = room;
    }
    return body->data + body->size;
}

/* ---- bytes ---- */

void body_bytes(struct body *body, const void *bytes, size_t size)
{
    if (size > 0) {
        memcpy(body_reserve(body, size), bytes, size);
        body->size += size;
    }
}

void body_text(struct body *body, const char *text)
{
    body_bytes(body, text, strlen(text));
}

void body_printf(struct body *body, const char *format, ...)
{
    for (size_t guess = 128;;) {
        char *end = body_reserve(body, guess);
        va_list args;
        va_start(args, format);
        int length = vsnprintf(end, guess, format, args);
        va_end(args);
        assert(length >= 0);
        if ((size_t)length < guess) {
            body->size += (size_t)length;
            return;
        }
        guess = (size_t)length + 1;
    }
}

static void add_byte(struct body *body, char byte)
{
    *body_reserve(body, 1) = byte;
    body->size++;
}

/* ---- numbers ---- */

enum { NUMBER_ROOM = 40 };

/* Writes the digits of `value`, returns the end. */
static char *write_digits(char *out, uint64_t value)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0) {
        *out++ = digits[--count];
    }
    return out;
}

/* -n / unit with a point; unit is a power of ten. */
static char *write_fraction(bool negative, uint64_t n, uint64_t unit, char point, char *out)
{
    if (negative) {
        *out++ = '-';
    }
    out = write_digits(out, n / unit);
    uint64_t rest = n % unit;
    if (rest > 0) {
        *out++ = point;
    }
    for (unit /= 10; rest > 0; unit /= 10) {
        *out++ = (char)('0' + rest / unit);
        rest %= unit;
    }
    return out;
}

/* Numbers with at most six decimals and fifteen digits, which are nearly all of ours: n / 10^6 is
 * rounded correctly when both are exact, so that equality proves that the text reads back the
 * same; and no other text of fifteen digits or fewer does. NULL when the value is not one of them.
 */
static char *write_six_decimals(char *out, double value, char point)
{
    double magnitude = fabs(value);
    double scaled = magnitude * 1e6;
    if (!(scaled < 1e15)) {
        return NULL;
    }
    uint64_t millionths = (uint64_t)(scaled + 0.5);
    if ((double)millionths / 1e6 != magnitude) {
        return NULL;
    }
    return write_fraction(value < 0, millionths, 1000000, point, out);
}

/* Other numbers from 0.001 up to 10^15: the fewest digits of 15, 16 and 17 that read back the same,
 * in whole numbers. value is m * 2^e, so that value * 10^k is m * 5^k * 2^(e + k), exactly; rounded
 * to a whole number n, n / 10^k reads back as value when it is less than half a step of value away.
 * NULL when the value is not one of them. */
static char *write_shortest(char *out, double value, char point)
{
    double magnitude = fabs(value);
    int exponent;
    uint64_t m = (uint64_t)ldexp(frexp(magnitude, &exponent), 53);
    exponent -= 53;
    if (!(magnitude >= 1e-3 && magnitude < 1e15) || m == UINT64_C(1) << 52) {
        return NULL; /* below a power of two the steps are smaller */
    }
    int whole_digits = -2;
    double bound = 1e-2; /* 10^whole_digits, in the end above magnitude */
    while (magnitude >= bound) {
        bound *= 10;
        whole_digits++;
    }
    for (int digits = 15; digits <= 17; digits++) {
        unsigned decimals = (unsigned)(digits - whole_digits);
        uint64_t five = 1;
        uint64_t ten = 1;
        for (unsigned i = 0; i < decimals; i++) {
            five *= 5;
            ten *= 10;
        }
        int shift = -(exponent + (int)decimals);
        if (shift <= 0) {
            return NULL;
        }
        unsigned __int128 exact = (unsigned __int128)m * five;
        uint64_t n = (uint64_t)(exact >> shift);
        unsigned __int128 half = (unsigned __int128)1 << (shift - 1);
        unsigned __int128 over = exact - ((unsigned __int128)n << shift);
        n += over > half || (over == half && n % 2 == 1); /* ties to even */
        unsigned __int128 back = (unsigned __int128)n << shift;
        unsigned __int128 away = back > exact ? back - exact : exact - back;
        if (2 * away < five) {
            return write_fraction(value < 0, n, ten, point, out);
        }
    }
    return NULL;
}

void body_decimal(struct body *body, double value, char point)
{
    if (!isfinite(value)) {
        return;
    }
    char *out = body_reserve(body, NUMBER_ROOM);
    char *end = write_six_decimals(out, value, point);
    if (end == NULL) {
        end = write_shortest(out, value, point);
    }
    if (end == NULL) {
        int length = 0;
        for (int digits = 15; digits <= 17; digits++) {
            length = snprintf(out, NUMBER_ROOM, "%.*g", digits, value);
            if (strtod(out, NULL) == value) {
                break;
            }
        }
        end = out + length;
        char *dot = memchr(out, '.', (size_t)length);
        if (dot != NULL) {
            *dot = point;
        }
    }
    body->size += (size_t)(end - out);
}

/* ---- JSON ---- */

/* A comma, when a value stands before. The last byte tells: a value ends with none of these. */
static void separate(struct body *body)
{
    if (body->size > 0) {
        char last = body->data[body->size - 1];
        if (last != '{' && last != '[' && last != ':' && last != ',' && last != '\n') {
            add_byte(body, ',');
        }
    }
}

void body_open(struct body *body, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    separate(body);
    add_byte(body, bracket);
}

void body_close(struct body *body, char bracket)
{
    assert(bracket == '}' || bracket == ']');
    add_byte(body, bracket);
}

void body_key(struct body *body, const char *name)
{
    separate(body);
    add_byte(body, '"');
    body_text(body, name);
    body_text(body, "\":");
}

void body_null(struct body *body)
{
    separate(body);
    body_text(body, "null");
}

void body_bool(struct body *body, bool value)
{
    separate(body);
    body_text(body, value ? "true" : "false");
}

void body_whole(struct body *body, int64_t value)
{
    separate(body);
    char *out = body_reserve(body, NUMBER_ROOM);
    char *end = out;
    if (value < 0) {
        *end++ = '-';
    }
    end = write_digits(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    body->size += (size_t)(end - out);
}

void body_real(struct body *body, double value)
{
    if (!isfinite(value)) {
        body_null(body);
        return;
    }
    separate(body);
    body_decimal(body, value, '.');
}

/* The length of the UTF-8 character at `text` (RFC 3629), or 0 when there is none. */
static size_t character(const unsigned char *text, size_t left)
{
    unsigned char first = text[0];
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || first > 0xf4 || length > left) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = (first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
               (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f);
    return bad ? 0 : length;
}

bool utf8_is_valid(const void *bytes, size_t size)
{
    const unsigned char *text = bytes;
    size_t length = 1;
    for (size_t i = 0; i < size && length > 0; i += length) {
        length = text[i] < 0x80 ? 1 : character(text + i, size - i);
    }
    return length > 0;
}

static void escape_byte(struct body *body, unsigned char byte)
{
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                  ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (byte < sizeof shorts && shorts[byte] != 0) {
        add_byte(body, '\\');
        add_byte(body, shorts[byte]);
    } else {
        body_printf(body, "\\u%04x", byte);
    }
}

void body_string_bytes(struct body *body, const void *bytes, size_t size)
{
    const unsigned char *text = bytes;
    separate(body);
    add_byte(body, '"');
    for (size_t i = 0; i < size;) {
        size_t run = i;
        while (run < size && text[run] >= 0x20 && text[run] < 0x7f && text[run] != '"' &&
               text[run] != '\\') {
            run++;
        }
        body_bytes(body, text + i, run - i);
        i = run;
        if (i == size) {
            break;
        }
        size_t length = character(text + i, size - i);
        if (length == 0) {
            body_text(body, "\xef\xbf\xbd");
            i++;
        } else if (length == 1) {
            escape_byte(body, text[i++]);
        } else {
            body_bytes(body, text + i, length);
            i += length;
        }
    }
    add_byte(body, '"');
}

void body_string(struct body *body, const char *text)
{
    if (text == NULL) {
        body_null(body);
    } else {
        body_string_bytes(body, text, strlen(text));
    }
}

void body_date(struct body *body, int32_t date)
{
    char text[DATE_TEXT_SIZE];
    body_string(body, date_format(date, text));
}

void body_words(struct body *body, const struct text *text)
{
    static const char *const langs[LANG_COUNT] = {[LANG_FR] = "fr", [LANG_EN] = "en"};
    if (text == NULL || text->in[LANG_FR] == NULL) {
        body_null(body);
        return;
    }
    body_open(body, '{');
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        body_put_string(body, langs[lang], text->in[lang]);
    }
    body_close(body, '}');
}

void body_put_null(struct body *body, const char *name)
{
    body_key(body, name);
    body_null(body);
}

void body_put_bool(struct body *body, const char *name, bool value)
{
    body_key(body, name);
    body_bool(body, value);
}

void body_put_whole(struct body *body, const char *name, int64_t value)
{
    body_key(body, name);
    body_whole(body, value);
}

void body_put_real(struct body *body, const char *name, double value)
{
    body_key(body, name);
    body_real(body, value);
}

void body_put_string(struct body *body, const char *name, const char *text)
{
    body_key(body, name);
    body_string(body, text);
}

void body_put_date(struct body *body, const char *name, int32_t date)
{
    body_key(body, name);
    body_date(body, date);
}

void body_put_words(struct body *body, const char *name, const struct text *text)
{
    body_key(body, name);
    body_words(body, text);
}
