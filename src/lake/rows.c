/* Sorted rows in memory; see rows.h.
 *
 * The order is found by one number of 64 bits a row, made of the key's first two columns, and a
 * radix sort of these, least digit first (Knuth, TAOCP 3, 5.2.5); rows that have it in common are
 * compared column by column. NULLs are last, as in the engine. */
#include "lake/rows.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

/* ---- texts ---- */

/* Eight bytes of a text of which `left` are left, zeros behind its end. */
static inline uint64_t word_at(const char *p, size_t left)
{
    uint64_t word = 0;
    if (left >= sizeof word) {
        memcpy(&word, p, sizeof word); /* one load; a copy of unknown size is a call */
        return word;
    }
    for (size_t i = 0; i < left; i++) {
        word |= (uint64_t)(unsigned char)p[i] << 8 * i;
    }
    return word;
}

static uint64_t hash_text(struct bytes text)
{
    uint64_t hash = text.size * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < text.size; i += 8) {
        hash = (hash ^ word_at(text.data + i, text.size - i)) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

static bool same_text(struct bytes one, struct bytes other)
{
    size_t i = 0;
    if (one.size != other.size) {
        return false;
    }
    for (; one.size - i >= 8; i += 8) {
        if (word_at(one.data + i, 8) != word_at(other.data + i, 8)) {
            return false;
        }
    }
    while (i < one.size && one.data[i] == other.data[i]) {
        i++;
    }
    return i == one.size;
}

static int compare_texts(struct bytes one, struct bytes other)
{
    size_t size = one.size < other.size ? one.size : other.size;
    int order = memcmp(one.data, other.data, size);
    return order != 0 ? order : (one.size > other.size) - (one.size < other.size);
}

/* The slot of a text, or the free one where it belongs. */
static size_t slot_of(const struct texts *texts, struct bytes text)
{
    size_t slot = hash_text(text) & (texts->slot_count - 1);
    while (texts->slots[slot] && !same_text(texts->all[texts->slots[slot] - 1], text)) {
        slot = (slot + 1) & (texts->slot_count - 1);
    }
    return slot;
}

/* At most half of the slots are taken. */
static void make_slots(struct texts *texts)
{
    texts->slot_count = texts->slot_count ? texts->slot_count * 2 : FIRST_SLOTS;
    free(texts->slots);
    texts->slots = xcalloc(texts->slot_count, sizeof *texts->slots);
    for (uint32_t i = 0; i < texts->count; i++) {
        texts->slots[slot_of(texts, texts->all[i])] = i + 1;
    }
}

/* The number of a text, which is copied when it is new. */
static uint32_t number_of(struct texts *texts, struct bytes text)
{
    if (texts->count > 0 && same_text(texts->all[texts->last], text)) {
        return texts->last; /* a vehicle's messages often come together */
    }
    if (texts->count >= texts->slot_count / 2) {
        make_slots(texts);
    }
    size_t slot = slot_of(texts, text);
    if (!texts->slots[slot]) {
        if (texts->count == texts->room) {
            texts->room = texts->room ? texts->room * 2 : FIRST_SLOTS;
            texts->all = xrealloc(texts->all, texts->room, sizeof *texts->all);
        }
        texts->all[texts->count++] =
            (struct bytes){arena_copy(&texts->memory, text.data, text.size), text.size};
        texts->slots[slot] = texts->count;
        texts->bytes += text.size + 16;
    }
    texts->last = texts->slots[slot] - 1;
    return texts->last;
}

static int compare_numbers(const void *a, const void *b, void *context)
{
    const struct texts *texts = context;
    return compare_texts(texts->all[*(const uint32_t *)a], texts->all[*(const uint32_t *)b]);
}

static void rank_texts(struct texts *texts)
{
    uint32_t *sorted = xcalloc(texts->count, sizeof *sorted);
    texts->ranks = xcalloc(texts->count, sizeof *texts->ranks);
    for (uint32_t i = 0; i < texts->count; i++) {
        sorted[i] = i;
    }
    qsort_r(sorted, texts->count, sizeof *sorted, compare_numbers, texts);
    for (uint32_t i = 0; i < texts->count; i++) {
        texts->ranks[sorted[i]] = i;
    }
    free(sorted);
}

/* ---- adding ---- */

size_t rows_find(const struct rows *rows, const char *column)
{
    size_t c = 0;
    while (c < rows->column_count && strcmp(rows->columns[c].name, column) != 0) {
        c++;
    }
    return c;
}

static bool is_text(enum column_type type)
{
    return type == COLUMN_TEXT || type == COLUMN_BLOB;
}

static size_t cell_size(enum column_type type)
{
    return is_text(type) || type == COLUMN_DATE ? 4 : 8;
}

struct rows *rows_open(const struct table *table, const char *key, const char *least)
{
    struct rows *rows = xcalloc(1, sizeof *rows);
    char *list = arena_strdup(&rows->memory, key ? key : "");
    char *rest = NULL;
    rows->name = arena_strdup(&rows->memory, table->name);
    rows->column_count = table->column_count;
    rows->row_size = sizeof(uint32_t);
    assert(table->column_count <= BATCH_COLUMNS);
    for (size_t c = 0; c < table->column_count; c++) {
        struct rows_column *column = &rows->columns[c];
        column->name = arena_strdup(&rows->memory, table->columns[c].name);
        column->type = table->columns[c].type;
        column->offset = rows->row_size;
        rows->row_size += cell_size(column->type);
    }
    for (char *c = strtok_r(list, ", ", &rest); c; c = strtok_r(NULL, ", ", &rest)) {
        rows->key[rows->key_count++] = rows_find(rows, c);
        assert(rows->key[rows->key_count - 1] < rows->column_count);
    }
    rows->least = key ? rows_find(rows, least) : 0;
    assert(rows->least < rows->column_count);
    return rows;
}

void rows_close(struct rows *rows)
{
    if (!rows) {
        return;
    }
    for (size_t c = 0; c < rows->column_count; c++) {
        struct texts *texts = &rows->columns[c].texts;
        free(texts->all);
        free(texts->slots);
        free(texts->ranks);
        arena_release(&texts->memory);
    }
    for (size_t b = 0; b < rows->block_count; b++) {
        free(rows->blocks[b]);
    }
    free(rows->blocks);
    free(rows->order);
    free(rows->by_date);
    free(rows->date_ends);
    arena_release(&rows->memory);
    free(rows);
}

static void add_block(struct rows *rows)
{
    if (rows->block_count == rows->block_room) {
        rows->block_room = rows->block_room ? rows->block_room * 2 : 16;
        rows->blocks = xrealloc(rows->blocks, rows->block_room, sizeof *rows->blocks);
    }
    rows->blocks[rows->block_count++] = xcalloc(ROWS_A_BLOCK, rows->row_size);
}

/* Column c of rows of a batch, from row `first` on, into rows that lie one after another at `out`.
 */
static void add_cells(struct rows *rows, size_t c, const struct batch *batch, size_t first,
                      size_t count, unsigned char *out)
{
    struct rows_column *column = &rows->columns[c];
    size_t size = rows->row_size;
    for (size_t r = first; r < first + count; r++, out += size) {
        if (batch->null[c][r]) {
            uint32_t nulls;
            memcpy(&nulls, out, sizeof nulls);
            nulls |= UINT32_C(1) << c;
            memcpy(out, &nulls, sizeof nulls);
        } else if (is_text(column->type)) {
            uint32_t number = number_of(&column->texts, batch->values[c].text[r]);
            memcpy(out + column->offset, &number, sizeof number);
        } else if (column->type == COLUMN_DATE) {
            int32_t date = (int32_t)batch->values[c].whole[r];
            memcpy(out + column->offset, &date, sizeof date);
        } else { /* real numbers are eight bytes too */
            memcpy(out + column->offset, &batch->values[c].whole[r], sizeof(int64_t));
        }
    }
}

bool rows_add(struct rows *rows, const struct batch *batch)
{
    assert(!rows->order && batch->table->column_count == rows->column_count);
    if (batch->rows > UINT32_MAX - rows->added) {
        return false;
    }
    for (size_t done = 0; done < batch->rows;) {
        size_t at = rows->added % ROWS_A_BLOCK;
        size_t count = batch->rows - done;
        if (at == 0) {
            add_block(rows);
        }
        count = count < ROWS_A_BLOCK - at ? count : ROWS_A_BLOCK - at;
        for (size_t c = 0; c < rows->column_count; c++) {
            add_cells(rows, c, batch, done, count,
                      rows->blocks[rows->block_count - 1] + at * rows->row_size);
        }
        rows->added += count;
        done += count;
    }
    return true;
}

void rows_read(const struct rows *rows, size_t first, struct batch *batch)
{
    size_t left = rows->added - first;
    batch->rows = left < BATCH_ROWS ? left : BATCH_ROWS;
    for (size_t r = 0; r < batch->rows; r++) {
        const unsigned char *row = rows_at(rows, (uint32_t)(first + r));
        for (size_t c = 0; c < rows->column_count; c++) {
            const struct rows_column *column = &rows->columns[c];
            batch->null[c][r] = rows_null(row, c);
            if (batch->null[c][r]) {
                continue;
            }
            if (is_text(column->type)) {
                batch->values[c].text[r] = rows_text(row, column);
            } else if (column->type == COLUMN_REAL) {
                batch->values[c].real[r] = rows_real(row, column);
            } else {
                batch->values[c].whole[r] = rows_whole(row, column);
            }
        }
    }
}

/* ---- sorting ---- */

struct entry { /* rows with a smaller code come first */
    uint64_t code;
    uint32_t row;
};

size_t rows_bytes(const struct rows *rows)
{
    size_t bytes = rows->block_count * ROWS_A_BLOCK * rows->row_size;
    for (size_t c = 0; c < rows->column_count; c++) {
        const struct texts *texts = &rows->columns[c].texts;
        bytes += texts->bytes + texts->room * sizeof *texts->all +
                 texts->slot_count * sizeof *texts->slots;
    }
    size_t sorting = rows->key_count > 0 ? 2 * sizeof(struct entry) + 2 * sizeof *rows->order : 0;
    return bytes + rows->added * sorting;
}

/* A number that grows with the value; of text in the key's first column its rank. */
static uint64_t code_of(const struct rows *rows, const unsigned char *row, size_t c)
{
    const struct rows_column *column = &rows->columns[c];
    const uint64_t top = UINT64_C(1) << 63;
    if (rows_null(row, c)) {
        return UINT64_MAX;
    }
    if (is_text(column->type)) {
        return column->texts.ranks ? column->texts.ranks[rows_text_number(row, column)] : 0;
    }
    if (column->type == COLUMN_REAL) {
        double value = rows_real(row, column) + 0.0; /* one zero */
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        return bits & top ? ~bits : bits | top;
    }
    return (uint64_t)rows_whole(row, column) ^ top;
}

static int compare_cells(const struct rows *rows, size_t c, const unsigned char *x,
                         const unsigned char *y)
{
    const struct rows_column *column = &rows->columns[c];
    bool x_null = rows_null(x, c), y_null = rows_null(y, c);
    if (x_null || y_null) {
        return x_null - y_null;
    }
    if (is_text(column->type)) {
        return rows_text_number(x, column) == rows_text_number(y, column)
                   ? 0
                   : compare_texts(rows_text(x, column), rows_text(y, column));
    }
    uint64_t x_code = code_of(rows, x, c), y_code = code_of(rows, y, c);
    return (x_code > y_code) - (x_code < y_code);
}

static int compare_keys(const struct rows *rows, const unsigned char *x, const unsigned char *y,
                        size_t columns)
{
    int order = 0;
    for (size_t k = 0; k < columns && order == 0; k++) {
        order = compare_cells(rows, rows->key[k], x, y);
    }
    return order;
}

static int compare_entries(const void *a, const void *b, void *context)
{
    const struct rows *rows = context;
    const unsigned char *x = rows_at(rows, ((const struct entry *)a)->row);
    const unsigned char *y = rows_at(rows, ((const struct entry *)b)->row);
    int order = compare_keys(rows, x, y, rows->key_count);
    return order != 0 ? order : compare_cells(rows, rows->least, x, y);
}

/* What the codes of one column of the key span. */
struct span {
    uint64_t low;
    int bits;
};

static struct span span_of(const struct rows *rows, size_t c)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (uint32_t row = 0; row < rows->added; row++) {
        uint64_t code = code_of(rows, rows_at(rows, row), c);
        low = code < low ? code : low;
        high = code > high ? code : high;
    }
    int bits = 0;
    while (bits < 64 && rows->added > 0 && (high - low) >> bits) {
        bits++;
    }
    return (struct span){low, bits};
}

