/* One sub-interpreter from its creation to its end; created, used and ended on one worker thread. */
#include "interp/interp.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/thread.h"
#include "interp/module.h"
#include "interp/run.h"
#include "interp/runtime.h"

#define TEARDOWN_BEAT (2 * QPY__USEC_PER_MSEC)

/* ---- Creation ----------------------------------------------------------------------------------- */

static PyObject *list_of(const char *const *texts)
{
    PyObject *list = PyList_New(0);
    for (; list && *texts; texts++) {
        PyObject *text = PyUnicode_FromString(*texts);
        if (!text || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

static PyObject *gate_dict(const struct qpy__gate *gate)
{
    return Py_BuildValue("{s:N,s:N,s:N,s:s}", "blocked", list_of(gate->blocked), "refused",
                         list_of(gate->refused), "python",
                         PyUnicode_FromFormat("CPython %s", qpy__runtime_python_version()), "gil",
                         gate->own_gil ? "own" : "shared");
}

static int append_paths(qpy_strings paths)
{
    PyObject *list = PySys_GetObject("path"); /* borrowed */
    for (size_t i = 0; i < paths.count; i++) {
        PyObject *text = PyUnicode_DecodeFSDefault(paths.items[i]);
        int status = text && list ? PyList_Append(list, text) : -1;
        Py_XDECREF(text);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* The namespace in which python/bootstrap.py runs. New reference. */
static PyObject *bootstrap_namespace(struct qpy__interp *interp, const struct qpy__gate *gate)
{
    return Py_BuildValue("{s:s,s:O,s:O,s:(OO),s:N}", "__name__", "qntxpy.bootstrap", "__builtins__",
                         PyEval_GetBuiltins(), "native", interp->module, "streams",
                         interp->streams[0], interp->streams[1], "gate", gate_dict(gate));
}

static int fill(struct qpy__interp *interp, const struct qpy__gate *gate, qpy_strings paths)
{
    interp->module = qpy__module_create();
    if (!interp->module || append_paths(paths) < 0)
        return -1;
    interp->streams[0] = qpy__capture_new(interp->module, QPY_STDOUT);
    interp->streams[1] = qpy__capture_new(interp->module, QPY_STDERR);
    PyObject *main_module = PyImport_AddModule("__main__"); /* borrowed */
    if (!interp->streams[0] || !interp->streams[1] || !main_module)
        return -1;
    interp->globals = Py_NewRef(PyModule_GetDict(main_module));
    interp->bootstrap = bootstrap_namespace(interp, gate);
    PyObject *code = interp->bootstrap ? qpy__runtime_bootstrap_code() : NULL;
    PyObject *done = code ? PyEval_EvalCode(code, interp->bootstrap, interp->bootstrap) : NULL;
    Py_XDECREF(code);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* The text of the pending exception, in a buffer of the caller. */
static void exception_text(char *out, size_t size)
{
    PyObject *exception = qpy__compat_take_exception();
    PyObject *text = exception ? PyObject_Str(exception) : NULL;
    const char *message = text ? PyUnicode_AsUTF8(text) : NULL;
    snprintf(out, size, "%s: %s", exception ? Py_TYPE(exception)->tp_name : "?",
             message ? message : "?");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(exception);
}

static void release_objects(struct qpy__interp *interp)
{
    Py_CLEAR(interp->bootstrap);
    Py_CLEAR(interp->globals);
    Py_CLEAR(interp->streams[0]);
    Py_CLEAR(interp->streams[1]);
    Py_CLEAR(interp->module);
}

qpy_status qpy__interp_create(const struct qpy__gate *gate, qpy_strings paths,
                              struct qpy__interp **ret_interp, qpy_error *error)
{
    struct qpy__interp *interp = calloc(1, sizeof *interp);
    if (!interp)
        return qpy__error_memory(error, "an interpreter");
    qpy__usec start = qpy__monotonic_now();
    qpy__runtime_lock_creation(gate);
    const char *reason = qpy__compat_new_interpreter(gate->own_gil, &interp->states);
    qpy__runtime_unlock_creation(gate);
    if (reason) {
        free(interp);
        return qpy__error(error, QPY_E_INTERPRETER, "cannot create a sub-interpreter: %s", reason);
    }
    interp->state = PyThreadState_GetInterpreter(interp->states.job);
    if (fill(interp, gate, paths) < 0) {
        char text[600];
        exception_text(text, sizeof text);
        release_objects(interp);
        qpy__compat_end_interpreter(&interp->states);
        free(interp);
        return qpy__error(error, QPY_E_INTERPRETER, "cannot prepare a sub-interpreter: %s", text);
    }
    (void)PyEval_SaveThread();
    interp->create_cost = qpy__monotonic_now() - start;
    *ret_interp = interp;
    return QPY_OK;
}

void qpy__interp_run(struct qpy__interp *interp, struct qpy__task *task)
{
    PyEval_RestoreThread(interp->states.job);
    qpy__module_state(interp->module)->task = task;
    qpy__run_script(interp, task);
    (void)PyEval_SaveThread();
}

/* ---- The end ------------------------------------------------------------------------------------ */

static size_t count_thread_states(struct qpy__interp *interp)
{
    size_t count = 0;
    for (PyThreadState *state = PyInterpreterState_ThreadHead(interp->state); state;
         state = PyThreadState_Next(state))
        count++;
    return count;
}

/* GIL: held; released while waiting, so that the other threads can run to their end. */
static bool wait_for_threads(struct qpy__interp *interp, qpy__usec until)
{
    while (count_thread_states(interp) > 1) {
        if (qpy__monotonic_now() >= until)
            return false;
        Py_BEGIN_ALLOW_THREADS
        qpy__nap(TEARDOWN_BEAT);
        Py_END_ALLOW_THREADS
    }
    return true;
}

static int raise_exit(PyObject *until, PyFrameObject *frame, int event, PyObject *value)
{
    (void)value;
    if (event == PyTrace_RETURN || event == PyTrace_EXCEPTION)
        return 0;
    if (event == PyTrace_CALL)
        (void)PyObject_SetAttrString((PyObject *)frame, "f_trace_opcodes", Py_True);
    if (until && qpy__monotonic_now() < PyLong_AsLongLong(until))
        return 0;
    PyErr_SetString(PyExc_SystemExit, "the job has ended");
    return -1;
}

/* Make every other thread of the script end: raise in it, now and at each line it runs from here. */
static void expel_threads(struct qpy__interp *interp)
{
    for (PyThreadState *state = PyInterpreterState_ThreadHead(interp->state); state;
         state = PyThreadState_Next(state))
        if (state != interp->states.job)
            PyThreadState_SetAsyncExc(state->thread_id, PyExc_SystemExit);
    qpy__compat_trace_all_threads(raise_exit);
    PyEval_SetTrace(NULL, NULL);
}

/*
 * End with a tracer in place that lets finalisers (__del__, atexit) run until `until` and then raises
 * at each of their lines: an endless one would otherwise keep this thread for good.
 */
static void end_traced(struct qpy__interp *interp, qpy__usec until)
{
    qpy__run_drain(interp);
    PyObject *limit = PyLong_FromLongLong(until);
    PyEval_SetTrace(raise_exit, limit);
    Py_XDECREF(limit);
    PyErr_Clear();
    release_objects(interp);
    qpy__compat_end_interpreter(&interp->states);
}

bool qpy__interp_end(struct qpy__interp *interp, qpy__usec patience)
{
    qpy__usec start = qpy__monotonic_now();
    PyEval_RestoreThread(interp->states.job);
    bool alone = wait_for_threads(interp, start + patience / 3);
    if (!alone) {
        struct qpy__task *task = qpy__module_state(interp->module)->task;
        if (task)
            qpy__stop_end(&task->stop);
        expel_threads(interp);
        alone = wait_for_threads(interp, start + patience);
    }
    if (!alone) {
        /* Ending an interpreter under a live thread aborts or corrupts the process: never do it. */
        (void)PyEval_SaveThread();
        return false;
    }
    qpy__module_state(interp->module)->task = NULL;
    end_traced(interp, qpy__monotonic_now() + patience / 3);
    free(interp);
    return true;
}
