/* The report of autostream train: what was predicted and what was found, how good that is beside
 * rules of thumb, what the probabilities are worth, and what matters. See train_report.h. */
#include "cli/train_report.h"

#include "cli/grid.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

enum {
    MATRIX_CLASSES = GRID_COLUMNS - 1, /* with more no matrix is shown */
    LISTED_CLASSES = 12,
    LISTED_FEATURES = 10,
    LABEL_WIDTH = 24,
    BAR = 20,
};

static const char *say(struct cli *cli, const char *fr, const char *en)
{
    return cli_text(cli, (struct text)TEXT(fr, en));
}

/* The class as people know it. */
static const char *class_name(struct cli *cli, const struct train_report *report, size_t c)
{
    return report->fleet ? cli_failure(cli, (int)c)
                         : words_clean(&cli->arena, report->class_labels[c]);
}

/* "0,80-0,95", or a dash. */
static const char *range(struct cli *cli, const struct forest_interval *interval, int decimals)
{
    if (!(interval->low <= interval->high)) {
        return "–";
    }
    return arena_printf(&cli->arena, "%s–%s", cli_real(cli, interval->low, decimals),
                        cli_real(cli, interval->high, decimals));
}

/* ---- which rows ---- */

static const char *which_rows(struct cli *cli, const struct train_report *report)
{
    static const struct text checks[] = {
        [TRAIN_HOLDOUT] = TEXT("mises de côté", "held out"),
        [TRAIN_FOLDS] =
            TEXT("mises de côté, un cinquième après l'autre", "held out, one fifth after another"),
        [TRAIN_OUT_OF_BAG] = TEXT("hors échantillon (out-of-bag)", "out of bag"),
    };
    static const struct text splits[] = {
        [TRAIN_STRATIFIED] = TEXT("", ""),
        [TRAIN_GROUPED] = TEXT(", aucun groupe des deux côtés", ", no group on both sides"),
        [TRAIN_BY_DATE] = TEXT(", les plus récentes", ", the latest"),
    };
    return arena_printf(&cli->arena, "%s%s", cli_text(cli, checks[report->check]),
                        cli_text(cli, splits[report->split]));
}

/* ---- classes ---- */

/* Rows: what it was; columns: what was predicted, by number so that it fits anywhere. */
static void print_confusion(struct cli *cli, const struct train_report *report)
{
    const struct forest_metrics *metrics = &report->checked;
    struct grid_column columns[GRID_COLUMNS] = {
        {.title = report->fleet ? say(cli, "Panne constatée", "Failure found")
                                : say(cli, "Classe constatée", "Class found"),
         .at_most = LABEL_WIDTH}};
    size_t classes = (size_t)metrics->classes;
    if (classes > MATRIX_CLASSES || metrics->confusion == NULL) {
        return;
    }
    struct grid grid = {.columns = columns, .column_count = classes + 1, .rows = classes};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, classes * (classes + 1));
    for (size_t t = 0; t < classes; t++) {
        struct grid_cell *row = &grid.cells[t * (classes + 1)];
        columns[t + 1] = (struct grid_column){.title = cli_whole(cli, t), .right = true};
        row[0].text = arena_printf(&cli->arena, "%zu %s", t, class_name(cli, report, t));
        for (size_t p = 0; p < classes; p++) {
            row[p + 1].text = cli_whole(cli, metrics->confusion[t * classes + p]);
            row[p + 1].style = t == p ? STYLE_BOLD : STYLE_NONE;
        }
    }
    cli_print(cli, "\nPrédictions (colonnes) sur %s lignes %s\n",
              "\nPredictions (columns) on %s rows %s\n", cli_whole(cli, metrics->rows),
              which_rows(cli, report));
    grid_print(&grid, &cli->out, &cli->arena);
}

