/* The public engine, end to end: opening, running, waiting, cancelling, hooks, queue, results. */
#include "engine_case.h"

static qpy_engine *engine; /* one worker; for cases that need no engine of their own */

static int open_shared(void **state)
{
    (void)state;
    engine = open_workers(1);
    return 0;
}

static int close_shared(void **state)
{
    (void)state;
    return (int)qpy_engine_close(engine);
}

/* ---- Opening and closing ------------------------------------------------------------------------ */

static void test_open_and_close_many_times(void **state)
{
    (void)state;
    for (int i = scaled(40); i > 0; i--) {
        qpy_engine *one = open_workers(1 + i % 3);
        if (i % 2)
            expect_result(one, "_result = 6 * 7", "42");
        assert_int_equal(qpy_engine_close(one), 0);
    }
    assert_int_equal(qpy_engine_close(NULL), 0);
}

static void test_two_engines_at_once(void **state)
{
    (void)state;
    qpy_engine *second = open_workers(2);
    expect_result(engine, "_result = 1", "1");
    expect_result(second, "_result = 2", "2");
    assert_int_equal(qpy_engine_close(second), 0);
    expect_result(engine, "_result = 3", "3");
}

static void test_default_options(void **state)
{
    (void)state;
    qpy_engine *one = open_with(NULL);
    expect_result(one, "_result = 'x'", "\"x\"");
    assert_true(info_number(one, "workers", "total") >= 1);
    assert_int_equal(info_number(one, "workers", "max_queued"), 10000);
    assert_int_equal(info_number(one, "workers", "max_abandoned"), 8);
    assert_int_equal(qpy_engine_close(one), 0);
}

/* ---- Options ------------------------------------------------------------------------------------- */

static void refuse_options(const qpy_engine_options *options, qpy_status status,
                           const char *message)
{
    qpy_engine *untouched = engine;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_engine_open(options, &untouched, &error), status);
    expect_part(error.message, message);
    assert_int_equal(error.status, status);
    assert_ptr_equal(untouched, engine);
    assert_int_equal(qpy_engine_open(options, &untouched, NULL), status);
}

