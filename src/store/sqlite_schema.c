/*
 * The tables of the SQLite store. They are QNTX's: it may have made them, may open ours, and may
 * have the database open at the same time as we do.
 *
 * - `attestations` is what both generations of QNTX create. The columns for signatures are left out
 *   of ours: the newer generation adds them with ALTER TABLE, which fails on columns that exist.
 * - The junction tables are the newer generation's. It fills them itself. Where they are ours, the
 *   older generation may insert attestations without knowing of them: a trigger notes the ids in
 *   qntxpy_unindexed, queries look there as well, and the next writer moves them over. The empty id
 *   in there, which no other transaction ever sees, tells the trigger that we index the row
 *   ourselves. The trigger must not name the junction tables: QNTX's upgrade drops and renames
 *   them, and SQLite refuses to rename while a trigger names a table that is missing.
 * - The index on attestation_id is unique here. QNTX's upgrade fills existing junction tables with
 *   INSERT OR IGNORE; without it, all that was there would be there twice.
 */
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/thread.h"
#include "store/sqlite.h"

#define SCHEMA_VERSION 1
#define RETRY_AFTER (5 * QPY__USEC_PER_MSEC)

const struct qpy__sqlite_axis qpy__sqlite_axes[QPY__AXES] = {
    {"subjects", "attestation_subjects", "subject"},
    {"predicates", "attestation_predicates", "predicate"},
    {"contexts", "attestation_contexts", "context"},
    {"actors", "attestation_actors", "actor"},
};

#define JUNCTION(name)                                                                             \
    "CREATE TABLE IF NOT EXISTS attestation_" name "s ("                                           \
    " attestation_id TEXT NOT NULL REFERENCES attestations(id) ON DELETE CASCADE,"                 \
    " " name " TEXT NOT NULL COLLATE NOCASE);"                                                     \
    "CREATE INDEX IF NOT EXISTS idx_junc_" name " ON attestation_" name "s(" name ");"             \
    "CREATE UNIQUE INDEX IF NOT EXISTS idx_junc_" name "_id"                                       \
    " ON attestation_" name "s(attestation_id, " name " COLLATE BINARY);"

static const char create_sql[] =
    "CREATE TABLE IF NOT EXISTS attestations ("
    " id TEXT PRIMARY KEY,"
    " subjects JSON NOT NULL,"
    " predicates JSON NOT NULL,"
    " contexts JSON NOT NULL,"
    " actors JSON NOT NULL,"
    " timestamp DATETIME NOT NULL,"
    " source TEXT NOT NULL DEFAULT 'cli',"
    " attributes JSON,"
    " created_at DATETIME DEFAULT CURRENT_TIMESTAMP);"
    "CREATE INDEX IF NOT EXISTS idx_attestations_timestamp ON attestations(timestamp DESC);"
    "CREATE INDEX IF NOT EXISTS qntxpy_attestations_order ON attestations(" QPY__SQLITE_ORDER
    ");" JUNCTION("subject") JUNCTION("predicate") JUNCTION("context") JUNCTION(
        "actor") "CREATE INDEX IF NOT EXISTS idx_junc_actor_context"
                 " ON attestation_actors(actor, attestation_id);"
                 "CREATE TABLE IF NOT EXISTS qntxpy_unindexed ("
                 " id TEXT PRIMARY KEY) WITHOUT ROWID;"
                 "CREATE TRIGGER IF NOT EXISTS qntxpy_inserted AFTER INSERT ON attestations"
                 " WHEN NOT EXISTS (SELECT 1 FROM qntxpy_unindexed WHERE id='') AND new.id IS NOT "
                 "NULL"
                 " BEGIN INSERT OR IGNORE INTO qntxpy_unindexed(id) VALUES (new.id); END;"
                 "CREATE TABLE IF NOT EXISTS qntxpy_meta (name TEXT PRIMARY KEY, value);"
                 "INSERT OR IGNORE INTO qntxpy_meta(name, value) VALUES ('schema_version', 1);"
                 "INSERT OR IGNORE INTO qntxpy_unindexed(id)"
                 " SELECT id FROM attestations WHERE id IS NOT NULL;";

/* QNTX has taken the junction tables over: from now on it fills them, and we ours. */
static const char hand_over_sql[] = "DROP TRIGGER IF EXISTS qntxpy_inserted;"
                                    "DROP TABLE IF EXISTS qntxpy_unindexed;";

