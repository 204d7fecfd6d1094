/* The SQLite store alone: QNTX's databases, other processes, and everything that can go wrong. */
#include "store/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <sqlite3.h>

#include "store/attestation.h"
#include "store/sqlite.h"
#include "store/time_text.h"

static int set_up(void **state)
{
    (void)state;
    make_directory();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_directory();
    return 0;
}

#define DATABASE in_directory("store.db")

static qpy_store *open_store(void)
{
    qpy_store *store;
    assert_ok(qpy_store_open_sqlite(DATABASE, NULL, &store, error));
    return store;
}

static qpy_status open_with(int busy_timeout_ms, int read_only, qpy_store **ret_store,
                            qpy_error *error)
{
    qpy_sqlite_options options = QPY_SQLITE_OPTIONS_INIT;
    options.busy_timeout_ms = busy_timeout_ms;
    options.read_only = read_only;
    return qpy_store_open_sqlite(DATABASE, &options, ret_store, error);
}

static void assert_open_fails(const char *path, qpy_status expected, const char *part)
{
    qpy_store *store = NULL;
    assert_fails(qpy_store_open_sqlite(path, NULL, &store, error), expected, part);
    assert_fails(qpy_store_open_sqlite(path, NULL, &store, error), expected, path);
    assert_null(store);
}

/* ---- The other side: a plain connection, as another program has it --------------------------- */

