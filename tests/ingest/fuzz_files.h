/* What the fuzz targets of whole files share: a folder of the process, files written into it, a
 * sink that counts, and the check that every record that is counted has arrived. */
#ifndef TESTS_INGEST_FUZZ_FILES_H
#define TESTS_INGEST_FUZZ_FILES_H

#include "telemetry_spec.h"

#include "base/fs.h"
#include "ingest/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct seen {
    uint64_t rows, rejects;
};

static inline int on_rows(void *context, const struct batch *batch, struct error *err)
{
    (void)err;
    ((struct seen *)context)->rows += batch->rows;
    return 0;
}

static inline int on_reject(void *context, const struct reject *reject, struct error *err)
{
    (void)err;
    ((struct seen *)context)->rejects++;
    if (!reject->reasons[0] || reject->position < 0) {
        abort();
    }
    return 0;
}

static inline int on_file(void *context, const struct input_file *file, struct error *err)
{
    (void)context, (void)file, (void)err;
    return 0;
}

static char folder_path[] = "/tmp/autostream-fuzz-XXXXXX";

static inline void remove_folder(void)
{
    struct error err;
    (void)fs_remove_tree(folder_path, &err);
}

/* The folder of this process, made once: writing and reading a file is most of the time already. */
static inline const char *folder(void)
{
    static bool made;
    if (!made && (!mkdtemp(folder_path) || atexit(remove_folder) != 0)) {
        abort();
    }
    made = true;
    return folder_path;
}

static inline void write_bytes(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

/* The sink of one reading; `seen` starts as {0}. */
static inline struct ingest_sink counting_sink(struct seen *seen)
{
    return (struct ingest_sink){seen, on_rows, on_reject, on_file};
}

/* A reading that worked has given what it counted, one that failed has its sentence. */
static inline void check_reading(int status, const struct seen *seen,
                                 const struct ingest_counts *counts, const struct error *err)
{
    if (status == 0) {
        if (counts->accepted != seen->rows || counts->quarantined != seen->rejects ||
            counts->records != seen->rows + seen->rejects) {
            abort();
        }
    } else if (!err->text[LANG_EN][0]) {
        abort();
    }
}

#endif
