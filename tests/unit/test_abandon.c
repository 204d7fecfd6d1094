/* Scripts that nothing can stop: their callers are answered, new work goes on, closing does not hang. */
#include "engine_case.h"

static qpy_engine *open_hasty(int workers, int max_abandoned)
{
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = workers;
    options.max_abandoned = max_abandoned;
    options.grace_ms = 100;
    return open_with(&options);
}

static qpy_result *run_stuck(qpy_engine *engine, const char *code)
{
    qpy_script script = script_of(code);
    script.timeout_ms = 200;
    return run_script(engine, &script);
}

static void expect_abandoned(qpy_result *result)
{
    assert_false(qpy_result_success(result));
    assert_string_equal(qpy_result_error_kind(result), "timeout");
    assert_string_equal(qpy_result_error(result),
                        "qntx.JobTimeout: the job ran past its deadline of 0.2 s and could not be "
                        "stopped; its thread was left behind");
    assert_string_equal(qpy_result_stdout(result, NULL), "started\n");
    expect_part(qpy_result_json(result), "\"stop_rung\":\"abandon\"");
    expect_part(qpy_result_json(result), "\"interpreter_abandoned\":true");
    expect_part(qpy_result_json(result), "line 7, in <module>"); /* where it is stuck */
    qpy_result_free(result);
}

/* A call that is quick, whatever scripts do. */
static size_t close_quickly(qpy_engine *engine)
{
    qpy__usec start = qpy__monotonic_now();
    size_t left_behind = qpy_engine_close(engine);
    assert_true(qpy__monotonic_now() - start < 20 * QPY__USEC_PER_SEC);
    return left_behind;
}

static void refuse_more(qpy_engine *engine, const char *message)
{
    qpy_script script = script_of("pass");
    qpy_result *result = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_engine_run(engine, &script, &result, &error), QPY_E_ABANDONED);
    assert_string_equal(error.message, message);
}

static void test_no_abandoned_worker_allowed(void **state)
{
    (void)state;
    qpy_engine *engine = open_hasty(1, 0);
    expect_result(engine, "_result = 1", "1");
    expect_abandoned(run_stuck(engine, STUCK));
    refuse_more(engine, "1 workers are kept by scripts that could not be stopped, over the limit "
                        "of 0 (max_abandoned); restart the host");
    assert_int_equal(info_number(engine, "workers", "abandoned"), 1);
    assert_int_equal(close_quickly(engine), 1);
}

static void test_one_is_replaced(void **state)
{
    (void)state;
    qpy_engine *engine = open_hasty(1, 1);
    expect_abandoned(run_stuck(engine, STUCK));
    expect_result(engine, "_result = 2", "2"); /* by the worker that took its place */
    assert_int_equal(qpy_engine_warm(engine, 60000, NULL), QPY_OK);
    expect_abandoned(run_stuck(engine, STUCK));
    refuse_more(engine, "2 workers are kept by scripts that could not be stopped, over the limit "
                        "of 1 (max_abandoned); restart the host");
    assert_int_equal(info_number(engine, "workers", "running"), 0);
    assert_int_equal(close_quickly(engine), 2);
}

static void test_others_are_not_held_up(void **state)
{
    (void)state;
    qpy_engine *engine = open_hasty(3, 8);
    struct ear ear;
    qpy_execution *stuck = submit_and_hear(engine, STUCK, &ear);
    for (int i = 0; i < 5; i++)
        expect_result(engine, "_result = sum(range(1000))", "499500");
    qpy_execution_cancel(stuck, "enough");
    const qpy_result *result = wait_for(stuck);
    assert_string_equal(qpy_result_error(result),
                        "qntx.JobCancelled: the job was cancelled: enough and could not be "
                        "stopped; its thread was left behind");
    qpy_execution_free(stuck);
    expect_result(engine, "_result = 1", "1");
    assert_int_equal(close_quickly(engine), 1);
}

/* A worker that comes back after all is not counted any more; what its script did late is dropped. */
static void test_one_comes_back(void **state)
{
    (void)state;
    qpy_engine *engine = open_hasty(1, 0);
    struct ear ear;
    qpy_hooks hooks = hooks_of(&ear);
    qpy_script script = script_of(STUCK_FOR(1));
    script.timeout_ms = 200;
    script.hooks = &hooks;
    qpy_result *result = run_script(engine, &script);
    assert_string_equal(qpy_result_stdout(result, NULL), "started\n");
    await_info(engine, "workers", "abandoned", 0);
    expect_result(engine, "_result = 3", "3");
    assert_string_equal(qpy_result_stdout(result, NULL), "started\n");
    assert_string_equal(ear.heard, "out(started\n)done(timeout)");
    assert_int_equal(ear.wrong, 0);
    qpy_result_free(result);
    assert_int_equal(close_quickly(engine), 0);
}

