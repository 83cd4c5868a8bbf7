/* Publishing: all files or none, whatever happens in between; see base/publish.h. */
#include "tests.h"

#include "base/fs.h"
#include "base/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct arena arena;
    char *root;
};

static int make_root(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");
    f->root = arena_printf(&f->arena, "%s/publish-XXXXXX", tmp ? tmp : "/tmp");
    *state = f;
    return mkdtemp(f->root) ? 0 : -1;
}

static int remove_root(void **state)
{
    struct fixture *f = *state;
    struct error err;
    int status = fs_remove_tree(f->root, &err);
    arena_release(&f->arena);
    free(f);
    return status;
}

static const char *under(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->root, name);
}

static void put(const char *path, const char *text)
{
    struct error err;
    assert_int_equal(fs_write(path, text, strlen(text), &err), 0);
}

static const char *get(struct fixture *f, const char *name)
{
    struct bytes text;
    struct error err;
    return fs_read(under(f, name), 1000, &f->arena, &text, &err) == 0 ? text.data : NULL;
}

static void stage(struct publication *p, const char *name, const char *text)
{
    struct error err;
    const char *path;
    assert_int_equal(publish_stage(p, name, &path, &err), 0);
    put(path, text);
}

static void test_committed_files_are_in_place_and_staging_is_gone(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    stage(&p, "gold/a.csv", "new a");
    stage(&p, "b.csv", "new b");
    assert_null(get(f, "gold/a.csv"));
    assert_int_equal(publish_commit(&p, &err), 0);
    publish_end(&p);
    assert_string_equal(get(f, "gold/a.csv"), "new a");
    assert_string_equal(get(f, "b.csv"), "new b");
    assert_false(fs_exists(under(f, ".staging")));
}

static void test_hashes_are_those_that_sha256sum_prints(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    stage(&p, "abc", "abc");
    assert_int_equal(publish_hash(&p, &err), 0);
    assert_string_equal(p.files[0].sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(p.files[0].bytes, 3);
    publish_end(&p);
}

static void test_an_ended_publication_leaves_the_last_state(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    put(under(f, "a"), "old");
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    stage(&p, "a", "new");
    publish_end(&p);
    assert_string_equal(get(f, "a"), "old");
    assert_false(fs_exists(under(f, ".staging")));
}

static void test_dropped_files_and_their_empty_folders_go_with_the_commit(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    assert_int_equal(fs_make_folders(under(f, "days/old"), &err), 0);
    put(under(f, "days/old/data"), "x");
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    publish_drop(&p, "days/old/data");
    publish_drop(&p, "days/never/there");
    stage(&p, "days/new/data", "y");
    assert_true(fs_exists(under(f, "days/old/data")));
    assert_int_equal(publish_commit(&p, &err), 0);
    publish_end(&p);
    assert_false(fs_exists(under(f, "days/old")));
    assert_string_equal(get(f, "days/new/data"), "y");
}

/* Leaves the state of a process that died right after the journal got its name: two files staged,
 * the first perhaps in place already. */
static void die_after_journal(struct fixture *f, bool first_in_place, const char *first_text)
{
    struct error err;
    assert_int_equal(fs_make_folders(under(f, ".staging/1-1"), &err), 0);
    put(under(f, first_in_place ? "a" : ".staging/1-1/a"), first_text);
    put(under(f, ".staging/1-1/b"), "");
    put(under(f, "gone"), "x");
    put(under(f, ".staging/journal"),
        "autostream-journal 1\nstaging 1-1\n"
        "put 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 a\n"
        "put e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 b\n"
        "drop gone\nend\n");
}

static void test_an_interrupted_publication_is_finished(void **state)
{
    struct fixture *f = *state;
    struct error err;
    for (int in_place = 0; in_place < 2; in_place++) {
        die_after_journal(f, in_place, "x");
        assert_int_equal(publish_recover(f->root, &err), 0);
        assert_string_equal(get(f, "a"), "x");
        assert_string_equal(get(f, "b"), "");
        assert_false(fs_exists(under(f, "gone")));
        assert_false(fs_exists(under(f, ".staging/journal")));
    }
    assert_int_equal(publish_recover(f->root, &err), 0); /* nothing left to do */
}

static void test_a_lost_file_of_an_interrupted_publication_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct error err;
    die_after_journal(f, true, "something else");
    assert_int_equal(publish_recover(f->root, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "recorded hash"));
}

