/* Bad input in every place where input comes in: one clear sentence and the right exit status, or a
 * row in quarantine; nothing lost, nothing half done, the last good results untouched. */
#include "tests.h"

#include "base/fs.h"
#include "e2e/e2e.h"
#include "forest/forest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char MAINTENANCE[] = "csv/maintenance.csv";
static const char REGISTER[] = "sql/flotte.db";
static const char MESSAGE_1[] = "json/msg_1.json";

/* Runs with room for rejects and checks the sum that must come out. */
static const char *run_tolerant(struct e2e *e)
{
    const char *report = e2e_works(e, "--json", "run", "--max-rejects", "100%", NULL);
    assert_int_equal(e2e_number(e, report, "telemetry.records"),
                     e2e_number(e, report, "telemetry.silver") +
                         e2e_number(e, report, "telemetry.quarantined") +
                         e2e_number(e, report, "telemetry.duplicates"));
    return report;
}

/* ---- nothing there ---- */

static void test_an_empty_lake_says_how_to_fill_it(void **state)
{
    struct e2e *e = *state;
    e->data = arena_printf(&e->arena, "%s/empty", e->folder);
    e->outcomes = "";
    e2e_fails(e, 1, "autostream generate", "run", NULL);
    e2e_fails(e, 1, "simulez une flotte avec « autostream generate »", "--lang", "fr", "run", NULL);
    e2e_fails(e, 1, "no history of failures", "train", NULL);
    e2e_fails(e, 1, "no results in", "top", NULL);
    e2e_fails(e, 1, "nothing is published for " E2E_DATE, "quality", NULL);
    assert_false(fs_exists(e->data));
}

static void test_another_date_lists_the_dates_there_are(void **state)
{
    struct e2e *e = *state;
    e2e_fails(e, 1, "no raw data for 2026-11-24", "--run-date", "2026-11-24", "run", NULL);
    e2e_fails(e, 1, "dates there are: " E2E_DATE, "--run-date", "2026-11-24", "run", NULL);
    e2e_fails(e, 1, "dates présentes : " E2E_DATE, "--lang", "fr", "--run-date", "2026-11-24",
              "run", NULL);
    e2e_fails(e, 1, "the latest results are of " E2E_DATE, "--run-date", "2026-11-24", "top", NULL);
    e2e_fails(e, 1, "no silver for 2026-11-24", "--run-date", "2026-11-24", "gold", NULL);
}

static void test_an_empty_message_folder_is_named(void **state)
{
    struct e2e *e = *state;
    e2e_remove(e, E2E_BRONZE "/json");
    e2e_fails(e, 1, E2E_BRONZE "/json: no telemetry message", "run", NULL);
    assert_int_equal(mkdir(e2e_path(e, E2E_BRONZE "/json"), 0777), 0);
    e2e_fails(e, 1, E2E_BRONZE "/json: no telemetry message", "run", NULL);
    e2e_fails(e, 1, "aucun message de télémétrie", "--lang", "fr", "run", NULL);
    e2e_bronze(e, "json/_note.json", "{}");
    e2e_fails(e, 1, "no telemetry message", "run", NULL);
}

static void test_a_file_in_the_place_of_the_message_folder_is_named(void **state)
{
    struct e2e *e = *state;
    e2e_remove(e, E2E_BRONZE "/json");
    e2e_bronze(e, "json", "x");
    e2e_fails(e, 1, "it must be a folder", "run", NULL);
}

static void test_missing_tables_are_named_with_their_place(void **state)
{
    struct e2e *e = *state;
    static const char *const names[] = {E2E_BRONZE "/csv/maintenance.csv",
                                        E2E_BRONZE "/sql/flotte.db"};
    for (size_t i = 0; i < 2; i++) {
        const char *path = e2e_path(e, names[i]);
        const char *aside = arena_printf(&e->arena, "%s/aside", e->folder);
        assert_int_equal(rename(path, aside), 0);
        e2e_fails(e, 1, arena_printf(&e->arena, "%s: no such file", path), "run", NULL);
        e2e_fails(e, 1, "fichier absent ; il est nécessaire à côté de la télémétrie", "--lang",
                  "fr", "run", NULL);
        assert_int_equal(mkdir(path, 0777), 0);
        e2e_fails(e, 1, path, "run", NULL);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(rename(aside, path), 0);
    }
    e2e_works(e, "run", NULL);
    e2e_assert_untouched(e);
}

/* ---- messages ---- */

static void test_an_empty_file_is_quarantined(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, MESSAGE_1, "");
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 1);
    assert_int_equal(e2e_quarantined(e, MESSAGE_1, "broken_json"), 1);
}

static void test_a_folder_named_like_a_message_is_quarantined(void **state)
{
    struct e2e *e = *state;
    e2e_remove(e, E2E_BRONZE "/json/msg_1.json");
    e2e_bronze(e, "json/msg_1.json/inner", "x");
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 1);
    assert_int_equal(e2e_quarantined(e, MESSAGE_1, "unreadable_file"), 1);
}

static void test_a_pipe_and_a_dangling_link_are_quarantined(void **state)
{
    struct e2e *e = *state;
    assert_int_equal(mkfifo(e2e_path(e, E2E_BRONZE "/json/a.json"), 0666), 0);
    assert_int_equal(symlink("nowhere", e2e_path(e, E2E_BRONZE "/json/b.json")), 0);
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 2);
    assert_int_equal(e2e_quarantined(e, "json/a.json", "unreadable_file"), 1);
    assert_int_equal(e2e_quarantined(e, "json/b.json", "unreadable_file"), 1);
}

