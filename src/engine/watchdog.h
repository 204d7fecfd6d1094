/* The deadline clock: calls back at given times, and never touches Python. */
#ifndef QPY__ENGINE_WATCHDOG_H
#define QPY__ENGINE_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>

#include <qntxpy/status.h>

#include "core/clock.h"

typedef struct qpy__watchdog qpy__watchdog;

/*
 * One timer; embedded in what it belongs to. `fire` runs on the watchdog's thread, without locks. It
 * returns when it wants to be called next, or QPY__USEC_NEVER, and must neither block nor wait for a
 * GIL: all deadlines of the engine depend on it.
 */
struct qpy__timer {
    qpy__usec (*fire)(struct qpy__timer *timer, qpy__usec now);
    qpy__usec due; /* guarded by the watchdog's lock, as the place */
    size_t place;  /* in the heap, from 1; 0: not armed */
};

QPY_MUST_CHECK qpy_status qpy__watchdog_start(struct qpy__clock *clock,
                                              qpy__watchdog **ret_watchdog, qpy_error *error);

/* End the thread. No timer is armed any more, or will ever fire. NULL is ignored. */
void qpy__watchdog_stop(qpy__watchdog *watchdog);

/* Arm a timer that is not armed. Errors: QPY_E_NO_MEMORY. */
QPY_MUST_CHECK qpy_status qpy__watchdog_arm(qpy__watchdog *watchdog, struct qpy__timer *timer,
                                            qpy__usec due, qpy_error *error);

/* Bring an armed timer forward to `due`, if that is earlier. */
void qpy__watchdog_hasten(qpy__watchdog *watchdog, struct qpy__timer *timer, qpy__usec due);

/* Disarm. When it returns, `fire` is not running and will not run. Not from within `fire`. */
void qpy__watchdog_disarm(qpy__watchdog *watchdog, struct qpy__timer *timer);

/* The same without waiting: false if `fire` is running at the moment; then nothing was done. */
bool qpy__watchdog_try_disarm(qpy__watchdog *watchdog, struct qpy__timer *timer);

#endif
