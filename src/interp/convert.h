/* Python values to JSON text, exactly or with a note of what was changed. */
#ifndef QPY__INTERP_CONVERT_H
#define QPY__INTERP_CONVERT_H

#include "core/buf.h"
#include "interp/compat.h"

/*
 * Append `value` to `out` as JSON. GIL: held; may run code of the script (repr, str).
 *
 * Exact: None, bool, int of any size, finite float, str, list, tuple, dict with str keys.
 *
 * `notes` not NULL (results): what JSON cannot hold is converted, and each conversion is noted as a
 * JSON object {"path", "from", "note"}, comma-separated: NaN and infinities become strings, lone
 * surrogates their escapes, other keys text as json.dumps makes it or their repr, other objects the
 * string of their repr, cycles and nesting beyond 100 levels a text that says so.
 *
 * `notes` NULL (attributes): other objects become str(value); NaN, infinities, cycles, deep nesting,
 * surrogates and keys that are not str raise ValueError or TypeError naming `name` and the path.
 *
 * 0, or -1 with an exception set: also when code of the script raised, or was stopped.
 */
int qpy__convert_to_json(PyObject *value, const char *name, struct qpy__buf *out,
                         struct qpy__buf *notes);

/* The same for attributes. *ret_changed: reading the JSON gives other objects (tuples, str()). */
int qpy__convert_attributes(PyObject *value, const char *name, struct qpy__buf *out,
                            bool *ret_changed);

/*
 * The UTF-8 text of a str in a new malloc'd string; lone surrogates become escapes, and so do NUL
 * characters, which no C string can hold. NULL: exception.
 */
char *qpy__convert_text(PyObject *text);

/* repr() or str() of any object as malloc'd text, at most `maximum` characters, or a placeholder if
 * the object's own code fails. NULL only when stopped or out of memory, with an exception set. */
char *qpy__convert_repr(PyObject *value, Py_ssize_t maximum);

#endif
