/*
 * A check of JSON text, for what is stored or handed on byte for byte. A parser would do, but cJSON
 * accepts more than JSON (01, line breaks in strings), which other readers of it refuse.
 */
#include "store/json_check.h"

#include <string.h>

struct scan {
    const char *at;
    int depth;
};

static bool scan_value(struct scan *scan);

static void skip_space(struct scan *scan)
{
    scan->at += strspn(scan->at, " \t\r\n");
}

static bool skip(struct scan *scan, char c)
{
    if (*scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool skip_word(struct scan *scan, const char *word)
{
    while (*word && skip(scan, *word))
        word++;
    return *word == '\0';
}

static bool skip_digits(struct scan *scan)
{
    size_t count = strspn(scan->at, "0123456789");
    scan->at += count;
    return count > 0;
}

static bool scan_number(struct scan *scan)
{
    (void)skip(scan, '-');
    if (!skip(scan, '0') && !skip_digits(scan))
        return false;
    if (skip(scan, '.') && !skip_digits(scan))
        return false;
    if (!skip(scan, 'e') && !skip(scan, 'E'))
        return true;
    if (!skip(scan, '+'))
        (void)skip(scan, '-');
    return skip_digits(scan);
}

/* After the backslash. */
static bool scan_escape(struct scan *scan)
{
    if (!skip(scan, 'u')) {
        if (*scan->at == '\0' || !strchr("\"\\/bfnrt", *scan->at))
            return false;
        scan->at++;
        return true;
    }
    for (int i = 0; i < 4; i++, scan->at++)
        if (*scan->at == '\0' || !strchr("0123456789abcdefABCDEF", *scan->at))
            return false;
    return true;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static bool scan_string(struct scan *scan)
{
    if (!skip(scan, '"'))
        return false;
    for (;;) {
        while (is_plain(*scan->at))
            scan->at++;
        if (skip(scan, '"'))
            return true;
        if (!skip(scan, '\\') || !scan_escape(scan))
            return false;
    }
}

static bool scan_member(struct scan *scan)
{
    skip_space(scan);
    if (!scan_string(scan))
        return false;
    skip_space(scan);
    return skip(scan, ':') && scan_value(scan);
}

/* After the opening bracket. */
static bool scan_elements(struct scan *scan, bool (*element)(struct scan *), char close)
{
    skip_space(scan);
    if (skip(scan, close))
        return true;
    if (++scan->depth > QPY__JSON_DEPTH)
        return false;
    do {
        if (!element(scan))
            return false;
    } while (skip(scan, ','));
    scan->depth--;
    return skip(scan, close);
}

static bool scan_bare(struct scan *scan)
{
    switch (*scan->at) {
    case '{':
        scan->at++;
        return scan_elements(scan, scan_member, '}');
    case '[':
        scan->at++;
        return scan_elements(scan, scan_value, ']');
    case '"':
        return scan_string(scan);
    case 't':
        return skip_word(scan, "true");
    case 'f':
        return skip_word(scan, "false");
    case 'n':
        return skip_word(scan, "null");
    default:
        return scan_number(scan);
    }
}

static bool scan_value(struct scan *scan)
{
    skip_space(scan);
    bool sound = scan_bare(scan);
    if (sound)
        skip_space(scan);
    return sound;
}

bool qpy__json_is_object(const char *text, size_t *ret_at)
{
    struct scan scan = {.at = text};
    skip_space(&scan);
    bool sound = *scan.at == '{' && scan_value(&scan) && *scan.at == '\0';
    if (!sound)
        *ret_at = (size_t)(scan.at - text);
    return sound;
}

enum qpy__json_fault qpy__json_check(const char *text, size_t *ret_at)
{
    struct scan scan = {.at = text};
    if (scan_value(&scan) && *scan.at == '\0')
        return QPY__JSON_SOUND;
    *ret_at = (size_t)(scan.at - text);
    if (scan.depth > QPY__JSON_DEPTH)
        return QPY__JSON_TOO_DEEP;
    return *scan.at == '\0' ? QPY__JSON_ENDS_EARLY : QPY__JSON_MALFORMED;
}
