/* Quality reports: one row a table and run, nulls by column; see stages.h.
 * Reads a table of the engine, writes quality/LEVEL_quality_D.csv. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"

#include <string.h>

/* nulls of rows in percent with two decimals, in the reference's form: "0.0", "22.0", "19.51". */
static const char *percent(struct arena *arena, uint64_t nulls, uint64_t rows)
{
    double share = rows > 0 ? (double)nulls / (double)rows * 100 : 0;
    char *text = arena_printf(arena, "%.2f", share);
    size_t end = strlen(text) - 1;
    if (text[end] == '0') { /* one zero may go, the digit behind the point stays */
        text[end] = '\0';
    }
    return text;
}

struct report {
    struct table table;
    int32_t run_date;
    const char *schema_issues;
    const char *path;
};

/* The report's text, owned by the arena. */
static const char *make_text(const struct report *report, uint64_t rows, const uint64_t *nulls,
                             struct arena *arena)
{
    const struct table *table = &report->table;
    const char *issues = report->schema_issues;
    char date[DATE_TEXT_SIZE];
    char *head = arena_strdup(arena, "run_date,rows,missing_columns,schema_issues");
    char *values = arena_strdup(arena, "");
    char *missing = arena_strdup(arena, "");
    for (size_t c = 0; c < table->column_count; c++) {
        const char *name = table->columns[c].name;
        head = arena_printf(arena, "%s,nulls_%s,null_pct_%s", head, name, name);
        values = arena_printf(arena, "%s,%llu,%s", values, (unsigned long long)nulls[c],
                              percent(arena, nulls[c], rows));
        if (rows > 0 && nulls[c] == rows) { /* a column without any value is as good as absent */
            missing = arena_printf(arena, "%s%s%s", missing, *missing ? ", " : "", name);
        }
    }
    const char *quote = strchr(issues, ',') ? "\"" : "";
    const char *missing_quote = strchr(missing, ',') ? "\"" : "";
    return arena_printf(arena, "%s\n%s,%llu,%s%s%s,%s%s%s%s\n", head,
                        date_format(report->run_date, date), (unsigned long long)rows,
                        missing_quote, missing, missing_quote, quote, issues, quote, values);
}

static int write_report(struct lake *lake, void *what, struct error *err)
{
    const struct report *report = what;
    struct arena arena = {0};
    uint64_t rows;
    uint64_t *nulls = ARENA_NEW(&arena, uint64_t, report->table.column_count);
    int status = lake_nulls(lake, &report->table, &rows, nulls, err);
    if (status == 0) {
        const char *text = make_text(report, rows, nulls, &arena);
        status = fs_write(report->path, text, strlen(text), err);
    }
    arena_release(&arena);
    return status;
}

int quality_write(struct stage *stage, struct table table, const char *level,
                  const char *schema_issues, struct error *err)
{
    struct report *report = ARENA_NEW(stage->arena, struct report, 1);
    char date[DATE_TEXT_SIZE];
    const char *relative = arena_printf(stage->arena, "quality/%s_quality_%s.csv", level,
                                        date_format(stage->session->run_date, date));
    if (taken_stays(stage, relative)) {
        return 0;
    }
    *report = (struct report){.table = table,
                              .run_date = stage->session->run_date,
                              .schema_issues = schema_issues,
                              .path = publish_stage(stage->publication, relative, NULL)};
    return beside_do(stage, write_report, report, err);
}