/* The classes to list: all, or those with the worst F1. */
static size_t *listed_classes(struct cli *cli, const struct forest_metrics *metrics, size_t *count)
{
    size_t classes = (size_t)metrics->classes;
    size_t *list = ARENA_NEW(&cli->arena, size_t, classes);
    *count = 0;
    for (size_t c = 0; c < classes; c++) {
        size_t place = (*count)++;
        if (classes > MATRIX_CLASSES) { /* insertion by F1; classes without rows tell nothing */
            if (metrics->each[c].actual == 0) {
                (*count)--;
                continue;
            }
            for (; place > 0 && metrics->each[list[place - 1]].f1 > metrics->each[c].f1; place--) {
                list[place] = list[place - 1];
            }
        }
        list[place] = c;
        *count = classes > MATRIX_CLASSES && *count > LISTED_CLASSES ? LISTED_CLASSES : *count;
    }
    return list;
}

static void print_classes(struct cli *cli, const struct train_report *report)
{
    enum { COLUMNS = 6 };
    const struct forest_metrics *metrics = &report->checked;
    const struct grid_column columns[COLUMNS] = {
        {.title = report->fleet ? say(cli, "Panne", "Failure") : say(cli, "Classe", "Class"),
         .at_most = LABEL_WIDTH},
        {.title = say(cli, "Lignes", "Rows"), .right = true, .drop = 2},
        {.title = say(cli, "Précision", "Precision"), .right = true},
        {.title = say(cli, "Rappel", "Recall"), .right = true},
        {.title = "F1", .right = true},
        {.title = say(cli, "F1 à 95 %", "F1 at 95%"), .right = true, .drop = 1},
    };
    size_t rows;
    const size_t *list = listed_classes(cli, metrics, &rows);
    struct grid grid = {.columns = columns, .column_count = COLUMNS, .rows = rows};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, rows * COLUMNS);
    for (size_t r = 0; r < rows; r++) {
        struct grid_cell *row = &grid.cells[r * COLUMNS];
        const struct forest_class_scores *each = &metrics->each[list[r]];
        row[0].text = class_name(cli, report, list[r]);
        row[1].text = cli_whole(cli, each->actual);
        row[2].text = cli_real(cli, each->precision, 3);
        row[3].text = cli_real(cli, each->recall, 3);
        row[4].text = cli_real(cli, each->f1, 3);
        row[5].text = range(cli, &each->f1_interval, 2);
    }
    if (rows < (size_t)metrics->classes) {
        cli_print(cli, "\nLes %s classes les moins bien reconnues, de %s\n",
                  "\nThe %s classes that are recognised worst, of %s\n", cli_whole(cli, rows),
                  cli_whole(cli, (uint64_t)metrics->classes));
    } else {
        cli_print(cli, "\n", "\n");
    }
    grid_print(&grid, &cli->out, &cli->arena);
}

/* ---- the model beside the rules of thumb ---- */

struct score_line {
    enum forest_score score;
    bool event; /* only where there is a quiet class; else: only where there is none */
    bool any;   /* in either case */
    int decimals;
    struct text name;
};

static const struct score_line score_lines[] = {
    {FOREST_SCORE_macro_f1, false, true, 3, TEXT("F1 moyen (macro)", "Macro-F1")},
    {FOREST_SCORE_accuracy, false, true, 3, TEXT("Justesse", "Accuracy")},
    {FOREST_SCORE_event_auc, true, false, 3, TEXT("Panne ou non (ROC)", "Failure or not (ROC)")},
    {FOREST_SCORE_event_average_precision, true, false, 3,
     TEXT("Panne ou non (PR)", "Failure or not (PR)")},
    {FOREST_SCORE_auc, false, false, 3, TEXT("Aire ROC", "ROC area")},
    {FOREST_SCORE_average_precision, false, false, 3,
     TEXT("Précision moyenne", "Average precision")},
    {FOREST_SCORE_log_loss, false, true, 3, TEXT("Perte logarithmique", "Log-loss")},
    {FOREST_SCORE_brier, false, true, 3, TEXT("Erreur de Brier", "Brier error")},
    {FOREST_SCORE_calibration_error, false, true, 3,
     TEXT("Erreur de calibration", "Calibration error")},
};
enum { SCORE_LINES = sizeof score_lines / sizeof *score_lines, SCORE_COLUMNS = 5 };

