/* Which rows a selection keeps, as bits: columns are scanned one after the other, each clears the
 * bits of the rows that it does not want. Memory only. */
#include "serve/store_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 64 };

/* ---- bits ---- */

static size_t words_for(size_t rows)
{
    return (rows + BITS - 1) / BITS;
}

size_t bits_count(const uint64_t *bits, size_t rows)
{
    if (!bits) {
        return rows;
    }
    size_t count = 0;
    for (size_t w = 0; w < words_for(rows); w++) {
        count += (size_t)__builtin_popcountll(bits[w]);
    }
    return count;
}

size_t bits_rows(const uint64_t *bits, size_t rows, size_t block, uint32_t out[ROWS_A_BLOCK])
{
    size_t first = block * ROWS_A_BLOCK;
    size_t end = first + ROWS_A_BLOCK < rows ? first + ROWS_A_BLOCK : rows;
    size_t count = 0;
    for (size_t row = first; row < end; row += BITS) {
        size_t left = end - row < BITS ? end - row : BITS;
        uint64_t word = bits ? bits[row / BITS] : UINT64_MAX;
        if (!bits || (word == UINT64_MAX && left == BITS)) { /* all of them: most common */
            for (size_t i = 0; i < left; i++) {
                out[count + i] = (uint32_t)(row + i);
            }
            count += left;
            continue;
        }
        for (; word != 0; word &= word - 1) {
            out[count++] = (uint32_t)(row + (size_t)__builtin_ctzll(word));
        }
    }
    return count;
}

/* ---- columns ---- */

struct asked {
    const struct selection *selection;
    const struct words *modeles;
    const bool *found; /* [modeles]: `q` is part of it */
};

