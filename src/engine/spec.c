/* From a qpy_script, and the payload in it, to a checked script spec. */
#include "engine/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"
#include "core/utf8.h"
#include "engine/payload.h"

static qpy_status copy_text(char **slot, const char *text, qpy_error *error)
{
    if (!text)
        return QPY_OK;
    free(*slot);
    *slot = strdup(text);
    return *slot ? QPY_OK : qpy__error_memory(error, "a script");
}

static qpy_status copy_list(struct qpy__string_list *list, qpy_strings strings, qpy_error *error)
{
    for (size_t i = 0; i < strings.count; i++) {
        qpy_status status = qpy__string_list_add(list, strings.items[i], error);
        if (status != QPY_OK)
            return status;
    }
    return QPY_OK;
}

/* ---- Source --------------------------------------------------------------------------------- */

static qpy_status check_code(const char *code, size_t length, const struct qpy__spec_rules *rules,
                             qpy_error *error)
{
    if (length == 0)
        return qpy__error(error, QPY_E_PAYLOAD, "invalid payload: script_code is required");
    if (length > rules->script_limit)
        return qpy__error(error, QPY_E_LIMIT,
                          "script_code is %zu bytes, over the limit of %zu (script_limit)", length,
                          rules->script_limit);
    const char *nul = memchr(code, '\0', length);
    if (nul)
        return qpy__error(error, QPY_E_PAYLOAD,
                          "invalid payload: script_code: invalid code string contains null bytes: "
                          "nul byte found in provided data at position: %td",
                          nul - code);
    size_t valid = qpy__utf8_valid_prefix(code, length);
    if (valid < length)
        return qpy__error(error, QPY_E_PAYLOAD,
                          "invalid payload: script_code is not UTF-8: byte 0x%02x at position %zu",
                          (unsigned char)code[valid], valid);
    return QPY_OK;
}

qpy_status qpy__spec_take_code(struct qpy__spec *spec, const char *code, size_t length,
                               const struct qpy__spec_rules *rules, qpy_error *error)
{
    qpy_status status = check_code(code, length, rules, error);
    if (status != QPY_OK)
        return status;
    static const char mark[] = "\xEF\xBB\xBF";
    if (length >= 3 && memcmp(code, mark, 3) == 0) {
        code += 3;
        length -= 3;
    }
    free(spec->code);
    spec->code = strndup(code, length);
    spec->code_length = length;
    return spec->code ? QPY_OK : qpy__error_memory(error, "a script");
}

/* ---- Members of the struct -------------------------------------------------------------------- */

static qpy_status check_env(qpy_strings env, qpy_error *error)
{
    for (size_t i = 0; i < env.count; i++) {
        const char *equals = strchr(env.items[i], '=');
        if (!equals || equals == env.items[i])
            return qpy__error(error, QPY_E_ARGUMENT, "env: '%s' is not NAME=value", env.items[i]);
    }
    return QPY_OK;
}

static qpy_status check_json(const char *name, const char *json, qpy_error *error)
{
    if (!json)
        return QPY_OK;
    cJSON *value = NULL;
    qpy_status status = qpy__payload_parse(name, json, strlen(json), &value, error);
    cJSON_Delete(value);
    return status;
}

static qpy_status check_members(const qpy_script *script, qpy_error *error)
{
    if (script->timeout_ms != QPY_DEFAULT &&
        (script->timeout_ms <= 0 || script->timeout_ms > QPY__TIMEOUT_MAXIMUM_MS))
        return qpy__error(error, QPY_E_ARGUMENT,
                          "timeout_ms is %" PRId64 "; it must be between 1 and %" PRId64,
                          script->timeout_ms, QPY__TIMEOUT_MAXIMUM_MS);
    if (script->attest < QPY_DEFAULT || script->attest > QPY_ATTEST_WITH_JOB)
        return qpy__error(error, QPY_E_ARGUMENT, "attest is %d; it must be a QPY_ATTEST_ value",
                          script->attest);
    if (script->capture_variables < QPY_DEFAULT || script->capture_variables > 1)
        return qpy__error(error, QPY_E_ARGUMENT, "capture_variables is %d; it must be 0 or 1",
                          script->capture_variables);
    if (script->attempt != QPY_DEFAULT && script->attempt < 1)
        return qpy__error(error, QPY_E_ARGUMENT, "attempt is %d; it must be 1 or more",
                          script->attempt);
    qpy_status status = check_env(script->env, error);
    if (status == QPY_OK)
        status = check_json("input_json", script->input_json, error);
    if (status == QPY_OK)
        status = check_json("upstream_json", script->upstream_json, error);
    return status;
}