static sqlite3 *connect_other(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(DATABASE, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static void run_sql(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", message, sql);
}

static void run_once(const char *sql)
{
    sqlite3 *db = connect_other();
    run_sql(db, sql);
    sqlite3_close(db);
}

/* The first column of all rows, separated by blanks. */
static const char *text_of(sqlite3 *db, const char *sql)
{
    static char text[16384];
    text[0] = '\0';
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sqlite3_errmsg(db), sql);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "%s%s", length ? " " : "",
                 (const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    return text;
}

static char *file_bytes(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = malloc(1 << 24);
    *ret_size = fread(bytes, 1, 1 << 24, file);
    fclose(file);
    return bytes;
}

/* What the older generation of QNTX creates, and how its Go driver writes times. */
static const char older_qntx[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, applied_at DATETIME);"
    "INSERT INTO schema_migrations VALUES ('001',''), ('002','');"
    "CREATE TABLE attestations (id TEXT PRIMARY KEY, subjects JSON NOT NULL, predicates JSON NOT "
    "NULL,"
    " contexts JSON NOT NULL, actors JSON NOT NULL, timestamp DATETIME NOT NULL,"
    " source TEXT NOT NULL DEFAULT 'cli', attributes JSON,"
    " created_at DATETIME DEFAULT CURRENT_TIMESTAMP);"
    "CREATE INDEX idx_attestations_subjects ON attestations(json_extract(subjects, '$'));"
    "CREATE INDEX idx_attestations_timestamp ON attestations(timestamp DESC);"
    "CREATE TABLE async_ix_jobs (id TEXT PRIMARY KEY);"
    "INSERT INTO async_ix_jobs VALUES ('JB-KEEP-ME');"
    "INSERT INTO attestations VALUES ('old-1','[\"Alice\",\"team\"]','[\"likes\"]','[\"_\"]',"
    " '[\"old-1\"]','2026-01-29 10:00:00.5+00:00','cli','null','2026-01-29 10:00:00.25+00:00');"
    "INSERT INTO attestations VALUES ('old-2','[\"bob\"]','[\"likes\"]','[\"_\"]',"
    " '[\"old-2\"]','2026-01-29 12:00:00+05:00','cli','{\"n\":1}','2026-01-29 12:00:00+05:00');";

static const char insert_bob[] =
    "INSERT INTO attestations (id,subjects,predicates,contexts,actors,timestamp) VALUES "
    "('new-1','[\"Bob\"]','[\"hates\"]','[\"x\"]','[\"new-1\"]','2026-01-30 10:00:00+00:00')";

/* What the newer generation creates. */
static const char newer_qntx[] =
    "PRAGMA journal_mode=WAL;"
    "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, applied_at DATETIME);"
    "INSERT INTO schema_migrations VALUES ('001',''), ('048',''), ('050','');"
    "CREATE TABLE attestations (id TEXT PRIMARY KEY, subjects JSON NOT NULL, predicates JSON NOT "
    "NULL,"
    " contexts JSON NOT NULL, actors JSON NOT NULL, timestamp DATETIME NOT NULL,"
    " source TEXT NOT NULL DEFAULT 'cli', attributes JSON,"
    " created_at DATETIME DEFAULT CURRENT_TIMESTAMP, signature BLOB, signer_did TEXT);"
#define NEWER_JUNCTION(name)                                                                       \
    "CREATE TABLE attestation_" name "s (attestation_id TEXT NOT NULL REFERENCES attestations(id)" \
    " ON DELETE CASCADE, " name " TEXT NOT NULL COLLATE NOCASE);"                                  \
    "CREATE INDEX idx_junc_" name " ON attestation_" name "s(" name ");"                           \
    "CREATE INDEX idx_junc_" name "_id ON attestation_" name "s(attestation_id);"
    NEWER_JUNCTION("subject") NEWER_JUNCTION("predicate") NEWER_JUNCTION("context")
        NEWER_JUNCTION("actor") "CREATE TABLE watchers (id TEXT PRIMARY KEY);"
                                "INSERT INTO watchers VALUES ('keep me');"
                                "INSERT INTO attestations VALUES "
                                "('AS-1','[\"Alice\"]','[\"likes\"]','[\"_\"]','[\"AS-1\"]',"
                                " '2026-01-29T10:00:00.123+00:00','cli',NULL,'2026-01-29T10:00:00."
                                "123+00:00',x'00FF','did:key:z');"
                                "INSERT INTO attestation_subjects VALUES ('AS-1','Alice');"
                                "INSERT INTO attestation_predicates VALUES ('AS-1','likes');"
                                "INSERT INTO attestation_contexts VALUES ('AS-1','_');"
                                "INSERT INTO attestation_actors VALUES ('AS-1','AS-1');";

/* The upgrade from the older to the newer: signatures, junction tables, and those made anew. */
static const char upgrade_qntx[] = "PRAGMA foreign_keys=OFF; BEGIN;"
                                   "ALTER TABLE attestations ADD COLUMN signature BLOB;"
                                   "ALTER TABLE attestations ADD COLUMN signer_did TEXT;"
#define UPGRADE_JUNCTION(name)                                                                     \
    "CREATE TABLE IF NOT EXISTS attestation_" name "s (attestation_id TEXT NOT NULL"               \
    " REFERENCES attestations(id) ON DELETE CASCADE, " name " TEXT NOT NULL);"                     \
    "CREATE INDEX IF NOT EXISTS idx_junc_" name " ON attestation_" name "s(" name ");"             \
    "CREATE INDEX IF NOT EXISTS idx_junc_" name "_id ON attestation_" name "s(attestation_id);"    \
    "INSERT OR IGNORE INTO attestation_" name "s(attestation_id, " name ")"                        \
    " SELECT a.id, j.value FROM attestations a, json_each(a." name "s) j;"                         \
    "CREATE TABLE fresh (attestation_id TEXT NOT NULL REFERENCES attestations(id)"                 \
    " ON DELETE CASCADE, " name " TEXT NOT NULL COLLATE NOCASE);"                                  \
    "INSERT INTO fresh SELECT * FROM attestation_" name "s;"                                       \
    "DROP TABLE attestation_" name "s;"                                                            \
    "ALTER TABLE fresh RENAME TO attestation_" name "s;"                                           \
    "CREATE INDEX idx_junc_" name " ON attestation_" name "s(" name ");"                           \
    "CREATE INDEX idx_junc_" name "_id ON attestation_" name "s(attestation_id);"
    UPGRADE_JUNCTION("actor") UPGRADE_JUNCTION("context") UPGRADE_JUNCTION("subject")
        UPGRADE_JUNCTION("predicate") "CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT "
                                      "PRIMARY KEY, applied_at DATETIME);"
                                      "INSERT INTO schema_migrations VALUES ('048',''), ('050','');"
                                      "COMMIT; PRAGMA foreign_keys=ON;";

/* ---- QNTX's databases ------------------------------------------------------------------------ */

static void finds_what_is_in_a_database_of_older_qntx(void **state)
{
    (void)state;
    run_once(older_qntx);
    qpy_store *store = open_store();
    assert_answer(store, NULL, "old-1 old-2");
    assert_answer(store, FILTER(.subjects = LIST("ALICE")), "old-1");
    assert_answer(store, FILTER(.subjects = LIST("team", "bob"), .predicates = LIST("likes")),
                  "old-1 old-2");
    assert_answer(store, FILTER(.since_ms = 1769680800500), "old-1");
    assert_answer(store, FILTER(.until_ms = 1769670000000), "old-2");
    qpy_store_close(store);
    sqlite3 *db = connect_other();
    assert_string_equal(text_of(db, "SELECT id FROM async_ix_jobs"), "JB-KEEP-ME");
    assert_string_equal(text_of(db, "PRAGMA integrity_check"), "ok");
    assert_string_equal(text_of(db, "SELECT count(*) FROM attestation_subjects"), "3");
    sqlite3_close(db);
}

static void finds_what_older_qntx_inserts_meanwhile(void **state)
{
    (void)state;
    run_once(older_qntx);
    qpy_store *store = open_store();
    sqlite3 *db = connect_other();
    run_sql(db, insert_bob);
    assert_answer(store, FILTER(.subjects = LIST("bob")), "new-1 old-2");
    assert_answer(store, FILTER(.subjects = LIST("bob"), .predicates = LIST("HATES")), "new-1");
    assert_string_equal(text_of(db, "SELECT id FROM qntxpy_unindexed"), "new-1");
    put(store, sample("ours"));
    assert_string_equal(text_of(db, "SELECT id FROM qntxpy_unindexed"), "");
    assert_string_equal(text_of(db, "SELECT subject FROM attestation_subjects"
                                    " WHERE attestation_id IN ('new-1','ours') ORDER BY 1"),
                        "Bob subject");
    assert_answer(store, FILTER(.subjects = LIST("bob", "subject")), "new-1 old-2 ours");
    sqlite3_close(db);
    qpy_store_close(store);
}

static void survives_what_other_programs_write(void **state)
{
    (void)state;
    qpy_store *store = open_store();
    run_once("INSERT INTO attestations VALUES ('odd-1','not json','[1,null,[\"x\"]]','{}','[]',"
             " 1700000000,'s','{broken',1700000000123);"
             "INSERT INTO attestations VALUES ('odd-2',x'5B2261225D','[\"p\"]','[\"c\"]','[\"a\"]',"
             " 'not a time','s',x'7B7D',NULL);"
             "INSERT INTO attestations (id,subjects,predicates,contexts,actors,timestamp)"
             " VALUES (NULL,'[\"a\"]','[\"p\"]','[\"c\"]','[\"a\"]','2026-01-01')");
    assert_int_equal(ask(store, NULL).count, 3);
    assert_answer(store, FILTER(.subjects = LIST("A"), .ids = LIST("odd-2")), "odd-2");
    put(store, sample("ours"));
    assert_answer(store, FILTER(.subjects = LIST("a"), .predicates = LIST("P"), .limit = 9),
                  "odd-2");
    assert_answer(store, FILTER(.until_ms = 1700000000000, .since_ms = 1700000000000),
                  "odd-1 ours");
    qpy_store_close(store);
}

static void leaves_a_database_of_newer_qntx_as_it_is(void **state)
{
    (void)state;
    static const char schema[] = "SELECT group_concat(sql) FROM sqlite_master";
    run_once(newer_qntx);
    sqlite3 *db = connect_other();
    char *before = strdup(text_of(db, schema));
    qpy_store *store = open_store();
    put(store, sample("ours"));
    assert_answer(store, FILTER(.subjects = LIST("alice", "SUBJECT")), "AS-1 ours");
    assert_answer(store, FILTER(.subjects = LIST("alice"), .limit = 1), "AS-1");
    run_sql(db,
            "BEGIN;"
            "INSERT INTO attestations (id,subjects,predicates,contexts,actors,timestamp)"
            " VALUES ('AS-2','[\"Alice\"]','[\"p\"]','[\"c\"]','[\"a\"]','2026-02-01T00:00:00Z');"
            "INSERT INTO attestation_subjects VALUES ('AS-2','Alice');"
            "INSERT INTO attestation_predicates VALUES ('AS-2','p');"
            "COMMIT");
    assert_answer(store, FILTER(.subjects = LIST("alice"), .predicates = LIST("P")), "AS-2");
    qpy_store_close(store);
    assert_string_equal(text_of(db, schema), before);
    assert_string_equal(text_of(db, "SELECT id FROM watchers"), "keep me");
    assert_string_equal(text_of(db, "SELECT subject FROM attestation_subjects"
                                    " WHERE attestation_id='ours'"),
                        "subject");
    assert_string_equal(text_of(db, "SELECT hex(signature) FROM attestations WHERE id='AS-1'"),
                        "00FF");
    free(before);
    sqlite3_close(db);
}

/* QNTX upgrades a database that we made, while we have it open. */
static void survives_an_upgrade_of_qntx(void **state)
{
    (void)state;
    qpy_store *store = open_store();
    put(store, sample("before"));
    run_once(insert_bob);
    run_once(upgrade_qntx);
    put(store, sample("after"));
    assert_answer(store, FILTER(.subjects = LIST("Subject")), "after before");
    assert_answer(store, FILTER(.subjects = LIST("bob")), "new-1");
    qpy_store_close(store);
    sqlite3 *db = connect_other();
    assert_string_equal(text_of(db, "SELECT attestation_id FROM attestation_subjects ORDER BY 1"),
                        "after before new-1");
    store = open_store();
    assert_string_equal(text_of(db, "SELECT count(*) FROM sqlite_master WHERE name IN"
                                    " ('qntxpy_unindexed','qntxpy_inserted')"),
                        "0");
    put(store, sample("later"));
    assert_answer(store, FILTER(.subjects = LIST("subject")), "later after before");
    qpy_store_close(store);
    sqlite3_close(db);
}

static void upgrades_of_qntx_work_on_a_closed_database(void **state)
{
    (void)state;
    qpy_store *store = open_store();
    put(store, sample("ours"));
    qpy_store_close(store);
    run_once(upgrade_qntx);
    store = open_store();
    assert_answer(store, FILTER(.actors = LIST("ACTOR")), "ours");
    qpy_store_close(store);
}

/* ---- Read-only ------------------------------------------------------------------------------- */

static void reads_only(void **state)
{
    (void)state;
    qpy_store *store = open_store();
    put(store, sample("AS-1"));
    qpy_store_close(store);
    assert_ok(open_with(QPY_DEFAULT, 1, &store, error));
    assert_answer(store, FILTER(.subjects = LIST("subject")), "AS-1");
    qpy_attestation attestation = sample("AS-2");
    assert_fails(qpy_store_attest(store, &attestation, 1, error), QPY_E_STORE_READONLY,
                 "opened for reading only");
    qpy_store_close(store);
}

/* Without junction tables, and without a chance to make any. */
static void reads_a_database_of_older_qntx(void **state)
{
    (void)state;
    run_once(older_qntx);
    sqlite3 *db = connect_other();
    char *before = strdup(text_of(db, "SELECT group_concat(sql) FROM sqlite_master"));
    qpy_store *store;
    assert_ok(open_with(QPY_DEFAULT, 1, &store, error));
    assert_answer(store, FILTER(.subjects = LIST("ALICE", "bob"), .predicates = LIST("likes")),
                  "old-1 old-2");
    assert_answer(store, FILTER(.ids = LIST("old-2"), .limit = 3), "old-2");
    char *json;
    assert_ok(qpy_store_describe(store, &json, error));
    assert_non_null(strstr(json, "without indexes"));
    qpy_free(json);
    qpy_store_close(store);
    assert_string_equal(text_of(db, "SELECT group_concat(sql) FROM sqlite_master"), before);
    free(before);
    sqlite3_close(db);
}

static void does_not_create_when_reading(void **state)
{
    (void)state;
    qpy_store *store = NULL;
    assert_fails(open_with(QPY_DEFAULT, 1, &store, error), QPY_E_STORE_OPEN, "No such file");
    assert_int_equal(access(DATABASE, F_OK), -1);
    run_once("CREATE TABLE t(x); DROP TABLE t");
    assert_fails(open_with(QPY_DEFAULT, 1, &store, error), QPY_E_STORE_FOREIGN, "empty database");
}

/* ---- Files that are something else ----------------------------------------------------------- */

static void assert_untouched(qpy_status expected, const char *part)
{
    size_t size_before, size_after;
    char *before = file_bytes(DATABASE, &size_before);
    assert_open_fails(DATABASE, expected, part);
    char *after = file_bytes(DATABASE, &size_after);
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    free(before);
    free(after);
}

static void refuses_databases_of_others(void **state)
{
    (void)state;
    run_once("CREATE TABLE songs(title)");
    assert_untouched(QPY_E_STORE_FOREIGN, "another program");
    run_once("CREATE TABLE attestations(id TEXT PRIMARY KEY, subjects, created_at)");
    assert_untouched(QPY_E_STORE_FOREIGN, "only 3 of the 9 columns");
}

static void refuses_databases_of_a_newer_version(void **state)
{
    (void)state;
    qpy_store_close(open_store());
    run_once("UPDATE qntxpy_meta SET value=2 WHERE name='schema_version'");
    assert_untouched(QPY_E_STORE_FOREIGN, "version 2");
    run_once("UPDATE qntxpy_meta SET value=1 WHERE name='schema_version'");
    qpy_store_close(open_store());
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void refuses_what_is_no_database(void **state)
{
    (void)state;
    char garbage[8192];
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)(i * 37 + 11);
    write_file(DATABASE, garbage, sizeof garbage);
    assert_untouched(QPY_E_STORE_CORRUPT, "not a database");
    write_file(DATABASE, "", 0);
    qpy_store_close(open_store());
}

static void put_many(qpy_store *store, const char *prefix, int count)
{
    qpy_attestation *list = calloc((size_t)count, sizeof *list);
    char(*ids)[32] = malloc((size_t)count * sizeof *ids);
    for (int i = 0; i < count; i++) {
        snprintf(ids[i], sizeof ids[i], "%s-%d", prefix, i);
        list[i] = sample(ids[i]);
    }
    assert_ok(qpy_store_attest(store, list, (size_t)count, error));
    free(ids);
    free(list);
}

static qpy_status open_and_read(qpy_error *error)
{
    qpy_store *store;
    qpy_status status = qpy_store_open_sqlite(DATABASE, NULL, &store, error);
    if (status != QPY_OK)
        return status;
    struct answer answer = {0};
    status = qpy_store_query(store, NULL, collect, &answer, error);
    qpy_store_close(store);
    return status;
}

static void reports_a_truncated_database(void **state)
{
    (void)state;
    qpy_store *store = open_store();
    put_many(store, "AS", 2000);
    qpy_store_close(store);
    struct stat status;
    assert_int_equal(stat(DATABASE, &status), 0);
    assert_int_equal(truncate(DATABASE, status.st_size / 2), 0);
    assert_fails(open_and_read(error), QPY_E_STORE_CORRUPT, "malformed");
}

/* ---- Paths that do not work ------------------------------------------------------------------ */

static void reports_paths_that_cannot_be_opened(void **state)
{
    (void)state;
    write_file(in_directory("file"), "x", 1);
    assert_open_fails(in_directory("missing/store.db"), QPY_E_STORE_OPEN, "No such file");
    assert_open_fails(in_directory("file/store.db"), QPY_E_STORE_OPEN, "Not a directory");
    assert_open_fails(directory, QPY_E_STORE_OPEN, "unable to open");
}

static void takes_every_path_literally(void **state)
{
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(directory), 0);
    static const char *const names[] = {":memory:", "file:x?mode=memory", "plain.db",
                                        "gr\xC3\xB6\xC3\x9F e"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        qpy_store *store;
        assert_ok(qpy_store_open_sqlite(names[i], NULL, &store, error));
        put(store, sample("AS-1"));
        qpy_store_close(store);
        assert_int_equal(access(in_directory(names[i]), F_OK), 0);
    }
    assert_int_equal(chdir(before), 0);
}

static void refuses_bad_arguments(void **state)
{
    (void)state;
    qpy_store *store = NULL;
    qpy_sqlite_options options = QPY_SQLITE_OPTIONS_INIT;
    assert_fails(qpy_store_open_sqlite(NULL, NULL, &store, error), QPY_E_ARGUMENT, "path is NULL");
    assert_fails(qpy_store_open_sqlite("", NULL, &store, error), QPY_E_ARGUMENT, "path is empty");
    assert_fails(qpy_store_open_sqlite("\xFF", NULL, &store, error), QPY_E_ARGUMENT, "not UTF-8");
    assert_fails(qpy_store_open_sqlite("x", NULL, NULL, error), QPY_E_ARGUMENT, "ret_store");
    options.busy_timeout_ms = -2;
    assert_fails(qpy_store_open_sqlite(DATABASE, &options, &store, error), QPY_E_ARGUMENT,
                 "busy_timeout_ms is -2");
    options = (qpy_sqlite_options)QPY_SQLITE_OPTIONS_INIT;
    options.read_only = 2;
    assert_fails(qpy_store_open_sqlite(DATABASE, &options, &store, error), QPY_E_ARGUMENT,
                 "read_only is 2");
    options.size = 0;
    assert_fails(qpy_store_open_sqlite(DATABASE, &options, &store, error), QPY_E_OPTIONS,
                 "qpy_sqlite_options");
    assert_null(store);
    assert_int_equal(access(DATABASE, F_OK), -1);
}

/* ---- Locks ----------------------------------------------------------------------------------- */

static void waits_no_longer_than_told(void **state)
{
    (void)state;
    qpy_store *store;
    assert_ok(open_with(20, 0, &store, error));
    put(store, sample("AS-1"));
    sqlite3 *db = connect_other();
    run_sql(db, "BEGIN IMMEDIATE");
    qpy_attestation attestation = sample("AS-2");
    assert_fails(qpy_store_attest(store, &attestation, 1, error), QPY_E_STORE_BUSY,
                 "database is locked after 20 ms");
    assert_answer(store, NULL, "AS-1");
    run_sql(db, "ROLLBACK");
    put(store, attestation);
    assert_answer(store, NULL, "AS-2 AS-1");
    sqlite3_close(db);
    qpy_store_close(store);
}

static void reports_a_lock_when_opening(void **state)
{
    (void)state;
    sqlite3 *db = connect_other();
    run_sql(db, "PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE; CREATE TABLE x(y)");
    qpy_store *store = NULL;
    assert_fails(open_with(0, 0, &store, error), QPY_E_STORE_BUSY, "locked after 0 ms");
    assert_null(store);
    run_sql(db, "ROLLBACK");
    sqlite3_close(db);
    qpy_store_close(open_store());
}

struct slow_query {
    qpy_store *store;
    qpy_status status;
};

/* Another thread stores while the answer is read: nobody waits for the other. */
static void *attest_one(void *argument)
{
    struct slow_query *query = argument;
    qpy_attestation attestation = sample("meanwhile");
    query->status = qpy_store_attest(query->store, &attestation, 1, NULL);
    return NULL;
}

static bool attest_meanwhile(void *payload, const qpy_attestation *attestation)
{
    (void)attestation;
    pthread_t thread;
    if (pthread_create(&thread, NULL, attest_one, payload) == 0)
        pthread_join(thread, NULL);
    return false;
}

static void queries_do_not_block_writers(void **state)
{
    (void)state;
    qpy_store *store = open_store();
    put_many(store, "AS", 3);
    struct slow_query query = {store, QPY_E_INTERNAL};
    assert_ok(qpy_store_query(store, NULL, attest_meanwhile, &query, error));
    assert_int_equal(query.status, QPY_OK);
    assert_int_equal(ask(store, NULL).count, 4);
    qpy_store_close(store);
}

/* ---- A full disk ----------------------------------------------------------------------------- */

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static char *large_object(size_t size)
{
    char *json = malloc(size + 1);
    memset(json, 'x', size);
    memcpy(json, "{\"a\":\"", 6);
    memcpy(json + size - 2, "\"}", 3);
    return json;
}

static void works_again_after_a_full_disk(void **state)
{
    (void)state;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    qpy_store *store = open_store();
    put(store, sample("AS-1"));
    char *json = large_object(4 << 20);
    qpy_attestation large = sample("AS-2");
    large.attributes_json = json;
    limit_files(1 << 20);
    qpy_error error = QPY_ERROR_INIT;
    qpy_status status = qpy_store_attest(store, &large, 1, &error);
    limit_files(RLIM_INFINITY);
    if (status != QPY_E_STORE_FULL || !strstr(error.message, "store.db"))
        fail_msg("%s: %s", qpy_status_name(status), error.message);
    assert_answer(store, NULL, "AS-1");
    put(store, large);
    assert_answer(store, NULL, "AS-2 AS-1");
    free(json);
    qpy_store_close(store);
    signal(SIGXFSZ, before);
}

/* ---- The disk ------------------------------------------------------------------------------- */

struct attester {
    qpy_store *store;
    qpy_attestation attestation;
    atomic_int *entering;
    qpy_status status;
};

static void *attest_it(void *argument)
{
    struct attester *attester = argument;
    atomic_fetch_add(attester->entering, 1);
    attester->status = qpy_store_attest(attester->store, &attester->attestation, 1, NULL);
    return NULL;
}

/* Wait until all have begun, and then as long as it takes to check the largest several times. */
static void let_them_queue(atomic_int *entering, int count, const qpy_attestation *largest)
{
    while (atomic_load(entering) < count)
        sched_yield();
    for (int i = 0; i < 5; i++)
        assert_ok(qpy__attestation_check(largest, error));
}

/* Calls that are committed together do not fail together: what fits is stored. */
static void stores_what_fits_on_a_full_disk(void **state)
{
    (void)state;
    enum { THREADS = 6, LARGE = 2 };
    static const char *const ids[THREADS] = {"large-1", "large-2", "1", "2", "3", "4"};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    char *json = large_object(8 << 20);
    qpy_store *store = open_store();
    sqlite3 *db = connect_other();
    run_sql(db, "BEGIN IMMEDIATE");
    atomic_int entering = 0;
    struct attester attesters[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        attesters[i] = (struct attester){store, sample(ids[i]), &entering, QPY_E_INTERNAL};
        attesters[i].attestation.attributes_json = i < LARGE ? json : NULL;
        pthread_create(&threads[i], NULL, attest_it, &attesters[i]);
    }
    let_them_queue(&entering, THREADS, &attesters[0].attestation);
    limit_files(4 << 20);
    run_sql(db, "ROLLBACK");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    limit_files(RLIM_INFINITY);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(attesters[i].status, i < LARGE ? QPY_E_STORE_FULL : QPY_OK);
    assert_int_equal(ask(store, NULL).count, THREADS - LARGE);
    sqlite3_close(db);
    qpy_store_close(store);
    free(json);
    signal(SIGXFSZ, before);
}

/* Calls of fdatasync, which SQLite makes: this one takes the C library's place. */
static int synced;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    synced++;
    return (int)syscall(SYS_fdatasync, fd);
}

