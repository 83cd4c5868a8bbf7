/* Publishing: all files or none, whatever happens in between; see base/publish.h. */
#include "tests.h"

#include "base/fs.h"
#include "base/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    const char *path;
    path = publish_stage(p, name, NULL);
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
    assert_int_equal(publish_hash(&p, 2, &err), 0);
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

/* What a sink wrote is known without being read; a writer that says nothing is no matter. */
static void test_what_a_writer_says_is_taken_for_the_files_hash(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct sink sink;
    struct written *known, *unknown;
    struct error err;
    char found[HASH_TEXT_SIZE];
    uint64_t bytes;
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    const char *path = publish_stage(&p, "gold/known", &known);
    assert_int_equal(sink_open(&sink, path, &err), 0);
    for (int i = 0; i < 5000; i++) { /* more than is handed to the disk at a time */
        static const char block[8192] = "block";
        assert_int_equal(sink_put(&sink, block, sizeof block - (size_t)i, &err), 0);
    }
    assert_int_equal(sink_close(&sink, known, &err), 0);
    assert_int_equal(hash_file(path, found, &bytes, &err), 0);
    put(path, "changed behind the sink");
    put(publish_stage(&p, "gold/unknown", &unknown), "as it is");
    assert_int_equal(publish_hash(&p, 1, &err), 0);
    assert_string_equal(p.files[0].sha256, found);
    assert_int_equal(p.files[0].bytes, bytes);
    assert_true(bytes > UINT64_C(25000000));
    assert_true(p.files[1].hashed && p.files[1].bytes == 8);
    publish_end(&p);
}

static void test_a_sink_says_what_keeps_it_from_writing(void **state)
{
    struct sink sink;
    struct error err;
    (void)state;
    assert_int_equal(sink_open(&sink, "/nonexistent/file", &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "/nonexistent/file"));
    assert_int_equal(sink_open(&sink, "/dev/full", &err), 0);
    assert_int_equal(sink_put(&sink, "x", 1, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "/dev/full"));
    assert_int_equal(sink_close(&sink, NULL, &err), 0);
}

/* ---- part files ---- */

/* Publishes `t` as `count` parts, or with 0 as one file, each with a text of its own. */
static void publish_as(struct fixture *f, unsigned count, const char *text)
{
    struct publication p = {0};
    struct error err;
    const char *path;
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    stage(&p, "a", "first");
    path = publish_stage(&p, "gold/t", NULL);
    if (count == 0) {
        put(path, text);
    } else {
        assert_int_equal(fs_make_folders(path, &err), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        put(arena_printf(&f->arena, "%s/part-%05u.parquet", path, i),
            arena_printf(&f->arena, "%s %u", text, i));
    }
    stage(&p, "z", "last");
    assert_int_equal(publish_commit(&p, &err), 0);
    assert_int_equal(p.file_count, 2 + (count > 0 ? count : 1));
    assert_string_equal(p.files[0].path, "a");
    assert_string_equal(p.files[1].path, count > 0 ? "gold/t/part-00000.parquet" : "gold/t");
    assert_string_equal(p.files[p.file_count - 1].path, "z");
    for (size_t i = 0; i < p.file_count; i++) {
        assert_true(p.files[i].hashed && p.files[i].bytes > 0);
    }
    publish_end(&p);
}

static void assert_published_as(struct fixture *f, unsigned count, const char *text)
{
    char **names;
    size_t found;
    struct error err;
    assert_int_equal(fs_is_folder(under(f, "gold/t")), count > 0);
    if (count == 0) {
        assert_string_equal(get(f, "gold/t"), text);
        return;
    }
    assert_int_equal(fs_list(under(f, "gold/t"), &f->arena, &names, &found, &err), 0);
    assert_int_equal(found, count);
    for (unsigned i = 0; i < count; i++) {
        const char *name = arena_printf(&f->arena, "part-%05u.parquet", i);
        assert_string_equal(names[i], name);
        assert_string_equal(get(f, arena_printf(&f->arena, "gold/t/%s", name)),
                            arena_printf(&f->arena, "%s %u", text, i));
    }
    assert_false(fs_exists(under(f, ".staging")));
}

static void test_a_file_gives_way_to_parts_and_parts_to_a_file_or_fewer_parts(void **state)
{
    struct fixture *f = *state;
    static const unsigned counts[] = {0, 3, 2, 5, 0, 1, 0};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const char *text = arena_printf(&f->arena, "run %zu", i);
        publish_as(f, counts[i], text);
        assert_published_as(f, counts[i], text);
    }
}

