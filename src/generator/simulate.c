/* Draws vehicles, messages and history; see simulate.h. Memory only. */
#include "generator/simulate.h"

#include "base/dates.h"
#include "generator/wear.h"

#include <assert.h>
#include <string.h>

enum {
    SECONDS_PER_DAY = 86400,
    NOON = SECONDS_PER_DAY / 2,
    VEHICLE_PHASE = 60, /* s between the latest messages of neighbours */
    NOISE_DIVISOR = 50, /* measures wander by a 50th of their range */
};

static const uint64_t STREAM_LIMIT = UINT64_C(1) << 56;

void stream_init(struct rng *rng, const struct simulation *simulation, enum stream stream,
                 uint64_t number)
{
    rng_init(rng, simulation->seed, ((uint64_t)stream << 56) | number);
}

static void shuffle(struct rng *rng, uint8_t *items, size_t count)
{
    for (size_t left = count; left > 1; left--) {
        size_t other = rng_below(rng, left);
        uint8_t item = items[left - 1];
        items[left - 1] = items[other];
        items[other] = item;
    }
}

int64_t draw_step(struct rng *rng, int64_t low, int64_t high, int64_t step)
{
    return low + step * (int64_t)rng_below(rng, (uint64_t)((high - low) / step) + 1);
}

int64_t draw_input(const struct simulation *simulation, struct rng *rng, enum failure failure,
                   int input)
{
    return draw_step(rng, simulation->range[failure][input].low,
                     simulation->range[failure][input].high,
                     simulation->range[failure][input].step);
}

static void draw_state(const struct simulation *simulation, struct rng *rng, enum failure failure,
                       int64_t value[MODEL_INPUT_COUNT])
{
    for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
        value[i] = draw_input(simulation, rng, failure, i);
    }
}

static void draw_mix(const struct simulation *simulation, struct mix *mix, uint64_t block)
{
    struct rng rng;
    size_t used = 0;
    for (int f = 0; f < FAILURE_COUNT; f++) {
        for (int i = 0; i < failure_kinds[f].share_of_50; i++) {
            mix->failure[used++] = (uint8_t)f;
        }
    }
    assert(used == MIX_BLOCK);
    stream_init(&rng, simulation, STREAM_MIX, block);
    shuffle(&rng, mix->failure, used);
    mix->block = block;
    mix->drawn = true;
}

/* The days since service that follow from the km since, as the contract has them. */
static int64_t service_days(const struct vehicle *vehicle)
{
    int64_t days = vehicle->value[INPUT_km_depuis_revis] / MILLI / SIMULATION_KM_PER_DAY;
    days = days < SIMULATION_SERVICE_DAYS_LOW ? SIMULATION_SERVICE_DAYS_LOW : days;
    return days > SIMULATION_SERVICE_DAYS_HIGH ? SIMULATION_SERVICE_DAYS_HIGH : days;
}

void vehicle_draw(const struct simulation *simulation, struct mix *mix, uint64_t number,
                  struct vehicle *vehicle)
{
    uint64_t block = number / MIX_BLOCK;
    struct rng rng;
    if (!mix->drawn || mix->block != block) {
        draw_mix(simulation, mix, block);
    }
    vehicle->number = number;
    vehicle->failure = mix->failure[number % MIX_BLOCK];
    stream_init(&rng, simulation, STREAM_VEHICLE, number);
    draw_state(simulation, &rng, vehicle->failure, vehicle->value);
    vehicle->modele = (enum modele)rng_below(&rng, MODELE_COUNT);
    vehicle->annee = (int)draw_step(&rng, SIMULATION_ANNEE_LOW, SIMULATION_ANNEE_HIGH, 1);
    vehicle->service = fleet_failure_service(vehicle->failure);
    if (vehicle->service == SERVICE_COUNT) {
        vehicle->service = (enum service)rng_below(&rng, SERVICE_COUNT);
    }
    vehicle->service_date_missing = rng_below(&rng, 100) < SIMULATION_SERVICE_DATE_MISSING_PERCENT;
    vehicle->service_days = service_days(vehicle);
    if (simulation->scenario == GENERATOR_WEAR) {
        wear_vehicle(simulation, &rng, vehicle);
    }
}

