/* A telemetry message as text. Internal to the generator. */
#ifndef GENERATOR_MESSAGE_H
#define GENERATOR_MESSAGE_H

#include "generator/simulate.h"

enum { MESSAGE_ROOM = 1024 }; /* no message is longer */

/* Writes the message as one line of JSON without its end of line, spoiled as its fault says
 * (a duplicate is an ordinary message that the caller writes twice). Returns its end. */
char *message_put(char to[MESSAGE_ROOM], const struct message *message);

#endif
