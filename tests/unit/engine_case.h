/* What the tests of the engine share: opening one, running a script, and hearing its hooks. */
#ifndef QPY__TESTS_ENGINE_CASE_H
#define QPY__TESTS_ENGINE_CASE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include <qntxpy/engine.h>

#include "core/clock.h"
#include "core/thread.h"

#define MAYBE_UNUSED __attribute__((unused))

/* A script that runs until it is stopped; and ones that nothing can stop, for ever or for a while. */
#define SLEEP "import qntx\nprint('started', flush=True)\nqntx.sleep(60)\nprint('woken')\n"
#define LOCKED                                                                                     \
    "import _thread\nlock = _thread.allocate_lock()\nlock.acquire()\n"                             \
    "try: print('started', flush=True)\nexcept BaseException: pass\n"
#define STUCK LOCKED "while True:\n    try: lock.acquire()\n    except BaseException: pass\n"
#define STUCK_FOR(seconds)                                                                         \
    LOCKED "try: lock.acquire(timeout=" #seconds ")\n"                                             \
           "except BaseException: lock.acquire(timeout=" #seconds ")\nprint('free again')\n"

/* Sanitizers make everything slow: QNTXPY_TEST_SCALE=10 runs a tenth of the jobs. */
static MAYBE_UNUSED int scaled(int count)
{
    int scale = 0;
    for (const char *at = getenv("QNTXPY_TEST_SCALE"); at && *at >= '0' && *at <= '9'; at++)
        scale = 10 * scale + *at - '0';
    return scale > 1 && count > scale ? count / scale : count;
}

static MAYBE_UNUSED qpy_engine *open_with(const qpy_engine_options *options)
{
    qpy_engine *engine = NULL;
    qpy_error error = QPY_ERROR_INIT;
    if (qpy_engine_open(options, &engine, &error) != QPY_OK)
        fail_msg("cannot open: %s", error.message);
    return engine;
}

static MAYBE_UNUSED qpy_engine *open_workers(int workers)
{
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = workers;
    return open_with(&options);
}

static MAYBE_UNUSED qpy_script script_of(const char *code)
{
    qpy_script script = QPY_SCRIPT_INIT;
    script.code = code;
    script.code_length = strlen(code);
    return script;
}

static MAYBE_UNUSED qpy_result *run_script(qpy_engine *engine, const qpy_script *script)
{
    qpy_result *result = NULL;
    qpy_error error = QPY_ERROR_INIT;
    if (qpy_engine_run(engine, script, &result, &error) != QPY_OK)
        fail_msg("not run: %s", error.message);
    return result;
}

static MAYBE_UNUSED qpy_result *run_code(qpy_engine *engine, const char *code)
{
    qpy_script script = script_of(code);
    return run_script(engine, &script);
}

/* The script must succeed and its result be `value` as JSON. */
static MAYBE_UNUSED void expect_result(qpy_engine *engine, const char *code, const char *value)
{
    qpy_result *result = run_code(engine, code);
    if (!qpy_result_success(result))
        fail_msg("failed: %s", qpy_result_error(result));
    assert_string_equal(qpy_result_value_json(result), value);
    qpy_result_free(result);
}

static MAYBE_UNUSED qpy_execution *submit(qpy_engine *engine, const qpy_script *script)
{
    qpy_execution *execution = NULL;
    qpy_error error = QPY_ERROR_INIT;
    if (qpy_engine_submit(engine, script, &execution, &error) != QPY_OK)
        fail_msg("not accepted: %s", error.message);
    return execution;
}

static MAYBE_UNUSED const qpy_result *wait_for(qpy_execution *execution)
{
    const qpy_result *result = NULL;
    qpy_error error = QPY_ERROR_INIT;
    if (qpy_execution_wait(execution, 60000, &result, &error) != QPY_OK)
        fail_msg("no result: %s", error.message);
    return result;
}

static MAYBE_UNUSED void expect_part(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text ? text : "(null)");
}

/* A number in the engine's description, such as workers.abandoned. */
static MAYBE_UNUSED int info_number(qpy_engine *engine, const char *group, const char *name)
{
    char *text = NULL;
    assert_int_equal(qpy_engine_info(engine, &text, NULL), QPY_OK);
    cJSON *info = cJSON_Parse(text);
    assert_non_null(info);
    const cJSON *value = cJSON_GetObjectItem(cJSON_GetObjectItem(info, group), name);
    assert_true(cJSON_IsNumber(value));
    int number = value->valueint;
    cJSON_Delete(info);
    qpy_free(text);
    return number;
}

