/* The scenario "wear": a fleet as it is. Each part has a life in km, which days use up, too; from
 * some share of it on the measures move from sound to failing, ever faster; the day of the failure
 * is known, and written beside the data as the truth that no stage reads. Vehicles are driven in
 * town, on the road or both, at their hours; seasons, the noise of sensors, some that drift, silent
 * weeks and lost messages hide the signs. Internal to the generator. */
#ifndef GENERATOR_WEAR_H
#define GENERATOR_WEAR_H

#include "generator/simulate.h"

/* Turns a vehicle drawn by its profile into one of this scenario: its failure, if any, lies ahead.
 */
void wear_vehicle(const struct simulation *simulation, struct rng *rng, struct vehicle *vehicle);

/* Draws message `slot`, without faults; false: the vehicle was silent. */
bool wear_message(const struct simulation *simulation, const struct vehicle *vehicle, uint64_t slot,
                  struct rng *rng, struct message *message);

/* Draws one reading of a past vehicle: failing when the failure came within the horizon. */
void wear_history(const struct simulation *simulation, int number, struct history_row *row);

/* How much of its part's life a vehicle has used now, 0..1; 0 when no failure is in sight. */
double wear_used(const struct vehicle *vehicle);

#endif
