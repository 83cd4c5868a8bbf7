/* autostream train: learns from past failures, writes the model, shows how good it is. */
#include "cli/cli.h"
#include "cli/grid.h"

static const struct option_spec specs[] = {
    {.name = "history",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, history),
     .value = TEXT("FICHIER", "FILE"),
     .help = TEXT("historique des pannes (CSV) ; sans cette option, celui du bronze le plus récent",
                  "failure history (CSV); without it the newest bronze's")},
    OPTION_MODEL,
    {.name = "trees",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, trees),
     .value = TEXT("N", "N"),
     .low = 1,
     .high = 100000,
     .fallback = "100",
     .help = TEXT("nombre d'arbres de la forêt", "number of trees of the forest")},
    OPTION_SEED,
};

static size_t true_rows(const struct forest_metrics *metrics, int class_index)
{
    size_t rows = 0;
    for (int predicted = 0; predicted < metrics->classes; predicted++) {
        rows += metrics->confusion[class_index * metrics->classes + predicted];
    }
    return rows;
}

/* ---- for people ---- */

/* Rows: what it was; columns: what was predicted, by number so that it fits anywhere. */
static void print_confusion(struct cli *cli, const struct forest_metrics *metrics)
{
    enum { CLASSES_AT_MOST = GRID_COLUMNS - 1 };
    struct grid_column columns[GRID_COLUMNS] = {
        {.title = cli_text(cli, (struct text)TEXT("Panne constatée", "Failure found"))}};
    size_t classes = (size_t)metrics->classes;
    if (classes > CLASSES_AT_MOST) {
        return;
    }
    struct grid grid = {.columns = columns, .column_count = classes + 1, .rows = classes};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, classes * (classes + 1));
    for (size_t t = 0; t < classes; t++) {
        struct grid_cell *row = &grid.cells[t * (classes + 1)];
        columns[t + 1] = (struct grid_column){.title = cli_whole(cli, t), .right = true};
        row[0].text = arena_printf(&cli->arena, "%zu %s", t, cli_failure(cli, (int)t));
        for (size_t p = 0; p < classes; p++) {
            row[p + 1].text = cli_whole(cli, metrics->confusion[t * classes + p]);
            row[p + 1].style = t == p ? STYLE_BOLD : STYLE_NONE;
        }
    }
    cli_print(cli, "\nPannes prédites (colonnes) sur %s lignes mises de côté\n",
              "\nPredicted failures (columns) on %s rows held out\n",
              cli_whole(cli, metrics->rows));
    grid_print(&grid, &cli->out, &cli->arena);
}

static void print_classes(struct cli *cli, const struct forest_metrics *metrics)
{
    enum { COLUMNS = 5 };
    const struct grid_column columns[COLUMNS] = {
        {.title = cli_text(cli, (struct text)TEXT("Panne", "Failure"))},
        {.title = cli_text(cli, (struct text)TEXT("Lignes", "Rows")), .right = true, .drop = 1},
        {.title = cli_text(cli, (struct text)TEXT("Précision", "Precision")), .right = true},
        {.title = cli_text(cli, (struct text)TEXT("Rappel", "Recall")), .right = true},
        {.title = "F1", .right = true},
    };
    size_t classes = (size_t)metrics->classes;
    struct grid grid = {.columns = columns, .column_count = COLUMNS, .rows = classes};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, classes * COLUMNS);
    for (size_t c = 0; c < classes; c++) {
        struct grid_cell *row = &grid.cells[c * COLUMNS];
        row[0].text = cli_failure(cli, (int)c);
        row[1].text = cli_whole(cli, true_rows(metrics, (int)c));
        row[2].text = cli_real(cli, metrics->precision[c], 3);
        row[3].text = cli_real(cli, metrics->recall[c], 3);
        row[4].text = cli_real(cli, metrics->f1[c], 3);
    }
    cli_print(cli, "\n", "\n");
    grid_print(&grid, &cli->out, &cli->arena);
}

