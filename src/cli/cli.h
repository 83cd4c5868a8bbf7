/* What every command gets: the options, the terminals, the language, and the ways to speak.
 *
 * A command is a `struct command` in a file of its own, listed in main.c. It prints its report on
 * standard output (or fills cli->document with --json), its chatter with cli_note(), and returns -1
 * with an error that main() reports: no command prints an error or ends the process. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/options.h"
#include "cli/term.h"
#include "cli/words.h"
#include "pipeline/pipeline.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NO_DATE INT32_MIN /* --run-date was not given */

enum { ENGINE_DUCKDB, ENGINE_SPARK }; /* in the order of --engine's choices */

/* The values of all options of all commands; see the tables for what they mean. An option of the
 * same name has the same default everywhere. */
struct options {
    const char *data;
    int32_t run_date;
    uint64_t threads;
    const char *memory;
    int engine, lang;
    const char *spark_master;
    bool json, quiet, help, version;

    uint64_t vehicles, days, messages_per_day, seed; /* generate, run, demo */
    double faults;
    int format;                  /* enum generator_format */
    int scenario;                /* enum generator_scenario */
    const char *history, *model; /* train, run, score */
    uint64_t trees;
    bool simulate, full; /* run; full: silver too */
    const char *bronze;  /* run, silver */
    int32_t since;       /* run, gold */
    const char *map;
    double max_rejects;
    const char *table, *out;                      /* train, score */
    const char *label, *drop, *group, *date, *ok; /* train */
    int check;                                    /* enum train_check */
    uint64_t cost_missed, cost_visit;
    uint64_t max_depth, min_leaf, max_features;
    bool balanced, extra_trees;
    int score_format; /* enum score_format */
    bool calibrated;  /* run, gold, score */
    bool no_header;
    bool strict;               /* verify */
    const char *with;          /* parity */
    uint64_t limit;            /* top */
    uint64_t port, per_client; /* serve, demo */
    const char *listen, *host, *token_file, *tls_cert, *tls_key;
    bool open, no_serve;
    const char *operand; /* what stands beside the options, for a command that takes it; or NULL */
};

struct cli {
    struct arena arena;  /* lives as long as the command */
    const char *program; /* how the reader called us, so that hints can be typed as they stand */
    struct options options;
    enum lang lang;
    int32_t run_date; /* D: --run-date, or today */
    bool run_date_given;
    bool data_given; /* the next call needs --data to look in the same folder */
    bool in_demo;    /* the demo itself goes on to the next command: no hints */
    struct term out, err;
    struct progress_bar bar;
    json_t *document;      /* with --json: the object that main() prints */
    bool document_printed; /* by a command that goes on after it */
};

struct example {
    const char *command;
    struct text what;
};

enum { EXAMPLES_AT_MOST = 5 };

struct command {
    const char *name;
    struct text summary; /* one line of the list of commands */
    struct text about;   /* what it reads, does and writes */
    struct option_table options;
    struct text operand; /* the one word that it takes beside the options; NULLs: none */
    struct example examples[EXAMPLES_AT_MOST]; /* at least one */
    struct text next;                          /* what one does afterwards */
    bool has_json;                             /* --json makes sense */
    bool has_spark;                            /* --engine spark makes sense */
    int (*run)(struct cli *cli, struct error *err);
};

/* The commands, in the order of the help; `command_count` of them (main.c). */
extern const struct command *const commands[];
extern const size_t command_count;

extern const struct command command_generate, command_train, command_run, command_silver,
    command_gold, command_score, command_top, command_explain, command_quality, command_verify,
    command_parity, command_model, command_catalog, command_serve, command_demo;

/* Options that several commands share. */
#define OPTION_VEHICLES                                                                         \
    {                                                                                           \
        .name = "vehicles", .kind = OPTION_WHOLE, .offset = offsetof(struct options, vehicles), \
        .value = TEXT("N", "N"), .low = 1, .high = 10000000, .fallback = "50",                  \
        .help = TEXT("nombre de véhicules simulés", "number of simulated vehicles"),            \
    }
#define OPTION_SEED                                                                     \
    {                                                                                   \
        .name = "seed", .kind = OPTION_WHOLE, .offset = offsetof(struct options, seed), \
        .value = TEXT("N", "N"), .low = 0, .high = INT64_MAX, .fallback = "42",         \
        .help = TEXT("graine du hasard : même graine, mêmes octets",                    \
                     "seed of the random numbers: same seed, same bytes"),              \
    }
