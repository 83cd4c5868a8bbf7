/* Cells of CSV; see csv.h.
 *
 * Numbers of sensors have few decimals: one multiplication finds their digits and one division
 * proves them. Means have sixteen or seventeen digits, which are found by whole numbers of 128
 * bits; what is too large or too small for those is tried with the C library's printf. */
#include "lake/csv.h"

#include "base/dates.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

enum {
    MOST_DIGITS = 17, /* of a double */
    SURE_DIGITS = 15, /* decimals of so many digits are different doubles */
    MANTISSA_BITS = 52,
    SMALLEST_FIXED = -4, /* exponents from here to LARGEST_FIXED are written without an "e" */
    LARGEST_FIXED = 15,
};

static const uint64_t powers[] = {1,
                                  10,
                                  100,
                                  1000,
                                  10000,
                                  100000,
                                  1000000,
                                  10000000,
                                  100000000,
                                  1000000000,
                                  10000000000,
                                  100000000000,
                                  1000000000000,
                                  10000000000000,
                                  100000000000000,
                                  1000000000000000,
                                  10000000000000000,
                                  100000000000000000,
                                  1000000000000000000,
                                  10000000000000000000U};

/* ---- whole numbers ---- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

static char *two_digits(char *out, unsigned value)
{
    memcpy(out, pairs + 2 * value, 2);
    return out + 2;
}

static int count_digits(uint64_t value)
{
    int count = 1;
    while (count < 20 && value >= powers[count]) {
        count++;
    }
    return count;
}

/* `count` digits of a number that has no more. */
static char *put_digits(char *out, uint64_t value, int count)
{
    char *p = out + count;
    for (; p - out >= 2; value /= 100) {
        p -= 2;
        memcpy(p, pairs + 2 * (value % 100), 2);
    }
    if (p > out) {
        *out = (char)('0' + value % 10);
    }
    return out + count;
}

char *csv_whole(char *out, int64_t value)
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    if (value < 0) {
        *out++ = '-';
    }
    return put_digits(out, size, count_digits(size));
}

/* ---- real numbers ---- */

struct decimal { /* digits * 10^exponent, no zero at the end of the digits */
    uint64_t digits;
    int exponent;
};

