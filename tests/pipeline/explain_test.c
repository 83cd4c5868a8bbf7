/* Explanations of a whole simulated lake, through the program: do they add up, do they agree with
 * gold, and are they made with the right model? */
#include "tests.h"

#include "base/fs.h"
#include "fleet/reasons.h"
#include "shared.h"
#include "support/run.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DATE "2026-11-23"

static struct arena arena;
static char *data; /* 50 simulated vehicles, trained and run */

static int make_lake(void **state)
{
    (void)state;
    data = temp_folder(&arena);
    (void)assert_cli_works(&arena, "--data", data, "--run-date", DATE, "generate", "--days", "2",
                           NULL);
    (void)assert_cli_works(&arena, "--data", data, "--run-date", DATE, "train", "--trees", "40",
                           NULL);
    (void)assert_cli_works(&arena, "--data", data, "--run-date", DATE, "run", NULL);
    return 0;
}

static int remove_lake(void **state)
{
    (void)state;
    temp_folder_remove(data);
    arena_release(&arena);
    return 0;
}

static json_t *json_of(const char *command, const char *a, const char *b, const char *c)
{
    json_error_t problem;
    const char *text = assert_cli_works(&arena, "--json", "--data", data, command, a, b, c, NULL);
    json_t *document = json_loads(text, 0, &problem);
    assert_non_null(document);
    return document;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The contributions of an explanation, by input. */
static void read_contributions(const json_t *document, double points[MODEL_INPUT_COUNT])
{
    json_t *list = json_object_get(document, "contributions");
    assert_int_equal(json_array_size(list), MODEL_INPUT_COUNT);
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        json_t *item = json_array_get(list, i);
        size_t input = 0;
        while (strcmp(model_input_gold_columns[input], text(item, "mesure")) != 0) {
            input++;
        }
        points[input] = number(item, "contribution");
    }
}

static void test_every_vehicle_adds_up_and_agrees_with_gold(void **state)
{
    (void)state;
    json_t *top = json_of("top", "--limit", "0", NULL);
    json_t *vehicles = json_object_get(top, "vehicles");
    assert_int_equal(json_array_size(vehicles), 50);
    for (size_t v = 0; v < 50; v += 3) {
        json_t *vehicle = json_array_get(vehicles, v);
        json_t *document = json_of("explain", text(vehicle, "vin"), NULL, NULL);
        double points[MODEL_INPUT_COUNT];
        read_contributions(document, points);
        double sum = number(document, "base");
        for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
            sum += points[i];
        }
        assert_true(fabs(sum - number(document, "probabilite")) < 1e-9);
        if (number(document, "type_panne_predit") > 0) {
            assert_true(fabs(sum - number(document, "prob_panne")) < 1e-6);
        }
        struct reason told[REASONS_AT_MOST];
        size_t count = reasons_read(text(vehicle, "raisons"), told);
        assert_true(count > 0 && count == (size_t)number(document, "raisons"));
        for (size_t i = 0; i < count; i++) {
            assert_true(fabs(told[i].points - points[told[i].input]) <= 0.005 + 1e-9);
        }
        json_decref(document);
    }
    json_decref(top);
}

static void test_usual_ranges_are_those_of_the_training_data(void **state)
{
    (void)state;
    json_t *document = json_of("explain", "VIN-751009", NULL, NULL);
    json_t *list = json_object_get(document, "contributions");
    assert_true(json_is_false(json_object_get(document, "habituel_de_cette_flotte")));
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        json_t *item = json_array_get(list, i);
        if (strcmp(text(item, "mesure"), "pression_huile") == 0) { /* sound: 3 to 5 bar */
            assert_true(number(item, "habituel_bas") > 3 && number(item, "habituel_bas") < 3.5);
            assert_true(number(item, "habituel_haut") > 4.5 && number(item, "habituel_haut") < 5);
        }
    }
    json_decref(document);
}

static void test_a_vin_that_is_not_there_is_told_with_near_ones(void **state)
{
    (void)state;
    assert_cli_fails(1,
                     "VIN-75109 is not among the 50 vehicles rated on " DATE "; did you mean "
                     "VIN-751009, VIN-751019, VIN-751029?",
                     "--data", data, "explain", "VIN-75109", NULL);
    assert_cli_fails(1, "did you mean VIN-751012,", "--data", data, "explain", "VNI-751012", NULL);
    assert_cli_fails(1, "for the list: autostream top --limit 0", "--data", data, "explain",
                     "' OR 1=1 --", NULL);
    assert_cli_fails(1, "is not among the 50", "--data", data, "explain",
                     "a very long text in the place of a vehicle identifier, which nobody has in "
                     "a register, but which must not do harm",
                     NULL);
}

