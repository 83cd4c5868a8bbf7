/* What ingest is measured against: the system calls alone, and DuckDB's own reader.
 *
 *   ingest_bench_tool bare FOLDER             opens, reads and closes every file; prints seconds
 *   ingest_bench_tool duckdb FOLDER THREADS   read_json of every file, columns named; prints
 * seconds ingest_bench_tool empty                   opens the engine, asks one question, closes */
#include "lake/lake.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int read_bare(const char *path)
{
    static char bytes[1 << 16];
    DIR *folder = opendir(path);
    size_t files = 0;
    if (!folder) {
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int fd = openat(dirfd(folder), entry->d_name, O_RDONLY);
        if (fd < 0) {
            closedir(folder);
            return -1;
        }
        while (read(fd, bytes, sizeof bytes) > 0) {
            files++;
        }
        close(fd);
    }
    closedir(folder);
    return files > 0 ? 0 : -1;
}

static int ask(const char *threads, const char *sql)
{
    const struct lake_options options = {.threads = (unsigned)strtoul(threads, NULL, 10)};
    struct lake *lake = NULL;
    struct error err;
    uint64_t count;
    int status = lake_open(&lake, &options, &err) == 0 ? lake_count(lake, sql, &count, &err) : -1;
    if (status != 0) {
        (void)fprintf(stderr, "%s\n", err.text[LANG_EN]);
    }
    lake_close(lake);
    return status;
}

static int read_duckdb(const char *path, const char *threads)
{
    struct arena arena = {0};
    int status =
        ask(threads, arena_printf(&arena,
                                  "SELECT count(vin) + count(temp_moteur) + count(km_actuel) FROM "
                                  "read_json('%s/*.json', columns = {vin: 'VARCHAR', timestamp: "
                                  "'VARCHAR', temp_moteur: 'DOUBLE', vitesse: 'BIGINT', km_actuel: "
                                  "'BIGINT', pression_huile: 'DOUBLE', regime_moteur: 'BIGINT', "
                                  "voltage_batterie: 'DOUBLE', temps_0_100: 'DOUBLE', "
                                  "conso_essence: 'DOUBLE', pression_injection: 'DOUBLE'})",
                                  path));
    arena_release(&arena);
    return status;
}

int main(int argc, char **argv)
{
    double start = now();
    int status = -1;
    if (argc == 3 && strcmp(argv[1], "bare") == 0) {
        status = read_bare(argv[2]);
    } else if (argc == 4 && strcmp(argv[1], "duckdb") == 0) {
        status = read_duckdb(argv[2], argv[3]);
    } else if (argc == 2 && strcmp(argv[1], "empty") == 0) {
        status = ask("0", "SELECT 42");
    } else {
        (void)fprintf(stderr,
                      "usage: ingest_bench_tool bare FOLDER | duckdb FOLDER THREADS | empty\n");
    }
    printf("%.4f\n", now() - start);
    return status == 0 ? 0 : 1;
}
