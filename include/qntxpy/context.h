/* Cancellation and deadline that a host hands down to the work it starts, like Go's context. */
#ifndef QNTXPY_CONTEXT_H
#define QNTXPY_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <qntxpy/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Wherever a context is read, NULL stands for one that is never cancelled. */
typedef struct qpy_context qpy_context;

/**
 * A new context, not cancelled.
 * @param timeout_ms  cancel by itself after so long, with the reason "deadline exceeded";
 *                    QPY_DEFAULT: never; 0: at once
 * Errors: QPY_E_ARGUMENT (other negative timeout), QPY_E_NO_MEMORY.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_context_new(int64_t timeout_ms, qpy_context **ret_context,
                                                  qpy_error *error);

/**
 * Release a context. NULL is ignored. Nothing that was started with it may still be running, and
 * nobody may be about to use it; a qpy_context_cancel that still calls watchers is waited for.
 */
QPY_API void qpy_context_free(qpy_context *context);

/**
 * Cancel everything started with this context. The first reason stays (255 bytes of
 * it); NULL or "" means "cancelled". The first call calls who watches, the others return at once.
 * Thread-safe, never blocks on Python, may be called from any thread but not from a signal handler.
 */
QPY_API void qpy_context_cancel(qpy_context *context, const char *reason);

/** Whether the context is cancelled or past its deadline. Thread-safe. */
QPY_API bool qpy_context_cancelled(const qpy_context *context);

/**
 * Copy the reason into `reason` (cut to `size` bytes, always terminated; "" if not cancelled).
 * Thread-safe.
 */
QPY_API void qpy_context_reason(const qpy_context *context, char *reason, size_t size);

/** Milliseconds left until the deadline; INT64_MAX without one, 0 if it has passed. Thread-safe. */
QPY_API int64_t qpy_context_remaining_ms(const qpy_context *context);

/**
 * Called once, on the thread that cancels, without locks. Must be quick, and must not free the
 * context; other calls of it are allowed. `reason` is borrowed from the context.
 */
typedef void (*qpy_context_fn)(void *payload, const char *reason);

/**
 * Ask to be called when the context is cancelled by qpy_context_cancel; at once, if it already is.
 * (A deadline is not announced: who waits uses qpy_context_remaining_ms.)
 * *ret_token identifies the registration and is set before `fn` can run; it is 0, which
 * qpy_context_unwatch ignores, if `fn` was called at once. Thread-safe.
 * Errors: QPY_E_ARGUMENT, QPY_E_NO_MEMORY.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_context_watch(qpy_context *context, qpy_context_fn fn,
                                                    void *payload, uint64_t *ret_token,
                                                    qpy_error *error);

/**
 * Take a registration back. When it returns, `fn` is not running and will not be called: it waits
 * for an `fn` that runs, so hold no lock that `fn` takes. Only when called from within that `fn`
 * itself it does not wait. A token that is not registered (any more) is ignored. Thread-safe.
 */
QPY_API void qpy_context_unwatch(qpy_context *context, uint64_t token);

#ifdef __cplusplus
}
#endif

#endif
