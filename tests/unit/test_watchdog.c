/* The deadline clock: order, re-arming, hastening and disarming of timers, under a clock of our own. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/watchdog.h"

/* ---- A clock that stands still ----------------------------------------------------------------- */

/* `mutex` is the watchdog's own lock, which also guards `now` and `waiting`. */
struct fake {
    struct qpy__clock clock;
    pthread_mutex_t
        start_lock; /* guards `mutex` and `condition` until the watchdog has waited once */
    pthread_cond_t started;
    pthread_mutex_t *mutex;
    pthread_cond_t *condition;
    pthread_cond_t idle; /* the watchdog has nothing to do at `now` */
    qpy__usec now;
    qpy__usec until; /* what it waits for */
    bool waiting;
};

static qpy__usec fake_now(struct qpy__clock *clock)
{
    return ((struct fake *)clock)->now;
}

static void fake_wait(struct qpy__clock *clock, pthread_cond_t *condition, pthread_mutex_t *mutex,
                      qpy__usec until)
{
    struct fake *fake = (struct fake *)clock;
    pthread_mutex_lock(&fake->start_lock);
    if (!fake->mutex) {
        fake->mutex = mutex;
        fake->condition = condition;
        pthread_cond_broadcast(&fake->started);
    }
    pthread_mutex_unlock(&fake->start_lock);
    fake->until = until;
    fake->waiting = true;
    pthread_cond_broadcast(&fake->idle);
    pthread_cond_wait(condition, mutex);
}

static struct fake fake;
static qpy__watchdog *watchdog;

static int start(void **state)
{
    (void)state;
    fake = (struct fake){.clock = {.now = fake_now, .wait = fake_wait}, .now = 1000};
    pthread_mutex_init(&fake.start_lock, NULL);
    pthread_cond_init(&fake.started, NULL);
    pthread_cond_init(&fake.idle, NULL);
    if (qpy__watchdog_start(&fake.clock, &watchdog, NULL) != QPY_OK)
        return -1;
    pthread_mutex_lock(&fake.start_lock);
    while (!fake.mutex)
        pthread_cond_wait(&fake.started, &fake.start_lock);
    pthread_mutex_unlock(&fake.start_lock);
    return 0;
}

static int stop_watchdog(void **state)
{
    (void)state;
    qpy__watchdog_stop(watchdog);
    pthread_cond_destroy(&fake.idle);
    pthread_cond_destroy(&fake.started);
    pthread_mutex_destroy(&fake.start_lock);
    return 0;
}

/* Let it become `now`, without waiting for what that sets off. */
static void set_time(qpy__usec now)
{
    pthread_mutex_lock(fake.mutex);
    fake.now = now;
    fake.waiting = false;
    pthread_cond_broadcast(fake.condition);
    pthread_mutex_unlock(fake.mutex);
}

/* Wait until everything that is due has fired. Returns what the watchdog waits for. */
static qpy__usec settle(void)
{
    pthread_mutex_lock(fake.mutex);
    fake.waiting = false;
    pthread_cond_broadcast(fake.condition);
    while (!fake.waiting)
        pthread_cond_wait(&fake.idle, fake.mutex);
    qpy__usec until = fake.until;
    pthread_mutex_unlock(fake.mutex);
    return until;
}

static qpy__usec advance(qpy__usec now)
{
    set_time(now);
    return settle();
}

/* ---- A timer that remembers -------------------------------------------------------------------- */

struct probe {
    struct qpy__timer timer;
    int fired;
    qpy__usec at; /* the `now` of the latest firing */
    int order;    /* among all firings */
    int again;    /* how often it wants to fire again */
    qpy__usec interval;
};

static int order;

static qpy__usec probe_fire(struct qpy__timer *timer, qpy__usec now)
{
    struct probe *probe = (struct probe *)timer;
    probe->fired++;
    probe->at = now;
    probe->order = order++;
    return probe->again-- > 0 ? now + probe->interval : QPY__USEC_NEVER;
}

static struct probe new_probe(void)
{
    return (struct probe){.timer = {.fire = probe_fire}};
}

static void arm(struct probe *probe, qpy__usec due)
{
    assert_int_equal(qpy__watchdog_arm(watchdog, &probe->timer, due, NULL), QPY_OK);
}

/* ---- Cases ------------------------------------------------------------------------------------- */

