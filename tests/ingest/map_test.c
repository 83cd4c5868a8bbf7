/* Maps: other people's columns, units and dates; the slips of the pen; real trips. */
#include "harness.h"
#include "shared.h"

#include "fleet/features.def"

/* The contract's telemetry, from the same list as the pipeline's. */
enum {
    MAP_VIN,
    MAP_TIMESTAMP,
    MAP_EVENT_TS,
#define X(name, ...) MAP_##name,
    TELEMETRY_FEATURES(X)
#undef X
        MAP_FIELDS
};
static const struct column map_columns[MAP_FIELDS] = {{"vin", COLUMN_TEXT},
                                                      {"timestamp", COLUMN_TEXT},
                                                      {"event_ts", COLUMN_TIMESTAMP},
#define X(name, type, ...) {#name, COLUMN_##type},
                                                      TELEMETRY_FEATURES(X)
#undef X
};
static const struct table map_table = {"telemetry_messages", map_columns, MAP_FIELDS};
static const struct record_field map_fields[MAP_FIELDS] = {
    {{"vin", COLUMN_TEXT}, true, 0, 0, -1, false, 0},
    {{"timestamp", COLUMN_TEXT}, true, 0, 0, -1, false, 0},
    {{"event_ts", COLUMN_TIMESTAMP}, true, FIRST_INSTANT, LAST_INSTANT, MAP_TIMESTAMP, false, 0},
#define X(name, type, low, high, ...) {{#name, COLUMN_##type}, false, low, high, -1, false, 0},
    TELEMETRY_FEATURES(X)
#undef X
};
static const struct record_spec map_spec = {&map_table, map_fields, MAP_FIELDS};

static struct ingest_map *make_map(struct harness *h, const char *json)
{
    const char *path = arena_printf(&h->arena, "%s/map.json", h->root);
    assert_int_equal(fs_write(path, json, strlen(json), &h->err), 0);
    return ingest_map_read(path, &map_spec, &h->err);
}

/* Reads the folder with this map; the rows are in h->lines. */
static void read_with(struct harness *h, const char *json)
{
    struct ingest_map *map = make_map(h, json);
    if (!map) {
        fail_msg("%s", h->err.text[LANG_EN]);
    }
    h->options.spec = &map_spec;
    h->options.map = map;
    assert_int_equal(read_again(h, NULL), 0);
    ingest_map_free(map);
}

#define VIN_AND_TIME "\"vin\":\"id\",\"timestamp\":\"ts\""

static void test_columns_units_and_formats_are_converted_from_CSV(void **state)
{
    struct harness *h = *state;
    put(h, "fleet.csv",
        "id;when;t;p;v;km;rpm;x\n"
        "A;3/7/2026 9:05:07,25;212,0;350;62,5;1.000;\"900,5\";q\n"
        "B;31/12/2025 23:59:59,9;;;;;;\n"
        "C;31/2/2025 23:59:59,9;x;;;;;\n");
    read_with(h, "{\"format\":\"csv\",\"delimiter\":\";\",\"decimal\":\",\",\"fields\":{"
                 "\"vin\":\"id\",\"timestamp\":{\"column\":\"when\",\"format\":\"%d/%m/%Y "
                 "%H:%M:%S,%f\"},\"temp_moteur\":{\"column\":\"t\",\"unit\":\"°F\"},"
                 "\"pression_huile\":{\"column\":\"p\",\"unit\":\"kPa\"},"
                 "\"vitesse\":{\"column\":\"v\",\"scale\":1.609344,\"offset\":0.5},"
                 "\"regime_moteur\":\"rpm\"}}");
    assert_int_equal(h->line_count, 2);
    assert_string_equal(h->lines[0], "A|2026-07-03T09:05:07.250000|1783069507250000|100|101|-|3.5|"
                                     "901|-|-|-|-");
    assert_string_equal(h->lines[1],
                        "B|2025-12-31T23:59:59.900000|1767225599900000|-|-|-|-|-|-|-|-|-");
    assert_string_equal(h->rejects[0],
                        "fleet.csv@106 unreadable:timestamp|not_a_number:temp_moteur");
}

