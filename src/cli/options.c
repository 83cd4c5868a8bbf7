/* The option parser; see options.h. Reads argv, writes the caller's struct. */
#include "cli/options.h"

#include "base/dates.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTIONS_AT_MOST = 48,
    LONG_OPTION = 256, /* getopt's value of spec i is LONG_OPTION + i */
    DISTANCE_AT_MOST = 2,
    WORD_AT_MOST = 32,
};

/* ---- the word that was meant ---- */

/* Letters to insert, leave out, change or swap to make `b` of `a` (optimal string alignment,
 * Damerau 1964); both are shorter than WORD_AT_MOST. */
static size_t distance(const char *a, const char *b)
{
    size_t cost[WORD_AT_MOST + 1][WORD_AT_MOST + 1];
    size_t m = strlen(a);
    size_t n = strlen(b);
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            size_t best = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = cost[i - 1][j] + 1 < best ? cost[i - 1][j] + 1 : best;
            best = cost[i][j - 1] + 1 < best ? cost[i][j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            best = swapped && cost[i - 2][j - 2] + 1 < best ? cost[i - 2][j - 2] + 1 : best;
            cost[i][j] = best;
        }
    }
    return cost[m][n];
}

const char *closest_word(const char *typed, const char *const words[], size_t count)
{
    const char *closest = NULL;
    size_t least = DISTANCE_AT_MOST + 1;
    size_t length = strlen(typed);
    if (length < 2 || length >= WORD_AT_MOST) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        assert(strlen(words[i]) < WORD_AT_MOST);
        bool beginning = strncmp(words[i], typed, length) == 0;
        size_t edits = beginning ? 1 : distance(typed, words[i]);
        /* two changes make any word of three letters another one */
        if (edits < least && (edits * 2 < length || beginning)) {
            least = edits;
            closest = words[i];
        }
    }
    return closest;
}

/* ---- values ---- */

static int read_whole(const struct option_spec *spec, const char *text, uint64_t *out,
                      struct error *err)
{
    bool digits = *text != '\0' && strspn(text, "0123456789") == strlen(text);
    errno = 0;
    unsigned long long value = digits ? strtoull(text, NULL, 10) : 0;
    if (!digits || errno != 0 || value < spec->low || value > spec->high) {
        return error_usage(err, "--%s %s : il faut un nombre entier de %llu à %llu",
                           "--%s %s: must be a whole number from %llu to %llu", spec->name, text,
                           (unsigned long long)spec->low, (unsigned long long)spec->high);
    }
    *out = value;
    return 0;
}

/* Digits, perhaps a point and digits, perhaps "%": no sign, exponent, infinity or hexadecimal. */
static int read_rate(const struct option_spec *spec, const char *text, double *out,
                     struct error *err)
{
    size_t whole = strspn(text, "0123456789");
    size_t point = text[whole] == '.';
    size_t decimals = point ? strspn(text + whole + 1, "0123456789") : 0;
    const char *rest = text + whole + point + decimals;
    bool percent = strcmp(rest, "%") == 0;
    double value = strtod(text, NULL) / (percent ? 100 : 1);
    if (whole + decimals == 0 || (*rest != '\0' && !percent) || !(value <= 1)) {
        return error_usage(err,
                           "--%s %s : il faut une part entre 0 et 1, par exemple 0.05, ou un "
                           "pourcentage comme 5%%",
                           "--%s %s: must be a share between 0 and 1, such as 0.05, or a "
                           "percentage such as 5%%",
                           spec->name, text);
    }
    *out = value;
    return 0;
}

static int read_date(const struct option_spec *spec, const char *text, int32_t *out,
                     struct error *err)
{
    if (!date_parse(text, strlen(text), out)) {
        return error_usage(err,
                           "--%s %s : cette date n'existe pas ; il faut AAAA-MM-JJ, par exemple "
                           "2026-11-23",
                           "--%s %s: there is no such date; write YYYY-MM-DD, for example "
                           "2026-11-23",
                           spec->name, text);
    }
    return 0;
}

static int read_choice(const struct option_spec *spec, const char *text, int *out,
                       struct error *err)
{
    const char *word = spec->choices;
    for (int index = 0;; index++) {
        size_t length = strcspn(word, "|");
        if (strlen(text) == length && strncmp(word, text, length) == 0) {
            *out = index;
            return 0;
        }
        if (word[length] == '\0') {
            return error_usage(err, "--%s %s : les valeurs possibles sont %s",
                               "--%s %s: possible values are %s", spec->name, text, spec->choices);
        }
        word += length + 1;
    }
}

/* A size as the engine takes it: a number and a unit, KB to TB or KiB to TiB. */
static int read_size(const struct option_spec *spec, const char *text, const char **out,
                     struct error *err)
{
    size_t whole = strspn(text, "0123456789");
    size_t point = text[whole] == '.';
    size_t decimals = point ? strspn(text + whole + 1, "0123456789") : 0;
    const char *unit = text + whole + point + decimals;
    bool known = *unit != '\0' && strchr("KMGT", *unit) != NULL &&
                 (strcmp(unit + 1, "B") == 0 || strcmp(unit + 1, "iB") == 0);
    if (whole == 0 || !known || !(strtod(text, NULL) > 0)) {
        return error_usage(err, "--%s %s : il faut une taille comme 512MB ou 2GB",
                           "--%s %s: must be a size such as 512MB or 2GB", spec->name, text);
    }
    *out = text;
    return 0;
}

