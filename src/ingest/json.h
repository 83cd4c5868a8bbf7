/* Reads one JSON message: RFC 8259, nothing more and nothing less. */
#ifndef INGEST_JSON_H
#define INGEST_JSON_H

#include "ingest/ingest.h"

enum { JSON_QUOTED_LONGEST = 24 };

/* A name in quotes with a colon, as most messages have it, as three words that may overlap: its
 * first eight bytes, its last, and those between. mask: of a shorter one its bytes; 0: there is
 * none (or it is too long, or not written so). */
struct json_quoted {
    uint64_t first, middle, last, mask;
    size_t middle_at, last_at;
};

/* The fields that are looked for: slot i has the name names[i] (NULL: matches nothing). */
struct json_names {
    size_t count;
    const char *names[BATCH_COLUMNS];
    size_t sizes[BATCH_COLUMNS];
    const char *fields[BATCH_COLUMNS]; /* what reasons call them */
    struct json_quoted quoted[BATCH_COLUMNS];
};

/* Sets the name of a slot and what reasons call it; both texts stay the caller's. */
void json_names_put(struct json_names *names, size_t slot, const char *name, const char *field);

enum json_status {
    JSON_OK,     /* an object was read; `reasons` tells whether it can be used */
    JSON_OTHER,  /* a value that is no object was read; `reasons` says so */
    JSON_BROKEN, /* it is no JSON; `reasons` says so */
    JSON_MORE,   /* it may go on behind the end of the text (only when not `final`) */
};

struct json_text {
    const char *start, *end;
    bool final;    /* nothing comes behind `end` */
    bool alone;    /* the value must be all there is: only blanks may follow (wants `final`) */
    char *scratch; /* room for end - start bytes, where unescaped texts are put */
};

enum { JSON_DEPTH = 256 };

/* Reads the value at text->start (blanks in front of it are skipped) in one pass. An object's known
 * fields go to values[names->count], the others of which are RAW_MISSING; unknown fields are
 * checked as strictly and skipped. Texts lie in the text or in its scratch. `after` is set to the
 * first byte behind the value (JSON_OK, JSON_OTHER). Reasons added: broken_json, not_an_object,
 * too_deep, duplicate_field, bad_utf8. */
enum json_status json_read(const struct json_text *text, const struct json_names *names,
                           struct raw_value *values, struct reasons *reasons, const char **after);

enum { JSON_SLACK = JSON_QUOTED_LONGEST }; /* bytes */

/* Reads the object at `start` like json_read(), but only one that is written plainly: members with
 * scalar values, texts of ASCII without escapes, no blanks but spaces, no line feed. JSON_SLACK
 * zeros must stand at `end`. Returns the byte behind it; json_read() would then find the same
 * values and no reasons. NULL: perhaps good, perhaps not, ask json_read(). */
const char *json_read_quick(const char *start, const char *end, const struct json_names *names,
                            struct raw_value *values);

#endif
