/* A strict scanner, since cJSON takes 01 for a number, rounds ids and counts no positions; and the
 * result of a refused job, made with cJSON. */
#include "cli/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

/* Nesting that is followed; the engine refuses deeper values too. */
enum { DEPTH_MAX = 1000 };

/* What is left to read. */
struct scan {
    const char *at;
    const char *end;
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at && strchr(" \t\r\n", *scan->at))
        scan->at++;
}

static bool skip_char(struct scan *scan, char wanted)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static bool skip_escape(struct scan *scan)
{
    if (scan->at == scan->end || !*scan->at || !strchr("\"\\/bfnrtu", *scan->at))
        return false;
    if (*scan->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, scan->at++)
        if (scan->at == scan->end || !*scan->at || !strchr("0123456789abcdefABCDEF", *scan->at))
            return false;
    return true;
}

static bool skip_string(struct scan *scan)
{
    if (!skip_char(scan, '"'))
        return false;
    while (scan->at < scan->end) {
        if (*scan->at == '"')
            return skip_char(scan, '"');
        if (*scan->at == '\\') {
            scan->at++;
            if (!skip_escape(scan))
                return false;
            continue;
        }
        size_t bytes = cli_text_sequence(scan->at, (size_t)(scan->end - scan->at));
        if (bytes == 0 || (unsigned char)*scan->at < ' ')
            return false;
        scan->at += bytes;
    }
    return false;
}

static size_t skip_digits(struct scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return (size_t)(scan->at - start);
}

static bool next_is(const struct scan *scan, const char *any)
{
    return scan->at < scan->end && *scan->at && strchr(any, *scan->at);
}

static bool skip_number(struct scan *scan)
{
    if (next_is(scan, "-"))
        scan->at++;
    bool zero = next_is(scan, "0");
    size_t digits = skip_digits(scan);
    if (digits == 0 || (zero && digits > 1))
        return false;
    if (next_is(scan, ".")) {
        scan->at++;
        if (skip_digits(scan) == 0)
            return false;
    }
    if (!next_is(scan, "eE"))
        return true;
    scan->at++;
    if (next_is(scan, "+-"))
        scan->at++;
    return skip_digits(scan) > 0;
}

static bool skip_word(struct scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, words[i], length) != 0)
            continue;
        scan->at += length;
        return true;
    }
    return false;
}

static bool skip_value(struct scan *scan, size_t depth);

/* One `"name": value` of an object; an id that is a string or a number is kept in *ret_id. */
static bool skip_member(struct scan *scan, size_t depth, struct cli_slice *ret_id)
{
    skip_space(scan);
    const char *name = scan->at;
    if (!skip_string(scan))
        return false;
    bool is_id = scan->at - name == 4 && memcmp(name, "\"id\"", 4) == 0;
    if (!skip_char(scan, ':'))
        return false;
    skip_space(scan);
    const char *value = scan->at;
    bool fits = next_is(scan, "\"-0123456789");
    if (!skip_value(scan, depth))
        return false;
    if (is_id)
        *ret_id = fits ? (struct cli_slice){value, (size_t)(scan->at - value)}
                       : (struct cli_slice){NULL, 0};
    return true;
}

static bool skip_object(struct scan *scan, size_t depth)
{
    struct cli_slice id; /* of no interest here */
    scan->at++;
    if (skip_char(scan, '}'))
        return true;
    do {
        if (!skip_member(scan, depth, &id))
            return false;
    } while (skip_char(scan, ','));
    return skip_char(scan, '}');
}

static bool skip_array(struct scan *scan, size_t depth)
{
    scan->at++;
    if (skip_char(scan, ']'))
        return true;
    do {
        if (!skip_value(scan, depth))
            return false;
    } while (skip_char(scan, ','));
    return skip_char(scan, ']');
}

static bool skip_value(struct scan *scan, size_t depth)
{
    skip_space(scan);
    if (depth >= DEPTH_MAX)
        return false;
    if (next_is(scan, "{"))
        return skip_object(scan, depth + 1);
    if (next_is(scan, "["))
        return skip_array(scan, depth + 1);
    if (next_is(scan, "\""))
        return skip_string(scan);
    if (next_is(scan, "-0123456789"))
        return skip_number(scan);
    return skip_word(scan);
}

bool cli_json_valid(const char *text, size_t *ret_position)
{
    struct scan scan = {text, text + strlen(text)};
    bool valid = skip_value(&scan, 0);
    if (valid)
        skip_space(&scan);
    *ret_position = (size_t)(scan.at - text);
    return valid && scan.at == scan.end;
}

bool cli_json_find_id(const char *text, size_t length, struct cli_slice *ret_id)
{
    struct scan scan = {text, text + length};
    struct cli_slice id = {NULL, 0};
    if (!skip_char(&scan, '{'))
        return false;
    while (skip_member(&scan, 1, &id) && skip_char(&scan, ','))
        continue;
    if (id.data)
        *ret_id = id;
    return id.data != NULL;
}

char *cli_json_line(const char *id, const char *json)
{
    char *text;
    if (asprintf(&text, "{\"id\":%s,%s\n", id, json + 1) < 0)
        return NULL;
    return text;
}

char *cli_json_refused(const char *error, const char *error_kind)
{
    char *text = NULL;
    cJSON *object = cJSON_CreateObject();
    if (cJSON_AddFalseToObject(object, "success") &&
        cJSON_AddStringToObject(object, "stdout", "") &&
        cJSON_AddStringToObject(object, "stderr", "") && cJSON_AddNullToObject(object, "result") &&
        cJSON_AddStringToObject(object, "error", error) &&
        cJSON_AddNumberToObject(object, "duration_ms", 0) &&
        cJSON_AddStringToObject(object, "error_kind", error_kind))
        text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    return text;
}
