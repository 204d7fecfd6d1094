/* From a qpy_script, and the payload in it, to a checked script spec. */
#ifndef QPY__ENGINE_SPEC_H
#define QPY__ENGINE_SPEC_H

#include <qntxpy/engine.h>

#include "interp/task.h"

/* What the engine adds to a script: defaults and limits. */
struct qpy__spec_rules {
    size_t script_limit;
    size_t payload_limit;
    int64_t timeout_ms;
    enum qpy__session_mode attest;
};

#define QPY__TIMEOUT_MAXIMUM_MS ((int64_t)1000 * 60 * 60 * 24 * 366)

/* Check and copy. Errors: QPY_E_PAYLOAD with the texts of contract section 3, QPY_E_LIMIT,
 * QPY_E_OPTIONS, QPY_E_ARGUMENT, QPY_E_NO_MEMORY. Thread-safe, needs no Python. */
QPY_MUST_CHECK qpy_status qpy__spec_make(const qpy_script *script,
                                         const struct qpy__spec_rules *rules,
                                         struct qpy__spec **ret_spec, qpy_error *error);

/* Check source code and copy it into the spec, without a byte order mark. */
QPY_MUST_CHECK qpy_status qpy__spec_take_code(struct qpy__spec *spec, const char *code,
                                              size_t length, const struct qpy__spec_rules *rules,
                                              qpy_error *error);

#endif
