/* The table of status codes: complete, in order, and without repetition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <qntxpy/store.h>
#include <qntxpy/version.h>

static const struct row {
    const char *name;
    int number;
    const char *text, *cause, *outcome, *remedy;
} rows[] = {
#define ROW(name, number, text, cause, outcome, remedy)                                            \
    {"QPY_" #name, number, text, cause, outcome, remedy},
    QPY_STATUS_MAP(ROW)
#undef ROW
};

#define ROWS (sizeof rows / sizeof *rows)

static void names_every_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        assert_string_equal(qpy_status_name((qpy_status)rows[i].number), rows[i].name);
        assert_string_equal(qpy_status_text((qpy_status)rows[i].number), rows[i].text);
    }
    assert_string_equal(qpy_status_name((qpy_status)12345), "QPY_E_UNKNOWN");
    assert_string_equal(qpy_status_text((qpy_status)12345), "unknown status");
    assert_int_equal(QPY_OK, 0);
    assert_int_equal(QPY_E_ARGUMENT, 100);
}

/* Numbers only ever grow: a code that was published is never given to something else. */
static void uses_every_number_once(void **state)
{
    (void)state;
    for (size_t i = 1; i < ROWS; i++)
        assert_true(rows[i - 1].number < rows[i].number);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(rows[i].text, rows[j].text);
}

static void explains_every_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const char *const texts[] = {rows[i].cause, rows[i].outcome, rows[i].remedy};
        for (int j = 0; j < 3; j++) {
            size_t length = strlen(texts[j]);
            assert_true(length > 0);
            assert_int_equal(texts[j][length - 1], '.');
        }
    }
}

static void knows_its_version(void **state)
{
    (void)state;
    assert_string_not_equal(qpy_version(), "");
    qpy_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_status),
        cmocka_unit_test(uses_every_number_once),
        cmocka_unit_test(explains_every_status),
        cmocka_unit_test(knows_its_version),
    };
    return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
