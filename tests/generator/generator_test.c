/* The bronze that the generator writes, read back: counts, ranges, clocks, faults, tables, the same
 * bytes for any number of threads, constant memory. */
#include "reading.h"

#include "base/dates.h"
#include "generator/generator.h"
#include "generator/simulate.h"
#include "generator/text.h"

#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char run_date_text[] = "2026-11-23";

static struct generator_options options_for(uint64_t vehicles)
{
    return (struct generator_options){
        .vehicles = vehicles, .seed = 7, .run_date = date_from_civil(2026, 11, 23)};
}

static size_t count_files(struct arena *arena, const char *folder)
{
    struct error err;
    char **names;
    size_t count;
    assert_int_equal(fs_list(folder, arena, &names, &count, &err), 0);
    return count;
}

static int64_t noon(void)
{
    return (int64_t)date_from_civil(2026, 11, 23) * 86400 + 43200;
}

/* ---- numbers as text ---- */

static void test_thousandths_print_short_and_exact(void **state)
{
    static const struct {
        int64_t milli;
        bool whole;
        const char *text;
    } cases[] = {{97266, false, "97.266"}, {3500, false, "3.5"},     {8550, false, "8.55"},
                 {12000, false, "12.0"},   {12005, false, "12.005"}, {0, false, "0.0"},
                 {-1500, false, "-1.5"},   {2577000, true, "2577"},  {-3000, true, "-3"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[NUMBER_ROOM + 8];
        *put_milli(text, cases[i].milli, cases[i].whole) = '\0';
        assert_string_equal(text, cases[i].text);
    }
}

/* ---- counts and mix ---- */

static void test_default_fleet_is_fifty_vehicles_with_a_message_each(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = {.run_date = date_from_civil(2026, 11, 23)};
    const char *folder = write_bronze(arena, &options);
    assert_int_equal(count_files(arena, arena_printf(arena, "%s/json", folder)), 50);
    assert_int_equal(read_csv(arena, folder, "csv/maintenance.csv").rows, 50);
    for (int i = 0; i < 50; i++) {
        struct object object;
        const char *name = arena_printf(arena, "json/msg_%d.json", i);
        assert_true(read_object(read_text(arena, folder, name), &object));
        assert_string_equal(object_value(&object, "vin"),
                            arena_printf(arena, "\"VIN-%d\"", 751000 + i));
        assert_int_equal(object.count, 2 + TELEMETRY_FEATURE_COUNT);
    }
    remove_folder(folder);
}

static void test_every_block_of_fifty_has_the_contract_mix_in_its_own_order(void **state)
{
    static const int expected[FAILURE_COUNT] = {34, 3, 3, 4, 3, 3};
    struct generator_options options = options_for(500);
    struct simulation simulation;
    struct error err;
    struct mix mix = {0};
    enum failure previous[50] = {0};
    (void)state;
    assert_int_equal(simulation_init(&simulation, &options, &err), 0);
    for (uint64_t block = 0; block < 10; block++) {
        int counts[FAILURE_COUNT] = {0};
        int moved = 0;
        for (uint64_t i = 0; i < 50; i++) {
            struct vehicle vehicle;
            vehicle_draw(&simulation, &mix, block * 50 + i, &vehicle);
            counts[vehicle.failure]++;
            moved += block > 0 && vehicle.failure != previous[i];
            previous[i] = vehicle.failure;
        }
        assert_memory_equal(counts, expected, sizeof expected);
        assert_true(block == 0 || moved > 0);
    }
}

/* ---- ranges ---- */

/* The values of every message lie in the ranges of the vehicle's profile. */
static void check_ranges(struct arena *arena, const struct generator_options *options)
{
    struct simulation simulation;
    struct error err;
    struct mix mix = {0};
    size_t count;
    const char *folder = write_bronze(arena, options);
    char **lines = read_lines(arena, folder, &count);
    assert_int_equal(simulation_init(&simulation, options, &err), 0);
    assert_int_equal(count, simulation.messages);
    for (size_t n = 0; n < count; n++) {
        struct object object;
        struct vehicle vehicle;
        vehicle_draw(&simulation, &mix, n / simulation.per_vehicle, &vehicle);
        assert_true(read_object(lines[n], &object));
        for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
            struct profile_range range = profile_ranges[vehicle.failure][i];
            if (i == INPUT_km_depuis_revis || i == INPUT_km_actuel) {
                continue; /* not sent; and older odometers stand below the range */
            }
            const char *value = object_value(&object, model_input_names[i]);
            assert_non_null(value);
            double number = strtod(value, NULL);
            assert_true(number >= range.low && number <= range.high);
            assert_int_equal(range.whole, strchr(value, '.') == NULL);
        }
        double km = object_number(&object, "km_actuel");
        assert_true(km >= 0 && km <= profile_ranges[vehicle.failure][INPUT_km_actuel].high);
        double speed = object_number(&object, "vitesse");
        assert_true(speed >= 70 && speed <= 110 && speed == floor(speed));
    }
    remove_folder(folder);
}

