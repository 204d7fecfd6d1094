/* What every store must do, whichever it is: the same suite for each that ships. */
#include "store/support.h"

#include <pthread.h>

#include <cjson/cJSON.h>

/* ---- The stores ------------------------------------------------------------------------------ */

static qpy_status open_memory(qpy_store **ret_store, qpy_error *error)
{
    return qpy_store_open_memory(ret_store, error);
}

static qpy_status open_sqlite(qpy_store **ret_store, qpy_error *error)
{
    return qpy_store_open_sqlite(in_directory("store.db"), NULL, ret_store, error);
}

static const struct kind {
    const char *name;
    qpy_status (*open)(qpy_store **ret_store, qpy_error *error);
} kinds[] = {
    {"memory", open_memory},
    {"sqlite", open_sqlite},
};

static const struct kind *kind;

static int set_up(void **state)
{
    make_directory();
    assert_ok(kind->open((qpy_store **)state, error));
    return 0;
}

static int tear_down(void **state)
{
    qpy_store_close(*state);
    remove_directory();
    return 0;
}

/* ---- Round trips ----------------------------------------------------------------------------- */

static bool same_strings(qpy_strings left, qpy_strings right)
{
    for (size_t i = 0; i < left.count && i < right.count; i++)
        if (strcmp(left.items[i], right.items[i]) != 0)
            return false;
    return left.count == right.count;
}

static bool same_text(const char *left, const char *right)
{
    return left && right ? strcmp(left, right) == 0 : left == right;
}

/* What was asked for, and the first field that came back otherwise. An assertion in the callback
 * itself would leave the store in the middle of a call. */
struct expectation {
    const qpy_attestation *want;
    size_t count;
    const char *wrong;
};

static bool compare(void *payload, const qpy_attestation *got)
{
    struct expectation *expectation = payload;
    const qpy_attestation *want = expectation->want;
    expectation->count++;
    expectation->wrong = !same_text(got->id, want->id)                      ? "id"
                         : !same_strings(got->subjects, want->subjects)     ? "subjects"
                         : !same_strings(got->predicates, want->predicates) ? "predicates"
                         : !same_strings(got->contexts, want->contexts)     ? "contexts"
                         : !same_strings(got->actors, want->actors)         ? "actors"
                         : got->timestamp_ms != want->timestamp_ms          ? "timestamp_ms"
                         : got->created_at_ms != want->created_at_ms        ? "created_at_ms"
                         : !same_text(got->source, want->source)            ? "source"
                         : !same_text(got->attributes_json, want->attributes_json)
                             ? "attributes_json"
                             : NULL;
    return true;
}

static void assert_stored(qpy_store *store, const qpy_attestation *want)
{
    struct expectation expectation = {.want = want};
    assert_ok(qpy_store_query(store, FILTER(.ids = LIST(want->id)), compare, &expectation, error));
    assert_int_equal(expectation.count, 1);
    if (expectation.wrong)
        fail_msg("'%s' came back with other %s", want->id, expectation.wrong);
}

static void assert_round_trip(qpy_store *store, qpy_attestation attestation)
{
    put(store, attestation);
    assert_stored(store, &attestation);
}

static void keeps_everything(void **state)
{
    qpy_attestation attestation = sample("AS-A");
    attestation.subjects = LIST("one", "two \"quoted\" \\ \n", "Größe \xF0\x9D\x84\x9E", "");
    attestation.predicates = LIST("_");
    attestation.contexts = LIST("a", "A", "a");
    attestation.actors = LIST("AS-A", "glyph:1");
    attestation.timestamp_ms = 1;
    attestation.created_at_ms = 1700000000123;
    attestation.source = "s\xC3\xB6urce";
    assert_round_trip(*state, attestation);
}

static void keeps_attributes_byte_for_byte(void **state)
{
    static const char *const attributes[] = {
        "{}",
        "{\"big\":12345678901234567890123,\"i64\":-9223372036854775808}",
        "{\"2^53+1\":9007199254740993}",
        "{ \"small\" : 1e-7, \"large\":1E+400,\t\"float\":0.1000000000000000055 }",
        "{\"nested\":{\"list\":[1,[2.50,{\"deep\":null}],true,false]},\"\":\"empty key\"}",
        "{\"text\":\"\\u0000 \\u00e9 \xC3\xA9 \xF0\x9D\x84\x9E \\\"\\\\\",\"twice\":1,\"twice\":2}",
    };
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        char id[16];
        snprintf(id, sizeof id, "AS-%zu", i);
        qpy_attestation attestation = sample(id);
        attestation.attributes_json = attributes[i];
        assert_round_trip(*state, attestation);
    }
}

