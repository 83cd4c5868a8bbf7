/* The proofs that nothing is lost: the program is killed, its power is cut, its calls fail, at one
 * call to the file system after the other (or at one allocation after the other). Whatever happens,
 * `verify` finds a whole lake, the old one or the new one, and the next run gives the same bytes as
 * one that was never disturbed.
 *
 * usage: proofs_test PROOF [STEP]: kill, power, fail, memory or planted; every STEP-th call in turn
 * (1 when not given). Two runs are disturbed, the first one of a lake and one over results of
 * other raw data, a training and a simulation; and publications of a table as part files over one
 * that is a file, the other way round, and as fewer parts (parts_tool.c, named by
 * AUTOSTREAM_PARTS). The preloaded library that counts and disturbs is preload.c, named by
 * AUTOSTREAM_PRELOAD. */
#include "tests.h"

#include "base/fs.h"
#include "base/hash.h"
#include "proofs/model.h"
#include "support/run.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATE "2026-11-23"

enum { FILE_LIMIT = 64 << 20, WORDS = 8 };

/* What is disturbed. */
enum { FIRST_RUN, SECOND_RUN, TRAINING, SIMULATION, TO_PARTS, TO_FILE, TO_FEWER, COMMANDS };

static const char *const titles[COMMANDS] = {"a first run",
                                             "a run over other results",
                                             "a training over another model",
                                             "a simulation over another fleet",
                                             "part files over a file",
                                             "a file over part files",
                                             "part files over more of them"};
static const char *const commands[COMMANDS][WORDS] = {
    {"run"},
    {"run"},
    {"train", "--trees", "2"},
    {"generate", "--vehicles", "3", "--days", "1", "--format", "ndjson"},
    {"new", "3"},
    {"new", "0"},
    {"new", "2"}};

struct lake {
    int which;
    struct arena arena, scratch; /* of the test, of one disturbance */
    const char *folder;
    const char *before; /* the lake as it is before the run that is disturbed */
    const char *data;   /* the lake at work, always at the same place: run.json names its model */
    const char *old_outcome, *new_outcome;
    size_t tried, finished, failed, differing; /* disturbances; runs that went on or gave up */
};

static size_t step = 1;
static const char *plant; /* "PROOFS_PLANT=...", or NULL */

/* ---- lakes ---- */

static void must_run(struct arena *arena, const char *const argv[])
{
    struct program_result result;
    run_program(arena, &result, argv, NULL);
    if (result.status != 0) {
        fail_msg("%s: exit status %d: %s%s", argv[0], result.status, result.out, result.err);
    }
}

static void copy_tree(struct lake *lake, const char *from, const char *to)
{
    struct error err;
    assert_int_equal(fs_remove_tree(to, &err), 0);
    const char *const argv[] = {"cp", "-r", from, to, NULL};
    must_run(&lake->scratch, argv);
}

/* Runs the program on the lake at work, in English, with one thread (every time the same calls in
 * the same order), and these variables ("NAME=VALUE", ended by NULL). */
static struct program_result run(struct lake *lake, const char *const env[],
                                 const char *const words[WORDS])
{
    struct program_result result;
    const char *program = lake->which >= TO_PARTS ? "AUTOSTREAM_PARTS" : "AUTOSTREAM_BIN";
    const char *argv[9 + WORDS] = {getenv(program), "--data", lake->data, "--run-date", DATE, "-q",
                                   "--threads",     "1"};
    memcpy(argv + 8, words, WORDS * sizeof *words);
    const struct program_options options = {.env = env};
    assert_non_null(argv[0]);
    run_program(&lake->scratch, &result, argv, &options);
    return result;
}

static void works(struct lake *lake, const char *const words[WORDS])
{
    struct program_result result = run(lake, NULL, words);
    if (result.status != 0) {
        fail_msg("%s: exit status %d: %s", words[0], result.status, result.err);
    }
}

static bool is_run(const struct lake *lake)
{
    return lake->which == FIRST_RUN || lake->which == SECOND_RUN;
}

