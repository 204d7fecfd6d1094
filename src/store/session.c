/* A job's session: it completes what a script attests, and stores it at once or at the end. */
#include "store/session.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "store/attestation.h"
#include "store/memory.h"
#include "store/store.h"

#define ID_ATTEMPTS 10
#define IDS_MAXIMUM ((size_t)64 * 1024 * 1024)

struct qpy__session {
    qpy_store *store; /* borrowed */
    enum qpy__session_mode mode;
    /* Guards `pending`: read to use what it points to, write to commit. Taken before any other. */
    pthread_rwlock_t pending_lock;
    qpy__memory *pending; /* WITH_JOB: not committed yet; otherwise NULL */
    pthread_mutex_t lock; /* guards all below; held only for moments, never while the store works */
    bool sealed;
    size_t count;
    struct qpy__buf ids; /* elements of a JSON array, the first QPY__SESSION_IDS */
};

qpy_status qpy__session_open(qpy_store *store, enum qpy__session_mode mode,
                             qpy__session **ret_session, qpy_error *error)
{
    struct qpy__session *session = calloc(1, sizeof *session);
    qpy__memory *pending = mode == QPY__SESSION_WITH_JOB ? qpy__memory_new() : NULL;
    if (!session || (mode == QPY__SESSION_WITH_JOB && !pending)) {
        free(session);
        qpy__memory_free(pending);
        return qpy__error_memory(error, "a session");
    }
    session->store = store;
    session->mode = mode;
    session->pending = pending;
    pthread_rwlock_init(&session->pending_lock, NULL);
    pthread_mutex_init(&session->lock, NULL);
    qpy__buf_init(&session->ids, IDS_MAXIMUM);
    *ret_session = session;
    return QPY_OK;
}

void qpy__session_close(qpy__session *session)
{
    if (!session)
        return;
    qpy__memory_free(session->pending);
    qpy__buf_done(&session->ids);
    pthread_mutex_destroy(&session->lock);
    pthread_rwlock_destroy(&session->pending_lock);
    free(session);
}

void qpy__session_seal(qpy__session *session)
{
    pthread_mutex_lock(&session->lock);
    session->sealed = true;
    pthread_mutex_unlock(&session->lock);
}

/* Begin a call, unless the session is sealed: the store cannot be closed until `leave`. */
static qpy_status enter(struct qpy__session *session, qpy_error *error)
{
    pthread_mutex_lock(&session->lock);
    bool sealed = session->sealed;
    if (!sealed)
        qpy__store_enter(session->store);
    pthread_mutex_unlock(&session->lock);
    if (sealed)
        return qpy__error(error, QPY_E_STATE, "the job has ended");
    return QPY_OK;
}

static void leave(struct qpy__session *session)
{
    qpy__store_leave(session->store);
}

/* ---- Attesting ------------------------------------------------------------------------------- */

static void remember(struct qpy__session *session, const char *id)
{
    pthread_mutex_lock(&session->lock);
    if (session->count < QPY__SESSION_IDS) {
        if (session->ids.length > 0)
            qpy__buf_char(&session->ids, ',');
        qpy__buf_json_text(&session->ids, id);
    }
    session->count++;
    pthread_mutex_unlock(&session->lock);
}

static qpy_status store_one(struct qpy__session *session, const qpy_attestation *attestation,
                            qpy_error *error)
{
    if (session->mode == QPY__SESSION_IMMEDIATE)
        return qpy_store_attest(session->store, attestation, 1, error);
    qpy_status status = qpy__attestation_check(attestation, error);
    if (status != QPY_OK)
        return status;
    pthread_rwlock_rdlock(&session->pending_lock);
    status = qpy__memory_attest(session->pending, attestation, 1, error);
    pthread_rwlock_unlock(&session->pending_lock);
    return status;
}

static qpy_status store_with_new_id(struct qpy__session *session, qpy_attestation *attestation,
                                    char id[48], qpy_error *error)
{
    attestation->id = id;
    qpy_status status = QPY_E_EXISTS;
    for (int attempt = 0; attempt < ID_ATTEMPTS && status == QPY_E_EXISTS; attempt++) {
        status = qpy_id_new("AS", attestation->subjects.items[0], attestation->predicates.items[0],
                            attestation->contexts.items[0], id, error);
        if (status == QPY_OK)
            status = store_one(session, attestation, error);
    }
    return status;
}

static const char *const nothing[] = {"_"};

/* Defaults that do not depend on the id. */
static qpy_status complete(qpy_attestation *attestation, qpy_error *error)
{
    if (attestation->subjects.count == 0)
        return qpy__error(error, QPY_E_ARGUMENT, "subjects is empty, at least one is needed");
    if (!attestation->source)
        return qpy__error(error, QPY_E_ARGUMENT, "source is NULL");
    if (attestation->predicates.count == 0)
        attestation->predicates = (qpy_strings){nothing, 1};
    if (attestation->contexts.count == 0)
        attestation->contexts = (qpy_strings){nothing, 1};
    attestation->created_at_ms = qpy__wall_ms();
    if (attestation->timestamp_ms == QPY_DEFAULT)
        attestation->timestamp_ms = attestation->created_at_ms;
    return QPY_OK;
}

