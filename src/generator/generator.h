/* Simulates a fleet and writes its bronze: telemetry, service records, history, register. */
#ifndef GENERATOR_GENERATOR_H
#define GENERATOR_GENERATOR_H

#include "base/error.h"

#include <stdint.h>

enum generator_format { GENERATOR_JSON, GENERATOR_NDJSON };

struct generator_options {
    uint64_t vehicles;         /* 0: 50 */
    uint64_t days;             /* 0: 1 */
    uint64_t messages_per_day; /* per vehicle; 0: 1 */
    uint64_t seed;
    double faults;    /* 0..1: share of messages that are spoiled (nulls, missing fields, broken
                         JSON, duplicates, impossible values) */
    int32_t run_date; /* D; "now" is D 12:00 UTC */
    unsigned threads; /* 0: all available cores; the bytes do not depend on it */
    enum generator_format format; /* one file a message, or NDJSON files */
    /* May be NULL. Called with messages done, from any thread but by one at a time. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
};

/* Writes a whole bronze folder (json/, csv/, sql/flotte.db and the mark _SIMULATED) into `folder`,
 * which exists and is empty. Memory does not grow with the fleet. Same options, same bytes. */
int generator_write(const char *folder, const struct generator_options *options, struct error *err);

#endif
