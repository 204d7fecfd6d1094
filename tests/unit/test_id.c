/* Ids: the form that QNTX's own examples give, and that no two are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include <qntxpy/store.h>

#define SUFFIX 8

static const char *id_of(const char *prefix, const char *first, const char *second,
                         const char *third)
{
    static char id[48];
    qpy_error error = QPY_ERROR_INIT;
    if (qpy_id_new(prefix, first, second, third, id, &error) != QPY_OK)
        fail_msg("%s", error.message);
    return id;
}

/* The first segment that `seed` gives; the rest of the id is checked on the way. */
static const char *segment_of(const char *seed)
{
    static char segment[48];
    const char *id = id_of("AS", seed, NULL, "_");
    assert_memory_equal(id, "AS-", 3);
    size_t length = strlen(id) - 3 - 3 - SUFFIX;
    assert_memory_equal(id + 3 + length, "---", 3);
    assert_int_equal(strspn(id + strlen(id) - SUFFIX, "23456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                     SUFFIX);
    memcpy(segment, id + 3, length);
    segment[length] = '\0';
    return segment;
}

static void cleans_seeds(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *segment;
    } cases[] = {
        {"Alice", "ALICE"},
        {"hello, world!", "HELOWORL"},
        {"M\xC3\xBCller", "MULER"},
        {"Stra\xC3\x9F"
         "e",
         "STRASE"},
        {"\xC3\x86gir", "AEGIR"},
        {"\xC5\x93uvre", "OEUVRE"},
        {"Mu\xCC\x88ller", "MULER"},
        {"\xC5\x81\xC3\xB3"
         "d\xC5\xBA",
         "ODZ"},
        {"\xD0\x9C\xD0\xBE\xD1\x81kva", "KVA"},
        {"\xE6\x9D\xB1\xE4\xBA\xAC", ""},
        {"\xF0\x9F\x98\x80ok", "OK"},
        {"bad \xFF\xC3 utf8", "BADUTF8"},
        {"ends badly \xC3", "ENDSBADL"},
        {"aaBBcc", "ABC"},
        {"BBBOB", "BOB"},
        {"a--a", "A"},
        {"007Bond", "BOND"},
        {"42", ""},
        {"1\xC2\xBD"
         "a",
         "A"},
        {"x\xC2\xBC", "XI4"},
        {"j0hn", "JOHN"},
        {"a1ice", "AIICE"},
        {"o0o", "OOO"},
        {"100%", ""},
        {"", ""},
        {"_", ""},
        {NULL, ""},
        {"also_a_very_long_predicate", "ALSOAVER"},
        {"handler.script:v2", "HANDLERS"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(segment_of(cases[i].seed), cases[i].segment);
}

static void joins_three_segments(void **state)
{
    (void)state;
    const char *id = id_of("JB", "python.script", "process", "csv");
    assert_memory_equal(id, "JB-PYTHONSC-PROCES-CSV-", 23);
    assert_int_equal(strlen(id), 23 + SUFFIX);
    id = id_of("ZZ", "abcdefghij", "abcdefghij", "abcdefghij");
    assert_int_equal(strlen(id), 38);
}

static void refuses_other_prefixes(void **state)
{
    (void)state;
    static const char *const prefixes[] = {NULL, "", "A", "ABC", "as", "A1", "\xC3\x84"};
    char id[48] = "untouched";
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        qpy_error error = QPY_ERROR_INIT;
        assert_int_equal(qpy_id_new(prefixes[i], "a", "b", "c", id, &error), QPY_E_ARGUMENT);
        assert_non_null(strstr(error.message, prefixes[i] ? prefixes[i] : "NULL"));
        assert_string_equal(id, "untouched");
    }
    assert_int_equal(qpy_id_new("AS", "a", "b", "c", NULL, NULL), QPY_E_ARGUMENT);
}

#define EACH 20000
#define THREADS 4

static char ids[THREADS * EACH][48];

static void *draw(void *argument)
{
    char(*mine)[48] = argument;
    for (int i = 0; i < EACH; i++)
        if (qpy_id_new("AS", NULL, NULL, NULL, mine[i], NULL) != QPY_OK)
            return NULL;
    return argument;
}

static int compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

static void draws_no_id_twice(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw, ids[i * EACH]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    qsort(ids, THREADS * EACH, sizeof *ids, compare);
    for (int i = 1; i < THREADS * EACH; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

/* Each of the 34 characters comes up at each place: 256 values over 34 characters, 7 or 8 each. */
static void uses_the_whole_alphabet(void **state)
{
    (void)state;
    unsigned counts[SUFFIX][128] = {0};
    for (int i = 0; i < EACH; i++) {
        const char *id = id_of("AS", NULL, NULL, NULL);
        for (int at = 0; at < SUFFIX; at++)
            counts[at][(unsigned char)id[6 + at] & 127]++;
    }
    for (int at = 0; at < SUFFIX; at++)
        for (const char *c = "23456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"; *c; c++)
            assert_in_range(counts[at][(unsigned char)*c], EACH / 34 / 2, EACH / 34 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans_seeds),
        cmocka_unit_test(joins_three_segments),
        cmocka_unit_test(refuses_other_prefixes),
        cmocka_unit_test(draws_no_id_twice),
        cmocka_unit_test(uses_the_whole_alphabet),
    };
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