static struct decimal without_zeros(struct decimal d)
{
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

/* A number with at most six decimals, 15 digits in all: the division is exact but for its
 * rounding, and no other decimal of 15 digits gives the same double. */
static bool few_decimals(double value, struct decimal *out)
{
    const double scale = 1e6;
    if (value * scale >= 1e15 - 1) {
        return false;
    }
    uint64_t digits = (uint64_t)(value * scale + 0.5);
    if (digits == 0 || (double)digits / scale != value) {
        return false;
    }
    *out = without_zeros((struct decimal){digits, -6});
    return true;
}

/* The closest decimal of `count` digits among those that read back as mantissa * 2^-shift;
 * `magnitude` is the exponent of its first digit. False when there is none.
 * All in units of 2^-(shift + 1): 2 * mantissa * 10^k is the number, half the distance to the next
 * one 10^k, to the one before a power of two half of that. */
static bool closest(uint64_t mantissa, int shift, int magnitude, int count, struct decimal *out)
{
    int k = count - 1 - magnitude;
    wide scale = k < 20 ? powers[k] : (wide)powers[19] * powers[k - 19];
    wide number = 2 * (wide)mantissa * scale;
    wide above = scale;
    wide below = mantissa == UINT64_C(1) << MANTISSA_BITS ? scale / 2 : scale;
    bool even = mantissa % 2 == 0; /* ties are read as the even one */
    uint64_t floor = (uint64_t)(number >> (shift + 1));
    wide low = number - ((wide)floor << (shift + 1));
    wide high = ((wide)(floor + 1) << (shift + 1)) - number;
    bool low_reads = low < below || (low == below && even);
    bool high_reads = high < above || (high == above && even);
    if (!low_reads && !high_reads) {
        return false;
    }
    bool up = !low_reads || (high_reads && (high < low || (high == low && floor % 2 == 1)));
    *out = without_zeros((struct decimal){floor + up, -k});
    return true;
}

/* The exponent of the first digit of 1e-4 <= value < 2^53. */
static int magnitude_of(double value)
{
    int magnitude = SMALLEST_FIXED;
    static const double bounds[] = {1e-3, 1e-2, 1e-1, 1,    1e1,  1e2,  1e3,  1e4,  1e5, 1e6,
                                    1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds && value >= bounds[i]; i++) {
        magnitude++;
    }
    return magnitude;
}

static bool reads_as(struct decimal d, double value)
{
    char text[MOST_DIGITS + 16];
    (void)snprintf(text, sizeof text, "%llue%d", (unsigned long long)d.digits, d.exponent);
    return strtod(text, NULL) == value;
}

/* Any number, slowly: printf gives the closest decimal of so many digits; when that reads back as a
 * power of two's lower neighbour, which is nearer than the upper, the next decimal may not. */
static struct decimal by_printf(double value)
{
    struct decimal d = {0};
    for (int count = 1; count <= MOST_DIGITS; count++) {
        char text[MOST_DIGITS + 16];
        (void)snprintf(text, sizeof text, "%.*e", count - 1, value);
        char *e = strchr(text, 'e');
        d = (struct decimal){0, (int)strtol(e + 1, NULL, 10) - (count - 1)};
        for (const char *p = text; p < e; p++) {
            d.digits = *p == '.' ? d.digits : d.digits * 10 + (uint64_t)(*p - '0');
        }
        if (reads_as(d, value)) {
            break;
        }
        d.digits++;
        if (reads_as(d, value)) {
            break;
        }
        d.digits--;
    }
    return without_zeros(d);
}

/* The shortest decimal of a positive number. */
static struct decimal shortest(double value)
{
    struct decimal out;
    if (value < 1e-4 || value >= 0x1p53) {
        return by_printf(value);
    }
    if (few_decimals(value, &out)) {
        return out;
    }
    int exponent;
    double fraction = frexp(value, &exponent); /* in [0.5, 1) */
    uint64_t mantissa = (uint64_t)(fraction * 0x1p53);
    int magnitude = magnitude_of(value);
    int count = magnitude < SURE_DIGITS ? SURE_DIGITS : magnitude + 1;
    while (!closest(mantissa, 53 - exponent, magnitude, count, &out)) {
        count++;
    }
    return out;
}

/* A positive number with at most three decimals as "123.45"; NULL: it is none. What sensors send
 * is, and takes half the time that it would as any decimal. */
static char *put_thousandths(char *out, double value)
{
    double scaled = value * 1000 + 0.5;
    if (scaled >= 1e12) {
        return NULL;
    }
    uint64_t digits = (uint64_t)scaled;
    if (digits == 0 || (double)digits / 1000 != value) { /* as in few_decimals() */
        return NULL;
    }
    uint64_t whole = digits / 1000;
    unsigned rest = (unsigned)(digits % 1000);
    out = put_digits(out, whole, count_digits(whole));
    *out++ = '.';
    *out++ = (char)('0' + rest / 100);
    two_digits(out, rest % 100);
    return out + (rest % 100 == 0 ? 0 : rest % 10 == 0 ? 1 : 2);
}

/* "123.45" from its digits; `magnitude` is the exponent of the first. */
static char *put_fixed(char *out, struct decimal d, int count, int magnitude)
{
    if (d.exponent >= 0) {
        out = put_digits(out, d.digits * powers[d.exponent], count + d.exponent);
        memcpy(out, ".0", 2);
        return out + 2;
    }
    if (magnitude >= 0) {
        uint64_t unit = powers[-d.exponent];
        out = put_digits(out, d.digits / unit, magnitude + 1);
        *out++ = '.';
        return put_digits(out, d.digits % unit, -d.exponent);
    }
    memcpy(out, "0.", 2);
    return put_digits(out + 2, d.digits, -d.exponent);
}

/* "1.2345e+16" likewise. */
static char *put_exponent(char *out, struct decimal d, int count, int magnitude)
{
    put_digits(out + 1, d.digits, count);
    out[0] = out[1];
    out[1] = '.'; /* followed by the other digits, if any */
    out += count > 1 ? count + 1 : 1;
    *out++ = 'e';
    *out++ = magnitude < 0 ? '-' : '+';
    unsigned size = (unsigned)abs(magnitude);
    if (size >= 100) {
        *out++ = (char)('0' + size / 100);
    }
    return two_digits(out, size % 100);
}

char *csv_real(char *out, double value)
{
    if (isnan(value)) {
        memcpy(out, "nan", 3);
        return out + 3;
    }
    if (signbit(value)) {
        *out++ = '-';
        value = -value;
    }
    if (value == 0 || isinf(value)) {
        memcpy(out, value == 0 ? "0.0" : "inf", 3);
        return out + 3;
    }
    char *end = put_thousandths(out, value);
    if (end) {
        return end;
    }
    struct decimal d = shortest(value);
    int count = count_digits(d.digits);
    int magnitude = count - 1 + d.exponent;
    return magnitude < SMALLEST_FIXED || magnitude > LARGEST_FIXED
               ? put_exponent(out, d, count, magnitude)
               : put_fixed(out, d, count, magnitude);
}

/* ---- dates and instants ---- */

char *csv_date(char *out, int32_t date, struct csv_day *last)
{
    if (date != last->date) {
        int year, month, day;
        date_to_civil(date, &year, &month, &day);
        char *text = put_digits(last->text, (uint64_t)year, 4);
        *text++ = '-';
        text = two_digits(text, (unsigned)month);
        *text++ = '-';
        two_digits(text, (unsigned)day);
        last->date = date;
    }
    memcpy(out, last->text, sizeof last->text);
    return out + sizeof last->text;
}

char *csv_timestamp(char *out, int64_t micros, struct csv_day *last)
{
    int32_t date = timestamp_date(micros);
    uint64_t rest = (uint64_t)(micros - date * MICROS_PER_DAY);
    unsigned second = (unsigned)(rest / (uint64_t)MICROS_PER_SECOND);
    uint64_t fraction = rest % (uint64_t)MICROS_PER_SECOND;
    out = csv_date(out, date, last);
    *out++ = ' ';
    out = two_digits(out, second / 3600);
    *out++ = ':';
    out = two_digits(out, second / 60 % 60);
    *out++ = ':';
    out = two_digits(out, second % 60);
    if (fraction > 0) {
        *out++ = '.';
        out = put_digits(out, fraction, 6);
        while (out[-1] == '0') {
            out--;
        }
    }
    return out;
}

/* ---- texts ---- */

char *csv_text(char *out, const char *text, size_t size)
{
    bool special = size == 0;           /* an empty text is no NULL */
    for (size_t i = 0; i < size; i++) { /* without a way out, so that it is done many at a time */
        special |= (text[i] == ',') | (text[i] == '"') | (text[i] == '\n') | (text[i] == '\r') |
                   (text[i] == '#'); /* some readers take it for the start of a comment */
    }
    if (!special) {
        memcpy(out, text, size);
        return out + size;
    }
    *out++ = '"';
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"') {
            *out++ = '"';
        }
        *out++ = text[i];
    }
    *out++ = '"';
    return out;
}
