/* Drives the room from outside the unit tests.
 *
 *   ingest_tool records                       stdin: 4-byte little-endian size + bytes, repeated;
 *                                             stdout: a line a record, "no REASONS" or "ok VALUES"
 *   ingest_tool folder ROOT FOLDER [THREADS]  counts, reasons and seconds
 *   ingest_tool rows ROOT FOLDER [THREADS]    the same, and every row and reject on stdout
 */
#include "telemetry_spec.h"

#include "ingest/json.h"
#include "ingest/map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print_hex(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        printf("%02x", (unsigned)(unsigned char)text.data[i]);
    }
}

static void print_row(const struct batch *batch, size_t row)
{
    for (size_t c = 0; c < FIELDS; c++) {
        putchar(c > 0 ? ' ' : '\t');
        if (batch->null[c][row]) {
            putchar('-');
        } else if (telemetry_columns[c].type == COLUMN_TEXT) {
            print_hex(batch->values[c].text[row]);
        } else if (telemetry_columns[c].type == COLUMN_REAL) {
            printf("%.17g", batch->values[c].real[row]);
        } else {
            printf("%" PRId64, batch->values[c].whole[row]);
        }
    }
    putchar('\n');
}

/* ---- single records ---- */

static void check_record(const char *bytes, size_t size, struct batch *batch)
{
    static struct ingest_counts counts;
    struct ingest_map map;
    struct raw_value values[BATCH_COLUMNS];
    struct reasons reasons = {0};
    const char *after;
    char *text = malloc(size + 1); /* exactly as long, so that a sanitizer sees reads beyond it */
    char *scratch = malloc(size + 1);
    if (!text || !scratch) {
        abort();
    }
    memcpy(text, bytes, size);
    map_init_identity(&map, &telemetry_spec, false);
    struct json_text json = {text, text + size, true, true, scratch};
    enum json_status status = json_read(&json, &map.slots, values, &reasons, &after);
    batch->rows = 0;
    if (status == JSON_OK && record_check(&telemetry_spec, values, batch, &counts, &reasons)) {
        printf("ok");
        print_row(batch, 0);
    } else {
        printf("no\t%s\n", reasons.text);
    }
    free(text);
    free(scratch);
}

static int check_records(void)
{
    struct arena arena = {0};
    struct batch batch;
    unsigned char head[4];
    char *bytes = NULL;
    batch_init(&batch, &telemetry_table, &arena);
    while (fread(head, 1, 4, stdin) == 4) {
        size_t size =
            head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        bytes = xrealloc(bytes, size + 1, 1);
        if (fread(bytes, 1, size, stdin) != size) {
            return 1;
        }
        check_record(bytes, size, &batch);
    }
    free(bytes);
    arena_release(&arena);
    return 0;
}

/* ---- folders ---- */

struct output {
    bool print;
    uint64_t rows, rejects, files;
};

static int on_rows(void *context, const struct batch *batch, struct error *err)
{
    (void)err;
    struct output *output = context;
    output->rows += batch->rows;
    for (size_t i = 0; output->print && i < batch->rows; i++) {
        printf("row");
        print_row(batch, i);
    }
    return 0;
}

static int on_reject(void *context, const struct reject *reject, struct error *err)
{
    (void)err;
    struct output *output = context;
    output->rejects++;
    if (output->print) {
        printf("reject\t%s %" PRId64 " %s ", reject->source, reject->position, reject->reasons);
        print_hex(reject->raw);
        putchar('\n');
    }
    return 0;
}

static int on_file(void *context, const struct input_file *file, struct error *err)
{
    (void)err;
    struct output *output = context;
    output->files++;
    if (output->print) {
        printf("file\t%s %" PRIu64 " %s %" PRIu64 "\n", file->source, file->bytes, file->sha256,
               file->records);
    }
    return 0;
}

static int read_folder(const char *root, const char *folder, unsigned threads, bool print)
{
    struct output output = {.print = print};
    struct ingest_sink sink = {&output, on_rows, on_reject, on_file};
    struct ingest_options options = {.spec = &telemetry_spec, .threads = threads};
    struct ingest_counts counts;
    struct error err;
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    if (ingest_folder(root, folder, &options, &sink, &counts, &err) != 0) {
        fprintf(stderr, "%s\n", err.text[LANG_EN]);
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    fprintf(stderr,
            "files %" PRIu64 " bytes %" PRIu64 " records %" PRIu64 " accepted %" PRIu64
            " quarantined %" PRIu64 " ignored %" PRIu64 " seconds %.3f\n",
            counts.files, counts.bytes, counts.records, counts.accepted, counts.quarantined,
            counts.ignored, seconds);
    return output.rows == counts.accepted && output.rejects == counts.quarantined ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "records") == 0) {
        return check_records();
    }
    if (argc >= 4) {
        unsigned threads = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
        return read_folder(argv[2], argv[3], threads, strcmp(argv[1], "rows") == 0);
    }
    fprintf(stderr, "ingest_tool records | (folder|rows) ROOT FOLDER [THREADS]\n");
    return 2;
}
