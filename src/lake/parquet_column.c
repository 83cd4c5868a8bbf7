/* Columns of Parquet; see parquet_column.h.
 *
 * Texts are numbered as they come. Of numbers a hash table of the row group's values is tried,
 * and given up where too many differ: then the next groups are not tried, for the values of a
 * column are of one kind. Sensors' numbers have few decimals: a dictionary takes half the time of
 * zstd and less room, up to some thousand of them a group. */
#include "lake/parquet_column.h"

#include "lake/parquet.h"
#include "lake/rows.h"

#include "base/arena.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SLOTS = 1 << 10,               /* of texts; twice as many when half are taken */
    MOST_ENTRIES = PARQUET_ROWS * 3 / 8, /* of numbers: with more, zstd alone is smaller */
    NUMBER_SLOTS = 1 << 15,              /* more than twice as many */
    MOST_TEXT = 1 << 20,                 /* bytes of a dictionary */
    LONGEST_BOUND = 1 << 10,             /* bytes; bounds of longer texts are left out */
    UNTRIED = 8,
    LEVEL = 1, /* of zstd */
};

/* ---- adding ---- */

/* Text `number` behind its length. */
static struct bytes seen_text(const struct texts_seen *texts, size_t number)
{
    size_t end = number + 1 < texts->count ? texts->starts[number + 1] : texts->plain.size;
    return (struct bytes){(const char *)texts->plain.data + texts->starts[number],
                          end - texts->starts[number]};
}

static bool is_seen(const struct texts_seen *texts, const struct text_slot *slot, uint32_t hash,
                    struct bytes text)
{
    if (slot->hash != hash) {
        return false;
    }
    struct bytes seen = seen_text(texts, slot->number - 1);
    return seen.size == text.size + sizeof(uint32_t) &&
           (text.size == 0 || memcmp(seen.data + sizeof(uint32_t), text.data, text.size) == 0);
}

static void double_slots(struct texts_seen *texts)
{
    struct text_slot *old = texts->slots;
    size_t old_count = texts->slot_count;
    texts->slot_count = old_count ? 2 * old_count : FIRST_SLOTS;
    texts->slots = xcalloc(texts->slot_count, sizeof *texts->slots);
    for (size_t i = 0; i < old_count; i++) {
        size_t slot = old[i].hash & (texts->slot_count - 1);
        while (old[i].number && texts->slots[slot].number) {
            slot = (slot + 1) & (texts->slot_count - 1);
        }
        if (old[i].number) {
            texts->slots[slot] = old[i];
        }
    }
    free(old);
}

static uint32_t number_of_text(struct texts_seen *texts, struct bytes text)
{
    uint32_t hash = rows_hash_text(text);
    if (texts->count >= texts->slot_count / 2) {
        double_slots(texts);
    }
    size_t slot = hash & (texts->slot_count - 1);
    while (texts->slots[slot].number && !is_seen(texts, &texts->slots[slot], hash, text)) {
        slot = (slot + 1) & (texts->slot_count - 1);
    }
    if (!texts->slots[slot].number) {
        assert(text.size <= INT32_MAX / 2); /* as sizes of pages are */
        texts->starts[texts->count++] = texts->plain.size;
        texts->slots[slot] = (struct text_slot){hash, (uint32_t)texts->count};
        put_u32(&texts->plain, (uint32_t)text.size);
        buffer_put(&texts->plain, text.data, text.size);
    }
    return texts->slots[slot].number - 1;
}

static void add_texts(struct parquet_column *column, const struct batch *batch, size_t c,
                      size_t first, size_t count)
{
    struct texts_seen *texts = &column->texts;
    struct bytes last = {0};
    uint32_t number = 0;
    for (size_t r = first; r < first + count; r++) {
        struct bytes text = batch->values[c].text[r];
        if (batch->null[c][r]) {
            continue;
        }
        if (!last.data || text.data != last.data || text.size != last.size) {
            number = number_of_text(texts, text); /* a vehicle's messages come together */
            last = text;
        }
        texts->all_bytes += text.size + sizeof(uint32_t);
        column->text_numbers[column->count++] = number;
    }
}

