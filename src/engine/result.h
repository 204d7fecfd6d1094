/* The result of one execution, from the task's outcome to what the getters and the JSON show. */
#ifndef QPY__ENGINE_RESULT_H
#define QPY__ENGINE_RESULT_H

#include <qntxpy/engine.h>

#include "interp/task.h"

/* What the engine knows about a run beside its outcome. */
struct qpy__run_facts {
    bool own_gil;
    bool abandoned; /* the script could not be stopped: its outcome must not be looked at */
    qpy__usec waited;
    qpy__usec total; /* from the start of the script to now */
};

/* Build the result of a task. NULL if there is no memory. Does not touch Python. */
qpy_result *qpy__result_make(struct qpy__task *task, const struct qpy__run_facts *facts);

/* The result of an execution that never started: cancelled in the queue, or no interpreter. */
qpy_result *qpy__result_unstarted(const struct qpy__spec *spec, const char *kind,
                                  const char *message, const struct qpy__run_facts *facts);

/* Results are shared by the execution and by who waits: one more reference. */
qpy_result *qpy__result_ref(qpy_result *result);

#endif
