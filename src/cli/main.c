/* The program `autostream`: finds the command, reads the options, runs it, reports its error.
 *
 * The only place that reads today's date and the environment's language, and that turns an error
 * into an exit status: 0 done, 1 failed, 2 wrong usage. */
#include "cli/cli.h"

#include "base/dates.h"
#include "base/fs.h"
#include "base/hex.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct command *const commands[] = {
    &command_generate, &command_train, &command_run,     &command_silver,  &command_gold,
    &command_score,    &command_top,   &command_explain, &command_quality, &command_verify,
    &command_parity,   &command_model, &command_catalog, &command_serve,   &command_demo};
const size_t command_count = sizeof commands / sizeof *commands;

static const char default_data[] = "data";

static const struct option_spec global_specs[] = {
    {.name = "data",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, data),
     .value = TEXT("DOSSIER", "DIR"),
     .fallback = default_data,
     .help = TEXT("dossier des données", "folder of the data")},
    {.name = "run-date",
     .kind = OPTION_DATE,
     .offset = offsetof(struct options, run_date),
     .value = TEXT("DATE", "DATE"),
     .help = TEXT("date du traitement, AAAA-MM-JJ ; sans cette option, aujourd'hui (UTC)",
                  "run date, YYYY-MM-DD; without it today (UTC)")},
    {.name = "engine",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct options, engine),
     .choices = "duckdb|spark",
     .fallback = "duckdb",
     .help =
         TEXT("moteur de calcul ; spark : Apache Spark 4, pour run, silver, gold, score et train",
              "engine that does the work; spark: Apache Spark 4, for run, silver, gold, score "
              "and train")},
    {.name = "spark-master",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, spark_master),
     .value = TEXT("ADRESSE", "ADDRESS"),
     .help = TEXT("maître Spark, par exemple spark://hote:7077 ; sans cette option, cette machine",
                  "master of Spark, for example spark://host:7077; without it this machine")},
    {.name = "threads",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, threads),
     .value = TEXT("N", "N"),
     .high = 1024,
     .fallback = "0",
     .help =
         TEXT("nombre de fils d'exécution, 0 : tous les cœurs", "number of threads, 0: all cores")},
    {.name = "memory",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct options, memory),
     .value = TEXT("TAILLE", "SIZE"),
     .help = TEXT("mémoire que le moteur peut prendre, par exemple 2GB",
                  "memory that the engine may take, for example 2GB")},
    {.name = "lang",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct options, lang),
     .choices = "fr|en", /* in the order of enum lang */
     .help = TEXT("langue des messages ; sans cette option, celle de l'environnement",
                  "language of the messages; without it the environment's")},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, json),
     .help = TEXT("rapport en JSON, pour les programmes", "report as JSON, for programs")},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, quiet),
     .help = TEXT("ni progression ni conseils", "neither progress nor hints")},
    {.name = "help",
     .letter = 'h',
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, help),
     .help = TEXT("cette aide", "this help")},
    {.name = "version",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, version),
     .help = TEXT("la version du programme", "the version of the program")},
};

static const struct option_table globals = OPTION_TABLE(global_specs);

/* ---- what the environment says ---- */

/* The first of the variables that is set and not empty, or NULL. */
static const char *first_set(const char *const names[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') {
            return value;
        }
    }
    return NULL;
}

static enum lang lang_of_environment(void)
{
    static const char *const names[] = {"AUTOSTREAM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"};
    const char *value = first_set(names, sizeof names / sizeof *names);
    return value != NULL && strncmp(value, "fr", 2) == 0 ? LANG_FR : LANG_EN;
}

/* The language and --json are wanted for the message about a command line that cannot be read, so
 * they are looked for before it is read. */
static void look_ahead(struct cli *cli, int argc, char **argv)
{
    static const char prefix[] = "--lang=";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *lang = NULL;
        if (strcmp(argv[i], "--json") == 0) {
            cli->options.json = true;
        } else if (strncmp(argv[i], prefix, strlen(prefix)) == 0) {
            lang = argv[i] + strlen(prefix);
        } else if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc) {
            lang = argv[i + 1];
        }
        if (lang != NULL && (strcmp(lang, "fr") == 0 || strcmp(lang, "en") == 0)) {
            cli->lang = *lang == 'f' ? LANG_FR : LANG_EN;
        }
    }
    cli->options.lang = (int)cli->lang;
}

/* Where the data are when --data does not say otherwise. */
static const char *usual_data(void)
{
    static const char *const names[] = {"AUTOSTREAM_DATA"};
    const char *data = first_set(names, 1);
    return data != NULL ? data : default_data;
}

static void set_defaults(struct cli *cli)
{
    options_default(&globals, &cli->options);
    for (size_t i = 0; i < command_count; i++) {
        options_default(&commands[i]->options, &cli->options);
    }
    cli->options.run_date = cli->options.since = NO_DATE;
    cli->options.data = usual_data();
}

