/* The model file, written and read back, and the reference's models. */
#include "forest/tables.h"

#include "forest/impl.h"
#include "shared.h"

#include <stdlib.h>

static void assert_same_predictions(const struct forest_data *data, struct arena *arena)
{
    struct forest *forest = train_or_fail(data, 25, 2), *back;
    struct bytes bytes = encode_or_fail(forest, arena);
    struct forest_card card;
    struct error err;
    assert_int_equal(forest_decode(bytes.data, bytes.size, "test", arena, &back, &card, &err), 0);
    assert_int_equal(forest_nodes(back), forest_nodes(forest));
    assert_int_equal(forest_trees(back), 25);
    assert_int_equal(forest_features(back), data->features);
    assert_int_equal(forest_classes(back), data->classes);
    double *before = predict_table(forest, data, 1, arena);
    double *after = predict_table(back, data, 3, arena);
    assert_memory_equal(before, after, data->rows * (size_t)data->classes * sizeof *before);
    struct bytes again = encode_or_fail(back, arena);
    assert_int_equal(again.size, bytes.size);
    assert_memory_equal(again.data, bytes.data, bytes.size);
    forest_free(forest);
    forest_free(back);
}

static void test_a_model_read_back_predicts_the_same_bits(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (int classes = 2; classes <= 6; classes += 2) {
        struct forest_data data = make_table(&arena, 500, 9, classes);
        assert_same_predictions(&data, &arena);
        float *x = ARENA_NEW(&arena, float, data.rows *data.features); /* mixed leaves */
        for (size_t i = 0; i < data.rows * data.features; i++) {
            x[i] = roundf(data.x[i]);
        }
        data.x = x;
        assert_same_predictions(&data, &arena);
    }
    arena_release(&arena);
}

static void test_a_card_comes_back_as_it_was(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 50, 2, 3);
    struct forest *forest = train_or_fail(&data, 3, 1), *back;
    const char *features[] = {"température \"moteur\"", ""};
    const char *names[] = {"OK", "Batterie\n", "\xf0\x9f\x9a\x97"};
    const char *labels[] = {"sain", "1", "été"};
    struct forest_property properties[] = {{"seed", "42"}, {"autostream.profile", "{\"a\": 1}"}};
    struct forest_card card = {.feature_names = features,
                               .class_names = names,
                               .class_labels = labels,
                               .properties = properties,
                               .property_count = 2};
    struct forest_card read;
    struct bytes bytes;
    struct error err;
    assert_int_equal(forest_encode(forest, &card, &arena, &bytes, &err), 0);
    assert_int_equal(forest_decode(bytes.data, bytes.size, "test", &arena, &back, &read, &err), 0);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(read.class_names[i], names[i]);
        assert_string_equal(read.class_labels[i], labels[i]);
    }
    assert_string_equal(read.feature_names[0], features[0]);
    assert_string_equal(read.feature_names[1], features[1]);
    assert_string_equal(read.producer, "autostream");
    assert_true(read.producer_version[0] != '\0');
    assert_false(read.labels_are_numbers);
    assert_int_equal(read.property_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(read.properties[i].key, properties[i].key);
        assert_string_equal(read.properties[i].value, properties[i].value);
    }
    forest_free(forest);
    forest_free(back);
    arena_release(&arena);
}

static void test_number_labels_come_back_as_numbers(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 50, 2, 3);
    struct forest *forest = train_or_fail(&data, 3, 1), *back;
    const char *labels[] = {"-9223372036854775808", "0", "17"};
    struct forest_card card = {.class_labels = labels, .labels_are_numbers = true}, read;
    struct bytes bytes;
    struct error err;
    assert_int_equal(forest_encode(forest, &card, &arena, &bytes, &err), 0);
    assert_int_equal(forest_decode(bytes.data, bytes.size, "test", &arena, &back, &read, &err), 0);
    assert_true(read.labels_are_numbers);
    assert_null(read.feature_names);
    assert_null(read.class_names);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(read.class_labels[i], labels[i]);
    }
    forest_free(forest);
    forest_free(back);
    arena_release(&arena);
}

static void test_cards_that_cannot_be_written_are_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 50, 2, 3);
    struct forest *forest = train_or_fail(&data, 3, 1);
    const char *latin[] = {"a", "\xe9t\xe9", "c"}, *words[] = {"0", "un", "2"};
    const char *large[] = {"0", "1", "99999999999999999999"};
    struct forest_property reserved = {"autostream.feature.0", "x"};
    struct forest_property broken = {"note", "\xed\xa0\x80"};
    const struct {
        struct forest_card card;
        const char *says;
    } cases[] = {
        {{.feature_names = latin}, "UTF-8"},
        {{.class_names = latin}, "UTF-8"},
        {{.class_labels = latin}, "UTF-8"},
        {{.class_labels = words, .labels_are_numbers = true}, "'un' is not a whole number"},
        {{.class_labels = large, .labels_are_numbers = true}, "not a whole number"},
        {{.properties = &reserved, .property_count = 1}, "reserved"},
        {{.properties = &broken, .property_count = 1}, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes;
        struct error err = {0};
        assert_int_equal(forest_encode(forest, &cases[i].card, &arena, &bytes, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], cases[i].says));
    }
    forest_free(forest);
    arena_release(&arena);
}