static void waits_for_the_disk(void **state)
{
    (void)state;
    qpy_store *store = open_store();
    put(store, sample("AS-0"));
    for (int i = 1; i <= 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "AS-%d", i);
        int before = synced;
        put(store, sample(id));
        assert_true(synced > before);
    }
    qpy_store_close(store);
}

/* ---- Several processes ----------------------------------------------------------------------- */

/* In a child of its own: cmocka must not go on in it. Returns 0 or the number of the step. */
static int attest_in_child(const char *prefix, int count)
{
    qpy_store *store;
    if (qpy_store_open_sqlite(DATABASE, NULL, &store, NULL) != QPY_OK)
        return 1;
    for (int i = 0; i < count; i++) {
        char id[64];
        snprintf(id, sizeof id, "%s-%d", prefix, i);
        qpy_attestation attestation = sample(id);
        if (qpy_store_attest(store, &attestation, 1, NULL) != QPY_OK)
            return 2;
    }
    qpy_store_close(store);
    return 0;
}

/* All of them create the database, or find it half made by another. */
static void serves_several_processes(void **state)
{
    (void)state;
    enum { PROCESSES = 4, EACH = 50 };
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char prefix[] = {(char)('a' + i), '\0'};
            _exit(attest_in_child(prefix, EACH));
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    qpy_store *store = open_store();
    assert_int_equal(ask(store, FILTER(.subjects = LIST("subject"))).count, PROCESSES * EACH);
    qpy_store_close(store);
}

