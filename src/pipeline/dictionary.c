/* Open addressing over FNV-1a; see dictionary.h. Memory only. */
#include "pipeline/dictionary.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash(const char *data, size_t size)
{
    uint64_t value = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++) {
        value = (value ^ (unsigned char)data[i]) * UINT64_C(1099511628211);
    }
    return value ^ value >> 29;
}

/* The slot where the text is, or where it would be. */
static size_t find(const struct dictionary *d, const char *data, size_t size)
{
    size_t slot = (size_t)hash(data, size) & (d->slot_count - 1);
    while (d->slots[slot] != 0) {
        const char *text = d->texts[d->slots[slot] - 1];
        if (strlen(text) == size && memcmp(text, data, size) == 0) {
            break;
        }
        slot = (slot + 1) & (d->slot_count - 1);
    }
    return slot;
}

static void grow(struct dictionary *d)
{
    d->slot_count = d->slot_count > 0 ? 2 * d->slot_count : 64;
    free(d->slots);
    d->slots = xcalloc(d->slot_count, sizeof *d->slots);
    d->texts = xrealloc((void *)d->texts, d->slot_count / 2 + 1, sizeof *d->texts);
    for (size_t i = 0; i < d->count; i++) {
        d->slots[find(d, d->texts[i], strlen(d->texts[i]))] = i + 1;
    }
}

size_t dictionary_number(struct dictionary *dictionary, struct bytes text)
{
    /* A text ends at its NUL, if it has one. */
    size_t size = strnlen(text.data, text.size);
    if (2 * (dictionary->count + 1) > dictionary->slot_count) {
        grow(dictionary);
    }
    size_t slot = find(dictionary, text.data, size);
    if (dictionary->slots[slot] == 0) {
        dictionary->texts[dictionary->count++] = arena_copy(&dictionary->arena, text.data, size);
        dictionary->slots[slot] = dictionary->count;
    }
    return dictionary->slots[slot] - 1;
}

void dictionary_release(struct dictionary *dictionary)
{
    free((void *)dictionary->texts);
    free(dictionary->slots);
    arena_release(&dictionary->arena);
    *dictionary = (struct dictionary){0};
}
