/* autostream top: the ranked list of vehicles, most urgent first, with what to do. */
#include "cli/cli.h"
#include "cli/grid.h"

#include "base/dates.h"

#include <math.h>

enum {
    RANK,
    VIN,
    MODEL,
    URGENCY,
    PART,
    PROBABILITY,
    HEALTH,
    KM,
    WHY, /* only where there is much room */
    COLUMN_COUNT,
    VIN_AT_MOST_NARROW = 17,
    VIN_AT_MOST = 24, /* a VIN has 17; anything may stand there */
    MODEL_AT_MOST = 16,
    WIDTH_NOT_NARROW = 60,
    WIDTH_FOR_WHY = 150
};

static const struct option_spec specs[] = {
    {.name = "limit",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct options, limit),
     .value = TEXT("N", "N"),
     .high = 1000000000,
     .fallback = "20",
     .help = TEXT("nombre de véhicules montrés, 0 : tous", "number of vehicles shown, 0: all")},
};

/* What to do, and how soon; NULL when there is nothing to do. */
static const char *action(struct cli *cli, const struct ranked_vehicle *vehicle)
{
    if (vehicle->statut == STATUT_OK) {
        return NULL;
    }
    return arena_printf(&cli->arena, "%s (%s)",
                        cli_text(cli, failure_kinds[vehicle->type_panne_predit].advice),
                        cli_text(cli, statut_kinds[vehicle->statut].when));
}

/* ---- for people ---- */

static void print_header(struct cli *cli, const struct ranked_vehicle *rows, size_t count)
{
    char date[DATE_TEXT_SIZE];
    uint64_t by_statut[STATUT_COUNT] = {0};
    for (size_t i = 0; i < count; i++) {
        by_statut[rows[i].statut]++;
    }
    cli_print(cli, "Flotte au %s : %s véhicules\n", "Fleet on %s: %s vehicles\n",
              date_format(cli->run_date, date), cli_whole(cli, count));
    cli_print_statuts(cli, by_statut);
    cli_print(cli, "\n", "\n");
}

/* The strongest reason of a failure that is predicted: "Oil pressure 2.10 bar"; NULL: none. */
static const char *strongest_reason(struct cli *cli, const struct ranked_vehicle *vehicle)
{
    struct reason reasons[REASONS_AT_MOST];
    if (vehicle->type_panne_predit == FAILURE_OK || reasons_read(vehicle->raisons, reasons) == 0) {
        return NULL;
    }
    return arena_printf(&cli->arena, "%s %s",
                        cli_text(cli, reason_feature(reasons[0].input)->label),
                        reason_value(&reasons[0], cli->lang, &cli->arena));
}

static void fill_row(struct cli *cli, const struct ranked_vehicle *vehicle, size_t rank, bool why,
                     struct grid_cell *row)
{
    struct arena *arena = &cli->arena;
    const char *none = words_real(arena, cli->lang, NAN, 0);
    if (why) {
        const char *reason = strongest_reason(cli, vehicle);
        row[WHY].text = reason != NULL ? reason : none;
    }
    row[RANK].text = cli_whole(cli, rank);
    row[VIN].text = words_clean(arena, vehicle->vin);
    row[MODEL].text = vehicle->modele != NULL ? words_clean(arena, vehicle->modele) : none;
    row[URGENCY].text = cli_statut(cli, vehicle->statut);
    row[URGENCY].style = cli_statut_style(vehicle->statut);
    row[PART].text = vehicle->type_panne_predit == FAILURE_OK
                         ? none
                         : cli_failure(cli, vehicle->type_panne_predit);
    row[PROBABILITY].text = cli_percent(cli, vehicle->prob_panne, 1);
    row[HEALTH].text = cli_real(cli, vehicle->sante, 0);
    row[KM].text = cli_real(cli, vehicle->km_avant_panne, 0);
}

static void print_table(struct cli *cli, const struct ranked_vehicle *rows, size_t count)
{
    bool narrow = cli->out.width > 0 && cli->out.width < WIDTH_NOT_NARROW;
    bool why = cli->out.width == 0 || cli->out.width >= WIDTH_FOR_WHY;
    size_t column_count = why ? COLUMN_COUNT : WHY;
    const struct grid_column columns[COLUMN_COUNT] = {
        [RANK] = {.title = "#", .right = true, .drop = 5},
        [VIN] = {.title = "VIN", .at_most = narrow ? VIN_AT_MOST_NARROW : VIN_AT_MOST},
        [MODEL] = {.title = cli_text(cli, (struct text)TEXT("Modèle", "Model")),
                   .at_most = MODEL_AT_MOST,
                   .drop = 2},
        [URGENCY] = {.title = cli_text(cli, (struct text)TEXT("Statut", "Status"))},
        [PART] = {.title = cli_text(cli, (struct text)TEXT("Pièce", "Part")), .drop = 4},
        [PROBABILITY] = {.title = "Prob.", .right = true, .drop = 6},
        [HEALTH] = {.title = cli_text(cli, (struct text)TEXT("Santé", "Health")),
                    .right = true,
                    .drop = 1},
        [KM] = {.title = cli_text(cli, (struct text)TEXT("Km restants", "Km left")),
                .right = true,
                .drop = 3},
        [WHY] = {.title = cli_text(cli, (struct text)TEXT("Pourquoi", "Why"))},
    };
    struct grid grid = {.columns = columns,
                        .column_count = column_count,
                        .rows = count,
                        .note_title = cli_text(cli, (struct text)TEXT("À faire", "To do"))};
    grid.cells = ARENA_NEW(&cli->arena, struct grid_cell, count * column_count);
    grid.notes = ARENA_NEW(&cli->arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        fill_row(cli, &rows[i], i + 1, why, &grid.cells[i * column_count]);
        grid.notes[i] = action(cli, &rows[i]);
    }
    grid_print(&grid, &cli->out, &cli->arena);
}

