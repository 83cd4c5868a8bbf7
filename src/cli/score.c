/* autostream score: applies a model to any table. */
#include "cli/cli.h"

static const struct option_spec specs[] = {
    {.name = "table",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, table),
     .value = TEXT("FICHIER", "FILE"),
     .help = TEXT("table à évaluer, CSV ou Parquet (obligatoire)",
                  "table to score, CSV or Parquet (required)")},
    OPTION_MODEL,
    {.name = "out",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, out),
     .value = TEXT("FICHIER", "FILE"),
     .help = TEXT("fichier du résultat ; sans cette option, CSV sur la sortie standard",
                  "file of the result; without it CSV on standard output")},
};

static int score(struct cli *cli, struct error *err)
{
    const struct session session = cli_session(cli);
    uint64_t rows = 0;
    if (cli->options.table == NULL) {
        return error_usage(err, "quelle table ? Ajoutez --table FICHIER (CSV ou Parquet)",
                           "which table? Add --table FILE (CSV or Parquet)");
    }
    const char *model = cli->options.model;
    if (model == NULL) {
        model = arena_printf(&cli->arena, "%s/models/model_pannes.onnx", cli->options.data);
    }
    if (pipeline_score(&session, model, cli->options.table, cli->options.out, &rows, err) != 0) {
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
                  TEXT("le résultat dans un fichier", "the result in a file")}},
    .next = TEXT("« autostream run » fait de même pour toute la flotte, à partir des données "
                 "brutes.",
                 "\"autostream run\" does the same for the whole fleet, from the raw data."),
    .has_json = false,
    .run = score,
};