/* run.json without its times and without what tells files by their inodes. */
static const char *timeless(struct arena *arena, const char *path)
{
    json_error_t problem;
    json_t *record = json_load_file(path, 0, &problem);
    (void)json_object_del(json_object_get(record, "silver"), "seconds");
    (void)json_object_del(json_object_get(record, "gold"), "seconds");
    (void)json_object_del(record, "taken");
    char *text = record ? json_dumps(record, JSON_SORT_KEYS) : strdup("unreadable");
    const char *copy = arena_strdup(arena, text);
    free(text);
    json_decref(record);
    return copy;
}

/* `inputs`: with raw data and model. */
static void add_hashes(struct arena *arena, const char *path, const char *relative, bool inputs,
                       char **list)
{
    static const char *const others[] = {"/.lock", "/.staging", "/bronze", "/models"};
    char **names;
    size_t count;
    struct error err;
    for (size_t i = 0; i < (inputs ? 2 : sizeof others / sizeof *others); i++) {
        if (strcmp(relative, others[i]) == 0) {
            return;
        }
    }
    if (strstr(relative, ".onnx.tmp-") != NULL) {
        return; /* a model that was begun: nobody reads it */
    }
    if (!fs_is_folder(path)) {
        char sha256[HASH_TEXT_SIZE];
        uint64_t bytes;
        bool record = strstr(relative, "/run.json") != NULL;
        if (strstr(relative, "/taken.parquet")) { /* inodes of files that are copied every time */
            return;
        }
        assert_int_equal(hash_file(path, sha256, &bytes, &err), 0);
        *list = arena_printf(arena, "%s%s %s\n", *list, relative,
                             record ? timeless(arena, path) : sha256);
        return;
    }
    assert_int_equal(fs_list(path, arena, &names, &count, &err), 0);
    for (size_t i = 0; i < count; i++) {
        add_hashes(arena, arena_printf(arena, "%s/%s", path, names[i]),
                   arena_printf(arena, "%s/%s", relative, names[i]), inputs, list);
    }
}

/* Every file of the lake with its hash, without lock and staging; where a run is disturbed, which
 * changes them never, without raw data and model. */
static const char *outcome(struct lake *lake, struct arena *arena)
{
    char *list = arena_strdup(arena, "");
    add_hashes(arena, lake->data, "", !is_run(lake), &list);
    return list;
}

/* A fleet of three, a model of two trees. Before the second run there are also results of other raw
 * data (a day more, another register), before a training and a simulation those of others. */
static void make_lake(struct lake *lake, int which)
{
    static const char extra[] =
        "{\"vin\": \"VIN-751000\", \"timestamp\": \"2026-11-21T08:00:00\", \"km_actuel\": 60000}";
    static const char *const generate[WORDS] = {"generate", "--vehicles", "3", "--days", "1"};
    static const char *const fewer[WORDS] = {"generate", "--vehicles", "2", "--days", "1"};
    static const char *const train[WORDS] = {"train", "--trees", "2"};
    static const char *const other[WORDS] = {"train", "--trees", "1"};
    *lake = (struct lake){.which = which};
    lake->folder = temp_folder(&lake->arena);
    lake->before = arena_printf(&lake->arena, "%s/before", lake->folder);
    lake->data = arena_printf(&lake->arena, "%s/data", lake->folder);
    if (which >= TO_PARTS) {
        const char *const old[WORDS] = {"old", which == TO_PARTS ? "0" : "4"};
        works(lake, old);
    } else {
        works(lake, which == SIMULATION ? fewer : generate);
        works(lake, which == TRAINING ? other : train);
    }
    if (which == SECOND_RUN) {
        const char *path =
            write_file(&lake->arena, lake->data, "bronze/run_date=" DATE "/json/extra.json", extra,
                       sizeof extra - 1);
        works(lake, commands[which]);
        assert_int_equal(unlink(path), 0);
    }
    lake->old_outcome = outcome(lake, &lake->arena);
    copy_tree(lake, lake->data, lake->before);
    works(lake, commands[which]);
    lake->new_outcome = outcome(lake, &lake->arena);
    assert_string_not_equal(lake->old_outcome, lake->new_outcome);
}

static void remove_lake(struct lake *lake)
{
    temp_folder_remove(lake->folder);
    arena_release(&lake->scratch);
    arena_release(&lake->arena);
}

/* ---- what must hold after a disturbance ---- */

