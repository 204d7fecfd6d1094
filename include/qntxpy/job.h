/* Pulse jobs, handlers and the registry that brings them together (contract sections 1 and 2). */
#ifndef QNTXPY_JOB_H
#define QNTXPY_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <qntxpy/context.h>
#include <qntxpy/engine.h>
#include <qntxpy/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Name of the handler that runs Python scripts. */
#define QPY_PYTHON_SCRIPT "python.script"

/* ---- The job record -------------------------------------------------------------------------- */

/**
 * A job, as QNTX's queue keeps it (contract 1.1). Opaque. One thread at a time, except for its
 * progress: while a handler executes a job, the job is that thread's, but any thread may read how
 * far it is.
 */
typedef struct qpy_job qpy_job;

/**
 * A new queued job.
 * @param handler_name   who executes it, such as "python.script"; must not be empty
 * @param payload        JSON text for the handler, which checks it; copied as it is; or NULL
 * @param source         where it comes from, for people and for finding duplicates; or NULL
 * @param ret_job        owned by the caller: qpy_job_free
 * Errors: QPY_E_ARGUMENT ("job.HandlerName cannot be empty"), QPY_E_NO_MEMORY, QPY_E_SYSTEM.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_job_new(const char *handler_name, const char *payload,
                                              size_t payload_length, const char *source,
                                              qpy_job **ret_job, qpy_error *error);

/** Release a job. NULL is ignored. */
QPY_API void qpy_job_free(qpy_job *job);

/**
 * Getters: borrowed from the job until it is changed or freed. A source that is missing is "", a
 * payload that is missing is NULL. All getters of a job take NULL for a job and answer NULL or 0.
 */
QPY_API const char *qpy_job_id(const qpy_job *job);
QPY_API const char *qpy_job_handler_name(const qpy_job *job);
QPY_API const char *qpy_job_source(const qpy_job *job);
QPY_API const char *qpy_job_payload(const qpy_job *job, size_t *ret_length);

/** Replace the drawn id by the host's own. Errors: QPY_E_ARGUMENT (empty), QPY_E_NO_MEMORY. */
QPY_API QPY_MUST_CHECK qpy_status qpy_job_set_id(qpy_job *job, const char *id, qpy_error *error);

/**
 * Progress of the job; total 0 if unknown, and less counts as 0. Handlers set it, hosts read it.
 * Thread-safe, also while a handler executes the job; the two numbers are read one by one. A NULL
 * job is ignored.
 */
QPY_API void qpy_job_set_progress(qpy_job *job, int64_t current, int64_t total);
QPY_API int64_t qpy_job_progress_current(const qpy_job *job);
QPY_API int64_t qpy_job_progress_total(const qpy_job *job);

/**
 * The result that the python.script handler left, or NULL. Borrowed from the job until it is
 * executed again or freed. Not while a handler executes the job.
 */
QPY_API const qpy_result *qpy_job_result(const qpy_job *job);

/* ---- Handlers -------------------------------------------------------------------------------- */

/**
 * Executes jobs of one name. A host implements it for its own kinds of job.
 * Every function may be called from several threads at once.
 */
typedef struct qpy_handler {
    size_t size; /* sizeof(qpy_handler) */
    void *self;  /* handed to each function */

    /* The name jobs ask for, such as "python.script". Copied when the handler is registered. */
    const char *(*name)(void *self);

    /*
     * Do the work: decode job's payload, report progress into job, stop when ctx is cancelled.
     * QPY_OK, or a status with a message that says what failed. qpy_registry_dispatch never gives
     * NULL for error; ctx is what its caller gave, and NULL means one that is never cancelled.
     */
    qpy_status (*execute)(void *self, qpy_context *ctx, qpy_job *job, qpy_error *error);

    /*
     * Release self, or NULL. Called once: when the handler was removed, replaced or its registry
     * freed, and nobody executes or holds it any more; on the thread that was the last to let go.
     */
    void (*free)(void *self);
} qpy_handler;

