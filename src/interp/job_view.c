/* qntx.job: what a script can know about the job it runs as. */
#include "interp/module.h"

#include <stddef.h>

/* JSON members are parsed when they are first asked for, and kept. */
struct job_view {
    PyObject_HEAD PyObject *payload;
    PyObject *input;
};

static struct qpy__module *state_of(PyObject *object)
{
    return qpy__module_of_type(Py_TYPE(object));
}

static struct qpy__task *task_of(PyObject *object)
{
    return qpy__module_task(PyType_GetModule(Py_TYPE(object)));
}

/* A text member of the spec; `closure` is its offset. */
static PyObject *get_text(PyObject *object, void *closure)
{
    struct qpy__task *task = task_of(object);
    if (!task)
        return NULL;
    const char *text = *(char *const *)((const char *)task->spec + (size_t)closure);
    if (!text)
        Py_RETURN_NONE;
    return PyUnicode_FromString(text);
}

static PyObject *get_attempt(PyObject *object, void *closure)
{
    (void)closure;
    struct qpy__task *task = task_of(object);
    return task ? PyLong_FromLong(task->spec->attempt) : NULL;
}

static PyObject *get_deadline(PyObject *object, void *closure)
{
    (void)closure;
    struct qpy__task *task = task_of(object);
    return task ? PyFloat_FromDouble(task->deadline_unix) : NULL;
}

static PyObject *get_payload(PyObject *object, void *closure)
{
    (void)closure;
    struct job_view *self = (struct job_view *)object;
    struct qpy__task *task = task_of(object);
    if (!task)
        return NULL;
    if (!self->payload) {
        const char *json = task->spec->payload_json;
        PyObject *payload = json ? qpy__module_loads(state_of(object), json) : PyDict_New();
        if (!payload)
            return NULL;
        Py_XSETREF(self->payload, payload);
    }
    return Py_NewRef(self->payload);
}

static PyObject *load_input(PyObject *object, const struct qpy__spec *spec)
{
    if (spec->input_json)
        return qpy__module_loads(state_of(object), spec->input_json);
    PyObject *payload = get_payload(object, NULL);
    if (!payload)
        return NULL;
    PyObject *input = PyDict_Check(payload) ? PyDict_GetItemString(payload, "input") : NULL;
    input = Py_NewRef(input ? input : Py_None);
    Py_DECREF(payload);
    return input;
}

static PyObject *get_input(PyObject *object, void *closure)
{
    (void)closure;
    struct job_view *self = (struct job_view *)object;
    struct qpy__task *task = task_of(object);
    if (!task)
        return NULL;
    if (!self->input) {
        PyObject *input = load_input(object, task->spec);
        if (!input)
            return NULL;
        Py_XSETREF(self->input, input);
    }
    return Py_NewRef(self->input);
}

static PyObject *represent(PyObject *object)
{
    struct qpy__task *task = state_of(object)->task;
    return PyUnicode_FromFormat("<qntx job %s>", task ? task->spec->job_id : "that has ended");
}

static int traverse(PyObject *object, visitproc visit, void *arg)
{
    struct job_view *self = (struct job_view *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->payload);
    Py_VISIT(self->input);
    return 0;
}

static int clear(PyObject *object)
{
    struct job_view *self = (struct job_view *)object;
    Py_CLEAR(self->payload);
    Py_CLEAR(self->input);
    return 0;
}

static void dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    (void)clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

#define SPEC_TEXT(member) ((void *)offsetof(struct qpy__spec, member))

static PyGetSetDef getters[] = {
    {"id", get_text, NULL, "Id of the job, such as JB-...", SPEC_TEXT(job_id)},
    {"script_type", get_text, NULL, "Label of the payload, or None.", SPEC_TEXT(script_type)},
    {"handler_name", get_text, NULL, "The stored handler that runs, or None.",
     SPEC_TEXT(handler_name)},
    {"glyph_id", get_text, NULL, "The glyph that runs the code, or None.", SPEC_TEXT(glyph_id)},
    {"payload", get_payload, NULL, "The whole payload as a dict.", NULL},
    {"input", get_input, NULL, "The payload's input, or None.", NULL},
    {"attempt", get_attempt, NULL, "1 for the first run of the job.", NULL},
    {"deadline", get_deadline, NULL, "When the job must have ended: Unix time in seconds.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "The job that runs the script. Read-only."},
                              {Py_tp_getset, getters},
                              {Py_tp_repr, represent},
                              {Py_tp_traverse, traverse},
                              {Py_tp_clear, clear},
                              {Py_tp_dealloc, dealloc},
                              {0, NULL}};

static PyType_Spec spec_of_type = {
    .name = "qntx.Job",
    .basicsize = sizeof(struct job_view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int qpy__job_view_add_type(PyObject *module)
{
    struct qpy__module *state = qpy__module_state(module);
    state->job_type = PyType_FromModuleAndSpec(module, &spec_of_type, NULL);
    return state->job_type ? 0 : -1;
}

PyObject *qpy__job_view_new(PyObject *module)
{
    PyTypeObject *type = (PyTypeObject *)qpy__module_state(module)->job_type;
    return type->tp_alloc(type, 0);
}
