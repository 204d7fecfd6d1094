/* The JSON payload of a python.script job (contract section 3). */
#include "engine/payload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/utf8.h"
#include "store/json_check.h"

/* ---- JSON text ---------------------------------------------------------------------------------- */

/* An escaped NUL: cJSON would end the string there. Offset of the first one, or `length`. */
static size_t find_escaped_nul(const char *json, size_t length)
{
    for (size_t i = 0; i + 5 < length; i++) {
        if (json[i] != '\\')
            continue;
        if (memcmp(json + i, "\\u0000", 6) == 0)
            return i;
        i++; /* the character after a backslash is no escape of its own */
    }
    return length;
}

#define STAND_IN "\\uFFFF" /* a noncharacter: no text has it */
#define STAND_IN_UTF8 "\xEF\xBF\xBF"

static char *without_escaped_nuls(const char *json, size_t length)
{
    char *copy = strndup(json, length);
    if (!copy)
        return NULL;
    for (size_t at = 0; (at += find_escaped_nul(copy + at, length - at)) < length; at += 6)
        memcpy(copy + at, STAND_IN, 6);
    return copy;
}

static qpy_status invalid_character(const char *name, const char *json, size_t length,
                                    size_t offset, qpy_error *error)
{
    char shown[8] = "";
    size_t end = offset + 1;
    while (end < length && end - offset < 4 && ((unsigned char)json[end] & 0xC0) == 0x80)
        end++;
    memcpy(shown, json + offset, end - offset);
    return qpy__error(error, QPY_E_PAYLOAD, "%s: invalid character '%s' at offset %zu", name, shown,
                      offset);
}

/* cJSON alone would do less: it takes numbers and strings that json.loads of the script refuses. */
static qpy_status check_syntax(const char *name, const char *json, size_t length, qpy_error *error)
{
    size_t at = 0;
    switch (qpy__json_check(json, &at)) {
    case QPY__JSON_SOUND:
        return QPY_OK;
    case QPY__JSON_ENDS_EARLY:
        return qpy__error(error, QPY_E_PAYLOAD, "%s: unexpected end of JSON input", name);
    case QPY__JSON_TOO_DEEP:
        return qpy__error(error, QPY_E_PAYLOAD, "%s: nested more than %d levels deep at offset %zu",
                          name, QPY__JSON_DEPTH, at);
    case QPY__JSON_MALFORMED:
        break;
    }
    return invalid_character(name, json, length, at, error);
}

static qpy_status parse(const char *name, const char *json, size_t length, cJSON **ret_value,
                        qpy_error *error)
{
    qpy_status status = check_syntax(name, json, length, error);
    if (status != QPY_OK)
        return status;
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(json, length, &end, false);
    if (!value && end) /* an escape of half a surrogate pair */
        return invalid_character(name, json, length, (size_t)(end - json), error);
    if (!value)
        return qpy__error_memory(error, "JSON");
    *ret_value = value;
    return QPY_OK;
}

qpy_status qpy__payload_parse(const char *name, const char *json, size_t length, cJSON **ret_value,
                              qpy_error *error)
{
    const char *nul = memchr(json, '\0', length);
    if (nul)
        return qpy__error(error, QPY_E_PAYLOAD, "%s: NUL byte at offset %td", name, nul - json);
    size_t valid = qpy__utf8_valid_prefix(json, length);
    if (valid < length)
        return qpy__error(error, QPY_E_PAYLOAD, "%s: not UTF-8: byte 0x%02x at offset %zu", name,
                          (unsigned char)json[valid], valid);
    char *text = without_escaped_nuls(json, length);
    if (!text)
        return qpy__error_memory(error, "JSON");
    qpy_status status = parse(name, text, length, ret_value, error);
    free(text);
    return status;
}

/* ---- Fields ------------------------------------------------------------------------------------- */

struct reading {
    const cJSON *object;
    bool has_nuls; /* the stand-in stands for an escaped NUL, wherever it is found */
    qpy_error *error;
};

static const char *type_of(const cJSON *value)
{
    if (cJSON_IsString(value))
        return "a string";
    if (cJSON_IsNumber(value))
        return "a number";
    if (cJSON_IsBool(value))
        return "a boolean";
    if (cJSON_IsArray(value))
        return "an array";
    return cJSON_IsObject(value) ? "an object" : "null";
}

static qpy_status wrong_type(struct reading *r, const char *field, const char *wanted,
                             const cJSON *value)
{
    char *text =
        cJSON_IsObject(value) || cJSON_IsArray(value) ? NULL : cJSON_PrintUnformatted(value);
    qpy_status status =
        qpy__error(r->error, QPY_E_PAYLOAD, "invalid payload: %s must be %s, not %s%s%.80s", field,
                   wanted, type_of(value), text ? " " : "", text ? text : "");
    cJSON_free(text);
    return status;
}

