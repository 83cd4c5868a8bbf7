/* The simulated fleet as numbers: which vehicle is on its way to which failure, what it measures
 * when, what its history was. Internal to the generator.
 *
 * Every value is a function of (options, number of the vehicle or message), so that any range of
 * the fleet can be drawn alone, in any order, by any thread. Measures are whole thousandths of
 * their unit: they print exactly and fast, and look the same on every machine. */
#ifndef GENERATOR_SIMULATE_H
#define GENERATOR_SIMULATE_H

#include "base/error.h"
#include "base/rng.h"
#include "fleet/fleet.h"
#include "generator/options.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MILLI = 1000, /* thousandths in one unit */
#define X(id, number, name, share, ...) +share
    MIX_BLOCK = 0 FAILURES(X), /* vehicles in a block with the exact mix of profiles */
#undef X
#define X(id, number, name, share, history, ...) +history
    HISTORY_MIX = 0 FAILURES(X), /* rows of the simple scenario's history */
#undef X
    PARTS_PER_MILLION = 1000000,
};

/* The options with their defaults, checked, and what follows from them. */
struct simulation {
    uint64_t vehicles;
    uint64_t per_day;     /* messages of a vehicle and day */
    uint64_t per_vehicle; /* messages of a vehicle */
    uint64_t messages;    /* of the fleet, without the duplicates among the faults */
    uint64_t days;
    uint64_t seed;
    double faults; /* 0..1 */
    int32_t run_date;
    enum generator_scenario scenario;
    size_t history_rows;
    struct {
        int64_t low, high; /* thousandths, inclusive */
        int64_t step;      /* MILLI for whole measures, 1 else */
    } range[FAILURE_COUNT][MODEL_INPUT_COUNT];
    int64_t season[MODEL_INPUT_COUNT];     /* what midsummer adds, thousandths */
    int input_of[TELEMETRY_FEATURE_COUNT]; /* the model input it is drawn as; -1: vitesse */
};

/* The profiles of the block of MIX_BLOCK vehicles that was asked for last. */
struct mix {
    bool drawn;
    uint64_t block;
    uint8_t failure[MIX_BLOCK];
};

/* The scenario "wear": how a vehicle is driven and how far its part has come. The part fails when
 * the km since service, and the days counted as km, have used up its life. */
struct wear {
    enum cycle cycle;
    int64_t km_per_day;              /* thousandths */
    int64_t life;                    /* km and days as km, thousandths; 0: no failure in sight */
    int64_t worn[MODEL_INPUT_COUNT]; /* the measures at the end of the life, thousandths */
    int64_t days_left;               /* to the failure; life 0: meaningless */
    int drifting;                    /* telemetry feature whose sensor drifts; -1: none */
    int64_t drift;                   /* how far by now, thousandths */
};

struct vehicle {
    uint64_t number; /* 0.. */
    enum failure failure;
    int64_t value[MODEL_INPUT_COUNT]; /* its state now, thousandths; with wear: were it sound */
    int64_t service_days;             /* since the last service */
    struct wear wear;                 /* of that scenario only */
    enum modele modele;
    int annee;
    enum service service;
    bool service_date_missing;
};

/* The ways in which a message is spoiled. */
enum fault {
    FAULT_NONE,
    FAULT_NULL,       /* a measure is null */
    FAULT_MISSING,    /* a measure is not there */
    FAULT_BROKEN,     /* not JSON */
    FAULT_DUPLICATE,  /* sent twice, as it is */
    FAULT_IMPOSSIBLE, /* a value outside of what is physically possible */
    FAULT_TEXT,       /* text or a boolean where a number stands */
    FAULT_TIMESTAMP,  /* unreadable */
    FAULT_VIN,        /* missing or null */
    FAULT_COUNT
};

struct message {
    uint64_t vehicle;
    int64_t instant;                        /* seconds since 1970-01-01T00:00Z */
    int64_t value[TELEMETRY_FEATURE_COUNT]; /* thousandths */
    enum fault fault;
    int fault_feature;     /* which measure is spoiled */
    uint64_t fault_choice; /* random bits: how it is spoiled */
};

struct history_row {
    int number; /* of VIN-HIST-n */
    enum failure failure;
    int64_t value[MODEL_INPUT_COUNT]; /* thousandths */
};

/* Checks the options (error_usage) and fills `simulation`. */
int simulation_init(struct simulation *simulation, const struct generator_options *options,
                    struct error *err);

/* Draws vehicle `number`; `mix` is scratch, zeroed before its first use. */
void vehicle_draw(const struct simulation *simulation, struct mix *mix, uint64_t number,
                  struct vehicle *vehicle);

/* Draws message `slot` (0: the latest) of a vehicle. The latest shows the vehicle's state; in
 * earlier ones the measures wander around it inside the profile's ranges, and the odometer stands
 * lower, never below 0. False: the vehicle was silent (with wear only, and never for slot 0). */
bool message_draw(const struct simulation *simulation, const struct vehicle *vehicle, uint64_t slot,
                  struct message *message);

/* Draws the history of past failures, shuffled; rows[simulation->history_rows]. */
void history_draw(const struct simulation *simulation, struct history_row *rows);

/* ---- for simulate.c and wear.c ---- */

/* What a random stream is for; its number goes into the low bits. */
enum stream {
    STREAM_MIX,
    STREAM_VEHICLE,
    STREAM_MESSAGE,
    STREAM_HISTORY,
    STREAM_WEEK,
};

/* Starts random stream `number` (of a vehicle, a message ...) of a kind, by the seed. */
void stream_init(struct rng *rng, const struct simulation *simulation, enum stream stream,
                 uint64_t number);

/* low .. high in steps, all equally likely. */
int64_t draw_step(struct rng *rng, int64_t low, int64_t high, int64_t step);

/* An input of the model in its range for a profile, thousandths. */
int64_t draw_input(const struct simulation *simulation, struct rng *rng, enum failure failure,
                   int input);

#endif
