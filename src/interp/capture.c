/* sys.stdout and sys.stderr of a job: text goes into the job's bounded output and to the host. */
#include "interp/module.h"

#include <string.h>

#define LINE_MAXIMUM 8192 /* bytes handed to the host at once when no line ends */

/*
 * A text stream. `pending` holds what the host has not seen yet; it is guarded by the GIL and used
 * only when the host asked for live output.
 */
struct stream {
    PyObject_HEAD int number; /* QPY_STDOUT or QPY_STDERR */
    size_t pending_length;
    char pending[LINE_MAXIMUM];
};

/* The binary stream under it. */
struct raw {
    PyObject_HEAD PyObject *text; /* strong */
};

static struct qpy__task *task_of(struct stream *self)
{
    return qpy__module_of_type(Py_TYPE(self))->task;
}

/* GIL: held; released while the host is called. Others may write meanwhile: the data is taken first. */
static void flush_pending(struct stream *self, struct qpy__task *task)
{
    char data[LINE_MAXIMUM];
    size_t length = self->pending_length;
    memcpy(data, self->pending, length);
    self->pending_length = 0;
    if (length == 0)
        return;
    Py_BEGIN_ALLOW_THREADS
    qpy__task_emit_output(task, self->number, data, length);
    Py_END_ALLOW_THREADS
}

static void emit_live(struct stream *self, struct qpy__task *task, const char *data, size_t length)
{
    if (length > LINE_MAXIMUM - self->pending_length)
        flush_pending(self, task);
    if (length > LINE_MAXIMUM) {
        Py_BEGIN_ALLOW_THREADS
        qpy__task_emit_output(task, self->number, data, length);
        Py_END_ALLOW_THREADS
        return;
    }
    /* While the GIL was released another thread may have filled `pending` again. */
    if (length > LINE_MAXIMUM - self->pending_length)
        flush_pending(self, task);
    if (length > LINE_MAXIMUM - self->pending_length)
        return;
    memcpy(self->pending + self->pending_length, data, length);
    self->pending_length += length;
    if (memchr(data, '\n', length))
        flush_pending(self, task);
}

static void write_bytes(struct stream *self, const char *data, size_t length)
{
    struct qpy__task *task = task_of(self);
    if (!task)
        return;
    qpy__output_write(&task->output[self->number - 1], data, length);
    if (task->spec->hooks.output)
        emit_live(self, task, data, length);
}

static PyObject *stream_write(PyObject *object, PyObject *text)
{
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "write() argument must be str, not %s",
                     Py_TYPE(text)->tp_name);
        return NULL;
    }
    Py_ssize_t length;
    const char *data = PyUnicode_AsUTF8AndSize(text, &length);
    if (data) {
        write_bytes((struct stream *)object, data, (size_t)length);
        return PyLong_FromSsize_t(PyUnicode_GetLength(text));
    }
    PyErr_Clear();
    PyObject *escaped = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (!escaped)
        return NULL;
    write_bytes((struct stream *)object, PyBytes_AS_STRING(escaped),
                (size_t)PyBytes_GET_SIZE(escaped));
    Py_DECREF(escaped);
    return PyLong_FromSsize_t(PyUnicode_GetLength(text));
}

