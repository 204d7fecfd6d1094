/* Connections to a SQLite database, and what SQLite's failures mean to the caller. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "store/sqlite.h"

static bool disk_is_full(int system_code)
{
    return system_code == ENOSPC || system_code == EDQUOT || system_code == EFBIG;
}

static qpy_status status_of(int code, int system_code)
{
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return QPY_E_STORE_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return QPY_E_STORE_CORRUPT;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return QPY_E_STORE_OPEN;
    case SQLITE_FULL:
        return QPY_E_STORE_FULL;
    case SQLITE_READONLY:
        return QPY_E_STORE_READONLY;
    case SQLITE_NOMEM:
        return QPY_E_NO_MEMORY;
    case SQLITE_IOERR:
        return disk_is_full(system_code) ? QPY_E_STORE_FULL : QPY_E_STORE;
    default:
        return QPY_E_STORE;
    }
}

/* The errno behind a failure, or 0. SQLite does not note it when a commit fails: `last`, then. */
static int system_reason(sqlite3 *db, int code, int last)
{
    if (code != SQLITE_CANTOPEN && code != SQLITE_IOERR)
        return 0;
    int noted = sqlite3_system_errno(db);
    return noted == 0 && code == SQLITE_IOERR ? last : noted;
}

qpy_status qpy__sqlite_error(const struct qpy__sqlite *store, sqlite3 *db, const char *what,
                             qpy_error *error)
{
    int last = errno;
    int code = db ? sqlite3_errcode(db) & 0xFF : SQLITE_NOMEM;
    int system_code = db ? system_reason(db, code, last) : 0;
    qpy_status status = status_of(code, system_code);
    if (status == QPY_E_STORE_BUSY)
        return qpy__error(error, status, "cannot %s '%s': database is locked after %d ms", what,
                          store->path, store->busy_timeout_ms);
    const char *reason = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    char buffer[128];
    if (system_code != 0)
        return qpy__error(error, status, "cannot %s '%s': %s (%s)", what, store->path, reason,
                          strerror_r(system_code, buffer, sizeof buffer));
    return qpy__error(error, status, "cannot %s '%s': %s", what, store->path, reason);
}

/* Names such as ":memory:" and "file:..." mean more to SQLite than a file: make them plain. */
static char *plain_path(const char *path)
{
    const char *prefix = path[0] == '/' ? "" : "./";
    size_t size = strlen(prefix) + strlen(path) + 1;
    char *plain = malloc(size);
    if (!plain)
        return NULL;
    memcpy(plain, prefix, strlen(prefix));
    memcpy(plain + strlen(prefix), path, strlen(path) + 1);
    return plain;
}

qpy_status qpy__sqlite_connect(const struct qpy__sqlite *store, int flags, sqlite3 **ret_db,
                               qpy_error *error)
{
    char *path = plain_path(store->path);
    if (!path)
        return qpy__error_memory(error, "the path of a store");
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    free(path);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(db, store->busy_timeout_ms);
    if (code != SQLITE_OK) {
        qpy_status status = qpy__sqlite_error(store, db, "open store", error);
        sqlite3_close(db);
        return status;
    }
    sqlite3_extended_result_codes(db, 1);
    *ret_db = db;
    return QPY_OK;
}