static void add_numbers(struct parquet_column *column, const struct batch *batch, size_t c,
                        size_t first, size_t count)
{
    const void *values = column->type == COLUMN_REAL ? (const void *)batch->values[c].real
                                                     : (const void *)batch->values[c].whole;
    const char *cells = (const char *)values + first * sizeof(uint64_t);
    if (!memchr(batch->null[c] + first, true, count)) {
        memcpy(column->words + column->count, cells, count * sizeof(uint64_t));
        column->count += count;
        return;
    }
    for (size_t r = first; r < first + count; r++, cells += sizeof(uint64_t)) {
        memcpy(column->words + column->count, cells, sizeof(uint64_t));
        column->count += !batch->null[c][r];
    }
}

/* Room for `rows` rows in all: most tables are small. */
static void make_room(struct parquet_column *column, size_t rows)
{
    size_t room = column->room ? 2 * column->room : BATCH_ROWS;
    room = room < rows ? rows : room < PARQUET_ROWS ? room : PARQUET_ROWS;
    column->room = room;
    column->null = xrealloc(column->null, room, sizeof *column->null);
    if (column_is_text(column->type)) {
        struct texts_seen *texts = &column->texts;
        column->text_numbers = xrealloc(column->text_numbers, room, sizeof *column->text_numbers);
        texts->starts = xrealloc(texts->starts, room, sizeof *texts->starts);
    } else { /* one more, to which a NULL behind the last value is written */
        column->words = xrealloc(column->words, room + 1, sizeof *column->words);
    }
}

void parquet_column_add(struct parquet_column *column, const struct batch *batch, size_t c,
                        size_t first, size_t count)
{
    assert(column->rows + count <= PARQUET_ROWS);
    if (column->rows + count > column->room) {
        make_room(column, column->rows + count);
    }
    memcpy(column->null + column->rows, batch->null[c] + first, count * sizeof *column->null);
    (column_is_text(column->type) ? add_texts : add_numbers)(column, batch, c, first, count);
    column->rows += count;
}

void parquet_column_clear(struct parquet_column *column)
{
    struct texts_seen *texts = &column->texts;
    column->rows = column->count = 0;
    if (texts->slots) {
        memset(texts->slots, 0, texts->slot_count * sizeof *texts->slots);
    }
    texts->plain.size = texts->count = texts->all_bytes = 0;
}

void parquet_column_release(struct parquet_column *column)
{
    free(column->null);
    free(column->words);
    free(column->text_numbers);
    free(column->texts.starts);
    free(column->texts.slots);
    buffer_release(&column->texts.plain);
    buffer_release(&column->pages);
}

/* ---- dictionaries ---- */

struct dictionary {
    void *plain; /* its entries as pages hold them; NULL: none */
    size_t bytes, count;
    const uint32_t *numbers; /* of the values */
};

/* The dictionary of the column's numbers as words, or one that is not there. */
static struct dictionary number_words(const struct parquet_column *column,
                                      struct parquet_encoder *encoder)
{
    size_t most = column->count * 3 / 8, count = 0;
    unsigned bits = width_of(most) + 1; /* at most half of the slots are taken */
    size_t last_slot = ((size_t)1 << bits) - 1;
    uint64_t *entries = encoder->entries;
    if (most == 0) {
        return (struct dictionary){0};
    }
    uint16_t *slots = encoder->slots;
    memset(slots, 0, (last_slot + 1) * sizeof *slots);
    for (size_t i = 0; i < column->count; i++) {
        uint64_t word = column->words[i];
        size_t slot = (size_t)(word * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
        while (slots[slot] && entries[slots[slot] - 1] != word) {
            slot = (slot + 1) & last_slot;
        }
        if (!slots[slot]) {
            if (count == most) {
                return (struct dictionary){0};
            }
            entries[count++] = word;
            slots[slot] = (uint16_t)count;
        }
        encoder->numbers[i] = slots[slot] - 1U;
    }
    return (struct dictionary){entries, count * sizeof *entries, count, encoder->numbers};
}

static struct dictionary make_dictionary(struct parquet_column *column,
                                         struct parquet_encoder *encoder)
{
    struct dictionary dictionary = {0};
    if (column_is_text(column->type)) {
        const struct texts_seen *texts = &column->texts;
        size_t bits = column->count * width_of(texts->count);
        if (texts->count > 0 && texts->plain.size <= MOST_TEXT &&
            texts->plain.size + bits / 8 < texts->all_bytes) {
            dictionary = (struct dictionary){texts->plain.data, texts->plain.size, texts->count,
                                             column->text_numbers};
        }
    } else if (column->untried > 0) {
        column->untried--;
    } else {
        dictionary = number_words(column, encoder);
        column->untried = dictionary.plain ? 0 : UNTRIED;
    }
    return dictionary;
}

/* ---- bounds ---- */

/* Bounds of numbers; the words are the column's or its dictionary's. NaN has no place in the order
 * of all readers, and zero two signs. */
static void bound_reals(struct parquet_column *column, const uint64_t *words, size_t count)
{
    double least = INFINITY, most = -INFINITY;
    bool ordered = count > 0;
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, &words[i], sizeof value);
        least = value < least ? value : least;
        most = value > most ? value : most;
        ordered &= value == value;
    }
    least = least == 0 ? -0.0 : least;
    most = most == 0 ? 0.0 : most;
    memcpy(column->bounds[0], &least, sizeof least);
    memcpy(column->bounds[1], &most, sizeof most);
    column->chunk.bounded = ordered;
}

