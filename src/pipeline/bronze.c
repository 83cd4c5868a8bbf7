/* Bronze into the engine: telemetry, service records, register, part lifetimes; see stages.h.
 *
 * Every record passes the check of ingest; what is refused goes to the table `records` (the
 * quarantine), every file that was read to `inputs`. The specs here say what is possible in each
 * kind of record. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/parallel.h"
#include "lake/layout.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- what records must look like ---- */

/* Dates and instants before this are mistakes (a clock that was never set, a slip of the pen). */
static int32_t earliest_date(void)
{
    return date_from_civil(2000, 1, 1);
}

static const double KM_HIGHEST = 5e6;

struct specs {
    struct telemetry_spec telemetry;
    struct record_field service_fields[4];
    struct record_field vehicle_fields[3];
    struct record_field part_fields[4];
    struct record_spec services, vehicles, parts;
};

static struct record_spec spec_of(enum table_id table, struct record_field *fields, size_t count)
{
    const struct table *columns = fleet_table(table);
    assert(columns->column_count == count);
    for (size_t f = 0; f < count; f++) {
        fields[f].column = columns->columns[f];
        if (fields[f].derived_from == 0) {
            fields[f].derived_from = -1;
        }
    }
    return (struct record_spec){columns, fields, count};
}

void telemetry_spec_init(struct telemetry_spec *telemetry, int32_t run_date)
{
    double last_instant = (run_date + 2) * (double)MICROS_PER_DAY - 1;
    struct record_field *fields = telemetry->fields;
    *telemetry = (struct telemetry_spec){0};
    fields[0].required = true; /* vin */
    fields[1].required = true; /* timestamp; event_ts is read from it */
    fields[2] = (struct record_field){
        .derived_from = 1, .low = earliest_date() * (double)MICROS_PER_DAY, .high = last_instant};
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        fields[3 + i].low = telemetry_features[i].low;
        fields[3 + i].high = telemetry_features[i].high;
        fields[3 + i].defaulted = !isnan(telemetry_features[i].missing);
        fields[3 + i].missing = telemetry_features[i].missing;
    }
    fields[3 + TELEMETRY_FEATURE_COUNT].derived_from = 2; /* event_date */
    telemetry->spec = spec_of(TABLE_MESSAGES, fields, TELEMETRY_FIELDS);
}

static void specs_init(struct specs *s, int32_t run_date)
{
    double first_day = earliest_date();
    double last_day = run_date + 1;
    *s = (struct specs){0};
    telemetry_spec_init(&s->telemetry, run_date);

    s->service_fields[0].required = true;
    s->service_fields[1] = (struct record_field){.low = first_day, .high = last_day};
    s->service_fields[3] = (struct record_field){.low = 0, .high = KM_HIGHEST};
    s->services = spec_of(TABLE_ENTRETIENS, s->service_fields, 4);

    s->vehicle_fields[0].required = true;
    s->vehicle_fields[2] = (struct record_field){.low = 1900, .high = 2200};
    s->vehicles = spec_of(TABLE_VEHICULES, s->vehicle_fields, 3);

    s->part_fields[0].required = true;
    s->part_fields[1] = (struct record_field){.required = true, .low = 0, .high = KM_HIGHEST};
    s->part_fields[2] = (struct record_field){.low = 0, .high = KM_HIGHEST};
    s->part_fields[3] = (struct record_field){.low = 0, .high = KM_HIGHEST};
    s->parts = spec_of(TABLE_PIECES, s->part_fields, 4);
}

int bronze_history(const char *root, const char *path, const struct ingest_sink *sink,
                   struct ingest_counts *counts, struct error *err)
{
    struct record_field fields[2 + MODEL_INPUT_COUNT] = {0};
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        const struct feature *feature = feature_find(model_input_names[i]);
        fields[1 + i].low = feature->low;
        fields[1 + i].high = feature->high;
    }
    fields[1 + MODEL_INPUT_COUNT] =
        (struct record_field){.required = true, .low = 0, .high = FAILURE_COUNT - 1};
    struct record_spec spec = spec_of(TABLE_HISTORIQUE, fields, 2 + MODEL_INPUT_COUNT);
    struct ingest_options options = {.spec = &spec};
    return ingest_csv(root, path, &options, sink, counts, err);
}

/* ---- where records go ---- */

