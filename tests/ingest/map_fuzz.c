/* Fuzz target of maps, the configuration of foreign telemetry: the bytes before the first NUL are a
 * map, those behind it a file that is read by it (so that delimiters, decimal marks, units and date
 * formats of all kinds are tried). A map that is refused gives its sentence; every record that is
 * counted arrives, as a row or as a reject with a reason. */
#include "fuzz.h"
#include "telemetry_spec.h"

#include "base/fs.h"
#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The folder of this process, made once. */
static const char *folder(void)
{
    static bool made;
    if (!made && (!mkdtemp(folder_path) || atexit(remove_folder) != 0)) {
        abort();
    }
    made = true;
    return folder_path;
}

static void write_bytes(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

static void read_with(const struct ingest_map *map, const char *name)
{
    struct seen seen = {0};
    struct error err = {0};
    struct ingest_counts counts = {0};
    const struct ingest_sink sink = {&seen, on_rows, on_reject, on_file};
    const struct ingest_options options = {.spec = &telemetry_spec, .map = map, .threads = 1};
    if (ingest_folder(folder(), name, &options, &sink, &counts, &err) == 0) {
        if (counts.accepted != seen.rows || counts.quarantined != seen.rejects ||
            counts.records != seen.rows + seen.rejects) {
            abort();
        }
    } else if (!err.text[LANG_EN][0]) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct error err = {0};
    size_t map_size = size > 0 ? strnlen((const char *)bytes, size) : 0;
    const char *map_path = arena_printf(&arena, "%s/map.json", folder());
    const char *data = arena_printf(&arena, "%s/data", folder());
    write_bytes(map_path, bytes, map_size);
    struct ingest_map *map = ingest_map_read(map_path, &telemetry_spec, &err);
    if (!map && !err.text[LANG_EN][0]) {
        abort();
    }
    if (map && map_size < size && fs_make_folders(data, &err) == 0) {
        write_bytes(arena_printf(&arena, "%s/a.csv", data), bytes + map_size + 1,
                    size - map_size - 1);
        write_bytes(arena_printf(&arena, "%s/a.json", data), bytes + map_size + 1,
                    size - map_size - 1);
        read_with(map, "data");
    }
    ingest_map_free(map);
    arena_release(&arena);
    return 0;
}
