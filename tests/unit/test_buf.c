/* Buffers: growth, the maximum, and JSON strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"

static void grows_as_needed(void **state)
{
    (void)state;
    struct qpy__buf buf;
    qpy__buf_init(&buf, 100000);
    assert_null(buf.data);
    for (int i = 0; i < 10000; i++)
        qpy__buf_format(&buf, "%d,", i % 10);
    assert_int_equal(buf.failed, QPY__BUF_SOUND);
    assert_int_equal(buf.length, 20000);
    assert_int_equal(strlen(buf.data), 20000);
    assert_memory_equal(buf.data + 19990, "5,6,7,8,9,", 10);
    qpy__buf_done(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.maximum, 100000);
}

static void ends_with_a_terminator(void **state)
{
    (void)state;
    struct qpy__buf buf;
    qpy__buf_init(&buf, 16);
    qpy__buf_char(&buf, 'a');
    assert_string_equal(buf.data, "a");
    qpy__buf_text(&buf, "");
    qpy__buf_add(&buf, "bcd", 2);
    assert_string_equal(buf.data, "abc");
    qpy__buf_add(&buf, "\0x", 2);
    assert_int_equal(buf.length, 5);
    assert_memory_equal(buf.data, "abc\0x", 6);
    qpy__buf_done(&buf);
}

static void keeps_to_its_maximum(void **state)
{
    (void)state;
    struct qpy__buf buf;
    qpy__buf_init(&buf, 4);
    qpy__buf_text(&buf, "1234");
    assert_int_equal(buf.failed, QPY__BUF_SOUND);
    qpy__buf_char(&buf, '5');
    assert_int_equal(buf.failed, QPY__BUF_TOO_BIG);
    assert_string_equal(buf.data, "1234");
    qpy__buf_text(&buf, "");
    assert_int_equal(buf.failed, QPY__BUF_TOO_BIG);
    assert_null(qpy__buf_take(&buf));
    assert_null(buf.data);

    qpy__buf_init(&buf, 4);
    qpy__buf_format(&buf, "%d", 12345);
    assert_int_equal(buf.failed, QPY__BUF_TOO_BIG);
    qpy__buf_done(&buf);
    assert_int_equal(buf.failed, QPY__BUF_SOUND);
}

static void hands_over_its_text(void **state)
{
    (void)state;
    struct qpy__buf buf;
    qpy__buf_init(&buf, 16);
    char *text = qpy__buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
    qpy__buf_text(&buf, "text");
    text = qpy__buf_take(&buf);
    assert_string_equal(text, "text");
    assert_null(buf.data);
    assert_int_equal(buf.length, 0);
    free(text);
}

static void writes_json_strings(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
        {"\xC3\xA9\xF0\x9D\x84\x9E", "\"\xC3\xA9\xF0\x9D\x84\x9E\""},
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"\xC3", "\"\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {NULL, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct qpy__buf buf;
        qpy__buf_init(&buf, 100);
        qpy__buf_json_text(&buf, cases[i].text);
        assert_string_equal(buf.data, cases[i].json);
        qpy__buf_done(&buf);
    }
    struct qpy__buf buf;
    qpy__buf_init(&buf, 100);
    qpy__buf_json_string(&buf, "a\0b", 3);
    assert_string_equal(buf.data, "\"a\\u0000b\"");
    qpy__buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_as_needed),      cmocka_unit_test(ends_with_a_terminator),
        cmocka_unit_test(keeps_to_its_maximum), cmocka_unit_test(hands_over_its_text),
        cmocka_unit_test(writes_json_strings),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