static void test_values_lie_in_the_ranges_of_the_profile(void **state)
{
    struct generator_options options = options_for(2000);
    options.format = GENERATOR_NDJSON;
    check_ranges(*state, &options);
}

static void test_earlier_messages_stay_in_the_ranges_of_the_profile(void **state)
{
    struct generator_options options = options_for(60);
    options.format = GENERATOR_NDJSON;
    options.days = 30;
    options.messages_per_day = 3;
    check_ranges(*state, &options);
}

static void test_values_reach_both_ends_of_their_range(void **state)
{
    struct generator_options options = options_for(5000);
    struct simulation simulation;
    struct error err;
    struct mix mix = {0};
    double lowest[MODEL_INPUT_COUNT], highest[MODEL_INPUT_COUNT], sum[MODEL_INPUT_COUNT] = {0};
    int count = 0;
    (void)state;
    assert_int_equal(simulation_init(&simulation, &options, &err), 0);
    for (uint64_t n = 0; n < 5000; n++) {
        struct vehicle vehicle;
        vehicle_draw(&simulation, &mix, n, &vehicle);
        if (vehicle.failure != FAILURE_OK) {
            continue;
        }
        for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
            struct profile_range range = profile_ranges[FAILURE_OK][i];
            double place = ((double)vehicle.value[i] / 1000 - range.low) / (range.high - range.low);
            lowest[i] = count == 0 ? place : fmin(lowest[i], place);
            highest[i] = count == 0 ? place : fmax(highest[i], place);
            sum[i] += place;
        }
        count++;
    }
    for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
        assert_true(lowest[i] < 0.01 && highest[i] > 0.99);
        assert_true(fabs(sum[i] / count - 0.5) < 0.03);
    }
}

/* ---- clocks and odometers ---- */

static void test_message_i_is_i_minutes_before_now_within_a_day(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(1500);
    size_t count;
    options.format = GENERATOR_NDJSON;
    const char *folder = write_bronze(arena, &options);
    char **lines = read_lines(arena, folder, &count);
    assert_int_equal(count, 1500);
    for (size_t i = 0; i < count; i++) {
        struct object object;
        assert_true(read_object(lines[i], &object));
        assert_int_equal(instant_of(&object), noon() - 60 * (int64_t)(i % 1440));
    }
    remove_folder(folder);
}