static void fill_score(struct cli *cli, const struct train_report *report,
                       const struct score_line *line, struct grid_cell *row)
{
    const struct forest_metrics *m = &report->checked;
    row[0].text = cli_text(cli, line->name);
    row[1].text = cli_real(cli, m->score[line->score], line->decimals);
    row[1].style = STYLE_BOLD;
    row[2].text = range(cli, &m->interval[line->score], line->decimals);
    for (size_t k = 0; k < RIVAL_COUNT; k++) {
        const struct train_rival *rival = &report->rivals[k];
        row[3 + k].text =
            rival->known ? cli_real(cli, rival->metrics.score[line->score], line->decimals) : "";
    }
}

static void fill_costs(struct cli *cli, const struct train_report *report, struct grid_cell *row)
{
    row[0].text = say(cli, "Coût par ligne", "Cost per row");
    row[1].text = cli_real(cli, report->cost_by_class, 3);
    row[1].style = STYLE_BOLD;
    row[2].text = "";
    for (size_t k = 0; k < RIVAL_COUNT; k++) {
        row[3 + k].text = report->rivals[k].known ? cli_real(cli, report->rivals[k].cost, 3) : "";
    }
}

static void print_scores(struct cli *cli, const struct train_report *report)
{
    const struct grid_column columns[SCORE_COLUMNS] = {
        {.title = say(cli, "Mesure", "Measure")},
        {.title = say(cli, "Modèle", "Model"), .right = true},
        {.title = say(cli, "à 95 %", "at 95%"), .right = true, .drop = 1},
        {.title = report->fleet ? say(cli, "Toujours OK", "Always OK")
                                : say(cli, "La plus fréquente", "Most frequent"),
         .right = true,
         .drop = 3},
        {.title = say(cli, "Selon l'entretien", "By service interval"), .right = true, .drop = 2},
    };
    struct grid_cell cells[(SCORE_LINES + 1) * SCORE_COLUMNS];
    struct grid_cell packed[(SCORE_LINES + 1) * SCORE_COLUMNS];
    size_t width = report->rivals[RIVAL_SERVICE_INTERVAL].known ? SCORE_COLUMNS : SCORE_COLUMNS - 1;
    size_t rows = 0;
    memset(cells, 0, sizeof cells);
    for (size_t i = 0; i < SCORE_LINES; i++) {
        const struct score_line *line = &score_lines[i];
        if (line->any || line->event == (report->quiet >= 0)) {
            fill_score(cli, report, line, &cells[rows++ * SCORE_COLUMNS]);
        }
    }
    if (report->quiet >= 0) {
        fill_costs(cli, report, &cells[rows++ * SCORE_COLUMNS]);
    }
    for (size_t i = 0; i < rows * width; i++) {
        packed[i] = cells[i / width * SCORE_COLUMNS + i % width];
    }
    const struct grid grid = {
        .columns = columns, .column_count = width, .cells = packed, .rows = rows};
    cli_print(cli, "\n", "\n");
    grid_print(&grid, &cli->out, &cli->arena);
}

/* ---- probabilities and decisions ---- */

/* printf of a paragraph in the user's language, wrapped to the terminal. */
__attribute__((format(printf, 2, 4), format(printf, 3, 4))) static void
print_paragraph(struct cli *cli, const char *fr, const char *en, ...)
{
    char text[1024];
    const char *rest = text;
    struct bytes line;
    va_list args;
    va_start(args, en);
    int size = vsnprintf(text, sizeof text, cli->lang == LANG_FR ? fr : en, args);
    va_end(args);
    assert(size >= 0 && (size_t)size < sizeof text); /* numbers only, and words of ours */
    while (words_wrap(&rest, cli->out.width, &line)) {
        cli_print(cli, "%.*s\n", "%.*s\n", (int)line.size, line.data);
    }
}

