/* Writes the bronze of a simulated fleet; see generator.h. The register, the tables and the ranges
 * of messages are independent tasks for all threads: each draws its vehicles anew, so nothing is
 * kept and nothing depends on the order. Writes json/ or parquet/, csv/, sql/ and _SIMULATED. */
#include "generator/generator.h"

#include "base/arena.h"
#include "base/dates.h"
#include "base/parallel.h"
#include "generator/message.h"
#include "generator/tables.h"
#include "generator/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FILES_PER_TASK = 1024,   /* one-message files */
    LINES_PER_FILE = 100000, /* of NDJSON; such a file is a task */
    ROWS_PER_FILE = 250000,  /* of Parquet, likewise; an engine holds some 50 MB of them */
    FORMAT_VERSION = 1,      /* of _SIMULATED */
};

/* The tasks before the ranges of messages; the largest first. */
enum { TASK_REGISTER, TASK_MAINTENANCE, TASK_TRUTH, TASK_HISTORY, TASK_MESSAGES };

static const struct {
    const char *name, *folder;
    uint64_t messages_per_task;
} formats[] = {
    [GENERATOR_JSON] = {"json", "json", FILES_PER_TASK},
    [GENERATOR_NDJSON] = {"ndjson", "json", LINES_PER_FILE},
    [GENERATOR_PARQUET] = {"parquet", "parquet", ROWS_PER_FILE},
};

struct job {
    struct simulation simulation;
    const struct generator_options *options;
    uint64_t messages_per_task;
    struct folder root, telemetry, csv, sql;
    struct output *outputs;    /* one a worker */
    struct message_rows *rows; /* likewise, for Parquet */
    atomic_bool failed;
    pthread_mutex_t lock; /* over what follows */
    size_t failed_task;   /* the first one in order, for the same sentence every time */
    struct error *err;
    uint64_t done;
};

/* Writes a message, twice when it is a duplicate: as lines of the open file, or as files
 * msg_N.json and, for the second sending, msg_N_2.json. */
