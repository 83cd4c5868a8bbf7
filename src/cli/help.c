/* Builds --help from the tables of commands and options. Writes to the terminal it is given. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum {
    INDENT = 2,
    NAME_COLUMN = 26,
    WIDTH_AT_MOST = 96,
    WIDTH_AT_LEAST = 30,
    SIDE_BY_SIDE_FROM = 64
};

struct page {
    struct cli *cli;
    const struct term *term;
    size_t width;
};

/* A paragraph, wrapped, every line but the first of them indented; the cursor is at `used`. */
static void paragraph(const struct page *page, const char *text, size_t indent, size_t used)
{
    struct bytes line;
    while (words_wrap(&text, page->width > indent ? page->width - indent : 1, &line)) {
        int missing = (int)(indent > used ? indent - used : 0);
        (void)fprintf(page->term->stream, "%*s%.*s\n", missing, "", (int)line.size, line.data);
        used = 0;
    }
}

static void heading(const struct page *page, struct text title)
{
    (void)fprintf(page->term->stream, "\n%s", term_on(page->term, STYLE_BOLD));
    paragraph(page, cli_text(page->cli, title), 0, 0);
    (void)fputs(term_off(page->term, STYLE_BOLD), page->term->stream);
}

/* "  NAME      what it is": beside one another, or below one another on a narrow terminal. */
static void entry(const struct page *page, const char *name, const char *what)
{
    size_t used = INDENT + words_width(name);
    (void)fprintf(page->term->stream, "%*s%s", INDENT, "", name);
    if (page->width < SIDE_BY_SIDE_FROM || used + INDENT > NAME_COLUMN) {
        (void)fputc('\n', page->term->stream);
        used = 0;
    }
    paragraph(page, what, page->width < SIDE_BY_SIDE_FROM ? 2 * INDENT + 2 : NAME_COLUMN, used);
}

static void option_entry(const struct page *page, const struct option_spec *spec)
{
    struct arena *arena = &page->cli->arena;
    const char *value =
        spec->kind == OPTION_CHOICE ? spec->choices : cli_text(page->cli, spec->value);
    const char *letter = spec->letter != 0 ? arena_printf(arena, "-%c, ", spec->letter) : "";
    const char *name = arena_printf(arena, "%s--%s%s%s", letter, spec->name,
                                    value != NULL ? " " : "", value != NULL ? value : "");
    const char *help = cli_text(page->cli, spec->help);
    if (spec->fallback != NULL) {
        help = arena_printf(arena, "%s (%s %s)", help,
                            cli_text(page->cli, (struct text)TEXT("par défaut :", "default:")),
                            spec->fallback);
    }
    entry(page, name, help);
}

static void options(const struct page *page, struct text title, const struct option_table *table)
{
    if (table->count == 0) {
        return;
    }
    heading(page, title);
    for (size_t i = 0; i < table->count; i++) {
        option_entry(page, &table->specs[i]);
    }
}

static void of_command(const struct page *page, const struct command *command)
{
    static const struct text own = TEXT("Options", "Options");
    static const struct text examples = TEXT("Exemples", "Examples");
    static const struct text next = TEXT("Ensuite", "Next");
    const char *operand = cli_text(page->cli, command->operand);
    (void)fprintf(page->term->stream, "%s: autostream [%s] %s%s%s%s\n\n",
                  cli_text(page->cli, (struct text)TEXT("Usage ", "Usage")),
                  cli_text(page->cli, (struct text)TEXT("OPTIONS GLOBALES", "GLOBAL OPTIONS")),
                  command->name, operand != NULL ? " " : "", operand != NULL ? operand : "",
                  command->options.count > 0 ? " [OPTIONS]" : "");
    paragraph(page, cli_text(page->cli, command->about), 0, 0);
    options(page, own, &command->options);
    heading(page, examples);
    for (size_t i = 0; i < EXAMPLES_AT_MOST && command->examples[i].command != NULL; i++) {
        (void)fprintf(page->term->stream, "%*s%s\n", INDENT, "", command->examples[i].command);
        paragraph(page, cli_text(page->cli, command->examples[i].what), 2 * INDENT + 2, 0);
    }
    heading(page, next);
    paragraph(page, cli_text(page->cli, command->next), INDENT, 0);
}

