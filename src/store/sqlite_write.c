/*
 * Writing to the SQLite store: one connection, and one commit for all who wait at the same time.
 *
 * A commit waits for the disk. Threads that attest meanwhile queue up; the first of them leads: it
 * takes all that wait as one batch and writes them in one transaction. Each caller returns when its
 * own batch is on the disk, with its own status.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/error.h"
#include "store/attestation.h"
#include "store/sqlite.h"

#define LIST_MAXIMUM ((size_t)1 << 30)

/* One call that waits. On the caller's stack; the leader fills in status and error. */
struct request {
    const qpy_attestation *attestations;
    size_t count;
    qpy_status status;
    qpy_error *error;
    bool done;
    struct request *next;
};

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    SAVE,
    RELEASE,
    UNDO,
    INSERT,
    INSERT_AXES,
    MARK = INSERT_AXES + QPY__AXES,
    IS_QUEUED,
    INDEX_AXES,
    EMPTY_QUEUE = INDEX_AXES + QPY__AXES,
    STATEMENTS
};

struct qpy__sqlite_writer {
    pthread_mutex_t lock;   /* guards `waiting`, `last`, `led`, and `done` of each request */
    pthread_cond_t changed; /* a batch is done */
    struct request *waiting;
    struct request **last;
    bool led; /* some thread writes a batch; what follows belongs to that thread alone */

    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    struct qpy__buf lists[QPY__AXES]; /* JSON of the attestation that is being inserted */
};

/* ---- Statements ------------------------------------------------------------------------------ */

static void axis_sql(enum statement which, struct qpy__buf *sql)
{
    if (which >= INDEX_AXES) {
        qpy__sqlite_index_sql(&qpy__sqlite_axes[which - INDEX_AXES], sql);
        return;
    }
    const struct qpy__sqlite_axis *axis = &qpy__sqlite_axes[which - INSERT_AXES];
    qpy__buf_format(sql, "INSERT OR IGNORE INTO %s(attestation_id,%s)VALUES(?1,?2)", axis->table,
                    axis->column);
}

static void statement_sql(enum statement which, struct qpy__buf *sql)
{
    static const char *const fixed[STATEMENTS] = {
        [BEGIN] = "BEGIN IMMEDIATE",
        [COMMIT] = "COMMIT",
        [ROLLBACK] = "ROLLBACK",
        [SAVE] = "SAVEPOINT request",
        [RELEASE] = "RELEASE request",
        [UNDO] = "ROLLBACK TO request",
        [INSERT] = ("INSERT INTO attestations(id,subjects,predicates,contexts,actors,timestamp,"
                    "source,attributes,created_at)VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)"),
        [MARK] = "INSERT INTO qntxpy_unindexed(id)VALUES('')",
        [IS_QUEUED] = "SELECT 1 FROM qntxpy_unindexed WHERE id>'' LIMIT 1",
        [EMPTY_QUEUE] = "DELETE FROM qntxpy_unindexed",
    };
    if (fixed[which])
        qpy__buf_text(sql, fixed[which]);
    else
        axis_sql(which, sql);
}

/* Statements on the queue exist only where there is one. */
static bool is_needed(const struct qpy__sqlite *store, enum statement which)
{
    return which < MARK || store->queued;
}

static int prepare_one(struct qpy__sqlite_writer *writer, enum statement which)
{
    struct qpy__buf sql;
    qpy__buf_init(&sql, 4096);
    statement_sql(which, &sql);
    int code = sql.failed ? SQLITE_NOMEM
                          : sqlite3_prepare_v3(writer->db, sql.data, -1, SQLITE_PREPARE_PERSISTENT,
                                               &writer->statements[which], NULL);
    qpy__buf_done(&sql);
    return code;
}

/*
 * Run a statement that gives no rows, or whose rows do not matter. It is ready to run again.
 * errno is cleared, so that what qpy__sqlite_error finds there is of this call.
 */
static int run(struct qpy__sqlite_writer *writer, enum statement which)
{
    sqlite3_stmt *statement = writer->statements[which];
    errno = 0;
    int code = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

/* ---- One attestation ------------------------------------------------------------------------- */

static int bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    return text ? sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC)
                : sqlite3_bind_null(statement, index);
}

static const qpy_strings *axis_of(const qpy_attestation *attestation, int axis)
{
    const qpy_strings *const axes[QPY__AXES] = {&attestation->subjects, &attestation->predicates,
                                                &attestation->contexts, &attestation->actors};
    return axes[axis];
}

static bool bind_list(struct qpy__sqlite_writer *writer, const qpy_attestation *attestation,
                      int axis)
{
    struct qpy__buf *list = &writer->lists[axis];
    list->length = 0;
    qpy__strings_to_json(*axis_of(attestation, axis), list);
    return !list->failed && sqlite3_bind_text(writer->statements[INSERT], 2 + axis, list->data,
                                              (int)list->length, SQLITE_STATIC) == SQLITE_OK;
}

