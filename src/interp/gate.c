/* What each CPython version needs so that interpreters do not harm each other: one table. */
#include "interp/gate.h"

#include <stddef.h>

#include <qntxpy/engine.h>

#include "core/error.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define VERSION(major, minor, micro) (((major) << 24) | ((minor) << 16) | ((micro) << 8))

static const char *const none[] = {NULL};

/* One range of versions. `until` is the first version that is no longer in the range. */
struct row {
    unsigned long from;
    unsigned long until;
    bool own_by_default;
    bool own_possible;
    const char *reason; /* of the default */
    bool create_lock;
    bool shared_ticker;
    const char *const *shared_blocked;
    const char *const *preimported;
    const char *own_leak;
    const char *shared_leak;
};

#define SHARED_STATIC_STATE                                                                        \
    "keeps its state in C statics, which interpreters that share a GIL corrupt for each other; "   \
    "the standard library's Python version is loaded instead"

static const char *const one_shot[] = {
    "numpy",  "lxml.etree",    "lxml.objectify", "cryptography.hazmat.bindings._rust",
    "uvloop", "pydantic_core", "rpds",           NULL};

static const struct row rows[] = {
    {.from = VERSION(3, 11, 0),
     .until = VERSION(3, 12, 0),
     .reason = "CPython 3.11 has one GIL for all interpreters",
     .shared_ticker = true,
     .shared_blocked = LIST("_asyncio", "_datetime", "_decimal", "_zoneinfo"),
     .preimported = none},
    {.from = VERSION(3, 12, 0),
     .until = VERSION(3, 12, 8),
     .own_possible = true,
     .reason = "interpreters with their own GIL leak and can corrupt the heap on CPython 3.12",
     .create_lock = true,
     .shared_ticker = true,
     .shared_blocked = LIST("_datetime", "_decimal", "_zoneinfo"),
     .preimported = LIST("datetime", "_strptime", "decimal", "hashlib", "ssl", "asyncio", "sqlite3",
                         "hmac", "secrets", "zoneinfo", "struct", "cmath"),
     .own_leak = "about 1.2 MB per job",
     .shared_leak = "about 90 KB per job"},
    {.from = VERSION(3, 12, 8),
     .until = VERSION(3, 13, 0),
     .own_possible = true,
     .reason = "interpreters with their own GIL leak on CPython 3.12",
     .create_lock = true,
     .shared_ticker = true,
     .shared_blocked = LIST("_datetime", "_decimal", "_zoneinfo"),
     .preimported = LIST("datetime", "_strptime", "decimal", "hashlib", "ssl", "asyncio", "sqlite3",
                         "hmac", "secrets", "zoneinfo", "struct", "cmath"),
     .own_leak = "about 1.2 MB per job"},
    {.from = VERSION(3, 13, 0),
     .until = VERSION(3, 13, 1),
     .own_possible = true,
     .reason = "interpreters with their own GIL leak on CPython 3.13",
     .shared_blocked = none,
     .preimported = LIST("datetime", "_strptime", "struct", "cmath"),
     .own_leak = "about 1.2 MB per job",
     .shared_leak = "about 120 KB per job"},
    {.from = VERSION(3, 13, 1),
     .until = VERSION(3, 14, 1),
     .own_possible = true,
     .reason = "interpreters with their own GIL leak on CPython 3.13 and 3.14.0",
     .shared_blocked = none,
     .preimported = LIST("datetime", "_strptime", "struct", "cmath"),
     .own_leak = "about 1.2 MB per job"},
    {.from = VERSION(3, 14, 1),
     .until = VERSION(4, 0, 0),
     .own_by_default = true,
     .own_possible = true,
     .reason = "CPython 3.14.1 and later run interpreters in parallel without loss",
     .shared_blocked = none,
     .preimported = LIST("struct", "cmath")},
};

static const struct row *find_row(unsigned long version)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (version >= rows[i].from && version < rows[i].until)
            return &rows[i];
    return NULL;
}

qpy_status qpy__gate_choose(unsigned long version, int wish, struct qpy__gate *ret_gate,
                            qpy_error *error)
{
    int major = (int)(version >> 24);
    int minor = (int)(version >> 16 & 0xFF);
    const struct row *row = find_row(version);
    if (!row)
        return qpy__error(error, QPY_E_UNSUPPORTED,
                          "CPython %d.%d is not supported; 3.11 and later are", major, minor);
    if (wish == QPY_GIL_OWN && !row->own_possible)
        return qpy__error(error, QPY_E_UNSUPPORTED,
                          "gil = own needs CPython 3.12 or later; this is %d.%d", major, minor);
    bool own = wish == QPY_GIL_AUTO ? row->own_by_default : wish == QPY_GIL_OWN;
    *ret_gate = (struct qpy__gate){
        .own_gil = own,
        .gil_reason = wish == QPY_GIL_AUTO ? row->reason : "asked for by the host",
        .create_lock = row->create_lock,
        .ticker = !own && row->shared_ticker,
        .blocked = own ? none : row->shared_blocked,
        .blocked_reason = SHARED_STATIC_STATE,
        .preimported = row->preimported,
        .refused = one_shot,
        .leak_note = own ? row->own_leak : row->shared_leak,
    };
    return QPY_OK;
}
