/* The real program on a real lake: a small simulated fleet with a model and published results, made
 * once and copied for every test, and the questions that the tests ask of it.
 *
 * Every test works in a folder of its own. Assertions end the test with what the program said. */
#ifndef TESTS_E2E_E2E_H
#define TESTS_E2E_E2E_H

#include "tests.h"

#include "base/arena.h"
#include "support/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define E2E_DATE "2026-11-23"
#define E2E_BRONZE "bronze/run_date=" E2E_DATE
#define E2E_REPORTING "gold/parquet/run_date=" E2E_DATE "/reporting_final.parquet"
#define E2E_RECORDS "quarantine/run_date=" E2E_DATE "/records.parquet"

enum { E2E_VEHICLES = 20 };

struct e2e {
    struct arena arena;
    char *folder;         /* the test's own; everybody may enter it */
    const char *data;     /* the lake inside: bronze, model, published results */
    const char *outcomes; /* hashes of the results (e2e_outcomes()) as they were copied */
    const char *mounted;  /* a file system to take off at the end, or NULL */
};

/* For cmocka: the lake that tests start from, made once a program; and a copy of it for each. */
int e2e_make_origin(void **state);
int e2e_remove_origin(void **state);
int e2e_setup(void **state);
int e2e_teardown(void **state);

/* Runs the program with --data, --run-date and --quiet, then the arguments (ended by NULL). */
struct program_result e2e_run(struct e2e *e, ...) __attribute__((sentinel));

/* The same, asserting exit status 0; gives standard output. */
const char *e2e_works(struct e2e *e, ...) __attribute__((sentinel));

/* The same, asserting `status`, one line on standard error that holds `says`, nothing left in
 * staging, and that gold and silver are as they were. */
void e2e_fails(struct e2e *e, int status, const char *says, ...) __attribute__((sentinel));

/* The same as a user who owns nothing here (when we are root; else as ourselves). */
void e2e_fails_as_nobody(struct e2e *e, int status, const char *says, ...)
    __attribute__((sentinel));
struct program_result e2e_run_as_nobody(struct e2e *e, ...) __attribute__((sentinel));

/* Asserts that results are as they were copied (or as e->outcomes says). */
void e2e_assert_untouched(struct e2e *e);

/* "PATH SHA256\n" of every file below data/LEVEL for each of the levels (ended by NULL), sorted. */
const char *e2e_hashes(struct e2e *e, ...) __attribute__((sentinel));

/* The hashes of silver, gold, quality and models. */
const char *e2e_outcomes(struct e2e *e);

/* DATA/relative, owned by the arena. */
const char *e2e_path(struct e2e *e, const char *relative);

/* Writes DATA/bronze/run_date=D/relative. */
void e2e_bronze(struct e2e *e, const char *relative, const char *text);

/* The text of DATA/relative. */
char *e2e_text(struct e2e *e, const char *relative);

/* Replaces the first `from` in DATA/bronze/run_date=D/relative; it must be there. */
void e2e_edit(struct e2e *e, const char *relative, const char *from, const char *to);

void e2e_remove(struct e2e *e, const char *relative);

/* One cell: `select` over the CSV or Parquet file DATA/relative as table t, as text ("" for NULL).
 */
const char *e2e_ask(struct e2e *e, const char *relative, const char *select);
uint64_t e2e_count(struct e2e *e, const char *relative, const char *where);

/* Quarantined records whose reasons hold `reason` and whose source ends with `source`. */
uint64_t e2e_quarantined(struct e2e *e, const char *source, const char *reason);

/* A good telemetry message of a vehicle; `vin` is JSON text without its quotes. */
const char *e2e_message(struct e2e *e, const char *vin);

/* Runs SQL on the register, as its owner would. */
void e2e_register(struct e2e *e, const char *sql);

/* The member "a.b.c" of a JSON document, as text (numbers in decimal); fails when it is not there.
 */
const char *e2e_member(struct e2e *e, const char *document, const char *path);
uint64_t e2e_number(struct e2e *e, const char *document, const char *path);
bool e2e_has_member(const char *document, const char *name);

/* True when the test program was built with a sanitizer: memory says nothing then. */
bool e2e_sanitized(void);

#endif
