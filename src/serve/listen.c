/* Sockets; see listen.h. */
#include "serve/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, PORTS_TRIED = 100 };

static void set_port(struct sockaddr_storage *where, uint16_t port)
{
    if (where->ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)where)->sin6_port = htons(port);
    } else {
        ((struct sockaddr_in *)where)->sin_port = htons(port);
    }
}

static uint16_t port_of(const struct sockaddr_storage *where)
{
    return ntohs(where->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)where)->sin6_port
                                              : ((const struct sockaddr_in *)where)->sin_port);
}

static bool is_loopback(const struct sockaddr_storage *where)
{
    if (where->ss_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)where)->sin6_addr) != 0;
    }
    return ntohl(((const struct sockaddr_in *)where)->sin_addr.s_addr) >> 24 == 127;
}

static int resolve(const char *address, struct sockaddr_storage *where, socklen_t *size,
                   struct error *err)
{
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    const char *numeric = strcmp(address, "localhost") == 0 ? "127.0.0.1" : address;
    if (getaddrinfo(numeric, NULL, &hints, &found) != 0) {
        return error_usage(err,
                           "--listen %s : ce n'est pas une adresse ; par exemple 127.0.0.1, "
                           "0.0.0.0 (toutes) ou ::",
                           "--listen %s: this is no address; for example 127.0.0.1, 0.0.0.0 (all) "
                           "or ::",
                           address);
    }
    memcpy(where, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* A bound socket, or -1 with errno. */
static int bind_at(struct sockaddr_storage *where, socklen_t size, uint16_t port)
{
    const int yes = 1;
    set_port(where, port);
    int s = socket(where->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) {
        return -1;
    }
    /* Ports of connections that just ended may be taken again; a listening one may not. */
    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(s, (const struct sockaddr *)where, size) != 0 || listen(s, BACKLOG) != 0) {
        int problem = errno;
        (void)close(s);
        errno = problem;
        return -1;
    }
    return s;
}

/* The first free port behind `port`, bound; -1: none. */
static int bind_behind(struct sockaddr_storage *where, socklen_t size, uint16_t port)
{
    for (int i = 1; i <= PORTS_TRIED && port + i <= UINT16_MAX; i++) {
        int s = bind_at(where, size, (uint16_t)(port + i));
        if (s >= 0) {
            return s;
        }
    }
    return -1;
}

static int taken(const struct sockaddr_storage *where, uint16_t port, int next, struct error *err)
{
    if (next < 0) {
        return error_set(err, "le port %u est déjà pris ; choisissez-en un autre avec --port",
                         "port %u is taken; choose another one with --port", port);
    }
    (void)close(next);
    return error_set(
        err,
        "le port %u est déjà pris (un autre « autostream serve » ?) ; %u est libre : "
        "autostream serve --port %u",
        "port %u is taken (another \"autostream serve\"?); %u is free: autostream serve "
        "--port %u",
        port, port_of(where), port_of(where));
}

int listener_open(struct listener *out, const char *address, uint16_t port, bool or_next,
                  struct error *err)
{
    struct sockaddr_storage where = {0};
    socklen_t size = 0;
    char text[INET6_ADDRSTRLEN] = "";
    *out = (struct listener){.socket = -1};
    if (resolve(address != NULL ? address : "127.0.0.1", &where, &size, err) != 0) {
        return -1;
    }
    int s = bind_at(&where, size, port);
    if (s < 0 && errno == EADDRINUSE) {
        s = bind_behind(&where, size, port);
        if (!or_next || s < 0) {
            return taken(&where, port, s, err);
        }
    }
    if (s < 0) {
        return error_set(err, "%s, port %u : écoute impossible (%s)",
                         "%s, port %u: cannot listen (%s)", address != NULL ? address : "127.0.0.1",
                         port, strerror(errno));
    }
    (void)getsockname(s, (struct sockaddr *)&where, &size);
    (void)getnameinfo((const struct sockaddr *)&where, size, text, sizeof text, NULL, 0,
                      NI_NUMERICHOST);
    (void)snprintf(out->address, sizeof out->address, where.ss_family == AF_INET6 ? "[%s]" : "%s",
                   text);
    out->socket = s;
    out->port = port_of(&where);
    out->loopback = is_loopback(&where);
    return 0;
}
