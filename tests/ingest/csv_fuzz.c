/* Fuzz target of the CSV reader: any bytes as a file; every record that is counted arrives, as a
 * row or as a reject with a reason. */
#include "fuzz.h"
#include "telemetry_spec.h"

#include "base/fs.h"
#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct seen {
    uint64_t rows, rejects;
};

static int on_rows(void *context, const struct batch *batch, struct error *err)
{
    (void)err;
    ((struct seen *)context)->rows += batch->rows;
    return 0;
}

static int on_reject(void *context, const struct reject *reject, struct error *err)
{
    (void)err;
    ((struct seen *)context)->rejects++;
    if (!reject->reasons[0] || reject->position < 0) {
        abort();
    }
    return 0;
}

static int on_file(void *context, const struct input_file *file, struct error *err)
{
    (void)context, (void)file, (void)err;
    return 0;
}

static char folder_path[] = "/tmp/autostream-fuzz-XXXXXX";

static void remove_folder(void)
{
    struct error err;
    (void)fs_remove_tree(folder_path, &err);
}

/* The folder of this process, made once: writing and reading a file is most of the time already. */
static const char *folder(void)
{
    static bool made;
    if (!made && (!mkdtemp(folder_path) || atexit(remove_folder) != 0)) {
        abort();
    }
    made = true;
    return folder_path;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct seen seen = {0};
    struct error err = {0};
    struct ingest_counts counts = {0};
    const struct ingest_sink sink = {&seen, on_rows, on_reject, on_file};
    const struct ingest_options options = {.spec = &telemetry_spec, .threads = 1};
    const char *path = arena_printf(&arena, "%s/a.csv", folder());
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    if (ingest_csv(folder(), "a.csv", &options, &sink, &counts, &err) == 0) {
        if (counts.accepted != seen.rows || counts.quarantined != seen.rejects ||
            counts.records != seen.rows + seen.rejects) {
            abort();
        }
    } else if (!err.text[LANG_EN][0]) {
        abort();
    }
    arena_release(&arena);
    return 0;
}
