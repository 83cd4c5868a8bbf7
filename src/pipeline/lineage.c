/* The record of a run, runs/run_date=D/run.json: what was read, with which model, what came out;
 * see stages.h.
 *
 * Version 1. "silver" names the combined hash of the inputs (SHA-256 over "PATH NUL SHA256 LF" of
 * every input, sorted by path; the list lies beside in inputs.parquet) and its outputs; "gold"
 * names the silver that it was made from (the same combination over silver's outputs; with "since"
 * also that of earlier dates in "history"), the model and its outputs; "quarantine" its file;
 * "taken" is for the next run (taken.c), and the only part that is another one when the same files
 * come under other inode numbers. All counts are those of the whole date, whether a run read all of
 * its files or only new ones ("taken.read"). A run of one stage leaves the other's section as it
 * was. "refused" stands there when the last run stopped at its rejects. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_JSON_LIMIT = 64 << 20 };

void lineage_combine(struct hash *hash, const char *path, const char *sha256)
{
    hash_update(hash, path, strlen(path) + 1);
    hash_update(hash, sha256, strlen(sha256));
    hash_update(hash, "\n", 1);
}

static int combine_input(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct arena arena = {0};
    (void)count;
    (void)err;
    lineage_combine(context, arena_copy(&arena, cells[0].data, cells[0].size),
                    arena_copy(&arena, cells[1].data, cells[1].size));
    arena_release(&arena);
    return 0;
}

static int combine_inputs(struct lake *lake, void *what, struct error *err)
{
    struct stage *stage = what;
    struct hash hash;
    hash_init(&hash);
    int status = lake_each(lake,
                           stage->taken.goes_on
                               ? "SELECT path, sha256 FROM inputs_ensemble ORDER BY path, sha256"
                               : "SELECT path, sha256 FROM inputs ORDER BY path, sha256",
                           combine_input, &hash, err);
    hash_finish(&hash, stage->inputs_sha256);
    return status;
}

int lineage_inputs(struct stage *stage, struct error *err)
{
    json_t *silver = json_object_get(stage->taken.record, "silver");
    const char *known = json_string_value(json_object_get(silver, "inputs_sha256"));
    if (stage->taken.same && known && strlen(known) == HASH_TEXT_SIZE - 1) {
        memcpy(stage->inputs_sha256, known, HASH_TEXT_SIZE);
        return 0;
    }
    return beside_do(stage, combine_inputs, stage, err);
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

const char *lineage_section(const char *path)
{
    if (starts_with(path, "quarantine/")) {
        return "quarantine";
    }
    if (starts_with(path, "runs/") && strstr(path, "/taken.parquet")) {
        return "taken";
    }
    return starts_with(path, "gold/") ||
                   (starts_with(path, "quality/") && !starts_with(path, "quality/silver"))
               ? "gold"
               : "silver";
}

/* The staged files of one section; `combined` gets their joint hash. */
static json_t *outputs(const struct publication *publication, const char *section,
                       char combined[HASH_TEXT_SIZE])
{
    struct hash hash;
    json_t *list = json_array();
    hash_init(&hash);
    for (size_t i = 0; i < publication->file_count; i++) {
        const struct published_file *file = &publication->files[i];
        if (strcmp(lineage_section(file->path), section) == 0) {
            lineage_combine(&hash, file->path, file->sha256);
            json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "path", file->path, "sha256",
                                                  file->sha256, "bytes", (json_int_t)file->bytes));
        }
    }
    hash_finish(&hash, combined);
    return list;
}

static json_t *silver_section(struct stage *stage, const char *inputs_sha256, const char *combined,
                              json_t *files)
{
    const struct run_report *r = stage->report;
    json_t *imputed = json_object();
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        if (!isnan(telemetry_features[i].missing)) {
            json_object_set_new(imputed, telemetry_features[i].name,
                                json_integer((json_int_t)r->imputed[i]));
        }
    }
    return json_pack("{s:s, s:s, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I, s:I, s:o}, s:{s:I, "
                     "s:I}, s:{s:I, s:I, "
                     "s:I}, s:{s:f, s:f}, s:o}",
                     "sha256", combined, "inputs_sha256", inputs_sha256, "inputs", "files",
                     (json_int_t)r->telemetry.files, "ignored", (json_int_t)r->telemetry.ignored,
                     "bytes", (json_int_t)r->telemetry.bytes, "telemetry", "records",
                     (json_int_t)r->telemetry.records, "rows", (json_int_t)r->silver_rows,
                     "quarantined", (json_int_t)r->telemetry.quarantined, "duplicates",
                     (json_int_t)r->duplicates, "conflicts", (json_int_t)r->conflicts, "imputed",
                     imputed, "maintenance", "rows", (json_int_t)r->services, "quarantined",
                     (json_int_t)r->services_quarantined, "vehicules", "rows",
                     (json_int_t)r->vehicles, "quarantined", (json_int_t)r->vehicles_quarantined,
                     "conflicts", (json_int_t)r->vehicles_conflicting, "seconds", "ingest",
                     r->seconds_ingest, "silver", r->seconds_silver, "outputs", files);
}

/* A path as JSON can hold it: when it is not UTF-8, its bytes beyond ASCII are written as \\xNN. */
static json_t *path_text(struct arena *arena, const char *path)
{
    json_t *text = json_string(path);
    if (text) {
        return text;
    }
    enum { ESCAPE = sizeof "\\xff" - 1 };
    char *out = arena_alloc(arena, strlen(path) + 1, ESCAPE);
    char *end = out;
    for (const char *p = path; *p; p++) {
        if ((unsigned char)*p < 0x80) {
            *end++ = *p;
        } else {
            end += snprintf(end, ESCAPE + 1, "\\x%02x", (unsigned char)*p);
        }
    }
    return json_string(out);
}