/* A value that no vehicle can have, just outside of the possible or far away. */
static int64_t draw_impossible(struct rng *rng, const struct feature *feature)
{
    int64_t beyond = MILLI * (1 + (int64_t)rng_below(rng, 10000));
    return rng_below(rng, 2) ? llround(feature->high) * MILLI + beyond
                             : llround(feature->low) * MILLI - beyond;
}

static void draw_fault(const struct simulation *simulation, struct rng *rng,
                       struct message *message)
{
    message->fault = FAULT_NONE;
    if (rng_uniform(rng) >= simulation->faults) {
        return;
    }
    message->fault = (enum fault)(1 + rng_below(rng, FAULT_COUNT - 1));
    message->fault_feature = (int)rng_below(rng, TELEMETRY_FEATURE_COUNT);
    message->fault_choice = rng_next(rng);
    if (message->fault == FAULT_IMPOSSIBLE) {
        message->value[message->fault_feature] =
            draw_impossible(rng, &telemetry_features[message->fault_feature]);
    }
}

/* One measure of an earlier message: the state and a little noise, inside the profile's range. */
static int64_t draw_noisy(const struct simulation *simulation, struct rng *rng,
                          const struct vehicle *vehicle, int input)
{
    int64_t low = simulation->range[vehicle->failure][input].low;
    int64_t high = simulation->range[vehicle->failure][input].high;
    int64_t step = simulation->range[vehicle->failure][input].step;
    int64_t width = (high - low) / NOISE_DIVISOR / step * step;
    int64_t value = vehicle->value[input] + draw_step(rng, -width, width, step);
    return value < low ? low : value > high ? high : value;
}

/* The odometer `seconds` before the latest message. */
static int64_t odometer(const struct vehicle *vehicle, uint64_t seconds)
{
    int64_t driven = (int64_t)(seconds * SIMULATION_KM_PER_DAY / SECONDS_PER_DAY) * MILLI;
    int64_t now = vehicle->value[INPUT_km_actuel];
    return driven < now ? now - driven : 0;
}

/* As the contract has it: see message_draw(). */
static void simple_message(const struct simulation *simulation, const struct vehicle *vehicle,
                           uint64_t slot, struct rng *rng, struct message *message)
{
    /* Message i of a fleet with one message a vehicle is i minutes before now. From vehicle 1440
     * on (earlier with more messages a day) the minutes start again, so that a day's messages lie
     * within 24 hours. */
    uint64_t phase = vehicle->number * VEHICLE_PHASE % (SECONDS_PER_DAY / simulation->per_day);
    uint64_t before = slot * SECONDS_PER_DAY / simulation->per_day;
    message->vehicle = vehicle->number;
    message->instant =
        (int64_t)simulation->run_date * SECONDS_PER_DAY + NOON - (int64_t)(before + phase);
    for (int f = 0; f < TELEMETRY_FEATURE_COUNT; f++) {
        int input = simulation->input_of[f];
        if (input < 0) {
            message->value[f] = draw_step(rng, MILLI * (int64_t)SIMULATION_VITESSE_LOW,
                                          MILLI * (int64_t)SIMULATION_VITESSE_HIGH, MILLI);
        } else if (input == INPUT_km_actuel) {
            message->value[f] = odometer(vehicle, before);
        } else if (slot == 0) {
            message->value[f] = vehicle->value[input];
        } else {
            message->value[f] = draw_noisy(simulation, rng, vehicle, input);
        }
    }
}

bool message_draw(const struct simulation *simulation, const struct vehicle *vehicle, uint64_t slot,
                  struct message *message)
{
    struct rng rng;
    stream_init(&rng, simulation, STREAM_MESSAGE, vehicle->number * simulation->per_vehicle + slot);
    if (simulation->scenario == GENERATOR_SIMPLE) {
        simple_message(simulation, vehicle, slot, &rng, message);
    } else if (!wear_message(simulation, vehicle, slot, &rng, message)) {
        return false;
    }
    draw_fault(simulation, &rng, message);
    return true;
}

