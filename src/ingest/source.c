/* How a file is named in the quarantine and in the list of inputs, and which file a name there
 * means; see ingest.h. Memory only. */
#include "ingest/ingest.h"

#include "base/hex.h"
#include "ingest/utf8.h"

#include <stdio.h>
#include <string.h>

enum { ESCAPE = sizeof "\\xff" - 1 };

const char *ingest_source(const char *folder, const char *name, struct arena *arena)
{
    size_t folder_size = folder ? strlen(folder) : 0, name_size = strlen(name);
    size_t size = folder_size + (folder_size > 0) + name_size;
    char *path = arena_alloc(arena, size + 1, 1);
    if (folder_size > 0) { /* by hand: printf takes longer than a small file's hash */
        memcpy(path, folder, folder_size);
        path[folder_size] = '/';
    }
    memcpy(path + size - name_size, name, name_size);
    const char *end = path + size;
    if (!strchr(path, '\\') && utf8_valid(path, size)) {
        return path;
    }
    char *text = arena_alloc(arena, size + 1, ESCAPE);
    char *out = text;
    for (const char *p = path; p < end;) {
        size_t length = *p == '\\' ? 0 : utf8_length(p, end);
        if (length > 0) {
            memcpy(out, p, length);
            out += length;
            p += length;
        } else {
            out += snprintf(out, ESCAPE + 1, "\\x%02x", (unsigned)(unsigned char)*p++);
        }
    }
    return text;
}

const char *ingest_source_path(const char *source, struct arena *arena)
{
    char *path = arena_strdup(arena, source);
    char *out = path;
    for (const char *p = path; *p;) {
        int high = p[0] == '\\' && p[1] == 'x' ? hex_digit(p[2]) : -1;
        int low = high >= 0 ? hex_digit(p[3]) : -1;
        if (low >= 0) {
            *out++ = (char)(high << 4 | low);
            p += ESCAPE;
        } else {
            *out++ = *p++;
        }
    }
    *out = '\0';
    return path;
}
