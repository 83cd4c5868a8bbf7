/* autostream score on tables of one's own: rows in order, labels and probabilities, CSV and Parquet
 * alike, and one sentence for a table that cannot be scored. */
#include "tests.h"

#include "base/fs.h"
#include "e2e/e2e.h"
#include "forest/forest.h"
#include "lake/lake.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MODEL "models/model_pannes.onnx"
#define HEAD                                                                               \
    "temp_moteur,pression_huile,regime_moteur,voltage_batterie,km_actuel,km_depuis_revis," \
    "temps_0_100,conso_essence,pression_injection"

enum { INPUTS = 9, CLASSES = 6 };

/* The answer for one row. */
struct line {
    int label;
    double prob[CLASSES];
};

static struct line *read_answer(struct e2e *e, const char *text, size_t *count)
{
    static const char head[] = "prediction,p_0,p_1,p_2,p_3,p_4,p_5\n";
    assert_int_equal(strncmp(text, head, sizeof head - 1), 0);
    size_t room = 0;
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++) {
        room++;
    }
    struct line *lines = ARENA_NEW(&e->arena, struct line, room);
    const char *p = text + sizeof head - 1;
    for (*count = 0; *p != '\0'; (*count)++) {
        struct line *line = &lines[*count];
        char *end;
        double sum = 0;
        line->label = (int)strtol(p, &end, 10);
        for (int c = 0; c < CLASSES; c++) {
            assert_int_equal(*end, ',');
            line->prob[c] = strtod(end + 1, &end);
            assert_true(line->prob[c] >= 0 && line->prob[c] <= 1);
            sum += line->prob[c];
        }
        assert_int_equal(*end, '\n');
        assert_true(fabs(sum - 1) < 1e-5);
        p = end + 1;
    }
    return lines;
}

/* `rows` rows that differ, as numbers. */
static float *make_rows(struct e2e *e, size_t rows)
{
    static const double low[INPUTS] = {60, 0.5, 600, 9, 1000, 100, 5, 4, 150};
    static const double high[INPUTS] = {130, 6, 4500, 15, 250000, 40000, 20, 16, 500};
    float *x = ARENA_NEW(&e->arena, float, rows *INPUTS);
    uint64_t state = 42;
    for (size_t i = 0; i < rows * INPUTS; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        double share = (double)(state >> 40) / (double)(1 << 24);
        x[i] = (float)(low[i % INPUTS] + share * (high[i % INPUTS] - low[i % INPUTS]));
        if ((state >> 32) % 97 == 0) {
            x[i] = NAN;
        }
    }
    return x;
}

static const char *write_table(struct e2e *e, const char *name, const char *text)
{
    return write_file(&e->arena, e->folder, name, text, strlen(text));
}

/* The rows as CSV, a missing value empty; with a column that no model wants in front. */
static const char *write_rows(struct e2e *e, const char *name, const float *x, size_t rows)
{
    char *path = arena_printf(&e->arena, "%s/%s", e->folder, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_true(fputs("vin," HEAD "\n", out) >= 0);
    for (size_t r = 0; r < rows; r++) {
        assert_true(fprintf(out, "V%zu", r) > 0);
        for (size_t i = 0; i < INPUTS; i++) {
            float value = x[r * INPUTS + i];
            assert_true(isnan(value) ? fputc(',', out) != EOF
                                     : fprintf(out, ",%.9g", (double)value) > 0);
        }
        assert_true(fputc('\n', out) != EOF);
    }
    assert_int_equal(fclose(out), 0);
    return path;
}

static const char *score(struct e2e *e, const char *table)
{
    return e2e_works(e, "score", "--table", table, NULL);
}

/* ---- what comes out ---- */

static void test_rows_come_out_in_order_with_the_forests_own_answer(void **state)
{
    struct e2e *e = *state;
    enum { ROWS = 30000 };
    struct bytes file;
    struct forest *forest = NULL;
    struct forest_card card;
    struct error err;
    float *x = make_rows(e, ROWS);
    const char *table = write_rows(e, "table.csv", x, ROWS);
    assert_int_equal(fs_read(e2e_path(e, MODEL), 1 << 24, &e->arena, &file, &err), 0);
    assert_int_equal(forest_decode(file.data, file.size, "model", &e->arena, &forest, &card, &err),
                     0);
    double *prob = ARENA_NEW(&e->arena, double, (size_t)ROWS *CLASSES);
    forest_predict(forest, x, ROWS, 2, prob);
    forest_free(forest);
    size_t count;
    const struct line *lines = read_answer(e, score(e, table), &count);
    assert_int_equal(count, ROWS);
    for (size_t r = 0; r < ROWS; r++) {
        int best = 0;
        for (int c = 0; c < CLASSES; c++) {
            assert_true(fabs(lines[r].prob[c] - prob[r * CLASSES + (size_t)c]) < 1e-7);
            best = lines[r].prob[c] > lines[r].prob[best] + 1e-6 ? c : best;
        }
        assert_int_equal(lines[r].label, best);
    }
    const char *threads[] = {"1", "2", "4"};
    const char *first = e2e_works(e, "score", "--table", table, NULL);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(e2e_works(e, "--threads", threads[i], "score", "--table", table, NULL),
                            first);
    }
}