static void test_nothing_armed(void **state)
{
    (void)state;
    assert_true(settle() == QPY__USEC_NEVER);
    assert_true(advance(1000000) == QPY__USEC_NEVER);
    qpy__watchdog_stop(NULL);
}

static void test_fires_when_due_and_once(void **state)
{
    (void)state;
    struct probe probe = new_probe();
    arm(&probe, 2000);
    assert_int_equal(settle(), 2000);
    advance(1999);
    assert_int_equal(probe.fired, 0);
    assert_true(advance(2000) == QPY__USEC_NEVER);
    assert_int_equal(probe.fired, 1);
    assert_int_equal(probe.at, 2000);
    assert_int_equal(probe.timer.place, 0);
    advance(9000);
    assert_int_equal(probe.fired, 1);
}

static void test_due_in_the_past_fires_at_once(void **state)
{
    (void)state;
    struct probe probe = new_probe();
    arm(&probe, 5);
    settle();
    assert_int_equal(probe.fired, 1);
    assert_int_equal(probe.at, 1000);
}

/* Armed in every order, they fire in the order of their times. */
static void test_order(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static struct probe probes[COUNT];
    unsigned seed = 1;
    order = 0;
    for (int i = 0; i < COUNT; i++) {
        probes[i] = new_probe();
        arm(&probes[i], 2000 + rand_r(&seed) % 500);
    }
    advance(3000);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(probes[i].fired, 1);
        for (int j = 0; j < i; j++)
            if (probes[i].timer.due < probes[j].timer.due)
                assert_true(probes[i].order < probes[j].order);
    }
}

static void test_only_what_is_due_fires(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct probe probes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        probes[i] = new_probe();
        arm(&probes[i], 2000 + (i * 37) % COUNT);
    }
    for (int step = 0; step < COUNT; step++) {
        qpy__usec next = advance(2000 + step);
        assert_true(next == (step + 1 < COUNT ? 2001 + step : QPY__USEC_NEVER));
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(probes[i].fired, (i * 37) % COUNT <= step);
    }
}

static void test_arms_itself_again(void **state)
{
    (void)state;
    struct probe probe = new_probe();
    probe.again = 3;
    probe.interval = 100;
    arm(&probe, 2000);
    assert_int_equal(advance(2000), 2100);
    assert_int_equal(advance(2150), 2250);
    assert_int_equal(advance(2250), 2350);
    assert_true(advance(9999) == QPY__USEC_NEVER);
    assert_int_equal(probe.fired, 4);
}

static void test_again_at_once(void **state)
{
    (void)state;
    struct probe probe = new_probe();
    probe.again = 5;
    probe.interval = 0;
    arm(&probe, 2000);
    advance(2000);
    assert_int_equal(probe.fired, 6);
}

static void test_can_be_armed_again_after_firing(void **state)
{
    (void)state;
    struct probe probe = new_probe();
    for (int i = 1; i <= 3; i++) {
        arm(&probe, 1000 + 1000 * i);
        advance(1000 + 1000 * i);
        assert_int_equal(probe.fired, i);
    }
}

static void test_hasten(void **state)
{
    (void)state;
    struct probe first = new_probe();
    struct probe second = new_probe();
    arm(&first, 5000);
    arm(&second, 6000);
    assert_int_equal(settle(), 5000);
    qpy__watchdog_hasten(watchdog, &second.timer, 3000);
    assert_int_equal(settle(), 3000);
    qpy__watchdog_hasten(watchdog, &second.timer, 4000); /* later: stays */
    assert_int_equal(settle(), 3000);
    advance(3000);
    assert_int_equal(second.fired, 1);
    assert_int_equal(first.fired, 0);
    qpy__watchdog_hasten(watchdog, &second.timer, 3000); /* not armed */
    settle();
    assert_int_equal(second.fired, 1);
    qpy__watchdog_hasten(watchdog, &first.timer, 0); /* long past: at once */
    settle();
    assert_int_equal(first.fired, 1);
}

