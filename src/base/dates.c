/* Calendar arithmetic (Hinnant, "chrono-Compatible Low-Level Date Algorithms") and the readers of
 * dates and instants; see dates.h. */
#include "base/dates.h"

#include "base/bytes.h"

#include <stdio.h>

int32_t date_from_civil(int year, int month, int day)
{
    year -= month <= 2;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_of_era = year - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void date_to_civil(int32_t date, int *year, int *month, int *day)
{
    int64_t z = (int64_t)date + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int doe = (int)(z - era * 146097);
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int)(yoe + era * 400) + (*month <= 2);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Reads exactly `digits` decimal digits at `text`; -1 when there is anything else. */
static int read_digits(const char *text, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool date_parse(const char *text, size_t size, int32_t *date)
{
    if (size != 10 || text[4] != '-' || text[7] != '-') {
        return false;
    }
    int year = read_digits(text, 4);
    int month = read_digits(text + 5, 2);
    int day = read_digits(text + 8, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    *date = date_from_civil(year, month, day);
    return true;
}

const char *date_format(int32_t date, char out[DATE_TEXT_SIZE])
{
    int year, month, day;
    date_to_civil(date, &year, &month, &day);
    (void)snprintf(out, DATE_TEXT_SIZE, "%04d-%02u-%02u", year, (unsigned)month % 100U,
                   (unsigned)day % 100U);
    return out;
}

/* Reads "HH:MM[:SS[.f...]]" at *text, moves *text behind it; -1 when it is anything else. */
static int64_t read_time_of_day(const char **text, const char *end)
{
    const char *p = *text;
    if (end - p < 5 || p[2] != ':') {
        return -1;
    }
    int hour = read_digits(p, 2);
    int minute = read_digits(p + 3, 2);
    int second = 0;
    int64_t fraction = 0;
    p += 5;
    if (p < end && *p == ':') {
        if (end - p < 3 || (second = read_digits(p + 1, 2)) < 0) {
            return -1;
        }
        p += 3;
        if (p < end && (*p == '.' || *p == ',')) {
            int64_t unit = MICROS_PER_SECOND / 10;
            const char *first = ++p;
            for (; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10) {
                fraction += (*p - '0') * unit;
            }
            if (p == first) {
                return -1;
            }
        }
    }
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second > 60) {
        return -1;
    }
    *text = p;
    return ((hour * INT64_C(60) + minute) * 60 + second) * MICROS_PER_SECOND + fraction;
}

/* Reads what follows the time of day; true and the offset in minutes when it ends the text. */
static bool read_offset(const char *p, const char *end, int *minutes)
{
    *minutes = 0;
    if (p == end || (end - p == 1 && (*p == 'Z' || *p == 'z'))) {
        return true;
    }
    int sign = *p == '+' ? 1 : *p == '-' ? -1 : 0;
    if (sign == 0 || end - p < 3) {
        return false;
    }
    int hours = read_digits(p + 1, 2);
    int rest = 0;
    p += 3;
    if (p < end && *p == ':') {
        p++;
        if (p == end) {
            return false;
        }
    }
    if (p < end) {
        if (end - p != 2) {
            return false;
        }
        rest = read_digits(p, 2);
    }
    if (hours < 0 || hours > 23 || rest < 0 || rest > 59) {
        return false;
    }
    *minutes = sign * (hours * 60 + rest);
    return true;
}

/* Reads "YYYY-MM-DDTHH:MM:SS", as most instants are written, in three words: against the form all
 * digits are 0..9 and all signs 0, and byte i of word * 10 + (word >> 8) is the pair of digits that
 * begins there. False: perhaps good, perhaps not. */
static bool read_plain_instant(const char *text, int64_t *micros)
{
    static const uint64_t tops = UINT64_C(0x8080808080808080);
    static const char form[] = "0000-00-00T00:00:00", most[] = "vvvv\x7fvv\x7fvv\x7fvv\x7fvv\x7fvv";
    uint64_t words[3], pairs[3], bad = 0;
    for (int i = 0; i < 3; i++) {
        int at = i < 2 ? 8 * i : 11;
        words[i] = eight_bytes(text + at) ^ eight_bytes(form + at);
        bad |= words[i] | (words[i] + eight_bytes(most + at));
        pairs[i] = words[i] * 10 + (words[i] >> 8);
    }
    int year = (int)(pairs[0] & 0xff) * 100 + (int)(pairs[0] >> 16 & 0xff);
    int month = (int)(pairs[0] >> 40 & 0xff), day = (int)(pairs[1] & 0xff);
    int hour = (int)(pairs[2] & 0xff), minute = (int)(pairs[2] >> 24 & 0xff);
    int second = (int)(pairs[2] >> 48 & 0xff);
    if ((bad & tops) || year < 1 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *micros = date_from_civil(year, month, day) * MICROS_PER_DAY +
              ((hour * INT64_C(60) + minute) * 60 + second) * MICROS_PER_SECOND;
    return true;
}

bool timestamp_parse(const char *text, size_t size, int64_t *micros)
{
    enum { PLAIN = 19 };
    int32_t date;
    if (size == PLAIN && read_plain_instant(text, micros)) {
        return true;
    }
    if (size < 10 || !date_parse(text, 10, &date)) {
        return false;
    }
    int64_t time = 0;
    int offset_minutes = 0;
    if (size > 10) {
        const char *p = text + 11;
        const char *end = text + size;
        if ((text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
            (time = read_time_of_day(&p, end)) < 0 || !read_offset(p, end, &offset_minutes)) {
            return false;
        }
    }
    *micros = date * MICROS_PER_DAY + time - offset_minutes * INT64_C(60) * MICROS_PER_SECOND;
    return true;
}

int32_t timestamp_date(int64_t micros)
{
    int64_t days = micros / MICROS_PER_DAY;
    return (int32_t)(days - (micros % MICROS_PER_DAY < 0));
}

const char *timestamp_format(int64_t micros, char out[TIMESTAMP_TEXT_SIZE])
{
    int32_t date = timestamp_date(micros);
    int64_t in_day = micros - date * MICROS_PER_DAY;
    unsigned second = (unsigned)(in_day / MICROS_PER_SECOND);
    unsigned fraction = (unsigned)(in_day % MICROS_PER_SECOND);
    char day[DATE_TEXT_SIZE];
    int used = snprintf(out, TIMESTAMP_TEXT_SIZE, "%sT%02u:%02u:%02u", date_format(date, day),
                        second / 3600, second / 60 % 60, second % 60);
    if (fraction > 0 && used > 0 && used < TIMESTAMP_TEXT_SIZE) {
        (void)snprintf(out + used, TIMESTAMP_TEXT_SIZE - (size_t)used, ".%06u", fraction);
    }
    return out;
}
