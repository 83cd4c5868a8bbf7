/* Work on several cores: a fixed number of independent tasks, taken in order by idle threads. */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

/* Calls task(context, index, worker) once for every index in [0, count) on up to `threads` threads
 * (0: one per available core); `worker` in [0, threads) names the calling thread, for scratch
 * memory. Returns when all are done. Tasks must not depend on one another's order. */
void parallel_for(unsigned threads, size_t count,
                  void (*task)(void *context, size_t index, unsigned worker), void *context);

/* The number of threads that `threads` asks for: itself, or the cores available to us when 0. */
unsigned parallel_threads(unsigned threads);

#endif
