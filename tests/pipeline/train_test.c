/* Learning from any table: labels, groups, dates, costs, what the card says, and input that is bad.
 * Tables are small CSV files in a temporary folder; the model is read back. */
#include "tests.h"

#include "pipeline/stages.h"
#include "shared.h"
#include "support/run.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct arena arena;
static char *folder;
static const struct session session = {.threads = 2, .run_date = 20780};

static struct train_options options_for(const char *name, const char *text)
{
    return (struct train_options){.table = write_file(&arena, folder, name, text, strlen(text)),
                                  .label = "y",
                                  .model_path = arena_printf(&arena, "%s/m.onnx", folder),
                                  .trees = 20,
                                  .seed = 1};
}

/* Trains on a CSV text, which must work. */
static struct train_report train(const struct train_options *options)
{
    struct train_report report;
    struct error err;
    if (pipeline_train(&session, options, &arena, &report, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return report;
}

static void assert_refused(const struct train_options *options, const char *why)
{
    struct train_report report;
    struct error err = {0};
    (void)remove(options->model_path);
    assert_int_equal(pipeline_train(&session, options, &arena, &report, &err), -1);
    if (!strstr(err.text[LANG_EN], why)) {
        fail_msg("\"%s\" is not in: %s", why, err.text[LANG_EN]);
    }
    assert_true(*err.text[LANG_FR] != '\0');
    assert_false(fs_exists(options->model_path));
}

/* The model that was written. */
static struct forest_card card_of(const struct train_options *options)
{
    struct forest *forest;
    struct forest_card card;
    struct error err;
    char sha256[HASH_TEXT_SIZE];
    assert_int_equal(model_read(options->model_path, &arena, &forest, &card, sha256, &err), 0);
    forest_free(forest);
    return card;
}

static const char *property(const struct forest_card *card, const char *key)
{
    for (size_t i = 0; i < card->property_count; i++) {
        if (strcmp(card->properties[i].key, key) == 0) {
            return card->properties[i].value;
        }
    }
    return NULL;
}

/* `rows` rows of a, b, constant, empty, y; y is "high" where a > 50, else "low"; b is noise. */
static const char *plain_table(size_t rows)
{
    enum { LINE = 64 };
    static const char head[] = "a,b,constant,empty,y\n";
    char *text = ARENA_NEW(&arena, char, sizeof head + rows * LINE);
    size_t used = (size_t)snprintf(text, sizeof head, "%s", head);
    struct rng rng;
    rng_init(&rng, 3, 0);
    for (size_t row = 0; row < rows; row++) {
        int a = (int)rng_below(&rng, 100);
        used += (size_t)snprintf(text + used, LINE, "%d,%.3f,7,,%s\n", a, rng_uniform(&rng),
                                 a > 50 ? "high" : "low");
    }
    return text;
}

/* ---- what it learns ---- */

static void test_text_labels_are_sorted_and_the_table_is_learned(void **state)
{
    (void)state;
    struct train_options options = options_for("plain.csv", plain_table(300));
    struct train_report report = train(&options);
    struct forest_card card = card_of(&options);
    assert_int_equal(report.rows, 300);
    assert_int_equal(report.refused, 0);
    assert_int_equal(report.classes, 2);
    assert_false(report.fleet);
    assert_string_equal(card.class_labels[0], "high");
    assert_string_equal(card.class_labels[1], "low");
    assert_false(card.labels_are_numbers);
    assert_string_equal(card.feature_names[0], "a");
    assert_string_equal(card.feature_names[3], "empty");
    assert_int_equal(report.checked.rows, 60);
    assert_true(report.checked.accuracy > 0.95);
    assert_true(report.oob.accuracy > 0.95);
    assert_true(report.rivals[RIVAL_MAJORITY].metrics.accuracy < 0.7);
    assert_false(report.rivals[RIVAL_SERVICE_INTERVAL].known);
    assert_string_equal(report.features[0].name, "a");
    assert_true(report.features[0].gini > 0.8);
    assert_int_equal(report.constant, 2); /* constant and empty: learned around */
    for (size_t f = 2; f < 4; f++) {
        assert_true(report.features[f].permutation == 0 || report.features[f].gini > 0);
    }
}

static void test_the_card_says_how_good_the_model_is(void **state)
{
    (void)state;
    struct train_options options = options_for("plain.csv", plain_table(300));
    struct train_report report = train(&options);
    struct forest_card card = card_of(&options);
    struct forest_calibration calibration;
    struct error err;
    static const char *const keys[] = {
        "autostream.trained_on",   "autostream.seed",       "autostream.rows",
        "autostream.holdout",      "autostream.oob",        "autostream.classes",
        "autostream.confusion",    "autostream.majority",   "autostream.label_rows",
        "autostream.calibrations", "autostream.costs",      "autostream.importance",
        "autostream.profile",      "autostream.reliability"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!property(&card, keys[i])) {
            fail_msg("the card has no %s", keys[i]);
        }
    }
    assert_string_equal(property(&card, "autostream.trained_on"), "2026-11-23");
    assert_string_equal(property(&card, "autostream.source"), "plain.csv");
    assert_string_equal(property(&card, "autostream.quiet"), "high");
    assert_non_null(strstr(property(&card, "autostream.holdout"), "{\"rows\":60,\"accuracy\":"));
    assert_non_null(strstr(property(&card, "autostream.holdout"),
                           "\"split\":\"stratified\",\"replicates\":200,\"intervals\":{"));
    assert_non_null(
        strstr(property(&card, "autostream.profile"), "\"empty\":{\"n\":0,\"missing\":300}"));
    assert_int_equal(forest_calibration_decode(property(&card, "autostream.calibration"), 2, "m",
                                               &arena, &calibration, &err),
                     0);
    assert_int_equal(calibration.kind, report.calibration.kind);
}

static void test_same_seed_same_bytes_for_any_number_of_threads(void **state)
{
    (void)state;
    struct train_options options = options_for("plain.csv", plain_table(300));
    struct train_report report;
    struct bytes first, again;
    struct error err;
    (void)train(&options);
    assert_int_equal(fs_read(options.model_path, 1 << 24, &arena, &first, &err), 0);
    struct session alone = session;
    alone.threads = 1;
    assert_int_equal(pipeline_train(&alone, &options, &arena, &report, &err), 0);
    assert_int_equal(fs_read(options.model_path, 1 << 24, &arena, &again, &err), 0);
    assert_int_equal(first.size, again.size);
    assert_memory_equal(first.data, again.data, first.size);
}

static void test_whole_labels_ascend_as_numbers(void **state)
{
    (void)state;
    struct train_options options =
        options_for("whole.csv", "x,y\n1,10\n2,9\n3,-1\n1,10\n2,9\n3,-1\n1,10\n2,9\n");
    (void)train(&options);
    struct forest_card card = card_of(&options);
    assert_true(card.labels_are_numbers);
    assert_string_equal(card.class_labels[0], "-1");
    assert_string_equal(card.class_labels[1], "9");
    assert_string_equal(card.class_labels[2], "10");
}

static void test_labels_with_leading_zeros_stay_text(void **state)
{
    (void)state;
    struct train_options options = options_for("codes.csv", "x,y\n1,01\n2,2\n3,01\n4,2\n");
    (void)train(&options);
    struct forest_card card = card_of(&options);
    assert_false(card.labels_are_numbers);
    assert_string_equal(card.class_labels[0], "01");
}

static void test_a_quoted_cell_may_hold_a_comma(void **state)
{
    (void)state;
    struct train_options options =
        options_for("quoted.csv", "x,\"the, class\"\n1,\"a, b\"\n2,c\n3,\"a, b\"\n4,c\n");
    options.label = "the, class";
    (void)train(&options);
    struct forest_card card = card_of(&options);
    assert_string_equal(card.class_labels[0], "a, b");
}

static void test_rows_without_a_label_are_left_out_and_counted(void **state)
{
    (void)state;
    struct train_options options =
        options_for("gaps.csv", "x,y\n1,a\n2,\n3,b\n4,a\n5,b\n6,\"\"\n7,a\n8,b\n9,a\n10,b\n");
    struct train_report report = train(&options);
    assert_int_equal(report.rows, 8);
    assert_int_equal(report.refused, 2);
}

static void test_dropped_columns_are_not_learned_from(void **state)
{
    (void)state;
    struct train_options options = options_for("plain.csv", plain_table(100));
    options.drop = "constant,empty";
    struct train_report report = train(&options);
    assert_int_equal(report.feature_count, 2);
    assert_int_equal(report.constant, 0);
}

/* ---- splits ---- */

/* Ten rows a vehicle that all look alike, and a label that only the vehicle tells. */
static const char *vehicles_table(void)
{
    char *text = arena_strdup(&arena, "vin,day,x,z,y\n");
    struct rng rng;
    rng_init(&rng, 5, 0);
    for (int vehicle = 0; vehicle < 40; vehicle++) {
        double x = rng_uniform(&rng);
        int y = (int)rng_below(&rng, 2);
        for (int day = 0; day < 10; day++) {
            text = arena_printf(&arena, "%sV%d,2026-01-%02d,%.4f,%.4f,%d\n", text, vehicle, day + 1,
                                x, rng_uniform(&rng), y);
        }
    }
    return text;
}

static void test_a_split_by_group_shows_what_a_split_by_row_hides(void **state)
{
    (void)state;
    struct train_options options = options_for("vehicles.csv", vehicles_table());
    options.drop = "vin,day,z";
    struct train_report by_row = train(&options);
    options.drop = "day,z";
    options.group = "vin";
    struct train_report by_group = train(&options);
    assert_int_equal(by_group.split, TRAIN_GROUPED);
    assert_int_equal(by_group.feature_count, 1); /* the group is none */
    assert_int_equal(by_group.checked.rows, 80);
    assert_true(by_row.checked.accuracy > 0.95);
    assert_true(by_group.checked.accuracy < 0.8);
    double width = by_group.checked.interval[FOREST_SCORE_accuracy].high -
                   by_group.checked.interval[FOREST_SCORE_accuracy].low;
    assert_true(width > 0.2); /* eight vehicles tell little */
}

static void test_a_split_by_date_tests_on_the_latest(void **state)
{
    (void)state;
    struct train_options options = options_for("vehicles.csv", vehicles_table());
    options.drop = "vin";
    options.date = "day";
    struct train_report report = train(&options);
    assert_int_equal(report.split, TRAIN_BY_DATE);
    assert_int_equal(report.checked.rows, 80); /* the last two of ten days */
    assert_int_equal(report.feature_count, 2);
}

static void test_every_row_is_judged_by_folds_and_out_of_bag(void **state)
{
    (void)state;
    struct train_options options = options_for("plain.csv", plain_table(103));
    for (int check = TRAIN_FOLDS; check <= TRAIN_OUT_OF_BAG; check++) {
        options.check = (enum train_check)check;
        struct train_report report = train(&options);
        assert_int_equal(report.checked.rows, 103);
        assert_true(report.checked.accuracy > 0.9);
        assert_true(isfinite(report.log_loss[FOREST_TEMPERATURE]));
        assert_true(isfinite(report.cost_at_threshold));
        assert_string_equal(report.features[0].name, "a");
        assert_true(report.features[0].permutation > 0.1);
    }
}

/* ---- costs ---- */

static void test_a_dear_failure_lowers_the_threshold(void **state)
{
    (void)state;
    struct train_options options = options_for("vehicles.csv", vehicles_table());
    options.drop = "vin,day,x"; /* nothing left to know: probabilities of about one half */
    options.costs = (struct forest_costs){.missed = 100, .alarm = 1};
    struct train_report dear = train(&options);
    options.costs = (struct forest_costs){.missed = 1, .alarm = 100};
    struct train_report cheap = train(&options);
    assert_true(dear.threshold < 0.3);
    assert_true(cheap.threshold > 0.7);
    assert_true(dear.cost_at_threshold < dear.cost_by_class);
    assert_true(cheap.cost_at_threshold < cheap.cost_by_class);
    assert_true(dear.cost_never > dear.cost_always);
}

static void test_of_many_classes_one_may_stand_for_nothing_to_do(void **state)
{
    (void)state;
    struct train_options options = options_for(
        "three.csv", "x,y\n1,worn\n2,fine\n3,hot\n1,worn\n2,fine\n3,hot\n1,worn\n2,fine\n3,hot\n");
    struct train_report report = train(&options);
    assert_int_equal(report.quiet, -1);
    assert_true(isnan(report.threshold));
    struct forest_card card = card_of(&options);
    assert_null(property(&card, "autostream.costs"));
    options.quiet = "fine";
    report = train(&options);
    assert_int_equal(report.quiet, 0);
    assert_true(isfinite(report.threshold));
    options.quiet = "good";
    assert_refused(&options, "--ok good: column \"y\" does not have this value; it has: fine, hot");
}

/* ---- calibrated scores ---- */

static const char *score(const struct train_options *options, const char *name, bool calibrated)
{
    uint64_t rows;
    struct error err;
    struct bytes text;
    const struct score_options scoring = {.model_path = options->model_path,
                                          .table_path = options->table,
                                          .out_path = arena_printf(&arena, "%s/%s", folder, name),
                                          .calibrated = calibrated};
    if (pipeline_score(&session, &scoring, &rows, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    assert_int_equal(fs_read(scoring.out_path, 1 << 24, &arena, &text, &err), 0);
    return text.data;
}

static void test_scores_are_raw_votes_unless_calibrated_ones_are_asked_for(void **state)
{
    (void)state;
    struct train_options options = options_for("vehicles.csv", vehicles_table());
    options.drop = "vin,day";
    struct train_report report = train(&options);
    assert_int_not_equal(report.calibration.kind, FOREST_UNCALIBRATED);
    const char *raw = score(&options, "raw.csv", false);
    const char *calibrated = score(&options, "calibrated.csv", true);
    assert_string_not_equal(raw, calibrated);
    double prob[2] = {0};
    const char *row = strchr(raw, '\n') + 1;
    assert_int_equal(sscanf(row, "%*d,%lf,%lf", &prob[0], &prob[1]), 2);
    forest_calibration_apply(&report.calibration, prob, 1);
    double found = 0;
    row = strchr(calibrated, '\n') + 1;
    assert_int_equal(sscanf(row, "%*d,%lf", &found), 1);
    assert_true(fabs(found - prob[0]) < 1e-9);
}

static void test_a_model_without_calibration_is_refused_when_one_is_asked_for(void **state)
{
    (void)state;
    struct train_options options = options_for("plain.csv", plain_table(50));
    struct forest *forest;
    struct forest_card card;
    struct error err;
    struct bytes file;
    uint64_t rows;
    char sha256[HASH_TEXT_SIZE];
    (void)train(&options);
    assert_int_equal(model_read(options.model_path, &arena, &forest, &card, sha256, &err), 0);
    card.property_count = 0;
    assert_int_equal(forest_encode(forest, &card, &arena, &file, &err), 0);
    forest_free(forest);
    assert_int_equal(fs_write(options.model_path, file.data, file.size, &err), 0);
    const struct score_options scoring = {.model_path = options.model_path,
                                          .table_path = options.table,
                                          .out_path = arena_printf(&arena, "%s/no.csv", folder),
                                          .calibrated = true};
    assert_int_equal(pipeline_score(&session, &scoring, &rows, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "m.onnx: the model has no calibration"));
}

/* ---- bad input ---- */

static void test_columns_that_are_not_there_are_named_with_those_that_are(void **state)
{
    (void)state;
    struct train_options options = options_for("t.csv", "a,b,y\n1,2,u\n2,3,v\n");
    options.label = "Y";
    assert_refused(&options, "--label Y: ");
    assert_refused(&options, "has no column of that name; its columns: a, b, y");
    options.label = "y";
    options.group = "vin";
    assert_refused(&options, "--group vin: ");
    options.group = NULL;
    options.date = "day";
    assert_refused(&options, "--date day: ");
    options.date = NULL;
    options.drop = "a,c";
    assert_refused(&options, "--drop c: ");
    options.drop = "y";
    assert_refused(&options, "--drop y: this is the column of the classes");
    options.drop = NULL;
    options.group = "y";
    assert_refused(&options, "--group y: this is the column of the classes");
    options.group = NULL;
    options.drop = "a,b";
    assert_refused(&options, "no column is left to learn from");
}

static void test_columns_that_are_no_numbers_are_named_with_the_mend(void **state)
{
    (void)state;
    struct train_options options =
        options_for("text.csv", "a,model,colour,y\n1,Daily,red,u\n2,Master,blue,v\n");
    assert_refused(&options, "column \"model\" holds text (\"Daily\")");
    assert_refused(&options, "leave it out with --drop model,colour");
    options.drop = "model,colour";
    (void)train(&options);
    options = options_for("some.csv", "a,y\n1,u\n2,v\nabout 3,u\n4,v\n");
    assert_refused(&options, "column \"a\": \"about 3\" is no number (3 of 4 values are)");
    options = options_for("date.csv", "a,day,y\n1,2026-01-02,u\n2,2026-01-03,v\n");
    assert_refused(&options, "column \"day\" holds dates (\"2026-01-02\"); test on the latest with "
                             "--date day, or leave it out with --drop day");
    options = options_for("truth.csv", "a,fault,y\n1,true,u\n2,false,v\n");
    assert_refused(&options, "column \"fault\" holds \"false\"; write 1 and 0");
}

static void test_one_class_and_one_row_are_refused(void **state)
{
    (void)state;
    struct train_options options = options_for("one.csv", "a,y\n1,u\n2,u\n3,u\n");
    assert_refused(&options, "column \"y\" has one value only, \"u\" (3 row(s))");
    options = options_for("row.csv", "a,y\n1,u\n");
    assert_refused(&options, "one value only");
    options = options_for("header.csv", "a,y\n");
    assert_refused(&options, "no row has a label in column \"y\"");
    options = options_for("blank.csv", "a,y\n1,\n2,\n");
    assert_refused(&options, "no row has a label in column \"y\"");
}

static void test_two_rows_and_a_label_with_one_member_are_enough(void **state)
{
    (void)state;
    struct train_options options = options_for("two.csv", "a,y\n1,u\n2,v\n");
    for (int check = TRAIN_HOLDOUT; check <= TRAIN_OUT_OF_BAG; check++) {
        options.check = (enum train_check)check;
        assert_int_equal(train(&options).rows, 2);
    }
    char *text = arena_strdup(&arena, plain_table(50));
    text = arena_printf(&arena, "%s3,3,7,,lonely\n", text);
    for (int check = TRAIN_HOLDOUT; check <= TRAIN_OUT_OF_BAG; check++) {
        options = options_for("lonely.csv", text);
        options.check = (enum train_check)check;
        struct train_report report = train(&options);
        assert_int_equal(report.classes, 3);
        assert_string_equal(report.class_labels[1], "lonely");
    }
}

static void test_infinities_are_values_and_more_than_a_float_holds_is_one(void **state)
{
    (void)state;
    char *text = arena_strdup(&arena, "a,y\n");
    for (int i = 0; i < 20; i++) {
        text = arena_printf(&arena, "%s%s,%s\n", text,
                            i % 4 == 0   ? "inf"
                            : i % 4 == 1 ? "-inf"
                            : i % 4 == 2 ? "1e300"
                                         : "1",
                            i % 2 == 0 ? "u" : "v");
    }
    struct train_options options = options_for("inf.csv", text);
    assert_true(train(&options).checked.accuracy == 1);
}

static void test_ten_thousand_classes_are_learned_and_one_more_is_refused(void **state)
{
    (void)state;
    enum { MANY = 10000, LINE = 24 };
    char *text = ARENA_NEW(&arena, char, (MANY + 2) * LINE);
    size_t used = (size_t)snprintf(text, LINE, "a,y\n");
    for (int i = 0; i < MANY; i++) {
        used += (size_t)snprintf(text + used, LINE, "%d,%d\n", i % 100, i);
    }
    struct train_options options = options_for("many.csv", text);
    options.trees = 1;
    struct train_report report = train(&options);
    assert_int_equal(report.classes, MANY);
    assert_false(report.has_oob); /* 10,000 x 10,000 probabilities are not kept */
    assert_null(report.checked.confusion);
    (void)snprintf(text + used, LINE, "1,more\n");
    options = options_for("more.csv", text);
    assert_refused(&options, "column \"y\" has more than 10000 different values");
}

static void test_columns_of_one_name_are_refused(void **state)
{
    (void)state;
    struct train_options options = options_for("twice.csv", "a,y,a\n1,u,2\n2,v,3\n");
    assert_refused(&options, "columns 1 and 3 are both called \"a\"; rename one");
    options = options_for("label.csv", "a,y,Y\n1,u,2\n2,v,3\n");
    assert_refused(&options, "columns 2 and 3 are both called \"Y\"");
    options = options_for("alike.csv", "a,a_1,y\n1,3,u\n2,4,v\n1,3,u\n2,4,v\n");
    assert_int_equal(train(&options).feature_count, 2); /* alike, but not the same */
}

static void test_groups_and_dates_that_cannot_split_are_refused(void **state)
{
    (void)state;
    struct train_options options =
        options_for("groups.csv", "a,g,d,y\n1,k,2026-01-01,u\n2,k,2026-01-01,v\n3,,,v\n");
    options.drop = "d";
    options.group = "g";
    assert_refused(&options, "column \"g\": one group only");
    options.group = NULL;
    options.drop = "g";
    options.date = "d";
    assert_refused(&options, "column \"d\": all rows have the same date");
    options = options_for("when.csv", "a,d,y\n1,2026-01-01,u\n2,yesterday,v\n");
    options.date = "d";
    assert_refused(&options, "row 2: \"yesterday\" in column \"d\" is neither a date");
}

static void test_files_that_are_no_tables_are_refused(void **state)
{
    (void)state;
    struct train_options options = options_for("t.csv", "a,y\n1,u\n2,v\n");
    options.table = arena_printf(&arena, "%s/none.csv", folder);
    assert_refused(&options, "none.csv");
    options.table = folder;
    assert_refused(&options, folder);
    options = options_for("t.txt", "a,y\n1,u\n2,v\n");
    assert_refused(&options, "t.txt");
    options = options_for("empty.csv", "");
    assert_refused(&options, "empty.csv");
}

/* ---- real tables ---- */

static void test_real_tables_are_learned_as_well_as_scikit_learn_does(void **state)
{
    (void)state;
    static const struct {
        const char *name, *quiet;
        double macro_f1; /* scikit-learn's on the official test part, less a margin: ours is judged
                            on a fifth of the training part */
    } tables[] = {{"ai4i", "none", 0.40}, {"ai4i_bin", NULL, 0.78}, {"satimage", NULL, 0.86}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const char *path =
            shared_path(&arena, arena_printf(&arena, "data/suite/%s.train.csv.gz", tables[i].name));
        if (!path) {
            skip();
            return;
        }
        const struct train_options options = {.table = path,
                                              .label = "label",
                                              .quiet = tables[i].quiet,
                                              .model_path =
                                                  arena_printf(&arena, "%s/m.onnx", folder),
                                              .trees = 50,
                                              .seed = 42};
        struct train_report report = train(&options);
        assert_true(report.checked.macro_f1 > tables[i].macro_f1);
        assert_true(report.checked.macro_f1 > report.rivals[RIVAL_MAJORITY].metrics.macro_f1);
        assert_true(report.log_loss[report.calibration.kind] <= report.log_loss[0]);
        if (report.quiet >= 0) {
            assert_true(report.cost_at_threshold < report.cost_never);
            assert_true(report.cost_at_threshold < report.cost_always);
        }
    }
}

static int make_folder(void **state)
{
    (void)state;
    folder = temp_folder(&arena);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_labels_are_sorted_and_the_table_is_learned),
        cmocka_unit_test(test_the_card_says_how_good_the_model_is),
        cmocka_unit_test(test_same_seed_same_bytes_for_any_number_of_threads),
        cmocka_unit_test(test_whole_labels_ascend_as_numbers),
        cmocka_unit_test(test_labels_with_leading_zeros_stay_text),
        cmocka_unit_test(test_a_quoted_cell_may_hold_a_comma),
        cmocka_unit_test(test_rows_without_a_label_are_left_out_and_counted),
        cmocka_unit_test(test_dropped_columns_are_not_learned_from),
        cmocka_unit_test(test_a_split_by_group_shows_what_a_split_by_row_hides),
        cmocka_unit_test(test_a_split_by_date_tests_on_the_latest),
        cmocka_unit_test(test_every_row_is_judged_by_folds_and_out_of_bag),
        cmocka_unit_test(test_a_dear_failure_lowers_the_threshold),
        cmocka_unit_test(test_of_many_classes_one_may_stand_for_nothing_to_do),
        cmocka_unit_test(test_scores_are_raw_votes_unless_calibrated_ones_are_asked_for),
        cmocka_unit_test(test_a_model_without_calibration_is_refused_when_one_is_asked_for),
        cmocka_unit_test(test_columns_that_are_not_there_are_named_with_those_that_are),
        cmocka_unit_test(test_columns_that_are_no_numbers_are_named_with_the_mend),
        cmocka_unit_test(test_one_class_and_one_row_are_refused),
        cmocka_unit_test(test_two_rows_and_a_label_with_one_member_are_enough),
        cmocka_unit_test(test_infinities_are_values_and_more_than_a_float_holds_is_one),
        cmocka_unit_test(test_ten_thousand_classes_are_learned_and_one_more_is_refused),
        cmocka_unit_test(test_columns_of_one_name_are_refused),
        cmocka_unit_test(test_groups_and_dates_that_cannot_split_are_refused),
        cmocka_unit_test(test_files_that_are_no_tables_are_refused),
        cmocka_unit_test(test_real_tables_are_learned_as_well_as_scikit_learn_does),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