static int insert_row(struct qpy__sqlite_writer *writer, const qpy_attestation *attestation)
{
    char timestamp[32];
    char created_at[32];
    qpy__time_to_text(attestation->timestamp_ms, timestamp);
    qpy__time_to_text(attestation->created_at_ms, created_at);
    sqlite3_stmt *insert = writer->statements[INSERT];
    bool bound = bind_text(insert, 1, attestation->id) == SQLITE_OK &&
                 bind_text(insert, 6, timestamp) == SQLITE_OK &&
                 bind_text(insert, 7, attestation->source) == SQLITE_OK &&
                 bind_text(insert, 8, attestation->attributes_json) == SQLITE_OK &&
                 bind_text(insert, 9, created_at) == SQLITE_OK;
    for (int axis = 0; axis < QPY__AXES && bound; axis++)
        bound = bind_list(writer, attestation, axis);
    return bound ? run(writer, INSERT) : SQLITE_NOMEM;
}

static int insert_junctions(struct qpy__sqlite_writer *writer, const qpy_attestation *attestation)
{
    int code = SQLITE_OK;
    for (int axis = 0; axis < QPY__AXES; axis++) {
        sqlite3_stmt *statement = writer->statements[INSERT_AXES + axis];
        const qpy_strings *strings = axis_of(attestation, axis);
        code = bind_text(statement, 1, attestation->id);
        for (size_t i = 0; i < strings->count && code == SQLITE_OK; i++) {
            code = bind_text(statement, 2, strings->items[i]);
            if (code == SQLITE_OK)
                code = run(writer, INSERT_AXES + (enum statement)axis);
        }
        if (code != SQLITE_OK)
            break;
    }
    return code;
}

static bool is_taken(sqlite3 *db)
{
    int code = sqlite3_extended_errcode(db);
    return code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE;
}

static qpy_status insert(struct qpy__sqlite *store, const qpy_attestation *attestation,
                         qpy_error *error)
{
    struct qpy__sqlite_writer *writer = store->writer;
    int code = insert_row(writer, attestation);
    if (code != SQLITE_OK && is_taken(writer->db))
        return qpy__error(error, QPY_E_EXISTS,
                          "an attestation with the id '%s' is already stored in '%s'",
                          attestation->id, store->path);
    if (code == SQLITE_OK)
        code = insert_junctions(writer, attestation);
    if (code == SQLITE_NOMEM)
        return qpy__error_memory(error, "an attestation");
    return code == SQLITE_OK ? QPY_OK : qpy__sqlite_error(store, writer->db, "store in", error);
}

/* ---- One batch ------------------------------------------------------------------------------- */

static qpy_status failure(struct qpy__sqlite *store, qpy_error *error)
{
    return qpy__sqlite_error(store, store->writer->db, "store in", error);
}

static void roll_back(struct qpy__sqlite_writer *writer)
{
    if (!sqlite3_get_autocommit(writer->db))
        (void)run(writer, ROLLBACK);
}

/* Until `end`, the trigger leaves the rows that are inserted to us. */
static int begin(struct qpy__sqlite_writer *writer)
{
    int code = run(writer, BEGIN);
    return code == SQLITE_OK && writer->statements[MARK] ? run(writer, MARK) : code;
}

/* Index what another program has inserted. */
static int index_queue(struct qpy__sqlite_writer *writer)
{
    sqlite3_stmt *is_queued = writer->statements[IS_QUEUED];
    bool some = sqlite3_step(is_queued) == SQLITE_ROW;
    int code = sqlite3_reset(is_queued);
    for (int axis = 0; axis < QPY__AXES && some && code == SQLITE_OK; axis++)
        code = run(writer, INDEX_AXES + (enum statement)axis);
    return code;
}

/* Nothing stays in the queue, neither its rows nor the mark of `begin`. */
static int end(struct qpy__sqlite_writer *writer)
{
    int code = SQLITE_OK;
    if (writer->statements[MARK]) {
        code = index_queue(writer);
        if (code == SQLITE_OK)
            code = run(writer, EMPTY_QUEUE);
    }
    return code == SQLITE_OK ? run(writer, COMMIT) : code;
}

static qpy_status insert_all(struct qpy__sqlite *store, struct request *request)
{
    for (size_t i = 0; i < request->count; i++) {
        qpy_status status = insert(store, &request->attestations[i], request->error);
        if (status != QPY_OK)
            return status;
    }
    return QPY_OK;
}

/*
 * Insert one of several requests; if it fails, the others go on. False: the whole transaction is
 * lost, because SQLite itself has rolled it back or cannot undo a part.
 */
static bool insert_request(struct qpy__sqlite *store, struct request *request)
{
    struct qpy__sqlite_writer *writer = store->writer;
    if (run(writer, SAVE) != SQLITE_OK) {
        request->status = failure(store, request->error);
        return false;
    }
    request->status = insert_all(store, request);
    if (sqlite3_get_autocommit(writer->db))
        return false;
    return (request->status == QPY_OK || run(writer, UNDO) == SQLITE_OK) &&
           run(writer, RELEASE) == SQLITE_OK;
}

