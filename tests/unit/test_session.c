/* A job's session: defaults, pending attestations, the end of the job. */
#include "store/support.h"

#include <pthread.h>

#include <cjson/cJSON.h>

#include "core/clock.h"
#include "store/session.h"

struct fixture {
    qpy_store *store;
    qpy__session *session;
};

static int open_with(void **state, enum qpy__session_mode mode)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_ok(qpy_store_open_memory(&fixture->store, error));
    assert_ok(qpy__session_open(fixture->store, mode, &fixture->session, error));
    *state = fixture;
    return 0;
}

static int open_immediate(void **state)
{
    return open_with(state, QPY__SESSION_IMMEDIATE);
}

static int open_with_job(void **state)
{
    return open_with(state, QPY__SESSION_WITH_JOB);
}

static int close_both(void **state)
{
    struct fixture *fixture = *state;
    qpy__session_close(fixture->session);
    qpy_store_close(fixture->store);
    free(fixture);
    return 0;
}

/* Attest a subject and nothing else; the id is given, so that answers are predictable. */
static void attest(qpy__session *session, const char *id)
{
    qpy_attestation attestation = sample(id);
    assert_ok(qpy__session_attest(session, &attestation, NULL, error));
}

static const char *seen(qpy__session *session, const qpy_filter *filter)
{
    static struct answer answer;
    answer = (struct answer){0};
    assert_ok(qpy__session_query(session, filter, collect, &answer, error));
    return answer.ids;
}

static cJSON *attest_json(qpy__session *session, const qpy_attestation *attestation)
{
    char *text = NULL;
    assert_ok(qpy__session_attest(session, attestation, &text, error));
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    qpy_free(text);
    return json;
}

static void assert_member(const cJSON *json, const char *name, const char *expected)
{
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(json, name));
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

/* ---- Completing ------------------------------------------------------------------------------ */

static void completes_an_attestation(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = qpy__wall_ms();
    cJSON *json = attest_json(fixture->session, &(qpy_attestation){.subjects = LIST("Package Foo"),
                                                                   .timestamp_ms = QPY_DEFAULT,
                                                                   .source = "python"});
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(json, "id"));
    assert_memory_equal(id, "AS-PACKAGEF---", 14);
    assert_int_equal(strlen(id), 14 + 8);
    char actors[64];
    snprintf(actors, sizeof actors, "[\"%s\"]", id);
    assert_member(json, "subjects", "[\"Package Foo\"]");
    assert_member(json, "predicates", "[\"_\"]");
    assert_member(json, "contexts", "[\"_\"]");
    assert_member(json, "actors", actors);
    assert_member(json, "source", "\"python\"");
    assert_member(json, "attributes", "{}");
    double timestamp = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "timestamp"));
    assert_true(timestamp >= (double)before && timestamp <= (double)qpy__wall_ms());
    assert_int_equal(cJSON_GetArraySize(json), 8);
    assert_answer(fixture->store, FILTER(.actors = LIST(id)), id);
    cJSON_Delete(json);
}

static void keeps_what_is_given(void **state)
{
    struct fixture *fixture = *state;
    qpy_attestation attestation = sample("AS-MINE");
    attestation.timestamp_ms = 5;
    attestation.created_at_ms = 5;
    attestation.attributes_json = "{\"n\":12345678901234567890}";
    char *text;
    assert_ok(qpy__session_attest(fixture->session, &attestation, &text, error));
    assert_string_equal(text, "{\"id\":\"AS-MINE\",\"subjects\":[\"subject\"],"
                              "\"predicates\":[\"predicate\"],\"contexts\":[\"context\"],"
                              "\"actors\":[\"actor\"],\"timestamp\":5,\"source\":\"test\","
                              "\"attributes\":{\"n\":12345678901234567890}}");
    qpy_free(text);
}

static bool created_at(void *payload, const qpy_attestation *attestation)
{
    *(int64_t *)payload = attestation->created_at_ms;
    return true;
}

static void notes_the_time_of_storing(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = qpy__wall_ms();
    attest(fixture->session, "AS-1");
    int64_t created = 0;
    assert_ok(qpy_store_query(fixture->store, NULL, created_at, &created, error));
    assert_true(created >= before && created <= qpy__wall_ms());
}

