/* The lines of a scored table: `prediction` and a probability a class; see scored.h. Reads rows of
 * floats, writes CSV (RFC 4180) or TSV (no quotes; tab, line feed and backslash as \t, \n, \\). */
#include "pipeline/scored.h"

#include "base/fs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums of equal votes are few: their texts are kept in a table by the number's bits. */
enum { KNOWN_NUMBERS = 4096 };

struct number_text {
    double value;
    char text[SCORED_NUMBER_SIZE]; /* "": none yet */
};

/* ---- texts ---- */

static const char *csv_text(struct arena *arena, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        return arena_strdup(arena, text);
    }
    char *out = arena_alloc(arena, 2 * strlen(text) + 3, 1), *end = out;
    *end++ = '"';
    for (const char *p = text; *p; p++) {
        if (*p == '"') {
            *end++ = '"';
        }
        *end++ = *p;
    }
    *end = '"';
    return out;
}

static const char *tsv_text(struct arena *arena, const char *text)
{
    static const char special[] = "\t\n\r\\", letters[] = "tnr\\";
    char *out = arena_alloc(arena, 2 * strlen(text) + 1, 1), *end = out;
    for (const char *p = text; *p; p++) {
        const char *found = strchr(special, *p);
        if (found) {
            *end++ = '\\';
        }
        *end++ = found ? letters[found - special] : *p;
    }
    return out;
}

static const char *field_text(const struct scored *s, struct arena *arena, const char *text)
{
    return s->format == SCORE_TSV ? tsv_text(arena, text) : csv_text(arena, text);
}

static bool reads_back(double value, int digits, char *text)
{
    (void)snprintf(text, SCORED_NUMBER_SIZE, "%.*g", digits, value);
    return strtod(text, NULL) == value;
}

void scored_number(double value, char *text)
{
    /* Sums of floats mostly need 16 or 17 digits; tries from 6 upwards took six times as long. */
    if (!reads_back(value, 15, text)) {
        if (!reads_back(value, 16, text)) {
            (void)reads_back(value, 17, text);
        }
        return;
    }
    for (int digits = 6; !reads_back(value, digits, text); digits++) {
    }
}

/* The same by way of the table of known numbers. */
static const char *number_text(struct scored *s, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    struct number_text *known =
        &s->known[(bits * UINT64_C(0x9e3779b97f4a7c15)) >> 52 & (KNOWN_NUMBERS - 1)];
    if (known->text[0] == '\0' || memcmp(&known->value, &value, sizeof value) != 0) {
        known->value = value;
        scored_number(value, known->text);
    }
    return known->text;
}

/* ---- begin and end ---- */

/* The names by which the table's columns are found. */
static const char *const *input_names(const struct scored *s)
{
    if (s->card.feature_names) {
        return s->card.feature_names;
    }
    return s->features == MODEL_INPUT_COUNT ? model_input_names : NULL;
}

int scored_init(struct scored *s, const struct session *session,
                const struct score_options *options, struct arena *arena, struct error *err)
{
    char sha256[HASH_TEXT_SIZE];
    *s = (struct scored){.model_path = options->model_path,
                         .threads = session->threads,
                         .format = options->format,
                         .headed = options->no_header};
    if (model_read(options->model_path, arena, &s->forest, &s->card, sha256, err) != 0) {
        return -1;
    }
    s->features = forest_features(s->forest);
    s->classes = (size_t)forest_classes(s->forest);
    s->inputs = input_names(s);
    if (options->calibrated && model_calibration(s->model_path, &s->card, forest_classes(s->forest),
                                                 arena, &s->calibration, err) != 0) {
        return -1;
    }
    s->labels = ARENA_NEW(arena, const char *, s->classes);
    for (size_t c = 0; c < s->classes; c++) {
        s->labels[c] = field_text(s, arena, s->card.class_labels[c]);
    }
    s->known = ARENA_NEW(arena, struct number_text, KNOWN_NUMBERS);
    return 0;
}

void scored_release(struct scored *s)
{
    forest_free(s->forest);
    free(s->prob);
    s->forest = NULL;
    s->prob = NULL;
}

/* ---- lines ---- */

int scored_output_error(const struct scored *s, struct error *err)
{
    return fs_write_error(s->out_name, err);
}

static char separator(const struct scored *s)
{
    return s->format == SCORE_TSV ? '\t' : ',';
}

void scored_header(struct scored *s)
{
    struct arena arena = {0};
    if (!s->headed) {
        s->headed = true;
        (void)fputs("prediction", s->out);
        for (size_t c = 0; c < s->classes; c++) {
            const char *name = arena_printf(&arena, "p_%s", s->card.class_labels[c]);
            (void)fputc(separator(s), s->out);
            (void)fputs(field_text(s, &arena, name), s->out);
        }
        (void)fputc('\n', s->out);
    }
    arena_release(&arena);
}

static void write_row(struct scored *s, const double *prob)
{
    size_t best = 0;
    for (size_t c = 1; c < s->classes; c++) {
        best = round_vote(prob[c]) > round_vote(prob[best]) ? c : best;
    }
    (void)fputs_unlocked(s->labels[best], s->out);
    for (size_t c = 0; c < s->classes; c++) {
        (void)putc_unlocked(separator(s), s->out);
        /* float32 votes may sum to 1 + 1e-8 */
        (void)fputs_unlocked(number_text(s, fmin(prob[c], 1)), s->out);
    }
    (void)putc_unlocked('\n', s->out);
}

void scored_predict(const struct scored *s, const float *x, size_t rows, double *prob)
{
    forest_predict(s->forest, x, rows, s->threads, prob);
    forest_calibration_apply(&s->calibration, prob, rows);
}

int scored_write(struct scored *s, const double *prob, size_t rows, struct error *err)
{
    scored_header(s);
    for (size_t r = 0; r < rows; r++) {
        write_row(s, &prob[r * s->classes]);
    }
    s->rows += rows;
    return ferror(s->out) ? scored_output_error(s, err) : 0;
}

int scored_rows(struct scored *s, const float *x, size_t rows, struct error *err)
{
    if (rows > s->prob_rows) {
        s->prob = xrealloc(s->prob, rows * s->classes, sizeof *s->prob);
        s->prob_rows = rows;
    }
    scored_predict(s, x, rows, s->prob);
    return scored_write(s, s->prob, rows, err);
}
