/* One script that was handed to an engine: from the queue to its result. */
#ifndef QPY__ENGINE_EXECUTION_H
#define QPY__ENGINE_EXECUTION_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/result.h"
#include "interp/task.h"

struct qpy__pool;
struct qpy__worker;

/*
 * Owned by references: the handle, the queue or the worker, and whoever cancels at the moment.
 * Lock order: pool > execution > stop.
 */
struct qpy_execution {
    atomic_int references;
    struct qpy__pool *pool; /* one reference while it may be used */
    struct qpy__spec *spec;
    struct qpy__task task;
    bool task_ready; /* `task` is initialised */
    qpy__usec submitted;
    qpy__usec started;          /* when a worker took it; 0 before */
    qpy_result *spare_result;   /* made in advance: an answer even when memory is short */
    uint64_t watch;             /* registration at the script's context */
    qpy__usec context_deadline; /* QPY__USEC_NEVER without one; the context itself may be gone */
    struct qpy_execution *next; /* in the queue; guarded by the pool's lock */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t ended;
    bool queued;
    bool cancelled; /* asked for; the reason is in `reason` */
    char reason[256];
    struct qpy__worker *worker; /* while it runs */
    bool claimed;               /* somebody has taken it on them to deliver the result */
    qpy_result *result;         /* strong; set once */
};

/* Takes `spec` over. NULL if there is no memory (then `spec` stays the caller's). */
struct qpy_execution *qpy__execution_new(struct qpy__pool *pool, struct qpy__spec *spec);
struct qpy_execution *qpy__execution_ref(struct qpy_execution *execution);
void qpy__execution_unref(struct qpy_execution *execution);

/* Exactly one caller gets true: it must deliver. */
bool qpy__execution_claim(struct qpy_execution *execution);

/*
 * Hand the result (taken over; NULL: there was no memory for one) to hooks.done and to who waits.
 * GIL: not held. No locks held.
 */
void qpy__execution_deliver(struct qpy_execution *execution, qpy_result *result);

/* Let go of an execution that was never put into the line. */
void qpy__execution_discard(struct qpy_execution *execution);

/* Hear about the cancellation of the script's context. Errors: QPY_E_NO_MEMORY. */
QPY_MUST_CHECK qpy_status qpy__execution_watch(struct qpy_execution *execution, qpy_error *error);

#endif
