/* The handler python.script over a real engine: what becomes of a job, and what its error says. */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <qntxpy/engine.h>
#include <qntxpy/job.h>

#include "core/thread.h"
#include "core/utf8.h"

#define FAILED "Python script execution failed: "

static qpy_engine *engine;

static int open_engine(void **state)
{
    (void)state;
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = 2;
    return qpy_engine_open(&options, &engine, NULL) == QPY_OK ? 0 : -1;
}

static int close_engine(void **state)
{
    (void)state;
    return (int)qpy_engine_close(engine);
}

/* ---- Running jobs ---------------------------------------------------------------------------- */

static qpy_job *make(const char *payload)
{
    qpy_job *job = NULL;
    size_t length = payload ? strlen(payload) : 0;
    assert_int_equal(qpy_job_new(QPY_PYTHON_SCRIPT, payload, length, "test", &job, NULL), QPY_OK);
    assert_int_equal(qpy_job_set_id(job, "test-job-123", NULL), QPY_OK);
    return job;
}

static qpy_status execute(qpy_context *ctx, qpy_job *job, qpy_error *error)
{
    qpy_handler handler = qpy_python_handler(engine);
    return handler.execute(handler.self, ctx, job, error);
}

/* The payload must fail: status and message, exactly or as a part. Returns the job for a look. */
static qpy_job *expect(const char *payload, qpy_status status, const char *part)
{
    qpy_job *job = make(payload);
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(execute(NULL, job, &error), status);
    assert_int_equal(error.status, status);
    if (!strstr(error.message, part))
        fail_msg("'%s' is not in '%s'", part, error.message);
    assert_int_equal(execute(NULL, job, NULL), status);
    return job;
}

/* A job on a thread of its own. */
struct runner {
    pthread_t thread;
    qpy_context *ctx;
    qpy_job *job;
    qpy_status status;
    qpy_error error;
};

static void *run(void *argument)
{
    struct runner *runner = argument;
    runner->status = execute(runner->ctx, runner->job, &runner->error);
    return NULL;
}

static void start(struct runner *runner, const char *payload, int64_t timeout_ms)
{
    *runner = (struct runner){.job = make(payload)};
    assert_int_equal(qpy_context_new(timeout_ms, &runner->ctx, NULL), QPY_OK);
    assert_int_equal(pthread_create(&runner->thread, NULL, run, runner), 0);
}

static void wait_for_progress(const struct runner *runner, int64_t current)
{
    qpy__usec until = qpy__monotonic_now() + 60 * QPY__USEC_PER_SEC;
    while (qpy_job_progress_current(runner->job) != current) {
        if (qpy__monotonic_now() > until)
            fail_msg("progress is %lld and not %lld", (long long)current,
                     (long long)qpy_job_progress_current(runner->job));
        qpy__nap(QPY__USEC_PER_MSEC);
    }
}

static void join(struct runner *runner)
{
    pthread_join(runner->thread, NULL);
}

static void finish(struct runner *runner)
{
    qpy_job_free(runner->job);
    qpy_context_free(runner->ctx);
}

/* ---- The six cases of contract 3.1 ----------------------------------------------------------- */

static void test_name(void **state)
{
    (void)state;
    qpy_handler handler = qpy_python_handler(NULL);
    assert_string_equal(handler.name(handler.self), "python.script");
    assert_int_equal(handler.size, sizeof handler);
}

static void test_success(void **state)
{
    (void)state;
    qpy_job *job = make("{\"script_code\": \"print('test')\", \"script_type\": \"git\","
                        " \"input\": [\"https://github.com/test/repo\"]}");
    qpy_error error = QPY_ERROR_INIT;
    qpy_status status = execute(NULL, job, &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, QPY_OK);
    const qpy_result *result = qpy_job_result(job);
    assert_non_null(result);
    assert_true(qpy_result_success(result));
    assert_string_equal(qpy_result_stdout(result, NULL), "test\n");
    assert_non_null(strstr(qpy_result_json(result), "\"job_id\":\"test-job-123\""));
    qpy_job_free(job);
}

