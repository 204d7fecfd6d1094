/* What qpy_engine_info tells: what this engine is made of, how it does, and what it cannot do. */
#include "engine/info.h"

#include <inttypes.h>
#include <stdlib.h>

#include <qntxpy/version.h>

#include "core/error.h"
#include "interp/runtime.h"
#include "qntxpy_build.h"

#define INFO_MAXIMUM ((size_t)1024 * 1024)

static void add_list(struct qpy__buf *json, const char *name, const char *const *texts)
{
    qpy__buf_format(json, ",\"%s\":[", name);
    for (size_t i = 0; texts[i]; i++) {
        qpy__buf_text(json, i > 0 ? "," : "");
        qpy__buf_json_text(json, texts[i]);
    }
    qpy__buf_char(json, ']');
}

static void add_versions(struct qpy__buf *json)
{
    qpy__buf_text(json, "{\"version\":");
    qpy__buf_json_text(json, qpy_version());
    qpy__buf_text(json, ",\"python\":{\"version\":");
    qpy__buf_json_text(json, qpy__runtime_python_version());
    qpy__buf_text(json, ",\"built_for\":");
    qpy__buf_json_text(json, QPY_BUILD_PYTHON_VERSION);
    qpy__buf_text(json, ",\"home\":");
    qpy__buf_json_text(json, qpy__runtime_home());
    qpy__buf_format(json, ",\"started_by_host\":%s}", qpy__runtime_is_hosted() ? "true" : "false");
}

/* Where scripts import from: the standard library, then what the engine's options add. */
static void add_paths(struct qpy__buf *json, const struct qpy__string_list *more)
{
    const char *const *paths = qpy__runtime_search_paths();
    size_t count = 0;
    qpy__buf_text(json, ",\"search_paths\":[");
    for (; paths[count]; count++) {
        qpy__buf_text(json, count > 0 ? "," : "");
        qpy__buf_json_text(json, paths[count]);
    }
    for (size_t i = 0; i < more->count; i++) {
        qpy__buf_text(json, count + i > 0 ? "," : "");
        qpy__buf_json_text(json, more->items[i]);
    }
    qpy__buf_char(json, ']');
}

static void add_gate(struct qpy__buf *json, const struct qpy__gate *gate)
{
    qpy__buf_text(json, ",\"gil\":{\"mode\":");
    qpy__buf_json_text(json, gate->own_gil ? "own" : "shared");
    qpy__buf_text(json, ",\"reason\":");
    qpy__buf_json_text(json, gate->gil_reason);
    qpy__buf_format(json, ",\"ticker\":%s,\"creation_lock\":%s", gate->ticker ? "true" : "false",
                    gate->create_lock ? "true" : "false");
    add_list(json, "blocked_modules", gate->blocked);
    if (gate->blocked[0]) {
        qpy__buf_text(json, ",\"blocked_because\":");
        qpy__buf_json_text(json, gate->blocked_reason);
    }
    add_list(json, "preimported_modules", gate->preimported);
    add_list(json, "refused_modules", gate->refused);
    qpy__buf_text(json, ",\"leak\":");
    qpy__buf_json_text(json, gate->leak_note);
    qpy__buf_char(json, '}');
}

static void add_workers(struct qpy__buf *json, const struct qpy__pool *pool,
                        const struct qpy__pool_counts *counts)
{
    qpy__buf_format(json,
                    ",\"workers\":{\"total\":%d,\"ready\":%d,\"running\":%d,\"queued\":%d,"
                    "\"abandoned\":%d,\"max_queued\":%d,\"max_abandoned\":%d}",
                    pool->config.workers, counts->ready, counts->running, counts->queued,
                    counts->abandoned, pool->config.max_queued, pool->config.max_abandoned);
    qpy__buf_format(json,
                    ",\"jobs\":{\"succeeded\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"stopped\":{",
                    counts->succeeded, counts->failed);
    for (int rung = QPY__RUNG_COOPERATIVE; rung <= QPY__RUNG_ABANDON; rung++)
        qpy__buf_format(json, "%s\"%s\":%" PRIu64, rung > QPY__RUNG_COOPERATIVE ? "," : "",
                        qpy__stop_rung_name((enum qpy__stop_rung)rung), counts->stopped[rung]);
    qpy__buf_format(json, "}},\"interpreters\":{\"created\":%" PRIu64 ",\"create_ms\":%.3f}",
                    counts->interpreters, (double)counts->create_cost / 1000);
}

static void add_unavailable(struct qpy__buf *json, const struct qpy__gate *gate)
{
    qpy__buf_text(json, ",\"not_available\":[");
    qpy__buf_json_text(json, "lane recycled: interpreters are not reused yet");
    qpy__buf_char(json, ',');
    qpy__buf_json_text(json, "lane process: extension modules that load once per process, such as "
                             "numpy, need a Python process of their own");
    qpy__buf_char(json, ',');
    qpy__buf_json_text(json, "memory limits per job");
    if (!gate->own_gil) {
        qpy__buf_char(json, ',');
        qpy__buf_json_text(json, "scripts that compute in parallel: they share one GIL");
    }
    if (qpy__runtime_is_hosted()) {
        qpy__buf_char(json, ',');
        qpy__buf_json_text(json, "isolated configuration of Python: the host initialised it");
    }
    qpy__buf_char(json, ']');
}

qpy_status qpy__info_describe(struct qpy__pool *pool, char **ret_json, qpy_error *error)
{
    char *store = NULL;
    qpy_status status = qpy_store_describe(pool->config.store, &store, error);
    if (status != QPY_OK)
        return status;
    struct qpy__pool_counts counts = qpy__pool_counts(pool);
    struct qpy__buf json;
    qpy__buf_init(&json, INFO_MAXIMUM);
    add_versions(&json);
    add_gate(&json, &pool->config.gate);
    add_paths(&json, &pool->config.paths);
    qpy__buf_text(&json, ",\"store\":");
    qpy__buf_text(&json, store);
    add_workers(&json, pool, &counts);
    add_unavailable(&json, &pool->config.gate);
    qpy__buf_char(&json, '}');
    qpy_free(store);
    *ret_json = qpy__buf_take(&json);
    return *ret_json ? QPY_OK : qpy__error_memory(error, "a description");
}
