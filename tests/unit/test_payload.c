/* The payload of a job: every field, and every way to get it wrong. */
#include "spec_case.h"

static struct qpy__spec *make_payload(const char *payload)
{
    qpy_script script = script_of(payload, strlen(payload));
    return make(&script);
}

static void refuse_payload(const char *payload, const char *message)
{
    qpy_script script = script_of(payload, strlen(payload));
    refuse(&script, QPY_E_PAYLOAD, message);
}

/* ---- The texts of contract section 3 -------------------------------------------------------------- */

#define UNMARSHAL "invalid payload: failed to unmarshal: "
#define REQUIRED "invalid payload: script_code is required"

static void test_contract_texts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", UNMARSHAL "unexpected end of JSON input"},
        {"  \n", UNMARSHAL "unexpected end of JSON input"},
        {"not valid json", UNMARSHAL "invalid character 'o'"},
        {"{", UNMARSHAL "unexpected end of JSON input"},
        {"{\"script_code\"", UNMARSHAL "unexpected end of JSON input"},
        {"{\"script_code\":", UNMARSHAL "unexpected end of JSON input"},
        {"{\"script_code\":\"pass", UNMARSHAL "unexpected end of JSON input"},
        {"{\"script_code\":\"pass\"", UNMARSHAL "unexpected end of JSON input"},
        {"{\"script_code\":\"pass\",", UNMARSHAL "unexpected end of JSON input"},
        {"{\"script_code\":\"pass\"}}", UNMARSHAL "invalid character '}' at offset 22"},
        {"{\"script_code\":\"pass\"} x", UNMARSHAL "invalid character 'x' at offset 23"},
        {"{\"script_code\":\"pass\",}", UNMARSHAL "invalid character '}' at offset 22"},
        {"{'script_code':'pass'}", UNMARSHAL "invalid character ''' at offset 1"},
        {"{script_code:1}", UNMARSHAL "invalid character 's' at offset 1"},
        {"null", REQUIRED},
        {"{}", REQUIRED},
        {"{\"script_code\":\"\"}", REQUIRED},
        {"{\"script_code\":null}", REQUIRED},
        {"{\"script_type\":\"test\",\"input\":[]}", REQUIRED},
        {"{\"code\":\"\"}", REQUIRED},
        {"{\"Script_Code\":\"pass\"}", REQUIRED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_payload(cases[i][0], cases[i][1]);
}

static void test_not_an_object(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[]", "an array"},    {"\"pass\"", "a string"}, {"1", "a number"},
        {"true", "a boolean"}, {"false", "a boolean"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[100];
        snprintf(message, sizeof message, "invalid payload: it must be an object, not %s",
                 cases[i][1]);
        refuse_payload(cases[i][0], message);
    }
}

/* What cJSON reads and JSON is not: the script's qntx.job.payload could not be read later. */
static void test_json_is_taken_strictly(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"script_code\":\"pass\",\"n\":01}",
        "{\"script_code\":\"pass\",\"n\":1.}",
        "{\"script_code\":\"pass\",\"n\":+1}",
        "{\"script_code\":\"pass\",\"n\":.5}",
        "{\"script_code\":\"pass\",\"n\":-}",
        "{\"script_code\":\"pass\",\"n\":1e}",
        "{\"script_code\":\"pass\",\"n\":NaN}",
        "{\"script_code\":\"pass\",\"n\":Infinity}",
        "{\"script_code\":\"pass\",\"n\":nul}",
        "{\"script_code\":\"pass\",\"n\":\"a\nb\"}",
        "{\"script_code\":\"pass\",\"n\":\"\\x41\"}",
        "{\"script_code\":\"pass\",\"n\":\"\\u12\"}",
        "{\"script_code\":\"pass\",\"n\":\"\\ud800\"}",
        "{\"script_code\":\"pass\" /* no */}",
        "{\"script_code\":\"pass\"\x01}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_payload(cases[i], UNMARSHAL "invalid character");
}

static void test_deep_nesting(void **state)
{
    (void)state;
    enum { DEEP = 5000 };
    static char payload[2 * DEEP + 100];
    int length = snprintf(payload, sizeof payload, "{\"script_code\":\"pass\",\"input\":");
    memset(payload + length, '[', DEEP);
    memset(payload + length + DEEP, ']', DEEP);
    payload[length + 2 * DEEP] = '}';
    refuse_payload(payload, UNMARSHAL "nested more than 1000 levels deep at offset");
    enum { FINE = 900 };
    memset(payload + length + FINE, ']', FINE);
    strcpy(payload + length + 2 * FINE, "}");
    qpy__spec_free(make_payload(payload));
}