struct bronze {
    struct stage *stage;
    pthread_mutex_t lock; /* around what follows and the engine: several readers are at work */
    struct batch rejects, inputs, taken;
    struct arena memory;       /* the batches */
    struct arena reject_texts; /* of the rows waiting in them */
    struct arena input_texts;
    struct arena taken_texts;
    size_t reject_bytes;
};

enum { REJECT_BYTES_WAITING = 4 * 1024 * 1024 };

static void put_text(struct batch *batch, size_t column, struct arena *arena, const char *text,
                     size_t size)
{
    batch->null[column][batch->rows] = false;
    batch->values[column].text[batch->rows] = (struct bytes){arena_copy(arena, text, size), size};
}

static void put_whole(struct batch *batch, size_t column, uint64_t value)
{
    batch->null[column][batch->rows] = false;
    batch->values[column].whole[batch->rows] = (int64_t)value;
}

static int send(struct bronze *bronze, struct batch *batch, struct arena *texts, struct error *err)
{
    int status = batch->rows > 0 ? lake_append(bronze->stage->lake, batch, err) : 0;
    batch->rows = 0;
    arena_clear(texts);
    return status;
}

static int put_reject(struct bronze *bronze, const struct reject *reject, struct error *err)
{
    struct batch *batch = &bronze->rejects;
    put_text(batch, 0, &bronze->reject_texts, reject->source, strlen(reject->source));
    put_whole(batch, 1, (uint64_t)reject->position);
    put_text(batch, 2, &bronze->reject_texts, reject->raw.data ? reject->raw.data : "",
             reject->raw.size);
    put_text(batch, 3, &bronze->reject_texts, reject->reasons, strlen(reject->reasons));
    batch->rows++;
    bronze->reject_bytes += reject->raw.size;
    if (batch->rows < BATCH_ROWS && bronze->reject_bytes < REJECT_BYTES_WAITING) {
        return 0;
    }
    bronze->reject_bytes = 0;
    return send(bronze, batch, &bronze->reject_texts, err);
}

/* What the next run needs to know it again. */
static int put_mark(struct bronze *bronze, const struct input_file *file, struct error *err)
{
    struct batch *batch = &bronze->taken;
    put_text(batch, 0, &bronze->taken_texts, file->source, strlen(file->source));
    put_whole(batch, 1, file->bytes);
    put_whole(batch, 2, (uint64_t)file->mtime);
    put_whole(batch, 3, (uint64_t)file->inode);
    batch->rows++;
    return batch->rows < BATCH_ROWS ? 0 : send(bronze, batch, &bronze->taken_texts, err);
}

static int put_file(struct bronze *bronze, const struct input_file *file, struct error *err)
{
    struct batch *batch = &bronze->inputs;
    put_text(batch, 0, &bronze->input_texts, file->source, strlen(file->source));
    put_whole(batch, 1, file->bytes);
    put_text(batch, 2, &bronze->input_texts, file->sha256, strlen(file->sha256));
    put_whole(batch, 3, file->records);
    batch->rows++;
    return batch->rows < BATCH_ROWS ? 0 : send(bronze, batch, &bronze->input_texts, err);
}

/* ---- the sinks: of telemetry, and of the tables beside it ---- */

static int take_rows(void *context, const struct batch *batch, struct error *err)
{
    struct bronze *bronze = context;
    pthread_mutex_lock(&bronze->lock);
    int status = lake_append(bronze->stage->lake, batch, err);
    pthread_mutex_unlock(&bronze->lock);
    return status;
}

static int take_reject(void *context, const struct reject *reject, struct error *err)
{
    struct bronze *bronze = context;
    pthread_mutex_lock(&bronze->lock);
    int status = put_reject(bronze, reject, err);
    pthread_mutex_unlock(&bronze->lock);
    return status;
}

static int take_file(void *context, const struct input_file *file, struct error *err)
{
    struct bronze *bronze = context;
    pthread_mutex_lock(&bronze->lock);
    int status = put_file(bronze, file, err);
    pthread_mutex_unlock(&bronze->lock);
    return status;
}

static int take_telemetry_file(void *context, const struct input_file *file, struct error *err)
{
    struct bronze *bronze = context;
    pthread_mutex_lock(&bronze->lock);
    int status = put_mark(bronze, file, err) == 0 ? put_file(bronze, file, err) : -1;
    pthread_mutex_unlock(&bronze->lock);
    return status;
}

/* ---- where bronze lies ---- */

