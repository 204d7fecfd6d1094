/* The record of a job: what it copies, its id, its progress, and what it refuses. */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include <qntxpy/job.h>

static qpy_job *make(const char *payload, size_t length, const char *source)
{
    qpy_job *job = NULL;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_job_new("python.script", payload, length, source, &job, &error), QPY_OK);
    assert_non_null(job);
    return job;
}

static void test_a_job_copies_what_it_is_given(void **state)
{
    (void)state;
    char handler[] = "python.script";
    char payload[] = "{\"a\":1}\0tail";
    char source[] = "https://github.com/test/repo";
    qpy_job *job = NULL;
    assert_int_equal(qpy_job_new(handler, payload, sizeof payload - 1, source, &job, NULL), QPY_OK);
    handler[0] = payload[0] = source[0] = '#';
    size_t length = 0;
    assert_string_equal(qpy_job_handler_name(job), "python.script");
    assert_string_equal(qpy_job_source(job), "https://github.com/test/repo");
    assert_memory_equal(qpy_job_payload(job, &length), "{\"a\":1}\0tail", sizeof payload);
    assert_int_equal(length, sizeof payload - 1);
    assert_string_equal(qpy_job_payload(job, NULL), "{\"a\":1}");
    qpy_job_free(job);
}

static void test_what_is_missing_stays_missing(void **state)
{
    (void)state;
    qpy_job *job = make(NULL, 0, NULL);
    size_t length = 7;
    assert_null(qpy_job_payload(job, &length));
    assert_int_equal(length, 0);
    assert_string_equal(qpy_job_source(job), "");
    assert_null(qpy_job_result(job));
    assert_true(qpy_job_progress_current(job) == 0 && qpy_job_progress_total(job) == 0);
    qpy_job_free(job);
    job = make("", 0, "");
    assert_string_equal(qpy_job_payload(job, &length), "");
    qpy_job_free(job);
}

static void test_ids_follow_the_contract_and_differ(void **state)
{
    (void)state;
    static const char start[] = "JB-PYTHONSC-PROCES-HTPSGITH-";
    qpy_job *one = make(NULL, 0, "https://github.com/test/repo");
    qpy_job *two = make(NULL, 0, "https://github.com/test/repo");
    assert_memory_equal(qpy_job_id(one), start, strlen(start));
    assert_int_equal(strlen(qpy_job_id(one)), strlen(start) + 8);
    assert_string_not_equal(qpy_job_id(one), qpy_job_id(two));
    qpy_job_free(one);
    qpy_job_free(two);
}

static void test_the_host_may_bring_its_own_id(void **state)
{
    (void)state;
    qpy_job *job = make(NULL, 0, NULL);
    char id[] = "test-job-123";
    assert_int_equal(qpy_job_set_id(job, id, NULL), QPY_OK);
    id[0] = '#';
    assert_string_equal(qpy_job_id(job), "test-job-123");
    assert_int_equal(qpy_job_set_id(job, qpy_job_id(job), NULL), QPY_OK);
    assert_string_equal(qpy_job_id(job), "test-job-123");
    qpy_job_free(job);
}

static void test_an_empty_id_is_refused(void **state)
{
    (void)state;
    qpy_job *job = make(NULL, 0, NULL);
    const char *const empty[] = {NULL, ""};
    assert_int_equal(qpy_job_set_id(job, "kept", NULL), QPY_OK);
    for (size_t i = 0; i < 2; i++) {
        qpy_error error = QPY_ERROR_INIT;
        assert_int_equal(qpy_job_set_id(job, empty[i], &error), QPY_E_ARGUMENT);
        assert_string_equal(error.message, "id is empty; a job needs one");
        assert_string_equal(qpy_job_id(job), "kept");
    }
    qpy_job_free(job);
}

static void test_progress(void **state)
{
    (void)state;
    qpy_job *job = make(NULL, 0, NULL);
    qpy_job_set_progress(job, 3, 10);
    assert_int_equal(qpy_job_progress_current(job), 3);
    assert_int_equal(qpy_job_progress_total(job), 10);
    qpy_job_set_progress(job, INT64_MAX, -1);
    assert_true(qpy_job_progress_current(job) == INT64_MAX);
    assert_int_equal(qpy_job_progress_total(job), 0);
    qpy_job_free(job);
}

#define STEPS 20000

static void *advance(void *argument)
{
    for (int64_t i = 1; i <= STEPS; i++)
        qpy_job_set_progress(argument, i, STEPS);
    return NULL;
}

static void test_progress_can_be_read_while_it_is_set(void **state)
{
    (void)state;
    qpy_job *job = make(NULL, 0, NULL);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, advance, job), 0);
    int64_t seen = 0;
    while (seen < STEPS) {
        int64_t current = qpy_job_progress_current(job);
        assert_true(current >= seen);
        seen = current;
    }
    pthread_join(thread, NULL);
    assert_int_equal(qpy_job_progress_total(job), STEPS);
    qpy_job_free(job);
}

struct refusal {
    const char *handler_name;
    const char *payload;
    size_t length;
    const char *message;
};

static void test_wrong_arguments_are_named(void **state)
{
    (void)state;
    const struct refusal refusals[] = {
        {NULL, "{}", 2, "job.HandlerName cannot be empty"},
        {"", "{}", 2, "job.HandlerName cannot be empty"},
        {"python.script", NULL, 2, "payload is NULL, but payload_length is 2"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        qpy_error error = QPY_ERROR_INIT;
        qpy_job *job = (qpy_job *)&error;
        assert_int_equal(
            qpy_job_new(refusal->handler_name, refusal->payload, refusal->length, "", &job, &error),
            QPY_E_ARGUMENT);
        assert_string_equal(error.message, refusal->message);
        assert_int_equal(error.status, QPY_E_ARGUMENT);
        assert_ptr_equal(job, &error);
    }
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy_job_new("python.script", "{}", 2, "", NULL, &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "ret_job is NULL");
    assert_int_equal(qpy_job_set_id(NULL, "id", &error), QPY_E_ARGUMENT);
    assert_string_equal(error.message, "job is NULL");
}

static void test_no_job_has_nothing(void **state)
{
    (void)state;
    size_t length = 7;
    assert_null(qpy_job_id(NULL));
    assert_null(qpy_job_handler_name(NULL));
    assert_null(qpy_job_source(NULL));
    assert_null(qpy_job_payload(NULL, &length));
    assert_int_equal(length, 0);
    assert_null(qpy_job_result(NULL));
    qpy_job_set_progress(NULL, 1, 2);
    assert_true(qpy_job_progress_current(NULL) == 0 && qpy_job_progress_total(NULL) == 0);
    qpy_job_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_copies_what_it_is_given),
        cmocka_unit_test(test_what_is_missing_stays_missing),
        cmocka_unit_test(test_ids_follow_the_contract_and_differ),
        cmocka_unit_test(test_the_host_may_bring_its_own_id),
        cmocka_unit_test(test_an_empty_id_is_refused),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_progress_can_be_read_while_it_is_set),
        cmocka_unit_test(test_wrong_arguments_are_named),
        cmocka_unit_test(test_no_job_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
