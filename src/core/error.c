/* Building the qpy_error that explains a failure to the caller. */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

static void format_text(char *out, size_t size, const char *format, va_list arguments)
{
    int length = vsnprintf(out, size, format, arguments);
    if (length >= (int)size)
        out[qpy__utf8_trim(out, size - 1)] = '\0';
}

qpy_status qpy__error(qpy_error *error, qpy_status status, const char *format, ...)
{
    if (!error)
        return status;
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    error->hint[0] = '\0';
    format_text(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return status;
}

void qpy__error_hint(qpy_error *error, const char *format, ...)
{
    if (!error)
        return;
    va_list arguments;
    va_start(arguments, format);
    format_text(error->hint, sizeof error->hint, format, arguments);
    va_end(arguments);
}

qpy_status qpy__error_memory(qpy_error *error, const char *what)
{
    return qpy__error(error, QPY_E_NO_MEMORY, "out of memory while allocating %s", what);
}

qpy_status qpy__error_system(qpy_error *error, const char *what, int code)
{
    char reason[128];
    return qpy__error(error, QPY_E_SYSTEM, "%s: %s", what, strerror_r(code, reason, sizeof reason));
}
