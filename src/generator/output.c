/* Checked writes through a buffer; see output.h. Writes files. */
#include "generator/output.h"

#include "base/arena.h"
#include "base/fs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_error(const char *folder, const char *name, const char *reason, struct error *err)
{
    return error_set(
        err, "%s/%s : écriture impossible (%s) ; vérifiez les droits et la place sur le disque",
        "%s/%s: cannot be written (%s); check the permissions and the space on the disk", folder,
        name, reason ? reason : strerror(errno));
}

static char *join(const char *parent, const char *name)
{
    size_t parent_size = strlen(parent);
    size_t size = strlen(name) + 1;
    char *path = xcalloc(parent_size + 1 + size, 1);
    memcpy(path, parent, parent_size);
    path[parent_size] = '/';
    memcpy(path + parent_size + 1, name, size);
    return path;
}

int folder_open(struct folder *folder, const char *path, struct error *err)
{
    folder->path = xcalloc(strlen(path) + 1, 1);
    memcpy(folder->path, path, strlen(path));
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->fd >= 0 ? 0 : output_error(path, "_SIMULATED", NULL, err);
}

int folder_make(struct folder *folder, const char *parent, const char *name, struct error *err)
{
    folder->fd = -1;
    folder->path = join(parent, name);
    if (mkdir(folder->path, 0777) != 0) {
        return error_set(
            err,
            "%s : dossier impossible à créer (%s) ; donnez un dossier vide et vérifiez les droits",
            "%s: folder cannot be made (%s); give an empty folder and check the permissions",
            folder->path, strerror(errno));
    }
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->fd >= 0 ? 0 : output_error(parent, name, NULL, err);
}

void folder_close(struct folder *folder)
{
    if (folder->path && folder->fd >= 0) {
        close(folder->fd);
    }
    free(folder->path);
    *folder = (struct folder){.fd = -1};
}

int output_open(struct output *output, const struct folder *folder, const char *name,
                struct error *err)
{
    assert(!output->open && strlen(name) < sizeof output->name);
    output->folder = folder;
    memcpy(output->name, name, strlen(name) + 1);
    output->used = 0;
    output->fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    output->open = output->fd >= 0;
    return output->open ? 0 : output_error(folder->path, name, NULL, err);
}

static int flush(struct output *output, struct error *err)
{
    if (fs_put(output->fd, output->buffer, output->used) != 0) {
        return output_error(output->folder->path, output->name, NULL, err);
    }
    output->used = 0;
    return 0;
}

char *output_room(struct output *output, size_t size, struct error *err)
{
    assert(output->open && size <= sizeof output->buffer);
    if (sizeof output->buffer - output->used < size && flush(output, err) != 0) {
        return NULL;
    }
    return output->buffer + output->used;
}

void output_took(struct output *output, const char *end)
{
    output->used = (size_t)(end - output->buffer);
    assert(output->used <= sizeof output->buffer);
}

int output_bytes(struct output *output, const char *bytes, size_t size, struct error *err)
{
    while (size > 0) {
        size_t part = size < sizeof output->buffer ? size : sizeof output->buffer;
        char *to = output_room(output, part, err);
        if (!to) {
            return -1;
        }
        memcpy(to, bytes, part);
        output_took(output, to + part);
        bytes += part;
        size -= part;
    }
    return 0;
}

int output_close(struct output *output, struct error *err)
{
    int status = flush(output, err);
    output->open = false;
    if (close(output->fd) != 0 && status == 0) {
        status = output_error(output->folder->path, output->name, NULL, err);
    }
    return status;
}

void output_abandon(struct output *output)
{
    if (output->open) {
        close(output->fd);
    }
    output->open = false;
}