static void test_numbers_out_of_range(void **state)
{
    (void)state;
    const qpy_engine_options initial = QPY_ENGINE_OPTIONS_INIT;
    qpy_engine_options o = initial;
    const struct {
        int *small;
        int64_t *large;
        int64_t value;
        const char *message;
    } cases[] = {
        {&o.workers, NULL, 0, "workers is 0; it must be between 1 and 256"},
        {&o.workers, NULL, 257, "workers is 257; it must be between 1 and 256"},
        {&o.workers, NULL, -2, "workers is -2; it must be between 1 and 256"},
        {&o.gil, NULL, 3, "gil is 3; it must be between 0 and 2"},
        {&o.gil, NULL, -2, "gil is -2; it must be between 0 and 2"},
        {&o.max_queued, NULL, -2, "max_queued is -2; it must be between 0 and 10000000"},
        {&o.max_abandoned, NULL, -2, "max_abandoned is -2; it must be between 0 and 10000"},
        {&o.attest, NULL, 2, "attest is 2; it must be between 0 and 1"},
        {NULL, &o.timeout_ms, 0, "timeout_ms is 0; it must be between 1 and 31622400000"},
        {NULL, &o.timeout_ms, INT64_MAX, "timeout_ms is 9223372036854775807; it must be"},
        {NULL, &o.grace_ms, -2, "grace_ms is -2; it must be between 0 and 31622400000"},
        {NULL, &o.output_limit, -2, "output_limit is -2; it must be between 0 and 1073741824"},
        {NULL, &o.result_limit, -2, "result_limit is -2; it must be between 0 and 1073741824"},
        {NULL, &o.script_limit, 0, "script_limit is 0; it must be between 1 and 1073741824"},
        {NULL, &o.payload_limit, 0, "payload_limit is 0; it must be between 1 and 1073741824"},
        {NULL, &o.payload_limit, INT64_MIN, "payload_limit is -9223372036854775808; it must be"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        o = initial;
        if (cases[i].small)
            *cases[i].small = (int)cases[i].value;
        else
            *cases[i].large = cases[i].value;
        refuse_options(&o, QPY_E_ARGUMENT, cases[i].message);
    }
}

static void test_paths_that_are_not_there(void **state)
{
    (void)state;
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.python_home = "/nowhere/at/all";
    refuse_options(&options, QPY_E_ARGUMENT, "python_home '/nowhere/at/all' is no directory");
    options.python_home = "/tmp";
    refuse_options(&options, QPY_E_UNSUPPORTED, "python_home '/tmp': Python runs in this process");
    options.python_home = NULL;
    options.venv = "/tmp/no-venv";
    refuse_options(&options, QPY_E_ARGUMENT, "venv '/tmp/no-venv' is no virtual environment");
}

static void test_size_tag_of_the_options(void **state)
{
    (void)state;
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.size = 8;
    refuse_options(&options, QPY_E_OPTIONS, "qpy_engine_options: size is 8");
    assert_int_equal(qpy_engine_open(NULL, NULL, NULL), QPY_E_ARGUMENT);
}

/* ---- Running -------------------------------------------------------------------------------------- */

static void test_a_success(void **state)
{
    (void)state;
    qpy_result *result = run_code(engine, "print('out')\nimport sys\n"
                                          "print('err', file=sys.stderr)\n_result = {'a': [1]}\n");
    assert_true(qpy_result_success(result));
    assert_null(qpy_result_error_kind(result));
    assert_null(qpy_result_error(result));
    size_t length = 0;
    assert_string_equal(qpy_result_stdout(result, &length), "out\n");
    assert_int_equal(length, 4);
    assert_string_equal(qpy_result_stderr(result, NULL), "err\n");
    assert_string_equal(qpy_result_value_json(result), "{\"a\":[1]}");
    assert_int_equal(qpy_result_exit_code(result), 0);
    assert_int_equal(qpy_result_attestations(result), 0);
    assert_true(qpy_result_duration_ms(result) >= 0);
    qpy_result_free(result);
    qpy_result_free(NULL);
}

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        const char *kind;
        const char *error;
        int exit_code;
    } cases[] = {
        {"1/0", "exception", "ZeroDivisionError: division by zero\n", 1},
        {"x = (", "syntax", "SyntaxError: '(' was never closed\n", 1},
        {"import sys\nsys.exit(7)", "exit", "SystemExit: 7\n", 7},
        {"import sys\nsys.exit('no')", "exit", "SystemExit: no\n", 1},
        {"raise KeyboardInterrupt", "exception", "KeyboardInterrupt\n", 1},
        {"raise MemoryError", "memory", "MemoryError\n", 1},
        {"import os\nos.chdir('/')", "policy", "os.chdir() is not allowed in a job", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        qpy_result *result = run_code(engine, cases[i].code);
        assert_false(qpy_result_success(result));
        assert_string_equal(qpy_result_error_kind(result), cases[i].kind);
        expect_part(qpy_result_error(result), cases[i].error);
        assert_int_equal(qpy_result_exit_code(result), cases[i].exit_code);
        assert_string_equal(qpy_result_value_json(result), "null");
        qpy_result_free(result);
    }
}

