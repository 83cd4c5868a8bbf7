/* Reads whole folders of files, many at a time, and single CSV files; see ingest.h.
 *
 * Every file is read by one thread from its first byte to its last, hashed on the way. Threads meet
 * only in the sink, behind one lock, where progress is told, behind another, and at the list of
 * names. */
#include "ingest/ingest.h"

#include "base/fs.h"
#include "base/parallel.h"
#include "base/radix.h"
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

/* The names of the files to read. One thread lists them while the others read already: the kernel
 * takes a tenth as long to list small files as to read them. What is left when the list is complete
 * is read in the order of names, which is mostly that of places on disk and of keys. */
struct listing {
    DIR *folder;
    const char *path; /* for errors only */
    bool csv;
    struct arena arena;
    uint64_t ignored;
    pthread_mutex_t lock; /* around what follows: the rest is the listing thread's */
    pthread_cond_t more;
    char **names;
    size_t taken, count, room;
    bool complete;
};

enum { NAMES_LISTED = 256, NAMES_TAKEN = 16 }; /* at a time, at most */

/* Sorts names by the eight bytes behind those that all have in common: no result depends on it. */
static void sort_names(char **names, size_t count)
{
    size_t common = count > 0 ? strlen(names[0]) : 0;
    if (count < 2 || count > UINT32_MAX) {
        return;
    }
    for (size_t i = 1; i < count; i++) {
        size_t same = 0;
        while (same < common && names[i][same] == names[0][same]) {
            same++;
        }
        common = same;
    }
    struct coded *codes = xcalloc(count, sizeof *codes), *spare = xcalloc(count, sizeof *spare);
    char **unsorted = xcalloc(count, sizeof *unsorted);
    for (size_t i = 0; i < count; i++) {
        const char *p = names[i] + common;
        unsorted[i] = names[i];
        codes[i].item = (uint32_t)i;
        for (int bits = 56; bits >= 0 && *p; bits -= 8) {
            codes[i].code |= (uint64_t)(unsigned char)*p++ << bits;
        }
    }
    const struct coded *sorted = radix_sort(codes, spare, count, 64);
    for (size_t i = 0; i < count; i++) {
        names[i] = unsorted[sorted[i].item];
    }
    free((void *)unsorted);
    free(spare);
    free(codes);
}

static int list_error(const char *path, struct error *err)
{
    return error_set(err,
                     "%s : dossier illisible (%s) ; il faut un dossier, avec le droit de le lire",
                     "%s: cannot read this folder (%s); it must be a folder that you may read",
                     path, strerror(errno));
}

/* Lets the threads know of more names; `last`: there are no others. */
static void add_names(struct listing *listing, char *const *names, size_t count, bool last)
{
    pthread_mutex_lock(&listing->lock);
    if (listing->count + count > listing->room) {
        listing->room = (listing->count + count) * 2;
        listing->names = xrealloc((void *)listing->names, listing->room, sizeof *names);
    }
    if (count > 0) {
        memcpy((void *)(listing->names + listing->count), (const void *)names,
               count * sizeof *names);
    }
    listing->count += count;
    if (last) {
        sort_names(listing->names + listing->taken, listing->count - listing->taken);
        listing->complete = true;
    }
    pthread_cond_broadcast(&listing->more);
    pthread_mutex_unlock(&listing->lock);
}

/* Lists some names more; *last is set when these were the last ones, or all that can be read. */
static int list_some(struct listing *listing, bool *last, struct error *err)
{
    char *names[NAMES_LISTED];
    size_t count = 0;
    int status = 0;
    *last = false;
    while (count < NAMES_LISTED && !*last) {
        errno = 0;
        const struct dirent *entry = readdir(listing->folder);
        const char *name = entry ? entry->d_name : "";
        if (!entry) {
            *last = true;
            status = errno == 0 ? 0 : list_error(listing->path, err);
        } else if (is_wanted(name, listing->csv)) {
            names[count++] = arena_strdup(&listing->arena, name);
        } else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            listing->ignored++;
        }
    }
    add_names(listing, names, count, *last);
    return status;
}

/* Takes the next names, fewer towards the end or when files are few, that `threads` share; waits
 * for them. 0: there are no more. */
static size_t take_names(struct listing *listing, unsigned threads, char *names[NAMES_TAKEN])
{
    pthread_mutex_lock(&listing->lock);
    while (listing->taken == listing->count && !listing->complete) {
        pthread_cond_wait(&listing->more, &listing->lock);
    }
    size_t left = listing->count - listing->taken, count = left / threads / 4;
    count = count > NAMES_TAKEN ? NAMES_TAKEN : count == 0 && left > 0 ? 1 : count;
    for (size_t i = 0; i < count; i++) {
        names[i] = listing->names[listing->taken++];
        __builtin_prefetch(names[i]); /* they lie in the order of the folder */
    }
    pthread_mutex_unlock(&listing->lock);
    return count;
}