/* The field's value, NULL if it is missing or null. A field that comes twice is an error. */
static qpy_status get(struct reading *r, const char *field, const cJSON **ret_value)
{
    const cJSON *found = NULL;
    const cJSON *item;
    cJSON_ArrayForEach (item, r->object) {
        if (strcmp(item->string, field) != 0)
            continue;
        if (found)
            return qpy__error(r->error, QPY_E_PAYLOAD, "invalid payload: %s is given twice", field);
        found = item;
    }
    *ret_value = found && !cJSON_IsNull(found) ? found : NULL;
    return QPY_OK;
}

/* Where a text has a NUL, or NULL. */
static char *find_nul(const struct reading *r, char *text)
{
    return r->has_nuls ? strstr(text, STAND_IN_UTF8) : NULL;
}

static qpy_status read_text(struct reading *r, const char *field, char **slot)
{
    const cJSON *value = NULL;
    qpy_status status = get(r, field, &value);
    if (status != QPY_OK || !value)
        return status;
    if (!cJSON_IsString(value))
        return wrong_type(r, field, "a string", value);
    const char *nul = find_nul(r, value->valuestring);
    if (nul)
        return qpy__error(r->error, QPY_E_PAYLOAD,
                          "invalid payload: %s contains a NUL character at position %td", field,
                          nul - value->valuestring);
    *slot = strdup(value->valuestring);
    return *slot ? QPY_OK : qpy__error_memory(r->error, field);
}

static qpy_status read_code(struct reading *r, struct qpy__spec *spec,
                            const struct qpy__spec_rules *rules)
{
    static const char *const fields[] = {"script_code", "code", "content"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const cJSON *value = NULL;
        qpy_status status = get(r, fields[i], &value);
        if (status != QPY_OK)
            return status;
        if (!value)
            continue;
        if (!cJSON_IsString(value))
            return wrong_type(r, fields[i], "a string", value);
        char *text = value->valuestring;
        size_t length = strlen(text);
        char *nul = find_nul(r, text);
        if (nul)
            *nul = '\0'; /* what the stand-in stands for: the check below names its position */
        return qpy__spec_take_code(spec, text, length, rules, r->error);
    }
    return qpy__error(r->error, QPY_E_PAYLOAD, "invalid payload: script_code is required");
}

static qpy_status read_timeout(struct reading *r, int64_t *ret_ms)
{
    const cJSON *value = NULL;
    qpy_status status = get(r, "timeout_secs", &value);
    if (status != QPY_OK || !value)
        return status;
    if (!cJSON_IsNumber(value))
        return wrong_type(r, "timeout_secs", "a number", value);
    double milliseconds = ceil(value->valuedouble * 1000);
    if (!(milliseconds >= 1 && milliseconds <= (double)QPY__TIMEOUT_MAXIMUM_MS))
        return qpy__error(r->error, QPY_E_PAYLOAD,
                          "invalid payload: timeout_secs is %g; it must be greater than 0 and at "
                          "most %lld",
                          value->valuedouble, (long long)(QPY__TIMEOUT_MAXIMUM_MS / 1000));
    *ret_ms = (int64_t)milliseconds;
    return QPY_OK;
}

static qpy_status read_capture(struct reading *r, bool *ret_capture)
{
    const cJSON *value = NULL;
    qpy_status status = get(r, "capture_variables", &value);
    if (status != QPY_OK || !value)
        return status;
    if (!cJSON_IsBool(value))
        return wrong_type(r, "capture_variables", "a boolean", value);
    *ret_capture = cJSON_IsTrue(value);
    return QPY_OK;
}

static qpy_status read_paths(struct reading *r, struct qpy__string_list *list)
{
    const cJSON *value = NULL;
    qpy_status status = get(r, "python_paths", &value);
    if (status != QPY_OK || !value)
        return status;
    if (!cJSON_IsArray(value))
        return wrong_type(r, "python_paths", "an array of strings", value);
    const cJSON *item;
    cJSON_ArrayForEach (item, value) {
        if (!cJSON_IsString(item))
            return wrong_type(r, "python_paths", "an array of strings", item);
        if (find_nul(r, item->valuestring))
            return qpy__error(r->error, QPY_E_PAYLOAD,
                              "invalid payload: python_paths contains a NUL character");
        status = qpy__string_list_add(list, item->valuestring, r->error);
        if (status != QPY_OK)
            return status;
    }
    return QPY_OK;
}

