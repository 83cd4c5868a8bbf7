/* The scenario "wear": the truth beside the data holds, the data show it, and the simple scenario
 * knows nothing of it. */
#include "reading.h"

#include "base/dates.h"
#include "generator/generator.h"

enum { VEHICLES = 2000, DAYS = 21, RUN_DAY = 20780 /* 2026-11-23 */, SIX_MONTHS = 184 };

static struct generator_options wearing(void)
{
    return (struct generator_options){.vehicles = VEHICLES,
                                      .days = DAYS,
                                      .seed = 7,
                                      .run_date = RUN_DAY,
                                      .scenario = GENERATOR_WEAR,
                                      .format = GENERATOR_NDJSON};
}

/* One vehicle's truth. */
struct truth {
    long failure;
    int32_t date; /* 0: none */
    double used;
    const char *cycle, *drifting;
};

static struct truth *read_truth(struct arena *arena, const char *folder)
{
    struct csv csv = read_csv(arena, folder, "_verite.csv");
    struct truth *truth = ARENA_NEW(arena, struct truth, csv.rows);
    assert_int_equal(csv.rows, VEHICLES);
    for (size_t i = 0; i < csv.rows; i++) {
        char **cell = csv.cell[i + 1];
        assert_string_equal(cell[0], arena_printf(arena, "VIN-%zu", 751000 + i));
        truth[i] = (struct truth){.failure = strtol(cell[1], NULL, 10),
                                  .used = strtod(cell[3], NULL),
                                  .cycle = cell[4],
                                  .drifting = cell[5]};
        assert_true(cell[2][0] == '\0' || date_parse(cell[2], strlen(cell[2]), &truth[i].date));
    }
    return truth;
}

static size_t vehicle_of(const struct object *object)
{
    const char *vin = object_value(object, "vin");
    return (size_t)strtol(vin + strlen("\"VIN-"), NULL, 10) - 751000;
}

static void test_truth_names_a_failure_ahead_or_none(void **state)
{
    static const int of_50[FAILURE_COUNT] = {34, 3, 3, 4, 3, 3};
    struct arena *arena = *state;
    struct generator_options options = wearing();
    const char *folder = write_bronze(arena, &options);
    struct truth *truth = read_truth(arena, folder);
    int counts[FAILURE_COUNT] = {0};
    int drifting = 0;
    for (size_t i = 0; i < VEHICLES; i++) {
        counts[truth[i].failure]++;
        drifting += truth[i].drifting[0] != '\0';
        if (truth[i].failure == 0) {
            assert_true(truth[i].date == 0 && truth[i].used == 0);
        } else {
            assert_true(truth[i].date >= RUN_DAY);
            assert_true(truth[i].used >= 0.3 && truth[i].used <= 1);
        }
    }
    for (int f = 0; f < FAILURE_COUNT; f++) {
        assert_int_equal(counts[f], of_50[f] * VEHICLES / 50);
    }
    assert_in_range(drifting, 20, 100); /* 3 %, less those that fall on the speed or odometer */
    remove_folder(folder);
}

/* Means over the latest message of vehicles of one kind of failure, by how much life is used. */
static double mean_of(struct arena *arena, const char *folder, const struct truth *truth,
                      const char *measure, long failure, double from, double to)
{
    size_t count, used = 0;
    char **lines = read_lines(arena, folder, &count);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        struct object object;
        assert_true(read_object(lines[i], &object));
        const struct truth *t = &truth[vehicle_of(&object)];
        if (t->failure == failure && t->used >= from && t->used < to &&
            instant_of(&object) >= (int64_t)RUN_DAY * 86400) {
            sum += object_number(&object, measure);
            used++;
        }
    }
    assert_true(used > 10);
    return sum / (double)used;
}

static void test_measures_move_late_and_towards_the_failure(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = wearing();
    options.days = 1;
    const char *folder = write_bronze(arena, &options);
    struct truth *truth = read_truth(arena, folder);
    double sound = mean_of(arena, folder, truth, "voltage_batterie", FAILURE_OK, 0, 1);
    double early = mean_of(arena, folder, truth, "voltage_batterie", FAILURE_BATTERIE, 0.3, 0.6);
    double late = mean_of(arena, folder, truth, "voltage_batterie", FAILURE_BATTERIE, 0.9, 1);
    assert_true(sound > 12.8 && sound < 13.5);
    assert_true(fabs(early - sound) < 0.3); /* no sign yet */
    assert_true(late < sound - 0.8);
    double hot = mean_of(arena, folder, truth, "temp_moteur", FAILURE_MOTEUR, 0.9, 1);
    assert_true(hot > mean_of(arena, folder, truth, "temp_moteur", FAILURE_OK, 0, 1) + 10);
    remove_folder(folder);
}

