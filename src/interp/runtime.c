/* CPython in this process: started once, on a thread of its own, and never finalised. */
#include "interp/runtime.h"

#include <dlfcn.h>
#include <marshal.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/thread.h"
#include "interp/bootstrap.h"
#include "qntxpy_build.h"

/*
 * The one piece of process-wide state: CPython itself is process-wide. `lock` guards `phase` and what
 * belongs to starting; everything else is written before `phase` becomes RUNNING and never changes.
 */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { COLD, STARTING, RUNNING, FAILED } phase;
    bool hosted;
    char version[32];
    char *home;
    char **paths;    /* sys.path, NULL-terminated */
    char *bootstrap; /* marshalled code */
    size_t bootstrap_length;
    qpy_error failure;
    pthread_mutex_t creation;
} runtime = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .changed = PTHREAD_COND_INITIALIZER,
             .creation = PTHREAD_MUTEX_INITIALIZER};

bool qpy__runtime_is_hosted(void)
{
    return runtime.hosted;
}

const char *qpy__runtime_python_version(void)
{
    return runtime.version;
}

const char *qpy__runtime_home(void)
{
    return runtime.home;
}

const char *const *qpy__runtime_search_paths(void)
{
    return (const char *const *)runtime.paths;
}

void *qpy__runtime_let_go(void)
{
    return qpy__compat_thread_is_attached() ? PyEval_SaveThread() : NULL;
}

void qpy__runtime_take_back(void *held)
{
    if (held)
        PyEval_RestoreThread(held);
}

void qpy__runtime_lock_creation(const struct qpy__gate *gate)
{
    if (gate->create_lock)
        pthread_mutex_lock(&runtime.creation);
}

void qpy__runtime_unlock_creation(const struct qpy__gate *gate)
{
    if (gate->create_lock)
        pthread_mutex_unlock(&runtime.creation);
}

/* ---- Configuration ------------------------------------------------------------------------------ */

static qpy_status start_error(qpy_error *error, const char *what, PyStatus status)
{
    return qpy__error(error, QPY_E_PYTHON_START, "cannot start Python: %s: %s (home '%s')", what,
                      status.err_msg ? status.err_msg : "unknown reason", runtime.home);
}

static PyStatus set_text(PyConfig *config, wchar_t **field, const char *value)
{
    return PyConfig_SetBytesString(config, field, value);
}

/*
 * Nothing of the environment, the user's site or the command line; no signal handlers; no bytecode
 * written. `executable` is given so that CPython does not look for one in PATH.
 */
static PyStatus configure(PyConfig *config)
{
    config->site_import = 0;
    config->install_signal_handlers = 0;
    config->parse_argv = 0;
    config->write_bytecode = 0;
    config->configure_c_stdio = 0;
    PyStatus status = set_text(config, &config->home, runtime.home);
    if (PyStatus_Exception(status))
        return status;
    char executable[4200];
    snprintf(executable, sizeof executable, "%s/bin/python" QPY_BUILD_PYTHON_VERSION, runtime.home);
    return set_text(config, &config->executable, executable);
}

static qpy_status initialize(qpy_error *error)
{
    PyPreConfig preconfig;
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&preconfig);
    if (PyStatus_Exception(status))
        return start_error(error, "pre-initialisation", status);
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    status = configure(&config);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        return start_error(error, "initialisation", status);
    return QPY_OK;
}

/* ---- The runtime's own thread ------------------------------------------------------------------- */

/* GIL: held, of the main interpreter. */
static qpy_status compile_bootstrap(qpy_error *error)
{
    PyObject *code = Py_CompileString(qpy__bootstrap_source, "<qntxpy bootstrap>", Py_file_input);
    PyObject *bytes = code ? PyMarshal_WriteObjectToString(code, Py_MARSHAL_VERSION) : NULL;
    qpy_status status = QPY_OK;
    if (bytes) {
        runtime.bootstrap_length = (size_t)PyBytes_GET_SIZE(bytes);
        runtime.bootstrap = malloc(runtime.bootstrap_length);
    }
    if (bytes && runtime.bootstrap)
        memcpy(runtime.bootstrap, PyBytes_AS_STRING(bytes), runtime.bootstrap_length);
    else
        status = qpy__error(error, QPY_E_PYTHON_START, "cannot compile the bootstrap of Python %s",
                            runtime.version);
    PyErr_Clear();
    Py_XDECREF(bytes);
    Py_XDECREF(code);
    return status;
}

/* Remember sys.path. GIL: held, of the main interpreter. */
static qpy_status read_paths(qpy_error *error)
{
    PyObject *path = PySys_GetObject("path"); /* borrowed */
    Py_ssize_t count = path && PyList_Check(path) ? PyList_GET_SIZE(path) : 0;
    runtime.paths = calloc((size_t)count + 1, sizeof(char *));
    if (!runtime.paths)
        return qpy__error_memory(error, "the search path");
    size_t used = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        const char *text = PyUnicode_AsUTF8(PyList_GET_ITEM(path, i));
        char *copy = text ? strdup(text) : NULL;
        if (copy)
            runtime.paths[used++] = copy;
        PyErr_Clear();
    }
    return QPY_OK;
}

static qpy_status learn(qpy_error *error)
{
    qpy_status status = compile_bootstrap(error);
    return status == QPY_OK ? read_paths(error) : status;
}

PyObject *qpy__runtime_bootstrap_code(void)
{
    return PyMarshal_ReadObjectFromString(runtime.bootstrap, (Py_ssize_t)runtime.bootstrap_length);
}

