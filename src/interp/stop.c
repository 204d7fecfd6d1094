/* Stopping one job: the request, the window in which an exception may land, and who raised it. */
#include "interp/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

/* Longest a woken sleep waits for the exception that goes with the request. */
#define INJECTION_PATIENCE (500 * QPY__USEC_PER_MSEC)
#define STACK_MAXIMUM (64 * 1024)
#define STACK_FRAMES 60

void qpy__stop_init(struct qpy__stop *stop)
{
    *stop = (struct qpy__stop){.requested = QPY__STOP_NONE};
    pthread_mutex_init(&stop->lock, NULL);
    qpy__cond_init(&stop->wake);
}

void qpy__stop_done(struct qpy__stop *stop)
{
    free(stop->stack);
    pthread_cond_destroy(&stop->wake);
    pthread_mutex_destroy(&stop->lock);
}

bool qpy__stop_request(struct qpy__stop *stop, enum qpy__stop_kind kind, const char *reason)
{
    pthread_mutex_lock(&stop->lock);
    bool first = stop->requested == QPY__STOP_NONE;
    if (first) {
        stop->requested = kind;
        snprintf(stop->reason, sizeof stop->reason, "%s", reason);
        pthread_cond_broadcast(&stop->wake);
    }
    pthread_mutex_unlock(&stop->lock);
    return first;
}

enum qpy__stop_kind qpy__stop_requested(struct qpy__stop *stop)
{
    pthread_mutex_lock(&stop->lock);
    enum qpy__stop_kind requested = stop->requested;
    pthread_mutex_unlock(&stop->lock);
    return requested;
}

enum qpy__stop_rung qpy__stop_rung(struct qpy__stop *stop)
{
    pthread_mutex_lock(&stop->lock);
    enum qpy__stop_rung rung = stop->rung;
    pthread_mutex_unlock(&stop->lock);
    return rung;
}

void qpy__stop_raise_rung(struct qpy__stop *stop, enum qpy__stop_rung rung)
{
    pthread_mutex_lock(&stop->lock);
    if (rung > stop->rung)
        stop->rung = rung;
    pthread_mutex_unlock(&stop->lock);
}

/* Under the lock. */
static PyObject *stop_type(const struct qpy__stop *stop)
{
    return stop->requested == QPY__STOP_TIMEOUT ? stop->timeout_type : stop->cancelled_type;
}

void qpy__stop_open_window(struct qpy__stop *stop, PyObject *timeout_type, PyObject *cancelled_type)
{
    pthread_mutex_lock(&stop->lock);
    stop->timeout_type = timeout_type;
    stop->cancelled_type = cancelled_type;
    stop->window = true;
    stop->injected = false;
    if (stop->requested != QPY__STOP_NONE) {
        PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), stop_type(stop));
        stop->injected = true;
        if (stop->rung < QPY__RUNG_INTERRUPT)
            stop->rung = QPY__RUNG_INTERRUPT;
    }
    pthread_mutex_unlock(&stop->lock);
}

/*
 * Why nothing can land late: an exception is injected only under the lock while `window` is true, by
 * a thread that holds this interpreter's GIL. We hold that GIL here and have just made `window`
 * false, so every injection either happened before (and is pending on this thread, or was raised) or
 * will see the closed window. What is pending is taken off by the caller (qpy__run_drain) before any
 * further code of ours or of a later job runs here. The trace function of the last rung is removed by
 * the same argument.
 */
enum qpy__stop_kind qpy__stop_close_window(struct qpy__stop *stop)
{
    pthread_mutex_lock(&stop->lock);
    enum qpy__stop_kind hit = stop->injected ? stop->requested : QPY__STOP_NONE;
    stop->window = false;
    stop->timeout_type = NULL;
    stop->cancelled_type = NULL;
    bool insisting = stop->insisting;
    stop->insisting = false;
    pthread_mutex_unlock(&stop->lock);
    if (insisting)
        PyEval_SetTrace(NULL, NULL);
    return hit;
}

static void add_frame(struct qpy__buf *buf, PyFrameObject *frame)
{
    PyCodeObject *code = PyFrame_GetCode(frame);
    const char *file = PyUnicode_AsUTF8(code->co_filename);
    const char *name = PyUnicode_AsUTF8(code->co_name);
    qpy__buf_format(buf, "  File \"%s\", line %d, in %s\n", file ? file : "?",
                    PyFrame_GetLineNumber(frame), name ? name : "?");
    PyErr_Clear();
    Py_DECREF(code);
}

