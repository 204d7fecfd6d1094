/* What each CPython version gets: GIL mode, locks, blocked and refused modules, and refusals. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include <qntxpy/engine.h>

#include "interp/gate.h"

/* As Py_Version of a final release. */
#define V(minor, micro) ((3UL << 24) | ((unsigned long)(minor) << 16) | ((micro) << 8) | 0xF0)

static bool has(const char *const *list, const char *name)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* ---- What the host gets when it leaves the choice to us ------------------------------------------ */

struct row_case {
    unsigned long version;
    bool own;
    bool create_lock;
    bool ticker;
    bool asyncio_blocked;
    bool datetime_blocked;
    bool datetime_preimported;
    const char *leak; /* a part of the note, or NULL */
};

static const struct row_case rows[] = {
    {V(11, 0), false, false, true, true, true, false, NULL},
    {V(11, 2), false, false, true, true, true, false, NULL},
    {V(11, 99), false, false, true, true, true, false, NULL},
    {V(12, 0), false, true, true, false, true, true, "90 KB"},
    {V(12, 7), false, true, true, false, true, true, "90 KB"},
    {V(12, 8), false, true, true, false, true, true, NULL},
    {V(12, 99), false, true, true, false, true, true, NULL},
    {V(13, 0), false, false, false, false, false, true, "120 KB"},
    {V(13, 1), false, false, false, false, false, true, NULL},
    {V(13, 18), false, false, false, false, false, true, NULL},
    {V(14, 0), false, false, false, false, false, true, NULL},
    {V(14, 1), true, false, false, false, false, false, NULL},
    {V(14, 10), true, false, false, false, false, false, NULL},
    {V(15, 2), true, false, false, false, false, false, NULL},
    {V(16, 0), true, false, false, false, false, false, NULL},
};

static void test_each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row_case *row = &rows[i];
        struct qpy__gate gate;
        assert_int_equal(qpy__gate_choose(row->version, QPY_GIL_AUTO, &gate, NULL), QPY_OK);
        assert_int_equal(gate.own_gil, row->own);
        assert_int_equal(gate.create_lock, row->create_lock);
        assert_int_equal(gate.ticker, row->ticker);
        assert_int_equal(has(gate.blocked, "_asyncio"), row->asyncio_blocked);
        assert_int_equal(has(gate.blocked, "_datetime"), row->datetime_blocked);
        assert_int_equal(has(gate.preimported, "datetime"), row->datetime_preimported);
        assert_int_equal(gate.leak_note != NULL, row->leak != NULL);
        if (row->leak)
            assert_non_null(strstr(gate.leak_note, row->leak));
        assert_non_null(strstr(gate.gil_reason, "CPython 3."));
    }
}

/* Nothing that is blocked may be imported into the main interpreter for everybody's sake. */
static void test_lists_are_consistent(void **state)
{
    (void)state;
    static const int wishes[] = {QPY_GIL_AUTO, QPY_GIL_OWN, QPY_GIL_SHARED};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t j = 0; j < 3; j++) {
            struct qpy__gate gate;
            if (qpy__gate_choose(rows[i].version, wishes[j], &gate, NULL) != QPY_OK)
                continue;
            for (const char *const *name = gate.blocked; *name; name++)
                assert_false(has(gate.refused, *name) || has(gate.preimported, *name));
            assert_true(has(gate.refused, "numpy"));
            assert_true(!gate.own_gil || !gate.ticker);
            assert_non_null(gate.gil_reason);
            assert_non_null(gate.blocked_reason);
        }
}

/* ---- Wishes ------------------------------------------------------------------------------------- */

static void test_own_is_possible_from_3_12_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct qpy__gate gate;
        qpy_error error = QPY_ERROR_INIT;
        qpy_status status = qpy__gate_choose(rows[i].version, QPY_GIL_OWN, &gate, &error);
        if (rows[i].version < V(12, 0)) {
            assert_int_equal(status, QPY_E_UNSUPPORTED);
            assert_string_equal(error.message,
                                "gil = own needs CPython 3.12 or later; this is 3.11");
            continue;
        }
        assert_int_equal(status, QPY_OK);
        assert_true(gate.own_gil);
        assert_false(gate.ticker);
        assert_null(gate.blocked[0]);
        assert_string_equal(gate.gil_reason, "asked for by the host");
        /* Who asks for it on a version that leaks is told. */
        assert_int_equal(gate.leak_note != NULL, rows[i].version < V(14, 1));
    }
}

static void test_shared_is_always_possible(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct qpy__gate gate;
        assert_int_equal(qpy__gate_choose(rows[i].version, QPY_GIL_SHARED, &gate, NULL), QPY_OK);
        assert_false(gate.own_gil);
        assert_int_equal(gate.ticker, rows[i].version < V(13, 0));
        assert_string_equal(gate.gil_reason, "asked for by the host");
    }
}

/* ---- Refusals ----------------------------------------------------------------------------------- */

static void test_versions_that_are_not_supported(void **state)
{
    (void)state;
    static const struct {
        unsigned long version;
        const char *name;
    } cases[] = {
        {V(10, 14), "3.10"}, {(2UL << 24) | (7 << 16), "2.7"}, {4UL << 24, "4.0"}, {0, "0.0"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qpy__gate gate;
        qpy_error error = QPY_ERROR_INIT;
        assert_int_equal(qpy__gate_choose(cases[i].version, QPY_GIL_AUTO, &gate, &error),
                         QPY_E_UNSUPPORTED);
        assert_non_null(strstr(error.message, cases[i].name));
        assert_non_null(strstr(error.message, "3.11 and later"));
        assert_int_equal(qpy__gate_choose(cases[i].version, QPY_GIL_SHARED, &gate, NULL),
                         QPY_E_UNSUPPORTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row),
        cmocka_unit_test(test_lists_are_consistent),
        cmocka_unit_test(test_own_is_possible_from_3_12_on),
        cmocka_unit_test(test_shared_is_always_possible),
        cmocka_unit_test(test_versions_that_are_not_supported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