static int write_message(struct job *job, struct output *output, uint64_t number,
                         const struct message *message, struct error *err)
{
    bool lines = job->options->format == GENERATOR_NDJSON;
    int times = message->fault == FAULT_DUPLICATE ? 2 : 1;
    for (int i = 0; i < times; i++) {
        if (!lines) {
            char name[64];
            char *end = put_whole(put_text(name, "msg_"), number);
            *put_text(end, i > 0 ? "_2.json" : ".json") = '\0';
            if (output_open(output, &job->telemetry, name, err) != 0) {
                return -1;
            }
        }
        char *to = output_room(output, MESSAGE_ROOM + 1, err);
        if (!to) {
            return -1;
        }
        to = message_put(to, message);
        if (lines) {
            *to++ = '\n';
        }
        output_took(output, to);
        if (!lines && output_close(output, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int send_rows(struct job *job, unsigned worker, struct error *err)
{
    const struct generator_tables *tables = job->options->tables;
    struct batch *batch = &job->rows[worker].batch;
    int status = batch->rows > 0 ? tables->rows(tables->context, worker, batch, err) : 0;
    batch->rows = 0;
    return status;
}

/* The same as rows. */
static int add_message(struct job *job, unsigned worker, const struct message *message,
                       struct error *err)
{
    int times = message->fault == FAULT_DUPLICATE ? 2 : 1;
    for (int i = 0; i < times; i++) {
        if (job->rows[worker].batch.rows == BATCH_ROWS && send_rows(job, worker, err) != 0) {
            return -1;
        }
        message_rows_add(&job->rows[worker], message);
    }
    return 0;
}

/* Writes the messages first .. last - 1 of the fleet. */
static int write_range(struct job *job, unsigned worker, uint64_t first, uint64_t last,
                       struct error *err)
{
    bool rows = job->options->format == GENERATOR_PARQUET;
    const struct simulation *simulation = &job->simulation;
    struct mix mix = {0};
    struct vehicle vehicle = {0};
    uint64_t slot = first % simulation->per_vehicle;
    vehicle_draw(simulation, &mix, first / simulation->per_vehicle, &vehicle);
    for (uint64_t number = first; number < last; number++, slot++) {
        struct message message;
        if (slot == simulation->per_vehicle) {
            slot = 0;
            vehicle_draw(simulation, &mix, vehicle.number + 1, &vehicle);
        }
        if (message_draw(simulation, &vehicle, slot, &message) &&
            (rows ? add_message(job, worker, &message, err)
                  : write_message(job, &job->outputs[worker], number, &message, err)) != 0) {
            return -1;
        }
    }
    return 0;
}

/* One file of many messages, or the files of one task. */
static int write_files(struct job *job, unsigned worker, uint64_t task, uint64_t first,
                       uint64_t last, struct error *err)
{
    const struct generator_tables *tables = job->options->tables;
    struct output *output = &job->outputs[worker];
    struct arena arena = {0};
    char name[64];
    char *end = put_whole(put_text(name, "telemetry_"), task);
    int status = -1;
    switch (job->options->format) {
    case GENERATOR_JSON:
        return write_range(job, worker, first, last, err);
    case GENERATOR_NDJSON:
        *put_text(end, ".ndjson") = '\0';
        if (output_open(output, &job->telemetry, name, err) == 0 &&
            write_range(job, worker, first, last, err) == 0) {
            status = output_close(output, err);
        }
        return status;
    case GENERATOR_PARQUET:
        break;
    }
    *put_text(end, ".parquet") = '\0';
    if (write_range(job, worker, first, last, err) == 0 && send_rows(job, worker, err) == 0) {
        status = tables->file(tables->context, worker,
                              arena_printf(&arena, "%s/%s", job->telemetry.path, name), err);
    }
    arena_release(&arena);
    return status;
}

static int write_messages(struct job *job, unsigned worker, uint64_t task, struct error *err)
{
    uint64_t first = task * job->messages_per_task;
    uint64_t last = first + job->messages_per_task;
    last = last < job->simulation.messages ? last : job->simulation.messages;
    if (write_files(job, worker, task, first, last, err) != 0) {
        return -1;
    }
    pthread_mutex_lock(&job->lock);
    job->done += last - first;
    if (job->options->progress) {
        job->options->progress(job->options->progress_context, job->done, job->simulation.messages);
    }
    pthread_mutex_unlock(&job->lock);
    return 0;
}

static void run_task(void *context, size_t task, unsigned worker)
{
    struct job *job = context;
    struct output *output = &job->outputs[worker];
    struct error err;
    int status;
    if (atomic_load(&job->failed)) {
        return;
    }
    if (task == TASK_REGISTER) {
        status = write_register(&job->simulation, &job->sql, &err);
    } else if (task == TASK_MAINTENANCE) {
        status = write_maintenance(&job->simulation, &job->csv, output, &err);
    } else if (task == TASK_TRUTH) {
        status = job->simulation.scenario == GENERATOR_WEAR
                     ? write_truth(&job->simulation, &job->root, output, &err)
                     : 0;
    } else if (task == TASK_HISTORY) {
        status = write_history(&job->simulation, &job->csv, output, &err);
    } else {
        status = write_messages(job, worker, task - TASK_MESSAGES, &err);
    }
    output_abandon(output);
    if (status == 0) {
        return;
    }
    pthread_mutex_lock(&job->lock);
    if (!atomic_load(&job->failed) || task < job->failed_task) {
        job->failed_task = task;
        *job->err = err;
        atomic_store(&job->failed, true);
    }
    pthread_mutex_unlock(&job->lock);
}

/* Marks the folder as simulated, first of all: no moment at which it could pass for real. */
static int write_mark(const struct job *job, struct error *err)
{
    const struct simulation *s = &job->simulation;
    struct arena arena = {0};
    char date[DATE_TEXT_SIZE];
    const char *text =
        arena_printf(&arena,
                     "Simulated, not real: written by autostream generate\n"
                     "format_version=%d\nrun_date=%s\nseed=%llu\nvehicles=%llu\ndays=%llu\n"
                     "messages_per_day=%llu\nfaults=%.17g\nformat=%s\n%s",
                     FORMAT_VERSION, date_format(s->run_date, date), (unsigned long long)s->seed,
                     (unsigned long long)s->vehicles, (unsigned long long)s->days,
                     (unsigned long long)s->per_day, s->faults, formats[job->options->format].name,
                     s->scenario == GENERATOR_WEAR ? "scenario=wear\n" : "");
    int status = -1;
    if (output_open(job->outputs, &job->root, "_SIMULATED", err) == 0 &&
        output_bytes(job->outputs, text, strlen(text), err) == 0 &&
        output_close(job->outputs, err) == 0) {
        status = 0;
    }
    output_abandon(job->outputs);
    arena_release(&arena);
    return status;
}

int generator_write(const char *folder, const struct generator_options *options, struct error *err)
{
    unsigned threads = parallel_threads(options->threads);
    struct job job = {.options = options,
                      .messages_per_task = formats[options->format].messages_per_task,
                      .root = {.fd = -1},
                      .telemetry = {.fd = -1},
                      .csv = {.fd = -1},
                      .sql = {.fd = -1},
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .err = err};
    int status = -1;
    assert(options->format != GENERATOR_PARQUET || options->tables);
    if (simulation_init(&job.simulation, options, err) != 0) {
        goto done;
    }
    job.outputs = xcalloc(threads, sizeof *job.outputs);
    job.rows = xcalloc(threads, sizeof *job.rows);
    for (unsigned i = 0; i < threads && options->format == GENERATOR_PARQUET; i++) {
        message_rows_init(&job.rows[i]);
    }
    if (folder_open(&job.root, folder, err) != 0 || write_mark(&job, err) != 0 ||
        folder_make(&job.telemetry, folder, formats[options->format].folder, err) != 0 ||
        folder_make(&job.csv, folder, "csv", err) != 0 ||
        folder_make(&job.sql, folder, "sql", err) != 0) {
        goto done;
    }
    uint64_t ranges = (job.simulation.messages - 1) / job.messages_per_task + 1;
    parallel_for(threads, TASK_MESSAGES + ranges, run_task, &job);
    if (atomic_load(&job.failed)) {
        goto done;
    }
    assert(job.done == job.simulation.messages);
    status = 0;
done:
    folder_close(&job.root);
    folder_close(&job.telemetry);
    folder_close(&job.csv);
    folder_close(&job.sql);
    for (unsigned i = 0; job.rows && i < threads; i++) {
        message_rows_release(&job.rows[i]);
    }
    free(job.rows);
    free(job.outputs);
    pthread_mutex_destroy(&job.lock);
    return status;
}