static void test_fields_of_JSON_are_renamed_and_clocks_are_read(void **state)
{
    struct harness *h = *state;
    put(h, "truck-7.ndjson.x", "");
    put(h, "truck-7.ndjson",
        "{\"ms\":1795435200500,\"t\":363.15,\"vin\":\"no\",\"temp_moteur\":\"no\"}\n"
        "{\"ms\":1e300}\n{\"ms\":\"1795435200500\"}\n{\"ms\":null}\n{\"ms\":1,\"ms\":2}\n"
        "{\"ms\":true,\"t\":[]}\n{\"ms\":-1e300}\n");
    read_with(h, "{\"format\":\"json\",\"fields\":{\"vin\":{\"file_name\":true},"
                 "\"timestamp\":{\"column\":\"ms\",\"unit\":\"ms\"},"
                 "\"temp_moteur\":{\"column\":\"t\",\"unit\":\"K\"}}}");
    assert_int_equal(h->line_count, 1);
    assert_string_equal(h->lines[0],
                        "truck-7|2026-11-23T12:00:00.500000|1795435200500000|90|-|-|-|-|-|-|-|-");
    static const char *const reasons[] = {"impossible:timestamp",
                                          "unreadable:timestamp",
                                          "missing:timestamp",
                                          "duplicate_field:timestamp|impossible:timestamp",
                                          "not_a_text:timestamp|not_a_number:temp_moteur",
                                          "impossible:timestamp"};
    assert_int_equal(h->reject_count, sizeof reasons / sizeof *reasons);
    for (size_t i = 0; i < h->reject_count; i++) {
        bool found = false;
        for (size_t k = 0; k < h->reject_count; k++) {
            found |= strcmp(strchr(h->rejects[k], ' ') + 1, reasons[i]) == 0;
        }
        print_message("%s\n", h->rejects[i]);
        assert_true(found);
    }
}

static void test_a_number_where_a_date_is_written_by_a_format_is_refused(void **state)
{
    struct harness *h = *state;
    put(h, "a.ndjson", "{\"id\":\"A\",\"d\":\"23/11/2026\"}\n{\"id\":\"B\",\"d\":5}\n");
    read_with(h, "{\"format\":\"json\",\"fields\":{\"vin\":\"id\",\"timestamp\":{\"column\":"
                 "\"d\",\"format\":\"%d/%m/%Y\"}}}");
    assert_int_equal(h->line_count, 1);
    assert_string_equal(h->rejects[0], "a.ndjson@28 not_a_text:timestamp");
}

static void test_dates_in_their_own_format_are_read_from_one_table(void **state)
{
    static const struct column columns[] = {{"vin", COLUMN_TEXT}, {"day", COLUMN_DATE}};
    static const struct table table = {"days", columns, 2};
    static const struct record_field fields[] = {
        {{"vin", COLUMN_TEXT}, true, 0, 0, -1, false, 0},
        {{"day", COLUMN_DATE}, true, 10957, 20781, -1, false, 0}};
    static const struct record_spec spec = {&table, fields, 2};
    struct harness *h = *state;
    static const char json[] =
        "{\"format\":\"csv\",\"trim\":false,\"fields\":{\"vin\":{\"column\":\"id\"},"
        "\"day\":{\"column\":\"d\",\"format\":\"%d.%m.%Y\"}}}";
    const char *path = arena_printf(&h->arena, "%s/map.json", h->root);
    assert_int_equal(fs_write(path, json, sizeof json - 1, &h->err), 0);
    struct ingest_map *map = ingest_map_read(path, &spec, &h->err);
    assert_non_null(map);
    put(h, "a.csv", "id,d\nA,31.01.2026\nB,31.02.2026\n");
    h->options.spec = &spec;
    h->options.map = map;
    assert_int_equal(read_again(h, "a.csv"), 0);
    assert_int_equal(h->line_count, 1);
    assert_string_equal(h->lines[0], "A|20484");
    assert_string_equal(h->rejects[0], "a.csv@18 unreadable:day");
    struct ingest_sink sink = {h, on_rows, on_reject, on_file};
    struct ingest_counts alone = {0};
    assert_int_equal(
        ingest_file(in_path(h, "a.csv"), "in", "a.csv", &h->options, &sink, &alone, &h->err), 0);
    assert_int_equal(alone.accepted, 1);
    assert_int_equal(alone.quarantined, 1);
    assert_string_equal(ingest_suffixes(map)[0], ".csv");
    ingest_map_free(map);
    map = make_map(h, "{\"format\":\"json\",\"fields\":{" VIN_AND_TIME "}}");
    h->options.map = map;
    assert_int_equal(read_again(h, "a.csv"), -1);
    assert_non_null(strstr(h->err.text[LANG_EN], "the map is for JSON"));
    assert_string_equal(ingest_suffixes(map)[0], ".json");
    assert_string_equal(ingest_suffixes(NULL)[0], ".json");
    ingest_map_free(map);
}

