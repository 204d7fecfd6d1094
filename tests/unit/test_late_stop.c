/* Jobs that end while their stop is on its way: it must never land in a job that comes after. */
#include "engine_case.h"

enum { BATCH = 50, WORKERS = 2 };

static qpy_engine *engine;

static int open_shared(void **state)
{
    (void)state;
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = WORKERS;
    options.grace_ms = 4000;
    options.max_abandoned = 0;
    engine = open_with(&options);
    return 0;
}

static int close_shared(void **state)
{
    (void)state;
    return (int)qpy_engine_close(engine);
}

/* Uses what a late stop would disturb: output, imports, the store, exceptions, threads, sleeping. */
#define CANARY                                                                                     \
    "import json, threading, time\n"                                                               \
    "def work():\n    print(json.dumps({'n': sum(range(2000))}))\n"                                \
    "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\n"                      \
    "time.sleep(0.002)\nattest(['s'], ['p'], ['c'])\n"                                             \
    "try: {}['x']\nexcept KeyError: _result = 'alive'\n"

static void check_canaries(void)
{
    qpy_execution *canaries[WORKERS];
    qpy_script script = script_of(CANARY);
    for (int i = 0; i < WORKERS; i++)
        canaries[i] = submit(engine, &script);
    for (int i = 0; i < WORKERS; i++) {
        const qpy_result *result = wait_for(canaries[i]);
        if (!qpy_result_success(result))
            fail_msg("a foreign stop: %s", qpy_result_error(result));
        assert_string_equal(qpy_result_value_json(result), "\"alive\"");
        assert_string_equal(qpy_result_stdout(result, NULL), "{\"n\": 1999000}\n");
        assert_int_equal(qpy_result_attestations(result), 1);
        qpy_execution_free(canaries[i]);
    }
}

struct tally {
    int succeeded;
    int stopped;
};

static void check_job(const qpy_result *result, const char *kind, struct tally *tally)
{
    if (qpy_result_success(result)) {
        assert_string_equal(qpy_result_value_json(result), "1");
        tally->succeeded++;
        return;
    }
    if (strcmp(qpy_result_error_kind(result), kind) != 0)
        fail_msg("neither success nor %s: %s", kind, qpy_result_json(result));
    expect_part(qpy_result_error(result), "qntx.Job");
    tally->stopped++;
}

/* Busy or asleep for `usec`, up to the end of the script. */
static void make_code(char *code, size_t size, int usec, bool asleep)
{
    if (asleep)
        snprintf(code, size, "import time\ntime.sleep(%d / 1e6)\n_result = 1\n", usec);
    else
        snprintf(code, size,
                 "import time\nend = time.monotonic() + %d / 1e6\n"
                 "while time.monotonic() < end: pass\n_result = 1\n",
                 usec);
}

/* The end of the script is drawn around the deadline, so that about every second job makes it. */
static void test_deadline_at_the_end(void **state)
{
    (void)state;
    unsigned seed = 20240229;
    struct tally tally = {0, 0};
    qpy_execution *jobs[BATCH];
    for (int done = 0; done < scaled(2000); done += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            char code[200];
            qpy_script script = QPY_SCRIPT_INIT;
            script.timeout_ms = 4 + rand_r(&seed) % 3;
            int usec = (int)script.timeout_ms * 1000 - 1500 + rand_r(&seed) % 2000;
            make_code(code, sizeof code, usec, i % 3 == 0);
            script.code = code;
            script.code_length = strlen(code);
            jobs[i] = submit(engine, &script);
        }
        for (int i = 0; i < BATCH; i++) {
            check_job(wait_for(jobs[i]), "timeout", &tally);
            qpy_execution_free(jobs[i]);
        }
        check_canaries();
    }
    print_message("%d made it, %d were stopped\n", tally.succeeded, tally.stopped);
    assert_true(tally.succeeded > 0 && tally.stopped > 0);
}

struct canceller {
    pthread_t thread;
    qpy_execution *execution;
    sem_t *started;
    int usec;
};

static void *cancel_later(void *argument)
{
    struct canceller *canceller = argument;
    sem_wait(canceller->started);
    qpy__usec until = qpy__monotonic_now() + canceller->usec;
    while (qpy__monotonic_now() < until)
        ;
    qpy_execution_cancel(canceller->execution, NULL);
    return NULL;
}

/* The same with a host that cancels: before the job is taken, while it runs, after it has ended. */
static void test_cancel_at_the_end(void **state)
{
    (void)state;
    unsigned seed = 19700101;
    struct tally tally = {0, 0};
    for (int done = 0; done < scaled(300); done++) {
        struct ear ear;
        qpy_hooks hooks = hooks_of(&ear);
        char code[200];
        snprintf(code, sizeof code,
                 "import time\nend = time.monotonic() + 0.002\nprint('started', flush=True)\n"
                 "while time.monotonic() < end: pass\n_result = 1\n");
        qpy_script script = script_of(code);
        script.hooks = &hooks;
        struct canceller canceller = {.started = &ear.started, .usec = rand_r(&seed) % 4000};
        canceller.execution = submit(engine, &script);
        assert_int_equal(pthread_create(&canceller.thread, NULL, cancel_later, &canceller), 0);
        check_job(wait_for(canceller.execution), "cancelled", &tally);
        pthread_join(canceller.thread, NULL);
        assert_int_equal(ear.done, 1);
        assert_int_equal(ear.wrong, 0);
        qpy_execution_free(canceller.execution);
        if (done % 25 == 0)
            check_canaries();
    }
    check_canaries();
    print_message("%d made it, %d were stopped\n", tally.succeeded, tally.stopped);
    assert_true(tally.succeeded + tally.stopped == scaled(300));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline_at_the_end),
        cmocka_unit_test(test_cancel_at_the_end),
    };
    return cmocka_run_group_tests(tests, open_shared, close_shared);
}