static void print_calibration(struct cli *cli, const struct train_report *report)
{
    static const struct text names[] = {TEXT("", ""), TEXT("température", "temperature"),
                                        TEXT("isotonique", "isotonic")};
    enum forest_calibration_kind kind = report->calibration.kind;
    double before = report->calibration_error[FOREST_UNCALIBRATED];
    if (!report->has_oob) {
        return;
    }
    cli_print(cli, "\n", "\n");
    if (kind == FOREST_UNCALIBRATED) {
        print_paragraph(
            cli, "Probabilités : aucune calibration ne fait mieux que le modèle (erreur %s).",
            "Probabilities: no calibration does better than the model (error %s).",
            cli_real(cli, before, 3));
        return;
    }
    print_paragraph(cli,
                    "Probabilités : la calibration (%s) ramène leur erreur de %s à %s et la perte "
                    "logarithmique de %s à %s ; le modèle la contient, --calibrated l'applique.",
                    "Probabilities: calibration (%s) brings their error from %s to %s and the "
                    "log-loss from %s to %s; the model has it, --calibrated applies it.",
                    cli_text(cli, names[kind]), cli_real(cli, before, 3),
                    cli_real(cli, report->calibration_error[kind], 3),
                    cli_real(cli, report->log_loss[FOREST_UNCALIBRATED], 3),
                    cli_real(cli, report->log_loss[kind], 3));
}

static void print_threshold(struct cli *cli, const struct train_report *report)
{
    if (report->quiet < 0 || isnan(report->threshold)) {
        return;
    }
    const char *missed = cli_real(cli, report->costs.missed, 0);
    const char *visit = cli_real(cli, report->costs.alarm, 0);
    const char *pays =
        report->threshold > 1 ? say(cli, "aucune visite ne se paie", "no visit pays")
        : cli->lang == LANG_FR
            ? arena_printf(&cli->arena, "une visite se paie dès %s de probabilité de panne",
                           cli_percent(cli, report->threshold, 1))
            : arena_printf(&cli->arena, "a visit pays from %s probability of failure on",
                           cli_percent(cli, report->threshold, 1));
    print_paragraph(cli,
                    "Coûts : si une panne manquée coûte %s et une visite inutile %s, %s. Par "
                    "ligne : %s ainsi, %s selon la classe prédite, %s sans visite, %s en visitant "
                    "toujours.",
                    "Costs: if a missed failure costs %s and a needless visit %s, %s. Per row: %s "
                    "this way, %s by the predicted class, %s without visits, %s when always "
                    "visiting.",
                    missed, visit, pays, cli_real(cli, report->cost_at_threshold, 3),
                    cli_real(cli, report->cost_by_class, 3), cli_real(cli, report->cost_never, 3),
                    cli_real(cli, report->cost_always, 3));
}

/* ---- what matters ---- */

/* How much of it the bar shows. */
static double importance_of(const struct train_feature *feature)
{
    return fmax(feature->permutation, 0);
}

static const char *bar(struct cli *cli, double share)
{
    static const char block[] = "█";
    size_t blocks = (size_t)(share * BAR + 0.5);
    char *text = ARENA_NEW(&cli->arena, char, BAR * sizeof block + 1);
    for (size_t i = 0; i < blocks && i < BAR; i++) {
        memcpy(text + i * (sizeof block - 1), block, sizeof block - 1);
    }
    return text;
}

