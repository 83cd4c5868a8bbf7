/* Starts programs for tests; see run.h. Their outputs go to unnamed temporary files: nothing can
 * block, however much they say. */
#include "tests.h"

#include "support/run.h"

#include "base/fs.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_AT_MOST = 64 };

extern char **environ;

/* Has `entry` ("NAME=...") the name of `other` ("NAME" or "NAME=...")? */
static int same_name(const char *entry, const char *other)
{
    size_t length = strcspn(other, "=");
    return strncmp(entry, other, length) == 0 && entry[length] == '=';
}

static int is_replaced(const char *entry, const char *const names[])
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (same_name(entry, names[i])) {
            return 1;
        }
    }
    return 0;
}

static char **make_environment(struct arena *arena, const char *const own[])
{
    static const char *const fixed[] = {"AUTOSTREAM_DATA", "AUTOSTREAM_LANG",
                                        "NO_COLOR",        "COLUMNS",
                                        "LC_MESSAGES",     "LANG",
                                        "LC_ALL",          NULL};
    size_t count = 0;
    size_t more = 0;
    while (environ[count] != NULL) {
        count++;
    }
    while (own != NULL && own[more] != NULL) {
        more++;
    }
    char **all = ARENA_NEW(arena, char *, count + more + 2);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_replaced(environ[i], fixed) && !is_replaced(environ[i], own)) {
            all[used++] = environ[i];
        }
    }
    if (!is_replaced("LC_ALL=C", own)) {
        all[used++] = arena_strdup(arena, "LC_ALL=C");
    }
    for (size_t i = 0; i < more; i++) {
        if (strchr(own[i], '=') != NULL) {
            all[used++] = arena_strdup(arena, own[i]);
        }
    }
    return all;
}

static FILE *new_file(const char *text, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    if (text != NULL) {
        assert_int_equal(fwrite(text, 1, size, file), size);
        assert_int_equal(fflush(file), 0);
        rewind(file);
    }
    return file;
}

static char *read_back(struct arena *arena, FILE *file, size_t *size)
{
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long end = ftell(file);
    assert_true(end >= 0);
    rewind(file);
    *size = (size_t)end;
    char *text = ARENA_NEW(arena, char, *size + 1);
    assert_int_equal(fread(text, 1, *size, file), *size);
    assert_int_equal(fclose(file), 0);
    return text;
}

static int wait_for(pid_t child, long *peak_kib)
{
    struct rusage usage = {0};
    int status = 0;
    pid_t got;
    do {
        got = wait4(child, &status, 0, &usage);
    } while (got == -1 && errno == EINTR);
    assert_int_equal(got, child);
    *peak_kib = usage.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void run_program(struct arena *arena, struct program_result *out, const char *const argv[],
                 const struct program_options *options)
{
    static const struct program_options defaults = {.env = NULL};
    const struct program_options *o = options != NULL ? options : &defaults;
    const char *input = o->stdin_text != NULL ? o->stdin_text : "";
    FILE *files[3] = {new_file(input, o->stdin_size > 0 ? o->stdin_size : strlen(input)),
                      new_file(NULL, 0), new_file(NULL, 0)};
    posix_spawn_file_actions_t actions;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fileno(files[i]), i), 0);
    }
    if (o->cwd != NULL) {
        assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, o->cwd), 0);
    }
    size_t count = 0;
    char *copies[ARGUMENTS_AT_MOST] = {NULL};
    for (; argv[count] != NULL; count++) {
        assert_true(count + 1 < ARGUMENTS_AT_MOST);
        copies[count] = arena_strdup(arena, argv[count]);
    }
    const char *slash = strrchr(argv[0], '/'); /* as if found in PATH: hints then are the same */
    copies[0] = arena_strdup(arena, slash ? slash + 1 : argv[0]);
    pid_t child = 0;
    int failed =
        posix_spawnp(&child, argv[0], &actions, NULL, copies, make_environment(arena, o->env));
    if (failed != 0) {
        fail_msg("%s: %s", argv[0], strerror(failed));
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    out->status = wait_for(child, &out->peak_kib);
    assert_int_equal(fclose(files[0]), 0);
    out->out = read_back(arena, files[1], &out->out_size);
    out->err = read_back(arena, files[2], &out->err_size);
}

static void run_with(struct arena *arena, struct program_result *out,
                     const struct program_options *options, va_list args)
{
    const char *argv[ARGUMENTS_AT_MOST] = {getenv("AUTOSTREAM_BIN")};
    if (argv[0] == NULL) {
        fail_msg("AUTOSTREAM_BIN names no program: run the tests with meson test");
    }
    for (size_t i = 1; (argv[i] = va_arg(args, const char *)) != NULL; i++) {
        assert_true(i + 1 < ARGUMENTS_AT_MOST);
    }
    run_program(arena, out, argv, options);
}

void run_autostream(struct arena *arena, struct program_result *out,
                    const struct program_options *options, ...)
{
    va_list args;
    va_start(args, options);
    run_with(arena, out, options, args);
    va_end(args);
}

void assert_cli_fails(int status, const char *says, ...)
{
    struct arena arena = {0};
    struct program_result result;
    va_list args;
    va_start(args, says);
    run_with(&arena, &result, NULL, args);
    va_end(args);
    if (result.status != status || strstr(result.err, says) == NULL) {
        fail_msg("exit status %d instead of %d, or \"%s\" is not in: %s", result.status, status,
                 says, result.err);
    }
    arena_release(&arena);
}

char *assert_cli_works(struct arena *arena, ...)
{
    struct program_result result;
    va_list args;
    va_start(args, arena);
    run_with(arena, &result, NULL, args);
    va_end(args);
    if (result.status != 0) {
        fail_msg("exit status %d: %s", result.status, result.err);
    }
    return result.out;
}

char *temp_folder(struct arena *arena)
{
    const char *root = getenv("TMPDIR");
    char *path = arena_printf(arena, "%s/autostream-test-XXXXXX",
                              root != NULL && *root != '\0' ? root : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

void temp_folder_remove(const char *path)
{
    struct error err;
    if (fs_remove_tree(path, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
}

char *write_file(struct arena *arena, const char *folder, const char *name, const void *bytes,
                 size_t size)
{
    struct error err;
    char *path = arena_printf(arena, "%s/%s", folder, name);
    char *parent = arena_strdup(arena, path);
    *strrchr(parent, '/') = '\0';
    if (fs_make_folders(parent, &err) != 0 || fs_write(path, bytes, size, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return path;
}
