/* What can be wrong around Spark: one clear sentence each, and the last good results untouched. No
 * Spark is needed: stand-ins for java and spark-sql say what the real ones said when the same went
 * wrong with them. */
#include "tests.h"

#include "base/fs.h"
#include "e2e/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SPARK "--engine", "spark"

static void script(struct e2e *e, const char *name, const char *text)
{
    const char *path = write_file(&e->arena, e->folder, name, text, strlen(text));
    assert_int_equal(chmod(path, 0755), 0);
}

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

/* A Java of the version, alone on PATH but for the tools that scripts want. */
static void stand_in_java(struct e2e *e, const char *version)
{
    script(e, "java/bin/java",
           arena_printf(&e->arena, "#!/bin/sh\necho 'openjdk version \"%s\" 2025-04-15' >&2\n",
                        version));
    set("JAVA_HOME", arena_printf(&e->arena, "%s/java", e->folder));
}

/* A Spark of the version whose every script fails after `says` was logged. */
static void stand_in_spark(struct e2e *e, const char *version, const char *says)
{
    write_file(&e->arena, e->folder,
               arena_printf(&e->arena, "spark/jars/spark-core_2.13-%s.jar", version), "", 0);
    write_file(&e->arena, e->folder, "says", says, strlen(says));
    script(e, "spark/bin/spark-sql",
           arena_printf(&e->arena,
                        "#!/bin/sh\nwhile read -r word name; do\n"
                        "  case $name in *-end.sql*) cat '%s/says' >&2; echo @autostream:end ;; "
                        "esac\ndone\n",
                        e->folder));
    set("SPARK_HOME", arena_printf(&e->arena, "%s/spark", e->folder));
}

static char *usual_path;

static int setup(void **state)
{
    int status = e2e_setup(state);
    struct e2e *e = *state;
    usual_path = strdup(getenv("PATH"));
    (void)unsetenv("JAVA_HOME");
    (void)unsetenv("SPARK_HOME");
    script(e, "tools/nothing", "#!/bin/sh\n");
    return status;
}

static int teardown(void **state)
{
    set("PATH", usual_path);
    free(usual_path);
    return e2e_teardown(state);
}

static void test_without_java_it_says_which_to_install(void **state)
{
    struct e2e *e = *state;
    set("PATH", arena_printf(&e->arena, "%s/tools", e->folder));
    e2e_fails(e, 1, "there is no program java; install Java 17", SPARK, "run", NULL);
    e2e_fails(e, 1, "installez Java 17", "--lang", "fr", SPARK, "run", NULL);
    set("JAVA_HOME", "/nowhere");
    e2e_fails(e, 1, "/nowhere/bin/java: there is no Java; mend JAVA_HOME", SPARK, "gold", NULL);
}

static void test_an_old_java_is_named_with_its_version(void **state)
{
    struct e2e *e = *state;
    stand_in_java(e, "11.0.22");
    e2e_fails(e, 1, "this is Java 11, but Spark 4 needs Java 17 or newer", SPARK, "run", NULL);
    stand_in_java(e, "1.8.0_392");
    e2e_fails(e, 1, "this is Java 8, but", SPARK, "silver", NULL);
}

static void test_without_spark_it_says_where_one_is_looked_for(void **state)
{
    struct e2e *e = *state;
    stand_in_java(e, "17.0.15");
    set("PATH", arena_printf(&e->arena, "%s/tools", e->folder));
    e2e_fails(e, 1, "neither SPARK_HOME, nor spark-sql on PATH, nor pyspark for python3", SPARK,
              "run", NULL);
    set("SPARK_HOME", "/nowhere");
    e2e_fails(e, 1, "/nowhere/bin/spark-sql: there is no Spark; mend SPARK_HOME", SPARK, "run",
              NULL);
}

static void test_spark_3_is_refused(void **state)
{
    struct e2e *e = *state;
    stand_in_java(e, "17.0.15");
    stand_in_spark(e, "3.5.1", "");
    e2e_fails(e, 1, "Spark 4 or newer is needed", SPARK, "run", NULL);
}

