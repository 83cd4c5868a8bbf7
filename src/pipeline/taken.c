/* What an earlier run of the same date took in, so that a run reads only what is new; see stages.h.
 *
 * The earlier run's results are silver's files, its quarantine, its list of inputs, and
 * taken.parquet: the telemetry files as they were. A run goes on from them when all of this is as
 * run.json says, every one of those files is there unchanged, and the rules are the same; then new
 * files are read, and the results are those of reading everything. Else everything is read. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"
#include "lake/sql.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MAP_LIMIT = 64 << 20,
    RULES_VERSION = 3, /* of what the SELECTs and the fields' ranges do not tell: raise it when the
                          readers take in other records than before */
};

/* ---- the rules: what the results depend on beside the files ---- */

static void add_text(struct hash *hash, const char *text)
{
    hash_update(hash, text, strlen(text) + 1);
}

static int hash_rules(struct stage *stage, const char *folder, const struct record_spec *spec,
                      struct error *err)
{
    static const char *const selects[] = {"silver/telemetry_messages.sql",
                                          "silver/telemetry_ensemble.sql"};
    const char *map = stage->options->map_path;
    struct hash hash;
    struct bytes text;
    hash_init(&hash);
    add_text(&hash, arena_printf(stage->arena, "%s %d %s %d", AUTOSTREAM_VERSION, RULES_VERSION,
                                 folder, stage->session->run_date));
    for (size_t i = 0; i < sizeof selects / sizeof *selects; i++) {
        add_text(&hash, sql_text(selects[i]));
    }
    for (size_t f = 0; f < spec->field_count; f++) {
        const struct record_field *field = &spec->fields[f];
        add_text(&hash, arena_printf(stage->arena, "%s %d %d %.17g %.17g %d", field->column.name,
                                     (int)field->column.type, field->required, field->low,
                                     field->high, field->derived_from));
    }
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        add_text(&hash, arena_printf(stage->arena, "%.17g", telemetry_features[i].missing));
    }
    if (map && fs_read(map, MAP_LIMIT, stage->arena, &text, err) != 0) {
        return -1;
    }
    if (map) {
        hash_update(&hash, text.data, text.size);
    }
    hash_finish(&hash, stage->taken.rules_sha256);
    return 0;
}

/* ---- what the record says ---- */

static bool same_text(json_t *one, json_t *other)
{
    return json_is_string(one) && json_is_string(other) &&
           strcmp(json_string_value(one), json_string_value(other)) == 0;
}

/* Is a file in place with its size? (verify looks at its hash.) */
static bool file_stands(struct stage *stage, json_t *file)
{
    struct stat info;
    const char *path = json_string_value(json_object_get(file, "path"));
    return stat(arena_printf(stage->arena, "%s/%s", stage->session->data, path), &info) == 0 &&
           info.st_size == json_integer_value(json_object_get(file, "bytes"));
}

/* Are all files of a section in place? The CSV of silver belongs to whichever run came last. */
static bool files_stand(struct stage *stage, json_t *section)
{
    size_t i;
    json_t *file;
    json_t *files = json_object_get(section, "outputs");
    json_array_foreach(files, i, file)
    {
        const char *path = json_string_value(json_object_get(file, "path"));
        if (!path || !json_is_string(json_object_get(file, "sha256")) ||
            (strstr(path, "run_date=") && !file_stands(stage, file))) {
            return false;
        }
    }
    return json_is_array(files);
}

static bool record_stands(struct stage *stage, json_t *record)
{
    json_t *silver = json_object_get(record, "silver");
    json_t *taken = json_object_get(record, "taken");
    const char *rules = json_string_value(json_object_get(taken, "rules_sha256"));
    return silver && rules && strcmp(rules, stage->taken.rules_sha256) == 0 &&
           !json_object_get(record, "refused") && /* its quarantine is another run's */
           same_text(json_object_get(taken, "silver_sha256"), json_object_get(silver, "sha256")) &&
           json_integer_value(json_object_get(json_object_get(silver, "telemetry"), "rows")) > 0 &&
           files_stand(stage, silver) && files_stand(stage, taken) &&
           files_stand(stage, json_object_get(record, "quarantine"));
}

