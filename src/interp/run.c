/* Running one script in an interpreter and finding out what came of it. */
#include "interp/run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "interp/convert.h"
#include "interp/fault.h"
#include "interp/module.h"

#define VARIABLE_MAXIMUM 1000 /* characters of a variable's repr */

PyObject *qpy__run_bootstrap(struct qpy__interp *interp, const char *function, const char *format,
                             ...)
{
    PyObject *callable = PyDict_GetItemString(interp->bootstrap, function); /* borrowed */
    if (!callable) {
        PyErr_Format(PyExc_SystemError, "bootstrap has no %s()", function);
        return NULL;
    }
    va_list arguments;
    va_start(arguments, format);
    PyObject *tuple = Py_VaBuildValue(format, arguments);
    va_end(arguments);
    PyObject *answer = tuple ? PyObject_Call(callable, tuple, NULL) : NULL;
    Py_XDECREF(tuple);
    return answer;
}

void qpy__run_drain(struct qpy__interp *interp)
{
    PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), PyExc_SystemExit);
    PyObject *done = qpy__run_bootstrap(interp, "breathe", "()");
    Py_XDECREF(done);
    PyErr_Clear();
}

/* ---- Before: the interpreter becomes the job's -------------------------------------------------- */

static PyObject *list_of(const struct qpy__string_list *strings)
{
    PyObject *list = PyList_New((Py_ssize_t)strings->count);
    for (size_t i = 0; list && i < strings->count; i++) {
        PyObject *text = PyUnicode_DecodeFSDefault(strings->items[i]);
        if (!text)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, text);
    }
    return list;
}

