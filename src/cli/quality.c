/* autostream quality: what is missing, what was refused and why. */
#include "cli/cli.h"
#include "cli/grid.h"

#include "base/dates.h"
#include "base/fs.h"

#include <math.h>
#include <string.h>

enum { BAR_CELLS = 10 };

/* ---- for people ---- */

/* A share 0..1 as ten cells; anything above nothing shows. */
static const char *bar(struct cli *cli, double share)
{
    int full = (int)ceil(share * BAR_CELLS);
    const char *text = "";
    for (int i = 0; i < BAR_CELLS; i++) {
        text = arena_printf(&cli->arena, "%s%s", text, i < full ? "█" : "·");
    }
    return text;
}

/* The columns that have gaps, and how many have none. */
static void print_columns(struct cli *cli, const struct quality_report *report)
{
    enum { COLUMNS = 4 };
    const struct grid_column columns[COLUMNS] = {
        {.title = cli_text(cli, (struct text)TEXT("Colonne", "Column"))},
        {.title = cli_text(cli, (struct text)TEXT("Absents", "Missing")), .right = true},
        {.title = cli_text(cli, (struct text)TEXT("Part", "Share")), .right = true},
        {.title = "", .drop = 1},
    };
    struct grid grid = {.columns = columns, .column_count = COLUMNS};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, report->column_count * COLUMNS);
    for (size_t i = 0; i < report->column_count; i++) {
        const struct quality_column *column = &report->columns[i];
        struct grid_cell *row = &grid.cells[grid.rows * COLUMNS];
        if (column->nulls == 0) {
            continue;
        }
        grid.rows++;
        row[0] = (struct grid_cell){words_clean(&cli->arena, column->name), STYLE_NONE};
        row[1] = (struct grid_cell){cli_whole(cli, column->nulls), STYLE_YELLOW};
        row[2] = (struct grid_cell){cli_percent(cli, column->null_pct / 100, 2), STYLE_YELLOW};
        row[3] = (struct grid_cell){bar(cli, column->null_pct / 100), STYLE_YELLOW};
    }
    cli_print(cli, "Colonnes sans valeur absente : %s sur %s\n",
              "Columns without a missing value: %s of %s\n",
              cli_whole(cli, report->column_count - grid.rows),
              cli_whole(cli, report->column_count));
    if (grid.rows > 0) {
        grid_print(&grid, &cli->out, &cli->arena);
    }
}

static void print_table(struct cli *cli, struct text name, const struct quality_report *report)
{
    const char *none = cli_text(cli, (struct text)TEXT("aucune", "none"));
    if (report->column_count == 0) {
        cli_print(cli, "\n%s : rien de publié\n", "\n%s: nothing published\n", cli_text(cli, name));
        return;
    }
    cli_print(cli, "\n%s%s%s : %s lignes\n", "\n%s%s%s: %s rows\n", term_on(&cli->out, STYLE_BOLD),
              cli_text(cli, name), term_off(&cli->out, STYLE_BOLD), cli_whole(cli, report->rows));
    cli_print(cli, "Colonnes manquantes : %s\nÉcarts au schéma : %s\n",
              "Missing columns: %s\nSchema issues: %s\n",
              *report->missing_columns != '\0' ? words_clean(&cli->arena, report->missing_columns)
                                               : none,
              *report->schema_issues != '\0' ? words_clean(&cli->arena, report->schema_issues)
                                             : cli_text(cli, (struct text)TEXT("aucun", "none")));
    print_columns(cli, report);
}

