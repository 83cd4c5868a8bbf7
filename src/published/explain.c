/* Why one vehicle is rated as it is; see published.h. Reads gold, run.json and the model that made
 * them; writes nothing. */
#include "published/model.h"
#include "published/tables.h"

#include "base/dates.h"
#include "base/fs.h"
#include "forest/explain.h"
#include "lake/layout.h"
#include "lake/sql.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUN_JSON_LIMIT = 64 << 20,
    NEAR_ONES = 3,         /* suggested for a VIN that is not there */
    LONGEST_COMPARED = 64, /* bytes of a VIN */
    FLEET_AT_LEAST = 20,   /* sound vehicles, before they tell what is usual */
    YEAR = RANKED_CELLS,   /* columns of serve/vehicule.sql */
    FIRST_INPUT,
};

/* ---- the model that made the results ---- */

/* What run.json says of gold's model; "" when it says nothing. Owned by the arena. */
static int read_lineage(const struct session *session, struct arena *arena, const char **path,
                        const char **sha256, struct error *err)
{
    struct bytes text;
    json_error_t problem;
    const char *file =
        arena_printf(arena, "%s/%s", session->data,
                     layout_path(arena, "runs/run_date=D/run.json", session->run_date, 0));
    *path = *sha256 = "";
    if (!fs_exists(file)) {
        return 0;
    }
    if (fs_read(file, RUN_JSON_LIMIT, arena, &text, err) != 0) {
        return -1;
    }
    json_t *record = json_loadb(text.data, text.size, 0, &problem);
    json_t *model = json_object_get(json_object_get(record, "gold"), "model");
    if (json_is_string(json_object_get(model, "path")) &&
        json_is_string(json_object_get(model, "sha256"))) {
        *path = arena_strdup(arena, json_string_value(json_object_get(model, "path")));
        *sha256 = arena_strdup(arena, json_string_value(json_object_get(model, "sha256")));
    }
    json_decref(record);
    return 0;
}

static int other_model(const char *path, const char *sha256, const char *wanted, int32_t run_date,
                       struct error *err)
{
    char date[DATE_TEXT_SIZE];
    return error_set(
        err,
        "%s : ce n'est pas le modèle qui a fait les résultats du %s (SHA-256 %.12s... "
        "au lieu de %.12s...) ; donnez celui-là par --model, ou refaites les résultats "
        "avec « autostream run »",
        "%s: this is not the model that made the results of %s (SHA-256 %.12s... "
        "instead of %.12s...); give that one by --model, or make the results again "
        "with \"autostream run\"",
        path, date_format(run_date, date), sha256, wanted);
}

/* The file that has the hash that run.json names. */
static int find_model(const struct session *session, const char *given, struct arena *arena,
                      const char **out, struct error *err)
{
    const char *recorded;
    const char *wanted;
    char sha256[HASH_TEXT_SIZE];
    uint64_t bytes;
    if (read_lineage(session, arena, &recorded, &wanted, err) != 0) {
        return -1;
    }
    if (*wanted == '\0') {
        return error_set(err,
                         "%s : runs/run.json ne dit pas quel modèle a fait les résultats ; "
                         "refaites-les avec « autostream run »",
                         "%s: runs/run.json does not tell which model made the results; make them "
                         "again with \"autostream run\"",
                         session->data);
    }
    const char *usual = arena_printf(arena, "%s/models/model_pannes.onnx", session->data);
    const char *places[] = {given ? given : recorded, given ? NULL : usual};
    const char *other = NULL;
    char other_sha256[HASH_TEXT_SIZE] = "";
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!places[i] || !fs_exists(places[i])) {
            continue;
        }
        if (hash_file(places[i], sha256, &bytes, err) != 0) {
            return -1;
        }
        if (strcmp(sha256, wanted) == 0) {
            *out = places[i];
            return 0;
        }
        if (!other) {
            other = places[i];
            memcpy(other_sha256, sha256, sizeof other_sha256);
        }
    }
    if (other) {
        return other_model(other, other_sha256, wanted, session->run_date, err);
    }
    return error_set(err,
                     "%s : le modèle qui a fait les résultats n'est plus là (SHA-256 %.12s...) ; "
                     "dites par --model où il est, ou refaites les résultats",
                     "%s: the model that made the results is gone (SHA-256 %.12s...); tell by "
                     "--model where it is, or make the results again",
                     places[0], wanted);
}

/* ---- a VIN that is not there ---- */

