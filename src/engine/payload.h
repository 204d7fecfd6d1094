/* The JSON payload of a python.script job (contract section 3). */
#ifndef QPY__ENGINE_PAYLOAD_H
#define QPY__ENGINE_PAYLOAD_H

#include <cjson/cJSON.h>

#include "engine/spec.h"

/*
 * Parse JSON text: UTF-8, no NUL, nothing behind the value. `name` begins the message, such as
 * "invalid payload: failed to unmarshal". *ret_value: cJSON_Delete it.
 */
QPY_MUST_CHECK qpy_status qpy__payload_parse(const char *name, const char *json, size_t length,
                                             cJSON **ret_value, qpy_error *error);

/* Check script->payload_json and copy what it says into `spec`. */
QPY_MUST_CHECK qpy_status qpy__payload_apply(struct qpy__spec *spec, const qpy_script *script,
                                             const struct qpy__spec_rules *rules, qpy_error *error);

#endif
