/* Python values to JSON text, exactly or with a note of what was changed. */
#include "interp/convert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAXIMUM 100
#define REPR_MAXIMUM 100000
#define DECIMAL_BITS 200000 /* about 60,000 digits */
#define UNKNOWN "<unknown>"

/* One step of the path to the value at hand, such as `.name` or `[3]`. */
struct step {
    const struct step *up;
    PyObject *value; /* the container, to find cycles; borrowed */
    PyObject *key;   /* of a dict, borrowed; NULL for a sequence */
    Py_ssize_t index;
};

struct conversion {
    const char *name;
    struct qpy__buf *out;
    struct qpy__buf *notes; /* NULL: strict */
    bool changed;           /* something was written as another type than it has */
};

static int convert(struct conversion *c, PyObject *value, const struct step *up, int depth);

/* ---- Text --------------------------------------------------------------------------------- */

static PyObject *encode(PyObject *text)
{
    return PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
}

char *qpy__convert_text(PyObject *text)
{
    PyObject *bytes = encode(text);
    if (!bytes)
        return NULL;
    const char *data = PyBytes_AS_STRING(bytes);
    const char *end = data + PyBytes_GET_SIZE(bytes);
    struct qpy__buf buf;
    qpy__buf_init(&buf, SIZE_MAX / 2);
    for (const char *nul; (nul = memchr(data, '\0', (size_t)(end - data))); data = nul + 1) {
        qpy__buf_add(&buf, data, (size_t)(nul - data));
        qpy__buf_text(&buf, "\\x00");
    }
    qpy__buf_add(&buf, data, (size_t)(end - data));
    Py_DECREF(bytes);
    char *copy = qpy__buf_take(&buf);
    if (!copy)
        PyErr_NoMemory();
    return copy;
}

/* An error of the object's own code is swallowed; the stop of the job, memory and exits are not. */
static bool may_swallow(void)
{
    return PyErr_ExceptionMatches(PyExc_Exception) && !PyErr_ExceptionMatches(PyExc_MemoryError);
}

char *qpy__convert_repr(PyObject *value, Py_ssize_t maximum)
{
    PyObject *text = PyObject_Repr(value);
    if (!text) {
        if (!may_swallow())
            return NULL;
        PyErr_Clear();
        return strdup(UNKNOWN);
    }
    if (PyUnicode_GetLength(text) > maximum) {
        PyObject *cut = PyUnicode_Substring(text, 0, maximum);
        Py_SETREF(text, cut ? PyUnicode_FromFormat("%U...", cut) : NULL);
        Py_XDECREF(cut);
    }
    char *copy = text ? qpy__convert_text(text) : NULL;
    Py_XDECREF(text);
    return copy;
}

/* ---- Where we are --------------------------------------------------------------------------- */

static void add_path(struct qpy__buf *path, const struct step *step)
{
    if (!step)
        return;
    add_path(path, step->up);
    if (!step->key) {
        qpy__buf_format(path, "[%zd]", step->index);
        return;
    }
    PyObject *bytes = PyUnicode_Check(step->key) ? encode(step->key) : NULL;
    qpy__buf_format(path, ".%s", bytes ? PyBytes_AS_STRING(bytes) : "?");
    PyErr_Clear();
    Py_XDECREF(bytes);
}

static char *path_text(const struct conversion *c, const struct step *step)
{
    struct qpy__buf path;
    qpy__buf_init(&path, 2048);
    qpy__buf_text(&path, c->notes ? "$" : c->name);
    add_path(&path, step);
    return qpy__buf_take(&path);
}

static void note(struct conversion *c, const struct step *step, const char *from, const char *what)
{
    char *path = path_text(c, step);
    struct qpy__buf *notes = c->notes;
    if (notes->length > 0)
        qpy__buf_char(notes, ',');
    qpy__buf_text(notes, "{\"path\":");
    qpy__buf_json_text(notes, path ? path : "$");
    qpy__buf_text(notes, ",\"from\":");
    qpy__buf_json_text(notes, from);
    qpy__buf_text(notes, ",\"note\":");
    qpy__buf_json_text(notes, what);
    qpy__buf_char(notes, '}');
    free(path);
}

static int refuse(struct conversion *c, const struct step *step, PyObject *type, const char *what)
{
    char *path = path_text(c, step);
    PyErr_Format(type, "%s: %s", path ? path : c->name, what);
    free(path);
    return -1;
}

/* ---- Leaves ---------------------------------------------------------------------------------- */

