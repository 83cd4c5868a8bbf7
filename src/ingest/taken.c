/* Files that an earlier run has read, told by name, size, time and inode; see ingest.h. */
#include "ingest/ingest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int compare_source(const void *key, const void *file)
{
    return strcmp(key, ((const struct ingest_taken *)file)->source);
}

bool ingest_was_taken(const struct ingest_takens *takens, const char *source)
{
    return takens && takens->count > 0 &&
           bsearch(source, takens->files, takens->count, sizeof *takens->files, compare_source);
}

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void ingest_mark(const struct stat *info, struct input_file *file)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now); /* the one that stamps files */
    file->mtime = nanoseconds(info->st_mtim);
    file->inode = (int64_t)info->st_ino;
    if (file->mtime >= nanoseconds(now)) {
        file->mtime = 0;
    }
}

bool ingest_unchanged(const char *root, const struct ingest_takens *takens)
{
    struct arena arena = {0};
    bool same = true;
    for (size_t i = 0; same && i < takens->count; i++) {
        const struct ingest_taken *taken = &takens->files[i];
        struct stat info;
        same = taken->mtime != 0 &&
               stat(arena_printf(&arena, "%s/%s", root, ingest_source_path(taken->source, &arena)),
                    &info) == 0 &&
               (uint64_t)info.st_size == taken->bytes && (int64_t)info.st_ino == taken->inode &&
               nanoseconds(info.st_mtim) == taken->mtime;
        arena_clear(&arena);
    }
    arena_release(&arena);
    return same;
}
