/* The public engine: checks what the host asks for, then hands it to the pool. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <qntxpy/engine.h>

#include "core/error.h"
#include "core/options.h"
#include "engine/info.h"
#include "engine/pool.h"
#include "engine/spec.h"
#include "interp/runtime.h"

#define MIB ((int64_t)1024 * 1024)

struct qpy_engine {
    struct qpy__pool *pool;
    struct qpy__spec_rules rules;
    qpy_store *own_store; /* the one in memory when the host gave none */
};

/* ---- Options ------------------------------------------------------------------------------------ */

static qpy_status out_of_range(qpy_error *error, const char *name, int64_t value, int64_t least,
                               int64_t most)
{
    return qpy__error(error, QPY_E_ARGUMENT,
                      "%s is %" PRId64 "; it must be between %" PRId64 " and %" PRId64, name, value,
                      least, most);
}

/* QPY_DEFAULT becomes `otherwise`; anything else must be in range. */
static qpy_status resolve(int64_t *value, const char *name, int64_t otherwise, int64_t least,
                          int64_t most, qpy_error *error)
{
    if (*value == QPY_DEFAULT)
        *value = otherwise;
    else if (*value < least || *value > most)
        return out_of_range(error, name, *value, least, most);
    return QPY_OK;
}

struct resolved {
    int64_t workers, gil, max_queued, max_abandoned, attest;
    int64_t timeout_ms, grace_ms, output_limit, result_limit, script_limit, payload_limit;
};

static qpy_status resolve_options(const qpy_engine_options *options, struct resolved *ret,
                                  qpy_error *error)
{
    *ret = (struct resolved){options->workers,       options->gil,          options->max_queued,
                             options->max_abandoned, options->attest,       options->timeout_ms,
                             options->grace_ms,      options->output_limit, options->result_limit,
                             options->script_limit,  options->payload_limit};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const struct {
        int64_t *value;
        const char *name;
        int64_t otherwise, least, most;
    } rules[] = {
        {&ret->workers, "workers", cores > 0 && cores < QPY__WORKERS_MAXIMUM ? cores : 1, 1,
         QPY__WORKERS_MAXIMUM},
        {&ret->gil, "gil", QPY_GIL_AUTO, QPY_GIL_AUTO, QPY_GIL_SHARED},
        {&ret->max_queued, "max_queued", 10000, 0, 10000000},
        {&ret->max_abandoned, "max_abandoned", 8, 0, 10000},
        {&ret->attest, "attest", QPY_ATTEST_IMMEDIATE, QPY_ATTEST_IMMEDIATE, QPY_ATTEST_WITH_JOB},
        {&ret->timeout_ms, "timeout_ms", 30000, 1, QPY__TIMEOUT_MAXIMUM_MS},
        {&ret->grace_ms, "grace_ms", 2000, 0, QPY__TIMEOUT_MAXIMUM_MS},
        {&ret->output_limit, "output_limit", MIB, 0, 1024 * MIB},
        {&ret->result_limit, "result_limit", 16 * MIB, 0, 1024 * MIB},
        {&ret->script_limit, "script_limit", 8 * MIB, 1, 1024 * MIB},
        {&ret->payload_limit, "payload_limit", 64 * MIB, 1, 1024 * MIB},
    };
    qpy_status status = QPY_OK;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && status == QPY_OK; i++)
        status = resolve(rules[i].value, rules[i].name, rules[i].otherwise, rules[i].least,
                         rules[i].most, error);
    return status;
}

/* A virtual environment of this Python gives its site-packages. */
static qpy_status add_venv(struct qpy__string_list *paths, const char *venv, qpy_error *error)
{
    char path[4200];
    struct stat info;
    snprintf(path, sizeof path, "%s/pyvenv.cfg", venv);
    if (stat(path, &info) != 0)
        return qpy__error(error, QPY_E_ARGUMENT, "venv '%s' is no virtual environment: no %s", venv,
                          path);
    snprintf(path, sizeof path, "%s/lib/python%d.%d/site-packages", venv, (int)(Py_Version >> 24),
             (int)(Py_Version >> 16 & 0xFF));
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return qpy__error(error, QPY_E_ARGUMENT,
                          "venv '%s' was made for another Python: no directory %s", venv, path);
    return qpy__string_list_add(paths, path, error);
}

