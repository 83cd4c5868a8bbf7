/* What reading and writing model files share, for this room only: the names in the file. */
#ifndef FOREST_MODEL_IO_H
#define FOREST_MODEL_IO_H

#include "forest/impl.h"

#include "onnx.pb-c.h"

/* metadata_props of ours. Names are one property each ("autostream.feature.0"), so that no text
 * needs escaping; the format comes last, so that a file that was cut has none. */
#define KEY_FEATURE "autostream.feature."
#define KEY_CLASS "autostream.class."
#define KEY_FORMAT "autostream.format"
#define FORMAT_VERSION "1"
#define PRODUCER "autostream"
#define ML_DOMAIN "ai.onnx.ml"

/* True when `text` is well-formed UTF-8 (RFC 3629). */
bool model_text_is_utf8(const char *text);

/* Builds a forest from the attributes of a TreeEnsembleClassifier over `features` inputs, and fills
 * the card's labels (owned by the arena). Whatever could change a result is refused. `name` is only
 * for messages. The caller frees the forest. */
int model_read_trees(const Onnx__NodeProto *node, size_t features, const char *name,
                     struct arena *arena, struct forest **out, struct forest_card *card,
                     struct error *err);

#endif
