/* Fields of protocol buffers, read in place; see model_wire.h. Memory only. Source: "Encoding" in
 * the documentation of protocol buffers. */
#include "forest/model_wire.h"

#include "forest/model_text.h"

#include <string.h>

enum { VARINT_BYTES = 10, TAG_BYTES = 5 };

static bool spoil(struct wire *wire)
{
    wire->bad = true;
    wire->at = wire->end;
    return false;
}

static inline bool take_varint(struct wire *wire, unsigned most, uint64_t *value)
{
    if (wire->at < wire->end && *wire->at < 0x80) { /* nearly all of them */
        *value = *wire->at++;
        return true;
    }
    *value = 0;
    for (unsigned i = 0; i < most && wire->at < wire->end; i++) {
        uint8_t byte = *wire->at++;
        *value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            return true;
        }
    }
    return spoil(wire);
}

bool wire_varint(struct wire *wire, uint64_t *value)
{
    return take_varint(wire, VARINT_BYTES, value);
}

bool wire_next(struct wire *message, struct wire_field *field)
{
    uint64_t tag, size;
    if (message->at == message->end) {
        return false;
    }
    if (!take_varint(message, TAG_BYTES, &tag) || tag > UINT32_MAX || tag >> 3 == 0) {
        return spoil(message);
    }
    *field = (struct wire_field){.number = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7)};
    switch (field->type) {
    case WIRE_VARINT:
        return take_varint(message, VARINT_BYTES, &field->value);
    case WIRE_64:
        size = 8;
        break;
    case WIRE_BYTES:
        if (!take_varint(message, TAG_BYTES, &size)) {
            return false;
        }
        break;
    case WIRE_32:
        size = 4;
        break;
    default: /* groups: never in ONNX */
        return spoil(message);
    }
    if (size > (uint64_t)(message->end - message->at)) {
        return spoil(message);
    }
    field->body = (struct wire){.at = message->at, .end = message->at + size};
    message->at += size;
    return true;
}

bool wire_is_field(struct wire *message, const struct wire_field *field, uint32_t number,
                   enum wire_type type)
{
    if (field->number == number && field->type != type) {
        return spoil(message);
    }
    return field->number == number;
}

/* Both kinds of wire_find(). */
static int find(struct wire message, uint32_t number, enum wire_type type, struct wire_field *found)
{
    struct wire_field field;
    int count = 0;
    *found = (struct wire_field){0};
    while (wire_next(&message, &field)) {
        if (wire_is_field(&message, &field, number, type)) {
            *found = count == 0 ? field : (struct wire_field){0};
            count = count < 2 ? count + 1 : 2;
        }
    }
    return message.bad ? -1 : count;
}

int wire_find(struct wire message, uint32_t number, struct wire *body)
{
    struct wire_field field;
    int count = find(message, number, WIRE_BYTES, &field);
    *body = field.body;
    return count;
}

int wire_find_number(struct wire message, uint32_t number, uint64_t *value)
{
    struct wire_field field;
    int count = find(message, number, WIRE_VARINT, &field);
    *value = field.value;
    return count;
}

bool wire_is(struct wire bytes, const char *text)
{
    size_t size = (size_t)(bytes.end - bytes.at);
    return size == strlen(text) && (size == 0 || memcmp(bytes.at, text, size) == 0);
}

bool wire_same(struct wire a, struct wire b)
{
    size_t size = (size_t)(a.end - a.at);
    return size == (size_t)(b.end - b.at) && (size == 0 || memcmp(a.at, b.at, size) == 0);
}

const char *wire_text(struct wire bytes, struct arena *arena)
{
    size_t size = (size_t)(bytes.end - bytes.at);
    const char *text = arena_copy(arena, bytes.at, size);
    return strlen(text) == size && model_text_is_utf8(text) ? text : NULL;
}
