/* Filling a store and reading single values; see store_data.h. Memory only. */
#include "serve/store_data.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double EXACT_BELOW = 9007199254740992.0; /* 2^53 */

static const struct column *reporting(size_t column)
{
    return &fleet_table(TABLE_REPORTING)->columns[column];
}

/* The place of a column by name; our lists are wrong when there is none. */
static size_t place_of(const char *name)
{
    size_t column = 0;
    while (column < REPORTING_COLUMNS && strcmp(reporting(column)->name, name) != 0) {
        column++;
    }
    assert(column < REPORTING_COLUMNS);
    return column;
}

static void check_places(void)
{
    assert(fleet_table(TABLE_REPORTING)->column_count == REPORTING_COLUMNS);
    assert(place_of("vin") == REPORTING_VIN && place_of("km_actuel") == REPORTING_KM_ACTUEL);
    assert(place_of("date_last_revis") == REPORTING_DATE_LAST_REVIS);
    assert(place_of("type") == REPORTING_TYPE && place_of("modele") == REPORTING_MODELE);
    assert(place_of("annee") == REPORTING_ANNEE && place_of("statut") == REPORTING_STATUT);
    assert(place_of("score_risque") == REPORTING_SCORE_RISQUE);
    assert(place_of("km_depuis_revis") == REPORTING_KM_DEPUIS_REVIS);
    assert(place_of("type_panne_predit") == REPORTING_TYPE_PANNE_PREDIT);
    assert(place_of("prob_panne") == REPORTING_PROB_PANNE);
    assert(place_of("niveau_alerte") == REPORTING_NIVEAU_ALERTE);
    assert(place_of("raisons") == REPORTING_RAISONS);
}

struct store *store_new(int32_t run_date)
{
    struct store *store = xcalloc(1, sizeof *store);
    check_places();
    store->run_date = run_date;
    store->vin_at = xcalloc(1, sizeof *store->vin_at);
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        store->measure_columns[i] = place_of(model_input_gold_columns[i]);
    }
    return store;
}

void store_free(struct store *store)
{
    if (!store) {
        return;
    }
    for (size_t c = 0; c < REPORTING_COLUMNS; c++) {
        packed_release(&store->columns[c]);
    }
    packed_release(&store->urgence);
    store_free_figures(store);
    if (store->folded != store->vins) {
        free(store->folded);
    }
    free(store->vins);
    free(store->vin_at);
    free(store->reasons);
    free(store->odd_rows);
    free((void *)store->odd_texts);
    arena_release(&store->arena);
    free(store);
}

/* ---- vins ---- */

/* Makes room for one more item behind `count`, doubling; rooms are powers of two. */
static void *grown(void *items, size_t count, size_t size)
{
    bool full = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8 ... */
    return full ? xrealloc(items, count == 0 ? 1 : 2 * count, size) : items;
}

int store_add_vin(struct store *store, struct bytes vin, struct error *err)
{
    if (!vin.data || vin.size == 0 || memchr(vin.data, '\0', vin.size)) {
        return error_set(err, "ligne %zu : vin vide ou avec un octet nul",
                         "row %zu: the vin is empty or has a NUL byte", store->rows + 1);
    }
    struct bytes last = store->rows > 0 ? store_vin(store, store->rows - 1) : (struct bytes){"", 0};
    int order = memcmp(last.data, vin.data, last.size < vin.size ? last.size : vin.size);
    if (order > 0 || (order == 0 && last.size >= vin.size)) {
        return error_set(err, "ligne %zu : le vin « %.*s » n'est pas derrière « %.*s »",
                         "row %zu: vin \"%.*s\" does not stand behind \"%.*s\"", store->rows + 1,
                         (int)(vin.size < 80 ? vin.size : 80), vin.data,
                         (int)(last.size < 80 ? last.size : 80), last.data);
    }
    size_t used = store->vin_at[store->rows];
    if (vin.size >= UINT32_MAX / 2 || used >= UINT32_MAX / 2 || store->rows >= INT32_MAX) {
        return error_set(err, "ligne %zu : trop de véhicules", "row %zu: too many vehicles",
                         store->rows + 1);
    }
    if (used + vin.size + 1 > store->vins_size) {
        store->vins_size = 2 * store->vins_size + vin.size + 1;
        store->vins = xrealloc(store->vins, store->vins_size, 1);
    }
    memcpy(store->vins + used, vin.data, vin.size);
    store->vins[used + vin.size] = '\0';
    store->vin_at = grown(store->vin_at, store->rows + 1, sizeof *store->vin_at);
    store->vin_at[++store->rows] = (uint32_t)(used + vin.size + 1);
    return 0;
}

