/* The page with answers inside: those that it asks for as soon as its script runs, so that it draws
 * at once what else would come one round trip later. */
#ifndef SERVE_FIRST_H
#define SERVE_FIRST_H

#include "serve/pages.h"
#include "serve/target.h"
#include "serve/view.h"

/* The page that `target` names, with answers of the view's latest run; it is made once for a view
 * and kept in its cache. NULL: there is nothing to put in (no run yet, no pages built). The caller
 * drops it. */
struct answer *first_page(const struct pages *pages, const struct target *target,
                          struct view *view);

#endif