static void refuses_what_is_incomplete(void **state)
{
    struct fixture *fixture = *state;
    qpy_attestation attestation = {.timestamp_ms = 1, .source = "python"};
    assert_fails(qpy__session_attest(fixture->session, &attestation, NULL, error), QPY_E_ARGUMENT,
                 "subjects is empty");
    attestation.subjects = LIST("a");
    attestation.source = NULL;
    assert_fails(qpy__session_attest(fixture->session, &attestation, NULL, error), QPY_E_ARGUMENT,
                 "source is NULL");
    attestation.source = "python";
    attestation.attributes_json = "[]";
    assert_fails(qpy__session_attest(fixture->session, &attestation, NULL, error), QPY_E_ARGUMENT,
                 "not a JSON object");
    assert_int_equal(qpy__session_count(fixture->session), 0);
}

static void refuses_an_id_that_is_taken(void **state)
{
    struct fixture *fixture = *state;
    attest(fixture->session, "AS-1");
    qpy_attestation attestation = sample("AS-1");
    assert_fails(qpy__session_attest(fixture->session, &attestation, NULL, error), QPY_E_EXISTS,
                 "'AS-1'");
    assert_int_equal(qpy__session_count(fixture->session), 1);
}

/* A store in which the first `taken` ids are taken, whatever they are. */
static qpy_status crowded_attest(void *self, const qpy_attestation *attestations, size_t count,
                                 qpy_error *error)
{
    (void)attestations;
    (void)count;
    if (--*(int *)self < 0)
        return QPY_OK;
    if (error) {
        error->status = QPY_E_EXISTS;
        snprintf(error->message, sizeof error->message, "taken");
    }
    return QPY_E_EXISTS;
}

static qpy_status no_query(void *self, const qpy_filter *filter, qpy_attestation_fn fn,
                           void *payload, qpy_error *error)
{
    (void)self, (void)filter, (void)fn, (void)payload, (void)error;
    return QPY_OK;
}

static qpy_status no_description(void *self, char **ret_json, qpy_error *error)
{
    (void)self, (void)ret_json, (void)error;
    return QPY_E_UNSUPPORTED;
}

static void no_close(void *self)
{
    (void)self;
}

static void draws_new_ids_when_they_are_taken(void **state)
{
    (void)state;
    int taken;
    qpy_store_ops ops = {sizeof ops, "crowded", crowded_attest, no_query, no_description, no_close};
    qpy_store *store;
    qpy__session *session;
    assert_ok(qpy_store_new(&ops, &taken, &store, error));
    assert_ok(qpy__session_open(store, QPY__SESSION_IMMEDIATE, &session, error));
    qpy_attestation attestation = sample(NULL);
    taken = 9;
    assert_ok(qpy__session_attest(session, &attestation, NULL, error));
    assert_int_equal(taken, -1);
    taken = 100;
    assert_fails(qpy__session_attest(session, &attestation, NULL, error), QPY_E_EXISTS, "taken");
    assert_int_equal(taken, 90);
    qpy__session_close(session);
    qpy_store_close(store);
}

/* ---- Immediate ------------------------------------------------------------------------------- */

static void stores_at_once(void **state)
{
    struct fixture *fixture = *state;
    attest(fixture->session, "AS-1");
    assert_answer(fixture->store, NULL, "AS-1");
    assert_ok(qpy__session_commit(fixture->session, error));
    attest(fixture->session, "AS-2");
    assert_string_equal(seen(fixture->session, NULL), "AS-2 AS-1");
    assert_int_equal(qpy__session_count(fixture->session), 2);
}

/* ---- With the job ---------------------------------------------------------------------------- */

static void stores_with_the_job(void **state)
{
    struct fixture *fixture = *state;
    attest(fixture->session, "AS-1");
    attest(fixture->session, "AS-2");
    assert_answer(fixture->store, NULL, "");
    assert_string_equal(seen(fixture->session, NULL), "AS-2 AS-1");
    assert_ok(qpy__session_commit(fixture->session, error));
    assert_answer(fixture->store, NULL, "AS-2 AS-1");
    assert_string_equal(seen(fixture->session, NULL), "AS-2 AS-1");
    attest(fixture->session, "AS-3");
    assert_answer(fixture->store, NULL, "AS-2 AS-1");
    assert_ok(qpy__session_commit(fixture->session, error));
    assert_answer(fixture->store, NULL, "AS-3 AS-2 AS-1");
    assert_int_equal(qpy__session_count(fixture->session), 3);
}

static void discards_what_was_not_committed(void **state)
{
    struct fixture *fixture = *state;
    attest(fixture->session, "AS-1");
    qpy__session_close(fixture->session);
    fixture->session = NULL;
    assert_answer(fixture->store, NULL, "");
}

