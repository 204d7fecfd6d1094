/* One job's view of a store: its attestations appear at once, or all together when it succeeds. */
#ifndef QPY__STORE_SESSION_H
#define QPY__STORE_SESSION_H

#include <qntxpy/store.h>

typedef struct qpy__session qpy__session;

enum qpy__session_mode {
    QPY__SESSION_IMMEDIATE, /* durable when qpy__session_attest returns */
    QPY__SESSION_WITH_JOB   /* kept aside until qpy__session_commit */
};

/* `store` is borrowed for the session's life. */
QPY_MUST_CHECK qpy_status qpy__session_open(qpy_store *store, enum qpy__session_mode mode,
                                            qpy__session **ret_session, qpy_error *error);
void qpy__session_close(qpy__session *session); /* discards what was not committed; NULL is fine */

/*
 * Thread-safe; GIL: must not be held (a store may wait for a disk or a lock).
 *
 * Draws the id (prefix "AS", new ones on collision) unless attestation->id is set, and defaults as
 * contract 6.1 and 5.2 say: no predicates or contexts -> {"_"}, no actors -> the attestation's own
 * id, timestamp_ms QPY_DEFAULT -> now, created_at_ms -> now. Subjects must not be empty, source not
 * NULL.
 * *ret_json is what Python's attest() returns: a JSON object with id, subjects, predicates,
 * contexts, actors, timestamp (Unix ms as a number), source, attributes ({} if none). Caller frees.
 * ret_json may be NULL.
 */
QPY_MUST_CHECK qpy_status qpy__session_attest(qpy__session *session,
                                              const qpy_attestation *attestation, char **ret_json,
                                              qpy_error *error);

/* Matches of the session's own pending attestations first (they are the newest), then the
 * store's. */
QPY_MUST_CHECK qpy_status qpy__session_query(qpy__session *session, const qpy_filter *filter,
                                             qpy_attestation_fn fn, void *payload,
                                             qpy_error *error);

/* The JSON object that attest(), last() and query() give to Python; see qpy__session_attest. */
QPY_MUST_CHECK qpy_status qpy__attestation_to_python_json(const qpy_attestation *attestation,
                                                          char **ret_json, qpy_error *error);

/* Store all pending attestations at once (one transaction); if that fails, they stay pending.
 * Nothing to do when immediate. */
QPY_MUST_CHECK qpy_status qpy__session_commit(qpy__session *session, qpy_error *error);

/* Refuse everything from now on: a script that outlived its job must not store any more. Does not
 * wait: a call that is in the store already ends by itself, and qpy_store_close waits for it. */
void qpy__session_seal(qpy__session *session);

/* How many attestations are stored (immediate, or committed) or pending; and the ids of the first
 * QPY__SESSION_IDS of them as a JSON array. Caller frees. */
#define QPY__SESSION_IDS 1000
size_t qpy__session_count(qpy__session *session);
QPY_MUST_CHECK qpy_status qpy__session_ids_json(qpy__session *session, char **ret_json,
                                                qpy_error *error);

#endif
