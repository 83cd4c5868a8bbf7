/* The fleet in memory beside the engine's own SQL over the same Parquet: every filter, order, page
 * border, figure and export must come out the same. */
#include "tests.h"

#include "serve/gold.h"
#include "serve/store.h"
#include "support/run.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_DATE = 20780, VEHICLES = 90000, COLUMNS = 31 };

struct fixture {
    struct arena arena;
    char *folder;
    struct store *store;
    struct lake *lake; /* reporting_final, for the oracle */
};

static struct store *load(const char *folder, int32_t run_date)
{
    struct error err;
    struct store *store;
    if (store_load(&store, folder, run_date, &(struct store_options){.threads = 2}, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return store;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    const struct table *table = fleet_table(TABLE_REPORTING);
    f->folder = temp_folder(&f->arena);
    *state = f;
    if (gold_write(f->folder, RUN_DATE, VEHICLES, NULL, &err) != 0 ||
        lake_open(&f->lake, &(struct lake_options){0}, &err) != 0 ||
        lake_open_parquet(f->lake, table->name, table, f->folder,
                          layout_path(&f->arena, fleet_tables[TABLE_REPORTING].path, RUN_DATE, 0),
                          &err) != 0) {
        print_error("%s\n", err.text[LANG_EN]);
        return -1;
    }
    f->store = load(f->folder, RUN_DATE);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_free(f->store);
    lake_close(f->lake);
    temp_folder_remove(f->folder);
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* ---- questions to both ---- */

static struct lake_rows sql(struct fixture *f, const char *query)
{
    struct lake_rows rows;
    struct error err;
    if (lake_query(f->lake, query, &f->arena, &rows, &err) != 0) {
        fail_msg("%s\n%s", err.text[LANG_EN], query);
    }
    return rows;
}

static struct selection selection_of(struct fixture *f, const char *parameters)
{
    struct selection selection = {0};
    struct error err;
    char *rest = arena_strdup(&f->arena, parameters);
    for (char *one; (one = strsep(&rest, "&")) != NULL;) {
        char *value = strchr(one, '=');
        if (value) {
            *value++ = '\0';
            if (selection_set(&selection, one, value, &f->arena, &err) != 1) {
                fail_msg("%s: %s", one, err.text[LANG_EN]);
            }
        }
    }
    return selection;
}

static json_t *read_body(struct body *body)
{
    json_error_t error;
    json_t *json = json_loadb(body->data, body->size, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        fail_msg("%s: %.*s", error.text, (int)body->size, body->data);
    }
    body_release(body);
    return json;
}

static json_t *page(struct fixture *f, const struct store *store, const char *parameters,
                    const char *sort, size_t number, size_t size)
{
    struct body body = {0};
    struct error err;
    struct vehicles_query query = {
        .selection = selection_of(f, parameters), .page = number, .size = size};
    assert_int_equal(sort_parse(sort, &query.sort, &err), 0);
    store_page(store, &query, &body);
    return read_body(&body);
}

static long long whole(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* ORDER BY of a sort key: NULLs last, ties by vin, words by urgency. */
static const char *order_by(struct fixture *f, const char *sort)
{
    bool descending = sort[0] == '-';
    const char *name = sort + descending;
    const char *way = descending ? "DESC" : "ASC";
    const char *severity = "list_position(['OK', 'SURVEILLANCE', 'ALERTE', 'CRITIQUE'], statut)";
    if (strcmp(name, "urgence") == 0) {
        const char *other = descending ? "ASC" : "DESC";
        return arena_printf(&f->arena, "%s %s, prob_panne %s, vin", severity, other, other);
    }
    if (strcmp(name, "statut") == 0) {
        name = severity;
    } else if (strcmp(name, "niveau_alerte") == 0) {
        name = "list_position(['NORMAL', 'SURVEILLANCE', 'ATTENTION', 'URGENT'], niveau_alerte)";
    }
    return arena_printf(&f->arena, "%s %s NULLS LAST, vin", name, way);
}

/* A page has the vins, in order, and the total that SQL finds. */
static void assert_page(struct fixture *f, const char *parameters, const char *where,
                        const char *sort, size_t number, size_t size)
{
    json_t *answer = page(f, f->store, parameters, sort, number, size);
    json_t *rows = json_object_get(answer, "rows");
    struct lake_rows total =
        sql(f, arena_printf(&f->arena, "SELECT count(*) FROM reporting_final WHERE %s", where));
    struct lake_rows expected =
        sql(f, arena_printf(&f->arena,
                            "SELECT vin FROM reporting_final WHERE %s ORDER BY %s LIMIT %zu "
                            "OFFSET %zu",
                            where, order_by(f, sort), size, (number - 1) * size));
    long long all = strtoll(total.cells[0], NULL, 10);
    assert_int_equal(whole(answer, "total"), all);
    assert_int_equal(whole(answer, "fleet_total"), VEHICLES);
    assert_int_equal(whole(answer, "pages"), (all + (long long)size - 1) / (long long)size);
    assert_string_equal(json_string_value(json_object_get(answer, "sort")), sort);
    if (json_array_size(rows) != expected.rows) {
        fail_msg("%s %s page %zu: %zu rows, not %zu", parameters, sort, number,
                 json_array_size(rows), expected.rows);
    }
    for (size_t r = 0; r < expected.rows; r++) {
        const json_t *row = json_array_get(rows, r);
        const char *vin = json_string_value(json_object_get(row, "vin"));
        if (strcmp(vin, expected.cells[r]) != 0) {
            fail_msg("%s %s page %zu row %zu: %s, not %s", parameters, sort, number, r, vin,
                     expected.cells[r]);
        }
        assert_int_equal(whole(row, "rank"), (long long)((number - 1) * size + r + 1));
    }
    json_decref(answer);
}

/* ---- orders and pages ---- */

static void test_every_order_is_that_of_sql(void **state)
{
    struct fixture *f = *state;
    static const size_t pages[] = {1, 60, 179};
    for (size_t key = 0; key <= COLUMNS; key++) {
        for (int descending = 0; descending < 2; descending++) {
            const struct sort_order order = {.key = key, .descending = descending == 1};
            if (key > 0 && !column_is_sortable(key - 1)) {
                continue;
            }
            const char *sort = sort_text(order, &f->arena);
            for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
                assert_page(f, "", "true", sort, pages[p], 500);
            }
            assert_page(f, "statut=ALERTE&prob_min=0.41",
                        "statut = 'ALERTE' AND prob_panne >= 0.41", sort, 2, 50);
        }
    }
}

static void test_pages_of_all_sizes_meet_without_gap_or_overlap(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {1, 3, 50, 499};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t pages = VEHICLES / sizes[s];
        assert_page(f, "", "true", "urgence", 1, sizes[s]);
        assert_page(f, "", "true", "-score_risque", pages / 2, sizes[s]);
        assert_page(f, "", "true", "-score_risque", pages / 2 + 1, sizes[s]);
        assert_page(f, "", "true", "modele", pages, sizes[s]);
        assert_page(f, "", "true", "modele", pages + 1, sizes[s]);
        assert_page(f, "", "true", "modele", pages + 2, sizes[s]);
    }
}

static void test_a_page_behind_the_last_is_empty(void **state)
{
    struct fixture *f = *state;
    json_t *answer = page(f, f->store, "", "urgence", SIZE_MAX / 2, 500);
    assert_int_equal(json_array_size(json_object_get(answer, "rows")), 0);
    assert_int_equal(whole(answer, "total"), VEHICLES);
    json_decref(answer);
}

/* ---- filters ---- */

static const struct {
    const char *parameters, *where;
} filters[] = {
    {"statut=CRITIQUE", "statut = 'CRITIQUE'"},
    {"statut=CRITIQUE,OK", "statut IN ('CRITIQUE', 'OK')"},
    {"panne=0", "type_panne_predit = 0"},
    {"panne=1,3", "type_panne_predit IN (1, 3)"},
    {"prob_min=0", "true"},
    {"prob_min=0.15", "prob_panne >= 0.15"},
    {"prob_min=1", "prob_panne >= 1"},
    {"prob_min=0.700001", "prob_panne >= 0.700001"},
    {"niveau=urgent", "prob_panne >= 0.7"},
    {"niveau=surveiller", "prob_panne >= 0.3"},
    {"niveau=surveiller&prob_min=0.9", "prob_panne >= 0.9"},
    {"prob_min=0.1&niveau=surveiller", "prob_panne >= 0.3"},
    {"sans_revision=1", "date_last_revis IS NULL"},
    {"annee=2019,2020", "annee IN (2019, 2020)"},
    {"annee=1850", "false"},
    {"modele=Master", "modele = 'Master'"},
    {"modele=Master,Mégane", "modele IN ('Master', 'Mégane')"},
    {"modele=Daily\\, long", "modele = 'Daily, long'"},
    {"modele=", "coalesce(modele, '') = ''"},
    {"modele=,Master", "coalesce(modele, '') IN ('', 'Master')"},
    {"modele=Rien", "false"},
    {"modele=master", "false"},
    {"q=", "true"},
    {"q=VIN-0001", "contains(vin, 'VIN-0001')"},
    {"q=vin-00011", "contains(vin, 'VIN-00011')"},
    {"q=7", "contains(vin, '7')"},
    {"q=99", "contains(vin, '99')"},
    {"q=0000006", "contains(vin, '0000006')"},
    {"q=VIN-0269997", "contains(vin, 'VIN-0269997')"},
    {"q=VIN-0269997VIN", "false"},
    {"q=\xc3\x89-X", "contains(vin, 'é-x')"},
    {"q=aste", "contains(modele, 'aste')"},
    {"q=MÉGANE", "modele = 'Mégane'"},
    {"q==1%", "false"},
    {"q=1+1", "modele = '=1+1'"},
    {"q=e", "contains(lower(modele), 'e')"},
    {"q=nothing has this", "false"},
    {"q=1&statut=CRITIQUE&panne=2,4&prob_min=0.8&annee=2018,2019,2024&modele=Master,Mégane",
     "contains(vin, '1') AND statut = 'CRITIQUE' AND type_panne_predit IN (2, 4) AND prob_panne >= "
     "0.8 AND annee IN (2018, 2019, 2024) AND modele IN ('Master', 'Mégane')"},
    {"q=e&sans_revision=1&modele=Daily\\, long", "false"},
};

static void test_every_filter_is_that_of_sql(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        const char *parameters = filters[i].parameters;
        const char *where = filters[i].where;
        assert_page(f, parameters, where, "urgence", 1, 50);
        assert_page(f, parameters, where, i % 2 == 0 ? "-vin" : "vin", 1 + i, 100);
        assert_page(f, parameters, where, "-temp_moyenne", 2, 77);
    }
}

static void test_what_is_no_selection_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name, *value, *says;
    } refused[] = {
        {"statut", "critique", "CRITIQUE, ALERTE, SURVEILLANCE, OK"},
        {"statut", "", "CRITIQUE"},
        {"statut", "OK,", "CRITIQUE"},
        {"panne", "6", "0..5"},
        {"panne", "-1", "0..5"},
        {"panne", "1e0", "0..5"},
        {"panne", "9999999999999999999999", "0..5"},
        {"prob_min", "70", "0..1"},
        {"prob_min", "nan", "0..1"},
        {"prob_min", "0x1", "0..1"},
        {"prob_min", "-0.1", "0..1"},
        {"prob_min", ".", "0..1"},
        {"prob_min", "", "0..1"},
        {"prob_min", "0,3", "0..1"},
        {"niveau", "rouge", "urgent, surveiller"},
        {"sans_revision", "0", "1"},
        {"annee", "MMXX", "2019"},
        {"annee", " 2019", "2019"},
        {"annee", "", "2019"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct selection selection = {0};
        struct error err;
        if (selection_set(&selection, refused[i].name, refused[i].value, &f->arena, &err) != -1) {
            fail_msg("%s=%s was taken", refused[i].name, refused[i].value);
        }
        assert_non_null(strstr(err.text[LANG_EN], refused[i].name));
        assert_non_null(strstr(err.text[LANG_EN], refused[i].says));
        assert_non_null(strstr(err.text[LANG_FR], refused[i].says));
    }
    struct selection selection = {0};
    struct error err;
    char text[2 * 300 + 1];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(selection_set(&selection, "q", text, &f->arena, &err), -1);
    for (size_t i = 1; i < sizeof text - 1; i += 2) {
        text[i] = ',';
    }
    assert_int_equal(selection_set(&selection, "modele", text, &f->arena, &err), -1);
    assert_int_equal(selection_set(&selection, "colour", "x", &f->arena, &err), 0);
    struct selection twice = {0};
    assert_int_equal(selection_set(&twice, "panne", "1", &f->arena, &err), 1);
    assert_int_equal(selection_set(&twice, "panne", "2", &f->arena, &err), -1);
    struct sort_order order;
    assert_int_equal(sort_parse("raisons", &order, &err), -1);
    assert_int_equal(sort_parse("--vin", &order, &err), -1);
    assert_int_equal(sort_parse("", &order, &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "urgence, vin, temp_moyenne"));
}

