/* What the generator refuses, and disks that refuse the generator: always one sentence in both
 * languages and -1, never a crash, never half a success. */
#include "reading.h"

#include "base/dates.h"
#include "generator/generator.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { CHILD_WROTE, CHILD_REFUSED, CHILD_SILENT, CHILD_UNABLE };

static struct generator_options options_for(uint64_t vehicles)
{
    return (struct generator_options){
        .vehicles = vehicles, .threads = 2, .run_date = date_from_civil(2026, 11, 23)};
}

static void assert_usage_error(const struct generator_options *options)
{
    struct error err = {0};
    struct arena arena = {0};
    char *folder = make_folder(&arena);
    char **names;
    size_t count;
    assert_int_equal(generator_write(folder, options, &err), -1);
    assert_int_equal(err.status, ERROR_USAGE);
    assert_true(err.text[LANG_FR][0] != '\0' && err.text[LANG_EN][0] != '\0');
    assert_int_equal(fs_list(folder, &arena, &names, &count, &err), 0);
    assert_int_equal(count, 0);
    remove_folder(folder);
    arena_release(&arena);
}

static void test_share_of_faults_outside_0_to_1_is_refused(void **state)
{
    static const double shares[] = {-0.1, 1.1, NAN, INFINITY};
    (void)state;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        struct generator_options options = options_for(1);
        options.faults = shares[i];
        assert_usage_error(&options);
    }
}

static void test_more_than_a_message_a_second_is_refused(void **state)
{
    struct generator_options options = options_for(1);
    (void)state;
    options.messages_per_day = 86401;
    assert_usage_error(&options);
}

static void test_days_before_2000_are_refused(void **state)
{
    struct generator_options options = options_for(1);
    (void)state;
    options.run_date = date_from_civil(2000, 1, 10);
    options.days = 10;
    assert_usage_error(&options);
    options = options_for(1);
    options.run_date = date_from_civil(1999, 12, 31);
    assert_usage_error(&options);
}

static void test_fleets_beyond_all_counting_are_refused(void **state)
{
    struct generator_options options = options_for(UINT64_MAX);
    (void)state;
    assert_usage_error(&options);
    options.days = 1000;
    options.messages_per_day = 86400;
    assert_usage_error(&options);
}

/* Writes in this process; tells how it went. */
static int try_to_write(const char *folder, const struct generator_options *options)
{
    struct error err = {0};
    if (generator_write(folder, options, &err) == 0) {
        return CHILD_WROTE;
    }
    bool said = err.status == ERROR_FAILED && strstr(err.text[LANG_EN], folder) &&
                strstr(err.text[LANG_FR], folder);
    return said ? CHILD_REFUSED : CHILD_SILENT;
}

static int result_of(pid_t child)
{
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_a_folder_that_is_not_there_is_an_error(void **state)
{
    struct generator_options options = options_for(1);
    (void)state;
    assert_int_equal(try_to_write("/nowhere/at/all", &options), CHILD_REFUSED);
}

static void test_what_stands_in_the_way_is_an_error_and_stays(void **state)
{
    static const char *const names[] = {"_SIMULATED", "json", "csv", "sql"};
    struct arena arena = {0};
    struct generator_options options = options_for(60);
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct error err;
        char *folder = make_folder(&arena);
        const char *path = arena_printf(&arena, "%s/%s", folder, names[i]);
        assert_int_equal(fs_write(path, "precious", 8, &err), 0);
        assert_int_equal(try_to_write(folder, &options), CHILD_REFUSED);
        assert_string_equal(read_text(&arena, folder, names[i]), "precious");
        remove_folder(folder);
    }
    arena_release(&arena);
}

/* A child writes under a limit of the size of a file. */
static int write_with_limit(const struct generator_options *options, rlim_t bytes)
{
    struct arena arena = {0};
    char *folder = make_folder(&arena);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {bytes, bytes};
        bool ready = signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0;
        _exit(ready ? try_to_write(folder, options) : CHILD_UNABLE);
    }
    int result = result_of(child);
    remove_folder(folder);
    arena_release(&arena);
    return result;
}

static void test_a_file_that_cannot_grow_is_an_error(void **state)
{
    static const rlim_t limits[] = {0, 60, 300, 5000, 20000, 40000, 60000};
    struct generator_options options = options_for(2000);
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        for (int format = GENERATOR_JSON; format <= GENERATOR_NDJSON; format++) {
            options.format = (enum generator_format)format;
            assert_int_equal(write_with_limit(&options, limits[i]), CHILD_REFUSED);
        }
    }
    assert_int_equal(write_with_limit(&options, 10 << 20), CHILD_WROTE);
}

/* A child writes to a small file system of its own, when it may make one. */
static int write_to_small_disk(const struct generator_options *options, unsigned kib)
{
    struct arena arena = {0};
    char *folder = make_folder(&arena);
    pid_t child = fork();
    if (child == 0) {
        const char *size = arena_printf(&arena, "size=%uk", kib);
        bool ready = unshare(CLONE_NEWNS) == 0 &&
                     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                     mount("none", folder, "tmpfs", 0, size) == 0;
        _exit(ready ? try_to_write(folder, options) : CHILD_UNABLE);
    }
    int result = result_of(child);
    remove_folder(folder);
    arena_release(&arena);
    return result;
}

static void test_a_full_disk_is_an_error(void **state)
{
    struct generator_options options = options_for(100);
    (void)state;
    for (unsigned kib = 4; kib <= 400; kib += 36) {
        for (int format = GENERATOR_JSON; format <= GENERATOR_NDJSON; format++) {
            options.format = (enum generator_format)format;
            options.messages_per_day = format == GENERATOR_JSON ? 1 : 50;
            int result = write_to_small_disk(&options, kib);
            if (result == CHILD_UNABLE) {
                print_message("skipped: no right to mount a small disk here\n");
                skip();
            }
            assert_int_equal(result, CHILD_REFUSED);
        }
    }
    options.format = GENERATOR_JSON;
    options.messages_per_day = 1;
    assert_int_equal(write_to_small_disk(&options, 4096), CHILD_WROTE);
}

static void test_a_folder_without_permission_is_an_error(void **state)
{
    struct arena arena = {0};
    struct generator_options options = options_for(1);
    char *folder = make_folder(&arena);
    (void)state;
    assert_int_equal(chmod(folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        bool ready = geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0);
        _exit(ready ? try_to_write(folder, &options) : CHILD_UNABLE);
    }
    assert_int_equal(result_of(child), CHILD_REFUSED);
    remove_folder(folder);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_of_faults_outside_0_to_1_is_refused),
        cmocka_unit_test(test_more_than_a_message_a_second_is_refused),
        cmocka_unit_test(test_days_before_2000_are_refused),
        cmocka_unit_test(test_fleets_beyond_all_counting_are_refused),
        cmocka_unit_test(test_a_folder_that_is_not_there_is_an_error),
        cmocka_unit_test(test_what_stands_in_the_way_is_an_error_and_stays),
        cmocka_unit_test(test_a_file_that_cannot_grow_is_an_error),
        cmocka_unit_test(test_a_full_disk_is_an_error),
        cmocka_unit_test(test_a_folder_without_permission_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