static void keeps_times(void **state)
{
    static const int64_t times[] = {
        0, 1, -1, -62135596800000, 253402300799999, 1709164800001, 951782400000, -1000};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char id[16];
        snprintf(id, sizeof id, "AS-%zu", i);
        qpy_attestation attestation = sample(id);
        attestation.timestamp_ms = times[i];
        attestation.created_at_ms = times[i];
        assert_round_trip(*state, attestation);
    }
}

static void keeps_large_values(void **state)
{
    size_t length = 1 << 20;
    char *json = malloc(length + 16);
    snprintf(json, 16, "{\"a\":\"");
    memset(json + 6, 'x', length);
    memcpy(json + 6 + length, "\"}", 3);
    qpy_attestation attestation = sample("AS-LARGE");
    attestation.attributes_json = json;
    assert_round_trip(*state, attestation);
    free(json);
}

/* ---- Filters --------------------------------------------------------------------------------- */

static void put_some(qpy_store *store)
{
    static const struct {
        const char *id, *subject, *predicate, *context, *actor;
    } rows[] = {
        {"1", "alice", "likes", "work", "bot"},
        {"2", "Bob", "likes", "Home", "bot"},
        {"3", "alice", "hates", "home", "human"},
        {"4", "carol", "Hates", "work", "human"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qpy_attestation attestation = sample(rows[i].id);
        attestation.subjects = LIST(rows[i].subject, "everyone");
        attestation.predicates = LIST(rows[i].predicate);
        attestation.contexts = LIST(rows[i].context);
        attestation.actors = LIST(rows[i].actor);
        attestation.timestamp_ms = (int64_t)(i + 1) * 1000;
        attestation.created_at_ms = (int64_t)(i + 1) * 1000;
        put(store, attestation);
    }
}

static void finds_all_without_a_filter(void **state)
{
    assert_answer(*state, NULL, "");
    put_some(*state);
    assert_answer(*state, NULL, "4 3 2 1");
    assert_answer(*state, FILTER(.limit = QPY_DEFAULT), "4 3 2 1");
}

static void matches_any_within_a_list(void **state)
{
    put_some(*state);
    assert_answer(*state, FILTER(.subjects = LIST("alice")), "3 1");
    assert_answer(*state, FILTER(.subjects = LIST("alice", "carol")), "4 3 1");
    assert_answer(*state, FILTER(.subjects = LIST("alice", "everyone")), "4 3 2 1");
    assert_answer(*state, FILTER(.predicates = LIST("likes", "hates")), "4 3 2 1");
    assert_answer(*state, FILTER(.contexts = LIST("work")), "4 1");
    assert_answer(*state, FILTER(.actors = LIST("human", "nobody")), "4 3");
    assert_answer(*state, FILTER(.ids = LIST("2", "4", "9")), "4 2");
}

static void matches_all_lists(void **state)
{
    put_some(*state);
    assert_answer(*state, FILTER(.subjects = LIST("alice"), .predicates = LIST("hates")), "3");
    assert_answer(
        *state,
        FILTER(.subjects = LIST("alice", "bob"), .contexts = LIST("home"), .actors = LIST("bot")),
        "2");
    assert_answer(*state, FILTER(.subjects = LIST("carol"), .actors = LIST("bot")), "");
    assert_answer(*state, FILTER(.ids = LIST("1", "2"), .subjects = LIST("bob")), "2");
    assert_answer(*state,
                  FILTER(.subjects = LIST("everyone"), .contexts = LIST("work"), .limit = 1), "4");
}

static void compares_whole_strings_in_any_case(void **state)
{
    put_some(*state);
    assert_answer(*state, FILTER(.subjects = LIST("ALICE")), "3 1");
    assert_answer(*state, FILTER(.subjects = LIST("ali")), "");
    assert_answer(*state, FILTER(.subjects = LIST("%")), "");
    assert_answer(*state, FILTER(.subjects = LIST("*")), "");
    assert_answer(*state, FILTER(.predicates = LIST("hATEs"), .contexts = LIST("HOME")), "3");
    qpy_attestation attestation = sample("5");
    attestation.subjects = LIST("Gr\xC3\xB6\xC3\x9F"
                                "E");
    put(*state, attestation);
    assert_answer(*state,
                  FILTER(.subjects = LIST("gr\xC3\xB6\xC3\x9F"
                                          "e")),
                  "5");
    assert_answer(*state,
                  FILTER(.subjects = LIST("gr\xC3\x96\xC3\x9F"
                                          "e")),
                  "");
}

static void compares_ids_exactly(void **state)
{
    put(*state, sample("AS-x"));
    put(*state, sample("AS-X"));
    assert_answer(*state, FILTER(.ids = LIST("AS-x")), "AS-x");
    assert_answer(*state, FILTER(.ids = LIST("as-x")), "");
}

static void respects_time_bounds(void **state)
{
    put_some(*state);
    assert_answer(*state, FILTER(.since_ms = 2000), "4 3 2");
    assert_answer(*state, FILTER(.since_ms = 2001), "4 3");
    assert_answer(*state, FILTER(.until_ms = 2000), "2 1");
    assert_answer(*state, FILTER(.until_ms = 1999), "1");
    assert_answer(*state, FILTER(.since_ms = 2000, .until_ms = 3000), "3 2");
    assert_answer(*state, FILTER(.since_ms = 2000, .subjects = LIST("alice")), "3");
    assert_answer(*state, FILTER(.since_ms = INT64_MAX), "");
    assert_answer(*state, FILTER(.since_ms = INT64_MIN, .until_ms = INT64_MAX), "4 3 2 1");
    assert_answer(*state, FILTER(.until_ms = INT64_MIN), "");
}

static void respects_the_limit(void **state)
{
    put_some(*state);
    assert_answer(*state, FILTER(.limit = 0), "");
    assert_answer(*state, FILTER(.limit = 2), "4 3");
    assert_answer(*state, FILTER(.limit = INT64_MAX), "4 3 2 1");
    assert_answer(*state, FILTER(.subjects = LIST("alice"), .limit = 1), "3");
}

static void answers_newest_first(void **state)
{
    static const struct {
        const char *id;
        int64_t created_at;
    } rows[] = {{"a", 3000}, {"b", 1000}, {"c", 2000}, {"d", 3000}, {"e", 2000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qpy_attestation attestation = sample(rows[i].id);
        attestation.created_at_ms = rows[i].created_at;
        attestation.timestamp_ms = -rows[i].created_at;
        put(*state, attestation);
    }
    assert_answer(*state, NULL, "d a e c b");
    assert_answer(*state, FILTER(.subjects = LIST("subject"), .limit = 3), "d a e");
}

static void takes_thousands_of_values(void **state)
{
    enum { COUNT = 5000 };
    put_some(*state);
    char(*texts)[32] = malloc(COUNT * sizeof *texts);
    const char **items = malloc(COUNT * sizeof *items);
    for (int i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], "value-%d", i);
        items[i] = texts[i];
    }
    items[COUNT / 2] = "carol";
    assert_answer(*state, FILTER(.subjects = {items, COUNT}), "4");
    assert_answer(*state, FILTER(.ids = {items, COUNT}), "");
    free(items);
    free(texts);
}

