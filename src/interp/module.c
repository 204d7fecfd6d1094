/* The native module `qntx`: its state, its exception types, and its creation in an interpreter. */
#include "interp/module.h"

#include <string.h>

PyDoc_STRVAR(
    module_doc,
    "What a job can do in its host.\n\n"
    "attest() stores knowledge, last() and query() read it, progress() and log() tell the\n"
    "host how far the job is, job describes it, sleep() and cancelled() stop in time.");
PyDoc_STRVAR(
    job_stopped_doc,
    "The job was asked to stop. Not an Exception, so that `except Exception` lets it pass.\n"
    "A job may catch it to save its work, and has half of the grace period for that.");
PyDoc_STRVAR(job_timeout_doc, "The deadline of the job has passed.");
PyDoc_STRVAR(job_cancelled_doc, "The host cancelled the job.");
PyDoc_STRVAR(policy_error_doc, "The job tried what jobs may not do; the message says what to use.");

struct qpy__module *qpy__module_state(PyObject *module)
{
    return PyModule_GetState(module);
}

struct qpy__module *qpy__module_of_type(PyTypeObject *type)
{
    return PyType_GetModuleState(type);
}

struct qpy__task *qpy__module_task(PyObject *module)
{
    struct qpy__task *task = qpy__module_state(module)->task;
    if (!task)
        PyErr_SetString(PyExc_RuntimeError, "the job has ended");
    return task;
}

PyObject *qpy__module_loads(struct qpy__module *state, const char *text)
{
    if (!state->loads) {
        PyObject *json = PyImport_ImportModule("json");
        if (!json)
            return NULL;
        state->loads = PyObject_GetAttrString(json, "loads");
        Py_DECREF(json);
        if (!state->loads)
            return NULL;
    }
    return PyObject_CallFunction(state->loads, "s", text);
}

static int add_exception(PyObject *module, PyObject **slot, const char *name, const char *doc,
                         PyObject *base)
{
    *slot = PyErr_NewExceptionWithDoc(name, doc, base, NULL);
    return *slot ? PyModule_AddObjectRef(module, strchr(name, '.') + 1, *slot) : -1;
}

static int add_exceptions(PyObject *module)
{
    struct qpy__module *state = qpy__module_state(module);
    if (add_exception(module, &state->job_stopped, "qntx.JobStopped", job_stopped_doc,
                      PyExc_BaseException) < 0)
        return -1;
    if (add_exception(module, &state->job_timeout, "qntx.JobTimeout", job_timeout_doc,
                      state->job_stopped) < 0)
        return -1;
    if (add_exception(module, &state->job_cancelled, "qntx.JobCancelled", job_cancelled_doc,
                      state->job_stopped) < 0)
        return -1;
    return add_exception(module, &state->policy_error, "qntx.PolicyError", policy_error_doc,
                         PyExc_PermissionError);
}

static int execute(PyObject *module)
{
    if (add_exceptions(module) < 0)
        return -1;
    if (qpy__capture_add_types(module) < 0 || qpy__job_view_add_type(module) < 0)
        return -1;
    if (PyModule_AddFunctions(module, qpy__attest_methods) < 0)
        return -1;
    return PyModule_AddFunctions(module, qpy__control_methods);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct qpy__module *state = qpy__module_state(module);
    if (!state)
        return 0;
    Py_VISIT(state->job_stopped);
    Py_VISIT(state->job_timeout);
    Py_VISIT(state->job_cancelled);
    Py_VISIT(state->policy_error);
    Py_VISIT(state->stream_type);
    Py_VISIT(state->raw_type);
    Py_VISIT(state->job_type);
    Py_VISIT(state->loads);
    return 0;
}

static int clear(PyObject *module)
{
    struct qpy__module *state = qpy__module_state(module);
    if (!state)
        return 0;
    Py_CLEAR(state->job_stopped);
    Py_CLEAR(state->job_timeout);
    Py_CLEAR(state->job_cancelled);
    Py_CLEAR(state->policy_error);
    Py_CLEAR(state->stream_type);
    Py_CLEAR(state->raw_type);
    Py_CLEAR(state->job_type);
    Py_CLEAR(state->loads);
    return 0;
}

static void release(void *module)
{
    (void)clear(module);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, QPY__COMPAT_MODULE_SLOTS{0, NULL}};

static PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "qntx",
    .m_doc = module_doc,
    .m_size = sizeof(struct qpy__module),
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = release,
};

static PyObject *make_spec(void)
{
    PyObject *machinery = PyImport_ImportModule("importlib.machinery");
    if (!machinery)
        return NULL;
    PyObject *spec = PyObject_CallMethod(machinery, "ModuleSpec", "sO", "qntx", Py_None);
    Py_DECREF(machinery);
    return spec;
}

/* Made by hand rather than imported: works as well where the host initialised Python before us. */
PyObject *qpy__module_create(void)
{
    PyObject *spec = make_spec();
    if (!spec)
        return NULL;
    PyObject *module = PyModule_FromDefAndSpec(&definition, spec);
    if (module && (PyObject_SetAttrString(module, "__spec__", spec) < 0 ||
                   PyModule_ExecDef(module, &definition) < 0 ||
                   PyDict_SetItemString(PyImport_GetModuleDict(), "qntx", module) < 0))
        Py_CLEAR(module);
    Py_DECREF(spec);
    return module;
}
