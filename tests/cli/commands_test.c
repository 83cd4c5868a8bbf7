/* The command line alone, on a double of the pipeline (pipeline_double.c): where output goes, exit
 * statuses, languages, widths, JSON. */
#include "tests.h"

#include "support/run.h"

#include "fleet/fleet.h"

#include <jansson.h>
#include <string.h>

static struct arena arena;

/* What a program printed, as one JSON object; the caller gives it back with json_decref(). */
static json_t *parse(const char *text)
{
    json_error_t problem;
    json_t *document = json_loads(text, 0, &problem);
    if (document == NULL) {
        fail_msg("%s in: %s", problem.text, text);
    }
    assert_true(json_is_object(document));
    return document;
}

static struct program_result run_in(const char *const env[], const char *a, const char *b)
{
    struct program_result result;
    const struct program_options options = {.env = env};
    run_autostream(&arena, &result, &options, a, b, NULL);
    return result;
}

/* ---- the command line ---- */

static void test_wrong_usage_ends_with_2_and_says_what_to_type(void **state)
{
    (void)state;
    assert_cli_fails(2, "which command", NULL);
    assert_cli_fails(2, "unknown command: rnu; did you mean run?", "rnu", NULL);
    assert_cli_fails(2, "unknown command: zebra; for the list: autostream --help", "zebra", NULL);
    assert_cli_fails(2, "did you mean --limit?", "top", "--limti", "3", NULL);
    assert_cli_fails(2, "--run-date 2026-13-01: there is no such date", "--run-date", "2026-13-01",
                     "run", NULL);
    assert_cli_fails(2, "top does not go through Spark", "--engine", "spark", "top", NULL);
    assert_cli_fails(2, "--vehicles belongs after the command: autostream generate --vehicles",
                     "--vehicles", "3", "generate", NULL);
    assert_cli_fails(2, "quality does not expect \"extra\"", "quality", "extra", NULL);
    assert_cli_fails(2, "--no-header is for standard input only", "score", "--table=t.csv",
                     "--no-header", NULL);
    assert_cli_fails(2, "catalog has no JSON form", "--json", "catalog", NULL);
}

static void test_global_options_may_stand_before_or_after_the_command(void **state)
{
    (void)state;
    const char *before = assert_cli_works(&arena, "--run-date", "2026-11-22", "top", NULL);
    const char *after = assert_cli_works(&arena, "top", "--run-date", "2026-11-22", NULL);
    assert_non_null(strstr(before, "Fleet on 2026-11-22"));
    assert_string_equal(before, after);
}

static void test_errors_go_to_stderr_and_stdout_stays_empty(void **state)
{
    (void)state;
    struct program_result result = run_in(NULL, "top", "--limit=x");
    assert_int_equal(result.status, 2);
    assert_string_equal(result.out, "");
    assert_non_null(strstr(result.err, "autostream: --limit x: must be a whole number"));
    assert_non_null(strstr(result.err, "Help: autostream top --help"));
}

static void test_the_environment_chooses_language_and_data(void **state)
{
    (void)state;
    const char *const french[] = {"LC_ALL=fr_FR.UTF-8", "AUTOSTREAM_DATA=lac", NULL};
    const char *const english[] = {"LC_ALL=fr_FR.UTF-8", "AUTOSTREAM_LANG=en", NULL};
    const char *const german[] = {"LC_ALL=", "LC_MESSAGES=", "LANG=de_DE.UTF-8", NULL};
    const char *const lang[] = {"LC_ALL=", "LANG=fr_CA", NULL};
    assert_non_null(strstr(run_in(french, "top", NULL).out, "Flotte au"));
    assert_non_null(strstr(run_in(english, "top", NULL).out, "Fleet on"));
    assert_non_null(strstr(run_in(german, "top", NULL).out, "Fleet on"));
    assert_non_null(strstr(run_in(lang, "top", NULL).out, "Flotte au"));
    assert_non_null(strstr(run_in(french, "top", "--lang=en").out, "Fleet on"));
    assert_non_null(strstr(run_in(english, "--lang=fr", "rien").err, "commande inconnue : rien"));
    assert_non_null(strstr(run_in(french, "score", "--table=t.csv").out, "lac/models/"));
}

static void test_every_command_has_help_with_an_example_in_both_languages(void **state)
{
    (void)state;
    static const char *const names[] = {"generate", "train",   "run",     "silver",  "gold",
                                        "score",    "top",     "explain", "quality", "verify",
                                        "model",    "catalog", "serve",   "demo"};
    const char *all = assert_cli_works(&arena, "--help", NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_non_null(strstr(all, arena_printf(&arena, "\n  %s ", names[i])));
        const char *english = assert_cli_works(&arena, names[i], "--help", NULL);
        const char *french = assert_cli_works(&arena, names[i], "--help", "--lang", "fr", NULL);
        assert_non_null(strstr(english, "\nExamples\n  autostream "));
        assert_non_null(strstr(french, "\nExemples\n  autostream "));
        assert_non_null(strstr(english, "--run-date DATE"));
        assert_string_equal(english, assert_cli_works(&arena, "help", names[i], NULL));
    }
}

