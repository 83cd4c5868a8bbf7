/* Tables that Spark writes as folders of part files: the other engine, every command and the server
 * read them as the files in whose place they are, `verify` sees each part, and a run of the other
 * engine puts files in their place, and the other way round.
 *
 * Needs Spark and Java (script/test brings them). How large a part is says a setting of Spark's
 * own, here made so small that nearly every table has several. */
#include "tests.h"

#include "base/fs.h"
#include "serve/client.h"
#include "support/run.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATE "2026-11-23"
#define EARLIER "2026-11-22"
#define GOLD "gold/parquet/run_date=" DATE "/reporting_final.parquet"
#define SERVICES "gold/entretien_" DATE ".parquet"

struct lakes {
    struct arena arena;
    char *folder;
    const char *duck, *spark; /* of the same raw data and model, run by one engine each */
};

#define SPARK(l) "--data", (l)->spark, "--engine", "spark", "--threads", "2", "--memory", "1GB"

static void copy_lake(struct lakes *l, const char *from, const char *to)
{
    struct program_result result;
    const char *const argv[] = {"cp", "-r", from, to, NULL};
    run_program(&l->arena, &result, argv, NULL);
    assert_int_equal(result.status, 0);
}

static const char *in_spark(struct lakes *l, const char *relative)
{
    return arena_printf(&l->arena, "%s/%s", l->spark, relative);
}

/* How many parts there are in the place of a file; 0: it is one file. */
static size_t parts_of(struct lakes *l, const char *relative)
{
    char **names;
    size_t count;
    struct error err;
    const char *path = in_spark(l, relative);
    assert_true(fs_exists(path));
    if (!fs_is_folder(path)) {
        return 0;
    }
    assert_int_equal(fs_list(path, &l->arena, &names, &count, &err), 0);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(names[i], arena_printf(&l->arena, "part-%05zu.parquet", i));
    }
    return count;
}

/* Days of silver whose telemetry is several parts. */
static size_t days_in_parts(struct lakes *l)
{
    static const char silver[] = "silver/telemetry_parquet/run_date=" DATE;
    char **days;
    size_t count, found = 0;
    struct error err;
    assert_int_equal(fs_list(in_spark(l, silver), &l->arena, &days, &count, &err), 0);
    assert_true(count > 1);
    for (size_t d = 0; d < count; d++) {
        found += parts_of(l, arena_printf(&l->arena, "%s/%s/data.parquet", silver, days[d])) > 1;
    }
    return found;
}

/* Both lakes hold the same, and what is published in Spark's is whole. */
static void assert_same_and_whole(struct lakes *l)
{
    assert_cli_works(&l->arena, "--data", l->duck, "--run-date", DATE, "parity", "--with", l->spark,
                     NULL);
    assert_cli_works(&l->arena, "--data", l->spark, "verify", "--strict", NULL);
    assert_false(fs_exists(in_spark(l, ".staging")));
}

static int make_lakes(void **state)
{
    struct lakes *l = calloc(1, sizeof *l);
    static const char settings[] = "spark.sql.adaptive.advisoryPartitionSizeInBytes 1b\n"
                                   "spark.sql.adaptive.coalescePartitions.minPartitionSize 1b\n";
    assert_non_null(l);
    l->folder = temp_folder(&l->arena);
    l->duck = arena_printf(&l->arena, "%s/duck", l->folder);
    l->spark = arena_printf(&l->arena, "%s/spark", l->folder);
    (void)write_file(&l->arena, l->folder, "conf/spark-defaults.conf", settings,
                     sizeof settings - 1);
    assert_int_equal(setenv("SPARK_CONF_DIR", arena_printf(&l->arena, "%s/conf", l->folder), 1), 0);
    assert_cli_works(&l->arena, "--data", l->duck, "--run-date", DATE, "generate", "--vehicles",
                     "60", "--days", "3", "--messages-per-day", "4", "--faults", "4%", "--format",
                     "ndjson", NULL);
    assert_cli_works(&l->arena, "--data", l->duck, "--run-date", EARLIER, "generate", "--vehicles",
                     "60", "--seed", "5", "--format", "ndjson", NULL);
    assert_cli_works(&l->arena, "--data", l->duck, "--run-date", DATE, "train", "--trees", "20",
                     NULL);
    assert_cli_works(&l->arena, "--data", l->duck, "--run-date", EARLIER, "run", NULL);
    assert_cli_works(&l->arena, "--data", l->duck, "--run-date", DATE, "run", NULL);
    copy_lake(l, l->duck, l->spark);
    *state = l;
    return 0;
}

