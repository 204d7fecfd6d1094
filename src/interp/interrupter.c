/* A worker's second thread: the only one that ever waits for the GIL of a running job. */
#include "interp/interrupter.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/thread.h"

#define TICK (2 * QPY__USEC_PER_MSEC)
#define IDLE_TICKS 50 /* ticks without a job before the thread sleeps for good */

enum { INTERRUPT = 1, INSIST = 2, TICK_NOW = 4 };

/*
 * `lock` is held only to look at and change these members, never while waiting for a GIL. It is asked
 * for by threads that hold a GIL (attach) and by the watchdog, which never does.
 */
struct qpy__interrupter {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* for the thread: something to do */
    pthread_cond_t idle; /* for detach: it is outside Python */
    pthread_t thread;
    struct qpy__interp *interp; /* NULL: no job */
    struct qpy__task *task;
    unsigned wanted; /* INTERRUPT, INSIST */
    bool busy;       /* inside Python */
    bool asleep;     /* waits without end */
    bool quit;
    bool ticker;
};

/* GIL: taken, through a thread state of the job's interpreter that lives only here. */
static void act(struct qpy__interp *interp, struct qpy__task *task, unsigned actions)
{
    PyThreadState *state = PyThreadState_New(interp->state);
    if (!state)
        return;
    PyEval_RestoreThread(state);
    if (actions & INTERRUPT)
        qpy__stop_inject(&task->stop);
    if (actions & INSIST)
        qpy__stop_insist(&task->stop);
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
}

/* Under the lock: wait for work. Returns the actions, 0 when the thread must end. */
static unsigned next_actions(qpy__interrupter *self)
{
    int idle_ticks = 0;
    while (!self->quit) {
        if (self->interp && self->wanted) {
            unsigned actions = self->wanted;
            self->wanted = 0;
            return actions;
        }
        idle_ticks = self->interp ? 0 : idle_ticks + 1;
        bool beat = self->ticker && idle_ticks < IDLE_TICKS;
        qpy__usec until = beat ? qpy__monotonic_now() + TICK : QPY__USEC_NEVER;
        self->asleep = !beat;
        bool woken = qpy__cond_wait_until(&self->wake, &self->lock, until);
        self->asleep = false;
        if (!woken && self->interp && !self->wanted)
            return TICK_NOW;
    }
    return 0;
}

static void *interrupter_thread(void *argument)
{
    qpy__interrupter *self = argument;
    pthread_mutex_lock(&self->lock);
    unsigned actions;
    while ((actions = next_actions(self)) != 0) {
        struct qpy__interp *interp = self->interp;
        struct qpy__task *task = self->task;
        self->busy = true;
        pthread_mutex_unlock(&self->lock);
        act(interp, task, actions);
        pthread_mutex_lock(&self->lock);
        self->busy = false;
        pthread_cond_broadcast(&self->idle);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

qpy_status qpy__interrupter_start(bool ticker, qpy__interrupter **ret_interrupter, qpy_error *error)
{
    qpy__interrupter *self = calloc(1, sizeof *self);
    if (!self)
        return qpy__error_memory(error, "an interrupter");
    self->ticker = ticker;
    pthread_mutex_init(&self->lock, NULL);
    qpy__cond_init(&self->wake);
    qpy__cond_init(&self->idle);
    qpy_status status =
        qpy__thread_start(&self->thread, "qntxpy-stop", interrupter_thread, self, error);
    if (status != QPY_OK) {
        free(self);
        return status;
    }
    *ret_interrupter = self;
    return QPY_OK;
}

void qpy__interrupter_attach(qpy__interrupter *self, struct qpy__interp *interp,
                             struct qpy__task *task)
{
    pthread_mutex_lock(&self->lock);
    self->interp = interp;
    self->task = task;
    self->wanted = 0;
    /* A ticking thread notices by itself; only one that sleeps for good needs a signal. */
    if (self->ticker && self->asleep)
        pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

void qpy__interrupter_detach(qpy__interrupter *self)
{
    pthread_mutex_lock(&self->lock);
    self->interp = NULL;
    self->task = NULL;
    self->wanted = 0;
    while (self->busy)
        pthread_cond_wait(&self->idle, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void want(qpy__interrupter *self, unsigned action)
{
    pthread_mutex_lock(&self->lock);
    if (self->interp) {
        self->wanted |= action;
        pthread_cond_signal(&self->wake);
    }
    pthread_mutex_unlock(&self->lock);
}

void qpy__interrupter_interrupt(qpy__interrupter *self)
{
    want(self, INTERRUPT);
}

void qpy__interrupter_insist(qpy__interrupter *self)
{
    want(self, INSIST);
}

void qpy__interrupter_stop(qpy__interrupter *self)
{
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->quit = true;
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->wake);
    pthread_cond_destroy(&self->idle);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
