/* The size tag of structs that hosts fill in: older, newer and uninitialised ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/options.h"

/* A struct as a newer header might have it. */
struct newer {
    size_t size;
    int known;
    int unknown[4];
};

#define KNOWN offsetof(struct newer, unknown)

static qpy_status check(const struct newer *options, size_t size, qpy_error *error)
{
    return qpy__options_check("qpy_thing", options, size, KNOWN, error);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        qpy_status status;
        const char *message; /* a part of it */
    } cases[] = {
        {KNOWN, QPY_OK, NULL},
        {sizeof(struct newer), QPY_OK, NULL},
        {0, QPY_E_OPTIONS, "qpy_thing: size is 0, but this library knows"},
        {1, QPY_E_OPTIONS, "size is 1,"},
        {KNOWN - 1, QPY_E_OPTIONS, "was it initialised?"},
        {65537, QPY_E_OPTIONS, "size is 65537,"},
        {(size_t)-1, QPY_E_OPTIONS, "qpy_thing: size is 18446744073709551615,"},
    };
    struct newer options = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        qpy_error error = QPY_ERROR_INIT;
        assert_int_equal(check(&options, cases[i].size, &error), cases[i].status);
        assert_int_equal(error.status, cases[i].status);
        if (cases[i].message)
            assert_non_null(strstr(error.message, cases[i].message));
        assert_int_equal(check(&options, cases[i].size, NULL), cases[i].status);
    }
}

/* What we do not know may be there, as long as nobody asks for it. */
static void test_unknown_members(void **state)
{
    (void)state;
    struct newer options = {.size = sizeof options};
    for (size_t i = 0; i < 4; i++) {
        options.unknown[i] = 7;
        qpy_error error = QPY_ERROR_INIT;
        assert_int_equal(check(&options, sizeof options, &error), QPY_E_OPTIONS);
        char place[40];
        snprintf(place, sizeof place, "offset %zu ", KNOWN + i * sizeof(int));
        assert_non_null(strstr(error.message, place));
        assert_non_null(strstr(error.message, "newer header"));
        assert_int_equal(check(&options, KNOWN, NULL), QPY_OK);
        options.unknown[i] = 0;
        assert_int_equal(check(&options, sizeof options, NULL), QPY_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_unknown_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
