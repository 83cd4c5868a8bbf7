/* The forest as an object: what it measures, and its end. Memory only. */
#include "forest/impl.h"

#include "forest/layout.h"

#include <stdlib.h>

void forest_free(struct forest *forest)
{
    if (forest) {
        free(forest->roots);
        free(forest->nodes);
        free(forest->votes);
        free(forest->missing_left);
        free(forest->cover);
        free(forest->base);
        layout_free(atomic_load(&forest->layout));
        free(forest);
    }
}

size_t forest_features(const struct forest *forest)
{
    return forest->features;
}

int forest_classes(const struct forest *forest)
{
    return forest->classes;
}

size_t forest_trees(const struct forest *forest)
{
    return forest->trees;
}

size_t forest_nodes(const struct forest *forest)
{
    return forest->node_count;
}

bool forest_is_boosted(const struct forest *forest)
{
    return forest->post != POST_NONE;
}
