/* `autostream parity`: both engines on the same bronze publish the same tables: the same rows in
 * the same order, the same NULLs, numbers within 1e-9. Bronze of the reference, simulated fleets
 * with faults injected, and names that hold what could break a pipe between two programs.
 *
 * Needs Spark and Java (script/test brings them); AUTOSTREAM_TEST_LARGE=1 adds 200,000 messages. */
#include "tests.h"

#include "base/fs.h"
#include "shared.h"
#include "support/run.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define DATE "2026-11-23"

struct case_lake {
    struct arena arena;
    char *data;
    const char *model; /* NULL: the lake's own */
};

static struct case_lake *lake_new(void)
{
    struct case_lake *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->data = temp_folder(&l->arena);
    return l;
}

static void lake_free(struct case_lake *l)
{
    temp_folder_remove(l->data);
    arena_release(&l->arena);
    free(l);
}

/* The number under `key` of the object in `list` whose `name` is `value`. */
static json_int_t number_of(json_t *list, const char *name, const char *value, const char *key)
{
    size_t i;
    json_t *object;
    json_array_foreach(list, i, object)
    {
        if (strcmp(json_string_value(json_object_get(object, name)), value) == 0) {
            return json_integer_value(json_object_get(object, key));
        }
    }
    fail_msg("no %s in the report", value);
    return 0;
}

/* Both engines must make the same of it, and see what was put in. */
static void assert_parity(struct case_lake *l, json_int_t least_messages, json_int_t least_refused)
{
    struct program_result result;
    run_autostream(&l->arena, &result, NULL, "--lang", "en", "--data", l->data, "--run-date", DATE,
                   "--memory", "1GB", "--json", "parity", l->model ? "--model" : NULL, l->model,
                   NULL);
    if (result.status != 0) {
        fail_msg("%s%s", result.out, result.err);
    }
    json_t *report = json_loads(result.out, 0, NULL);
    assert_non_null(report);
    json_t *tables = json_object_get(report, "tables");
    json_t *counts = json_object_get(report, "counts");
    assert_int_equal(json_array_size(tables), 20);
    json_int_t messages =
        number_of(tables, "table", "silver/telemetry/telemetry_clean.csv", "rows");
    assert_true(messages >= least_messages);
    assert_int_equal(messages, number_of(counts, "count", "silver rows", "other_value"));
    assert_true(number_of(tables, "table", "gold/reporting_final.csv", "rows") > 0);
    assert_true(number_of(tables, "table", "quarantine/run_date=" DATE "/records.parquet",
                          "rows") >= least_refused);
    json_decref(report);
    char **names; /* the lake stays as it was */
    size_t count;
    struct error err;
    assert_int_equal(fs_list(l->data, &l->arena, &names, &count, &err), 0);
    for (size_t i = 0; i < count; i++) {
        assert_true(strcmp(names[i], "bronze") == 0 || strcmp(names[i], "models") == 0 ||
                    strcmp(names[i], ".lock") == 0);
    }
}

/* ---- bronze ---- */

static void golden(const char *name)
{
    struct case_lake *l = lake_new();
    const char *from = shared_path(&l->arena, arena_printf(&l->arena, "golden/%s", name));
    if (!from) {
        lake_free(l);
        skip();
    }
    struct program_result copied;
    const char *const argv[] = {"cp", "-r", arena_printf(&l->arena, "%s/bronze", from), l->data,
                                NULL};
    run_program(&l->arena, &copied, argv, NULL);
    assert_int_equal(copied.status, 0);
    l->model = arena_printf(&l->arena, "%s/model_pannes.onnx", from);
    assert_parity(l, 1, 0);
    lake_free(l);
}

static void test_the_plain_golden_case_is_the_same(void **state)
{
    (void)state;
    golden("plain");
}

static void test_the_hard_golden_case_is_the_same(void **state)
{
    (void)state;
    golden("hard");
}

/* A simulated fleet with 4 % of its messages spoiled, and a model of its own. */
static struct case_lake *simulated(const char *vehicles, const char *days, const char *per_day,
                                   const char *format)
{
    struct case_lake *l = lake_new();
    assert_cli_works(&l->arena, "--data", l->data, "--run-date", DATE, "generate", "--vehicles",
                     vehicles, "--days", days, "--messages-per-day", per_day, "--faults", "4%",
                     "--format", format, NULL);
    assert_cli_works(&l->arena, "--data", l->data, "--run-date", DATE, "train", "--trees", "20",
                     NULL);
    return l;
}

static void test_fifty_messages_in_a_file_each_are_the_same(void **state)
{
    (void)state;
    struct case_lake *l = simulated("50", "1", "1", "json");
    assert_parity(l, 40, 0);
    lake_free(l);
}

