/* Fuzz target of dates and instants: what can be read is written and read again the same, lies in
 * the years that there are, and a format (the bytes before the first NUL) never reads beyond. */
#include "fuzz.h"

#include "base/arena.h"
#include "base/dates.h"
#include "ingest/date_format.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_possible(int64_t micros)
{
    int year, month, day;
    date_to_civil(timestamp_date(micros), &year, &month, &day);
    return year >= -1 && year <= 10001 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static void check_iso(const char *text, size_t size)
{
    char written[TIMESTAMP_TEXT_SIZE];
    int32_t date, date_again;
    int64_t micros, again;
    if (date_parse(text, size, &date)) {
        must(size == 10 && memcmp(date_format(date, written), text, 10) == 0);
        must(date_parse(written, 10, &date_again) && date_again == date);
        must(timestamp_parse(text, size, &micros) && timestamp_date(micros) == date);
    }
    if (timestamp_parse(text, size, &micros)) {
        must(is_possible(micros));
        timestamp_format(micros, written);
        bool year_0_or_10000 = strlen(written) > 26 || written[0] == '-' ||
                               strncmp(written, "0000", 4) == 0 || written[4] != '-';
        must(year_0_or_10000 ||
             (timestamp_parse(written, strlen(written), &again) && again == micros));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    const char *text = (const char *)bytes;
    size_t format_size = strnlen(text, size);
    const char *format = arena_copy(&arena, text, format_size);
    int64_t micros;
    check_iso(text, size);
    if (format_size < size && date_format_valid(format) &&
        date_format_read(format, text + format_size + 1, size - format_size - 1, &micros)) {
        must(is_possible(micros));
    }
    arena_release(&arena);
    return 0;
}
