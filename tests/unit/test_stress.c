/* Many jobs on many threads, with the modules that interpreters tend to break for each other. */
#include <dirent.h>
#include <unistd.h>

#include "engine_case.h"

/* ---- Modules under load ---------------------------------------------------------------------------- */

enum { THREADS = 6 };

/* Each job computes something with each module, from its own number %d. */
static const char template[] =
    "import json, re, datetime, decimal, threading, asyncio, logging, dataclasses, sqlite3, io\n"
    "n = %d\n"
    "answers = [json.loads(json.dumps({'n': [n]}))['n'][0]]\n"
    "answers.append(int(re.sub(r'[^0-9]+', '', f'a{n}b')))\n"
    "day = datetime.date(2000, 1, 1) + datetime.timedelta(days=n)\n"
    "answers.append((datetime.datetime(day.year, day.month, day.day) - "
    "datetime.datetime.strptime('2000-01-01', '%%Y-%%m-%%d')).days)\n"
    "answers.append(int(decimal.Decimal(n) / decimal.Decimal(8) * 8))\n"
    "box = []\n"
    "threads = [threading.Thread(target=box.append, args=(n,)) for _ in range(3)]\n"
    "for t in threads: t.start()\n"
    "for t in threads: t.join()\n"
    "answers.append(sum(box) // 3)\n"
    "async def add(a):\n    await asyncio.sleep(0)\n    return a\n"
    "async def both(): return sum(await asyncio.gather(add(n), add(0)))\n"
    "answers.append(asyncio.run(both()))\n"
    "stream = io.StringIO()\n"
    "logging.basicConfig(stream=stream, format='%%(message)s')\n"
    "logging.getLogger('x').warning('%%d', n)\n"
    "answers.append(int(stream.getvalue()))\n"
    "@dataclasses.dataclass(order=True, frozen=True)\n"
    "class Point:\n    x: int\n    y: int = 0\n"
    "answers.append(max(Point(n), Point(n, -1)).x)\n"
    "with sqlite3.connect(':memory:') as db:\n"
    "    db.create_function('same', 1, lambda a: a)\n"
    "    answers.append(db.execute('select same(?)', (n,)).fetchone()[0])\n"
    "db.close()\n"
    "print(n)\n"
    "_result = answers\n";

struct submitter {
    pthread_t thread;
    qpy_engine *engine;
    int first;
    int count;
    char problem[2000]; /* the first one */
};

static bool answer_is_right(const qpy_result *result, int n, char *problem, size_t size)
{
    char wanted[200];
    char printed[20];
    snprintf(wanted, sizeof wanted, "[%d,%d,%d,%d,%d,%d,%d,%d,%d]", n, n, n, n, n, n, n, n, n);
    snprintf(printed, sizeof printed, "%d\n", n);
    if (qpy_result_success(result) && strcmp(qpy_result_value_json(result), wanted) == 0 &&
        strcmp(qpy_result_stdout(result, NULL), printed) == 0)
        return true;
    snprintf(problem, size, "job %d: %s", n, qpy_result_json(result));
    return false;
}

static void *submit_jobs(void *argument)
{
    struct submitter *self = argument;
    char *code = malloc(sizeof template + 20);
    for (int i = 0; i < self->count && !self->problem[0]; i++) {
        snprintf(code, sizeof template + 20, template, self->first + i);
        qpy_script script = script_of(code);
        script.timeout_ms = 120000;
        qpy_result *result = NULL;
        qpy_error error = QPY_ERROR_INIT;
        if (qpy_engine_run(self->engine, &script, &result, &error) != QPY_OK)
            snprintf(self->problem, sizeof self->problem, "not run: %s", error.message);
        else
            (void)answer_is_right(result, self->first + i, self->problem, sizeof self->problem);
        qpy_result_free(result);
    }
    free(code);
    return NULL;
}

static void test_modules_under_load(void **state)
{
    (void)state;
    qpy_engine *engine = open_workers(THREADS);
    struct submitter submitters[THREADS];
    int total = scaled(1000);
    for (int i = 0; i < THREADS; i++) {
        int first = total * i / THREADS;
        submitters[i] = (struct submitter){
            .engine = engine, .first = first, .count = total * (i + 1) / THREADS - first};
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_jobs, &submitters[i]),
                         0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(submitters[i].thread, NULL);
    for (int i = 0; i < THREADS; i++)
        if (submitters[i].problem[0])
            fail_msg("%s", submitters[i].problem);
    assert_int_equal(info_number(engine, "jobs", "succeeded"), total);
    assert_int_equal(qpy_engine_close(engine), 0);
}

