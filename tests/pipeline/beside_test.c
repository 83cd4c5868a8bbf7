/* What a small run does beside its stages is all done before it is published, and what fails there
 * fails the run. */
#include "pipeline/stages.h"
#include "tests.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { FEW = 20 };

struct fixture {
    struct session session;
    struct stage stage;
    atomic_int done;
};

static int open_stage(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    const struct lake_options options = {.threads = 1};
    f->session.threads = 2;
    f->stage.session = &f->session;
    *state = f;
    return lake_open(&f->stage.lake, &options, &err);
}

static int close_stage(void **state)
{
    struct fixture *f = *state;
    beside_close(&f->stage);
    lake_close(f->stage.lake);
    free(f);
    return 0;
}

/* Counts, after asking the engine, so that both sessions are at work. */
static int count_one(struct lake *lake, void *what, struct error *err)
{
    struct fixture *f = what;
    uint64_t one;
    if (lake_count(lake, "SELECT count(*) FROM (VALUES (1)) AS t", &one, err) != 0) {
        return -1;
    }
    atomic_fetch_add(&f->done, (int)one);
    return 0;
}

static int fail_one(struct lake *lake, void *what, struct error *err)
{
    (void)lake;
    (void)what;
    return error_set(err, "raté", "missed");
}

static void test_all_is_done_when_it_is_settled(void **state)
{
    struct fixture *f = *state;
    struct error err;
    beside_open(&f->stage);
    assert_non_null(f->stage.beside);
    for (int i = 0; i < FEW; i++) {
        assert_int_equal(beside_do(&f->stage, count_one, f, &err), 0);
    }
    assert_int_equal(beside_settle(&f->stage, &err), 0);
    assert_int_equal(atomic_load(&f->done), FEW);
    assert_null(f->stage.beside);
    assert_int_equal(beside_settle(&f->stage, &err), 0);
}

static void test_without_a_second_thread_it_is_done_at_once(void **state)
{
    struct fixture *f = *state;
    struct error err;
    f->session.threads = 1;
    beside_open(&f->stage);
    assert_null(f->stage.beside);
    assert_int_equal(beside_do(&f->stage, count_one, f, &err), 0);
    assert_int_equal(atomic_load(&f->done), 1);
    assert_int_equal(beside_do(&f->stage, fail_one, f, &err), -1);
    assert_string_equal(err.text[LANG_EN], "missed");
}

static void test_the_first_failure_is_told_and_ends_the_work(void **state)
{
    struct fixture *f = *state;
    struct error err;
    int status = 0;
    beside_open(&f->stage);
    assert_int_equal(beside_do(&f->stage, fail_one, f, &err), 0);
    for (int i = 0; i < FEW && status == 0; i++) {
        status = beside_do(&f->stage, count_one, f, &err);
    }
    assert_int_equal(beside_settle(&f->stage, &err), -1);
    assert_string_equal(err.text[LANG_EN], "missed");
    assert_string_equal(err.text[LANG_FR], "raté");
    assert_true(atomic_load(&f->done) <= FEW);
}

static void test_what_is_let_go_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct error err;
    beside_open(&f->stage);
    for (int i = 0; i < FEW; i++) {
        assert_int_equal(beside_do(&f->stage, count_one, f, &err), 0);
    }
    beside_close(&f->stage);
    assert_null(f->stage.beside);
    assert_true(atomic_load(&f->done) <= FEW);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)
    const struct CMUnitTest tests[] = {
        TEST(test_all_is_done_when_it_is_settled),
        TEST(test_without_a_second_thread_it_is_done_at_once),
        TEST(test_the_first_failure_is_told_and_ends_the_work),
        TEST(test_what_is_let_go_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
