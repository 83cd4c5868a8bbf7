/* Work beside the stages; see stages.h.
 *
 * The engine has one thread for a small fleet, whose statements are planned longer than they run:
 * another core can plan and write files meanwhile, on a session of its own. With 50 vehicles and
 * two cores a run takes four fifths of the time. For a large fleet the engine has all cores, which
 * its sorts and single writers leave alone at times: gold of ten million messages takes 2.0 s
 * instead of 2.8 when its files are written beside, and the list of 100,000 files is sorted and
 * hashed in 70 ms that silver need not wait for. */
#include "pipeline/stages.h"

#include "base/parallel.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct task {
    int (*work)(struct lake *lake, void *what, struct error *err);
    void *what;
};

enum { TASKS = 32 }; /* a run of both stages has 20 */

struct beside {
    struct lake *lake; /* of the thread */
    pthread_t thread;
    pthread_mutex_t lock; /* around what follows */
    pthread_cond_t changed;
    struct task tasks[TASKS];
    size_t taken, count;
    bool complete; /* there will be no more tasks */
    bool failed;   /* the others are left undone */
    struct error err;
};

/* Takes the next task, when it comes; false: there will be none. */
static bool next_task(struct beside *beside, struct task *task)
{
    pthread_mutex_lock(&beside->lock);
    while (beside->taken == beside->count && !beside->complete) {
        pthread_cond_wait(&beside->changed, &beside->lock);
    }
    bool any = beside->taken < beside->count && !beside->failed;
    if (any) {
        *task = beside->tasks[beside->taken++];
    }
    pthread_mutex_unlock(&beside->lock);
    return any;
}

static void work_off(struct beside *beside, struct lake *lake)
{
    struct task task;
    struct error err;
    while (next_task(beside, &task)) {
        if (task.work(lake, task.what, &err) != 0) {
            pthread_mutex_lock(&beside->lock);
            if (!beside->failed) {
                beside->failed = true;
                beside->err = err;
            }
            pthread_mutex_unlock(&beside->lock);
        }
    }
}

static void *work_beside(void *context)
{
    struct beside *beside = context;
    work_off(beside, beside->lake);
    return NULL;
}

static void release(struct beside *beside)
{
    lake_close(beside->lake);
    pthread_cond_destroy(&beside->changed);
    pthread_mutex_destroy(&beside->lock);
    free(beside);
}

void beside_open(struct stage *stage)
{
    struct beside *beside = xcalloc(1, sizeof *beside);
    pthread_mutex_init(&beside->lock, NULL);
    pthread_cond_init(&beside->changed, NULL);
    if (parallel_threads(stage->session->threads) > 1) {
        beside->lake = lake_beside(stage->lake);
    }
    if (beside->lake && pthread_create(&beside->thread, NULL, work_beside, beside) == 0) {
        stage->beside = beside;
    } else {
        release(beside);
    }
}

int beside_do(struct stage *stage, int (*work)(struct lake *lake, void *what, struct error *err),
              void *what, struct error *err)
{
    struct beside *beside = stage->beside;
    if (!beside) {
        return work(stage->lake, what, err);
    }
    pthread_mutex_lock(&beside->lock);
    assert(beside->count < TASKS && !beside->complete);
    beside->tasks[beside->count++] = (struct task){work, what};
    bool failed = beside->failed;
    *err = beside->err;
    pthread_cond_signal(&beside->changed);
    pthread_mutex_unlock(&beside->lock);
    return failed ? -1 : 0;
}

/* Lets the thread end: when all is done, or after its task. */
static void end(struct beside *beside, bool give_up)
{
    pthread_mutex_lock(&beside->lock);
    beside->complete = true;
    beside->failed = beside->failed || give_up;
    pthread_cond_signal(&beside->changed);
    pthread_mutex_unlock(&beside->lock);
}

int beside_settle(struct stage *stage, struct error *err)
{
    struct beside *beside = stage->beside;
    if (!beside) {
        return 0;
    }
    end(beside, false);
    work_off(beside, stage->lake);
    pthread_join(beside->thread, NULL);
    int status = beside->failed ? -1 : 0;
    *err = beside->err;
    release(beside);
    stage->beside = NULL;
    return status;
}

void beside_close(struct stage *stage)
{
    if (stage->beside) {
        end(stage->beside, true);
        pthread_join(stage->beside->thread, NULL);
        release(stage->beside);
        stage->beside = NULL;
    }
}
