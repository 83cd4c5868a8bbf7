/* The forms in which messages lie in a folder: single, arrays, lines, compressed, broken. */
#include "harness.h"

#include <malloc.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

static struct bytes gzip(struct harness *h, const char *text, size_t size)
{
    size_t room = size + size / 1000 + 100;
    z_stream z = {0};
    struct bytes out = {.data = arena_alloc(&h->arena, room, 1)};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)size;
    z.next_out = (Bytef *)(uintptr_t)out.data;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.size = z.total_out;
    deflateEnd(&z);
    return out;
}

static struct bytes zstd(struct harness *h, const char *text, size_t size)
{
    size_t room = ZSTD_compressBound(size);
    char *out = arena_alloc(&h->arena, room, 1);
    return (struct bytes){out, ZSTD_compress(out, room, text, size, 3)};
}

static struct bytes join(struct harness *h, struct bytes a, struct bytes b)
{
    char *out = arena_alloc(&h->arena, a.size + b.size, 1);
    memcpy(out, a.data, a.size);
    memcpy(out + a.size, b.data, b.size);
    return (struct bytes){out, a.size + b.size};
}

/* ---- forms of JSON files ---- */

static void test_values_in_a_json_file_are_found_in_every_arrangement(void **state)
{
    static const struct {
        const char *text, *vins, *rejects;
    } cases[] = {
        {MSG("A"), "A", ""},
        {"\xef\xbb\xbf\n {\n  \"vin\" : \"A\",\n  " T "\n}\n", "A", ""},
        {MSG("A") MSG("B"), "A B", ""},
        {MSG("A") "\n" MSG("B") "\r\n\n" MSG("C") "\n", "A B C", ""},
        {"[]", "", ""},
        {"[" MSG("A") "]", "A", ""},
        {" [ " MSG("A") " ,\n" MSG("B") " ] ", "A B", ""},
        {"[" MSG("A") "]\n[" MSG("B") "]" MSG("C"), "A B C", ""},
        {"[" MSG("A") ",7,[" MSG("B") "]," MSG("C") "]", "A C",
         "a.json@47 not_an_object\na.json@49 not_an_object"},
        /* empty */
        {"", "", "a.json@0 broken_json"},
        {"\xef\xbb\xbf", "", "a.json@3 broken_json"},
        {" \n ", "", "a.json@3 broken_json"},
        /* broken messages one after another */
        {"{x}", "", "a.json@0 broken_json"},
        {"{x}" MSG("A"), "A", "a.json@0 broken_json"},
        {"{\"vin\":\"x\n" MSG("A") "\n" MSG("B"), "A B", "a.json@0 broken_json"},
        {"{\"vin\":\n" MSG("A") "\n" MSG("B"), "A B", "a.json@0 broken_json"},
        {MSG("A") "x" MSG("B"), "A", "a.json@45 broken_json"},
        {MSG("A") "x\n" MSG("B"), "A B", "a.json@45 broken_json"},
        {MSG("A") "," MSG("B"), "A", "a.json@45 broken_json"},
        {MSG("A") "]\n" MSG("B"), "A B", "a.json@45 broken_json"},
        {MSG("A") "{\"vin\"", "A", "a.json@45 broken_json"},
        /* broken arrays */
        {"[", "", "a.json@1 broken_json"},
        {"[" MSG("A"), "A", "a.json@46 broken_json"},
        {"[" MSG("A") ",", "A", "a.json@47 broken_json"},
        {"[" MSG("A") ",]", "A", "a.json@47 broken_json"},
        {"[," MSG("A") "]", "", "a.json@1 broken_json"},
        {"[{x}," MSG("A") "]", "A", "a.json@1 broken_json"},
        {"[{x:[1,{}]} , " MSG("A") "]" MSG("B"), "A B", "a.json@1 broken_json"},
        {"[" MSG("A") " " MSG("B") "," MSG("C") "]", "A C", "a.json@47 broken_json"},
        {"[" MSG("A") ",{\"vin\":\"x}," MSG("B") "]", "A", "a.json@47 broken_json"},
        {"[\n  {\"vin\":\"x,\n  },\n  " MSG("A") "\n]", "A", "a.json@4 broken_json"},
        {"[" MSG("A") ",{\"vin\":\"x", "A", "a.json@47 broken_json"},
        {"[{x}", "", "a.json@1 broken_json"},
        {"[{x}\n ", "", "a.json@1 broken_json"},
        {"[{x]," MSG("A") "]", "A", "a.json@1 broken_json"},
        {"[\n\t{x\n\t" MSG("A") "]", "A", "a.json@3 broken_json"},
        {" \t\r\n" MSG("A") "\t", "A", ""},
    };
    struct harness *h = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].text);
        put(h, "a.json", cases[i].text);
        expect(h, cases[i].vins, cases[i].rejects);
    }
}

