/* Contexts: reasons, deadlines, watchers, and what happens when threads meet in them. */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include <qntxpy/context.h>

#include "core/clock.h"

static qpy_context *make(int64_t timeout_ms)
{
    qpy_context *context = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_context_new(timeout_ms, &context, &error), QPY_OK);
    assert_non_null(context);
    return context;
}

static void assert_reason(const qpy_context *context, const char *expected)
{
    char reason[300];
    memset(reason, 'x', sizeof reason);
    qpy_context_reason(context, reason, sizeof reason);
    assert_string_equal(reason, expected);
}

/* ---- Reasons --------------------------------------------------------------------------------- */

static void test_a_new_context_is_not_cancelled(void **state)
{
    (void)state;
    qpy_context *context = make(QPY_DEFAULT);
    assert_false(qpy_context_cancelled(context));
    assert_true(qpy_context_remaining_ms(context) == INT64_MAX);
    assert_reason(context, "");
    qpy_context_free(context);
}

static void test_the_first_reason_stays(void **state)
{
    (void)state;
    qpy_context *context = make(QPY_DEFAULT);
    qpy_context_cancel(context, "the user asked");
    qpy_context_cancel(context, "somebody else asked");
    assert_true(qpy_context_cancelled(context));
    assert_reason(context, "the user asked");
    assert_true(qpy_context_remaining_ms(context) == INT64_MAX);
    qpy_context_free(context);
}

static void test_a_missing_reason_is_cancelled(void **state)
{
    (void)state;
    const char *const missing[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        qpy_context *context = make(QPY_DEFAULT);
        qpy_context_cancel(context, missing[i]);
        assert_reason(context, "cancelled");
        qpy_context_free(context);
    }
}

static void test_a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    char reason[301];
    for (size_t i = 0; i < 300; i += 2)
        memcpy(reason + i, "\xC3\xA4", 2);
    reason[300] = '\0';
    qpy_context *context = make(QPY_DEFAULT);
    qpy_context_cancel(context, reason);
    reason[254] = '\0'; /* 255 would split a character */
    assert_reason(context, reason);
    char small[4];
    qpy_context_reason(context, small, sizeof small);
    assert_string_equal(small, "\xC3\xA4");
    qpy_context_free(context);
}

static void test_a_reason_without_room_is_not_written(void **state)
{
    (void)state;
    qpy_context *context = make(QPY_DEFAULT);
    qpy_context_cancel(context, "why");
    char untouched = 'x';
    qpy_context_reason(context, &untouched, 0);
    assert_int_equal(untouched, 'x');
    qpy_context_reason(context, NULL, 10);
    qpy_context_reason(context, &untouched, 1);
    assert_int_equal(untouched, '\0');
    qpy_context_free(context);
}

/* ---- Deadlines ------------------------------------------------------------------------------- */

static void test_zero_milliseconds_are_over_at_once(void **state)
{
    (void)state;
    qpy_context *context = make(0);
    assert_true(qpy_context_cancelled(context));
    assert_int_equal(qpy_context_remaining_ms(context), 0);
    assert_reason(context, "deadline exceeded");
    qpy_context_cancel(context, "too late");
    assert_reason(context, "deadline exceeded");
    qpy_context_free(context);
}

static void test_the_reason_alone_sees_the_deadline(void **state)
{
    (void)state;
    qpy_context *context = make(0);
    assert_reason(context, "deadline exceeded");
    qpy_context_free(context);
}

static void test_a_deadline_passes(void **state)
{
    (void)state;
    qpy__usec before = qpy__monotonic_now();
    qpy_context *context = make(5);
    assert_in_range(qpy_context_remaining_ms(context), 0, 5);
    while (qpy_context_remaining_ms(context) > 0)
        sched_yield();
    assert_true(qpy_context_cancelled(context));
    assert_true(qpy__monotonic_now() - before >= 5 * QPY__USEC_PER_MSEC);
    assert_int_equal(qpy_context_remaining_ms(context), 0);
    assert_reason(context, "deadline exceeded");
    qpy_context_free(context);
}

static void test_remaining_time_counts_down(void **state)
{
    (void)state;
    qpy_context *context = make(3600000);
    int64_t left = qpy_context_remaining_ms(context);
    assert_in_range(left, 3000000, 3600000);
    while (qpy_context_remaining_ms(context) == left)
        sched_yield();
    assert_true(qpy_context_remaining_ms(context) < left);
    assert_false(qpy_context_cancelled(context));
    qpy_context_cancel(context, "before the deadline");
    assert_reason(context, "before the deadline");
    qpy_context_free(context);
}

