/* A test double of the pipeline and the generator: fixed reports, no files but the ones that demo
 * looks for, so that the command line is tested alone. The program made with it is only used by
 * tests/cli/commands_test.c.
 *
 * AUTOSTREAM_DOUBLE chooses what happens: "empty" (nothing was published), "rejects" (a run above
 * the reject limit); otherwise all goes well. */
#include "base/dates.h"
#include "base/fs.h"
#include "generator/generator.h"
#include "pipeline/pipeline.h"
#include "serve/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_case(const char *name)
{
    const char *value = getenv("AUTOSTREAM_DOUBLE");
    return value != NULL && strcmp(value, name) == 0;
}

/* Slow enough for a progress bar to be seen by eye when AUTOSTREAM_DOUBLE=slow. */
static void tell(const struct session *session, const struct text *stage)
{
    for (uint64_t done = 0; done <= 20; done++) {
        session->progress.tell(session->progress.context, stage, done * 100, 2000);
        if (is_case("slow")) {
            (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        }
    }
}

int generator_write(const char *folder, const struct generator_options *options, struct error *err)
{
    const char *text = "double\n";
    struct arena arena = {0};
    options->progress(options->progress_context, options->vehicles, options->vehicles);
    int status = fs_write(arena_printf(&arena, "%s/_SIMULATED", folder), text, strlen(text), err);
    arena_release(&arena);
    return status;
}

int pipeline_simulate(const struct session *session,
                      int (*fill)(void *context, const char *folder, struct error *err),
                      void *context, struct error *err)
{
    char date[DATE_TEXT_SIZE];
    struct arena arena = {0};
    const char *folder = arena_printf(&arena, "%s/bronze/run_date=%s", session->data,
                                      date_format(session->run_date, date));
    int status = fs_make_folders(folder, err) != 0 ? -1 : fill(context, folder, err);
    arena_release(&arena);
    return status;
}

struct parquet_writer *parquet_writer_open(unsigned threads)
{
    (void)threads;
    return NULL;
}

void parquet_writer_close(struct parquet_writer *writer)
{
    (void)writer;
}

int parquet_writer_rows(void *context, unsigned worker, const struct batch *batch,
                        struct error *err)
{
    (void)context, (void)worker, (void)batch;
    return error_set(err, "pas de moteur", "no engine");
}

int parquet_writer_file(void *context, unsigned worker, const char *path, struct error *err)
{
    (void)path;
    return parquet_writer_rows(context, worker, NULL, err);
}

int pipeline_compare(const struct session *session, const char *a, const char *b,
                     struct arena *arena, struct parity_report *report, struct error *err)
{
    (void)session;
    (void)arena;
    (void)report;
    return error_set(err, "%s, %s", "%s, %s", a, b);
}

int pipeline_parity(const struct session *session, const struct run_options *options,
                    struct arena *arena, struct parity_report *report, struct error *err)
{
    (void)options;
    return pipeline_compare(session, session->data, session->data, arena, report, err);
}

int pipeline_worker_grow(const char *task_path, struct error *err)
{
    return error_set(err, "%s", "%s", task_path);
}

int pipeline_worker_rows(const char *model_path, bool calibrated, struct error *err)
{
    (void)calibrated;
    return error_set(err, "%s", "%s", model_path);
}

int pipeline_worker_records(const char *folder, int32_t run_date, const char *map_path,
                            struct error *err)
{
    (void)folder;
    (void)run_date;
    (void)map_path;
    return error_set(err, "travail", "work");
}

int pipeline_worker_score(const char *model_path, bool calibrated, const char *lifetimes,
                          struct error *err)
{
    (void)model_path;
    (void)calibrated;
    (void)lifetimes;
    return error_set(err, "travail", "work");
}

int pipeline_run(const struct session *session, const struct run_options *options,
                 struct run_report *report, struct error *err)
{
    static const struct text stage = TEXT("Lecture", "Ingest");
    tell(session, &stage);
    report->seconds = 0.126;
    if ((options->stages & STAGE_SILVER) != 0) {
        report->telemetry = (struct ingest_counts){
            .files = 744, .records = 744, .accepted = 733, .quarantined = 11, .ignored = 1};
        report->silver_rows = is_case("rejects") ? 0 : 733;
        report->imputed[TELEMETRY_temp_moteur] = 12;
        report->services = report->vehicles = 50;
        if (is_case("rejects")) {
            return error_set(err, "trop de messages refusés : %.1f %%", "too many rejects: %.1f%%",
                             11 * 100.0 / 744);
        }
    }
    if ((options->stages & STAGE_GOLD) != 0) {
        report->gold_rows = 48;
        report->without_service = report->without_register = 1;
        report->by_statut[STATUT_OK] = 40;
        report->by_statut[STATUT_CRITIQUE] = 8;
        report->foreign_model = options->model_path != NULL;
    }
    return 0;
}

/* A model that gets 45 of 48 rows right. */
static struct forest_metrics train_metrics(struct arena *arena)
{
    size_t classes = FAILURE_COUNT;
    struct forest_metrics metrics = {.rows = 48, .classes = FAILURE_COUNT, .replicates = 200};
    metrics.accuracy = 0.9375;
    metrics.macro_f1 = 0.9123;
    metrics.auc = metrics.event_auc = 0.99;
    metrics.average_precision = metrics.event_average_precision = 0.975;
    metrics.log_loss = 0.25;
    metrics.brier = 0.1;
    metrics.calibration_error = 0.15;
    metrics.confusion = ARENA_NEW(arena, size_t, classes * classes);
    metrics.each = ARENA_NEW(arena, struct forest_class_scores, classes);
    for (size_t c = 0; c < classes; c++) {
        metrics.confusion[c * classes + c] = c == 0 ? 33 : 3;
        metrics.each[c] = (struct forest_class_scores){.actual = c == 0 ? 33 : 3,
                                                       .precision = 0.9,
                                                       .recall = 0.9,
                                                       .f1 = 0.9,
                                                       .f1_interval = {0.5, 1}};
    }
    for (int i = 0; i < FOREST_SCORE_COUNT; i++) {
        metrics.interval[i] =
            (struct forest_interval){metrics.score[i] - 0.05, metrics.score[i] + 0.05};
    }
    return metrics;
}

int pipeline_train(const struct session *session, const struct train_options *options,
                   struct arena *arena, struct train_report *report, struct error *err)
{
    static const struct text stage = TEXT("Apprentissage", "Training");
    static const char *labels[FAILURE_COUNT] = {"0", "1", "2", "3", "4", "5"};
    static struct train_feature features[] = {{"km_depuis_revis", 0.25, 0.2},
                                              {"temp_moteur", 0.125, 0.1},
                                              {"pression_huile", 0.1, -0.001}};
    (void)err;
    tell(session, &stage);
    *report = (struct train_report){.source = options->table ? options->table : "data/history.csv",
                                    .model_path = "data/models/model_pannes.onnx",
                                    .rows = 240,
                                    .trees = options->trees,
                                    .nodes = 2518,
                                    .fleet = options->table == NULL,
                                    .classes = FAILURE_COUNT,
                                    .class_labels = labels,
                                    .check = options->check,
                                    .has_oob = true,
                                    .checked = train_metrics(arena),
                                    .oob = train_metrics(arena),
                                    .calibration = {.kind = FOREST_TEMPERATURE},
                                    .log_loss = {0.25, 0.2, 0.3},
                                    .calibration_error = {0.15, 0.05, 0.1},
                                    .costs = {.missed = 10, .alarm = 1},
                                    .threshold = 0.25,
                                    .cost_at_threshold = 0.2,
                                    .cost_by_class = 0.6,
                                    .cost_never = 3,
                                    .cost_always = 0.7,
                                    .features = features,
                                    .feature_count = 3,
                                    .seconds = 0.04};
    report->rivals[RIVAL_MAJORITY] =
        (struct train_rival){.known = true, .metrics = train_metrics(arena), .cost = 3};
    report->rivals[RIVAL_MAJORITY].metrics.macro_f1 = 0.136;
    report->rivals[RIVAL_SERVICE_INTERVAL] = report->rivals[RIVAL_MAJORITY];
    report->rivals[RIVAL_SERVICE_INTERVAL].known = report->fleet;
    return 0;
}

int pipeline_score(const struct session *session, const struct score_options *options,
                   uint64_t *rows, struct error *err)
{
    (void)session, (void)err;
    (void)printf("model,table\n%s,%s\n", options->model_path,
                 options->table_path ? options->table_path : "stdin");
    if (options->format != SCORE_CSV || options->no_header) {
        (void)printf("%s%s\n", options->format == SCORE_TSV ? "tsv" : "csv",
                     options->no_header ? ", no header" : "");
    }
    *rows = 1;
    return 0;
}

int published_run_dates(const char *data, struct arena *arena, int32_t **dates, size_t *count,
                        struct error *err)
{
    (void)data, (void)err;
    *dates = ARENA_NEW(arena, int32_t, 2);
    (*dates)[0] = date_from_civil(2026, 11, 22);
    (*dates)[1] = date_from_civil(2026, 11, 23);
    *count = is_case("empty") ? 0 : 2;
    return 0;
}

int published_model(const struct session *session, const char *model_path, struct arena *arena,
                    struct model_facts *out, struct error *err)
{
    static struct forest_property own[] = {
        {"autostream.trained_on", "2026-11-23"},
        {"autostream.rows", "240"},
        {"autostream.seed", "42"},
        {"autostream.label_rows", "[180,60]"},
        {"autostream.holdout",
         "{\"rows\":48,\"accuracy\":0.958333,\"macro_f1\":0.9,\"log_loss\":0.1234}"},
        {"autostream.by_date", "{\"rows\":52,\"accuracy\":0.75}"},
        {"autostream.profile", "{\"pression_huile\":{\"n\":180,\"missing\":3,\"p05\":3.1,\"p50\":4,"
                               "\"p95\":4.9}}"},
        {"autostream.drift", "[1,2]"},
        {"note", "caf\303\251 \033[2J"}};
    static const char *inputs[] = {"pression_huile", "autre"}, *names[] = {"OK", "Batterie"};
    static const char *labels[] = {"0", "1"};
    (void)session;
    if (is_case("no-model")) {
        return error_set(err, "pas de modèle", "no model");
    }
    bool foreign = model_path != NULL;
    *out = (struct model_facts){.path = arena_strdup(arena, foreign ? model_path : "m.onnx"),
                                .sha256 = "0123456789abcdef",
                                .bytes = 69768,
                                .boosted = foreign,
                                .trees = 100,
                                .nodes = 2280,
                                .features = foreign ? MODEL_INPUT_COUNT : 2,
                                .classes = 2};
    out->card =
        (struct forest_card){.class_labels = labels, .producer = "", .producer_version = ""};
    if (!foreign) {
        out->card.feature_names = inputs;
        out->card.class_names = names;
        out->card.properties = own;
        out->card.property_count = sizeof own / sizeof *own;
        out->card.producer = "autostream";
        out->card.producer_version = "0.1.0";
    }
    return 0;
}

int published_top(const struct session *session, size_t limit, struct arena *arena,
                  struct ranked_vehicle **rows, size_t *count, size_t *total, struct error *err)
{
    static const struct ranked_vehicle first[] = {
        {"VIN-751007", "Sprinter", STATUT_CRITIQUE, FAILURE_TURBO, 0.985, 1, 2000, 18250, 81.4,
         "regime_moteur=4512:+0.42|temps_0_100=14.1:+0.2"},
        {"VF1\033[2JRFB00\n123456789012345678901234567890", NULL, STATUT_CRITIQUE, FAILURE_FREINS,
         0.7, 30, NAN, NAN, NAN, NULL},
        {"VIN-751012", "Daily", STATUT_ALERTE, FAILURE_MOTEUR, 0.55, 45, 12250, 9000, 60,
         "temp_moyenne=:+0.3"},
        {"VIN-751031", "Master", STATUT_SURVEILLANCE, FAILURE_BATTERIE, 0.31, 69, 21000, 100, 55,
         "?"}};
    enum { KNOWN = sizeof first / sizeof *first, FLEET = 50 };
    (void)session, (void)err;
    struct ranked_vehicle *fleet = ARENA_NEW(arena, struct ranked_vehicle, FLEET);
    for (size_t i = 0; i < FLEET; i++) {
        fleet[i] = (struct ranked_vehicle){arena_printf(arena, "VIN-7511%02zu", i),
                                           "Transit",
                                           STATUT_OK,
                                           FAILURE_OK,
                                           0.02,
                                           98,
                                           30000,
                                           500,
                                           40,
                                           "km_depuis_revis=500:+0.12"};
    }
    memcpy(fleet, first, sizeof first);
    *rows = fleet;
    *total = FLEET;
    *count = limit == 0 || limit > FLEET ? FLEET : limit;
    return 0;
}

int published_quality(const struct session *session, struct arena *arena,
                      struct quality_summary *out, struct error *err)
{
    static struct quality_column columns[] = {
        {"vin", 0, 0}, {"temp_moteur", 12, 1.64}, {"pression_injection", 366, 49.93}};
    static struct quarantine_reason reasons[] = {
        {"broken_json", 7, "bronze/run_date=2026-11-23/json/msg_12.json", 0},
        {"impossible:vitesse", 4, "bronze/run_date=2026-11-23/json/batch.ndjson", 18230}};
    (void)session, (void)arena, (void)err;
    const struct quality_report report = {733, "", "", columns, 3};
    static struct orphan orphans[] = {{"VIN-751003", true, false}, {"VIN-751007", true, true}};
    *out = (struct quality_summary){.orphans = orphans,
                                    .orphan_count = 2,
                                    .orphans_total = 2,
                                    .silver = report,
                                    .gold = report,
                                    .reasons = reasons,
                                    .reason_count = 2,
                                    .quarantined = 11};
    if (is_case("rejects")) {
        out->silver = out->gold = (struct quality_report){0};
    }
    return 0;
}

int pipeline_verify(const struct session *session, const struct verify_options *options,
                    struct arena *arena, struct verify_report *report, struct error *err)
{
    static struct verify_finding findings[] = {
        {0, false, TEXT("modele.onnx : un autre modèle", "model.onnx: another model")},
        {0, true, TEXT("gold/x.csv : autre empreinte", "gold/x\033.csv: another hash")}};
    (void)arena;
    if (is_case("empty")) {
        return error_set(err, "rien à vérifier", "nothing to verify");
    }
    findings[0].run_date = findings[1].run_date = session->run_date;
    findings[0].fault = options->strict;
    *report = (struct verify_report){.runs = options->all ? 2 : 1,
                                     .files = 21,
                                     .inputs = 40,
                                     .bytes = 123456,
                                     .findings = findings,
                                     .finding_count = is_case("broken") ? 2 : 1};
    report->fault_count = (uint64_t)options->strict + is_case("broken");
    return 0;
}

int published_explain(const struct session *session, const char *vin, const char *model_path,
                      struct arena *arena, struct vehicle_explanation *out, struct error *err)
{
    static struct vehicle_service services[] = {{"2025-05-31", "Moteur", 148333},
                                                {NULL, "Frei\033[2Jns", NAN}};
    static const double points[MODEL_INPUT_COUNT] = {0.312, 0.05, -0.25, 0.012, 0,
                                                     0.004, 0,    0.1,   -0.001};
    if (strcmp(vin, "VIN-1") == 0) {
        return error_set(err, "%s n'est pas là", "%s is not there", vin);
    }
    (void)session, (void)arena;
    bool sound = strcmp(vin, "VIN-OK") == 0;
    *out = (struct vehicle_explanation){
        .vehicle = {vin, "Daily", sound ? STATUT_OK : STATUT_CRITIQUE,
                    sound ? FAILURE_OK : FAILURE_MOTEUR, sound ? 0.02 : 0.86, 14, 2000, 27061, 60,
                    NULL},
        .annee = 2024,
        .base = 0.063,
        .prob = 0.86,
        .told = is_case("nothing") ? 0 : 3,
        .against_fleet = sound,
        .usual_of_fleet = sound,
        .model_path = model_path ? model_path : "data/models/model_pannes.onnx",
        .services = services,
        .service_count = is_case("nothing") ? 0 : 2};
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        double low = (double)i;
        out->reasons[i] = (struct reason){(enum model_input)i,
                                          i == 7 ? NAN : 100 * low + 0.5,
                                          is_case("nothing") ? 0 : points[i],
                                          {i == 2 ? NAN : low, low + 1}};
    }
    reasons_sort(out->reasons);
    return 0;
}

/* A server that is told to end as soon as it serves, and that remembers what it was asked for. */
struct server {
    char address[128];
};

int serve_open(struct server **out, const struct serve_options *options, struct error *err)
{
    static struct server server;
    *out = NULL;
    if (is_case("taken") && !options->or_next) {
        return error_set(err, "port pris", "port taken");
    }
    (void)snprintf(server.address, sizeof server.address, "http://%s:%u/%s%s%s", options->listen,
                   options->port, options->token ? options->token : "",
                   options->hosts ? options->hosts : "", options->cert_path ? "+tls" : "");
    *out = &server;
    return kill(getpid(), SIGTERM); /* it is blocked until the command waits for it */
}

const char *serve_address(const struct server *server)
{
    return server->address;
}

void serve_close(struct server *server)
{
    (void)server;
}
