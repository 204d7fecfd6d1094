/* The native module `qntx` that scripts import, and what its parts share. */
#ifndef QPY__INTERP_MODULE_H
#define QPY__INTERP_MODULE_H

#include "interp/compat.h"
#include "interp/task.h"

/*
 * State of the module in one interpreter. `task` is the job that runs in it, NULL when none does;
 * it changes only while the interpreter's GIL is held.
 */
struct qpy__module {
    struct qpy__task *task;
    PyObject *job_stopped; /* exception types */
    PyObject *job_timeout;
    PyObject *job_cancelled;
    PyObject *policy_error;
    PyObject *stream_type; /* sys.stdout and sys.stderr */
    PyObject *raw_type;    /* their .buffer */
    PyObject *job_type;
    PyObject *loads; /* json.loads, fetched at first use */
};

/* Create `qntx` for the current interpreter and put it into sys.modules. GIL: held. New reference. */
PyObject *qpy__module_create(void);

/* The state of the module; `module` is what qpy__module_create returned. Never fails. */
struct qpy__module *qpy__module_state(PyObject *module);

/* The state for an object of one of the module's types. */
struct qpy__module *qpy__module_of_type(PyTypeObject *type);

/* The running job, or NULL with RuntimeError set. GIL: held. */
struct qpy__task *qpy__module_task(PyObject *module);

/* json.loads(text). GIL: held. */
PyObject *qpy__module_loads(struct qpy__module *state, const char *text);

/* Parts of the module, each with its own file. -1 with an exception set on failure. */
int qpy__capture_add_types(PyObject *module);
int qpy__job_view_add_type(PyObject *module);
extern PyMethodDef qpy__attest_methods[];
extern PyMethodDef qpy__control_methods[];

/* A stream object for QPY_STDOUT or QPY_STDERR. New reference. */
PyObject *qpy__capture_new(PyObject *module, int stream);
/* Hand over what was written without an end of line. GIL: held; released while the host is called. */
void qpy__capture_flush(PyObject *stream);

/* The object qntx.job of the running job. New reference. */
PyObject *qpy__job_view_new(PyObject *module);

#endif
