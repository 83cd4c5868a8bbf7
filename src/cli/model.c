/* autostream model: the model card. What a model file is, what it was trained on, what it is worth,
 * what is usual for its inputs, what it is for and what not. Reads the model file only.
 *
 * What is known beyond the trees stands in the file's properties autostream.*: trained_on, rows,
 * seed, label_rows (rows of each class, a JSON array), profile (the usual range of each input) and
 * any number of evaluations, JSON objects of numbers (holdout, oob, ...). Keys that nobody expects
 * are shown as they are. */
#include "cli/cli.h"
#include "cli/grid.h"
#include "published/card.h"

#include <math.h>
#include <string.h>

static const struct option_spec specs[] = {OPTION_MODEL};

static const struct text unknown = TEXT("le fichier ne le dit pas", "the file does not say");

/* ---- for people ---- */

/* "  NAME      value", the value wrapped. */
static void print_fact(struct cli *cli, struct text name, const char *value)
{
    enum { INDENT = 2, COLUMN = 20 };
    const char *title = cli_text(cli, name);
    size_t width = cli->out.width > COLUMN + 10 ? cli->out.width - COLUMN : 0;
    size_t used = INDENT + words_width(title);
    struct bytes line;
    (void)printf("%*s%s", INDENT, "", title);
    while (words_wrap(&value, width, &line)) {
        (void)printf("%*s%.*s\n", used < COLUMN ? (int)(COLUMN - used) : 1, "", (int)line.size,
                     line.data);
        used = 0;
    }
}

static void print_paragraph(struct cli *cli, const char *before, const char *text)
{
    size_t indent = words_width(before);
    size_t width = cli->out.width > indent + 10 ? cli->out.width - indent : 0;
    struct bytes line;
    while (words_wrap(&text, width, &line)) {
        (void)printf("%s%.*s\n", before, (int)line.size, line.data);
        before = arena_printf(&cli->arena, "%*s", (int)indent, "");
    }
}

static void print_heading(struct cli *cli, struct text title)
{
    (void)printf("\n%s%s%s\n", term_on(&cli->out, STYLE_BOLD), cli_text(cli, title),
                 term_off(&cli->out, STYLE_BOLD));
}

static const char *or_unknown(struct cli *cli, const char *value)
{
    return value && *value ? words_clean(&cli->arena, value) : cli_text(cli, unknown);
}

static void print_facts(struct cli *cli, const struct model_facts *facts)
{
    static const struct text forest = TEXT("forêt aléatoire", "random forest");
    static const struct text boosted = TEXT("arbres par boosting", "gradient-boosted trees");
    struct arena *arena = &cli->arena;
    const char *path = words_clean(arena, facts->path);
    (void)printf("%s%s%s\n", term_on(&cli->out, STYLE_BOLD), path, term_off(&cli->out, STYLE_BOLD));
    print_fact(cli, (struct text)TEXT("Sorte", "Kind"),
               cli_text(cli, facts->boosted ? boosted : forest));
    print_fact(cli, (struct text)TEXT("Taille", "Size"),
               arena_printf(arena,
                            cli->lang == LANG_FR ? "%s arbres, %s nœuds, %s octets"
                                                 : "%s trees, %s nodes, %s bytes",
                            cli_whole(cli, facts->trees), cli_whole(cli, facts->nodes),
                            cli_whole(cli, facts->bytes)));
    print_fact(cli, (struct text)TEXT("SHA-256", "SHA-256"), facts->sha256);
    print_fact(cli, (struct text)TEXT("Écrit par", "Written by"),
               or_unknown(cli, arena_printf(arena, "%s%s%s", facts->card.producer,
                                            *facts->card.producer_version ? " " : "",
                                            facts->card.producer_version)));
    print_fact(cli, (struct text)TEXT("Appris le", "Trained on"),
               or_unknown(cli, model_property(facts, "trained_on")));
    print_fact(cli, (struct text)TEXT("Relevés appris", "Rows learned"),
               or_unknown(cli, model_property(facts, "rows")));
    print_fact(cli, (struct text)TEXT("Graine", "Seed"),
               or_unknown(cli, model_property(facts, "seed")));
}

/* What it was measured on, in words; NULL: only its key is known. */
static const char *evaluation_label(struct cli *cli, const char *name)
{
    static const struct {
        const char *name;
        struct text label;
    } labels[] = {{"holdout", TEXT("lignes mises de côté", "rows held out")},
                  {"folds", TEXT("cinquièmes mis de côté", "fifths held out")},
                  {"oob", TEXT("hors échantillon (out-of-bag)", "out of bag")},
                  {"majority", TEXT("toujours la plus fréquente", "always the most frequent")},
                  {"service_interval", TEXT("selon l'entretien", "by service interval")}};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (strcmp(name, labels[i].name) == 0) {
            return cli_text(cli, labels[i].label);
        }
    }
    return words_clean(&cli->arena, name);
}

