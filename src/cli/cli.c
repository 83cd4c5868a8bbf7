/* Speaking to people and to machines, and the small things that several commands need; see cli.h.
 * Writes to standard output and standard error. */
#include "cli/cli.h"

#include "base/dates.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *cli_text(const struct cli *cli, struct text text)
{
    return text.in[cli->lang];
}

void cli_print(const struct cli *cli, const char *fr, const char *en, ...)
{
    va_list args;
    if (cli->options.json) {
        return;
    }
    va_start(args, en);
    (void)vfprintf(stdout, cli->lang == LANG_FR ? fr : en, args);
    va_end(args);
}

void cli_note(const struct cli *cli, const char *fr, const char *en, ...)
{
    va_list args;
    if (cli->options.json || cli->options.quiet) {
        return;
    }
    (void)fflush(stdout); /* what was said first shows first, also where both go to one file */
    va_start(args, en);
    (void)vfprintf(stderr, cli->lang == LANG_FR ? fr : en, args);
    va_end(args);
}

/* A path as one can type it into a shell. */
static const char *quoted(struct arena *arena, const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+,:@%";
    if (strspn(path, plain) == strlen(path)) {
        return path;
    }
    const char *quote = "'";
    for (const char *p = path; *p != '\0'; p++) {
        quote = *p == '\'' ? arena_printf(arena, "%s'\\''", quote)
                           : arena_printf(arena, "%s%c", quote, *p);
    }
    return arena_printf(arena, "%s'", quote);
}

const char *cli_command_line(struct cli *cli, const char *command)
{
    char date[DATE_TEXT_SIZE];
    struct arena *arena = &cli->arena;
    const char *line = quoted(arena, cli->program);
    if (cli->data_given) {
        line = arena_printf(arena, "%s --data %s", line, quoted(arena, cli->options.data));
    }
    if (cli->run_date_given) {
        line = arena_printf(arena, "%s --run-date %s", line, date_format(cli->run_date, date));
    }
    return arena_printf(arena, "%s %s", line, command);
}

void cli_next(struct cli *cli, const char *command, struct text why)
{
    if (!cli->in_demo) {
        cli_note(cli, "%s : %s\n", "%s: %s\n", cli_text(cli, why), cli_command_line(cli, command));
    }
}

const char *cli_whole(struct cli *cli, uint64_t value)
{
    return words_whole(&cli->arena, cli->lang, value);
}

const char *cli_real(struct cli *cli, double value, int decimals)
{
    return words_real(&cli->arena, cli->lang, value, decimals);
}

const char *cli_percent(struct cli *cli, double share, int decimals)
{
    return words_percent(&cli->arena, cli->lang, share, decimals);
}

const char *cli_statut(struct cli *cli, enum statut statut)
{
    static const char *const signs[STATUT_COUNT] = {[STATUT_OK] = "✓",
                                                    [STATUT_SURVEILLANCE] = "●",
                                                    [STATUT_ALERTE] = "◆",
                                                    [STATUT_CRITIQUE] = "▲"};
    const char *label = cli_text(cli, statut_kinds[statut].label);
    char *word = arena_printf(&cli->arena, "%s %s", signs[statut], label);
    for (char *p = word; *p != '\0'; p++) {
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    }
    return word;
}

enum style cli_statut_style(enum statut statut)
{
    static const enum style styles[STATUT_COUNT] = {[STATUT_OK] = STYLE_GREEN,
                                                    [STATUT_SURVEILLANCE] = STYLE_CYAN,
                                                    [STATUT_ALERTE] = STYLE_YELLOW,
                                                    [STATUT_CRITIQUE] = STYLE_RED};
    return styles[statut];
}

void cli_print_statuts(struct cli *cli, const uint64_t counts[])
{
    size_t used = 0;
    for (int s = STATUT_COUNT - 1; s >= 0; s--) {
        const char *item = arena_printf(&cli->arena, "%s %s", cli_statut(cli, (enum statut)s),
                                        cli_whole(cli, counts[s]));
        enum style style = counts[s] > 0 ? cli_statut_style((enum statut)s) : STYLE_NONE;
        size_t width = words_width(item) + strlen(", ");
        bool fits = cli->out.width == 0 || used + width <= cli->out.width;
        const char *before = used == 0 ? "" : fits ? " " : "\n";
        used = fits ? used + width : width;
        cli_print(cli, "%s%s%s%s%s", "%s%s%s%s%s", before, term_on(&cli->out, style), item,
                  term_off(&cli->out, style), s > 0 ? "," : "\n");
    }
}

const char *cli_failure(struct cli *cli, int class_index)
{
    if (class_index >= 0 && class_index < FAILURE_COUNT) {
        return cli_text(cli, failure_kinds[class_index].label);
    }
    return arena_printf(&cli->arena, "%d", class_index);
}

/* ---- JSON ---- */

void json_put(json_t *object, const char *key, json_t *value)
{
    if (value == NULL || json_object_set_new(object, key, value) != 0) {
        out_of_memory();
    }
}

void json_add(json_t *array, json_t *value)
{
    if (value == NULL || json_array_append_new(array, value) != 0) {
        out_of_memory();
    }
}

json_t *json_words(struct cli *cli, const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *value = json_string(text);
    return value != NULL ? value : json_string(words_clean(&cli->arena, text));
}

json_t *json_whole(uint64_t value)
{
    return json_integer(value <= INT64_MAX ? (json_int_t)value : INT64_MAX);
}

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_date(int32_t date)
{
    char text[DATE_TEXT_SIZE];
    return json_string(date_format(date, text));
}

/* ---- what commands need ---- */

struct session cli_session(struct cli *cli)
{
    return (struct session){.data = cli->options.data,
                            .run_date = cli->run_date,
                            .threads = (unsigned)cli->options.threads,
                            .memory = cli->options.memory,
                            .spark = cli->options.engine == ENGINE_SPARK,
                            .spark_master = cli->options.spark_master,
                            .progress = {progress_tell, &cli->bar}};
}

int cli_find_published(struct cli *cli, struct error *err)
{
    char given[DATE_TEXT_SIZE];
    char latest[DATE_TEXT_SIZE];
    const char *run = cli_command_line(cli, "run");
    int32_t *dates = NULL;
    size_t count = 0;
    if (published_run_dates(cli->options.data, &cli->arena, &dates, &count, err) != 0) {
        return -1;
    }
    if (count == 0) {
        return error_set(err,
                         "aucun résultat dans %s : lancez d'abord %s (ou autostream demo pour un "
                         "essai)",
                         "no results in %s: first run %s (or autostream demo to try it out)",
                         cli->options.data, run);
    }
    if (!cli->run_date_given) {
        cli->run_date = dates[count - 1];
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (dates[i] == cli->run_date) {
            return 0;
        }
    }
    (void)date_format(cli->run_date, given);
    (void)date_format(dates[count - 1], latest);
    return error_set(err,
                     "aucun résultat pour le %s dans %s : lancez %s ; les derniers résultats sont "
                     "du %s",
                     "no results for %s in %s: run %s; the latest results are of %s", given,
                     cli->options.data, run, latest);
}