/* One code a row: the first column's, and behind it what there is room for of the second's. The
 * number of bits used is returned. */
static int make_codes(const struct rows *rows, struct entry *entries)
{
    size_t first = rows->key[0];
    size_t second = rows->key_count > 1 ? rows->key[1] : first;
    struct span a = span_of(rows, first);
    struct span b = second != first ? span_of(rows, second) : (struct span){0};
    int room = 64 - a.bits < b.bits ? 64 - a.bits : b.bits; /* for the second */
    for (uint32_t row = 0; row < rows->added; row++) {
        const unsigned char *at = rows_at(rows, row);
        uint64_t code = code_of(rows, at, first) - a.low;
        if (room > 0) {
            code = code << (room % 64) | (code_of(rows, at, second) - b.low) >> (b.bits - room);
        }
        entries[row] = (struct entry){code, row};
    }
    return a.bits + room;
}

/* Sorts by the lowest `bits` of the codes; the result stands in `entries` or in `spare`. */
static struct entry *sort_entries(struct entry *entries, struct entry *spare, size_t count,
                                  int bits)
{
    enum { DIGIT = 8, DIGITS = 1 << DIGIT };
    for (int shift = 0; shift < bits; shift += DIGIT) {
        size_t starts[DIGITS + 1] = {0};
        for (size_t i = 0; i < count; i++) {
            starts[(entries[i].code >> shift) % DIGITS + 1]++;
        }
        for (size_t d = 0; d < DIGITS; d++) {
            starts[d + 1] += starts[d];
        }
        for (size_t i = 0; i < count; i++) {
            spare[starts[(entries[i].code >> shift) % DIGITS]++] = entries[i];
        }
        struct entry *other = entries;
        entries = spare;
        spare = other;
    }
    return entries;
}