static int32_t today(void)
{
    return timestamp_date((int64_t)time(NULL) * MICROS_PER_SECOND);
}

/* ---- the command line ---- */

static int find_command(const char *name, const struct command **out, struct error *err)
{
    const char *names[32];
    assert(command_count <= sizeof names / sizeof *names);
    for (size_t i = 0; i < command_count; i++) {
        names[i] = commands[i]->name;
        if (strcmp(names[i], name) == 0) {
            *out = commands[i];
            return 0;
        }
    }
    const char *meant = closest_word(name, names, command_count);
    if (meant == NULL) {
        return error_usage(err, "commande inconnue : %s ; la liste : autostream --help",
                           "unknown command: %s; for the list: autostream --help", name);
    }
    return error_usage(err, "commande inconnue : %s ; vouliez-vous dire %s ?",
                       "unknown command: %s; did you mean %s?", name, meant);
}

/* An option of a command that stands before it reads as unknown: say where it belongs. */
static void explain_misplaced(const char *typed, struct error *err)
{
    size_t length = strcspn(typed, "=");
    for (size_t c = 0; c < command_count; c++) {
        for (size_t i = 0; i < commands[c]->options.count; i++) {
            const char *name = commands[c]->options.specs[i].name;
            if (strncmp(typed, "--", 2) == 0 && strlen(name) + 2 == length &&
                strncmp(typed + 2, name, length - 2) == 0) {
                (void)error_usage(err, "--%s se place après la commande : autostream %s --%s ...",
                                  "--%s belongs after the command: autostream %s --%s ...", name,
                                  commands[c]->name, name);
                return;
            }
        }
    }
}

/* Reads "[globals] COMMAND [globals and options]"; *command stays NULL without one. */
static int read_command_line(struct cli *cli, int argc, char **argv, const struct command **command,
                             struct error *err)
{
    int next = argc;
    if (options_parse(&globals, 1, true, argc, argv, &cli->options, &next, err) != 0) {
        explain_misplaced(argv[next], err);
        return -1;
    }
    if (next < argc && strcmp(argv[next], "help") == 0) {
        cli->options.help = true;
        next++;
    }
    if (next == argc) {
        return 0;
    }
    if (find_command(argv[next], command, err) != 0) {
        return -1;
    }
    const struct option_table tables[] = {(*command)->options, globals};
    argc -= next;
    argv += next;
    if (options_parse(tables, 2, false, argc, argv, &cli->options, &next, err) != 0) {
        return -1;
    }
    if (next < argc && (*command)->operand.in[LANG_EN] != NULL) {
        cli->options.operand = argv[next++];
    }
    if (next < argc && !cli->options.help) {
        return error_usage(err, "%s n'attend pas « %s »", "%s does not expect \"%s\"",
                           (*command)->name, argv[next]);
    }
    return 0;
}

/* --data may be written as Spark writes addresses: file:///FOLDER, with %20 and the like. Other
 * file systems must be mounted, because the command itself publishes there. */
static int settle_data(struct cli *cli, struct error *err)
{
    static const char scheme[] = "file://";
    const char *data = cli->options.data;
    if (strncmp(data, scheme, strlen(scheme)) == 0 && data[strlen(scheme)] == '/') {
        char *path = arena_strdup(&cli->arena, data + strlen(scheme));
        char *end = path;
        for (const char *p = path; *p != '\0'; p++) {
            int high = *p == '%' ? hex_digit(p[1]) : -1;
            int low = high >= 0 ? hex_digit(p[2]) : -1;
            bool escape = low >= 0 && high + low > 0;
            *end++ = escape ? (char)(high * 16 + low) : *p;
            p += escape ? 2 : 0;
        }
        *end = '\0';
        cli->options.data = path;
        return 0;
    }
    if (strstr(data, "://") == NULL) {
        return 0;
    }
    return error_usage(
        err,
        "--data %s : la commande lit et publie dans un dossier ; donnez-en un, ou file:///DOSSIER "
        "; "
        "montez un stockage d'objets ou HDFS pour toutes les machines, ou donnez à run l'adresse "
        "des "
        "données brutes par --bronze (docs/scaling.md)",
        "--data %s: the command reads and publishes in a folder; give one, or file:///FOLDER; "
        "mount an object store or HDFS on all machines, or give run the address of the raw data by "
        "--bronze (docs/scaling.md)",
        words_clean(&cli->arena, data));
}