static void print_features(struct cli *cli, const struct train_report *report)
{
    enum { COLUMNS = 4 };
    const struct grid_column columns[COLUMNS] = {
        {.title = say(cli, "Ce qui compte", "What matters"), .at_most = LABEL_WIDTH},
        {.title = "", .drop = 1},
        {.title = say(cli, "Si mélangé", "If shuffled"), .right = true, .drop = 3},
        {.title = "Gini", .right = true, .drop = 2},
    };
    size_t rows = report->feature_count < LISTED_FEATURES ? report->feature_count : LISTED_FEATURES;
    struct grid grid = {.columns = columns, .column_count = COLUMNS, .rows = rows};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, rows * COLUMNS);
    double most = rows > 0 ? importance_of(&report->features[0]) : 0;
    for (size_t r = 0; r < rows; r++) {
        const struct train_feature *feature = &report->features[r];
        struct grid_cell *row = &grid.cells[r * COLUMNS];
        row[0].text = words_clean(&cli->arena, feature->name);
        row[1].text = bar(cli, most > 0 ? importance_of(feature) / most : 0);
        row[1].style = STYLE_CYAN;
        row[2].text = arena_printf(&cli->arena, "%s%s", feature->permutation > 0 ? "+" : "",
                                   cli_real(cli, feature->permutation, 4));
        row[3].text = cli_percent(cli, feature->gini, 1);
    }
    cli_print(cli, "\n", "\n");
    grid_print(&grid, &cli->out, &cli->arena);
    if (report->constant > 0) {
        cli_print(cli, "%s colonne(s) ne changent jamais : sans effet\n",
                  "%s column(s) never change: without effect\n", cli_whole(cli, report->constant));
    }
}

void train_report_print(struct cli *cli, const struct train_report *report)
{
    cli_print(cli, "Appris de %s : %s lignes utilisées, %s refusées\n",
              "Learned from %s: %s rows used, %s refused\n",
              words_clean(&cli->arena, report->source), cli_whole(cli, report->rows),
              cli_whole(cli, report->refused));
    print_confusion(cli, report);
    print_classes(cli, report);
    print_scores(cli, report);
    print_calibration(cli, report);
    print_threshold(cli, report);
    print_features(cli, report);
    cli_print(cli, "\n", "\n");
    if (report->has_oob && report->check != TRAIN_OUT_OF_BAG) {
        cli_print(cli,
                  "F1 moyen (macro) %s, justesse %s hors échantillon (out-of-bag), sur toutes les "
                  "lignes\n",
                  "Macro-F1 %s, accuracy %s out of bag, on all rows\n",
                  cli_real(cli, report->oob.macro_f1, 3),
                  cli_percent(cli, report->oob.accuracy, 1));
    }
    cli_print(cli, "Modèle : %s (%s arbres, %s nœuds, %s s)\n",
              "Model: %s (%s trees, %s nodes, %s s)\n",
              words_clean(&cli->arena, report->model_path), cli_whole(cli, report->trees),
              cli_whole(cli, report->nodes), cli_real(cli, report->seconds, 2));
}

/* ---- for machines ---- */

static json_t *interval_json(double value, const struct forest_interval *interval)
{
    json_t *object = json_object();
    json_put(object, "value", json_number(value));
    json_put(object, "low", json_number(interval->low));
    json_put(object, "high", json_number(interval->high));
    return object;
}

static json_t *class_json(struct cli *cli, const struct train_report *report,
                          const struct forest_metrics *metrics, int class_index)
{
    const struct forest_class_scores *each = &metrics->each[class_index];
    json_t *object = json_object();
    json_put(object, "class", json_words(cli, report->class_labels[class_index]));
    json_put(object, "name",
             report->fleet && class_index < FAILURE_COUNT
                 ? json_words(cli, failure_kinds[class_index].name)
                 : json_null());
    json_put(object, "rows", json_whole(each->actual));
    json_put(object, "precision", interval_json(each->precision, &each->precision_interval));
    json_put(object, "recall", interval_json(each->recall, &each->recall_interval));
    json_put(object, "f1", interval_json(each->f1, &each->f1_interval));
    json_t *predicted = json_array();
    for (int p = 0; metrics->confusion != NULL && p < metrics->classes; p++) {
        json_add(predicted, json_whole(metrics->confusion[class_index * metrics->classes + p]));
    }
    json_put(object, "predicted", predicted);
    return object;
}

static json_t *scores_json(const struct forest_metrics *metrics)
{
    json_t *object = json_object();
    json_put(object, "rows", json_whole(metrics->rows));
    for (int s = 0; s < FOREST_SCORE_COUNT; s++) {
        json_put(object, forest_score_names[s], json_number(metrics->score[s]));
    }
    return object;
}

