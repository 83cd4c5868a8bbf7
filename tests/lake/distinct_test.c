/* Rows on disk are those in memory: the same pieces put together, the same days, the same counts.
 */
#include "tests.h"

#include "base/fs.h"
#include "base/rng.h"
#include "lake/distinct.h"

#include <stdlib.h>

static const struct column columns[] = {{"vin", COLUMN_TEXT},
                                        {"ts", COLUMN_TIMESTAMP},
                                        {"x", COLUMN_REAL},
                                        {"day", COLUMN_DATE},
                                        {"said", COLUMN_TEXT}};
static const struct table messages = {"messages", columns, sizeof columns / sizeof *columns};
static const char KEY[] = "vin, ts, x";

enum { ROWS = 400000, DAYS = 5 };

/* Rows of 3,000 vehicles, many of them twice; a run after every `per_run` batches (0: never). */
static struct distinct *fill(const char *scratch, size_t per_run, struct arena *arena)
{
    struct distinct *distinct = distinct_open(&messages, KEY, "said", "day", scratch);
    struct arena texts = {0};
    struct batch batch = {0};
    struct rng rng;
    struct error err;
    size_t batches = 0;
    rng_init(&rng, 5, 0);
    batch_init(&batch, &messages, arena);
    for (size_t i = 0; i < ROWS; i++) {
        size_t r = batch.rows++;
        char *vin = arena_printf(&texts, "VIN%llu", (unsigned long long)rng_below(&rng, 3000));
        char *said =
            arena_printf(&texts, "%llu, a text", (unsigned long long)rng_below(&rng, 100000));
        batch.values[0].text[r] = (struct bytes){vin, strlen(vin)};
        batch.values[1].whole[r] = (int64_t)rng_below(&rng, 40);
        batch.values[2].real[r] = (double)rng_below(&rng, 3);
        batch.values[3].whole[r] = batch.values[1].whole[r] % DAYS - 2;
        batch.values[4].text[r] = (struct bytes){said, strlen(said)};
        for (size_t c = 0; c < messages.column_count; c++) {
            batch.null[c][r] = (c == 2 || c == 4) && rng_below(&rng, 4) == 0;
        }
        if (batch.rows == BATCH_ROWS || i + 1 == ROWS) {
            assert_int_equal(distinct_add(distinct, &batch, 2, &err), 0);
            batch.rows = 0;
            if (per_run > 0 && ++batches % per_run == 0) {
                assert_int_equal(distinct_spill(distinct, 2, &err), 0);
            }
            arena_clear(&texts);
        }
    }
    assert_int_equal(distinct_end(distinct, 2, &err), 0);
    assert_int_equal(distinct_end(distinct, 2, &err), 0); /* again */
    arena_release(&texts);
    return distinct;
}

struct reader { /* of all pieces, one after another */
    const struct distinct *distinct;
    const int32_t *day;
    struct piece piece;
    size_t number, at;
};

static const unsigned char *next_row(struct reader *reader)
{
    struct error err;
    while (reader->at == reader->piece.part.count) {
        piece_close(&reader->piece);
        reader->piece = (struct piece){0};
        reader->at = 0;
        if (reader->number == distinct_pieces(reader->distinct, reader->day)) {
            return NULL;
        }
        assert_int_equal(
            distinct_piece(reader->distinct, reader->number++, reader->day, &reader->piece, &err),
            0);
    }
    return rows_at(reader->piece.rows, reader->piece.part.order[reader->at++]);
}

static void assert_same_row(const struct reader *a, const unsigned char *x, const struct reader *b,
                            const unsigned char *y)
{
    for (size_t c = 0; c < messages.column_count; c++) {
        const struct rows_column *one = &a->piece.rows->columns[c];
        const struct rows_column *other = &b->piece.rows->columns[c];
        assert_int_equal(rows_null(x, c), rows_null(y, c));
        if (rows_null(x, c)) {
            continue;
        }
        if (one->type == COLUMN_TEXT) {
            struct bytes s = rows_text(x, one), t = rows_text(y, other);
            assert_int_equal(s.size, t.size);
            assert_memory_equal(s.data, t.data, s.size);
        } else {
            assert_int_equal(rows_whole(x, one), rows_whole(y, other)); /* bits of reals, too */
        }
    }
}

