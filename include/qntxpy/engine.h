/* The engine: runs scripts in sub-interpreters of CPython inside this process. */
#ifndef QNTXPY_ENGINE_H
#define QNTXPY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <qntxpy/context.h>
#include <qntxpy/status.h>
#include <qntxpy/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Simple: open, run, look at the result, close ------------------------------------------- */

typedef struct qpy_engine qpy_engine;
typedef struct qpy_engine_options qpy_engine_options;
typedef struct qpy_script qpy_script;
typedef struct qpy_result qpy_result;

/**
 * Open an engine: start CPython if it does not run yet, and a pool of worker threads, each of which
 * prepares an interpreter. Any number of engines may be open, one after another or together; CPython
 * itself is started once per process, on a thread of its own, and is not finalised.
 *
 * A host that initialised CPython itself can open an engine too; its own settings then stay in force
 * (qpy_engine_info says what is not available). It may call with the GIL held or not.
 *
 * @param options  NULL for the defaults
 * Thread-safe. Errors: QPY_E_OPTIONS, QPY_E_ARGUMENT (the message names option and value),
 * QPY_E_UNSUPPORTED, QPY_E_PYTHON_VERSION, QPY_E_PYTHON_START, QPY_E_INTERPRETER, QPY_E_SYSTEM,
 * QPY_E_NO_MEMORY.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_engine_open(const qpy_engine_options *options,
                                                  qpy_engine **ret_engine, qpy_error *error);

/**
 * Cancel what still runs, wait for the workers (at most for the grace period of a stop), and release
 * the engine. Threads whose scripts could not be stopped are left behind with their interpreters.
 * NULL is ignored. No other call on this engine may be running, and no execution handle may be used
 * afterwards except with qpy_execution_free.
 * @return how many workers were left behind; 0 in a healthy process
 */
QPY_API size_t qpy_engine_close(qpy_engine *engine);

/**
 * Run one script and wait for its end. A script that fails is a result, not an error.
 * Thread-safe: any number of threads may run scripts at the same time; what the workers cannot take
 * yet waits in line. The caller may hold the GIL of its own Python or not.
 *
 * @param ret_result  owned by the caller: qpy_result_free
 * Errors: QPY_E_PAYLOAD (what contract section 3 calls "invalid payload: ..."), QPY_E_LIMIT,
 * QPY_E_QUEUE_FULL, QPY_E_ABANDONED, QPY_E_STATE (closing), QPY_E_OPTIONS, QPY_E_NO_MEMORY.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_engine_run(qpy_engine *engine, const qpy_script *script,
                                                 qpy_result **ret_result, qpy_error *error);

/* ---- What to run ---------------------------------------------------------------------------- */

/* Streams of a script. */
enum { QPY_STDOUT = 1, QPY_STDERR = 2 };

/**
 * What a host may want to hear while a script runs. Each may be NULL. They are called on the thread
 * of the script, without locks and without the GIL, never two at a time for one execution, and not
 * after its result was delivered. They must not wait for the same execution.
 */
typedef struct qpy_hooks {
    size_t size;   /* sizeof(qpy_hooks), set by QPY_HOOKS_INIT */
    void *payload; /* handed to each function */

    /* A piece of output in UTF-8, as soon as a line ends, the script flushes, or 8 KiB are full. */
    void (*output)(void *payload, int stream, const char *data, size_t length);

    /* qntx.progress(current, total, message); total is -1 if unknown, message may be NULL. */
    void (*progress)(void *payload, int64_t current, int64_t total, const char *message);

    /* qntx.log(level, message, fields): level is debug, info, warn or error; fields is a JSON object. */
    void (*log)(void *payload, const char *level, const char *message, const char *fields_json);

    /* The execution ended. Called once, before waiters wake; the result is borrowed. */
    void (*done)(void *payload, const qpy_result *result);
} qpy_hooks;

/* clang-format off */
#define QPY_HOOKS_INIT {sizeof(qpy_hooks), NULL, NULL, NULL, NULL, NULL}
/* clang-format on */

/* How a job's attestations reach the store. */
enum {
    QPY_ATTEST_IMMEDIATE = 0, /* each is durable when attest() returns */
    QPY_ATTEST_WITH_JOB = 1   /* all together if the script succeeds, none otherwise */
};

/**
 * One script and how to run it. Start from QPY_SCRIPT_INIT and set what is needed. All pointers are
 * borrowed until the call that takes the struct returns (it copies).
 *
 * Either `code` or `payload_json` gives the source. A payload is the JSON object of a `python.script`
 * job: script_code (or code, or content), script_type, input, upstream_attestation, timeout_secs,
 * capture_variables, python_paths, env, glyph_id, attest; other fields are kept and visible to the
 * script in qntx.job.payload. Where a member of this struct is set too, the struct wins.
 */
