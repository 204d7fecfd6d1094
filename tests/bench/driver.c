/* Measures the library from inside a host, for bench.py: each command prints one JSON object. */
#include <qntxpy/qntxpy.h>

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void check(qpy_status status, const char *what, const qpy_error *error)
{
    if (status != QPY_OK)
        fail(what, error->message);
}

static int number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < 1 || value > 100000000)
        fail("not a number", text);
    return (int)value;
}

/* Resident memory of this process in KiB. */
static long rss_kib(void)
{
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &total, &resident) != 2)
        fail("/proc/self/statm", "cannot be read");
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void print_times(const double *times, int count)
{
    printf("{\"us\": [");
    for (int i = 0; i < count; i++)
        printf("%s%.1f", i ? ", " : "", times[i]);
    printf("]}\n");
}

static qpy_engine *open_engine(int workers, qpy_store *store, int attest)
{
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    qpy_engine *engine = NULL;
    qpy_error error = QPY_ERROR_INIT;
    options.workers = workers;
    options.store = store;
    options.attest = attest;
    options.timeout_ms = 600000;
    check(qpy_engine_open(&options, &engine, &error), "open", &error);
    check(qpy_engine_warm(engine, QPY_DEFAULT, &error), "warm", &error);
    return engine;
}

static void expect_success(const qpy_result *result)
{
    if (!qpy_result_success(result))
        fail("script failed", qpy_result_error(result));
}

/* Run one script; return the time from handing it over to having its result. */
static double run_us(qpy_engine *engine, const char *code)
{
    qpy_script script = QPY_SCRIPT_INIT;
    qpy_result *result = NULL;
    qpy_error error = QPY_ERROR_INIT;
    script.code = code;
    script.code_length = strlen(code);
    double begin = now_us();
    check(qpy_engine_run(engine, &script, &result, &error), "run", &error);
    double end = now_us();
    expect_success(result);
    qpy_result_free(result);
    return end - begin;
}

/* latency CODE COUNT: each run on an engine that is idle and warm again. */
static void latency(char **arguments)
{
    int count = number(arguments[1]);
    double *times = calloc((size_t)count, sizeof *times);
    qpy_engine *engine = open_engine(1, NULL, QPY_DEFAULT);
    qpy_error error = QPY_ERROR_INIT;
    for (int i = 0; times && i < count; i++) {
        check(qpy_engine_warm(engine, QPY_DEFAULT, &error), "warm", &error);
        times[i] = run_us(engine, arguments[0]);
    }
    print_times(times, count);
    free(times);
    qpy_engine_close(engine);
}

/* spawn COUNT PROGRAM ARGUMENT...: start a program, from the call to its end. */
static void spawn(char **arguments)
{
    int count = number(arguments[0]);
    double *times = calloc((size_t)count, sizeof *times);
    for (int i = 0; times && i < count; i++) {
        pid_t child;
        int status = 0;
        double begin = now_us();
        if (posix_spawn(&child, arguments[1], NULL, NULL, arguments + 1, environ) != 0)
            fail("cannot start", arguments[1]);
        if (waitpid(child, &status, 0) != child || status != 0)
            fail("failed", arguments[1]);
        times[i] = now_us() - begin;
    }
    print_times(times, count);
    free(times);
}

/* memory CODE COUNT: resident memory after a tenth of the jobs and after all. */
static void memory(char **arguments)
{
    int count = number(arguments[1]);
    qpy_engine *engine = open_engine(1, NULL, QPY_DEFAULT);
    qpy_error error = QPY_ERROR_INIT;
    long early = 0;
    for (int i = 1; i <= count; i++) {
        run_us(engine, arguments[0]);
        if (i == count / 10) {
            check(qpy_engine_warm(engine, QPY_DEFAULT, &error), "warm", &error);
            early = rss_kib();
        }
    }
    check(qpy_engine_warm(engine, QPY_DEFAULT, &error), "warm", &error);
    printf("{\"early_kib\": %ld, \"end_kib\": %ld}\n", early, rss_kib());
    qpy_engine_close(engine);
}