struct bytes store_vin(const struct store *store, size_t row)
{
    assert(row < store->rows);
    uint32_t at = store->vin_at[row];
    return (struct bytes){store->vins + at, store->vin_at[row + 1] - at - 1};
}

size_t store_find(const struct store *store, const char *vin, size_t size)
{
    size_t low = 0;
    size_t high = store->rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct bytes at = store_vin(store, middle);
        int order = memcmp(at.data, vin, at.size < size ? at.size : size);
        if (order == 0 && at.size == size) {
            return middle;
        }
        if (order < 0 || (order == 0 && at.size < size)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NO_ROW;
}

/* ---- numbers ---- */

static int refuse_number(const struct store *store, size_t column, size_t row, double value,
                         struct error *err)
{
    return error_set(err, "véhicule « %s », colonne « %s » : la valeur %g n'est pas possible",
                     "vehicle \"%s\", column \"%s\": the value %g is not possible",
                     store_vin(store, row).data, reporting(column)->name, value);
}

static bool is_possible(size_t column, double value)
{
    if (isnan(value)) {
        return column != REPORTING_TYPE_PANNE_PREDIT && column != REPORTING_PROB_PANNE;
    }
    bool whole = value == trunc(value) && fabs(value) < EXACT_BELOW;
    switch (column) {
    case REPORTING_TYPE_PANNE_PREDIT:
        return whole && value >= 0 && value < FAILURE_COUNT;
    case REPORTING_PROB_PANNE:
        return value >= 0 && value <= 1;
    case REPORTING_DATE_LAST_REVIS:
        return whole && fabs(value) <= INT32_MAX;
    default:
        return reporting(column)->type == COLUMN_WHOLE ? whole : isfinite(value);
    }
}

int store_set_numbers(struct store *store, size_t column, const double *values, struct error *err)
{
    assert(reporting(column)->type != COLUMN_TEXT);
    for (size_t r = 0; r < store->rows; r++) {
        if (!is_possible(column, values[r])) {
            return refuse_number(store, column, r, values[r], err);
        }
    }
    packed_make(&store->columns[column], values, store->rows);
    return 0;
}

double store_number(const struct store *store, size_t row, size_t column)
{
    assert(row < store->rows);
    return packed_value(&store->columns[column], row);
}

enum statut store_statut(const struct store *store, size_t row)
{
    return (enum statut)store_number(store, row, REPORTING_STATUT);
}

enum failure store_panne(const struct store *store, size_t row)
{
    return (enum failure)store_number(store, row, REPORTING_TYPE_PANNE_PREDIT);
}

/* ---- texts ---- */

struct text_column {
    struct arena arena;
    struct bytes *texts; /* different ones, in order of appearance */
    uint32_t *codes;     /* [rows]: 1 + place in texts; 0: NULL */
    uint32_t *slots;     /* [slot_count]: 1 + place in texts, by open addressing; 0: free */
    size_t count, rows, slot_count;
};

struct text_column *text_column_new(void)
{
    struct text_column *texts = xcalloc(1, sizeof *texts);
    texts->slot_count = 1024;
    texts->slots = xcalloc(texts->slot_count, sizeof *texts->slots);
    return texts;
}

void text_column_free(struct text_column *texts)
{
    if (texts) {
        arena_release(&texts->arena);
        free(texts->texts);
        free(texts->codes);
        free(texts->slots);
        free(texts);
    }
}

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv */
static uint64_t hash_of(struct bytes text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static uint32_t *slot_of(const struct text_column *texts, struct bytes text)
{
    size_t place = hash_of(text) & (texts->slot_count - 1);
    for (uint32_t found; (found = texts->slots[place]) != 0;
         place = (place + 1) & (texts->slot_count - 1)) {
        const struct bytes *at = &texts->texts[found - 1];
        if (at->size == text.size && memcmp(at->data, text.data, text.size) == 0) {
            break;
        }
    }
    return &texts->slots[place];
}

static void widen(struct text_column *texts)
{
    free(texts->slots);
    texts->slot_count *= 2;
    texts->slots = xcalloc(texts->slot_count, sizeof *texts->slots);
    for (size_t i = 0; i < texts->count; i++) {
        *slot_of(texts, texts->texts[i]) = (uint32_t)i + 1;
    }
}

void text_column_add(struct text_column *texts, struct bytes text)
{
    texts->codes = grown(texts->codes, texts->rows, sizeof *texts->codes);
    texts->codes[texts->rows++] = 0;
    if (!text.data) {
        return;
    }
    uint32_t *slot = slot_of(texts, text);
    if (*slot == 0) {
        texts->texts = grown(texts->texts, texts->count, sizeof *texts->texts);
        texts->texts[texts->count++] =
            (struct bytes){arena_copy(&texts->arena, text.data, text.size), text.size};
        *slot = (uint32_t)texts->count;
        texts->codes[texts->rows - 1] = *slot;
        if (2 * texts->count > texts->slot_count) {
            widen(texts);
        }
    } else {
        texts->codes[texts->rows - 1] = *slot;
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_fixed(size_t column)
{
    return column == REPORTING_STATUT || column == REPORTING_NIVEAU_ALERTE;
}

/* The words of a column: the list that fleet has, or those found, sorted. */
static struct words words_of(struct store *store, size_t column, const struct text_column *texts)
{
    struct words words = {.count = column == REPORTING_STATUT          ? STATUT_COUNT
                                   : column == REPORTING_NIVEAU_ALERTE ? NIVEAU_COUNT
                                                                       : texts->count};
    const char **list = ARENA_NEW(&store->arena, const char *, words.count);
    for (size_t i = 0; i < words.count; i++) {
        list[i] = column == REPORTING_STATUT ? statut_kinds[i].name
                  : column == REPORTING_NIVEAU_ALERTE
                      ? niveau_names[i]
                      : arena_strdup(&store->arena, texts->texts[i].data);
    }
    if (!is_fixed(column)) {
        qsort((void *)list, words.count, sizeof *list, compare_texts);
    }
    words.texts = list;
    return words;
}

/* The place of each different text in the list of words; NAN: it is not there. */
static double *places_of(const struct words *words, const struct text_column *texts, bool sorted)
{
    double *places = xcalloc(texts->count, sizeof *places);
    for (size_t i = 0; i < texts->count; i++) {
        const char *text = texts->texts[i].data;
        const char *const *found = NULL;
        if (sorted) {
            found = bsearch(&text, (const void *)words->texts, words->count, sizeof text,
                            compare_texts);
        }
        for (size_t w = 0; !sorted && !found && w < words->count; w++) {
            found = strcmp(words->texts[w], text) == 0 ? &words->texts[w] : NULL;
        }
        places[i] =
            found && strlen(text) == texts->texts[i].size ? (double)(found - words->texts) : NAN;
    }
    return places;
}

/* The first row that has no statut, or a text that is not in the list of words. */
static int check_texts(const struct store *store, size_t column, const struct text_column *texts,
                       const double *places, struct error *err)
{
    for (size_t r = 0; r < texts->rows; r++) {
        uint32_t code = texts->codes[r];
        const char *text = code > 0 ? texts->texts[code - 1].data : "";
        if (code > 0 ? isnan(places[code - 1]) : column == REPORTING_STATUT) {
            return error_set(err,
                             "véhicule « %s », colonne « %s » : le texte « %.80s » n'est pas "
                             "possible",
                             "vehicle \"%s\", column \"%s\": the text \"%.80s\" is not possible",
                             store_vin(store, r).data, reporting(column)->name, text);
        }
    }
    return 0;
}

int store_set_texts(struct store *store, size_t column, struct text_column *texts,
                    struct error *err)
{
    assert(texts->rows == store->rows && reporting(column)->type == COLUMN_TEXT);
    double *values = NULL;
    struct words words = words_of(store, column, texts);
    double *places = places_of(&words, texts, !is_fixed(column));
    int status = check_texts(store, column, texts, places, err);
    if (status == 0) {
        values = xcalloc(store->rows, sizeof *values);
        for (size_t r = 0; r < store->rows; r++) {
            values[r] = texts->codes[r] > 0 ? places[texts->codes[r] - 1] : NAN;
        }
        packed_make(&store->columns[column], values, store->rows);
        store->words[column] = words;
    }
    free(values);
    free(places);
    text_column_free(texts);
    return status;
}

const char *store_word(const struct store *store, size_t row, size_t column)
{
    double place = store_number(store, row, column);
    return isnan(place) ? NULL : store->words[column].texts[(size_t)place];
}

/* ---- the end of filling ---- */

/* Gives back the room that doubling left, and folds the vins for the search. */
static void trim(struct store *store)
{
    size_t used = store->vin_at[store->rows];
    store->vin_at = xrealloc(store->vin_at, store->rows + 1, sizeof *store->vin_at);
    store->vins = xrealloc(store->vins, used, 1);
    store->vins_size = used;
    store->folded = xcalloc(used, 1);
    store_fold(store->folded, store->vins, used);
    if (used == 0 || memcmp(store->folded, store->vins, used) == 0) {
        free(store->folded);
        store->folded = store->vins;
    }
    store->odd_rows = xrealloc(store->odd_rows, store->odd_count, sizeof *store->odd_rows);
}

int store_finish(struct store *store, struct error *err)
{
    bool had_reasons = store->reasons != NULL;
    static const size_t needed[] = {REPORTING_STATUT, REPORTING_TYPE_PANNE_PREDIT,
                                    REPORTING_PROB_PANNE};
    for (size_t i = 0; store->rows > 0 && i < sizeof needed / sizeof *needed; i++) {
        if (store->columns[needed[i]].nulls > 0) {
            return error_set(err, "la colonne « %s » est vide pour un véhicule",
                             "column \"%s\" is empty for a vehicle", reporting(needed[i])->name);
        }
    }
    trim(store);
    for (size_t r = 0; !had_reasons && r < store->rows; r++) {
        store_set_reasons(store, r, (struct bytes){0});
    }
    if (store->rows > 0) {
        store_rank_urgency(store);
    }
    store_count_fleet(store);
    return 0;
}

size_t store_bytes(const struct store *store)
{
    size_t bytes = sizeof *store + packed_bytes(&store->urgence) + store->vins_size +
                   (store->rows + 1) * sizeof *store->vin_at +
                   store->rows * sizeof *store->reasons +
                   store->odd_count * (sizeof *store->odd_rows + sizeof *store->odd_texts);
    for (size_t c = 0; c < REPORTING_COLUMNS; c++) {
        bytes += packed_bytes(&store->columns[c]);
    }
    return bytes + (store->folded != store->vins ? store->vins_size : 0);
}

int32_t store_run_date(const struct store *store)
{
    return store->run_date;
}

size_t store_vehicles(const struct store *store)
{
    return store->rows;
}

const struct fleet_kpi *store_fleet_kpi(const struct store *store)
{
    return &store->kpi;
}