/* Writes each id to `out` once the store has promised to keep it. Until it is killed. */
static void attest_until_killed(int out)
{
    qpy_store *store;
    if (qpy_store_open_sqlite(DATABASE, NULL, &store, NULL) != QPY_OK)
        _exit(1);
    for (int i = 0;; i++) {
        char id[16];
        snprintf(id, sizeof id, "%014d", i);
        qpy_attestation attestation = sample(id);
        if (qpy_store_attest(store, &attestation, 1, NULL) != QPY_OK ||
            write(out, id, sizeof id) != sizeof id)
            _exit(1);
    }
}

static void keeps_what_it_promised_when_killed(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        attest_until_killed(ends[1]);
    close(ends[1]);
    char id[16];
    enum { ENOUGH = 40 };
    static char promised[100000][16];
    size_t count = 0;
    while (read(ends[0], id, sizeof id) == sizeof id && count < 100000) {
        memcpy(promised[count++], id, sizeof id);
        if (count == ENOUGH)
            kill(child, SIGKILL);
    }
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(count >= ENOUGH);
    qpy_store *store = open_store();
    for (size_t i = 0; i < count; i++)
        assert_answer(store, FILTER(.ids = LIST(promised[i])), promised[i]);
    assert_true(ask(store, FILTER(.subjects = LIST("subject"))).count >= count);
    qpy_store_close(store);
}