static void test_slots_go_back_evenly_and_the_odometer_never_rises(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(100);
    size_t count;
    int64_t instant = 0;
    double km = 0;
    options.format = GENERATOR_NDJSON;
    options.days = 20;
    options.messages_per_day = 7; /* 86400 s do not divide by 7 */
    const char *folder = write_bronze(arena, &options);
    char **lines = read_lines(arena, folder, &count);
    assert_int_equal(count, 100 * 20 * 7);
    for (size_t i = 0; i < count; i++) {
        struct object object;
        assert_true(read_object(lines[i], &object));
        int64_t now = instant_of(&object);
        double now_km = object_number(&object, "km_actuel");
        if (i % 140 == 0) {
            assert_int_equal(now, noon() - (int64_t)(i / 140 * 60) % (86400 / 7));
        } else {
            assert_in_range(instant - now, 86400 / 7, 86400 / 7 + 1);
            assert_true(now_km <= km);
        }
        assert_true(now > noon() - 20 * 86400);
        if (i % 140 == 139) { /* 139 sevenths of a day at 50 km */
            double first = strtod(strstr(lines[i - 139], "km_actuel\": ") + 12, NULL);
            assert_true(first - now_km == 992);
        }
        instant = now;
        km = now_km;
    }
    remove_folder(folder);
}

static void test_odometer_stops_at_zero(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(50);
    size_t count;
    int at_zero = 0;
    options.format = GENERATOR_NDJSON;
    options.days = 3000;
    const char *folder = write_bronze(arena, &options);
    char **lines = read_lines(arena, folder, &count);
    for (size_t i = 0; i < count; i++) {
        struct object object;
        assert_true(read_object(lines[i], &object));
        assert_true(object_number(&object, "km_actuel") >= 0);
        at_zero += object_number(&object, "km_actuel") == 0;
    }
    assert_true(at_zero > 0);
    remove_folder(folder);
}

/* ---- the same bytes ---- */

static void test_bytes_do_not_depend_on_threads_or_runs(void **state)
{
    struct arena *arena = *state;
    for (int format = GENERATOR_JSON; format <= GENERATOR_NDJSON; format++) {
        char first[HASH_TEXT_SIZE] = "";
        static const unsigned threads[] = {1, 2, 5, 2};
        for (size_t i = 0; i < 4; i++) {
            struct generator_options options = options_for(format == GENERATOR_JSON ? 2500 : 50000);
            char hash[HASH_TEXT_SIZE];
            options.format = (enum generator_format)format;
            options.messages_per_day = 3;
            options.faults = 0.1;
            options.threads = threads[i];
            const char *folder = write_bronze(arena, &options);
            hash_bronze(arena, folder, hash);
            remove_folder(folder);
            if (i == 0) {
                memcpy(first, hash, sizeof first);
            }
            assert_string_equal(hash, first);
        }
    }
}

static void test_another_seed_gives_another_fleet(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(50);
    const char *a = write_bronze(arena, &options);
    options.seed++;
    const char *b = write_bronze(arena, &options);
    static const char *const names[] = {"json/msg_0.json", "csv/maintenance.csv",
                                        "csv/data_historique_pannes.csv", "csv/piece_lifetime.csv"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_not_equal(read_text(arena, a, names[i]), read_text(arena, b, names[i]));
    }
    remove_folder(a);
    remove_folder(b);
}

static void test_both_formats_hold_the_same_messages(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(300);
    size_t count;
    size_t line = 0;
    options.faults = 0.2;
    options.days = 2;
    const char *files = write_bronze(arena, &options);
    options.format = GENERATOR_NDJSON;
    const char *stream = write_bronze(arena, &options);
    char **lines = read_lines(arena, stream, &count);
    for (int i = 0; i < 600; i++) {
        const char *name = arena_printf(arena, "json/msg_%d.json", i);
        const char *second = arena_printf(arena, "json/msg_%d_2.json", i);
        assert_string_equal(read_text(arena, files, name), lines[line++]);
        if (fs_exists(arena_printf(arena, "%s/%s", files, second))) {
            assert_string_equal(read_text(arena, files, second), lines[line++]);
        }
    }
    assert_int_equal(line, count);
    assert_int_equal(count_files(arena, arena_printf(arena, "%s/json", files)), count);
    remove_folder(files);
    remove_folder(stream);
}

/* ---- faults ---- */

