/* Building the qpy_error that explains a failure to the caller. */
#ifndef QPY__CORE_ERROR_H
#define QPY__CORE_ERROR_H

#include <qntxpy/status.h>

/* Fill `error` (which may be NULL) and return `status`, so that a caller can write
 * `return qpy__error(error, QPY_E_STORE, "cannot ... '%s': %s", path, reason);`. */
QPY_MUST_CHECK qpy_status qpy__error(qpy_error *error, qpy_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Add what to do about it; keeps status and message. */
void qpy__error_hint(qpy_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* QPY_E_NO_MEMORY, naming what could not be allocated. */
QPY_MUST_CHECK qpy_status qpy__error_memory(qpy_error *error, const char *what);

/* QPY_E_SYSTEM for an errno value, naming what was attempted. */
QPY_MUST_CHECK qpy_status qpy__error_system(qpy_error *error, const char *what, int code);

#endif
