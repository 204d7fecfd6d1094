/* Clocks: time as text, waits with a deadline, and clocks of a test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"

static void writes_times(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {-1001, "1969-12-31T23:59:58.999Z"},
        {1700000000123, "2023-11-14T22:13:20.123Z"},
        {1709251199999, "2024-02-29T23:59:59.999Z"},
        {-62135596800000, "0001-01-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        qpy__time_to_text(cases[i].unix_ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void never_runs_backwards(void **state)
{
    (void)state;
    qpy__usec before = qpy__monotonic_now();
    for (int i = 0; i < 1000; i++) {
        qpy__usec now = qpy__clock_now(qpy__clock_system());
        assert_true(now >= before);
        before = now;
    }
    assert_true(qpy__wall_ms() > 1700000000000);
}

static void waits_until_a_deadline(void **state)
{
    (void)state;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    qpy__cond_init(&condition);
    pthread_mutex_lock(&mutex);
    assert_false(qpy__cond_wait_until(&condition, &mutex, qpy__monotonic_now() - 1));
    qpy__usec until = qpy__monotonic_now() + 2 * QPY__USEC_PER_MSEC;
    while (qpy__cond_wait_until(&condition, &mutex, until))
        ;
    assert_true(qpy__monotonic_now() >= until);
    until = qpy__monotonic_now() + 1;
    qpy__clock_system()->wait(qpy__clock_system(), &condition, &mutex, until);
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&condition);
}

struct signalled {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool ready;
};

static void *signal_it(void *argument)
{
    struct signalled *signalled = argument;
    pthread_mutex_lock(&signalled->mutex);
    signalled->ready = true;
    pthread_cond_signal(&signalled->condition);
    pthread_mutex_unlock(&signalled->mutex);
    return NULL;
}

static void wakes_when_it_is_signalled(void **state)
{
    (void)state;
    struct signalled signalled = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    qpy__cond_init(&signalled.condition);
    pthread_t thread;
    pthread_mutex_lock(&signalled.mutex);
    assert_int_equal(pthread_create(&thread, NULL, signal_it, &signalled), 0);
    while (!signalled.ready)
        assert_true(qpy__cond_wait_until(&signalled.condition, &signalled.mutex, QPY__USEC_NEVER));
    pthread_mutex_unlock(&signalled.mutex);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&signalled.condition);
}

static qpy__usec stopped_now(struct qpy__clock *clock)
{
    (void)clock;
    return 42;
}

static void can_be_replaced(void **state)
{
    (void)state;
    struct qpy__clock clock = {.now = stopped_now};
    assert_int_equal(qpy__clock_now(&clock), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_times),           cmocka_unit_test(never_runs_backwards),
        cmocka_unit_test(waits_until_a_deadline), cmocka_unit_test(wakes_when_it_is_signalled),
        cmocka_unit_test(can_be_replaced),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
