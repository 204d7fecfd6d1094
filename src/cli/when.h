/* Times as a person writes and reads them. */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"

enum { CLI_WHEN_SIZE = 32 };

/* RFC 3339, YYYY-MM-DD (its start), or how long ago: 90s, 15m, 2h, 3d, 1w. To Unix milliseconds. */
bool cli_take_since(const struct cli_option *option, const char *value, void *target,
                    struct cli_problem *problem);

/* The same, but YYYY-MM-DD means the end of that day. */
bool cli_take_until(const struct cli_option *option, const char *value, void *target,
                    struct cli_problem *problem);

/* Unix milliseconds as YYYY-MM-DDTHH:MM:SSZ. */
void cli_when_format(int64_t ms, char text[CLI_WHEN_SIZE]);

#endif
