/* What a simulated fleet is asked to be; see generator.h. */
#ifndef GENERATOR_OPTIONS_H
#define GENERATOR_OPTIONS_H

#include "base/columns.h"
#include "base/error.h"

#include <stdint.h>

enum generator_format { GENERATOR_JSON, GENERATOR_NDJSON, GENERATOR_PARQUET };

/* Who writes tables as Parquet files: an engine, which this room does not know. Called by several
 * threads at once, each with a `worker` of its own, from 0 on and below the number of threads. */
struct generator_tables {
    void *context;
    /* Takes rows for the file that comes next; the batch is only valid during the call. */
    int (*rows)(void *context, unsigned worker, const struct batch *batch, struct error *err);
    /* Writes the rows that this worker has given since its last file, in their order; none: no
     * file. */
    int (*file)(void *context, unsigned worker, const char *path, struct error *err);
};

enum generator_scenario {
    GENERATOR_SIMPLE, /* the reference's: each vehicle is somewhere in its profile's ranges */
    GENERATOR_WEAR,   /* parts wear towards a failure of a known day; see wear.h */
};

struct generator_options {
    uint64_t vehicles;         /* 0: 50 */
    uint64_t days;             /* 0: 1 */
    uint64_t messages_per_day; /* per vehicle; 0: 1 */
    uint64_t seed;
    double faults;    /* 0..1: share of messages that are spoiled (nulls, missing fields, broken
                         JSON, duplicates, impossible values) */
    int32_t run_date; /* D; "now" is D 12:00 UTC */
    unsigned threads; /* 0: all available cores; the bytes do not depend on it */
    enum generator_scenario scenario;
    enum generator_format format;          /* one file a message, NDJSON or Parquet files */
    const struct generator_tables *tables; /* needed for Parquet */
    /* May be NULL. Called with messages done, from any thread but by one at a time. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
};

#endif
