/* A spec like the fleet's telemetry, for tests of a room that knows no fleet. */
#ifndef TESTS_INGEST_TELEMETRY_SPEC_H
#define TESTS_INGEST_TELEMETRY_SPEC_H

#include "ingest/ingest.h"

#include "base/dates.h"

enum { VIN, TIMESTAMP, EVENT_TS, TEMP, VITESSE, KM, PRESSION, FIELDS };

static const struct column telemetry_columns[FIELDS] = {
    {"vin", COLUMN_TEXT},           {"timestamp", COLUMN_TEXT}, {"event_ts", COLUMN_TIMESTAMP},
    {"temp_moteur", COLUMN_REAL},   {"vitesse", COLUMN_WHOLE},  {"km_actuel", COLUMN_WHOLE},
    {"pression_huile", COLUMN_REAL}};

static const struct table telemetry_table = {"telemetry", telemetry_columns, FIELDS};

/* 2000-01-01 .. 2026-11-24, in µs */
#define FIRST_INSTANT (10957.0 * 86400e6)
#define LAST_INSTANT (20781.0 * 86400e6)

static const struct record_field telemetry_fields[FIELDS] = {
    {{"vin", COLUMN_TEXT}, true, 0, 0, -1, false, 0},
    {{"timestamp", COLUMN_TEXT}, true, 0, 0, -1, false, 0},
    {{"event_ts", COLUMN_TIMESTAMP}, true, FIRST_INSTANT, LAST_INSTANT, TIMESTAMP, false, 0},
    {{"temp_moteur", COLUMN_REAL}, false, -60, 250, -1, false, 0},
    {{"vitesse", COLUMN_WHOLE}, false, 0, 300, -1, false, 0},
    {{"km_actuel", COLUMN_WHOLE}, false, 0, 5e6, -1, false, 0},
    {{"pression_huile", COLUMN_REAL}, false, 0, 20, -1, false, 0},
};

static const struct record_spec telemetry_spec = {&telemetry_table, telemetry_fields, FIELDS};

#endif