static void test_a_broken_journal_is_an_error_that_names_it(void **state)
{
    struct fixture *f = *state;
    struct error err;
    static const char *const broken[] = {
        "", "autostream-journal 2\nend\n", "autostream-journal 1\n",
        "autostream-journal 1\nput abc\nend\n", "autostream-journal 1\nwhat\nend\n"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_int_equal(fs_make_folders(under(f, ".staging"), &err), 0);
        put(under(f, ".staging/journal"), broken[i]);
        assert_int_equal(publish_recover(f->root, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], ".staging/journal"));
    }
}

static void test_what_dead_processes_staged_is_removed_at_the_next_begin(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    assert_int_equal(fs_make_folders(under(f, ".staging/9-9/gold"), &err), 0);
    put(under(f, ".staging/9-9/gold/a"), "half");
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    assert_false(fs_exists(under(f, ".staging/9-9")));
    publish_end(&p);
}

static void test_a_second_publisher_is_told_who_is_at_work(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct publication second = {0};
    struct error err;
    char pid[32];
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    assert_int_equal(publish_begin(&second, f->root, &err), -1);
    (void)snprintf(pid, sizeof pid, "pid %ld", (long)getpid());
    assert_non_null(strstr(err.text[LANG_EN], pid));
    publish_end(&second);
    publish_end(&p);
    assert_int_equal(publish_begin(&second, f->root, &err), 0); /* the lock is free again */
    publish_end(&second);
}

/* What the file says is for people: the lock is the kernel's and falls with its holder, so that a
 * process that has the number of a dead one holds nothing. */
static void test_a_lock_file_that_names_a_living_process_is_no_lock(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    put(under(f, ".lock"),
        arena_printf(&f->arena, "pid %ld, 2026-11-23T08:00:00Z\n", (long)getpid()));
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    publish_end(&p);
}

static void test_a_killed_publisher_leaves_no_lock(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    pid_t child = fork();
    if (child == 0) {
        _exit(publish_begin(&p, f->root, &err) == 0 ? 7 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    publish_end(&p);
}

static void test_a_single_file_is_replaced_whole(void **state)
{
    struct fixture *f = *state;
    struct error err;
    assert_int_equal(publish_file(under(f, "models/m.onnx"), "one", 3, &err), 0);
    assert_int_equal(publish_file(under(f, "models/m.onnx"), "two", 3, &err), 0);
    assert_string_equal(get(f, "models/m.onnx"), "two");
    assert_int_equal(publish_file(under(f, "models/m.onnx/x"), "two", 3, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "m.onnx"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        TEST(test_committed_files_are_in_place_and_staging_is_gone),
        TEST(test_hashes_are_those_that_sha256sum_prints),
        TEST(test_an_ended_publication_leaves_the_last_state),
        TEST(test_dropped_files_and_their_empty_folders_go_with_the_commit),
        TEST(test_an_interrupted_publication_is_finished),
        TEST(test_a_lost_file_of_an_interrupted_publication_is_an_error),
        TEST(test_a_broken_journal_is_an_error_that_names_it),
        TEST(test_what_dead_processes_staged_is_removed_at_the_next_begin),
        TEST(test_a_second_publisher_is_told_who_is_at_work),
        TEST(test_a_killed_publisher_leaves_no_lock),
        TEST(test_a_lock_file_that_names_a_living_process_is_no_lock),
        TEST(test_a_single_file_is_replaced_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
