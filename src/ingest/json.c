/* A strict reader of one flat JSON message, in a single pass over its bytes; see json.h.
 *
 * It does not recurse: an unknown field may hold anything up to JSON_DEPTH levels, tracked in a bit
 * a level. Near the end of a text that is not final every failure may be for want of bytes, so it
 * is reported as JSON_MORE; the caller comes back with more of them. */
#include "ingest/json.h"

#include "base/hex.h"
#include "ingest/json_scan.h"
#include "ingest/number.h"
#include "ingest/utf8.h"

#include <string.h>

struct parser {
    const char *p, *end;
    char *scratch; /* next free byte */
    const struct json_names *names;
    struct raw_value *values;
    struct reasons *reasons;
    size_t expected; /* the slot that comes next when messages keep their order */
    bool bad_utf8, too_deep, other;
};

/* A string's raw bytes between the quotes. */
struct string {
    struct bytes raw;
    bool escaped;
};

static void skip_blanks(struct parser *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\n' || *j->p == '\t' || *j->p == '\r')) {
        j->p++;
    }
}

static bool take(struct parser *j, char c)
{
    skip_blanks(j);
    if (j->p < j->end && *j->p == c) {
        j->p++;
        return true;
    }
    return false;
}

/* ---- strings ---- */

/* The value of four hexadecimal digits at `p`, or -1. */
static int hex4(const char *p, const char *end)
{
    int value = 0;
    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static bool is_high_surrogate(int code)
{
    return code >= 0xd800 && code <= 0xdbff;
}

static bool is_low_surrogate(int code)
{
    return code >= 0xdc00 && code <= 0xdfff;
}

/* Checks the escape behind a backslash. Half a surrogate pair follows the grammar, but no UTF-8
 * text can hold it. */
static bool scan_escape(struct parser *j)
{
    if (j->p == j->end) {
        return false;
    }
    char c = *j->p++;
    if (c != 'u') {
        return memchr("\"\\/bfnrt", c, 8) != NULL;
    }
    int code = hex4(j->p, j->end);
    if (code < 0) {
        return false;
    }
    j->p += 4;
    if (is_high_surrogate(code)) {
        if (j->end - j->p >= 6 && j->p[0] == '\\' && j->p[1] == 'u' &&
            is_low_surrogate(hex4(j->p + 2, j->end))) {
            j->p += 6;
        } else {
            j->bad_utf8 = true;
        }
    } else if (is_low_surrogate(code)) {
        j->bad_utf8 = true;
    }
    return true;
}

/* Checks a string, from its first quote. */
static bool scan_string(struct parser *j, struct string *out)
{
    if (!take(j, '"')) {
        return false;
    }
    out->raw.data = j->p;
    out->escaped = false;
    while (j->p < j->end) {
        if (j->end - j->p >= 8) {
            size_t plain = plain_bytes(j->p);
            j->p += plain;
            if (plain == 8) {
                continue;
            }
        }
        unsigned char c = (unsigned char)*j->p;
        if (c >= 0x80) {
            size_t length = utf8_length(j->p, j->end);
            j->bad_utf8 |= length == 0;
            j->p += length ? length : 1;
        } else if (c == '"') {
            out->raw.size = (size_t)(j->p++ - out->raw.data);
            return true;
        } else if (c == '\\') {
            j->p++;
            out->escaped = true;
            if (!scan_escape(j)) {
                return false;
            }
        } else if (c < 0x20) {
            return false;
        } else {
            j->p++;
        }
    }
    return false;
}

/* Writes one escape, whose form was checked, at `out`; `p` is behind the backslash and moved on. */
static char *unescape_one(const char **p, const char *end, char *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    char c = *(*p)++;
    if (c != 'u') {
        *out++ = meant[(const char *)memchr(names, c, 8) - names];
        return out;
    }
    int code = hex4(*p, end);
    *p += 4;
    if (is_high_surrogate(code) && end - *p >= 6 && (*p)[1] == 'u') {
        code = 0x10000 + (code - 0xd800) * 0x400 + (hex4(*p + 2, end) - 0xdc00);
        *p += 6;
    }
    return out + utf8_write((unsigned)code, out);
}

/* The text a checked string stands for. */
static struct bytes unescape(struct parser *j, const struct string *string)
{
    if (!string->escaped || j->bad_utf8) { /* the latter is refused: nobody reads it */
        return string->raw;
    }
    struct bytes text = {.data = j->scratch};
    const char *end = string->raw.data + string->raw.size;
    char *out = j->scratch;
    for (const char *p = string->raw.data; p < end;) {
        if (*p == '\\') {
            p++;
            out = unescape_one(&p, end, out);
        } else {
            *out++ = *p++;
        }
    }
    text.size = (size_t)(out - text.data);
    j->scratch = out;
    return text;
}

/* ---- other values ---- */

static bool scan_word(struct parser *j, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(j->end - j->p) < size || memcmp(j->p, word, size) != 0) {
        j->p = (size_t)(j->end - j->p) < size ? j->end : j->p;
        return false;
    }
    j->p += size;
    return true;
}

/* A value that is neither object nor array; what it holds goes to `value`. */
static bool scan_scalar(struct parser *j, struct raw_value *value)
{
    struct string string;
    char c = j->p < j->end ? *j->p : '\0';
    if (c == '"') {
        if (!scan_string(j, &string)) {
            return false;
        }
        *value = (struct raw_value){.kind = RAW_TEXT, .text = unescape(j, &string)};
        return true;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        value->kind = RAW_NUMBER;
        const char *after = number_read(j->p, j->end, NUMBER_JSON, '.', &value->number);
        while (!after && j->p < j->end && memchr("+-.eE0123456789", *j->p, 15)) {
            j->p++; /* where it failed: perhaps for want of bytes */
        }
        j->p = after ? after : j->p;
        return after != NULL;
    }
    value->kind = c == 'n' ? RAW_NULL : RAW_BOOL;
    return c == 't' ? scan_word(j, "true") : scan_word(j, c == 'f' ? "false" : "null");
}

