/* Reading times as text: the formats of Go's and Rust's SQLite drivers and of SQLite itself. */
#include "store/time_text.h"

#include <stddef.h>

#define SECONDS_PER_DAY 86400
#define LARGEST_SECONDS INT64_C(100000000000)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exactly `digits` digits. Moves *text past them. */
static bool read_number(const char **text, int digits, int *ret_number)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit((*text)[i]))
            return false;
        number = number * 10 + ((*text)[i] - '0');
    }
    *text += digits;
    *ret_number = number;
    return true;
}

static bool skip(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/* Days from 1970-01-01 in the Gregorian calendar. Years begin in March, to end with leap days. */
static int64_t days_from_date(int year, int month, int day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool read_date(const char **text, int64_t *ret_days)
{
    int year, month, day;
    if (!read_number(text, 4, &year) || !skip(text, '-') || !read_number(text, 2, &month) ||
        !skip(text, '-') || !read_number(text, 2, &day))
        return false;
    *ret_days = days_from_date(year, month, day);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Digits beyond the third are cut off. */
static bool read_fraction(const char **text, int *ret_ms)
{
    *ret_ms = 0;
    if (!skip(text, '.'))
        return true;
    bool some = is_digit(**text);
    int scale = 100;
    for (; is_digit(**text); (*text)++) {
        *ret_ms += (**text - '0') * scale;
        scale /= 10;
    }
    return some;
}

static bool read_clock(const char **text, int64_t *ret_ms)
{
    int hour, minute, second = 0, ms = 0;
    if (!read_number(text, 2, &hour) || !skip(text, ':') || !read_number(text, 2, &minute))
        return false;
    if (skip(text, ':') && (!read_number(text, 2, &second) || !read_fraction(text, &ms)))
        return false;
    *ret_ms = ((int64_t)hour * 3600 + minute * 60 + second) * 1000 + ms;
    return hour <= 24 && minute <= 59 && second <= 60;
}

static bool read_offset(const char **text, int64_t *ret_ms)
{
    *ret_ms = 0;
    while (skip(text, ' '))
        ;
    if (skip(text, 'Z') || skip(text, 'z') || **text == '\0')
        return true;
    int sign = **text == '-' ? -1 : 1;
    int hours, minutes;
    if (!skip(text, '-') && !skip(text, '+'))
        return false;
    if (!read_number(text, 2, &hours))
        return false;
    (void)skip(text, ':');
    if (!read_number(text, 2, &minutes))
        return false;
    *ret_ms = sign * (hours * 60 + minutes) * (int64_t)60000;
    return true;
}

bool qpy__time_from_text(const char *text, int64_t *ret_unix_ms)
{
    int64_t days, clock = 0, offset = 0;
    if (!read_date(&text, &days))
        return false;
    if (skip(&text, 'T') || skip(&text, 't') || skip(&text, ' '))
        if (!read_clock(&text, &clock) || !read_offset(&text, &offset))
            return false;
    if (*text != '\0')
        return false;
    *ret_unix_ms = days * SECONDS_PER_DAY * 1000 + clock - offset;
    return true;
}

int64_t qpy__time_from_number(int64_t number)
{
    bool seconds = number < LARGEST_SECONDS && number > -LARGEST_SECONDS;
    return seconds ? number * 1000 : number;
}