static void test_disarm(void **state)
{
    (void)state;
    struct probe kept = new_probe();
    struct probe dropped = new_probe();
    struct probe never_armed = new_probe();
    arm(&dropped, 2000);
    arm(&kept, 2500);
    qpy__watchdog_disarm(watchdog, &dropped.timer);
    qpy__watchdog_disarm(watchdog, &dropped.timer);
    qpy__watchdog_disarm(watchdog, &never_armed.timer);
    assert_int_equal(settle(), 2500);
    advance(3000);
    assert_int_equal(dropped.fired, 0);
    assert_int_equal(kept.fired, 1);
}

static void test_try_disarm(void **state)
{
    (void)state;
    struct probe probe = new_probe();
    assert_true(qpy__watchdog_try_disarm(watchdog, &probe.timer)); /* not armed */
    arm(&probe, 2000);
    assert_true(qpy__watchdog_try_disarm(watchdog, &probe.timer));
    assert_true(advance(3000) == QPY__USEC_NEVER);
    assert_int_equal(probe.fired, 0);
}

/* ---- Disarming what fires at the moment --------------------------------------------------------- */

struct slow {
    struct qpy__timer timer;
    sem_t entered;
    sem_t go;
    atomic_bool inside;
    int fired;
};

static qpy__usec slow_fire(struct qpy__timer *timer, qpy__usec now)
{
    struct slow *slow = (struct slow *)timer;
    atomic_store(&slow->inside, true);
    sem_post(&slow->entered);
    sem_wait(&slow->go);
    slow->fired++;
    atomic_store(&slow->inside, false);
    return now + 1;
}

/* It does not wait, and leaves what fires alone. */
static void test_try_disarm_while_firing(void **state)
{
    (void)state;
    struct slow slow = {.timer = {.fire = slow_fire}};
    sem_init(&slow.entered, 0, 0);
    sem_init(&slow.go, 0, 0);
    assert_int_equal(qpy__watchdog_arm(watchdog, &slow.timer, 2000, NULL), QPY_OK);
    set_time(2000);
    sem_wait(&slow.entered);
    assert_false(qpy__watchdog_try_disarm(watchdog, &slow.timer));
    assert_true(atomic_load(&slow.inside));
    sem_post(&slow.go);
    assert_int_equal(settle(), 2001); /* it armed itself again */
    assert_true(qpy__watchdog_try_disarm(watchdog, &slow.timer));
    assert_true(advance(3000) == QPY__USEC_NEVER);
    assert_int_equal(slow.fired, 1);
    sem_destroy(&slow.go);
    sem_destroy(&slow.entered);
}

static void *disarm_slow(void *argument)
{
    struct slow *slow = argument;
    sem_wait(&slow->entered);
    sem_post(&slow->go);
    qpy__watchdog_disarm(watchdog, &slow->timer);
    return atomic_load(&slow->inside) ? slow : NULL;
}

static void test_disarm_while_firing(void **state)
{
    (void)state;
    for (int round = 1; round <= 300; round++) {
        struct slow slow = {.timer = {.fire = slow_fire}};
        sem_init(&slow.entered, 0, 0);
        sem_init(&slow.go, 0, 0);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, disarm_slow, &slow), 0);
        assert_int_equal(qpy__watchdog_arm(watchdog, &slow.timer, 1000 * round, NULL), QPY_OK);
        set_time(1000 * round);
        void *late = NULL;
        pthread_join(thread, &late);
        assert_null(late);
        /* It wanted to fire again, but was disarmed: there is nothing left to wait for. */
        assert_true(advance(1000 * round + 500) == QPY__USEC_NEVER);
        assert_int_equal(slow.fired, 1);
        assert_int_equal(slow.timer.place, 0);
        sem_destroy(&slow.go);
        sem_destroy(&slow.entered);
    }
}

/* ---- Against a model ---------------------------------------------------------------------------- */

enum { MODEL_TIMERS = 120 };

struct model {
    struct probe probes[MODEL_TIMERS];
    qpy__usec due[MODEL_TIMERS]; /* QPY__USEC_NEVER: not armed */
    int fired[MODEL_TIMERS];
};

static void random_step(struct model *model, qpy__usec now, unsigned *seed)
{
    int i = rand_r(seed) % MODEL_TIMERS;
    qpy__usec due = now + 1 + rand_r(seed) % 300;
    if (model->due[i] == QPY__USEC_NEVER) {
        arm(&model->probes[i], due);
        model->due[i] = due;
    } else if (rand_r(seed) % 3 == 0) {
        qpy__watchdog_disarm(watchdog, &model->probes[i].timer);
        model->due[i] = QPY__USEC_NEVER;
    } else {
        qpy__watchdog_hasten(watchdog, &model->probes[i].timer, due);
        model->due[i] = due < model->due[i] ? due : model->due[i];
    }
}