/* Characters of the widest line; commands are to be copied and may be longer. */
static size_t widest_line(const char *text)
{
    size_t widest = 0;
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        const char *line = arena_copy(&arena, text, (size_t)(end - text));
        size_t width = 0;
        for (const char *p = line; *p != '\0'; p++) {
            width += ((unsigned char)*p & 0xc0) != 0x80;
        }
        if (strstr(line, "autostream ") == NULL) {
            widest = width > widest ? width : widest;
        }
    }
    return widest;
}

static void test_help_fits_a_narrow_terminal(void **state)
{
    (void)state;
    const char *const env[] = {"COLUMNS=40", NULL};
    assert_true(widest_line(run_in(env, "run", "--help").out) <= 40);
    assert_true(widest_line(run_in(env, "--help", NULL).out) <= 40);
}

static void test_version_is_one_line(void **state)
{
    (void)state;
    const char *version = assert_cli_works(&arena, "--version", NULL);
    assert_int_equal(strncmp(version, "autostream ", 11), 0);
    assert_int_equal(strcspn(version, "\n"), strlen(version) - 1);
}

static void test_output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    struct program_result result;
    const char *const argv[] = {"sh", "-c", "\"$AUTOSTREAM_BIN\" top > /dev/full", NULL};
    run_program(&arena, &result, argv, NULL);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.err, "cannot write to standard output"));
}

/* ---- reports ---- */

static void test_run_prints_the_sum_that_reconciles(void **state)
{
    (void)state;
    struct program_result result = run_in(NULL, "run", NULL);
    assert_int_equal(result.status, 0);
    assert_non_null(
        strstr(result.out, "records read 744 = 733 silver + 11 quarantined + 0 duplicates"));
    assert_non_null(strstr(result.out, "without service record: 1; not in the register: 1"));
    assert_non_null(strstr(result.err, "Next: autostream top"));
    assert_null(strstr(result.out, "Next"));
}

static void test_run_reports_also_when_it_refused_too_much(void **state)
{
    (void)state;
    const char *const env[] = {"AUTOSTREAM_DOUBLE=rejects", NULL};
    struct program_result result = run_in(env, "run", NULL);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.out, "records read 744 = 733 accepted + 11 quarantined\n"));
    assert_non_null(strstr(result.err, "too many rejects: 1.5%"));
    assert_null(strstr(result.err, "Next"));
}

static void test_quality_shows_the_latest_run_also_when_it_left_only_its_quarantine(void **state)
{
    (void)state;
    struct program_result result;
    char *folder = temp_folder(&arena);
    const char *const env[] = {"AUTOSTREAM_DOUBLE=rejects", NULL};
    const struct program_options options = {.env = env, .cwd = folder};
    (void)write_file(&arena, folder, "data/quarantine/run_date=2026-11-25/records.parquet", "", 0);
    (void)write_file(&arena, folder, "data/quarantine/run_date=later/records.parquet", "", 0);
    run_autostream(&arena, &result, &options, "quality", NULL);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "Quality of the data of 2026-11-25"));
    assert_non_null(strstr(result.out, "Gold (one vehicle a row): nothing published"));
    assert_non_null(strstr(result.out, "broken_json"));
    temp_folder_remove(folder);
}

static void test_quiet_keeps_the_report_and_drops_the_hints(void **state)
{
    (void)state;
    struct program_result result = run_in(NULL, "--quiet", "run");
    assert_non_null(strstr(result.out, "11 quarantined"));
    assert_string_equal(result.err, "");
}

static void test_hints_repeat_data_and_date_ready_for_the_shell(void **state)
{
    (void)state;
    struct program_result result;
    run_autostream(&arena, &result, NULL, "--data", "l'été dernier", "train", "--run-date",
                   "2026-11-23", NULL);
    assert_non_null(strstr(result.err, "Next: autostream --data 'l'\\''été dernier' --run-date "
                                       "2026-11-23 run\n"));
}

static void test_results_that_are_not_there_are_told_with_the_command_that_makes_them(void **state)
{
    (void)state;
    const char *const env[] = {"AUTOSTREAM_DOUBLE=empty", NULL};
    struct program_result result = run_in(env, "top", "--data=lake");
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.err, "no results in lake: first run autostream --data lake run"));
    result = run_in(env, "quality", NULL);
    assert_int_equal(result.status, 1);
    assert_cli_fails(1, "the latest results are of 2026-11-23", "--run-date", "2026-01-01", "top",
                     NULL);
}

