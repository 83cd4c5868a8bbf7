/* What the generator's tests read back with: a bronze in a temporary folder, whole files, lines,
 * and a strict reader of flat JSON objects that shares no code with the writer. */
#ifndef TESTS_GENERATOR_READING_H
#define TESTS_GENERATOR_READING_H

#include "tests.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/hash.h"
#include "fleet/fleet.h"
#include "generator/generator.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_LIMIT = 1 << 28, FIELDS_AT_MOST = 16 };

/* A new folder under TMPDIR or /tmp, owned by the arena; the caller removes it. */
static inline char *make_folder(struct arena *arena)
{
    const char *root = getenv("TMPDIR");
    char *path = arena_printf(arena, "%s/autostream-generator-XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void remove_folder(const char *path)
{
    struct error err;
    assert_int_equal(fs_remove_tree(path, &err), 0);
}

static inline char *read_text(struct arena *arena, const char *folder, const char *name)
{
    struct bytes bytes;
    struct error err;
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    if (fs_read(path, FILE_LIMIT, arena, &bytes, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return arena_copy(arena, bytes.data, bytes.size);
}

/* Cuts a text at `separator`; the pieces point into it. A last empty piece is left out. */
static inline char **cut(struct arena *arena, char *text, char separator, size_t *count)
{
    size_t room = 2;
    for (const char *p = text; *p; p++) {
        room += *p == separator;
    }
    char **pieces = ARENA_NEW(arena, char *, room);
    *count = 0;
    for (char *next = text; next && *next;) {
        pieces[(*count)++] = next;
        next = strchr(next, separator);
        if (next) {
            *next++ = '\0';
        }
    }
    return pieces;
}

/* A flat object: names without quotes, values as they stand (strings with their quotes). */
struct object {
    size_t count;
    char name[FIELDS_AT_MOST][32];
    char value[FIELDS_AT_MOST][64];
};

static inline const char *skip_blank(const char *p)
{
    return p + strspn(p, " \t");
}

/* One token: a string without escapes, a number as RFC 8259 has it, or a word. NULL: none. */
static inline const char *read_token(const char *p, char *out, size_t room)
{
    const char *start = p;
    if (*p == '"') {
        p = strchr(p + 1, '"');
        if (!p) {
            return NULL;
        }
        p++;
    } else if (isalpha((unsigned char)*p)) {
        p += strspn(p, "abcdefghijklmnopqrstuvwxyz");
        size_t size = (size_t)(p - start);
        if (!(size == 4 && (memcmp(start, "null", 4) == 0 || memcmp(start, "true", 4) == 0))) {
            return NULL;
        }
    } else {
        p += *p == '-';
        size_t digits = strspn(p, "0123456789");
        if (digits == 0 || (digits > 1 && *p == '0')) {
            return NULL;
        }
        p += digits;
        if (*p == '.') {
            digits = strspn(p + 1, "0123456789");
            if (digits == 0) {
                return NULL;
            }
            p += 1 + digits;
        }
    }
    if ((size_t)(p - start) >= room) {
        return NULL;
    }
    memcpy(out, start, (size_t)(p - start));
    out[p - start] = '\0';
    return p;
}

/* False when the text is anything but one flat object. */
static inline bool read_object(const char *text, struct object *object)
{
    const char *p = text;
    object->count = 0;
    if (*p++ != '{') {
        return false;
    }
    for (;;) {
        char name[32];
        size_t i = object->count;
        if (i == FIELDS_AT_MOST) {
            return false;
        }
        p = read_token(skip_blank(p), name, sizeof name);
        if (!p || name[0] != '"' || *(p = skip_blank(p)) != ':') {
            return false;
        }
        memcpy(object->name[i], name + 1, strlen(name) - 2);
        object->name[i][strlen(name) - 2] = '\0';
        p = read_token(skip_blank(p + 1), object->value[i], sizeof object->value[i]);
        if (!p) {
            return false;
        }
        object->count++;
        p = skip_blank(p);
        if (*p == '}') {
            return p[1] == '\0';
        }
        if (*p++ != ',') {
            return false;
        }
    }
}

/* The value of a field as it stands; NULL when the object has none. */
static inline const char *object_value(const struct object *object, const char *name)
{
    for (size_t i = 0; i < object->count; i++) {
        if (strcmp(object->name[i], name) == 0) {
            return object->value[i];
        }
    }
    return NULL;
}

static inline double object_number(const struct object *object, const char *name)
{
    const char *value = object_value(object, name);
    assert_non_null(value);
    return strtod(value, NULL);
}

/* A CSV file without quotes: rows of cells; an empty last cell is kept. */
struct csv {
    size_t rows; /* without the header */
    size_t columns;
    char ***cell; /* [row + 1][column]; row 0 is the header */
};

static inline struct csv read_csv(struct arena *arena, const char *folder, const char *name)
{
    size_t lines;
    char **line = cut(arena, read_text(arena, folder, name), '\n', &lines);
    struct csv csv = {.rows = lines - 1, .cell = ARENA_NEW(arena, char **, lines)};
    for (size_t i = 0; i < lines; i++) {
        size_t columns = 0;
        csv.cell[i] = ARENA_NEW(arena, char *, 32);
        for (char *next = line[i]; next && columns < 32;) {
            csv.cell[i][columns++] = next;
            next = strchr(next, ',');
            if (next) {
                *next++ = '\0';
            }
        }
        csv.columns = i == 0 ? columns : csv.columns;
        assert_int_equal(columns, csv.columns);
    }
    return csv;
}

/* A bronze in a new folder. */
static inline const char *write_bronze(struct arena *arena, const struct generator_options *options)
{
    struct error err = {0};
    const char *folder = make_folder(arena);
    if (generator_write(folder, options, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return folder;
}

/* All NDJSON lines of a bronze, in order. */
static inline char **read_lines(struct arena *arena, const char *folder, size_t *count)
{
    char *all = arena_strdup(arena, "");
    for (int i = 0;; i++) {
        const char *name = arena_printf(arena, "json/telemetry_%d.ndjson", i);
        if (!fs_exists(arena_printf(arena, "%s/%s", folder, name))) {
            break;
        }
        all = arena_printf(arena, "%s%s", all, read_text(arena, folder, name));
    }
    return cut(arena, all, '\n', count);
}

/* One hash over names and bytes of everything in a bronze. */
static inline void hash_bronze(struct arena *arena, const char *folder, char out[HASH_TEXT_SIZE])
{
    static const char *const parts[] = {"", "csv", "json", "sql"};
    struct hash hash;
    struct error err;
    hash_init(&hash);
    for (size_t p = 0; p < 4; p++) {
        const char *inner = arena_printf(arena, "%s/%s", folder, parts[p]);
        char **names;
        size_t count;
        assert_int_equal(fs_list(inner, arena, &names, &count, &err), 0);
        for (size_t i = 0; i < count; i++) {
            const char *path = arena_printf(arena, "%s/%s", inner, names[i]);
            char digest[HASH_TEXT_SIZE] = "folder";
            uint64_t bytes;
            if (!fs_is_folder(path)) {
                assert_int_equal(hash_file(path, digest, &bytes, &err), 0);
            }
            hash_update(&hash, names[i], strlen(names[i]) + 1);
            hash_update(&hash, digest, strlen(digest));
        }
    }
    hash_finish(&hash, out);
}

/* Seconds since 1970. */
static inline int64_t instant_of(const struct object *object)
{
    const char *value = object_value(object, "timestamp");
    int64_t micros = 0;
    assert_non_null(value);
    assert_true(timestamp_parse(value + 1, strlen(value) - 2, &micros));
    return micros / MICROS_PER_SECOND;
}

#endif
