/* What a host hears of a job and gets of it: hooks, deadlines of scripts and contexts, JSON. */
#include "engine_case.h"

static qpy_engine *engine;

static int open_shared(void **state)
{
    (void)state;
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = 1;
    options.grace_ms = 1000;
    engine = open_with(&options);
    return 0;
}

static int close_shared(void **state)
{
    (void)state;
    return (int)qpy_engine_close(engine);
}

/* ---- Hooks ---------------------------------------------------------------------------------------- */

static qpy_result *run_heard(const char *code, struct ear *ear)
{
    qpy_hooks hooks = hooks_of(ear);
    qpy_script script = script_of(code);
    script.hooks = &hooks;
    qpy_result *result = run_script(engine, &script);
    assert_int_equal(ear->done, 1);
    assert_int_equal(ear->wrong, 0);
    return result;
}

static void test_hooks_come_in_order(void **state)
{
    (void)state;
    struct ear ear;
    qpy_result *result = run_heard("import qntx, sys\n"
                                   "print('one')\n"
                                   "sys.stdout.write('half')\n"
                                   "qntx.progress(1, 3, 'first')\n"
                                   "sys.stdout.write(' line\\n')\n"
                                   "qntx.progress(2)\n"
                                   "qntx.log('said', level='warn', number=7)\n"
                                   "print('bad', file=sys.stderr)\n"
                                   "sys.stdout.write('rest')\n",
                                   &ear);
    assert_string_equal(ear.heard, "out(one\n)progress(1/3 first)out(half line\n)progress(2/-1 -)"
                                   "log(warn said {\"number\":7})err(bad\n)out(rest)done(ok)");
    assert_string_equal(qpy_result_stdout(result, NULL), "one\nhalf line\nrest");
    qpy_result_free(result);
}

static void test_done_tells_how_it_ended(void **state)
{
    (void)state;
    struct ear ear;
    qpy_result_free(run_heard("1/0", &ear));
    assert_string_equal(ear.heard, "done(exception)");
    qpy_result_free(run_heard("x = (", &ear));
    assert_string_equal(ear.heard, "done(syntax)");
}

