/* The registry: names, dispatch, and handlers that go while they are at work. */
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <qntxpy/job.h>

#include "pulse/job.h"

/* A handler that counts. What it does beyond that is up to `act`. */
struct fake {
    const char *name;
    atomic_int calls;
    atomic_int freed;
    qpy_context *ctx; /* what the last execute got */
    qpy_job *job;
    bool had_error;
    qpy_status status;
    const char *message; /* or NULL: none */
    void (*act)(struct fake *fake);
    qpy_registry *registry;
    sem_t entered;
    sem_t leave;
};

static const char *fake_name(void *self)
{
    return ((struct fake *)self)->name;
}

static qpy_status fake_execute(void *self, qpy_context *ctx, qpy_job *job, qpy_error *error)
{
    struct fake *fake = self;
    atomic_fetch_add(&fake->calls, 1);
    fake->ctx = ctx;
    fake->job = job;
    fake->had_error = error != NULL;
    if (fake->act)
        fake->act(fake);
    if (fake->message)
        snprintf(error->message, sizeof error->message, "%s", fake->message);
    return fake->status;
}

static void fake_free(void *self)
{
    atomic_fetch_add(&((struct fake *)self)->freed, 1);
}

static qpy_handler handler_of(struct fake *fake)
{
    return (qpy_handler){sizeof(qpy_handler), fake, fake_name, fake_execute, fake_free};
}

static qpy_registry *make(void)
{
    qpy_registry *registry = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_registry_new(&registry, &error), QPY_OK);
    assert_non_null(registry);
    return registry;
}

static void put(qpy_registry *registry, struct fake *fake)
{
    qpy_handler handler = handler_of(fake);
    assert_int_equal(qpy_registry_register(registry, &handler, NULL), QPY_OK);
}

static qpy_job *job_for(const char *handler_name)
{
    qpy_job *job = NULL;
    assert_int_equal(qpy_job_new(handler_name, NULL, 0, NULL, &job, NULL), QPY_OK);
    return job;
}

static void *as_is = &as_is; /* a pointer that no call may change */

/* ---- Names (contract section 2) -------------------------------------------------------------- */

static void test_a_new_registry_is_empty(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    char **names = NULL;
    size_t count = 7;
    assert_int_equal(qpy_registry_names(registry, &names, &count, NULL), QPY_OK);
    assert_int_equal(count, 0);
    assert_null(names[0]);
    qpy_free(names);
    assert_false(qpy_registry_has(registry, ""));
    qpy_registry_free(registry);
}

static void test_register_get_and_has(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"};
    put(registry, &fake);
    const qpy_handler *handler = qpy_registry_get(registry, "test.handler");
    assert_non_null(handler);
    assert_ptr_equal(handler->self, &fake);
    assert_string_equal(handler->name(handler->self), "test.handler");
    qpy_registry_release(handler);
    assert_true(qpy_registry_has(registry, "test.handler"));
    assert_int_equal(fake.freed, 0);
    qpy_registry_free(registry);
    assert_int_equal(fake.freed, 1);
}

static void test_get_and_has_unknown(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "b"};
    put(registry, &fake);
    const char *const unknown[] = {"a", "c", "b2", "B", ""};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_null(qpy_registry_get(registry, unknown[i]));
        assert_false(qpy_registry_has(registry, unknown[i]));
    }
    qpy_registry_free(registry);
}

static void test_names_are_sorted(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fakes[] = {{.name = "m"}, {.name = "a"}, {.name = "z"}, {.name = "ab"}};
    for (size_t i = 0; i < 4; i++)
        put(registry, &fakes[i]);
    char **names = NULL;
    size_t count = 0;
    assert_int_equal(qpy_registry_names(registry, &names, &count, NULL), QPY_OK);
    const char *const expected[] = {"a", "ab", "m", "z"};
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(names[i], expected[i]);
    assert_null(names[4]);
    qpy_registry_free(registry);
    assert_string_equal(names[3], "z"); /* the names are the caller's */
    qpy_free(names);
}

static void test_a_name_is_copied(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    char name[] = "changing";
    struct fake fake = {.name = name};
    put(registry, &fake);
    name[0] = '#';
    assert_true(qpy_registry_has(registry, "changing"));
    qpy_registry_free(registry);
}

static void test_a_name_is_taken_once(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake first = {.name = "test.handler"}, second = {.name = "test.handler"};
    put(registry, &first);
    qpy_handler handler = handler_of(&second);
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_registry_register(registry, &handler, &error), QPY_E_HANDLER_EXISTS);
    assert_string_equal(error.message, "handler already registered for name: test.handler");
    assert_int_equal(qpy_registry_register(registry, &handler, NULL), QPY_E_HANDLER_EXISTS);
    qpy_registry_free(registry);
    assert_int_equal(first.freed, 1);
    assert_int_equal(second.freed, 0); /* still the caller's */
}

