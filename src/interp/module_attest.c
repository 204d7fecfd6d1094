/* qntx.attest(), last() and query(): what scripts store and read. */
#include "interp/module.h"

#include <string.h>

#include "interp/convert.h"

#define ATTRIBUTES_MAXIMUM (64 * 1024 * 1024)
#define ANSWER_MAXIMUM ((size_t)1 << 30)
#define ID_ATTEMPTS 10

PyDoc_STRVAR(
    attest_doc,
    "attest(subjects, predicates, contexts=None, actors=None, attributes=None)\n--\n\n"
    "Store one attestation: subjects are predicates of contexts by actors.\n\n"
    "Lists of str; attributes is a dict of what JSON can hold, kept exactly. Returns the\n"
    "attestation as a dict with its id. It is stored when the call returns, unless the job\n"
    "runs with attest = with_job: then all appear together when the job succeeds.");
PyDoc_STRVAR(last_doc, "last(subjects=None, predicates=None, contexts=None, actors=None)\n--\n\n"
                       "The newest attestation that matches, as a dict, or None if none does.");
PyDoc_STRVAR(
    query_doc,
    "query(subjects=None, predicates=None, contexts=None, actors=None, *, since=None,\n"
    "      until=None, limit=None)\n--\n\n"
    "The attestations that match, newest first, as a list of dicts. Every list given must\n"
    "match; one matching str suffices within a list. Times: Unix milliseconds or datetime.");

/* ---- Lists of str from Python ----------------------------------------------------------------- */

/*
 * The UTF-8 texts are borrowed from the str objects, which `tuple` keeps alive: it is a copy, so that
 * other threads may change the script's list while the GIL is released.
 */
struct names {
    PyObject *tuple;
    const char **items;
    size_t count;
};

static void names_done(struct names *names)
{
    Py_CLEAR(names->tuple);
    PyMem_RawFree(names->items);
    names->items = NULL;
}

static qpy_strings names_view(const struct names *names)
{
    return (qpy_strings){names->items, names->count};
}

static const char *name_text(const char *function, const char *argument, PyObject *item,
                             Py_ssize_t index)
{
    if (!PyUnicode_Check(item)) {
        PyErr_Format(PyExc_TypeError, "%s() argument '%s' must hold only str, not %s (item %zd)",
                     function, argument, Py_TYPE(item)->tp_name, index);
        return NULL;
    }
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(item, &length);
    if (text && strlen(text) == (size_t)length)
        return text;
    PyErr_Clear();
    PyErr_Format(PyExc_ValueError, "%s() argument '%s' must hold text without %s (item %zd: %R)",
                 function, argument, text ? "NUL characters" : "lone surrogates", index, item);
    return NULL;
}

/* 0, or -1 with an exception. `value` NULL or None: an empty list. */
static int names_parse(struct names *ret, const char *function, const char *argument,
                       PyObject *value)
{
    *ret = (struct names){0};
    if (!value || value == Py_None)
        return 0;
    if (PyUnicode_Check(value) || PyBytes_Check(value) || !PySequence_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s() argument '%s' must be a list or tuple of str, not %s",
                     function, argument, Py_TYPE(value)->tp_name);
        return -1;
    }
    ret->tuple = PySequence_Tuple(value);
    if (!ret->tuple)
        return -1;
    ret->count = (size_t)PyTuple_GET_SIZE(ret->tuple);
    ret->items = PyMem_RawMalloc((ret->count + 1) * sizeof *ret->items);
    if (!ret->items) {
        PyErr_NoMemory();
        names_done(ret);
        return -1;
    }
    for (size_t i = 0; i < ret->count; i++) {
        PyObject *item = PyTuple_GET_ITEM(ret->tuple, (Py_ssize_t)i);
        ret->items[i] = name_text(function, argument, item, (Py_ssize_t)i);
        if (!ret->items[i]) {
            names_done(ret);
            return -1;
        }
    }
    return 0;
}

/* subjects, predicates, contexts, actors */
struct axes {
    struct names axis[4];
};

static const char *const axis_names[] = {"subjects", "predicates", "contexts", "actors"};

static void axes_done(struct axes *axes)
{
    for (int i = 0; i < 4; i++)
        names_done(&axes->axis[i]);
}

static int axes_parse(struct axes *ret, const char *function, PyObject *const values[4])
{
    *ret = (struct axes){0};
    for (int i = 0; i < 4; i++)
        if (names_parse(&ret->axis[i], function, axis_names[i], values[i]) < 0) {
            axes_done(ret);
            return -1;
        }
    return 0;
}

/* ---- attest() ---------------------------------------------------------------------------------- */

/* Python values of the four axes, as they are stored and given back. Owned. */
struct claim {
    PyObject *lists[4];
};

