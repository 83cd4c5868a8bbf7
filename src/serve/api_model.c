/* GET model: the card of the model that made the results, or of the one that is there now. */
#include "serve/call.h"

#include "published/card.h"

#include <stdlib.h>
#include <string.h>

static void put_json(struct body *out, const char *name, const json_t *value)
{
    char *text = value == NULL
                     ? NULL
                     : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    body_key(out, name);
    body_text(out, text != NULL ? text : "null");
    free(text);
}

static const json_t *property_of(const struct model_card *card, const char *name)
{
    return json_object_get(card->others, name);
}

/* What it was checked on: the one of the evaluations that has intervals is the one that counts. */
static const char *checked_on(const struct model_card *card)
{
    static const char *const names[] = {"holdout", "folds", "oob"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (json_object_get(card->evaluations, names[i]) != NULL) {
            return names[i];
        }
    }
    return NULL;
}

/* The name that people know a class by: of a failure of ours, else what the file says. */
static void put_class_name(struct body *out, const struct model_facts *facts, size_t c)
{
    char *end;
    long failure = strtol(facts->card.class_labels[c], &end, 10);
    const char *name = facts->card.class_names != NULL ? facts->card.class_names[c] : NULL;
    bool ours = *end == '\0' && failure >= 0 && failure < FAILURE_COUNT;
    const struct text other = {{name, name}};
    body_put_words(out, "name", ours ? &failure_kinds[failure].label : &other);
}

/* Precision, recall and F1 of each class, with its name. */
static void put_class_metrics(struct body *out, const struct model_card *card)
{
    const json_t *classes = property_of(card, MODEL_OURS "classes");
    body_key(out, "class_metrics");
    body_open(out, '[');
    for (size_t c = 0; c < json_array_size(classes) && c < card->facts->classes; c++) {
        const json_t *each = json_array_get(classes, c);
        body_open(out, '{');
        body_put_string(out, "label", card->facts->card.class_labels[c]);
        put_class_name(out, card->facts, c);
        put_json(out, "rows", json_object_get(each, "rows"));
        put_json(out, "precision", json_object_get(each, "precision"));
        put_json(out, "recall", json_object_get(each, "recall"));
        put_json(out, "f1", json_object_get(each, "f1"));
        body_close(out, '}');
    }
    body_close(out, ']');
}

static void put_list(struct body *out, const char *name, const json_t *list)
{
    if (json_is_array(list)) {
        put_json(out, name, list);
    } else {
        body_key(out, name);
        body_open(out, '[');
        body_close(out, ']');
    }
}

static void put_words_of(struct body *out, const struct model_facts *facts)
{
    struct text use = model_intended_use(facts);
    body_put_words(out, "intended_use", &use);
    body_key(out, "limits");
    body_open(out, '[');
    for (size_t i = 0; i < model_limit_count; i++) {
        body_words(out, &model_limits[i]);
    }
    body_close(out, ']');
}

static void put_card(struct call *call, const struct model_card *card)
{
    struct body *out = call->out;
    json_t *document = model_card_json(card, call->arena);
    const char *key;
    json_t *value;
    body_open(out, '{');
    body_put_date(out, "run_date", call->run->record.run_date);
    body_put_bool(out, "matches_run",
                  strcmp(card->facts->sha256, call->run->record.model_sha256) == 0);
    json_object_foreach(document, key, value)
    {
        put_json(out, key, value);
    }
    json_decref(document);
    put_words_of(out, card->facts);
    body_put_string(out, "checked", checked_on(card));
    put_list(out, "confusion", property_of(card, MODEL_OURS "confusion"));
    put_class_metrics(out, card);
    put_list(out, "importance", property_of(card, MODEL_OURS "importance"));
    put_list(out, "reliability", property_of(card, MODEL_OURS "reliability"));
    body_close(out, '}');
}

int api_model(struct call *call)
{
    const struct loaded_run *run = call->run;
    struct model_facts facts;
    struct model_card card;
    struct error err;
    const char *path = run->explains ? run->explainer.model.path : NULL;
    if (published_model(&run->session, path, call->arena, &facts, &err) != 0) {
        return problem_set(call->problem, 404, "no-model",
                           "le modèle n'est plus là ou ne peut pas être lu ; apprenez-en un : "
                           "autostream train",
                           "the model is gone or cannot be read; train one: autostream train");
    }
    model_card_read(&card, &facts);
    put_card(call, &card);
    model_card_release(&card);
    return 0;
}
