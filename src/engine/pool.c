/* The waiting line of an engine and its workers. */
#include "engine/pool.h"

#include <stdlib.h>

#include "core/error.h"

#define CLOSE_PATIENCE (1500 * QPY__USEC_PER_MSEC)

/* ---- Life --------------------------------------------------------------------------------------- */

struct qpy__pool *qpy__pool_ref(struct qpy__pool *pool)
{
    atomic_fetch_add(&pool->references, 1);
    return pool;
}

void qpy__pool_unref(struct qpy__pool *pool)
{
    if (atomic_fetch_sub(&pool->references, 1) > 1)
        return;
    qpy__string_list_done(&pool->config.paths);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static qpy_status start_workers(struct qpy__pool *pool, qpy_error *error)
{
    qpy_status status = QPY_OK;
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < pool->config.workers && status == QPY_OK; i++)
        status = qpy__worker_start(pool, (size_t)i, NULL, error);
    pthread_mutex_unlock(&pool->lock);
    return status;
}

qpy_status qpy__pool_open(const struct qpy__pool_config *config, struct qpy__pool **ret_pool,
                          qpy_error *error)
{
    struct qpy__pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return qpy__error_memory(error, "a pool of workers");
    atomic_init(&pool->references, 1);
    pool->config = *config;
    pthread_mutex_init(&pool->lock, NULL);
    qpy__cond_init(&pool->work);
    qpy__cond_init(&pool->changed);
    qpy_status status = qpy__watchdog_start(config->clock, &pool->watchdog, error);
    if (status == QPY_OK)
        status = start_workers(pool, error);
    if (status != QPY_OK) {
        (void)qpy__pool_close(pool);
        pool->config.paths = (struct qpy__string_list){0}; /* stays the caller's */
        qpy__pool_unref(pool);
        return status;
    }
    *ret_pool = pool;
    return QPY_OK;
}

/* ---- The line, under the lock ------------------------------------------------------------------- */

static void append(struct qpy__pool *pool, struct qpy_execution *execution)
{
    execution->next = NULL;
    if (pool->last)
        pool->last->next = execution;
    else
        pool->first = execution;
    pool->last = execution;
    pool->counts.queued++;
}

static struct qpy_execution *take_first(struct qpy__pool *pool)
{
    struct qpy_execution *execution = pool->first;
    pool->first = execution->next;
    if (!pool->first)
        pool->last = NULL;
    pool->counts.queued--;
    return execution;
}

static bool take_out(struct qpy__pool *pool, struct qpy_execution *execution)
{
    struct qpy_execution *before = NULL;
    for (struct qpy_execution *at = pool->first; at; before = at, at = at->next) {
        if (at != execution)
            continue;
        if (before)
            before->next = at->next;
        else
            pool->first = at->next;
        if (pool->last == at)
            pool->last = before;
        pool->counts.queued--;
        return true;
    }
    return false;
}

/* Whether it is cancelled already: then who cancelled it saw that it was not in the line yet. */
static bool set_queued(struct qpy_execution *execution, bool queued)
{
    pthread_mutex_lock(&execution->lock);
    execution->queued = queued;
    bool cancelled = execution->cancelled;
    pthread_mutex_unlock(&execution->lock);
    return cancelled;
}

/* ---- Submitting and taking ---------------------------------------------------------------------- */

static qpy_status may_submit(struct qpy__pool *pool, qpy_error *error)
{
    const struct qpy__pool_config *config = &pool->config;
    if (pool->closing)
        return qpy__error(error, QPY_E_STATE, "the engine is closing");
    if (pool->counts.abandoned > config->max_abandoned)
        return qpy__error(error, QPY_E_ABANDONED,
                          "%d workers are kept by scripts that could not be stopped, over the "
                          "limit of %d (max_abandoned); restart the host",
                          pool->counts.abandoned, config->max_abandoned);
    int idle = pool->counts.ready - pool->counts.queued;
    if (pool->counts.queued >= config->max_queued && idle <= 0)
        return qpy__error(error, QPY_E_QUEUE_FULL,
                          "%d executions wait already, the limit is %d (max_queued)",
                          pool->counts.queued, config->max_queued);
    return QPY_OK;
}

