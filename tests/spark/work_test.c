/* Training and scoring on Spark against the same on one machine: the same bytes, however many
 * processes share the work, and for cells that hold what could break a pipe.
 *
 * Needs Spark and Java (script/test brings them). */
#include "tests.h"

#include "base/fs.h"
#include "forest/tables.h"
#include "lake/lake.h"
#include "support/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATE "2026-11-23"

/* ---- one session for what speaks to the engine ---- */

struct session_of_tests {
    struct arena arena;
    char *folder;
    struct lake *lake;
    unsigned files; /* tasks that were written */
};

static int open_session(void **state)
{
    struct session_of_tests *s = calloc(1, sizeof *s);
    struct error err;
    assert_non_null(s);
    s->folder = temp_folder(&s->arena);
    const struct lake_options options = {.engine = LAKE_SPARK,
                                         .scratch =
                                             arena_printf(&s->arena, "%s/scratch", s->folder),
                                         .threads = 2,
                                         .memory = "1GB"};
    if (lake_open(&s->lake, &options, &err) != 0 || lake_create(s->lake, &lake_pieces, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    *state = s;
    return 0;
}

static int close_session(void **state)
{
    struct session_of_tests *s = *state;
    lake_close(s->lake);
    temp_folder_remove(s->folder);
    arena_release(&s->arena);
    free(s);
    return 0;
}

/* ---- trees ---- */

struct growing {
    struct session_of_tests *session;
    unsigned processes;
};

static int take_tree(void *context, struct bytes piece, struct error *err)
{
    return forest_take_tree(context, piece.data, piece.size, err);
}

static int grow(void *context, const struct forest_data *data, const struct forest_options *options,
                struct forest_training *out, struct error *err)
{
    struct growing *growing = context;
    struct session_of_tests *s = growing->session;
    const char *name = arena_printf(&s->arena, "%u.task", ++s->files);
    const char *path = arena_printf(&s->arena, "%s/%s", s->folder, name);
    const char *const worker[] = {"worker", "grow", "--task", name, NULL};
    const char *const files[] = {path, NULL};
    const struct lake_spread spread = {worker, files, growing->processes};
    return forest_task_write(path, data, options, err) == 0
               ? lake_spread(s->lake, &spread, take_tree, out, err)
               : -1;
}

static void test_a_forest_has_the_same_bytes_grown_by_1_2_and_5_processes(void **state)
{
    enum { TREES = 12, ROWS = 600, CLASSES = 4 };
    struct session_of_tests *s = *state;
    struct forest_data data = make_table(&s->arena, ROWS, 5, CLASSES);
    struct forest_options options = {.trees = TREES, .seed = 7, .balanced = true};
    struct batch batch;
    struct error err;
    struct forest *forest;
    double *oob = ARENA_NEW(&s->arena, double, ROWS *CLASSES);
    assert_int_equal(forest_train(&data, &options, oob, &forest, &err), 0);
    struct bytes here = encode_or_fail(forest, &s->arena);
    forest_free(forest);
    batch_init(&batch, &lake_pieces, &s->arena);
    for (; batch.rows < TREES; batch.rows++) {
        batch.values[0].whole[batch.rows] = (int64_t)batch.rows;
        batch.values[1].text[batch.rows] = (struct bytes){"", 0};
    }
    assert_int_equal(lake_append(s->lake, &batch, &err), 0);
    assert_int_equal(lake_flush(s->lake, &err), 0);
    static const unsigned processes[] = {1, 2, 5};
    for (size_t i = 0; i < sizeof processes / sizeof *processes; i++) {
        struct growing growing = {s, processes[i]};
        const struct forest_elsewhere elsewhere = {grow, &growing};
        double *there_oob = ARENA_NEW(&s->arena, double, ROWS *CLASSES);
        options.elsewhere = &elsewhere;
        if (forest_train(&data, &options, there_oob, &forest, &err) != 0) {
            fail_msg("%u processes: %s", processes[i], err.text[LANG_EN]);
        }
        struct bytes there = encode_or_fail(forest, &s->arena);
        forest_free(forest);
        assert_int_equal(there.size, here.size);
        assert_memory_equal(there.data, here.data, here.size);
        assert_memory_equal(there_oob, oob, ROWS * CLASSES * sizeof *oob);
    }
}

static void test_what_a_worker_says_becomes_the_error(void **state)
{
    struct session_of_tests *s = *state;
    const char *const worker[] = {"worker", "grow", "--task", "none.task", NULL};
    const struct lake_spread spread = {.worker = worker, .processes = 1};
    struct error err = {0};
    assert_int_equal(lake_spread(s->lake, &spread, take_tree, NULL, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "none.task"));
    assert_null(strchr(err.text[LANG_EN], '\n'));
}

/* ---- the commands ---- */

struct lake_folder {
    struct arena arena;
    char *folder;
    const char *data;
};

static int make_lake(void **state)
{
    struct lake_folder *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->folder = temp_folder(&l->arena);
    l->data = arena_printf(&l->arena, "%s/data", l->folder);
    assert_cli_works(&l->arena, "--data", l->data, "--run-date", DATE, "generate", "--vehicles",
                     "30", NULL);
    *state = l;
    return 0;
}

static int remove_lake(void **state)
{
    struct lake_folder *l = *state;
    temp_folder_remove(l->folder);
    arena_release(&l->arena);
    free(l);
    return 0;
}

static struct bytes file(struct lake_folder *l, const char *path)
{
    struct bytes bytes;
    struct error err;
    if (fs_read(path, 1 << 26, &l->arena, &bytes, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return bytes;
}

static void assert_same_files(struct lake_folder *l, const char *a, const char *b)
{
    struct bytes x = file(l, a), y = file(l, b);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
}

/* Forest and card: the check's figures, out-of-bag ones, calibration and threshold stand in it. */
static void test_train_writes_the_same_model_on_both_engines(void **state)
{
    struct lake_folder *l = *state;
    const char *here = arena_printf(&l->arena, "%s/here.onnx", l->folder);
    const char *there = arena_printf(&l->arena, "%s/there.onnx", l->folder);
    assert_cli_works(&l->arena, "--data", l->data, "--run-date", DATE, "--threads", "2", "train",
                     "--trees", "30", "--seed", "3", "--model", here, NULL);
    assert_cli_works(&l->arena, "--data", l->data, "--run-date", DATE, "--threads", "2", "--engine",
                     "spark", "--memory", "1GB", "train", "--trees", "30", "--seed", "3", "--model",
                     there, NULL);
    assert_same_files(l, here, there);
    assert_false(fs_exists(arena_printf(&l->arena, "%s/.staging", l->data)));
}

/* Cells beside the model's columns that a pipe between two programs could trip over, cells of the
 * model's columns that are NULL, empty, nan and inf, and enough rows for two pieces. */
static const char *nasty_table(struct lake_folder *l)
{
    enum { ROWS = 20000 };
    static const char *const texts[] = {"\"a\tb\"", "\"a\nb\"", "\\N", "\"q\"\"q\"",
                                        "-",        "",         "\\",  "caf\303\251"};
    static const char *const cells[] = {"1.5", "", "nan", "inf", "-inf", "1e-3", "-0.0", "88"};
    char *path = arena_printf(&l->arena, "%s/it's a table.csv", l->folder);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    (void)fputs("note,b,a\n", out);
    for (unsigned r = 0; r < ROWS; r++) {
        (void)fprintf(out, "%s,%s,%u.25\n", texts[r % 8], cells[r / 8 % 8], r % 100);
    }
    assert_int_equal(fclose(out), 0);
    return path;
}

static void test_score_writes_the_same_lines_on_both_engines(void **state)
{
    struct lake_folder *l = *state;
    const char *table = nasty_table(l);
    const char *model = arena_printf(&l->arena, "%s/ab.onnx", l->folder);
    const char *here = arena_printf(&l->arena, "%s/here.csv", l->folder);
    const char *there = arena_printf(&l->arena, "%s/there.csv", l->folder);
    const char learned[] = "a,b,label\n1,2,x\n50,2,y\n2,1,\"x\"\n60,,z\n1,9,x\n99,1,y\n70,1,z\n";
    const char *history = write_file(&l->arena, l->folder, "learned.csv", learned, strlen(learned));
    assert_cli_works(&l->arena, "--data", l->data, "train", "--table", history, "--label", "label",
                     "--model", model, "--check", "oob", NULL);
    assert_cli_works(&l->arena, "--data", l->data, "score", "--table", table, "--model", model,
                     "--out", here, NULL);
    assert_cli_works(&l->arena, "--data", l->data, "--engine", "spark", "--threads", "2",
                     "--memory", "1GB", "score", "--table", table, "--model", model, "--out", there,
                     NULL);
    assert_same_files(l, here, there);
}

/* ---- a full disk ---- */

/* The program alone, which Spark copies for its executors, is larger than what is left. */
static void test_a_full_disk_is_one_sentence_and_leaves_the_results(void **state)
{
    struct lake_folder *l = *state;
    const char *disk = arena_printf(&l->arena, "%s/disk", l->folder);
    assert_int_equal(mkdir(disk, 0755), 0);
    if (mount("tmpfs", disk, "tmpfs", 0, "size=8m") != 0) {
        print_message("skipped: a small file system cannot be mounted here\n");
        skip();
    }
    struct program_result result;
    const char *data = arena_printf(&l->arena, "%s/data", disk);
    const char *gold = arena_printf(&l->arena, "%s/gold/reporting_final.csv", data);
    assert_cli_works(&l->arena, "--data", data, "--run-date", DATE, "generate", NULL);
    assert_cli_works(&l->arena, "--data", data, "--run-date", DATE, "train", "--trees", "5", NULL);
    assert_cli_works(&l->arena, "--data", data, "--run-date", DATE, "run", NULL);
    struct bytes before = file(l, gold);
    run_autostream(&l->arena, &result, NULL, "--lang", "en", "--data", data, "--run-date", DATE,
                   "--quiet", "--engine", "spark", "--threads", "2", "run", NULL);
    struct bytes after = file(l, gold);
    bool left = fs_exists(arena_printf(&l->arena, "%s/.staging", data));
    assert_int_equal(umount(disk), 0);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.err, "o space left on"));
    assert_ptr_equal(strchr(result.err, '\n'), result.err + result.err_size - 1);
    assert_int_equal(after.size, before.size);
    assert_memory_equal(after.data, before.data, before.size);
    assert_false(left);
}

int main(int argc, char **argv)
{
    if (argc > 1 &&
        strcmp(argv[1], "worker") == 0) { /* the engine sends the program that it is in */
        (void)execv(getenv("AUTOSTREAM_BIN"), argv);
        return 1;
    }
    const struct CMUnitTest sessions[] = {
        cmocka_unit_test(test_a_forest_has_the_same_bytes_grown_by_1_2_and_5_processes),
        cmocka_unit_test(test_what_a_worker_says_becomes_the_error),
    };
    const struct CMUnitTest programs[] = {
        cmocka_unit_test(test_train_writes_the_same_model_on_both_engines),
        cmocka_unit_test(test_score_writes_the_same_lines_on_both_engines),
        cmocka_unit_test(test_a_full_disk_is_one_sentence_and_leaves_the_results),
    };
    int failed = cmocka_run_group_tests(sessions, open_session, close_session);
    return failed + cmocka_run_group_tests(programs, make_lake, remove_lake);
}
