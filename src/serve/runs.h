/* The runs that a lake has published: what runs/run_date=D/run.json says, and whether the files
 * that it names are there. Reads only; nothing is locked, so that no pipeline ever waits. */
#ifndef SERVE_RUNS_H
#define SERVE_RUNS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "fleet/fleet.h"
#include "serve/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_file {
    const char *path; /* relative to the data root */
    char sha256[HASH_TEXT_SIZE];
    uint64_t bytes;
};

/* A run that has gold. All texts are owned by the arena that it was read into. */
struct run_record {
    int32_t run_date;
    char gold_sha256[HASH_TEXT_SIZE];
    char model_sha256[HASH_TEXT_SIZE];
    uint64_t records, silver_rows, quarantined, duplicates; /* of the telemetry */
    uint64_t gold_rows;
    uint64_t without_service, without_register; /* orphans */
    uint64_t by_statut[STATUT_COUNT];
    const char *json; /* the whole of run.json */
    size_t json_size;
    const struct run_file *files; /* gold and quality files of this run date alone */
    size_t file_count;
    bool kpi_known;
    struct fleet_kpi kpi;
};

/* The records under `data`, newest first; a run without gold, or whose run.json cannot be read as
 * such, is left out. */
int runs_read(const char *data, struct arena *arena, struct run_record **runs, size_t *count,
              struct error *err);

/* A number that changes whenever a run.json or a file of the newest of `runs` does (times and sizes
 * are asked, nothing is read). */
uint64_t runs_fingerprint(const char *data, const struct run_record *runs, size_t count);

/* The same of the files of one run. */
uint64_t run_fingerprint(const char *data, const struct run_record *run);

/* True when the files of a run are there with the sizes that run.json tells; with `hashes` also
 * their hashes, of files up to a limit. False with what is wrong. */
bool run_is_whole(const char *data, const struct run_record *run, bool hashes, struct error *err);

#endif