/* clang-format off */
#define QPY_HANDLER_INIT                                                                           \
    {                                                                                              \
        sizeof(qpy_handler), NULL, NULL, NULL, NULL                                                \
    }
/* clang-format on */

/**
 * The handler "python.script" of contract section 3, over an engine that must outlive it.
 * Payload errors are QPY_E_PAYLOAD with the contract's texts; a script that fails is
 * QPY_E_HANDLER_FAILED with "Python script execution failed: <error>" (and its stderr, if any); a
 * cancelled context, or one past its deadline, is QPY_E_CANCELLED with
 * "job <id> was cancelled: <reason>". In each case qpy_job_result has the full result, if one
 * exists: a message has room for 1023 bytes and keeps the beginning and the end of a longer error.
 * The result's output is bounded by the engine's limits. qntx.progress() in the script is the job's
 * progress. What else the engine may refuse is reported as qpy_engine_run does.
 */
QPY_API qpy_handler qpy_python_handler(qpy_engine *engine);

/* ---- Registry -------------------------------------------------------------------------------- */

/** Handlers by name. Every call is thread-safe. */
typedef struct qpy_registry qpy_registry;

QPY_API QPY_MUST_CHECK qpy_status qpy_registry_new(qpy_registry **ret_registry, qpy_error *error);

/**
 * Release the registry and its handlers. NULL is ignored. Jobs that a handler executes go on. No
 * other call may be about to use the registry.
 */
QPY_API void qpy_registry_free(qpy_registry *registry);

/**
 * Register a handler; the struct is copied. Errors: QPY_E_HANDLER_EXISTS
 * ("handler already registered for name: <name>"), QPY_E_ARGUMENT (no name, no execute),
 * QPY_E_OPTIONS (its size), QPY_E_NO_MEMORY. On failure the caller still owns handler->self.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_registry_register(qpy_registry *registry,
                                                        const qpy_handler *handler,
                                                        qpy_error *error);

/**
 * Register, or take the place of the handler with this name (freed once no job executes it).
 * Errors as qpy_registry_register, without QPY_E_HANDLER_EXISTS.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_registry_replace(qpy_registry *registry,
                                                       const qpy_handler *handler,
                                                       qpy_error *error);

/** Remove a handler; one that is not there is ignored. A job that it executes goes on. */
QPY_API void qpy_registry_remove(qpy_registry *registry, const char *name);

/**
 * The handler of this name, or NULL if there is none. It stays usable, even when it is removed or
 * replaced meanwhile, until it is given back with qpy_registry_release.
 */
QPY_API const qpy_handler *qpy_registry_get(qpy_registry *registry, const char *name);

/** Give back what qpy_registry_get returned. NULL is ignored. */
QPY_API void qpy_registry_release(const qpy_handler *handler);

/** Whether there is a handler of this name. */
QPY_API bool qpy_registry_has(qpy_registry *registry, const char *name);

/**
 * The registered names, sorted by bytes, and a NULL behind them. The caller frees *ret_names with
 * qpy_free (one block). Errors: QPY_E_ARGUMENT, QPY_E_NO_MEMORY.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_registry_names(qpy_registry *registry, char ***ret_names,
                                                     size_t *ret_count, qpy_error *error);

/**
 * Execute a job with the handler it names, on the calling thread.
 * @param ctx       cancels the execution; or NULL
 * @param fallback  executes jobs nobody registered for; or NULL
 * Errors: QPY_E_ARGUMENT ("job missing handler_name"), QPY_E_HANDLER_MISSING
 * ("no handler registered for handler name: <name>"), and what the handler reports.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_registry_dispatch(qpy_registry *registry, qpy_context *ctx,
                                                        qpy_job *job, const qpy_handler *fallback,
                                                        qpy_error *error);

#ifdef __cplusplus
}
#endif

#endif
