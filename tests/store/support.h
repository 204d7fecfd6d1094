/* What the tests of stores share: a directory of their own, attestations, and answers. */
#ifndef TESTS_STORE_SUPPORT_H
#define TESTS_STORE_SUPPORT_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <qntxpy/store.h>

#define UNUSED_OK __attribute__((unused))

/* ---- A directory that goes with the test ----------------------------------------------------- */

static char directory[256];

UNUSED_OK static void make_directory(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/qntxpy-store-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(directory));
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

UNUSED_OK static void remove_directory(void)
{
    assert_int_equal(nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A path in the directory, valid until the fourth call after it. */
UNUSED_OK static const char *in_directory(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* ---- Attestations ---------------------------------------------------------------------------- */

#define LIST(...)                                                                                  \
    ((qpy_strings){(const char *const[]){__VA_ARGS__},                                             \
                   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)})

/* Complete, with `id` and one of each; change what the test is about. */
UNUSED_OK static qpy_attestation sample(const char *id)
{
    static const char *const subject[] = {"subject"};
    static const char *const predicate[] = {"predicate"};
    static const char *const context[] = {"context"};
    static const char *const actor[] = {"actor"};
    return (qpy_attestation){
        .id = id,
        .subjects = {subject, 1},
        .predicates = {predicate, 1},
        .contexts = {context, 1},
        .actors = {actor, 1},
        .timestamp_ms = 1700000000000,
        .source = "test",
        .created_at_ms = 1700000000000,
    };
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        qpy_error error_ = QPY_ERROR_INIT;                                                         \
        qpy_error *error = &error_;                                                                \
        if ((call) != QPY_OK)                                                                      \
            fail_msg("%s: %s: %s", #call, qpy_status_name(error->status), error->message);         \
    } while (0)

/* The call fails with `expected`, and its message contains `part`. */
#define assert_fails(call, expected, part)                                                         \
    do {                                                                                           \
        qpy_error error_ = QPY_ERROR_INIT;                                                         \
        qpy_error *error = &error_;                                                                \
        qpy_status status_ = (call);                                                               \
        if (status_ != (expected) || error->status != (expected))                                  \
            fail_msg("%s: is %s, not %s: %s", #call, qpy_status_name(status_), #expected,          \
                     error->message);                                                              \
        if (!strstr(error->message, part))                                                         \
            fail_msg("%s: '%s' is not in '%s'", #call, part, error->message);                      \
    } while (0)

UNUSED_OK static void put(qpy_store *store, qpy_attestation attestation)
{
    assert_ok(qpy_store_attest(store, &attestation, 1, error));
}

/* ---- Answers --------------------------------------------------------------------------------- */

struct answer {
    char ids[4096]; /* separated by blanks, as far as they fit */
    size_t count;
    size_t stop_after; /* 0: never */
};

UNUSED_OK static bool collect(void *payload, const qpy_attestation *attestation)
{
    struct answer *answer = payload;
    size_t length = strlen(answer->ids);
    if (length + strlen(attestation->id) + 2 < sizeof answer->ids)
        snprintf(answer->ids + length, sizeof answer->ids - length, "%s%s", length ? " " : "",
                 attestation->id);
    answer->count++;
    return answer->count != answer->stop_after;
}

UNUSED_OK static struct answer ask(qpy_store *store, const qpy_filter *filter)
{
    struct answer answer = {0};
    assert_ok(qpy_store_query(store, filter, collect, &answer, error));
    return answer;
}

#define assert_answer(store, filter, expected)                                                     \
    do {                                                                                           \
        struct answer answer_ = ask(store, filter);                                                \
        assert_string_equal(answer_.ids, expected);                                                \
    } while (0)

/* Members that are given replace the defaults before them, on purpose. */
#if defined(__clang__)
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
#define FILTER(...)                                                                                \
    (&(qpy_filter){.size = sizeof(qpy_filter),                                                     \
                   .since_ms = QPY_DEFAULT,                                                        \
                   .until_ms = QPY_DEFAULT,                                                        \
                   .limit = QPY_DEFAULT,                                                           \
                   __VA_ARGS__})

#endif