/* Lists the rows of entries[0 .. count), which have a code in common, without repetitions. */
static void list_alike(struct rows *rows, struct entry *entries, size_t count)
{
    if (count > 1) {
        qsort_r(entries, count, sizeof *entries, compare_entries, rows);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_keys(rows, rows_at(rows, entries[i - 1].row),
                                   rows_at(rows, entries[i].row), rows->key_count) != 0) {
            rows->order[rows->count++] = entries[i].row;
        }
    }
}

void rows_sort(struct rows *rows)
{
    assert(rows->key_count > 0 && !rows->order);
    struct entry *entries = xcalloc(rows->added, sizeof *entries);
    struct entry *spare = xcalloc(rows->added, sizeof *spare);
    struct rows_column *first = &rows->columns[rows->key[0]];
    rows->order = xcalloc(rows->added, sizeof *rows->order);
    if (is_text(first->type)) {
        rank_texts(&first->texts);
    }
    int bits = make_codes(rows, entries);
    struct entry *sorted = sort_entries(entries, spare, rows->added, bits);
    for (size_t i = 0, end; i < rows->added; i = end) {
        for (end = i + 1; end < rows->added && sorted[end].code == sorted[i].code;) {
            end++;
        }
        list_alike(rows, sorted + i, end - i);
    }
    free(spare);
    free(entries);
}

