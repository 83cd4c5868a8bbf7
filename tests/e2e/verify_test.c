/* autostream verify: a whole lake passes, every kind of damage is named, and what is merely newer
 * than the results is a note. */
#include "tests.h"

#include "base/fs.h"
#include "e2e/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_JSON "runs/run_date=" E2E_DATE "/run.json"
#define DAY_PARQUET \
    "silver/telemetry_parquet/run_date=" E2E_DATE "/event_date=" E2E_DATE "/data.parquet"

static void put(struct e2e *e, const char *relative, const char *text, size_t size)
{
    struct error err;
    assert_int_equal(fs_write(e2e_path(e, relative), text, size, &err), 0);
}

/* Replaces the first `from` in a text file. */
static void edit(struct e2e *e, const char *relative, const char *from, const char *to)
{
    char *text = e2e_text(e, relative);
    const char *place = strstr(text, from);
    assert_non_null(place);
    text = arena_printf(&e->arena, "%.*s%s%s", (int)(place - text), text, to, place + strlen(from));
    put(e, relative, text, strlen(text));
}

/* Verify fails with exit status 1 and names `says` on a line of a fault. */
static void assert_fault(struct e2e *e, const char *says)
{
    struct program_result result = e2e_run(e, "verify", NULL);
    const char *line = strstr(result.out, says);
    while (line && line > result.out && line[-1] != '\n') {
        line--;
    }
    if (result.status != 1 || !line || strncmp(line, "fault: ", 7) != 0) {
        fail_msg("exit status %d, no fault \"%s\" in: %s%s", result.status, says, result.out,
                 result.err);
    }
}

/* Verify passes with a note; --strict makes a fault of it. */
static void assert_note(struct e2e *e, const char *says)
{
    const char *out = e2e_works(e, "verify", NULL);
    if (!strstr(out, says) || !strstr(out, "note: ")) {
        fail_msg("no note \"%s\" in: %s", says, out);
    }
    assert_int_equal(e2e_run(e, "verify", "--strict", NULL).status, 1);
}

static void assert_whole(struct e2e *e)
{
    const char *out = e2e_works(e, "verify", "--strict", NULL);
    assert_non_null(strstr(out, "All is whole"));
}

static void test_a_published_lake_is_whole(void **state)
{
    struct e2e *e = *state;
    assert_whole(e);
    const char *json = e2e_works(e, "--json", "verify", NULL);
    assert_int_equal(e2e_number(e, json, "runs"), 1);
    assert_int_equal(e2e_number(e, json, "faults"), 0);
    assert_int_equal(e2e_number(e, json, "files"), 22);
    assert_int_equal(e2e_number(e, json, "inputs"), 43); /* 40 messages and three tables */
}

static void test_a_faulty_fleet_reconciles(void **state)
{
    struct e2e *e = *state;
    e2e_works(e, "generate", "--vehicles", "150", "--days", "3", "--faults", "0.2", NULL);
    e2e_bronze(e, "json/broken.json.gz", "no gzip");
    e2e_works(e, "run", "--max-rejects", "100%", NULL);
    assert_whole(e);
}

static void test_a_refused_run_leaves_a_whole_lake(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, "json/broken.ndjson", "{\n{\n{\n{\n{\n{\n{\n");
    assert_int_equal(e2e_run(e, "run", "--max-rejects", "1%", NULL).status, 1);
    e2e_works(e, "verify", NULL);
}

static void test_every_changed_file_is_named(void **state)
{
    static const char *const files[] = {DAY_PARQUET,
                                        "silver/telemetry/telemetry_clean.csv",
                                        "gold/reporting_final.csv",
                                        E2E_REPORTING,
                                        "quality/gold_quality_" E2E_DATE ".csv",
                                        "runs/run_date=" E2E_DATE "/inputs.parquet",
                                        "runs/run_date=" E2E_DATE "/taken.parquet",
                                        E2E_RECORDS};
    struct e2e *e = *state;
    struct error err;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct bytes file;
        assert_int_equal(fs_read(e2e_path(e, files[i]), 1 << 20, &e->arena, &file, &err), 0);
        char *changed = arena_copy(&e->arena, file.data, file.size);
        changed[file.size / 2] ^= 1;
        put(e, files[i], changed, file.size);
        assert_fault(e, arena_printf(&e->arena, "%s: its hash", files[i]));
        put(e, files[i], file.data, file.size - 1);
        assert_fault(e, arena_printf(&e->arena, "%s: %zu bytes instead of %zu", files[i],
                                     file.size - 1, file.size));
        assert_int_equal(unlink(e2e_path(e, files[i])), 0);
        assert_fault(e, arena_printf(&e->arena, "%s: cannot be read", files[i]));
        put(e, files[i], file.data, file.size);
    }
    assert_whole(e);
}