static void test_replace(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake first = {.name = "test.handler"}, second = {.name = "test.handler"};
    qpy_handler handlers[] = {handler_of(&first), handler_of(&second)};
    assert_int_equal(qpy_registry_replace(registry, &handlers[0], NULL), QPY_OK);
    assert_int_equal(first.freed, 0);
    assert_int_equal(qpy_registry_replace(registry, &handlers[1], NULL), QPY_OK);
    assert_int_equal(first.freed, 1);
    qpy_job *job = job_for("test.handler");
    assert_int_equal(qpy_registry_dispatch(registry, NULL, job, NULL, NULL), QPY_OK);
    assert_int_equal(first.calls, 0);
    assert_int_equal(second.calls, 1);
    qpy_job_free(job);
    qpy_registry_free(registry);
    assert_int_equal(second.freed, 1);
}

static void test_remove(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"}, other = {.name = "other"};
    put(registry, &fake);
    put(registry, &other);
    qpy_registry_remove(registry, "nobody");
    assert_true(qpy_registry_has(registry, "test.handler"));
    qpy_registry_remove(registry, "test.handler");
    assert_false(qpy_registry_has(registry, "test.handler"));
    assert_true(qpy_registry_has(registry, "other"));
    assert_int_equal(fake.freed, 1);
    qpy_registry_remove(registry, "test.handler");
    assert_int_equal(fake.freed, 1);
    qpy_registry_free(registry);
}

static void test_a_name_is_free_again_after_remove(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"};
    put(registry, &fake);
    qpy_registry_remove(registry, "test.handler");
    put(registry, &fake);
    assert_true(qpy_registry_has(registry, "test.handler"));
    qpy_registry_free(registry);
    assert_int_equal(fake.freed, 2);
}

static void test_a_handler_needs_no_free(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"};
    qpy_handler handler = handler_of(&fake);
    handler.free = NULL;
    assert_int_equal(qpy_registry_register(registry, &handler, NULL), QPY_OK);
    qpy_registry_free(registry);
    assert_int_equal(fake.freed, 0);
}

/* ---- Dispatch -------------------------------------------------------------------------------- */

static void test_dispatch_hands_over_context_and_job(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"}, fallback = {.name = "fallback"};
    put(registry, &fake);
    qpy_handler otherwise = handler_of(&fallback);
    qpy_context *ctx = NULL;
    assert_int_equal(qpy_context_new(QPY_DEFAULT, &ctx, NULL), QPY_OK);
    qpy_job *job = job_for("test.handler");
    qpy_error error = {.status = QPY_E_STORE, .message = "old"};
    assert_int_equal(qpy_registry_dispatch(registry, ctx, job, &otherwise, &error), QPY_OK);
    assert_string_equal(error.message, "old");
    assert_int_equal(fake.calls, 1);
    assert_int_equal(fallback.calls, 0);
    assert_ptr_equal(fake.ctx, ctx);
    assert_ptr_equal(fake.job, job);
    qpy_job_free(job);
    qpy_context_free(ctx);
    qpy_registry_free(registry);
}

static void test_nobody_registered(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    qpy_job *job = job_for("unknown.handler");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_registry_dispatch(registry, NULL, job, NULL, &error),
                     QPY_E_HANDLER_MISSING);
    assert_string_equal(error.message, "no handler registered for handler name: unknown.handler");
    qpy_job_free(job);
    qpy_registry_free(registry);
}

static void test_a_job_without_a_handler_name(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fallback = {.name = "fallback"};
    qpy_handler otherwise = handler_of(&fallback);
    qpy_job *job = job_for("x");
    job->handler_name[0] = '\0'; /* as a record of another program may have it */
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_registry_dispatch(registry, NULL, job, &otherwise, &error),
                     QPY_E_ARGUMENT);
    assert_string_equal(error.message, "job missing handler_name");
    assert_int_equal(fallback.calls, 0);
    qpy_job_free(job);
    qpy_registry_free(registry);
}

static void test_the_fallback_takes_what_nobody_registered_for(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fallback = {.name = "fallback"};
    qpy_handler otherwise = handler_of(&fallback);
    otherwise.name = NULL;
    qpy_job *job = job_for("unknown.handler");
    assert_int_equal(qpy_registry_dispatch(registry, NULL, job, &otherwise, NULL), QPY_OK);
    assert_int_equal(fallback.calls, 1);
    assert_ptr_equal(fallback.job, job);
    assert_true(fallback.had_error);
    assert_int_equal(fallback.freed, 0);
    qpy_job_free(job);
    qpy_registry_free(registry);
}

