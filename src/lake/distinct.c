/* Sorted rows, in memory or in runs on disk; see distinct.h.
 *
 * A run is one file without a name: packed rows (rows_pack()), one after another. Reads and writes
 * the scratch folder alone. */
#include "lake/distinct.h"

#include "base/fs.h"
#include "base/parallel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MARK_BYTES = 16 << 10,  /* of a run, from one mark to the next */
    PIECE_BYTES = 32 << 20, /* of all runs: as rows in memory twice that, for each thread */
    BUFFER_BYTES = 4 << 20,
    AHEAD = 8,           /* rows */
    COUNTED_COLUMNS = 2, /* of the key, that repetitions are counted of while a piece is at hand */
};

struct mark { /* a row of a run: the first of a day, or some KB behind the last mark */
    int32_t day;
    struct bytes first; /* its text in the key's first column */
    uint64_t offset;
};

struct run {
    int file;
    uint64_t bytes;
    struct mark *marks;
    size_t mark_count, mark_room;
    size_t *days; /* [day_count] the first mark of each day */
    size_t day_count;
    struct arena memory; /* texts of the marks */
};

struct counted { /* what was seen of a piece when it was read */
    bool known;
    size_t rows;
    uint64_t repeated, nulls[BATCH_COLUMNS];
};

struct distinct *distinct_open(const struct table *table, const char *key, const char *least,
                               const char *day, const char *scratch)
{
    struct distinct *distinct = xcalloc(1, sizeof *distinct);
    struct arena *memory = &distinct->memory;
    distinct->table = *table;
    distinct->table.name = arena_strdup(memory, table->name);
    distinct->key = arena_strdup(memory, key);
    distinct->least = arena_strdup(memory, least);
    distinct->day = day ? arena_strdup(memory, day) : NULL;
    distinct->scratch = scratch;
    distinct->rows = rows_open(table, key, least, day);
    return distinct;
}

void distinct_close(struct distinct *distinct)
{
    if (!distinct) {
        return;
    }
    for (size_t i = 0; i < distinct->run_count; i++) {
        struct run *run = &distinct->runs[i];
        (void)close(run->file);
        free(run->marks);
        free(run->days);
        arena_release(&run->memory);
    }
    rows_close(distinct->rows);
    free(distinct->runs);
    free(distinct->bounds);
    free(distinct->counted);
    free(distinct->days);
    arena_release(&distinct->memory);
    free(distinct);
}

/* ---- writing a run ---- */

int memory_is_full(const char *what, struct error *err)
{
    return error_set(err, "%s : la limite de mémoire est atteinte ; donnez-en plus avec --memory",
                     "%s: the memory limit is reached; give more with --memory", what);
}

int scratch_is_full(const char *what, struct error *err)
{
    return error_set(err,
                     "%s : plus de place sur le disque pour ce qui dépasse la mémoire ; "
                     "libérez-en, ou donnez plus de mémoire avec --memory",
                     "%s: no space left on the disk for what does not fit into memory; free "
                     "some, or give more memory with --memory",
                     what);
}

int scratch_is_closed(const char *what, const char *why, struct error *err)
{
    return error_set(err,
                     "%s : ce qui dépasse la mémoire ne peut être écrit (%.*s) ; rendez ce "
                     "dossier possible, ou donnez plus de mémoire avec --memory",
                     "%s: what does not fit into memory cannot be written (%.*s); make this "
                     "folder possible, or give more memory with --memory",
                     what, (int)strcspn(why, "\n"), why);
}

/* By errno. */
static int scratch_error(const char *scratch, struct error *err)
{
    return errno == ENOSPC ? scratch_is_full(scratch, err)
                           : scratch_is_closed(scratch, strerror(errno), err);
}

/* A file that is gone when it is closed, or the program ends. */
static int open_run(const struct distinct *distinct, struct run *run, struct error *err)
{
    const char *scratch = distinct->scratch;
    struct arena arena = {0};
    struct error why;
    int status = 0;
    if (!scratch) {
        return memory_is_full(distinct->table.name, err);
    }
    char *path = arena_printf(&arena, "%s/rows-XXXXXX", scratch);
    if (fs_make_folders(scratch, &why) == 0) {
        run->file = mkostemp(path, O_CLOEXEC);
    }
    if (run->file < 0 || unlink(path) != 0) {
        status = scratch_error(scratch, err);
    }
    arena_release(&arena);
    return status;
}