/* ---- the sorted rows ---- */

size_t rows_repeated(const struct rows *rows, size_t columns)
{
    size_t repeated = 0;
    bool before = false;
    for (size_t i = 1; i < rows->count; i++) {
        bool again = compare_keys(rows, rows_at(rows, rows->order[i - 1]),
                                  rows_at(rows, rows->order[i]), columns) == 0;
        repeated += again && !before;
        before = again;
    }
    return repeated;
}

void rows_split(struct rows *rows, size_t c)
{
    const struct rows_column *column = &rows->columns[c];
    int32_t low = INT32_MAX, high = INT32_MIN;
    assert(column->type == COLUMN_DATE);
    if (rows->by_date || rows->count == 0) {
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        int32_t date = (int32_t)rows_whole(rows_at(rows, rows->order[i]), column);
        low = date < low ? date : low;
        high = date > high ? date : high;
    }
    rows->first_date = low;
    rows->date_count = (size_t)((int64_t)high - low) + 1;
    rows->by_date = xcalloc(rows->count, sizeof *rows->by_date);
    rows->date_ends = xcalloc(rows->date_count + 1, sizeof *rows->date_ends);
    for (size_t i = 0; i < rows->count; i++) {
        int64_t date = rows_whole(rows_at(rows, rows->order[i]), column);
        rows->date_ends[date - low + 1]++;
    }
    for (size_t d = 0; d < rows->date_count; d++) {
        rows->date_ends[d + 1] += rows->date_ends[d]; /* where they begin, so far */
    }
    for (size_t i = 0; i < rows->count; i++) {
        int64_t date = rows_whole(rows_at(rows, rows->order[i]), column);
        rows->by_date[rows->date_ends[date - low]++] = rows->order[i];
    }
}

struct rows_part rows_of_date(const struct rows *rows, int32_t date)
{
    int64_t d = (int64_t)date - rows->first_date;
    if (d < 0 || d >= (int64_t)rows->date_count) {
        return (struct rows_part){0};
    }
    size_t start = d > 0 ? rows->date_ends[d - 1] : 0;
    return (struct rows_part){rows->by_date + start, rows->date_ends[d] - start};
}