/* ---- Plans ----------------------------------------------------------------------------------- */

static const char *plan_of(sqlite3 *db, unsigned shape)
{
    static char plan[4096];
    struct qpy__buf sql;
    qpy__buf_init(&sql, 65536);
    qpy__buf_text(&sql, "EXPLAIN QUERY PLAN ");
    qpy__sqlite_query_sql(shape, &sql);
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql.data, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sqlite3_errmsg(db), sql.data);
    plan[0] = '\0';
    while (sqlite3_step(statement) == SQLITE_ROW) {
        size_t length = strlen(plan);
        snprintf(plan + length, sizeof plan - length, "%s; ",
                 (const char *)sqlite3_column_text(statement, 3));
    }
    sqlite3_finalize(statement);
    qpy__buf_done(&sql);
    return plan;
}

static void uses_an_index_for_every_question(void **state)
{
    (void)state;
    static const struct {
        unsigned shape;
        const char *has;
        const char *has_not;
    } cases[] = {
        {0, "INDEX qntxpy_attestations_order", "TEMP B-TREE"},
        {1, "INDEX qntxpy_attestations_order", "TEMP B-TREE"},
        {QPY__SHAPE_IDS, "SEARCH t USING INDEX sqlite_autoindex_attestations_1", "SCAN t"},
        {QPY__SHAPE_IDS | 3, "SEARCH t USING INDEX sqlite_autoindex_attestations_1", "SCAN t"},
        {1 | QPY__SHAPE_DRIVER, "attestation_subjects USING INDEX idx_junc_subject (", "SCAN t"},
        {1 | QPY__SHAPE_DRIVER, "SEARCH t USING INDEX sqlite_autoindex_attestations_1", "SCAN t"},
        {2 | 2 * QPY__SHAPE_DRIVER, "idx_junc_predicate (", "SCAN t"},
        {4 | 3 * QPY__SHAPE_DRIVER | QPY__SHAPE_QUEUED, "idx_junc_context (", "SCAN t"},
        {1 | QPY__SHAPE_DRIVER | QPY__SHAPE_QUEUED, "SCAN q; SEARCH a USING", "SCAN a"},
        {8 | 4 * QPY__SHAPE_DRIVER, "idx_junc_actor", "SCAN t"},
        {15 | QPY__SHAPE_DRIVER | QPY__SHAPE_SINCE, "idx_junc_subject (", "SCAN t"},
        {QPY__SHAPE_SINCE, "INDEX idx_attestations_timestamp", "SCAN t"},
        {QPY__SHAPE_UNTIL, "INDEX idx_attestations_timestamp", "SCAN t"},
        {QPY__SHAPE_SINCE | QPY__SHAPE_UNTIL, "INDEX idx_attestations_timestamp", "SCAN t"},
        {QPY__SHAPE_PROBE | 1, "idx_junc_subject (", "SCAN attestation"},
        {QPY__SHAPE_PROBE | 8, "idx_junc_actor", "SCAN attestation"},
    };
    qpy_store_close(open_store());
    sqlite3 *db = connect_other();
    assert_int_equal(qpy__sqlite_functions(db), SQLITE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *plan = plan_of(db, cases[i].shape);
        if (!strstr(plan, cases[i].has) || strstr(plan, cases[i].has_not))
            fail_msg("shape %#x: %s", cases[i].shape, plan);
    }
    sqlite3_close(db);
}

