/* autostream explain: why one vehicle is rated as it is, measure by measure, and its services. */
#include "cli/cli.h"

#include "base/dates.h"

#include <math.h>
#include <string.h>

enum {
    WIDTH_AT_MOST = 100,
    WIDTH_USUAL = 80, /* where there is no terminal */
    BAR_AT_MOST = 40,
    BAR_AT_LEAST = 4,
    NUMBER_WIDTH = 4, /* "+100" */
};

static const struct option_spec specs[] = {OPTION_MODEL};

/* What to do, and how soon where there is something to do. */
static const char *action(struct cli *cli, const struct ranked_vehicle *vehicle)
{
    if (vehicle->statut == STATUT_OK) {
        return cli_text(cli, failure_kinds[FAILURE_OK].advice);
    }
    return arena_printf(&cli->arena, "%s (%s)",
                        cli_text(cli, failure_kinds[vehicle->type_panne_predit].advice),
                        cli_text(cli, statut_kinds[vehicle->statut].when));
}

static const char *sentence(struct cli *cli, const struct vehicle_explanation *e, size_t reason)
{
    return reason_sentence(&e->reasons[reason], e->vehicle.type_panne_predit, cli->lang,
                           &cli->arena);
}

/* ---- for people ---- */

static size_t page_width(const struct cli *cli)
{
    size_t width = cli->out.width == 0 ? WIDTH_USUAL : cli->out.width;
    return width < WIDTH_AT_MOST ? width : WIDTH_AT_MOST;
}

/* Text that is wrapped, every line but the first indented. */
static void print_wrapped(struct cli *cli, const char *before, const char *text)
{
    struct bytes line;
    size_t indent = words_width(before);
    size_t width = page_width(cli);
    bool first = true;
    while (words_wrap(&text, width > indent ? width - indent : 1, &line)) {
        cli_print(cli, "%s%*s%.*s\n", "%s%*s%.*s\n", first ? before : "", first ? 0 : (int)indent,
                  "", (int)line.size, line.data);
        first = false;
    }
}

/* A line in a style, wrapped. */
static void print_styled(struct cli *cli, enum style style, const char *text)
{
    cli_print(cli, "%s", "%s", term_on(&cli->out, style));
    print_wrapped(cli, "", text);
    cli_print(cli, "%s", "%s", term_off(&cli->out, style));
}

static void print_heading(struct cli *cli, const char *text)
{
    cli_print(cli, "\n", "\n");
    print_styled(cli, STYLE_BOLD, text);
}

/* printf in the user's language into the arena. */
#define IN_WORDS(cli, fr, en, ...)                                         \
    ((cli)->lang == LANG_FR ? arena_printf(&(cli)->arena, fr, __VA_ARGS__) \
                            : arena_printf(&(cli)->arena, en, __VA_ARGS__))

static void print_header(struct cli *cli, const struct vehicle_explanation *e)
{
    const struct ranked_vehicle *v = &e->vehicle;
    struct arena *arena = &cli->arena;
    char date[DATE_TEXT_SIZE];
    const char *vehicle = words_clean(arena, v->vin);
    if (v->modele != NULL) {
        vehicle = arena_printf(arena, "%s, %s", vehicle, words_clean(arena, v->modele));
    }
    if (!isnan(e->annee)) {
        vehicle = arena_printf(arena, "%s %.0f", vehicle, e->annee);
    }
    (void)date_format(cli->run_date, date);
    print_styled(cli, STYLE_BOLD,
                 IN_WORDS(cli, "%s (résultats du %s)", "%s (results of %s)", vehicle, date));
    print_styled(cli, cli_statut_style(v->statut), cli_statut(cli, v->statut));
    if (v->type_panne_predit == FAILURE_OK) {
        print_wrapped(cli, "",
                      IN_WORDS(cli, "Aucune panne prédite ; la plus probable : %s",
                               "No failure predicted; the likeliest one: %s",
                               cli_percent(cli, v->prob_panne, 1)));
    } else {
        print_wrapped(cli, "",
                      IN_WORDS(cli, "Panne prédite : %s, probabilité %s, km restants %s",
                               "Predicted failure: %s, probability %s, km left %s",
                               cli_failure(cli, v->type_panne_predit),
                               cli_percent(cli, v->prob_panne, 1),
                               cli_real(cli, v->km_avant_panne, 0)));
    }
    print_wrapped(cli, cli_text(cli, (struct text)TEXT("À faire : ", "To do: ")), action(cli, v));
}

