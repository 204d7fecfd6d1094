/* Ids that people can read: a prefix, what the record is about, and a random suffix. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include <qntxpy/store.h>

#include "core/error.h"
#include "core/utf8.h"

#define SEGMENT_LENGTH 8
#define SUFFIX_LENGTH 8
#define POOL_SIZE 256 /* getrandom never returns less of up to 256 bytes, once it is ready */

static const char alphabet[] = "23456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

#define LATIN_FIRST 0xA0
#define LATIN_LAST 0x17F

/*
 * What U+00A0..U+017F (Latin-1 and Latin Extended-A) become: compatibility decomposition without
 * marks, upper case, ASCII letters and digits only, at most two of them. Every other character
 * outside ASCII is dropped, as QNTX drops all that do not decompose to ASCII; it keeps more of the
 * rarer Latin blocks. Segments are for people to read: nothing depends on them.
 */
static const char latin[LATIN_LAST - LATIN_FIRST + 1][3] = {
    "",  "",  "",   "",   "",  "",  "",   "",  "",  "",  "A", "",  "",   "",   "",   "",
    "",  "",  "2",  "3",  "",  "",  "",   "",  "",  "1", "O", "",  "14", "12", "34", "",
    "A", "A", "A",  "A",  "A", "A", "AE", "C", "E", "E", "E", "E", "I",  "I",  "I",  "I",
    "",  "N", "O",  "O",  "O", "O", "O",  "",  "",  "U", "U", "U", "U",  "Y",  "",   "SS",
    "A", "A", "A",  "A",  "A", "A", "AE", "C", "E", "E", "E", "E", "I",  "I",  "I",  "I",
    "",  "N", "O",  "O",  "O", "O", "O",  "",  "",  "U", "U", "U", "U",  "Y",  "",   "Y",
    "A", "A", "A",  "A",  "A", "A", "C",  "C", "C", "C", "C", "C", "C",  "C",  "D",  "D",
    "",  "",  "E",  "E",  "E", "E", "E",  "E", "E", "E", "E", "E", "G",  "G",  "G",  "G",
    "G", "G", "G",  "G",  "H", "H", "",   "",  "I", "I", "I", "I", "I",  "I",  "I",  "I",
    "I", "I", "IJ", "IJ", "J", "J", "K",  "K", "",  "L", "L", "L", "L",  "L",  "L",  "L",
    "L", "",  "",   "N",  "N", "N", "N",  "N", "N", "N", "",  "",  "O",  "O",  "O",  "O",
    "O", "O", "OE", "OE", "R", "R", "R",  "R", "R", "R", "S", "S", "S",  "S",  "S",  "S",
    "S", "S", "T",  "T",  "T", "T", "",   "",  "U", "U", "U", "U", "U",  "U",  "U",  "U",
    "U", "U", "U",  "U",  "W", "W", "Y",  "Y", "Y", "Z", "Z", "Z", "Z",  "Z",  "Z",  "S",
};

/* Random bytes are fetched in blocks: one system call for 32 ids. */
static _Thread_local struct {
    unsigned char bytes[POOL_SIZE];
    size_t left;
} pool;

static bool fill_pool(void)
{
    ssize_t got;
    do
        got = getrandom(pool.bytes, sizeof pool.bytes, 0);
    while (got < 0 && errno == EINTR);
    pool.left = got == (ssize_t)sizeof pool.bytes ? sizeof pool.bytes : 0;
    return pool.left > 0;
}

static bool add_suffix(char *out)
{
    if (pool.left < SUFFIX_LENGTH && !fill_pool())
        return false;
    for (int i = 0; i < SUFFIX_LENGTH; i++)
        out[i] = alphabet[pool.bytes[--pool.left] % (sizeof alphabet - 1)];
    return true;
}

/* A segment while it is cleaned; `last` is the letter before, in the alphabet of the input. */
struct segment {
    char *out;
    size_t length;
    char last;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Add one ASCII letter or digit: repeats collapse, leading digits go, 0 and 1 become letters. */
static void add_letter(struct segment *segment, char c)
{
    bool repeated = c == segment->last;
    segment->last = c;
    if (repeated || (segment->length == 0 && is_digit(c)) || segment->length == SEGMENT_LENGTH)
        return;
    segment->out[segment->length++] = c == '0' ? 'O' : c == '1' ? 'I' : c;
}

static void add_ascii(struct segment *segment, char c)
{
    if (c >= 'a' && c <= 'z')
        add_letter(segment, (char)(c - 'a' + 'A'));
    else if ((c >= 'A' && c <= 'Z') || is_digit(c))
        add_letter(segment, c);
}

/* Two-byte sequences hold all of the Latin table; the rest is dropped byte for byte. */
static size_t add_character(struct segment *segment, const char *text)
{
    unsigned char lead = (unsigned char)text[0];
    if (lead < 0x80) {
        add_ascii(segment, text[0]);
        return 1;
    }
    bool two = lead >= 0xC2 && lead <= 0xDF && qpy__utf8_valid_prefix(text, strnlen(text, 2)) == 2;
    if (!two)
        return 1;
    unsigned code = (lead & 0x1Fu) << 6 | ((unsigned char)text[1] & 0x3Fu);
    if (code >= LATIN_FIRST && code <= LATIN_LAST)
        for (const char *c = latin[code - LATIN_FIRST]; *c; c++)
            add_letter(segment, *c);
    return 2;
}

static size_t add_segment(char *out, const char *seed)
{
    struct segment segment = {.out = out};
    while (seed && *seed && segment.length < SEGMENT_LENGTH)
        seed += add_character(&segment, seed);
    return segment.length;
}

static bool valid_prefix(const char *prefix)
{
    return prefix && prefix[0] >= 'A' && prefix[0] <= 'Z' && prefix[1] >= 'A' && prefix[1] <= 'Z' &&
           prefix[2] == '\0';
}

qpy_status qpy_id_new(const char *prefix, const char *first, const char *second, const char *third,
                      char ret_id[48], qpy_error *error)
{
    if (!ret_id)
        return qpy__error(error, QPY_E_ARGUMENT, "ret_id is NULL");
    if (!valid_prefix(prefix))
        return qpy__error(error, QPY_E_ARGUMENT, "prefix '%s' is not two letters A-Z",
                          prefix ? prefix : "(NULL)");
    char suffix[SUFFIX_LENGTH];
    if (!add_suffix(suffix))
        return qpy__error_system(error, "cannot get random bytes for an id", errno);
    char *at = ret_id;
    *at++ = prefix[0];
    *at++ = prefix[1];
    const char *seeds[] = {first, second, third};
    for (int i = 0; i < 3; i++) {
        *at++ = '-';
        at += add_segment(at, seeds[i]);
    }
    *at++ = '-';
    memcpy(at, suffix, sizeof suffix);
    at[sizeof suffix] = '\0';
    return QPY_OK;
}
