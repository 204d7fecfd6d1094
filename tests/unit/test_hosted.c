/* A host that initialised CPython itself: engines work beside it, whether it holds the GIL or not. */
#include "interp/compat.h"

#include "engine_case.h"

static PyThreadState *host_state; /* saved while the GIL is not held */

/* The host's own Python, with the GIL held. */
static long evaluate(const char *expression)
{
    PyObject *globals = PyDict_New();
    PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins());
    PyObject *code = Py_CompileString(expression, "<host>", Py_eval_input);
    assert_non_null(code);
    PyObject *value = PyEval_EvalCode(code, globals, globals);
    assert_non_null(value);
    long number = PyLong_AsLong(value);
    Py_DECREF(value);
    Py_DECREF(code);
    Py_DECREF(globals);
    return number;
}

static int initialize_python(void **state)
{
    (void)state;
    Py_InitializeEx(0);
    return evaluate("6 * 7") == 42 ? 0 : -1;
}

static void use_engine(void)
{
    qpy_engine *engine = open_workers(2);
    assert_int_equal(qpy_engine_warm(engine, QPY_DEFAULT, NULL), QPY_OK);
    expect_result(engine, "import json\n_result = json.loads('[1]')", "[1]");
    qpy_result *result = run_code(engine, "1/0");
    assert_string_equal(qpy_result_error_kind(result), "exception");
    qpy_result_free(result);
    qpy_script script = script_of("while True: pass");
    script.timeout_ms = 100;
    result = run_script(engine, &script);
    assert_string_equal(qpy_result_error_kind(result), "timeout");
    qpy_result_free(result);
    char *info = NULL;
    assert_int_equal(qpy_engine_info(engine, &info, NULL), QPY_OK);
    expect_part(info, "\"started_by_host\":true");
    expect_part(info, "the host initialised it");
    qpy_free(info);
    assert_int_equal(qpy_engine_close(engine), 0);
}

static void test_with_the_gil_held(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        use_engine();
        assert_int_equal(evaluate("sum(range(10))"), 45);
    }
}

static void test_without_the_gil(void **state)
{
    (void)state;
    host_state = PyEval_SaveThread();
    use_engine();
    PyEval_RestoreThread(host_state);
    assert_int_equal(evaluate("len('abc')"), 3);
}

/* Opened with the GIL, used from a thread that never heard of Python, closed with the GIL. */
static void *run_elsewhere(void *argument)
{
    return run_code(argument, "_result = 'elsewhere'");
}

static void test_from_another_thread(void **state)
{
    (void)state;
    qpy_engine *engine = open_workers(1);
    host_state = PyEval_SaveThread();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_elsewhere, engine), 0);
    void *result = NULL;
    pthread_join(thread, &result);
    PyEval_RestoreThread(host_state);
    assert_string_equal(qpy_result_value_json(result), "\"elsewhere\"");
    qpy_result_free(result);
    qpy_script script = script_of("_result = 2");
    qpy_execution *execution = submit(engine, &script);
    assert_string_equal(qpy_result_value_json(wait_for(execution)), "2");
    qpy_execution_free(execution);
    assert_int_equal(qpy_engine_close(engine), 0);
}

/* What jobs do to their interpreter does not reach the host's. */
static void test_the_host_is_left_alone(void **state)
{
    (void)state;
    long modules = evaluate("len(__import__('sys').modules)");
    qpy_engine *engine = open_workers(1);
    expect_result(engine,
                  "import sys, builtins, os\nbuiltins.len = None\nsys.path.clear()\n"
                  "sys.stdout = None\nos.environ['QNTXPY_TEST_LEAK'] = '1'\n_result = 1",
                  "1");
    assert_int_equal(qpy_engine_close(engine), 0);
    assert_int_equal(evaluate("len('abcd')"), 4);
    assert_true(evaluate("len(__import__('sys').path)") > 0);
    assert_int_equal(evaluate("'QNTXPY_TEST_LEAK' in __import__('os').environ"), 0);
    assert_int_equal(evaluate("len(__import__('sys').modules)"), modules);
    assert_null(getenv("QNTXPY_TEST_LEAK"));
}

static void test_another_home_is_refused(void **state)
{
    (void)state;
    qpy_engine_options options = QPY_ENGINE_OPTIONS_INIT;
    options.python_home = "/tmp";
    qpy_engine *engine = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_engine_open(&options, &engine, &error), QPY_E_UNSUPPORTED);
    expect_part(error.message, "Python runs in this process already");
    assert_int_equal(evaluate("1 + 1"), 2); /* the GIL was given back */
}

/* The last case. A host may finalise once its engines are closed, and initialise again. */
static void test_the_host_finalises(void **state)
{
    (void)state;
    if (Py_Version >= 0x030C0000 && Py_Version < 0x030C0400)
        skip(); /* CPython 3.12.0 to 3.12.3 free what sub-interpreters cached (gh-119213) */
    use_engine();
    assert_int_equal(Py_FinalizeEx(), 0);
    qpy_engine *engine = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_engine_open(NULL, &engine, &error), QPY_E_PYTHON_START);
    assert_string_equal(error.message,
                        "the host has finalised Python; it must initialise it again first");
    Py_InitializeEx(0);
    use_engine();
    assert_int_equal(evaluate("6 * 7"), 42);
    assert_int_equal(Py_FinalizeEx(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_the_gil_held),
        cmocka_unit_test(test_without_the_gil),
        cmocka_unit_test(test_from_another_thread),
        cmocka_unit_test(test_the_host_is_left_alone),
        cmocka_unit_test(test_another_home_is_refused),
        cmocka_unit_test(test_the_host_finalises),
    };
    return cmocka_run_group_tests(tests, initialize_python, NULL);
}
