/* Stopping one job: the request, the window in which an exception may land, and who raised it. */
#ifndef QPY__INTERP_STOP_H
#define QPY__INTERP_STOP_H

#include <pthread.h>
#include <stdbool.h>

#include "core/clock.h"
#include "interp/compat.h"

enum qpy__stop_kind { QPY__STOP_NONE, QPY__STOP_TIMEOUT, QPY__STOP_CANCELLED };

/* How far the ladder went until the script stopped. */
enum qpy__stop_rung {
    QPY__RUNG_NONE,
    QPY__RUNG_COOPERATIVE,
    QPY__RUNG_INTERRUPT,
    QPY__RUNG_INSIST,
    QPY__RUNG_ABANDON
};

/*
 * The lock is a leaf. It may be taken with the job's GIL held or without; nobody waits for a GIL
 * while holding it.
 */
struct qpy__stop {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake;  /* signalled at every change; sleeps of the script wait here */
    enum qpy__stop_kind requested;
    char reason[256];
    bool window;   /* exceptions may be injected: the job's own code is running */
    bool injected; /* they have been, in this window */
    bool insisting;
    bool ended;   /* the job is over: what its threads still do is none of its business */
    int sleepers; /* threads of the job that wait in qpy__stop_sleep */
    enum qpy__stop_rung rung;
    char *stack;            /* where the job was when it was asked to stop; malloc'd, or NULL */
    PyObject *timeout_type; /* borrowed from the interpreter while the window is open */
    PyObject *cancelled_type;
};

void qpy__stop_init(struct qpy__stop *stop);
void qpy__stop_done(struct qpy__stop *stop);

/* Ask the job to stop; false if it was asked before. GIL: any. Wakes sleeping scripts. */
bool qpy__stop_request(struct qpy__stop *stop, enum qpy__stop_kind kind, const char *reason);
enum qpy__stop_kind qpy__stop_requested(struct qpy__stop *stop);
enum qpy__stop_rung qpy__stop_rung(struct qpy__stop *stop);
void qpy__stop_raise_rung(struct qpy__stop *stop, enum qpy__stop_rung rung);

/*
 * Open the window on the worker's thread. GIL: held. A request that came before is raised at once.
 * The types stay borrowed until the window is closed.
 */
void qpy__stop_open_window(struct qpy__stop *stop, PyObject *timeout_type,
                           PyObject *cancelled_type);

/*
 * Close the window: no exception of this stop is injected any more. GIL: held, on the worker's thread.
 * Tells what the script was hit with while the window was open; if it was, an exception may still be
 * pending: qpy__run_drain takes it off.
 */
enum qpy__stop_kind qpy__stop_close_window(struct qpy__stop *stop);

/*
 * Raise the stop in every thread of the current interpreter, once. GIL: held by a thread state of the
 * job's interpreter that belongs to the calling thread (the interrupter's). No-op outside the window.
 */
void qpy__stop_inject(struct qpy__stop *stop);

/* From now on every traced event in every thread raises, for scripts that swallow the exception. */
void qpy__stop_insist(struct qpy__stop *stop);

/* Whether the stop has been raised in the job's threads. */
bool qpy__stop_injected(struct qpy__stop *stop);

/*
 * Sleep until `until` or until the job is asked to stop. GIL: not held. `caught`: the stop had been
 * raised before the script came here, so that it has caught it: asked under the GIL, since it can
 * strike at any moment afterwards.
 */
void qpy__stop_sleep(struct qpy__stop *stop, qpy__usec until, bool caught);

/* The job is over: wake its threads that sleep, now and whenever they try to. GIL: any. */
void qpy__stop_end(struct qpy__stop *stop);

/* "interrupt" and so on; NULL for QPY__RUNG_NONE. */
const char *qpy__stop_rung_name(enum qpy__stop_rung rung);

#endif