static bool wants_modele(const void *context, double value)
{
    const struct asked *asked = context;
    const char *name = isnan(value) ? "" : asked->modeles->texts[(size_t)value];
    for (size_t i = 0; i < asked->selection->modele_count; i++) {
        if (strcmp(asked->selection->modeles[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool wants_annee(const void *context, double value)
{
    const struct asked *asked = context;
    for (size_t i = 0; i < asked->selection->annee_count; i++) {
        if ((double)asked->selection->annees[i] == value) {
            return true;
        }
    }
    return false;
}

static bool wants_statut(const void *context, double value)
{
    const struct asked *asked = context;
    return !isnan(value) && (asked->selection->statuts >> (unsigned)value & 1) != 0;
}

static bool wants_panne(const void *context, double value)
{
    const struct asked *asked = context;
    return !isnan(value) && (asked->selection->pannes >> (unsigned)value & 1) != 0;
}

static bool wants_prob(const void *context, double value)
{
    const struct asked *asked = context;
    return value >= asked->selection->prob_min;
}

static bool wants_no_date(const void *context, double value)
{
    (void)context;
    return isnan(value);
}

/* ---- search ---- */

static char capital(char byte)
{
    return byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
}

void store_fold(char *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        /* U+00E0 .. U+00FE without the division sign: C3 A0 .. C3 BE */
        bool letter = i > 0 && (unsigned char)bytes[i - 1] == 0xc3 && byte >= 0xa0 &&
                      byte <= 0xbe && byte != 0xb7;
        out[i] = letter ? (char)(byte - 0x20) : capital(bytes[i]);
    }
}

/* Sixteen bytes at a time; gcc's and clang's vectors, whatever the processor. */
typedef unsigned char lanes __attribute__((vector_size(16)));

static bool any_lane(lanes found)
{
    uint64_t halves[2];
    memcpy(halves, &found, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

static lanes load(const char *at)
{
    lanes bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* The next place at or behind `at` (and before `end`) where the needle's first and last byte stand
 * in their distance: W. Mula, "SIMD-friendly algorithms for substring searching". */
static const char *next_candidate(const char *at, const char *end, char first, char last,
                                  size_t distance)
{
    lanes firsts = (lanes){0} + (unsigned char)first;
    lanes lasts = (lanes){0} + (unsigned char)last;
    while ((size_t)(end - at) >= sizeof(lanes) + distance) {
        lanes found = (lanes)((load(at) == firsts) & (load(at + distance) == lasts));
        if (any_lane(found)) {
            break;
        }
        at += sizeof(lanes);
    }
    while (at + distance < end && (*at != first || at[distance] != last)) {
        at++;
    }
    return at;
}

/* Sets the bits of the rows whose vin holds the needle (in capitals; no NUL, so that no match
 * reaches from one vin into the next). */
static void find_in_vins(const struct store *store, const char *needle, size_t size, uint64_t *bits)
{
    const char *end = store->folded + store->vin_at[store->rows];
    const char *at = store->folded;
    for (size_t row = 0; row < store->rows;) {
        at = next_candidate(at, end, needle[0], needle[size - 1], size - 1);
        if (at + size > end) {
            break;
        }
        while (store->folded + store->vin_at[row + 1] <= at) {
            row++;
        }
        if (memcmp(at, needle, size) == 0) {
            bits[row / BITS] |= UINT64_C(1) << row % BITS;
            at = store->folded + store->vin_at[++row]; /* once is enough */
        } else {
            at++;
        }
    }
}

static bool holds_text(const void *context, double value)
{
    const struct asked *asked = context;
    return !isnan(value) && asked->found[(size_t)value];
}

/* Keeps the rows whose vin or model holds `q`. */
static void search(const struct store *store, struct asked *asked, uint64_t *bits)
{
    size_t words = words_for(store->rows);
    struct arena arena = {0};
    size_t size = strlen(asked->selection->q);
    char *needle = arena_copy(&arena, asked->selection->q, size);
    bool *found = ARENA_NEW(&arena, bool, asked->modeles->count);
    uint64_t *by_vin = xcalloc(words, sizeof *by_vin);
    uint64_t *by_modele = xcalloc(words, sizeof *by_modele);
    store_fold(needle, asked->selection->q, size);
    bool any = false;
    for (size_t i = 0; i < asked->modeles->count; i++) {
        char *modele = arena_strdup(&arena, asked->modeles->texts[i]);
        store_fold(modele, asked->modeles->texts[i], strlen(modele));
        found[i] = strstr(modele, needle) != NULL;
        any |= found[i];
    }
    asked->found = found;
    find_in_vins(store, needle, size, by_vin);
    if (any) {
        memcpy(by_modele, bits, words * sizeof *bits);
        packed_keep(&store->columns[REPORTING_MODELE], by_modele, holds_text, asked);
    }
    for (size_t w = 0; w < words; w++) {
        bits[w] &= by_vin[w] | by_modele[w];
    }
    free(by_vin);
    free(by_modele);
    arena_release(&arena);
}

/* ---- all together ---- */

uint64_t *store_filter(const struct store *store, const struct selection *selection)
{
    struct asked asked = {.selection = selection, .modeles = &store->words[REPORTING_MODELE]};
    const struct {
        bool given;
        size_t column;
        bool (*wanted)(const void *context, double value);
    } wishes[] = {
        {selection->statuts != 0, REPORTING_STATUT, wants_statut},
        {selection->pannes != 0, REPORTING_TYPE_PANNE_PREDIT, wants_panne},
        {selection->modele_count > 0, REPORTING_MODELE, wants_modele},
        {selection->annee_count > 0, REPORTING_ANNEE, wants_annee},
        {selection->sans_revision, REPORTING_DATE_LAST_REVIS, wants_no_date},
        {selection->prob_min > 0, REPORTING_PROB_PANNE, wants_prob},
    };
    size_t words = words_for(store->rows);
    uint64_t *bits = xcalloc(words, sizeof *bits);
    memset(bits, 0xff, words * sizeof *bits);
    if (store->rows % BITS != 0) {
        bits[words - 1] = (UINT64_C(1) << store->rows % BITS) - 1;
    }
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        if (wishes[i].given) {
            packed_keep(&store->columns[wishes[i].column], bits, wishes[i].wanted, &asked);
        }
    }
    if (selection->q && selection->q[0] != '\0') {
        search(store, &asked, bits);
    }
    return bits;
}
