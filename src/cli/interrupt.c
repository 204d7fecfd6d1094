/*
 * Turns SIGINT and SIGTERM into the cancellation of a context.
 *
 * A handler with a pipe, not blocked signals with sigwait: a blocked signal stays blocked in every
 * child that a script starts, which then could not be terminated; a handler is reset by exec.
 */
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/output.h"

/* State of the process, since a signal handler has no other. Set up before the handler is
 * installed. The byte in the pipe is never taken out, so all who poll see it. */
static int stop_pipe[2] = {-1, -1};
static atomic_int signals;
static atomic_bool ending;
static pthread_t watcher;

static void wake(void)
{
    ssize_t written = write(stop_pipe[1], "", 1);
    (void)written; /* a full pipe is as readable */
}

static void on_signal(int number)
{
    (void)number;
    int saved = errno;
    if (atomic_fetch_add(&signals, 1) > 0)
        _exit(CLI_INTERRUPTED);
    wake();
    errno = saved;
}

static void announce(void)
{
    static const char text[] = "\nqntxpy: stopping; press Ctrl-C again to quit at once\n";
    if (isatty(STDERR_FILENO))
        cli_stderr_write(text, sizeof text - 1);
}

static void *watch(void *payload)
{
    qpy_context *context = payload;
    struct pollfd readable = {.fd = stop_pipe[0], .events = POLLIN};
    while (poll(&readable, 1, -1) < 0 && errno == EINTR)
        continue;
    if (atomic_load(&ending))
        return NULL;
    if (!cli_interrupted()) {
        qpy_context_cancel(context, "standard output cannot be written");
        return NULL;
    }
    qpy_context_cancel(context, "interrupted");
    announce();
    return NULL;
}

/* A signal that was ignored from the start, as under nohup, stays so. */
static void install(int number)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

bool cli_interrupt_start(qpy_context *context)
{
    int error = pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : errno;
    if (!error)
        error = pthread_create(&watcher, NULL, watch, context);
    if (error) {
        cli_error("cannot watch for signals: %s", strerror(error));
        return false;
    }
    install(SIGINT);
    install(SIGTERM);
    return true;
}

void cli_interrupt_stop(void)
{
    atomic_store(&ending, true);
    wake();
    pthread_join(watcher, NULL);
}

bool cli_interrupted(void)
{
    return atomic_load(&signals) > 0;
}

void cli_interrupt_wake(void)
{
    wake();
}

int cli_interrupt_fd(void)
{
    return stop_pipe[0];
}