/* ---- values ---- */

/* One value of a page's row beside the text of SQL. */
static void assert_value(const json_t *value, const char *cell, enum column_type type)
{
    if (!cell) {
        assert_true(json_is_null(value));
    } else if (type == COLUMN_REAL || type == COLUMN_WHOLE) {
        assert_true(json_is_number(value));
        assert_true(json_number_value(value) == strtod(cell, NULL));
    } else {
        assert_string_equal(json_string_value(value), cell);
    }
}

static void test_rows_have_the_values_of_gold(void **state)
{
    struct fixture *f = *state;
    const struct table *table = fleet_table(TABLE_REPORTING);
    struct lake_rows rows =
        sql(f, "SELECT * FROM reporting_final ORDER BY vin LIMIT 500 OFFSET 5000");
    json_t *answer = page(f, f->store, "", "vin", 11, 500);
    json_t *list = json_object_get(answer, "rows");
    assert_int_equal(json_array_size(list), 500);
    for (size_t r = 0; r < 500; r++) {
        const json_t *row = json_array_get(list, r);
        assert_int_equal(json_object_size(row), COLUMNS + 1);
        for (size_t c = 0; c + 1 < COLUMNS; c++) {
            assert_value(json_object_get(row, table->columns[c].name), rows.cells[r * COLUMNS + c],
                         table->columns[c].type);
        }
        struct reason reasons[REASONS_AT_MOST];
        size_t count = reasons_read(rows.cells[r * COLUMNS + COLUMNS - 1], reasons);
        const json_t *told = json_object_get(row, "raisons");
        assert_int_equal(json_array_size(told), count);
        for (size_t i = 0; i < count; i++) {
            const json_t *reason = json_array_get(told, i);
            const json_t *value = json_object_get(reason, "value");
            assert_string_equal(json_string_value(json_object_get(reason, "column")),
                                model_input_gold_columns[reasons[i].input]);
            assert_true(isnan(reasons[i].value) ? json_is_null(value)
                                                : json_number_value(value) == reasons[i].value);
            assert_true(json_number_value(json_object_get(reason, "points")) == reasons[i].points);
            assert_true(json_is_null(json_object_get(reason, "low")));
        }
    }
    json_decref(answer);
}