static void test_top_shows_the_latest_results_with_sign_and_word(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "top", "--limit", "3", NULL);
    assert_non_null(strstr(text, "Fleet on 2026-11-23: 50 vehicles\n"
                                 "▲ CRITICAL 2, ◆ ALERT 1, ● WATCH 1, ✓ OK 46\n"));
    assert_non_null(strstr(text, "▲ CRITICAL"));
    assert_non_null(strstr(text, "12,250"));
    assert_non_null(strstr(text, "Check oil level and pressure, cooling circuit, head gasket (this "
                                 "week)"));
    assert_non_null(strstr(text, "47 more vehicles: autostream top --limit 0"));
    assert_null(strchr(text, '\033')); /* no colours in a file, nor what a VIN brings */
}

static void test_top_shows_numbers_the_french_way(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "--lang", "fr", "top", NULL);
    assert_non_null(strstr(text, "12\xe2\x80\xaf"
                                 "250"));
    assert_non_null(strstr(text, "98,5\xe2\x80\xaf%"));
    assert_non_null(strstr(text, "▲ CRITIQUE"));
}

static void test_top_cuts_a_long_vin_and_keeps_its_lines_whole(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "top", "--limit", "0", NULL);
    size_t lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 2 + 1 + 1 + 50); /* header, blank, titles, vehicles */
    assert_non_null(strstr(text, "VF1\\x1b[2JRFB00\\x0a1234… "));
}

static void test_top_fits_the_width_of_the_terminal(void **state)
{
    (void)state;
    static const int widths[] = {40, 60, 80, 100, 120, 160};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const char *const env[] = {arena_printf(&arena, "COLUMNS=%d", widths[i]), NULL};
        const char *text = run_in(env, "top", "--limit=4").out;
        assert_true(widest_line(text) <= (size_t)widths[i]);
        assert_non_null(strstr(text, "▲ CRITICAL"));
        assert_non_null(strstr(text, "VIN-751007"));
    }
}

static void test_train_shows_the_confusion_matrix_and_the_scores(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "train", NULL);
    assert_non_null(strstr(text, "\n5 Injector      0  0  0  0  0  3\n"));
    assert_non_null(strstr(text, "Predictions (columns) on 48 rows held out\n"));
    assert_non_null(strstr(text, "\nInjector     3      0.900   0.900  0.900  0.50–1.00\n"));
    assert_non_null(strstr(
        text, "\nMeasure               Model       at 95%  Always OK  By service interval\n"));
    assert_non_null(strstr(text, "0.912  0.862–0.962      0.136                0.136\n"));
    assert_non_null(strstr(text, "\nFailure or not (ROC)  0.990"));
    assert_non_null(strstr(text, "Macro-F1 0.912, accuracy 93.8% out of bag, on all rows\n"));
}

static void test_train_says_what_probabilities_and_visits_are_worth(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "train", NULL);
    assert_non_null(strstr(text, "Probabilities: calibration (temperature) brings their error from "
                                 "0.150 to 0.050 and the log-loss from 0.250 to 0.200; the model "
                                 "has it, --calibrated applies it.\n"));
    assert_non_null(strstr(text, "Costs: if a missed failure costs 10 and a needless visit 1, a "
                                 "visit pays from 25.0% probability of failure on. Per row: 0.200 "
                                 "this way, 0.600 by the predicted class, 3.000 without visits, "
                                 "0.700 when always visiting.\n"));
}

static void test_train_shows_what_matters_as_bars(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "train", NULL);
    assert_non_null(strstr(text, "km_depuis_revis  ████████████████████      +0.2000  25.0%\n"));
    assert_non_null(strstr(text, "temp_moteur      ██████████                +0.1000  12.5%\n"));
    assert_non_null(strstr(text, "-0.0010"));
}

static void test_train_fits_the_width_of_the_terminal(void **state)
{
    (void)state;
    const char *const env[] = {"COLUMNS=60", NULL};
    const char *text = run_in(env, "train", NULL).out;
    const char *const grids[] = {"\nFailure found", "\nMeasure", "\nWhat matters"};
    for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) {
        const char *grid = strstr(text, grids[i]);
        assert_non_null(grid);
        const char *end = strstr(grid, "\n\n");
        assert_true(widest_line(arena_copy(&arena, grid, (size_t)(end - grid + 1))) <= 60);
    }
}

static void test_train_on_a_table_has_no_word_of_the_fleet(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "train", "--table", "t.csv", "--label", "etat",
                                        "--model", "m.onnx", "--check", "oob", NULL);
    assert_non_null(strstr(text, "Learned from t.csv"));
    assert_non_null(strstr(text, "on 48 rows out of bag"));
    assert_non_null(strstr(text, "Class found"));
    assert_null(strstr(text, "By service interval"));
    assert_null(strstr(text, "Injector"));
}