/* One gzip member that holds 1 MiB of 'a', written 1024 times: a line of 1 GiB. */
static void write_long_line(struct e2e *e, const char *relative, const char *end)
{
    enum { BLOCK = 1 << 20, BLOCKS = 1024 };
    gzFile gz = gzopen(e2e_path(e, "block.gz"), "wb1");
    char *block = arena_alloc(&e->arena, BLOCK, 1);
    memset(block, 'a', BLOCK);
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, block, BLOCK), BLOCK);
    assert_int_equal(gzclose(gz), Z_OK);
    struct bytes member;
    struct error err;
    assert_int_equal(fs_read(e2e_path(e, "block.gz"), BLOCK, &e->arena, &member, &err), 0);
    FILE *out = fopen(e2e_path(e, relative), "wbe");
    assert_non_null(out);
    for (int i = 0; i < BLOCKS; i++) {
        assert_int_equal(fwrite(member.data, 1, member.size, out), member.size);
    }
    assert_int_equal(fclose(out), 0);
    gz = gzopen(e2e_path(e, relative), "ab1");
    assert_non_null(gz);
    assert_int_equal(gzputs(gz, end), (int)strlen(end));
    assert_int_equal(gzclose(gz), Z_OK);
}

static void test_a_line_of_a_gigabyte_is_quarantined_in_little_memory(void **state)
{
    struct e2e *e = *state;
    const char *end = arena_printf(&e->arena, "\n%s\n", e2e_message(e, "VIN-751003"));
    write_long_line(e, E2E_BRONZE "/json/long.ndjson.gz", end);
    struct program_result result =
        e2e_run(e, "--json", "--threads", "2", "run", "--max-rejects", "100%", NULL);
    assert_int_equal(result.status, 0);
    assert_int_equal(e2e_number(e, result.out, "telemetry.quarantined"), 1);
    assert_int_equal(e2e_number(e, result.out, "telemetry.records"), 2 * E2E_VEHICLES + 2);
    assert_int_equal(e2e_quarantined(e, "long.ndjson.gz", "too_long"), 1);
    if (!e2e_sanitized()) {
        assert_true(result.peak_kib < 300 * 1024);
    }
}

static void test_a_gzip_file_that_is_cut_gives_its_whole_messages(void **state)
{
    struct e2e *e = *state;
    const char *path = e2e_path(e, E2E_BRONZE "/json/cut.ndjson.gz");
    gzFile gz = gzopen(path, "wb");
    assert_non_null(gz);
    uint64_t seed = 1;
    for (int i = 0; i < 2000; i++) { /* not too easy to compress */
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        const char *vin = arena_printf(&e->arena, "V%llu", (unsigned long long)seed);
        assert_true(gzprintf(gz, "%s\n", e2e_message(e, vin)) > 0);
    }
    assert_int_equal(gzclose(gz), Z_OK);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size / 2), 0);
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 1);
    assert_int_equal(e2e_quarantined(e, "cut.ndjson.gz", "broken_compression"), 1);
    uint64_t rows = e2e_number(e, report, "telemetry.silver");
    assert_in_range(rows, 2 * E2E_VEHICLES + 100, 2 * E2E_VEHICLES + 1999);
}

static void test_junk_named_gz_zst_and_parquet_is_quarantined(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, "json/a.json.gz", "this is no gzip");
    e2e_bronze(e, "json/b.json.zst", "this is no zstd");
    e2e_bronze(e, "parquet/c.parquet", "this is no parquet");
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 3);
    assert_int_equal(e2e_quarantined(e, "a.json.gz", "broken_compression"), 1);
    assert_int_equal(e2e_quarantined(e, "b.json.zst", "broken_compression"), 1);
    assert_int_equal(e2e_quarantined(e, "c.parquet", "unreadable_file"), 1);
}

static void test_numbers_that_are_none_and_dates_out_of_time_are_quarantined(void **state)
{
    struct e2e *e = *state;
    static const struct {
        const char *name, *from, *to, *reason;
    } cases[] = {
        {"json/nan.json", "92.5", "NaN", "broken_json"},
        {"json/inf.json", "92.5", "Infinity", "broken_json"},
        {"json/minus.json", "92.5", "-Infinity", "broken_json"},
        {"json/huge.json", "92.5", "1e999", "impossible:temp_moteur"},
        {"json/text.json", "92.5", "\"NaN\"", "not_a_number:temp_moteur"},
        {"json/old.json", E2E_DATE, "1900-01-01", "impossible:timestamp"},
        {"json/far.json", E2E_DATE, "9999-12-31", "impossible:timestamp"},
        {"json/no.json", E2E_DATE, "2026-02-30", "unreadable:timestamp"},
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    for (size_t i = 0; i < COUNT; i++) {
        e2e_bronze(e, cases[i].name, e2e_message(e, "VIN-751001"));
        e2e_edit(e, cases[i].name, cases[i].from, cases[i].to);
    }
    const char *before = e2e_hashes(e, "silver", "gold", NULL);
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        if (e2e_quarantined(e, cases[i].name, cases[i].reason) != 1) {
            fail_msg("%s is not quarantined for %s but for %s", cases[i].name, cases[i].reason,
                     e2e_ask(e, E2E_RECORDS,
                             arena_printf(&e->arena,
                                          "SELECT max(reasons) FROM t WHERE ends_with(source, "
                                          "'%s')",
                                          cases[i].name)));
        }
    }
    assert_string_equal(e2e_hashes(e, "silver", "gold", NULL), before);
}

/* ---- identifiers that would be something else elsewhere ---- */

