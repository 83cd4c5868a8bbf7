/* Responses of libmicrohttpd with their variants; see answer.h. */
#include "serve/answer.h"

#include "base/arena.h"
#include "base/columns.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#define ZLIB_CONST /* what is compressed is only read */
#include <zlib.h>

enum {
    ETAG_DIGITS = 32,
    ETAG_SIZE = ETAG_DIGITS + 8,
    COMPRESSED_FROM = 1024, /* bytes; smaller ones fit into a packet anyway */
    COMPRESSION = 3,        /* of 1..9: most of the gain for little time */
};

struct form {
    struct MHD_Response *full, *unchanged; /* 200 and 304 */
    char etag[ETAG_SIZE]; /* with quotes; each form has its own (RFC 9110, 8.8.3) */
};

struct answer {
    atomic_uint refs;
    struct answer_options options;
    char hash[ETAG_DIGITS + 1];
    struct bytes bytes; /* kept by the plain form */
    bool compressible;
    _Atomic(struct form *) forms[CODING_COUNT]; /* NULL: not made yet, or never */
};

/* ---- headers ---- */

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES) {
        out_of_memory();
    }
}

void answer_add_headers(struct MHD_Response *response)
{
    add(response, "Content-Security-Policy",
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src "
        "'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "X-Frame-Options", "DENY");
    add(response, "Referrer-Policy", "no-referrer");
    add(response, "Cross-Origin-Resource-Policy", "same-origin");
}

static void add_headers_of(struct MHD_Response *response, const struct answer *answer,
                           const struct form *form, enum coding coding)
{
    static const char *const lives[] = {
        [LIFE_CHECKED] = "no-cache",
        [LIFE_FOREVER] = "public, max-age=31536000, immutable",
        [LIFE_NONE] = "no-store",
    };
    static const char *const codings[] = {[CODING_GZIP] = "gzip", [CODING_BROTLI] = "br"};
    answer_add_headers(response);
    add(response, MHD_HTTP_HEADER_CACHE_CONTROL, lives[answer->options.life]);
    add(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->options.mime);
    if (answer->options.life != LIFE_NONE) {
        add(response, MHD_HTTP_HEADER_ETAG, form->etag);
    }
    if (answer->compressible) {
        add(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    }
    if (coding != CODING_PLAIN) {
        add(response, MHD_HTTP_HEADER_CONTENT_ENCODING, codings[coding]);
    }
    if (answer->options.header != NULL) {
        add(response, answer->options.header, answer->options.value);
    }
}

/* ---- forms ---- */

/* The form that sends these bytes, which are taken over when `mode` says so. */
static struct form *form_new(const struct answer *answer, enum coding coding, struct bytes bytes,
                             enum MHD_ResponseMemoryMode mode)
{
    static const char *const suffixes[] = {"", "-gz", "-br"};
    struct form *form = xcalloc(1, sizeof *form);
    (void)snprintf(form->etag, sizeof form->etag, "\"%s%s\"", answer->hash, suffixes[coding]);
    /* The library's const is missing, it writes nothing. */
    form->full = MHD_create_response_from_buffer(bytes.size, (void *)(uintptr_t)bytes.data, mode);
    form->unchanged =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    if (form->full == NULL || form->unchanged == NULL) {
        out_of_memory();
    }
    add_headers_of(form->full, answer, form, coding);
    add_headers_of(form->unchanged, answer, form, coding);
    return form;
}

static void form_free(struct form *form)
{
    if (form != NULL) {
        MHD_destroy_response(form->full);
        MHD_destroy_response(form->unchanged);
        free(form);
    }
}

/* The bytes as gzip, for free(). */
static struct bytes compress_bytes(struct bytes bytes)
{
    enum { WINDOW = 15, AS_GZIP = 16, MEMORY = 8 };
    z_stream stream = {0};
    if (bytes.size > UINT32_MAX / 2 ||
        deflateInit2(&stream, COMPRESSION, Z_DEFLATED, WINDOW + AS_GZIP, MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return (struct bytes){0};
    }
    size_t room = deflateBound(&stream, bytes.size);
    char *out = xcalloc(room, 1);
    stream.next_in = (const Bytef *)bytes.data;
    stream.avail_in = (uInt)bytes.size;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)room;
    int result = deflate(&stream, Z_FINISH);
    size_t size = stream.total_out;
    (void)deflateEnd(&stream);
    if (result != Z_STREAM_END) {
        free(out);
        return (struct bytes){0};
    }
    return (struct bytes){xrealloc(out, size, 1), size};
}

/* The gzip form, made when it is asked for first; two threads may make it, one is kept. */
static struct form *gzip_form(struct answer *answer)
{
    struct form *form = atomic_load(&answer->forms[CODING_GZIP]);
    if (form == NULL) {
        struct bytes packed = compress_bytes(answer->bytes);
        if (packed.data == NULL) {
            return NULL;
        }
        struct form *made = form_new(answer, CODING_GZIP, packed, MHD_RESPMEM_MUST_FREE);
        if (atomic_compare_exchange_strong(&answer->forms[CODING_GZIP], &form, made)) {
            form = made;
        } else {
            form_free(made);
        }
    }
    return form;
}

/* ---- answers ---- */

static struct answer *blank(const struct answer_options *options)
{
    struct answer *answer = xcalloc(1, sizeof *answer);
    atomic_init(&answer->refs, 1);
    answer->options = *options;
    if (answer->options.status == 0) {
        answer->options.status = MHD_HTTP_OK;
    }
    return answer;
}

struct answer *answer_new(struct body *body, const struct answer_options *options)
{
    struct answer *answer = blank(options);
    struct hash hash;
    char digest[HASH_TEXT_SIZE];
    hash_init(&hash);
    hash_update(&hash, body->data, body->size);
    hash_finish(&hash, digest);
    memcpy(answer->hash, digest, ETAG_DIGITS);
    (void)body_reserve(body, 1); /* never NULL */
    answer->bytes = (struct bytes){body->data, body->size};
    answer->compressible = body->size >= COMPRESSED_FROM;
    *body = (struct body){0};
    atomic_store(&answer->forms[CODING_PLAIN],
                 form_new(answer, CODING_PLAIN, answer->bytes, MHD_RESPMEM_MUST_FREE));
    return answer;
}

struct answer *answer_static(const struct bytes forms[CODING_COUNT], const char *etag,
                             const struct answer_options *options)
{
    struct answer *answer = blank(options);
    (void)snprintf(answer->hash, sizeof answer->hash, "%s", etag);
    for (int c = CODING_PLAIN + 1; c < CODING_COUNT; c++) {
        answer->compressible = answer->compressible || forms[c].data != NULL;
    }
    for (int c = 0; c < CODING_COUNT; c++) {
        if (forms[c].data != NULL) {
            atomic_store(&answer->forms[c],
                         form_new(answer, (enum coding)c, forms[c], MHD_RESPMEM_PERSISTENT));
        }
    }
    return answer;
}

struct answer *answer_keep(struct answer *answer)
{
    atomic_fetch_add(&answer->refs, 1);
    return answer;
}

void answer_drop(struct answer *answer)
{
    if (answer == NULL || atomic_fetch_sub(&answer->refs, 1) > 1) {
        return;
    }
    for (int c = 0; c < CODING_COUNT; c++) {
        form_free(atomic_load(&answer->forms[c]));
    }
    free(answer);
}

size_t answer_bytes(const struct answer *answer)
{
    enum { HEADERS = 4096 };
    return sizeof *answer + HEADERS + answer->bytes.size + answer->bytes.size / 4;
}

/* ---- what the client takes ---- */

bool accepts_coding(const char *header, const char *coding)
{
    bool accepted = false;
    while (header != NULL && *header != '\0') {
        header += strspn(header, " \t,");
        size_t length = strcspn(header, ",");
        size_t name = strcspn(header, ",; \t");
        bool named = name == strlen(coding) && strncasecmp(header, coding, name) == 0;
        if (named || (name == 1 && *header == '*')) {
            char weight[16];
            const char *q = memchr(header, ';', length);
            size_t size = q == NULL ? 0 : (size_t)(header + length - q);
            size = size < sizeof weight ? size : sizeof weight - 1;
            memcpy(weight, q == NULL ? "" : q, size);
            weight[size] = '\0';
            const char *value = strstr(weight, "q=");
            accepted = value == NULL || strtod(value + 2, NULL) > 0;
            if (named) {
                return accepted;
            }
        }
        header += length;
    }
    return accepted;
}

bool names_etag(const char *header, const char *etag)
{
    size_t size = strlen(etag);
    while (header != NULL && *header != '\0') {
        header += strspn(header, " \t,");
        if (strncmp(header, "W/", 2) == 0) {
            header += 2;
        }
        if (*header == '*' || strncmp(header, etag, size) == 0) {
            return true;
        }
        header += strcspn(header, ",");
    }
    return false;
}

static struct form *choose(struct answer *answer, const char *accepted)
{
    struct form *form = NULL;
    if (answer->compressible && accepted != NULL) {
        if (accepts_coding(accepted, "br")) {
            form = atomic_load(&answer->forms[CODING_BROTLI]);
        }
        if (form == NULL && accepts_coding(accepted, "gzip")) {
            form = answer->bytes.data != NULL ? gzip_form(answer)
                                              : atomic_load(&answer->forms[CODING_GZIP]);
        }
    }
    return form != NULL ? form : atomic_load(&answer->forms[CODING_PLAIN]);
}

enum MHD_Result answer_send(struct answer *answer, struct MHD_Connection *connection,
                            unsigned *status)
{
    const char *accepted =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    const char *known =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    struct form *form = choose(answer, accepted);
    *status = answer->options.status;
    if (*status == MHD_HTTP_OK && answer->options.life != LIFE_NONE &&
        names_etag(known, form->etag)) {
        *status = MHD_HTTP_NOT_MODIFIED;
        return MHD_queue_response(connection, *status, form->unchanged);
    }
    return MHD_queue_response(connection, *status, form->full);
}
