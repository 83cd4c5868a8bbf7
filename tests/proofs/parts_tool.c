/* Publishes one table as part files or as one file, with a neighbour before and behind it, for the
 * proofs: base/publish.h alone, as a run does it.
 *
 * usage: parts_tool --data DIR --run-date D -q --threads N WORD [PARTS]
 *   verify   finishes a publication that was begun, as every command does
 *   other    publishes; the word stands in each file. PARTS part files, 0: one file */
#include "base/fs.h"
#include "base/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_AT = 8 };

static int stage(struct publication *p, const char *relative, unsigned parts, const char *word,
                 struct error *err)
{
    struct arena arena = {0};
    const char *path = publish_stage(p, relative, NULL);
    int status = 0;
    if (parts == 0) {
        status = fs_write(path, word, strlen(word), err);
    } else {
        status = fs_make_folders(path, err);
    }
    for (unsigned i = 0; i < parts && status == 0; i++) {
        const char *text = arena_printf(&arena, "%s %u", word, i);
        status = fs_write(arena_printf(&arena, "%s/part-%05u.parquet", path, i), text, strlen(text),
                          err);
    }
    arena_release(&arena);
    return status;
}

int main(int argc, char **argv)
{
    struct publication p = {0};
    struct error err = {0};
    int status = 1;
    if (argc <= WORD_AT) {
        return 2;
    }
    const char *root = argv[2];
    const char *word = argv[WORD_AT];
    unsigned parts = argc > WORD_AT + 1 ? (unsigned)strtoul(argv[WORD_AT + 1], NULL, 10) : 0;
    if (strcmp(word, "verify") == 0
            ? publish_recover(root, &err) == 0
            : publish_begin(&p, root, &err) == 0 && stage(&p, "a", 0, word, &err) == 0 &&
                  stage(&p, "gold/t.parquet", parts, word, &err) == 0 &&
                  stage(&p, "z", 0, word, &err) == 0 && publish_commit(&p, &err) == 0) {
        status = 0;
    } else {
        (void)fprintf(stderr, "autostream: %s\n", err.text[LANG_EN]);
    }
    publish_end(&p);
    return status;
}