/* ---- Times ----------------------------------------------------------------------------------- */

static void reads_every_format_of_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_ms;
    } sound[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1969-12-31 23:59:59.999+00:00", -1},
        {"2026-01-29T10:00:00.123+00:00", 1769680800123},
        {"2026-01-29T10:00:00.123456789-05:00", 1769698800123},
        {"2026-01-29 10:00:00", 1769680800000},
        {"2026-01-29 10:00:00.5 +0530", 1769661000500},
        {"2026-01-29 10:00", 1769680800000},
        {"2026-01-29t10:00:00z", 1769680800000},
        {"2026-01-29", 1769644800000},
        {"2024-02-29T23:59:60Z", 1709251200000},
        {"0001-01-01T00:00:00Z", -62135596800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2000-03-01T00:00:00Z", 951868800000},
        {"1900-03-01T00:00:00Z", -2203891200000},
    };
    static const char *const bad[] = {
        "",
        "now",
        "2026",
        "2026-1-29",
        "2026-13-01",
        "2026-01-32",
        "2026-01-00",
        "2026-01-29T",
        "2026-01-29T25:00:00Z",
        "2026-01-29T10:60:00Z",
        "2026-01-29T10:00:00.Z",
        "2026-01-29T10:00:00Zx",
        "2026-01-29T10:00:00+5",
        "2026-01-29T10:00:00 CET",
        "2026-01-29x",
        "-026-01-29",
        "2026-01-29T10:00:00+05:0",
    };
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) {
        int64_t unix_ms = 42;
        if (!qpy__time_from_text(sound[i].text, &unix_ms) || unix_ms != sound[i].unix_ms)
            fail_msg("'%s' is %lld", sound[i].text, (long long)unix_ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t unix_ms;
        if (qpy__time_from_text(bad[i], &unix_ms))
            fail_msg("'%s' is %lld", bad[i], (long long)unix_ms);
    }
    assert_int_equal(qpy__time_from_number(1700000000), 1700000000000);
    assert_int_equal(qpy__time_from_number(1700000000123), 1700000000123);
}