/* Threads of the script print at the same time; the host never hears two at once. */
static void test_one_hook_at_a_time(void **state)
{
    (void)state;
    struct ear ear;
    qpy_result *result = run_heard("import threading\n"
                                   "def talk(n):\n"
                                   "    for i in range(50): print(n, i)\n"
                                   "threads = [threading.Thread(target=talk, args=(n,)) "
                                   "for n in range(4)]\n"
                                   "for t in threads: t.start()\n"
                                   "for t in threads: t.join()\n",
                                   &ear);
    size_t lines = 0;
    for (const char *at = qpy_result_stdout(result, NULL); (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 200);
    qpy_result_free(result);
}

/* Threads that go on after the end of the script are not heard any more. */
static void test_silence_after_done(void **state)
{
    (void)state;
    for (int i = scaled(8); i > 0; i--) {
        struct ear ear;
        qpy_result_free(run_heard("import _thread\n"
                                  "def talk():\n"
                                  "    while True: print('more')\n"
                                  "_thread.start_new_thread(talk, ())\n",
                                  &ear));
        int outputs = ear.outputs;
        expect_result(engine, "_result = 1", "1"); /* after the teardown of the other */
        assert_int_equal(ear.wrong, 0);
        assert_int_equal(ear.outputs, outputs);
        assert_int_equal(ear.done, 1);
    }
}

/* ---- Deadlines --------------------------------------------------------------------------------------- */

static qpy_result *run_for(const char *code, int64_t timeout_ms, int attest)
{
    qpy_script script = script_of(code);
    script.timeout_ms = timeout_ms;
    script.attest = attest;
    return run_script(engine, &script);
}

#define ATTEST_AND_SPIN                                                                            \
    "attest(['s'], ['p'], ['c'])\nprint('before')\ndef spin():\n    while True: pass\nspin()\n"

static void test_a_timeout_keeps_what_there_is(void **state)
{
    (void)state;
    qpy_result *result = run_for(ATTEST_AND_SPIN, 300, QPY_ATTEST_IMMEDIATE);
    assert_string_equal(qpy_result_error_kind(result), "timeout");
    assert_string_equal(qpy_result_stdout(result, NULL), "before\n");
    assert_int_equal(qpy_result_attestations(result), 1);
    expect_part(qpy_result_error(result), "in spin\n");
    expect_part(qpy_result_error(result),
                "qntx.JobTimeout: the job ran past its deadline of 0.3 s\n");
    expect_part(qpy_result_json(result), "\"stop_rung\":\"interrupt\"");
    assert_in_range(qpy_result_duration_ms(result), 290, 20000);
    qpy_result_free(result);
}

static void test_a_timeout_undoes_what_comes_with_the_job(void **state)
{
    (void)state;
    qpy_result *result = run_for(ATTEST_AND_SPIN, 300, QPY_ATTEST_WITH_JOB);
    assert_string_equal(qpy_result_error_kind(result), "timeout");
    assert_int_equal(qpy_result_attestations(result), 0);
    qpy_result_free(result);
}

static void test_a_stubborn_script_is_insisted_upon(void **state)
{
    (void)state;
    qpy_result *result = run_for("def spin():\n    while True: pass\n"
                                 "while True:\n    try: spin()\n"
                                 "    except BaseException: pass\n",
                                 100, QPY_DEFAULT);
    assert_string_equal(qpy_result_error_kind(result), "timeout");
    expect_part(qpy_result_json(result), "\"stop_rung\":\"insist\"");
    qpy_result_free(result);
}

/* A script that catches the stop, and sleeps to save its work, is woken when its time is over. */
static void test_a_sleep_in_the_grace_period(void **state)
{
    (void)state;
    qpy_result *result = run_for("import time\ntry:\n    time.sleep(60)\n"
                                 "except BaseException:\n    print('saving', flush=True)\n"
                                 "    time.sleep(60)\n    print('never')\n",
                                 100, QPY_DEFAULT);
    assert_string_equal(qpy_result_error_kind(result), "timeout");
    assert_string_equal(qpy_result_stdout(result, NULL), "saving\n");
    expect_part(qpy_result_json(result), "\"stop_rung\":\"insist\"");
    qpy_result_free(result);
}

/* The request may strike anywhere on the way into the sleep. */
static void test_cancelled_on_the_way_into_a_sleep(void **state)
{
    (void)state;
    for (int i = scaled(60); i > 0; i--) {
        struct ear ear;
        qpy_execution *execution = submit_and_hear(engine, SLEEP, &ear);
        for (volatile int spin = i * 200; spin > 0; spin--)
            ;
        qpy_execution_cancel(execution, NULL);
        const qpy_result *result = wait_for(execution);
        assert_string_equal(qpy_result_error_kind(result), "cancelled");
        assert_string_equal(qpy_result_stdout(result, NULL), "started\n");
        if (!strstr(qpy_result_json(result), "\"stop_rung\":\"interrupt\""))
            expect_part(qpy_result_json(result), "\"stop_rung\":\"cooperative\"");
        qpy_execution_free(execution);
    }
}

/* ---- Contexts ------------------------------------------------------------------------------------------ */

static qpy_context *context_of(int64_t timeout_ms)
{
    qpy_context *context = NULL;
    assert_int_equal(qpy_context_new(timeout_ms, &context, NULL), QPY_OK);
    return context;
}

static void test_a_context_is_cancelled(void **state)
{
    (void)state;
    qpy_context *context = context_of(QPY_DEFAULT);
    struct ear ear;
    qpy_hooks hooks = hooks_of(&ear);
    qpy_script script = script_of(SLEEP);
    script.context = context;
    script.hooks = &hooks;
    qpy_execution *execution = submit(engine, &script);
    sem_wait(&ear.started);
    qpy_context_cancel(context, "shutting down");
    const qpy_result *result = wait_for(execution);
    assert_string_equal(qpy_result_error_kind(result), "cancelled");
    expect_part(qpy_result_error(result), "the job was cancelled: shutting down");
    qpy_execution_free(execution);
    qpy_context_free(context);
}

static void test_the_deadline_of_a_context(void **state)
{
    (void)state;
    qpy_context *context = context_of(200);
    qpy_script script = script_of("while True: pass");
    script.context = context;
    qpy_result *result = run_script(engine, &script);
    assert_string_equal(qpy_result_error_kind(result), "cancelled");
    expect_part(qpy_result_error(result), "the job was cancelled: deadline exceeded");
    qpy_result_free(result);
    qpy_context_free(context);
}

static void test_a_context_that_is_over_already(void **state)
{
    (void)state;
    qpy_context *contexts[2] = {context_of(0), context_of(QPY_DEFAULT)};
    qpy_context_cancel(contexts[1], "no more");
    struct ear blocked;
    qpy_execution *blocker = submit_and_hear(engine, SLEEP, &blocked);
    for (int i = 0; i < 2; i++) {
        struct ear ear;
        qpy_hooks hooks = hooks_of(&ear);
        qpy_script script = script_of("print('never')");
        script.context = contexts[i];
        script.hooks = &hooks;
        qpy_result *result = run_script(engine, &script); /* although the worker is busy */
        assert_string_equal(qpy_result_error_kind(result), "cancelled");
        expect_part(qpy_result_error(result), "the job was cancelled before it started: ");
        expect_part(qpy_result_error(result), i == 0 ? "deadline exceeded" : "no more");
        assert_string_equal(ear.heard, "done(cancelled)");
        qpy_result_free(result);
        qpy_context_free(contexts[i]);
    }
    qpy_execution_cancel(blocker, NULL);
    wait_for(blocker);
    qpy_execution_free(blocker);
}

static void test_a_deadline_passes_in_the_line(void **state)
{
    (void)state;
    struct ear ear;
    qpy_execution *blocker = submit_and_hear(engine, SLEEP, &ear);
    qpy_context *context = context_of(50);
    qpy_script script = script_of("print('never')");
    script.context = context;
    qpy_result *result = run_script(engine, &script);
    expect_part(qpy_result_error(result),
                "the job was cancelled before it started: deadline exceeded");
    qpy_result_free(result);
    /* Nobody waits for this one: the worker must find out by itself. */
    qpy_context *late = context_of(1);
    script.context = late;
    qpy_execution *unwatched = submit(engine, &script);
    while (qpy_context_remaining_ms(late) > 0)
        qpy__nap(QPY__USEC_PER_MSEC);
    qpy_execution_cancel(blocker, NULL);
    const qpy_result *answer = wait_for(unwatched);
    assert_string_equal(qpy_result_error_kind(answer), "cancelled");
    assert_string_equal(qpy_result_stdout(answer, NULL), "");
    qpy_execution_free(unwatched);
    qpy_context_free(late);
    qpy_context_free(context);
    wait_for(blocker);
    qpy_execution_free(blocker);
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void check_members(const char *text, const char *const *names)
{
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    const cJSON *member = json->child;
    for (; *names; names++, member = member->next) {
        assert_non_null(member);
        assert_string_equal(member->string, *names);
    }
    assert_null(member);
    cJSON_Delete(json);
}

static void test_members_of_the_json(void **state)
{
    (void)state;
    static const char *const plain[] = {"success",
                                        "stdout",
                                        "stderr",
                                        "result",
                                        "error",
                                        "duration_ms",
                                        "job_id",
                                        "error_kind",
                                        "error_type",
                                        "error_message",
                                        "exit_code",
                                        "frames",
                                        "stop_rung",
                                        "stopped_at",
                                        "attestations",
                                        "conversions",
                                        "stdout_dropped",
                                        "stderr_dropped",
                                        "lane",
                                        "gil",
                                        "interpreter_abandoned",
                                        "times_ms",
                                        NULL};
    const char *with_variables[sizeof plain / sizeof plain[0] + 1];
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        with_variables[i < 6 ? i : i + 1] = plain[i];
    with_variables[6] = "variables";
    qpy_result *result = run_code(engine, "_result = {'b': 1, 'a': float('nan')}");
    check_members(qpy_result_json(result), plain);
    assert_ptr_equal(qpy_result_json(result), qpy_result_json(result));
    qpy_result_free(result);
    result = run_code(engine, "1/0");
    check_members(qpy_result_json(result), plain);
    qpy_result_free(result);
    qpy_script script = script_of("x = 1");
    script.capture_variables = 1;
    result = run_script(engine, &script);
    check_members(qpy_result_json(result), with_variables);
    expect_part(qpy_result_json(result), "\"variables\":{\"x\":\"1\"}");
    qpy_result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hooks_come_in_order),
        cmocka_unit_test(test_done_tells_how_it_ended),
        cmocka_unit_test(test_one_hook_at_a_time),
        cmocka_unit_test(test_silence_after_done),
        cmocka_unit_test(test_a_timeout_keeps_what_there_is),
        cmocka_unit_test(test_a_timeout_undoes_what_comes_with_the_job),
        cmocka_unit_test(test_a_stubborn_script_is_insisted_upon),
        cmocka_unit_test(test_a_sleep_in_the_grace_period),
        cmocka_unit_test(test_cancelled_on_the_way_into_a_sleep),
        cmocka_unit_test(test_a_context_is_cancelled),
        cmocka_unit_test(test_the_deadline_of_a_context),
        cmocka_unit_test(test_a_context_that_is_over_already),
        cmocka_unit_test(test_a_deadline_passes_in_the_line),
        cmocka_unit_test(test_members_of_the_json),
    };
    return cmocka_run_group_tests(tests, open_shared, close_shared);
}
