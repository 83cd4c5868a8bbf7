/* A library that stands between a program and its file system (LD_PRELOAD): counts the calls below
 * one folder, writes down what they change, and kills the process or fails the call at the n-th.
 * See trace.h for what steers it.
 *
 * Only calls that go through libc's dynamic symbols are seen: not what libc does inside itself
 * (fopen, opendir are counted as one call; stdio's writes are not seen), and not the bare system
 * call. The proofs check that nothing was missed: the trace played again gives the folder's bytes.
 * The program is expected to give absolute paths below the root, or paths relative to descriptors.
 */
#include "proofs/trace.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS = 4096, PATH_ROOM = 4096 };

static struct {
    const char *root, *count_path, *plant;
    size_t root_size;
    int trace; /* descriptor, or -1 */
    long at, allocation;
    enum { DO_NOTHING, DO_KILL, DO_SHORT, DO_FAIL } what;
    int error;
    bool changes_only;
    long count;
    long allocations;
    long disk, written, spilled; /* bytes: what fits; what was written, and of it to scratch */
    const char *change, *change_path, *change_by;
    long change_at, reads_of_it;
    uint32_t handles;
    uint32_t handle_of[FDS]; /* 0: not below the root */
    char *path_of[FDS];
    uintptr_t ours[8][2]; /* code of base/arena.c */
    size_t ours_count;
} state = {.trace = -1};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The next definition of a function, libc's. */
#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        abort();
    }
    return found;
}

/* ---- what was asked for ---- */

static long number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

/* Where base/arena.c's allocating functions are, from the program's own table of symbols. */
static void find_our_code(void)
{
    static const char *const names[] = {"arena_alloc", "xcalloc", "xrealloc"};
    struct stat info;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        abort();
    }
    const char *file = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (file == MAP_FAILED) {
        abort();
    }
    const Elf64_Ehdr *head = (const void *)file;
    const Elf64_Shdr *sections = (const void *)(file + head->e_shoff);
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long base = 0;
    if (!maps || fscanf(maps, "%lx", &base) != 1) {
        abort();
    }
    (void)fclose(maps);
    for (size_t s = 0; s < head->e_shnum; s++) {
        if (sections[s].sh_type != SHT_SYMTAB) {
            continue;
        }
        const Elf64_Sym *symbols = (const void *)(file + sections[s].sh_offset);
        const char *texts = file + sections[sections[s].sh_link].sh_offset;
        for (size_t i = 0; i < sections[s].sh_size / sizeof *symbols; i++) {
            for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
                if (strcmp(texts + symbols[i].st_name, names[n]) == 0) {
                    state.ours[state.ours_count][0] = base + symbols[i].st_value;
                    state.ours[state.ours_count++][1] =
                        base + symbols[i].st_value + symbols[i].st_size;
                }
            }
        }
    }
    (void)munmap((void *)file, (size_t)info.st_size);
    if (state.ours_count != sizeof names / sizeof *names) {
        abort();
    }
}