int option_read(const struct option_spec *spec, const char *text, void *values, struct error *err)
{
    void *value = (char *)values + spec->offset;
    switch (spec->kind) {
    case OPTION_FLAG:
        *(bool *)value = true;
        return 0;
    case OPTION_TEXT:
        if (*text == '\0') {
            return error_usage(err, "--%s : la valeur est vide", "--%s: the value is empty",
                               spec->name);
        }
        *(const char **)value = text;
        return 0;
    case OPTION_WHOLE:
        return read_whole(spec, text, value, err);
    case OPTION_RATE:
        return read_rate(spec, text, value, err);
    case OPTION_DATE:
        return read_date(spec, text, value, err);
    case OPTION_CHOICE:
        return read_choice(spec, text, value, err);
    case OPTION_SIZE:
        return read_size(spec, text, value, err);
    }
    assert(false); /* an option of unknown kind */
    return -1;
}

void options_default(const struct option_table *table, void *values)
{
    for (size_t i = 0; i < table->count; i++) {
        struct error err;
        if (table->specs[i].fallback != NULL) {
            int status = option_read(&table->specs[i], table->specs[i].fallback, values, &err);
            assert(status == 0);
            (void)status;
        }
    }
}

/* ---- the command line ---- */

/* All tables as one, and as getopt wants them. */
struct grammar {
    const struct option_spec *specs[OPTIONS_AT_MOST];
    struct option longs[OPTIONS_AT_MOST + 1];
    char shorts[2 * OPTIONS_AT_MOST + 4];
    size_t count;
};

static void grammar_init(struct grammar *grammar, const struct option_table *tables,
                         size_t table_count, bool stop_at_operand)
{
    *grammar = (struct grammar){.count = 0};
    size_t used = 0;
    if (stop_at_operand) {
        grammar->shorts[used++] = '+';
    }
    grammar->shorts[used++] = ':'; /* tell a missing value from an unknown option */
    for (size_t t = 0; t < table_count; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct option_spec *spec = &tables[t].specs[i];
            assert(grammar->count < OPTIONS_AT_MOST);
            int takes = spec->kind == OPTION_FLAG ? no_argument : required_argument;
            grammar->longs[grammar->count] = (struct option){
                .name = spec->name, .has_arg = takes, .val = LONG_OPTION + (int)grammar->count};
            grammar->specs[grammar->count++] = spec;
            if (spec->letter != 0) {
                grammar->shorts[used++] = spec->letter;
                if (takes == required_argument) {
                    grammar->shorts[used++] = ':';
                }
            }
        }
    }
}

static const struct option_spec *find(const struct grammar *grammar, int code)
{
    for (size_t i = 0; i < grammar->count; i++) {
        if (code == LONG_OPTION + (int)i || (code != 0 && code == grammar->specs[i]->letter)) {
            return grammar->specs[i];
        }
    }
    return NULL;
}

/* getopt refused argv[optind - 1] and says '?': it knows the option (`optopt`) but not the value
 * given with '=', or it does not know it. */
static int refuse(const struct grammar *grammar, const char *argument, struct error *err)
{
    const struct option_spec *flag = find(grammar, optopt);
    if (flag != NULL) {
        return error_usage(err, "--%s ne prend pas de valeur", "--%s takes no value", flag->name);
    }
    if (strncmp(argument, "--", 2) != 0) {
        return error_usage(err, "option inconnue : -%c", "unknown option: -%c", optopt);
    }
    char typed[WORD_AT_MOST] = "";
    size_t length = strcspn(argument + 2, "=");
    if (length < sizeof typed) {
        memcpy(typed, argument + 2, length);
    }
    const char *names[OPTIONS_AT_MOST];
    for (size_t i = 0; i < grammar->count; i++) {
        names[i] = grammar->specs[i]->name;
    }
    const char *meant = closest_word(typed, names, grammar->count);
    int shown = (int)length + 2;
    if (meant == NULL) {
        return error_usage(err, "option inconnue : %.*s", "unknown option: %.*s", shown, argument);
    }
    return error_usage(err, "option inconnue : %.*s ; vouliez-vous dire --%s ?",
                       "unknown option: %.*s; did you mean --%s?", shown, argument, meant);
}

int options_parse(const struct option_table *tables, size_t table_count, bool stop_at_operand,
                  int argc, char **argv, void *values, int *next, struct error *err)
{
    struct grammar grammar;
    grammar_init(&grammar, tables, table_count, stop_at_operand);
    opterr = 0;
    optind = 0; /* glibc: begin anew */
    for (;;) {
        int code = getopt_long(argc, argv, grammar.shorts, grammar.longs, NULL);
        *next = code == -1 ? optind : optind - 1;
        if (code == -1) {
            return 0;
        }
        if (code == '?') {
            return refuse(&grammar, argv[optind - 1], err);
        }
        const struct option_spec *spec = find(&grammar, code == ':' ? optopt : code);
        assert(spec != NULL);
        if (code == ':') {
            return error_usage(err, "--%s : la valeur manque", "--%s: the value is missing",
                               spec->name);
        }
        if (option_read(spec, optarg, values, err) != 0) {
            return -1;
        }
    }
}