static void test_a_deadline_beyond_the_clock_is_none(void **state)
{
    (void)state;
    const int64_t endless[] = {INT64_MAX, INT64_MAX / 1000};
    for (size_t i = 0; i < 2; i++) {
        qpy_context *context = make(endless[i]);
        assert_false(qpy_context_cancelled(context));
        assert_true(qpy_context_remaining_ms(context) == INT64_MAX);
        qpy_context_free(context);
    }
}

/* ---- Watchers -------------------------------------------------------------------------------- */

struct heard {
    atomic_int calls;
    char reason[64];
    pthread_t thread;
    qpy_context *context; /* to call back into it, or NULL */
    uint64_t token;
    uint64_t other;
};

static void hear(void *payload, const char *reason)
{
    struct heard *heard = payload;
    atomic_fetch_add(&heard->calls, 1);
    strncpy(heard->reason, reason, sizeof heard->reason - 1);
    heard->thread = pthread_self();
}

static uint64_t watch(qpy_context *context, qpy_context_fn fn, struct heard *heard)
{
    uint64_t token = 4711;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_context_watch(context, fn, heard, &token, &error), QPY_OK);
    return token;
}

static void test_watchers_hear_of_a_cancellation_once(void **state)
{
    (void)state;
    qpy_context *context = make(QPY_DEFAULT);
    struct heard heard[3] = {0};
    uint64_t tokens[3];
    for (size_t i = 0; i < 3; i++)
        tokens[i] = watch(context, hear, &heard[i]);
    assert_true(tokens[0] != 0 && tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    qpy_context_unwatch(context, tokens[1]);
    assert_int_equal(heard[0].calls, 0);
    qpy_context_cancel(context, "enough");
    qpy_context_cancel(context, "again");
    assert_int_equal(heard[0].calls, 1);
    assert_int_equal(heard[1].calls, 0);
    assert_int_equal(heard[2].calls, 1);
    assert_string_equal(heard[2].reason, "enough");
    assert_true(pthread_equal(heard[2].thread, pthread_self()));
    for (size_t i = 0; i < 3; i++)
        qpy_context_unwatch(context, tokens[i]);
    qpy_context_free(context);
}

static void test_a_late_watcher_hears_at_once(void **state)
{
    (void)state;
    qpy_context *context = make(QPY_DEFAULT);
    qpy_context_cancel(context, "long ago");
    struct heard heard = {0};
    assert_int_equal(watch(context, hear, &heard), 0);
    assert_int_equal(heard.calls, 1);
    assert_string_equal(heard.reason, "long ago");
    qpy_context_free(context);
}

static void test_a_watcher_of_a_context_past_its_deadline_hears_at_once(void **state)
{
    (void)state;
    qpy_context *context = make(0);
    struct heard heard = {0};
    assert_int_equal(watch(context, hear, &heard), 0);
    assert_string_equal(heard.reason, "deadline exceeded");
    qpy_context_free(context);
}

static void test_a_deadline_is_announced_by_cancel_only(void **state)
{
    (void)state;
    qpy_context *context = make(5);
    struct heard heard = {0};
    bool early = watch(context, hear, &heard) != 0;
    while (!qpy_context_cancelled(context))
        sched_yield();
    assert_int_equal(heard.calls, early ? 0 : 1);
    qpy_context_cancel(context, "too late");
    assert_int_equal(heard.calls, 1);
    assert_string_equal(heard.reason, "deadline exceeded");
    qpy_context_free(context);
}

static void test_a_context_with_watchers_can_be_freed(void **state)
{
    (void)state;
    qpy_context *context = make(QPY_DEFAULT);
    struct heard heard = {0};
    watch(context, hear, &heard);
    qpy_context_free(context);
    assert_int_equal(heard.calls, 0);
}

static void call_back(void *payload, const char *reason)
{
    struct heard *heard = payload;
    hear(payload, reason);
    qpy_context_unwatch(heard->context, heard->token); /* itself: must not wait for itself */
    qpy_context_unwatch(heard->context, heard->other); /* not called yet: will not be */
    qpy_context_cancel(heard->context, "from within");
    if (qpy_context_cancelled(heard->context))
        qpy_context_reason(heard->context, heard->reason, sizeof heard->reason);
}

static void test_a_watcher_may_call_the_context(void **state)
{
    (void)state;
    qpy_context *context = make(QPY_DEFAULT);
    struct heard heard[2] = {{.context = context}, {.context = context}};
    heard[0].token = heard[1].other = watch(context, call_back, &heard[0]);
    heard[1].token = heard[0].other = watch(context, call_back, &heard[1]);
    qpy_context_cancel(context, "from outside");
    assert_int_equal(heard[0].calls + heard[1].calls, 1);
    assert_reason(context, "from outside");
    assert_string_equal(heard[heard[0].calls ? 0 : 1].reason, "from outside");
    qpy_context_free(context);
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* A watcher that is busy until somebody waits for it, and a moment longer. */
struct busy {
    qpy_context *context;
    atomic_bool entered;
    atomic_bool waited_for;
    atomic_bool returned;
};

static void be_busy(void *payload, const char *reason)
{
    (void)reason;
    struct busy *busy = payload;
    atomic_store(&busy->entered, true);
    while (!atomic_load(&busy->waited_for))
        sched_yield();
    /* A wait that does not wait gets its chance to return too early. */
    for (qpy__usec end = qpy__monotonic_now() + 20000; qpy__monotonic_now() < end;)
        sched_yield();
    atomic_store(&busy->returned, true);
}

static void *cancel_busy(void *argument)
{
    struct busy *busy = argument;
    qpy_context_cancel(busy->context, "busy");
    return NULL;
}

static void enter(struct busy *busy, pthread_t *thread, uint64_t *token)
{
    busy->context = make(QPY_DEFAULT);
    assert_int_equal(qpy_context_watch(busy->context, be_busy, busy, token, NULL), QPY_OK);
    assert_int_equal(pthread_create(thread, NULL, cancel_busy, busy), 0);
    while (!atomic_load(&busy->entered))
        sched_yield();
}

static void test_unwatch_waits_for_the_watcher(void **state)
{
    (void)state;
    struct busy busy = {0};
    pthread_t thread;
    uint64_t token;
    enter(&busy, &thread, &token);
    struct heard heard = {0};
    assert_int_equal(watch(busy.context, hear, &heard), 0);
    qpy_context_unwatch(busy.context, token + 1); /* another one: nothing to wait for */
    assert_false(atomic_load(&busy.returned));
    atomic_store(&busy.waited_for, true);
    qpy_context_unwatch(busy.context, token);
    assert_true(atomic_load(&busy.returned));
    pthread_join(thread, NULL);
    qpy_context_free(busy.context);
}

static void test_one_thread_calls_all_watchers(void **state)
{
    (void)state;
    struct busy busy = {.context = make(QPY_DEFAULT)};
    struct heard before = {0}, after = {0};
    watch(busy.context, hear, &before);
    uint64_t token;
    assert_int_equal(qpy_context_watch(busy.context, be_busy, &busy, &token, NULL), QPY_OK);
    watch(busy.context, hear, &after);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_busy, &busy), 0);
    while (!atomic_load(&busy.entered))
        sched_yield();
    qpy_context_cancel(busy.context, "again");
    assert_int_equal(before.calls + after.calls, 1); /* one of them comes behind the busy one */
    atomic_store(&busy.waited_for, true);
    pthread_join(thread, NULL);
    assert_int_equal(before.calls, 1);
    assert_int_equal(after.calls, 1);
    assert_string_equal(before.reason, "busy");
    assert_string_equal(after.reason, "busy");
    qpy_context_free(busy.context);
}

