/* Reading files and standard input: bounded, and stopped by Ctrl-C even while nothing arrives. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

enum cli_read {
    CLI_READ_DATA,
    CLI_READ_END,
    CLI_READ_TOO_LONG, /* the line was skipped, or the file is larger than the limit */
    CLI_READ_STOPPED,  /* Ctrl-C */
    CLI_READ_FAILED    /* reported */
};

struct cli_input {
    int fd;
    const char *name; /* for messages; borrowed */
    char *buffer;
    size_t start, end, capacity; /* unread data is buffer[start..end) */
    bool ended;
};

/* Open `path`; "-" takes standard input away from the scripts, which then read from /dev/null.
 * False with a message that names path and reason. */
bool cli_input_open(struct cli_input *input, const char *path);
void cli_input_close(struct cli_input *input);

/* Read all of it; borrowed from the input, followed by a NUL byte that is not counted. */
enum cli_read cli_input_all(struct cli_input *input, size_t limit, const char **ret_data,
                            size_t *ret_length);

/* The next line without its newline, which the last one may lack; borrowed until the next call. */
enum cli_read cli_input_line(struct cli_input *input, size_t limit, const char **ret_line,
                             size_t *ret_length);

#endif
