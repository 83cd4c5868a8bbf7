/* A telemetry message as text, and as a row. Internal to the generator. */
#ifndef GENERATOR_MESSAGE_H
#define GENERATOR_MESSAGE_H

#include "base/arena.h"
#include "base/columns.h"
#include "generator/simulate.h"

enum {
    MESSAGE_ROOM = 1024, /* no message is longer */
    VALUE_ROOM = 32,     /* no vin or timestamp is */
};

/* Writes the message as one line of JSON without its end of line, spoiled as its fault says
 * (a duplicate is an ordinary message that the caller writes twice). Returns its end. */
char *message_put(char to[MESSAGE_ROOM], const struct message *message);

/* Rows of messages, on their way to an engine. */
struct message_rows {
    struct arena arena;
    struct batch batch;        /* vin, timestamp (texts), then the measures; NULL: not there */
    char (*vins)[VALUE_ROOM];  /* [BATCH_ROWS]: what the batch's texts point to */
    char (*times)[VALUE_ROOM]; /* likewise */
};

/* Makes zeroed rows ready. */
void message_rows_init(struct message_rows *rows);
void message_rows_release(struct message_rows *rows);

/* Adds the message as a row; there must be room in the batch. Spoiled as its fault says; what a
 * column with a type cannot hold (broken JSON, a text where a number stands) is a row without its
 * vin, which is refused as well. */
void message_rows_add(struct message_rows *rows, const struct message *message);

#endif
