/* Reads whole folders of files, many at a time, and single CSV files; see ingest.h.
 *
 * Every file is read by one thread from its first byte to its last, hashed on the way. Threads meet
 * only in the sink, behind one lock, and where progress is told, behind another. */
#include "ingest/ingest.h"

#include "base/fs.h"
#include "base/parallel.h"
#include "ingest/reader.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- which files ---- */

enum form { FORM_UNKNOWN, FORM_VALUES, FORM_LINES, FORM_CSV };

/* What a file's name says about it. */
struct kind {
    enum form form;
    enum compression compression;
    size_t stem; /* bytes of the name without its suffixes */
};

/* `suffix` is in lower case; most names differ from it in their last byte already. */
static inline bool cut_suffix(const char *name, size_t *size, const char *suffix)
{
    size_t length = strlen(suffix);
    if (*size <= length || (name[*size - 1] | 0x20) != suffix[length - 1] ||
        strncasecmp(name + *size - length, suffix, length) != 0) {
        return false;
    }
    *size -= length;
    return true;
}

static struct kind kind_of(const char *name)
{
    struct kind kind = {.stem = strlen(name)};
    if (cut_suffix(name, &kind.stem, ".gz")) {
        kind.compression = COMPRESSION_GZIP;
    } else if (cut_suffix(name, &kind.stem, ".zst")) {
        kind.compression = COMPRESSION_ZSTD;
    }
    if (cut_suffix(name, &kind.stem, ".json")) {
        kind.form = FORM_VALUES;
    } else if (cut_suffix(name, &kind.stem, ".ndjson") || cut_suffix(name, &kind.stem, ".jsonl")) {
        kind.form = FORM_LINES;
    } else if (cut_suffix(name, &kind.stem, ".csv")) {
        kind.form = FORM_CSV;
    }
    return kind;
}

static bool is_wanted(const char *name, bool csv)
{
    enum form form = kind_of(name).form;
    return name[0] != '.' && name[0] != '_' && form != FORM_UNKNOWN && (form == FORM_CSV) == csv;
}

struct name {
    uint64_t code; /* the eight bytes behind those that all have in common, as a number */
    char *text;
};

/* The names of the files to read, sorted. */
struct names {
    struct name *all;
    size_t count, room;
    struct arena arena;
    uint64_t ignored;
};

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    return x->code != y->code ? (x->code > y->code) - (x->code < y->code)
                              : strcmp(x->text, y->text);
}

/* By bytes. Their codes tell nearly all names apart, without a look at texts that lie anywhere. */
static void sort_names(struct names *names)
{
    size_t common = names->count > 0 ? strlen(names->all[0].text) : 0;
    for (size_t i = 1; i < names->count; i++) {
        size_t same = 0;
        while (same < common && names->all[i].text[same] == names->all[0].text[same]) {
            same++;
        }
        common = same;
    }
    for (size_t i = 0; i < names->count; i++) {
        const char *p = names->all[i].text + common;
        uint64_t code = 0;
        for (int bits = 56; bits >= 0 && *p; bits -= 8) {
            code |= (uint64_t)(unsigned char)*p++ << bits;
        }
        names->all[i].code = code;
    }
    if (names->count > 0) {
        qsort(names->all, names->count, sizeof *names->all, compare_names);
    }
}

static int list_error(const char *path, struct error *err)
{
    return error_set(err,
                     "%s : dossier illisible (%s) ; il faut un dossier, avec le droit de le lire",
                     "%s: cannot read this folder (%s); it must be a folder that you may read",
                     path, strerror(errno));
}

/* Lists the folder that `fd` is; `path` is for the error only. */
static int list_names(int fd, const char *path, bool csv, struct names *names, struct error *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (!folder) {
        int status = list_error(path, err);
        if (copy >= 0) {
            close(copy);
        }
        return status;
    }
    struct dirent *entry;
    for (errno = 0; (entry = readdir(folder)) != NULL; errno = 0) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            continue;
        }
        if (!is_wanted(name, csv)) {
            names->ignored++;
            continue;
        }
        if (names->count == names->room) {
            names->room = names->room ? names->room * 2 : 1024;
            names->all = xrealloc(names->all, names->room, sizeof *names->all);
        }
        names->all[names->count++].text = arena_strdup(&names->arena, name);
    }
    int status = errno == 0 ? 0 : list_error(path, err);
    closedir(folder);
    sort_names(names);
    return status;
}

/* ---- one file ---- */

static int read_stream(struct reader *reader, enum form form, struct error *err)
{
    window_begin(&reader->window, &reader->stream, reader->limit);
    switch (form) {
    case FORM_VALUES:
        return read_json_values(reader, err);
    case FORM_LINES:
        return read_json_lines(reader, err);
    default:
        return read_csv_rows(reader, err);
    }
}