static void print_reasons(struct cli *cli, const struct vehicle_explanation *e)
{
    print_heading(cli, cli_text(cli, (struct text)TEXT("Raisons", "Reasons")));
    if (e->told == 0) {
        cli_print(cli, "Aucune mesure ne se distingue.\n", "No measure stands out.\n");
    }
    for (size_t i = 0; i < e->told; i++) {
        print_wrapped(cli, arena_printf(&cli->arena, "%zu. ", i + 1), sentence(cli, e, i));
    }
}

/* `size` times the sign. */
static const char *bar_of(struct cli *cli, const char *sign, size_t size)
{
    char *bar = ARENA_NEW(&cli->arena, char, size *strlen(sign) + 1);
    for (size_t i = 0; i < size; i++) {
        memcpy(bar + i * strlen(sign), sign, strlen(sign));
    }
    return bar;
}

static void print_padded(struct cli *cli, const char *text, size_t width, bool right)
{
    size_t used = words_width(text);
    int missing = (int)(width > used ? width - used : 0);
    cli_print(cli, "%*s%s%*s", "%*s%s%*s", right ? missing : 0, "", text, right ? 0 : missing, "");
}

struct chart {
    const char *values[MODEL_INPUT_COUNT];
    size_t label_width, value_width, side_width;
    size_t room;      /* of the longest bar */
    bool with_values; /* where there is room for them */
};

static const struct text sides[] = {TEXT("contre", "against"), TEXT("pour", "for")};

static void measure_chart(struct cli *cli, const struct vehicle_explanation *e, struct chart *chart)
{
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        size_t label = words_width(cli_text(cli, reason_feature(e->reasons[i].input)->label));
        chart->values[i] = reason_value(&e->reasons[i], cli->lang, &cli->arena);
        size_t value = words_width(chart->values[i]);
        chart->label_width = label > chart->label_width ? label : chart->label_width;
        chart->value_width = value > chart->value_width ? value : chart->value_width;
    }
    chart->side_width = words_width(cli_text(cli, sides[0]));
    size_t width = page_width(cli);
    size_t used = chart->label_width + 1 + NUMBER_WIDTH + 1 + chart->side_width + 1;
    chart->with_values = used + chart->value_width + 1 + BAR_AT_LEAST <= width;
    used += chart->with_values ? chart->value_width + 1 : 0;
    chart->room = width > used ? width - used : 0;
    chart->room = chart->room < BAR_AT_MOST ? chart->room : BAR_AT_MOST;
}

/* "for" or "against" in words, and a bar; what speaks for a failure is red, for soundness green. */
static void print_bar(struct cli *cli, const struct chart *chart, double points, double largest,
                      int predicted)
{
    bool speaks_for = points > 0;
    size_t size = (size_t)lround(fabs(points) / largest * (double)chart->room);
    enum style style = speaks_for != (predicted == FAILURE_OK) ? STYLE_RED : STYLE_GREEN;
    cli_print(cli, " ", " ");
    print_padded(cli, cli_text(cli, sides[speaks_for]), size > 0 ? chart->side_width + 1 : 0,
                 false);
    cli_print(cli, "%s%s%s", "%s%s%s", term_on(&cli->out, style),
              bar_of(cli, speaks_for ? "█" : "░", size), term_off(&cli->out, style));
}

