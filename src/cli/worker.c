/* autostream worker: what Spark's executors run of this program. No command for people: it stands
 * in no list, and main() hands it over before it looks for commands. */
#include "cli/cli.h"

#include <string.h>

struct worker_options {
    const char *folder, *map, *model, *lifetimes, *task;
    int32_t run_date;
    bool calibrated;
};

static const struct option_spec specs[] = {
    {.name = "folder", .kind = OPTION_TEXT, .offset = offsetof(struct worker_options, folder)},
    {.name = "map", .kind = OPTION_TEXT, .offset = offsetof(struct worker_options, map)},
    {.name = "model", .kind = OPTION_TEXT, .offset = offsetof(struct worker_options, model)},
    {.name = "lifetimes",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct worker_options, lifetimes)},
    {.name = "task", .kind = OPTION_TEXT, .offset = offsetof(struct worker_options, task)},
    {.name = "run-date", .kind = OPTION_DATE, .offset = offsetof(struct worker_options, run_date)},
    {.name = "calibrated",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct worker_options, calibrated)},
};

int cli_worker(int argc, char **argv, struct error *err)
{
    static const struct option_table table = OPTION_TABLE(specs);
    struct worker_options options = {.run_date = NO_DATE};
    int next;
    if (options_parse(&table, 1, false, argc, argv, &options, &next, err) != 0) {
        return -1;
    }
    const char *work = next < argc ? argv[next] : "";
    if (strcmp(work, "records") == 0 && options.folder && options.run_date != NO_DATE) {
        return pipeline_worker_records(options.folder, options.run_date, options.map, err);
    }
    if (strcmp(work, "score") == 0 && options.model && options.lifetimes) {
        return pipeline_worker_score(options.model, options.calibrated, options.lifetimes, err);
    }
    if (strcmp(work, "rows") == 0 && options.model) {
        return pipeline_worker_rows(options.model, options.calibrated, err);
    }
    if (strcmp(work, "grow") == 0 && options.task) {
        return pipeline_worker_grow(options.task, err);
    }
    return error_usage(err, "worker est fait pour les machines de Spark, pas pour être appelé",
                       "worker is made for Spark's machines, not to be called");
}
