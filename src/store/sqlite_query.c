/* Asking the SQLite store: connections of its own, so that no query waits for a writer. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "store/attestation.h"
#include "store/sqlite.h"
#include "store/time_text.h"

#define IDLE_READERS 8
#define CACHED_STATEMENTS 16
#define LISTS_MAXIMUM ((size_t)256 * 1024 * 1024)
#define DAY_MS INT64_C(86400000)

/* One connection for one query at a time. */
struct reader {
    sqlite3 *db;
    sqlite3_stmt *fetch;
    struct {
        unsigned shape;
        sqlite3_stmt *statement;
    } cache[CACHED_STATEMENTS]; /* statements by shape; the next one to go is at `oldest` */
    unsigned oldest;
};

struct qpy__sqlite_readers {
    pthread_mutex_t lock; /* guards all below; a leaf */
    struct reader *idle[IDLE_READERS];
    size_t count;
};

/* What a query asks for, in the form in which it is bound. */
struct question {
    unsigned shape;
    struct qpy__buf ids;
    struct qpy__buf axes[QPY__AXES];
    int64_t since, until, limit;
    char since_date[32];
    char until_date[32];
};

/* The rows of an answer, newest first. */
struct rows {
    int64_t *ids;
    size_t count;
    size_t capacity;
};

/* ---- SQL functions --------------------------------------------------------------------------- */

/* Unix time in milliseconds of a time in any format; NULL if it is none. */
static void sql_ms(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    int type = sqlite3_value_type(values[0]);
    int64_t unix_ms;
    const char *text;
    if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
        sqlite3_result_int64(context, qpy__time_from_number(sqlite3_value_int64(values[0])));
    else if ((text = (const char *)sqlite3_value_text(values[0])) &&
             qpy__time_from_text(text, &unix_ms))
        sqlite3_result_int64(context, unix_ms);
}

int qpy__sqlite_functions(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "qntxpy_ms", 1,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                      sql_ms, NULL, NULL, NULL);
}

/* ---- Readers --------------------------------------------------------------------------------- */

static void reader_close(struct reader *reader)
{
    for (int i = 0; i < CACHED_STATEMENTS; i++)
        sqlite3_finalize(reader->cache[i].statement);
    sqlite3_finalize(reader->fetch);
    sqlite3_close(reader->db);
    free(reader);
}

