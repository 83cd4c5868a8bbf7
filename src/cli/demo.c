/* autostream demo: the whole way on a simulated fleet, one command after the other. */
#include "cli/cli.h"

#include "base/dates.h"
#include "base/fs.h"
#include "cli/serve.h"

static const struct option_spec specs[] = {
    OPTION_VEHICLES,
    OPTION_SEED,
    OPTION_PORT,
    {.name = "no-serve",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct options, no_serve),
     .help = TEXT("s'arrête quand tout est publié", "ends when everything is published")},
};

/* Real data for the run date, dated or not: the demo works with them and simulates nothing. */
static bool has_real_bronze(struct cli *cli)
{
    char date[DATE_TEXT_SIZE];
    const char *data = cli->options.data;
    const char *bronze =
        arena_printf(&cli->arena, "%s/bronze/run_date=%s", data, date_format(cli->run_date, date));
    if (fs_exists(bronze)) {
        return !fs_exists(arena_printf(&cli->arena, "%s/_SIMULATED", bronze));
    }
    return fs_exists(arena_printf(&cli->arena, "%s/bronze/json", data));
}

/* Runs one command; with --json its document becomes a part of the demo's. */
static int step(struct cli *cli, const struct command *command, struct error *err)
{
    json_t *whole = cli->document;
    if (whole != NULL) {
        cli->document = json_object();
    }
    cli_note(cli, "\n== autostream %s\n", "\n== autostream %s\n", command->name);
    int status = command->run(cli, err);
    progress_clear(&cli->bar);
    (void)fflush(stdout);
    if (whole != NULL) {
        json_put(whole, command->name, cli->document);
        cli->document = whole;
    }
    return status;
}

static int demo(struct cli *cli, struct error *err)
{
    const char *model = arena_printf(&cli->arena, "%s/models/model_pannes.onnx", cli->options.data);
    bool date_was_given = cli->run_date_given;
    cli->in_demo = true;
    if (!has_real_bronze(cli) && step(cli, &command_generate, err) != 0) {
        return -1;
    }
    if (!fs_exists(model) && step(cli, &command_train, err) != 0) {
        return -1;
    }
    if (step(cli, &command_run, err) != 0) {
        return -1;
    }
    cli->run_date_given = true; /* the run just made, not a later one that is there already */
    if (step(cli, &command_top, err) != 0) {
        return -1;
    }
    cli->run_date_given = date_was_given;
    cli->in_demo = false;
    if (!cli->options.no_serve && cli->document == NULL) {
        cli_note(cli, "\n== autostream serve\n", "\n== autostream serve\n");
        return cli_serve(cli, true, err);
    }
    cli_next(cli, "quality", (struct text)TEXT("\nEnsuite", "\nNext"));
    return 0;
}

const struct command command_demo = {
    .name = "demo",
    .summary = TEXT("tout essayer sur une flotte simulée", "try everything on a simulated fleet"),
    .about =
        TEXT("Simule une flotte (sauf si des données réelles sont là), apprend s'il n'y a pas "
             "de modèle, traite, montre les véhicules les plus urgents, et sert les tableaux de "
             "bord jusqu'à Ctrl-C (sauf --no-serve ou --json).",
             "Simulates a fleet (unless there are real data), learns if there is no model, "
             "processes it, shows the most urgent vehicles, and serves the dashboards until "
             "Ctrl-C (unless --no-serve or --json)."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream demo", TEXT("cinquante véhicules, dans le dossier data",
                                          "fifty vehicles, in the folder data")},
                 {"autostream demo --no-serve",
                  TEXT("sans les tableaux de bord", "without the dashboards")},
                 {"autostream --data essai --lang fr demo --vehicles 500",
                  TEXT("une flotte plus grande, ailleurs", "a larger fleet, elsewhere")}},
    .next = TEXT("« autostream quality » et « autostream top --limit 0 » sur les mêmes données.",
                 "\"autostream quality\" and \"autostream top --limit 0\" on the same data."),
    .has_json = true,
    .run = demo,
};
