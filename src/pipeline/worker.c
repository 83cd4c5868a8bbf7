/* What Spark's executors run of this program, each in a process of its own between two pipes: the
 * record parser over raw files, the model over vehicles; see pipeline.h.
 *
 * Lines come and go with tabs between their cells. Texts cross as base64, so that no byte of theirs
 * can look like a tab, a line's end or a NULL; numbers as decimals that read back as the same
 * double; NULL as "-". */
#include "pipeline/scored.h"

#include "base/base64.h"
#include "base/fs.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- cells ---- */

struct printer {
    FILE *out;
    char *text; /* base64 of the cell at hand */
    size_t room;
};

static void print_null(struct printer *p)
{
    (void)fputs("\t-", p->out);
}

static void print_text(struct printer *p, const void *bytes, size_t size)
{
    size_t need = BASE64_ROOM(size);
    if (need > p->room) {
        p->room = need * 2;
        p->text = xrealloc(p->text, p->room, 1);
    }
    size_t used = base64_write(bytes, size, p->text);
    (void)fputc('\t', p->out);
    (void)fwrite(p->text, 1, used, p->out);
}

static void print_whole(struct printer *p, int64_t value)
{
    (void)fprintf(p->out, "\t%lld", (long long)value);
}

static void print_real(struct printer *p, double value)
{
    if (isnan(value)) {
        print_null(p);
    } else {
        (void)fprintf(p->out, "\t%.17g", value);
    }
}

static int output_error(struct error *err)
{
    return error_set(err, "sortie : écriture impossible (%s)", "output: cannot be written (%s)",
                     strerror(errno));
}

/* The end of the output: everything must have been taken. */
static int finish(struct printer *p, int status, struct error *err)
{
    free(p->text);
    return status == 0 && (fflush(p->out) != 0 || ferror(p->out)) ? output_error(err) : status;
}

/* ---- counts ---- */

static const struct column count_columns[] = {
    {"what", COLUMN_TEXT}, {"field", COLUMN_WHOLE}, {"value", COLUMN_WHOLE}};
const struct table worker_counts = {"ingest_counts", count_columns,
                                    sizeof count_columns / sizeof *count_columns};

static const struct {
    const char *name;
    size_t offset, fields;
} counted[] = {
    {"files", offsetof(struct ingest_counts, files), 1},
    {"bytes", offsetof(struct ingest_counts, bytes), 1},
    {"records", offsetof(struct ingest_counts, records), 1},
    {"accepted", offsetof(struct ingest_counts, accepted), 1},
    {"quarantined", offsetof(struct ingest_counts, quarantined), 1},
    {"rounded", offsetof(struct ingest_counts, rounded), BATCH_COLUMNS},
    {"missing", offsetof(struct ingest_counts, missing), BATCH_COLUMNS},
    {"not_a_number", offsetof(struct ingest_counts, not_a_number), BATCH_COLUMNS},
};

uint64_t *worker_count(struct ingest_counts *counts, const char *name, size_t field)
{
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        if (strcmp(counted[i].name, name) == 0 && field < counted[i].fields) {
            return (uint64_t *)(void *)((char *)counts + counted[i].offset) + field;
        }
    }
    return NULL;
}

static void print_counts(struct printer *p, struct ingest_counts *counts)
{
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        for (size_t f = 0; f < counted[i].fields; f++) {
            uint64_t value = *worker_count(counts, counted[i].name, f);
            if (value > 0) {
                (void)fprintf(p->out, "%d", WORKER_COUNTS);
                print_text(p, counted[i].name, strlen(counted[i].name));
                print_whole(p, (int64_t)f);
                print_whole(p, (int64_t)value);
                (void)fputc('\n', p->out);
            }
        }
    }
}

/* ---- records ---- */

static int print_rows(void *context, const struct batch *batch, struct error *err)
{
    struct printer *p = context;
    (void)err;
    for (size_t r = 0; r < batch->rows; r++) {
        (void)fprintf(p->out, "%d", WORKER_MESSAGES);
        for (size_t c = 0; c < batch->table->column_count; c++) {
            enum column_type type = batch->table->columns[c].type;
            if (batch->null[c][r]) {
                print_null(p);
            } else if (type == COLUMN_TEXT || type == COLUMN_BLOB) {
                print_text(p, batch->values[c].text[r].data, batch->values[c].text[r].size);
            } else if (type == COLUMN_REAL) {
                print_real(p, batch->values[c].real[r]);
            } else {
                print_whole(p, batch->values[c].whole[r]);
            }
        }
        (void)fputc('\n', p->out);
    }
    return ferror(p->out) ? output_error(err) : 0;
}

