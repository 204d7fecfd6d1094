/* Attestations in memory: the memory store, and what a session keeps until its job succeeds. */
#ifndef QPY__STORE_MEMORY_H
#define QPY__STORE_MEMORY_H

#include <qntxpy/store.h>

/* All calls are thread-safe, except free. What it holds is never changed and never removed. */
typedef struct qpy__memory qpy__memory;

qpy__memory *qpy__memory_new(void); /* NULL: out of memory */
void qpy__memory_free(qpy__memory *memory);

/* As qpy_store_ops.attest and .query say. The callback runs without a lock. */
QPY_MUST_CHECK qpy_status qpy__memory_attest(qpy__memory *memory,
                                             const qpy_attestation *attestations, size_t count,
                                             qpy_error *error);
QPY_MUST_CHECK qpy_status qpy__memory_query(qpy__memory *memory, const qpy_filter *filter,
                                            qpy_attestation_fn fn, void *payload, qpy_error *error);

/*
 * All of them, oldest first, as qpy_store_attest takes them. The caller frees *ret_attestations
 * with free; the strings stay the memory's.
 */
QPY_MUST_CHECK qpy_status qpy__memory_list(qpy__memory *memory, qpy_attestation **ret_attestations,
                                           size_t *ret_count, qpy_error *error);

#endif
