/* One run: the list of stages from bronze to gold, published as one; see pipeline.h. */
#include "pipeline/stages.h"

#include "base/parallel.h"
#include "lake/layout.h"

#include <time.h>

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Seconds since *mark, which moves to now. */
static double lap(double *mark)
{
    double now = seconds_now();
    double passed = now - *mark;
    *mark = now;
    return passed;
}

void stage_tell(const struct session *session, const struct text *what, uint64_t done,
                uint64_t total)
{
    if (session->progress.tell) {
        session->progress.tell(session->progress.context, what, done, total);
    }
}

struct lake_file stage_file(struct stage *stage, const struct lake_output *output,
                            enum lake_format format, const char *relative)
{
    struct lake_file file = {.output = *output, .format = format};
    file.path = publish_stage(stage->publication, relative, &file.written);
    return file;
}

static int write_file(struct lake *lake, void *file, struct error *err)
{
    return lake_write_files(lake, file, 1, err);
}

int stage_write(struct stage *stage, const struct lake_output *output, enum lake_format format,
                const char *relative, struct error *err)
{
    if (taken_stays(stage, relative)) {
        return 0;
    }
    struct lake_file *file = ARENA_NEW(stage->arena, struct lake_file, 1);
    *file = stage_file(stage, output, format, relative);
    return beside_do(stage, write_file, file, err);
}

const char *stage_path(struct stage *stage, enum table_id table)
{
    return layout_path(stage->arena, fleet_tables[table].path, stage->session->run_date, 0);
}

/* Publishes the quarantine alone and says why. Always -1. */
static int refuse(struct stage *stage, struct error *err)
{
    const struct ingest_counts *counts = &stage->report->telemetry;
    if (silver_write_quarantine(stage, err) != 0 || beside_settle(stage, err) != 0 ||
        lineage_write(stage, NULL, true, err) != 0 ||
        publish_commit(stage->publication, err) != 0) {
        return -1;
    }
    return error_set(
        err,
        "%llu messages sur %llu en quarantaine, plus que la limite de %g %% ; seule la "
        "quarantaine est publiée, les derniers bons résultats restent ; voyez « autostream quality "
        "», corrigez la "
        "source, ou relevez la limite avec --max-rejects",
        "%llu messages of %llu in quarantine, more than the limit of %g %%; only the quarantine is "
        "published, the last good results stay; see \"autostream quality\", mend the source, "
        "or raise the limit with --max-rejects",
        (unsigned long long)counts->quarantined, (unsigned long long)counts->records,
        stage->options->reject_limit * 100);
}

/* A small fleet's tables are read by one thread, whatever there are: the others' waking and waiting
 * took 45 of 160 ms of processor time with 50 vehicles; and by simple plans. What else there is
 * writes files beside, and hashes the list of inputs. Silver that was published earlier may be of
 * any size. */
static int use_threads(struct stage *stage, struct error *err)
{
    const struct run_report *r = stage->report;
    uint64_t rows = r->telemetry.records + r->services + r->vehicles;
    bool known = (stage->options->stages & STAGE_SILVER) && !stage->options->has_since;
    if (known && rows < LAKE_ROWS_A_THREAD) {
        lake_plan_simply(stage->lake);
    } else if (lake_use_threads(stage->lake, stage->session->threads, err) != 0) {
        return -1;
    }
    beside_open(stage);
    return 0;
}

static int run_silver(struct stage *stage, double *mark, struct error *err)
{
    struct run_report *report = stage->report;
    if (bronze_load(stage, err) != 0 || use_threads(stage, err) != 0 ||
        lineage_inputs(stage, err) != 0) {
        return -1;
    }
    report->seconds_ingest = lap(mark);
    if ((double)report->telemetry.quarantined >
        stage->options->reject_limit * (double)report->telemetry.records) {
        return refuse(stage, err);
    }
    if (silver_build(stage, err) != 0) {
        return -1;
    }
    report->seconds_silver = lap(mark);
    return 0;
}