/* The kinds of the open brackets, innermost last. */
struct nesting {
    size_t depth;
    uint64_t objects[JSON_DEPTH / 64]; /* bit set: an object */
};

static bool inside_object(const struct nesting *n)
{
    return (n->objects[(n->depth - 1) / 64] >> ((n->depth - 1) % 64)) & 1;
}

static bool enter(struct parser *j, struct nesting *n, bool object)
{
    if (n->depth == JSON_DEPTH) {
        j->too_deep = true;
        return false;
    }
    uint64_t bit = UINT64_C(1) << (n->depth % 64);
    n->objects[n->depth / 64] &= ~bit;
    n->objects[n->depth / 64] |= object ? bit : 0;
    n->depth++;
    return true;
}

static bool scan_key(struct parser *j)
{
    struct string key;
    return scan_string(j, &key) && take(j, ':');
}

/* Goes on behind a value: over closing brackets up to a comma, or out of everything. */
static bool scan_behind_value(struct parser *j, struct nesting *n)
{
    while (n->depth > 0) {
        bool object = inside_object(n);
        if (take(j, ',')) {
            return !object || scan_key(j);
        }
        if (!take(j, object ? '}' : ']')) {
            return false;
        }
        n->depth--;
    }
    return true;
}

/* Checks an object or array without keeping anything of it. */
static bool scan_nested(struct parser *j)
{
    struct nesting n = {0};
    struct raw_value ignored;
    char *scratch = j->scratch;
    do {
        skip_blanks(j);
        bool object = j->p < j->end && *j->p == '{';
        if (object || (j->p < j->end && *j->p == '[')) {
            j->p++;
            if (!enter(j, &n, object)) {
                return false;
            }
            if (take(j, object ? '}' : ']')) {
                n.depth--;
            } else if (!object || scan_key(j)) {
                continue;
            } else {
                return false;
            }
        } else if (!scan_scalar(j, &ignored)) {
            return false;
        }
        j->scratch = scratch;
        if (!scan_behind_value(j, &n)) {
            return false;
        }
    } while (n.depth > 0);
    return true;
}

static bool scan_value(struct parser *j, struct raw_value *value)
{
    skip_blanks(j);
    if (j->p < j->end && (*j->p == '{' || *j->p == '[')) {
        value->kind = RAW_NESTED;
        return scan_nested(j);
    }
    return scan_scalar(j, value);
}

/* ---- the message ---- */

static bool scan_field(struct parser *j)
{
    struct string key;
    struct raw_value ignored = {0};
    char *scratch = j->scratch;
    if (!scan_string(j, &key)) {
        return false;
    }
    int slot = find_slot(j->names, unescape(j, &key), &j->expected);
    j->scratch = scratch;
    struct raw_value *value = slot >= 0 ? &j->values[slot] : &ignored;
    if (slot >= 0 && value->kind != RAW_MISSING) {
        reasons_add(j->reasons, "duplicate_field", j->names->fields[slot]);
    }
    if (!take(j, ':') || !scan_value(j, value)) {
        return false;
    }
    j->scratch = slot >= 0 ? j->scratch : scratch;
    return true;
}

static bool scan_message(struct parser *j)
{
    struct raw_value ignored;
    if (!take(j, '{')) {
        if (!scan_value(j, &ignored)) {
            return false;
        }
        reasons_add(j->reasons, "not_an_object", NULL);
        j->other = true;
        return true;
    }
    if (take(j, '}')) {
        return true;
    }
    do {
        if (!scan_field(j)) {
            return false;
        }
    } while (take(j, ','));
    return take(j, '}');
}

/* True when more bytes behind the text could change the verdict `done`. */
static bool may_go_on(const struct parser *j, bool done)
{
    enum { NEAR = 16 }; /* longer than any word, escape or character that can be cut */
    if (!done) {
        return j->end - j->p < NEAR;
    }
    return j->p == j->end && j->p[-1] != '}' && j->p[-1] != ']';
}

enum json_status json_read(const struct json_text *text, const struct json_names *names,
                           struct raw_value *values, struct reasons *reasons, const char **after)
{
    struct parser j = {.p = text->start,
                       .end = text->end,
                       .scratch = text->scratch,
                       .names = names,
                       .values = values,
                       .reasons = reasons};
    for (size_t i = 0; i < names->count; i++) {
        values[i].kind = RAW_MISSING;
    }
    size_t reasons_before = reasons->size;
    bool done = scan_message(&j);
    if (done && text->alone) {
        skip_blanks(&j);
        done = j.p == j.end;
    }
    bool cut = !text->final && may_go_on(&j, done);
    if (!done || cut) { /* what was found so far cannot be trusted */
        reasons->size = reasons_before;
        reasons->text[reasons->size] = '\0';
    }
    if (cut && !j.too_deep) {
        return JSON_MORE;
    }
    if (j.too_deep || !done) {
        reasons_add(reasons, j.too_deep ? "too_deep" : "broken_json", NULL);
    }
    if (j.bad_utf8) {
        reasons_add(reasons, "bad_utf8", NULL);
    }
    *after = j.p;
    return !done ? JSON_BROKEN : j.other ? JSON_OTHER : JSON_OK;
}
