/* From a qpy_script to a checked spec: limits, members of the struct, size tags. */
#include "spec_case.h"

#define REQUIRED "invalid payload: script_code is required"

/* ---- Limits ------------------------------------------------------------------------------------------ */

static void test_a_script_of_50_mb(void **state)
{
    (void)state;
    const size_t size = 50 * MIB;
    char *payload = malloc(size + 100);
    assert_non_null(payload);
    int head = snprintf(payload, 100, "{\"script_code\":\"");
    memset(payload + head, '#', size);
    strcpy(payload + head + size, "\"}");
    qpy_script script = script_of(payload, strlen(payload));
    refuse(&script, QPY_E_LIMIT,
           "script_code is 52428800 bytes, over the limit of 8388608 (script_limit)");
    qpy_script direct = QPY_SCRIPT_INIT;
    direct.code = payload + head;
    direct.code_length = size;
    refuse(&direct, QPY_E_LIMIT, "script_code is 52428800 bytes, over the limit");
    free(payload);
}

static void test_limits_are_exact(void **state)
{
    (void)state;
    static const char payload[] = "{\"script_code\":\"0123456789\"}";
    qpy_script script = script_of(payload, sizeof payload - 1);
    struct qpy__spec *spec = NULL;
    qpy_error error = QPY_ERROR_INIT;
    struct qpy__spec_rules tight = rules;
    tight.script_limit = 10;
    tight.payload_limit = sizeof payload - 1;
    assert_int_equal(qpy__spec_make(&script, &tight, &spec, NULL), QPY_OK);
    qpy__spec_free(spec);
    tight.script_limit = 9;
    assert_int_equal(qpy__spec_make(&script, &tight, &spec, &error), QPY_E_LIMIT);
    assert_string_equal(error.message,
                        "script_code is 10 bytes, over the limit of 9 (script_limit)");
    tight.payload_limit--;
    assert_int_equal(qpy__spec_make(&script, &tight, &spec, &error), QPY_E_LIMIT);
    assert_string_equal(error.message,
                        "the payload is 28 bytes, over the limit of 27 (payload_limit)");
}

/* ---- The struct -------------------------------------------------------------------------------------- */

static void test_the_struct_wins(void **state)
{
    (void)state;
    qpy_script script = script_of(NULL, 0);
    static const char payload[] =
        "{\"script_code\":\"payload\",\"script_type\":\"payload\",\"glyph_id\":\"payload\","
        "\"timeout_secs\":1,\"capture_variables\":true,\"attest\":\"with_job\","
        "\"python_paths\":[\"/payload\"],\"env\":{\"A\":\"payload\",\"B\":\"payload\"}}";
    static const char *const paths[] = {"/struct"};
    static const char *const env[] = {"A=struct", "C="};
    script.payload_json = payload;
    script.payload_length = strlen(payload);
    script.code = "struct and more";
    script.code_length = 6;
    script.script_type = "struct";
    script.glyph_id = "struct";
    script.job_id = "JB-1";
    script.handler_name = "h";
    script.file = "/x/y.py";
    script.input_json = "[1]";
    script.upstream_json = "{}";
    script.attempt = 3;
    script.timeout_ms = 77;
    script.capture_variables = 0;
    script.attest = QPY_ATTEST_IMMEDIATE;
    script.python_paths = (qpy_strings){paths, 1};
    script.env = (qpy_strings){env, 2};
    struct qpy__spec *spec = make(&script);
    assert_string_equal(spec->code, "struct");
    assert_string_equal(spec->script_type, "struct");
    assert_string_equal(spec->glyph_id, "struct");
    assert_string_equal(spec->job_id, "JB-1");
    assert_string_equal(spec->handler_name, "h");
    assert_string_equal(spec->file, "/x/y.py");
    assert_string_equal(spec->filename, "/x/y.py");
    assert_string_equal(spec->input_json, "[1]");
    assert_string_equal(spec->upstream_json, "{}");
    assert_int_equal(spec->attempt, 3);
    assert_int_equal(spec->timeout_ms, 77);
    assert_false(spec->capture_variables);
    assert_int_equal(spec->attest, QPY__SESSION_IMMEDIATE);
    /* Lists add up; of variables with one name the later is in force. */
    assert_int_equal(spec->python_paths.count, 2);
    assert_int_equal(spec->env.count, 4);
    assert_string_equal(spec->env.items[2], "A=struct");
    qpy__spec_free(spec);
}

/* The code in the struct makes the payload's superfluous, even if that could not be used. */
static void test_the_payloads_code_is_not_needed(void **state)
{
    (void)state;
    static const char *const payloads[] = {"{}", "null", "{\"script_code\":\"\"}",
                                           "{\"script_code\":5}"};
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        qpy_script script = script_of(payloads[i], strlen(payloads[i]));
        script.code = "pass";
        script.code_length = 4;
        struct qpy__spec *spec = make(&script);
        assert_string_equal(spec->code, "pass");
        qpy__spec_free(spec);
    }
}

static qpy_script plain(void)
{
    qpy_script script = QPY_SCRIPT_INIT;
    script.code = "pass";
    script.code_length = 4;
    return script;
}

static void test_code_of_the_struct(void **state)
{
    (void)state;
    qpy_script script = QPY_SCRIPT_INIT;
    refuse(&script, QPY_E_PAYLOAD, REQUIRED);
    script.code = "";
    refuse(&script, QPY_E_PAYLOAD, REQUIRED);
    script.code = "a\0b";
    script.code_length = 3;
    refuse(&script, QPY_E_PAYLOAD,
           "invalid payload: script_code: invalid code string contains null bytes: nul byte found "
           "in provided data at position: 1");
    script.code = "x = '\xff'";
    script.code_length = 7;
    refuse(&script, QPY_E_PAYLOAD,
           "invalid payload: script_code is not UTF-8: byte 0xff at position 5");
    script.code = "\xEF\xBB\xBFpass";
    struct qpy__spec *spec = make(&script);
    assert_string_equal(spec->code, "pass");
    assert_int_equal(spec->code_length, 4);
    qpy__spec_free(spec);
}