static void print_report(struct cli *cli, const struct train_report *report)
{
    cli_print(cli, "Appris de %s : %s lignes utilisées, %s refusées\n",
              "Learned from %s: %s rows used, %s refused\n",
              words_clean(&cli->arena, report->history), cli_whole(cli, report->rows),
              cli_whole(cli, report->refused));
    print_confusion(cli, &report->holdout);
    print_classes(cli, &report->holdout);
    cli_print(cli,
              "\nF1 moyen (macro) %s, justesse %s sur les lignes mises de côté\n"
              "F1 moyen (macro) %s, justesse %s hors échantillon (out-of-bag)\n",
              "\nMacro-F1 %s, accuracy %s on the rows held out\n"
              "Macro-F1 %s, accuracy %s out of bag\n",
              cli_real(cli, report->holdout.macro_f1, 3),
              cli_percent(cli, report->holdout.accuracy, 1), cli_real(cli, report->oob.macro_f1, 3),
              cli_percent(cli, report->oob.accuracy, 1));
    cli_print(cli, "Modèle : %s (%s arbres, %s nœuds, %s s)\n",
              "Model: %s (%s trees, %s nodes, %s s)\n",
              words_clean(&cli->arena, report->model_path), cli_whole(cli, report->trees),
              cli_whole(cli, report->nodes), cli_real(cli, report->seconds, 2));
}

/* ---- for machines ---- */

static json_t *class_json(struct cli *cli, const struct forest_metrics *metrics, int class_index)
{
    json_t *object = json_object();
    json_put(object, "class", json_integer(class_index));
    json_put(object, "name",
             class_index < FAILURE_COUNT ? json_words(cli, failure_kinds[class_index].name)
                                         : json_null());
    json_put(object, "rows", json_whole(true_rows(metrics, class_index)));
    json_put(object, "precision", json_number(metrics->precision[class_index]));
    json_put(object, "recall", json_number(metrics->recall[class_index]));
    json_put(object, "f1", json_number(metrics->f1[class_index]));
    json_t *predicted = json_array();
    for (int p = 0; p < metrics->classes; p++) {
        json_add(predicted, json_whole(metrics->confusion[class_index * metrics->classes + p]));
    }
    json_put(object, "predicted", predicted);
    return object;
}

static json_t *metrics_json(struct cli *cli, const struct forest_metrics *metrics)
{
    json_t *object = json_object();
    json_put(object, "rows", json_whole(metrics->rows));
    json_put(object, "accuracy", json_number(metrics->accuracy));
    json_put(object, "macro_f1", json_number(metrics->macro_f1));
    json_put(object, "log_loss", json_number(metrics->log_loss));
    json_t *classes = json_array();
    for (int c = 0; c < metrics->classes; c++) {
        json_add(classes, class_json(cli, metrics, c));
    }
    json_put(object, "classes", classes);
    return object;
}

static void fill_document(struct cli *cli, const struct train_report *report)
{
    json_t *document = cli->document;
    json_put(document, "run_date", json_date(cli->run_date));
    json_put(document, "history", json_words(cli, report->history));
    json_put(document, "model", json_words(cli, report->model_path));
    json_put(document, "rows", json_whole(report->rows));
    json_put(document, "refused", json_whole(report->refused));
    json_put(document, "trees", json_whole(report->trees));
    json_put(document, "nodes", json_whole(report->nodes));
    json_put(document, "seed", json_whole(cli->options.seed));
    json_put(document, "holdout", metrics_json(cli, &report->holdout));
    json_put(document, "out_of_bag", metrics_json(cli, &report->oob));
    json_put(document, "seconds", json_number(report->seconds));
}

static int train(struct cli *cli, struct error *err)
{
    const struct session session = cli_session(cli);
    const struct train_options options = {.history = cli->options.history,
                                          .model_path = cli->options.model,
                                          .trees = (unsigned)cli->options.trees,
                                          .seed = cli->options.seed};
    struct train_report report = {.history = NULL};
    if (pipeline_train(&session, &options, &cli->arena, &report, err) != 0) {
        return -1;
    }
    progress_clear(&cli->bar);
    if (cli->document != NULL) {
        fill_document(cli, &report);
        return 0;
    }
    print_report(cli, &report);
    cli_next(cli, "run", (struct text)TEXT("Ensuite", "Next"));
    return 0;
}

const struct command command_train = {
    .name = "train",
    .summary = TEXT("apprendre des pannes passées", "learn from past failures"),
    .about = TEXT("Apprend de l'historique des pannes (une forêt aléatoire), écrit le modèle au "
                  "format ONNX et montre ce qu'il vaut sur des lignes qu'il n'a pas vues.",
                  "Learns from the failure history (a random forest), writes the model as ONNX and "
                  "shows how good it is on rows that it has not seen."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream train",
                  TEXT("apprend de l'historique le plus récent", "learns from the newest history")},
                 {"autostream train --history pannes.csv --model essai.onnx --trees 300",
                  TEXT("un autre historique, un autre modèle", "another history, another model")}},
    .next = TEXT("« autostream run » applique le modèle à la flotte.",
                 "\"autostream run\" applies the model to the fleet."),
    .has_json = true,
    .run = train,
};
