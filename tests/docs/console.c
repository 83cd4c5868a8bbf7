/* Examples of documents, run and compared; see console.h. Works in temporary folders. */
#include "tests.h"

#include "docs/console.h"

#include "support/run.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK = 0x1e }; /* ASCII record separator: printed between the outputs of two commands */

struct lines {
    char **line;
    size_t count;
};

struct step {
    size_t line;   /* of the command in the document, from 1 */
    char *command; /* may hold several lines */
    size_t shown_line;
    struct lines shown;
    struct lines printed;
    int status; /* -1: was not run */
};

struct steps {
    struct step *step;
    size_t count;
};

/* ---- reading the document ---- */

static struct lines split(struct arena *arena, const char *text)
{
    size_t count = 1;
    for (const char *p = text; *p != '\0'; p++) {
        count += *p == '\n';
    }
    struct lines lines = {ARENA_NEW(arena, char *, count), 0};
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        size_t kept = length;
        while (kept > 0 && text[kept - 1] == ' ') {
            kept--;
        }
        lines.line[lines.count++] = arena_copy(arena, text, kept);
        text += length + (text[length] == '\n');
    }
    return lines;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static struct steps read_steps(struct arena *arena, const char *text)
{
    struct lines lines = split(arena, text);
    struct steps steps = {ARENA_NEW(arena, struct step, lines.count + 1), 0};
    bool inside = false;
    struct step *step = NULL; /* of this block */
    for (size_t i = 0; i < lines.count; i++) {
        char *line = lines.line[i];
        if (!inside || starts_with(line, "```")) {
            inside = strcmp(line, "```console") == 0;
            step = NULL;
        } else if (starts_with(line, "$ ")) {
            step = &steps.step[steps.count++];
            *step = (struct step){.line = i + 1, .command = line + 2, .status = -1};
            while (step->command[strlen(step->command) - 1] == '\\' && i + 1 < lines.count) {
                step->command = arena_printf(arena, "%s\n%s", step->command, lines.line[++i]);
            }
            step->shown_line = i + 2;
            step->shown.line = &lines.line[i + 1];
        } else if (step != NULL) {
            step->shown.count++;
        }
    }
    return steps;
}

/* ---- running ---- */

/* Between two commands the script prints a mark, the exit status, and a mark. */
static char *script_of(struct arena *arena, const struct steps *steps)
{
    char *script = arena_strdup(arena, "exec 2>&1 </dev/null\n");
    for (size_t i = 0; i < steps->count; i++) {
        script =
            arena_printf(arena, "%s%s\nstatus=$?; printf '\\036%%d\\036' $status; (exit $status)\n",
                         script, steps->step[i].command);
    }
    return script;
}

static void take_outputs(struct arena *arena, struct steps *steps, const char *out)
{
    for (size_t i = 0; i < steps->count; i++) {
        const char *mark = strchr(out, MARK);
        size_t length = mark != NULL ? (size_t)(mark - out) : strlen(out);
        steps->step[i].printed = split(arena, arena_copy(arena, out, length));
        if (mark == NULL) {
            return; /* bash ended here */
        }
        char *end;
        steps->step[i].status = (int)strtol(mark + 1, &end, 10);
        out = end + 1;
    }
}

static void run_steps(struct arena *arena, struct steps *steps, const char *bin)
{
    char *folder = temp_folder(arena);
    char *script_folder = temp_folder(arena);
    const char *script = script_of(arena, steps);
    const char *path = write_file(arena, script_folder, "script", script, strlen(script));
    const char *const argv[] = {"bash", "--norc", path, NULL};
    const char *const env[] = {arena_printf(arena, "PATH=%s:%s", bin, getenv("PATH")),
                               arena_printf(arena, "HOME=%s", folder), "COLUMNS=80", "BASH_ENV",
                               NULL};
    const struct program_options options = {.env = env, .cwd = folder};
    struct program_result result;
    run_program(arena, &result, argv, &options);
    take_outputs(arena, steps, result.out);
    temp_folder_remove(script_folder);
    temp_folder_remove(folder);
}

/* ---- comparing ---- */