static size_t assert_same_rows(const struct distinct *kept, const struct distinct *spilled,
                               const int32_t *day)
{
    struct reader a = {.distinct = kept, .day = day}, b = {.distinct = spilled, .day = day};
    size_t count = 0;
    const unsigned char *row;
    while ((row = next_row(&a))) {
        const unsigned char *other = next_row(&b);
        assert_non_null(other);
        assert_same_row(&a, row, &b, other);
        count++;
    }
    assert_null(next_row(&b));
    return count;
}

/* NULLs are counted as the rows say themselves; of rows on disk once they were read. */
static void assert_nulls(const struct distinct *distinct)
{
    struct reader reader = {.distinct = distinct};
    uint64_t rows, count = 0, nulls[BATCH_COLUMNS], seen[BATCH_COLUMNS] = {0};
    const unsigned char *row;
    while ((row = next_row(&reader))) {
        count++;
        for (size_t c = 0; c < messages.column_count; c++) {
            seen[c] += rows_null(row, c);
        }
    }
    assert_true(distinct_nulls(distinct, &rows, nulls));
    assert_int_equal(rows, count);
    assert_memory_equal(nulls, seen, sizeof seen);
    assert_true(nulls[2] > 10000 && nulls[4] > 1000 && nulls[0] == 0);
}

static char *new_folder(struct arena *arena)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = arena_printf(arena, "%s/runs-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static void test_rows_on_disk_are_those_in_memory(void **state)
{
    struct arena arena = {0};
    struct error err;
    char *folder = new_folder(&arena);
    struct distinct *kept = fill(folder, 0, &arena);
    struct distinct *spilled = fill(folder, 30, &arena);
    uint64_t unread, nulls[BATCH_COLUMNS];
    assert_false(distinct_nulls(spilled, &unread, nulls));
    size_t rows = assert_same_rows(kept, spilled, NULL), of_days = 0;
    assert_nulls(kept);
    assert_nulls(spilled);
    (void)state;
    assert_true(kept->run_count == 0 && spilled->run_count > 5);
    assert_true(spilled->piece_count >= 1 && kept->piece_count > 1);
    assert_true(rows > ROWS / 2 && rows < ROWS * 9 / 10);
    assert_int_equal(spilled->day_count, DAYS);
    for (size_t d = 0; d < DAYS; d++) {
        assert_int_equal(kept->days[d], spilled->days[d]);
        of_days += assert_same_rows(kept, spilled, &kept->days[d]);
    }
    assert_int_equal(of_days, rows);
    for (size_t key = 1; key <= 3; key++) { /* unseen pieces, seen ones, another key */
        uint64_t x, y;
        assert_int_equal(distinct_count(kept, key, 2, &x, &err), 0);
        assert_int_equal(distinct_count(spilled, key, 2, &y, &err), 0);
        assert_int_equal(x, y);
        assert_int_equal(x > 0, key < 3);
    }
    assert_true(distinct_estimate(spilled) > rows / 2);
    distinct_close(kept);
    distinct_close(spilled);
    assert_int_equal(fs_remove_tree(folder, &err), 0);
    arena_release(&arena);
}

static void test_runs_leave_no_file_and_say_what_keeps_them_away(void **state)
{
    struct arena arena = {0};
    struct error err;
    char *folder = new_folder(&arena), **names;
    size_t count;
    struct distinct *distinct = fill(folder, 100, &arena);
    (void)state;
    assert_int_equal(fs_list(folder, &arena, &names, &count, &err), 0);
    assert_int_equal(count, 0);
    distinct_close(distinct);
    const char *file = arena_printf(&arena, "%s/file", folder);
    assert_int_equal(fs_write(file, "x", 1, &err), 0);
    const char *const scratches[] = {file, NULL};
    static const char *const said[] = {"make this folder possible", "give more with --memory"};
    for (size_t i = 0; i < 2; i++) {
        distinct = distinct_open(&messages, KEY, "said", "day", scratches[i]);
        assert_int_equal(distinct_spill(distinct, 1, &err), -1);
        assert_non_null(strstr(err.text[LANG_EN], said[i]));
        distinct_close(distinct);
    }
    distinct_close(NULL);
    assert_int_equal(fs_remove_tree(folder, &err), 0);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_on_disk_are_those_in_memory),
        cmocka_unit_test(test_runs_leave_no_file_and_say_what_keeps_them_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
