/* Writes messages in the form of the reference ({"vin": "VIN-751000", "timestamp": ..., ...}) or as
 * rows of a table, and spoils them; see message.h. Memory only. */
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
static const char *const timestamps[] = {"23/11/2026 12:00", "hier", "", "2026-02-30T10:00:00",
                                         "2026-11-23T25:61:00"};

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

static char *put_vin(char *to, const struct message *message)
{
    return put_whole(put_text(to, "VIN-"), SIMULATION_FIRST_VIN + message->vehicle);
}

static char *put_timestamp(char *to, const struct message *message)
{
    return message->fault == FAULT_TIMESTAMP
               ? put_text(
                     to,
                     timestamps[message->fault_choice % (sizeof timestamps / sizeof *timestamps)])
               : put_instant(to, message->instant);
}

/* Vin and timestamp, the first two fields, with their faults. */
static char *put_head(char *to, const struct message *message)
{
    uint64_t choice = message->fault_choice;
    *to++ = '{';
    if (message->fault == FAULT_VIN && choice % 2 == 0) {
        to = put_text(to, "\"vin\": null, ");
    } else if (message->fault != FAULT_VIN) {
        to = put_vin(put_text(to, "\"vin\": \""), message);
        to = put_text(to, "\", ");
    }
    to = put_text(to, "\"timestamp\": ");
    *to++ = '"';
    to = put_timestamp(to, message);
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

/* ---- as rows ---- */

enum { VIN, TIMESTAMP, MEASURES };

static const struct column columns[] = {[VIN] = {"vin", COLUMN_TEXT},
                                        [TIMESTAMP] = {"timestamp", COLUMN_TEXT},
#define X(name, type, ...) {#name, COLUMN_##type},
                                        TELEMETRY_FEATURES(X)
#undef X
};

static const struct table table = {"messages", columns, sizeof columns / sizeof *columns};

void message_rows_init(struct message_rows *rows)
{
    batch_init(&rows->batch, &table, &rows->arena);
    rows->vins = arena_alloc(&rows->arena, BATCH_ROWS, sizeof *rows->vins);
    rows->times = arena_alloc(&rows->arena, BATCH_ROWS, sizeof *rows->times);
}

void message_rows_release(struct message_rows *rows)
{
    arena_release(&rows->arena);
    *rows = (struct message_rows){.batch = {.rows = 0}};
}

void message_rows_add(struct message_rows *rows, const struct message *message)
{
    struct batch *batch = &rows->batch;
    size_t row = batch->rows++;
    enum fault fault = message->fault;
    assert(row < BATCH_ROWS);
    char *vin = rows->vins[row];
    char *time = rows->times[row];
    batch->null[VIN][row] = fault == FAULT_VIN || fault == FAULT_BROKEN || fault == FAULT_TEXT;
    batch->values[VIN].text[row] = (struct bytes){vin, (size_t)(put_vin(vin, message) - vin)};
    batch->null[TIMESTAMP][row] = false;
    batch->values[TIMESTAMP].text[row] =
        (struct bytes){time, (size_t)(put_timestamp(time, message) - time)};
    for (size_t f = 0; f < TELEMETRY_FEATURE_COUNT; f++) {
        size_t c = MEASURES + f;
        batch->null[c][row] =
            (fault == FAULT_NULL || fault == FAULT_MISSING) && message->fault_feature == (int)f;
        if (columns[c].type == COLUMN_WHOLE) {
            batch->values[c].whole[row] = message->value[f] / MILLI;
        } else { /* the double that its decimals stand for: a division is rounded as they are */
            batch->values[c].real[row] = (double)message->value[f] / MILLI;
        }
    }
}