/* Wait until it is `wanted`, by looking every now and then. */
static MAYBE_UNUSED void await_info(qpy_engine *engine, const char *group, const char *name,
                                    int wanted)
{
    qpy__usec until = qpy__monotonic_now() + 60 * QPY__USEC_PER_SEC;
    while (info_number(engine, group, name) != wanted) {
        if (qpy__monotonic_now() > until)
            fail_msg("%s.%s is %d and not %d", group, name, info_number(engine, group, name),
                     wanted);
        qpy__nap(2 * QPY__USEC_PER_MSEC);
    }
}

/* ---- Hooks that take notes ----------------------------------------------------------------------- */

struct ear {
    sem_t started;     /* the script has printed something */
    atomic_int inside; /* hooks that run at the moment */
    atomic_int wrong;  /* two at a time, or after done */
    atomic_int done;
    atomic_int outputs;
    size_t length;
    char heard[8192]; /* what came, each piece with its kind in front */
};

static MAYBE_UNUSED void ear_enter(struct ear *ear)
{
    if (atomic_fetch_add(&ear->inside, 1) != 0 || atomic_load(&ear->done) > 0)
        atomic_fetch_add(&ear->wrong, 1);
}

static MAYBE_UNUSED void ear_note(struct ear *ear, const char *kind, const char *text,
                                  size_t length)
{
    size_t room = sizeof ear->heard - ear->length;
    int wrote = snprintf(ear->heard + ear->length, room, "%s(%.*s)", kind, (int)length, text);
    ear->length += (size_t)wrote < room ? (size_t)wrote : 0;
}

static MAYBE_UNUSED void ear_output(void *payload, int stream, const char *data, size_t length)
{
    struct ear *ear = payload;
    ear_enter(ear);
    ear_note(ear, stream == QPY_STDOUT ? "out" : "err", data, length);
    if (atomic_fetch_add(&ear->outputs, 1) == 0)
        sem_post(&ear->started);
    atomic_fetch_sub(&ear->inside, 1);
}

static MAYBE_UNUSED void ear_progress(void *payload, int64_t current, int64_t total,
                                      const char *message)
{
    struct ear *ear = payload;
    char text[100];
    ear_enter(ear);
    int length = snprintf(text, sizeof text, "%lld/%lld %s", (long long)current, (long long)total,
                          message ? message : "-");
    ear_note(ear, "progress", text, (size_t)length);
    atomic_fetch_sub(&ear->inside, 1);
}

static MAYBE_UNUSED void ear_log(void *payload, const char *level, const char *message,
                                 const char *fields_json)
{
    struct ear *ear = payload;
    char text[200];
    ear_enter(ear);
    int length = snprintf(text, sizeof text, "%s %s %s", level, message, fields_json);
    ear_note(ear, "log", text, (size_t)length);
    atomic_fetch_sub(&ear->inside, 1);
}

static MAYBE_UNUSED void ear_done(void *payload, const qpy_result *result)
{
    struct ear *ear = payload;
    ear_enter(ear);
    const char *kind = qpy_result_error_kind(result);
    ear_note(ear, "done", kind ? kind : "ok", strlen(kind ? kind : "ok"));
    atomic_fetch_add(&ear->done, 1);
    atomic_fetch_sub(&ear->inside, 1);
}

static MAYBE_UNUSED qpy_hooks hooks_of(struct ear *ear)
{
    *ear = (struct ear){.length = 0};
    sem_init(&ear->started, 0, 0);
    return (qpy_hooks){sizeof(qpy_hooks), ear, ear_output, ear_progress, ear_log, ear_done};
}

/* Submit a script and wait until it has printed something. */
static MAYBE_UNUSED qpy_execution *submit_and_hear(qpy_engine *engine, const char *code,
                                                   struct ear *ear)
{
    qpy_hooks hooks = hooks_of(ear);
    qpy_script script = script_of(code);
    script.hooks = &hooks;
    qpy_execution *execution = submit(engine, &script);
    sem_wait(&ear->started);
    return execution;
}

#endif
