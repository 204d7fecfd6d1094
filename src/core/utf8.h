/* UTF-8: validity and where a text may be cut. */
#ifndef QPY__CORE_UTF8_H
#define QPY__CORE_UTF8_H

#include <stddef.h>

/* Length of the longest valid prefix: equal to `length` if and only if the text is valid. */
size_t qpy__utf8_valid_prefix(const char *text, size_t length);

/* The largest offset <= `offset` at which `text` may be cut without splitting a character. */
size_t qpy__utf8_floor(const char *text, size_t offset);

/* Length without an unfinished character at the end, which a cut elsewhere may have left. */
size_t qpy__utf8_trim(const char *text, size_t length);

#endif
