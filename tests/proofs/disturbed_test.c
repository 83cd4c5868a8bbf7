/* A disk that fills in the middle of a run, also while the engine spills to it, and raw files that
 * grow, shrink or are replaced between two reads: at a chosen byte or read, by the preloaded
 * library (preload.c), not by luck of timing. One clear sentence or a record in quarantine, nothing
 * lost, and the next run has everything. */
#include "tests.h"

#include "base/fs.h"
#include "e2e/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NDJSON "json/long.ndjson"

/* ---- the preloaded library around the program ---- */

/* From here on programs are started with it, counting below the lake; variables go in pairs of name
 * and value, ended by NULL. */
static void preload(struct e2e *e, const char *const variables[])
{
    for (const char *const *v = variables; *v; v += 2) {
        assert_int_equal(setenv(v[0], v[1], 1), 0);
    }
    assert_int_equal(setenv("PROOFS_ROOT", e->data, 1), 0);
    assert_non_null(getenv("AUTOSTREAM_PRELOAD"));
    assert_int_equal(setenv("LD_PRELOAD", getenv("AUTOSTREAM_PRELOAD"), 1), 0);
}

static void unload(const char *const variables[])
{
    assert_int_equal(unsetenv("LD_PRELOAD"), 0);
    assert_int_equal(unsetenv("PROOFS_ROOT"), 0);
    for (const char *const *v = variables; *v; v += 2) {
        assert_int_equal(unsetenv(v[0]), 0);
    }
}

/* ---- a disk that fills ---- */

struct volume {
    unsigned long written, spilled; /* bytes */
};

/* What a run of a copy of the lake writes below its root, and what it publishes. */
static struct volume volume_of_a_run(struct e2e *e, const char *memory, const char **outcomes)
{
    struct volume volume;
    struct program_result copied;
    struct error err;
    struct bytes text;
    char *end;
    const char *own = e->data;
    const char *path = arena_printf(&e->arena, "%s/count", e->folder);
    const char *const counted[] = {"PROOFS_COUNT", path, NULL};
    e->data = arena_printf(&e->arena, "%s/copy", e->folder);
    const char *const copy[] = {"cp", "-r", own, e->data, NULL};
    run_program(&e->arena, &copied, copy, NULL);
    assert_int_equal(copied.status, 0);
    preload(e, counted);
    e2e_works(e, "--threads", "1", "--memory", memory, "run", NULL);
    unload(counted);
    assert_int_equal(fs_read(path, 100, &e->arena, &text, &err), 0);
    (void)strtoul(text.data, &end, 10); /* calls */
    (void)strtoul(end, &end, 10);       /* allocations */
    volume.written = strtoul(end, &end, 10);
    volume.spilled = strtoul(end, &end, 10);
    assert_false(fs_exists(e2e_path(e, ".staging")));
    *outcomes = e2e_outcomes(e);
    temp_folder_remove(e->data);
    e->data = own;
    assert_true(volume.written > 0);
    return volume;
}

/* A run fails with a sentence, and leaves everything as it was, on a disk with room for a part of
 * what it would write; with the whole disk it gives the bytes of one that was never disturbed. */
static void fill_at_each_part(struct e2e *e, const char *memory, unsigned parts, bool spills)
{
    const char *outcomes;
    const struct volume volume = volume_of_a_run(e, memory, &outcomes);
    assert_int_equal(volume.spilled > 0, spills);
    assert_string_not_equal(outcomes, e->outcomes);
    for (unsigned part = 0; part < parts; part++) {
        const char *room = arena_printf(&e->arena, "%lu", volume.written / parts * part);
        const char *const full[] = {"PROOFS_DISK", room, NULL};
        preload(e, full);
        e2e_fails(e, 1, "space", "--threads", "1", "--memory", memory, "run", NULL);
        unload(full);
    }
    e2e_works(e, "--threads", "1", "--memory", memory, "run", NULL);
    assert_string_equal(e2e_outcomes(e), outcomes);
    assert_false(fs_exists(e2e_path(e, ".staging")));
}

static void test_a_disk_that_fills_in_the_middle_leaves_everything_as_it_was(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, "json/more.json", e2e_message(e, "VIN-751003"));
    fill_at_each_part(e, "1GB", 8, false);
}

/* Enough messages that the engine, given little memory, needs its scratch folder. */
static void test_a_disk_that_fills_while_the_engine_spills_leaves_everything_as_it_was(void **state)
{
    struct e2e *e = *state;
    e2e_works(e, "generate", "--vehicles", "2000", "--days", "10", "--messages-per-day", "10",
              "--format", "ndjson", NULL);
    fill_at_each_part(e, "52MB", 5, true);
}

