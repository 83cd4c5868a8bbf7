/* Builds the sentences of an error; see error.h. Reads and writes memory only, except
 * out_of_memory(), which writes to standard error and ends the process. */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Copies `raw` to `out` (of `size` bytes), control characters as \xNN, cut between characters. */
static void write_one_line(char *out, size_t size, const char *raw)
{
    size_t used = 0;
    for (const unsigned char *p = (const unsigned char *)raw; *p; p++) {
        bool control = *p < 0x20 || *p == 0x7f;
        size_t need = control ? 4 : 1;
        if (used + need >= size) {
            break;
        }
        if (control) {
            static const char hex[] = "0123456789abcdef";
            out[used++] = '\\';
            out[used++] = 'x';
            out[used++] = hex[*p >> 4];
            out[used++] = hex[*p & 15];
        } else {
            out[used++] = (char)*p;
        }
    }
    if (used + 4 >= size) { /* perhaps cut inside a UTF-8 sequence: step back to its first byte */
        while (used > 0 && ((unsigned char)out[used - 1] & 0xc0) == 0x80) {
            used--;
        }
        if (used > 0 && (unsigned char)out[used - 1] >= 0xc0) {
            used--;
        }
    }
    out[used] = '\0';
}

__attribute__((format(printf, 3, 0))) static void fill(struct error *err, enum lang lang,
                                                       const char *format, va_list args)
{
    char raw[4 * sizeof err->text[0]];
    (void)vsnprintf(raw, sizeof raw, format, args);
    write_one_line(err->text[lang], sizeof err->text[lang], raw);
}

int error_set(struct error *err, const char *fr, const char *en, ...)
{
    va_list args;
    err->status = ERROR_FAILED;
    va_start(args, en);
    fill(err, LANG_FR, fr, args);
    va_end(args);
    va_start(args, en);
    fill(err, LANG_EN, en, args);
    va_end(args);
    return -1;
}

int error_usage(struct error *err, const char *fr, const char *en, ...)
{
    va_list args;
    err->status = ERROR_USAGE;
    va_start(args, en);
    fill(err, LANG_FR, fr, args);
    va_end(args);
    va_start(args, en);
    fill(err, LANG_EN, en, args);
    va_end(args);
    return -1;
}

_Noreturn void out_of_memory(void)
{
    static const char sentence[] =
        "autostream: mémoire insuffisante / out of memory: close other programs, or give the "
        "command less to do at once\n";
    ssize_t ignored = write(STDERR_FILENO, sentence, sizeof sentence - 1);
    (void)ignored;
    _exit(1);
}