static struct mark *add_mark(struct run *run)
{
    if (run->mark_count == run->mark_room) {
        run->mark_room = run->mark_room ? run->mark_room * 2 : 256;
        run->marks = xrealloc(run->marks, run->mark_room, sizeof *run->marks);
    }
    return &run->marks[run->mark_count++];
}

/* The sorted rows by day; where no days are listed all are of day 0. */
static int write_rows(const struct rows *rows, struct run *run)
{
    unsigned char *buffer = xcalloc(1, BUFFER_BYTES);
    size_t used = 0;
    uint64_t marked = 0;
    int status = 0;
    const uint32_t *order = rows->by_day ? rows->by_day : rows->order;
    run->days = xcalloc(rows->day_count + 1, sizeof *run->days);
    for (size_t i = 0, d = 0; i < rows->count && status == 0; i++) {
        const unsigned char *row = rows_at(rows, order[i]);
        bool first = i == 0;
        while (rows->by_day && i == rows->day_ends[d]) {
            d++;
            first = true;
        }
        if (i + AHEAD < rows->count) { /* they lie anywhere */
            __builtin_prefetch(rows_at(rows, order[i + AHEAD]));
        }
        if (first) {
            run->days[run->day_count++] = run->mark_count;
        }
        if (first || run->bytes - marked >= MARK_BYTES) {
            struct bytes text = rows_text(row, &rows->columns[rows->key[0]]);
            *add_mark(run) =
                (struct mark){rows->by_day ? rows->first_day + (int32_t)d : 0,
                              {arena_copy(&run->memory, text.data, text.size), text.size},
                              run->bytes};
            marked = run->bytes;
        }
        size_t size = rows_packed_size(rows, row);
        if (BUFFER_BYTES - used < size) {
            status = fs_put(run->file, buffer, used);
            used = 0;
        }
        used += rows_pack(rows, row, buffer + used);
        run->bytes += size;
    }
    status = status == 0 ? fs_put(run->file, buffer, used) : -1;
    free(buffer);
    return status;
}

int distinct_spill(struct distinct *distinct, unsigned threads, struct error *err)
{
    struct run run = {.file = -1};
    rows_sort(distinct->rows, threads);
    if (open_run(distinct, &run, err) != 0) {
        return -1;
    }
    distinct->runs = xrealloc(distinct->runs, distinct->run_count + 1, sizeof run);
    int status = write_rows(distinct->rows, &run);
    distinct->runs[distinct->run_count++] = run; /* closed with the others */
    if (status != 0) {
        return scratch_error(distinct->scratch, err);
    }
    rows_close(distinct->rows);
    distinct->rows = rows_open(&distinct->table, distinct->key, distinct->least, distinct->day);
    return 0;
}

int distinct_add(struct distinct *distinct, const struct batch *batch, unsigned threads,
                 struct error *err)
{
    if (rows_add(distinct->rows, batch)) {
        return 0;
    }
    if (distinct_spill(distinct, threads, err) != 0) {
        return -1;
    }
    bool added = rows_add(distinct->rows, batch);
    assert(added);
    return added ? 0 : -1;
}

/* ---- pieces of runs ---- */

static int compare_firsts(const void *a, const void *b)
{
    return rows_compare_texts(*(const struct bytes *)a, *(const struct bytes *)b);
}

