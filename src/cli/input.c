/* A buffered reader over a descriptor for scripts and for JSON Lines of payloads. */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/interrupt.h"

enum { CHUNK = 64 * 1024 };

/* Standard input under a new number, so that no script can read from it. */
static int claim_stdin(void)
{
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    return fd;
}

bool cli_input_open(struct cli_input *input, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    *input = (struct cli_input){.name = is_stdin ? "standard input" : path};
    input->fd = is_stdin ? claim_stdin() : open(path, O_RDONLY | O_CLOEXEC);
    if (input->fd >= 0)
        return true;
    cli_error("cannot open %s%s%s: %s", is_stdin ? "" : "'", input->name, is_stdin ? "" : "'",
              strerror(errno));
    return false;
}

void cli_input_close(struct cli_input *input)
{
    if (input->fd >= 0)
        close(input->fd);
    free(input->buffer);
    *input = (struct cli_input){.fd = -1};
}

static enum cli_read fail(const struct cli_input *input)
{
    cli_error("cannot read '%s': %s", input->name, strerror(errno));
    return CLI_READ_FAILED;
}

/* Room for a chunk and a final NUL; what was read already moves to the front first. */
static bool make_room(struct cli_input *input)
{
    if (input->start > 0) {
        memmove(input->buffer, input->buffer + input->start, input->end - input->start);
        input->end -= input->start;
        input->start = 0;
    }
    if (input->capacity - input->end > CHUNK)
        return true;
    size_t capacity = 2 * input->capacity + CHUNK + 1;
    char *buffer = realloc(input->buffer, capacity);
    if (!buffer)
        return false;
    input->buffer = buffer;
    input->capacity = capacity;
    return true;
}

static enum cli_read wait_readable(const struct cli_input *input)
{
    struct pollfd fds[2] = {{.fd = input->fd, .events = POLLIN},
                            {.fd = cli_interrupt_fd(), .events = POLLIN}};
    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return fail(input);
    return fds[1].revents ? CLI_READ_STOPPED : CLI_READ_DATA;
}

/* Read once more into the buffer. */
static enum cli_read fill(struct cli_input *input)
{
    if (!make_room(input))
        return fail(input);
    for (;;) {
        enum cli_read ready = wait_readable(input);
        if (ready != CLI_READ_DATA)
            return ready;
        ssize_t count = read(input->fd, input->buffer + input->end, CHUNK);
        if (count < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (count < 0)
            return fail(input);
        input->end += (size_t)count;
        input->ended = count == 0;
        return count ? CLI_READ_DATA : CLI_READ_END;
    }
}

enum cli_read cli_input_all(struct cli_input *input, size_t limit, const char **ret_data,
                            size_t *ret_length)
{
    enum cli_read more;
    while ((more = fill(input)) == CLI_READ_DATA)
        if (input->end > limit)
            return CLI_READ_TOO_LONG;
    if (more != CLI_READ_END)
        return more;
    input->buffer[input->end] = '\0';
    *ret_data = input->buffer;
    *ret_length = input->end;
    return CLI_READ_DATA;
}

/* Drop the rest of a line that is over the limit, without keeping it. */
static enum cli_read skip_line(struct cli_input *input)
{
    for (;;) {
        char *newline = memchr(input->buffer + input->start, '\n', input->end - input->start);
        if (newline) {
            input->start = (size_t)(newline + 1 - input->buffer);
            return CLI_READ_TOO_LONG;
        }
        input->start = input->end = 0;
        enum cli_read more = fill(input);
        if (more == CLI_READ_END)
            return CLI_READ_TOO_LONG;
        if (more != CLI_READ_DATA)
            return more;
    }
}

static enum cli_read take_line(struct cli_input *input, size_t length, const char **ret_line,
                               size_t *ret_length)
{
    *ret_line = input->buffer + input->start;
    *ret_length = length;
    input->start += length;
    if (input->start < input->end)
        input->start++; /* the newline */
    return CLI_READ_DATA;
}

enum cli_read cli_input_line(struct cli_input *input, size_t limit, const char **ret_line,
                             size_t *ret_length)
{
    size_t scanned = 0;
    for (;;) {
        size_t length = input->end - input->start;
        const char *line = input->buffer + input->start;
        const char *newline = length ? memchr(line + scanned, '\n', length - scanned) : NULL;
        if (newline && (size_t)(newline - line) <= limit)
            return take_line(input, (size_t)(newline - line), ret_line, ret_length);
        if (length > limit)
            return skip_line(input);
        if (input->ended)
            return length ? take_line(input, length, ret_line, ret_length) : CLI_READ_END;
        scanned = length;
        enum cli_read more = fill(input);
        if (more != CLI_READ_DATA && more != CLI_READ_END)
            return more;
    }
}