static void simple_history(const struct simulation *simulation, struct history_row *rows)
{
    struct simulation history = *simulation;
    uint8_t order[HISTORY_MIX];
    uint8_t failure[HISTORY_MIX];
    size_t used = 0;
    struct rng rng;
    history.range[FAILURE_OK][INPUT_km_depuis_revis].low =
        SIMULATION_HISTORY_OK_KM_DEPUIS_REVIS * MILLI;
    for (int f = 0; f < FAILURE_COUNT; f++) {
        for (int i = 0; i < failure_kinds[f].history_of_240; i++) {
            order[used] = (uint8_t)used;
            failure[used++] = (uint8_t)f;
        }
    }
    assert(used == HISTORY_MIX);
    stream_init(&rng, simulation, STREAM_HISTORY, 0);
    shuffle(&rng, order, used);
    for (size_t i = 0; i < used; i++) {
        rows[i].number = order[i];
        rows[i].failure = failure[order[i]];
        draw_state(&history, &rng, rows[i].failure, rows[i].value);
    }
}

void history_draw(const struct simulation *simulation, struct history_row *rows)
{
    if (simulation->scenario == GENERATOR_SIMPLE) {
        simple_history(simulation, rows);
        return;
    }
    for (size_t i = 0; i < simulation->history_rows; i++) {
        wear_history(simulation, (int)i, &rows[i]);
    }
}

static uint64_t default_to(uint64_t value, uint64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static int check_options(const struct generator_options *options,
                         const struct simulation *simulation, struct error *err)
{
    int32_t first = date_from_civil(2000, 1, 1); /* silver refuses what is older */
    int32_t last = date_from_civil(9999, 12, 31);
    if (simulation->run_date <= first || simulation->run_date > last) {
        return error_usage(
            err,
            "date de simulation hors de 2000-01-02 .. 9999-12-31 ; donnez-en une autre avec "
            "--run-date",
            "simulation date outside 2000-01-02 .. 9999-12-31; give another one with "
            "--run-date");
    }
    uint64_t days_possible = (uint64_t)(simulation->run_date - first);
    if (simulation->days > days_possible) {
        return error_usage(err, "%llu jours remontent avant 2000-01-01 ; demandez-en au plus %llu",
                           "%llu days reach back before 2000-01-01; ask for at most %llu",
                           (unsigned long long)simulation->days, (unsigned long long)days_possible);
    }
    if (simulation->per_day > SECONDS_PER_DAY) {
        return error_usage(err,
                           "%llu messages par jour et véhicule ; au plus un par seconde (86400)",
                           "%llu messages per day and vehicle; at most one a second (86400)",
                           (unsigned long long)simulation->per_day);
    }
    if (!(options->faults >= 0 && options->faults <= 1)) {
        return error_usage(err, "part de messages défectueux : %g ; donnez de 0 à 1",
                           "share of spoiled messages: %g; give 0 to 1", options->faults);
    }
    return 0;
}

int simulation_init(struct simulation *simulation, const struct generator_options *options,
                    struct error *err)
{
    *simulation = (struct simulation){
        .vehicles = default_to(options->vehicles, MIX_BLOCK),
        .per_day = default_to(options->messages_per_day, 1),
        .days = default_to(options->days, 1),
        .seed = options->seed,
        .faults = options->faults,
        .run_date = options->run_date,
        .scenario = options->scenario,
        .history_rows = options->scenario == GENERATOR_WEAR ? WEAR_HISTORY_ROWS : HISTORY_MIX,
    };
    if (check_options(options, simulation, err) != 0) {
        return -1;
    }
    simulation->per_vehicle = simulation->days * simulation->per_day; /* both small: checked */
    if (__builtin_mul_overflow(simulation->vehicles, simulation->per_vehicle,
                               &simulation->messages) ||
        simulation->messages >= STREAM_LIMIT) {
        return error_usage(err, "%llu véhicules à %llu messages : trop ; demandez-en moins",
                           "%llu vehicles with %llu messages each: too many; ask for less",
                           (unsigned long long)simulation->vehicles,
                           (unsigned long long)simulation->per_vehicle);
    }
    for (int f = 0; f < FAILURE_COUNT; f++) {
        for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
            simulation->range[f][i].low = llround(profile_ranges[f][i].low * MILLI);
            simulation->range[f][i].high = llround(profile_ranges[f][i].high * MILLI);
            simulation->range[f][i].step = profile_ranges[f][i].whole ? MILLI : 1;
        }
    }
    for (int f = 0; f < TELEMETRY_FEATURE_COUNT; f++) {
        simulation->input_of[f] = -1;
        for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
            if (strcmp(telemetry_features[f].name, model_input_names[i]) == 0) {
                simulation->input_of[f] = i;
                simulation->season[i] = llround(season_amplitudes[f] * MILLI);
            }
        }
    }
    return 0;
}
