/* Simulates a fleet and writes its bronze: telemetry, service records, history, register. */
#ifndef GENERATOR_GENERATOR_H
#define GENERATOR_GENERATOR_H

#include "base/error.h"
#include "generator/options.h"

/* Writes a whole bronze folder (json/ or parquet/, csv/, sql/flotte.db and the mark _SIMULATED)
 * into `folder`, which exists and is empty. Memory does not grow with the fleet. Same options, same
 * bytes, and the same silver whatever the format. */
int generator_write(const char *folder, const struct generator_options *options, struct error *err);

#endif
