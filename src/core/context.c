/* Cancellation and deadlines that hosts hand to the work they start. */
#include <qntxpy/context.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/utf8.h"

struct watcher {
    struct watcher *next;
    uint64_t token;
    qpy_context_fn fn;
    void *payload;
};

struct qpy_context {
    qpy__usec deadline; /* never changes; QPY__USEC_NEVER: none */

    /* Guards all below. A leaf: while it is held, nothing is locked and no watcher is called. */
    pthread_mutex_t lock;
    pthread_cond_t progressed; /* a watcher has returned, or the announcement is over */
    bool cancelled;            /* or past the deadline, once somebody looked */
    char reason[256];          /* never changes once `cancelled` is set */
    uint64_t last_token;
    struct watcher *watchers; /* none is added once `cancelled` is set */

    bool announcing;       /* a thread calls the watchers, one by one, until none is left */
    pthread_t announcer;   /* while `announcing` */
    uint64_t called_token; /* the watcher it calls at the moment, or 0 */
};

static qpy__usec deadline_after(int64_t timeout_ms)
{
    qpy__usec now = qpy__monotonic_now();
    if (timeout_ms == QPY_DEFAULT || timeout_ms >= (QPY__USEC_NEVER - now) / QPY__USEC_PER_MSEC)
        return QPY__USEC_NEVER;
    return now + timeout_ms * QPY__USEC_PER_MSEC;
}

qpy_status qpy_context_new(int64_t timeout_ms, qpy_context **ret_context, qpy_error *error)
{
    if (!ret_context)
        return qpy__error(error, QPY_E_ARGUMENT, "ret_context is NULL");
    if (timeout_ms < QPY_DEFAULT)
        return qpy__error(error, QPY_E_ARGUMENT,
                          "timeout_ms is %lld; it must be 0 or more, or QPY_DEFAULT",
                          (long long)timeout_ms);
    qpy_context *context = calloc(1, sizeof *context);
    if (!context)
        return qpy__error_memory(error, "a context");
    context->deadline = deadline_after(timeout_ms);
    pthread_mutex_init(&context->lock, NULL);
    qpy__cond_init(&context->progressed);
    *ret_context = context;
    return QPY_OK;
}

/* Lock held: whether another thread calls watchers at the moment. */
static bool announced_elsewhere(const qpy_context *context)
{
    return context->announcing && !pthread_equal(context->announcer, pthread_self());
}

void qpy_context_free(qpy_context *context)
{
    if (!context)
        return;
    /* The work may have ended because of a cancellation whose thread is not through yet. */
    pthread_mutex_lock(&context->lock);
    while (announced_elsewhere(context))
        pthread_cond_wait(&context->progressed, &context->lock);
    pthread_mutex_unlock(&context->lock);
    while (context->watchers) {
        struct watcher *watcher = context->watchers;
        context->watchers = watcher->next;
        free(watcher);
    }
    pthread_cond_destroy(&context->progressed);
    pthread_mutex_destroy(&context->lock);
    free(context);
}

/* Lock held. */
static void set_cancelled(qpy_context *context, const char *reason)
{
    if (context->cancelled)
        return;
    size_t length = strnlen(reason, sizeof context->reason);
    if (length == sizeof context->reason)
        length = qpy__utf8_floor(reason, sizeof context->reason - 1);
    memcpy(context->reason, reason, length);
    context->reason[length] = '\0';
    context->cancelled = true;
}

/* Take the lock and see whether the deadline has passed. Constant contexts change here only. */
static qpy_context *lock_and_look(const qpy_context *constant)
{
    qpy_context *context = (qpy_context *)constant;
    pthread_mutex_lock(&context->lock);
    if (qpy__monotonic_now() >= context->deadline)
        set_cancelled(context, "deadline exceeded");
    return context;
}

/* Lock held, but let go during each call. */
static void call_watchers(qpy_context *context)
{
    context->announcing = true;
    context->announcer = pthread_self();
    while (context->watchers) {
        struct watcher *watcher = context->watchers;
        context->watchers = watcher->next;
        context->called_token = watcher->token;
        pthread_mutex_unlock(&context->lock);
        watcher->fn(watcher->payload, context->reason);
        free(watcher);
        pthread_mutex_lock(&context->lock);
        context->called_token = 0;
        pthread_cond_broadcast(&context->progressed);
    }
    context->announcing = false;
    pthread_cond_broadcast(&context->progressed);
}

void qpy_context_cancel(qpy_context *context, const char *reason)
{
    if (!context)
        return;
    lock_and_look(context);
    set_cancelled(context, reason && reason[0] ? reason : "cancelled");
    if (!context->announcing)
        call_watchers(context);
    pthread_mutex_unlock(&context->lock);
}

bool qpy_context_cancelled(const qpy_context *context)
{
    if (!context)
        return false;
    qpy_context *locked = lock_and_look(context);
    bool cancelled = locked->cancelled;
    pthread_mutex_unlock(&locked->lock);
    return cancelled;
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size)
        length = qpy__utf8_floor(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
}

void qpy_context_reason(const qpy_context *context, char *reason, size_t size)
{
    if (!reason || size == 0)
        return;
    reason[0] = '\0';
    if (!context)
        return;
    qpy_context *locked = lock_and_look(context);
    copy_text(reason, size, locked->reason);
    pthread_mutex_unlock(&locked->lock);
}

int64_t qpy_context_remaining_ms(const qpy_context *context)
{
    if (!context || context->deadline == QPY__USEC_NEVER)
        return INT64_MAX;
    qpy__usec left = context->deadline - qpy__monotonic_now();
    if (left <= 0)
        return 0;
    return (left - 1) / QPY__USEC_PER_MSEC + 1; /* 0 only once it has passed */
}

qpy_status qpy_context_watch(qpy_context *context, qpy_context_fn fn, void *payload,
                             uint64_t *ret_token, qpy_error *error)
{
    if (!context || !fn || !ret_token)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL",
                          !context ? "context"
                          : !fn    ? "fn"
                                   : "ret_token");
    struct watcher *watcher = malloc(sizeof *watcher);
    if (!watcher)
        return qpy__error_memory(error, "a watcher of a context");
    lock_and_look(context);
    bool cancelled = context->cancelled;
    *ret_token = cancelled ? 0 : ++context->last_token; /* set before fn can run and look at it */
    if (!cancelled) {
        *watcher = (struct watcher){context->watchers, context->last_token, fn, payload};
        context->watchers = watcher;
    }
    pthread_mutex_unlock(&context->lock);
    if (cancelled) {
        free(watcher);
        fn(payload, context->reason);
    }
    return QPY_OK;
}

/* Lock held: take the watcher out of the list; NULL if it was called already. */
static struct watcher *unlink_watcher(qpy_context *context, uint64_t token)
{
    for (struct watcher **slot = &context->watchers; *slot; slot = &(*slot)->next) {
        struct watcher *watcher = *slot;
        if (watcher->token != token)
            continue;
        *slot = watcher->next;
        return watcher;
    }
    return NULL;
}

void qpy_context_unwatch(qpy_context *context, uint64_t token)
{
    if (!context || token == 0)
        return;
    pthread_mutex_lock(&context->lock);
    struct watcher *watcher = unlink_watcher(context, token);
    while (context->called_token == token && announced_elsewhere(context))
        pthread_cond_wait(&context->progressed, &context->lock);
    pthread_mutex_unlock(&context->lock);
    free(watcher);
}