static void test_a_time_column_without_a_rule_is_read_as_ISO_8601(void **state)
{
    struct harness *h = *state;
    put(h, "a.csv", "id,t,c\nA,2026-11-23T12:00:00Z,45\n");
    read_with(h, "{\"format\":\"csv\",\"fields\":{\"vin\":\"id\",\"timestamp\":{\"column\":\"t\"},"
                 "\"temp_moteur\":{\"column\":\"c\",\"scale\":2}}}");
    assert_string_equal(h->lines[0], "A|2026-11-23T12:00:00Z|1795435200000000|90|-|-|-|-|-|-|-|-");
}

static void test_one_column_may_serve_two_fields_and_constants_are_kept(void **state)
{
    struct harness *h = *state;
    put(h, "a.csv", "ts,c\n2026-11-23T12:00:00Z, 80 \n2026-11-23T12:00:01Z,90,\n,90\n");
    read_with(h, "{\"format\":\"csv\",\"trim\":true,\"trailing_delimiter\":true,\"fields\":{"
                 "\"vin\":{\"constant\":\"V 1\"},\"timestamp\":\"ts\",\"temp_moteur\":\"c\","
                 "\"vitesse\":\"c\"}}");
    assert_int_equal(h->line_count, 2);
    assert_string_equal(h->lines[0],
                        "V 1|2026-11-23T12:00:00Z|1795435200000000|80|80|-|-|-|-|-|-|-");
    assert_string_equal(h->rejects[0], "a.csv@56 missing:timestamp");
}

static void test_a_CSV_file_without_a_mapped_column_is_an_error(void **state)
{
    struct harness *h = *state;
    struct ingest_map *map = make_map(h, "{\"format\":\"csv\",\"fields\":{" VIN_AND_TIME "}}");
    assert_non_null(map);
    put(h, "a.csv", "id,time\nA,2026-11-23\n");
    h->options.spec = &map_spec;
    h->options.map = map;
    assert_int_equal(read_again(h, NULL), -1);
    assert_non_null(strstr(h->err.text[LANG_EN], "\"ts\""));
    put(h, "a.csv", "");
    assert_int_equal(read_again(h, NULL), 0);
    assert_string_equal(h->rejects[0], "a.csv@0 row_shape");
    ingest_map_free(map);
}