static int compare_days(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Each mark stands for as many bytes: pieces of as many marks are of one size. */
static void cut_pieces(struct distinct *distinct)
{
    size_t marks = 0, pieces = 1;
    uint64_t bytes = 0;
    for (size_t i = 0; i < distinct->run_count; i++) {
        marks += distinct->runs[i].mark_count;
        bytes += distinct->runs[i].bytes;
    }
    struct bytes *firsts = xcalloc(marks, sizeof *firsts);
    for (size_t i = 0, m = 0; i < distinct->run_count; i++) {
        for (size_t k = 0; k < distinct->runs[i].mark_count; k++) {
            firsts[m++] = distinct->runs[i].marks[k].first;
        }
    }
    qsort(firsts, marks, sizeof *firsts, compare_firsts);
    size_t wanted = (size_t)(bytes / PIECE_BYTES) + 1;
    distinct->bounds = xcalloc(wanted, sizeof *distinct->bounds);
    for (size_t p = 1; p < wanted; p++) {
        struct bytes bound = firsts[marks * p / wanted];
        if (pieces == 1 || rows_compare_texts(distinct->bounds[pieces - 2], bound) < 0) {
            distinct->bounds[pieces++ - 1] = bound;
        }
    }
    distinct->piece_count = pieces;
    distinct->counted = xcalloc(pieces, sizeof *distinct->counted);
    free(firsts);
}

static void add_day(struct distinct *distinct, int32_t day)
{
    size_t count = distinct->day_count;
    if ((count & (count - 1)) == 0) { /* room for the next power of two */
        distinct->days = xrealloc(distinct->days, count ? count * 2 : 1, sizeof *distinct->days);
    }
    distinct->days[distinct->day_count++] = day;
}

static void find_days(struct distinct *distinct)
{
    const struct rows *rows = distinct->rows;
    for (size_t d = 0; d < rows->day_count; d++) {
        if (rows->day_ends[d] > (d > 0 ? rows->day_ends[d - 1] : 0)) {
            add_day(distinct, rows->first_day + (int32_t)d);
        }
    }
    for (size_t i = 0; i < distinct->run_count; i++) {
        const struct run *run = &distinct->runs[i];
        for (size_t d = 0; d < run->day_count; d++) {
            add_day(distinct, run->marks[run->days[d]].day);
        }
    }
    if (distinct->day_count == 0) {
        return;
    }
    qsort(distinct->days, distinct->day_count, sizeof *distinct->days, compare_days);
    size_t kept = 0;
    for (size_t d = 0; d < distinct->day_count; d++) {
        if (kept == 0 || distinct->days[kept - 1] != distinct->days[d]) {
            distinct->days[kept++] = distinct->days[d];
        }
    }
    distinct->day_count = kept;
}

bool distinct_ended(const struct distinct *distinct)
{
    return distinct->counted || distinct->rows->order;
}

int distinct_end(struct distinct *distinct, unsigned threads, struct error *err)
{
    if (distinct_ended(distinct)) {
        return 0;
    }
    if (distinct->run_count == 0) {
        rows_sort(distinct->rows, threads);
        distinct->piece_count = distinct->rows->piece_count;
        distinct->counted = xcalloc(distinct->piece_count + 1, sizeof *distinct->counted);
    } else {
        if (distinct->rows->added > 0 && distinct_spill(distinct, threads, err) != 0) {
            return -1;
        }
        cut_pieces(distinct);
    }
    find_days(distinct);
    return 0;
}

size_t distinct_pieces(const struct distinct *distinct, const int32_t *day)
{
    return day && distinct->run_count == 0 ? 1 : distinct->piece_count;
}

static int read_bytes(const struct run *run, uint64_t start, size_t size, unsigned char *out)
{
    while (size > 0) {
        ssize_t got = pread(run->file, out, size, (off_t)start);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            errno = got == 0 ? EIO : errno;
            return -1;
        }
        out += got < 0 ? 0 : got;
        start += got < 0 ? 0 : (uint64_t)got;
        size -= got < 0 ? 0 : (size_t)got;
    }
    return 0;
}

/* The rows of a piece that marks first .. end - 1, which are of one day, have behind them. */
static int read_day(const struct distinct *distinct, const struct run *run, size_t first,
                    size_t end, size_t piece, struct rows *rows)
{
    const struct bytes *low = piece > 0 ? &distinct->bounds[piece - 1] : NULL;
    const struct bytes *high = piece + 1 < distinct->piece_count ? &distinct->bounds[piece] : NULL;
    size_t start = first;
    for (size_t below = end; low && below - start > 1;) { /* the last mark before it, by halves */
        size_t middle = (start + below) / 2;
        *(rows_compare_texts(run->marks[middle].first, *low) < 0 ? &start : &below) = middle;
    }
    size_t stop = start, above = end;
    while (stop < above) { /* the first mark behind it */
        size_t middle = (stop + above) / 2;
        if (high && rows_compare_texts(run->marks[middle].first, *high) >= 0) {
            above = middle;
        } else {
            stop = middle + 1;
        }
    }
    uint64_t offset = run->marks[start].offset;
    size_t size =
        (size_t)((stop < run->mark_count ? run->marks[stop].offset : run->bytes) - offset);
    unsigned char *bytes = xrealloc(NULL, size, 1);
    int status = read_bytes(run, offset, size, bytes);
    for (size_t at = 0; status == 0 && at < size;) {
        struct bytes text = {0};
        size_t length = rows_packed_first(rows, bytes + at, &text);
        if ((!low || rows_compare_texts(text, *low) >= 0) &&
            (!high || rows_compare_texts(text, *high) < 0)) {
            rows_unpack(rows, bytes + at);
        }
        at += length;
    }
    free(bytes);
    return status;
}