struct qpy_script {
    size_t size; /* sizeof(qpy_script), set by QPY_SCRIPT_INIT */

    const char *payload_json; /* or NULL */
    size_t payload_length;

    const char *code; /* Python source in UTF-8, or NULL if the payload has it */
    size_t code_length;
    const char *file;          /* path shown in tracebacks and as __file__, or NULL */
    const char *job_id;        /* shown in tracebacks and qntx.job.id; NULL: one is drawn */
    const char *script_type;   /* label, such as "csv"; or NULL */
    const char *handler_name;  /* a stored handler's name, added to contexts; or NULL */
    const char *input_json;    /* value of qntx.job.input as JSON text; or NULL */
    const char *upstream_json; /* value of `upstream` as JSON text; or NULL */
    const char *glyph_id;      /* default actor becomes "glyph:<id>"; or NULL */
    int attempt;               /* 1 for the first run of a job; QPY_DEFAULT: 1 */

    int64_t timeout_ms;       /* deadline after the start; > 0; QPY_DEFAULT: the engine's */
    int capture_variables;    /* 1: result carries the script's globals; QPY_DEFAULT: 0 */
    int attest;               /* QPY_ATTEST_*; QPY_DEFAULT: the engine's */
    qpy_strings python_paths; /* put in front of sys.path, in this order */
    qpy_strings env;          /* "NAME=value" each, on top of the engine's environment */

    /* Cancels the execution; borrowed until it ended; or NULL. Its deadline counts from the moment a
     * worker takes the script: one that waits in line past it is answered when its turn comes. */
    qpy_context *context;
    const qpy_hooks *hooks; /* copied; or NULL */
};

/* clang-format off */
#define QPY_SCRIPT_INIT                                                                            \
    {sizeof(qpy_script), NULL, 0, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, QPY_DEFAULT,  \
     QPY_DEFAULT, QPY_DEFAULT, QPY_DEFAULT, {NULL, 0}, {NULL, 0}, NULL, NULL}
/* clang-format on */

/* ---- Results -------------------------------------------------------------------------------- */

/** Release a result. NULL is ignored. */
QPY_API void qpy_result_free(qpy_result *result);

/** Whether the script succeeded. All getters: borrowed from the result, any thread, never fail. */
QPY_API bool qpy_result_success(const qpy_result *result);

/**
 * What went wrong: NULL on success, else "syntax", "exception", "exit", "timeout", "cancelled",
 * "memory", "policy", "payload" or "internal".
 */
QPY_API const char *qpy_result_error_kind(const qpy_result *result);

/** The traceback as `python3` prints it, or one line if there is none; NULL on success. */
QPY_API const char *qpy_result_error(const qpy_result *result);

/** Captured output in UTF-8, terminated; ret_length may be NULL. Kept on failure and timeout alike. */
QPY_API const char *qpy_result_stdout(const qpy_result *result, size_t *ret_length);
QPY_API const char *qpy_result_stderr(const qpy_result *result, size_t *ret_length);

/** The script's result (`_result`, else what main() returned) as JSON text; "null" if none. */
QPY_API const char *qpy_result_value_json(const qpy_result *result);

/** Wall time of the script in milliseconds. */
QPY_API int64_t qpy_result_duration_ms(const qpy_result *result);

/** Exit code: 0 on success, sys.exit's code, else 1. */
QPY_API int qpy_result_exit_code(const qpy_result *result);

/** Attestations that the script made and that are stored. */
QPY_API size_t qpy_result_attestations(const qpy_result *result);

/**
 * The whole result as one JSON object: success, stdout, stderr, result, error, duration_ms,
 * variables (if captured), in this order and with the meaning of contract 4.3; then job_id,
 * error_kind, error_type, error_message, exit_code, frames, stop_rung, stopped_at, attestations,
 * conversions, stdout_dropped, stderr_dropped, lane, gil, interpreter_abandoned, times_ms.
 */
QPY_API const char *qpy_result_json(const qpy_result *result);

/* ---- Advanced: several at a time, cancelling -------------------------------------------------- */

/* One script that was handed to an engine. */
typedef struct qpy_execution qpy_execution;

