/* autostream catalog: the data catalogue as Markdown, from the definitions that the code uses
 * (fleet/tables.def, features.def, failures.def). Reads no data; the same bytes every time. */
#include "cli/cli.h"

#include <math.h>
#include <string.h>

/* ---- cells ---- */

/* A text as it may stand in a cell of a Markdown table. */
static const char *cell(struct cli *cli, const char *text)
{
    char *out = ARENA_NEW(&cli->arena, char, 2 * strlen(text) + 1);
    char *end = out;
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            *end++ = '\\';
        }
        *end++ = *text;
    }
    return out;
}

static const char *type_name(struct cli *cli, enum column_type type)
{
    static const struct text names[] = {
        [COLUMN_TEXT] = TEXT("texte", "text"),
        [COLUMN_BLOB] = TEXT("octets", "bytes"),
        [COLUMN_WHOLE] = TEXT("entier", "whole number"),
        [COLUMN_REAL] = TEXT("réel", "real number"),
        [COLUMN_TIMESTAMP] = TEXT("instant (UTC)", "instant (UTC)"),
        [COLUMN_DATE] = TEXT("date", "date"),
    };
    return cli_text(cli, names[type]);
}

static const char *range(struct cli *cli, const struct feature *feature)
{
    return arena_printf(&cli->arena, "%s..%s", cli_real(cli, feature->low, 0),
                        cli_real(cli, feature->high, 0));
}

/* ---- sections ---- */

static void print_column(struct cli *cli, const struct column_fact *fact)
{
    const struct feature *feature =
        fact->label.in[cli->lang] == NULL ? feature_find(fact->column.name) : NULL;
    const char *label =
        feature != NULL ? cli_text(cli, feature->label) : cli_text(cli, fact->label);
    (void)printf("| `%s` | %s | %s | %s | %s |\n", fact->column.name,
                 type_name(cli, fact->column.type),
                 feature != NULL ? cli_text(cli, feature->unit) : "",
                 label != NULL ? cell(cli, label) : "", feature != NULL ? range(cli, feature) : "");
}

static void print_table(struct cli *cli, const struct table_fact *fact)
{
    (void)printf("\n### `%s`\n\n", fact->table.name);
    if (*fact->path != '\0') {
        cli_print(cli, "- Fichier : `%s`\n", "- File: `%s`\n", fact->path);
    } else {
        cli_print(cli, "- N'existe que pendant un traitement\n", "- Exists during a run only\n");
    }
    cli_print(cli, "- Une ligne : %s\n\n", "- One row: %s\n\n", cli_text(cli, fact->grain));
    cli_print(cli, "| Colonne | Type | Unité | Contenu | Possible |\n",
              "| Column | Type | Unit | Content | Possible |\n");
    (void)printf("| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < fact->table.column_count; i++) {
        print_column(cli, &fact->facts[i]);
    }
}

/* All tables of one level, in the order of tables.def. */
static void print_level(struct cli *cli, const char *level, struct text title, struct text about)
{
    (void)printf("\n## %s\n\n%s\n", cli_text(cli, title), cli_text(cli, about));
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (strcmp(fleet_tables[i].level, level) == 0) {
            print_table(cli, &fleet_tables[i]);
        }
    }
}

