/* What callers may hand to a store: the messages name the field and the value at fault. */
#include <inttypes.h>
#include <string.h>

#include "core/error.h"
#include "core/options.h"
#include "core/utf8.h"
#include "store/attestation.h"
#include "store/json_check.h"

/* A message shows at most so much of a value. */
#define SHOWN 80

static int shown(const char *text)
{
    size_t length = strlen(text);
    return (int)(length <= SHOWN ? length : qpy__utf8_floor(text, SHOWN));
}

static qpy_status check_text(const char *owner, const char *field, const char *text,
                             qpy_error *error)
{
    if (!text)
        return qpy__error(error, QPY_E_ARGUMENT, "%s: %s is NULL", owner, field);
    size_t length = strlen(text);
    size_t valid = qpy__utf8_valid_prefix(text, length);
    if (valid < length)
        return qpy__error(error, QPY_E_ARGUMENT, "%s: %s is not UTF-8 at byte %zu: '%.*s'", owner,
                          field, valid, (int)(valid < SHOWN ? valid : SHOWN), text);
    return QPY_OK;
}

static qpy_status check_name(const char *owner, const char *field, const char *text,
                             qpy_error *error)
{
    if (text && text[0] == '\0')
        return qpy__error(error, QPY_E_ARGUMENT, "%s: %s is empty", owner, field);
    return check_text(owner, field, text, error);
}

static qpy_status check_strings(const char *owner, const char *field, qpy_strings strings,
                                qpy_error *error)
{
    if (strings.count > 0 && !strings.items)
        return qpy__error(error, QPY_E_ARGUMENT, "%s: %s is NULL but counts %zu", owner, field,
                          strings.count);
    for (size_t i = 0; i < strings.count; i++) {
        qpy_status status = check_text(owner, field, strings.items[i], error);
        if (status != QPY_OK)
            return status;
    }
    return QPY_OK;
}

static qpy_status check_axis(const char *owner, const char *field, qpy_strings strings,
                             qpy_error *error)
{
    if (strings.count == 0)
        return qpy__error(error, QPY_E_ARGUMENT, "%s: %s is empty, at least one is needed", owner,
                          field);
    return check_strings(owner, field, strings, error);
}

static qpy_status check_time(const char *owner, const char *field, int64_t unix_ms,
                             qpy_error *error)
{
    if (unix_ms < QPY__TIME_FIRST || unix_ms > QPY__TIME_LAST)
        return qpy__error(error, QPY_E_ARGUMENT,
                          "%s: %s is %" PRId64 ", which is not within the years 1 to 9999", owner,
                          field, unix_ms);
    return QPY_OK;
}

static qpy_status check_attributes(const char *owner, const char *json, qpy_error *error)
{
    if (!json)
        return QPY_OK;
    qpy_status status = check_text(owner, "attributes_json", json, error);
    if (status != QPY_OK)
        return status;
    size_t at;
    if (qpy__json_is_object(json, &at))
        return QPY_OK;
    return qpy__error(error, QPY_E_ARGUMENT,
                      "%s: attributes_json is not a JSON object, see byte %zu: '%.*s'", owner, at,
                      shown(json), json);
}

qpy_status qpy__attestation_check(const qpy_attestation *attestation, qpy_error *error)
{
    qpy_status status = check_name("attestation", "id", attestation->id, error);
    if (status != QPY_OK)
        return status;
    char owner[SHOWN + 32] = "attestation '";
    size_t prefix = strlen(owner);
    memcpy(owner + prefix, attestation->id, (size_t)shown(attestation->id));
    memcpy(owner + prefix + shown(attestation->id), "'", 2);
    if ((status = check_axis(owner, "subjects", attestation->subjects, error)) != QPY_OK ||
        (status = check_axis(owner, "predicates", attestation->predicates, error)) != QPY_OK ||
        (status = check_axis(owner, "contexts", attestation->contexts, error)) != QPY_OK ||
        (status = check_axis(owner, "actors", attestation->actors, error)) != QPY_OK ||
        (status = check_time(owner, "timestamp_ms", attestation->timestamp_ms, error)) != QPY_OK ||
        (status = check_name(owner, "source", attestation->source, error)) != QPY_OK ||
        (status = check_attributes(owner, attestation->attributes_json, error)) != QPY_OK)
        return status;
    return check_time(owner, "created_at_ms", attestation->created_at_ms, error);
}

static qpy_status check_filter(const qpy_filter *filter, qpy_error *error)
{
    qpy_status status;
    if ((status = check_strings("filter", "ids", filter->ids, error)) != QPY_OK ||
        (status = check_strings("filter", "subjects", filter->subjects, error)) != QPY_OK ||
        (status = check_strings("filter", "predicates", filter->predicates, error)) != QPY_OK ||
        (status = check_strings("filter", "contexts", filter->contexts, error)) != QPY_OK ||
        (status = check_strings("filter", "actors", filter->actors, error)) != QPY_OK)
        return status;
    if (filter->limit < QPY_DEFAULT)
        return qpy__error(error, QPY_E_ARGUMENT, "filter: limit is %" PRId64 ", which is negative",
                          filter->limit);
    return QPY_OK;
}

qpy_status qpy__filter_read(const qpy_filter *filter, qpy_filter *ret_filter, qpy_error *error)
{
    qpy_filter known = QPY_FILTER_INIT;
    if (filter) {
        qpy_status status =
            qpy__options_check("qpy_filter", filter, filter->size, sizeof known, error);
        if (status == QPY_OK)
            status = check_filter(filter, error);
        if (status != QPY_OK)
            return status;
        memcpy(&known, filter, sizeof known);
        known.size = sizeof known;
    }
    *ret_filter = known;
    return QPY_OK;
}
