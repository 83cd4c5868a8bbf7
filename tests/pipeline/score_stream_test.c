/* autostream score on standard input: the forest's own probabilities for each row, whatever form
 * the text has, written before more is waited for, in bounded memory; one sentence when it cannot
 * be read. */
#include "tests.h"

#include "base/fs.h"
#include "base/rng.h"
#include "pipeline/scored.h"
#include "support/run.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FEATURES = 3, CLASSES = 3, ROWS = 400 };

static struct arena arena;
static struct forest *forest;
static char *folder, *model;

/* Three features, of which the first two say the class; labels that want quotes. */
static int make_model(void **state)
{
    static const char *names[FEATURES] = {"heat", "speed, mean", "oil"};
    static const char *labels[CLASSES] = {"fine", "worn \"pads\"", "leak,\toil"};
    struct forest_card card = {.feature_names = names, .class_labels = labels};
    struct forest_options options = {.trees = 15, .seed = 3, .threads = 1};
    float x[ROWS][FEATURES];
    int y[ROWS];
    struct bytes bytes;
    struct error err;
    struct rng rng;
    (void)state;
    rng_init(&rng, 5, 0);
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t f = 0; f < FEATURES; f++) {
            x[r][f] = (float)rng_uniform(&rng) * 10;
        }
        y[r] = (x[r][0] > 5) + (x[r][1] > 6);
    }
    const struct forest_data data = {
        .x = &x[0][0], .y = y, .rows = ROWS, .features = FEATURES, .classes = CLASSES};
    folder = temp_folder(&arena);
    if (forest_train(&data, &options, NULL, &forest, &err) != 0 ||
        forest_encode(forest, &card, &arena, &bytes, &err) != 0) {
        return -1;
    }
    model = write_file(&arena, folder, "model.onnx", bytes.data, bytes.size);
    return 0;
}

static int release_model(void **state)
{
    (void)state;
    forest_free(forest);
    temp_folder_remove(folder);
    arena_release(&arena);
    return 0;
}

static struct program_result score(const char *text, const char *a, const char *b, const char *c)
{
    const struct program_options options = {.stdin_text = text};
    struct program_result result;
    run_autostream(&arena, &result, &options, "--quiet", "score", "--model", model, a, b, c, NULL);
    return result;
}

static const char *works(const char *text, const char *a, const char *b, const char *c)
{
    struct program_result result = score(text, a, b, c);
    if (result.status != 0) {
        fail_msg("%s", result.err);
    }
    return result.out;
}

/* What a row must become. */
static char *expected_line(const float *x, const char *const *labels, char separator)
{
    double prob[CLASSES];
    size_t best = 0;
    forest_predict(forest, x, 1, 1, prob);
    for (size_t c = 1; c < CLASSES; c++) {
        best = round_vote(prob[c]) > round_vote(prob[best]) ? c : best;
    }
    char *line = arena_strdup(&arena, labels[best]);
    for (size_t c = 0; c < CLASSES; c++) {
        char number[SCORED_NUMBER_SIZE];
        scored_number(fmin(prob[c], 1), number);
        line = arena_printf(&arena, "%s%c%s", line, separator, number);
    }
    return arena_printf(&arena, "%s\n", line);
}

static const char *const csv_labels[] = {"fine", "\"worn \"\"pads\"\"\"", "\"leak,\toil\""};
static const char *const tsv_labels[] = {"fine", "worn \"pads\"", "leak,\\toil"};
static const float rows[][FEATURES] = {{1, 2, 3}, {7.5F, 8, NAN}, {NAN, INFINITY, -2e-3F}};

static char *expected_csv(void)
{
    char *text =
        arena_strdup(&arena, "prediction,p_fine,\"p_worn \"\"pads\"\"\",\"p_leak,\toil\"\n");
    for (size_t r = 0; r < 3; r++) {
        text = arena_printf(&arena, "%s%s", text, expected_line(rows[r], csv_labels, ','));
    }
    return text;
}

static void test_rows_get_the_probabilities_of_the_forest(void **state)
{
    (void)state;
    assert_string_equal(
        works("heat,\"speed, mean\",oil\n1,2,3\n7.5,8,\nnan,inf,-2e-3\n", NULL, NULL, NULL),
        expected_csv());
}

static void test_any_order_quotes_and_separator_give_the_same(void **state)
{
    static const char *const texts[] = {
        "\xef\xbb\xbfoil,vin,heat,\"speed, mean\"\r\n3,A,1,2\r\n,\"B\"\"\n,\",7.5,8\r\n"
        "-0.002,C,\\N,Infinity",
        "heat;\"speed, mean\";oil\n+1;2.0;3e0\n\n7.5;\"8\";\"\"\nNaN; +inf ;-.002\n\n",
    };
    (void)state;
    assert_string_equal(works(texts[0], "--table", "-", NULL), expected_csv());
    assert_string_equal(works(texts[1], NULL, NULL, NULL), expected_csv());
    const char *tabs =
        "oil\theat\tspeed, mean\textra\n3\t1\t2\t\"\n\\N\t7.5\t8\t\n-2e-3\t\tinf\tx\n";
    char *tsv = arena_strdup(&arena, "prediction\tp_fine\tp_worn \"pads\"\tp_leak,\\toil\n");
    for (size_t r = 0; r < 3; r++) {
        tsv = arena_printf(&arena, "%s%s", tsv, expected_line(rows[r], tsv_labels, '\t'));
    }
    assert_string_equal(works(tabs, "--format", "tsv", NULL), tsv);
    assert_string_equal(
        works("1\t2\t3\n7.5\t8\t\\N\n\\N\tinf\t-2e-3", "--format=tsv", "--no-header", NULL),
        strchr(tsv, '\n') + 1);
}