static void test_a_master_that_does_not_answer_is_named_at_once(void **state)
{
    struct e2e *e = *state;
    stand_in_java(e, "17.0.15");
    stand_in_spark(e, "4.1.4", "");
    e2e_fails(e, 1, "--spark-master spark://127.0.0.1:1: no answer (Connection refused)", SPARK,
              "--spark-master", "spark://127.0.0.1:1", "run", NULL);
    e2e_fails(e, 1, "no answer (HOST:PORT)", SPARK, "--spark-master", "spark://", "run", NULL);
    e2e_fails(e, 1, "le maître", "--lang", "fr", SPARK, "--spark-master", "spark://127.0.0.1:1",
              "run", NULL);
}

static void test_what_spark_says_becomes_one_sentence(void **state)
{
    struct e2e *e = *state;
    static const struct {
        const char *spark_says, *we_say;
    } cases[] = {
        {"26/11/23 ERROR Executor: Exception in task 0.0\norg.apache.spark.SparkException: "
         "Subprocess exited with status 127. Error: ./autostream: error while loading shared "
         "libraries: libfoo.so.1: cannot open shared object file: No such file or directory\n.\n"
         "\tat org.apache.spark.sql.errors.QueryExecutionErrors$.subprocessExitedError\n",
         "the program does not start on a machine of Spark (libfoo.so.1: cannot open shared"},
        {"Subprocess exited with status 1. Error: ./autostream: /lib/x86_64-linux-gnu/libc.so.6: "
         "version `GLIBC_2.34' not found (required by ./autostream)\n",
         "a glibc as new as here"},
        {"java.io.IOException: No space left on device\n\tat java.base/sun.nio.ch\n",
         "no space left on Spark's disk; free some and repeat the command"},
        {"Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n",
         "Spark's memory is not enough; give more with --memory"},
        {"ERROR StandaloneSchedulerBackend: Application has been killed. Reason: All masters are "
         "unresponsive! Giving up.\n",
         "the master answers no more"},
        {"26/11/23 ERROR x\norg.apache.spark.SparkException: Subprocess exited with status 1. "
         "Error: autostream: model.onnx: damaged model\n.\n",
         "prelude: model.onnx: damaged model"},
        {"[TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found. SQLSTATE: 42P01; line 1\n"
         "'Project ['nope]\n",
         "Spark failed: [TABLE_OR_VIEW_NOT_FOUND] The table `x` cannot be found."},
        {"Job aborted\njava.lang.IllegalStateException: first\nCaused by: a.b.C: the cause\n\tat "
         "x\n",
         "Spark failed: a.b.C: the cause"},
    };
    stand_in_java(e, "17.0.15");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stand_in_spark(e, "4.1.4", cases[i].spark_says);
        e2e_fails(e, 1, cases[i].we_say, SPARK, "run", NULL);
    }
}

static void test_a_spark_that_ends_at_once_is_a_failure(void **state)
{
    struct e2e *e = *state;
    stand_in_java(e, "17.0.15");
    stand_in_spark(e, "4.1.4", "");
    script(e, "spark/bin/spark-sql", "#!/bin/sh\necho 'Error: no such option' >&2\nexit 1\n");
    e2e_fails(e, 1, "Spark failed: Error: no such option", SPARK, "run", NULL);
}

static void test_a_folder_that_spark_cannot_name_is_refused(void **state)
{
    struct e2e *e = *state;
    stand_in_java(e, "17.0.15");
    stand_in_spark(e, "4.1.4", "");
    const char *odd = arena_printf(&e->arena, "%s/odd[1]", e->folder);
    assert_int_equal(rename(e->data, odd), 0);
    e->data = odd;
    e2e_fails(e, 1, "Spark does not take the sign \"[\"", SPARK, "run", NULL);
}

