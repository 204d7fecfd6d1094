/*
 * How many attestations per second a job's session stores, in each kind of store.
 *
 * store_bench [COUNT [DIRECTORY]]: COUNT attestations per measurement (default 20000; a tenth of it
 * where each waits for the disk), databases in DIRECTORY (default: the current one).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "store/session.h"

#define THREADS 8

static void must(qpy_status status, const qpy_error *error)
{
    if (status == QPY_OK)
        return;
    fprintf(stderr, "%s: %s\n", qpy_status_name(status), error->message);
    exit(1);
}

struct work {
    qpy_store *store;
    enum qpy__session_mode mode;
    int thread;
    long count;
};

/* As a script does that reads a list of packages: many subjects, few predicates and contexts. */
static void attest_one(qpy__session *session, int thread, long number)
{
    char subject[64];
    snprintf(subject, sizeof subject, "package-%d-%ld", thread, number);
    const char *subjects[] = {subject};
    const char *predicates[] = {"installed"};
    const char *contexts[] = {"debian-12"};
    qpy_attestation attestation = {
        .subjects = {subjects, 1},
        .predicates = {predicates, 1},
        .contexts = {contexts, 1},
        .timestamp_ms = QPY_DEFAULT,
        .source = "python",
        .attributes_json = "{\"version\":\"1.2.3-4\",\"architecture\":\"amd64\",\"size\":123456}",
    };
    qpy_error error = QPY_ERROR_INIT;
    must(qpy__session_attest(session, &attestation, NULL, &error), &error);
}

static void *run(void *argument)
{
    struct work *work = argument;
    qpy_error error = QPY_ERROR_INIT;
    qpy__session *session;
    must(qpy__session_open(work->store, work->mode, &session, &error), &error);
    for (long i = 0; i < work->count; i++)
        attest_one(session, work->thread, i);
    must(qpy__session_commit(session, &error), &error);
    qpy__session_close(session);
    return NULL;
}

static void measure(const char *name, qpy_store *store, enum qpy__session_mode mode, int threads,
                    long count)
{
    pthread_t ids[THREADS];
    struct work works[THREADS];
    qpy__usec start = qpy__monotonic_now();
    for (int i = 0; i < threads; i++) {
        works[i] = (struct work){store, mode, i, count / threads};
        pthread_create(&ids[i], NULL, run, &works[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    double seconds = (double)(qpy__monotonic_now() - start) / QPY__USEC_PER_SEC;
    printf("%-32s %8ld in %7.3f s %10.0f /s\n", name, count, seconds, (double)count / seconds);
    qpy_store_close(store);
}

static void remove_database(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[4200];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
}

static qpy_store *open_sqlite(const char *path)
{
    remove_database(path);
    qpy_error error = QPY_ERROR_INIT;
    qpy_store *store;
    must(qpy_store_open_sqlite(path, NULL, &store, &error), &error);
    return store;
}

static qpy_store *open_memory(void)
{
    qpy_error error = QPY_ERROR_INIT;
    qpy_store *store;
    must(qpy_store_open_memory(&store, &error), &error);
    return store;
}

int main(int argc, char **argv)
{
    long count = 20000;
    char path[4096] = "store_bench.db";
    if (argc > 1 && sscanf(argv[1], "%ld", &count) != 1) {
        fprintf(stderr, "usage: store_bench [COUNT [DIRECTORY]]\n");
        return 2;
    }
    if (argc > 2)
        snprintf(path, sizeof path, "%s/store_bench.db", argv[2]);
    measure("memory, 1 thread", open_memory(), QPY__SESSION_IMMEDIATE, 1, count);
    measure("memory, 8 threads", open_memory(), QPY__SESSION_IMMEDIATE, THREADS, count);
    measure("memory, with_job", open_memory(), QPY__SESSION_WITH_JOB, 1, count);
    measure("sqlite, with_job", open_sqlite(path), QPY__SESSION_WITH_JOB, 1, count);
    measure("sqlite, with_job, 8 threads", open_sqlite(path), QPY__SESSION_WITH_JOB, THREADS,
            count);
    measure("sqlite, immediate, 1 thread", open_sqlite(path), QPY__SESSION_IMMEDIATE, 1,
            count / 10);
    measure("sqlite, immediate, 8 threads", open_sqlite(path), QPY__SESSION_IMMEDIATE, THREADS,
            count / 10);
    remove_database(path);
    return 0;
}
