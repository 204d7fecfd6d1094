/* Checked conversion of text to numbers, for option values and times. */
#include "cli/parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has_only(const char *text, const char *allowed)
{
    return text[0] && text[strspn(text, allowed)] == '\0';
}

bool cli_parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
    char *end;
    if (!has_only(text, "-0123456789"))
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

/* The characters are checked first: strtod would also take "inf", "nan" and hexadecimal. */
bool cli_parse_seconds(const char *text, int64_t *ret_ms)
{
    char *end;
    if (!has_only(text, "+-.eE0123456789"))
        return false;
    errno = 0;
    double seconds = strtod(text, &end);
    if (*end || !isfinite(seconds) || seconds <= 0 || seconds > 1e9)
        return false;
    *ret_ms = (int64_t)ceil(seconds * 1000);
    return true;
}
