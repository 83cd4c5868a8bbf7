/* The card of a model: what stands in its file beside the trees, for people and as JSON. */
#ifndef PUBLISHED_CARD_H
#define PUBLISHED_CARD_H

#include "published/published.h"

#include <jansson.h>

#define MODEL_OURS "autostream." /* how the keys of our properties begin */

/* The model, and its properties as JSON. */
struct model_card {
    const struct model_facts *facts;
    json_t *label_rows;  /* [rows of class 0, of class 1, ...], or NULL */
    json_t *profile;     /* {"input": {"p05": .., "p50": .., "p95": .., "missing": ..}}, or NULL */
    json_t *evaluations; /* {"holdout": {"rows": .., "accuracy": ..}, ...} */
    json_t *others;      /* what is none of the above, by the whole key */
};

/* Takes the properties apart; for model_card_release(). The facts must outlive the card. */
void model_card_read(struct model_card *card, const struct model_facts *facts);
void model_card_release(struct model_card *card);

/* The value of property autostream.NAME, or NULL. */
const char *model_property(const struct model_facts *facts, const char *name);

/* The name of input i: the file's, or the contract's when the file has none and as many inputs. */
const char *model_input_name(const struct model_facts *facts, size_t i, struct arena *arena);

/* Share of the training rows that had class c; NAN when the file does not tell. */
double model_class_share(const struct model_card *card, size_t c);

/* What a model is for, and its limits. */
struct text model_intended_use(const struct model_facts *facts);
extern const struct text model_limits[];
extern const size_t model_limit_count;

/* The whole as one object, but for what is told in words; the caller gives it back. */
json_t *model_card_json(const struct model_card *card, struct arena *arena);

#endif
