/* One worker: prepares an interpreter, runs one job in it, delivers the result, ends it, again. */
#include <stdlib.h>

#include "core/error.h"
#include "core/thread.h"
#include "engine/pool.h"
#include "interp/fault.h"
#include "interp/interrupter.h"

#define TEARDOWN_PATIENCE (900 * QPY__USEC_PER_MSEC)
#define TEARDOWN_LIMIT (3 * QPY__USEC_PER_SEC)
#define CREATE_PAUSE (100 * QPY__USEC_PER_MSEC)

/* How far the worker is with its job; decides what the timer does when it fires. */
enum stage { RUNNING, INTERRUPTED, INSISTED, TEARDOWN };

/* An interpreter with live threads of a script: its end is tried again later. */
struct parked {
    struct parked *next;
    struct qpy__interp *interp;
    struct qpy_execution *execution;
};

struct qpy__worker {
    struct qpy__pool *pool; /* one reference */
    size_t slot;
    pthread_t thread;
    qpy__interrupter *interrupter;
    struct qpy__interp *interp; /* the one in hand, or NULL */
    struct parked *parked;
    struct qpy_execution *farewell;

    /* Guarded by the pool's lock. */
    bool abandoned; /* replaced; its thread ends by itself, if it ever does */
    bool exited;
    struct qpy_execution *current; /* borrowed from the thread while it runs it */

    /* Set before the timer is armed, changed only by the timer while it is. */
    struct qpy__timer timer;
    enum stage stage;
    struct qpy_execution *execution;
    qpy__usec stop_began;
    bool context_deadline; /* the deadline is the context's, earlier than the script's */
};

static void release(struct qpy__worker *worker)
{
    qpy__interrupter_stop(worker->interrupter);
    qpy__pool_unref(worker->pool);
    free(worker);
}

/* ---- The timer: on the watchdog's thread -------------------------------------------------------- */

static qpy_result *make_result(struct qpy_execution *execution, bool abandoned)
{
    struct qpy__run_facts facts = {
        .own_gil = execution->pool->config.gate.own_gil,
        .abandoned = abandoned,
        .waited = execution->started - execution->submitted,
        .total = qpy__monotonic_now() - execution->started,
    };
    return qpy__result_make(&execution->task, &facts);
}

/* The worker may be gone by now: its script has ended after all. */
static void deliver_abandoned(struct qpy_execution *execution)
{
    atomic_store(&execution->task.closed, true);
    qpy__session_seal(execution->task.session);
    qpy__pool_count(execution->pool, false, QPY__RUNG_ABANDON);
    qpy__execution_deliver(execution, make_result(execution, true));
}

/*
 * Leave the worker to its script and put a new one into its place. The new one delivers the result,
 * on its own thread, since the host's hook must not hold up the clock.
 */
static void abandon(struct qpy__worker *worker, struct qpy_execution *unanswered)
{
    struct qpy__pool *pool = worker->pool;
    pthread_mutex_lock(&pool->lock);
    worker->abandoned = true;
    pthread_detach(worker->thread);
    pool->counts.abandoned++;
    pool->counts.running--;
    pool->workers[worker->slot] = NULL;
    qpy_status status = QPY_E_STATE;
    if (!pool->closing)
        status = qpy__worker_start(pool, worker->slot, unanswered, &pool->create_failure);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    if (status == QPY_OK || !unanswered)
        return;
    deliver_abandoned(unanswered);
    qpy__execution_unref(unanswered);
}

static void request_stop(struct qpy__worker *worker)
{
    struct qpy__stop *stop = &worker->execution->task.stop;
    if (worker->context_deadline)
        (void)qpy__stop_request(stop, QPY__STOP_CANCELLED, "deadline exceeded");
    else
        (void)qpy__stop_request(stop, QPY__STOP_TIMEOUT, "deadline exceeded");
}

static qpy__usec give_up_job(struct qpy__worker *worker)
{
    struct qpy_execution *execution = worker->execution;
    /* If the worker was faster with the result, what remains is its teardown, which has a limit. */
    if (qpy__execution_claim(execution)) {
        qpy__stop_raise_rung(&execution->task.stop, QPY__RUNG_ABANDON);
        abandon(worker, qpy__execution_ref(execution));
    }
    return QPY__USEC_NEVER;
}