/* ---- Fields --------------------------------------------------------------------------------------- */

static void test_every_field(void **state)
{
    (void)state;
    static const char payload[] =
        "{\"script_code\":\"print(1)\",\"script_type\":\"csv\",\"glyph_id\":\"g1\","
        "\"timeout_secs\":2.5,\"capture_variables\":true,\"python_paths\":[\"/a\",\"/b\"],"
        "\"env\":{\"A\":\"1\",\"B\":\"x=y\"},\"attest\":\"with_job\",\"input\":[1],"
        "\"upstream_attestation\":{\"id\":\"u\"},\"other\":{\"kept\":1}}";
    struct qpy__spec *spec = make_payload(payload);
    assert_string_equal(spec->code, "print(1)");
    assert_int_equal(spec->code_length, 8);
    assert_string_equal(spec->script_type, "csv");
    assert_string_equal(spec->glyph_id, "g1");
    assert_int_equal(spec->timeout_ms, 2500);
    assert_true(spec->capture_variables);
    assert_int_equal(spec->python_paths.count, 2);
    assert_string_equal(spec->python_paths.items[0], "/a");
    assert_string_equal(spec->python_paths.items[1], "/b");
    assert_int_equal(spec->env.count, 2);
    assert_string_equal(spec->env.items[0], "A=1");
    assert_string_equal(spec->env.items[1], "B=x=y");
    assert_int_equal(spec->attest, QPY__SESSION_WITH_JOB);
    assert_string_equal(spec->payload_json, payload);
    assert_null(spec->input_json);
    assert_null(spec->file);
    assert_null(spec->handler_name);
    qpy__spec_free(spec);
}

static void test_defaults(void **state)
{
    (void)state;
    struct qpy__spec *spec = make_payload("{\"script_code\":\"pass\"}");
    assert_int_equal(spec->timeout_ms, rules.timeout_ms);
    assert_int_equal(spec->attest, rules.attest);
    assert_int_equal(spec->attempt, 1);
    assert_false(spec->capture_variables);
    assert_null(spec->script_type);
    assert_int_equal(strncmp(spec->job_id, "JB-", 3), 0);
    char name[100];
    snprintf(name, sizeof name, "<job %s>", spec->job_id);
    assert_string_equal(spec->filename, name);
    assert_int_equal(spec->python_paths.count + spec->env.count, 0);
    assert_null(spec->context);
    qpy__spec_free(spec);
}

/* null is as if the field were not there. */
static void test_null_fields(void **state)
{
    (void)state;
    struct qpy__spec *spec = make_payload(
        "{\"script_code\":null,\"code\":null,\"content\":\"pass\",\"script_type\":null,"
        "\"glyph_id\":null,\"timeout_secs\":null,\"capture_variables\":null,\"python_paths\":null,"
        "\"env\":null,\"attest\":null,\"input\":null,\"upstream_attestation\":null}");
    assert_string_equal(spec->code, "pass");
    assert_int_equal(spec->timeout_ms, rules.timeout_ms);
    assert_null(spec->script_type);
    qpy__spec_free(spec);
}

static void test_where_the_code_is(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"script_code\":\"here\"}",
        "{\"code\":\"here\"}",
        "{\"content\":\"here\"}",
        "{\"content\":\"no\",\"code\":\"no\",\"script_code\":\"here\"}",
        "{\"content\":\"no\",\"code\":\"here\"}",
        " \t\r\n{\"script_code\" : \"here\"} \n",
        "{\"script_code\":\"h\\u0065re\"}",
        "\xEF\xBB\xBF{\"script_code\":\"here\"}",
        "{\"script_code\":\"\\ufeffhere\"}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qpy__spec *spec = make_payload(cases[i]);
        assert_string_equal(spec->code, "here");
        assert_int_equal(spec->code_length, 4);
        qpy__spec_free(spec);
    }
}

/* The script reads the payload again with json.loads, which wants no byte order mark. */
static void test_byte_order_mark_of_the_payload(void **state)
{
    (void)state;
    struct qpy__spec *spec = make_payload("\xEF\xBB\xBF{\"script_code\":\"pass\"}");
    assert_string_equal(spec->payload_json, "{\"script_code\":\"pass\"}");
    qpy__spec_free(spec);
    refuse_payload("\xEF\xBB\xBF", UNMARSHAL "unexpected end of JSON input");
    refuse_payload("\xEF\xBB\xBF\xEF\xBB\xBF{}", UNMARSHAL "invalid character");
}

