/* One script that was handed to an engine: from the queue to its result. */
#include "engine/execution.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "engine/pool.h"
#include "interp/runtime.h"

struct qpy_execution *qpy__execution_new(struct qpy__pool *pool, struct qpy__spec *spec)
{
    struct qpy_execution *execution = calloc(1, sizeof *execution);
    if (!execution)
        return NULL;
    atomic_init(&execution->references, 1);
    execution->pool = qpy__pool_ref(pool);
    execution->spec = spec;
    execution->submitted = qpy__monotonic_now();
    execution->context_deadline = QPY__USEC_NEVER;
    pthread_mutex_init(&execution->lock, NULL);
    qpy__cond_init(&execution->ended);
    struct qpy__run_facts facts = {0};
    execution->spare_result = qpy__result_unstarted(
        spec, "internal", "the host has no memory to build the result", &facts);
    if (!execution->spare_result) {
        execution->spec = NULL;
        qpy__execution_unref(execution);
        return NULL;
    }
    return execution;
}

struct qpy_execution *qpy__execution_ref(struct qpy_execution *execution)
{
    atomic_fetch_add(&execution->references, 1);
    return execution;
}

void qpy__execution_unref(struct qpy_execution *execution)
{
    if (atomic_fetch_sub(&execution->references, 1) > 1)
        return;
    if (execution->task_ready)
        qpy__task_done(&execution->task);
    qpy_result_free(execution->result);
    qpy_result_free(execution->spare_result);
    qpy__spec_free(execution->spec);
    pthread_cond_destroy(&execution->ended);
    pthread_mutex_destroy(&execution->lock);
    qpy__pool_unref(execution->pool);
    free(execution);
}

bool qpy__execution_claim(struct qpy_execution *execution)
{
    pthread_mutex_lock(&execution->lock);
    bool mine = !execution->claimed;
    execution->claimed = true;
    pthread_mutex_unlock(&execution->lock);
    return mine;
}

/* No hook is called any more once this returns. */
static void close_hooks(struct qpy_execution *execution)
{
    if (!execution->task_ready)
        return;
    pthread_mutex_lock(&execution->task.emit_lock); /* a hook may be in the middle of a call */
    atomic_store(&execution->task.closed, true);
    pthread_mutex_unlock(&execution->task.emit_lock);
    if (execution->task.session)
        qpy__session_seal(execution->task.session);
}

static void unwatch(struct qpy_execution *execution)
{
    if (execution->watch)
        qpy_context_unwatch(execution->spec->context, execution->watch);
    execution->watch = 0;
}

void qpy__execution_discard(struct qpy_execution *execution)
{
    unwatch(execution);
    qpy__execution_unref(execution);
}

void qpy__execution_deliver(struct qpy_execution *execution, qpy_result *result)
{
    close_hooks(execution);
    unwatch(execution);
    if (!result)
        result = qpy__result_ref(execution->spare_result);
    const qpy_hooks *hooks = &execution->spec->hooks;
    if (hooks->done)
        hooks->done(hooks->payload, result);
    pthread_mutex_lock(&execution->lock);
    execution->result = result;
    execution->worker = NULL;
    pthread_cond_broadcast(&execution->ended);
    pthread_mutex_unlock(&execution->lock);
}

/* ---- Cancelling --------------------------------------------------------------------------------- */

static void cancel(struct qpy_execution *execution, const char *reason)
{
    pthread_mutex_lock(&execution->lock);
    if (!execution->cancelled) {
        execution->cancelled = true;
        snprintf(execution->reason, sizeof execution->reason, "%s", reason);
    }
    if (execution->worker)
        qpy__worker_stop_job(execution->worker, execution, execution->reason);
    bool queued = execution->queued;
    pthread_mutex_unlock(&execution->lock);
    if (queued)
        qpy__pool_cancel_queued(execution->pool, execution);
}

static void context_cancelled(void *payload, const char *reason)
{
    cancel(payload, reason);
}

qpy_status qpy__execution_watch(struct qpy_execution *execution, qpy_error *error)
{
    if (!execution->spec->context)
        return QPY_OK;
    int64_t remaining = qpy_context_remaining_ms(execution->spec->context);
    if (remaining < (QPY__USEC_NEVER - execution->submitted) / QPY__USEC_PER_MSEC)
        execution->context_deadline = execution->submitted + remaining * QPY__USEC_PER_MSEC;
    return qpy_context_watch(execution->spec->context, context_cancelled, execution,
                             &execution->watch, error);
}

/* ---- The handle --------------------------------------------------------------------------------- */

void qpy_execution_cancel(qpy_execution *execution, const char *reason)
{
    if (execution)
        cancel(execution, reason ? reason : "cancelled");
}

const char *qpy_execution_job_id(const qpy_execution *execution)
{
    return execution->spec->job_id;
}

void qpy_execution_free(qpy_execution *execution)
{
    if (execution)
        qpy__execution_unref(execution);
}

/* One wait. False if `until` has passed without a result. */
static bool wait_until(qpy_execution *execution, qpy__usec until)
{
    pthread_mutex_lock(&execution->lock);
    while (!execution->result && qpy__cond_wait_until(&execution->ended, &execution->lock, until))
        ;
    bool ended = execution->result != NULL;
    pthread_mutex_unlock(&execution->lock);
    return ended;
}

/* A job that still stands in line when its context's deadline passes has nobody else to end it. */
static void wait_for_result(qpy_execution *execution, qpy__usec until)
{
    if (execution->context_deadline < until) {
        if (wait_until(execution, execution->context_deadline))
            return;
        cancel(execution, "deadline exceeded");
    }
    (void)wait_until(execution, until);
}

qpy_status qpy_execution_wait(qpy_execution *execution, int64_t timeout_ms,
                              const qpy_result **ret_result, qpy_error *error)
{
    if (!execution || !ret_result)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL",
                          execution ? "ret_result" : "execution");
    if (timeout_ms < QPY_DEFAULT)
        return qpy__error(error, QPY_E_ARGUMENT, "timeout_ms is %lld; it must be 0 or more",
                          (long long)timeout_ms);
    qpy__usec now = qpy__monotonic_now();
    bool endless = timeout_ms == QPY_DEFAULT || timeout_ms > (QPY__USEC_NEVER - now) / 1000 - 1;
    void *held = qpy__runtime_let_go();
    wait_for_result(execution, endless ? QPY__USEC_NEVER : now + timeout_ms * 1000);
    qpy__runtime_take_back(held);
    pthread_mutex_lock(&execution->lock);
    qpy_result *result = execution->result;
    pthread_mutex_unlock(&execution->lock);
    if (!result)
        return qpy__error(error, QPY_E_TIMEOUT, "job %s has not ended after %lld ms",
                          execution->spec->job_id, (long long)timeout_ms);
    *ret_result = result;
    return QPY_OK;
}