static void test_a_broken_line_spoils_only_itself(void **state)
{
    struct harness *h = *state;
    put(h, "a.jsonl", "\n" MSG("A") "\n{\"vin\":\n \r\n" MSG("B") " " MSG("C") "\n\n" MSG("D"));
    expect(h, "A D", "a.jsonl@47 broken_json\na.jsonl@58 broken_json");
    put(h, "a.jsonl", "");
    expect(h, "", "");
    put(h, "a.jsonl", "{\n\"vin\":\"A\",\n" T "}\n");
    expect(h, "", "a.jsonl@0 broken_json\na.jsonl@13 broken_json\na.jsonl@2 broken_json");
}

static void test_the_raw_bytes_of_refused_records_are_kept(void **state)
{
    struct harness *h = *state;
    put(h, "a.jsonl", MSG("A") "\n{\"vin\" x\xff\r\n");
    expect(h, "A", "a.jsonl@46 broken_json");
    assert_int_equal(h->last_raw.size, 10);
    assert_memory_equal(h->last_raw.data, "{\"vin\" x\xff\r", 10);
}

/* ---- names ---- */

static void test_a_folder_may_hold_nothing_or_more_than_a_thousand_files(void **state)
{
    struct harness *h = *state;
    expect(h, "", "");
    for (int i = 0; i < 1100; i++) {
        put(h, arena_printf(&h->arena, "msg_%d.json", i), MSG("A"));
    }
    assert_int_equal(read_again(h, NULL), 0);
    assert_int_equal(h->line_count, 1100);
}

static void test_hidden_and_unknown_names_are_ignored_and_counted(void **state)
{
    struct harness *h = *state;
    put(h, ".a.json", MSG("X"));
    put(h, "_a.json", MSG("X"));
    put(h, "_SIMULATED", "");
    put(h, "a.txt", MSG("X"));
    put(h, "a.csv", "vin\nX\n");
    put(h, "json", MSG("X"));
    put(h, "a.json.bz2", "x");
    put(h, "b.JSON", MSG("A"));
    assert_int_equal(mkdir(in_path(h, "sub"), 0777), 0);
    expect(h, "A", "");
    assert_int_equal(h->counts.ignored, 8);
    assert_int_equal(h->counts.files, 1);
}

static void test_what_is_no_readable_file_counts_as_one_refused_record(void **state)
{
    struct harness *h = *state;
    assert_int_equal(mkdir(in_path(h, "msg_1.json"), 0777), 0);
    assert_int_equal(mkfifo(in_path(h, "msg_2.json"), 0777), 0);
    assert_int_equal(symlink("/nowhere/at/all", in_path(h, "msg_3.json")), 0);
    put(h, "z.json", MSG("A"));
    expect(h, "A",
           "msg_1.json@0 unreadable_file\nmsg_2.json@0 unreadable_file\n"
           "msg_3.json@0 unreadable_file");
    assert_int_equal(h->counts.files, 4);
}

static void test_names_that_are_no_UTF8_are_reported_escaped(void **state)
{
    struct harness *h = *state;
    put(h, "caf\xe9.json", "x");
    put(h, "caf\xc3\xa8.json", "x");
    expect(h, "", "caf\\xe9.json@0 broken_json\ncaf\xc3\xa8.json@0 broken_json");
}

/* Opens, and fails when it is read. */
static void test_a_file_that_cannot_be_read_on_is_one_refused_record(void **state)
{
    struct harness *h = *state;
    assert_int_equal(symlink("/proc/self/mem", in_path(h, "a.json")), 0);
    assert_int_equal(symlink("/proc/self/mem", in_path(h, "b.jsonl")), 0);
    assert_int_equal(symlink("/proc/self/mem", in_path(h, "c.json.gz")), 0);
    put(h, "z.json", MSG("A"));
    expect(h, "A",
           "a.json@0 unreadable_file\nb.jsonl@0 unreadable_file\n"
           "c.json.gz@0 unreadable_file");
    assert_int_equal(h->counts.files, 4);
}

static void test_files_that_were_taken_before_are_passed_over(void **state)
{
    struct harness *h = *state;
    const struct ingest_taken files[] = {
        {.source = "in/a.json"}, {.source = "in/b\\xfe.json"}, {.source = "in/d\\x5cxff.json"}};
    const struct ingest_takens takens = {files, 3};
    const struct ingest_takens none = {files, 0};
    put(h, "a.json", MSG("A"));
    put(h, "b\xfe.json", MSG("X"));
    put(h, "b\xff.json", MSG("B"));
    put(h, "c.json", MSG("C"));
    put(h, "d\\xff.json", MSG("Y"));
    h->options.takens = &takens;
    expect(h, "B C", "");
    h->options.takens = &none;
    expect(h, "A B C X Y", "");
}

