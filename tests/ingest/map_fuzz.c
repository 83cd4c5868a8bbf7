/* Fuzz target of maps, the configuration of foreign telemetry: the bytes before the first NUL are a
 * map, those behind it a file that is read by it (so that delimiters, decimal marks, units and date
 * formats of all kinds are tried). A map that is refused gives its sentence; every record that is
 * counted arrives, as a row or as a reject with a reason. */
#include "fuzz.h"
#include "fuzz_files.h"

#include <string.h>

static void read_with(const struct ingest_map *map, const char *name)
{
    struct seen seen = {0};
    struct error err = {0};
    struct ingest_counts counts = {0};
    const struct ingest_sink sink = counting_sink(&seen);
    const struct ingest_options options = {.spec = &telemetry_spec, .map = map, .threads = 1};
    int status = ingest_folder(folder(), name, &options, &sink, &counts, &err);
    check_reading(status, &seen, &counts, &err);
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
