/* autostream run, silver and gold: the stages from raw data to results, and what they counted. */
#include "cli/cli.h"

#include "base/dates.h"

#include <string.h>

#define OPTION_FULL                                                                            \
    {                                                                                          \
        .name = "full", .kind = OPTION_FLAG, .offset = offsetof(struct options, full),         \
        .help = TEXT("relire tous les fichiers bruts, même ceux déjà traités pour cette date", \
                     "read all raw files again, also those that an earlier run of this date "  \
                     "took in"),                                                               \
    }

#define OPTION_BRONZE                                                                          \
    {                                                                                          \
        .name = "bronze", .kind = OPTION_TEXT, .offset = offsetof(struct options, bronze),     \
        .value = TEXT("ADRESSE", "ADDRESS"),                                                   \
        .help = TEXT("avec --engine spark : données brutes d'un autre système de fichiers, " \
                     "par exemple hdfs://hote:9000/lac/bronze",                                \
                     "with --engine spark: raw data of another file system, for example "      \
                     "hdfs://host:9000/lake/bronze"),                                          \
    }

#define OPTION_SINCE                                                                        \
    {                                                                                       \
        .name = "since", .kind = OPTION_DATE, .offset = offsetof(struct options, since),    \
        .value = TEXT("DATE", "DATE"),                                                      \
        .help = TEXT("gold aussi d'après la télémétrie des dates traitées depuis celle-ci", \
                     "gold also from the telemetry of the run dates since this one"),       \
    }

static const struct option_spec run_specs[] = {
    {.name = "simulate",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, simulate),
     .help = TEXT("simuler d'abord les données brutes de cette date",
                  "simulate the raw data of this date first")},
    OPTION_VEHICLES,
    OPTION_SEED,
    OPTION_MODEL,
    OPTION_CALIBRATED,
    OPTION_MAP,
    OPTION_MAX_REJECTS,
    OPTION_FULL,
    OPTION_SINCE,
    OPTION_BRONZE,
};
static const struct option_spec silver_specs[] = {OPTION_MAP, OPTION_MAX_REJECTS, OPTION_FULL,
                                                  OPTION_BRONZE};
static const struct option_spec gold_specs[] = {OPTION_MODEL, OPTION_CALIBRATED, OPTION_SINCE};

/* ---- for people ---- */

/* "records read 744 = 733 silver + 11 quarantined + 0 duplicates": the sum that must come out. */
static void print_telemetry(struct cli *cli, const struct run_report *report)
{
    const struct ingest_counts *counts = &report->telemetry;
    if (report->silver_rows + report->duplicates == counts->accepted) {
        cli_print(cli,
                  "Télémétrie     %s messages lus = %s silver + %s en quarantaine + %s doublons\n",
                  "Telemetry      records read %s = %s silver + %s quarantined + %s duplicates\n",
                  cli_whole(cli, counts->records), cli_whole(cli, report->silver_rows),
                  cli_whole(cli, counts->quarantined), cli_whole(cli, report->duplicates));
    } else { /* ended before silver was made */
        cli_print(cli, "Télémétrie     %s messages lus = %s acceptés + %s en quarantaine\n",
                  "Telemetry      records read %s = %s accepted + %s quarantined\n",
                  cli_whole(cli, counts->records), cli_whole(cli, counts->accepted),
                  cli_whole(cli, counts->quarantined));
    }
    cli_print(cli, "               fichiers lus : %s ; ignorés : %s\n",
              "               files read: %s; ignored: %s\n",
              cli_whole(cli, counts->files - report->taken_before),
              cli_whole(cli, counts->ignored));
    if (report->taken_before > 0) {
        cli_print(cli, "               inchangés depuis le traitement précédent : %s\n",
                  "               unchanged since the last run: %s\n",
                  cli_whole(cli, report->taken_before));
    }
    if (report->conflicts > 0) {
        cli_print(cli, "               %s messages contredisent un autre du même instant\n",
                  "               %s messages contradict another one of the same instant\n",
                  cli_whole(cli, report->conflicts));
    }
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        if (report->imputed[i] > 0) {
            cli_print(cli, "               %s, valeurs manquantes remplacées par %s %s : %s\n",
                      "               %s, missing values replaced by %s %s: %s\n",
                      cli_text(cli, telemetry_features[i].label),
                      cli_real(cli, telemetry_features[i].missing, telemetry_features[i].decimals),
                      cli_text(cli, telemetry_features[i].unit),
                      cli_whole(cli, report->imputed[i]));
        }
    }
    cli_print(cli, "Entretiens     lus : %s ; en quarantaine : %s\n",
              "Services       read: %s; quarantined: %s\n", cli_whole(cli, report->services),
              cli_whole(cli, report->services_quarantined));
    cli_print(cli,
              "Registre       véhicules lus : %s ; en quarantaine : %s ; contradictoires : %s\n",
              "Register       vehicles read: %s; quarantined: %s; contradictory: %s\n",
              cli_whole(cli, report->vehicles), cli_whole(cli, report->vehicles_quarantined),
              cli_whole(cli, report->vehicles_conflicting));
}