static uint64_t whole(json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

/* The counts of what was taken in, as silver_section() and taken_section() wrote them. */
static void read_counts(json_t *record, struct ingest_counts *counts)
{
    const struct table *messages = fleet_table(TABLE_MESSAGES);
    json_t *silver = json_object_get(record, "silver");
    json_t *telemetry = json_object_get(silver, "telemetry");
    json_t *taken = json_object_get(record, "taken");
    counts->files = whole(json_object_get(silver, "inputs"), "files");
    counts->bytes = whole(json_object_get(silver, "inputs"), "bytes");
    counts->records = whole(telemetry, "records");
    counts->quarantined = whole(telemetry, "quarantined");
    counts->accepted = counts->records - counts->quarantined;
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        counts->missing[3 + i] =
            whole(json_object_get(telemetry, "imputed"), telemetry_features[i].name);
    }
    for (size_t c = 0; c < messages->column_count; c++) {
        const char *name = messages->columns[c].name;
        counts->rounded[c] = whole(json_object_get(taken, "rounded"), name);
        counts->not_a_number[c] = whole(json_object_get(taken, "not_a_number"), name);
    }
}

/* ---- the files ---- */

struct listing {
    struct arena *arena;
    struct taken *taken;
    struct ingest_taken *files;
    size_t count, room;
};

/* Of the tables beside telemetry there are a few files. */
enum { TABLE_INPUTS = 16 };

/* Both kinds of inputs in one query, which takes half the time of two. */
static const char INPUTS[] =
    "SELECT path, bytes, mtime, inode, NULL AS sha256 FROM taken_publies UNION ALL "
    "SELECT path, NULL, NULL, NULL, sha256 FROM inputs_publies "
    "WHERE path NOT LIKE '%/json/%' AND path NOT LIKE '%/parquet/%' ORDER BY path";

/* A cell's whole number; its text ends without a NUL. */
static int64_t number(struct bytes cell)
{
    char text[24] = {0};
    memcpy(text, cell.data, cell.size < sizeof text ? cell.size : sizeof text - 1);
    return strtoll(text, NULL, 10);
}

static int list_file(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct listing *list = context;
    struct taken *taken = list->taken;
    (void)count, (void)err;
    if (cells[4].data) {
        if (taken->table_count < TABLE_INPUTS) {
            taken->tables[taken->table_count++] = (struct taken_input){
                .path = arena_copy(list->arena, cells[0].data, cells[0].size),
                .sha256 = arena_copy(list->arena, cells[4].data, cells[4].size)};
        }
        return 0;
    }
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 1024;
        list->files = xrealloc(list->files, list->room, sizeof *list->files);
    }
    list->files[list->count++] = (struct ingest_taken){
        .source = arena_copy(list->arena, cells[0].data, cells[0].size),
        .bytes = (uint64_t)number(cells[1]),
        .mtime = number(cells[2]),
        .inode = number(cells[3]),
    };
    return 0;
}

/* Opens what the earlier run published as *_publies, for the SELECTs that go on from it. */
static int open_published(struct stage *stage, struct error *err)
{
    static const struct {
        const char *name;
        enum table_id table;
        const char *pattern;
    } views[] = {
        {"telemetry_publiee", TABLE_TELEMETRY,
         "silver/telemetry_parquet/run_date=D/event_date=*/data.parquet"},
        {"records_publies", TABLE_QUARANTAINE, "quarantine/run_date=D/records.parquet"},
        {"inputs_publies", TABLE_ENTREES, "runs/run_date=D/inputs.parquet"},
        {"taken_publies", TABLE_PRISES, "runs/run_date=D/taken.parquet"},
    };
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        if (lake_open_parquet(
                stage->lake, views[i].name, fleet_table(views[i].table), stage->session->data,
                layout_path(stage->arena, views[i].pattern, stage->session->run_date, 0),
                err) != 0) {
            return -1;
        }
    }
    return 0;
}

int taken_open(struct stage *stage, const char *folder, const struct record_spec *spec,
               struct error *err)
{
    struct taken *taken = &stage->taken;
    struct listing list = {.arena = stage->arena, .taken = taken};
    struct error unread;
    taken->tables = ARENA_NEW(stage->arena, struct taken_input, TABLE_INPUTS);
    if (hash_rules(stage, folder, spec, err) != 0 ||
        lineage_read(stage, stage->session->run_date, &taken->record, err) != 0) {
        return -1;
    }
    taken->goes_on = !stage->options->full && !lake_has_workers(stage->lake) &&
                     record_stands(stage, taken->record) && open_published(stage, &unread) == 0 &&
                     lake_each(stage->lake, INPUTS, list_file, &list, &unread) == 0;
    taken->files = (struct ingest_takens){list.files, list.count};
    if (taken->goes_on) {
        read_counts(taken->record, &taken->counts);
    }
    taken->goes_on = taken->goes_on && taken->counts.files == list.count &&
                     ingest_unchanged(stage->session->data, &taken->files);
    if (!taken->goes_on) {
        taken->counts = (struct ingest_counts){0};
    }
    return 0;
}