/* The stack of one thread, innermost frame first. GIL: held. */
static void add_stack(struct qpy__buf *buf, PyThreadState *state)
{
    PyFrameObject *frame = PyThreadState_GetFrame(state);
    for (int depth = 0; frame && depth < STACK_FRAMES; depth++) {
        add_frame(buf, frame);
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    if (frame)
        qpy__buf_text(buf, "  ...\n");
    Py_XDECREF(frame);
}

static char *interpreter_stacks(PyThreadState *self)
{
    struct qpy__buf buf;
    qpy__buf_init(&buf, STACK_MAXIMUM);
    PyThreadState *state = PyInterpreterState_ThreadHead(PyThreadState_GetInterpreter(self));
    for (; state && !buf.failed; state = PyThreadState_Next(state)) {
        if (state == self)
            continue;
        qpy__buf_format(&buf, "Thread %lu (innermost call first):\n", state->thread_id);
        add_stack(&buf, state);
    }
    buf.failed = QPY__BUF_SOUND;
    return qpy__buf_take(&buf);
}

static void raise_in_all_threads(PyThreadState *self, PyObject *type)
{
    PyThreadState *state = PyInterpreterState_ThreadHead(PyThreadState_GetInterpreter(self));
    for (; state; state = PyThreadState_Next(state))
        if (state != self)
            PyThreadState_SetAsyncExc(state->thread_id, type);
}

void qpy__stop_inject(struct qpy__stop *stop)
{
    PyThreadState *self = PyThreadState_Get();
    char *stack = interpreter_stacks(self);
    pthread_mutex_lock(&stop->lock);
    if (stop->window && !stop->injected && stop->requested != QPY__STOP_NONE) {
        raise_in_all_threads(self, stop_type(stop));
        stop->injected = true;
        enum qpy__stop_rung rung = stop->sleepers > 0 ? QPY__RUNG_COOPERATIVE : QPY__RUNG_INTERRUPT;
        if (rung > stop->rung)
            stop->rung = rung;
        pthread_cond_broadcast(&stop->wake);
    }
    if (!stop->stack) {
        stop->stack = stack;
        stack = NULL;
    }
    pthread_mutex_unlock(&stop->lock);
    free(stack);
}

/* Raises at every event, so that each line a script tries to run fails, `except` blocks included. */
static int raise_always(PyObject *argument, PyFrameObject *frame, int event, PyObject *value)
{
    (void)argument;
    (void)value;
    if (event == PyTrace_RETURN || event == PyTrace_EXCEPTION)
        return 0;
    if (event == PyTrace_CALL)
        (void)PyObject_SetAttrString((PyObject *)frame, "f_trace_opcodes", Py_True);
    PyErr_SetString(PyExc_SystemExit, "the job was stopped");
    return -1;
}

/* Loops that are running already must report their opcodes too: `while True: pass` has no new line. */
static void trace_opcodes_of_running_frames(PyThreadState *self)
{
    PyThreadState *state = PyInterpreterState_ThreadHead(PyThreadState_GetInterpreter(self));
    for (; state; state = PyThreadState_Next(state)) {
        if (state == self)
            continue;
        PyFrameObject *frame = PyThreadState_GetFrame(state);
        for (int depth = 0; frame && depth < STACK_FRAMES; depth++) {
            (void)PyObject_SetAttrString((PyObject *)frame, "f_trace_opcodes", Py_True);
            PyErr_Clear();
            PyFrameObject *back = PyFrame_GetBack(frame);
            Py_DECREF(frame);
            frame = back;
        }
        Py_XDECREF(frame);
    }
}

void qpy__stop_insist(struct qpy__stop *stop)
{
    PyThreadState *self = PyThreadState_Get();
    pthread_mutex_lock(&stop->lock);
    bool armed = stop->window && stop->requested != QPY__STOP_NONE;
    if (armed) {
        stop->insisting = true;
        stop->rung = QPY__RUNG_INSIST;
        raise_in_all_threads(self, stop_type(stop));
        pthread_cond_broadcast(&stop->wake);
    }
    pthread_mutex_unlock(&stop->lock);
    if (!armed)
        return;
    /* The worker cannot close the window in between: it needs the GIL, which we hold throughout. */
    trace_opcodes_of_running_frames(self);
    qpy__compat_trace_all_threads(raise_always);
    PyEval_SetTrace(NULL, NULL);
}

bool qpy__stop_injected(struct qpy__stop *stop)
{
    pthread_mutex_lock(&stop->lock);
    bool injected = stop->injected;
    pthread_mutex_unlock(&stop->lock);
    return injected;
}

/* Under the lock. A script that caught the stop and sleeps again has its grace period for it. */
static bool may_sleep(const struct qpy__stop *stop, bool caught)
{
    if (stop->ended)
        return false;
    return caught ? !stop->insisting : stop->requested == QPY__STOP_NONE;
}

void qpy__stop_sleep(struct qpy__stop *stop, qpy__usec until, bool caught)
{
    pthread_mutex_lock(&stop->lock);
    stop->sleepers++;
    while (qpy__monotonic_now() < until && may_sleep(stop, caught))
        (void)qpy__cond_wait_until(&stop->wake, &stop->lock, until);
    if (!caught && stop->requested != QPY__STOP_NONE) {
        qpy__usec patience = qpy__monotonic_now() + INJECTION_PATIENCE;
        while (stop->window && !stop->injected && qpy__monotonic_now() < patience)
            (void)qpy__cond_wait_until(&stop->wake, &stop->lock, patience);
    }
    stop->sleepers--;
    pthread_mutex_unlock(&stop->lock);
}

void qpy__stop_end(struct qpy__stop *stop)
{
    pthread_mutex_lock(&stop->lock);
    stop->ended = true;
    pthread_cond_broadcast(&stop->wake);
    pthread_mutex_unlock(&stop->lock);
}

const char *qpy__stop_rung_name(enum qpy__stop_rung rung)
{
    static const char *const names[] = {NULL, "cooperative", "interrupt", "insist", "abandon"};
    return names[rung];
}