void qpy__sqlite_index_sql(const struct qpy__sqlite_axis *axis, struct qpy__buf *sql)
{
    qpy__buf_format(sql,
                    "INSERT OR IGNORE INTO %s(attestation_id,%s) "
                    "SELECT q.id,v.value FROM qntxpy_unindexed q CROSS JOIN attestations a ON "
                    "a.id=q.id CROSS JOIN json_each(CASE WHEN json_valid(CAST(a.%s AS TEXT))THEN "
                    "CAST(a.%s AS TEXT)"
                    "ELSE'[]'END)v WHERE v.value IS NOT NULL AND NOT EXISTS"
                    "(SELECT 1 FROM %s x WHERE x.attestation_id=q.id);",
                    axis->table, axis->column, axis->list, axis->list, axis->table);
}

/* ---- What is there --------------------------------------------------------------------------- */

struct layout {
    int64_t tables;     /* of anybody, without SQLite's own */
    int64_t columns;    /* of `attestations`, of those we need */
    int64_t junctions;  /* of the four junction tables */
    int64_t ours;       /* our table of versions is there */
    int64_t version;    /* of our tables */
    int64_t queue;      /* qntxpy_unindexed */
    int64_t order;      /* qntxpy_attestations_order */
    int64_t migrations; /* QNTX's table of its own upgrades is there */
    int64_t upgraded;   /* QNTX made the junction tables, or took over ours */
};

#define COLUMNS 9

/* The number that a query gives; 0 if it gives none. */
static int ask(sqlite3 *db, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    *ret_number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    int final = sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? final : code;
}

#define COUNT_SCHEMA "SELECT count(*) FROM sqlite_master WHERE "

/* Always in one transaction. */
static int read_layout(sqlite3 *db, struct layout *layout)
{
    const struct {
        const char *sql;
        int64_t *ret_number;
        const int64_t *unless_zero; /* a table that must be there first */
    } questions[] = {
        {COUNT_SCHEMA "type IN ('table','view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
         &layout->tables, NULL},
        {"SELECT count(*) FROM pragma_table_info('attestations') WHERE name IN ('id','subjects',"
         "'predicates','contexts','actors','timestamp','source','attributes','created_at')",
         &layout->columns, NULL},
        {COUNT_SCHEMA "type='table' AND name IN ('attestation_subjects','attestation_predicates',"
                      "'attestation_contexts','attestation_actors')",
         &layout->junctions, NULL},
        {COUNT_SCHEMA "type='table' AND name='qntxpy_meta'", &layout->ours, NULL},
        {"SELECT value FROM qntxpy_meta WHERE name='schema_version'", &layout->version,
         &layout->ours},
        {COUNT_SCHEMA "type='table' AND name='qntxpy_unindexed'", &layout->queue, NULL},
        {COUNT_SCHEMA "type='index' AND name='qntxpy_attestations_order'", &layout->order, NULL},
        {COUNT_SCHEMA "type='table' AND name='schema_migrations'", &layout->migrations, NULL},
        {"SELECT count(*) FROM schema_migrations WHERE version LIKE '048%'", &layout->upgraded,
         &layout->migrations},
    };
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof questions / sizeof *questions && code == SQLITE_OK; i++) {
        *questions[i].ret_number = 0;
        if (!questions[i].unless_zero || *questions[i].unless_zero > 0)
            code = ask(db, questions[i].sql, questions[i].ret_number);
    }
    return code;
}

static qpy_status check_layout(const struct qpy__sqlite *store, const struct layout *layout,
                               qpy_error *error)
{
    if (layout->version > SCHEMA_VERSION)
        return qpy__error(error, QPY_E_STORE_FOREIGN,
                          "cannot open store '%s': its tables have version %lld, this library "
                          "knows versions up to %d",
                          store->path, (long long)layout->version, SCHEMA_VERSION);
    bool empty = layout->tables == 0;
    if (empty && store->read_only)
        return qpy__error(error, QPY_E_STORE_FOREIGN,
                          "cannot open store '%s' for reading: it is an empty database",
                          store->path);
    if (!empty && layout->columns == 0)
        return qpy__error(error, QPY_E_STORE_FOREIGN,
                          "cannot open store '%s': it is a database of another program: it has "
                          "tables, but no table of attestations",
                          store->path);
    if (!empty && layout->columns < COLUMNS)
        return qpy__error(error, QPY_E_STORE_FOREIGN,
                          "cannot open store '%s': its table of attestations has only %lld of the "
                          "%d columns of QNTX",
                          store->path, (long long)layout->columns, COLUMNS);
    return QPY_OK;
}

