/* A queue and its threads; see jobs.h. */
#include "serve/jobs.h"

static void *work(void *context)
{
    struct jobs *jobs = context;
    (void)pthread_mutex_lock(&jobs->lock);
    while (!jobs->ending || jobs->first != NULL) {
        struct job *job = jobs->first;
        if (job == NULL) {
            (void)pthread_cond_wait(&jobs->wake, &jobs->lock);
            continue;
        }
        jobs->first = job->next;
        jobs->last = jobs->first == NULL ? NULL : jobs->last;
        jobs->waiting--;
        (void)pthread_mutex_unlock(&jobs->lock);
        job->run(job);
        (void)pthread_mutex_lock(&jobs->lock);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

int jobs_start(struct jobs *jobs)
{
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_cond_init(&jobs->wake, NULL);
    while (jobs->started < JOB_THREADS) {
        if (pthread_create(&jobs->threads[jobs->started], NULL, work, jobs) != 0) {
            break;
        }
        jobs->started++;
    }
    return jobs->started > 0 ? 0 : -1;
}

bool jobs_add(struct jobs *jobs, struct job *job)
{
    (void)pthread_mutex_lock(&jobs->lock);
    bool taken = !jobs->ending && jobs->waiting < JOBS_AT_MOST;
    if (taken) {
        job->next = NULL;
        *(jobs->last != NULL ? &jobs->last->next : &jobs->first) = job;
        jobs->last = job;
        jobs->waiting++;
        (void)pthread_cond_signal(&jobs->wake);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return taken;
}

void jobs_end(struct jobs *jobs)
{
    if (jobs->started == 0) {
        return;
    }
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->ending = true;
    (void)pthread_cond_broadcast(&jobs->wake);
    (void)pthread_mutex_unlock(&jobs->lock);
    while (jobs->started > 0) {
        (void)pthread_join(jobs->threads[--jobs->started], NULL);
    }
    (void)pthread_cond_destroy(&jobs->wake);
    (void)pthread_mutex_destroy(&jobs->lock);
}