static void test_dropped_parts_go_with_their_folders(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    publish_as(f, 3, "x");
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    publish_drop(&p, "gold/t");
    assert_int_equal(publish_commit(&p, &err), 0);
    publish_end(&p);
    assert_false(fs_exists(under(f, "gold")));
    assert_true(fs_exists(under(f, "a")));
}

/* What is no part is nobody's to remove: it is named, and published when it is gone. */
static void test_another_file_among_the_parts_stays_and_is_named(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    publish_as(f, 2, "x");
    put(under(f, "gold/t/mine"), "y");
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    stage(&p, "gold/t", "file");
    assert_int_equal(publish_commit(&p, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "/gold/t: cannot be written"));
    publish_end(&p);
    assert_string_equal(get(f, "gold/t/mine"), "y");
    assert_int_equal(unlink(under(f, "gold/t/mine")), 0);
    assert_int_equal(publish_recover(f->root, &err), 0);
    assert_string_equal(get(f, "gold/t"), "file");
}

static void test_a_staged_folder_without_parts_publishes_nothing(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    const char *path;
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    path = publish_stage(&p, "t", NULL);
    assert_int_equal(fs_make_folders(path, &err), 0);
    assert_int_equal(publish_commit(&p, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "t: cannot be read"));
    publish_end(&p);
    assert_false(fs_exists(under(f, "t")));
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
        "autostream-journal 2\nstaging 1-1\n"
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
    static const char *const broken[] = {"",
                                         "autostream-journal 1\nend\n",
                                         "autostream-journal 2\n",
                                         "autostream-journal 2\nput abc\nend\n",
                                         "autostream-journal 2\nwhat\nend\n",
                                         "autostream-journal 2\nstaging 1-1\nput abc\nend\n"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_int_equal(fs_make_folders(under(f, ".staging"), &err), 0);
        put(under(f, ".staging/journal"), broken[i]);
        assert_int_equal(publish_recover(f->root, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], ".staging/journal"));
    }
}

static void test_a_journal_that_is_no_file_is_an_error_and_keeps_the_lock_free(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    assert_int_equal(fs_make_folders(under(f, ".staging/journal"), &err), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(publish_begin(&p, f->root, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], ".staging/journal: cannot be read"));
        publish_end(&p);
    }
}

/* What stands in a file's way is named; when it is gone, the next command finishes the publication.
 */
static void test_a_commit_that_was_hindered_is_finished_later(void **state)
{
    struct fixture *f = *state;
    struct error err;
    static const struct {
        const char *file, *obstacle; /* below the root; an obstacle that ends in '/' is a folder */
    } cases[] = {{"gold/a.csv", "gold"}, {"b.csv", "b.csv/x/"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct publication p = {0};
        bool folder = strchr(cases[i].obstacle, '/') != NULL;
        if (folder) {
            assert_int_equal(fs_make_folders(under(f, cases[i].obstacle), &err), 0);
        } else {
            put(under(f, cases[i].obstacle), "in the way");
        }
        assert_int_equal(publish_begin(&p, f->root, &err), 0);
        stage(&p, cases[i].file, "new");
        assert_int_equal(publish_commit(&p, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], folder ? cases[i].file : cases[i].obstacle));
        publish_end(&p);
        assert_int_equal(publish_begin(&p, f->root, &err), -1); /* it still stands there */
        publish_end(&p);
        assert_int_equal(fs_remove_tree(under(f, folder ? "b.csv" : "gold"), &err), 0);
        assert_int_equal(publish_recover(f->root, &err), 0);
        assert_string_equal(get(f, cases[i].file), "new");
    }
}

static void test_a_journal_whose_files_are_gone_or_are_folders_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct error err;
    die_after_journal(f, false, "x");
    assert_int_equal(fs_remove_tree(under(f, ".staging/1-1/a"), &err), 0);
    assert_int_equal(publish_recover(f->root, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "/a: "));
    put(under(f, ".staging/1-1/a"), "x");
    assert_int_equal(fs_remove_tree(under(f, "gone"), &err), 0);
    assert_int_equal(fs_make_folders(under(f, "gone"), &err), 0);
    assert_int_equal(publish_recover(f->root, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "/gone: cannot be written"));
}