/* What the options mean together. */
static int settle(struct cli *cli, const struct command *command, struct error *err)
{
    if (settle_data(cli, err) != 0) {
        return -1;
    }
    cli->data_given = strcmp(cli->options.data, usual_data()) != 0;
    cli->run_date_given = cli->options.run_date != NO_DATE;
    cli->run_date = cli->run_date_given ? cli->options.run_date : today();
    if (cli->options.engine == ENGINE_SPARK && !command->has_spark) {
        return error_usage(
            err,
            "--engine spark : %s ne passe pas par Spark (run, silver, gold, score et train "
            "le font) ; retirez l'option",
            "--engine spark: %s does not go through Spark (run, silver, gold, score and train "
            "do); leave the option out",
            command->name);
    }
    if (cli->options.spark_master && cli->options.engine != ENGINE_SPARK) {
        return error_usage(err, "--spark-master ne vaut qu'avec --engine spark",
                           "--spark-master is for --engine spark only");
    }
    if (strcmp(words_clean(&cli->arena, cli->options.data), cli->options.data) != 0) {
        return error_usage(
            err,
            "--data %s : ce nom contient des signes invisibles ou n'est pas en UTF-8 "
            "; renommez le dossier",
            "--data %s: this name holds invisible characters or is not UTF-8; rename "
            "the folder",
            words_clean(&cli->arena, cli->options.data));
    }
    if (fs_exists(cli->options.data) && !fs_is_folder(cli->options.data)) {
        return error_usage(err, "--data %s : ce n'est pas un dossier ; donnez-en un",
                           "--data %s: this is no folder; give one", cli->options.data);
    }
    if (cli->options.json && !command->has_json) {
        return error_usage(err, "%s n'a pas de forme JSON : retirez --json",
                           "%s has no JSON form: leave --json out", command->name);
    }
    return 0;
}

/* ---- running ---- */

static int run_command(struct cli *cli, const struct command *command, struct error *err)
{
    if (settle(cli, command, err) != 0) {
        return -1;
    }
    if (cli->options.json) {
        cli->document = json_object();
        if (cli->document == NULL) {
            out_of_memory();
        }
        json_put(cli->document, "command", json_string(command->name));
    }
    bool bar = !cli->options.quiet && !cli->options.json;
    progress_init(&cli->bar, &cli->err, cli->lang, bar);
    int status = command->run(cli, err);
    progress_clear(&cli->bar);
    return status;
}

/* The JSON document of a command, or of an error that came before there was one. */
static void print_document(struct cli *cli, const struct error *err)
{
    if (cli->document == NULL) {
        cli->document = json_object();
    }
    if (err != NULL) {
        json_put(cli->document, "error", json_words(cli, err->text[cli->lang]));
    }
    /* 15 digits: 0.1 is written as 0.1 */
    if (json_dumpf(cli->document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0) {
        (void)fputc('\n', stdout);
    }
}

static void print_error(struct cli *cli, const struct command *command, const struct error *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%sautostream%s%s %s\n", term_on(&cli->err, STYLE_RED),
                  cli->lang == LANG_FR ? " :" : ":", term_off(&cli->err, STYLE_RED),
                  err->text[cli->lang]);
    if (err->status == ERROR_USAGE) {
        cli_note(cli, "Aide : autostream%s%s --help\n", "Help: autostream%s%s --help\n",
                 command != NULL ? " " : "", command != NULL ? command->name : "");
    }
}

/* Everything between the first and the last byte; returns the exit status. */
static int run(struct cli *cli, int argc, char **argv)
{
    const struct command *command = NULL;
    struct error err = {.status = ERROR_FAILED};
    set_defaults(cli);
    look_ahead(cli, argc, argv);
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        if (cli_worker(argc - 1, argv + 1, &err) == 0) {
            return 0;
        }
        print_error(cli, NULL, &err);
        return (int)err.status;
    }
    int failed = read_command_line(cli, argc, argv, &command, &err);
    cli->lang = failed != 0 ? cli->lang : (enum lang)cli->options.lang;
    if (failed == 0 && cli->options.help) {
        cli_help(cli, &cli->out, command, &globals);
        return 0;
    }
    if (failed == 0 && cli->options.version) {
        (void)printf("autostream %s (duckdb, spark)\n", AUTOSTREAM_VERSION);
        return 0;
    }
    if (failed == 0 && command == NULL) {
        failed = error_usage(&err, "quelle commande ? Pour commencer : autostream demo",
                             "which command? To begin with: autostream demo");
    }
    if (failed == 0) {
        failed = run_command(cli, command, &err);
    }
    if (cli->options.json && !(cli->document_printed && failed == 0)) {
        print_document(cli, failed != 0 ? &err : NULL);
    }
    if (failed != 0) {
        print_error(cli, command, &err);
        return (int)err.status;
    }
    return 0;
}

int main(int argc, char **argv)
{
    bool by_path = argc > 0 && strchr(argv[0], '/');
    struct cli cli = {.program = by_path ? argv[0] : "autostream", .lang = lang_of_environment()};
    term_init(&cli.out, stdout);
    term_init(&cli.err, stderr);
    int status = run(&cli, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "%s\n",
                      cli.lang == LANG_FR
                          ? "autostream : impossible d'écrire sur la sortie standard"
                          : "autostream: cannot write to standard output");
        status = status == 0 ? (int)ERROR_FAILED : status;
    }
    progress_release(&cli.bar);
    json_decref(cli.document);
    arena_release(&cli.arena);
    return status;
}