static int print_reject(void *context, const struct reject *reject, struct error *err)
{
    struct printer *p = context;
    (void)fprintf(p->out, "%d", WORKER_REJECTS);
    print_text(p, reject->source, strlen(reject->source));
    print_whole(p, reject->position);
    print_text(p, reject->raw.data ? reject->raw.data : "", reject->raw.size);
    print_text(p, reject->reasons, strlen(reject->reasons));
    (void)fputc('\n', p->out);
    return ferror(p->out) ? output_error(err) : 0;
}

static int print_file(void *context, const struct input_file *file, struct error *err)
{
    struct printer *p = context;
    (void)fprintf(p->out, "%d", WORKER_INPUTS);
    print_text(p, file->source, strlen(file->source));
    print_whole(p, (int64_t)file->bytes);
    print_text(p, file->sha256, strlen(file->sha256));
    print_whole(p, (int64_t)file->records);
    (void)fputc('\n', p->out);
    return ferror(p->out) ? output_error(err) : 0;
}

struct records {
    struct printer printer;
    const char *folder;
    struct ingest_options options;
    struct ingest_sink sink;
    struct ingest_counts counts;
    const char *path; /* of the file being gathered */
    FILE *file;       /* open while there is one */
    char *name;       /* its own name */
    size_t name_room;
};

/* Reads the file whose chunks have come, if there is one. */
static int read_gathered(struct records *r, struct error *err)
{
    if (!r->file) {
        return 0;
    }
    int closed = fclose(r->file);
    r->file = NULL;
    if (closed != 0) {
        return fs_write_error(r->path, err);
    }
    return ingest_file(r->path, r->folder, r->name, &r->options, &r->sink, &r->counts, err);
}

static int bad_line(struct error *err)
{
    return error_set(err, "entrée : ligne inattendue ; cette commande est faite pour Spark",
                     "input: unexpected line; this command is made for Spark");
}

/* Hands over each line of standard input without its end, a NUL behind it; it may be spoilt. */
static int each_line(int (*take)(void *context, char *line, size_t size, struct error *err),
                     void *context, struct error *err)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t got;
    int status = 0;
    while (status == 0 && (got = getline(&line, &room, stdin)) > 0) {
        got -= line[got - 1] == '\n';
        line[got] = '\0';
        status = take(context, line, (size_t)got, err);
    }
    free(line);
    return status;
}

/* One line: NAME, tab, CHUNK. Spoils it. */
static int take_chunk(void *context, char *line, size_t size, struct error *err)
{
    struct records *r = context;
    char *tab = memchr(line, '\t', size);
    size_t name_size;
    size_t chunk_size;
    if (!tab || !base64_read(line, (size_t)(tab - line), line, &name_size)) {
        return bad_line(err);
    }
    char *chunk = tab + 1;
    line[name_size] = '\0';
    if (!base64_read(chunk, size - (size_t)(chunk - line), chunk, &chunk_size)) {
        return bad_line(err);
    }
    if (!r->file || strcmp(r->name, line) != 0) {
        if (read_gathered(r, err) != 0) {
            return -1;
        }
        if (name_size + 1 > r->name_room) {
            r->name_room = name_size + 1;
            r->name = xrealloc(r->name, r->name_room, 1);
        }
        memcpy(r->name, line, name_size + 1);
        r->file = fopen(r->path, "we");
        if (!r->file) {
            return fs_write_error(r->path, err);
        }
    }
    return fwrite(chunk, 1, chunk_size, r->file) == chunk_size ? 0 : fs_write_error(r->path, err);
}

