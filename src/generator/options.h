/* What a simulated fleet is asked to be; see generator.h. */
#ifndef GENERATOR_OPTIONS_H
#define GENERATOR_OPTIONS_H

#include <stdint.h>

enum generator_format { GENERATOR_JSON, GENERATOR_NDJSON };

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
    enum generator_format format; /* one file a message, or NDJSON files */
    /* May be NULL. Called with messages done, from any thread but by one at a time. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
};

#endif
