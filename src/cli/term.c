/* Terminals: what they can show, and the progress bar; see term.h. Reads the environment and the
 * monotonic clock, writes to the stream it was given. */
#include "cli/term.h"

#include "cli/words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH_WHEN_UNKNOWN = 80, WIDTH_AT_MOST = 1000, BAR_CELLS = 20 };

static const double SECONDS_BETWEEN_DRAWINGS = 0.1;

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0';
}

/* COLUMNS when somebody exported it, else what the terminal says; 0 for files and pipes. */
static unsigned find_width(FILE *stream, bool is_terminal)
{
    const char *columns = getenv("COLUMNS");
    if (columns != NULL && strspn(columns, "0123456789") == strlen(columns)) {
        unsigned long width = strtoul(columns, NULL, 10);
        if (width > 0 && width <= WIDTH_AT_MOST) {
            return (unsigned)width;
        }
    }
    struct winsize size;
    if (!is_terminal) {
        return 0;
    }
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return WIDTH_WHEN_UNKNOWN;
    }
    return size.ws_col;
}

void term_init(struct term *term, FILE *stream)
{
    const char *kind = getenv("TERM");
    bool is_terminal = isatty(fileno(stream)) == 1;
    bool dumb = kind == NULL || *kind == '\0' || strcmp(kind, "dumb") == 0;
    *term = (struct term){.stream = stream, .terminal = is_terminal && !dumb};
    term->colour = term->terminal && !is_set("NO_COLOR");
    term->width = find_width(stream, is_terminal);
}

const char *term_on(const struct term *term, enum style style)
{
    static const char *const sequences[STYLE_COUNT] = {
        "", "\033[1m", "\033[2m", "\033[1;31m", "\033[33m", "\033[36m", "\033[32m"};
    return term->colour ? sequences[style] : "";
}

const char *term_off(const struct term *term, enum style style)
{
    return term->colour && style != STYLE_NONE ? "\033[0m" : "";
}

static double now(void)
{
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time) != 0) {
        return 0;
    }
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void progress_init(struct progress_bar *bar, const struct term *term, enum lang lang, bool enabled)
{
    *bar = (struct progress_bar){.term = term, .lang = lang, .enabled = enabled && term->terminal};
    bar->started = bar->drawn = now();
}

/* "Silver [####----] 45 %  450 / 1 000  1,2 s", or without the middle when the total is unknown. */
static const char *line_of(struct progress_bar *bar, const struct text *stage, uint64_t done,
                           uint64_t total)
{
    struct arena *arena = &bar->scratch;
    const char *elapsed = words_real(arena, bar->lang, bar->drawn - bar->started, 1);
    const char *count = words_whole(arena, bar->lang, done);
    const char *name = stage->in[bar->lang];
    if (total == 0) {
        return arena_printf(arena, "%s  %s  %s s", name, count, elapsed);
    }
    double share = done >= total ? 1 : (double)done / (double)total;
    char cells[BAR_CELLS + 1] = "";
    for (int i = 0; i < BAR_CELLS; i++) {
        cells[i] = i < (int)(share * BAR_CELLS) ? '#' : '-';
    }
    return arena_printf(arena, "%s [%s] %s  %s / %s  %s s", name, cells,
                        words_percent(arena, bar->lang, share, 0), count,
                        words_whole(arena, bar->lang, total), elapsed);
}

void progress_tell(void *context, const struct text *stage, uint64_t done, uint64_t total)
{
    struct progress_bar *bar = context;
    double time = now();
    if (!bar->enabled || time - bar->drawn < SECONDS_BETWEEN_DRAWINGS) {
        return;
    }
    bar->drawn = time;
    bar->visible = true;
    arena_clear(&bar->scratch);
    const char *line = line_of(bar, stage, done, total);
    size_t room = bar->term->width > 1 ? bar->term->width - 1 : 1;
    (void)fprintf(bar->term->stream, "\r\033[K%s", words_cut(&bar->scratch, line, room));
    (void)fflush(bar->term->stream);
}

void progress_clear(struct progress_bar *bar)
{
    if (bar->visible) {
        (void)fputs("\r\033[K", bar->term->stream);
        (void)fflush(bar->term->stream);
        bar->visible = false;
    }
}

void progress_release(struct progress_bar *bar)
{
    if (bar->term != NULL) {
        progress_clear(bar);
    }
    arena_release(&bar->scratch);
}
