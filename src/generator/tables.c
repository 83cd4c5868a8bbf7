/* Writes maintenance.csv, data_historique_pannes.csv and piece_lifetime.csv; see tables.h. Column
 * names come from tables.def. Writes files through an output. */
#include "generator/tables.h"

#include "base/arena.h"
#include "base/dates.h"
#include "generator/text.h"
#include "generator/wear.h"

#include <assert.h>
#include <stdlib.h>

enum { ROW_ROOM = 512 }; /* no row of these tables is longer */

static int open_table(struct output *output, const struct folder *folder, enum table_id id,
                      struct error *err)
{
    const struct table *table = fleet_table(id);
    char name[64];
    char *end = put_text(name, table->name);
    *put_text(end, ".csv") = '\0';
    if (output_open(output, folder, name, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        const char *column = table->columns[i].name;
        if ((i > 0 && output_bytes(output, ",", 1, err) != 0) ||
            output_bytes(output, column, strlen(column), err) != 0) {
            return -1;
        }
    }
    return output_bytes(output, "\n", 1, err);
}

static char *put_maintenance(char *to, const struct simulation *simulation,
                             const struct vehicle *vehicle)
{
    char date[DATE_TEXT_SIZE];
    int64_t km = vehicle->value[INPUT_km_actuel] - vehicle->value[INPUT_km_depuis_revis];
    to = put_text(to, "VIN-");
    to = put_whole(to, SIMULATION_FIRST_VIN + vehicle->number);
    *to++ = ',';
    if (!vehicle->service_date_missing) {
        to = put_text(to, date_format(simulation->run_date - (int32_t)vehicle->service_days, date));
    }
    *to++ = ',';
    to = put_text(to, service_names[vehicle->service]);
    *to++ = ',';
    to = put_milli(to, km > 0 ? km : 0, true);
    *to++ = '\n';
    return to;
}

/* A table of one row a vehicle, each written by `put`. */
static int write_vehicles(const struct simulation *simulation, const struct folder *folder,
                          struct output *output, enum table_id id,
                          char *(*put)(char *to, const struct simulation *simulation,
                                       const struct vehicle *vehicle),
                          struct error *err)
{
    struct mix mix = {0};
    if (open_table(output, folder, id, err) != 0) {
        return -1;
    }
    for (uint64_t i = 0; i < simulation->vehicles; i++) {
        struct vehicle vehicle;
        vehicle_draw(simulation, &mix, i, &vehicle);
        char *to = output_room(output, ROW_ROOM, err);
        if (!to) {
            return -1;
        }
        output_took(output, put(to, simulation, &vehicle));
    }
    return output_close(output, err);
}

int write_maintenance(const struct simulation *simulation, const struct folder *folder,
                      struct output *output, struct error *err)
{
    assert(fleet_table(TABLE_ENTRETIENS)->column_count == 4);
    return write_vehicles(simulation, folder, output, TABLE_ENTRETIENS, put_maintenance, err);
}

static int write_past_failures(const struct history_row *rows, size_t count,
                               const struct folder *folder, struct output *output,
                               struct error *err)
{
    assert(fleet_table(TABLE_HISTORIQUE)->column_count == MODEL_INPUT_COUNT + 2);
    if (open_table(output, folder, TABLE_HISTORIQUE, err) != 0) {
        return -1;
    }
    for (size_t r = 0; r < count; r++) {
        char *to = output_room(output, ROW_ROOM, err);
        if (!to) {
            return -1;
        }
        to = put_text(to, "VIN-HIST-");
        to = put_whole(to, (uint64_t)rows[r].number);
        for (int i = 0; i < MODEL_INPUT_COUNT; i++) {
            *to++ = ',';
            to = put_milli(to, rows[r].value[i], profile_ranges[rows[r].failure][i].whole);
        }
        *to++ = ',';
        to = put_whole(to, (uint64_t)rows[r].failure);
        *to++ = '\n';
        output_took(output, to);
    }
    return output_close(output, err);
}

static int compare_km(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int compare_parts(const void *a, const void *b)
{
    return strcmp(failure_kinds[*(const int *)a].name, failure_kinds[*(const int *)b].name);
}

/* The median in whole km: the middle one, of an even number the truncated mean of both. */
static uint64_t median_km(const int64_t *sorted, size_t count)
{
    assert(count > 0);
    return (uint64_t)((sorted[(count - 1) / 2] + sorted[count / 2]) / 2 / MILLI);
}

/* How long each part lasted, by name, as the reference sorts them. */
static int write_lifetimes(const struct history_row *rows, size_t row_count,
                           const struct folder *folder, struct output *output, struct error *err)
{
    int status = -1;
    int parts[FAILURE_COUNT - 1];
    for (int f = 1; f < FAILURE_COUNT; f++) {
        parts[f - 1] = f;
    }
    qsort(parts, FAILURE_COUNT - 1, sizeof *parts, compare_parts);
    int64_t *km = xcalloc(row_count, sizeof *km);
    if (open_table(output, folder, TABLE_PIECES, err) != 0) {
        goto done;
    }
    for (int p = 0; p < FAILURE_COUNT - 1; p++) {
        size_t count = 0;
        for (size_t r = 0; r < row_count; r++) {
            if (rows[r].failure == (enum failure)parts[p]) {
                km[count++] = rows[r].value[INPUT_km_depuis_revis];
            }
        }
        qsort(km, count, sizeof *km, compare_km);
        char *to = output_room(output, ROW_ROOM, err);
        if (!to) {
            goto done;
        }
        to = put_text(to, failure_kinds[parts[p]].name);
        *to++ = ',';
        to = put_whole(to, median_km(km, count));
        *to++ = ',';
        to = put_milli(to, km[0], true);
        *to++ = ',';
        to = put_milli(to, km[count - 1], true);
        *to++ = '\n';
        output_took(output, to);
    }
    status = output_close(output, err);
done:
    free(km);
    return status;
}

int write_history(const struct simulation *simulation, const struct folder *folder,
                  struct output *output, struct error *err)
{
    size_t count = simulation->history_rows;
    struct history_row *rows = xcalloc(count, sizeof *rows);
    history_draw(simulation, rows);
    int status = write_past_failures(rows, count, folder, output, err);
    if (status == 0) {
        status = write_lifetimes(rows, count, folder, output, err);
    }
    free(rows);
    return status;
}

static char *put_truth(char *to, const struct simulation *simulation, const struct vehicle *vehicle)
{
    const struct wear *wear = &vehicle->wear;
    char date[DATE_TEXT_SIZE];
    to = put_text(to, "VIN-");
    to = put_whole(to, SIMULATION_FIRST_VIN + vehicle->number);
    *to++ = ',';
    to = put_whole(to, (uint64_t)vehicle->failure);
    *to++ = ',';
    if (wear->life > 0) {
        to = put_text(to, date_format(simulation->run_date + (int32_t)wear->days_left, date));
    }
    *to++ = ',';
    to = put_milli(to, llround(wear_used(vehicle) * MILLI), false);
    *to++ = ',';
    to = put_text(to, cycles[wear->cycle].name);
    *to++ = ',';
    if (wear->drifting >= 0) {
        to = put_text(to, telemetry_features[wear->drifting].name);
    }
    *to++ = '\n';
    return to;
}

int write_truth(const struct simulation *simulation, const struct folder *folder,
                struct output *output, struct error *err)
{
    assert(fleet_table(TABLE_VERITE)->column_count == 6);
    return write_vehicles(simulation, folder, output, TABLE_VERITE, put_truth, err);
}