static json_t *checked_json(struct cli *cli, const struct train_report *report)
{
    static const char *const checks[] = {"holdout", "folds", "oob"};
    static const char *const splits[] = {"stratified", "grouped", "by_date"};
    const struct forest_metrics *metrics = &report->checked;
    json_t *object = scores_json(metrics);
    json_t *intervals = json_object();
    json_t *classes = json_array();
    for (int s = 0; s < FOREST_SCORE_COUNT; s++) {
        json_put(intervals, forest_score_names[s],
                 interval_json(metrics->score[s], &metrics->interval[s]));
    }
    for (int c = 0; c < metrics->classes; c++) {
        json_add(classes, class_json(cli, report, metrics, c));
    }
    json_put(object, "check", json_string(checks[report->check]));
    json_put(object, "split", json_string(splits[report->split]));
    json_put(object, "intervals", intervals);
    json_put(object, "classes", classes);
    return object;
}

static json_t *baselines_json(const struct train_report *report)
{
    static const char *const names[RIVAL_COUNT] = {"majority", "service_interval"};
    json_t *object = json_object();
    for (int k = 0; k < RIVAL_COUNT; k++) {
        if (report->rivals[k].known) {
            json_t *scores = scores_json(&report->rivals[k].metrics);
            json_put(scores, "cost", json_number(report->rivals[k].cost));
            json_put(object, names[k], scores);
        }
    }
    return object;
}

static json_t *calibration_json(const struct train_report *report)
{
    json_t *object = json_object();
    json_put(object, "chosen", json_string(forest_calibration_names[report->calibration.kind]));
    for (int k = 0; k <= FOREST_ISOTONIC; k++) {
        json_t *one = json_object();
        json_put(one, "log_loss", json_number(report->log_loss[k]));
        json_put(one, "calibration_error", json_number(report->calibration_error[k]));
        json_put(object, forest_calibration_names[k], one);
    }
    return object;
}

static json_t *costs_json(const struct train_report *report)
{
    json_t *object = json_object();
    json_put(object, "missed", json_number(report->costs.missed));
    json_put(object, "visit", json_number(report->costs.alarm));
    json_put(object, "threshold", json_number(report->threshold));
    json_put(object, "at_threshold", json_number(report->cost_at_threshold));
    json_put(object, "by_class", json_number(report->cost_by_class));
    json_put(object, "never", json_number(report->cost_never));
    json_put(object, "always", json_number(report->cost_always));
    return object;
}

static json_t *features_json(struct cli *cli, const struct train_report *report)
{
    json_t *array = json_array();
    for (size_t f = 0; f < report->feature_count; f++) {
        json_t *object = json_object();
        json_put(object, "feature", json_words(cli, report->features[f].name));
        json_put(object, "gini", json_number(report->features[f].gini));
        json_put(object, "permutation", json_number(report->features[f].permutation));
        json_add(array, object);
    }
    return array;
}

void train_report_fill(struct cli *cli, const struct train_report *report)
{
    json_t *document = cli->document;
    json_put(document, "run_date", json_date(cli->run_date));
    json_put(document, "source", json_words(cli, report->source));
    json_put(document, "model", json_words(cli, report->model_path));
    json_put(document, "rows", json_whole(report->rows));
    json_put(document, "refused", json_whole(report->refused));
    json_put(document, "trees", json_whole(report->trees));
    json_put(document, "nodes", json_whole(report->nodes));
    json_put(document, "seed", json_whole(cli->options.seed));
    json_put(document, "checked", checked_json(cli, report));
    json_put(document, "out_of_bag", report->has_oob ? scores_json(&report->oob) : json_null());
    json_put(document, "baselines", baselines_json(report));
    json_put(document, "calibration", calibration_json(report));
    json_put(document, "costs", report->quiet >= 0 ? costs_json(report) : json_null());
    json_put(document, "importance", features_json(cli, report));
    json_put(document, "constant", json_whole(report->constant));
    json_put(document, "seconds", json_number(report->seconds));
}
