/* Times as other programs write them into a database. */
#ifndef QPY__STORE_TIME_TEXT_H
#define QPY__STORE_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * RFC 3339 with any offset, and what databases make of it: a blank for the T, any number of digits
 * after the second, no offset (which means UTC), or just a date. False if it is none of these.
 */
bool qpy__time_from_text(const char *text, int64_t *ret_unix_ms);

/* Unix time in seconds or milliseconds, told apart by size: seconds reach into the year 5138. */
int64_t qpy__time_from_number(int64_t number);

#endif