/* NULL when all holds, else what does not; `result` is of the run that was disturbed. */
static const char *what_is_wrong(struct lake *lake, bool may_differ)
{
    struct arena *arena = &lake->scratch;
    static const char *const verify[WORDS] = {"verify"};
    /* As every command, it finishes a journal first; what it finds counts where there are results.
     */
    struct program_result verified = run(lake, NULL, verify);
    const char *now = outcome(lake, arena);
    bool none = !is_run(lake) || (!*now && strstr(verified.err, "no run of") != NULL);
    if (verified.status != 0 && !none) {
        return arena_printf(arena, "verify: exit status %d: %s%s", verified.status, verified.out,
                            verified.err);
    }
    if (strcmp(now, lake->old_outcome) != 0 && strcmp(now, lake->new_outcome) != 0) {
        lake->differing++;
        if (!may_differ) {
            return arena_printf(arena, "neither the old nor the new lake:\n%s", now);
        }
    }
    struct program_result again = run(lake, NULL, commands[lake->which]);
    if (again.status != 0) {
        return arena_printf(arena, "the next run: exit status %d: %s", again.status, again.err);
    }
    now = outcome(lake, arena);
    if (strcmp(now, lake->new_outcome) != 0) {
        return arena_printf(arena, "the next run gives other bytes:\n%s", now);
    }
    return fs_exists(arena_printf(arena, "%s/.staging", lake->data)) ? "staging is left" : NULL;
}

/* A run that was disturbed but not killed: exit status 0, or 1 with one sentence. */
static const char *what_it_said_wrong(struct lake *lake, const struct program_result *result)
{
    const char *end = strchr(result->err, '\n');
    if (result->status == 0) {
        lake->finished++;
        return NULL;
    }
    lake->failed++;
    if (result->status != 1) {
        return arena_printf(&lake->scratch, "exit status %d: %s", result->status, result->err);
    }
    if (strncmp(result->err, "autostream: ", 12) != 0 || !end || end[1] != '\0') {
        return arena_printf(&lake->scratch, "not one sentence: %s", result->err);
    }
    return NULL;
}

/* The end of one disturbance; with a planted fault the first find is enough. Gives false then. */
static bool tell(struct lake *lake, const char *where, const char *wrong)
{
    lake->tried++;
    bool go_on = !wrong;
    if (wrong && !plant) {
        fail_msg("%s: %s", where, wrong);
    }
    if (wrong) {
        print_message("found the planted fault, %s: %.200s\n", where, wrong);
    }
    arena_release(&lake->scratch);
    return go_on;
}

/* The run with the preloaded library and these variables (each may be NULL). */
static struct program_result disturbed(struct lake *lake, const char *one, const char *two,
                                       const char *three)
{
    const char *given[] = {one, two, three, plant};
    const char *env[8] = {
        arena_printf(&lake->scratch, "LD_PRELOAD=%s", getenv("AUTOSTREAM_PRELOAD")),
        arena_printf(&lake->scratch, "PROOFS_ROOT=%s", lake->data)};
    size_t used = 2;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        env[used] = given[i];
        used += given[i] != NULL;
    }
    return run(lake, env, commands[lake->which]);
}

/* How many calls (or calls that change something, or allocations) an undisturbed run makes. */
static size_t count_calls(struct lake *lake, const char *variable, bool allocations)
{
    struct bytes text;
    struct error err;
    char *end;
    const char *path = arena_printf(&lake->scratch, "%s/count", lake->folder);
    copy_tree(lake, lake->before, lake->data);
    struct program_result result =
        disturbed(lake, variable, arena_printf(&lake->scratch, "PROOFS_COUNT=%s", path), NULL);
    assert_int_equal(result.status, 0);
    assert_int_equal(fs_read(path, 100, &lake->scratch, &text, &err), 0);
    size_t calls = strtoul(text.data, &end, 10);
    size_t count = allocations ? strtoul(end, NULL, 10) : calls;
    assert_true(count > 3); /* else the library was not loaded */
    arena_release(&lake->scratch);
    return count;
}

/* ---- the proofs ---- */

/* From one call that is tried to the next: at least five are, also of a command of few calls; of
 * publications alone, which are short, all. */
static size_t stride(const struct lake *lake, size_t count)
{
    return lake->which >= TO_PARTS ? 1 : count < 5 * step ? (count + 4) / 5 : step;
}