static void claim_done(struct claim *claim)
{
    for (int i = 0; i < 4; i++)
        Py_CLEAR(claim->lists[i]);
}

static PyObject *list_or(PyObject *value, const char *otherwise)
{
    PyObject *list = value && value != Py_None ? PySequence_List(value) : PyList_New(0);
    if (list && otherwise && PyList_GET_SIZE(list) == 0) {
        PyObject *text = PyUnicode_FromString(otherwise);
        if (!text || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

/* A handler's name stands in for missing contexts and is added to given ones (contract 5.3). */
static int add_handler(PyObject *contexts, const char *handler)
{
    if (!handler)
        return 0;
    PyObject *name = PyUnicode_FromString(handler);
    int present = name ? PySequence_Contains(contexts, name) : -1;
    if (present == 0)
        present = PyList_Append(contexts, name) < 0 ? -1 : 1;
    Py_XDECREF(name);
    return present < 0 ? -1 : 0;
}

static int check_claim(const struct claim *claim)
{
    if (PyList_GET_SIZE(claim->lists[0]) == 0) {
        PyErr_SetString(PyExc_ValueError, "attest() argument 'subjects' must not be empty");
        return -1;
    }
    if (PyList_GET_SIZE(claim->lists[2]) == 0) {
        PyErr_SetString(PyExc_RuntimeError,
                        "attest: no context: this execution is not a discovered handler, so there "
                        "is no handler name to stand in - pass contexts=[...]");
        return -1;
    }
    return 0;
}

/*
 * The values as they will be stored, with the defaults of contract 5.2 and 5.3; actors stay empty if
 * the attestation's own id will be the actor.
 */
static int claim_make(struct claim *ret, PyObject *const values[4], const struct qpy__spec *spec)
{
    char glyph[256];
    if (spec->glyph_id)
        snprintf(glyph, sizeof glyph, "glyph:%s", spec->glyph_id);
    *ret =
        (struct claim){{list_or(values[0], NULL), list_or(values[1], "_"), list_or(values[2], NULL),
                        list_or(values[3], spec->glyph_id ? glyph : NULL)}};
    bool complete = ret->lists[0] && ret->lists[1] && ret->lists[2] && ret->lists[3];
    if (complete && add_handler(ret->lists[2], spec->handler_name) == 0 && check_claim(ret) == 0)
        return 0;
    claim_done(ret);
    return -1;
}

static PyObject *raise_status(const char *function, const qpy_error *error)
{
    if (error->status == QPY_E_NO_MEMORY)
        return PyErr_NoMemory();
    PyErr_Format(PyExc_RuntimeError, "%s: %s", function, error->message);
    return NULL;
}

/* GIL: held; released while the store works. */
static int store_claim(struct qpy__task *task, const qpy_attestation *attestation)
{
    qpy_error error = QPY_ERROR_INIT;
    qpy_status status;
    Py_BEGIN_ALLOW_THREADS
    status = qpy__session_attest(task->session, attestation, NULL, &error);
    Py_END_ALLOW_THREADS
    if (status == QPY_OK)
        return 0;
    if (status == QPY_E_EXISTS)
        return 1;
    (void)raise_status("attest", &error);
    return -1;
}

static PyObject *claim_result(const struct claim *claim, const qpy_attestation *attestation,
                              PyObject *attributes)
{
    PyObject *copy = attributes ? Py_NewRef(attributes) : PyDict_New();
    PyObject *actors = list_or(claim->lists[3], attestation->id);
    if (!copy || !actors) {
        Py_XDECREF(copy);
        Py_XDECREF(actors);
        return NULL;
    }
    return Py_BuildValue(
        "{s:s,s:O,s:O,s:O,s:N,s:L,s:s,s:N}", "id", attestation->id, "subjects", claim->lists[0],
        "predicates", claim->lists[1], "contexts", claim->lists[2], "actors", actors, "timestamp",
        (long long)attestation->timestamp_ms, "source", attestation->source, "attributes", copy);
}

/* Draw ids into `id`, which attestation->id points to, until one is free. 0, or -1 with an exception. */
static int store_with_new_id(struct qpy__task *task, qpy_attestation *attestation, char id[48])
{
    for (int attempt = 0; attempt < ID_ATTEMPTS; attempt++) {
        qpy_error error = QPY_ERROR_INIT;
        if (qpy_id_new("AS", attestation->subjects.items[0], attestation->predicates.items[0],
                       attestation->contexts.items[0], id, &error) != QPY_OK) {
            (void)raise_status("attest", &error);
            return -1;
        }
        int stored = store_claim(task, attestation);
        if (stored <= 0)
            return stored;
    }
    PyErr_SetString(PyExc_RuntimeError, "attest: no free id was found");
    return -1;
}

static PyObject *attest_claim(struct qpy__task *task, const struct claim *claim,
                              PyObject *attributes, const char *attributes_json)
{
    struct axes axes;
    if (axes_parse(&axes, "attest", claim->lists) < 0)
        return NULL;
    char id[48];
    const char *self = id;
    bool self_certified = axes.axis[3].count == 0;
    int64_t now = qpy__wall_ms();
    qpy_attestation attestation = {
        .id = id,
        .subjects = names_view(&axes.axis[0]),
        .predicates = names_view(&axes.axis[1]),
        .contexts = names_view(&axes.axis[2]),
        .actors = self_certified ? (qpy_strings){&self, 1} : names_view(&axes.axis[3]),
        .timestamp_ms = now,
        .source = "python",
        .attributes_json = attributes_json,
        .created_at_ms = now,
    };
    PyObject *result = NULL;
    if (store_with_new_id(task, &attestation, id) == 0)
        result = claim_result(claim, &attestation, attributes);
    axes_done(&axes);
    return result;
}

/* Reject what is not a list of str before list() would accept it, such as a dict or a str. */
static int check_axes(PyObject *const values[4])
{
    for (int i = 0; i < 2; i++)
        if (values[i] == Py_None) {
            PyErr_Format(PyExc_TypeError,
                         "attest() argument '%s' must be a list or tuple of str, not NoneType",
                         axis_names[i]);
            return -1;
        }
    struct axes axes;
    if (axes_parse(&axes, "attest", values) < 0)
        return -1;
    axes_done(&axes);
    return 0;
}

static PyObject *attest_with(struct qpy__task *task, PyObject *const values[4],
                             PyObject *attributes, const char *attributes_json)
{
    struct claim claim;
    if (check_axes(values) < 0 || claim_make(&claim, values, task->spec) < 0)
        return NULL;
    PyObject *result = attest_claim(task, &claim, attributes, attributes_json);
    claim_done(&claim);
    return result;
}

/* Write the attributes as JSON. Returns them as they are stored: a dict of plain values. */
static PyObject *write_attributes(PyObject *module, PyObject *attributes, struct qpy__buf *json)
{
    bool changed = false;
    if (qpy__convert_attributes(attributes, "attributes", json, &changed) < 0)
        return NULL;
    if (json->failed) {
        PyErr_Format(PyExc_ValueError, "attest() argument 'attributes' is over %d bytes as JSON",
                     ATTRIBUTES_MAXIMUM);
        return NULL;
    }
    return changed ? qpy__module_loads(qpy__module_state(module), json->data)
                   : PyDict_Copy(attributes);
}

static PyObject *attest(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"subjects", "predicates", "contexts", "actors", "attributes", NULL};
    PyObject *values[4] = {NULL, NULL, NULL, NULL};
    PyObject *attributes = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|OOO:attest", names, &values[0], &values[1],
                                     &values[2], &values[3], &attributes))
        return NULL;
    struct qpy__task *task = qpy__module_task(module);
    if (!task)
        return NULL;
    if (attributes == Py_None)
        attributes = NULL;
    if (attributes && !PyDict_Check(attributes)) {
        PyErr_Format(PyExc_TypeError, "attest() argument 'attributes' must be a dict, not %s",
                     Py_TYPE(attributes)->tp_name);
        return NULL;
    }
    struct qpy__buf json;
    qpy__buf_init(&json, ATTRIBUTES_MAXIMUM);
    PyObject *stored = NULL;
    PyObject *result = NULL;
    if (!attributes || (stored = write_attributes(module, attributes, &json)))
        result = attest_with(task, values, stored, json.data);
    Py_XDECREF(stored);
    qpy__buf_done(&json);
    return result;
}

