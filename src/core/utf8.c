/* UTF-8: validity and where a text may be cut. */
#include "core/utf8.h"

#include <stdbool.h>

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Length of the well-formed sequence at `s` (Unicode table 3-7), or 0. */
static size_t sequence_length(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    size_t need = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || left < need)
        return 0;
    for (size_t i = 1; i < need; i++)
        if (!is_continuation(s[i]))
            return 0;
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xED && s[1] > 0x9F;
    bool beyond = s[0] == 0xF4 && s[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : need;
}

size_t qpy__utf8_valid_prefix(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t step = sequence_length((const unsigned char *)text + at, length - at);
        if (step == 0)
            return at;
        at += step;
    }
    return at;
}

size_t qpy__utf8_floor(const char *text, size_t offset)
{
    size_t at = offset;
    while (at > 0 && offset - at < 3 && is_continuation((unsigned char)text[at]))
        at--;
    return is_continuation((unsigned char)text[at]) ? offset : at;
}

size_t qpy__utf8_trim(const char *text, size_t length)
{
    size_t back = 0;
    while (back < 3 && back < length && is_continuation((unsigned char)text[length - 1 - back]))
        back++;
    if (back == length)
        return length;
    unsigned char lead = (unsigned char)text[length - 1 - back];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return need > back + 1 ? length - 1 - back : length;
}