/* ---- for machines ---- */

static json_t *vehicle_json(struct cli *cli, const struct ranked_vehicle *vehicle, size_t rank)
{
    json_t *object = json_object();
    json_put(object, "rank", json_whole(rank));
    json_put(object, "vin", json_words(cli, vehicle->vin));
    json_put(object, "modele", json_words(cli, vehicle->modele));
    json_put(object, "statut", json_words(cli, statut_kinds[vehicle->statut].name));
    json_put(object, "type_panne_predit", json_integer(vehicle->type_panne_predit));
    json_put(object, "piece", json_words(cli, failure_kinds[vehicle->type_panne_predit].name));
    json_put(object, "prob_panne", json_number(vehicle->prob_panne));
    json_put(object, "sante", json_integer(vehicle->sante));
    json_put(object, "km_avant_panne", json_number(vehicle->km_avant_panne));
    json_put(object, "km_depuis_revis", json_number(vehicle->km_depuis_revis));
    json_put(object, "score_risque", json_number(vehicle->score_risque));
    json_put(object, "raisons", json_words(cli, vehicle->raisons));
    json_put(object, "action", json_words(cli, action(cli, vehicle)));
    return object;
}

static void fill_document(struct cli *cli, const struct ranked_vehicle *rows, size_t shown,
                          size_t total)
{
    json_put(cli->document, "run_date", json_date(cli->run_date));
    json_put(cli->document, "total", json_whole(total));
    json_t *vehicles = json_array();
    for (size_t i = 0; i < shown; i++) {
        json_add(vehicles, vehicle_json(cli, &rows[i], i + 1));
    }
    json_put(cli->document, "vehicles", vehicles);
}

static int top(struct cli *cli, struct error *err)
{
    struct ranked_vehicle *rows = NULL;
    size_t count = 0;
    size_t total = 0;
    if (cli_find_published(cli, err) != 0) {
        return -1;
    }
    /* all of them, also where few are shown: the header counts by statut */
    const struct session session = cli_session(cli);
    if (published_top(&session, 0, &cli->arena, &rows, &count, &total, err) != 0) {
        return -1;
    }
    progress_clear(&cli->bar);
    uint64_t limit = cli->options.limit;
    size_t shown = limit == 0 || count < limit ? count : (size_t)limit;
    if (cli->document != NULL) {
        fill_document(cli, rows, shown, total);
        return 0;
    }
    print_header(cli, rows, count);
    print_table(cli, rows, shown);
    if (shown < count) {
        cli_print(cli, "\n%s véhicules de plus : %s\n", "\n%s more vehicles: %s\n",
                  cli_whole(cli, count - shown), cli_command_line(cli, "top --limit 0"));
    }
    return 0;
}

const struct command command_top = {
    .name = "top",
    .summary = TEXT("les véhicules les plus urgents", "the most urgent vehicles"),
    .about =
        TEXT("Montre les véhicules, les plus urgents d'abord, avec la pièce menacée et ce qu'il "
             "faut faire. Sans --run-date, les derniers résultats.",
             "Shows the vehicles, most urgent first, with the part at risk and what to do. "
             "Without --run-date the latest results."),
    .options = OPTION_TABLE(specs),
    .examples = {{"autostream top", TEXT("les vingt premiers", "the first twenty")},
                 {"autostream --run-date 2026-11-23 top --limit 0",
                  TEXT("toute la flotte à cette date", "the whole fleet on that date")},
                 {"autostream --json top --limit 5",
                  TEXT("les cinq premiers, pour un programme", "the first five, for a program")}},
    .next =
        TEXT("« autostream explain VIN » dit pourquoi un véhicule est là ; « autostream quality » "
             "dit si les données méritent confiance.",
             "\"autostream explain VIN\" says why a vehicle is there; \"autostream quality\" "
             "says whether the data can be trusted."),
    .has_json = true,
    .run = top,
};
