/* Reasons in six bytes a vehicle. A cell of gold repeats values that stand in the row's other
 * columns, rounded as people see them: only which measures, and their points, are kept. A cell that
 * does not come back the same this way is kept as text. Memory only. */
#include "serve/store_data.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS_BITS = 12,
    POINTS_MIDDLE = 1 << (POINTS_BITS - 1), /* stands for 0 points */
    NO_REASON = 0xffff,                     /* behind the last one */
    AS_TEXT = 0xfffe,                       /* in the first place: the cell is in odd_texts */
    IS_NULL = 0xfffd,                       /* in the first place */
    CELL_ROOM = 256,
};

static_assert((int)MODEL_INPUT_COUNT < 0xf, "an input has four bits");

/* The value as gold's cell rounds it, in whole units of its last decimal; NAN stays. */
static double rounded(double value, int decimals)
{
    return nearbyint(value * pow(10, decimals));
}

static char *write_whole(char *out, uint64_t value, unsigned at_least)
{
    char digits[20];
    unsigned count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || count < at_least);
    while (count > 0) {
        *out++ = digits[--count];
    }
    return out;
}

/* units / 10^decimals, without zeros at the end. */
static char *write_value(char *out, double units, int decimals)
{
    uint64_t whole = (uint64_t)fabs(units);
    while (decimals > 0 && whole % 10 == 0) {
        whole /= 10;
        decimals--;
    }
    uint64_t unit = 1;
    for (int i = 0; i < decimals; i++) {
        unit *= 10;
    }
    if (units < 0) {
        *out++ = '-';
    }
    out = write_whole(out, whole / unit, 1);
    if (decimals > 0) {
        *out++ = '.';
        out = write_whole(out, whole % unit, (unsigned)decimals);
    }
    return out;
}

/* One reason as it is packed: input and hundredths. */
static uint16_t pack(size_t input, int hundredths)
{
    return (uint16_t)(input << POINTS_BITS | (unsigned)(hundredths + POINTS_MIDDLE));
}

static size_t packed_input(uint16_t packed)
{
    return packed >> POINTS_BITS;
}

static int packed_hundredths(uint16_t packed)
{
    return (int)(packed & ((1U << POINTS_BITS) - 1)) - POINTS_MIDDLE;
}

/* The cell that packed reasons stand for: out[CELL_ROOM]; its size. */
static size_t write_cell(const struct store *store, size_t row,
                         const uint16_t packed[REASONS_AT_MOST], char out[CELL_ROOM])
{
    char *end = out;
    for (size_t i = 0; i < REASONS_AT_MOST && packed[i] != NO_REASON; i++) {
        size_t input = packed_input(packed[i]);
        int hundredths = packed_hundredths(packed[i]);
        int decimals = reason_feature((enum model_input)input)->decimals;
        const char *name = model_input_gold_columns[input];
        double units = rounded(store_number(store, row, store->measure_columns[input]), decimals);
        if (i > 0) {
            *end++ = '|';
        }
        memcpy(end, name, strlen(name));
        end += strlen(name);
        *end++ = '=';
        if (fabs(units) < 1e15) { /* else NAN, or more than we write: kept as text */
            end = write_value(end, units, decimals);
        }
        *end++ = ':';
        *end++ = hundredths < 0 ? '-' : '+';
        end = write_whole(end, (uint64_t)abs(hundredths) / 100, 1);
        *end++ = '.';
        end = write_whole(end, (uint64_t)abs(hundredths) % 100, 2);
    }
    return (size_t)(end - out);
}

