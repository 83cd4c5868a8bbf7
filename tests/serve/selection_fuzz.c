/* Fuzz target of the parameters of selections, orders and exports: any "name=value&name=value";
 * what is taken stays within its lists, and what is refused says why. */
#include "fuzz.h"

#include "serve/store_data.h"

#include <stdlib.h>
#include <string.h>

static void check(bool right)
{
    if (!right) {
        abort();
    }
}

static void check_selection(const struct selection *selection)
{
    check(selection->modele_count <= LIST_AT_MOST && selection->annee_count <= LIST_AT_MOST);
    check(selection->statuts >> STATUT_COUNT == 0 && selection->pannes >> FAILURE_COUNT == 0);
    check(selection->prob_min >= 0 && selection->prob_min <= 1);
    check(!selection->q || strlen(selection->q) <= SEARCH_AT_MOST);
    for (size_t i = 0; i < selection->modele_count; i++) {
        check(selection->modeles[i] != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct arena arena = {0};
    struct selection selection = {0};
    struct export_query export = {0};
    char *rest = arena_copy(&arena, bytes, size);
    for (char *one; (one = strsep(&rest, "&")) != NULL;) {
        struct error err = {0};
        struct sort_order order;
        char *value = strchr(one, '=');
        if (value) {
            *value++ = '\0';
            bool refused = selection_set(&selection, one, value, &arena, &err) < 0 ||
                           export_set(&export, one, value, &err) < 0;
            check(refused == (err.text[LANG_EN][0] != '\0'));
            if (sort_parse(value, &order, &err) == 0) {
                check(strcmp(sort_text(order, &arena), value) == 0);
            }
        }
        check_selection(&selection);
        check(export.column_count <= LIST_AT_MOST);
    }
    arena_release(&arena);
    return 0;
}
