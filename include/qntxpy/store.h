/* Attestation stores: what is stored, how it is asked for, and how a host brings its own store. */
#ifndef QNTXPY_STORE_H
#define QNTXPY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <qntxpy/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A borrowed list of UTF-8 strings. */
typedef struct qpy_strings {
    const char *const *items;
    size_t count;
} qpy_strings;

/**
 * One attestation: subjects are predicates of contexts by actors at a time.
 * All pointers are borrowed; who hands the struct out says for how long.
 */
typedef struct qpy_attestation {
    const char *id; /* such as "AS-PACKAGEC-INSTALED-VERSION-7K2M9QXA" */
    qpy_strings subjects;
    qpy_strings predicates; /* {"_"} when the claim has none */
    qpy_strings contexts;   /* {"_"} when the claim has none */
    qpy_strings actors;
    int64_t timestamp_ms;        /* when the claim was made, Unix time in milliseconds */
    const char *source;          /* which program stored it, such as "python" */
    const char *attributes_json; /* a JSON object kept byte for byte, or NULL */
    int64_t created_at_ms;       /* when it was stored, Unix time in milliseconds */
} qpy_attestation;

/**
 * What to look for: all lists that are not empty must match (AND); one matching string suffices
 * within a list (OR). Strings are compared as a whole, ASCII letters without regard to case, as
 * QNTX does; only ids are compared exactly. Newest first: by creation, then by order of storing.
 */
typedef struct qpy_filter {
    size_t size; /* sizeof(qpy_filter), set by QPY_FILTER_INIT */
    qpy_strings ids;
    qpy_strings subjects;
    qpy_strings predicates;
    qpy_strings contexts;
    qpy_strings actors;
    int64_t since_ms; /* timestamp_ms >= this; QPY_DEFAULT: no lower bound */
    int64_t until_ms; /* timestamp_ms <= this; QPY_DEFAULT: no upper bound */
    int64_t limit;    /* at most so many; QPY_DEFAULT: all */
} qpy_filter;

/* clang-format off */
#define QPY_FILTER_INIT                                                                            \
    {sizeof(qpy_filter), {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, QPY_DEFAULT, QPY_DEFAULT,         \
     QPY_DEFAULT}
/* clang-format on */

/**
 * Called once for each match. The attestation is borrowed until the callback returns. The callback
 * must not call the same store. Return true to go on, false to end the query (which then succeeds).
 */
typedef bool (*qpy_attestation_fn)(void *payload, const qpy_attestation *attestation);

typedef struct qpy_store qpy_store;

/**
 * What a store must do. A host that brings its own fills one of these; the two that ship are built
 * on it too, and one conformance suite (tests/store) holds for all.
 *
 * Every function may be called from several threads at once and never with the GIL held. None may
 * keep pointers into its arguments.
 */
typedef struct qpy_store_ops {
    size_t size; /* sizeof(qpy_store_ops) */

    /* Short name for messages and `qntxpy info`, such as "sqlite". Static string. */
    const char *name;

    /*
     * Store `count` attestations, all or none. When it returns QPY_OK they are durable, as far as
     * the store is. QPY_E_EXISTS if an id is taken.
     */
    qpy_status (*attest)(void *self, const qpy_attestation *attestations, size_t count,
                         qpy_error *error);

    /* Call `fn` for each match in the order qpy_filter gives. */
    qpy_status (*query)(void *self, const qpy_filter *filter, qpy_attestation_fn fn, void *payload,
                        qpy_error *error);

    /* A JSON object that describes the store to a person: layout, path, counts. Caller frees. */
    qpy_status (*describe)(void *self, char **ret_json, qpy_error *error);

    /* End the store. No other call is running or follows. */
    void (*close)(void *self);
} qpy_store_ops;

/**
 * Make a store from a host's own functions.
 * `ops` is borrowed until qpy_store_close; `self` is handed to each function, and to ops->close.
 * Fails with QPY_E_ARGUMENT if a function is missing.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_store_new(const qpy_store_ops *ops, void *self,
                                                qpy_store **ret_store, qpy_error *error);

/** A store in memory: gone when it is closed. */
QPY_API QPY_MUST_CHECK qpy_status qpy_store_open_memory(qpy_store **ret_store, qpy_error *error);

typedef struct qpy_sqlite_options {
    size_t size;
    int busy_timeout_ms; /* how long to wait for another process; QPY_DEFAULT: 5000 */
    int read_only;       /* 1: open for queries only, never create; 0: read and write */
} qpy_sqlite_options;

/* clang-format off */
#define QPY_SQLITE_OPTIONS_INIT {sizeof(qpy_sqlite_options), QPY_DEFAULT, 0}
/* clang-format on */

/**
 * Open a SQLite database in the layout of QNTX (contract 6.1, 6.2), or create it.
 * A database that QNTX made and has open can be used at the same time (WAL, busy timeout).
 *
 * @param path     file path in UTF-8, not NULL; its directory must exist
 * @param options  NULL for the defaults
 * Errors: QPY_E_STORE_OPEN, QPY_E_STORE_CORRUPT, QPY_E_STORE_FOREIGN, QPY_E_STORE_BUSY,
 * QPY_E_STORE_FULL, QPY_E_STORE_READONLY; each message names the path.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_store_open_sqlite(const char *path,
                                                        const qpy_sqlite_options *options,
                                                        qpy_store **ret_store, qpy_error *error);

/**
 * Close a store. NULL is ignored. No engine may still use it, and no call may begin any more; calls
 * that are still running, of scripts that were left behind, are waited for.
 */
QPY_API void qpy_store_close(qpy_store *store);

/**
 * Store attestations, all or none; durable on return. Thread-safe.
 * Each needs at least an id, one subject, predicate, context and actor, and a source.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_store_attest(qpy_store *store,
                                                   const qpy_attestation *attestations,
                                                   size_t count, qpy_error *error);

/** Call `fn` for each attestation that matches. Thread-safe. `filter` NULL means everything. */
QPY_API QPY_MUST_CHECK qpy_status qpy_store_query(qpy_store *store, const qpy_filter *filter,
                                                  qpy_attestation_fn fn, void *payload,
                                                  qpy_error *error);

/** Describe the store as a JSON object. The caller frees *ret_json with qpy_free. Thread-safe. */
QPY_API QPY_MUST_CHECK qpy_status qpy_store_describe(qpy_store *store, char **ret_json,
                                                     qpy_error *error);

/** Name of the store's kind, such as "memory" or "sqlite". Valid as long as the store. */
QPY_API const char *qpy_store_name(const qpy_store *store);

/**
 * One attestation as a JSON object with QNTX's field names (contract 6.1): id, subjects, predicates,
 * contexts, actors, timestamp, source, attributes, created_at; times are RFC 3339 in UTC.
 * The caller frees *ret_json with qpy_free. Thread-safe.
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_attestation_to_json(const qpy_attestation *attestation,
                                                          char **ret_json, qpy_error *error);

/**
 * A new id in QNTX's form `AS-SUBJECT-PREDICAT-CONTEXT-XXXXXXXX` (contract 1.4), with eight random
 * characters. Prefix: two letters A-Z. Each of the three seeds may be NULL or "_" (empty segment).
 * Writes at most 41 bytes with the terminator. Errors: QPY_E_ARGUMENT, QPY_E_SYSTEM (no randomness).
 */
QPY_API QPY_MUST_CHECK qpy_status qpy_id_new(const char *prefix, const char *first,
                                             const char *second, const char *third, char ret_id[48],
                                             qpy_error *error);

/** Free a string that this library returned. NULL is ignored. */
QPY_API void qpy_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
