/* A growable text buffer with a hard maximum; how JSON and messages are assembled. */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

#define FIRST_CAPACITY 256

void qpy__buf_init(struct qpy__buf *buf, size_t maximum)
{
    *buf = (struct qpy__buf){.maximum = maximum};
}

void qpy__buf_done(struct qpy__buf *buf)
{
    free(buf->data);
    *buf = (struct qpy__buf){.maximum = buf->maximum};
}

/* Make room for `more` bytes and the terminator. */
static bool reserve(struct qpy__buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more > buf->maximum - buf->length) {
        buf->failed = QPY__BUF_TOO_BIG;
        return false;
    }
    size_t need = buf->length + more + 1;
    if (need <= buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
    while (capacity < need)
        capacity *= 2;
    char *data = realloc(buf->data, capacity);
    if (!data) {
        buf->failed = QPY__BUF_NO_MEMORY;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void qpy__buf_add(struct qpy__buf *buf, const void *data, size_t length)
{
    if (!reserve(buf, length))
        return;
    if (length > 0)
        memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void qpy__buf_text(struct qpy__buf *buf, const char *text)
{
    qpy__buf_add(buf, text, strlen(text));
}

void qpy__buf_char(struct qpy__buf *buf, char c)
{
    qpy__buf_add(buf, &c, 1);
}

void qpy__buf_format(struct qpy__buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && reserve(buf, (size_t)length)) {
        vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

static void add_escaped(struct qpy__buf *buf, unsigned char c)
{
    static const char short_form[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                      ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (c < sizeof short_form && short_form[c])
        qpy__buf_add(buf, (char[]){'\\', short_form[c]}, 2);
    else
        qpy__buf_format(buf, "\\u%04x", c);
}

static void add_valid(struct qpy__buf *buf, const char *text, size_t length)
{
    size_t plain = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        qpy__buf_add(buf, text + plain, i - plain);
        add_escaped(buf, c);
        plain = i + 1;
    }
    qpy__buf_add(buf, text + plain, length - plain);
}

void qpy__buf_json_string(struct qpy__buf *buf, const char *text, size_t length)
{
    qpy__buf_char(buf, '"');
    while (length > 0) {
        size_t valid = qpy__utf8_valid_prefix(text, length);
        add_valid(buf, text, valid);
        text += valid;
        length -= valid;
        if (length > 0) {
            qpy__buf_text(buf, "\xEF\xBF\xBD");
            text++;
            length--;
        }
    }
    qpy__buf_char(buf, '"');
}

void qpy__buf_json_text(struct qpy__buf *buf, const char *text)
{
    if (text)
        qpy__buf_json_string(buf, text, strlen(text));
    else
        qpy__buf_text(buf, "null");
}

char *qpy__buf_take(struct qpy__buf *buf)
{
    qpy__buf_add(buf, "", 0);
    char *data = buf->data;
    if (buf->failed) {
        qpy__buf_done(buf);
        return NULL;
    }
    *buf = (struct qpy__buf){.maximum = buf->maximum};
    return data;
}