static void print_levels(struct cli *cli)
{
    static const struct {
        const char *level;
        struct text title, about;
    } levels[] = {
        {"bronze", TEXT("Bronze : tel que reçu", "Bronze: as it comes"),
         TEXT(
             "Les données brutes, dans `bronze/run_date=D/` :\n\n"
             "- `json/` : la télémétrie, un objet par fichier (`.json`), un par ligne (`.ndjson`, "
             "`.jsonl`) ou en tableau, même comprimés (`.gz`, `.zst`) ; ou `parquet/`\n"
             "- `csv/maintenance.csv` : les entretiens (table `maintenance` de silver)\n"
             "- `csv/piece_lifetime.csv` : la durée de vie des pièces ; absent, elle est tirée de "
             "l'historique\n"
             "- `csv/data_historique_pannes.csv` : l'historique dont le modèle apprend\n"
             "- `sql/flotte.db` : le registre (SQLite, table `vehicules`)\n\n"
             "Une valeur hors du possible, un texte à la place d'un nombre ou un instant illisible "
             "envoient le message en quarantaine.",
             "The raw data, in `bronze/run_date=D/`:\n\n"
             "- `json/`: the telemetry, one object a file (`.json`), one a line (`.ndjson`, "
             "`.jsonl`) or in an array, also compressed (`.gz`, `.zst`); or `parquet/`\n"
             "- `csv/maintenance.csv`: the service records (table `maintenance` of silver)\n"
             "- `csv/piece_lifetime.csv`: how long parts last; without it the history tells\n"
             "- `csv/data_historique_pannes.csv`: the history that the model learns from\n"
             "- `sql/flotte.db`: the register (SQLite, table `vehicules`)\n\n"
             "A value outside what is possible, a text where a number stands or an instant that "
             "cannot be read send the message to quarantine.")},
        {"silver", TEXT("Silver : propre et typé", "Silver: clean and typed"),
         TEXT(
             "Chaque message une fois, avec ses types. Ce qui manque reste vide ou prend la valeur "
             "que dit la liste des mesures.",
             "Every message once, with its types. What is missing stays empty or takes the value "
             "that the list of measures gives.")},
        {"gold", TEXT("Gold : ce qu'on lit", "Gold: what people read"),
         TEXT("Un véhicule, un jour, une semaine ou un mois par ligne, avec les prédictions. "
              "`reporting_final` (`gold/reporting_final.csv`) et les agrégats sont aussi écrits en "
              "CSV.",
              "One vehicle, one day, one week or one month a row, with the predictions. "
              "`reporting_final` (`gold/reporting_final.csv`) and the aggregates are written as "
              "CSV too.")},
        {"quality", TEXT("Qualité", "Quality"),
         TEXT("`quality/silver_quality_D.csv` et `quality/gold_quality_D.csv` ont une ligne "
              "chacun : `run_date`, `rows`, `missing_columns`, `schema_issues`, puis pour chaque "
              "colonne `nulls_COLONNE` (valeurs absentes) et `null_pct_COLONNE` (en %).",
              "`quality/silver_quality_D.csv` and `quality/gold_quality_D.csv` have one row each: "
              "`run_date`, `rows`, `missing_columns`, `schema_issues`, then for every column "
              "`nulls_COLUMN` (missing values) and `null_pct_COLUMN` (in %).")},
        {"quarantine", TEXT("Quarantaine : ce qui a été refusé", "Quarantine: what was refused"),
         TEXT("Rien ne disparaît : messages lus = silver + quarantaine + doublons.",
              "Nothing vanishes: records read = silver + quarantined + duplicates.")},
        {"runs", TEXT("Traitements : d'où tout vient", "Runs: where everything came from"),
         TEXT("Les fichiers lus par un traitement, avec leur empreinte.",
              "The files that a run read, with their hash.")},
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        print_level(cli, levels[i].level, levels[i].title, levels[i].about);
    }
}

static void print_measures(struct cli *cli)
{
    cli_print(cli,
              "\n## Mesures de la télémétrie\n\n"
              "| Nom | Contenu | Unité | Possible | Quand elle manque |\n",
              "\n## Telemetry measures\n\n"
              "| Name | Content | Unit | Possible | When it is missing |\n");
    (void)printf("| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        const struct feature *feature = &telemetry_features[i];
        const char *missing = cli_text(cli, (struct text)TEXT("reste vide", "stays empty"));
        if (!isnan(feature->missing)) {
            missing = arena_printf(&cli->arena, "%s %s", cli_real(cli, feature->missing, 0),
                                   cli_text(cli, feature->unit));
        }
        (void)printf("| `%s` | %s | %s | %s | %s |\n", feature->name,
                     cell(cli, cli_text(cli, feature->label)), cli_text(cli, feature->unit),
                     range(cli, feature), missing);
    }
}

static void print_failures(struct cli *cli)
{
    cli_print(cli, "\n## Pannes\n\n| Classe | Nom | Pièce | Que faire |\n",
              "\n## Failures\n\n| Class | Name | Part | What to do |\n");
    (void)printf("| --- | --- | --- | --- |\n");
    for (int f = 0; f < FAILURE_COUNT; f++) {
        (void)printf("| %d | `%s` | %s | %s |\n", f, failure_kinds[f].name,
                     cli_text(cli, failure_kinds[f].label),
                     cell(cli, cli_text(cli, failure_kinds[f].advice)));
    }
}

