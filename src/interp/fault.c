/* Exceptions of scripts as text and as data. */
#include "interp/fault.h"

#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "interp/convert.h"
#include "interp/module.h"
#include "interp/run.h"

#define EXIT_CODE_UNKNOWN 255 /* of sys.exit() with an int that no exit code can hold */
#define FRAMES_MAXIMUM (256 * 1024)

bool qpy__fault_is_clean_exit(PyObject *exception)
{
    if (!PyErr_GivenExceptionMatches(exception, PyExc_SystemExit))
        return false;
    PyObject *code = PyObject_GetAttrString(exception, "code");
    bool clean = code && (code == Py_None || (PyLong_Check(code) && PyLong_AsLong(code) == 0));
    PyErr_Clear();
    Py_XDECREF(code);
    return clean;
}

static int exit_code(PyObject *exception)
{
    if (!PyErr_GivenExceptionMatches(exception, PyExc_SystemExit))
        return 1;
    PyObject *code = PyObject_GetAttrString(exception, "code");
    int overflow = 0;
    long number = code && PyLong_Check(code) ? PyLong_AsLongAndOverflow(code, &overflow) : 1;
    PyErr_Clear();
    Py_XDECREF(code);
    return overflow || number != (int)number ? EXIT_CODE_UNKNOWN : (int)number;
}

static const char *kind_of(struct qpy__module *state, PyObject *exception, bool compiling,
                           enum qpy__stop_kind stopped)
{
    if (stopped != QPY__STOP_NONE)
        return stopped == QPY__STOP_TIMEOUT ? "timeout" : "cancelled";
    if (compiling && PyErr_GivenExceptionMatches(exception, PyExc_SyntaxError))
        return "syntax";
    if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit))
        return "exit";
    if (PyErr_GivenExceptionMatches(exception, PyExc_MemoryError))
        return "memory";
    if (PyErr_GivenExceptionMatches(exception, state->policy_error))
        return "policy";
    return "exception";
}

/* The name tracebacks give a type: with its module, unless that is builtins or __main__. */
static char *type_name(PyObject *exception)
{
    PyObject *type = (PyObject *)Py_TYPE(exception);
    PyObject *name = PyObject_GetAttrString(type, "__qualname__");
    PyObject *module = PyObject_GetAttrString(type, "__module__");
    PyErr_Clear();
    bool plain = !module || !PyUnicode_Check(module) ||
                 PyUnicode_CompareWithASCIIString(module, "builtins") == 0 ||
                 PyUnicode_CompareWithASCIIString(module, "__main__") == 0;
    PyObject *full = NULL;
    if (name && PyUnicode_Check(name))
        full = plain ? Py_NewRef(name) : PyUnicode_FromFormat("%U.%U", module, name);
    char *text = full ? qpy__convert_text(full) : NULL;
    Py_XDECREF(full);
    Py_XDECREF(module);
    Py_XDECREF(name);
    PyErr_Clear();
    return text ? text : strdup(Py_TYPE(exception)->tp_name);
}

/* At most `limit` bytes: the head and the tail, since both tell something. Takes `text` over. */
static char *bounded(char *text, size_t limit)
{
    size_t length = text ? strlen(text) : 0;
    if (length <= limit)
        return text;
    struct qpy__output output;
    qpy__output_init(&output, limit);
    qpy__output_write(&output, text, length);
    struct qpy__buf buf;
    qpy__buf_init(&buf, limit + 256);
    uint64_t dropped;
    qpy__output_read(&output, &buf, &dropped);
    qpy__output_done(&output);
    free(text);
    return qpy__buf_take(&buf);
}

static char *message_of(PyObject *exception, size_t limit)
{
    PyObject *text = PyObject_Str(exception);
    char *message = text ? qpy__convert_text(text) : NULL;
    Py_XDECREF(text);
    if (message)
        return bounded(message, limit);
    PyErr_Clear();
    return strdup("<its message could not be read>");
}

static void add_text_member(struct qpy__buf *json, const char *name, PyObject *value)
{
    char *text = value && PyUnicode_Check(value) ? qpy__convert_text(value) : NULL;
    qpy__buf_format(json, "\"%s\":", name);
    qpy__buf_json_text(json, text);
    free(text);
    PyErr_Clear();
}

static void add_frame(struct qpy__buf *json, PyObject *frame)
{
    PyObject *line = PyTuple_GET_ITEM(frame, 1);
    if (json->length > 1)
        qpy__buf_char(json, ',');
    qpy__buf_char(json, '{');
    add_text_member(json, "file", PyTuple_GET_ITEM(frame, 0));
    qpy__buf_format(json, ",\"line\":%ld,", PyLong_Check(line) ? PyLong_AsLong(line) : 0L);
    add_text_member(json, "function", PyTuple_GET_ITEM(frame, 2));
    qpy__buf_char(json, ',');
    add_text_member(json, "source", PyTuple_GET_ITEM(frame, 3));
    qpy__buf_char(json, '}');
}

