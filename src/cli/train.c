/* autostream train: learns from past failures, or from any table, writes the model, shows how good
 * it is. */
#include "cli/cli.h"
#include "cli/train_report.h"

#include <stddef.h>

#define COLUMN_OPTION(option, member, fr, en)                                            \
    {                                                                                    \
        .name = option, .kind = OPTION_TEXT, .offset = offsetof(struct options, member), \
        .value = TEXT("COLONNE", "COLUMN"), .help = TEXT(fr, en)                         \
    }
#define COST_OPTION(option, member, fr, en)                                               \
    {                                                                                     \
        .name = option, .kind = OPTION_WHOLE, .offset = offsetof(struct options, member), \
        .value = TEXT("N", "N"), .high = 1000000000000, .help = TEXT(fr, en)              \
    }

static const struct option_spec specs[] = {
    {.name = "history",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, history),
     .value = TEXT("FICHIER", "FILE"),
     .help = TEXT("historique des pannes (CSV) ; sans cette option, celui du bronze le plus récent",
                  "failure history (CSV); without it the newest bronze's")},
    {.name = "table",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, table),
     .value = TEXT("FICHIER", "FILE"),
     .help = TEXT("apprendre d'une autre table, CSV (aussi .gz) ou Parquet ; --label et --model "
                  "sont alors obligatoires",
                  "learn from another table, CSV (.gz too) or Parquet; --label and --model are "
                  "required then")},
    COLUMN_OPTION("label", label, "colonne des classes, texte ou nombres entiers",
                  "column of the classes, text or whole numbers"),
    {.name = "drop",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, drop),
     .value = TEXT("COLONNES", "COLUMNS"),
     .help = TEXT("colonnes à laisser de côté, séparées par des virgules",
                  "columns to leave out, separated by commas")},
    COLUMN_OPTION("group", group,
                  "lignes de même valeur (un véhicule) : jamais dans l'apprentissage et le test à "
                  "la fois",
                  "rows of one value (a vehicle): never in training and test both"),
    COLUMN_OPTION("date", date, "tester sur les lignes les plus récentes",
                  "test on the latest rows"),
    {.name = "ok",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, ok),
     .value = TEXT("CLASSE", "CLASS"),
     .help = TEXT("classe qui veut dire « rien à faire » ; sans cette option, la première de deux",
                  "class that stands for \"nothing to do\"; without it the first of two")},
    OPTION_MODEL,
    {.name = "trees",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, trees),
     .value = TEXT("N", "N"),
     .low = 1,
     .high = 100000,
     .fallback = "100",
     .help = TEXT("nombre d'arbres de la forêt", "number of trees of the forest")},
    {.name = "max-depth",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, max_depth),
     .value = TEXT("N", "N"),
     .low = 1,
     .high = 1000000,
     .help = TEXT("questions qu'un arbre pose au plus ; sans cette option, autant qu'il en faut",
                  "questions that a tree asks at most; without it as many as it takes")},
    {.name = "min-leaf",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, min_leaf),
     .value = TEXT("N", "N"),
     .low = 1,
     .high = 1000000000,
     .help = TEXT("lignes dans une feuille au moins ; sans cette option, 1",
                  "rows in a leaf at least; without it 1")},
    {.name = "max-features",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, max_features),
     .value = TEXT("N", "N"),
     .low = 1,
     .high = 100000,
     .help = TEXT("colonnes essayées par question ; sans cette option, la racine de leur nombre",
                  "columns tried for a question; without it the square root of their number")},
    {.name = "balanced",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, balanced),
     .help = TEXT("toutes les classes pèsent autant, même les rares",
                  "all classes weigh the same, also rare ones")},
    {.name = "extra-trees",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, extra_trees),
     .help = TEXT("seuils tirés au sort : plus rapide, souvent aussi bon",
                  "thresholds drawn at random: faster, often as good")},
    {.name = "check",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct options, check),
     .choices = "holdout|folds|oob", /* in the order of enum train_check */
     .fallback = "holdout",
     .help = TEXT("comment juger le modèle : sur un cinquième mis de côté, sur chaque cinquième à "
                  "son tour, ou hors échantillon (le plus rapide)",
                  "how to judge the model: on a fifth held out, on each fifth in turn, or out of "
                  "bag (the fastest)")},
    COST_OPTION("cost-missed", cost_missed,
                "coût d'une panne manquée ; sans ces options, celui de dix visites",
                "cost of a missed failure; without these options that of ten visits"),
    COST_OPTION("cost-visit", cost_visit, "coût d'une visite inutile, dans la même unité",
                "cost of a needless visit, in the same unit"),
    OPTION_SEED,
};