static void test_a_vin_is_a_text_whatever_it_holds(void **state)
{
    struct e2e *e = *state;
    static const struct {
        const char *json, *csv, *sql;
    } vins[] = {
        {"'; DROP TABLE telemetry; --", "'; DROP TABLE telemetry; --",
         "'''; DROP TABLE telemetry; --'"},
        {"say \\\"hi\\\", you", "\"say \"\"hi\"\", you\"", "'say \"hi\", you'"},
        {"two\\nlines", "\"two\nlines\"", "'two' || chr(10) || 'lines'"},
        {"%s%n\\\\..\\/x", "%s%n\\../x", "'%s%n\\../x'"},
        {"Ünïcødé 車", "Ünïcødé 車", "'Ünïcødé 車'"},
    };
    enum { COUNT = sizeof vins / sizeof *vins };
    char *services = e2e_text(e, E2E_BRONZE "/csv/maintenance.csv");
    for (size_t i = 0; i < COUNT; i++) {
        e2e_bronze(e, arena_printf(&e->arena, "json/vin_%zu.json", i),
                   e2e_message(e, vins[i].json));
        services = arena_printf(&e->arena, "%s%s,2026-01-15,Freins,50000\n", services, vins[i].csv);
        const char *sql = i == 2 ? "'two' || char(10) || 'lines'" : vins[i].sql;
        e2e_register(
            e, arena_printf(&e->arena, "INSERT INTO vehicules VALUES (%s, 'Daily', 2020)", sql));
    }
    e2e_bronze(e, MAINTENANCE, services);
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 0);
    assert_int_equal(e2e_number(e, report, "gold.rows"), E2E_VEHICLES + COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const char *where = arena_printf(&e->arena, "vin = %s", vins[i].sql);
        assert_int_equal(e2e_count(e, E2E_REPORTING, where), 1);
        assert_int_equal(e2e_count(e, "gold/reporting_final.csv", where), 1);
        assert_int_equal(e2e_count(e, "silver/telemetry/telemetry_clean.csv", where), 1);
    }
    /* On a terminal a vin is one cell of one line. */
    const char *top = e2e_works(e, "top", "--limit", "0", NULL);
    assert_non_null(strstr(top, "DROP TABLE"));
    assert_null(strstr(top, "two\nlines"));
}

static void test_a_vin_of_ten_kilobytes_is_quarantined_everywhere(void **state)
{
    struct e2e *e = *state;
    char vin[10001];
    memset(vin, 'V', sizeof vin - 1);
    vin[sizeof vin - 1] = '\0';
    e2e_bronze(e, "json/long.json", e2e_message(e, vin));
    e2e_bronze(e, MAINTENANCE,
               arena_printf(&e->arena, "%s%s,2026-01-15,Freins,50000\n",
                            e2e_text(e, E2E_BRONZE "/csv/maintenance.csv"), vin));
    e2e_register(
        e, arena_printf(&e->arena, "INSERT INTO vehicules VALUES ('%s', 'Daily', 2020)", vin));
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "telemetry.quarantined"), 1);
    assert_int_equal(e2e_number(e, report, "services.quarantined"), 1);
    assert_int_equal(e2e_number(e, report, "register.quarantined"), 1);
    assert_int_equal(e2e_quarantined(e, "json/long.json", "too_long:vin"), 1);
    assert_int_equal(e2e_quarantined(e, MAINTENANCE, "too_long:vin"), 1);
    assert_int_equal(e2e_quarantined(e, REGISTER, "too_long:vin"), 1);
}

/* ---- service records ---- */

static void test_a_missing_column_of_the_service_records_is_named(void **state)
{
    struct e2e *e = *state;
    e2e_edit(e, MAINTENANCE, "km_derniere_revis", "km");
    const char *path = e2e_path(e, E2E_BRONZE "/csv/maintenance.csv");
    e2e_fails(e, 1, arena_printf(&e->arena, "%s: no column \"km_derniere_revis\"", path), "run",
              NULL);
    e2e_fails(e, 1, "pas de colonne « km_derniere_revis »", "--lang", "fr", "run", NULL);
    e2e_bronze(e, MAINTENANCE, "");
    e2e_fails(e, 1, "empty file; its first line must name the columns", "run", NULL);
}

static void test_service_records_may_have_a_bom_and_crlf(void **state)
{
    struct e2e *e = *state;
    const char *text = e2e_text(e, E2E_BRONZE "/csv/maintenance.csv");
    char *other = arena_alloc(&e->arena, 2 * strlen(text) + 4, 1);
    char *end = stpcpy(other, "\xef\xbb\xbf");
    for (const char *p = text; *p; p++) {
        if (*p == '\n') {
            *end++ = '\r';
        }
        *end++ = *p;
    }
    e2e_bronze(e, MAINTENANCE, other);
    e2e_works(e, "run", NULL);
    e2e_assert_untouched(e);
}

static void test_quoted_newlines_are_part_of_a_cell(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, MAINTENANCE,
               arena_printf(&e->arena, "%s\"VIN-751000\",2026-11-20,\"Fr\neins, \"\"x\"\"\",9\n",
                            e2e_text(e, E2E_BRONZE "/csv/maintenance.csv")));
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "services.read"), E2E_VEHICLES + 1);
    assert_string_equal(e2e_ask(e, E2E_REPORTING, "SELECT type FROM t WHERE vin = 'VIN-751000'"),
                        "Fr\neins, \"x\"");
}

