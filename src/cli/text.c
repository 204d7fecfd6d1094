/* UTF-8 aware helpers for everything that the CLI shows to a person. */
#include "cli/text.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum { WORD_MAX = 40, TERMINAL_MIN = 20 };

struct utf8_form {
    unsigned char mask, lead;
    size_t length;
    uint32_t min;
};

static const struct utf8_form forms[] = {
    {0x80, 0x00, 1, 0}, {0xE0, 0xC0, 2, 0x80}, {0xF0, 0xE0, 3, 0x800}, {0xF8, 0xF0, 4, 0x10000}};

/* Decode one character; 0 bytes if the text is not valid UTF-8 there. */
static size_t decode(const char *text, size_t length, uint32_t *ret_code)
{
    const unsigned char *bytes = (const unsigned char *)text;
    const struct utf8_form *form = NULL;
    for (size_t i = 0; length && i < 4 && !form; i++)
        if ((bytes[0] & forms[i].mask) == forms[i].lead)
            form = &forms[i];
    if (!form || form->length > length)
        return 0;
    uint32_t code = bytes[0] & (unsigned char)~form->mask;
    for (size_t i = 1; i < form->length; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3F);
    }
    if (code < form->min || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    return form->length;
}

size_t cli_text_sequence(const char *text, size_t length)
{
    uint32_t code;
    return decode(text, length, &code);
}

/* Widths come from the C library's Unicode table, reached through a locale of this thread only:
 * the locale of the process stays as it is. */
static locale_t enter_unicode(locale_t *ret_previous)
{
    locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (unicode)
        *ret_previous = uselocale(unicode);
    return unicode;
}

static void leave_unicode(locale_t unicode, locale_t previous)
{
    if (!unicode)
        return;
    uselocale(previous);
    freelocale(unicode);
}

static size_t columns_of(uint32_t code)
{
    if (code < 0x7F)
        return 1;
    int width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : (size_t)width;
}

/* Walk over characters until `limit` columns are full; returns the bytes, adds up the columns. */
static size_t measure(const char *text, size_t limit, size_t *ret_width)
{
    locale_t previous = (locale_t)0, unicode = enter_unicode(&previous);
    size_t at = 0, width = 0, length = strlen(text);
    while (at < length) {
        uint32_t code = ' ';
        size_t bytes = decode(text + at, length - at, &code);
        size_t columns = columns_of(code);
        if (width + columns > limit)
            break;
        width += columns;
        at += bytes ? bytes : 1;
    }
    leave_unicode(unicode, previous);
    *ret_width = width;
    return at;
}

size_t cli_text_width(const char *text)
{
    size_t width;
    measure(text, SIZE_MAX, &width);
    return width;
}

size_t cli_text_fit(const char *text, size_t width)
{
    size_t used;
    return measure(text, width, &used);
}

static size_t clean_one(const char *text, size_t bytes, char *out)
{
    unsigned char byte = (unsigned char)text[0];
    if (byte == '\n')
        return (size_t)snprintf(out, 5, "\\n");
    if (bytes == 0 || byte < ' ' || byte == 0x7F)
        return (size_t)snprintf(out, 5, "\\x%02x", byte);
    memcpy(out, text, bytes);
    return bytes;
}

char *cli_text_clean(const char *text)
{
    size_t length = strlen(text), used = 0;
    char *clean = malloc(4 * length + 5);
    if (!clean)
        return NULL;
    for (size_t at = 0; at < length;) {
        size_t bytes = cli_text_sequence(text + at, length - at);
        used += clean_one(text + at, bytes, clean + used);
        at += bytes ? bytes : 1;
    }
    clean[used] = '\0';
    return clean;
}

void cli_text_wrap(FILE *out, const char *text, size_t indent, size_t width)
{
    size_t column = indent;
    while (*text) {
        size_t word = strcspn(text, " \n");
        if (column > indent && column + 1 + word > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, word, out);
        column += word;
        text += word;
        if (*text == '\n') {
            fprintf(out, "\n\n%*s", (int)indent, "");
            column = indent;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

/* Levenshtein distance of the first WORD_MAX bytes. */
size_t cli_text_distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t a_length = strnlen(a, WORD_MAX), b_length = strnlen(b, WORD_MAX);
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[b_length];
}

size_t cli_text_near(const char *word)
{
    size_t third = strlen(word) / 3;
    return third < 2 ? 2 : third;
}

size_t cli_terminal_width(int fd)
{
    struct winsize size;
    if (!isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col < TERMINAL_MIN)
        return 80;
    return size.ws_col;
}
