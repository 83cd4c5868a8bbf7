/* What makes a message good or bad: every reason, every accepted form, through an NDJSON file. */
#include "harness.h"

/* Reads one line and returns the reasons it is refused for, "" when it is accepted. */
static const char *reasons_for(struct harness *h, const char *line, size_t size)
{
    put_bytes(h, "a.ndjson", line, size);
    assert_int_equal(read_again(h, NULL), 0);
    assert_int_equal(h->counts.records, 1);
    return h->reject_count ? strchr(h->rejects[0], ' ') + 1 : "";
}

static void test_malformed_messages_are_refused_with_every_reason(void **state)
{
    static const struct {
        const char *line, *reasons;
    } cases[] = {
        /* broken JSON */
        {"{", "broken_json"},
        {"}", "broken_json"},
        {"{}}", "broken_json"},
        {"hello", "broken_json"},
        {"{" T ",\"vin\":\"A\"", "broken_json"},
        {"{" T ",\"vin\":\"A\",}", "broken_json"},
        {"{,\"vin\":\"A\"," T "}", "broken_json"},
        {"{\"vin\" \"A\"," T "}", "broken_json"},
        {"{'vin':'A'," T "}", "broken_json"},
        {"{vin:\"A\"," T "}", "broken_json"},
        {"{\"vin\":\"A\" " T "}", "broken_json"},
        {MSG("A") "x", "broken_json"},
        {MSG("A") "{}", "broken_json"},
        {MSG("A") ",", "broken_json"},
        {"{\"vin\":\"A\t\"," T "}", "broken_json"},
        {"{\"vin\":\"A\\q\"," T "}", "broken_json"},
        {"{\"vin\":\"A\\u12\"," T "}", "broken_json"},
        {"{\"vin\":\"A\\u12G4\"," T "}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":NaN}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":Infinity}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":-Infinity}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":+1}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":01}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":.5}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":5.}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":1e}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":-}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":0x10}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":1 2}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":True}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"km_actuel\":nul}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"x\":[1,}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"x\":[1,]}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"x\":{\"a\"}}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"x\":{1:2}}", "broken_json"},
        {"{\"vin\":\"A\"," T ",\"x\":[1}]}", "broken_json"},
        {"{\"vin\":\"A\"," T "} // comment", "broken_json"},
        {"\xef\xbb\xbf\xef\xbb\xbf" MSG("A"), "broken_json"},
        /* JSON, but no message */
        {"[]", "not_an_object"},
        {"[" MSG("A") "]", "not_an_object"},
        {"\"vin\"", "not_an_object"},
        {"12", "not_an_object"},
        {"null", "not_an_object"},
        /* texts that are none */
        {"{\"vin\":\"A\xff\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\xc3\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\xc0\xaf\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\xed\xa0\x80\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\xf4\x90\x80\x80\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\\ud800\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\\udc00x\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\\ud800\\u0041\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\\ud800\\uffff\"," T "}", "bad_utf8"},
        {"{\"vin\":\"\\ud800\\n12345\"," T "}", "bad_utf8"},
        {"{\"vin\":\"A\"," T ",\"x\":\"\xff\"}", "bad_utf8"},
        {"{\"vin\":\"A\"," T ",\"\\ud800\":1}", "bad_utf8"},
        /* fields */
        {"{}", "missing:vin|missing:timestamp"},
        {"{\"VIN\":\"A\"," T "}", "missing:vin"},
        {"{\"vin\":null," T "}", "missing:vin"},
        {"{\"vin\":\"\"," T "}", "missing:vin"},
        {"{\"vin\":\" \\t\\n\"," T "}", "missing:vin"},
        {"{\"vin\":5," T "}", "not_a_text:vin"},
        {"{\"vin\":{\"a\":[]}," T "}", "not_a_text:vin"},
        {"{\"vin\":\"A\\u0000B\"," T "}", "unreadable:vin"},
        {"{\"vin\":\"A\",\"vin\":\"B\"," T "}", "duplicate_field:vin"},
        {"{\"vin\":\"A\",\"v\\u0069n\":null," T "}", "duplicate_field:vin|missing:vin"},
        {"{\"vin\":\"A\"}", "missing:timestamp"},
        {"{\"vin\":\"A\",\"timestamp\":\"hier\"}", "unreadable:timestamp"},
        {"{\"vin\":\"A\",\"timestamp\":1764000000}", "not_a_text:timestamp"},
        {"{\"vin\":\"A\",\"timestamp\":\"1999-12-31T23:59:59\"}", "impossible:timestamp"},
        {"{\"vin\":\"A\",\"timestamp\":\"2026-11-25T00:00:00\"}", "impossible:timestamp"},
        {"{\"vin\":\"A\"," T ",\"temp_moteur\":\"90\"}", "not_a_number:temp_moteur"},
        {"{\"vin\":\"A\"," T ",\"temp_moteur\":true}", "not_a_number:temp_moteur"},
        {"{\"vin\":\"A\"," T ",\"temp_moteur\":[]}", "not_a_number:temp_moteur"},
        {"{\"vin\":\"A\"," T ",\"temp_moteur\":250.1}", "impossible:temp_moteur"},
        {"{\"vin\":\"A\"," T ",\"temp_moteur\":1e400}", "impossible:temp_moteur"},
        {"{\"vin\":\"A\"," T ",\"vitesse\":300.4}", "impossible:vitesse"},
        {"{\"vin\":\"A\"," T ",\"vitesse\":-0.1}", "impossible:vitesse"},
        {"{\"vin\":\" \",\"timestamp\":\"x\",\"temp_moteur\":\"y\",\"km_actuel\":-1,"
         "\"km_actuel\":-2}",
         "duplicate_field:km_actuel|missing:vin|unreadable:timestamp|not_a_number:temp_moteur|"
         "impossible:km_actuel"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].line);
        assert_string_equal(reasons_for(*state, cases[i].line, strlen(cases[i].line)),
                            cases[i].reasons);
    }
}

