/* The tables beside the telemetry. Internal to the generator. */
#ifndef GENERATOR_TABLES_H
#define GENERATOR_TABLES_H

#include "generator/output.h"
#include "generator/simulate.h"

/* csv/maintenance.csv: one service a vehicle. */
int write_maintenance(const struct simulation *simulation, const struct folder *folder,
                      struct output *output, struct error *err);

/* csv/data_historique_pannes.csv and, from it, csv/piece_lifetime.csv. */
int write_history(const struct simulation *simulation, const struct folder *folder,
                  struct output *output, struct error *err);

/* _verite.csv, of the scenario "wear": what will really happen to each vehicle. */
int write_truth(const struct simulation *simulation, const struct folder *folder,
                struct output *output, struct error *err);

/* sql/flotte.db: the register, an SQLite file. */
int write_register(const struct simulation *simulation, const struct folder *folder,
                   struct error *err);

#endif
