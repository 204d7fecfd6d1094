/* Threads of the library: named, with all signals blocked, and with a stack fit for Python. */
#ifndef QPY__CORE_THREAD_H
#define QPY__CORE_THREAD_H

#include <pthread.h>

#include <qntxpy/status.h>

#include "core/clock.h"

/*
 * Start a thread. `name`: at most 15 characters, for debuggers. Signals of the process are for the
 * host's threads: all are blocked here, except those that faults raise.
 */
QPY_MUST_CHECK qpy_status qpy__thread_start(pthread_t *ret_thread, const char *name,
                                            void *(*run)(void *), void *argument, qpy_error *error);

/* Let this thread rest for so long. */
void qpy__nap(qpy__usec duration);

#endif
