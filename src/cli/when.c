/* Parses --since and --until, and formats times for tables, all in UTC. */
#include "cli/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/parse.h"

enum { DAY_MS = 86400000, HOUR_MS = 3600000, MINUTE_MS = 60000 };

/* Days since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years from March on. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void civil_from_days(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month + (month < 10 ? 3 : -9);
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

static bool take_digits(const char **text, int count, int64_t *ret_value)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        value = value * 10 + (**text - '0');
    }
    *ret_value = value;
    return true;
}

static bool take_char(const char **text, const char *any)
{
    if (!**text || !strchr(any, **text))
        return false;
    (*text)++;
    return true;
}

static bool take_date(const char **text, int64_t *ret_ms)
{
    int64_t year, month, day, back_year, back_month, back_day;
    if (!take_digits(text, 4, &year) || !take_char(text, "-") || !take_digits(text, 2, &month) ||
        !take_char(text, "-") || !take_digits(text, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1)
        return false;
    int64_t days = days_from_civil(year, month, day);
    civil_from_days(days, &back_year, &back_month, &back_day);
    *ret_ms = days * DAY_MS;
    return back_day == day; /* false for 30 February */
}

/* Digits after the point; those beyond milliseconds are dropped. */
static bool take_fraction(const char **text, int64_t *ret_ms)
{
    int64_t digit, unit = 100;
    *ret_ms = 0;
    if (!take_char(text, "."))
        return true;
    if (**text < '0' || **text > '9')
        return false;
    while (take_digits(text, 1, &digit)) {
        *ret_ms += digit * unit;
        unit /= 10;
    }
    return true;
}

static bool take_zone(const char **text, int64_t *ret_ms)
{
    int64_t hours, minutes;
    *ret_ms = 0;
    if (take_char(text, "Zz"))
        return true;
    int64_t sign = **text == '-' ? -1 : 1;
    if (!take_char(text, "+-") || !take_digits(text, 2, &hours) || !take_char(text, ":") ||
        !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_ms = sign * (hours * HOUR_MS + minutes * MINUTE_MS);
    return true;
}

static bool take_clock(const char **text, int64_t *ret_ms)
{
    int64_t hours, minutes, seconds, fraction, zone;
    if (!take_char(text, "Tt ") || !take_digits(text, 2, &hours) || !take_char(text, ":") ||
        !take_digits(text, 2, &minutes) || !take_char(text, ":") ||
        !take_digits(text, 2, &seconds) || hours > 23 || minutes > 59 || seconds > 60)
        return false;
    if (!take_fraction(text, &fraction) || !take_zone(text, &zone))
        return false;
    *ret_ms = hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1000 + fraction - zone;
    return true;
}

static bool parse_time(const char *text, bool end_of_day, int64_t *ret_ms)
{
    int64_t date, clock = end_of_day ? DAY_MS - 1 : 0;
    if (!take_date(&text, &date))
        return false;
    if (*text && (!take_clock(&text, &clock) || *text))
        return false;
    *ret_ms = date + clock;
    return true;
}

static int64_t unit_ms(char unit)
{
    switch (unit) {
    case 's':
        return 1000;
    case 'm':
        return MINUTE_MS;
    case 'h':
        return HOUR_MS;
    case 'd':
        return DAY_MS;
    case 'w':
        return 7LL * DAY_MS;
    default:
        return 0;
    }
}

static bool parse_ago(const char *text, int64_t *ret_ms)
{
    char number[16];
    struct timespec now;
    int64_t count;
    size_t length = strlen(text);
    if (length < 2 || length > sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)length - 1, text);
    int64_t unit = unit_ms(text[length - 1]);
    if (unit == 0 || !cli_parse_integer(number, 0, 1000000000, &count))
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    *ret_ms = count * unit > now_ms ? 0 : now_ms - count * unit;
    return true;
}

static bool take_when(const char *value, bool end_of_day, void *target, struct cli_problem *problem)
{
    if (parse_ago(value, target) || parse_time(value, end_of_day, target))
        return true;
    snprintf(problem->text, sizeof problem->text,
             "must be a time such as 2026-01-31T09:30:00Z, 2026-01-31 or 2h, not '%.60s'", value);
    return false;
}

bool cli_take_since(const struct cli_option *option, const char *value, void *target,
                    struct cli_problem *problem)
{
    (void)option;
    return take_when(value, false, target, problem);
}

bool cli_take_until(const struct cli_option *option, const char *value, void *target,
                    struct cli_problem *problem)
{
    (void)option;
    return take_when(value, true, target, problem);
}

void cli_when_format(int64_t ms, char text[CLI_WHEN_SIZE])
{
    int64_t days = (ms >= 0 ? ms : ms - (DAY_MS - 1)) / DAY_MS, year, month, day;
    int64_t seconds = (ms - days * DAY_MS) / 1000;
    civil_from_days(days, &year, &month, &day);
    snprintf(text, CLI_WHEN_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month, (int)day,
             (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
}
