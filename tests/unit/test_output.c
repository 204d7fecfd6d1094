/* Bounded output of a job: what of it is kept, what is counted, and where characters are cut. */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/output.h"
#include "core/utf8.h"

/* ---- Helpers ------------------------------------------------------------------------------------ */

/* Read into malloc'd text. */
static char *read_all(struct qpy__output *output, uint64_t *ret_dropped)
{
    struct qpy__buf buf;
    qpy__buf_init(&buf, 1 << 24);
    qpy__output_read(output, &buf, ret_dropped);
    char *text = qpy__buf_take(&buf);
    assert_non_null(text);
    return text;
}

static void write_text(struct qpy__output *output, const char *text)
{
    qpy__output_write(output, text, strlen(text));
}

/* ---- What is kept ------------------------------------------------------------------------------- */

struct keep_case {
    const char *name;
    size_t limit;
    const char *writes[6];
    const char *kept;
    uint64_t dropped;
};

#define DROPPED(n) "\n[... " #n " bytes dropped ...]\n"

static const struct keep_case keep_cases[] = {
    {"nothing written", 10, {NULL}, "", 0},
    {"an empty write", 10, {"", "a", ""}, "a", 0},
    {"less than the limit", 10, {"abc", "def"}, "abcdef", 0},
    {"exactly the limit", 10, {"0123456789"}, "0123456789", 0},
    {"exactly the limit in pieces", 10, {"01", "2345", "6789"}, "0123456789", 0},
    {"one over", 10, {"0123456789A"}, "01234" DROPPED(1) "6789A", 1},
    {"one over in pieces", 10, {"0123456789", "A"}, "01234" DROPPED(1) "6789A", 1},
    {"odd limit: the head has the odd byte", 7, {"abcdefghij"}, "abcd" DROPPED(3) "hij", 3},
    {"tail wraps", 8, {"abcd", "ef", "ghi", "jkl"}, "abcd" DROPPED(4) "ijkl", 4},
    {"a write larger than the tail", 8, {"abcd", "e", "fghijklmn"}, "abcd" DROPPED(6) "klmn", 6},
    {"limit 0", 0, {"abc"}, DROPPED(3), 3},
    {"limit 0 and nothing", 0, {""}, "", 0},
    {"limit 1", 1, {"abc"}, "a" DROPPED(2), 2},
    {"limit 1, exactly", 1, {"a"}, "a", 0},
    {"limit 1, in pieces", 1, {"a", "b", "c"}, "a" DROPPED(2), 2},
    {"limit 2", 2, {"abcd"}, "a" DROPPED(2) "d", 2},
    {"limit 3", 3, {"ab", "cde"}, "ab" DROPPED(2) "e", 2},
    /* Characters are not split: e-acute is two bytes, euro three, the clef four. */
    {"two bytes over the head's end", 6, {"ab\u00e9cdefg"}, "ab" DROPPED(4) "efg", 4},
    {"two bytes up to the head's end", 6, {"a\u00e9cdefg"}, "a\u00e9" DROPPED(2) "efg", 2},
    {"three bytes over the head's end", 8, {"abc\u20acdefghi"}, "abc" DROPPED(5) "fghi", 5},
    {"four bytes over the head's end", 8, {"a\U0001d11ebcdefg"}, "a" DROPPED(6) "defg", 6},
    {"what does not fit the head is in the tail", 8, {"abc\u20acd"}, "abc\u20acd", 0},
    {"the tail begins with a whole character", 8, {"abcdx\u20acyz"}, "abcd" DROPPED(4) "yz", 4},
    {"the tail begins in a long character", 8, {"abcd\U0001d11exyz"}, "abcd" DROPPED(4) "xyz", 4},
    {"a character larger than the limit", 2, {"\U0001d11e"}, DROPPED(4), 4},
    {"only a character's rest in the tail", 4, {"ab\U0001d11e"}, "ab" DROPPED(4), 4},
};

static void test_what_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keep_cases / sizeof keep_cases[0]; i++) {
        const struct keep_case *c = &keep_cases[i];
        struct qpy__output output;
        qpy__output_init(&output, c->limit);
        for (int j = 0; j < 6 && c->writes[j]; j++)
            write_text(&output, c->writes[j]);
        uint64_t dropped = 99;
        char *text = read_all(&output, &dropped);
        if (strcmp(text, c->kept) != 0 || dropped != c->dropped)
            fail_msg("%s: got '%s' (%d dropped), not '%s' (%d)", c->name, text, (int)dropped,
                     c->kept, (int)c->dropped);
        free(text);
        qpy__output_done(&output);
    }
}

/* ---- Every limit, every size of writes, against a plain model ------------------------------------ */

static void check_bounds(size_t limit, size_t piece, const char *all, size_t length)
{
    struct qpy__output output;
    qpy__output_init(&output, limit);
    for (size_t at = 0; at < length; at += piece)
        qpy__output_write(&output, all + at, at + piece < length ? piece : length - at);
    uint64_t dropped;
    char *text = read_all(&output, &dropped);
    const char *mark = strstr(text, "\n[... ");
    size_t head = mark ? (size_t)(mark - text) : strlen(text);
    size_t tail = 0;
    if (mark) {
        const char *rest = strchr(mark + 1, '\n') + 1;
        tail = strlen(rest);
        assert_memory_equal(rest, all + length - tail, tail);
        assert_int_equal(qpy__utf8_valid_prefix(rest, tail), tail);
    }
    assert_memory_equal(text, all, head);
    assert_int_equal(qpy__utf8_valid_prefix(text, head), head);
    assert_int_equal(head + tail + dropped, length);
    assert_true(head + tail <= limit);
    assert_true(dropped == 0 ? length <= limit : head + tail + 6 >= limit);
    free(text);
    qpy__output_done(&output);
}

