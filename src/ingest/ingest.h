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

#include <pthread.h>
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
                         text this one is parsed from (event_ts from timestamp), or, of a DATE, of
                         the TIMESTAMP field before it whose day in UTC it is */
    bool defaulted;   /* a number that is missing is taken for `missing` */
    double missing;
};

struct record_spec {
    const struct table *table; /* the columns of accepted rows, same order as fields */
    const struct record_field *fields;
    size_t field_count;
};

/* Why a record was refused; a record can have several. Codes are stable, lower-case English words,
 * with ':' and the column where one is meant (the column of the spec, also under a map):
 *   broken_json       not RFC 8259; also an empty .json file, an array cut off
 *   not_an_object     JSON, but no object
 *   too_deep          JSON nested deeper than 256 levels
 *   duplicate_field:C a known field stands twice in one object
 *   missing:C         required, but absent, null, empty or blank
 *   unreadable:C      no date or instant; a text with a NUL character
 *   not_a_number:C    text, boolean, object or array where a number stands
 *   not_a_text:C      number, boolean, object or array where a text stands
 *   impossible:C      outside low..high; NaN, infinity
 *   bad_utf8          JSON with bytes that are not UTF-8, or a lone surrogate
 *   bad_utf8:C        the same in one column of a CSV or other table
 *   row_shape         CSV: wrong number of fields, or quotes that do not close
 *   too_long          a record above the limit;  too_long:C  a text above RECORD_TEXT_LIMIT
 *   unreadable_file   cannot be opened or read, or is no file
 *   broken_compression  gzip or zstd data that is cut off or damaged */

enum {
    REASONS_SIZE = 4096,
    RECORD_TEXT_LIMIT = 1024, /* bytes; a VIN has 17, the longest instants some 40 */
};

/* A growing list of reason codes; a zeroed one is empty. */
struct reasons {
    size_t size;
    char text[REASONS_SIZE]; /* joined by '|', NUL-terminated */
};

/* Adds a code once; `column` may be NULL. */
void reasons_add(struct reasons *reasons, const char *code, const char *column);

/* A value as the reader saw it, before any check. */
enum raw_kind { RAW_MISSING, RAW_NULL, RAW_NUMBER, RAW_TEXT, RAW_BOOL, RAW_NESTED };

