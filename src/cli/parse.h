/* Numbers from text: the only place of the CLI that calls strtoll and strtod. */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal integer within min..max, nothing before or after it. */
bool cli_parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret_value);

/* A decimal number of seconds, above 0 and at most 1e9, as milliseconds (at least 1). */
bool cli_parse_seconds(const char *text, int64_t *ret_ms);

#endif
