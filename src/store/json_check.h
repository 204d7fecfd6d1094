/* Is a text JSON? Strict, and without reading values: numbers keep all their digits. */
#ifndef QPY__STORE_JSON_CHECK_H
#define QPY__STORE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* How deep arrays and objects may be nested; also what cJSON reads. */
#define QPY__JSON_DEPTH 1000

/* One JSON object (RFC 8259) and nothing else. If not, *ret_at is how far it was one. */
bool qpy__json_is_object(const char *text, size_t *ret_at);

enum qpy__json_fault {
    QPY__JSON_SOUND,
    QPY__JSON_ENDS_EARLY,
    QPY__JSON_MALFORMED,
    QPY__JSON_TOO_DEEP
};

/* The same for any JSON value, telling what is wrong with it. */
enum qpy__json_fault qpy__json_check(const char *text, size_t *ret_at);

#endif
