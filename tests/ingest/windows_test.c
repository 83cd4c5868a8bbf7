/* Random files through windows of all sizes: where the window ends must not show in the result,
 * and whatever the damage, every record is accounted for. */
#include "harness.h"

#include "base/rng.h"

enum { ROUNDS = 400, ROOM = 16 * 1024 };

struct file_text {
    char bytes[ROOM];
    size_t size;
};

static void append(struct file_text *text, const char *more)
{
    size_t size = strlen(more);
    assert_in_range(text->size + size, 0, ROOM - 1);
    memcpy(text->bytes + text->size, more, size + 1);
    text->size += size;
}

static const char *pick(struct rng *rng, const char *const *list, size_t count)
{
    return list[rng_below(rng, count)];
}
#define PICK(rng, ...)                              \
    pick((rng), (const char *const[]){__VA_ARGS__}, \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* A good message of 45 to about 150 bytes, on one line or several. */
static void append_message(struct file_text *text, struct rng *rng, unsigned number, bool one_line)
{
    char vin[32];
    snprintf(vin, sizeof vin, "\"vin\":\"V%u", number);
    append(text, "{");
    append(text, one_line ? "" : PICK(rng, "", "\n", " "));
    append(text, vin);
    append(text, PICK(rng, "", "\\u00e9", "\xf0\x9f\x9a\x97", "\\\"{[", "]}"));
    append(text, "\"," T);
    append(text, PICK(rng, "", ",\"vitesse\":12.5", ",\"km_actuel\":123456e-1", ",\"x\":[{},null]",
                      ",\"y\":{\"z\":\"}\"}"));
    append(text, one_line ? "}" : PICK(rng, "}", "\n}", " }"));
}

enum shape { LINES, VALUES, ARRAY, ROWS, SHAPES };

static const char *const names[SHAPES] = {"a.ndjson", "a.json", "a.json", "a.csv"};

static void append_row(struct file_text *text, struct rng *rng, unsigned number)
{
    char vin[32];
    snprintf(vin, sizeof vin, "V%u", number);
    append(text, vin);
    append(text, PICK(rng, ",", ",\"\"", ",12", ",\"1\"", ",x"));
    append(text, PICK(rng, ",2026-11-23", ",\"2026-11-23\"", ",\"a\n\"\"\nb\"", ",\xc3\xa9"));
    append(text, PICK(rng, "\n", "\r\n"));
}

static void make_file(struct file_text *text, struct rng *rng, enum shape shape)
{
    unsigned count = (unsigned)rng_below(rng, 60);
    text->size = 0;
    append(text, PICK(rng, "", "\xef\xbb\xbf"));
    append(text, shape == ARRAY ? "[" : shape == ROWS ? "vin,vitesse,timestamp\n" : "");
    for (unsigned i = 0; i < count; i++) {
        append(text, shape == ARRAY && i > 0 ? PICK(rng, ",", " ,\n", ",\n  ") : "");
        if (shape == ROWS) {
            append_row(text, rng, i);
        } else {
            append_message(text, rng, i, shape == LINES);
        }
        append(text, shape == LINES    ? PICK(rng, "\n", "\r\n", "\n\n")
                     : shape == VALUES ? PICK(rng, "", "\n", "  ")
                                       : "");
    }
    append(text, shape == ARRAY ? "]" : shape == VALUES && count == 0 ? MSG("A") : "");
}

static void damage(struct file_text *text, struct rng *rng)
{
    for (uint64_t n = rng_below(rng, 6); n > 0 && text->size > 30; n--) {
        size_t at = 30 + (size_t)rng_below(rng, text->size - 30);
        if (rng_below(rng, 3) == 0) {
            text->size = at;
        } else {
            text->bytes[at] = "\"{}[],\n\\x\xff"[rng_below(rng, 10)];
        }
    }
}

static const struct column row_columns[] = {
    {"vin", COLUMN_TEXT}, {"vitesse", COLUMN_WHOLE}, {"timestamp", COLUMN_TEXT}};
static const struct table row_table = {"rows", row_columns, 3};
static const struct record_field row_fields[] = {
    {{"vin", COLUMN_TEXT}, true, 0, 0, -1, false, 0},
    {{"vitesse", COLUMN_WHOLE}, false, 0, 300, -1, false, 0},
    {{"timestamp", COLUMN_TEXT}, true, 0, 0, -1, false, 0}};
static const struct record_spec row_spec = {&row_table, row_fields, 3};

/* All lines and rejects of one reading as one text. */
static char *reading(struct harness *h, enum shape shape, size_t limit)
{
    h->options.record_limit = limit;
    h->options.spec = shape == ROWS ? &row_spec : &telemetry_spec;
    if (read_again(h, shape == ROWS ? "a.csv" : NULL) != 0) {
        fail_msg("%s", h->err.text[LANG_EN]);
    }
    size_t size = 1;
    for (size_t i = 0; i < h->line_count + h->reject_count; i++) {
        size += 1 + strlen(i < h->line_count ? h->lines[i] : h->rejects[i - h->line_count]);
    }
    char *all = arena_alloc(&h->arena, size, 1);
    char *out = all;
    for (size_t i = 0; i < h->line_count + h->reject_count; i++) {
        out = stpcpy(out, i < h->line_count ? h->lines[i] : h->rejects[i - h->line_count]);
        out = stpcpy(out, "\n");
    }
    return all;
}

static void test_where_the_window_ends_does_not_show(void **state)
{
    struct harness *h = *state;
    struct rng rng;
    static struct file_text text;
    rng_init(&rng, 1, 0);
    for (int round = 0; round < ROUNDS; round++) {
        enum shape shape = (enum shape)(round % SHAPES);
        make_file(&text, &rng, shape);
        if (shape == LINES) {
            damage(&text, &rng);
        }
        fs_remove_tree(in_path(h, "a.json"), &h->err);
        fs_remove_tree(in_path(h, "a.ndjson"), &h->err);
        put_bytes(h, names[shape], text.bytes, text.size);
        char *want = reading(h, shape, 0);
        size_t longest = shape == LINES ? 500 : 200; /* a damaged line feed joins lines */
        char *got = reading(h, shape, longest + (size_t)rng_below(&rng, 300));
        if (!strstr(got, "too_long")) {
            assert_string_equal(got, want);
        } else {
            assert_int_equal(shape, LINES);
        }
        arena_clear(&h->arena);
    }
}

static void test_damaged_files_reconcile_whatever_the_limit(void **state)
{
    struct harness *h = *state;
    struct rng rng;
    static struct file_text text;
    rng_init(&rng, 2, 0);
    for (int round = 0; round < 4 * ROUNDS; round++) {
        enum shape shape = (enum shape)(round % SHAPES);
        make_file(&text, &rng, shape);
        damage(&text, &rng);
        fs_remove_tree(in_path(h, "a.json"), &h->err);
        fs_remove_tree(in_path(h, "a.ndjson"), &h->err);
        put_bytes(h, names[shape], text.bytes, text.size);
        char *small = reading(h, shape, 30 + (size_t)rng_below(&rng, 200));
        char *large = reading(h, shape, 0);
        assert_non_null(small); /* read_again() has reconciled both */
        assert_non_null(large);
        arena_clear(&h->arena);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_where_the_window_ends_does_not_show),
        CASE(test_damaged_files_reconcile_whatever_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
