/* Request targets (RFC 3986, and forms' '+'); see target.h. */
#include "serve/target.h"

#include "base/hex.h"
#include "serve/body.h"

#include <stdbool.h>
#include <string.h>

/* Decodes in place: the result is never longer. */
static enum target_fault decode(char *text, bool in_query)
{
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        if (*in == '+' && in_query) {
            *out++ = ' ';
        } else if (*in == '%') {
            int high = hex_digit(in[1]);
            int low = high < 0 ? -1 : hex_digit(in[2]);
            if (low < 0 || high + low == 0) {
                return TARGET_BROKEN_ESCAPE;
            }
            *out++ = (char)(high * 16 + low);
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return utf8_is_valid(text, (size_t)(out - text)) ? TARGET_FINE : TARGET_NOT_UTF8;
}

static enum target_fault add_parameter(struct target *out, char *part)
{
    char *value = strchr(part, '=');
    if (out->count == PARAMETERS_AT_MOST) {
        return TARGET_TOO_MANY;
    }
    if (value != NULL) {
        *value++ = '\0';
    } else {
        value = part + strlen(part);
    }
    enum target_fault fault = decode(part, true);
    if (fault == TARGET_FINE && *value != '\0') {
        fault = decode(value, true);
    }
    out->parameters[out->count++] = (struct parameter){part, value};
    return fault;
}

enum target_fault target_parse(struct target *out, char *text)
{
    out->path = text;
    out->count = 0;
    if (strnlen(text, TARGET_AT_MOST + 1) > TARGET_AT_MOST) {
        return TARGET_TOO_LONG;
    }
    text[strcspn(text, "#")] = '\0';
    char *query = strchr(text, '?');
    if (query != NULL) {
        *query++ = '\0';
    }
    enum target_fault fault = decode(text, false);
    while (fault == TARGET_FINE && query != NULL) {
        char *part = query;
        query = strchr(part, '&');
        if (query != NULL) {
            *query++ = '\0';
        }
        if (*part != '\0') {
            fault = add_parameter(out, part);
        }
    }
    return fault;
}