/* With many candidates a store may find the newest in another way than with few. */
static void finds_the_newest_of_many(void **state)
{
    enum { COUNT = 1500 };
    qpy_attestation *list = calloc(COUNT, sizeof *list);
    char(*ids)[16] = malloc(COUNT * sizeof *ids);
    qpy_strings rare = LIST("rare", "context");
    for (int i = 0; i < COUNT; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        list[i] = sample(ids[i]);
        list[i].created_at_ms = i;
        list[i].timestamp_ms = i;
        if (i == 7)
            list[i].contexts = rare;
    }
    assert_ok(qpy_store_attest(*state, list, COUNT, error));
    assert_answer(*state, FILTER(.subjects = LIST("SUBJECT"), .limit = 2), "1499 1498");
    assert_answer(*state, FILTER(.subjects = LIST("subject"), .actors = LIST("actor"), .limit = 1),
                  "1499");
    assert_answer(*state, FILTER(.subjects = LIST("subject"), .contexts = LIST("rare")), "7");
    assert_answer(*state, FILTER(.subjects = LIST("subject"), .contexts = LIST("rare"), .limit = 5),
                  "7");
    assert_answer(*state, FILTER(.subjects = LIST("subject"), .until_ms = 20, .limit = 1), "20");
    assert_int_equal(ask(*state, FILTER(.predicates = LIST("predicate"))).count, COUNT);
    free(ids);
    free(list);
}

