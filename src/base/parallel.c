/* POSIX threads over one atomic counter; see parallel.h. A thread that cannot be started is no
 * error: the calling thread works as well and finishes what is left. */
#include "base/parallel.h"

#include "base/arena.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct work {
    atomic_size_t next;
    size_t count;
    void (*task)(void *context, size_t index, unsigned worker);
    void *context;
};

struct worker {
    struct work *work;
    unsigned number;
    pthread_t thread;
};

unsigned parallel_threads(unsigned threads)
{
    if (threads > 0) {
        return threads;
    }
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return (unsigned)CPU_COUNT(&set);
    }
    return 1;
}

static void *work_off(void *argument)
{
    struct worker *worker = argument;
    struct work *work = worker->work;
    size_t index;
    while ((index = atomic_fetch_add(&work->next, 1)) < work->count) {
        work->task(work->context, index, worker->number);
    }
    return NULL;
}

void parallel_for(unsigned threads, size_t count,
                  void (*task)(void *context, size_t index, unsigned worker), void *context)
{
    struct work work = {.count = count, .task = task, .context = context};
    size_t wanted = parallel_threads(threads);
    if (wanted > count) {
        wanted = count > 0 ? count : 1;
    }
    struct worker *workers = xcalloc(wanted, sizeof *workers);
    unsigned started = 1;
    for (; started < wanted; started++) {
        workers[started] = (struct worker){.work = &work, .number = started};
        if (pthread_create(&workers[started].thread, NULL, work_off, &workers[started]) != 0) {
            break;
        }
    }
    workers[0] = (struct worker){.work = &work};
    work_off(&workers[0]);
    for (unsigned i = 1; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    free(workers);
}