static void test_a_lock_that_cannot_be_written_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    die_after_journal(f, false, "x");
    assert_int_equal(fs_make_folders(under(f, ".lock"), &err), 0);
    assert_int_equal(publish_recover(f->root, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], ".lock: cannot be written"));
    assert_int_equal(publish_begin(&p, f->root, &err), -1);
    publish_end(&p);
    assert_int_equal(rmdir(under(f, ".lock")), 0);
    assert_int_equal(symlink("/dev/full", under(f, ".lock")), 0); /* it has no length */
    assert_int_equal(publish_begin(&p, f->root, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], ".lock: cannot be written"));
    publish_end(&p);
    put(under(f, "file"), "");
    assert_int_equal(publish_begin(&p, under(f, "file/lake"), &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "folder cannot be made"));
    publish_end(&p);
}

/* Puts something else in the place of a staged file and asserts that nothing is published. */
static void spoil_and_commit(struct fixture *f, const char *link_to, const char *says)
{
    struct publication p = {0};
    struct error err;
    const char *path;
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    stage(&p, "good", "x");
    path = publish_stage(&p, "bad", NULL);
    if (link_to) {
        assert_int_equal(symlink(link_to, path), 0);
    }
    assert_int_equal(publish_commit(&p, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], says));
    publish_end(&p);
    assert_null(get(f, "good"));
    assert_false(fs_exists(under(f, ".staging")));
}

static void test_a_staged_file_that_is_not_on_the_disk_publishes_nothing(void **state)
{
    struct fixture *f = *state;
    spoil_and_commit(f, NULL, "/bad: cannot be read");           /* never written */
    spoil_and_commit(f, "bad", "/bad: cannot be read");          /* a link to itself */
    spoil_and_commit(f, "/dev/null", "/bad: cannot be written"); /* takes no fsync */
}

static void test_a_journal_that_cannot_be_written_publishes_nothing(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    stage(&p, "a", "new");
    const char *unnamed = arena_printf(&f->arena, "%s/.journal", p.staging);
    assert_int_equal(fs_make_folders(unnamed, &err), 0);
    assert_int_equal(publish_commit(&p, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], ".journal: cannot be written"));
    assert_int_equal(rmdir(unnamed), 0);
    assert_int_equal(fs_make_folders(under(f, ".staging/journal"), &err), 0);
    assert_int_equal(publish_commit(&p, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], ".staging/journal: cannot be written"));
    publish_end(&p);
    assert_null(get(f, "a"));
}

static void test_kept_files_stay_as_they_are(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    put(under(f, "kept"), "abc");
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    publish_keep(&p, "kept", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3);
    stage(&p, "new", "x");
    assert_int_equal(publish_commit(&p, &err), 0);
    publish_end(&p);
    assert_string_equal(get(f, "kept"), "abc");
    assert_string_equal(get(f, "new"), "x");
}

