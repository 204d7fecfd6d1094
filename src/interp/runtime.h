/* CPython in this process: started once, on a thread of its own, and never finalised. */
#ifndef QPY__INTERP_RUNTIME_H
#define QPY__INTERP_RUNTIME_H

#include <stdbool.h>

#include <qntxpy/status.h>

#include "interp/compat.h"
#include "interp/gate.h"

/*
 * Start CPython unless it runs, and make the main interpreter ready for `gil` (QPY_GIL_*).
 * `home`: prefix of the installation, or NULL for the one the library was built for. A second call
 * must name the same. Thread-safe. GIL: not held. Errors: QPY_E_PYTHON_VERSION, QPY_E_PYTHON_START,
 * QPY_E_UNSUPPORTED.
 */
QPY_MUST_CHECK qpy_status qpy__runtime_start(const char *home, int gil, struct qpy__gate *ret_gate,
                                             qpy_error *error);

/* Whether the host had initialised CPython before us: our configuration is then not in force. */
bool qpy__runtime_is_hosted(void);

/* "3.11.2", of the libpython that is loaded. Valid once started. */
const char *qpy__runtime_python_version(void);
/* Prefix of the installation in use. */
const char *qpy__runtime_home(void);

/* sys.path as every interpreter starts with, NULL-terminated. Valid once started. */
const char *const *qpy__runtime_search_paths(void);

/* The compiled bootstrap for the current interpreter. GIL: held. New reference, or an exception. */
PyObject *qpy__runtime_bootstrap_code(void);

/*
 * Calls that wait must not keep a GIL that the host holds on this thread: our workers need it where
 * the host initialised CPython. Returns what qpy__runtime_take_back gives back; NULL: nothing held.
 */
void *qpy__runtime_let_go(void);
void qpy__runtime_take_back(void *held);

/*
 * On versions that need it, interpreters are created and ended one at a time.
 * Lock order: this lock, then a GIL. Nobody asks for it while holding a GIL.
 */
void qpy__runtime_lock_creation(const struct qpy__gate *gate);
void qpy__runtime_unlock_creation(const struct qpy__gate *gate);

#endif
