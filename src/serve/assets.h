/* The pages' files, embedded in the program when it was built (script/embed-web). */
#ifndef SERVE_ASSETS_H
#define SERVE_ASSETS_H

#include <stddef.h>

struct asset {
    const char *path; /* "/assets/app-1a2b.js"; "/index.html" */
    const char *mime;
    const char *etag;              /* 32 hexadecimal digits of its hash */
    const char *begin[3], *end[3]; /* as it is, gzip, brotli; NULLs: not there */
};

extern const struct asset assets[];
extern const size_t asset_count;

#endif
