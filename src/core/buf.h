/* A growable text buffer with a hard maximum; how JSON and messages are assembled. */
#ifndef QPY__CORE_BUF_H
#define QPY__CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Appending never fails on its own: the first append that does not fit marks the buffer as failed,
 * and everything after it is ignored. Check once, at the end, with qpy__buf_take or `failed`.
 */
struct qpy__buf {
    char *data; /* NULL while empty, else terminated by a NUL that `length` does not count */
    size_t length;
    size_t capacity;
    size_t maximum; /* most bytes it may hold */
    enum { QPY__BUF_SOUND, QPY__BUF_TOO_BIG, QPY__BUF_NO_MEMORY } failed;
};

void qpy__buf_init(struct qpy__buf *buf, size_t maximum);
void qpy__buf_done(struct qpy__buf *buf);

void qpy__buf_add(struct qpy__buf *buf, const void *data, size_t length);
void qpy__buf_text(struct qpy__buf *buf, const char *text);
void qpy__buf_char(struct qpy__buf *buf, char c);
void qpy__buf_format(struct qpy__buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON string literal with its quotes; bytes that are not UTF-8 become U+FFFD. */
void qpy__buf_json_string(struct qpy__buf *buf, const char *text, size_t length);
/* The same for a terminated string; NULL gives `null`. */
void qpy__buf_json_text(struct qpy__buf *buf, const char *text);

/* Hand the text over to the caller (free it with free). NULL if the buffer failed; always done. */
char *qpy__buf_take(struct qpy__buf *buf);

#endif