/* Rows of both generations, ours, and plain numbers: one order for all. */
static void orders_times_of_every_format(void **state)
{
    (void)state;
    qpy_store *store = open_store();
    qpy_attestation ours = sample("3");
    ours.created_at_ms = 1769680800500;
    put(store, ours);
    run_once("INSERT INTO attestations SELECT 'x'||value,'[\"s\"]','[\"p\"]','[\"c\"]','[\"a\"]',"
             "'2026-01-29T10:00:00Z','s',NULL,NULL FROM json_each('[1,2,4,5,6]');"
             "UPDATE attestations SET created_at='2026-01-29 10:00:00.25+00:00' WHERE id='x2';"
             "UPDATE attestations SET created_at=1769680800100 WHERE id='x1';"
             "UPDATE attestations SET created_at='2026-01-29T12:00:00.6+02:00' WHERE id='x4';"
             "UPDATE attestations SET created_at=1769680801 WHERE id='x5';"
             "UPDATE attestations SET created_at='2026-01-29 05:00:02-05:00' WHERE id='x6'");
    assert_answer(store, NULL, "x6 x5 x4 3 x2 x1");
    assert_answer(store, FILTER(.limit = 2), "x6 x5");
    assert_answer(store, FILTER(.subjects = LIST("s", "subject")), "x6 x5 x4 3 x2 x1");
    qpy_store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_is_in_a_database_of_older_qntx),
        TEST(finds_what_older_qntx_inserts_meanwhile),
        TEST(survives_what_other_programs_write),
        TEST(leaves_a_database_of_newer_qntx_as_it_is),
        TEST(survives_an_upgrade_of_qntx),
        TEST(upgrades_of_qntx_work_on_a_closed_database),
        TEST(reads_only),
        TEST(reads_a_database_of_older_qntx),
        TEST(does_not_create_when_reading),
        TEST(refuses_databases_of_others),
        TEST(refuses_databases_of_a_newer_version),
        TEST(refuses_what_is_no_database),
        TEST(reports_a_truncated_database),
        TEST(reports_paths_that_cannot_be_opened),
        TEST(takes_every_path_literally),
        TEST(refuses_bad_arguments),
        TEST(waits_no_longer_than_told),
        TEST(reports_a_lock_when_opening),
        TEST(queries_do_not_block_writers),
        TEST(works_again_after_a_full_disk),
        TEST(stores_what_fits_on_a_full_disk),
        TEST(waits_for_the_disk),
        TEST(serves_several_processes),
        TEST(keeps_what_it_promised_when_killed),
        TEST(uses_an_index_for_every_question),
        TEST(orders_times_of_every_format),
        cmocka_unit_test(reads_every_format_of_time),
    };
    return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
