/* Draws vehicles whose parts wear; see wear.h. Whole numbers only (thousandths, parts per million),
 * so that the bytes are the same on every machine. Memory only. */
#include "generator/wear.h"

#include "base/dates.h"

#include <assert.h>

enum {
    SECONDS_PER_HOUR = 3600,
    SECONDS_PER_DAY = 86400,
    NOON = SECONDS_PER_DAY / 2,
    HUNDRED = 100,
    MONTHS = 12,
    WEEKS_AT_MOST = 1024, /* days go up to 3650 */
    SUNDAY_OFFSET = 4,    /* 1970-01-01 was a Thursday: (date + 4) % 7 is 0 on Sundays */
    NOISE_DRAWS = 4,
};

static int64_t percent(int64_t value, int64_t of_hundred)
{
    return value * of_hundred / HUNDRED;
}

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* ---- the life of a part ---- */

/* Km since service and the days that they took, as km; thousandths. */
static int64_t usage(const struct wear *wear, int64_t km)
{
    return km + km * (WEAR_AGE_KM_PER_DAY * MILLI) / wear->km_per_day;
}

/* What a day wears. */
static int64_t usage_per_day(const struct wear *wear)
{
    return wear->km_per_day + WEAR_AGE_KM_PER_DAY * MILLI;
}

static int64_t used_ppm(const struct wear *wear, int64_t km)
{
    return wear->life > 0 ? usage(wear, km) * PARTS_PER_MILLION / wear->life : 0;
}

/* How far the measures have moved from sound (0) to worn (a million) after so many km: not at all
 * at first, then with the square. */
static int64_t severity_ppm(const struct wear *wear, int64_t km)
{
    int64_t onset = percent(PARTS_PER_MILLION, WEAR_ONSET_PERCENT);
    int64_t past = used_ppm(wear, km) - onset;
    int64_t x =
        within(past * PARTS_PER_MILLION / (PARTS_PER_MILLION - onset), 0, PARTS_PER_MILLION);
    return x * x / PARTS_PER_MILLION;
}

double wear_used(const struct vehicle *vehicle)
{
    return (double)used_ppm(&vehicle->wear, vehicle->value[INPUT_km_depuis_revis]) /
           PARTS_PER_MILLION;
}

static int64_t sound_width(const struct simulation *simulation, int input)
{
    return simulation->range[FAILURE_OK][input].high - simulation->range[FAILURE_OK][input].low;
}

/* What the vehicle would measure were it sound, and at the end of its part's life. */
static void draw_ends(const struct simulation *simulation, struct rng *rng, struct vehicle *vehicle)
{
    for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
        vehicle->wear.worn[i] = draw_input(simulation, rng, vehicle->failure, i);
        if (i != INPUT_km_actuel && i != INPUT_km_depuis_revis) {
            vehicle->value[i] = draw_input(simulation, rng, FAILURE_OK, i);
        }
    }
}

/* Uses `ppm` of the life: sets the km since service, and what follows from them. */
static void set_used(struct vehicle *vehicle, int64_t ppm)
{
    struct wear *wear = &vehicle->wear;
    int64_t per_day = usage_per_day(wear);
    int64_t used = wear->life * ppm / PARTS_PER_MILLION;
    int64_t km = used * wear->km_per_day / per_day;
    vehicle->value[INPUT_km_depuis_revis] = km / MILLI * MILLI;
    wear->days_left = (wear->life - used) / per_day;
}

static void draw_driving(struct rng *rng, struct wear *wear)
{
    wear->cycle = (enum cycle)rng_below(rng, CYCLE_COUNT);
    const struct driving *cycle = &cycles[wear->cycle];
    wear->km_per_day = draw_step(rng, cycle->km_low * MILLI, cycle->km_high * MILLI, MILLI);
}

/* The life of the part that will fail: to the profile's km since service, but nobody drives a new
 * part to its end in a few weeks. */
static void draw_life(struct wear *wear)
{
    int64_t km = wear->worn[INPUT_km_depuis_revis];
    int64_t least = WEAR_LIFE_DAYS_LOW * wear->km_per_day;
    wear->life = usage(wear, km > least ? km : least);
}

static void set_service(struct vehicle *vehicle)
{
    int64_t km = vehicle->value[INPUT_km_depuis_revis];
    vehicle->service_days = km / vehicle->wear.km_per_day;
    if (vehicle->value[INPUT_km_actuel] < km) {
        vehicle->value[INPUT_km_actuel] = km; /* serviced before its first km: it never was */
    }
}

