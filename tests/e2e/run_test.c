/* The main job end to end: counts that come out, the same bytes whatever the threads, the form of
 * the input or the way there, lineage that is true, and good results that survive refusals, crashes
 * and company. */
#include "tests.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/rng.h"
#include "e2e/e2e.h"
#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RUN_JSON "runs/run_date=" E2E_DATE "/run.json"
#define INPUTS "runs/run_date=" E2E_DATE "/inputs.parquet"
#define PARTS "silver/piece_lifetime_parquet/run_date=" E2E_DATE "/data.parquet"

extern char **environ;

static const char MAINTENANCE[] = "csv/maintenance.csv";

/* The names in bronze's json folder. */
static char **message_names(struct e2e *e, size_t *count)
{
    char **names;
    struct error err;
    assert_int_equal(fs_list(e2e_path(e, E2E_BRONZE "/json"), &e->arena, &names, count, &err), 0);
    return names;
}

static char *message_text(struct e2e *e, const char *name)
{
    return e2e_text(e, arena_printf(&e->arena, E2E_BRONZE "/json/%s", name));
}

/* ---- counts ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What another JSON reader finds in the files. */
struct found {
    size_t files, records, broken, without_vin, twice;
};

static struct found look_at_messages(struct e2e *e)
{
    struct found found = {0};
    char **names = message_names(e, &found.files);
    char **texts = ARENA_NEW(&e->arena, char *, found.files);
    size_t good = 0;
    for (size_t i = 0; i < found.files; i++) {
        char *text = message_text(e, names[i]);
        json_error_t problem;
        json_t *message = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
        found.broken += !message;
        found.records++;
        if (!message) { /* a whole message with a rest behind it is two records, one of them good */
            json_t *first = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
            found.records += first != NULL;
            json_decref(first);
        }
        if (message) {
            found.without_vin += !json_is_string(json_object_get(message, "vin"));
            texts[good++] = text;
        }
        json_decref(message);
    }
    qsort(texts, good, sizeof *texts, compare_texts);
    for (size_t i = 1; i < good; i++) {
        found.twice += strcmp(texts[i - 1], texts[i]) == 0;
    }
    return found;
}

static void test_the_counts_of_a_faulty_fleet_are_those_of_its_files(void **state)
{
    struct e2e *e = *state;
    e2e_works(e, "generate", "--vehicles", "150", "--days", "3", "--faults", "0.2", NULL);
    const struct found found = look_at_messages(e);
    const char *report = e2e_works(e, "--json", "run", "--max-rejects", "100%", NULL);
    uint64_t silver = e2e_number(e, report, "telemetry.silver");
    uint64_t quarantined = e2e_number(e, report, "telemetry.quarantined");
    assert_in_range(found.files, 451, 600); /* some messages come twice */
    assert_int_equal(e2e_number(e, report, "telemetry.records"), found.records);
    assert_int_equal(e2e_number(e, report, "telemetry.files"), found.files);
    assert_int_equal(silver + quarantined + found.twice, found.records);
    assert_int_equal(e2e_number(e, report, "telemetry.duplicates"), found.twice);
    assert_true(found.broken > 0 && found.without_vin > 0 && found.twice > 0);
    assert_int_equal(e2e_count(e, E2E_RECORDS,
                               "regexp_matches(reasons, '(^|[|])(broken_json|bad_utf8)($|[|])')"),
                     found.broken);
    assert_int_equal(e2e_quarantined(e, ".json", "missing:vin"), found.without_vin);
    assert_int_equal(e2e_count(e, E2E_RECORDS, "true"), quarantined);
    assert_int_equal(e2e_count(e, "silver/telemetry/telemetry_clean.csv", "true"), silver);
    const char *record = e2e_text(e, RUN_JSON);
    assert_int_equal(e2e_number(e, record, "silver.telemetry.records"), found.records);
    assert_int_equal(e2e_number(e, record, "silver.telemetry.rows"), silver);
    assert_int_equal(e2e_number(e, record, "silver.telemetry.quarantined"), quarantined);
    assert_int_equal(e2e_number(e, record, "silver.telemetry.duplicates"), found.twice);
}

static void test_too_many_rejects_leave_gold_and_publish_the_quarantine(void **state)
{
    struct e2e *e = *state;
    for (int i = 0; i < 6; i++) {
        e2e_bronze(e, arena_printf(&e->arena, "json/bad_%d.json", i), "{'vin': 1}");
    }
    e2e_fails(e, 1, "6 messages of 46 in quarantine, more than the limit of 5 %", "run", NULL);
    assert_int_equal(e2e_count(e, E2E_RECORDS, "reasons = 'broken_json'"), 6);
    const char *record = e2e_text(e, RUN_JSON);
    assert_int_equal(e2e_number(e, record, "refused.quarantined"), 6);
    assert_int_equal(e2e_number(e, record, "refused.records"), 46);
    assert_int_equal(e2e_number(e, record, "gold.rows"), E2E_VEHICLES);
    e2e_fails(e, 1, "plus que la limite de 5 %", "--lang", "fr", "run", NULL);
    e2e_fails(e, 1, "--max-rejects", "silver", NULL);
    e2e_works(e, "run", "--max-rejects", "14%", NULL); /* 6/46 = 13.04 % */
    assert_false(e2e_has_member(e2e_text(e, RUN_JSON), "refused"));
    for (int i = 0; i < 6; i++) {
        e2e_remove(e, arena_printf(&e->arena, E2E_BRONZE "/json/bad_%d.json", i));
    }
    e2e_works(e, "run", NULL);
    assert_int_equal(e2e_count(e, E2E_RECORDS, "true"), 0);
    assert_false(e2e_has_member(e2e_text(e, RUN_JSON), "refused"));
    e2e_assert_untouched(e);
}

