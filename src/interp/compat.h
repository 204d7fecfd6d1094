/* Every difference between CPython versions that the library must know; nowhere else. */
#ifndef QPY__INTERP_COMPAT_H
#define QPY__INTERP_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#if PY_VERSION_HEX < 0x030B0000
#error "qntxpy needs CPython 3.11 or newer"
#endif
#ifdef Py_GIL_DISABLED
#error "free-threaded builds of CPython are not supported"
#endif

/* major.minor of a version number in the form of Py_Version. */
#define QPY__MINOR_OF(hex) ((hex) >> 16)

/* The minor version this code was compiled for. */
#define QPY__BUILT_FOR QPY__MINOR_OF(PY_VERSION_HEX)

/* An interpreter of this worker thread, with the thread states that belong to it. */
struct qpy__thread_states {
    PyThreadState *job; /* in the sub-interpreter */
    PyThreadState
        *main; /* in the main interpreter, kept for the end; NULL where it is not needed */
};

/*
 * Create a sub-interpreter on this thread. GIL: not held before; afterwards the new interpreter's is
 * held through ret->job. NULL on success, else a static or borrowed reason, with no GIL held.
 *
 * 3.11: the first thread state is exchanged for one made after the main interpreter's is gone, so
 * that PyGILState_Ensure, which sqlite3 and ctypes callbacks use, finds the job's interpreter.
 */
static inline const char *qpy__compat_new_interpreter(bool own_gil, struct qpy__thread_states *ret)
{
    PyThreadState *main_state = PyThreadState_New(PyInterpreterState_Main());
    if (!main_state)
        return "no memory for a thread state";
    PyEval_RestoreThread(main_state);
#if PY_VERSION_HEX >= 0x030C0000
    PyInterpreterConfig config = {
        .use_main_obmalloc = !own_gil,
        .allow_fork = 0,
        .allow_exec = 0,
        .allow_threads = 1,
        .allow_daemon_threads = 0,
        .check_multi_interp_extensions = own_gil,
        .gil = own_gil ? PyInterpreterConfig_OWN_GIL : PyInterpreterConfig_SHARED_GIL,
    };
    PyThreadState *job = NULL;
    PyStatus status = Py_NewInterpreterFromConfig(&job, &config);
    if (PyStatus_Exception(status)) {
        PyThreadState_Clear(main_state);
        PyThreadState_DeleteCurrent();
        return status.err_msg ? status.err_msg : "unknown reason";
    }
    *ret = (struct qpy__thread_states){.job = job, .main = main_state};
    return NULL;
#else
    (void)own_gil;
    PyThreadState *first = Py_NewInterpreter();
    if (!first) {
        PyThreadState_Swap(main_state);
        PyThreadState_Clear(main_state);
        PyThreadState_DeleteCurrent();
        return "Py_NewInterpreter failed";
    }
    PyThreadState_Clear(main_state);
    PyThreadState_Delete(main_state);
    PyThreadState *job = PyThreadState_New(first->interp);
    PyThreadState_Swap(job);
    PyThreadState_Clear(first);
    PyThreadState_Delete(first);
    *ret = (struct qpy__thread_states){.job = job, .main = NULL};
    return NULL;
#endif
}

/*
 * End the interpreter. GIL: held through states->job on entry, none held on return. No other thread
 * state of the interpreter may exist: CPython aborts the process or frees memory in use otherwise.
 */
static inline void qpy__compat_end_interpreter(struct qpy__thread_states *states)
{
    Py_EndInterpreter(states->job);
#if PY_VERSION_HEX >= 0x030C0000
    PyEval_RestoreThread(states->main);
    PyThreadState_Clear(states->main);
    PyThreadState_DeleteCurrent();
#else
    /* 3.11 returns with the GIL held and no thread state: take one to be able to release it. */
    PyThreadState *state = PyThreadState_New(PyInterpreterState_Main());
    PyThreadState_Swap(state);
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
#endif
    *states = (struct qpy__thread_states){NULL, NULL};
}

/* The pending exception as one object with its traceback, or NULL; clears the error indicator. */
static inline PyObject *qpy__compat_take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    if (!type)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback && value)
        (void)PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

/*
 * Install a trace function in every thread of the current interpreter.
 * GIL: held. 3.11 can only set it for the current thread state, so each is made current for a moment
 * (its own thread is not running: it waits for the GIL that we hold).
 */
static inline void qpy__compat_trace_all_threads(Py_tracefunc function)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyEval_SetTraceAllThreads(function, NULL);
#else
    PyThreadState *self = PyThreadState_Get();
    for (PyThreadState *state = PyInterpreterState_ThreadHead(PyThreadState_GetInterpreter(self));
         state; state = PyThreadState_Next(state)) {
        PyThreadState_Swap(state);
        PyEval_SetTrace(function, NULL);
    }
    PyThreadState_Swap(self);
#endif
}

/*
 * Whether this thread has a Python thread state attached, and so may hold a GIL. Before 3.13 the call
 * for it has only its old name; on 3.11 it tells who holds the one GIL, so compare with our own.
 * (PyGILState_Check answers 1 for every thread once sub-interpreters exist.)
 */
static inline bool qpy__compat_thread_is_attached(void)
{
    if (!Py_IsInitialized())
        return false;
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_GetUnchecked() != NULL;
#elif PY_VERSION_HEX >= 0x030C0000
    return _PyThreadState_UncheckedGet() != NULL;
#else
    PyThreadState *mine = PyGILState_GetThisThreadState();
    return mine && mine == _PyThreadState_UncheckedGet();
#endif
}

/* Whether an injected exception waits for this thread to look at it. GIL: held. */
static inline bool qpy__compat_exception_pending(void)
{
    return PyThreadState_Get()->async_exc != NULL;
}

/* Slots every module of ours declares, where the version knows them. */
#if PY_VERSION_HEX >= 0x030C0000
#define QPY__COMPAT_MODULE_SLOTS                                                                   \
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#else
#define QPY__COMPAT_MODULE_SLOTS
#endif

#endif
