/* What the two readers of JSON messages share: json.c, which reads everything, and json_quick.c,
 * which reads what most machines write. For these two files only. */
#ifndef INGEST_JSON_SCAN_H
#define INGEST_JSON_SCAN_H

#include "base/bytes.h"
#include "ingest/json.h"

/* How many of the eight bytes at `p` are plain: ASCII, no quote, backslash or control character. A
 * byte x is below 0x20 or equals c where x - 0x20 or (x ^ c) - 1 borrows (Mycroft); a borrow may
 * reach a byte behind one that is found, never one before it. */
static inline size_t plain_bytes(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t x = eight_bytes(p);
    uint64_t quote = (x ^ ones * '"') - ones;
    uint64_t backslash = (x ^ ones * '\\') - ones;
    uint64_t found = (x | quote | backslash | (x - ones * 0x20)) & tops;
    return found ? (size_t)__builtin_ctzll(found) / 8 : 8;
}

/* The slot of a field's name, or -1. Messages of one fleet keep their order: `expected`, the slot
 * behind the one that was found last, is tried first. */
static inline int find_slot(const struct json_names *names, struct bytes name, size_t *expected)
{
    for (size_t tried = 0, i = *expected; tried < names->count; tried++, i++) {
        i = i >= names->count ? 0 : i;
        if (names->sizes[i] == name.size && names->names[i] &&
            memcmp(names->names[i], name.data, name.size) == 0) {
            *expected = i + 1;
            return (int)i;
        }
    }
    return -1;
}

#endif
