/* Sorted rows in memory; see rows.h.
 *
 * The order is found by one number of 64 bits a row, its code, made of the key's first two columns.
 * Codes are dealt out to buckets by their highest bits, so that several threads sort, each a bucket
 * by radix; rows that have a code in common are compared column by column. NULLs are last, as in
 * the engine. */
#include "lake/rows.h"

#include "base/parallel.h"
#include "base/radix.h"

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

uint32_t rows_hash_text(struct bytes text)
{
    uint64_t hash = text.size * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < text.size; i += 8) {
        hash = (hash ^ word_at(text.data + i, text.size - i)) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
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

int rows_compare_texts(struct bytes one, struct bytes other)
{
    size_t size = one.size < other.size ? one.size : other.size;
    int order = memcmp(one.data, other.data, size);
    return order != 0 ? order : (one.size > other.size) - (one.size < other.size);
}

/* The slot of a text, or the free one where it belongs. Texts of other hashes are not looked at:
 * each would be two reads from anywhere in memory. */
static size_t slot_of(const struct texts *texts, struct bytes text, uint32_t hash)
{
    size_t slot = hash & (texts->slot_count - 1);
    uint64_t found;
    while ((found = texts->slots[slot]) != 0 &&
           (found >> 32 != hash || !same_text(texts->all[(uint32_t)found - 1], text))) {
        slot = (slot + 1) & (texts->slot_count - 1);
    }
    return slot;
}

/* At most half of the slots are taken. */
static void make_slots(struct texts *texts)
{
    uint64_t *old = texts->slots;
    size_t old_count = texts->slot_count;
    texts->slot_count = old_count ? old_count * 2 : FIRST_SLOTS;
    texts->slots = xcalloc(texts->slot_count, sizeof *texts->slots);
    for (size_t i = 0; i < old_count; i++) {
        size_t slot = (old[i] >> 32) & (texts->slot_count - 1);
        while (old[i] && texts->slots[slot]) {
            slot = (slot + 1) & (texts->slot_count - 1);
        }
        texts->slots[slot] = old[i] ? old[i] : texts->slots[slot];
    }
    free(old);
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
    uint32_t hash = rows_hash_text(text);
    size_t slot = slot_of(texts, text, hash);
    if (!texts->slots[slot]) {
        if (texts->count == texts->room) {
            texts->room = texts->room ? texts->room * 2 : FIRST_SLOTS;
            texts->all = xrealloc(texts->all, texts->room, sizeof *texts->all);
        }
        texts->all[texts->count++] =
            (struct bytes){arena_copy(&texts->memory, text.data, text.size), text.size};
        texts->slots[slot] = (uint64_t)hash << 32 | texts->count;
        texts->bytes += text.size + 16;
    }
    texts->last = (uint32_t)texts->slots[slot] - 1;
    return texts->last;
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

static size_t cell_size(enum column_type type)
{
    return column_is_text(type) || type == COLUMN_DATE ? 4 : 8;
}

struct rows *rows_open(const struct table *table, const char *key, const char *least,
                       const char *day)
{
    struct rows *rows = xcalloc(1, sizeof *rows);
    char *list = arena_strdup(&rows->memory, key);
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
    rows->least = rows_find(rows, least);
    rows->day = day ? rows_find(rows, day) : rows->column_count;
    assert(rows->least < rows->column_count && (!day || rows->day < rows->column_count));
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
    free(rows->near);
    free(rows->by_day);
    free(rows->day_ends);
    arena_release(&rows->memory);
    free(rows);
}

static void add_block(struct rows *rows)
{
    if (rows->block_count == rows->block_room) {
        rows->block_room = rows->block_room ? rows->block_room * 2 : 16;
        rows->blocks = xrealloc(rows->blocks, rows->block_room, sizeof *rows->blocks);
    }
    rows->blocks[rows->block_count++] = xrealloc(NULL, ROWS_A_BLOCK, rows->row_size);
}

/* Room for rows that are to be added, as many as `wanted` at most and one after another, all zeros:
 * nothing in it is NULL. */
static unsigned char *add_rows(struct rows *rows, size_t wanted, size_t *count)
{
    size_t at = rows->added % ROWS_A_BLOCK;
    if (at == 0) {
        add_block(rows);
    }
    *count = wanted < ROWS_A_BLOCK - at ? wanted : ROWS_A_BLOCK - at;
    rows->added += *count;
    unsigned char *out = rows->blocks[rows->block_count - 1] + at * rows->row_size;
    memset(out, 0, *count * rows->row_size);
    return out;
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
        } else if (column_is_text(column->type)) {
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
    for (size_t done = 0, count; done < batch->rows; done += count) {
        unsigned char *out = add_rows(rows, batch->rows - done, &count);
        for (size_t c = 0; c < rows->column_count; c++) {
            add_cells(rows, c, batch, done, count, out);
        }
    }
    return true;
}

/* ---- packed rows ---- */

/* The texts of a row that are not NULL, one after another. */
static bool has_text(const struct rows *rows, const unsigned char *row, size_t c)
{
    return column_is_text(rows->columns[c].type) && !rows_null(row, c);
}

size_t rows_pack(const struct rows *rows, const unsigned char *row, unsigned char *out)
{
    size_t size = rows->row_size;
    memcpy(out, row, size);
    for (size_t c = 0; c < rows->column_count; c++) {
        if (has_text(rows, row, c)) {
            struct bytes text = rows_text(row, &rows->columns[c]);
            uint32_t length = (uint32_t)text.size;
            memcpy(out + rows->columns[c].offset, &length, sizeof length);
            memcpy(out + size, text.data, text.size);
            size += text.size;
        }
    }
    return size;
}

size_t rows_packed_size(const struct rows *rows, const unsigned char *row)
{
    size_t size = rows->row_size;
    for (size_t c = 0; c < rows->column_count; c++) {
        size += has_text(rows, row, c) ? rows_text(row, &rows->columns[c]).size : 0;
    }
    return size;
}

size_t rows_packed_first(const struct rows *rows, const unsigned char *packed, struct bytes *first)
{
    size_t size = rows->row_size;
    for (size_t c = 0; c < rows->column_count; c++) {
        if (has_text(rows, packed, c)) { /* in the place of its number stands its length */
            uint32_t length = rows_text_number(packed, &rows->columns[c]);
            if (c == rows->key[0]) {
                *first = (struct bytes){(const char *)packed + size, length};
            }
            size += length;
        }
    }
    return size;
}

void rows_unpack(struct rows *rows, const unsigned char *packed)
{
    size_t count, size = rows->row_size;
    unsigned char *row = add_rows(rows, 1, &count);
    memcpy(row, packed, size);
    for (size_t c = 0; c < rows->column_count; c++) {
        struct rows_column *column = &rows->columns[c];
        if (has_text(rows, packed, c)) {
            uint32_t length = rows_text_number(packed, column);
            struct bytes text = {(const char *)packed + size, length};
            uint32_t number = number_of(&column->texts, text);
            memcpy(row + column->offset, &number, sizeof number);
            size += length;
        }
    }
}

/* ---- codes ---- */

static int compare_numbers(const void *a, const void *b, void *context)
{
    const struct texts *texts = context;
    return rows_compare_texts(texts->all[((const struct coded *)a)->item],
                              texts->all[((const struct coded *)b)->item]);
}

/* Bytes that all texts begin with. */
static size_t common_start(const struct texts *texts)
{
    size_t common = texts->count > 0 ? texts->all[0].size : 0;
    for (uint32_t i = 1; i < texts->count; i++) {
        size_t same = 0;
        while (same < common && same < texts->all[i].size &&
               texts->all[i].data[same] == texts->all[0].data[same]) {
            same++;
        }
        common = same;
    }
    return common;
}

/* Sorts texts by eight of their bytes, and those that have them in common one by one. */
static void rank_texts(struct texts *texts)
{
    struct coded *entries = xcalloc(texts->count, sizeof *entries);
    struct coded *spare = xcalloc(texts->count, sizeof *spare);
    size_t start = common_start(texts);
    free(texts->ranks);
    texts->ranks = xcalloc(texts->count, sizeof *texts->ranks);
    for (uint32_t i = 0; i < texts->count; i++) {
        uint64_t word = word_at(texts->all[i].data + start, texts->all[i].size - start);
        entries[i] = (struct coded){__builtin_bswap64(word), i};
    }
    struct coded *sorted = radix_sort(entries, spare, texts->count, 64);
    for (size_t i = 0, end; i < texts->count; i = end) {
        for (end = i + 1; end < texts->count && sorted[end].code == sorted[i].code;) {
            end++;
        }
        if (end - i > 1) {
            qsort_r(sorted + i, end - i, sizeof *sorted, compare_numbers, texts);
        }
        for (size_t r = i; r < end; r++) {
            texts->ranks[sorted[r].item] = (uint32_t)r;
        }
    }
    free(spare);
    free(entries);
}

/* A number that grows with the value; of text in the key's first column its rank. */
static uint64_t code_of(const struct rows *rows, const unsigned char *row, size_t c)
{
    const struct rows_column *column = &rows->columns[c];
    const uint64_t top = UINT64_C(1) << 63;
    if (rows_null(row, c)) {
        return UINT64_MAX;
    }
    if (column_is_text(column->type)) {
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

/* ---- comparing rows ---- */

static int compare_cells(const struct rows *rows, size_t c, const unsigned char *x,
                         const unsigned char *y)
{
    const struct rows_column *column = &rows->columns[c];
    bool x_null = rows_null(x, c), y_null = rows_null(y, c);
    if (x_null || y_null) {
        return x_null - y_null;
    }
    if (column_is_text(column->type)) {
        return rows_text_number(x, column) == rows_text_number(y, column)
                   ? 0
                   : rows_compare_texts(rows_text(x, column), rows_text(y, column));
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
    const unsigned char *x = rows_at(rows, ((const struct coded *)a)->item);
    const unsigned char *y = rows_at(rows, ((const struct coded *)b)->item);
    int order = compare_keys(rows, x, y, rows->key_count);
    return order != 0 ? order : compare_cells(rows, rows->least, x, y);
}

/* ---- sorting ---- */

enum {
    CODED_COLUMNS = 2, /* of the key */
    BUCKET_BITS = 8,
    BUCKETS = ROWS_PIECES,
    SPANS = CODED_COLUMNS + 1, /* and of the day */
};

static_assert(BUCKETS == 1 << BUCKET_BITS, "a bucket is what the highest bits say");

struct span { /* what the codes of a column span */
    uint64_t low, high;
};

struct nulls { /* by column */
    uint64_t counts[BATCH_COLUMNS];
};

static void count_nulls(const unsigned char *row, struct nulls *nulls)
{
    uint32_t bits;
    memcpy(&bits, row, sizeof bits);
    for (; bits; bits &= bits - 1) {
        nulls->counts[__builtin_ctz(bits)]++;
    }
}

struct sorting {
    struct rows *rows;
    size_t columns[SPANS]; /* column_count: there is none */
    struct span *spans;    /* [blocks][SPANS], then of all in the first */
    int second_bits, room; /* of the second column; those of them that a code has room for */
    int rest;              /* bits of a code that do not name its bucket */
    size_t *starts;        /* [blocks][BUCKETS] of a block's entries in `dealt` */
    struct coded *entries; /* [added] by rows, then spare */
    struct coded *dealt;   /* [added] by buckets */
    size_t ends[BUCKETS];  /* in `dealt` */
    size_t kept[BUCKETS];  /* rows of a bucket without repetitions */
    int32_t *days;         /* [added], or NULL */
    size_t *day_starts;    /* [pieces][days] in rows->by_day */
    struct nulls *nulls;   /* [blocks] of all rows */
    struct nulls *less;    /* [BUCKETS] of repetitions */
};

size_t rows_bytes(const struct rows *rows)
{
    size_t bytes = rows->block_count * ROWS_A_BLOCK * rows->row_size;
    for (size_t c = 0; c < rows->column_count; c++) {
        const struct texts *texts = &rows->columns[c].texts;
        bytes += texts->bytes + texts->room * sizeof *texts->all +
                 texts->slot_count * sizeof *texts->slots;
    }
    size_t lists =
        (rows->day < rows->column_count ? 2 : 1) * sizeof *rows->order + sizeof *rows->near;
    return bytes + rows->added * (2 * sizeof(struct coded) + sizeof(int32_t) + lists);
}

static size_t rows_in_block(const struct rows *rows, size_t block)
{
    size_t before = block * ROWS_A_BLOCK;
    return rows->added - before < ROWS_A_BLOCK ? rows->added - before : ROWS_A_BLOCK;
}

static void find_spans(void *context, size_t block, unsigned worker)
{
    struct sorting *s = context;
    const struct rows *rows = s->rows;
    const unsigned char *row = rows->blocks[block];
    struct span spans[SPANS] = {{UINT64_MAX, 0}, {UINT64_MAX, 0}, {UINT64_MAX, 0}};
    (void)worker;
    for (size_t left = rows_in_block(rows, block); left > 0; left--, row += rows->row_size) {
        for (size_t i = 0; i < SPANS; i++) {
            if (s->columns[i] < rows->column_count) {
                uint64_t code = code_of(rows, row, s->columns[i]);
                spans[i].low = code < spans[i].low ? code : spans[i].low;
                spans[i].high = code > spans[i].high ? code : spans[i].high;
            }
        }
    }
    memcpy(s->spans + block * SPANS, spans, sizeof spans);
}

static int bits_of(struct span span)
{
    int bits = 0;
    while (bits < 64 && span.low < span.high && (span.high - span.low) >> bits) {
        bits++;
    }
    return bits;
}

static size_t bucket_of(const struct sorting *s, uint64_t code)
{
    return s->rest < 64 ? code >> s->rest : 0;
}

/* One code a row: the first column's, and behind it what there is room for of the second's. */
static void make_codes(void *context, size_t block, unsigned worker)
{
    struct sorting *s = context;
    const struct rows *rows = s->rows;
    const unsigned char *row = rows->blocks[block];
    size_t first = block * ROWS_A_BLOCK, count = rows_in_block(rows, block);
    size_t *counts = s->starts + block * BUCKETS;
    (void)worker;
    for (size_t i = first; i < first + count; i++, row += rows->row_size) {
        uint64_t code = code_of(rows, row, s->columns[0]) - s->spans[0].low;
        if (s->room > 0) {
            uint64_t second = code_of(rows, row, s->columns[1]) - s->spans[1].low;
            code = code << (s->room % 64) | second >> (s->second_bits - s->room);
        }
        s->entries[i] = (struct coded){code, (uint32_t)i};
        counts[bucket_of(s, code)]++;
        count_nulls(row, &s->nulls[block]);
        if (s->days) {
            s->days[i] = (int32_t)rows_whole(row, &rows->columns[rows->day]);
        }
    }
}

static void deal(void *context, size_t block, unsigned worker)
{
    struct sorting *s = context;
    size_t *starts = s->starts + block * BUCKETS;
    const struct coded *entries = s->entries + block * ROWS_A_BLOCK;
    (void)worker;
    for (size_t i = 0; i < rows_in_block(s->rows, block); i++) {
        s->dealt[starts[bucket_of(s, entries[i].code)]++] = entries[i];
    }
}

/* Lists the rows of entries[0 .. count), which have a code in common, without repetitions; returns
 * how many there are. */
static size_t list_alike(struct rows *rows, struct coded *entries, size_t count, size_t at,
                         struct nulls *less)
{
    size_t listed = 0;
    if (count > 1) {
        qsort_r(entries, count, sizeof *entries, compare_entries, rows);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_keys(rows, rows_at(rows, entries[i - 1].item),
                                   rows_at(rows, entries[i].item), rows->key_count) != 0) {
            rows->near[at + listed] = i > 0;
            rows->order[at + listed++] = entries[i].item;
        } else {
            count_nulls(rows_at(rows, entries[i].item), less);
        }
    }
    return listed;
}

static void sort_bucket(void *context, size_t bucket, unsigned worker)
{
    struct sorting *s = context;
    size_t start = bucket > 0 ? s->ends[bucket - 1] : 0;
    size_t count = s->ends[bucket] - start, kept = 0;
    struct coded *sorted = radix_sort(s->dealt + start, s->entries + start, count, s->rest);
    (void)worker;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && sorted[end].code == sorted[i].code;) {
            end++;
        }
        kept += list_alike(s->rows, sorted + i, end - i, start + kept, &s->less[bucket]);
    }
    s->kept[bucket] = kept;
}

/* Moves what the buckets kept together, and cuts it in pieces where buckets end. */
static void join_buckets(struct sorting *s)
{
    struct rows *rows = s->rows;
    for (size_t b = 0, start = 0; b < BUCKETS; start = s->ends[b++]) {
        if (start > rows->count) {
            memmove(rows->order + rows->count, rows->order + start,
                    s->kept[b] * sizeof *rows->order);
            memmove(rows->near + rows->count, rows->near + start, s->kept[b] * sizeof *rows->near);
        }
        rows->count += s->kept[b];
        size_t before = rows->piece_count > 0 ? rows->piece_ends[rows->piece_count - 1] : 0;
        if (rows->count - before >= ROWS_A_PIECE || (b + 1 == BUCKETS && rows->count > before)) {
            rows->piece_ends[rows->piece_count++] = rows->count;
        }
    }
}

static void sum_nulls(struct sorting *s)
{
    struct rows *rows = s->rows;
    for (size_t c = 0; c < rows->column_count; c++) {
        for (size_t k = 0; k < rows->block_count; k++) {
            rows->nulls[c] += s->nulls[k].counts[c];
        }
        for (size_t b = 0; b < BUCKETS; b++) {
            rows->nulls[c] -= s->less[b].counts[c];
        }
    }
}

static size_t day_of(const struct sorting *s, uint32_t row)
{
    return (size_t)(s->days[row] - s->rows->first_day);
}

static void count_days(void *context, size_t piece, unsigned worker)
{
    struct sorting *s = context;
    const struct rows_part part = rows_piece(s->rows, piece);
    size_t *counts = s->day_starts + piece * s->rows->day_count;
    (void)worker;
    for (size_t i = 0; i < part.count; i++) {
        counts[day_of(s, part.order[i])]++;
    }
}

static void deal_days(void *context, size_t piece, unsigned worker)
{
    struct sorting *s = context;
    const struct rows_part part = rows_piece(s->rows, piece);
    size_t *starts = s->day_starts + piece * s->rows->day_count;
    (void)worker;
    for (size_t i = 0; i < part.count; i++) {
        s->rows->by_day[starts[day_of(s, part.order[i])]++] = part.order[i];
    }
}

/* Lists the rows by day: counted by pieces, then dealt out. */
static void list_days(struct sorting *s, unsigned threads)
{
    struct rows *rows = s->rows;
    if (!s->days || rows->count == 0) {
        return;
    }
    const uint64_t top = UINT64_C(1) << 63; /* as in code_of() */
    rows->first_day = (int32_t)(int64_t)(s->spans[2].low ^ top);
    rows->day_count = (size_t)(s->spans[2].high - s->spans[2].low) + 1;
    rows->by_day = xcalloc(rows->count, sizeof *rows->by_day);
    rows->day_ends = xcalloc(rows->day_count, sizeof *rows->day_ends);
    s->day_starts = xcalloc(rows->piece_count * rows->day_count, sizeof *s->day_starts);
    parallel_for(threads, rows->piece_count, count_days, s);
    for (size_t d = 0, start = 0; d < rows->day_count; d++) {
        for (size_t p = 0; p < rows->piece_count; p++) {
            size_t count = s->day_starts[p * rows->day_count + d];
            s->day_starts[p * rows->day_count + d] = start;
            start += count;
        }
        rows->day_ends[d] = start;
    }
    parallel_for(threads, rows->piece_count, deal_days, s);
    free(s->day_starts);
}

void rows_sort(struct rows *rows, unsigned threads)
{
    assert(rows->key_count > 0 && !rows->order);
    struct sorting s = {
        .rows = rows,
        .columns = {rows->key[0], rows->key_count > 1 ? rows->key[1] : rows->column_count,
                    rows->day},
        .spans = xcalloc((rows->block_count + 1) * SPANS, sizeof *s.spans),
        .starts = xcalloc((rows->block_count + 1) * BUCKETS, sizeof *s.starts),
        .nulls = xcalloc(rows->block_count + 1, sizeof *s.nulls),
        .less = xcalloc(BUCKETS, sizeof *s.less),
        .entries = xcalloc(rows->added, sizeof *s.entries),
        .dealt = xcalloc(rows->added, sizeof *s.dealt),
        .days = rows->day < rows->column_count ? xcalloc(rows->added, sizeof *s.days) : NULL};
    threads = rows->added < ROWS_A_BLOCK ? 1 : threads; /* starting one takes longer */
    rows->order = xcalloc(rows->added, sizeof *rows->order);
    rows->near = xcalloc(rows->added, sizeof *rows->near);
    if (column_is_text(rows->columns[rows->key[0]].type)) {
        rank_texts(&rows->columns[rows->key[0]].texts);
    }
    parallel_for(threads, rows->block_count, find_spans, &s);
    for (size_t i = SPANS; i < rows->block_count * SPANS; i++) {
        struct span *all = &s.spans[i % SPANS];
        all->low = s.spans[i].low < all->low ? s.spans[i].low : all->low;
        all->high = s.spans[i].high > all->high ? s.spans[i].high : all->high;
    }
    int first_bits = bits_of(s.spans[0]);
    s.second_bits = s.columns[1] < rows->column_count ? bits_of(s.spans[1]) : 0;
    s.room = 64 - first_bits < s.second_bits ? 64 - first_bits : s.second_bits;
    s.rest = s.room + (first_bits > BUCKET_BITS ? first_bits - BUCKET_BITS : 0);
    parallel_for(threads, rows->block_count, make_codes, &s);
    for (size_t b = 0, start = 0; b < BUCKETS; b++) {
        for (size_t k = 0; k < rows->block_count; k++) {
            size_t count = s.starts[k * BUCKETS + b];
            s.starts[k * BUCKETS + b] = start;
            start += count;
        }
        s.ends[b] = start;
    }
    parallel_for(threads, rows->block_count, deal, &s);
    parallel_for(threads, BUCKETS, sort_bucket, &s);
    join_buckets(&s);
    list_days(&s, threads);
    sum_nulls(&s);
    free(s.less);
    free(s.nulls);
    free(s.days);
    free(s.dealt);
    free(s.entries);
    free(s.starts);
    free(s.spans);
}

/* ---- the sorted rows ---- */

size_t rows_repeated(const struct rows *rows, struct rows_part part, size_t columns)
{
    size_t repeated = 0, first = (size_t)(part.order - rows->order);
    bool before = false;
    for (size_t i = 1; i < part.count; i++) {
        bool again = (rows->near[first + i] || columns < CODED_COLUMNS) &&
                     compare_keys(rows, rows_at(rows, part.order[i - 1]),
                                  rows_at(rows, part.order[i]), columns) == 0;
        repeated += again && !before;
        before = again;
    }
    return repeated;
}

struct rows_part rows_piece(const struct rows *rows, size_t piece)
{
    size_t start = piece > 0 ? rows->piece_ends[piece - 1] : 0;
    return (struct rows_part){rows->order + start, rows->piece_ends[piece] - start};
}

struct rows_part rows_of_day(const struct rows *rows, int32_t day)
{
    int64_t d = (int64_t)day - rows->first_day;
    if (d < 0 || d >= (int64_t)rows->day_count) {
        return (struct rows_part){0};
    }
    size_t start = d > 0 ? rows->day_ends[d - 1] : 0;
    return (struct rows_part){rows->by_day + start, rows->day_ends[d] - start};
}
