/* File operations over POSIX calls; see fs.h. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool fs_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

bool fs_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int fs_write_error(const char *path, struct error *err)
{
    return error_set(
        err, "%s : écriture impossible (%s) ; vérifiez les droits et la place sur le disque",
        "%s: cannot be written (%s); check the permissions and the space on the disk", path,
        strerror(errno));
}

int fs_read_error(const char *path, struct error *err)
{
    return error_set(err, "%s : lecture impossible (%s) ; vérifiez le fichier et ses droits",
                     "%s: cannot be read (%s); check the file and its permissions", path,
                     strerror(errno));
}

int fs_make_folders(const char *path, struct error *err)
{
    if (fs_is_folder(path)) { /* as most often: one call instead of two for each of its parents */
        return 0;
    }
    struct arena scratch = {0};
    char *prefix = arena_strdup(&scratch, path);
    int status = 0;
    for (char *p = prefix + 1; status == 0; p++) {
        if (*p != '/' && *p != '\0') {
            continue;
        }
        char end = *p;
        *p = '\0';
        if (mkdir(prefix, 0777) != 0 && !(errno == EEXIST && fs_is_folder(prefix))) {
            status = error_set(err, "%s : dossier impossible à créer (%s) ; vérifiez les droits",
                               "%s: folder cannot be made (%s); check the permissions", prefix,
                               strerror(errno));
        }
        *p = end;
        if (end == '\0') {
            break;
        }
    }
    arena_release(&scratch);
    return status;
}

int fs_read(const char *path, size_t limit, struct arena *arena, struct bytes *out,
            struct error *err)
{
    int status = -1;
    char *buffer = NULL;
    size_t used = 0;
    size_t room = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fs_read_error(path, err);
        goto done;
    }
    for (;;) {
        if (used == room) {
            room = room ? room * 2 : 64 * 1024;
            buffer = xrealloc(buffer, room, 1);
        }
        ssize_t got = read(fd, buffer + used, room - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fs_read_error(path, err);
            goto done;
        }
        if (got == 0) {
            break;
        }
        used += (size_t)got;
        if (used > limit) {
            error_set(err, "%s : plus de %zu octets ; ce n'est pas un fichier attendu ici",
                      "%s: more than %zu bytes; this is not a file expected here", path, limit);
            goto done;
        }
    }
    *out = (struct bytes){.data = arena_copy(arena, buffer, used), .size = used};
    status = 0;
done:
    free(buffer);
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

int fs_put(int fd, const void *bytes, size_t size)
{
    const char *p = bytes;
    while (size > 0) {
        ssize_t put = write(fd, p, size);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return -1;
        }
        p += put;
        size -= (size_t)put;
    }
    return 0;
}

int fs_write(const char *path, const void *bytes, size_t size, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return fs_write_error(path, err);
    }
    int status = fs_put(fd, bytes, size) == 0 ? 0 : fs_write_error(path, err);
    if (close(fd) != 0 && status == 0) {
        status = fs_write_error(path, err);
    }
    return status;
}

/* Removes everything inside the folder `fd` (which it closes). */
static int empty_folder(int fd, const char *path, struct error *err)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return fs_write_error(path, err);
    }
    int status = 0;
    struct dirent *entry;
    while (status == 0 && (entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(dirfd(folder), entry->d_name, 0) == 0) {
            continue;
        }
        if (errno != EISDIR && errno != EPERM) {
            status = fs_write_error(path, err);
            break;
        }
        int inner =
            openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner < 0) {
            status = fs_write_error(path, err);
        } else {
            status = empty_folder(inner, path, err);
        }
        if (status == 0 && unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR) != 0) {
            status = fs_write_error(path, err);
        }
    }
    closedir(folder);
    return status;
}

int fs_remove_tree(const char *path, struct error *err)
{
    if (unlink(path) == 0 || errno == ENOENT) {
        return 0;
    }
    if (errno != EISDIR && errno != EPERM) {
        return fs_write_error(path, err);
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return fs_write_error(path, err);
    }
    if (empty_folder(fd, path, err) != 0) {
        return -1;
    }
    return rmdir(path) == 0 ? 0 : fs_write_error(path, err);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int fs_list(const char *path, struct arena *arena, char ***names, size_t *count, struct error *err)
{
    char **found = NULL;
    size_t used = 0;
    size_t room = 0;
    int status = -1;
    *names = NULL;
    *count = 0;
    DIR *folder = opendir(path);
    if (!folder) {
        return errno == ENOENT ? 0 : fs_read_error(path, err);
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (!entry && errno != 0) {
            fs_read_error(path, err);
            goto done;
        }
        if (!entry) {
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (used == room) {
            room = room ? room * 2 : 64;
            found = xrealloc(found, room, sizeof *found);
        }
        found[used++] = arena_strdup(arena, entry->d_name);
    }
    if (used > 0) {
        qsort(found, used, sizeof *found, compare_names);
        *names = ARENA_NEW(arena, char *, used);
        memcpy(*names, found, used * sizeof *found);
    }
    *count = used;
    status = 0;
done:
    free(found);
    closedir(folder);
    return status;
}