/* Packs what the cell says; it may say more. */
static void pack_cell(struct bytes cell, uint16_t packed[REASONS_AT_MOST])
{
    const char *at = cell.data;
    const char *end = at + cell.size;
    for (size_t i = 0; i < REASONS_AT_MOST; i++) {
        packed[i] = NO_REASON;
    }
    for (size_t i = 0; i < REASONS_AT_MOST && at < end; i++) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        const char *stop = bar ? bar : end;
        const char *equal = memchr(at, '=', (size_t)(stop - at));
        const char *colon = equal ? memchr(equal, ':', (size_t)(stop - equal)) : NULL;
        size_t input = 0;
        while (colon && input < MODEL_INPUT_COUNT &&
               (strlen(model_input_gold_columns[input]) != (size_t)(equal - at) ||
                memcmp(model_input_gold_columns[input], at, (size_t)(equal - at)) != 0)) {
            input++;
        }
        if (!colon || input == MODEL_INPUT_COUNT || stop - colon != 6) { /* ":+0.31" */
            return;
        }
        int hundredths = (colon[2] - '0') * 100 + (colon[4] - '0') * 10 + (colon[5] - '0');
        if (hundredths < 0 || hundredths >= POINTS_MIDDLE) {
            return;
        }
        packed[i] = pack(input, colon[1] == '-' ? -hundredths : hundredths);
        at = bar ? bar + 1 : end;
    }
}

static void keep_as_text(struct store *store, size_t row, struct bytes cell)
{
    size_t count = store->odd_count;
    if ((count & (count - 1)) == 0) { /* 0, 1, 2, 4, 8 ... are full */
        size_t room = count == 0 ? 1 : 2 * count;
        store->odd_rows = xrealloc(store->odd_rows, room, sizeof *store->odd_rows);
        store->odd_texts = xrealloc((void *)store->odd_texts, room, sizeof *store->odd_texts);
    }
    store->odd_rows[count] = (uint32_t)row;
    store->odd_texts[count] = arena_copy(&store->arena, cell.data, cell.size);
    store->odd_count++;
}

void store_set_reasons(struct store *store, size_t row, struct bytes cell)
{
    char back[CELL_ROOM];
    if (!store->reasons) {
        store->reasons = xcalloc(store->rows, sizeof *store->reasons);
    }
    uint16_t *packed = store->reasons[row];
    if (!cell.data) {
        packed[0] = IS_NULL;
        return;
    }
    pack_cell(cell, packed);
    size_t size = write_cell(store, row, packed, back);
    if (size != cell.size || memcmp(back, cell.data, size) != 0) {
        packed[0] = AS_TEXT;
        keep_as_text(store, row, cell);
    }
}

/* ---- reading ---- */

static const char *odd_text(const struct store *store, size_t row)
{
    size_t low = 0;
    size_t high = store->odd_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (store->odd_rows[middle] <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    assert(store->odd_rows[low] == row);
    return store->odd_texts[low];
}

bool store_reasons_cell(const struct store *store, size_t row, struct body *out)
{
    const uint16_t *packed = store->reasons[row];
    if (packed[0] == IS_NULL) {
        return false;
    }
    if (packed[0] == AS_TEXT) {
        body_text(out, odd_text(store, row));
    } else {
        char *end = body_reserve(out, CELL_ROOM);
        out->size += write_cell(store, row, packed, end);
    }
    return true;
}

size_t store_reasons(const struct store *store, size_t row, const struct usual_range *usual,
                     struct reason reasons[REASONS_AT_MOST])
{
    const uint16_t *packed = store->reasons[row];
    size_t count = 0;
    if (packed[0] == AS_TEXT) {
        count = reasons_read(odd_text(store, row), reasons);
    }
    for (; packed[0] < IS_NULL && count < REASONS_AT_MOST && packed[count] != NO_REASON; count++) {
        size_t input = packed_input(packed[count]);
        int decimals = reason_feature((enum model_input)input)->decimals;
        double value = store_number(store, row, store->measure_columns[input]);
        reasons[count] = (struct reason){.input = (enum model_input)input,
                                         .value = rounded(value, decimals) / pow(10, decimals),
                                         .points = packed_hundredths(packed[count]) / 100.0};
    }
    for (size_t i = 0; i < count; i++) {
        reasons[i].usual = usual ? usual[reasons[i].input] : (struct usual_range){NAN, NAN};
    }
    return count;
}
