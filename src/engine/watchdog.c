/* The deadline clock: calls back at given times, and never touches Python. */
#include "engine/watchdog.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/thread.h"

/* `lock` guards everything; it is not held while a timer fires. */
struct qpy__watchdog {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the earliest due time may have changed, or a firing ended */
    pthread_t thread;
    struct qpy__clock *clock;
    struct qpy__timer **heap; /* heap[0] is unused: children of i are 2i and 2i+1 */
    size_t count;
    size_t capacity;
    struct qpy__timer *firing;
    qpy__usec sleeps_until; /* when the thread wakes by itself; 0: it is awake */
    bool quit;
};

/* ---- The heap, under the lock ------------------------------------------------------------------- */

static void put(qpy__watchdog *self, size_t place, struct qpy__timer *timer)
{
    self->heap[place] = timer;
    timer->place = place;
}

static void sift_up(qpy__watchdog *self, struct qpy__timer *timer)
{
    size_t place = timer->place;
    for (; place > 1 && self->heap[place / 2]->due > timer->due; place /= 2)
        put(self, place, self->heap[place / 2]);
    put(self, place, timer);
}

static void sift_down(qpy__watchdog *self, struct qpy__timer *timer)
{
    size_t place = timer->place;
    for (;;) {
        size_t child = 2 * place;
        if (child > self->count)
            break;
        if (child < self->count && self->heap[child + 1]->due < self->heap[child]->due)
            child++;
        if (self->heap[child]->due >= timer->due)
            break;
        put(self, place, self->heap[child]);
        place = child;
    }
    put(self, place, timer);
}

static qpy_status insert(qpy__watchdog *self, struct qpy__timer *timer, qpy__usec due,
                         qpy_error *error)
{
    if (self->count + 2 > self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 32;
        struct qpy__timer **heap = realloc(self->heap, capacity * sizeof(struct qpy__timer *));
        if (!heap)
            return qpy__error_memory(error, "a timer");
        self->heap = heap;
        self->capacity = capacity;
    }
    timer->due = due;
    put(self, ++self->count, timer);
    sift_up(self, timer);
    return QPY_OK;
}

static void take_out(qpy__watchdog *self, struct qpy__timer *timer)
{
    struct qpy__timer *last = self->heap[self->count--];
    if (last != timer) {
        put(self, timer->place, last);
        sift_up(self, last);
        sift_down(self, last);
    }
    timer->place = 0;
}

/* ---- The thread --------------------------------------------------------------------------------- */

static void fire_earliest(qpy__watchdog *self, qpy__usec now)
{
    struct qpy__timer *timer = self->heap[1];
    take_out(self, timer);
    self->firing = timer;
    pthread_mutex_unlock(&self->lock);
    qpy__usec next = timer->fire(timer, now);
    pthread_mutex_lock(&self->lock);
    /* The timer still exists: disarm() waits until `firing` is NULL. No memory is needed, as
     * take_out has freed a slot, unless others took it meanwhile: then the array has grown. */
    if (next != QPY__USEC_NEVER)
        (void)insert(self, timer, next, NULL);
    self->firing = NULL;
    pthread_cond_broadcast(&self->changed);
}

static void *watchdog_thread(void *argument)
{
    qpy__watchdog *self = argument;
    pthread_mutex_lock(&self->lock);
    while (!self->quit) {
        qpy__usec now = qpy__clock_now(self->clock);
        qpy__usec due = self->count > 0 ? self->heap[1]->due : QPY__USEC_NEVER;
        if (due <= now) {
            fire_earliest(self, now);
            continue;
        }
        self->sleeps_until = due;
        self->clock->wait(self->clock, &self->changed, &self->lock, due);
        self->sleeps_until = 0;
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

qpy_status qpy__watchdog_start(struct qpy__clock *clock, qpy__watchdog **ret_watchdog,
                               qpy_error *error)
{
    qpy__watchdog *self = calloc(1, sizeof *self);
    if (!self)
        return qpy__error_memory(error, "a watchdog");
    self->clock = clock;
    pthread_mutex_init(&self->lock, NULL);
    qpy__cond_init(&self->changed);
    qpy_status status =
        qpy__thread_start(&self->thread, "qntxpy-clock", watchdog_thread, self, error);
    if (status != QPY_OK) {
        free(self);
        return status;
    }
    *ret_watchdog = self;
    return QPY_OK;
}

void qpy__watchdog_stop(qpy__watchdog *self)
{
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->quit = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self->heap);
    free(self);
}

qpy_status qpy__watchdog_arm(qpy__watchdog *self, struct qpy__timer *timer, qpy__usec due,
                             qpy_error *error)
{
    pthread_mutex_lock(&self->lock);
    qpy_status status = insert(self, timer, due, error);
    /* Short jobs come and go while the thread sleeps for one of the first: no need to wake it. */
    if (status == QPY_OK && due < self->sleeps_until)
        pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return status;
}

void qpy__watchdog_hasten(qpy__watchdog *self, struct qpy__timer *timer, qpy__usec due)
{
    pthread_mutex_lock(&self->lock);
    if (timer->place > 0 && due < timer->due) {
        timer->due = due;
        sift_up(self, timer);
        pthread_cond_broadcast(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
}

bool qpy__watchdog_try_disarm(qpy__watchdog *self, struct qpy__timer *timer)
{
    pthread_mutex_lock(&self->lock);
    bool firing = self->firing == timer;
    if (!firing && timer->place > 0)
        take_out(self, timer);
    pthread_mutex_unlock(&self->lock);
    return !firing;
}

void qpy__watchdog_disarm(qpy__watchdog *self, struct qpy__timer *timer)
{
    pthread_mutex_lock(&self->lock);
    if (timer->place > 0)
        take_out(self, timer);
    while (self->firing == timer)
        pthread_cond_wait(&self->changed, &self->lock);
    if (timer->place > 0)
        take_out(self, timer);
    pthread_mutex_unlock(&self->lock);
}