static qpy_status check_text(const char *name, const char *text, qpy_error *error)
{
    if (!text)
        return QPY_OK;
    size_t length = strlen(text);
    size_t valid = qpy__utf8_valid_prefix(text, length);
    if (valid == length)
        return QPY_OK;
    return qpy__error(error, QPY_E_ARGUMENT, "%s is not UTF-8: byte 0x%02x at position %zu", name,
                      (unsigned char)text[valid], valid);
}

static qpy_status apply_texts(struct qpy__spec *spec, const qpy_script *script, qpy_error *error)
{
    const struct {
        const char *name;
        char **slot;
        const char *text;
    } texts[] = {
        {"job_id", &spec->job_id, script->job_id},
        {"script_type", &spec->script_type, script->script_type},
        {"handler_name", &spec->handler_name, script->handler_name},
        {"glyph_id", &spec->glyph_id, script->glyph_id},
        {"input_json", &spec->input_json, script->input_json},
        {"upstream_json", &spec->upstream_json, script->upstream_json},
    };
    /* Paths may hold any bytes. */
    qpy_status status = copy_text(&spec->file, script->file, error);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && status == QPY_OK; i++) {
        status = check_text(texts[i].name, texts[i].text, error);
        if (status == QPY_OK)
            status = copy_text(texts[i].slot, texts[i].text, error);
    }
    return status;
}

/* The struct wins over the payload. */
static qpy_status apply_struct(struct qpy__spec *spec, const qpy_script *script,
                               const struct qpy__spec_rules *rules, qpy_error *error)
{
    qpy_status status = apply_texts(spec, script, error);
    if (status == QPY_OK && script->code)
        status = qpy__spec_take_code(spec, script->code, script->code_length, rules, error);
    if (status == QPY_OK)
        status = copy_list(&spec->python_paths, script->python_paths, error);
    if (status == QPY_OK)
        status = copy_list(&spec->env, script->env, error);
    if (status != QPY_OK)
        return status;
    if (script->timeout_ms != QPY_DEFAULT)
        spec->timeout_ms = script->timeout_ms;
    if (script->capture_variables != QPY_DEFAULT)
        spec->capture_variables = script->capture_variables == 1;
    if (script->attest != QPY_DEFAULT)
        spec->attest =
            script->attest == QPY_ATTEST_WITH_JOB ? QPY__SESSION_WITH_JOB : QPY__SESSION_IMMEDIATE;
    spec->attempt = script->attempt == QPY_DEFAULT ? 1 : script->attempt;
    spec->context = script->context;
    if (script->hooks)
        memcpy(&spec->hooks, script->hooks,
               script->hooks->size < sizeof spec->hooks ? script->hooks->size : sizeof spec->hooks);
    return QPY_OK;
}

/* The id and the name that tracebacks show. */
static qpy_status name_job(struct qpy__spec *spec, qpy_error *error)
{
    if (!spec->job_id) {
        char id[48];
        qpy_status status =
            qpy_id_new("JB", "python.script", "process", spec->script_type, id, error);
        if (status == QPY_OK)
            status = copy_text(&spec->job_id, id, error);
        if (status != QPY_OK)
            return status;
    }
    if (spec->file)
        return copy_text(&spec->filename, spec->file, error);
    if (asprintf(&spec->filename, "<job %s>", spec->job_id) < 0) {
        spec->filename = NULL;
        return qpy__error_memory(error, "a script");
    }
    return QPY_OK;
}

static qpy_status fill(struct qpy__spec *spec, const qpy_script *script,
                       const struct qpy__spec_rules *rules, qpy_error *error)
{
    qpy_status status = check_members(script, error);
    if (status == QPY_OK && script->payload_json)
        status = qpy__payload_apply(spec, script, rules, error);
    if (status == QPY_OK)
        status = apply_struct(spec, script, rules, error);
    if (status == QPY_OK && !spec->code)
        status = qpy__error(error, QPY_E_PAYLOAD, "invalid payload: script_code is required");
    return status == QPY_OK ? name_job(spec, error) : status;
}

qpy_status qpy__spec_make(const qpy_script *script, const struct qpy__spec_rules *rules,
                          struct qpy__spec **ret_spec, qpy_error *error)
{
    if (!script)
        return qpy__error(error, QPY_E_ARGUMENT, "script is NULL");
    qpy_status status =
        qpy__options_check("qpy_script", script, script->size, sizeof *script, error);
    if (status == QPY_OK && script->hooks)
        status = qpy__options_check("qpy_hooks", script->hooks, script->hooks->size,
                                    sizeof *script->hooks, error);
    if (status != QPY_OK)
        return status;
    struct qpy__spec *spec = calloc(1, sizeof *spec);
    if (!spec)
        return qpy__error_memory(error, "a script");
    spec->timeout_ms = rules->timeout_ms;
    spec->attest = rules->attest;
    status = fill(spec, script, rules, error);
    if (status != QPY_OK) {
        qpy__spec_free(spec);
        return status;
    }
    *ret_spec = spec;
    return QPY_OK;
}
