/* Time: one type, one monotonic clock that tests can replace, and the wall clock. */
#ifndef QPY__CORE_CLOCK_H
#define QPY__CORE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef int64_t qpy__usec; /* microseconds */

#define QPY__USEC_PER_MSEC 1000
#define QPY__USEC_PER_SEC 1000000
#define QPY__USEC_NEVER INT64_MAX

/* Where time comes from. `wait` waits on `condition` until `until` or until it is signalled. */
struct qpy__clock {
    qpy__usec (*now)(struct qpy__clock *clock);
    void (*wait)(struct qpy__clock *clock, pthread_cond_t *condition, pthread_mutex_t *mutex,
                 qpy__usec until);
};

/* CLOCK_MONOTONIC. Conditions used with it must come from qpy__cond_init. */
struct qpy__clock *qpy__clock_system(void);

static inline qpy__usec qpy__clock_now(struct qpy__clock *clock)
{
    return clock->now(clock);
}

/* A condition variable whose timed waits follow CLOCK_MONOTONIC. */
void qpy__cond_init(pthread_cond_t *condition);

/* Wait on the monotonic clock; false if `until` has passed. QPY__USEC_NEVER waits without end. */
bool qpy__cond_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, qpy__usec until);

qpy__usec qpy__monotonic_now(void);

/* Unix time in milliseconds. */
int64_t qpy__wall_ms(void);

/* "2026-11-23T18:10:00.123Z". `out` holds at least 32 bytes. */
void qpy__time_to_text(int64_t unix_ms, char out[32]);

#endif