/* What is wrong with a line, found by reading it; `previous` may be NULL. */
static enum fault classify(const char *line, const char *previous)
{
    struct object object;
    int64_t micros;
    if (!read_object(line, &object)) {
        return FAULT_BROKEN; /* first: two of them may look the same by chance */
    }
    if (previous && strcmp(line, previous) == 0) {
        return FAULT_DUPLICATE;
    }
    const char *vin = object_value(&object, "vin");
    if (!vin || strcmp(vin, "null") == 0) {
        return FAULT_VIN;
    }
    const char *timestamp = object_value(&object, "timestamp");
    if (!timestamp || !timestamp_parse(timestamp + 1, strlen(timestamp) - 2, &micros)) {
        return FAULT_TIMESTAMP;
    }
    for (int f = 0; f < TELEMETRY_FEATURE_COUNT; f++) {
        const struct feature *feature = &telemetry_features[f];
        const char *value = object_value(&object, feature->name);
        if (!value) {
            return FAULT_MISSING;
        }
        if (strcmp(value, "null") == 0) {
            return FAULT_NULL;
        }
        if (value[0] == '"' || value[0] == 't') {
            return FAULT_TEXT;
        }
        double number = strtod(value, NULL);
        if (number < feature->low || number > feature->high) {
            return FAULT_IMPOSSIBLE;
        }
    }
    return FAULT_NONE;
}

static void count_faults(struct arena *arena, double faults, size_t counts[FAULT_COUNT])
{
    struct generator_options options = options_for(20000);
    size_t count;
    options.format = GENERATOR_NDJSON;
    options.faults = faults;
    const char *folder = write_bronze(arena, &options);
    char **lines = read_lines(arena, folder, &count);
    for (size_t i = 0; i < count; i++) {
        counts[classify(lines[i], i > 0 ? lines[i - 1] : NULL)]++;
    }
    assert_int_equal(count, 20000 + counts[FAULT_DUPLICATE]);
    remove_folder(folder);
}

static void test_no_message_is_spoiled_without_faults(void **state)
{
    size_t counts[FAULT_COUNT] = {0};
    count_faults(*state, 0, counts);
    assert_int_equal(counts[FAULT_NONE], 20000);
}

static void test_the_share_of_faults_is_kept_and_every_kind_appears(void **state)
{
    size_t counts[FAULT_COUNT] = {0};
    size_t spoiled = 0;
    count_faults(*state, 0.1, counts);
    for (int kind = 1; kind < FAULT_COUNT; kind++) {
        assert_in_range(counts[kind], 180, 330); /* 250 expected */
        spoiled += counts[kind];
    }
    assert_in_range(spoiled, 1850, 2150); /* 2000 expected, deviation 42 */
}

static void test_every_message_is_spoiled_when_the_share_is_one(void **state)
{
    size_t counts[FAULT_COUNT] = {0};
    count_faults(*state, 1, counts);
    /* What is left in order are the first copies of the duplicates. */
    assert_int_equal(counts[FAULT_NONE], counts[FAULT_DUPLICATE]);
}

static void test_faults_leave_the_other_messages_as_they_were(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(200);
    int same = 0;
    const char *clean = write_bronze(arena, &options);
    options.faults = 0.5;
    const char *spoiled = write_bronze(arena, &options);
    for (int i = 0; i < 200; i++) {
        const char *name = arena_printf(arena, "json/msg_%d.json", i);
        const char *text = read_text(arena, spoiled, name);
        if (classify(text, NULL) == FAULT_NONE) {
            assert_string_equal(text, read_text(arena, clean, name));
            same++;
        }
    }
    assert_in_range(same, 60, 150);
    assert_string_equal(read_text(arena, clean, "csv/maintenance.csv"),
                        read_text(arena, spoiled, "csv/maintenance.csv"));
    remove_folder(clean);
    remove_folder(spoiled);
}

/* ---- tables ---- */

