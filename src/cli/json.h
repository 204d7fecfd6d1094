/* JSON for the CLI: checking what the user gives, and finding a payload's id as it is written. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Whether `text` is one JSON value; if not, *ret_position is the byte where it goes wrong. */
bool cli_json_valid(const char *text, size_t *ret_position);

/* A piece of somebody else's text. */
struct cli_slice {
    const char *data;
    size_t length;
};

/* The `id` of the JSON object in `text`, exactly as it is written there, if it is a string or a
 * number; the last one counts. False if there is none or the text breaks off before it. */
bool cli_json_find_id(const char *text, size_t length, struct cli_slice *ret_id);

/* A line of JSON Lines: `json`, an object, with the member "id" put first; `id` is JSON text. The
 * caller frees it; NULL if memory is short. */
char *cli_json_line(const char *id, const char *json);

/* The result object of a job that never started. The caller frees it; NULL if memory is short. */
char *cli_json_refused(const char *error, const char *error_kind);

#endif