static void print_gold(struct cli *cli, const struct run_report *report)
{
    cli_print(cli, "Orphelins      sans entretien : %s ; hors du registre : %s\n",
              "Orphans        without service record: %s; not in the register: %s\n",
              cli_whole(cli, report->without_service), cli_whole(cli, report->without_register));
    cli_print(cli, "Véhicules      %s\n", "Vehicles       %s\n", cli_whole(cli, report->gold_rows));
    cli_print_statuts(cli, report->by_statut);
    if (report->incomplete > 0) {
        cli_print(cli, "               %s avec une mesure qui manque dans tous leurs messages\n",
                  "               %s with a measure that all their messages lack\n",
                  cli_whole(cli, report->incomplete));
    }
    if (report->foreign_model) {
        cli_print(cli,
                  "               le modèle ne nomme pas ses entrées : prises dans l'ordre du "
                  "contrat\n",
                  "               the model does not name its inputs: taken in the contract's "
                  "order\n");
    }
}

static void print_times(struct cli *cli, const struct run_report *report)
{
    cli_print(cli, "Temps          %s s (lecture %s ; silver %s ; gold %s ; publication %s)\n",
              "Time           %s s (ingest %s; silver %s; gold %s; publishing %s)\n",
              cli_real(cli, report->seconds, 2), cli_real(cli, report->seconds_ingest, 2),
              cli_real(cli, report->seconds_silver, 2), cli_real(cli, report->seconds_gold, 2),
              cli_real(cli, report->seconds_publish, 2));
}

/* ---- for machines ---- */

static json_t *telemetry_json(const struct run_report *report)
{
    const struct ingest_counts *counts = &report->telemetry;
    json_t *object = json_object();
    json_put(object, "records", json_whole(counts->records));
    json_put(object, "accepted", json_whole(counts->accepted));
    json_put(object, "silver", json_whole(report->silver_rows));
    json_put(object, "quarantined", json_whole(counts->quarantined));
    json_put(object, "duplicates", json_whole(report->duplicates));
    json_put(object, "conflicts", json_whole(report->conflicts));
    json_put(object, "files", json_whole(counts->files));
    json_put(object, "taken_before", json_whole(report->taken_before));
    json_put(object, "ignored", json_whole(counts->ignored));
    json_put(object, "bytes", json_whole(counts->bytes));
    json_t *imputed = json_object();
    for (size_t i = 0; i < TELEMETRY_FEATURE_COUNT; i++) {
        json_put(imputed, telemetry_features[i].name, json_whole(report->imputed[i]));
    }
    json_put(object, "imputed", imputed);
    return object;
}

static json_t *gold_json(const struct run_report *report)
{
    json_t *object = json_object();
    json_put(object, "rows", json_whole(report->gold_rows));
    json_put(object, "incomplete", json_whole(report->incomplete));
    json_put(object, "without_service", json_whole(report->without_service));
    json_put(object, "without_register", json_whole(report->without_register));
    json_put(object, "foreign_model", json_boolean(report->foreign_model));
    json_t *by_statut = json_object();
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        json_put(by_statut, statut_kinds[s].name, json_whole(report->by_statut[s]));
    }
    json_put(object, "by_statut", by_statut);
    return object;
}

static json_t *registers_json(uint64_t read, uint64_t quarantined, const uint64_t *conflicting)
{
    json_t *object = json_object();
    json_put(object, "read", json_whole(read));
    json_put(object, "quarantined", json_whole(quarantined));
    if (conflicting != NULL) {
        json_put(object, "conflicting", json_whole(*conflicting));
    }
    return object;
}

static json_t *times_json(const struct run_report *report)
{
    json_t *object = json_object();
    json_put(object, "ingest", json_number(report->seconds_ingest));
    json_put(object, "silver", json_number(report->seconds_silver));
    json_put(object, "gold", json_number(report->seconds_gold));
    json_put(object, "publish", json_number(report->seconds_publish));
    json_put(object, "all", json_number(report->seconds));
    return object;
}

