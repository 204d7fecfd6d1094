/* Checked output: whole writes, the first error kept, and the exit status it leads to. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/interrupt.h"

bool cli_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        /* The wrong direction on purpose: using a closed stream must fail. */
        if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            return false;
    }
    return true;
}

void cli_output_plain(struct cli_output *output)
{
    output->fd = STDOUT_FILENO;
    atomic_init(&output->error, 0);
}

bool cli_output_claim(struct cli_output *output)
{
    atomic_init(&output->error, 0);
    output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (output->fd >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        return true;
    cli_error("cannot set up standard output: %s", strerror(errno));
    return false;
}

/* 0, or the errno of the failure. */
static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written >= 0) {
            data += written;
            length -= (size_t)written;
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

void cli_output_write(struct cli_output *output, const char *data, size_t length)
{
    if (atomic_load(&output->error))
        return;
    int error = write_all(output->fd, data, length);
    if (!error)
        return;
    atomic_store(&output->error, error);
    cli_interrupt_wake();
}

static int status_of(int error)
{
    if (!error)
        return CLI_OK;
    if (error == EPIPE)
        return CLI_BROKEN_PIPE;
    cli_error("cannot write to standard output: %s", strerror(error));
    return CLI_ENGINE;
}

int cli_output_status(struct cli_output *output)
{
    return status_of(atomic_load(&output->error));
}

int cli_stdout_status(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return CLI_OK;
    return status_of(errno ? errno : EIO);
}

void cli_stderr_write(const char *data, size_t length)
{
    (void)write_all(STDERR_FILENO, data, length);
}