static qpy_status collect_paths(struct qpy__string_list *paths, const qpy_engine_options *options,
                                qpy_error *error)
{
    qpy_status status = options->venv ? add_venv(paths, options->venv, error) : QPY_OK;
    for (size_t i = 0; i < options->python_paths.count && status == QPY_OK; i++)
        status = qpy__string_list_add(paths, options->python_paths.items[i], error);
    return status;
}

static qpy_status check_home(const char *home, qpy_error *error)
{
    struct stat info;
    if (home && (stat(home, &info) != 0 || !S_ISDIR(info.st_mode)))
        return qpy__error(error, QPY_E_ARGUMENT, "python_home '%s' is no directory", home);
    return QPY_OK;
}

/* ---- Opening and closing ------------------------------------------------------------------------ */

static qpy_status open_pool(qpy_engine *engine, const qpy_engine_options *options,
                            const struct resolved *resolved, qpy_error *error)
{
    struct qpy__pool_config config = {
        .store = options->store ? options->store : engine->own_store,
        .workers = (int)resolved->workers,
        .max_queued = (int)resolved->max_queued,
        .max_abandoned = (int)resolved->max_abandoned,
        .grace = resolved->grace_ms * QPY__USEC_PER_MSEC,
        .output_limit = (size_t)resolved->output_limit,
        .result_limit = (size_t)resolved->result_limit,
        .clock = qpy__clock_system(),
    };
    qpy_status status = check_home(options->python_home, error);
    if (status == QPY_OK)
        status = qpy__runtime_start(options->python_home, (int)resolved->gil, &config.gate, error);
    if (status == QPY_OK)
        status = collect_paths(&config.paths, options, error);
    if (status == QPY_OK)
        status = qpy__pool_open(&config, &engine->pool, error);
    if (status != QPY_OK)
        qpy__string_list_done(&config.paths);
    return status;
}

static qpy_status open_engine(qpy_engine *engine, const qpy_engine_options *options,
                              qpy_error *error)
{
    struct resolved resolved;
    qpy_status status = resolve_options(options, &resolved, error);
    if (status == QPY_OK && !options->store)
        status = qpy_store_open_memory(&engine->own_store, error);
    if (status != QPY_OK)
        return status;
    engine->rules = (struct qpy__spec_rules){
        .script_limit = (size_t)resolved.script_limit,
        .payload_limit = (size_t)resolved.payload_limit,
        .timeout_ms = resolved.timeout_ms,
        .attest =
            resolved.attest == QPY_ATTEST_WITH_JOB ? QPY__SESSION_WITH_JOB : QPY__SESSION_IMMEDIATE,
    };
    return open_pool(engine, options, &resolved, error);
}

qpy_status qpy_engine_open(const qpy_engine_options *options, qpy_engine **ret_engine,
                           qpy_error *error)
{
    qpy_engine_options defaults = QPY_ENGINE_OPTIONS_INIT;
    if (!options)
        options = &defaults;
    if (!ret_engine)
        return qpy__error(error, QPY_E_ARGUMENT, "ret_engine is NULL");
    qpy_status status =
        qpy__options_check("qpy_engine_options", options, options->size, sizeof *options, error);
    if (status != QPY_OK)
        return status;
    qpy_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return qpy__error_memory(error, "an engine");
    void *held = qpy__runtime_let_go();
    status = open_engine(engine, options, error);
    qpy__runtime_take_back(held);
    if (status != QPY_OK) {
        (void)qpy_engine_close(engine);
        return status;
    }
    *ret_engine = engine;
    return QPY_OK;
}

