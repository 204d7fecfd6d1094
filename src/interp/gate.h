/* What each CPython version needs so that interpreters do not harm each other: one table. */
#ifndef QPY__INTERP_GATE_H
#define QPY__INTERP_GATE_H

#include <stdbool.h>

#include <qntxpy/status.h>

/* Decisions for one GIL mode of the CPython that runs in this process. All strings are static. */
struct qpy__gate {
    bool own_gil;
    const char *gil_reason;     /* why this mode, for people */
    bool create_lock;           /* interpreters are created and ended one at a time */
    bool ticker;                /* a running job must be made to share the GIL */
    const char *const *blocked; /* C modules that corrupt other interpreters; NULL-terminated */
    const char *blocked_reason;
    const char *const *preimported; /* imported in the main interpreter first; NULL-terminated */
    const char *const *refused;     /* extension modules that load once per process */
    const char *leak_note;          /* memory that each ended interpreter keeps, or NULL */
};

/*
 * The gate for a runtime version (as Py_Version) and the wish of the host (QPY_GIL_*).
 * QPY_E_UNSUPPORTED if the version cannot do it; the message says which can.
 */
QPY_MUST_CHECK qpy_status qpy__gate_choose(unsigned long version, int wish,
                                           struct qpy__gate *ret_gate, qpy_error *error);

#endif