static const char *number_in(struct cli *cli, const json_t *object, const char *key, int decimals)
{
    const json_t *value = json_object_get(object, key);
    return cli_real(cli, json_is_number(value) ? json_number_value(value) : (double)NAN, decimals);
}

static void print_evaluations(struct cli *cli, json_t *evaluations)
{
    enum { WHERE, ROWS, ACCURACY, MACRO_F1, LOG_LOSS, COLUMNS };
    const struct grid_column columns[COLUMNS] = {
        [WHERE] = {.title = cli_text(cli, (struct text)TEXT("Mesuré sur", "Measured on"))},
        [ROWS] = {.title = cli_text(cli, (struct text)TEXT("Lignes", "Rows")),
                  .right = true,
                  .drop = 1},
        [ACCURACY] = {.title = cli_text(cli, (struct text)TEXT("Justesse", "Accuracy")),
                      .right = true},
        [MACRO_F1] = {.title = cli_text(cli, (struct text)TEXT("F1 moyen", "Macro-F1")),
                      .right = true},
        [LOG_LOSS] = {.title = "Log-loss", .right = true, .drop = 2},
    };
    struct grid grid = {
        .columns = columns, .column_count = COLUMNS, .rows = json_object_size(evaluations)};
    const char *name;
    json_t *value;
    print_heading(cli, (struct text)TEXT("Ce qu'il vaut", "What it is worth"));
    if (grid.rows == 0) {
        print_paragraph(cli, "  ", cli_text(cli, unknown));
        return;
    }
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, grid.rows * COLUMNS);
    struct grid_cell *row = grid.cells;
    json_object_foreach(evaluations, name, value)
    {
        row[WHERE].text = evaluation_label(cli, name);
        row[ROWS].text = number_in(cli, value, "rows", 0);
        row[ACCURACY].text = number_in(cli, value, "accuracy", 3);
        row[MACRO_F1].text = number_in(cli, value, "macro_f1", 3);
        row[LOG_LOSS].text = number_in(cli, value, "log_loss", 3);
        row += COLUMNS;
    }
    grid_print(&grid, &cli->out, &cli->arena);
}

static void print_inputs(struct cli *cli, const struct model_card *card)
{
    enum { NAME, LABEL, UNIT, LOW, MIDDLE, HIGH, MISSING, COLUMNS, AT_MOST = 24 };
    const struct grid_column columns[COLUMNS] = {
        [NAME] = {.title = cli_text(cli, (struct text)TEXT("Mesure", "Measure")),
                  .at_most = AT_MOST},
        [LABEL] = {.title = cli_text(cli, (struct text)TEXT("Sens", "Meaning")), .drop = 1},
        [UNIT] = {.title = cli_text(cli, (struct text)TEXT("Unité", "Unit")), .drop = 3},
        [LOW] = {.title = "5 %", .right = true},
        [MIDDLE] = {.title = cli_text(cli, (struct text)TEXT("Médiane", "Median")),
                    .right = true,
                    .drop = 4},
        [HIGH] = {.title = "95 %", .right = true},
        [MISSING] = {.title = cli_text(cli, (struct text)TEXT("Absentes", "Missing")),
                     .right = true,
                     .drop = 2},
    };
    const struct model_facts *facts = card->facts;
    struct grid grid = {.columns = columns, .column_count = COLUMNS, .rows = facts->features};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, facts->features * COLUMNS);
    for (size_t i = 0; i < facts->features; i++) {
        struct grid_cell *row = &grid.cells[i * COLUMNS];
        const char *name = model_input_name(facts, i, &cli->arena);
        const struct feature *feature = feature_find(name);
        const json_t *usual = json_object_get(card->profile, name);
        int decimals = feature ? feature->decimals : 2;
        row[NAME].text = words_clean(&cli->arena, name);
        row[LABEL].text = feature ? cli_text(cli, feature->label) : "";
        row[UNIT].text = feature ? cli_text(cli, feature->unit) : "";
        row[LOW].text = number_in(cli, usual, "p05", decimals);
        row[MIDDLE].text = number_in(cli, usual, "p50", decimals);
        row[HIGH].text = number_in(cli, usual, "p95", decimals);
        row[MISSING].text = number_in(cli, usual, "missing", 0);
    }
    print_heading(cli, (struct text)TEXT("Ce qu'il lit, et ce qui est habituel sans panne",
                                         "What it reads, and what is usual without a failure"));
    grid_print(&grid, &cli->out, &cli->arena);
    if (!facts->card.feature_names) {
        print_paragraph(cli, "  ",
                        cli_text(cli, (struct text)TEXT(
                                          "Le fichier ne nomme pas ses mesures : elles sont prises "
                                          "dans l'ordre du contrat.",
                                          "The file does not name its measures: they are taken in "
                                          "the contract's order.")));
    }
}