static const char *expected_service(enum failure failure)
{
    static const char *const names[FAILURE_COUNT] = {NULL,     "Batterie", "Moteur",
                                                     "Freins", "Moteur",   "Moteur"};
    return names[failure];
}

static void test_services_follow_the_rules_of_the_contract(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(10000);
    struct simulation simulation;
    struct error err;
    struct mix mix = {0};
    int missing = 0;
    int kinds[SERVICE_COUNT] = {0};
    options.format = GENERATOR_NDJSON;
    const char *folder = write_bronze(arena, &options);
    struct csv csv = read_csv(arena, folder, "csv/maintenance.csv");
    assert_int_equal(csv.rows, 10000);
    assert_int_equal(simulation_init(&simulation, &options, &err), 0);
    for (size_t i = 0; i < csv.rows; i++) {
        char **cell = csv.cell[i + 1];
        struct vehicle vehicle;
        vehicle_draw(&simulation, &mix, i, &vehicle);
        int64_t since = vehicle.value[INPUT_km_depuis_revis] / 1000;
        int64_t km = vehicle.value[INPUT_km_actuel] / 1000 - since;
        assert_string_equal(cell[0], arena_printf(arena, "VIN-%zu", 751000 + i));
        assert_int_equal(strtoll(cell[3], NULL, 10), km > 0 ? km : 0);
        if (cell[1][0] == '\0') {
            missing++;
        } else {
            int64_t days = since / 50 < 30 ? 30 : since / 50 > 1200 ? 1200 : since / 50;
            int32_t date = 0;
            assert_true(date_parse(cell[1], strlen(cell[1]), &date));
            assert_int_equal(date, options.run_date - days);
        }
        if (vehicle.failure != FAILURE_OK) {
            assert_string_equal(cell[2], expected_service(vehicle.failure));
            continue;
        }
        for (int k = 0; k < SERVICE_COUNT; k++) {
            kinds[k] += strcmp(cell[2], service_names[k]) == 0;
        }
    }
    assert_in_range(missing, 1350, 1650);
    for (int k = 0; k < SERVICE_COUNT; k++) {
        assert_in_range(kinds[k], 1200, 1520); /* a fifth of 6800 */
    }
    remove_folder(folder);
}

static void test_latest_odometer_minus_service_is_the_km_since_service(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(1500);
    size_t count;
    options.format = GENERATOR_NDJSON;
    const char *folder = write_bronze(arena, &options);
    struct csv csv = read_csv(arena, folder, "csv/maintenance.csv");
    char **lines = read_lines(arena, folder, &count);
    for (size_t i = 0; i < count; i++) {
        struct object object;
        assert_true(read_object(lines[i], &object));
        double at_service = strtod(csv.cell[i + 1][3], NULL);
        double km = object_number(&object, "km_actuel") - at_service;
        assert_true((km >= 1000 || at_service == 0) && km <= 50000);
    }
    remove_folder(folder);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void test_history_has_the_contract_mix_in_its_ranges_and_shuffled(void **state)
{
    static const int expected[FAILURE_COUNT] = {163, 15, 15, 17, 15, 15};
    struct arena *arena = *state;
    struct generator_options options = options_for(50);
    int counts[FAILURE_COUNT] = {0};
    bool seen[240] = {false};
    bool below_profile = false;
    int in_place = 0;
    const char *folder = write_bronze(arena, &options);
    struct csv csv = read_csv(arena, folder, "csv/data_historique_pannes.csv");
    assert_int_equal(csv.rows, 240);
    for (size_t r = 0; r < 240; r++) {
        char **cell = csv.cell[r + 1];
        long failure = strtol(cell[MODEL_INPUT_COUNT + 1], NULL, 10);
        long number = strtol(cell[0] + strlen("VIN-HIST-"), NULL, 10);
        assert_in_range(failure, 0, 5);
        assert_in_range(number, 0, 239);
        assert_false(seen[number]);
        seen[number] = true;
        in_place += (size_t)number == r;
        counts[failure]++;
        for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
            struct profile_range range = profile_ranges[failure][i];
            double value = strtod(cell[i + 1], NULL);
            if (failure == FAILURE_OK && i == INPUT_km_depuis_revis) {
                range.low = 100;
                below_profile = below_profile || value < 1000;
            }
            assert_true(value >= range.low && value <= range.high);
            assert_int_equal(range.whole, strchr(cell[i + 1], '.') == NULL);
        }
    }
    assert_memory_equal(counts, expected, sizeof expected);
    assert_true(below_profile);
    assert_true(in_place < 20);
    remove_folder(folder);
}

