/* Both engines on the same bronze must publish the same tables: the same rows in the same order,
 * the same NULLs, numbers within 1e-9. Bronze of the reference, simulated fleets with faults
 * injected, and names that hold what could break a pipe between two programs.
 *
 * Needs Spark and Java (script/test brings them); AUTOSTREAM_TEST_LARGE=1 adds 200,000 messages. */
#include "tests.h"

#include "base/fs.h"
#include "lake/lake.h"
#include "shared.h"
#include "support/run.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATE "2026-11-23"

struct pair {
    struct arena arena;
    const char *duckdb, *spark; /* the two lakes */
    const char *model;          /* NULL: each lake's own */
};

/* Every table that a run publishes; '*' stands for the days of telemetry. */
static const char *const published[] = {
    "silver/telemetry/telemetry_clean.csv",
    "silver/telemetry_parquet/run_date=" DATE "/event_date=*/data.parquet",
    "silver/maintenance_parquet/run_date=" DATE "/data.parquet",
    "silver/vehicules_parquet/run_date=" DATE "/data.parquet",
    "silver/piece_lifetime_parquet/run_date=" DATE "/data.parquet",
    "quarantine/run_date=" DATE "/records.parquet",
    "runs/run_date=" DATE "/inputs.parquet",
    "gold/reporting_final.csv",
    "gold/parquet/run_date=" DATE "/reporting_final.parquet",
    "gold/entretien_" DATE ".parquet",
    "gold/vehicule_jour_" DATE ".parquet",
    "quality/orphelins_" DATE ".parquet",
    "gold/aggregations/pannes_par_jour_" DATE ".csv",
    "gold/aggregations/pannes_par_jour_" DATE ".parquet",
    "gold/aggregations/pannes_par_semaine_" DATE ".csv",
    "gold/aggregations/pannes_par_semaine_" DATE ".parquet",
    "gold/aggregations/pannes_par_mois_" DATE ".csv",
    "gold/aggregations/pannes_par_mois_" DATE ".parquet",
};

/* ---- two lakes ---- */

static struct pair *pair_new(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->duckdb = temp_folder(&pair->arena);
    pair->spark = temp_folder(&pair->arena);
    return pair;
}

static void pair_free(struct pair *pair)
{
    temp_folder_remove(pair->duckdb);
    temp_folder_remove(pair->spark);
    arena_release(&pair->arena);
    free(pair);
}

/* The bronze, and the model if there is one, of the first lake into the second. */
static void copy_lake(struct pair *pair)
{
    struct program_result copied;
    const char *const argv[] = {"cp", "-r", arena_printf(&pair->arena, "%s/.", pair->duckdb),
                                pair->spark, NULL};
    run_program(&pair->arena, &copied, argv, NULL);
    assert_int_equal(copied.status, 0);
}

static void run_one(struct pair *pair, const char *engine, const char *data)
{
    struct program_result result;
    run_autostream(&pair->arena, &result, NULL, "--lang", "en", "--data", data, "--run-date", DATE,
                   "--engine", engine, "--memory", "1GB", "--quiet", "run", "--max-rejects", "50%",
                   pair->model ? "--model" : NULL, pair->model, NULL);
    if (result.status != 0) {
        fail_msg("--engine %s: %s", engine, result.err);
    }
}

/* ---- comparing ---- */

/* SQL that is true where column `name` of rows a and b is not the same. */
static const char *differs(struct arena *arena, const struct column *column)
{
    const char *name = column->name;
    if (column->type == COLUMN_REAL) {
        return arena_printf(arena,
                            "((a.\"%1$s\" IS NULL) <> (b.\"%1$s\" IS NULL) OR "
                            "abs(a.\"%1$s\" - b.\"%1$s\") > 1e-9 * greatest(1, abs(a.\"%1$s\")))",
                            name);
    }
    if (column->type == COLUMN_TEXT) { /* of a CSV file it may be a number */
        return arena_printf(arena,
                            "(a.\"%1$s\" IS DISTINCT FROM b.\"%1$s\" AND NOT coalesce("
                            "abs(TRY_CAST(a.\"%1$s\" AS DOUBLE) - TRY_CAST(b.\"%1$s\" AS DOUBLE)) "
                            "<= 1e-9 * greatest(1, abs(TRY_CAST(a.\"%1$s\" AS DOUBLE))), false))",
                            name);
    }
    return arena_printf(arena, "(a.\"%1$s\" IS DISTINCT FROM b.\"%1$s\")", name);
}

