/* Time: one type, one monotonic clock that tests can replace, and the wall clock. */
#include "core/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

qpy__usec qpy__monotonic_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (qpy__usec)now.tv_sec * QPY__USEC_PER_SEC + now.tv_nsec / 1000;
}

int64_t qpy__wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void qpy__cond_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool qpy__cond_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, qpy__usec until)
{
    if (until == QPY__USEC_NEVER)
        return pthread_cond_wait(condition, mutex) == 0;
    struct timespec deadline = {.tv_sec = until / QPY__USEC_PER_SEC,
                                .tv_nsec = (until % QPY__USEC_PER_SEC) * 1000};
    return pthread_cond_timedwait(condition, mutex, &deadline) == 0;
}

static qpy__usec system_now(struct qpy__clock *clock)
{
    (void)clock;
    return qpy__monotonic_now();
}

static void system_wait(struct qpy__clock *clock, pthread_cond_t *condition, pthread_mutex_t *mutex,
                        qpy__usec until)
{
    (void)clock;
    (void)qpy__cond_wait_until(condition, mutex, until);
}

struct qpy__clock *qpy__clock_system(void)
{
    static struct qpy__clock system_clock = {.now = system_now, .wait = system_wait};
    return &system_clock;
}

void qpy__time_to_text(int64_t unix_ms, char out[32])
{
    time_t seconds = (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0));
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);
    /* Not %Y: it writes years before 1000 without leading zeros. */
    size_t length = (size_t)snprintf(out, 32, "%04d", utc.tm_year + 1900);
    length += strftime(out + length, 32 - length, "-%m-%dT%H:%M:%S", &utc);
    snprintf(out + length, 32 - length, ".%03dZ", (int)(unix_ms - (int64_t)seconds * 1000));
}