/* ---- the same bytes ---- */

static const char *everything(struct e2e *e)
{
    return e2e_hashes(e, "silver", "gold", "quality", "quarantine", "models", INPUTS, NULL);
}

static void test_bytes_do_not_depend_on_threads_or_repetition(void **state)
{
    struct e2e *e = *state;
    static const char *const threads[] = {"1", "2", "4", "2"};
    const char *first = NULL;
    e2e_works(e, "generate", "--vehicles", "60", "--days", "20", "--messages-per-day", "2",
              "--faults", "10%", "--format", "ndjson", NULL);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        e2e_works(e, "--threads", threads[i], "train", "--trees", "20", NULL);
        e2e_works(e, "--threads", threads[i], "run", "--max-rejects", "100%", NULL);
        const char *now = everything(e);
        first = first ? first : now;
        assert_string_equal(now, first);
    }
}

static void test_silver_then_gold_give_the_bytes_of_run(void **state)
{
    struct e2e *e = *state;
    const char *whole = everything(e);
    static const char *const levels[] = {"silver", "gold", "quality", "quarantine", "runs"};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        e2e_remove(e, levels[i]);
    }
    e2e_works(e, "silver", NULL);
    assert_false(fs_exists(e2e_path(e, "gold")));
    e2e_works(e, "gold", NULL);
    assert_string_equal(everything(e), whole);
    e2e_works(e, "gold", NULL);
    assert_string_equal(everything(e), whole);
}

static void test_days_that_are_gone_leave_silver(void **state)
{
    struct e2e *e = *state;
    size_t count;
    char **names = message_names(e, &count);
    const char *gone =
        e2e_path(e, "silver/telemetry_parquet/run_date=" E2E_DATE "/event_date=2026-11-22");
    assert_true(fs_exists(gone));
    for (size_t i = 0; i < count; i++) {
        if (strstr(message_text(e, names[i]), "\"2026-11-22T")) {
            e2e_remove(e, arena_printf(&e->arena, E2E_BRONZE "/json/%s", names[i]));
        }
    }
    e2e_works(e, "run", NULL);
    assert_false(fs_exists(gone));
    assert_int_equal(e2e_count(e, "silver/telemetry/telemetry_clean.csv", "true"), E2E_VEHICLES);
    const char *after = everything(e);
    e2e_works(e, "gold", NULL);
    assert_string_equal(everything(e), after);
}

/* All messages as one text: one a line, or one array. */
static const char *joined_messages(struct e2e *e, const char *head, const char *between,
                                   const char *tail)
{
    size_t count;
    char **names = message_names(e, &count);
    char *all = arena_strdup(&e->arena, head);
    for (size_t i = 0; i < count; i++) {
        all =
            arena_printf(&e->arena, "%s%s%s", all, i > 0 ? between : "", message_text(e, names[i]));
    }
    return arena_printf(&e->arena, "%s%s", all, tail);
}

/* Runs with nothing but this file (under json/, or where `folder` says) as telemetry. */
static void assert_same_results_from(struct e2e *e, const char *folder, const char *name,
                                     const void *bytes, size_t size)
{
    e2e_remove(e, E2E_BRONZE "/json");
    e2e_remove(e, E2E_BRONZE "/parquet");
    write_file(&e->arena, e2e_path(e, E2E_BRONZE), arena_printf(&e->arena, "%s/%s", folder, name),
               bytes, size);
    struct program_result result = e2e_run(e, "run", NULL);
    if (result.status != 0 || strcmp(e2e_outcomes(e), e->outcomes) != 0) {
        fail_msg("%s: exit status %d, other results: %s", name, result.status, result.err);
    }
}

static void test_every_form_of_telemetry_gives_the_same_results(void **state)
{
    struct e2e *e = *state;
    const char *lines = joined_messages(e, "", "\n", "\n");
    const char *array = joined_messages(e, "[", ",", "]");
    const char *windows = joined_messages(e, "\xef\xbb\xbf", "\r\n", "\r\n\r\n");
    size_t size = strlen(lines);
    assert_same_results_from(e, "json", "all.ndjson", lines, size);
    assert_same_results_from(e, "json", "all.jsonl", windows, strlen(windows));
    assert_same_results_from(e, "json", "all.json", array, strlen(array));
    assert_same_results_from(e, "json", "several.json", lines, size);

    const char *path = e2e_path(e, "packed");
    gzFile gz = gzopen(path, "wb");
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, lines, (unsigned)size), (int)size);
    assert_int_equal(gzclose(gz), Z_OK);
    struct bytes packed;
    struct error err;
    assert_int_equal(fs_read(path, 1 << 20, &e->arena, &packed, &err), 0);
    assert_same_results_from(e, "json", "all.ndjson.gz", packed.data, packed.size);

    size_t room = ZSTD_compressBound(size);
    char *zstd = arena_alloc(&e->arena, room, 1);
    size_t used = ZSTD_compress(zstd, room, lines, size, 3);
    assert_false(ZSTD_isError(used));
    assert_same_results_from(e, "json", "all.ndjson.zst", zstd, used);
}

