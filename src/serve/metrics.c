/* Counters and their text; see metrics.h. */
#include "serve/metrics.h"

#include "serve/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const double bounds[METRIC_BUCKETS] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                              0.005,  0.02,    0.1,    0.5,   2.5};

void metrics_count(struct metrics *metrics, size_t route, unsigned status, double seconds)
{
    size_t bucket = 0;
    size_t hundred = status / 100 < METRIC_STATUSES ? status / 100 : 0;
    while (bucket < METRIC_BUCKETS && seconds > bounds[bucket]) {
        bucket++;
    }
    atomic_fetch_add(&metrics->requests[route][hundred], 1);
    atomic_fetch_add(&metrics->buckets[bucket], 1);
    atomic_fetch_add(&metrics->microseconds, (unsigned long long)(seconds * 1e6));
}

static void head(struct body *out, const char *name, const char *type, const char *help)
{
    body_printf(out, "# HELP autostream_%s %s\n# TYPE autostream_%s %s\n", name, help, name, type);
}

static void one(struct body *out, const char *name, const char *type, const char *help,
                long long value)
{
    head(out, name, type, help);
    body_printf(out, "autostream_%s %lld\n", name, value);
}

static const char *route_name(size_t route)
{
    return route == METRIC_PAGES ? "pages" : route < route_count ? routes[route].path : "other";
}

static void write_requests(struct metrics *metrics, struct body *out)
{
    head(out, "http_requests_total", "counter", "Requests by route and kind of status.");
    for (size_t r = 0; r < METRIC_ROUTES; r++) {
        for (size_t s = 0; s < METRIC_STATUSES; s++) {
            unsigned long long count = atomic_load(&metrics->requests[r][s]);
            if (count > 0) {
                body_printf(out,
                            "autostream_http_requests_total{route=\"%s\",status=\"%zuxx\"} %llu\n",
                            route_name(r), s, count);
            }
        }
    }
    head(out, "http_request_duration_seconds", "histogram", "Time to answer.");
    unsigned long long sum = 0;
    for (size_t b = 0; b <= METRIC_BUCKETS; b++) {
        sum += atomic_load(&metrics->buckets[b]);
        if (b < METRIC_BUCKETS) {
            body_printf(out, "autostream_http_request_duration_seconds_bucket{le=\"%g\"} %llu\n",
                        bounds[b], sum);
        }
    }
    body_printf(out,
                "autostream_http_request_duration_seconds_bucket{le=\"+Inf\"} %llu\n"
                "autostream_http_request_duration_seconds_sum %.6f\n"
                "autostream_http_request_duration_seconds_count %llu\n",
                sum, (double)atomic_load(&metrics->microseconds) / 1e6, sum);
}

/* Memory of the process as the kernel tells it; 0: it does not. */
static long long resident_bytes(void)
{
    char line[128] = ""; /* all pages, then the resident ones, then others */
    char *resident = line;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fgets(line, sizeof line, file) != NULL) {
            (void)strtoll(line, &resident, 10);
        }
        (void)fclose(file);
    }
    return strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void write_run(const struct view *view, struct body *out)
{
    const struct loaded_run *run = view->latest;
    char date[DATE_TEXT_SIZE];
    one(out, "runs", "gauge", "Runs that have gold.", (long long)view->run_count);
    one(out, "degraded", "gauge", "1: the files on disk are not what is served.", view->warned);
    if (run == NULL) {
        return;
    }
    head(out, "run_info", "gauge", "The run that is served.");
    body_printf(
        out, "autostream_run_info{run_date=\"%s\",gold_sha256=\"%s\",model_sha256=\"%s\"} 1\n",
        date_format(run->record.run_date, date), run->record.gold_sha256, run->record.model_sha256);
    one(out, "run_date_seconds", "gauge", "Run date that is served, seconds since 1970.",
        (long long)run->record.run_date * 86400);
    one(out, "store_bytes", "gauge", "Memory of the fleet that is served.",
        (long long)store_bytes(run->store));
    head(out, "vehicles", "gauge", "Vehicles that are served, by statut.");
    for (size_t s = 0; s < STATUT_COUNT; s++) {
        body_printf(out, "autostream_vehicles{statut=\"%s\"} %llu\n", statut_kinds[s].name,
                    (unsigned long long)store_fleet_kpi(run->store)->by_statut[s]);
    }
}

void metrics_write(struct metrics *metrics, const struct view *view, struct body *out)
{
    head(out, "build_info", "gauge", "The program.");
    body_text(out, "autostream_build_info{version=\"" AUTOSTREAM_VERSION "\"} 1\n");
    write_requests(metrics, out);
    one(out, "cache_hits_total", "counter", "Answers given again.",
        (long long)atomic_load(&metrics->cache_hits));
    one(out, "cache_misses_total", "counter", "Answers made.",
        (long long)atomic_load(&metrics->cache_misses));
    one(out, "runs_loaded_total", "counter", "Runs loaded into memory.",
        (long long)atomic_load(&metrics->runs_loaded));
    one(out, "load_failures_total", "counter", "Runs that could not be loaded.",
        (long long)atomic_load(&metrics->load_failures));
    one(out, "connections", "gauge", "Open connections.", atomic_load(&metrics->connections));
    one(out, "event_streams", "gauge", "Pages that wait for new runs.",
        atomic_load(&metrics->streams));
    one(out, "resident_memory_bytes", "gauge", "Memory of the process.", resident_bytes());
    write_run(view, out);
}
