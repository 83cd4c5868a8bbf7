/* Sockets and child processes; see client.h. */
#include "tests.h"

#include "serve/client.h"

#include "base/fs.h"
#include "support/run.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS = 32, ANSWER_AT_MOST = 64 << 20, PATIENCE_SECONDS = 10 };

extern char **environ;

/* ---- the server ---- */

/* The first line that the child prints, or NULL when it ends before. */
static char *first_line(struct arena *arena, int from)
{
    char line[512];
    size_t size = 0;
    while (size < sizeof line - 1 && read(from, &line[size], 1) == 1) {
        if (line[size++] == '\n') {
            return arena_copy(arena, line, size);
        }
    }
    return NULL;
}

static void spawn(struct served *served, const char *const argv[], int *out)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFD, FD_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[1]), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, served->notes,
                                                      O_WRONLY | O_CREAT | O_APPEND, 0600),
                     0);
    assert_int_equal(posix_spawnp(&served->pid, argv[0], &actions, NULL,
                                  (char *const *)(uintptr_t)argv, environ),
                     0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    (void)close(ends[1]);
    *out = ends[0];
}

void served_start(struct served *served, struct arena *arena, const char *data, ...)
{
    const char *argv[ARGUMENTS] = {
        getenv("AUTOSTREAM_BIN"), "--json", "--data", data, "serve", "--port", "0"};
    size_t count = 7;
    int out;
    va_list args;
    char name[] = "/tmp/autostream-serve-XXXXXX";
    int notes = mkstemp(name);
    assert_true(notes >= 0);
    (void)close(notes);
    va_start(args, data);
    while ((argv[count] = va_arg(args, const char *)) != NULL) {
        assert_true(++count < ARGUMENTS);
    }
    va_end(args);
    *served = (struct served){.arena = arena, .notes = arena_strdup(arena, name)};
    spawn(served, argv, &out);
    char *line = first_line(arena, out);
    (void)close(out);
    const char *address = line != NULL ? strstr(line, "http") : NULL;
    if (address == NULL) {
        fail_msg("the server did not start: %s", served_notes(served));
    }
    served->address = arena_copy(arena, address, strcspn(address, "\""));
    served->port = (uint16_t)strtoul(strrchr(served->address, ':') + 1, NULL, 10);
}

bool served_lives(struct served *served)
{
    return served->pid > 0 && waitpid(served->pid, NULL, WNOHANG) == 0;
}

const char *served_notes(struct served *served)
{
    struct bytes text;
    struct error err;
    return fs_read(served->notes, 1 << 20, served->arena, &text, &err) == 0 ? text.data : "";
}

void served_stop(struct served *served)
{
    int status = -1;
    if (served->pid > 0) {
        assert_int_equal(kill(served->pid, SIGTERM), 0);
        assert_int_equal(waitpid(served->pid, &status, 0), served->pid);
        served->pid = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fail_msg("the server ended with %d: %s", status, served_notes(served));
        }
        (void)unlink(served->notes);
    }
}

/* ---- the client ---- */

int served_try(struct served *served)
{
    const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_port = htons(served->port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s >= 0);
    assert_int_equal(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    if (connect(s, (const struct sockaddr *)&where, sizeof where) != 0) {
        (void)close(s);
        return -1;
    }
    return s;
}

int served_connect(struct served *served)
{
    int s = served_try(served);
    assert_true(s >= 0);
    return s;
}

/* Joins the chunks of a body in place; the new size. */
static size_t join_chunks(char *body, size_t size)
{
    char *out = body;
    const char *in = body;
    const char *end = body + size;
    while (in < end) {
        char *digits;
        size_t chunk = strtoul(in, &digits, 16);
        in = digits + 2;
        if (chunk == 0 || in + chunk > end) {
            break;
        }
        memmove(out, in, chunk);
        out += chunk;
        in += chunk + 2;
    }
    return (size_t)(out - body);
}

struct reply served_send(struct served *served, const void *bytes, size_t size)
{
    int s = served_connect(served);
    struct reply reply = {.head = "", .body = ""};
    size_t room = 1 << 16;
    size_t used = 0;
    char *text = xcalloc(room, 1);
    ssize_t more = send(s, bytes, size, MSG_NOSIGNAL);
    while (more >= 0 && (more = recv(s, text + used, room - used - 1, 0)) > 0) {
        used += (size_t)more;
        if (room - used < 2) {
            room *= 2;
            assert_true(room <= ANSWER_AT_MOST);
            text = xrealloc(text, room, 1);
        }
    }
    (void)close(s);
    char *body = memmem(text, used, "\r\n\r\n", 4);
    if (body != NULL && strncmp(text, "HTTP/1.1 ", 9) == 0) {
        body += 4;
        reply.status = (int)strtol(text + 9, NULL, 10);
        reply.head = arena_copy(served->arena, text, (size_t)(body - text));
        reply.size = used - (size_t)(body - text);
        if (strstr(reply.head, "Transfer-Encoding: chunked") != NULL) {
            reply.size = join_chunks(body, reply.size);
        }
        reply.body = arena_copy(served->arena, body, reply.size);
    }
    free(text);
    return reply;
}

struct reply served_get(struct served *served, const char *target, const char *headers)
{
    const char *request = arena_printf(served->arena,
                                       "GET %s HTTP/1.1\r\nHost: localhost:%u\r\n%sConnection: "
                                       "close\r\n\r\n",
                                       target, served->port, headers != NULL ? headers : "");
    return served_send(served, request, strlen(request));
}

const char *reply_header(struct served *served, const struct reply *reply, const char *name)
{
    for (const char *line = strchr(reply->head, '\n'); line != NULL; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            line += strlen(name) + 1;
            line += strspn(line, " ");
            return arena_copy(served->arena, line, strcspn(line, "\r\n"));
        }
    }
    return NULL;
}

const char *served_json(struct served *served, const char *target)
{
    struct reply reply = served_get(served, target, NULL);
    const char *type = reply_header(served, &reply, "Content-Type");
    if (reply.status != 200 || type == NULL || strcmp(type, "application/json") != 0) {
        fail_msg("%s: %d %s\n%s", target, reply.status, type, reply.body);
    }
    return reply.body;
}

void served_refuses(struct served *served, const char *target, int status, const char *says)
{
    struct reply reply = served_get(served, target, "Accept-Language: en\r\n");
    const char *type = reply_header(served, &reply, "Content-Type");
    if (reply.status != status || type == NULL || strcmp(type, "application/problem+json") != 0 ||
        strstr(reply.body, says) == NULL) {
        fail_msg("%s: %d %s\n%s\ninstead of %d with \"%s\"", target, reply.status, type, reply.body,
                 status, says);
    }
}

bool served_waits_for(int connection, const char *text)
{
    char seen[8192];
    size_t size = 0;
    ssize_t more;
    while (size < sizeof seen - 1 &&
           (more = recv(connection, seen + size, sizeof seen - 1 - size, 0)) > 0) {
        size += (size_t)more;
        seen[size] = '\0';
        if (strstr(seen, text) != NULL) {
            return true;
        }
    }
    return false;
}