static void test_bad_service_records_are_quarantined_and_the_others_stay(void **state)
{
    struct e2e *e = *state;
    static const char *const rows[][2] = {
        {"VIN-751000,1900-01-01,Freins,5", "impossible:date_last_revis"},
        {"VIN-751000,9999-12-31,Freins,5", "impossible:date_last_revis"},
        {"VIN-751000,hier,Freins,5", "unreadable:date_last_revis"},
        {"VIN-751000,2025-01-01,Freins,many", "not_a_number:km_derniere_revis"},
        {"VIN-751000,2025-01-01,Freins,-1", "impossible:km_derniere_revis"},
        {",2025-01-01,Freins,5", "missing:vin"},
        {"VIN-751000,2025-01-01", "row_shape"},
        {"\"VIN-751000,2025-01-01,Freins,5", "row_shape"},
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    char *text = e2e_text(e, E2E_BRONZE "/csv/maintenance.csv");
    for (size_t i = 0; i < COUNT; i++) {
        text = arena_printf(&e->arena, "%s%s\n", text, rows[i][0]);
    }
    e2e_bronze(e, MAINTENANCE, text);
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "services.read"), E2E_VEHICLES);
    assert_int_equal(e2e_number(e, report, "services.quarantined"), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(e2e_quarantined(e, MAINTENANCE, rows[i][1]) > 0);
    }
    e2e_assert_untouched(e);
}

static void test_a_fleet_without_any_match_does_not_replace_gold(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, MAINTENANCE, "vin,date_last_revis,type,km_derniere_revis\n");
    e2e_fails(e, 1, "20 without service record, 0 not in the register", "run", NULL);
    e2e_fails(e, 1, "20 sans entretien", "--lang", "fr", "run", NULL);
}

/* ---- the register ---- */

static void test_a_register_that_is_no_sqlite_file_is_named(void **state)
{
    struct e2e *e = *state;
    const char *path = e2e_path(e, E2E_BRONZE "/sql/flotte.db");
    e2e_bronze(e, REGISTER, "vin,modele,annee\nVIN-751000,Daily,2020\n");
    e2e_fails(e, 1, path, "run", NULL);
    e2e_fails(e, 1, "file is not a database", "run", NULL);
    e2e_fails(e, 1, "base SQLite", "--lang", "fr", "run", NULL);
    e2e_bronze(e, REGISTER, "");
    e2e_fails(e, 1, "no such table: vehicules", "run", NULL);
}

static void test_a_register_that_was_cut_is_named(void **state)
{
    struct e2e *e = *state;
    assert_int_equal(truncate(e2e_path(e, E2E_BRONZE "/sql/flotte.db"), 5000), 0);
    e2e_fails(e, 1, "damaged SQLite database", "run", NULL);
    e2e_fails(e, 1, "endommagée", "--lang", "fr", "run", NULL);
}

static void test_a_register_without_table_or_column_says_what_it_takes(void **state)
{
    struct e2e *e = *state;
    e2e_register(e, "ALTER TABLE vehicules RENAME COLUMN modele TO model");
    e2e_fails(e, 1, "the table vehicules (vin, modele, annee)", "run", NULL);
    e2e_register(e, "ALTER TABLE vehicules RENAME TO cars");
    e2e_fails(e, 1, "no such table: vehicules", "run", NULL);
    e2e_fails(e, 1, "la table vehicules (vin, modele, annee)", "--lang", "fr", "run", NULL);
}

static void test_bad_register_rows_are_quarantined(void **state)
{
    struct e2e *e = *state;
    e2e_register(e, "INSERT INTO vehicules VALUES (NULL, 'Daily', 2020), (x'00ff', 'Daily', 2020),"
                    "('VIN-1', 'Daily', 'new'), ('VIN-1', 'Daily', 1800), ('VIN-1', x'41', 2020)");
    const char *report = run_tolerant(e);
    assert_int_equal(e2e_number(e, report, "register.quarantined"), 5);
    assert_int_equal(e2e_number(e, report, "register.read"), E2E_VEHICLES);
    assert_int_equal(e2e_quarantined(e, REGISTER, "missing:vin"), 1);
    assert_int_equal(e2e_quarantined(e, REGISTER, "not_a_text:vin"), 1);
    assert_int_equal(e2e_quarantined(e, REGISTER, "not_a_number:annee"), 1);
    assert_int_equal(e2e_quarantined(e, REGISTER, "impossible:annee"), 1);
    assert_int_equal(e2e_quarantined(e, REGISTER, "not_a_text:modele"), 1);
    e2e_assert_untouched(e);
}

/* ---- models ---- */

static void test_without_a_model_training_is_proposed(void **state)
{
    struct e2e *e = *state;
    e2e_remove(e, "models");
    e->outcomes = e2e_outcomes(e);
    e2e_fails(e, 1, "no model; train first: autostream train", "run", NULL);
    e2e_fails(e, 1, "pas de modèle ; entraînez-en un d'abord : autostream train", "--lang", "fr",
              "gold", NULL);
    e2e_fails(e, 1, "nowhere.onnx: no model", "run", "--model", "nowhere.onnx", NULL);
    e2e_fails(e, 1, "models/model_pannes.onnx: no model", "score", "--table", "x.csv", NULL);
}

