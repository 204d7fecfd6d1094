/* UTF-8: the edges of what is well formed, and where to cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"

static void knows_what_is_well_formed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t valid;
    } cases[] = {
        {"", 0},
        {"ascii \x01\x7f", 8},
        {"\xC2\x80", 2},
        {"\xDF\xBF", 2},
        {"\xE0\xA0\x80", 3},
        {"\xED\x9F\xBF", 3},
        {"\xEE\x80\x80", 3},
        {"\xEF\xBF\xBF", 3},
        {"\xF0\x90\x80\x80", 4},
        {"\xF4\x8F\xBF\xBF", 4},
        {"a\x80", 1},
        {"a\xC0\x80", 1},
        {"a\xC1\xBF", 1},
        {"a\xC3(", 1},
        {"a\xE0\x9F\xBF", 1},
        {"a\xED\xA0\x80", 1},
        {"a\xED\xBF\xBF", 1},
        {"a\xE2\x82", 1},
        {"a\xE2(\x82", 1},
        {"a\xF0\x8F\xBF\xBF", 1},
        {"a\xF4\x90\x80\x80", 1},
        {"a\xF5\x80\x80\x80", 1},
        {"a\xF0\x9D\x84", 1},
        {"a\xFF", 1},
        {"\xC3\xA9\xC3", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(qpy__utf8_valid_prefix(cases[i].text, strlen(cases[i].text)),
                         cases[i].valid);
    assert_int_equal(qpy__utf8_valid_prefix("a\0b", 3), 3);
    assert_int_equal(qpy__utf8_valid_prefix("\xE2\x82\xAC", 2), 0);
}

static void cuts_between_characters(void **state)
{
    (void)state;
    static const struct {
        size_t offset, floor;
    } cases[] = {{0, 0}, {1, 1}, {2, 1}, {3, 3}, {4, 3}, {5, 3}, {6, 6}, {7, 6}, {9, 6}, {10, 10}};
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(qpy__utf8_floor(text, cases[i].offset), cases[i].floor);
    /* Not UTF-8: there is no better place. */
    assert_int_equal(qpy__utf8_floor("\x80\x80\x80\x80\x80", 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_is_well_formed),
        cmocka_unit_test(cuts_between_characters),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
