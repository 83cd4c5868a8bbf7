/* Published results held against what run.json says about them: every file by size and hash, no
 * file too many, and the chain from gold over the model and silver to bronze; see pipeline.h.
 *
 * Reads only. A run may publish meanwhile: when anything was found and the records are no longer
 * those that were read, all of it is done again. */
#include "pipeline/verify.h"

#include "base/fs.h"
#include "lake/layout.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_LIMIT = 64 << 20, ATTEMPTS = 50 };

/* ---- findings ---- */

static void add_finding(struct verification *v, bool fault, const struct error *what)
{
    struct verify_report *report = v->report;
    if (report->finding_count == v->room) {
        struct verify_finding *old = report->findings;
        v->room = v->room ? v->room * 2 : 16;
        report->findings = ARENA_NEW(v->arena, struct verify_finding, v->room);
        if (old) {
            memcpy(report->findings, old, report->finding_count * sizeof *old);
        }
    }
    report->fault_count += fault;
    report->findings[report->finding_count++] = (struct verify_finding){
        .run_date = v->run->date,
        .fault = fault,
        .text = {{arena_strdup(v->arena, what->text[LANG_FR]),
                  arena_strdup(v->arena, what->text[LANG_EN])}},
    };
}

void verify_fault(struct verification *v, const struct error *what)
{
    add_finding(v, true, what);
}

void verify_note(struct verification *v, const struct error *what)
{
    add_finding(v, v->strict, what);
}

static json_t *member(json_t *value, const char *path)
{
    char name[64];
    while (value && *path) {
        size_t length = strcspn(path, ".");
        if (length >= sizeof name) {
            return NULL;
        }
        memcpy(name, path, length);
        name[length] = '\0';
        value = json_object_get(value, name);
        path += length + (path[length] == '.');
    }
    return value;
}

json_t *verify_member(const struct verification *v, const char *path)
{
    return member(v->run->json, path);
}

/* Is the text of both members the same, and there? */
static bool same_text(const struct verification *v, const char *one, const char *other)
{
    const char *a = json_string_value(verify_member(v, one));
    const char *b = json_string_value(verify_member(v, other));
    return a && b && strcmp(a, b) == 0;
}

/* ---- records ---- */

/* Reads all run.json; `state` gets a hash of them all, so that a change shows. */
static int load_runs(struct verification *v, char state[HASH_TEXT_SIZE], struct error *err)
{
    int32_t *dates;
    struct hash hash;
    json_error_t problem;
    hash_init(&hash);
    if (published_dates_under(v->session->data, "runs", v->arena, &dates, &v->run_count, err) !=
        0) {
        return -1;
    }
    v->runs = ARENA_NEW(v->arena, struct run_record, v->run_count);
    for (size_t i = 0; i < v->run_count; i++) {
        struct run_record *run = &v->runs[i];
        struct bytes text = {0};
        struct error unread;
        run->date = dates[i];
        date_format(run->date, run->day);
        const char *path =
            arena_printf(v->arena, "%s/runs/run_date=%s/run.json", v->session->data, run->day);
        hash_update(&hash, run->day, sizeof run->day);
        if (fs_read(path, RECORD_LIMIT, v->arena, &text, &unread) == 0) {
            hash_update(&hash, text.data, text.size);
            run->json = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &problem);
        }
    }
    hash_finish(&hash, state);
    return 0;
}

static void release_runs(struct verification *v)
{
    for (size_t i = 0; i < v->run_count; i++) {
        json_decref(v->runs[i].json);
    }
    v->run_count = 0;
}

/* Did nobody publish since the records had this state? */
static bool still_the_same(struct verification *v, const char *state)
{
    struct verification now = {.session = v->session, .arena = v->arena};
    char found[HASH_TEXT_SIZE] = "";
    struct error ignored;
    const char *journal = arena_printf(v->arena, "%s/.staging/journal", v->session->data);
    bool same =
        !fs_exists(journal) && load_runs(&now, found, &ignored) == 0 && strcmp(found, state) == 0;
    release_runs(&now);
    return same;
}

/* ---- files ---- */

static const char *const sections[] = {"quarantine", "silver", "taken", "gold"};
enum { SECTION_COUNT = sizeof sections / sizeof *sections };

/* A path of a record stays below the data root. */
static bool is_inside(const char *path)
{
    if (*path == '/' || *path == '\0') {
        return false;
    }
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0')) {
            return false;
        }
    }
    return true;
}

/* Does a record name this file, with this hash when `sha256` is not NULL? A folder is named by its
 * parts. */