/* ---- the commands ---- */

/* Also after a failure, as far as the work went: a run that refused too much says what it refused.
 */
static void report_run(struct cli *cli, const struct run_report *report, unsigned stages)
{
    char date[DATE_TEXT_SIZE];
    bool silver = (stages & STAGE_SILVER) != 0 && report->telemetry.files > 0;
    bool gold = (stages & STAGE_GOLD) != 0 && report->gold_rows > 0;
    if (cli->document != NULL) {
        json_put(cli->document, "run_date", json_date(cli->run_date));
        if (silver) {
            json_put(cli->document, "telemetry", telemetry_json(report));
            json_put(cli->document, "services",
                     registers_json(report->services, report->services_quarantined, NULL));
            json_put(cli->document, "register",
                     registers_json(report->vehicles, report->vehicles_quarantined,
                                    &report->vehicles_conflicting));
        }
        if (gold) {
            json_put(cli->document, "gold", gold_json(report));
        }
        json_put(cli->document, "seconds", times_json(report));
        return;
    }
    if (!silver && !gold) {
        return;
    }
    cli_print(cli, "Traitement du %s\n", "Run of %s\n", date_format(cli->run_date, date));
    if (silver) {
        print_telemetry(cli, report);
    }
    if (gold) {
        print_gold(cli, report);
    }
    print_times(cli, report);
}

/* The address of raw data, without the '/' at its end; what Spark reads as a pattern is no name. */
static int settle_bronze(struct cli *cli, struct error *err)
{
    const char *bronze = cli->options.bronze;
    if (bronze == NULL) {
        return 0;
    }
    size_t size = strlen(bronze);
    const char *authority = strstr(bronze, "://");
    if (cli->options.engine != ENGINE_SPARK) {
        return error_usage(err, "--bronze ne vaut qu'avec --engine spark",
                           "--bronze is for --engine spark only");
    }
    if (cli->options.simulate) {
        return error_usage(err, "--bronze et --simulate s'excluent ; donnez l'un des deux",
                           "--bronze and --simulate exclude each other; give one of them");
    }
    if (authority == NULL || authority == bronze || strcspn(bronze, "*?[]{}\\,#%'\"\n\t ") < size) {
        return error_usage(err,
                           "--bronze %s : il faut l'adresse d'un dossier, comme "
                           "hdfs://hote:9000/lac/bronze, sans espace ni * ? [ ] { } , # %%",
                           "--bronze %s: must be the address of a folder, such as "
                           "hdfs://host:9000/lake/bronze, without a blank or * ? [ ] { } , # %%",
                           words_clean(&cli->arena, bronze));
    }
    while (size > 0 && bronze[size - 1] == '/') {
        size--;
    }
    cli->options.bronze = arena_copy(&cli->arena, bronze, size);
    return 0;
}

static int run_stages(struct cli *cli, unsigned stages, struct error *err)
{
    const struct session session = cli_session(cli);
    const struct run_options options = {.stages = stages,
                                        .model_path = cli->options.model,
                                        .bronze = cli->options.bronze,
                                        .map_path = cli->options.map,
                                        .reject_limit = cli->options.max_rejects,
                                        .calibrated = cli->options.calibrated,
                                        .has_since = cli->options.since != NO_DATE,
                                        .since = cli->options.since,
                                        .full = cli->options.full};
    struct run_report report = {.silver_rows = 0};
    if (options.has_since && options.since > session.run_date) {
        char since[DATE_TEXT_SIZE], date[DATE_TEXT_SIZE];
        return error_usage(err,
                           "--since %s : après la date du traitement, %s ; donnez une date qui la "
                           "précède",
                           "--since %s: after the run date, %s; give a date before it",
                           date_format(options.since, since), date_format(session.run_date, date));
    }
    int status = pipeline_run(&session, &options, &report, err);
    progress_clear(&cli->bar);
    report_run(cli, &report, stages);
    return status;
}

static int run(struct cli *cli, struct error *err)
{
    if (settle_bronze(cli, err) != 0) {
        return -1;
    }
    if (cli->options.simulate && cli_simulate(cli, err) != 0) {
        return -1;
    }
    if (run_stages(cli, STAGE_SILVER | STAGE_GOLD, err) != 0) {
        return -1;
    }
    cli_next(cli, "top", (struct text)TEXT("Ensuite", "Next"));
    return 0;
}