static void test_train_options_that_contradict_are_wrong_usage(void **state)
{
    (void)state;
    assert_cli_fails(2, "--label belongs with --table FILE", "train", "--label", "x", NULL);
    assert_cli_fails(2, "--group belongs with --table FILE", "train", "--group", "x", NULL);
    assert_cli_fails(2, "which column holds the classes? Add --label", "train", "--table", "t.csv",
                     NULL);
    assert_cli_fails(2, "where shall the model go? Add --model", "train", "--table", "t.csv",
                     "--label", "x", NULL);
    assert_cli_fails(2, "--history or --table", "train", "--table", "t.csv", "--history", "h.csv",
                     NULL);
    assert_cli_fails(2, "--group or --date", "train", "--table", "t.csv", "--label", "x", "--model",
                     "m", "--group", "g", "--date", "d", NULL);
    assert_cli_fails(2, "leave --check out", "train", "--table", "t.csv", "--label", "x", "--model",
                     "m", "--date", "d", "--check", "folds", NULL);
}

static void test_quality_shows_reasons_with_an_example(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "quality", NULL);
    assert_non_null(strstr(text, "pression_injection      366  49.93%"));
    assert_non_null(strstr(text, "impossible:vitesse"));
    assert_non_null(strstr(text, "json/batch.ndjson:18230"));
}

static void test_verify_tells_faults_from_notes_and_fails_for_faults_alone(void **state)
{
    (void)state;
    static const char *const broken[] = {"AUTOSTREAM_DOUBLE=broken", NULL};
    struct program_result result = run_in(NULL, "verify", NULL);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "note: model.onnx: another model\n"));
    assert_non_null(strstr(result.out, "All is whole"));
    assert_non_null(strstr(result.out, "Runs verified: 2;"));
    result = run_in(NULL, "verify", "--strict");
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.out, "fault: model.onnx: another model\n"));
    result = run_in(broken, "--lang=fr", "verify");
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.out, "note : modele.onnx"));
    assert_non_null(strstr(result.out, "faute : gold/x.csv : autre empreinte"));
    assert_null(strstr(result.out, "Tout est entier"));
    assert_non_null(strstr(result.err, "fautes dans data : 1"));
    result = run_in(broken, "--json", "verify");
    assert_int_equal(result.status, 1);
    json_t *document = parse(result.out);
    assert_int_equal(json_integer_value(json_object_get(document, "faults")), 1);
    assert_non_null(json_object_get(document, "error"));
    assert_int_equal(json_array_size(json_object_get(document, "findings")), 2);
    json_decref(document);
}

static void test_score_prints_the_table_alone(void **state)
{
    (void)state;
    struct program_result result = run_in(NULL, "score", "--table=in.csv");
    assert_string_equal(result.out, "model,table\ndata/models/model_pannes.onnx,in.csv\n");
    assert_string_equal(result.err, "1 rows scored\n");
}

static void test_score_without_a_table_reads_standard_input(void **state)
{
    (void)state;
    assert_string_equal(run_in(NULL, "score", NULL).out,
                        "model,table\ndata/models/model_pannes.onnx,stdin\n");
    assert_string_equal(assert_cli_works(&arena, "score", "--table", "-", "--format", "tsv",
                                         "--no-header", "--model", "m", NULL),
                        "model,table\nm,stdin\ntsv, no header\n");
}

static void test_catalog_names_every_table_and_measure_and_does_not_change(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "catalog", NULL);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        assert_non_null(strstr(text, arena_printf(&arena, "### `%s`", fleet_tables[i].table.name)));
    }
    assert_non_null(strstr(text, "| `vitesse` | Speed | km/h | 0..300 | 0 km/h |"));
    assert_non_null(strstr(text, "| `CRITIQUE` | ▲ CRITICAL | failure predicted, probability from "
                                 "70% | today |"));
    assert_null(strstr(text, "(null)"));
    assert_string_equal(text,
                        assert_cli_works(&arena, "--run-date", "2020-01-01", "catalog", NULL));
}

static void test_demo_simulates_trains_runs_and_ranks(void **state)
{
    (void)state;
    struct program_result result;
    char *folder = temp_folder(&arena);
    const struct program_options options = {.cwd = folder};
    run_autostream(&arena, &result, &options, "--run-date", "2026-11-23", "demo", NULL);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "50 vehicles simulated in data/bronze/run_date=2026-11-23"));
    assert_non_null(strstr(result.out, "Learned from"));
    assert_non_null(strstr(result.out, "records read"));
    assert_non_null(strstr(result.out, "▲ CRITICAL"));
    assert_non_null(strstr(result.out, "AutoStream: http://127.0.0.1:8501/\n"));
    run_autostream(&arena, &result, &options, "--run-date", "2026-11-23", "demo", "--no-serve",
                   NULL);
    assert_int_equal(result.status, 0);
    assert_null(strstr(result.out, "http://"));
    temp_folder_remove(folder);
}