/* The table's file in one lake as view `name` with its place in the file as column row_. */
static void open_table(struct pair *pair, struct lake *lake, const char *name, const char *path)
{
    struct error err;
    if (lake_open_file(lake, name, path, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    (void)pair;
}

static uint64_t count_of(struct lake *lake, const char *sql)
{
    struct error err;
    uint64_t count = 0;
    if (lake_count(lake, sql, &count, &err) != 0) {
        fail_msg("%s: %s", sql, err.text[LANG_EN]);
    }
    return count;
}

/* Compares one file of both lakes, row by row in the files' order; gives its rows. */
static uint64_t compare_file(struct pair *pair, const char *relative)
{
    struct lake *lake = NULL;
    struct error err;
    const struct lake_options options = {.threads = 1}; /* keeps the order of rows */
    struct column *columns;
    struct column *others;
    size_t count;
    size_t other_count;
    struct arena *arena = &pair->arena;
    assert_int_equal(lake_open(&lake, &options, &err), 0);
    open_table(pair, lake, "a", arena_printf(arena, "%s/%s", pair->duckdb, relative));
    open_table(pair, lake, "b", arena_printf(arena, "%s/%s", pair->spark, relative));
    assert_int_equal(lake_columns(lake, "a", arena, &columns, &count, &err), 0);
    assert_int_equal(lake_columns(lake, "b", arena, &others, &other_count, &err), 0);
    assert_int_equal(count, other_count);
    char *unequal = arena_strdup(arena, "false");
    for (size_t c = 0; c < count; c++) {
        if (strcmp(columns[c].name, others[c].name) != 0 || columns[c].type != others[c].type) {
            fail_msg("%s: column %s is %s of another type on Spark", relative, columns[c].name,
                     others[c].name);
        }
        unequal = arena_printf(arena, "%s OR %s", unequal, differs(arena, &columns[c]));
    }
    uint64_t rows = count_of(lake, "SELECT count(*) FROM a");
    if (rows != count_of(lake, "SELECT count(*) FROM b")) {
        fail_msg("%s: not as many rows on Spark", relative);
    }
    struct lake_rows found;
    const char *sql = arena_printf(
        arena,
        "SELECT a.row_, to_json(a) , to_json(b) FROM (SELECT row_number() OVER () AS row_, * FROM "
        "a)"
        " AS a JOIN (SELECT row_number() OVER () AS row_, * FROM b) AS b ON a.row_ = b.row_ "
        "WHERE %s ORDER BY a.row_ LIMIT 1",
        unequal);
    if (lake_query(lake, sql, arena, &found, &err) != 0) {
        fail_msg("%s: %s", relative, err.text[LANG_EN]);
    }
    if (found.rows > 0) {
        fail_msg("%s, row %s:\nDuckDB %s\nSpark  %s", relative, found.cells[0], found.cells[1],
                 found.cells[2]);
    }
    lake_close(lake);
    return rows;
}

/* The files of a published table in the first lake; those of the second must be the same. */
static void compare_table(struct pair *pair, const char *pattern)
{
    const char *star = strchr(pattern, '*');
    struct arena *arena = &pair->arena;
    struct error err;
    if (!star) {
        (void)compare_file(pair, pattern);
        return;
    }
    const char *slash = star;
    while (*slash != '/') {
        slash--;
    }
    const char *folder = arena_copy(arena, pattern, (size_t)(slash - pattern));
    char **days;
    char **other_days;
    size_t count;
    size_t other_count;
    assert_int_equal(
        fs_list(arena_printf(arena, "%s/%s", pair->duckdb, folder), arena, &days, &count, &err), 0);
    assert_int_equal(fs_list(arena_printf(arena, "%s/%s", pair->spark, folder), arena, &other_days,
                             &other_count, &err),
                     0);
    assert_int_equal(count, other_count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(days[i], other_days[i]);
        assert_true(compare_file(pair, arena_printf(arena, "%s/%s/data.parquet", folder, days[i])) >
                    0);
    }
}

static void compare_text(struct pair *pair, const char *relative)
{
    struct bytes a;
    struct bytes b;
    struct error err;
    assert_int_equal(fs_read(arena_printf(&pair->arena, "%s/%s", pair->duckdb, relative), 1 << 20,
                             &pair->arena, &a, &err),
                     0);
    assert_int_equal(fs_read(arena_printf(&pair->arena, "%s/%s", pair->spark, relative), 1 << 20,
                             &pair->arena, &b, &err),
                     0);
    assert_string_equal(a.data, b.data);
}

/* Compares everything that was published in both lakes. */
static void compare_lakes(struct pair *pair)
{
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        compare_table(pair, published[i]);
    }
    compare_text(pair, "quality/silver_quality_" DATE ".csv");
    compare_text(pair, "quality/gold_quality_" DATE ".csv");
}

/* Runs both engines and compares. */
static void assert_parity(struct pair *pair)
{
    copy_lake(pair);
    run_one(pair, "duckdb", pair->duckdb);
    run_one(pair, "spark", pair->spark);
    compare_lakes(pair);
}

/* Two lakes that somebody else ran: of the command line. */
static const char *given_duckdb, *given_spark;

static void test_two_given_lakes_are_the_same(void **state)
{
    struct pair pair = {.duckdb = given_duckdb, .spark = given_spark};
    (void)state;
    compare_lakes(&pair);
    arena_release(&pair.arena);
}

/* ---- bronze ---- */

static void golden(const char *name)
{
    struct pair *pair = pair_new();
    const char *from = shared_path(&pair->arena, arena_printf(&pair->arena, "golden/%s", name));
    if (!from) {
        pair_free(pair);
        skip();
    }
    struct program_result copied;
    const char *const argv[] = {"cp", "-r", arena_printf(&pair->arena, "%s/bronze", from),
                                pair->duckdb, NULL};
    run_program(&pair->arena, &copied, argv, NULL);
    assert_int_equal(copied.status, 0);
    pair->model = arena_printf(&pair->arena, "%s/model_pannes.onnx", from);
    assert_parity(pair);
    pair_free(pair);
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
static struct pair *simulated(const char *vehicles, const char *days, const char *per_day,
                              const char *format)
{
    struct pair *pair = pair_new();
    assert_cli_works(&pair->arena, "--data", pair->duckdb, "--run-date", DATE, "generate",
                     "--vehicles", vehicles, "--days", days, "--messages-per-day", per_day,
                     "--faults", "4%", "--format", format, NULL);
    assert_cli_works(&pair->arena, "--data", pair->duckdb, "--run-date", DATE, "train", "--trees",
                     "20", NULL);
    return pair;
}

static void test_fifty_messages_in_a_file_each_are_the_same(void **state)
{
    (void)state;
    struct pair *pair = simulated("50", "1", "1", "json");
    assert_parity(pair);
    pair_free(pair);
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
static void add_nasty(struct pair *pair)
{
    struct arena *arena = &pair->arena;
    const char *bronze = arena_printf(arena, "%s/bronze/run_date=" DATE, pair->duckdb);
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
    struct pair *pair = simulated("250", "5", "4", "ndjson");
    add_nasty(pair);
    assert_parity(pair);
    pair_free(pair);
}

static void test_two_hundred_thousand_messages_are_the_same(void **state)
{
    (void)state;
    const char *large = getenv("AUTOSTREAM_TEST_LARGE");
    if (!large || strcmp(large, "1") != 0) {
        print_message("skipped: AUTOSTREAM_TEST_LARGE=1 asks for it\n");
        skip();
    }
    struct pair *pair = simulated("2000", "10", "10", "ndjson");
    assert_parity(pair);
    pair_free(pair);
}

/* Without arguments all tests; "only PATTERN" those whose names match; "compare DUCKDB SPARK" only
 * compares these two lakes. */
int main(int argc, char **argv)
{
    const struct CMUnitTest given[] = {cmocka_unit_test(test_two_given_lakes_are_the_same)};
    if (argc == 4 && strcmp(argv[1], "compare") == 0) {
        given_duckdb = argv[2];
        given_spark = argv[3];
        return cmocka_run_group_tests(given, NULL, NULL);
    }
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