static void test_a_slip_in_a_map_is_an_error_that_names_the_key(void **state)
{
#define TIME_OF(rule) \
    "{\"format\":\"csv\",\"fields\":{\"vin\":\"id\",\"timestamp\":{\"column\":\"t\"," rule "}}}"
#define VIN_OF(rule) "{\"format\":\"csv\",\"fields\":{\"vin\":{" rule "},\"timestamp\":\"t\"}}"
#define FIELDS_OF(more) "{\"format\":\"csv\",\"fields\":{" VIN_AND_TIME "," more "}}"
    static const struct {
        const char *json, *named;
    } cases[] = {
        {"", "not JSON"},
        {"{\"format\":\"csv\",}", "line 1"},
        {"[]", "object"},
        {"{}", "\"format\""},
        {"{\"format\":\"xml\"}", "\"format\""},
        {"{\"format\":5}", "\"format\""},
        {"{\"format\":\"csv\",\"format\":\"csv\"}", "not JSON"},
        {"{\"format\":\"csv\"}", "\"fields\""},
        {"{\"format\":\"csv\",\"fields\":[]}", "\"fields\""},
        {"{\"format\":\"csv\",\"fields\":{\"vin\":\"id\"}}", "fields.timestamp"},
        {"{\"format\":\"csv\",\"separator\":\";\",\"fields\":{" VIN_AND_TIME "}}", "separator"},
        {"{\"format\":\"csv\",\"delimiter\":\"ab\",\"fields\":{" VIN_AND_TIME "}}", "delimiter"},
        {"{\"format\":\"csv\",\"delimiter\":\"\\\"\",\"fields\":{" VIN_AND_TIME "}}", "delimiter"},
        {"{\"format\":\"csv\",\"decimal\":\",\",\"fields\":{" VIN_AND_TIME "}}", "decimal"},
        {"{\"format\":\"csv\",\"trim\":1,\"fields\":{" VIN_AND_TIME "}}", "trim"},
        {"{\"format\":\"json\",\"delimiter\":\";\",\"fields\":{" VIN_AND_TIME "}}", "delimiter"},
        {"{\"format\":\"csv\",\"comment\":1,\"fields\":{" VIN_AND_TIME "}}", "comment"},
        {FIELDS_OF("\"temp\":\"t\""), "fields.temp"},
        {FIELDS_OF("\"event_ts\":\"t\""), "fields.event_ts"},
        {FIELDS_OF("\"temp_moteur\":5"), "temp_moteur"},
        {FIELDS_OF("\"temp_moteur\":\"\""), "temp_moteur.column"},
        {FIELDS_OF("\"temp_moteur\":{}"), "temp_moteur"},
        {FIELDS_OF("\"temp_moteur\":{\"constant\":\"90\"}"), "temp_moteur"},
        {FIELDS_OF("\"temp_moteur\":{\"column\":1}"), "temp_moteur.column"},
        {FIELDS_OF("\"temp_moteur\":{\"column\":\"t\",\"unit\":\"furlong\"}"), "temp_moteur.unit"},
        {FIELDS_OF("\"temp_moteur\":{\"column\":\"t\",\"unit\":\"K\",\"scale\":2}"),
         "temp_moteur.unit"},
        {FIELDS_OF("\"temp_moteur\":{\"column\":\"t\",\"scale\":\"2\"}"), "temp_moteur.scale"},
        {FIELDS_OF("\"temp_moteur\":{\"column\":\"t\",\"format\":\"%Y\"}"), "temp_moteur.format"},
        {FIELDS_OF("\"temp_moteur\":{\"column\":\"t\",\"unit\":5}"), "temp_moteur.unit"},
        {FIELDS_OF("\"temp_moteur\":{\"column\":\"t\",\"offset\":\"2\"}"), "temp_moteur.offset"},
        {FIELDS_OF("\"temp_moteur\":{\"column\":\"t\",\"unit\":\"K\",\"offset\":2}"),
         "temp_moteur.unit"},
        {FIELDS_OF("\"vitesse\":{\"constant\":\"90\"}"), "vitesse"},
        {"{\"format\":\"csv\",\"delimiter\":5,\"fields\":{" VIN_AND_TIME "}}", "delimiter"},
        {"{\"format\":\"csv\",\"decimal\":\"\",\"fields\":{" VIN_AND_TIME "}}", "decimal"},
        {"{\"format\":\"csv\",\"trailing_delimiter\":null,\"fields\":{" VIN_AND_TIME "}}",
         "trailing_delimiter"},
        {TIME_OF("\"unit\":5"), "timestamp.unit"},
        {TIME_OF("\"format\":5"), "timestamp.format"},
        {TIME_OF("\"unit\":\"s\",\"format\":\"%Y\""), "exclude one another"},
        {TIME_OF("\"unit\":\"s\",\"start\":5"), "timestamp.start"},
        {VIN_OF("\"x\":1"), "vin.x"},
        {VIN_OF("\"constant\":1"), "vin.constant"},
        {VIN_OF("\"file_name\":1"), "vin.file_name"},
        {"{\"format\":\"csv\",\"fields\":{\"vin\":\"id\",\"timestamp\":{\"column\":\"t\","
         "\"format\":\"%d %b\"}}}",
         "timestamp.format"},
        {"{\"format\":\"csv\",\"fields\":{\"vin\":\"id\",\"timestamp\":{\"column\":\"t\","
         "\"unit\":\"weeks\"}}}",
         "timestamp.unit"},
        {"{\"format\":\"csv\",\"fields\":{\"vin\":\"id\",\"timestamp\":{\"column\":\"t\","
         "\"unit\":\"s\",\"start\":\"noon\"}}}",
         "timestamp.start"},
        {"{\"format\":\"csv\",\"fields\":{\"vin\":\"id\",\"timestamp\":{\"column\":\"t\","
         "\"start\":\"2026-11-23\"}}}",
         "timestamp.start"},
        {"{\"format\":\"csv\",\"fields\":{\"vin\":{\"column\":\"id\",\"unit\":\"m\"},"
         "\"timestamp\":\"t\"}}",
         "vin.unit"},
        {"{\"format\":\"csv\",\"fields\":{\"vin\":{\"constant\":\"x\",\"file_name\":true},"
         "\"timestamp\":\"t\"}}",
         "vin"},
    };
    struct harness *h = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        h->err.text[LANG_EN][0] = '\0';
        struct ingest_map *map = make_map(h, cases[i].json);
        print_message("%s\n  %s\n  %s\n", cases[i].json, h->err.text[LANG_EN],
                      h->err.text[LANG_FR]);
        assert_null(map);
        assert_non_null(strstr(h->err.text[LANG_EN], cases[i].named));
        assert_non_null(strstr(h->err.text[LANG_EN], "map.json"));
    }
    assert_null(ingest_map_read("/nowhere/map.json", &map_spec, &h->err));
    ingest_map_free(NULL);
}