static void test_demo_takes_another_port_when_its_own_is_taken(void **state)
{
    (void)state;
    struct program_result result;
    char *folder = temp_folder(&arena);
    const char *const env[] = {"AUTOSTREAM_DOUBLE=taken", NULL};
    const struct program_options options = {.cwd = folder, .env = env};
    run_autostream(&arena, &result, &options, "--run-date", "2026-11-23", "demo", NULL);
    assert_int_equal(result.status, 0);
    run_autostream(&arena, &result, &options, "serve", NULL);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.err, "port taken"));
    temp_folder_remove(folder);
}

/* ---- serve ---- */

static void test_serve_prints_its_address_and_ends_by_a_signal(void **state)
{
    (void)state;
    assert_string_equal(assert_cli_works(&arena, "serve", NULL),
                        "AutoStream: http://127.0.0.1:8501/\n");
    assert_string_equal(assert_cli_works(&arena, "--quiet", "serve", "--port", "0", "--listen",
                                         "::1", "--host", "a.example", NULL),
                        "AutoStream: http://::1:0/a.example\n");
    const char *json = assert_cli_works(&arena, "--json", "serve", NULL);
    assert_non_null(strstr(json, "\"address\":\"http://127.0.0.1:8501/\""));
    assert_non_null(strstr(json, "\"pid\":"));
    assert_null(strstr(strchr(json, '\n') + 1, "{")); /* one document, when it starts */
}

static void test_serve_takes_its_token_from_a_file_or_the_environment(void **state)
{
    (void)state;
    char *folder = temp_folder(&arena);
    const char *path = write_file(&arena, folder, "token", "from-a-file\nnext line\n", 22);
    const char *empty = write_file(&arena, folder, "empty", "\n", 1);
    const char *const env[] = {"AUTOSTREAM_TOKEN=from-outside", NULL};
    assert_non_null(strstr(run_in(env, "serve", "--quiet").out, ":8501/from-outside\n"));
    assert_non_null(strstr(run_in(env, "serve", arena_printf(&arena, "--token-file=%s", path)).out,
                           ":8501/from-a-file\n"));
    assert_cli_fails(2, "the file is empty", "serve", "--token-file", empty, NULL);
    assert_cli_fails(1, "missing", "serve", "--token-file",
                     arena_printf(&arena, "%s/missing", folder), NULL);
    temp_folder_remove(folder);
}

static void test_demo_leaves_real_bronze_and_the_model_alone(void **state)
{
    (void)state;
    struct program_result result;
    char *folder = temp_folder(&arena);
    const struct program_options options = {.cwd = folder};
    (void)write_file(&arena, folder, "data/bronze/run_date=2026-11-23/json/msg_1.json", "{}", 2);
    (void)write_file(&arena, folder, "data/models/model_pannes.onnx", "", 0);
    run_autostream(&arena, &result, &options, "--run-date", "2026-11-23", "demo", NULL);
    assert_int_equal(result.status, 0);
    assert_null(strstr(result.out, "simulated"));
    assert_null(strstr(result.out, "Learned from"));
    assert_non_null(strstr(result.out, "records read"));
    temp_folder_remove(folder);
}

/* ---- JSON ---- */

static void test_json_is_one_document_and_nothing_else_for_every_report(void **state)
{
    (void)state;
    static const char *const names[] = {"train", "run",     "silver", "gold",
                                        "top",   "quality", "verify"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct program_result result = run_in(NULL, "--json", names[i]);
        assert_int_equal(result.status, 0);
        assert_string_equal(result.err, "");
        json_t *document = parse(result.out);
        assert_string_equal(json_string_value(json_object_get(document, "command")), names[i]);
        assert_null(json_object_get(document, "error"));
        json_decref(document);
    }
}

/* ---- model ---- */

static void test_the_model_card_tells_what_the_file_knows(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "--lang", "en", "model", NULL);
    static const char *const expected[] = {"random forest",
                                           "100 trees, 2,280 nodes, 69,768 bytes",
                                           "autostream 0.1.0",
                                           "2026-11-23",
                                           "0 OK (75.0%), 1 Batterie (25.0%)",
                                           "Oil pressure",
                                           "rows held out",
                                           "0.958",
                                           "by_date",
                                           "autostream.drift: [1,2]",
                                           "note: café \\x1b[2J",
                                           "What it is for",
                                           "Data drift"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (!strstr(text, expected[i])) {
            fail_msg("no \"%s\" in: %s", expected[i], text);
        }
    }
    assert_null(strstr(text, "the file does not say"));
}

