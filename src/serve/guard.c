/* Names and tokens; see guard.h. */
#include "serve/guard.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static void digest(const char *text, char out[HASH_TEXT_SIZE])
{
    struct hash state;
    hash_init(&state);
    hash_update(&state, text, strlen(text));
    hash_finish(&state, out);
}

void guard_init(struct guard *guard, const char *hosts, const char *token)
{
    *guard = (struct guard){.hosts = hosts, .wants_token = token != NULL};
    if (token != NULL) {
        digest(token, guard->token);
    }
}

/* ---- names ---- */

static bool is_name(const char *host, size_t size, const char *name)
{
    return strlen(name) == size && strncasecmp(host, name, size) == 0;
}

static bool is_address(const char *host, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    bool six = size > 2 && host[0] == '[' && host[size - 1] == ']';
    size_t length = six ? size - 2 : size;
    if (length >= sizeof text) {
        return false;
    }
    memcpy(text, six ? host + 1 : host, length);
    text[length] = '\0';
    return inet_pton(six ? AF_INET6 : AF_INET, text, address) == 1;
}

bool guard_host(const struct guard *guard, const char *host)
{
    if (host == NULL) {
        return false;
    }
    size_t size = host[0] == '[' ? strcspn(host, "]") : strcspn(host, ":");
    size += host[0] == '[' && host[size] == ']';
    const char *port = host + size;
    if (*port != '\0' && (*port != ':' || port[1 + strspn(port + 1, "0123456789")] != '\0')) {
        return false;
    }
    if (is_name(host, size, "localhost") || is_address(host, size)) {
        return true;
    }
    for (const char *name = guard->hosts; name != NULL && *name != '\0';) {
        size_t length = strcspn(name, ",");
        if (length == size && size > 0 && strncasecmp(host, name, size) == 0) {
            return true;
        }
        name += length + (name[length] == ',');
    }
    return false;
}

/* ---- the token ---- */

bool guard_token(const struct guard *guard, const char *token)
{
    char given[HASH_TEXT_SIZE];
    unsigned difference = 0;
    digest(token, given);
    for (size_t i = 0; i < sizeof given; i++) {
        difference |= (unsigned)(given[i] ^ guard->token[i]);
    }
    return guard->wants_token && difference == 0;
}

/* Tries every cookie of our name: another page of this host may have set one, too. */
static bool has_cookie(const struct guard *guard, const char *cookies)
{
    enum { TOKEN_AT_MOST = 256 };
    static const char name[] = GUARD_COOKIE "=";
    while (cookies != NULL && *cookies != '\0') {
        cookies += strspn(cookies, " ;\t");
        size_t length = strcspn(cookies, ";");
        if (strncmp(cookies, name, sizeof name - 1) == 0 &&
            length - (sizeof name - 1) < TOKEN_AT_MOST) {
            char value[TOKEN_AT_MOST];
            size_t size = length - (sizeof name - 1);
            memcpy(value, cookies + sizeof name - 1, size);
            value[size] = '\0';
            if (guard_token(guard, value)) {
                return true;
            }
        }
        cookies += length;
    }
    return false;
}

bool guard_request(const struct guard *guard, const char *authorization, const char *cookies)
{
    static const char scheme[] = "Bearer ";
    if (!guard->wants_token) {
        return true;
    }
    if (authorization != NULL && strncasecmp(authorization, scheme, sizeof scheme - 1) == 0 &&
        guard_token(guard, authorization + sizeof scheme - 1)) {
        return true;
    }
    return has_cookie(guard, cookies);
}