static void test_python_error(void **state)
{
    (void)state;
    qpy_job *job = expect("{\"script_code\": \"undefined_var\", \"script_type\": \"test\","
                          " \"input\": []}",
                          QPY_E_HANDLER_FAILED, "NameError: name 'undefined_var' is not defined");
    const qpy_result *result = qpy_job_result(job);
    assert_non_null(result);
    assert_false(qpy_result_success(result));
    assert_string_equal(qpy_result_error_kind(result), "exception");
    qpy_job_free(job);
}

static void test_invalid_payload(void **state)
{
    (void)state;
    qpy_job *job = expect("not valid json", QPY_E_PAYLOAD, "invalid payload");
    assert_null(qpy_job_result(job));
    qpy_job_free(job);
}

static void test_missing_script_code(void **state)
{
    (void)state;
    qpy_job *job = expect("{\"script_type\": \"test\", \"input\": []}", QPY_E_PAYLOAD,
                          "invalid payload: script_code is required");
    assert_null(qpy_job_result(job));
    qpy_job_free(job);
}

static void test_cancelled_before_the_start(void **state)
{
    (void)state;
    qpy_context *ctx = NULL;
    assert_int_equal(qpy_context_new(QPY_DEFAULT, &ctx, NULL), QPY_OK);
    qpy_context_cancel(ctx, "the host is closing");
    qpy_job *job = make("{\"script_code\": \"print('test')\"}");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(execute(ctx, job, &error), QPY_E_CANCELLED);
    assert_string_equal(error.message, "job test-job-123 was cancelled: the host is closing");
    assert_null(qpy_job_result(job));
    qpy_job_free(job);
    qpy_context_free(ctx);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void test_no_payload_at_all(void **state)
{
    (void)state;
    qpy_job_free(expect(NULL, QPY_E_PAYLOAD,
                        "invalid payload: failed to unmarshal: unexpected end of JSON input"));
    qpy_job_free(expect("", QPY_E_PAYLOAD,
                        "invalid payload: failed to unmarshal: unexpected end of JSON input"));
}

static void test_the_message_begins_as_the_contract_says(void **state)
{
    (void)state;
    qpy_job *job = make("{\"script_code\": \"1/0\"}");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(execute(NULL, job, &error), QPY_E_HANDLER_FAILED);
    assert_memory_equal(error.message, FAILED, strlen(FAILED));
    assert_string_equal(error.message + strlen(FAILED), qpy_result_error(qpy_job_result(job)));
    assert_string_equal(error.hint, "");
    qpy_job_free(job);
}

static void test_stderr_is_appended(void **state)
{
    (void)state;
    qpy_job *job = make("{\"script_code\":"
                        " \"import sys\\nprint('noise', file=sys.stderr)\\n1/0\"}");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(execute(NULL, job, &error), QPY_E_HANDLER_FAILED);
    const char *stderr_part = strstr(error.message, "\n\nStderr:\n");
    assert_non_null(stderr_part);
    assert_string_equal(stderr_part, "\n\nStderr:\nnoise\n");
    assert_non_null(strstr(error.message, "ZeroDivisionError: division by zero"));
    qpy_job_free(job);
}

static void test_a_long_stderr_is_cut_at_the_end(void **state)
{
    (void)state;
    qpy_job *job = make("{\"script_code\":"
                        " \"import sys\\nprint('\\u00e4' * 5000, file=sys.stderr)\\n1/0\"}");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(execute(NULL, job, &error), QPY_E_HANDLER_FAILED);
    assert_in_range(strlen(error.message), sizeof error.message - 5, sizeof error.message - 1);
    assert_int_equal(qpy__utf8_valid_prefix(error.message, strlen(error.message)),
                     strlen(error.message));
    assert_non_null(strstr(error.message, "ZeroDivisionError: division by zero"));
    assert_non_null(strstr(error.hint, "qpy_job_result"));
    size_t length;
    (void)qpy_result_stderr(qpy_job_result(job), &length);
    assert_int_equal(length, 10001);
    qpy_job_free(job);
}

static void test_an_error_that_leaves_little_room_for_stderr(void **state)
{
    (void)state;
    int whole = 0, cut = 0;
    char payload[200];
    for (int length = 800; length < 980; length += 4) {
        snprintf(payload, sizeof payload,
                 "{\"script_code\": \"import sys\\nsys.stderr.write('noise')\\n"
                 "sys.exit('x' * %d)\"}",
                 length);
        qpy_job *job = make(payload);
        qpy_error error = QPY_ERROR_INIT;
        assert_int_equal(execute(NULL, job, &error), QPY_E_HANDLER_FAILED);
        bool complete = strstr(error.message, "\n\nStderr:\nnoise") != NULL;
        assert_int_equal(complete, error.hint[0] == '\0');
        whole += complete;
        cut += !complete;
        qpy_job_free(job);
    }
    assert_true(whole > 0 && cut > 0);
}

static void test_a_long_error_keeps_its_ends(void **state)
{
    (void)state;
    qpy_job *job = make("{\"script_code\":"
                        " \"raise ValueError('HEAD ' + '\\u00e4' * 5000 + ' TAIL')\"}");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(execute(NULL, job, &error), QPY_E_HANDLER_FAILED);
    size_t length = strlen(error.message);
    assert_in_range(length, sizeof error.message - 16, sizeof error.message - 1);
    assert_int_equal(qpy__utf8_valid_prefix(error.message, length), length);
    assert_memory_equal(error.message, FAILED "Traceback", strlen(FAILED "Traceback"));
    const char *tail = strstr(error.message, "\n[...]\n");
    assert_non_null(tail);
    assert_non_null(strstr(tail, "\u00e4 TAIL"));
    assert_non_null(strstr(error.hint, "qpy_job_result"));
    assert_true(strlen(qpy_result_error(qpy_job_result(job))) > 10000);
    qpy_job_free(job);
}

static void test_an_exit_with_a_message_fails(void **state)
{
    (void)state;
    qpy_job *job = expect("{\"script_code\": \"import sys\\nsys.exit('no input')\"}",
                          QPY_E_HANDLER_FAILED, "no input");
    assert_string_equal(qpy_result_error_kind(qpy_job_result(job)), "exit");
    qpy_job_free(job);
}

static void test_the_scripts_own_timeout_is_a_failure(void **state)
{
    (void)state;
    qpy_job *job = expect("{\"script_code\": \"while True: pass\", \"timeout_secs\": 0.05}",
                          QPY_E_HANDLER_FAILED, FAILED);
    assert_string_equal(qpy_result_error_kind(qpy_job_result(job)), "timeout");
    qpy_job_free(job);
}

/* ---- Cancelling ------------------------------------------------------------------------------ */

#define BUSY "{\"script_code\": \"import qntx\\nqntx.progress(3, 10)\\nwhile True: pass\"}"

static void test_cancelled_while_running(void **state)
{
    (void)state;
    struct runner runner;
    start(&runner, BUSY, QPY_DEFAULT);
    wait_for_progress(&runner, 3);
    qpy_context_cancel(runner.ctx, "the user asked");
    join(&runner);
    assert_int_equal(runner.status, QPY_E_CANCELLED);
    assert_string_equal(runner.error.message, "job test-job-123 was cancelled: the user asked");
    assert_int_equal(qpy_job_progress_total(runner.job), 10);
    const qpy_result *result = qpy_job_result(runner.job);
    assert_non_null(result);
    assert_string_equal(qpy_result_error_kind(result), "cancelled");
    finish(&runner);
}

static void test_cancelled_while_it_waits_in_line(void **state)
{
    (void)state;
    struct runner busy[2];
    for (size_t i = 0; i < 2; i++) {
        start(&busy[i], BUSY, QPY_DEFAULT);
        wait_for_progress(&busy[i], 3);
    }
    struct runner waiting;
    start(&waiting, BUSY, QPY_DEFAULT);
    qpy_context_cancel(waiting.ctx, "no time");
    join(&waiting); /* both workers are still busy */
    assert_int_equal(waiting.status, QPY_E_CANCELLED);
    assert_string_equal(waiting.error.message, "job test-job-123 was cancelled: no time");
    assert_int_equal(qpy_job_progress_current(waiting.job), 0);
    finish(&waiting);
    for (size_t i = 0; i < 2; i++) {
        qpy_context_cancel(busy[i].ctx, NULL);
        join(&busy[i]);
        assert_int_equal(busy[i].status, QPY_E_CANCELLED);
        finish(&busy[i]);
    }
}

static void test_the_deadline_of_the_context(void **state)
{
    (void)state;
    const int64_t timeouts_ms[] = {0, 300};
    for (size_t i = 0; i < 2; i++) {
        struct runner runner;
        start(&runner, BUSY, timeouts_ms[i]);
        join(&runner);
        assert_int_equal(runner.status, QPY_E_CANCELLED);
        assert_string_equal(runner.error.message,
                            "job test-job-123 was cancelled: deadline exceeded");
        finish(&runner);
    }
}

static void test_a_failure_before_the_cancellation_stays_a_failure(void **state)
{
    (void)state;
    qpy_context *ctx = NULL;
    assert_int_equal(qpy_context_new(3600000, &ctx, NULL), QPY_OK);
    qpy_job *job = make("{\"script_code\": \"1/0\"}");
    assert_int_equal(execute(ctx, job, NULL), QPY_E_HANDLER_FAILED);
    qpy_context_cancel(ctx, "too late");
    assert_string_equal(qpy_result_error_kind(qpy_job_result(job)), "exception");
    qpy_job_free(job);
    qpy_context_free(ctx);
}

/* ---- The job --------------------------------------------------------------------------------- */

static void test_progress_without_a_total(void **state)
{
    (void)state;
    qpy_job *job = make("{\"script_code\": \"import qntx\\nqntx.progress(5)\"}");
    qpy_job_set_progress(job, 1, 2);
    assert_int_equal(execute(NULL, job, NULL), QPY_OK);
    assert_int_equal(qpy_job_progress_current(job), 5);
    assert_int_equal(qpy_job_progress_total(job), 0);
    qpy_job_free(job);
}

/* A thread that the script leaves reports progress until the end: not into a job that is gone. */
static void test_a_job_may_be_freed_under_threads_of_its_script(void **state)
{
    (void)state;
    static const char stubborn[] = "{\"script_code\": \"import qntx, _thread, time\\n"
                                   "def report():\\n"
                                   "    while True:\\n"
                                   "        try:\\n"
                                   "            while True: qntx.progress(1)\\n"
                                   "        except BaseException: pass\\n"
                                   "for _ in range(2): _thread.start_new_thread(report, ())\\n"
                                   "time.sleep(0.01)\"}";
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = 2;
    options.grace_ms = 50;
    options.max_abandoned = 100;
    qpy_engine *own = NULL;
    assert_int_equal(qpy_engine_open(&options, &own, NULL), QPY_OK);
    qpy_handler handler = qpy_python_handler(own);
    for (int i = 0; i < 15; i++) {
        qpy_job *job = make(stubborn);
        (void)handler.execute(handler.self, NULL, job, NULL);
        assert_int_equal(qpy_job_progress_current(job), 1);
        qpy_job_free(job); /* seen by sanitizers */
    }
    (void)qpy_engine_close(own); /* may have to leave a worker behind */
}

static void test_a_result_is_of_the_last_execution(void **state)
{
    (void)state;
    qpy_job *job = make("{\"script_code\": \"import qntx\\nprint(qntx.job.id)\"}");
    assert_int_equal(execute(NULL, job, NULL), QPY_OK);
    assert_string_equal(qpy_result_stdout(qpy_job_result(job), NULL), "test-job-123\n");
    assert_int_equal(qpy_job_set_id(job, "other", NULL), QPY_OK);
    assert_int_equal(execute(NULL, job, NULL), QPY_OK);
    assert_string_equal(qpy_result_stdout(qpy_job_result(job), NULL), "other\n");
    qpy_context *ctx = NULL;
    assert_int_equal(qpy_context_new(0, &ctx, NULL), QPY_OK);
    assert_int_equal(execute(ctx, job, NULL), QPY_E_CANCELLED);
    assert_null(qpy_job_result(job));
    qpy_context_free(ctx);
    qpy_job_free(job);
}

static void test_jobs_at_the_same_time(void **state)
{
    (void)state;
    enum { JOBS = 6 };
    struct runner runners[JOBS];
    char payload[100];
    for (int i = 0; i < JOBS; i++) {
        snprintf(payload, sizeof payload,
                 "{\"script_code\": \"import qntx\\nqntx.progress(%d)\\nprint(%d)\"}", i + 1, i);
        start(&runners[i], payload, QPY_DEFAULT);
    }
    for (int i = 0; i < JOBS; i++) {
        join(&runners[i]);
        assert_int_equal(runners[i].status, QPY_OK);
        assert_int_equal(qpy_job_progress_current(runners[i].job), i + 1);
        snprintf(payload, sizeof payload, "%d\n", i);
        assert_string_equal(qpy_result_stdout(qpy_job_result(runners[i].job), NULL), payload);
        finish(&runners[i]);
    }
}

static void test_through_the_registry(void **state)
{
    (void)state;
    qpy_registry *registry = NULL;
    assert_int_equal(qpy_registry_new(&registry, NULL), QPY_OK);
    qpy_handler handler = qpy_python_handler(engine);
    assert_int_equal(qpy_registry_register(registry, &handler, NULL), QPY_OK);
    qpy_job *good = make("{\"script_code\": \"_result = 6 * 7\"}");
    qpy_job *bad = make("{\"script_code\": \"undefined_var\"}");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_registry_dispatch(registry, NULL, good, NULL, &error), QPY_OK);
    assert_string_equal(qpy_result_value_json(qpy_job_result(good)), "42");
    assert_int_equal(qpy_registry_dispatch(registry, NULL, bad, NULL, &error),
                     QPY_E_HANDLER_FAILED);
    assert_non_null(strstr(error.message, "NameError"));
    qpy_job_free(good);
    qpy_job_free(bad);
    qpy_registry_free(registry);
}