void taken_release(struct stage *stage)
{
    free((void *)stage->taken.files.files);
    json_decref(stage->taken.record);
    stage->taken = (struct taken){0};
}

bool taken_nothing_new(const struct stage *stage)
{
    return stage->taken.goes_on && stage->report->telemetry.files == stage->report->taken_before;
}

/* Whether the earlier run has read this file as it is. */
static bool is_known(const struct taken *taken, struct bytes path, struct bytes sha256)
{
    for (size_t t = 0; t < taken->table_count; t++) {
        const struct taken_input *table = &taken->tables[t];
        if (strlen(table->path) == path.size && memcmp(table->path, path.data, path.size) == 0) {
            return strlen(table->sha256) == sha256.size &&
                   memcmp(table->sha256, sha256.data, sha256.size) == 0;
        }
    }
    return false;
}

void taken_compare(struct stage *stage, const struct batch *inputs)
{
    struct taken *taken = &stage->taken;
    assert(strcmp(inputs->table->columns[2].name, "sha256") == 0);
    taken->same = taken_nothing_new(stage) && inputs->rows == taken->table_count;
    for (size_t r = 0; r < inputs->rows && taken->same; r++) {
        taken->same = is_known(taken, inputs->values[0].text[r], inputs->values[2].text[r]);
    }
}

void taken_counts(struct stage *stage)
{
    struct run_report *report = stage->report;
    json_t *silver = json_object_get(stage->taken.record, "silver");
    json_t *telemetry = json_object_get(silver, "telemetry");
    report->silver_rows = whole(telemetry, "rows");
    report->conflicts = whole(telemetry, "conflicts");
    report->vehicles_conflicting = whole(json_object_get(silver, "vehicules"), "conflicts");
}

bool taken_keep(struct stage *stage, const char *path)
{
    size_t i;
    json_t *file;
    json_t *section = json_object_get(stage->taken.record, lineage_section(path));
    json_array_foreach(json_object_get(section, "outputs"), i, file)
    {
        const char *name = json_string_value(json_object_get(file, "path"));
        const char *sha256 = json_string_value(json_object_get(file, "sha256"));
        if (name && sha256 && strcmp(name, path) == 0 && strlen(sha256) == HASH_TEXT_SIZE - 1 &&
            file_stands(stage, file)) {
            publish_keep(stage->publication, path, sha256, whole(file, "bytes"));
            return true;
        }
    }
    return false;
}

bool taken_stays(struct stage *stage, const char *path)
{
    return stage->taken.same && strcmp(lineage_section(path), "gold") != 0 &&
           taken_keep(stage, path);
}

void taken_days(struct stage *stage, int32_t **days, size_t *count)
{
    size_t i;
    json_t *file;
    json_t *files = json_object_get(json_object_get(stage->taken.record, "silver"), "outputs");
    *days = ARENA_NEW(stage->arena, int32_t, json_array_size(files));
    *count = 0;
    json_array_foreach(files, i, file)
    {
        const char *path = json_string_value(json_object_get(file, "path"));
        const char *day = path ? strstr(path, "/event_date=") : NULL;
        if (day && date_parse(day + 12, strcspn(day + 12, "/"), &(*days)[*count])) {
            ++*count;
        }
    }
}

/* ---- for the next run ---- */

static json_t *by_column(const uint64_t counts[])
{
    const struct table *messages = fleet_table(TABLE_MESSAGES);
    json_t *object = json_object();
    for (size_t c = 0; c < messages->column_count; c++) {
        if (counts[c] > 0) {
            json_object_set_new(object, messages->columns[c].name,
                                json_integer((json_int_t)counts[c]));
        }
    }
    return object;
}

json_t *taken_section(struct stage *stage, const char *silver_sha256, const char *combined,
                      json_t *files)
{
    const struct ingest_counts *counts = &stage->report->telemetry;
    return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "sha256", combined, "silver_sha256",
                     silver_sha256, "rules_sha256", stage->taken.rules_sha256, "read",
                     (json_int_t)(counts->files - stage->report->taken_before), "rounded",
                     by_column(counts->rounded), "not_a_number", by_column(counts->not_a_number),
                     "outputs", files);
}