static void test_a_record_that_was_edited_is_found_out(void **state)
{
    static const struct {
        const char *from, *to, *says;
    } edits[] = {
        {"\"version\": 1", "\"version\": 2", "of another version"},
        {"{", "", "unreadable"},
        {"\"run_date\": \"2026-11-23\"", "\"run_date\": \"2026-11-22\"", "of another version"},
        {"\"records\": 40", "\"records\": 41", "41 records read, but 40"},
        {"\"files\": 40", "\"files\": 41", "silver.inputs.files is 41 there"},
        {"\"silver_sha256\": \"", "\"silver_sha256\": \"0", "belongs to another silver"},
        {"\"records\": 40", "\"records\": 41", "silver.telemetry.records is 41 there"},
        {"\"rows\": 40", "\"rows\": 39", "silver.telemetry.rows is 39 there, the tables give 40"},
        {"\"quarantined\": 0", "\"quarantined\": 1", "silver.telemetry.quarantined is 1"},
        {"\"rows\": 20,\n    \"statut\"", "\"rows\": 21,\n    \"statut\"", "gold.rows is 21"},
        {"\"OK\": ", "\"OK\": 1", "gold.statut.OK"},
        {"\"without_service\": 0", "\"without_service\": 2", "gold.orphans.without_service is 2"},
        {"\"path\": \"gold/entretien_", "\"path\": \"gold/other_", "run.json does not name"},
        {"\"path\": \"gold/entretien_", "\"path\": \"../gold/e", "without a usable path"},
        {"\"path\": \"gold/entretien_", "\"path\": \"/gold/e", "without a usable path"},
        {"\"inputs_sha256\": \"", "\"inputs_sha256\": \"0", "come from different files"},
        {"\"model\"", "\"no_model\"", "does not name its model"},
        {"\"silver\": {\n    \"sha256\": \"", "\"silver\": {\n    \"sha256\": \"0",
         "the hash of silver is not"},
    };
    struct e2e *e = *state;
    const char *good = e2e_text(e, RUN_JSON);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        edit(e, RUN_JSON, edits[i].from, edits[i].to);
        assert_fault(e, edits[i].says);
        put(e, RUN_JSON, good, strlen(good));
    }
    assert_whole(e);
}

static void test_files_that_no_run_made_are_found(void **state)
{
    struct e2e *e = *state;
    const char *day = arena_printf(
        &e->arena, "silver/telemetry_parquet/run_date=" E2E_DATE "/event_date=%s", "2026-11-01");
    struct error err;
    assert_int_equal(fs_make_folders(e2e_path(e, day), &err), 0);
    put(e, arena_printf(&e->arena, "%s/data.parquet", day), "x", 1);
    assert_fault(e, "event_date=2026-11-01/data.parquet: no run made this file");
    e2e_remove(e, day);
    put(e, "gold/notes_" E2E_DATE ".txt", "x", 1);
    assert_note(e, "gold/notes_" E2E_DATE ".txt: no run made this file");
    e2e_remove(e, "gold/notes_" E2E_DATE ".txt");
    put(e, "gold/_notes_" E2E_DATE, "x", 1); /* nobody's, by its name */
    assert_whole(e);
}

static void test_a_newer_model_is_a_note(void **state)
{
    struct e2e *e = *state;
    e2e_works(e, "run", NULL); /* run.json names the model of this copy */
    e2e_works(e, "train", "--trees", "3", NULL);
    assert_note(e, "another model has taken the place");
    e2e_remove(e, "models/model_pannes.onnx");
    assert_note(e, "is no longer there; its results stand");
}

static void test_newer_raw_data_are_a_note(void **state)
{
    struct e2e *e = *state;
    e2e_edit(e, "csv/maintenance.csv", "VIN-", "VIN_");
    assert_note(e, "csv/maintenance.csv (and 0 other files): the raw data are no longer those");
    e2e_remove(e, E2E_BRONZE "/csv");
    assert_note(e, "2 files are no longer there");
}

static void test_silver_made_alone_is_a_note(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, "json/later.json", e2e_message(e, "VIN-751000"));
    e2e_works(e, "silver", NULL);
    assert_note(e, "made from another silver");
    e2e_works(e, "gold", NULL);
    assert_whole(e);
}

static void test_files_without_a_date_are_of_the_latest_run(void **state)
{
    struct e2e *e = *state;
    e2e_works(e, "--run-date", "2026-11-24", "run", "--simulate", NULL);
    const char *json = e2e_works(e, "--json", "--run-date", E2E_DATE, "verify", NULL);
    assert_int_equal(e2e_number(e, json, "runs"), 1);
    const char *argv[] = {getenv("AUTOSTREAM_BIN"), "--data", e->data, "verify", "--strict", NULL};
    struct program_result result;
    run_program(&e->arena, &result, argv, NULL);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "Runs verified: 2"));
    edit(e, "gold/reporting_final.csv", "VIN-", "VIN_");
    assert_fault(e, "gold/reporting_final.csv");
}

static void test_there_must_be_something_to_verify(void **state)
{
    struct e2e *e = *state;
    e2e_fails(e, 1, "no run of 2026-11-30", "--run-date", "2026-11-30", "verify", NULL);
    e2e_remove(e, "runs");
    const char *argv[] = {getenv("AUTOSTREAM_BIN"), "--data", e->data, "verify", NULL};
    struct program_result result;
    run_program(&e->arena, &result, argv, NULL);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.err, "no results to verify"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, e2e_setup, e2e_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_published_lake_is_whole),
        TEST(test_a_faulty_fleet_reconciles),
        TEST(test_a_refused_run_leaves_a_whole_lake),
        TEST(test_every_changed_file_is_named),
        TEST(test_a_record_that_was_edited_is_found_out),
        TEST(test_files_that_no_run_made_are_found),
        TEST(test_a_newer_model_is_a_note),
        TEST(test_newer_raw_data_are_a_note),
        TEST(test_silver_made_alone_is_a_note),
        TEST(test_files_without_a_date_are_of_the_latest_run),
        TEST(test_there_must_be_something_to_verify),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