static void test_telemetry_as_parquet_gives_the_same_results(void **state)
{
    struct e2e *e = *state;
    static const char *const days[] = {"2026-11-22", E2E_DATE};
    e2e_remove(e, E2E_BRONZE "/json");
    for (size_t i = 0; i < 2; i++) { /* silver's own files have the fields of a message, and more */
        struct bytes file;
        struct error err;
        const char *path = arena_printf(&e->arena,
                                        "%s/silver/telemetry_parquet/run_date=" E2E_DATE
                                        "/event_date=%s/data.parquet",
                                        e->data, days[i]);
        assert_int_equal(fs_read(path, 1 << 20, &e->arena, &file, &err), 0);
        write_file(&e->arena, e2e_path(e, E2E_BRONZE),
                   arena_printf(&e->arena, "parquet/%s.parquet", days[i]), file.data, file.size);
    }
    e2e_bronze(e, "parquet/_SUCCESS", "");
    e2e_works(e, "run", NULL);
    e2e_assert_untouched(e);
    assert_int_equal(e2e_count(e, INPUTS, "path LIKE '%parquet' AND records = 20"), 2);
}

static void test_undated_bronze_is_read_when_there_is_none_for_the_date(void **state)
{
    struct e2e *e = *state;
    static const char *const parts[] = {"json", "csv", "sql"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rename(e2e_path(e, arena_printf(&e->arena, E2E_BRONZE "/%s", parts[i])),
                                e2e_path(e, arena_printf(&e->arena, "bronze/%s", parts[i]))),
                         0);
    }
    e2e_remove(e, E2E_BRONZE);
    e2e_works(e, "run", NULL);
    e2e_assert_untouched(e);
    e2e_works(e, "train", "--trees", "7", NULL);
    e2e_assert_untouched(e);
    assert_int_equal(e2e_count(e, INPUTS, "starts_with(path, 'bronze/json/')"), 2 * E2E_VEHICLES);
}

static void test_a_folder_with_a_difficult_name_works_like_any_other(void **state)
{
    struct e2e *e = *state;
    const char *other = arena_printf(&e->arena, "%s/it's a [l]*ke? 100%% \"été\"", e->folder);
    assert_int_equal(rename(e->data, other), 0);
    e->data = other;
    e2e_works(e, "run", NULL);
    e2e_works(e, "gold", NULL);
    e2e_works(e, "train", "--trees", "7", NULL);
    e2e_works(e, "top", NULL);
    e2e_works(e, "quality", NULL);
    e2e_assert_untouched(e);
}

static void test_a_map_brings_in_foreign_words(void **state)
{
    struct e2e *e = *state;
    static const char map[] =
        "{\"format\": \"csv\", \"delimiter\": \";\", \"decimal\": \",\", \"fields\": {"
        "\"vin\": \"Fahrzeug\", \"timestamp\": {\"column\": \"Zeit\", \"format\": "
        "\"%d.%m.%Y %H:%M\"}, \"temp_moteur\": {\"column\": \"Temp F\", \"unit\": \"°F\"}, "
        "\"km_actuel\": \"km\"}}";
    static const char csv[] = "Zeit;Fahrzeug;Temp F;km;Ort\n"
                              "23.11.2026 08:15;VIN-751000;194,0;1000;Ulm\n"
                              "23.11.2026 08:16;VIN-751000;203,0;1001;\"Ulm; Süd\"\n"
                              "gestern;VIN-751001;194,0;1000;Ulm\n";
    const char *path = write_file(&e->arena, e->folder, "map.json", map, sizeof map - 1);
    e2e_bronze(e, "json/trips.csv", csv);
    const char *report = e2e_works(e, "--json", "run", "--map", path, "--max-rejects", "50%", NULL);
    assert_int_equal(e2e_number(e, report, "telemetry.records"), 3);
    assert_int_equal(e2e_number(e, report, "telemetry.silver"), 2);
    assert_int_equal(e2e_number(e, report, "gold.incomplete"), 1);
    assert_int_equal(
        e2e_count(e, E2E_REPORTING, "abs(temp_moyenne - 92.5) < 1e-9 AND km_actuel = 1000.5"), 1);
    assert_int_equal(e2e_quarantined(e, "trips.csv", "unreadable:timestamp"), 1);
}