static void print_reasons(struct cli *cli, const struct quality_summary *summary)
{
    enum { COLUMNS = 2 };
    const struct grid_column columns[COLUMNS] = {
        {.title = cli_text(cli, (struct text)TEXT("Messages", "Records")), .right = true},
        {.title = cli_text(cli, (struct text)TEXT("Raison", "Reason"))},
    };
    size_t count = summary->reason_count;
    cli_print(cli, "\n%sQuarantaine%s : %s enregistrements\n", "\n%sQuarantine%s: %s records\n",
              term_on(&cli->out, STYLE_BOLD), term_off(&cli->out, STYLE_BOLD),
              cli_whole(cli, summary->quarantined));
    if (count == 0) {
        return;
    }
    struct grid grid = {.columns = columns,
                        .column_count = COLUMNS,
                        .rows = count,
                        .note_title = cli_text(cli, (struct text)TEXT("Exemple (fichier:octet)",
                                                                      "Example (file:byte)"))};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, count * COLUMNS);
    grid.notes = ARENA_NEW(&cli->arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        const struct quarantine_reason *reason = &summary->reasons[i];
        grid.cells[i * COLUMNS].text = cli_whole(cli, reason->records);
        grid.cells[i * COLUMNS + 1].text = words_clean(&cli->arena, reason->reason);
        grid.notes[i] =
            arena_printf(&cli->arena, "%s:%lld", words_clean(&cli->arena, reason->source),
                         (long long)reason->position);
    }
    grid_print(&grid, &cli->out, &cli->arena);
}

/* ---- vehicles that cannot be scored ---- */

static const char *what_it_lacks(struct cli *cli, const struct orphan *orphan)
{
    static const struct text both =
        TEXT("ni entretien, ni ligne du registre", "neither service record nor register row");
    static const struct text service = TEXT("pas d'entretien", "no service record");
    static const struct text registered = TEXT("pas de ligne du registre", "no register row");
    return cli_text(cli, orphan->no_service && orphan->not_registered ? both
                         : orphan->no_service                         ? service
                                                                      : registered);
}

static void print_orphans(struct cli *cli, const struct quality_summary *summary)
{
    enum { SHOWN = 10 };
    cli_print(cli, "\nOrphelins (émettent mais ne peuvent être évalués) : %s\n",
              "\nOrphans (they send but cannot be scored): %s\n",
              cli_whole(cli, summary->orphans_total));
    for (size_t i = 0; i < summary->orphan_count && i < SHOWN; i++) {
        cli_print(cli, "  %s : %s\n", "  %s: %s\n",
                  words_clean(&cli->arena, summary->orphans[i].vin),
                  what_it_lacks(cli, &summary->orphans[i]));
    }
    if (summary->orphans_total > SHOWN) {
        cli_print(cli, "  ... la liste entière : quality/orphelins_D.parquet\n",
                  "  ... the whole list: quality/orphelins_D.parquet\n");
    }
}

/* ---- for machines ---- */

static json_t *orphans_json(struct cli *cli, const struct quality_summary *summary)
{
    json_t *object = json_object();
    json_t *list = json_array();
    json_put(object, "total", json_whole(summary->orphans_total));
    for (size_t i = 0; i < summary->orphan_count; i++) {
        json_t *orphan = json_object();
        json_put(orphan, "vin", json_words(cli, summary->orphans[i].vin));
        json_put(orphan, "sans_entretien", json_boolean(summary->orphans[i].no_service));
        json_put(orphan, "sans_registre", json_boolean(summary->orphans[i].not_registered));
        json_add(list, orphan);
    }
    json_put(object, "first", list);
    return object;
}

/* null where nothing was published. */
static json_t *report_json(struct cli *cli, const struct quality_report *report)
{
    if (report->column_count == 0) {
        return json_null();
    }
    json_t *object = json_object();
    json_put(object, "rows", json_whole(report->rows));
    json_put(object, "missing_columns", json_words(cli, report->missing_columns));
    json_put(object, "schema_issues", json_words(cli, report->schema_issues));
    json_t *columns = json_array();
    for (size_t i = 0; i < report->column_count; i++) {
        json_t *column = json_object();
        json_put(column, "name", json_words(cli, report->columns[i].name));
        json_put(column, "nulls", json_whole(report->columns[i].nulls));
        json_put(column, "null_pct", json_number(report->columns[i].null_pct));
        json_add(columns, column);
    }
    json_put(object, "columns", columns);
    return object;
}

