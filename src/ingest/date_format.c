/* A small strptime() that knows no locale and no clock; see date_format.h. */
#include "ingest/date_format.h"

#include "base/dates.h"

#include <string.h>

struct parts {
    int year, month, day, hour, minute, second, offset_minutes;
    int64_t micros;
};

/* Between `least` and `most` digits; false when there are fewer. */
static bool read_number(const char **p, const char *end, int least, int most, int *value)
{
    int digits = 0;
    *value = 0;
    while (digits < most && *p < end && **p >= '0' && **p <= '9') {
        *value = *value * 10 + (**p - '0');
        (*p)++;
        digits++;
    }
    return digits >= least;
}

static bool read_fraction(const char **p, const char *end, int64_t *micros)
{
    int64_t unit = MICROS_PER_SECOND / 10;
    int digits = 0;
    *micros = 0;
    for (; digits < 9 && *p < end && **p >= '0' && **p <= '9'; digits++, (*p)++) {
        *micros += unit * (**p - '0');
        unit /= 10;
    }
    return digits > 0;
}

static bool read_offset(const char **p, const char *end, int *minutes)
{
    int hours;
    int rest = 0;
    *minutes = 0;
    if (*p < end && **p == 'Z') {
        (*p)++;
        return true;
    }
    if (*p == end || (**p != '+' && **p != '-')) {
        return false;
    }
    int sign = *(*p)++ == '-' ? -1 : 1;
    if (!read_number(p, end, 2, 2, &hours)) {
        return false;
    }
    bool colon = *p < end && **p == ':';
    *p += colon;
    if ((colon || (*p < end && **p >= '0' && **p <= '9')) && !read_number(p, end, 2, 2, &rest)) {
        return false;
    }
    *minutes = sign * (hours * 60 + rest);
    return hours < 24 && rest < 60;
}

static bool read_part(char conversion, const char **p, const char *end, struct parts *parts)
{
    switch (conversion) {
    case 'Y':
        return read_number(p, end, 4, 4, &parts->year);
    case 'y':
        if (!read_number(p, end, 2, 2, &parts->year)) {
            return false;
        }
        parts->year += parts->year < 70 ? 2000 : 1900;
        return true;
    case 'm':
        return read_number(p, end, 1, 2, &parts->month);
    case 'd':
        return read_number(p, end, 1, 2, &parts->day);
    case 'H':
        return read_number(p, end, 1, 2, &parts->hour) && parts->hour < 24;
    case 'M':
        return read_number(p, end, 1, 2, &parts->minute) && parts->minute < 60;
    case 'S':
        return read_number(p, end, 1, 2, &parts->second) && parts->second <= 60;
    case 'f':
        return read_fraction(p, end, &parts->micros);
    case 'z':
        return read_offset(p, end, &parts->offset_minutes);
    default:
        return *p < end && *(*p)++ == '%';
    }
}

static bool day_exists(const struct parts *parts, int32_t *date)
{
    int year, month, day;
    if (parts->year < 1 || parts->month < 1 || parts->month > 12 || parts->day < 1 ||
        parts->day > 31) {
        return false;
    }
    *date = date_from_civil(parts->year, parts->month, parts->day);
    date_to_civil(*date, &year, &month, &day);
    return month == parts->month; /* the 31st of a shorter month is a day of the next */
}

bool date_format_read(const char *format, const char *text, size_t size, int64_t *micros)
{
    struct parts parts = {.month = 1, .day = 1};
    const char *end = text + size;
    int32_t date;
    for (const char *f = format; *f; f++) {
        if (*f == '%') {
            if (!read_part(*++f, &text, end, &parts)) {
                return false;
            }
        } else if (text == end || *text++ != *f) {
            return false;
        }
    }
    if (text != end || !day_exists(&parts, &date)) {
        return false;
    }
    int64_t seconds = (parts.hour * 60 + parts.minute - parts.offset_minutes) * 60 + parts.second;
    *micros = date * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + parts.micros;
    return true;
}

bool date_format_valid(const char *format)
{
    bool year = false;
    for (const char *f = format; *f; f++) {
        if (*f == '%') {
            f++;
            if (*f == '\0' || !strchr("YymdHMSfz%", *f)) {
                return false;
            }
            year |= *f == 'Y' || *f == 'y';
        }
    }
    return year;
}