static void test_real_trips_of_another_logger_come_in(void **state)
{
    struct e2e *e = *state;
    const char *trips = shared_path(&e->arena, "data/carobd");
    const char *map = arena_printf(&e->arena, "%s/docs/maps/carobd.json", source_root());
    if (!trips || !fs_exists(map)) {
        skip();
        return;
    }
    e2e_remove(e, E2E_BRONZE "/json");
    struct program_result copied;
    const char *const copy[] = {"cp", "-r", trips, e2e_path(e, E2E_BRONZE "/json"), NULL};
    run_program(&e->arena, &copied, copy, NULL);
    assert_int_equal(copied.status, 0);
    e2e_bronze(e, MAINTENANCE,
               "vin,date_last_revis,type,km_derniere_revis\ndrive1,2026-03-01,Freins,100000\n");
    e2e_register(e, "INSERT INTO vehicules VALUES ('drive1', 'Daily', 2019)");
    const char *report = e2e_works(e, "--json", "run", "--map", map, NULL);
    assert_int_equal(e2e_number(e, report, "telemetry.records"), 11824);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 2);
    assert_int_equal(e2e_number(e, report, "telemetry.silver") +
                         e2e_number(e, report, "telemetry.duplicates"),
                     11822);
    assert_int_equal(e2e_number(e, report, "gold.rows"), 1);
    assert_int_equal(e2e_number(e, report, "gold.without_register"), 4);
}

/* ---- what the tables say ---- */

static void test_the_latest_of_several_services_wins_and_all_are_history(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, MAINTENANCE,
               arena_printf(&e->arena,
                            "%sVIN-751000,2026-11-20,Freins,100\nVIN-751000,2026-11-20,Pneus,200\n"
                            "VIN-751000,2026-11-19,Moteur,900\nVIN-751000,,Batterie,950\n",
                            e2e_text(e, E2E_BRONZE "/csv/maintenance.csv")));
    const char *report = e2e_works(e, "--json", "run", NULL);
    assert_int_equal(e2e_number(e, report, "gold.rows"), E2E_VEHICLES);
    assert_int_equal(e2e_count(e, E2E_REPORTING,
                               "vin = 'VIN-751000' AND type = 'Pneus' AND km_derniere_revis = 200 "
                               "AND jours_revis = 3 AND km_depuis_revis = km_actuel - 200"),
                     1);
    assert_string_equal(
        e2e_ask(e, "gold/entretien_" E2E_DATE ".parquet",
                "SELECT string_agg(rang || ' ' || type, ', ' ORDER BY rang) FROM t WHERE vin = "
                "'VIN-751000' AND rang <= 3"),
        "1 Pneus, 2 Freins, 3 Moteur");
    assert_int_equal(e2e_count(e, "gold/entretien_" E2E_DATE ".parquet", "vin = 'VIN-751000'"), 5);
}

static void test_orphans_and_contradictions_are_counted(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, "json/unknown.json", e2e_message(e, "NOBODY"));
    e2e_register(e, "INSERT INTO vehicules VALUES ('VIN-751000', 'Other', 2024);"
                    "INSERT INTO vehicules SELECT * FROM vehicules WHERE vin = 'VIN-751001';"
                    "DELETE FROM vehicules WHERE vin = 'VIN-751002'");
    e2e_edit(e, MAINTENANCE, "VIN-751003,", "VIN-751099,");
    const char *report = e2e_works(e, "--json", "run", NULL);
    assert_int_equal(e2e_number(e, report, "register.conflicting"), 1);
    assert_int_equal(e2e_number(e, report, "gold.without_register"), 2);
    assert_int_equal(e2e_number(e, report, "gold.without_service"), 2);
    assert_int_equal(e2e_number(e, report, "gold.rows"), E2E_VEHICLES - 2);
    assert_int_equal(e2e_count(e, E2E_REPORTING, "vin = 'VIN-751001'"), 1);
    const char *people = e2e_works(e, "run", NULL);
    assert_non_null(strstr(people, "contradictory: 1"));
    assert_non_null(strstr(people, "without service record: 2"));
    const char *quality = e2e_works(e, "quality", NULL);
    assert_non_null(strstr(quality, "(they send but cannot be scored): 3"));
    assert_non_null(strstr(quality, "NOBODY: neither service record nor register row"));
    assert_non_null(strstr(quality, "VIN-751002: no register row"));
    assert_non_null(strstr(quality, "VIN-751003: no service record"));
}

static void test_a_measure_that_is_always_missing_is_flagged_and_scored(void **state)
{
    struct e2e *e = *state;
    size_t count;
    char **names = message_names(e, &count);
    for (size_t i = 0; i < count; i++) {
        char *text = message_text(e, names[i]);
        char *place = strstr(text, "\"pression_huile\"");
        if (strstr(text, "VIN-751004") && place) {
            memcpy(place, "\"pression_other\"", strlen("\"pression_other\""));
            e2e_bronze(e, arena_printf(&e->arena, "json/%s", names[i]), text);
        }
    }
    const char *report = e2e_works(e, "--json", "run", NULL);
    assert_int_equal(e2e_number(e, report, "gold.incomplete"), 1);
    assert_int_equal(e2e_number(e, report, "gold.rows"), E2E_VEHICLES);
    assert_int_equal(e2e_count(e, E2E_REPORTING,
                               "vin = 'VIN-751004' AND pression_huile IS NULL AND prob_panne "
                               "BETWEEN 0 AND 1 AND statut IS NOT NULL"),
                     1);
    assert_string_equal(
        e2e_ask(e, "quality/gold_quality_" E2E_DATE ".csv", "SELECT nulls_pression_huile FROM t"),
        "1");
}