static void test_wrong_calls(void **state)
{
    (void)state;
    qpy_script script = script_of("pass");
    qpy_result *result = NULL;
    qpy_execution *execution = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_engine_run(NULL, &script, &result, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "engine is NULL");
    assert_int_equal(qpy_engine_run(engine, NULL, &result, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "script is NULL");
    assert_int_equal(qpy_engine_run(engine, &script, NULL, &error), QPY_E_ARGUMENT);
    assert_int_equal(qpy_engine_submit(engine, &script, NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "ret_execution is NULL");
    script.code = NULL;
    assert_int_equal(qpy_engine_submit(engine, &script, &execution, &error), QPY_E_PAYLOAD);
    assert_string_equal(error.message, "invalid payload: script_code is required");
    script = script_of("pass");
    script.timeout_ms = 0;
    assert_int_equal(qpy_engine_run(engine, &script, &result, &error), QPY_E_ARGUMENT);
    script = script_of("pass");
    script.code_length = 9 * 1024 * 1024;
    assert_int_equal(qpy_engine_run(engine, &script, &result, &error), QPY_E_LIMIT);
    assert_null(result);
    assert_null(execution);
    assert_int_equal(qpy_execution_wait(NULL, 0, (const qpy_result **)&result, &error),
                     QPY_E_ARGUMENT);
    assert_int_equal(qpy_engine_info(engine, NULL, &error), QPY_E_ARGUMENT);
    assert_int_equal(qpy_engine_warm(NULL, 0, &error), QPY_E_ARGUMENT);
    assert_int_equal(qpy_engine_warm(engine, -2, &error), QPY_E_ARGUMENT);
    qpy_execution_cancel(NULL, NULL);
    qpy_execution_free(NULL);
    expect_result(engine, "_result = 1", "1");
}

/* What goes into the call is copied: the caller may reuse it at once. */
static void test_the_script_is_copied(void **state)
{
    (void)state;
    struct ear ear;
    qpy_execution *blocker = submit_and_hear(engine, SLEEP, &ear);
    char code[40] = "import os\n_result = os.environ['X']";
    char variable[10] = "X=before";
    const char *env[] = {variable};
    qpy_script script = script_of(code);
    script.env = (qpy_strings){env, 1};
    qpy_execution *execution = submit(engine, &script);
    memset(code, '!', sizeof code - 1);
    memset(variable, '?', sizeof variable - 1);
    memset(&script, 0xFF, sizeof script);
    qpy_execution_cancel(blocker, NULL);
    assert_string_equal(qpy_result_value_json(wait_for(execution)), "\"before\"");
    qpy_execution_free(execution);
    wait_for(blocker);
    qpy_execution_free(blocker);
}

static void test_a_path_of_any_bytes(void **state)
{
    (void)state;
    qpy_script script = script_of("1/0");
    script.file = "/x/\xff\xfe.py";
    qpy_result *result = run_script(engine, &script);
    assert_string_equal(qpy_result_error_kind(result), "exception");
    expect_part(qpy_result_error(result), "ZeroDivisionError");
    expect_part(qpy_result_error(result), ".py\", line 1, in <module>\n    1/0\n");
    qpy_result_free(result);
}

/* ---- Waiting --------------------------------------------------------------------------------------- */

static void test_waiting(void **state)
{
    (void)state;
    struct ear ear;
    qpy_execution *execution = submit_and_hear(engine, SLEEP, &ear);
    const qpy_result *result = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_execution_wait(execution, 0, &result, &error), QPY_E_TIMEOUT);
    expect_part(error.message, "has not ended after 0 ms");
    expect_part(error.message, qpy_execution_job_id(execution));
    assert_int_equal(qpy_execution_wait(execution, 20, &result, NULL), QPY_E_TIMEOUT);
    assert_int_equal(qpy_execution_wait(execution, -2, &result, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "timeout_ms is -2; it must be 0 or more");
    assert_int_equal(qpy_execution_wait(execution, 0, NULL, &error), QPY_E_ARGUMENT);
    assert_null(result);
    qpy_execution_cancel(execution, NULL);
    assert_int_equal(qpy_execution_wait(execution, INT64_MAX, &result, NULL), QPY_OK);
    const qpy_result *again = NULL;
    assert_int_equal(qpy_execution_wait(execution, 0, &again, NULL), QPY_OK);
    assert_ptr_equal(again, result);
    qpy_execution_free(execution);
}

static void test_a_result_outlives_everything(void **state)
{
    (void)state;
    qpy_engine *one = open_workers(1);
    qpy_result *result = run_code(one, "attest(['s'], ['p'], ['c'])\nprint('kept')\n_result = 5");
    qpy_script script = script_of("attest(['s'], ['p'], ['c'])\n_result = 6");
    qpy_execution *execution = submit(one, &script);
    wait_for(execution);
    qpy_execution *unwatched = submit(one, &script);
    qpy_execution_free(unwatched); /* it goes on all the same */
    assert_int_equal(qpy_engine_close(one), 0);
    assert_string_equal(qpy_result_value_json(result), "5");
    assert_string_equal(qpy_result_stdout(result, NULL), "kept\n");
    expect_part(qpy_result_json(result), "\"attestations\":{\"count\":1,");
    qpy_execution_free(execution);
    qpy_result_free(result);
}

/* ---- Cancelling ------------------------------------------------------------------------------------ */

static void test_cancel_while_it_runs(void **state)
{
    (void)state;
    static const char *const reasons[][2] = {{"the operator said so", "the operator said so"},
                                             {NULL, "cancelled"}};
    for (size_t i = 0; i < 2; i++) {
        struct ear ear;
        qpy_execution *execution = submit_and_hear(engine, SLEEP, &ear);
        qpy_execution_cancel(execution, reasons[i][0]);
        qpy_execution_cancel(execution, "another reason");
        const qpy_result *result = wait_for(execution);
        assert_string_equal(qpy_result_error_kind(result), "cancelled");
        char message[100];
        snprintf(message, sizeof message, "qntx.JobCancelled: the job was cancelled: %s\n",
                 reasons[i][1]);
        expect_part(qpy_result_error(result), message);
        assert_string_equal(qpy_result_stdout(result, NULL), "started\n");
        qpy_execution_free(execution);
    }
}

static void test_cancel_while_it_waits(void **state)
{
    (void)state;
    struct ear ear;
    qpy_execution *blocker = submit_and_hear(engine, SLEEP, &ear);
    struct ear silent;
    qpy_hooks hooks = hooks_of(&silent);
    qpy_script script = script_of("print('never')");
    script.hooks = &hooks;
    qpy_execution *queued[3];
    for (int i = 0; i < 3; i++)
        queued[i] = submit(engine, &script);
    assert_int_equal(info_number(engine, "workers", "queued"), 3);
    static const int order[] = {1, 2, 0};
    for (int i = 0; i < 3; i++) {
        qpy_execution_cancel(queued[order[i]], "not needed");
        const qpy_result *result = NULL;
        assert_int_equal(qpy_execution_wait(queued[order[i]], 0, &result, NULL), QPY_OK);
        assert_string_equal(qpy_result_error_kind(result), "cancelled");
        assert_string_equal(qpy_result_error(result),
                            "the job was cancelled before it started: not needed");
        assert_int_equal(info_number(engine, "workers", "queued"), 2 - i);
    }
    assert_int_equal(silent.outputs, 0);
    for (int i = 0; i < 3; i++)
        qpy_execution_free(queued[i]);
    qpy_execution_cancel(blocker, NULL);
    wait_for(blocker);
    qpy_execution_free(blocker);
    expect_result(engine, "_result = 1", "1");
}

static void test_cancel_after_the_end(void **state)
{
    (void)state;
    qpy_script script = script_of("_result = 1");
    qpy_execution *execution = submit(engine, &script);
    const qpy_result *result = wait_for(execution);
    qpy_execution_cancel(execution, "too late");
    assert_true(qpy_result_success(result));
    assert_int_equal(qpy_execution_wait(execution, 0, &result, NULL), QPY_OK);
    assert_true(qpy_result_success(result));
    qpy_execution_free(execution);
    expect_result(engine, "_result = 2", "2");
}

/* ---- The waiting line -------------------------------------------------------------------------------- */

static void test_queue_full(void **state)
{
    (void)state;
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = 1;
    options.max_queued = 2;
    qpy_engine *one = open_with(&options);
    struct ear ear;
    qpy_execution *blocker = submit_and_hear(one, SLEEP, &ear);
    qpy_script script = script_of("_result = 1");
    qpy_execution *waiting[2] = {submit(one, &script), submit(one, &script)};
    qpy_execution *refused = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_engine_submit(one, &script, &refused, &error), QPY_E_QUEUE_FULL);
    assert_string_equal(error.message, "2 executions wait already, the limit is 2 (max_queued)");
    assert_null(refused);
    qpy_execution_cancel(waiting[0], NULL);
    qpy_execution *accepted = submit(one, &script);
    qpy_execution_cancel(blocker, NULL);
    assert_true(qpy_result_success(wait_for(waiting[1])));
    assert_true(qpy_result_success(wait_for(accepted)));
    qpy_execution_free(blocker);
    qpy_execution_free(waiting[0]);
    qpy_execution_free(waiting[1]);
    qpy_execution_free(accepted);
    assert_int_equal(qpy_engine_close(one), 0);
}

static void test_no_queue_at_all(void **state)
{
    (void)state;
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = 1;
    options.max_queued = 0;
    qpy_engine *one = open_with(&options);
    assert_int_equal(qpy_engine_warm(one, QPY_DEFAULT, NULL), QPY_OK);
    struct ear ear;
    qpy_execution *blocker = submit_and_hear(one, SLEEP, &ear);
    qpy_script script = script_of("_result = 1");
    qpy_execution *refused = NULL;
    assert_int_equal(qpy_engine_submit(one, &script, &refused, NULL), QPY_E_QUEUE_FULL);
    qpy_execution_cancel(blocker, NULL);
    wait_for(blocker);
    qpy_execution_free(blocker);
    assert_int_equal(qpy_engine_warm(one, QPY_DEFAULT, NULL), QPY_OK);
    expect_result(one, "_result = 1", "1");
    assert_int_equal(qpy_engine_close(one), 0);
}

static void note_order(void *payload, const qpy_result *result)
{
    struct ear *ear = payload;
    const char *value = qpy_result_value_json(result);
    ear_note(ear, "", value, strlen(value));
}

static void test_first_come_first_served(void **state)
{
    (void)state;
    struct ear ear;
    qpy_execution *blocker = submit_and_hear(engine, SLEEP, &ear);
    static struct ear order;
    qpy_hooks hooks = hooks_of(&order);
    hooks.done = note_order;
    qpy_execution *executions[8];
    for (int i = 0; i < 8; i++) {
        char code[20];
        snprintf(code, sizeof code, "_result = %d", i);
        qpy_script script = script_of(code);
        script.hooks = &hooks;
        executions[i] = submit(engine, &script);
    }
    qpy_execution_cancel(blocker, NULL);
    for (int i = 0; i < 8; i++) {
        wait_for(executions[i]);
        qpy_execution_free(executions[i]);
    }
    assert_string_equal(order.heard, "(0)(1)(2)(3)(4)(5)(6)(7)");
    qpy_execution_free(blocker);
}

/* ---- Warming and describing ---------------------------------------------------------------------------- */

static void test_warm(void **state)
{
    (void)state;
    qpy_engine *one = open_workers(3);
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_engine_warm(one, QPY_DEFAULT, &error), QPY_OK);
    assert_int_equal(info_number(one, "workers", "ready"), 3);
    assert_int_equal(qpy_engine_warm(one, 0, NULL), QPY_OK);
    struct ear ear;
    qpy_execution *blocker = submit_and_hear(one, SLEEP, &ear);
    assert_int_equal(qpy_engine_warm(one, 5, &error), QPY_E_TIMEOUT);
    expect_part(error.message, "of 3 workers are ready");
    qpy_execution_cancel(blocker, NULL);
    assert_int_equal(qpy_engine_warm(one, QPY_DEFAULT, NULL), QPY_OK);
    qpy_execution_free(blocker);
    assert_int_equal(qpy_engine_close(one), 0);
}