static bool is_named(const struct run_record *run, const char *path, const char *sha256)
{
    for (size_t s = 0; s < SECTION_COUNT; s++) {
        size_t i;
        json_t *file;
        json_array_foreach(member(json_object_get(run->json, sections[s]), "outputs"), i, file)
        {
            const char *name = json_string_value(json_object_get(file, "path"));
            const char *hash = json_string_value(json_object_get(file, "sha256"));
            size_t size = strlen(path);
            if (name && strncmp(name, path, size) == 0 &&
                (name[size] == '\0' || strncmp(name + size, "/part-", 6) == 0) &&
                (!sha256 || (hash && strcmp(hash, sha256) == 0))) {
                return true;
            }
        }
    }
    return false;
}

static bool is_named_by_any(const struct verification *v, const char *path, const char *sha256)
{
    for (size_t r = 0; r < v->run_count; r++) {
        if (is_named(&v->runs[r], path, sha256)) {
            return true;
        }
    }
    return false;
}

/* What is wrong with a file that should be as `wanted` says. */
static void changed_file(struct verification *v, const char *path, uint64_t bytes,
                         const json_t *wanted)
{
    struct error what;
    long long size = json_integer_value(json_object_get(wanted, "bytes"));
    const char *day = v->run->day;
    if ((long long)bytes != size) {
        error_set(
            &what,
            "%s : %llu octets au lieu de %lld ; produisez-le de nouveau : autostream "
            "--run-date %s run --full",
            "%s: %llu bytes instead of %lld; make it again: autostream --run-date %s run --full",
            path, (unsigned long long)bytes, size, day);
    } else {
        error_set(&what,
                  "%s : son empreinte n'est pas celle de run.json ; produisez-le de nouveau : "
                  "autostream --run-date %s run --full",
                  "%s: its hash is not the one in run.json; make it again: autostream --run-date "
                  "%s run --full",
                  path, day);
    }
    v->files_whole = false;
    verify_fault(v, &what);
}

/* One entry of a record's outputs; the combined hash goes on. */
static void check_output(struct verification *v, json_t *file, struct hash *combined)
{
    struct error what;
    char found[HASH_TEXT_SIZE];
    uint64_t bytes;
    const char *path = json_string_value(json_object_get(file, "path"));
    const char *sha256 = json_string_value(json_object_get(file, "sha256"));
    if (!path || !sha256 || !is_inside(path)) {
        error_set(&what,
                  "run.json du %s : fichier sans chemin ou empreinte utilisable ; autostream "
                  "--run-date %s run --full",
                  "run.json of %s: a file without a usable path or hash; autostream --run-date %s "
                  "run --full",
                  v->run->day, v->run->day);
        verify_fault(v, &what);
        v->files_whole = false;
        return;
    }
    lineage_combine(combined, path, sha256);
    v->report->files++;
    if (hash_file(arena_printf(v->arena, "%s/%s", v->session->data, path), found, &bytes, &what) !=
        0) {
        v->files_whole = false;
        verify_fault(v, &what);
        return;
    }
    v->report->bytes += bytes;
    if (strcmp(found, sha256) == 0) {
        return;
    }
    /* A file whose name has no date is of the run that wrote it last. */
    if (!strstr(path, v->run->day) && is_named_by_any(v, path, found)) {
        return;
    }
    changed_file(v, path, bytes, file);
}

/* Every file of a section, and their joint hash, which gold's lineage is built on. */
static void check_section(struct verification *v, const char *section)
{
    struct error what;
    struct hash combined;
    char found[HASH_TEXT_SIZE];
    size_t i;
    json_t *file;
    json_t *part = json_object_get(v->run->json, section);
    const char *sha256 = json_string_value(json_object_get(part, "sha256"));
    hash_init(&combined);
    json_array_foreach(json_object_get(part, "outputs"), i, file)
    {
        check_output(v, file, &combined);
    }
    hash_finish(&combined, found);
    if (part && strcmp(section, "quarantine") != 0 && (!sha256 || strcmp(sha256, found) != 0)) {
        error_set(&what,
                  "run.json du %s : l'empreinte de %s n'est pas celle de ses fichiers ; autostream "
                  "--run-date %s run --full",
                  "run.json of %s: the hash of %s is not that of its files; autostream --run-date "
                  "%s run --full",
                  v->run->day, section, v->run->day);
        verify_fault(v, &what);
    }
}