static PyObject *write_each(PyObject *object, PyObject *lines, PyCFunction write)
{
    PyObject *iterator = PyObject_GetIter(lines);
    if (!iterator)
        return NULL;
    PyObject *line;
    while ((line = PyIter_Next(iterator))) {
        PyObject *written = write(object, line);
        Py_DECREF(line);
        if (!written)
            break;
        Py_DECREF(written);
    }
    Py_DECREF(iterator);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *stream_writelines(PyObject *object, PyObject *lines)
{
    return write_each(object, lines, stream_write);
}

void qpy__capture_flush(PyObject *stream)
{
    struct stream *self = (struct stream *)stream;
    struct qpy__task *task = task_of(self);
    if (task)
        flush_pending(self, task);
}

static PyObject *stream_flush(PyObject *object, PyObject *unused)
{
    (void)unused;
    qpy__capture_flush(object);
    Py_RETURN_NONE;
}

static PyObject *answer_true(PyObject *object, PyObject *unused)
{
    (void)object;
    (void)unused;
    Py_RETURN_TRUE;
}

static PyObject *answer_false(PyObject *object, PyObject *unused)
{
    (void)object;
    (void)unused;
    Py_RETURN_FALSE;
}

/* Accepted as TextIOWrapper does; the captured stream is always UTF-8 and line buffered. */
static PyObject *stream_reconfigure(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"encoding",       "errors",        "newline",
                            "line_buffering", "write_through", NULL};
    PyObject *encoding = Py_None;
    PyObject *ignored[4] = {NULL, NULL, NULL, NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOOO:reconfigure", names, &encoding,
                                     &ignored[0], &ignored[1], &ignored[2], &ignored[3]))
        return NULL;
    if (encoding != Py_None) {
        const char *name = PyUnicode_Check(encoding) ? PyUnicode_AsUTF8(encoding) : NULL;
        if (!name || (strcasecmp(name, "utf-8") != 0 && strcasecmp(name, "utf8") != 0)) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError,
                             "a job's output is captured as UTF-8; it cannot be reconfigured to %R",
                             encoding);
            return NULL;
        }
    }
    return stream_flush(object, NULL);
}

/* io.UnsupportedOperation, as streams without a file descriptor raise it. */
static PyObject *refuse(const char *operation)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *type = io ? PyObject_GetAttrString(io, "UnsupportedOperation") : NULL;
    if (type)
        PyErr_Format(type, "%s: a job's output has no file descriptor; it is captured", operation);
    Py_XDECREF(type);
    Py_XDECREF(io);
    return NULL;
}

static PyObject *stream_fileno(PyObject *object, PyObject *unused)
{
    (void)object;
    (void)unused;
    return refuse("fileno");
}

static PyObject *stream_read(PyObject *object, PyObject *unused)
{
    (void)object;
    (void)unused;
    return refuse("read");
}

static PyObject *stream_enter(PyObject *object, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(object);
}

static PyObject *get_buffer(PyObject *object, void *closure)
{
    (void)closure;
    PyTypeObject *type = (PyTypeObject *)qpy__module_of_type(Py_TYPE(object))->raw_type;
    struct raw *raw = (struct raw *)type->tp_alloc(type, 0);
    if (raw)
        raw->text = Py_NewRef(object);
    return (PyObject *)raw;
}

static PyObject *get_text(PyObject *object, void *closure)
{
    (void)object;
    return PyUnicode_FromString(closure);
}

static PyObject *get_name(PyObject *object, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(((struct stream *)object)->number == QPY_STDOUT ? "<stdout>"
                                                                                : "<stderr>");
}

static PyObject *get_flag(PyObject *object, void *closure)
{
    (void)object;
    return PyBool_FromLong(closure != NULL);
}

static PyObject *get_none(PyObject *object, void *closure)
{
    (void)object;
    (void)closure;
    Py_RETURN_NONE;
}

