/* The store in memory: copies in order of creation, and a hash table of their ids. */
#include "store/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/error.h"
#include "store/attestation.h"

#define FIRST_CAPACITY 64

struct item {
    qpy_attestation *attestation;
    uint64_t number; /* order of storing */
};

struct qpy__memory {
    pthread_mutex_t lock; /* guards all below; a leaf. The attestations themselves never change */
    struct item *items;
    size_t count;
    size_t capacity;
    bool sorted;                   /* items are in order of (created_at_ms, number) */
    const qpy_attestation **slots; /* by hash of the id, linear probing, at most half full */
    size_t slot_count;             /* a power of two, or 0 */
};

/* ---- The hash table of ids ------------------------------------------------------------------- */

static size_t hash_id(const char *id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32);
}

/* The slot that holds `id`, or the free one where it belongs. */
static const qpy_attestation **find_slot(const qpy_attestation **slots, size_t slot_count,
                                         const char *id)
{
    size_t at = hash_id(id) & (slot_count - 1);
    while (slots[at] && strcmp(slots[at]->id, id) != 0)
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

static bool grow_slots(struct qpy__memory *memory, size_t count)
{
    size_t slot_count = memory->slot_count ? memory->slot_count : (size_t)2 * FIRST_CAPACITY;
    while (slot_count / 2 < count)
        slot_count *= 2;
    if (slot_count == memory->slot_count)
        return true;
    const qpy_attestation **slots = calloc(slot_count, sizeof(void *));
    if (!slots)
        return false;
    for (size_t i = 0; i < memory->count; i++)
        *find_slot(slots, slot_count, memory->items[i].attestation->id) =
            memory->items[i].attestation;
    free(memory->slots);
    memory->slots = slots;
    memory->slot_count = slot_count;
    return true;
}

/* ---- Storing --------------------------------------------------------------------------------- */

static bool grow_items(struct qpy__memory *memory, size_t count)
{
    size_t capacity = memory->capacity ? memory->capacity : FIRST_CAPACITY;
    while (capacity < count)
        capacity *= 2;
    if (capacity == memory->capacity)
        return true;
    struct item *items = realloc(memory->items, capacity * sizeof *items);
    if (!items)
        return false;
    memory->items = items;
    memory->capacity = capacity;
    return true;
}

/* Room was made before: nothing here grows. */
static qpy_status add(struct qpy__memory *memory, const qpy_attestation *attestation,
                      qpy_error *error)
{
    const qpy_attestation **slot = find_slot(memory->slots, memory->slot_count, attestation->id);
    if (*slot)
        return qpy__error(error, QPY_E_EXISTS, "an attestation with the id '%s' is already stored",
                          attestation->id);
    qpy_attestation *copy = qpy__attestation_copy(attestation);
    if (!copy)
        return qpy__error_memory(error, "an attestation");
    *slot = copy;
    assert(memory->items && memory->count < memory->capacity);
    struct item *last = memory->count > 0 ? &memory->items[memory->count - 1] : NULL;
    if (last && last->attestation->created_at_ms > copy->created_at_ms)
        memory->sorted = false;
    memory->items[memory->count] = (struct item){copy, memory->count};
    memory->count++;
    return QPY_OK;
}

/* Newest first, so that each frees the slot that was filled last: no probe sequence breaks. */
static void remove_down_to(struct qpy__memory *memory, size_t count)
{
    while (memory->count > count) {
        qpy_attestation *attestation = memory->items[--memory->count].attestation;
        *find_slot(memory->slots, memory->slot_count, attestation->id) = NULL;
        free(attestation);
    }
}

static qpy_status add_all(struct qpy__memory *memory, const qpy_attestation *attestations,
                          size_t count, qpy_error *error)
{
    size_t before = memory->count;
    if (!grow_items(memory, before + count) || !grow_slots(memory, before + count))
        return qpy__error_memory(error, "the table of attestations");
    for (size_t i = 0; i < count; i++) {
        qpy_status status = add(memory, &attestations[i], error);
        if (status != QPY_OK) {
            remove_down_to(memory, before);
            return status;
        }
    }
    return QPY_OK;
}

qpy_status qpy__memory_attest(qpy__memory *memory, const qpy_attestation *attestations,
                              size_t count, qpy_error *error)
{
    pthread_mutex_lock(&memory->lock);
    qpy_status status = add_all(memory, attestations, count, error);
    pthread_mutex_unlock(&memory->lock);
    return status;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left;
    const struct item *b = right;
    int64_t created_a = a->attestation->created_at_ms;
    int64_t created_b = b->attestation->created_at_ms;
    if (created_a != created_b)
        return created_a < created_b ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Jobs that commit late store what is older than the newest: put in order when somebody asks. */
static void sort_items(struct qpy__memory *memory)
{
    if (memory->sorted)
        return;
    qsort(memory->items, memory->count, sizeof *memory->items, compare_items);
    memory->sorted = true;
}

struct matches {
    const qpy_attestation **items;
    size_t count;
    size_t capacity;
};

static bool add_match(struct matches *matches, const qpy_attestation *attestation)
{
    if (matches->count == matches->capacity) {
        size_t capacity = matches->capacity ? 2 * matches->capacity : FIRST_CAPACITY;
        const qpy_attestation **items = realloc(matches->items, capacity * sizeof(void *));
        if (!items)
            return false;
        matches->items = items;
        matches->capacity = capacity;
    }
    matches->items[matches->count++] = attestation;
    return true;
}

/* Newest first. */
static bool find_matches(struct qpy__memory *memory, const qpy_filter *filter,
                         struct matches *matches)
{
    uint64_t limit = filter->limit == QPY_DEFAULT ? UINT64_MAX : (uint64_t)filter->limit;
    for (size_t i = memory->count; i > 0 && matches->count < limit; i--) {
        const qpy_attestation *attestation = memory->items[i - 1].attestation;
        if (qpy__filter_matches(filter, attestation) && !add_match(matches, attestation))
            return false;
    }
    return true;
}

qpy_status qpy__memory_query(qpy__memory *memory, const qpy_filter *filter, qpy_attestation_fn fn,
                             void *payload, qpy_error *error)
{
    struct matches matches = {0};
    pthread_mutex_lock(&memory->lock);
    sort_items(memory);
    bool found = find_matches(memory, filter, &matches);
    pthread_mutex_unlock(&memory->lock);
    for (size_t i = 0; found && i < matches.count; i++)
        if (!fn(payload, matches.items[i]))
            break;
    free(matches.items);
    return found ? QPY_OK : qpy__error_memory(error, "the matches of a query");
}

qpy_status qpy__memory_list(qpy__memory *memory, qpy_attestation **ret_attestations,
                            size_t *ret_count, qpy_error *error)
{
    pthread_mutex_lock(&memory->lock);
    sort_items(memory);
    qpy_attestation *list = malloc((memory->count + 1) * sizeof *list);
    size_t count = memory->count;
    for (size_t i = 0; list && i < count; i++)
        list[i] = *memory->items[i].attestation;
    pthread_mutex_unlock(&memory->lock);
    if (!list)
        return qpy__error_memory(error, "a list of attestations");
    *ret_attestations = list;
    *ret_count = count;
    return QPY_OK;
}

qpy__memory *qpy__memory_new(void)
{
    struct qpy__memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    memory->sorted = true;
    pthread_mutex_init(&memory->lock, NULL);
    return memory;
}

void qpy__memory_free(qpy__memory *memory)
{
    if (!memory)
        return;
    for (size_t i = 0; i < memory->count; i++)
        free(memory->items[i].attestation);
    free(memory->items);
    free(memory->slots);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

/* ---- As a store ------------------------------------------------------------------------------ */

static qpy_status attest(void *self, const qpy_attestation *attestations, size_t count,
                         qpy_error *error)
{
    return qpy__memory_attest(self, attestations, count, error);
}

static qpy_status query(void *self, const qpy_filter *filter, qpy_attestation_fn fn, void *payload,
                        qpy_error *error)
{
    return qpy__memory_query(self, filter, fn, payload, error);
}

static qpy_status describe(void *self, char **ret_json, qpy_error *error)
{
    struct qpy__memory *memory = self;
    pthread_mutex_lock(&memory->lock);
    size_t count = memory->count;
    pthread_mutex_unlock(&memory->lock);
    struct qpy__buf buf;
    qpy__buf_init(&buf, 256);
    qpy__buf_format(&buf, "{\"kind\":\"memory\",\"attestations\":%zu}", count);
    char *json = qpy__buf_take(&buf);
    if (!json)
        return qpy__error_memory(error, "the description of a store");
    *ret_json = json;
    return QPY_OK;
}

static void close_memory(void *self)
{
    qpy__memory_free(self);
}

static const qpy_store_ops memory_ops = {
    .size = sizeof memory_ops,
    .name = "memory",
    .attest = attest,
    .query = query,
    .describe = describe,
    .close = close_memory,
};

qpy_status qpy_store_open_memory(qpy_store **ret_store, qpy_error *error)
{
    qpy__memory *memory = qpy__memory_new();
    if (!memory)
        return qpy__error_memory(error, "a store in memory");
    qpy_status status = qpy_store_new(&memory_ops, memory, ret_store, error);
    if (status != QPY_OK)
        qpy__memory_free(memory);
    return status;
}
