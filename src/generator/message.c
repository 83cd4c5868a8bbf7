/* Writes messages in the form of the reference ({"vin": "VIN-751000", "timestamp": ..., ...}) and
 * spoils them; see message.h. Memory only. */
#include "generator/message.h"

#include "base/dates.h"
#include "generator/text.h"

#include <assert.h>

struct key {
    const char *text;
    size_t size;
};

static const struct key measure_keys[TELEMETRY_FEATURE_COUNT] = {
#define X(name, ...) {", \"" #name "\": ", sizeof(", \"" #name "\": ") - 1},
    TELEMETRY_FEATURES(X)
#undef X
};

/* What stands where a number should; only the kind of value is wrong, the JSON is right. */
static const char *const texts[] = {"\"n/a\"", "\"--\"", "\"12,5\"", "\"90\"", "true"};
static const char *const timestamps[] = {"\"23/11/2026 12:00\"", "\"hier\"", "\"\"",
                                         "\"2026-02-30T10:00:00\"", "\"2026-11-23T25:61:00\""};

enum broken {
    BROKEN_CUT,
    BROKEN_FOREIGN,  /* something else came instead */
    BROKEN_NOISE,    /* bytes that are no text */
    BROKEN_TRAILING, /* a rest of another message behind it */
    BROKEN_QUOTES,   /* as Python prints a dict */
    BROKEN_COUNT
};

static char *put_instant(char *to, int64_t instant)
{
    int year, month, day;
    int64_t days = instant / 86400; /* from 2000 on, so never negative */
    unsigned second = (unsigned)(instant % 86400);
    date_to_civil((int32_t)days, &year, &month, &day);
    to = put_pair(to, (unsigned)year / 100);
    to = put_pair(to, (unsigned)year % 100);
    *to++ = '-';
    to = put_pair(to, (unsigned)month);
    *to++ = '-';
    to = put_pair(to, (unsigned)day);
    *to++ = 'T';
    to = put_pair(to, second / 3600);
    *to++ = ':';
    to = put_pair(to, second / 60 % 60);
    *to++ = ':';
    return put_pair(to, second % 60);
}

/* Vin and timestamp, the first two fields, with their faults. */
static char *put_head(char *to, const struct message *message)
{
    uint64_t choice = message->fault_choice;
    *to++ = '{';
    if (message->fault == FAULT_VIN && choice % 2 == 0) {
        to = put_text(to, "\"vin\": null, ");
    } else if (message->fault != FAULT_VIN) {
        to = put_text(to, "\"vin\": \"VIN-");
        to = put_whole(to, SIMULATION_FIRST_VIN + message->vehicle);
        to = put_text(to, "\", ");
    }
    to = put_text(to, "\"timestamp\": ");
    if (message->fault == FAULT_TIMESTAMP) {
        return put_text(to, timestamps[choice % (sizeof timestamps / sizeof *timestamps)]);
    }
    *to++ = '"';
    to = put_instant(to, message->instant);
    *to++ = '"';
    return to;
}

static char *put_measure(char *to, const struct message *message, int feature)
{
    bool spoiled = message->fault != FAULT_NONE && message->fault_feature == feature;
    if (spoiled && message->fault == FAULT_MISSING) {
        return to;
    }
    to = put_bytes(to, measure_keys[feature].text, measure_keys[feature].size);
    if (spoiled && message->fault == FAULT_NULL) {
        return put_text(to, "null");
    }
    if (spoiled && message->fault == FAULT_TEXT) {
        return put_text(to, texts[message->fault_choice % (sizeof texts / sizeof *texts)]);
    }
    return put_milli(to, message->value[feature], telemetry_features[feature].type == COLUMN_WHOLE);
}

/* Makes the JSON text start..end invalid; never adds an end of line. Returns the new end. */
static char *break_json(char *start, char *end, uint64_t choice)
{
    enum broken how = (enum broken)(choice % BROKEN_COUNT);
    uint64_t more = choice / BROKEN_COUNT;
    switch (how) {
    case BROKEN_CUT:
        return start + 1 + more % (uint64_t)(end - start - 1);
    case BROKEN_FOREIGN:
        return put_text(start, "<html><body>502 Bad Gateway</body></html>");
    case BROKEN_NOISE:
        for (size_t i = 0; i < sizeof more; i++) {
            start[i] = (char)(0x80 | (more >> (8 * i))); /* from 0x80 on: never an end of line */
        }
        return start + sizeof more;
    case BROKEN_TRAILING:
        return put_text(end, ": 12.5}");
    case BROKEN_QUOTES:
    case BROKEN_COUNT:
        break;
    }
    for (char *p = start; p < end; p++) {
        if (*p == '"') {
            *p = '\'';
        }
    }
    return end;
}

char *message_put(char to[MESSAGE_ROOM], const struct message *message)
{
    char *end = put_head(to, message);
    for (int f = 0; f < TELEMETRY_FEATURE_COUNT; f++) {
        end = put_measure(end, message, f);
    }
    *end++ = '}';
    if (message->fault == FAULT_BROKEN) {
        end = break_json(to, end, message->fault_choice);
    }
    assert(end - to < MESSAGE_ROOM);
    return end;
}