#define OPTION_MODEL                                                                               \
    {                                                                                              \
        .name = "model", .kind = OPTION_TEXT, .offset = offsetof(struct options, model),           \
        .value = TEXT("FICHIER", "FILE"),                                                          \
        .help = TEXT("fichier du modèle (ONNX) ; sans cette option, models/model_pannes.onnx "    \
                     "dans le dossier des données",                                                \
                     "model file (ONNX); without it models/model_pannes.onnx in the data folder"), \
    }
#define OPTION_CALIBRATED                                                                          \
    {                                                                                              \
        .name = "calibrated", .kind = OPTION_FLAG, .offset = offsetof(struct options, calibrated), \
        .help = TEXT("probabilités calibrées comme le modèle le dit, au lieu des votes bruts",     \
                     "probabilities calibrated as the model says, not raw votes"),                 \
    }
#define OPTION_MAP                                                                              \
    {                                                                                           \
        .name = "map", .kind = OPTION_TEXT, .offset = offsetof(struct options, map),            \
        .value = TEXT("FICHIER", "FILE"),                                                       \
        .help = TEXT("correspondance des colonnes, unités et dates d'une télémétrie étrangère", \
                     "how foreign telemetry names its columns, units and dates"),               \
    }
#define OPTION_MAX_REJECTS                                                                \
    {                                                                                     \
        .name = "max-rejects", .kind = OPTION_RATE,                                       \
        .offset = offsetof(struct options, max_rejects), .value = TEXT("PART", "RATE"),   \
        .fallback = "5%",                                                                 \
        .help = TEXT("part de messages refusés au-delà de laquelle le traitement échoue", \
                     "share of refused messages above which the run fails"),              \
    }

/* ---- help (help.c) ---- */

/* Prints what --help says about a command, or about the program when it is NULL. */
void cli_help(struct cli *cli, const struct term *term, const struct command *command,
              const struct option_table *globals);

/* ---- speaking ---- */

/* The text of the user's language. */
const char *cli_text(const struct cli *cli, struct text text);

/* printf on standard output in the user's language; nothing with --json. Both formats take the same
 * arguments in the same order. */
void cli_print(const struct cli *cli, const char *fr, const char *en, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));

/* The same on standard error, as chatter: nothing with --quiet or --json. */
void cli_note(const struct cli *cli, const char *fr, const char *en, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));

/* "autostream --data DIR --run-date D COMMAND" as one types it for the data and date of this call;
 * owned by the arena. */
const char *cli_command_line(struct cli *cli, const char *command);

/* Chatter: what to type next. */
void cli_next(struct cli *cli, const char *command, struct text why);

/* Numbers in the user's language; owned by the arena. */
const char *cli_whole(struct cli *cli, uint64_t value);
const char *cli_real(struct cli *cli, double value, int decimals);
const char *cli_percent(struct cli *cli, double share, int decimals);

/* A statut as people see it: sign and word, so that colour is never needed. */
const char *cli_statut(struct cli *cli, enum statut statut);
enum style cli_statut_style(enum statut statut);

/* How many vehicles have which statut, most urgent first, on lines that fit the terminal;
 * counts[STATUT_COUNT]. */
void cli_print_statuts(struct cli *cli, const uint64_t counts[]);

/* The part that a class stands for ("Turbo"), or "class 7" for one that is not ours. */
const char *cli_failure(struct cli *cli, int class_index);

/* ---- JSON ---- */

/* object[key] = value; takes the value over. A value that could not be made ends the process: there
 * was no memory. */
void json_put(json_t *object, const char *key, json_t *value);

/* Appends to an array, likewise. */
void json_add(json_t *array, json_t *value);

/* A text (NULL: null); bytes that are not UTF-8 are escaped. */
json_t *json_words(struct cli *cli, const char *text);

/* A whole number, a number (NaN: null), a date ("2026-11-23"); for json_put() or json_add(). */
json_t *json_whole(uint64_t value);
json_t *json_number(double value);
json_t *json_date(int32_t date);

/* ---- what commands need ---- */

/* The options as the pipeline takes them. */
struct session cli_session(struct cli *cli);

/* Turns cli->run_date to the date whose gold is to be read: the one given, else the latest that
 * was published. */
int cli_find_published(struct cli *cli, struct error *err);

/* Does the part of a Spark job that argv[1..argc) names, from standard input to output (worker.c).
 */
int cli_worker(int argc, char **argv, struct error *err);

/* Puts simulated bronze in place for the run date, as the options say (generate.c). */
int cli_simulate(struct cli *cli, struct error *err);

#endif