static void test_accepted_forms_give_the_values_they_stand_for(void **state)
{
    static const struct {
        const char *line, *row;
    } cases[] = {
        {MSG("A"), "A|2026-11-23T12:00:00|1795435200000000|-|-|-|-"},
        {"\xef\xbb\xbf" MSG("A") "\r", "A|2026-11-23T12:00:00|1795435200000000|-|-|-|-"},
        {" {\t\"timestamp\" : \"2026-11-23T13:00+01:00\" , \"vin\":\"A\" } ",
         "A|2026-11-23T13:00+01:00|1795435200000000|-|-|-|-"},
        {"{\"vin\":\"A\"," T ",\"temp_moteur\":90.25,\"vitesse\":80,\"km_actuel\":5e6,"
         "\"pression_huile\":3.2E-1}",
         "A|2026-11-23T12:00:00|1795435200000000|90.25|80|5000000|0.32"},
        {"{\"vin\":\"A\"," T ",\"temp_moteur\":-0.0,\"vitesse\":0.5,\"km_actuel\":2.5}",
         "A|2026-11-23T12:00:00|1795435200000000|0|1|3|-"},
        {"{\"vin\":\"A\"," T ",\"vitesse\":null,\"x\":{\"y\":[{},[],\"z\",-1e-5,true,false,null]}}",
         "A|2026-11-23T12:00:00|1795435200000000|-|-|-|-"},
        {"{\"v\\u0069n\":\"\\u0041\\ud83d\\ude97\\/\\\"\\\\\"," T "}",
         "A\xf0\x9f\x9a\x97/\"\\|2026-11-23T12:00:00|1795435200000000|-|-|-|-"},
        {"{\"vin\":\"x'); DROP TABLE t;--\\n\\u0001\"," T "}",
         "x'); DROP TABLE t;--\n\001|2026-11-23T12:00:00|1795435200000000|-|-|-|-"},
        {"{\"vin\":\"\\\"=cmd|' /C'!A0\"," T "}",
         "\"=cmd|' /C'!A0|2026-11-23T12:00:00|1795435200000000|-|-|-|-"},
        {"{\"vin\":\"\xc3\xa9\xe2\x82\xac\"," T "}",
         "\xc3\xa9\xe2\x82\xac|2026-11-23T12:00:00|1795435200000000|-|-|-|-"},
        {"{\"vin\":\"A\"," T ",\"pression_huile\":1.000000000000000000000000000001}",
         "A|2026-11-23T12:00:00|1795435200000000|-|-|-|1"},
        {"{\"vin\":\"A\"," T ",\"pression_huile\":1e-400}",
         "A|2026-11-23T12:00:00|1795435200000000|-|-|-|0"},
    };
    struct harness *h = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(reasons_for(h, cases[i].line, strlen(cases[i].line)), "");
        assert_string_equal(h->lines[0], cases[i].row);
    }
}