static int listing_open(struct listing *listing, const char *path, bool csv, struct error *err)
{
    *listing = (struct listing){.path = path,
                                .csv = csv,
                                .lock = PTHREAD_MUTEX_INITIALIZER,
                                .more = PTHREAD_COND_INITIALIZER};
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    listing->folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!listing->folder) {
        int status = list_error(path, err);
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    return 0;
}

static void listing_close(struct listing *listing)
{
    if (listing->folder) {
        closedir(listing->folder);
    }
    free((void *)listing->names);
    arena_release(&listing->arena);
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
    struct listing listing;
    unsigned threads;
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
    struct arena arena;    /* of the file at hand */
    uint64_t files, bytes; /* not told of yet */
};

/* Only called when options->progress is there. */
static void tell(struct work *work, uint64_t files, uint64_t bytes)
{
    const struct ingest_options *options = work->options;
    pthread_mutex_lock(&work->listing.lock);
    uint64_t total = work->listing.complete ? work->listing.count : 0;
    pthread_mutex_unlock(&work->listing.lock);
    pthread_mutex_lock(&work->short_lock);
    work->files_done += files;
    work->bytes_done += bytes;
    options->progress(options->progress_context, work->files_done, total, work->bytes_done);
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

static void read_one(struct worker *worker, const char *name)
{
    struct work *work = worker->work;
    struct reader *reader = &worker->reader;
    struct error err;
    arena_clear(&worker->arena);
    reader->source = ingest_source(work->folder, name, &worker->arena);
    reader->path = reader->source;
    if (ingest_was_taken(work->options->takens, reader->source)) {
        return;
    }
    if (read_named(reader, dirfd(work->listing.folder), name, name, kind_of(name), &err) != 0) {
        fail(work, &err);
    }
    worker->files++;
    worker->bytes += reader->stream.disk_bytes - reader->told;
}

/* Lists what was not listed before, also when no one reads any more: others may wait for it. */
static void list_rest(struct work *work)
{
    struct error err;
    bool last = work->listing.complete;
    while (!last) {
        if (list_some(&work->listing, &last, &err) != 0) {
            fail(work, &err);
        }
    }
}

static void read_files(void *context, size_t index, unsigned number)
{
    struct work *work = context;
    struct worker *worker = &work->workers[number];
    char *names[NAMES_TAKEN];
    size_t count;
    if (!worker->ready) {
        worker->ready = true;
        worker->work = work;
        reader_init(&worker->reader, work->options, work->map, work->sink, &work->lock);
        worker->reader.tick = work->options->progress ? tick : NULL;
        worker->reader.tick_context = worker;
    }
    if (index == 0) {
        list_rest(work);
    }
    while ((count = take_names(&work->listing, work->threads, names)) > 0) {
        for (size_t i = 0; i < count && !atomic_load(&work->stop); i++) {
            read_one(worker, names[i]);
        }
        if (worker->reader.tick) {
            tell(work, worker->files, worker->bytes);
            worker->files = worker->bytes = 0;
        }
    }
}

/* Sends the rows that wait in each worker, adds up and frees. */
static void finish_workers(struct work *work, struct ingest_counts *counts)
{
    struct error err;
    for (unsigned i = 0; i < work->threads; i++) {
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
                        .threads = parallel_threads(options->threads),
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .short_lock = PTHREAD_MUTEX_INITIALIZER};
    int status = -1;
    bool few;
    map_init_identity(&own, options->spec, false);
    *counts = (struct ingest_counts){0};
    const char *path = arena_printf(&scratch, "%s/%s", root, folder);
    if (listing_open(&work.listing, path, work.map->csv, err) != 0 ||
        list_some(&work.listing, &few, err) != 0) {
        goto done;
    }
    if (few && work.listing.count < work.threads) {
        work.threads = work.listing.count > 0 ? (unsigned)work.listing.count : 1;
    }
    work.workers = xcalloc(work.threads, sizeof *work.workers);
    parallel_for(work.threads, work.threads, read_files, &work);
    finish_workers(&work, counts);
    counts->ignored = work.listing.ignored;
    assert(counts->records == counts->accepted + counts->quarantined);
    status = work.failed ? -1 : 0;
done:
    listing_close(&work.listing);
    free(work.workers);
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
