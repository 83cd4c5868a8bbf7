/* From prediction to urgency, health and km: every branch and every threshold of fleet/status.c. */
#include "tests.h"

#include "fleet/fleet.h"

static void test_statut_is_ok_whatever_the_probability_when_no_failure_is_predicted(void **state)
{
    (void)state;
    assert_int_equal(fleet_statut(FAILURE_OK, 0.99), STATUT_OK);
}

static void test_statut_thresholds_include_their_value(void **state)
{
    (void)state;
    assert_int_equal(fleet_statut(FAILURE_TURBO, 0.7), STATUT_CRITIQUE);
    assert_int_equal(fleet_statut(FAILURE_TURBO, 0.699999), STATUT_ALERTE);
    assert_int_equal(fleet_statut(FAILURE_TURBO, 0.4), STATUT_ALERTE);
    assert_int_equal(fleet_statut(FAILURE_TURBO, 0.399999), STATUT_SURVEILLANCE);
}

static void test_seventy_float_votes_of_a_hundred_are_critical(void **state)
{
    (void)state;
    float votes = 0;
    for (int i = 0; i < 70; i++) {
        votes += 0.01F;
    }
    double prob[FAILURE_COUNT] = {[FAILURE_FREINS] = (double)votes};
    assert_true(prob[FAILURE_FREINS] < 0.7);
    double prob_panne = fleet_prob_panne(FAILURE_FREINS, prob);
    assert_true(prob_panne == 0.7);
    assert_int_equal(fleet_statut(FAILURE_FREINS, prob_panne), STATUT_CRITIQUE);
}

static void test_prob_panne_of_a_sound_vehicle_is_its_largest_failure(void **state)
{
    (void)state;
    double prob[FAILURE_COUNT] = {0.6, 0.1, 0.05, 0.2, 0.05, 0};
    assert_true(fleet_prob_panne(FAILURE_OK, prob) == 0.2);
}

static void test_niveau_thresholds_include_their_value(void **state)
{
    (void)state;
    assert_int_equal(fleet_niveau(0.7), NIVEAU_URGENT);
    assert_int_equal(fleet_niveau(0.5), NIVEAU_ATTENTION);
    assert_int_equal(fleet_niveau(0.3), NIVEAU_SURVEILLANCE);
    assert_int_equal(fleet_niveau(0.299999), NIVEAU_NORMAL);
}

static void test_sante_is_exact_for_every_vote_of_a_hundred(void **state)
{
    (void)state;
    for (int votes = 0; votes <= 100; votes++) {
        assert_int_equal(fleet_sante(votes / 100.0), 100 - votes);
    }
    assert_int_equal(fleet_sante(0.905), 9);
}

static void test_km_avant_panne_follows_the_contract(void **state)
{
    (void)state;
    assert_true(fleet_km_avant_panne(FAILURE_OK, 0.2, 40000, 10000) == 30000);
    assert_true(fleet_km_avant_panne(FAILURE_FREINS, 0.9, 40000, 41000) == 0);
    assert_true(fleet_km_avant_panne(FAILURE_FREINS, 0.9, 40000, 10000) == 2000);
    assert_true(fleet_km_avant_panne(FAILURE_FREINS, 0.9, 40000, 39999) == 250);
    assert_true(fleet_km_avant_panne(FAILURE_FREINS, 0.5, 40000, 30000) == 4000);
    assert_true(fleet_km_avant_panne(FAILURE_FREINS, 0.3, 40000, 30000) == 7000);
    assert_true(fleet_km_avant_panne(FAILURE_FREINS, 0.3, 40000, -1000) == 28750);
    /* trunc(1001.5) = 1001, trunc(400.4) = 400, up to 500 */
    assert_true(fleet_km_avant_panne(FAILURE_FREINS, 0.5, 40000, 38998.5) == 500);
}

static void test_km_avant_panne_is_unknown_without_a_lifetime(void **state)
{
    (void)state;
    assert_true(isnan(fleet_km_avant_panne(FAILURE_FREINS, 0.9, NAN, 1000)));
    assert_true(isnan(fleet_km_avant_panne(FAILURE_FREINS, 0.9, 40000, NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statut_is_ok_whatever_the_probability_when_no_failure_is_predicted),
        cmocka_unit_test(test_statut_thresholds_include_their_value),
        cmocka_unit_test(test_seventy_float_votes_of_a_hundred_are_critical),
        cmocka_unit_test(test_prob_panne_of_a_sound_vehicle_is_its_largest_failure),
        cmocka_unit_test(test_niveau_thresholds_include_their_value),
        cmocka_unit_test(test_sante_is_exact_for_every_vote_of_a_hundred),
        cmocka_unit_test(test_km_avant_panne_follows_the_contract),
        cmocka_unit_test(test_km_avant_panne_is_unknown_without_a_lifetime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