static void test_a_file_is_unchanged_while_size_time_and_inode_are(void **state)
{
    struct harness *h = *state;
    struct stat info;
    put(h, "a.json", MSG("A"));
    assert_int_equal(stat(in_path(h, "a.json"), &info), 0);
    const struct ingest_taken is = {.source = "in/a.json",
                                    .bytes = (uint64_t)info.st_size,
                                    .inode = (int64_t)info.st_ino,
                                    .mtime = (int64_t)info.st_mtim.tv_sec * 1000000000 +
                                             info.st_mtim.tv_nsec};
    struct ingest_taken files[6] = {is, is, is, is, is, is};
    files[1].bytes++;
    files[2].inode++;
    files[3].mtime++;
    files[4].mtime = 0; /* not known: written in the same tick of the clock */
    files[5].source = "in/b.json";
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct ingest_takens takens = {&files[i], 1};
        assert_int_equal(ingest_unchanged(h->root, &takens), i == 0);
    }
}

/* Notes how much memory is in use while files are read. */
static int weigh(void *context, const struct input_file *file, struct error *err)
{
    size_t *most = context;
    const struct mallinfo2 info = mallinfo2();
    size_t used = info.uordblks + info.hblkhd;
    (void)file, (void)err;
    *most = used > *most ? used : *most;
    return 0;
}

static int take_rows(void *context, const struct batch *batch, struct error *err)
{
    (void)context, (void)batch, (void)err;
    return 0;
}

/* Links to one message, up to number `end`; gives the most memory while all are read. */
static size_t weigh_links(struct harness *h, int from, int end)
{
    size_t most = 0;
    const struct ingest_sink sink = {&most, take_rows, NULL, weigh};
    const char *first = in_path(h, "a.json");
    for (int i = from; i < end; i++) {
        assert_int_equal(link(first, in_path(h, arena_printf(&h->arena, "msg_%d.json", i))), 0);
    }
    arena_release(&h->arena);
    h->options.threads = 1;
    assert_int_equal(ingest_folder(h->root, "in", &h->options, &sink, &h->counts, &h->err), 0);
    assert_int_equal(h->counts.accepted, end + 1);
    return most;
}

static void test_a_name_in_a_folder_costs_less_than_a_hundred_bytes(void **state)
{
    enum { LINKS = 20000 };
    struct harness *h = *state;
    const struct mallinfo2 none = mallinfo2();
    if (none.uordblks + none.hblkhd == 0) {
        skip(); /* under a sanitizer, which has an allocator of its own */
    }
    put(h, "a.json", MSG("A"));
    size_t few = weigh_links(h, 0, LINKS);
    size_t many = weigh_links(h, LINKS, 2 * LINKS);
    assert_in_range(many - few, LINKS, LINKS * 100);
}

static void test_an_absent_folder_is_an_error_with_its_name(void **state)
{
    struct harness *h = *state;
    assert_int_equal(fs_remove_tree(in_path(h, ""), &h->err), 0);
    assert_int_equal(read_again(h, NULL), -1);
    assert_non_null(strstr(h->err.text[LANG_EN], "/in"));
}

/* ---- compression ---- */

static void test_compressed_files_are_read_also_with_several_members(void **state)
{
    struct harness *h = *state;
    const char *line = MSG("A") "\n";
    struct bytes gz = gzip(h, line, strlen(line));
    struct bytes zst = zstd(h, line, strlen(line));
    struct bytes two;
    put_bytes(h, "a.jsonl.gz", gz.data, gz.size);
    put_bytes(h, "b.ndjson.zst", zst.data, zst.size);
    put_bytes(h, "c.json.gz", gz.data, gz.size);
    two = join(h, gz, gz);
    put_bytes(h, "d.json.gz", two.data, two.size);
    two = join(h, zst, zst);
    put_bytes(h, "e.json.zst", two.data, two.size);
    expect(h, "A A A A A A A", "");
}