static int reader_prepare(struct reader *reader)
{
    int code = qpy__sqlite_functions(reader->db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(reader->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v3(reader->db,
                                  "SELECT " QPY__SQLITE_COLUMNS " FROM attestations WHERE rowid=?1",
                                  -1, SQLITE_PREPARE_PERSISTENT, &reader->fetch, NULL);
    return code;
}

static qpy_status reader_open(const struct qpy__sqlite *store, struct reader **ret_reader,
                              qpy_error *error)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return qpy__error_memory(error, "a reader of a store");
    int flags = store->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    qpy_status status = qpy__sqlite_connect(store, flags, &reader->db, error);
    if (status == QPY_OK && reader_prepare(reader) != SQLITE_OK)
        status = qpy__sqlite_error(store, reader->db, "read from", error);
    if (status != QPY_OK) {
        reader_close(reader);
        return status;
    }
    *ret_reader = reader;
    return QPY_OK;
}

static qpy_status take_reader(struct qpy__sqlite *store, struct reader **ret_reader,
                              qpy_error *error)
{
    struct qpy__sqlite_readers *readers = store->readers;
    struct reader *reader = NULL;
    pthread_mutex_lock(&readers->lock);
    if (readers->count > 0)
        reader = readers->idle[--readers->count];
    pthread_mutex_unlock(&readers->lock);
    if (!reader)
        return reader_open(store, ret_reader, error);
    *ret_reader = reader;
    return QPY_OK;
}

/* A reader that met an error is not used again. */
static void return_reader(struct qpy__sqlite *store, struct reader *reader, qpy_status status)
{
    struct qpy__sqlite_readers *readers = store->readers;
    bool kept = false;
    pthread_mutex_lock(&readers->lock);
    if (status == QPY_OK && readers->count < IDLE_READERS) {
        readers->idle[readers->count++] = reader;
        kept = true;
    }
    pthread_mutex_unlock(&readers->lock);
    if (!kept)
        reader_close(reader);
}

/* The statement of a shape, prepared once per reader while it stays in use. NULL: see db. */
static sqlite3_stmt *statement_for(struct reader *reader, unsigned shape)
{
    for (int i = 0; i < CACHED_STATEMENTS; i++)
        if (reader->cache[i].statement && reader->cache[i].shape == shape)
            return reader->cache[i].statement;
    struct qpy__buf sql;
    qpy__buf_init(&sql, 16384);
    qpy__sqlite_query_sql(shape, &sql);
    sqlite3_stmt *statement = NULL;
    if (!sql.failed)
        (void)sqlite3_prepare_v3(reader->db, sql.data, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                                 NULL);
    qpy__buf_done(&sql);
    if (!statement)
        return NULL;
    unsigned slot = reader->oldest++ % CACHED_STATEMENTS;
    sqlite3_finalize(reader->cache[slot].statement);
    reader->cache[slot].shape = shape;
    reader->cache[slot].statement = statement;
    return statement;
}

/* ---- The question ---------------------------------------------------------------------------- */

static int64_t clamp_time(int64_t unix_ms)
{
    return unix_ms < QPY__TIME_FIRST  ? QPY__TIME_FIRST
           : unix_ms > QPY__TIME_LAST ? QPY__TIME_LAST
                                      : unix_ms;
}

/* Offsets reach 14 hours: two days away, no text of the same instant lies beyond. */
static void set_times(struct question *question, const qpy_filter *filter)
{
    if (filter->since_ms != QPY_DEFAULT) {
        question->shape |= QPY__SHAPE_SINCE;
        question->since = filter->since_ms;
        qpy__time_to_text(clamp_time(clamp_time(filter->since_ms) - 2 * DAY_MS),
                          question->since_date);
        question->since_date[strlen("2026-11-23")] = '\0';
    }
    if (filter->until_ms != QPY_DEFAULT) {
        question->shape |= QPY__SHAPE_UNTIL;
        question->until = filter->until_ms;
        qpy__time_to_text(clamp_time(clamp_time(filter->until_ms) + 2 * DAY_MS),
                          question->until_date);
        question->until_date[strlen("2026-11-23")] = '\0';
    }
}

static void set_list(struct question *question, struct qpy__buf *list, qpy_strings strings,
                     unsigned bit)
{
    qpy__buf_init(list, LISTS_MAXIMUM);
    if (strings.count == 0)
        return;
    question->shape |= bit;
    qpy__strings_to_json(strings, list);
}

static void question_done(struct question *question)
{
    qpy__buf_done(&question->ids);
    for (int axis = 0; axis < QPY__AXES; axis++)
        qpy__buf_done(&question->axes[axis]);
}

static qpy_status question_make(struct question *question, const struct qpy__sqlite *store,
                                const qpy_filter *filter, qpy_error *error)
{
    *question = (struct question){.limit = filter->limit};
    set_list(question, &question->ids, filter->ids, QPY__SHAPE_IDS);
    const qpy_strings axes[QPY__AXES] = {filter->subjects, filter->predicates, filter->contexts,
                                         filter->actors};
    bool failed = question->ids.failed;
    for (int axis = 0; axis < QPY__AXES; axis++) {
        set_list(question, &question->axes[axis], axes[axis], 1u << axis);
        failed = failed || question->axes[axis].failed;
    }
    set_times(question, filter);
    if (!failed)
        return QPY_OK;
    question_done(question);
    return qpy__error(error, QPY_E_LIMIT,
                      "cannot read from '%s': a list of the filter is over %zu "
                      "bytes",
                      store->path, LISTS_MAXIMUM);
}

static int bind_list(sqlite3_stmt *statement, int parameter, const struct qpy__buf *list)
{
    if (!list->data)
        return SQLITE_OK;
    return sqlite3_bind_text(statement, parameter, list->data, (int)list->length, SQLITE_STATIC);
}

/* A probe has fewer parameters: those past its last are left out. */
static int bind_question(sqlite3_stmt *statement, const struct question *question)
{
    int parameters = sqlite3_bind_parameter_count(statement);
    int code = SQLITE_OK;
    for (int i = 0; i < QPY__AXES && code == SQLITE_OK; i++)
        if (QPY__PARAMETER_AXES + i <= parameters)
            code = bind_list(statement, QPY__PARAMETER_AXES + i, &question->axes[i]);
    if (code != SQLITE_OK || parameters < QPY__PARAMETER_LIMIT)
        return code;
    const int codes[] = {
        bind_list(statement, QPY__PARAMETER_IDS, &question->ids),
        sqlite3_bind_int64(statement, QPY__PARAMETER_SINCE, question->since),
        sqlite3_bind_int64(statement, QPY__PARAMETER_UNTIL, question->until),
        sqlite3_bind_text(statement, QPY__PARAMETER_SINCE_DATE, question->since_date, -1,
                          SQLITE_STATIC),
        sqlite3_bind_text(statement, QPY__PARAMETER_UNTIL_DATE, question->until_date, -1,
                          SQLITE_STATIC),
        sqlite3_bind_int64(statement, QPY__PARAMETER_LIMIT, question->limit),
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes && code == SQLITE_OK; i++)
        code = codes[i];
    return code;
}

/* ---- The plan -------------------------------------------------------------------------------- */

/* How many candidates an axis gives, at most QPY__SQLITE_FEW + 1. -1: see db. */
static int64_t probe(struct reader *reader, const struct question *question, int axis)
{
    sqlite3_stmt *statement = statement_for(reader, QPY__SHAPE_PROBE | 1u << axis);
    if (!statement || bind_question(statement, question) != SQLITE_OK)
        return -1;
    int64_t count = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return count;
}

static bool has_one_axis(unsigned shape)
{
    unsigned axes = shape & QPY__SHAPE_AXES;
    return (axes & (axes - 1)) == 0;
}

/*
 * Add to the shape which axis gives the candidates: the one with the fewest. If even that has many,
 * and few answers are wanted or time is bounded, going through all rows finds them sooner: from the
 * newest on, or those within the bounds.
 */
static bool choose_driver(const struct qpy__sqlite *store, struct reader *reader,
                          struct question *question)
{
    unsigned axes = question->shape & QPY__SHAPE_AXES;
    if (!store->indexed || axes == 0 || question->shape & QPY__SHAPE_IDS)
        return true;
    bool bounded = question->shape & (QPY__SHAPE_SINCE | QPY__SHAPE_UNTIL);
    bool may_walk = bounded || (store->ordered && question->limit != QPY_DEFAULT);
    bool only = has_one_axis(axes) && !may_walk;
    int64_t fewest = INT64_MAX;
    unsigned driver = 0;
    for (int axis = 0; axis < QPY__AXES; axis++) {
        if (!(axes & 1u << axis))
            continue;
        int64_t count = only ? 0 : probe(reader, question, axis);
        if (count < 0)
            return false;
        if (count < fewest) {
            fewest = count;
            driver = (unsigned)axis + 1;
        }
    }
    if (may_walk && fewest > QPY__SQLITE_FEW)
        return true;
    question->shape |= driver * QPY__SHAPE_DRIVER | (store->queued ? QPY__SHAPE_QUEUED : 0u);
    return true;
}

/* ---- The answer ------------------------------------------------------------------------------ */

static bool add_row(struct rows *rows, int64_t id)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity ? 2 * rows->capacity : 64;
        int64_t *ids = realloc(rows->ids, capacity * sizeof *ids);
        if (!ids)
            return false;
        rows->ids = ids;
        rows->capacity = capacity;
    }
    rows->ids[rows->count++] = id;
    return true;
}