/* ---- files that change while they are read ---- */

/* Lines enough for several reads; the vins tell them. */
static char *lines(struct e2e *e, const char *vin, int count)
{
    const char *line = arena_printf(&e->arena, "%s\n", e2e_message(e, vin));
    size_t size = strlen(line);
    char *text = arena_alloc(&e->arena, size * (size_t)count + 1, 1);
    for (int i = 0; i < count; i++) { /* another second for each: none is a duplicate */
        char *to = text + size * (size_t)i;
        memcpy(to, line, size + 1);
        char *clock = strstr(to, "T08:00:00");
        char digits[16];
        (void)snprintf(digits, sizeof digits, "T%02d:%02d:%02d", i / 3600, i / 60 % 60, i % 60);
        memcpy(clock, digits, strlen(digits));
    }
    return text;
}

enum { LINES = 4001, MORE = 300 }; /* 1 MB: read 256 KiB at a time; half of it ends in a line */

/* A run during whose second read of the file `how` happens to it; gives the report. */
static const char *run_while(struct e2e *e, const char *how)
{
    static const char path[] = E2E_BRONZE "/" NDJSON;
    const char *other = arena_printf(&e->arena, "%s/other", e->folder);
    const char *const change[] = {"PROOFS_CHANGE",
                                  how,
                                  "PROOFS_CHANGE_AT",
                                  "2",
                                  "PROOFS_CHANGE_BY",
                                  other,
                                  "PROOFS_CHANGE_PATH",
                                  path,
                                  NULL};
    e2e_bronze(e, NDJSON, lines(e, "VIN-751003", LINES));
    const char *text = lines(e, "VIN-751004", MORE);
    write_file(&e->arena, e->folder, "other", text, strlen(text));
    struct stat before, after;
    assert_int_equal(stat(e2e_path(e, path), &before), 0);
    preload(e, change);
    const char *report =
        e2e_works(e, "--json", "--threads", "1", "run", "--max-rejects", "100%", NULL);
    unload(change);
    assert_int_equal(stat(e2e_path(e, path), &after), 0);
    assert_true(after.st_size != before.st_size); /* else nothing happened to it */
    assert_int_equal(e2e_number(e, report, "telemetry.records"),
                     e2e_number(e, report, "telemetry.silver") +
                         e2e_number(e, report, "telemetry.quarantined") +
                         e2e_number(e, report, "telemetry.duplicates"));
    return report;
}

/* The next run sees that the file is another one, and reads `records` beside the lake's own. */
static void assert_next_run_has(struct e2e *e, uint64_t records, uint64_t quarantined)
{
    const char *report = e2e_works(e, "--json", "run", "--max-rejects", "100%", NULL);
    assert_int_equal(e2e_number(e, report, "telemetry.taken_before"), 0);
    assert_int_equal(e2e_number(e, report, "telemetry.records"), 2 * E2E_VEHICLES + records);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), quarantined);
    e2e_works(e, "verify", "--strict", NULL);
}

static void test_a_file_that_grows_while_it_is_read_is_read_to_its_end(void **state)
{
    struct e2e *e = *state;
    const char *report = run_while(e, "grow");
    assert_int_equal(e2e_number(e, report, "telemetry.silver"), 2 * E2E_VEHICLES + LINES + MORE);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 0);
    assert_next_run_has(e, LINES + MORE, 0);
}

static void test_a_file_that_shrinks_while_it_is_read_ends_in_quarantine(void **state)
{
    struct e2e *e = *state;
    const char *report = run_while(e, "shrink");
    uint64_t records = e2e_number(e, report, "telemetry.records") - 2 * E2E_VEHICLES;
    assert_in_range(records, LINES / 2, LINES - 1);
    assert_int_equal(e2e_quarantined(e, NDJSON, "broken_json"), 1);
    assert_next_run_has(e, records, 1);
}

static void test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was_opened(void **state)
{
    struct e2e *e = *state;
    const char *report = run_while(e, "replace");
    assert_int_equal(e2e_number(e, report, "telemetry.silver"), 2 * E2E_VEHICLES + LINES);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 0);
    const char *said = e2e_works(e, "verify", NULL); /* a note: the results stand */
    assert_non_null(strstr(said, NDJSON));
    assert_next_run_has(e, MORE, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, e2e_setup, e2e_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_disk_that_fills_in_the_middle_leaves_everything_as_it_was),
        TEST(test_a_disk_that_fills_while_the_engine_spills_leaves_everything_as_it_was),
        TEST(test_a_file_that_grows_while_it_is_read_is_read_to_its_end),
        TEST(test_a_file_that_shrinks_while_it_is_read_ends_in_quarantine),
        TEST(test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was_opened),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