static void
test_the_whole_lines_before_a_break_are_accepted_and_the_break_is_one_record(void **state)
{
    struct harness *h = *state;
    const char *lines = MSG("A") "\n" MSG("B") "\n";
    struct bytes gz = gzip(h, lines, strlen(lines));
    struct bytes zst = zstd(h, lines, strlen(lines));
    put_bytes(h, "a.jsonl.gz", gz.data, gz.size - 8); /* all data, no checksum */
    expect(h, "A B", "a.jsonl.gz@92 broken_compression");
    assert_int_equal(h->last_raw.size, 0);
    put_bytes(h, "a.jsonl.gz", gz.data, gz.size - 12);
    assert_int_equal(read_again(h, NULL), 0);
    assert_int_equal(h->reject_count, 1);
    put_bytes(h, "a.jsonl.gz", gz.data, 0);
    expect(h, "", "a.jsonl.gz@0 broken_compression");
    put(h, "a.jsonl.gz", lines);
    expect(h, "", "a.jsonl.gz@0 broken_compression");
    struct bytes tail = join(h, gz, (struct bytes){"tail", 4});
    put_bytes(h, "a.jsonl.gz", tail.data, tail.size);
    expect(h, "A B", "a.jsonl.gz@92 broken_compression");
    assert_int_equal(fs_remove_tree(in_path(h, "a.jsonl.gz"), &h->err), 0);
    put_bytes(h, "a.json.zst", zst.data, zst.size - 5);
    expect(h, "", "a.json.zst@0 broken_compression");
    put_bytes(h, "a.json.zst", zst.data, 0);
    expect(h, "", "a.json.zst@0 broken_compression");
}

static void test_a_json_file_that_breaks_off_inside_a_message_keeps_the_ones_before(void **state)
{
    struct harness *h = *state;
    static const char text[] = MSG("A") "\n{\"vin\":\"B";
    struct bytes gz = gzip(h, text, sizeof text - 1);
    put_bytes(h, "a.json.gz", gz.data, gz.size - 8);
    expect(h, "A", "a.json.gz@46 broken_compression");
    assert_int_equal(h->last_raw.size, 9);
}

/* All of the file is taken before all of its text has room. */
static void test_text_that_waits_in_the_decompressor_is_not_lost(void **state)
{
    struct harness *h = *state;
    char *text = arena_alloc(&h->arena, 50000, 1);
    memset(text, 'x', 50000);
    memcpy(text + 50000 - strlen("\n" MSG("A")), "\n" MSG("A"), strlen("\n" MSG("A")));
    struct bytes zst = zstd(h, text, 50000);
    put_bytes(h, "a.jsonl.zst", zst.data, zst.size);
    h->options.record_limit = 100;
    expect(h, "A", "a.jsonl.zst@0 too_long");
}

#define TABLE "vin,timestamp,temp_moteur,vitesse,km_actuel,pression_huile\n"

static void test_a_compressed_table_that_breaks_off_keeps_the_whole_rows(void **state)
{
#define ROW_A TABLE "A,2026-11-23,,,,\n"
    static const struct {
        const char *text;
        size_t rows;
        const char *rejects; /* after "a.csv.gz@" */
    } cases[] = {
        {TABLE, 0, "59 broken_compression"},
        {ROW_A, 1, "76 broken_compression"},
        {ROW_A "B,2026-11-2", 1, "76 broken_compression"},
        {ROW_A "B\"", 1, "76 broken_compression"},
        {ROW_A "\"B", 1, "76 row_shape 78 broken_compression"}, /* the quote may be wrong too */
        {ROW_A "B,,\"\n", 1, "76 row_shape 81 broken_compression"},
    };
    struct harness *h = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes gz = gzip(h, cases[i].text, strlen(cases[i].text));
        put_bytes(h, "a.csv.gz", gz.data, gz.size - 8);
        print_message("%s\n", cases[i].text);
        assert_int_equal(read_again(h, "a.csv.gz"), 0);
        char *got = arena_strdup(&h->arena, "");
        for (size_t r = 0; r < h->reject_count; r++) {
            got = arena_printf(&h->arena, "%s%s%s", got, r > 0 ? " " : "",
                               h->rejects[r] + strlen("a.csv.gz@"));
        }
        assert_string_equal(got, cases[i].rejects);
        assert_int_equal(h->line_count, cases[i].rows);
    }
}

static void test_the_hash_is_of_the_bytes_on_disk_also_behind_a_break(void **state)
{
    struct harness *h = *state;
    char want[HASH_TEXT_SIZE];
    uint64_t size;
    static char junk[300000];
    put(h, "a.json", MSG("A"));
    expect(h, "A", "");
    assert_int_equal(hash_file(in_path(h, "a.json"), want, &size, &h->err), 0);
    assert_string_equal(h->last_hash, want);
    assert_int_equal(h->counts.bytes, size);
    assert_int_equal(fs_remove_tree(in_path(h, "a.json"), &h->err), 0);
    put_bytes(h, "b.json.gz", junk, sizeof junk);
    expect(h, "", "b.json.gz@0 broken_compression");
    assert_int_equal(hash_file(in_path(h, "b.json.gz"), want, &size, &h->err), 0);
    assert_string_equal(h->last_hash, want);
    assert_int_equal(h->counts.bytes, sizeof junk);
}

/* ---- bounded memory ---- */