static void test_real_trips_reconcile_through_the_map_of_the_documentation(void **state)
{
    struct harness *h = *state;
    const char *data = shared_path(&h->arena, "data/carobd");
    if (!data) {
        skip();
    }
    struct ingest_map *map = ingest_map_read(
        arena_printf(&h->arena, "%s/docs/maps/carobd.json", source_root()), &map_spec, &h->err);
    assert_non_null(map);
    h->options.spec = &map_spec;
    h->options.map = map;
    struct ingest_sink sink = {h, on_rows, on_reject, on_file};
    assert_int_equal(ingest_folder(data, ".", &h->options, &sink, &h->counts, &h->err), 0);
    ingest_map_free(map);
    assert_int_equal(h->counts.files, 5);
    /* lines less headers; the last one of idle1 has no line feed */
    assert_int_equal(h->counts.records, 2709 + 1213 + 1226 + 3853 + 2823);
    assert_int_equal(h->counts.quarantined, 2);
    assert_int_equal(h->counts.accepted, 11822);
    qsort(h->rejects, h->reject_count, sizeof *h->rejects, compare_lines);
    assert_non_null(strstr(h->rejects[0], "idle1.csv.gz@"));
    assert_non_null(strstr(h->rejects[0], " row_shape"));
    assert_non_null(strstr(h->rejects[1], "idle2.csv.gz@"));
    assert_int_equal(h->counts.missing[MAP_temp_moteur], 0);
    assert_int_equal(h->counts.missing[MAP_km_actuel], 11822);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_columns_units_and_formats_are_converted_from_CSV),
        CASE(test_fields_of_JSON_are_renamed_and_clocks_are_read),
        CASE(test_a_number_where_a_date_is_written_by_a_format_is_refused),
        CASE(test_dates_in_their_own_format_are_read_from_one_table),
        CASE(test_a_time_column_without_a_rule_is_read_as_ISO_8601),
        CASE(test_one_column_may_serve_two_fields_and_constants_are_kept),
        CASE(test_a_CSV_file_without_a_mapped_column_is_an_error),
        CASE(test_a_slip_in_a_map_is_an_error_that_names_the_key),
        CASE(test_real_trips_reconcile_through_the_map_of_the_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