/* Rows first to last of x as a Parquet file. */
static void write_parquet(struct e2e *e, const float *x, size_t first, size_t last,
                          const char *path)
{
    static const struct column columns[] = {
        {"vin", COLUMN_TEXT},
        {"temp_moteur", COLUMN_REAL},
        {"pression_huile", COLUMN_REAL},
        {"regime_moteur", COLUMN_WHOLE},
        {"voltage_batterie", COLUMN_REAL},
        {"km_actuel", COLUMN_WHOLE},
        {"km_depuis_revis", COLUMN_REAL},
        {"temps_0_100", COLUMN_REAL},
        {"conso_essence", COLUMN_REAL},
        {"pression_injection", COLUMN_REAL},
    };
    static const struct table rows = {"rows_to_score", columns, 1 + INPUTS};
    struct batch batch = {0};
    batch_init(&batch, &rows, &e->arena);
    for (size_t r = 0; r < last - first; r++) {
        const char *vin = arena_printf(&e->arena, "V%06zu", r);
        batch.values[0].text[r] = (struct bytes){vin, strlen(vin)};
        for (size_t i = 0; i < INPUTS; i++) {
            float value = x[(first + r) * INPUTS + i];
            batch.null[1 + i][r] = isnan(value);
            if (columns[1 + i].type == COLUMN_WHOLE) {
                batch.values[1 + i].whole[r] = isnan(value) ? 0 : (int64_t)value;
            } else {
                batch.values[1 + i].real[r] = isnan(value) ? 0 : (double)value;
            }
        }
    }
    batch.rows = last - first;
    struct lake *lake = NULL;
    struct error err;
    const struct lake_options options = {.threads = 1};
    const struct lake_output output = {.table = &rows, .order = "vin"};
    if (lake_open(&lake, &options, &err) != 0 || lake_create(lake, &rows, &err) != 0 ||
        lake_append(lake, &batch, &err) != 0 || lake_flush(lake, &err) != 0 ||
        lake_write(lake, &output, LAKE_PARQUET, path, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    lake_close(lake);
}

/* As one file, and as a folder of part files as Spark writes them. */
static void test_a_parquet_table_gives_the_same_as_its_csv(void **state)
{
    struct e2e *e = *state;
    enum { ROWS = 500, FIRST_PART = 300 };
    float *x = make_rows(e, ROWS);
    for (size_t i = 0; i < (size_t)ROWS * INPUTS; i++) {
        x[i] = floorf(x[i] * 4) / 4;
        x[i] = i % INPUTS == 2 || i % INPUTS == 4 ? floorf(x[i]) : x[i]; /* whole columns */
    }
    const char *csv = score(e, write_rows(e, "table.csv", x, ROWS));
    const char *parquet = arena_printf(&e->arena, "%s/table.parquet", e->folder);
    const char *parts = arena_printf(&e->arena, "%s/parts", e->folder);
    write_parquet(e, x, 0, ROWS, parquet);
    assert_string_equal(score(e, parquet), csv);
    write_file(&e->arena, parts, "_SUCCESS", "", 0);
    write_parquet(e, x, FIRST_PART, ROWS, arena_printf(&e->arena, "%s/part-00001.parquet", parts));
    write_parquet(e, x, 0, FIRST_PART, arena_printf(&e->arena, "%s/part-00000.parquet", parts));
    assert_string_equal(score(e, parts), csv);
}

static void test_csv_may_be_quoted_and_have_other_columns(void **state)
{
    struct e2e *e = *state;
    const char *plain = score(e, write_table(e, "plain.csv",
                                             HEAD "\n90,4,2000,13,50000,1000,9,7,300\n"
                                                  "110,1,2000,10,,1000,9,7,300\n"));
    static const char *const others[] = {
        "\xef\xbb\xbf" HEAD "\r\n90,4,2000,13,50000,1000,9,7,300\r\n"
        "110,1,2000,10,,1000,9,7,300\r\n",
        "vin," HEAD
        ",note\n\"a\"\"b\",\"90\",4,2000,13,50000,1000,9,7,300,\"two\nlines, one cell\"\n"
        "'; DROP TABLE scored; --,110,1,2000,10,,1000,9,7,300,\n",
        HEAD
        "\n9e1,4.0,2000,13,5e4,1000,9,7,300\n110,1,2000,10,,1000,9,7,300", /* no last newline */
        HEAD "\n90,4,2000,13,50000,1000,9,7,300\n110,1,2000,10,NaN,1000,9,7,300\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_string_equal(score(e, write_table(e, "other.csv", others[i])), plain);
    }
    const char *semicolons = write_table(
        e, "semicolons.csv",
        "temp_moteur;pression_huile;regime_moteur;voltage_batterie;km_actuel;km_depuis_revis;"
        "temps_0_100;conso_essence;pression_injection\n90;4;2000;13;50000;1000;9;7;300\n"
        "110;1;2000;10;;1000;9;7;300\n");
    assert_string_equal(score(e, semicolons), plain);
}

static void test_out_writes_the_same_text_whole(void **state)
{
    struct e2e *e = *state;
    const char *table = write_rows(e, "table.csv", make_rows(e, 50), 50);
    const char *out = arena_printf(&e->arena, "%s/out.csv", e->folder);
    const char *said = e2e_works(e, "score", "--table", table, "--out", out, NULL);
    struct bytes written;
    struct error err;
    assert_string_equal(said, "");
    assert_int_equal(fs_read(out, 1 << 20, &e->arena, &written, &err), 0);
    assert_string_equal(written.data, score(e, table));
    e2e_works(e, "score", "--table", table, "--out", out, NULL); /* again over itself */
    char **names;
    size_t count;
    assert_int_equal(fs_list(e->folder, &e->arena, &names, &count, &err), 0);
    assert_int_equal(count, 3); /* data, out.csv, table.csv */
}

static void test_an_empty_table_gives_the_header_alone(void **state)
{
    struct e2e *e = *state;
    assert_string_equal(score(e, write_table(e, "none.csv", HEAD "\n")),
                        "prediction,p_0,p_1,p_2,p_3,p_4,p_5\n");
}

static void test_labels_and_names_come_from_the_model(void **state)
{
    struct e2e *e = *state;
    enum { ROWS = 40 };
    float x[ROWS * 2];
    int y[ROWS];
    for (int r = 0; r < ROWS; r++) {
        y[r] = r % 2;
        x[2 * r] = (float)(r % 2 * 10 + r % 3);
        x[2 * r + 1] = (float)r;
    }
    const char *names[] = {"petal, \"length\"", "width"};
    const char *labels[] = {"iris, setosa", "say \"virginica\""};
    const struct forest_data data = {.x = x, .y = y, .rows = ROWS, .features = 2, .classes = 2};
    const struct forest_options options = {.trees = 5, .threads = 1};
    const struct forest_card card = {.feature_names = names, .class_labels = labels};
    struct forest *forest = NULL;
    struct bytes file;
    struct error err;
    if (forest_train(&data, &options, NULL, &forest, &err) != 0 ||
        forest_encode(forest, &card, &e->arena, &file, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    forest_free(forest);
    const char *model = write_file(&e->arena, e->folder, "iris.onnx", file.data, file.size);
    const char *table =
        write_table(e, "iris.csv", "width,\"petal, \"\"length\"\"\"\n1,0\n1,11\n39,11\n38,0\n");
    const char *text = e2e_works(e, "score", "--model", model, "--table", table, NULL);
    static const char head[] =
        "prediction,\"p_iris, setosa\",\"p_say \"\"virginica\"\"\"\n\"iris, setosa\",";
    assert_int_equal(strncmp(text, head, sizeof head - 1), 0);
    assert_non_null(strstr(text, "\n\"say \"\"virginica\"\"\","));
}

/* ---- what cannot be scored ---- */

/* Fails with one sentence, and nothing on standard output or under --out. */
static void assert_refused(struct e2e *e, int status, const char *table, const char *says)
{
    const char *out = arena_printf(&e->arena, "%s/out.csv", e->folder);
    e2e_fails(e, status, says, "score", "--table", table, NULL);
    e2e_fails(e, status, table, "--lang", "fr", "score", "--table", table, "--out", out, NULL);
    assert_string_equal(e2e_run(e, "score", "--table", table, NULL).out, "");
    assert_false(fs_exists(out));
}

static void test_a_table_that_cannot_be_scored_is_named(void **state)
{
    struct e2e *e = *state;
    static const struct {
        const char *name, *text, *says;
        int status;
    } cases[] = {
        {"less.csv", "temp_moteur,vin\n90,V\n", "column \"pression_huile\" is missing", 1},
        {"empty.csv", "", "column \"temp_moteur\" is missing", 1},
        {"text.csv", HEAD "\n90,4,2000,13,50000,1000,9,7,300\n90,4,2000,low,50000,1000,9,7,300\n",
         "data row 2, column \"voltage_batterie\": \"low\" is not a number", 1},
        {"comma.csv", HEAD "\n\"90,5\",4,2000,13,50000,1000,9,7,300\n",
         "data row 1, column \"temp_moteur\": \"90,5\" is not a number", 1},
        {"ragged.csv", HEAD "\n90,4,2000,13,50000,1000,9,7,300\n90,4\n", "no readable table", 1},
        {"junk.parquet", "this is no parquet", "no readable table", 1},
        {"table.xlsx", "PK", "a table of unknown kind; give a .csv or .parquet file", 2},
        {"table", HEAD "\n", "a table of unknown kind", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(e, cases[i].status, write_table(e, cases[i].name, cases[i].text),
                       cases[i].says);
    }
    assert_refused(e, 1, arena_printf(&e->arena, "%s/nowhere.csv", e->folder), "cannot be read");
    assert_refused(e, 1, e->folder, "no readable table");
}

static void test_a_bad_cell_far_down_is_found(void **state)
{
    struct e2e *e = *state;
    enum { ROWS = 20000 };
    const char *table = write_rows(e, "table.csv", make_rows(e, ROWS), ROWS);
    const char *out = arena_printf(&e->arena, "%s/out.csv", e->folder);
    FILE *more = fopen(table, "ae");
    assert_non_null(more);
    assert_true(fputs("V,90,4,2000,13,50000,1000,9,7,1O0\n", more) >= 0);
    assert_int_equal(fclose(more), 0);
    e2e_fails(e, 1, "data row 20001, column \"pression_injection\": \"1O0\" is not a number",
              "score", "--table", table, "--out", out, NULL);
    assert_false(fs_exists(out));
}

static void test_a_compressed_table_that_was_cut_is_refused(void **state)
{
    struct e2e *e = *state;
    const char *table = write_rows(e, "table.csv", make_rows(e, 5000), 5000);
    const char *whole = score(e, table);
    struct bytes text;
    struct error err;
    assert_int_equal(fs_read(table, 1 << 24, &e->arena, &text, &err), 0);
    const char *packed = arena_printf(&e->arena, "%s/table.csv.gz", e->folder);
    gzFile gz = gzopen(packed, "wb");
    assert_non_null(gz);
    assert_int_equal(gzwrite(gz, text.data, (unsigned)text.size), (int)text.size);
    assert_int_equal(gzclose(gz), Z_OK);
    assert_string_equal(score(e, packed), whole);
    struct stat info;
    assert_int_equal(stat(packed, &info), 0);
    const char *out = arena_printf(&e->arena, "%s/out.csv", e->folder);
    const off_t sizes[] = {info.st_size / 2, info.st_size - 1000, info.st_size - 9, 30, 5};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(truncate(packed, sizes[i]), 0);
        struct program_result result = e2e_run(e, "score", "--table", packed, "--out", out, NULL);
        if (result.status == 0) {
            fail_msg("%ld of %ld bytes were scored", (long)sizes[i], (long)info.st_size);
        }
        assert_non_null(strstr(result.err, packed));
        assert_false(fs_exists(out));
        assert_int_equal(truncate(packed, 0), 0);
        gz = gzopen(packed, "wb");
        assert_int_equal(gzwrite(gz, text.data, (unsigned)text.size), (int)text.size);
        assert_int_equal(gzclose(gz), Z_OK);
    }
}

static void test_an_output_that_cannot_be_written_is_named(void **state)
{
    struct e2e *e = *state;
    const char *table = write_table(e, "t.csv", HEAD "\n90,4,2000,13,50000,1000,9,7,300\n");
    e2e_fails(e, 1, "nowhere/out.csv: cannot be written", "score", "--table", table, "--out",
              "nowhere/out.csv", NULL);
    e2e_fails(e, 1, "cannot be written", "score", "--table", table, "--out", e->data, NULL);
    struct program_result result;
    const char *const full[] = {"sh",
                                "-c",
                                "exec \"$0\" \"$@\" >/dev/full",
                                getenv("AUTOSTREAM_BIN"),
                                "--data",
                                e->data,
                                "--quiet",
                                "score",
                                "--table",
                                table,
                                NULL};
    run_program(&e->arena, &result, full, NULL);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.err, "autostream: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, e2e_setup, e2e_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_come_out_in_order_with_the_forests_own_answer),
        TEST(test_a_parquet_table_gives_the_same_as_its_csv),
        TEST(test_csv_may_be_quoted_and_have_other_columns),
        TEST(test_out_writes_the_same_text_whole),
        TEST(test_an_empty_table_gives_the_header_alone),
        TEST(test_labels_and_names_come_from_the_model),
        TEST(test_a_table_that_cannot_be_scored_is_named),
        TEST(test_a_bad_cell_far_down_is_found),
        TEST(test_a_compressed_table_that_was_cut_is_refused),
        TEST(test_an_output_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, e2e_make_origin, e2e_remove_origin);
}