/* One line a measure: label, value, points, bar. */
static void print_chart(struct cli *cli, const struct vehicle_explanation *e)
{
    struct chart chart = {0};
    measure_chart(cli, e, &chart);
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        const struct reason *reason = &e->reasons[i];
        long points = lround(reason->points * 100);
        print_padded(cli, cli_text(cli, reason_feature(reason->input)->label), chart.label_width,
                     false);
        if (chart.with_values) {
            print_padded(cli, chart.values[i], chart.value_width + 1, true);
        }
        print_padded(cli, points == 0 ? "0" : arena_printf(&cli->arena, "%+ld", points),
                     NUMBER_WIDTH + 1, true);
        if (points != 0) {
            print_bar(cli, &chart, reason->points, fabs(e->reasons[0].points),
                      e->vehicle.type_panne_predit);
        }
        cli_print(cli, "\n", "\n");
    }
}

static void print_contributions(struct cli *cli, const struct vehicle_explanation *e)
{
    const char *what = e->vehicle.type_panne_predit == FAILURE_OK
                           ? cli_text(cli, (struct text)TEXT("véhicule sain", "sound vehicle"))
                           : cli_failure(cli, e->vehicle.type_panne_predit);
    const char *whose =
        e->against_fleet
            ? cli_text(cli, (struct text)TEXT("moyenne de cette flotte", "mean of this fleet"))
            : cli_text(cli, (struct text)TEXT("moyenne de l'apprentissage", "mean in training"));
    print_heading(cli, IN_WORDS(cli, "Probabilité « %s » : de %s (%s) à %s",
                                "Probability \"%s\": from %s (%s) to %s", what,
                                cli_percent(cli, e->base, 1), whose, cli_percent(cli, e->prob, 1)));
    print_chart(cli, e);
    if (e->usual_of_fleet) {
        print_wrapped(cli, "",
                      cli_text(cli, (struct text)TEXT("Habituel : 5 à 95 % des véhicules de cette "
                                                      "flotte prédits sains.",
                                                      "Usual: 5 to 95% of this fleet's vehicles "
                                                      "that are predicted sound.")));
    }
}

static void print_services(struct cli *cli, const struct vehicle_explanation *e)
{
    struct arena *arena = &cli->arena;
    const char *none = words_real(arena, cli->lang, NAN, 0);
    print_heading(cli, cli_text(cli, (struct text)TEXT("Entretiens", "Services")));
    for (size_t i = 0; i < e->service_count; i++) {
        const struct vehicle_service *service = &e->services[i];
        cli_print(cli, "%s  %s  %s\n", "%s  %s  %s\n",
                  service->date != NULL
                      ? service->date
                      : cli_text(cli, (struct text)TEXT("sans date ", "no date   ")),
                  service->type != NULL ? words_clean(arena, service->type) : none,
                  isnan(service->km) ? none
                                     : arena_printf(arena, "%s km", cli_real(cli, service->km, 0)));
    }
    if (e->service_count == 0) {
        cli_print(cli, "Aucun.\n", "None.\n");
    }
}

/* ---- for machines ---- */

static json_t *reason_json(struct cli *cli, const struct vehicle_explanation *e, size_t i)
{
    const struct reason *reason = &e->reasons[i];
    json_t *object = json_object();
    json_put(object, "mesure", json_words(cli, model_input_gold_columns[reason->input]));
    json_put(object, "valeur", json_number(reason->value));
    json_put(object, "habituel_bas", json_number(reason->usual.low));
    json_put(object, "habituel_haut", json_number(reason->usual.high));
    json_put(object, "contribution", json_number(reason->points));
    json_put(object, "phrase", json_words(cli, sentence(cli, e, i)));
    return object;
}