static json_t *gold_section(struct stage *stage, const struct fleet_model *model,
                            const char *silver_sha256, const char *combined, json_t *files)
{
    const struct run_report *r = stage->report;
    json_t *statuts = json_object();
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        json_object_set_new(statuts, statut_kinds[s].name,
                            json_integer((json_int_t)r->by_statut[s]));
    }
    json_t *section = json_pack(
        "{s:s, s:s, s:{s:o, s:s}, s:I, s:o, s:{s:I, s:I}, s:I, s:{s:f}, s:o}", "sha256", combined,
        "silver_sha256", silver_sha256, "model", "path", path_text(stage->arena, model->path),
        "sha256", model->sha256, "rows", (json_int_t)r->gold_rows, "statut", statuts, "orphans",
        "without_service", (json_int_t)r->without_service, "without_register",
        (json_int_t)r->without_register, "incomplete", (json_int_t)r->incomplete, "seconds", "gold",
        r->seconds_gold, "outputs", files);
    if (stage->options->has_since) {
        char since[DATE_TEXT_SIZE];
        json_object_set_new(section, "since",
                            json_string(date_format(stage->options->since, since)));
        json_object_set(section, "history", stage->history);
    }
    return section;
}

int lineage_read(struct stage *stage, int32_t run_date, json_t **record, struct error *err)
{
    const char *path =
        arena_printf(stage->arena, "%s/%s", stage->session->data,
                     layout_path(stage->arena, "runs/run_date=D/run.json", run_date, 0));
    struct bytes text;
    json_error_t problem;
    *record = NULL;
    if (fs_exists(path)) {
        if (fs_read(path, RUN_JSON_LIMIT, stage->arena, &text, err) != 0) {
            return -1;
        }
        *record = json_loadb(text.data, text.size, 0, &problem);
    }
    if (!json_is_object(*record)) { /* none yet, or spoiled by hand: begin anew */
        json_decref(*record);
        *record = json_object();
    }
    return 0;
}

static void fill_record(struct stage *stage, const struct fleet_model *model, bool refused,
                        json_t *record)
{
    char date[DATE_TEXT_SIZE];
    const char *inputs_sha256 = stage->inputs_sha256;
    char combined[HASH_TEXT_SIZE];
    bool silver = (stage->options->stages & STAGE_SILVER) != 0;
    json_object_set_new(record, "version", json_integer(1));
    json_object_set_new(record, "program", json_string("autostream " AUTOSTREAM_VERSION));
    json_object_set_new(record, "run_date",
                        json_string(date_format(stage->session->run_date, date)));
    json_object_del(record, "refused");
    if (silver) {
        json_t *files = outputs(stage->publication, "quarantine", combined);
        json_object_set_new(
            record, "quarantine",
            json_pack("{s:s, s:o}", "inputs_sha256", inputs_sha256, "outputs", files));
    }
    if (refused) {
        json_object_set_new(record, "refused",
                            json_pack("{s:s, s:I, s:I, s:f}", "inputs_sha256", inputs_sha256,
                                      "records", (json_int_t)stage->report->telemetry.records,
                                      "quarantined",
                                      (json_int_t)stage->report->telemetry.quarantined, "limit",
                                      stage->options->reject_limit));
        return;
    }
    if (silver) {
        json_t *files = outputs(stage->publication, "silver", combined);
        json_object_set_new(record, "silver",
                            silver_section(stage, inputs_sha256, combined, files));
        char silver_sha256[HASH_TEXT_SIZE];
        memcpy(silver_sha256, combined, sizeof silver_sha256);
        files = outputs(stage->publication, "taken", combined);
        json_object_set_new(record, "taken", taken_section(stage, silver_sha256, combined, files));
        if (json_array_size(files) == 0) { /* nothing was noted: see write_small_tables() */
            json_object_del(record, "taken");
            publish_drop(stage->publication, stage_path(stage, TABLE_PRISES));
        }
    }
    if (model) {
        json_t *made_from = json_object_get(json_object_get(record, "silver"), "sha256");
        json_t *files = outputs(stage->publication, "gold", combined);
        const char *silver_sha256 = json_string_value(made_from);
        json_object_set_new(
            record, "gold",
            gold_section(stage, model, silver_sha256 ? silver_sha256 : "", combined, files));
    }
}

int lineage_write(struct stage *stage, const struct fleet_model *model, bool refused,
                  struct error *err)
{
    json_t *record = NULL;
    char *text = NULL;
    const char *path;
    const char *relative =
        layout_path(stage->arena, "runs/run_date=D/run.json", stage->session->run_date, 0);
    int status = -1;
    if (publish_hash(stage->publication, stage->session->threads, err) != 0 ||
        lineage_read(stage, stage->session->run_date, &record, err) != 0) {
        goto done;
    }
    fill_record(stage, model, refused, record);
    text = json_dumps(record, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    if (!text) {
        out_of_memory();
    }
    path = publish_stage(stage->publication, relative, NULL);
    if (fs_write(path, text, strlen(text), err) != 0) {
        goto done;
    }
    status = 0;
done:
    free(text);
    json_decref(record);
    return status;
}