static void object_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef stream_methods[] = {
    {"write", stream_write, METH_O, "Write text; returns the number of characters."},
    {"writelines", stream_writelines, METH_O, "Write each text of an iterable."},
    {"flush", stream_flush, METH_NOARGS, "Show what was written to the host now."},
    {"close", stream_flush, METH_NOARGS, "Flush; the stream stays open until the job ends."},
    {"isatty", answer_false, METH_NOARGS, "False: output is captured."},
    {"writable", answer_true, METH_NOARGS, "True."},
    {"readable", answer_false, METH_NOARGS, "False."},
    {"seekable", answer_false, METH_NOARGS, "False."},
    {"fileno", stream_fileno, METH_NOARGS, "Raises io.UnsupportedOperation."},
    {"read", stream_read, METH_VARARGS, "Raises io.UnsupportedOperation."},
    {"readline", stream_read, METH_VARARGS, "Raises io.UnsupportedOperation."},
    {"reconfigure", (PyCFunction)(void (*)(void))stream_reconfigure, METH_VARARGS | METH_KEYWORDS,
     "Accepts what TextIOWrapper accepts, as long as the encoding stays UTF-8."},
    {"__enter__", stream_enter, METH_NOARGS, NULL},
    {"__exit__", stream_flush, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef stream_getters[] = {
    {"buffer", get_buffer, NULL, "The binary stream under this one.", NULL},
    {"encoding", get_text, NULL, NULL, "utf-8"},
    {"errors", get_text, NULL, NULL, "backslashreplace"},
    {"mode", get_text, NULL, NULL, "w"},
    {"name", get_name, NULL, NULL, NULL},
    {"newlines", get_none, NULL, NULL, NULL},
    {"closed", get_flag, NULL, NULL, NULL},
    {"line_buffering", get_flag, NULL, NULL, "true"},
    {"write_through", get_flag, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot stream_slots[] = {
    {Py_tp_doc, "Captured output of a job: text in UTF-8, bounded, shown to the host as it comes."},
    {Py_tp_methods, stream_methods},
    {Py_tp_getset, stream_getters},
    {Py_tp_dealloc, object_dealloc},
    {0, NULL}};

static PyType_Spec stream_spec = {
    .name = "qntx.CapturedStream",
    .basicsize = sizeof(struct stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = stream_slots,
};

static PyObject *raw_write(PyObject *object, PyObject *bytes)
{
    Py_buffer view;
    if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    write_bytes((struct stream *)((struct raw *)object)->text, view.buf, (size_t)view.len);
    PyObject *length = PyLong_FromSsize_t(view.len);
    PyBuffer_Release(&view);
    return length;
}

static PyObject *raw_writelines(PyObject *object, PyObject *lines)
{
    return write_each(object, lines, raw_write);
}

static PyObject *raw_flush(PyObject *object, PyObject *unused)
{
    return stream_flush(((struct raw *)object)->text, unused);
}

static void raw_dealloc(PyObject *object)
{
    Py_CLEAR(((struct raw *)object)->text);
    object_dealloc(object);
}

static PyMethodDef raw_methods[] = {
    {"write", raw_write, METH_O, "Write bytes; returns their number."},
    {"writelines", raw_writelines, METH_O, "Write each bytes-like object of an iterable."},
    {"flush", raw_flush, METH_NOARGS, "Show what was written to the host now."},
    {"close", raw_flush, METH_NOARGS, "Flush; the stream stays open until the job ends."},
    {"__enter__", stream_enter, METH_NOARGS, NULL},
    {"__exit__", raw_flush, METH_VARARGS, NULL},
    {"isatty", answer_false, METH_NOARGS, "False: output is captured."},
    {"writable", answer_true, METH_NOARGS, "True."},
    {"readable", answer_false, METH_NOARGS, "False."},
    {"seekable", answer_false, METH_NOARGS, "False."},
    {"fileno", stream_fileno, METH_NOARGS, "Raises io.UnsupportedOperation."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef raw_getters[] = {{"closed", get_flag, NULL, NULL, NULL},
                                    {"mode", get_text, NULL, NULL, "wb"},
                                    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot raw_slots[] = {{Py_tp_doc, "The bytes of a job's captured output."},
                                  {Py_tp_methods, raw_methods},
                                  {Py_tp_getset, raw_getters},
                                  {Py_tp_dealloc, raw_dealloc},
                                  {0, NULL}};

static PyType_Spec raw_spec = {
    .name = "qntx.CapturedBytes",
    .basicsize = sizeof(struct raw),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = raw_slots,
};

PyObject *qpy__capture_new(PyObject *module, int stream)
{
    PyTypeObject *type = (PyTypeObject *)qpy__module_state(module)->stream_type;
    struct stream *self = (struct stream *)type->tp_alloc(type, 0);
    if (self)
        self->number = stream;
    return (PyObject *)self;
}

int qpy__capture_add_types(PyObject *module)
{
    struct qpy__module *state = qpy__module_state(module);
    state->stream_type = PyType_FromModuleAndSpec(module, &stream_spec, NULL);
    state->raw_type = PyType_FromModuleAndSpec(module, &raw_spec, NULL);
    return state->stream_type && state->raw_type ? 0 : -1;
}