/* Reads the file `path` in the folder `folder_fd` as one called `base`; reader->source is set. */
static int read_named(struct reader *reader, int folder_fd, const char *path, const char *base,
                      struct kind kind, struct error *err)
{
    struct input_file file = {.source = reader->source};
    uint64_t before = reader->collector.counts.records;
    int status;
    reader->stem = (struct bytes){base, kind.stem};
    reader->told = 0;
    if (stream_open(&reader->stream, folder_fd, path, kind.compression)) {
        ingest_mark(&reader->stream.info, &file);
        status = read_stream(reader, kind.form, err);
        stream_close(&reader->stream, status == 0 ? file.sha256 : NULL);
        file.bytes = reader->stream.disk_bytes;
        file.mtime = *file.sha256 ? file.mtime : 0;
    } else if (reader->header_required) {
        return error_set(err, "%s : lecture impossible (%s) ; vérifiez le fichier et ses droits",
                         "%s: cannot be read (%s); check the file and its permissions",
                         reader->path, errno ? strerror(errno) : "not a file");
    } else {
        struct record_origin origin = {.source = reader->source};
        status = collector_refuse(&reader->collector, "unreadable_file", &origin, err);
    }
    file.records = reader->collector.counts.records - before;
    return status == 0 ? collector_file(&reader->collector, &file, err) : -1;
}

static void reader_init(struct reader *reader, const struct ingest_options *options,
                        const struct ingest_map *map, const struct ingest_sink *sink,
                        pthread_mutex_t *lock)
{
    reader->map = map;
    reader->limit = options->record_limit > 0 ? options->record_limit : RECORD_LIMIT;
    collector_init(&reader->collector, options->spec, sink, lock);
}

static void reader_release(struct reader *reader)
{
    collector_release(&reader->collector);
    stream_release(&reader->stream);
    window_release(&reader->window);
    csv_row_free(reader->row);
    free(reader->scratch);
    *reader = (struct reader){0};
}

/* ---- all files ---- */

/* What the threads share. */
struct work {
    const struct ingest_options *options;
    const struct ingest_sink *sink;
    const struct ingest_map *map;
    const char *folder;
    int folder_fd;
    struct names names;
    struct worker *workers;
    pthread_mutex_t lock;       /* around the sink */
    pthread_mutex_t short_lock; /* around progress, and what follows: no thread keeps it for long */
    uint64_t files_done, bytes_done;
    bool failed;
    struct error *err; /* of the first failure */
    atomic_bool stop;
};

struct worker {
    struct work *work;
    bool ready;
    struct reader reader;
    struct arena arena; /* of the file at hand */
};

/* Only called when options->progress is there. */
static void tell(struct work *work, uint64_t files, uint64_t bytes)
{
    const struct ingest_options *options = work->options;
    pthread_mutex_lock(&work->short_lock);
    work->files_done += files;
    work->bytes_done += bytes;
    options->progress(options->progress_context, work->files_done, work->names.count,
                      work->bytes_done);
    pthread_mutex_unlock(&work->short_lock);
}

static void tick(void *context, uint64_t bytes)
{
    struct worker *worker = context;
    tell(worker->work, 0, bytes);
}

static void fail(struct work *work, const struct error *err)
{
    pthread_mutex_lock(&work->short_lock);
    if (!work->failed) {
        work->failed = true;
        *work->err = *err;
    }
    pthread_mutex_unlock(&work->short_lock);
    atomic_store(&work->stop, true);
}

static void read_one(void *context, size_t index, unsigned number)
{
    struct work *work = context;
    struct worker *worker = &work->workers[number];
    struct reader *reader = &worker->reader;
    const char *name = work->names.all[index].text;
    struct error err;
    if (atomic_load(&work->stop)) {
        return;
    }
    if (!worker->ready) {
        worker->ready = true;
        worker->work = work;
        reader_init(reader, work->options, work->map, work->sink, &work->lock);
        reader->tick = work->options->progress ? tick : NULL;
        reader->tick_context = worker;
    }
    arena_clear(&worker->arena);
    reader->source = ingest_source(work->folder, name, &worker->arena);
    reader->path = reader->source;
    if (ingest_was_taken(work->options->takens, reader->source)) {
        return;
    }
    if (read_named(reader, work->folder_fd, name, name, kind_of(name), &err) != 0) {
        fail(work, &err);
    } else if (reader->tick) {
        tell(work, 1, reader->stream.disk_bytes - reader->told);
    }
}

