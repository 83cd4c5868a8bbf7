/* The simulation against what the project was given: profiles.csv and the golden bronze, in the
 * folder AUTOSTREAM_SHARED or ../shared beside the source. Skipped, with a word, where they are
 * not there; AUTOSTREAM_REQUIRE_SHARED=1 makes that a failure. */
#include "reading.h"
#include "shared.h"

#include "base/dates.h"
#include "generator/generator.h"

static const char *shared_folder(struct arena *arena)
{
    const char *path = shared_path(arena, "");
    if (!path) {
        skip();
    }
    return path;
}

static void test_profiles_are_those_of_the_reference(void **state)
{
    struct arena *arena = *state;
    struct csv csv = read_csv(arena, shared_folder(arena), "profiles.csv");
    size_t row = 0;
    assert_int_equal(csv.rows, FAILURE_COUNT * MODEL_INPUT_COUNT);
    for (int f = 0; f < FAILURE_COUNT; f++) {
        for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
            char **cell = csv.cell[++row];
            assert_string_equal(cell[0], failure_kinds[f].name);
            assert_int_equal(strtol(cell[1], NULL, 10), f);
            assert_string_equal(cell[2], model_input_names[i]);
            assert_true(strtod(cell[4], NULL) == profile_ranges[f][i].low);
            assert_true(strtod(cell[5], NULL) == profile_ranges[f][i].high);
            assert_int_equal(strtol(cell[6], NULL, 10), profile_ranges[f][i].whole);
        }
    }
}

static void assert_same_header(struct arena *arena, const char *ours, const char *golden,
                               const char *name)
{
    struct csv a = read_csv(arena, ours, name);
    struct csv b = read_csv(arena, golden, name);
    assert_int_equal(a.columns, b.columns);
    assert_int_equal(a.rows, b.rows);
    for (size_t i = 0; i < a.columns; i++) {
        assert_string_equal(a.cell[0][i], b.cell[0][i]);
    }
}

static void test_bronze_has_the_form_of_the_golden_one(void **state)
{
    struct arena *arena = *state;
    const char *golden =
        arena_printf(arena, "%s/golden/plain/bronze/run_date=2026-11-23", shared_folder(arena));
    const char *ours = make_folder(arena);
    struct generator_options options = {.run_date = date_from_civil(2026, 11, 23)};
    struct object a, b;
    struct error err;
    assert_int_equal(generator_write(ours, &options, &err), 0);
    assert_same_header(arena, ours, golden, "csv/maintenance.csv");
    assert_same_header(arena, ours, golden, "csv/data_historique_pannes.csv");
    assert_same_header(arena, ours, golden, "csv/piece_lifetime.csv");
    struct csv our_parts = read_csv(arena, ours, "csv/piece_lifetime.csv");
    struct csv golden_parts = read_csv(arena, golden, "csv/piece_lifetime.csv");
    for (size_t r = 1; r <= golden_parts.rows; r++) {
        assert_string_equal(our_parts.cell[r][0], golden_parts.cell[r][0]);
    }
    for (int i = 0; i < 50; i++) {
        const char *name = arena_printf(arena, "json/msg_%d.json", i);
        assert_true(read_object(read_text(arena, ours, name), &a));
        assert_true(read_object(read_text(arena, golden, name), &b));
        assert_string_equal(object_value(&a, "vin"), object_value(&b, "vin"));
        assert_int_equal(a.count, b.count);
        for (size_t f = 0; f < a.count; f++) {
            assert_string_equal(a.name[f], b.name[f]);
        }
    }
    remove_folder(ours);
}

static int setup(void **state)
{
    *state = xcalloc(1, sizeof(struct arena));
    return 0;
}

static int teardown(void **state)
{
    arena_release(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_profiles_are_those_of_the_reference, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bronze_has_the_form_of_the_golden_one, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