static int no_bronze(const char *data, int32_t run_date, struct arena *arena, struct error *err)
{
    enum { SHOWN = 5 };
    int32_t *dates;
    size_t count;
    char wanted[DATE_TEXT_SIZE];
    if (published_dates_under(data, "bronze", arena, &dates, &count, err) != 0) {
        return -1;
    }
    date_format(run_date, wanted);
    if (count == 0) {
        return error_set(
            err,
            "%s : pas de données brutes ; simulez une flotte avec « autostream generate », ou "
            "déposez les vôtres dans %s/bronze/run_date=%s/{json,csv,sql}",
            "%s: no raw data; simulate a fleet with \"autostream generate\", or put yours into "
            "%s/bronze/run_date=%s/{json,csv,sql}",
            data, data, wanted);
    }
    char *list = arena_strdup(arena, count > SHOWN ? "..." : "");
    for (size_t i = count > SHOWN ? count - SHOWN : 0; i < count; i++) {
        char date[DATE_TEXT_SIZE];
        list = arena_printf(arena, "%s%s%s", list, *list ? ", " : "", date_format(dates[i], date));
    }
    return error_set(
        err,
        "pas de données brutes pour le %s dans %s ; dates présentes : %s ; choisissez-en "
        "une avec --run-date",
        "no raw data for %s in %s; dates there are: %s; choose one with --run-date", wanted, data,
        list);
}

int bronze_find(const char *data, int32_t run_date, struct arena *arena, const char **folder,
                struct error *err)
{
    const char *dated = layout_path(arena, "bronze/run_date=D", run_date, 0);
    if (fs_is_folder(arena_printf(arena, "%s/%s", data, dated))) {
        *folder = dated;
        return 0;
    }
    if (fs_is_folder(arena_printf(arena, "%s/bronze/json", data)) ||
        fs_is_folder(arena_printf(arena, "%s/bronze/parquet", data))) {
        *folder = "bronze";
        return 0;
    }
    return no_bronze(data, run_date, arena, err);
}

/* ---- the loading itself ---- */

static const struct text READING = TEXT("Lecture des messages", "Reading messages");

static void tell_reading(void *context, uint64_t files, uint64_t files_total, uint64_t bytes)
{
    (void)bytes;
    stage_tell(context, &READING, files, files_total);
}

static int take_count(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    uint64_t *value = worker_count(context, cells[0].data, strtoull(cells[1].data, NULL, 10));
    (void)count;
    (void)err;
    assert(value);
    *value += strtoull(cells[2].data, NULL, 10);
    return 0;
}