static void test_every_vehicle_is_heard_with_gaps_and_an_odometer_that_rises(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = wearing();
    struct {
        int64_t instant;
        double km;
        int messages;
    } *last = xcalloc(VEHICLES, sizeof *last);
    const char *folder = write_bronze(arena, &options);
    struct truth *truth = read_truth(arena, folder);
    size_t count;
    char **lines = read_lines(arena, folder, &count);
    for (size_t i = 0; i < count; i++) {
        struct object object;
        assert_true(read_object(lines[i], &object));
        size_t v = vehicle_of(&object);
        int64_t instant = instant_of(&object);
        double km = object_number(&object, "km_actuel");
        if (last[v].messages++ > 0) { /* the latest comes first */
            assert_true(instant < last[v].instant && km <= last[v].km);
            bool sunday = (instant / 86400 + 4) % 7 == 0;
            assert_true(!sunday || strcmp(truth[v].cycle, "route") == 0);
        }
        last[v].instant = instant;
        last[v].km = km;
    }
    for (size_t v = 0; v < VEHICLES; v++) {
        assert_in_range(last[v].messages, 1, DAYS);
    }
    /* Of 21 days three are Sundays for two thirds of the fleet; 5 % of the weeks and 1 % of the
     * messages are missing. */
    double share = (double)count / (VEHICLES * (double)DAYS);
    assert_true(share > 0.80 && share < 0.89);
    free(last);
    remove_folder(folder);
}

static void test_driving_keeps_to_its_hours_and_speeds(void **state)
{
    static const struct {
        const char *cycle;
        int64_t from, to; /* hours */
        double slow, fast;
    } kinds[] = {{"ville", 7, 19, 10, 55}, {"mixte", 6, 20, 40, 95}, {"route", 5, 22, 70, 120}};
    struct arena *arena = *state;
    struct generator_options options = wearing();
    size_t seen[3] = {0};
    size_t count;
    const char *folder = write_bronze(arena, &options);
    struct truth *truth = read_truth(arena, folder);
    char **lines = read_lines(arena, folder, &count);
    for (size_t i = 0; i < count; i++) {
        struct object object;
        assert_true(read_object(lines[i], &object));
        size_t k = 0;
        while (strcmp(truth[vehicle_of(&object)].cycle, kinds[k].cycle) != 0) {
            assert_true(++k < 3);
        }
        int64_t hour = instant_of(&object) % 86400 / 3600;
        double speed = object_number(&object, "vitesse");
        assert_true(hour >= kinds[k].from && hour < kinds[k].to);
        assert_true(speed >= kinds[k].slow && speed <= kinds[k].fast);
        seen[k]++;
    }
    for (size_t k = 0; k < 3; k++) {
        assert_true(seen[k] > count / 5);
    }
    remove_folder(folder);
}

/* Means of a measure over the first and the last days of a vehicle. */
struct ends {
    double first, last, lowest, highest;
    int firsts, lasts;
};

static struct ends *ends_of(struct arena *arena, const char *folder, const char *measure, int days)
{
    enum { END_DAYS = 5 };
    struct ends *ends = ARENA_NEW(arena, struct ends, VEHICLES);
    size_t count;
    char **lines = read_lines(arena, folder, &count);
    for (size_t i = 0; i < count; i++) {
        struct object object;
        assert_true(read_object(lines[i], &object));
        struct ends *e = &ends[vehicle_of(&object)];
        double value = object_number(&object, measure);
        int64_t before = RUN_DAY - instant_of(&object) / 86400;
        e->lowest = e->lowest == 0 || value < e->lowest ? value : e->lowest;
        e->highest = value > e->highest ? value : e->highest;
        if (before < END_DAYS) {
            e->last += value;
            e->lasts++;
        } else if (before >= days - END_DAYS) {
            e->first += value;
            e->firsts++;
        }
    }
    for (size_t v = 0; v < VEHICLES; v++) {
        ends[v].first /= ends[v].firsts > 0 ? ends[v].firsts : 1;
        ends[v].last /= ends[v].lasts > 0 ? ends[v].lasts : 1;
    }
    return ends;
}

/* Of a sound vehicle, in shares of the range that sound ones have: noise is small and everywhere,
 * a sensor that drifts ends a fifth away after sixty days. */