static void test_reasons_are_the_same_bytes_for_any_number_of_threads(void **state)
{
    (void)state;
    struct bytes first = {0};
    static const char *const threads[] = {"1", "2", "5"};
    for (size_t i = 0; i < 3; i++) {
        struct bytes file;
        struct error err;
        (void)assert_cli_works(&arena, "--data", data, "--run-date", DATE, "--threads", threads[i],
                               "gold", NULL);
        assert_int_equal(fs_read(arena_printf(&arena, "%s/gold/reporting_final.csv", data), 1 << 20,
                                 &arena, &file, &err),
                         0);
        first = i == 0 ? file : first;
        assert_int_equal(file.size, first.size);
        assert_memory_equal(file.data, first.data, first.size);
    }
    assert_non_null(strstr(first.data, ",raisons\n"));
}

/* Copies a file of the lake. */
static void copy(const char *from, const char *to)
{
    struct program_result result;
    const char *const argv[] = {"cp", arena_printf(&arena, "%s/%s", data, from),
                                arena_printf(&arena, "%s/%s", data, to), NULL};
    run_program(&arena, &result, argv, NULL);
    assert_int_equal(result.status, 0);
}

static void test_only_the_model_that_made_the_results_explains_them(void **state)
{
    (void)state;
    const char *kept = arena_printf(&arena, "%s/models/kept.onnx", data);
    copy("models/model_pannes.onnx", "models/kept.onnx");
    (void)assert_cli_works(&arena, "--data", data, "--run-date", DATE, "train", "--trees", "7",
                           "--seed", "9", NULL);
    assert_cli_fails(1, "this is not the model that made the results of " DATE, "--data", data,
                     "explain", "VIN-751009", NULL);
    (void)assert_cli_works(&arena, "--data", data, "explain", "VIN-751009", "--model", kept, NULL);
    assert_cli_fails(1, "is gone (SHA-256", "--data", data, "explain", "VIN-751009", "--model",
                     "/nonexistent.onnx", NULL);
    copy("models/kept.onnx", "models/model_pannes.onnx");
    (void)assert_cli_works(&arena, "--data", data, "explain", "VIN-751009", NULL);
}

static void test_results_without_their_record_are_not_explained(void **state)
{
    (void)state;
    struct program_result result;
    const char *record = arena_printf(&arena, "%s/runs/run_date=" DATE "/run.json", data);
    const char *const away[] = {"mv", record, arena_printf(&arena, "%s.away", record), NULL};
    const char *const back[] = {"mv", away[2], record, NULL};
    run_program(&arena, &result, away, NULL);
    assert_cli_fails(1, "does not tell which model made the results", "--data", data, "explain",
                     "VIN-751009", NULL);
    (void)write_file(&arena, data, "runs/run_date=" DATE "/run.json", "{\"gold\": 3}", 11);
    assert_cli_fails(1, "does not tell which model made the results", "--data", data, "explain",
                     "VIN-751009", NULL);
    run_program(&arena, &result, back, NULL);
    (void)assert_cli_works(&arena, "--data", data, "explain", "VIN-751009", NULL);
}

/* The reference's model names nothing and counts nothing: it is explained against the fleet. */
static void test_a_foreign_model_is_explained_against_the_fleet(void **state)
{
    (void)state;
    const char *golden = shared_path(&arena, "golden/plain/model_pannes.onnx");
    if (!golden) {
        skip();
        return;
    }
    (void)assert_cli_works(&arena, "--data", data, "--run-date", DATE, "gold", "--model", golden,
                           NULL);
    json_t *document = json_of("explain", "VIN-751009", NULL, NULL);
    double points[MODEL_INPUT_COUNT];
    read_contributions(document, points);
    double sum = number(document, "base");
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        sum += points[i];
    }
    assert_true(fabs(sum - number(document, "prob_panne")) < 1e-6);
    assert_true(json_is_true(json_object_get(document, "base_de_cette_flotte")));
    assert_true(json_is_true(json_object_get(document, "habituel_de_cette_flotte")));
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_vehicle_adds_up_and_agrees_with_gold),
        cmocka_unit_test(test_usual_ranges_are_those_of_the_training_data),
        cmocka_unit_test(test_a_vin_that_is_not_there_is_told_with_near_ones),
        cmocka_unit_test(test_reasons_are_the_same_bytes_for_any_number_of_threads),
        cmocka_unit_test(test_only_the_model_that_made_the_results_explains_them),
        cmocka_unit_test(test_results_without_their_record_are_not_explained),
        cmocka_unit_test(test_a_foreign_model_is_explained_against_the_fleet),
    };
    return cmocka_run_group_tests(tests, make_lake, remove_lake);
}