int pipeline_worker_records(const char *folder, int32_t run_date, const char *map_path,
                            struct error *err)
{
    struct telemetry_spec spec;
    struct ingest_map *map = NULL;
    char path[] = "autostream-worker-XXXXXX";
    struct records r = {.printer = {.out = stdout}, .folder = folder};
    int status = -1;
    telemetry_spec_init(&spec, run_date);
    r.options = (struct ingest_options){.spec = &spec.spec};
    r.sink = (struct ingest_sink){&r.printer, print_rows, print_reject, print_file};
    int fd = mkstemp(path);
    if (fd < 0) {
        return fs_write_error(path, err);
    }
    close(fd);
    r.path = path;
    if (map_path && !(map = ingest_map_read(map_path, &spec.spec, err))) {
        goto done;
    }
    r.options.map = map;
    if (each_line(take_chunk, &r, err) == 0 && read_gathered(&r, err) == 0) {
        print_counts(&r.printer, &r.counts);
        status = 0;
    }
done:
    if (r.file) {
        (void)fclose(r.file);
    }
    (void)unlink(path);
    free(r.name);
    ingest_map_free(map);
    return finish(&r.printer, status, err);
}

/* ---- vehicles ---- */

struct vehicles {
    struct printer printer;
    struct scoring scoring;
    double *x, *y; /* [BATCH_ROWS][inputs], [BATCH_ROWS][SCORING_RESULTS] */
    const char **keys;
    size_t rows;
    struct arena texts; /* of the keys */
};

static int score_gathered(struct vehicles *v, struct error *err)
{
    if (v->rows > 0 && scoring_block(&v->scoring, v->x, v->rows, v->y, err) != 0) {
        return -1;
    }
    for (size_t r = 0; r < v->rows; r++) {
        const struct bytes *reasons = &v->scoring.reasons.cells[r];
        (void)fputs(v->keys[r], v->printer.out);
        for (size_t c = 0; c < SCORING_RESULTS; c++) {
            print_real(&v->printer, v->y[r * SCORING_RESULTS + c]);
        }
        if (reasons->data) {
            print_text(&v->printer, reasons->data, reasons->size);
        } else {
            print_null(&v->printer);
        }
        (void)fputc('\n', v->printer.out);
    }
    v->rows = 0;
    arena_clear(&v->texts);
    return ferror(v->printer.out) ? output_error(err) : 0;
}

/* One line: KEY, then a number a tab. */
static int take_vehicle(void *context, char *line, size_t size, struct error *err)
{
    struct vehicles *v = context;
    (void)size;
    char *cell = line + strcspn(line, "\t");
    v->keys[v->rows] = arena_copy(&v->texts, line, (size_t)(cell - line));
    for (size_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        char *end;
        if (*cell++ != '\t') {
            return bad_line(err);
        }
        bool null = *cell == '-' && (cell[1] == '\t' || cell[1] == '\0');
        double value = null ? NAN : strtod(cell, &end);
        end = null ? cell + 1 : end;
        if (end == cell || (*end != '\t' && *end != '\0')) {
            return bad_line(err);
        }
        v->x[v->rows * MODEL_INPUT_COUNT + i] = value;
        cell = end;
    }
    return ++v->rows == BATCH_ROWS ? score_gathered(v, err) : 0;
}

static int read_lifetimes(struct scoring *scoring, const char *lifetimes, struct error *err)
{
    for (int f = 0; f < FAILURE_COUNT; f++) {
        char *end;
        scoring->km_median[f] = strtod(lifetimes, &end);
        if (end == lifetimes || *end != (f + 1 < FAILURE_COUNT ? ',' : '\0')) {
            return error_usage(err, "--lifetimes : il faut %d nombres",
                               "--lifetimes: must be %d "
                               "numbers",
                               FAILURE_COUNT);
        }
        lifetimes = end + 1;
    }
    return 0;
}