/* One rung of the ladder after the other. */
static qpy__usec fire(struct qpy__timer *timer, qpy__usec now)
{
    struct qpy__worker *worker =
        (struct qpy__worker *)((char *)timer - offsetof(struct qpy__worker, timer));
    qpy__usec grace = worker->pool->config.grace;
    switch (worker->stage) {
    case RUNNING:
        request_stop(worker);
        qpy__interrupter_interrupt(worker->interrupter);
        worker->stage = INTERRUPTED;
        worker->stop_began = now;
        return now + grace / 2;
    case INTERRUPTED:
        qpy__interrupter_insist(worker->interrupter);
        worker->stage = INSISTED;
        return worker->stop_began + grace;
    case INSISTED:
        return give_up_job(worker);
    case TEARDOWN:
        abandon(worker, NULL);
        return QPY__USEC_NEVER;
    }
    return QPY__USEC_NEVER;
}

void qpy__worker_stop_job(struct qpy__worker *worker, struct qpy_execution *execution,
                          const char *reason)
{
    /* Only the first request starts the ladder: a second must not make it go faster. */
    if (qpy__stop_request(&execution->task.stop, QPY__STOP_CANCELLED, reason))
        qpy__watchdog_hasten(worker->pool->watchdog, &worker->timer, qpy__monotonic_now());
}

struct qpy_execution *qpy__worker_current(struct qpy__worker *worker)
{
    return worker->current ? qpy__execution_ref(worker->current) : NULL;
}

/* ---- Interpreters ------------------------------------------------------------------------------- */

/* Have an interpreter in hand; on failure the pool remembers why. GIL: not held. */
static bool prepare(struct qpy__worker *worker, qpy_error *error)
{
    struct qpy__pool *pool = worker->pool;
    if (worker->interp)
        return true;
    qpy_strings paths = {(const char *const *)pool->config.paths.items, pool->config.paths.count};
    qpy_status status = qpy__interp_create(&pool->config.gate, paths, &worker->interp, error);
    pthread_mutex_lock(&pool->lock);
    pool->create_failure = *error;
    if (status == QPY_OK) {
        pool->counts.interpreters++;
        pool->counts.create_cost = worker->interp->create_cost;
    }
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return status == QPY_OK;
}

static void count_abandoned(struct qpy__pool *pool, int change)
{
    pthread_mutex_lock(&pool->lock);
    pool->counts.abandoned += change;
    pthread_mutex_unlock(&pool->lock);
}

static void park(struct qpy__worker *worker, struct qpy_execution *execution)
{
    struct parked *parked = malloc(sizeof *parked);
    if (parked) /* else: nobody will try again; it stays counted */
        *parked = (struct parked){worker->parked, worker->interp, qpy__execution_ref(execution)};
    else
        (void)qpy__execution_ref(execution);
    worker->parked = parked ? parked : worker->parked;
    count_abandoned(worker->pool, 1);
}

/* Threads that kept an interpreter may have ended since: then it can end too. */
static void retry_parked(struct qpy__worker *worker)
{
    struct parked **link = &worker->parked;
    while (*link) {
        struct parked *parked = *link;
        if (qpy__interp_end(parked->interp, 0)) {
            *link = parked->next;
            qpy__execution_unref(parked->execution);
            free(parked);
            count_abandoned(worker->pool, -1);
        } else {
            link = &parked->next;
        }
    }
}

static bool is_abandoned(struct qpy__worker *worker)
{
    pthread_mutex_lock(&worker->pool->lock);
    bool abandoned = worker->abandoned;
    pthread_mutex_unlock(&worker->pool->lock);
    return abandoned;
}

static void give_back(struct qpy__worker *worker, struct qpy_execution *execution)
{
    qpy__interrupter_detach(worker->interrupter);
    if (!qpy__interp_end(worker->interp, TEARDOWN_PATIENCE))
        park(worker, execution);
    worker->interp = NULL;
    retry_parked(worker);
}