static void test_lifetimes_from_the_history_are_those_of_the_file(void **state)
{
    struct e2e *e = *state;
    assert_int_equal(e2e_count(e, PARTS, "km_median > 0"), 5);
    e2e_remove(e, E2E_BRONZE "/csv/piece_lifetime.csv");
    e2e_works(e, "run", NULL);
    e2e_assert_untouched(e);
    assert_int_equal(e2e_count(e, INPUTS, "ends_with(path, 'data_historique_pannes.csv')"), 1);
    e2e_remove(e, E2E_BRONZE "/csv/data_historique_pannes.csv");
    e2e_works(e, "run", NULL);
    assert_int_equal(e2e_count(e, PARTS, "true"), 0);
    assert_int_equal(
        e2e_count(e, E2E_REPORTING, "type_panne_predit <> 0 AND km_avant_panne IS NOT NULL"), 0);
}

/* ---- lineage ---- */

/* Checks every file of an "outputs" list; gives how many there are. */
static size_t check_outputs(struct e2e *e, const json_t *section)
{
    const json_t *list = json_object_get(section, "outputs");
    assert_true(json_is_array(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *file = json_array_get(list, i);
        const char *path = json_string_value(json_object_get(file, "path"));
        char sha256[HASH_TEXT_SIZE];
        uint64_t bytes;
        struct error err;
        assert_non_null(path);
        assert_int_equal(hash_file(e2e_path(e, path), sha256, &bytes, &err), 0);
        assert_string_equal(sha256, json_string_value(json_object_get(file, "sha256")));
        assert_int_equal(bytes, json_integer_value(json_object_get(file, "bytes")));
    }
    return json_array_size(list);
}

static size_t check_record(struct e2e *e)
{
    json_error_t problem;
    json_t *record = json_loads(e2e_text(e, RUN_JSON), 0, &problem);
    assert_non_null(record);
    size_t files = check_outputs(e, json_object_get(record, "silver")) +
                   check_outputs(e, json_object_get(record, "gold")) +
                   check_outputs(e, json_object_get(record, "quarantine"));
    json_decref(record);
    return files;
}

static void test_the_record_of_a_run_is_true(void **state)
{
    struct e2e *e = *state;
    const char *record = e2e_text(e, RUN_JSON);
    size_t files = 0;
    const char *all = e2e_hashes(e, "silver", "gold", "quality", "quarantine", INPUTS, NULL);
    for (const char *p = all; (p = strchr(p, '\n')) != NULL; p++) {
        files++;
    }
    assert_int_equal(check_record(e), files); /* every file there is, and its hash */
    const char *model = e2e_hashes(e, "models/model_pannes.onnx", NULL);
    assert_non_null(strstr(model, e2e_member(e, record, "gold.model.sha256")));
    assert_string_equal(e2e_member(e, record, "run_date"), E2E_DATE);
    assert_string_equal(e2e_member(e, record, "gold.silver_sha256"),
                        e2e_member(e, record, "silver.sha256"));

    /* Every input with its hash: messages, services, register, lifetimes. */
    assert_int_equal(e2e_count(e, INPUTS, "true"), 2 * E2E_VEHICLES + 3);
    const char *list = e2e_ask(e, INPUTS,
                               "SELECT string_agg(path || ' ' || sha256 || chr(10), '' ORDER BY "
                               "path) FROM t");
    struct hash hash;
    char combined[HASH_TEXT_SIZE];
    hash_init(&hash);
    char *copy = arena_strdup(&e->arena, list);
    for (char *line = copy, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        char *blank = end - HASH_TEXT_SIZE; /* before the 64 digits */
        assert_int_equal(*blank, ' ');
        *blank = '\0';
        *end = '\0';
        assert_string_equal(e2e_hashes(e, line, NULL),
                            arena_printf(&e->arena, "%s %s\n", line, blank + 1));
        hash_update(&hash, line, strlen(line) + 1);
        hash_update(&hash, blank + 1, strlen(blank + 1));
        hash_update(&hash, "\n", 1);
    }
    hash_finish(&hash, combined);
    assert_string_equal(combined, e2e_member(e, record, "silver.inputs_sha256"));
}

static void test_a_model_of_any_name_stands_in_the_record(void **state)
{
    struct e2e *e = *state;
    const char *model = arena_printf(&e->arena, "%s/mod\xc3\xa8le \"1\".onnx", e->folder);
    const char *odd = arena_printf(&e->arena, "%s/m\xff.onnx", e->folder);
    assert_int_equal(rename(e2e_path(e, "models/model_pannes.onnx"), model), 0);
    e2e_works(e, "run", "--model", model, NULL);
    assert_string_equal(e2e_member(e, e2e_text(e, RUN_JSON), "gold.model.path"), model);
    assert_int_equal(rename(model, odd), 0);
    e2e_works(e, "run", "--model", odd, NULL);
    assert_non_null(
        strstr(e2e_member(e, e2e_text(e, RUN_JSON), "gold.model.path"), "/m\\xff.onnx"));
    check_record(e);
}

static void test_a_changed_input_changes_the_record(void **state)
{
    struct e2e *e = *state;
    const char *before = e2e_member(e, e2e_text(e, RUN_JSON), "silver.inputs_sha256");
    e2e_bronze(e, "json/more.json", e2e_message(e, "VIN-751000"));
    e2e_works(e, "run", NULL);
    assert_string_not_equal(before, e2e_member(e, e2e_text(e, RUN_JSON), "silver.inputs_sha256"));
    check_record(e);
}

/* ---- simulation ---- */

static void test_simulated_data_never_replace_real_ones(void **state)
{
    struct e2e *e = *state;
    e2e_works(e, "generate", "--vehicles", "3", NULL); /* simulated: may be replaced */
    e2e_remove(e, E2E_BRONZE "/_SIMULATED");
    const char *real = e2e_hashes(e, "bronze", NULL);
    e2e_fails(e, 1, "real data (no _SIMULATED)", "generate", NULL);
    e2e_fails(e, 1, "données réelles", "--lang", "fr", "run", "--simulate", NULL);
    e2e_works(e, "--run-date", "2026-11-25", "generate", "--vehicles", "3", NULL);
    e2e_remove(e, "bronze/run_date=2026-11-25");
    assert_string_equal(e2e_hashes(e, "bronze", NULL), real);

    static const char *const undated[] = {"bronze/json", "bronze/parquet"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mkdir(e2e_path(e, undated[i]), 0777), 0);
        e2e_fails(e, 1, undated[i], "--run-date", "2026-11-25", "generate", NULL);
        e2e_remove(e, undated[i]);
    }
    assert_string_equal(e2e_hashes(e, "bronze", NULL), real);
}

