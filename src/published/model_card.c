/* What a model file tells about itself; see published.h. Reads the file, writes nothing. */
#include "published/model.h"

int published_model(const struct session *session, const char *model_path, struct arena *arena,
                    struct model_facts *out, struct error *err)
{
    struct forest *forest = NULL;
    char sha256[HASH_TEXT_SIZE];
    *out = (struct model_facts){.path = model_path};
    if (!model_path) {
        out->path = arena_printf(arena, "%s/models/model_pannes.onnx", session->data);
    }
    if (model_read(out->path, arena, &forest, &out->card, out->sha256, err) != 0 ||
        hash_file(out->path, sha256, &out->bytes, err) != 0) {
        forest_free(forest);
        return -1;
    }
    out->boosted = forest_is_boosted(forest);
    out->trees = forest_trees(forest);
    out->nodes = forest_nodes(forest);
    out->features = forest_features(forest);
    out->classes = (size_t)forest_classes(forest);
    forest_free(forest);
    return 0;
}