static qpy_status start_python(qpy_error *error)
{
    if (!runtime.hosted) {
        qpy_status status = initialize(error);
        if (status != QPY_OK)
            return status;
        status = learn(error);
        (void)PyEval_SaveThread();
        return status;
    }
    PyThreadState *state = PyThreadState_New(PyInterpreterState_Main());
    if (!state)
        return qpy__error_memory(error, "a thread state of the host's Python");
    PyEval_RestoreThread(state);
    qpy_status status = learn(error);
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
    return status;
}

static void *runtime_thread(void *unused)
{
    (void)unused;
    qpy_error error = QPY_ERROR_INIT;
    qpy_status status = start_python(&error);
    pthread_mutex_lock(&runtime.lock);
    runtime.phase = status == QPY_OK ? RUNNING : FAILED;
    runtime.failure = error;
    pthread_cond_broadcast(&runtime.changed);
    /* CPython's main thread state belongs to this thread: it stays as long as the process. */
    while (runtime.phase == RUNNING)
        pthread_cond_wait(&runtime.changed, &runtime.lock);
    pthread_mutex_unlock(&runtime.lock);
    return NULL;
}

/* ---- Starting ----------------------------------------------------------------------------------- */

static qpy_status check_version(qpy_error *error)
{
    snprintf(runtime.version, sizeof runtime.version, "%d.%d.%d", (int)(Py_Version >> 24),
             (int)(Py_Version >> 16 & 0xFF), (int)(Py_Version >> 8 & 0xFF));
    if (QPY__MINOR_OF(Py_Version) == QPY__BUILT_FOR)
        return QPY_OK;
    qpy_status status = qpy__error(error, QPY_E_PYTHON_VERSION,
                                   "libpython %s is loaded, but this library was built for %d.%d",
                                   runtime.version, PY_MAJOR_VERSION, PY_MINOR_VERSION);
    qpy__error_hint(error, "install libpython%d.%d, or build the library again", PY_MAJOR_VERSION,
                    PY_MINOR_VERSION);
    return status;
}

/*
 * A host may load this library with RTLD_LOCAL, which hides libpython's symbols too, and extension
 * modules find them only where all can see them: they do not name libpython among their libraries.
 */
static void show_libpython(void)
{
    Dl_info place;
    if (dladdr((void *)(uintptr_t)Py_IsInitialized, &place) && place.dli_fname)
        (void)dlopen(place.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

/* Under the lock. Leaves the phase at RUNNING or FAILED. */
static void start_thread(const char *home)
{
    runtime.home = strdup(home ? home : QPY_BUILD_PYTHON_HOME);
    runtime.phase = FAILED;
    if (check_version(&runtime.failure) != QPY_OK)
        return;
    show_libpython();
    runtime.hosted = Py_IsInitialized() != 0;
    runtime.phase = STARTING;
    pthread_t thread;
    qpy_status status =
        qpy__thread_start(&thread, "qntxpy-runtime", runtime_thread, NULL, &runtime.failure);
    if (status != QPY_OK) {
        runtime.phase = FAILED;
        return;
    }
    pthread_detach(thread);
    while (runtime.phase == STARTING)
        pthread_cond_wait(&runtime.changed, &runtime.lock);
}

static qpy_status check_same_home(const char *home, qpy_error *error)
{
    if (!home || strcmp(home, runtime.home) == 0)
        return QPY_OK;
    return qpy__error(error, QPY_E_UNSUPPORTED,
                      "python_home '%s': Python runs in this process already, from '%s'", home,
                      runtime.home);
}

/* Where interpreters share a GIL and take turns by our ticker, shorter turns serve short jobs. */
static void shorten_turns(const struct qpy__gate *gate)
{
    PyObject *set = PySys_GetObject("setswitchinterval"); /* borrowed */
    PyObject *done = NULL;
    if (gate->ticker && !runtime.hosted && set)
        done = PyObject_CallFunction(set, "d", 0.001);
    Py_XDECREF(done);
    PyErr_Clear();
}

/* What some versions need of the main interpreter before sub-interpreters are made. */
static void prepare_main(const struct qpy__gate *gate)
{
    if (!gate->preimported[0] && !gate->ticker)
        return;
    PyThreadState *state = PyThreadState_New(PyInterpreterState_Main());
    PyEval_RestoreThread(state);
    shorten_turns(gate);
    for (const char *const *name = gate->preimported; *name; name++) {
        PyObject *module = PyImport_ImportModule(*name);
        Py_XDECREF(module);
        PyErr_Clear(); /* not every installation has every module */
    }
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
}

qpy_status qpy__runtime_start(const char *home, int gil, struct qpy__gate *ret_gate,
                              qpy_error *error)
{
    struct qpy__gate gate;
    qpy_status status = qpy__gate_choose(Py_Version, gil, &gate, error);
    if (status != QPY_OK)
        return status;
    pthread_mutex_lock(&runtime.lock);
    if (runtime.phase == COLD)
        start_thread(home);
    if (runtime.phase == FAILED) {
        if (error)
            *error = runtime.failure;
        status = runtime.failure.status;
    } else if (!Py_IsInitialized()) {
        status = qpy__error(error, QPY_E_PYTHON_START,
                            "the host has finalised Python; it must initialise it again first");
    } else {
        status = check_same_home(home, error);
    }
    pthread_mutex_unlock(&runtime.lock);
    if (status != QPY_OK)
        return status;
    prepare_main(&gate);
    *ret_gate = gate;
    return QPY_OK;
}
