/* Published tables in an engine; internal to those who read what was published. */
#ifndef PUBLISHED_TABLES_H
#define PUBLISHED_TABLES_H

#include "lake/lake.h"
#include "published/published.h"

/* ---- report.c, for others that read what was published ---- */

/* An engine for reading; *lake is for lake_close(), also after a failure. */
int published_open(const struct session *session, struct lake **lake, struct error *err);

/* The published table of the run date, under its own name; `again` is the command that makes it. */
int published_open_table(const struct session *session, struct lake *lake, enum table_id id,
                         const char *again, struct arena *arena, struct error *err);

/* A vehicle from the first RANKED_CELLS columns of serve/top.sql. */
enum { RANKED_CELLS = 10 };
struct ranked_vehicle published_ranked(const char *const *cells);

/* A number, NAN for NULL. */
double published_number(const char *cell);

/* published_quality() in an engine of the caller's, which has none of its tables open yet. */
int published_quality_in(struct lake *lake, const struct session *session, struct arena *arena,
                         struct quality_summary *out, struct error *err);

#endif