/* Hand over `count` executions at once and wait for all. Return the time it took. */
static double run_together_us(qpy_engine *engine, const char *code, int count)
{
    qpy_execution **executions = calloc((size_t)count, sizeof(qpy_execution *));
    qpy_script script = QPY_SCRIPT_INIT;
    qpy_error error = QPY_ERROR_INIT;
    if (!executions)
        fail("calloc", "out of memory");
    script.code = code;
    script.code_length = strlen(code);
    double begin = now_us();
    for (int i = 0; i < count; i++)
        check(qpy_engine_submit(engine, &script, &executions[i], &error), "submit", &error);
    for (int i = 0; i < count; i++) {
        const qpy_result *result = NULL;
        check(qpy_execution_wait(executions[i], QPY_DEFAULT, &result, &error), "wait", &error);
        expect_success(result);
    }
    double elapsed = now_us() - begin;
    for (int i = 0; i < count; i++)
        qpy_execution_free(executions[i]);
    free(executions);
    return elapsed;
}

/* together CODE COUNT WORKERS ROUNDS: so many jobs at once on so many workers. */
static void together(char **arguments)
{
    int count = number(arguments[1]), rounds = number(arguments[3]);
    double *times = calloc((size_t)rounds, sizeof *times);
    qpy_engine *engine = open_engine(number(arguments[2]), NULL, QPY_DEFAULT);
    qpy_error error = QPY_ERROR_INIT;
    for (int i = 0; times && i < rounds; i++) {
        check(qpy_engine_warm(engine, QPY_DEFAULT, &error), "warm", &error);
        times[i] = run_together_us(engine, arguments[0], count);
    }
    print_times(times, rounds);
    free(times);
    qpy_engine_close(engine);
}

/* attest CODE ROUNDS STORE WAY: STORE is "memory" or a path, WAY "immediate" or "with_job". */
static void attest(char **arguments)
{
    int rounds = number(arguments[1]);
    int way = strcmp(arguments[3], "with_job") ? QPY_ATTEST_IMMEDIATE : QPY_ATTEST_WITH_JOB;
    double *times = calloc((size_t)rounds, sizeof *times);
    qpy_store *store = NULL;
    qpy_error error = QPY_ERROR_INIT;
    if (strcmp(arguments[2], "memory") == 0)
        check(qpy_store_open_memory(&store, &error), "store", &error);
    else
        check(qpy_store_open_sqlite(arguments[2], NULL, &store, &error), "store", &error);
    qpy_engine *engine = open_engine(1, store, way);
    for (int i = 0; times && i < rounds; i++)
        times[i] = run_us(engine, arguments[0]);
    print_times(times, rounds);
    free(times);
    qpy_engine_close(engine);
    qpy_store_close(store);
}

/* info: what the engine says about itself. */
static void info(char **arguments)
{
    (void)arguments;
    char *json = NULL;
    qpy_error error = QPY_ERROR_INIT;
    qpy_engine *engine = open_engine(1, NULL, QPY_DEFAULT);
    check(qpy_engine_info(engine, &json, &error), "info", &error);
    puts(json);
    qpy_free(json);
    qpy_engine_close(engine);
}

static const struct {
    const char *name;
    int arguments; /* at least so many */
    void (*run)(char **arguments);
} commands[] = {
    {"latency", 2, latency},   {"spawn", 2, spawn},   {"memory", 2, memory},
    {"together", 4, together}, {"attest", 4, attest}, {"info", 0, info},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].arguments) {
            commands[i].run(argv + 2);
            return 0;
        }
    }
    fprintf(stderr,
            "usage: qntxpy_bench latency|spawn|memory|together|attest|info ...; see bench.py\n");
    return 2;
}
