/* Training on Spark: its executors grow the trees of a forest, each by its own number, with this
 * same program (`autostream worker grow`); see learning.h. The table goes to them as a file, the
 * trees come back as bytes: the forest is the one of a single machine. */
#include "pipeline/learning.h"

#include "base/fs.h"

#include <assert.h>

static int take_tree(void *context, struct bytes piece, struct error *err)
{
    return forest_take_tree(context, piece.data, piece.size, err);
}

static int grow(void *context, const struct forest_data *data, const struct forest_options *options,
                struct forest_training *out, struct error *err)
{
    struct tree_workers *w = context;
    const char *name = arena_printf(&w->arena, "forest-%u.task", ++w->forests);
    const char *path = arena_printf(&w->arena, "%s/scratch/%s", w->publication.staging, name);
    const char *const worker[] = {"worker", "grow", "--task", name, NULL};
    const char *const files[] = {path, NULL};
    const struct lake_spread spread = {.worker = worker, .worker_files = files};
    options->progress(options->progress_context, 0, w->trees);
    if (forest_task_write(path, data, options, err) != 0 ||
        lake_spread(w->lake, &spread, take_tree, out, err) != 0) {
        return -1;
    }
    return fs_remove_tree(path, err);
}

/* One piece a tree: its number says all. */
static int feed_numbers(struct tree_workers *w, struct error *err)
{
    struct batch batch;
    batch_init(&batch, &lake_pieces, &w->arena);
    for (unsigned tree = 0; tree < w->trees; tree++) {
        batch.values[0].whole[batch.rows] = tree;
        batch.values[1].text[batch.rows++] = (struct bytes){"", 0};
        if (batch.rows == BATCH_ROWS || tree + 1 == w->trees) {
            if (lake_append(w->lake, &batch, err) != 0) {
                return -1;
            }
            batch.rows = 0;
        }
    }
    return lake_flush(w->lake, err);
}

int tree_workers_open(struct tree_workers *w, const struct session *session, unsigned trees,
                      struct error *err)
{
    struct lake_options options = {.engine = LAKE_SPARK,
                                   .spark_master = session->spark_master,
                                   .threads = session->threads,
                                   .memory = session->memory};
    assert(trees > 0);
    *w = (struct tree_workers){.elsewhere = {grow, w}, .trees = trees};
    if (publish_begin(&w->publication, session->data, err) != 0) {
        return -1;
    }
    options.scratch = arena_printf(&w->arena, "%s/scratch", w->publication.staging);
    if (lake_open(&w->lake, &options, err) != 0 || lake_create(w->lake, &lake_pieces, err) != 0) {
        return -1;
    }
    return feed_numbers(w, err);
}

void tree_workers_close(struct tree_workers *w)
{
    lake_close(w->lake);
    publish_end(&w->publication);
    arena_release(&w->arena);
    *w = (struct tree_workers){0};
}
