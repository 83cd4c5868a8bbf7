/* Fuzz target of the CSV reader: any bytes as a file; every record that is counted arrives, as a
 * row or as a reject with a reason. */
#include "fuzz.h"
#include "fuzz_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct seen seen = {0};
    struct error err = {0};
    struct ingest_counts counts = {0};
    const struct ingest_sink sink = counting_sink(&seen);
    const struct ingest_options options = {.spec = &telemetry_spec, .threads = 1};
    write_bytes(arena_printf(&arena, "%s/a.csv", folder()), bytes, size);
    int status = ingest_csv(folder(), "a.csv", &options, &sink, &counts, &err);
    check_reading(status, &seen, &counts, &err);
    arena_release(&arena);
    return 0;
}
