/* Scores any table through any model: from a CSV or Parquet file by way of the engine, or from a
 * stream of text; see pipeline.h. */
#include "pipeline/scored.h"

#include "base/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rows of the engine come 2,048 at a time; the forest is faster with many (see predict.c). */
enum { GATHERED_ROWS = 16384, GATHERED_NUMBERS = 1 << 22 };

struct gathering {
    struct scored *scored;
    float *x; /* [room][features] */
    size_t rows, room;
    struct lake *workers; /* rows go there as pieces; NULL: they are scored here */
    struct batch piece;
    uint64_t pieces;
};

/* The gathered rows as one piece of work. */
static int feed_piece(struct gathering *g, size_t rows, struct error *err)
{
    g->piece.rows = 1;
    g->piece.values[0].whole[0] = (int64_t)g->pieces++;
    g->piece.values[1].text[0] =
        (struct bytes){(const char *)g->x, rows * g->scored->features * sizeof *g->x};
    return lake_append(g->workers, &g->piece, err);
}

static int flush_rows(struct gathering *g, struct error *err)
{
    size_t rows = g->rows;
    g->rows = 0;
    if (rows == 0) {
        return 0;
    }
    return g->workers ? feed_piece(g, rows, err) : scored_rows(g->scored, g->x, rows, err);
}

static int gather_block(void *context, const double *x, size_t rows, struct error *err)
{
    struct gathering *g = context;
    size_t features = g->scored->features;
    if (g->rows + rows > g->room && flush_rows(g, err) != 0) {
        return -1;
    }
    float *to = g->x + g->rows * features;
    for (size_t i = 0; i < rows * features; i++) {
        to[i] = (float)x[i];
    }
    g->rows += rows;
    return 0;
}

static int check_inputs(struct lake *lake, const char *table_path, const struct scored *s,
                        struct arena *arena, struct error *err)
{
    struct column *columns;
    size_t column_count;
    if (lake_columns(lake, "scored", arena, &columns, &column_count, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < s->features; i++) {
        bool found = false;
        for (size_t c = 0; c < column_count && !found; c++) {
            found = strcmp(columns[c].name, s->inputs[i]) == 0;
        }
        if (!found) {
            return error_set(err, "%s : la colonne « %s » manque ; le modèle en a besoin",
                             "%s: column \"%s\" is missing; the model needs it", table_path,
                             s->inputs[i]);
        }
    }
    return 0;
}

/* Reads the table with the embedded engine, and hands its rows on in order. */
static int read_file(struct gathering *g, const struct session *session, const char *path,
                     struct arena *arena, struct error *err)
{
    struct scored *s = g->scored;
    struct lake *lake = NULL;
    const struct lake_options options = {.threads = session->threads, .memory = session->memory};
    int status = -1;
    if (!s->inputs) {
        return error_set(
            err, "%s : le modèle ne nomme pas ses %zu mesures ; donnez un modèle qui les nomme",
            "%s: the model does not name its %zu features; give a model that does", s->model_path,
            s->features);
    }
    g->room = GATHERED_NUMBERS / s->features;
    g->room = g->room > GATHERED_ROWS ? GATHERED_ROWS : g->room;
    g->room = g->room < BATCH_ROWS ? BATCH_ROWS : g->room;
    g->x = xcalloc(g->room * s->features, sizeof *g->x);
    if (lake_open(&lake, &options, err) == 0 && lake_open_file(lake, "scored", path, err) == 0 &&
        check_inputs(lake, path, s, arena, err) == 0 &&
        lake_each_block(lake, "scored", s->inputs, s->features, NULL, gather_block, g, err) == 0 &&
        flush_rows(g, err) == 0) {
        status = 0;
    }
    free(g->x);
    lake_close(lake);
    return status;
}

/* ---- on Spark ---- */

static int take_probabilities(void *context, struct bytes piece, struct error *err)
{
    struct scored *s = context;
    size_t row_bytes = s->classes * sizeof(double);
    if (piece.size % row_bytes != 0) {
        return error_set(err, "un morceau est revenu abîmé ; relancez la commande",
                         "a piece came back damaged; repeat the command");
    }
    return scored_write(s, (const double *)(const void *)piece.data, piece.size / row_bytes, err);
}

/* The rows are read here and the lines written here; executors run the forest in between. */
static int score_on_workers(struct scored *s, const struct session *session,
                            const struct score_options *options, struct arena *arena,
                            struct error *err)
{
    struct publication publication = {0}; /* only its scratch folder and the lake's lock */
    struct gathering g = {.scored = s};
    struct lake_options engine = {.engine = LAKE_SPARK,
                                  .spark_master = session->spark_master,
                                  .threads = session->threads,
                                  .memory = session->memory};
    const char *const worker[] = {
        "worker", "rows", "--model", "model.onnx", options->calibrated ? "--calibrated" : NULL,
        NULL};
    struct bytes model;
    int status = -1;
    if (publish_begin(&publication, session->data, err) != 0) {
        return -1;
    }
    engine.scratch = arena_printf(arena, "%s/scratch", publication.staging);
    const char *const files[] = {arena_printf(arena, "%s/model.onnx", engine.scratch), NULL};
    const struct lake_spread spread = {.worker = worker, .worker_files = files};
    batch_init(&g.piece, &lake_pieces, arena);
    if (lake_open(&g.workers, &engine, err) == 0 &&
        lake_create(g.workers, &lake_pieces, err) == 0 &&
        read_file(&g, session, options->table_path, arena, err) == 0 &&
        lake_flush(g.workers, err) == 0 &&
        fs_read(options->model_path, INT32_MAX, arena, &model, err) == 0 &&
        fs_write(files[0], model.data, model.size, err) == 0) {
        status = lake_spread(g.workers, &spread, take_probabilities, s, err);
    }
    lake_close(g.workers);
    publish_end(&publication);
    return status;
}

static int score_file(struct scored *s, const struct session *session,
                      const struct score_options *options, struct arena *arena, struct error *err)
{
    struct gathering g = {.scored = s};
    int status = session->spark ? score_on_workers(s, session, options, arena, err)
                                : read_file(&g, session, options->table_path, arena, err);
    if (status == 0) {
        scored_header(s); /* a table without rows */
    }
    return status;
}

int pipeline_score(const struct session *session, const struct score_options *options,
                   uint64_t *rows, struct error *err)
{
    struct arena arena = {0};
    struct scored s;
    const char *out_path = options->out_path, *beside = NULL;
    int status = -1;
    if (scored_init(&s, session, options, &arena, err) != 0) {
        goto done;
    }
    s.out = stdout;
    s.out_name = "stdout";
    if (out_path) {
        beside = arena_printf(&arena, "%s.tmp-%ld", out_path, (long)getpid());
        s.out_name = out_path;
        s.out = fopen(beside, "we");
        if (!s.out) {
            scored_output_error(&s, err);
            goto done;
        }
    }
    status = options->table_path ? score_file(&s, session, options, &arena, err)
                                 : score_stream(&s, STDIN_FILENO, options->no_header, err);
    if (status == 0 && (fflush(s.out) != 0 || (beside && fsync(fileno(s.out)) != 0) ||
                        (beside && rename(beside, out_path) != 0))) {
        status = scored_output_error(&s, err);
    }
    *rows = s.rows;
done:
    if (beside && s.out) {
        (void)fclose(s.out);
        if (status != 0) {
            (void)remove(beside);
        }
    }
    scored_release(&s);
    arena_release(&arena);
    return status;
}