static void draw_drift(const struct simulation *simulation, struct rng *rng, struct wear *wear)
{
    int feature = (int)rng_below(rng, TELEMETRY_FEATURE_COUNT);
    int input = simulation->input_of[feature];
    bool drifts = rng_below(rng, HUNDRED) < WEAR_DRIFTING_PERCENT;
    bool up = rng_below(rng, 2) == 1;
    wear->drifting = -1;
    wear->drift = 0;
    if (drifts && input >= 0 && input != INPUT_km_actuel) {
        int64_t size = percent(sound_width(simulation, input), WEAR_DRIFT_PERCENT);
        wear->drifting = feature;
        wear->drift = up ? size : -size;
    }
}

void wear_vehicle(const struct simulation *simulation, struct rng *rng, struct vehicle *vehicle)
{
    struct wear *wear = &vehicle->wear;
    draw_driving(rng, wear);
    draw_ends(simulation, rng, vehicle);
    wear->life = 0;
    wear->days_left = 0;
    if (vehicle->failure != FAILURE_OK) {
        int64_t youngest = percent(PARTS_PER_MILLION, WEAR_YOUNGEST_PERCENT);
        draw_life(wear);
        set_used(vehicle, draw_step(rng, youngest, PARTS_PER_MILLION - 1, 1));
    }
    set_service(vehicle);
    draw_drift(simulation, rng, wear);
}

/* ---- messages ---- */

/* A bell around 0, about `spread` wide to each side. */
static int64_t draw_noise(struct rng *rng, int64_t spread)
{
    int64_t sum = 0;
    for (int i = 0; i < NOISE_DRAWS; i++) {
        sum += draw_step(rng, -spread, spread, 1);
    }
    return sum / 2;
}

/* Midwinter -1000 .. midsummer 1000: the middles of the months, and straight lines between. */
static int64_t season_milli(int32_t date)
{
    static const int middle[MONTHS] = {-966, -707, -259, 259,  707,  966,
                                       966,  707,  259,  -259, -707, -966};
    const int64_t year = 3652425; /* ten-thousandths of a day; 1970-01-01 begins one */
    int64_t position =
        (int64_t)date * 10000 % year * MONTHS * MILLI / year; /* thousandths of months */
    position += MONTHS * MILLI - MILLI / 2;
    int month = (int)(position / MILLI % MONTHS);
    int64_t rest = position % MILLI;
    return (middle[month] * (MILLI - rest) + middle[(month + 1) % MONTHS] * rest) / MILLI;
}

/* The measure `input` after so many km since service, before noise. */
static int64_t state(const struct simulation *simulation, const struct vehicle *vehicle, int input,
                     int64_t km, int64_t season)
{
    int64_t sound = vehicle->value[input];
    int64_t moved =
        (vehicle->wear.worn[input] - sound) * severity_ppm(&vehicle->wear, km) / PARTS_PER_MILLION;
    return sound + moved + simulation->season[input] * season / MILLI;
}

static int64_t measured(const struct simulation *simulation, struct rng *rng, int input,
                        int64_t value)
{
    int64_t spread = percent(sound_width(simulation, input), WEAR_NOISE_PERCENT);
    int64_t step = simulation->range[FAILURE_OK][input].step;
    return (value + draw_noise(rng, spread)) / step * step;
}

/* When message `slot` was sent: evenly over the hours at work, on the last day until noon. */
static int64_t instant(const struct simulation *simulation, const struct vehicle *vehicle,
                       uint64_t slot)
{
    const struct driving *cycle = &cycles[vehicle->wear.cycle];
    int64_t day = (int64_t)(slot / simulation->per_day);
    int64_t place = (int64_t)(simulation->per_day - 1 - slot % simulation->per_day);
    int64_t from = cycle->from_hour * SECONDS_PER_HOUR;
    int64_t to = day == 0 ? NOON : cycle->to_hour * SECONDS_PER_HOUR;
    int64_t gap = (to - from) / (int64_t)simulation->per_day; /* may be 0: many messages a second */
    int64_t phase = gap > 0 ? (int64_t)(vehicle->number * 61 % (uint64_t)gap) : 0;
    return (simulation->run_date - day) * SECONDS_PER_DAY + from +
           (to - from) * place / (int64_t)simulation->per_day + phase;
}

static bool silent(const struct simulation *simulation, const struct vehicle *vehicle, int32_t date,
                   struct rng *rng)
{
    struct rng week;
    if ((date + SUNDAY_OFFSET) % 7 == 0 && !cycles[vehicle->wear.cycle].sunday) {
        return true;
    }
    uint64_t number = (uint64_t)(simulation->run_date - date) / 7;
    assert(number < WEEKS_AT_MOST);
    stream_init(&week, simulation, STREAM_WEEK, vehicle->number * WEEKS_AT_MOST + number);
    return rng_below(&week, HUNDRED) < WEAR_SILENT_WEEKS_PERCENT ||
           rng_below(rng, HUNDRED) < WEAR_LOST_PERCENT;
}