static void test_wrong_types(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"script_code\":5", "script_code must be a string, not a number 5"},
        {"\"script_code\":[\"pass\"]", "script_code must be a string, not an array"},
        {"\"script_code\":{}", "script_code must be a string, not an object"},
        {"\"script_code\":true", "script_code must be a string, not a boolean true"},
        {"\"code\":5", "code must be a string, not a number 5"},
        {"\"content\":false", "content must be a string, not a boolean false"},
        {"\"script_code\":\"x\",\"script_type\":7", "script_type must be a string, not a number 7"},
        {"\"script_code\":\"x\",\"glyph_id\":[]", "glyph_id must be a string, not an array"},
        {"\"script_code\":\"x\",\"timeout_secs\":\"5\"",
         "timeout_secs must be a number, not a string \"5\""},
        {"\"script_code\":\"x\",\"timeout_secs\":true",
         "timeout_secs must be a number, not a boolean true"},
        {"\"script_code\":\"x\",\"capture_variables\":1",
         "capture_variables must be a boolean, not a number 1"},
        {"\"script_code\":\"x\",\"capture_variables\":\"true\"",
         "capture_variables must be a boolean, not a string \"true\""},
        {"\"script_code\":\"x\",\"python_paths\":\"/a:/b\"",
         "python_paths must be an array of strings, not a string \"/a:/b\""},
        {"\"script_code\":\"x\",\"python_paths\":[\"/a\",3]",
         "python_paths must be an array of strings, not a number 3"},
        {"\"script_code\":\"x\",\"python_paths\":[null]",
         "python_paths must be an array of strings, not null"},
        {"\"script_code\":\"x\",\"env\":[\"A=1\"]",
         "env must be an object of strings, not an array"},
        {"\"script_code\":\"x\",\"env\":{\"A\":1}",
         "env must be an object of strings, not a number 1"},
        {"\"script_code\":\"x\",\"env\":{\"A\":null}",
         "env must be an object of strings, not null"},
        {"\"script_code\":\"x\",\"attest\":\"later\"",
         "attest must be \"immediate\" or \"with_job\", not a string \"later\""},
        {"\"script_code\":\"x\",\"attest\":1",
         "attest must be \"immediate\" or \"with_job\", not a number 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char payload[200];
        char message[200];
        snprintf(payload, sizeof payload, "{%s}", cases[i][0]);
        snprintf(message, sizeof message, "invalid payload: %s", cases[i][1]);
        refuse_payload(payload, message);
    }
}

static void test_duplicate_fields(void **state)
{
    (void)state;
    static const char *const fields[][2] = {
        {"script_code", "\"x\""},
        {"script_type", "\"x\""},
        {"glyph_id", "\"x\""},
        {"timeout_secs", "1"},
        {"env", "{}"},
        {"python_paths", "[]"},
        {"capture_variables", "true"},
        {"attest", "\"immediate\""},
        {"input", "1"},
        {"upstream_attestation", "1"},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char payload[200];
        char message[100];
        snprintf(payload, sizeof payload, "{%s\"%s\":%s,\"%s\":%s}",
                 i == 0 ? "" : "\"script_code\":\"x\",", fields[i][0], fields[i][1], fields[i][0],
                 fields[i][1]);
        snprintf(message, sizeof message, "invalid payload: %s is given twice", fields[i][0]);
        refuse_payload(payload, message);
    }
}

/* ---- Timeouts -------------------------------------------------------------------------------------- */

static void test_timeouts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* 0: refused */
    } cases[] = {
        {"30", 30000}, {"0.5", 500},     {"0.001", 1},     {"0.0001", 1},
        {"1e-9", 1},   {"1e3", 1000000}, {"1.0005", 1001}, {"31622400", 31622400000},
        {"0", 0},      {"-0", 0},        {"-1", 0},        {"-0.5", 0},
        {"1e400", 0},  {"-1e400", 0},    {"31622401", 0},  {"9223372036854775807", 0},
        {"1e18", 0},   {"1e-400", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char payload[100];
        snprintf(payload, sizeof payload, "{\"script_code\":\"x\",\"timeout_secs\":%s}",
                 cases[i].text);
        if (cases[i].ms == 0) {
            refuse_payload(payload, "invalid payload: timeout_secs is ");
            continue;
        }
        struct qpy__spec *spec = make_payload(payload);
        assert_int_equal(spec->timeout_ms, cases[i].ms);
        qpy__spec_free(spec);
    }
    refuse_payload("{\"script_code\":\"x\",\"timeout_secs\":-3.5}",
                   "invalid payload: timeout_secs is -3.5; it must be greater than 0 and at most "
                   "31622400");
}