__attribute__((constructor)) static void begin(void)
{
    const char *trace = getenv("PROOFS_TRACE");
    const char *what = getenv("PROOFS_DO");
    if (trace) {
        state.trace = (int)syscall(SYS_openat, AT_FDCWD, trace,
                                   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    state.at = number_of("PROOFS_AT");
    state.changes_only = getenv("PROOFS_CHANGES") != NULL;
    state.count_path = getenv("PROOFS_COUNT");
    state.plant = getenv("PROOFS_PLANT");
    if (what && strcmp(what, "kill") == 0) {
        state.what = DO_KILL;
    } else if (what && strcmp(what, "short") == 0) {
        state.what = DO_SHORT;
    } else if (what) {
        state.what = DO_FAIL;
        state.error = (int)strtol(what, NULL, 10);
    }
    if (getenv("PROOFS_ALLOCATION")) {
        find_our_code();
    }
    state.allocation = number_of("PROOFS_ALLOCATION");
    state.disk = getenv("PROOFS_DISK") ? number_of("PROOFS_DISK") : LONG_MAX;
    state.change = getenv("PROOFS_CHANGE");
    state.change_path = getenv("PROOFS_CHANGE_PATH");
    state.change_by = getenv("PROOFS_CHANGE_BY");
    state.change_at = number_of("PROOFS_CHANGE_AT");
    state.root = getenv("PROOFS_ROOT"); /* last: from here on calls are counted */
    state.root_size = state.root ? strlen(state.root) : 0;
}

__attribute__((destructor)) static void end(void)
{
    char text[128];
    if (!state.count_path) {
        return;
    }
    int size = snprintf(text, sizeof text, "%ld %ld %ld %ld\n", state.count, state.allocations,
                        state.written, state.spilled);
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, state.count_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)!syscall(SYS_write, fd, text, (size_t)size);
    (void)syscall(SYS_close, fd);
}

/* ---- paths ---- */

/* The path relative to the root into `out`; false when it is elsewhere. */
static bool below_root(int folder, const char *path, char out[PATH_ROOM])
{
    if (!state.root) {
        return false;
    }
    if (*path == '/') {
        if (strncmp(path, state.root, state.root_size) != 0 ||
            (path[state.root_size] != '/' && path[state.root_size] != '\0')) {
            return false;
        }
        path += state.root_size;
        path += *path == '/';
        (void)snprintf(out, PATH_ROOM, "%s", path);
        return true;
    }
    if (folder < 0 || folder >= FDS || !state.handle_of[folder]) {
        return false;
    }
    const char *base = state.path_of[folder];
    (void)snprintf(out, PATH_ROOM, "%s%s%s", base, *base ? "/" : "", path);
    return true;
}

static bool is_ours(int fd)
{
    return state.root && fd >= 0 && fd < FDS && state.handle_of[fd] != 0;
}

/* With PROOFS_PLANT=in-place: where a staged file would go in the end. */
static const char *planted(const char *path, char out[PATH_ROOM])
{
    static const char staging[] = "/.staging/";
    const char *staged = state.root && state.plant && strcmp(state.plant, "in-place") == 0 && path
                             ? strstr(path, staging)
                             : NULL;
    const char *inside = staged ? strchr(staged + sizeof staging - 1, '/') : NULL;
    if (!inside || inside[1] == '.' || strncmp(inside, "/scratch", 8) == 0) {
        return path;
    }
    (void)snprintf(out, PATH_ROOM, "%.*s%s", (int)(staged - path), path, inside);
    for (char *p = out + (staged - path); (p = strchr(p, '~'));) {
        *p = '/';
    }
    for (char *p = out + (staged - path) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void)REAL(mkdir)(out, 0777);
        *p = '/';
    }
    return out;
}

/* ---- counting ---- */

enum verdict { GO_ON, SHORT, FAIL };

/* Counts one call below the root and says what shall become of it. */
static enum verdict turn(bool changes)
{
    enum verdict verdict = GO_ON;
    if (state.changes_only && !changes) {
        return GO_ON;
    }
    (void)pthread_mutex_lock(&lock);
    if (++state.count == state.at) {
        if (state.what == DO_KILL) {
            (void)kill(getpid(), SIGKILL);
        }
        verdict = state.what == DO_SHORT ? SHORT : state.what == DO_FAIL ? FAIL : GO_ON;
    }
    (void)pthread_mutex_unlock(&lock);
    if (verdict == FAIL) {
        errno = state.error;
    }
    return verdict;
}

static void put(const void *bytes, size_t size)
{
    if (size > 0 && syscall(SYS_write, state.trace, bytes, size) != (long)size) {
        abort();
    }
}

static void trace(enum trace_op op, uint32_t handle, uint64_t offset, const char *a, const void *b,
                  size_t b_size)
{
    const struct trace_entry entry = {.op = op,
                                      .handle = handle,
                                      .offset = offset,
                                      .a_size = a ? (uint32_t)strlen(a) : 0,
                                      .b_size = (uint32_t)b_size};
    if (state.trace < 0) {
        return;
    }
    int saved = errno;
    (void)pthread_mutex_lock(&lock);
    put(&entry, sizeof entry);
    put(a, entry.a_size);
    put(b, b_size);
    (void)pthread_mutex_unlock(&lock);
    errno = saved;
}