static void bound_wholes(struct parquet_column *column, const uint64_t *words, size_t count)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        int64_t value = (int64_t)words[i];
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    memcpy(column->bounds[0], &least, sizeof least); /* of a date the lower half counts */
    memcpy(column->bounds[1], &most, sizeof most);
    column->chunk.bounded = count > 0;
}

static struct bytes without_length(struct bytes plain)
{
    return (struct bytes){plain.data + sizeof(uint32_t), plain.size - sizeof(uint32_t)};
}

static void bound_texts(struct parquet_column *column)
{
    struct chunk *chunk = &column->chunk;
    for (size_t i = 0; i < column->texts.count; i++) {
        struct bytes text = without_length(seen_text(&column->texts, i));
        chunk->least = i == 0 || rows_compare_texts(text, chunk->least) < 0 ? text : chunk->least;
        chunk->most = i == 0 || rows_compare_texts(text, chunk->most) > 0 ? text : chunk->most;
    }
    chunk->bounded = column->texts.count > 0 && chunk->least.size <= LONGEST_BOUND &&
                     chunk->most.size <= LONGEST_BOUND;
}

static void find_bounds(struct parquet_column *column, const struct dictionary *dictionary)
{
    const uint64_t *words = dictionary->plain ? dictionary->plain : column->words;
    size_t count = dictionary->plain ? dictionary->count : column->count;
    size_t size = column->type == COLUMN_DATE ? sizeof(uint32_t) : sizeof(uint64_t);
    if (column_is_text(column->type)) {
        bound_texts(column);
        return;
    }
    (column->type == COLUMN_REAL ? bound_reals : bound_wholes)(column, words, count);
    column->chunk.least = (struct bytes){(const char *)column->bounds[0], size};
    column->chunk.most = (struct bytes){(const char *)column->bounds[1], size};
}

/* ---- pages ---- */

/* Puts a page with this body behind the others, and counts it. */
static void put_page(struct parquet_column *column, struct parquet_encoder *encoder,
                     struct page page, const void *body)
{
    struct chunk *chunk = &column->chunk;
    size_t start = column->pages.size;
    page.bytes = page.plain_bytes;
    if (chunk->codec == PARQUET_ZSTD) {
        encoder->packed.size = 0;
        size_t room = ZSTD_compressBound(page.plain_bytes);
        page.bytes = ZSTD_compressCCtx(encoder->zstd, buffer_reserve(&encoder->packed, room), room,
                                       body, page.plain_bytes, LEVEL);
        if (ZSTD_isError(page.bytes)) { /* it knows no other failure where there is room */
            out_of_memory();
        }
        body = encoder->packed.data;
    }
    put_page_header(&column->pages, &page);
    chunk->plain_bytes += column->pages.size - start + page.plain_bytes;
    buffer_put(&column->pages, body, page.bytes);
    chunk->bytes += column->pages.size - start;
    if (page.is_dictionary) {
        chunk->dictionary_bytes = column->pages.size - start;
    }
}

/* Which rows are NULL, behind the length of that. */
static void put_levels(struct parquet_column *column, struct parquet_encoder *encoder)
{
    struct buffer *page = &encoder->page;
    put_u32(page, 0);
    if (column->count == column->rows) {
        put_varint(page, column->rows << 1);
        buffer_put(page, &(unsigned char){1}, 1);
    } else {
        for (size_t r = 0; r < column->rows; r++) {
            encoder->levels[r] = !column->null[r];
        }
        put_runs(page, encoder->levels, column->rows, 1);
    }
    uint32_t size = (uint32_t)(page->size - sizeof size);
    memcpy(page->data, &size, sizeof size);
}