/* SIGKILL before each call that changes something; false: a planted fault was found. */
static bool kill_at_every_change(struct lake *lake)
{
    bool sound = true;
    size_t count = count_calls(lake, "PROOFS_CHANGES=1", false);
    for (size_t n = 1; n <= count && sound; n += stride(lake, count)) {
        const char *at = arena_printf(&lake->scratch, "PROOFS_AT=%zu", n);
        copy_tree(lake, lake->before, lake->data);
        struct program_result result = disturbed(lake, at, "PROOFS_CHANGES=1", "PROOFS_DO=kill");
        const char *where = arena_printf(&lake->scratch, "killed at change %zu of %zu", n, count);
        const char *wrong = result.status == 128 + 9 ? what_is_wrong(lake, false)
                                                     : "it was not killed: the calls differ";
        sound = tell(lake, where, wrong);
    }
    return sound;
}

/* Follows the trace of one run and tries what each loss of power leaves. */
static bool cut_power_at_every_call(struct lake *lake)
{
    struct arena arena = {0};
    struct rng rng;
    struct error err;
    bool sound = true;
    const char *trace = arena_printf(&arena, "%s/trace", lake->folder);
    char **seen;
    size_t seen_count = 0;
    copy_tree(lake, lake->before, lake->data);
    struct program_result result =
        disturbed(lake, arena_printf(&lake->scratch, "PROOFS_TRACE=%s", trace), NULL, NULL);
    assert_int_equal(result.status, 0);
    const char *real = outcome(lake, &arena);
    struct model *model = model_open(&arena, lake->before);
    size_t count = model_load(model, trace);
    seen = ARENA_NEW(&arena, char *, (count + 1) * LOSS_COUNT);
    rng_init(&rng, 1, 0);
    for (size_t n = 0; n <= count && sound; n++) {
        for (int loss = LOSS_ALL; loss < LOSS_COUNT && sound && n % stride(lake, count) == 0;
             loss++) {
            struct rng same = rng;
            bool known = false;
            const char *state = model_write(model, (enum loss)loss, &rng, NULL, &arena);
            for (size_t i = 0; i < seen_count && !known; i++) {
                known = strcmp(seen[i], state) == 0;
            }
            if (known) {
                continue;
            }
            seen[seen_count++] = arena_strdup(&arena, state);
            assert_int_equal(fs_remove_tree(lake->data, &err), 0);
            (void)model_write(model, (enum loss)loss, &same, lake->data, &arena);
            const char *where = arena_printf(
                &lake->scratch, "power cut after entry %zu of %zu, loss %d", n, count, loss);
            sound = tell(lake, where, what_is_wrong(lake, false));
        }
        if (n < count) {
            model_step(model);
        }
    }
    if (sound) { /* the trace missed nothing: it ends with what the run left */
        assert_int_equal(fs_remove_tree(lake->data, &err), 0);
        (void)model_write(model, LOSS_NONE, &rng, lake->data, &arena);
        assert_string_equal(outcome(lake, &arena), real);
    }
    arena_release(&arena);
    return sound;
}

/* Each call fails in each way. What could not be read may be in quarantine then; nothing else may
 * differ. */