/**
 * Hand a script to the engine and return at once. Thread-safe. Errors as qpy_engine_run.
 * @param ret_execution  owned by the caller: qpy_execution_free, at any time
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_engine_submit(qpy_engine *engine, const qpy_script *script,
                                                    qpy_execution **ret_execution,
                                                    qpy_error *error);

/**
 * Wait for the result.
 * @param timeout_ms  how long to wait; QPY_DEFAULT: until it is there; 0: just look
 * @param ret_result  borrowed from the execution until qpy_execution_free
 * Thread-safe. Errors: QPY_E_TIMEOUT (it goes on; wait again).
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_execution_wait(qpy_execution *execution, int64_t timeout_ms,
                                                     const qpy_result **ret_result,
                                                     qpy_error *error);

/**
 * Ask the script to stop: JobCancelled is raised in it. One that has not started never starts; one
 * that has ended is not affected. Thread-safe, does not wait. `reason` NULL means "cancelled".
 */
QPY_API void qpy_execution_cancel(qpy_execution *execution, const char *reason);

/** The job's id, as qntx.job.id shows it. Borrowed from the execution. */
QPY_API const char *qpy_execution_job_id(const qpy_execution *execution);

/** Release the handle. The script goes on if it still runs; its hooks are still called. */
QPY_API void qpy_execution_free(qpy_execution *execution);

/* ---- Options and information ------------------------------------------------------------------ */

enum {
    QPY_GIL_AUTO = 0,  /* what the table of Python versions says is best */
    QPY_GIL_OWN = 1,   /* a GIL for each interpreter: parallel; needs CPython 3.12 */
    QPY_GIL_SHARED = 2 /* one GIL for all, as before CPython 3.12 */
};

/** Start from QPY_ENGINE_OPTIONS_INIT. All pointers are borrowed until qpy_engine_open returns,
 *  except `store`. */
struct qpy_engine_options {
    size_t size; /* sizeof(qpy_engine_options), set by QPY_ENGINE_OPTIONS_INIT */

    int workers;       /* scripts that run at the same time, 1..256; QPY_DEFAULT: the cores */
    int gil;           /* QPY_GIL_*; QPY_DEFAULT: QPY_GIL_AUTO */
    int max_queued;    /* executions that may wait; QPY_DEFAULT: 10000 */
    int max_abandoned; /* unstoppable workers before new work is refused; QPY_DEFAULT: 8 */

    const char *python_home;  /* prefix of the Python installation; NULL: the one built for */
    const char *venv;         /* virtual environment whose site-packages scripts see; or NULL */
    qpy_strings python_paths; /* further directories, after the standard library */

    qpy_store *store; /* where attest() stores; must outlive the engine; NULL: one in memory */
    int attest;       /* QPY_ATTEST_*; QPY_DEFAULT: QPY_ATTEST_IMMEDIATE */

    int64_t timeout_ms;    /* deadline of scripts that name none; QPY_DEFAULT: 30000 */
    int64_t grace_ms;      /* from the deadline until a script is given up; QPY_DEFAULT: 2000 */
    int64_t output_limit;  /* bytes kept of stdout and of stderr, each; QPY_DEFAULT: 1 MiB */
    int64_t result_limit;  /* bytes of the result as JSON; QPY_DEFAULT: 16 MiB */
    int64_t script_limit;  /* bytes of source; QPY_DEFAULT: 8 MiB */
    int64_t payload_limit; /* bytes of a payload; QPY_DEFAULT: 64 MiB */
};

/* clang-format off */
#define QPY_ENGINE_OPTIONS_INIT                                                                    \
    {sizeof(qpy_engine_options), QPY_DEFAULT, QPY_DEFAULT, QPY_DEFAULT, QPY_DEFAULT, NULL, NULL,   \
     {NULL, 0}, NULL, QPY_DEFAULT, QPY_DEFAULT, QPY_DEFAULT, QPY_DEFAULT, QPY_DEFAULT,             \
     QPY_DEFAULT, QPY_DEFAULT}
/* clang-format on */

/**
 * Wait until every worker has an interpreter ready, so that the next scripts start at once.
 * @param timeout_ms  QPY_DEFAULT: as long as it takes
 * Errors: QPY_E_TIMEOUT, QPY_E_INTERPRETER (none can be made; the message says why).
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_engine_warm(qpy_engine *engine, int64_t timeout_ms,
                                                  qpy_error *error);

/**
 * Describe the engine as a JSON object: versions, GIL mode and why, what is blocked or refused and
 * why, search paths, store, workers and counters, cost of an interpreter measured so far, and what
 * is not available in this process. The caller frees *ret_json with qpy_free. Thread-safe.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_engine_info(qpy_engine *engine, char **ret_json,
                                                  qpy_error *error);

#ifdef __cplusplus
}
#endif

#endif