/* QNTX looks after the junction tables: we made nothing here, or it has upgraded what we made. */
static bool is_qntx(const struct layout *layout)
{
    return layout->junctions == QPY__AXES && (layout->ours == 0 || layout->upgraded > 0);
}

static bool is_complete(const struct layout *layout)
{
    if (is_qntx(layout))
        return layout->queue == 0;
    return layout->junctions == QPY__AXES && layout->ours && layout->queue && layout->order;
}

/* ---- Making it so ---------------------------------------------------------------------------- */

static int index_queue(sqlite3 *db)
{
    int code = SQLITE_OK;
    struct qpy__buf sql;
    qpy__buf_init(&sql, 8192);
    for (int i = 0; i < QPY__AXES; i++)
        qpy__sqlite_index_sql(&qpy__sqlite_axes[i], &sql);
    qpy__buf_text(&sql, "DELETE FROM qntxpy_unindexed;");
    code = sql.failed ? SQLITE_NOMEM : sqlite3_exec(db, sql.data, NULL, NULL, NULL);
    qpy__buf_done(&sql);
    return code;
}

/* Within a write transaction. */
static int complete(sqlite3 *db, const struct layout *layout)
{
    bool qntx = is_qntx(layout);
    int code = SQLITE_OK;
    if (!qntx)
        code = sqlite3_exec(db, create_sql, NULL, NULL, NULL);
    if (code == SQLITE_OK && (!qntx || layout->queue > 0))
        code = index_queue(db);
    if (code == SQLITE_OK && qntx)
        code = sqlite3_exec(db, hand_over_sql, NULL, NULL, NULL);
    return code;
}

static qpy_status inspect(const struct qpy__sqlite *store, sqlite3 *db, const char *begin,
                          struct layout *layout, qpy_error *error)
{
    if (sqlite3_exec(db, begin, NULL, NULL, NULL) != SQLITE_OK ||
        read_layout(db, layout) != SQLITE_OK)
        return qpy__sqlite_error(store, db, "open store", error);
    return check_layout(store, layout, error);
}

static void roll_back(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db))
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

/* Others may open the database at the same moment: look again, under the lock for writing. */
static qpy_status complete_locked(const struct qpy__sqlite *store, sqlite3 *db,
                                  struct layout *layout, qpy_error *error)
{
    qpy_status status = inspect(store, db, "BEGIN IMMEDIATE", layout, error);
    if (status != QPY_OK)
        return status;
    if (!is_complete(layout) && complete(db, layout) != SQLITE_OK)
        return qpy__sqlite_error(store, db, "create tables in", error);
    if (read_layout(db, layout) != SQLITE_OK ||
        sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        return qpy__sqlite_error(store, db, "create tables in", error);
    return QPY_OK;
}

/* SQLite does not wait by itself for the lock that this takes when others open the database too. */
static qpy_status use_wal(const struct qpy__sqlite *store, sqlite3 *db, qpy_error *error)
{
    qpy__usec until = qpy__monotonic_now() + (qpy__usec)store->busy_timeout_ms * QPY__USEC_PER_MSEC;
    int code;
    while ((code = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) & 0xFF) ==
               SQLITE_BUSY &&
           qpy__monotonic_now() < until)
        qpy__nap(RETRY_AFTER);
    if (code != SQLITE_OK)
        return qpy__sqlite_error(store, db, "open store", error);
    return QPY_OK;
}

/* A foreign database is left before anything is written to it. */
static qpy_status open_schema(const struct qpy__sqlite *store, sqlite3 *db, struct layout *layout,
                              qpy_error *error)
{
    qpy_status status = inspect(store, db, "BEGIN", layout, error);
    if (status != QPY_OK || store->read_only)
        return status;
    roll_back(db);
    if (sqlite3_db_readonly(db, "main") == 1)
        return qpy__error(error, QPY_E_STORE_READONLY,
                          "cannot open store '%s': the file cannot be written", store->path);
    status = use_wal(store, db, error);
    if (status != QPY_OK || is_complete(layout))
        return status;
    return complete_locked(store, db, layout, error);
}

qpy_status qpy__sqlite_schema(struct qpy__sqlite *store, sqlite3 *db, qpy_error *error)
{
    struct layout layout = {0};
    qpy_status status = open_schema(store, db, &layout, error);
    roll_back(db);
    if (status != QPY_OK)
        return status;
    store->indexed = layout.junctions == QPY__AXES;
    store->queued = layout.queue > 0;
    store->ordered = layout.order > 0;
    return QPY_OK;
}