/* What the reason codes of the quarantine mean. */
static void print_reasons(struct cli *cli)
{
    cli_print(cli, "\n## Raisons de la quarantaine\n\n| Code | Sens |\n",
              "\n## Reasons of the quarantine\n\n"
              "| Code | Meaning |\n");
    (void)printf("| --- | --- |\n");
    for (size_t i = 0; i < REFUSAL_COUNT; i++) {
        const char *field = cli_text(cli, (struct text)TEXT(":CHAMP", ":FIELD"));
        (void)printf("| `%s%s` | %s |\n", refusal_kinds[i].code,
                     refusal_kinds[i].of_field ? field : "", cli_text(cli, refusal_kinds[i].label));
    }
}

static void print_statuts(struct cli *cli)
{
    cli_print(cli, "\n## Statuts\n\n| Nom | Pour l'atelier | Quand | Agir |\n",
              "\n## Statuts\n\n| Name | For the workshop | When | Act |\n");
    (void)printf("| --- | --- | --- | --- |\n");
    for (int s = STATUT_COUNT - 1; s >= 0; s--) {
        const char *when =
            cli_text(cli, (struct text)TEXT("aucune panne prédite", "no failure predicted"));
        if (s == STATUT_SURVEILLANCE) {
            when = cli_text(cli, (struct text)TEXT("panne prédite, probabilité moindre",
                                                   "failure predicted, lower probability"));
        } else if (s != STATUT_OK) {
            when = arena_printf(&cli->arena, "%s %s",
                                cli_text(cli, (struct text)TEXT("panne prédite, probabilité dès",
                                                                "failure predicted, probability "
                                                                "from")),
                                cli_percent(cli,
                                            s == STATUT_CRITIQUE ? fleet_thresholds.critique
                                                                 : fleet_thresholds.alerte,
                                            0));
        }
        (void)printf("| `%s` | %s | %s | %s |\n", statut_kinds[s].name,
                     cli_statut(cli, (enum statut)s), when, cli_text(cli, statut_kinds[s].when));
    }
}

static void print_inputs(struct cli *cli)
{
    cli_print(
        cli,
        "\n## Entrées du modèle\n\nDans cet ordre, en nombres de 32 bits ; une mesure absente "
        "de tous les messages d'un véhicule y entre comme NaN.\n\n"
        "| # | Nom | Colonne de gold | Contenu | Unité |\n",
        "\n## Model inputs\n\nIn this order, as 32-bit numbers; a measure that all messages of "
        "a vehicle lack goes in as NaN.\n\n"
        "| # | Name | Column of gold | Content | Unit |\n");
    (void)printf("| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        const struct feature *feature = feature_find(model_input_names[i]);
        (void)printf("| %zu | `%s` | `%s` | %s | %s |\n", i + 1, model_input_names[i],
                     model_input_gold_columns[i],
                     feature != NULL ? cli_text(cli, feature->label) : "",
                     feature != NULL ? cli_text(cli, feature->unit) : "");
    }
}

static int catalog(struct cli *cli, struct error *err)
{
    (void)err;
    cli_print(cli,
              "# Catalogue des données\n\n"
              "Écrit par `autostream --lang fr catalog` : ne pas modifier à la main. Les chemins "
              "partent du dossier des données ; D est la date du traitement, E le jour d'un "
              "message. Les données vont dans un seul sens : bronze → silver → gold.\n",
              "# Data catalogue\n\n"
              "Written by `autostream --lang en catalog`: do not edit by hand. Paths start at the "
              "data folder; D is the run date, E the day of a message. Data flow one way: bronze → "
              "silver → gold.\n");
    print_levels(cli);
    print_measures(cli);
    print_reasons(cli);
    print_failures(cli);
    print_statuts(cli);
    print_inputs(cli);
    return 0;
}

const struct command command_catalog = {
    .name = "catalog",
    .summary = TEXT("le catalogue des données, en Markdown", "the data catalogue, as Markdown"),
    .about =
        TEXT("Décrit chaque table : où elle est, ce qu'est une ligne, ses colonnes, leurs types, "
             "unités et valeurs possibles ; puis les pannes, les statuts et les entrées du "
             "modèle. Vient des définitions que le programme utilise.",
             "Describes every table: where it is, what a row is, its columns, their types, "
             "units and possible values; then failures, statuts and the model's inputs. Comes "
             "from the definitions that the program uses."),
    .examples = {{"autostream --lang fr catalog > docs/data_catalog.fr.md",
                  TEXT("le catalogue en français", "the catalogue in French")}},
    .next = TEXT("« autostream quality » dit ce qui manque dans les données.",
                 "\"autostream quality\" says what is missing in the data."),
    .has_json = false,
    .run = catalog,
};
