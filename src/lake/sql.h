/* The SELECT files of sql/, embedded at build time. */
#ifndef LAKE_SQL_H
#define LAKE_SQL_H

/* The text of sql/FILE; ends the program (our own mistake) when there is no such file. */
const char *sql_text(const char *file);

struct sql_file {
    const char *file;
    const char *text;
};

extern const struct sql_file sql_files[]; /* ends with a NULL file */

#endif
