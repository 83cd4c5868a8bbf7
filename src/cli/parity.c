/* autostream parity: do both engines make the same of the same raw data. */
#include "cli/cli.h"
#include "cli/grid.h"

#include <string.h>

static const struct option_spec specs[] = {
    {.name = "with",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct options, with),
     .value = TEXT("DOSSIER", "DIR"),
     .help = TEXT("ne rien lancer : comparer ce qui est publié avec ce qui l'est dans ce dossier",
                  "run nothing: compare what is published with what is in this folder")},
    OPTION_MODEL,
    OPTION_MAP,
};

/* What the two sides are called. */
static const char *side(struct cli *cli, bool second)
{
    if (cli->options.with == NULL) {
        return second ? "Spark" : "DuckDB";
    }
    return words_clean(&cli->arena, second ? cli->options.with : cli->options.data);
}

static void fill_document(struct cli *cli, const struct parity_report *report)
{
    json_t *tables = json_array();
    json_t *counts = json_array();
    for (size_t i = 0; i < report->table_count; i++) {
        const struct parity_table *t = &report->tables[i];
        json_t *object = json_object();
        json_put(object, "table", json_words(cli, t->path));
        json_put(object, "rows", json_whole(t->rows_a));
        json_put(object, "other_rows", json_whole(t->rows_b));
        json_put(object, "differing", json_whole(t->differing));
        json_put(object, "missing", json_boolean(t->missing));
        json_put(object, "columns_differ", json_boolean(t->columns_differ));
        json_put(object, "first", json_words(cli, t->first_a));
        json_put(object, "other_first", json_words(cli, t->first_b));
        json_put(object, "same", json_boolean(parity_same(t)));
        json_add(tables, object);
    }
    for (size_t i = 0; i < report->count_count; i++) {
        json_t *object = json_object();
        json_put(object, "count", json_words(cli, report->counts[i].name.in[LANG_EN]));
        json_put(object, "value", json_whole(report->counts[i].a));
        json_put(object, "other_value", json_whole(report->counts[i].b));
        json_add(counts, object);
    }
    json_put(cli->document, "tables", tables);
    json_put(cli->document, "counts", counts);
    json_put(cli->document, "differing", json_whole(report->differing));
}

static void fill_row(struct cli *cli, struct grid_cell *cells, const char *name, uint64_t a,
                     uint64_t b, bool same)
{
    cells[0].text = name;
    cells[1].text = cli_whole(cli, a);
    cells[2].text = cli_whole(cli, b);
    cells[3] = (struct grid_cell){same ? "✓" : "✗", same ? STYLE_GREEN : STYLE_RED};
}

static void print_grid(struct cli *cli, const struct parity_report *report)
{
    enum { COLUMNS = 4 };
    const struct grid_column columns[COLUMNS] = {
        {.title = cli_text(cli, (struct text)TEXT("Table ou nombre", "Table or count"))},
        {.title = side(cli, false), .right = true, .at_most = 24},
        {.title = side(cli, true), .right = true, .at_most = 24},
        {.title = cli_text(cli, (struct text)TEXT("Égal", "Same"))},
    };
    size_t rows = report->table_count + report->count_count;
    struct grid_cell *cells = ARENA_NEW(&cli->arena, struct grid_cell, rows * COLUMNS);
    struct grid grid = {.columns = columns, .column_count = COLUMNS, .cells = cells};
    for (size_t i = 0; i < report->table_count; i++) {
        const struct parity_table *t = &report->tables[i];
        fill_row(cli, &cells[grid.rows++ * COLUMNS], t->path, t->rows_a, t->rows_b, parity_same(t));
    }
    for (size_t i = 0; i < report->count_count; i++) {
        const struct parity_count *c = &report->counts[i];
        fill_row(cli, &cells[grid.rows++ * COLUMNS], cli_text(cli, c->name), c->a, c->b,
                 c->a == c->b);
    }
    grid_print(&grid, &cli->out, &cli->arena);
}

/* Of each table that differs, how, and the first two rows. */
static void print_differences(struct cli *cli, const struct parity_report *report)
{
    for (size_t i = 0; i < report->table_count; i++) {
        const struct parity_table *t = &report->tables[i];
        if (t->missing) {
            cli_print(cli, "%s : un fichier manque d'un côté\n",
                      "%s: a file is missing on one side\n", t->path);
        }
        if (t->columns_differ) {
            cli_print(cli, "%s : d'autres colonnes\n", "%s: other columns\n", t->path);
        }
        if (t->first_a != NULL) {
            cli_print(cli, "%s : lignes différentes : %s, la première :\n  %s\n  %s\n",
                      "%s: rows that differ: %s, the first:\n  %s\n  %s\n", t->path,
                      cli_whole(cli, t->differing), words_clean(&cli->arena, t->first_a),
                      words_clean(&cli->arena, t->first_b));
        }
    }
}

static int parity(struct cli *cli, struct error *err)
{
    const struct session session = cli_session(cli);
    const struct run_options options = {
        .model_path = cli->options.model, .map_path = cli->options.map, .reject_limit = 1};
    const char *with = cli->options.with;
    struct parity_report report;
    if (with != NULL && cli_find_published(cli, err) != 0) {
        return -1;
    }
    const struct session dated = cli_session(cli); /* of the date that was found */
    if (with != NULL ? pipeline_compare(&dated, session.data, with, &cli->arena, &report, err) != 0
                     : pipeline_parity(&session, &options, &cli->arena, &report, err) != 0) {
        return -1;
    }
    progress_clear(&cli->bar);
    if (cli->document != NULL) {
        fill_document(cli, &report);
    } else {
        print_grid(cli, &report);
        print_differences(cli, &report);
    }
    if (report.differing == 0) {
        return 0;
    }
    return error_set(err, "%zu tables ou nombres diffèrent ; le tableau dit lesquels",
                     "%zu tables or counts differ; the table says which", report.differing);
}

const struct command command_parity = {
    .name = "parity",
    .summary = TEXT("les deux moteurs font-ils la même chose", "do both engines make the same"),
    .about = TEXT("Traite les données brutes d'une date par DuckDB et par Spark, dans un dossier "
                  "de travail, et compare tout ce qui est publié : mêmes lignes dans le même "
                  "ordre, mêmes clés, mêmes valeurs absentes, nombres à 1e-9 près, mêmes nombres "
                  "de refus et de doubles. Les résultats publiés ne changent pas. Une différence "
                  "donne le code de retour 1.",
                  "Processes the raw data of a date by DuckDB and by Spark, in a scratch folder, "
                  "and compares everything that is published: the same rows in the same order, "
                  "the same keys and missing values, numbers within 1e-9, the same counts of "
                  "refusals and duplicates. Published results stay as they are. A difference "
                  "gives exit status 1."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream --data data --run-date 2026-11-23 parity",
                  TEXT("les deux moteurs sur cette machine", "both engines on this machine")},
                 {"autostream --engine spark --spark-master spark://hote:7077 parity",
                  TEXT("DuckDB ici, Spark sur un cluster", "DuckDB here, Spark on a cluster")},
                 {"autostream --data data parity --with autre",
                  TEXT("compare deux dossiers déjà traités",
                       "compares two folders that were processed already")}},
    .next = TEXT("docs/scaling.md dit quand chaque moteur convient.",
                 "docs/scaling.md says when each engine is the right one."),
    .has_json = true,
    .has_spark = true,
    .run = parity,
};