static int read_piece(const struct distinct *distinct, size_t piece, const int32_t *day,
                      struct rows *rows)
{
    for (size_t i = 0; i < distinct->run_count; i++) {
        const struct run *run = &distinct->runs[i];
        for (size_t d = 0; d < run->day_count; d++) {
            size_t first = run->days[d];
            size_t end = d + 1 < run->day_count ? run->days[d + 1] : run->mark_count;
            if ((!day || *day == run->marks[first].day) &&
                read_day(distinct, run, first, end, piece, rows) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

int distinct_piece(const struct distinct *distinct, size_t number, const int32_t *day,
                   struct piece *out, struct error *err)
{
    const struct rows *rows = distinct->rows;
    struct counted *counted = &distinct->counted[number];
    *out = (struct piece){.rows = rows};
    if (distinct->run_count == 0) {
        out->part = day ? rows_of_day(rows, *day) : rows_piece(rows, number);
    } else {
        out->own = rows_open(&distinct->table, distinct->key, distinct->least, NULL);
        out->rows = out->own;
        if (read_piece(distinct, number, day, out->own) != 0) {
            return fs_read_error(distinct->scratch, err);
        }
        rows_sort(out->own, 1);
        out->part = (struct rows_part){out->own->order, out->own->count};
    }
    if (!day && !counted->known) { /* one thread asks for a piece */
        counted->rows = out->part.count;
        memcpy(counted->nulls, out->rows->nulls, sizeof counted->nulls); /* where it is its own */
        counted->repeated = rows_repeated(out->rows, out->part, COUNTED_COLUMNS);
        counted->known = true;
    }
    return 0;
}

void piece_close(struct piece *piece)
{
    rows_close(piece->own);
    piece->own = NULL;
}

/* ---- counting ---- */

size_t distinct_estimate(const struct distinct *distinct)
{
    size_t rows = distinct->rows->count;
    for (size_t i = 0; i < distinct->run_count; i++) {
        rows += (size_t)distinct->runs[i].bytes / distinct->rows->row_size;
    }
    return rows;
}

struct counting {
    struct distinct *distinct;
    size_t columns;
    pthread_mutex_t lock; /* around what follows */
    uint64_t repeated;
    bool failed;
    struct error *err;
};

static void count_piece(void *context, size_t number, unsigned worker)
{
    struct counting *counting = context;
    const struct counted *counted = &counting->distinct->counted[number];
    struct piece piece = {0};
    struct error err;
    uint64_t repeated = counted->repeated;
    bool failed = false;
    (void)worker;
    if (!counted->known || counting->columns != COUNTED_COLUMNS) {
        failed = distinct_piece(counting->distinct, number, NULL, &piece, &err) != 0;
        repeated = failed ? 0 : rows_repeated(piece.rows, piece.part, counting->columns);
        piece_close(&piece);
    }
    pthread_mutex_lock(&counting->lock);
    counting->repeated += repeated;
    if (failed && !counting->failed) {
        counting->failed = true;
        *counting->err = err;
    }
    pthread_mutex_unlock(&counting->lock);
}

int distinct_count(struct distinct *distinct, size_t columns, unsigned threads, uint64_t *repeated,
                   struct error *err)
{
    struct counting counting = {
        .distinct = distinct, .columns = columns, .lock = PTHREAD_MUTEX_INITIALIZER, .err = err};
    parallel_for(distinct->piece_count > 1 ? threads : 1, distinct->piece_count, count_piece,
                 &counting);
    *repeated = counting.repeated;
    return counting.failed ? -1 : 0;
}

bool distinct_nulls(const struct distinct *distinct, uint64_t *rows, uint64_t *nulls)
{
    *rows = distinct->rows->count;
    memcpy(nulls, distinct->rows->nulls, sizeof distinct->rows->nulls);
    if (distinct->run_count == 0) {
        return distinct_ended(distinct);
    }
    for (size_t p = 0; p < distinct->piece_count; p++) {
        const struct counted *counted = &distinct->counted[p];
        if (!counted->known) {
            return false;
        }
        *rows += counted->rows;
        for (size_t c = 0; c < BATCH_COLUMNS; c++) {
            nulls[c] += counted->nulls[c];
        }
    }
    return true;
}
