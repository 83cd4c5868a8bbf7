/* What was published, read back for people: the ranked fleet, quality, quarantine; see published.h.
 */
#include "published/tables.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/publish.h"
#include "lake/layout.h"
#include "lake/sql.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int published_dates_under(const char *data, const char *level, struct arena *arena, int32_t **dates,
                          size_t *count, struct error *err)
{
    char **names;
    size_t found;
    const char prefix[] = "run_date=";
    *count = 0;
    if (fs_list(arena_printf(arena, "%s/%s", data, level), arena, &names, &found, err) != 0) {
        return -1;
    }
    *dates = ARENA_NEW(arena, int32_t, found);
    for (size_t i = 0; i < found; i++) { /* sorted names are sorted dates */
        const char *date = names[i] + sizeof prefix - 1;
        if (strncmp(names[i], prefix, sizeof prefix - 1) == 0 &&
            date_parse(date, strlen(date), &(*dates)[*count])) {
            (*count)++;
        }
    }
    return 0;
}

int published_run_dates(const char *data, struct arena *arena, int32_t **dates, size_t *count,
                        struct error *err)
{
    if (publish_recover(data, err) != 0) {
        return -1;
    }
    return published_dates_under(data, "gold/parquet", arena, dates, count, err);
}

int published_open(const struct session *session, struct lake **lake, struct error *err)
{
    struct lake_options options = {.threads = session->threads, .memory = session->memory};
    return publish_recover(session->data, err) == 0 ? lake_open(lake, &options, err) : -1;
}

int published_open_table(const struct session *session, struct lake *lake, enum table_id id,
                         const char *again, struct arena *arena, struct error *err)
{
    const struct table *table = fleet_table(id);
    const char *path = layout_path(arena, fleet_tables[id].path, session->run_date, 0);
    if (!fs_exists(arena_printf(arena, "%s/%s", session->data, path))) {
        char date[DATE_TEXT_SIZE];
        date_format(session->run_date, date);
        return error_set(err,
                         "%s/%s : rien n'est publié pour le %s ; faites-le avec « autostream "
                         "--run-date %s %s »",
                         "%s/%s: nothing is published for %s; make it with \"autostream --run-date "
                         "%s %s\"",
                         session->data, path, date, date, again);
    }
    return lake_open_parquet(lake, table->name, table, session->data, path, err);
}

/* Which run.json is published for the run date: every run puts a new file there, last of all. */
struct record_stamp {
    ino_t inode;
    struct timespec changed;
    bool journal; /* a publication is under way */
};

static struct record_stamp stamp_now(const struct session *session)
{
    struct arena arena = {0};
    struct stat info = {0};
    const char *record = layout_path(&arena, "runs/run_date=D/run.json", session->run_date, 0);
    struct record_stamp stamp = {
        .journal = fs_exists(arena_printf(&arena, "%s/.staging/journal", session->data))};
    if (stat(arena_printf(&arena, "%s/%s", session->data, record), &info) == 0) {
        stamp.inode = info.st_ino;
        stamp.changed = info.st_mtim;
    }
    arena_release(&arena);
    return stamp;
}

int published_read_settled(const struct session *session,
                           int (*read)(void *context, struct error *err), void *context,
                           struct error *err)
{
    enum { ATTEMPTS = 20 };
    int status = -1;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        struct record_stamp before = stamp_now(session);
        status = read(context, err);
        struct record_stamp after = stamp_now(session);
        if (!after.journal && before.inode == after.inode &&
            before.changed.tv_sec == after.changed.tv_sec &&
            before.changed.tv_nsec == after.changed.tv_nsec) {
            break;
        }
    }
    return status;
}

/* ---- the ranked fleet ---- */

static enum statut statut_of(const char *name)
{
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        if (name && strcmp(statut_kinds[s].name, name) == 0) {
            return (enum statut)s;
        }
    }
    return STATUT_OK;
}

double published_number(const char *cell)
{
    return cell ? strtod(cell, NULL) : NAN;
}

