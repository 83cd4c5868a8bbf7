/* The card of a model as JSON: what stands in its properties autostream.*; see card.h.
 *
 * They are trained_on, rows, seed, label_rows (rows of each class, a JSON array), profile (the
 * usual range of each input) and any number of evaluations, JSON objects of numbers (holdout, oob,
 * ...). Keys that nobody expects are kept as they are. */
#include "published/card.h"

#include "base/error.h"
#include "fleet/fleet.h"

#include <math.h>
#include <string.h>

/* ---- JSON; a value that cannot be made ends the process: no memory ---- */

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) {
        out_of_memory();
    }
}

static void add(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        out_of_memory();
    }
}

/* NULL, and what is no UTF-8, is null. */
static json_t *words(const char *text)
{
    json_t *value = text != NULL ? json_string(text) : NULL;
    return value != NULL ? value : json_null();
}

static json_t *whole(uint64_t value)
{
    return json_integer(value <= INT64_MAX ? (json_int_t)value : INT64_MAX);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* ---- what people are told ---- */

static const struct text intended = TEXT(
    "Ce modèle aide un atelier à choisir quels véhicules examiner d'abord, et quelle pièce. Il "
    "lit des moyennes de télémétrie et les kilomètres depuis la révision, et rend une "
    "probabilité par sorte de panne.",
    "This model helps a workshop to choose which vehicles to look at first, and which part. It "
    "reads means of telemetry and the kilometres since the last service, and gives a "
    "probability for each kind of failure.");

static const struct text intended_by_others =
    TEXT("Le fichier ne dit pas pour quoi il a été fait. Ici il sert à choisir quels véhicules "
         "examiner d'abord : vérifiez d'abord qu'il a été appris pour cela.",
         "The file does not say what it was made for. Here it serves to choose which vehicles to "
         "look at first: make sure first that it was trained for that.");

const struct text model_limits[] = {
    TEXT(
        "Il ne remplace ni un contrôle de sécurité, ni un diagnostic, ni les entretiens prévus par "
        "le constructeur ; un véhicule « OK » peut tomber en panne.",
        "It replaces no safety check, no diagnosis and no service that the maker asks for; a "
        "vehicle that is \"OK\" can still fail."),
    TEXT(
        "Il ne connaît que les pannes et les véhicules de son historique : une autre flotte, "
        "d'autres capteurs ou une panne nouvelle demandent un nouvel apprentissage.",
        "It only knows the failures and vehicles of its history: another fleet, other sensors or a "
        "new kind of failure call for training again."),
    TEXT("Les données dérivent : comparez de temps en temps les mesures aux valeurs habituelles "
         "ci-dessus, et entraînez de nouveau quand elles s'en éloignent.",
         "Data drift: compare the measures with the usual values above now and then, and train "
         "again when they have moved away."),
    TEXT("Une probabilité est une part de votes d'arbres, pas une garantie ; elle est moins sûre "
         "quand des mesures manquent.",
         "A probability is a share of the trees' votes, no guarantee; it is less certain where "
         "measures are missing."),
    TEXT("Il ne dit rien des personnes : n'en tirez pas de jugement sur les conducteurs.",
         "It says nothing about people: do not judge drivers by it."),
};
const size_t model_limit_count = sizeof model_limits / sizeof *model_limits;

/* ---- reading the properties ---- */

const char *model_property(const struct model_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->card.property_count; i++) {
        const char *key = facts->card.properties[i].key;
        if (strncmp(key, MODEL_OURS, sizeof MODEL_OURS - 1) == 0 &&
            strcmp(key + sizeof MODEL_OURS - 1, name) == 0) {
            return facts->card.properties[i].value;
        }
    }
    return NULL;
}

/* An object with a number in it is an evaluation when it tells how many rows it saw. */
static bool is_evaluation(const json_t *value)
{
    return json_is_object(value) && json_is_number(json_object_get(value, "rows"));
}