/* ---- Environment ------------------------------------------------------------------------------------ */

static void test_names_of_variables(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"\"\":\"x\"", "env: '' is no name of a variable"},
        {"\"A=B\":\"x\"", "env: 'A=B' is no name of a variable"},
        {"\"=A\":\"x\"", "env: '=A' is no name of a variable"},
        {"\"A\":\"x\\u0000y\"", "env: 'A' contains a NUL character"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char payload[100];
        char message[100];
        snprintf(payload, sizeof payload, "{\"script_code\":\"x\",\"env\":{%s}}", bad[i][0]);
        snprintf(message, sizeof message, "invalid payload: %s", bad[i][1]);
        refuse_payload(payload, message);
    }
    struct qpy__spec *spec =
        make_payload("{\"script_code\":\"x\",\"env\":{\"a b\":\"\",\"\u00e9\":\"\u20ac\"}}");
    assert_string_equal(spec->env.items[0], "a b=");
    assert_string_equal(spec->env.items[1], "\u00e9=\u20ac");
    qpy__spec_free(spec);
}

/* ---- NUL and bytes that are no UTF-8 ---------------------------------------------------------------- */

static void test_nul_bytes_in_the_payload(void **state)
{
    (void)state;
    static const char payload[] = "{\"script_code\":\"a\0b\"}";
    qpy_script script = script_of(payload, sizeof payload - 1);
    refuse(&script, QPY_E_PAYLOAD, UNMARSHAL "NUL byte at offset 17");
    script.payload_length = 17; /* what is not counted is not read */
    refuse(&script, QPY_E_PAYLOAD, UNMARSHAL "unexpected end of JSON input");
}

static void test_escaped_nul(void **state)
{
    (void)state;
    refuse_payload("{\"script_code\":\"pass\\u0000\"}",
                   "invalid payload: script_code: invalid code string contains null bytes: nul "
                   "byte found in provided data at position: 4");
    refuse_payload("{\"code\":\"\\u0000\"}", "invalid payload: script_code: invalid code string "
                                             "contains null bytes");
    refuse_payload("{\"script_code\":\"x\",\"script_type\":\"ab\\u0000\"}",
                   "invalid payload: script_type contains a NUL character at position 2");
    refuse_payload("{\"script_code\":\"x\",\"glyph_id\":\"\\u0000\"}",
                   "invalid payload: glyph_id contains a NUL character at position 0");
    refuse_payload("{\"script_code\":\"x\",\"python_paths\":[\"/a\\u0000b\"]}",
                   "invalid payload: python_paths contains a NUL character");
}

/* In data that only the script reads, NUL is a character like others. */
static void test_nul_elsewhere_is_fine(void **state)
{
    (void)state;
    static const char payload[] = "{\"script_code\":\"pass\",\"input\":\"a\\u0000b\"}";
    struct qpy__spec *spec = make_payload(payload);
    assert_string_equal(spec->payload_json, payload);
    qpy__spec_free(spec);
    spec = make_payload("{\"script_code\":\"x = '\\\\u0000'\"}");
    assert_string_equal(spec->code, "x = '\\u0000'");
    qpy__spec_free(spec);
    spec = make_payload("{\"script_code\":\"x\uffff\",\"script_type\":\"\\uffff\"}");
    assert_string_equal(spec->code, "x\uffff");
    qpy__spec_free(spec);
}

static void test_not_utf8(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"script_code\":\"\xff\"}", UNMARSHAL "not UTF-8: byte 0xff at offset 16"},
        {"{\"script_code\":\"\xe2\x82\"}", UNMARSHAL "not UTF-8: byte 0xe2 at offset 16"},
        {"{\"script_code\":\"\xc0\x80\"}", UNMARSHAL "not UTF-8: byte 0xc0 at offset 16"},
        {"{\"script_code\":\"\xed\xa0\x80\"}", UNMARSHAL "not UTF-8: byte 0xed at offset 16"},
        {"\x80", UNMARSHAL "not UTF-8: byte 0x80 at offset 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_payload(cases[i][0], cases[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract_texts),
        cmocka_unit_test(test_not_an_object),
        cmocka_unit_test(test_json_is_taken_strictly),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_null_fields),
        cmocka_unit_test(test_where_the_code_is),
        cmocka_unit_test(test_byte_order_mark_of_the_payload),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_duplicate_fields),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_names_of_variables),
        cmocka_unit_test(test_nul_bytes_in_the_payload),
        cmocka_unit_test(test_escaped_nul),
        cmocka_unit_test(test_nul_elsewhere_is_fine),
        cmocka_unit_test(test_not_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