static void shows_pending_ones_first(void **state)
{
    struct fixture *fixture = *state;
    put(fixture->store, sample("stored-1"));
    put(fixture->store, sample("stored-2"));
    attest(fixture->session, "pending-1");
    attest(fixture->session, "pending-2");
    assert_string_equal(seen(fixture->session, NULL), "pending-2 pending-1 stored-2 stored-1");
    assert_string_equal(seen(fixture->session, FILTER(.limit = 3)), "pending-2 pending-1 stored-2");
    assert_string_equal(seen(fixture->session, FILTER(.limit = 2)), "pending-2 pending-1");
    assert_string_equal(seen(fixture->session, FILTER(.limit = 1)), "pending-2");
    assert_string_equal(seen(fixture->session, FILTER(.limit = 0)), "");
    assert_string_equal(seen(fixture->session, FILTER(.ids = LIST("stored-1", "pending-1"))),
                        "pending-1 stored-1");
    struct answer answer = {.stop_after = 1};
    assert_ok(qpy__session_query(fixture->session, NULL, collect, &answer, error));
    assert_string_equal(answer.ids, "pending-2");
    assert_fails(qpy__session_query(fixture->session, FILTER(.limit = -5), collect, &answer, error),
                 QPY_E_ARGUMENT, "limit is -5");
}

static void commits_all_or_none(void **state)
{
    struct fixture *fixture = *state;
    put(fixture->store, sample("AS-2"));
    attest(fixture->session, "AS-1");
    attest(fixture->session, "AS-2");
    assert_fails(qpy__session_commit(fixture->session, error), QPY_E_EXISTS, "'AS-2'");
    assert_answer(fixture->store, NULL, "AS-2");
    assert_string_equal(seen(fixture->session, FILTER(.ids = LIST("AS-1"))), "AS-1");
}

static void refuses_ids_that_are_pending(void **state)
{
    struct fixture *fixture = *state;
    attest(fixture->session, "AS-1");
    qpy_attestation attestation = sample("AS-1");
    assert_fails(qpy__session_attest(fixture->session, &attestation, NULL, error), QPY_E_EXISTS,
                 "'AS-1'");
}

/* ---- The end --------------------------------------------------------------------------------- */

static void refuses_everything_when_sealed(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer = {0};
    attest(fixture->session, "AS-1");
    qpy__session_seal(fixture->session);
    qpy_attestation attestation = sample("AS-2");
    assert_fails(qpy__session_attest(fixture->session, &attestation, NULL, error), QPY_E_STATE,
                 "the job has ended");
    assert_fails(qpy__session_commit(fixture->session, error), QPY_E_STATE, "the job has ended");
    assert_fails(qpy__session_query(fixture->session, NULL, collect, &answer, error), QPY_E_STATE,
                 "the job has ended");
    assert_int_equal(qpy__session_count(fixture->session), 1);
    assert_answer(fixture->store, FILTER(.ids = LIST("AS-2")), "");
}

static void refuses_with_the_job_when_sealed(void **state)
{
    struct fixture *fixture = *state;
    refuses_everything_when_sealed(state);
    assert_answer(fixture->store, NULL, "");
}

/* A store whose attest() waits until it is let go, and which notes what came first. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool inside, open;
    char log[32];
};

static void note(struct gate *gate, const char *text)
{
    size_t length = strlen(gate->log);
    snprintf(gate->log + length, sizeof gate->log - length, "%s ", text);
}

static qpy_status gated_attest(void *self, const qpy_attestation *attestations, size_t count,
                               qpy_error *error)
{
    (void)attestations, (void)count, (void)error;
    struct gate *gate = self;
    pthread_mutex_lock(&gate->lock);
    gate->inside = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    note(gate, "attest");
    pthread_mutex_unlock(&gate->lock);
    return QPY_OK;
}

static void gated_close(void *self)
{
    struct gate *gate = self;
    pthread_mutex_lock(&gate->lock);
    note(gate, "close");
    pthread_mutex_unlock(&gate->lock);
}

static void *attest_gated(void *session)
{
    qpy_attestation attestation = sample("AS-1");
    return qpy__session_attest(session, &attestation, NULL, NULL) == QPY_OK ? session : NULL;
}

static void *close_store(void *store)
{
    qpy_store_close(store);
    return NULL;
}

/* What an engine does that leaves a script behind in the middle of attest(). */
static void closing_waits_for_calls_left_behind(void **state)
{
    (void)state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, ""};
    qpy_store_ops ops = {sizeof ops, "gate", gated_attest, no_query, no_description, gated_close};
    qpy_store *store;
    qpy__session *session;
    assert_ok(qpy_store_new(&ops, &gate, &store, error));
    assert_ok(qpy__session_open(store, QPY__SESSION_IMMEDIATE, &session, error));
    pthread_t script, closer;
    assert_int_equal(pthread_create(&script, NULL, attest_gated, session), 0);
    pthread_mutex_lock(&gate.lock);
    while (!gate.inside)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    qpy__session_seal(session);
    assert_int_equal(pthread_create(&closer, NULL, close_store, store), 0);
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    void *stored;
    pthread_join(script, &stored);
    pthread_join(closer, NULL);
    assert_non_null(stored);
    assert_string_equal(gate.log, "attest close ");
    qpy__session_close(session);
}