static void test_the_card_of_a_foreign_model_says_what_is_unknown(void **state)
{
    (void)state;
    const char *text =
        assert_cli_works(&arena, "--lang", "fr", "model", "--model", "autre.onnx", NULL);
    assert_non_null(strstr(text, "arbres par boosting"));
    assert_non_null(strstr(text, "Appris le         le fichier ne le dit pas"));
    assert_non_null(strstr(text, "Le fichier ne nomme pas ses mesures"));
    assert_non_null(strstr(text, "ne dit pas pour quoi"));
}

static void test_the_card_of_no_model_is_a_failure(void **state)
{
    (void)state;
    const char *const env[] = {"AUTOSTREAM_DOUBLE=no-model", "AUTOSTREAM_LANG=en", NULL};
    struct program_result result = run_in(env, "model", NULL);
    assert_int_equal(result.status, 1);
    assert_string_equal(result.out, "");
    assert_non_null(strstr(result.err, "no model"));
}

static void test_json_of_the_model_card_holds_the_properties_as_values(void **state)
{
    (void)state;
    json_t *document = parse(run_in(NULL, "--json", "model").out);
    json_t *holdout = json_object_get(json_object_get(document, "evaluations"), "holdout");
    json_t *classes = json_object_get(document, "classes");
    json_t *input = json_array_get(json_object_get(document, "inputs"), 0);
    assert_int_equal(json_integer_value(json_object_get(document, "seed")), 42);
    assert_int_equal(json_integer_value(json_object_get(holdout, "rows")), 48);
    assert_true(json_number_value(json_object_get(json_array_get(classes, 1), "share")) == 0.25);
    assert_true(json_number_value(json_object_get(json_object_get(input, "usual"), "p95")) == 4.9);
    assert_true(json_is_array(
        json_object_get(json_object_get(document, "properties"), "autostream.drift")));
    json_decref(document);
}

static void test_json_of_top_keeps_the_data_as_they_are(void **state)
{
    (void)state;
    json_t *document = parse(run_in(NULL, "--json", "top").out);
    json_t *vehicles = json_object_get(document, "vehicles");
    assert_int_equal(json_array_size(vehicles), 20);
    assert_int_equal(json_integer_value(json_object_get(document, "total")), 50);
    json_t *second = json_array_get(vehicles, 1);
    assert_string_equal(json_string_value(json_object_get(second, "vin")),
                        "VF1\033[2JRFB00\n123456789012345678901234567890");
    assert_string_equal(json_string_value(json_object_get(second, "statut")), "CRITIQUE");
    assert_true(json_is_null(json_object_get(second, "modele")));
    assert_true(json_is_null(json_object_get(second, "km_avant_panne")));
    assert_true(json_real_value(json_object_get(second, "prob_panne")) == 0.7);
    json_decref(document);
}

static void test_json_errors_are_objects_and_sentences(void **state)
{
    (void)state;
    const char *const rejects[] = {"AUTOSTREAM_DOUBLE=rejects", NULL};
    struct program_result result = run_in(rejects, "--json", "run");
    json_t *document = parse(result.out);
    assert_int_equal(result.status, 1);
    assert_string_equal(json_string_value(json_object_get(document, "error")),
                        "too many rejects: 1.5%");
    json_t *telemetry = json_object_get(document, "telemetry");
    assert_int_equal(json_integer_value(json_object_get(telemetry, "quarantined")), 11);
    assert_non_null(strstr(result.err, "too many rejects"));
    json_decref(document);

    result = run_in(NULL, "--json", "--nothing");
    document = parse(result.out);
    assert_int_equal(result.status, 2);
    assert_non_null(json_string_value(json_object_get(document, "error")));
    json_decref(document);
}

static void test_json_of_demo_has_a_part_for_every_step(void **state)
{
    (void)state;
    struct program_result result;
    char *folder = temp_folder(&arena);
    const struct program_options options = {.cwd = folder};
    run_autostream(&arena, &result, &options, "--json", "demo", NULL);
    json_t *document = parse(result.out);
    assert_true(json_is_object(json_object_get(document, "generate")));
    assert_true(json_is_object(json_object_get(document, "train")));
    assert_true(json_is_object(json_object_get(document, "run")));
    assert_true(json_is_object(json_object_get(document, "top")));
    json_decref(document);
    temp_folder_remove(folder);
}

/* ---- explain ---- */

