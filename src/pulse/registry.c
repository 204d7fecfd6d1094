/* Handlers by name, and the dispatch of jobs to them (contract section 2). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <qntxpy/job.h>

#include "core/error.h"
#include "core/options.h"

/*
 * One registered handler. Owned by references: one of the registry while it is registered, one of
 * each job that it executes, one of each qpy_registry_get. The last one to let go frees it, without
 * the registry's lock, so that a handler may use the registry while it works and while it is freed.
 */
struct entry {
    qpy_handler handler; /* first: what qpy_registry_get hands out is the entry */
    atomic_size_t references;
    char *name;
    struct entry *next; /* guarded by the registry's lock */
};

struct qpy_registry {
    pthread_mutex_t lock;  /* guards the list. A leaf; handlers are called without it. */
    struct entry *entries; /* sorted by name */
};

/* ---- Entries --------------------------------------------------------------------------------- */

static qpy_status check_handler(const qpy_handler *handler, qpy_error *error)
{
    if (!handler)
        return qpy__error(error, QPY_E_ARGUMENT, "handler is NULL");
    qpy_status status =
        qpy__options_check("qpy_handler", handler, handler->size, sizeof *handler, error);
    if (status != QPY_OK)
        return status;
    if (!handler->name || !handler->execute)
        return qpy__error(error, QPY_E_ARGUMENT, "handler->%s is NULL",
                          handler->name ? "execute" : "name");
    return QPY_OK;
}

static qpy_status new_entry(const qpy_handler *handler, struct entry **ret_entry, qpy_error *error)
{
    qpy_status status = check_handler(handler, error);
    if (status != QPY_OK)
        return status;
    const char *name = handler->name(handler->self);
    if (!name || name[0] == '\0')
        return qpy__error(error, QPY_E_ARGUMENT,
                          "handler->name() is empty; jobs could not ask for it");
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry)
        entry->name = strdup(name);
    if (!entry || !entry->name) {
        free(entry);
        return qpy__error_memory(error, "a handler");
    }
    entry->handler = *handler;
    atomic_init(&entry->references, 1);
    *ret_entry = entry;
    return QPY_OK;
}

/* Undo new_entry: the handler stays the caller's. */
static void discard(struct entry *entry)
{
    free(entry->name);
    free(entry);
}

static void unref(struct entry *entry)
{
    if (!entry || atomic_fetch_sub(&entry->references, 1) > 1)
        return;
    if (entry->handler.free)
        entry->handler.free(entry->handler.self);
    discard(entry);
}

/* ---- The list; lock held --------------------------------------------------------------------- */

/* Where an entry of this name is, or would be. */
static struct entry **find_slot(qpy_registry *registry, const char *name)
{
    struct entry **slot = &registry->entries;
    while (*slot && strcmp((*slot)->name, name) < 0)
        slot = &(*slot)->next;
    return slot;
}

static bool holds(struct entry **slot, const char *name)
{
    return *slot && strcmp((*slot)->name, name) == 0;
}

static void insert(struct entry **slot, struct entry *entry)
{
    entry->next = *slot;
    *slot = entry;
}

/* Take the entry of this name out of the list, with the registry's reference; NULL if none. */
static struct entry *take_out(struct entry **slot, const char *name)
{
    if (!holds(slot, name))
        return NULL;
    struct entry *entry = *slot;
    *slot = entry->next;
    return entry;
}

/* ---- Registering ----------------------------------------------------------------------------- */

qpy_status qpy_registry_new(qpy_registry **ret_registry, qpy_error *error)
{
    if (!ret_registry)
        return qpy__error(error, QPY_E_ARGUMENT, "ret_registry is NULL");
    qpy_registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return qpy__error_memory(error, "a registry");
    pthread_mutex_init(&registry->lock, NULL);
    *ret_registry = registry;
    return QPY_OK;
}

void qpy_registry_free(qpy_registry *registry)
{
    if (!registry)
        return;
    while (registry->entries) {
        struct entry *entry = registry->entries;
        registry->entries = entry->next;
        unref(entry);
    }
    pthread_mutex_destroy(&registry->lock);
    free(registry);
}

qpy_status qpy_registry_register(qpy_registry *registry, const qpy_handler *handler,
                                 qpy_error *error)
{
    if (!registry)
        return qpy__error(error, QPY_E_ARGUMENT, "registry is NULL");
    struct entry *entry = NULL;
    qpy_status status = new_entry(handler, &entry, error);
    if (!entry)
        return status;
    pthread_mutex_lock(&registry->lock);
    struct entry **slot = find_slot(registry, entry->name);
    bool taken = holds(slot, entry->name);
    if (!taken)
        insert(slot, entry);
    pthread_mutex_unlock(&registry->lock);
    if (!taken)
        return QPY_OK;
    status = qpy__error(error, QPY_E_HANDLER_EXISTS, "handler already registered for name: %s",
                        entry->name);
    discard(entry);
    return status;
}

