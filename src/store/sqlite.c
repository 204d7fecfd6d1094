/* The SQLite store: durable, in QNTX's own tables, and usable while QNTX has them open. */
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"
#include "core/utf8.h"
#include "store/sqlite.h"

#define BUSY_TIMEOUT_MS 5000

static void close_sqlite(void *self)
{
    struct qpy__sqlite *store = self;
    if (!store)
        return;
    qpy__sqlite_readers_close(store->readers);
    qpy__sqlite_writer_close(store->writer);
    free(store->path);
    free(store);
}

static qpy_status attest(void *self, const qpy_attestation *attestations, size_t count,
                         qpy_error *error)
{
    return qpy__sqlite_attest(self, attestations, count, error);
}

static qpy_status query(void *self, const qpy_filter *filter, qpy_attestation_fn fn, void *payload,
                        qpy_error *error)
{
    return qpy__sqlite_query(self, filter, fn, payload, error);
}

/* Whose junction tables: QNTX's, ours, or none. */
static const char *layout_name(const struct qpy__sqlite *store)
{
    return !store->indexed ? "qntx without indexes" : store->queued ? "qntxpy" : "qntx";
}

static qpy_status describe(void *self, char **ret_json, qpy_error *error)
{
    const struct qpy__sqlite *store = self;
    int64_t count;
    qpy_status status = qpy__sqlite_count(self, &count, error);
    if (status != QPY_OK)
        return status;
    struct qpy__buf buf;
    qpy__buf_init(&buf, 65536);
    qpy__buf_text(&buf, "{\"kind\":\"sqlite\",\"path\":");
    qpy__buf_json_text(&buf, store->path);
    qpy__buf_format(&buf,
                    ",\"attestations\":%lld,\"layout\":\"%s\",\"read_only\":%s,"
                    "\"busy_timeout_ms\":%d,\"sqlite_version\":\"%s\"}",
                    (long long)count, layout_name(store), store->read_only ? "true" : "false",
                    store->busy_timeout_ms, sqlite3_libversion());
    char *json = qpy__buf_take(&buf);
    if (!json)
        return qpy__error_memory(error, "the description of a store");
    *ret_json = json;
    return QPY_OK;
}

static const qpy_store_ops sqlite_ops = {
    .size = sizeof sqlite_ops,
    .name = "sqlite",
    .attest = attest,
    .query = query,
    .describe = describe,
    .close = close_sqlite,
};

/* ---- Opening --------------------------------------------------------------------------------- */

static qpy_status check_options(const qpy_sqlite_options *options, qpy_error *error)
{
    qpy_status status =
        qpy__options_check("qpy_sqlite_options", options, options->size, sizeof *options, error);
    if (status != QPY_OK)
        return status;
    if (options->busy_timeout_ms < QPY_DEFAULT)
        return qpy__error(error, QPY_E_ARGUMENT,
                          "qpy_sqlite_options: busy_timeout_ms is %d, which is negative",
                          options->busy_timeout_ms);
    if (options->read_only != 0 && options->read_only != 1)
        return qpy__error(error, QPY_E_ARGUMENT,
                          "qpy_sqlite_options: read_only is %d, neither 0 nor 1",
                          options->read_only);
    return QPY_OK;
}

static qpy_status check_arguments(const char *path, const qpy_sqlite_options *options,
                                  qpy_store **ret_store, qpy_error *error)
{
    if (!path || !ret_store)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL", path ? "ret_store" : "path");
    if (path[0] == '\0')
        return qpy__error(error, QPY_E_ARGUMENT, "path is empty");
    size_t length = strlen(path);
    if (qpy__utf8_valid_prefix(path, length) < length)
        return qpy__error(error, QPY_E_ARGUMENT, "path is not UTF-8");
    return options ? check_options(options, error) : QPY_OK;
}

static struct qpy__sqlite *new_store(const char *path, const qpy_sqlite_options *options)
{
    struct qpy__sqlite *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->busy_timeout_ms = BUSY_TIMEOUT_MS;
    if (options && options->busy_timeout_ms != QPY_DEFAULT)
        store->busy_timeout_ms = options->busy_timeout_ms;
    store->read_only = options && options->read_only;
    store->path = strdup(path);
    if (store->path)
        return store;
    free(store);
    return NULL;
}

static qpy_status open_writer(struct qpy__sqlite *store, qpy_error *error)
{
    int flags =
        store->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3 *db;
    qpy_status status = qpy__sqlite_connect(store, flags, &db, error);
    if (status != QPY_OK)
        return status;
    status = qpy__sqlite_schema(store, db, error);
    if (status != QPY_OK || store->read_only) {
        sqlite3_close(db);
        return status;
    }
    return qpy__sqlite_writer_open(store, db, error);
}

qpy_status qpy_store_open_sqlite(const char *path, const qpy_sqlite_options *options,
                                 qpy_store **ret_store, qpy_error *error)
{
    qpy_status status = check_arguments(path, options, ret_store, error);
    if (status != QPY_OK)
        return status;
    struct qpy__sqlite *store = new_store(path, options);
    if (!store)
        return qpy__error_memory(error, "a store");
    status = open_writer(store, error);
    if (status == QPY_OK)
        status = qpy__sqlite_readers_open(store, error);
    if (status == QPY_OK)
        status = qpy_store_new(&sqlite_ops, store, ret_store, error);
    if (status != QPY_OK)
        close_sqlite(store);
    return status;
}
