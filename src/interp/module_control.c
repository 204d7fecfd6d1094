/* qntx.progress(), log(), sleep() and cancelled(): how a script and its host talk while it runs. */
#include "interp/module.h"

#include <math.h>
#include <string.h>

#include "interp/convert.h"

#define FIELDS_MAXIMUM (1024 * 1024)

PyDoc_STRVAR(
    progress_doc,
    "progress(current, total=None, message=None)\n--\n\n"
    "Tell the host how far the job is: `current` of `total` steps, or of an unknown number.");
PyDoc_STRVAR(
    log_doc,
    "log(message, level='info', **fields)\n--\n\n"
    "Write a log record of the job. level: debug, info, warn or error; fields: values that\n"
    "belong to it, as JSON can hold them.");
PyDoc_STRVAR(sleep_doc,
             "sleep(seconds)\n--\n\n"
             "Sleep; wakes at once when the job is asked to stop. time.sleep() is this function.");
PyDoc_STRVAR(cancelled_doc, "cancelled()\n--\n\n"
                            "Whether the job was asked to stop, by its host or by its deadline.");

static int parse_count(const char *argument, PyObject *value, int64_t *ret_count)
{
    if (!PyLong_Check(value)) {
        PyErr_Format(PyExc_TypeError, "progress() argument '%s' must be int, not %s", argument,
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    *ret_count = PyLong_AsLongLong(value);
    if (*ret_count >= 0)
        return 0;
    PyErr_Clear();
    PyErr_Format(PyExc_ValueError, "progress() argument '%s' must be 0 or more, not %R", argument,
                 value);
    return -1;
}

static PyObject *progress(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"current", "total", "message", NULL};
    PyObject *current_value = NULL;
    PyObject *total_value = Py_None;
    const char *message = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|Oz:progress", names, &current_value,
                                     &total_value, &message))
        return NULL;
    struct qpy__task *task = qpy__module_task(module);
    int64_t current;
    int64_t total = -1;
    if (!task || parse_count("current", current_value, &current) < 0 ||
        (total_value != Py_None && parse_count("total", total_value, &total) < 0))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    qpy__task_emit_progress(task, current, total, message);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static bool is_level(const char *level)
{
    return strcmp(level, "debug") == 0 || strcmp(level, "info") == 0 ||
           strcmp(level, "warn") == 0 || strcmp(level, "error") == 0;
}

/* message and level come first or by name; every other keyword is a field. */
static int parse_log(PyObject *args, PyObject *fields, const char **ret_message,
                     const char **ret_level)
{
    static char *names[] = {"message", "level", NULL};
    PyObject *named = PyDict_New();
    if (!named)
        return -1;
    for (int i = 0; names[i]; i++) {
        PyObject *value = PyDict_GetItemString(fields, names[i]); /* borrowed */
        if (value && (PyDict_SetItemString(named, names[i], value) < 0 ||
                      PyDict_DelItemString(fields, names[i]) < 0)) {
            Py_DECREF(named);
            return -1;
        }
    }
    /* The texts stay valid: the caller's arguments hold the str objects. */
    int parsed = PyArg_ParseTupleAndKeywords(args, named, "s|s:log", names, ret_message, ret_level);
    Py_DECREF(named);
    if (!parsed)
        return -1;
    if (!is_level(*ret_level)) {
        PyErr_Format(PyExc_ValueError, "log() level must be debug, info, warn or error, not '%s'",
                     *ret_level);
        return -1;
    }
    return 0;
}

static PyObject *log_record(PyObject *module, PyObject *args, PyObject *kwargs)
{
    struct qpy__task *task = qpy__module_task(module);
    if (!task)
        return NULL;
    const char *message = NULL;
    const char *level = "info";
    PyObject *fields = kwargs ? PyDict_Copy(kwargs) : PyDict_New();
    if (!fields)
        return NULL;
    struct qpy__buf json;
    qpy__buf_init(&json, FIELDS_MAXIMUM);
    PyObject *done = NULL;
    if (parse_log(args, fields, &message, &level) == 0 &&
        qpy__convert_to_json(fields, "fields", &json, NULL) == 0) {
        if (json.failed) {
            PyErr_Format(PyExc_ValueError, "log() fields are over %d bytes as JSON",
                         FIELDS_MAXIMUM);
        } else {
            Py_BEGIN_ALLOW_THREADS
            qpy__task_emit_log(task, level, message, json.data);
            Py_END_ALLOW_THREADS
            done = Py_NewRef(Py_None);
        }
    }
    qpy__buf_done(&json);
    Py_DECREF(fields);
    return done;
}

static PyObject *sleep_seconds(PyObject *module, PyObject *value)
{
    double seconds = PyFloat_AsDouble(value);
    if (seconds == -1 && PyErr_Occurred())
        return NULL;
    if (isnan(seconds)) {
        PyErr_SetString(PyExc_ValueError, "Invalid value NaN (not a number)");
        return NULL;
    }
    if (seconds < 0) {
        PyErr_SetString(PyExc_ValueError, "sleep length must be non-negative");
        return NULL;
    }
    struct qpy__task *task = qpy__module_task(module);
    if (!task)
        return NULL;
    qpy__usec until = seconds > 1e12
                          ? QPY__USEC_NEVER - 1
                          : qpy__monotonic_now() + (qpy__usec)ceil(seconds * QPY__USEC_PER_SEC);
    /* 3.13 and later look for it less often: it may have been injected and not have been raised. */
    if (qpy__compat_exception_pending())
        Py_RETURN_NONE;
    bool caught = qpy__stop_injected(&task->stop);
    Py_BEGIN_ALLOW_THREADS
    qpy__stop_sleep(&task->stop, until, caught);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *cancelled(PyObject *module, PyObject *unused)
{
    (void)unused;
    struct qpy__task *task = qpy__module_task(module);
    if (!task)
        return NULL;
    return PyBool_FromLong(qpy__stop_requested(&task->stop) != QPY__STOP_NONE);
}

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function)

PyMethodDef qpy__control_methods[] = {
    {"progress", WITH_KEYWORDS(progress), METH_VARARGS | METH_KEYWORDS, progress_doc},
    {"log", WITH_KEYWORDS(log_record), METH_VARARGS | METH_KEYWORDS, log_doc},
    {"sleep", sleep_seconds, METH_O, sleep_doc},
    {"cancelled", cancelled, METH_NOARGS, cancelled_doc},
    {NULL, NULL, 0, NULL}};