int pipeline_worker_score(const char *model_path, bool calibrated, const char *lifetimes,
                          struct error *err)
{
    struct arena arena = {0};
    struct fleet_model model = {0};
    struct vehicles v = {.printer = {.out = stdout}};
    int status = -1;
    if (fleet_model_open(model_path, &arena, &model, err) != 0 ||
        (calibrated && model_calibration(model_path, &model.card, forest_classes(model.forest),
                                         &arena, &model.calibration, err) != 0)) {
        goto done;
    }
    scoring_init(&v.scoring, &model, 1, &arena);
    v.x = ARENA_NEW(&arena, double, BATCH_ROWS *MODEL_INPUT_COUNT);
    v.y = ARENA_NEW(&arena, double, BATCH_ROWS *SCORING_RESULTS);
    v.keys = ARENA_NEW(&arena, const char *, BATCH_ROWS);
    /* Without an engine nothing can be counted here: the model tells, or was told, by its nodes. */
    status = read_lifetimes(&v.scoring, lifetimes, err);
    if (status == 0) {
        status = fleet_reasons_open(&v.scoring.reasons, NULL, NULL, &model, 1, &arena, err);
    }
    if (status == 0) {
        status = each_line(take_vehicle, &v, err);
    }
    if (status == 0) {
        status = score_gathered(&v, err);
    }
done:
    fleet_reasons_close(&v.scoring.reasons);
    arena_release(&v.texts);
    fleet_model_close(&model);
    status = finish(&v.printer, status, err);
    arena_release(&arena);
    return status;
}

/* ---- pieces: a number and bytes a line, on both sides ---- */

struct pieces {
    struct printer printer;
    /* What the bytes of a piece become; *out lives until the next call. */
    int (*work)(void *context, uint64_t number, struct bytes in, struct arena *arena,
                struct bytes *out, struct error *err);
    void *context;
    struct arena arena; /* of the piece at hand */
};

/* One line: NUMBER, tab, BYTES. Spoils it. */
static int take_numbered(void *context, char *line, size_t size, struct error *err)
{
    struct pieces *p = context;
    char *end;
    uint64_t number = strtoull(line, &end, 10);
    struct bytes out;
    struct bytes in = {end + 1, 0};
    if (end == line || *end != '\t' ||
        !base64_read(end + 1, size - (size_t)(end + 1 - line), end + 1, &in.size)) {
        return bad_line(err);
    }
    if (p->work(p->context, number, in, &p->arena, &out, err) != 0) {
        return -1;
    }
    (void)fprintf(p->printer.out, "%llu", (unsigned long long)number);
    print_text(&p->printer, out.data, out.size);
    (void)fputc('\n', p->printer.out);
    arena_clear(&p->arena);
    return ferror(p->printer.out) ? output_error(err) : 0;
}

static int work_on_pieces(struct pieces *p, struct error *err)
{
    int status = each_line(take_numbered, p, err);
    arena_release(&p->arena);
    return finish(&p->printer, status, err);
}

static int grow_piece(void *context, uint64_t number, struct bytes in, struct arena *arena,
                      struct bytes *out, struct error *err)
{
    (void)in; /* the number says all */
    return forest_grower_tree(context, number, arena, out, err);
}

int pipeline_worker_grow(const char *task_path, struct error *err)
{
    struct forest_grower *grower = NULL;
    struct pieces pieces = {.printer = {.out = stdout}, .work = grow_piece};
    int status = forest_grower_open(task_path, &grower, err);
    if (status == 0) {
        pieces.context = grower;
        status = work_on_pieces(&pieces, err);
    }
    forest_grower_close(grower);
    return status;
}

/* float X[rows][features] becomes double P[rows][classes]. */
static int score_piece(void *context, uint64_t number, struct bytes in, struct arena *arena,
                       struct bytes *out, struct error *err)
{
    const struct scored *s = context;
    size_t row_bytes = s->features * sizeof(float);
    size_t rows = in.size / row_bytes;
    (void)number;
    if (in.size % row_bytes != 0) {
        return bad_line(err);
    }
    float *x = ARENA_NEW(arena, float, rows * s->features);
    double *prob = ARENA_NEW(arena, double, rows * s->classes);
    memcpy(x, in.data, in.size);
    scored_predict(s, x, rows, prob);
    *out = (struct bytes){(const char *)prob, rows * s->classes * sizeof *prob};
    return 0;
}

int pipeline_worker_rows(const char *model_path, bool calibrated, struct error *err)
{
    struct arena arena = {0};
    struct scored scored;
    const struct session session = {.threads = 1};
    const struct score_options options = {.model_path = model_path, .calibrated = calibrated};
    struct pieces pieces = {.printer = {.out = stdout}, .work = score_piece, .context = &scored};
    int status = scored_init(&scored, &session, &options, &arena, err);
    if (status == 0) {
        status = work_on_pieces(&pieces, err);
    }
    scored_release(&scored);
    arena_release(&arena);
    return status;
}