static void test_only_some_commands_go_through_spark(void **state)
{
    struct e2e *e = *state;
    struct program_result result = e2e_run(e, SPARK, "top", NULL);
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.err, "--engine spark: top does not go through Spark"));
    result = e2e_run(e, "--spark-master", "local[2]", "run", NULL);
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.err, "--spark-master is for --engine spark only"));
}

static void test_spark_scores_files_and_not_standard_input(void **state)
{
    struct e2e *e = *state;
    struct program_result result = e2e_run(e, SPARK, "score", "--table", "-", NULL);
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.err, "--engine spark reads a file, not standard input"));
}

/* A training and a scoring fail with this sentence. */
static void both_fail(struct e2e *e, const char *says)
{
    const char *history = e2e_path(e, E2E_BRONZE "/csv/data_historique_pannes.csv");
    e2e_fails(e, 1, says, SPARK, "train", NULL);
    e2e_fails(e, 1, says, SPARK, "score", "--table", history, NULL);
}

static void test_training_and_scoring_say_what_is_missing_too(void **state)
{
    struct e2e *e = *state;
    stand_in_java(e, "17.0.15");
    stand_in_spark(e, "3.5.1", "");
    both_fail(e, "Spark 4 or newer is needed");
    e2e_fails(e, 1, "Spark 4 or newer is needed", "parity", NULL);
}

static void test_training_and_scoring_tell_of_a_full_disk_too(void **state)
{
    struct e2e *e = *state;
    stand_in_java(e, "17.0.15");
    stand_in_spark(e, "4.1.4", "java.io.IOException: No space left on device\n");
    both_fail(e, "no space left on Spark's disk");
}

static void test_data_is_a_folder_or_its_address(void **state)
{
    struct e2e *e = *state;
    static const char *const others[] = {"s3a://bucket/lake", "hdfs://host:9000/lake",
                                         "file://host/x"};
    struct program_result result;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        run_autostream(&e->arena, &result, NULL, "--lang", "en", "--data", others[i], "verify",
                       NULL);
        assert_int_equal(result.status, 2);
        assert_non_null(strstr(result.err, "mount an object store or HDFS on all machines"));
    }
    const char *odd = arena_printf(&e->arena, "%s/a b%%", e->folder);
    assert_int_equal(rename(e->data, odd), 0);
    e->data = odd;
    assert_cli_works(&e->arena, "--data", arena_printf(&e->arena, "file://%s/a%%20b%%", e->folder),
                     "verify", NULL);
}

static void test_bronze_is_an_address_for_spark(void **state)
{
    struct e2e *e = *state;
    static const char *const odd[] = {"bronze",
                                      "://x",
                                      "hdfs://host/a b",
                                      "hdfs://host/lake/*",
                                      "hdfs://host/{a,b}",
                                      "hdfs://host/a%20b",
                                      "hdfs://h/\xff#"};
    struct program_result result;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        result = e2e_run(e, SPARK, "run", "--bronze", odd[i], NULL);
        assert_int_equal(result.status, 2);
        assert_non_null(strstr(result.err, "must be the address of a folder"));
    }
    static const char *const commands[] = {"run", "silver"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        result = e2e_run(e, commands[i], "--bronze", "hdfs://host/lake", NULL);
        assert_int_equal(result.status, 2);
        assert_non_null(strstr(result.err, "--bronze is for --engine spark only"));
    }
    result = e2e_run(e, SPARK, "run", "--simulate", "--bronze", "hdfs://host/lake", NULL);
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.err, "--bronze and --simulate exclude each other"));
    result = e2e_run(e, SPARK, "gold", "--bronze", "hdfs://host/lake", NULL);
    assert_int_equal(result.status, 2);
    e2e_assert_untouched(e);
}

