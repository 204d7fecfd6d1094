/* Exceptions of scripts as text and as data. */
#ifndef QPY__INTERP_FAULT_H
#define QPY__INTERP_FAULT_H

#include "interp/interp.h"

/*
 * Describe `exception` in the task's outcome: error_kind, traceback, type, message, frames, exit code.
 * GIL: held. May run code of the script (__str__); whatever that raises is left out of the report.
 * `compiling`: it came from compiling the source. `stopped`: why the job had to stop, or NONE.
 */
void qpy__fault_describe(struct qpy__interp *interp, struct qpy__task *task, PyObject *exception,
                         bool compiling, enum qpy__stop_kind stopped);

/* A failure without an exception: kind, type and message; the error text is "type: message". */
void qpy__fault_set(struct qpy__outcome *outcome, const char *kind, const char *type,
                    const char *message);

/* What a stopped job is told: "the job ran past its deadline of 2.5 s", or why it was cancelled. */
void qpy__fault_stop_message(const struct qpy__task *task, enum qpy__stop_kind kind, char *out,
                             size_t size);

/* Whether SystemExit means success; fills exit code and message of others. GIL: held. */
bool qpy__fault_is_clean_exit(PyObject *exception);

#endif