/* ---- Ids and counts -------------------------------------------------------------------------- */

static void lists_the_first_ids(void **state)
{
    struct fixture *fixture = *state;
    char *text;
    assert_ok(qpy__session_ids_json(fixture->session, &text, error));
    assert_string_equal(text, "[]");
    qpy_free(text);
    attest(fixture->session, "AS-\"1");
    for (int i = 2; i <= QPY__SESSION_IDS + 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "AS-%d", i);
        attest(fixture->session, id);
    }
    assert_int_equal(qpy__session_count(fixture->session), QPY__SESSION_IDS + 5);
    assert_ok(qpy__session_ids_json(fixture->session, &text, error));
    cJSON *json = cJSON_Parse(text);
    assert_int_equal(cJSON_GetArraySize(json), QPY__SESSION_IDS);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(json, 0)), "AS-\"1");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(json, QPY__SESSION_IDS - 1)),
                        "AS-1000");
    cJSON_Delete(json);
    qpy_free(text);
}

/* ---- Threads --------------------------------------------------------------------------------- */

#define THREADS 6
#define EACH 300

static void *attest_often(void *session)
{
    for (int i = 0; i < EACH; i++) {
        qpy_attestation attestation = sample(NULL);
        attestation.actors.count = 0;
        if (qpy__session_attest(session, &attestation, NULL, NULL) != QPY_OK)
            return NULL;
    }
    return session;
}

static void *commit_often(void *session)
{
    for (int i = 0; i < 20; i++) {
        struct answer answer = {0};
        if (qpy__session_commit(session, NULL) != QPY_OK ||
            qpy__session_query(session, FILTER(.limit = 10), collect, &answer, NULL) != QPY_OK)
            return NULL;
    }
    return session;
}

static void serves_threads(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[THREADS + 1];
    for (int i = 0; i <= THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < THREADS ? attest_often : commit_often,
                                        fixture->session),
                         0);
    for (int i = 0; i <= THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    assert_ok(qpy__session_commit(fixture->session, error));
    assert_int_equal(qpy__session_count(fixture->session), THREADS * EACH);
    assert_int_equal(ask(fixture->store, NULL).count, THREADS * EACH);
}

#define IMMEDIATE(name) cmocka_unit_test_setup_teardown(name, open_immediate, close_both)
#define WITH_JOB(name) cmocka_unit_test_setup_teardown(name, open_with_job, close_both)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IMMEDIATE(completes_an_attestation),
        IMMEDIATE(keeps_what_is_given),
        IMMEDIATE(notes_the_time_of_storing),
        IMMEDIATE(refuses_what_is_incomplete),
        WITH_JOB(refuses_what_is_incomplete),
        IMMEDIATE(refuses_an_id_that_is_taken),
        cmocka_unit_test(draws_new_ids_when_they_are_taken),
        IMMEDIATE(stores_at_once),
        WITH_JOB(stores_with_the_job),
        WITH_JOB(discards_what_was_not_committed),
        WITH_JOB(shows_pending_ones_first),
        WITH_JOB(commits_all_or_none),
        WITH_JOB(refuses_ids_that_are_pending),
        IMMEDIATE(refuses_everything_when_sealed),
        WITH_JOB(refuses_with_the_job_when_sealed),
        cmocka_unit_test(closing_waits_for_calls_left_behind),
        IMMEDIATE(lists_the_first_ids),
        WITH_JOB(lists_the_first_ids),
        IMMEDIATE(serves_threads),
        WITH_JOB(serves_threads),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
