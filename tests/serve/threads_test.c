/* A store without an engine, filled from arrays: many threads ask it at once and get what one
 * thread gets; arrays that cannot be gold are refused. Also for ThreadSanitizer, which sees false
 * races inside the engine. */
#include "tests.h"

#include "base/parallel.h"
#include "base/rng.h"
#include "serve/store_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 5000, QUESTIONS = 96, THREADS = 4 };

static struct bytes text(const char *from)
{
    return (struct bytes){from, from ? strlen(from) : 0};
}

static double value_of(struct rng *rng, size_t column)
{
    switch (column) {
    case REPORTING_TYPE_PANNE_PREDIT:
        return (double)rng_below(rng, FAILURE_COUNT);
    case REPORTING_PROB_PANNE:
        return (double)rng_below(rng, 1000001) / 1e6;
    default:
        return rng_below(rng, 10) == 0 ? NAN : (double)rng_below(rng, 100000);
    }
}

static struct store *fill(void)
{
    struct store *store = store_new(20000);
    struct rng rng;
    struct error err;
    double *values = calloc(ROWS, sizeof *values);
    rng_init(&rng, 1, 0);
    for (size_t r = 0; r < ROWS; r++) {
        char vin[32];
        (void)snprintf(vin, sizeof vin, "Vin%06zu", 7 * r);
        assert_int_equal(store_add_vin(store, text(vin), &err), 0);
    }
    for (size_t c = 1; c < REPORTING_RAISONS; c++) {
        bool words = fleet_table(TABLE_REPORTING)->columns[c].type == COLUMN_TEXT;
        struct text_column *texts = text_column_new();
        for (size_t r = 0; r < ROWS; r++) {
            if (words) {
                size_t draw = rng_below(&rng, STATUT_COUNT);
                text_column_add(texts, text(c == REPORTING_STATUT          ? statut_kinds[draw].name
                                            : c == REPORTING_NIVEAU_ALERTE ? niveau_names[draw]
                                                                           : modele_names[draw]));
            }
            values[r] = value_of(&rng, c);
        }
        if (words) {
            assert_int_equal(store_set_texts(store, c, texts, &err), 0);
        } else {
            text_column_free(texts);
            assert_int_equal(store_set_numbers(store, c, values, &err), 0);
        }
    }
    for (size_t r = 0; r < ROWS; r++) {
        store_set_reasons(store, r, text(r % 2 == 0 ? "not such a cell" : NULL));
    }
    assert_int_equal(store_finish(store, &err), 0);
    free(values);
    return store;
}

static void ask(const struct store *store, size_t number, struct body *out)
{
    struct vehicles_query query = {
        .page = 1 + number % 7, .size = 50, .sort = {number % 31, number % 2 == 1}};
    query.selection.q = number % 3 == 0 ? "vin00" : NULL;
    query.selection.statuts = number % 5 == 0 ? 5 : 0;
    query.selection.prob_min = number % 4 == 0 ? 0.25 : 0;
    struct export_query exported = {.selection = query.selection, .sort = query.sort};
    struct export *export;
    struct vehicle_place place;
    switch (number % 5) {
    case 0:
        store_summary(store, &query.selection, &(struct summary_facts){.messages = -1}, out);
        break;
    case 1:
        store_analytics(store, &query.selection, out);
        break;
    case 2:
        export = export_open(store, &exported);
        while (export_next(export, out->size + 1000, out)) {
        }
        export_close(export);
        break;
    case 3:
        place = store_place(store, &query.selection, query.sort, number * 50);
        body_open(out, '{');
        store_place_members(store, &place, out);
        body_close(out, '}');
        break;
    default:
        store_page(store, &query, out);
    }
}

struct asking {
    const struct store *store;
    struct body expected[QUESTIONS];
    size_t wrong[THREADS];
};

static void ask_again(void *context, size_t index, unsigned worker)
{
    struct asking *asking = context;
    const struct body *expected = &asking->expected[index % QUESTIONS];
    struct body body = {0};
    ask(asking->store, index % QUESTIONS, &body);
    asking->wrong[worker] +=
        body.size != expected->size || memcmp(body.data, expected->data, body.size) != 0;
    body_release(&body);
}

static void test_many_threads_get_what_one_gets(void **state)
{
    (void)state;
    struct store *store = fill();
    struct asking *asking = calloc(1, sizeof *asking);
    asking->store = store;
    for (size_t i = 0; i < QUESTIONS; i++) {
        ask(store, i, &asking->expected[i]);
        assert_true(asking->expected[i].size > 0);
    }
    parallel_for(THREADS, 4 * QUESTIONS, ask_again, asking);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(asking->wrong[i], 0);
    }
    for (size_t i = 0; i < QUESTIONS; i++) {
        body_release(&asking->expected[i]);
    }
    free(asking);
    store_free(store);
}

static void test_packed_columns_give_every_value_back(void **state)
{
    (void)state;
    enum { VALUES = 80000 };
    double *values = calloc(VALUES, sizeof *values);
    for (int kind = 0; kind < 6; kind++) {
        struct packed packed;
        struct rng rng;
        rng_init(&rng, 2, (uint64_t)kind);
        for (size_t i = 0; i < VALUES; i++) {
            double draw = (double)(int64_t)rng_next(&rng);
            values[i] = kind == 0   ? NAN
                        : kind == 1 ? (double)(i % 255) - 100.5
                        : kind == 2 ? (double)(i % 65000) / 3
                        : kind == 3 ? ((double)i - 40000) / 1e6
                        : kind == 4 ? draw
                                    : draw * pow(2, (double)(i % 2000) - 1063);
            if (i % 9 == 8) {
                values[i] = NAN;
            }
        }
        packed_make(&packed, values, VALUES);
        static const enum packing kinds[] = {PACKED_NOTHING, PACKED_8,    PACKED_16,
                                             PACKED_32,      PACKED_REAL, PACKED_REAL};
        assert_int_equal(packed.kind, kinds[kind]);
        for (size_t i = 0; i < VALUES; i++) {
            double value = packed_value(&packed, i);
            assert_true(isnan(values[i]) ? isnan(value) : value == values[i]);
            assert_true((packed_key(&packed, i) == PACKED_NULL) == (isnan(values[i]) != 0));
            if (i > 0 && !isnan(values[i]) && !isnan(values[i - 1])) {
                assert_true((values[i - 1] < values[i]) ==
                            (packed_key(&packed, i - 1) < packed_key(&packed, i)));
            }
        }
        packed_release(&packed);
    }
    free(values);
}

static void test_vins_out_of_order_are_refused(void **state)
{
    (void)state;
    struct store *store = store_new(1);
    struct error err;
    assert_int_equal(store_add_vin(store, text("B"), &err), 0);
    assert_int_equal(store_add_vin(store, text("A"), &err), -1);
    assert_int_equal(store_add_vin(store, text("B"), &err), -1);
    assert_int_equal(store_add_vin(store, text(""), &err), -1);
    assert_int_equal(store_add_vin(store, text(NULL), &err), -1);
    assert_int_equal(store_add_vin(store, (struct bytes){"C\0D", 3}, &err), -1);
    assert_int_equal(store_add_vin(store, text("BA"), &err), 0);
    store_free(store);
    store_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_threads_get_what_one_gets),
        cmocka_unit_test(test_packed_columns_give_every_value_back),
        cmocka_unit_test(test_vins_out_of_order_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