static void test_run_can_simulate_first(void **state)
{
    struct e2e *e = *state;
    const char *report =
        e2e_works(e, "--json", "run", "--simulate", "--vehicles", "33", "--seed", "5", NULL);
    assert_int_equal(e2e_number(e, report, "gold.rows"), 33);
    assert_true(fs_exists(e2e_path(e, E2E_BRONZE "/_SIMULATED")));
    const char *first = e2e_outcomes(e);
    e2e_works(e, "run", "--simulate", "--vehicles", "33", "--seed", "5", NULL);
    assert_string_equal(e2e_outcomes(e), first);
    check_record(e);
}

/* ---- crashes and company ---- */

static pid_t start(struct e2e *e, const char *command, const char *option, const char *value)
{
    const char *argv[] = {getenv("AUTOSTREAM_BIN"),
                          "--data",
                          e->data,
                          "--run-date",
                          E2E_DATE,
                          "--quiet",
                          command,
                          option,
                          value,
                          NULL};
    pid_t child = 0;
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawn(&child, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    return child;
}

static int finish(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) == -1) {
        assert_int_equal(errno, EINTR);
    }
    return status;
}

static void pause_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static void test_a_killed_run_leaves_the_last_good_state(void **state)
{
    struct e2e *e = *state;
    enum { ROUNDS = 14 };
    const char *old_all = everything(e);
    char *plain = message_text(e, "msg_1.json");
    struct rng rng;
    rng_init(&rng, (uint64_t)getpid(), 0);
    size_t killed = 0;
    /* What the changed bronze gives, and back. */
    e2e_bronze(e, "json/msg_1.json", e2e_message(e, "VIN-751001"));
    e2e_works(e, "run", NULL);
    const char *new_all = everything(e);
    assert_string_not_equal(new_all, old_all);
    for (int round = 0; round < ROUNDS; round++) {
        bool was_new = strcmp(everything(e), new_all) == 0;
        e2e_bronze(e, "json/msg_1.json", was_new ? plain : e2e_message(e, "VIN-751001"));
        pid_t child = start(e, "run", NULL, NULL);
        pause_ms((long)rng_below(&rng, 300));
        assert_int_equal(kill(child, SIGKILL), 0);
        int status = finish(child);
        killed += WIFSIGNALED(status);
        e2e_works(e, "top", NULL); /* finishes what was committed */
        const char *now = everything(e);
        assert_true(strcmp(now, old_all) == 0 || strcmp(now, new_all) == 0);
        check_record(e);
    }
    e2e_bronze(e, "json/msg_1.json", plain);
    e2e_works(e, "run", NULL);
    assert_string_equal(everything(e), old_all);
    assert_false(fs_exists(e2e_path(e, ".staging")));
    assert_true(killed > 0);
}

