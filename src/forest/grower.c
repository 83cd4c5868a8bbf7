/* Growing trees in another process: the file with table and options that it gets, the trees that it
 * gives back; see forest.h. Both sides are the same build, so numbers go as they lie in memory;
 * what comes back is checked nevertheless. */
#include "forest/training.h"

#include "base/fs.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MARK[8] = "ASGROW1";

struct task_head {
    char mark[8];
    uint64_t rows, features, classes;
    uint64_t trees, max_depth, min_leaf, max_features, balanced, extra_trees, seed;
};

/* ---- the task ---- */

int forest_task_write(const char *path, const struct forest_data *data,
                      const struct forest_options *options, struct error *err)
{
    struct task_head head = {.rows = data->rows,
                             .features = data->features,
                             .classes = (uint64_t)data->classes,
                             .trees = options->trees,
                             .max_depth = options->max_depth,
                             .min_leaf = options->min_leaf,
                             .max_features = options->max_features,
                             .balanced = options->balanced,
                             .extra_trees = options->extra_trees,
                             .seed = options->seed};
    assert(!data->weight);
    memcpy(head.mark, MARK, sizeof MARK);
    size_t cells = data->rows * data->features;
    FILE *file = fopen(path, "we");
    if (!file) {
        return fs_write_error(path, err);
    }
    bool good = fwrite(&head, sizeof head, 1, file) == 1 &&
                fwrite(data->x, sizeof *data->x, cells, file) == cells &&
                fwrite(data->y, sizeof *data->y, data->rows, file) == data->rows;
    return fclose(file) == 0 && good ? 0 : fs_write_error(path, err);
}

/* ---- the grower ---- */

struct forest_grower {
    void *file; /* mapped, or NULL: the processes of a machine share it */
    size_t size;
    struct forest_data data; /* in the file */
    struct forest_options options;
    struct forest_training job; /* when `ready` */
    bool ready;
};