static void test_every_limit_and_size(void **state)
{
    (void)state;
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char wide[] = "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac";
    for (size_t limit = 0; limit <= 40; limit++) {
        for (size_t piece = 1; piece <= sizeof plain; piece++)
            check_bounds(limit, piece, plain, sizeof plain - 1);
        for (size_t piece = 3; piece <= sizeof wide; piece += 3)
            check_bounds(limit, piece, wide, sizeof wide - 1);
    }
}

/* ---- Bytes that are no characters ----------------------------------------------------------------- */

/* Through sys.stdout.buffer any bytes may come: they are kept as they are, up to the cuts. */
static void test_any_bytes(void **state)
{
    (void)state;
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    for (size_t limit = 0; limit < 300; limit += 7) {
        struct qpy__output output;
        qpy__output_init(&output, limit);
        qpy__output_write(&output, bytes, sizeof bytes);
        struct qpy__buf buf;
        qpy__buf_init(&buf, 1000);
        uint64_t dropped;
        qpy__output_read(&output, &buf, &dropped);
        assert_int_equal(buf.failed, QPY__BUF_SOUND);
        if (limit >= sizeof bytes) {
            assert_int_equal(buf.length, sizeof bytes);
            assert_memory_equal(buf.data, bytes, sizeof bytes);
        } else {
            assert_true(dropped >= sizeof bytes - limit);
        }
        qpy__buf_done(&buf);
        qpy__output_done(&output);
    }
}

static void test_a_character_in_two_writes(void **state)
{
    (void)state;
    struct qpy__output output;
    qpy__output_init(&output, 10);
    qpy__output_write(&output, "abcd\xE2\x82", 6);
    qpy__output_write(&output, "\xAC", 1);
    write_text(&output, "z");
    uint64_t dropped;
    char *text = read_all(&output, &dropped);
    assert_string_equal(text, "abcd\u20acz");
    assert_int_equal(dropped, 0);
    free(text);
    qpy__output_done(&output);
}

/* ---- Reading while it goes on -------------------------------------------------------------------- */

static void test_reading_changes_nothing(void **state)
{
    (void)state;
    struct qpy__output output;
    qpy__output_init(&output, 8);
    write_text(&output, "abcdx\u20acyz");
    uint64_t dropped[2];
    char *first = read_all(&output, &dropped[0]);
    char *second = read_all(&output, &dropped[1]);
    assert_string_equal(first, second);
    assert_int_equal(dropped[0], dropped[1]);
    free(first);
    free(second);
    write_text(&output, "!");
    char *third = read_all(&output, &dropped[0]);
    assert_string_equal(third, "abcd" DROPPED(4) "yz!");
    free(third);
    qpy__output_done(&output);
}

static void test_a_buffer_too_small_fails_softly(void **state)
{
    (void)state;
    struct qpy__output output;
    qpy__output_init(&output, 100);
    write_text(&output, "more than the buffer takes");
    struct qpy__buf buf;
    qpy__buf_init(&buf, 10);
    uint64_t dropped;
    qpy__output_read(&output, &buf, &dropped);
    assert_int_equal(buf.failed, QPY__BUF_TOO_BIG);
    assert_null(qpy__buf_take(&buf));
    qpy__output_done(&output);
}

/* ---- Threads --------------------------------------------------------------------------------------- */

enum { WRITERS = 6, LINES = 2000 };

static struct qpy__output shared;

static void *write_lines(void *argument)
{
    char line[16];
    int id = *(int *)argument;
    for (int i = 0; i < LINES; i++)
        qpy__output_write(&shared, line, (size_t)snprintf(line, sizeof line, "%d:%04d\n", id, i));
    return NULL;
}

/* Lines of several threads are never torn, and nothing is lost uncounted. */
static void check_lines(char *text, uint64_t dropped, size_t per_line)
{
    size_t bytes = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && rest;) {
        if (line[0] == '[' || line[0] == '\0')
            continue;
        assert_int_equal(strlen(line) + 1, per_line);
        assert_true(line[0] >= '0' && line[0] < '0' + WRITERS && line[1] == ':');
        bytes += per_line;
    }
    assert_int_equal(bytes + dropped, WRITERS * LINES * per_line);
}

static void run_writers(size_t limit)
{
    pthread_t threads[WRITERS];
    int ids[WRITERS];
    qpy__output_init(&shared, limit);
    for (int i = 0; i < WRITERS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &ids[i]), 0);
    }
    for (int i = 0; i < 50; i++) {
        uint64_t dropped;
        free(read_all(&shared, &dropped));
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    uint64_t dropped;
    char *text = read_all(&shared, &dropped);
    check_lines(text, dropped, sizeof "0:0000\n" - 1);
    free(text);
    qpy__output_done(&shared);
}

static void test_threads(void **state)
{
    (void)state;
    const size_t line = sizeof "0:0000\n" - 1;
    run_writers(1 << 20);
    run_writers(200 * line); /* both halves are whole lines */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_every_limit_and_size),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_a_character_in_two_writes),
        cmocka_unit_test(test_reading_changes_nothing),
        cmocka_unit_test(test_a_buffer_too_small_fails_softly),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