static void test_a_NUL_byte_in_a_file_is_broken_json(void **state)
{
    static const char line[] = "{\"vin\":\"A\0B\"," T "}";
    assert_string_equal(reasons_for(*state, line, sizeof line - 1), "broken_json");
}

static void test_texts_above_the_limit_are_refused_and_at_the_limit_accepted(void **state)
{
    struct harness *h = *state;
    char *vin = arena_alloc(&h->arena, RECORD_TEXT_LIMIT + 2, 1);
    memset(vin, 'V', RECORD_TEXT_LIMIT);
    char *line = arena_printf(&h->arena, "{\"vin\":\"%s\"," T "}", vin);
    assert_string_equal(reasons_for(h, line, strlen(line)), "");
    vin[RECORD_TEXT_LIMIT] = 'V';
    line = arena_printf(&h->arena, "{\"vin\":\"%s\"," T "}", vin);
    assert_string_equal(reasons_for(h, line, strlen(line)), "too_long:vin");
}

static const char *nested(struct harness *h, size_t levels)
{
    char *open = arena_alloc(&h->arena, levels + 1, 1);
    char *close = arena_alloc(&h->arena, levels + 1, 1);
    memset(open, '[', levels);
    memset(close, ']', levels);
    return arena_printf(&h->arena, "{\"vin\":\"A\"," T ",\"x\":%s%s}", open, close);
}

static void test_nesting_is_accepted_down_to_256_levels(void **state)
{
    struct harness *h = *state;
    const char *line = nested(h, 256);
    assert_string_equal(reasons_for(h, line, strlen(line)), "");
    line = nested(h, 257);
    assert_string_equal(reasons_for(h, line, strlen(line)), "too_deep");
    line = nested(h, 1000000);
    assert_string_equal(reasons_for(h, line, strlen(line)), "too_deep");
}

static void test_what_was_rounded_missing_or_of_a_wrong_type_is_counted(void **state)
{
    struct harness *h = *state;
    put(h, "a.ndjson",
        "{\"vin\":\"A\"," T ",\"vitesse\":1.5,\"km_actuel\":null}\n"
        "{\"vin\":\"B\"," T ",\"vitesse\":2,\"temp_moteur\":5}\n"
        "{\"vin\":\"\"," T ",\"vitesse\":2.5,\"km_actuel\":\"x\"}\n");
    expect(h, "A B", "a.ndjson@151 missing:vin|not_a_number:km_actuel");
    assert_int_equal(h->counts.rounded[VITESSE], 1);
    assert_int_equal(h->counts.missing[KM], 2);
    assert_int_equal(h->counts.missing[TEMP], 1);
    assert_int_equal(h->counts.missing[VIN], 0);
    assert_int_equal(h->counts.not_a_number[KM], 1);
}

/* Reasons stand between bars, each once; what no longer fits is left out whole. */
static void test_reasons_stand_once_and_never_in_part(void **state)
{
    (void)state;
    struct reasons reasons = {0};
    reasons_add(&reasons, "too_long", "a");
    reasons_add(&reasons, "long", "a"); /* the end of another */
    reasons_add(&reasons, "too_long", NULL);
    reasons_add(&reasons, "too_long", "a");
    reasons_add(&reasons, "too", "long"); /* the beginning of another, but for its sign */
    assert_string_equal(reasons.text, "too_long:a|long:a|too_long|too:long");
    for (int i = 0; i < 1000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "field%d", i);
        reasons_add(&reasons, "impossible", name);
    }
    assert_int_equal(reasons.size, strlen(reasons.text));
    assert_in_range(reasons.size, sizeof reasons.text - 24, sizeof reasons.text - 1);
    const char *last = strrchr(reasons.text, '|');
    char again[32];
    int number = atoi(last + strlen("|impossible:field"));
    (void)snprintf(again, sizeof again, "|impossible:field%d", number);
    assert_string_equal(last, again);
}

