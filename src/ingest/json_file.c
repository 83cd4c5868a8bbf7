/* Finds the messages in JSON files: one a line, or values one after another, or in an array.
 *
 * A broken message spoils as little as can be told with certainty, and nothing vanishes: the bytes
 * between two messages that could be told apart are always part of a quarantined record. After a
 * broken message in a .json file the reader goes on
 * - in an array: behind the closing brace of the message, if brackets and quotes match up to there
 *   and a comma or ']' follows; else at the next line that begins with '{' (perhaps indented);
 * - outside: at the next line that begins with '{', or behind its closing brace, whichever comes
 *   first;
 * - else nowhere: the rest of the file belongs to the broken message. */
#include "ingest/reader.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum json_status parse(struct reader *reader, struct bytes text, bool final, bool alone,
                              const char **after)
{
    struct json_text json = {.start = text.data,
                             .end = text.data + text.size,
                             .final = final,
                             .alone = alone,
                             .scratch = reader_scratch(reader, text.size)};
    return json_read(&json, &reader->map->slots, reader->slots, &reader->collector.reasons, after);
}

/* Where one message after another is not written plainly, fewer and fewer are tried: a try that
 * fails takes up to a third of the time of the general reader. */
static const char *parse_quick(struct reader *reader)
{
    enum { LONGEST = 63 };
    _Static_assert((int)JSON_SLACK <= (int)WINDOW_ZEROS, "it may look as far");
    const struct window *window = &reader->window;
    if (reader->pause > 0) {
        reader->pause--;
        return NULL;
    }
    const char *after = json_read_quick(window->data + window->start, window->data + window->used,
                                        &reader->map->slots, reader->slots);
    reader->pause = after ? 0 : reader->next_pause;
    reader->next_pause = after ? 0 : reader->pause < LONGEST ? 2 * reader->pause + 1 : LONGEST;
    return after;
}

static size_t count_blanks(struct bytes text)
{
    size_t blanks = 0;
    while (blanks < text.size && is_blank(text.data[blanks])) {
        blanks++;
    }
    return blanks;
}

/* ---- one message a line ---- */

/* One line without its line feed; a blank one is no record. */
static int read_line(struct reader *reader, struct bytes line, struct error *err)
{
    const char *after;
    if (line.size > reader->limit) {
        return reader_refuse(reader, "too_long", line.size, err);
    }
    if (count_blanks(line) == line.size) {
        return 0;
    }
    return parse(reader, line, true, true, &after) == JSON_OK
               ? reader_add(reader, line.size, err)
               : reader_refuse(reader, NULL, line.size, err);
}

/* Takes the line that begins the window if the quick reader can; *status is then what came of it.
 */
static bool take_quick_line(struct reader *reader, int *status, struct error *err)
{
    struct bytes text = window_bytes(&reader->window);
    const char *end = parse_quick(reader);
    while (end && (*end == ' ' || *end == '\t' || *end == '\r')) {
        end++;
    }
    if (!end || *end != '\n') { /* or behind the last byte: zeros */
        return false;
    }
    size_t size = (size_t)(end - text.data);
    *status = reader_add(reader, size, err);
    window_skip(&reader->window, size + 1);
    return true;
}

int read_json_lines(struct reader *reader, struct error *err)
{
    size_t searched = 0;
    int status = 0;
    for (;;) {
        while (take_quick_line(reader, &status, err)) {
            if (status != 0) {
                return -1;
            }
            searched = 0;
        }
        struct bytes text = window_bytes(&reader->window);
        const char *line_end =
            text.size > searched ? memchr(text.data + searched, '\n', text.size - searched) : NULL;
        if (line_end) {
            struct bytes line = {text.data, (size_t)(line_end - text.data)};
            if (read_line(reader, line, err) != 0) {
                return -1;
            }
            window_skip(&reader->window, line.size + 1);
            searched = 0;
            continue;
        }
        searched = text.size;
        if (text.size > reader->limit) {
            if (reader_refuse_long_line(reader, "too_long", err) != 0) {
                return -1;
            }
            searched = 0;
        } else if (!reader_fill(reader)) {
            break;
        }
    }
    if (reader->window.end != STREAM_WHOLE) {
        return reader_refuse_break(reader, err);
    }
    return read_line(reader, window_bytes(&reader->window), err);
}

/* ---- values one after another, and arrays ---- */

/* Where we are in a .json file. */
struct place {
    bool in_array, behind_element, behind_comma;
    bool any; /* a value was seen */
};

/* The byte behind the bracket that closes the one at text.data[0], outside strings; NULL when it
 * does not close in this text, or a string runs over a line's end (a quote is missing then). */
static const char *find_closing(struct bytes text)
{
    const char *end = text.data + text.size;
    size_t depth = 0;
    bool in_string = false;
    for (const char *p = text.data; p < end; p++) {
        if (in_string) {
            if (*p == '\n') {
                return NULL;
            }
            in_string = *p != '"';
            p += *p == '\\';
        } else if (*p == '"') {
            in_string = true;
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            if (depth <= 1) {
                return depth == 1 ? p + 1 : NULL;
            }
            depth--;
        }
        if (depth == 0) {
            return NULL;
        }
    }
    return NULL;
}