struct raw_value {
    enum raw_kind kind;
    bool plain;        /* RAW_TEXT: known to be ASCII without control characters */
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
    int64_t mtime; /* ns since 1970 as it was opened; 0: no later change could be told by it */
    int64_t inode;
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

/* ---- checking one record (record.c) ---- */

/* Checks the values of one record, values[spec->field_count] in the order of the fields (those of
 * derived fields are not looked at), and writes it as the next row of `batch`, which must have
 * room. False when it is refused: then the batch is as before and `reasons` has every reason added
 * (it may hold some already: then the record is refused in any case).
 *
 * Missing, null and (for texts and dates) empty or blank values are the field's default or NULL in
 * the row, and counted in counts->missing. Numbers: fractions in WHOLE fields are rounded half away
 * from zero and counted, after the raw value was compared with low..high; -0.0 becomes 0; NaN and
 * infinity are impossible. TIMESTAMP and DATE fields are read from texts. Texts in the row point to
 * the values' memory. Of `counts` only the arrays per field are touched. */
bool record_check(const struct record_spec *spec, const struct raw_value *values,
                  struct batch *batch, struct ingest_counts *counts, struct reasons *reasons);

/* ---- collecting records, for readers in other rooms (collector.c) ---- */

/* One reader's way to the sink: checks records, keeps good rows until a batch is full, sends bad
 * ones off at once, and counts. Used by one thread; several may share a sink through `lock`. */
struct collector {
    const struct record_spec *spec;
    const struct ingest_sink *sink;
    pthread_mutex_t *lock; /* around every call of the sink; NULL: there is only this collector */
    struct ingest_counts counts;
    struct reasons reasons; /* of the record at hand; readers may add before collector_add() */
    struct arena memory;    /* the batch itself */
    struct arena texts;     /* texts of the rows in the batch */
    struct batch batch;
    struct input_file *files; /* that the sink was not told of yet */
    size_t file_count;
    struct arena file_texts; /* their names */
};

/* Where a record came from, for the case that it is refused. */
struct record_origin {
    const char *source;
    int64_t position;
    struct bytes raw; /* may be empty; cut at REJECT_RAW_LIMIT by the collector */
    struct bytes (*make_raw)(void *context); /* instead of `raw`, where making it takes time */
    void *context;
};

/* Makes a zeroed collector ready; spec, sink and lock stay the caller's and must outlive it. */
void collector_init(struct collector *collector, const struct record_spec *spec,
                    const struct ingest_sink *sink, pthread_mutex_t *lock);

/* Takes one record: accepted (its texts are copied), or refused and sent to sink->reject. Empties
 * collector->reasons. */
int collector_add(struct collector *collector, const struct raw_value *values,
                  const struct record_origin *origin, struct error *err);

/* Refuses one record without looking at values, for `code` (may be NULL) and what
 * collector->reasons holds; there must be one. */
int collector_refuse(struct collector *collector, const char *code,
                     const struct record_origin *origin, struct error *err);

/* Counts one file and tells the sink about it, at the latest in collector_flush(). */
int collector_file(struct collector *collector, const struct input_file *file, struct error *err);

/* Sends the rows and files that are waiting. Call once at the end. */
int collector_flush(struct collector *collector, struct error *err);

/* Frees what it holds; rows that were not flushed are gone. */
void collector_release(struct collector *collector);

/* Adds `part` to `sum`, member by member. */
void ingest_counts_add(struct ingest_counts *sum, const struct ingest_counts *part);

/* ---- other people's words (map.c, docs/mapping.md) ---- */

struct ingest_map;

/* Reads the map in the file at `path` for records of `spec` (which must outlive it). NULL with a
 * sentence that names the key when something in it is wrong. Free with ingest_map_free(). */
struct ingest_map *ingest_map_read(const char *path, const struct record_spec *spec,
                                   struct error *err);

/* Accepts NULL. */
void ingest_map_free(struct ingest_map *map);

/* ---- how a file is named (source.c) ---- */

/* "folder/name" ("name" when folder is NULL or ""), UTF-8 whatever the name: a byte that is not,
 * and a backslash, is written as \xNN, so that no two files are named alike. Owned by the arena. */
const char *ingest_source(const char *folder, const char *name, struct arena *arena);

/* The path of the file that ingest_source() named so. */
const char *ingest_source_path(const char *source, struct arena *arena);

/* ---- files that were read before (taken.c) ---- */

struct stat;

/* A file as it was when it was read. */
struct ingest_taken {
    const char *source; /* as in struct input_file */
    uint64_t bytes;
    int64_t mtime, inode;
};

struct ingest_takens {
    const struct ingest_taken *files; /* sorted by source (strcmp) */
    size_t count;
};

/* Was a file of this name among them? NULL: there are none. */
bool ingest_was_taken(const struct ingest_takens *takens, const char *source);

/* Are all of them under `root` with the size, time and inode that they had? */
bool ingest_unchanged(const char *root, const struct ingest_takens *takens);

/* What tells a later change of a file: mtime and inode as in struct input_file. A file written in
 * the clock's present tick has the mtime 0: its next change may bear the same time. */
void ingest_mark(const struct stat *info, struct input_file *file);

/* ---- reading files ---- */

struct ingest_options {
    const struct record_spec *spec;     /* required */
    const struct ingest_takens *takens; /* files to pass over; NULL: none */
    const struct ingest_map *map;       /* NULL: the fields' own names */
    unsigned threads;                   /* 0: all available cores */
    size_t record_limit;                /* bytes of one record; 0: 8 MiB */
    /* Told after every few files and every few MiB, by one thread at a time, while another may be
     * in the sink; files_total is 0 as long as they are being counted. May be NULL. */
    void (*progress)(void *context, uint64_t files, uint64_t files_total, uint64_t bytes);
    void *progress_context;
};

/* Reads all files directly inside `root`/`folder`: *.json (an object, an array of objects, or
 * several of these one after another), *.ndjson and *.jsonl (one object a line), with a CSV map
 * *.csv instead; each also as .gz and .zst. Names starting with '.' or '_' and other suffixes are
 * ignored and counted. Bad records and unreadable files go to sink->reject and do not fail the
 * call; `source` is ingest_source(folder, name). Fails when the folder cannot be listed, a CSV file
 * lacks a column, or the sink fails. The order of rows is not fixed. Memory: about record_limit + 2
 * MiB a thread at most, and the list of names: a name's bytes and some 60 more. `counts` is filled
 * in any case. */
int ingest_folder(const char *root, const char *folder, const struct ingest_options *options,
                  const struct ingest_sink *sink, struct ingest_counts *counts, struct error *err);

/* Reads the one file `path` as ingest_folder() would read `name` in `folder`: its form goes by
 * `name`, and so does `source`. For files that came here from elsewhere. `counts` are added to. */
int ingest_file(const char *path, const char *folder, const char *name,
                const struct ingest_options *options, const struct ingest_sink *sink,
                struct ingest_counts *counts, struct error *err);

/* The endings of the files that ingest_folder() reads under a map (NULL: none), in lower case,
 * NULL-ended. */
const char *const *ingest_suffixes(const struct ingest_map *map);

/* Reads one CSV file `root`/`path` (.csv, .csv.gz, .csv.zst) with a header: RFC 4180, columns found
 * by name, others passed over, empty = NULL, numbers with a decimal point. Without a map the
 * separator is ','. Rows are in the file's order. Fails when the file cannot be opened, a column is
 * missing, or the sink fails; bad rows go to sink->reject. */
int ingest_csv(const char *root, const char *path, const struct ingest_options *options,
               const struct ingest_sink *sink, struct ingest_counts *counts, struct error *err);

/* Reads the table spec->table->name of the SQLite file `root`/`path`, in the order of its rows (the
 * position of a refused one is its number, from 0). Fails when the file is no database, the table
 * or a column is missing, or the sink fails; options other than spec are not looked at. */
int ingest_sqlite(const char *root, const char *path, const struct ingest_options *options,
                  const struct ingest_sink *sink, struct ingest_counts *counts, struct error *err);

#endif
