/* The check of published results, shared by verify.c (files, hashes, lineage) and verify_tables.c
 * (schema, rows, sums). Internal to the pipeline; pipeline.h is what others see. */
#ifndef PIPELINE_VERIFY_H
#define PIPELINE_VERIFY_H

#include "pipeline/stages.h"

#include "base/dates.h"

#include <jansson.h>

/* One run.json. */
struct run_record {
    int32_t date;
    char day[DATE_TEXT_SIZE];
    json_t *json; /* NULL: unreadable */
};

struct verification {
    const struct session *session;
    bool strict;
    struct arena *arena;
    struct verify_report *report;
    struct run_record *runs; /* of all dates, oldest first */
    size_t run_count;
    const struct run_record *run; /* the one at work */
    bool files_whole;             /* every file of it has its hash: tables can be read */
    size_t room;                  /* of report->findings */
};

/* Adds a finding to the report: a fault, or a note (which counts as a fault when strict). */
void verify_fault(struct verification *v, const struct error *what);
void verify_note(struct verification *v, const struct error *what);

/* A member of the record at work by its path ("silver.telemetry.rows"), or NULL. */
json_t *verify_member(const struct verification *v, const char *path);

/* Schema, row counts, sums and the list of inputs of the run at work; -1 only when the engine
 * cannot work. */
int verify_tables(struct verification *v, struct error *err);

#endif