static void test_failures_are_passed_on(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {
        .name = "test.handler", .status = QPY_E_HANDLER_FAILED, .message = "disk on fire"};
    put(registry, &fake);
    qpy_job *job = job_for("test.handler");
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_registry_dispatch(registry, NULL, job, NULL, &error),
                     QPY_E_HANDLER_FAILED);
    assert_string_equal(error.message, "disk on fire");
    assert_int_equal(error.status, QPY_E_HANDLER_FAILED);
    assert_int_equal(qpy_registry_dispatch(registry, NULL, job, NULL, NULL), QPY_E_HANDLER_FAILED);
    assert_true(fake.had_error);

    fake.message = NULL;
    error = (qpy_error){.status = QPY_E_HANDLER_FAILED, .message = "of another call"};
    assert_int_equal(qpy_registry_dispatch(registry, NULL, job, NULL, &error),
                     QPY_E_HANDLER_FAILED);
    assert_string_equal(error.message,
                        "handler test.handler failed without a message: handler failed");
    qpy_job_free(job);
    qpy_registry_free(registry);
}

/* ---- Handlers that go while they are at work ------------------------------------------------- */

static void stay(struct fake *fake)
{
    sem_post(&fake->entered);
    sem_wait(&fake->leave);
}

static void remove_itself(struct fake *fake)
{
    qpy_registry_remove(fake->registry, fake->name);
    fake->had_error = fake->freed == 0; /* seen by the test: not freed while it works */
}

static void *dispatch(void *argument)
{
    struct fake *fake = argument;
    qpy_job *job = NULL;
    if (qpy_job_new(fake->name, NULL, 0, NULL, &job, NULL) == QPY_OK &&
        qpy_registry_dispatch(fake->registry, NULL, job, NULL, NULL) == QPY_OK)
        fake->message = "ended well";
    qpy_job_free(job);
    return NULL;
}

/* Start a job and return once its handler is in the middle of it. */
static void start(struct fake *fake, qpy_registry *registry, pthread_t *thread)
{
    fake->act = stay;
    fake->registry = registry;
    sem_init(&fake->entered, 0, 0);
    sem_init(&fake->leave, 0, 0);
    put(registry, fake);
    assert_int_equal(pthread_create(thread, NULL, dispatch, fake), 0);
    sem_wait(&fake->entered);
}

static void finish(struct fake *fake, pthread_t thread)
{
    assert_int_equal(fake->freed, 0);
    sem_post(&fake->leave);
    pthread_join(thread, NULL);
    assert_string_equal(fake->message, "ended well");
    assert_int_equal(fake->freed, 1);
    sem_destroy(&fake->entered);
    sem_destroy(&fake->leave);
}

static void test_a_handler_removed_at_work_is_freed_later(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"};
    pthread_t thread;
    start(&fake, registry, &thread);
    qpy_registry_remove(registry, "test.handler");
    assert_false(qpy_registry_has(registry, "test.handler"));
    finish(&fake, thread);
    qpy_registry_free(registry);
    assert_int_equal(fake.freed, 1);
}

static void test_a_handler_replaced_at_work_is_freed_later(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake old = {.name = "test.handler"}, new = {.name = "test.handler"};
    pthread_t thread;
    start(&old, registry, &thread);
    qpy_handler handler = handler_of(&new);
    assert_int_equal(qpy_registry_replace(registry, &handler, NULL), QPY_OK);
    new.registry = registry;
    (void)dispatch(&new); /* the new one works while the old one does */
    assert_int_equal(new.calls, 1);
    finish(&old, thread);
    assert_int_equal(new.freed, 0);
    qpy_registry_free(registry);
}

static void test_a_registry_freed_at_work_frees_the_handler_later(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"};
    pthread_t thread;
    start(&fake, registry, &thread);
    qpy_registry_free(registry);
    finish(&fake, thread);
}

static void test_a_handler_may_remove_itself(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler", .act = remove_itself, .registry = registry};
    put(registry, &fake);
    (void)dispatch(&fake);
    assert_int_equal(fake.calls, 1);
    assert_true(fake.had_error);
    assert_int_equal(fake.freed, 1);
    qpy_registry_free(registry);
}

static void test_a_handler_that_is_held_stays(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"};
    put(registry, &fake);
    const qpy_handler *held = qpy_registry_get(registry, "test.handler");
    qpy_registry_remove(registry, "test.handler");
    qpy_registry_free(registry);
    assert_int_equal(fake.freed, 0);
    assert_int_equal(held->execute(held->self, NULL, NULL, NULL), QPY_OK);
    qpy_registry_release(held);
    assert_int_equal(fake.freed, 1);
}

/* ---- Arguments ------------------------------------------------------------------------------- */

static const char *no_name(void *self)
{
    (void)self;
    return NULL;
}

static const char *empty_name(void *self)
{
    (void)self;
    return "";
}