static void test_free_waits_for_the_watchers(void **state)
{
    (void)state;
    struct busy busy = {0};
    pthread_t thread;
    uint64_t token;
    enter(&busy, &thread, &token);
    atomic_store(&busy.waited_for, true);
    qpy_context_free(busy.context);
    assert_true(atomic_load(&busy.returned));
    pthread_join(thread, NULL);
}

#define THREADS 8

struct race {
    qpy_context *context;
    pthread_barrier_t start;
    atomic_int wrong; /* watchers called twice */
};

static void start_race(struct race *race, int64_t timeout_ms)
{
    race->context = make(timeout_ms);
    pthread_barrier_init(&race->start, NULL, THREADS);
    atomic_init(&race->wrong, 0);
}

static void run_race(struct race *race, void *(*run[THREADS])(void *))
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run[i], race), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&race->start);
    qpy_context_free(race->context);
}

static void *cancel_in_race(void *argument)
{
    struct race *race = argument;
    pthread_barrier_wait(&race->start);
    qpy_context_cancel(race->context, "race");
    return NULL;
}

/* The payload lives on the stack: a call after unwatch is a use after return. */
static void watch_once(struct race *race)
{
    struct heard heard = {0};
    uint64_t token;
    if (qpy_context_watch(race->context, hear, &heard, &token, NULL) != QPY_OK)
        return;
    qpy_context_unwatch(race->context, token);
    if (heard.calls > 1 || (heard.calls == 1 && strcmp(heard.reason, "race") != 0))
        atomic_fetch_add(&race->wrong, 1);
}