static void check_model(struct model *model, qpy__usec now)
{
    qpy__usec next = advance(now);
    qpy__usec earliest = QPY__USEC_NEVER;
    for (int i = 0; i < MODEL_TIMERS; i++) {
        if (model->due[i] <= now) {
            model->fired[i]++;
            model->due[i] = QPY__USEC_NEVER;
        }
        earliest = model->due[i] < earliest ? model->due[i] : earliest;
        assert_int_equal(model->probes[i].fired, model->fired[i]);
    }
    assert_true(next == earliest);
}

static void test_random_operations(void **state)
{
    (void)state;
    static struct model model;
    unsigned seed = 42;
    for (int i = 0; i < MODEL_TIMERS; i++) {
        model.probes[i] = new_probe();
        model.due[i] = QPY__USEC_NEVER;
    }
    qpy__usec now = 1000;
    for (int round = 0; round < 1500; round++) {
        for (int step = 0; step < 12; step++)
            random_step(&model, now, &seed);
        now += rand_r(&seed) % 40;
        check_model(&model, now);
    }
    check_model(&model, now + 10000);
}

static void test_stop_with_armed_timers(void **state)
{
    (void)state;
    static struct probe probes[100];
    for (int i = 0; i < 100; i++) {
        probes[i] = new_probe();
        arm(&probes[i], 5000 + i);
    }
    stop_watchdog(NULL);
    for (int i = 0; i < 100; i++)
        assert_int_equal(probes[i].fired, 0);
    start(NULL);
}

/* ---- Many threads, real time --------------------------------------------------------------------- */

struct busy {
    struct qpy__timer timer;
    pthread_t thread;
    unsigned seed;
    atomic_bool armed; /* false: the owner relies on it not firing */
    atomic_int late;
    atomic_int fired;
};

static qpy__watchdog *real;

static qpy__usec busy_fire(struct qpy__timer *timer, qpy__usec now)
{
    struct busy *busy = (struct busy *)timer;
    if (!atomic_load(&busy->armed))
        atomic_fetch_add(&busy->late, 1);
    atomic_fetch_add(&busy->fired, 1);
    return atomic_load(&busy->fired) % 3 == 0 ? now + 50 : QPY__USEC_NEVER;
}

static void *use_timer(void *argument)
{
    struct busy *busy = argument;
    for (int i = 0; i < 3000; i++) {
        atomic_store(&busy->armed, true);
        qpy__usec due = qpy__monotonic_now() + rand_r(&busy->seed) % 100;
        if (qpy__watchdog_arm(real, &busy->timer, due, NULL) != QPY_OK)
            return busy;
        if (i % 2)
            qpy__watchdog_hasten(real, &busy->timer, due - 50);
        if (i % 3 == 0)
            sched_yield();
        qpy__watchdog_disarm(real, &busy->timer);
        atomic_store(&busy->armed, false);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 6 };
    static struct busy busy[THREADS];
    assert_int_equal(qpy__watchdog_start(qpy__clock_system(), &real, NULL), QPY_OK);
    for (int i = 0; i < THREADS; i++) {
        busy[i] = (struct busy){.timer = {.fire = busy_fire}, .seed = (unsigned)i};
        assert_int_equal(pthread_create(&busy[i].thread, NULL, use_timer, &busy[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        pthread_join(busy[i].thread, &failed);
        assert_null(failed);
        assert_int_equal(busy[i].late, 0);
    }
    qpy__watchdog_stop(real);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop_watchdog)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_nothing_armed),
        CASE(test_fires_when_due_and_once),
        CASE(test_due_in_the_past_fires_at_once),
        CASE(test_order),
        CASE(test_only_what_is_due_fires),
        CASE(test_arms_itself_again),
        CASE(test_again_at_once),
        CASE(test_can_be_armed_again_after_firing),
        CASE(test_hasten),
        CASE(test_disarm),
        CASE(test_try_disarm),
        CASE(test_try_disarm_while_firing),
        CASE(test_disarm_while_firing),
        CASE(test_random_operations),
        CASE(test_stop_with_armed_timers),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