size_t qpy_engine_close(qpy_engine *engine)
{
    if (!engine)
        return 0;
    size_t left_behind = 0;
    if (engine->pool) {
        void *held = qpy__runtime_let_go();
        left_behind = qpy__pool_close(engine->pool);
        qpy__runtime_take_back(held);
        qpy__pool_unref(engine->pool);
    }
    /* A script left behind may still call attest(): its session is sealed, so the store can go. */
    qpy_store_close(engine->own_store);
    free(engine);
    return left_behind;
}

/* ---- Running ------------------------------------------------------------------------------------ */

qpy_status qpy_engine_submit(qpy_engine *engine, const qpy_script *script,
                             qpy_execution **ret_execution, qpy_error *error)
{
    if (!engine || !ret_execution)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL", engine ? "ret_execution" : "engine");
    struct qpy__spec *spec = NULL;
    qpy_status status = qpy__spec_make(script, &engine->rules, &spec, error);
    if (status != QPY_OK)
        return status;
    struct qpy_execution *execution = qpy__execution_new(engine->pool, spec);
    if (!execution) {
        qpy__spec_free(spec);
        return qpy__error_memory(error, "an execution");
    }
    status = qpy__execution_watch(execution, error);
    if (status == QPY_OK)
        status = qpy__pool_submit(engine->pool, execution, error);
    if (status != QPY_OK) {
        qpy__execution_discard(execution);
        return status;
    }
    *ret_execution = execution;
    return QPY_OK;
}

qpy_status qpy_engine_run(qpy_engine *engine, const qpy_script *script, qpy_result **ret_result,
                          qpy_error *error)
{
    if (!ret_result)
        return qpy__error(error, QPY_E_ARGUMENT, "ret_result is NULL");
    qpy_execution *execution = NULL;
    qpy_status status = qpy_engine_submit(engine, script, &execution, error);
    if (status != QPY_OK)
        return status;
    const qpy_result *result = NULL;
    status = qpy_execution_wait(execution, QPY_DEFAULT, &result, error);
    if (status == QPY_OK)
        *ret_result = qpy__result_ref((qpy_result *)result);
    qpy_execution_free(execution);
    return status;
}

/* ---- Warming and describing --------------------------------------------------------------------- */

static bool all_ready(const struct qpy__pool *pool)
{
    return pool->counts.ready + pool->counts.running >= pool->config.workers &&
           pool->counts.running == 0;
}

static qpy_status wait_until_warm(struct qpy__pool *pool, qpy__usec until, qpy_error *error)
{
    qpy_status status = QPY_OK;
    pthread_mutex_lock(&pool->lock);
    while (status == QPY_OK && !(all_ready(pool) && pool->create_failure.status == QPY_OK)) {
        if (pool->create_failure.status != QPY_OK) {
            status = pool->create_failure.status;
            if (error)
                *error = pool->create_failure;
        } else if (!qpy__cond_wait_until(&pool->changed, &pool->lock, until)) {
            status = qpy__error(error, QPY_E_TIMEOUT, "%d of %d workers are ready",
                                pool->counts.ready, pool->config.workers);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return status;
}

qpy_status qpy_engine_warm(qpy_engine *engine, int64_t timeout_ms, qpy_error *error)
{
    if (!engine)
        return qpy__error(error, QPY_E_ARGUMENT, "engine is NULL");
    if (timeout_ms < QPY_DEFAULT || timeout_ms > QPY__TIMEOUT_MAXIMUM_MS)
        return out_of_range(error, "timeout_ms", timeout_ms, 0, QPY__TIMEOUT_MAXIMUM_MS);
    qpy__usec until = timeout_ms == QPY_DEFAULT
                          ? QPY__USEC_NEVER
                          : qpy__monotonic_now() + timeout_ms * QPY__USEC_PER_MSEC;
    void *held = qpy__runtime_let_go();
    qpy_status status = wait_until_warm(engine->pool, until, error);
    qpy__runtime_take_back(held);
    return status;
}

qpy_status qpy_engine_info(qpy_engine *engine, char **ret_json, qpy_error *error)
{
    if (!engine || !ret_json)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL", engine ? "ret_json" : "engine");
    return qpy__info_describe(engine->pool, ret_json, error);
}