static void fill_document(struct cli *cli, const struct vehicle_explanation *e)
{
    const struct ranked_vehicle *v = &e->vehicle;
    json_t *document = cli->document;
    json_put(document, "run_date", json_date(cli->run_date));
    json_put(document, "vin", json_words(cli, v->vin));
    json_put(document, "modele", json_words(cli, v->modele));
    json_put(document, "annee", json_number(e->annee));
    json_put(document, "statut", json_words(cli, statut_kinds[v->statut].name));
    json_put(document, "type_panne_predit", json_integer(v->type_panne_predit));
    json_put(document, "piece", json_words(cli, failure_kinds[v->type_panne_predit].name));
    json_put(document, "prob_panne", json_number(v->prob_panne));
    json_put(document, "sante", json_integer(v->sante));
    json_put(document, "km_avant_panne", json_number(v->km_avant_panne));
    json_put(document, "action", json_words(cli, action(cli, v)));
    json_put(document, "base", json_number(e->base));
    json_put(document, "probabilite", json_number(e->prob));
    json_put(document, "base_de_cette_flotte", json_boolean(e->against_fleet));
    json_put(document, "habituel_de_cette_flotte", json_boolean(e->usual_of_fleet));
    json_put(document, "raisons", json_whole(e->told));
    json_t *contributions = json_array();
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        json_add(contributions, reason_json(cli, e, i));
    }
    json_put(document, "contributions", contributions);
    json_t *services = json_array();
    for (size_t i = 0; i < e->service_count; i++) {
        json_t *service = json_object();
        json_put(service, "date", json_words(cli, e->services[i].date));
        json_put(service, "type", json_words(cli, e->services[i].type));
        json_put(service, "km", json_number(e->services[i].km));
        json_add(services, service);
    }
    json_put(document, "entretiens", services);
    json_put(document, "model", json_words(cli, e->model_path));
}

static int explain(struct cli *cli, struct error *err)
{
    struct vehicle_explanation explanation;
    const char *vin = cli->options.operand;
    if (vin == NULL || *vin == '\0') {
        return error_usage(err, "quel véhicule ? Par exemple : autostream explain VIN-751000",
                           "which vehicle? For example: autostream explain VIN-751000");
    }
    if (cli_find_published(cli, err) != 0) {
        return -1;
    }
    const struct session session = cli_session(cli);
    if (published_explain(&session, vin, cli->options.model, &cli->arena, &explanation, err) != 0) {
        return -1;
    }
    progress_clear(&cli->bar);
    if (cli->document != NULL) {
        fill_document(cli, &explanation);
        return 0;
    }
    print_header(cli, &explanation);
    print_reasons(cli, &explanation);
    print_contributions(cli, &explanation);
    print_services(cli, &explanation);
    return 0;
}

const struct command command_explain = {
    .name = "explain",
    .summary = TEXT("pourquoi un véhicule est évalué ainsi", "why a vehicle is rated as it is"),
    .about =
        TEXT("Montre ce qui est prédit pour un véhicule, les trois mesures qui pèsent le plus, "
             "ce que chaque mesure ajoute ou retire à la probabilité (valeurs de Shapley "
             "exactes : leur somme mène de la moyenne à la prédiction) et les entretiens "
             "passés. Pour un véhicule prédit sain, ce qui parle pour lui. Utilise le modèle "
             "qui a fait les résultats, et nul autre. Sans --run-date, les derniers "
             "résultats.",
             "Shows what is predicted for a vehicle, the three measures that weigh most, what "
             "each measure adds to the probability or takes from it (exact Shapley values: "
             "their sum leads from the mean to the prediction), and past services. For a "
             "vehicle that is predicted sound, what speaks for it. Uses the model that made "
             "the results and no other. Without --run-date the latest results."),
    .options = OPTION_TABLE(specs),
    .operand = TEXT("VIN", "VIN"),
    .examples = {{"autostream explain VIN-751009",
                  TEXT("d'après les derniers résultats", "from the latest results")},
                 {"autostream --run-date 2026-11-23 --lang en explain VIN-751009",
                  TEXT("à cette date, en anglais", "on that date, in English")},
                 {"autostream --json explain VIN-751009",
                  TEXT("toutes les contributions, pour un programme",
                       "all contributions, for a program")}},
    .next = TEXT("« autostream top » montre les autres véhicules.",
                 "\"autostream top\" shows the other vehicles."),
    .has_json = true,
    .run = explain,
};
