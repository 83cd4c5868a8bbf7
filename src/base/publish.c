/* The journal of a publication and its two phases, stage and place; see publish.h.
 *
 * Journal, version 2, one entry a line:
 *   autostream-journal 2
 *   staging ID
 *   put SHA256 PATH      rename what is staged for PATH to it; done when PATH has the hash already
 *   drop PATH            remove PATH
 *   end                  (a journal without it cannot be: it was synced before it got its name)
 * Of a put, a file in the place of a part's folder goes, and so do parts in the place of a file. */
#include "base/publish.h"

#include "base/fs.h"
#include "base/parallel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char HEAD[] = "autostream-journal 2\n";
enum { JOURNAL_LIMIT = 1 << 30 };

static const char *join(struct arena *arena, const char *folder, const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

/* The folder part of a path, owned by the arena. */
static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(arena, path, (size_t)(slash - path)) : ".";
}

/* ---- part files: what a folder in the place of a file holds ---- */

static bool is_part(const char *name)
{
    return strncmp(name, "part-", 5) == 0;
}

/* The names of the parts in the folder, in their order; of no folder none. */
static int list_parts(const char *folder, struct arena *arena, char ***names, size_t *count,
                      struct error *err)
{
    size_t all = 0;
    *count = 0;
    if (fs_is_folder(folder) && fs_list(folder, arena, names, &all, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < all; i++) {
        if (is_part((*names)[i])) {
            (*names)[(*count)++] = (*names)[i];
        }
    }
    return 0;
}

/* Removes the parts in a folder and, when nothing is left in it, the folder. */
static int remove_parts(struct arena *arena, const char *folder, struct error *err)
{
    char **names;
    size_t count;
    if (list_parts(folder, arena, &names, &count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const char *path = join(arena, folder, names[i]);
        if (unlink(path) != 0 && errno != ENOENT) {
            return fs_write_error(path, err);
        }
    }
    (void)rmdir(folder);
    return 0;
}

/* ---- what is staged ---- */

/* Where the file that shall be ROOT/relative is staged: in one folder for all, '~' for '/', or a
 * run of 23 files would make, sync and remove twenty folders. Parts stay in the folder in their
 * file's place. Owned by the arena. */
static const char *staged_path(struct arena *arena, const char *staging, const char *relative)
{
    size_t size = strlen(staging) + 1;
    char *path = arena_printf(arena, "%s/%s", staging, relative);
    for (char *p = path + size; (p = strchr(p, '/')) && !is_part(p + 1);) {
        *p = '~';
    }
    return path;
}

/* ---- syncs ---- */

/* Threads that wait for the disk at the same time: 46 files and folders synced one after another
 * took ten times as long, as the file system writes its own journal anew for each of them. */
enum {
    SYNC_THREADS = 16,
    WORTH_A_THREAD = 4 << 20, /* bytes to be hashed: some ms */
    WORTH_A_LOOK = 1 << 20,   /* bytes: reading so many takes no longer than syncing them */
};

/* Files and folders that are synced together. */
struct syncs {
    struct arena *arena;
    const char **paths;
    int *problems; /* of each path: errno, 0: it is synced */
    size_t count, room;
};

static bool is_among(const struct syncs *syncs, const char *path)
{
    for (size_t i = syncs->count; i > 0; i--) { /* the neighbours came last */
        if (strcmp(syncs->paths[i - 1], path) == 0) {
            return true;
        }
    }
    return false;
}

static void add_sync(struct syncs *syncs, const char *path)
{
    if (syncs->count == syncs->room) {
        const char **old = syncs->paths;
        syncs->room = syncs->room ? syncs->room * 2 : 64;
        syncs->paths = ARENA_NEW(syncs->arena, const char *, syncs->room);
        if (old) {
            memcpy(syncs->paths, old, syncs->count * sizeof *old);
        }
    }
    syncs->paths[syncs->count++] = path;
}

/* Adds the folder of ROOT/relative and every folder above it up to ROOT, so that new folders are
 * durable as well; each once. */
static void add_folders(struct syncs *syncs, const char *root, const char *relative)
{
    const char *folder = folder_of(syncs->arena, join(syncs->arena, root, relative));
    while (!is_among(syncs, folder)) {
        add_sync(syncs, folder);
        if (strlen(folder) <= strlen(root)) {
            break;
        }
        folder = folder_of(syncs->arena, folder);
    }
}

static void sync_one(void *context, size_t index, unsigned worker)
{
    struct syncs *syncs = context;
    int fd = open(syncs->paths[index], O_RDONLY | O_CLOEXEC);
    int *problem = &syncs->problems[index];
    (void)worker;
    if (fd < 0) {
        *problem = errno == ENOENT ? 0 : errno; /* what is gone needs no sync of its own */
        return;
    }
    *problem = fsync(fd) == 0 ? 0 : errno;
    close(fd);
}

/* Syncs them all, in no order. */
static int sync_all(struct syncs *syncs, struct error *err)
{
    syncs->problems = ARENA_NEW(syncs->arena, int, syncs->count);
    parallel_for(SYNC_THREADS, syncs->count, sync_one, syncs);
    for (size_t i = 0; i < syncs->count; i++) {
        if (syncs->problems[i] != 0) {
            errno = syncs->problems[i];
            return fs_write_error(syncs->paths[i], err);
        }
    }
    return 0;
}

/* Syncs one file or folder. */
static int sync_path(const char *path, struct error *err)
{
    int problem = 0;
    struct syncs one = {.paths = &path, .problems = &problem, .count = 1};
    sync_one(&one, 0, 0);
    errno = problem;
    return problem == 0 ? 0 : fs_write_error(path, err);
}

/* ---- the second phase: what the journal says, done or finished ---- */

struct entry {
    const char *path;   /* relative to the root */
    const char *sha256; /* of what is put there; NULL: it is dropped */
};

struct journal {
    const char *path;
    const char *staging; /* ROOT/.staging/ID */
    struct entry *entries;
    size_t count;
};

/* Takes the next line off *text: NUL-terminated, without its newline; NULL at the end. */
static char *next_line(char **text)
{
    char *line = *text;
    char *end = strchr(line, '\n');
    if (!end) {
        return NULL;
    }
    *end = '\0';
    *text = end + 1;
    return line;
}

static int broken_journal(struct error *err, const char *path)
{
    return error_set(err, "%s : journal illisible ; ôtez-le et relancez la dernière commande",
                     "%s: unreadable journal; remove it and repeat the last command", path);
}

/* Takes the journal's text apart, in place; journal->path is set. */
static int read_journal(struct arena *arena, const char *root, char *text, struct journal *journal,
                        struct error *err)
{
    size_t lines = 0;
    bool ended = false;
    if (strncmp(text, HEAD, sizeof HEAD - 1) != 0) {
        return broken_journal(err, journal->path);
    }
    text += sizeof HEAD - 1;
    for (const char *p = text; (p = strchr(p, '\n')); p++) {
        lines++;
    }
    journal->entries = ARENA_NEW(arena, struct entry, lines);
    for (char *line; (line = next_line(&text));) {
        ended = strcmp(line, "end") == 0;
        if (strncmp(line, "staging ", 8) == 0) {
            journal->staging = arena_printf(arena, "%s/.staging/%s", root, line + 8);
        } else if (strncmp(line, "put ", 4) == 0 && journal->staging && strlen(line) > 4 + 64 + 1) {
            line[4 + 64] = '\0';
            journal->entries[journal->count++] = (struct entry){line + 4 + 65, line + 4};
        } else if (strncmp(line, "drop ", 5) == 0) {
            journal->entries[journal->count++] = (struct entry){line + 5, NULL};
        } else if (!ended) {
            return broken_journal(err, journal->path);
        }
    }
    return ended ? 0 : broken_journal(err, journal->path);
}

/* Makes the folders that files go to; that of parts in the place of a file, if there is one. New
 * ones have their names on the disk before a file moves in, or a loss of power could keep the move
 * and lose the folder with the file. */
static int make_places(struct arena *arena, const char *root, const struct journal *journal,
                       struct error *err)
{
    struct syncs made = {.arena = arena};
    for (size_t i = 0; i < journal->count; i++) {
        const char *relative = journal->entries[i].path;
        const char *folder = folder_of(arena, join(arena, root, relative));
        const char *slash = strrchr(relative, '/');
        if (!journal->entries[i].sha256 || fs_is_folder(folder)) {
            continue;
        }
        if (slash && is_part(slash + 1) && fs_exists(folder) && unlink(folder) != 0) {
            return fs_write_error(folder, err);
        }
        if (fs_make_folders(folder, err) != 0) {
            return -1;
        }
        add_folders(&made, root, relative);
    }
    return sync_all(&made, err);
}

/* Renames a staged file into place; a file that is in place already has the journal's hash. */
static int place(struct arena *arena, const char *root, const char *staging,
                 const struct entry *entry, struct error *err)
{
    const char *from = staged_path(arena, staging, entry->path);
    const char *to = join(arena, root, entry->path);
    int moved = rename(from, to);
    if (moved != 0 && errno == EISDIR) {
        if (remove_parts(arena, to, err) != 0) {
            return -1;
        }
        moved = rename(from, to);
    }
    if (moved == 0) {
        return 0;
    }
    if (errno != ENOENT) {
        return fs_write_error(to, err);
    }
    char found[HASH_TEXT_SIZE];
    uint64_t bytes;
    if (hash_file(to, found, &bytes, err) != 0) {
        return -1;
    }
    if (strcmp(found, entry->sha256) != 0) {
        return error_set(
            err,
            "%s : ni le fichier préparé ni le fichier publié n'ont l'empreinte notée ; "
            "relancez la commande qui l'a produit",
            "%s: neither the staged nor the published file has the recorded hash; "
            "repeat the command that made it",
            to);
    }
    return 0;
}

/* Removes a file, and its folders in which nothing is left. */
static int drop(struct arena *arena, const char *root, const struct entry *entry, struct error *err)
{
    const char *path = join(arena, root, entry->path);
    if (unlink(path) != 0 && errno != ENOENT) {
        return fs_write_error(path, err);
    }
    const char *folder = folder_of(arena, path);
    while (strlen(folder) > strlen(root) && rmdir(folder) == 0) {
        folder = folder_of(arena, folder);
    }
    return 0;
}

static int follow_journal(struct arena *arena, const char *root, char *text,
                          const char *journal_path, struct error *err)
{
    struct journal journal = {.path = journal_path};
    struct syncs placed = {.arena = arena};
    if (read_journal(arena, root, text, &journal, err) != 0 ||
        make_places(arena, root, &journal, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < journal.count; i++) {
        const struct entry *entry = &journal.entries[i];
        if ((entry->sha256 ? place(arena, root, journal.staging, entry, err)
                           : drop(arena, root, entry, err)) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < journal.count; i++) {
        add_folders(&placed, root, journal.entries[i].path);
    }
    if (sync_all(&placed, err) != 0) {
        return -1;
    }
    if (unlink(journal.path) != 0) {
        return fs_write_error(journal.path, err);
    }
    return sync_path(folder_of(arena, journal.path), err);
}

static int recover_locked(const char *root, struct error *err)
{
    struct arena arena = {0};
    struct bytes text;
    const char *journal = join(&arena, root, ".staging/journal");
    int status = 0;
    if (fs_exists(journal)) {
        status = fs_read(journal, JOURNAL_LIMIT, &arena, &text, err);
        if (status == 0) {
            status = follow_journal(&arena, root, (char *)text.data, journal, err);
        }
    }
    arena_release(&arena);
    return status;
}

/* ---- the lock ---- */

/* Opens and locks ROOT/.lock; when `wait` is false another holder is an error that names it. */
static int take_lock(const char *root, bool wait, int *lock, struct error *err)
{
    struct arena arena = {0};
    const char *path = join(&arena, root, ".lock");
    int status = -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        fs_write_error(path, err);
        goto done;
    }
    if (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
        char holder[128] = {0};
        ssize_t got = errno == EWOULDBLOCK ? pread(fd, holder, sizeof holder - 1, 0) : -1;
        if (got < 0) {
            fs_write_error(path, err);
        } else {
            holder[strcspn(holder, "\n")] = '\0';
            error_set(
                err,
                "%s : une autre commande y travaille déjà (%s) ; attendez sa fin, ou donnez un "
                "autre dossier avec --data",
                "%s: another command is at work there (%s); wait for its end, or give another "
                "folder with --data",
                root, holder);
        }
        goto done;
    }
    struct timespec now;
    char start[64];
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    (void)strftime(start, sizeof start, "%Y-%m-%dT%H:%M:%SZ", &utc);
    const char *owner = arena_printf(&arena, "pid %ld, %s\n", (long)getpid(), start);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, owner, strlen(owner), 0) < 0) {
        fs_write_error(path, err);
        goto done;
    }
    *lock = fd;
    fd = -1;
    status = 0;
done:
    if (fd >= 0) {
        close(fd);
    }
    arena_release(&arena);
    return status;
}

int publish_recover(const char *root, struct error *err)
{
    struct arena arena = {0};
    bool interrupted = fs_exists(join(&arena, root, ".staging/journal"));
    arena_release(&arena);
    if (!interrupted) {
        return 0;
    }
    int lock = -1;
    if (take_lock(root, true, &lock, err) != 0) {
        return -1;
    }
    int status = recover_locked(root, err);
    close(lock);
    return status;
}

/* ---- the first phase ---- */

int publish_begin(struct publication *publication, const char *root, struct error *err)
{
    struct publication *p = publication;
    struct timespec now;
    assert(!p->lock);
    p->root = arena_strdup(&p->arena, root);
    const char *all = join(&p->arena, root, ".staging");
    if (fs_make_folders(root, err) != 0 || take_lock(root, false, &p->lock, err) != 0) {
        return -1;
    }
    /* Under the lock: whatever is staged belongs to a process that is gone. */
    if (recover_locked(root, err) != 0 || fs_remove_tree(all, err) != 0) {
        return -1;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    p->staging = arena_printf(&p->arena, "%s/%lld-%ld", all, (long long)now.tv_sec, (long)getpid());
    return fs_make_folders(p->staging, err);
}

static struct published_file *add_file(struct publication *p, const char *relative)
{
    assert(p->lock && !strchr(relative, '\n'));
    if (p->file_count == p->file_room) {
        p->file_room = p->file_room ? p->file_room * 2 : 64;
        p->files = xrealloc(p->files, p->file_room, sizeof *p->files);
    }
    struct published_file *file = &p->files[p->file_count++];
    *file = (struct published_file){.path = arena_strdup(&p->arena, relative)};
    return file;
}

void publish_keep(struct publication *publication, const char *relative, const char *sha256,
                  uint64_t bytes)
{
    struct published_file *file = add_file(publication, relative);
    assert(strlen(sha256) < sizeof file->sha256);
    (void)snprintf(file->sha256, sizeof file->sha256, "%s", sha256);
    file->bytes = bytes;
    file->hashed = file->kept = true;
}

const char *publish_stage(struct publication *publication, const char *relative,
                          struct written **written)
{
    struct publication *p = publication;
    assert(!strchr(relative, '~'));
    struct published_file *file = add_file(p, relative);
    if (written) {
        file->written = *written = ARENA_NEW(&p->arena, struct written, 1);
    }
    return staged_path(&p->arena, p->staging, relative);
}

static void add_drop(struct publication *p, const char *relative)
{
    if (p->drop_count == p->drop_room) {
        p->drop_room = p->drop_room ? p->drop_room * 2 : 64;
        p->drops = xrealloc(p->drops, p->drop_room, sizeof *p->drops);
    }
    p->drops[p->drop_count++] = arena_strdup(&p->arena, relative);
}

void publish_drop(struct publication *publication, const char *relative)
{
    struct publication *p = publication;
    const char *place = join(&p->arena, p->root, relative);
    struct error unread;
    char **names;
    size_t count;
    assert(p->lock && !strchr(relative, '\n'));
    if (!fs_is_folder(place) || list_parts(place, &p->arena, &names, &count, &unread) != 0) {
        add_drop(p, relative); /* what cannot be removed either is told then */
        return;
    }
    for (size_t i = 0; i < count; i++) {
        add_drop(p, join(&p->arena, relative, names[i]));
    }
}

/* Puts the parts of a staged folder in the place of its entry; earlier parts that are not among
 * them shall go. */
static int take_parts(struct publication *p, size_t index, struct error *err)
{
    struct arena *arena = &p->arena;
    const char *relative = p->files[index].path;
    char **names, **before;
    size_t count, before_count;
    if (list_parts(staged_path(arena, p->staging, relative), arena, &names, &count, err) != 0 ||
        list_parts(join(arena, p->root, relative), arena, &before, &before_count, err) != 0) {
        return -1;
    }
    if (count == 0) {
        errno = EISDIR;
        return fs_read_error(relative, err);
    }
    for (size_t i = 1; i < count; i++) {
        add_file(p, relative);
    }
    memmove(&p->files[index + count], &p->files[index + 1],
            (p->file_count - index - count) * sizeof *p->files);
    for (size_t i = 0; i < count; i++) {
        p->files[index + i] = (struct published_file){.path = join(arena, relative, names[i])};
    }
    for (size_t b = 0; b < before_count; b++) {
        bool stays = false;
        for (size_t i = 0; i < count && !stays; i++) {
            stays = strcmp(before[b], names[i]) == 0;
        }
        if (!stays) {
            add_drop(p, join(arena, relative, before[b]));
        }
    }
    return 0;
}

struct hashing {
    struct publication *publication;
    const char **paths;   /* [file_count] of those to be hashed; NULL: known already */
    pthread_mutex_t lock; /* around what follows */
    bool failed;
    struct error *err; /* of the first failure */
};

static void hash_one(void *context, size_t index, unsigned worker)
{
    struct hashing *hashing = context;
    struct published_file *file = &hashing->publication->files[index];
    const char *path = hashing->paths[index];
    struct error err;
    (void)worker;
    if (!path || hash_file(path, file->sha256, &file->bytes, &err) == 0) {
        file->hashed = true;
        return;
    }
    pthread_mutex_lock(&hashing->lock);
    if (!hashing->failed) {
        hashing->failed = true;
        *hashing->err = err;
    }
    pthread_mutex_unlock(&hashing->lock);
}

/* What its writer has said of a file. */
static void take_word(struct published_file *file)
{
    const struct written *written = file->written;
    if (!file->hashed && written && *written->sha256) {
        memcpy(file->sha256, written->sha256, sizeof file->sha256);
        file->bytes = written->bytes;
        file->hashed = true;
    }
}

int publish_hash(struct publication *publication, unsigned threads, struct error *err)
{
    struct publication *p = publication;
    uint64_t bytes = 0;
    for (size_t i = 0; i < p->file_count; i++) {
        take_word(&p->files[i]);
        if (!p->files[i].hashed &&
            fs_is_folder(staged_path(&p->arena, p->staging, p->files[i].path)) &&
            take_parts(p, i, err) != 0) {
            return -1;
        }
    }
    struct hashing hashing = {.publication = p,
                              .paths = ARENA_NEW(&p->arena, const char *, p->file_count),
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .err = err};
    for (size_t i = 0; i < p->file_count; i++) {
        struct stat info;
        if (!p->files[i].hashed) {
            hashing.paths[i] = staged_path(&p->arena, p->staging, p->files[i].path);
            bytes += stat(hashing.paths[i], &info) == 0 ? (uint64_t)info.st_size : 0;
        }
    }
    parallel_for(bytes < WORTH_A_THREAD ? 1 : threads, p->file_count, hash_one, &hashing);
    return hashing.failed ? -1 : 0;
}

/* Is the file in its place already, as an earlier publication made and synced it? Making the same
 * again takes a small run nearly all of its syncs and renames. */
static bool is_in_place(struct publication *p, const struct published_file *file)
{
    const char *place = join(&p->arena, p->root, file->path);
    char sha256[HASH_TEXT_SIZE];
    struct stat info;
    uint64_t bytes;
    struct error unread;
    return file->bytes <= WORTH_A_LOOK && lstat(place, &info) == 0 && S_ISREG(info.st_mode) &&
           (uint64_t)info.st_size == file->bytes &&
           hash_file(place, sha256, &bytes, &unread) == 0 && strcmp(sha256, file->sha256) == 0;
}

/* The journal's text; owned by the publication, `size` without the NUL. */
static char *journal_text(struct publication *p, size_t *size)
{
    const char *id = strrchr(p->staging, '/') + 1;
    size_t room = sizeof HEAD + strlen(id) + 32;
    for (size_t i = 0; i < p->file_count; i++) {
        room += strlen(p->files[i].path) + HASH_TEXT_SIZE + 8;
    }
    for (size_t i = 0; i < p->drop_count; i++) {
        room += strlen(p->drops[i]) + 8;
    }
    char *text = arena_alloc(&p->arena, room, 1);
    size_t used = (size_t)snprintf(text, room, "%sstaging %s\n", HEAD, id);
    for (size_t i = 0; i < p->file_count; i++) {
        if (!p->files[i].kept) {
            used += (size_t)snprintf(text + used, room - used, "put %s %s\n", p->files[i].sha256,
                                     p->files[i].path);
        }
    }
    for (size_t i = 0; i < p->drop_count; i++) {
        used += (size_t)snprintf(text + used, room - used, "drop %s\n", p->drops[i]);
    }
    used += (size_t)snprintf(text + used, room - used, "end\n");
    assert(used < room);
    *size = used;
    return text;
}

/* Syncs what is staged, the journal without its name, and the folders of both. */
static int sync_staged(struct publication *p, const char *unnamed, struct error *err)
{
    struct syncs staged = {.arena = &p->arena};
    add_sync(&staged, unnamed);
    for (size_t i = 0; i < p->file_count; i++) {
        if (!p->files[i].kept) {
            const char *path = staged_path(&p->arena, p->staging, p->files[i].path);
            add_sync(&staged, path);
            add_folders(&staged, p->staging, path + strlen(p->staging) + 1);
        }
    }
    /* The journal must not outlive what it speaks of, nor the first placed file the journal: the
     * names of both folders above it are on the disk before it gets its own. */
    add_sync(&staged, folder_of(&p->arena, p->staging));
    add_sync(&staged, p->root);
    return sync_all(&staged, err);
}

int publish_commit(struct publication *publication, struct error *err)
{
    struct publication *p = publication;
    const char *all = join(&p->arena, p->root, ".staging");
    const char *journal = join(&p->arena, all, "journal");
    const char *unnamed = join(&p->arena, p->staging, ".journal");
    size_t size;
    if (publish_hash(p, 1, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < p->file_count; i++) {
        p->files[i].kept = p->files[i].kept || is_in_place(p, &p->files[i]);
    }
    const char *text = journal_text(p, &size);
    if (fs_write(unnamed, text, size, err) != 0 || sync_staged(p, unnamed, err) != 0) {
        return -1;
    }
    if (rename(unnamed, journal) != 0) {
        return fs_write_error(journal, err);
    }
    if (sync_path(all, err) != 0) {
        return -1;
    }
    return recover_locked(p->root, err);
}

void publish_end(struct publication *publication)
{
    struct publication *p = publication;
    struct error ignored;
    if (p->lock) {
        struct arena scratch = {0};
        /* What a journal names must stay: the next command finishes it. */
        if (p->staging && !fs_exists(join(&scratch, p->root, ".staging/journal"))) {
            (void)fs_remove_tree(p->staging, &ignored);
            (void)rmdir(join(&scratch, p->root, ".staging"));
        }
        arena_release(&scratch);
        close(p->lock);
    }
    free(p->files);
    free(p->drops);
    arena_release(&p->arena);
    *p = (struct publication){0};
}

int publish_file(const char *path, const void *bytes, size_t size, struct error *err)
{
    struct arena arena = {0};
    const char *folder = folder_of(&arena, path);
    const char *beside = arena_printf(&arena, "%s.tmp-%ld", path, (long)getpid());
    int status = -1;
    if (*folder == '\0') {
        folder = "/";
    }
    if (fs_make_folders(folder, err) != 0 || fs_write(beside, bytes, size, err) != 0 ||
        sync_path(beside, err) != 0) {
        goto done;
    }
    if (rename(beside, path) != 0) {
        fs_write_error(path, err);
        goto done;
    }
    status = sync_path(folder, err);
done:
    if (status != 0) {
        (void)unlink(beside);
    }
    arena_release(&arena);
    return status;
}