static void test_the_usual_range_stands_with_the_reasons(void **state)
{
    struct fixture *f = *state;
    struct usual_range usual[MODEL_INPUT_COUNT];
    struct body body = {0};
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        usual[i] = (struct usual_range){(double)i, (double)i + 0.5};
    }
    store_vehicle(f->store, 3, usual, 0, &body);
    json_t *vehicle = read_body(&body);
    const json_t *reason = json_array_get(json_object_get(vehicle, "raisons"), 0);
    assert_true(json_number_value(json_object_get(reason, "high")) == INPUT_pression_huile + 0.5);
    assert_null(json_object_get(vehicle, "rank"));
    json_decref(vehicle);
}

/* ---- one vehicle ---- */

static void test_every_vin_is_found_and_no_other(void **state)
{
    struct fixture *f = *state;
    for (size_t row = 0; row < VEHICLES; row++) {
        struct bytes vin = store_vin(f->store, row);
        assert_int_equal(store_find(f->store, vin.data, vin.size), row);
    }
    static const char *const unknown[] = {"", "V", "VIN-0000000 ", "VIN-0000001", "VIN-9", "zz"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_true(store_find(f->store, unknown[i], strlen(unknown[i])) == NO_ROW);
    }
}

static void test_a_vehicle_knows_its_place_and_neighbours(void **state)
{
    struct fixture *f = *state;
    static const char *const sorts[] = {"urgence",       "-urgence",        "vin",    "-vin",
                                        "-score_risque", "date_last_revis", "modele", "-km_actuel"};
    for (size_t s = 0; s < sizeof sorts / sizeof *sorts; s++) {
        struct sort_order order;
        struct error err;
        struct selection selection = selection_of(f, "q=7&prob_min=0.2");
        assert_int_equal(sort_parse(sorts[s], &order, &err), 0);
        struct lake_rows rows =
            sql(f, arena_printf(&f->arena,
                                "SELECT vin FROM reporting_final WHERE contains(vin, '7') AND "
                                "prob_panne >= 0.2 ORDER BY %s",
                                order_by(f, sorts[s])));
        const size_t places[] = {0, 1, rows.rows / 2, rows.rows - 2, rows.rows - 1};
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            size_t r = places[p];
            size_t row = store_find(f->store, rows.cells[r], strlen(rows.cells[r]));
            struct vehicle_place place = store_place(f->store, &selection, order, row);
            assert_int_equal(place.total, rows.rows);
            assert_int_equal(place.position, r + 1);
            assert_string_equal(place.previous == NO_ROW ? ""
                                                         : store_vin(f->store, place.previous).data,
                                r == 0 ? "" : rows.cells[r - 1]);
            assert_string_equal(place.next == NO_ROW ? "" : store_vin(f->store, place.next).data,
                                r + 1 == rows.rows ? "" : rows.cells[r + 1]);
        }
    }
    struct selection none = selection_of(f, "annee=1850");
    struct vehicle_place place = store_place(f->store, &none, (struct sort_order){0}, 5);
    assert_true(place.position == 0 && place.total == 0);
    assert_true(place.previous == NO_ROW && place.next == NO_ROW);
}

