/* Texts of model files, for this room only. */
#ifndef FOREST_MODEL_TEXT_H
#define FOREST_MODEL_TEXT_H

#include <stdbool.h>

/* True when `text` is well-formed UTF-8 (RFC 3629). */
bool model_text_is_utf8(const char *text);

#endif