static void test_lifetimes_are_the_medians_of_the_history(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(50);
    const char *folder = write_bronze(arena, &options);
    struct csv history = read_csv(arena, folder, "csv/data_historique_pannes.csv");
    struct csv parts = read_csv(arena, folder, "csv/piece_lifetime.csv");
    assert_int_equal(parts.rows, 5);
    for (size_t p = 1; p <= parts.rows; p++) {
        char **cell = parts.cell[p];
        double km[240];
        size_t count = 0;
        assert_true(p == 1 || strcmp(parts.cell[p - 1][0], cell[0]) < 0);
        for (size_t r = 1; r <= history.rows; r++) {
            long failure = strtol(history.cell[r][MODEL_INPUT_COUNT + 1], NULL, 10);
            if (strcmp(failure_kinds[failure].name, cell[0]) == 0) {
                km[count++] = strtod(history.cell[r][1 + INPUT_km_depuis_revis], NULL);
            }
        }
        assert_in_range(count, 15, 17); /* odd: the median is a row's */
        qsort(km, count, sizeof *km, compare_numbers);
        assert_true(strtod(cell[1], NULL) == km[count / 2]);
        assert_true(strtod(cell[2], NULL) == km[0]);
        assert_true(strtod(cell[3], NULL) == km[count - 1]);
    }
    remove_folder(folder);
}

static void test_register_is_an_sqlite_table_with_every_vehicle(void **state)
{
    static const char *const models[] = {"Master", "Expert", "Daily", "Sprinter", "Transit"};
    struct arena *arena = *state;
    struct generator_options options = options_for(3000);
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    int models_seen[5] = {0};
    int years_seen[7] = {0};
    int row = 0;
    options.format = GENERATOR_NDJSON;
    const char *folder = write_bronze(arena, &options);
    const char *path = arena_printf(arena, "%s/sql/flotte.db", folder);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    const char *sql = "SELECT vin, modele, annee, typeof(annee), (SELECT integrity_check FROM "
                      "pragma_integrity_check) FROM vehicules ORDER BY rowid";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &select, NULL), SQLITE_OK);
    for (; sqlite3_step(select) == SQLITE_ROW; row++) {
        const char *modele = (const char *)sqlite3_column_text(select, 1);
        int annee = sqlite3_column_int(select, 2);
        assert_string_equal(sqlite3_column_text(select, 0),
                            arena_printf(arena, "VIN-%d", 751000 + row));
        assert_string_equal(sqlite3_column_text(select, 3), "integer");
        assert_string_equal(sqlite3_column_text(select, 4), "ok");
        assert_in_range(annee, 2018, 2024);
        years_seen[annee - 2018]++;
        int known = 0;
        for (int m = 0; m < 5; m++) {
            bool same = strcmp(modele, models[m]) == 0;
            models_seen[m] += same;
            known += same;
        }
        assert_int_equal(known, 1);
    }
    assert_int_equal(row, 3000);
    for (int i = 0; i < 7; i++) {
        assert_in_range(years_seen[i], 340, 520);
        assert_true(i >= 5 || (models_seen[i] > 510 && models_seen[i] < 690));
    }
    sqlite3_finalize(select);
    sqlite3_close(db);
    remove_folder(folder);
}