static bool fail_every_call(struct lake *lake)
{
    static const struct {
        const char *how;
        int error;
    } ways[] = {
        {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EMFILE", EMFILE}, {"EINTR", EINTR}, {"short", 0}};
    size_t count = count_calls(lake, NULL, false);
    for (size_t n = 1; n <= count; n += stride(lake, count)) {
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            const char *at = arena_printf(&lake->scratch, "PROOFS_AT=%zu", n);
            const char *what = ways[w].error
                                   ? arena_printf(&lake->scratch, "PROOFS_DO=%d", ways[w].error)
                                   : "PROOFS_DO=short";
            copy_tree(lake, lake->before, lake->data);
            struct program_result result = disturbed(lake, at, what, NULL);
            const char *where =
                arena_printf(&lake->scratch, "%s at call %zu of %zu", ways[w].how, n, count);
            const char *wrong = what_it_said_wrong(lake, &result);
            (void)tell(lake, where, wrong ? wrong : what_is_wrong(lake, is_run(lake)));
        }
    }
    return true;
}

static bool refuse_every_allocation(struct lake *lake)
{
    size_t count = count_calls(lake, "PROOFS_ALLOCATION=1000000000", true);
    for (size_t n = 1; n <= count; n += stride(lake, count)) {
        const char *at = arena_printf(&lake->scratch, "PROOFS_ALLOCATION=%zu", n);
        copy_tree(lake, lake->before, lake->data);
        struct program_result result = disturbed(lake, at, NULL, NULL);
        const char *where = arena_printf(&lake->scratch, "allocation %zu of %zu", n, count);
        const char *wrong = what_it_said_wrong(lake, &result);
        if (!wrong && (result.status != 1 || !strstr(result.err, "out of memory"))) {
            wrong = "it went on without the memory";
        }
        (void)tell(lake, where, wrong ? wrong : what_is_wrong(lake, false));
    }
    return true;
}

static void prove(bool (*proof)(struct lake *lake), const char *what)
{
    for (int which = FIRST_RUN; which < COMMANDS; which++) {
        struct lake lake;
        make_lake(&lake, which);
        assert_true(proof(&lake));
        assert_true(lake.tried > 0);
        print_message("%s, %s: %zu tried", what, titles[which], lake.tried);
        if (lake.finished + lake.failed > 0) {
            print_message(" (%zu gave up, %zu went on, %zu of them with some input in quarantine)",
                          lake.failed, lake.finished, lake.differing);
        }
        print_message(", 0 losses\n");
        remove_lake(&lake);
    }
}

static void test_a_run_that_is_killed_leaves_the_old_lake_or_the_new_one(void **state)
{
    (void)state;
    prove(kill_at_every_change, "killed");
}

static void test_a_loss_of_power_leaves_the_old_lake_or_the_new_one(void **state)
{
    (void)state;
    prove(cut_power_at_every_call, "power cut");
}

static void test_a_call_that_fails_leaves_a_whole_lake(void **state)
{
    (void)state;
    prove(fail_every_call, "calls that fail");
}

static void test_memory_that_is_refused_leaves_the_old_lake_or_the_new_one(void **state)
{
    (void)state;
    prove(refuse_every_allocation, "allocations refused");
}

/* The proofs can fail: results written in place before the commit are found by kills, syncs that
 * are left out by cuts of power. */
static void test_planted_faults_are_found(void **state)
{
    static const struct {
        const char *plant;
        bool (*proof)(struct lake *lake);
    } plants[] = {{"PROOFS_PLANT=in-place", kill_at_every_change},
                  {"PROOFS_PLANT=no-sync", cut_power_at_every_call}};
    (void)state;
    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        struct lake lake;
        make_lake(&lake, SECOND_RUN);
        plant = plants[i].plant;
        bool sound = plants[i].proof(&lake);
        plant = NULL;
        assert_false(sound);
        remove_lake(&lake);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        struct CMUnitTest test;
    } proofs[] = {
        {"kill", cmocka_unit_test(test_a_run_that_is_killed_leaves_the_old_lake_or_the_new_one)},
        {"power", cmocka_unit_test(test_a_loss_of_power_leaves_the_old_lake_or_the_new_one)},
        {"fail", cmocka_unit_test(test_a_call_that_fails_leaves_a_whole_lake)},
        {"memory",
         cmocka_unit_test(test_memory_that_is_refused_leaves_the_old_lake_or_the_new_one)},
        {"planted", cmocka_unit_test(test_planted_faults_are_found)},
    };
    /* Nothing here needs a disk: the losses of power are worked out. Syncs cost nothing in memory.
     */
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0) {
        assert_int_equal(setenv("TMPDIR", "/dev/shm", 1), 0);
    }
    if (!getenv("AUTOSTREAM_BIN") || !getenv("AUTOSTREAM_PARTS") || !getenv("AUTOSTREAM_PRELOAD")) {
        (void)fprintf(stderr, "run it with meson test or script/proofs\n");
        return 2;
    }
    step = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++) {
        if (argc > 1 && step > 0 && strcmp(argv[1], proofs[i].name) == 0) {
            const struct CMUnitTest one[] = {proofs[i].test};
            return cmocka_run_group_tests(one, NULL, NULL);
        }
    }
    (void)fprintf(stderr, "usage: %s kill|power|fail|memory|planted [STEP]\n", argv[0]);
    return 2;
}
