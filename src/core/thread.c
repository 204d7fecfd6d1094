/* Threads of the library: named, with all signals blocked, and with a stack fit for Python. */
#include "core/thread.h"

#include <signal.h>
#include <time.h>

#include "core/error.h"

#define STACK_SIZE ((size_t)64 * 1024 * 1024) /* reserved, not used, until scripts recurse deeply */

static void block_signals(sigset_t *previous)
{
    sigset_t blocked;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &blocked, previous);
}

qpy_status qpy__thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *),
                             void *argument, qpy_error *error)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    /* A new thread inherits the mask of its creator: change ours for the moment of creation. */
    sigset_t previous;
    block_signals(&previous);
    int code = pthread_create(ret_thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
    pthread_attr_destroy(&attributes);
    if (code != 0)
        return qpy__error_system(error, "cannot start a thread", code);
    pthread_setname_np(*ret_thread, name);
    return QPY_OK;
}

void qpy__nap(qpy__usec duration)
{
    struct timespec time = {.tv_sec = duration / QPY__USEC_PER_SEC,
                            .tv_nsec = (duration % QPY__USEC_PER_SEC) * 1000};
    nanosleep(&time, NULL);
}