static void test_wrong_arguments_are_named(void **state)
{
    (void)state;
    qpy_handler nowhere = qpy_python_handler(NULL);
    qpy_handler handler = qpy_python_handler(engine);
    qpy_job *job = make("{\"script_code\": \"pass\"}");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(nowhere.execute(nowhere.self, NULL, job, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "engine is NULL");
    assert_int_equal(handler.execute(handler.self, NULL, NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "job is NULL");
    qpy_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_python_error),
        cmocka_unit_test(test_invalid_payload),
        cmocka_unit_test(test_missing_script_code),
        cmocka_unit_test(test_cancelled_before_the_start),
        cmocka_unit_test(test_no_payload_at_all),
        cmocka_unit_test(test_the_message_begins_as_the_contract_says),
        cmocka_unit_test(test_stderr_is_appended),
        cmocka_unit_test(test_a_long_stderr_is_cut_at_the_end),
        cmocka_unit_test(test_an_error_that_leaves_little_room_for_stderr),
        cmocka_unit_test(test_a_long_error_keeps_its_ends),
        cmocka_unit_test(test_an_exit_with_a_message_fails),
        cmocka_unit_test(test_the_scripts_own_timeout_is_a_failure),
        cmocka_unit_test(test_cancelled_while_running),
        cmocka_unit_test(test_cancelled_while_it_waits_in_line),
        cmocka_unit_test(test_the_deadline_of_the_context),
        cmocka_unit_test(test_a_failure_before_the_cancellation_stays_a_failure),
        cmocka_unit_test(test_progress_without_a_total),
        cmocka_unit_test(test_a_job_may_be_freed_under_threads_of_its_script),
        cmocka_unit_test(test_a_result_is_of_the_last_execution),
        cmocka_unit_test(test_jobs_at_the_same_time),
        cmocka_unit_test(test_through_the_registry),
        cmocka_unit_test(test_wrong_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
