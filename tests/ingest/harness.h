/* A temporary folder to read, and a sink that writes down what arrives, for the tests of this room.
 */
#ifndef TESTS_INGEST_HARNESS_H
#define TESTS_INGEST_HARNESS_H

#include "tests.h"

#include "base/fs.h"
#include "telemetry_spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct harness {
    char root[64]; /* holds the folder "in" */
    struct arena arena;
    struct ingest_options options;
    struct ingest_counts counts;
    struct error err;
    char **lines; /* "vin|timestamp|event_ts|temp|vitesse|km|pression", '-' for NULL; sorted */
    size_t line_count, line_room;
    char **rejects; /* "name@position reasons"; sorted */
    size_t reject_count, reject_room;
    struct bytes last_raw; /* of the last reject */
    size_t files;
    char last_hash[HASH_TEXT_SIZE];
    size_t fail_after;                 /* the sink fails at this row batch; 0: never */
    bool refuse_rejects, refuse_files; /* the sink fails at these */
};

static inline void add_line(char ***lines, size_t *count, size_t *room, char *line)
{
    if (*count == *room) {
        *room = *room ? *room * 2 : 64;
        *lines = xrealloc(*lines, *room, sizeof **lines);
    }
    (*lines)[(*count)++] = line;
}

static inline int on_rows(void *context, const struct batch *batch, struct error *err)
{
    struct harness *h = context;
    if (h->fail_after > 0 && --h->fail_after == 0) {
        return error_set(err, "plein", "full");
    }
    for (size_t r = 0; r < batch->rows; r++) {
        char *line = arena_strdup(&h->arena, "");
        for (size_t c = 0; c < batch->table->column_count; c++) {
            const char *bar = c > 0 ? "|" : "";
            enum column_type type = batch->table->columns[c].type;
            if (batch->null[c][r]) {
                line = arena_printf(&h->arena, "%s%s-", line, bar);
            } else if (type == COLUMN_TEXT) {
                struct bytes text = batch->values[c].text[r];
                line = arena_printf(&h->arena, "%s%s%.*s", line, bar, (int)text.size, text.data);
            } else if (type == COLUMN_REAL) {
                line = arena_printf(&h->arena, "%s%s%.10g", line, bar, batch->values[c].real[r]);
            } else {
                line =
                    arena_printf(&h->arena, "%s%s%" PRId64, line, bar, batch->values[c].whole[r]);
            }
        }
        add_line(&h->lines, &h->line_count, &h->line_room, line);
    }
    return 0;
}

static inline int on_reject(void *context, const struct reject *reject, struct error *err)
{
    struct harness *h = context;
    if (h->refuse_rejects) {
        return error_set(err, "plein", "full");
    }
    const char *name = strrchr(reject->source, '/');
    add_line(&h->rejects, &h->reject_count, &h->reject_room,
             arena_printf(&h->arena, "%s@%" PRId64 " %s", name ? name + 1 : reject->source,
                          reject->position, reject->reasons));
    h->last_raw.data = arena_copy(&h->arena, reject->raw.data, reject->raw.size);
    h->last_raw.size = reject->raw.size;
    return 0;
}

static inline int on_file(void *context, const struct input_file *file, struct error *err)
{
    struct harness *h = context;
    if (h->refuse_files) {
        return error_set(err, "plein", "full");
    }
    h->files++;
    memcpy(h->last_hash, file->sha256, sizeof h->last_hash);
    return 0;
}

static inline int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline int harness_setup(void **state)
{
    struct harness *h = xcalloc(1, sizeof *h);
    strcpy(h->root, "/tmp/ingest_test_XXXXXX");
    if (!mkdtemp(h->root) ||
        fs_make_folders(arena_printf(&h->arena, "%s/in", h->root), &h->err) != 0) {
        return -1;
    }
    h->options = (struct ingest_options){.spec = &telemetry_spec, .threads = 2};
    *state = h;
    return 0;
}

static inline int harness_teardown(void **state)
{
    struct harness *h = *state;
    int status = fs_remove_tree(h->root, &h->err);
    free(h->lines);
    free(h->rejects);
    arena_release(&h->arena);
    free(h);
    return status;
}

static inline const char *in_path(struct harness *h, const char *name)
{
    return arena_printf(&h->arena, "%s/in/%s", h->root, name);
}

static inline void put_bytes(struct harness *h, const char *name, const void *bytes, size_t size)
{
    assert_int_equal(fs_write(in_path(h, name), bytes, size, &h->err), 0);
}

static inline void put(struct harness *h, const char *name, const char *text)
{
    put_bytes(h, name, text, strlen(text));
}

/* Forgets the last reading and reads again: the folder, or one CSV file when `csv` is given. */
static inline int read_again(struct harness *h, const char *csv)
{
    struct ingest_sink sink = {h, on_rows, on_reject, on_file};
    h->line_count = h->reject_count = h->files = 0;
    int status = csv ? ingest_csv(h->root, arena_printf(&h->arena, "in/%s", csv), &h->options,
                                  &sink, &h->counts, &h->err)
                     : ingest_folder(h->root, "in", &h->options, &sink, &h->counts, &h->err);
    if (h->line_count > 0) {
        qsort(h->lines, h->line_count, sizeof *h->lines, compare_lines);
    }
    if (h->reject_count > 0) {
        qsort(h->rejects, h->reject_count, sizeof *h->rejects, compare_lines);
    }
    if (status == 0) {
        assert_int_equal(h->counts.accepted, h->line_count);
        assert_int_equal(h->counts.quarantined, h->reject_count);
        assert_int_equal(h->counts.records, h->line_count + h->reject_count);
        assert_int_equal(h->counts.files, h->files);
    }
    return status;
}

/* Reads the folder and compares: `vins` and `rejects` are joined by blanks and '\n'. */
static inline void expect(struct harness *h, const char *vins, const char *rejects)
{
    assert_int_equal(read_again(h, NULL), 0);
    char *got = arena_strdup(&h->arena, "");
    for (size_t i = 0; i < h->line_count; i++) {
        int size = (int)strcspn(h->lines[i], "|");
        got = arena_printf(&h->arena, "%s%s%.*s", got, i > 0 ? " " : "", size, h->lines[i]);
    }
    assert_string_equal(got, vins);
    got = arena_strdup(&h->arena, "");
    for (size_t i = 0; i < h->reject_count; i++) {
        got = arena_printf(&h->arena, "%s%s%s", got, i > 0 ? "\n" : "", h->rejects[i]);
    }
    assert_string_equal(got, rejects);
}

#define T "\"timestamp\":\"2026-11-23T12:00:00\""
#define MSG(vin) "{\"vin\":\"" vin "\"," T "}"

#endif