/* Sends the rows that wait in each worker, adds up and frees. */
static void finish_workers(struct work *work, unsigned threads, struct ingest_counts *counts)
{
    struct error err;
    for (unsigned i = 0; i < threads; i++) {
        struct worker *worker = &work->workers[i];
        if (worker->ready) {
            if (!work->failed && collector_flush(&worker->reader.collector, &err) != 0) {
                fail(work, &err);
            }
            ingest_counts_add(counts, &worker->reader.collector.counts);
        }
        reader_release(&worker->reader);
        arena_release(&worker->arena);
    }
}

int ingest_folder(const char *root, const char *folder, const struct ingest_options *options,
                  const struct ingest_sink *sink, struct ingest_counts *counts, struct error *err)
{
    struct ingest_map own;
    struct arena scratch = {0};
    struct work work = {.options = options,
                        .sink = sink,
                        .map = options->map ? options->map : &own,
                        .folder = folder,
                        .err = err,
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .short_lock = PTHREAD_MUTEX_INITIALIZER};
    unsigned threads = parallel_threads(options->threads);
    int status = -1;
    map_init_identity(&own, options->spec, false);
    *counts = (struct ingest_counts){0};
    const char *path = arena_printf(&scratch, "%s/%s", root, folder);
    work.folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work.folder_fd < 0) {
        list_error(path, err);
        goto done;
    }
    if (list_names(work.folder_fd, path, work.map->csv, &work.names, err) != 0) {
        goto done;
    }
    work.workers = xcalloc(threads, sizeof *work.workers);
    parallel_for(threads, work.names.count, read_one, &work);
    finish_workers(&work, threads, counts);
    counts->ignored = work.names.ignored;
    assert(counts->records == counts->accepted + counts->quarantined);
    status = work.failed ? -1 : 0;
done:
    if (work.folder_fd >= 0) {
        close(work.folder_fd);
    }
    free(work.workers);
    free(work.names.all);
    arena_release(&work.names.arena);
    arena_release(&scratch);
    return status;
}

int ingest_file(const char *path, const char *folder, const char *name,
                const struct ingest_options *options, const struct ingest_sink *sink,
                struct ingest_counts *counts, struct error *err)
{
    struct ingest_map own;
    struct arena arena = {0};
    struct reader reader = {0};
    map_init_identity(&own, options->spec, false);
    reader_init(&reader, options, options->map ? options->map : &own, sink, NULL);
    reader.source = ingest_source(folder, name, &arena);
    reader.path = reader.source;
    int status = read_named(&reader, AT_FDCWD, path, name, kind_of(name), err);
    if (status == 0) {
        status = collector_flush(&reader.collector, err);
    }
    ingest_counts_add(counts, &reader.collector.counts);
    reader_release(&reader);
    arena_release(&arena);
    return status;
}

const char *const *ingest_suffixes(const struct ingest_map *map)
{
    static const char *const json[] = {".json",      ".json.gz",    ".json.zst", ".ndjson",
                                       ".ndjson.gz", ".ndjson.zst", ".jsonl",    ".jsonl.gz",
                                       ".jsonl.zst", NULL};
    static const char *const csv[] = {".csv", ".csv.gz", ".csv.zst", NULL};
    return map && map->csv ? csv : json;
}

int ingest_csv(const char *root, const char *path, const struct ingest_options *options,
               const struct ingest_sink *sink, struct ingest_counts *counts, struct error *err)
{
    struct ingest_map own;
    struct arena arena = {0};
    struct reader reader = {0};
    int status = -1;
    map_init_identity(&own, options->spec, true);
    *counts = (struct ingest_counts){0};
    const char *full = arena_printf(&arena, "%s/%s", root, path);
    reader_init(&reader, options, options->map ? options->map : &own, sink, NULL);
    reader.source = ingest_source(NULL, path, &arena);
    reader.path = full;
    reader.header_required = true;
    if (!reader.map->csv) {
        error_set(err, "%s : la correspondance est pour du JSON, le fichier est un CSV",
                  "%s: the map is for JSON, the file is CSV", path);
        goto done;
    }
    if (!fs_exists(full) || fs_is_folder(full)) {
        error_set(err, "%s : pas de fichier à cet endroit ; mettez-y un fichier CSV",
                  "%s: there is no file; put a CSV file there", full);
        goto done;
    }
    const char *base = strrchr(full, '/') + 1;
    struct kind kind = kind_of(base);
    kind.form = FORM_CSV;
    status = read_named(&reader, AT_FDCWD, full, base, kind, err);
    if (status == 0) {
        status = collector_flush(&reader.collector, err);
    }
    *counts = reader.collector.counts;
    assert(counts->records == counts->accepted + counts->quarantined);
done:
    reader_release(&reader);
    arena_release(&arena);
    return status;
}
