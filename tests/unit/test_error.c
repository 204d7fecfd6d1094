/* Errors: what is filled in, and how a long message is cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/error.h"
#include "core/options.h"
#include "core/utf8.h"

static void fills_in_status_and_message(void **state)
{
    (void)state;
    qpy_error error = {QPY_OK, "old", "old hint"};
    assert_int_equal(qpy__error(&error, QPY_E_LIMIT, "%s is %d", "size", 7), QPY_E_LIMIT);
    assert_int_equal(error.status, QPY_E_LIMIT);
    assert_string_equal(error.message, "size is 7");
    assert_string_equal(error.hint, "");
    qpy__error_hint(&error, "at most %d", 5);
    assert_int_equal(error.status, QPY_E_LIMIT);
    assert_string_equal(error.message, "size is 7");
    assert_string_equal(error.hint, "at most 5");
}

static void does_without_an_error(void **state)
{
    (void)state;
    assert_int_equal(qpy__error(NULL, QPY_E_STATE, "%d", 1), QPY_E_STATE);
    assert_int_equal(qpy__error_memory(NULL, "a thing"), QPY_E_NO_MEMORY);
    assert_int_equal(qpy__error_system(NULL, "opening", ENOENT), QPY_E_SYSTEM);
    qpy__error_hint(NULL, "%d", 1);
}

static void names_what_failed(void **state)
{
    (void)state;
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy__error_memory(&error, "a thing"), QPY_E_NO_MEMORY);
    assert_string_equal(error.message, "out of memory while allocating a thing");
    assert_int_equal(qpy__error_system(&error, "cannot open x", ENOENT), QPY_E_SYSTEM);
    assert_string_equal(error.message, "cannot open x: No such file or directory");
}

/* Three bytes per character: most limits fall inside one. */
static void cuts_long_texts_between_characters(void **state)
{
    (void)state;
    char text[3001];
    for (size_t i = 0; i < 3000; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    text[3000] = '\0';
    for (int shift = 0; shift < 3; shift++) {
        qpy_error error = QPY_ERROR_INIT;
        (void)!qpy__error(&error, QPY_E_LIMIT, "%.*s%s", shift, "ab", text);
        qpy__error_hint(&error, "%.*s%s", shift, "ab", text);
        size_t length = strlen(error.message);
        assert_in_range(length, sizeof error.message - 3, sizeof error.message - 1);
        assert_int_equal(qpy__utf8_valid_prefix(error.message, length), length);
        length = strlen(error.hint);
        assert_in_range(length, sizeof error.hint - 3, sizeof error.hint - 1);
        assert_int_equal(qpy__utf8_valid_prefix(error.hint, length), length);
    }
}

static void keeps_texts_that_just_fit(void **state)
{
    (void)state;
    qpy_error error = QPY_ERROR_INIT;
    char text[sizeof error.message];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)!qpy__error(&error, QPY_E_LIMIT, "%s", text);
    assert_string_equal(error.message, text);
}

struct options {
    size_t size;
    int known;
    int newer[4];
};

static void checks_the_size_of_options(void **state)
{
    (void)state;
    size_t known = offsetof(struct options, newer);
    struct options options = {.size = known};
    qpy_error error = QPY_ERROR_INIT;
    assert_int_equal(qpy__options_check("options", &options, options.size, known, NULL), QPY_OK);
    options.size = sizeof options;
    assert_int_equal(qpy__options_check("options", &options, options.size, known, NULL), QPY_OK);
    options.newer[3] = 1;
    assert_int_equal(qpy__options_check("options", &options, options.size, known, &error),
                     QPY_E_OPTIONS);
    assert_non_null(strstr(error.message, "options: comes from a newer header"));
    assert_int_equal(qpy__options_check("options", &options, 0, known, &error), QPY_E_OPTIONS);
    assert_non_null(strstr(error.message, "was it initialised?"));
    assert_int_equal(qpy__options_check("options", &options, known - 1, known, NULL),
                     QPY_E_OPTIONS);
    assert_int_equal(qpy__options_check("options", &options, SIZE_MAX, known, NULL), QPY_E_OPTIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_status_and_message),
        cmocka_unit_test(does_without_an_error),
        cmocka_unit_test(names_what_failed),
        cmocka_unit_test(cuts_long_texts_between_characters),
        cmocka_unit_test(keeps_texts_that_just_fit),
        cmocka_unit_test(checks_the_size_of_options),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
