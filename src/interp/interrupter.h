/* A worker's second thread: the only one that ever waits for the GIL of a running job. */
#ifndef QPY__INTERP_INTERRUPTER_H
#define QPY__INTERP_INTERRUPTER_H

#include <stdbool.h>

#include "interp/interp.h"

typedef struct qpy__interrupter qpy__interrupter;

/*
 * `ticker`: while a job runs, take its GIL every few milliseconds, because CPython 3.11 and 3.12 let a
 * spinning script keep a shared GIL from all other interpreters otherwise.
 */
QPY_MUST_CHECK qpy_status qpy__interrupter_start(bool ticker, qpy__interrupter **ret_interrupter,
                                                 qpy_error *error);

/* From now on it serves this job. GIL: any. */
void qpy__interrupter_attach(qpy__interrupter *interrupter, struct qpy__interp *interp,
                             struct qpy__task *task);

/*
 * Let go of the job: afterwards no thread state of the interrupter exists in its interpreter.
 * GIL: not held (it may be just waiting for it).
 */
void qpy__interrupter_detach(qpy__interrupter *interrupter);

/* Raise the requested stop in the job's threads; then, raise at every line they run. Never blocks. */
void qpy__interrupter_interrupt(qpy__interrupter *interrupter);
void qpy__interrupter_insist(qpy__interrupter *interrupter);

/* End the thread and free it. Detached before. NULL is ignored. */
void qpy__interrupter_stop(qpy__interrupter *interrupter);

#endif