static void remember(int fd, const char *path, enum trace_op op)
{
    if (fd < 0 || fd >= FDS) {
        return;
    }
    (void)pthread_mutex_lock(&lock);
    free(state.path_of[fd]);
    state.path_of[fd] = strdup(path);
    uint32_t handle = ++state.handles;
    state.handle_of[fd] = handle;
    (void)pthread_mutex_unlock(&lock);
    trace(op, handle, 0, path, NULL, 0);
}

/* ---- opening and closing ---- */

static int open_file(int folder, const char *path, int flags, mode_t mode)
{
    char inside[PATH_ROOM];
    char moved[PATH_ROOM];
    path = planted(path, moved);
    bool counted = below_root(folder, path, inside);
    bool there = true;
    if (counted) {
        struct stat info;
        there = fstatat(folder, path, &info, 0) == 0;
        bool changes = (flags & O_CREAT && !there) || flags & O_TRUNC;
        if (turn(changes) == FAIL) {
            return -1;
        }
    }
    int fd = REAL(openat)(folder, path, flags, mode);
    if (counted && fd >= 0) {
        remember(fd, inside, there ? TRACE_OPEN : TRACE_CREATE);
        if (there && flags & O_TRUNC) {
            trace(TRACE_RESIZE, state.handle_of[fd], 0, NULL, NULL, 0);
        }
    } else if (fd >= 0 && fd < FDS) {
        state.handle_of[fd] = 0;
    }
    return fd;
}

#define MODE_OF(flags)                         \
    mode_t mode = 0;                           \
    if ((flags)&O_CREAT) {                     \
        va_list args;                          \
        va_start(args, flags);                 \
        mode = (mode_t)va_arg(args, unsigned); \
        va_end(args);                          \
    }