static void test_a_date_that_is_no_text_is_unreadable_and_bytes_are_kept(void **state)
{
    static const struct column columns[] = {{"day", COLUMN_DATE}, {"bytes", COLUMN_BLOB}};
    static const struct table table = {"t", columns, 2};
    static const struct record_field fields[] = {
        {{"day", COLUMN_DATE}, false, 0, 30000, -1, false, 0},
        {{"bytes", COLUMN_BLOB}, false, 0, 0, -1, false, 0}};
    static const struct record_spec spec = {&table, fields, 2};
    struct harness *h = *state;
    h->options.spec = &spec;
    put(h, "a.ndjson", "{\"day\":\"1970-01-02\",\"bytes\":\"xyz\"}\n{\"day\":5}\n");
    assert_int_equal(read_again(h, NULL), 0);
    assert_int_equal(h->line_count, 1);
    assert_int_equal(h->reject_count, 1);
    assert_string_equal(h->rejects[0], "a.ndjson@35 unreadable:day");
}

static void test_a_default_stands_for_what_is_missing_and_a_day_for_its_instant(void **state)
{
    static const struct column columns[] = {{"at", COLUMN_TEXT},
                                            {"instant", COLUMN_TIMESTAMP},
                                            {"day", COLUMN_DATE},
                                            {"x", COLUMN_REAL},
                                            {"n", COLUMN_WHOLE}};
    static const struct table table = {"t", columns, 5};
    static const struct record_field fields[] = {
        {{"at", COLUMN_TEXT}, false, 0, 0, -1, false, 0},
        {{"instant", COLUMN_TIMESTAMP}, false, -1e18, 1e18, 0, false, 0},
        {{"day", COLUMN_DATE}, false, 0, 0, 1, false, 0},
        {{"x", COLUMN_REAL}, false, 0, 10, -1, true, 0.25},
        {{"n", COLUMN_WHOLE}, false, 0, 10, -1, true, 7},
    };
    static const struct record_spec spec = {&table, fields, 5};
    struct raw_value values[5] = {
        [0] = {.kind = RAW_TEXT, .text = {"1970-01-03T00:30+01:00", 22}}, [3] = {.kind = RAW_NULL}};
    struct arena arena = {0};
    struct batch batch = {0};
    struct ingest_counts counts = {0};
    struct reasons reasons = {0};
    (void)state;
    batch_init(&batch, &table, &arena);
    assert_true(record_check(&spec, values, &batch, &counts, &reasons));
    values[0].kind = RAW_MISSING;
    values[3] = (struct raw_value){.kind = RAW_NUMBER, .number = 2};
    assert_true(record_check(&spec, values, &batch, &counts, &reasons));
    assert_int_equal(batch.values[2].whole[0], 1); /* in UTC, half an hour before midnight */
    assert_true(batch.null[1][1] && batch.null[2][1]);
    assert_true(!batch.null[3][0] && batch.values[3].real[0] == 0.25);
    assert_true(batch.values[3].real[1] == 2 && batch.values[4].whole[1] == 7);
    assert_int_equal(counts.missing[3], 1);
    assert_int_equal(counts.missing[4], 2);
    arena_release(&arena);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_malformed_messages_are_refused_with_every_reason),
        CASE(test_accepted_forms_give_the_values_they_stand_for),
        CASE(test_a_NUL_byte_in_a_file_is_broken_json),
        CASE(test_texts_above_the_limit_are_refused_and_at_the_limit_accepted),
        CASE(test_nesting_is_accepted_down_to_256_levels),
        CASE(test_reasons_stand_once_and_never_in_part),
        CASE(test_a_date_that_is_no_text_is_unreadable_and_bytes_are_kept),
        CASE(test_a_default_stands_for_what_is_missing_and_a_day_for_its_instant),
        CASE(test_what_was_rounded_missing_or_of_a_wrong_type_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