/* ---- figures ---- */

static void assert_close(const json_t *value, const char *cell)
{
    if (!cell) {
        assert_true(json_is_null(value));
        return;
    }
    double expected = strtod(cell, NULL);
    assert_true(fabs(json_number_value(value) - expected) <= 1e-9 * (1 + fabs(expected)));
}

/* vehicles, OK, SURVEILLANCE, ALERTE, CRITIQUE */
#define COUNT_STATUTS                                                                        \
    "count(*), count(*) FILTER (statut = 'OK'), count(*) FILTER (statut = 'SURVEILLANCE'), " \
    "count(*) FILTER (statut = 'ALERTE'), count(*) FILTER (statut = 'CRITIQUE')"

/* Checks an object with "vehicles" and "by_statut". */
static void assert_statuts(const json_t *object, const char **cells)
{
    const json_t *by_statut = json_object_get(object, "by_statut");
    assert_int_equal(whole(object, "vehicles"), strtoll(cells[0], NULL, 10));
    assert_int_equal(json_object_size(by_statut), STATUT_COUNT);
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        assert_int_equal(whole(by_statut, statut_kinds[s].name), strtoll(cells[1 + s], NULL, 10));
    }
}

static void assert_kpi(struct fixture *f, const json_t *kpi, const char *where)
{
    struct lake_rows rows =
        sql(f, arena_printf(&f->arena,
                            "SELECT " COUNT_STATUTS ", count(*) FILTER (type_panne_predit <> 0), "
                            "count(*) FILTER (prob_panne >= 0.3), 100.0 * count(*) FILTER "
                            "(type_panne_predit = 0) / nullif(count(*), 0), count(*) FILTER "
                            "(date_last_revis IS NULL) FROM reporting_final WHERE %s",
                            where));
    assert_statuts(kpi, rows.cells);
    assert_int_equal(whole(kpi, "critiques"), strtoll(rows.cells[4], NULL, 10));
    assert_int_equal(whole(kpi, "interventions"), strtoll(rows.cells[5], NULL, 10));
    assert_int_equal(whole(kpi, "a_surveiller"), strtoll(rows.cells[6], NULL, 10));
    assert_close(json_object_get(kpi, "sante_pct"), rows.cells[7]);
    assert_int_equal(whole(kpi, "sans_date_revision"), strtoll(rows.cells[8], NULL, 10));
}

static json_t *summary(struct fixture *f, const char *parameters)
{
    struct body body = {0};
    const struct selection selection = selection_of(f, parameters);
    const struct run_kpi history[] = {{RUN_DATE - 1, {.vehicles = 3}},
                                      {RUN_DATE, *store_fleet_kpi(f->store)}};
    const struct summary_facts facts = {.dated = true,
                                        .last_event_date = RUN_DATE - 2,
                                        .messages = 12,
                                        .history = history,
                                        .history_count = 2};
    store_summary(f->store, &selection, &facts, &body);
    return read_body(&body);
}

