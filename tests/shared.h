/* Where tests find data that is not part of the project: the folder AUTOSTREAM_SHARED, else
 * ../shared beside the source root. Without it such tests are skipped, saying so, unless
 * AUTOSTREAM_REQUIRE_SHARED=1. */
#ifndef TESTS_SHARED_H
#define TESTS_SHARED_H

#include "tests.h"

#include "base/arena.h"
#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The source root, as meson passes it; the folder above the build folder without it. */
static inline const char *source_root(void)
{
    const char *root = getenv("AUTOSTREAM_SOURCE_ROOT");
    return root ? root : ".";
}

/* The path of a shared file or folder, owned by the arena; NULL (said on stderr) when absent. */
static inline const char *shared_path(struct arena *arena, const char *relative)
{
    const char *shared = getenv("AUTOSTREAM_SHARED");
    const char *required = getenv("AUTOSTREAM_REQUIRE_SHARED");
    const char *path = shared ? arena_printf(arena, "%s/%s", shared, relative)
                              : arena_printf(arena, "%s/../shared/%s", source_root(), relative);
    if (fs_exists(path)) {
        return path;
    }
    fprintf(stderr, "skipped: %s is not here (AUTOSTREAM_SHARED says where)\n", path);
    if (required && strcmp(required, "1") == 0) {
        fail_msg("%s is required", path);
    }
    return NULL;
}

#endif