/* Letters inserted, left out, changed or swapped (Damerau 1964, optimal string alignment); bytes
 * behind LONGEST_COMPARED do not count. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t row[3][LONGEST_COMPARED + 1];
    a_size = a_size < LONGEST_COMPARED ? a_size : LONGEST_COMPARED;
    b_size = b_size < LONGEST_COMPARED ? b_size : LONGEST_COMPARED;
    for (size_t j = 0; j <= b_size; j++) {
        row[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t *now = row[i % 3];
        const size_t *last = row[(i + 2) % 3];
        const size_t *older = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                older[j - 2] + 1 < best) {
                best = older[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return row[a_size % 3][b_size];
}

struct near_ones {
    const char *asked;
    struct arena *arena;
    const char *vins[NEAR_ONES];
    size_t distances[NEAR_ONES]; /* ascending */
    size_t count;
    uint64_t fleet;
};

/* Keeps the nearest; of equally near ones the first in order. */
static int compare_vin(void *context, const struct bytes *cells, size_t count, struct error *err)
{
    struct near_ones *near = context;
    (void)count;
    (void)err;
    size_t size = strlen(near->asked);
    size_t far = distance(near->asked, size, cells[0].data, cells[0].size);
    near->fleet++;
    if (far > 2 && far > size / 4) {
        return 0;
    }
    size_t place = near->count;
    while (place > 0 && near->distances[place - 1] > far) {
        place--;
    }
    if (place == NEAR_ONES) {
        return 0;
    }
    size_t last = near->count < NEAR_ONES ? near->count++ : NEAR_ONES - 1;
    for (; last > place; last--) {
        near->vins[last] = near->vins[last - 1];
        near->distances[last] = near->distances[last - 1];
    }
    near->vins[place] = arena_copy(near->arena, cells[0].data, cells[0].size);
    near->distances[place] = far;
    return 0;
}

static int unknown_vin(const struct session *session, struct lake *lake, const char *vin,
                       struct arena *arena, struct error *err)
{
    struct near_ones near = {.asked = vin, .arena = arena};
    char date[DATE_TEXT_SIZE];
    if (lake_each(lake, "SELECT vin FROM reporting_final ORDER BY vin", compare_vin, &near, err) !=
        0) {
        return -1;
    }
    date_format(session->run_date, date);
    if (near.count == 0) {
        return error_set(err,
                         "%s n'est pas parmi les %llu véhicules évalués le %s ; la liste : "
                         "autostream top --limit 0",
                         "%s is not among the %llu vehicles rated on %s; for the list: autostream "
                         "top --limit 0",
                         vin, (unsigned long long)near.fleet, date);
    }
    char *list = arena_strdup(arena, near.vins[0]);
    for (size_t i = 1; i < near.count; i++) {
        list = arena_printf(arena, "%s, %s", list, near.vins[i]);
    }
    return error_set(err,
                     "%s n'est pas parmi les %llu véhicules évalués le %s ; vouliez-vous dire %s ?",
                     "%s is not among the %llu vehicles rated on %s; did you mean %s?", vin,
                     (unsigned long long)near.fleet, date, list);
}

/* ---- what is usual ---- */

/* From the model's own profile of its training data; false when it has none. */
static bool usual_of_model(const struct fleet_model *model,
                           struct usual_range usual[MODEL_INPUT_COUNT])
{
    const char *text = NULL;
    json_error_t problem;
    for (size_t i = 0; i < model->card.property_count; i++) {
        if (strcmp(model->card.properties[i].key, "autostream.profile") == 0) {
            text = model->card.properties[i].value;
        }
    }
    json_t *profile = text ? json_loads(text, 0, &problem) : NULL;
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        json_t *of_input = json_object_get(profile, model_input_names[i]);
        json_t *low = json_object_get(of_input, "p05");
        json_t *high = json_object_get(of_input, "p95");
        bool known = json_is_number(low) && json_is_number(high);
        usual[i].low = known ? json_number_value(low) : NAN;
        usual[i].high = known ? json_number_value(high) : NAN;
    }
    bool found = json_is_object(profile);
    json_decref(profile);
    return found;
}

