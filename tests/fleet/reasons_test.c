/* Reasons: which are told, the cell of gold there and back, sentences in both languages. */
#include "tests.h"

#include "fleet/reasons.h"

#include <string.h>

#define NB "\xe2\x80\xaf" /* groups of thousands in French */

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct reason reason(enum model_input input, double value, double points, double low,
                            double high)
{
    return (struct reason){input, value, points, {low, high}};
}

static void assert_sentence(struct reason told, int predicted, const char *fr, const char *en)
{
    assert_string_equal(reason_sentence(&told, predicted, LANG_FR, &arena), fr);
    assert_string_equal(reason_sentence(&told, predicted, LANG_EN, &arena), en);
}

static void test_a_sentence_has_value_usual_range_points_and_part(void **state)
{
    (void)state;
    assert_sentence(reason(INPUT_pression_huile, 2.104, 0.312, 3.001, 4.996), FAILURE_MOTEUR,
                    "Pression d'huile 2,10 bar, habituel 3,00-5,00 : +31 points pour Moteur",
                    "Oil pressure 2.10 bar, usual 3.00-5.00: +31 points for Engine");
    assert_sentence(reason(INPUT_km_depuis_revis, 41200, -0.09, 1000, 20000), FAILURE_FREINS,
                    "Km depuis la révision 41" NB "200 km, habituel 1" NB "000-20" NB
                    "000 : -9 points pour Freins",
                    "Km since service 41,200 km, usual 1,000-20,000: -9 points for Brakes");
}

static void test_a_sentence_does_without_what_is_not_known(void **state)
{
    (void)state;
    assert_sentence(reason(INPUT_temp_moteur, 118.24, 0.22, NAN, NAN), FAILURE_TURBO,
                    "Température moteur 118,2 °C : +22 points pour Turbo",
                    "Engine temperature 118.2 °C: +22 points for Turbo");
    assert_sentence(reason(INPUT_voltage_batterie, NAN, 0.05, 12.2, 14.5), FAILURE_BATTERIE,
                    "Tension batterie non mesurée, habituel 12,20-14,50 : +5 points pour Batterie",
                    "Battery voltage not measured, usual 12.20-14.50: +5 points for Battery");
}

static void test_a_sound_vehicles_sentence_speaks_of_a_sound_vehicle(void **state)
{
    (void)state;
    assert_sentence(reason(INPUT_conso_essence, 7, 0.06, 6, 9), FAILURE_OK,
                    "Consommation 7,0 L/100 km, habituel 6,0-9,0 : +6 points pour un véhicule sain",
                    "Fuel consumption 7.0 L/100 km, usual 6.0-9.0: +6 points for a sound vehicle");
}

static void test_one_point_is_singular_and_a_negative_bound_is_no_dash(void **state)
{
    (void)state;
    assert_sentence(reason(INPUT_km_depuis_revis, -20, -0.011, -500, 900), FAILURE_FREINS,
                    "Km depuis la révision -20 km, habituel -500 à 900 : -1 point pour Freins",
                    "Km since service -20 km, usual -500 to 900: -1 point for Brakes");
}

/* Contributions of all inputs, in the model's order. */
static void fill(struct reason reasons[MODEL_INPUT_COUNT], const double *points)
{
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        reasons[i] = reason((enum model_input)i, (double)i, points[i], NAN, NAN);
    }
}

static void test_the_strongest_come_first_whatever_their_sign(void **state)
{
    (void)state;
    struct reason reasons[MODEL_INPUT_COUNT];
    fill(reasons, (double[]){0.01, -0.3, 0.2, 0.3, 0, 0.02, -0.2, 0, 0});
    reasons_sort(reasons);
    static const enum model_input order[] = {1, 3, 2, 6, 5, 0, 4, 7, 8};
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        assert_int_equal(reasons[i].input, order[i]);
    }
    assert_int_equal(reasons_worth_telling(reasons), 3);
}