void model_card_read(struct model_card *card, const struct model_facts *facts)
{
    static const char *const shown[] = {"trained_on", "rows", "seed"};
    *card = (struct model_card){.facts = facts};
    card->evaluations = json_object();
    card->others = json_object();
    for (size_t i = 0; i < card->facts->card.property_count; i++) {
        const struct forest_property *p = &card->facts->card.properties[i];
        bool ours = strncmp(p->key, MODEL_OURS, sizeof MODEL_OURS - 1) == 0;
        const char *name = ours ? p->key + sizeof MODEL_OURS - 1 : p->key;
        json_t *value = ours ? json_loads(p->value, 0, NULL) : NULL;
        bool known = false;
        for (size_t s = 0; ours && s < sizeof shown / sizeof *shown; s++) {
            known = known || strcmp(name, shown[s]) == 0;
        }
        if (known) {
            json_decref(value);
        } else if (ours && strcmp(name, "profile") == 0 && json_is_object(value) &&
                   !card->profile) {
            card->profile = value;
        } else if (ours && strcmp(name, "label_rows") == 0 && !card->label_rows &&
                   json_array_size(value) == card->facts->classes) {
            card->label_rows = value;
        } else if (ours && is_evaluation(value)) {
            put(card->evaluations, name, value);
        } else {
            put(card->others, p->key, value ? value : words(p->value));
        }
    }
}

void model_card_release(struct model_card *card)
{
    json_decref(card->label_rows);
    json_decref(card->profile);
    json_decref(card->evaluations);
    json_decref(card->others);
}

double model_class_share(const struct model_card *card, size_t c)
{
    double total = 0;
    for (size_t i = 0; i < json_array_size(card->label_rows); i++) {
        total += json_number_value(json_array_get(card->label_rows, i));
    }
    return total > 0 ? json_number_value(json_array_get(card->label_rows, c)) / total : (double)NAN;
}

struct text model_intended_use(const struct model_facts *facts)
{
    bool own = model_property(facts, "trained_on") != NULL && facts->card.feature_names != NULL;
    return own ? intended : intended_by_others;
}

const char *model_input_name(const struct model_facts *facts, size_t i, struct arena *arena)
{
    if (facts->card.feature_names) {
        return facts->card.feature_names[i];
    }
    return facts->features == MODEL_INPUT_COUNT ? model_input_names[i]
                                                : arena_printf(arena, "%zu", i + 1);
}

/* ---- the whole as JSON ---- */

/* A property that is a whole number, else its text; null when there is none. */
static json_t *property_json(const struct model_facts *facts, const char *name)
{
    const char *text = model_property(facts, name);
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    if (json_is_integer(value)) {
        return value;
    }
    json_decref(value);
    return words(text);
}

static json_t *inputs_json(const struct model_card *card, struct arena *arena)
{
    json_t *inputs = json_array();
    for (size_t i = 0; i < card->facts->features; i++) {
        const char *name = model_input_name(card->facts, i, arena);
        json_t *usual = json_object_get(card->profile, name);
        json_t *input = json_object();
        put(input, "name", words(name));
        put(input, "usual", usual ? json_incref(usual) : json_null());
        add(inputs, input);
    }
    return inputs;
}

static json_t *classes_json(const struct model_card *card)
{
    const struct model_facts *facts = card->facts;
    json_t *classes = json_array();
    for (size_t c = 0; c < facts->classes; c++) {
        json_t *object = json_object();
        put(object, "label", words(facts->card.class_labels[c]));
        put(object, "name", words(facts->card.class_names ? facts->card.class_names[c] : NULL));
        put(object, "share", number(model_class_share(card, c)));
        add(classes, object);
    }
    return classes;
}

json_t *model_card_json(const struct model_card *card, struct arena *arena)
{
    const struct model_facts *facts = card->facts;
    json_t *document = json_object();
    put(document, "sha256", words(facts->sha256));
    put(document, "bytes", whole(facts->bytes));
    put(document, "kind", words(facts->boosted ? "boosted" : "forest"));
    put(document, "trees", whole(facts->trees));
    put(document, "nodes", whole(facts->nodes));
    put(document, "producer", words(facts->card.producer));
    put(document, "producer_version", words(facts->card.producer_version));
    put(document, "trained_on", words(model_property(facts, "trained_on")));
    put(document, "rows", property_json(facts, "rows"));
    put(document, "seed", property_json(facts, "seed"));
    put(document, "inputs_named", json_boolean(facts->card.feature_names != NULL));
    put(document, "inputs", inputs_json(card, arena));
    put(document, "classes", classes_json(card));
    put(document, "evaluations", json_incref(card->evaluations));
    put(document, "properties", json_incref(card->others));
    return document;
}