static void test_explain_shows_header_reasons_contributions_and_services(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "explain", "VIN-7", NULL);
    assert_non_null(strstr(text, "VIN-7, Daily 2024 (results of 2026-11-23)\n▲ CRITICAL\n"
                                 "Predicted failure: Engine, probability 86.0%, km left 2,000\n"
                                 "To do: Check oil level"));
    assert_non_null(strstr(text, "\nReasons\n1. Engine temperature 0.5 °C, usual 0.0-1.0: +31 "
                                 "points for Engine\n"
                                 "2. Engine speed 200 rpm: -25 points for Engine\n"
                                 "3. Fuel consumption not measured, usual 7.0-8.0: +10 points for "
                                 "Engine\n\n"));
    assert_non_null(strstr(text, "Probability \"Engine\": from 6.3% (mean in training) to 86.0%\n"
                                 "Engine temperature       0.5 °C  +31 for     ████"));
    assert_non_null(strstr(text, "Engine speed            200 rpm  -25 against ░░░░"));
    assert_non_null(strstr(text, "\nInjection pressure      800 bar    0\n"));
    assert_non_null(strstr(text, "\nServices\n2025-05-31  Moteur  148,333 km\n"
                                 "no date     Frei\\x1b[2Jns  –\n"));
    assert_null(strchr(text, '\033'));
}

static void test_explain_speaks_french(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "--lang", "fr", "explain", "VIN-7", NULL);
    assert_non_null(strstr(text, "Température moteur 0,5 °C, habituel 0,0-1,0 : +31 points pour "
                                 "Moteur\n"));
    assert_non_null(strstr(text, "Consommation non mesurée"));
    assert_non_null(strstr(text, "-25 contre ░"));
}

static void test_explain_says_what_speaks_for_a_sound_vehicle(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "explain", "VIN-OK", NULL);
    assert_non_null(strstr(text, "✓ OK"));
    assert_non_null(strstr(text, "No failure predicted; the likeliest one: 2.0%\n"
                                 "To do: Nothing to do: next service when it is due\n"));
    assert_non_null(strstr(text, "points for a sound vehicle"));
    assert_non_null(strstr(text, "(mean of this fleet)"));
    assert_non_null(strstr(text, "Usual: 5 to 95% of this fleet's vehicles"));
}

static void test_explain_says_when_nothing_stands_out(void **state)
{
    (void)state;
    const char *const env[] = {"AUTOSTREAM_DOUBLE=nothing", NULL};
    const char *text = run_in(env, "explain", "VIN-7").out;
    assert_non_null(strstr(text, "No measure stands out.\n"));
    assert_non_null(strstr(text, "\nServices\nNone.\n"));
}

static void test_explain_fits_the_width_of_the_terminal(void **state)
{
    (void)state;
    static const int widths[] = {40, 60, 80, 100, 160};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        const char *const env[] = {arena_printf(&arena, "COLUMNS=%d", widths[i]), NULL};
        const char *text = run_in(env, "explain", "VIN-7").out;
        assert_true(widest_line(text) <= (size_t)widths[i]);
        assert_non_null(strstr(text, "+31 for     █"));
    }
}

static void test_explain_asks_which_vehicle_and_takes_one(void **state)
{
    (void)state;
    assert_cli_fails(2, "which vehicle? For example: autostream explain VIN-751000", "explain",
                     NULL);
    assert_cli_fails(2, "explain does not expect \"VIN-8\"", "explain", "VIN-7", "VIN-8", NULL);
    assert_cli_fails(1, "VIN-1 is not there", "explain", "VIN-1", NULL);
    const char *help = assert_cli_works(&arena, "explain", "--help", NULL);
    assert_non_null(strstr(help, "autostream [GLOBAL OPTIONS] explain VIN [OPTIONS]"));
}

static void test_json_of_explain_has_every_contribution(void **state)
{
    (void)state;
    json_t *document = parse(assert_cli_works(&arena, "--json", "explain", "VIN-7", NULL));
    json_t *contributions = json_object_get(document, "contributions");
    json_t *third = json_array_get(contributions, 2);
    assert_int_equal(json_array_size(contributions), MODEL_INPUT_COUNT);
    assert_int_equal(json_integer_value(json_object_get(document, "raisons")), 3);
    assert_string_equal(json_string_value(json_object_get(document, "statut")), "CRITIQUE");
    assert_string_equal(json_string_value(json_object_get(third, "mesure")), "conso_essence");
    assert_true(json_is_null(json_object_get(third, "valeur")));
    assert_true(json_real_value(json_object_get(third, "contribution")) == 0.1);
    json_t *services = json_object_get(document, "entretiens");
    assert_int_equal(json_array_size(services), 2);
    assert_true(json_is_null(json_object_get(json_array_get(services, 1), "km")));
    json_decref(document);
}