static qpy_status attest(struct qpy__session *session, const qpy_attestation *given,
                         char **ret_json, qpy_error *error)
{
    qpy_attestation attestation = *given;
    qpy_status status = complete(&attestation, error);
    if (status != QPY_OK)
        return status;
    char id[48];
    const char *self = given->id ? given->id : id;
    if (attestation.actors.count == 0)
        attestation.actors = (qpy_strings){&self, 1};
    status = given->id ? store_one(session, &attestation, error)
                       : store_with_new_id(session, &attestation, id, error);
    if (status != QPY_OK)
        return status;
    remember(session, attestation.id);
    return ret_json ? qpy__attestation_to_python_json(&attestation, ret_json, error) : QPY_OK;
}

qpy_status qpy__session_attest(qpy__session *session, const qpy_attestation *attestation,
                               char **ret_json, qpy_error *error)
{
    qpy_status status = enter(session, error);
    if (status != QPY_OK)
        return status;
    status = attest(session, attestation, ret_json, error);
    leave(session);
    return status;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* Passes matches on, and knows how many there were and whether the caller wants more. */
struct relay {
    qpy_attestation_fn fn;
    void *payload;
    int64_t passed;
    bool ended;
};

static bool pass_on(void *payload, const qpy_attestation *attestation)
{
    struct relay *relay = payload;
    relay->passed++;
    relay->ended = !relay->fn(relay->payload, attestation);
    return !relay->ended;
}

static qpy_status query_both(struct qpy__session *session, const qpy_filter *filter,
                             struct relay *relay, qpy_error *error)
{
    qpy_filter rest;
    qpy_status status = qpy__filter_read(filter, &rest, error);
    if (status != QPY_OK)
        return status;
    if (session->pending)
        status = qpy__memory_query(session->pending, &rest, pass_on, relay, error);
    if (status != QPY_OK || relay->ended)
        return status;
    if (rest.limit != QPY_DEFAULT)
        rest.limit -= relay->passed;
    return qpy_store_query(session->store, &rest, pass_on, relay, error);
}

qpy_status qpy__session_query(qpy__session *session, const qpy_filter *filter,
                              qpy_attestation_fn fn, void *payload, qpy_error *error)
{
    qpy_status status = enter(session, error);
    if (status != QPY_OK)
        return status;
    struct relay relay = {.fn = fn, .payload = payload};
    /* Held for both parts: a commit in between would show the pending ones twice. */
    pthread_rwlock_rdlock(&session->pending_lock);
    status = query_both(session, filter, &relay, error);
    pthread_rwlock_unlock(&session->pending_lock);
    leave(session);
    return status;
}

/* ---- The end of the job ---------------------------------------------------------------------- */

static qpy_status store_pending(struct qpy__session *session, qpy_error *error)
{
    qpy_attestation *list;
    size_t count;
    qpy_status status = qpy__memory_list(session->pending, &list, &count, error);
    if (status != QPY_OK)
        return status;
    status = qpy_store_attest(session->store, list, count, error);
    free(list);
    return status;
}

/* All stay pending when the store refuses them. */
static qpy_status commit(struct qpy__session *session, qpy_error *error)
{
    qpy__memory *fresh = qpy__memory_new();
    if (!fresh)
        return qpy__error_memory(error, "a session");
    pthread_rwlock_wrlock(&session->pending_lock);
    qpy__memory *done = fresh;
    qpy_status status = store_pending(session, error);
    if (status == QPY_OK) {
        done = session->pending;
        session->pending = fresh;
    }
    pthread_rwlock_unlock(&session->pending_lock);
    qpy__memory_free(done);
    return status;
}

qpy_status qpy__session_commit(qpy__session *session, qpy_error *error)
{
    qpy_status status = enter(session, error);
    if (status != QPY_OK)
        return status;
    if (session->mode == QPY__SESSION_WITH_JOB)
        status = commit(session, error);
    leave(session);
    return status;
}

size_t qpy__session_count(qpy__session *session)
{
    pthread_mutex_lock(&session->lock);
    size_t count = session->count;
    pthread_mutex_unlock(&session->lock);
    return count;
}

qpy_status qpy__session_ids_json(qpy__session *session, char **ret_json, qpy_error *error)
{
    struct qpy__buf buf;
    qpy__buf_init(&buf, IDS_MAXIMUM);
    qpy__buf_char(&buf, '[');
    pthread_mutex_lock(&session->lock);
    if (session->ids.length > 0)
        qpy__buf_add(&buf, session->ids.data, session->ids.length);
    pthread_mutex_unlock(&session->lock);
    qpy__buf_char(&buf, ']');
    char *json = qpy__buf_take(&buf);
    if (!json)
        return qpy__error_memory(error, "the list of ids");
    *ret_json = json;
    return QPY_OK;
}
