/* An answer that can be given any number of times: its bytes as they are, compressed, and "not
 * modified", with all their headers. */
#ifndef SERVE_ANSWER_H
#define SERVE_ANSWER_H

#include "base/columns.h"
#include "serve/body.h"

#include <microhttpd.h>
#include <stddef.h>

enum coding { CODING_PLAIN, CODING_GZIP, CODING_BROTLI, CODING_COUNT };

struct answer;

enum answer_life {
    LIFE_CHECKED, /* may be kept, and is asked for anew each time (ETag) */
    LIFE_FOREVER, /* its address changes when it does */
    LIFE_NONE,    /* says how things are just now */
};

struct answer_options {
    unsigned status;  /* HTTP; 0: 200 */
    const char *mime; /* "application/json" */
    enum answer_life life;
    const char *header, *value; /* one more header, or NULL */
};

/* An answer of `body`, which is taken over. The ETag is its hash. The caller drops it. */
struct answer *answer_new(struct body *body, const struct answer_options *options);

/* The same of bytes that live as long as the program, compressed beforehand where data is not NULL;
 * `etag` is their hash as text. */
struct answer *answer_static(const struct bytes forms[CODING_COUNT], const char *etag,
                             const struct answer_options *options);

/* Answers are counted: one more holder, one less (NULL is fine); the last one frees it. */
struct answer *answer_keep(struct answer *answer);
void answer_drop(struct answer *answer);

/* Memory that it may come to hold. */
size_t answer_bytes(const struct answer *answer);

/* Sends it in the form that the request asks for (Accept-Encoding, If-None-Match); *status is what
 * was sent. */
enum MHD_Result answer_send(struct answer *answer, struct MHD_Connection *connection,
                            unsigned *status);

/* Puts on a response the headers that every one has. */
void answer_add_headers(struct MHD_Response *response);

/* True when a header like Accept-Encoding, "gzip;q=0.5, br", takes `coding`. */
bool accepts_coding(const char *header, const char *coding);

/* True when a header If-None-Match, "\"a\", W/\"b\"" or "*", names the ETag (with its quotes). */
bool names_etag(const char *header, const char *etag);

#endif