/* ---- last() and query() ------------------------------------------------------------------------ */

struct answer {
    struct qpy__buf json; /* the elements of a JSON array */
    qpy_error error;
    qpy_status status;
};

static bool add_match(void *payload, const qpy_attestation *attestation)
{
    struct answer *answer = payload;
    char *json = NULL;
    answer->status = qpy__attestation_to_python_json(attestation, &json, &answer->error);
    if (answer->status != QPY_OK)
        return false;
    qpy__buf_text(&answer->json, answer->json.length > 1 ? "," : "");
    qpy__buf_text(&answer->json, json);
    qpy_free(json);
    return !answer->json.failed;
}

/* The list of matches as Python objects. GIL: held; released while the store works. */
static PyObject *run_query(PyObject *module, const char *function, const qpy_filter *filter)
{
    struct qpy__task *task = qpy__module_task(module);
    if (!task)
        return NULL;
    struct answer answer = {.status = QPY_OK, .error = QPY_ERROR_INIT};
    qpy__buf_init(&answer.json, ANSWER_MAXIMUM);
    qpy__buf_char(&answer.json, '[');
    qpy_status status;
    Py_BEGIN_ALLOW_THREADS
    status = qpy__session_query(task->session, filter, add_match, &answer, &answer.error);
    Py_END_ALLOW_THREADS
    qpy__buf_char(&answer.json, ']');
    PyObject *list = NULL;
    if (status != QPY_OK || answer.status != QPY_OK)
        (void)raise_status(function, &answer.error);
    else if (answer.json.failed)
        PyErr_Format(PyExc_MemoryError, "%s: the answer is larger than %zu bytes; use limit",
                     function, ANSWER_MAXIMUM);
    else
        list = qpy__module_loads(qpy__module_state(module), answer.json.data);
    qpy__buf_done(&answer.json);
    return list;
}