static void test_no_rows_give_the_header_alone(void **state)
{
    (void)state;
    assert_string_equal(works("heat,\"speed, mean\",oil", NULL, NULL, NULL),
                        "prediction,p_fine,\"p_worn \"\"pads\"\"\",\"p_leak,\toil\"\n");
    assert_string_equal(works("", "--no-header", NULL, NULL), "");
}

static void test_what_cannot_be_read_is_said_with_its_row(void **state)
{
    static const struct {
        const char *text, *says;
        int status;
    } cases[] = {
        {"", "stdin is empty: which table?", 2},
        {"heat,oil\n1,2\n", "stdin: column \"speed, mean\" is missing", 1},
        {"oil,heat,\"speed, mean\",oil\n", "column \"oil\" stands twice", 1},
        {"\"heat,oil\n1,2\n", "the first line, which names the columns, cannot be read", 1},
        {"heat,\"speed, mean\",oil\n1,2,3\n1,2,x7\n",
         "data row 2, column \"oil\": \"x7\" is not a number", 1},
        {"heat,\"speed, mean\",oil\n1,2\n", "data row 1: 2 cells instead of 3", 1},
        {"heat,\"speed, mean\",oil\n1,2,3,4\n", "data row 1: 4 cells instead of 3", 1},
        {"heat,\"speed, mean\",oil\n1,2,3\n1,\"2\"x,3\n", "data row 2: misplaced quotes", 1},
        {"heat,\"speed, mean\",oil\n1,2,\"3\n", "data row 1: misplaced quotes", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct program_result result = score(cases[i].text, NULL, NULL, NULL);
        if (result.status != cases[i].status || !strstr(result.err, cases[i].says)) {
            fail_msg("%s: status %d, %s", cases[i].text, result.status, result.err);
        }
    }
    struct program_result result = score("1,2,3\n1,z,3\n", "--no-header", NULL, NULL);
    assert_string_equal(result.out, expected_line(rows[0], csv_labels, ','));
    assert_non_null(strstr(result.err, "data row 2, column \"speed, mean\": \"z\""));
}

static void test_many_rows_keep_their_order_and_memory_stays_bounded(void **state)
{
    enum { MANY = 1000000 };
    (void)state;
    char *lines[3], *text = malloc(MANY * 16), *end = text;
    for (size_t r = 0; r < 3; r++) {
        lines[r] = expected_line(rows[r], csv_labels, ',');
    }
    static const char *const cells[] = {"1,2,3\n", "7.5,8,\n", ",inf,-2e-3\n"};
    for (size_t i = 0; i < MANY; i++) {
        end += snprintf(end, 16, "%s", cells[i % 7 % 3]);
    }
    struct program_result result = score(text, "--no-header", NULL, NULL);
    assert_int_equal(result.status, 0);
    const char *p = result.out;
    for (size_t i = 0; i < MANY; i++) {
        size_t size = strlen(lines[i % 7 % 3]);
        assert_memory_equal(p, lines[i % 7 % 3], size);
        p += size;
    }
    assert_int_equal(*p, '\0');
    assert_true(result.peak_kib < 256 * 1024); /* input and output: 12 and 60 MB; ASan trebles */
    free(text);
}

/* One row goes in, its line comes out, while the pipe stays open. */
static void test_each_row_is_answered_before_the_next_is_sent(void **state)
{
    int to[2], from[2];
    char line[256];
    (void)state;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(to[0], STDIN_FILENO), (void)dup2(from[1], STDOUT_FILENO);
        (void)close(to[1]), (void)close(from[0]);
        execl(getenv("AUTOSTREAM_BIN"), "autostream", "--quiet", "score", "--model", model,
              "--no-header", (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    (void)close(to[0]), (void)close(from[1]);
    FILE *answers = fdopen(from[0], "r");
    assert_non_null(answers);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(write(to[1], "1,2,3\n", 6), 6);
        assert_non_null(fgets(line, sizeof line, answers));
        assert_string_equal(line, expected_line(rows[0], csv_labels, ','));
    }
    (void)close(to[1]);
    assert_null(fgets(line, sizeof line, answers));
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)fclose(answers);
}

static void test_numbers_are_the_shortest_that_read_back(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 1, 0);
    for (int i = 0; i < 20000; i++) {
        double value = rng_uniform(&rng);
        value = i % 3 == 0 ? (double)(float)value : i % 3 == 1 ? round(value * 1e4) / 1e4 : value;
        char text[SCORED_NUMBER_SIZE], shortest[SCORED_NUMBER_SIZE];
        for (int digits = 6; digits <= 17; digits++) {
            (void)snprintf(shortest, sizeof shortest, "%.*g", digits, value);
            if (strtod(shortest, NULL) == value) {
                break;
            }
        }
        scored_number(value, text);
        assert_string_equal(text, shortest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_get_the_probabilities_of_the_forest),
        cmocka_unit_test(test_any_order_quotes_and_separator_give_the_same),
        cmocka_unit_test(test_no_rows_give_the_header_alone),
        cmocka_unit_test(test_what_cannot_be_read_is_said_with_its_row),
        cmocka_unit_test(test_many_rows_keep_their_order_and_memory_stays_bounded),
        cmocka_unit_test(test_each_row_is_answered_before_the_next_is_sent),
        cmocka_unit_test(test_numbers_are_the_shortest_that_read_back),
    };
    return cmocka_run_group_tests(tests, make_model, release_model);
}