static void stops_when_the_callback_says_so(void **state)
{
    put_some(*state);
    struct answer answer = {.stop_after = 2};
    assert_ok(qpy_store_query(*state, NULL, collect, &answer, error));
    assert_string_equal(answer.ids, "4 3");
    assert_answer(*state, NULL, "4 3 2 1");
}

/* ---- All or none ----------------------------------------------------------------------------- */

static void refuses_ids_that_are_taken(void **state)
{
    qpy_attestation first = sample("AS-1");
    first.source = "first";
    put(*state, first);
    qpy_attestation again[] = {sample("AS-2"), sample("AS-1"), sample("AS-3")};
    assert_fails(qpy_store_attest(*state, again, 3, error), QPY_E_EXISTS, "'AS-1'");
    assert_answer(*state, NULL, "AS-1");
    assert_stored(*state, &first);
    qpy_attestation twins[] = {sample("AS-4"), sample("AS-4")};
    assert_fails(qpy_store_attest(*state, twins, 2, error), QPY_E_EXISTS, "'AS-4'");
    assert_answer(*state, FILTER(.subjects = LIST("subject")), "AS-1");
    assert_ok(qpy_store_attest(*state, again, 1, error));
    assert_answer(*state, FILTER(.subjects = LIST("subject")), "AS-2 AS-1");
}

static void stores_many_at_once(void **state)
{
    qpy_attestation list[] = {sample("1"), sample("2"), sample("3")};
    assert_ok(qpy_store_attest(*state, list, 3, error));
    assert_answer(*state, NULL, "3 2 1");
    assert_ok(qpy_store_attest(*state, NULL, 0, error));
    assert_answer(*state, NULL, "3 2 1");
}

static void keeps_no_pointers(void **state)
{
    char id[] = "AS-1", subject[] = "moving";
    const char *subjects[] = {subject};
    qpy_attestation attestation = sample(id);
    attestation.subjects = (qpy_strings){subjects, 1};
    put(*state, attestation);
    memset(id, 'x', sizeof id - 1);
    memset(subject, 'x', sizeof subject - 1);
    subjects[0] = NULL;
    assert_answer(*state, FILTER(.subjects = LIST("moving")), "AS-1");
}

/* ---- Threads --------------------------------------------------------------------------------- */

#define THREADS 8
#define EACH 500

struct worker {
    qpy_store *store;
    int number;
    int stored;
    int refused;
};

/*
 * Every tenth time, all threads want the same id, together with one of their own: one of them gets
 * both, the others neither, and no other call of any thread suffers.
 */
static void *attest_many(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < EACH; i++) {
        char own[32];
        char shared[32];
        snprintf(own, sizeof own, "%d-%d", worker->number, i);
        snprintf(shared, sizeof shared, "shared-%d", i);
        qpy_attestation pair[] = {sample(own), sample(shared)};
        size_t count = i % 10 == 0 ? 2 : 1;
        qpy_status status = qpy_store_attest(worker->store, pair, count, NULL);
        worker->stored += status == QPY_OK ? (int)count : 0;
        worker->refused += status == QPY_E_EXISTS;
    }
    return NULL;
}

static void *query_many(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < 20; i++) {
        struct answer answer = {0};
        worker->stored += qpy_store_query(worker->store, FILTER(.subjects = LIST("subject")),
                                          collect, &answer, NULL) == QPY_OK;
    }
    return NULL;
}

static void serves_many_threads(void **state)
{
    pthread_t threads[THREADS + 1];
    struct worker workers[THREADS + 1];
    for (int i = 0; i <= THREADS; i++) {
        workers[i] = (struct worker){.store = *state, .number = i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < THREADS ? attest_many : query_many, &workers[i]),
            0);
    }
    int stored = 0, refused = 0;
    for (int i = 0; i <= THREADS; i++) {
        pthread_join(threads[i], NULL);
        stored += i < THREADS ? workers[i].stored : 0;
        refused += workers[i].refused;
    }
    int shared = EACH / 10;
    assert_int_equal(workers[THREADS].stored, 20);
    assert_int_equal(stored, THREADS * (EACH - shared) + 2 * shared);
    assert_int_equal(refused, (THREADS - 1) * shared);
    assert_int_equal(ask(*state, NULL).count, stored);
    assert_int_equal(ask(*state, FILTER(.ids = LIST("0-1", "7-499", "shared-0"))).count, 3);
}