static int map_file(struct forest_grower *grower, const char *path, struct error *err)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int status = fd >= 0 && fstat(fd, &about) == 0 ? 0 : fs_read_error(path, err);
    if (status == 0 && about.st_size > 0) {
        grower->size = (size_t)about.st_size;
        grower->file = mmap(NULL, grower->size, PROT_READ, MAP_SHARED, fd, 0);
        if (grower->file == MAP_FAILED) {
            grower->file = NULL;
            status = fs_read_error(path, err);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/* Finds options and table in the file; false: it is none of ours. */
static bool read_task(struct forest_grower *grower)
{
    const struct task_head *head = grower->file;
    if (grower->size < sizeof *head || memcmp(head->mark, MARK, sizeof MARK) != 0 ||
        head->rows > INT32_MAX || head->features > FOREST_MAX_FEATURES ||
        head->classes > FOREST_MAX_CLASSES || head->trees > FOREST_MAX_TREES ||
        grower->size != sizeof *head + head->rows * (head->features + 1) * sizeof(float)) {
        return false;
    }
    const float *x = (const float *)(head + 1);
    grower->data = (struct forest_data){.x = x,
                                        .y = (const int *)(x + head->rows * head->features),
                                        .rows = head->rows,
                                        .features = head->features,
                                        .classes = (int)head->classes};
    grower->options = (struct forest_options){.trees = (unsigned)head->trees,
                                              .max_depth = (unsigned)head->max_depth,
                                              .min_leaf = (unsigned)head->min_leaf,
                                              .max_features = (unsigned)head->max_features,
                                              .balanced = head->balanced != 0,
                                              .extra_trees = head->extra_trees != 0,
                                              .seed = head->seed,
                                              .threads = 1};
    return true;
}

int forest_grower_open(const char *path, struct forest_grower **out, struct error *err)
{
    struct forest_grower *grower = xcalloc(1, sizeof *grower);
    *out = grower;
    if (map_file(grower, path, err) != 0) {
        return -1;
    }
    if (!read_task(grower)) {
        return error_set(err, "%s : ce n'est pas une tâche d'apprentissage de ce programme",
                         "%s: this is no training task of this program", path);
    }
    if (training_init(&grower->job, &grower->data, &grower->options, err) != 0) {
        return -1;
    }
    grower->ready = true;
    training_prepare(&grower->job);
    grower->job.scratch[0] = grow_scratch_new(&grower->job.plan);
    return 0;
}

void forest_grower_close(struct forest_grower *grower)
{
    if (grower) {
        if (grower->ready) {
            training_release(&grower->job);
        }
        if (grower->file) {
            (void)munmap(grower->file, grower->size);
        }
        free(grower);
    }
}

/* ---- trees as bytes ---- */

struct tree_head {
    uint64_t index, node_count, vote_count;
};

static char *put(char *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    return to + size;
}

/* The bytes behind the head. */
static uint64_t tree_size(const struct tree_head *head)
{
    const struct grown_tree *t = NULL;
    return head->node_count * (sizeof *t->nodes + sizeof *t->cover + sizeof *t->missing_left) +
           head->vote_count * sizeof *t->votes;
}

int forest_grower_tree(struct forest_grower *grower, size_t index, struct arena *arena,
                       struct bytes *out, struct error *err)
{
    struct grown_tree tree = {0};
    if (index >= grower->job.plan.trees) {
        return error_set(err, "arbre %zu : il n'y en a que %u", "tree %zu: there are only %u",
                         index, grower->job.plan.trees);
    }
    grow_tree(grower->job.scratch[0], (unsigned)index, &tree);
    const struct tree_head head = {index, tree.node_count, tree.vote_count};
    size_t size = sizeof head + tree_size(&head);
    char *bytes = arena_alloc(arena, size, 1);
    char *end = put(bytes, &head, sizeof head);
    end = put(end, tree.nodes, tree.node_count * sizeof *tree.nodes);
    end = put(end, tree.votes, tree.vote_count * sizeof *tree.votes);
    end = put(end, tree.cover, tree.node_count * sizeof *tree.cover);
    (void)put(end, tree.missing_left, tree.node_count * sizeof *tree.missing_left);
    *out = (struct bytes){bytes, size};
    grown_tree_release(&tree);
    return 0;
}

/* Children stand behind their parent and within the tree, votes and classes within bounds. */
static bool is_sound(const struct grown_tree *tree, const struct forest_data *data)
{
    for (size_t i = 0; i < tree->node_count; i++) {
        const struct forest_node *node = &tree->nodes[i];
        bool leaf = node->feature == FOREST_LEAF;
        if (leaf ? node->left > node->right || node->right > tree->vote_count
                 : node->feature < 0 || (size_t)node->feature >= data->features ||
                       isnan(node->threshold) || node->left <= i || node->right <= i ||
                       node->left >= tree->node_count || node->right >= tree->node_count) {
            return false;
        }
    }
    for (size_t v = 0; v < tree->vote_count; v++) {
        if (tree->votes[v].label < 0 || tree->votes[v].label >= data->classes) {
            return false;
        }
    }
    return tree->node_count > 0;
}

static const char *take(void *to, const char *from, size_t size)
{
    memcpy(to, from, size);
    return from + size;
}

int tree_decode(const void *bytes, size_t size, const struct forest_data *data, size_t trees,
                size_t *index, struct grown_tree *tree, struct error *err)
{
    struct tree_head head = {.index = SIZE_MAX};
    const char *at = bytes;
    if (size >= sizeof head) {
        at = take(&head, at, sizeof head);
        size -= sizeof head;
    }
    if (head.index < trees && head.node_count <= size && head.vote_count <= size &&
        tree_size(&head) == size) {
        *index = head.index;
        tree->node_count = head.node_count;
        tree->vote_count = head.vote_count;
        tree->nodes = xcalloc(tree->node_count, sizeof *tree->nodes);
        tree->votes = xcalloc(tree->vote_count, sizeof *tree->votes);
        tree->cover = xcalloc(tree->node_count, sizeof *tree->cover);
        tree->missing_left = xcalloc(tree->node_count, sizeof *tree->missing_left);
        at = take(tree->nodes, at, tree->node_count * sizeof *tree->nodes);
        at = take(tree->votes, at, tree->vote_count * sizeof *tree->votes);
        at = take(tree->cover, at, tree->node_count * sizeof *tree->cover);
        for (size_t i = 0; i < tree->node_count; i++) {
            tree->missing_left[i] = at[i] != 0;
        }
        if (is_sound(tree, data)) {
            return 0;
        }
        grown_tree_release(tree);
    }
    return error_set(err, "un arbre est revenu abîmé ; relancez la commande",
                     "a tree came back damaged; repeat the command");
}