/* What a line, a cell or a NULL between two programs could be taken for. */
static const char *const nasty[] = {"-",       "\\\\N",          "a\\tb",   "a\\nb",   "a\\r\\nb",
                                    "'; --",   "\\\"quoted\\\"", "${PATH}", "NULL",    "caf\u00e9",
                                    "\\u0001", " blank ",        "\\\\",    "a,b;c|d", "!!"};

/* The same as JSON text without its escapes; owned by the arena. */
static const char *unescaped(struct arena *arena, const char *json)
{
    char *out = arena_alloc(arena, strlen(json) + 1, 1);
    char *end = out;
    for (const char *p = json; *p; p++) {
        if (*p != '\\') {
            *end++ = *p;
            continue;
        }
        p++;
        *end++ = *p == 't' ? '\t' : *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 'u' ? '\x01' : *p;
        p += *p == 'u' ? 4 : 0;
    }
    return out;
}

/* Gives every nasty name messages, a service record and a row of the register. */
static void add_nasty(struct case_lake *l)
{
    struct arena *arena = &l->arena;
    const char *bronze = arena_printf(arena, "%s/bronze/run_date=" DATE, l->data);
    char *messages = arena_strdup(arena, "");
    char *services = arena_strdup(arena, "");
    sqlite3 *db;
    sqlite3_stmt *insert;
    assert_int_equal(sqlite3_open(arena_printf(arena, "%s/sql/flotte.db", bronze), &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "INSERT INTO vehicules VALUES (?1, ?1, 2020)", -1, &insert, NULL),
        SQLITE_OK);
    for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++) {
        const char *vin = unescaped(arena, nasty[i]);
        char *quoted = arena_alloc(arena, strlen(vin) + 1, 2);
        char *end = quoted;
        for (const char *p = vin; *p; p++) {
            if (*p == '"') {
                *end++ = '"';
            }
            *end++ = *p;
        }
        messages = arena_printf(
            arena,
            "%s{\"vin\": \"%s\", \"timestamp\": \"2026-11-23T10:00:00\", \"temp_moteur\": 9%zu.5, "
            "\"vitesse\": null, \"km_actuel\": 1000.4, \"pression_huile\": 3.25}\n"
            "{\"vin\": \"%s\", \"temp_moteur\": \"\\\\N\tx\"}\n",
            messages, nasty[i], i % 10, nasty[i]);
        services = arena_printf(arena, "%s\"%s\",%s,\"%s\",%zu\n", services, quoted,
                                i % 3 == 0 ? "" : "2026-01-02", i % 2 == 0 ? quoted : "", i);
        assert_int_equal(sqlite3_bind_text(insert, 1, vin, -1, SQLITE_TRANSIENT), SQLITE_OK);
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        assert_int_equal(sqlite3_reset(insert), SQLITE_OK);
    }
    sqlite3_finalize(insert);
    sqlite3_close(db);
    write_file(arena, bronze, "json/it's $HOME & \\N.ndjson", messages, strlen(messages));
    write_file(arena, bronze, "json/empty.json", "", 0);
    write_file(arena, bronze, "json/_hidden.json", "{", 1);
    write_file(arena, bronze, "json/notes.txt", "{", 1);
    struct bytes old;
    struct error err;
    const char *path = arena_printf(arena, "%s/csv/maintenance.csv", bronze);
    assert_int_equal(fs_read(path, 1 << 24, arena, &old, &err), 0);
    const char *all = arena_printf(arena, "%s%s", old.data, services);
    assert_int_equal(fs_write(path, all, strlen(all), &err), 0);
}

static void test_five_thousand_messages_and_hostile_names_are_the_same(void **state)
{
    (void)state;
    struct case_lake *l = simulated("250", "5", "4", "ndjson");
    add_nasty(l);
    assert_parity(l, 4500, 16);
    lake_free(l);
}

static void test_two_hundred_thousand_messages_are_the_same(void **state)
{
    (void)state;
    const char *large = getenv("AUTOSTREAM_TEST_LARGE");
    if (!large || strcmp(large, "1") != 0) {
        print_message("skipped: AUTOSTREAM_TEST_LARGE=1 asks for it\n");
        skip();
    }
    struct case_lake *l = simulated("2000", "10", "10", "ndjson");
    assert_parity(l, 180000, 1000);
    lake_free(l);
}

/* Without arguments all tests; "only PATTERN" those whose names match. */
int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "only") == 0) {
        cmocka_set_test_filter(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_plain_golden_case_is_the_same),
        cmocka_unit_test(test_the_hard_golden_case_is_the_same),
        cmocka_unit_test(test_fifty_messages_in_a_file_each_are_the_same),
        cmocka_unit_test(test_five_thousand_messages_and_hostile_names_are_the_same),
        cmocka_unit_test(test_two_hundred_thousand_messages_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