static void test_what_is_in_its_place_already_is_not_made_again(void **state)
{
    struct fixture *f = *state;
    struct publication p = {0};
    struct error err;
    struct stat before, after;
    assert_int_equal(fs_make_folders(under(f, "gold"), &err), 0);
    put(under(f, "gold/same"), "text");
    put(under(f, "gold/other"), "Text");
    put(under(f, "elsewhere"), "text");
    assert_int_equal(symlink("../elsewhere", under(f, "gold/link")), 0);
    assert_int_equal(stat(under(f, "gold/same"), &before), 0);
    assert_int_equal(publish_begin(&p, f->root, &err), 0);
    stage(&p, "gold/same", "text");
    stage(&p, "gold/other", "text");
    stage(&p, "gold/link", "text");
    assert_int_equal(publish_commit(&p, &err), 0);
    publish_end(&p);
    assert_int_equal(stat(under(f, "gold/same"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_string_equal(get(f, "gold/other"), "text");
    assert_int_equal(lstat(under(f, "gold/link"), &after), 0);
    assert_true(S_ISREG(after.st_mode));
    assert_false(fs_exists(under(f, ".staging")));
}

static void test_many_files_in_many_folders_come_and_go_together(void **state)
{
    enum { MANY = 70 };
    struct fixture *f = *state;
    struct error err;
    for (int round = 0; round < 2; round++) { /* written, then dropped */
        struct publication p = {0};
        assert_int_equal(publish_begin(&p, f->root, &err), 0);
        for (int i = 0; i < MANY; i++) {
            const char *name = arena_printf(&f->arena, "day=%d/data", i);
            if (round == 0) {
                stage(&p, name, "x");
            } else {
                publish_drop(&p, name);
            }
        }
        assert_int_equal(publish_commit(&p, &err), 0);
        publish_end(&p);
        for (int i = 0; i < MANY; i++) {
            const char *name = arena_printf(&f->arena, "day=%d/data", i);
            assert_int_equal(fs_exists(under(f, name)), round == 0);
        }
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

static void test_a_single_file_that_cannot_be_written_leaves_no_half(void **state)
{
    struct fixture *f = *state;
    struct error err;
    const char *beside = arena_printf(&f->arena, "%s.tmp-%ld", under(f, "a"), (long)getpid());
    assert_int_equal(fs_make_folders(beside, &err), 0);
    assert_int_equal(publish_file(under(f, "a"), "one", 3, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "cannot be written"));
    assert_int_equal(rmdir(beside), 0);
    assert_int_equal(fs_make_folders(under(f, "a/b"), &err), 0);
    assert_int_equal(publish_file(under(f, "a"), "one", 3, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "/a: cannot be written"));
    assert_false(fs_exists(beside));
}

static void test_a_single_file_may_lie_in_the_working_folder(void **state)
{
    struct fixture *f = *state;
    struct error err;
    char *before = getcwd(NULL, 0);
    assert_non_null(before);
    assert_int_equal(chdir(f->root), 0);
    int status = publish_file("here", "one", 3, &err);
    assert_int_equal(chdir(before), 0);
    free(before);
    assert_int_equal(status, 0);
    assert_string_equal(get(f, "here"), "one");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        TEST(test_committed_files_are_in_place_and_staging_is_gone),
        TEST(test_hashes_are_those_that_sha256sum_prints),
        TEST(test_what_a_writer_says_is_taken_for_the_files_hash),
        TEST(test_a_sink_says_what_keeps_it_from_writing),
        TEST(test_an_ended_publication_leaves_the_last_state),
        TEST(test_dropped_files_and_their_empty_folders_go_with_the_commit),
        TEST(test_a_file_gives_way_to_parts_and_parts_to_a_file_or_fewer_parts),
        TEST(test_dropped_parts_go_with_their_folders),
        TEST(test_another_file_among_the_parts_stays_and_is_named),
        TEST(test_a_staged_folder_without_parts_publishes_nothing),
        TEST(test_an_interrupted_publication_is_finished),
        TEST(test_a_lost_file_of_an_interrupted_publication_is_an_error),
        TEST(test_a_broken_journal_is_an_error_that_names_it),
        TEST(test_a_journal_that_is_no_file_is_an_error_and_keeps_the_lock_free),
        TEST(test_a_commit_that_was_hindered_is_finished_later),
        TEST(test_a_journal_whose_files_are_gone_or_are_folders_is_an_error),
        TEST(test_a_lock_that_cannot_be_written_is_an_error),
        TEST(test_a_staged_file_that_is_not_on_the_disk_publishes_nothing),
        TEST(test_a_journal_that_cannot_be_written_publishes_nothing),
        TEST(test_kept_files_stay_as_they_are),
        TEST(test_what_is_in_its_place_already_is_not_made_again),
        TEST(test_many_files_in_many_folders_come_and_go_together),
        TEST(test_what_dead_processes_staged_is_removed_at_the_next_begin),
        TEST(test_a_second_publisher_is_told_who_is_at_work),
        TEST(test_a_killed_publisher_leaves_no_lock),
        TEST(test_a_lock_file_that_names_a_living_process_is_no_lock),
        TEST(test_a_single_file_is_replaced_whole),
        TEST(test_a_single_file_that_cannot_be_written_leaves_no_half),
        TEST(test_a_single_file_may_lie_in_the_working_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
