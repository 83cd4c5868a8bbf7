/* Work that takes too long for the threads that serve everybody: a few threads of its own, a
 * bounded queue. */
#ifndef SERVE_JOBS_H
#define SERVE_JOBS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct job {
    struct job *next;
    void (*run)(struct job *job);
};

enum { JOB_THREADS = 2, JOBS_AT_MOST = 512 };

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, *last;
    size_t waiting;
    bool ending;
    pthread_t threads[JOB_THREADS];
    size_t started;
};

/* Starts the threads; -1: the system has none left. A zeroed `jobs` is for jobs_end(). */
int jobs_start(struct jobs *jobs);

/* Hands a job over, owned by the caller until run() was called; false: too many wait, or all ends.
 */
bool jobs_add(struct jobs *jobs, struct job *job);

/* Runs what waits, then ends the threads. */
void jobs_end(struct jobs *jobs);

#endif