static void test_the_summary_counts_as_sql_does(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        json_t *answer = summary(f, filters[i].parameters);
        const json_t *selection = json_object_get(answer, "selection");
        assert_kpi(f, json_object_get(answer, "fleet"), "true");
        if (json_is_null(selection)) {
            assert_string_equal(filters[i].where, "true");
        } else {
            assert_kpi(f, selection, filters[i].where);
        }
        json_decref(answer);
    }
    json_t *answer = summary(f, "q=e");
    struct lake_rows models =
        sql(f, "SELECT " COUNT_STATUTS ", modele FROM reporting_final GROUP BY "
               "modele ORDER BY modele NULLS LAST");
    const json_t *list = json_object_get(answer, "by_model");
    assert_int_equal(json_array_size(list), models.rows);
    for (size_t m = 0; m < models.rows; m++) {
        const json_t *model = json_array_get(list, m);
        assert_statuts(model, &models.cells[m * 6]);
        assert_value(json_object_get(model, "modele"), models.cells[m * 6 + 5], COLUMN_TEXT);
    }
    assert_string_equal(json_string_value(json_object_get(answer, "last_event_date")),
                        "2026-11-21");
    assert_int_equal(json_array_size(json_object_get(answer, "history")), 2);
    json_decref(answer);
}

static void test_a_run_without_a_store_has_the_same_figures(void **state)
{
    struct fixture *f = *state;
    struct fleet_kpi kpi;
    struct error err;
    assert_int_equal(fleet_kpi_read(&kpi, f->folder, RUN_DATE, &err), 0);
    assert_memory_equal(&kpi, store_fleet_kpi(f->store), sizeof kpi);
    assert_int_equal(fleet_kpi_read(&kpi, f->folder, RUN_DATE + 1, &err), -1);
}

static void assert_bins(struct fixture *f, const json_t *counts, const char *bin, const char *where)
{
    size_t sum = 0;
    assert_int_equal(json_array_size(counts), 20);
    struct lake_rows rows = sql(
        f, arena_printf(&f->arena,
                        "SELECT b, (SELECT count(*) FROM reporting_final WHERE (%s) AND %s = b) "
                        "FROM range(20) AS bins(b) ORDER BY b",
                        where, bin));
    for (size_t b = 0; b < 20; b++) {
        assert_int_equal(json_integer_value(json_array_get(counts, b)),
                         strtoll(rows.cells[2 * b + 1], NULL, 10));
        sum += (size_t)json_integer_value(json_array_get(counts, b));
    }
    rows = sql(f, arena_printf(&f->arena,
                               "SELECT count(*) FROM reporting_final WHERE (%s) AND %s "
                               "IS NOT NULL",
                               where, bin));
    assert_int_equal(sum, strtoull(rows.cells[0], NULL, 10)); /* none is lost */
}

static void assert_analytics(struct fixture *f, const char *parameters, const char *where)
{
    static const char prob_bin[] =
        "least(19, CAST(floor(CAST(prob_panne AS DECIMAL(10, 6)) * 20) AS INT))";
    static const char risk_bin[] = "CASE WHEN score_risque IS NOT NULL THEN greatest(0, least(19, "
                                   "CAST(floor(score_risque / 5) AS INT))) END";
    struct body body = {0};
    const struct selection selection = selection_of(f, parameters);
    store_analytics(f->store, &selection, &body);
    json_t *answer = read_body(&body);
    struct lake_rows models =
        sql(f, arena_printf(&f->arena,
                            "SELECT " COUNT_STATUTS ", modele, count(score_risque), "
                            "avg(score_risque), avg(prob_panne), count(*) FILTER "
                            "(type_panne_predit = 0), count(*) FILTER (type_panne_predit = 4) FROM "
                            "reporting_final WHERE %s GROUP BY modele ORDER BY modele NULLS LAST",
                            where));
    const json_t *list = json_object_get(answer, "risk_by_model");
    assert_int_equal(json_array_size(list), models.rows);
    for (size_t m = 0; m < models.rows; m++) {
        const char **cells = &models.cells[m * models.columns];
        const json_t *model = json_array_get(list, m);
        const json_t *by_panne = json_object_get(model, "by_panne");
        assert_statuts(model, cells);
        assert_value(json_object_get(model, "modele"), cells[5], COLUMN_TEXT);
        assert_int_equal(whole(model, "scored"), strtoll(cells[6], NULL, 10));
        assert_close(json_object_get(model, "score_risque_moy"), cells[7]);
        assert_close(json_object_get(model, "prob_panne_moy"), cells[8]);
        assert_int_equal(json_array_size(by_panne), FAILURE_COUNT);
        assert_close(json_array_get(by_panne, 0), cells[9]);
        assert_close(json_array_get(by_panne, 4), cells[10]);
    }
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        const json_t *one = json_array_get(json_object_get(answer, "by_statut"), s);
        struct lake_rows rows =
            sql(f, arena_printf(&f->arena,
                                "SELECT count(*), avg(km_actuel), avg(km_depuis_revis) FROM "
                                "reporting_final WHERE (%s) AND statut = '%s'",
                                where, statut_kinds[s].name));
        assert_string_equal(json_string_value(json_object_get(one, "statut")),
                            statut_kinds[s].name);
        assert_close(json_object_get(one, "vehicles"), rows.cells[0]);
        assert_close(json_object_get(one, "km_actuel_moy"), rows.cells[1]);
        assert_close(json_object_get(one, "km_depuis_revis_moy"), rows.cells[2]);
    }
    for (size_t p = 1; p < FAILURE_COUNT; p++) {
        const json_t *one = json_array_get(json_object_get(answer, "failures"), p - 1);
        struct lake_rows rows =
            sql(f, arena_printf(&f->arena,
                                "SELECT " COUNT_STATUTS " FROM reporting_final WHERE (%s) AND "
                                "type_panne_predit = %zu",
                                where, p));
        assert_int_equal(whole(one, "panne"), p);
        assert_statuts(one, rows.cells);
    }
    const json_t *risk = json_object_get(answer, "risk_histogram");
    const json_t *prob = json_object_get(answer, "prob_histogram");
    assert_bins(f, json_object_get(risk, "counts"), risk_bin, where);
    assert_bins(f, json_object_get(prob, "counts"), prob_bin, where);
    assert_bins(f, json_object_get(prob, "of_ok"), prob_bin,
                arena_printf(&f->arena, "(%s) AND type_panne_predit = 0", where));
    struct lake_rows missing =
        sql(f, arena_printf(&f->arena,
                            "SELECT count(*) FILTER (score_risque IS NULL), count(*) FROM "
                            "reporting_final WHERE %s",
                            where));
    assert_close(json_object_get(risk, "missing"), missing.cells[0]);
    assert_close(json_object_get(answer, "total"), missing.cells[1]);
    json_decref(answer);
}