static char *filled(struct harness *h, const char *head, char c, size_t count, const char *tail)
{
    size_t head_size = strlen(head);
    char *text = arena_alloc(&h->arena, head_size + count + strlen(tail) + 1, 1);
    memcpy(text, head, head_size);
    memset(text + head_size, c, count);
    strcpy(text + head_size + count, tail);
    return text;
}

static void test_a_record_above_the_limit_is_refused_and_the_next_is_read(void **state)
{
    struct harness *h = *state;
    h->options.record_limit = 100;
    const char *vin = filled(h, "{\"vin\":\"", 'x', 500000, "\"," T "}\n");
    put(h, "a.jsonl", arena_printf(&h->arena, "%s\n%s%s", MSG("A"), vin, MSG("B")));
    expect(h, "A B", "a.jsonl@46 too_long");
    assert_int_equal(h->last_raw.size, 100);
    assert_int_equal(fs_remove_tree(in_path(h, "a.jsonl"), &h->err), 0);
    put(h, "a.json", arena_printf(&h->arena, "%s\n%s%s", MSG("A"), vin, MSG("B")));
    expect(h, "A B", "a.json@46 too_long");
    put(h, "a.json", arena_printf(&h->arena, "[%s,\n%s,\n  %s]", MSG("A"), vin, MSG("B")));
    expect(h, "A B", "a.json@48 too_long");
    put(h, "a.json", filled(h, "[" MSG("A") ",", 'x', 500000, ""));
    expect(h, "A", "a.json@47 broken_json");
}

/* Wherever the window ends: a value that may go on is read on, a long line is stepped over. */
static void test_values_and_long_lines_may_end_at_any_byte_of_the_window(void **state)
{
    struct harness *h = *state;
    char *deep = filled(h, "{\"x\":", '[', 300, "");
    for (size_t pad = 1; pad < 250; pad++) {
        h->options.record_limit = 100;
        char *blanks = filled(h, "", ' ', pad, "");
        put(h, "a.json", arena_printf(&h->arena, "%s[1234,\"ab\",[5],true]%s", blanks, blanks));
        assert_int_equal(read_again(h, NULL), 0);
        assert_int_equal(h->reject_count, 4);
        for (size_t i = 0; i < 4; i++) {
            assert_non_null(strstr(h->rejects[i], "not_an_object"));
        }
        put(h, "a.json", filled(h, "[{x}, {\"vin\":\"", 'x', 100 + pad, "\"},\n" MSG("A") "]"));
        assert_int_equal(read_again(h, NULL), 0);
        assert_int_equal(h->line_count, 1);
        assert_int_equal(h->reject_count, 2);
        put(h, "a.json",
            arena_printf(&h->arena, "%s[{x, and enough behind it} ,%s]", blanks, MSG("A")));
        assert_int_equal(read_again(h, NULL), 0);
        assert_int_equal(h->line_count, 1);
        assert_int_equal(h->reject_count, 1);
        h->options.record_limit = 400;
        put(h, "a.json", arena_printf(&h->arena, "%s%s\n%s", blanks, deep, MSG("A")));
        assert_int_equal(read_again(h, NULL), 0);
        assert_int_equal(h->line_count, 1);
        assert_int_equal(h->reject_count, 1);
        assert_non_null(strstr(h->rejects[0], "too_deep"));
        assert_int_equal(fs_remove_tree(in_path(h, "a.json"), &h->err), 0);
        h->options.record_limit = 100;
        put(h, "a.jsonl", filled(h, "", 'x', 100 + pad, ""));
        expect(h, "", "a.jsonl@0 too_long");
        assert_int_equal(fs_remove_tree(in_path(h, "a.jsonl"), &h->err), 0);
    }
}

static void test_blanks_behind_a_long_message_are_stepped_over(void **state)
{
    struct harness *h = *state;
    h->options.record_limit = 1000;
    char *blanks = filled(h, "", ' ', 3000, "");
    put(h, "a.json",
        arena_printf(&h->arena, "%s%s\n%s", filled(h, "{\"", 'x', 2000, ""), blanks, MSG("A")));
    expect(h, "A", "a.json@0 too_long");
}

static void test_a_record_of_exactly_the_limit_is_accepted(void **state)
{
    struct harness *h = *state;
    const char *line = MSG("A");
    h->options.record_limit = strlen(line);
    put(h, "a.jsonl", arena_printf(&h->arena, "%s\n%s", line, line));
    put(h, "b.json", line);
    expect(h, "A A A", "");
    h->options.record_limit--;
    expect(h, "", "a.jsonl@0 too_long\na.jsonl@46 too_long\nb.json@0 too_long");
}

