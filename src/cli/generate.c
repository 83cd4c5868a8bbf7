/* autostream generate: simulates a fleet and puts its raw data in place as bronze. */
#include "cli/cli.h"

#include "base/dates.h"
#include "generator/generator.h"

static const struct option_spec specs[] = {
    OPTION_VEHICLES,
    {.name = "days",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, days),
     .value = TEXT("N", "N"),
     .low = 1,
     .high = 3650,
     .fallback = "1",
     .help = TEXT("jours de télémétrie, le dernier est la date du traitement",
                  "days of telemetry, the last is the run date")},
    {.name = "messages-per-day",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, messages_per_day),
     .value = TEXT("N", "N"),
     .low = 1,
     .high = 86400,
     .fallback = "1",
     .help = TEXT("messages par véhicule et par jour", "messages per vehicle and day")},
    OPTION_SEED,
    {.name = "faults",
     .kind = OPTION_RATE,
     .offset = offsetof(struct options, faults),
     .value = TEXT("PART", "RATE"),
     .fallback = "0",
     .help = TEXT("part de messages abîmés : valeurs absentes ou impossibles, JSON cassé, doublons",
                  "share of spoiled messages: missing or impossible values, broken JSON, "
                  "duplicates")},
    {.name = "scenario",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct options, scenario),
     .choices = "simple|wear", /* in the order of enum generator_scenario */
     .fallback = "simple",
     .help = TEXT("véhicules au hasard dans leur profil, ou pièces qui s'usent jusqu'à une panne "
                  "de date connue (écrite dans _verite.csv, que rien ne lit)",
                  "vehicles at random in their profile, or parts that wear towards a failure of a "
                  "known day (written to _verite.csv, which nothing reads)")},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct options, format),
     .choices = "json|ndjson|parquet", /* in the order of enum generator_format */
     .fallback = "json",
     .help = TEXT("un fichier par message, des fichiers d'un message par ligne, ou des tables "
                  "Parquet",
                  "one file a message, files with one message a line, or Parquet tables")},
};

static void tell(void *context, uint64_t done, uint64_t total)
{
    static const struct text stage = TEXT("Simulation", "Simulation");
    progress_tell(context, &stage, done, total);
}

static int fill(void *context, const char *folder, struct error *err)
{
    struct cli *cli = context;
    struct parquet_writer *writer = parquet_writer_open((unsigned)cli->options.threads);
    const struct generator_tables tables = {writer, parquet_writer_rows, parquet_writer_file};
    const struct generator_options options = {
        .vehicles = cli->options.vehicles,
        .days = cli->options.days,
        .messages_per_day = cli->options.messages_per_day,
        .seed = cli->options.seed,
        .faults = cli->options.faults,
        .run_date = cli->run_date,
        .threads = (unsigned)cli->options.threads,
        .scenario = (enum generator_scenario)cli->options.scenario,
        .format = (enum generator_format)cli->options.format,
        .tables = &tables,
        .progress = tell,
        .progress_context = &cli->bar,
    };
    int status = generator_write(folder, &options, err);
    parquet_writer_close(writer);
    return status;
}

int cli_simulate(struct cli *cli, struct error *err)
{
    const struct session session = cli_session(cli);
    int status = pipeline_simulate(&session, fill, cli, err);
    progress_clear(&cli->bar);
    return status;
}

static int generate(struct cli *cli, struct error *err)
{
    char date[DATE_TEXT_SIZE];
    if (cli_simulate(cli, err) != 0) {
        return -1;
    }
    const char *folder = arena_printf(&cli->arena, "%s/bronze/run_date=%s", cli->options.data,
                                      date_format(cli->run_date, date));
    cli_print(cli, "%s véhicules simulés dans %s\n", "%s vehicles simulated in %s\n",
              cli_whole(cli, cli->options.vehicles), folder);
    if (cli->document != NULL) {
        json_put(cli->document, "run_date", json_date(cli->run_date));
        json_put(cli->document, "folder", json_words(cli, folder));
        json_put(cli->document, "vehicles", json_whole(cli->options.vehicles));
        json_put(cli->document, "days", json_whole(cli->options.days));
        json_put(cli->document, "messages_per_day", json_whole(cli->options.messages_per_day));
        json_put(cli->document, "seed", json_whole(cli->options.seed));
    }
    cli_next(cli, "train", (struct text)TEXT("Ensuite", "Next"));
    return 0;
}

const struct command command_generate = {
    .name = "generate",
    .summary = TEXT("simuler les données brutes d'une flotte", "simulate a fleet's raw data"),
    .about = TEXT("Simule une flotte et écrit ses données brutes (télémétrie, entretiens, "
                  "historique des pannes, registre) dans DOSSIER/bronze/run_date=DATE. Des données "
                  "réelles ne sont jamais remplacées.",
                  "Simulates a fleet and writes its raw data (telemetry, service records, failure "
                  "history, register) to DIR/bronze/run_date=DATE. Real data are never replaced."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream generate --vehicles 50 --seed 42",
                  TEXT("cinquante véhicules, un message chacun",
                       "fifty vehicles, one message each")},
                 {"autostream generate --days 60 --messages-per-day 4 --faults 2% --format ndjson",
                  TEXT("deux mois de télémétrie, dont 2 % de messages abîmés",
                       "two months of telemetry, 2% of the messages spoiled")},
                 {"autostream generate --vehicles 2000 --days 14 --scenario wear --format ndjson",
                  TEXT("une flotte qui s'use, avec la vérité à côté",
                       "a fleet that wears, with the truth beside it")}},
    .next =
        TEXT("« autostream train » apprend de l'historique simulé, « autostream run » traite la "
             "télémétrie.",
             "\"autostream train\" learns from the simulated history, \"autostream run\" "
             "processes the telemetry."),
    .has_json = true,
    .run = generate,
};