int published_usual(struct lake *lake, struct arena *arena,
                    struct usual_range usual[MODEL_INPUT_COUNT], bool *found, struct error *err)
{
    struct lake_rows rows;
    if (lake_query(lake, sql_text("serve/habituel.sql"), arena, &rows, err) != 0) {
        return -1;
    }
    *found = published_number(rows.cells[0]) >= FLEET_AT_LEAST;
    for (size_t i = 0; i < MODEL_INPUT_COUNT && *found; i++) {
        usual[i] = (struct usual_range){published_number(rows.cells[1 + 2 * i]),
                                        published_number(rows.cells[2 + 2 * i])};
    }
    return 0;
}

/* ---- one vehicle ---- */

int explainer_open(struct explainer *explainer, const struct session *session, struct lake *lake,
                   const char *model_path, struct arena *arena, struct error *err)
{
    const char *path = NULL;
    *explainer = (struct explainer){0};
    if (find_model(session, model_path, arena, &path, err) != 0 ||
        fleet_model_open(path, arena, &explainer->model, err) != 0) {
        return -1;
    }
    explainer->against_fleet = !forest_has_cover(explainer->model.forest);
    if (fleet_reasons_open(&explainer->reasons, lake, "reporting_final", &explainer->model,
                           session->threads, arena, err) != 0) {
        return -1;
    }
    return usual_of_model(&explainer->model, explainer->usual)
               ? 0
               : published_usual(lake, arena, explainer->usual, &explainer->usual_of_fleet, err);
}

void explainer_close(struct explainer *explainer)
{
    fleet_reasons_close(&explainer->reasons);
    fleet_model_close(&explainer->model);
}

int explainer_ask(struct explainer *explainer, const double x[MODEL_INPUT_COUNT], int predicted,
                  struct reason out[MODEL_INPUT_COUNT], double *base, struct error *err)
{
    if (fleet_reasons_of(&explainer->reasons, x, predicted, out, base, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        out[i].usual = explainer->usual[out[i].input];
    }
    return 0;
}

static int explain_vehicle(struct explainer *explainer, const char *const *cells,
                           struct vehicle_explanation *out, struct error *err)
{
    double x[MODEL_INPUT_COUNT];
    out->vehicle = published_ranked(cells);
    out->annee = published_number(cells[YEAR]);
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        x[i] = published_number(cells[FIRST_INPUT + i]);
    }
    if (explainer_ask(explainer, x, out->vehicle.type_panne_predit, out->reasons, &out->base,
                      err) != 0) {
        return -1;
    }
    out->prob = out->base;
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        out->prob += out->reasons[i].points;
    }
    out->model_path = explainer->model.path;
    out->against_fleet = explainer->against_fleet;
    out->usual_of_fleet = explainer->usual_of_fleet;
    out->told = reasons_worth_telling(out->reasons);
    return 0;
}

static int read_services(struct lake *lake, const char *vin, struct arena *arena,
                         struct vehicle_explanation *out, struct error *err)
{
    struct lake_rows rows;
    if (lake_ask(lake, sql_text("serve/entretiens.sql"), &vin, 1, arena, &rows, err) != 0) {
        return -1;
    }
    out->service_count = rows.rows;
    out->services = ARENA_NEW(arena, struct vehicle_service, rows.rows);
    for (size_t r = 0; r < rows.rows; r++) {
        const char **cell = &rows.cells[r * rows.columns];
        out->services[r] = (struct vehicle_service){cell[0], cell[1], published_number(cell[2])};
    }
    return 0;
}

int published_explain(const struct session *session, const char *vin, const char *model_path,
                      struct arena *arena, struct vehicle_explanation *out, struct error *err)
{
    struct lake *lake = NULL;
    struct explainer explainer = {0};
    struct lake_rows rows;
    int status = -1;
    *out = (struct vehicle_explanation){0};
    if (published_open(session, &lake, err) != 0 ||
        published_open_table(session, lake, TABLE_REPORTING, "run", arena, err) != 0 ||
        published_open_table(session, lake, TABLE_HISTORIQUE_ENTRETIEN, "run", arena, err) != 0 ||
        lake_ask(lake, sql_text("serve/vehicule.sql"), &vin, 1, arena, &rows, err) != 0) {
        goto done;
    }
    if (rows.rows == 0) {
        (void)unknown_vin(session, lake, vin, arena, err);
        goto done;
    }
    if (explainer_open(&explainer, session, lake, model_path, arena, err) != 0 ||
        explain_vehicle(&explainer, rows.cells, out, err) != 0) {
        goto done;
    }
    status = read_services(lake, vin, arena, out, err);
done:
    explainer_close(&explainer);
    lake_close(lake);
    return status;
}