static void test_a_killed_generate_leaves_the_old_bronze_or_the_new(void **state)
{
    struct e2e *e = *state;
    const char *old = e2e_hashes(e, "bronze", NULL);
    e2e_works(e, "generate", "--vehicles", "400", "--seed", "9", NULL);
    const char *new = e2e_hashes(e, "bronze", NULL);
    for (int round = 0; round < 5; round++) {
        e2e_works(e, "generate", "--vehicles", "20", "--days", "2", NULL);
        assert_string_equal(e2e_hashes(e, "bronze", NULL), old);
        const char *argv[] = {getenv("AUTOSTREAM_BIN"),
                              "--data",
                              e->data,
                              "--run-date",
                              E2E_DATE,
                              "--quiet",
                              "generate",
                              "--vehicles",
                              "400",
                              "--seed",
                              "9",
                              NULL};
        pid_t child = 0;
        posix_spawn_file_actions_t quiet;
        assert_int_equal(posix_spawn_file_actions_init(&quiet), 0);
        assert_int_equal(
            posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0), 0);
        assert_int_equal(posix_spawn(&child, argv[0], &quiet, NULL, (char *const *)argv, environ),
                         0);
        assert_int_equal(posix_spawn_file_actions_destroy(&quiet), 0);
        pause_ms(10 * round);
        assert_int_equal(kill(child, SIGKILL), 0);
        (void)finish(child);
        const char *now = e2e_hashes(e, "bronze", NULL);
        assert_true(strcmp(now, old) == 0 || strcmp(now, new) == 0);
    }
    e2e_works(e, "generate", "--vehicles", "3", NULL); /* clears what the dead left */
    assert_false(fs_exists(e2e_path(e, ".staging")));
}

/* Starts a run and stops it while it holds the lake's lock; false when it was too quick. */
static bool stop_at_work(struct e2e *e, pid_t *child)
{
    const char *lock = e2e_path(e, ".lock");
    *child = start(e, "run", NULL, NULL);
    int fd = open(lock, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    bool held = false;
    for (int i = 0; i < 2000 && !held && waitpid(*child, NULL, WNOHANG) == 0; i++) {
        held = flock(fd, LOCK_EX | LOCK_NB) != 0;
        if (!held) {
            assert_int_equal(flock(fd, LOCK_UN), 0);
            pause_ms(1);
        }
    }
    if (held) {
        pause_ms(20); /* it writes its name */
        assert_int_equal(kill(*child, SIGSTOP), 0);
        held = flock(fd, LOCK_EX | LOCK_NB) != 0;
    }
    assert_int_equal(close(fd), 0);
    return held;
}

static void test_a_second_run_is_told_who_is_at_work(void **state)
{
    struct e2e *e = *state;
    pid_t child = 0;
    bool stopped = false;
    e2e_works(e, "generate", "--vehicles", "300", "--days", "10", "--format", "ndjson", NULL);
    for (int attempt = 0; attempt < 5 && !stopped; attempt++) {
        stopped = stop_at_work(e, &child);
        if (!stopped) {
            (void)kill(child, SIGCONT);
            (void)waitpid(child, NULL, 0);
        }
    }
    assert_true(stopped);
    const char *who = arena_printf(&e->arena, "pid %ld", (long)child);
    static const char *const others[] = {"run", "generate", "silver", "gold"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct program_result result = e2e_run(e, others[i], NULL);
        assert_int_equal(result.status, 1);
        assert_non_null(strstr(result.err, who));
        assert_non_null(strstr(result.err, "another command is at work there"));
    }
    struct program_result result = e2e_run(e, "--lang", "fr", "run", NULL);
    assert_non_null(strstr(result.err, "une autre commande y travaille déjà"));
    e2e_works(e, "top", NULL); /* readers need not wait */
    e2e_assert_untouched(e);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(finish(child), 0);
    assert_int_equal(e2e_count(e, E2E_REPORTING, "true"), 300);
}

/* What silver and gold are made of a spoiled fleet whose telemetry comes in this format. */
static const char *results_of_format(struct e2e *e, const char *scenario, const char *format)
{
    e2e_works(e, "generate", "--vehicles", "150", "--days", "12", "--messages-per-day", "2",
              "--faults", "30%", "--scenario", scenario, "--format", format, NULL);
    const char *report = e2e_works(e, "--json", "run", "--full", "--max-rejects", "100%", NULL);
    assert_true(e2e_number(e, report, "telemetry.quarantined") > 300);
    assert_true(e2e_number(e, report, "telemetry.duplicates") > 50);
    e2e_works(e, "verify", "--strict", NULL);
    return arena_printf(&e->arena, "%s %s %s %s", e2e_member(e, report, "telemetry.records"),
                        e2e_member(e, report, "telemetry.quarantined"),
                        e2e_member(e, report, "telemetry.duplicates"),
                        e2e_hashes(e, "silver", "gold", NULL));
}

static void test_a_fleet_simulated_as_parquet_gives_the_silver_of_its_ndjson(void **state)
{
    struct e2e *e = *state;
    static const char *const scenarios[] = {"simple", "wear"};
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        const char *lines = results_of_format(e, scenarios[i], "ndjson");
        assert_string_equal(results_of_format(e, scenarios[i], "parquet"), lines);
        assert_false(fs_exists(e2e_path(e, E2E_BRONZE "/json")));
    }
}