static void test_top_says_why_where_there_is_room(void **state)
{
    (void)state;
    const char *text = assert_cli_works(&arena, "top", "--limit", "5", NULL);
    assert_non_null(strstr(text, "Km left  Why "));
    assert_non_null(strstr(text, "2,000  Engine speed 4,512 rpm           Check hoses"));
    assert_non_null(strstr(text, "Engine temperature not measured"));
    const char *const narrow[] = {"COLUMNS=149", NULL};
    assert_null(strstr(run_in(narrow, "top", NULL).out, "Why"));
    json_t *document = parse(run_in(NULL, "--json", "top").out);
    json_t *first = json_array_get(json_object_get(document, "vehicles"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "raisons")),
                        "regime_moteur=4512:+0.42|temps_0_100=14.1:+0.2");
    json_decref(document);
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_usage_ends_with_2_and_says_what_to_type),
        cmocka_unit_test(test_global_options_may_stand_before_or_after_the_command),
        cmocka_unit_test(test_errors_go_to_stderr_and_stdout_stays_empty),
        cmocka_unit_test(test_the_environment_chooses_language_and_data),
        cmocka_unit_test(test_every_command_has_help_with_an_example_in_both_languages),
        cmocka_unit_test(test_help_fits_a_narrow_terminal),
        cmocka_unit_test(test_version_is_one_line),
        cmocka_unit_test(test_output_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(test_run_prints_the_sum_that_reconciles),
        cmocka_unit_test(test_run_reports_also_when_it_refused_too_much),
        cmocka_unit_test(test_quality_shows_the_latest_run_also_when_it_left_only_its_quarantine),
        cmocka_unit_test(test_quiet_keeps_the_report_and_drops_the_hints),
        cmocka_unit_test(test_hints_repeat_data_and_date_ready_for_the_shell),
        cmocka_unit_test(test_results_that_are_not_there_are_told_with_the_command_that_makes_them),
        cmocka_unit_test(test_top_shows_the_latest_results_with_sign_and_word),
        cmocka_unit_test(test_top_shows_numbers_the_french_way),
        cmocka_unit_test(test_top_cuts_a_long_vin_and_keeps_its_lines_whole),
        cmocka_unit_test(test_top_fits_the_width_of_the_terminal),
        cmocka_unit_test(test_train_shows_the_confusion_matrix_and_the_scores),
        cmocka_unit_test(test_train_says_what_probabilities_and_visits_are_worth),
        cmocka_unit_test(test_train_shows_what_matters_as_bars),
        cmocka_unit_test(test_train_fits_the_width_of_the_terminal),
        cmocka_unit_test(test_train_on_a_table_has_no_word_of_the_fleet),
        cmocka_unit_test(test_train_options_that_contradict_are_wrong_usage),
        cmocka_unit_test(test_quality_shows_reasons_with_an_example),
        cmocka_unit_test(test_verify_tells_faults_from_notes_and_fails_for_faults_alone),
        cmocka_unit_test(test_score_prints_the_table_alone),
        cmocka_unit_test(test_score_without_a_table_reads_standard_input),
        cmocka_unit_test(test_catalog_names_every_table_and_measure_and_does_not_change),
        cmocka_unit_test(test_demo_simulates_trains_runs_and_ranks),
        cmocka_unit_test(test_demo_takes_another_port_when_its_own_is_taken),
        cmocka_unit_test(test_serve_prints_its_address_and_ends_by_a_signal),
        cmocka_unit_test(test_serve_takes_its_token_from_a_file_or_the_environment),
        cmocka_unit_test(test_demo_leaves_real_bronze_and_the_model_alone),
        cmocka_unit_test(test_json_is_one_document_and_nothing_else_for_every_report),
        cmocka_unit_test(test_the_model_card_tells_what_the_file_knows),
        cmocka_unit_test(test_the_card_of_a_foreign_model_says_what_is_unknown),
        cmocka_unit_test(test_the_card_of_no_model_is_a_failure),
        cmocka_unit_test(test_json_of_the_model_card_holds_the_properties_as_values),
        cmocka_unit_test(test_json_of_top_keeps_the_data_as_they_are),
        cmocka_unit_test(test_explain_shows_header_reasons_contributions_and_services),
        cmocka_unit_test(test_explain_speaks_french),
        cmocka_unit_test(test_explain_says_what_speaks_for_a_sound_vehicle),
        cmocka_unit_test(test_explain_says_when_nothing_stands_out),
        cmocka_unit_test(test_explain_fits_the_width_of_the_terminal),
        cmocka_unit_test(test_explain_asks_which_vehicle_and_takes_one),
        cmocka_unit_test(test_json_of_explain_has_every_contribution),
        cmocka_unit_test(test_top_says_why_where_there_is_room),
        cmocka_unit_test(test_json_errors_are_objects_and_sentences),
        cmocka_unit_test(test_json_of_demo_has_a_part_for_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
