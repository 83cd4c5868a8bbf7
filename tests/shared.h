/* Where tests find files: the project's own beside the source (AUTOSTREAM_SOURCE), and data that is
 * not part of it in the folder AUTOSTREAM_SHARED, else ../shared beside the source. Without that
 * data such tests are skipped, saying so, unless AUTOSTREAM_REQUIRE_SHARED=1: then they fail. */
#ifndef TESTS_SHARED_H
#define TESTS_SHARED_H

#include "tests.h"

#include "base/arena.h"
#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

/* The project's folder. */
static inline const char *source_root(void)
{
    const char *root = getenv("AUTOSTREAM_SOURCE");
    return root ? root : ".";
}

/* The path of a shared file or folder, owned by the arena; NULL (said so) when it is not there. */
static inline const char *shared_path(struct arena *arena, const char *relative)
{
    const char *shared = getenv("AUTOSTREAM_SHARED");
    const char *required = getenv("AUTOSTREAM_REQUIRE_SHARED");
    const char *path = shared ? arena_printf(arena, "%s/%s", shared, relative)
                              : arena_printf(arena, "%s/../shared/%s", source_root(), relative);
    if (fs_exists(path)) {
        return path;
    }
    if (required && strcmp(required, "1") == 0) {
        fail_msg("%s is not there, and AUTOSTREAM_REQUIRE_SHARED=1", path);
    }
    print_message("skipped: %s is not there (AUTOSTREAM_SHARED says where it is)\n", path);
    return NULL;
}

#endif
