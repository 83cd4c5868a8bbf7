/* Reads raw records from files, many files at a time, and sorts them into good and bad.
 *
 * A record is one telemetry message, service record or register row. Whatever its form (JSON
 * object, CSV row, Parquet or SQLite row), its values pass the same check, described by a
 * `record_spec`. Domain-free: which fields there are and what is possible is the caller's
 * knowledge. No engine is known here either: good rows and bad records leave in batches through a
 * sink. */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "base/arena.h"
#include "base/columns.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what a record must look like (record.c) ---- */

struct record_field {
    struct column column;
    bool required; /* missing or empty: the record is refused */
    double low,
        high; /* numbers outside are impossible (inclusive; dates in days, instants in µs) */
    int derived_from; /* -1: read from the record by its name; else the index of the field whose
                         text this one is parsed from (event_ts from timestamp) */
};

struct record_spec {
    const struct table *table; /* the columns of accepted rows, same order as fields */
    const struct record_field *fields;
    size_t field_count;
};

/* Why a record was refused; a record can have several. Codes (record_reason_code()) are stable,
 * lower-case English words with a '_' and the column where one is meant:
 * "broken_json", "not_an_object", "duplicate_field:km_actuel", "missing:vin",
 * "unreadable:timestamp", "not_a_number:temp_moteur", "not_a_text:vin", "impossible:vitesse",
 * "row_shape" (CSV columns), "too_long", "unreadable_file", "broken_compression", "bad_utf8". */

/* A value as the reader saw it, before any check. */
enum raw_kind { RAW_MISSING, RAW_NULL, RAW_NUMBER, RAW_TEXT, RAW_BOOL, RAW_NESTED };

struct raw_value {
    enum raw_kind kind;
    double number;     /* RAW_NUMBER */
    struct bytes text; /* RAW_TEXT, unescaped */
};

/* ---- where rows go ---- */

/* One refused record. */
struct reject {
    const char *source;  /* path relative to the root given */
    int64_t position;    /* byte offset in the uncompressed file */
    struct bytes raw;    /* as it came; cut at REJECT_RAW_LIMIT bytes */
    const char *reasons; /* codes joined by '|' */
};

enum { REJECT_RAW_LIMIT = 1024 * 1024 };

/* One file that was read (or could not be). */
struct input_file {
    const char *source;
    uint64_t bytes; /* on disk */
    char sha256[HASH_TEXT_SIZE];
    uint64_t records;
};

/* Called by worker threads, one call at a time. Everything passed is only valid during the call.
 * Returning -1 (with err filled) stops the ingest. */
struct ingest_sink {
    void *context;
    int (*rows)(void *context, const struct batch *batch, struct error *err);
    int (*reject)(void *context, const struct reject *reject, struct error *err);
    int (*file)(void *context, const struct input_file *file, struct error *err);
};

struct ingest_counts {
    uint64_t files;   /* read */
    uint64_t ignored; /* names starting with '.' or '_' or of an unknown kind */
    uint64_t bytes;   /* on disk */
    uint64_t records; /* = accepted + quarantined */
    uint64_t accepted;
    uint64_t quarantined;            /* an unreadable file counts as one record */
    uint64_t rounded[BATCH_COLUMNS]; /* fractions in whole fields, per field, accepted rows */
    uint64_t missing[BATCH_COLUMNS]; /* values that were absent or null, per field, accepted rows */
    uint64_t not_a_number[BATCH_COLUMNS]; /* refused for their type, per field */
};

#endif