static int silver(struct cli *cli, struct error *err)
{
    if (settle_bronze(cli, err) != 0 || run_stages(cli, STAGE_SILVER, err) != 0) {
        return -1;
    }
    cli_next(cli, "gold", (struct text)TEXT("Ensuite", "Next"));
    return 0;
}

static int gold(struct cli *cli, struct error *err)
{
    if (run_stages(cli, STAGE_GOLD, err) != 0) {
        return -1;
    }
    cli_next(cli, "top", (struct text)TEXT("Ensuite", "Next"));
    return 0;
}

const struct command command_run = {
    .name = "run",
    .summary =
        TEXT("traiter une date : bronze, silver, gold", "process a date: bronze, silver, gold"),
    .about = TEXT("Lit les données brutes de la date (DOSSIER/bronze/run_date=DATE), met à part "
                  "les messages inutilisables, nettoie, rapproche, prédit, et publie le tout d'un "
                  "coup. Relancer ne lit que les fichiers nouveaux et donne les mêmes octets. Si "
                  "trop de messages sont refusés, seule "
                  "la quarantaine est publiée et les derniers bons résultats restent. --vehicles "
                  "et --seed ne servent qu'avec --simulate.",
                  "Reads the raw data of the date (DIR/bronze/run_date=DATE), puts useless "
                  "messages aside, cleans, joins, predicts, and publishes it all at once. Running "
                  "it again reads only new files (--full: all) and gives the same bytes. When too "
                  "many messages are refused only the "
                  "quarantine is published and the last good results stay. --vehicles and --seed "
                  "are for --simulate only."),
    .options = OPTION_TABLE(run_specs),
    .examples = {{"autostream --data data --run-date 2026-11-23 run",
                  TEXT("traite les données de cette date", "processes that date's data")},
                 {"autostream run --simulate --vehicles 200",
                  TEXT("simule une flotte, puis la traite",
                       "simulates a fleet, then processes it")},
                 {"autostream --run-date 2026-11-23 run --since 2026-11-20",
                  TEXT("note la flotte sur quatre dates traitées",
                       "rates the fleet over the run dates of four days")},
                 {"autostream run --max-rejects 20%",
                  TEXT("accepte jusqu'à 20 % de messages refusés",
                       "accepts up to 20% of refused messages")},
                 {"autostream --engine spark run --bronze hdfs://hote:9000/lac/bronze",
                  TEXT("lit sur HDFS, publie ici", "reads from HDFS, publishes here")}},
    .next = TEXT("« autostream top » montre les véhicules les plus urgents, « autostream quality » "
                 "la qualité des données.",
                 "\"autostream top\" shows the most urgent vehicles, \"autostream quality\" the "
                 "quality of the data."),
    .has_json = true,
    .has_spark = true,
    .run = run,
};

const struct command command_silver = {
    .name = "silver",
    .summary = TEXT("seulement nettoyer : bronze vers silver", "only clean: bronze to silver"),
    .about = TEXT("La première moitié de « run » : lit les données brutes, met à part les messages "
                  "inutilisables, écrit silver et la quarantaine.",
                  "The first half of \"run\": reads the raw data, puts useless messages aside, "
                  "writes silver and the quarantine."),
    .options = OPTION_TABLE(silver_specs),
    .examples = {{"autostream --run-date 2026-11-23 silver",
                  TEXT("nettoie les données de cette date", "cleans that date's data")}},
    .next = TEXT("« autostream gold » prédit à partir de silver.",
                 "\"autostream gold\" predicts from silver."),
    .has_json = true,
    .has_spark = true,
    .run = silver,
};

const struct command command_gold = {
    .name = "gold",
    .summary = TEXT("seulement prédire : silver vers gold", "only predict: silver to gold"),
    .about = TEXT("La seconde moitié de « run » : rapproche télémétrie, entretiens et registre, "
                  "applique le modèle, écrit gold et les agrégats.",
                  "The second half of \"run\": joins telemetry, service records and register, "
                  "applies the model, writes gold and the aggregates."),
    .options = OPTION_TABLE(gold_specs),
    .examples = {{"autostream --run-date 2026-11-23 gold --model essai.onnx",
                  TEXT("prédit de nouveau, avec un autre modèle",
                       "predicts anew with another model")}},
    .next = TEXT("« autostream top » montre les véhicules les plus urgents.",
                 "\"autostream top\" shows the most urgent vehicles."),
    .has_json = true,
    .has_spark = true,
    .run = gold,
};
