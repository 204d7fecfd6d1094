/* One sub-interpreter from its creation to its end; created, used and ended on one worker thread. */
#ifndef QPY__INTERP_INTERP_H
#define QPY__INTERP_INTERP_H

#include <stdbool.h>

#include "interp/compat.h"
#include "interp/gate.h"
#include "interp/task.h"

struct qpy__interp {
    struct qpy__thread_states states;
    PyInterpreterState *state;
    PyObject *module;    /* qntx; strong, as all below */
    PyObject *globals;   /* of __main__ */
    PyObject *bootstrap; /* namespace of python/bootstrap.py */
    PyObject *streams[2];
    qpy__usec create_cost;
};

/*
 * Create an interpreter and make it ready for a job. GIL: held by nobody on entry and on return.
 * `paths` go to the end of sys.path. QPY_E_INTERPRETER if CPython cannot.
 */
QPY_MUST_CHECK qpy_status qpy__interp_create(const struct qpy__gate *gate, qpy_strings paths,
                                             struct qpy__interp **ret_interp, qpy_error *error);

/* Run the task's script and fill its outcome. GIL: not held; taken for the run. */
void qpy__interp_run(struct qpy__interp *interp, struct qpy__task *task);

/*
 * End the interpreter and free it. GIL: not held; no thread state but the script's own may exist.
 * Threads the script left get `patience` to end, are told to, and if they do not, the interpreter is
 * left alone for good: false is returned, and neither `interp` nor its task may ever be freed.
 */
bool qpy__interp_end(struct qpy__interp *interp, qpy__usec patience);

#endif