static void test_the_charts_count_as_sql_does(void **state)
{
    struct fixture *f = *state;
    assert_analytics(f, "", "true");
    assert_analytics(f, "prob_min=0.15", "prob_panne >= 0.15");
    assert_analytics(f, "q=99&statut=OK,ALERTE",
                     "contains(vin, '99') AND statut IN ('OK', 'ALERTE')");
    assert_analytics(f, "annee=1850", "false");
}

/* ---- exports ---- */

/* The whole export, in blocks of about `block` bytes. */
static struct body export_all(struct fixture *f, const struct store *store, const char *parameters,
                              const char *sort, const char *columns, const char *format,
                              size_t block)
{
    struct error err;
    struct body all = {0};
    struct body part = {0};
    struct export_query query = {.selection = selection_of(f, parameters)};
    assert_int_equal(sort_parse(sort, &query.sort, &err), 0);
    assert_int_equal(export_set(&query, "format", format, &err), 1);
    if (columns) {
        assert_int_equal(export_set(&query, "columns", columns, &err), 1);
    }
    struct export *export = export_open(store, &query);
    while (export_next(export, block, &part)) {
        assert_true(part.size > 0);
        body_bytes(&all, part.data, part.size);
        part.size = 0;
    }
    assert_false(export_next(export, block, &part));
    export_close(export);
    body_release(&part);
    return all;
}