struct ranked_vehicle published_ranked(const char *const *cells)
{
    int failure = (int)published_number(cells[3]);
    return (struct ranked_vehicle){
        .vin = cells[0],
        .modele = cells[1],
        .statut = statut_of(cells[2]),
        .type_panne_predit = failure >= 0 && failure < FAILURE_COUNT ? failure : FAILURE_OK,
        .prob_panne = published_number(cells[4]),
        .sante = (int)published_number(cells[5]),
        .km_avant_panne = published_number(cells[6]),
        .km_depuis_revis = published_number(cells[7]),
        .score_risque = published_number(cells[8]),
        .raisons = cells[9],
    };
}

struct top_reading {
    const struct session *session;
    size_t limit;
    struct arena *arena;
    struct ranked_vehicle **rows;
    size_t *count, *total;
};

static int read_top(void *context, struct error *err)
{
    const struct top_reading *r = context;
    const struct session *session = r->session;
    struct arena *arena = r->arena;
    struct lake *lake = NULL;
    struct lake_rows found;
    uint64_t fleet;
    const char *names[STATUT_COUNT];
    int status = -1;
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        names[s] = statut_kinds[s].name;
    }
    if (published_open(session, &lake, err) != 0 ||
        published_open_table(session, lake, TABLE_REPORTING, "run", arena, err) != 0 ||
        lake_words(lake, "statuts", "statut", names, STATUT_COUNT, err) != 0 ||
        lake_count(lake, "SELECT count(*) FROM reporting_final", &fleet, err) != 0 ||
        lake_query(lake,
                   arena_printf(arena, "%s LIMIT %zu", sql_text("serve/top.sql"),
                                r->limit > 0 ? r->limit : (size_t)fleet),
                   arena, &found, err) != 0) {
        goto done;
    }
    *r->total = (size_t)fleet;
    *r->count = found.rows;
    *r->rows = ARENA_NEW(arena, struct ranked_vehicle, found.rows);
    for (size_t i = 0; i < found.rows; i++) {
        (*r->rows)[i] = published_ranked(&found.cells[i * found.columns]);
    }
    status = 0;
done:
    lake_close(lake);
    return status;
}

int published_top(const struct session *session, size_t limit, struct arena *arena,
                  struct ranked_vehicle **rows, size_t *count, size_t *total, struct error *err)
{
    struct top_reading reading = {session, limit, arena, rows, count, total};
    return published_read_settled(session, read_top, &reading, err);
}

/* ---- quality ---- */

/* One row of a quality report, by its column names. */
static int read_report(const struct session *session, struct lake *lake, const char *level,
                       struct arena *arena, struct quality_report *out, struct error *err)
{
    struct lake_rows rows;
    struct column *columns;
    size_t count;
    char date[DATE_TEXT_SIZE];
    const char *view = arena_printf(arena, "%s_quality", level);
    const char *path = arena_printf(arena, "%s/quality/%s_quality_%s.csv", session->data, level,
                                    date_format(session->run_date, date));
    *out = (struct quality_report){.missing_columns = "", .schema_issues = ""};
    if (!fs_exists(path)) { /* this level was not made, or its run was refused */
        return 0;
    }
    if (lake_open_file(lake, view, path, err) != 0 ||
        lake_columns(lake, view, arena, &columns, &count, err) != 0 ||
        lake_query(lake, arena_printf(arena, "SELECT * FROM %s", view), arena, &rows, err) != 0) {
        return -1;
    }
    out->columns = ARENA_NEW(arena, struct quality_column, count);
    for (size_t c = 0; rows.rows > 0 && c < count; c++) {
        const char *name = columns[c].name;
        const char *cell = rows.cells[c] ? rows.cells[c] : "";
        if (strcmp(name, "rows") == 0) {
            out->rows = strtoull(cell, NULL, 10);
        } else if (strcmp(name, "missing_columns") == 0) {
            out->missing_columns = cell;
        } else if (strcmp(name, "schema_issues") == 0) {
            out->schema_issues = cell;
        } else if (strncmp(name, "nulls_", 6) == 0) {
            out->columns[out->column_count++] =
                (struct quality_column){.name = name + 6, .nulls = strtoull(cell, NULL, 10)};
        } else if (strncmp(name, "null_pct_", 9) == 0 && out->column_count > 0) {
            out->columns[out->column_count - 1].null_pct = strtod(cell, NULL);
        }
    }
    return 0;
}

