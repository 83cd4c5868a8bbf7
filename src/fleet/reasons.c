/* Reasons as a cell of gold and as sentences; see reasons.h. Memory only. */
#include "fleet/reasons.h"

#include "base/numbers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double HALF_A_POINT = 0.005;

const struct feature *reason_feature(enum model_input input)
{
    const struct feature *feature = feature_find(model_input_names[input]);
    assert(feature);
    return feature;
}

static int compare_reasons(const void *a, const void *b)
{
    const struct reason *x = a;
    const struct reason *y = b;
    double left = fabs(x->points);
    double right = fabs(y->points);
    if (left != right) {
        return left < right ? 1 : -1;
    }
    return (x->input > y->input) - (x->input < y->input);
}

void reasons_sort(struct reason reasons[MODEL_INPUT_COUNT])
{
    qsort(reasons, MODEL_INPUT_COUNT, sizeof *reasons, compare_reasons);
}

size_t reasons_worth_telling(const struct reason reasons[MODEL_INPUT_COUNT])
{
    size_t count = 0;
    while (count < REASONS_AT_MOST && fabs(reasons[count].points) >= HALF_A_POINT) {
        count++;
    }
    return count;
}

/* ---- the cell of gold ---- */

enum {
    NUMBER_SIZE = 328, /* the longest double with some decimals */
    REASON_SIZE = 64 + 2 * NUMBER_SIZE
};

/* Writes a value with at most as many decimals as people see: 2.10 is 2.1; nothing for NaN. Returns
 * the end of it. */
static char *put_value(char *out, const struct reason *reason)
{
    if (isnan(reason->value)) {
        return out;
    }
    char *end = out + snprintf(out, NUMBER_SIZE, "%.*f", reason_feature(reason->input)->decimals,
                               reason->value);
    if (memchr(out, '.', (size_t)(end - out))) {
        while (end[-1] == '0') {
            end--;
        }
        end -= end[-1] == '.';
    }
    if (end - out == 2 && memcmp(out, "-0", 2) == 0) {
        *out = '0';
        end--;
    }
    return end;
}

const char *reasons_cell(const struct reason *reasons, size_t count, struct arena *arena)
{
    char cell[REASONS_AT_MOST * REASON_SIZE];
    char *end = cell;
    assert(count <= REASONS_AT_MOST);
    for (size_t i = 0; i < count; i++) {
        const char *name = model_input_gold_columns[reasons[i].input];
        assert(strlen(name) < REASON_SIZE - 2 * NUMBER_SIZE - 3);
        end += snprintf(end, REASON_SIZE, "%s%s=", i > 0 ? "|" : "", name);
        end = put_value(end, &reasons[i]);
        end += snprintf(end, NUMBER_SIZE, ":%+.2f", reasons[i].points);
    }
    return arena_copy(arena, cell, (size_t)(end - cell));
}

/* Reads "name=value:points" up to the end or a bar; gives what follows, NULL for anything else. */
static const char *read_reason(const char *text, struct reason *out)
{
    char *end;
    size_t name = strcspn(text, "=|");
    size_t input = 0;
    while (input < MODEL_INPUT_COUNT &&
           (strlen(model_input_gold_columns[input]) != name ||
            memcmp(model_input_gold_columns[input], text, name) != 0)) {
        input++;
    }
    if (input == MODEL_INPUT_COUNT || text[name] != '=') {
        return NULL;
    }
    text += name + 1;
    *out = (struct reason){.input = (enum model_input)input, .value = NAN, .usual = {NAN, NAN}};
    if (*text != ':') {
        out->value = strtod(text, &end);
        if (end == text || *end != ':') {
            return NULL;
        }
        text = end;
    }
    out->points = strtod(text + 1, &end);
    bool whole = end != text + 1 && (*end == '|' || *end == '\0');
    return whole && isfinite(out->points) ? end : NULL;
}

size_t reasons_read(const char *cell, struct reason reasons[REASONS_AT_MOST])
{
    size_t count = 0;
    while (cell && *cell != '\0' && count < REASONS_AT_MOST) {
        cell = read_reason(cell, &reasons[count]);
        count += cell != NULL;
        cell = cell && *cell == '|' ? cell + 1 : NULL;
    }
    return count;
}

/* ---- sentences ---- */

const char *reason_value(const struct reason *reason, enum lang lang, struct arena *arena)
{
    static const struct text not_measured = TEXT("non mesurée", "not measured");
    const struct feature *feature = reason_feature(reason->input);
    if (isnan(reason->value)) {
        return not_measured.in[lang];
    }
    return arena_printf(arena, "%s %s", number_real(arena, lang, reason->value, feature->decimals),
                        feature->unit.in[lang]);
}

/* ", usual 3.0-5.0"; "" when it is not known. */
static const char *usual_text(const struct reason *reason, enum lang lang, struct arena *arena)
{
    static const struct text usual = TEXT("habituel", "usual");
    static const struct text to = TEXT(" à ", " to ");
    int decimals = reason_feature(reason->input)->decimals;
    if (isnan(reason->usual.low) || isnan(reason->usual.high)) {
        return "";
    }
    return arena_printf(arena, ", %s %s%s%s", usual.in[lang],
                        number_real(arena, lang, reason->usual.low, decimals),
                        reason->usual.low < 0 ? to.in[lang] : "-",
                        number_real(arena, lang, reason->usual.high, decimals));
}

const char *reason_sentence(const struct reason *reason, int predicted, enum lang lang,
                            struct arena *arena)
{
    static const struct text sound = TEXT("un véhicule sain", "a sound vehicle");
    double points = round(reason->points * 100);
    bool one = fabs(points) < 2; /* -1, 0 and 1 */
    const char *class =
        predicted == FAILURE_OK ? sound.in[lang] : failure_kinds[predicted].label.in[lang];
    const char *number = number_real(arena, lang, fabs(points), 0);
    bool plural = lang == LANG_FR ? !one : !one || points == 0;
    return arena_printf(arena, "%s %s%s%s: %s%s point%s %s %s",
                        reason_feature(reason->input)->label.in[lang],
                        reason_value(reason, lang, arena), usual_text(reason, lang, arena),
                        lang == LANG_FR ? " " : "", points < 0 ? "-" : "+", number,
                        plural ? "s" : "", lang == LANG_FR ? "pour" : "for", class);
}