static void test_the_worker_refuses_lines_that_are_not_sparks(void **state)
{
    (void)state;
    static const struct {
        const char *in, *says;
    } cases[] = {{"no tab\n", "unexpected line"},
                 {"!\tYQ==\n", "unexpected line"},
                 {"YQ==\tnot base64\n", "unexpected line"}};
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct program_result result;
        const struct program_options options = {.stdin_text = cases[i].in, .cwd = "/tmp"};
        run_autostream(&arena, &result, &options, "worker", "records", "--folder", "f",
                       "--run-date", E2E_DATE, NULL);
        assert_int_equal(result.status, 1);
        assert_non_null(strstr(result.err, cases[i].says));
    }
    arena_release(&arena);
}

static void test_the_worker_refuses_pieces_that_are_none(void **state)
{
    struct e2e *e = *state;
    const char *model = e2e_path(e, "models/model_pannes.onnx");
    static const char *const in[] = {"0\n", "x\tAAAA\n", "0\tno base64\n", "0\tAAAA\n", "\t\n"};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        struct program_result result;
        const struct program_options options = {.stdin_text = in[i], .cwd = "/tmp"};
        run_autostream(&e->arena, &result, &options, "worker", "rows", "--model", model, NULL);
        assert_int_equal(result.status, 1);
        assert_non_null(strstr(result.err, "unexpected line"));
    }
    struct program_result result;
    const struct program_options options = {.stdin_text = "0\t\n", .cwd = "/tmp"};
    run_autostream(&e->arena, &result, &options, "worker", "grow", "--task", model, NULL);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.err, "no training task"));
}

static void test_the_worker_reads_records_and_keeps_every_byte(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct program_result result;
    /* a.ndjson in two chunks: {"vin": "\t-", "timestamp": "2026-11-23"} and a line {"x\N */
    const char *in = "YS5uZGpzb24=\teyJ2aW4iOiAiXHQtIiwgInRpbWVzdGFtcCI6ICIy\n"
                     "YS5uZGpzb24=\tMDI2LTExLTIzIn0KeyJ4XE4K\n";
    const struct program_options options = {.stdin_text = in, .cwd = "/tmp"};
    run_autostream(&arena, &result, &options, "worker", "records", "--folder", "f", "--run-date",
                   E2E_DATE, NULL);
    assert_int_equal(result.status, 0);
    static const char *const lines[] = {
        "1\tZi9hLm5kanNvbg==\t42\teyJ4XE4=\tYnJva2VuX2pzb24=\n", /* f/a.ndjson, {"x\N, broken_json
                                                                  */
        /* two measures have a default */
        "\n0\tCS0=\tMjAyNi0xMS0yMw==\t1795392000000000\t90\t0\t-\t-\t-\t-\t-\t-\t-\t20780\n",
        "\n2\tZi9hLm5kanNvbg==\t48\t", /* the file, its size */
        "\n3\tcmVjb3Jkcw==\t0\t2\n",   /* records: 2 */
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_non_null(strstr(result.out, lines[i]));
    }
    arena_release(&arena);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_without_java_it_says_which_to_install),
        TEST(test_an_old_java_is_named_with_its_version),
        TEST(test_without_spark_it_says_where_one_is_looked_for),
        TEST(test_spark_3_is_refused),
        TEST(test_a_master_that_does_not_answer_is_named_at_once),
        TEST(test_what_spark_says_becomes_one_sentence),
        TEST(test_a_spark_that_ends_at_once_is_a_failure),
        TEST(test_a_folder_that_spark_cannot_name_is_refused),
        TEST(test_only_some_commands_go_through_spark),
        TEST(test_spark_scores_files_and_not_standard_input),
        TEST(test_training_and_scoring_say_what_is_missing_too),
        TEST(test_training_and_scoring_tell_of_a_full_disk_too),
        TEST(test_data_is_a_folder_or_its_address),
        TEST(test_bronze_is_an_address_for_spark),
        TEST(test_the_worker_refuses_lines_that_are_not_sparks),
        TEST(test_the_worker_refuses_pieces_that_are_none),
        TEST(test_the_worker_reads_records_and_keeps_every_byte),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
