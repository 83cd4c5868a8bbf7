/* Reads numbers; see number.h. Up to 2^53 and 22 decimals one exact multiplication or division
 * gives the nearest double (Clinger, "How to Read Floating Point Numbers Accurately", 1990);
 * the rest goes through strtod on a copy, in the "C" locale that this program never leaves. */
#include "ingest/number.h"

#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The digits seen so far. */
struct digits {
    uint64_t mantissa; /* exact as long as !too_many */
    int64_t exponent;  /* of ten */
    bool too_many;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *take_digits(const char *p, const char *end, bool after_point, struct digits *d)
{
    for (; p < end && is_digit(*p); p++) {
        if (d->mantissa >= UINT64_C(900719925474099)) { /* 2^53 / 10: one more may not fit */
            d->too_many = true;
        } else {
            d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
        }
        d->exponent -= after_point;
    }
    return p;
}

/* The exponent's digits; values beyond any double stay at a bound instead of overflowing. */
static const char *take_exponent(const char *p, const char *end, struct digits *d)
{
    bool negative = p < end && *p == '-';
    int64_t value = 0;
    if (p < end && (*p == '-' || *p == '+')) {
        p++;
    }
    if (p == end || !is_digit(*p)) {
        return NULL;
    }
    for (; p < end && is_digit(*p); p++) {
        if (value < 1000000) {
            value = value * 10 + (*p - '0');
        }
    }
    d->exponent += negative ? -value : value;
    return p;
}

/* The slow road: any number of digits. */
static double by_strtod(const char *p, const char *end, char point)
{
    char small[128];
    size_t size = (size_t)(end - p);
    char *copy = size < sizeof small ? small : xcalloc(size + 1, 1);
    memcpy(copy, p, size);
    copy[size] = '\0';
    char *sign = memchr(copy, point, size);
    if (sign) {
        *sign = '.';
    }
    double value = strtod(copy, NULL);
    if (copy != small) {
        free(copy);
    }
    return value;
}

static double convert(const char *p, const char *end, char point, const struct digits *d)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->too_many || d->exponent < -22 || d->exponent > 22) {
        return by_strtod(p, end, point);
    }
    double value = (double)d->mantissa;
    value = d->exponent < 0 ? value / powers[-d->exponent] : value * powers[d->exponent];
    return *p == '-' ? -value : value;
}

const char *number_read(const char *start, const char *end, enum number_style style, char point,
                        double *number)
{
    struct digits d = {0};
    const char *p = start;
    if (p < end && (*p == '-' || (*p == '+' && style == NUMBER_PLAIN))) {
        p++;
    }
    const char *whole = p;
    p = take_digits(p, end, false, &d);
    size_t digits = (size_t)(p - whole);
    if (style == NUMBER_JSON && (digits == 0 || (digits > 1 && *whole == '0'))) {
        return NULL;
    }
    if (p < end && *p == point) {
        const char *fraction = p + 1;
        p = take_digits(fraction, end, true, &d);
        if (style == NUMBER_JSON && p == fraction) {
            return NULL;
        }
        digits += (size_t)(p - fraction);
    }
    if (digits == 0) {
        return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = take_exponent(p + 1, end, &d);
    }
    if (p && number) {
        *number = convert(start, p, point, &d);
    }
    return p;
}