/* More than one file, so that threads share them. */
static void test_simulated_parquet_has_the_same_bytes_for_any_number_of_threads(void **state)
{
    struct e2e *e = *state;
    const char *bytes[2];
    for (size_t i = 0; i < 2; i++) {
        e2e_works(e, "--threads", i ? "3" : "1", "generate", "--vehicles", "260", "--days", "10",
                  "--messages-per-day", "100", "--faults", "1%", "--format", "parquet", NULL);
        bytes[i] = e2e_hashes(e, E2E_BRONZE "/parquet", NULL);
    }
    assert_string_equal(bytes[0], bytes[1]);
    assert_non_null(strstr(bytes[0], "telemetry_1.parquet"));
    assert_in_range(e2e_count(e, E2E_BRONZE "/parquet/telemetry_1.parquet", "vin IS NOT NULL"),
                    9000, 11000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, e2e_setup, e2e_teardown)

/* ---- the truth of a simulated fleet ---- */

/* The cell of a CSV line without quotes before it; ends at ',' or the line's end. */
static const char *csv_cell(const char *line, size_t column)
{
    for (; column > 0; column--) {
        line = strchr(line, ',') + 1;
    }
    return line;
}

static size_t csv_column(const char *header, const char *name)
{
    size_t column = 0;
    for (const char *p = header;
         strncmp(p, name, strlen(name)) != 0 || (p[strlen(name)] != ',' && p[strlen(name)] != '\n');
         column++) {
        p = strchr(p, ',');
        assert_non_null(p);
        p++;
    }
    return column;
}

/* How often a vehicle that fails within a month is rated above one that does not (ROC-AUC); no
 * stage has read the truth. */
static void test_gold_foresees_what_the_simulation_hides(void **state)
{
    struct e2e *e = *state;
    enum { FLEET = 1000 };
    double failing[FLEET], others[FLEET];
    size_t failing_count = 0, other_count = 0;
    e2e_works(e, "generate", "--vehicles", "1000", "--days", "3", "--scenario", "wear", "--format",
              "ndjson", NULL);
    e2e_works(e, "train", NULL);
    e2e_works(e, "run", NULL);
    const char *truth = strchr(e2e_text(e, E2E_BRONZE "/_verite.csv"), '\n') + 1;
    const char *gold = e2e_text(e, "gold/reporting_final.csv");
    size_t sound = csv_column(gold, "p_0");
    for (gold = strchr(gold, '\n') + 1; *gold != '\0'; gold = strchr(gold, '\n') + 1) {
        int32_t date = INT32_MAX;
        int32_t today = 0;
        const char *cell = csv_cell(truth, 2);
        assert_memory_equal(gold, truth, strlen("VIN-751000,"));
        assert_true(date_parse(E2E_DATE, strlen(E2E_DATE), &today));
        assert_true(*cell == ',' || date_parse(cell, strlen(E2E_DATE), &date));
        double risk = 1 - strtod(csv_cell(gold, sound), NULL);
        if (date - today < 30) {
            failing[failing_count++] = risk;
        } else {
            others[other_count++] = risk;
        }
        truth = strchr(truth, '\n') + 1;
    }
    assert_int_equal(failing_count + other_count, FLEET);
    assert_true(failing_count > 20);
    double above = 0;
    for (size_t f = 0; f < failing_count; f++) {
        for (size_t o = 0; o < other_count; o++) {
            above += failing[f] > others[o] ? 1 : failing[f] == others[o] ? 0.5 : 0;
        }
    }
    double auc = above / ((double)failing_count * (double)other_count);
    if (auc < 0.93) {
        fail_msg("ROC-AUC against the truth is %.3f", auc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_counts_of_a_faulty_fleet_are_those_of_its_files),
        TEST(test_too_many_rejects_leave_gold_and_publish_the_quarantine),
        TEST(test_bytes_do_not_depend_on_threads_or_repetition),
        TEST(test_silver_then_gold_give_the_bytes_of_run),
        TEST(test_days_that_are_gone_leave_silver),
        TEST(test_every_form_of_telemetry_gives_the_same_results),
        TEST(test_telemetry_as_parquet_gives_the_same_results),
        TEST(test_undated_bronze_is_read_when_there_is_none_for_the_date),
        TEST(test_a_folder_with_a_difficult_name_works_like_any_other),
        TEST(test_a_map_brings_in_foreign_words),
        TEST(test_real_trips_of_another_logger_come_in),
        TEST(test_the_latest_of_several_services_wins_and_all_are_history),
        TEST(test_orphans_and_contradictions_are_counted),
        TEST(test_a_measure_that_is_always_missing_is_flagged_and_scored),
        TEST(test_lifetimes_from_the_history_are_those_of_the_file),
        TEST(test_the_record_of_a_run_is_true),
        TEST(test_a_model_of_any_name_stands_in_the_record),
        TEST(test_a_changed_input_changes_the_record),
        TEST(test_simulated_data_never_replace_real_ones),
        TEST(test_run_can_simulate_first),
        TEST(test_a_killed_run_leaves_the_last_good_state),
        TEST(test_a_killed_generate_leaves_the_old_bronze_or_the_new),
        TEST(test_a_second_run_is_told_who_is_at_work),
        TEST(test_gold_foresees_what_the_simulation_hides),
        TEST(test_a_fleet_simulated_as_parquet_gives_the_silver_of_its_ndjson),
        TEST(test_simulated_parquet_has_the_same_bytes_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