int open(const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_file(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_file(folder, path, flags, mode);
}

/* stdio only reads below the root (the trace would miss what it writes). */
static bool may_fopen(const char *path, const char *mode)
{
    char inside[PATH_ROOM];
    if (!below_root(AT_FDCWD, path, inside)) {
        return true;
    }
    if (*mode != 'r' || strchr(mode, '+')) {
        abort();
    }
    return turn(false) != FAIL;
}

FILE *fopen(const char *path, const char *mode)
{
    return may_fopen(path, mode) ? REAL(fopen)(path, mode) : NULL;
}

FILE *fopen64(const char *path, const char *mode)
{
    return may_fopen(path, mode) ? REAL(fopen64)(path, mode) : NULL;
}

DIR *opendir(const char *path)
{
    char inside[PATH_ROOM];
    if (below_root(AT_FDCWD, path, inside) && turn(false) == FAIL) {
        return NULL;
    }
    return REAL(opendir)(path);
}

int close(int fd)
{
    if (is_ours(fd)) {
        state.handle_of[fd] = 0;
    }
    return REAL(close)(fd);
}

/* ---- a file that changes while it is read ---- */

/* With PROOFS_CHANGE=grow, shrink or replace: before the read PROOFS_CHANGE_AT of the file
 * PROOFS_CHANGE_PATH, relative to the root, it gets the bytes of the file PROOFS_CHANGE_BY behind
 * its own, loses its second half, or that file is renamed over it. */
static void change_file(int fd)
{
    char path[PATH_ROOM];
    char bytes[4096];
    struct stat info;
    if (!state.change || strcmp(state.path_of[fd], state.change_path) != 0 ||
        ++state.reads_of_it != state.change_at) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s", state.root, state.change_path);
    if (strcmp(state.change, "shrink") == 0) {
        if (stat(path, &info) != 0 || truncate(path, info.st_size / 2) != 0) {
            abort();
        }
    } else if (strcmp(state.change, "replace") == 0) {
        if (REAL(rename)(state.change_by, path) != 0) {
            abort();
        }
    } else {
        int from = REAL(openat)(AT_FDCWD, state.change_by, O_RDONLY | O_CLOEXEC);
        int to = REAL(openat)(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
        ssize_t got;
        while ((got = REAL(read)(from, bytes, sizeof bytes)) > 0) {
            if (REAL(write)(to, bytes, (size_t)got) != got) {
                abort();
            }
        }
        if (got < 0 || REAL(close)(from) != 0 || REAL(close)(to) != 0) {
            abort();
        }
    }
}

/* ---- a disk that fills ---- */

/* Of `size` bytes to be written to fd, those for which the disk (PROOFS_DISK bytes) has room, which
 * are counted; -1 with ENOSPC when there is none. What is removed makes no room again. */
static ssize_t room_for(int fd, size_t size)
{
    (void)pthread_mutex_lock(&lock);
    long left = state.disk - state.written;
    long fits = (long)size < left ? (long)size : left;
    state.written += fits;
    if (strstr(state.path_of[fd], "/scratch/")) {
        state.spilled += fits;
    }
    (void)pthread_mutex_unlock(&lock);
    if (fits == 0 && size > 0) {
        errno = ENOSPC;
        return -1;
    }
    return fits;
}

/* ---- reading and writing ---- */

ssize_t read(int fd, void *bytes, size_t size)
{
    enum verdict verdict = is_ours(fd) ? turn(false) : GO_ON;
    if (is_ours(fd)) {
        change_file(fd);
    }
    return verdict == FAIL ? -1 : REAL(read)(fd, bytes, verdict == SHORT && size > 0 ? 1 : size);
}

static ssize_t read_at(int fd, void *bytes, size_t size, off_t offset)
{
    enum verdict verdict = is_ours(fd) ? turn(false) : GO_ON;
    return verdict == FAIL
               ? -1
               : REAL(pread)(fd, bytes, verdict == SHORT && size > 0 ? 1 : size, offset);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
    return read_at(fd, bytes, size, offset);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t offset)
{
    return read_at(fd, bytes, size, offset);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    if (!is_ours(fd)) {
        return REAL(write)(fd, bytes, size);
    }
    enum verdict verdict = turn(true);
    ssize_t fits = verdict == FAIL ? -1 : room_for(fd, verdict == SHORT && size > 0 ? 1 : size);
    if (fits < 0) {
        return -1;
    }
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t put_size = REAL(write)(fd, bytes, (size_t)fits);
    if (put_size > 0) {
        trace(TRACE_WRITE, state.handle_of[fd], (uint64_t)at, NULL, bytes, (size_t)put_size);
    }
    return put_size;
}

static ssize_t write_at(int fd, const void *bytes, size_t size, off_t offset)
{
    if (!is_ours(fd)) {
        return REAL(pwrite)(fd, bytes, size, offset);
    }
    enum verdict verdict = turn(true);
    ssize_t fits = verdict == FAIL ? -1 : room_for(fd, verdict == SHORT && size > 0 ? 1 : size);
    if (fits < 0) {
        return -1;
    }
    ssize_t put_size = REAL(pwrite)(fd, bytes, (size_t)fits, offset);
    if (put_size > 0) {
        trace(TRACE_WRITE, state.handle_of[fd], (uint64_t)offset, NULL, bytes, (size_t)put_size);
    }
    return put_size;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return write_at(fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    return write_at(fd, bytes, size, offset);
}

static int resize(int fd, off_t size)
{
    if (is_ours(fd) && turn(true) == FAIL) {
        return -1;
    }
    int status = REAL(ftruncate)(fd, size);
    if (status == 0 && is_ours(fd)) {
        trace(TRACE_RESIZE, state.handle_of[fd], (uint64_t)size, NULL, NULL, 0);
    }
    return status;
}

int ftruncate(int fd, off_t size)
{
    return resize(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return resize(fd, size);
}

/* Room that DuckDB asks for ahead; the size stays (or the trace would miss it). */
int fallocate(int fd, int mode, off_t offset, off_t size)
{
    if (is_ours(fd) && turn(false) == FAIL) {
        return -1;
    }
    if (is_ours(fd) && size > state.disk - state.written) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(fallocate)(fd, mode, offset, size);
}

int flock(int fd, int operation)
{
    if (is_ours(fd) && turn(false) == FAIL) {
        return -1;
    }
    return REAL(flock)(fd, operation);
}

/* ---- syncing ---- */

static int sync_file(int fd, int (*call)(int), enum trace_op op)
{
    if (!is_ours(fd)) {
        return call(fd);
    }
    if (turn(true) == FAIL) {
        return -1;
    }
    if (state.plant && strcmp(state.plant, "no-sync") == 0) {
        return 0;
    }
    int status = call(fd);
    if (status == 0) {
        trace(op, state.handle_of[fd], 0, NULL, NULL, 0);
    }
    return status;
}

int fsync(int fd)
{
    return sync_file(fd, REAL(fsync), TRACE_SYNC);
}

int fdatasync(int fd)
{
    return sync_file(fd, REAL(fdatasync), TRACE_SYNC);
}

int syncfs(int fd)
{
    return sync_file(fd, REAL(syncfs), TRACE_SYNC_ALL);
}

/* ---- connections ---- */

/* With PROOFS_PLANT=no-shutdown nobody is shut out. */
int shutdown(int fd, int how)
{
    return state.plant && strcmp(state.plant, "no-shutdown") == 0 ? 0 : REAL(shutdown)(fd, how);
}

/* With PROOFS_PLANT=die-of-a-byte a request that holds the byte 0xff is the last one. */
ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    ssize_t got = REAL(recv)(fd, bytes, size, flags);
    if (got > 0 && state.plant && strcmp(state.plant, "die-of-a-byte") == 0 &&
        memchr(bytes, 0xff, (size_t)got)) {
        abort();
    }
    return got;
}

/* ---- names ---- */

static int rename_file(int from_folder, const char *from, int to_folder, const char *to,
                       unsigned flags)
{
    char a[PATH_ROOM];
    char b[PATH_ROOM];
    bool counted = below_root(from_folder, from, a) && below_root(to_folder, to, b);
    if (counted && turn(true) == FAIL) {
        return -1;
    }
    int status = REAL(renameat2)(from_folder, from, to_folder, to, flags);
    if (status == 0 && counted) {
        trace(TRACE_RENAME, 0, flags & RENAME_EXCHANGE ? 1 : 0, a, b, strlen(b));
    }
    return status;
}

int rename(const char *from, const char *to)
{
    return rename_file(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return rename_file(from_folder, from, to_folder, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    return rename_file(from_folder, from, to_folder, to, flags);
}

static int unlink_name(int folder, const char *path, int flags)
{
    char inside[PATH_ROOM];
    bool counted = below_root(folder, path, inside);
    if (counted && turn(true) == FAIL) {
        return -1;
    }
    int status = REAL(unlinkat)(folder, path, flags);
    if (status == 0 && counted) {
        trace(TRACE_UNLINK, 0, 0, inside, NULL, 0);
    }
    return status;
}

int unlink(const char *path)
{
    return unlink_name(AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    return unlink_name(folder, path, flags);
}

int rmdir(const char *path)
{
    return unlink_name(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
    struct stat info;
    bool folder = lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
    return unlink_name(AT_FDCWD, path, folder ? AT_REMOVEDIR : 0);
}

int mkdir(const char *path, mode_t mode)
{
    char inside[PATH_ROOM];
    struct stat info;
    bool counted = below_root(AT_FDCWD, path, inside) && lstat(path, &info) != 0;
    if (counted && turn(true) == FAIL) {
        return -1;
    }
    int status = REAL(mkdir)(path, mode);
    if (status == 0 && counted) {
        trace(TRACE_MKDIR, 0, 0, inside, NULL, 0);
    }
    return status;
}

/* ---- memory ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static bool refused(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    for (size_t i = 0; i < state.ours_count; i++) {
        if (at >= state.ours[i][0] && at < state.ours[i][1]) {
            return __atomic_add_fetch(&state.allocations, 1, __ATOMIC_RELAXED) == state.allocation;
        }
    }
    return false;
}

void *malloc(size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
