/* Simulated bronze takes its place as a whole, and never the place of real bronze; see pipeline.h.
 */
#include "pipeline/stages.h"

#include "base/dates.h"
#include "base/fs.h"
#include "lake/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Real bronze for the date, dated or (when nothing dated is there) undated, forbids a simulation.
 */
static int refuse_real_bronze(const char *data, const char *target, struct arena *arena,
                              struct error *err)
{
    static const char *const undated[] = {"json", "parquet"}; /* see bronze_find() */
    const char *real = NULL;
    if (fs_exists(target)) {
        real = fs_exists(arena_printf(arena, "%s/_SIMULATED", target)) ? NULL : target;
    }
    for (size_t i = 0; i < sizeof undated / sizeof *undated && !fs_exists(target) && !real; i++) {
        const char *folder = arena_printf(arena, "%s/bronze/%s", data, undated[i]);
        real = fs_exists(folder) ? folder : NULL;
    }
    if (real) {
        return error_set(
            err,
            "%s : données réelles (sans _SIMULATED), la simulation ne les remplace pas ; "
            "donnez une autre date (--run-date) ou un autre dossier (--data)",
            "%s: real data (no _SIMULATED), a simulation does not replace it; give "
            "another date (--run-date) or another folder (--data)",
            real);
    }
    return 0;
}

/* Everything of the folder's file system is on the disk when this returns 0. */
static int sync_all(const char *folder, struct error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = 0;
    if (fd < 0 || syncfs(fd) != 0) {
        status = error_set(err, "%s : écriture impossible (%s) ; vérifiez la place sur le disque",
                           "%s: cannot be written (%s); check the space on the disk", folder,
                           strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/* Puts `folder` where `target` is; what was there lies in `folder` afterwards. */
static int exchange(const char *folder, const char *target, struct error *err)
{
    bool there = fs_exists(target);
    if (renameat2(AT_FDCWD, folder, AT_FDCWD, target, there ? RENAME_EXCHANGE : RENAME_NOREPLACE) ==
        0) {
        return 0;
    }
    return error_set(err, "%s : mise en place impossible (%s) ; vérifiez les droits",
                     "%s: cannot be put in place (%s); check the permissions", target,
                     strerror(errno));
}

int pipeline_simulate(const struct session *session,
                      int (*fill)(void *context, const char *folder, struct error *err),
                      void *context, struct error *err)
{
    struct arena arena = {0};
    struct publication publication = {0};
    const char *bronze = arena_printf(&arena, "%s/bronze", session->data);
    const char *target =
        arena_printf(&arena, "%s/%s", session->data,
                     layout_path(&arena, "bronze/run_date=D", session->run_date, 0));
    int status = -1;
    if (publish_begin(&publication, session->data, err) != 0 ||
        refuse_real_bronze(session->data, target, &arena, err) != 0) {
        goto done;
    }
    const char *folder = arena_printf(&arena, "%s/bronze", publication.staging);
    if (fs_make_folders(folder, err) != 0 || fill(context, folder, err) != 0 ||
        sync_all(folder, err) != 0 || fs_make_folders(bronze, err) != 0 ||
        exchange(folder, target, err) != 0) {
        goto done;
    }
    status = sync_all(bronze, err);
done:
    publish_end(&publication); /* removes the bronze that was replaced */
    arena_release(&arena);
    return status;
}