/* The length of a number with exactly two decimals (0.13 or 0,13) at `text`, or 0. */
static size_t two_decimals(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    if (whole == 0 || (text[whole] != '.' && text[whole] != ',')) {
        return 0;
    }
    size_t decimals = strspn(text + whole + 1, "0123456789");
    return decimals == 2 ? whole + 1 + decimals : 0;
}

static bool has_duration(const char *line)
{
    for (const char *p = line; *p != '\0'; p++) {
        size_t length = two_decimals(p);
        if (length > 0 && starts_with(p + length, " s") && !isalpha((unsigned char)p[length + 2])) {
            return true;
        }
    }
    return false;
}

int console_same_line(const char *shown, const char *printed)
{
    if (!has_duration(shown) || !has_duration(printed)) {
        return strcmp(shown, printed) == 0;
    }
    while (*shown != '\0' && *printed != '\0') {
        size_t a = two_decimals(shown);
        size_t b = two_decimals(printed);
        if (a == 0 || b == 0) {
            if (*shown != *printed) {
                return 0;
            }
            a = b = 1;
        }
        shown += a;
        printed += b;
    }
    return *shown == *printed;
}

static bool is_gap(const char *line)
{
    return strcmp(line, "...") == 0;
}

/* Do the lines from `s` and `p` on agree? *furthest is how many shown lines found their match in
 * the best attempt, *stuck the printed line at which it ended. */
static bool agree(const struct step *step, size_t s, size_t p, size_t *furthest, size_t *stuck)
{
    const struct lines *shown = &step->shown;
    const struct lines *printed = &step->printed;
    while (s < shown->count && !is_gap(shown->line[s]) && p < printed->count &&
           console_same_line(shown->line[s], printed->line[p])) {
        s++;
        p++;
    }
    if (s >= *furthest) {
        *furthest = s;
        *stuck = p;
    }
    if (s < shown->count && is_gap(shown->line[s])) {
        for (size_t skip = p; skip <= printed->count; skip++) {
            if (agree(step, s + 1, skip, furthest, stuck)) {
                return true;
            }
        }
        return false;
    }
    return s == shown->count && p == printed->count;
}

/* What is wrong with one step, or NULL. */
static const char *complaint(struct arena *arena, const char *name, const struct step *step,
                             bool may_fail)
{
    size_t furthest = 0;
    size_t stuck = 0;
    const char *head = arena_printf(arena, "%s:%zu: $ %s\n", name, step->line, step->command);
    const char *status = "";
    if (step->status != 0 && !may_fail) {
        status = step->status < 0
                     ? "  the shell ended here\n"
                     : arena_printf(arena, "  failed with exit status %d\n", step->status);
    }
    if (agree(step, 0, 0, &furthest, &stuck) && *status == '\0') {
        return NULL;
    }
    const char *shown =
        furthest < step->shown.count ? step->shown.line[furthest] : "(no more lines)";
    const char *printed =
        stuck < step->printed.count ? step->printed.line[stuck] : "(no more lines)";
    const char *text = arena_printf(arena, "%s%s%s:%zu:\n- shown:   %s\n+ printed: %s\n", head,
                                    status, name, step->shown_line + furthest, shown, printed);
    text = arena_printf(arena, "%sall that was printed:\n", text);
    for (size_t i = 0; i < step->printed.count; i++) {
        text = arena_printf(arena, "%s  %s\n", text, step->printed.line[i]);
    }
    return text;
}

const char *console_check(struct arena *arena, const char *name, const char *text, const char *bin,
                          size_t *commands)
{
    struct steps steps = read_steps(arena, text);
    const char *all = NULL;
    *commands = steps.count;
    if (steps.count == 0) {
        return NULL;
    }
    run_steps(arena, &steps, bin);
    for (size_t i = 0; i < steps.count; i++) {
        bool may_fail = i + 1 < steps.count && strcmp(steps.step[i + 1].command, "echo $?") == 0;
        const char *one = complaint(arena, name, &steps.step[i], may_fail);
        if (one != NULL) {
            all = arena_printf(arena, "%s%s", all != NULL ? all : "", one);
        }
        if (steps.step[i].status < 0) {
            break;
        }
    }
    return all;
}
