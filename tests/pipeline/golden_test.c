/* The main job on real input: the reference's own bronze and model must give the reference's own
 * silver, gold, aggregations and quality counts. Every column of the expected file is compared by
 * key; a planted difference shows that the comparison sees. */
#include "tests.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/lake.h"
#include "pipeline/pipeline.h"
#include "shared.h"
#include "support/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char DATE[] = "2026-11-23";

struct golden {
    struct arena arena;
    const char *data;     /* our lake */
    const char *expected; /* the reference's */
    struct run_report report;
};

/* A lake with the bronze of ../shared/golden/NAME, run with the reference's model. */
static struct golden *run_golden(const char *name)
{
    struct golden *g = calloc(1, sizeof *g);
    struct error err;
    const char *golden = shared_path(&g->arena, arena_printf(&g->arena, "golden/%s", name));
    if (!golden) {
        free(g);
        return NULL;
    }
    g->data = temp_folder(&g->arena);
    g->expected = arena_printf(&g->arena, "%s/expected", golden);
    struct program_result copied;
    const char *const copy[] = {"cp", "-r", arena_printf(&g->arena, "%s/bronze", golden), g->data,
                                NULL};
    run_program(&g->arena, &copied, copy, NULL);
    assert_int_equal(copied.status, 0);
    struct session session = {.data = g->data};
    assert_true(date_parse(DATE, 10, &session.run_date));
    const struct run_options options = {.stages = STAGE_SILVER | STAGE_GOLD,
                                        .model_path =
                                            arena_printf(&g->arena, "%s/model_pannes.onnx", golden),
                                        .reject_limit = 0.05};
    if (pipeline_run(&session, &options, &g->report, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return g;
}

static struct golden *plain, *hard;

static int run_both(void **state)
{
    (void)state;
    plain = run_golden("plain");
    hard = run_golden("hard");
    return 0;
}

static void release(struct golden *g)
{
    if (g) {
        temp_folder_remove(g->data);
        arena_release(&g->arena);
        free(g);
    }
}

static int remove_both(void **state)
{
    (void)state;
    release(plain);
    release(hard);
    return 0;
}

/* The rule by which two cells, as text, are the same: both NULL; numbers within 1e-9 (prob_panne:
 * 1e-6); instants and dates by value; else the same text. */
static const char *cells_differ(struct arena *arena, const char *column)
{
    const char *tolerance = strstr(column, "prob_panne") ? "1e-6" : "1e-9";
    return arena_printf(
        arena,
        "NOT coalesce((e.\"%1$s\" IS NULL AND o.\"%1$s\" IS NULL)"
        " OR abs(TRY_CAST(e.\"%1$s\" AS DOUBLE) - TRY_CAST(o.\"%1$s\" AS DOUBLE)) <= %2$s"
        " OR (TRY_CAST(e.\"%1$s\" AS DOUBLE) IS NULL"
        "     AND TRY_CAST(e.\"%1$s\" AS TIMESTAMP) = TRY_CAST(o.\"%1$s\" AS TIMESTAMP))"
        " OR CAST(e.\"%1$s\" AS VARCHAR) = CAST(o.\"%1$s\" AS VARCHAR), false)",
        column, tolerance);
}

/* Compares two files by key over every column of the expected one (column `skip` excepted); gives
 * how many cells, and rows of only one side, differ. Differences are printed. */
static uint64_t differences(const char *expected, const char *ours, const char *key,
                            const char *skip)
{
    struct arena arena = {0};
    struct error err;
    struct lake *lake = NULL;
    const struct lake_options options = {.threads = 1};
    struct column *columns;
    struct lake_rows found;
    size_t count = 0;
    uint64_t total = 0;
    if (lake_open(&lake, &options, &err) != 0 ||
        lake_open_file(lake, "expected", expected, &err) != 0 ||
        lake_open_file(lake, "ours", ours, &err) != 0 ||
        lake_columns(lake, "expected", &arena, &columns, &count, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    char *sql = arena_strdup(&arena, "SELECT count(*) FILTER (e.x IS NULL OR o.x IS NULL)"
                                     " + abs(count(*) - (SELECT count(*) FROM expected))"
                                     " + abs(count(*) - (SELECT count(*) FROM ours))");
    for (size_t c = 0; c < count; c++) {
        bool compared = strcmp(columns[c].name, skip) != 0;
        sql = arena_printf(&arena, "%s, count(*) FILTER (e.x = 1 AND o.x = 1 AND %s)", sql,
                           compared ? cells_differ(&arena, columns[c].name) : "false");
    }
    sql =
        arena_printf(&arena,
                     "%s FROM (SELECT *, 1 AS x FROM expected) e FULL JOIN (SELECT *, 1 AS x FROM "
                     "ours) o USING (%s)",
                     sql, key);
    if (lake_query(lake, sql, &arena, &found, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    for (size_t c = 0; c <= count; c++) {
        uint64_t differ = strtoull(found.cells[c], NULL, 10);
        if (differ > 0) {
            print_message("%s: %s: %s differ\n", expected, c > 0 ? columns[c - 1].name : "rows",
                          found.cells[c]);
        }
        total += differ;
    }
    lake_close(lake);
    arena_release(&arena);
    return total;
}

static void assert_same(struct golden *g, const char *path, const char *key, const char *skip)
{
    if (!g) {
        skip();
        return;
    }
    assert_int_equal(differences(arena_printf(&g->arena, "%s/%s", g->expected, path),
                                 arena_printf(&g->arena, "%s/%s", g->data, path), key, skip),
                     0);
}

static void test_silver_csv_is_the_references(void **state)
{
    (void)state;
    assert_same(plain, "silver/telemetry/telemetry_clean.csv", "vin, timestamp", "");
    assert_same(hard, "silver/telemetry/telemetry_clean.csv", "vin, timestamp", "");
}

static void test_every_day_of_silver_parquet_is_the_references(void **state)
{
    (void)state;
    struct golden *both[] = {plain, hard};
    for (size_t i = 0; i < 2; i++) {
        struct golden *g = both[i];
        if (!g) {
            skip();
            return;
        }
        const char *days = arena_printf(&g->arena, "silver/telemetry_parquet/run_date=%s", DATE);
        char **ours, **expected;
        size_t our_count, expected_count;
        struct error err;
        fs_list(arena_printf(&g->arena, "%s/%s", g->data, days), &g->arena, &ours, &our_count,
                &err);
        fs_list(arena_printf(&g->arena, "%s/%s", g->expected, days), &g->arena, &expected,
                &expected_count, &err);
        assert_int_equal(our_count, expected_count);
        assert_true(our_count > 0);
        for (size_t d = 0; d < our_count; d++) {
            assert_string_equal(ours[d], expected[d]);
            assert_same(g, arena_printf(&g->arena, "%s/%s/data.parquet", days, ours[d]),
                        "vin, timestamp", "");
        }
    }
}

static void test_gold_is_the_references(void **state)
{
    (void)state;
    struct golden *both[] = {plain, hard};
    for (size_t i = 0; i < 2; i++) {
        assert_same(both[i], "gold/reporting_final.csv", "vin", "");
        assert_same(both[i], "gold/parquet/run_date=2026-11-23/reporting_final.parquet", "vin", "");
    }
}

static void test_gold_has_the_contracts_columns_first_and_in_order(void **state)
{
    (void)state;
    if (!plain) {
        skip();
        return;
    }
    struct bytes ours, expected;
    struct error err;
    const char *path = "gold/reporting_final.csv";
    assert_int_equal(fs_read(arena_printf(&plain->arena, "%s/%s", plain->data, path), 1 << 20,
                             &plain->arena, &ours, &err),
                     0);
    assert_int_equal(fs_read(arena_printf(&plain->arena, "%s/%s", plain->expected, path), 1 << 20,
                             &plain->arena, &expected, &err),
                     0);
    size_t head = strcspn(expected.data, "\r\n");
    assert_memory_equal(ours.data, expected.data, head);
    assert_int_equal(ours.data[head], ',');
}

static void test_aggregations_are_the_references(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {
        {"jour", "event_date"}, {"semaine", "week_start"}, {"mois", "month_start"}};
    struct golden *both[] = {plain, hard};
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 3 && both[i]; k++) {
            const char *stem = arena_printf(&both[i]->arena, "gold/aggregations/pannes_par_%s_%s",
                                            kinds[k][0], DATE);
            const char *key = arena_printf(&both[i]->arena, "%s", kinds[k][1]);
            assert_same(both[i], arena_printf(&both[i]->arena, "%s.csv", stem), key, "");
            assert_same(both[i], arena_printf(&both[i]->arena, "%s.parquet", stem), key, "");
        }
    }
}

static void test_quality_counts_are_the_references(void **state)
{
    (void)state;
    struct golden *both[] = {plain, hard};
    for (size_t i = 0; i < 2; i++) {
        assert_same(both[i], "quality/silver_quality_2026-11-23.csv", "run_date", "");
        /* The reference's schema_issues name pandas types; ours name the data's. */
        assert_same(both[i], "quality/gold_quality_2026-11-23.csv", "run_date", "schema_issues");
    }
}

static void test_counts_of_the_hard_case_reconcile(void **state)
{
    (void)state;
    if (!hard) {
        skip();
        return;
    }
    const struct run_report *r = &hard->report;
    assert_int_equal(r->telemetry.records, 744);
    assert_int_equal(r->silver_rows, 733);
    assert_int_equal(r->telemetry.quarantined, 11);
    assert_int_equal(r->duplicates, 0);
    assert_int_equal(r->telemetry.records,
                     r->silver_rows + r->telemetry.quarantined + r->duplicates);
    assert_int_equal(r->imputed[TELEMETRY_temp_moteur], 31);
    assert_int_equal(r->imputed[TELEMETRY_vitesse], 19);
    assert_int_equal(r->imputed[TELEMETRY_pression_huile], 0);
    assert_int_equal(r->gold_rows, 41);
}

/* The reference's gold with one cell changed must not pass. */
static void test_a_changed_cell_is_caught(void **state)
{
    (void)state;
    if (!hard) {
        skip();
        return;
    }
    struct arena *arena = &hard->arena;
    struct bytes text;
    struct error err;
    const char *path = arena_printf(arena, "%s/gold/reporting_final.csv", hard->expected);
    const char *changed = arena_printf(arena, "%s/changed.csv", hard->data);
    const char *ours = arena_printf(arena, "%s/gold/reporting_final.csv", hard->data);
    static const struct {
        const char *from, *to;
    } changes[] = {
        {"CRITIQUE", "ALERTE"},
        {"Sprinter", "Master"},
        {"84.17334691109905", "84.17334697109905"},
        {"VIN-751001", "VIN-99"},
        {"2026-03-08", "2026-03-09"},
    };
    assert_int_equal(fs_read(path, 1 << 20, arena, &text, &err), 0);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *place = strstr(text.data, changes[i].from);
        assert_non_null(place);
        const char *edited = arena_printf(arena, "%.*s%s%s", (int)(place - text.data), text.data,
                                          changes[i].to, place + strlen(changes[i].from));
        assert_int_equal(fs_write(changed, edited, strlen(edited), &err), 0);
        assert_true(differences(changed, ours, "vin", "") > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silver_csv_is_the_references),
        cmocka_unit_test(test_every_day_of_silver_parquet_is_the_references),
        cmocka_unit_test(test_gold_is_the_references),
        cmocka_unit_test(test_gold_has_the_contracts_columns_first_and_in_order),
        cmocka_unit_test(test_aggregations_are_the_references),
        cmocka_unit_test(test_quality_counts_are_the_references),
        cmocka_unit_test(test_counts_of_the_hard_case_reconcile),
        cmocka_unit_test(test_a_changed_cell_is_caught),
    };
    return cmocka_run_group_tests(tests, run_both, remove_both);
}