qpy_status qpy_registry_replace(qpy_registry *registry, const qpy_handler *handler,
                                qpy_error *error)
{
    if (!registry)
        return qpy__error(error, QPY_E_ARGUMENT, "registry is NULL");
    struct entry *entry = NULL;
    qpy_status status = new_entry(handler, &entry, error);
    if (!entry)
        return status;
    pthread_mutex_lock(&registry->lock);
    struct entry **slot = find_slot(registry, entry->name);
    struct entry *previous = take_out(slot, entry->name);
    insert(slot, entry);
    pthread_mutex_unlock(&registry->lock);
    unref(previous);
    return QPY_OK;
}

void qpy_registry_remove(qpy_registry *registry, const char *name)
{
    if (!registry || !name)
        return;
    pthread_mutex_lock(&registry->lock);
    struct entry *entry = take_out(find_slot(registry, name), name);
    pthread_mutex_unlock(&registry->lock);
    unref(entry);
}

/* ---- Looking --------------------------------------------------------------------------------- */

const qpy_handler *qpy_registry_get(qpy_registry *registry, const char *name)
{
    if (!registry || !name)
        return NULL;
    pthread_mutex_lock(&registry->lock);
    struct entry **slot = find_slot(registry, name);
    struct entry *entry = holds(slot, name) ? *slot : NULL;
    if (entry)
        atomic_fetch_add(&entry->references, 1);
    pthread_mutex_unlock(&registry->lock);
    return entry ? &entry->handler : NULL;
}

void qpy_registry_release(const qpy_handler *handler)
{
    unref((struct entry *)handler);
}

bool qpy_registry_has(qpy_registry *registry, const char *name)
{
    if (!registry || !name)
        return false;
    pthread_mutex_lock(&registry->lock);
    bool has = holds(find_slot(registry, name), name);
    pthread_mutex_unlock(&registry->lock);
    return has;
}

/* Lock held: an array that NULL ends and the names themselves, in one block. */
static char **copy_names(const qpy_registry *registry, size_t *ret_count)
{
    size_t count = 0;
    size_t bytes = sizeof(char *);
    for (struct entry *entry = registry->entries; entry; entry = entry->next) {
        count++;
        bytes += sizeof(char *) + strlen(entry->name) + 1;
    }
    char **names = malloc(bytes);
    if (!names)
        return NULL;
    char *text = (char *)(names + count + 1);
    size_t i = 0;
    for (struct entry *entry = registry->entries; entry; entry = entry->next) {
        names[i++] = text;
        text = stpcpy(text, entry->name) + 1;
    }
    names[count] = NULL;
    *ret_count = count;
    return names;
}

qpy_status qpy_registry_names(qpy_registry *registry, char ***ret_names, size_t *ret_count,
                              qpy_error *error)
{
    if (!registry || !ret_names || !ret_count)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL",
                          !registry    ? "registry"
                          : !ret_names ? "ret_names"
                                       : "ret_count");
    size_t count = 0;
    pthread_mutex_lock(&registry->lock);
    char **names = copy_names(registry, &count);
    pthread_mutex_unlock(&registry->lock);
    if (!names)
        return qpy__error_memory(error, "the names of handlers");
    *ret_names = names;
    *ret_count = count;
    return QPY_OK;
}

/* ---- Dispatch -------------------------------------------------------------------------------- */

/* A handler always gets a place for its error, and its failure always gets a message. */
static qpy_status execute(const qpy_handler *handler, qpy_context *ctx, qpy_job *job,
                          qpy_error *error)
{
    qpy_error reported = QPY_ERROR_INIT;
    qpy_status status = handler->execute(handler->self, ctx, job, &reported);
    if (status == QPY_OK || !error)
        return status;
    if (reported.message[0] == '\0')
        return qpy__error(error, status, "handler %s failed without a message: %s",
                          qpy_job_handler_name(job), qpy_status_text(status));
    *error = reported;
    error->status = status;
    return status;
}

qpy_status qpy_registry_dispatch(qpy_registry *registry, qpy_context *ctx, qpy_job *job,
                                 const qpy_handler *fallback, qpy_error *error)
{
    if (!registry || !job)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL", registry ? "job" : "registry");
    if (fallback && !fallback->execute)
        return qpy__error(error, QPY_E_ARGUMENT, "fallback->execute is NULL");
    const char *name = qpy_job_handler_name(job);
    if (!name || name[0] == '\0')
        return qpy__error(error, QPY_E_ARGUMENT, "job missing handler_name");
    const qpy_handler *handler = qpy_registry_get(registry, name);
    if (handler) {
        qpy_status status = execute(handler, ctx, job, error);
        qpy_registry_release(handler);
        return status;
    }
    if (fallback)
        return execute(fallback, ctx, job, error);
    return qpy__error(error, QPY_E_HANDLER_MISSING, "no handler registered for handler name: %s",
                      name);
}