qpy_status qpy__pool_submit(struct qpy__pool *pool, struct qpy_execution *execution,
                            qpy_error *error)
{
    pthread_mutex_lock(&pool->lock);
    qpy_status status = may_submit(pool, error);
    bool cancelled = false;
    if (status == QPY_OK) {
        cancelled = set_queued(execution, true);
        append(pool, qpy__execution_ref(execution));
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    if (cancelled)
        qpy__pool_cancel_queued(pool, execution);
    return status;
}

struct qpy_execution *qpy__pool_take(struct qpy__pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->counts.ready++;
    pthread_cond_broadcast(&pool->changed);
    while (!pool->first && !pool->closing)
        pthread_cond_wait(&pool->work, &pool->lock);
    pool->counts.ready--;
    struct qpy_execution *execution = pool->closing ? NULL : take_first(pool);
    if (execution) {
        (void)set_queued(execution, false);
        pool->counts.running++;
    }
    pthread_mutex_unlock(&pool->lock);
    return execution;
}

static void answer_cancelled(struct qpy__pool *pool, struct qpy_execution *execution,
                             const char *reason)
{
    if (!qpy__execution_claim(execution))
        return;
    char message[400];
    snprintf(message, sizeof message, "the job was cancelled before it started: %s", reason);
    struct qpy__run_facts facts = {.own_gil = pool->config.gate.own_gil,
                                   .waited = qpy__monotonic_now() - execution->submitted};
    qpy__pool_count(pool, false, QPY__RUNG_NONE);
    qpy__execution_deliver(execution,
                           qpy__result_unstarted(execution->spec, "cancelled", message, &facts));
}

void qpy__pool_cancel_queued(struct qpy__pool *pool, struct qpy_execution *execution)
{
    pthread_mutex_lock(&pool->lock);
    bool mine = take_out(pool, execution);
    if (mine)
        (void)set_queued(execution, false);
    pthread_mutex_unlock(&pool->lock);
    if (!mine)
        return;
    answer_cancelled(pool, execution, execution->reason);
    qpy__execution_unref(execution);
}

void qpy__pool_count(struct qpy__pool *pool, bool success, enum qpy__stop_rung rung)
{
    pthread_mutex_lock(&pool->lock);
    if (success)
        pool->counts.succeeded++;
    else
        pool->counts.failed++;
    pool->counts.stopped[rung] += rung != QPY__RUNG_NONE;
    pthread_mutex_unlock(&pool->lock);
}

struct qpy__pool_counts qpy__pool_counts(struct qpy__pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct qpy__pool_counts counts = pool->counts;
    pthread_mutex_unlock(&pool->lock);
    return counts;
}

/* ---- Closing ------------------------------------------------------------------------------------ */

static void cancel_waiting(struct qpy__pool *pool)
{
    for (;;) {
        pthread_mutex_lock(&pool->lock);
        struct qpy_execution *execution = pool->first ? take_first(pool) : NULL;
        pthread_mutex_unlock(&pool->lock);
        if (!execution)
            return;
        (void)set_queued(execution, false);
        answer_cancelled(pool, execution, "the engine is closing");
        qpy__execution_unref(execution);
    }
}

/*
 * End the worker in a slot. While we wait it may be given up and be replaced by one that delivers the
 * last result and ends too; the slot is NULL when nobody is left to wait for.
 */
static void end_slot(struct qpy__pool *pool, size_t slot, qpy__usec until)
{
    pthread_mutex_lock(&pool->lock);
    struct qpy__worker *worker;
    while ((worker = pool->workers[slot]) && !qpy__worker_has_exited(worker)) {
        bool in_time = qpy__cond_wait_until(&pool->changed, &pool->lock, until);
        /* No deadline watches a worker without a job: it may wait for a GIL that a script keeps. */
        if (!in_time && pool->workers[slot] == worker && qpy__worker_leave_behind(worker))
            break;
        until = in_time ? until : qpy__monotonic_now() + CLOSE_PATIENCE;
    }
    worker = pool->workers[slot];
    pool->workers[slot] = NULL;
    pthread_mutex_unlock(&pool->lock);
    if (worker)
        qpy__worker_join(worker);
}

static void cancel_running(struct qpy__pool *pool)
{
    struct qpy_execution *running[QPY__WORKERS_MAXIMUM];
    size_t count = 0;
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < pool->config.workers; i++) {
        struct qpy_execution *execution =
            pool->workers[i] ? qpy__worker_current(pool->workers[i]) : NULL;
        if (execution)
            running[count++] = execution;
    }
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < count; i++) {
        qpy_execution_cancel(running[i], "the engine is closing");
        qpy__execution_unref(running[i]);
    }
}

size_t qpy__pool_close(struct qpy__pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    cancel_waiting(pool);
    cancel_running(pool);
    qpy__usec until = qpy__monotonic_now() + CLOSE_PATIENCE;
    for (int i = 0; i < pool->config.workers; i++)
        end_slot(pool, (size_t)i, until);
    qpy__watchdog_stop(pool->watchdog);
    pool->watchdog = NULL;
    return (size_t)qpy__pool_counts(pool).abandoned;
}