/* The next '{' that begins a line behind the text's first byte, or NULL. */
static const char *find_line(struct bytes text, bool indented)
{
    const char *end = text.data + text.size;
    const char *p = text.data;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        p++;
        while (indented && p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }
        if (p < end && *p == '{') {
            return p;
        }
    }
    return NULL;
}

/* Where to go on after the broken message that begins the text; NULL when nowhere in this text.
 * `final`: nothing comes behind it. */
static const char *find_next(struct bytes text, const struct place *place, bool final)
{
    const char *end = text.data + text.size;
    const char *closing = find_closing(text);
    if (place->in_array && closing) {
        const char *p = closing;
        while (p < end && is_blank(*p)) {
            p++;
        }
        if (p == end && !final) {
            return NULL;
        }
        if (p < end && (*p == ',' || *p == ']')) {
            return closing;
        }
    }
    if (!place->in_array && closing) {
        text.size = (size_t)(closing - text.data);
        const char *line = find_line(text, false);
        return line ? line : closing;
    }
    return find_line(text, place->in_array);
}

/* Steps over bytes without keeping them until a message may begin, or to the end of the file. */
static void skip_to_line(struct reader *reader, struct place *place)
{
    do {
        struct bytes text = window_bytes(&reader->window);
        const char *line = find_line(text, place->in_array);
        if (line) {
            window_skip(&reader->window, (size_t)(line - text.data));
            return;
        }
        /* a line feed and blanks at the very end may be the beginning of a line with '{' */
        size_t kept = 0;
        while (kept < text.size && kept < 256 && is_blank(text.data[text.size - 1 - kept])) {
            kept++;
        }
        window_skip(&reader->window, text.size - kept);
    } while (reader_fill(reader));
    window_skip(&reader->window, window_bytes(&reader->window).size);
    place->in_array = false;
}

/* Refuses the message that begins the window, and everything up to where one can go on. */
static int refuse_message(struct reader *reader, struct place *place, const char *code,
                          struct error *err)
{
    code = reader->collector.reasons.size > 0 ? NULL : code;
    for (;;) {
        struct bytes text = window_bytes(&reader->window);
        bool final = text.size > reader->limit || reader->window.end != STREAM_OPEN;
        const char *next = find_next(text, place, final);
        if (next) {
            size_t size = (size_t)(next - text.data);
            if (reader_refuse(reader, size > reader->limit ? "too_long" : code, size, err) != 0) {
                return -1;
            }
            window_skip(&reader->window, size);
            place->behind_element = place->in_array && (next[-1] == '}' || next[-1] == ']');
            place->behind_comma = false;
            return 0;
        }
        if (text.size <= reader->limit && reader_fill(reader)) {
            continue;
        }
        place->behind_element = place->behind_comma = false;
        if (reader_refuse(reader, code, text.size, err) != 0) {
            return -1;
        }
        skip_to_line(reader, place);
        return 0;
    }
}

/* Brackets and commas around values; false when a value must come now. */
static bool take_punctuation(struct reader *reader, struct place *place, char c)
{
    if (!place->in_array && c == '[') {
        *place = (struct place){.in_array = true, .any = true};
    } else if (place->in_array && c == ']' && !place->behind_comma) {
        *place = (struct place){.any = true};
    } else if (place->behind_element && c == ',') {
        place->behind_element = false;
        place->behind_comma = true;
    } else {
        return false;
    }
    window_skip(&reader->window, 1);
    return true;
}

/* Takes the value that begins the window; more of it is read when it is cut. `stopped` is set when
 * the stream broke off inside it. */
static int take_value(struct reader *reader, struct place *place, bool *stopped, struct error *err)
{
    place->any = true;
    for (;;) {
        struct bytes text = window_bytes(&reader->window);
        const char *after;
        enum json_status status = JSON_BROKEN; /* when a comma is missing */
        if (!place->behind_element) {
            after = parse_quick(reader);
            status = after ? JSON_OK
                           : parse(reader, text, reader->window.end == STREAM_WHOLE, false, &after);
        }
        if (status == JSON_OK || status == JSON_OTHER) {
            size_t size = (size_t)(after - text.data);
            int done = status == JSON_OK ? reader_add(reader, size, err)
                                         : reader_refuse(reader, NULL, size, err);
            window_skip(&reader->window, size);
            place->behind_element = place->in_array;
            place->behind_comma = false;
            return done;
        }
        if (status == JSON_BROKEN) {
            return refuse_message(reader, place, "broken_json", err);
        }
        if (text.size > reader->limit) {
            return refuse_message(reader, place, "too_long", err);
        }
        if (!reader_fill(reader)) {
            *stopped = true;
            return 0;
        }
    }
}

int read_json_values(struct reader *reader, struct error *err)
{
    struct place place = {0};
    bool stopped = false;
    while (!stopped) {
        struct bytes text = window_bytes(&reader->window);
        size_t blanks = count_blanks(text);
        window_skip(&reader->window, blanks);
        if (blanks == text.size) {
            stopped = !reader_fill(reader);
        } else if (!take_punctuation(reader, &place, text.data[blanks]) &&
                   take_value(reader, &place, &stopped, err) != 0) {
            return -1;
        }
    }
    if (reader->window.end != STREAM_WHOLE) {
        return reader_refuse_break(reader, err);
    }
    if (place.in_array || !place.any) { /* no ']', or an empty file */
        return reader_refuse(reader, "broken_json", 0, err);
    }
    return 0;
}
