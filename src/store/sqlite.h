/* What the files of the SQLite store share: connections, the layout they found, and errors. */
#ifndef QPY__STORE_SQLITE_H
#define QPY__STORE_SQLITE_H

#include <sqlite3.h>

#include <qntxpy/store.h>

#include "core/buf.h"

/* The four lists of an attestation, each with its junction table. */
#define QPY__AXES 4

struct qpy__sqlite_axis {
    const char *list;   /* column of `attestations`, a JSON array */
    const char *table;  /* one row for each element */
    const char *column; /* the element */
};

extern const struct qpy__sqlite_axis qpy__sqlite_axes[QPY__AXES];

struct qpy__sqlite {
    char *path; /* as the host named it */
    int busy_timeout_ms;
    bool read_only;
    /* What was found in the database, or put there, when it was opened. */
    bool indexed; /* the junction tables are there; complete, except for what is in the queue */
    bool queued;  /* qntxpy_unindexed names the attestations that the junction tables lack */
    bool ordered; /* an index follows the order of answers */
    struct qpy__sqlite_writer *writer; /* NULL if read_only */
    struct qpy__sqlite_readers *readers;
};

/* ---- sqlite_connect.c ------------------------------------------------------------------------ */

/* Open a connection of its own. Only one thread at a time may use it. */
QPY_MUST_CHECK qpy_status qpy__sqlite_connect(const struct qpy__sqlite *store, int flags,
                                              sqlite3 **ret_db, qpy_error *error);

/* The error that `db` is in, as "cannot <what> '<path>': <reason>". */
QPY_MUST_CHECK qpy_status qpy__sqlite_error(const struct qpy__sqlite *store, sqlite3 *db,
                                            const char *what, qpy_error *error);

/* ---- sqlite_schema.c ------------------------------------------------------------------------- */

/*
 * The order of answers: the instant of creation. Times in one column may have several formats that
 * do not compare as text (QNTX itself writes two), so they are compared as days, which SQLite
 * computes from all of them. An index needs this very expression.
 */
#define QPY__SQLITE_ORDER                                                                          \
    "CASE typeof(created_at) WHEN 'text' THEN julianday(created_at) ELSE created_at/"              \
    "CASE WHEN abs(created_at)<100000000000 THEN 86400.0 ELSE 86400000.0 END+2440587.5 END"

/* Find out what the database is; create what is missing, unless read-only. */
QPY_MUST_CHECK qpy_status qpy__sqlite_schema(struct qpy__sqlite *store, sqlite3 *db,
                                             qpy_error *error);

/* SQL that moves all of the queue into the junction table of `axis`. */
void qpy__sqlite_index_sql(const struct qpy__sqlite_axis *axis, struct qpy__buf *sql);

/* ---- sqlite_write.c -------------------------------------------------------------------------- */

/* Takes `db` over, also on failure. */
QPY_MUST_CHECK qpy_status qpy__sqlite_writer_open(struct qpy__sqlite *store, sqlite3 *db,
                                                  qpy_error *error);
void qpy__sqlite_writer_close(struct qpy__sqlite_writer *writer);

QPY_MUST_CHECK qpy_status qpy__sqlite_attest(struct qpy__sqlite *store,
                                             const qpy_attestation *attestations, size_t count,
                                             qpy_error *error);

/* ---- sqlite_plan.c --------------------------------------------------------------------------- */

/* Which parts a query has; the SQL follows from it alone. Axis `i` is bit `1 << i`. */
enum {
    QPY__SHAPE_AXES = (1 << QPY__AXES) - 1,
    QPY__SHAPE_IDS = 1 << 4,
    QPY__SHAPE_SINCE = 1 << 5,
    QPY__SHAPE_UNTIL = 1 << 6,
    QPY__SHAPE_QUEUED = 1 << 7,
    QPY__SHAPE_DRIVER = 1 << 8, /* times axis + 1: its junction table gives the candidates */
    QPY__SHAPE_PROBE = 1 << 12, /* instead: count the candidates of the one axis */
};

/* Parameters of every such statement, by number. Lists are JSON arrays. */
enum {
    QPY__PARAMETER_IDS = 1,
    QPY__PARAMETER_AXES = 2, /* 2, 3, 4, 5 */
    QPY__PARAMETER_SINCE = 6,
    QPY__PARAMETER_UNTIL = 7,
    QPY__PARAMETER_SINCE_DATE = 8, /* a day or more before, as text: what an index can use */
    QPY__PARAMETER_UNTIL_DATE = 9,
    QPY__PARAMETER_LIMIT = 10,
};

/* A probe counts to this and no further. */
#define QPY__SQLITE_FEW 1000

void qpy__sqlite_query_sql(unsigned shape, struct qpy__buf *sql);

/* ---- sqlite_query.c -------------------------------------------------------------------------- */

QPY_MUST_CHECK qpy_status qpy__sqlite_readers_open(struct qpy__sqlite *store, qpy_error *error);
void qpy__sqlite_readers_close(struct qpy__sqlite_readers *readers);

QPY_MUST_CHECK qpy_status qpy__sqlite_query(struct qpy__sqlite *store, const qpy_filter *filter,
                                            qpy_attestation_fn fn, void *payload, qpy_error *error);
QPY_MUST_CHECK qpy_status qpy__sqlite_count(struct qpy__sqlite *store, int64_t *ret_count,
                                            qpy_error *error);

/* The SQL functions that the statements of sqlite_plan.c use. An SQLite result code. */
int qpy__sqlite_functions(sqlite3 *db);

/* ---- sqlite_row.c ---------------------------------------------------------------------------- */

/* The columns that a row is read from, in order. */
#define QPY__SQLITE_COLUMNS                                                                        \
    "id,subjects,predicates,contexts,actors,timestamp,source,created_at,attributes"

/* Hand the row that `statement` is at to `fn`; *ret_more is what it returned. */
QPY_MUST_CHECK qpy_status qpy__sqlite_row(sqlite3_stmt *statement, qpy_attestation_fn fn,
                                          void *payload, bool *ret_more, qpy_error *error);

#endif