static int call_begin(struct qpy__interp *interp, const struct qpy__spec *spec)
{
    PyObject *filename = PyUnicode_DecodeFSDefault(spec->filename);
    PyObject *paths = list_of(&spec->python_paths);
    PyObject *env = list_of(&spec->env);
    PyObject *done = NULL;
    if (filename && paths && env)
        done = qpy__run_bootstrap(interp, "begin", "(O s# O O)", filename, spec->code,
                                  (Py_ssize_t)spec->code_length, paths, env);
    Py_XDECREF(filename);
    Py_XDECREF(paths);
    Py_XDECREF(env);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *load_upstream(struct qpy__interp *interp, const struct qpy__spec *spec)
{
    struct qpy__module *state = qpy__module_state(interp->module);
    if (spec->upstream_json)
        return qpy__module_loads(state, spec->upstream_json);
    if (!spec->payload_json || !strstr(spec->payload_json, "\"upstream_attestation\""))
        return Py_NewRef(Py_None);
    PyObject *job = PyObject_GetAttrString(interp->module, "job");
    PyObject *payload = job ? PyObject_GetAttrString(job, "payload") : NULL;
    PyObject *upstream = NULL;
    if (payload && PyDict_Check(payload))
        upstream = PyDict_GetItemString(payload, "upstream_attestation"); /* borrowed */
    if (!PyErr_Occurred())
        upstream = Py_NewRef(upstream ? upstream : Py_None);
    Py_XDECREF(payload);
    Py_XDECREF(job);
    return upstream;
}

/* Put a new reference under a name of the script's globals, and of `injected` for later. */
static int give(struct qpy__interp *interp, PyObject *injected, const char *name, PyObject *value)
{
    int status = -1;
    if (value)
        status = PyDict_SetItemString(interp->globals, name, value);
    if (status == 0 && injected)
        status = PyDict_SetItemString(injected, name, value);
    Py_XDECREF(value);
    return status;
}

static int fill_globals(struct qpy__interp *interp, const struct qpy__spec *spec,
                        PyObject *injected)
{
    PyObject *module = interp->module;
    PyObject *job = qpy__job_view_new(module);
    if (!job || PyObject_SetAttrString(module, "job", job) < 0) {
        Py_XDECREF(job);
        return -1;
    }
    Py_DECREF(job);
    if (give(interp, NULL, "__name__", PyUnicode_FromString("__main__")) < 0)
        return -1;
    if (spec->file && give(interp, NULL, "__file__", PyUnicode_DecodeFSDefault(spec->file)) < 0)
        return -1;
    if (give(interp, injected, "attest", PyObject_GetAttrString(module, "attest")) < 0)
        return -1;
    if (give(interp, injected, "last", PyObject_GetAttrString(module, "last")) < 0)
        return -1;
    return give(interp, injected, "upstream", load_upstream(interp, spec));
}

/* Close the window and take off what is still pending. */
static enum qpy__stop_kind close_window(struct qpy__interp *interp, struct qpy__task *task)
{
    enum qpy__stop_kind hit = qpy__stop_close_window(&task->stop);
    if (hit != QPY__STOP_NONE)
        qpy__run_drain(interp);
    return hit;
}

/* ---- Compiling ---------------------------------------------------------------------------------- */

static PyObject *compile_source(const struct qpy__spec *spec, PyObject *filename, int more_flags)
{
    PyCompilerFlags flags = {.cf_flags = PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE | more_flags,
                             .cf_feature_version = PY_MINOR_VERSION};
    return Py_CompileStringObject(spec->code, filename, Py_file_input, &flags, -1);
}

static PyObject *compile_tree(PyObject *tree, PyObject *filename)
{
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    PyObject *compile = PyDict_GetItemString(builtins, "compile");
    if (!compile)
        return NULL;
    return PyObject_CallFunction(compile, "OOsiO", tree, filename, "exec", 0, Py_True);
}

/* Whether `def main` may occur; the syntax tree, which costs milliseconds, is made only then. */
static bool may_define_main(const char *code)
{
    for (const char *at = code; (at = strstr(at, "main")); at += 4) {
        const char *before = at;
        while (before > code && (before[-1] == ' ' || before[-1] == '\t' || before[-1] == '\\' ||
                                 before[-1] == '\n' || before[-1] == '\f'))
            before--;
        if (before < at && before - code >= 3 && memcmp(before - 3, "def", 3) == 0)
            return true;
    }
    return false;
}

/*
 * The script's code. *ret_call_main: the script leaves it to us to call main(). Decided from the
 * syntax tree.
 */
static PyObject *compile_script(struct qpy__interp *interp, const struct qpy__spec *spec,
                                bool *ret_call_main)
{
    *ret_call_main = false;
    PyObject *filename = PyUnicode_DecodeFSDefault(spec->filename);
    if (!filename)
        return NULL;
    PyObject *code = NULL;
    if (!may_define_main(spec->code)) {
        code = compile_source(spec, filename, 0);
    } else {
        PyObject *tree = compile_source(spec, filename, PyCF_ONLY_AST);
        PyObject *answer = tree ? qpy__run_bootstrap(interp, "calls_main", "(O)", tree) : NULL;
        *ret_call_main = answer == Py_True;
        if (answer)
            code = compile_tree(tree, filename);
        Py_XDECREF(answer);
        Py_XDECREF(tree);
    }
    Py_DECREF(filename);
    return code;
}

/* ---- Running ------------------------------------------------------------------------------------ */

static PyObject *call_main(struct qpy__interp *interp)
{
    PyObject *function = PyDict_GetItemString(interp->globals, "main"); /* borrowed */
    if (!function || !PyCallable_Check(function))
        return Py_NewRef(Py_None);
    Py_INCREF(function);
    PyObject *value = PyObject_CallNoArgs(function);
    Py_DECREF(function);
    if (value && PyCoro_CheckExact(value))
        Py_SETREF(value, qpy__run_bootstrap(interp, "run_coroutine", "(O)", value));
    return value;
}

/* The script's own code, in the window. Returns main()'s value or NULL with an exception set. */
static PyObject *execute(struct qpy__interp *interp, PyObject *code, bool with_main)
{
    PyObject *done = PyEval_EvalCode(code, interp->globals, interp->globals);
    if (!done)
        return NULL;
    Py_DECREF(done);
    return with_main ? call_main(interp) : Py_NewRef(Py_None);
}

/* Wait for threads and run atexit handlers, as python3 does also after an exception. */
static void settle(struct qpy__interp *interp, struct qpy__task *task, PyObject **exception)
{
    if (qpy__stop_requested(&task->stop) != QPY__STOP_NONE)
        return;
    PyObject *done = qpy__run_bootstrap(interp, "settle", "()");
    if (done) {
        Py_DECREF(done);
        return;
    }
    PyObject *late = qpy__compat_take_exception();
    if (*exception)
        Py_XDECREF(late);
    else
        *exception = late;
}

/* ---- After: what came of it --------------------------------------------------------------------- */

/* The value to report: `_result`, else what main() returned. New reference. */
static PyObject *result_value(struct qpy__interp *interp, PyObject *returned)
{
    PyObject *value = PyDict_GetItemString(interp->globals, "_result"); /* borrowed */
    return Py_NewRef(value ? value : returned);
}

static int convert_value(struct qpy__interp *interp, struct qpy__task *task, PyObject *returned)
{
    struct qpy__outcome *outcome = &task->outcome;
    struct qpy__buf json;
    qpy__buf_init(&json, task->result_limit);
    PyObject *value = result_value(interp, returned);
    int status = qpy__convert_to_json(value, "result", &json, &outcome->conversions);
    Py_DECREF(value);
    if (status == 0 && json.failed == QPY__BUF_TOO_BIG) {
        char message[160];
        snprintf(message, sizeof message,
                 "the result is over %zu bytes as JSON (result_limit); print it, attest it, or "
                 "write it to a file",
                 task->result_limit);
        qpy__fault_set(outcome, "memory", "ResultTooLarge", message);
    } else if (status == 0 && json.failed) {
        qpy__fault_set(outcome, "memory", "MemoryError", "no memory for the result");
    } else if (status == 0) {
        outcome->value_json = qpy__buf_take(&json);
    }
    qpy__buf_done(&json);
    return status;
}

static int add_variable(struct qpy__buf *json, PyObject *name, PyObject *value)
{
    char *key = qpy__convert_text(name);
    char *text = key ? qpy__convert_repr(value, VARIABLE_MAXIMUM) : NULL;
    if (text) {
        qpy__buf_text(json, json->length > 1 ? "," : "");
        qpy__buf_json_text(json, key);
        qpy__buf_char(json, ':');
        qpy__buf_json_text(json, text);
    }
    free(text);
    free(key);
    return text ? 0 : -1;
}

/* Whether a global is the script's: no leading underscore, and not what we put there. */
static bool is_variable(PyObject *name, PyObject *value, PyObject *injected)
{
    if (!PyUnicode_Check(name) || PyUnicode_GetLength(name) == 0 ||
        PyUnicode_ReadChar(name, 0) == '_')
        return false;
    return PyDict_GetItemWithError(injected, name) != value;
}

static int capture_variables(struct qpy__interp *interp, struct qpy__task *task, PyObject *injected)
{
    PyObject *globals = PyDict_Copy(interp->globals);
    if (!globals)
        return -1;
    struct qpy__buf json;
    qpy__buf_init(&json, task->result_limit);
    qpy__buf_char(&json, '{');
    Py_ssize_t position = 0;
    PyObject *name;
    PyObject *value;
    int status = 0;
    while (status == 0 && PyDict_Next(globals, &position, &name, &value))
        if (is_variable(name, value, injected))
            status = add_variable(&json, name, value);
    qpy__buf_char(&json, '}');
    Py_DECREF(globals);
    if (status == 0)
        task->outcome.variables_json = qpy__buf_take(&json);
    qpy__buf_done(&json);
    return status;
}

/* Converting runs code of the script (repr): it has a window of its own, for the time that is left. */
static void report_success(struct qpy__interp *interp, struct qpy__task *task, PyObject *returned,
                           PyObject *injected)
{
    struct qpy__module *state = qpy__module_state(interp->module);
    qpy__stop_open_window(&task->stop, state->job_timeout, state->job_cancelled);
    int status = convert_value(interp, task, returned);
    if (status == 0 && task->spec->capture_variables && !task->outcome.kind)
        status = capture_variables(interp, task, injected);
    PyObject *exception = status < 0 ? qpy__compat_take_exception() : NULL;
    enum qpy__stop_kind stopped = close_window(interp, task);
    if (exception)
        qpy__fault_describe(interp, task, exception, false, stopped);
    Py_XDECREF(exception);
    PyErr_Clear();
}

/* A stop that the script caught, or that struck where exceptions are swallowed, is still a stop. */
static void report_swallowed_stop(struct qpy__task *task, enum qpy__stop_kind stopped)
{
    char message[400];
    qpy__fault_stop_message(task, stopped, message, sizeof message);
    bool timeout = stopped == QPY__STOP_TIMEOUT;
    qpy__fault_set(&task->outcome, timeout ? "timeout" : "cancelled",
                   timeout ? "qntx.JobTimeout" : "qntx.JobCancelled", message);
}

static void report(struct qpy__interp *interp, struct qpy__task *task, PyObject *exception,
                   PyObject *returned, PyObject *injected, enum qpy__stop_kind stopped)
{
    if (exception && (stopped != QPY__STOP_NONE || !qpy__fault_is_clean_exit(exception))) {
        struct qpy__module *state = qpy__module_state(interp->module);
        if (stopped == QPY__STOP_NONE)
            qpy__stop_open_window(&task->stop, state->job_timeout, state->job_cancelled);
        qpy__fault_describe(interp, task, exception, false, stopped);
        if (stopped == QPY__STOP_NONE)
            (void)close_window(interp, task);
    } else if (stopped != QPY__STOP_NONE) {
        report_swallowed_stop(task, stopped);
    } else {
        report_success(interp, task, returned ? returned : Py_None, injected);
    }
    PyErr_Clear();
}

/* Run the compiled code to its end and report. */
static void run_code(struct qpy__interp *interp, struct qpy__task *task, PyObject *code,
                     bool with_main, PyObject *injected)
{
    struct qpy__module *state = qpy__module_state(interp->module);
    qpy__usec start = qpy__monotonic_now();
    qpy__stop_open_window(&task->stop, state->job_timeout, state->job_cancelled);
    PyObject *returned = execute(interp, code, with_main);
    PyObject *exception = returned ? NULL : qpy__compat_take_exception();
    settle(interp, task, &exception);
    enum qpy__stop_kind stopped = close_window(interp, task);
    task->outcome.ran = qpy__monotonic_now() - start;
    PyErr_Clear();
    qpy__capture_flush(interp->streams[0]);
    qpy__capture_flush(interp->streams[1]);
    report(interp, task, exception, returned, injected, stopped);
    Py_XDECREF(exception);
    Py_XDECREF(returned);
}

static void report_failed_start(struct qpy__interp *interp, struct qpy__task *task, bool compiling)
{
    PyObject *exception = qpy__compat_take_exception();
    if (exception)
        qpy__fault_describe(interp, task, exception, compiling, QPY__STOP_NONE);
    else
        qpy__fault_set(&task->outcome, "internal", "InternalError", "the script did not start");
    Py_XDECREF(exception);
    PyErr_Clear();
}

void qpy__run_script(struct qpy__interp *interp, struct qpy__task *task)
{
    PyObject *injected = PyDict_New();
    if (!injected || call_begin(interp, task->spec) < 0 ||
        fill_globals(interp, task->spec, injected) < 0) {
        report_failed_start(interp, task, false);
        Py_XDECREF(injected);
        return;
    }
    bool with_main;
    PyObject *code = compile_script(interp, task->spec, &with_main);
    if (code)
        run_code(interp, task, code, with_main, injected);
    else
        report_failed_start(interp, task, true);
    Py_XDECREF(code);
    Py_DECREF(injected);
}
