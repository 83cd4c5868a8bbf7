/* What stands behind lake.h: one table of calls an engine. For this room only. Each call means what
 * lake.h says of the function of its name. */
#ifndef LAKE_ENGINE_H
#define LAKE_ENGINE_H

#include "lake/lake.h"

struct lake_engine {
    void (*close)(struct lake *lake); /* never called with NULL */
    int (*constant_date)(struct lake *lake, const char *name, int32_t date, struct error *err);
    int (*constant_real)(struct lake *lake, const char *name, double value, struct error *err);
    int (*create)(struct lake *lake, const struct table *table, struct error *err);
    int (*create_distinct)(struct lake *lake, const struct table *table,
                           const struct lake_distinct *distinct,
                           struct error *err); /* NULL: as create() */
    int (*append)(struct lake *lake, const struct batch *batch, struct error *err);
    int (*flush)(struct lake *lake, struct error *err);
    int (*define)(struct lake *lake, const char *name, const char *select,
                  enum lake_definition kind, struct error *err); /* its text, not its file */
    int (*define_distinct)(struct lake *lake, const struct table *table, const char *from,
                           const struct lake_distinct *distinct, struct error *err);
    int (*words)(struct lake *lake, const char *name, const char *word_column,
                 const char *const *words, size_t count, struct error *err);
    int (*open_parquet)(struct lake *lake, const char *name, const struct table *table,
                        const char *folder, const char *pattern, struct error *err);
    int (*columns)(struct lake *lake, const char *name, struct arena *arena,
                   struct column **columns, size_t *count, struct error *err);
    int (*write)(struct lake *lake, const struct lake_file *files, size_t count, struct error *err);
    int (*each)(struct lake *lake, const char *sql,
                int (*row)(void *context, const struct bytes *cells, size_t count,
                           struct error *err),
                void *context, struct error *err);
    int (*each_block)(struct lake *lake, const char *from, const char *const *columns,
                      size_t column_count, const char *order,
                      int (*block)(void *context, const double *x, size_t rows, struct error *err),
                      void *context, struct error *err);
    int (*map)(struct lake *lake, const char *from, const struct lake_function *function,
               struct error *err);
    /* Of DuckDB alone: what readers, people's files and C functions in SQL need; what is quicker
     * where rows of a table stand in an order that begins with these columns. */
    int (*ask)(struct lake *lake, const char *sql, const char *const *values, size_t value_count,
               int (*row)(void *context, const struct bytes *cells, size_t count,
                          struct error *err),
               void *context, struct error *err); /* as each(), with bound values */
    int (*open_file)(struct lake *lake, const char *name, const char *path, struct error *err);
    int (*drop)(struct lake *lake, const char *name, struct error *err);
    int (*scalar)(struct lake *lake, const struct lake_scalar *scalar, struct error *err);
    struct lake *(*beside)(struct lake *lake);
    int (*use_threads)(struct lake *lake, unsigned threads, struct error *err);
    void (*plan_simply)(struct lake *lake);
    void (*keep_no_order)(struct lake *lake);
    int (*sum)(struct lake *lake, const struct lake_sums *sums,
               struct error *err); /* 1: unknown, to be found by grouping */
    int (*repeated)(struct lake *lake, const char *table, const char *columns, uint64_t *repeated,
                    struct error *err); /* 1: unknown, to be found by grouping */
    int (*nulls)(struct lake *lake, const struct table *table, uint64_t *rows,
                 uint64_t *nulls); /* 1: unknown, to be counted */
    int (*days)(struct lake *lake, const char *table, const char *column, struct arena *arena,
                int32_t **days, size_t *count, struct error *err); /* 1: unknown */
    /* Of Spark alone. */
    int (*transform)(struct lake *lake, const struct lake_transform *transform, struct error *err);
    int (*list_files)(struct lake *lake, const char *address, const char *pattern,
                      int (*row)(void *context, const struct bytes *cells, size_t count,
                                 struct error *err),
                      void *context, struct error *err);
    int (*fetch)(struct lake *lake, const char *address, const char *pattern, const char *to,
                 struct error *err);
    int (*spread)(struct lake *lake, const struct lake_spread *spread,
                  int (*take)(void *context, struct bytes piece, struct error *err), void *context,
                  struct error *err);
};

/* The first member of an engine's session. */
struct lake {
    const struct lake_engine *engine;
};

/* What lake_open() calls for each engine; the session is for lake_close(). */
int duck_open(struct lake **out, const struct lake_options *options, struct error *err);
int spark_open(struct lake **out, const struct lake_options *options, struct error *err);

#endif
