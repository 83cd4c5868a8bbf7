/* Raw data of another file system (run_options.bronze), as the engine sees it: the telemetry is
 * listed here and read by executors, the small files are copied beside the run's scratch. Names
 * stay as they are below "bronze/", so that tables equal those of a local run; see stages.h. */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"

#include <string.h>

struct listing {
    struct stage *stage;
    const char *dated; /* "run_date=D/" */
    bool has_dated;
    bool small[2]; /* something to copy: undated, dated */
    struct remote undated_json, dated_json;
};

/* What lies behind FOLDER/ in a path, when it lies right there; else NULL. */
static const char *inside(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    bool there = strncmp(path, folder, size) == 0 && path[size] == '/';
    return there && !strchr(path + size + 1, '/') ? path + size + 1 : NULL;
}

static void add_json(struct remote *remote, const char *name, struct arena *arena)
{
    if (remote->count == remote->room) {
        const char **old = remote->names;
        remote->room = remote->room ? remote->room * 2 : 64;
        remote->names = ARENA_NEW(arena, const char *, remote->room);
        if (old) {
            memcpy((void *)remote->names, (const void *)old, remote->count * sizeof *old);
        }
    }
    remote->names[remote->count++] = arena_strdup(arena, name);
}

static int list_file(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct listing *list = context;
    const char *path = cells[0].data;
    bool dated = strncmp(path, list->dated, strlen(list->dated)) == 0;
    const char *rest = dated ? path + strlen(list->dated) : path;
    const char *json = inside(rest, "json");
    (void)count, (void)err;
    list->has_dated |= dated;
    list->small[dated] |= inside(rest, "csv") || inside(rest, "sql") || inside(rest, "parquet");
    if (json) {
        add_json(dated ? &list->dated_json : &list->undated_json, json, list->stage->arena);
    }
    return 0;
}

static int nothing_there(const struct stage *stage, struct error *err)
{
    char date[DATE_TEXT_SIZE];
    date_format(stage->session->run_date, date);
    return error_set(err,
                     "--bronze %s : pas de données brutes pour le %s ; il y faut run_date=%s/ ou "
                     "directement json/, csv/ et sql/",
                     "--bronze %s: no raw data for %s; there must be run_date=%s/, or json/, csv/ "
                     "and sql/ themselves",
                     stage->options->bronze, date, date);
}

int bronze_fetch(struct stage *stage, struct error *err)
{
    const char *address = stage->options->bronze;
    struct listing list = {
        .stage = stage,
        .dated = layout_path(stage->arena, "run_date=D/", stage->session->run_date, 0)};
    const char *d = list.dated;
    const char *all = arena_printf(
        stage->arena, "{%sjson,%scsv,%ssql,%sparquet,json,csv,sql,parquet}", d, d, d, d);
    if (lake_list_files(stage->lake, address, all, list_file, &list, err) != 0) {
        return strstr(err->text[LANG_EN], LAKE_NOTHING_THERE) ? nothing_there(stage, err) : -1;
    }
    const char *below = list.has_dated ? d : "";
    stage->raw = arena_printf(stage->arena, "%s/raw", stage->publication->staging);
    stage->remote = ARENA_NEW(stage->arena, struct remote, 1);
    *stage->remote = list.has_dated ? list.dated_json : list.undated_json;
    stage->remote->json = arena_printf(stage->arena, "%s/%sjson", address, below);
    const char *bronze = arena_printf(stage->arena, "%s/bronze", stage->raw);
    const char *json = stage->remote->count > 0 ? "json" : "";
    if (fs_make_folders(arena_printf(stage->arena, "%s/%s%s", bronze, below, json), err) != 0) {
        return -1;
    }
    return list.small[list.has_dated]
               ? lake_fetch(stage->lake, address,
                            arena_printf(stage->arena, "%s{csv,sql,parquet}", below), bronze, err)
               : 0;
}
