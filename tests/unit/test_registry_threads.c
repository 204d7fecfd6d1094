/* The registry under many threads: handlers come, go and work at the same time. */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <qntxpy/job.h>

#define THREADS 8
#define ROUNDS 300

static const char *const shared_names[] = {"alpha", "beta", "gamma"};

struct storm {
    qpy_registry *registry;
    atomic_int made;
    atomic_int freed;
    atomic_int executed;
    atomic_int wrong;
};

struct storm_handler {
    struct storm *storm;
    const char *name;
};

static const char *storm_name(void *self)
{
    return ((struct storm_handler *)self)->name;
}

static qpy_status storm_execute(void *self, qpy_context *ctx, qpy_job *job, qpy_error *error)
{
    (void)ctx;
    (void)error;
    struct storm_handler *handler = self; /* freed memory, if it was freed too early */
    if (strcmp(handler->name, qpy_job_handler_name(job)) != 0)
        atomic_fetch_add(&handler->storm->wrong, 1);
    atomic_fetch_add(&handler->storm->executed, 1);
    return QPY_OK;
}

static void storm_free(void *self)
{
    struct storm_handler *handler = self;
    atomic_fetch_add(&handler->storm->freed, 1);
    free(handler);
}

static void add_in_storm(struct storm *storm, const char *name, bool replace)
{
    struct storm_handler *self = malloc(sizeof *self);
    *self = (struct storm_handler){storm, name};
    qpy_handler handler = {sizeof handler, self, storm_name, storm_execute, storm_free};
    atomic_fetch_add(&storm->made, 1);
    qpy_status status = replace ? qpy_registry_replace(storm->registry, &handler, NULL)
                                : qpy_registry_register(storm->registry, &handler, NULL);
    if (status != QPY_OK)
        storm_free(self);
    if (status != QPY_OK && (replace || status != QPY_E_HANDLER_EXISTS))
        atomic_fetch_add(&storm->wrong, 1);
}

static void dispatch_in_storm(struct storm *storm, const char *name)
{
    qpy_job *job = NULL;
    if (qpy_job_new(name, NULL, 0, NULL, &job, NULL) != QPY_OK)
        return;
    qpy_status status = qpy_registry_dispatch(storm->registry, NULL, job, NULL, NULL);
    if (status != QPY_OK && status != QPY_E_HANDLER_MISSING)
        atomic_fetch_add(&storm->wrong, 1);
    qpy_job_free(job);
}

static void look_in_storm(struct storm *storm, const char *name)
{
    const qpy_handler *handler = qpy_registry_get(storm->registry, name);
    if (handler && strcmp(handler->name(handler->self), name) != 0)
        atomic_fetch_add(&storm->wrong, 1);
    qpy_registry_release(handler);
    char **names;
    size_t count;
    if (qpy_registry_names(storm->registry, &names, &count, NULL) != QPY_OK)
        return;
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) >= 0)
            atomic_fetch_add(&storm->wrong, 1);
    qpy_free(names);
}

static void *rage(void *argument)
{
    struct storm *storm = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const char *name = shared_names[i % 3];
        add_in_storm(storm, name, i % 2 == 0);
        dispatch_in_storm(storm, name);
        look_in_storm(storm, shared_names[(i + 1) % 3]);
        if (i % 5 == 0)
            qpy_registry_remove(storm->registry, name);
    }
    return NULL;
}

static void test_many_threads_at_once(void **state)
{
    (void)state;
    struct storm storm = {0};
    assert_int_equal(qpy_registry_new(&storm.registry, NULL), QPY_OK);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, rage, &storm), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qpy_registry_free(storm.registry);
    assert_int_equal(storm.wrong, 0);
    assert_int_equal(storm.made, THREADS * ROUNDS);
    assert_int_equal(storm.freed, storm.made);
    assert_true(storm.executed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
