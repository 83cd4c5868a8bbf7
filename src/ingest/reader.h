/* One worker that reads files: its scratch memory, and the two forms that files have. */
#ifndef INGEST_READER_H
#define INGEST_READER_H

#include "ingest/ingest.h"
#include "ingest/map.h"
#include "ingest/stream.h"

enum { RECORD_LIMIT = 8 * 1024 * 1024 };

/* Used by one thread, for one file after another. */
struct reader {
    const struct ingest_map *map;
    size_t limit; /* bytes of one record */
    struct collector collector;
    struct stream stream;
    struct window window;
    const char *source; /* the file at hand, as it is reported */
    const char *path;   /* the same for messages: with the root, where one file was asked for */
    struct bytes stem;  /* its name without suffixes */
    char *scratch;      /* unescaped texts */
    size_t scratch_room;
    unsigned pause, next_pause; /* messages without a try of json_read_quick() */
    struct raw_value slots[BATCH_COLUMNS], values[BATCH_COLUMNS];
    struct map_scratch map_scratch;
    bool header_required; /* a CSV file without any line is an error, not a bad record */
    struct csv_row *row;  /* csv_file.c's; kept from file to file */
    void (*tick)(void *context, uint64_t bytes); /* told of bytes read, now and then */
    void *tick_context;
    uint64_t told; /* bytes of this file that tick() knows of */
};

/* The origin of the first `size` bytes in the window, as a record. */
struct record_origin reader_origin(const struct reader *reader, size_t size);

/* Scratch for at least `size` bytes. */
char *reader_scratch(struct reader *reader, size_t size);

/* Reads on; false when nothing more comes or the limit is reached. */
bool reader_fill(struct reader *reader);

/* Takes the record in reader->slots, which are the first `size` bytes in the window. */
int reader_add(struct reader *reader, size_t size, struct error *err);

/* Refuses the first `size` bytes in the window as one record, for `code` (NULL: for what is in
 * reader->collector.reasons already). */
int reader_refuse(struct reader *reader, const char *code, size_t size, struct error *err);

/* The end of the stream was not its proper end: refuses what is left in the window, perhaps
 * nothing, as the record that was cut. */
int reader_refuse_break(struct reader *reader, struct error *err);

/* Refuses the record that begins the window for being too long and steps over it up to and with the
 * next line feed, without keeping it. */
int reader_refuse_long_line(struct reader *reader, const char *code, struct error *err);

/* Reads the open stream to its end, one JSON message a line. -1 only when the sink fails. */
int read_json_lines(struct reader *reader, struct error *err);

/* The same for JSON values one after another, or in arrays. */
int read_json_values(struct reader *reader, struct error *err);

/* The same for CSV with a header; -1 also when the header lacks a column. */
int read_csv_rows(struct reader *reader, struct error *err);

/* Frees what read_csv_rows() keeps. */
void csv_row_free(struct csv_row *row);

#endif