/* ---- What it refuses ------------------------------------------------------------------------- */

static void assert_refused(qpy_store *store, qpy_attestation attestation, const char *part)
{
    assert_fails(qpy_store_attest(store, &attestation, 1, error), QPY_E_ARGUMENT, part);
    qpy_attestation list[] = {sample("sound"), attestation};
    assert_fails(qpy_store_attest(store, list, 2, error), QPY_E_ARGUMENT, part);
}

static void refuses_incomplete_attestations(void **state)
{
    qpy_attestation a;
#define REFUSE(change, part)                                                                       \
    a = sample("AS-1");                                                                            \
    a.change;                                                                                      \
    assert_refused(*state, a, part)

    REFUSE(id = NULL, "id is NULL");
    REFUSE(id = "", "id is empty");
    REFUSE(id = "\xFF", "id is not UTF-8");
    REFUSE(subjects.count = 0, "'AS-1': subjects is empty");
    REFUSE(predicates.count = 0, "'AS-1': predicates is empty");
    REFUSE(contexts.count = 0, "'AS-1': contexts is empty");
    REFUSE(actors.count = 0, "'AS-1': actors is empty");
    REFUSE(subjects.items = NULL, "subjects is NULL but counts 1");
    REFUSE(subjects = LIST("fine", NULL), "subjects is NULL");
    REFUSE(predicates = LIST("a\xC3("), "predicates is not UTF-8 at byte 1: 'a'");
    REFUSE(contexts = LIST("\xED\xA0\x80"), "contexts is not UTF-8");
    REFUSE(actors = LIST("x", "\x80"), "actors is not UTF-8");
    REFUSE(source = NULL, "source is NULL");
    REFUSE(source = "", "source is empty");
    REFUSE(timestamp_ms = INT64_MAX, "timestamp_ms is 9223372036854775807");
    REFUSE(created_at_ms = INT64_MIN, "created_at_ms is -9223372036854775808");
    assert_answer(*state, NULL, "");
}