static bool insert_batch(struct qpy__sqlite *store, struct request *batch)
{
    if (!batch->next) {
        batch->status = insert_all(store, batch);
        return batch->status == QPY_OK;
    }
    for (struct request *request = batch; request; request = request->next)
        if (!insert_request(store, request))
            return false;
    return true;
}

/* All that have not failed by themselves share the fate of the transaction. */
static void fail_batch(struct qpy__sqlite *store, struct request *batch)
{
    for (struct request *request = batch; request; request = request->next)
        if (request->status == QPY_OK)
            request->status = failure(store, request->error);
}

/* False: nothing was stored, because of one of them. */
static bool write_batch(struct qpy__sqlite *store, struct request *batch)
{
    struct qpy__sqlite_writer *writer = store->writer;
    bool begun = begin(writer) == SQLITE_OK;
    if (begun && insert_batch(store, batch) && end(writer) == SQLITE_OK)
        return true;
    fail_batch(store, batch);
    roll_back(writer);
    return !begun;
}

/* One request that is too large for the disk must not take the others along: try each alone. */
static void write_singly(struct qpy__sqlite *store, struct request *batch)
{
    for (struct request *request = batch; request; request = request->next) {
        struct request alone = *request;
        alone.next = NULL;
        alone.status = QPY_OK;
        (void)write_batch(store, &alone);
        request->status = alone.status;
    }
}

/* ---- Leading and following ------------------------------------------------------------------- */

static void enqueue(struct qpy__sqlite_writer *writer, struct request *request)
{
    *writer->last = request;
    writer->last = &request->next;
}

static struct request *take_batch(struct qpy__sqlite_writer *writer)
{
    struct request *batch = writer->waiting;
    writer->waiting = NULL;
    writer->last = &writer->waiting;
    return batch;
}

/* With the lock, which is released while the batch is written. */
static void lead(struct qpy__sqlite *store)
{
    struct qpy__sqlite_writer *writer = store->writer;
    struct request *batch = take_batch(writer);
    writer->led = true;
    pthread_mutex_unlock(&writer->lock);
    if (!write_batch(store, batch) && batch->next)
        write_singly(store, batch);
    pthread_mutex_lock(&writer->lock);
    writer->led = false;
    for (struct request *request = batch, *next; request; request = next) {
        next = request->next; /* its owner may go as soon as it is done and the lock is free */
        request->done = true;
    }
    pthread_cond_broadcast(&writer->changed);
}

qpy_status qpy__sqlite_attest(struct qpy__sqlite *store, const qpy_attestation *attestations,
                              size_t count, qpy_error *error)
{
    struct qpy__sqlite_writer *writer = store->writer;
    if (!writer)
        return qpy__error(error, QPY_E_STORE_READONLY,
                          "cannot store in '%s': it was opened for reading only", store->path);
    struct request request = {.attestations = attestations, .count = count, .error = error};
    pthread_mutex_lock(&writer->lock);
    enqueue(writer, &request);
    while (!request.done)
        if (writer->led)
            pthread_cond_wait(&writer->changed, &writer->lock);
        else
            lead(store);
    pthread_mutex_unlock(&writer->lock);
    return request.status;
}

/* ---- Life ------------------------------------------------------------------------------------ */

/*
 * The cache (in KiB, used when needed) holds the pages that a large commit touches. The log may
 * grow to 32 MiB before it is copied into the database: pages that change often are copied once.
 */
static const char settings[] =
    "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-32768;"
    "PRAGMA wal_autocheckpoint=8000;";

void qpy__sqlite_writer_close(struct qpy__sqlite_writer *writer)
{
    if (!writer)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(writer->statements[i]);
    for (int axis = 0; axis < QPY__AXES; axis++)
        qpy__buf_done(&writer->lists[axis]);
    sqlite3_close(writer->db);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

static int prepare(const struct qpy__sqlite *store, struct qpy__sqlite_writer *writer)
{
    int code = sqlite3_exec(writer->db, settings, NULL, NULL, NULL);
    for (int i = 0; i < STATEMENTS && code == SQLITE_OK; i++)
        if (is_needed(store, (enum statement)i))
            code = prepare_one(writer, (enum statement)i);
    return code;
}

qpy_status qpy__sqlite_writer_open(struct qpy__sqlite *store, sqlite3 *db, qpy_error *error)
{
    struct qpy__sqlite_writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        sqlite3_close(db);
        return qpy__error_memory(error, "the writer of a store");
    }
    writer->db = db;
    writer->last = &writer->waiting;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->changed, NULL);
    for (int axis = 0; axis < QPY__AXES; axis++)
        qpy__buf_init(&writer->lists[axis], LIST_MAXIMUM);
    if (prepare(store, writer) != SQLITE_OK) {
        qpy_status status = qpy__sqlite_error(store, db, "open store", error);
        qpy__sqlite_writer_close(writer);
        return status;
    }
    store->writer = writer;
    return QPY_OK;
}