static qpy_status find_rows(const struct qpy__sqlite *store, struct reader *reader,
                            const struct question *question, struct rows *rows, qpy_error *error)
{
    sqlite3_stmt *statement = statement_for(reader, question->shape);
    if (!statement || bind_question(statement, question) != SQLITE_OK)
        return qpy__sqlite_error(store, reader->db, "read from", error);
    int code;
    bool room = true;
    while (room && (code = sqlite3_step(statement)) == SQLITE_ROW)
        room = add_row(rows, sqlite3_column_int64(statement, 0));
    qpy_status status = QPY_OK;
    if (!room)
        status = qpy__error_memory(error, "the rows of an answer");
    else if (code != SQLITE_DONE)
        status = qpy__sqlite_error(store, reader->db, "read from", error);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return status;
}

static qpy_status fetch_rows(const struct qpy__sqlite *store, struct reader *reader,
                             const struct rows *rows, qpy_attestation_fn fn, void *payload,
                             qpy_error *error)
{
    qpy_status status = QPY_OK;
    bool more = true;
    for (size_t i = 0; i < rows->count && more && status == QPY_OK; i++) {
        (void)sqlite3_bind_int64(reader->fetch, 1, rows->ids[i]);
        int code = sqlite3_step(reader->fetch);
        if (code == SQLITE_ROW)
            status = qpy__sqlite_row(reader->fetch, fn, payload, &more, error);
        else if (code != SQLITE_DONE)
            status = qpy__sqlite_error(store, reader->db, "read from", error);
        (void)sqlite3_reset(reader->fetch);
    }
    return status;
}

