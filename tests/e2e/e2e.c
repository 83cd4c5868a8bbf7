/* The lake of the end-to-end tests; see e2e.h. Reads and writes temporary folders only. */
#include "e2e/e2e.h"

#include "base/fs.h"
#include "base/hash.h"
#include "lake/lake.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGUMENTS = 48, FILE_LIMIT = 64 << 20 };

static char *origin;

/* ---- files ---- */

const char *e2e_path(struct e2e *e, const char *relative)
{
    return arena_printf(&e->arena, "%s/%s", e->data, relative);
}

char *e2e_text(struct e2e *e, const char *relative)
{
    struct bytes text;
    struct error err;
    if (fs_read(e2e_path(e, relative), FILE_LIMIT, &e->arena, &text, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return (char *)text.data;
}

void e2e_bronze(struct e2e *e, const char *relative, const char *text)
{
    write_file(&e->arena, e2e_path(e, E2E_BRONZE), relative, text, strlen(text));
}

void e2e_edit(struct e2e *e, const char *relative, const char *from, const char *to)
{
    char *text = e2e_text(e, arena_printf(&e->arena, E2E_BRONZE "/%s", relative));
    const char *place = strstr(text, from);
    assert_non_null(place);
    e2e_bronze(
        e, relative,
        arena_printf(&e->arena, "%.*s%s%s", (int)(place - text), text, to, place + strlen(from)));
}

void e2e_remove(struct e2e *e, const char *relative)
{
    temp_folder_remove(e2e_path(e, relative));
}

static void append_hashes(struct e2e *e, const char *relative, char **list)
{
    struct error err;
    const char *path = e2e_path(e, relative);
    if (fs_is_folder(path)) {
        char **names;
        size_t count;
        assert_int_equal(fs_list(path, &e->arena, &names, &count, &err), 0);
        for (size_t i = 0; i < count; i++) {
            append_hashes(e, arena_printf(&e->arena, "%s/%s", relative, names[i]), list);
        }
    } else if (fs_exists(path)) {
        char sha256[HASH_TEXT_SIZE];
        uint64_t bytes;
        assert_int_equal(hash_file(path, sha256, &bytes, &err), 0);
        *list = arena_printf(&e->arena, "%s%s %s\n", *list, relative, sha256);
    }
}

const char *e2e_hashes(struct e2e *e, ...)
{
    char *list = arena_strdup(&e->arena, "");
    va_list levels;
    va_start(levels, e);
    for (const char *level; (level = va_arg(levels, const char *)) != NULL;) {
        append_hashes(e, level, &list);
    }
    va_end(levels);
    return list;
}

const char *e2e_outcomes(struct e2e *e)
{
    return e2e_hashes(e, "silver", "gold", "quality", "models", NULL);
}

void e2e_assert_untouched(struct e2e *e)
{
    assert_string_equal(e2e_outcomes(e), e->outcomes);
}

/* ---- running ---- */

static struct program_result run_list(struct e2e *e, bool as_nobody, va_list args)
{
    struct program_result result;
    const char *argv[ARGUMENTS];
    size_t count = 0;
    const char *env[2] = {NULL};
    const struct program_options options = {.env = env};
    if (as_nobody) { /* a program that counts its coverage complains where it may not write */
        const char *counts = arena_printf(&e->arena, "%s/counts", e->folder);
        (void)mkdir(counts, 0777);
        assert_int_equal(chmod(counts, 0777), 0);
        env[0] = arena_printf(&e->arena, "GCOV_PREFIX=%s", counts);
    }
    if (as_nobody && geteuid() == 0) {
        argv[count++] = "setpriv";
        argv[count++] = "--reuid=65534";
        argv[count++] = "--regid=65534";
        argv[count++] = "--clear-groups";
    }
    argv[count++] = getenv("AUTOSTREAM_BIN");
    assert_non_null(argv[count - 1]);
    argv[count++] = "--data";
    argv[count++] = e->data;
    argv[count++] = "--run-date";
    argv[count++] = E2E_DATE;
    argv[count++] = "--quiet";
    while ((argv[count] = va_arg(args, const char *)) != NULL) {
        assert_true(++count < ARGUMENTS);
    }
    run_program(&e->arena, &result, argv, &options);
    return result;
}

struct program_result e2e_run(struct e2e *e, ...)
{
    va_list args;
    va_start(args, e);
    struct program_result result = run_list(e, false, args);
    va_end(args);
    return result;
}

struct program_result e2e_run_as_nobody(struct e2e *e, ...)
{
    va_list args;
    va_start(args, e);
    struct program_result result = run_list(e, true, args);
    va_end(args);
    return result;
}

const char *e2e_works(struct e2e *e, ...)
{
    va_list args;
    va_start(args, e);
    struct program_result result = run_list(e, false, args);
    va_end(args);
    if (result.status != 0) {
        fail_msg("exit status %d: %s", result.status, result.err);
    }
    return result.out;
}

static void check_failure(struct e2e *e, const struct program_result *result, int status,
                          const char *says)
{
    const char *end = strchr(result->err, '\n');
    if (result->status != status || !strstr(result->err, says)) {
        fail_msg("exit status %d instead of %d, or \"%s\" is not in: %s", result->status, status,
                 says, result->err);
    }
    if (!end || end[1] != '\0' || strncmp(result->err, "autostream", 10) != 0) {
        fail_msg("not one sentence: %s", result->err);
    }
    assert_false(fs_exists(e2e_path(e, ".staging")));
    e2e_assert_untouched(e);
}

void e2e_fails(struct e2e *e, int status, const char *says, ...)
{
    va_list args;
    va_start(args, says);
    struct program_result result = run_list(e, false, args);
    va_end(args);
    check_failure(e, &result, status, says);
}

void e2e_fails_as_nobody(struct e2e *e, int status, const char *says, ...)
{
    va_list args;
    va_start(args, says);
    struct program_result result = run_list(e, true, args);
    va_end(args);
    check_failure(e, &result, status, says);
}

/* ---- the lake and its copies ---- */

static void must_run(struct arena *arena, const char *const argv[])
{
    struct program_result result;
    run_program(arena, &result, argv, NULL);
    if (result.status != 0) {
        fail_msg("%s: exit status %d: %s", argv[0], result.status, result.err);
    }
}

int e2e_make_origin(void **state)
{
    struct e2e e = {.folder = NULL};
    (void)state;
    origin = strdup(temp_folder(&e.arena));
    assert_non_null(origin);
    assert_int_equal(chmod(origin, 0755), 0);
    e.data = arena_printf(&e.arena, "%s/data", origin);
    e2e_works(&e, "generate", "--vehicles", "20", "--days", "2", NULL);
    e2e_works(&e, "train", "--trees", "7", NULL);
    e2e_works(&e, "run", NULL);
    arena_release(&e.arena);
    return 0;
}

int e2e_remove_origin(void **state)
{
    (void)state;
    temp_folder_remove(origin);
    free(origin);
    return 0;
}

int e2e_setup(void **state)
{
    struct e2e *e = calloc(1, sizeof *e);
    assert_non_null(e);
    e->folder = temp_folder(&e->arena);
    assert_int_equal(chmod(e->folder, 0755), 0);
    e->data = arena_printf(&e->arena, "%s/data", e->folder);
    const char *const copy[] = {"cp", "-r", arena_printf(&e->arena, "%s/data", origin), e->data,
                                NULL};
    must_run(&e->arena, copy);
    e->outcomes = e2e_outcomes(e);
    *state = e;
    return 0;
}

int e2e_teardown(void **state)
{
    struct e2e *e = *state;
    if (e->mounted) {
        (void)umount2(e->mounted, MNT_DETACH);
    }
    const char *const open_up[] = {"chmod", "-R", "u+rwX", e->folder, NULL};
    must_run(&e->arena, open_up);
    temp_folder_remove(e->folder);
    arena_release(&e->arena);
    free(e);
    return 0;
}

/* ---- questions ---- */

const char *e2e_ask(struct e2e *e, const char *relative, const char *select)
{
    struct lake *lake = NULL;
    struct lake_rows rows;
    struct error err;
    const struct lake_options options = {.threads = 1};
    if (lake_open(&lake, &options, &err) != 0 ||
        lake_open_file(lake, "t", e2e_path(e, relative), &err) != 0 ||
        lake_query(lake, select, &e->arena, &rows, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    lake_close(lake);
    assert_int_equal(rows.rows, 1);
    assert_int_equal(rows.columns, 1);
    return rows.cells[0] ? rows.cells[0] : "";
}

uint64_t e2e_count(struct e2e *e, const char *relative, const char *where)
{
    const char *select = arena_printf(&e->arena, "SELECT count(*) FROM t WHERE %s", where);
    return strtoull(e2e_ask(e, relative, select), NULL, 10);
}

uint64_t e2e_quarantined(struct e2e *e, const char *source, const char *reason)
{
    return e2e_count(e, E2E_RECORDS,
                     arena_printf(&e->arena,
                                  "ends_with(source, '%s') AND list_contains(string_split(reasons, "
                                  "'|'), '%s')",
                                  source, reason));
}

const char *e2e_message(struct e2e *e, const char *vin)
{
    return arena_printf(&e->arena,
                        "{\"vin\": \"%s\", \"timestamp\": \"" E2E_DATE
                        "T08:00:00\", \"temp_moteur\": 92.5, \"vitesse\": 80, \"km_actuel\": "
                        "60000, \"pression_huile\": 4.1, \"regime_moteur\": 2100, "
                        "\"voltage_batterie\": 13.1, \"temps_0_100\": 9.5, \"conso_essence\": 7.2, "
                        "\"pression_injection\": 310}",
                        vin);
}

void e2e_register(struct e2e *e, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(e2e_path(e, E2E_BRONZE "/sql/flotte.db"), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s", message);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static json_t *parse(const char *document)
{
    json_error_t problem;
    json_t *root = json_loads(document, 0, &problem);
    if (!root) {
        fail_msg("%s in: %s", problem.text, document);
    }
    return root;
}

const char *e2e_member(struct e2e *e, const char *document, const char *path)
{
    json_t *root = parse(document);
    json_t *value = root;
    char *names = arena_strdup(&e->arena, path);
    for (char *name = names; name;) {
        char *dot = strchr(name, '.');
        if (dot) {
            *dot++ = '\0';
        }
        value = json_object_get(value, name);
        name = dot;
    }
    if (!value) {
        fail_msg("no %s in: %s", path, document);
    }
    const char *text = json_is_string(value)
                           ? arena_strdup(&e->arena, json_string_value(value))
                           : arena_printf(&e->arena, "%.17g", json_number_value(value));
    json_decref(root);
    return text;
}

uint64_t e2e_number(struct e2e *e, const char *document, const char *path)
{
    return strtoull(e2e_member(e, document, path), NULL, 10);
}

bool e2e_has_member(const char *document, const char *name)
{
    json_t *root = parse(document);
    bool has = json_object_get(root, name) != NULL;
    json_decref(root);
    return has;
}

bool e2e_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}