static void refuse(const qpy_handler *handler, qpy_status status, const char *message)
{
    qpy_registry *registry = make();
    qpy_error errors[2] = {QPY_ERROR_INIT, QPY_ERROR_INIT};
    assert_int_equal(qpy_registry_register(registry, handler, &errors[0]), status);
    assert_int_equal(qpy_registry_replace(registry, handler, &errors[1]), status);
    assert_non_null(strstr(errors[0].message, message));
    assert_string_equal(errors[0].message, errors[1].message);
    qpy_registry_free(registry);
}

static void test_handlers_that_cannot_work_are_refused(void **state)
{
    (void)state;
    struct fake fake = {.name = "test.handler"};
    qpy_handler good = handler_of(&fake);
    refuse(NULL, QPY_E_ARGUMENT, "handler is NULL");
    qpy_handler bad = good;
    bad.size = 0;
    refuse(&bad, QPY_E_OPTIONS, "qpy_handler");
    bad = (qpy_handler)QPY_HANDLER_INIT;
    refuse(&bad, QPY_E_ARGUMENT, "handler->name is NULL");
    bad = good;
    bad.execute = NULL;
    refuse(&bad, QPY_E_ARGUMENT, "handler->execute is NULL");
    bad = good;
    bad.name = no_name;
    refuse(&bad, QPY_E_ARGUMENT, "handler->name() is empty");
    bad.name = empty_name;
    refuse(&bad, QPY_E_ARGUMENT, "handler->name() is empty");
    assert_int_equal(fake.freed, 0);
}

static void test_wrong_arguments_are_named(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    struct fake fake = {.name = "test.handler"};
    qpy_handler handler = handler_of(&fake);
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_registry_new(NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "ret_registry is NULL");
    assert_int_equal(qpy_registry_register(NULL, &handler, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "registry is NULL");
    assert_int_equal(qpy_registry_replace(NULL, &handler, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "registry is NULL");

    char **names = as_is;
    size_t count = 7;
    assert_int_equal(qpy_registry_names(NULL, &names, &count, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "registry is NULL");
    assert_int_equal(qpy_registry_names(registry, NULL, &count, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "ret_names is NULL");
    assert_int_equal(qpy_registry_names(registry, &names, NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "ret_count is NULL");
    assert_ptr_equal(names, as_is);
    assert_int_equal(count, 7);
    qpy_registry_free(registry);
}

static void test_wrong_arguments_of_dispatch_are_named(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    qpy_job *job = job_for("x");
    qpy_handler fallback = QPY_HANDLER_INIT;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_registry_dispatch(NULL, NULL, job, NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "registry is NULL");
    assert_int_equal(qpy_registry_dispatch(registry, NULL, NULL, NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "job is NULL");
    assert_int_equal(qpy_registry_dispatch(registry, NULL, job, &fallback, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "fallback->execute is NULL");
    qpy_job_free(job);
    qpy_registry_free(registry);
}

static void test_what_is_not_there_is_ignored(void **state)
{
    (void)state;
    qpy_registry *registry = make();
    qpy_registry_free(NULL);
    qpy_registry_remove(NULL, "x");
    qpy_registry_remove(registry, NULL);
    qpy_registry_release(NULL);
    assert_null(qpy_registry_get(NULL, "x"));
    assert_null(qpy_registry_get(registry, NULL));
    assert_false(qpy_registry_has(NULL, "x"));
    assert_false(qpy_registry_has(registry, NULL));
    qpy_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_registry_is_empty),
        cmocka_unit_test(test_register_get_and_has),
        cmocka_unit_test(test_get_and_has_unknown),
        cmocka_unit_test(test_names_are_sorted),
        cmocka_unit_test(test_a_name_is_copied),
        cmocka_unit_test(test_a_name_is_taken_once),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_a_name_is_free_again_after_remove),
        cmocka_unit_test(test_a_handler_needs_no_free),
        cmocka_unit_test(test_dispatch_hands_over_context_and_job),
        cmocka_unit_test(test_nobody_registered),
        cmocka_unit_test(test_a_job_without_a_handler_name),
        cmocka_unit_test(test_the_fallback_takes_what_nobody_registered_for),
        cmocka_unit_test(test_failures_are_passed_on),
        cmocka_unit_test(test_a_handler_removed_at_work_is_freed_later),
        cmocka_unit_test(test_a_handler_replaced_at_work_is_freed_later),
        cmocka_unit_test(test_a_registry_freed_at_work_frees_the_handler_later),
        cmocka_unit_test(test_a_handler_may_remove_itself),
        cmocka_unit_test(test_a_handler_that_is_held_stays),
        cmocka_unit_test(test_handlers_that_cannot_work_are_refused),
        cmocka_unit_test(test_wrong_arguments_are_named),
        cmocka_unit_test(test_wrong_arguments_of_dispatch_are_named),
        cmocka_unit_test(test_what_is_not_there_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
