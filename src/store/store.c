/* The public calls on any store: they check their arguments and hand over to the store's own. */
#include "store/store.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"
#include "store/attestation.h"

struct qpy_store {
    const qpy_store_ops *ops;
    void *self;
    pthread_mutex_t lock; /* guards `calls`; a leaf */
    pthread_cond_t idle;  /* `calls` has become 0 */
    size_t calls;         /* that are running */
};

void qpy__store_enter(qpy_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->calls++;
    pthread_mutex_unlock(&store->lock);
}

void qpy__store_leave(qpy_store *store)
{
    pthread_mutex_lock(&store->lock);
    if (--store->calls == 0)
        pthread_cond_broadcast(&store->idle);
    pthread_mutex_unlock(&store->lock);
}

static qpy_status check_ops(const qpy_store_ops *ops, qpy_error *error)
{
    if (!ops)
        return qpy__error(error, QPY_E_ARGUMENT, "ops is NULL");
    qpy_status status = qpy__options_check("qpy_store_ops", ops, ops->size, sizeof *ops, error);
    if (status != QPY_OK)
        return status;
    const char *missing = !ops->name       ? "name"
                          : !ops->attest   ? "attest"
                          : !ops->query    ? "query"
                          : !ops->describe ? "describe"
                          : !ops->close    ? "close"
                                           : NULL;
    if (missing)
        return qpy__error(error, QPY_E_ARGUMENT, "qpy_store_ops: %s is NULL", missing);
    return QPY_OK;
}

qpy_status qpy_store_new(const qpy_store_ops *ops, void *self, qpy_store **ret_store,
                         qpy_error *error)
{
    qpy_status status = check_ops(ops, error);
    if (status != QPY_OK)
        return status;
    if (!ret_store)
        return qpy__error(error, QPY_E_ARGUMENT, "ret_store is NULL");
    qpy_store *store = calloc(1, sizeof *store);
    if (!store)
        return qpy__error_memory(error, "a store");
    store->ops = ops;
    store->self = self;
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->idle, NULL);
    *ret_store = store;
    return QPY_OK;
}

void qpy_store_close(qpy_store *store)
{
    if (!store)
        return;
    pthread_mutex_lock(&store->lock);
    while (store->calls > 0)
        pthread_cond_wait(&store->idle, &store->lock);
    pthread_mutex_unlock(&store->lock);
    store->ops->close(store->self);
    pthread_cond_destroy(&store->idle);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static qpy_status check_attestations(const qpy_attestation *attestations, size_t count,
                                     qpy_error *error)
{
    if (count > 0 && !attestations)
        return qpy__error(error, QPY_E_ARGUMENT, "attestations is NULL but counts %zu", count);
    for (size_t i = 0; i < count; i++) {
        qpy_status status = qpy__attestation_check(&attestations[i], error);
        if (status != QPY_OK)
            return status;
    }
    return QPY_OK;
}

qpy_status qpy_store_attest(qpy_store *store, const qpy_attestation *attestations, size_t count,
                            qpy_error *error)
{
    if (!store)
        return qpy__error(error, QPY_E_ARGUMENT, "store is NULL");
    qpy_status status = check_attestations(attestations, count, error);
    if (status != QPY_OK || count == 0)
        return status;
    qpy__store_enter(store);
    status = store->ops->attest(store->self, attestations, count, error);
    qpy__store_leave(store);
    return status;
}

qpy_status qpy_store_query(qpy_store *store, const qpy_filter *filter, qpy_attestation_fn fn,
                           void *payload, qpy_error *error)
{
    if (!store || !fn)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL", store ? "fn" : "store");
    qpy_filter known;
    qpy_status status = qpy__filter_read(filter, &known, error);
    if (status != QPY_OK || known.limit == 0)
        return status;
    qpy__store_enter(store);
    status = store->ops->query(store->self, &known, fn, payload, error);
    qpy__store_leave(store);
    return status;
}

qpy_status qpy_store_describe(qpy_store *store, char **ret_json, qpy_error *error)
{
    if (!store || !ret_json)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL", store ? "ret_json" : "store");
    qpy__store_enter(store);
    qpy_status status = store->ops->describe(store->self, ret_json, error);
    qpy__store_leave(store);
    return status;
}

const char *qpy_store_name(const qpy_store *store)
{
    return store ? store->ops->name : "";
}