static void refuses_attributes_that_are_not_an_object(void **state)
{
    static const struct {
        const char *json, *part;
    } cases[] = {
        {"", "byte 0"},
        {"[]", "byte 0: '[]'"},
        {"null", "byte 0"},
        {"\"{}\"", "byte 0"},
        {"{", "byte 1"},
        {"{}x", "byte 2"},
        {"{}{}", "byte 2"},
        {"{\"a\":1,}", "byte 7"},
        {"{\"a\" 1}", "byte 5"},
        {"{a:1}", "byte 1"},
        {"{'a':1}", "byte 1"},
        {"{\"a\":01}", "byte 6"},
        {"{\"a\":1.}", "byte 7"},
        {"{\"a\":.5}", "byte 5"},
        {"{\"a\":1e}", "byte 7"},
        {"{\"a\":+1}", "byte 5"},
        {"{\"a\":-}", "byte 6"},
        {"{\"a\":NaN}", "byte 5"},
        {"{\"a\":nul}", "byte 8"},
        {"{\"a\":\"line\nbreak\"}", "byte 10"},
        {"{\"a\":\"\\x\"}", "byte 7"},
        {"{\"a\":\"\\u12g4\"}", "byte 10"},
        {"{\"a\":\"open}", "byte 11"},
        {"{\"a\":[1 2]}", "byte 8"},
        {"{\"a\":[1}", "byte 7"},
        {"{\"a\":\"\xFF\"}", "not UTF-8 at byte 6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        qpy_attestation attestation = sample("AS-1");
        attestation.attributes_json = cases[i].json;
        assert_refused(*state, attestation, cases[i].part);
    }
    assert_answer(*state, NULL, "");
}

static void refuses_attributes_that_are_too_deep(void **state)
{
    for (int depth = 999; depth <= 1000; depth++) {
        char json[3000] = "{\"a\":";
        for (int i = 0; i < depth; i++) {
            json[5 + i] = '[';
            json[5 + depth + 1 + i] = ']';
        }
        json[5 + depth] = '1';
        json[5 + 2 * depth + 1] = '}';
        qpy_attestation attestation = sample("AS-1");
        attestation.attributes_json = json;
        if (depth < 1000)
            assert_round_trip(*state, attestation);
        else
            assert_refused(*state, attestation, "not a JSON object");
    }
}

static void refuses_bad_filters(void **state)
{
    struct answer answer = {0};
    qpy_filter filter = QPY_FILTER_INIT;
#define REFUSE_FILTER(status, change, part)                                                        \
    filter = (qpy_filter)QPY_FILTER_INIT;                                                          \
    filter.change;                                                                                 \
    assert_fails(qpy_store_query(*state, &filter, collect, &answer, error), status, part)

    REFUSE_FILTER(QPY_E_OPTIONS, size = 0, "qpy_filter");
    REFUSE_FILTER(QPY_E_OPTIONS, size -= 1, "qpy_filter");
    REFUSE_FILTER(QPY_E_ARGUMENT, limit = -2, "limit is -2");
    REFUSE_FILTER(QPY_E_ARGUMENT, ids.count = 1, "ids is NULL but counts 1");
    REFUSE_FILTER(QPY_E_ARGUMENT, subjects = LIST("\xFF"), "subjects is not UTF-8");
    REFUSE_FILTER(QPY_E_ARGUMENT, actors = LIST(NULL), "actors is NULL");
    assert_fails(qpy_store_query(*state, NULL, NULL, NULL, error), QPY_E_ARGUMENT, "fn is NULL");
    assert_fails(qpy_store_query(NULL, NULL, collect, &answer, error), QPY_E_ARGUMENT,
                 "store is NULL");
    assert_fails(qpy_store_attest(*state, NULL, 1, error), QPY_E_ARGUMENT, "attestations is NULL");
    assert_fails(qpy_store_attest(NULL, NULL, 0, error), QPY_E_ARGUMENT, "store is NULL");
    assert_int_equal(answer.count, 0);
}

/* A filter from a newer header is fine as long as it does not ask for what is unknown here. */
static void reads_larger_filters(void **state)
{
    put_some(*state);
    struct {
        qpy_filter known;
        int64_t unknown;
    } newer = {.known = QPY_FILTER_INIT};
    newer.known.size = sizeof newer;
    newer.known.limit = 1;
    assert_answer(*state, &newer.known, "4");
    newer.unknown = 1;
    struct answer answer = {0};
    assert_fails(qpy_store_query(*state, &newer.known, collect, &answer, error), QPY_E_OPTIONS,
                 "newer header");
}

/* ---- Descriptions ---------------------------------------------------------------------------- */

static void describes_itself(void **state)
{
    put_some(*state);
    assert_string_equal(qpy_store_name(*state), kind->name);
    char *text;
    assert_ok(qpy_store_describe(*state, &text, error));
    cJSON *json = cJSON_Parse(text);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "kind")), kind->name);
    assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(json, "attestations")), 4);
    cJSON_Delete(json);
    qpy_free(text);
    assert_fails(qpy_store_describe(*state, NULL, error), QPY_E_ARGUMENT, "ret_json is NULL");
}

static bool to_json(void *payload, const qpy_attestation *attestation)
{
    return qpy_attestation_to_json(attestation, payload, NULL) != QPY_OK;
}

static void writes_qntx_json(void **state)
{
    qpy_attestation attestation = sample("AS-\"1");
    attestation.subjects = LIST("a", "\xC3\xA9");
    attestation.attributes_json = "{\"n\": 1.50}";
    attestation.created_at_ms = 1700000000123;
    put(*state, attestation);
    char *text = NULL;
    assert_ok(qpy_store_query(*state, NULL, to_json, &text, error));
    assert_string_equal(text, "{\"id\":\"AS-\\\"1\",\"subjects\":[\"a\",\"\xC3\xA9\"],"
                              "\"predicates\":[\"predicate\"],\"contexts\":[\"context\"],"
                              "\"actors\":[\"actor\"],\"timestamp\":\"2023-11-14T22:13:20.000Z\","
                              "\"source\":\"test\",\"attributes\":{\"n\": 1.50},"
                              "\"created_at\":\"2023-11-14T22:13:20.123Z\"}");
    qpy_free(text);
    attestation.attributes_json = NULL;
    assert_ok(qpy_attestation_to_json(&attestation, &text, error));
    assert_null(strstr(text, "attributes"));
    qpy_free(text);
    assert_fails(qpy_attestation_to_json(NULL, &text, error), QPY_E_ARGUMENT,
                 "attestation is NULL");
}