/* The watchdog is about to replace this worker: wait until it has. */
static void await_abandonment(struct qpy__worker *worker)
{
    struct qpy__pool *pool = worker->pool;
    pthread_mutex_lock(&pool->lock);
    while (!worker->abandoned)
        pthread_cond_wait(&pool->changed, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

/*
 * Give the interpreter of an answered job back. What the script left may hold its GIL for good, so the
 * watchdog gives this worker up if it takes too long. From then on the watchdog may be gone: it is
 * touched under the pool's lock only, while this worker keeps the pool from closing.
 */
static void tear_down(struct qpy__worker *worker, struct qpy_execution *execution)
{
    struct qpy__pool *pool = worker->pool;
    worker->stage = TEARDOWN;
    bool armed = qpy__watchdog_arm(pool->watchdog, &worker->timer,
                                   qpy__monotonic_now() + TEARDOWN_LIMIT, NULL) == QPY_OK;
    give_back(worker, execution);
    pthread_mutex_lock(&pool->lock);
    bool firing =
        armed && !worker->abandoned && !qpy__watchdog_try_disarm(pool->watchdog, &worker->timer);
    pthread_mutex_unlock(&pool->lock);
    if (firing)
        await_abandonment(worker);
}

/* ---- One job ------------------------------------------------------------------------------------ */

/* The execution is this worker's from here, unless it was cancelled or too late in the meantime. */
static bool begin(struct qpy__worker *worker, struct qpy_execution *execution)
{
    pthread_mutex_lock(&execution->lock);
    if (!execution->cancelled && execution->context_deadline <= qpy__monotonic_now()) {
        execution->cancelled = true;
        snprintf(execution->reason, sizeof execution->reason, "deadline exceeded");
    }
    bool cancelled = execution->cancelled;
    if (!cancelled)
        execution->worker = worker;
    pthread_mutex_unlock(&execution->lock);
    return !cancelled;
}

static qpy_status set_up_task(struct qpy__worker *worker, struct qpy_execution *execution,
                              qpy_error *error)
{
    const struct qpy__pool_config *config = &worker->pool->config;
    struct qpy__task *task = &execution->task;
    qpy__task_init(task, execution->spec, config->output_limit, config->result_limit);
    execution->task_ready = true;
    task->deadline_unix =
        (double)qpy__wall_ms() / 1000 + (double)execution->spec->timeout_ms / 1000;
    return qpy__session_open(config->store, execution->spec->attest, &task->session, error);
}

/* When the script must stop: its own deadline, or that of its context. */
static qpy__usec deadline(struct qpy__worker *worker, const struct qpy__spec *spec)
{
    int64_t allowed = spec->timeout_ms;
    int64_t remaining = spec->context ? qpy_context_remaining_ms(spec->context) : INT64_MAX;
    worker->context_deadline = remaining < allowed;
    return qpy__monotonic_now() + (remaining < allowed ? remaining : allowed) * QPY__USEC_PER_MSEC;
}

static void commit(struct qpy__task *task)
{
    qpy_error error = QPY_ERROR_INIT;
    if (task->outcome.kind || qpy__session_commit(task->session, &error) == QPY_OK)
        return;
    char message[1200];
    snprintf(message, sizeof message,
             "the script ended well, but its attestations could not be "
             "stored: %s",
             error.message);
    qpy__fault_set(&task->outcome, "internal", "StoreError", message);
}

static void answer(struct qpy__worker *worker, struct qpy_execution *execution)
{
    commit(&execution->task);
    qpy_result *result = make_result(execution, false);
    qpy__pool_count(worker->pool, result && qpy_result_success(result),
                    qpy__stop_rung(&execution->task.stop));
    qpy__execution_deliver(execution, result);
}

static void answer_unstarted(struct qpy__worker *worker, struct qpy_execution *execution,
                             const char *kind, const char *message)
{
    if (!qpy__execution_claim(execution))
        return;
    struct qpy__run_facts facts = {.own_gil = worker->pool->config.gate.own_gil,
                                   .waited = execution->started - execution->submitted};
    qpy__pool_count(worker->pool, false, QPY__RUNG_NONE);
    qpy__execution_deliver(execution,
                           qpy__result_unstarted(execution->spec, kind, message, &facts));
}

static void run_in_interpreter(struct qpy__worker *worker, struct qpy_execution *execution)
{
    qpy__interp_run(worker->interp, &execution->task);
    /* First come, first served: from here either we answer, or the watchdog has given us up. */
    if (qpy__execution_claim(execution)) {
        qpy__watchdog_disarm(worker->pool->watchdog, &worker->timer);
        answer(worker, execution);
        tear_down(worker, execution);
    } else {
        await_abandonment(worker);
        give_back(worker, execution);
    }
}

static void run_with_deadline(struct qpy__worker *worker, struct qpy_execution *execution)
{
    worker->execution = execution;
    worker->stage = RUNNING;
    qpy__interrupter_attach(worker->interrupter, worker->interp, &execution->task);
    if (qpy__watchdog_arm(worker->pool->watchdog, &worker->timer, deadline(worker, execution->spec),
                          NULL) != QPY_OK) {
        qpy__interrupter_detach(worker->interrupter);
        answer_unstarted(worker, execution, "internal", "no memory for the job's deadline");
        return;
    }
    if (begin(worker, execution)) {
        run_in_interpreter(worker, execution);
        return;
    }
    qpy__watchdog_disarm(worker->pool->watchdog, &worker->timer);
    qpy__interrupter_detach(worker->interrupter);
    char message[400];
    snprintf(message, sizeof message, "the job was cancelled before it started: %s",
             execution->reason);
    answer_unstarted(worker, execution, "cancelled", message);
}

static void set_current(struct qpy__worker *worker, struct qpy_execution *execution)
{
    pthread_mutex_lock(&worker->pool->lock);
    worker->current = execution;
    pthread_mutex_unlock(&worker->pool->lock);
}

static void run(struct qpy__worker *worker, struct qpy_execution *execution)
{
    execution->started = qpy__monotonic_now();
    set_current(worker, execution);
    qpy_error error = QPY_ERROR_INIT;
    if (!prepare(worker, &error))
        answer_unstarted(worker, execution, "internal", error.message);
    else if (set_up_task(worker, execution, &error) != QPY_OK)
        answer_unstarted(worker, execution, "internal", error.message);
    else
        run_with_deadline(worker, execution);
    set_current(worker, NULL);
}

/* ---- The thread --------------------------------------------------------------------------------- */

static void deliver_farewell(struct qpy__worker *worker)
{
    struct qpy_execution *execution = worker->farewell;
    if (!execution)
        return;
    deliver_abandoned(execution);
    qpy__execution_unref(execution);
    worker->farewell = NULL;
}

static void work(struct qpy__worker *worker)
{
    struct qpy__pool *pool = worker->pool;
    for (;;) {
        qpy_error error = QPY_ERROR_INIT;
        if (!prepare(worker, &error))
            qpy__nap(CREATE_PAUSE); /* what comes is answered with the reason */
        struct qpy_execution *execution = qpy__pool_take(pool);
        if (!execution)
            return;
        run(worker, execution);
        qpy__execution_unref(execution);
        if (is_abandoned(worker))
            return;
        pthread_mutex_lock(&pool->lock);
        pool->counts.running--;
        pthread_mutex_unlock(&pool->lock);
    }
}

/* An abandoned worker whose script has ended after all is gone for good, and no longer counted. */
static void leave(struct qpy__worker *worker)
{
    struct qpy__pool *pool = worker->pool;
    pthread_mutex_lock(&pool->lock);
    bool abandoned = worker->abandoned;
    worker->exited = true;
    if (abandoned)
        pool->counts.abandoned--;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    if (abandoned)
        release(worker);
}

static void *worker_thread(void *argument)
{
    struct qpy__worker *worker = argument;
    deliver_farewell(worker);
    work(worker);
    if (worker->interp)
        (void)qpy__interp_end(worker->interp, TEARDOWN_PATIENCE);
    leave(worker);
    return NULL;
}

qpy_status qpy__worker_start(struct qpy__pool *pool, size_t slot, struct qpy_execution *farewell,
                             qpy_error *error)
{
    struct qpy__worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return qpy__error_memory(error, "a worker");
    worker->pool = qpy__pool_ref(pool);
    worker->slot = slot;
    worker->farewell = farewell;
    worker->timer.fire = fire;
    qpy_status status =
        qpy__interrupter_start(pool->config.gate.ticker, &worker->interrupter, error);
    if (status == QPY_OK)
        status = qpy__thread_start(&worker->thread, "qntxpy-worker", worker_thread, worker, error);
    if (status != QPY_OK) {
        release(worker);
        return status;
    }
    pool->workers[slot] = worker;
    return QPY_OK;
}

bool qpy__worker_has_exited(const struct qpy__worker *worker)
{
    return worker->exited;
}

bool qpy__worker_leave_behind(struct qpy__worker *worker)
{
    if (worker->current)
        return false;
    worker->abandoned = true;
    pthread_detach(worker->thread);
    worker->pool->counts.abandoned++;
    worker->pool->workers[worker->slot] = NULL;
    return true;
}

void qpy__worker_join(struct qpy__worker *worker)
{
    pthread_join(worker->thread, NULL);
    release(worker);
}