/* Every table of tables.def that belongs to a section must be named by it. */
static void check_tables_named(struct verification *v)
{
    struct error what;
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        const struct table_fact *fact = &fleet_tables[t];
        bool published = *fact->path && strcmp(fact->level, "bronze") != 0 &&
                         !strstr(fact->path, "event_date=E");
        const char *path = layout_path(v->arena, fact->path, v->run->date, 0);
        if (published && json_object_get(v->run->json, lineage_section(path)) &&
            !is_named(v->run, path, NULL)) {
            error_set(&what,
                      "%s : run.json ne nomme pas ce fichier ; produisez-le de nouveau : "
                      "autostream --run-date %s run --full",
                      "%s: run.json does not name this file; make it again: autostream --run-date "
                      "%s run --full",
                      path, v->run->day);
            verify_fault(v, &what);
            v->files_whole = false;
        }
    }
}

/* ---- files too many ---- */

/* Names starting with '.' or '_' are nobody's (see the contract). Files in folders of a run date,
 * and the parts of a table, are read together by engines: one that no run made is a fault;
 * elsewhere it is a note. */
static int check_strays(struct verification *v, const char *folder, struct error *err)
{
    char **names;
    size_t count;
    if (fs_list(arena_printf(v->arena, "%s/%s", v->session->data, folder), v->arena, &names, &count,
                err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        struct error what;
        const char *path = arena_printf(v->arena, "%s/%s", folder, names[i]);
        if (*names[i] == '.' || *names[i] == '_') {
            continue;
        }
        if (fs_is_folder(arena_printf(v->arena, "%s/%s", v->session->data, path))) {
            if (check_strays(v, path, err) != 0) {
                return -1;
            }
            continue;
        }
        if (!strstr(path, v->run->day) || strcmp(names[i], "run.json") == 0 ||
            is_named_by_any(v, path, NULL)) {
            continue;
        }
        error_set(&what, "%s : aucun traitement n'a produit ce fichier ; ôtez-le",
                  "%s: no run made this file; remove it", path);
        bool read = strstr(path, "run_date=") || strstr(path, ".parquet/");
        (read ? verify_fault : verify_note)(v, &what);
    }
    return 0;
}

/* ---- lineage ---- */

static void check_model(struct verification *v)
{
    struct error what;
    char found[HASH_TEXT_SIZE];
    uint64_t bytes;
    const char *path = json_string_value(verify_member(v, "gold.model.path"));
    const char *sha256 = json_string_value(verify_member(v, "gold.model.sha256"));
    if (path && !fs_exists(path)) { /* the lake may have been moved, with its model */
        path = arena_printf(v->arena, "%s/models/model_pannes.onnx", v->session->data);
    }
    if (!path || !sha256 || strlen(sha256) != HASH_TEXT_SIZE - 1) {
        error_set(&what,
                  "run.json du %s : gold ne nomme pas son modèle ; autostream --run-date %s gold",
                  "run.json of %s: gold does not name its model; autostream --run-date %s gold",
                  v->run->day, v->run->day);
        verify_fault(v, &what);
    } else if (hash_file(path, found, &bytes, &what) != 0) {
        error_set(&what, "%s : le modèle de gold du %s n'y est plus ; ses résultats restent justes",
                  "%s: the model of the gold of %s is no longer there; its results stand", path,
                  v->run->day);
        verify_note(v, &what);
    } else if (strcmp(found, sha256) != 0) {
        error_set(&what,
                  "%s : un autre modèle a pris la place de celui de gold du %s ; pour "
                  "l'appliquer : autostream --run-date %s gold",
                  "%s: another model has taken the place of the one of the gold of %s; to apply "
                  "it: autostream --run-date %s gold",
                  path, v->run->day, v->run->day);
        verify_note(v, &what);
    }
}

/* Gold over several dates: is the silver of the earlier ones still what it was made from? */
static void check_history(struct verification *v)
{
    struct error what;
    size_t i;
    json_t *entry;
    json_array_foreach(verify_member(v, "gold.history"), i, entry)
    {
        const char *day = json_string_value(json_object_get(entry, "run_date"));
        const char *sha256 = json_string_value(json_object_get(entry, "silver_sha256"));
        const char *since = json_string_value(verify_member(v, "gold.since"));
        bool same = false;
        for (size_t r = 0; day && sha256 && !same && r < v->run_count; r++) {
            const char *now = json_string_value(member(v->runs[r].json, "silver.sha256"));
            same = strcmp(v->runs[r].day, day) == 0 && now && strcmp(now, sha256) == 0;
        }
        if (!same) {
            error_set(&what,
                      "gold du %s : le silver du %s n'est plus celui dont il vient ; autostream "
                      "--run-date %s gold --since %s",
                      "gold of %s: the silver of %s is no longer the one it was made from; "
                      "autostream --run-date %s gold --since %s",
                      v->run->day, day ? day : "?", v->run->day, since ? since : "?");
            verify_note(v, &what);
        }
    }
}

/* Gold names silver, silver its inputs; a section made alone may be newer than the next. */
static void check_chain(struct verification *v)
{
    struct error what;
    if (json_object_get(v->run->json, "gold")) {
        check_model(v);
        check_history(v);
        if (!same_text(v, "gold.silver_sha256", "silver.sha256")) {
            error_set(&what,
                      "gold du %s : il vient d'un autre silver que celui qui est publié ; "
                      "autostream --run-date %s gold",
                      "gold of %s: it was made from another silver than the published one; "
                      "autostream --run-date %s gold",
                      v->run->day, v->run->day);
            verify_note(v, &what);
        }
    }
    if (json_object_get(v->run->json, "taken") &&
        !same_text(v, "taken.silver_sha256", "silver.sha256")) {
        error_set(&what,
                  "run.json du %s : la liste des fichiers à ne pas relire est d'un autre silver ; "
                  "autostream --run-date %s run --full",
                  "run.json of %s: the list of files not to read again belongs to another silver; "
                  "autostream --run-date %s run --full",
                  v->run->day, v->run->day);
        verify_fault(v, &what);
    }
    if (json_object_get(v->run->json, "silver") && !json_object_get(v->run->json, "refused") &&
        !same_text(v, "quarantine.inputs_sha256", "silver.inputs_sha256")) {
        error_set(&what,
                  "run.json du %s : silver et la quarantaine viennent d'autres fichiers ; "
                  "autostream --run-date %s run --full",
                  "run.json of %s: silver and the quarantine come from different files; "
                  "autostream --run-date %s run --full",
                  v->run->day, v->run->day);
        verify_fault(v, &what);
    }
}

/* ---- a run, the lake ---- */

static bool is_record(const struct verification *v)
{
    const char *date = json_string_value(verify_member(v, "run_date"));
    return json_integer_value(verify_member(v, "version")) == 1 && date &&
           strcmp(date, v->run->day) == 0 && json_object_get(v->run->json, "quarantine");
}

static int check_run(struct verification *v, struct error *err)
{
    static const char *const levels[] = {"silver", "gold", "quality", "quarantine", "runs"};
    struct error what;
    v->files_whole = true;
    v->report->runs++;
    if (!is_record(v)) {
        error_set(&what,
                  "runs/run_date=%s/run.json : illisible, ou d'une autre version ; autostream "
                  "--run-date %s run --full",
                  "runs/run_date=%s/run.json: unreadable, or of another version; autostream "
                  "--run-date %s run --full",
                  v->run->day, v->run->day);
        verify_fault(v, &what);
        return 0;
    }
    for (size_t s = 0; s < SECTION_COUNT; s++) {
        check_section(v, sections[s]);
    }
    check_tables_named(v);
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        if (check_strays(v, levels[l], err) != 0) {
            return -1;
        }
    }
    check_chain(v);
    return v->files_whole ? verify_tables(v, err) : 0; /* each broken file has its fault already */
}

