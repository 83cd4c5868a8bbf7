/* Finds an embedded SELECT file by name; see sql.h. */
#include "lake/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sql_text(const char *file)
{
    for (const struct sql_file *f = sql_files; f->file; f++) {
        if (strcmp(f->file, file) == 0) {
            return f->text;
        }
    }
    (void)fprintf(stderr, "autostream: bug: sql/%s is not in the program\n", file);
    abort();
}