static int remove_lakes(void **state)
{
    struct lakes *l = *state;
    temp_folder_remove(l->folder);
    arena_release(&l->arena);
    free(l);
    return 0;
}

/* ---- one after the other, on the same lakes ---- */

static void test_spark_puts_parts_in_the_place_of_files(void **state)
{
    struct lakes *l = *state;
    assert_cli_works(&l->arena, SPARK(l), "--run-date", DATE, "run", NULL);
    assert_true(parts_of(l, GOLD) > 1);
    assert_true(parts_of(l, SERVICES) > 1);
    assert_true(parts_of(l, "gold/vehicule_jour_" DATE ".parquet") > 1);
    assert_true(parts_of(l, "quarantine/run_date=" DATE "/records.parquet") > 1);
    assert_true(days_in_parts(l) > 0);
    assert_same_and_whole(l);
}

/* What a command says of both lakes is the same. */
static void assert_says_the_same(struct lakes *l, const char *const words[4])
{
    const char *said[2];
    const char *const data[2] = {l->duck, l->spark};
    for (size_t i = 0; i < 2; i++) {
        said[i] = assert_cli_works(&l->arena, "--lang", "en", "--data", data[i], "--run-date", DATE,
                                   words[0], words[1], words[2], words[3], NULL);
    }
    assert_string_equal(said[0], said[1]);
}

static void test_people_read_parts_as_files(void **state)
{
    struct lakes *l = *state;
    static const char *const commands[][4] = {
        {"top", "--limit", "60"}, {"explain", "VIN-751003"}, {"quality"}};
    for (size_t c = 0; c < sizeof commands / sizeof *commands; c++) {
        assert_says_the_same(l, commands[c]);
    }
}

/* The same JSON, numbers within 1e-9; what names the run, its files or its time is left out. */
static void assert_same_json(const json_t *a, const json_t *b, const char *where)
{
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);
        if (!(fabs(x - y) <= 1e-9 * fmax(1, fabs(x)))) {
            fail_msg("%s: %.17g and %.17g", where, x, y);
        }
        return;
    }
    if (json_typeof(a) != json_typeof(b) ||
        (!json_is_object(a) && !json_is_array(a) && !json_equal(a, b))) {
        fail_msg("%s differs", where);
    }
    if (json_array_size(a) != json_array_size(b)) {
        fail_msg("%s: %zu and %zu", where, json_array_size(a), json_array_size(b));
    }
    json_array_foreach(a, i, member)
    {
        assert_same_json(member, json_array_get(b, i), where);
    }
    json_object_foreach((json_t *)a, key, member)
    {
        if (!strstr(key, "sha256") && !strstr(key, "seconds") && strcmp(key, "outputs") != 0) {
            assert_same_json(member, json_object_get(b, key), key);
        }
    }
}

static void test_the_server_answers_from_parts_as_from_files(void **state)
{
    struct lakes *l = *state;
    static const char *const targets[] = {
        "/api/v1/summary",
        "/api/v1/vehicles?size=100",
        "/api/v1/vehicles/VIN-751003",
        "/api/v1/vehicles/VIN-751059",
        "/api/v1/trends?by=week",
        "/api/v1/quality",
        "/api/v1/quarantine",
    };
    struct served of[2];
    served_start(&of[0], &l->arena, l->duck, NULL);
    served_start(&of[1], &l->arena, l->spark, NULL);
    for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
        json_t *a = json_loads(served_json(&of[0], targets[t]), 0, NULL);
        json_t *b = json_loads(served_json(&of[1], targets[t]), 0, NULL);
        assert_non_null(a);
        assert_null(json_object_get(b, "warning"));
        assert_same_json(a, b, targets[t]);
        json_decref(a);
        json_decref(b);
    }
    struct reply csv[2];
    for (size_t i = 0; i < 2; i++) {
        csv[i] = served_get(&of[i], "/api/v1/vehicles.csv", NULL);
        assert_int_equal(csv[i].status, 200);
    }
    assert_true(csv[0].size > 60 * 20);
    assert_string_equal(csv[0].body, csv[1].body);
    served_stop(&of[0]);
    served_stop(&of[1]);
}