static qpy_status add_variable(struct reading *r, const cJSON *item, struct qpy__string_list *list)
{
    if (!cJSON_IsString(item))
        return wrong_type(r, "env", "an object of strings", item);
    if (item->string[0] == '\0' || strchr(item->string, '='))
        return qpy__error(r->error, QPY_E_PAYLOAD,
                          "invalid payload: env: '%s' is no name of a variable", item->string);
    if (find_nul(r, item->string) || find_nul(r, item->valuestring))
        return qpy__error(r->error, QPY_E_PAYLOAD,
                          "invalid payload: env: '%s' contains a NUL character", item->string);
    char *text = NULL;
    if (asprintf(&text, "%s=%s", item->string, item->valuestring) < 0)
        return qpy__error_memory(r->error, "env");
    qpy_status status = qpy__string_list_add(list, text, r->error);
    free(text);
    return status;
}

static qpy_status read_env(struct reading *r, struct qpy__string_list *list)
{
    const cJSON *value = NULL;
    qpy_status status = get(r, "env", &value);
    if (status != QPY_OK || !value)
        return status;
    if (!cJSON_IsObject(value))
        return wrong_type(r, "env", "an object of strings", value);
    const cJSON *item;
    cJSON_ArrayForEach (item, value) {
        status = add_variable(r, item, list);
        if (status != QPY_OK)
            return status;
    }
    return QPY_OK;
}

static qpy_status read_attest(struct reading *r, enum qpy__session_mode *ret_mode)
{
    const cJSON *value = NULL;
    qpy_status status = get(r, "attest", &value);
    if (status != QPY_OK || !value)
        return status;
    if (cJSON_IsString(value) && strcmp(value->valuestring, "immediate") == 0)
        *ret_mode = QPY__SESSION_IMMEDIATE;
    else if (cJSON_IsString(value) && strcmp(value->valuestring, "with_job") == 0)
        *ret_mode = QPY__SESSION_WITH_JOB;
    else
        return wrong_type(r, "attest", "\"immediate\" or \"with_job\"", value);
    return QPY_OK;
}

/* What the script reads from the payload itself must be there once, too. */
static qpy_status check_unread_fields(struct reading *r)
{
    const cJSON *unused = NULL;
    qpy_status status = get(r, "input", &unused);
    return status == QPY_OK ? get(r, "upstream_attestation", &unused) : status;
}

static qpy_status read_fields(struct reading *r, struct qpy__spec *spec, bool with_code,
                              const struct qpy__spec_rules *rules)
{
    qpy_status status = with_code ? read_code(r, spec, rules) : QPY_OK;
    if (status == QPY_OK)
        status = read_text(r, "script_type", &spec->script_type);
    if (status == QPY_OK)
        status = read_text(r, "glyph_id", &spec->glyph_id);
    if (status == QPY_OK)
        status = read_timeout(r, &spec->timeout_ms);
    if (status == QPY_OK)
        status = read_capture(r, &spec->capture_variables);
    if (status == QPY_OK)
        status = read_paths(r, &spec->python_paths);
    if (status == QPY_OK)
        status = read_env(r, &spec->env);
    if (status == QPY_OK)
        status = read_attest(r, &spec->attest);
    if (status == QPY_OK)
        status = check_unread_fields(r);
    return status;
}

qpy_status qpy__payload_apply(struct qpy__spec *spec, const qpy_script *script,
                              const struct qpy__spec_rules *rules, qpy_error *error)
{
    if (script->payload_length > rules->payload_limit)
        return qpy__error(error, QPY_E_LIMIT,
                          "the payload is %zu bytes, over the limit of %zu (payload_limit)",
                          script->payload_length, rules->payload_limit);
    const char *json = script->payload_json;
    size_t length = script->payload_length;
    if (length >= 3 && memcmp(json, "\xEF\xBB\xBF", 3) == 0) { /* json.loads wants none */
        json += 3;
        length -= 3;
    }
    cJSON *object = NULL;
    qpy_status status =
        qpy__payload_parse("invalid payload: failed to unmarshal", json, length, &object, error);
    if (status != QPY_OK)
        return status;
    struct reading r = {
        .object = object, .has_nuls = find_escaped_nul(json, length) < length, .error = error};
    if (cJSON_IsObject(object) || cJSON_IsNull(object))
        status = read_fields(&r, spec, !script->code, rules);
    else
        status = qpy__error(error, QPY_E_PAYLOAD, "invalid payload: it must be an object, not %s",
                            type_of(object));
    cJSON_Delete(object);
    if (status != QPY_OK)
        return status;
    spec->payload_json = strndup(json, length);
    return spec->payload_json ? QPY_OK : qpy__error_memory(error, "a payload");
}