/* ---- Modules that load once per process ---------------------------------------------------------------- */

#define DEBIAN_PACKAGES "/usr/lib/python3/dist-packages"

static void test_numpy_is_refused_every_time(void **state)
{
    (void)state;
    if (access(DEBIAN_PACKAGES "/numpy", R_OK) != 0)
        skip(); /* needs python3-numpy */
    static const char *const paths[] = {DEBIAN_PACKAGES};
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.workers = 1;
    options.python_paths = (qpy_strings){paths, 1};
    qpy_engine *engine = open_with(&options);
    for (int i = 0; i < 5; i++) {
        qpy_result *result = run_code(engine, "print('before')\nimport numpy\n");
        assert_string_equal(qpy_result_error_kind(result), "exception");
        expect_part(qpy_result_error(result), "ImportError: numpy cannot be imported in a job: it "
                                              "is an extension module that works in one "
                                              "interpreter per process only");
        expect_part(qpy_result_error(result), "Run such a script in a Python process of its own");
        assert_string_equal(qpy_result_stdout(result, NULL), "before\n");
        qpy_result_free(result);
    }
    expect_result(engine, "_result = 1", "1");
    assert_int_equal(qpy_engine_close(engine), 0);
}

/* ---- Leaks ------------------------------------------------------------------------------------------------ */

static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    assert_non_null(directory);
    int count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* Scripts that take what a job may leave behind. */
static const char *const takers[] = {
    "import os\nfile = open(os.devnull)\nraise ValueError('left open')",
    "import socket\npair = socket.socketpair()",
    "import subprocess\nsubprocess.run(['true'])",
    "import threading\nthreading.Thread(target=print, args=('x',)).start()",
    "import os\npipe = os.popen('echo hello')\npipe.read()\npipe.close()",
    "import sqlite3\ndb = sqlite3.connect(':memory:')\ndb.execute('create table t(x)')",
    "import asyncio\nasync def main(): await asyncio.sleep(0)\nasyncio.run(main())",
    "import tempfile\nwith tempfile.TemporaryFile() as file: file.write(b'x')",
    "while True: pass",
    "import sys\nsys.exit(3)",
};

static void run_takers(qpy_engine *engine, int rounds)
{
    for (int i = 0; i < rounds * (int)(sizeof takers / sizeof takers[0]); i++) {
        qpy_script script = script_of(takers[i % (sizeof takers / sizeof takers[0])]);
        script.timeout_ms = strcmp(script.code, "while True: pass") == 0 ? 30 : 60000;
        qpy_result_free(run_script(engine, &script));
    }
    assert_int_equal(qpy_engine_warm(engine, QPY_DEFAULT, NULL), QPY_OK);
}

static void test_no_descriptor_or_thread_is_lost(void **state)
{
    (void)state;
    qpy_engine *engine = open_workers(2);
    run_takers(engine, 2);
    int descriptors = count_entries("/proc/self/fd");
    int threads = count_entries("/proc/self/task");
    run_takers(engine, scaled(30));
    assert_int_equal(info_number(engine, "workers", "abandoned"), 0);
    assert_int_equal(count_entries("/proc/self/fd"), descriptors);
    assert_int_equal(count_entries("/proc/self/task"), threads);
    assert_int_equal(qpy_engine_close(engine), 0);
}

/* Of an engine that is closed, only CPython's own thread stays. */
static void test_an_engine_takes_its_threads_along(void **state)
{
    (void)state;
    qpy_engine_close(open_workers(1));
    int descriptors = count_entries("/proc/self/fd");
    int threads = count_entries("/proc/self/task");
    for (int i = scaled(15); i > 0; i--) {
        qpy_engine *engine = open_workers(1 + i % 4);
        expect_result(engine, "_result = 1", "1");
        assert_int_equal(qpy_engine_close(engine), 0);
    }
    assert_int_equal(count_entries("/proc/self/fd"), descriptors);
    assert_int_equal(count_entries("/proc/self/task"), threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_engine_takes_its_threads_along),
        cmocka_unit_test(test_no_descriptor_or_thread_is_lost),
        cmocka_unit_test(test_numpy_is_refused_every_time),
        cmocka_unit_test(test_modules_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