static void of_program(const struct page *page)
{
    static const struct text about =
        TEXT("Maintenance prédictive d'une flotte : lit la télémétrie, les entretiens et le "
             "registre des véhicules, et dit quel véhicule va tomber en panne, de quoi, et quoi "
             "faire.",
             "Predictive maintenance for a fleet: reads telemetry, service records and the vehicle "
             "register, and says which vehicle is about to fail, of what, and what to do.");
    static const struct text list = TEXT("Commandes", "Commands");
    static const struct text examples = TEXT("Exemples", "Examples");
    (void)fprintf(
        page->term->stream, "%s\n\n",
        cli_text(page->cli,
                 (struct text)TEXT("Usage : autostream [OPTIONS GLOBALES] COMMANDE [OPTIONS]",
                                   "Usage: autostream [GLOBAL OPTIONS] COMMAND [OPTIONS]")));
    paragraph(page, cli_text(page->cli, about), 0, 0);
    heading(page, list);
    for (size_t i = 0; i < command_count; i++) {
        entry(page, commands[i]->name, cli_text(page->cli, commands[i]->summary));
    }
    heading(page, examples);
    entry(page, "autostream demo",
          cli_text(page->cli, (struct text)TEXT("tout essayer sur une flotte simulée",
                                                "try everything out on a simulated fleet")));
    entry(page, "autostream run",
          cli_text(page->cli,
                   (struct text)TEXT("traiter les données d'aujourd'hui", "process today's data")));
    entry(page, "autostream run --help",
          cli_text(page->cli,
                   (struct text)TEXT("tout sur une commande", "everything about one command")));
}

static void conventions(const struct page *page)
{
    static const struct text title = TEXT("Conventions", "Conventions");
    heading(page, title);
    entry(page, "stdout, stderr",
          cli_text(page->cli, (struct text)TEXT(
                                  "le résultat va sur la sortie standard, le reste sur la sortie "
                                  "d'erreur",
                                  "the product goes to standard output, the chatter to standard "
                                  "error")));
    entry(page, "--json",
          cli_text(page->cli, (struct text)TEXT(
                                  "un seul document JSON sur la sortie standard ; en cas d'échec "
                                  "il contient « error », et la phrase est aussi sur la sortie "
                                  "d'erreur",
                                  "one JSON document on standard output; on failure it has an "
                                  "\"error\", and the sentence is on standard error as well")));
    entry(page, "0, 1, 2",
          cli_text(page->cli, (struct text)TEXT("code de sortie : fait, échec, mauvais usage",
                                                "exit status: done, failed, wrong usage")));
    entry(page, "AUTOSTREAM_DATA",
          cli_text(page->cli, (struct text)TEXT("variable : le dossier des données, comme --data",
                                                "variable: the data folder, as --data")));
    entry(page, "AUTOSTREAM_LANG",
          cli_text(page->cli,
                   (struct text)TEXT("variable : la langue, comme --lang ; sinon LC_ALL, "
                                     "LC_MESSAGES, LANG",
                                     "variable: the language, as --lang; else LC_ALL, LC_MESSAGES, "
                                     "LANG")));
    entry(page, "NO_COLOR",
          cli_text(page->cli,
                   (struct text)TEXT("variable : pas de couleurs", "variable: no colours")));
}

void cli_help(struct cli *cli, const struct term *term, const struct command *command,
              const struct option_table *globals)
{
    static const struct text title = TEXT("Options globales (avant ou après la commande)",
                                          "Global options (before or after the command)");
    size_t width = term->width == 0 || term->width > WIDTH_AT_MOST ? WIDTH_AT_MOST : term->width;
    const struct page page = {cli, term, width < WIDTH_AT_LEAST ? WIDTH_AT_LEAST : width};
    if (command != NULL) {
        of_command(&page, command);
    } else {
        of_program(&page);
    }
    options(&page, title, globals);
    if (command == NULL) {
        conventions(&page);
    }
}