/* Opens an exported text as the table `name`; decimal commas become points in `numbers`. */
static void open_exported(struct fixture *f, const char *name, const struct body *text)
{
    struct error err;
    const char *path = write_file(&f->arena, f->folder, arena_printf(&f->arena, "%s.csv", name),
                                  text->data, text->size);
    if (lake_open_file(f->lake, name, path, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
}

/* Every column of the exported table is gold's; the marks before formulas are taken off. */
static void assert_exported(struct fixture *f, const char *name, const char *where)
{
    const struct table *table = fleet_table(TABLE_REPORTING);
    char *differ = arena_strdup(&f->arena, "false");
    for (size_t c = 0; c < COLUMNS; c++) {
        const char *column = table->columns[c].name;
        const char *cell =
            table->columns[c].type == COLUMN_TEXT
                ? arena_printf(&f->arena, "regexp_replace(e.%s, '^''(=)', '\\1')", column)
            : table->columns[c].type == COLUMN_DATE
                ? arena_printf(&f->arena, "CAST(e.%s AS DATE)", column)
                : arena_printf(&f->arena, "CAST(replace(e.%s, ',', '.') AS DOUBLE)", column);
        /* an engine that reads CSV takes an empty cell for NULL */
        const char *gold = table->columns[c].type == COLUMN_TEXT
                               ? arena_printf(&f->arena, "nullif(g.%s, '')", column)
                               : arena_printf(&f->arena, "g.%s", column);
        differ = arena_printf(
            &f->arena, "%s OR nullif(%s, '') IS DISTINCT FROM %s", differ,
            table->columns[c].type == COLUMN_TEXT
                ? cell
                : arena_printf(&f->arena, "CAST(%s AS VARCHAR)", cell),
            table->columns[c].type == COLUMN_TEXT
                ? gold
                : arena_printf(&f->arena, "CAST(CAST(%s AS %s) AS VARCHAR)", gold,
                               table->columns[c].type == COLUMN_DATE ? "DATE" : "DOUBLE"));
    }
    struct lake_rows rows = sql(
        f,
        arena_printf(&f->arena,
                     "SELECT count(*), count(e.vin), count(g.vin), count(*) FILTER (%s) FROM %s AS "
                     "e FULL JOIN (SELECT * FROM reporting_final WHERE %s) AS g ON e.vin = g.vin",
                     differ, name, where));
    assert_string_equal(rows.cells[0], rows.cells[1]);
    assert_string_equal(rows.cells[0], rows.cells[2]);
    assert_string_equal(rows.cells[3], "0");
    assert_true(strtoll(rows.cells[0], NULL, 10) > 0);
}

static void test_an_export_is_gold(void **state)
{
    struct fixture *f = *state;
    struct body text = export_all(f, f->store, "", "-km_actuel", NULL, "csv", 100000);
    assert_memory_equal(text.data, "vin,temp_moyenne,", 17);
    open_exported(f, "plain", &text);
    assert_exported(f, "plain", "true");
    body_release(&text);
    text = export_all(f, f->store, "statut=CRITIQUE&q=99", "urgence", NULL, "excel-fr", 1000);
    assert_memory_equal(text.data, "\xef\xbb\xbfvin;temp_moyenne;", 20);
    open_exported(f, "french", &text);
    assert_exported(f, "french", "statut = 'CRITIQUE' AND contains(vin, '99')");
    body_release(&text);
}

static void test_an_export_has_the_order_of_the_pages(void **state)
{
    struct fixture *f = *state;
    static const char *const sorts[] = {"urgence", "-urgence",    "-score_risque",
                                        "vin",     "-vin",        "date_last_revis",
                                        "-modele", "temp_moyenne"};
    for (size_t s = 0; s < sizeof sorts / sizeof *sorts; s++) {
        struct lake_rows rows =
            sql(f, arena_printf(&f->arena,
                                "SELECT string_agg(vin, chr(13) || chr(10) ORDER BY %s) FROM "
                                "reporting_final WHERE statut = 'ALERTE'",
                                order_by(f, sorts[s])));
        const char *expected = arena_printf(&f->arena, "vin\r\n%s\r\n", rows.cells[0]);
        struct body text = export_all(f, f->store, "statut=ALERTE", sorts[s], "vin", "csv", 5000);
        assert_int_equal(text.size, strlen(expected));
        assert_memory_equal(text.data, expected, text.size);
        body_release(&text);
    }
}

static void test_formulas_are_defused_and_numbers_stay_numbers(void **state)
{
    struct fixture *f = *state;
    struct body text = export_all(f, f->store, "modele==1+1&q=VIN-00", "km_depuis_revis",
                                  "modele,km_depuis_revis,raisons", "csv", 10);
    body_bytes(&text, "", 1);
    assert_non_null(strstr(text.data, "\r\n'=1+1,-"));
    assert_non_null(strstr(text.data, "\"anything \"\"else\"\", here\""));
    assert_null(strstr(text.data, "'-"));
    body_release(&text);
}

static void test_unknown_columns_and_formats_are_refused(void **state)
{
    (void)state;
    struct export_query query = {0};
    struct error err;
    assert_int_equal(export_set(&query, "columns", "vin,colour", &err), -1);
    assert_non_null(strstr(err.text[LANG_EN], "vin, temp_moyenne"));
    assert_int_equal(export_set(&query, "format", "xlsx", &err), -1);
    assert_int_equal(export_set(&query, "page", "1", &err), 0);
}

/* ---- edges ---- */

static struct store *other_store(struct fixture *f, size_t rows, const char *columns, int32_t date)
{
    struct error err;
    if (gold_write(f->folder, date, rows, columns, &err) != 0) {
        fail_msg("%s", err.text[LANG_EN]);
    }
    return load(f->folder, date);
}

static void test_no_vehicle_and_one_vehicle_are_fleets(void **state)
{
    struct fixture *f = *state;
    for (size_t vehicles = 0; vehicles < 2; vehicles++) {
        struct store *store = other_store(f, vehicles, NULL, RUN_DATE + 10 + (int32_t)vehicles);
        static const char *const sorts[] = {"urgence", "-vin", "prob_panne", "-modele"};
        assert_int_equal(store_vehicles(store), vehicles);
        for (size_t s = 0; s < sizeof sorts / sizeof *sorts; s++) {
            json_t *answer = page(f, store, s % 2 == 0 ? "" : "q=VIN", sorts[s], 1, 50);
            assert_int_equal(json_array_size(json_object_get(answer, "rows")), vehicles);
            json_decref(answer);
        }
        struct body body = {0};
        const struct selection selection = selection_of(f, "prob_min=0.5");
        store_analytics(store, &selection, &body);
        json_decref(read_body(&body));
        store_summary(store, &selection, &(struct summary_facts){.messages = -1}, &body);
        json_t *answer = read_body(&body);
        const json_t *health = json_object_get(json_object_get(answer, "fleet"), "sante_pct");
        assert_true(vehicles == 0 ? json_is_null(health) : json_is_number(health));
        json_decref(answer);
        body = export_all(f, store, "", "urgence", "vin,modele", "csv", 1);
        assert_true(body.size >= strlen("vin,modele\r\n"));
        body_release(&body);
        if (vehicles == 1) {
            struct vehicle_place place =
                store_place(store, &(struct selection){0}, (struct sort_order){0}, 0);
            assert_true(place.position == 1 && place.previous == NO_ROW && place.next == NO_ROW);
        }
        store_free(store);
    }
}

static void test_empty_columns_are_null_everywhere(void **state)
{
    struct fixture *f = *state;
    struct store *store = other_store(
        f, 300,
        "NULL::DOUBLE AS temp_moyenne, NULL::DOUBLE AS score_risque, NULL::DATE AS "
        "date_last_revis, "
        "NULL::VARCHAR AS modele, NULL::VARCHAR AS type, NULL::BIGINT AS annee, NULL::VARCHAR AS "
        "raisons, NULL::BIGINT AS sante, NULL::DOUBLE AS km_actuel",
        RUN_DATE + 20);
    static const char *const sorts[] = {"temp_moyenne", "-date_last_revis", "modele", "-annee"};
    for (size_t s = 0; s < sizeof sorts / sizeof *sorts; s++) {
        json_t *answer = page(f, store, "sans_revision=1&modele=", sorts[s], 2, 100);
        const json_t *first = json_array_get(json_object_get(answer, "rows"), 0);
        assert_int_equal(whole(answer, "total"), 300);
        assert_string_equal(json_string_value(json_object_get(first, "vin")), "VIN-0000300");
        assert_true(json_is_null(json_object_get(first, "temp_moyenne")));
        assert_int_equal(json_array_size(json_object_get(first, "raisons")), 0);
        json_decref(answer);
    }
    json_t *answer = page(f, store, "annee=2019", "urgence", 1, 50);
    assert_int_equal(whole(answer, "total"), 0);
    json_decref(answer);
    struct body body = export_all(f, store, "", "vin", "sante", "csv", 50);
    assert_memory_equal(body.data, "sante\r\n\"\"\r\n\"\"\r\n", 15);
    body_release(&body);
    store_free(store);
}

static void test_gold_that_is_not_gold_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *columns, *says;
    } refused[] = {
        {"'ROUGE' AS statut", "ROUGE"},
        {"NULL::VARCHAR AS statut", "statut"},
        {"'HIGH' AS niveau_alerte", "HIGH"},
        {"CAST('nan' AS DOUBLE) AS prob_panne", "prob_panne"},
        {"NULL::DOUBLE AS prob_panne", "prob_panne"},
        {"1.5e0 AS prob_panne", "1.5"},
        {"-0.5e0 AS prob_panne", "-0.5"},
        {"CAST('inf' AS DOUBLE) AS km_actuel", "km_actuel"},
        {"CAST(6 AS BIGINT) AS type_panne_predit", "type_panne_predit"},
        {"NULL::BIGINT AS type_panne_predit", "type_panne_predit"},
        {"CAST(9223372036854775807 AS BIGINT) AS annee", "annee"},
        {"'same' AS vin", "same"},
        {"'' AS vin", "vin"},
        {"NULL::VARCHAR AS vin", "vin"},
        {"'Ma' || chr(0) || 'ster' AS modele", "modele"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct error err;
        struct store *store;
        assert_int_equal(gold_write(f->folder, RUN_DATE + 30, 20, refused[i].columns, &err), 0);
        if (store_load(&store, f->folder, RUN_DATE + 30, &(struct store_options){0}, &err) == 0) {
            fail_msg("%s was taken", refused[i].columns);
        }
        assert_null(store);
        assert_non_null(strstr(err.text[LANG_EN], refused[i].says));
        assert_non_null(strstr(err.text[LANG_EN], "reporting_final.parquet"));
        assert_non_null(strstr(err.text[LANG_FR], "reporting_final.parquet"));
    }
}

static void assert_refused(struct fixture *f, int32_t date, const char *says)
{
    struct error err;
    struct store *store;
    assert_int_equal(store_load(&store, f->folder, date, &(struct store_options){0}, &err), -1);
    assert_null(store);
    if (!strstr(err.text[LANG_EN], says)) {
        fail_msg("%s", err.text[LANG_EN]);
    }
}

static void test_broken_files_are_refused(void **state)
{
    struct fixture *f = *state;
    struct error err;
    struct bytes bytes;
    const char *path = layout_path(&f->arena, fleet_tables[TABLE_REPORTING].path, RUN_DATE, 0);
    assert_int_equal(fs_read(arena_printf(&f->arena, "%s/%s", f->folder, path), SIZE_MAX / 4,
                             &f->arena, &bytes, &err),
                     0);
    path = layout_path(&f->arena, fleet_tables[TABLE_REPORTING].path, RUN_DATE + 40, 0);
    assert_refused(f, RUN_DATE + 40, "autostream run");
    for (size_t cut = 0; cut < 5; cut++) {
        write_file(&f->arena, f->folder, path, bytes.data, bytes.size * cut / 5);
        assert_refused(f, RUN_DATE + 40, path);
    }
    char *spoiled = arena_copy(&f->arena, bytes.data, bytes.size);
    memset(spoiled + bytes.size / 3, 0x5a, bytes.size / 10);
    write_file(&f->arena, f->folder, path, spoiled, bytes.size);
    assert_refused(f, RUN_DATE + 40, "");
    write_file(&f->arena, f->folder, path, "vin,modele\n", 11);
    assert_refused(f, RUN_DATE + 40, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order_is_that_of_sql),
        cmocka_unit_test(test_pages_of_all_sizes_meet_without_gap_or_overlap),
        cmocka_unit_test(test_a_page_behind_the_last_is_empty),
        cmocka_unit_test(test_every_filter_is_that_of_sql),
        cmocka_unit_test(test_what_is_no_selection_is_refused),
        cmocka_unit_test(test_rows_have_the_values_of_gold),
        cmocka_unit_test(test_the_usual_range_stands_with_the_reasons),
        cmocka_unit_test(test_every_vin_is_found_and_no_other),
        cmocka_unit_test(test_a_vehicle_knows_its_place_and_neighbours),
        cmocka_unit_test(test_the_summary_counts_as_sql_does),
        cmocka_unit_test(test_a_run_without_a_store_has_the_same_figures),
        cmocka_unit_test(test_the_charts_count_as_sql_does),
        cmocka_unit_test(test_an_export_is_gold),
        cmocka_unit_test(test_an_export_has_the_order_of_the_pages),
        cmocka_unit_test(test_formulas_are_defused_and_numbers_stay_numbers),
        cmocka_unit_test(test_unknown_columns_and_formats_are_refused),
        cmocka_unit_test(test_no_vehicle_and_one_vehicle_are_fleets),
        cmocka_unit_test(test_empty_columns_are_null_everywhere),
        cmocka_unit_test(test_gold_that_is_not_gold_is_refused),
        cmocka_unit_test(test_broken_files_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
