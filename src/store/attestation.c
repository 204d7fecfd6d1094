/* Attestations as data: deep copies, matching against a filter, and their JSON forms. */
#include "store/attestation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "store/session.h"

#define JSON_MAXIMUM ((size_t)1 << 30)

/* ---- Copies ---------------------------------------------------------------------------------- */

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static size_t strings_size(qpy_strings strings)
{
    size_t size = 0;
    for (size_t i = 0; i < strings.count; i++)
        size += text_size(strings.items[i]);
    return size;
}

/* Where the next pointers and the next characters go in the block. */
struct packing {
    const char **pointers;
    char *text;
};

static const char *pack_text(struct packing *packing, const char *text)
{
    if (!text)
        return NULL;
    size_t size = text_size(text);
    char *copy = memcpy(packing->text, text, size);
    packing->text += size;
    return copy;
}

static qpy_strings pack_strings(struct packing *packing, qpy_strings strings)
{
    const char **items = packing->pointers;
    packing->pointers += strings.count;
    for (size_t i = 0; i < strings.count; i++)
        items[i] = pack_text(packing, strings.items[i]);
    return (qpy_strings){items, strings.count};
}

qpy_attestation *qpy__attestation_copy(const qpy_attestation *from)
{
    size_t pointers =
        from->subjects.count + from->predicates.count + from->contexts.count + from->actors.count;
    size_t text = text_size(from->id) + strings_size(from->subjects) +
                  strings_size(from->predicates) + strings_size(from->contexts) +
                  strings_size(from->actors) + text_size(from->source) +
                  text_size(from->attributes_json);
    qpy_attestation *copy = malloc(sizeof *copy + pointers * sizeof(char *) + text);
    if (!copy)
        return NULL;
    struct packing packing = {.pointers = (const char **)(copy + 1)};
    packing.text = (char *)(packing.pointers + pointers);
    *copy = (qpy_attestation){
        .id = pack_text(&packing, from->id),
        .subjects = pack_strings(&packing, from->subjects),
        .predicates = pack_strings(&packing, from->predicates),
        .contexts = pack_strings(&packing, from->contexts),
        .actors = pack_strings(&packing, from->actors),
        .timestamp_ms = from->timestamp_ms,
        .source = pack_text(&packing, from->source),
        .attributes_json = pack_text(&packing, from->attributes_json),
        .created_at_ms = from->created_at_ms,
    };
    return copy;
}

/* ---- Matching -------------------------------------------------------------------------------- */

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool same_text(const char *left, const char *right)
{
    while (*left && fold(*left) == fold(*right)) {
        left++;
        right++;
    }
    return fold(*left) == fold(*right);
}

static bool any_matches(qpy_strings wanted, qpy_strings have)
{
    if (wanted.count == 0)
        return true;
    for (size_t i = 0; i < have.count; i++)
        for (size_t j = 0; j < wanted.count; j++)
            if (same_text(have.items[i], wanted.items[j]))
                return true;
    return false;
}

static bool id_matches(qpy_strings wanted, const char *id)
{
    for (size_t i = 0; i < wanted.count; i++)
        if (strcmp(wanted.items[i], id) == 0)
            return true;
    return wanted.count == 0;
}

bool qpy__filter_matches(const qpy_filter *filter, const qpy_attestation *attestation)
{
    if (filter->since_ms != QPY_DEFAULT && attestation->timestamp_ms < filter->since_ms)
        return false;
    if (filter->until_ms != QPY_DEFAULT && attestation->timestamp_ms > filter->until_ms)
        return false;
    return id_matches(filter->ids, attestation->id) &&
           any_matches(filter->subjects, attestation->subjects) &&
           any_matches(filter->predicates, attestation->predicates) &&
           any_matches(filter->contexts, attestation->contexts) &&
           any_matches(filter->actors, attestation->actors);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

void qpy__strings_to_json(qpy_strings strings, struct qpy__buf *buf)
{
    qpy__buf_char(buf, '[');
    for (size_t i = 0; i < strings.count; i++) {
        if (i > 0)
            qpy__buf_char(buf, ',');
        qpy__buf_json_text(buf, strings.items[i]);
    }
    qpy__buf_char(buf, ']');
}

static void add_list(struct qpy__buf *buf, const char *key, qpy_strings strings)
{
    qpy__buf_text(buf, key);
    qpy__strings_to_json(strings, buf);
}

/* The members that both forms begin with. */
static void add_axes(struct qpy__buf *buf, const qpy_attestation *attestation)
{
    qpy__buf_text(buf, "{\"id\":");
    qpy__buf_json_text(buf, attestation->id);
    add_list(buf, ",\"subjects\":", attestation->subjects);
    add_list(buf, ",\"predicates\":", attestation->predicates);
    add_list(buf, ",\"contexts\":", attestation->contexts);
    add_list(buf, ",\"actors\":", attestation->actors);
}

static void add_time(struct qpy__buf *buf, const char *key, int64_t unix_ms)
{
    char text[32];
    qpy__time_to_text(unix_ms, text);
    qpy__buf_text(buf, key);
    qpy__buf_json_text(buf, text);
}

static qpy_status take_json(struct qpy__buf *buf, char **ret_json, qpy_error *error)
{
    bool too_big = buf->failed == QPY__BUF_TOO_BIG;
    char *json = qpy__buf_take(buf);
    if (too_big)
        return qpy__error(error, QPY_E_LIMIT, "an attestation is over %zu bytes as JSON",
                          JSON_MAXIMUM);
    if (!json)
        return qpy__error_memory(error, "the JSON of an attestation");
    *ret_json = json;
    return QPY_OK;
}

qpy_status qpy_attestation_to_json(const qpy_attestation *attestation, char **ret_json,
                                   qpy_error *error)
{
    if (!attestation || !ret_json)
        return qpy__error(error, QPY_E_ARGUMENT, "%s is NULL",
                          attestation ? "ret_json" : "attestation");
    struct qpy__buf buf;
    qpy__buf_init(&buf, JSON_MAXIMUM);
    add_axes(&buf, attestation);
    add_time(&buf, ",\"timestamp\":", attestation->timestamp_ms);
    qpy__buf_text(&buf, ",\"source\":");
    qpy__buf_json_text(&buf, attestation->source);
    if (attestation->attributes_json) {
        qpy__buf_text(&buf, ",\"attributes\":");
        qpy__buf_text(&buf, attestation->attributes_json);
    }
    add_time(&buf, ",\"created_at\":", attestation->created_at_ms);
    qpy__buf_char(&buf, '}');
    return take_json(&buf, ret_json, error);
}

qpy_status qpy__attestation_to_python_json(const qpy_attestation *attestation, char **ret_json,
                                           qpy_error *error)
{
    struct qpy__buf buf;
    qpy__buf_init(&buf, JSON_MAXIMUM);
    add_axes(&buf, attestation);
    qpy__buf_format(&buf, ",\"timestamp\":%" PRId64 ",\"source\":", attestation->timestamp_ms);
    qpy__buf_json_text(&buf, attestation->source);
    qpy__buf_text(&buf, ",\"attributes\":");
    qpy__buf_text(&buf, attestation->attributes_json ? attestation->attributes_json : "{}");
    qpy__buf_char(&buf, '}');
    return take_json(&buf, ret_json, error);
}