static char *frames_json(PyObject *frames)
{
    struct qpy__buf json;
    qpy__buf_init(&json, FRAMES_MAXIMUM);
    qpy__buf_char(&json, '[');
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(frames); i++)
        add_frame(&json, PyList_GET_ITEM(frames, i));
    qpy__buf_char(&json, ']');
    return qpy__buf_take(&json);
}

/* Traceback text and frames from the bootstrap; false if the script's own code prevented it. */
static bool add_report(struct qpy__interp *interp, struct qpy__task *task, PyObject *exception)
{
    struct qpy__outcome *outcome = &task->outcome;
    PyObject *report = qpy__run_bootstrap(interp, "report", "(O)", exception);
    PyObject *text = NULL;
    PyObject *frames = NULL;
    if (report && PyArg_ParseTuple(report, "UO!", &text, &PyList_Type, &frames)) {
        outcome->error = bounded(qpy__convert_text(text), task->output_limit);
        outcome->frames_json = frames_json(frames);
    }
    Py_XDECREF(report);
    PyErr_Clear();
    return outcome->error != NULL;
}

void qpy__fault_stop_message(const struct qpy__task *task, enum qpy__stop_kind kind, char *out,
                             size_t size)
{
    if (kind == QPY__STOP_TIMEOUT)
        snprintf(out, size, "the job ran past its deadline of %g s",
                 (double)task->spec->timeout_ms / 1000);
    else
        snprintf(out, size, "the job was cancelled: %s", task->stop.reason);
}

/* The exception of a stop is raised without arguments: say which deadline, or why. */
static void complete_stop(struct qpy__module *state, struct qpy__task *task, PyObject *exception,
                          enum qpy__stop_kind stopped)
{
    if (!PyErr_GivenExceptionMatches(exception, state->job_stopped))
        return;
    char message[400];
    qpy__fault_stop_message(task, stopped, message, sizeof message);
    PyObject *args = Py_BuildValue("(s)", message);
    if (args)
        (void)PyObject_SetAttrString(exception, "args", args);
    Py_XDECREF(args);
    PyErr_Clear();
}

/* The last rung raises SystemExit in whatever runs: show the stop in its place. New reference. */
static PyObject *stop_instead(struct qpy__module *state, PyObject *exception,
                              enum qpy__stop_kind stopped)
{
    if (stopped == QPY__STOP_NONE || !PyErr_GivenExceptionMatches(exception, PyExc_SystemExit))
        return Py_NewRef(exception);
    PyObject *type = stopped == QPY__STOP_TIMEOUT ? state->job_timeout : state->job_cancelled;
    PyObject *stop = PyObject_CallNoArgs(type);
    PyObject *traceback = PyException_GetTraceback(exception);
    if (stop && traceback)
        (void)PyException_SetTraceback(stop, traceback);
    Py_XDECREF(traceback);
    PyErr_Clear();
    return stop ? stop : Py_NewRef(exception);
}

static void describe(struct qpy__interp *interp, struct qpy__task *task, PyObject *exception,
                     bool compiling, enum qpy__stop_kind stopped)
{
    struct qpy__outcome *outcome = &task->outcome;
    outcome->kind = kind_of(qpy__module_state(interp->module), exception, compiling, stopped);
    outcome->exit_code = exit_code(exception);
    outcome->error_type = type_name(exception);
    outcome->error_message = message_of(exception, task->output_limit);
    if (add_report(interp, task, exception))
        return;
    struct qpy__buf text;
    qpy__buf_init(&text, task->output_limit + 1024);
    qpy__buf_format(&text, "%s: %s\n", outcome->error_type ? outcome->error_type : "?",
                    outcome->error_message ? outcome->error_message : "?");
    outcome->error = qpy__buf_take(&text);
}

void qpy__fault_describe(struct qpy__interp *interp, struct qpy__task *task, PyObject *exception,
                         bool compiling, enum qpy__stop_kind stopped)
{
    struct qpy__module *state = qpy__module_state(interp->module);
    PyObject *shown = stop_instead(state, exception, stopped);
    if (stopped != QPY__STOP_NONE)
        complete_stop(state, task, shown, stopped);
    describe(interp, task, shown, compiling, stopped);
    Py_DECREF(shown);
}

void qpy__fault_set(struct qpy__outcome *outcome, const char *kind, const char *type,
                    const char *message)
{
    struct qpy__buf text;
    qpy__buf_init(&text, 64 * 1024);
    qpy__buf_format(&text, "%s: %s", type, message);
    free(outcome->error);
    free(outcome->error_type);
    free(outcome->error_message);
    outcome->kind = kind;
    outcome->exit_code = 1;
    outcome->error = qpy__buf_take(&text);
    outcome->error_type = strdup(type);
    outcome->error_message = strdup(message);
}