/* Options that only make sense together. */
static int check_options(const struct options *o, struct error *err)
{
    const struct {
        const char *name, *value;
    } of_table[] = {{"label", o->label},
                    {"drop", o->drop},
                    {"group", o->group},
                    {"date", o->date},
                    {"ok", o->ok}};
    for (size_t i = 0; o->table == NULL && i < sizeof of_table / sizeof *of_table; i++) {
        if (of_table[i].value != NULL) {
            return error_usage(err, "--%s va avec --table FICHIER",
                               "--%s belongs with --table FILE", of_table[i].name);
        }
    }
    if (o->table != NULL && o->history != NULL) {
        return error_usage(err, "--history ou --table, pas les deux",
                           "--history or --table, not both");
    }
    if (o->table != NULL && o->label == NULL) {
        return error_usage(err, "quelle colonne contient les classes ? Ajoutez --label COLONNE",
                           "which column holds the classes? Add --label COLUMN");
    }
    if (o->table != NULL && o->model == NULL) {
        return error_usage(err,
                           "où écrire le modèle ? Ajoutez --model FICHIER.onnx (sans quoi il "
                           "prendrait la place de celui de la flotte)",
                           "where shall the model go? Add --model FILE.onnx (or it would take the "
                           "place of the fleet's)");
    }
    if (o->group != NULL && o->date != NULL) {
        return error_usage(err, "--group ou --date, pas les deux", "--group or --date, not both");
    }
    if (o->date != NULL && o->check != TRAIN_HOLDOUT) {
        return error_usage(err, "--date juge sur les lignes les plus récentes ; retirez --check",
                           "--date judges on the latest rows; leave --check out");
    }
    return 0;
}

static int train(struct cli *cli, struct error *err)
{
    const struct session session = cli_session(cli);
    const struct options *o = &cli->options;
    const struct train_options options = {
        .history = o->history,
        .table = o->table,
        .label = o->label,
        .drop = o->drop,
        .group = o->group,
        .date = o->date,
        .quiet = o->ok,
        .model_path = o->model,
        .check = (enum train_check)o->check,
        .costs = {.missed = (double)o->cost_missed, .alarm = (double)o->cost_visit},
        .trees = (unsigned)o->trees,
        .max_depth = (unsigned)o->max_depth,
        .min_leaf = (unsigned)o->min_leaf,
        .max_features = (unsigned)o->max_features,
        .balanced = o->balanced,
        .extra_trees = o->extra_trees,
        .seed = o->seed};
    struct train_report report = {.source = NULL};
    if (check_options(o, err) != 0 ||
        pipeline_train(&session, &options, &cli->arena, &report, err) != 0) {
        return -1;
    }
    progress_clear(&cli->bar);
    if (cli->document != NULL) {
        train_report_fill(cli, &report);
        return 0;
    }
    train_report_print(cli, &report);
    if (report.fleet) {
        cli_next(cli, "run", (struct text)TEXT("Ensuite", "Next"));
    }
    return 0;
}

const struct command command_train = {
    .name = "train",
    .summary = TEXT("apprendre des pannes passées", "learn from past failures"),
    .about = TEXT("Apprend de l'historique des pannes, ou de toute autre table (une forêt "
                  "aléatoire), écrit le modèle au format ONNX et montre ce qu'il vaut sur des "
                  "lignes qu'il n'a pas vues, à côté de règles simples.",
                  "Learns from the failure history, or from any other table (a random forest), "
                  "writes the model as ONNX and shows how good it is on rows that it has not seen, "
                  "beside rules of thumb."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream train",
                  TEXT("apprend de l'historique le plus récent", "learns from the newest history")},
                 {"autostream train --history pannes.csv --model essai.onnx --trees 300",
                  TEXT("un autre historique, un autre modèle", "another history, another model")},
                 {"autostream train --cost-missed 1800 --cost-visit 90",
                  TEXT("à partir de quelle probabilité une visite se paie",
                       "from which probability on a visit pays")},
                 {"autostream train --table mesures.csv --label etat --group moteur --model m.onnx",
                  TEXT("une table quelconque, jugée sur d'autres moteurs que ceux appris",
                       "any table, judged on other engines than those learned from")},
                 {"autostream --engine spark --spark-master spark://hote:7077 train --trees 1000",
                  TEXT("les arbres poussent sur un cluster Spark ; le modèle est le même",
                       "the trees grow on a Spark cluster; the model is the same")}},
    .next = TEXT("« autostream run » applique le modèle à la flotte, « autostream score » à une "
                 "table.",
                 "\"autostream run\" applies the model to the fleet, \"autostream score\" to a "
                 "table."),
    .has_json = true,
    .has_spark = true,
    .run = train,
};