/* The engine is closed, and then the script goes on: it must find nothing that is gone. */
static void test_one_comes_back_after_the_engine(void **state)
{
    (void)state;
    qpy_engine *engine = open_hasty(1, 8);
    qpy_result *result = run_stuck(engine, STUCK_FOR(0.7) "try:\n    attest(['s'], ['p'], ['c'])\n"
                                                          "except BaseException: pass\n");
    expect_part(qpy_result_json(result), "\"stop_rung\":\"abandon\"");
    qpy_result_free(result);
    assert_int_equal(close_quickly(engine), 1);
    qpy_engine *next = open_hasty(1, 8);
    expect_result(next, "import time\ntime.sleep(1)\n_result = 4", "4");
    assert_int_equal(close_quickly(next), 0);
}

/* Threads that a script leaves behind keep its interpreter, not the worker. */
static void test_a_thread_left_behind(void **state)
{
    (void)state;
    qpy_engine *engine = open_hasty(1, 8);
    expect_result(engine,
                  "import _thread\nlock = _thread.allocate_lock()\nlock.acquire()\n"
                  "_thread.start_new_thread(lock.acquire, ())\n_result = 5",
                  "5");
    expect_result(engine, "_result = 6", "6");
    assert_int_equal(info_number(engine, "workers", "abandoned"), 1);
    assert_int_equal(close_quickly(engine), 1);
}

/* One that only sleeps is woken, and its interpreter ends. */
static void test_a_sleeping_thread_left_behind(void **state)
{
    (void)state;
    qpy_engine *engine = open_hasty(1, 0);
    expect_result(engine,
                  "import _thread, time\n_thread.start_new_thread(time.sleep, (60,))\n_result = 7",
                  "7");
    expect_result(engine, "_result = 8", "8");
    assert_int_equal(close_quickly(engine), 0);
}

/* ---- Closing ------------------------------------------------------------------------------------- */

static void test_close_with_running_and_waiting_jobs(void **state)
{
    (void)state;
    qpy_engine *engine = open_workers(2);
    struct ear ears[6];
    qpy_execution *executions[6];
    for (int i = 0; i < 6; i++) {
        qpy_hooks hooks = hooks_of(&ears[i]);
        qpy_script script = script_of(SLEEP);
        script.hooks = &hooks;
        executions[i] = submit(engine, &script);
    }
    sem_wait(&ears[0].started);
    sem_wait(&ears[1].started);
    assert_int_equal(close_quickly(engine), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(ears[i].done, 1);
        assert_int_equal(ears[i].wrong, 0);
        assert_string_equal(ears[i].heard,
                            i < 2 ? "out(started\n)done(cancelled)" : "done(cancelled)");
        qpy_execution_free(executions[i]);
    }
}

static void test_close_with_a_stuck_job(void **state)
{
    (void)state;
    qpy_engine *engine = open_hasty(2, 8);
    struct ear ear;
    qpy_execution *stuck = submit_and_hear(engine, STUCK, &ear);
    assert_int_equal(close_quickly(engine), 1);
    assert_string_equal(ear.heard, "out(started\n)done(cancelled)");
    qpy_execution_free(stuck);
}

/* Somebody waits in another thread while the engine closes. */
static void *run_and_keep(void *argument)
{
    void **both = argument;
    qpy_script script = script_of(SLEEP);
    script.hooks = both[1];
    return run_script(both[0], &script);
}

static void test_close_answers_who_waits(void **state)
{
    (void)state;
    qpy_engine *engine = open_workers(1);
    struct ear ear;
    qpy_hooks hooks = hooks_of(&ear);
    void *both[2] = {engine, &hooks};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_and_keep, both), 0);
    sem_wait(&ear.started);
    qpy_script script = script_of("pass");
    qpy_execution *queued = submit(engine, &script);
    qpy_execution_cancel(queued, NULL);
    assert_int_equal(close_quickly(engine), 0);
    void *result = NULL;
    pthread_join(thread, &result);
    expect_part(qpy_result_error(result), "the job was cancelled: the engine is closing");
    qpy_result_free(result);
    qpy_execution_free(queued);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_abandoned_worker_allowed),
        cmocka_unit_test(test_one_is_replaced),
        cmocka_unit_test(test_others_are_not_held_up),
        cmocka_unit_test(test_one_comes_back),
        cmocka_unit_test(test_one_comes_back_after_the_engine),
        cmocka_unit_test(test_a_thread_left_behind),
        cmocka_unit_test(test_a_sleeping_thread_left_behind),
        cmocka_unit_test(test_close_with_running_and_waiting_jobs),
        cmocka_unit_test(test_close_with_a_stuck_job),
        cmocka_unit_test(test_close_answers_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