static void test_a_record_larger_than_the_first_window_is_accepted(void **state)
{
    struct harness *h = *state;
    const char *text = filled(h, "{\"vin\":\"A\"," T ",\"x\":\"", 'x', 3000000, "\"}\n");
    put(h, "a.jsonl", arena_printf(&h->arena, "%s%s", text, MSG("B")));
    put(h, "b.json", arena_printf(&h->arena, "[%s,%s]", text, text));
    expect(h, "A A A B", "");
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void test_a_line_of_one_gigabyte_takes_little_memory(void **state)
{
    enum { CHUNK = 1 << 20, CHUNKS = 1024 };
    struct harness *h = *state;
    char *chunk = filled(h, "", 'x', CHUNK, "");
    gzFile out = gzopen(in_path(h, "a.jsonl.gz"), "wb1");
    assert_non_null(out);
    assert_true(gzputs(out, MSG("A") "\n{\"vin\":\"") > 0);
    for (int i = 0; i < CHUNKS; i++) {
        assert_int_equal(gzwrite(out, chunk, CHUNK), CHUNK);
    }
    assert_true(gzputs(out, "\"," T "}\n" MSG("B") "\n") > 0);
    assert_int_equal(gzclose(out), Z_OK);
    long before = peak_kib();
    expect(h, "A B", "a.jsonl.gz@46 too_long");
    assert_int_equal(h->last_raw.size, REJECT_RAW_LIMIT);
    assert_in_range(peak_kib() - before, 0, 64 * 1024);
}

/* ---- plain lines and others ---- */

static void test_plain_lines_and_others_are_told_apart_wherever_they_stand(void **state)
{
    struct harness *h = *state;
    put(h, "a.ndjson",
        MSG("V1") "\r\n" MSG("V2") " \t\n\n   " MSG("V3") "\n" MSG("V4") "x\n" MSG("V5")
            MSG("V6") "\n{\n\"vin\":\"V7\"," T "}\n" MSG("V8"));
    expect(h, "V1 V2 V3 V8",
           "a.ndjson@148 broken_json\na.ndjson@196 broken_json\na.ndjson@289 broken_json\n"
           "a.ndjson@291 broken_json");
}

/* The quick reader is tried less often after many such messages, and again after them. */
static void test_many_messages_that_are_not_plain_hide_no_other(void **state)
{
    struct harness *h = *state;
    char *text = arena_alloc(&h->arena, 1000, 128);
    size_t used = 0;
    for (int i = 0; i < 1000; i++) {
        const char *x = i / 200 % 2 ? "" : i % 3 ? ",\"x\":[{}]" : ",\"x\":\"\\n\"";
        used += (size_t)snprintf(text + used, 128, "{\"vin\":\"V%d\"," T "%s}%s\n", i, x,
                                 i % 250 == 249 ? "," : "");
    }
    put(h, "a.ndjson", text);
    assert_int_equal(read_again(h, NULL), 0);
    assert_int_equal(h->line_count, 996);
    assert_int_equal(h->reject_count, 4);
    assert_int_equal(h->counts.bytes, used);
}

static void test_a_plain_line_above_the_limit_is_too_long(void **state)
{
    struct harness *h = *state;
    h->options.record_limit = sizeof MSG("V") - 1;
    put(h, "a.ndjson", MSG("V") "\n" MSG("V2") "\n" MSG("W") "\n" MSG("X") " \n");
    put(h, "b.json", MSG("Y") MSG("Y2") MSG("Z"));
    expect(h, "V W Y Z", "a.ndjson@139 too_long\na.ndjson@46 too_long\nb.json@45 too_long");
}

/* ---- many files, many threads ---- */

static void test_one_and_four_threads_give_the_same_records(void **state)
{
    struct harness *h = *state;
    for (int i = 0; i < 300; i++) {
        put(h, arena_printf(&h->arena, "msg_%d.json", i),
            arena_printf(&h->arena, "{\"vin\":\"V%d\"," T ",\"vitesse\":%d.5}", i, i * 2));
    }
    for (int i = 0; i < 5; i++) {
        char *text = arena_alloc(&h->arena, 3000, 64);
        size_t used = 0;
        for (int n = 0; n < 3000; n++) {
            used += (size_t)snprintf(text + used, 64, "{\"vin\":\"V%d-%d\"," T "}%s\n", i, n,
                                     n % 100 == 7 ? "x" : "");
        }
        put(h, arena_printf(&h->arena, "lines_%d.ndjson", i), text);
    }
    h->options.threads = 1;
    assert_int_equal(read_again(h, NULL), 0);
    size_t rows = h->line_count;
    size_t rejects = h->reject_count;
    struct ingest_counts counts = h->counts;
    assert_int_equal(h->counts.records, 300 + 15000);
    assert_int_equal(rejects, 150 + 150);
    char **lines = xcalloc(rows, sizeof *lines);
    char **refused = xcalloc(rejects, sizeof *refused);
    memcpy(lines, h->lines, rows * sizeof *lines);
    memcpy(refused, h->rejects, rejects * sizeof *refused);
    h->options.threads = 4;
    assert_int_equal(read_again(h, NULL), 0);
    assert_int_equal(h->line_count, rows);
    assert_int_equal(h->reject_count, rejects);
    assert_memory_equal(&counts, &h->counts, sizeof counts);
    for (size_t i = 0; i < rows; i++) {
        assert_string_equal(lines[i], h->lines[i]);
    }
    for (size_t i = 0; i < rejects; i++) {
        assert_string_equal(refused[i], h->rejects[i]);
    }
    free(lines);
    free(refused);
}

static void test_a_failing_sink_stops_the_reading_with_its_error(void **state)
{
    struct harness *h = *state;
    for (int i = 0; i < 20; i++) {
        put(h, arena_printf(&h->arena, "msg_%d.json", i), MSG("A"));
    }
    h->fail_after = 1;
    assert_int_equal(read_again(h, NULL), -1);
    assert_string_equal(h->err.text[LANG_EN], "full");
}

/* Nothing goes on, and nothing is lost silently, when a refused record cannot be put anywhere. */
static void test_a_sink_that_takes_no_refused_record_or_file_stops_the_reading(void **state)
{
    struct harness *h = *state;
    const char *line = filled(h, "", 'x', 200, "\n");
    const struct {
        const char *name, *text;
    } cases[] = {
        {"a.jsonl", "x\n" MSG("A")},
        {"a.jsonl", "x"},
        {"a.jsonl", line},
        {"a.json", "[{x}," MSG("A")},
        {"a.json", "x"},
        {"a.json", "[1]"},
        {"a.json", ""},
        {"a.csv", "\"\n"},
        {"a.csv", TABLE "x\nA,,\n"},
        {"a.csv", TABLE "\"x\n"},
        {"a.csv", TABLE},
    };
    h->options.record_limit = 100;
    h->options.threads = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *csv = strcmp(cases[i].name, "a.csv") == 0 ? "a.csv" : NULL;
        put(h, cases[i].name, cases[i].text);
        put(h, "b.json", "x");
        h->refuse_rejects = true;
        h->refuse_files = true;
        assert_int_equal(read_again(h, csv), -1);
        assert_int_equal(fs_remove_tree(in_path(h, cases[i].name), &h->err), 0);
    }
    h->refuse_rejects = false;
    put(h, "a.csv", TABLE "A,2026-11-23,,,,\n");
    assert_int_equal(read_again(h, "a.csv"), -1);
    assert_string_equal(h->err.text[LANG_EN], "full");
}

