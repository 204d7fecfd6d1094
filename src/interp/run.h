/* Running one script in an interpreter and finding out what came of it. */
#ifndef QPY__INTERP_RUN_H
#define QPY__INTERP_RUN_H

#include "interp/interp.h"

/* GIL: held through the interpreter's own thread state. Fills task->outcome; leaves no exception. */
void qpy__run_script(struct qpy__interp *interp, struct qpy__task *task);

/*
 * Take an injected exception that was not raised yet off this thread. GIL: held. By raising one in a
 * function of ours: PyThreadState_SetAsyncExc(id, NULL) would leave the interpreter's "something is
 * pending" flag set on CPython 3.11, with which traced code then loops for ever.
 */
void qpy__run_drain(struct qpy__interp *interp);

/* Call a function of python/bootstrap.py with the arguments of a Py_BuildValue tuple `format`, such as
 * "(s)". New reference, or NULL with an exception. GIL: held. */
PyObject *qpy__run_bootstrap(struct qpy__interp *interp, const char *function, const char *format,
                             ...);

#endif
