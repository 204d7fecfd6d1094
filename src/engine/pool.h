/* The waiting line of an engine and its workers. */
#ifndef QPY__ENGINE_POOL_H
#define QPY__ENGINE_POOL_H

#include <stdatomic.h>

#include <qntxpy/engine.h>

#include "engine/execution.h"
#include "engine/watchdog.h"
#include "interp/gate.h"

#define QPY__WORKERS_MAXIMUM 256

/* Checked options of an engine; they do not change. */
struct qpy__pool_config {
    struct qpy__gate gate;
    struct qpy__string_list paths; /* owned by the pool */
    qpy_store *store;
    int workers;
    int max_queued;
    int max_abandoned;
    qpy__usec grace;
    size_t output_limit;
    size_t result_limit;
    struct qpy__clock *clock;
};

struct qpy__pool_counts {
    int ready; /* workers with an interpreter in hand */
    int running;
    int queued;
    int abandoned; /* workers that a script keeps, and interpreters with its threads */
    uint64_t succeeded;
    uint64_t failed;
    uint64_t stopped[QPY__RUNG_ABANDON + 1]; /* by rung */
    uint64_t interpreters;                   /* created so far */
    qpy__usec create_cost;                   /* of the latest */
};

/*
 * `lock` guards everything that is not constant. Lock order: pool > execution > stop. Nobody waits
 * for a GIL while holding it.
 */
struct qpy__pool {
    atomic_int references; /* engine, workers, executions */
    struct qpy__pool_config config;
    qpy__watchdog *watchdog;
    pthread_mutex_t lock;
    pthread_cond_t work;         /* for workers: something is in the line, or the pool closes */
    pthread_cond_t changed;      /* for qpy_engine_warm and close: counts have changed */
    struct qpy_execution *first; /* the waiting line; each holds one reference */
    struct qpy_execution *last;
    struct qpy__worker *workers[QPY__WORKERS_MAXIMUM]; /* NULL: could not be started */
    struct qpy__pool_counts counts;
    qpy_error create_failure; /* of the latest attempt to create an interpreter, else QPY_OK */
    bool closing;
};

/* Takes config->paths over when it succeeds. */
QPY_MUST_CHECK qpy_status qpy__pool_open(const struct qpy__pool_config *config,
                                         struct qpy__pool **ret_pool, qpy_error *error);
struct qpy__pool *qpy__pool_ref(struct qpy__pool *pool);
void qpy__pool_unref(struct qpy__pool *pool);

/* Cancel what runs and waits, end the workers. Returns how many had to be left behind. */
size_t qpy__pool_close(struct qpy__pool *pool);

/* Put an execution into the line; takes a reference of its own. */
QPY_MUST_CHECK qpy_status qpy__pool_submit(struct qpy__pool *pool, struct qpy_execution *execution,
                                           qpy_error *error);

/* Answer an execution that still waits with "cancelled". Nothing if a worker has taken it. */
void qpy__pool_cancel_queued(struct qpy__pool *pool, struct qpy_execution *execution);

/* For a worker: the next execution and its reference, or NULL when the pool closes. Waits. */
struct qpy_execution *qpy__pool_take(struct qpy__pool *pool);

/* Count a delivered result. */
void qpy__pool_count(struct qpy__pool *pool, bool success, enum qpy__stop_rung rung);

struct qpy__pool_counts qpy__pool_counts(struct qpy__pool *pool);

/* ---- Workers ------------------------------------------------------------------------------------ */

/*
 * Start a worker in a slot. `farewell`: an abandoned execution whose result it delivers first, on its
 * own thread rather than the watchdog's (a reference is taken over); or NULL. Under the pool's lock.
 */
QPY_MUST_CHECK qpy_status qpy__worker_start(struct qpy__pool *pool, size_t slot,
                                            struct qpy_execution *farewell, qpy_error *error);

/* Ask `execution`, which this worker runs, to stop. Under the execution's lock, which keeps it with
 * the worker. Never blocks. */
void qpy__worker_stop_job(struct qpy__worker *worker, struct qpy_execution *execution,
                          const char *reason);

/* The execution that the worker runs, with a reference, or NULL. Under the pool's lock. */
struct qpy_execution *qpy__worker_current(struct qpy__worker *worker);

/* Whether its thread has nothing left to do. Under the pool's lock. */
bool qpy__worker_has_exited(const struct qpy__worker *worker);

/*
 * Give up a worker that has no job and does not end: false if it has one, which the watchdog looks
 * after. Its slot is NULL afterwards. Under the pool's lock.
 */
bool qpy__worker_leave_behind(struct qpy__worker *worker);

/* Join the thread of a worker that has exited, and free it. */
void qpy__worker_join(struct qpy__worker *worker);

#endif
