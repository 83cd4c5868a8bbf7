/* The dashboards: the pages' files, embedded in the program, as answers that are ready. */
#ifndef SERVE_PAGES_H
#define SERVE_PAGES_H

#include "serve/answer.h"
#include "serve/assets.h"

struct pages {
    struct answer **answers; /* [asset_count] */
    struct answer *index;    /* one of them; or what to do when the pages were not built */
    struct bytes index_text; /* of the index as it is, as long as the program; NULL: not built */
    struct answer *missing;  /* the same with status 404: the page says that there is no such one */
    struct answer_options document; /* how the index is sent, also by others that fill it in */
};

/* Makes the answers; for pages_release(). apart: a browser is told to part the pages from whoever
 * opened them (COOP), which costs it another process before it shows anything. */
void pages_init(struct pages *pages, bool apart);
void pages_release(struct pages *pages);

/* The answer to a path: an asset, or the index for the path of a page; NULL: neither. It belongs to
 * the pages. */
struct answer *pages_find(const struct pages *pages, const char *path);

#endif