struct publishing {
    struct stage *stage;
    int status;
    struct error *err;
};

static void publish_or_close(void *context, size_t index, unsigned worker)
{
    struct publishing *publishing = context;
    struct stage *stage = publishing->stage;
    (void)worker;
    if (index == 0) {
        publishing->status = publish_commit(stage->publication, publishing->err);
    } else {
        lake_close(stage->lake);
    }
}

/* Nothing is asked of the engine any more: it goes, and its rows with it, while the disk is waited
 * for. Of ten million messages each takes 0.2 s. */
static int publish(struct stage *stage, struct error *err)
{
    struct publishing publishing = {.stage = stage, .err = err};
    parallel_for(stage->session->threads, 2, publish_or_close, &publishing);
    stage->lake = NULL;
    return publishing.status;
}

static int run_stages(struct stage *stage, const struct fleet_model *model, struct error *err)
{
    static const struct text publishing = TEXT("Publication", "Publishing");
    struct run_report *report = stage->report;
    double mark = seconds_now();
    if (lake_constant_date(stage->lake, "run_date", stage->session->run_date, err) != 0) {
        return -1;
    }
    if (stage->options->stages & STAGE_SILVER
            ? run_silver(stage, &mark, err) != 0
            : silver_open(stage, err) != 0 || use_threads(stage, err) != 0) {
        return -1;
    }
    if ((model && gold_build(stage, model, err) != 0) || beside_settle(stage, err) != 0) {
        return -1;
    }
    report->seconds_gold = lap(&mark);
    stage_tell(stage->session, &publishing, 0, 0);
    if (lineage_write(stage, model, false, err) != 0 || publish(stage, err) != 0) {
        return -1;
    }
    report->seconds_publish = lap(&mark);
    return 0;
}

int pipeline_run(const struct session *session, const struct run_options *options,
                 struct run_report *report, struct error *err)
{
    struct arena arena = {0};
    struct publication publication = {0};
    struct fleet_model model = {0};
    struct stage stage = {.session = session,
                          .options = options,
                          .report = report,
                          .publication = &publication,
                          .arena = &arena};
    bool gold = (options->stages & STAGE_GOLD) != 0;
    const char *model_path =
        options->model_path ? options->model_path
                            : arena_printf(&arena, "%s/models/model_pannes.onnx", session->data);
    const char *folder;
    double start = seconds_now();
    int status = -1;
    *report = (struct run_report){0};
    /* What is missing is said before anything is written. */
    if (publish_recover(session->data, err) != 0 ||
        (options->stages & STAGE_SILVER && !options->bronze &&
         bronze_find(session->data, session->run_date, &arena, &folder, err) != 0) ||
        (gold && fleet_model_open(model_path, &arena, &model, err) != 0) ||
        (gold && options->calibrated &&
         model_calibration(model_path, &model.card, forest_classes(model.forest), &arena,
                           &model.calibration, err) != 0) ||
        publish_begin(&publication, session->data, err) != 0) {
        goto done;
    }
    struct lake_options lake_options = {
        .engine = session->spark ? LAKE_SPARK : LAKE_DUCKDB,
        .spark_master = session->spark_master,
        .scratch = arena_printf(&arena, "%s/scratch", publication.staging),
        .threads = session->spark ? session->threads : 1, /* see use_threads() */
        .flush_threads = parallel_threads(session->threads),
        .memory = session->memory};
    if (lake_open(&stage.lake, &lake_options, err) == 0) {
        status = run_stages(&stage, gold ? &model : NULL, err);
    }
done:
    report->seconds = seconds_now() - start;
    beside_close(&stage);
    lake_close(stage.lake);
    publish_end(&publication);
    taken_release(&stage);
    json_decref(stage.history);
    fleet_model_close(&model);
    arena_release(&arena);
    return status;
}