static int check_runs(struct verification *v, bool all, struct error *err)
{
    bool found = false;
    for (size_t r = 0; r < v->run_count; r++) {
        v->run = &v->runs[r];
        if (all || v->run->date == v->session->run_date) {
            found = true;
            if (check_run(v, err) != 0) {
                return -1;
            }
        }
    }
    if (found) {
        return 0;
    }
    char day[DATE_TEXT_SIZE];
    return all ? error_set(err, "%s : aucun résultat à vérifier ; autostream run en produit",
                           "%s: no results to verify; autostream run makes some", v->session->data)
               : error_set(err, "%s : aucun traitement du %s ; sans --run-date, tous sont vérifiés",
                           "%s: no run of %s; without --run-date all of them are verified",
                           v->session->data, date_format(v->session->run_date, day));
}

int pipeline_verify(const struct session *session, const struct verify_options *options,
                    struct arena *arena, struct verify_report *report, struct error *err)
{
    char state[HASH_TEXT_SIZE];
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct verification v = {
            .session = session, .strict = options->strict, .arena = arena, .report = report};
        *report = (struct verify_report){0};
        if (publish_recover(session->data, err) != 0) {
            return -1;
        }
        int status = load_runs(&v, state, err) == 0 ? check_runs(&v, options->all, err) : -1;
        release_runs(&v);
        if ((status == 0 && report->finding_count == 0) || still_the_same(&v, state)) {
            return status;
        }
    }
    return error_set(err,
                     "%s : les résultats changent plus vite qu'on ne peut les vérifier ; "
                     "recommencez quand aucun traitement n'est en cours",
                     "%s: the results change faster than they can be checked; try again when no "
                     "run is at work",
                     session->data);
}