static bool is_wanted(const char *name, const char *const *suffixes)
{
    size_t size = strlen(name);
    for (size_t i = 0; suffixes[i] && name[0] != '.' && name[0] != '_'; i++) {
        size_t length = strlen(suffixes[i]);
        if (size > length && strcasecmp(name + size - length, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* What workers will not see is read here: empty files, and what is no file, which engines pass over
 * in silence. *left: the files that are theirs. */
static int read_odd_files(struct stage *stage, const char *folder,
                          const struct ingest_options *options, const struct ingest_sink *sink,
                          struct ingest_counts *counts, uint64_t *left, struct error *err)
{
    const char *const *suffixes = ingest_suffixes(options->map);
    const char *full = arena_printf(stage->arena, "%s/%s", stage->raw, folder);
    char **names;
    size_t count;
    *left = 0;
    for (size_t i = 0; stage->remote && i < stage->remote->count; i++) {
        *(is_wanted(stage->remote->names[i], suffixes) ? left : &counts->ignored) += 1;
    }
    if (fs_list(full, stage->arena, &names, &count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const char *path = arena_printf(stage->arena, "%s/%s", full, names[i]);
        struct stat info;
        if (!is_wanted(names[i], suffixes)) {
            counts->ignored++;
        } else if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
            ++*left;
        } else if (ingest_file(path, folder, names[i], options, sink, counts, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Raw files read by the engine's workers, which run this program: the same as ingest_folder(). */
static int read_on_workers(struct stage *stage, const char *folder,
                           const struct ingest_options *options, const struct ingest_sink *sink,
                           struct ingest_counts *counts, struct error *err)
{
    const struct table *tables[WORKER_TABLES];
    char date[DATE_TEXT_SIZE];
    const char *map = stage->options->map_path;
    const char *map_name = map && strrchr(map, '/') ? strrchr(map, '/') + 1 : map;
    const char *const worker[] = {"worker",
                                  "records",
                                  "--folder",
                                  folder,
                                  "--run-date",
                                  date_format(stage->session->run_date, date),
                                  map ? "--map" : NULL,
                                  map_name,
                                  NULL};
    const char *const files[] = {map, NULL};
    const struct lake_transform transform = {
        .folder = stage->remote ? stage->remote->json
                                : arena_printf(stage->arena, "%s/%s", stage->raw, folder),
        .suffixes = ingest_suffixes(options->map),
        .worker = worker,
        .worker_files = files,
        .tables = tables,
        .table_count = WORKER_TABLES};
    uint64_t theirs;
    struct ingest_counts seen = {0};
    tables[WORKER_MESSAGES] = fleet_table(TABLE_MESSAGES);
    tables[WORKER_REJECTS] = fleet_table(TABLE_QUARANTAINE);
    tables[WORKER_INPUTS] = fleet_table(TABLE_ENTREES);
    tables[WORKER_COUNTS] = &worker_counts;
    stage_tell(stage->session, &READING, 0, 0);
    if (read_odd_files(stage, folder, options, sink, counts, &theirs, err) != 0 ||
        lake_create(stage->lake, &worker_counts, err) != 0 ||
        lake_transform(stage->lake, &transform, err) != 0 || lake_flush(stage->lake, err) != 0 ||
        lake_each(stage->lake,
                  "SELECT what, field, CAST(sum(value) AS BIGINT) FROM ingest_counts "
                  "GROUP BY what, field",
                  take_count, &seen, err) != 0) {
        return -1;
    }
    if (seen.files != theirs) {
        return error_set(
            err,
            "%s : Spark y a lu %llu fichiers sur %llu ; ce dossier doit être le même "
            "pour toutes ses machines",
            "%s: Spark has read %llu files of %llu there; this folder must be the same "
            "for all its machines",
            transform.folder, (unsigned long long)seen.files, (unsigned long long)theirs);
    }
    ingest_counts_add(counts, &seen);
    return 0;
}

static int load_telemetry(struct bronze *bronze, const char *folder, const struct specs *specs,
                          struct error *err)
{
    struct stage *stage = bronze->stage;
    bool marked = !lake_has_workers(stage->lake); /* workers do not tell how files look here */
    const struct ingest_sink sink = {bronze, take_rows, take_reject,
                                     marked ? take_telemetry_file : take_file};
    const char *data = stage->raw;
    struct ingest_counts *counts = &stage->report->telemetry;
    struct ingest_options options = {.spec = &specs->telemetry.spec,
                                     .threads = stage->session->threads,
                                     .progress =
                                         stage->session->progress.tell ? tell_reading : NULL,
                                     .progress_context = (void *)stage->session};
    struct ingest_map *map = NULL;
    const struct taken *taken = &stage->taken;
    const char *json = arena_printf(stage->arena, "%s/json", folder);
    const char *parquet = arena_printf(stage->arena, "%s/parquet", folder);
    int status = -1;
    if (stage->options->map_path &&
        !(map = ingest_map_read(stage->options->map_path, &specs->telemetry.spec, err))) {
        goto done;
    }
    options.map = map;
    options.takens = taken->goes_on ? &taken->files : NULL;
    if (fs_exists(arena_printf(stage->arena, "%s/%s", data, json)) &&
        (lake_has_workers(stage->lake)
             ? read_on_workers(stage, json, &options, &sink, counts, err)
             : ingest_folder(data, json, &options, &sink, counts, err)) != 0) {
        goto done;
    }
    if (fs_is_folder(arena_printf(stage->arena, "%s/%s", data, parquet)) &&
        bronze_parquet(stage, parquet, &specs->telemetry.spec, options.takens, &sink, counts,
                       err) != 0) {
        goto done;
    }
    ingest_counts_add(counts, &taken->counts);
    stage->report->taken_before = taken->counts.files;
    if (counts->records == 0) {
        error_set(
            err,
            "%s/%s : aucun message de télémétrie ; déposez-y des fichiers .json, .ndjson ou "
            ".jsonl (aussi .gz, .zst), ou simulez une flotte avec « autostream generate »",
            "%s/%s: no telemetry message; put .json, .ndjson or .jsonl files (also .gz, .zst) "
            "there, or simulate a fleet with \"autostream generate\"",
            data, json);
        goto done;
    }
    status = 0;
done:
    ingest_map_free(map);
    return status;
}

/* The two files that a run needs beside telemetry, below its folder. */
#define SERVICES_FILE "%s/csv/maintenance.csv"
#define VEHICLES_FILE "%s/sql/flotte.db"

/* One of them. */
static int need_file(struct stage *stage, const char *path, struct error *err)
{
    const char *full = arena_printf(stage->arena, "%s/%s", stage->raw, path);
    if (fs_exists(full)) {
        return 0;
    }
    if (stage->remote) {
        full = arena_printf(stage->arena, "%s%s", stage->options->bronze, strchr(path, '/'));
        errno = ENOENT;
    }
    if (errno != ENOENT) { /* it may be there, but its folder is closed to us */
        return error_set(err, "%s : lecture impossible (%s) ; vérifiez le dossier et ses droits",
                         "%s: cannot be read (%s); check the folder and its permissions", full,
                         strerror(errno));
    }
    return error_set(
        err, "%s : fichier absent ; il est nécessaire à côté de la télémétrie, déposez-le là",
        "%s: no such file; it is needed beside the telemetry, put it there", full);
}

static int load_parts(struct bronze *bronze, const char *folder, const struct specs *specs,
                      const struct ingest_sink *sink, struct error *err)
{
    struct stage *stage = bronze->stage;
    const char *data = stage->raw;
    const char *parts = arena_printf(stage->arena, "%s/csv/piece_lifetime.csv", folder);
    const char *history = arena_printf(stage->arena, "%s/csv/data_historique_pannes.csv", folder);
    struct ingest_counts counts = {0};
    if (fs_exists(arena_printf(stage->arena, "%s/%s", data, parts))) {
        struct ingest_options options = {.spec = &specs->parts};
        return lake_create(stage->lake, fleet_table(TABLE_PIECES), err) == 0
                   ? ingest_csv(data, parts, &options, sink, &counts, err)
                   : -1;
    }
    const char *names[FAILURE_COUNT];
    for (size_t f = 0; f < FAILURE_COUNT; f++) {
        names[f] = failure_kinds[f].name;
    }
    if (lake_create(stage->lake, fleet_table(TABLE_HISTORIQUE), err) != 0 ||
        (fs_exists(arena_printf(stage->arena, "%s/%s", data, history)) &&
         bronze_history(data, history, sink, &counts, err) != 0) ||
        lake_flush(stage->lake, err) != 0 ||
        lake_words(stage->lake, "pannes", "panne", names, FAILURE_COUNT, err) != 0) {
        return -1;
    }
    return lake_define(stage->lake, fleet_table(TABLE_PIECES)->name, "silver/piece_lifetime.sql",
                       LAKE_TABLE, err);
}

/* A run that goes on from an earlier one feeds new messages to a table of their own; the SELECTs
 * put both together. */
static int create_tables(struct stage *stage, const struct record_spec *telemetry,
                         struct error *err)
{
    static const enum table_id fed[] = {TABLE_ENTRETIENS, TABLE_VEHICULES, TABLE_QUARANTAINE,
                                        TABLE_ENTREES, TABLE_PRISES};
    if (lake_create_distinct(stage->lake, telemetry->table, &silver_distinct, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof fed / sizeof *fed; i++) {
        if (fed[i] == TABLE_PRISES && lake_has_workers(stage->lake)) {
            continue;
        }
        if (lake_create(stage->lake, fleet_table(fed[i]), err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* What a run that goes on from an earlier one writes of both, unless all of it stays. */
static int join_tables(struct stage *stage, struct error *err)
{
    static const char *const joined[] = {"records_ensemble", "inputs_ensemble", "taken_ensemble"};
    bool needed = stage->taken.goes_on && !stage->taken.same;
    for (size_t i = 0; needed && i < sizeof joined / sizeof *joined; i++) {
        const char *file = arena_printf(stage->arena, "silver/%s.sql", joined[i]);
        if (lake_define(stage->lake, joined[i], file, LAKE_VIEW, err) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Service records and register. */
static int load_tables(struct bronze *bronze, const char *folder, const struct specs *specs,
                       struct error *err)
{
    struct run_report *report = bronze->stage->report;
    const char *data = bronze->stage->raw;
    const struct ingest_sink sink = {bronze, take_rows, take_reject, take_file};
    struct ingest_counts services = {0};
    struct ingest_counts vehicles = {0};
    struct ingest_options service_options = {.spec = &specs->services};
    struct ingest_options vehicle_options = {.spec = &specs->vehicles};
    struct arena arena = {0};
    int status = ingest_csv(data, arena_printf(&arena, SERVICES_FILE, folder), &service_options,
                            &sink, &services, err);
    if (status == 0) {
        status = ingest_sqlite(data, arena_printf(&arena, VEHICLES_FILE, folder), &vehicle_options,
                               &sink, &vehicles, err);
    }
    report->services = services.accepted;
    report->services_quarantined = services.quarantined;
    report->vehicles = vehicles.accepted;
    report->vehicles_quarantined = vehicles.quarantined;
    arena_release(&arena);
    return status;
}

/* Telemetry, and the tables beside it: both at the same time, where there are threads. */
struct loading {
    struct bronze *bronze;
    const char *folder;
    const struct specs *specs;
    int statuses[2];
    struct error errors[2];
};

static void load_one(void *context, size_t index, unsigned worker)
{
    struct loading *l = context;
    (void)worker;
    l->statuses[index] = (index == 0 ? load_telemetry : load_tables)(l->bronze, l->folder, l->specs,
                                                                     &l->errors[index]);
}

static int load_both(struct bronze *bronze, const char *folder, const struct specs *specs,
                     struct error *err)
{
    struct stage *stage = bronze->stage;
    struct loading loading = {.bronze = bronze, .folder = folder, .specs = specs};
    parallel_for(lake_has_workers(stage->lake) ? 1 : stage->session->threads, 2, load_one,
                 &loading);
    for (size_t i = 0; i < 2; i++) {
        if (loading.statuses[i] != 0) {
            *err = loading.errors[i];
            return -1;
        }
    }
    return 0;
}

/* Many messages are sorted by all threads at the end of this, not only what comes behind it. */
static int use_threads(struct stage *stage, struct error *err)
{
    bool many = stage->report->telemetry.records >= LAKE_ROWS_A_THREAD;
    return many ? lake_use_threads(stage->lake, stage->session->threads, err) : 0;
}

static int load_all(struct bronze *bronze, const char *folder, struct specs *specs,
                    struct error *err)
{
    struct stage *stage = bronze->stage;
    const struct ingest_sink sink = {bronze, take_rows, take_reject, take_file};
    struct table fresh = *fleet_table(TABLE_MESSAGES);
    fresh.name = "telemetry_nouvelle";
    if (need_file(stage, arena_printf(stage->arena, SERVICES_FILE, folder), err) != 0 ||
        need_file(stage, arena_printf(stage->arena, VEHICLES_FILE, folder), err) != 0 ||
        taken_open(stage, folder, &specs->telemetry.spec, err) != 0) {
        return -1;
    }
    if (stage->taken.goes_on) {
        specs->telemetry.spec.table = &fresh;
    }
    if (create_tables(stage, &specs->telemetry.spec, err) != 0 ||
        load_both(bronze, folder, specs, err) != 0 || use_threads(stage, err) != 0 ||
        load_parts(bronze, folder, specs, &sink, err) != 0) {
        return -1;
    }
    taken_compare(stage, &bronze->inputs);
    if (join_tables(stage, err) != 0 ||
        send(bronze, &bronze->rejects, &bronze->reject_texts, err) != 0 ||
        send(bronze, &bronze->inputs, &bronze->input_texts, err) != 0 ||
        send(bronze, &bronze->taken, &bronze->taken_texts, err) != 0) {
        return -1;
    }
    return lake_flush(stage->lake, err);
}

int bronze_load(struct stage *stage, struct error *err)
{
    struct bronze bronze = {.stage = stage, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct specs specs;
    const char *folder;
    int status = -1;
    specs_init(&specs, stage->session->run_date);
    batch_init(&bronze.rejects, fleet_table(TABLE_QUARANTAINE), &bronze.memory);
    batch_init(&bronze.inputs, fleet_table(TABLE_ENTREES), &bronze.memory);
    batch_init(&bronze.taken, fleet_table(TABLE_PRISES), &bronze.memory);
    stage->raw = stage->session->data;
    if ((!stage->options->bronze || bronze_fetch(stage, err) == 0) &&
        bronze_find(stage->raw, stage->session->run_date, stage->arena, &folder, err) == 0) {
        status = load_all(&bronze, folder, &specs, err);
    }
    arena_release(&bronze.reject_texts);
    arena_release(&bronze.input_texts);
    arena_release(&bronze.taken_texts);
    arena_release(&bronze.memory);
    return status;
}
