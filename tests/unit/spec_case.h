/* What test_payload.c and test_spec.c share: making a spec, or being refused. */
#ifndef QPY__TESTS_SPEC_CASE_H
#define QPY__TESTS_SPEC_CASE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/spec.h"

#define MIB ((size_t)1024 * 1024)

static const struct qpy__spec_rules rules = {.script_limit = 8 * MIB,
                                             .payload_limit = 64 * MIB,
                                             .timeout_ms = 30000,
                                             .attest = QPY__SESSION_IMMEDIATE};

/* ---- Helpers ------------------------------------------------------------------------------------ */

static qpy_script script_of(const char *payload, size_t length)
{
    qpy_script script = QPY_SCRIPT_INIT;
    script.payload_json = payload;
    script.payload_length = length;
    return script;
}

static struct qpy__spec *make(const qpy_script *script)
{
    struct qpy__spec *spec = NULL;
    qpy_error error = QPY_ERROR_INIT;
    if (qpy__spec_make(script, &rules, &spec, &error) != QPY_OK)
        fail_msg("refused: %s", error.message);
    assert_int_equal(error.status, QPY_OK);
    return spec;
}

/* The script must be refused, and no output be touched. */
static void refuse(const qpy_script *script, qpy_status status, const char *message)
{
    struct qpy__spec *untouched = (struct qpy__spec *)&rules;
    struct qpy__spec *spec = untouched;
    qpy_error error = QPY_ERROR_INIT;
    qpy_status got = qpy__spec_make(script, &rules, &spec, &error);
    if (got != status || strncmp(error.message, message, strlen(message)) != 0)
        fail_msg("got %d '%s', not %d '%s'", got, error.message, status, message);
    assert_int_equal(error.status, status);
    assert_ptr_equal(spec, untouched);
    assert_int_equal(qpy__spec_make(script, &rules, &spec, NULL), status);
}

#endif