static PyObject *last(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"subjects", "predicates", "contexts", "actors", NULL};
    PyObject *values[4] = {NULL, NULL, NULL, NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOO:last", names, &values[0], &values[1],
                                     &values[2], &values[3]))
        return NULL;
    struct axes axes;
    if (axes_parse(&axes, "last", values) < 0)
        return NULL;
    qpy_filter filter = QPY_FILTER_INIT;
    filter.subjects = names_view(&axes.axis[0]);
    filter.predicates = names_view(&axes.axis[1]);
    filter.contexts = names_view(&axes.axis[2]);
    filter.actors = names_view(&axes.axis[3]);
    filter.limit = 1;
    PyObject *list = run_query(module, "last", &filter);
    axes_done(&axes);
    if (!list)
        return NULL;
    PyObject *newest = PyList_GET_SIZE(list) > 0 ? PyList_GET_ITEM(list, 0) : Py_None;
    Py_INCREF(newest);
    Py_DECREF(list);
    return newest;
}

/* Unix milliseconds from an int or from anything with timestamp(), such as datetime. */
static int parse_time(const char *argument, PyObject *value, int64_t *ret_ms)
{
    if (!value || value == Py_None)
        return 0;
    if (PyLong_Check(value)) {
        *ret_ms = PyLong_AsLongLong(value);
        return *ret_ms == -1 && PyErr_Occurred() ? -1 : 0;
    }
    PyObject *seconds = PyObject_CallMethod(value, "timestamp", NULL);
    double number = seconds ? PyFloat_AsDouble(seconds) : -1;
    Py_XDECREF(seconds);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError,
                     "query() argument '%s' must be int (Unix milliseconds) or datetime, not %s",
                     argument, Py_TYPE(value)->tp_name);
        return -1;
    }
    *ret_ms = (int64_t)(number * 1000);
    return 0;
}

static int parse_limit(PyObject *value, int64_t *ret_limit)
{
    if (!value || value == Py_None)
        return 0;
    *ret_limit = PyLong_Check(value) ? PyLong_AsLongLong(value) : -1;
    if (*ret_limit >= 0)
        return 0;
    PyErr_Clear();
    PyErr_Format(PyLong_Check(value) ? PyExc_ValueError : PyExc_TypeError,
                 "query() argument 'limit' must be an int of at least 0, not %R", value);
    return -1;
}

static PyObject *query(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"subjects", "predicates", "contexts", "actors",
                            "since",    "until",      "limit",    NULL};
    PyObject *values[4] = {NULL, NULL, NULL, NULL};
    PyObject *since = NULL;
    PyObject *until = NULL;
    PyObject *limit = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOO$OOO:query", names, &values[0], &values[1],
                                     &values[2], &values[3], &since, &until, &limit))
        return NULL;
    qpy_filter filter = QPY_FILTER_INIT;
    if (parse_time("since", since, &filter.since_ms) < 0 ||
        parse_time("until", until, &filter.until_ms) < 0 || parse_limit(limit, &filter.limit) < 0)
        return NULL;
    struct axes axes;
    if (axes_parse(&axes, "query", values) < 0)
        return NULL;
    filter.subjects = names_view(&axes.axis[0]);
    filter.predicates = names_view(&axes.axis[1]);
    filter.contexts = names_view(&axes.axis[2]);
    filter.actors = names_view(&axes.axis[3]);
    PyObject *list = run_query(module, "query", &filter);
    axes_done(&axes);
    return list;
}

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function)

PyMethodDef qpy__attest_methods[] = {
    {"attest", WITH_KEYWORDS(attest), METH_VARARGS | METH_KEYWORDS, attest_doc},
    {"last", WITH_KEYWORDS(last), METH_VARARGS | METH_KEYWORDS, last_doc},
    {"query", WITH_KEYWORDS(query), METH_VARARGS | METH_KEYWORDS, query_doc},
    {NULL, NULL, 0, NULL}};