/* Within one read transaction, so that all parts see the same rows. */
static qpy_status answer(const struct qpy__sqlite *store, struct reader *reader,
                         struct question *question, qpy_attestation_fn fn, void *payload,
                         qpy_error *error)
{
    if (!choose_driver(store, reader, question))
        return qpy__sqlite_error(store, reader->db, "read from", error);
    struct rows rows = {0};
    qpy_status status = find_rows(store, reader, question, &rows, error);
    if (status == QPY_OK)
        status = fetch_rows(store, reader, &rows, fn, payload, error);
    free(rows.ids);
    return status;
}

static qpy_status ask(const struct qpy__sqlite *store, struct reader *reader,
                      const qpy_filter *filter, qpy_attestation_fn fn, void *payload,
                      qpy_error *error)
{
    struct question question;
    qpy_status status = question_make(&question, store, filter, error);
    if (status != QPY_OK)
        return status;
    if (sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        status = qpy__sqlite_error(store, reader->db, "read from", error);
    } else {
        status = answer(store, reader, &question, fn, payload, error);
        (void)sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
    }
    question_done(&question);
    return status;
}

qpy_status qpy__sqlite_query(struct qpy__sqlite *store, const qpy_filter *filter,
                             qpy_attestation_fn fn, void *payload, qpy_error *error)
{
    struct reader *reader = NULL;
    qpy_status status = take_reader(store, &reader, error);
    if (!reader)
        return status;
    status = ask(store, reader, filter, fn, payload, error);
    return_reader(store, reader, status);
    return status;
}

qpy_status qpy__sqlite_count(struct qpy__sqlite *store, int64_t *ret_count, qpy_error *error)
{
    struct reader *reader = NULL;
    qpy_status status = take_reader(store, &reader, error);
    if (!reader)
        return status;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(reader->db, "SELECT count(*) FROM attestations", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        *ret_count = sqlite3_column_int64(statement, 0);
    else
        status = qpy__sqlite_error(store, reader->db, "read from", error);
    sqlite3_finalize(statement);
    return_reader(store, reader, status);
    return status;
}

/* ---- Life ------------------------------------------------------------------------------------ */

qpy_status qpy__sqlite_readers_open(struct qpy__sqlite *store, qpy_error *error)
{
    store->readers = calloc(1, sizeof *store->readers);
    if (!store->readers)
        return qpy__error_memory(error, "the readers of a store");
    pthread_mutex_init(&store->readers->lock, NULL);
    return QPY_OK;
}

void qpy__sqlite_readers_close(struct qpy__sqlite_readers *readers)
{
    if (!readers)
        return;
    for (size_t i = 0; i < readers->count; i++)
        reader_close(readers->idle[i]);
    pthread_mutex_destroy(&readers->lock);
    free(readers);
}