static void test_members_out_of_range(void **state)
{
    (void)state;
    const char *text = "it must be";
    for (int i = 0; i < 9; i++) {
        qpy_script script = plain();
        script.timeout_ms = i == 0 ? 0 : i == 1 ? -2 : i == 2 ? INT64_MAX : QPY_DEFAULT;
        script.attest = i == 3 ? 2 : i == 4 ? -2 : QPY_DEFAULT;
        script.capture_variables = i == 5 ? 2 : i == 6 ? -2 : QPY_DEFAULT;
        script.attempt = i == 7 ? 0 : i == 8 ? -2 : QPY_DEFAULT;
        struct qpy__spec *spec = NULL;
        qpy_error error = QPY_ERROR_INIT;
        assert_int_equal(qpy__spec_make(&script, &rules, &spec, &error), QPY_E_ARGUMENT);
        assert_non_null(strstr(error.message, text));
    }
    qpy_script script = plain();
    script.timeout_ms = -2;
    refuse(&script, QPY_E_ARGUMENT, "timeout_ms is -2; it must be between 1 and 31622400000");
    script = plain();
    script.attest = 7;
    refuse(&script, QPY_E_ARGUMENT, "attest is 7; it must be a QPY_ATTEST_ value");
}

/* They go into JSON and into Python's str; paths may hold any bytes. */
static void test_texts_that_are_not_utf8(void **state)
{
    (void)state;
    const char *bytes = "x\xff";
    qpy_script script = plain();
    script.job_id = bytes;
    refuse(&script, QPY_E_ARGUMENT, "job_id is not UTF-8: byte 0xff at position 1");
    script = plain();
    script.script_type = bytes;
    refuse(&script, QPY_E_ARGUMENT, "script_type is not UTF-8");
    script = plain();
    script.handler_name = bytes;
    refuse(&script, QPY_E_ARGUMENT, "handler_name is not UTF-8");
    script = plain();
    script.glyph_id = bytes;
    refuse(&script, QPY_E_ARGUMENT, "glyph_id is not UTF-8");
    script = plain();
    script.file = bytes;
    script.python_paths = (qpy_strings){&bytes, 1};
    struct qpy__spec *spec = make(&script);
    assert_string_equal(spec->filename, bytes);
    qpy__spec_free(spec);
}

static void test_env_of_the_struct(void **state)
{
    (void)state;
    static const char *const bad[] = {"A", "", "=", "=x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        qpy_script script = plain();
        script.env = (qpy_strings){&bad[i], 1};
        char message[60];
        snprintf(message, sizeof message, "env: '%s' is not NAME=value", bad[i]);
        refuse(&script, QPY_E_ARGUMENT, message);
    }
}

static void test_json_of_the_struct(void **state)
{
    (void)state;
    qpy_script script = plain();
    script.input_json = "{";
    refuse(&script, QPY_E_PAYLOAD, "input_json: unexpected end of JSON input");
    script = plain();
    script.upstream_json = "[1,]";
    refuse(&script, QPY_E_PAYLOAD, "upstream_json: invalid character ']' at offset 3");
    script.upstream_json = "";
    refuse(&script, QPY_E_PAYLOAD, "upstream_json: unexpected end of JSON input");
    script.upstream_json = "\"\xff\"";
    refuse(&script, QPY_E_PAYLOAD, "upstream_json: not UTF-8: byte 0xff at offset 1");
    static const char *const good[] = {"null", "1", "\"x\"", " [1, {}] ", "1e999", "\"\\u0000\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        script.upstream_json = script.input_json = good[i];
        struct qpy__spec *spec = make(&script);
        assert_string_equal(spec->input_json, good[i]);
        qpy__spec_free(spec);
    }
}

/* ---- Size tags ---------------------------------------------------------------------------------------- */

static void test_size_tags(void **state)
{
    (void)state;
    refuse(NULL, QPY_E_ARGUMENT, "script is NULL");
    qpy_script script = plain();
    script.size = 0;
    refuse(&script, QPY_E_OPTIONS, "qpy_script: size is 0");
    script.size = sizeof script - 1;
    refuse(&script, QPY_E_OPTIONS, "qpy_script: size is");
    qpy_hooks hooks = QPY_HOOKS_INIT;
    hooks.size = 3;
    script = plain();
    script.hooks = &hooks;
    refuse(&script, QPY_E_OPTIONS, "qpy_hooks: size is 3");
    struct {
        qpy_script script;
        long later;
    } newer = {.script = plain()};
    newer.script.size = sizeof newer;
    qpy__spec_free(make(&newer.script));
    newer.later = 1;
    refuse(&newer.script, QPY_E_OPTIONS, "qpy_script: comes from a newer header");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_script_of_50_mb),
        cmocka_unit_test(test_limits_are_exact),
        cmocka_unit_test(test_the_struct_wins),
        cmocka_unit_test(test_the_payloads_code_is_not_needed),
        cmocka_unit_test(test_code_of_the_struct),
        cmocka_unit_test(test_members_out_of_range),
        cmocka_unit_test(test_texts_that_are_not_utf8),
        cmocka_unit_test(test_env_of_the_struct),
        cmocka_unit_test(test_json_of_the_struct),
        cmocka_unit_test(test_size_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