static int64_t drift(const struct wear *wear, int64_t days_before)
{
    return wear->drift * within(WEAR_DRIFT_DAYS - days_before, 0, WEAR_DRIFT_DAYS) /
           WEAR_DRIFT_DAYS;
}

bool wear_message(const struct simulation *simulation, const struct vehicle *vehicle, uint64_t slot,
                  struct rng *rng, struct message *message)
{
    const struct wear *wear = &vehicle->wear;
    const struct driving *cycle = &cycles[wear->cycle];
    message->vehicle = vehicle->number;
    message->instant = instant(simulation, vehicle, slot);
    int32_t date = (int32_t)(message->instant / SECONDS_PER_DAY);
    if (silent(simulation, vehicle, date, rng) && slot > 0) {
        return false;
    }
    int64_t now = (int64_t)simulation->run_date * SECONDS_PER_DAY + NOON;
    int64_t driven = wear->km_per_day * (now - message->instant) / SECONDS_PER_DAY;
    int64_t km = vehicle->value[INPUT_km_depuis_revis] - driven;
    int64_t season = season_milli(date);
    for (int f = 0; f < TELEMETRY_FEATURE_COUNT; f++) {
        int input = simulation->input_of[f];
        if (input < 0) {
            message->value[f] =
                draw_step(rng, cycle->vitesse_low * MILLI, cycle->vitesse_high * MILLI, MILLI);
        } else if (input == INPUT_km_actuel) {
            int64_t odometer = vehicle->value[input] - driven;
            message->value[f] = odometer > 0 ? odometer / MILLI * MILLI : 0;
        } else {
            int64_t value = state(simulation, vehicle, input, km > 0 ? km : 0, season);
            value += f == wear->drifting ? drift(wear, simulation->run_date - date) : 0;
            message->value[f] = within(measured(simulation, rng, input, value),
                                       (int64_t)telemetry_features[f].low * MILLI,
                                       (int64_t)telemetry_features[f].high * MILLI);
        }
    }
    return true;
}

/* ---- history ---- */

/* A past vehicle: sound, or on its way to a failure, half of these within the horizon. */
static void draw_past(const struct simulation *simulation, struct rng *rng, struct vehicle *vehicle)
{
    struct wear *wear = &vehicle->wear;
    int64_t share = (int64_t)rng_below(rng, MIX_BLOCK);
    int failure = 0;
    while (share >= failure_kinds[failure].share_of_50) {
        share -= failure_kinds[failure++].share_of_50;
    }
    vehicle->failure = (enum failure)failure;
    draw_driving(rng, wear);
    draw_ends(simulation, rng, vehicle);
    vehicle->value[INPUT_km_actuel] =
        draw_input(simulation, rng, vehicle->failure, INPUT_km_actuel);
    vehicle->value[INPUT_km_depuis_revis] =
        draw_input(simulation, rng, FAILURE_OK, INPUT_km_depuis_revis);
    if (vehicle->failure != FAILURE_OK) {
        draw_life(wear);
        int64_t horizon = WEAR_HORIZON_DAYS * usage_per_day(wear) * PARTS_PER_MILLION / wear->life;
        int64_t youngest = percent(PARTS_PER_MILLION, WEAR_YOUNGEST_PERCENT);
        int64_t late = within(PARTS_PER_MILLION - horizon, youngest, PARTS_PER_MILLION - 1);
        bool soon = rng_below(rng, 2) == 1;
        set_used(vehicle, soon ? draw_step(rng, late, PARTS_PER_MILLION - 1, 1)
                               : draw_step(rng, youngest, late, 1));
    }
    set_service(vehicle);
}

void wear_history(const struct simulation *simulation, int number, struct history_row *row)
{
    struct vehicle vehicle = {0};
    struct rng rng;
    stream_init(&rng, simulation, STREAM_HISTORY, (uint64_t)number + 1);
    draw_past(simulation, &rng, &vehicle);
    int64_t km = vehicle.value[INPUT_km_depuis_revis];
    int64_t season = season_milli(simulation->run_date - 1 - (int32_t)rng_below(&rng, 365));
    bool failing = vehicle.failure != FAILURE_OK && vehicle.wear.days_left < WEAR_HORIZON_DAYS;
    row->number = number;
    row->failure = failing ? vehicle.failure : FAILURE_OK;
    for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
        if (i == INPUT_km_actuel || i == INPUT_km_depuis_revis) {
            row->value[i] = vehicle.value[i];
        } else {
            row->value[i] =
                measured(simulation, &rng, i, state(simulation, &vehicle, i, km, season));
        }
    }
}