static void *watch_in_race(void *argument)
{
    struct race *race = argument;
    pthread_barrier_wait(&race->start);
    for (int i = 0; i < 20; i++)
        watch_once(race);
    return NULL;
}

static void *look_in_race(void *argument)
{
    struct race *race = argument;
    pthread_barrier_wait(&race->start);
    char reason[32];
    for (int i = 0; i < 20; i++) {
        qpy_context_reason(race->context, reason, sizeof reason);
        bool known = reason[0] == '\0' || strcmp(reason, "race") == 0;
        if (!known || (reason[0] != '\0' && !qpy_context_cancelled(race->context)))
            atomic_fetch_add(&race->wrong, 1);
    }
    return NULL;
}

static void test_watchers_come_and_go_while_others_cancel(void **state)
{
    (void)state;
    void *(*run[THREADS])(void *) = {cancel_in_race, watch_in_race, watch_in_race,  watch_in_race,
                                     watch_in_race,  look_in_race,  cancel_in_race, look_in_race};
    for (int round = 0; round < 100; round++) {
        struct race race;
        start_race(&race, QPY_DEFAULT);
        struct heard faithful = {0};
        watch(race.context, hear, &faithful);
        run_race(&race, run);
        assert_int_equal(race.wrong, 0);
        assert_int_equal(faithful.calls, 1);
    }
}

/* ---- Arguments ------------------------------------------------------------------------------- */

static void test_wrong_arguments_are_named(void **state)
{
    (void)state;
    qpy_error error = QPY_ERROR_INIT;
    qpy_context *context = (qpy_context *)&error; /* any pointer: must stay as it is */
    assert_int_equal(qpy_context_new(0, NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "ret_context is NULL");
    assert_int_equal(qpy_context_new(-2, &context, &error), QPY_E_ARGUMENT);
    assert_non_null(strstr(error.message, "timeout_ms is -2"));
    assert_ptr_equal(context, &error);
    assert_int_equal(qpy_context_new(-2, &context, NULL), QPY_E_ARGUMENT);

    context = make(QPY_DEFAULT);
    uint64_t token = 7;
    assert_int_equal(qpy_context_watch(NULL, hear, NULL, &token, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "context is NULL");
    assert_int_equal(qpy_context_watch(context, NULL, NULL, &token, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "fn is NULL");
    assert_int_equal(qpy_context_watch(context, hear, NULL, NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "ret_token is NULL");
    assert_int_equal(token, 7);
    qpy_context_unwatch(context, 0);
    qpy_context_unwatch(context, 12345);
    qpy_context_free(context);
}

static void test_no_context_is_never_cancelled(void **state)
{
    (void)state;
    qpy_context_cancel(NULL, "nobody hears it");
    assert_false(qpy_context_cancelled(NULL));
    assert_true(qpy_context_remaining_ms(NULL) == INT64_MAX);
    assert_reason(NULL, "");
    qpy_context_unwatch(NULL, 1);
    qpy_context_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_context_is_not_cancelled),
        cmocka_unit_test(test_the_first_reason_stays),
        cmocka_unit_test(test_a_missing_reason_is_cancelled),
        cmocka_unit_test(test_a_long_reason_is_cut_between_characters),
        cmocka_unit_test(test_a_reason_without_room_is_not_written),
        cmocka_unit_test(test_zero_milliseconds_are_over_at_once),
        cmocka_unit_test(test_the_reason_alone_sees_the_deadline),
        cmocka_unit_test(test_a_deadline_passes),
        cmocka_unit_test(test_remaining_time_counts_down),
        cmocka_unit_test(test_a_deadline_beyond_the_clock_is_none),
        cmocka_unit_test(test_watchers_hear_of_a_cancellation_once),
        cmocka_unit_test(test_a_late_watcher_hears_at_once),
        cmocka_unit_test(test_a_watcher_of_a_context_past_its_deadline_hears_at_once),
        cmocka_unit_test(test_a_deadline_is_announced_by_cancel_only),
        cmocka_unit_test(test_a_context_with_watchers_can_be_freed),
        cmocka_unit_test(test_a_watcher_may_call_the_context),
        cmocka_unit_test(test_unwatch_waits_for_the_watcher),
        cmocka_unit_test(test_one_thread_calls_all_watchers),
        cmocka_unit_test(test_free_waits_for_the_watchers),
        cmocka_unit_test(test_watchers_come_and_go_while_others_cancel),
        cmocka_unit_test(test_wrong_arguments_are_named),
        cmocka_unit_test(test_no_context_is_never_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