static void test_a_sink_that_fails_stops_the_reading_of_a_register(void **state)
{
    static const struct column columns[] = {{"vin", COLUMN_TEXT}, {"annee", COLUMN_WHOLE}};
    static const struct table table = {"vehicules", columns, 2};
    static const struct record_field fields[] = {
        {{"vin", COLUMN_TEXT}, true, 0, 0, -1, false, 0},
        {{"annee", COLUMN_WHOLE}, false, 1900, 2100, -1, false, 0}};
    static const struct record_spec spec = {&table, fields, 2};
    struct harness *h = *state;
    struct ingest_sink sink = {h, on_rows, on_reject, on_file};
    sqlite3 *db = NULL;
    h->options.spec = &spec;
    assert_int_equal(sqlite3_open(in_path(h, "a.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "CREATE TABLE vehicules(vin, annee);"
                                  "INSERT INTO vehicules VALUES ('A', 2020), ('B', 'x'), (NULL, 2)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    for (int round = 0; round < 4; round++) {
        h->refuse_rejects = round == 0;
        h->refuse_files = round == 1;
        h->fail_after = round == 2;
        h->line_count = h->reject_count = 0;
        int status = ingest_sqlite(h->root, "in/a.db", &h->options, &sink, &h->counts, &h->err);
        assert_int_equal(status, round == 3 ? 0 : -1);
        assert_true(round == 3 || strcmp(h->err.text[LANG_EN], "full") == 0);
    }
    assert_string_equal(h->lines[0], "A|2020");
    assert_string_equal(h->rejects[0], "a.db@1 not_a_number:annee");
    assert_string_equal(h->rejects[1], "a.db@2 missing:vin|impossible:annee");
}

static void test_a_file_alone_is_read_as_if_it_lay_in_its_folder(void **state)
{
    struct harness *h = *state;
    struct ingest_sink sink = {h, on_rows, on_reject, on_file};
    put(h, "other", MSG("A") "\nx\n" MSG("B"));
    for (size_t fails = 0; fails < 2; fails++) {
        h->refuse_rejects = fails == 1;
        h->line_count = h->reject_count = 0;
        h->counts = (struct ingest_counts){0};
        assert_int_equal(ingest_file(in_path(h, "other"), "in", "a.jsonl", &h->options, &sink,
                                     &h->counts, &h->err),
                         fails ? -1 : 0);
        assert_int_equal(h->line_count, fails ? 0 : 2);
        assert_int_equal(h->counts.records, fails ? 2 : 3);
    }
    assert_string_equal(h->rejects[0], "a.jsonl@46 broken_json");
}

static void count_progress(void *context, uint64_t files, uint64_t total, uint64_t bytes)
{
    uint64_t *last = context;
    assert_in_range(files, last[0], 40);
    assert_int_equal(total, 40);
    last[0] = files;
    last[1] = bytes;
}

static void count_calls(void *context, uint64_t files, uint64_t total, uint64_t bytes)
{
    uint64_t *calls = context;
    ++*calls;
    assert_int_equal(files, *calls == 1 ? 0 : 1);
    assert_int_equal(total, 1);
    assert_true(bytes >= 4 << 20);
}

static void test_progress_of_a_large_file_is_told_while_it_is_read(void **state)
{
    enum { LINES = 5 };
    struct harness *h = *state;
    uint64_t told = 0;
    char *text = filled(h, "", 'x', LINES << 20, "");
    for (size_t i = 1; i <= LINES; i++) {
        text[(i << 20) - 1] = '\n';
    }
    put(h, "a.jsonl", text);
    h->options.progress = count_calls;
    h->options.progress_context = &told;
    assert_int_equal(read_again(h, NULL), 0);
    assert_int_equal(h->reject_count, LINES);
    assert_int_equal(told, 2); /* behind 4 MiB, and at the end */
}

static void test_progress_ends_at_all_files_and_all_bytes(void **state)
{
    struct harness *h = *state;
    uint64_t last[2] = {0};
    for (int i = 0; i < 40; i++) {
        put(h, arena_printf(&h->arena, "msg_%d.json", i), MSG("A"));
    }
    h->options.progress = count_progress;
    h->options.progress_context = last;
    assert_int_equal(read_again(h, NULL), 0);
    assert_int_equal(last[0], 40);
    assert_int_equal(last[1], h->counts.bytes);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_values_in_a_json_file_are_found_in_every_arrangement),
        CASE(test_a_broken_line_spoils_only_itself),
        CASE(test_the_raw_bytes_of_refused_records_are_kept),
        CASE(test_a_folder_may_hold_nothing_or_more_than_a_thousand_files),
        CASE(test_hidden_and_unknown_names_are_ignored_and_counted),
        CASE(test_what_is_no_readable_file_counts_as_one_refused_record),
        CASE(test_names_that_are_no_UTF8_are_reported_escaped),
        CASE(test_a_file_that_cannot_be_read_on_is_one_refused_record),
        CASE(test_files_that_were_taken_before_are_passed_over),
        CASE(test_a_file_is_unchanged_while_size_time_and_inode_are),
        CASE(test_a_name_in_a_folder_costs_less_than_a_hundred_bytes),
        CASE(test_an_absent_folder_is_an_error_with_its_name),
        CASE(test_compressed_files_are_read_also_with_several_members),
        CASE(test_the_whole_lines_before_a_break_are_accepted_and_the_break_is_one_record),
        CASE(test_a_json_file_that_breaks_off_inside_a_message_keeps_the_ones_before),
        CASE(test_text_that_waits_in_the_decompressor_is_not_lost),
        CASE(test_a_compressed_table_that_breaks_off_keeps_the_whole_rows),
        CASE(test_the_hash_is_of_the_bytes_on_disk_also_behind_a_break),
        CASE(test_a_record_above_the_limit_is_refused_and_the_next_is_read),
        CASE(test_values_and_long_lines_may_end_at_any_byte_of_the_window),
        CASE(test_blanks_behind_a_long_message_are_stepped_over),
        CASE(test_a_record_of_exactly_the_limit_is_accepted),
        CASE(test_a_record_larger_than_the_first_window_is_accepted),
        CASE(test_a_line_of_one_gigabyte_takes_little_memory),
        CASE(test_plain_lines_and_others_are_told_apart_wherever_they_stand),
        CASE(test_many_messages_that_are_not_plain_hide_no_other),
        CASE(test_a_plain_line_above_the_limit_is_too_long),
        CASE(test_one_and_four_threads_give_the_same_records),
        CASE(test_a_failing_sink_stops_the_reading_with_its_error),
        CASE(test_a_sink_that_takes_no_refused_record_or_file_stops_the_reading),
        CASE(test_a_sink_that_fails_stops_the_reading_of_a_register),
        CASE(test_a_file_alone_is_read_as_if_it_lay_in_its_folder),
        CASE(test_progress_of_a_large_file_is_told_while_it_is_read),
        CASE(test_progress_ends_at_all_files_and_all_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