/* ---- A host's own store ---------------------------------------------------------------------- */

static qpy_status own_attest(void *self, const qpy_attestation *attestations, size_t count,
                             qpy_error *error)
{
    (void)attestations;
    (void)error;
    *(size_t *)self += count;
    return QPY_OK;
}

static qpy_status own_query(void *self, const qpy_filter *filter, qpy_attestation_fn fn,
                            void *payload, qpy_error *error)
{
    (void)self;
    (void)error;
    qpy_attestation attestation = sample(filter->size == sizeof *filter ? "own" : "wrong size");
    (void)fn(payload, &attestation);
    return QPY_OK;
}

static qpy_status own_describe(void *self, char **ret_json, qpy_error *error)
{
    (void)self;
    (void)error;
    *ret_json = strdup("{}");
    return QPY_OK;
}

static void own_close(void *self)
{
    *(size_t *)self += 100;
}

static void serves_a_store_of_the_host(void **state)
{
    (void)state;
    qpy_store_ops ops = {sizeof ops, "own", own_attest, own_query, own_describe, own_close};
    size_t counter = 0;
    qpy_store *store;
    assert_ok(qpy_store_new(&ops, &counter, &store, error));
    assert_string_equal(qpy_store_name(store), "own");
    put(store, sample("AS-1"));
    assert_int_equal(counter, 1);
    assert_refused(store, (qpy_attestation){.id = ""}, "id is empty");
    assert_int_equal(counter, 1);
    assert_answer(store, NULL, "own");
    assert_answer(store, FILTER(.limit = 0), "");
    qpy_store_close(store);
    assert_int_equal(counter, 101);
    qpy_store_close(NULL);
}

static void refuses_incomplete_stores_of_the_host(void **state)
{
    (void)state;
    qpy_store *store;
    qpy_store_ops ops = {sizeof ops, "own", own_attest, own_query, own_describe, own_close};
    assert_fails(qpy_store_new(NULL, NULL, &store, error), QPY_E_ARGUMENT, "ops is NULL");
    assert_fails(qpy_store_new(&ops, NULL, NULL, error), QPY_E_ARGUMENT, "ret_store is NULL");
    ops.query = NULL;
    assert_fails(qpy_store_new(&ops, NULL, &store, error), QPY_E_ARGUMENT, "query is NULL");
    ops.size = 8;
    assert_fails(qpy_store_new(&ops, NULL, &store, error), QPY_E_OPTIONS, "qpy_store_ops");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_everything),
        TEST(keeps_attributes_byte_for_byte),
        TEST(keeps_times),
        TEST(keeps_large_values),
        TEST(finds_all_without_a_filter),
        TEST(matches_any_within_a_list),
        TEST(matches_all_lists),
        TEST(compares_whole_strings_in_any_case),
        TEST(compares_ids_exactly),
        TEST(respects_time_bounds),
        TEST(respects_the_limit),
        TEST(answers_newest_first),
        TEST(takes_thousands_of_values),
        TEST(finds_the_newest_of_many),
        TEST(stops_when_the_callback_says_so),
        TEST(refuses_ids_that_are_taken),
        TEST(stores_many_at_once),
        TEST(keeps_no_pointers),
        TEST(serves_many_threads),
        TEST(refuses_incomplete_attestations),
        TEST(refuses_attributes_that_are_not_an_object),
        TEST(refuses_attributes_that_are_too_deep),
        TEST(refuses_bad_filters),
        TEST(reads_larger_filters),
        TEST(describes_itself),
        TEST(writes_qntx_json),
    };
    const struct CMUnitTest own[] = {
        cmocka_unit_test(serves_a_store_of_the_host),
        cmocka_unit_test(refuses_incomplete_stores_of_the_host),
    };
    int failures = cmocka_run_group_tests_name("host's own", own, NULL, NULL);
    for (kind = kinds; kind < kinds + sizeof kinds / sizeof *kinds; kind++)
        failures += cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
    return failures;
}
