/* autostream score: applies a model to any table. */
#include "cli/cli.h"

#include <string.h>
#include <unistd.h>

static const struct option_spec specs[] = {
    {.name = "table",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, table),
     .value = TEXT("FICHIER", "FILE"),
     .help =
         TEXT("table à évaluer, CSV ou Parquet, ou un dossier de fichiers Parquet ; « - », ou sans "
              "cette option, l'entrée standard",
              "table to score, CSV or Parquet, or a folder of Parquet files; \"-\", or without it, "
              "standard input")},
    OPTION_MODEL,
    OPTION_CALIBRATED,
    {.name = "out",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, out),
     .value = TEXT("FICHIER", "FILE"),
     .help = TEXT("fichier du résultat ; sans cette option, la sortie standard",
                  "file of the result; without it standard output")},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct options, score_format),
     .choices = "csv|tsv", /* in the order of enum score_format */
     .fallback = "csv",
     .help = TEXT("forme de l'entrée standard et du résultat ; tsv : tabulations, sans guillemets",
                  "form of standard input and of the result; tsv: tabs, no quotes")},
    {.name = "no-header",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, no_header),
     .help = TEXT("ni l'entrée standard ni le résultat ne nomment leurs colonnes, qui sont celles "
                  "du modèle, dans son ordre",
                  "neither standard input nor the result names its columns, which are the model's, "
                  "in its order")},
};

/* A table on standard input: it was asked for, or something is connected there. */
static bool from_stdin(const struct cli *cli)
{
    const char *table = cli->options.table;
    return table != NULL ? strcmp(table, "-") == 0 : isatty(STDIN_FILENO) == 0;
}

static int score(struct cli *cli, struct error *err)
{
    const struct session session = cli_session(cli);
    uint64_t rows = 0;
    bool stream = from_stdin(cli);
    if (cli->options.table == NULL && !stream) {
        return error_usage(err,
                           "quelle table ? Ajoutez --table FICHIER (CSV ou Parquet), ou donnez des "
                           "lignes CSV sur l'entrée standard",
                           "which table? Add --table FILE (CSV or Parquet), or send CSV rows on "
                           "standard input");
    }
    if (cli->options.no_header && !stream) {
        return error_usage(err, "--no-header ne vaut que pour l'entrée standard",
                           "--no-header is for standard input only");
    }
    if (session.spark && stream) {
        return error_usage(err,
                           "--engine spark lit un fichier, pas l'entrée standard ; ajoutez --table "
                           "FICHIER, ou retirez --engine",
                           "--engine spark reads a file, not standard input; add --table FILE, or "
                           "leave --engine out");
    }
    struct score_options options = {.model_path = cli->options.model,
                                    .table_path = stream ? NULL : cli->options.table,
                                    .out_path = cli->options.out,
                                    .format = (enum score_format)cli->options.score_format,
                                    .no_header = cli->options.no_header,
                                    .calibrated = cli->options.calibrated};
    if (options.model_path == NULL) {
        options.model_path =
            arena_printf(&cli->arena, "%s/models/model_pannes.onnx", cli->options.data);
    }
    if (pipeline_score(&session, &options, &rows, err) != 0) {
        return -1;
    }
    progress_clear(&cli->bar);
    if (cli->options.out != NULL) {
        cli_note(cli, "%s lignes évaluées dans %s\n", "%s rows scored in %s\n",
                 cli_whole(cli, rows), words_clean(&cli->arena, cli->options.out));
    } else {
        cli_note(cli, "%s lignes évaluées\n", "%s rows scored\n", cli_whole(cli, rows));
    }
    return 0;
}

const struct command command_score = {
    .name = "score",
    .summary = TEXT("appliquer un modèle à une table", "apply a model to a table"),
    .about = TEXT("Lit une table qui a les colonnes du modèle et donne, dans le même ordre, une "
                  "ligne par ligne : la classe prédite et la probabilité de chaque classe. Les "
                  "autres colonnes sont ignorées.",
                  "Reads a table that has the model's columns and gives, in the same order, one "
                  "line a row: the predicted class and the probability of every class. Other "
                  "columns are passed over."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream score --model data/models/model_pannes.onnx --table flotte.csv",
                  TEXT("le résultat sur la sortie standard", "the result on standard output")},
                 {"autostream score --table flotte.parquet --out predictions.csv",
                  TEXT("le résultat dans un fichier", "the result in a file")},
                 {"zcat flotte.csv.gz | autostream score --format csv | gzip > predictions.csv.gz",
                  TEXT("dans un tube, en mémoire bornée", "in a pipe, in bounded memory")},
                 {"autostream --engine spark --spark-master spark://hote:7077 score --table "
                  "flotte.parquet",
                  TEXT("la forêt passe par un cluster Spark, le résultat est le même",
                       "the forest runs on a Spark cluster, the result is the same")}},
    .next = TEXT("« autostream run » fait de même pour toute la flotte, à partir des données "
                 "brutes.",
                 "\"autostream run\" does the same for the whole fleet, from the raw data."),
    .has_json = false,
    .has_spark = true,
    .run = score,
};