static void test_what_rounds_to_no_point_is_not_told(void **state)
{
    (void)state;
    struct reason reasons[MODEL_INPUT_COUNT];
    fill(reasons, (double[]){0.0049, -0.005, 0, 0, 0, 0, 0, 0, 0});
    reasons_sort(reasons);
    assert_int_equal(reasons_worth_telling(reasons), 1);
    assert_int_equal(reasons[0].input, 1);
    fill(reasons, (double[]){0, 0, 0, 0, 0, 0, 0, 0, 0});
    assert_int_equal(reasons_worth_telling(reasons), 0);
}

static void test_the_cell_of_gold_is_read_back_as_written(void **state)
{
    (void)state;
    const struct reason told[] = {reason(INPUT_pression_huile, 2.1, 0.314, 3, 5),
                                  reason(INPUT_temp_moteur, 118.2499, -0.22, NAN, NAN),
                                  reason(INPUT_voltage_batterie, NAN, 0.11, NAN, NAN)};
    struct reason back[REASONS_AT_MOST];
    const char *cell = reasons_cell(told, 3, &arena);
    assert_string_equal(cell, "pression_huile=2.1:+0.31|temp_moyenne=118.2:-0.22|"
                              "voltage_batterie=:+0.11");
    assert_int_equal(reasons_read(cell, back), 3);
    assert_int_equal(back[1].input, INPUT_temp_moteur);
    assert_true(back[1].value == 118.2 && back[1].points == -0.22);
    assert_true(isnan(back[2].value) && isnan(back[2].usual.low));
    assert_string_equal(reasons_cell(told, 3, &arena), reasons_cell(back, 3, &arena));
}

static void test_numbers_in_the_cell_are_short(void **state)
{
    (void)state;
    const struct reason told[] = {reason(INPUT_km_actuel, 120000.4, 0.5, NAN, NAN),
                                  reason(INPUT_pression_huile, -0.0001, 0.5, NAN, NAN),
                                  reason(INPUT_temp_moteur, 90, 0.5, NAN, NAN)};
    assert_string_equal(reasons_cell(told, 3, &arena),
                        "km_actuel=120000:+0.50|pression_huile=0:+0.50|temp_moyenne=90:+0.50");
    assert_string_equal(reasons_cell(told, 0, &arena), "");
}

static void test_cells_that_are_none_give_no_reasons(void **state)
{
    (void)state;
    static const char *const cells[] = {"",
                                        "x=1:+0.5",
                                        "pression_huile",
                                        "pression_huile=",
                                        "pression_huile=2.1",
                                        "pression_huile=2.1:",
                                        "pression_huile=a:+0.3",
                                        "pression_huile=2.1:+0.3;",
                                        "pression_huile=2.1:nan",
                                        "|"};
    struct reason back[REASONS_AT_MOST];
    assert_int_equal(reasons_read(NULL, back), 0);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        assert_int_equal(reasons_read(cells[i], back), 0);
    }
    assert_int_equal(reasons_read("pression_huile=2.1:+0.3|x", back), 1);
    assert_int_equal(
        reasons_read("km_actuel=1:+0.3|km_actuel=2:+0.3|km_actuel=3:1|km_actuel=4:1", back),
        REASONS_AT_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sentence_has_value_usual_range_points_and_part),
        cmocka_unit_test(test_a_sentence_does_without_what_is_not_known),
        cmocka_unit_test(test_a_sound_vehicles_sentence_speaks_of_a_sound_vehicle),
        cmocka_unit_test(test_one_point_is_singular_and_a_negative_bound_is_no_dash),
        cmocka_unit_test(test_the_strongest_come_first_whatever_their_sign),
        cmocka_unit_test(test_what_rounds_to_no_point_is_not_told),
        cmocka_unit_test(test_the_cell_of_gold_is_read_back_as_written),
        cmocka_unit_test(test_numbers_in_the_cell_are_short),
        cmocka_unit_test(test_cells_that_are_none_give_no_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