static void put_plain(const struct parquet_column *column, struct buffer *page)
{
    if (column_is_text(column->type)) {
        for (size_t i = 0; i < column->count; i++) {
            struct bytes text = seen_text(&column->texts, column->text_numbers[i]);
            buffer_put(page, text.data, text.size);
        }
    } else if (column->type == COLUMN_DATE) {
        for (size_t i = 0; i < column->count; i++) {
            put_u32(page, (uint32_t)column->words[i]);
        }
    } else {
        buffer_put(page, column->words, column->count * sizeof *column->words);
    }
}

/* The dictionary and one page of data: a row group is no longer than a page may be. */
static void put_pages(struct parquet_column *column, struct parquet_encoder *encoder,
                      const struct dictionary *dictionary)
{
    struct buffer *page = &encoder->page;
    struct chunk *chunk = &column->chunk;
    column->pages.size = chunk->bytes = chunk->plain_bytes = chunk->dictionary_bytes = 0;
    page->size = 0;
    put_levels(column, encoder);
    if (dictionary->plain) {
        struct page head = {.is_dictionary = true,
                            .encoding = PARQUET_DICTIONARY,
                            .values = dictionary->count,
                            .plain_bytes = dictionary->bytes};
        unsigned width = dictionary->count > 1 ? width_of(dictionary->count - 1) : 1;
        put_page(column, encoder, head, dictionary->plain);
        buffer_put(page, &(unsigned char){(unsigned char)width}, 1);
        put_runs(page, dictionary->numbers, column->count, width);
    } else if (chunk->encoding == PARQUET_DELTA) {
        put_deltas(page, column->words, column->count);
    } else {
        put_plain(column, page);
    }
    struct page data = {
        .encoding = chunk->encoding, .values = column->rows, .plain_bytes = page->size};
    put_page(column, encoder, data, page->data);
}

static void make_encoder(struct parquet_encoder *encoder)
{
    encoder->zstd = ZSTD_createCCtx();
    encoder->slots = xrealloc(NULL, NUMBER_SLOTS, sizeof *encoder->slots);
    encoder->entries = xrealloc(NULL, MOST_ENTRIES, sizeof *encoder->entries);
    encoder->numbers = xrealloc(NULL, PARQUET_ROWS, sizeof *encoder->numbers);
    encoder->levels = xrealloc(NULL, PARQUET_ROWS, sizeof *encoder->levels);
    if (!encoder->zstd) {
        out_of_memory();
    }
}

void parquet_encoder_release(struct parquet_encoder *encoder)
{
    ZSTD_freeCCtx(encoder->zstd);
    free(encoder->slots);
    free(encoder->entries);
    free(encoder->numbers);
    free(encoder->levels);
    buffer_release(&encoder->page);
    buffer_release(&encoder->packed);
}

/* Days are halves of words in pages. */
static void halve_entries(struct dictionary *dictionary)
{
    unsigned char *entries = dictionary->plain;
    for (size_t i = 0; i < dictionary->count; i++) {
        memmove(entries + i * sizeof(uint32_t), entries + i * sizeof(uint64_t), sizeof(uint32_t));
    }
    dictionary->bytes = dictionary->count * sizeof(uint32_t);
}

/* Whole numbers of which no dictionary was made are differences, which zstd makes no smaller. */
void parquet_column_encode(struct parquet_column *column, struct parquet_encoder *encoder)
{
    struct chunk *chunk = &column->chunk;
    if (!encoder->zstd) {
        make_encoder(encoder);
    }
    *chunk = (struct chunk){.rows = column->rows, .nulls = column->rows - column->count};
    struct dictionary dictionary = make_dictionary(column, encoder);
    find_bounds(column, &dictionary);
    if (dictionary.plain) {
        chunk->encoding = PARQUET_DICTIONARY;
        chunk->distinct = dictionary.count;
        if (column->type == COLUMN_DATE) {
            halve_entries(&dictionary);
        }
    } else if (column->count > 0 &&
               (column->type == COLUMN_WHOLE || column->type == COLUMN_TIMESTAMP)) {
        chunk->encoding = PARQUET_DELTA;
    }
    if (chunk->encoding != PARQUET_DELTA) {
        chunk->codec = PARQUET_ZSTD;
        put_pages(column, encoder, &dictionary);
    }
    if (chunk->codec == PARQUET_UNCOMPRESSED || chunk->bytes > chunk->plain_bytes / 16 * 15) {
        chunk->codec = PARQUET_UNCOMPRESSED;
        put_pages(column, encoder, &dictionary);
    }
}