static int convert_str(struct conversion *c, PyObject *text, const struct step *step)
{
    Py_ssize_t length;
    const char *data = PyUnicode_AsUTF8AndSize(text, &length);
    if (data) {
        qpy__buf_json_string(c->out, data, (size_t)length);
        return 0;
    }
    PyErr_Clear();
    if (!c->notes)
        return refuse(c, step, PyExc_ValueError, "text with lone surrogates cannot be stored");
    PyObject *bytes = encode(text);
    if (!bytes)
        return -1;
    qpy__buf_json_string(c->out, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    note(c, step, "str", "lone surrogates are written as escapes");
    return 0;
}

/* Decimal digits without CPython's limit, which stays as it was. NULL with an exception. */
static PyObject *unlimited_digits(PyObject *value)
{
    PyObject *get = PySys_GetObject("get_int_max_str_digits"); /* borrowed, as `set` */
    PyObject *set = PySys_GetObject("set_int_max_str_digits");
    PyObject *limit = get ? PyObject_CallNoArgs(get) : NULL;
    PyObject *done = limit && set ? PyObject_CallFunction(set, "i", 0) : NULL;
    PyObject *digits = done ? PyNumber_ToBase(value, 10) : NULL;
    Py_XDECREF(done);
    done = limit && set ? PyObject_CallFunctionObjArgs(set, limit, NULL) : NULL;
    if (!done)
        Py_CLEAR(digits);
    Py_XDECREF(done);
    Py_XDECREF(limit);
    return digits;
}

static bool is_reasonable(PyObject *value)
{
    PyObject *bits = PyObject_CallMethod(value, "bit_length", NULL);
    long count = bits ? PyLong_AsLong(bits) : -1;
    Py_XDECREF(bits);
    PyErr_Clear();
    return count >= 0 && count <= DECIMAL_BITS;
}

/*
 * CPython refuses decimal digits beyond sys.get_int_max_str_digits(), since making them takes a time
 * that grows with their square: up to a size that takes milliseconds do it all the same, then
 * hexadecimal text.
 */
static int convert_huge_int(struct conversion *c, PyObject *value, const struct step *step)
{
    if (!PyErr_ExceptionMatches(PyExc_ValueError))
        return -1;
    PyErr_Clear();
    PyObject *decimal = is_reasonable(value) ? unlimited_digits(value) : NULL;
    if (decimal) {
        qpy__buf_text(c->out, PyUnicode_AsUTF8(decimal));
        Py_DECREF(decimal);
        return 0;
    }
    PyErr_Clear();
    if (!c->notes)
        return refuse(c, step, PyExc_ValueError,
                      "an int with more than 60,000 digits cannot be stored");
    PyObject *digits = PyNumber_ToBase(value, 16);
    if (!digits)
        return -1;
    qpy__buf_json_text(c->out, PyUnicode_AsUTF8(digits));
    Py_DECREF(digits);
    note(c, step, "int", "too many digits for decimal; written as hexadecimal text");
    return 0;
}

static int convert_int(struct conversion *c, PyObject *value, const struct step *step)
{
    PyObject *digits = PyNumber_ToBase(value, 10);
    if (!digits)
        return convert_huge_int(c, value, step);
    qpy__buf_text(c->out, PyUnicode_AsUTF8(digits));
    Py_DECREF(digits);
    return 0;
}

static int convert_float(struct conversion *c, PyObject *value, const struct step *step)
{
    double number = PyFloat_AS_DOUBLE(value);
    if (isfinite(number)) {
        char *text = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
        if (!text)
            return -1;
        qpy__buf_text(c->out, text);
        PyMem_Free(text);
        return 0;
    }
    const char *name = isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
    if (!c->notes)
        return refuse(c, step, PyExc_ValueError, "NaN and infinite numbers cannot be stored");
    qpy__buf_json_text(c->out, name);
    note(c, step, "float", "JSON has no such number; written as text");
    return 0;
}

static int convert_other(struct conversion *c, PyObject *value, const struct step *step)
{
    if (!c->notes) {
        PyObject *text = PyObject_Str(value);
        if (!text)
            return -1;
        int status = convert_str(c, text, step);
        Py_DECREF(text);
        return status;
    }
    char *text = qpy__convert_repr(value, REPR_MAXIMUM);
    if (!text)
        return -1;
    qpy__buf_json_text(c->out, text);
    free(text);
    note(c, step, Py_TYPE(value)->tp_name, "not a JSON type; written as its repr");
    return 0;
}

/* ---- Containers ------------------------------------------------------------------------------ */

static bool is_inside(const struct step *step, PyObject *value)
{
    for (; step; step = step->up)
        if (step->value == value)
            return true;
    return false;
}

/* 1: the container may be entered; 0: a text took its place; -1: refused. */
static int may_enter(struct conversion *c, PyObject *value, const struct step *up, int depth)
{
    bool cycle = is_inside(up, value);
    if (!cycle && depth < DEPTH_MAXIMUM)
        return 1;
    if (!c->notes)
        return refuse(c, up, PyExc_ValueError,
                      cycle ? "refers to itself" : "nested deeper than 100 levels");
    qpy__buf_json_text(c->out, cycle ? "<cycle>" : "<deeper than 100 levels>");
    note(c, up, Py_TYPE(value)->tp_name,
         cycle ? "refers to itself; cut here" : "nested deeper than 100 levels; cut here");
    return 0;
}

static int convert_sequence(struct conversion *c, PyObject *value, const struct step *up, int depth)
{
    int enter = may_enter(c, value, up, depth);
    if (enter <= 0)
        return enter;
    qpy__buf_char(c->out, '[');
    struct step step = {.up = up, .value = value};
    bool is_list = PyList_Check(value);
    /* Converting an item may run code that changes the list: look at its size each time. */
    for (; step.index < (is_list ? PyList_GET_SIZE(value) : PyTuple_GET_SIZE(value));
         step.index++) {
        PyObject *item = Py_NewRef(is_list ? PyList_GET_ITEM(value, step.index)
                                           : PyTuple_GET_ITEM(value, step.index));
        if (step.index > 0)
            qpy__buf_char(c->out, ',');
        int status = convert(c, item, &step, depth + 1);
        Py_DECREF(item);
        if (status < 0)
            return -1;
    }
    qpy__buf_char(c->out, ']');
    return 0;
}

/* The text of a key that is not a str, as json.dumps has it where it has one. New reference. */
static PyObject *key_text(PyObject *key)
{
    if (key == Py_None)
        return PyUnicode_FromString("null");
    if (PyBool_Check(key))
        return PyUnicode_FromString(key == Py_True ? "true" : "false");
    if (PyLong_Check(key))
        return PyNumber_ToBase(key, 10);
    if (PyFloat_CheckExact(key))
        return PyObject_Repr(key);
    char *text = qpy__convert_repr(key, 1000);
    PyObject *name = text ? PyUnicode_FromString(text) : NULL;
    free(text);
    return name;
}

/* A new reference to the key as str; NULL with an exception, or without one if it must be left out. */
static PyObject *usable_key(struct conversion *c, PyObject *dict, PyObject *key,
                            const struct step *step)
{
    if (PyUnicode_Check(key))
        return Py_NewRef(key);
    if (!c->notes) {
        char text[200];
        snprintf(text, sizeof text, "keys must be str, not %s", Py_TYPE(key)->tp_name);
        (void)refuse(c, step->up, PyExc_TypeError, text);
        return NULL;
    }
    PyObject *name = key_text(key);
    if (!name)
        return NULL;
    int taken = PyDict_Contains(dict, name);
    if (taken > 0)
        note(c, step->up, "dict", "a key whose text another key has already was left out");
    else if (taken == 0)
        note(c, step->up, "dict", "a key that is not a str was written as text");
    if (taken != 0)
        Py_CLEAR(name);
    return name;
}

static int convert_item(struct conversion *c, PyObject *dict, struct step *step, PyObject *key,
                        PyObject *value, bool *first, int depth)
{
    PyObject *name = usable_key(c, dict, key, step);
    if (!name)
        return PyErr_Occurred() ? -1 : 0;
    if (!*first)
        qpy__buf_char(c->out, ',');
    *first = false;
    step->key = name;
    int status = convert_str(c, name, step);
    qpy__buf_char(c->out, ':');
    if (status == 0)
        status = convert(c, value, step, depth + 1);
    step->key = NULL;
    Py_DECREF(name);
    return status;
}

static int convert_dict(struct conversion *c, PyObject *value, const struct step *up, int depth)
{
    int enter = may_enter(c, value, up, depth);
    if (enter <= 0)
        return enter;
    /* A copy: converting an item may run code that changes the dict. */
    PyObject *copy = PyDict_Copy(value);
    if (!copy)
        return -1;
    qpy__buf_char(c->out, '{');
    struct step step = {.up = up, .value = value};
    bool first = true;
    Py_ssize_t position = 0;
    PyObject *key;
    PyObject *item;
    int status = 0;
    while (status == 0 && PyDict_Next(copy, &position, &key, &item))
        status = convert_item(c, copy, &step, key, item, &first, depth);
    Py_DECREF(copy);
    qpy__buf_char(c->out, '}');
    return status;
}

/* Of a type that JSON gives back. */
static bool is_plain(PyObject *value)
{
    return value == Py_None || PyBool_Check(value) || PyUnicode_CheckExact(value) ||
           PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyList_CheckExact(value) ||
           PyDict_CheckExact(value);
}

static int convert(struct conversion *c, PyObject *value, const struct step *up, int depth)
{
    if (c->out->failed)
        return 0; /* over the limit: the caller sees it; spare the rest */
    c->changed = c->changed || !is_plain(value);
    if (value == Py_None || PyBool_Check(value)) {
        qpy__buf_text(c->out, value == Py_None ? "null" : value == Py_True ? "true" : "false");
        return 0;
    }
    if (PyUnicode_Check(value))
        return convert_str(c, value, up);
    if (PyLong_Check(value))
        return convert_int(c, value, up);
    if (PyFloat_Check(value))
        return convert_float(c, value, up);
    if (PyList_Check(value) || PyTuple_Check(value))
        return convert_sequence(c, value, up, depth);
    if (PyDict_Check(value))
        return convert_dict(c, value, up, depth);
    return convert_other(c, value, up);
}

int qpy__convert_to_json(PyObject *value, const char *name, struct qpy__buf *out,
                         struct qpy__buf *notes)
{
    struct conversion c = {.name = name, .out = out, .notes = notes};
    return convert(&c, value, NULL, 0);
}

int qpy__convert_attributes(PyObject *value, const char *name, struct qpy__buf *out,
                            bool *ret_changed)
{
    struct conversion c = {.name = name, .out = out};
    int status = convert(&c, value, NULL, 0);
    *ret_changed = c.changed;
    return status;
}
