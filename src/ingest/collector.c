/* The way of records to the sink, and their counts; see ingest.h. Every record that comes in leaves
 * as exactly one of: accepted row, quarantined record. */
#include "ingest/ingest.h"

#include <assert.h>

/* Each call of the sink may wait for the time that another thread hands over its rows: a call a
 * file would make threads take turns. */
enum { FILES_WAITING = 256 };

static void lock(struct collector *collector)
{
    if (collector->lock) {
        pthread_mutex_lock(collector->lock);
    }
}

static void unlock(struct collector *collector)
{
    if (collector->lock) {
        pthread_mutex_unlock(collector->lock);
    }
}

void collector_init(struct collector *collector, const struct record_spec *spec,
                    const struct ingest_sink *sink, pthread_mutex_t *mutex)
{
    assert(spec->field_count == spec->table->column_count && spec->field_count <= BATCH_COLUMNS);
    collector->spec = spec;
    collector->sink = sink;
    collector->lock = mutex;
    batch_init(&collector->batch, spec->table, &collector->memory);
    collector->files = ARENA_NEW(&collector->memory, struct input_file, FILES_WAITING);
}

static void forget_reasons(struct collector *collector)
{
    collector->reasons.size = 0;
    collector->reasons.text[0] = '\0';
}

static int send_reject(struct collector *collector, const struct record_origin *origin,
                       struct error *err)
{
    struct reject reject = {.source = origin->source,
                            .position = origin->position,
                            .raw =
                                origin->make_raw ? origin->make_raw(origin->context) : origin->raw,
                            .reasons = collector->reasons.text};
    if (reject.raw.size > REJECT_RAW_LIMIT) {
        reject.raw.size = REJECT_RAW_LIMIT;
    }
    assert(collector->reasons.size > 0);
    collector->counts.records++;
    collector->counts.quarantined++;
    lock(collector);
    int status = collector->sink->reject(collector->sink->context, &reject, err);
    unlock(collector);
    forget_reasons(collector);
    return status;
}

/* The texts of the newest row move to memory that lives until the batch is sent. */
static void keep_texts(struct collector *collector)
{
    struct batch *batch = &collector->batch;
    size_t row = batch->rows - 1;
    for (size_t i = 0; i < collector->spec->field_count; i++) {
        enum column_type type = collector->spec->fields[i].column.type;
        if ((type == COLUMN_TEXT || type == COLUMN_BLOB) && !batch->null[i][row]) {
            struct bytes *text = &batch->values[i].text[row];
            text->data = arena_copy(&collector->texts, text->data, text->size);
        }
    }
}

/* Sends the rows that wait. */
static int send_rows(struct collector *collector, struct error *err)
{
    lock(collector);
    int status = collector->sink->rows(collector->sink->context, &collector->batch, err);
    unlock(collector);
    collector->batch.rows = 0;
    arena_clear(&collector->texts);
    return status;
}

int collector_add(struct collector *collector, const struct raw_value *values,
                  const struct record_origin *origin, struct error *err)
{
    if (!record_check(collector->spec, values, &collector->batch, &collector->counts,
                      &collector->reasons)) {
        return send_reject(collector, origin, err);
    }
    collector->counts.records++;
    collector->counts.accepted++;
    keep_texts(collector);
    return collector->batch.rows == BATCH_ROWS ? send_rows(collector, err) : 0;
}

int collector_refuse(struct collector *collector, const char *code,
                     const struct record_origin *origin, struct error *err)
{
    if (code) {
        reasons_add(&collector->reasons, code, NULL);
    }
    return send_reject(collector, origin, err);
}

/* Tells the sink about the files that wait. */
static int send_files(struct collector *collector, struct error *err)
{
    int status = 0;
    lock(collector);
    for (size_t i = 0; i < collector->file_count && status == 0; i++) {
        status = collector->sink->file(collector->sink->context, &collector->files[i], err);
    }
    unlock(collector);
    collector->file_count = 0;
    arena_clear(&collector->file_texts);
    return status;
}

int collector_file(struct collector *collector, const struct input_file *file, struct error *err)
{
    struct input_file *waiting = &collector->files[collector->file_count++];
    collector->counts.files++;
    collector->counts.bytes += file->bytes;
    *waiting = *file;
    waiting->source = arena_strdup(&collector->file_texts, file->source);
    return collector->file_count == FILES_WAITING ? send_files(collector, err) : 0;
}

int collector_flush(struct collector *collector, struct error *err)
{
    if (collector->batch.rows > 0 && send_rows(collector, err) != 0) {
        return -1;
    }
    return collector->file_count > 0 ? send_files(collector, err) : 0;
}

void collector_release(struct collector *collector)
{
    arena_release(&collector->memory);
    arena_release(&collector->texts);
    arena_release(&collector->file_texts);
    *collector = (struct collector){0};
}

void ingest_counts_add(struct ingest_counts *sum, const struct ingest_counts *part)
{
    sum->files += part->files;
    sum->ignored += part->ignored;
    sum->bytes += part->bytes;
    sum->records += part->records;
    sum->accepted += part->accepted;
    sum->quarantined += part->quarantined;
    for (size_t i = 0; i < BATCH_COLUMNS; i++) {
        sum->rounded[i] += part->rounded[i];
        sum->missing[i] += part->missing[i];
        sum->not_a_number[i] += part->not_a_number[i];
    }
}