static int read_reasons(struct lake *lake, struct arena *arena, struct quality_summary *out,
                        struct error *err)
{
    struct lake_rows rows;
    if (lake_count(lake, "SELECT count(*) FROM records", &out->quarantined, err) != 0 ||
        lake_query(lake, sql_text("serve/reasons.sql"), arena, &rows, err) != 0) {
        return -1;
    }
    out->reason_count = rows.rows;
    out->reasons = ARENA_NEW(arena, struct quarantine_reason, rows.rows);
    for (size_t r = 0; r < rows.rows; r++) {
        const char **cell = &rows.cells[r * rows.columns];
        out->reasons[r] = (struct quarantine_reason){.reason = cell[0],
                                                     .records = strtoull(cell[1], NULL, 10),
                                                     .source = cell[2],
                                                     .position = strtoll(cell[3], NULL, 10)};
    }
    return 0;
}

/* The first orphans of the run date, when its gold was made. */
static int read_orphans(const struct session *session, struct lake *lake, struct arena *arena,
                        struct quality_summary *out, struct error *err)
{
    enum { ORPHANS_AT_MOST = 100 };
    struct lake_rows rows;
    uint64_t total;
    const char *path = layout_path(arena, fleet_tables[TABLE_ORPHELINS].path, session->run_date, 0);
    if (!fs_exists(arena_printf(arena, "%s/%s", session->data, path))) {
        return 0;
    }
    if (published_open_table(session, lake, TABLE_ORPHELINS, "run", arena, err) != 0 ||
        lake_count(lake, "SELECT count(*) FROM orphelins", &total, err) != 0 ||
        lake_query(
            lake,
            arena_printf(arena, "SELECT * FROM orphelins ORDER BY vin LIMIT %d", ORPHANS_AT_MOST),
            arena, &rows, err) != 0) {
        return -1;
    }
    out->orphans = ARENA_NEW(arena, struct orphan, rows.rows);
    out->orphan_count = rows.rows;
    out->orphans_total = (size_t)total;
    for (size_t r = 0; r < rows.rows; r++) {
        const char **cell = &rows.cells[r * rows.columns];
        out->orphans[r] =
            (struct orphan){cell[0], strcmp(cell[1], "1") == 0, strcmp(cell[2], "1") == 0};
    }
    return 0;
}

int published_quality_in(struct lake *lake, const struct session *session, struct arena *arena,
                         struct quality_summary *out, struct error *err)
{
    *out = (struct quality_summary){0};
    if (published_open_table(session, lake, TABLE_QUARANTAINE, "run", arena, err) != 0 ||
        read_report(session, lake, "silver", arena, &out->silver, err) != 0 ||
        read_report(session, lake, "gold", arena, &out->gold, err) != 0 ||
        read_orphans(session, lake, arena, out, err) != 0) {
        return -1;
    }
    return read_reasons(lake, arena, out, err);
}

struct quality_reading {
    const struct session *session;
    struct arena *arena;
    struct quality_summary *out;
};

static int read_quality(void *context, struct error *err)
{
    const struct quality_reading *r = context;
    struct lake *lake = NULL;
    int status = -1;
    if (published_open(r->session, &lake, err) == 0) {
        status = published_quality_in(lake, r->session, r->arena, r->out, err);
    }
    lake_close(lake);
    return status;
}

int published_quality(const struct session *session, struct arena *arena,
                      struct quality_summary *out, struct error *err)
{
    struct quality_reading reading = {session, arena, out};
    return published_read_settled(session, read_quality, &reading, err);
}
