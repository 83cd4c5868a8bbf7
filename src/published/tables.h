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

/* Reads results that a run may be replacing: calls `read` again while what is published for the run
 * date changed meanwhile, so that files of two runs never come together (each file alone is
 * replaced whole). After many attempts the last one counts. */
int published_read_settled(const struct session *session,
                           int (*read)(void *context, struct error *err), void *context,
                           struct error *err);

enum { RANKED_CELLS = 10 };

/* A vehicle from the first RANKED_CELLS columns of serve/top.sql; texts stay the cells'. */
struct ranked_vehicle published_ranked(const char *const *cells);

/* A number, NAN for NULL. */
double published_number(const char *cell);

/* published_quality() in an engine of the caller's, which has none of its tables open yet. */
int published_quality_in(struct lake *lake, const struct session *session, struct arena *arena,
                         struct quality_summary *out, struct error *err);

#endif