static void print_classes(struct cli *cli, const struct model_card *card)
{
    const struct forest_card *names = &card->facts->card;
    const char *list = "";
    for (size_t c = 0; c < card->facts->classes; c++) {
        const char *name = names->class_names ? names->class_names[c] : NULL;
        double share = model_class_share(card, c);
        list = arena_printf(
            &cli->arena, "%s%s%s%s%s%s", list, c > 0 ? ", " : "", names->class_labels[c],
            name ? " " : "", name ? name : "",
            isnan(share) ? "" : arena_printf(&cli->arena, " (%s)", cli_percent(cli, share, 1)));
    }
    print_heading(cli, (struct text)TEXT("Ce qu'il distingue", "What it tells apart"));
    print_paragraph(cli, "  ", words_clean(&cli->arena, list));
}

/* What train says in its report, and --json here: too long for a line. */
static bool is_detail(const char *key)
{
    static const char *const details[] = {"classes", "confusion",  "calibration", "calibrations",
                                          "costs",   "importance", "quiet",       "reliability"};
    for (size_t i = 0; i < sizeof details / sizeof *details; i++) {
        if (strncmp(key, MODEL_OURS, sizeof MODEL_OURS - 1) == 0 &&
            strcmp(key + sizeof MODEL_OURS - 1, details[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Properties that nobody expects: numbers and texts whole, anything longer cut. */
static void print_others(struct cli *cli, json_t *others)
{
    enum { VALUE_AT_MOST = 200 };
    const char *key;
    json_t *value;
    if (json_object_size(others) == 0) {
        return;
    }
    print_heading(cli, (struct text)TEXT("Ce que le fichier dit encore", "What else it says"));
    json_object_foreach(others, key, value)
    {
        if (is_detail(key)) {
            continue;
        }
        char *dump =
            json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        const char *text = dump ? arena_strdup(&cli->arena, dump) : json_string_value(value);
        free(dump);
        text = words_cut(&cli->arena, words_clean(&cli->arena, text ? text : ""), VALUE_AT_MOST);
        print_paragraph(cli, "  ",
                        arena_printf(&cli->arena, "%s: %s", words_clean(&cli->arena, key), text));
    }
}

static void print_card(struct cli *cli, const struct model_card *card)
{
    print_facts(cli, card->facts);
    print_evaluations(cli, card->evaluations);
    print_classes(cli, card);
    print_inputs(cli, card);
    print_others(cli, card->others);
    print_heading(cli, (struct text)TEXT("À quoi il sert", "What it is for"));
    print_paragraph(cli, "  ", cli_text(cli, model_intended_use(card->facts)));
    print_heading(cli, (struct text)TEXT("Ses limites", "Its limits"));
    for (size_t i = 0; i < model_limit_count; i++) {
        print_paragraph(cli, "  - ", cli_text(cli, model_limits[i]));
    }
}

static int model(struct cli *cli, struct error *err)
{
    const struct session session = cli_session(cli);
    struct model_facts facts;
    struct model_card card;
    if (published_model(&session, cli->options.model, &cli->arena, &facts, err) != 0) {
        return -1;
    }
    model_card_read(&card, &facts);
    if (cli->document != NULL) {
        json_t *told = model_card_json(&card, &cli->arena);
        json_t *limits = json_array();
        json_put(cli->document, "model", json_words(cli, facts.path));
        if (json_object_update(cli->document, told) != 0) {
            out_of_memory();
        }
        json_decref(told);
        json_put(cli->document, "intended_use",
                 json_words(cli, cli_text(cli, model_intended_use(&facts))));
        for (size_t i = 0; i < model_limit_count; i++) {
            json_add(limits, json_words(cli, cli_text(cli, model_limits[i])));
        }
        json_put(cli->document, "limits", limits);
    } else {
        print_card(cli, &card);
    }
    model_card_release(&card);
    return 0;
}

const struct command command_model = {
    .name = "model",
    .summary = TEXT("la fiche d'un modèle", "the card of a model"),
    .about =
        TEXT("Montre ce qu'est un modèle : de quoi et quand il a été appris, ce qu'il vaut, ce "
             "qu'il lit et ce qui est habituel, à quoi il sert et ses limites. Lit aussi les "
             "modèles d'autres programmes (ONNX : scikit-learn, LightGBM, XGBoost).",
             "Shows what a model is: what it was trained on and when, what it is worth, what it "
             "reads and what is usual, what it is for and its limits. Reads other programs' "
             "models too (ONNX: scikit-learn, LightGBM, XGBoost)."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream model", TEXT("le modèle de la flotte", "the fleet's model")},
                 {"autostream model --model essai.onnx", TEXT("un autre", "another one")},
                 {"autostream --json model", TEXT("pour un programme", "for a program")}},
    .next = TEXT("« autostream train » apprend un nouveau modèle, « autostream run » l'applique.",
                 "\"autostream train\" trains a new model, \"autostream run\" applies it."),
    .has_json = true,
    .run = model,
};