static void test_sensors_are_noisy_and_some_drift(void **state)
{
    enum { SIXTY = 60 };
    struct arena *arena = *state;
    struct generator_options options = wearing();
    options.days = SIXTY;
    const char *folder = write_bronze(arena, &options);
    struct truth *truth = read_truth(arena, folder);
    const double width = profile_ranges[FAILURE_OK][INPUT_pression_huile].high -
                         profile_ranges[FAILURE_OK][INPUT_pression_huile].low;
    struct ends *ends = ends_of(arena, folder, "pression_huile", SIXTY);
    int drifting = 0;
    for (size_t v = 0; v < VEHICLES; v++) {
        if (truth[v].failure != 0 || ends[v].firsts == 0 || ends[v].lasts == 0) {
            continue;
        }
        double moved = fabs(ends[v].last - ends[v].first) / width;
        double spread = (ends[v].highest - ends[v].lowest) / width;
        bool drifts = strcmp(truth[v].drifting, "pression_huile") == 0;
        drifting += drifts;
        assert_true(drifts ? moved > 0.1 && moved < 0.25 : moved < 0.08);
        assert_true(spread > 0.02 && spread < (drifts ? 0.4 : 0.13));
    }
    assert_true(drifting > 0);
    remove_folder(folder);
}

static void test_summer_is_warmer_than_winter(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = wearing();
    double mean[2];
    options.days = 1;
    for (int i = 0; i < 2; i++) {
        options.run_date = date_from_civil(2026, i == 0 ? 1 : 7, 7); /* both midweek */
        const char *folder = write_bronze(arena, &options);
        size_t count;
        char **lines = read_lines(arena, folder, &count);
        mean[i] = 0;
        for (size_t l = 0; l < count; l++) {
            struct object object;
            assert_true(read_object(lines[l], &object));
            mean[i] += object_number(&object, "temp_moteur") / (double)count;
        }
        remove_folder(folder);
    }
    assert_true(mean[1] - mean[0] > 5 && mean[1] - mean[0] < 7); /* 3 °C each way */
}

static void test_history_calls_failing_what_failed_within_the_horizon(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = wearing();
    const char *folder = write_bronze(arena, &options);
    struct csv csv = read_csv(arena, folder, "csv/data_historique_pannes.csv");
    int counts[FAILURE_COUNT] = {0};
    assert_int_equal(csv.rows, WEAR_HISTORY_ROWS);
    for (size_t r = 1; r <= csv.rows; r++) {
        long failure = strtol(csv.cell[r][MODEL_INPUT_COUNT + 1], NULL, 10);
        assert_in_range(failure, 0, FAILURE_COUNT - 1);
        counts[failure]++;
    }
    for (int f = 1; f < FAILURE_COUNT; f++) { /* half of 6 to 8 %, of 4,800 */
        assert_in_range(counts[f], 90, 250);
    }
    assert_int_equal(read_csv(arena, folder, "csv/piece_lifetime.csv").rows, 5);
    remove_folder(folder);
}

static void test_bytes_do_not_depend_on_threads(void **state)
{
    struct arena *arena = *state;
    char first[HASH_TEXT_SIZE] = "";
    for (unsigned threads = 1; threads <= 5; threads += 2) {
        struct generator_options options = wearing();
        char hash[HASH_TEXT_SIZE];
        options.vehicles = 12000;
        options.faults = 0.1;
        options.threads = threads;
        const char *folder = write_bronze(arena, &options);
        hash_bronze(arena, folder, hash);
        remove_folder(folder);
        if (threads == 1) {
            memcpy(first, hash, sizeof first);
        }
        assert_string_equal(hash, first);
    }
}

static void test_only_this_scenario_writes_truth_and_says_so(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = wearing();
    const char *folder = write_bronze(arena, &options);
    assert_non_null(strstr(read_text(arena, folder, "_SIMULATED"), "\nscenario=wear\n"));
    remove_folder(folder);
    options.scenario = GENERATOR_SIMPLE;
    folder = write_bronze(arena, &options);
    assert_null(strstr(read_text(arena, folder, "_SIMULATED"), "scenario"));
    assert_false(fs_exists(arena_printf(arena, "%s/_verite.csv", folder)));
    remove_folder(folder);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_truth_names_a_failure_ahead_or_none),
        TEST(test_measures_move_late_and_towards_the_failure),
        TEST(test_every_vehicle_is_heard_with_gaps_and_an_odometer_that_rises),
        TEST(test_driving_keeps_to_its_hours_and_speeds),
        TEST(test_sensors_are_noisy_and_some_drift),
        TEST(test_summer_is_warmer_than_winter),
        TEST(test_history_calls_failing_what_failed_within_the_horizon),
        TEST(test_bytes_do_not_depend_on_threads),
        TEST(test_only_this_scenario_writes_truth_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