static void test_mark_names_the_options(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(50);
    const char *folder = write_bronze(arena, &options);
    const char *text = read_text(arena, folder, "_SIMULATED");
    assert_non_null(strstr(text, "autostream"));
    assert_non_null(strstr(text, "\nseed=7\n"));
    assert_non_null(strstr(text, "\nvehicles=50\n"));
    assert_non_null(strstr(text, arena_printf(arena, "\nrun_date=%s\n", run_date_text)));
    remove_folder(folder);
}

/* ---- progress and memory ---- */

struct progress {
    uint64_t last, total;
    bool rises;
};

static void note_progress(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    progress->rises = progress->rises && done > progress->last;
    progress->last = done;
    progress->total = total;
}

static void test_progress_rises_to_the_number_of_messages(void **state)
{
    struct arena *arena = *state;
    struct generator_options options = options_for(3000);
    struct progress progress = {.rises = true};
    options.progress = note_progress;
    options.progress_context = &progress;
    options.threads = 4;
    const char *folder = write_bronze(arena, &options);
    assert_true(progress.rises);
    assert_int_equal(progress.last, 3000);
    assert_int_equal(progress.total, 3000);
    remove_folder(folder);
}

/* The peak memory in KiB of a child that writes such a fleet. */
static long peak_memory(struct arena *arena, const struct generator_options *options)
{
    const char *folder = make_folder(arena);
    struct rusage usage;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error err;
        _exit(generator_write(folder, options, &err) == 0 ? 0 : 1);
    }
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    remove_folder(folder);
    return usage.ru_maxrss;
}

/* AddressSanitizer keeps freed memory for a while; little of it, so that the peak stays ours. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

static void test_memory_does_not_grow_with_the_fleet(void **state)
{
    for (int format = GENERATOR_JSON; format <= GENERATOR_NDJSON; format++) {
        struct generator_options small = options_for(1000);
        struct generator_options large = options_for(format == GENERATOR_JSON ? 50000 : 500000);
        small.threads = large.threads = 2;
        small.format = large.format = (enum generator_format)format;
        small.faults = large.faults = 0.01;
        long few = peak_memory(*state, &small);
        long many = peak_memory(*state, &large);
        print_message("peak memory: %ld KiB, %ld KiB\n", few, many);
        assert_true(many - few < 6144); /* plain builds: 500; ThreadSanitizer: 3400 */
    }
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
        TEST(test_memory_does_not_grow_with_the_fleet), /* first: a child starts with our memory */
        TEST(test_thousandths_print_short_and_exact),
        TEST(test_default_fleet_is_fifty_vehicles_with_a_message_each),
        TEST(test_every_block_of_fifty_has_the_contract_mix_in_its_own_order),
        TEST(test_values_lie_in_the_ranges_of_the_profile),
        TEST(test_earlier_messages_stay_in_the_ranges_of_the_profile),
        TEST(test_values_reach_both_ends_of_their_range),
        TEST(test_message_i_is_i_minutes_before_now_within_a_day),
        TEST(test_slots_go_back_evenly_and_the_odometer_never_rises),
        TEST(test_odometer_stops_at_zero),
        TEST(test_bytes_do_not_depend_on_threads_or_runs),
        TEST(test_another_seed_gives_another_fleet),
        TEST(test_both_formats_hold_the_same_messages),
        TEST(test_no_message_is_spoiled_without_faults),
        TEST(test_the_share_of_faults_is_kept_and_every_kind_appears),
        TEST(test_every_message_is_spoiled_when_the_share_is_one),
        TEST(test_faults_leave_the_other_messages_as_they_were),
        TEST(test_services_follow_the_rules_of_the_contract),
        TEST(test_latest_odometer_minus_service_is_the_km_since_service),
        TEST(test_history_has_the_contract_mix_in_its_ranges_and_shuffled),
        TEST(test_lifetimes_are_the_medians_of_the_history),
        TEST(test_register_is_an_sqlite_table_with_every_vehicle),
        TEST(test_mark_names_the_options),
        TEST(test_progress_rises_to_the_number_of_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