static void test_a_model_that_is_none_is_refused(void **state)
{
    struct e2e *e = *state;
    const char *path = e2e_path(e, "other.onnx");
    struct bytes good;
    struct error err;
    assert_int_equal(
        fs_read(e2e_path(e, "models/model_pannes.onnx"), 1 << 20, &e->arena, &good, &err), 0);
    const size_t sizes[] = {0, 1, 100, good.size / 2, good.size - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(fs_write(path, good.data, sizes[i], &err), 0);
        e2e_fails(e, 1, path, "run", "--model", path, NULL);
        e2e_fails(e, 1, path, "score", "--model", path, "--table", "x.csv", NULL);
    }
    e2e_fails(e, 1, "ONNX", "--lang", "fr", "run", "--model", path, NULL);
    for (size_t i = 0; i < 40; i++) { /* one byte changed: refused, or a model all the same */
        char *spoiled = arena_copy(&e->arena, good.data, good.size);
        spoiled[good.size * i / 40] ^= 0x55;
        assert_int_equal(fs_write(path, spoiled, good.size, &err), 0);
        struct program_result result =
            e2e_run(e, "score", "--model", path, "--table", "nowhere.csv", NULL);
        assert_int_equal(result.status, 1);
    }
    assert_int_equal(fs_write(path, "<html>502 Bad Gateway</html>", 28, &err), 0);
    e2e_fails(e, 1, "this is no ONNX model", "run", "--model", path, NULL);
    e2e_fails(e, 1, "Is a directory", "run", "--model", e->data, NULL);
}

/* Writes a forest over `features` inputs of these names and `classes` classes labelled by `labels`.
 */
