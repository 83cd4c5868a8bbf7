/* One spark-sql process that runs scripts, one at a time, and prints what they select. For this
 * room only.
 *
 * Scripts lie as files in the session's scratch folder, where the process works; its standard input
 * only says which is next. So nothing that a terminal would interpret passes through, and what was
 * run can be read while the session lasts. */
#ifndef LAKE_SPARK_SHELL_H
#define LAKE_SPARK_SHELL_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

struct spark_shell;

struct spark_shell_options {
    const char *master;  /* "local[*]", "spark://HOST:PORT", ... */
    const char *scratch; /* absolute; exists */
    const char *memory;  /* of the driver, and of each executor of a cluster: "2GB"; or NULL */
};

/* Finds Java and Spark, checks their versions and that the master can be reached, and starts the
 * process; *out is for spark_shell_close(), also after a failure. */
int spark_shell_open(struct spark_shell **out, const struct spark_shell_options *options,
                     struct error *err);

/* Ends the process and waits for it; NULL is fine. */
void spark_shell_close(struct spark_shell *shell);

/* Runs statements, each ended by ';', up to the first that fails; `what` names them in the error.
 * `line` (may be NULL) gets what they print, line by line without its end: lines that begin with
 * SPARK_MARK with `marked` set and the mark cut off. Returning -1 from it makes the call fail when
 * the script is through. */
int spark_shell_run(struct spark_shell *shell, const char *what, const char *script,
                    int (*line)(void *context, bool marked, const char *text, struct error *err),
                    void *context, struct error *err);

/* Put before a row that shall be told from chatter; also as SQL. */
#define SPARK_MARK "@autostream:"
#define SPARK_MARK_SQL "'@autostream:'"

#endif