/* Every second node sends missing values left; as many rows in a node as in its children. */
static void add_missing_and_cover(struct forest *forest)
{
    free(forest->missing_left); /* training may have filled them */
    free(forest->cover);
    forest->missing_left = xcalloc(forest->node_count, sizeof *forest->missing_left);
    forest->cover = xcalloc(forest->node_count, sizeof *forest->cover);
    for (size_t i = forest->node_count; i-- > 0;) { /* children come behind their parents */
        const struct forest_node *node = &forest->nodes[i];
        bool leaf = node->feature == FOREST_LEAF;
        forest->missing_left[i] = !leaf && i % 2 == 0;
        forest->cover[i] =
            leaf ? (float)(i + 1) : forest->cover[node->left] + forest->cover[node->right];
    }
}

static void test_missing_directions_and_counts_come_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 300, 4, 3);
    struct forest *forest = train_or_fail(&data, 5, 1), *back = NULL;
    struct forest_card card;
    struct error err;
    add_missing_and_cover(forest);
    struct bytes bytes = encode_or_fail(forest, &arena);
    assert_int_equal(forest_decode(bytes.data, bytes.size, "m", &arena, &back, &card, &err), 0);
    assert_non_null(back->missing_left);
    assert_non_null(back->cover);
    assert_memory_equal(back->missing_left, forest->missing_left, forest->node_count);
    assert_memory_equal(back->cover, forest->cover, forest->node_count * sizeof *forest->cover);
    struct bytes again = encode_or_fail(back, &arena);
    assert_int_equal(again.size, bytes.size);
    assert_memory_equal(again.data, bytes.data, bytes.size);
    assert_memory_equal(predict_table(forest, &data, 1, &arena),
                        predict_table(back, &data, 1, &arena),
                        data.rows * (size_t)data.classes * sizeof(double));
    forest_free(forest);
    forest_free(back);
    arena_release(&arena);
}

static void test_counts_that_do_not_add_up_are_not_taken(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct forest_data data = make_table(&arena, 300, 4, 3);
    struct forest_card card;
    struct error err;
    const float bad[] = {1, NAN, -1, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct forest *forest = train_or_fail(&data, 5, 1), *back = NULL;
        add_missing_and_cover(forest);
        forest->cover[1] = bad[i]; /* the root's left child */
        struct bytes bytes = encode_or_fail(forest, &arena);
        assert_int_equal(forest_decode(bytes.data, bytes.size, "m", &arena, &back, &card, &err), 0);
        assert_null(back->cover);
        forest_free(forest);
        forest_free(back);
    }
    arena_release(&arena);
}

/* ---- the reference's models ---- */

enum { GOLDEN_FEATURES = 9, GOLDEN_CLASSES = 6 };

/* Reads vin, nine numbers and the class from a line of data_historique_pannes.csv. */
static void read_history_line(char *line, float *x, int *y)
{
    (void)strsep(&line, ",");
    for (int f = 0; f < GOLDEN_FEATURES; f++) {
        x[f] = strtof(strsep(&line, ","), NULL);
    }
    *y = (int)strtol(line, NULL, 10);
}

static void check_golden_model(const char *which)
{
    struct arena arena = {0};
    struct forest_card card;
    struct forest *forest;
    struct bytes model, history;
    struct error err;
    const char *model_path =
        shared_path(&arena, arena_printf(&arena, "golden/%s/model_pannes.onnx", which));
    const char *history_path = shared_path(
        &arena,
        arena_printf(&arena, "golden/%s/bronze/run_date=2026-11-23/csv/data_historique_pannes.csv",
                     which));
    if (!model_path || !history_path) {
        arena_release(&arena);
        skip();
    }
    assert_int_equal(fs_read(model_path, 1 << 24, &arena, &model, &err), 0);
    assert_int_equal(fs_read(history_path, 1 << 24, &arena, &history, &err), 0);
    assert_int_equal(forest_decode(model.data, model.size, which, &arena, &forest, &card, &err), 0);
    assert_int_equal(forest_trees(forest), 100);
    assert_int_equal(forest_features(forest), GOLDEN_FEATURES);
    assert_int_equal(forest_classes(forest), GOLDEN_CLASSES);
    assert_true(card.labels_are_numbers);
    assert_string_equal(card.class_labels[5], "5");
    assert_null(card.feature_names);
    char *text = arena_copy(&arena, history.data, history.size), *line = strsep(&text, "\n");
    size_t rows = 0, right = 0;
    while ((line = strsep(&text, "\n")) && *line) {
        float x[GOLDEN_FEATURES];
        double prob[GOLDEN_CLASSES], sum = 0;
        int y, best = 0;
        read_history_line(line, x, &y);
        forest_predict(forest, x, 1, 1, prob);
        for (int c = 0; c < GOLDEN_CLASSES; c++) {
            best = prob[c] > prob[best] ? c : best;
            sum += prob[c];
        }
        assert_true(fabs(sum - 1) < 1e-6);
        rows++;
        right += best == y;
    }
    assert_int_equal(rows, 240);
    assert_true(right >= 230); /* four fifths of these rows were its training data */
    forest_free(forest);
    arena_release(&arena);
}

static void test_the_plain_reference_model_knows_its_history(void **state)
{
    (void)state;
    check_golden_model("plain");
}

static void test_the_hard_reference_model_knows_its_history(void **state)
{
    (void)state;
    check_golden_model("hard");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_read_back_predicts_the_same_bits),
        cmocka_unit_test(test_a_card_comes_back_as_it_was),
        cmocka_unit_test(test_number_labels_come_back_as_numbers),
        cmocka_unit_test(test_cards_that_cannot_be_written_are_refused),
        cmocka_unit_test(test_missing_directions_and_counts_come_back),
        cmocka_unit_test(test_counts_that_do_not_add_up_are_not_taken),
        cmocka_unit_test(test_the_plain_reference_model_knows_its_history),
        cmocka_unit_test(test_the_hard_reference_model_knows_its_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
