/* The wire format of protocol buffers, read in place: a model file is walked, never copied as a
 * whole, so that a file of any size costs no more memory than what is taken out of it. For this
 * room only.
 *
 * Messages are cursors over bytes that may be hostile. A cursor that meets bytes that are no
 * fields stops and is marked `bad`; whoever walks one to its end asks for that mark. */
#ifndef FOREST_MODEL_WIRE_H
#define FOREST_MODEL_WIRE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct wire {
    const uint8_t *at, *end;
    bool bad;
};

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;   /* of a WIRE_VARINT */
    struct wire body; /* the value's bytes, of the other types */
};

/* Takes the next field off the message; false at the end, or when it is bad. */
bool wire_next(struct wire *message, struct wire_field *field);

/* True when the field has this number; a field of that number but another type marks the message as
 * bad. */
bool wire_is_field(struct wire *message, const struct wire_field *field, uint32_t number,
                   enum wire_type type);

/* Takes a varint of at most 10 bytes; false (and bad) when there is none. */
bool wire_varint(struct wire *wire, uint64_t *value);

/* The bytes of the one field `number` of a message. Returns how many of them there are: 0, 1, 2 for
 * more, -1 when the message is bad. `body` is empty unless there is one. */
int wire_find(struct wire message, uint32_t number, struct wire *body);

/* The same for a number. */
int wire_find_number(struct wire message, uint32_t number, uint64_t *value);

/* True when the bytes are those of `text`, of another. */
bool wire_is(struct wire bytes, const char *text);
bool wire_same(struct wire a, struct wire b);

/* The bytes as a C string owned by the arena; NULL when they are not UTF-8 or hold a NUL. */
const char *wire_text(struct wire bytes, struct arena *arena);

#endif