/* `verify` finds a fault in Spark's lake that names the part. */
static void assert_found(struct lakes *l, const char *part, const char *says)
{
    struct program_result result;
    run_autostream(&l->arena, &result, NULL, "--lang", "en", "--data", l->spark, "--run-date", DATE,
                   "verify", NULL);
    assert_int_equal(result.status, 1);
    if (!strstr(result.out, arena_printf(&l->arena, "%s%s", part, says))) {
        fail_msg("%s%s is not in: %s", part, says, result.out);
    }
}

static void test_verify_sees_each_part(void **state)
{
    struct lakes *l = *state;
    static const char *const parts[] = {GOLD "/part-00001.parquet", SERVICES "/part-00000.parquet"};
    struct error err;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = in_spark(l, parts[i]);
        const char *aside = arena_printf(&l->arena, "%s/aside", l->folder);
        struct bytes bytes;
        assert_int_equal(rename(part, aside), 0);
        assert_found(l, parts[i], ": cannot be read");
        assert_int_equal(fs_read(aside, 1 << 24, &l->arena, &bytes, &err), 0);
        ((char *)bytes.data)[bytes.size / 2] ^= 1;
        assert_int_equal(fs_write(part, bytes.data, bytes.size, &err), 0);
        assert_found(l, parts[i], ": its hash is not the one in run.json");
        assert_int_equal(fs_write(part, bytes.data, bytes.size - 1, &err), 0);
        assert_found(l, parts[i], ": ");
        assert_int_equal(rename(aside, part), 0);
        const char *more = arena_printf(&l->arena, "%.*s9.parquet",
                                        (int)(strlen(parts[i]) - strlen("0.parquet")), parts[i]);
        copy_lake(l, part, in_spark(l, more));
        assert_found(l, more, ": no run made this file; remove it");
        assert_int_equal(unlink(in_spark(l, more)), 0);
    }
    assert_same_and_whole(l);
}

static void test_duckdb_makes_gold_from_parts_and_files_of_them_again(void **state)
{
    struct lakes *l = *state;
    assert_cli_works(&l->arena, "--data", l->spark, "--run-date", DATE, "gold", NULL);
    assert_int_equal(parts_of(l, GOLD), 0);
    assert_int_equal(parts_of(l, SERVICES), 0);
    assert_true(days_in_parts(l) > 0); /* silver is Spark's */
    assert_same_and_whole(l);
}

static void test_both_engines_make_gold_over_dates_in_files_and_in_parts(void **state)
{
    struct lakes *l = *state;
    static const char *const since[] = {"gold", "--since", EARLIER, NULL};
    assert_cli_works(&l->arena, "--data", l->duck, "--run-date", DATE, since[0], since[1], since[2],
                     NULL);
    assert_cli_works(&l->arena, "--data", l->spark, "--run-date", DATE, since[0], since[1],
                     since[2], NULL);
    assert_same_and_whole(l);
    assert_cli_works(&l->arena, SPARK(l), "--run-date", DATE, since[0], since[1], since[2], NULL);
    assert_true(parts_of(l, GOLD) > 1);
    assert_same_and_whole(l);
}

/* A run of DuckDB's over Spark's results reads everything, leaves no part, and the bytes that it
 * always makes. */
static void test_duckdb_puts_files_in_the_place_of_parts(void **state)
{
    struct lakes *l = *state;
    struct program_result found;
    assert_cli_works(&l->arena, "--data", l->duck, "--run-date", DATE, "run", "--full", NULL);
    assert_cli_works(&l->arena, "--data", l->spark, "--run-date", DATE, "run", NULL);
    const char *const parts[] = {"find", l->spark, "-name", "part-*", NULL};
    run_program(&l->arena, &found, parts, NULL);
    assert_string_equal(found.out, "");
    const char *const differing[] = {"diff", "-rq",           "-x", "bronze", "-x",    "run.json",
                                     "-x",   "taken.parquet", "-x", ".lock",  l->duck, l->spark,
                                     NULL};
    run_program(&l->arena, &found, differing, NULL);
    assert_string_equal(found.out, "");
    assert_same_and_whole(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spark_puts_parts_in_the_place_of_files),
        cmocka_unit_test(test_people_read_parts_as_files),
        cmocka_unit_test(test_the_server_answers_from_parts_as_from_files),
        cmocka_unit_test(test_verify_sees_each_part),
        cmocka_unit_test(test_duckdb_makes_gold_from_parts_and_files_of_them_again),
        cmocka_unit_test(test_both_engines_make_gold_over_dates_in_files_and_in_parts),
        cmocka_unit_test(test_duckdb_puts_files_in_the_place_of_parts),
    };
    return cmocka_run_group_tests(tests, make_lakes, remove_lakes);
}