static json_t *quarantine_json(struct cli *cli, const struct quality_summary *summary)
{
    json_t *object = json_object();
    json_put(object, "records", json_whole(summary->quarantined));
    json_t *reasons = json_array();
    for (size_t i = 0; i < summary->reason_count; i++) {
        json_t *reason = json_object();
        json_put(reason, "reason", json_words(cli, summary->reasons[i].reason));
        json_put(reason, "records", json_whole(summary->reasons[i].records));
        json_put(reason, "source", json_words(cli, summary->reasons[i].source));
        json_put(reason, "position", json_integer(summary->reasons[i].position));
        json_add(reasons, reason);
    }
    json_put(object, "reasons", reasons);
    return object;
}

/* Turns cli->run_date to the latest run, also one that refused too much: it leaves its quarantine
 * and nothing else. */
static int find_date(struct cli *cli, struct error *err)
{
    static const char prefix[] = "run_date=";
    char **names = NULL;
    size_t count = 0;
    bool found = false;
    if (cli->run_date_given) {
        return 0;
    }
    const char *folder = arena_printf(&cli->arena, "%s/quarantine", cli->options.data);
    if (fs_list(folder, &cli->arena, &names, &count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) { /* sorted: the last is the latest */
        if (strncmp(names[i], prefix, strlen(prefix)) == 0) {
            const char *date = names[i] + strlen(prefix);
            found = date_parse(date, strlen(date), &cli->run_date) || found;
        }
    }
    return found ? 0 : cli_find_published(cli, err);
}

static int quality(struct cli *cli, struct error *err)
{
    static const struct text silver =
        TEXT("Silver (télémétrie nettoyée)", "Silver (clean telemetry)");
    static const struct text gold =
        TEXT("Gold (un véhicule par ligne)", "Gold (one vehicle a row)");
    char date[DATE_TEXT_SIZE];
    struct quality_summary summary = {.reasons = NULL};
    if (find_date(cli, err) != 0) {
        return -1;
    }
    const struct session session = cli_session(cli);
    if (published_quality(&session, &cli->arena, &summary, err) != 0) {
        return -1;
    }
    progress_clear(&cli->bar);
    if (cli->document != NULL) {
        json_put(cli->document, "run_date", json_date(cli->run_date));
        json_put(cli->document, "silver", report_json(cli, &summary.silver));
        json_put(cli->document, "gold", report_json(cli, &summary.gold));
        json_put(cli->document, "orphans", orphans_json(cli, &summary));
        json_put(cli->document, "quarantine", quarantine_json(cli, &summary));
        return 0;
    }
    cli_print(cli, "Qualité des données du %s\n", "Quality of the data of %s\n",
              date_format(cli->run_date, date));
    print_table(cli, silver, &summary.silver);
    print_table(cli, gold, &summary.gold);
    print_orphans(cli, &summary);
    print_reasons(cli, &summary);
    return 0;
}

const struct command command_quality = {
    .name = "quality",
    .summary = TEXT("la qualité des données", "the quality of the data"),
    .about = TEXT("Montre les valeurs absentes par colonne, les écarts au schéma et les messages "
                  "mis en quarantaine, par raison, avec un exemple. Sans --run-date, les derniers "
                  "résultats.",
                  "Shows missing values by column, schema issues and the quarantined messages by "
                  "reason, with an example. Without --run-date the latest results."),
    .examples = {{"autostream quality", TEXT("les derniers résultats", "the latest results")},
                 {"autostream --run-date 2026-11-23 --json quality",
                  TEXT("ceux d'une date, pour un programme", "those of a date, for a program")}},
    .next = TEXT("Corriger la source d'une raison fréquente, puis « autostream run ».",
                 "Mend the source of a frequent reason, then \"autostream run\"."),
    .has_json = true,
    .run = quality,
};
