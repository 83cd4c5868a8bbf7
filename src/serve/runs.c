/* Reading run.json and looking at the files that it names; see runs.h. */
#include "serve/runs.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"
#include "published/published.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

enum {
    RUN_JSON_LIMIT = 64 << 20,
    HASHED_AT_MOST = 256 << 20, /* bytes of a file */
    WATCHED_RUNS = 3,           /* newest ones, whose files are looked at */
};

/* ---- run.json ---- */

static void copy_hash(json_t *value, char out[HASH_TEXT_SIZE])
{
    const char *text = json_string_value(value);
    out[0] = '\0';
    if (text != NULL && strlen(text) == HASH_TEXT_SIZE - 1) {
        memcpy(out, text, HASH_TEXT_SIZE);
    }
}

static uint64_t whole(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

/* A path of ours, and no way out of the data folder, whatever run.json says. */
static bool is_ours(const char *path)
{
    return path != NULL && (strncmp(path, "gold/", 5) == 0 || strncmp(path, "quality/", 8) == 0) &&
           strstr(path, "..") == NULL;
}

/* The outputs that hold the run date in their path: others belong to whichever run came last. */
static void read_files(struct run_record *run, json_t *outputs, struct arena *arena)
{
    char date[DATE_TEXT_SIZE];
    date_format(run->run_date, date);
    struct run_file *files = ARENA_NEW(arena, struct run_file, json_array_size(outputs));
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        json_t *output = json_array_get(outputs, i);
        const char *path = json_string_value(json_object_get(output, "path"));
        if (is_ours(path) && strstr(path, date) != NULL) {
            struct run_file *file = &files[run->file_count++];
            file->path = arena_strdup(arena, path);
            file->bytes = whole(output, "bytes");
            copy_hash(json_object_get(output, "sha256"), file->sha256);
        }
    }
    run->files = files;
}

/* False when the record has no gold. */
static bool read_record(struct run_record *run, json_t *record, struct arena *arena)
{
    json_t *gold = json_object_get(record, "gold");
    json_t *telemetry = json_object_get(json_object_get(record, "silver"), "telemetry");
    json_t *orphans = json_object_get(gold, "orphans");
    json_t *statuts = json_object_get(gold, "statut");
    copy_hash(json_object_get(gold, "sha256"), run->gold_sha256);
    copy_hash(json_object_get(json_object_get(gold, "model"), "sha256"), run->model_sha256);
    run->records = whole(telemetry, "records");
    run->silver_rows = whole(telemetry, "rows");
    run->quarantined = whole(telemetry, "quarantined");
    run->duplicates = whole(telemetry, "duplicates");
    run->gold_rows = whole(gold, "rows");
    run->without_service = whole(orphans, "without_service");
    run->without_register = whole(orphans, "without_register");
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        run->by_statut[s] = whole(statuts, statut_kinds[s].name);
    }
    read_files(run, json_object_get(gold, "outputs"), arena);
    return run->gold_sha256[0] != '\0';
}

static const char *record_path(const char *data, int32_t date, struct arena *arena)
{
    return arena_printf(arena, "%s/%s", data,
                        layout_path(arena, "runs/run_date=D/run.json", date, 0));
}

static bool read_run(const char *data, int32_t date, struct arena *arena, struct run_record *run)
{
    struct bytes text;
    struct error err;
    *run = (struct run_record){.run_date = date};
    if (fs_read(record_path(data, date, arena), RUN_JSON_LIMIT, arena, &text, &err) != 0) {
        return false;
    }
    json_t *record = json_loadb(text.data, text.size, 0, NULL);
    bool found = read_record(run, record, arena);
    json_decref(record);
    run->json = text.data;
    run->json_size = text.size;
    return found;
}

int runs_read(const char *data, struct arena *arena, struct run_record **runs, size_t *count,
              struct error *err)
{
    int32_t *dates;
    size_t found;
    *count = 0;
    if (published_dates_under(data, "runs", arena, &dates, &found, err) != 0) {
        return -1;
    }
    *runs = ARENA_NEW(arena, struct run_record, found);
    while (found > 0) {
        if (read_run(data, dates[--found], arena, &(*runs)[*count])) {
            (*count)++;
        }
    }
    return 0;
}

/* ---- is it as it was ---- */

/* FNV-1a (Fowler, Noll, Vo 1991), 64 bits. */
static uint64_t mix(uint64_t state, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++) {
        state = (state ^ p[i]) * UINT64_C(1099511628211);
    }
    return state;
}

static uint64_t mix_file(uint64_t state, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return mix(state, "-", 1);
    }
    const int64_t facts[] = {info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size,
                             (int64_t)info.st_ino};
    return mix(state, facts, sizeof facts);
}

static const uint64_t START = UINT64_C(14695981039346656037);

uint64_t run_fingerprint(const char *data, const struct run_record *run)
{
    struct arena arena = {0};
    uint64_t state = START;
    for (size_t f = 0; f < run->file_count; f++) {
        state = mix_file(state, arena_printf(&arena, "%s/%s", data, run->files[f].path));
    }
    arena_release(&arena);
    return state;
}

uint64_t runs_fingerprint(const char *data, const struct run_record *runs, size_t count)
{
    struct arena arena = {0};
    struct error err;
    int32_t *dates;
    size_t found;
    uint64_t state = START;
    if (published_dates_under(data, "runs", &arena, &dates, &found, &err) == 0) {
        for (size_t i = 0; i < found; i++) {
            state = mix(state, &dates[i], sizeof dates[i]);
            state = mix_file(state, record_path(data, dates[i], &arena));
        }
    }
    for (size_t r = 0; r < count && r < WATCHED_RUNS; r++) {
        uint64_t files = run_fingerprint(data, &runs[r]);
        state = mix(state, &files, sizeof files);
    }
    arena_release(&arena);
    return state;
}

static int not_as_recorded(const char *path, struct error *err)
{
    return error_set(
        err,
        "%s n'est pas tel que run.json le dit (absent, ou copié à moitié ?) ; refaites "
        "le traitement avec « autostream run », ou remettez le fichier",
        "%s is not as run.json tells (missing, or copied halfway?); make the run again "
        "with \"autostream run\", or put the file back",
        path);
}

bool run_is_whole(const char *data, const struct run_record *run, bool hashes, struct error *err)
{
    struct arena arena = {0};
    bool whole_so_far = true;
    for (size_t f = 0; f < run->file_count && whole_so_far; f++) {
        const struct run_file *file = &run->files[f];
        const char *path = arena_printf(&arena, "%s/%s", data, file->path);
        struct stat info;
        char sha256[HASH_TEXT_SIZE];
        uint64_t bytes;
        whole_so_far = stat(path, &info) == 0 && (uint64_t)info.st_size == file->bytes;
        if (whole_so_far && hashes && file->bytes <= HASHED_AT_MOST) {
            whole_so_far =
                hash_file(path, sha256, &bytes, err) == 0 && strcmp(sha256, file->sha256) == 0;
        }
        if (!whole_so_far) {
            (void)not_as_recorded(path, err);
        }
    }
    arena_release(&arena);
    return whole_so_far;
}