static void test_info(void **state)
{
    (void)state;
    static const char *const members[] = {"version",      "python",       "gil",
                                          "search_paths", "store",        "workers",
                                          "jobs",         "interpreters", "not_available"};
    char *text = NULL;
    assert_int_equal(qpy_engine_info(engine, &text, NULL), QPY_OK);
    cJSON *info = cJSON_Parse(text);
    assert_non_null(info);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        assert_non_null(cJSON_GetObjectItem(info, members[i]));
    const cJSON *python = cJSON_GetObjectItem(info, "python");
    assert_int_equal(strncmp(cJSON_GetObjectItem(python, "version")->valuestring, "3.", 2), 0);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(python, "started_by_host")));
    assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(info, "gil"), "reason"));
    cJSON_Delete(info);
    qpy_free(text);
}

static void test_jobs_are_counted(void **state)
{
    (void)state;
    qpy_engine *one = open_workers(1);
    expect_result(one, "_result = 1", "1");
    expect_result(one, "_result = 1", "1");
    qpy_result_free(run_code(one, "1/0"));
    assert_int_equal(info_number(one, "jobs", "succeeded"), 2);
    assert_int_equal(info_number(one, "jobs", "failed"), 1);
    assert_int_equal(info_number(one, "workers", "abandoned"), 0);
    assert_int_equal(qpy_engine_close(one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_close_many_times),
        cmocka_unit_test(test_two_engines_at_once),
        cmocka_unit_test(test_default_options),
        cmocka_unit_test(test_numbers_out_of_range),
        cmocka_unit_test(test_paths_that_are_not_there),
        cmocka_unit_test(test_size_tag_of_the_options),
        cmocka_unit_test(test_a_success),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_wrong_calls),
        cmocka_unit_test(test_the_script_is_copied),
        cmocka_unit_test(test_a_path_of_any_bytes),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_a_result_outlives_everything),
        cmocka_unit_test(test_cancel_while_it_runs),
        cmocka_unit_test(test_cancel_while_it_waits),
        cmocka_unit_test(test_cancel_after_the_end),
        cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_no_queue_at_all),
        cmocka_unit_test(test_first_come_first_served),
        cmocka_unit_test(test_warm),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_jobs_are_counted),
    };
    return cmocka_run_group_tests(tests, open_shared, close_shared);
}