static const char *write_model(struct e2e *e, size_t features, const char **names, int classes,
                               const char **labels)
{
    enum { ROWS = 60 };
    struct forest *forest = NULL;
    struct error err;
    struct bytes file;
    const struct forest_options options = {.trees = 3, .seed = 1, .threads = 1};
    float *x = arena_alloc(&e->arena, ROWS * features, sizeof *x);
    int y[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        y[r] = (int)r % classes;
        for (size_t f = 0; f < features; f++) {
            x[r * features + f] = (float)(r * (f + 3) % 17) + (float)y[r];
        }
    }
    const struct forest_data data = {
        .x = x, .y = y, .rows = ROWS, .features = features, .classes = classes};
    const struct forest_card card = {
        .feature_names = names, .class_labels = labels, .labels_are_numbers = false};
    if (forest_train(&data, &options, NULL, &forest, &err) != 0 ||
        forest_encode(forest, &card, &e->arena, &file, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    forest_free(forest);
    return write_file(&e->arena, e->data, "other.onnx", file.data, file.size);
}

static void test_a_model_of_something_else_is_refused(void **state)
{
    struct e2e *e = *state;
    const char *names[] = {"temp_moteur",      "pression_huile", "regime_moteur",
                           "voltage_batterie", "km_actuel",      "km_depuis_revis",
                           "temps_0_100",      "conso_essence",  "pression_injection"};
    const char *numbers[] = {"0", "1", "2", "3", "4", "5", "6"};
    const char *flowers[] = {"setosa", "virginica"};
    const char *path = write_model(e, 4, names, 2, numbers);
    e2e_fails(e, 1, "the model wants 4 measures, the fleet has 9", "run", "--model", path, NULL);
    e2e_fails(e, 1, "le modèle attend 4 mesures", "--lang", "fr", "gold", "--model", path, NULL);
    names[3] = "petal_length";
    write_model(e, 9, names, 2, numbers);
    e2e_fails(e, 1, "wants the measure \"petal_length\"", "run", "--model", path, NULL);
    names[3] = "voltage_batterie";
    write_model(e, 9, names, 2, flowers);
    e2e_fails(e, 1, "class \"setosa\" is no failure that is known", "run", "--model", path, NULL);
    write_model(e, 9, names, 7, numbers);
    e2e_fails(e, 1, "class \"6\" is no failure that is known", "run", "--model", path, NULL);
    names[3] = "km_actuel";
    write_model(e, 9, names, 2, numbers);
    e2e_fails(e, 1, "km_actuel", "run", "--model", path, NULL);
}

/* ---- the history of failures ---- */

static void test_a_history_that_cannot_teach_is_refused(void **state)
{
    struct e2e *e = *state;
    static const char head[] =
        "vin,temp_moteur,pression_huile,regime_moteur,voltage_batterie,km_actuel,km_depuis_revis,"
        "temps_0_100,conso_essence,pression_injection,type_panne\n";
    static const char ok[] = "V,90,4,2000,13,50000,9000,9,7,300,0\n";
    static const char failed[] = "V,90,4,2000,10,50000,9000,9,7,300,1\n";
    const struct {
        const char *text, *says;
    } cases[] = {
        {"", "empty file; its first line must name the columns"},
        {head, "0 readings, 0 of them followed by a failure"},
        {arena_printf(&e->arena, "%s%s%s", head, ok, ok), "2 readings, 0 of them"},
        {arena_printf(&e->arena, "%s%s%s", head, failed, failed), "2 readings, 2 of them"},
        {"vin,type_panne\nV,0\n", "no column \"temp_moteur\""},
        {"\"vin", "the first line, which names the columns, cannot be read"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path =
            write_file(&e->arena, e->data, "history.csv", cases[i].text, strlen(cases[i].text));
        e2e_fails(e, 1, cases[i].says, "train", "--history", path, NULL);
        e2e_fails(e, 1, path, "--lang", "fr", "train", "--history", path, NULL);
    }
    e2e_fails(e, 1, "nowhere.csv: no such file", "train", "--history", "nowhere.csv", NULL);
    e2e_fails(e, 1, "there is no file", "train", "--history", e->folder, NULL);
}

static void test_bad_rows_of_a_history_are_counted_and_passed_over(void **state)
{
    struct e2e *e = *state;
    e2e_bronze(e, "csv/data_historique_pannes.csv",
               arena_printf(&e->arena,
                            "%sV,hot,4,2000,13,50000,9000,9,7,300,0\n"
                            "V,90,4,2000,13,50000,9000,9,7,300,6\n"
                            "V,90,4,2000,13,50000,9000,9,7,300,\n"
                            "V,90,4,2000\n",
                            e2e_text(e, E2E_BRONZE "/csv/data_historique_pannes.csv")));
    const char *report = e2e_works(e, "--json", "train", "--trees", "7", NULL);
    assert_int_equal(e2e_number(e, report, "rows"), 240);
    assert_int_equal(e2e_number(e, report, "refused"), 4);
    e2e_assert_untouched(e); /* the same forest */
}

/* ---- permissions ---- */

static void test_a_message_without_read_permission_is_quarantined(void **state)
{
    struct e2e *e = *state;
    assert_int_equal(chmod(e2e_path(e, E2E_BRONZE "/json/msg_1.json"), 0), 0);
    if (geteuid() == 0) { /* nobody owns the lake, but not this file */
        const char *const own[] = {"chown", "-R", "65534:65534", e->data, NULL};
        struct program_result owned;
        run_program(&e->arena, &owned, own, NULL);
        assert_int_equal(owned.status, 0);
        assert_int_equal(chown(e2e_path(e, E2E_BRONZE "/json/msg_1.json"), 0, 0), 0);
    }
    struct program_result result =
        e2e_run_as_nobody(e, "--json", "run", "--max-rejects", "100%", NULL);
    assert_int_equal(result.status, 0);
    assert_int_equal(e2e_number(e, result.out, "telemetry.quarantined"), 1);
    assert_int_equal(e2e_quarantined(e, MESSAGE_1, "unreadable_file"), 1);
}

static void test_tables_without_read_permission_are_named(void **state)
{
    struct e2e *e = *state;
    static const char *const places[] = {E2E_BRONZE "/csv/maintenance.csv",
                                         E2E_BRONZE "/sql/flotte.db", E2E_BRONZE "/csv",
                                         E2E_BRONZE "/json"};
    if (geteuid() == 0) {
        const char *const own[] = {"chown", "-R", "65534:65534", e->data, NULL};
        struct program_result owned;
        run_program(&e->arena, &owned, own, NULL);
        assert_int_equal(owned.status, 0);
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *path = e2e_path(e, places[i]);
        struct stat info;
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(chmod(path, 0), 0);
        if (geteuid() == 0) {
            assert_int_equal(chown(path, 0, 0), 0);
        }
        e2e_fails_as_nobody(e, 1, path, "run", NULL);
        e2e_fails_as_nobody(e, 1, "Permission denied", "run", NULL);
        assert_int_equal(chmod(path, info.st_mode & 07777), 0);
    }
    const char *model = write_file(&e->arena, e->data, "closed.onnx", "x", 1);
    assert_int_equal(chmod(model, 0), 0);
    e2e_fails_as_nobody(e, 1, model, "run", "--model", model, NULL);
    e2e_fails_as_nobody(e, 1, "Permission denied", "run", "--model", model, NULL);
    const char *history = e2e_path(e, E2E_BRONZE "/csv/data_historique_pannes.csv");
    assert_int_equal(chmod(history, 0), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(history, 0, 0), 0);
    }
    e2e_fails_as_nobody(e, 1, "Permission denied", "train", NULL);
}

static void test_a_lake_that_is_read_only_is_named_and_can_be_read(void **state)
{
    struct e2e *e = *state;
    const char *const close_it[] = {"chmod", "-R", "a-w,a+rX", e->data, NULL};
    struct program_result result;
    run_program(&e->arena, &result, close_it, NULL);
    assert_int_equal(result.status, 0);
    e2e_fails_as_nobody(e, 1, "Permission denied", "run", NULL);
    e2e_fails_as_nobody(e, 1, "vérifiez les droits", "--lang", "fr", "run", NULL);
    e2e_fails_as_nobody(e, 1, "Permission denied", "train", NULL);
    e2e_fails_as_nobody(e, 1, "Permission denied", "generate", NULL);
    e2e_fails_as_nobody(e, 1, e->data, "silver", NULL);
    e2e_fails_as_nobody(e, 1, e->data, "gold", NULL);
    assert_int_equal(e2e_run_as_nobody(e, "top", NULL).status, 0);
    assert_int_equal(e2e_run_as_nobody(e, "quality", NULL).status, 0);
    e->outcomes = "";
    e->data = "/proc/autostream";
    e2e_fails_as_nobody(e, 1, "/proc/autostream", "generate", NULL);
}

/* What is prepared or does not fit into memory lies there; a dead command may have left it closed.
 */
static void test_a_scratch_folder_that_cannot_be_written_is_named(void **state)
{
    struct e2e *e = *state;
    struct error err;
    assert_int_equal(fs_make_folders(e2e_path(e, ".staging/1-1"), &err), 0);
    if (geteuid() == 0) {
        const char *const own[] = {"chown", "-R", "65534:65534", e->data, NULL};
        struct program_result owned;
        run_program(&e->arena, &owned, own, NULL);
        assert_int_equal(owned.status, 0);
    }
    assert_int_equal(chmod(e2e_path(e, ".staging"), 0555), 0);
    static const char *const commands[] = {"run", "silver", "generate"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct program_result result = e2e_run_as_nobody(e, commands[i], NULL);
        assert_int_equal(result.status, 1);
        assert_non_null(strstr(result.err, e2e_path(e, ".staging")));
        assert_non_null(strstr(result.err, "Permission denied"));
        assert_ptr_equal(strchr(result.err, '\n'), result.err + strlen(result.err) - 1);
        e2e_assert_untouched(e);
    }
    assert_int_equal(chmod(e2e_path(e, ".staging"), 0755), 0);
    assert_int_equal(e2e_run_as_nobody(e, "run", NULL).status, 0);
    e2e_assert_untouched(e);
}

/* ---- a full disk ---- */

/* Fills the file system of DATA until `left` bytes are free. */
static void fill_disk(struct e2e *e, off_t left)
{
    char block[4096] = {0};
    int fd = open(e2e_path(e, "filler"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    off_t size = 0;
    assert_true(fd >= 0);
    for (ssize_t put; (put = write(fd, block, sizeof block)) > 0;) {
        size += put;
    }
    assert_int_equal(ftruncate(fd, size > left ? size - left : 0), 0);
    assert_int_equal(close(fd), 0);
}

/* Takes the lake to a file system of its own; skips the test where none can be mounted. */
static void move_to_disk(struct e2e *e, const char *size)
{
    const char *disk = arena_printf(&e->arena, "%s/disk", e->folder);
    assert_int_equal(mkdir(disk, 0755), 0);
    if (mount("tmpfs", disk, "tmpfs", 0, size) != 0) {
        print_message("skipped: a small file system cannot be mounted here\n");
        skip();
    }
    e->mounted = disk;
    const char *const copy[] = {"cp", "-r", e->data, disk, NULL};
    struct program_result result;
    run_program(&e->arena, &result, copy, NULL);
    assert_int_equal(result.status, 0);
    e->data = arena_printf(&e->arena, "%s/data", disk);
}

static void test_a_disk_too_small_for_what_memory_does_not_hold_is_told(void **state)
{
    struct e2e *e = *state;
    move_to_disk(e, "size=100m");
    e2e_works(e, "generate", "--vehicles", "2000", "--days", "10", "--messages-per-day", "10",
              "--format", "ndjson", NULL);
    fill_disk(e, 3 << 20);
    e2e_fails(e, 1, "no space left on the disk", "--memory", "64MB", "run", NULL);
    e2e_fails(e, 1, "plus de place sur le disque", "--lang", "fr", "--memory", "64MB", "run", NULL);
}

static void test_a_full_disk_leaves_everything_as_it_was(void **state)
{
    struct e2e *e = *state;
    move_to_disk(e, "size=4m");
    static const off_t left[] = {0, 4096, 32768, 65536};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        fill_disk(e, left[i]);
        e2e_fails(e, 1, "space", "run", NULL);
        e2e_fails(e, 1, "place", "--lang", "fr", "run", NULL);
        e2e_fails(e, 1, "space", "--run-date", "2026-11-25", "generate", NULL);
        assert_false(fs_exists(e2e_path(e, "bronze/run_date=2026-11-25")));
    }
    fill_disk(e, 4096);
    e2e_fails(e, 1, "space", "train", NULL);
    e2e_fails(e, 1, "space", "train", "--model", e2e_path(e, "new.onnx"), NULL);
    assert_false(fs_exists(e2e_path(e, "new.onnx")));
    char **names;
    size_t count;
    struct error err;
    assert_int_equal(fs_list(e2e_path(e, "models"), &e->arena, &names, &count, &err), 0);
    assert_int_equal(count, 1);
    e2e_remove(e, "filler");
    e2e_works(e, "run", NULL);
    e2e_assert_untouched(e);
}

/* ---- the command line ---- */

static void test_wrong_usage_says_what_is_possible(void **state)
{
    struct e2e *e = *state;
    static const struct {
        const char *arguments[4], *says;
    } cases[] = {
        {{"generate", "--vehicles", "-1"}, "--vehicles -1: must be a whole number from 1"},
        {{"generate", "--vehicles", "1e3"}, "--vehicles 1e3: must be a whole number"},
        {{"generate", "--vehicles", "99999999999999999999"}, "must be a whole number"},
        {{"generate", "--vehicles", "0"}, "must be a whole number from 1"},
        {{"generate", "--seed", "x"}, "--seed x"},
        {{"generate", "--faults", "2"}, "must be a share between 0 and 1"},
        {{"generate", "--faults", "nan"}, "must be a share between 0 and 1"},
        {{"generate", "--format", "xml"}, "possible values are json|ndjson|parquet"},
        {{"generate", "--run-date", "1999-12-31"}, "2000-01-02 .. 9999-12-31"},
        {{"run", "--max-rejects", "-5%"}, "must be a share"},
        {{"run", "--run-date", "2026-02-30"}, "there is no such date"},
        {{"run", "--run-date", "23/11/2026"}, "write YYYY-MM-DD"},
        {{"run", "--threads", "-1"}, "--threads -1"},
        {{"run", "--memory", "12"}, "must be a size such as 512MB"},
        {{"run", "--engine", "oracle"}, "possible values are duckdb|spark"},
        {{"run", "--nope"}, "unknown option: --nope"},
        {{"run", "extra"}, "run does not expect \"extra\""},
        {{"train", "--trees", "0"}, "--trees 0"},
        {{"runn"}, "did you mean run?"},
        {{"frobnicate"}, "unknown command: frobnicate"},
        {{"top", "--lang", "de"}, "possible values are fr|en"},
        {{"score", "--table"}, "--table: the value is missing"},
        {{"score"}, "which table?"},
        {{"--lang", "fr", "generate", "--vehicles=-1"}, "il faut un nombre entier de 1"},
        {{"--lang", "fr", "run", "--nope"}, "option inconnue : --nope"},
        {{"--lang", "fr", "frobnicate"}, "commande inconnue : frobnicate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const *a = cases[i].arguments;
        e2e_fails(e, 2, cases[i].says, a[0], a[1], a[2], a[3], NULL);
    }
}

static void test_a_file_given_as_the_data_folder_is_wrong_usage(void **state)
{
    struct e2e *e = *state;
    static const char *const names[] = {"run", "generate", "train", "top", "quality", "gold"};
    e->outcomes = "";
    e->data = write_file(&e->arena, e->folder, "file", "x", 1);
    const char *says = arena_printf(&e->arena, "--data %s: this is no folder", e->data);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        e2e_fails(e, 2, says, names[i], NULL);
    }
    e2e_fails(e, 2, "ce n'est pas un dossier", "--lang", "fr", "run", NULL);
}

static void test_a_data_folder_that_no_engine_can_name_is_wrong_usage(void **state)
{
    struct e2e *e = *state;
    static const char *const names[] = {"two\nlines", "\xff\xfe", "red\x1b[31m", "\xc3"};
    const char *folder = e->folder;
    e->outcomes = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        e->data = arena_printf(&e->arena, "%s/%s", folder, names[i]);
        e2e_fails(e, 2, "this name holds invisible characters or is not UTF-8", "run", NULL);
        e2e_fails(e, 2, "renommez le dossier", "--lang", "fr", "generate", NULL);
        assert_false(fs_exists(e->data));
    }
}

static void test_too_little_memory_is_one_sentence(void **state)
{
    struct e2e *e = *state;
    e2e_fails(e, 1, "give more with --memory", "--memory", "1KB", "run", NULL);
}

/* ---- what was published is damaged ---- */

static void test_damaged_results_are_named_and_made_again(void **state)
{
    struct e2e *e = *state;
    struct error err;
    const char *good = e->outcomes;
    const char *reporting = e2e_path(e, E2E_REPORTING);
    const char *silver = e2e_path(e, "silver/telemetry_parquet/run_date=" E2E_DATE
                                     "/event_date=" E2E_DATE "/data.parquet");
    assert_int_equal(fs_write(reporting, "junk", 4, &err), 0);
    assert_int_equal(fs_write(silver, "junk", 4, &err), 0);
    assert_int_equal(fs_write(e2e_path(e, "runs/run_date=" E2E_DATE "/run.json"), "{", 1, &err), 0);
    e->outcomes = e2e_outcomes(e);
    e2e_fails(e, 1, reporting, "top", NULL);
    e2e_fails(e, 1, "produisez-le de nouveau : autostream run", "--lang", "fr", "top", NULL);
    e2e_fails(e, 1, "make this file again: autostream run", "gold", NULL);
    e2e_works(e, "run", NULL);
    assert_string_equal(e2e_outcomes(e), good);
    e2e_works(e, "top", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, e2e_setup, e2e_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_lake_says_how_to_fill_it),
        TEST(test_another_date_lists_the_dates_there_are),
        TEST(test_an_empty_message_folder_is_named),
        TEST(test_a_file_in_the_place_of_the_message_folder_is_named),
        TEST(test_missing_tables_are_named_with_their_place),
        TEST(test_an_empty_file_is_quarantined),
        TEST(test_a_folder_named_like_a_message_is_quarantined),
        TEST(test_a_pipe_and_a_dangling_link_are_quarantined),
        TEST(test_a_line_of_a_gigabyte_is_quarantined_in_little_memory),
        TEST(test_a_gzip_file_that_is_cut_gives_its_whole_messages),
        TEST(test_junk_named_gz_zst_and_parquet_is_quarantined),
        TEST(test_numbers_that_are_none_and_dates_out_of_time_are_quarantined),
        TEST(test_a_vin_is_a_text_whatever_it_holds),
        TEST(test_a_vin_of_ten_kilobytes_is_quarantined_everywhere),
        TEST(test_a_missing_column_of_the_service_records_is_named),
        TEST(test_service_records_may_have_a_bom_and_crlf),
        TEST(test_quoted_newlines_are_part_of_a_cell),
        TEST(test_bad_service_records_are_quarantined_and_the_others_stay),
        TEST(test_a_fleet_without_any_match_does_not_replace_gold),
        TEST(test_a_register_that_is_no_sqlite_file_is_named),
        TEST(test_a_register_that_was_cut_is_named),
        TEST(test_a_register_without_table_or_column_says_what_it_takes),
        TEST(test_bad_register_rows_are_quarantined),
        TEST(test_without_a_model_training_is_proposed),
        TEST(test_a_model_that_is_none_is_refused),
        TEST(test_a_model_of_something_else_is_refused),
        TEST(test_a_history_that_cannot_teach_is_refused),
        TEST(test_bad_rows_of_a_history_are_counted_and_passed_over),
        TEST(test_a_message_without_read_permission_is_quarantined),
        TEST(test_tables_without_read_permission_are_named),
        TEST(test_a_lake_that_is_read_only_is_named_and_can_be_read),
        TEST(test_a_scratch_folder_that_cannot_be_written_is_named),
        TEST(test_a_full_disk_leaves_everything_as_it_was),
        TEST(test_a_disk_too_small_for_what_memory_does_not_hold_is_told),
        TEST(test_wrong_usage_says_what_is_possible),
        TEST(test_a_file_given_as_the_data_folder_is_wrong_usage),
        TEST(test_a_data_folder_that_no_engine_can_name_is_wrong_usage),
        TEST(test_too_little_memory_is_one_sentence),
        TEST(test_damaged_results_are_named_and_made_again),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
